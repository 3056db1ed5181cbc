//! What a round brought, for people and for logs.

use krog_feed::fault::EntryFault;
use krog_feed::ids::{NetworkId, WriterId};
use krog_proto::federation::v1::Refusal;

use super::{DialError, KnownPeer};
use crate::Error;

/// Why a peer's part of a round ended early. What came before is stored.
#[derive(Debug, thiserror::Error)]
pub enum SyncFailure {
    /// It was not reached.
    #[error("not reached: {0}")]
    Unreachable(#[from] DialError),
    /// It refused.
    #[error("it refused: {}", refusal_in_words(*.0))]
    Refused(Refusal),
    /// The call failed.
    #[error("the call failed ({code}): try again later, or ask its operator")]
    Call {
        /// The gRPC code.
        code: tonic::Code,
    },
    /// A call or the whole took too long.
    #[error("it was too slow; the rest follows in the next round")]
    TooSlow,
    /// It answers what no sound node answers.
    #[error("its answer makes no sense ({0}): it may run another version; ask its operator")]
    Nonsense(&'static str),
    /// It offered entries of the feed in question that were not taken, so it is not known what stands there.
    #[error("its entries were not taken: {0}")]
    NotTaken(EntryFault),
    /// It was removed from the network.
    #[error("the node was removed from the network")]
    Removed,
    /// This node's own store or state.
    #[error("this node: {0}")]
    Own(#[from] Error),
}

fn refusal_in_words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Unspecified => "for no stated reason",
        Refusal::UnknownNetwork => "it does not know the network",
        Refusal::NotAMember => {
            "it does not know this node's TLS key as a member's; it may have been removed"
        }
        Refusal::Protocol => {
            "the protocol versions have none in common: upgrade the older of the two"
        }
        Refusal::InvitationInvalid => "the invitation does not hold",
        Refusal::InvitationExpired => "the invitation has expired",
        Refusal::InvitationUsed => "the invitation has been used up",
        Refusal::WrongNode => "another node counts this invitation",
        Refusal::TooLarge => "more was asked or sent than it allows",
        Refusal::Storage => "it cannot store anything now; it is sent again later",
    }
}

/// What came of one peer.
#[derive(Debug)]
pub struct PeerOutcome {
    /// The network.
    pub network: NetworkId,
    /// The peer.
    pub peer: KnownPeer,
    /// Entries that were new here.
    pub received: u64,
    /// Entries it took.
    pub sent: u64,
    /// Seconds its clock is ahead of this node's, when further apart than a day: one of the two is wrong.
    pub clock_ahead: Option<i64>,
    /// Feeds of which it offered an entry that was not taken.
    pub stopped: Vec<(WriterId, EntryFault)>,
    /// Why its part ended early.
    pub failure: Option<SyncFailure>,
}

impl PeerOutcome {
    pub(super) fn failed(network: NetworkId, peer: KnownPeer, failure: SyncFailure) -> PeerOutcome {
        PeerOutcome {
            network,
            peer,
            received: 0,
            sent: 0,
            clock_ahead: None,
            stopped: Vec::new(),
            failure: Some(failure),
        }
    }
}

/// What a round brought.
#[derive(Debug, Default)]
pub struct RoundOutcome {
    /// Each peer of each network.
    pub peers: Vec<PeerOutcome>,
}

impl RoundOutcome {
    /// Peers that answered to the end.
    pub fn answered(&self) -> usize {
        self.peers
            .iter()
            .filter(|peer| peer.failure.is_none())
            .count()
    }

    /// Peers that did not.
    pub fn failed(&self) -> usize {
        self.peers.len() - self.answered()
    }

    /// Entries that were new here.
    pub fn received(&self) -> u64 {
        self.peers.iter().map(|peer| peer.received).sum()
    }

    /// Entries peers took.
    pub fn sent(&self) -> u64 {
        self.peers.iter().map(|peer| peer.sent).sum()
    }
}
