//! One centre's release of one quarter, read from the body of its entry.

use super::wire;
use crate::ids::WriterId;
use crate::limits;
use krog_measures::comparison::{MOST_PERSONS, PERSONS_FOR_SD, Status};
use krog_measures::{ClassHash, Course, Facilitation, MeasureCode, Quarter};
use krog_proto::federation::v1 as proto;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use thiserror::Error;

/// Most cells of a release.
const CELLS: usize = 384;
/// Most measures a follow-up is told of.
const FOLLOW_UPS: usize = 64;
/// Quarters a release may speak of, 1970Q1 to 3000Q1.
const QUARTERS: RangeInclusive<u32> = 7_880..=12_000;
/// Largest SD of change in twentieths of the range.
const SD_TWENTIETHS: u32 = 40;

/// One centre, one quarter, all its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedQuarter {
    /// Writer of the feed it stands in.
    pub centre: WriterId,
    /// The quarter that was closed.
    pub quarter: Quarter,
    /// Version of the roster whose policy the gate applied.
    pub roster_version: u32,
    /// Its cells; at most one per measure, facilitation and course.
    pub cells: Vec<ReleasedCell>,
    /// Follow-up by measure. A measure not named has fewer than 20 baselines.
    pub follow_up: BTreeMap<MeasureCode, Band>,
}

/// One cell of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedCell {
    /// The measure.
    pub measure: MeasureCode,
    /// Its comparability class.
    pub class: ClassHash,
    /// Who leads the groups of this cell.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// The sums, or the public reason why there are none.
    pub told: Told,
}

/// What a cell tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Sums in one-person steps.
    Sums(CellSums),
    /// Nothing, for this public reason.
    Withheld(Status),
}

/// Sums over the persons of a cell, in steps of the measure's range R: the most one person could have moved them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellSums {
    /// Persons, each with one pair; 10 to [`MOST_PERSONS`].
    pub persons: u32,
    /// First quarter in which a pair closed.
    pub first: Quarter,
    /// Last quarter in which a pair closed; not after the release's own.
    pub last: Quarter,
    /// Sum of (baseline − lowest score), 0 to `persons` steps.
    pub baseline: Mean,
    /// Sum of change (follow-up − baseline), −`persons` to `persons` steps.
    pub change: Mean,
    /// SD of change in twentieths of R, from 20 persons on.
    pub change_sd_twentieths: Option<u32>,
}

/// A sum in steps, or the end its mean is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mean {
    /// The sum divided by R, rounded.
    Steps(i32),
    /// The mean lies near the lowest value it can have: every mean within a tenth of the range, and some beyond.
    LowEnd,
    /// The mean lies near the highest value it can have: every mean within a tenth of the range, and some beyond.
    HighEnd,
}

/// Share of baselines that found a follow-up, over eight quarters and all facilitations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Fewer than 20 baselines: not told.
    Untold,
    /// Less than 60 %.
    Under60,
    /// 60 % or more.
    AtLeast60,
}

/// Why a release counts for nothing. Its own gate cannot have written it: ask the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum ReleaseFault {
    /// Bytes that are no release.
    #[error("the release cannot be read")]
    Undecodable,
    /// The quarter is out of range.
    #[error("the release's quarter is out of range")]
    Quarter,
    /// The roster version is out of range.
    #[error("the release's roster version is out of range")]
    RosterVersion,
    /// More cells than there can be.
    #[error(
        "the release has more than {CELLS} cells or tells the follow-up of more than {FOLLOW_UPS} measures"
    )]
    TooLarge,
    /// A cell that cannot be.
    #[error("cell {at} of the release {fault}")]
    Cell {
        /// Which one, from 0.
        at: usize,
        /// What is wrong with it.
        fault: CellFault,
    },
    /// A second cell of one measure, facilitation and course: its persons would count twice.
    #[error("cell {at} of the release repeats an earlier one")]
    RepeatedCell {
        /// Which one, from 0.
        at: usize,
    },
    /// A follow-up that cannot be, or told twice.
    #[error("follow-up {at} of the release is malformed or repeats an earlier one")]
    FollowUp {
        /// Which one, from 0.
        at: usize,
    },
}

