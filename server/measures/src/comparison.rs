//! Facilitations compared from what centres released and pools told.
//!
//! Change is told in units of one SD of change, turned so that positive is improvement. A released
//! centre counts with v = 1/n + m (R/n)² / (12 SD²): the sampling variance of a mean, and the
//! variance that rounding m sums to steps of the range R adds (a step's rounding error is taken
//! as even over the step). Only `entry` pairs enter the contrast. Rows of centres stand by centre
//! id and never by outcome: nothing here ranks centres.
//!
//! # Pools
//!
//! The SD of change is pooled over releases of 20 persons or more and over pools that tell Σd² with
//! less than a quarter of noise ([`DROWNED`]), each weighted by persons − 1; otherwise it is stated.
//!
//! A pool's own effect is y = ± (Σd/Σn)/SD with variance 1/Σn + (σ_d² + m²σ_n²)/(Σn)²/SD²: between
//! persons, and of the noise by the delta method, m being the mean change. Σn counts as 1 at least.
//!
//! *Round one.* Sums over centres add, so a pool that tells Σn, Σn², Σd and Σ(Σd)²/n without noise
//! stands for each of its centres with v = 1/n. τ² of a side is, in this order:
//! 1. that of the newest second round, as it is stated there, in SDs of change;
//! 2. DerSimonian and Laird's over all centres, where every pool tells those sums without noise;
//! 3. theirs over the released centres, where there are three or more;
//! 4. what the network assumes.
//!
//! *Round two.* A pool whose second round was made with exactly this τ² enters as so many single
//! centres by its Σw, Σwy and Σwy². Its effects are rescaled where its unit SD is another; its
//! weights stay. Noise adds N = (σ_wy² + μ²σ_w²)/(Σw)² to every SE², and N·Σw to Q, which
//! (Σwy)²/Σw has too much of on average. Any other pool enters as one estimate with variance
//! 1/Σn + τ²·Σn²/(Σn)² + noise; where Σn² is not told without noise, Σn²/(Σn)² is
//! (1 + CV²)/centres with CV² = [`SIZES_CV2`]. Hartung and Knapp's interval and the prediction
//! interval count the estimates.
//!
//! *Pools alone.* Where a side is nothing but pools without weights, one or several, the number of
//! pools is no number of centres, and Hartung and Knapp's factor would compare what was put into
//! their variances with itself. So they are put together with the inverse of 1/Σn + τ²·Σn²/(Σn)² +
//! noise, and the interval is mean ± t·SE with as many degrees of freedom as they have centres less
//! one. The spread in it is taken for them, not estimated from them; there is no prediction interval.
//!
//! *Contrast.* Sides are counted in centres, released and pooled; each brings the standard error
//! and degrees of freedom of its own interval.
//!
//! Give each release and each pool once; what is given twice counts twice.

mod caveat;
mod pool;
mod pooled;
mod result;
mod side;
mod told;

pub use caveat::Caveat;
pub use pool::{DROWNED, SIZES_CV2};
pub use pooled::{
    FEWEST_CENTRES, FEWEST_POOLED_PERSONS, MOST_CENTRES, MOST_POOLED_PERSONS, MOST_SESSIONS, Noisy,
    PooledItem, PooledSums, PooledWeights,
};
pub use result::{
    CentreResult, Comparison, Effect, FacilitationResult, IntervalBasis, ItemMean, PoolResult,
    SdOrigin, SdUsed, SpreadOrigin,
};
pub use told::{
    FEWEST_PERSONS, Fault, MOST_PERSONS, PERSONS_FOR_SD, ReleasedSums, SetAside, Source, Status,
    ToldBaseline, Untold, UntoldCount,
};

use crate::facilitation::{Course, Facilitation};
use crate::instrument::Measure;
use crate::quantile;
use crate::synthesis::{
    CENTRES_NEEDED, Contrast, ContrastRefused, Interval, SynthesisError, contrast_of, two_rounds,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// The smallest difference between facilitations taken to matter, in SDs of change. Assumed:
/// the usual word for it is a small effect (Cohen 1988); no figure for peer groups is agreed.
pub const SMALLEST_IMPORTANT: f64 = 0.2;

/// Why nothing could be compared. What was not told is told here too.
#[derive(Debug, Clone, PartialEq, Error, Serialize, Deserialize)]
#[error("{reason}")]
pub struct ComparisonRefused {
    /// The reason.
    pub reason: RefusalReason,
    /// Cells that were not told.
    pub untold: Vec<UntoldCount>,
    /// Releases and pools that were not used.
    pub set_aside: Vec<SetAside>,
}

/// The reason for which nothing could be compared.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// There is no release and no pool.
    #[error("nothing to compare: no centre and no pool has told anything on this measure")]
    NothingReleased,
    /// Figures too far apart to reckon with.
    #[error("the released figures cannot be put together: {reason}")]
    Figures {
        /// What went wrong.
        reason: String,
    },
}

