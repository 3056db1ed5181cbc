//! What a pool says in figures, and what it gives to a synthesis.

use super::pooled::{MOST_SESSIONS, Noisy, PooledSums, PooledWeights};
use super::result::{ItemMean, PoolResult};
use crate::facilitation::{Course, Facilitation};
use crate::instrument::{Measure, Scale};
use crate::synthesis::Sums;
use std::collections::BTreeMap;

/// Squared coefficient of variation of the sizes of a pool's centres, taken where Σn² is not told
/// without noise. Assumed: for sizes spread evenly from 3 to 30 persons it is 0.22, for sizes
/// spread evenly in their logarithm, many small and few large ones, 0.41; 0.5 is on the safe side.
pub const SIZES_CV2: f64 = 0.5;

/// Noise SD of a figure, as a share of it, from which on the figure is not used.
pub const DROWNED: f64 = 0.25;

/// No release can tell a smaller SD of change than this share of the range, other than 0.
const SMALLEST_SD: f64 = 1.0 / 40.0;

/// A pool's part in the synthesis of its side, in SDs of change.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolEstimate {
    pub centres: u32,
    /// Improvement.
    pub effect: f64,
    /// Between persons and of noise.
    pub variance: f64,
    /// What τ² counts with when the pool is one estimate: Σn² / (Σn)².
    pub spread: f64,
    /// Sums of round one over its centres, where it tells them without noise.
    pub first_round: Option<Sums>,
    /// Sums of round two over its centres, where they were made with the τ² of its side.
    pub weights: Option<PooledWeights>,
}

/// A pool's row and its part in the synthesis.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub result: PoolResult,
    /// Persons as they are reckoned with: never below 1.
    pub persons: f64,
    pub change: Option<f64>,
    /// Sum of baselines in points of the scale.
    pub baseline: Option<f64>,
    /// None without a change or without a unit.
    pub estimate: Option<PoolEstimate>,
}

/// One row a pool, in the order given. `sd` is the unit of effects.
pub(super) fn rows(measure: &Measure, sd: Option<f64>, pools: &[PooledSums]) -> Vec<Pool> {
    let newest = newest_tau2(pools);
    pools
        .iter()
        .map(|pool| {
            let tau2 = newest.get(&(pool.facilitation, pool.course));
            row(measure, sd, tau2.map(|(_, tau2)| *tau2), pool)
        })
        .collect()
}

/// The τ² of the newest second round of each side: the one that covers the last quarter.
fn newest_tau2(pools: &[PooledSums]) -> BTreeMap<(Facilitation, Course), (impl Ord + use<>, f64)> {
    let mut newest = BTreeMap::new();
    for pool in pools {
        let Some(weights) = usable_weights(pool) else {
            continue;
        };
        let age = (pool.last, pool.first, pool.round);
        let place = newest
            .entry((pool.facilitation, pool.course))
            .or_insert((age, weights.tau2));
        if age > place.0 {
            *place = (age, weights.tau2);
        }
    }
    newest
}

/// The second round, unless its weights drown in noise or there is no change to weigh.
fn usable_weights(pool: &PooledSums) -> Option<PooledWeights> {
    pool.change?;
    pool.weights
        .filter(|weights| weights.w.noise_sd < DROWNED * weights.w.value)
}

