//! An attacker who knows the list of members, every rule of the gate, the population, and all answers but one or two.
//!
//! Whatever the unknown persons may have answered, the gate itself says what it would then have told; what fits what it
//! did tell is possible, the rest is not.

use crate::population::{Pair, Population};
use krog_disclosure::steps::{CellSums, Steps, ToldSums};
use krog_measures::{Direction, Scale};
use rand::Rng;
use rand::seq::SliceRandom;

/// Shares of persons whose answer was found out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found {
    /// A score of theirs is the only possible one.
    pub named: f64,
    /// A score of theirs is more than 99 % probable, and was not before.
    pub sure: f64,
    /// Mean of the highest probability left to any follow-up.
    pub highest: f64,
}

/// What is known of one person, as seen by the attacker: probability per baseline and per follow-up.
struct Belief {
    baseline: Vec<f64>,
    follow_up: Vec<f64>,
}

impl Belief {
    fn new(levels: usize) -> Self {
        Self {
            baseline: vec![0.0; levels],
            follow_up: vec![0.0; levels],
        }
    }

    fn add(&mut self, pair: Pair, weight: f64) {
        self.baseline[pair.0] += weight;
        self.follow_up[pair.1] += weight;
    }

    fn names_a_score(&self) -> bool {
        let one = |scores: &[f64]| scores.iter().filter(|weight| **weight > 0.0).count() == 1;
        one(&self.baseline) || one(&self.follow_up)
    }

    fn settle(self, prior: &(Vec<f64>, Vec<f64>), found: &mut Found) {
        let total: f64 = self.baseline.iter().sum();
        let highest = |scores: &[f64]| scores.iter().copied().fold(0.0, f64::max);
        let sure =
            |scores: &[f64], prior: &[f64]| highest(scores) / total > 0.99 && highest(prior) < 0.99;
        found.highest += highest(&self.follow_up) / total;
        if self.names_a_score() {
            found.named += 1.0;
        }
        if sure(&self.baseline, &prior.0) || sure(&self.follow_up, &prior.1) {
            found.sure += 1.0;
        }
    }
}

/// The gate's own way of telling a scale of so many levels.
pub fn steps(levels: usize) -> Option<Steps> {
    let scale = Scale::new(0.0, (levels - 1) as f64, Direction::LowerBetter).ok()?;
    Steps::of(&scale)
}

/// Sums with one person more.
pub fn with(sums: CellSums, pair: Pair) -> CellSums {
    sums.with(pair.0 as f64, pair.1 as f64)
}

/// Sums of persons.
pub fn sums(steps: Steps, persons: &[Pair]) -> CellSums {
    persons
        .iter()
        .fold(CellSums::empty(steps), |sums, pair| with(sums, *pair))
}

/// Draws cells of `n` persons and looks for the answers of one of them.
pub fn all_but_one(
    population: &Population,
    steps: Steps,
    n: usize,
    trials: usize,
    rng: &mut impl Rng,
) -> Found {
    let prior = population.margins();
    let mut found = Found::default();
    for _ in 0..trials {
        let persons: Vec<Pair> = (0..n).map(|_| population.draw(rng)).collect();
        let told = sums(steps, &persons).told();
        let known = sums(steps, &persons[1..]);
        let mut belief = Belief::new(population.levels);
        for (pair, weight) in population.pairs() {
            if with(known, pair).told() == told {
                belief.add(pair, weight);
            }
        }
        belief.settle(&prior, &mut found);
    }
    found.of(trials)
}

/// The same for two of them. Probabilities need every pair of pairs, so `sure` and `highest` are only filled where
/// `believing` is set.
pub fn all_but_two(
    population: &Population,
    steps: Steps,
    n: usize,
    trials: usize,
    believing: bool,
    rng: &mut impl Rng,
) -> Found {
    let prior = population.margins();
    let mut all: Vec<(Pair, f64)> = population.pairs().collect();
    // In any order, so that different possibilities are met soon.
    all.shuffle(rng);
    let mut found = Found::default();
    for _ in 0..trials {
        let persons: Vec<Pair> = (0..n).map(|_| population.draw(rng)).collect();
        let told = sums(steps, &persons).told();
        let known = sums(steps, &persons[2..]);
        let belief = pair_belief(&all, known, &told, population.levels, believing);
        if believing {
            belief.settle(&prior, &mut found);
        } else if belief.names_a_score() {
            found.named += 1.0;
        }
    }
    found.of(trials)
}

fn pair_belief(
    all: &[(Pair, f64)],
    known: CellSums,
    told: &ToldSums,
    levels: usize,
    believing: bool,
) -> Belief {
    let mut belief = Belief::new(levels);
    let several = |scores: &[f64]| scores.iter().filter(|weight| **weight > 0.0).count() > 1;
    for (place, (first, weight)) in all.iter().enumerate() {
        let known = with(known, *first);
        for (second, other) in &all[place..] {
            if with(known, *second).told() == *told {
                belief.add(*first, weight * other);
                // Either of the two may be the person looked for.
                if second != first {
                    belief.add(*second, weight * other);
                }
                if !believing && several(&belief.baseline) && several(&belief.follow_up) {
                    return belief;
                }
            }
        }
    }
    belief
}

impl Found {
    fn of(self, trials: usize) -> Self {
        let trials = trials as f64;
        Self {
            named: self.named / trials,
            sure: self.sure / trials,
            highest: self.highest / trials,
        }
    }
}
