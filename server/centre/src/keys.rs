//! `keys.db`: what must never be older than the data it belongs to. Keys of members and of the house, wrapped by the master
//! key, and what people took back.

use crate::error::CentreError;
use crate::personal::{MemberId, Purpose};
use crate::sealing::{IndexKey, Place, SealingKey, create_key_file, open_key_file};
use crate::store::{ROWS_PER_INSERT, begin, create_file, in_folder, open_file};
use crate::surroundings::Surroundings;
use krog_disclosure::SealKey;
use krog_feed::keys::WriterKey;
use krog_measures::Quarter;
use sqlx::migrate::Migrator;
use sqlx::{QueryBuilder, Row, SqlitePool};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use zeroize::Zeroizing;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/keys");

/// The file of the master key.
pub const MASTER_KEY_FILE: &str = "master.key";
/// The file of wrapped keys and withdrawals.
pub const KEYS_FILE: &str = "keys.db";

/// Keys of the house by the names they are wrapped under.
const CENTRE: &str = "centre";
const INDEX: &str = "index";
const GATE: &str = "gate";
const WRITER: &str = "writer";

/// The keys of one centre, open.
pub(crate) struct Keys {
    pool: SqlitePool,
    master: SealingKey,
    surroundings: Surroundings,
    /// Seals what belongs to the centre and not to one member.
    pub(crate) centre: SealingKey,
    /// Hashes places.
    pub(crate) index: IndexKey,
    /// Tells the gate's own frozen bytes from others.
    pub(crate) gate: SealKey,
    /// Signs the centre's feed.
    pub(crate) writer: WriterKey,
}

