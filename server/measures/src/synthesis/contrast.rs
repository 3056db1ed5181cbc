//! Professionally facilitated against peer-led, and what may be said of it.

use super::{Interval, Random};
use crate::quantile;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Centres a side below which there is no contrast.
pub const CENTRES_NEEDED: u32 = 5;

/// Centres a side below which the smallest detectable difference is told.
pub const CENTRES_WITHOUT_POWER_NOTE: u32 = 10;

/// How the smallest detectable difference is reckoned, for people.
pub const DETECTABLE_FORMULA: &str =
    "(t(0.975; df) + t(0.80; df)) × SE: found in 80 of 100 such comparisons, at 5 % two-sided";

/// Why there is no contrast.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContrastRefused {
    /// One side or both have too few centres.
    #[error(
        "no contrast: it needs {needed} centres a side, and there are {professional} \
         professionally facilitated and {peer} peer-led"
    )]
    TooFewCentres {
        /// Centres with professionally facilitated groups.
        professional: u32,
        /// Centres with peer-led groups.
        peer: u32,
        /// Fewest centres a side.
        needed: u32,
    },
    /// Too few centres offer both, for the contrast within centres.
    #[error(
        "no contrast within centres: it needs {needed} centres that offer both, and there are {both}"
    )]
    TooFewOfferBoth {
        /// Centres with both.
        both: u32,
        /// Fewest centres.
        needed: u32,
    },
    /// There is no SD of change to measure by.
    #[error(
        "no contrast: no release of {persons} or more persons tells an SD of change, and the \
         measure states none; state one with its source, or wait for a larger release"
    )]
    NoSd {
        /// Fewest persons of a release that tells its SD.
        persons: u32,
    },
}

/// What a contrast allows to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The interval holds zero and a difference that would matter.
    CannotTell,
    /// The interval holds zero and no difference that would matter.
    NoImportantDifference,
    /// The interval lies above zero.
    ProfessionalHigher,
    /// The interval lies below zero.
    PeerHigher,
}

impl Verdict {
    pub(super) fn of(interval: &Interval, smallest_important: Option<f64>) -> Self {
        if interval.low > 0.0 {
            Self::ProfessionalHigher
        } else if interval.high < 0.0 {
            Self::PeerHigher
        } else {
            match smallest_important {
                Some(least) if interval.low > -least && interval.high < least => {
                    Self::NoImportantDifference
                }
                _ => Self::CannotTell,
            }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CannotTell => "these data cannot tell",
            Self::NoImportantDifference => {
                "if there is a difference, it is smaller than the smallest important one"
            }
            Self::ProfessionalHigher => {
                "higher in the professionally facilitated groups; why, these data cannot tell"
            }
            Self::PeerHigher => "higher in the peer-led groups; why, these data cannot tell",
        })
    }
}

/// Professional minus peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// Centres on the professional side; in a contrast within centres, those that offer both.
    pub professional_k: u32,
    /// Centres on the peer side; in a contrast within centres, those that offer both.
    pub peer_k: u32,
    /// Professional minus peer.
    pub difference: f64,
    /// Standard error of the difference.
    pub se: f64,
    /// Degrees of freedom of the interval.
    pub df: f64,
    /// difference ± t(df) · se
    pub interval: Interval,
    /// Two-sided tail of difference / se.
    pub p: f64,
    /// The smallest difference that would matter to people, if one was stated.
    pub smallest_important: Option<f64>,
    /// What may be said.
    pub verdict: Verdict,
    /// Told below ten centres a side: see [`DETECTABLE_FORMULA`].
    pub smallest_detectable: Option<f64>,
}

impl Contrast {
    pub(super) fn read(
        (professional_k, peer_k): (u32, u32),
        difference: f64,
        se: f64,
        df: f64,
        smallest_important: Option<f64>,
    ) -> Option<Self> {
        let width = quantile::student(0.975, df)?;
        let interval = Interval::around(difference, width * se);
        let smallest_detectable = if professional_k.min(peer_k) < CENTRES_WITHOUT_POWER_NOTE {
            Some((width + quantile::student(0.8, df)?) * se)
        } else {
            None
        };
        Some(Self {
            professional_k,
            peer_k,
            difference,
            se,
            df,
            interval,
            p: quantile::student_two_sided(difference / se, df)?,
            smallest_important,
            verdict: Verdict::of(&interval, smallest_important),
            smallest_detectable,
        })
    }

