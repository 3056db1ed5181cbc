//! Batches for tests.
#![allow(dead_code)]

use krog_disclosure::{
    BatchParts, CellKey, CollectedCell, GatePolicy, PairId, PersonKey, QuarterBatch, WaitingPair,
    Way,
};
use krog_measures::{
    Course, Direction, Facilitation, Measure, MeasureCode, Quarter, Scale, Window,
};
use krog_pools::precision::expected;
use krog_pools::{PoolItem, PoolTerms, Question, Round, Sum};
use krog_proto::federation::v1 as wire;
use prost::Message;

pub fn code(text: &str) -> MeasureCode {
    MeasureCode::try_from(text).unwrap()
}

pub fn measure(text: &str, range: f64) -> Measure {
    let scale = Scale::new(0.0, range, Direction::LowerBetter).unwrap();
    Measure::total_only(code(text), scale, Window::default(), None)
}

pub fn quarter(text: &str) -> Quarter {
    text.parse().unwrap()
}

pub fn id(number: usize) -> [u8; 16] {
    (number as u128).to_be_bytes()
}

pub fn cell(measure: &str, facilitation: Facilitation) -> CellKey {
    CellKey {
        measure: code(measure),
        facilitation,
        course: Course::Entry,
    }
}

/// A pair that would be counted.
pub fn pair(
    number: usize,
    person: usize,
    cell: &CellKey,
    closed: Quarter,
    answers: (f64, f64),
) -> WaitingPair {
    WaitingPair {
        pair: PairId(id(number)),
        person: PersonKey(id(person)),
        measure: cell.measure.clone(),
        facilitation: cell.facilitation,
        course: cell.course,
        closed,
        baseline: answers.0,
        follow_up: answers.1,
        consented: true,
        group_agreed: true,
    }
}

/// A centre that collects every cell of its measures, all agreed, and has nothing waiting.
pub fn centre(measures: Vec<Measure>) -> BatchParts {
    let mut collected = Vec::new();
    for measure in &measures {
        for facilitation in Facilitation::ALL {
            for course in Course::ALL {
                collected.push(CollectedCell {
                    cell: CellKey {
                        measure: measure.code.clone(),
                        facilitation,
                        course,
                    },
                    agreed: true,
                });
            }
        }
    }
    BatchParts {
        quarter: quarter("2026Q1"),
        roster_version: 1,
        policy: GatePolicy {
            // The compiled-in floor holds alone.
            floor_persons: 0,
            measures,
        },
        collected,
        waiting: Vec::new(),
        baselines: Vec::new(),
        pooling: Default::default(),
    }
}

/// Persons `0..answers.len()` with one pair each in this cell.
pub fn fill(parts: &mut BatchParts, cell: &CellKey, answers: &[(f64, f64)]) {
    let closed = parts.quarter;
    let first = parts.waiting.len();
    for (person, answers) in answers.iter().enumerate() {
        parts
            .waiting
            .push(pair(first + person, person, cell, closed, *answers));
    }
}

pub fn batch(parts: BatchParts) -> QuarterBatch {
    QuarterBatch::new(parts).unwrap()
}

pub fn release(encoded: &[u8]) -> wire::Release {
    wire::Release::decode(encoded).unwrap()
}

/// What a release says of a cell.
pub fn told(release: &wire::Release, cell: &CellKey) -> wire::cell::Told {
    let facilitation = match cell.facilitation {
        Facilitation::Professional => wire::Facilitation::Professional,
        Facilitation::Peer => wire::Facilitation::Peer,
        Facilitation::CoLed => wire::Facilitation::CoLed,
    };
    let course = match cell.course {
        Course::Entry => wire::Course::Entry,
        Course::Continuing => wire::Course::Continuing,
    };
    let cells: Vec<_> = release
        .cells
        .iter()
        .filter(|wire| wire.measure == cell.measure.as_str())
        .filter(|wire| wire.facilitation() == facilitation && wire.course() == course)
        .collect();
    assert_eq!(cells.len(), 1, "each cell stands in a release once");
    cells[0].told.unwrap()
}

pub fn sums(release: &wire::Release, cell: &CellKey) -> wire::Sums {
    match told(release, cell) {
        wire::cell::Told::Sums(sums) => sums,
        wire::cell::Told::Withheld(why) => panic!("withheld: {why}"),
    }
}

pub fn withheld(release: &wire::Release, cell: &CellKey) -> wire::Withheld {
    match told(release, cell) {
        wire::cell::Told::Withheld(why) => wire::Withheld::try_from(why).unwrap(),
        wire::cell::Told::Sums(_) => panic!("a value"),
    }
}

/// A round over two years on a measure whose changes are bounded by nine sixteenths of its range, in entry groups.
pub fn round(question: Question, measure: &Measure, facilitation: Facilitation) -> Round {
    let asks = |sum| question.sums().contains(&sum);
    let range = measure.scale.range();
    let mut round = Round {
        measure: measure.code.clone(),
        class: measure.class,
        facilitation,
        course: Course::Entry,
        first: quarter("2024Q1"),
        last: quarter("2026Q1"),
        roster_version: 1,
        sums: question.sums().to_vec(),
        items: if asks(Sum::Items) {
            ["nervous", "hopeless"]
                .map(|code| PoolItem {
                    code: code.to_owned(),
                    lowest: 0,
                    highest: 4,
                })
                .to_vec()
        } else {
            Vec::new()
        },
        leader: [1; 32],
        helper: [2; 32],
        deadline: 20_560,
        expiry: 20_620,
        first_round: (question == Question::Weights).then_some([3; 32]),
        persons_per_centre: 40,
        change_bound_hundredths: (range * 56.25) as u32,
        unit_sd_thousandths: (range * 187.5) as u32,
        tau2_millionths: if question == Question::Weights {
            40_000
        } else {
            0
        },
        rho_millionths: 250_000,
        reliable_change_hundredths: if asks(Sum::Improved) { 500 } else { 0 },
        precision: Vec::new(),
    };
    round.precision = expected(&round, measure, &PoolTerms::default());
    round
}

/// Lets a measure leave by pools.
pub fn by_pool(parts: &mut BatchParts, measure: &str) {
    parts.pooling.ways.insert(code(measure), Way::Pool);
}
