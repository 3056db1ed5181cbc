//! The exchange's store: SQLite by default, PostgreSQL where one machine is not enough.
//!
//! One SQL text (`sql.rs`, `sql_write.rs`, `sql_parcels.rs`) is compiled once for each engine, and one contract suite runs
//! on both. A store knows bytes and places; what they mean is decided before they come here. Every change of a network's
//! feeds is one transaction which states the revision it was reckoned against, so that of several exchanges on one
//! PostgreSQL only one wins and the others look again. Parcels of pools are no part of that: each is its own hash.

#![allow(
    clippy::duplicate_mod,
    reason = "one SQL text is compiled for each engine"
)]

mod failure;
mod postgres;
mod rows;
mod sqlite;

#[cfg(test)]
pub(crate) mod bench;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod contract_parcels;

pub use failure::{StorageTrouble, StoreError};
pub use rows::{
    AdmissionRow, Admitted, Committed, Cursor, EntryRow, FaultChange, FeedChange, NetworkChange,
    ParcelRow, PeerRow,
};

use std::collections::BTreeSet;

use krog_feed::entry::Place;
use krog_feed::ids::{HeaderHash, InvitationId, NetworkId, NodeId, ParcelHash, TlsPin, WriterId};

/// An open store. Cloning shares its connections.
#[derive(Clone, Debug)]
pub enum Store {
    /// A file of this machine.
    Sqlite(sqlite::Engine),
    /// A database server, possibly shared by several exchanges of one node.
    Postgres(postgres::Engine),
}

/// Calls the same method of whichever engine is behind the store.
macro_rules! on_engine {
    ($store:expr, $engine:ident => $call:expr) => {
        match $store {
            Store::Sqlite($engine) => $call,
            Store::Postgres($engine) => $call,
        }
    };
}

