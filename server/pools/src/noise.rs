//! Discrete Gaussian noise (Canonne, Kamath and Steinke 2020), drawn exactly, without floating point.

use prio::dp::Rational;
use prio::dp::distributions::DiscreteGaussian;
use prio::field::Field128;
use rand::CryptoRng;
use rand::distr::Distribution;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Widths are rounded up to multiples of 1/64: never less noise than asked.
const WIDTH_STEPS: u128 = 64;

/// One aggregator's noise, one number for each sum. Known to nobody else: who knows it can take it off again.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Noise(Vec<i64>);

impl fmt::Debug for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noise(..)")
    }
}

impl Noise {
    /// Draws one number for each width; 0 draws none.
    pub(crate) fn draw(widths: impl IntoIterator<Item = f64>, chance: &mut dyn CryptoRng) -> Self {
        Self(
            widths
                .into_iter()
                .map(|width| draw(width, chance))
                .collect(),
        )
    }

    /// Adds it to an aggregate share.
    pub(crate) fn add_to(&self, share: &mut [Field128]) {
        for (element, noise) in share.iter_mut().zip(&self.0) {
            let size = Field128::from(u128::from(noise.unsigned_abs()));
            *element = if *noise < 0 {
                *element - size
            } else {
                *element + size
            };
        }
    }

    /// The numbers, for tests of what is told.
    pub fn reveal(&self) -> &[i64] {
        &self.0
    }
}

fn draw(width: f64, chance: &mut dyn CryptoRng) -> i64 {
    if width <= 0.0 {
        return 0;
    }
    let steps = (width * WIDTH_STEPS as f64).ceil() as u128;
    let Ok(distribution) =
        Rational::from_unsigned(steps, WIDTH_STEPS).and_then(DiscreteGaussian::new)
    else {
        // A width above zero with a denominator above zero is one.
        return 0;
    };
    // Widths stay below 2^40, so a draw beyond i64 does not come.
    i64::try_from(distribution.sample(&mut *chance)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;
    use std::collections::BTreeMap;

    const ORACLE: &str = include_str!("../tests/data/differential_privacy.json");

    #[test]
    fn draws_have_the_published_probabilities() {
        let oracle: serde_json::Value = serde_json::from_str(ORACLE).unwrap();
        let mut chance = ChaCha20Rng::seed_from_u64(7);
        let draws = 40_000;
        for row in oracle["discrete_gaussian"].as_array().unwrap() {
            let width = row["sigma2"].as_f64().unwrap().sqrt();
            let mut counts: BTreeMap<i64, u32> = BTreeMap::new();
            for _ in 0..draws {
                *counts.entry(draw(width, &mut chance)).or_default() += 1;
            }
            for (value, probability) in row["pmf"].as_object().unwrap() {
                let expected = probability.as_f64().unwrap();
                let found = counts.get(&value.parse().unwrap()).copied().unwrap_or(0);
                let found = f64::from(found) / f64::from(draws);
                // Five standard errors of a share.
                let allowed = 5.0 * (expected * (1.0 - expected) / f64::from(draws)).sqrt() + 1e-4;
                assert!(
                    (found - expected).abs() < allowed,
                    "{row} at {value}: {found}"
                );
            }
        }
    }

    #[test]
    fn the_same_chance_draws_the_same_noise_and_another_another() {
        let draw = |seed| Noise::draw([90.0, 0.0, 400.0], &mut ChaCha20Rng::seed_from_u64(seed));
        assert!(draw(1) == draw(1));
        assert!(draw(1) != draw(2));
        assert_eq!(draw(1).reveal()[1], 0);
        assert_eq!(format!("{:?}", draw(1)), "Noise(..)");
    }
}
