//! The periodic work on parts: what is due leaves, what has ended is settled, parcels are handed over.

use super::{Part, PartState, all, damaged, frozen_place, set_state, stop_frozen};
use crate::centre::Centre;
use crate::error::CentreError;
use crate::network_reading::Copy;
use crate::store::Tx;
use krog_disclosure::{ClearedContribution, FrozenContribution};
use krog_feed::ids::NetworkId;
use krog_feed::rounds::board::{RoundStatus, Stage};
use krog_pools::{Role as Aggregator, Round};
use prost::Message;
use sha2::{Digest, Sha256};

/// After a restore: the opening of a part that came back from the own feed is read off the network again. Which answers it
/// counted is lost, so every answer of its measure up to the end of its span counts as spent.
async fn resolve(tx: &mut Tx, part: &Part, copy: &Copy) -> Result<(), CentreError> {
    let Some(opening) = copy.opening(part.round) else {
        return Ok(());
    };
    let Ok(round) = Round::parse(opening.clone()) else {
        return Ok(());
    };
    crate::sharing::ledger::spend_through(tx, round.measure.as_str(), round.last.last_day())
        .await?;
    sqlx::query("UPDATE parts SET opening = $2 WHERE round = $1")
        .bind(part.round.as_bytes().as_slice())
        .bind(opening.encode_to_vec())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Centre {
    /// The periodic work on parts: settles those whose round has ended, commits what is due, hands parcels over. Returns
    /// how many entries were signed.
    pub(crate) async fn attend_to_parts(
        &self,
        network: NetworkId,
        copy: &Copy,
    ) -> Result<usize, CentreError> {
        let today = i64::from(self.today()?.number());
        let now = self.surroundings.now();
        let stopped = self.keys.stopped_parts().await?;
        let mut signed = 0;
        let mut tx = self.begin().await?;
        stop_frozen(&mut tx, &stopped).await?;
        let parts = all(&mut tx).await?;
        // One reading for all of them.
        let rounds = match parts.is_empty() {
            true => Vec::new(),
            false => copy.rounds(today),
        };
        for part in parts {
            let status = rounds.iter().find(|status| status.id == part.round);
            if part.opening.is_none() {
                resolve(&mut tx, &part, copy).await?;
                continue;
            }
            let is_stopped = stopped.contains(part.round.as_bytes().as_slice());
            if is_stopped && part.state == PartState::Committed {
                signed += self.withdraw_in(&mut tx, network, &part).await?;
                continue;
            }
            let ended = self.ended(&part, status, today);
            if let Some(state) = ended {
                if state != part.state {
                    set_state(&mut tx, part.round, state).await?;
                }
                continue;
            }
            let collecting = status.is_some_and(|s| s.stage == Stage::Collecting);
            if part.state == PartState::Frozen && part.due_at <= now && collecting {
                let cleared = self.cleared(&part)?.ok_or_else(damaged)?;
                let entry = self.feed.commit_in(&mut tx, network, &cleared).await?;
                sqlx::query("UPDATE parts SET state = 'committed', entry = $2 WHERE round = $1")
                    .bind(part.round.as_bytes().as_slice())
                    .bind(entry.hash().as_bytes().as_slice())
                    .execute(&mut *tx)
                    .await?;
                signed += 1;
            }
        }
        tx.commit().await?;
        Ok(signed)
    }

    /// The state a part has ended in, by what stands of its round; `None` while it goes on.
    fn ended(&self, part: &Part, status: Option<&RoundStatus>, today: i64) -> Option<PartState> {
        let Some(status) = status else {
            // A round that counts no more takes no parts, and nothing of this one has left.
            let is_over = part.state == PartState::Frozen
                && part
                    .opening
                    .as_ref()
                    .is_some_and(|round| today > i64::from(round.deadline));
            return is_over.then_some(PartState::Failed);
        };
        let counted = status
            .told
            .as_ref()
            .is_some_and(|told| told.centres.contains(&self.writer()));
        if part.state == PartState::Withdrawn {
            // The withdrawal came when the aggregators had agreed already.
            return counted.then_some(PartState::Told);
        }
        let open = matches!(
            part.state,
            PartState::Frozen | PartState::Committed | PartState::Silent
        );
        if !open {
            return None;
        }
        let never_left = part.state == PartState::Frozen;
        match status.stage {
            Stage::Opened | Stage::Collecting => None,
            // What was not committed by now never will be, and nothing of it has left.
            Stage::Checking => never_left.then_some(PartState::Failed),
            Stage::Failed(_) => Some(PartState::Failed),
            Stage::Told => {
                let both_destroyed = status.ends.iter().all(Option::is_some);
                match (counted, never_left || both_destroyed) {
                    (true, _) => Some(PartState::Told),
                    (false, true) => Some(PartState::Failed),
                    // Until both say that their shares are destroyed, the part waits.
                    (false, false) => None,
                }
            }
            _ if never_left => Some(PartState::Failed),
            Stage::Broken(_) => Some(PartState::Broken),
            Stage::Silent => Some(PartState::Silent),
        }
    }

    /// The part as the gate cleared it; `None` once it has ended.
    pub(in crate::sharing) fn cleared(
        &self,
        part: &Part,
    ) -> Result<Option<ClearedContribution>, CentreError> {
        let Some((sealed, tag)) = &part.frozen else {
            return Ok(None);
        };
        let bytes = self.keys.centre.open(frozen_place(&part.round), sealed)?;
        let frozen = FrozenContribution {
            bytes: bytes.to_vec(),
            tag: *tag,
        };
        let cleared = frozen.open(&self.keys.gate)?;
        if cleared.round() != *part.round.as_bytes() {
            return Err(damaged());
        }
        Ok(Some(cleared))
    }

    /// Hands the parcels of committed parts to the exchange until it has them.
    pub(crate) async fn deliver_parcels(
        &self,
        network: NetworkId,
        house: &krog_proto::federation::v1::house_client::HouseClient<tonic::transport::Channel>,
    ) -> Result<(), CentreError> {
        let mut tx = self.begin().await?;
        let parts = all(&mut tx).await?;
        let mut waiting = Vec::new();
        for part in parts {
            if part.state != PartState::Committed || part.parcels_kept {
                continue;
            }
            let Some(cleared) = self.cleared(&part)? else {
                continue;
            };
            waiting.push((
                part.round,
                Aggregator::BOTH.map(|role| cleared.parcel(role).to_vec()),
            ));
        }
        tx.commit().await?;
        for (round, parcels) in waiting {
            let hashes = parcels
                .each_ref()
                .map(|parcel| Sha256::digest(parcel).into());
            let kept = crate::house::hand_over_parcels(house, network, parcels.to_vec()).await?;
            if !hashes.iter().all(|hash: &[u8; 32]| kept.contains(hash)) {
                tracing::debug!(round = %round.short(), "the exchange has not taken the parcels of a part yet; it is tried again");
                continue;
            }
            sqlx::query("UPDATE parts SET parcels_kept = 1 WHERE round = $1")
                .bind(round.as_bytes().as_slice())
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }
}
