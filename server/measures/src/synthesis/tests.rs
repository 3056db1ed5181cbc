use super::*;
use crate::facilitation::Facilitation;
use proptest::prelude::*;

fn row(label: &str, y: f64, v: f64, facilitation: Option<Facilitation>) -> Estimate {
    Estimate {
        label: label.to_owned(),
        y,
        v,
        facilitation,
    }
}

fn table(professional: &[f64], peer: &[f64], v: f64) -> Vec<Estimate> {
    let side = |ys: &[f64], facilitation: Facilitation| -> Vec<Estimate> {
        ys.iter()
            .enumerate()
            .map(|(index, &y)| row(&format!("{facilitation} {index}"), y, v, Some(facilitation)))
            .collect()
    };
    [
        side(professional, Facilitation::Professional),
        side(peer, Facilitation::Peer),
    ]
    .concat()
}

fn told(rows: &[Estimate], smallest_important: Option<f64>) -> Contrast {
    match synthesise_estimates_with(rows, smallest_important)
        .unwrap()
        .contrast
    {
        Some(ContrastOutcome::Told(contrast)) => contrast,
        other => panic!("no contrast: {other:?}"),
    }
}

#[test]
fn rows_that_cannot_be_used_are_named() {
    let with = |y, v| vec![row("a", 0.1, 0.1, None), row("b", y, v, None)];
    assert_eq!(synthesise_estimates(&[]), Err(SynthesisError::Empty));
    for v in [0.0, -0.1, f64::NAN, f64::INFINITY, 1e-200] {
        assert_eq!(
            synthesise_estimates(&with(0.1, v)),
            Err(SynthesisError::NotAVariance { row: 2 })
        );
    }
    for y in [f64::NAN, f64::NEG_INFINITY, 1e61] {
        assert_eq!(
            synthesise_estimates(&with(y, 0.1)),
            Err(SynthesisError::NotAnEstimate { row: 2 })
        );
    }
}

#[test]
fn one_estimate_is_told_as_it_is() {
    let Synthesis {
        fixed,
        random,
        contrast,
        ..
    } = synthesise_estimates(&[row("a", 0.4, 0.04, None)]).unwrap();
    assert_eq!((fixed.mean, fixed.tau2, fixed.q_df), (0.4, 0.0, 0));
    assert_eq!((fixed.q_p, fixed.i2_percent, fixed.h2), (None, None, None));
    assert_eq!(
        (random.hartung_knapp.clone(), random.prediction.clone()),
        (None, None)
    );
    assert_eq!(random.interval(), random.normal_interval);
    assert_eq!(contrast, None);
}

#[test]
fn a_prediction_needs_three_centres() {
    let two = [row("a", 0.1, 0.1, None), row("b", 0.2, 0.1, None)];
    assert_eq!(synthesise_estimates(&two).unwrap().random.prediction, None);
}

#[test]
fn estimates_that_agree_too_well_are_not_told_more_exactly_than_their_errors_allow() {
    let same: Vec<_> = (0..6)
        .map(|i| row(&i.to_string(), 0.3, 0.06, None))
        .collect();
    let random = synthesise_estimates(&same).unwrap().random;
    let adjusted = random.hartung_knapp.clone().unwrap();
    assert!(adjusted.q < 1e-12);
    assert!((adjusted.se - 0.1).abs() < 1e-12);
    assert_eq!(random.tau2, 0.0);
}

#[test]
fn a_mean_far_from_zero_does_not_swallow_the_differences() {
    let near: Vec<_> = [0.1, 0.4, -0.3, 0.2].map(|y| row("", y, 0.01, None)).into();
    let far: Vec<_> = near.iter().map(|r| row("", r.y + 1e9, r.v, None)).collect();
    let (near, far) = (
        synthesise_estimates(&near).unwrap(),
        synthesise_estimates(&far).unwrap(),
    );
    assert!((near.fixed.q - far.fixed.q).abs() < 1e-4);
}

