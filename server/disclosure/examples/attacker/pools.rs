//! A person who was counted in a release and later, by new answers, in a pool.
//!
//! The worst case: they, and everybody else, answer the second time as they did the first, the attacker knows it, and one of
//! the pool's two aggregators tells the attacker its noise.

use crate::attack::{steps, sums, with};
use crate::bench::{measure, round};
use crate::population::{Pair, Population};
use krog_disclosure::steps::CellSums;
use krog_measures::Facilitation::Peer;
use krog_pools::{Layout, PoolTerms, Question, Sum};
use rand::{Rng, RngExt};

/// What was found of one person, as shares of persons.
#[derive(Debug, Clone, Copy, Default)]
pub struct Read {
    /// A score of theirs is the only possible one.
    pub named: f64,
    /// A score of theirs is more than 99 % probable, and was not before.
    pub sure: f64,
    /// Their change is the only possible one.
    pub change: f64,
}

/// A pool over the same score, as the attacker hears it.
pub struct Pool {
    levels: usize,
    bound: f64,
    /// Each sum that tells of scores, and the SD of one aggregator's noise in it.
    sums: Vec<(Sum, f64)>,
}

impl Pool {
    /// With the default noise, or none.
    pub fn new(levels: usize, question: Question, noise: bool) -> Self {
        let measure = measure("score", (levels - 1) as f64);
        let mut round = round(question, &measure, Peer);
        if !noise {
            round.rho_millionths = 0;
        }
        assert!(!noise || round.rho_millionths == PoolTerms::default().rho_millionths);
        let layout = Layout::of(&round, &measure);
        let told = layout.coordinates().iter();
        let told = told.filter(|coordinate| coordinate.sum != Sum::Persons);
        Self {
            levels,
            bound: f64::from(round.change_bound_hundredths) / 100.0,
            sums: told.map(|c| (c.sum, c.noise_sd())).collect(),
        }
    }

    fn share(&self, sum: Sum, pair: Pair) -> f64 {
        let change = pair.1 as f64 - pair.0 as f64;
        let change = change.clamp(-self.bound, self.bound);
        match sum {
            Sum::Change => change,
            Sum::ChangeSquared => change * change,
            _ => pair.0 as f64,
        }
    }

    /// What is left of the pool's sums when everybody known is taken off.
    fn told(&self, unknown: &[Pair], rng: &mut impl Rng) -> Vec<f64> {
        self.sums
            .iter()
            .map(|(sum, sd)| {
                let exact: f64 = unknown.iter().map(|pair| self.share(*sum, *pair)).sum();
                exact + sd * normal(rng)
            })
            .collect()
    }

    /// How well persons fit what is left; 0: not at all.
    fn fit(&self, told: &[f64], unknown: &[Pair]) -> f64 {
        let mut fit = 1.0;
        for ((sum, sd), told) in self.sums.iter().zip(told) {
            let error = told
                - unknown
                    .iter()
                    .map(|pair| self.share(*sum, *pair))
                    .sum::<f64>();
            if *sd > 0.0 {
                fit *= (-(error / sd).powi(2) / 2.0).exp();
            } else if error.abs() > 1e-6 {
                return 0.0;
            }
        }
        fit
    }

    /// Draws releases of `n` persons, of whom so many are unknown (one or two), with this pool after them.
    pub fn after_release(
        &self,
        population: &Population,
        n: usize,
        unknown: usize,
        trials: usize,
        rng: &mut impl Rng,
    ) -> Read {
        let mut read = Read::default();
        let Some(steps) = steps(self.levels) else {
            return read;
        };
        let prior = population.margins();
        let all: Vec<(Pair, f64)> = population.pairs().collect();
        for _ in 0..trials {
            let persons: Vec<Pair> = (0..n).map(|_| population.draw(rng)).collect();
            let release = sums(steps, &persons).told();
            let known = sums(steps, &persons[unknown..]);
            let pool = self.told(&persons[..unknown], rng);
            let mut belief = Belief::new(self.levels);
            let mut weigh = |own: Pair, known: CellSums, others: &[Pair], weight: f64| {
                let fit = self.fit(&pool, others);
                if fit > 0.0 && with(known, own).told() == release {
                    belief.add(own, weight * fit);
                }
            };
            for (one, weight) in &all {
                if unknown == 1 {
                    weigh(*one, known, &[*one], *weight);
                    continue;
                }
                for (two, other) in &all {
                    weigh(*one, with(known, *two), &[*one, *two], weight * other);
                }
            }
            belief.settle(&prior, &mut read, 1.0 / trials as f64);
        }
        read
    }
}

/// Probabilities of the person's baseline, follow-up and change.
struct Belief {
    levels: usize,
    of: [Vec<f64>; 3],
    possible: [Vec<bool>; 3],
}

impl Belief {
    fn new(levels: usize) -> Self {
        let sizes = [levels, levels, 2 * levels];
        Self {
            levels,
            of: sizes.map(|size| vec![0.0; size]),
            possible: sizes.map(|size| vec![false; size]),
        }
    }

    fn add(&mut self, pair: Pair, weight: f64) {
        for (at, value) in [pair.0, pair.1, self.levels + pair.1 - pair.0]
            .into_iter()
            .enumerate()
        {
            self.of[at][value] += weight;
            self.possible[at][value] = true;
        }
    }

    fn settle(self, prior: &(Vec<f64>, Vec<f64>), read: &mut Read, share: f64) {
        let total: f64 = self.of[0].iter().sum();
        let one = |at: usize| self.possible[at].iter().filter(|open| **open).count() == 1;
        let highest = |weights: &[f64]| weights.iter().copied().fold(0.0, f64::max);
        let sure = |at: usize, prior: &[f64]| {
            highest(&self.of[at]) / total > 0.99 && highest(prior) < 0.99
        };
        let add = |to: &mut f64, holds: bool| *to += if holds { share } else { 0.0 };
        add(&mut read.named, one(0) || one(1));
        add(&mut read.sure, sure(0, &prior.0) || sure(1, &prior.1));
        add(&mut read.change, one(2));
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut impl Rng) -> f64 {
    let (radius, turn): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
}
