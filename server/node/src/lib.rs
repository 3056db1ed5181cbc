//! One NGO's node, put together: configuration, keys on disk, TLS, listeners, lifecycle and the commands of `krogd`.
//!
//! Everything below this crate takes time and chance as arguments; here is where the machine's clock and randomness
//! enter. A node is a folder (see [`folder`]); `krogd run` serves it: the centre side over a local socket (or loopback
//! TLS), the exchange over mutual TLS to other nodes and over a second local socket to its own centre side. The centre
//! side is always the caller; the two may run as two processes.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod chance;
pub mod cli;
pub mod clock;
pub mod demo;
pub mod dial;
pub mod folder;
pub mod listen;
pub mod network;
pub mod node;
pub mod pool;
mod routers;
pub mod run;
mod say;
pub mod settings;
pub mod signals;
pub mod tls;

pub use krog_feed::limits;
