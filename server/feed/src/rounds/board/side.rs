//! What one aggregator has said of a round.

use super::fault::{Refused, RoundsFault};
use super::item::Said;
use super::status::{HalfEntry, Outcome, ParcelRef, ResultEntry, SetEntry};
use crate::entry::{Kind, Place};
use crate::ids::{HeaderHash, WriterId};
use std::collections::BTreeSet;

/// One entry about a round, of whichever writer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice<'a> {
    pub(super) writer: WriterId,
    pub(super) place: Place,
    pub(super) entry: HeaderHash,
    pub(super) said: &'a Said,
    /// Not on a disputed branch.
    pub(super) undisputed: bool,
    /// Undisputed, and of a writer that counts there.
    pub(super) stands: bool,
}

impl Voice<'_> {
    pub(super) fn refused(&self, fault: RoundsFault) -> Refused {
        Refused {
            writer: self.writer,
            entry: self.entry,
            fault,
        }
    }
}

/// What one aggregator has said of a round, and which entries of its feed might say more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    /// By place.
    voices: &'a [Voice<'a>],
    /// Places in its feed of entries whose body is not known.
    hidden: &'a [(Place, Kind)],
}

/// How an aggregator has ended a round, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    place: Place,
    pub(super) outcome: Outcome,
}

impl<'a> Side<'a> {
    pub(super) const fn new(voices: &'a [Voice<'a>], hidden: &'a [(Place, Kind)]) -> Self {
        Self { voices, hidden }
    }

    /// The first entry of a kind, unless a hidden one before it might be the first.
    fn first<T>(&self, kind: Kind, read: impl Fn(&'a Said) -> Option<T>) -> Option<(Place, T)> {
        let first = self.voices.iter().filter(|voice| voice.stands);
        let (place, said) = first
            .filter_map(|voice| Some((voice.place, read(voice.said)?)))
            .next()?;
        (!self.hides(kind, place)).then_some((place, said))
    }

    fn hides(&self, kind: Kind, before: Place) -> bool {
        let mut hidden = self.hidden.iter();
        hidden.any(|(place, hidden)| *hidden == kind && *place < before)
    }

    pub(super) fn key(&self) -> Option<&'a [u8]> {
        let first = self.first(Kind::PoolKey, |said| match said {
            Said::Key(key) => Some(key.as_slice()),
            _ => None,
        });
        first.map(|(_, key)| key)
    }

    pub(super) fn check(&self) -> Option<ParcelRef> {
        let first = self.first(Kind::PoolCheck, |said| match said {
            Said::Check(parcel) => Some(*parcel),
            _ => None,
        });
        first.map(|(_, parcel)| parcel)
    }

    pub(super) fn set(&self) -> Option<&'a SetEntry> {
        let first = self.first(Kind::PoolSet, |said| match said {
            Said::Set(set) => Some(set),
            _ => None,
        });
        first.map(|(_, set)| set)
    }

    pub(super) fn result(&self) -> Option<&'a ResultEntry> {
        let first = self.first(Kind::PoolResult, |said| match said {
            Said::Result(result) => Some(result),
            _ => None,
        });
        first.map(|(_, result)| result)
    }

    pub(super) fn end(&self) -> Option<End> {
        let first = self.first(Kind::PoolEnd, |said| match said {
            Said::End(outcome) => Some(*outcome),
            _ => None,
        });
        first.map(|(place, outcome)| End { place, outcome })
    }

    /// The half that was published before the end; `None` also where a hidden entry might be the end before it.
    pub(super) fn half(&self) -> Option<&'a HalfEntry> {
        let (place, half) = self.first(Kind::PoolHalf, |said| match said {
            Said::Half(half) => Some(half),
            _ => None,
        })?;
        let ended = self.end().is_some_and(|end| end.place < place);
        (!ended && !self.hides(Kind::PoolEnd, place)).then_some(half)
    }

    /// How it ended, if otherwise than by telling.
    pub(super) fn ended_otherwise(&self) -> Option<End> {
        self.end().filter(|end| end.outcome != Outcome::Told)
    }

    /// Whether this kind was said before the end on any branch of the feed, counting or not.
    pub(super) fn has_said(&self, kind: Kind) -> bool {
        let end = self.end();
        let mut said = self.voices.iter().filter(|v| v.said.kind() == kind);
        said.any(|voice| end.is_none_or(|end| voice.place < end.place))
    }

    /// Whether a hidden entry before the end may be of this kind.
    pub(super) fn may_have_said(&self, kind: Kind) -> bool {
        let end = self.end();
        let mut hidden = self.hidden.iter().filter(|(_, hidden)| *hidden == kind);
        hidden.any(|(place, _)| end.is_none_or(|end| *place < end.place))
    }

    /// What it said too often, too late or not over its own set.
    pub(super) fn refused(&self, own_set: Option<[u8; 32]>) -> Vec<Refused> {
        let mut refused = Vec::new();
        let mut seen = BTreeSet::new();
        let mut ended = false;
        for voice in self.voices.iter().filter(|voice| voice.stands) {
            let kind = voice.said.kind();
            let fault = match voice.said {
                Said::Half(_) if ended => Some(RoundsFault::HalfAfterEnd),
                _ if seen.contains(&kind) => Some(RoundsFault::Repeated),
                Said::Half(half) if own_set.is_some_and(|set| set != half.set) => {
                    Some(RoundsFault::HalfOfAnotherSet)
                }
                _ => None,
            };
            ended |= kind == Kind::PoolEnd;
            seen.insert(kind);
            refused.extend(fault.map(|fault| voice.refused(fault)));
        }
        refused
    }
}
