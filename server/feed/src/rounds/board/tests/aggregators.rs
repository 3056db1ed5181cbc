//! What becomes of a round when an aggregator lies, breaks off or falls silent.

use super::super::*;
use super::town::{EXPIRY, HELPER, LATER, LEADER, Town, nothing, set};
use crate::entry::Kind;
use krog_pools::sealing::PUBLIC_KEY_BYTES;
use krog_proto::federation::v1 as proto;
use proto::PoolOutcome;

const OVER: i64 = EXPIRY as i64 + 1;

#[test]
fn a_key_of_a_stranger_to_the_round_is_no_key() {
    let mut town = Town::new();
    let round = town.opens(&town.opening());
    town.key(LEADER, round);
    town.key("a", round);
    assert_eq!(town.stage(round, LATER), Stage::Opened);
    assert_eq!(town.last_fault(), Some(RoundsFault::NotAnAggregator));
}

#[test]
fn the_first_key_stands() {
    let mut town = Town::new();
    let round = town.collecting();
    let mut key = proto::PoolKey {
        opening: round.into(),
        round_key: vec![9; PUBLIC_KEY_BYTES],
    };
    town.sign(LEADER, Kind::PoolKey, &key);
    assert_eq!(town.last_fault(), Some(RoundsFault::Repeated));
    let [leader, _] = town.status(round, LATER).keys;
    assert_ne!(leader, Some(key.round_key.clone()));
    key.round_key.pop();
    town.sign(HELPER, Kind::PoolKey, &key);
    assert!(matches!(town.last_fault(), Some(RoundsFault::Malformed(_))));
}

#[test]
fn the_helper_does_not_speak_for_the_leader() {
    let mut town = Town::new();
    let (round, parts) = town.told();
    let result = proto::PoolResult {
        opening: round.into(),
        set: set_hash(round, &parts).to_vec(),
        totals: vec![1, 2],
    };
    town.sign(HELPER, Kind::PoolResult, &result);
    assert_eq!(town.last_fault(), Some(RoundsFault::NotTheLeader));
    assert_eq!(town.status(round, LATER).result, None);
}

#[test]
fn a_result_that_is_not_the_sum_is_reported_and_the_halves_stand() {
    let mut town = Town::new();
    let (round, parts) = town.told();
    let totals = town.status(round, LATER).told.unwrap().totals;
    let mut result = proto::PoolResult {
        opening: round.into(),
        set: set_hash(round, &parts).to_vec(),
        totals: totals.encoded.clone(),
    };
    result.totals[0] += 1;
    let wrong = town.sign(LEADER, Kind::PoolResult, &result);
    assert_eq!(town.last_fault(), Some(RoundsFault::ResultDiffers));
    let status = town.status(round, LATER);
    assert_eq!(status.result.unwrap().entry, wrong.hash());
    assert_eq!(status.told.unwrap().totals, totals);

    let mut town = Town::new();
    assert_eq!(town.told().0, round);
    result.totals[0] -= 1;
    town.sign(LEADER, Kind::PoolResult, &result);
    assert_eq!(town.last_fault(), None);
}

#[test]
fn sets_that_differ_add_up_to_nothing() {
    let mut town = Town::new();
    let round = town.collecting();
    let parts = town.committed(round);
    town.sets(HELPER, round, &parts);
    town.sets(LEADER, round, &parts[..5]);
    assert_eq!(town.status(round, LATER).agreed(), None);
    let whole = town.whole();
    town.publishes(LEADER, round, &parts[..5], whole);
    assert_eq!(town.stage(round, LATER), Stage::Checking);
    town.publishes(HELPER, round, &parts, nothing());
    assert_eq!(town.stage(round, LATER), Stage::Broken(Break::SetsDiffer));
}

#[test]
fn aggregators_that_see_that_sets_differ_free_the_answers() {
    let mut town = Town::new();
    let round = town.collecting();
    let parts = town.committed(round);
    town.sets(HELPER, round, &parts);
    town.sets(LEADER, round, &parts[..5]);
    town.ends(LEADER, round, PoolOutcome::SetsDiffer);
    assert_eq!(town.stage(round, LATER), Stage::Checking);
    town.ends(HELPER, round, PoolOutcome::OtherEnded);
    assert_eq!(town.stage(round, OVER), Stage::Failed(Outcome::SetsDiffer));
}

