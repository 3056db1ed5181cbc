//! An aggregator's secrets of rounds under way, in a file of their own.
//!
//! They are destroyed when a round ends. A backup would keep a copy that outlives that, so this file belongs in none: an
//! office that was put back without it ends its rounds, and their answers are free again.

use crate::error::CentreError;
use crate::sealing::{Place, SealingKey};
use crate::store::{create_file, in_folder, open_file};
use crate::surroundings::Surroundings;
use krog_feed::ids::{HeaderHash, NetworkId};
use krog_pools::aggregation::Centre;
use krog_pools::sealing::RoundSecret;
use krog_pools::shares::VERIFY_KEY_BYTES;
use sqlx::migrate::Migrator;
use sqlx::{Row, SqlitePool};
use std::collections::BTreeSet;
use std::path::Path;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/rounds");

/// The file of the secrets of rounds.
pub const ROUNDS_FILE: &str = "rounds.db";

/// The secrets, open.
pub(super) struct RoundSecrets {
    pool: SqlitePool,
    sealing: SealingKey,
    surroundings: Surroundings,
}

/// What is kept of one round.
pub(super) struct Kept {
    pub(super) secret: RoundSecret,
    /// The leader's key to check proofs with, once it is drawn.
    pub(super) verify_key: Option<[u8; VERIFY_KEY_BYTES]>,
    /// Centres whose parts the leader has shown to the helper.
    pub(super) shown: Option<BTreeSet<Centre>>,
}

impl RoundSecrets {
    /// Opens the file in the office's folder; makes an empty one where there is none.
    pub(super) async fn open(
        folder: &Path,
        sealing: SealingKey,
        surroundings: &Surroundings,
    ) -> Result<Self, CentreError> {
        let path = in_folder(folder, ROUNDS_FILE);
        if !path.exists() {
            create_file(&path)?;
        }
        Ok(Self {
            pool: open_file(&path, &MIGRATIONS).await?,
            sealing,
            surroundings: surroundings.clone(),
        })
    }

    pub(super) async fn close(&self) {
        crate::store::close(&self.pool).await;
    }

    /// What is kept of a round; `None`: nothing, or it was destroyed.
    pub(super) async fn of(
        &self,
        network: NetworkId,
        round: HeaderHash,
    ) -> Result<Option<Kept>, CentreError> {
        let row = sqlx::query(
            "SELECT sealed_secret, sealed_verify_key, shown FROM secrets WHERE network = $1 AND round = $2",
        )
        .bind(network.as_bytes().as_slice())
        .bind(round.as_bytes().as_slice())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let secret = self.unseal(round, "sealed_secret", row.try_get(0)?)?;
        let verify_key: Option<Vec<u8>> = row.try_get(1)?;
        let shown: Option<Vec<u8>> = row.try_get(2)?;
        Ok(Some(Kept {
            secret: RoundSecret::from_bytes(secret),
            verify_key: verify_key
                .map(|sealed| self.unseal(round, "sealed_verify_key", &sealed))
                .transpose()?,
            shown: shown.map(|shown| shown.as_chunks().0.iter().copied().collect()),
        }))
    }

    /// Draws and keeps a round's secret; the one kept before, if there is one.
    pub(super) async fn draw(
        &self,
        network: NetworkId,
        round: HeaderHash,
    ) -> Result<RoundSecret, CentreError> {
        if let Some(kept) = self.of(network, round).await? {
            return Ok(kept.secret);
        }
        let secret = self
            .surroundings
            .with_chance(|rng| RoundSecret::generate(rng));
        let sealed = self.seal(round, "sealed_secret", secret.reveal())?;
        sqlx::query("INSERT INTO secrets (network, round, sealed_secret) VALUES ($1, $2, $3)")
            .bind(network.as_bytes().as_slice())
            .bind(round.as_bytes().as_slice())
            .bind(sealed)
            .execute(&self.pool)
            .await?;
        Ok(secret)
    }

    /// Draws and keeps the key that proofs are checked with, after the deadline.
    pub(super) async fn draw_verify_key(
        &self,
        network: NetworkId,
        round: HeaderHash,
    ) -> Result<[u8; VERIFY_KEY_BYTES], CentreError> {
        let key: [u8; VERIFY_KEY_BYTES] = self.surroundings.bytes();
        sqlx::query("UPDATE secrets SET sealed_verify_key = $3 WHERE network = $1 AND round = $2")
            .bind(network.as_bytes().as_slice())
            .bind(round.as_bytes().as_slice())
            .bind(self.seal(round, "sealed_verify_key", &key)?)
            .execute(&self.pool)
            .await?;
        Ok(key)
    }

    /// Keeps which centres' parts the leader shows to the helper: later ones are none of the helper's concern.
    pub(super) async fn remember_shown(
        &self,
        network: NetworkId,
        round: HeaderHash,
        centres: impl Iterator<Item = &Centre>,
    ) -> Result<(), CentreError> {
        let shown: Vec<u8> = centres.flatten().copied().collect();
        sqlx::query("UPDATE secrets SET shown = $3 WHERE network = $1 AND round = $2")
            .bind(network.as_bytes().as_slice())
            .bind(round.as_bytes().as_slice())
            .bind(shown)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The rounds of which something is kept.
    pub(super) async fn rounds(&self, network: NetworkId) -> Result<Vec<HeaderHash>, CentreError> {
        let rounds: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT round FROM secrets WHERE network = $1 ORDER BY round")
                .bind(network.as_bytes().as_slice())
                .fetch_all(&self.pool)
                .await?;
        rounds
            .into_iter()
            .map(|round| {
                <[u8; 32]>::try_from(round)
                    .map(HeaderHash::from)
                    .map_err(|_| CentreError::Damaged { table: "secrets" })
            })
            .collect()
    }

    /// Destroys everything of a round, to the last page of the write-ahead log.
    pub(super) async fn destroy(
        &self,
        network: NetworkId,
        round: HeaderHash,
    ) -> Result<(), CentreError> {
        let gone = sqlx::query("DELETE FROM secrets WHERE network = $1 AND round = $2")
            .bind(network.as_bytes().as_slice())
            .bind(round.as_bytes().as_slice())
            .execute(&self.pool)
            .await?;
        if gone.rows_affected() > 0 {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }

    fn seal(
        &self,
        round: HeaderHash,
        column: &'static str,
        plain: &[u8],
    ) -> Result<Vec<u8>, CentreError> {
        Ok(self
            .sealing
            .seal(place(&round, column), plain, &self.surroundings)?)
    }

    fn unseal(
        &self,
        round: HeaderHash,
        column: &'static str,
        sealed: &[u8],
    ) -> Result<[u8; 32], CentreError> {
        let plain = self.sealing.open(place(&round, column), sealed)?;
        plain
            .as_slice()
            .try_into()
            .map_err(|_| CentreError::Damaged { table: "secrets" })
    }
}

fn place<'a>(round: &'a HeaderHash, column: &'static str) -> Place<'a> {
    Place {
        table: "secrets",
        row: round.as_bytes(),
        column,
    }
}
