//! Random centres over random years: what holds in every one of them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bench;

use bench::*;
use krog_disclosure::{BatchParts, CellKey, PairId, PublicStatus, WaitingPair, clear, form};
use krog_measures::{Course, Facilitation, Quarter};
use krog_proto::federation::v1 as wire;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const MEASURES: [(&str, f64); 5] = [
    ("k6", 24.0),
    ("ons4.happy", 10.0),
    ("ons4.anxious", 10.0),
    ("rating", 4.0),
    ("yes-no", 1.0),
];

/// A check-in's worth of a pair, without its identity.
type Sketch = ((usize, usize, usize, bool), (usize, f64, f64), (bool, bool));

fn sketch() -> impl Strategy<Value = Sketch> {
    (
        // Person, measure, facilitation, continuing.
        (
            0usize..60,
            0usize..MEASURES.len(),
            0usize..2,
            prop::bool::weighted(0.1),
        ),
        // Quarter it closes in, and where on the scale the answers lie.
        (0usize..8, 0.0..=1.0, 0.0..=1.0),
        (prop::bool::weighted(0.9), prop::bool::weighted(0.9)),
    )
}

fn start() -> Quarter {
    quarter("2024Q1")
}

fn later(quarter: Quarter, by: usize) -> Quarter {
    (0..by).fold(quarter, |quarter, _| quarter.next())
}

fn pairs(sketches: &[Sketch]) -> Vec<WaitingPair> {
    sketches
        .iter()
        .enumerate()
        .map(
            |(
                number,
                ((person, measure, facilitation, continuing), (closed, x, y), (consented, agreed)),
            )| {
                let (name, range) = MEASURES[*measure];
                let cell = CellKey {
                    measure: code(name),
                    facilitation: Facilitation::ALL[*facilitation],
                    course: Course::ALL[usize::from(*continuing)],
                };
                let answers = ((x * range).round(), (y * range).round());
                WaitingPair {
                    consented: *consented,
                    group_agreed: *agreed,
                    ..pair(number, *person, &cell, later(start(), *closed), answers)
                }
            },
        )
        .collect()
}

fn parts(waiting: Vec<WaitingPair>, quarter: Quarter) -> BatchParts {
    BatchParts {
        quarter,
        waiting,
        ..centre(
            MEASURES
                .iter()
                .map(|(name, range)| measure(name, *range))
                .collect(),
        )
    }
}

