//! What told rounds change in a comparison, and what changes nothing.

use super::town::{release, sums, told};
use super::{has, proto, two_years};
use crate::entry::{Kind, VerifiedEntry};
use crate::ids::WriterId;
use crate::published::{Shelf, compare};
use crate::rounds::board::tests::town::{
    EXPIRY, HELPER, LATER, LEADER, QUARTER, SUMS, Town, measure, terms,
};
use crate::rounds::board::{Board, RoundId, Stage};
use krog_measures::synthesis::{Estimate, Synthesis, synthesise_estimates};
use krog_measures::{ClassHash, Quarter};
use krog_pools::precision::expected;
use krog_pools::privacy::{DELTA, epsilon};
use krog_pools::{Layout, PoolTerms, Question, Round};
use proptest::prelude::*;
use prost::Message;
use proto::Facilitation::{Peer, Professional};
use proto::{Caveat, PoolOutcome};

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-9 * expected.abs().max(1.0)
}

/// Compares what a town has signed, as of a quarter.
fn read_until(
    town: &Town,
    entries: &[VerifiedEntry],
    last_quarter: Option<Quarter>,
) -> proto::Comparison {
    let network = town.view.network();
    let (mut shelf, mut board) = (Shelf::new(network), Board::new(network));
    for entry in entries {
        let _ = shelf.observe(entry);
        let _ = board.observe(entry);
    }
    let policy = town.view.policy();
    compare(&town.view, &shelf, &board, policy, "bdi-ii", last_quarter).unwrap()
}

fn read(town: &Town) -> proto::Comparison {
    read_until(town, &town.entries, None)
}

/// An opening that asks something else.
fn asking(
    opening: proto::PoolOpening,
    question: Question,
    terms: &PoolTerms,
) -> proto::PoolOpening {
    let sums = question.sums().iter().map(|sum| sum.to_proto().into());
    let mut opening = proto::PoolOpening {
        sums: sums.collect(),
        precision: Vec::new(),
        rho_millionths: terms.rho_millionths,
        ..opening
    };
    let mut round = Round::parse(opening.clone()).unwrap();
    round.precision = expected(&round, &measure(), terms);
    opening.precision = round.to_proto().precision;
    opening
}

fn second_of(town: &Town, first: RoundId) -> proto::PoolOpening {
    proto::PoolOpening {
        first_round: first.into(),
        deadline: town.opening().deadline + 10,
        expiry: EXPIRY + 10,
        ..town.opening()
    }
}

/// A whole round over the six centres, each with these sums.
fn tells<const N: usize>(
    town: &mut Town,
    opening: &proto::PoolOpening,
    sums: &[[f64; N]; 6],
) -> RoundId {
    let layout = Layout::of(&Round::parse(opening.clone()).unwrap(), &measure());
    let centres = sums.map(|sums| layout.encode(&sums).unwrap());
    let whole = (0..layout.len())
        .flat_map(|at| {
            let elements = centres.iter().map(|centre| centre[at]);
            elements.sum::<u128>().to_le_bytes()
        })
        .collect();
    let round = town.opens(opening);
    town.key(LEADER, round);
    town.key(HELPER, round);
    let parts = town.committed(round);
    town.checks(round);
    town.sets(HELPER, round, &parts);
    town.sets(LEADER, round, &parts);
    town.publishes(LEADER, round, &parts, whole);
    town.publishes(HELPER, round, &parts, vec![0; 16 * N]);
    town.ends(LEADER, round, PoolOutcome::Told);
    town.ends(HELPER, round, PoolOutcome::Told);
    assert_eq!(town.stage(round, LATER), Stage::Told);
    round
}

/// Three centres release beside the pool.
fn release_beside(town: &mut Town) {
    for (n, steps) in [(0, -2), (1, -3), (2, -1)] {
        let cells = vec![told(Professional, sums(QUARTER, 14, 5, steps))];
        town.centre_signs(n, Kind::Release, &release(QUARTER, cells));
    }
}

