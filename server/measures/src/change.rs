//! Change of one person, and of people of whom only sums are known.

use crate::quantile;
use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;
use std::ops::Add;
use thiserror::Error;

/// Why a change could not be stated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChangeError {
    /// Too few people.
    #[error("at least {needed} people are needed for this figure")]
    TooFew {
        /// Fewest people.
        needed: u32,
    },
    /// A standard deviation is not a positive number.
    #[error(
        "a standard deviation must be a positive number; when all scores are equal there is no standardised change"
    )]
    NoSpread,
    /// A correlation or reliability is out of its bounds.
    #[error("a correlation lies between -1 and 1, a reliability from 0 to below 1")]
    Correlation,
    /// Not a finite number, or sums no people can have.
    #[error("these figures are not possible; check what they were made from")]
    Impossible,
}

/// A standardised change and its sampling variance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StandardisedChange {
    /// Change in units of a standard deviation, corrected for small samples.
    pub y: f64,
    /// Sampling variance.
    pub v: f64,
}

/// The exact factor against small-sample bias, J(m) = Γ(m/2) / (√(m/2) Γ((m−1)/2))
/// (Hedges 1981), for m = n − 1 degrees of freedom.
pub fn small_sample_factor(m: u32) -> Result<f64, ChangeError> {
    if m < 2 {
        return Err(ChangeError::TooFew { needed: 3 });
    }
    let half = f64::from(m) / 2.0;
    Ok((ln_gamma(half) - ln_gamma(half - 0.5)).exp() / half.sqrt())
}

fn positive(sd: f64) -> Result<f64, ChangeError> {
    if sd > 0.0 && sd.is_finite() {
        Ok(sd)
    } else {
        Err(ChangeError::NoSpread)
    }
}

fn finite(change: StandardisedChange) -> Result<StandardisedChange, ChangeError> {
    if change.y.is_finite() && change.v.is_finite() {
        Ok(change)
    } else {
        Err(ChangeError::Impossible)
    }
}

/// Standardised mean change by the SD at baseline (SMCR; Becker 1988, Morris 2008):
/// g = J · change / SD, v = 2(1 − r)/n + g²/(2n).
pub fn smcr(
    mean_change: f64,
    sd_baseline: f64,
    correlation: f64,
    n: u32,
) -> Result<StandardisedChange, ChangeError> {
    let sd = positive(sd_baseline)?;
    if !(-1.0..=1.0).contains(&correlation) {
        return Err(ChangeError::Correlation);
    }
    let y = small_sample_factor(n.saturating_sub(1))? * mean_change / sd;
    let n = f64::from(n);
    finite(StandardisedChange {
        y,
        v: 2.0 * (1.0 - correlation) / n + y * y / (2.0 * n),
    })
}

/// Standardised mean change by the SD of change (SMCC; Gibbons, Hedeker and Davis 1993):
/// g = J · change / SD, v = 1/n + g²/(2n).
pub fn smcc(mean_change: f64, sd_change: f64, n: u32) -> Result<StandardisedChange, ChangeError> {
    let sd = positive(sd_change)?;
    let y = small_sample_factor(n.saturating_sub(1))? * mean_change / sd;
    let n = f64::from(n);
    finite(StandardisedChange {
        y,
        v: 1.0 / n + y * y / (2.0 * n),
    })
}

/// SD of change from the SDs at both times and their correlation.
pub fn sd_of_change(
    sd_baseline: f64,
    sd_follow_up: f64,
    correlation: f64,
) -> Result<f64, ChangeError> {
    if !(-1.0..=1.0).contains(&correlation) {
        return Err(ChangeError::Correlation);
    }
    let (a, b) = (positive(sd_baseline)?, positive(sd_follow_up)?);
    positive((a * a + b * b - 2.0 * correlation * a * b).sqrt())
}