fn row(measure: &Measure, sd: Option<f64>, tau2: Option<f64>, pool: &PooledSums) -> Pool {
    let persons = reckoned(pool.persons);
    let scale = &measure.scale;
    let mean_change = pool
        .change
        .map(|change| mean_change(scale, persons, change));
    let weights = usable_weights(pool).filter(|weights| Some(weights.tau2) == tau2);
    let estimate = pool.change.zip(mean_change).zip(sd);
    let estimate = estimate.map(|((change, mean), sd)| {
        let noise = change.noise_variance() + mean * mean * pool.persons.noise_variance();
        let noise = noise / (persons * persons) / (sd * sd);
        let size_spread = match pool.persons_squared {
            Some(squared) if squared.is_exact() && pool.persons.is_exact() => {
                squared_persons(pool, squared) / (persons * persons)
            }
            _ => (1.0 + SIZES_CV2) / f64::from(pool.centres),
        };
        let estimate = PoolEstimate {
            centres: pool.centres,
            effect: scale.direction().sign() * mean / sd + 0.0,
            variance: 1.0 / persons + noise,
            spread: size_spread,
            first_round: first_round(scale, sd, pool),
            weights: weights.map(|weights| rescaled(&weights, pool.unit_sd / sd)),
        };
        (estimate, noise.sqrt())
    });
    // Adding zero turns -0 into 0.
    let baseline = pool
        .baseline
        .map(|baseline| baseline.value + persons * scale.min() + 0.0);
    let share = |count: Option<Noisy>| count.map(|count| (count.value / persons).clamp(0.0, 1.0));
    let of_baselines = |sum: Option<Noisy>, most: f64| {
        sum.zip(pool.with_baseline)
            .map(|(sum, all)| (sum.value / reckoned(all)).clamp(0.0, most))
    };
    let result = PoolResult {
        round: pool.round,
        facilitation: pool.facilitation,
        course: pool.course,
        centres: pool.centres,
        persons: pool.persons.value.max(0.0),
        first: pool.first,
        last: pool.last,
        mean_change,
        effect: estimate.map(|(estimate, _)| estimate.effect),
        variance: estimate.map(|(estimate, _)| estimate.variance),
        noise_se: estimate.map_or(0.0, |(_, noise_se)| noise_se),
        rho_millionths: pool.rho_millionths,
        has_weights: estimate.is_some_and(|(estimate, _)| estimate.weights.is_some()),
        change_sd: change_sd(scale, pool),
        baseline_mean: baseline
            .map(|baseline| (baseline / persons).clamp(scale.min(), scale.max())),
        improved: share(pool.improved),
        deteriorated: share(pool.deteriorated),
        followed_up: of_baselines(pool.followed_up, 1.0),
        sessions: of_baselines(pool.sessions, MOST_SESSIONS),
        items: pool
            .items
            .iter()
            .map(|item| ItemMean {
                code: item.code.clone(),
                mean: item.lowest + (item.sum.value / persons).max(0.0),
            })
            .collect(),
    };
    Pool {
        result,
        persons,
        change: pool.change.map(|change| change.value),
        baseline,
        estimate: estimate.map(|(estimate, _)| estimate),
    }
}

/// A number of persons to divide by.
fn reckoned(persons: Noisy) -> f64 {
    persons.value.max(1.0)
}

/// In points; noise alone can put it outside the scale, and then it stands at its end.
fn mean_change(scale: &Scale, persons: f64, change: Noisy) -> f64 {
    (change.value / persons).clamp(-scale.range(), scale.range()) + 0.0
}

/// Σn² between what equal centres and one centre would give, so that rounding cannot make it
/// impossible.
fn squared_persons(pool: &PooledSums, squared: Noisy) -> f64 {
    let persons = reckoned(pool.persons);
    let all = persons * persons;
    squared.value.clamp(all / f64::from(pool.centres), all)
}

/// The sums of round one over the pool's centres with v = 1/n each, if noise blurs none of them.
fn first_round(scale: &Scale, sd: f64, pool: &PooledSums) -> Option<Sums> {
    let (change, squared) = (pool.change?, pool.persons_squared?);
    let per_person = pool.change_squared_per_person?;
    let exact = [pool.persons, change, squared, per_person]
        .iter()
        .all(|sum| sum.is_exact());
    exact.then(|| Sums {
        k: pool.centres,
        w: reckoned(pool.persons),
        w2: squared_persons(pool, squared),
        wy: scale.direction().sign() * change.value / sd,
        wy2: (per_person.value / (sd * sd)).max(0.0),
    })
}

/// Effects told in other units made into those of the comparison; weights and τ² stay.
fn rescaled(weights: &PooledWeights, factor: f64) -> PooledWeights {
    let times = |sum: Noisy, factor: f64| Noisy {
        value: sum.value * factor,
        noise_sd: sum.noise_sd * factor,
    };
    PooledWeights {
        tau2: weights.tau2,
        w: weights.w,
        wy: times(weights.wy, factor),
        wy2: times(weights.wy2, factor * factor),
    }
}

/// SD of change between persons, in points, if it does not drown in noise: by the delta method
/// the noise of the variance V is √(σ² of Σd² + 4m²·σ² of Σd + (m² − V)²·σ² of n) / (n − 1).
pub(super) fn change_sd(scale: &Scale, pool: &PooledSums) -> Option<f64> {
    let (change, squared) = (pool.change?, pool.change_squared?);
    let persons = reckoned(pool.persons);
    let df = persons - 1.0;
    let mean = change.value / persons;
    let variance = (squared.value - change.value * mean) / df;
    let noise = (squared.noise_variance()
        + 4.0 * mean * mean * change.noise_variance()
        + (mean * mean - variance).powi(2) * pool.persons.noise_variance())
    .sqrt()
        / df;
    let sd = variance.sqrt();
    // Written so that NaN fails, as it is for a variance below zero.
    (noise < DROWNED * variance && sd >= SMALLEST_SD * scale.range()).then_some(sd)
}
