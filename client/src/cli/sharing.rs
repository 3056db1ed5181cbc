//! `krog share …`: what leaves the centre, who decides it, and what has left.

use krog_measures::Quarter;
use krog_proto::centre::v1 as pb;
use serde_json::{Value, json};

use super::CliError;
use super::args::Share;
use super::centre::short;
use super::output::Answer;
use super::progress::during;
use crate::centre::CentreClient;
use crate::report::release::ReadRelease;
use crate::report::table::{Cell, Column, Table};
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
            Ok(previewed(
                &during("looking at what waits", centre.preview(request)).await?,
            ))
        }
        Share::Approve { quarter } => {
            let request = pb::ApproveRequest {
                quarter: named(quarter),
            };
            let pb::ApproveResponse { state, next } =
                during("approving", centre.approve(request)).await?;
            Ok(Answer::new(
                format!(
                    "{WHAT_AN_APPROVAL_MEANS}\n\nNow: {}. {}",
                    clean(&state),
                    clean(&next)
                ),
                json!({"state": state, "next": next}),
            ))
        }
        Share::Stop { quarter } => {
            let request = pb::StopRequest {
                quarter: quarter.to_string(),
            };
            let next = centre.stop(request).await?.next;
            Ok(Answer::new(
                format!("Stopped. {}", clean(&next)),
                json!({"state": "stopped", "next": next}),
            ))
        }
        Share::Show { quarter } => {
            let request = pb::ShowRequest {
                quarter: named(quarter),
            };
            shown(
                &during("reading releases", centre.show(request))
                    .await?
                    .releases,
            )
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

fn previewed(preview: &pb::PreviewResponse) -> Answer {
    let pb::PreviewResponse {
        quarter,
        state,
        approved_by,
        cells,
        stoppable_until,
        without_consent,
        network,
    } = preview;
    let mut table = Table::new([
        Column::words("measure", "measure"),
        Column::words("facilitation", "led by"),
        Column::words("course", "course"),
        Column::numbers("persons", "n"),
        Column::words("would_be", "would be"),
        Column::words("waiting_since", "waits since"),
    ]);
    let mut why: Vec<(String, String)> = Vec::new();
    let mut not_collected = 0;
    for cell in cells {
        let pb::PreviewCell {
            measure,
            facilitation,
            course,
            persons,
            would_be,
            form,
            reason,
            waiting_since,
        } = cell;
        if would_be == "not_collected" {
            not_collected += 1;
            continue;
        }
        // Below the floor the wire says 0, which is no number of persons.
        let persons = if would_be == "below_floor" {
            Cell::Absent("few")
        } else {
            Cell::Count((*persons).into())
        };
        let said = if form.is_empty() { reason } else { form };
        let place = format!("{measure} {facilitation} {course}");
        match why.iter_mut().find(|(_, known)| known == said) {
            Some((places, _)) => places.push_str(&format!("; {place}")),
            None => why.push((place, said.clone())),
        }
        table.push([
            Cell::text(measure),
            Cell::text(facilitation),
            Cell::text(course),
            persons,
            Cell::text(would_be),
            Cell::text(waiting_since),
        ]);
    }
    let mut text = format!("{}: {}", clean(quarter), state_words(state));
    if !approved_by.is_empty() {
        text.push_str(&format!(
            "; approved by {}",
            clean(&approved_by.join(" and "))
        ));
    }
    if !stoppable_until.is_empty() {
        text.push_str(&format!(
            "; can be stopped until {}",
            clean(stoppable_until)
        ));
    }
    text.push('\n');
    if network.is_empty() {
        text.push_str("The node is in no network: nothing can leave.\n");
    } else {
        text.push_str(&format!(
            "For the network {}. Numbers are masked: the form is what is approved.\n",
            clean(network)
        ));
    }
    if table.is_empty() {
        text.push_str("No pairs wait.\n");
    } else {
        text.push_str(&table.text());
        for (places, said) in &why {
            for (at, line) in wrap(&format!("{}: {}", clean(places), clean(said)), 74)
                .iter()
                .enumerate()
            {
                text.push_str(if at == 0 { "  - " } else { "    " });
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    if not_collected > 0 {
        text.push_str(&format!(
            "{not_collected} more cells of the network's policy are not collected here.\n"
        ));
    }
    if *without_consent > 0 {
        text.push_str(&format!("Up to {without_consent} persons with a pair did not consent to sharing; they are not counted.\n"));
    }
    Answer::new(
        text,
        json!({
            "quarter": quarter,
            "state": state,
            "approved_by": approved_by,
            "stoppable_until": stoppable_until,
            "network": network,
            "without_consent_rounded_up_to_five": without_consent,
            "cells": cells.iter().map(cell_json).collect::<Vec<_>>(),
        }),
    )
}

fn cell_json(cell: &pb::PreviewCell) -> Value {
    let pb::PreviewCell {
        measure,
        facilitation,
        course,
        persons,
        would_be,
        form,
        reason,
        waiting_since,
    } = cell;
    // Below the floor the wire says 0, which is no number of persons.
    let persons = match would_be.as_str() {
        "below_floor" => json!({"status": "absent", "why": "few"}),
        _ => json!(persons),
    };
    json!({
        "measure": measure,
        "facilitation": facilitation,
        "course": course,
        "persons": persons,
        "would_be": would_be,
        "form": form,
        "reason": reason,
        "waiting_since": waiting_since,
    })
}

fn state_words(state: &str) -> String {
    match state {
        "open" => "open, nobody has approved yet".to_owned(),
        "approved-once" => "approved once, waiting for the other role".to_owned(),
        "frozen" => "frozen, not yet signed".to_owned(),
        "stopped" => "stopped".to_owned(),
        "signed" => "signed".to_owned(),
        other => clean(other),
    }
}

fn shown(releases: &[pb::ShownRelease]) -> Result<Answer, CliError> {
    let mut text = String::new();
    let mut list = Vec::new();
    for release in releases {
        let (said, json) = shown_one(release)?;
        text.push_str(&said);
        text.push('\n');
        list.push(json);
    }
    if releases.is_empty() {
        text.push_str("Nothing is frozen and nothing was signed.");
    }
    Ok(Answer::new(text, Value::Array(list)))
}

fn shown_one(release: &pb::ShownRelease) -> Result<(String, Value), CliError> {
    let pb::ShownRelease {
        quarter,
        state,
        payload,
        entry,
        stoppable_until,
        handed_over,
    } = release;
    let read = ReadRelease::parse(payload)?;
    let mut text = format!(
        "{}: {}, {} bytes",
        clean(quarter),
        state_words(state),
        read.bytes()
    );
    if !stoppable_until.is_empty() {
        text.push_str(&format!(
            ", can be stopped until {}",
            clean(stoppable_until)
        ));
    }
    if !entry.is_empty() {
        let handed = if *handed_over {
            "handed to the exchange"
        } else {
            "not yet acknowledged by the exchange"
        };
        text.push_str(&format!(", entry {}, {handed}", short(entry)));
    }
    text.push('\n');
    text.push_str(&read.cells().text());
    if read.not_collected() > 0 {
        text.push_str(&format!(
            "{} more cells say not_collected.\n",
            read.not_collected()
        ));
    }
    let follow_up = read.follow_up();
    if !follow_up.is_empty() {
        text.push_str(&follow_up.text());
    }
    text.push_str(
        "Sums in points stand only at whole steps; a step is the measure's whole range.\n",
    );
    let json = json!({
        "quarter": quarter,
        "state": state,
        "entry": entry,
        "stoppable_until": stoppable_until,
        "handed_over": handed_over,
        "payload_hex": data_encoding::HEXLOWER.encode(payload),
        "release": read.json(),
    });
    Ok((text, json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_the_floor_no_number_of_persons_is_shown() {
        let answer = previewed(&pb::PreviewResponse {
            quarter: "2026Q1".to_owned(),
            state: "open".to_owned(),
            cells: vec![pb::PreviewCell {
                measure: "k6".to_owned(),
                would_be: "below_floor".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        });
        assert!(answer.text.contains("in no network"));
        assert_eq!(answer.json["cells"][0]["persons"]["status"], "absent");
    }

    #[test]
    fn an_approval_is_explained_in_two_lines() {
        assert_eq!(WHAT_AN_APPROVAL_MEANS.lines().count(), 2);
    }

    #[test]
    fn bytes_that_are_no_release_are_an_error_and_not_an_empty_table() {
        let release = pb::ShownRelease {
            payload: vec![0xff; 3],
            ..Default::default()
        };
        assert!(matches!(shown(&[release]), Err(CliError::Release(_))));
        assert!(shown(&[]).unwrap().text.contains("Nothing is frozen"));
    }
}
