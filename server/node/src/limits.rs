//! How much a stranger may ask of a node before it is known who calls.

use std::time::Duration;

/// Time for the TLS handshake.
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
pub const HEADER_BYTES: u32 = 8 * 1024;
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
