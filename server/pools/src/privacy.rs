//! What a round costs in privacy, and how it is said.
//!
//! The guarantee is zero-concentrated differential privacy (Bun and Steinke 2016) of one person's being counted or not, all
//! sums of a round together. One aggregator's noise gives it by itself; while both are honest it is twice as good. ρ of
//! several rounds adds. It holds against everybody but the two aggregators themselves: each learns the exact number of
//! persons to check the floor, also in a round that fails then.

/// The δ at which ε is told to people: one in a million.
pub const DELTA: f64 = 1e-6;

/// The least ε so that ρ-zCDP implies (ε, δ)-differential privacy by the bound of Canonne, Kamath and Steinke (2020),
/// Proposition 7: δ = inf over α > 1 of exp((α−1)(αρ−ε)) / (α−1) · (1−1/α)^α.
///
/// `rho` ≥ 0 and 0 < `delta` < 1; `None` otherwise. 0 where ρ is 0.
pub fn epsilon(rho: f64, delta: f64) -> Option<f64> {
    if !(rho >= 0.0 && rho.is_finite() && delta > 0.0 && delta < 1.0) {
        return None;
    }
    if rho == 0.0 {
        return Some(0.0);
    }
    // The simple bound ρ + 2√(ρ log(1/δ)) is never below it.
    let (mut low, mut high) = (0.0, rho + 2.0 * (rho * (1.0 / delta).ln()).sqrt());
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if log_delta(rho, middle) <= delta.ln() {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// log δ at ε, minimised over α by bisection of its derivative, which rises with α.
fn log_delta(rho: f64, epsilon: f64) -> f64 {
    let (mut low, mut high) = (1.0 + 1e-9, (epsilon + 1.0) / (2.0 * rho) + 2.0);
    for _ in 0..200 {
        let alpha = 0.5 * (low + high);
        let derivative = (2.0 * alpha - 1.0) * rho - epsilon + (-1.0 / alpha).ln_1p();
        if derivative < 0.0 {
            low = alpha;
        } else {
            high = alpha;
        }
    }
    let alpha = 0.5 * (low + high);
    (alpha - 1.0) * (alpha * rho - epsilon) - (alpha - 1.0).ln() + alpha * (-1.0 / alpha).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The published figures; `simple` is the textbook bound, `cks` the one used here.
    const ORACLE: &str = include_str!("../tests/data/differential_privacy.json");

    #[test]
    fn epsilon_agrees_with_the_published_figures() {
        let oracle: serde_json::Value = serde_json::from_str(ORACLE).unwrap();
        for row in oracle["zcdp_to_eps"].as_array().unwrap() {
            let figure = |name: &str| row[name].as_f64().unwrap();
            let found = epsilon(figure("rho"), figure("delta")).unwrap();
            let expected = figure("cks");
            assert!((found - expected).abs() < 1e-6, "{row}: {found}");
        }
    }

    #[test]
    fn what_is_no_cost_has_no_epsilon() {
        assert_eq!(epsilon(0.0, DELTA), Some(0.0));
        for (rho, delta) in [(-1.0, 0.1), (f64::NAN, 0.1), (1.0, 0.0), (1.0, 1.0)] {
            assert_eq!(epsilon(rho, delta), None);
        }
    }

    proptest! {
        #[test]
        fn more_cost_is_never_told_as_less(rho in 1e-4f64..20.0, more in 1e-4f64..5.0) {
            let (one, two) = (epsilon(rho, DELTA).unwrap(), epsilon(rho + more, DELTA).unwrap());
            prop_assert!(one < two);
            prop_assert!(one <= rho + 2.0 * (rho * (1.0 / DELTA).ln()).sqrt());
        }
    }
}
