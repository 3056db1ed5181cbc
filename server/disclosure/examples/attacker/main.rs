//! What an attacker gets out of the gate, printed: `cargo run --release -p krog-disclosure --example attacker`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic)]

mod attack;
#[path = "../../tests/bench/mod.rs"]
mod bench;
mod pools;
mod population;
mod scores;
mod small_world;

use krog_pools::Question;
use population::{Population, extremes, plausible};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const TRIALS: usize = 20_000;

fn main() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    small_worlds();
    println!();
    println!(
        "Populations. named: a score is the only possible one; sure: above 99 %, and was not before; left: mean of"
    );
    println!(
        "the highest probability of a follow-up. {TRIALS} cells a line; a tenth on 25 levels."
    );
    println!();
    println!(
        "levels  n   population               prior  one named  one sure  left   two named  two sure"
    );
    for levels in [5, 11, 25] {
        let Some(steps) = attack::steps(levels) else {
            continue;
        };
        let mut populations = vec![plausible(levels)];
        populations.extend(extremes(levels));
        for n in [10, 15, 20, 40] {
            for population in &populations {
                let trials = if levels == 25 { TRIALS / 10 } else { TRIALS };
                let one = attack::all_but_one(population, steps, n, trials, &mut rng);
                let two = attack::all_but_two(population, steps, n, trials, false, &mut rng);
                let two_sure = (levels == 5).then(|| {
                    attack::all_but_two(population, steps, n, TRIALS / 10, true, &mut rng).sure
                });
                let prior = population.margins().1.into_iter().fold(0.0, f64::max);
                println!(
                    "{levels:6} {n:3}  {:24} {prior:5.2}  {:8.2} % {:7.2} % {:5.2}  {:8.3} %  {}",
                    population.name,
                    100.0 * one.named,
                    100.0 * one.sure,
                    one.highest,
                    100.0 * two.named,
                    two_sure.map_or("not calculated".to_owned(), |sure| format!(
                        "{:6.2} %",
                        100.0 * sure
                    )),
                );
            }
        }
    }
    println!();
    several_scores(&mut rng);
    println!();
    pools_beside_releases(&mut rng);
    println!();
    worst_populations(&mut rng);
}

fn pools_beside_releases(rng: &mut ChaCha8Rng) {
    println!(
        "A release of n and later a pool of whatever size over people who answer the same again, plausible population;"
    );
    println!(
        "all but one or two known, one aggregator telling its noise. change: a person's change is the only possible one."
    );
    println!();
    println!(
        "levels  n   question  noise    one named  one sure  change   two named  two sure  change"
    );
    for (levels, trials) in [(5, 2_000), (11, 400), (25, 20)] {
        for question in [Question::Change, Question::Levels] {
            for noise in [true, false] {
                let pool = pools::Pool::new(levels, question, noise);
                for n in [10, 20, 40] {
                    let population = plausible(levels);
                    let one = pool.after_release(&population, n, 1, 5 * trials, rng);
                    let two = pool.after_release(&population, n, 2, trials, rng);
                    let percent = |share: f64| format!("{:6.2} %", 100.0 * share);
                    println!(
                        "{levels:6} {n:3}  {:9} {:8} {} {} {}  {} {} {}",
                        question.as_str(),
                        if noise { "default" } else { "none" },
                        percent(one.named),
                        percent(one.sure),
                        percent(one.change),
                        percent(two.named),
                        percent(two.sure),
                        percent(two.change),
                    );
                }
            }
        }
    }
}

fn small_worlds() {
    println!(
        "Every world of ten persons, counted (multisets of the known, times every answer of the unknown)."
    );
    println!();
    for levels in [3, 5] {
        if attack::steps(levels).is_none() {
            println!("{levels} levels: never told by name");
            continue;
        }
        for unknown in [1, 2] {
            let counted = small_world::count(levels, 10, unknown);
            println!(
                "{levels} levels, {unknown} unknown: {} worlds, {} different releases; baseline named in {} ({:.3} %), follow-up in {}",
                counted.worlds,
                counted.tellings,
                counted.baseline_named,
                100.0 * counted.baseline_named as f64 / counted.worlds as f64,
                counted.follow_up_named,
            );
        }
    }
}

fn several_scores(rng: &mut ChaCha8Rng) {
    println!(
        "Several scores of the same people, plausible population, all but one known: any score of any measure found."
    );
    println!();
    println!("levels            n   named    sure");
    for (levels, n, trials) in [
        (&[11][..], 20, 4_000),
        (&[11, 11], 20, 4_000),
        (&[5, 11], 20, 4_000),
        (&[5, 5], 20, 4_000),
        (&[25, 11], 20, 400),
        (&[11, 11, 11, 11], 40, 4_000),
        (&[5, 11, 11, 11], 40, 4_000),
        (&[5, 5, 5, 5], 40, 4_000),
        (&[11, 11, 11, 11], 10, 4_000),
    ] {
        let found = scores::Tied::new(levels).all_but_one(n, trials, rng);
        println!(
            "{:16} {n:3}  {:5.2} % {:5.2} %",
            format!("{levels:?}"),
            100.0 * found.named,
            100.0 * found.sure
        );
    }
    println!(
        "The last line is what four quarters could tell of ten persons, one score after the other."
    );
    println!(
        "Several scores with a range under ten points are listed to show why the gate never tells them together."
    );
}

/// Looks for the population that makes the gate look worst, and measures it anew.
fn worst_populations(rng: &mut ChaCha8Rng) {
    println!(
        "Worst of 612 populations (means from -2 to 2 SD, moves up to 1.6 SD, correlations 0.3 to 0.99), all but one known."
    );
    println!();
    println!("levels  n   named   correlation, baseline, follow-up");
    for levels in [5, 6, 8, 11] {
        let Some(steps) = attack::steps(levels) else {
            continue;
        };
        for n in [10, 20] {
            let mut found = Vec::new();
            for correlation in [0.3, 0.6, 0.9, 0.99] {
                for place in -8..=8 {
                    for step in -4..=4 {
                        let baseline = f64::from(place) * 0.25;
                        let follow_up = baseline + f64::from(step) * 0.4;
                        let population =
                            Population::normal("", levels, correlation, baseline, follow_up);
                        let named = attack::all_but_one(&population, steps, n, 200, rng).named;
                        found.push((named, correlation, baseline, follow_up, population));
                    }
                }
            }
            found.sort_by(|a, b| b.0.total_cmp(&a.0));
            let again =
                found
                    .iter()
                    .take(8)
                    .map(|(_, correlation, baseline, follow_up, population)| {
                        let named = attack::all_but_one(population, steps, n, TRIALS, rng).named;
                        (named, correlation, baseline, follow_up)
                    });
            let worst = again.fold((0.0, &0.0, &0.0, &0.0), |worst, next| {
                if next.0 > worst.0 { next } else { worst }
            });
            println!(
                "{levels:6} {n:3}  {:5.2} %  {:.2}, {:.2}, {:.2}",
                100.0 * worst.0,
                worst.1,
                worst.2,
                worst.3
            );
        }
    }
}
