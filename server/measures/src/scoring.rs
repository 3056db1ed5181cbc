//! Answers in, a score or the reason for its absence out.

use crate::instrument::{Instrument, ItemId, MeasureCode, Scoring};
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

/// What was answered to one item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The value of the choice taken.
    Value(i32),
    /// Asked, and declined on purpose. Counts as missing, never as zero.
    Declined,
    /// Not answered.
    Missing,
}

/// Silent: an answer is personal, and so is having declined.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(..)")
    }
}

/// One filled questionnaire, keyed by item. Items not named in it are missing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answers(BTreeMap<ItemId, Answer>);

impl Answers {
    /// No answer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts down an answer; returns the one it replaces.
    pub fn insert(&mut self, item: ItemId, answer: Answer) -> Option<Answer> {
        self.0.insert(item, answer)
    }

    /// The answer to an item; [`Answer::Missing`] when there is none.
    pub fn answer(&self, item: &ItemId) -> Answer {
        self.0.get(item).copied().unwrap_or(Answer::Missing)
    }

    /// Items and answers, by rising item id.
    pub fn iter(&self) -> impl Iterator<Item = (&ItemId, Answer)> {
        self.0.iter().map(|(item, answer)| (item, *answer))
    }
}

impl FromIterator<(ItemId, Answer)> for Answers {
    fn from_iter<I: IntoIterator<Item = (ItemId, Answer)>>(answers: I) -> Self {
        Self(answers.into_iter().collect())
    }
}

/// Silent: answers are personal.
impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers(..)")
    }
}

/// The scores of one filled questionnaire, at least one.
#[derive(Clone, PartialEq)]
pub struct Score {
    values: Vec<(MeasureCode, f64)>,
}

impl Score {
    /// Every measure that could be scored, with its score, in the order of the instrument.
    pub fn values(&self) -> &[(MeasureCode, f64)] {
        &self.values
    }

    /// The score on one measure; absent when its item was not answered.
    pub fn value(&self, measure: &MeasureCode) -> Option<f64> {
        self.values
            .iter()
            .find(|(code, _)| code == measure)
            .map(|(_, value)| *value)
    }
}

/// Silent: a score is personal.
impl fmt::Debug for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Score(..)")
    }
}

/// Why there is no score. Absent is not zero.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotScored {
    /// An answer names an item the instrument does not have.
    #[error("the instrument has no item {item}; use the form this instrument came with")]
    UnknownItem {
        /// The name that was given.
        item: ItemId,
    },
    /// An answer is none of the choices.
    #[error("the answer to item {item} is none of its choices; enter it again")]
    NotAChoice {
        /// The item answered.
        item: ItemId,
    },
    /// Too few items were answered for a score.
    #[error("too few items are answered for a score: at least {needed} are needed")]
    TooFewAnswered {
        /// Fewest answered items that give a score.
        needed: u16,
    },
}