impl Keys {
    /// Makes the key files of a new centre.
    pub(crate) async fn create(
        folder: &Path,
        surroundings: &Surroundings,
    ) -> Result<Self, CentreError> {
        let path = in_folder(folder, KEYS_FILE);
        let master = create_key_file(&in_folder(folder, MASTER_KEY_FILE), surroundings)?;
        create_file(&path)?;
        let pool = open_file(&path, &MIGRATIONS).await?;
        let writer = surroundings.with_chance(|mut rng| WriterKey::generate(&mut rng));
        let house = [
            (CENTRE, Zeroizing::new(surroundings.bytes())),
            (INDEX, Zeroizing::new(surroundings.bytes())),
            (GATE, Zeroizing::new(surroundings.bytes())),
            (WRITER, writer.seed()),
        ];
        let mut tx = begin(&pool).await?;
        for (name, key) in &house {
            sqlx::query("INSERT INTO house_keys (name, wrapped) VALUES ($1, $2)")
                .bind(*name)
                .bind(master.seal(house_place(name), key.as_slice(), surroundings)?)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Self::read(pool, master, surroundings).await
    }

    /// Opens the key files of a centre.
    pub(crate) async fn open(
        folder: &Path,
        surroundings: &Surroundings,
    ) -> Result<Self, CentreError> {
        let master = open_key_file(&in_folder(folder, MASTER_KEY_FILE))?;
        let pool = open_file(&in_folder(folder, KEYS_FILE), &MIGRATIONS).await?;
        Self::read(pool, master, surroundings).await
    }

    async fn read(
        pool: SqlitePool,
        master: SealingKey,
        surroundings: &Surroundings,
    ) -> Result<Self, CentreError> {
        let mut house = BTreeMap::new();
        for row in sqlx::query("SELECT name, wrapped FROM house_keys")
            .fetch_all(&pool)
            .await?
        {
            let (name, wrapped): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
            let key = unwrap(&master, house_place(&name), &wrapped)?;
            house.insert(name, key);
        }
        let key = |name: &str| {
            house
                .get(name)
                .map(|key| **key)
                .ok_or(CentreError::Damaged {
                    table: "house_keys",
                })
        };
        Ok(Self {
            centre: SealingKey::from_bytes(key(CENTRE)?),
            index: IndexKey::from_bytes(key(INDEX)?),
            gate: SealKey::new(key(GATE)?),
            writer: WriterKey::from_seed(key(WRITER)?),
            pool,
            master,
            surroundings: surroundings.clone(),
        })
    }

    pub(crate) async fn close(&self) {
        crate::store::close(&self.pool).await;
    }

    /// Makes and keeps the keys of new members, before anything of them is written elsewhere.
    pub(crate) async fn add_members(
        &self,
        members: &[MemberId],
    ) -> Result<Vec<SealingKey>, CentreError> {
        let keys: Vec<SealingKey> = members
            .iter()
            .map(|_| SealingKey::generate(&self.surroundings))
            .collect();
        let mut rows = Vec::with_capacity(members.len());
        for (member, key) in members.iter().zip(&keys) {
            let wrapped =
                self.master
                    .seal(member_place(member), key.as_bytes(), &self.surroundings)?;
            rows.push((member, wrapped));
        }
        let mut tx = begin(&self.pool).await?;
        for rows in rows.chunks(ROWS_PER_INSERT) {
            let mut insert = QueryBuilder::new("INSERT INTO member_keys (member, wrapped) ");
            insert.push_values(rows, |mut row, (member, wrapped)| {
                row.push_bind(member.as_bytes().to_vec())
                    .push_bind(wrapped.clone());
            });
            insert.build().execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(keys)
    }

    /// The key of one member. A member without a key is absent: it was erased.
    pub(crate) async fn member(&self, member: MemberId) -> Result<SealingKey, CentreError> {
        let wrapped: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT wrapped FROM member_keys WHERE member = $1")
                .bind(member.as_bytes().as_slice())
                .fetch_optional(&self.pool)
                .await?;
        let wrapped = wrapped.ok_or(CentreError::NotFound)?;
        Ok(SealingKey::from_bytes(*unwrap(
            &self.master,
            member_place(&member),
            &wrapped,
        )?))
    }

    /// The keys of all members there are.
    pub(crate) async fn members(&self) -> Result<BTreeMap<MemberId, SealingKey>, CentreError> {
        let rows = sqlx::query("SELECT member, wrapped FROM member_keys")
            .fetch_all(&self.pool)
            .await?;
        let mut keys = BTreeMap::new();
        for row in rows {
            let member = MemberId::try_from(row.try_get::<&[u8], _>(0)?).map_err(|_| {
                CentreError::Damaged {
                    table: "member_keys",
                }
            })?;
            let key = unwrap(&self.master, member_place(&member), row.try_get(1)?)?;
            keys.insert(member, SealingKey::from_bytes(*key));
        }
        Ok(keys)
    }

    /// Puts down that a member took a consent back. Holds against any older copy of the data.
    pub(crate) async fn withdraw(
        &self,
        withdrawn: &[(MemberId, Purpose)],
    ) -> Result<(), CentreError> {
        let mut tx = begin(&self.pool).await?;
        for rows in withdrawn.chunks(ROWS_PER_INSERT) {
            let mut insert = QueryBuilder::new("INSERT INTO withdrawals (member, purpose) ");
            insert.push_values(rows, |mut row, (member, purpose)| {
                row.push_bind(member.as_bytes().to_vec())
                    .push_bind(purpose.number());
            });
            insert.push(" ON CONFLICT DO NOTHING");
            insert.build().execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Forgets a withdrawal, after the consent given anew is on disk.
    pub(crate) async fn give_again(
        &self,
        member: MemberId,
        purpose: Purpose,
    ) -> Result<(), CentreError> {
        sqlx::query("DELETE FROM withdrawals WHERE member = $1 AND purpose = $2")
            .bind(member.as_bytes().as_slice())
            .bind(purpose.number())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Everything that was taken back and not given again.
    pub(crate) async fn withdrawals(&self) -> Result<BTreeSet<(MemberId, Purpose)>, CentreError> {
        let damaged = || CentreError::Damaged {
            table: "withdrawals",
        };
        let rows = sqlx::query("SELECT member, purpose FROM withdrawals")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                let member =
                    MemberId::try_from(row.try_get::<&[u8], _>(0)?).map_err(|_| damaged())?;
                let purpose = Purpose::from_number(row.try_get(1)?).ok_or_else(damaged)?;
                Ok((member, purpose))
            })
            .collect()
    }

    /// Puts down that a quarter's frozen bytes are stopped.
    pub(crate) async fn stop(&self, quarter: Quarter) -> Result<(), CentreError> {
        sqlx::query("INSERT INTO stopped (quarter) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(quarter.index())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Puts down that a part in a round is stopped or withdrawn.
    pub(crate) async fn stop_part(&self, round: &[u8; 32]) -> Result<(), CentreError> {
        sqlx::query("INSERT INTO stopped_parts (round) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(round.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The rounds whose part was stopped or withdrawn.
    pub(crate) async fn stopped_parts(&self) -> Result<BTreeSet<Vec<u8>>, CentreError> {
        let rounds: Vec<Vec<u8>> = sqlx::query_scalar("SELECT round FROM stopped_parts")
            .fetch_all(&self.pool)
            .await?;
        Ok(rounds.into_iter().collect())
    }

    /// The quarters that were stopped.
    pub(crate) async fn stopped(&self) -> Result<BTreeSet<u32>, CentreError> {
        let quarters: Vec<u32> = sqlx::query_scalar("SELECT quarter FROM stopped")
            .fetch_all(&self.pool)
            .await?;
        Ok(quarters.into_iter().collect())
    }
}

fn house_place(name: &str) -> Place<'_> {
    Place {
        table: "house_keys",
        row: name.as_bytes(),
        column: "wrapped",
    }
}

fn member_place(member: &MemberId) -> Place<'_> {
    Place {
        table: "member_keys",
        row: member.as_bytes(),
        column: "wrapped",
    }
}

fn unwrap(
    master: &SealingKey,
    place: Place<'_>,
    wrapped: &[u8],
) -> Result<Zeroizing<[u8; 32]>, CentreError> {
    let plain = master.open(place, wrapped)?;
    let bytes: [u8; 32] = plain
        .as_slice()
        .try_into()
        .map_err(|_| CentreError::Damaged { table: place.table })?;
    Ok(Zeroizing::new(bytes))
}
