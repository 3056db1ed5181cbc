//! Which openings are rounds.

use super::super::*;
use super::town::{EXPIRY, HELPER, LATER, LEADER, STRANGER, TODAY, Town};
use crate::entry::Kind;
use crate::limits::OPENINGS_PER_KEYHOLDER;
use krog_pools::RoundFault;
use krog_proto::federation::v1 as proto;
use proto::PoolOutcome;

fn refused(town: &Town, round: RoundId) -> Option<RoundsFault> {
    let fault = town.fault(round);
    let listed = town.board().round(&town.view, TODAY, round).is_some();
    assert_ne!(listed, fault.is_some());
    fault
}

#[test]
fn only_a_keyholder_opens_a_round() {
    let mut town = Town::new();
    for name in [LEADER, "a", STRANGER] {
        let round = town.sign(name, Kind::PoolOpening, &town.opening()).hash();
        assert_eq!(refused(&town, round), Some(RoundsFault::NotAKeyholder));
    }
}

#[test]
fn who_becomes_keyholder_later_opens_under_the_later_roster() {
    let mut town = Town::new();
    let key = crate::testing::Ngo::new("a").office().public();
    let node = town.node("a");
    town.change_roster(|roster| {
        roster.keyholders.insert(node, key);
    });
    let earlier = town.sign("a", Kind::PoolOpening, &town.opening()).hash();
    let opening = proto::PoolOpening {
        roster_version: 2,
        ..town.opening()
    };
    let later = town.sign("a", Kind::PoolOpening, &opening).hash();
    assert_eq!(refused(&town, earlier), Some(RoundsFault::NotAKeyholder));
    assert_eq!(refused(&town, later), None);
}

#[test]
fn an_opening_outside_its_policy_is_refused() {
    let mut town = Town::new();
    let opening = town.opening();
    let over_rho = proto::PoolOpening {
        rho_millionths: 1,
        ..opening.clone()
    };
    let below_floor = proto::PoolOpening {
        persons_per_centre: 2,
        ..opening.clone()
    };
    let other_class = proto::PoolOpening {
        comparability_class: vec![1; 32],
        ..opening.clone()
    };
    for (opening, fault) in [
        (over_rho, RoundFault::Noise),
        (below_floor, RoundFault::Range("persons per centre")),
        (other_class, RoundFault::Measure),
    ] {
        let round = town.opens(&opening);
        assert_eq!(refused(&town, round), Some(RoundsFault::Opening(fault)));
    }
    let unknown_measure = proto::PoolOpening {
        measure: "phq-9".to_owned(),
        ..opening.clone()
    };
    let unknown_roster = proto::PoolOpening {
        roster_version: 2,
        ..opening.clone()
    };
    for (opening, fault) in [
        (unknown_measure, RoundsFault::UnknownMeasure),
        (unknown_roster, RoundsFault::UnknownRoster(2)),
    ] {
        let round = town.opens(&opening);
        assert_eq!(refused(&town, round), Some(fault));
    }
    town.change_roster(|roster| roster.policy.pools = None);
    let opening = proto::PoolOpening {
        roster_version: 2,
        ..opening
    };
    let round = town.opens(&opening);
    assert_eq!(refused(&town, round), Some(RoundsFault::NoPools));
}

#[test]
fn one_node_or_a_stranger_does_not_aggregate() {
    let mut town = Town::new();
    let alone = proto::PoolOpening {
        helper: town.node(LEADER).into(),
        ..town.opening()
    };
    let alone = town.opens(&alone);
    let fault = RoundsFault::Opening(RoundFault::OneAggregator);
    assert_eq!(refused(&town, alone), Some(fault));
    let stranger = proto::PoolOpening {
        helper: town.node(STRANGER).into(),
        ..town.opening()
    };
    let stranger = town.opens(&stranger);
    assert_eq!(
        refused(&town, stranger),
        Some(RoundsFault::AggregatorNotAMember)
    );
}

#[test]
fn a_told_round_outlives_the_removal_of_its_aggregator() {
    let mut town = Town::new();
    let (round, _) = town.told();
    let next = proto::PoolOpening {
        first_quarter: town.opening().last_quarter + 1,
        last_quarter: town.opening().last_quarter + 1,
        deadline: town.opening().deadline + 20,
        expiry: EXPIRY + 20,
        ..town.opening()
    };
    let next = town.opens(&next);
    assert_eq!(refused(&town, next), None);
    let node = town.node(LEADER);
    town.change_roster(|roster| {
        roster.nodes.remove(&node);
        roster.removed.insert(node, BTreeMap::new());
    });
    assert_eq!(town.stage(round, LATER), Stage::Told);
    assert_eq!(
        refused(&town, next),
        Some(RoundsFault::AggregatorNotAMember)
    );
}

