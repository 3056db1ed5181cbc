//! A total-only measure in one line, as given on a command line.
//!
//! ```text
//! bdi-ii,0..63,lower,day=59,window=42..75,sd=9.5,source=Where the SD comes from, 2003
//! ```
//!
//! Name, ends and direction come first, in this order. `day` (target day after the baseline) and
//! `window` (first and last day) default to 91 and 63..126. `sd` needs a `source`, which comes
//! last and may hold commas.

use super::{Direction, InstrumentError, Measure, MeasureCode, Scale, StatedSd, Window};
use std::str::FromStr;
use thiserror::Error;

/// Why a line is no measure.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InlineError {
    /// Name, ends or direction is not there.
    #[error(
        "a measure is written NAME,LOW..HIGH,lower|higher[,day=N][,window=N..N][,sd=X,source=TEXT], for example bdi-ii,0..63,lower,day=59,window=42..75; {missing} is missing"
    )]
    Missing {
        /// The part that is not there.
        missing: &'static str,
    },
    /// The ends or a window are not two numbers with two dots between.
    #[error("{part} must be two numbers with two dots between, for example {example}")]
    NotARange {
        /// The part that was read.
        part: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// The third part is neither `lower` nor `higher`.
    #[error("the third part must be lower (a lower score is better) or higher")]
    Direction,
    /// A number could not be read.
    #[error("{key} must be a number")]
    NotANumber {
        /// Which one.
        key: &'static str,
    },
    /// A part that has no meaning here.
    #[error(
        "part {position} is not known; after the direction come day=, window=, sd= and, last, source="
    )]
    Unknown {
        /// Counted from 1.
        position: usize,
    },
    /// A part given twice.
    #[error("{key}= is given twice")]
    Twice {
        /// Which one.
        key: &'static str,
    },
    /// One of `sd` and `source` without the other.
    #[error("sd= and source= belong together: a stated SD says where it comes from")]
    SdAndSource,
    /// The parts can be read, but their values are not possible.
    #[error(transparent)]
    Value(#[from] InstrumentError),
}

fn once<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), InlineError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(InlineError::Twice { key }),
    }
}

impl FromStr for Measure {
    type Err = InlineError;

    fn from_str(text: &str) -> Result<Self, InlineError> {
        let (head, source) = match text.split_once(",source=") {
            Some((head, source)) => (head, Some(source)),
            None => (text, None),
        };
        let mut parts = head.split(',').map(str::trim).enumerate();
        let mut next = |missing| match parts.next() {
            Some((_, part)) if !part.is_empty() => Ok(part),
            _ => Err(InlineError::Missing { missing }),
        };
        let code = MeasureCode::try_from(next("the name")?)?;
        let ends = next("the range, LOW..HIGH,")?;
        let direction = match next("the direction, lower or higher,")? {
            "lower" => Direction::LowerBetter,
            "higher" => Direction::HigherBetter,
            _ => return Err(InlineError::Direction),
        };
        let (low, high) = ends.split_once("..").ok_or(InlineError::NotARange {
            part: "the range",
            example: "0..63",
        })?;
        let number = |text: &str, key| {
            text.trim()
                .parse::<f64>()
                .map_err(|_| InlineError::NotANumber { key })
        };
        let days = |text: &str, key| {
            text.trim()
                .parse::<u16>()
                .map_err(|_| InlineError::NotANumber { key })
        };
        let scale = Scale::new(
            number(low, "the low end")?,
            number(high, "the high end")?,
            direction,
        )?;
        let (mut day, mut window, mut sd) = (None, None, None);
        for (index, part) in parts {
            match part.split_once('=') {
                Some(("day", value)) => once(&mut day, "day", days(value, "day")?)?,
                Some(("window", value)) => {
                    let (first, last) = value.split_once("..").ok_or(InlineError::NotARange {
                        part: "window",
                        example: "window=42..75",
                    })?;
                    let ends = (days(first, "window")?, days(last, "window")?);
                    once(&mut window, "window", ends)?;
                }
                Some(("sd", value)) => once(&mut sd, "sd", number(value, "sd")?)?,
                _ => {
                    return Err(InlineError::Unknown {
                        position: index + 1,
                    });
                }
            }
        }
        let usual = Window::default();
        let (first, last) = window.unwrap_or((usual.first_day(), usual.last_day()));
        let window = Window::new(day.unwrap_or(usual.target_day()), first, last)?;
        let stated = match (sd, source) {
            (Some(sd), Some(source)) => Some(StatedSd::new(sd, source.trim())?),
            (None, None) => None,
            _ => return Err(InlineError::SdAndSource),
        };
        Ok(Self::total_only(code, scale, window, stated))
    }
}

