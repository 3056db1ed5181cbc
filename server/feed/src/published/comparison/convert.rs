//! A comparison for the wire.

use super::{Gathered, caveats};
use crate::ids::WriterId;
use crate::network::NetworkView;
use crate::published::wire;
use krog_measures::comparison::{
    CentreResult, Comparison, ComparisonRefused, FacilitationResult, SdOrigin, UntoldCount,
};
use krog_measures::instrument::Direction;
use krog_measures::synthesis::{
    Contrast, ContrastOutcome, ContrastRefused, Estimate, FacilitationSynthesis, Fixed, Random,
    Verdict, synthesise_estimates,
};
use krog_measures::{Course, Facilitation, Measure};
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
                caveats: caveats::of(view, gathered, &[]),
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
        sides: sides.map(|result| side(&comparison, result)).collect(),
        contrast: Some(contrast(&comparison, &comparison.contrast)),
        within: Some(contrast(&comparison, &comparison.within_centres)),
        centres: comparison
            .centres
            .iter()
            .map(|row| centre_row(view, gathered, row))
            .collect(),
        untold: comparison.untold.iter().map(untold_count).collect(),
        caveats: caveats::of(view, gathered, &comparison.caveats),
        ..empty
    }
}

fn side(comparison: &Comparison, result: &FacilitationResult) -> proto::Side {
    proto::Side {
        facilitation: wire::facilitation_number(result.facilitation),
        course: wire::course_number(result.course),
        centres: result.centres,
        persons: u32::try_from(result.persons).unwrap_or(u32::MAX),
        mean_change: result.mean_change,
        synthesis: synthesis(comparison, result),
    }
}

/// The synthesis of one side in full. The figures are those of the comparison: the same rows, put together in the same
/// order, for the standard error and the fixed effect that it leaves out.
fn synthesis(comparison: &Comparison, result: &FacilitationResult) -> Option<proto::Synthesis> {
    let rows = comparison
        .centres
        .iter()
        .filter(|row| (row.facilitation, row.course) == (result.facilitation, result.course));
    let estimates: Vec<Estimate> = rows
        .filter_map(|row| {
            Some(Estimate {
                label: WriterId::new(row.centre).to_string(),
                y: row.effect?,
                v: row.variance?,
                facilitation: Some(result.facilitation),
            })
        })
        .collect();
    let put_together = synthesise_estimates(&estimates).ok()?;
    let FacilitationSynthesis {
        facilitation: _,
        fixed,
        random,
    } = put_together.by_facilitation.into_iter().next()?;
    let interval = random.interval();
    let Fixed {
        mean: fixed_effect,
        se: fixed_se,
        q,
        i2_percent,
        ..
    } = fixed;
    let Random {
        k,
        tau2,
        mean: effect,
        se,
        hartung_knapp,
        prediction,
        ..
    } = random;
    Some(proto::Synthesis {
        k,
        effect,
        se: hartung_knapp.map_or(se, |adjusted| adjusted.se),
        ci_low: interval.low,
        ci_high: interval.high,
        tau2,
        q,
        i2: i2_percent.unwrap_or_default(),
        pi_low: prediction
            .as_ref()
            .map(|prediction| prediction.interval.low),
        pi_high: prediction
            .as_ref()
            .map(|prediction| prediction.interval.high),
        fixed_effect,
        fixed_se,
    })
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
                u32::try_from(rows.count()).unwrap_or(u32::MAX)
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
