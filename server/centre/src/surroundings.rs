//! Time and chance, handed in from outside: nothing in this crate asks a clock or a random source of its own.

use krog_measures::Day;
use rand::CryptoRng;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Seconds since 1970-01-01 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
/// A cryptographic source of random bytes.
pub type Chance = Arc<Mutex<dyn CryptoRng + Send>>;

const SECONDS_PER_DAY: i64 = 86_400;

/// The clock shows no year between 1900 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clock shows no year between 1900 and 9999; set the machine's clock")]
pub struct ClockAstray;

/// The clock and the random source of one house.
#[derive(Clone)]
pub struct Surroundings {
    clock: Clock,
    chance: Chance,
}

impl Surroundings {
    /// A house with this clock and this random source.
    pub fn new(clock: Clock, chance: Chance) -> Self {
        Self { clock, chance }
    }

    /// Seconds since 1970-01-01 UTC.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Today in UTC.
    ///
    /// # Errors
    /// When the clock stands outside the years 1900 to 9999.
    pub fn today(&self) -> Result<Day, ClockAstray> {
        i32::try_from(self.now().div_euclid(SECONDS_PER_DAY))
            .ok()
            .and_then(|days| Day::new(days).ok())
            .ok_or(ClockAstray)
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with_chance(|rng| rng.fill_bytes(&mut bytes));
        bytes
    }

    /// Lends the random source.
    pub(crate) fn with_chance<T>(&self, use_it: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        // A panic elsewhere while it was lent leaves a random source that is still random.
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(&mut *chance)
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings(..)")
    }
}
