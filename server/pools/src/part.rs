//! A centre's part: its persons' answers made into the sums of a round.

use crate::layout::{Layout, MAX_SESSIONS, OutOfBounds};
use crate::policy::FLOOR_PART;
use crate::round::Round;
use crate::sum::Sum;
use krog_measures::{Direction, Measure};
use std::fmt;

/// What one person brings into a round.
#[derive(Clone, PartialEq)]
pub struct Answered {
    /// First score.
    pub baseline: f64,
    /// Second score; `None`: not asked again, or not answered.
    pub follow_up: Option<f64>,
    /// Answers to the round's items at follow-up, in the round's order; one that is missing keeps the person out of a
    /// round that asks items.
    pub items: Vec<Option<i32>>,
    /// Meetings attended between the baseline and the end of its window.
    pub sessions: u32,
}

/// Silent: answers are personal.
impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answered(..)")
    }
}

impl Answered {
    /// Whether a round counts this person.
    pub fn counts_in(&self, round: &Round) -> bool {
        if round.counts_baselines() {
            return true;
        }
        let answered = |at: usize| self.items.get(at).copied().flatten().is_some();
        self.follow_up.is_some()
            && (!round.asks(Sum::Items) || (0..round.items.len()).all(answered))
    }
}

/// The sums of one centre in their units, one for each element of the layout.
///
/// Counts every person given: who is not to be counted is left out before, by [`Answered::counts_in`] among others.
pub fn sums_of(
    round: &Round,
    measure: &Measure,
    persons: &[Answered],
) -> Result<Vec<i64>, OutOfBounds> {
    let n = persons.len() as i64;
    if n < i64::from(FLOOR_PART) || n > i64::from(round.persons_per_centre) {
        return Err(OutOfBounds(Sum::Persons));
    }
    let layout = Layout::of(round, measure);
    let hundredths = |points: f64| (points * 100.0).round() as i64;
    let lowest = measure.scale.min();
    let bound = i64::from(round.change_bound_hundredths);
    let change = |person: &Answered| {
        let follow_up = person.follow_up.unwrap_or(person.baseline);
        hundredths(follow_up - person.baseline).clamp(-bound, bound)
    };
    let total_change: i64 = persons.iter().map(change).sum();
    let square = |value: f64, of: f64| (100.0 * (value / of).powi(2)).round() as i64;
    let range = measure.scale.range();
    let above = |score: f64| (score - lowest).clamp(0.0, range);
    let follow_up = |person: &Answered| person.follow_up.map_or(0.0, above);
    let sum = |of: &dyn Fn(&Answered) -> i64| persons.iter().map(of).sum::<i64>();
    let sign = match measure.scale.direction() {
        Direction::HigherBetter => 1,
        Direction::LowerBetter => -1,
    };
    let reliable = i64::from(round.reliable_change_hundredths);
    let improvement = |person: &Answered| {
        let points = person
            .follow_up
            .map_or(0.0, |score| score - person.baseline);
        sign * hundredths(points)
    };
    // Of the whole centre, for second rounds.
    let people = n as f64;
    let weight = people / (1.0 + people * round.tau2());
    let mean = (sign * total_change) as f64 / 100.0 / people / round.unit_sd();
    let in_bounds = |at: usize, value: f64| {
        let coordinate = &layout.coordinates()[at];
        ((100.0 * value).round() as i64).clamp(coordinate.low, coordinate.high)
    };
    let sums = layout
        .coordinates()
        .iter()
        .enumerate()
        .map(|(at, coordinate)| match coordinate.sum {
            Sum::Persons => n,
            Sum::PersonsSquared => n * n,
            Sum::Change => total_change,
            Sum::ChangeSquared => sum(&|person| square(change(person) as f64, bound as f64)),
            Sum::ChangeSquaredPerPerson => {
                (100.0 * (total_change as f64 / bound as f64).powi(2) / people).round() as i64
            }
            Sum::Baseline => sum(&|person| hundredths(above(person.baseline))),
            Sum::BaselineSquared => sum(&|person| square(above(person.baseline), range)),
            Sum::FollowUp => sum(&|person| hundredths(follow_up(person))),
            Sum::FollowUpSquared => sum(&|person| square(follow_up(person), range)),
            Sum::Product => sum(&|person| {
                (100.0 * above(person.baseline) * follow_up(person) / range / range).round() as i64
            }),
            Sum::Improved => sum(&|person| i64::from(improvement(person) >= reliable)),
            Sum::Deteriorated => sum(&|person| i64::from(improvement(person) <= -reliable)),
            Sum::FollowedUp => sum(&|person| i64::from(person.follow_up.is_some())),
            Sum::Sessions => sum(&|person| i64::from(person.sessions.min(MAX_SESSIONS))),
            Sum::Weight => in_bounds(at, weight),
            Sum::WeightedEffect => in_bounds(at, weight * mean),
            Sum::WeightedEffectSquared => in_bounds(at, weight * mean * mean),
            Sum::Items => {
                let item = coordinate
                    .item
                    .and_then(|at| Some((at, round.items.get(at)?)));
                sum(&|person| {
                    item.and_then(|(at, item)| {
                        let answer = person.items.get(at).copied().flatten()?;
                        Some(i64::from(
                            answer.clamp(item.lowest, item.highest) - item.lowest,
                        ))
                    })
                    .unwrap_or_default()
                })
            }
        })
        .collect::<Vec<_>>();
    // What is out of bounds now is a score outside its scale.
    layout.encode_units(&sums)?;
    Ok(sums)
}

#[cfg(test)]
mod tests;
