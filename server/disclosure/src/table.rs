//! Which cells of a quarter are told. Nothing here can see an answer.
//!
//! # How many scores of the same people
//!
//! One score at 10 to 19 persons, two at 20 to 39, four from 40 on, in the policy's order; counted over one facilitation
//! and course, by the smallest cell told there. Each told score adds its own small chance that an answer can be read, and
//! almost nothing through correlation (`examples/attacker`, "several scores"), so the chances add up: four scores of ten
//! points or more stay under the 2 % of the criterion, two coarse ones do not. Hence three rules that look at the policy
//! alone, so that what one quarter holds back cannot be told beside it in the next:
//!
//! - of measures with a range under ten points, only the first in the policy's order is ever told;
//! - of an instrument whose items and total both stand in the policy, only the kind that comes first is ever told;
//! - a measure with a range under four points is never told.
//!
//! Several scores of one instrument are told together only over the same persons.

use crate::batch::{CellKey, Frame, Head, PersonKey, QUARTERS_TO_POOL};
use crate::form::HomeReason;
use crate::steps::{COARSE_RANGE, Steps};
use krog_measures::{Course, Facilitation, Measure, MeasureCode, Quarter};
use std::collections::BTreeSet;

/// One cell of the quarter, and who is counted in it.
pub(crate) struct PlannedCell<'a> {
    pub(crate) key: CellKey,
    pub(crate) measure: &'a Measure,
    pub(crate) reason: HomeReason,
    /// Who is counted, or would be: one pair each, the earliest.
    pub(crate) counted: Vec<&'a Head>,
    pub(crate) waiting: u32,
    pub(crate) without_consent: u32,
    pub(crate) for_pool: u32,
    pub(crate) oldest: Option<Quarter>,
}

/// All cells of the quarter, ordered by the policy's order, facilitation and course.
pub(crate) fn plan(frame: &Frame) -> Vec<PlannedCell<'_>> {
    let mut cells = Vec::new();
    for facilitation in Facilitation::ALL {
        for course in Course::ALL {
            let mut family: Vec<_> = frame
                .measures
                .iter()
                .map(|measure| PlannedCell::of(frame, measure, facilitation, course))
                .collect();
            choose(&mut family);
            cells.extend(family.into_iter().enumerate());
        }
    }
    // Stable: facilitation and course stay in order within a measure.
    cells.sort_by_key(|(place, _)| *place);
    cells.into_iter().map(|(_, cell)| cell).collect()
}

impl<'a> PlannedCell<'a> {
    fn of(
        frame: &'a Frame,
        measure: &'a Measure,
        facilitation: Facilitation,
        course: Course,
    ) -> Self {
        let key = CellKey {
            measure: measure.code.clone(),
            facilitation,
            course,
        };
        let agreed = frame.collected.get(&key).copied();
        let waiting = frame.waiting.get(&key).map_or(&[][..], Vec::as_slice);
        let mut persons = BTreeSet::new();
        let mut silent = BTreeSet::new();
        let mut counted = Vec::new();
        let mut for_pool = 0;
        for head in waiting {
            if !head.consented {
                silent.insert(head.person);
            } else if frame.quarter.index() - head.closed.index() >= QUARTERS_TO_POOL {
                for_pool += 1;
            } else if head.group_agreed && agreed == Some(true) && persons.insert(head.person) {
                counted.push(head);
            }
        }
        let reason = match agreed {
            None => HomeReason::NotCollected,
            Some(false) => HomeReason::NoGroupAgreed,
            Some(true) if frame.pooled.contains(&measure.code) => HomeReason::GoesToPools,
            Some(true) if (counted.len() as u32) < frame.floor_persons => {
                HomeReason::TooFewPersons {
                    floor: frame.floor_persons,
                }
            }
            Some(true) => never_told(frame, measure).unwrap_or(HomeReason::Told),
        };
        Self {
            key,
            measure,
            reason,
            counted,
            waiting: waiting.len() as u32,
            without_consent: silent.len() as u32,
            for_pool,
            oldest: waiting.first().map(|head| head.closed),
        }
    }

    fn persons(&self) -> BTreeSet<PersonKey> {
        self.counted.iter().map(|head| head.person).collect()
    }
}

/// Why a measure is told under no centre's name in this network, whatever waits.
fn never_told(frame: &Frame, measure: &Measure) -> Option<HomeReason> {
    let coarse = |measure: &Measure| measure.scale.range() < COARSE_RANGE;
    let first_of = |alike: &dyn Fn(&Measure) -> bool| frame.measures.iter().find(|m| alike(m));
    if Steps::of(&measure.scale).is_none() {
        return Some(HomeReason::TooFewLevels);
    }
    let kin = |m: &Measure| instrument(&m.code) == instrument(&measure.code);
    if first_of(&kin).is_some_and(|first| is_item(&first.code) != is_item(&measure.code)) {
        return Some(HomeReason::ItemsBesideTotal);
    }
    let rival = |m: &Measure| coarse(m) && Steps::of(&m.scale).is_some();
    if coarse(measure) && first_of(&rival).is_some_and(|first| first.code != measure.code) {
        return Some(HomeReason::SecondCoarseScore);
    }
    None
}

/// The instrument a measure belongs to: its name up to the first point.
fn instrument(code: &MeasureCode) -> &str {
    let code = code.as_str();
    code.split_once('.').map_or(code, |(name, _)| name)
}

fn is_item(code: &MeasureCode) -> bool {
    code.as_str().contains('.')
}

/// How many scores may be told of this many persons.
fn scores_of(persons: usize) -> usize {
    match persons {
        0..=9 => 0,
        10..=19 => 1,
        20..=39 => 2,
        _ => 4,
    }
}

/// Leaves only as many scores of a facilitation and course as their persons allow, in the policy's order.
fn choose(family: &mut [PlannedCell<'_>]) {
    let mut told: Vec<usize> = Vec::new();
    for index in 0..family.len() {
        let cell = &family[index];
        if cell.reason != HomeReason::Told {
            continue;
        }
        let smallest = told
            .iter()
            .map(|&other| family[other].counted.len())
            .fold(cell.counted.len(), usize::min);
        let kin = told
            .iter()
            .map(|&other| &family[other])
            .find(|other| instrument(&other.key.measure) == instrument(&cell.key.measure));
        if told.len() >= scores_of(smallest) {
            family[index].reason = HomeReason::TableFull;
        } else if kin.is_some_and(|kin| kin.persons() != cell.persons()) {
            family[index].reason = HomeReason::OtherPersons;
        } else {
            told.push(index);
        }
    }
}
