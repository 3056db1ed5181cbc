use super::*;

#[test]
fn figures_of_too_few_people_are_refused() {
    assert_eq!(
        small_sample_factor(1),
        Err(ChangeError::TooFew { needed: 3 })
    );
    assert_eq!(smcc(1.0, 1.0, 0), Err(ChangeError::TooFew { needed: 3 }));
    let two = MemberSums::of_centre(&[(1.0, 2.0), (3.0, 5.0)]);
    assert_eq!(pooled_change(&two), Err(ChangeError::TooFew { needed: 3 }));
    let none = MemberSums::of_centre(&[]);
    assert_eq!(none, MemberSums::default());
    assert!(pooled_change(&none).is_err());
}

#[test]
fn people_who_all_change_alike_have_no_standardised_change() {
    let alike = MemberSums::of_centre(&[(1.0, 2.0), (3.0, 4.0), (7.0, 8.0)]);
    assert_eq!(pooled_change(&alike), Err(ChangeError::NoSpread));
    assert_eq!(smcc(1.0, 0.0, 10), Err(ChangeError::NoSpread));
}

#[test]
fn one_centre_tells_nothing_of_differences_between_centres() {
    let one = MemberSums::of_centre(&[(1.0, 2.0), (3.0, 3.0), (7.0, 4.0)]);
    assert_eq!(pooled_change(&one).unwrap().between, None);
}

#[test]
fn impossible_figures_are_refused() {
    let sums = MemberSums::of_centre(&[(1.0, 2.0), (3.0, 3.0), (7.0, 4.0)]);
    for broken in [
        MemberSums {
            n: f64::NAN,
            ..sums
        },
        MemberSums {
            n: f64::INFINITY,
            ..sums
        },
        MemberSums { n: 3.5, ..sums },
        MemberSums { k: 0, ..sums },
        MemberSums { k: 4, ..sums },
        MemberSums {
            change_squared: f64::NAN,
            ..sums
        },
        MemberSums {
            baseline_squared: -1.0,
            ..sums
        },
    ] {
        assert!(pooled_change(&broken).is_err());
    }
    assert_eq!(smcr(1.0, 1.0, 1.5, 10), Err(ChangeError::Correlation));
    assert_eq!(smcr(f64::NAN, 1.0, 0.5, 10), Err(ChangeError::Impossible));
    assert!(reliable_change(1.0, 2.0, 1.0, 1.0).is_err());
    assert!(reliable_change(f64::NAN, 2.0, 1.0, 0.5).is_err());
}

#[test]
fn a_change_within_the_error_of_the_instrument_is_not_reliable() {
    let change = |follow_up| reliable_change(30.0, follow_up, 10.0, 0.8).unwrap();
    assert!(!change(42.3).is_reliable());
    assert!(change(42.4).is_reliable());
    assert!(change(17.6).is_reliable());
}
