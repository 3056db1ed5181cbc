//! Solving for centres' parts in whole numbers: persons are whole, and a sum of changes in whole points is whole.
//!
//! The attacker knows the round, its totals without noise, the parts of some centres, and how a part is written. What is
//! left is a sum over the unknown centres, rounding included; every choice of parts that gives it is possible.

use crate::asked::{measure, round};
use krog_pools::part::sums_of;
use krog_pools::{Answered, Question, Sum};
use rand::{Rng, RngExt};
use std::collections::{BTreeMap, BTreeSet};

/// Most persons of a centre.
pub const MOST: i64 = 40;
const BOUND: i64 = 13;

/// Which rounds are told.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// The first alone.
    Spread,
    /// The second beside it, in effects of so many thousandths of a point.
    WithWeights {
        /// The unit.
        unit_sd_thousandths: u32,
    },
}

/// A centre's persons and sum of changes.
pub type Part = (i64, i64);

/// What parts of so many persons and such changes are written as, by the code that writes them.
pub struct Written {
    /// By persons, then by change from the lowest on.
    parts: BTreeMap<i64, Vec<Line>>,
}

#[derive(Clone, Copy)]
struct Line {
    change: i64,
    /// n², and the weight where it is asked.
    of_persons: [i64; 2],
    /// Σchange, (Σchange)²/n, and the two weighted sums where they are asked.
    of_change: [i64; 4],
}

/// Everything told of some centres together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    persons: i64,
    of_persons: [i64; 2],
    of_change: [i64; 4],
}

/// Persons whose changes add up to so much, as evenly as whole points allow.
fn persons(n: i64, change: i64) -> Vec<Answered> {
    (0..n)
        .map(|at| {
            let own = change.div_euclid(n) + i64::from(at < change.rem_euclid(n));
            let baseline = if own < 0 { 24.0 } else { 0.0 };
            Answered {
                baseline,
                follow_up: Some(baseline + own as f64),
                items: Vec::new(),
                sessions: 0,
            }
        })
        .collect()
}

impl Written {
    /// For the rounds that are told.
    pub fn new(asked: Asked) -> Self {
        let mut rounds = [round(Question::Spread), round(Question::Weights)];
        let weights = match asked {
            Asked::Spread => false,
            Asked::WithWeights {
                unit_sd_thousandths,
            } => {
                rounds[1].unit_sd_thousandths = unit_sd_thousandths;
                true
            }
        };
        let mut parts = BTreeMap::new();
        for n in 3..=MOST {
            let lines = (-BOUND * n..=BOUND * n).map(|change| {
                let people = persons(n, change);
                let sums = |at: usize| sums_of(&rounds[at], &measure(), &people).unwrap();
                let [_, square, change_told, square_per_person] = sums(0)[..] else {
                    panic!("{:?}", Question::Spread.sums());
                };
                let second = if weights { sums(1) } else { vec![0; 3] };
                Line {
                    change,
                    of_persons: [square, second[0]],
                    of_change: [change_told / 100, square_per_person, second[1], second[2]],
                }
            });
            parts.insert(n, lines.collect::<Vec<_>>());
        }
        assert_eq!(Question::Spread.sums()[3], Sum::ChangeSquaredPerPerson);
        Self { parts }
    }

    fn line(&self, (n, change): Part) -> Line {
        self.parts[&n][(change + BOUND * n) as usize]
    }

    /// What is told of these centres.
    pub fn told(&self, parts: &[Part]) -> Told {
        parts.iter().fold(Told::default(), |told, part| {
            let line = self.line(*part);
            Told {
                persons: told.persons + part.0,
                of_persons: add(told.of_persons, line.of_persons),
                of_change: add(told.of_change, line.of_change),
            }
        })
    }

    /// Every way to split the persons over so many centres.
    pub fn splits(&self, told: &Told, centres: usize) -> Vec<Vec<i64>> {
        let mut found = Vec::new();
        self.split(told, centres, 3, &mut Vec::new(), &mut found);
        found
    }

    fn split(
        &self,
        told: &Told,
        centres: usize,
        least: i64,
        so_far: &mut Vec<i64>,
        found: &mut Vec<Vec<i64>>,
    ) {
        let left = centres - so_far.len();
        if left == 0 {
            let parts: Vec<Part> = so_far.iter().map(|n| (*n, 0)).collect();
            let these = self.told(&parts);
            if (these.persons, these.of_persons) == (told.persons, told.of_persons) {
                found.push(so_far.clone());
            }
            return;
        }
        let used: i64 = so_far.iter().sum();
        for n in least..=MOST.min((told.persons - used) / left as i64) {
            so_far.push(n);
            self.split(told, centres, n, so_far, found);
            so_far.pop();
        }
    }