/// Every quarter of two years and a half, one after the other: what is spent is gone, the rest waits.
fn live(all: &[WaitingPair], stop: &[bool]) -> Vec<(Quarter, wire::Release, Vec<PairId>)> {
    let mut waiting = all.to_vec();
    (0..10)
        .map(|number| {
            let quarter = later(start(), number);
            let cleared = clear(&batch(parts(waiting.clone(), quarter)));
            let cleared = if stop[number] {
                cleared.into_stopped()
            } else {
                cleared
            };
            waiting.retain(|pair| !cleared.spent().contains(&pair.pair));
            (
                quarter,
                release(cleared.encoded()),
                cleared.spent().to_vec(),
            )
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_pair_is_spent_twice_and_none_without_consent(
        sketches in prop::collection::vec(sketch(), 0..500),
        stop in prop::collection::vec(prop::bool::weighted(0.2), 10),
    ) {
        let all = pairs(&sketches);
        let by_id: BTreeMap<PairId, &WaitingPair> = all.iter().map(|pair| (pair.pair, pair)).collect();
        let mut spent = BTreeSet::new();
        for (quarter, _, pairs) in live(&all, &stop) {
            let mut persons = BTreeSet::new();
            for id in pairs {
                prop_assert!(spent.insert(id), "a pair left twice");
                let pair = by_id[&id];
                prop_assert!(pair.consented && pair.group_agreed && pair.closed <= quarter);
                prop_assert!(quarter.index() - pair.closed.index() < 8);
                let cell = (pair.measure.clone(), pair.facilitation, pair.course);
                prop_assert!(persons.insert((cell, pair.person)), "a person stands in a cell twice");
            }
        }
    }

    #[test]
    fn no_cell_is_told_below_the_floor_and_persons_are_those_spent(
        sketches in prop::collection::vec(sketch(), 0..500),
        floor in 0u32..20,
    ) {
        let all = pairs(&sketches);
        let by_id: BTreeMap<PairId, &WaitingPair> = all.iter().map(|pair| (pair.pair, pair)).collect();
        let mut parts = parts(all.clone(), later(start(), 7));
        parts.policy.floor_persons = floor;
        let cleared = clear(&batch(parts));
        let mut counted: BTreeMap<CellKey, u32> = BTreeMap::new();
        for id in cleared.spent() {
            let pair = by_id[id];
            let cell = CellKey {
                measure: pair.measure.clone(),
                facilitation: pair.facilitation,
                course: pair.course,
            };
            *counted.entry(cell).or_default() += 1;
        }
        let release = release(cleared.encoded());
        let values = release
            .cells
            .iter()
            .filter(|cell| matches!(cell.told, Some(wire::cell::Told::Sums(_))))
            .count();
        prop_assert_eq!(values, counted.len());
        for (cell, persons) in counted {
            prop_assert!(persons >= 10.max(floor));
            prop_assert_eq!(sums(&release, &cell).persons, persons);
        }
    }

    #[test]
    fn the_form_and_what_is_spent_do_not_depend_on_any_answer(
        sketches in prop::collection::vec(sketch(), 0..500),
        other in prop::collection::vec((0.0..=1.0, 0.0..=1.0), 500),
    ) {
        let mut changed = sketches.clone();
        for (sketch, (x, y)) in changed.iter_mut().zip(other) {
            (sketch.1.1, sketch.1.2) = (x, y);
        }
        let [one, two] = [&sketches, &changed].map(|sketches| batch(parts(pairs(sketches), later(start(), 7))));
        prop_assert_eq!(form(&one), form(&two));
        let [one, two] = [clear(&one), clear(&two)];
        prop_assert_eq!(one.spent(), two.spent());
        // The same words, the same persons, and an SD in the same places.
        let shape = |encoded: &[u8]| {
            let told = |cell: &wire::Cell| match cell.told.unwrap() {
                wire::cell::Told::Sums(sums) => (sums.persons, sums.first_quarter, sums.last_quarter, i32::from(sums.change_sd_twentieths.is_some())),
                wire::cell::Told::Withheld(why) => (0, 0, 0, 100 + why),
            };
            release(encoded).cells.iter().map(told).collect::<Vec<_>>()
        };
        prop_assert_eq!(shape(one.encoded()), shape(two.encoded()));
    }

    #[test]
    fn the_form_says_what_the_release_will_and_withheld_is_never_nought(
        sketches in prop::collection::vec(sketch(), 0..500),
    ) {
        let batch = batch(parts(pairs(&sketches), later(start(), 7)));
        let (form, release) = (form(&batch), release(clear(&batch).encoded()));
        prop_assert_eq!(form.cells.len(), release.cells.len());
        for (form, cell) in form.cells.iter().zip(&release.cells) {
            prop_assert_eq!(form.cell.measure.as_str(), &cell.measure);
            prop_assert_eq!(form.status == PublicStatus::Value, form.told.is_some());
            let status = match cell.told {
                Some(wire::cell::Told::Sums(sums)) => {
                    let masked = form.told.unwrap();
                    prop_assert_eq!(masked.persons, sums.persons);
                    prop_assert_eq!(masked.change_sd_step.is_some(), sums.change_sd_twentieths.is_some());
                    prop_assert!(sums.persons >= 10 && sums.baseline.is_some() && sums.change.is_some());
                    PublicStatus::Value
                }
                Some(wire::cell::Told::Withheld(why)) => match wire::Withheld::try_from(why).unwrap() {
                    wire::Withheld::BelowFloor => PublicStatus::BelowFloor,
                    wire::Withheld::NotInTable => PublicStatus::NotInTable,
                    wire::Withheld::NotShared => PublicStatus::NotShared,
                    wire::Withheld::NotCollected => PublicStatus::NotCollected,
                    wire::Withheld::Unspecified => panic!("no such word"),
                },
                None => panic!("a cell says one thing"),
            };
            prop_assert_eq!(form.status, status);
        }
    }

    #[test]
    fn the_same_persons_give_the_same_bytes_in_any_order(
        sketches in prop::collection::vec(sketch(), 0..300),
        turn in any::<prop::sample::Index>(),
    ) {
        let one = pairs(&sketches);
        let mut two = one.clone();
        two.reverse();
        if !two.is_empty() {
            let by = turn.index(two.len());
            two.rotate_left(by);
        }
        let [one, two] = [one, two].map(|pairs| clear(&batch(parts(pairs, later(start(), 7)))));
        prop_assert_eq!(one.encoded(), two.encoded());
    }
}
