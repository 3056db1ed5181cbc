//! The shell around feeds: what a node keeps of its networks and how it exchanges that with others. Faces the internet.
//!
//! - [`store`]: bytes on disk, on SQLite or PostgreSQL.
//! - [`exchange`]: the networks of a node as they stand, and taking in what arrives.
//! - [`rpc`]: the three services: `Exchange` and `Library` for peers, `House` and `Library` for the node's own side.
//! - [`sync`]: dialling out, fetching what is lacking here and handing over what is lacking there.
//! - [`permit`]: who may ask; checked at every request.
//!
//! Nothing here can name a member or sign an entry. Time comes in as a [`Clock`], connections as a [`sync::Dial`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod error;
pub mod exchange;
pub mod permit;
pub mod rpc;
pub mod store;
pub mod sync;

pub use error::Error;
pub use exchange::Exchange;
pub use krog_feed::limits;
pub use permit::CallerPin;
pub use store::Store;
pub use sync::{Dial, DialError, PeerAddress, Syncer};

/// The clock: seconds since 1970-01-01 UTC.
pub type Clock = std::sync::Arc<dyn Fn() -> i64 + Send + Sync>;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod tests;
