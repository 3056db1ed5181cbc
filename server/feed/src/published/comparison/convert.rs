//! A comparison for the wire.

use super::{Gathered, caveats};
use crate::ids::WriterId;
use crate::network::NetworkView;
use crate::published::wire;
use krog_measures::comparison::{
    CentreResult, Comparison, ComparisonRefused, Effect, FacilitationResult, ItemMean, PoolResult,
    SdOrigin, UntoldCount,
};
use krog_measures::instrument::Direction;
use krog_measures::synthesis::{Contrast, ContrastOutcome, ContrastRefused, Verdict};
use krog_measures::{Course, Facilitation, Measure};
use krog_pools::privacy::{DELTA, epsilon};
use krog_proto::federation::v1 as proto;

pub(super) fn to_proto(
    view: &NetworkView,
    measure: &Measure,
    gathered: &Gathered,
    compared: Result<Comparison, ComparisonRefused>,
) -> proto::Comparison {
    let empty = proto::Comparison {
        measure: measure.code.to_string(),
        range: measure.scale.range(),
        higher_is_better: measure.scale.direction() == Direction::HigherBetter,
        change_sd: None,
        change_sd_pooled: false,
        change_sd_source: String::new(),
        sides: Vec::new(),
        contrast: Some(refused(proto::ContrastRefusal::TooFewCentres, 0, 0)),
        within: Some(refused(proto::ContrastRefusal::TooFewCentres, 0, 0)),
        centres: Vec::new(),
        untold: Vec::new(),
        caveats: Vec::new(),
        waiting: gathered.waiting,
        pools: Vec::new(),
    };
    let comparison = match compared {
        Ok(comparison) => comparison,
        // Nothing told is an answer too. Figures that cannot be put together do not occur: what was read is in range.
        Err(ComparisonRefused {
            reason: _,
            untold,
            set_aside: _,
        }) => {
            return proto::Comparison {
                untold: untold.iter().map(untold_count).collect(),
                caveats: caveats::of(view, gathered, None),
                ..empty
            };
        }
    };
    let (change_sd, change_sd_pooled, change_sd_source) = match &comparison.sd {
        None => (None, false, String::new()),
        Some(used) => match &used.origin {
            SdOrigin::Pooled { .. } => (Some(used.sd), true, String::new()),
            SdOrigin::Stated { source } => (Some(used.sd), false, source.clone()),
        },
    };
    let sides = comparison.entry.iter().chain(&comparison.continuing);
    proto::Comparison {
        change_sd,
        change_sd_pooled,
        change_sd_source,
        sides: sides.map(side).collect(),
        contrast: Some(contrast(&comparison, &comparison.contrast)),
        within: Some(contrast(&comparison, &comparison.within_centres)),
        centres: comparison
            .centres
            .iter()
            .map(|row| centre_row(view, gathered, row))
            .collect(),
        untold: comparison.untold.iter().map(untold_count).collect(),
        pools: comparison.pools.iter().map(pool_row).collect(),
        caveats: caveats::of(view, gathered, Some(&comparison)),
        ..empty
    }
}

fn side(result: &FacilitationResult) -> proto::Side {
    proto::Side {
        facilitation: wire::facilitation_number(result.facilitation),
        course: wire::course_number(result.course),
        centres: result.centres,
        persons: u32::try_from(result.persons).unwrap_or(u32::MAX),
        mean_change: result.mean_change,
        synthesis: result.effect.as_ref().map(synthesis),
        pooled_centres: result.pooled_centres,
        pooled_persons: result.pooled_persons,
    }
}

fn synthesis(effect: &Effect) -> proto::Synthesis {
    let Effect {
        k,
        effect,
        se,
        interval,
        basis: _,
        tau2,
        spread: _,
        q,
        q_df: _,
        i2_percent,
        prediction,
        fixed_effect,
        fixed_se,
    } = effect;
    let prediction = prediction.as_ref().map(|prediction| prediction.interval);
    proto::Synthesis {
        k: *k,
        effect: *effect,
        se: *se,
        ci_low: interval.low,
        ci_high: interval.high,
        tau2: *tau2,
        q: *q,
        i2: i2_percent.unwrap_or_default(),
        pi_low: prediction.map(|interval| interval.low),
        pi_high: prediction.map(|interval| interval.high),
        fixed_effect: *fixed_effect,
        fixed_se: *fixed_se,
    }
}

