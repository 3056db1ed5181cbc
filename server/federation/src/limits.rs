//! The numbers of calls between nodes, in one place. Sizes of entries and batches stand in [`krog_feed::limits`].

use std::time::Duration;

/// Largest request taken from a peer, bytes: a full batch and the little around it. Above, gRPC itself refuses.
pub const REQUEST_BYTES: usize = 2 * 1_048_576;
/// Largest response taken from a peer, bytes. Admit returns all versions of a roster.
pub const RESPONSE_BYTES: usize = 16 * 1_048_576;
/// Most entries in one call.
pub const BATCH_ENTRIES: usize = krog_feed::limits::BATCH_ENTRIES;
/// Most bytes of entries in one call.
pub const BATCH_BYTES: usize = krog_feed::limits::BATCH_BYTES;
/// How long one call to a peer may take.
pub const CALL: Duration = Duration::from_secs(30);
/// How long connecting to a peer may take.
pub const CONNECT: Duration = Duration::from_secs(10);
/// How long everything with one peer may take in one round; the rest follows in the next.
pub const PEER: Duration = Duration::from_secs(600);
/// Calls one round makes to one peer at most, so that a peer cannot keep a round busy for ever.
pub const CALLS_PER_PEER: u32 = 20_000;
/// Peers a round talks to at the same time.
pub const PEERS_AT_ONCE: usize = 8;
/// Clocks further apart than this are warned about, seconds.
pub const CLOCK_DIFFERENCE: u64 = 86_400;
/// Times a change is reckoned anew when another exchange on the same database was first.
pub const RETRIES: u32 = 16;
/// Entries read from the store at a time while it is loaded; each may hold 256 KiB.
pub const LOAD_PAGE: u32 = 128;
/// Calls one feed may take of a round with one peer.
pub const CALLS_PER_FEED: u32 = 512;
/// Most heads read from one peer: more than any network has.
pub const HEADS: usize = 200_000;
