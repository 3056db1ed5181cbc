//! What a network shares, as bytes that prove themselves: entries, chains, identity, rosters, invitations, and how copies
//! of feeds are brought together.
//!
//! Everything here is pure. Storage, sockets, time and chance stay outside: a day is a number, a salt is an argument,
//! and a store answers the questions that [`chain::FeedState::inquiry`] puts. Whatever a peer sends becomes a domain type
//! once, or a [`fault::EntryFault`] (or the fault of its own kind), never a panic.
//!
//! - [`entry`]: a header, its signature and its payload; [`entry::VerifiedEntry`] is the proof that they hold.
//! - [`chain`]: which entry may follow, what proves a fork, how a feed resumes.
//! - [`writer`]: the only way to sign an entry.
//! - [`identity`], [`roster`], [`invitation`]: who is who in a network, and who may change that.
//! - [`network`]: all of it together, as one node sees it.
//! - [`published`]: releases and templates read off the feeds, and the comparison made of them.
//! - [`rounds`]: how far the rounds of pools have come.
//! - [`replication`]: what to fetch, what to push, and taking in what arrives.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod chain;
pub mod entry;
pub mod fault;
pub mod identity;
pub mod ids;
pub mod invitation;
pub mod keys;
pub mod limits;
pub mod network;
pub mod published;
pub mod replication;
pub mod roster;
pub mod rounds;
pub mod writer;

#[cfg(test)]
mod testing;
