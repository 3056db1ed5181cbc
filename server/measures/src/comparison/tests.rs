mod pools;

use super::*;
use crate::calendar::Quarter;
use crate::instrument::{Direction, MeasureCode, Scale, StatedSd, Window};
use crate::synthesis::ContrastOutcome;
use proptest::prelude::*;

const Q1: &str = "2025Q1";

fn quarter(text: &str) -> Quarter {
    text.parse().unwrap()
}

fn measure(direction: Direction, sd: Option<f64>) -> Measure {
    Measure::total_only(
        MeasureCode::try_from("trial").unwrap(),
        Scale::new(0.0, 24.0, direction).unwrap(),
        Window::default(),
        sd.map(|sd| StatedSd::new(sd, "assumed: for this test").unwrap()),
    )
}

fn lower() -> Measure {
    measure(Direction::LowerBetter, Some(6.0))
}

fn release(centre: u8, facilitation: Facilitation, persons: u32, steps: f64) -> ReleasedSums {
    ReleasedSums {
        centre: [centre; 32],
        facilitation,
        course: Course::Entry,
        persons,
        first: quarter(Q1),
        last: quarter("2025Q2"),
        baseline: ToldBaseline::Sum(240.0),
        change_sum: Some(steps * 24.0),
        change_sd: None,
    }
}

fn several(facilitation: Facilitation, centres: std::ops::Range<u8>) -> Vec<ReleasedSums> {
    centres
        .map(|centre| {
            release(
                centre,
                facilitation,
                12 + u32::from(centre % 5),
                -f64::from(centre % 4),
            )
        })
        .collect()
}

fn both_sides() -> Vec<ReleasedSums> {
    [
        several(Facilitation::Professional, 0..6),
        several(Facilitation::Peer, 10..16),
    ]
    .concat()
}

fn compared(releases: &[ReleasedSums]) -> Comparison {
    compare(&lower(), releases, &[], &[], 0.2).unwrap()
}

fn effect(comparison: &Comparison, facilitation: Facilitation) -> Effect {
    comparison
        .entry
        .iter()
        .find(|side| side.facilitation == facilitation)
        .and_then(|side| side.effect.clone())
        .unwrap()
}

#[test]
fn a_fall_is_improvement_where_lower_is_better() {
    let one = [release(1, Facilitation::Peer, 16, -4.0)];
    let effect = |direction| {
        let told = compare(&measure(direction, Some(6.0)), &one, &[], &[], 0.2).unwrap();
        assert_eq!(told.entry[0].mean_change, Some(-6.0));
        told.centres[0].effect.unwrap()
    };
    assert_eq!(effect(Direction::LowerBetter), 1.0);
    assert_eq!(effect(Direction::HigherBetter), -1.0);
}

#[test]
fn a_centre_counts_with_its_sampling_and_its_rounding_variance() {
    let told = compared(&[release(1, Facilitation::Peer, 16, -4.0)]);
    let expected = 1.0 / 16.0 + (24.0f64 / 16.0).powi(2) / (12.0 * 36.0);
    assert!((told.centres[0].variance.unwrap() - expected).abs() < 1e-15);
    let side = &told.entry[0];
    assert_eq!(
        side.effect.as_ref().unwrap().basis,
        IntervalBasis::OneCentre
    );
    assert_eq!(side.effect.as_ref().unwrap().prediction, None);
}

#[test]
fn releases_of_one_centre_are_one_estimate_with_every_rounding_counted() {
    let mut second = release(1, Facilitation::Peer, 24, -5.0);
    (second.first, second.last) = (quarter("2025Q3"), quarter("2026Q1"));
    let told = compared(&[second, release(1, Facilitation::Peer, 16, -5.0)]);
    assert_eq!(told.centres.len(), 1);
    let row = &told.centres[0];
    assert_eq!((row.releases, row.persons), (2, 40));
    assert_eq!((row.first, row.last), (quarter(Q1), quarter("2026Q1")));
    assert_eq!(row.effect, Some(1.0));
    let expected = 1.0 / 40.0 + 2.0 * (24.0f64 / 40.0).powi(2) / (12.0 * 36.0);
    assert!((row.variance.unwrap() - expected).abs() < 1e-15);
    assert_eq!(effect(&told, Facilitation::Peer).k, 1);
}

#[test]
fn the_sd_is_pooled_over_releases_of_twenty_persons_or_more() {
    let mut large = release(1, Facilitation::Peer, 21, 0.0);
    large.change_sd = Some(6.0);
    let mut larger = release(2, Facilitation::Professional, 41, 0.0);
    larger.change_sd = Some(3.0);
    let small = release(3, Facilitation::Peer, 12, 0.0);
    let used = compared(&[large, larger, small]).sd.unwrap();
    assert!((used.sd - ((20.0 * 36.0 + 40.0 * 9.0) / 60.0f64).sqrt()).abs() < 1e-12);
    assert_eq!(
        used.origin,
        SdOrigin::Pooled {
            releases: 2,
            persons: 62,
            pools: 0,
        }
    );
}

