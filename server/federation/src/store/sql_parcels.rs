// The statements about parcels of pools, compiled for each engine like `sql.rs`.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{QueryBuilder, Row};

use krog_feed::ids::{NetworkId, ParcelHash};

use super::Db;
use super::sql::{ENVELOPE, Engine, id, number};
use crate::store::StoreError;
use crate::store::rows::ParcelRow;

/// Hashes in one statement, far below SQLite's limit of 32,766 parameters.
const HASHES_PER_STATEMENT: usize = 1_024;

impl Engine {
    pub async fn keep_parcels(
        &self,
        network: NetworkId,
        parcels: &[ParcelRow],
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await?;
        for ParcelRow {
            hash,
            expiry,
            sealed,
        } in parcels
        {
            sqlx::query(
                "INSERT INTO parcel (network, hash, size, expiry, sealed) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT DO NOTHING",
            )
            .bind(network.as_bytes().to_vec())
            .bind(hash.as_bytes().to_vec())
            .bind(sealed.len() as i64)
            .bind(i64::from(*expiry))
            .bind(sealed.clone())
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    pub async fn parcel_hashes(
        &self,
        network: NetworkId,
    ) -> Result<BTreeSet<ParcelHash>, StoreError> {
        let rows = sqlx::query("SELECT hash FROM parcel WHERE network = $1")
            .bind(network.as_bytes().to_vec())
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| id(row, "parcel", "hash")).collect()
    }

    pub async fn parcels_held(
        &self,
        network: NetworkId,
        hashes: &[ParcelHash],
    ) -> Result<BTreeSet<ParcelHash>, StoreError> {
        let sizes = self.parcel_sizes(network, hashes).await?;
        Ok(sizes.into_keys().collect())
    }

    pub async fn parcels(
        &self,
        network: NetworkId,
        hashes: &[ParcelHash],
        count: u32,
        bytes: u64,
    ) -> Result<(Vec<(ParcelHash, Vec<u8>)>, bool), StoreError> {
        // Sizes first, as for entries.
        let mut sizes = self.parcel_sizes(network, hashes).await?;
        let mut taken = Vec::new();
        let mut sum = 0_u64;
        let mut more = false;
        for hash in hashes {
            // Taken out, so that one asked for twice is there once.
            let Some(size) = sizes.remove(hash) else {
                continue;
            };
            sum += size + ENVELOPE;
            if taken.len() as u64 == u64::from(count) || (!taken.is_empty() && sum > bytes) {
                more = true;
                break;
            }
            taken.push(*hash);
        }
        let mut sealed = BTreeMap::new();
        for some in taken.chunks(HASHES_PER_STATEMENT) {
            let mut query = QueryBuilder::<Db>::new("SELECT hash, sealed FROM parcel");
            among(&mut query, network, some);
            for row in query.build().fetch_all(&self.reader).await? {
                let hash: ParcelHash = id(&row, "parcel", "hash")?;
                sealed.insert(hash, row.try_get::<Vec<u8>, _>("sealed")?);
            }
        }
        let in_order = taken
            .into_iter()
            .filter_map(|hash| Some((hash, sealed.remove(&hash)?)));
        Ok((in_order.collect(), more))
    }

    pub async fn drop_parcels(
        &self,
        network: NetworkId,
        hashes: &[ParcelHash],
    ) -> Result<(), StoreError> {
        for some in hashes.chunks(HASHES_PER_STATEMENT) {
            let mut query = QueryBuilder::<Db>::new("DELETE FROM parcel");
            among(&mut query, network, some);
            query.build().execute(&self.writer).await?;
        }
        Ok(())
    }

    pub async fn drop_expired_parcels(
        &self,
        network: NetworkId,
        today: i64,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM parcel WHERE network = $1 AND expiry <= $2")
            .bind(network.as_bytes().to_vec())
            .bind(today)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn parcel_sizes(
        &self,
        network: NetworkId,
        hashes: &[ParcelHash],
    ) -> Result<BTreeMap<ParcelHash, u64>, StoreError> {
        let mut sizes = BTreeMap::new();
        for some in hashes.chunks(HASHES_PER_STATEMENT) {
            let mut query = QueryBuilder::<Db>::new("SELECT hash, size FROM parcel");
            among(&mut query, network, some);
            for row in query.build().fetch_all(&self.reader).await? {
                sizes.insert(id(&row, "parcel", "hash")?, number(&row, "parcel", "size")?);
            }
        }
        Ok(sizes)
    }
}

fn among(query: &mut QueryBuilder<Db>, network: NetworkId, hashes: &[ParcelHash]) {
    query
        .push(" WHERE network = ")
        .push_bind(network.as_bytes().to_vec())
        .push(" AND hash IN (");
    let mut list = query.separated(", ");
    for hash in hashes {
        list.push_bind(hash.as_bytes().to_vec());
    }
    query.push(")");
}
