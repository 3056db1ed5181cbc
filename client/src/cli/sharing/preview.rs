//! `krog share preview`: the quarter and the rounds on their form.

use krog_pools::privacy::DELTA;
use krog_proto::centre::v1 as pb;
use serde_json::{Value, json};

use super::super::centre::short;
use super::super::output::Answer;
use super::{push_item, state_words};
use crate::report::json::number as exact;
use crate::report::table::{Cell, Column, Table};
use crate::report::{clean, number, privacy_cost, wrap};

pub(super) fn previewed(preview: &pb::PreviewResponse) -> Answer {
    let pb::PreviewResponse {
        quarter,
        state,
        approved_by,
        cells,
        stoppable_until,
        without_consent,
        network,
        rounds,
    } = preview;
    let mut table = Table::new([
        Column::words("measure", "measure"),
        Column::words("facilitation", "led by"),
        Column::words("course", "course"),
        Column::numbers("persons", "n"),
        Column::words("would_be", "would be"),
        Column::words("way", "by"),
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
            way,
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
            // "Not in the table" of releases: it goes another way, or waits.
            match would_be.as_str() {
                "not_in_table" => Cell::text("no release"),
                other => Cell::text(other),
            },
            Cell::text(way),
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
            push_item(&mut text, &format!("{}: {}", clean(places), clean(said)));
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
    if !rounds.is_empty() {
        text.push_str("\nRounds of pools\n");
        for round in rounds {
            text.push_str(&round_text(round));
        }
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
            "rounds": rounds.iter().map(round_json).collect::<Vec<_>>(),
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
        way,
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
        "way": way,
    })
}

/// What one round asks of this centre, and why it would take part or not.
fn round_text(round: &pb::PreviewRound) -> String {
    let pb::PreviewRound {
        round,
        measure,
        facilitation,
        course,
        first_quarter,
        last_quarter,
        sums,
        aggregators,
        deadline,
        state,
        approved_by,
        persons,
        takes_part,
        reason,
        rho,
        epsilon,
        spent_rho,
        yearly_rho,
        stoppable_until,
        precision,
    } = round;
    let mut heading = format!(
        "{}: {measure} {facilitation} {course}, pairs of {first_quarter} to {last_quarter}; {}",
        short(round),
        state_words(state)
    );
    if !approved_by.is_empty() {
        heading.push_str(&format!(", approved by {}", approved_by.join(" and ")));
    }
    let part = match (takes_part, state.as_str()) {
        (true, _) => format!("With {persons} persons of this centre: {reason}."),
        (false, "waiting-for-keys") => format!("Not to be decided yet: {reason}."),
        (false, _) => format!("Without this centre: {reason}."),
    };
    let cost = privacy_cost(*rho, (*rho > 0.0).then_some((*epsilon, DELTA)));
    let budget = if *rho == 0.0 {
        String::new()
    } else if *yearly_rho == 0.0 {
        format!(
            "; beside it ρ {} is spent in its year",
            number(*spent_rho, 2)
        )
    } else {
        format!(
            "; beside it ρ {} of {} is spent in its year",
            number(*spent_rho, 2),
            number(*yearly_rho, 2)
        )
    };
    let until = if stoppable_until.is_empty() {
        String::new()
    } else {
        format!(
            " It can be stopped until {stoppable_until} with `krog share stop --round {}`.",
            short(round)
        )
    };
    let mut lines = vec![
        part,
        format!("It adds up {}.", sums.join(", ")),
        format!(
            "Aggregators: {}; they would have to collude to see this centre's part.",
            aggregators.join(" and ")
        ),
        format!("Parts are committed until {deadline}.{until}"),
        format!("Privacy cost: {cost}{budget}."),
    ];
    if !precision.is_empty() {
        lines.push(format!("Expected of the mean change: {precision}."));
    }
    let mut text = String::new();
    push_item(&mut text, &clean(&heading));
    for line in lines {
        for line in wrap(&clean(&line), 74) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn round_json(round: &pb::PreviewRound) -> Value {
    let pb::PreviewRound {
        round,
        measure,
        facilitation,
        course,
        first_quarter,
        last_quarter,
        sums,
        aggregators,
        deadline,
        state,
        approved_by,
        persons,
        takes_part,
        reason,
        rho,
        epsilon,
        spent_rho,
        yearly_rho,
        stoppable_until,
        precision,
    } = round;
    // Below the floor of a part the wire says 0, which is no number of persons.
    let persons = match *persons {
        0 => json!({"status": "absent", "why": "few or not counted"}),
        persons => json!(persons),
    };
    let epsilon = if *rho > 0.0 {
        json!({"status": "value", "epsilon": exact(*epsilon), "delta": DELTA})
    } else {
        json!({"status": "absent", "why": "no noise"})
    };
    let yearly_rho = if *yearly_rho > 0.0 {
        exact(*yearly_rho)
    } else {
        json!({"status": "absent", "why": "no limit"})
    };
    json!({
        "round": round,
        "measure": measure,
        "facilitation": facilitation,
        "course": course,
        "first_quarter": first_quarter,
        "last_quarter": last_quarter,
        "sums": sums,
        "aggregators": aggregators,
        "deadline": deadline,
        "state": state,
        "approved_by": approved_by,
        "persons": persons,
        "takes_part": takes_part,
        "reason": reason,
        "rho": exact(*rho),
        "epsilon": epsilon,
        "spent_rho": exact(*spent_rho),
        "yearly_rho": yearly_rho,
        "stoppable_until": stoppable_until,
        "precision": precision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview() -> pb::PreviewResponse {
        let cell = |would_be: &str, persons, way: &str| pb::PreviewCell {
            measure: "k6".to_owned(),
            facilitation: "peer".to_owned(),
            course: "entry".to_owned(),
            persons,
            would_be: would_be.to_owned(),
            reason: "their answers wait".to_owned(),
            waiting_since: "2025Q4".to_owned(),
            way: way.to_owned(),
            ..Default::default()
        };
        let open = pb::PreviewRound {
            round: "1a2b3c4d".repeat(8),
            measure: "k6".to_owned(),
            facilitation: "peer".to_owned(),
            course: "entry".to_owned(),
            first_quarter: "2025Q1".to_owned(),
            last_quarter: "2025Q4".to_owned(),
            sums: vec!["persons".to_owned(), "change".to_owned()],
            aggregators: vec!["Društvo Lipa".to_owned(), "Na obali".to_owned()],
            deadline: "2026-04-30".to_owned(),
            state: "approved-once".to_owned(),
            approved_by: vec!["coordinator".to_owned()],
            persons: 7,
            takes_part: true,
            reason: "counted in the pool; each aggregator sees random numbers, and the network only the sum over all centres".to_owned(),
            rho: 0.25,
            epsilon: 3.47,
            spent_rho: 0.5,
            yearly_rho: 2.0,
            stoppable_until: String::new(),
            precision: "5 centres with 60 persons: ±0.34 SD (±0.25 without noise)".to_owned(),
        };
        let committed = pb::PreviewRound {
            round: "9f8e7d6c".repeat(8),
            state: "committed".to_owned(),
            approved_by: Vec::new(),
            reason: "committed; the aggregators add it up after the deadline".to_owned(),
            rho: 0.0,
            epsilon: 0.0,
            stoppable_until: "2026-04-30".to_owned(),
            precision: String::new(),
            ..open.clone()
        };
        let closed = pb::PreviewRound {
            round: "00112233".repeat(8),
            state: "closed".to_owned(),
            persons: 0,
            takes_part: false,
            reason: "fewer than 3 persons of this cell so far; their pairs wait for the next round"
                .to_owned(),
            yearly_rho: 0.0,
            approved_by: Vec::new(),
            ..open.clone()
        };
        pb::PreviewResponse {
            quarter: "2026Q1".to_owned(),
            state: "open".to_owned(),
            network: "Circle".to_owned(),
            cells: vec![
                cell("not_shared", 7, "pool"),
                cell("below_floor", 0, "release"),
            ],
            rounds: vec![open, committed, closed],
            ..Default::default()
        }
    }

    #[test]
    fn a_preview_with_rounds_reads_well() {
        insta::assert_snapshot!(previewed(&preview()).text);
    }

    #[test]
    fn below_the_floor_no_number_of_persons_is_shown() {
        let answer = previewed(&pb::PreviewResponse {
            network: String::new(),
            rounds: Vec::new(),
            ..preview()
        });
        assert!(answer.text.contains("in no network"));
        assert!(!answer.text.contains("Rounds"));
        assert_eq!(answer.json["cells"][1]["persons"]["status"], "absent");
        assert_eq!(answer.json["cells"][1]["way"], "release");
    }

    #[test]
    fn what_a_round_would_cost_is_told_before_anything_is_asked() {
        let json = previewed(&preview()).json;
        assert_eq!(json["rounds"][0]["persons"], 7);
        assert_eq!(json["rounds"][0]["epsilon"]["epsilon"], 3.47);
        assert_eq!(json["rounds"][0]["yearly_rho"], 2.0);
        assert_eq!(json["rounds"][1]["epsilon"]["status"], "absent");
        assert_eq!(json["rounds"][2]["persons"]["status"], "absent");
        assert_eq!(json["rounds"][2]["yearly_rho"]["why"], "no limit");
    }
}
