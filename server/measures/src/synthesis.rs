//! Estimates of several centres made into one statement, from sums that add.
//!
//! Round one adds w = 1/v over the centres and gives the fixed effect, Q, I², H² and the
//! DerSimonian–Laird τ² (DerSimonian and Laird 1986). Round two, with that τ² public, adds
//! w* = 1/(v + τ²) and gives the random-effects mean, the Hartung–Knapp interval (Hartung and
//! Knapp 2001; Sidik and Jonkman 2002) with its factor not below one (Röver, Knapp and Friede
//! 2015), and the prediction interval of Higgins, Thompson and Spiegelhalter (2009).
//!
//! All intervals are 95 %.

mod contrast;
mod table;

pub use contrast::{
    CENTRES_NEEDED, CENTRES_WITHOUT_POWER_NOTE, Contrast, ContrastOutcome, ContrastRefused,
    DETECTABLE_FORMULA, Verdict, contrast,
};
pub(crate) use contrast::{ContrastSide, contrast_of};
pub use table::{
    Estimate, FacilitationSynthesis, Subgroups, Synthesis, between, synthesise_estimates,
    synthesise_estimates_with,
};

use crate::quantile;
use serde::{Deserialize, Serialize};
use std::ops::Add;
use thiserror::Error;

/// Why nothing could be put together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SynthesisError {
    /// There is no estimate.
    #[error("there is no estimate to put together; give at least one")]
    Empty,
    /// An estimate is not a number, or too large to reckon with.
    #[error(
        "row {row}: the estimate is not a finite number within ±1e60; correct it or leave the row out"
    )]
    NotAnEstimate {
        /// Counted from 1 in the order given.
        row: usize,
    },
    /// A variance is not a positive number.
    #[error(
        "row {row}: the variance is not a number between 1e-60 and 1e60; it is the square of the standard error and never zero"
    )]
    NotAVariance {
        /// Counted from 1 in the order given.
        row: usize,
    },
    /// Sums that no estimates can have.
    #[error("these sums cannot come from any estimates; ask their author for them again")]
    ImpossibleSums,
    /// τ² is negative or not a number.
    #[error("tau² must be a number, zero or more")]
    NotATau2,
}

const LARGEST: f64 = 1e60;

/// An interval that holds what it estimates with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    pub(crate) fn around(middle: f64, half_width: f64) -> Self {
        Self {
            low: middle - half_width,
            high: middle + half_width,
        }
    }

    /// Whether a value lies in it, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Sums over centres. They add: the sums of two sets of centres are the sums of both together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Number of centres.
    pub k: u32,
    /// Σw
    pub w: f64,
    /// Σw²
    pub w2: f64,
    /// Σwy
    pub wy: f64,
    /// Σwy²
    pub wy2: f64,
}

impl Sums {
    /// No centre.
    pub const NONE: Self = Self {
        k: 0,
        w: 0.0,
        w2: 0.0,
        wy: 0.0,
        wy2: 0.0,
    };

    /// The part of one centre: its estimate, its variance, and τ² (0 in round one).
    pub fn of(y: f64, v: f64, tau2: f64) -> Self {
        let w = 1.0 / (v + tau2);
        Self {
            k: 1,
            w,
            w2: w * w,
            wy: w * y,
            wy2: w * y * y,
        }
    }

    fn check(&self) -> Result<(), SynthesisError> {
        if self.k == 0 {
            return Err(SynthesisError::Empty);
        }
        let bounded = [self.w, self.w2, self.wy, self.wy2]
            .iter()
            .all(|sum| sum.abs() <= LARGEST.powi(4));
        // Σw²/(Σw)² lies between 1/k and 1 for any weights; the slack is for rounding.
        let spread = self.w2 / self.w / self.w;
        let weights = spread <= 1.0 + 1e-9 && spread * f64::from(self.k) >= 1.0 - 1e-9;
        if bounded && weights && self.w >= 0.5 / LARGEST && self.wy2 >= 0.0 {
            Ok(())
        } else {
            Err(SynthesisError::ImpossibleSums)
        }
    }

