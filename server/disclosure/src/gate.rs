//! Clearing: the one place where a centre's answers become bytes that may leave.

use crate::batch::{PairId, QuarterBatch};
use crate::form::{FOLLOW_UP_BASELINES, HomeReason, PublicStatus};
use crate::steps::{CellSums, End, Steps, Told, ToldSums};
use crate::table::{PlannedCell, plan};
use krog_measures::{Course, Facilitation, Quarter};
use krog_proto::federation::v1 as wire;
use prost::Message;
use std::fmt;

/// A quarter the gate has cleared: bytes that may be signed.
///
/// Comes from [`clear`], or back from the centre's own store through [`FrozenRelease`](crate::FrozenRelease); from
/// nowhere else.
pub struct ClearedRelease {
    pub(crate) quarter: Quarter,
    pub(crate) encoded: Vec<u8>,
    pub(crate) spent: Vec<PairId>,
    pub(crate) stopped: bool,
}

impl fmt::Debug for ClearedRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClearedRelease({})", self.quarter)
    }
}

impl ClearedRelease {
    /// The exact `krog.federation.v1.Release`, encoded.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// The quarter it tells of.
    pub fn quarter(&self) -> Quarter {
        self.quarter
    }

    /// The pairs counted in it, each once, in order. They are spent for ever from the moment this exists on disk,
    /// whether or not the release is stopped or retracted later.
    pub fn spent(&self) -> &[PairId] {
        &self.spent
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The same quarter with every value told as not shared, without cause, and no follow-up. The pairs stay spent.
    #[must_use]
    pub fn into_stopped(self) -> Self {
        // These bytes were encoded here, so they decode; if they did not, the least is told.
        let mut release = wire::Release::decode(self.encoded.as_slice()).unwrap_or_default();
        release.quarter = self.quarter.index();
        release.follow_up.clear();
        for cell in &mut release.cells {
            if matches!(cell.told, Some(wire::cell::Told::Sums(_))) {
                cell.told = withheld(wire::Withheld::NotShared);
            }
        }
        Self {
            encoded: release.encode_to_vec(),
            stopped: true,
            ..self
        }
    }
}

/// Computes what a quarter tells. The same batch gives the same bytes.
pub fn clear(batch: &QuarterBatch) -> ClearedRelease {
    let frame = &batch.frame;
    let planned = plan(frame);
    let mut spent: Vec<PairId> = planned
        .iter()
        .filter(|cell| cell.reason == HomeReason::Told)
        .flat_map(|cell| cell.counted.iter().map(|head| head.pair))
        .collect();
    spent.sort_unstable();
    let release = wire::Release {
        quarter: frame.quarter.index(),
        roster_version: frame.roster_version,
        cells: planned.iter().map(|cell| wire_cell(cell, batch)).collect(),
        follow_up: follow_up(batch),
    };
    ClearedRelease {
        quarter: frame.quarter,
        encoded: release.encode_to_vec(),
        spent,
        stopped: false,
    }
}

fn wire_cell(cell: &PlannedCell<'_>, batch: &QuarterBatch) -> wire::Cell {
    let told = match cell.reason.public() {
        PublicStatus::Value => sums(cell, batch),
        PublicStatus::BelowFloor => withheld(wire::Withheld::BelowFloor),
        PublicStatus::NotInTable => withheld(wire::Withheld::NotInTable),
        PublicStatus::NotShared => withheld(wire::Withheld::NotShared),
        PublicStatus::NotCollected => withheld(wire::Withheld::NotCollected),
    };
    wire::Cell {
        measure: cell.key.measure.as_str().to_owned(),
        comparability_class: cell.measure.class.as_bytes().to_vec(),
        facilitation: match cell.key.facilitation {
            Facilitation::Professional => wire::Facilitation::Professional,
            Facilitation::Peer => wire::Facilitation::Peer,
            Facilitation::CoLed => wire::Facilitation::CoLed,
        }
        .into(),
        course: match cell.key.course {
            Course::Entry => wire::Course::Entry,
            Course::Continuing => wire::Course::Continuing,
        }
        .into(),
        told,
    }
}

fn withheld(why: wire::Withheld) -> Option<wire::cell::Told> {
    Some(wire::cell::Told::Withheld(why.into()))
}

fn sums(cell: &PlannedCell<'_>, batch: &QuarterBatch) -> Option<wire::cell::Told> {
    let form = cell.masked()?;
    let steps = Steps::of(&cell.measure.scale)?;
    let ToldSums {
        baseline,
        change,
        change_sd,
    } = cell
        .counted
        .iter()
        .filter_map(|head| {
            let answer = batch.answers.get(head.answer)?;
            Some((answer.baseline, answer.follow_up?))
        })
        .fold(CellSums::empty(steps), |sums, (baseline, follow_up)| {
            sums.with(baseline, follow_up)
        })
        .told();
    Some(wire::cell::Told::Sums(wire::Sums {
        persons: form.persons,
        first_quarter: form.first_quarter.index(),
        last_quarter: form.last_quarter.index(),
        change_sd_twentieths: change_sd,
        baseline: Some(match baseline {
            Told::Steps(steps) => wire::sums::Baseline::BaselineSteps(steps.unsigned_abs()),
            Told::End(end) => wire::sums::Baseline::BaselineEnd(wire_end(end)),
        }),
        change: Some(match change {
            Told::Steps(steps) => wire::sums::Change::ChangeSteps(steps),
            Told::End(end) => wire::sums::Change::ChangeEnd(wire_end(end)),
        }),
    }))
}

fn wire_end(end: End) -> i32 {
    match end {
        End::Low => wire::ScaleEnd::Low,
        End::High => wire::ScaleEnd::High,
    }
    .into()
}

fn follow_up(batch: &QuarterBatch) -> Vec<wire::FollowUp> {
    let frame = &batch.frame;
    frame
        .measures
        .iter()
        .filter_map(|measure| {
            let (opened, found) = frame.follow_up.get(&measure.code)?;
            (*opened >= FOLLOW_UP_BASELINES).then(|| wire::FollowUp {
                measure: measure.code.as_str().to_owned(),
                band: if u64::from(*found) * 10 >= u64::from(*opened) * 6 {
                    wire::FollowUpBand::AtLeast60
                } else {
                    wire::FollowUpBand::Under60
                }
                .into(),
            })
        })
        .collect()
}