/// What is wrong with a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum CellFault {
    /// The measure's code is none.
    #[error("names no measure")]
    Measure,
    /// The comparability class has not 32 bytes.
    #[error("has no comparability class of 32 bytes")]
    Class,
    /// Nobody, or somebody unknown here, leads.
    #[error("does not say who leads in words known here")]
    Facilitation,
    /// Neither entry nor continuing.
    #[error("does not say entry or continuing")]
    Course,
    /// Neither sums nor a reason.
    #[error("has neither sums nor a reason for their absence")]
    Nothing,
    /// A reason unknown here.
    #[error("withholds its sums for a reason unknown here")]
    Reason,
    /// Fewer persons than any policy lets a cell have.
    #[error("tells of fewer than 10 persons, which no gate lets out")]
    BelowFloor,
    /// More persons than can be believed.
    #[error("tells of more than {MOST_PERSONS} persons")]
    TooManyPersons,
    /// A quarter out of range.
    #[error("has a quarter out of range")]
    Quarters,
    /// The last quarter is before the first, or after the release's own.
    #[error("ends before it begins or after the quarter that was closed")]
    Span,
    /// The baseline is missing, impossible or an end unknown here.
    #[error("has no baseline that so many persons can have")]
    Baseline,
    /// The change is missing, impossible or an end unknown here.
    #[error("has no change that so many persons can have")]
    Change,
    /// The SD is impossible, or told below 20 persons.
    #[error("has an SD of change that so many persons cannot have or may not tell")]
    ChangeSd,
}

impl ReleasedQuarter {
    /// Reads the body of a release entry of `centre`. Every range, choice and word is checked.
    pub fn parse(centre: WriterId, body: &[u8]) -> Result<Self, ReleaseFault> {
        let proto::Release {
            quarter: index,
            roster_version,
            cells: told,
            follow_up: bands,
        } = proto::Release::decode(body).map_err(|_| ReleaseFault::Undecodable)?;
        if told.len() > CELLS || bands.len() > FOLLOW_UPS {
            return Err(ReleaseFault::TooLarge);
        }
        let quarter = quarter(index).ok_or(ReleaseFault::Quarter)?;
        if !(1..=limits::ROSTER_VERSION_MAX).contains(&roster_version) {
            return Err(ReleaseFault::RosterVersion);
        }
        let (mut cells, mut seen) = (Vec::with_capacity(told.len()), BTreeSet::new());
        for (at, cell) in told.into_iter().enumerate() {
            let cell = ReleasedCell::parse(cell, quarter)
                .map_err(|fault| ReleaseFault::Cell { at, fault })?;
            if !seen.insert((cell.measure.clone(), cell.facilitation, cell.course)) {
                return Err(ReleaseFault::RepeatedCell { at });
            }
            cells.push(cell);
        }
        let mut follow_up = BTreeMap::new();
        for (at, proto::FollowUp { measure, band }) in bands.into_iter().enumerate() {
            let fault = ReleaseFault::FollowUp { at };
            let measure = MeasureCode::try_from(measure).map_err(|_| fault)?;
            if follow_up
                .insert(measure, Band::parse(band).ok_or(fault)?)
                .is_some()
            {
                return Err(fault);
            }
        }
        Ok(Self {
            centre,
            quarter,
            roster_version,
            cells,
            follow_up,
        })
    }
}

