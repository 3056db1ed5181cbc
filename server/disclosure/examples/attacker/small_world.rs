//! Every world of a five-level item and a cell of ten, counted exactly.
//!
//! What the known persons answered matters to the gate only through their sums, so the worlds are counted by sums: how
//! many multisets of (baseline, follow-up) of the known persons give each, and for each what the gate tells of every
//! answer of the unknown ones.

use crate::attack::{steps, with};
use crate::population::Pair;
use krog_disclosure::steps::{CellSums, Steps, ToldSums};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Worlds: multisets of the known with every answer of the unknown.
    pub worlds: u128,
    /// Worlds in which a baseline of an unknown person is the only possible one.
    pub baseline_named: u128,
    /// Worlds in which a follow-up of an unknown person is the only possible one.
    pub follow_up_named: u128,
    /// Different figures the gate can tell.
    pub tellings: usize,
}

/// Counts all worlds of `n` persons on `levels`, of whom `unknown` (1 or 2) are unknown.
pub fn count(levels: usize, n: usize, unknown: usize) -> Counted {
    let Some(steps) = steps(levels) else {
        return Counted::default();
    };
    let all: Vec<Pair> = (0..levels * levels)
        .map(|at| (at / levels, at % levels))
        .collect();
    let answers: Vec<Vec<Pair>> = match unknown {
        1 => all.iter().map(|pair| vec![*pair]).collect(),
        _ => (0..all.len())
            .flat_map(|first| (first..all.len()).map(move |second| (first, second)))
            .map(|(first, second)| vec![all[first], all[second]])
            .collect(),
    };
    let mut counted = Counted::default();
    let mut seen = BTreeSet::new();
    for (known, multisets) in by_sums(steps, &all, n - unknown) {
        let mut fitting: BTreeMap<ToldSums, Vec<&Vec<Pair>>> = BTreeMap::new();
        for answer in &answers {
            let told = answer
                .iter()
                .fold(known, |sums, pair| with(sums, *pair))
                .told();
            fitting.entry(told).or_default().push(answer);
        }
        for (told, answers) in fitting {
            seen.insert(told);
            let worlds = multisets * answers.len() as u128;
            let only = |score: &dyn Fn(&Pair) -> usize| {
                let scores: BTreeSet<usize> =
                    answers.iter().flat_map(|a| a.iter().map(score)).collect();
                scores.len() == 1
            };
            counted.worlds += worlds;
            counted.baseline_named += if only(&|pair| pair.0) { worlds } else { 0 };
            counted.follow_up_named += if only(&|pair| pair.1) { worlds } else { 0 };
        }
    }
    counted.tellings = seen.len();
    counted
}

/// How many multisets of `size` pairs lead to each state of the sums.
fn by_sums(steps: Steps, all: &[Pair], size: usize) -> Vec<(CellSums, u128)> {
    let mut states: Vec<HashMap<CellSums, u128>> = vec![HashMap::new(); size + 1];
    states[0].insert(CellSums::empty(steps), 1);
    for pair in all {
        // Rising, so that a pair may stand in a multiset more than once.
        for persons in 0..size {
            let grown: Vec<_> = states[persons]
                .iter()
                .map(|(sums, multisets)| (with(*sums, *pair), *multisets))
                .collect();
            for (sums, multisets) in grown {
                *states[persons + 1].entry(sums).or_default() += multisets;
            }
        }
    }
    states.swap_remove(size).into_iter().collect()
}
