//! A release cell by cell: exactly what it says and nothing else.

use krog_measures::{Measure, MeasureCode, builtin};
use krog_proto::federation::v1 as pb;
use pb::{FollowUpBand, ScaleEnd, cell::Told, sums};
use prost::Message;
use serde_json::{Value, json};
use thiserror::Error;

use super::table::{Cell, Column, Table};
use super::{number, words};

/// The bytes are no release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("these bytes are no release this program can read; a newer version of krog may")]
pub struct NotARelease;

/// A release read from its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRelease {
    release: pb::Release,
    bytes: usize,
}

impl ReadRelease {
    /// Reads an encoded `krog.federation.v1.Release`.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn parse(payload: &[u8]) -> Result<Self, NotARelease> {
        Ok(Self {
            release: pb::Release::decode(payload).map_err(|_| NotARelease)?,
            bytes: payload.len(),
        })
    }

    /// Size of the encoded release.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The quarter, as 2026Q1.
    pub fn quarter(&self) -> String {
        words::quarter_name(self.release.quarter)
    }

    /// How many of its cells say that the centre does not collect this; [`cells`](Self::cells) leaves them out.
    pub fn not_collected(&self) -> usize {
        self.release
            .cells
            .iter()
            .filter(|cell| is_not_collected(cell))
            .count()
    }

    /// Its cells, one row each, without those the centre does not collect.
    pub fn cells(&self) -> Table {
        let mut table = Table::new([
            Column::words("measure", "measure"),
            Column::words("facilitation", "led by"),
            Column::words("course", "course"),
            Column::numbers("persons", "n"),
            Column::words("quarters", "quarters, or why none"),
            Column::words("baseline", "baseline sum"),
            Column::words("change", "change sum"),
            Column::words("change_sd", "SD of change"),
        ]);
        for cell in self
            .release
            .cells
            .iter()
            .filter(|cell| !is_not_collected(cell))
        {
            let mut row = vec![
                Cell::text(&cell.measure),
                Cell::text(words::facilitation(cell.facilitation)),
                Cell::text(words::course(cell.course)),
            ];
            match &cell.told {
                Some(Told::Sums(told)) => row.extend(sums_cells(told, measure(&cell.measure))),
                Some(Told::Withheld(reason)) => {
                    row.push(Cell::text("–"));
                    row.push(Cell::text(words::withheld_word(*reason)));
                    row.extend([Cell::text("–"), Cell::text("–"), Cell::text("–")]);
                }
                None => row.extend((0..5).map(|_| Cell::Absent("unreadable"))),
            }
            table.push(row);
        }
        table
    }

    /// Follow-up by measure.
    pub fn follow_up(&self) -> Table {
        let mut table = Table::new([
            Column::words("measure", "measure"),
            Column::words("follow_up", "follow-up over eight quarters"),
        ]);
        for follow_up in &self.release.follow_up {
            let band = match FollowUpBand::try_from(follow_up.band) {
                Ok(FollowUpBand::Under60) => "under 60 %",
                Ok(FollowUpBand::AtLeast60) => "at least 60 %",
                Ok(FollowUpBand::Unspecified) | Err(_) => "not told",
            };
            table.push([Cell::text(&follow_up.measure), Cell::text(band)]);
        }
        table
    }

    /// All of it as JSON; a cell without a value has its reason.
    pub fn json(&self) -> Value {
        json!({
            "quarter": self.quarter(),
            "roster_version": self.release.roster_version,
            "bytes": self.bytes,
            "cells": self.release.cells.iter().map(cell_json).collect::<Vec<_>>(),
            "follow_up": self.follow_up().json(),
        })
    }
}

fn is_not_collected(cell: &pb::Cell) -> bool {
    cell.told == Some(Told::Withheld(pb::Withheld::NotCollected as i32))
}

fn measure(code: &str) -> Option<&'static Measure> {
    builtin::measure(&MeasureCode::try_from(code).ok()?)
}

/// Steps with the points they stand for, where the measure is known here.
fn steps(steps: i64, measure: Option<&Measure>) -> String {
    let signed = number(steps as f64, 0);
    match measure {
        Some(measure) => format!(
            "{} ({signed} steps)",
            number(steps as f64 * measure.scale.range(), 0)
        ),
        None => format!("{signed} steps"),
    }
}

fn end(end: i32) -> String {
    match ScaleEnd::try_from(end) {
        Ok(ScaleEnd::Low) => "near the lowest".to_owned(),
        Ok(ScaleEnd::High) => "near the highest".to_owned(),
        Ok(ScaleEnd::Unspecified) | Err(_) => format!("an end unknown here ({end})"),
    }
}

