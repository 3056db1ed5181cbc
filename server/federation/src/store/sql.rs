// The statements that read, written once: compiled for each engine by the module that includes this file and says which database
// `Db` and `Pool` are. Integers are BIGINT everywhere, so one decoding serves both.

use sqlx::Row;

use krog_feed::entry::{Place, RawEntry};
use krog_feed::ids::{HeaderHash, NetworkId, NodeId, WriterId};
use krog_feed::keys::Signature;

use super::{Db, Pool};
use crate::store::StoreError;
use crate::store::rows::{AdmissionRow, Cursor, EntryRow, PeerRow};

type DbRow = <Db as sqlx::Database>::Row;

/// What an entry takes in a message beside its bytes, as `RawEntry::size` reckons.
pub(super) const ENVELOPE: u64 = 24;

/// Connections to one database.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) writer: Pool,
    pub(super) reader: Pool,
}

impl Engine {
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    pub async fn networks(&self) -> Result<Vec<(NetworkId, u64)>, StoreError> {
        let rows = sqlx::query("SELECT network, revision FROM network ORDER BY network")
            .fetch_all(&self.reader)
            .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    id(row, "network", "network")?,
                    number(row, "network", "revision")?,
                ))
            })
            .collect()
    }

    pub async fn revision(&self, network: NetworkId) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query("SELECT revision FROM network WHERE network = $1")
            .bind(network.as_bytes().to_vec())
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| number(&row, "network", "revision"))
            .transpose()
    }

    pub async fn rosters(&self, network: NetworkId) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = sqlx::query("SELECT signed FROM roster WHERE network = $1 ORDER BY version")
            .bind(network.as_bytes().to_vec())
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| Ok(row.try_get("signed")?)).collect()
    }

    pub async fn feeds_since(
        &self,
        network: NetworkId,
        revision: u64,
    ) -> Result<Vec<(WriterId, Vec<u8>)>, StoreError> {
        let rows = sqlx::query(
            "SELECT writer, state FROM feed WHERE network = $1 AND revision > $2 ORDER BY writer",
        )
        .bind(network.as_bytes().to_vec())
        .bind(revision as i64)
        .fetch_all(&self.reader)
        .await?;
        rows.iter()
            .map(|row| Ok((id(row, "feed", "writer")?, row.try_get("state")?)))
            .collect()
    }

    pub async fn entries_since(
        &self,
        network: NetworkId,
        cursor: &Cursor,
        limit: u32,
    ) -> Result<Vec<(Cursor, EntryRow)>, StoreError> {
        let rows = sqlx::query(
            "SELECT writer, epoch, seq, hash, header, signature, payload, standing, dropped, revision FROM entry
             WHERE network = $1 AND standing AND (revision, writer, epoch, seq) > ($2, $3, $4, $5)
             ORDER BY revision, writer, epoch, seq LIMIT $6",
        )
        .bind(network.as_bytes().to_vec())
        .bind(cursor.revision as i64)
        .bind(cursor.writer.clone())
        .bind(i64::from(cursor.place.epoch))
        .bind(cursor.place.seq as i64)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter()
            .map(|row| {
                let entry = entry(row)?;
                let cursor = Cursor {
                    revision: number(row, "entry", "revision")?,
                    writer: entry.writer.as_bytes().to_vec(),
                    place: entry.place,
                };
                Ok((cursor, entry))
            })
            .collect()
    }

    pub async fn anew_since(&self, network: NetworkId, revision: u64) -> Result<bool, StoreError> {
        let row =
            sqlx::query("SELECT count(*) AS feeds FROM feed WHERE network = $1 AND anew > $2")
                .bind(network.as_bytes().to_vec())
                .bind(revision as i64)
                .fetch_one(&self.reader)
                .await?;
        Ok(number(&row, "feed", "feeds")? > 0)
    }

    pub async fn entry(
        &self,
        network: NetworkId,
        writer: WriterId,
        hash: HeaderHash,
    ) -> Result<Option<EntryRow>, StoreError> {
        let row = sqlx::query(
            "SELECT writer, epoch, seq, hash, header, signature, payload, standing, dropped FROM entry
             WHERE network = $1 AND writer = $2 AND hash = $3",
        )
        .bind(network.as_bytes().to_vec())
        .bind(writer.as_bytes().to_vec())
        .bind(hash.as_bytes().to_vec())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(entry).transpose()
    }

    pub async fn rival(
        &self,
        network: NetworkId,
        writer: WriterId,
        place: Place,
        hash: HeaderHash,
    ) -> Result<Option<EntryRow>, StoreError> {
        let row = sqlx::query(
            "SELECT writer, epoch, seq, hash, header, signature, payload, standing, dropped FROM entry
             WHERE network = $1 AND writer = $2 AND epoch = $3 AND seq = $4 AND hash <> $5
             ORDER BY standing DESC, hash LIMIT 1",
        )
        .bind(network.as_bytes().to_vec())
        .bind(writer.as_bytes().to_vec())
        .bind(i64::from(place.epoch))
        .bind(place.seq as i64)
        .bind(hash.as_bytes().to_vec())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(entry).transpose()
    }

    pub async fn standing_at(
        &self,
        network: NetworkId,
        writer: WriterId,
        place: Place,
    ) -> Result<Option<HeaderHash>, StoreError> {
        let row = sqlx::query(
            "SELECT hash FROM entry WHERE network = $1 AND writer = $2 AND epoch = $3 AND seq = $4 AND standing",
        )
        .bind(network.as_bytes().to_vec())
        .bind(writer.as_bytes().to_vec())
        .bind(i64::from(place.epoch))
        .bind(place.seq as i64)
        .fetch_optional(&self.reader)
        .await?;
        row.map(|row| id(&row, "entry", "hash")).transpose()
    }

    pub async fn missing(
        &self,
        network: NetworkId,
        limit: u32,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT writer, epoch, seq, hash, header, signature, payload, standing, dropped FROM entry
             WHERE network = $1 AND standing AND payload IS NULL AND NOT dropped ORDER BY writer, epoch, seq LIMIT $2",
        )
        .bind(network.as_bytes().to_vec())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(entry).collect()
    }

    pub async fn entries_after(
        &self,
        network: NetworkId,
        writer: WriterId,
        after: Option<Place>,
        count: u32,
        bytes: u64,
    ) -> Result<(Vec<EntryRow>, bool), StoreError> {
        let (epoch, seq) =
            after.map_or((0, -1), |place| (i64::from(place.epoch), place.seq as i64));
        // Sizes first: 257 full payloads would be far more than one answer may hold.
        let sizes = sqlx::query(
            "SELECT size FROM entry WHERE network = $1 AND writer = $2 AND standing AND (epoch, seq) > ($3, $4)
             ORDER BY epoch, seq LIMIT $5",
        )
        .bind(network.as_bytes().to_vec())
        .bind(writer.as_bytes().to_vec())
        .bind(epoch)
        .bind(seq)
        .bind(i64::from(count) + 1)
        .fetch_all(&self.reader)
        .await?;
        let mut taken = 0_u32;
        let mut sum = 0_u64;
        for row in &sizes {
            sum += number(row, "entry", "size")? + ENVELOPE;
            if taken == count || (taken > 0 && sum > bytes) {
                break;
            }
            taken += 1;
        }
        let more = sizes.len() as u64 > u64::from(taken);
        if taken == 0 {
            return Ok((Vec::new(), more));
        }
        let rows = sqlx::query(
            "SELECT writer, epoch, seq, hash, header, signature, payload, standing, dropped FROM entry
             WHERE network = $1 AND writer = $2 AND standing AND (epoch, seq) > ($3, $4)
             ORDER BY epoch, seq LIMIT $5",
        )
        .bind(network.as_bytes().to_vec())
        .bind(writer.as_bytes().to_vec())
        .bind(epoch)
        .bind(seq)
        .bind(i64::from(taken))
        .fetch_all(&self.reader)
        .await?;
        let entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        Ok((entries, more))
    }

    pub async fn forks(&self, network: NetworkId) -> Result<Vec<(WriterId, Vec<u8>)>, StoreError> {
        let rows = sqlx::query(
            "SELECT writer, proof FROM fork WHERE network = $1 ORDER BY writer, second",
        )
        .bind(network.as_bytes().to_vec())
        .fetch_all(&self.reader)
        .await?;
        rows.iter()
            .map(|row| Ok((id(row, "fork", "writer")?, row.try_get("proof")?)))
            .collect()
    }

    pub async fn faults(&self, network: NetworkId) -> Result<Vec<(WriterId, i32)>, StoreError> {
        let rows =
            sqlx::query("SELECT writer, fault FROM fault WHERE network = $1 ORDER BY writer")
                .bind(network.as_bytes().to_vec())
                .fetch_all(&self.reader)
                .await?;
        rows.iter()
            .map(|row| {
                let fault: i64 = row.try_get("fault")?;
                let fault = i32::try_from(fault).map_err(|_| StoreError::Damaged {
                    table: "fault",
                    column: "fault",
                })?;
                Ok((id(row, "fault", "writer")?, fault))
            })
            .collect()
    }

    pub async fn admissions(&self, network: NetworkId) -> Result<Vec<AdmissionRow>, StoreError> {
        let rows = sqlx::query("SELECT invitation, node, pin FROM admission WHERE network = $1 ORDER BY invitation, node")
            .bind(network.as_bytes().to_vec())
            .fetch_all(&self.reader)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(AdmissionRow {
                    invitation: id(row, "admission", "invitation")?,
                    node: id(row, "admission", "node")?,
                    pin: id(row, "admission", "pin")?,
                })
            })
            .collect()
    }

    pub async fn peers(&self, network: NetworkId) -> Result<Vec<PeerRow>, StoreError> {
        let rows =
            sqlx::query("SELECT address, pin, node FROM peer WHERE network = $1 ORDER BY address")
                .bind(network.as_bytes().to_vec())
                .fetch_all(&self.reader)
                .await?;
        rows.iter()
            .map(|row| {
                let node: Option<Vec<u8>> = row.try_get("node")?;
                let node = node
                    .map(|bytes| NodeId::try_from(bytes.as_slice()))
                    .transpose()
                    .map_err(|_| StoreError::Damaged {
                        table: "peer",
                        column: "node",
                    })?;
                Ok(PeerRow {
                    address: row.try_get("address")?,
                    pin: id(row, "peer", "pin")?,
                    node,
                })
            })
            .collect()
    }
}

