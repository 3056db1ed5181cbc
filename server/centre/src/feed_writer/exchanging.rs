//! The feed and the rest of the network: comparing the own head, adopting what this copy lacks, handing over.

use super::adopting::Met;
use super::{Adopting, FeedError, FeedWriter, raw_entry, stored_seq};
use crate::error::CentreError;
use crate::house::{self, Page};
use crate::store::begin;
use krog_feed::entry::RawEntry;
use krog_feed::fault::EntryFault;
use krog_feed::ids::NetworkId;
use krog_feed::limits;
use krog_proto::federation::v1::house_client::HouseClient;
use sqlx::SqlitePool;
use tonic::transport::Channel;

impl FeedWriter {
    /// Compares the own head with the exchange and its peers and adopts what this copy lacks. After it the house may sign.
    pub(crate) async fn confirm(
        &self,
        pool: &SqlitePool,
        network: NetworkId,
        house: &HouseClient<Channel>,
        adopting: &dyn Adopting,
    ) -> Result<(), CentreError> {
        if self.may_sign(network) {
            return Ok(());
        }
        let mut redelivered = false;
        loop {
            let head = {
                let mut tx = begin(pool).await?;
                let state = self.state(&mut tx, network).await?;
                if state.is_frozen() {
                    return Err(FeedError::Frozen.into());
                }
                state.head()
            };
            let page =
                house::own_feed(house, network, self.writer(), head.map(|head| head.hash)).await?;
            let Page {
                entries,
                more,
                unknown_place,
                peers_answered,
                other_nodes,
            } = page;
            if unknown_place {
                // The exchange may have lost what it had acknowledged: everything is offered once more, then asked again.
                if redelivered {
                    return Err(FeedError::UnknownPlace.into());
                }
                redelivered = true;
                self.offer_again(pool, network).await?;
                self.deliver(pool, network, house).await?;
                continue;
            }
            let mut tx = begin(pool).await?;
            for raw in entries {
                match self.adopt_in(&mut tx, network, raw).await? {
                    Met::Standing(entry) => adopting.adopted(&mut tx, &entry).await?,
                    Met::Aside(entry) => adopting.met_aside(&mut tx, &entry).await?,
                    Met::Known => {}
                }
            }
            let after = self.state(&mut tx, network).await?;
            tx.commit().await?;
            if after.is_frozen() {
                return Err(FeedError::Frozen.into());
            }
            if more {
                if after.head() == head {
                    // Pages that lead nowhere would be asked for for ever.
                    return Err(FeedError::NotOurs(EntryFault::Gap).into());
                }
                continue;
            }
            if peers_answered == 0 && other_nodes > 0 {
                return Err(FeedError::NoPeerAnswered.into());
            }
            self.newly_founded(network);
            return Ok(());
        }
    }

    async fn offer_again(&self, pool: &SqlitePool, network: NetworkId) -> Result<(), CentreError> {
        sqlx::query("UPDATE own_entries SET handed_over = 0 WHERE network = $1 AND standing = 1")
            .bind(network.as_bytes().as_slice())
            .execute(pool)
            .await?;
        Ok(())
    }

    /// Hands over what the exchange has not acknowledged yet. Returns how many entries it has acknowledged now.
    pub(crate) async fn deliver(
        &self,
        pool: &SqlitePool,
        network: NetworkId,
        house: &HouseClient<Channel>,
    ) -> Result<usize, CentreError> {
        let mut delivered = 0;
        loop {
            let batch = self.waiting(pool, network).await?;
            let Some(first) = batch.first() else {
                return Ok(delivered);
            };
            let first_hash = first.hash();
            let acknowledged = match house::hand_over(house, network, self.writer(), &batch).await {
                Ok(acknowledged) => acknowledged,
                Err(error) => {
                    if matches!(error, FeedError::Rejected(EntryFault::Fork)) {
                        self.doubt(network);
                    }
                    return Err(error.into());
                }
            };
            let mut tx = begin(pool).await?;
            let known = self.header(&mut tx, network, acknowledged.hash).await?;
            if known.is_none_or(|(header, _)| header.place() != acknowledged.place) {
                // It knows something this copy does not: what comes next is to be adopted before anything is signed.
                self.doubt(network);
                let head = self.state(&mut tx, network).await?.head();
                if head.is_none_or(|head| head.place >= acknowledged.place) {
                    return Err(FeedError::UnknownPlace.into());
                }
            }
            let marked = sqlx::query(
                "UPDATE own_entries SET handed_over = 1 \
                 WHERE network = $1 AND standing = 1 AND handed_over = 0 AND (epoch < $2 OR (epoch = $2 AND seq <= $3))",
            )
            .bind(network.as_bytes().as_slice())
            .bind(acknowledged.place.epoch)
            .bind(stored_seq(acknowledged.place))
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            let marked = usize::try_from(marked.rows_affected()).unwrap_or(usize::MAX);
            delivered += marked;
            if marked == 0 {
                tracing::warn!(entry = %first_hash.short(), "the exchange acknowledges nothing new of the own feed");
                return Err(FeedError::Rejected(EntryFault::Gap).into());
            }
        }
    }

    /// The oldest entries not acknowledged yet, as many as one call may carry.
    async fn waiting(
        &self,
        pool: &SqlitePool,
        network: NetworkId,
    ) -> Result<Vec<RawEntry>, CentreError> {
        let rows = sqlx::query(
            "SELECT header, signature, payload FROM own_entries \
             WHERE network = $1 AND standing = 1 AND handed_over = 0 ORDER BY epoch, seq LIMIT $2",
        )
        .bind(network.as_bytes().as_slice())
        .bind(u32::try_from(limits::BATCH_ENTRIES).unwrap_or(u32::MAX))
        .fetch_all(pool)
        .await?;
        let mut batch = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        for row in &rows {
            let entry = raw_entry(row)?;
            bytes += entry.size();
            if bytes > limits::BATCH_BYTES && !batch.is_empty() {
                break;
            }
            batch.push(entry);
        }
        Ok(batch)
    }
}