#[test]
fn a_set_out_of_order_or_with_a_centre_twice_is_refused() {
    let mut town = Town::new();
    let round = town.collecting();
    let mut parts = town.committed(round);
    let mut twice = parts.clone();
    twice.insert(1, parts[0]);
    parts.swap(0, 1);
    for parts in [parts, twice] {
        town.sign(HELPER, Kind::PoolSet, &set(round, &parts));
        assert_eq!(town.last_fault(), Some(RoundsFault::SetUnordered));
    }
    assert_eq!(town.status(round, LATER).sets, [None, None]);
}

#[test]
fn a_half_over_another_set_never_counts() {
    let mut town = Town::new();
    let (round, parts) = town.agreed();
    let whole = town.whole();
    town.publishes(LEADER, round, &parts[1..], whole);
    assert_eq!(town.last_fault(), Some(RoundsFault::HalfOfAnotherSet));
    assert_eq!(town.stage(round, LATER), Stage::Checking);
    town.ends(HELPER, round, PoolOutcome::OtherFaulty);
    let broken = Stage::Broken(Break::Ended(Outcome::OtherFaulty));
    assert_eq!(town.stage(round, LATER), broken);
}

#[test]
fn halves_over_too_few_centres_tell_nothing() {
    let mut town = Town::new();
    let round = town.collecting();
    let parts = town.committed(round);
    town.tells(round, &parts[..4]);
    assert_eq!(
        town.stage(round, LATER),
        Stage::Broken(Break::TooFewCentres)
    );
}

#[test]
fn halves_that_are_no_possible_sums_break_the_round() {
    for half in [vec![0x5a; 32], vec![0; 16], vec![0xff; 32]] {
        let mut town = Town::new();
        let (round, parts) = town.agreed();
        town.publishes(LEADER, round, &parts, half);
        town.publishes(HELPER, round, &parts, nothing());
        assert_eq!(town.stage(round, LATER), Stage::Broken(Break::NoSums));
    }
}

#[test]
fn a_round_without_an_end_is_silent_and_spends() {
    let mut town = Town::new();
    let round = town.collecting();
    town.committed(round);
    assert_eq!(town.stage(round, OVER - 1), Stage::Checking);
    assert_eq!(town.stage(round, OVER), Stage::Silent);
    town.ends(LEADER, round, PoolOutcome::OtherSilent);
    assert_eq!(town.stage(round, OVER), Stage::Silent);
}

#[test]
fn a_half_after_its_own_end_counts_for_nothing() {
    let mut town = Town::new();
    let (round, parts) = town.agreed();
    let whole = town.whole();
    town.ends(LEADER, round, PoolOutcome::TooFewPersons);
    town.publishes(LEADER, round, &parts, whole);
    assert_eq!(town.last_fault(), Some(RoundsFault::HalfAfterEnd));
    assert_eq!(town.status(round, LATER).halves, [None, None]);
    assert_eq!(town.stage(round, LATER), Stage::Checking);
    town.ends(HELPER, round, PoolOutcome::OtherEnded);
    let failed = Stage::Failed(Outcome::TooFewPersons);
    assert_eq!(town.stage(round, LATER), failed);
    town.publishes(HELPER, round, &parts, nothing());
    assert_eq!(town.stage(round, LATER), failed);
}

#[test]
fn a_half_of_the_other_after_an_end_breaks_the_round_and_never_tells_it() {
    let mut town = Town::new();
    let (round, parts) = town.agreed();
    town.ends(LEADER, round, PoolOutcome::KeyLost);
    town.publishes(HELPER, round, &parts, nothing());
    let broken = Stage::Broken(Break::Ended(Outcome::KeyLost));
    assert_eq!(town.stage(round, LATER), broken);
    let whole = town.whole();
    town.publishes(LEADER, round, &parts, whole);
    assert_eq!(town.stage(round, LATER), broken);
}

#[test]
fn a_helper_that_ends_after_its_set_frees_nothing_by_itself() {
    let mut town = Town::new();
    let (round, parts) = town.agreed();
    // The leader's half may stand already and not have arrived.
    town.ends(HELPER, round, PoolOutcome::OtherSilent);
    assert_eq!(town.stage(round, LATER), Stage::Checking);
    assert_eq!(town.stage(round, OVER), Stage::Silent);
    let mut with_half = town.board();
    let whole = town.whole();
    let half = town.publishes(LEADER, round, &parts, whole);
    with_half.observe(&half).unwrap();
    let status = with_half.round(&town.view, OVER, round).unwrap();
    let broken = Stage::Broken(Break::Ended(Outcome::OtherSilent));
    assert_eq!(status.stage, broken);

    let mut town = Town::new();
    assert_eq!(town.agreed().0, round);
    town.ends(HELPER, round, PoolOutcome::OtherSilent);
    town.ends(LEADER, round, PoolOutcome::OtherEnded);
    assert_eq!(town.stage(round, OVER), Stage::Failed(Outcome::OtherSilent));
}

