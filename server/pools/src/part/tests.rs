use super::*;
use crate::sum::Question;
use crate::testing::{answered, measure, people, round};
use proptest::prelude::*;

fn person(baseline: f64, follow_up: f64) -> Answered {
    Answered {
        baseline,
        follow_up: Some(follow_up),
        items: vec![Some(4), Some(1)],
        sessions: 30,
    }
}

#[test]
fn the_sums_are_what_one_would_reckon_by_hand() {
    let persons = [person(20.0, 14.0), person(10.0, 11.0), person(24.0, 0.0)];
    let sums = |question| sums_of(&round(question), &measure(), &persons).unwrap();
    // The third person's change of 24 counts as the bound, 13.5.
    assert_eq!(sums(Question::Change), [3, -600 + 100 - 1_350]);
    assert_eq!(sums(Question::Levels)[3], 5_400);
    // A lower score is better; 5 points are reliable.
    assert_eq!(sums(Question::Reliable), [3, 2, 0]);
    assert_eq!(sums(Question::Retention), [3, 3, 78]);
    assert_eq!(sums(Question::Items), [3, 12, 0]);
    let weights = sums(Question::Weights);
    let w = 3.0 / (1.0 + 3.0 * 0.04);
    let mean = 18.5 / 3.0 / 4.5;
    assert_eq!(weights[0], (100.0_f64 * w).round() as i64);
    assert_eq!(weights[1], (100.0 * w * mean).round() as i64);
    assert_eq!(weights[2], (100.0 * w * mean * mean).round() as i64);
}

#[test]
fn a_part_of_too_few_or_too_many_persons_is_none() {
    let many = vec![person(3.0, 4.0); 41];
    assert!(sums_of(&round(Question::Change), &measure(), &many[..2]).is_err());
    assert!(sums_of(&round(Question::Change), &measure(), &many).is_err());
    assert!(sums_of(&round(Question::Change), &measure(), &many[..40]).is_ok());
}

#[test]
fn who_was_not_asked_again_counts_only_where_retention_is_asked() {
    let lost = Answered {
        follow_up: None,
        ..person(3.0, 0.0)
    };
    assert!(!lost.counts_in(&round(Question::Change)));
    assert!(lost.counts_in(&round(Question::Retention)));
    let declined = Answered {
        items: vec![Some(1), None],
        ..person(3.0, 4.0)
    };
    assert!(declined.counts_in(&round(Question::Change)));
    assert!(
        !declined.counts_in(&round(Question::Items)),
        "declined is not zero"
    );
    assert_eq!(format!("{declined:?}"), "Answered(..)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// What the privacy cost rests on.
    #[test]
    fn one_person_more_or_less_moves_no_sum_further_than_its_sensitivity(
        persons in people(3..40),
        one in answered(),
    ) {
        for question in Question::ALL {
            let round = round(question);
            let counted: Vec<Answered> =
                persons.iter().filter(|p| p.counts_in(&round)).cloned().collect();
            if counted.len() < 3 || !one.counts_in(&round) {
                continue;
            }
            let layout = Layout::of(&round, &measure());
            let without = sums_of(&round, &measure(), &counted).unwrap();
            let with = sums_of(&round, &measure(), &[counted, vec![one.clone()]].concat()).unwrap();
            for ((coordinate, a), b) in layout.coordinates().iter().zip(without).zip(with) {
                prop_assert!((a - b).abs() <= coordinate.sensitivity, "{question} {coordinate:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn every_part_of_scores_on_the_scale_fits_its_round(persons in people(3..41)) {
        for question in Question::ALL {
            let round = round(question);
            let counted: Vec<Answered> =
                persons.iter().filter(|p| p.counts_in(&round)).cloned().collect();
            if counted.len() >= 3 {
                prop_assert!(sums_of(&round, &measure(), &counted).is_ok(), "{question}");
            }
        }
    }
}

/// The worst cases of the sums that are not sums over persons, which chance seldom draws.
#[test]
fn the_sensitivity_holds_at_the_extremes_too() {
    for question in [Question::Spread, Question::Weights, Question::Full] {
        let round = round(question);
        let layout = Layout::of(&round, &measure());
        for n in 3..40 {
            for (change, last) in [(24.0, 0.0), (0.0, 24.0), (24.0, 24.0), (12.0, 24.0)] {
                let same = vec![person(change, 24.0 - change); n];
                let mut more = same.clone();
                more.push(person(last, 24.0 - last));
                let without = sums_of(&round, &measure(), &same).unwrap();
                let with = sums_of(&round, &measure(), &more).unwrap();
                for ((c, a), b) in layout.coordinates().iter().zip(without).zip(with) {
                    assert!((a - b).abs() <= c.sensitivity, "{n} {c:?}: {a} {b}");
                }
            }
        }
    }
}
