//! The round that is attacked: K6, 0 to 24, changes bounded by 13.5 points, without noise.

use krog_measures::{Course, Direction, Facilitation, Measure, Scale, Window};
use krog_pools::precision::expected;
use krog_pools::{PoolTerms, Question, Round, Sum};

/// Terms of a network that has chosen no noise.
pub fn quiet() -> PoolTerms {
    PoolTerms {
        rho_millionths: 0,
        ..PoolTerms::default()
    }
}

/// The measure.
pub fn measure() -> Measure {
    let scale = Scale::new(0.0, 24.0, Direction::LowerBetter).unwrap();
    Measure::total_only("k6".parse().unwrap(), scale, Window::default(), None)
}

/// Without noise.
pub fn round(question: Question) -> Round {
    with_noise(question, 0)
}

/// With noise of so many millionths.
pub fn with_noise(question: Question, rho_millionths: u32) -> Round {
    let second = question == Question::Weights;
    let mut round = Round {
        measure: "k6".parse().unwrap(),
        class: measure().class,
        facilitation: Facilitation::Peer,
        course: Course::Entry,
        first: "2025Q1".parse().unwrap(),
        last: "2025Q4".parse().unwrap(),
        roster_version: 1,
        sums: question.sums().to_vec(),
        items: Vec::new(),
        leader: [1; 32],
        helper: [2; 32],
        deadline: 20_500,
        expiry: 20_560,
        first_round: second.then_some([3; 32]),
        persons_per_centre: 40,
        change_bound_hundredths: 1_350,
        unit_sd_thousandths: 4_500,
        tau2_millionths: if second { 40_000 } else { 0 },
        rho_millionths,
        reliable_change_hundredths: if question.sums().contains(&Sum::Improved) {
            500
        } else {
            0
        },
        precision: Vec::new(),
    };
    round.precision = expected(&round, &measure(), &PoolTerms::default());
    round
}
