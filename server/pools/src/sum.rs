//! What a round can ask: one question, as the few sums that answer it.

use krog_proto::federation::v1 as proto;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// One sum of a round. What each counts, and in which unit, stands with `krog.federation.v1.PoolSum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sum {
    /// Persons, one pair each.
    Persons,
    /// Square of a centre's persons.
    PersonsSquared,
    /// Change, bounded.
    Change,
    /// Square of the bounded change of a person.
    ChangeSquared,
    /// Square of a centre's change over its persons.
    ChangeSquaredPerPerson,
    /// Baseline above the lowest score.
    Baseline,
    /// Its square.
    BaselineSquared,
    /// Follow-up above the lowest score.
    FollowUp,
    /// Its square.
    FollowUpSquared,
    /// Baseline times follow-up.
    Product,
    /// Persons reliably better.
    Improved,
    /// Persons reliably worse.
    Deteriorated,
    /// Persons with a baseline who answered again.
    FollowedUp,
    /// Meetings attended.
    Sessions,
    /// Second rounds: a centre's weight n / (1 + n τ²).
    Weight,
    /// Second rounds: its weight times its mean improvement.
    WeightedEffect,
    /// Second rounds: its weight times the square of that.
    WeightedEffectSquared,
    /// Answers to each item.
    Items,
}

impl Sum {
    /// All sums, in the order of the wire.
    pub const ALL: [Self; 18] = [
        Self::Persons,
        Self::PersonsSquared,
        Self::Change,
        Self::ChangeSquared,
        Self::ChangeSquaredPerPerson,
        Self::Baseline,
        Self::BaselineSquared,
        Self::FollowUp,
        Self::FollowUpSquared,
        Self::Product,
        Self::Improved,
        Self::Deteriorated,
        Self::FollowedUp,
        Self::Sessions,
        Self::Weight,
        Self::WeightedEffect,
        Self::WeightedEffectSquared,
        Self::Items,
    ];

    /// Its value on the wire.
    pub const fn to_proto(self) -> proto::PoolSum {
        match self {
            Self::Persons => proto::PoolSum::Persons,
            Self::PersonsSquared => proto::PoolSum::PersonsSquared,
            Self::Change => proto::PoolSum::Change,
            Self::ChangeSquared => proto::PoolSum::ChangeSquared,
            Self::ChangeSquaredPerPerson => proto::PoolSum::ChangeSquaredPerPerson,
            Self::Baseline => proto::PoolSum::Baseline,
            Self::BaselineSquared => proto::PoolSum::BaselineSquared,
            Self::FollowUp => proto::PoolSum::FollowUp,
            Self::FollowUpSquared => proto::PoolSum::FollowUpSquared,
            Self::Product => proto::PoolSum::Product,
            Self::Improved => proto::PoolSum::Improved,
            Self::Deteriorated => proto::PoolSum::Deteriorated,
            Self::FollowedUp => proto::PoolSum::FollowedUp,
            Self::Sessions => proto::PoolSum::Sessions,
            Self::Weight => proto::PoolSum::Weight,
            Self::WeightedEffect => proto::PoolSum::WeightedEffect,
            Self::WeightedEffectSquared => proto::PoolSum::WeightedEffectSquared,
            Self::Items => proto::PoolSum::Items,
        }
    }

    /// Reads a number of the wire; `None` for one this version does not know.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|sum| i32::from(sum.to_proto()) == number)
    }

    /// Whether only a second round asks it, with τ² public.
    pub const fn is_weight(self) -> bool {
        matches!(
            self,
            Self::Weight | Self::WeightedEffect | Self::WeightedEffectSquared
        )
    }

    /// Whether it is about everybody with a baseline, whether or not they answered again.
    pub const fn is_retention(self) -> bool {
        matches!(self, Self::FollowedUp | Self::Sessions)
    }

    /// The words for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::PersonsSquared => "persons squared",
            Self::Change => "change",
            Self::ChangeSquared => "change squared",
            Self::ChangeSquaredPerPerson => "centre's change squared per person",
            Self::Baseline => "baseline",
            Self::BaselineSquared => "baseline squared",
            Self::FollowUp => "follow-up",
            Self::FollowUpSquared => "follow-up squared",
            Self::Product => "baseline times follow-up",
            Self::Improved => "reliably improved",
            Self::Deteriorated => "reliably worse",
            Self::FollowedUp => "followed up",
            Self::Sessions => "meetings attended",
            Self::Weight => "weight",
            Self::WeightedEffect => "weighted improvement",
            Self::WeightedEffectSquared => "weighted improvement squared",
            Self::Items => "answers to each item",
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A question with a name: the few sums that answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// How much people changed: two sums, the most precise question a small pool can be asked.
    Change,
    /// That, and how much centres differ: for large pools, or networks without noise.
    Spread,
    /// Where people started, how they changed and how much that varies.
    Levels,
    /// How many changed reliably, for better and for worse.
    Reliable,
    /// How many were asked again, and how often people came.
    Retention,
    /// What people answered to each item at follow-up: for large pools.
    Items,
    /// Everything about pairs at once: for very large pools, or networks without noise.
    Full,
    /// A second round: the weights of the synthesis, with τ² public.
    Weights,
}

/// Text that names no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "unknown question; write change, spread, levels, reliable, retention, items, full or weights"
)]
pub struct UnknownQuestion;

impl Question {
    /// All questions.
    pub const ALL: [Self; 8] = [
        Self::Change,
        Self::Spread,
        Self::Levels,
        Self::Reliable,
        Self::Retention,
        Self::Items,
        Self::Full,
        Self::Weights,
    ];

    /// The sums that answer it, in the order of the wire.
    pub const fn sums(self) -> &'static [Sum] {
        match self {
            Self::Change => &[Sum::Persons, Sum::Change],
            Self::Spread => &[
                Sum::Persons,
                Sum::PersonsSquared,
                Sum::Change,
                Sum::ChangeSquaredPerPerson,
            ],
            Self::Levels => &[Sum::Persons, Sum::Change, Sum::ChangeSquared, Sum::Baseline],
            Self::Reliable => &[Sum::Persons, Sum::Improved, Sum::Deteriorated],
            Self::Retention => &[Sum::Persons, Sum::FollowedUp, Sum::Sessions],
            Self::Items => &[Sum::Persons, Sum::Items],
            Self::Full => &[
                Sum::Persons,
                Sum::PersonsSquared,
                Sum::Change,
                Sum::ChangeSquared,
                Sum::ChangeSquaredPerPerson,
                Sum::Baseline,
                Sum::BaselineSquared,
                Sum::FollowUp,
                Sum::FollowUpSquared,
                Sum::Product,
                Sum::Improved,
                Sum::Deteriorated,
            ],
            Self::Weights => &[Sum::Weight, Sum::WeightedEffect, Sum::WeightedEffectSquared],
        }
    }

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Spread => "spread",
            Self::Levels => "levels",
            Self::Reliable => "reliable",
            Self::Retention => "retention",
            Self::Items => "items",
            Self::Full => "full",
            Self::Weights => "weights",
        }
    }
}

impl FromStr for Question {
    type Err = UnknownQuestion;

    fn from_str(text: &str) -> Result<Self, UnknownQuestion> {
        Self::ALL
            .into_iter()
            .find(|question| question.as_str() == text)
            .ok_or(UnknownQuestion)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