#[test]
fn below_five_centres_a_side_there_is_no_contrast() {
    let rows = table(&[0.1, 0.2, 0.3, 0.4, 0.5], &[0.1, 0.2, 0.3, 0.4], 0.05);
    let refused = synthesise_estimates(&rows).unwrap().contrast.unwrap();
    let ContrastOutcome::Refused(refused) = refused else {
        panic!("told")
    };
    assert_eq!(
        refused,
        ContrastRefused::TooFewCentres {
            professional: 5,
            peer: 4,
            needed: 5
        }
    );
    assert!(refused.to_string().contains("5 centres a side"));
}

/// Reckoned by hand: equal variances make the weights equal. Each side has mean 0.3 or 0.1,
/// Σ(y − mean)² = 0.1, so q = 0.1/4/0.05 = 0.5, floored to 1, SE² = 0.05/5 = 0.01 a side.
#[test]
fn a_contrast_has_the_errors_and_degrees_of_freedom_of_both_sides() {
    let rows = table(
        &[0.1, 0.2, 0.3, 0.4, 0.5],
        &[-0.1, 0.0, 0.1, 0.2, 0.3],
        0.05,
    );
    let contrast = told(&rows, Some(0.2));
    assert!((contrast.difference - 0.2).abs() < 1e-12);
    assert!((contrast.se - 0.02f64.sqrt()).abs() < 1e-12);
    assert!((contrast.df - 8.0).abs() < 1e-9);
    let half = 2.306_004_135_204_17 * contrast.se;
    assert!((contrast.interval.high - 0.2 - half).abs() < 1e-9);
    let detectable = (2.306_004_135_204_17 + 0.888_889_517_8) * contrast.se;
    assert!((contrast.smallest_detectable.unwrap() - detectable).abs() < 1e-8);
}

#[test]
fn an_interval_that_holds_an_important_difference_and_zero_cannot_tell() {
    let rows = table(&[0.1, 0.2, 0.3, 0.4, 0.5], &[0.1, 0.2, 0.3, 0.4, 0.5], 0.05);
    assert_eq!(
        told(&rows, Some(0.2)).verdict.to_string(),
        "these data cannot tell"
    );
    assert_eq!(told(&rows, None).verdict, Verdict::CannotTell);
    assert_eq!(
        told(&rows, Some(2.0)).verdict,
        Verdict::NoImportantDifference
    );
}

#[test]
fn an_important_difference_may_lie_on_either_side_of_zero() {
    let verdict = |low, high| Verdict::of(&Interval { low, high }, Some(0.2));
    assert_eq!(verdict(-0.3, 0.1), Verdict::CannotTell);
    assert_eq!(verdict(-0.1, 0.3), Verdict::CannotTell);
    assert_eq!(verdict(-0.1, 0.2), Verdict::CannotTell);
    assert_eq!(verdict(-0.2, 0.1), Verdict::CannotTell);
    assert_eq!(verdict(-0.19, 0.19), Verdict::NoImportantDifference);
    assert_eq!(verdict(0.0, 0.1), Verdict::NoImportantDifference);
    assert_eq!(verdict(0.01, 0.1), Verdict::ProfessionalHigher);
    assert_eq!(verdict(-0.9, -0.3), Verdict::PeerHigher);
}

#[test]
fn an_interval_beside_zero_names_the_higher_side() {
    let (high, low) = ([1.1, 1.0, 0.9, 1.0, 1.0], [0.0, 0.1, -0.1, 0.0, 0.0]);
    assert_eq!(
        told(&table(&high, &low, 0.01), None).verdict,
        Verdict::ProfessionalHigher
    );
    assert_eq!(
        told(&table(&low, &high, 0.01), None).verdict,
        Verdict::PeerHigher
    );
}

