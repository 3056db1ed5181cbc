//! Why an entry about a round counts for nothing.

use crate::ids::{HeaderHash, WriterId};
use krog_pools::RoundFault;
use thiserror::Error;

/// Why an entry about a round counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RoundsFault {
    /// Bytes that are no payload of their kind, or a value out of range.
    #[error("the {0} cannot be read or is out of range; its writer has to send a correct one")]
    Malformed(&'static str),
    /// A set whose parts or left-out parts are not ordered by centre, each centre once.
    #[error("the set does not name each centre once, in their order")]
    SetUnordered,
    /// An opening that cannot be a round's, or not under the policy it names.
    #[error(transparent)]
    Opening(#[from] RoundFault),
    /// The opening names a roster version that is not known here.
    #[error("the opening names roster version {0}, which is not known here (yet)")]
    UnknownRoster(u32),
    /// The roster version it names has no pools.
    #[error("the roster version the opening names has no pools")]
    NoPools,
    /// The roster version it names has no such measure.
    #[error("the roster version the opening names does not have its measure")]
    UnknownMeasure,
    /// It is not written by the office of a keyholder of the roster version it names.
    #[error("only the office of a keyholder of the roster version it names can open a round")]
    NotAKeyholder,
    /// The opener belongs to the network no longer, or not yet.
    #[error("the opening's writer does not count in this network")]
    OpenerDoesNotCount,
    /// An aggregator does not belong to the network, or was removed before it answered.
    #[error("an aggregator of the round does not belong to this network")]
    AggregatorNotAMember,
    /// Another round over the cell and some of these quarters is under way.
    #[error(
        "another round over this cell and these quarters is under way; open one for others, or once that one has ended"
    )]
    Overlaps,
    /// More openings of one keyholder than are looked at.
    #[error(
        "its keyholder has too many rounds that are not past their expiry; open it again when some are"
    )]
    TooManyOpen,
    /// A second round whose first is not told.
    #[error("the first round that this second one names is not told here (yet)")]
    FirstNotTold,
    /// A second round about something else than its first.
    #[error("the second round asks about other pairs or in other units than its first")]
    NotLikeFirst,
    /// A third round over the same centres.
    #[error("the first round has a second one already")]
    ThirdRound,
    /// What only an aggregator of the round says.
    #[error("only an aggregator named by the opening can say this")]
    NotAnAggregator,
    /// What only the leader says.
    #[error("only the leading aggregator can say this")]
    NotTheLeader,
    /// A commitment of an office, or of a centre that does not count.
    #[error("the commitment is not of a centre that counts in this network")]
    NotACentre,
    /// What can be said once was said before.
    #[error("the writer has said this of the round before; the first entry stands")]
    Repeated,
    /// A half published after its aggregator had ended the round.
    #[error("the half comes after its aggregator had ended the round, and counts for nothing")]
    HalfAfterEnd,
    /// A half of another sum than its aggregator's own set.
    #[error("the half is not over the parts that its aggregator's own set names")]
    HalfOfAnotherSet,
    /// A result that is not what the halves add up to.
    #[error("the result is not what the halves add up to; the halves stand")]
    ResultDiffers,
}

/// An entry that counts for nothing, to be told to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Writer of the feed.
    pub writer: WriterId,
    /// The entry.
    pub entry: HeaderHash,
    /// Why.
    pub fault: RoundsFault,
}