impl Measure {
    /// This measure in one line, read back by `str::parse` as a total-only measure.
    pub fn to_inline(&self) -> String {
        let direction = match self.scale.direction() {
            Direction::LowerBetter => "lower",
            Direction::HigherBetter => "higher",
        };
        let mut line = format!(
            "{},{}..{},{direction},day={},window={}..{}",
            self.code,
            self.scale.min(),
            self.scale.max(),
            self.window.target_day(),
            self.window.first_day(),
            self.window.last_day(),
        );
        if let Some(stated) = &self.reference_change_sd {
            line.push_str(&format!(",sd={},source={}", stated.sd(), stated.source()));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIAL: &str = "bdi-ii,0..63,lower,day=59,window=42..75";

    #[test]
    fn the_trial_measure_is_read() {
        let measure: Measure = TRIAL.parse().unwrap();
        assert_eq!(measure.code.as_str(), "bdi-ii");
        assert_eq!(
            measure.scale,
            Scale::new(0.0, 63.0, Direction::LowerBetter).unwrap()
        );
        assert_eq!(measure.window, Window::new(59, 42, 75).unwrap());
        assert_eq!(measure.reference_change_sd, None);
        assert_eq!(measure.to_inline(), TRIAL);
    }

    #[test]
    fn a_source_may_hold_commas_and_the_line_reads_back() {
        let line = format!("{TRIAL},sd=9.5,source=Somebody, 2003, table 2");
        let measure: Measure = line.parse().unwrap();
        assert_eq!(
            measure.reference_change_sd,
            Some(StatedSd::new(9.5, "Somebody, 2003, table 2").unwrap())
        );
        assert_eq!(measure.to_inline(), line);
    }

    #[test]
    fn day_and_window_have_defaults() {
        let measure: Measure = "x, -3..3 , higher".parse().unwrap();
        assert_eq!(measure.window, Window::default());
        assert_eq!(measure.scale.min(), -3.0);
    }

    #[test]
    fn every_fault_is_named() {
        let refused = |line: &str| line.parse::<Measure>().unwrap_err();
        assert!(matches!(refused(""), InlineError::Missing { .. }));
        assert!(matches!(refused("x,0..1"), InlineError::Missing { .. }));
        assert_eq!(
            refused("X,0..1,lower"),
            InlineError::Value(InstrumentError::Code)
        );
        assert!(matches!(
            refused("x,0-1,lower"),
            InlineError::NotARange { .. }
        ));
        assert_eq!(refused("x,0..1,down"), InlineError::Direction);
        assert_eq!(
            refused("x,1..0,lower"),
            InlineError::Value(InstrumentError::Scale)
        );
        assert_eq!(
            refused("x,0..NaN,lower"),
            InlineError::Value(InstrumentError::Scale)
        );
        assert_eq!(
            refused("x,0..1,lower,day=a"),
            InlineError::NotANumber { key: "day" }
        );
        assert_eq!(
            refused("x,0..1,lower,day=10"),
            InlineError::Value(InstrumentError::Window)
        );
        assert_eq!(
            refused("x,0..1,lower,hue=1"),
            InlineError::Unknown { position: 4 }
        );
        assert_eq!(
            refused("x,0..1,lower,day=80,day=81"),
            InlineError::Twice { key: "day" }
        );
        assert_eq!(refused("x,0..1,lower,sd=1"), InlineError::SdAndSource);
        assert_eq!(refused("x,0..1,lower,source=b"), InlineError::SdAndSource);
        assert_eq!(
            refused("x,0..1,lower,sd=0,source=b"),
            InlineError::Value(InstrumentError::StatedSd)
        );
    }
}
