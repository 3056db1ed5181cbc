//! All feeds of a network, read from any node and verified here.
//!
//! The node that answers is not trusted: it can withhold, but what it passes on proves itself, from the network's
//! identity (the hash of its genesis) over the rosters to every entry. A bad entry stops its own feed and no other. The
//! comparison is computed here, from the entries, by the same function nodes use.
//!
//! A mirror lives in memory and can be brought up to date from another node than before.

mod fetch;

use std::collections::BTreeMap;

use krog_feed::chain::{FeedState, Head};
use krog_feed::entry::{RawEntry, VerifiedEntry};
use krog_feed::fault::EntryFault;
use krog_feed::ids::{NetworkId, WriterId};
use krog_feed::network::NetworkView;
use krog_feed::published::{CompareRefused, Shelf, compare};
use krog_feed::replication::memory::Replica;
use krog_feed::replication::reading::Endless;
use krog_feed::roster::{RosterChain, RosterFault, SignedRoster};
use krog_feed::rounds::board::{Board, RoundStatus};
use krog_measures::Quarter;
use krog_proto::federation::v1 as pb;
use thiserror::Error;

use crate::call::CallError;

pub use krog_feed::replication::reading::Refreshed;

/// Why a mirror could not be brought up to date.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// The rosters do not verify from the network's identity.
    #[error("the rosters do not belong to this network: {0}")]
    Roster(#[from] RosterFault),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The node refused.
    #[error("{0}")]
    Refused(Refused),
    /// The node's list does not come to an end.
    #[error(transparent)]
    Endless(#[from] Endless),
}

/// Why a node refused to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// It does not know the network.
    #[error("the node does not know this network; read from a node that is in it")]
    UnknownNetwork,
    /// The key this side showed is of no member.
    #[error(
        "the node answers members of the network only; connect with the key of a node that is one"
    )]
    NotAMember,
    /// No common version.
    #[error(
        "the node speaks no version of the protocol this program knows; upgrade the older of the two"
    )]
    Protocol,
    /// Anything else.
    #[error("the node refused for a reason unknown here (number {0}); a newer version may know it")]
    Other(i32),
}

/// A verified copy of a network's feeds.
#[derive(Debug, Clone)]
pub struct Mirror {
    replica: Replica,
    shelf: Shelf,
    board: Board,
    faults: BTreeMap<WriterId, EntryFault>,
}

impl Mirror {
    /// An empty mirror of a network whose rosters are known, oldest first.
    ///
    /// The rosters may come from anyone (an answer to an admission, a node's `House`, an entry of a feed): they must
    /// verify from `network`, which comes from a join token or another way that is trusted. Newer ones are read off the
    /// feeds.
    ///
    /// # Errors
    /// When the rosters do not verify.
    pub fn of_network(
        network: NetworkId,
        rosters: impl IntoIterator<Item = SignedRoster>,
    ) -> Result<Self, MirrorError> {
        Ok(Self::new(RosterChain::from_versions(network, rosters)?))
    }

    /// An empty mirror of a network whose rosters are verified already.
    pub fn new(rosters: RosterChain) -> Self {
        let network = rosters.network();
        Self {
            replica: Replica::new(NetworkView::new(rosters)),
            shelf: Shelf::new(network),
            board: Board::new(network),
            faults: BTreeMap::new(),
        }
    }

    /// The network as its feeds describe it: members, names, addresses, policy.
    pub fn view(&self) -> &NetworkView {
        self.replica.view()
    }

    /// Releases and templates that stand.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The rounds of pools as they stand on a day (days since 1970-01-01), newest deadline first. What was told and what has
    /// failed does not depend on the day, which decides only what is over without a word.
    pub fn rounds(&self, today: i64) -> Vec<RoundStatus> {
        self.board.rounds(self.view(), today)
    }

    /// The heads of all feeds, ordered by writer.
    pub fn heads(&self) -> Vec<Head> {
        self.replica.states().filter_map(FeedState::head).collect()
    }

    /// The standing entries of one feed, from its start.
    pub fn entries(&self, writer: WriterId) -> impl Iterator<Item = &RawEntry> {
        self.replica.standing(writer)
    }

    /// Feeds of which the last refresh did not take something, and why. What came before it stands.
    pub fn faults(&self) -> &BTreeMap<WriterId, EntryFault> {
        &self.faults
    }

    /// Compares one measure of the network's policy over what has been verified. Equal entries give equal bytes, here
    /// and on every node.
    ///
    /// # Errors
    /// When the policy has no such measure.
    pub fn compare(
        &self,
        measure: &str,
        last_quarter: Option<Quarter>,
    ) -> Result<pb::Comparison, CompareRefused> {
        compare(
            self.view(),
            &self.shelf,
            &self.board,
            self.view().policy(),
            measure,
            last_quarter,
        )
    }

    /// Puts on the shelf and the board what stands now. From the start: a feed may have been rebased.
    fn restock(&mut self) {
        let network = self.view().network();
        let (mut shelf, mut board) = (Shelf::new(network), Board::new(network));
        for state in self.replica.states() {
            let writer = state.writer();
            let entries = self.replica.standing(writer).cloned();
            for entry in entries.filter_map(|raw| VerifiedEntry::from_store(raw).ok()) {
                // What they refuse they remember: `shelf().refused()`.
                let _ = shelf.observe(&entry);
                let _ = board.observe(&entry);
            }
            shelf.dispute(writer, state.disputed());
            board.dispute(writer, state.disputed());
        }
        self.shelf = shelf;
        self.board = board;
    }
}

#[cfg(test)]
mod tests;
