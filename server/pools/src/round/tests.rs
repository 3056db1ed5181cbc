use super::*;
use crate::sum::Question;
use crate::testing::{measure, noiseless, round};
use proptest::prelude::*;

#[test]
fn an_opening_is_read_back_as_it_was_written() {
    for question in Question::ALL {
        let round = round(question);
        assert_eq!(Round::parse(round.to_proto()).as_ref(), Ok(&round));
        assert_eq!(
            round.check(&PoolTerms::default(), &measure()),
            Ok(()),
            "{question}"
        );
    }
}

#[track_caller]
fn refused(fault: RoundFault, change: impl FnOnce(&mut proto::PoolOpening)) {
    let mut opening = round(Question::Change).to_proto();
    change(&mut opening);
    assert_eq!(Round::parse(opening), Err(fault));
}

#[test]
fn what_is_out_of_range_is_named() {
    use RoundFault::Range;
    refused(Range("measure"), |o| o.measure.clear());
    refused(Range("class"), |o| o.comparability_class.truncate(31));
    refused(Range("facilitation"), |o| o.facilitation = 0);
    refused(Range("course"), |o| o.course = 9);
    refused(Range("first quarter"), |o| o.first_quarter = 3);
    refused(Range("span of quarters"), |o| {
        o.first_quarter = o.last_quarter + 1
    });
    refused(Range("roster version"), |o| o.roster_version = 0);
    refused(Range("deadline"), |o| o.deadline = u32::MAX);
    refused(Range("expiry"), |o| o.expiry = o.deadline);
    refused(Range("expiry"), |o| o.expiry = o.deadline + 400);
    refused(Range("persons per centre"), |o| o.persons_per_centre = 2);
    refused(Range("bound of change"), |o| o.change_bound_hundredths = 0);
    refused(Range("unit SD"), |o| o.unit_sd_thousandths = 0);
    refused(Range("bound of change in unit SDs"), |o| {
        o.unit_sd_thousandths = o.change_bound_hundredths - 1
    });
    refused(Range("privacy cost"), |o| o.rho_millionths = u32::MAX);
    refused(Range("first round"), |o| o.first_round = vec![1; 5]);
    refused(RoundFault::OneAggregator, |o| o.helper = o.leader.clone());
}

#[test]
fn sums_that_do_not_go_together_are_refused() {
    let sums = |sums: &[Sum]| {
        sums.iter()
            .map(|s| s.to_proto().into())
            .collect::<Vec<i32>>()
    };
    refused(RoundFault::Sums, |o| o.sums.clear());
    refused(RoundFault::Sums, |o| o.sums = vec![99]);
    refused(RoundFault::Sums, |o| o.sums = sums(&[Sum::Change]));
    refused(RoundFault::Sums, |o| {
        o.sums = sums(&[Sum::Persons, Sum::Persons])
    });
    // A grid of weights would tell every centre's figures; one second round with all three sums is all there is.
    refused(RoundFault::Sums, |o| {
        o.sums = sums(Question::Weights.sums())
    });
    refused(RoundFault::Sums, |o| o.tau2_millionths = 5);
    refused(RoundFault::Sums, |o| {
        o.sums = sums(&[Sum::Persons, Sum::Change, Sum::FollowedUp])
    });
    refused(RoundFault::Sums, |o| {
        o.sums = sums(Question::Reliable.sums())
    });
    refused(RoundFault::Items, |o| o.sums = sums(Question::Items.sums()));
    refused(RoundFault::Items, |o| {
        o.items.push(proto::PoolItem {
            code: "a".into(),
            lowest: 0,
            highest: 4,
        });
    });
}

#[test]
fn what_the_policy_does_not_allow_is_refused() {
    let terms = PoolTerms::default();
    let asked = round(Question::Change);
    let louder = Round {
        rho_millionths: terms.rho_millionths + 1,
        ..asked.clone()
    };
    assert_eq!(louder.check(&terms, &measure()), Err(RoundFault::Noise));
    assert_eq!(
        noiseless(Question::Change).check(&terms, &measure()),
        Err(RoundFault::Noise)
    );
    let quiet = PoolTerms {
        rho_millionths: 0,
        ..terms
    };
    assert_eq!(asked.check(&quiet, &measure()), Err(RoundFault::Noise));
    let wide = Round {
        change_bound_hundredths: 2_401,
        ..asked.clone()
    };
    assert_eq!(wide.check(&terms, &measure()), Err(RoundFault::Measure));
    let other = Round {
        class: ClassHash([9; 32]),
        ..asked.clone()
    };
    assert_eq!(other.check(&terms, &measure()), Err(RoundFault::Measure));
    let boasting = Round {
        precision: vec![],
        ..asked
    };
    assert_eq!(
        boasting.check(&terms, &measure()),
        Err(RoundFault::Precision)
    );
}

proptest! {
    #[test]
    fn any_opening_is_read_or_refused_without_panic(numbers in prop::array::uniform12(any::<u32>()), sums in prop::collection::vec(-2i32..22, 0..24), bytes: Vec<u8>) {
        let mut opening = round(Question::Items).to_proto();
        opening.first_quarter = numbers[0];
        opening.last_quarter = numbers[1];
        opening.deadline = numbers[2];
        opening.expiry = numbers[3];
        opening.persons_per_centre = numbers[4];
        opening.change_bound_hundredths = numbers[5];
        opening.unit_sd_thousandths = numbers[6];
        opening.tau2_millionths = numbers[7];
        opening.rho_millionths = numbers[8];
        opening.sums = sums;
        opening.first_round = bytes;
        if let Ok(round) = Round::parse(opening) {
            let _ = round.check(&PoolTerms::default(), &measure());
            let _ = crate::layout::Layout::of(&round, &measure());
        }
        // What is in range has a layout, however odd.
        let odd = Round {
            persons_per_centre: 3 + numbers[4] % 998,
            change_bound_hundredths: 1 + numbers[5] % 2_000_000,
            unit_sd_thousandths: 1 + numbers[6] % 1_000_000_000,
            ..round(Question::Weights)
        };
        let layout = crate::layout::Layout::of(&odd, &measure());
        let _ = crate::shares::Sharing::of([0; 32], &layout);
    }
}

#[test]
fn weights_without_noise_need_ten_centres_and_nothing_else_more_than_the_policy_asks() {
    let terms = |floor_centres| PoolTerms {
        floor_centres,
        ..PoolTerms::default()
    };
    for question in Question::ALL {
        assert_eq!(round(question).floor_centres(&terms(5)), 5);
        let bare = if question == Question::Weights { 10 } else { 5 };
        assert_eq!(noiseless(question).floor_centres(&terms(5)), bare);
        assert_eq!(noiseless(question).floor_centres(&terms(12)), 12);
    }
}
