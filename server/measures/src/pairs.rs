//! Which follow-up belongs to which baseline.
//!
//! The rule is fixed before the data. A member's first free score is a baseline. Its follow-up is
//! the score nearest the target day within the window after it; of two equally near, the earlier.
//! The choice is made when the window has closed, never before. The next baseline is the first
//! score after the follow-up, or, when there was none, after the window: one baseline is open at a
//! time, and a score belongs to at most one pair.

pub use crate::calendar::{CalendarError, Day, Quarter};
pub use crate::facilitation::{Course, ENTRY_DAYS, Facilitation};
use crate::instrument::Window;
use std::fmt;

/// One score of one person on one measure.
#[derive(Clone, Copy, PartialEq)]
pub struct DatedScore {
    /// The day it was given.
    pub day: Day,
    /// The score, in points of the measure's scale.
    pub value: f64,
}

/// Silent: a score and its day are personal.
impl fmt::Debug for DatedScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatedScore(..)")
    }
}

/// A baseline and its follow-up.
#[derive(Clone, Copy, PartialEq)]
pub struct Pair {
    /// Position of the baseline among the scores given to [`choose`].
    pub baseline_index: usize,
    /// Position of the follow-up among the scores given to [`choose`].
    pub follow_up_index: usize,
    /// Day of the baseline.
    pub baseline_day: Day,
    /// Day of the follow-up.
    pub follow_up_day: Day,
    /// Score at the baseline.
    pub baseline: f64,
    /// Score at the follow-up.
    pub follow_up: f64,
    /// First day after the window.
    pub closes: Day,
    /// The quarter the window's last day lies in: the cell's quarter.
    pub quarter: Quarter,
    /// Whether the member was new at the baseline.
    pub course: Course,
}

impl Pair {
    /// Follow-up minus baseline, in points of the measure's scale.
    pub fn change(&self) -> f64 {
        self.follow_up - self.baseline
    }
}

/// Silent: scores and their days are personal.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair(..)")
    }
}

/// A baseline without a follow-up.
#[derive(Clone, Copy, PartialEq)]
pub struct Unpaired {
    /// Position of the baseline among the scores given to [`choose`].
    pub baseline_index: usize,
    /// Day of the baseline.
    pub baseline_day: Day,
    /// First day after the window.
    pub closes: Day,
    /// The quarter the window's last day lies in.
    pub quarter: Quarter,
    /// Whether the member was new at the baseline.
    pub course: Course,
}

/// Silent: the day of a check-in is personal.
impl fmt::Debug for Unpaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unpaired(..)")
    }
}

/// What became of a baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Followed {
    /// The window has closed and there was a follow-up.
    Paired(Pair),
    /// The window has closed without one.
    Lost(Unpaired),
    /// The window has not closed yet; at most one, and last.
    Open(Unpaired),
}