    /// Σw(y − μ)², never below zero.
    fn q(&self) -> f64 {
        (self.wy2 - self.wy * self.wy / self.w).max(0.0)
    }

    /// Σw − Σw²/Σw, the divisor of the DerSimonian–Laird τ².
    fn c(&self) -> f64 {
        if self.k < 2 {
            0.0
        } else {
            (self.w - self.w2 / self.w).max(0.0)
        }
    }
}

impl Add for Sums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            k: self.k.saturating_add(other.k),
            w: self.w + other.w,
            w2: self.w2 + other.w2,
            wy: self.wy + other.wy,
            wy2: self.wy2 + other.wy2,
        }
    }
}

impl std::iter::Sum for Sums {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::NONE, Add::add)
    }
}

/// What holds if all centres shared one true effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fixed {
    /// Number of centres.
    pub k: u32,
    /// Weighted mean.
    pub mean: f64,
    /// Its standard error.
    pub se: f64,
    /// mean ± 1.96 se
    pub interval: Interval,
    /// mean / se
    pub z: f64,
    /// Two-sided tail of z.
    pub p: f64,
    /// Cochran's Q.
    pub q: f64,
    /// Degrees of freedom of Q: k − 1.
    pub q_df: u32,
    /// Upper tail of Q; none for one centre.
    pub q_p: Option<f64>,
    /// Share of the variation that is between centres, in percent; none for one centre.
    pub i2_percent: Option<f64>,
    /// Q / df; none for one centre.
    pub h2: Option<f64>,
    /// DerSimonian–Laird τ².
    pub tau2: f64,
}

impl Fixed {
    /// From the sums of round one.
    pub fn from_sums(sums: &Sums) -> Result<Self, SynthesisError> {
        Self::about(sums, 0.0)
    }

    /// From sums of `y - origin`: far from zero, Σwy² would lose the digits Q needs.
    fn about(sums: &Sums, origin: f64) -> Result<Self, SynthesisError> {
        sums.check()?;
        let mean = origin + sums.wy / sums.w;
        let se = (1.0 / sums.w).sqrt();
        let z = mean / se;
        let q = sums.q();
        let q_df = sums.k - 1;
        let df = f64::from(q_df);
        let several = q_df > 0;
        let c = sums.c();
        let tau2 = if c > 0.0 {
            ((q - df) / c).max(0.0)
        } else {
            0.0
        };
        let fixed = Self {
            k: sums.k,
            mean,
            se,
            interval: Interval::around(mean, quantile::Z_95 * se),
            z,
            p: quantile::normal_two_sided(z).ok_or(SynthesisError::ImpossibleSums)?,
            q,
            q_df,
            q_p: if several {
                quantile::chi_squared_upper(q, df)
            } else {
                None
            },
            i2_percent: several.then(|| if q > df { 100.0 * (q - df) / q } else { 0.0 }),
            h2: several.then(|| q / df),
            tau2,
        };
        if tau2.is_finite() && mean.is_finite() {
            Ok(fixed)
        } else {
            Err(SynthesisError::ImpossibleSums)
        }
    }
}

/// Hartung and Knapp's interval with its factor not below one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HartungKnapp {
    /// Σw*(y − μ*)² / (k − 1), as it came out.
    pub q: f64,
    /// √(max(1, q) / Σw*), and the variance of noise where the sums carry it.
    pub se: f64,
    /// k − 1
    pub df: u32,
    /// mean ± t(k−1) · se
    pub interval: Interval,
    /// mean / se
    pub t: f64,
    /// Two-sided tail of t.
    pub p: f64,
}

/// Where the true effect of one more centre would lie: mean ± t(k−2) · √(τ² + se²), with se the
/// random-effects standard error before Hartung and Knapp's factor (Higgins et al. 2009).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// k − 2
    pub df: u32,
    /// The interval.
    pub interval: Interval,
}

