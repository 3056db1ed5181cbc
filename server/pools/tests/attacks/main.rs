//! Every attack of `data/disclosure_attacks.json` against pools, and what the rules leave of it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod asked;
mod counting;
mod one_person;
mod solve;
mod whole;

use asked::{measure, quiet, round, with_noise};
use krog_pools::policy::{FLOOR_CENTRES, FLOOR_CENTRES_OF_BARE_WEIGHTS, FLOOR_PERSONS};
use krog_pools::{Layout, PoolTerms, Question, Role, Round, RoundFault, Sum};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use whole::{Asked, Part, Written};

const ORACLE: &str = include_str!("../data/disclosure_attacks.json");

fn oracle(attack: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(ORACLE).unwrap()[attack].clone()
}

fn rows(attack: &str) -> Vec<serde_json::Value> {
    oracle(attack).as_array().unwrap().clone()
}

fn number(row: &serde_json::Value, name: &str) -> f64 {
    row[name].as_f64().unwrap()
}

/// Centres of 3 to `most` persons, whose changes lie about two points below nought with an SD of four and a half.
fn town(centres: usize, most: i64, rng: &mut ChaCha8Rng) -> Vec<Part> {
    (0..centres)
        .map(|_| {
            let n = rng.random_range(3..=most);
            let person = |rng: &mut ChaCha8Rng| {
                let normal = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
                (-2.0 + 4.5 * normal).round().clamp(-13.0, 13.0) as i64
            };
            (n, (0..n).map(|_| person(rng)).sum())
        })
        .collect()
}

#[test]
fn sums_of_one_to_three_unknown_centres_can_be_solved_and_of_four_cannot() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for row in rows("A_sum_solving") {
        let centres = number(&row, "unknown_sites") as usize;
        let both = number(&row, "equations") == 7.0;
        let mut truth: Vec<solve::Site> = (0..centres)
            .map(|_| (rng.random_range(3.5..15.0), rng.random_range(-1.0..1.0)))
            .collect();
        truth.sort_by(|a, b| a.0.total_cmp(&b.0));
        let found = solve::solutions(&solve::sums(&truth, both), centres, 120, &mut rng);
        assert_eq!(found.len() == 1, row["unique"].as_bool().unwrap(), "{row}");
        let recovered = found
            .iter()
            .any(|solution| solve::are_close(solution, &truth));
        assert_eq!(recovered, row["true_recovered"].as_bool().unwrap(), "{row}");
        if centres == 2 && !both {
            assert_eq!(found.len() as f64, number(&row, "distinct_solutions"));
        }
    }
}

/// The least and most parts that fit the totals over so many unknown centres, in so many towns.
fn fitting(asked: Asked, centres: usize, towns: u32, seed: u64) -> (f64, f64) {
    let written = Written::new(asked);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut least, mut most) = (f64::MAX, 0.0f64);
    for _ in 0..towns {
        let parts = town(centres, 12, &mut rng);
        let told = written.told(&parts);
        let splits = written.splits(&told, centres);
        let count: f64 = splits
            .iter()
            .map(|split| match centres {
                0..=6 => written.count(&told, split),
                _ => written.estimate(&told, split, 400_000, &mut rng),
            })
            .sum();
        assert!(count >= 1.0 || centres > 6, "the truth fits");
        (least, most) = (least.min(count), most.max(count));
    }
    (least, most)
}

const WITH_WEIGHTS: Asked = Asked::WithWeights {
    unit_sd_thousandths: 4_500,
};
/// The finest unit that an opening may state for a bound of 13.5 points.
const FINEST: Asked = Asked::WithWeights {
    unit_sd_thousandths: 1_350,
};