/// Scores a filled questionnaire.
///
/// Reverse items count from the other end of the choices. Declined and missing items are left
/// out; with fewer than the instrument's `min_answered` there is no score. A prorated sum is
/// sum / answered × items, not rounded.
pub fn score(instrument: &Instrument, answers: &Answers) -> Result<Score, NotScored> {
    if let Some((item, _)) = answers
        .iter()
        .find(|(id, _)| !instrument.items.iter().any(|item| item.id == **id))
    {
        return Err(NotScored::UnknownItem { item: item.clone() });
    }
    let mut answered = Vec::with_capacity(instrument.items.len());
    for (position, item) in instrument.items.iter().enumerate() {
        match answers.answer(&item.id) {
            Answer::Value(value) => {
                if !instrument
                    .options
                    .iter()
                    .any(|choice| choice.value == value)
                {
                    return Err(NotScored::NotAChoice {
                        item: item.id.clone(),
                    });
                }
                answered.push((position, item.reverse, value));
            }
            Answer::Declined | Answer::Missing => {}
        }
    }
    if answered.len() < usize::from(instrument.min_answered) {
        return Err(NotScored::TooFewAnswered {
            needed: instrument.min_answered,
        });
    }
    let (lowest, highest) = instrument.value_bounds();
    // Choices lie within ±10000 and items are at most 200, so no sum can overflow.
    let sum: i32 = answered
        .iter()
        .map(|&(_, reverse, value)| {
            if reverse {
                lowest + highest - value
            } else {
                value
            }
        })
        .sum();
    let count = answered.len() as f64;
    let total = |value: f64| vec![(instrument.code.clone(), value)];
    let values = match instrument.scoring {
        Scoring::Sum if answered.len() == instrument.items.len() => total(f64::from(sum)),
        Scoring::Sum => total(f64::from(sum) * instrument.items.len() as f64 / count),
        Scoring::Mean => total(f64::from(sum) / count),
        Scoring::PerItem => answered
            .iter()
            .filter_map(|&(position, _, value)| {
                let measure = instrument.measures().get(position)?;
                Some((measure.code.clone(), f64::from(value)))
            })
            .collect(),
    };
    Ok(Score { values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::instrument::{Direction, InstrumentForm, Scale};
    use proptest::prelude::*;

    fn instrument(code: &str) -> &'static Instrument {
        builtin::lookup(&MeasureCode::try_from(code).unwrap()).unwrap()
    }

    fn answers(instrument: &Instrument, answers: &[Answer]) -> Answers {
        (instrument.items.iter().map(|item| item.id.clone()))
            .zip(answers.iter().copied())
            .collect()
    }

    fn only(score: &Score) -> f64 {
        assert_eq!(score.values().len(), 1);
        score.values()[0].1
    }

    fn reversed_k6() -> Instrument {
        let mut form = InstrumentForm::from(instrument("k6").clone());
        form.items[0].reverse = true;
        Instrument::try_from(form).unwrap()
    }

    #[test]
    fn a_sum_adds_values_by_item_id_whatever_their_order() {
        let k6 = instrument("k6");
        let mut given: Vec<_> = k6
            .items
            .iter()
            .map(|item| item.id.clone())
            .zip(0..)
            .collect();
        given.reverse();
        let answers = given
            .into_iter()
            .map(|(id, index)| (id, Answer::Value(index % 5)))
            .collect();
        assert_eq!(only(&score(k6, &answers).unwrap()), 10.0);
    }

    #[test]
    fn a_reverse_item_counts_from_the_other_end() {
        let k6 = reversed_k6();
        let all_zero = answers(&k6, &[Answer::Value(0); 6]);
        assert_eq!(only(&score(&k6, &all_zero).unwrap()), 4.0);
    }

    #[test]
    fn a_reverse_item_turns_within_its_own_choices() {
        let mut form = InstrumentForm::from(reversed_k6());
        for choice in &mut form.options {
            choice.value += 1;
        }
        form.scale = Scale::new(6.0, 30.0, Direction::LowerBetter).unwrap();
        let k6 = Instrument::try_from(form).unwrap();
        let all_one = answers(&k6, &[Answer::Value(1); 6]);
        assert_eq!(only(&score(&k6, &all_one).unwrap()), 10.0);
    }

    #[test]
    fn too_few_answers_give_no_score_and_never_zero() {
        let k6 = instrument("k6");
        let mut given = [Answer::Value(0); 6];
        for gap in [Answer::Missing, Answer::Declined] {
            given[3] = gap;
            assert_eq!(
                score(k6, &answers(k6, &given)),
                Err(NotScored::TooFewAnswered { needed: 6 })
            );
        }
        assert!(score(k6, &Answers::new()).is_err());
    }

    #[test]
    fn a_prorated_sum_is_scaled_up_and_not_rounded() {
        let scale = instrument("group-experience");
        let mut given = [Answer::Value(3); 12];
        given[0] = Answer::Declined;
        given[1] = Answer::Value(4);
        let found = only(&score(scale, &answers(scale, &given)).unwrap());
        assert_eq!(found, 34.0 * 12.0 / 11.0);
        given[2] = Answer::Missing;
        assert!(score(scale, &answers(scale, &given)).is_ok());
        given[3] = Answer::Missing;
        assert_eq!(
            score(scale, &answers(scale, &given)),
            Err(NotScored::TooFewAnswered { needed: 10 })
        );
    }

    #[test]
    fn single_items_give_a_score_each_and_anxiety_is_not_turned() {
        let ons4 = instrument("ons4");
        let given = [
            Answer::Value(7),
            Answer::Declined,
            Answer::Value(0),
            Answer::Value(9),
        ];
        let found = score(ons4, &answers(ons4, &given)).unwrap();
        let value = |code: &str| found.value(&MeasureCode::try_from(code).unwrap());
        assert_eq!(value("ons4.satisfied"), Some(7.0));
        assert_eq!(value("ons4.worthwhile"), None);
        assert_eq!(value("ons4.happy"), Some(0.0));
        assert_eq!(value("ons4.anxious"), Some(9.0));
        assert_eq!(found.values().len(), 3);
    }

    #[test]
    fn an_answer_that_is_no_choice_is_refused() {
        let k6 = instrument("k6");
        for value in [-1, 5, i32::MIN, i32::MAX] {
            let mut given = [Answer::Value(1); 6];
            given[5] = Answer::Value(value);
            assert!(matches!(
                score(k6, &answers(k6, &given)),
                Err(NotScored::NotAChoice { item }) if item.as_str() == "worthless"
            ));
        }
    }

    #[test]
    fn an_unknown_item_is_refused() {
        let k6 = instrument("k6");
        let mut given = answers(k6, &[Answer::Value(1); 6]);
        given.insert(ItemId::try_from("happy").unwrap(), Answer::Missing);
        assert!(matches!(
            score(k6, &given),
            Err(NotScored::UnknownItem { .. })
        ));
    }

    #[test]
    fn debug_and_errors_tell_no_answer() {
        let k6 = instrument("k6");
        let given = answers(k6, &[Answer::Value(4), Answer::Value(9)]);
        let text = format!(
            "{given:?} {:?} {:?} {}",
            Answer::Declined,
            score(k6, &answers(k6, &[Answer::Value(4); 6])),
            score(k6, &given).unwrap_err()
        );
        assert!(
            !text.contains('4') && !text.contains('9') && !text.contains("Declined"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn a_score_lies_on_its_scale(
            which in 0usize..3,
            given in proptest::collection::vec(proptest::option::of(0i32..=10), 12),
            reverse in proptest::collection::vec(any::<bool>(), 12),
        ) {
            let mut form = InstrumentForm::from(builtin::all()[which].clone());
            for (item, reverse) in form.items.iter_mut().zip(reverse) {
                item.reverse = reverse;
            }
            let instrument = Instrument::try_from(form).unwrap();
            let given: Vec<_> = given
                .into_iter()
                .map(|value| value.map_or(Answer::Missing, Answer::Value))
                .collect();
            if let Ok(score) = score(&instrument, &answers(&instrument, &given)) {
                prop_assert!(!score.values().is_empty());
                for (code, value) in score.values() {
                    let measure = instrument.measure(code).unwrap();
                    prop_assert!(measure.scale.contains(*value));
                }
            }
        }
    }
}
