//! Facilitations compared from what centres released.
//!
//! Change is told in units of one SD of change, turned so that positive is improvement. Each
//! centre counts with v = 1/n + m (R/n)² / (12 SD²): the sampling variance of a mean, and the
//! variance that rounding m sums to steps of the range R adds (a step's rounding error is taken
//! as even over the step). Only `entry` pairs enter the contrast. Rows of centres stand by centre
//! id and never by outcome: nothing here ranks centres.
//!
//! Give each release once; a release given twice counts twice.

mod caveat;
mod told;

pub use caveat::Caveat;
pub use told::{
    FEWEST_PERSONS, Fault, MOST_PERSONS, PERSONS_FOR_SD, ReleasedSums, SetAside, Status,
    ToldBaseline, Untold, UntoldCount,
};

use crate::calendar::Quarter;
use crate::facilitation::{Course, Facilitation};
use crate::instrument::{ClassHash, Measure, MeasureCode, Scale};
use crate::quantile;
use crate::synthesis::{
    CENTRES_NEEDED, Contrast, ContrastOutcome, ContrastRefused, Interval, Prediction, Random,
    SynthesisError, contrast, two_rounds,
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
    /// Releases that were not used.
    pub set_aside: Vec<SetAside>,
}

/// The reason for which nothing could be compared.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// There is no release.
    #[error("nothing to compare: no centre has released anything on this measure")]
    NothingReleased,
    /// Figures too far apart to reckon with.
    #[error("the released figures cannot be put together: {reason}")]
    Figures {
        /// What went wrong.
        reason: String,
    },
}

/// The SD of change that everything is told in units of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SdUsed {
    /// In points of the measure's scale.
    pub sd: f64,
    /// Where it comes from.
    pub origin: SdOrigin,
}

/// Where an SD of change comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SdOrigin {
    /// Pooled over the releases that tell one, weighted by persons − 1.
    Pooled {
        /// Releases it was pooled over.
        releases: u32,
        /// Persons in them.
        persons: u64,
    },
    /// Stated with the measure.
    Stated {
        /// Publication or assumption.
        source: String,
    },
}

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalBasis {
    /// Hartung–Knapp with its factor not below one, on k − 1 degrees of freedom.
    HartungKnapp {
        /// k − 1
        df: u32,
    },
    /// One centre alone: normal, from its own sampling variance.
    OneCentre,
}

/// The centres of one facilitation and course put together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Centres in it.
    pub k: u32,
    /// Mean improvement in SDs of change, centres weighted by precision.
    pub effect: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// How that was made.
    pub basis: IntervalBasis,
    /// DerSimonian–Laird variance of true effects between centres.
    pub tau2: f64,
    /// Cochran's Q.
    pub q: f64,
    /// Degrees of freedom of Q.
    pub q_df: u32,
    /// Share of the variation that lies between centres, in percent; none for one centre.
    pub i2_percent: Option<f64>,
    /// Where one more centre's true effect would lie; none below three centres.
    pub prediction: Option<Prediction>,
}

/// What was told of one facilitation and course.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacilitationResult {
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// Centres that released something.
    pub centres: u32,
    /// Releases.
    pub releases: u32,
    /// Persons in them.
    pub persons: u64,
    /// First quarter covered.
    pub first: Quarter,
    /// Last quarter covered.
    pub last: Quarter,
    /// Mean baseline over the persons of releases that tell it, in points.
    pub baseline_mean: Option<f64>,
    /// Releases that tell only that the baseline mean is near the scale's low end.
    pub baseline_at_low_end: u32,
    /// Releases that tell only that the baseline mean is near the scale's high end.
    pub baseline_at_high_end: u32,
    /// Follow-up minus baseline in points, over the persons of releases that tell it; not turned.
    pub mean_change: Option<f64>,
    /// The synthesis; none when no release tells a change.
    pub effect: Option<Effect>,
}

/// What one centre told of one facilitation and course, its releases combined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CentreResult {
    /// The centre's id.
    #[serde(with = "told::hex_id")]
    pub centre: [u8; 32],
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// Releases combined.
    pub releases: u32,
    /// Persons in them.
    pub persons: u32,
    /// First quarter covered.
    pub first: Quarter,
    /// Last quarter covered.
    pub last: Quarter,
    /// Follow-up minus baseline in points, not turned; none when no release tells it.
    pub mean_change: Option<f64>,
    /// Improvement in SDs of change.
    pub effect: Option<f64>,
    /// Sampling and rounding variance of the effect.
    pub variance: Option<f64>,
    /// effect ± 1.96 √variance
    pub interval: Option<Interval>,
}

/// Everything a comparison says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The measure.
    pub code: MeasureCode,
    /// Its comparability class.
    pub class: ClassHash,
    /// Its ends and direction. Effects are turned so that positive is improvement.
    pub scale: Scale,
    /// The unit of effects. None when no release of 20 persons or more tells an SD of change and
    /// the measure states none: then changes are told in points only, and nothing is put together.
    pub sd: Option<SdUsed>,
    /// New members, by facilitation in fixed order.
    pub entry: Vec<FacilitationResult>,
    /// Continuing members, by facilitation in fixed order. They enter no contrast.
    pub continuing: Vec<FacilitationResult>,
    /// Professional minus peer between centres, new members; positive is more improvement in
    /// professionally facilitated groups.
    pub contrast: ContrastOutcome,
    /// The same within centres that offer both.
    pub within_centres: ContrastOutcome,
    /// The smallest difference taken to matter, in SDs of change.
    pub smallest_important: f64,
    /// One row a centre, facilitation and course, by rising centre id.
    pub centres: Vec<CentreResult>,
    /// Cells that were not told, counted by public reason.
    pub untold: Vec<UntoldCount>,
    /// Releases that were not used, and why.
    pub set_aside: Vec<SetAside>,
    /// What has to be said with it.
    pub caveats: Vec<Caveat>,
}

