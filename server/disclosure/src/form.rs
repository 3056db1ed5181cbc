//! What the gate would tell, without a single number of it.

use crate::batch::{CellKey, QuarterBatch};
use crate::steps::Steps;
use crate::table::{PlannedCell, plan};
use krog_measures::{MeasureCode, Quarter};
use std::fmt;

/// Baselines from which on follow-up is told.
pub const FOLLOW_UP_BASELINES: u32 = 20;

/// What the network reads in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicStatus {
    /// Sums.
    Value,
    /// Fewer persons than the floor.
    BelowFloor,
    /// Enough persons, but the table is full.
    NotInTable,
    /// Not shared, without a cause.
    NotShared,
    /// The centre does not collect this.
    NotCollected,
}

impl PublicStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::BelowFloor => "below_floor",
            Self::NotInTable => "not_in_table",
            Self::NotShared => "not_shared",
            Self::NotCollected => "not_collected",
        }
    }
}

impl fmt::Display for PublicStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why, for the people of the centre. Finer than what is public; never leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HomeReason {
    /// It is told.
    Told,
    /// Too few persons so far.
    TooFewPersons {
        /// The floor that holds.
        floor: u32,
    },
    /// No group of this cell has agreed to share.
    NoGroupAgreed,
    /// Measures earlier in the network's order fill the table of so few persons.
    TableFull,
    /// Another score of the same instrument is told, over other persons.
    OtherPersons,
    /// Items and total of one instrument are never both told.
    ItemsBesideTotal,
    /// A scale of under ten points, and another such scale comes first.
    SecondCoarseScore,
    /// A scale of under four points.
    TooFewLevels,
    /// The centre has chosen pools for this measure.
    GoesToPools,
    /// The centre does not collect this.
    NotCollected,
}

impl HomeReason {
    /// What the network reads.
    pub fn public(self) -> PublicStatus {
        match self {
            Self::Told => PublicStatus::Value,
            Self::TooFewPersons { .. } => PublicStatus::BelowFloor,
            Self::NoGroupAgreed => PublicStatus::NotShared,
            Self::TableFull
            | Self::OtherPersons
            | Self::ItemsBesideTotal
            | Self::SecondCoarseScore
            | Self::TooFewLevels
            | Self::GoesToPools => PublicStatus::NotInTable,
            Self::NotCollected => PublicStatus::NotCollected,
        }
    }
}

impl fmt::Display for HomeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told => f.write_str("told in steps as large as one person could move a sum"),
            Self::TooFewPersons { floor } => {
                write!(f, "fewer than {floor} persons so far; their pairs wait")
            }
            Self::NoGroupAgreed => f.write_str("no group of this cell has agreed to share"),
            Self::TableFull => {
                f.write_str("measures earlier in the network's order fill the table; the pairs wait")
            }
            Self::OtherPersons => f.write_str(
                "another score of the same instrument is told over other persons; the pairs wait",
            ),
            Self::ItemsBesideTotal => f.write_str(
                "items and total of one instrument are never both told; the pairs wait for a pool",
            ),
            Self::SecondCoarseScore => f.write_str(
                "only one score with a range under ten points is told; the pairs wait for a pool",
            ),
            Self::TooFewLevels => f.write_str(
                "a range under four points is too short to hide one person; the pairs wait for a pool",
            ),
            Self::GoesToPools => f.write_str(
                "this measure leaves in pools from this centre; the pairs wait for a round, or go into one that is open below",
            ),
            Self::NotCollected => f.write_str("this centre does not collect it"),
        }
    }
}

/// What would be told of a cell, numbers masked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskedForm {
    /// Persons.
    pub persons: u32,
    /// First quarter in which a pair closed.
    pub first_quarter: Quarter,
    /// Last quarter in which a pair closed.
    pub last_quarter: Quarter,
    /// The baseline sum is told in multiples of this many points, or as an end of the scale.
    pub baseline_step: f64,
    /// The change sum is told in multiples of this many points, or as an end of the scale.
    pub change_step: f64,
    /// The SD of change is told in multiples of this many points. `None`: it is not told.
    pub change_sd_step: Option<f64>,
}

impl fmt::Display for MaskedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            persons,
            first_quarter: _,
            last_quarter: _,
            baseline_step,
            change_step,
            change_sd_step,
        } = self;
        write!(
            f,
            "n {persons} · baseline in steps of {baseline_step} · change in steps of {change_step}"
        )?;
        if let Some(step) = change_sd_step {
            write!(f, " · SD of change in steps of {step}")?;
        }
        Ok(())
    }
}

/// One cell on its form.
#[derive(Debug, Clone, PartialEq)]
pub struct CellForm {
    /// The cell.
    pub cell: CellKey,
    /// What the network would read.
    pub status: PublicStatus,
    /// Why; stays at home.
    pub reason: HomeReason,
    /// Persons who would be counted.
    pub persons: u32,
    /// What would be told. Present exactly when the status is [`PublicStatus::Value`].
    pub told: Option<MaskedForm>,
    /// Pairs that wait, whoever they are of.
    pub waiting: u32,
    /// Persons with a waiting pair who do not consent to being counted.
    pub without_consent: u32,
    /// Pairs that have waited so long that they now wait for a pool.
    pub for_pool: u32,
    /// Quarter of the oldest waiting pair.
    pub waiting_since: Option<Quarter>,
}

/// A quarter on its form: what two people approve.
///
/// Depends on who is counted, on consents, on groups' decisions and on instruments; never on an answer. Whether a sum
/// would be told as a number or as an end of the scale is an answer too, so the form does not say it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuarterForm {
    /// The quarter.
    pub quarter: Quarter,
    /// Every cell of the network's measures.
    pub cells: Vec<CellForm>,
    /// Measures whose follow-up would be told, as under or at least 60 %.
    pub follow_up: Vec<MeasureCode>,
}

/// What [`clear`](crate::clear) would tell of this batch, numbers masked.
pub fn form(batch: &QuarterBatch) -> QuarterForm {
    let frame = &batch.frame;
    QuarterForm {
        quarter: frame.quarter,
        cells: plan(frame).iter().map(PlannedCell::form).collect(),
        follow_up: frame
            .measures
            .iter()
            .filter(|measure| {
                frame
                    .follow_up
                    .get(&measure.code)
                    .is_some_and(|(opened, _)| *opened >= FOLLOW_UP_BASELINES)
            })
            .map(|measure| measure.code.clone())
            .collect(),
    }
}

impl PlannedCell<'_> {
    pub(crate) fn masked(&self) -> Option<MaskedForm> {
        if self.reason != HomeReason::Told {
            return None;
        }
        // Heads are sorted by quarter.
        let (first, last) = (self.counted.first()?, self.counted.last()?);
        let steps = Steps::of(&self.measure.scale)?;
        let persons = self.counted.len() as u32;
        Some(MaskedForm {
            persons,
            first_quarter: first.closed,
            last_quarter: last.closed,
            baseline_step: steps.baseline_step(),
            change_step: steps.change_step(),
            change_sd_step: steps.sd_step(persons),
        })
    }

    fn form(&self) -> CellForm {
        CellForm {
            cell: self.key.clone(),
            status: self.reason.public(),
            reason: self.reason,
            persons: self.counted.len() as u32,
            told: self.masked(),
            waiting: self.waiting,
            without_consent: self.without_consent,
            for_pool: self.for_pool,
            waiting_since: self.oldest,
        }
    }
}
