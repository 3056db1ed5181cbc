//! What a state asks its store, and what it says an arrival means.

use super::{FeedState, ForkProof};
use crate::entry::{Header, Place, RawEntry, VerifiedEntry};
use crate::ids::HeaderHash;

/// What a state has to know of the stored entries of its feed before it judges an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inquiry {
    /// The arrival's header: is it stored, standing or aside?
    pub hash: HeaderHash,
    /// Its place: which other header is stored there?
    pub place: Place,
    /// The header before it: is it stored, standing or aside?
    pub previous: Option<HeaderHash>,
}

/// The store's answer to an [`Inquiry`], about this feed only, standing and aside alike.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The stored entry with the arrival's own header.
    pub same: Option<Stored>,
    /// A stored entry with another header at the arrival's place; the standing one, if there is one.
    pub rival: Option<RawEntry>,
    /// The stored header the arrival names as its previous one.
    pub parent: Option<Header>,
}

/// An entry that is stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Whether its payload is missing and wanted: not one dropped after a tombstone.
    pub wants_payload: bool,
}

/// What an arrival means for its feed. Each step that changes anything carries the state after it.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "steps are handed on one at a time and never collected"
)]
pub enum Step {
    /// The next entry of the standing chain.
    Appended(VerifiedEntry, FeedState),
    /// The recovery key has opened a new epoch; the entry is the new head and the feed is not frozen.
    Opened {
        /// The opening.
        entry: VerifiedEntry,
        /// True when it does not follow the former head. The store then walks `previous` from the opening to the first
        /// standing header: what was walked becomes standing, what stood after that header goes aside; whoever
        /// interprets entries starts again for this feed.
        rebased: bool,
        /// The state after it.
        state: FeedState,
    },
    /// Verified, to be kept aside: part of a branch that does not stand.
    Kept(VerifiedEntry, FeedState),
    /// A proof that the writer's key was used twice for one place. The second entry is to be kept aside and the proof
    /// for good; the feed is frozen.
    Fork {
        /// The two headers.
        proof: ForkProof,
        /// The entry that contradicts.
        entry: VerifiedEntry,
        /// The state after it, frozen.
        state: FeedState,
    },
    /// The payload of an entry stored without it; only the payload is to be taken.
    PayloadFilled {
        /// Which entry.
        hash: HeaderHash,
        /// Salt and body, as its header states them.
        payload: Vec<u8>,
        /// The state after it.
        state: FeedState,
    },
    /// Nothing new: the header is stored, or it belongs to a branch an opening has closed and nobody needs.
    Duplicate,
}

impl Step {
    /// The state after the step; `None` when nothing changed.
    pub fn state(&self) -> Option<&FeedState> {
        match self {
            Self::Appended(_, state)
            | Self::Opened { state, .. }
            | Self::Kept(_, state)
            | Self::Fork { state, .. }
            | Self::PayloadFilled { state, .. } => Some(state),
            Self::Duplicate => None,
        }
    }
}