#[test]
fn of_two_openings_of_a_cell_the_earlier_deadline_stands_whichever_came_first() {
    for earlier_first in [true, false] {
        let mut town = Town::new();
        let opening = |days: u32, town: &Town| proto::PoolOpening {
            first_quarter: town.opening().first_quarter + days,
            deadline: town.opening().deadline + days,
            ..town.opening()
        };
        let order = if earlier_first { [0, 1] } else { [1, 0] };
        let rounds = order.map(|days| {
            let opening = opening(days, &town);
            (days, town.opens(&opening))
        });
        for (days, round) in rounds {
            let fault = (days == 1).then_some(RoundsFault::Overlaps);
            assert_eq!(refused(&town, round), fault);
        }
    }
}

#[test]
fn other_quarters_and_other_cells_do_not_overlap() {
    let mut town = Town::new();
    town.collecting();
    let opening = town.opening();
    let other_quarter = proto::PoolOpening {
        first_quarter: opening.first_quarter - 1,
        last_quarter: opening.first_quarter - 1,
        ..opening.clone()
    };
    let other_course = proto::PoolOpening {
        course: proto::Course::Continuing.into(),
        ..opening.clone()
    };
    let other_facilitation = proto::PoolOpening {
        facilitation: proto::Facilitation::Professional.into(),
        ..opening
    };
    for opening in [other_quarter, other_course, other_facilitation] {
        let round = town.opens(&opening);
        assert_eq!(refused(&town, round), None);
    }
}

#[test]
fn an_opening_signed_later_takes_no_result_away() {
    let mut town = Town::new();
    let (told, _) = town.told();
    let earlier = proto::PoolOpening {
        deadline: town.opening().deadline - 5,
        ..town.opening()
    };
    let earlier = town.opens(&earlier);
    assert_eq!(town.stage(told, LATER), Stage::Told);
    // It counts other answers: those of the told round are spent.
    assert_eq!(refused(&town, earlier), None);
}

#[test]
fn an_opening_signed_later_takes_no_round_under_way_away() {
    let mut town = Town::new();
    let under_way = town.collecting();
    town.committed(under_way);
    let earlier = proto::PoolOpening {
        deadline: town.opening().deadline - 5,
        ..town.opening()
    };
    let earlier = town.opens(&earlier);
    town.key(LEADER, earlier);
    assert_eq!(town.stage(under_way, TODAY), Stage::Collecting);
    assert_eq!(refused(&town, earlier), Some(RoundsFault::Overlaps));
}

#[test]
fn an_opening_whose_deadline_passed_without_keys_keeps_no_cell() {
    let mut town = Town::new();
    let unanswered = town.opens(&town.opening());
    let again = proto::PoolOpening {
        deadline: EXPIRY,
        expiry: EXPIRY + 40,
        ..town.opening()
    };
    let again = town.opens(&again);
    let after = i64::from(town.opening().deadline) + 1;
    let board = town.board();
    assert!(board.round(&town.view, TODAY, again).is_none());
    assert!(board.round(&town.view, after, again).is_some());
    assert_eq!(town.stage(unanswered, after), Stage::Opened);
}

#[test]
fn of_one_keyholder_only_so_many_rounds_are_looked_at() {
    let mut town = Town::new();
    let rounds: Vec<RoundId> = (0..=u32::try_from(OPENINGS_PER_KEYHOLDER).unwrap())
        .map(|n| {
            let opening = proto::PoolOpening {
                first_quarter: town.opening().first_quarter - 200 + n,
                last_quarter: town.opening().first_quarter - 200 + n,
                ..town.opening()
            };
            town.opens(&opening)
        })
        .collect();
    let [kept @ .., last] = rounds.as_slice() else {
        panic!("no rounds");
    };
    assert!(kept.iter().all(|round| refused(&town, *round).is_none()));
    assert_eq!(refused(&town, *last), Some(RoundsFault::TooManyOpen));
}

#[test]
fn a_cell_is_free_once_its_round_has_failed_and_the_failure_stays_in_sight() {
    let mut town = Town::new();
    let failed = town.collecting();
    let again = proto::PoolOpening {
        deadline: town.opening().deadline + 1,
        ..town.opening()
    };
    let again = town.opens(&again);
    assert_eq!(refused(&town, again), Some(RoundsFault::Overlaps));
    town.ends(LEADER, failed, PoolOutcome::TooFewCentres);
    assert_eq!(refused(&town, again), Some(RoundsFault::Overlaps));
    town.ends(HELPER, failed, PoolOutcome::OtherEnded);
    assert_eq!(refused(&town, again), None);
    town.key(LEADER, again);
    town.key(HELPER, again);
    let parts = town.committed(again);
    town.tells(again, &parts);
    assert_eq!(town.stage(again, LATER), Stage::Told);
    let stage = Stage::Failed(Outcome::TooFewCentres);
    assert_eq!(town.stage(failed, LATER), stage);
}

