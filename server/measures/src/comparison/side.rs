//! One facilitation and course put together from centres and pools.

use super::pool::{Pool, PoolEstimate};
use super::result::{CentreResult, Effect, FacilitationResult, IntervalBasis, SpreadOrigin};
use super::told::{ReleasedSums, ToldBaseline};
use crate::facilitation::{Course, Facilitation};
use crate::quantile;
use crate::synthesis::{ContrastSide, Fixed, Interval, Random, Sums, SynthesisError, two_rounds};

/// Fewest released centres whose τ² is taken for the centres of pools too.
const RELEASES_FOR_SPREAD: usize = 3;

pub(super) struct Side {
    pub result: FacilitationResult,
    /// What a contrast has to know; none for a single centre and where nothing is put together.
    pub contrast: Option<ContrastSide>,
    /// Whether τ² was taken for the centres of some pool that does not tell it.
    pub is_spread_assumed: bool,
}

/// None where nothing was told.
pub(super) fn side(
    releases: &[ReleasedSums],
    centres: &[CentreResult],
    pools: &[Pool],
    (facilitation, course): (Facilitation, Course),
    assumed_between_sd: f64,
) -> Result<Option<Side>, SynthesisError> {
    let told: Vec<&ReleasedSums> = releases
        .iter()
        .filter(|release| release.facilitation == facilitation && release.course == course)
        .collect();
    let rows: Vec<&CentreResult> = centres
        .iter()
        .filter(|row| row.facilitation == facilitation && row.course == course)
        .collect();
    let pools: Vec<&Pool> = pools
        .iter()
        .filter(|pool| (pool.result.facilitation, pool.result.course) == (facilitation, course))
        .collect();
    let firsts = told.iter().map(|release| release.first);
    let lasts = told.iter().map(|release| release.last);
    let span = firsts
        .chain(pools.iter().map(|pool| pool.result.first))
        .min()
        .zip(lasts.chain(pools.iter().map(|pool| pool.result.last)).max());
    let Some((first, last)) = span else {
        return Ok(None);
    };
    let released: Vec<(f64, f64)> = rows
        .iter()
        .filter_map(|row| row.effect.zip(row.variance))
        .collect();
    let pooled: Vec<PoolEstimate> = pools.iter().filter_map(|pool| pool.estimate).collect();
    let together = match (released.is_empty(), pooled.is_empty()) {
        (true, true) => None,
        (false, true) => Some(Together::of_centres(&released)?),
        (_, false) => Some(Together::with_pools(
            &released,
            &pooled,
            assumed_between_sd,
        )?),
    };
    let persons = |release: &ReleasedSums| u64::from(release.persons);
    let mean = |told: Vec<(f64, u64)>, pooled: Vec<(f64, f64)>| -> Option<f64> {
        let released: u64 = told.iter().map(|(_, persons)| persons).sum();
        let sum: f64 = told.iter().map(|(sum, _)| sum).sum();
        let in_pools: f64 = pooled.iter().map(|(_, persons)| persons).sum();
        let pooled_sum: f64 = pooled.iter().map(|(sum, _)| sum).sum();
        let persons = released as f64 + in_pools;
        (persons > 0.0).then(|| (sum + pooled_sum) / persons + 0.0)
    };
    let of_pools = |sum: fn(&Pool) -> Option<f64>| {
        pools
            .iter()
            .filter_map(|pool| Some((sum(pool)?, pool.persons)))
            .collect()
    };
    let at_end = |end: ToldBaseline| {
        told.iter()
            .filter(|release| release.baseline == end)
            .count() as u32
    };
    let result = FacilitationResult {
        facilitation,
        course,
        centres: rows.len() as u32,
        releases: told.len() as u32,
        persons: told.iter().map(|release| persons(release)).sum(),
        pooled_centres: count(pools.iter().map(|pool| pool.result.centres)),
        pooled_persons: pools.iter().map(|pool| pool.result.persons).sum::<f64>() + 0.0,
        first,
        last,
        baseline_mean: mean(
            told.iter()
                .filter_map(|release| match release.baseline {
                    ToldBaseline::Sum(sum) => Some((sum, persons(release))),
                    ToldBaseline::LowEnd | ToldBaseline::HighEnd => None,
                })
                .collect(),
            of_pools(|pool| pool.baseline),
        ),
        baseline_at_low_end: at_end(ToldBaseline::LowEnd),
        baseline_at_high_end: at_end(ToldBaseline::HighEnd),
        mean_change: mean(
            told.iter()
                .filter_map(|release| Some((release.change_sum?, persons(release))))
                .collect(),
            of_pools(|pool| pool.change),
        ),
        effect: together.as_ref().map(Together::effect),
    };
    Ok(Some(Side {
        result,
        contrast: together.as_ref().and_then(Together::contrast),
        is_spread_assumed: together.is_some_and(|together| together.is_spread_assumed),
    }))
}

