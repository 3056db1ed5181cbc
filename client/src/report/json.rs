//! A comparison as JSON: every digit, and a status wherever there is no number.

use data_encoding::HEXLOWER;
use krog_proto::federation::v1 as pb;
use serde_json::{Value, json};

use super::{pools, words};

/// A number with the digits it takes to read it back; a word when it is none.
pub(crate) fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or_else(|| json!("not a number"), Value::Number)
}

fn told(value: Option<f64>, why: &'static str) -> Value {
    match value {
        Some(value) => json!({"status": "value", "value": number(value)}),
        None => json!({"status": "absent", "why": why}),
    }
}

/// The whole comparison. Absent numbers are objects with a status, cells without a value are listed by their reason.
pub fn comparison(comparison: &pb::Comparison) -> Value {
    let pb::Comparison {
        measure,
        range,
        higher_is_better,
        change_sd,
        change_sd_pooled,
        change_sd_source,
        sides,
        contrast: between,
        within,
        centres,
        untold,
        caveats,
        waiting,
        pools: pooled,
    } = comparison;
    let sd = match change_sd {
        None => json!({"status": "absent", "why": "no SD of change is told or stated"}),
        Some(value) if *change_sd_pooled => {
            let from = if pools::tell_sd(comparison) {
                "releases_and_pools"
            } else {
                "releases"
            };
            json!({"status": "value", "value": number(*value), "from": from})
        }
        Some(value) => {
            json!({"status": "value", "value": number(*value), "from": "stated", "source": change_sd_source})
        }
    };
    json!({
        "measure": measure,
        "range": number(*range),
        "higher_is_better": higher_is_better,
        "change_sd": sd,
        "sides": sides.iter().map(side).collect::<Vec<_>>(),
        "contrast": contrast(between.as_ref()),
        "contrast_within_centres": contrast(within.as_ref()),
        "centres": centres.iter().map(centre).collect::<Vec<_>>(),
        "pools": pooled.iter().map(pool).collect::<Vec<_>>(),
        "not_told": untold.iter().map(not_told).collect::<Vec<_>>(),
        "waiting_cells": waiting,
        "caveats": caveats.iter().map(|caveat| json!({
            "caveat": words::caveat_word(*caveat),
            "in_words": words::caveat(*caveat),
        })).collect::<Vec<_>>(),
        "ranking": "none: centres are ordered by identity",
    })
}

fn side(side: &pb::Side) -> Value {
    let pb::Side {
        facilitation,
        course,
        centres,
        persons,
        mean_change,
        synthesis: synthesised,
        pooled_centres,
        pooled_persons,
    } = side;
    json!({
        "facilitation": words::facilitation(*facilitation),
        "course": words::course(*course),
        "centres": centres,
        "persons": persons,
        "pooled_centres": pooled_centres,
        "pooled_persons": told((*pooled_centres > 0).then_some(*pooled_persons), "no pool"),
        "mean_change": told(*mean_change, "told only as an end of the scale, or not at all"),
        "synthesis": synthesised.as_ref().map_or_else(
            || json!({"status": "absent", "why": words::NO_SYNTHESIS}),
            synthesis,
        ),
    })
}

fn synthesis(synthesis: &pb::Synthesis) -> Value {
    let pb::Synthesis {
        k,
        effect,
        se,
        ci_low,
        ci_high,
        tau2,
        q,
        i2,
        pi_low,
        pi_high,
        fixed_effect,
        fixed_se,
    } = synthesis;
    let prediction = match pi_low.zip(*pi_high) {
        Some((low, high)) => json!({"status": "value", "low": number(low), "high": number(high)}),
        None => json!({"status": "absent", "why": "fewer than three estimates"}),
    };
    let q_or = |value: f64| match words::tells_q(synthesis) {
        Some(_) => number(value),
        None => {
            json!({"status": "absent", "why": "pools do not tell how much their centres differ"})
        }
    };
    json!({
        "status": "value",
        "k": k,
        "effect": number(*effect),
        "se": number(*se),
        "ci_low": number(*ci_low),
        "ci_high": number(*ci_high),
        "tau2": number(*tau2),
        "q": q_or(*q),
        "i2_percent": q_or(*i2),
        "prediction": prediction,
        "fixed_effect": number(*fixed_effect),
        "fixed_se": number(*fixed_se),
    })
}

fn contrast(contrast: Option<&pb::Contrast>) -> Value {
    let Some(pb::Contrast {
        refusal,
        professional_centres,
        peer_centres,
        difference,
        se,
        df,
        ci_low,
        ci_high,
        smallest_detectable,
        verdict,
    }) = contrast
    else {
        return json!({"status": "absent", "why": "not computed"});
    };
    if *refusal != 0 {
        let why = match pb::ContrastRefusal::try_from(*refusal) {
            Ok(pb::ContrastRefusal::TooFewCentres) => "too_few_centres".to_owned(),
            Ok(pb::ContrastRefusal::NoSd) => "no_sd".to_owned(),
            Ok(pb::ContrastRefusal::Unspecified) | Err(_) => format!("unknown_{refusal}"),
        };
        return json!({
            "status": "refused",
            "why": why,
            "professional_centres": professional_centres,
            "peer_centres": peer_centres,
        });
    }
    let verdict = match pb::ContrastVerdict::try_from(*verdict) {
        Ok(pb::ContrastVerdict::CannotTell) => "cannot_tell".to_owned(),
        Ok(pb::ContrastVerdict::Professional) => "professional".to_owned(),
        Ok(pb::ContrastVerdict::Peer) => "peer".to_owned(),
        Ok(pb::ContrastVerdict::Small) => "small".to_owned(),
        Ok(pb::ContrastVerdict::Unspecified) | Err(_) => format!("unknown_{verdict}"),
    };
    json!({
        "status": "value",
        "professional_centres": professional_centres,
        "peer_centres": peer_centres,
        "difference": number(*difference),
        "se": number(*se),
        "df": number(*df),
        "ci_low": number(*ci_low),
        "ci_high": number(*ci_high),
        "smallest_detectable": told(*smallest_detectable, "ten centres or more a side"),
        "verdict": verdict,
    })
}