#[test]
fn in_whole_numbers_weights_without_noise_give_four_unknown_centres_away() {
    // Five centres and an insider: both rounds leave one to four choices, so a part is as good as read.
    let (least, most) = fitting(WITH_WEIGHTS, 4, 60, 2);
    assert!(least == 1.0 && most <= 8.0, "{least} to {most}");
    let written = Written::new(WITH_WEIGHTS);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut read = 0;
    for _ in 0..60 {
        let parts = town(4, 12, &mut rng);
        let found = solutions(&written, &parts);
        read += u32::from(certain(&parts, &found).is_some());
    }
    assert!(read >= 30, "a centre's part is certain in {read} of 60");
}

#[test]
fn therefore_weights_without_noise_need_ten_centres() {
    let bare = round(Question::Weights);
    assert_eq!(bare.floor_centres(&quiet()), FLOOR_CENTRES_OF_BARE_WEIGHTS);
    assert_eq!(FLOOR_CENTRES_OF_BARE_WEIGHTS, 10);
    let (least, _) = fitting(WITH_WEIGHTS, 5, 4, 4);
    assert!(least < 30.0, "{least}");
    let (least, _) = fitting(FINEST, 5, 4, 4);
    assert!(least < 5.0, "{least}");
    let (least, _) = fitting(WITH_WEIGHTS, 6, 2, 5);
    assert!((30.0..1_000.0).contains(&least), "{least}");
    // Eight are unknown to two who collude.
    let (least, _) = fitting(WITH_WEIGHTS, 8, 1, 6);
    assert!(least > 1_000.0, "{least}");
}

#[test]
fn a_first_round_without_noise_makes_no_part_certain() {
    for (centres, seed) in [(4, 7), (3, 8)] {
        let written = Written::new(Asked::Spread);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut counts = Vec::new();
        for _ in 0..40 {
            let parts = town(centres, 12, &mut rng);
            let found = solutions(&written, &parts);
            assert!(certain(&parts, &found).is_none());
            counts.push(found.len());
        }
        counts.sort_unstable();
        let expected = if centres == 4 { 300..3_000 } else { 10..60 };
        assert!(expected.contains(&counts[20]), "{counts:?}");
    }
    let (least, _) = fitting(Asked::Spread, 5, 6, 7);
    assert!(least > 10_000.0, "{least}");
}

/// Everything that fits what is told of these centres.
fn solutions(written: &Written, parts: &[Part]) -> BTreeSet<Vec<Part>> {
    let told = written.told(parts);
    let splits = written.splits(&told, parts.len());
    let found = splits
        .iter()
        .flat_map(|split| written.solutions(&told, split));
    found.collect()
}

/// A centre's part that stands in all of it.
fn certain(parts: &[Part], found: &BTreeSet<Vec<Part>>) -> Option<Part> {
    let in_all = |part: &&Part| found.iter().all(|solution| solution.contains(part));
    parts.iter().find(in_all).copied()
}

