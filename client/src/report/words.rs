//! The words of a report, in one place.

use krog_measures::Quarter;
use krog_proto::federation::v1 as pb;
use pb::{Caveat, ContrastRefusal, ContrastVerdict, Course, Facilitation, Withheld};

use super::{clean, number, pools, span};

/// What to say where no cell is withheld: all have a value, or nobody has spoken yet.
pub(crate) fn nothing_withheld(comparison: &pb::Comparison) -> &'static str {
    if comparison.sides.is_empty() {
        "Nobody has told anything of this measure yet."
    } else {
        "Every cell of every centre's latest quarter has a value."
    }
}

/// A quarter on the wire, as 2026Q1; a number outside the calendar stands for itself.
pub fn quarter_name(quarter: u32) -> String {
    Quarter::from_index(quarter).map_or_else(|_| format!("quarter {quarter}"), |q| q.to_string())
}

/// The number a quarter has on the wire, from text as 2026Q1.
pub fn quarter_number(text: &str) -> Option<u32> {
    text.parse::<Quarter>().ok().map(Quarter::index)
}

/// First and last quarter, once when they are the same.
pub(super) fn quarters(first: u32, last: u32) -> String {
    if first == last {
        quarter_name(first)
    } else {
        format!("{}–{}", quarter_name(first), quarter_name(last))
    }
}

pub(super) fn facilitation(number: i32) -> String {
    match Facilitation::try_from(number) {
        Ok(Facilitation::Professional) => "professional".to_owned(),
        Ok(Facilitation::Peer) => "peer".to_owned(),
        Ok(Facilitation::CoLed) => "co-led".to_owned(),
        Ok(Facilitation::Unspecified) | Err(_) => format!("unknown ({number})"),
    }
}

pub(super) fn course(number: i32) -> String {
    match Course::try_from(number) {
        Ok(Course::Entry) => "entry".to_owned(),
        Ok(Course::Continuing) => "continuing".to_owned(),
        Ok(Course::Unspecified) | Err(_) => format!("unknown ({number})"),
    }
}

/// The word used in JSON and files.
pub(super) fn withheld_word(number: i32) -> String {
    match Withheld::try_from(number) {
        Ok(Withheld::BelowFloor) => "below_floor".to_owned(),
        Ok(Withheld::NotInTable) => "not_in_table".to_owned(),
        Ok(Withheld::NotShared) => "not_shared".to_owned(),
        Ok(Withheld::NotCollected) => "not_collected".to_owned(),
        Ok(Withheld::Unspecified) | Err(_) => format!("unknown_{number}"),
    }
}

/// Why a cell has no value, for people.
pub(super) fn withheld(number: i32) -> String {
    match Withheld::try_from(number) {
        Ok(Withheld::BelowFloor) => "too few persons so far; their answers wait".to_owned(),
        Ok(Withheld::NotInTable) => "not told in releases here: it goes to pools, or the table of releases has no room for it".to_owned(),
        Ok(Withheld::NotShared) => "not shared (no cause is given)".to_owned(),
        Ok(Withheld::NotCollected) => "not collected there".to_owned(),
        Ok(Withheld::Unspecified) | Err(_) => format!("a reason unknown here ({number})"),
    }
}

/// The word used in JSON.
pub(super) fn caveat_word(number: i32) -> String {
    match Caveat::try_from(number) {
        Ok(caveat) => caveat
            .as_str_name()
            .trim_start_matches("CAVEAT_")
            .to_ascii_lowercase(),
        Err(_) => format!("unknown_{number}"),
    }
}

/// A caveat in one plain sentence.
pub(super) fn caveat(number: i32) -> String {
    match Caveat::try_from(number) {
        Ok(Caveat::CompletersOnly) => {
            "Only people who answered twice are counted; those who left may have fared otherwise."
        }
        Ok(Caveat::NoControl) => {
            "There is no control group: nobody knows how the same people would be without a group."
        }
        Ok(Caveat::RegressionToMean) => {
            "People who come at their worst tend to get better anyway (regression to the mean)."
        }
        Ok(Caveat::NotRandomised) => {
            "Who leads a group was not drawn by lot and goes with the organisation: a difference may be one between organisations."
        }
        Ok(Caveat::Clusters) => {
            "Members of one group are alike; the intervals do not know it and are too narrow."
        }
        Ok(Caveat::Rounding) => {
            "Sums are told in steps of one person's largest possible change; the intervals account for it."
        }
        Ok(Caveat::Untold) => "Some cells are not told; they are listed above.",
        Ok(Caveat::Ends) => {
            "Some cells could not be put on the common scale, or are told only as an end of the scale."
        }
        Ok(Caveat::FewCentres) => {
            "There are fewer than ten centres on a side: only large differences could be found."
        }
        Ok(Caveat::FollowUp) => {
            "Follow-up is under 60 %, or not told, in at least one centre or pool."
        }
        Ok(Caveat::MixedPolicies) => "Releases or pools were made under different policies.",
        Ok(Caveat::MixedClasses) => {
            "Cells with other items, coding or scoring of the measure were left out."
        }
        Ok(Caveat::StatedSd) => {
            "The SD of change is a stated one, not told by releases; another SD would give other effects."
        }
        Ok(Caveat::PoolNoise) => {
            "Pools carry noise so that nobody can be read off them; the intervals account for it."
        }
        Ok(Caveat::PoolWithoutNoise) => {
            "This network has chosen pools without noise: only the number of centres protects single persons in them."
        }
        Ok(Caveat::SpreadAssumed) => {
            "How much the centres of a pool differ is assumed, not told; another assumption would give another interval."
        }
        Ok(Caveat::ChangeBounded) => {
            "In pools a person's change counts at most as much as the round's bound."
        }
        Ok(Caveat::Rehearsal) => "This network practises: the data are made up.",
        Ok(Caveat::Unspecified) | Err(_) => {
            return format!("A caveat unknown here ({number}); a newer version can say it.");
        }
    }
    .to_owned()
}

