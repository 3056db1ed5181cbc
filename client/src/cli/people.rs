//! `krog members …`: the only commands, with `groups`, whose answers may name a person.

use std::io::BufRead;

use krog_proto::centre::v1 as pb;
use serde_json::json;

use super::CliError;
use super::args::{Given, Members, Purpose};
use super::output::Answer;
use super::progress::during;
use crate::centre::CentreClient;
use crate::report::clean;
use crate::report::table::{Cell, Column, Table};

pub(super) async fn run(centre: &CentreClient, command: Members) -> Result<Answer, CliError> {
    match command {
        Members::Add {
            label,
            contact,
            consent,
            day,
        } => {
            let label = match label {
                Some(label) => label,
                None => read_label()?,
            };
            let request = pb::AddMemberRequest {
                label,
                contact,
                consents: consent
                    .into_iter()
                    .map(|purpose| wire(purpose).into())
                    .collect(),
                day: day.map(|day| day.to_string()).unwrap_or_default(),
            };
            let member = centre.add_member(request).await?.member;
            Ok(Answer::new(
                format!("member {}", clean(&member)),
                json!({"member": member}),
            ))
        }
        Members::List => {
            let members = during(
                "reading members",
                centre.list_members(pb::ListMembersRequest {}),
            )
            .await?;
            Ok(listed(&members.members))
        }
        Members::Consent {
            member,
            purpose,
            given,
        } => {
            let given = given == Given::Give;
            let request = pb::SetConsentRequest {
                member,
                purpose: wire(purpose).into(),
                given,
            };
            let frozen = centre.set_consent(request).await?.frozen_quarters;
            Ok(consented(given, &frozen))
        }
        Members::Log { member } => {
            let log = centre
                .read_access_log(pb::ReadAccessLogRequest { member })
                .await?;
            let mut table = Table::new([
                Column::words("day", "day"),
                Column::words("role", "role"),
                Column::words("action", "what was done"),
            ]);
            for pb::AccessLine { day, role, action } in &log.lines {
                table.push([Cell::text(day), Cell::text(role), Cell::text(action)]);
            }
            let text = if table.is_empty() {
                "Nobody has looked.".to_owned()
            } else {
                table.text()
            };
            Ok(Answer::new(text, table.json()))
        }
    }
}

fn read_label() -> Result<String, CliError> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| {
            CliError::Refused(format!(
                "cannot read the label from standard input: {error}"
            ))
        })?;
    match line.trim() {
        "" => Err(CliError::Usage(
            "give the member's label as an argument or as one line on standard input".to_owned(),
        )),
        label => Ok(label.to_owned()),
    }
}

fn wire(purpose: Purpose) -> pb::Purpose {
    match purpose {
        Purpose::Participation => pb::Purpose::Participation,
        Purpose::Measurement => pb::Purpose::Measurement,
        Purpose::Sharing => pb::Purpose::Sharing,
    }
}

fn purpose_word(number: i32) -> &'static str {
    match pb::Purpose::try_from(number) {
        Ok(pb::Purpose::Participation) => "participation",
        Ok(pb::Purpose::Measurement) => "measurement",
        Ok(pb::Purpose::Sharing) => "sharing",
        Ok(pb::Purpose::Unspecified) | Err(_) => "unknown",
    }
}

fn listed(members: &[pb::Member]) -> Answer {
    let mut table = Table::new([
        Column::words("member", "member"),
        Column::words("label", "label"),
        Column::words("contact", "contact"),
        Column::words("consents", "consents"),
        Column::words("counted_in", "counted in"),
    ]);
    for pb::Member {
        member,
        label,
        contact,
        consents,
        counted_in,
    } in members
    {
        let consents: Vec<&str> = consents
            .iter()
            .map(|purpose| purpose_word(*purpose))
            .collect();
        table.push([
            Cell::text(member),
            Cell::text(label),
            Cell::text(contact),
            Cell::text(consents.join(", ")),
            Cell::text(counted_in.join(", ")),
        ]);
    }
    let text = if table.is_empty() {
        "No members.".to_owned()
    } else {
        table.text()
    };
    Answer::new(text, table.json())
}

/// How a part in a round is told from a quarter.
const PART: &str = "pool ";

fn consented(given: bool, frozen: &[String]) -> Answer {
    let mut text = if given {
        "Given.".to_owned()
    } else {
        "Withdrawn; from now on it holds.".to_owned()
    };
    let (parts, quarters): (Vec<&String>, Vec<&String>) =
        frozen.iter().partition(|frozen| frozen.starts_with(PART));
    if !quarters.is_empty() {
        let quarters: Vec<_> = quarters.iter().map(|quarter| clean(quarter)).collect();
        text.push_str(&format!(
            "\nFrozen already, with this member counted: {}. These bytes stand unless stopped with `krog share stop --quarter QUARTER`.",
            quarters.join(", ")
        ));
    }
    for part in parts {
        let round = clean(part.trim_start_matches(PART));
        text.push_str(&format!(
            "\nSealed for a pool already, with this member counted: round {round}. That part stands unless stopped until the round's deadline with `krog share stop --round {round}`."
        ));
    }
    Answer::new(text, json!({"given": given, "frozen_quarters": frozen}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_withdraws_after_the_freeze_is_told() {
        let answer = consented(false, &["2026Q1".to_owned()]);
        assert!(answer.text.contains("2026Q1") && answer.text.contains("krog share stop"));
    }

    #[test]
    fn who_withdraws_after_a_part_was_sealed_is_told_how_to_stop_it() {
        let answer = consented(false, &["pool 1a2b3c4d".to_owned()]);
        assert!(answer.text.contains("krog share stop --round 1a2b3c4d"));
        assert!(!answer.text.contains("--quarter"));
        assert_eq!(answer.json["frozen_quarters"][0], "pool 1a2b3c4d");
    }

    #[test]
    fn consents_are_listed_by_their_words() {
        let answer = listed(&[pb::Member {
            member: "m1".to_owned(),
            label: "A\u{1b}".to_owned(),
            consents: vec![1, 3, 9],
            ..Default::default()
        }]);
        assert!(answer.text.contains("participation"));
        assert!(!answer.text.contains('\u{1b}'));
        assert_eq!(
            answer.json[0]["consents"],
            "participation, sharing, unknown"
        );
    }
}
