//! One round as an aggregator sees it: what it waits for, and what it may not tell.

use super::{DAYS_FOR_PARCELS, Next, Parcels};
use krog_feed::entry::Kind;
use krog_feed::ids::{HeaderHash, NetworkId, NodeId, WriterId};
use krog_feed::network::NetworkView;
use krog_feed::rounds::board::{Commitment, Outcome, RoundStatus, SetEntry};
use krog_pools::aggregation::{Agreed, Arrived, Centre, Opened, OtherFault, open_parts};
use krog_pools::sealing::RoundSecret;
use krog_pools::shares::{Sharing, VERIFY_KEY_BYTES};
use krog_pools::{Layout, PoolTerms, Role};
use krog_proto::federation::v1 as wire;
use prost::Message;
use std::collections::BTreeSet;

/// One round as this aggregator works on it.
pub(super) struct Work<'a> {
    pub(super) network: NetworkId,
    pub(super) view: &'a NetworkView,
    pub(super) status: &'a RoundStatus,
    pub(super) role: Role,
    pub(super) today: i64,
    pub(super) terms: PoolTerms,
    pub(super) floor_centres: u32,
    pub(super) layout: Layout,
    pub(super) sharing: Sharing,
    /// For a second round: the centres of the first.
    pub(super) first: Option<BTreeSet<WriterId>>,
}