#[test]
fn weights_over_a_grid_of_variances_would_give_every_centre_away() {
    let row = oracle("B_tau2_grid_leak");
    let list = |name: &str| -> Vec<f64> {
        let list = row[name].as_array().unwrap();
        list.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let (v, y) = (list("true_v"), list("true_y"));
    assert_eq!(
        (list("recovered_v"), list("recovered_y")),
        (v.clone(), y.clone())
    );
    // Σ1/(v + t) is P(t) / Q(t) with Q = Π(v + t); ten points of it give both polynomials.
    let sites = v.len();
    let grid: Vec<f64> = (0..2 * sites).map(|at| 0.02 + 0.05 * at as f64).collect();
    let value = |t: f64, of: &dyn Fn(usize) -> f64| -> f64 {
        (0..sites).map(|at| of(at) / (v[at] + t)).sum()
    };
    let rows = grid
        .iter()
        .map(|&t| {
            let sum = value(t, &|_| 1.0);
            let of_p = (0..sites).map(|power| t.powi(power as i32));
            let of_q = (0..sites).map(|power| -sum * t.powi(power as i32));
            of_p.chain(of_q).collect()
        })
        .collect();
    let right = grid
        .iter()
        .map(|&t| value(t, &|_| 1.0) * t.powi(sites as i32))
        .collect();
    let solved = solve::linear(rows, right).unwrap();
    let q = |t: f64| {
        let below: f64 = (0..sites)
            .map(|power| solved[sites + power] * t.powi(power as i32))
            .sum();
        below + t.powi(sites as i32)
    };
    for v in &v {
        let (before, after) = (q(-v - 0.004), q(-v + 0.004));
        assert!(before * after < 0.0, "a variance lies at {v}");
    }
}

#[test]
fn therefore_one_variance_is_asked_once_in_a_second_round() {
    let weights = round(Question::Weights);
    assert_eq!(weights.check(&quiet(), &measure()), Ok(()));
    let refused = |change: &dyn Fn(&mut Round)| {
        let mut changed = weights.clone();
        change(&mut changed);
        assert_eq!(Round::parse(changed.to_proto()), Err(RoundFault::Sums));
    };
    // A grid in one round, in first rounds, or by the way in another question.
    refused(&|round| round.sums.extend(Question::Weights.sums()));
    refused(&|round| round.first_round = None);
    refused(&|round| round.sums.truncate(1));
    refused(&|round| round.sums.insert(0, Sum::Persons));
    refused(&|round| round.sums = Question::Spread.sums().to_vec());
}

#[test]
fn tables_of_few_whole_scores_can_be_read_from_their_sum_and_squares() {
    for row in rows("C_integer_reconstruction_exact_sum_and_ss") {
        let persons = number(&row, "n") as usize;
        if persons > 5 {
            continue;
        }
        // Drawn 2000 times there, counted here.
        let (unique, few) = counting::alone(persons, 26);
        assert!(
            (unique - number(&row, "share_unique")).abs() < 0.05,
            "{row}: {unique}"
        );
        assert!(
            (few - number(&row, "share_le_5")).abs() < 0.05,
            "{row}: {few}"
        );
    }
}

#[test]
fn tables_of_a_pool_cannot() {
    // Of thirty persons, the tables of any seventeen are already more than a million.
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let scores: Vec<usize> = (0..17).map(|_| rng.random_range(0..20)).collect();
    let sum = scores.iter().sum();
    let squares = scores.iter().map(|x| x * x).sum();
    let tables = counting::tables(17, 25, sum, squares);
    assert!(tables > 1_000_000, "{tables}");
    // Of a five-level item there are few tables at all: how often each answer was given is nearly told, by whom is not.
    let answers: Vec<usize> = (0..30).map(|at| at % 5).collect();
    let tables = counting::tables(
        30,
        5,
        answers.iter().sum(),
        answers.iter().map(|x| x * x).sum(),
    );
    assert!((10..100).contains(&tables), "{tables}");
}

#[test]
fn who_knows_all_but_one_reads_that_one_without_noise() {
    let row = oracle("D_differencing");
    let (before, after) = (&row["period1"], &row["period2"]);
    let total = |row| number(row, "n") * number(row, "mean");
    assert_eq!(total(after) - total(before), number(&row, "truth"));
    let layout = Layout::of(&round(Question::Change), &measure());
    assert!(layout.noise_sds().iter().all(|sd| *sd == 0.0));
}

#[test]
fn with_the_default_noise_who_knows_all_but_one_gains_next_to_nothing() {
    let found = one_person::belief(&with_noise(Question::Change, 250_000), 1, 1_000);
    assert!(found.sure == 0.0 && found.gained < 0.005, "{found:?}");
    // The budget of a whole year on one person who answers the same each time, one aggregator colluding.
    let found = one_person::belief(&with_noise(Question::Change, 250_000), 8, 500);
    assert!(found.sure == 0.0 && found.gained < 0.03, "{found:?}");
}

#[test]
fn the_loss_of_privacy_is_what_the_cost_promises() {
    for question in [Question::Change, Question::Spread] {
        let found = one_person::loss(&with_noise(question, 250_000), 1_500);
        assert!(found.mean <= 0.25 + 0.05, "{question}: {found:?}");
        for (allowed, share) in [(0.1, found.beyond_tenth), (0.01, found.beyond_hundredth)] {
            assert!(share <= allowed, "{question}: {found:?}");
        }
    }
}

#[test]
fn a_round_is_over_one_cell_so_there_are_no_margins_to_subtract() {
    let row = oracle("E_complementary");
    let cell = |row: &serde_json::Value, at: usize| row[at].as_i64().unwrap();
    let first = &row["table"][0];
    let rest = cell(first, 1) + cell(first, 2);
    assert_eq!(cell(&row["row"], 0) - rest, cell(first, 0), "why");
    let mut opening = round(Question::Change).to_proto();
    opening.facilitation = 0;
    assert_eq!(
        Round::parse(opening),
        Err(RoundFault::Range("facilitation"))
    );
    let mut opening = round(Question::Change).to_proto();
    opening.course = 0;
    assert_eq!(Round::parse(opening), Err(RoundFault::Range("course")));
}

#[test]
fn sums_are_not_rounded_so_there_are_no_preimages_to_look_for() {
    // Where counts were rounded, "15" could be of thirteen alone.
    assert_eq!(
        oracle("F_rounding_preimages")["sup7_round5:15"],
        serde_json::json!([13])
    );
    let layout = Layout::of(&round(Question::Spread), &measure());
    let parts = [[13, 169, -613, 40], [7, 49, 1_100, 93], [11, 121, 0, 0]];
    let mut elements = [0u128; 4];
    let mut sums = [0i64; 4];
    for part in &parts {
        let vector = layout.encode_units(part).unwrap();
        for at in 0..4 {
            elements[at] += vector[at];
            sums[at] += part[at];
        }
    }
    let half: Vec<u8> = elements.iter().flat_map(|e| e.to_le_bytes()).collect();
    let told = layout.add_halves(3, &half, &[0; 64]).unwrap();
    for ((coordinate, told), sum) in layout.coordinates().iter().zip(&told.sums).zip(sums) {
        assert!((told - sum as f64 * coordinate.unit).abs() < 1e-9);
    }
    assert_eq!(told.sums[0], 31.0);
}

#[test]
fn noise_drawn_anew_is_paid_for_and_runs_out_with_the_year() {
    for row in rows("G_averaging") {
        let releases = number(&row, "releases");
        let sd = 2.0 * std::f64::consts::SQRT_2 / releases.sqrt();
        assert!(
            (number(&row, "sd_of_mean") - sd).abs() < 1e-12,
            "noise averages out"
        );
    }
    let PoolTerms {
        rho_millionths,
        yearly_rho_millionths,
        ..
    } = PoolTerms::default();
    assert_eq!(yearly_rho_millionths / rho_millionths, 8);
    // Drawn once, a half is the same bytes however often it is made.
    let layout = Layout::of(&with_noise(Question::Change, 250_000), &measure());
    let sharing = krog_pools::shares::Sharing::of([7; 32], &layout).unwrap();
    let aggregate = sharing.add([]);
    let mut chance = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let noise = layout.noise(&mut chance);
    assert_eq!(aggregate.half(&noise), aggregate.half(&noise));
    assert_ne!(
        aggregate.half(&noise),
        aggregate.half(&layout.noise(&mut chance))
    );
}

#[test]
fn floors_hold_whatever_a_roster_says() {
    let terms = PoolTerms::parse(krog_proto::federation::v1::PoolTerms {
        floor_centres: 1,
        floor_persons: 1,
        ..quiet().to_proto()
    })
    .unwrap();
    assert_eq!((terms.floor_centres, terms.floor_persons), (5, 30));
    assert_eq!((FLOOR_CENTRES, FLOOR_PERSONS), (5, 30));
    let alone = Round {
        helper: [1; 32],
        ..round(Question::Change)
    };
    assert_eq!(
        Round::parse(alone.to_proto()),
        Err(RoundFault::OneAggregator)
    );
    assert_eq!(
        round(Question::Change).role_of(&[1; 32]),
        Some(Role::Leader)
    );
}
