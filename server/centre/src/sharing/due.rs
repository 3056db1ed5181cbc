//! The periodic work of a centre: confirm the own head, sign what is due, hand over.

use super::QuarterState;
use super::approve::{Decided, decided_row};
use super::rounds::has_had_pools;
use crate::centre::Centre;
use crate::error::CentreError;
use crate::feed_writer::FeedError;
use crate::networks;
use crate::office::Ticked;
use crate::store::Tx;
use krog_feed::ids::NetworkId;
use krog_measures::Quarter;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::house_client::HouseClient;
use sqlx::Row;
use tonic::transport::Channel;

impl Centre {
    /// Lets the centre share in a network, with rosters that are verified from its identity on. Doing it again changes
    /// nothing but takes newer rosters.
    pub async fn enter_network(
        &self,
        network: NetworkId,
        rosters: Vec<proto::SignedRoster>,
    ) -> Result<(), CentreError> {
        let chain = networks::verify(network, rosters)?;
        let mut tx = self.begin().await?;
        let known = networks::all(&mut tx).await?;
        if known.iter().any(|known| *known != network) {
            return Err(CentreError::NotNow(
                "this centre shares in another network already; this version shares in one",
            ));
        }
        let newer = match known.first() {
            Some(_) => {
                networks::chain(&mut tx, network).await?.latest().version < chain.latest().version
            }
            None => true,
        };
        if newer {
            networks::keep(&mut tx, &chain).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The network the centre shares in, with its public name.
    pub async fn network(&self) -> Result<Option<(NetworkId, String)>, CentreError> {
        let mut tx = self.begin().await?;
        self.network_in(&mut tx).await
    }

    pub(super) async fn network_in(
        &self,
        tx: &mut Tx,
    ) -> Result<Option<(NetworkId, String)>, CentreError> {
        let chain = self.roster(tx).await?;
        Ok(chain.map(|chain| {
            (
                chain.network(),
                chain.latest().genesis.public_name().to_string(),
            )
        }))
    }

    /// Whether the centre may sign in its network: its own head was compared since the start.
    pub fn may_sign(&self, network: NetworkId) -> bool {
        self.feed.may_sign(network)
    }

    /// The periodic work: hands over what is not acknowledged, takes newer rosters, confirms the own head, begins the
    /// feed, signs what is due, hands over again. Safe to repeat at any time.
    pub async fn tick(&self, house: &HouseClient<Channel>) -> Result<Ticked, CentreError> {
        let mut done = Ticked::default();
        let Some((network, _)) = self.network().await? else {
            return Ok(done);
        };
        done.delivered += self.feed.deliver(&self.pool, network, house).await?;
        networks::refresh_or_warn(&self.pool, network, house).await?;
        self.feed.confirm(&self.pool, network, house, self).await?;
        done.signed += self.begin_feed(network).await?;
        done.signed += self.release_due(network).await?;
        done.delivered += self.feed.deliver(&self.pool, network, house).await?;
        let rosters = {
            let mut tx = self.begin().await?;
            networks::chain(&mut tx, network).await?
        };
        if has_had_pools(&rosters) {
            let copy = self.readings.refresh(&rosters, house).await?;
            done.signed += self.attend_to_parts(network, &copy).await?;
            // Parcels only after the entries that state them.
            done.delivered += self.feed.deliver(&self.pool, network, house).await?;
            self.deliver_parcels(network, house).await?;
        }
        Ok(done)
    }

    async fn begin_feed(&self, network: NetworkId) -> Result<usize, CentreError> {
        let mut tx = self.begin().await?;
        if self.feed.state(&mut tx, network).await?.head().is_some() {
            return Ok(0);
        }
        self.feed.begin_in(&mut tx, network).await?;
        tx.commit().await?;
        Ok(1)
    }

    /// Signs the releases whose waiting time has passed, each in one transaction with the ledger. Returns how many.
    async fn release_due(&self, network: NetworkId) -> Result<usize, CentreError> {
        let now = self.surroundings.now();
        // Stopping is written down with the keys first; a call that broke off there is finished here.
        self.apply_what_keys_remember().await?;
        let mut tx = self.begin().await?;
        let rows = sqlx::query(
            "SELECT quarter, state, payload, frozen, tag, due_at, entry FROM releases \
             WHERE entry IS NULL AND due_at <= $1 ORDER BY quarter",
        )
        .bind(now)
        .fetch_all(&mut *tx)
        .await?;
        let mut signed = 0;
        for row in &rows {
            let quarter = Quarter::from_index(row.try_get("quarter")?)?;
            let Decided { state, frozen, .. } = decided_row(row)?;
            let Some(frozen) = frozen else {
                if state == QuarterState::Stopped {
                    // It was damaged when it was stopped: nothing of it can be told, not even that it was stopped.
                    tracing::warn!(%quarter, "a stopped quarter was damaged and is told in no way");
                    continue;
                }
                return Err(CentreError::Damaged { table: "releases" });
            };
            let cleared = frozen.open(&self.keys.gate)?;
            if cleared.quarter() != quarter
                || cleared.is_stopped() != (state == QuarterState::Stopped)
            {
                return Err(CentreError::Damaged { table: "releases" });
            }
            signed += 1;
            let entry = self.feed.release_in(&mut tx, network, &cleared).await?;
            sqlx::query(
                "UPDATE releases SET entry = $2, state = CASE state WHEN 'frozen' THEN 'signed' ELSE state END \
                 WHERE quarter = $1",
            )
            .bind(quarter.index())
            .bind(entry.hash().as_bytes().as_slice())
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(signed)
    }

    /// Tells why the centre may not sign yet; `Ok` when it may.
    pub fn check_may_sign(&self, network: NetworkId) -> Result<(), FeedError> {
        if self.may_sign(network) {
            Ok(())
        } else {
            Err(FeedError::NotConfirmed)
        }
    }
}
