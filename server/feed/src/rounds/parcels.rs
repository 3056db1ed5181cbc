//! Which parcels of pools are on their way: what standing entries state, so that nobody keeps anything else.

use crate::entry::{Kind, Place, VerifiedEntry};
use crate::ids::{HeaderHash, NetworkId, NodeId, WriterId};
use crate::limits::{
    COMMITTED_PARCEL_BYTES, OPENINGS_PER_KEYHOLDER, PARCEL_BYTES, STATEMENTS_PER_FEED,
};
use crate::network::NetworkView;
use krog_proto::federation::v1 as proto;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

pub use crate::ids::ParcelHash;

/// A parcel as a standing entry states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParcelTerms {
    /// SHA-256 of the parcel.
    pub hash: ParcelHash,
    /// Its length, 1 to [`PARCEL_BYTES`].
    pub bytes: u32,
    /// Writer of the feed that states it: the centre or office that sealed it.
    pub writer: WriterId,
    /// The opening of its round.
    pub opening: HeaderHash,
    /// The aggregator it is sealed to.
    pub to: NodeId,
    /// Day from which on it is dropped, as days since 1970-01-01.
    pub expiry: u32,
}

/// What the feeds of one network state about parcels. What it gives depends on which entries it was shown and not on
/// their order between feeds.
///
/// A disputed feed is read like any other: a parcel kept in vain costs room, one dropped too early costs a part.
#[derive(Debug, Clone)]
pub struct ParcelIndex {
    network: NetworkId,
    openings: BTreeMap<WriterId, BTreeMap<(Place, HeaderHash), Opening>>,
    /// By opening, which may not have arrived.
    rounds: BTreeMap<HeaderHash, Round>,
    /// By feed and entry, the earliest tombstone that names it.
    tombstones: BTreeMap<WriterId, BTreeMap<HeaderHash, Place>>,
    /// By feed, how many openings and statements are kept.
    kept: BTreeMap<WriterId, usize>,
}

#[derive(Debug, Clone, Copy)]
struct Opening {
    leader: NodeId,
    helper: NodeId,
    deadline: u32,
    expiry: u32,
}

/// What was said about one round; by writer, the first of each kind.
#[derive(Debug, Clone, Default)]
struct Round {
    commitments: BTreeMap<WriterId, First<Commitment>>,
    checks: BTreeMap<WriterId, First<Sealed>>,
    sets: BTreeMap<WriterId, First<Sealed>>,
    ends: BTreeMap<WriterId, First<()>>,
}

/// The earliest entry that says something.
#[derive(Debug, Clone, Copy)]
struct First<T> {
    place: Place,
    entry: HeaderHash,
    said: T,
}

#[derive(Debug, Clone, Copy)]
struct Commitment {
    leader: Sealed,
    helper: Sealed,
}

#[derive(Debug, Clone, Copy)]
struct Sealed {
    hash: ParcelHash,
    bytes: u32,
}