impl Store {
    /// Opens the store at `sqlite:PATH` or `postgres://…`, creating the file and bringing the tables up to date.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            Ok(Store::Sqlite(sqlite::Engine::connect(path).await?))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Ok(Store::Postgres(postgres::Engine::connect(url).await?))
        } else {
            Err(StoreError::Url)
        }
    }

    /// Closes all connections, after what is under way.
    pub async fn close(&self) {
        on_engine!(self, engine => engine.close().await)
    }

    /// Caps a SQLite file at so many pages of 4 KiB; beyond, writes are refused as if the disk were full. Does nothing
    /// on PostgreSQL, whose server has its own limits.
    pub async fn cap_pages(&self, pages: u32) -> Result<(), StoreError> {
        match self {
            Store::Sqlite(engine) => engine.cap_pages(pages).await,
            Store::Postgres(_) => Ok(()),
        }
    }

    /// Binds the store to `node` at its first use and names the node it is bound to.
    pub async fn claim(&self, node: NodeId) -> Result<NodeId, StoreError> {
        on_engine!(self, engine => engine.claim(node).await)
    }

    /// All networks with their revisions, ordered by identity.
    pub async fn networks(&self) -> Result<Vec<(NetworkId, u64)>, StoreError> {
        on_engine!(self, engine => engine.networks().await)
    }

    /// The revision of a network; `None` when it is not here.
    pub async fn revision(&self, network: NetworkId) -> Result<Option<u64>, StoreError> {
        on_engine!(self, engine => engine.revision(network).await)
    }

    /// Adds a network and the versions of its roster it lacks. Repeating it is harmless.
    pub async fn add_network(
        &self,
        network: NetworkId,
        rosters: &[(u32, Vec<u8>)],
    ) -> Result<(), StoreError> {
        on_engine!(self, engine => engine.add_network(network, rosters).await)
    }

    /// The roster's versions as signed, oldest first.
    pub async fn rosters(&self, network: NetworkId) -> Result<Vec<Vec<u8>>, StoreError> {
        on_engine!(self, engine => engine.rosters(network).await)
    }

    /// Commits a change if the network still has the revision it was reckoned against.
    pub async fn commit(&self, change: &NetworkChange) -> Result<Committed, StoreError> {
        on_engine!(self, engine => engine.commit(change).await)
    }

    /// States of the feeds written after a revision, ordered by writer.
    pub async fn feeds_since(
        &self,
        network: NetworkId,
        revision: u64,
    ) -> Result<Vec<(WriterId, Vec<u8>)>, StoreError> {
        on_engine!(self, engine => engine.feeds_since(network, revision).await)
    }

    /// The next standing entries after `cursor` in the order in which they were committed, at most `limit`.
    pub async fn entries_since(
        &self,
        network: NetworkId,
        cursor: &Cursor,
        limit: u32,
    ) -> Result<Vec<(Cursor, EntryRow)>, StoreError> {
        on_engine!(self, engine => engine.entries_since(network, cursor, limit).await)
    }

    /// Whether a feed has to be read anew since a revision: its standing chain was laid anew, or a payload was dropped.
    pub async fn anew_since(&self, network: NetworkId, revision: u64) -> Result<bool, StoreError> {
        on_engine!(self, engine => engine.anew_since(network, revision).await)
    }

    /// The entry with this header, standing or aside; `None` when this feed has no such header here.
    pub async fn entry(
        &self,
        network: NetworkId,
        writer: WriterId,
        hash: HeaderHash,
    ) -> Result<Option<EntryRow>, StoreError> {
        on_engine!(self, engine => engine.entry(network, writer, hash).await)
    }

    /// An entry with another header at the same place; the standing one, if there is one.
    pub async fn rival(
        &self,
        network: NetworkId,
        writer: WriterId,
        place: Place,
        hash: HeaderHash,
    ) -> Result<Option<EntryRow>, StoreError> {
        on_engine!(self, engine => engine.rival(network, writer, place, hash).await)
    }

    /// The standing entry at a place.
    pub async fn standing_at(
        &self,
        network: NetworkId,
        writer: WriterId,
        place: Place,
    ) -> Result<Option<HeaderHash>, StoreError> {
        on_engine!(self, engine => engine.standing_at(network, writer, place).await)
    }

    /// Standing entries whose payload is missing and wanted, at most `limit`.
    pub async fn missing(
        &self,
        network: NetworkId,
        limit: u32,
    ) -> Result<Vec<EntryRow>, StoreError> {
        on_engine!(self, engine => engine.missing(network, limit).await)
    }

    /// Standing entries of one feed after a place, at most `count` and `bytes` (but one at least), and whether more
    /// follow.
    pub async fn entries_after(
        &self,
        network: NetworkId,
        writer: WriterId,
        after: Option<Place>,
        count: u32,
        bytes: u64,
    ) -> Result<(Vec<EntryRow>, bool), StoreError> {
        on_engine!(self, engine => engine.entries_after(network, writer, after, count, bytes).await)
    }

    /// Proofs of forks as encoded, ordered by writer.
    pub async fn forks(&self, network: NetworkId) -> Result<Vec<(WriterId, Vec<u8>)>, StoreError> {
        on_engine!(self, engine => engine.forks(network).await)
    }

    /// Feeds of which a bad entry was offered last, with the fault's number, ordered by writer.
    pub async fn faults(&self, network: NetworkId) -> Result<Vec<(WriterId, i32)>, StoreError> {
        on_engine!(self, engine => engine.faults(network).await)
    }

    /// Counts one use of an invitation. The same node counts once, however often it asks; its pin is the one it asked
    /// with last.
    pub async fn admit(
        &self,
        network: NetworkId,
        invitation: InvitationId,
        most: u32,
        node: NodeId,
        pin: TlsPin,
    ) -> Result<Admitted, StoreError> {
        on_engine!(self, engine => engine.admit(network, invitation, most, node, pin).await)
    }

    /// Uses of invitations counted here, with the TLS keys the nodes came with.
    pub async fn admissions(&self, network: NetworkId) -> Result<Vec<AdmissionRow>, StoreError> {
        on_engine!(self, engine => engine.admissions(network).await)
    }

    /// Keeps parcels; one that is here already stays as it is. The caller has seen that the bytes have the hash.
    pub async fn keep_parcels(
        &self,
        network: NetworkId,
        parcels: &[ParcelRow],
    ) -> Result<(), StoreError> {
        on_engine!(self, engine => engine.keep_parcels(network, parcels).await)
    }

    /// The hashes of all parcels of a network.
    pub async fn parcel_hashes(
        &self,
        network: NetworkId,
    ) -> Result<BTreeSet<ParcelHash>, StoreError> {
        on_engine!(self, engine => engine.parcel_hashes(network).await)
    }

    /// Those of some parcels that are here.
    pub async fn parcels_held(
        &self,
        network: NetworkId,
        hashes: &[ParcelHash],
    ) -> Result<BTreeSet<ParcelHash>, StoreError> {
        on_engine!(self, engine => engine.parcels_held(network, hashes).await)
    }

    /// Those of some parcels that are here, in the order asked for and each once, at most `count` and `bytes` (but one at
    /// least), and whether more of them are here.
    pub async fn parcels(
        &self,
        network: NetworkId,
        hashes: &[ParcelHash],
        count: u32,
        bytes: u64,
    ) -> Result<(Vec<(ParcelHash, Vec<u8>)>, bool), StoreError> {
        on_engine!(self, engine => engine.parcels(network, hashes, count, bytes).await)
    }

    /// Drops parcels by their hashes.
    pub async fn drop_parcels(
        &self,
        network: NetworkId,
        hashes: &[ParcelHash],
    ) -> Result<(), StoreError> {
        on_engine!(self, engine => engine.drop_parcels(network, hashes).await)
    }

    /// Drops parcels whose expiry is `today` (days since 1970-01-01) or before.
    pub async fn drop_expired_parcels(
        &self,
        network: NetworkId,
        today: i64,
    ) -> Result<(), StoreError> {
        on_engine!(self, engine => engine.drop_expired_parcels(network, today).await)
    }

    /// Remembers where a peer is; a later pin or node for the same address replaces the earlier.
    pub async fn remember_peer(
        &self,
        network: NetworkId,
        peer: &PeerRow,
    ) -> Result<(), StoreError> {
        on_engine!(self, engine => engine.remember_peer(network, peer).await)
    }

    /// The remembered peers, ordered by address.
    pub async fn peers(&self, network: NetworkId) -> Result<Vec<PeerRow>, StoreError> {
        on_engine!(self, engine => engine.peers(network).await)
    }
}