#[test]
fn from_ten_centres_a_side_no_smallest_detectable_difference_is_told() {
    let ten: Vec<f64> = (0..10).map(|i| f64::from(i) / 10.0).collect();
    assert_eq!(
        told(&table(&ten, &ten, 0.05), None).smallest_detectable,
        None
    );
    assert!(
        told(&table(&ten, &ten[..9], 0.05), None)
            .smallest_detectable
            .is_some()
    );
}

#[test]
fn co_led_rows_are_put_together_and_enter_no_contrast() {
    let rows = [
        table(&[0.1; 5], &[0.2; 5], 0.1),
        vec![row("c", 9.0, 0.1, Some(Facilitation::CoLed))],
    ]
    .concat();
    let with = synthesise_estimates(&rows).unwrap();
    let without = synthesise_estimates(&rows[..10]).unwrap();
    assert_eq!(with.by_facilitation.len(), 3);
    assert_eq!(with.contrast, without.contrast);
}

#[test]
fn impossible_sums_are_refused_without_a_panic() {
    let good: Sums = [(0.1, 0.1), (0.3, 0.2)]
        .map(|(y, v)| Sums::of(y, v, 0.0))
        .into_iter()
        .sum();
    assert!(Fixed::from_sums(&good).is_ok());
    for broken in [
        Sums {
            w: f64::NAN,
            ..good
        },
        Sums { w: 0.0, ..good },
        Sums { w: -1.0, ..good },
        Sums {
            w2: f64::INFINITY,
            ..good
        },
        Sums {
            w2: good.w * good.w * 2.0,
            ..good
        },
        Sums {
            w2: good.w * good.w / 3.0,
            ..good
        },
        Sums { wy2: -1.0, ..good },
        Sums {
            wy: f64::NAN,
            ..good
        },
    ] {
        assert_eq!(
            Fixed::from_sums(&broken),
            Err(SynthesisError::ImpossibleSums)
        );
    }
    assert_eq!(Fixed::from_sums(&Sums::NONE), Err(SynthesisError::Empty));
    assert_eq!(
        Random::from_sums(&good, -1.0),
        Err(SynthesisError::NotATau2)
    );
    assert_eq!(
        Random::from_sums(&good, f64::NAN),
        Err(SynthesisError::NotATau2)
    );
}

proptest! {
    #[test]
    fn the_order_of_rows_changes_no_digit(
        rows in proptest::collection::vec((0u8..20, -3.0f64..3.0, 0.001f64..2.0, 0usize..3), 1..30),
        seed in any::<u64>(),
    ) {
        let rows: Vec<Estimate> = rows
            .into_iter()
            .map(|(label, y, v, f)| row(&label.to_string(), y, v, Some(Facilitation::ALL[f])))
            .collect();
        let mut other = rows.clone();
        let mut state = seed;
        for index in (1..other.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            other.swap(index, (state >> 33) as usize % (index + 1));
        }
        let (a, b) = (synthesise_estimates(&rows).unwrap(), synthesise_estimates(&other).unwrap());
        prop_assert_eq!(serde_json::to_string(&a).unwrap(), serde_json::to_string(&b).unwrap());
    }

    #[test]
    fn no_table_makes_a_panic_or_a_figure_that_is_no_number(
        rows in proptest::collection::vec((-60i32..60, -60i32..60, any::<bool>(), 0usize..3), 1..30),
    ) {
        let rows: Vec<Estimate> = rows
            .into_iter()
            .map(|(y, v, sign, f)| {
                let y = 10f64.powi(y) * if sign { 1.0 } else { -1.0 };
                row("", y, 10f64.powi(v), Some(Facilitation::ALL[f]))
            })
            .collect();
        if let Ok(told) = synthesise_estimates(&rows) {
            prop_assert!(told.fixed.q.is_finite() && told.fixed.tau2.is_finite());
            prop_assert!(told.random.mean.is_finite() && told.random.se.is_finite());
            let interval = told.random.interval();
            prop_assert!(interval.low.is_finite() && interval.high.is_finite());
        }
    }
}
