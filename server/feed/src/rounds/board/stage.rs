//! How far a round has come, by what its aggregators said.

use super::set_hash;
use super::side::Side;
use super::status::{Break, HalfEntry, Outcome, RoundStatus, SetEntry, Stage, Told};
use crate::entry::Kind;
use crate::ids::{HeaderHash, WriterId};
use krog_measures::Measure;
use krog_pools::{Layout, PoolTerms, Round};
use std::collections::BTreeSet;

/// What a round is judged by, beside its aggregators' words.
pub(super) struct Terms<'a> {
    pub(super) pools: &'a PoolTerms,
    pub(super) measure: &'a Measure,
    /// Of a second round, the centres of the first.
    pub(super) first_centres: Option<&'a BTreeSet<WriterId>>,
}

/// What both halves come to.
enum Halves {
    /// One is missing, or something they rest on.
    Waiting,
    Broken(Break),
    Told(Told),
}

/// The stage, and what was told. `known` says whether the commitment of a part is known, or can no longer be.
pub(super) fn stage(
    status: &RoundStatus,
    [leader, helper]: [&Side<'_>; 2],
    terms: &Terms<'_>,
    today: i64,
    known: impl Fn(WriterId, HeaderHash) -> bool,
) -> (Stage, Option<Told>) {
    let halves = add(status, terms, known);
    if let Halves::Told(told) = halves {
        return (Stage::Told, Some(told));
    }
    let ends = [leader.ended_otherwise(), helper.ended_otherwise()];
    // Who ended because the other had says less than the other.
    let ended = ends.iter().flatten().map(|end| end.outcome);
    let ended = ended.max_by_key(|outcome| *outcome != Outcome::OtherEnded);
    if let Some(outcome) = ended {
        let sides = [leader, helper];
        if sides.iter().any(|side| side.has_said(Kind::PoolHalf)) {
            return (Stage::Broken(Break::Ended(outcome)), None);
        }
        let hidden = sides.iter().any(|side| side.may_have_said(Kind::PoolHalf));
        if !hidden && is_destroyed([leader, helper]) {
            return (Stage::Failed(outcome), None);
        }
    }
    let stage = match halves {
        Halves::Broken(why) => Stage::Broken(why),
        _ if today > i64::from(status.round.expiry) => Stage::Silent,
        _ if !status.has_keys() => Stage::Opened,
        _ if today > i64::from(status.round.deadline)
            || status.check.is_some()
            || status.sets.iter().any(Option::is_some) =>
        {
            Stage::Checking
        }
        _ => Stage::Collecting,
    };
    (stage, None)
}

/// Whether both aggregators say that they ended without telling. One end proves nothing by itself: see the module.
fn is_destroyed(sides: [&Side<'_>; 2]) -> bool {
    sides.iter().all(|side| side.ended_otherwise().is_some())
}

fn add(
    status: &RoundStatus,
    terms: &Terms<'_>,
    known: impl Fn(WriterId, HeaderHash) -> bool,
) -> Halves {
    let ([Some(leader), Some(helper)], [Some(leader_half), Some(helper_half)]) =
        (&status.sets, &status.halves)
    else {
        return Halves::Waiting;
    };
    match fault_of(status, [leader, helper], [leader_half, helper_half], terms) {
        Some(fault) => return Halves::Broken(fault),
        None if leader
            .parts
            .iter()
            .all(|(centre, part)| known(*centre, *part)) => {}
        None => return Halves::Waiting,
    }
    sum(
        &status.round,
        leader,
        [leader_half, helper_half],
        terms.measure,
    )
    .map_or(Halves::Broken(Break::NoSums), Halves::Told)
}

fn fault_of(
    status: &RoundStatus,
    [leader, helper]: [&SetEntry; 2],
    halves: [&HalfEntry; 2],
    terms: &Terms<'_>,
) -> Option<Break> {
    if leader.parts != helper.parts {
        return Some(Break::SetsDiffer);
    }
    let set = set_hash(status.id, &leader.parts);
    if halves.iter().any(|half| half.set != set) {
        return Some(Break::HalfOfAnotherSet);
    }
    let floor = status.round.floor_centres(terms.pools);
    if u32::try_from(leader.parts.len()).is_ok_and(|parts| parts < floor) {
        return Some(Break::TooFewCentres);
    }
    let centres = leader.parts.iter().map(|(centre, _)| centre);
    let differ = |first: &BTreeSet<WriterId>| !centres.eq(first);
    terms
        .first_centres
        .is_some_and(differ)
        .then_some(Break::OtherCentresThanFirst)
}

fn sum(
    round: &Round,
    set: &SetEntry,
    [leader, helper]: [&HalfEntry; 2],
    measure: &Measure,
) -> Option<Told> {
    let centres = u32::try_from(set.parts.len()).ok()?;
    let totals = Layout::of(round, measure)
        .add_halves(centres, &leader.half, &helper.half)
        .ok()?;
    Some(Told {
        set: leader.set,
        centres: set.parts.iter().map(|(centre, _)| *centre).collect(),
        totals,
    })
}
