//! `krog whoami`, `krog import outcomes`, `krog check-in record`.

use std::path::Path;

use krog_proto::centre::v1 as pb;
use serde_json::json;

use super::CliError;
use super::args::RecordCheckIn;
use super::output::Answer;
use super::progress::during;
use crate::centre::CentreClient;
use crate::report::clean;
use crate::report::table::{Cell, Column, Table};

/// Largest table taken in one call, bytes.
const LARGEST_TABLE: u64 = 8 * 1024 * 1024;

pub(super) async fn whoami(centre: &CentreClient) -> Result<Answer, CliError> {
    let answer = centre.who_am_i(pb::WhoAmIRequest {}).await?;
    let pb::WhoAmIResponse {
        centre,
        role,
        today,
        writer,
        network,
        network_id,
        may_sign,
    } = answer;
    let in_network = if network_id.is_empty() {
        "in no network yet; nothing can leave the centre".to_owned()
    } else {
        format!(
            "in the network {} ({})",
            clean(&network),
            short(&network_id)
        )
    };
    let signs = match (network_id.is_empty(), may_sign) {
        (true, _) => "",
        (false, true) => "\nmay sign: its own feed was compared with the network's since the start",
        (false, false) => {
            "\ndoes not sign yet: it waits until a peer has told what it knows of this centre's feed"
        }
    };
    Ok(Answer::new(
        format!(
            "{role} of {}\nfeed {}, {in_network}{signs}\ntoday {today}",
            clean(&centre),
            short(&writer)
        ),
        json!({
            "centre": centre,
            "role": role,
            "today": today,
            "writer": writer,
            "network": if network_id.is_empty() {
                json!({"status": "absent", "why": "in no network yet"})
            } else {
                json!({"status": "value", "public_name": network, "id": network_id})
            },
            "may_sign": may_sign,
        }),
    ))
}

/// The first eight characters of an identity, for people.
pub(super) fn short(id: &str) -> String {
    clean(&id.chars().take(8).collect::<String>())
}

pub(super) async fn import(
    centre: &CentreClient,
    file: &Path,
    strict: bool,
    dry_run: bool,
) -> Result<Answer, CliError> {
    let size = std::fs::metadata(file)
        .map_err(|e| CliError::file("read", file, &e))?
        .len();
    if size > LARGEST_TABLE {
        return Err(CliError::Refused(format!(
            "{} has {size} bytes and at most {LARGEST_TABLE} are taken at once; split it, each part with the header line",
            file.display()
        )));
    }
    let csv = std::fs::read(file).map_err(|e| CliError::file("read", file, &e))?;
    let request = pb::ImportOutcomesRequest {
        csv,
        strict,
        dry_run,
    };
    let answer = during("importing", centre.import_outcomes(request)).await?;
    Ok(imported(answer, strict))
}

fn imported(answer: pb::ImportOutcomesResponse, strict: bool) -> Answer {
    let pb::ImportOutcomesResponse {
        taken,
        unchanged,
        other_centres,
        refused,
        new_members,
        new_groups,
        needs_attestation,
        nothing_written,
    } = answer;
    let verb = if nothing_written {
        "would be taken"
    } else {
        "taken"
    };
    let mut text = format!(
        "{taken} lines {verb} ({new_members} new members, {new_groups} new groups), {unchanged} were there already, \
         {other_centres} are of other centres, {} refused.\n",
        refused.len()
    );
    let mut table = Table::new([
        Column::numbers("line", "line"),
        Column::words("why", "why, and what to do"),
    ]);
    for line in &refused {
        table.push([Cell::Count(line.line.into()), Cell::text(&line.why)]);
    }
    if !table.is_empty() {
        text.push_str(&table.text());
    }
    if nothing_written && strict && !refused.is_empty() {
        text.push_str(
            "Nothing was written, because of --strict. Mend these lines and import again.\n",
        );
    } else if nothing_written {
        text.push_str("Nothing was written.\n");
    }
    if needs_attestation {
        text.push_str(
            "The table has no `sharing` column: nothing of it is shared until you state the basis of consent with\n\
             `krog share attest \"…\"`.\n",
        );
    }
    let done = !(nothing_written && strict && !refused.is_empty());
    Answer {
        done,
        ..Answer::new(
            text,
            json!({
                "taken": taken,
                "unchanged": unchanged,
                "other_centres": other_centres,
                "refused": table.json(),
                "new_members": new_members,
                "new_groups": new_groups,
                "needs_attestation": needs_attestation,
                "nothing_written": nothing_written,
            }),
        )
    }
}

pub(super) async fn check_in(
    centre: &CentreClient,
    given: RecordCheckIn,
) -> Result<Answer, CliError> {
    let RecordCheckIn {
        member,
        instrument,
        day,
        answer,
        total,
    } = given;
    if answer.is_empty() && total.is_none() {
        return Err(CliError::Usage(
            "give the answers with --answer item=value,… or the total score with --total"
                .to_owned(),
        ));
    }
    let request = pb::RecordCheckInRequest {
        member,
        instrument,
        day: day.map(|day| day.to_string()).unwrap_or_default(),
        answers: (answer.into_iter())
            .map(|answer| pb::Answer {
                item: answer.item,
                value: answer.value,
            })
            .collect(),
        total,
    };
    let response = centre.record_check_in(request).await?;
    let mut table = Table::new([
        Column::words("measure", "measure"),
        Column::numbers("score", "score"),
    ]);
    for score in &response.scores {
        table.push([Cell::text(&score.measure), Cell::Number(score.score, 2)]);
    }
    let text = if table.is_empty() {
        "Recorded. Too few items were answered for a score: there is none, which is not zero."
            .to_owned()
    } else {
        format!("Recorded.\n{}", table.text())
    };
    Ok(Answer::new(
        text,
        json!({"recorded": true, "scores": table.json()}),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(refused: usize, nothing_written: bool) -> pb::ImportOutcomesResponse {
        pb::ImportOutcomesResponse {
            taken: 4,
            refused: (0..refused)
                .map(|n| pb::RefusedLine {
                    line: n as u32 + 2,
                    why: "the date is none".to_owned(),
                })
                .collect(),
            nothing_written,
            needs_attestation: true,
            ..Default::default()
        }
    }

    #[test]
    fn a_strict_import_with_a_refused_line_fails() {
        let answer = imported(response(1, true), true);
        assert!(!answer.done);
        assert!(answer.text.contains("because of --strict"));
        assert_eq!(answer.json["refused"][0]["line"], 2);
    }

    #[test]
    fn a_dry_run_is_no_failure() {
        let answer = imported(response(1, true), false);
        assert!(answer.done);
        assert!(
            answer.text.contains("would be taken") && answer.text.contains("Nothing was written.")
        );
    }

    #[test]
    fn a_table_without_consents_says_what_to_do() {
        assert!(
            imported(response(0, false), false)
                .text
                .contains("krog share attest")
        );
    }
}
