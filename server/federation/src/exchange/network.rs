//! One network in memory: a reading of what is stored, kept up to date with it.

use std::collections::BTreeMap;

use krog_feed::chain::{FeedState, ForkClaim};
use krog_feed::entry::{RawEntry, VerifiedEntry};
use krog_feed::ids::{NetworkId, NodeId, TlsPin, WriterId};
use krog_feed::network::{NetworkView, Standing};
use krog_feed::published::Shelf;
use krog_feed::roster::{RosterChain, SignedRoster};
use krog_feed::rounds::board::Board;
use krog_feed::rounds::parcels::ParcelIndex;
use krog_proto::federation::v1 as proto;
use prost::Message;
use tokio::sync::{Mutex, RwLock, RwLockReadGuard};

use crate::store::{AdmissionRow, Cursor, Store, StoreError};
use crate::{Error, limits};

/// A network and its locks: one writer reckons at a time, readers see what is on disk.
pub(crate) struct Network {
    pub(super) held: RwLock<Held>,
    pub(super) writing: Mutex<()>,
}

impl Network {
    pub(super) async fn load(store: &Store, network: NetworkId) -> Result<Network, Error> {
        let held = Held::load(store, network).await?;
        Ok(Network {
            held: RwLock::new(held),
            writing: Mutex::new(()),
        })
    }

    /// The network as it stands on disk now.
    pub(crate) async fn fresh(&self, store: &Store) -> Result<RwLockReadGuard<'_, Held>, Error> {
        let held = self.held.read().await;
        if store.revision(held.view.network()).await? == Some(held.revision) {
            return Ok(held);
        }
        drop(held);
        let _writing = self.writing.lock().await;
        self.catch_up(store).await?;
        Ok(self.held.read().await)
    }

    /// Reads what another exchange on the same database has written. The caller holds `writing`.
    pub(super) async fn catch_up(&self, store: &Store) -> Result<(), Error> {
        let held = self.held.read().await;
        let (network, seen) = (held.view.network(), held.revision);
        if store.revision(network).await? == Some(seen) {
            return Ok(());
        }
        let mut next = if store.anew_since(network, seen).await? {
            return {
                drop(held);
                self.reload(store, network).await
            };
        } else {
            held.clone()
        };
        drop(held);
        next.read_on(store).await?;
        *self.held.write().await = next;
        Ok(())
    }

    /// Reads everything anew. The caller holds `writing`.
    async fn reload(&self, store: &Store, network: NetworkId) -> Result<(), Error> {
        let next = Held::load(store, network).await?;
        *self.held.write().await = next;
        Ok(())
    }
}

/// What is known of a network.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) revision: u64,
    pub(crate) view: NetworkView,
    pub(crate) feeds: BTreeMap<WriterId, FeedState>,
    /// The proof for each frozen feed.
    pub(crate) forks: BTreeMap<WriterId, proto::ForkProof>,
    pub(crate) faults: BTreeMap<WriterId, i32>,
    /// Nodes admitted here by the TLS key they came with; it counts until their descriptor has arrived.
    pub(crate) admitted: Vec<AdmissionRow>,
    pub(crate) shelf: Shelf,
    pub(crate) board: Board,
    pub(crate) parcels: ParcelIndex,
}

impl Held {
    async fn load(store: &Store, network: NetworkId) -> Result<Held, Error> {
        let rosters = read_rosters(store, network).await?;
        let chain = RosterChain::from_versions(network, rosters)
            .map_err(|fault| Error::Roster(fault.to_string()))?;
        let mut held = Held {
            revision: 0,
            view: NetworkView::new(chain),
            feeds: BTreeMap::new(),
            forks: BTreeMap::new(),
            faults: BTreeMap::new(),
            admitted: Vec::new(),
            shelf: Shelf::new(network),
            board: Board::new(network),
            parcels: ParcelIndex::new(network),
        };
        held.read_on(store).await?;
        Ok(held)
    }

    /// Reads what was committed after this revision. What is read twice says the same twice.
    async fn read_on(&mut self, store: &Store) -> Result<(), Error> {
        let network = self.view.network();
        let revision = store
            .revision(network)
            .await?
            .ok_or(Error::UnknownNetwork)?;
        for roster in read_rosters(store, network).await? {
            self.view.learn_roster(roster);
        }
        for (writer, state) in store.feeds_since(network, self.revision).await? {
            let state = FeedState::from_bytes(&state).map_err(|_| StoreError::Damaged {
                table: "feed",
                column: "state",
            })?;
            self.feeds.insert(writer, state);
        }
        let mut cursor = Cursor::after_revision(self.revision);
        loop {
            let page = store
                .entries_since(network, &cursor, limits::LOAD_PAGE)
                .await?;
            let Some((last, _)) = page.last() else { break };
            cursor = last.clone();
            for (_, row) in page {
                let entry = verified(row.raw)?;
                self.show(&entry);
            }
        }
        for (writer, proof) in store.forks(network).await? {
            let proof =
                proto::ForkProof::decode(proof.as_slice()).map_err(|_| StoreError::Damaged {
                    table: "fork",
                    column: "proof",
                })?;
            self.keep_proof(writer, proof);
        }
        self.settle_disputes();
        self.faults = store.faults(network).await?.into_iter().collect();
        self.admitted = store.admissions(network).await?;
        self.revision = revision;
        Ok(())
    }