/// Compares facilitations on one measure. The order of the input does not change a digit.
///
/// `assumed_between_sd` is the SD of true effects between centres, in SDs of change, taken for
/// pools where nothing told says it; a number from 0 on.
pub fn compare(
    measure: &Measure,
    releases: &[ReleasedSums],
    pools: &[PooledSums],
    untold: &[Untold],
    assumed_between_sd: f64,
) -> Result<Comparison, ComparisonRefused> {
    let untold = told::count_untold(untold);
    let (releases, mut set_aside) = told::sort_and_check(measure, releases);
    let (pools, pools_set_aside) = pooled::sort_and_check(measure, pools);
    set_aside.extend(pools_set_aside);
    let refused = |reason| ComparisonRefused {
        reason,
        untold: untold.clone(),
        set_aside: set_aside.clone(),
    };
    if releases.is_empty() && pools.is_empty() {
        return Err(refused(RefusalReason::NothingReleased));
    }
    let sd = sd_used(measure, &releases, &pools);
    let unit = sd.as_ref().map(|used| used.sd);

    let mut cells: BTreeMap<([u8; 32], Facilitation, Course), Vec<&ReleasedSums>> = BTreeMap::new();
    for release in &releases {
        cells
            .entry((release.centre, release.facilitation, release.course))
            .or_default()
            .push(release);
    }
    let centres: Vec<CentreResult> = cells
        .values()
        .filter_map(|cell| combine(measure, unit, cell))
        .collect();

    let caveats_of_pools = caveat::of_pools(&pools);
    let pools = pool::rows(measure, unit, &pools);

    let assemble = || -> Result<_, SynthesisError> {
        let mut sides = BTreeMap::new();
        for course in Course::ALL {
            for facilitation in Facilitation::ALL {
                let cell = (facilitation, course);
                let side = side::side(&releases, &centres, &pools, cell, assumed_between_sd)?;
                if let Some(side) = side {
                    sides.insert((course, facilitation), side);
                }
            }
        }
        let differences = differences_within(&centres);
        let within = if differences.is_empty() {
            None
        } else {
            Some(two_rounds(&differences)?.1)
        };
        Ok((sides, within))
    };
    let (sides, within) = assemble().map_err(|error| {
        refused(RefusalReason::Figures {
            reason: error.to_string(),
        })
    })?;
    let pool_rows: Vec<PoolResult> = pools.into_iter().map(|pool| pool.result).collect();
    let counts = [Facilitation::Professional, Facilitation::Peer]
        .map(|facilitation| centres_with_change(&centres, &pool_rows, facilitation));
    let on_side = |facilitation| {
        sides
            .get(&(Course::Entry, facilitation))
            .and_then(|side: &side::Side| side.contrast)
    };
    let contrasted = if unit.is_none() {
        Err(refused_without_sd(counts))
    } else {
        contrast_of(
            (counts[0], counts[1]),
            on_side(Facilitation::Professional),
            on_side(Facilitation::Peer),
            Some(SMALLEST_IMPORTANT),
        )
    };
    let within = Contrast::within(within.as_ref(), Some(SMALLEST_IMPORTANT));
    let of_course = |course| {
        sides
            .iter()
            .filter(|((of, _), _)| *of == course)
            .map(|(_, side)| side.result.clone())
            .collect::<Vec<_>>()
    };
    let is_spread_assumed = sides.values().any(|side| side.is_spread_assumed);
    let mut comparison = Comparison {
        code: measure.code.clone(),
        class: measure.class,
        scale: measure.scale,
        sd,
        entry: of_course(Course::Entry),
        continuing: of_course(Course::Continuing),
        contrast: contrasted.into(),
        within_centres: within.into(),
        smallest_important: SMALLEST_IMPORTANT,
        centres,
        pools: pool_rows,
        untold,
        set_aside,
        caveats: Vec::new(),
    };
    comparison.caveats = caveat::of(&comparison);
    comparison.caveats.extend(caveats_of_pools);
    if is_spread_assumed {
        comparison.caveats.push(Caveat::SpreadAssumed);
    }
    Ok(comparison)
}

