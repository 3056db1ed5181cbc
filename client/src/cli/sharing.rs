//! `krog share …`: what leaves the centre, who decides it, and what has left.

mod preview;
mod show;

use krog_measures::Quarter;
use krog_proto::centre::v1 as pb;
use serde_json::json;

use super::CliError;
use super::args::{Share, Way};
use super::centre::short;
use super::output::Answer;
use super::progress::during;
use crate::centre::CentreClient;
use crate::report::{clean, wrap};

const WHAT_AN_APPROVAL_MEANS: &str = "\
An approval is for the quarter as a whole and on its form: which scores, how many persons, what precision.
It takes effect at the second one, by the other role: then the bytes freeze, and are signed after the days to stop them.";

pub(super) async fn run(centre: &CentreClient, command: Share) -> Result<Answer, CliError> {
    match command {
        Share::Preview { quarter } => {
            let request = pb::PreviewRequest {
                quarter: named(quarter),
            };
            Ok(preview::previewed(
                &during("looking at what waits", centre.preview(request)).await?,
            ))
        }
        Share::Approve { quarter } => {
            let request = pb::ApproveRequest {
                quarter: named(quarter),
            };
            Ok(approved(
                &during("approving", centre.approve(request)).await?,
            ))
        }
        Share::Stop { quarter, round } => {
            let request = pb::StopRequest {
                quarter: named(quarter),
                round: round.clone().unwrap_or_default(),
            };
            let next = centre.stop(request).await?.next;
            Ok(stopped(round.as_deref(), &next))
        }
        Share::Choose { measure, way } => {
            let request = pb::ChooseWayRequest {
                measure: measure.clone(),
                way: way.as_str().to_owned(),
            };
            let next = centre.choose_way(request).await?.next;
            Ok(chosen(&measure, way, &next))
        }
        Share::Show { quarter } => {
            let request = pb::ShowRequest {
                quarter: named(quarter),
            };
            show::shown(&during("reading what left", centre.show(request)).await?)
        }
        Share::Attest { basis } => {
            let members = centre.attest(pb::AttestRequest { basis }).await?.members;
            Ok(Answer::new(
                format!(
                    "Recorded. It covers {members} members; who withdraws is left out all the same."
                ),
                json!({"members": members}),
            ))
        }
    }
}

/// The wire's word for a quarter; empty means the latest that has ended.
fn named(quarter: Option<Quarter>) -> String {
    quarter
        .map(|quarter| quarter.to_string())
        .unwrap_or_default()
}

fn approved(approved: &pb::ApproveResponse) -> Answer {
    let pb::ApproveResponse {
        state,
        next,
        rounds,
    } = approved;
    let mut text = format!(
        "{WHAT_AN_APPROVAL_MEANS}\n\nNow: {}. {}\n",
        clean(state),
        clean(next)
    );
    let mut list = Vec::new();
    if !rounds.is_empty() {
        text.push_str("With it, in rounds of pools:\n");
    }
    for pb::ApprovedRound { round, state, next } in rounds {
        let said = format!("{}: {}. {}", short(round), state_words(state), clean(next));
        push_item(&mut text, &said);
        list.push(json!({"round": round, "state": state, "next": next}));
    }
    Answer::new(text, json!({"state": state, "next": next, "rounds": list}))
}

fn stopped(round: Option<&str>, next: &str) -> Answer {
    match round {
        None => Answer::new(
            format!("Stopped. {}", clean(next)),
            json!({"state": "stopped", "next": next}),
        ),
        Some(round) => Answer::new(
            format!("Stopped in round {}. {}", short(round), clean(next)),
            json!({"round": round, "state": "stopped", "next": next}),
        ),
    }
}

fn chosen(measure: &str, way: Way, next: &str) -> Answer {
    Answer::new(
        clean(next),
        json!({"measure": measure, "way": way.as_str(), "next": next}),
    )
}

/// One item of a list, broken into lines.
fn push_item(text: &mut String, said: &str) {
    for (at, line) in wrap(said, 74).iter().enumerate() {
        text.push_str(if at == 0 { "  - " } else { "    " });
        text.push_str(line);
        text.push('\n');
    }
}

/// What a state of a quarter or of a part in a round means.
fn state_words(state: &str) -> String {
    match state {
        "open" => "open, nobody has approved yet",
        "approved-once" => "approved once, waiting for the other role",
        "frozen" => "frozen, not yet signed",
        "stopped" => "stopped",
        "signed" => "signed",
        "waiting-for-keys" => "waiting for the aggregators' keys",
        "committed" => "committed, not yet added up",
        "told" => "told",
        "failed" => "failed, the answers wait again",
        "broken" => "broken off, the answers stay spent",
        "silent" => "without an end, the answers stay spent",
        "withdrawn" => "withdrawn",
        "closed" => "closed to this centre",
        other => return clean(other),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_explained_in_two_lines() {
        assert_eq!(WHAT_AN_APPROVAL_MEANS.lines().count(), 2);
    }

    #[test]
    fn an_approval_names_the_rounds_approved_with_it() {
        let answer = approved(&pb::ApproveResponse {
            state: "frozen".to_owned(),
            next: "They can be stopped.".to_owned(),
            rounds: vec![pb::ApprovedRound {
                round: "1a2b3c4d5e".to_owned(),
                state: "approved-once".to_owned(),
                next: "Now the guardian has to approve.".to_owned(),
            }],
        });
        assert!(answer.text.contains("1a2b3c4d: approved once"));
        assert_eq!(answer.json["rounds"][0]["round"], "1a2b3c4d5e");
        let none = approved(&pb::ApproveResponse::default());
        assert!(!none.text.contains("pools"));
        assert_eq!(none.json["rounds"], json!([]));
    }

    #[test]
    fn what_was_stopped_is_named() {
        let quarter = stopped(None, "Told as not shared.");
        assert_eq!(quarter.text, "Stopped. Told as not shared.");
        let round = stopped(Some("1a2b3c4d5e"), "This centre's part is withdrawn.");
        assert!(round.text.starts_with("Stopped in round 1a2b3c4d."));
        assert_eq!(round.json["round"], "1a2b3c4d5e");
    }

    #[test]
    fn every_state_of_a_part_has_its_words() {
        for state in ["waiting-for-keys", "approved-once", "closed"] {
            assert_ne!(state_words(state), state);
        }
        assert_eq!(state_words("newer\u{1b}"), "newer\u{fffd}");
    }
}