fn sums_cells(told: &pb::Sums, measure: Option<&Measure>) -> [Cell; 5] {
    let baseline = match told.baseline {
        Some(sums::Baseline::BaselineSteps(count)) => steps(count.into(), measure),
        Some(sums::Baseline::BaselineEnd(at)) => end(at),
        None => "unreadable".to_owned(),
    };
    let change = match told.change {
        Some(sums::Change::ChangeSteps(count)) => steps(count.into(), measure),
        Some(sums::Change::ChangeEnd(at)) => end(at),
        None => "unreadable".to_owned(),
    };
    let sd = match (told.change_sd_twentieths, measure) {
        (None, _) => "–".to_owned(),
        (Some(count), Some(measure)) => number(f64::from(count) * measure.scale.range() / 20.0, 2),
        (Some(count), None) => format!("{count}/20 of the range"),
    };
    [
        Cell::Count(told.persons.into()),
        Cell::text(words::quarters(told.first_quarter, told.last_quarter)),
        Cell::text(baseline),
        Cell::text(change),
        Cell::text(sd),
    ]
}

fn cell_json(cell: &pb::Cell) -> Value {
    let pb::Cell {
        measure,
        comparability_class,
        facilitation,
        course,
        told,
    } = cell;
    let told = match told {
        Some(Told::Sums(told)) => sums_json(told),
        Some(Told::Withheld(reason)) => json!({"status": words::withheld_word(*reason)}),
        None => json!({"status": "unreadable"}),
    };
    json!({
        "measure": measure,
        "comparability_class": data_encoding::HEXLOWER.encode(comparability_class),
        "facilitation": words::facilitation(*facilitation),
        "course": words::course(*course),
        "told": told,
    })
}

fn sums_json(told: &pb::Sums) -> Value {
    let pb::Sums {
        persons,
        first_quarter,
        last_quarter,
        baseline,
        change,
        change_sd_twentieths,
    } = told;
    json!({
        "status": "value",
        "persons": persons,
        "first_quarter": words::quarter_name(*first_quarter),
        "last_quarter": words::quarter_name(*last_quarter),
        "baseline": match baseline {
            Some(sums::Baseline::BaselineSteps(count)) => json!({"status": "value", "steps": count}),
            Some(sums::Baseline::BaselineEnd(at)) => json!({"status": "end", "end": end(*at)}),
            None => json!({"status": "unreadable"}),
        },
        "change": match change {
            Some(sums::Change::ChangeSteps(count)) => json!({"status": "value", "steps": count}),
            Some(sums::Change::ChangeEnd(at)) => json!({"status": "end", "end": end(*at)}),
            None => json!({"status": "unreadable"}),
        },
        "change_sd": match change_sd_twentieths {
            Some(count) => json!({"status": "value", "twentieths_of_range": count}),
            None => json!({"status": "absent", "why": "fewer than 20 persons"}),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb::{Course, Facilitation, Withheld};

    fn cell(told: Told) -> pb::Cell {
        pb::Cell {
            measure: "k6".to_owned(),
            comparability_class: vec![7; 32],
            facilitation: Facilitation::Peer.into(),
            course: Course::Entry.into(),
            told: Some(told),
        }
    }

    fn release() -> pb::Release {
        let sums = pb::Sums {
            persons: 13,
            first_quarter: 8103,
            last_quarter: 8104,
            baseline: Some(sums::Baseline::BaselineSteps(6)),
            change: Some(sums::Change::ChangeSteps(-3)),
            change_sd_twentieths: None,
        };
        pb::Release {
            quarter: 8104,
            roster_version: 1,
            cells: vec![
                cell(Told::Sums(sums)),
                cell(Told::Withheld(Withheld::BelowFloor.into())),
                pb::Cell {
                    measure: "bdi-ii".to_owned(),
                    ..cell(Told::Sums(sums))
                },
            ],
            follow_up: vec![pb::FollowUp {
                measure: "k6".to_owned(),
                band: FollowUpBand::AtLeast60.into(),
            }],
        }
    }

    #[test]
    fn a_release_is_shown_cell_by_cell() {
        let read = ReadRelease::parse(&release().encode_to_vec()).unwrap();
        insta::assert_snapshot!(format!(
            "{}\n{}",
            read.cells().text(),
            read.follow_up().text()
        ));
    }

    #[test]
    fn a_withheld_cell_is_no_zero() {
        let json = ReadRelease::parse(&release().encode_to_vec())
            .unwrap()
            .json();
        assert_eq!(json["cells"][1]["told"], json!({"status": "below_floor"}));
        assert_eq!(json["cells"][0]["told"]["change"]["steps"], -3);
        assert_eq!(json["cells"][0]["told"]["change_sd"]["status"], "absent");
    }

    #[test]
    fn bytes_that_are_no_release_are_refused() {
        assert_eq!(ReadRelease::parse(&[0xff, 0xff, 1]), Err(NotARelease));
    }
}