fn centre(row: &pb::CentreRow) -> Value {
    let pb::CentreRow {
        centre,
        public_name,
        facilitation,
        course,
        persons,
        first_quarter,
        last_quarter,
        releases,
        mean_change,
        effect,
        variance,
        baseline_mean,
    } = row;
    const END: &str = "told only as an end of the scale";
    json!({
        "centre": HEXLOWER.encode(centre),
        "public_name": if public_name.is_empty() {
            json!({"status": "absent", "why": "its node's descriptor has not arrived"})
        } else {
            json!(public_name)
        },
        "facilitation": words::facilitation(*facilitation),
        "course": words::course(*course),
        "persons": persons,
        "first_quarter": words::quarter_name(*first_quarter),
        "last_quarter": words::quarter_name(*last_quarter),
        "releases": releases,
        "mean_change": told(*mean_change, END),
        "baseline_mean": told(*baseline_mean, END),
        "effect": told(*effect, words::NO_SYNTHESIS),
        "variance": told(*variance, words::NO_SYNTHESIS),
    })
}

fn pool(row: &pb::PoolRow) -> Value {
    let pb::PoolRow {
        opening,
        facilitation,
        course,
        centres,
        persons,
        first_quarter,
        last_quarter,
        mean_change,
        effect,
        variance,
        noise_se,
        rho_millionths,
        epsilon,
        delta,
        has_weights,
        change_sd,
        baseline_mean,
        improved,
        deteriorated,
        followed_up,
        sessions,
        items,
    } = row;
    const NOT_ASKED: &str = "not asked";
    const NO_NOISE: &str = "no noise";
    json!({
        "round": HEXLOWER.encode(opening),
        "facilitation": words::facilitation(*facilitation),
        "course": words::course(*course),
        "centres": centres,
        "persons": number(*persons),
        "first_quarter": words::quarter_name(*first_quarter),
        "last_quarter": words::quarter_name(*last_quarter),
        "mean_change": told(*mean_change, NOT_ASKED),
        "effect": told(*effect, words::NO_SYNTHESIS),
        "variance": told(*variance, words::NO_SYNTHESIS),
        "noise_se": number(*noise_se),
        "rho": number(f64::from(*rho_millionths) / 1e6),
        "epsilon": told(*epsilon, NO_NOISE),
        "delta": told(*delta, NO_NOISE),
        "has_weights": has_weights,
        "change_sd": told(*change_sd, "not asked, or lost in noise"),
        "baseline_mean": told(*baseline_mean, NOT_ASKED),
        "reliably_improved": told(*improved, NOT_ASKED),
        "reliably_worse": told(*deteriorated, NOT_ASKED),
        "followed_up": told(*followed_up, NOT_ASKED),
        "sessions": told(*sessions, NOT_ASKED),
        "items": items.iter().map(|pb::PoolItemMean { code, mean }| json!({
            "item": code,
            "mean": number(*mean),
        })).collect::<Vec<_>>(),
    })
}

fn not_told(untold: &pb::UntoldCount) -> Value {
    let pb::UntoldCount {
        reason,
        facilitation,
        course,
        cells,
    } = untold;
    json!({
        "reason": words::withheld_word(*reason),
        "facilitation": words::facilitation(*facilitation),
        "course": words::course(*course),
        "cells": cells,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_pool_has_every_digit_and_a_status_where_nothing_was_asked() {
        let json = comparison(&sample::with_pools());
        let pools = &json["pools"];
        assert_eq!(pools[0]["round"], "a1".repeat(32));
        assert_eq!(pools[0]["persons"], 107.6);
        assert_eq!(pools[0]["rho"], 0.25);
        assert_eq!(
            pools[0]["epsilon"],
            json!({"status": "value", "value": 3.5})
        );
        assert_eq!(pools[0]["items"][0]["item"], "nervous");
        let absent = |why: &str| json!({"status": "absent", "why": why});
        assert_eq!(pools[1]["improved"], Value::Null);
        assert_eq!(pools[1]["reliably_improved"], absent("not asked"));
        assert_eq!(pools[1]["epsilon"], absent("no noise"));
        assert_eq!(json["sides"][0]["pooled_centres"], 9);
        assert_eq!(json["sides"][2]["pooled_persons"], absent("no pool"));
    }

    #[test]
    fn a_q_that_nothing_tells_is_no_zero() {
        let mut told = sample::with_pools();
        let synthesis = told.sides[0].synthesis.as_mut().unwrap();
        (synthesis.q, synthesis.i2) = (0.0, 0.0);
        let json = comparison(&told);
        assert_eq!(json["sides"][0]["synthesis"]["q"]["status"], "absent");
        assert_eq!(
            json["sides"][0]["synthesis"]["i2_percent"]["status"],
            "absent"
        );
        assert_eq!(json["sides"][1]["synthesis"]["q"], 7.5);
    }
}
