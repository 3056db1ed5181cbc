//! Rounds and persons for tests.

use crate::part::Answered;
use crate::policy::PoolTerms;
use crate::precision::expected;
use crate::round::{PoolItem, Round};
use crate::sum::{Question, Sum};
use krog_measures::{Course, Direction, Facilitation, Measure, Scale, Window};
use proptest::prelude::*;

pub fn measure() -> Measure {
    let scale = Scale::new(0.0, 24.0, Direction::LowerBetter).unwrap();
    Measure::total_only("k6".parse().unwrap(), scale, Window::default(), None)
}

pub fn round(question: Question) -> Round {
    let measure = measure();
    let asks = |sum| question.sums().contains(&sum);
    let mut round = Round {
        class: measure.class,
        measure: measure.code.clone(),
        facilitation: Facilitation::Peer,
        course: Course::Entry,
        first: "2025Q1".parse().unwrap(),
        last: "2025Q4".parse().unwrap(),
        roster_version: 1,
        sums: question.sums().to_vec(),
        items: if asks(Sum::Items) {
            vec![
                PoolItem {
                    code: "nervous".into(),
                    lowest: 0,
                    highest: 4,
                },
                PoolItem {
                    code: "hopeless".into(),
                    lowest: 1,
                    highest: 5,
                },
            ]
        } else {
            Vec::new()
        },
        leader: [1; 32],
        helper: [2; 32],
        deadline: 20_500,
        expiry: 20_560,
        first_round: (question == Question::Weights).then_some([3; 32]),
        persons_per_centre: 40,
        change_bound_hundredths: 1_350,
        unit_sd_thousandths: 4_500,
        tau2_millionths: if question == Question::Weights {
            40_000
        } else {
            0
        },
        rho_millionths: 250_000,
        reliable_change_hundredths: if asks(Sum::Improved) { 500 } else { 0 },
        precision: Vec::new(),
    };
    round.precision = expected(&round, &measure, &PoolTerms::default());
    round
}

pub fn noiseless(question: Question) -> Round {
    Round {
        rho_millionths: 0,
        ..round(question)
    }
}

pub fn answered() -> impl Strategy<Value = Answered> {
    (
        0u8..=24,
        prop::option::weighted(0.9, 0u8..=24),
        0u32..60,
        0i32..=4,
        1i32..=5,
    )
        .prop_map(|(baseline, follow_up, sessions, one, two)| Answered {
            baseline: baseline.into(),
            follow_up: follow_up.map(f64::from),
            items: vec![Some(one), Some(two)],
            sessions,
        })
}

pub fn people(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Answered>> {
    prop::collection::vec(answered(), count)
}
