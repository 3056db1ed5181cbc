//! A house for tests: a clock that is set by hand and chance that repeats.

use crate::surroundings::Surroundings;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::sync::{Arc, Mutex};

/// A fixed clock and a seeded random source.
pub(crate) fn surroundings(seed: u64) -> Surroundings {
    let rng = ChaCha20Rng::seed_from_u64(seed);
    Surroundings::new(Arc::new(|| 1_780_000_000), Arc::new(Mutex::new(rng)))
}