/// Follows one person's baselines on one measure.
///
/// `scores` may come in any order of days; of several on one day the one that stands first counts
/// as earlier. `first_attendance` decides the [`Course`]. `settled` is the last day an earlier
/// call has dealt with ([`settled`]); scores on it or before are not looked at. `as_of` is today:
/// a window has closed when its last day lies before it. Scores later than `as_of` are ignored.
pub fn choose(
    scores: &[DatedScore],
    window: Window,
    first_attendance: Day,
    settled: Option<Day>,
    as_of: Day,
) -> Vec<Followed> {
    let mut order: Vec<usize> = (0..scores.len())
        .filter(|&index| {
            let day = scores[index].day;
            day <= as_of && settled.is_none_or(|settled| day > settled)
        })
        .collect();
    // Stable: scores of one day stay in the order given.
    order.sort_by_key(|&index| scores[index].day);

    let mut followed = Vec::new();
    let mut rest = order.as_slice();
    while let [baseline_index, later @ ..] = rest {
        let baseline = scores[*baseline_index];
        let last_day = baseline.day.plus(i32::from(window.last_day()));
        let unpaired = Unpaired {
            baseline_index: *baseline_index,
            baseline_day: baseline.day,
            closes: last_day.plus(1),
            quarter: last_day.quarter(),
            course: Course::of(baseline.day, first_attendance),
        };
        if as_of <= last_day {
            followed.push(Followed::Open(unpaired));
            break;
        }
        let nearest = later
            .iter()
            .map(|&index| (index, scores[index].day.days_since(baseline.day)))
            .filter(|(_, after)| {
                (i32::from(window.first_day())..=i32::from(window.last_day())).contains(after)
            })
            // The first of equals wins, and they stand in order of days.
            .min_by_key(|(_, after)| (after - i32::from(window.target_day())).abs());
        let used_until = match nearest {
            Some((follow_up_index, _)) => {
                let follow_up = scores[follow_up_index];
                followed.push(Followed::Paired(Pair {
                    baseline_index: *baseline_index,
                    follow_up_index,
                    baseline_day: baseline.day,
                    follow_up_day: follow_up.day,
                    baseline: baseline.value,
                    follow_up: follow_up.value,
                    closes: unpaired.closes,
                    quarter: unpaired.quarter,
                    course: unpaired.course,
                }));
                follow_up.day
            }
            None => {
                followed.push(Followed::Lost(unpaired));
                last_day
            }
        };
        let next = later.partition_point(|&index| scores[index].day <= used_until);
        rest = &later[next..];
    }
    followed
}

