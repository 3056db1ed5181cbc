//! The numbers every node keeps to, in one place: sizes of entries and documents, quotas of feeds, calls between nodes,
//! connections of strangers. Rooms above take them from here.

use std::time::Duration;

/// Protocol version this program speaks and the highest payload version it understands.
pub const PROTOCOL: u16 = 1;

/// Longest encoded header, bytes.
pub const HEADER_BYTES: usize = 256;
/// Random bytes before every payload's body.
pub const SALT_BYTES: usize = 16;
/// Shortest payload: the salt alone.
pub const PAYLOAD_BYTES_MIN: usize = SALT_BYTES;
/// Longest payload, salt included, bytes.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;
/// Longest body of a payload, bytes.
pub const BODY_BYTES_MAX: usize = PAYLOAD_BYTES_MAX - SALT_BYTES;
/// Highest epoch.
pub const EPOCH_MAX: u32 = 1_000_000;
/// Highest place in an epoch.
pub const SEQ_MAX: u64 = 1_000_000_000_000;

/// Most entries in one call.
pub const BATCH_ENTRIES: usize = 256;
/// Most bytes of entries in one call.
pub const BATCH_BYTES: usize = 1_048_576;
/// Most heads in one answer.
pub const HEADS_PER_PAGE: usize = 1_000;
/// Most fork proofs in one answer.
pub const FORKS_PER_PAGE: usize = 100;

/// Entries kept of one feed whose payload this program cannot read.
pub const UNREADABLE_ENTRIES: u32 = 4_096;
/// Payload bytes kept of such entries of one feed.
pub const UNREADABLE_BYTES: u64 = 16 * 1_048_576;
/// Entries kept beside a feed's standing chain (branches of a fork) since its last opening.
pub const ASIDE_ENTRIES: u32 = 512;
/// Payload bytes of entries kept beside.
pub const ASIDE_BYTES: u64 = 4 * 1_048_576;
/// Payload bytes of one whole feed.
pub const FEED_BYTES: u64 = 256 * 1_048_576;
/// Openings of new epochs kept of one feed.
pub const OPENINGS: usize = 1_000;
/// Feeds held that name a node which does not (yet) name them.
pub const CLAIMED_FEEDS_PER_NODE: usize = 8;
/// Entries held of such a feed.
pub const CLAIMED_ENTRIES: u64 = 64;
/// Unknown feeds asked for in one round with one peer.
pub const STRANGERS_PER_ROUND: usize = 1_000;
/// A newcomer's admission stands among this many first entries of its feed.
pub const NEWCOMER_ENTRIES: usize = 8;
/// Roster versions kept until the versions before them arrive.
pub const PENDING_ROSTERS: usize = 64;

/// Fewest persons in a released cell, whatever a policy says.
pub const FLOOR_PERSONS: u32 = 10;
/// Fewest days a cleared release is shown at home, whatever a policy says.
pub const WAITING_DAYS: u32 = 14;

/// Rounds of pools one keyholder may have open at once; later ones are not looked at.
pub const OPENINGS_PER_KEYHOLDER: usize = 64;
/// What one feed may say about rounds of pools as far as parcels go; later entries are not looked at.
pub const STATEMENTS_PER_FEED: usize = 8_192;
/// Longest parcel of a centre for an aggregator, bytes.
pub const COMMITTED_PARCEL_BYTES: u32 = 65_536;
/// Longest parcel of an aggregator for the other, bytes.
pub const PARCEL_BYTES: u32 = 1_000_000;
/// Most parcels named in one call.
pub const PARCELS_NAMED: usize = 1_024;

/// Longest encoded inception record, bytes.
pub const INCEPTION_BYTES: usize = 128;
/// Longest encoded genesis record, bytes.
pub const GENESIS_BYTES: usize = 512;
/// Longest encoded roster, bytes.
pub const ROSTER_BYTES: usize = 196_608;
/// Longest encoded invitation, bytes.
pub const INVITATION_BYTES: usize = 512;
/// Longest printed join token, characters.
pub const TOKEN_CHARS: usize = 32_768;
/// Most signatures of keyholders under one document.
pub const SIGNATURES: usize = 100;
/// Most nodes in a roster, and most removed ones.
pub const ROSTER_NODES: usize = 2_000;
/// Highest roster version.
pub const ROSTER_VERSION_MAX: u32 = 1_000_000;
/// Most centres of one node.
pub const CENTRES_PER_NODE: usize = 64;
/// Most measures in a policy.
pub const POLICY_MEASURES: usize = 64;

/// Largest request taken from a node of a network, bytes: a full batch and the little around it. Above, gRPC itself
/// refuses.
pub const REQUEST_BYTES: usize = BATCH_BYTES + 128 * 1_024;
/// Largest request taken from a caller whose key belongs to no network here, bytes: an invitation with all its
/// signatures fits. An empty entry takes 2 bytes on the wire and some 70 in memory, so this bounds what a key anybody
/// can make may have decoded.
pub const STRANGER_REQUEST_BYTES: usize = 16 * 1_024;
/// Pushes of nodes under way at once, decoded ones included.
pub const PUSHES: usize = 8;
/// Pushes of one node under way at once: one slow node cannot take all places.
pub const PUSHES_PER_NODE: usize = 2;
/// Pushes under way at once of callers whose key belongs to no network here.
pub const STRANGER_PUSHES: usize = 2;
/// How long a push waits for its turn before it is refused as overloaded.
pub const PUSH_TURN: Duration = Duration::from_secs(10);
/// Largest response taken from a peer, bytes. Admit returns all versions of a roster.
pub const RESPONSE_BYTES: usize = 16 * 1_048_576;
/// How long one call to a peer may take.
pub const CALL: Duration = Duration::from_secs(30);
/// How long connecting to a peer may take.
pub const CONNECT: Duration = Duration::from_secs(10);
/// How long a peer may take to greet. Who does not greet is not waited for.
pub const HELLO: Duration = Duration::from_secs(5);
/// How long asking all peers about one feed may take; who has answered by then counts. A signature waits for it.
pub const ASK: Duration = Duration::from_secs(12);
/// How long a round waits for one peer before it turns to the next one as well.
pub const SHARE: Duration = Duration::from_secs(10);
/// How long everything with one peer may take in one round; the rest follows in the next.
pub const PEER: Duration = Duration::from_secs(120);
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

/// Time for the TLS handshake and the first bytes of HTTP/2 after it.
pub const HANDSHAKE: Duration = Duration::from_secs(5);
/// Connections open at once on one listener.
pub const CONNECTIONS: usize = 256;
/// Connections open at once from one address.
pub const CONNECTIONS_PER_ADDRESS: usize = 16;
/// Requests under way at once on one connection; more are refused as overloaded, not queued.
pub const REQUESTS_PER_CONNECTION: usize = 16;
/// HTTP/2 streams open at once on one connection.
pub const STREAMS: u32 = 32;
/// Bytes of request headers.
pub const REQUEST_HEADER_BYTES: u32 = 8 * 1024;
/// Time for one request.
pub const REQUEST: Duration = Duration::from_secs(30);
/// A silent connection is asked whether it lives.
pub const KEEPALIVE: Duration = Duration::from_secs(30);
/// A connection that does not answer that is closed.
pub const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// A connection is closed after this time; peers dial again.
pub const CONNECTION_AGE: Duration = Duration::from_secs(3600);
/// Pause after the system refused to accept a connection (too many open files, say).
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Time for requests under way to finish when the node stops.
pub const GRACE: Duration = Duration::from_secs(10);
