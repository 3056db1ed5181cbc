//! What a forest plot shows, before it is drawn with characters or lines.

use krog_proto::federation::v1 as pb;

use super::{pools, words};

/// Two-sided 95 % quantile of the normal distribution, for the interval of one centre.
const Z_95: f64 = 1.959_963_984_540_054;

/// An estimate with its interval, in SDs of change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    fn new(value: f64, low: f64, high: f64) -> Option<Self> {
        let finite = value.is_finite() && low.is_finite() && high.is_finite();
        (finite && low <= value && value <= high).then_some(Self { value, low, high })
    }

    /// A centre's estimate; none when a number is missing or makes no sense.
    pub fn of_centre(row: &pb::CentreRow) -> Option<Self> {
        let (effect, variance) = row.effect.zip(row.variance)?;
        Self::from_variance(effect, variance)
    }

    /// A pool's estimate, without what its centres differ by; none as for a centre.
    pub fn of_pool(row: &pb::PoolRow) -> Option<Self> {
        let (effect, variance) = row.effect.zip(row.variance)?;
        Self::from_variance(effect, variance)
    }

    fn from_variance(effect: f64, variance: f64) -> Option<Self> {
        let half = Z_95 * variance.sqrt();
        Self::new(effect, effect - half, effect + half)
    }

    pub fn of_synthesis(synthesis: &pb::Synthesis) -> Option<Self> {
        Self::new(synthesis.effect, synthesis.ci_low, synthesis.ci_high)
    }
}

/// What a row stands for; each is marked by a shape of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Centre,
    Pool,
}

/// One released centre or one pool.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub mark: Mark,
    pub name: String,
    pub persons: String,
    pub quarters: String,
    pub estimate: Option<Estimate>,
    /// Square root of its share of the largest precision, 0 to 1: how large it is drawn.
    pub size: f64,
}

/// The centres and pools of one facilitation and course, and what they give together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Side {
    pub facilitation: i32,
    pub course: i32,
    pub centres: u32,
    pub persons: String,
    pub rows: Vec<Row>,
    pub synthesis: Option<Estimate>,
    pub prediction: Option<(f64, f64)>,
}

/// A forest plot with its scale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plot {
    pub sides: Vec<Side>,
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<f64>,
}

impl Plot {
    pub fn of(comparison: &pb::Comparison) -> Self {
        let largest = (comparison.centres.iter().filter_map(centre_precision))
            .chain(comparison.pools.iter().filter_map(pool_precision))
            .fold(0.0, f64::max);
        let size = |precision: Option<f64>| precision.map_or(0.0, |p| (p / largest).sqrt());
        let sides: Vec<Side> = (comparison.sides.iter())
            .map(|side| Side {
                facilitation: side.facilitation,
                course: side.course,
                centres: side.centres.saturating_add(side.pooled_centres),
                persons: pools::side_total(comparison, side),
                rows: (comparison.centres.iter())
                    .filter(|row| {
                        (row.facilitation, row.course) == (side.facilitation, side.course)
                    })
                    .map(|row| Row {
                        mark: Mark::Centre,
                        name: words::centre_name(row),
                        persons: row.persons.to_string(),
                        quarters: words::quarters(row.first_quarter, row.last_quarter),
                        estimate: Estimate::of_centre(row),
                        size: size(centre_precision(row)),
                    })
                    .chain(pools::of_side(comparison, side).map(|row| Row {
                        mark: Mark::Pool,
                        name: pools::name(row),
                        persons: pools::persons_of(row),
                        quarters: words::quarters(row.first_quarter, row.last_quarter),
                        estimate: Estimate::of_pool(row),
                        size: size(pool_precision(row)),
                    }))
                    .collect(),
                synthesis: side.synthesis.as_ref().and_then(Estimate::of_synthesis),
                prediction: (side.synthesis.as_ref())
                    .and_then(|s| s.pi_low.zip(s.pi_high))
                    .filter(|(low, high)| low.is_finite() && high.is_finite() && low <= high),
            })
            .collect();
        let (low, high, ticks) = scale(&sides);
        Self {
            sides,
            low,
            high,
            ticks,
        }
    }