impl ParcelIndex {
    /// The index of a network of which nothing is known.
    pub const fn new(network: NetworkId) -> Self {
        Self {
            network,
            openings: BTreeMap::new(),
            rounds: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Takes in one standing entry, once or more often. Entries of other kinds or networks, of newer versions, those
    /// whose payload is missing, and those that cannot be read or are out of range say nothing here.
    pub fn observe(&mut self, entry: &VerifiedEntry) {
        let header = entry.header();
        if header.network != self.network {
            return;
        }
        let Some(body) = entry.readable_body() else {
            return;
        };
        // Whether it was understood is nobody's question.
        let _ = match entry.kind() {
            Kind::PoolOpening => self.open(entry, body),
            Kind::PoolCommitment => self.commit(entry, body),
            Kind::PoolCheck => self.check(entry, body),
            Kind::PoolSet => self.set(entry, body),
            Kind::PoolEnd => self.end(entry, body),
            Kind::Tombstone => self.bury(entry),
            Kind::Inception
            | Kind::CentreInception
            | Kind::Descriptor
            | Kind::Roster
            | Kind::Admission
            | Kind::Release
            | Kind::Template
            | Kind::Epoch
            | Kind::PoolKey
            | Kind::PoolHalf
            | Kind::PoolResult
            | Kind::Unknown(_) => None,
        };
    }

    /// Forgets a feed, before its entries are shown again after a rebase.
    pub fn forget_feed(&mut self, writer: WriterId) {
        self.openings.remove(&writer);
        self.tombstones.remove(&writer);
        if self.kept.remove(&writer).is_none() {
            return;
        }
        self.rounds.retain(|_, round| {
            let Round {
                commitments,
                checks,
                sets,
                ends,
            } = round;
            commitments.remove(&writer);
            checks.remove(&writer);
            sets.remove(&writer);
            ends.remove(&writer);
            !(commitments.is_empty() && checks.is_empty() && sets.is_empty() && ends.is_empty())
        });
    }

    /// The parcels that are wanted on a day (days since 1970-01-01), by opening. Two writers may state the same hash.
    ///
    /// Wanted is what these state: the first commitment of a centre that counts, unless it was withdrawn by the deadline;
    /// the check of the leader; the set of each aggregator. The round must be opened by a keyholder of the latest roster and not be
    /// past its expiry, and the aggregator a parcel is for must not have ended it.
    pub fn wanted(&self, view: &NetworkView, today: i64) -> Vec<ParcelTerms> {
        let mut wanted = Vec::new();
        for (hash, opening) in self.live(view, today) {
            if let Some(round) = self.rounds.get(&hash) {
                self.wanted_of(view, today, hash, opening, round, &mut wanted);
            }
        }
        wanted
    }

    /// Openings of keyholders that are not past their expiry, ordered by their hash.
    fn live(&self, view: &NetworkView, today: i64) -> BTreeMap<HeaderHash, Opening> {
        let keyholders = view.rosters().latest().keyholders.keys();
        let of_each = keyholders.filter_map(|node| self.openings.get(&WriterId::from(*node)));
        of_each
            .flat_map(|openings| {
                openings
                    .iter()
                    .filter(|(_, opening)| today < i64::from(opening.expiry))
                    .take(OPENINGS_PER_KEYHOLDER)
                    .map(|((_, hash), opening)| (*hash, *opening))
            })
            .collect()
    }

    fn wanted_of(
        &self,
        view: &NetworkView,
        today: i64,
        hash: HeaderHash,
        opening: Opening,
        round: &Round,
        wanted: &mut Vec<ParcelTerms>,
    ) {
        let Opening {
            leader,
            helper,
            deadline,
            expiry,
        } = opening;
        // A withdrawal that is seen only after the deadline may have come too late: the aggregators decide.
        let may_withdraw = today <= i64::from(deadline);
        let ended: BTreeSet<NodeId> = [leader, helper]
            .into_iter()
            .filter(|node| said(view, &round.ends, (*node).into()).is_some())
            .collect();
        let mut want = |writer, to, sealed: Sealed| {
            if !ended.contains(&to) {
                wanted.push(ParcelTerms {
                    hash: sealed.hash,
                    bytes: sealed.bytes,
                    writer,
                    opening: hash,
                    to,
                    expiry,
                });
            }
        };
        for (writer, first) in &round.commitments {
            let withdrawn = may_withdraw && self.withdrawn(view, *writer, first.entry);
            if view.counts(*writer, first.place) && !withdrawn {
                want(*writer, leader, first.said.leader);
                want(*writer, helper, first.said.helper);
            }
        }
        let statements = [
            (&round.checks, leader, helper),
            (&round.sets, helper, leader),
            (&round.sets, leader, helper),
        ];
        for (kind, from, to) in statements {
            let writer = from.into();
            if let Some(sealed) = said(view, kind, writer) {
                want(writer, to, *sealed);
            }
        }
    }

    fn withdrawn(&self, view: &NetworkView, writer: WriterId, entry: HeaderHash) -> bool {
        self.tombstones
            .get(&writer)
            .and_then(|of_feed| of_feed.get(&entry))
            .is_some_and(|place| view.counts(writer, *place))
    }

    fn open(&mut self, entry: &VerifiedEntry, body: &[u8]) -> Option<()> {
        let opening = Opening::parse(body)?;
        let writer = entry.header().writer;
        let place = (entry.header().place(), entry.hash());
        let known = self
            .openings
            .get(&writer)
            .is_some_and(|of_feed| of_feed.contains_key(&place));
        if known || !self.has_room(writer) {
            return None;
        }
        self.openings
            .entry(writer)
            .or_default()
            .insert(place, opening);
        *self.kept.entry(writer).or_default() += 1;
        Some(())
    }

    fn commit(&mut self, entry: &VerifiedEntry, body: &[u8]) -> Option<()> {
        let proto::PoolCommitment {
            opening,
            nonce: _,
            leader_parcel,
            leader_parcel_bytes,
            helper_parcel,
            helper_parcel_bytes,
        } = proto::PoolCommitment::decode(body).ok()?;
        let said = Commitment {
            leader: Sealed::parse(&leader_parcel, leader_parcel_bytes, COMMITTED_PARCEL_BYTES)?,
            helper: Sealed::parse(&helper_parcel, helper_parcel_bytes, COMMITTED_PARCEL_BYTES)?,
        };
        self.say(entry, &opening, |round| &mut round.commitments, said)
    }

    fn check(&mut self, entry: &VerifiedEntry, body: &[u8]) -> Option<()> {
        let proto::PoolCheck {
            opening,
            parcel,
            parcel_bytes,
        } = proto::PoolCheck::decode(body).ok()?;
        let said = Sealed::parse(&parcel, parcel_bytes, PARCEL_BYTES)?;
        self.say(entry, &opening, |round| &mut round.checks, said)
    }

    fn set(&mut self, entry: &VerifiedEntry, body: &[u8]) -> Option<()> {
        let proto::PoolSet {
            opening,
            parts: _,
            left_out: _,
            parcel,
            parcel_bytes,
        } = proto::PoolSet::decode(body).ok()?;
        let said = Sealed::parse(&parcel, parcel_bytes, PARCEL_BYTES)?;
        self.say(entry, &opening, |round| &mut round.sets, said)
    }

    fn end(&mut self, entry: &VerifiedEntry, body: &[u8]) -> Option<()> {
        let proto::PoolEnd {
            opening,
            outcome: _,
        } = proto::PoolEnd::decode(body).ok()?;
        self.say(entry, &opening, |round| &mut round.ends, ())
    }

    fn bury(&mut self, entry: &VerifiedEntry) -> Option<()> {
        let (writer, place) = (entry.header().writer, entry.header().place());
        let of_feed = self.tombstones.entry(writer).or_default();
        let earliest = of_feed.entry(entry.tombstones()?).or_insert(place);
        *earliest = place.min(*earliest);
        Some(())
    }

    /// Notes what an entry says of a round, unless an earlier one of its writer has said the like.
    fn say<T>(
        &mut self,
        entry: &VerifiedEntry,
        opening: &[u8],
        kind: impl Fn(&mut Round) -> &mut BTreeMap<WriterId, First<T>>,
        said: T,
    ) -> Option<()> {
        let opening = HeaderHash::try_from(opening).ok()?;
        let writer = entry.header().writer;
        let first = First {
            place: entry.header().place(),
            entry: entry.hash(),
            said,
        };
        let known = self.rounds.get_mut(&opening).map(&kind);
        if let Some(known) = known.and_then(|round| round.get_mut(&writer)) {
            if (first.place, first.entry) < (known.place, known.entry) {
                *known = first;
            }
            return Some(());
        }
        if !self.has_room(writer) {
            return None;
        }
        kind(self.rounds.entry(opening).or_default()).insert(writer, first);
        *self.kept.entry(writer).or_default() += 1;
        Some(())
    }

    fn has_room(&self, writer: WriterId) -> bool {
        self.kept
            .get(&writer)
            .is_none_or(|kept| *kept < STATEMENTS_PER_FEED)
    }
}

/// What a writer said, if it counts.
fn said<'a, T>(
    view: &NetworkView,
    of_round: &'a BTreeMap<WriterId, First<T>>,
    writer: WriterId,
) -> Option<&'a T> {
    let first = of_round.get(&writer)?;
    view.counts(writer, first.place).then_some(&first.said)
}

impl Opening {
    /// By the same rules as the board, which bound how long its parcels are kept.
    fn parse(body: &[u8]) -> Option<Self> {
        let round = krog_pools::Round::parse(proto::PoolOpening::decode(body).ok()?).ok()?;
        Some(Self {
            leader: NodeId::new(round.leader),
            helper: NodeId::new(round.helper),
            deadline: round.deadline,
            expiry: round.expiry,
        })
    }
}

impl Sealed {
    fn parse(hash: &[u8], bytes: u32, most: u32) -> Option<Self> {
        let hash = ParcelHash::try_from(hash).ok()?;
        (1..=most).contains(&bytes).then_some(Self { hash, bytes })
    }
}

#[cfg(test)]
mod tests;
