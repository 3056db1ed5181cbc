//! Where a score lies, when it is asked again, and how much it usually moves.

use super::InstrumentError;
use serde::{Deserialize, Serialize};

/// Which end of a scale is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// A higher score means that the person is better.
    HigherBetter,
    /// A lower score means that the person is better.
    LowerBetter,
}

impl Direction {
    /// +1 when higher is better, otherwise −1: change times this is improvement.
    pub fn sign(self) -> f64 {
        match self {
            Self::HigherBetter => 1.0,
            Self::LowerBetter => -1.0,
        }
    }

    /// The other direction.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::HigherBetter => Self::LowerBetter,
            Self::LowerBetter => Self::HigherBetter,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ScaleForm {
    min: f64,
    max: f64,
    direction: Direction,
}

/// Lowest and highest possible score, and which end is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ScaleForm", into = "ScaleForm")]
pub struct Scale {
    min: f64,
    max: f64,
    direction: Direction,
}

impl Scale {
    /// Greatest size of either end.
    pub const LIMIT: f64 = 1_000_000.0;

    /// A scale from `min` to `max`; both finite, within ±[`LIMIT`](Self::LIMIT), `min < max`.
    pub fn new(min: f64, max: f64, direction: Direction) -> Result<Self, InstrumentError> {
        // Written so that NaN fails.
        if min >= -Self::LIMIT && max <= Self::LIMIT && min < max {
            // Adding zero turns -0 into 0, so that equal scales have equal bits.
            Ok(Self {
                min: min + 0.0,
                max: max + 0.0,
                direction,
            })
        } else {
            Err(InstrumentError::Scale)
        }
    }

    /// Lowest possible score.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// Highest possible score.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// Which end is the good one.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Highest minus lowest: the most that one person's score can differ or change.
    pub fn range(&self) -> f64 {
        self.max - self.min
    }

    /// Whether a score is possible on this scale; never for NaN.
    pub fn contains(&self, score: f64) -> bool {
        (self.min..=self.max).contains(&score)
    }
}

impl TryFrom<ScaleForm> for Scale {
    type Error = InstrumentError;

    fn try_from(form: ScaleForm) -> Result<Self, InstrumentError> {
        let ScaleForm {
            min,
            max,
            direction,
        } = form;
        Self::new(min, max, direction)
    }
}

impl From<Scale> for ScaleForm {
    fn from(scale: Scale) -> Self {
        let Scale {
            min,
            max,
            direction,
        } = scale;
        Self {
            min,
            max,
            direction,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct WindowForm {
    target_day: u16,
    first_day: u16,
    last_day: u16,
}

/// When the follow-up is due, in days after the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WindowForm", into = "WindowForm")]
pub struct Window {
    target_day: u16,
    first_day: u16,
    last_day: u16,
}

impl Window {
    /// Longest window there is, in days.
    pub const LIMIT: u16 = 3_660;

    /// A window with `1 <= first_day <= target_day <= last_day <= LIMIT`.
    pub fn new(target_day: u16, first_day: u16, last_day: u16) -> Result<Self, InstrumentError> {
        if 1 <= first_day
            && first_day <= target_day
            && target_day <= last_day
            && last_day <= Self::LIMIT
        {
            Ok(Self {
                target_day,
                first_day,
                last_day,
            })
        } else {
            Err(InstrumentError::Window)
        }
    }

    /// The day a follow-up is best, after the baseline.
    pub fn target_day(&self) -> u16 {
        self.target_day
    }

    /// First day a follow-up counts, after the baseline.
    pub fn first_day(&self) -> u16 {
        self.first_day
    }

    /// Last day a follow-up counts, after the baseline.
    pub fn last_day(&self) -> u16 {
        self.last_day
    }
}

impl Default for Window {
    /// Thirteen weeks, from nine to eighteen.
    fn default() -> Self {
        Self {
            target_day: 91,
            first_day: 63,
            last_day: 126,
        }
    }
}

impl TryFrom<WindowForm> for Window {
    type Error = InstrumentError;

    fn try_from(form: WindowForm) -> Result<Self, InstrumentError> {
        let WindowForm {
            target_day,
            first_day,
            last_day,
        } = form;
        Self::new(target_day, first_day, last_day)
    }
}

impl From<Window> for WindowForm {
    fn from(window: Window) -> Self {
        let Window {
            target_day,
            first_day,
            last_day,
        } = window;
        Self {
            target_day,
            first_day,
            last_day,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StatedSdForm {
    sd: f64,
    source: String,
}

/// A standard deviation of change that is stated, not measured here, with where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StatedSdForm", into = "StatedSdForm")]
pub struct StatedSd {
    sd: f64,
    source: String,
}

impl StatedSd {
    /// Greatest length of a source in bytes.
    pub const MAX_SOURCE: usize = 500;

    /// An SD from 0.000001 to 1000000 and a source that is not empty.
    pub fn new(sd: f64, source: impl Into<String>) -> Result<Self, InstrumentError> {
        let source = source.into();
        if (1.0 / Scale::LIMIT..=Scale::LIMIT).contains(&sd)
            && !source.trim().is_empty()
            && source.len() <= Self::MAX_SOURCE
        {
            Ok(Self { sd, source })
        } else {
            Err(InstrumentError::StatedSd)
        }
    }

    /// The standard deviation of change, in points of the scale.
    pub fn sd(&self) -> f64 {
        self.sd
    }

    /// Publication, or the words "assumed: …".
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl TryFrom<StatedSdForm> for StatedSd {
    type Error = InstrumentError;

    fn try_from(form: StatedSdForm) -> Result<Self, InstrumentError> {
        let StatedSdForm { sd, source } = form;
        Self::new(sd, source)
    }
}

impl From<StatedSd> for StatedSdForm {
    fn from(stated: StatedSd) -> Self {
        let StatedSd { sd, source } = stated;
        Self { sd, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_needs_two_ends_in_order() {
        let better = Direction::HigherBetter;
        for (min, max) in [
            (1.0, 1.0),
            (2.0, 1.0),
            (f64::NAN, 1.0),
            (0.0, f64::NAN),
            (0.0, f64::INFINITY),
        ] {
            assert_eq!(Scale::new(min, max, better), Err(InstrumentError::Scale));
        }
        let scale = Scale::new(-0.0, 24.0, better).unwrap();
        assert_eq!(scale.min().to_bits(), 0.0f64.to_bits());
        assert_eq!(scale.range(), 24.0);
        assert!(scale.contains(24.0) && !scale.contains(24.1) && !scale.contains(f64::NAN));
    }

    #[test]
    fn a_window_holds_its_target_day_and_not_the_baseline() {
        assert!(Window::new(91, 63, 126).is_ok());
        for (target, first, last) in [(62, 63, 126), (127, 63, 126), (0, 0, 10), (5, 5, 4_000)] {
            assert_eq!(
                Window::new(target, first, last),
                Err(InstrumentError::Window)
            );
        }
        assert!(
            serde_json::from_str::<Window>(r#"{"target_day":1,"first_day":2,"last_day":3}"#)
                .is_err()
        );
    }

    #[test]
    fn a_stated_sd_without_a_source_is_refused() {
        assert_eq!(StatedSd::new(9.5, "  "), Err(InstrumentError::StatedSd));
        assert_eq!(StatedSd::new(0.0, "x"), Err(InstrumentError::StatedSd));
        assert_eq!(StatedSd::new(f64::NAN, "x"), Err(InstrumentError::StatedSd));
    }
}