#[test]
fn a_stated_sd_is_named_with_its_source() {
    let told = compared(&both_sides());
    let used = told.sd.unwrap();
    assert_eq!(used.sd, 6.0);
    assert_eq!(
        used.origin,
        SdOrigin::Stated {
            source: "assumed: for this test".to_owned()
        }
    );
    assert!(told.caveats.contains(&Caveat::SdStated));
}

#[test]
fn without_an_sd_changes_are_told_in_points_and_nothing_is_put_together() {
    let told = compare(
        &measure(Direction::LowerBetter, None),
        &both_sides(),
        &[],
        &[],
        0.2,
    )
    .unwrap();
    assert_eq!(told.sd, None);
    assert!(
        told.entry
            .iter()
            .all(|side| side.effect.is_none() && side.mean_change.is_some())
    );
    assert!(told.centres.iter().all(|row| row.effect.is_none()));
    assert_eq!(
        told.contrast,
        ContrastOutcome::Refused(ContrastRefused::NoSd { persons: 20 })
    );
    assert!(told.caveats.contains(&Caveat::NoSd));
}

/// The trial's told cells: three professional and two peer-led centres, none of 20 persons.
#[test]
fn in_the_supplied_trial_the_contrast_is_refused_for_too_few_centres() {
    let scale = Scale::new(0.0, 63.0, Direction::LowerBetter).unwrap();
    let code = MeasureCode::try_from("bdi-ii").unwrap();
    let window = Window::new(59, 42, 75).unwrap();
    let told = |centre, facilitation, persons, baseline, change| ReleasedSums {
        baseline: ToldBaseline::Sum(baseline),
        change_sum: Some(change),
        ..release(centre, facilitation, persons, 0.0)
    };
    let releases = [
        told(1, Facilitation::Professional, 13, 378.0, -189.0),
        told(2, Facilitation::Peer, 19, 441.0, 0.0),
        told(2, Facilitation::Professional, 13, 252.0, -63.0),
        told(3, Facilitation::Professional, 17, 378.0, -126.0),
        told(4, Facilitation::Peer, 14, 315.0, -63.0),
    ];
    for sd in [
        None,
        Some(StatedSd::new(10.0, "assumed: for this test").unwrap()),
    ] {
        let measure = Measure::total_only(code.clone(), scale, window, sd);
        let comparison = compare(&measure, &releases, &[], &[], 0.2).unwrap();
        assert!(comparison.set_aside.is_empty());
        assert_eq!(
            comparison.contrast,
            ContrastOutcome::Refused(ContrastRefused::TooFewCentres {
                professional: 3,
                peer: 2,
                needed: 5
            })
        );
        assert_eq!(comparison.entry[0].mean_change, Some(-378.0 / 43.0));
        assert_eq!(comparison.entry[1].baseline_mean, Some(756.0 / 33.0));
    }
}

#[test]
fn from_five_centres_a_side_there_is_a_contrast() {
    let told = compared(&both_sides());
    let ContrastOutcome::Told(contrast) = &told.contrast else {
        panic!("refused")
    };
    let sides = [Facilitation::Professional, Facilitation::Peer].map(|f| effect(&told, f));
    assert!((contrast.difference - (sides[0].effect - sides[1].effect)).abs() < 1e-12);
    assert!(contrast.smallest_detectable.is_some());
    assert!(told.caveats.contains(&Caveat::FewCentres));
}

#[test]
fn continuing_members_stand_apart_and_move_no_contrast() {
    let entry = both_sides();
    let mut all = entry.clone();
    for centre in 20..30 {
        let mut continuing = release(centre, Facilitation::Peer, 15, -9.0);
        continuing.course = Course::Continuing;
        all.push(continuing);
    }
    let (with, without) = (compared(&all), compared(&entry));
    assert_eq!(with.contrast, without.contrast);
    assert_eq!(with.entry, without.entry);
    assert_eq!(with.continuing.len(), 1);
    assert_eq!(with.continuing[0].centres, 10);
}

#[test]
fn co_led_groups_are_shown_and_enter_no_contrast() {
    let mut all = both_sides();
    let without = compared(&all);
    all.extend(several(Facilitation::CoLed, 30..40));
    let with = compared(&all);
    assert_eq!(with.contrast, without.contrast);
    assert_eq!(with.entry.len(), 3);
}

