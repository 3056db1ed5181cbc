//! How far every round of a pool has come, by the entries that stand.
//!
//! A [`Board`] is a reading of what is stored, like a [`Shelf`](crate::published::Shelf): shown the same standing entries
//! in any order it holds the same, and it can be thrown away and filled again. Aggregators, centres and clients all act
//! on it, so everything is judged by who wrote it: an opening by a keyholder of the roster version it names, a commitment
//! by a centre that counts, all else by the two aggregators that the opening names. Of what can be said once, the first
//! in its feed stands. What counts for nothing is [reported](Board::refused); it stops neither its feed nor the round.
//!
//! An entry whose payload is missing may be about any round. Until it arrives, what it could change is not decided: a
//! relay that withholds one can delay a word and never turn it.
//!
//! # When answers are free again
//!
//! [`Stage::Failed`] frees answers, so it is said only where nobody can ever add up their sums. An aggregator that ends a
//! round without telling destroys its key and its shares; where that happened before it published its half, the sums
//! exist nowhere any more, if it is honest. If it is not, the other one is, and must not have published *its* half
//! either. That this half has not arrived here is no proof, and neither is any end of the first one: it may have shown
//! the other a half on a branch of its feed that nobody here has seen, and got the other's half for it. So a round failed
//! when *both* ended it without telling, and no half of either was seen before its own end, on any branch. An honest
//! aggregator that sees the other's end says so with an end of its own, unless its half is out; then it says that it has
//! told. One that never speaks leaves the round silent and its answers spent.
//!
//! Halves after their feed's own end count for nothing: who ended can no longer have anything to publish.
//!
//! Nothing but [`Stage::Failed`] frees answers, least of all that a round is not on the board. An aggregator ends a round
//! that is refused for another round's sake, too; it then stands on the board as failed.

mod fault;
mod item;
mod reading;
mod side;
mod stage;
mod status;

pub use fault::{Refused, RoundsFault};
pub use status::{
    Break, Commitment, HalfEntry, Outcome, ParcelRef, ResultEntry, RoundStatus, SetEntry, Stage,
    Told,
};

use crate::entry::{Kind, Place, VerifiedEntry};
use crate::ids::{HeaderHash, NetworkId, WriterId};
use crate::network::NetworkView;
use item::{Item, Opening};
use krog_pools::aggregation;
use std::collections::BTreeMap;

/// A round: hash of its opening's header.
pub type RoundId = HeaderHash;

/// Entries about rounds of one network, by feed. What it gives depends on which entries it was shown and not on their
/// order.
#[derive(Debug, Clone)]
pub struct Board {
    network: NetworkId,
    feeds: BTreeMap<WriterId, Feed>,
}

#[derive(Debug, Clone, Default)]
struct Feed {
    items: BTreeMap<(Place, HeaderHash), Item>,
    /// By entry, the earliest tombstone that names it.
    retracted: BTreeMap<HeaderHash, Place>,
    disputed: Option<Place>,
    /// Whether the recovery key has opened an epoch: entries before it may have left the feed.
    reopened: bool,
}

/// All rounds of a network and all that counts for nothing, on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The rounds, newest deadline first, then by hash.
    pub rounds: Vec<RoundStatus>,
    /// What stands and counts for nothing, by feed, then by place.
    pub refused: Vec<Refused>,
}

impl Board {
    /// An empty board of a network.
    pub const fn new(network: NetworkId) -> Self {
        Self {
            network,
            feeds: BTreeMap::new(),
        }
    }

