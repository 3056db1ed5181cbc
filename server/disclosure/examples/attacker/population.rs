//! Who answers: made-up populations on a scale of whole points, as the attacker believes them to be.

use rand::{Rng, RngExt};

/// A distribution of (baseline, follow-up) on scores `0..levels`.
#[derive(Clone)]
pub struct Population {
    /// Name in the printed table.
    pub name: &'static str,
    /// Number of possible scores.
    pub levels: usize,
    /// Probability of each pair, at `baseline * levels + follow_up`.
    pub weights: Vec<f64>,
    cumulated: Vec<f64>,
}

/// One person's two scores.
pub type Pair = (usize, usize);

impl Population {
    /// From weights that need not add up to one.
    pub fn new(name: &'static str, levels: usize, mut weights: Vec<f64>) -> Self {
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        let cumulated = weights
            .iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        Self {
            name,
            levels,
            weights,
            cumulated,
        }
    }

    /// Two normal variables with this correlation, cut into levels so that 4.5 SD span the scale; `baseline` and
    /// `follow_up` are their means in SD from the middle.
    pub fn normal(
        name: &'static str,
        levels: usize,
        correlation: f64,
        baseline: f64,
        follow_up: f64,
    ) -> Self {
        // Every pair stays possible: the attacker never rules out by belief alone.
        let mut weights = vec![1e-12; levels * levels];
        let grid: Vec<f64> = (-60..=60).map(|i| f64::from(i) / 12.0).collect();
        let density = |z: f64| (-z * z / 2.0).exp();
        let rest = (1.0 - correlation * correlation).sqrt();
        for &z in &grid {
            for &e in &grid {
                let w = correlation * z + rest * e;
                let pair = (level(levels, z + baseline), level(levels, w + follow_up));
                weights[pair.0 * levels + pair.1] += density(z) * density(e);
            }
        }
        Self::new(name, levels, weights)
    }

    /// One person at random.
    pub fn draw(&self, rng: &mut impl Rng) -> Pair {
        let place: f64 = rng.random();
        let at = self.cumulated.partition_point(|sum| *sum < place);
        let at = at.min(self.weights.len() - 1);
        (at / self.levels, at % self.levels)
    }

    /// All pairs with their probability.
    pub fn pairs(&self) -> impl Iterator<Item = (Pair, f64)> {
        let levels = self.levels;
        self.weights
            .iter()
            .enumerate()
            .map(move |(at, weight)| ((at / levels, at % levels), *weight))
    }

    /// Probability of each baseline and of each follow-up.
    pub fn margins(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut baseline, mut follow_up) = (vec![0.0; self.levels], vec![0.0; self.levels]);
        for (pair, weight) in self.pairs() {
            baseline[pair.0] += weight;
            follow_up[pair.1] += weight;
        }
        (baseline, follow_up)
    }
}

/// The level a latent value falls into.
pub fn level(levels: usize, z: f64) -> usize {
    let top = (levels - 1) as f64;
    (top / 2.0 + z * top / 4.5).round().clamp(0.0, top) as usize
}

/// The population the rules were first calculated for: correlation 0.6, half an answer's SD of change.
pub fn plausible(levels: usize) -> Population {
    Population::normal("plausible", levels, 0.6, 0.0, -0.25)
}

/// Populations that lie badly.
pub fn extremes(levels: usize) -> Vec<Population> {
    let normal = |name, correlation, baseline, follow_up| {
        Population::normal(name, levels, correlation, baseline, follow_up)
    };
    vec![
        normal("all at the floor", 0.6, -2.6, -2.6),
        normal("just above the floor", 0.6, -1.7, -1.7),
        normal("a quarter up", 0.6, -1.2, -1.2),
        normal("all at the ceiling", 0.6, 2.6, 2.6),
        normal("just below the ceiling", 0.6, 1.7, 1.7),
        normal("nobody changes", 0.97, 0.0, 0.0),
        normal("everybody drops", 0.6, 1.2, -1.2),
        normal("everybody drops alike", 0.99, 0.0, -1.2),
    ]
}
