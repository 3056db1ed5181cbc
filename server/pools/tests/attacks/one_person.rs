//! What is learned of one person by who knows every other answer, every other centre's part, and one aggregator's noise.
//!
//! Left is the other aggregator's noise. Answers are believed to change by about two points with an SD of four and a
//! half, as in a plausible group.

use crate::asked::measure;
use krog_pools::privacy::epsilon;
use krog_pools::{Layout, Round, Sum};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// What is believed of a person's change afterwards.
#[derive(Debug, Clone, Copy, Default)]
pub struct Belief {
    /// Share of persons of whom one change is more than 99 % probable.
    pub sure: f64,
    /// Mean of the highest probability of a change, less what it was before.
    pub gained: f64,
}

/// After so many rounds in which the person changed alike each time.
pub fn belief(round: &Round, times: u32, trials: u32) -> Belief {
    let layout = Layout::of(round, &measure());
    let at = layout
        .coordinates()
        .iter()
        .position(|coordinate| coordinate.sum == Sum::Change)
        .unwrap();
    let step = layout.encode_units(&layout_lows(&layout, at, 1)).unwrap()[at] as f64;
    let sd = layout.coordinates()[at].noise_sd() / layout.coordinates()[at].unit;
    let bound = f64::from(round.change_bound_hundredths);
    let changes: Vec<f64> = (-24..=24).map(|points| f64::from(points) * 100.0).collect();
    let prior: Vec<f64> = changes
        .iter()
        .map(|change| (-((change + 200.0) / 450.0).powi(2) / 2.0).exp())
        .collect();
    let total: f64 = prior.iter().sum();
    let prior: Vec<f64> = prior.iter().map(|weight| weight / total).collect();
    let highest = |weights: &[f64]| weights.iter().copied().fold(0.0, f64::max);
    let mut chance = ChaCha20Rng::seed_from_u64(2);
    let mut found = Belief::default();
    for trial in 0..trials {
        // Every change as often as it is believed to be.
        let mut place = (f64::from(trial) + 0.5) / f64::from(trials);
        let mut truth = 0;
        while truth + 1 < prior.len() && place > prior[truth] {
            place -= prior[truth];
            truth += 1;
        }
        let mut weights = prior.clone();
        for _ in 0..times {
            let noise = layout.noise(&mut chance).reveal()[at] as f64 / step;
            let told = changes[truth].clamp(-bound, bound) + noise;
            for (weight, change) in weights.iter_mut().zip(&changes) {
                let error = (told - change.clamp(-bound, bound)) / sd;
                *weight *= (-error * error / 2.0).exp();
            }
        }
        let total: f64 = weights.iter().sum();
        let top = highest(&weights) / total;
        found.sure += f64::from(u8::from(top > 0.99)) / f64::from(trials);
        found.gained += (top - highest(&prior)) / f64::from(trials);
    }
    found
}

/// Every sum at its least, but one that is so much above it.
fn layout_lows(layout: &Layout, at: usize, above: i64) -> Vec<i64> {
    let mut lows: Vec<i64> = layout.coordinates().iter().map(|c| c.low).collect();
    lows[at] += above;
    lows
}

/// How much more probable what was told is with a person counted than without, as a logarithm.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loss {
    /// Its mean, which is at most ρ.
    pub mean: f64,
    /// δ at the ε of δ = 1/10: mean of what exceeds it, 1 − exp(ε − loss).
    pub beyond_tenth: f64,
    /// δ at the ε of δ = 1/100.
    pub beyond_hundredth: f64,
}

/// For a person who moves every sum as far as one person can.
pub fn loss(round: &Round, trials: u32) -> Loss {
    let layout = Layout::of(round, &measure());
    let mut chance = ChaCha20Rng::seed_from_u64(3);
    let bounds = [0.1, 0.01].map(|delta| epsilon(round.rho(), delta).unwrap());
    let share = 1.0 / f64::from(trials);
    let mut found = Loss::default();
    for _ in 0..trials {
        let noise = layout.noise(&mut chance);
        let loss: f64 = layout
            .coordinates()
            .iter()
            .zip(noise.reveal())
            .enumerate()
            .map(|(at, (coordinate, noise))| {
                let vector = layout.encode_units(&layout_lows(&layout, at, 1)).unwrap();
                let moved = (coordinate.sensitivity as f64) * vector[at] as f64;
                let sd = coordinate.noise_sd() / coordinate.unit * vector[at] as f64;
                let noise = *noise as f64;
                ((noise + moved).powi(2) - noise * noise) / (2.0 * sd * sd)
            })
            .sum();
        found.mean += loss * share;
        let beyond = |bound: f64| (1.0 - (bound - loss).exp()).max(0.0) * share;
        found.beyond_tenth += beyond(bounds[0]);
        found.beyond_hundredth += beyond(bounds[1]);
    }
    found
}
