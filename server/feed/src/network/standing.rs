//! Whose entries are taken, and how many.

use super::NetworkView;
use crate::chain::{FeedState, Head, Step, Surroundings};
use crate::entry::{Arrival, Kind, Place};
use crate::fault::EntryFault;
use crate::identity::CentreInception;
use crate::ids::{NodeId, WriterId};
use crate::invitation::Admission;
use crate::limits;

/// What a feed's writer is to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The office or a centre of a member.
    Member(NodeId),
    /// A centre that says it belongs to this member, whose descriptor does not (yet) name it. Held under a quota, not
    /// counted.
    Claimed(NodeId),
    /// Came by an invitation that was used too often, or whose signers were removed; waits until a roster names it.
    Suspended(NodeId),
    /// Of a node that was removed.
    Removed(NodeId),
    /// Nobody known here.
    Stranger,
}

/// How much of a feed may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// All of it, under the limits every feed has.
    All,
    /// Only the first [`limits::CLAIMED_ENTRIES`].
    First,
    /// Up to this head: its node was removed.
    UpTo(Head),
}

impl Allowance {
    /// Whether this entry may be taken.
    pub fn permits(&self, arrival: &Arrival) -> Result<(), EntryFault> {
        let place = arrival.header().place();
        match self {
            Self::All => Ok(()),
            Self::First if place.epoch == 0 && place.seq < limits::CLAIMED_ENTRIES => Ok(()),
            Self::First => Err(EntryFault::Quota),
            Self::UpTo(last) if place < last.place => Ok(()),
            Self::UpTo(last) if place == last.place && arrival.hash() == last.hash => Ok(()),
            Self::UpTo(_) => Err(EntryFault::NotAMember),
        }
    }

    /// Whether anything after this place could still be taken.
    pub fn reaches_beyond(&self, place: Place) -> bool {
        match self {
            Self::All => true,
            Self::First => place.epoch == 0 && place.seq + 1 < limits::CLAIMED_ENTRIES,
            Self::UpTo(last) => place < last.place,
        }
    }
}

impl NetworkView {
    /// What a writer is to the network, by all that is known here.
    pub fn standing(&self, writer: WriterId) -> Standing {
        if let Some(node) = self.centres.get(&writer) {
            return self.centre_standing(writer, *node);
        }
        let node = writer.as_office_of();
        if self.removed(node) {
            return Standing::Removed(node);
        }
        if self.member(node) {
            return Standing::Member(node);
        }
        if self
            .offices
            .get(&node)
            .is_some_and(|office| !office.admissions.is_empty())
        {
            return Standing::Suspended(node);
        }
        Standing::Stranger
    }

    fn centre_standing(&self, writer: WriterId, node: NodeId) -> Standing {
        if self.removed(node) {
            return Standing::Removed(node);
        }
        if self.member(node) {
            let described = self.descriptor(node).is_some_and(|descriptor| {
                descriptor
                    .centres
                    .iter()
                    .any(|centre| centre.writer == writer)
            });
            return if described {
                Standing::Member(node)
            } else {
                Standing::Claimed(node)
            };
        }
        match self.standing(node.into()) {
            Standing::Suspended(node) => Standing::Suspended(node),
            _ => Standing::Stranger,
        }
    }

    /// The member whose office or centre writes this feed.
    pub fn writer_of_member(&self, writer: WriterId) -> Option<NodeId> {
        match self.standing(writer) {
            Standing::Member(node) => Some(node),
            _ => None,
        }
    }

    /// Whether a standing entry of `writer` at `place` counts: of a member, or of a removed node up to the head the
    /// roster names (all that is held, where it names none).
    pub fn counts(&self, writer: WriterId, place: Place) -> bool {
        match self.standing(writer) {
            Standing::Member(_) => true,
            Standing::Removed(node) => self
                .last_head(node, writer)
                .is_none_or(|last| place <= last.place),
            Standing::Claimed(_) | Standing::Suspended(_) | Standing::Stranger => false,
        }
    }

