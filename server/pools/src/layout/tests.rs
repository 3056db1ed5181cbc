use super::*;
use crate::sum::Question;
use crate::testing::{measure, noiseless, round};
use proptest::prelude::*;

fn half(elements: &[u128]) -> Vec<u8> {
    elements.iter().flat_map(|e| e.to_le_bytes()).collect()
}

#[test]
fn every_bound_is_tight_to_a_64th_of_its_width() {
    for question in Question::ALL {
        let layout = Layout::of(&round(question), &measure());
        for coordinate in layout.coordinates() {
            let most = layout.greatest / coordinate.step + coordinate.low;
            assert!(most >= coordinate.high, "{question}: {coordinate:?}");
            assert!(
                most - coordinate.high <= 1 + coordinate.width() / 64,
                "{question}: {coordinate:?}"
            );
        }
    }
}

#[test]
fn a_value_outside_its_bounds_has_no_encoding() {
    let layout = Layout::of(&round(Question::Change), &measure());
    assert!(layout.encode_units(&[3, -3 * 1_350]).is_ok());
    assert_eq!(layout.encode_units(&[2, 0]), Err(OutOfBounds(Sum::Persons)));
    assert_eq!(
        layout.encode_units(&[41, 0]),
        Err(OutOfBounds(Sum::Persons))
    );
    assert_eq!(
        layout.encode_units(&[40, 54_001]),
        Err(OutOfBounds(Sum::Change))
    );
    assert!(layout.encode_units(&[40]).is_err());
}

#[test]
fn the_cost_of_the_sums_adds_up_to_the_cost_of_the_round() {
    for question in Question::ALL {
        let round = round(question);
        let layout = Layout::of(&round, &measure());
        let cost: f64 = layout
            .coordinates()
            .iter()
            .map(|c| c.sensitivity.pow(2) as f64 / (2.0 * (c.noise_sd() / c.unit).powi(2)))
            .sum();
        assert!((cost - round.rho()).abs() < 1e-9, "{question}: {cost}");
    }
}

#[test]
fn halves_that_are_no_elements_or_no_sums_are_refused() {
    let layout = Layout::of(&noiseless(Question::Change), &measure());
    let good = half(&layout.encode_units(&[10, 100]).unwrap());
    let zero = half(&[0, 0]);
    assert!(layout.add_halves(5, &good, &zero).is_ok());
    let unreadable = Err(HalvesFault::Unreadable);
    assert_eq!(layout.add_halves(5, &good[1..], &zero), unreadable);
    assert_eq!(layout.add_halves(5, &[], &zero), unreadable);
    // An element at or above the field's order is none.
    assert_eq!(layout.add_halves(5, &[0xff; 32], &zero), unreadable);
    let wrong = half(&[77_777_777_777_777_777, 1 << 90]);
    assert_eq!(
        layout.add_halves(5, &good, &wrong),
        Err(HalvesFault::Impossible)
    );
}

#[test]
fn noise_that_makes_a_total_negative_is_told_as_it_is() {
    let layout = Layout::of(&round(Question::Change), &measure());
    let minus_one = half(&[u128::from(Field128::zero() - Field128::from(1)), 0]);
    let totals = layout.add_halves(5, &minus_one, &half(&[0, 0])).unwrap();
    assert_eq!(totals.encoded, [-1, 0]);
    assert!(totals.sums[0] < 15.0);
}

proptest! {
    #[test]
    fn parts_added_up_are_read_back_as_their_sums(
        parts in prop::collection::vec((3i64..=40, -54_000i64..=54_000), 5..40),
        split in any::<u64>(),
    ) {
        let layout = Layout::of(&noiseless(Question::Change), &measure());
        let mut total = [Field128::zero(); 2];
        for (persons, change) in &parts {
            for (sum, e) in total.iter_mut().zip(layout.encode_units(&[*persons, *change]).unwrap()) {
                *sum += Field128::from(e);
            }
        }
        let blind = Field128::from(u128::from(split));
        let leader = Layout::write(&total.map(|e| e - blind));
        let helper = Layout::write(&[blind; 2]);
        let totals = layout.add_halves(parts.len() as u32, &leader, &helper).unwrap();
        let persons: i64 = parts.iter().map(|(n, _)| n).sum();
        let change: i64 = parts.iter().map(|(_, c)| c).sum();
        prop_assert!((totals.sums[0] - persons as f64).abs() < 1e-6);
        prop_assert!((totals.sums[1] - change as f64 / 100.0).abs() < 1e-6);
    }

    #[test]
    fn any_bytes_are_read_without_panic(leader: Vec<u8>, helper in prop::collection::vec(any::<u8>(), 32), k: u32) {
        let layout = Layout::of(&round(Question::Change), &measure());
        let _ = layout.add_halves(k, &leader, &helper);
        let _ = layout.add_halves(k, &helper, &helper);
    }
}
