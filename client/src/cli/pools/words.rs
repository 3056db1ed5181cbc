//! The words for rounds.

use krog_pools::Sum;
use krog_proto::federation::v1 as pb;
use pb::{PoolOutcome, RoundStage};

/// How far a round has come, for people.
pub(super) fn stage(number: i32) -> String {
    match RoundStage::try_from(number) {
        Ok(RoundStage::Opened) => "waits for keys",
        Ok(RoundStage::Collecting) => "takes parts",
        Ok(RoundStage::Checking) => "is checked",
        Ok(RoundStage::Told) => "told",
        Ok(RoundStage::Failed) => "failed",
        Ok(RoundStage::Broken) => "broken off",
        Ok(RoundStage::Silent) => "without an end",
        Ok(RoundStage::Unspecified) | Err(_) => return format!("unknown ({number})"),
    }
    .to_owned()
}

/// The word used in JSON.
pub(super) fn stage_word(number: i32) -> String {
    match RoundStage::try_from(number) {
        Ok(stage) => stage
            .as_str_name()
            .trim_start_matches("ROUND_STAGE_")
            .to_ascii_lowercase(),
        Err(_) => format!("unknown_{number}"),
    }
}

/// What the stage means, and what for answers, in plain sentences. Those of a second round are spent by the first.
pub(super) fn stage_meaning(number: i32, is_second: bool) -> String {
    let (what, answers) = match RoundStage::try_from(number) {
        Ok(RoundStage::Opened) => (
            "An aggregator has not answered with its key yet, so that nothing can be sealed.",
            "No answer is spent.",
        ),
        Ok(RoundStage::Collecting) => (
            "Centres may commit their parts.",
            "The answers in a part are spent unless the round fails.",
        ),
        Ok(RoundStage::Checking) => (
            "The aggregators check the proofs and agree on the centres.",
            "The answers in the parts are spent unless the round fails.",
        ),
        Ok(RoundStage::Told) => (
            "Both halves stand, and these are the sums.",
            "The answers in them are spent; those of centres left out are free again.",
        ),
        Ok(RoundStage::Failed) => (
            "It failed before any half was published, and both aggregators have destroyed their keys.",
            "Its answers are free again, but for those of parts stopped or withdrawn.",
        ),
        Ok(RoundStage::Broken) => (
            "It broke off after a half was published, or the halves add up to nothing possible.",
            "Its answers are spent.",
        ),
        Ok(RoundStage::Silent) => (
            "Its time is over, and nobody says that the shares are destroyed.",
            "Its answers are spent.",
        ),
        Ok(RoundStage::Unspecified) | Err(_) => {
            return "How far it has come, and what that means for answers, is not known here; a newer krog may know it.".to_owned();
        }
    };
    if is_second {
        format!("{what} The answers are those of the first round and stay spent by it.")
    } else {
        format!("{what} {answers}")
    }
}

/// How a round ended for an aggregator; `None` while it has not.
pub(super) fn outcome(number: i32) -> Option<String> {
    let said = match PoolOutcome::try_from(number) {
        Ok(PoolOutcome::Unspecified) => return None,
        Ok(PoolOutcome::Told) => "its half is published",
        Ok(PoolOutcome::TooFewCentres) => "fewer centres than the floor",
        Ok(PoolOutcome::TooFewPersons) => "fewer persons than the floor",
        Ok(PoolOutcome::OtherSilent) => "the other aggregator did not do its part in time",
        Ok(PoolOutcome::SetsDiffer) => "the two sets of parts differ, or are not the first round's",
        Ok(PoolOutcome::OtherFaulty) => "what the other aggregator sent does not hold",
        Ok(PoolOutcome::KeyLost) => "its key for the round is lost",
        Ok(PoolOutcome::OtherEnded) => "the other aggregator had ended it",
        Err(_) => return Some(format!("a reason unknown here ({number})")),
    };
    Some(said.to_owned())
}

/// What a sum is told in.
pub(super) const fn unit(sum: Sum) -> &'static str {
    match sum {
        Sum::Persons | Sum::Improved | Sum::Deteriorated | Sum::FollowedUp => "persons",
        Sum::PersonsSquared => "persons²",
        Sum::Change | Sum::Baseline | Sum::FollowUp | Sum::Items => "points",
        Sum::ChangeSquared
        | Sum::ChangeSquaredPerPerson
        | Sum::BaselineSquared
        | Sum::FollowUpSquared
        | Sum::Product => "points²",
        Sum::Sessions => "meetings",
        Sum::Weight => "weights",
        Sum::WeightedEffect => "weights × SD",
        Sum::WeightedEffectSquared => "weights × SD²",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_and_outcome_has_its_words() {
        for number in 1..=7 {
            assert!(!stage(number).contains("unknown"), "{number}");
            assert!(stage_meaning(number, false).contains("answer"), "{number}");
            let second = stage_meaning(number, true);
            assert!(second.ends_with("spent by it."), "{number}");
            assert!(!stage_word(number).contains("unknown"), "{number}");
        }
        assert!(stage_meaning(99, true).contains("newer"));
        for number in 1..=8 {
            assert!(!outcome(number).unwrap().contains("unknown"), "{number}");
        }
        assert_eq!(outcome(0), None);
        assert!(outcome(99).unwrap().contains("unknown"));
    }
}
