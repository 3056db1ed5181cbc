//! Who leads a group, and how long a member had been coming when first asked.

use crate::calendar::Day;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Who leads a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Facilitation {
    /// A person paid for it.
    Professional,
    /// A member of the group.
    Peer,
    /// Both together.
    CoLed,
}

impl Facilitation {
    /// All facilitations, in their fixed order.
    pub const ALL: [Self; 3] = [Self::Professional, Self::Peer, Self::CoLed];

    /// The word used in files and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Professional => "professional",
            Self::Peer => "peer",
            Self::CoLed => "co-led",
        }
    }
}

/// The text names no facilitation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown facilitation; write one of professional, peer, co-led")]
pub struct UnknownFacilitation;

impl FromStr for Facilitation {
    type Err = UnknownFacilitation;

    fn from_str(text: &str) -> Result<Self, UnknownFacilitation> {
        Self::ALL
            .into_iter()
            .find(|facilitation| facilitation.as_str() == text)
            .ok_or(UnknownFacilitation)
    }
}

impl fmt::Display for Facilitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a pair began when its member was new to the group.
///
/// The two are never in one cell: who has come for years has less left to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// Baseline at most [`ENTRY_DAYS`] days from the first attendance.
    Entry,
    /// Baseline later than that.
    Continuing,
}

/// How many days before or after the first attendance a baseline counts as [`Course::Entry`].
pub const ENTRY_DAYS: i32 = 28;

impl Course {
    /// Both courses, in their fixed order.
    pub const ALL: [Self; 2] = [Self::Entry, Self::Continuing];

    /// The course of a baseline, from the member's first attendance.
    pub fn of(baseline: Day, first_attendance: Day) -> Self {
        if baseline.days_since(first_attendance).abs() <= ENTRY_DAYS {
            Self::Entry
        } else {
            Self::Continuing
        }
    }

    /// The word used in files and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Continuing => "continuing",
        }
    }
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no course.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown course; write one of entry, continuing")]
pub struct UnknownCourse;

impl FromStr for Course {
    type Err = UnknownCourse;

    fn from_str(text: &str) -> Result<Self, UnknownCourse> {
        Self::ALL
            .into_iter()
            .find(|course| course.as_str() == text)
            .ok_or(UnknownCourse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for facilitation in Facilitation::ALL {
            assert_eq!(facilitation.to_string().parse(), Ok(facilitation));
            assert_eq!(
                serde_json::to_string(&facilitation).unwrap(),
                format!("\"{facilitation}\"")
            );
        }
        for course in Course::ALL {
            assert_eq!(course.to_string().parse(), Ok(course));
        }
        assert!("Peer".parse::<Facilitation>().is_err());
        assert!("".parse::<Course>().is_err());
    }

    #[test]
    fn a_baseline_counts_as_entry_up_to_28_days_from_the_first_attendance() {
        let first = Day::new(20_000).unwrap();
        assert_eq!(Course::of(first.plus(28), first), Course::Entry);
        assert_eq!(Course::of(first.plus(-28), first), Course::Entry);
        assert_eq!(Course::of(first.plus(29), first), Course::Continuing);
    }
}
