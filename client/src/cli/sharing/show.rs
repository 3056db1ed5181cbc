//! `krog share show`: what is frozen and what was signed, to the byte.

use data_encoding::HEXLOWER;
use krog_proto::centre::v1 as pb;
use serde_json::{Value, json};

use super::super::CliError;
use super::super::centre::short;
use super::super::output::Answer;
use super::state_words;
use crate::report::clean;
use crate::report::json::number as exact;
use crate::report::release::ReadRelease;
use crate::report::table::{Cell, Column, Table};

pub(super) fn shown(shown: &pb::ShowResponse) -> Result<Answer, CliError> {
    let pb::ShowResponse { releases, parts } = shown;
    let mut text = String::new();
    let mut of_releases = Vec::new();
    for release in releases {
        let (said, json) = shown_one(release)?;
        text.push_str(&said);
        text.push('\n');
        of_releases.push(json);
    }
    if !parts.is_empty() {
        text.push_str("Parts in rounds of pools; the sums never leave in this form.\n");
    }
    for part in parts {
        text.push_str(&part_text(part));
        text.push('\n');
    }
    if releases.is_empty() && parts.is_empty() {
        text.push_str("Nothing is frozen and nothing was signed.");
    }
    let of_parts: Vec<_> = parts.iter().map(part_json).collect();
    Ok(Answer::new(
        text,
        json!({"releases": of_releases, "parts": of_parts}),
    ))
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
        "payload_hex": HEXLOWER.encode(payload),
        "release": read.json(),
    });
    Ok((text, json))
}

fn part_text(part: &pb::ShownPart) -> String {
    let pb::ShownPart {
        round,
        state,
        measure,
        sums,
        payload,
        leader_parcel,
        helper_parcel,
        entry,
        stoppable_until,
    } = part;
    let mut text = format!("{}: {}", short(round), state_words(state));
    if !measure.is_empty() {
        text.push_str(&format!(", {}", clean(measure)));
    }
    if !stoppable_until.is_empty() {
        text.push_str(&format!(
            ", can be stopped until {}",
            clean(stoppable_until)
        ));
    }
    text.push('\n');
    if sums.is_empty() {
        text.push_str("  Its sums are destroyed here too.\n");
    } else {
        let mut table = Table::new([
            Column::words("sum", "sum"),
            Column::numbers("value", "value"),
        ]);
        for pb::ShownSum { name, value } in sums {
            table.push([Cell::text(name), Cell::Number(*value, 2)]);
        }
        text.push_str(&table.text());
    }
    if leader_parcel.is_empty() && helper_parcel.is_empty() {
        text.push_str("  Its sealed parcels are no longer kept.\n");
    } else {
        text.push_str(&format!(
            "  Sealed: {} bytes for the leading aggregator, {} for the other.\n",
            leader_parcel.len(),
            helper_parcel.len()
        ));
    }
    match (payload.is_empty(), entry.is_empty()) {
        (true, _) => {}
        (false, true) => text.push_str(&format!(
            "  Commitment of {} bytes, not signed.\n",
            payload.len()
        )),
        (false, false) => text.push_str(&format!(
            "  Commitment of {} bytes, entry {}.\n",
            payload.len(),
            short(entry)
        )),
    }
    text
}

fn part_json(part: &pb::ShownPart) -> Value {
    let pb::ShownPart {
        round,
        state,
        measure,
        sums,
        payload,
        leader_parcel,
        helper_parcel,
        entry,
        stoppable_until,
    } = part;
    let sums: Vec<_> = sums
        .iter()
        .map(|pb::ShownSum { name, value }| json!({"name": name, "value": exact(*value)}))
        .collect();
    json!({
        "round": round,
        "state": state,
        "measure": measure,
        "sums": sums,
        "commitment_hex": HEXLOWER.encode(payload),
        "leader_parcel_hex": HEXLOWER.encode(leader_parcel),
        "helper_parcel_hex": HEXLOWER.encode(helper_parcel),
        "entry": entry,
        "stoppable_until": stoppable_until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> pb::ShowResponse {
        let sum = |name: &str, value| pb::ShownSum {
            name: name.to_owned(),
            value,
        };
        let committed = pb::ShownPart {
            round: "1a2b3c4d".repeat(8),
            state: "committed".to_owned(),
            measure: "k6".to_owned(),
            sums: vec![sum("persons", 7.0), sum("change", -18.25)],
            payload: vec![1; 180],
            leader_parcel: vec![2; 5_120],
            helper_parcel: vec![3; 1_300],
            entry: "ab".repeat(32),
            stoppable_until: "2026-04-30".to_owned(),
        };
        let told = pb::ShownPart {
            round: "9f8e7d6c".repeat(8),
            state: "told".to_owned(),
            sums: Vec::new(),
            leader_parcel: Vec::new(),
            helper_parcel: Vec::new(),
            stoppable_until: String::new(),
            ..committed.clone()
        };
        pb::ShowResponse {
            releases: Vec::new(),
            parts: vec![committed, told],
        }
    }

    #[test]
    fn parts_in_rounds_read_well() {
        insta::assert_snapshot!(shown(&parts()).unwrap().text);
    }

    #[test]
    fn a_part_is_shown_to_the_byte() {
        let json = shown(&parts()).unwrap().json;
        assert_eq!(json["releases"], json!([]));
        let part = &json["parts"][0];
        assert_eq!(part["sums"][1]["value"], -18.25);
        assert_eq!(part["commitment_hex"].as_str().unwrap().len(), 360);
        assert_eq!(part["leader_parcel_hex"].as_str().unwrap().len(), 10_240);
    }

    #[test]
    fn bytes_that_are_no_release_are_an_error_and_not_an_empty_table() {
        let release = pb::ShownRelease {
            payload: vec![0xff; 3],
            ..Default::default()
        };
        let response = pb::ShowResponse {
            releases: vec![release],
            parts: Vec::new(),
        };
        assert!(matches!(shown(&response), Err(CliError::Release(_))));
        let nothing = shown(&pb::ShowResponse::default()).unwrap();
        assert!(nothing.text.contains("Nothing is frozen"));
    }
}