/// Why the numbers of one side cannot be standardised.
pub(super) const NO_SYNTHESIS: &str = "cannot be standardised";

/// Cochran's Q, if it is known: a variance between centres that is not zero does not come from a Q of zero, but was
/// assumed for pools or stated by a second round, and then nothing tells how much centres differ.
pub(super) fn tells_q(synthesis: &pb::Synthesis) -> Option<f64> {
    (synthesis.q != 0.0 || synthesis.tau2 == 0.0).then_some(synthesis.q)
}

/// What can be said of the direction and unit, in one paragraph.
pub(super) fn unit(comparison: &pb::Comparison) -> String {
    let direction = if comparison.higher_is_better {
        "a higher score is better"
    } else {
        "a lower score is better"
    };
    let sd = match comparison.change_sd {
        None => {
            "No SD of change is told or stated, so that nothing is put in units of one.".to_owned()
        }
        Some(sd) if comparison.change_sd_pooled => format!(
            "Improvement is in units of one SD of change, {} points, pooled over {}; positive is better.",
            number(sd, 2),
            if pools::tell_sd(comparison) {
                "what releases and pools tell"
            } else {
                "releases"
            }
        ),
        Some(sd) => format!(
            "Improvement is in units of one SD of change, {} points, a stated figure ({}); positive is better.",
            number(sd, 2),
            clean(&comparison.change_sd_source)
        ),
    };
    format!(
        "The scale has a range of {} points; {direction}. {sd} Nothing here ranks centres: they stand in the order of their identities.",
        number(comparison.range, 2)
            .trim_end_matches('0')
            .trim_end_matches('.')
    )
}

/// The contrast, or plainly why there is none. `within` for the one inside centres that offer both.
pub(super) fn contrast(contrast: Option<&pb::Contrast>, within: bool) -> String {
    let Some(contrast) = contrast else {
        return "No contrast was computed.".to_owned();
    };
    let sides = if within {
        format!(
            "{} centres offer both",
            contrast.professional_centres.min(contrast.peer_centres)
        )
    } else {
        format!(
            "{} centres with professional and {} with peer facilitation",
            contrast.professional_centres, contrast.peer_centres
        )
    };
    match ContrastRefusal::try_from(contrast.refusal) {
        Ok(ContrastRefusal::TooFewCentres) if within => {
            return format!("No contrast: it needs five centres that offer both; {sides}.");
        }
        Ok(ContrastRefusal::TooFewCentres) => {
            return format!("No contrast: it needs five centres a side; there are {sides}.");
        }
        Ok(ContrastRefusal::NoSd) => {
            return format!("No contrast: no SD of change is told or stated ({sides}).");
        }
        Ok(ContrastRefusal::Unspecified) => {}
        Err(_) => {
            return format!(
                "No contrast, for a reason unknown here ({}); {sides}.",
                contrast.refusal
            );
        }
    }
    let verdict = match ContrastVerdict::try_from(contrast.verdict) {
        Ok(ContrastVerdict::CannotTell) => {
            "These data cannot tell: the interval holds both no difference and one that would matter."
        }
        Ok(ContrastVerdict::Professional) => {
            "More improvement where professionals facilitate; why, these data cannot tell."
        }
        Ok(ContrastVerdict::Peer) => {
            "More improvement in peer-led groups; why, these data cannot tell."
        }
        Ok(ContrastVerdict::Small) => {
            "If there is a difference, it is smaller than the smallest important one."
        }
        Ok(ContrastVerdict::Unspecified) | Err(_) => {
            "What may be said of it is not known here; a newer version can say it."
        }
    };
    let smallest = contrast
        .smallest_detectable
        .map(|smallest| {
            format!(
                " The smallest difference these data could have found (80 % power) is {} SD.",
                number(smallest, 2)
            )
        })
        .unwrap_or_default();
    format!(
        "Professional minus peer: {} SD (95 % interval {}; {sides}). {verdict}{smallest}",
        number(contrast.difference, 2),
        span(contrast.ci_low, contrast.ci_high, 2),
    )
}

/// A centre's name, or a piece of its identity while the name has not arrived.
pub(super) fn centre_name(row: &pb::CentreRow) -> String {
    if row.public_name.trim().is_empty() {
        let id = data_encoding::HEXLOWER.encode(row.centre.get(..4).unwrap_or(&row.centre));
        format!("unnamed {id}")
    } else {
        clean(&row.public_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_caveat_reason_and_verdict_has_its_words() {
        for number in 1..=18 {
            assert!(!caveat(number).contains("unknown"), "{number}");
            assert!(!caveat_word(number).contains("unknown"), "{number}");
        }
        assert!(caveat(99).contains("newer version"));
        for number in 1..=4 {
            assert!(!withheld(number).contains("unknown"), "{number}");
        }
        assert_eq!(withheld_word(0), "unknown_0");
    }

    #[test]
    fn a_contrast_never_says_that_there_is_no_difference() {
        for verdict in 0..=5 {
            let said = contrast(
                Some(&pb::Contrast {
                    verdict,
                    ..Default::default()
                }),
                false,
            );
            assert!(
                !said.to_lowercase().contains("there is no difference"),
                "{said}"
            );
        }
    }

    #[test]
    fn quarters_are_read_back() {
        assert_eq!(quarter_name(2026 * 4), "2026Q1");
        assert_eq!(quarter_number("2026Q1"), Some(8104));
        assert_eq!(quarter_number("2026Q5"), None);
        assert_eq!(quarter_name(u32::MAX), "quarter 4294967295");
    }
}
