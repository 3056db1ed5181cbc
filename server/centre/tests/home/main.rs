//! A centre from its files to its signed entries, over real SQLite files and a stand-in for the node's exchange.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod aggregators;
mod aggregators_lie;
mod aggregators_parts;
mod aggregators_return;
mod common;
mod gate;
mod import;
mod life;
mod office;
mod pool_ends;
mod pool_leaving;
mod pool_questions;
mod pool_restore;
mod pool_walls;
mod pools;
mod restore;
mod trial;
mod walls;
