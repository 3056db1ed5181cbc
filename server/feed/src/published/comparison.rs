//! The comparison of one measure over all releases that count and all rounds that told.

mod caveats;
mod convert;
mod pools;

use super::release::{CellSums, Mean, ReleasedCell, ReleasedQuarter, Told};
use super::shelf::Shelf;
use crate::ids::WriterId;
use crate::network::NetworkView;
use crate::roster::Policy;
use crate::rounds::board::Board;
use krog_measures::comparison::{self, ReleasedSums, Status, ToldBaseline, Untold};
use krog_measures::{Course, Facilitation, Measure, MeasureCode, Quarter};
use krog_proto::federation::v1 as proto;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Why there is no comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CompareRefused {
    /// The measure is not one of the policy.
    #[error(
        "the network's policy has no measure of this name; ask for the network to see those it has"
    )]
    UnknownMeasure,
}

impl From<CompareRefused> for proto::CompareRefusal {
    fn from(refused: CompareRefused) -> Self {
        match refused {
            CompareRefused::UnknownMeasure => Self::UnknownMeasure,
        }
    }
}

/// A cell of one centre.
type CellId = (WriterId, Course, Facilitation);

/// Compares one measure of `policy` over the releases on `shelf` that count in `view` and the rounds on `board` that told,
/// leaving out releases of quarters after `last_quarter` and rounds that count later ones. Equal entries give equal bytes,
/// whatever order they arrived in and whatever the day.
pub fn compare(
    view: &NetworkView,
    shelf: &Shelf,
    board: &Board,
    policy: &Policy,
    measure: &str,
    last_quarter: Option<Quarter>,
) -> Result<proto::Comparison, CompareRefused> {
    let code = MeasureCode::try_from(measure).map_err(|_| CompareRefused::UnknownMeasure)?;
    let measure = policy
        .measure(&code)
        .ok_or(CompareRefused::UnknownMeasure)?;
    let mut gathered = Gathered::of(view, shelf, measure, last_quarter);
    let pools = pools::gather(view, board, measure, last_quarter);
    gathered.has_other_class |= pools.has_other_class;
    gathered.has_mixed_policies |= pools.has_mixed_policies;
    // A network that has given up pools still reads what they told.
    let terms = policy.pools.unwrap_or_default();
    let assumed_between_sd = f64::from(terms.assumed_between_sd_thousandths) / 1_000.0;
    let compared = comparison::compare(
        measure,
        &gathered.sums,
        &pools.sums,
        &gathered.untold,
        assumed_between_sd,
    );
    Ok(convert::to_proto(view, measure, &gathered, compared))
}

/// What the releases that count say of one measure.
#[derive(Debug, Default)]
struct Gathered {
    /// What was told, a cell of a release each.
    sums: Vec<ReleasedSums>,
    /// Sum of told baselines in points, and the persons in them.
    baselines: BTreeMap<CellId, (f64, f64)>,
    /// Cells without a value in the latest release that speaks of them.
    untold: Vec<Untold>,
    /// Cells that wait below the floor in their centre's latest release.
    waiting: u32,
    /// Whether some cell is of another comparability class, and left out.
    has_other_class: bool,
    /// Whether the releases used, or the pools, were made under policies that differ.
    has_mixed_policies: bool,
    /// Whether some sum is told only as an end of its scale.
    has_ends: bool,
    /// Whether follow-up is under 60 % or not told in the latest release used of some centre.
    lacks_follow_up: bool,
}

impl Gathered {
    fn of(
        view: &NetworkView,
        shelf: &Shelf,
        measure: &Measure,
        last_quarter: Option<Quarter>,
    ) -> Self {
        let mut centres = BTreeMap::<WriterId, BTreeMap<Quarter, &ReleasedQuarter>>::new();
        for release in shelf.counting_releases(|writer, place| view.counts(writer, place)) {
            if last_quarter.is_none_or(|last| release.quarter <= last) {
                centres
                    .entry(release.centre)
                    .or_default()
                    .insert(release.quarter, release);
            }
        }
        let mut gathered = Self::default();
        let mut versions = BTreeSet::new();
        for (centre, quarters) in centres {
            let mut latest = BTreeMap::<CellId, (Quarter, Option<Status>)>::new();
            let mut last_used = None;
            for (&quarter, release) in &quarters {
                for cell in release
                    .cells
                    .iter()
                    .filter(|cell| cell.measure == measure.code)
                {
                    if cell.class != measure.class {
                        gathered.has_other_class = true;
                        continue;
                    }
                    let status = gathered.take(centre, measure, cell);
                    if status.is_none() {
                        versions.insert(release.roster_version);
                        last_used = Some(*release);
                    }
                    latest.insert((centre, cell.course, cell.facilitation), (quarter, status));
                }
            }
            gathered.lacks_follow_up |=
                last_used.is_some_and(|release| caveats::lacks_follow_up(release, measure));
            let now = quarters.keys().next_back();
            for ((centre, course, facilitation), (quarter, status)) in latest {
                let Some(status) = status else { continue };
                if status == Status::BelowFloor && Some(&quarter) == now {
                    gathered.waiting = gathered.waiting.saturating_add(1);
                }
                let centre = *centre.as_bytes();
                gathered.untold.push(Untold {
                    centre,
                    facilitation,
                    course,
                    status,
                    quarter,
                });
            }
        }
        gathered.has_mixed_policies =
            caveats::has_mixed_policies(view, &versions, caveats::of_releases);
        gathered
    }

    /// Takes what a cell tells; gives the reason where it tells nothing.
    fn take(&mut self, centre: WriterId, measure: &Measure, cell: &ReleasedCell) -> Option<Status> {
        match cell.told {
            Told::Sums(sums) => {
                let is_end = |mean: Mean| mean.steps().is_none();
                self.has_ends |= is_end(sums.baseline) || is_end(sums.change);
                let sums = in_points(centre, measure, cell, &sums);
                if let ToldBaseline::Sum(baseline) = sums.baseline {
                    let id = (centre, cell.course, cell.facilitation);
                    let (sum, persons) = self.baselines.entry(id).or_default();
                    *sum += baseline;
                    *persons += f64::from(sums.persons);
                }
                self.sums.push(sums);
                None
            }
            Told::Withheld(status) => Some(status),
        }
    }
}

/// Steps of the range R turned into points of the measure's scale.
fn in_points(
    centre: WriterId,
    measure: &Measure,
    cell: &ReleasedCell,
    sums: &CellSums,
) -> ReleasedSums {
    let CellSums {
        persons,
        first,
        last,
        baseline,
        change,
        change_sd_twentieths,
    } = *sums;
    let range = measure.scale.range();
    ReleasedSums {
        centre: *centre.as_bytes(),
        facilitation: cell.facilitation,
        course: cell.course,
        persons,
        first,
        last,
        baseline: match baseline {
            Mean::Steps(steps) => ToldBaseline::Sum(
                f64::from(steps) * range + f64::from(persons) * measure.scale.min(),
            ),
            Mean::LowEnd => ToldBaseline::LowEnd,
            Mean::HighEnd => ToldBaseline::HighEnd,
        },
        change_sum: change.steps().map(|steps| f64::from(steps) * range),
        change_sd: change_sd_twentieths.map(|twentieths| f64::from(twentieths) * range / 20.0),
    }
}