#[test]
fn a_round_that_is_refused_for_another_still_fails() {
    let mut town = Town::new();
    town.collecting();
    let second = proto::PoolOpening {
        deadline: town.opening().deadline + 1,
        ..town.opening()
    };
    let second = town.opens(&second);
    town.key(LEADER, second);
    assert_eq!(refused(&town, second), Some(RoundsFault::Overlaps));
    town.key(HELPER, second);
    town.ends(LEADER, second, PoolOutcome::OtherSilent);
    town.ends(HELPER, second, PoolOutcome::OtherEnded);
    let stage = Stage::Failed(Outcome::OtherSilent);
    assert_eq!(town.stage(second, TODAY), stage);
}

#[test]
fn a_round_keeps_its_cell_until_it_is_over() {
    let over = i64::from(EXPIRY) + 1;
    for keys in [true, false] {
        let mut town = Town::new();
        let silent = town.opens(&town.opening());
        town.key(LEADER, silent);
        if keys {
            town.key(HELPER, silent);
        }
        let again = proto::PoolOpening {
            deadline: EXPIRY + 30,
            expiry: EXPIRY + 60,
            ..town.opening()
        };
        let again = town.opens(&again);
        assert_eq!(town.stage(silent, over), Stage::Silent);
        let board = town.board();
        assert!(board.round(&town.view, TODAY, again).is_none());
        assert!(board.round(&town.view, over, again).is_some());
    }
}

fn second_of(town: &Town, first: RoundId) -> proto::PoolOpening {
    proto::PoolOpening {
        first_round: first.into(),
        // What was asked once is not asked again.
        sums: vec![
            proto::PoolSum::Persons.into(),
            proto::PoolSum::Baseline.into(),
        ],
        precision: Vec::new(),
        deadline: town.opening().deadline + 10,
        expiry: EXPIRY + 10,
        ..town.opening()
    }
}

#[test]
fn what_was_asked_once_is_not_asked_again() {
    let mut town = Town::new();
    let (first, _) = town.told();
    let again = proto::PoolOpening {
        sums: town.opening().sums,
        precision: town.opening().precision,
        ..second_of(&town, first)
    };
    let again = town.opens(&again);
    assert_eq!(refused(&town, again), Some(RoundsFault::NotLikeFirst));
}

#[test]
fn a_second_round_waits_until_the_first_is_told() {
    let mut town = Town::new();
    let first = town.collecting();
    let second = town.opens(&second_of(&town, first));
    assert_eq!(refused(&town, second), Some(RoundsFault::FirstNotTold));
    let parts = town.committed(first);
    town.tells(first, &parts);
    assert_eq!(refused(&town, second), None);
    let third = proto::PoolOpening {
        deadline: town.opening().deadline + 11,
        ..second_of(&town, first)
    };
    let third = town.opens(&third);
    assert_eq!(refused(&town, third), Some(RoundsFault::ThirdRound));
    let of_second = town.opens(&second_of(&town, second));
    assert_eq!(refused(&town, of_second), Some(RoundsFault::FirstNotTold));
}

#[test]
fn a_second_round_asks_about_the_pairs_of_its_first() {
    let mut town = Town::new();
    let (first, _) = town.told();
    let opening = second_of(&town, first);
    let other_span = proto::PoolOpening {
        last_quarter: opening.first_quarter,
        ..opening.clone()
    };
    let other_bound = proto::PoolOpening {
        change_bound_hundredths: 1_000,
        ..opening.clone()
    };
    let more_persons = proto::PoolOpening {
        persons_per_centre: 41,
        ..opening
    };
    for opening in [other_span, other_bound, more_persons] {
        let round = town.opens(&opening);
        assert_eq!(refused(&town, round), Some(RoundsFault::NotLikeFirst));
    }
}

#[test]
fn a_second_round_over_other_centres_tells_nothing() {
    let mut town = Town::new();
    let (first, _) = town.told();
    for left_out in [true, false] {
        let mut town = Town::new();
        assert_eq!(town.told().0, first);
        let second = town.opens(&second_of(&town, first));
        town.key(LEADER, second);
        town.key(HELPER, second);
        let mut parts = town.committed(second);
        if left_out {
            parts.pop();
        }
        town.tells(second, &parts);
        let stage = if left_out {
            Stage::Broken(Break::OtherCentresThanFirst)
        } else {
            Stage::Told
        };
        assert_eq!(town.stage(second, LATER), stage);
        assert_eq!(town.stage(first, LATER), Stage::Told);
    }
}