/// One person's change measured against the error of the instrument (Jacobson and Truax 1991).
#[derive(Clone, Copy, PartialEq)]
pub struct ReliableChange {
    /// Standard error of a score: SD √(1 − reliability).
    pub se: f64,
    /// Standard error of a difference of two scores: √2 · se.
    pub se_difference: f64,
    /// Change divided by it. Positive when the score rose.
    pub index: f64,
    /// Change beyond this is reliable: 1.96 · se_difference.
    pub threshold: f64,
}

impl ReliableChange {
    /// Whether the change is more than error would make in 95 of 100 people.
    pub fn is_reliable(&self) -> bool {
        self.index.abs() > quantile::Z_95
    }
}

/// Silent: one person's change is personal.
impl std::fmt::Debug for ReliableChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReliableChange(..)")
    }
}

/// Jacobson and Truax's index for one person.
pub fn reliable_change(
    baseline: f64,
    follow_up: f64,
    sd_baseline: f64,
    reliability: f64,
) -> Result<ReliableChange, ChangeError> {
    let sd = positive(sd_baseline)?;
    if !(0.0..1.0).contains(&reliability) {
        return Err(ChangeError::Correlation);
    }
    let change = follow_up - baseline;
    if !change.is_finite() {
        return Err(ChangeError::Impossible);
    }
    let se = sd * (1.0 - reliability).sqrt();
    let se_difference = std::f64::consts::SQRT_2 * se;
    Ok(ReliableChange {
        se,
        se_difference,
        index: change / se_difference,
        threshold: quantile::Z_95 * se_difference,
    })
}

/// Jacobson and Truax's criterion c: where a score is as likely among troubled as among untroubled
/// people, from mean and SD of both.
pub fn criterion_c(
    (troubled_mean, troubled_sd): (f64, f64),
    (untroubled_mean, untroubled_sd): (f64, f64),
) -> Result<f64, ChangeError> {
    let (s1, s0) = (positive(troubled_sd)?, positive(untroubled_sd)?);
    let cut = (s0 * troubled_mean + s1 * untroubled_mean) / (s0 + s1);
    if cut.is_finite() {
        Ok(cut)
    } else {
        Err(ChangeError::Impossible)
    }
}

/// Sums over the pairs of several centres. They add.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct MemberSums {
    /// Centres.
    pub k: u32,
    /// People, one pair each.
    pub n: f64,
    /// Σ over centres of n².
    pub n_squared: f64,
    /// Σ change.
    pub change: f64,
    /// Σ change².
    pub change_squared: f64,
    /// Σ over centres of (Σ change)² / n.
    pub change_sum_squared_over_n: f64,
    /// Σ baseline.
    pub baseline: f64,
    /// Σ baseline².
    pub baseline_squared: f64,
    /// Σ follow-up.
    pub follow_up: f64,
    /// Σ follow-up².
    pub follow_up_squared: f64,
    /// Σ baseline · follow-up.
    pub product: f64,
}

impl MemberSums {
    /// The sums of one centre, from its (baseline, follow-up) pairs.
    pub fn of_centre(pairs: &[(f64, f64)]) -> Self {
        let mut sums = Self {
            k: 1,
            n: pairs.len() as f64,
            ..Self::default()
        };
        for (baseline, follow_up) in pairs {
            let change = follow_up - baseline;
            sums.change += change;
            sums.change_squared += change * change;
            sums.baseline += baseline;
            sums.baseline_squared += baseline * baseline;
            sums.follow_up += follow_up;
            sums.follow_up_squared += follow_up * follow_up;
            sums.product += baseline * follow_up;
        }
        if pairs.is_empty() {
            return Self::default();
        }
        sums.n_squared = sums.n * sums.n;
        sums.change_sum_squared_over_n = sums.change * sums.change / sums.n;
        sums
    }
}