/// Compares facilitations on one measure. The order of the input does not change a digit.
pub fn compare(
    measure: &Measure,
    releases: &[ReleasedSums],
    untold: &[Untold],
) -> Result<Comparison, ComparisonRefused> {
    let untold = told::count_untold(untold);
    let (releases, set_aside) = told::sort_and_check(measure, releases);
    let refused = |reason| ComparisonRefused {
        reason,
        untold: untold.clone(),
        set_aside: set_aside.clone(),
    };
    if releases.is_empty() {
        return Err(refused(RefusalReason::NothingReleased));
    }
    let sd = sd_used(measure, &releases);
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

    let assemble = || -> Result<_, SynthesisError> {
        let mut sides = BTreeMap::new();
        for course in Course::ALL {
            for facilitation in Facilitation::ALL {
                if let Some(side) = side(&releases, &centres, facilitation, course)? {
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
    let random = |facilitation| {
        sides
            .get(&(Course::Entry, facilitation))
            .and_then(|side| side.random.as_ref())
    };
    let contrasted = if unit.is_none() {
        Err(refused_without_sd(&centres))
    } else {
        contrast(
            random(Facilitation::Professional),
            random(Facilitation::Peer),
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
        untold,
        set_aside,
        caveats: Vec::new(),
    };
    comparison.caveats = caveat::of(&comparison);
    Ok(comparison)
}

/// Pooled within releases of `n` ≥ 20, weighted by n − 1; otherwise the stated one.
fn sd_used(measure: &Measure, releases: &[ReleasedSums]) -> Option<SdUsed> {
    let (mut squares, mut df) = (0.0, 0.0);
    let (mut count, mut persons) = (0, 0);
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
    if squares > 0.0 {
        return Some(SdUsed {
            sd: (squares / df).sqrt(),
            origin: SdOrigin::Pooled {
                releases: count,
                persons,
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

struct Side {
    result: FacilitationResult,
    random: Option<Random>,
}

fn side(
    releases: &[ReleasedSums],
    centres: &[CentreResult],
    facilitation: Facilitation,
    course: Course,
) -> Result<Option<Side>, SynthesisError> {
    let told: Vec<&ReleasedSums> = releases
        .iter()
        .filter(|release| release.facilitation == facilitation && release.course == course)
        .collect();
    let rows: Vec<&CentreResult> = centres
        .iter()
        .filter(|row| row.facilitation == facilitation && row.course == course)
        .collect();
    let span = told
        .iter()
        .map(|release| release.first)
        .min()
        .zip(told.iter().map(|release| release.last).max());
    let Some((first, last)) = span else {
        return Ok(None);
    };
    let estimates: Vec<(f64, f64)> = rows
        .iter()
        .filter_map(|row| row.effect.zip(row.variance))
        .collect();
    let (effect, random) = if estimates.is_empty() {
        (None, None)
    } else {
        let (fixed, random) = two_rounds(&estimates)?;
        let effect = Effect {
            k: random.k,
            effect: random.mean,
            interval: random.interval(),
            basis: random
                .hartung_knapp
                .as_ref()
                .map_or(IntervalBasis::OneCentre, |adjusted| {
                    IntervalBasis::HartungKnapp { df: adjusted.df }
                }),
            tau2: random.tau2,
            q: fixed.q,
            q_df: fixed.q_df,
            i2_percent: fixed.i2_percent,
            prediction: random.prediction.clone(),
        };
        (Some(effect), Some(random))
    };
    let persons = |release: &ReleasedSums| u64::from(release.persons);
    let mean = |told: Vec<(f64, u64)>| -> Option<f64> {
        let persons: u64 = told.iter().map(|(_, persons)| persons).sum();
        let sum: f64 = told.iter().map(|(sum, _)| sum).sum();
        (persons > 0).then(|| sum / persons as f64 + 0.0)
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
        first,
        last,
        baseline_mean: mean(
            told.iter()
                .filter_map(|release| match release.baseline {
                    ToldBaseline::Sum(sum) => Some((sum, persons(release))),
                    ToldBaseline::LowEnd | ToldBaseline::HighEnd => None,
                })
                .collect(),
        ),
        baseline_at_low_end: at_end(ToldBaseline::LowEnd),
        baseline_at_high_end: at_end(ToldBaseline::HighEnd),
        mean_change: mean(
            told.iter()
                .filter_map(|release| Some((release.change_sum?, persons(release))))
                .collect(),
        ),
        effect,
    };
    Ok(Some(Side { result, random }))
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
fn refused_without_sd(centres: &[CentreResult]) -> ContrastRefused {
    let count = |facilitation| centres_with_change(centres, facilitation);
    let (professional, peer) = (count(Facilitation::Professional), count(Facilitation::Peer));
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

/// Centres on a side of the contrast: those that tell a change of new members.
fn centres_with_change(centres: &[CentreResult], facilitation: Facilitation) -> u32 {
    centres
        .iter()
        .filter(|row| row.facilitation == facilitation && row.course == Course::Entry)
        .filter(|row| row.mean_change.is_some())
        .count() as u32
}

#[cfg(test)]
mod tests;
