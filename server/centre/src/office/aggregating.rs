//! The office as an aggregator: its way through a round, one entry at a time.
//!
//! What to do next is read off the round as it stands on the board; everything that is reckoned on the way is reckoned
//! anew from the parcels, so it does not matter where a restart comes. The order in which the two speak is what makes a
//! failed round safe (see `krog_feed::rounds::board`): the helper's set, the leader's set, the leader's half, the helper's
//! half; and no half once the other has ended.

mod leftovers;
mod words;
mod work;

use super::Office;
use super::round_secrets::Kept;
use crate::error::CentreError;
use crate::house;
use crate::network_reading::Copy;
use crate::store::begin;
use krog_feed::entry::Kind;
use krog_feed::ids::{HeaderHash, NetworkId, WriterId};
use krog_feed::rounds::board::{Outcome, Reading, Stage};
use krog_pools::aggregation::{Centre, Checked, PartFault};
use krog_pools::sealing::Sender;
use krog_pools::shares::Sharing;
use krog_pools::{Layout, Role};
use krog_proto::federation::v1 as wire;
use krog_proto::federation::v1::house_client::HouseClient;
use prost::Message;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use tonic::transport::Channel;
use work::Work;

/// Days after the deadline for which parcels that have not arrived are waited for.
const DAYS_FOR_PARCELS: i64 = 3;

/// What an aggregator says next.
enum Next {
    /// An entry, and a parcel for the other aggregator that it states.
    Say(Kind, Vec<u8>, Option<Vec<u8>>),
    /// The round is over for this aggregator: everything of it is destroyed first.
    End(Outcome),
    /// Nothing now.
    Wait,
}

/// Parcels that have arrived, by hash.
type Parcels = BTreeMap<[u8; 32], Vec<u8>>;

impl Office {
    /// Does what is due in every round this node aggregates. Returns how many entries were signed.
    pub(super) async fn aggregate(
        &self,
        network: NetworkId,
        copy: &Copy,
        house: &HouseClient<Channel>,
    ) -> Result<usize, CentreError> {
        let today = i64::from(self.surroundings.today()?.number());
        let Reading { rounds, refused } = copy.read(today);
        let mut signed = 0;
        for status in &rounds {
            let Some(role) = status.round.role_of(self.node().as_bytes()) else {
                continue;
            };
            let Some((terms, measure)) = copy.terms(&status.round) else {
                continue;
            };
            let layout = Layout::of(&status.round, &measure);
            let Ok(sharing) = Sharing::of(*status.id.as_bytes(), &layout) else {
                continue;
            };
            let first = status.round.first_round.map(|first| {
                rounds
                    .iter()
                    .find(|round| *round.id.as_bytes() == first)
                    .and_then(|round| round.told.as_ref())
                    .map(|told| told.centres.clone())
                    .unwrap_or_default()
            });
            let terms = copy
                .view()
                .policy()
                .pools
                .map_or(terms, |latest| terms.with_floors_of(&latest));
            let work = Work {
                network,
                view: copy.view(),
                status,
                role,
                today,
                floor_centres: status.round.floor_centres(&terms),
                terms,
                layout,
                sharing,
                first,
            };
            let next = self.next(&work, house).await?;
            signed += self.say(network, status.id, next).await?;
        }
        signed += self.end_refused(network, copy, &refused, today).await?;
        self.drop_leftovers(network, &rounds, today).await?;
        Ok(signed)
    }

    /// Hands over parcels that the exchange has not kept yet.
    pub(super) async fn deliver_parcels(
        &self,
        network: NetworkId,
        house: &HouseClient<Channel>,
    ) -> Result<(), CentreError> {
        let parcels: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT sealed FROM parcels WHERE network = $1 ORDER BY hash")
                .bind(network.as_bytes().as_slice())
                .fetch_all(&self.pool)
                .await?;
        // One at a time: each may be as long as a call may be.
        for parcel in parcels {
            for kept in house::hand_over_parcels(house, network, vec![parcel]).await? {
                sqlx::query("DELETE FROM parcels WHERE network = $1 AND hash = $2")
                    .bind(network.as_bytes().as_slice())
                    .bind(kept.as_slice())
                    .execute(&self.pool)
                    .await?;
            }
        }
        Ok(())
    }