impl ReleasedCell {
    fn parse(cell: proto::Cell, closed: Quarter) -> Result<Self, CellFault> {
        let proto::Cell {
            measure,
            comparability_class,
            facilitation,
            course,
            told,
        } = cell;
        let class: [u8; 32] = comparability_class
            .try_into()
            .map_err(|_| CellFault::Class)?;
        Ok(Self {
            measure: MeasureCode::try_from(measure).map_err(|_| CellFault::Measure)?,
            class: ClassHash(class),
            facilitation: wire::facilitation(facilitation).ok_or(CellFault::Facilitation)?,
            course: wire::course(course).ok_or(CellFault::Course)?,
            told: match told.ok_or(CellFault::Nothing)? {
                proto::cell::Told::Sums(sums) => Told::Sums(CellSums::parse(sums, closed)?),
                proto::cell::Told::Withheld(reason) => {
                    Told::Withheld(wire::status(reason).ok_or(CellFault::Reason)?)
                }
            },
        })
    }
}

impl CellSums {
    fn parse(sums: proto::Sums, closed: Quarter) -> Result<Self, CellFault> {
        let proto::Sums {
            persons,
            first_quarter,
            last_quarter,
            baseline,
            change,
            change_sd_twentieths,
        } = sums;
        if persons < limits::FLOOR_PERSONS {
            return Err(CellFault::BelowFloor);
        }
        if persons > MOST_PERSONS {
            return Err(CellFault::TooManyPersons);
        }
        let first = quarter(first_quarter).ok_or(CellFault::Quarters)?;
        let last = quarter(last_quarter).ok_or(CellFault::Quarters)?;
        if last < first || closed < last {
            return Err(CellFault::Span);
        }
        // As many steps as persons, at most: each step is the most that one person can add.
        let steps = |steps: i32| steps.unsigned_abs() <= persons;
        let baseline = match baseline.ok_or(CellFault::Baseline)? {
            proto::sums::Baseline::BaselineSteps(count) => i32::try_from(count)
                .ok()
                .filter(|count| steps(*count))
                .map(Mean::Steps),
            proto::sums::Baseline::BaselineEnd(end) => Mean::at_end(end),
        };
        let change = match change.ok_or(CellFault::Change)? {
            proto::sums::Change::ChangeSteps(count) => {
                Some(count).filter(|count| steps(*count)).map(Mean::Steps)
            }
            proto::sums::Change::ChangeEnd(end) => Mean::at_end(end),
        };
        if change_sd_twentieths.is_some_and(|sd| !is_possible_sd(sd, persons)) {
            return Err(CellFault::ChangeSd);
        }
        Ok(Self {
            persons,
            first,
            last,
            baseline: baseline.ok_or(CellFault::Baseline)?,
            change: change.ok_or(CellFault::Change)?,
            change_sd_twentieths,
        })
    }
}

impl Mean {
    fn at_end(number: i32) -> Option<Self> {
        match proto::ScaleEnd::try_from(number) {
            Ok(proto::ScaleEnd::Low) => Some(Self::LowEnd),
            Ok(proto::ScaleEnd::High) => Some(Self::HighEnd),
            Ok(proto::ScaleEnd::Unspecified) | Err(_) => None,
        }
    }

    /// The steps, where the sum is told.
    pub fn steps(self) -> Option<i32> {
        match self {
            Self::Steps(steps) => Some(steps),
            Self::LowEnd | Self::HighEnd => None,
        }
    }
}

impl Band {
    fn parse(number: i32) -> Option<Self> {
        match proto::FollowUpBand::try_from(number) {
            Ok(proto::FollowUpBand::Unspecified) => Some(Self::Untold),
            Ok(proto::FollowUpBand::Under60) => Some(Self::Under60),
            Ok(proto::FollowUpBand::AtLeast60) => Some(Self::AtLeast60),
            Err(_) => None,
        }
    }
}

fn quarter(index: u32) -> Option<Quarter> {
    Quarter::from_index(index)
        .ok()
        .filter(|_| QUARTERS.contains(&index))
}

/// Changes lie between −R and R, so their SD is at most R √(n/(n−1)) (half at either end), and half a twentieth more
/// by rounding.
fn is_possible_sd(twentieths: u32, persons: u32) -> bool {
    let n = f64::from(persons);
    persons >= PERSONS_FOR_SD
        && twentieths <= SD_TWENTIETHS
        && f64::from(twentieths) <= 20.0 * (n / (n - 1.0)).sqrt() + 0.5
}