    /// How many parts centres of these persons can have: changes in the order of `split`.
    pub fn count(&self, told: &Told, split: &[i64]) -> f64 {
        let (one, two) = split.split_at(split.len() / 2);
        let [one, two] = [one, two].map(|half| counted(self.sums(told, half)));
        let mut count = 0.0;
        let mut at = two.len();
        let target = pack(told.of_change);
        // Sums of two halves that meet: one rises while the other falls.
        for (key, times) in one {
            while at > 0 && key + two[at - 1].0 > target {
                at -= 1;
            }
            if at > 0 && key + two[at - 1].0 == target {
                count += times * two[at - 1].1;
            }
        }
        count
    }

    /// The parts themselves, for few centres.
    pub fn solutions(&self, told: &Told, split: &[i64]) -> BTreeSet<Vec<Part>> {
        let (one, two) = split.split_at(split.len() / 2);
        let mut by_key: BTreeMap<i128, Vec<Vec<Part>>> = BTreeMap::new();
        for (key, parts) in self.parts_of(told, one) {
            by_key.entry(key).or_default().push(parts);
        }
        let target = pack(told.of_change);
        let mut found = BTreeSet::new();
        for (key, parts) in self.parts_of(told, two) {
            for other in by_key.get(&(target - key)).into_iter().flatten() {
                let mut whole = [other.as_slice(), &parts].concat();
                whole.sort_unstable();
                found.insert(whole);
            }
        }
        found
    }

    /// Changes of a centre of `n` persons that leave no sum of squares too large.
    fn possible(&self, told: &Told, n: i64) -> Vec<Line> {
        let fits = |line: &&Line| line.of_change[1] <= told.of_change[1];
        self.parts[&n].iter().filter(fits).copied().collect()
    }

    /// The same for more centres, from so many draws of all but three of them.
    pub fn estimate(&self, told: &Told, split: &[i64], draws: u32, rng: &mut impl Rng) -> f64 {
        let (one, two) = split.split_at(3);
        let one = counted(self.sums(told, one));
        let target = pack(told.of_change);
        let keys: Vec<Vec<i128>> = two
            .iter()
            .map(|n| {
                let lines = self.possible(told, *n);
                lines.iter().map(|line| pack(line.of_change)).collect()
            })
            .collect();
        let all: f64 = keys.iter().map(|keys| keys.len() as f64).product();
        let mut fitting = 0.0;
        for _ in 0..draws {
            let drawn: i128 = keys
                .iter()
                .map(|keys| keys[rng.random_range(0..keys.len())])
                .sum();
            if let Ok(at) = one.binary_search_by_key(&(target - drawn), |(key, _)| *key) {
                fitting += one[at].1;
            }
        }
        fitting * all / f64::from(draws)
    }

    fn sums(&self, told: &Told, split: &[i64]) -> Vec<i128> {
        let mut sums = vec![0];
        for n in split {
            let keys: Vec<i128> = self
                .possible(told, *n)
                .iter()
                .map(|line| pack(line.of_change))
                .collect();
            sums = sums
                .iter()
                .flat_map(|sum| keys.iter().map(move |key| sum + key))
                .collect();
        }
        sums.sort_unstable();
        sums
    }

    fn parts_of(&self, told: &Told, split: &[i64]) -> Vec<(i128, Vec<Part>)> {
        let mut all = vec![(0, Vec::new())];
        for n in split {
            let lines = self.possible(told, *n);
            all = all
                .iter()
                .flat_map(|(key, parts)| {
                    lines.iter().map(move |line| {
                        let mut parts: Vec<Part> = parts.clone();
                        parts.push((*n, line.change));
                        (key + pack(line.of_change), parts)
                    })
                })
                .collect();
        }
        all
    }
}

fn add<const N: usize>(one: [i64; N], two: [i64; N]) -> [i64; N] {
    std::array::from_fn(|at| one[at] + two[at])
}

/// One number whose sums are equal exactly where all four are: each stays below 2^20 in size over any pool counted here.
fn pack(of_change: [i64; 4]) -> i128 {
    of_change
        .iter()
        .fold(0, |packed, sum| (packed << 24) + i128::from(*sum))
}

fn counted(sorted: Vec<i128>) -> Vec<(i128, f64)> {
    let mut counted: Vec<(i128, f64)> = Vec::new();
    for key in sorted {
        match counted.last_mut() {
            Some((last, times)) if *last == key => *times += 1.0,
            _ => counted.push((key, 1.0)),
        }
    }
    counted
}
