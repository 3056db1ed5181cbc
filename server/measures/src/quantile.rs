//! Quantiles and tail probabilities, by `statrs`; its t quantiles are good to about 1e-11.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal, StudentsT};

/// The 97.5 % quantile of the standard normal distribution.
pub(crate) const Z_95: f64 = 1.959_963_984_540_054;

/// Two-sided tail of the standard normal distribution.
pub(crate) fn normal_two_sided(z: f64) -> Option<f64> {
    z.is_finite()
        .then(|| 2.0 * Normal::standard().cdf(-z.abs()))
}

/// Quantile of Student's t; `None` outside 0 < p < 1 or for df not positive.
pub(crate) fn student(p: f64, df: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0 && df.is_finite()) {
        return None;
    }
    let quantile = StudentsT::new(0.0, 1.0, df).ok()?.inverse_cdf(p);
    quantile.is_finite().then_some(quantile)
}

/// Two-sided tail of Student's t.
pub(crate) fn student_two_sided(t: f64, df: f64) -> Option<f64> {
    if !t.is_finite() || !df.is_finite() {
        return None;
    }
    Some(2.0 * StudentsT::new(0.0, 1.0, df).ok()?.cdf(-t.abs()))
}

/// Upper tail of chi-squared.
pub(crate) fn chi_squared_upper(x: f64, df: f64) -> Option<f64> {
    if !x.is_finite() || !df.is_finite() {
        return None;
    }
    Some(ChiSquared::new(df).ok()?.sf(x))
}

/// Upper tail of F.
pub(crate) fn f_upper(x: f64, df1: f64, df2: f64) -> Option<f64> {
    if !x.is_finite() || !df1.is_finite() || !df2.is_finite() {
        return None;
    }
    Some(FisherSnedecor::new(df1, df2).ok()?.sf(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles as printed by R's `qt` and `qnorm`.
    #[test]
    fn quantiles_are_those_of_r() {
        for (p, df, expected) in [
            (0.975, 1.0, 12.706_204_736_174_7),
            (0.975, 4.0, 2.776_445_105_197_79),
            (0.975, 11.0, 2.200_985_160_082_95),
            (0.975, 12.0, 2.178_812_829_667_23),
            (0.8, 8.0, 0.888_889_517_8),
        ] {
            assert!(
                (student(p, df).unwrap() - expected).abs() < 1e-9,
                "{p} {df}"
            );
        }
        assert!((Normal::standard().inverse_cdf(0.975) - Z_95).abs() < 1e-14);
    }

    #[test]
    fn impossible_requests_give_nothing_and_never_panic() {
        for df in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(student(0.975, df), None);
            assert_eq!(student_two_sided(1.0, df), None);
            assert_eq!(chi_squared_upper(1.0, df), None);
            assert_eq!(f_upper(1.0, df, 1.0), None);
        }
        assert_eq!(student(1.0, 3.0), None);
        assert_eq!(student(f64::NAN, 3.0), None);
        assert_eq!(normal_two_sided(f64::NAN), None);
    }
}
