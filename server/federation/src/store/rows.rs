//! What is written to and read from a store.

use krog_feed::entry::{Place, RawEntry, VerifiedEntry};
use krog_feed::ids::{HeaderHash, InvitationId, NetworkId, NodeId, ParcelHash, TlsPin, WriterId};

/// One stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// The feed's writer.
    pub writer: WriterId,
    /// Where its header says it stands.
    pub place: Place,
    /// Hash of the header.
    pub hash: HeaderHash,
    /// Whether it belongs to the standing chain; false for what is kept aside.
    pub standing: bool,
    /// Whether its author's tombstone took the payload.
    pub dropped: bool,
    /// Header, signature and payload, byte for byte.
    pub raw: RawEntry,
}

impl EntryRow {
    /// The row of an entry that holds.
    pub fn new(entry: &VerifiedEntry, standing: bool) -> EntryRow {
        EntryRow {
            writer: entry.header().writer,
            place: entry.header().place(),
            hash: entry.hash(),
            standing,
            dropped: false,
            raw: entry.raw().clone(),
        }
    }
}

/// A place in the order in which entries were committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Revision of the network with which the entry came.
    pub revision: u64,
    /// The feed's writer; empty before the first.
    pub writer: Vec<u8>,
    /// Where the entry stands in its feed.
    pub place: Place,
}

impl Cursor {
    /// The place after everything of a revision.
    pub fn after_revision(revision: u64) -> Cursor {
        Cursor {
            revision: revision + 1,
            writer: Vec::new(),
            place: Place { epoch: 0, seq: 0 },
        }
    }
}

/// What a transaction does to one network.
#[derive(Clone, Debug)]
pub struct NetworkChange {
    /// The network.
    pub network: NetworkId,
    /// The revision the change was reckoned against.
    pub seen: u64,
    /// Changes of feeds; each writer once.
    pub feeds: Vec<FeedChange>,
    /// New versions of the roster, as signed.
    pub rosters: Vec<(u32, Vec<u8>)>,
}

/// What a transaction does to one feed, in this order.
#[derive(Clone, Debug)]
pub struct FeedChange {
    /// The feed's writer.
    pub writer: WriterId,
    /// The feed's new state; `None` when only a fault is noted.
    pub state: Option<Vec<u8>>,
    /// The place after which what stood is laid aside, when a new epoch stands on another header than the head.
    pub cut_after: Option<Place>,
    /// Stored entries that stand from now on.
    pub raised: Vec<HeaderHash>,
    /// New entries.
    pub entries: Vec<EntryRow>,
    /// Whether who reads along has to read the feed anew.
    pub anew: bool,
    /// Payloads of entries stored without.
    pub filled: Vec<(HeaderHash, Vec<u8>)>,
    /// Entries whose payload is dropped.
    pub dropped: Vec<HeaderHash>,
    /// Proofs of forks: hash of the second header, and the encoded proof.
    pub forks: Vec<(HeaderHash, Vec<u8>)>,
    /// What becomes of the note of a bad entry.
    pub fault: FaultChange,
}

impl FeedChange {
    /// Nothing yet.
    pub fn of(writer: WriterId) -> FeedChange {
        FeedChange {
            writer,
            state: None,
            cut_after: None,
            raised: Vec::new(),
            entries: Vec::new(),
            anew: false,
            filled: Vec::new(),
            dropped: Vec::new(),
            forks: Vec::new(),
            fault: FaultChange::Keep,
        }
    }
}

/// What becomes of the note that a bad entry of a feed was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultChange {
    /// Nothing.
    Keep,
    /// A good entry followed.
    Clear,
    /// A bad entry was offered; the fault's number on the wire.
    Note(i32),
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is on disk, and the network has this revision.
    Done(u64),
    /// Another writer was first; nothing was written. Look again and retry.
    Stale,
}

/// What became of a use of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It is counted, or was before for this node.
    Counted,
    /// As many nodes as it may admit came before.
    UsedUp,
}

/// Where a peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRow {
    /// `host:port`.
    pub address: String,
    /// SHA-256 of its TLS key.
    pub pin: TlsPin,
    /// Which node it is, when known.
    pub node: Option<NodeId>,
}

/// A parcel of a pool.
#[derive(Clone, PartialEq, Eq)]
pub struct ParcelRow {
    /// SHA-256 of the sealed bytes.
    pub hash: ParcelHash,
    /// Day from which on it is dropped, as days since 1970-01-01.
    pub expiry: u32,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for ParcelRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParcelRow")
            .field("hash", &self.hash.short())
            .field("expiry", &self.expiry)
            .field("bytes", &self.sealed.len())
            .finish()
    }
}

/// One use of an invitation, counted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdmissionRow {
    /// The invitation.
    pub invitation: InvitationId,
    /// Who used it.
    pub node: NodeId,
    /// The TLS key it came with.
    pub pin: TlsPin,
}