    /// Where a value stands, from 0 at the low end of the scale to 1 at the high end.
    pub fn place(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// True when a pool is among the rows.
    pub fn has_pools(&self) -> bool {
        let mut rows = self.sides.iter().flat_map(|side| &side.rows);
        rows.any(|row| row.mark == Mark::Pool)
    }

    /// True when there is anything to draw.
    pub fn has_estimates(&self) -> bool {
        (self.sides.iter()).any(|side| {
            side.synthesis.is_some() || side.rows.iter().any(|row| row.estimate.is_some())
        })
    }
}

fn centre_precision(row: &pb::CentreRow) -> Option<f64> {
    Estimate::of_centre(row)?;
    precision(row.variance?)
}

fn pool_precision(row: &pb::PoolRow) -> Option<f64> {
    Estimate::of_pool(row)?;
    precision(row.variance?)
}

fn precision(variance: f64) -> Option<f64> {
    let precision = 1.0 / variance;
    (precision.is_finite() && precision > 0.0).then_some(precision)
}

/// A scale that holds zero and everything drawn, with ticks at round numbers.
fn scale(sides: &[Side]) -> (f64, f64, Vec<f64>) {
    let mut low: f64 = -0.5;
    let mut high: f64 = 0.5;
    for side in sides {
        let estimates = side
            .rows
            .iter()
            .filter_map(|row| row.estimate)
            .chain(side.synthesis);
        for estimate in estimates {
            low = low.min(estimate.low);
            high = high.max(estimate.high);
        }
        if let Some((from, to)) = side.prediction {
            low = low.min(from);
            high = high.max(to);
        }
    }
    let step = step((high - low) / 5.0);
    let first = (low / step).floor();
    let last = (high / step).ceil();
    let count = (last - first).min(40.0) as usize;
    let ticks = (0..=count).map(|n| (first + n as f64) * step).collect();
    (first * step, last * step, ticks)
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `least`.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_scale_holds_zero_and_every_interval() {
        let plot = Plot::of(&sample::comparison());
        assert!(plot.has_estimates());
        assert!(plot.low <= 0.0 && plot.high >= 0.0);
        for side in &plot.sides {
            for estimate in side.rows.iter().filter_map(|row| row.estimate) {
                assert!(plot.low <= estimate.low && estimate.high <= plot.high);
            }
        }
        assert!((3..=12).contains(&plot.ticks.len()), "{:?}", plot.ticks);
    }

    #[test]
    fn numbers_that_are_none_are_not_drawn() {
        let mut comparison = sample::comparison();
        for row in &mut comparison.centres {
            row.effect = Some(f64::INFINITY);
        }
        comparison
            .sides
            .iter_mut()
            .for_each(|side| side.synthesis = None);
        let plot = Plot::of(&comparison);
        assert!(!plot.has_estimates());
        assert!(plot.low.is_finite() && plot.high.is_finite());
        comparison.centres[0].effect = Some(1e300);
        assert!(Plot::of(&comparison).ticks.len() <= 41);
    }

    #[test]
    fn a_pool_is_one_row_after_the_centres() {
        let plot = Plot::of(&sample::with_pools());
        assert!(plot.has_pools() && !Plot::of(&sample::comparison()).has_pools());
        let rows = &plot.sides[0].rows;
        let pool = rows.last().unwrap();
        assert_eq!(
            (pool.mark, pool.name.as_str()),
            (Mark::Pool, "pool of 9 centres")
        );
        assert_eq!(pool.persons, "≈108");
        assert_eq!(plot.sides[0].persons, "≈205");
    }

    #[test]
    fn ticks_stand_at_round_numbers() {
        assert_eq!(step(0.3), 0.5);
        assert_eq!(step(1.0), 1.0);
        assert!((step(0.02) - 0.02).abs() < 1e-12);
    }
}