/// What holds if the true effects of centres vary around a mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Random {
    /// Number of centres.
    pub k: u32,
    /// Variance of true effects between centres, as put in.
    pub tau2: f64,
    /// Weighted mean.
    pub mean: f64,
    /// Its standard error before Hartung and Knapp's factor.
    pub se: f64,
    /// mean ± 1.96 se: too narrow for few centres, given for comparison with other programs.
    pub normal_interval: Interval,
    /// The interval to read; none for one centre.
    pub hartung_knapp: Option<HartungKnapp>,
    /// None below three centres.
    pub prediction: Option<Prediction>,
}

impl Random {
    /// From the sums of round two, made with this τ².
    pub fn from_sums(sums: &Sums, tau2: f64) -> Result<Self, SynthesisError> {
        Self::about(sums, tau2, 0.0, 0.0)
    }

    /// From sums of round two that carry noise, of which the mean Σwy/Σw has this variance. It is
    /// added to every SE², and to Q what (Σwy)²/Σw has too much of on average.
    pub(crate) fn from_noisy_sums(
        sums: &Sums,
        tau2: f64,
        noise_variance: f64,
    ) -> Result<Self, SynthesisError> {
        Self::about(sums, tau2, 0.0, noise_variance)
    }

    fn about(
        sums: &Sums,
        tau2: f64,
        origin: f64,
        noise_variance: f64,
    ) -> Result<Self, SynthesisError> {
        sums.check()?;
        // Written so that NaN fails.
        if !(tau2 >= 0.0 && tau2.is_finite()) {
            return Err(SynthesisError::NotATau2);
        }
        let mean = origin + sums.wy / sums.w;
        let se = (1.0 / sums.w + noise_variance).sqrt();
        if !mean.is_finite() || !se.is_finite() {
            return Err(SynthesisError::ImpossibleSums);
        }
        let hartung_knapp = match sums.k - 1 {
            0 => None,
            df => {
                let q = (sums.q() + noise_variance * sums.w) / f64::from(df);
                let se = (q.max(1.0) / sums.w + noise_variance).sqrt();
                let t = mean / se;
                quantile::student(0.975, f64::from(df))
                    .zip(quantile::student_two_sided(t, f64::from(df)))
                    .map(|(width, p)| HartungKnapp {
                        q,
                        se,
                        df,
                        interval: Interval::around(mean, width * se),
                        t,
                        p,
                    })
            }
        };
        let prediction = match sums.k {
            0..=2 => None,
            k => {
                let df = k - 2;
                quantile::student(0.975, f64::from(df)).map(|width| Prediction {
                    df,
                    interval: Interval::around(mean, width * (tau2 + se * se).sqrt()),
                })
            }
        };
        Ok(Self {
            k: sums.k,
            tau2,
            mean,
            se,
            normal_interval: Interval::around(mean, quantile::Z_95 * se),
            hartung_knapp,
            prediction,
        })
    }

    /// The interval to read: Hartung and Knapp's, or the normal one for a single centre.
    pub fn interval(&self) -> Interval {
        self.hartung_knapp
            .as_ref()
            .map_or(self.normal_interval, |adjusted| adjusted.interval)
    }
}

/// Both rounds over (estimate, variance) in the order given. Callers sort, so that the digits do
/// not depend on who arrived first.
pub(crate) fn two_rounds(rows: &[(f64, f64)]) -> Result<(Fixed, Random), SynthesisError> {
    for (index, &(y, v)) in rows.iter().enumerate() {
        let row = index + 1;
        if !(-LARGEST..=LARGEST).contains(&y) {
            return Err(SynthesisError::NotAnEstimate { row });
        }
        if !(1.0 / LARGEST..=LARGEST).contains(&v) {
            return Err(SynthesisError::NotAVariance { row });
        }
    }
    let total: f64 = rows.iter().map(|(y, _)| y).sum();
    let origin = if rows.is_empty() {
        0.0
    } else {
        total / rows.len() as f64
    };
    let sums = |tau2: f64| -> Sums {
        rows.iter()
            .map(|&(y, v)| Sums::of(y - origin, v, tau2))
            .sum()
    };
    let fixed = Fixed::about(&sums(0.0), origin)?;
    let random = Random::about(&sums(fixed.tau2), fixed.tau2, origin, 0.0)?;
    Ok((fixed, random))
}

#[cfg(test)]
mod tests;