#[test]
fn centres_that_offer_both_are_also_compared_with_themselves() {
    // Centres differ much; within each of them professional groups gain one step more.
    let mut releases = Vec::new();
    for centre in 0..6u8 {
        let level = -f64::from(centre) * 3.0;
        releases.push(release(centre, Facilitation::Professional, 24, level - 4.0));
        releases.push(release(centre, Facilitation::Peer, 24, level));
    }
    let told = compared(&releases);
    let ContrastOutcome::Told(within) = &told.within_centres else {
        panic!("refused")
    };
    let ContrastOutcome::Told(between) = &told.contrast else {
        panic!("refused")
    };
    assert!((within.difference - 4.0 * 24.0 / 24.0 / 6.0).abs() < 1e-12);
    assert_eq!(within.df, 5.0);
    assert_eq!(
        within.verdict,
        crate::synthesis::Verdict::ProfessionalHigher
    );
    assert_eq!(between.verdict, crate::synthesis::Verdict::CannotTell);
    assert!(told.caveats.contains(&Caveat::CentresOnBothSides));

    let told = compared(&releases[..8]);
    assert_eq!(
        told.within_centres,
        ContrastOutcome::Refused(ContrastRefused::TooFewOfferBoth { both: 4, needed: 5 })
    );
}

#[test]
fn new_members_are_not_set_against_continuing_ones_within_a_centre() {
    let mut releases = several(Facilitation::Professional, 0..6);
    for mut release in several(Facilitation::Peer, 0..6) {
        release.course = Course::Continuing;
        releases.push(release);
    }
    assert_eq!(
        compared(&releases).within_centres,
        ContrastOutcome::Refused(ContrastRefused::TooFewOfferBoth { both: 0, needed: 5 })
    );
}

#[test]
fn rows_of_centres_stand_by_id_and_not_by_outcome() {
    let mut releases = both_sides();
    releases.reverse();
    let told = compared(&releases);
    let ids: Vec<_> = told.centres.iter().map(|row| row.centre).collect();
    assert!(ids.is_sorted());
    let effects: Vec<_> = told.centres.iter().filter_map(|row| row.effect).collect();
    assert!(!effects.is_sorted() && !effects.iter().rev().is_sorted());
}

#[test]
fn a_baseline_told_as_an_end_stays_an_end() {
    let mut at_end = release(1, Facilitation::Peer, 15, -1.0);
    at_end.baseline = ToldBaseline::LowEnd;
    let told = compared(&[at_end, release(2, Facilitation::Peer, 20, -2.0)]);
    let side = &told.entry[0];
    assert_eq!(side.baseline_mean, Some(12.0));
    assert_eq!(
        (side.baseline_at_low_end, side.baseline_at_high_end),
        (1, 0)
    );
    assert_eq!(side.effect.as_ref().unwrap().k, 2);
}

#[test]
fn a_change_that_is_not_told_counts_nowhere_as_zero() {
    let mut silent = release(1, Facilitation::Peer, 15, 0.0);
    silent.change_sum = None;
    let told = compared(&[silent, release(2, Facilitation::Peer, 16, -4.0)]);
    assert_eq!(told.entry[0].mean_change, Some(-6.0));
    assert_eq!(effect(&told, Facilitation::Peer).k, 1);
    assert_eq!(told.centres[0].effect, None);
    let alone = compared(&[silent]);
    assert_eq!(alone.entry[0].effect, None);
}

#[test]
fn what_was_not_told_is_counted_by_its_public_reason() {
    let cell = |centre: u8, status, at: &str| Untold {
        centre: [centre; 32],
        facilitation: Facilitation::Peer,
        course: Course::Entry,
        status,
        quarter: quarter(at),
    };
    let untold = [
        cell(1, Status::BelowFloor, "2025Q1"),
        cell(1, Status::BelowFloor, "2025Q2"),
        cell(1, Status::BelowFloor, "2025Q2"),
        cell(2, Status::BelowFloor, "2025Q1"),
        cell(2, Status::NotShared, "2025Q2"),
    ];
    let told = compare(&lower(), &both_sides(), &[], &untold, 0.2).unwrap();
    let counts: Vec<_> = told
        .untold
        .iter()
        .map(|c| (c.status, c.cells, c.centres))
        .collect();
    assert_eq!(
        counts,
        [(Status::BelowFloor, 3, 2), (Status::NotShared, 1, 1)]
    );
    assert!(told.caveats.contains(&Caveat::NotEverythingTold));

    let nothing = compare(&lower(), &[], &[], &untold, 0.2).unwrap_err();
    assert_eq!(nothing.reason, RefusalReason::NothingReleased);
    assert_eq!(nothing.untold, told.untold);
}