    /// Takes in one standing entry, once or more often. Entries aside are not shown to a board; entries of other kinds
    /// or networks say nothing here. A fault is kept and reported again by [`refused`](Self::refused).
    pub fn observe(&mut self, entry: &VerifiedEntry) -> Result<(), RoundsFault> {
        let header = entry.header();
        if header.network != self.network {
            return Ok(());
        }
        if header.epoch > 0 {
            self.feeds.entry(header.writer).or_default().reopened = true;
        }
        let (kind, hash) = (entry.kind(), entry.hash());
        let Some(body) = entry.readable_body() else {
            if is_said(kind) {
                let feed = self.feeds.entry(header.writer).or_default();
                feed.items
                    .entry((header.place(), hash))
                    .or_insert(Item::Hidden(kind));
            }
            return Ok(());
        };
        let said = match kind {
            Kind::PoolOpening => Opening::decode(body).map(|o| Item::Opening(Box::new(o))),
            Kind::PoolKey => item::key(body).map(Item::from),
            Kind::PoolCommitment => item::commitment(hash, body).map(Item::from),
            Kind::PoolCheck => item::check(body).map(Item::from),
            Kind::PoolSet => item::set(hash, body).map(Item::from),
            Kind::PoolHalf => item::half(hash, body).map(Item::from),
            Kind::PoolEnd => item::end(body).map(Item::from),
            Kind::PoolResult => item::result(hash, body).map(Item::from),
            Kind::Tombstone => match item::retracted(body) {
                Ok(entry) => {
                    let feed = self.feeds.entry(header.writer).or_default();
                    let place = feed.retracted.entry(entry).or_insert(header.place());
                    *place = header.place().min(*place);
                    return Ok(());
                }
                Err(fault) => Err(fault),
            },
            Kind::Inception
            | Kind::CentreInception
            | Kind::Descriptor
            | Kind::Roster
            | Kind::Admission
            | Kind::Release
            | Kind::Template
            | Kind::Epoch
            | Kind::Unknown(_) => return Ok(()),
        };
        let (item, outcome) = match said {
            Ok(item) => (item, Ok(())),
            Err(fault) => (Item::Refused(fault), Err(fault)),
        };
        let feed = self.feeds.entry(header.writer).or_default();
        feed.items.insert((header.place(), hash), item);
        outcome
    }

    /// Forgets a feed, before its entries are shown again after a rebase.
    pub fn forget_feed(&mut self, writer: WriterId) {
        self.feeds.remove(&writer);
    }

    /// States from which place on a feed is disputed ([`FeedState::disputed`](crate::chain::FeedState::disputed)): until
    /// that is settled, what stands there counts for nothing. A half there still keeps answers from being freed.
    pub fn dispute(&mut self, writer: WriterId, from: Option<Place>) {
        if from.is_some() || self.feeds.contains_key(&writer) {
            self.feeds.entry(writer).or_default().disputed = from;
        }
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// Rounds and refused entries together, as the network is seen in `view` on day `today` (days since 1970-01-01).
    pub fn read(&self, view: &NetworkView, today: i64) -> Reading {
        reading::read(self, view, today)
    }

    /// The rounds that count, newest deadline first, then by hash.
    pub fn rounds(&self, view: &NetworkView, today: i64) -> Vec<RoundStatus> {
        self.read(view, today).rounds
    }

    /// One round, if it counts.
    pub fn round(&self, view: &NetworkView, today: i64, id: RoundId) -> Option<RoundStatus> {
        self.rounds(view, today)
            .into_iter()
            .find(|round| round.id == id)
    }

    /// Everything that stands undisputed and counts for nothing, by feed, then by place.
    pub fn refused(&self, view: &NetworkView, today: i64) -> Vec<Refused> {
        self.read(view, today).refused
    }
}

impl Feed {
    fn is_undisputed(&self, place: Place) -> bool {
        self.disputed.is_none_or(|disputed| place < disputed)
    }
}

/// Whether a kind says something of a round after its opening.
const fn is_said(kind: Kind) -> bool {
    match kind {
        Kind::PoolKey
        | Kind::PoolCommitment
        | Kind::PoolCheck
        | Kind::PoolSet
        | Kind::PoolHalf
        | Kind::PoolEnd
        | Kind::PoolResult => true,
        Kind::Inception
        | Kind::CentreInception
        | Kind::Descriptor
        | Kind::Roster
        | Kind::Admission
        | Kind::Release
        | Kind::Template
        | Kind::Epoch
        | Kind::Tombstone
        | Kind::PoolOpening
        | Kind::Unknown(_) => false,
    }
}

/// What a half is over: SHA-256 of the round and its parts, centre and commitment each, ordered by centre.
pub fn set_hash(round: RoundId, parts: &[(WriterId, HeaderHash)]) -> [u8; 32] {
    let parts = parts
        .iter()
        .map(|(centre, commitment)| (centre.as_bytes(), commitment.as_bytes()));
    aggregation::set_hash(*round.as_bytes(), parts)
}

#[cfg(test)]
pub(crate) mod tests;
