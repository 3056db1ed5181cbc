//! Rounds of pools, read off the feeds.
//!
//! - [`board`]: how far every round has come.
//! - [`parcels`]: which sealed parcels are on their way, and for whom.

pub mod board;
pub mod parcels;