/// Pooled over releases of `n` ≥ 20 and pools, weighted by n − 1; otherwise the stated one.
fn sd_used(measure: &Measure, releases: &[ReleasedSums], pools: &[PooledSums]) -> Option<SdUsed> {
    let (mut squares, mut df) = (0.0, 0.0);
    let (mut count, mut persons, mut of_pools) = (0, 0, 0);
    for release in releases {
        // That it comes from twenty persons or more was checked on arrival.
        if let Some(sd) = release.change_sd {
            let weight = f64::from(release.persons) - 1.0;
            squares += weight * sd * sd;
            df += weight;
            count += 1;
            persons += u64::from(release.persons);
        }
    }
    for pool in pools {
        if let Some(sd) = pool::change_sd(&measure.scale, pool) {
            let weight = pool.persons.value - 1.0;
            squares += weight * sd * sd;
            df += weight;
            of_pools += 1;
        }
    }
    if squares > 0.0 {
        return Some(SdUsed {
            sd: (squares / df).sqrt(),
            origin: SdOrigin::Pooled {
                releases: count,
                persons,
                pools: of_pools,
            },
        });
    }
    measure.reference_change_sd.as_ref().map(|stated| SdUsed {
        sd: stated.sd(),
        origin: SdOrigin::Stated {
            source: stated.source().to_owned(),
        },
    })
}

/// One centre's releases of one cell made into one estimate.
fn combine(measure: &Measure, sd: Option<f64>, cell: &[&ReleasedSums]) -> Option<CentreResult> {
    let earliest = cell.first()?;
    let told: Vec<(f64, f64)> = cell
        .iter()
        .filter_map(|release| Some((release.change_sum?, f64::from(release.persons))))
        .collect();
    let change: f64 = told.iter().map(|(sum, _)| sum).sum();
    let persons: f64 = told.iter().map(|(_, persons)| persons).sum();
    // Adding zero turns -0 into 0, which would look odd in a table.
    let mean_change = (!told.is_empty()).then(|| change / persons + 0.0);
    let estimate = mean_change.zip(sd).map(|(mean, sd)| {
        let step = measure.scale.range() / persons / sd;
        (
            measure.scale.direction().sign() * mean / sd + 0.0,
            1.0 / persons + told.len() as f64 * step * step / 12.0,
        )
    });
    Some(CentreResult {
        centre: earliest.centre,
        facilitation: earliest.facilitation,
        course: earliest.course,
        releases: cell.len() as u32,
        persons: cell
            .iter()
            .fold(0, |sum, release| sum.saturating_add(release.persons)),
        first: cell.iter().map(|release| release.first).min()?,
        last: cell.iter().map(|release| release.last).max()?,
        mean_change,
        effect: estimate.map(|(effect, _)| effect),
        variance: estimate.map(|(_, variance)| variance),
        interval: estimate
            .map(|(effect, variance)| Interval::around(effect, quantile::Z_95 * variance.sqrt())),
    })
}

/// Each centre that offers both against itself, professional minus peer, with its variance: what
/// differs between centres falls out.
fn differences_within(centres: &[CentreResult]) -> Vec<(f64, f64)> {
    let mut peers = BTreeMap::new();
    let mut differences = Vec::new();
    let entry = || centres.iter().filter(|row| row.course == Course::Entry);
    for row in entry().filter(|row| row.facilitation == Facilitation::Peer) {
        peers.insert(row.centre, row.effect.zip(row.variance));
    }
    for row in entry().filter(|row| row.facilitation == Facilitation::Professional) {
        if let (Some((professional, v1)), Some(Some((peer, v2)))) =
            (row.effect.zip(row.variance), peers.get(&row.centre))
        {
            differences.push((professional - peer, v1 + v2));
        }
    }
    differences
}

/// Too few centres is the reason that no SD could mend; it goes first.
fn refused_without_sd([professional, peer]: [u32; 2]) -> ContrastRefused {
    if professional.min(peer) < CENTRES_NEEDED {
        ContrastRefused::TooFewCentres {
            professional,
            peer,
            needed: CENTRES_NEEDED,
        }
    } else {
        ContrastRefused::NoSd {
            persons: PERSONS_FOR_SD,
        }
    }
}

/// Centres on a side of the contrast: those that tell a change of new members, each by itself or
/// in a pool.
fn centres_with_change(
    centres: &[CentreResult],
    pools: &[PoolResult],
    facilitation: Facilitation,
) -> u32 {
    let released = centres
        .iter()
        .filter(|row| row.facilitation == facilitation && row.course == Course::Entry)
        .filter(|row| row.mean_change.is_some())
        .count() as u32;
    let pooled = pools
        .iter()
        .filter(|row| row.facilitation == facilitation && row.course == Course::Entry)
        .filter(|row| row.mean_change.is_some())
        .map(|row| row.centres);
    side::count(pooled).saturating_add(released)
}

#[cfg(test)]
mod tests;
