//! Where chance enters: the machine's random source, or a seeded one.

use std::sync::{Arc, Mutex};

use krog_centre::Chance;
use rand::SeedableRng;
use rand::rngs::SysRng;
use rand_chacha::ChaCha20Rng;

/// The machine's random source.
pub fn machine() -> Chance {
    Arc::new(Mutex::new(rand::rand_core::UnwrapErr(SysRng)))
}

/// A source that gives the same numbers for the same seed; for the demo and for tests.
pub fn seeded(seed: u64) -> Chance {
    Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
}