fn entry(row: &DbRow) -> Result<EntryRow, StoreError> {
    let signature: Vec<u8> = row.try_get("signature")?;
    let signature = Signature::try_from(signature.as_slice()).map_err(|_| StoreError::Damaged {
        table: "entry",
        column: "signature",
    })?;
    Ok(EntryRow {
        writer: id(row, "entry", "writer")?,
        place: Place {
            epoch: small(row, "entry", "epoch")?,
            seq: number(row, "entry", "seq")?,
        },
        hash: id(row, "entry", "hash")?,
        standing: row.try_get("standing")?,
        dropped: row.try_get("dropped")?,
        raw: RawEntry {
            header: row.try_get("header")?,
            signature,
            payload: row.try_get("payload")?,
        },
    })
}

pub(super) fn id<T>(row: &DbRow, table: &'static str, column: &'static str) -> Result<T, StoreError>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    let bytes: Vec<u8> = row.try_get(column)?;
    T::try_from(bytes.as_slice()).map_err(|_| StoreError::Damaged { table, column })
}

pub(super) fn number(
    row: &DbRow,
    table: &'static str,
    column: &'static str,
) -> Result<u64, StoreError> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|_| StoreError::Damaged { table, column })
}

fn small(row: &DbRow, table: &'static str, column: &'static str) -> Result<u32, StoreError> {
    u32::try_from(number(row, table, column)?).map_err(|_| StoreError::Damaged { table, column })
}
