//! Why the own feed cannot go on, and what to do about it.

use krog_feed::fault::EntryFault;
use krog_feed::invitation::InvitationFault;
use krog_feed::roster::RosterFault;
use krog_feed::writer::AuthorError;
use thiserror::Error;

/// Why the own feed cannot go on now.
#[derive(Debug, Error)]
pub enum FeedError {
    /// Nothing is signed before the head was compared with the network since the start.
    #[error(
        "nothing is decided or signed before this house has compared its own feed with the network since its start: a \
         restored copy may not know what has left already; it is tried again by itself, check that the node's exchange \
         runs and that a peer can be reached"
    )]
    NotConfirmed,
    /// No peer answered, and there are others in the network.
    #[error(
        "no peer of the network has answered about this house's own feed, so nothing is signed: a peer may know entries \
         that a restored copy lacks; check the connection, it is tried again by itself"
    )]
    NoPeerAnswered,
    /// The network has another entry at a place where this house has its own.
    #[error(
        "the network does not know the last entry of this house's own feed, and has another one there: the feed has two \
         branches, nothing is signed; stop any second copy of this house, then open a new epoch with the recovery key"
    )]
    UnknownPlace,
    /// The feed is frozen.
    #[error(
        "this house's own feed has two branches and is frozen: stop any second copy of this house, then open a new epoch \
         with the recovery key"
    )]
    Frozen,
    /// The exchange does not answer.
    #[error(
        "the node's exchange does not answer ({code}); start it, handing over is tried again by itself"
    )]
    HouseSilent {
        /// The status it ended with.
        code: tonic::Code,
    },
    /// The exchange refuses.
    #[error("the node's exchange refuses: {0}")]
    Refused(&'static str),
    /// The exchange does not take an entry.
    #[error("the node's exchange does not take this house's own entry: {0}")]
    Rejected(EntryFault),
    /// What came back as the own feed is not.
    #[error("what came back as this house's own feed does not hold: {0}; nothing of it was taken")]
    NotOurs(EntryFault),
    /// Nothing was signed.
    #[error(transparent)]
    Author(#[from] AuthorError),
    /// A roster does not hold.
    #[error(transparent)]
    Roster(#[from] RosterFault),
    /// An invitation does not hold.
    #[error(transparent)]
    Invitation(#[from] InvitationFault),
    /// There is no such network here.
    #[error("this house is in no such network; join it first")]
    NoNetwork,
}