/// Centres of several pools.
pub(super) fn count(centres: impl Iterator<Item = u32>) -> u32 {
    centres.fold(0, u32::saturating_add)
}

/// The interval of a side of nothing but pools without weights. How much centres differ is in its variance and is not
/// estimated from the estimates put together, so there is no factor of Hartung and Knapp. Its degrees of freedom are those
/// of the centres, which the pools count, and not of the pools: two pools of fifteen centres are not two centres.
struct PoolsAlone {
    /// Centres less one.
    df: u32,
    interval: Interval,
}

impl PoolsAlone {
    fn of(random: &Random, centres: u32) -> Option<Self> {
        let df = centres.saturating_sub(1).max(1);
        let width = quantile::student(0.975, f64::from(df))?;
        Some(Self {
            df,
            interval: Interval::around(random.mean, width * random.se),
        })
    }
}

/// Estimates of one side put together.
struct Together {
    random: Random,
    /// Of a side of nothing but pools without weights.
    alone: Option<PoolsAlone>,
    spread: SpreadOrigin,
    /// All centres as if they shared one true effect.
    fixed: Fixed,
    /// Q and what follows from it; none where no centre stands in it by itself.
    between: Option<Fixed>,
    is_spread_assumed: bool,
}

impl Together {
    fn of_centres(released: &[(f64, f64)]) -> Result<Self, SynthesisError> {
        let (fixed, random) = two_rounds(released)?;
        Ok(Self {
            random,
            alone: None,
            spread: SpreadOrigin::EveryCentre,
            between: Some(fixed.clone()),
            fixed,
            is_spread_assumed: false,
        })
    }