fn contrast(comparison: &Comparison, outcome: &ContrastOutcome) -> proto::Contrast {
    match outcome {
        ContrastOutcome::Told(Contrast {
            professional_k,
            peer_k,
            difference,
            se,
            df,
            interval,
            p: _,
            smallest_important: _,
            verdict,
            smallest_detectable,
        }) => proto::Contrast {
            refusal: proto::ContrastRefusal::Unspecified.into(),
            professional_centres: *professional_k,
            peer_centres: *peer_k,
            difference: *difference,
            se: *se,
            df: *df,
            ci_low: interval.low,
            ci_high: interval.high,
            smallest_detectable: *smallest_detectable,
            verdict: match verdict {
                Verdict::CannotTell => proto::ContrastVerdict::CannotTell,
                Verdict::NoImportantDifference => proto::ContrastVerdict::Small,
                Verdict::ProfessionalHigher => proto::ContrastVerdict::Professional,
                Verdict::PeerHigher => proto::ContrastVerdict::Peer,
            }
            .into(),
        },
        ContrastOutcome::Refused(ContrastRefused::TooFewCentres {
            professional,
            peer,
            needed: _,
        }) => refused(proto::ContrastRefusal::TooFewCentres, *professional, *peer),
        ContrastOutcome::Refused(ContrastRefused::TooFewOfferBoth { both, needed: _ }) => {
            refused(proto::ContrastRefusal::TooFewCentres, *both, *both)
        }
        ContrastOutcome::Refused(ContrastRefused::NoSd { persons: _ }) => {
            let on_side = |facilitation| {
                let rows = comparison.centres.iter().filter(|row| {
                    row.facilitation == facilitation
                        && row.course == Course::Entry
                        && row.mean_change.is_some()
                });
                let released = u32::try_from(rows.count()).unwrap_or(u32::MAX);
                let pools = comparison.pools.iter().filter(|row| {
                    row.facilitation == facilitation
                        && row.course == Course::Entry
                        && row.mean_change.is_some()
                });
                pools
                    .map(|row| row.centres)
                    .fold(released, u32::saturating_add)
            };
            refused(
                proto::ContrastRefusal::NoSd,
                on_side(Facilitation::Professional),
                on_side(Facilitation::Peer),
            )
        }
    }
}

fn refused(refusal: proto::ContrastRefusal, professional: u32, peer: u32) -> proto::Contrast {
    proto::Contrast {
        refusal: refusal.into(),
        professional_centres: professional,
        peer_centres: peer,
        difference: 0.0,
        se: 0.0,
        df: 0.0,
        ci_low: 0.0,
        ci_high: 0.0,
        smallest_detectable: None,
        verdict: proto::ContrastVerdict::Unspecified.into(),
    }
}

fn centre_row(view: &NetworkView, gathered: &Gathered, row: &CentreResult) -> proto::CentreRow {
    let CentreResult {
        centre,
        facilitation,
        course,
        releases,
        persons,
        first,
        last,
        mean_change,
        effect,
        variance,
        interval: _,
    } = row;
    let writer = WriterId::new(*centre);
    proto::CentreRow {
        centre: writer.into(),
        public_name: view
            .centre_name(writer)
            .map(ToString::to_string)
            .unwrap_or_default(),
        facilitation: wire::facilitation_number(*facilitation),
        course: wire::course_number(*course),
        persons: *persons,
        first_quarter: first.index(),
        last_quarter: last.index(),
        releases: *releases,
        mean_change: *mean_change,
        effect: *effect,
        variance: *variance,
        baseline_mean: baseline_mean(gathered, row),
    }
}

/// Mean baseline over the persons of those releases of a cell that tell its sum.
fn baseline_mean(gathered: &Gathered, row: &CentreResult) -> Option<f64> {
    let id = (WriterId::new(row.centre), row.course, row.facilitation);
    // Adding zero turns -0 into 0.
    gathered
        .baselines
        .get(&id)
        .map(|(sum, persons)| sum / persons + 0.0)
}

fn pool_row(row: &PoolResult) -> proto::PoolRow {
    let PoolResult {
        round,
        facilitation,
        course,
        centres,
        persons,
        first,
        last,
        mean_change,
        effect,
        variance,
        noise_se,
        rho_millionths,
        has_weights,
        change_sd,
        baseline_mean,
        improved,
        deteriorated,
        followed_up,
        sessions,
        items,
    } = row;
    let is_noisy = *rho_millionths > 0;
    let rho = f64::from(*rho_millionths) / 1e6;
    proto::PoolRow {
        opening: round.to_vec(),
        facilitation: wire::facilitation_number(*facilitation),
        course: wire::course_number(*course),
        centres: *centres,
        persons: *persons,
        first_quarter: first.index(),
        last_quarter: last.index(),
        mean_change: *mean_change,
        effect: *effect,
        variance: *variance,
        noise_se: *noise_se,
        rho_millionths: *rho_millionths,
        epsilon: epsilon(rho, DELTA).filter(|_| is_noisy),
        delta: is_noisy.then_some(DELTA),
        has_weights: *has_weights,
        change_sd: *change_sd,
        baseline_mean: *baseline_mean,
        improved: *improved,
        deteriorated: *deteriorated,
        followed_up: *followed_up,
        sessions: *sessions,
        items: items
            .iter()
            .map(|ItemMean { code, mean }| proto::PoolItemMean {
                code: code.clone(),
                mean: *mean,
            })
            .collect(),
    }
}

fn untold_count(count: &UntoldCount) -> proto::UntoldCount {
    let UntoldCount {
        facilitation,
        course,
        status,
        cells,
        centres: _,
    } = *count;
    proto::UntoldCount {
        reason: wire::status_number(status),
        facilitation: wire::facilitation_number(facilitation),
        course: wire::course_number(course),
        cells,
    }
}
