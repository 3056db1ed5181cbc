//! Any table of estimates put together, as `krog synthesize` does.

use super::{ContrastOutcome, Fixed, Random, SynthesisError, contrast, two_rounds};
use crate::facilitation::Facilitation;
use crate::quantile;
use serde::{Deserialize, Serialize};

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What it is called.
    pub label: String,
    /// The estimate.
    pub y: f64,
    /// Its sampling variance: the square of its standard error.
    pub v: f64,
    /// The side it belongs to, if sides are to be contrasted.
    pub facilitation: Option<Facilitation>,
}

/// The estimates of one facilitation put together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacilitationSynthesis {
    /// Which.
    pub facilitation: Facilitation,
    /// As if all shared one true effect.
    pub fixed: Fixed,
    /// With effects that vary.
    pub random: Random,
}

/// A table of estimates put together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Synthesis {
    /// All rows, as if they shared one true effect.
    pub fixed: Fixed,
    /// All rows, with effects that vary.
    pub random: Random,
    /// One for each facilitation named in the table, in fixed order.
    pub by_facilitation: Vec<FacilitationSynthesis>,
    /// Professional minus peer, if any row names a facilitation.
    pub contrast: Option<ContrastOutcome>,
}

/// Puts a table of estimates together, without a smallest important difference.
pub fn synthesise_estimates(estimates: &[Estimate]) -> Result<Synthesis, SynthesisError> {
    synthesise_estimates_with(estimates, None)
}

/// Puts a table of estimates together. `smallest_important` is the smallest difference between
/// the sides that would matter, in the unit of the estimates.
///
/// The order of rows does not change a digit.
pub fn synthesise_estimates_with(
    estimates: &[Estimate],
    smallest_important: Option<f64>,
) -> Result<Synthesis, SynthesisError> {
    // Checked in the order given, so that an error names the reader's row.
    let as_given: Vec<_> = estimates.iter().map(|row| (row.y, row.v)).collect();
    two_rounds(&as_given)?;

    let mut sorted: Vec<&Estimate> = estimates.iter().collect();
    sorted.sort_by(|a, b| {
        (a.label.cmp(&b.label))
            .then(a.y.total_cmp(&b.y))
            .then(a.v.total_cmp(&b.v))
    });
    let rows = |wanted: Option<Facilitation>| -> Vec<(f64, f64)> {
        sorted
            .iter()
            .filter(|row| wanted.is_none() || row.facilitation == wanted)
            .map(|row| (row.y, row.v))
            .collect()
    };
    let (fixed, random) = two_rounds(&rows(None))?;
    let mut by_facilitation = Vec::new();
    for facilitation in Facilitation::ALL {
        let rows = rows(Some(facilitation));
        if !rows.is_empty() {
            let (fixed, random) = two_rounds(&rows)?;
            by_facilitation.push(FacilitationSynthesis {
                facilitation,
                fixed,
                random,
            });
        }
    }
    let side = |wanted| {
        by_facilitation
            .iter()
            .find(|side| side.facilitation == wanted)
            .map(|side| &side.random)
    };
    let outcome = (!by_facilitation.is_empty()).then(|| {
        contrast(
            side(Facilitation::Professional),
            side(Facilitation::Peer),
            smallest_important.filter(|least| *least > 0.0),
        )
        .into()
    });
    Ok(Synthesis {
        fixed,
        random,
        contrast: outcome,
        by_facilitation,
    })
}

/// Test of differences between subgroups, each with a τ² of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subgroups {
    /// Mean over subgroups, weighted by 1/SE².
    pub mean: f64,
    /// ΣW(μ − mean)²
    pub q_between: f64,
    /// Subgroups − 1.
    pub df: u32,
    /// Upper tail of chi-squared; none for one subgroup.
    pub p: Option<f64>,
}

/// Tests whether subgroup means differ (Borenstein et al. 2009, chapter 19).
pub fn between(subgroups: &[&Random]) -> Result<Subgroups, SynthesisError> {
    let rows: Vec<_> = subgroups
        .iter()
        .map(|group| (group.mean, group.se * group.se))
        .collect();
    let (fixed, _) = two_rounds(&rows)?;
    Ok(Subgroups {
        mean: fixed.mean,
        q_between: fixed.q,
        df: fixed.q_df,
        p: if fixed.q_df > 0 {
            quantile::chi_squared_upper(fixed.q, f64::from(fixed.q_df))
        } else {
            None
        },
    })
}
