//! Several scores of the same people in one release.
//!
//! Scores are tied by how a person feels at baseline and at follow-up: two tied normal variables each, half of a score's
//! variance, on a grid. Given these, the scores are independent, so what one tells of the other is added up exactly.

use crate::attack::{Found, steps, sums, with};
use crate::population::{Pair, level};
use rand::{Rng, RngExt};

const NODES: i32 = 4;
const TIED: f64 = 0.5;
const CORRELATION: f64 = 0.6;

/// A person's feelings on the grid, and how probable each score is then.
pub struct Tied {
    levels: Vec<usize>,
    /// Probability of each node.
    nodes: Vec<f64>,
    /// Per score and node: probability of each pair of answers.
    pairs: Vec<Vec<Vec<f64>>>,
}

impl Tied {
    /// Scores of so many levels each.
    pub fn new(levels: &[usize]) -> Self {
        let grid: Vec<f64> = (-NODES..=NODES).map(|i| f64::from(i) * 0.6).collect();
        let both = |f: f64, g: f64| {
            let square = f * f - 2.0 * CORRELATION * f * g + g * g;
            (-square / (2.0 * (1.0 - CORRELATION * CORRELATION))).exp()
        };
        let mut nodes = Vec::new();
        let mut pairs = vec![Vec::new(); levels.len()];
        for &f in &grid {
            for &g in &grid {
                nodes.push(both(f, g));
                for (score, &levels) in levels.iter().enumerate() {
                    let mut weights = vec![1e-12; levels * levels];
                    for &u in &grid {
                        for &v in &grid {
                            let own = (1.0 - TIED).sqrt();
                            let x = level(levels, TIED.sqrt() * f + own * u);
                            let y = level(levels, TIED.sqrt() * g + own * v - 0.25);
                            weights[x * levels + y] += both(u, v);
                        }
                    }
                    normalise(&mut weights);
                    pairs[score].push(weights);
                }
            }
        }
        normalise(&mut nodes);
        Self {
            levels: levels.to_vec(),
            nodes,
            pairs,
        }
    }

    fn draw(&self, rng: &mut impl Rng) -> Vec<Pair> {
        let node = pick(&self.nodes, rng);
        (0..self.levels.len())
            .map(|score| {
                let at = pick(&self.pairs[score][node], rng);
                (at / self.levels[score], at % self.levels[score])
            })
            .collect()
    }

    /// Share of persons of whom some score of some measure is found out by who knows everything of all others.
    pub fn all_but_one(&self, n: usize, trials: usize, rng: &mut impl Rng) -> Found {
        let scores = self.levels.len();
        let mut found = Found::default();
        for _ in 0..trials {
            let persons: Vec<Vec<Pair>> = (0..n).map(|_| self.draw(rng)).collect();
            // What is possible in each score by itself.
            let possible: Vec<Vec<bool>> = (0..scores)
                .filter_map(|score| {
                    let levels = self.levels[score];
                    let steps = steps(levels)?;
                    let column: Vec<Pair> = persons.iter().map(|person| person[score]).collect();
                    let told = sums(steps, &column).told();
                    let known = sums(steps, &column[1..]);
                    let fits = |at| with(known, (at / levels, at % levels)).told() == told;
                    Some((0..levels * levels).map(fits).collect())
                })
                .collect();
            let fitting: Vec<Vec<f64>> = (0..scores)
                .map(|score| {
                    self.pairs[score]
                        .iter()
                        .map(|weights| kept(weights, &possible[score]).sum())
                        .collect()
                })
                .collect();
            let (mut named, mut sure, mut highest) = (false, false, 0.0f64);
            for (score, possible) in possible.iter().enumerate() {
                let levels = self.levels[score];
                let mut belief = vec![0.0; levels * levels];
                for (node, node_weight) in self.nodes.iter().enumerate() {
                    let others: f64 = (0..scores)
                        .filter(|other| *other != score)
                        .map(|other| fitting[other][node])
                        .product();
                    for (at, weight) in kept(&self.pairs[score][node], possible).enumerate() {
                        belief[at] += node_weight * others * weight;
                    }
                }
                let total: f64 = belief.iter().sum();
                let mut margins = vec![vec![0.0; levels]; 2];
                let mut open = vec![vec![false; levels]; 2];
                for (at, weight) in belief.iter().enumerate() {
                    for (margin, value) in [at / levels, at % levels].into_iter().enumerate() {
                        margins[margin][value] += weight / total;
                        open[margin][value] |= possible[at];
                    }
                }
                let top = |margin: &[f64]| margin.iter().copied().fold(0.0, f64::max);
                named |= open
                    .iter()
                    .any(|margin| margin.iter().filter(|open| **open).count() == 1);
                sure |= margins.iter().any(|margin| top(margin) > 0.99);
                highest = highest.max(top(&margins[1]));
            }
            found.named += f64::from(u8::from(named)) / trials as f64;
            found.sure += f64::from(u8::from(sure)) / trials as f64;
            found.highest += highest / trials as f64;
        }
        found
    }
}

fn kept<'a>(weights: &'a [f64], possible: &'a [bool]) -> impl Iterator<Item = f64> + 'a {
    weights
        .iter()
        .zip(possible)
        .map(|(weight, possible)| if *possible { *weight } else { 0.0 })
}

fn normalise(weights: &mut [f64]) {
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
}

fn pick(weights: &[f64], rng: &mut impl Rng) -> usize {
    let mut place: f64 = rng.random();
    for (at, weight) in weights.iter().enumerate() {
        place -= weight;
        if place < 0.0 {
            return at;
        }
    }
    weights.len() - 1
}
