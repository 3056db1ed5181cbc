//! A centre from its files to its signed entries, over real SQLite files and a stand-in for the node's exchange.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;
mod gate;
mod import;
mod life;
mod office;
mod restore;
mod trial;
mod walls;