    /// Shows a feed to all who interpret entries as if for the first time.
    pub(super) fn show_anew(&mut self, writer: WriterId, entries: &[VerifiedEntry]) {
        self.view.forget_feed(writer);
        self.shelf.forget_feed(writer);
        self.board.forget_feed(writer);
        self.parcels.forget_feed(writer);
        for entry in entries {
            self.show(entry);
        }
    }

    /// Shows a standing entry to all who interpret entries.
    pub(super) fn show(&mut self, entry: &VerifiedEntry) {
        self.view.observe(entry);
        self.parcels.observe(entry);
        // What the shelf or the board does not take counts for nothing there; its feed goes on.
        let writer = entry.header().writer;
        if let Err(fault) = self.shelf.observe(entry) {
            tracing::debug!(writer = %writer.short(), entry = %entry.hash().short(), %fault, "not on the shelf");
        }
        if let Err(fault) = self.board.observe(entry) {
            tracing::debug!(writer = %writer.short(), entry = %entry.hash().short(), %fault, "not on the board");
        }
    }

    /// Keeps the proof that froze a feed; proofs of settled disputes are not passed on.
    pub(super) fn keep_proof(&mut self, writer: WriterId, proof: proto::ForkProof) {
        let disputed = self.feeds.get(&writer).and_then(FeedState::disputed);
        let place = ForkClaim::parse(proof.clone())
            .ok()
            .map(|claim| claim.first().header().place());
        if disputed.is_some() && disputed == place {
            self.forks.insert(writer, proof);
        }
    }

    /// Tells the shelf and the board what is disputed, and forgets proofs of what is settled.
    pub(super) fn settle_disputes(&mut self) {
        for (writer, feed) in &self.feeds {
            self.shelf.dispute(*writer, feed.disputed());
            self.board.dispute(*writer, feed.disputed());
            if !feed.is_frozen() {
                self.forks.remove(writer);
            }
        }
    }

    /// The member that holds a TLS key: by its descriptor or, while that has not arrived, by having been admitted here.
    pub(crate) fn member_by_pin(&self, pin: TlsPin) -> Option<NodeId> {
        self.view.node_by_pin(pin).or_else(|| {
            let expected = |row: &&AdmissionRow| {
                let standing = self.view.standing(row.node.into());
                row.pin == pin
                    && self.view.descriptor(row.node).is_none()
                    && matches!(standing, Standing::Stranger | Standing::Member(_))
            };
            self.admitted.iter().find(expected).map(|row| row.node)
        })
    }

    /// The state of a feed; empty when nothing of it is here.
    pub(super) fn feed(&self, writer: WriterId) -> FeedState {
        let empty = || FeedState::empty(self.view.network(), writer);
        self.feeds.get(&writer).cloned().unwrap_or_else(empty)
    }
}

/// All standing entries of one feed.
pub(super) async fn read_feed(
    store: &Store,
    network: NetworkId,
    writer: WriterId,
) -> Result<Vec<VerifiedEntry>, Error> {
    let mut entries = Vec::new();
    let mut after = None;
    loop {
        let (rows, more) = store
            .entries_after(
                network,
                writer,
                after,
                limits::LOAD_PAGE,
                limits::BATCH_BYTES as u64,
            )
            .await?;
        after = rows.last().map(|row| row.place).or(after);
        for row in rows {
            entries.push(verified(row.raw)?);
        }
        if !more {
            return Ok(entries);
        }
    }
}

/// An entry that was verified before it was stored.
fn verified(raw: RawEntry) -> Result<VerifiedEntry, Error> {
    let damaged = |_| StoreError::Damaged {
        table: "entry",
        column: "header",
    };
    Ok(VerifiedEntry::from_store(raw).map_err(damaged)?)
}

async fn read_rosters(store: &Store, network: NetworkId) -> Result<Vec<SignedRoster>, Error> {
    let damaged = || StoreError::Damaged {
        table: "roster",
        column: "signed",
    };
    let rosters = store.rosters(network).await?;
    rosters
        .iter()
        .map(|bytes| SignedRoster::decode(bytes).map_err(|_| damaged().into()))
        .collect()
}
