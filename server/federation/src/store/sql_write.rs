// The statements that write, compiled for each engine like `sql.rs`. Each change is one transaction.

use sqlx::{QueryBuilder, Transaction};

use krog_feed::entry::{Place, RawEntry};
use krog_feed::ids::{InvitationId, NetworkId, NodeId, TlsPin};

use super::Db;
use super::sql::{Engine, id, number};
use crate::store::StoreError;
use crate::store::rows::{
    Admitted, Committed, EntryRow, FaultChange, FeedChange, NetworkChange, PeerRow,
};

/// Rows in one INSERT: 12 values each, below SQLite's limit of 32,766 parameters.
const ROWS_PER_INSERT: usize = 256;

impl Engine {
    pub async fn claim(&self, node: NodeId) -> Result<NodeId, StoreError> {
        sqlx::query("INSERT INTO owner (one, node) VALUES (1, $1) ON CONFLICT DO NOTHING")
            .bind(node.as_bytes().to_vec())
            .execute(&self.writer)
            .await?;
        let row = sqlx::query("SELECT node FROM owner WHERE one = 1")
            .fetch_one(&self.writer)
            .await?;
        id(&row, "owner", "node")
    }

    pub async fn add_network(
        &self,
        network: NetworkId,
        rosters: &[(u32, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await?;
        sqlx::query(
            "INSERT INTO network (network, revision) VALUES ($1, 0) ON CONFLICT DO NOTHING",
        )
        .bind(network.as_bytes().to_vec())
        .execute(&mut *transaction)
        .await?;
        sqlx::query("UPDATE network SET revision = revision + 1 WHERE network = $1")
            .bind(network.as_bytes().to_vec())
            .execute(&mut *transaction)
            .await?;
        insert_rosters(&mut transaction, network, rosters).await?;
        transaction.commit().await?;
        Ok(())
    }

    pub async fn commit(&self, change: &NetworkChange) -> Result<Committed, StoreError> {
        let NetworkChange {
            network,
            seen,
            feeds,
            rosters,
        } = change;
        let mut transaction = self.writer.begin().await?;
        // First the revision: it takes the row's lock, so nothing below can meet another writer.
        let moved = sqlx::query(
            "UPDATE network SET revision = revision + 1 WHERE network = $1 AND revision = $2",
        )
        .bind(network.as_bytes().to_vec())
        .bind(*seen as i64)
        .execute(&mut *transaction)
        .await?;
        if moved.rows_affected() != 1 {
            transaction.rollback().await?;
            return Ok(Committed::Stale);
        }
        let revision = seen + 1;
        for feed in feeds {
            change_feed(&mut transaction, *network, feed, revision).await?;
        }
        let entries: Vec<&EntryRow> = feeds.iter().flat_map(|feed| &feed.entries).collect();
        for rows in entries.chunks(ROWS_PER_INSERT) {
            insert_entries(&mut transaction, *network, rows, revision).await?;
        }
        // After the insert: a batch may bring a release and its tombstone together.
        for feed in feeds {
            change_payloads(&mut transaction, *network, feed, revision).await?;
        }
        insert_rosters(&mut transaction, *network, rosters).await?;
        transaction.commit().await?;
        Ok(Committed::Done(revision))
    }

    pub async fn admit(
        &self,
        network: NetworkId,
        invitation: InvitationId,
        most: u32,
        node: NodeId,
        pin: TlsPin,
    ) -> Result<Admitted, StoreError> {
        let mut transaction = self.writer.begin().await?;
        // Takes the row's lock, so that two uses are counted one after the other; others learn of the new pin by it.
        sqlx::query("UPDATE network SET revision = revision + 1 WHERE network = $1")
            .bind(network.as_bytes().to_vec())
            .execute(&mut *transaction)
            .await?;
        let again = sqlx::query(
            "UPDATE admission SET pin = $4 WHERE network = $1 AND invitation = $2 AND node = $3",
        )
        .bind(network.as_bytes().to_vec())
        .bind(invitation.as_bytes().to_vec())
        .bind(node.as_bytes().to_vec())
        .bind(pin.as_bytes().to_vec())
        .execute(&mut *transaction)
        .await?;
        if again.rows_affected() == 0 {
            let row = sqlx::query(
                "SELECT count(*) AS uses FROM admission WHERE network = $1 AND invitation = $2",
            )
            .bind(network.as_bytes().to_vec())
            .bind(invitation.as_bytes().to_vec())
            .fetch_one(&mut *transaction)
            .await?;
            if number(&row, "admission", "uses")? >= u64::from(most) {
                transaction.rollback().await?;
                return Ok(Admitted::UsedUp);
            }
            sqlx::query(
                "INSERT INTO admission (network, invitation, node, pin) VALUES ($1, $2, $3, $4)",
            )
            .bind(network.as_bytes().to_vec())
            .bind(invitation.as_bytes().to_vec())
            .bind(node.as_bytes().to_vec())
            .bind(pin.as_bytes().to_vec())
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(Admitted::Counted)
    }

    pub async fn remember_peer(
        &self,
        network: NetworkId,
        peer: &PeerRow,
    ) -> Result<(), StoreError> {
        let PeerRow { address, pin, node } = peer;
        sqlx::query(
            "INSERT INTO peer (network, address, pin, node) VALUES ($1, $2, $3, $4)
             ON CONFLICT (network, address) DO UPDATE SET pin = excluded.pin, node = excluded.node",
        )
        .bind(network.as_bytes().to_vec())
        .bind(address.clone())
        .bind(pin.as_bytes().to_vec())
        .bind(node.map(|node| node.as_bytes().to_vec()))
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

async fn change_feed(
    transaction: &mut Transaction<'_, Db>,
    network: NetworkId,
    feed: &FeedChange,
    revision: u64,
) -> Result<(), StoreError> {
    let network = network.as_bytes().to_vec();
    let writer = feed.writer.as_bytes().to_vec();
    if let Some(Place { epoch, seq }) = feed.cut_after {
        sqlx::query(
            "UPDATE entry SET standing = FALSE WHERE network = $1 AND writer = $2 AND (epoch, seq) > ($3, $4)",
        )
        .bind(network.clone())
        .bind(writer.clone())
        .bind(i64::from(epoch))
        .bind(seq as i64)
        .execute(&mut **transaction)
        .await?;
    }
    for hash in &feed.raised {
        sqlx::query(
            "UPDATE entry SET standing = TRUE, revision = $4 WHERE network = $1 AND writer = $2 AND hash = $3",
        )
        .bind(network.clone())
        .bind(writer.clone())
        .bind(hash.as_bytes().to_vec())
        .bind(revision as i64)
        .execute(&mut **transaction)
        .await?;
    }
    if let Some(state) = &feed.state {
        let anew = if feed.anew { revision } else { 0 };
        sqlx::query(
            "INSERT INTO feed (network, writer, state, revision, anew) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (network, writer) DO UPDATE SET state = excluded.state, revision = excluded.revision,
             anew = CASE WHEN excluded.anew > 0 THEN excluded.anew ELSE feed.anew END",
        )
        .bind(network.clone())
        .bind(writer.clone())
        .bind(state.clone())
        .bind(revision as i64)
        .bind(anew as i64)
        .execute(&mut **transaction)
        .await?;
    }
    for (second, proof) in &feed.forks {
        sqlx::query(
            "INSERT INTO fork (network, writer, second, proof) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(network.clone())
        .bind(writer.clone())
        .bind(second.as_bytes().to_vec())
        .bind(proof.clone())
        .execute(&mut **transaction)
        .await?;
    }
    match feed.fault {
        FaultChange::Keep => {}
        FaultChange::Clear => {
            sqlx::query("DELETE FROM fault WHERE network = $1 AND writer = $2")
                .bind(network)
                .bind(writer)
                .execute(&mut **transaction)
                .await?;
        }
        FaultChange::Note(fault) => {
            sqlx::query(
                "INSERT INTO fault (network, writer, fault) VALUES ($1, $2, $3)
                 ON CONFLICT (network, writer) DO UPDATE SET fault = excluded.fault",
            )
            .bind(network)
            .bind(writer)
            .bind(i64::from(fault))
            .execute(&mut **transaction)
            .await?;
        }
    }
    Ok(())
}

async fn insert_entries(
    transaction: &mut Transaction<'_, Db>,
    network: NetworkId,
    rows: &[&EntryRow],
    revision: u64,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::<Db>::new(
        "INSERT INTO entry (network, writer, epoch, seq, hash, header, signature, payload, size, standing, dropped,
         revision) ",
    );
    insert.push_values(rows, |mut values, row| {
        let RawEntry {
            header,
            signature,
            payload,
        } = &row.raw;
        let signature = Vec::from(*signature);
        let size = header.len() + signature.len() + payload.as_ref().map_or(0, Vec::len);
        values
            .push_bind(network.as_bytes().to_vec())
            .push_bind(row.writer.as_bytes().to_vec())
            .push_bind(i64::from(row.place.epoch))
            .push_bind(row.place.seq as i64)
            .push_bind(row.hash.as_bytes().to_vec())
            .push_bind(header.clone())
            .push_bind(signature)
            .push_bind(payload.clone())
            .push_bind(size as i64)
            .push_bind(row.standing)
            .push_bind(row.dropped)
            .push_bind(revision as i64);
    });
    insert.build().execute(&mut **transaction).await?;
    Ok(())
}

async fn change_payloads(
    transaction: &mut Transaction<'_, Db>,
    network: NetworkId,
    feed: &FeedChange,
    revision: u64,
) -> Result<(), StoreError> {
    for (hash, payload) in &feed.filled {
        sqlx::query(
            "UPDATE entry SET payload = $4, size = length(header) + length(signature) + $5, revision = $6
             WHERE network = $1 AND writer = $2 AND hash = $3",
        )
        .bind(network.as_bytes().to_vec())
        .bind(feed.writer.as_bytes().to_vec())
        .bind(hash.as_bytes().to_vec())
        .bind(payload.clone())
        .bind(payload.len() as i64)
        .bind(revision as i64)
        .execute(&mut **transaction)
        .await?;
    }
    for hash in &feed.dropped {
        sqlx::query(
            "UPDATE entry SET payload = NULL, dropped = TRUE, size = length(header) + length(signature)
             WHERE network = $1 AND writer = $2 AND hash = $3",
        )
        .bind(network.as_bytes().to_vec())
        .bind(feed.writer.as_bytes().to_vec())
        .bind(hash.as_bytes().to_vec())
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

async fn insert_rosters(
    transaction: &mut Transaction<'_, Db>,
    network: NetworkId,
    rosters: &[(u32, Vec<u8>)],
) -> Result<(), StoreError> {
    for (version, signed) in rosters {
        sqlx::query("INSERT INTO roster (network, version, signed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(network.as_bytes().to_vec())
            .bind(i64::from(*version))
            .bind(signed.clone())
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}
