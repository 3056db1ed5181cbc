//! What an aggregator says: its check, its set and its half, with the parcels they state.

use super::work::Work;
use super::{Next, Parcels};
use crate::error::CentreError;
use crate::office::Office;
use krog_feed::entry::Kind;
use krog_feed::ids::WriterId;
use krog_feed::rounds::board::Outcome;
use krog_pools::aggregation::{Agreed, Centre, Checked, MAX_PARTS, PartFault, set_hash};
use krog_pools::sealing::{RoundSecret, Sender};
use krog_pools::shares::VERIFY_KEY_BYTES;
use krog_proto::federation::v1 as wire;
use prost::Message;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

impl Office {
    /// The leader's first word: what it found, sealed to the helper.
    pub(super) async fn check(
        &self,
        work: &Work<'_>,
        secret: &RoundSecret,
        verify_key: &[u8; VERIFY_KEY_BYTES],
        parcels: &Parcels,
    ) -> Result<Next, CentreError> {
        let opened = work.opened(secret, verify_key, parcels, |centre| {
            work.status.commitments.contains_key(centre)
        });
        let centres: Vec<WriterId> = opened
            .checking
            .keys()
            .map(|centre| WriterId::new(*centre))
            .collect();
        if work.nodes_of(&centres) < work.floor_centres {
            return Ok(Next::End(Outcome::TooFewCentres));
        }
        self.secrets
            .remember_shown(work.network, work.status.id, opened.checking.keys())
            .await?;
        let checked = Checked {
            verify_key: Some(*verify_key),
            verifiers: opened.verifiers(),
            persons_share: None,
        };
        Ok(
            self.sealed(work, &checked, Sender::LeaderCheck, |hash, bytes| {
                (
                    Kind::PoolCheck,
                    wire::PoolCheck {
                        opening: work.status.id.into(),
                        parcel: hash,
                        parcel_bytes: bytes,
                    }
                    .encode_to_vec(),
                )
            }),
        )
    }

    /// The parts this aggregator adds up, with its share of their persons sealed to the other. Whoever the leader has
    /// `shown` and is not in it is left out by name, so that the leader need not know of a withdrawal to understand it.
    pub(super) fn set(
        &self,
        work: &Work<'_>,
        agreed: &Agreed,
        verifiers: BTreeMap<Centre, Vec<u8>>,
        shown: &BTreeSet<Centre>,
    ) -> Next {
        let persons_share = work.layout.persons().and_then(|at| {
            let aggregate = agreed.add(&work.sharing);
            aggregate.share_of(at)
        });
        let checked = Checked {
            verify_key: None,
            verifiers,
            persons_share,
        };
        let parts = work.parts(&agreed.proved());
        let named: BTreeSet<WriterId> = parts.iter().map(|(centre, _)| *centre).collect();
        let committed = work.status.commitments.keys().copied();
        let expected: BTreeSet<WriterId> = committed
            .chain(shown.iter().map(|centre| WriterId::new(*centre)))
            .collect();
        let left_out = expected
            .difference(&named)
            .take(MAX_PARTS)
            .map(|centre| wire::PoolLeftOut {
                centre: (*centre).into(),
                fault: agreed
                    .faults()
                    .get(centre.as_bytes())
                    .copied()
                    .unwrap_or(PartFault::Missing)
                    .to_proto()
                    .into(),
            })
            .collect();
        self.sealed(work, &checked, Sender::WithSet, |hash, bytes| {
            (
                Kind::PoolSet,
                wire::PoolSet {
                    opening: work.status.id.into(),
                    parts: parts
                        .iter()
                        .map(|(centre, commitment)| wire::PoolPart {
                            centre: (*centre).into(),
                            commitment: (*commitment).into(),
                        })
                        .collect(),
                    left_out,
                    parcel: hash,
                    parcel_bytes: bytes,
                }
                .encode_to_vec(),
            )
        })
    }

    /// This aggregator's half, with its own noise, drawn once. Where the other's stands, only if both can be sums of the
    /// agreed parts.
    pub(super) fn half(&self, work: &Work<'_>, agreed: &Agreed) -> Next {
        let noise = self.surroundings.with_chance(|rng| work.layout.noise(rng));
        let parts = work.parts(&agreed.proved());
        let set = set_hash(
            *work.status.id.as_bytes(),
            parts
                .iter()
                .map(|(centre, commitment)| (centre.as_bytes(), commitment.as_bytes())),
        );
        let half = agreed.add(&work.sharing).half(&noise);
        if let Some(theirs) = &work.status.halves[work.role.other().index()] {
            let sums = work
                .layout
                .add_halves(agreed.centres(), &theirs.half, &half);
            if theirs.set != set || sums.is_err() {
                return Next::End(Outcome::OtherFaulty);
            }
        }
        let body = wire::PoolHalf {
            opening: work.status.id.into(),
            set: set.to_vec(),
            half,
        };
        Next::Say(Kind::PoolHalf, body.encode_to_vec(), None)
    }

    fn sealed(
        &self,
        work: &Work<'_>,
        checked: &Checked,
        sender: Sender,
        entry: impl FnOnce(Vec<u8>, u32) -> (Kind, Vec<u8>),
    ) -> Next {
        let to = work.role.other();
        let Some(key) = &work.status.keys[to.index()] else {
            return Next::Wait;
        };
        let parcel = self
            .surroundings
            .with_chance(|rng| checked.seal(key, *work.status.id.as_bytes(), to, sender, rng));
        let Ok(parcel) = parcel else {
            // The other's key is none.
            return Next::End(Outcome::OtherFaulty);
        };
        let bytes = u32::try_from(parcel.len()).unwrap_or(u32::MAX);
        let (kind, body) = entry(Sha256::digest(&parcel).to_vec(), bytes);
        Next::Say(kind, body, Some(parcel))
    }
}