    /// A contrast within centres: the synthesis of each centre's own professional minus peer.
    pub(crate) fn within(
        differences: Option<&Random>,
        smallest_important: Option<f64>,
    ) -> Result<Self, ContrastRefused> {
        let k = differences.map_or(0, |differences| differences.k);
        differences
            .filter(|_| k >= CENTRES_NEEDED)
            .and_then(|differences| {
                let adjusted = differences.hartung_knapp.as_ref()?;
                Self::read(
                    (k, k),
                    differences.mean,
                    adjusted.se,
                    f64::from(adjusted.df),
                    smallest_important,
                )
            })
            .ok_or(ContrastRefused::TooFewOfferBoth {
                both: k,
                needed: CENTRES_NEEDED,
            })
    }
}

/// A contrast, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContrastOutcome {
    /// Told.
    Told(Contrast),
    /// Refused.
    Refused(ContrastRefused),
}

impl From<Result<Contrast, ContrastRefused>> for ContrastOutcome {
    fn from(result: Result<Contrast, ContrastRefused>) -> Self {
        match result {
            Ok(contrast) => Self::Told(contrast),
            Err(refused) => Self::Refused(refused),
        }
    }
}

/// What a contrast has to know of a side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ContrastSide {
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub se: f64,
    /// Degrees of freedom of that.
    pub df: u32,
}

impl ContrastSide {
    /// A side whose every estimate is a centre. None for one centre.
    fn of_centres(side: &Random) -> Option<Self> {
        let adjusted = side.hartung_knapp.as_ref()?;
        Some(Self {
            mean: side.mean,
            se: adjusted.se,
            df: adjusted.df,
        })
    }
}

/// Contrasts two sides, each with a τ² of its own.
///
/// The standard error is √(SE₁² + SE₂²) of the Hartung–Knapp errors, its degrees of freedom are
/// (SE₁² + SE₂²)² / (SE₁⁴/(k₁−1) + SE₂⁴/(k₂−1)) (Satterthwaite 1946, Welch 1947). `None` on a
/// side means that it has no centre.
pub fn contrast(
    professional: Option<&Random>,
    peer: Option<&Random>,
    smallest_important: Option<f64>,
) -> Result<Contrast, ContrastRefused> {
    let count = |side: Option<&Random>| side.map_or(0, |side| side.k);
    contrast_of(
        (count(professional), count(peer)),
        professional.and_then(ContrastSide::of_centres),
        peer.and_then(ContrastSide::of_centres),
        smallest_important,
    )
}

/// The same for sides that know their standard errors and degrees of freedom, with the number of
/// centres on each.
pub(crate) fn contrast_of(
    counts: (u32, u32),
    professional: Option<ContrastSide>,
    peer: Option<ContrastSide>,
    smallest_important: Option<f64>,
) -> Result<Contrast, ContrastRefused> {
    let refused = ContrastRefused::TooFewCentres {
        professional: counts.0,
        peer: counts.1,
        needed: CENTRES_NEEDED,
    };
    if counts.0.min(counts.1) < CENTRES_NEEDED {
        return Err(refused);
    }
    let told = || {
        let (a, b) = (professional?, peer?);
        let (var_a, var_b) = (a.se * a.se, b.se * b.se);
        let variance = var_a + var_b;
        // Shares of the variance instead of fourth powers, which could leave the range of f64.
        let (share_a, share_b) = (var_a / variance, var_b / variance);
        let df = 1.0 / (share_a * share_a / f64::from(a.df) + share_b * share_b / f64::from(b.df));
        let difference = a.mean - b.mean;
        Contrast::read(counts, difference, variance.sqrt(), df, smallest_important)
    };
    // From five centres a side there is always a t quantile.
    told().ok_or(refused)
}
