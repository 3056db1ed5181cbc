//! Where time enters: the machine's clock, or a stated one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds in a day.
const DAY: i64 = 86_400;

/// A source of the time in seconds since 1970-01-01 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's clock.
pub fn system() -> Clock {
    Arc::new(machine_seconds)
}

/// The machine's clock moved so that today is `day` (days since 1970-01-01); for rehearsal networks only.
pub fn stated(day: i64) -> Clock {
    let shift = (day - machine_seconds().div_euclid(DAY)) * DAY;
    Arc::new(move || machine_seconds() + shift)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the machine's clock is read"
)]
fn machine_seconds() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}

/// A clock that stands still until it is set; for the demo and for tests.
#[derive(Clone, Debug)]
pub struct HandClock(Arc<AtomicI64>);

impl HandClock {
    /// A clock standing at the start of `day` (days since 1970-01-01).
    pub fn at_day(day: i64) -> Self {
        Self(Arc::new(AtomicI64::new(day * DAY)))
    }

    /// Sets the clock to noon of `day`.
    pub fn set_day(&self, day: i64) {
        self.0.store(day * DAY + DAY / 2, Ordering::SeqCst);
    }

    /// The day it shows.
    pub fn day(&self) -> i64 {
        self.0.load(Ordering::SeqCst).div_euclid(DAY)
    }

    /// This clock as a source of time.
    pub fn clock(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Arc::new(move || seconds.load(Ordering::SeqCst))
    }
}

/// A stopwatch started now; calling it tells how long ago that was.
#[expect(
    clippy::disallowed_methods,
    reason = "measures how long a command took; decides nothing"
)]
pub fn stopwatch() -> impl Fn() -> std::time::Duration {
    let begun = std::time::Instant::now();
    move || begun.elapsed()
}