impl Add for MemberSums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            k: self.k.saturating_add(other.k),
            n: self.n + other.n,
            n_squared: self.n_squared + other.n_squared,
            change: self.change + other.change,
            change_squared: self.change_squared + other.change_squared,
            change_sum_squared_over_n: self.change_sum_squared_over_n
                + other.change_sum_squared_over_n,
            baseline: self.baseline + other.baseline,
            baseline_squared: self.baseline_squared + other.baseline_squared,
            follow_up: self.follow_up + other.follow_up,
            follow_up_squared: self.follow_up_squared + other.follow_up_squared,
            product: self.product + other.product,
        }
    }
}

/// How much centres differ, by one-way analysis of variance of change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BetweenCentres {
    /// Variance of true mean change between centres, never below zero.
    pub tau2: f64,
    /// Share of the variance of change that lies between centres.
    pub icc: f64,
    /// Mean square between over mean square within.
    pub f: f64,
    /// Upper tail of F with k − 1 and n − k degrees of freedom.
    pub p: f64,
}

/// What the sums of several centres tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PooledChange {
    /// People.
    pub n: u32,
    /// Mean of follow-up minus baseline.
    pub mean: f64,
    /// SD of change.
    pub sd: f64,
    /// Correlation of baseline and follow-up.
    pub correlation: f64,
    /// Mean change by the SD of change.
    pub smcc: StandardisedChange,
    /// Mean change by the SD at baseline.
    pub smcr: StandardisedChange,
    /// Paired t.
    pub t: f64,
    /// How much centres differ; none for one centre or one person a centre.
    pub between: Option<BetweenCentres>,
}

/// Change of the people of several centres, from their sums alone.
pub fn pooled_change(sums: &MemberSums) -> Result<PooledChange, ChangeError> {
    let MemberSums {
        k,
        n,
        n_squared,
        change,
        change_squared,
        change_sum_squared_over_n,
        baseline,
        baseline_squared,
        follow_up,
        follow_up_squared,
        product,
    } = *sums;
    if n < 3.0 {
        return Err(ChangeError::TooFew { needed: 3 });
    }
    if !n.is_finite() || n > f64::from(u32::MAX) || n.fract() != 0.0 || f64::from(k) > n || k == 0 {
        return Err(ChangeError::Impossible);
    }
    let people = n as u32;
    let mean = change / n;
    let variance_of = |sum: f64, squares: f64| (squares - sum * sum / n) / (n - 1.0);
    let sd = positive(variance_of(change, change_squared).sqrt())?;
    let sd_baseline = positive(variance_of(baseline, baseline_squared).sqrt())?;
    let sd_follow_up = positive(variance_of(follow_up, follow_up_squared).sqrt())?;
    let covariance = (product - baseline * follow_up / n) / (n - 1.0);
    // Rounding can carry a perfect correlation a little over one.
    let correlation = (covariance / (sd_baseline * sd_follow_up)).clamp(-1.0, 1.0);
    let smcc = smcc(mean, sd, people)?;
    let smcr = smcr(mean, sd_baseline, correlation, people)?;
    let between = if k >= 2 && n > f64::from(k) {
        let (groups, within_df) = (f64::from(k), n - f64::from(k));
        let mean_square_between =
            (change_sum_squared_over_n - change * change / n) / (groups - 1.0);
        let mean_square_within = (change_squared - change_sum_squared_over_n) / within_df;
        let size = (n - n_squared / n) / (groups - 1.0);
        let tau2 = ((mean_square_between - mean_square_within) / size).max(0.0);
        let f = mean_square_between / mean_square_within;
        let p = quantile::f_upper(f, groups - 1.0, within_df).ok_or(ChangeError::Impossible)?;
        Some(BetweenCentres {
            tau2,
            icc: tau2 / (tau2 + mean_square_within),
            f,
            p,
        })
    } else {
        None
    };
    Ok(PooledChange {
        n: people,
        mean,
        sd,
        correlation,
        smcc,
        smcr,
        t: mean / (sd / n.sqrt()),
        between,
    })
}

#[cfg(test)]
mod tests;