/// The last day dealt with: up to it no score can become part of another pair. Keep it and give
/// it to the next call of [`choose`], which then goes on where this one stopped. `None` when no
/// window has closed yet.
pub fn settled(followed: &[Followed]) -> Option<Day> {
    followed
        .iter()
        .filter_map(|fate| match fate {
            Followed::Paired(pair) => Some(pair.follow_up_day),
            Followed::Lost(lost) => Some(lost.closes.plus(-1)),
            Followed::Open(_) => None,
        })
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: i32 = 20_465;

    fn day(after_start: i32) -> Day {
        Day::new(START + after_start).unwrap()
    }

    fn scores(days: &[i32]) -> Vec<DatedScore> {
        days.iter()
            .enumerate()
            .map(|(index, &after)| DatedScore {
                day: day(after),
                value: index as f64,
            })
            .collect()
    }

    fn follow(days: &[i32], as_of: i32) -> Vec<Followed> {
        choose(&scores(days), Window::default(), day(0), None, day(as_of))
    }

    fn pair_days(followed: &[Followed]) -> Vec<(i32, i32)> {
        followed
            .iter()
            .filter_map(|fate| match fate {
                Followed::Paired(pair) => Some((
                    pair.baseline_day.days_since(day(0)),
                    pair.follow_up_day.days_since(day(0)),
                )),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn the_follow_up_is_the_one_nearest_the_target_day() {
        assert_eq!(pair_days(&follow(&[0, 63, 85, 99, 126], 127)), [(0, 85)]);
        assert_eq!(pair_days(&follow(&[0, 62, 127], 400)), []);
    }

    #[test]
    fn of_two_equally_near_the_earlier_is_taken() {
        assert_eq!(pair_days(&follow(&[0, 101, 81], 127)), [(0, 81)]);
    }

    #[test]
    fn nothing_is_chosen_before_the_window_has_closed() {
        assert!(matches!(follow(&[0, 91], 126)[..], [Followed::Open(_)]));
        assert!(matches!(follow(&[0, 91], 127)[..], [Followed::Paired(_)]));
        assert!(matches!(follow(&[0], 127)[..], [Followed::Lost(_)]));
    }

    #[test]
    fn a_later_pair_needs_a_new_baseline() {
        // Day 91 is used up; day 100 was in the window, was not chosen, and opens the next pair.
        assert_eq!(pair_days(&follow(&[0, 91, 182], 400)), [(0, 91)]);
        assert_eq!(
            pair_days(&follow(&[0, 91, 100, 191], 400)),
            [(0, 91), (100, 191)]
        );
    }

    #[test]
    fn after_a_lost_baseline_the_next_starts_after_its_window() {
        assert_eq!(pair_days(&follow(&[0, 50, 127, 218], 400)), [(127, 218)]);
    }

    #[test]
    fn the_supplied_trial_closes_in_the_quarter_of_its_last_day() {
        let window = Window::new(59, 42, 75).unwrap();
        let baseline: Day = "2026-01-12".parse().unwrap();
        let scores = [
            ("2026-01-12", 29.0),
            ("2026-03-12", 2.0),
            ("2026-05-12", 2.0),
        ]
        .map(|(day, value)| DatedScore {
            day: day.parse().unwrap(),
            value,
        });
        let today = "2026-06-01".parse().unwrap();
        let followed = choose(&scores, window, baseline, None, today);
        let Some(Followed::Paired(pair)) = followed.first() else {
            panic!("no pair");
        };
        assert_eq!(pair.follow_up_day.to_string(), "2026-03-12");
        assert_eq!(pair.closes.to_string(), "2026-03-29");
        assert_eq!(pair.quarter.to_string(), "2026Q1");
        assert_eq!(pair.course, Course::Entry);
        assert_eq!(pair.change(), -27.0);
    }

    #[test]
    fn a_window_that_ends_with_the_quarter_belongs_to_it() {
        let window = Window::new(10, 10, 10).unwrap();
        let baseline: Day = "2026-03-21".parse().unwrap();
        let scores = [baseline, baseline.plus(10)].map(|day| DatedScore { day, value: 1.0 });
        let followed = choose(&scores, window, baseline, None, baseline.plus(11));
        let Some(Followed::Paired(pair)) = followed.first() else {
            panic!("no pair");
        };
        assert_eq!(pair.closes.to_string(), "2026-04-01");
        assert_eq!(pair.quarter.to_string(), "2026Q1");
    }

    #[test]
    fn debug_tells_neither_scores_nor_days() {
        let text = format!("{:?} {:?}", scores(&[3]), follow(&[0, 91, 95], 150));
        assert!(!text.chars().any(|c| c.is_ascii_digit()), "{text}");
    }

    proptest! {
        #[test]
        fn an_answer_is_never_in_two_pairs(
            days in proptest::collection::vec(0i32..1_200, 0..40),
            as_of in 0i32..1_400,
        ) {
            let scores = scores(&days);
            let followed = choose(&scores, Window::default(), day(0), None, day(as_of));
            let mut used = std::collections::BTreeSet::new();
            let mut last = None;
            for fate in &followed {
                match fate {
                    Followed::Paired(pair) => {
                        prop_assert!(used.insert(pair.baseline_index));
                        prop_assert!(used.insert(pair.follow_up_index));
                        prop_assert!(last.is_none_or(|last| pair.baseline_day > last));
                        prop_assert!(pair.closes <= day(as_of));
                        let gap = pair.follow_up_day.days_since(pair.baseline_day);
                        prop_assert!((63..=126).contains(&gap));
                        last = Some(pair.follow_up_day);
                    }
                    Followed::Lost(lost) => {
                        prop_assert!(lost.closes <= day(as_of));
                        prop_assert!(used.insert(lost.baseline_index));
                    }
                    Followed::Open(open) => prop_assert!(open.closes > day(as_of)),
                }
            }
        }

        #[test]
        fn what_was_settled_stays_and_a_resumed_call_goes_on_from_there(
            days in proptest::collection::vec(0i32..1_200, 0..40),
            early in 0i32..1_400,
            later in 0i32..400,
        ) {
            let scores = scores(&days);
            let window = Window::default();
            let (early, late) = (day(early), day(early).plus(later));
            let closed = |followed: Vec<Followed>| -> Vec<Followed> {
                followed.into_iter().filter(|f| !matches!(f, Followed::Open(_))).collect()
            };
            let before = closed(choose(&scores, window, day(0), None, early));
            let whole = closed(choose(&scores, window, day(0), None, late));
            prop_assert!(whole.starts_with(&before));
            let resumed = closed(choose(&scores, window, day(0), settled(&before), late));
            prop_assert_eq!([before, resumed].concat(), whole);
        }
    }
}