    fn with_pools(
        released: &[(f64, f64)],
        pools: &[PoolEstimate],
        assumed_between_sd: f64,
    ) -> Result<Self, SynthesisError> {
        if assumed_between_sd.is_nan() || assumed_between_sd < 0.0 {
            return Err(SynthesisError::NotATau2);
        }
        let of_releases = |tau2: f64| -> Sums {
            released
                .iter()
                .map(|&(effect, variance)| Sums::of(effect, variance, tau2))
                .sum()
        };
        let round_one: Option<Vec<Sums>> = pools.iter().map(|pool| pool.first_round).collect();
        let tells_every_centre = round_one.is_some();
        let (fixed, between) = match round_one {
            Some(sums) => {
                let fixed = Fixed::from_sums(&(of_releases(0.0) + sums.into_iter().sum()))?;
                (fixed.clone(), Some(fixed))
            }
            None => {
                let as_one = |pool: &PoolEstimate| Sums::of(pool.effect, pool.variance, 0.0);
                let pooled: Sums = pools.iter().map(as_one).sum();
                let fixed = Fixed::from_sums(&(of_releases(0.0) + pooled))?;
                let between = if released.is_empty() {
                    None
                } else {
                    Some(two_rounds(released)?.0)
                };
                (fixed, between)
            }
        };
        let stated = pools
            .iter()
            .find_map(|pool| pool.weights.map(|weights| weights.tau2));
        let (tau2, spread) = match (stated, &between) {
            (Some(tau2), _) => (tau2, SpreadOrigin::SecondRound),
            (None, Some(between)) if tells_every_centre => {
                (between.tau2, SpreadOrigin::EveryCentre)
            }
            (None, Some(between)) if released.len() >= RELEASES_FOR_SPREAD => {
                (between.tau2, SpreadOrigin::ReleasedCentres)
            }
            (None, _) => (
                assumed_between_sd * assumed_between_sd,
                SpreadOrigin::Assumed,
            ),
        };
        let in_round_two = |pool: &PoolEstimate| match &pool.weights {
            Some(weights) => Sums {
                k: pool.centres,
                w: weights.w.value,
                // Not told, and nothing here needs it: that of equal weights.
                w2: weights.w.value * weights.w.value / f64::from(pool.centres),
                wy: weights.wy.value,
                wy2: weights.wy2.value.max(0.0),
            },
            None => Sums::of(pool.effect, pool.variance + tau2 * pool.spread, 0.0),
        };
        let sums = of_releases(tau2) + pools.iter().map(in_round_two).sum();
        let mean = sums.wy / sums.w;
        let noise: f64 = pools
            .iter()
            .filter_map(|pool| pool.weights)
            .map(|told| told.wy.noise_variance() + mean * mean * told.w.noise_variance())
            .sum();
        let random = Random::from_noisy_sums(&sums, tau2, noise / (sums.w * sums.w))?;
        let is_alone = released.is_empty() && pools.iter().all(|pool| pool.weights.is_none());
        let alone = if is_alone {
            let centres = count(pools.iter().map(|pool| pool.centres));
            Some(PoolsAlone::of(&random, centres).ok_or(SynthesisError::ImpossibleSums)?)
        } else {
            None
        };
        Ok(Self {
            random,
            alone,
            spread,
            fixed,
            between,
            is_spread_assumed: pools
                .iter()
                .any(|pool| pool.weights.is_none() && pool.first_round.is_none())
                || (stated.is_none() && !tells_every_centre),
        })
    }

    fn effect(&self) -> Effect {
        let Self {
            random,
            alone,
            spread,
            fixed,
            between,
            is_spread_assumed: _,
        } = self;
        let (se, interval, basis) = match (alone, &random.hartung_knapp) {
            (Some(PoolsAlone { df, interval }), _) => {
                (random.se, *interval, IntervalBasis::PoolsAlone { df: *df })
            }
            (None, Some(adjusted)) => (
                adjusted.se,
                adjusted.interval,
                IntervalBasis::HartungKnapp { df: adjusted.df },
            ),
            (None, None) => (random.se, random.normal_interval, IntervalBasis::OneCentre),
        };
        Effect {
            k: random.k,
            effect: random.mean,
            se,
            interval,
            basis,
            tau2: random.tau2,
            spread: *spread,
            q: between.as_ref().map_or(0.0, |between| between.q),
            q_df: between.as_ref().map_or(0, |between| between.q_df),
            i2_percent: between.as_ref().and_then(|between| between.i2_percent),
            // Of pools alone it would say again what was taken for the spread.
            prediction: random.prediction.clone().filter(|_| alone.is_none()),
            fixed_effect: fixed.mean,
            fixed_se: fixed.se,
        }
    }

    fn contrast(&self) -> Option<ContrastSide> {
        let side = |se, df| ContrastSide {
            mean: self.random.mean,
            se,
            df,
        };
        match (&self.alone, &self.random.hartung_knapp) {
            (Some(alone), _) => Some(side(self.random.se, alone.df)),
            (None, Some(adjusted)) => Some(side(adjusted.se, adjusted.df)),
            (None, None) => None,
        }
    }
}