    fn last_head(&self, node: NodeId, writer: WriterId) -> Option<Head> {
        let latest = self.rosters.latest();
        latest.removed.get(&node)?.get(&writer).copied()
    }

    /// How much of a feed may be taken, given its stored state and what arrives of it now: a newcomer's feed proves by its
    /// first entries that it was invited, a centre's that it names a member. A newcomer's entries are tried out up to its
    /// admission, so that nothing stays behind of a feed that never shows one.
    pub fn allowance(
        &self,
        state: &FeedState,
        arrivals: &[Arrival],
    ) -> Result<Allowance, EntryFault> {
        let writer = state.writer();
        if let Some(known) = self.known_allowance(writer) {
            return known;
        }
        if self.is_invited(state, arrivals) {
            return Ok(Allowance::All);
        }
        let first = arrivals.first().filter(|first| {
            first.header().kind == Kind::CentreInception
                && first.header().previous.is_none()
                && first
                    .body()
                    .is_some_and(|body| WriterId::of(body) == writer)
        });
        match first.and_then(Arrival::body) {
            Some(inception) => self.claim(writer, inception),
            None => Err(EntryFault::NotAMember),
        }
    }

    /// The allowance of a writer that is known here; `None` for a stranger.
    pub(crate) fn known_allowance(
        &self,
        writer: WriterId,
    ) -> Option<Result<Allowance, EntryFault>> {
        match self.standing(writer) {
            Standing::Member(_) => Some(Ok(Allowance::All)),
            Standing::Claimed(_) => Some(Ok(Allowance::First)),
            Standing::Removed(node) => Some(self.up_to_last(node, writer)),
            Standing::Suspended(_) => Some(Err(EntryFault::NotAMember)),
            Standing::Stranger => None,
        }
    }

    fn up_to_last(&self, node: NodeId, writer: WriterId) -> Result<Allowance, EntryFault> {
        let last = self.last_head(node, writer);
        last.map(Allowance::UpTo).ok_or(EntryFault::NotAMember)
    }

    fn is_invited(&self, state: &FeedState, arrivals: &[Arrival]) -> bool {
        let node = state.writer().as_office_of();
        let mut state = state.clone();
        for arrival in arrivals.iter().take(limits::NEWCOMER_ENTRIES) {
            let step = state.accept(arrival.clone(), &Surroundings::default());
            let Ok(Step::Appended(entry, next)) = step else {
                return false;
            };
            state = next;
            let body = entry
                .readable_body()
                .filter(|_| entry.kind() == Kind::Admission);
            if body.is_some_and(|body| self.admits(node, body)) {
                return true;
            }
        }
        false
    }

    fn admits(&self, node: NodeId, body: &[u8]) -> bool {
        let Ok(admission) = Admission::decode(body) else {
            return false;
        };
        // One use too many has to be seen to be reported; after that, further ones need not be kept.
        self.verify_claim(&admission, node).is_ok_and(|verified| {
            verified.stands_under(self.rosters.latest())
                && !self.overused.contains_key(&verified.id())
        })
    }

    fn claim(&self, writer: WriterId, inception: &[u8]) -> Result<Allowance, EntryFault> {
        let node = CentreInception::parse(inception)?.node();
        match self.centre_standing(writer, node) {
            Standing::Member(_) => Ok(Allowance::All),
            Standing::Claimed(_) => {
                let claims = self.centres.iter().filter(|(other, claimed)| {
                    **claimed == node
                        && matches!(self.centre_standing(**other, node), Standing::Claimed(_))
                });
                if claims.count() < limits::CLAIMED_FEEDS_PER_NODE {
                    Ok(Allowance::First)
                } else {
                    Err(EntryFault::Quota)
                }
            }
            Standing::Removed(_) => self.up_to_last(node, writer),
            Standing::Suspended(_) | Standing::Stranger => Err(EntryFault::NotAMember),
        }
    }
}