impl Work<'_> {
    /// Whether parts can still be committed.
    pub(super) fn collects(&self) -> bool {
        self.today <= i64::from(self.status.round.deadline)
    }

    /// Whether who opened it is a keyholder still.
    pub(super) fn is_of_keyholder(&self) -> bool {
        let keyholders = &self.view.rosters().latest().keyholders;
        keyholders.contains_key(&self.status.opened_by)
    }

    /// How many nodes these centres belong to: the floor asks for that many. A node may name any number of centres, so
    /// their number alone says nothing of how many people stand behind a sum.
    pub(super) fn nodes_of<'c>(&self, centres: impl IntoIterator<Item = &'c WriterId>) -> u32 {
        let nodes: BTreeSet<NodeId> = centres
            .into_iter()
            .filter_map(|centre| self.view.writer_of_member(*centre))
            .collect();
        u32::try_from(nodes.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn key(&self, secret: &RoundSecret) -> Next {
        match secret.public() {
            Ok(public) => Next::Say(
                Kind::PoolKey,
                wire::PoolKey {
                    opening: self.status.id.into(),
                    round_key: public,
                }
                .encode_to_vec(),
                None,
            ),
            Err(_) => Next::End(Outcome::KeyLost),
        }
    }

    /// The leader's last word: the halves added.
    pub(super) fn result(&self) -> Next {
        match (&self.status.told, &self.status.result, self.role) {
            (Some(told), None, Role::Leader) => Next::Say(
                Kind::PoolResult,
                wire::PoolResult {
                    opening: self.status.id.into(),
                    set: told.set.to_vec(),
                    totals: told.totals.encoded.clone(),
                }
                .encode_to_vec(),
                None,
            ),
            _ => Next::Wait,
        }
    }

    pub(super) fn parcel_of<'a>(
        &self,
        part: &Commitment,
        parcels: &'a Parcels,
    ) -> Option<&'a [u8]> {
        let stated = match self.role {
            Role::Leader => &part.leader_parcel,
            Role::Helper => &part.helper_parcel,
        };
        parcels.get(&stated.hash).map(Vec::as_slice)
    }

    /// All parts, those withdrawn too: a set may name one whose withdrawal came too late.
    pub(super) fn all_parts(&self) -> impl Iterator<Item = (&WriterId, &Commitment)> {
        self.status.commitments.iter().chain(&self.status.withdrawn)
    }

    /// Hashes of all parcels of this round that are for this aggregator, and those with the sets: the leader asks for its
    /// own to see that it is on its way.
    pub(super) fn wanted(&self) -> Vec<[u8; 32]> {
        let mut wanted: Vec<[u8; 32]> = self
            .all_parts()
            .map(|(_, part)| match self.role {
                Role::Leader => part.leader_parcel.hash,
                Role::Helper => part.helper_parcel.hash,
            })
            .collect();
        if self.role == Role::Helper {
            wanted.extend(self.status.check.iter().map(|check| check.hash));
        }
        wanted.extend(self.status.sets.iter().flatten().map(|set| set.parcel.hash));
        wanted
    }

    /// Whether the parts of these centres that are not withdrawn are all here with their parcels, or were waited for long
    /// enough.
    pub(super) fn has_waited_for<'a>(
        &self,
        parcels: &Parcels,
        centres: impl IntoIterator<Item = &'a WriterId>,
    ) -> bool {
        let is_here = |centre: &WriterId| {
            let part = self.status.commitments.get(centre);
            part.is_some_and(|part| self.parcel_of(part, parcels).is_some())
        };
        self.today > i64::from(self.status.round.deadline) + DAYS_FOR_PARCELS
            || centres
                .into_iter()
                .all(|centre| self.status.withdrawn.contains_key(centre) || is_here(centre))
    }

    pub(super) fn opened(
        &self,
        secret: &RoundSecret,
        verify_key: &[u8; VERIFY_KEY_BYTES],
        parcels: &Parcels,
        which: impl Fn(&WriterId) -> bool,
    ) -> Opened {
        let parts = self
            .all_parts()
            .filter(|(centre, _)| which(centre))
            .map(|(centre, part)| Arrived {
                centre: *centre.as_bytes(),
                nonce: part.nonce,
                parcel: self.parcel_of(part, parcels),
            });
        open_parts(
            *self.status.id.as_bytes(),
            &self.sharing,
            self.role,
            secret,
            verify_key,
            parts,
        )
    }

    /// Takes the helper's set: its parts are commitments known here and proved here, and whoever this side has shown and
    /// the set does not name is left out for a stated reason or has withdrawn.
    pub(super) fn narrow(
        &self,
        agreed: &mut Agreed,
        theirs: &SetEntry,
        shown: &BTreeSet<Centre>,
    ) -> Result<(), OtherFault> {
        let set: BTreeSet<Centre> = theirs
            .parts
            .iter()
            .filter(|(centre, commitment)| {
                let known = self.status.commitment(centre);
                known.is_some_and(|known| known.entry == *commitment)
            })
            .map(|(centre, _)| *centre.as_bytes())
            .collect();
        let excused: BTreeSet<Centre> = theirs
            .left_out
            .iter()
            .map(|(centre, _)| *centre.as_bytes())
            .chain(self.status.withdrawn.keys().map(|c| *c.as_bytes()))
            .collect();
        let explained = shown
            .iter()
            .all(|centre| set.contains(centre) || excused.contains(centre));
        let proved: Vec<WriterId> = shown.iter().map(|c| WriterId::new(*c)).collect();
        if set.len() != theirs.parts.len() || !explained || self.leaves_out_too_many(&proved, &set)
        {
            return Err(OtherFault::SetsDiffer);
        }
        agreed.narrow_to(&set)
    }

    /// Whether the other aggregator leaves out more than a quarter of the parts that are good here. One that chose whose parts
    /// are added up could leave a single centre among parts of its own making. Withdrawn parts and, in a second round,
    /// those of other centres than the first's are left out by both.
    pub(super) fn leaves_out_too_many(&self, good: &[WriterId], named: &BTreeSet<Centre>) -> bool {
        let expected: Vec<&WriterId> = good
            .iter()
            .filter(|centre| !self.status.withdrawn.contains_key(centre))
            .filter(|centre| {
                self.first
                    .as_ref()
                    .is_none_or(|first| first.contains(centre))
            })
            .collect();
        let left_out = expected
            .iter()
            .filter(|c| !named.contains(c.as_bytes()))
            .count();
        left_out > expected.len().div_ceil(4)
    }

    pub(super) fn too_few_centres(&self, agreed: &Agreed) -> Option<Outcome> {
        let proved = agreed.proved();
        let centres: Vec<WriterId> = proved.iter().map(|c| WriterId::new(*c)).collect();
        if self.nodes_of(&centres) < self.floor_centres {
            return Some(Outcome::TooFewCentres);
        }
        let others = self.first.as_ref().is_some_and(|first| {
            first.len() != proved.len()
                || first
                    .iter()
                    .any(|centre| !proved.contains(centre.as_bytes()))
        });
        others.then_some(Outcome::SetsDiffer)
    }

    /// Why the round may not be told, if it may not: its centres, and its persons exactly, by both aggregators' shares.
    pub(super) fn below_floor(
        &self,
        agreed: &Agreed,
        others_share: Option<[u8; 16]>,
    ) -> Option<Outcome> {
        if let Some(outcome) = self.too_few_centres(agreed) {
            return Some(outcome);
        }
        // A second round of weights asks for none: it is over the persons of the first.
        self.layout.persons()?;
        let Some(others_share) = others_share else {
            return Some(Outcome::OtherFaulty);
        };
        let own = agreed.add(&self.sharing);
        match agreed.persons(&self.layout, &own, others_share) {
            None => Some(Outcome::OtherFaulty),
            Some(persons) if persons < self.terms.floor_persons => Some(Outcome::TooFewPersons),
            Some(_) => None,
        }
    }

    /// The parts of these centres, ordered, with their commitments.
    pub(super) fn parts(&self, centres: &BTreeSet<Centre>) -> Vec<(WriterId, HeaderHash)> {
        centres
            .iter()
            .filter_map(|centre| {
                let centre = WriterId::new(*centre);
                let part = self.status.commitment(&centre)?;
                Some((centre, part.entry))
            })
            .collect()
    }
}
