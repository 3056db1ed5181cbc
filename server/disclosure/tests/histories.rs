//! Random histories of eight quarters, and an attacker who hears everything told in them.
//!
//! A history is one centre's eight quarters, in a network of five to seven: 3 to 40 members and more who come and go, two
//! measures over the same people, repeat pairs, pairs that have waited for two years, consents given and withdrawn, ways
//! switched between pool and release, releases stopped, rounds that fail and free their answers, second rounds. It is the
//! gate itself that counts and tells. `KROG_HISTORIES=1000000 cargo test --release -p krog-disclosure --test histories --
//! --nocapture` lives through a million.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod bench;
#[path = "histories/solver.rs"]
mod solver;
#[path = "histories/town.rs"]
mod town;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use solver::{Found, Known, look};
use std::collections::BTreeSet;
use town::{Town, World};

const USUAL: u32 = 30_000;
const WORKERS: u32 = 2;

/// What so many histories came to.
#[derive(Debug, Clone, Copy, Default)]
struct Lived {
    histories: u32,
    values: u32,
    pools: u32,
    second_rounds: u32,
    second_rounds_failed: u32,
    /// Found out by who knows all members but two, and nothing of these.
    of_strangers: Found,
    /// By who also knows when the two came.
    of_companions: Found,
}

impl Lived {
    fn of(histories: u32, seed: u64) -> Self {
        let world = World::new();
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut lived = Self::default();
        while lived.histories < histories {
            let town = Town::live(&world, &mut rng);
            lived.check(&town, &mut rng);
        }
        lived
    }

    fn check(&mut self, town: &Town, rng: &mut SmallRng) {
        for persons in &town.values {
            assert!(*persons >= 10, "a release of {persons}");
        }
        for (centres, persons) in &town.pools {
            assert!(
                *centres >= 5 && *persons >= 30,
                "a pool of {centres}, {persons}"
            );
        }
        let left: BTreeSet<_> = town.left.iter().collect();
        assert_eq!(left.len(), town.left.len(), "an answer left twice");
        self.values += town.values.len() as u32;
        self.pools += town.pools.len() as u32;
        self.second_rounds += town.seconds[0];
        self.second_rounds_failed += town.seconds[1];
        for centre in &town.centres {
            self.histories += 1;
            let members = centre.consents.len();
            let one = rng.random_range(0..members);
            let other = (one + rng.random_range(1..members)) % members;
            self.of_strangers += look(centre, [one, other], Known::Nothing);
            self.of_companions += look(centre, [one, other], Known::Attendance);
        }
    }

    fn and(self, other: Self) -> Self {
        let Self {
            histories,
            values,
            pools,
            second_rounds,
            second_rounds_failed,
            of_strangers,
            of_companions,
        } = other;
        let mut both = self;
        both.histories += histories;
        both.values += values;
        both.pools += pools;
        both.second_rounds += second_rounds;
        both.second_rounds_failed += second_rounds_failed;
        both.of_strangers += of_strangers;
        both.of_companions += of_companions;
        both
    }
}

#[test]
fn no_cell_is_below_its_floor_no_answer_leaves_twice_and_nobody_is_found_but_by_counting() {
    let asked = std::env::var("KROG_HISTORIES").ok();
    let histories = asked
        .as_ref()
        .map_or(USUAL, |number| number.parse().unwrap());
    let lived = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| scope.spawn(move || Lived::of(histories / WORKERS, worker.into())))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .fold(Lived::default(), Lived::and)
    });
    assert!(lived.histories >= histories);
    let told = f64::from(lived.values.min(lived.pools)) / f64::from(lived.histories);
    assert!(
        told > 0.02 && lived.second_rounds > 0 && lived.second_rounds_failed > 0,
        "{lived:?}"
    );
    // Of two of whom nothing is known, a figure says at most that it counts both.
    assert_eq!(lived.of_strangers.by_chain, 0, "{lived:?}");
    // Who also knows when each of them came learns a little more from several figures than from each by itself.
    let Found {
        figures, by_chain, ..
    } = lived.of_companions;
    assert!(f64::from(by_chain) < 0.05 * f64::from(figures), "{lived:?}");
    if asked.is_some() {
        println!("{lived:#?}");
    }
}