#[test]
fn without_pools_a_side_is_its_rows_put_together_to_the_last_digit() {
    let town = super::town::Town::new(false);
    let comparison = town.compare(&two_years(&town));
    for side in &comparison.sides {
        let rows = comparison
            .centres
            .iter()
            .filter(|row| (row.facilitation, row.course) == (side.facilitation, side.course));
        let estimates: Vec<_> = rows
            .filter_map(|row| {
                Some(Estimate {
                    label: WriterId::try_from(row.centre.as_slice())
                        .unwrap()
                        .to_string(),
                    y: row.effect?,
                    v: row.variance?,
                    facilitation: None,
                })
            })
            .collect();
        let Synthesis { fixed, random, .. } = synthesise_estimates(&estimates).unwrap();
        let adjusted = random.hartung_knapp.unwrap();
        let prediction = random.prediction.unwrap().interval;
        let expected = proto::Synthesis {
            k: random.k,
            effect: random.mean,
            se: adjusted.se,
            ci_low: adjusted.interval.low,
            ci_high: adjusted.interval.high,
            tau2: random.tau2,
            q: fixed.q,
            i2: fixed.i2_percent.unwrap(),
            pi_low: Some(prediction.low),
            pi_high: Some(prediction.high),
            fixed_effect: fixed.mean,
            fixed_se: fixed.se,
        };
        assert_eq!(side.synthesis, Some(expected));
    }
    assert_eq!(comparison.sides.len(), 2);
}