#[test]
fn one_end_alone_frees_nothing_however_early_it_comes() {
    // Who ended may have shown the other a half on a branch that nobody here has seen, and got the other's for it.
    for (ends, other) in [(LEADER, HELPER), (HELPER, LEADER)] {
        let mut town = Town::new();
        let round = town.collecting();
        town.committed(round);
        town.ends(ends, round, PoolOutcome::TooFewCentres);
        assert_eq!(town.stage(round, LATER), Stage::Checking);
        assert_eq!(town.stage(round, OVER), Stage::Silent);
        town.ends(other, round, PoolOutcome::OtherEnded);
        assert_eq!(
            town.stage(round, OVER),
            Stage::Failed(Outcome::TooFewCentres)
        );
    }
}

#[test]
fn one_end_and_the_word_that_the_other_has_told_free_nothing() {
    for (ends, other) in [(LEADER, HELPER), (HELPER, LEADER)] {
        let mut town = Town::new();
        let (round, _) = town.agreed();
        town.ends(ends, round, PoolOutcome::KeyLost);
        town.ends(other, round, PoolOutcome::Told);
        assert_eq!(town.stage(round, OVER), Stage::Silent);
    }
}

#[test]
fn an_end_in_a_reopened_feed_frees_nothing_by_itself() {
    let mut town = Town::new();
    let round = town.collecting();
    town.committed(round);
    let end = proto::PoolEnd {
        opening: round.into(),
        outcome: PoolOutcome::KeyLost.into(),
    };
    let place = Place { epoch: 1, seq: 1 };
    town.smuggle(town.office(LEADER), place, Kind::PoolEnd, &end);
    assert_eq!(town.stage(round, OVER), Stage::Silent);
    town.ends(HELPER, round, PoolOutcome::OtherEnded);
    assert_eq!(town.stage(round, OVER), Stage::Failed(Outcome::KeyLost));
}

#[test]
fn who_says_told_without_a_half_tells_nothing() {
    let mut town = Town::new();
    let (round, parts) = town.agreed();
    let whole = town.whole();
    town.publishes(LEADER, round, &parts, whole);
    town.ends(HELPER, round, PoolOutcome::Told);
    town.publishes(HELPER, round, &parts, nothing());
    assert_eq!(town.last_fault(), Some(RoundsFault::HalfAfterEnd));
    assert_eq!(town.stage(round, LATER), Stage::Checking);
    assert_eq!(town.stage(round, OVER), Stage::Silent);
}

#[test]
fn a_told_round_stays_told_whatever_is_said_after() {
    let mut town = Town::new();
    let (round, parts) = town.told();
    town.ends(LEADER, round, PoolOutcome::KeyLost);
    assert_eq!(town.last_fault(), Some(RoundsFault::Repeated));
    town.publishes(HELPER, round, &parts, vec![7; 32]);
    town.sets(HELPER, round, &parts[1..]);
    assert_eq!(town.stage(round, OVER), Stage::Told);
}

#[test]
fn what_a_forked_aggregator_says_from_the_fork_on_counts_for_nothing() {
    let mut town = Town::new();
    let (round, parts) = town.agreed();
    let whole = town.whole();
    let half = town.publishes(LEADER, round, &parts, whole);
    town.publishes(HELPER, round, &parts, nothing());
    let mut board = town.board();
    let stage = |board: &Board| board.round(&town.view, OVER, round).unwrap().stage;
    assert_eq!(stage(&board), Stage::Told);
    board.dispute(town.office(LEADER), Some(half.header().place()));
    assert_eq!(stage(&board), Stage::Silent);
    board.dispute(town.office(LEADER), None);
    assert_eq!(stage(&board), Stage::Told);
}

#[test]
fn a_half_on_a_disputed_branch_keeps_answers_from_being_freed() {
    let mut town = Town::new();
    let (round, parts) = town.agreed();
    let half = town.publishes(HELPER, round, &parts, nothing());
    town.ends(LEADER, round, PoolOutcome::OtherFaulty);
    let mut board = town.board();
    board.dispute(town.office(HELPER), Some(half.header().place()));
    let status = board.round(&town.view, OVER, round).unwrap();
    assert_eq!(status.halves, [None, None]);
    let broken = Stage::Broken(Break::Ended(Outcome::OtherFaulty));
    assert_eq!(status.stage, broken);
}