#[test]
fn a_release_no_gate_lets_out_is_set_aside_and_stops_nobody() {
    let good = release(1, Facilitation::Peer, 20, -1.0);
    let broken = [
        (ReleasedSums { persons: 9, ..good }, Fault::Persons),
        (
            ReleasedSums {
                persons: u32::MAX,
                ..good
            },
            Fault::Persons,
        ),
        (
            ReleasedSums {
                last: quarter("2024Q4"),
                ..good
            },
            Fault::Span,
        ),
        (
            ReleasedSums {
                baseline: ToldBaseline::Sum(f64::NAN),
                ..good
            },
            Fault::Baseline,
        ),
        (
            ReleasedSums {
                baseline: ToldBaseline::Sum(-24.0),
                ..good
            },
            Fault::Baseline,
        ),
        (
            ReleasedSums {
                change_sum: Some(-504.0),
                ..good
            },
            Fault::Change,
        ),
        (
            ReleasedSums {
                change_sum: Some(f64::INFINITY),
                ..good
            },
            Fault::Change,
        ),
        (
            ReleasedSums {
                change_sd: Some(f64::NAN),
                ..good
            },
            Fault::ChangeSd,
        ),
        (
            ReleasedSums {
                change_sd: Some(1e-9),
                ..good
            },
            Fault::ChangeSd,
        ),
        (
            ReleasedSums {
                change_sd: Some(30.0),
                ..good
            },
            Fault::ChangeSd,
        ),
        (
            ReleasedSums {
                persons: 19,
                change_sd: Some(6.0),
                ..good
            },
            Fault::ChangeSd,
        ),
    ];
    let clean = compared(&[good]);
    for (broken, fault) in broken {
        let told = compared(&[broken, good]);
        assert_eq!(told.set_aside.len(), 1);
        assert_eq!(told.set_aside[0].fault, fault);
        assert_eq!(told.entry, clean.entry);
        assert!(told.caveats.contains(&Caveat::ReleasesSetAside));
    }
}

#[test]
fn every_comparison_says_what_always_has_to_be_said() {
    let told = compared(&both_sides());
    for always in [
        Caveat::CompletersOnly,
        Caveat::FollowUpUnknown,
        Caveat::NoControlGroup,
        Caveat::RegressionToTheMean,
        Caveat::NotRandomised,
        Caveat::TiedToNgo,
        Caveat::GroupsAreClusters,
        Caveat::Rounded,
    ] {
        assert!(told.caveats.contains(&always));
        assert!(always.to_string().ends_with('.'));
    }
}

#[test]
fn a_comparison_is_read_back_as_it_was_written() {
    let told = compared(&both_sides());
    let text = serde_json::to_string(&told).unwrap();
    assert!(text.contains(&"01".repeat(32)));
    let back: Comparison = serde_json::from_str(&text).unwrap();
    assert_eq!(back.caveats, told.caveats);
    assert_eq!(back.centres.len(), told.centres.len());
}

fn any_release() -> impl Strategy<Value = ReleasedSums> {
    (
        0u8..8,
        0usize..3,
        any::<bool>(),
        8u32..60,
        -10i32..10,
        proptest::option::of(1u32..20),
        0u32..8,
        0u32..3,
        0u8..4,
    )
        .prop_map(
            |(centre, f, entry, persons, steps, sd, first, span, kind)| {
                let first = Quarter::from_index(quarter(Q1).index() + first).unwrap();
                ReleasedSums {
                    centre: [centre; 32],
                    facilitation: Facilitation::ALL[f],
                    course: if entry {
                        Course::Entry
                    } else {
                        Course::Continuing
                    },
                    persons,
                    first,
                    last: Quarter::from_index(first.index() + span).unwrap(),
                    baseline: match kind {
                        0 => ToldBaseline::LowEnd,
                        1 => ToldBaseline::HighEnd,
                        _ => ToldBaseline::Sum(f64::from(persons / 3) * 24.1),
                    },
                    change_sum: (kind != 3).then(|| f64::from(steps) * 24.1),
                    change_sd: sd
                        .filter(|_| persons >= 20)
                        .map(|sd| f64::from(sd) * 24.1 / 20.0),
                }
            },
        )
}

proptest! {
    #[test]
    fn the_order_of_arrival_changes_no_digit(
        releases in proptest::collection::vec(any_release(), 1..60).prop_flat_map(|releases| {
            (Just(releases.clone()), Just(releases).prop_shuffle())
        }),
    ) {
        let scale = Scale::new(0.0, 24.1, Direction::LowerBetter).unwrap();
        let measure = Measure::total_only(
            MeasureCode::try_from("trial").unwrap(),
            scale,
            Window::default(),
            Some(StatedSd::new(6.0, "assumed").unwrap()),
        );
        let told = |releases: &[ReleasedSums]| match compare(&measure, releases, &[], &[], 0.2) {
            Ok(comparison) => serde_json::to_string(&comparison).unwrap(),
            Err(refused) => serde_json::to_string(&refused).unwrap(),
        };
        prop_assert_eq!(told(&releases.0), told(&releases.1));
    }
}