#[test]
fn a_told_round_is_a_pool_of_its_side() {
    let mut town = Town::new();
    release_beside(&mut town);
    let before = read(&town);
    let (round, _) = town.told();
    let comparison = read(&town);

    let persons: f64 = SUMS.iter().map(|sums| sums[0]).sum();
    let change: f64 = SUMS.iter().map(|sums| sums[1]).sum();
    let [row] = &comparison.pools[..] else {
        panic!("one pool");
    };
    assert_eq!(row.opening, Vec::from(round));
    assert_eq!((row.facilitation(), row.centres), (Peer, 6));
    assert_eq!(
        (row.first_quarter, row.last_quarter),
        (QUARTER, QUARTER + 1)
    );
    assert!(close(row.persons, persons));
    assert!(close(row.mean_change.unwrap(), change / persons));
    assert!(close(row.effect.unwrap(), -change / persons / 12.0));
    assert!(close(row.variance.unwrap(), 1.0 / persons));
    assert_eq!((row.noise_se, row.rho_millionths), (0.0, 0));
    assert_eq!(
        (row.epsilon, row.delta, row.has_weights),
        (None, None, false)
    );
    assert_eq!((row.baseline_mean, row.followed_up), (None, None));

    let [professional, peer] = &comparison.sides[..] else {
        panic!("two sides");
    };
    assert_eq!(professional, &before.sides[0]);
    assert_eq!(comparison.centres, before.centres);
    assert_eq!((peer.centres, peer.persons, peer.pooled_centres), (0, 0, 6));
    assert!(close(peer.pooled_persons, persons));
    assert_eq!(peer.mean_change, row.mean_change);
    let synthesis = peer.synthesis.unwrap();
    assert_eq!((synthesis.k, synthesis.q, synthesis.i2), (1, 0.0, 0.0));
    assert!(close(synthesis.tau2, 0.04));
    let variance = 1.0 / persons + 0.04 * 1.5 / 6.0;
    assert!(close(synthesis.se, variance.sqrt()));
    // t(0.975; 5) = 2.570582.
    let width = (synthesis.ci_high - synthesis.effect) / synthesis.se;
    assert!((width - 2.570_582).abs() < 1e-5);
    assert_eq!((synthesis.pi_low, synthesis.pi_high), (None, None));
    let contrast = comparison.contrast.unwrap();
    assert_eq!(
        (contrast.professional_centres, contrast.peer_centres),
        (3, 6)
    );
    let pooled = [
        Caveat::PoolWithoutNoise,
        Caveat::SpreadAssumed,
        Caveat::ChangeBounded,
        Caveat::FollowUp,
    ];
    for caveat in pooled {
        assert!(
            has(&comparison, caveat) && !has(&before, caveat),
            "{caveat:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pools_read_the_same_in_any_order(seed in any::<prop::sample::Selector>()) {
        let mut town = Town::new();
        release_beside(&mut town);
        let (first, _) = town.told();
        let weights = weights_of(&mut town, first);
        tells(&mut town, &weights, &WEIGHTS);
        let mut shuffled = Vec::new();
        let mut left: Vec<_> = (0..town.entries.len()).collect();
        while !left.is_empty() {
            let at = seed.select(left.iter().copied());
            left.retain(|other| *other != at);
            shuffled.push(town.entries[at].clone());
        }
        let (one, other) = (read(&town), read_until(&town, &shuffled, None));
        prop_assert!(one.pools[0].has_weights);
        prop_assert_eq!(one.encode_to_vec(), other.encode_to_vec());
    }
}

#[test]
fn rounds_that_did_not_tell_change_nothing() {
    let mut town = Town::new();
    release_beside(&mut town);
    let before = read(&town);
    let (round, parts) = town.agreed();
    assert_eq!(read(&town), before);
    let whole = town.whole();
    town.publishes(LEADER, round, &parts, whole);
    assert_eq!(read(&town), before, "one half says nothing");
    town.ends(HELPER, round, PoolOutcome::OtherSilent);
    assert!(matches!(town.stage(round, LATER), Stage::Broken(_)));
    assert_eq!(read(&town), before);

    let mut town = Town::new();
    release_beside(&mut town);
    let (failed, _) = town.agreed();
    town.ends(LEADER, failed, PoolOutcome::TooFewPersons);
    town.ends(HELPER, failed, PoolOutcome::TooFewPersons);
    assert!(matches!(town.stage(failed, LATER), Stage::Failed(_)));
    assert_eq!(read(&town).pools, []);
}

/// Weight, weighted improvement and its square of the six centres.
const WEIGHTS: [[f64; 3]; 6] = [
    [7.14, 2.38, 0.79],
    [8.11, 1.77, 0.39],
    [2.68, -0.3, 0.03],
    [11.11, 3.29, 0.97],
    [6.62, 0.0, 0.0],
    [5.47, 1.19, 0.26],
];

/// Weights without noise need ten centres; six tell them with as little noise as there may be.
fn weights_of(town: &mut Town, first: RoundId) -> proto::PoolOpening {
    let terms = PoolTerms {
        rho_millionths: 10_000_000,
        ..terms()
    };
    town.change_roster(|roster| roster.policy = roster.policy.clone().with_pools(terms));
    let opening = proto::PoolOpening {
        roster_version: 2,
        tau2_millionths: 40_000,
        ..second_of(town, first)
    };
    asking(opening, Question::Weights, &terms)
}

#[test]
fn by_the_weights_of_a_second_round_a_pool_enters_like_its_centres() {
    let mut town = Town::new();
    let (first, _) = town.told();
    let opening = weights_of(&mut town, first);
    tells(&mut town, &opening, &WEIGHTS);
    let comparison = read(&town);
    let [row] = &comparison.pools[..] else {
        panic!("one pool");
    };
    assert!(row.has_weights);
    assert_eq!(row.opening, Vec::from(first));
    let sum = |at: usize| WEIGHTS.iter().map(|sums| sums[at]).sum::<f64>();
    let synthesis = comparison.sides[0].synthesis.unwrap();
    assert_eq!((synthesis.k, synthesis.tau2), (6, 0.04));
    assert!(close(synthesis.effect, sum(1) / sum(0)));
    let q = (sum(2) - sum(1) * sum(1) / sum(0)) / 5.0;
    // The interval holds the noise of the weights too.
    assert!(synthesis.se > (q.max(1.0) / sum(0)).sqrt());
    assert!(!has(&comparison, Caveat::SpreadAssumed));
}

#[test]
fn a_second_round_may_ask_about_retention() {
    let mut town = Town::new();
    let (first, _) = town.told();
    let opening = asking(second_of(&town, first), Question::Retention, &terms());
    let sums = SUMS.map(|[persons, _]| [persons + 5.0, persons, 8.0 * persons]);
    tells(&mut town, &opening, &sums);
    let comparison = read(&town);
    let row = &comparison.pools[0];
    assert!(close(row.persons, 61.0), "those with a pair");
    assert!(close(row.followed_up.unwrap(), 61.0 / 91.0));
    assert!(close(row.sessions.unwrap(), 8.0 * 61.0 / 91.0));
    assert!(row.mean_change.is_some());
    assert!(!has(&comparison, Caveat::FollowUp));
}

#[test]
fn a_round_about_retention_alone_counts_those_who_came_back() {
    let mut town = Town::new();
    let opening = asking(town.opening(), Question::Retention, &terms());
    tells(&mut town, &opening, &[[10.0, 3.0, 40.0]; 6]);
    let comparison = read(&town);
    let row = &comparison.pools[0];
    assert!(close(row.persons, 18.0) && close(row.followed_up.unwrap(), 0.3));
    assert_eq!(
        (row.mean_change, comparison.sides[0].synthesis),
        (None, None)
    );
    assert!(has(&comparison, Caveat::FollowUp));
}

#[test]
fn noise_is_told_with_its_cost() {
    let mut town = Town::new();
    let terms = PoolTerms::default();
    town.change_roster(|roster| roster.policy = roster.policy.clone().with_pools(terms));
    let opening = proto::PoolOpening {
        roster_version: 2,
        ..town.opening()
    };
    let opening = asking(opening, Question::Change, &terms);
    let first = tells(&mut town, &opening, &SUMS);
    let comparison = read(&town);
    let row = &comparison.pools[0];
    assert_eq!((row.rho_millionths, row.delta), (250_000, Some(DELTA)));
    assert_eq!(row.epsilon, epsilon(0.25, DELTA));
    assert!(row.noise_se > 0.0 && row.variance.unwrap() > 1.0 / 61.0);
    assert!(has(&comparison, Caveat::PoolNoise) && !has(&comparison, Caveat::PoolWithoutNoise));

    // What both rounds cost adds up.
    let second = proto::PoolOpening {
        roster_version: 2,
        ..second_of(&town, first)
    };
    let second = asking(second, Question::Retention, &terms);
    let sums = SUMS.map(|[persons, _]| [persons + 5.0, persons, 8.0 * persons]);
    tells(&mut town, &second, &sums);
    let both = read(&town);
    assert_eq!(both.pools[0].rho_millionths, 500_000);
    assert_eq!(both.pools[0].epsilon, epsilon(0.5, DELTA));
}

#[test]
fn rounds_of_later_quarters_can_be_left_out() {
    let mut town = Town::new();
    town.told();
    let until = |quarter: u32| {
        let last = Quarter::from_index(quarter).ok();
        read_until(&town, &town.entries, last).pools.len()
    };
    assert_eq!(until(QUARTER), 0);
    assert_eq!(until(QUARTER + 1), 1);
}

#[test]
fn rounds_of_another_class_are_left_out_and_said() {
    let mut town = Town::new();
    town.told();
    town.change_roster(|roster| roster.policy.measures[0].class = ClassHash([7; 32]));
    let comparison = read(&town);
    assert_eq!(comparison.pools, []);
    assert!(has(&comparison, Caveat::MixedClasses));
}

#[test]
fn how_much_centres_differ_is_assumed_as_the_network_says() {
    let mut town = Town::new();
    town.told();
    town.change_roster(|roster| {
        let terms = PoolTerms {
            assumed_between_sd_thousandths: 400,
            ..PoolTerms::default()
        };
        roster.policy = roster.policy.clone().with_pools(terms);
    });
    let tau2 = |town: &Town| read(town).sides[0].synthesis.unwrap().tau2;
    assert!(close(tau2(&town), 0.16));
    town.change_roster(|roster| roster.policy.pools = None);
    assert!(close(tau2(&town), 0.04));
}

#[test]
fn without_an_sd_the_centres_of_pools_are_counted_all_the_same() {
    let mut town = Town::new();
    for n in 0..5 {
        let cells = vec![told(Professional, sums(QUARTER, 14, 5, -2))];
        town.centre_signs(n, Kind::Release, &release(QUARTER, cells));
    }
    town.told();
    town.change_roster(|roster| roster.policy.measures[0].reference_change_sd = None);
    let contrast = read(&town).contrast.unwrap();
    assert_eq!(contrast.refusal(), proto::ContrastRefusal::NoSd);
    assert_eq!(
        (contrast.professional_centres, contrast.peer_centres),
        (5, 6)
    );
}