    async fn say(
        &self,
        network: NetworkId,
        round: HeaderHash,
        next: Next,
    ) -> Result<usize, CentreError> {
        let (kind, body, parcel) = match next {
            Next::Wait => return Ok(0),
            Next::Say(kind, body, parcel) => (kind, body, parcel),
            Next::End(outcome) => {
                self.secrets.destroy(network, round).await?;
                sqlx::query("DELETE FROM parcels WHERE network = $1 AND round = $2")
                    .bind(network.as_bytes().as_slice())
                    .bind(round.as_bytes().as_slice())
                    .execute(&self.pool)
                    .await?;
                let body = wire::PoolEnd {
                    opening: round.into(),
                    outcome: outcome.to_proto().into(),
                };
                (Kind::PoolEnd, body.encode_to_vec(), None)
            }
        };
        let mut tx = begin(&self.pool).await?;
        // The board may be behind the own feed. Above all a half must not be drawn twice: two noises would tell more than
        // one.
        let said = self.said_of(&mut tx, network, kind).await?;
        let ended = kind == Kind::PoolHalf
            && self
                .said_of(&mut tx, network, Kind::PoolEnd)
                .await?
                .contains(&round);
        if said.contains(&round) || ended {
            return Ok(0);
        }
        self.feed.append_in(&mut tx, network, kind, &body).await?;
        if let Some(parcel) = parcel {
            let hash: [u8; 32] = Sha256::digest(&parcel).into();
            sqlx::query(
                "INSERT INTO parcels (network, hash, round, sealed) VALUES ($1, $2, $3, $4)",
            )
            .bind(network.as_bytes().as_slice())
            .bind(hash.as_slice())
            .bind(round.as_bytes().as_slice())
            .bind(parcel)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        tracing::info!(round = %round.short(), %kind, "said as aggregator");
        Ok(1)
    }

    async fn next(
        &self,
        work: &Work<'_>,
        house: &HouseClient<Channel>,
    ) -> Result<Next, CentreError> {
        let Work {
            network,
            status,
            role,
            today,
            ..
        } = work;
        let (own, other) = (role.index(), role.other().index());
        if status.ends[own].is_some() {
            return Ok(work.result());
        }
        if status.keys[own].is_none() {
            // Who has not answered has nothing to end.
            let opened = status.stage == Stage::Opened && work.is_of_keyholder();
            if !self.aggregates || !work.collects() || !opened {
                return Ok(Next::Wait);
            }
            let secret = self.secrets.draw(*network, status.id).await?;
            return Ok(work.key(&secret));
        }
        if status.halves[own].is_some() {
            return Ok(Next::End(Outcome::Told));
        }
        let other_has_ended = match status.ends[other] {
            // The helper tells last. A leader's half may not have arrived yet.
            Some(Outcome::Told) => *role == Role::Leader,
            Some(_) => true,
            None => matches!(status.stage, Stage::Failed(_) | Stage::Broken(_)),
        };
        if other_has_ended {
            return Ok(Next::End(Outcome::OtherEnded));
        }
        if *today >= i64::from(status.round.expiry) {
            return Ok(Next::End(Outcome::OtherSilent));
        }
        let Some(kept) = self.secrets.of(*network, status.id).await? else {
            return Ok(Next::End(Outcome::KeyLost));
        };
        if work.collects() {
            return Ok(Next::Wait);
        }
        if status.check.is_none() && work.nodes_of(status.commitments.keys()) < work.floor_centres {
            return Ok(Next::End(Outcome::TooFewCentres));
        }
        let parcels = house::collect_parcels(house, *network, &work.wanted()).await?;
        match role {
            Role::Leader => self.lead(work, kept, &parcels).await,
            Role::Helper => Ok(self.help(work, &kept, &parcels)),
        }
    }

    async fn lead(
        &self,
        work: &Work<'_>,
        kept: Kept,
        parcels: &Parcels,
    ) -> Result<Next, CentreError> {
        let status = work.status;
        if status.check.is_none() {
            if !work.has_waited_for(parcels, status.commitments.keys()) {
                return Ok(Next::Wait);
            }
            let verify_key = match kept.verify_key {
                Some(key) => key,
                None => {
                    self.secrets
                        .draw_verify_key(work.network, status.id)
                        .await?
                }
            };
            return self.check(work, &kept.secret, &verify_key, parcels).await;
        }
        let Some(verify_key) = kept.verify_key else {
            return Ok(Next::End(Outcome::KeyLost));
        };
        let Some(theirs) = &status.sets[Role::Helper.index()] else {
            return Ok(Next::Wait);
        };
        let Some(parcel) = parcels.get(&theirs.parcel.hash) else {
            return Ok(Next::Wait);
        };
        let found = Checked::open(
            &kept.secret,
            *status.id.as_bytes(),
            Role::Leader,
            Sender::WithSet,
            parcel,
        );
        let Ok(found) = found else {
            return Ok(Next::End(Outcome::OtherFaulty));
        };
        let opened = work.opened(&kept.secret, &verify_key, parcels, |_| true);
        let shown = kept
            .shown
            .unwrap_or_else(|| opened.checking.keys().copied().collect());
        let mut agreed = opened.agree(&work.sharing, &found.verifiers);
        if work.narrow(&mut agreed, theirs, &shown).is_err() {
            return Ok(Next::End(Outcome::SetsDiffer));
        }
        if let Some(outcome) = work.below_floor(&agreed, found.persons_share) {
            return Ok(Next::End(outcome));
        }
        Ok(match &status.sets[Role::Leader.index()] {
            None => self.set(work, &agreed, BTreeMap::new(), &shown),
            Some(_) if status.agreed().is_none() => Next::End(Outcome::SetsDiffer),
            // Without the parcel the helper could not follow, and the half would stand alone.
            Some(own) if !parcels.contains_key(&own.parcel.hash) => {
                if self.has_parcels_waiting(work.network, status.id).await? {
                    Next::Wait
                } else {
                    Next::End(Outcome::KeyLost)
                }
            }
            Some(_) => self.half(work, &agreed),
        })
    }

    fn help(&self, work: &Work<'_>, kept: &Kept, parcels: &Parcels) -> Next {
        let status = work.status;
        let Some(check) = &status.check else {
            return Next::Wait;
        };
        let Some(parcel) = parcels.get(&check.hash) else {
            return Next::Wait;
        };
        let found = Checked::open(
            &kept.secret,
            *status.id.as_bytes(),
            Role::Helper,
            Sender::LeaderCheck,
            parcel,
        );
        let Ok(Checked {
            verify_key: Some(verify_key),
            verifiers,
            ..
        }) = found
        else {
            return Next::End(Outcome::OtherFaulty);
        };
        let named: Vec<WriterId> = verifiers.keys().map(|c| WriterId::new(*c)).collect();
        if status.sets[Role::Helper.index()].is_none()
            && !work.has_waited_for(parcels, named.iter())
        {
            return Next::Wait;
        }
        let here: Vec<WriterId> = status
            .commitments
            .iter()
            .filter(|(_, part)| work.parcel_of(part, parcels).is_some())
            .map(|(centre, _)| *centre)
            .collect();
        if work.leaves_out_too_many(&here, &verifiers.keys().copied().collect()) {
            return Next::End(Outcome::SetsDiffer);
        }
        // A withdrawal that came after the leader's word and before the set still counts.
        let own_set = status.sets[Role::Helper.index()].as_ref();
        let opened = work.opened(&kept.secret, &verify_key, parcels, |centre| {
            verifiers.contains_key(centre.as_bytes())
                && (own_set.is_some() || status.commitments.contains_key(centre))
        });
        let own_verifiers = opened.verifiers();
        let mut agreed = opened.agree(&work.sharing, &verifiers);
        if let Some(own) = own_set {
            // What was said stands; withdrawals that came since came too late.
            let said: BTreeSet<Centre> = own.parts.iter().map(|(c, _)| *c.as_bytes()).collect();
            if agreed.narrow_to(&said).is_err() {
                return Next::End(Outcome::KeyLost);
            }
        }
        if let Some(first) = &work.first {
            agreed.leave_out(PartFault::NotInFirstRound, |centre| {
                !first.contains(&WriterId::new(*centre))
            });
        }
        if let Some(outcome) = work.too_few_centres(&agreed) {
            return Next::End(outcome);
        }
        if status.sets[Role::Helper.index()].is_none() {
            let named = verifiers.keys().copied().collect();
            return self.set(work, &agreed, own_verifiers, &named);
        }
        let Some(theirs) = &status.sets[Role::Leader.index()] else {
            return Next::Wait;
        };
        if status.agreed().is_none() {
            return Next::End(Outcome::SetsDiffer);
        }
        if status.halves[Role::Leader.index()].is_none() {
            return Next::Wait;
        }
        let Some(parcel) = parcels.get(&theirs.parcel.hash) else {
            return Next::Wait;
        };
        let found = Checked::open(
            &kept.secret,
            *status.id.as_bytes(),
            Role::Helper,
            Sender::WithSet,
            parcel,
        );
        match found {
            Err(_) => Next::End(Outcome::OtherFaulty),
            Ok(found) => match work.below_floor(&agreed, found.persons_share) {
                Some(outcome) => Next::End(outcome),
                None => self.half(work, &agreed),
            },
        }
    }
}
