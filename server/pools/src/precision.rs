//! How precise a result will be, before anything is asked.
//!
//! The 95 % interval of the mean change of n people in k centres, in units of one SD of change: ±1.96 √(1/n + v), where v is
//! the noise of both aggregators, (σ_S² + m² σ_n²) / n² with an assumed mean change m of 0.4. Differences between centres
//! widen it further, and are not the round's.
//!
//! # Why the default is ρ = 0.25
//!
//! Half widths for the question `change` on a score whose change is bounded by three SDs, centres of 12 people, and what
//! the noise alone adds to them:
//!
//! | ρ of a round | ε at δ = 10⁻⁶ | 5 centres (60) | 10 centres (120) | 30 centres (360) |
//! | --- | --- | --- | --- | --- |
//! | no noise | none | 0.253 | 0.179 | 0.103 |
//! | 1 | 7.8 | 0.277 | 0.188 | 0.105 |
//! | 0.5 | 5.2 | 0.300 | 0.196 | 0.107 |
//! | **0.25** | **3.5** | **0.340** | **0.212** | **0.110** |
//! | 0.1 | 2.1 | 0.439 | 0.253 | 0.119 |
//! | 0.05 | 1.5 | 0.567 | 0.310 | 0.133 |
//!
//! At 0.25 the smallest pool there may be loses a third of its precision and one of thirty centres nothing one would
//! notice, while ε of one round stays near what is called moderate. Halving ρ again would cost the small pools, for which
//! pools are made, as much as halving the number of their people. The budget of 2 for a year lets a centre take part in
//! eight such rounds. A test reckons this table again.

use crate::layout::Layout;
use crate::policy::PoolTerms;
use crate::round::Round;
use crate::sum::Sum;
use krog_measures::Measure;
use krog_proto::federation::v1 as proto;

/// Centres of which the expected precision is stated.
pub const STATED_CENTRES: [u32; 3] = [5, 10, 30];
/// Persons of each of them.
pub const STATED_PERSONS: u32 = 12;
/// Mean change assumed, in SDs: noise in the number of persons matters in proportion to it.
const ASSUMED_MEAN: f64 = 0.4;
const Z_95: f64 = 1.959_963_984_540_054;

/// What to expect of a pool of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision {
    /// Centres.
    pub centres: u32,
    /// Persons, all together.
    pub persons: u32,
    /// Half the width of the 95 % interval of the mean change, thousandths of the unit SD, noise included.
    pub half_width_thousandths: u32,
    /// The same without noise.
    pub noiseless_half_width_thousandths: u32,
}

impl Precision {
    pub(crate) fn from_proto(stated: proto::ExpectedPrecision) -> Self {
        let proto::ExpectedPrecision {
            centres,
            persons,
            half_width_thousandths,
            noiseless_half_width_thousandths,
        } = stated;
        Self {
            centres,
            persons,
            half_width_thousandths,
            noiseless_half_width_thousandths,
        }
    }

    pub(crate) fn to_proto(self) -> proto::ExpectedPrecision {
        let Self {
            centres,
            persons,
            half_width_thousandths,
            noiseless_half_width_thousandths,
        } = self;
        proto::ExpectedPrecision {
            centres,
            persons,
            half_width_thousandths,
            noiseless_half_width_thousandths,
        }
    }
}

/// What an opening states: pools of 5 (or the policy's floor), 10 and 30 centres of 12 people each. Empty for a round that
/// does not ask the change.
pub fn expected(round: &Round, measure: &Measure, terms: &PoolTerms) -> Vec<Precision> {
    let layout = Layout::of(round, measure);
    let sd = |sum: Sum| {
        let at = layout.coordinates().iter().find(|c| c.sum == sum)?;
        // Both aggregators' noise.
        Some(at.noise_sd() * std::f64::consts::SQRT_2)
    };
    let (Some(change), Some(persons)) = (sd(Sum::Change), sd(Sum::Persons)) else {
        return Vec::new();
    };
    STATED_CENTRES
        .into_iter()
        .filter(|centres| *centres >= terms.floor_centres)
        .filter(|centres| centres * STATED_PERSONS >= terms.floor_persons)
        .map(|centres| {
            let n = f64::from(centres * STATED_PERSONS);
            let of_noise =
                (change / round.unit_sd() / n).powi(2) + (ASSUMED_MEAN * persons / n).powi(2);
            let thousandths = |variance: f64| (1_000.0 * Z_95 * variance.sqrt()).round() as u32;
            Precision {
                centres,
                persons: centres * STATED_PERSONS,
                half_width_thousandths: thousandths(1.0 / n + of_noise),
                noiseless_half_width_thousandths: thousandths(1.0 / n),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::{DELTA, epsilon};
    use crate::sum::Question;
    use crate::testing::{measure, round};

    #[test]
    fn the_table_of_the_docs_is_what_comes_out() {
        let rows = [
            (0, [253, 179, 103]),
            (1_000_000, [277, 188, 105]),
            (500_000, [300, 196, 107]),
            (250_000, [340, 212, 110]),
            (100_000, [439, 253, 119]),
            (50_000, [567, 310, 133]),
        ];
        for (rho_millionths, widths) in rows {
            let round = Round {
                rho_millionths,
                ..round(Question::Change)
            };
            let found = expected(&round, &measure(), &PoolTerms::default());
            let found: Vec<u32> = found.iter().map(|p| p.half_width_thousandths).collect();
            assert_eq!(found, widths, "{rho_millionths}");
        }
        let told = [(1.0, 7.8), (0.5, 5.2), (0.25, 3.5), (0.1, 2.1), (0.05, 1.5)];
        for (rho, expected) in told {
            let found = epsilon(rho, DELTA).unwrap();
            assert!((found - expected).abs() < 0.05, "{rho}: {found}");
        }
    }

    #[test]
    fn a_round_that_asks_no_change_states_no_precision() {
        for question in [Question::Weights, Question::Reliable, Question::Retention] {
            assert!(expected(&round(question), &measure(), &PoolTerms::default()).is_empty());
        }
    }
}
