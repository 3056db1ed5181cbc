//! Rounds that lead nowhere any more: they are ended too, and of no ended round a secret is left.

use super::Next;
use crate::error::CentreError;
use crate::network_reading::Copy;
use crate::office::Office;
use crate::store::{Tx, begin};
use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::ids::{HeaderHash, NetworkId};
use krog_feed::rounds::board::{Outcome, Refused, RoundStatus, RoundsFault};
use krog_proto::federation::v1 as wire;
use prost::Message;
use std::collections::BTreeSet;

impl Office {
    /// Ends the rounds this office has answered and that are refused since: for another round's sake, or past their
    /// expiry. They then stand as failed.
    pub(super) async fn end_refused(
        &self,
        network: NetworkId,
        copy: &Copy,
        refused: &[Refused],
        today: i64,
    ) -> Result<usize, CentreError> {
        let is_over = |refused: &&Refused| {
            let expired = || {
                copy.opening(refused.entry)
                    .is_some_and(|opening| today >= i64::from(opening.expiry))
            };
            matches!(
                refused.fault,
                RoundsFault::Overlaps | RoundsFault::ThirdRound | RoundsFault::NotLikeFirst
            ) || expired()
        };
        let mut tx = begin(&self.pool).await?;
        let answered = self.said_of(&mut tx, network, Kind::PoolKey).await?;
        let ended = self.said_of(&mut tx, network, Kind::PoolEnd).await?;
        let told = self.said_of(&mut tx, network, Kind::PoolHalf).await?;
        drop(tx);
        let mut signed = 0;
        let open = refused
            .iter()
            .filter(|refused| answered.contains(&refused.entry) && !ended.contains(&refused.entry));
        for refused in open.filter(is_over) {
            // What it had is destroyed with this word.
            let outcome = if told.contains(&refused.entry) {
                Outcome::Told
            } else {
                Outcome::KeyLost
            };
            let end = Next::End(outcome);
            signed += self.say(network, refused.entry, end).await?;
        }
        Ok(signed)
    }

    /// Destroys secrets that an older copy of their file has brought back, and those of keys never said.
    pub(super) async fn drop_leftovers(
        &self,
        network: NetworkId,
        rounds: &[RoundStatus],
        today: i64,
    ) -> Result<(), CentreError> {
        let kept = self.secrets.rounds(network).await?;
        if kept.is_empty() {
            return Ok(());
        }
        let mut tx = begin(&self.pool).await?;
        let answered = self.said_of(&mut tx, network, Kind::PoolKey).await?;
        let ended = self.said_of(&mut tx, network, Kind::PoolEnd).await?;
        drop(tx);
        for round in kept {
            let collects = rounds
                .iter()
                .any(|known| known.id == round && today <= i64::from(known.round.deadline));
            if ended.contains(&round) || (!answered.contains(&round) && !collects) {
                self.secrets.destroy(network, round).await?;
            }
        }
        Ok(())
    }

    /// Whether the exchange has not kept all parcels of a round yet.
    pub(super) async fn has_parcels_waiting(
        &self,
        network: NetworkId,
        round: HeaderHash,
    ) -> Result<bool, CentreError> {
        let waiting: i64 =
            sqlx::query_scalar("SELECT count(*) FROM parcels WHERE network = $1 AND round = $2")
                .bind(network.as_bytes().as_slice())
                .bind(round.as_bytes().as_slice())
                .fetch_one(&self.pool)
                .await?;
        Ok(waiting > 0)
    }

    /// The rounds of which the own feed has said this.
    pub(super) async fn said_of(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        kind: Kind,
    ) -> Result<BTreeSet<HeaderHash>, CentreError> {
        let said = self.feed.all_of(tx, network, kind).await?;
        let rounds = said.iter().filter_map(VerifiedEntry::body);
        Ok(rounds.filter_map(|body| opening_of(kind, body)).collect())
    }
}

/// The round an aggregator's entry is about.
fn opening_of(kind: Kind, body: &[u8]) -> Option<HeaderHash> {
    let opening = match kind {
        Kind::PoolKey => wire::PoolKey::decode(body).ok().map(|said| said.opening),
        Kind::PoolCheck => wire::PoolCheck::decode(body).ok().map(|said| said.opening),
        Kind::PoolSet => wire::PoolSet::decode(body).ok().map(|said| said.opening),
        Kind::PoolHalf => wire::PoolHalf::decode(body).ok().map(|said| said.opening),
        Kind::PoolEnd => wire::PoolEnd::decode(body).ok().map(|said| said.opening),
        Kind::PoolResult => wire::PoolResult::decode(body).ok().map(|said| said.opening),
        _ => None,
    };
    let opening = <[u8; 32]>::try_from(opening?).ok()?;
    Some(HeaderHash::from(opening))
}
