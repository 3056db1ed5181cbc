//! A comparison as text for a terminal of 80 columns.

use krog_proto::federation::v1 as pb;

use super::forest::{Estimate, Plot, Row, Side};
use super::table::{Cell, Column, Table, WIDTH};
use super::{clean, number, words, wrap};

const NAME: usize = 21;
const PLOT: usize = 31;
/// How far a figure under the axis may stand out to the left of it.
const OVERHANG: usize = 2;

/// The comparison, readable: per facilitation the centres, persons and change; the synthesis; the contrast or why there
/// is none; each released centre; what was not told; what must be read with it.
pub fn comparison(comparison: &pb::Comparison) -> String {
    let mut out = String::new();
    heading(
        &mut out,
        &format!("Comparison of {}", clean(&comparison.measure)),
        '=',
    );
    paragraph(&mut out, &words::unit(comparison));

    heading(&mut out, "By facilitation", '-');
    let sides = sides(comparison);
    if sides.is_empty() {
        paragraph(&mut out, "No centre has told anything of this measure yet.");
    } else {
        out.push_str(&sides.text());
        out.push('\n');
        out.push_str(&between(comparison).text());
        out.push('\n');
        paragraph(&mut out, BETWEEN_NOTE);
    }

    heading(
        &mut out,
        "Professional and peer-led groups, entry pairs",
        '-',
    );
    paragraph(
        &mut out,
        &words::contrast(comparison.contrast.as_ref(), false),
    );
    paragraph(
        &mut out,
        &format!(
            "Within centres that offer both. {}",
            words::contrast(comparison.within.as_ref(), true)
        ),
    );

    if !comparison.centres.is_empty() {
        heading(&mut out, "Each released centre", '-');
        let plot = Plot::of(comparison);
        if plot.has_estimates() {
            forest(&mut out, &plot);
            out.push('\n');
        }
        out.push_str(&centres(comparison).text());
    }

    heading(&mut out, "What was not told", '-');
    if comparison.untold.is_empty() {
        paragraph(&mut out, words::nothing_withheld(comparison));
    } else {
        out.push_str(&not_told(comparison).text());
    }
    if comparison.waiting > 0 {
        out.push('\n');
        paragraph(&mut out, &waiting(comparison.waiting));
    }

    heading(&mut out, "To be read with it", '-');
    for caveat in &comparison.caveats {
        let text = words::caveat(*caveat);
        for (at, line) in wrap(&text, WIDTH - 4).into_iter().enumerate() {
            out.push_str(if at == 0 { "  - " } else { "    " });
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

pub(super) const BETWEEN_NOTE: &str = "entry: first asked within 28 days of the first attendance; continuing: later. tau²: variance between centres; I²: its share of all variance; the last column is where a centre not yet seen would lie (95 % prediction interval).";

pub(super) fn waiting(cells: u32) -> String {
    format!(
        "{cells} {} below the floor at the latest quarter: {} answers wait and leave together with later ones.",
        if cells == 1 { "cell is" } else { "cells are" },
        if cells == 1 { "its" } else { "their" },
    )
}

/// One row per facilitation and course.
pub(super) fn sides(comparison: &pb::Comparison) -> Table {
    let mut table = Table::new([
        Column::words("facilitation", "facilitation"),
        Column::words("course", "course"),
        Column::numbers("centres", "centres"),
        Column::numbers("persons", "persons"),
        Column::numbers("mean_change", "change, points"),
        Column::numbers("improvement", "improvement, SD (95\u{a0}% interval)"),
    ]);
    for side in &comparison.sides {
        table.push([
            Cell::text(words::facilitation(side.facilitation)),
            Cell::text(words::course(side.course)),
            Cell::Count(side.centres.into()),
            Cell::Count(side.persons.into()),
            Cell::number_or(side.mean_change, 2, "not told"),
            side.synthesis.as_ref().map_or(Cell::Absent("no SD"), |s| {
                Cell::Estimate(s.effect, (s.ci_low, s.ci_high), 2)
            }),
        ]);
    }
    table
}

/// How much the centres of a side differ.
pub(super) fn between(comparison: &pb::Comparison) -> Table {
    let mut table = Table::new([
        Column::words("facilitation", "facilitation"),
        Column::words("course", "course"),
        Column::numbers("k", "k"),
        Column::numbers("tau2", "tau²"),
        Column::numbers("q", "Q"),
        Column::numbers("i2_percent", "I²\u{a0}%"),
        Column::numbers("prediction", "next centre, SD"),
    ]);
    for side in &comparison.sides {
        let mut row = vec![
            Cell::text(words::facilitation(side.facilitation)),
            Cell::text(words::course(side.course)),
        ];
        match &side.synthesis {
            Some(s) => row.extend([
                Cell::Count(s.k.into()),
                Cell::Number(s.tau2, 3),
                Cell::Number(s.q, 2),
                Cell::Number(s.i2, 0),
                s.pi_low
                    .zip(s.pi_high)
                    .map_or(Cell::Absent("under three"), |(low, high)| {
                        Cell::Interval(low, high, 2)
                    }),
            ]),
            None => row.extend((0..5).map(|_| Cell::Absent("no SD"))),
        }
        table.push(row);
    }
    table
}

/// One row per released centre, in the order given: by identity.
pub(super) fn centres(comparison: &pb::Comparison) -> Table {
    let mut table = Table::new([
        Column::words("centre", "centre"),
        Column::words("facilitation", "led by"),
        Column::words("course", "course"),
        Column::numbers("persons", "n"),
        Column::words("quarters", "quarters"),
        Column::numbers("baseline_mean", "baseline"),
        Column::numbers("mean_change", "change"),
    ]);
    for row in &comparison.centres {
        table.push([
            Cell::text(words::centre_name(row)),
            Cell::text(words::facilitation(row.facilitation)),
            Cell::text(words::course(row.course)),
            Cell::Count(row.persons.into()),
            Cell::text(words::quarters(row.first_quarter, row.last_quarter)),
            Cell::number_or(row.baseline_mean, 2, "at an end"),
            Cell::number_or(row.mean_change, 2, "at an end"),
        ]);
    }
    table
}

/// The numbers behind a forest plot, in the order given: by identity.
pub(super) fn figures(comparison: &pb::Comparison) -> Table {
    let mut table = Table::new([
        Column::words("centre", "centre"),
        Column::words("facilitation", "led by"),
        Column::words("course", "course"),
        Column::numbers("persons", "n"),
        Column::numbers("improvement", "improvement, SD (95\u{a0}% interval)"),
    ]);
    for row in &comparison.centres {
        table.push([
            Cell::text(words::centre_name(row)),
            Cell::text(words::facilitation(row.facilitation)),
            Cell::text(words::course(row.course)),
            Cell::Count(row.persons.into()),
            Estimate::of_centre(row).map_or(Cell::Absent("not in SDs"), |e| {
                Cell::Estimate(e.value, (e.low, e.high), 2)
            }),
        ]);
    }
    table
}

/// One row per reason, facilitation and course.
pub(super) fn not_told(comparison: &pb::Comparison) -> Table {
    let mut table = Table::new([
        Column::words("reason", "reason"),
        Column::words("facilitation", "facilitation"),
        Column::words("course", "course"),
        Column::numbers("cells", "cells"),
    ]);
    for untold in &comparison.untold {
        table.push([
            Cell::text(words::withheld(untold.reason)),
            Cell::text(words::facilitation(untold.facilitation)),
            Cell::text(words::course(untold.course)),
            Cell::Count(untold.cells.into()),
        ]);
    }
    table
}

fn heading(out: &mut String, text: &str, under: char) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
    out.push('\n');
    out.extend(std::iter::repeat_n(under, text.chars().count()));
    out.push('\n');
}

fn paragraph(out: &mut String, text: &str) {
    for line in wrap(text, WIDTH) {
        out.push_str(&line);
        out.push('\n');
    }
}

fn forest(out: &mut String, plot: &Plot) {
    out.push_str("improvement in SDs of change, 95 % intervals; right of the line is better\n");
    for side in &plot.sides {
        out.push_str(&format!(
            "\n{}, {}\n",
            words::facilitation(side.facilitation),
            words::course(side.course)
        ));
        for row in &side.rows {
            out.push_str(&centre_line(plot, row));
        }
        out.push_str(&synthesis_line(plot, side));
    }
    out.push_str(&axis(plot));
    out.push_str("■ a centre   ◆ all centres together   · where a centre not yet seen would lie\n");
}

fn centre_line(plot: &Plot, row: &Row) -> String {
    let drawn = match row.estimate {
        Some(estimate) => draw(plot, estimate, '─', '■', None),
        None => draw_nothing(plot),
    };
    line(&row.name, row.persons, &drawn, row.estimate)
}

fn synthesis_line(plot: &Plot, side: &Side) -> String {
    let drawn = match side.synthesis {
        Some(estimate) => draw(plot, estimate, '═', '◆', side.prediction),
        None => draw_nothing(plot),
    };
    line("together", side.persons, &drawn, side.synthesis)
}

fn line(name: &str, persons: u32, drawn: &str, estimate: Option<Estimate>) -> String {
    let name = match name.chars().count() {
        0..=NAME => name.to_owned(),
        _ => name.chars().take(NAME - 1).chain(['…']).collect(),
    };
    let figures = estimate.map_or_else(
        || "not in SDs".to_owned(),
        |e| format!("{} ({})", number(e.value, 1), super::span(e.low, e.high, 1)),
    );
    format!("{name:<NAME$} {persons:>5} {drawn} {figures}\n")
}

fn column(plot: &Plot, value: f64) -> usize {
    (plot.place(value) * (PLOT - 1) as f64).round() as usize
}

fn draw(
    plot: &Plot,
    estimate: Estimate,
    line: char,
    mark: char,
    prediction: Option<(f64, f64)>,
) -> String {
    let mut cells: Vec<char> = draw_nothing(plot).chars().collect();
    let mut fill = |low: f64, high: f64, with: char| {
        for cell in cells
            .iter_mut()
            .take(column(plot, high) + 1)
            .skip(column(plot, low))
        {
            *cell = with;
        }
    };
    if let Some((low, high)) = prediction {
        fill(low, high, '·');
    }
    fill(estimate.low, estimate.high, line);
    fill(estimate.value, estimate.value, mark);
    cells.into_iter().collect()
}

fn draw_nothing(plot: &Plot) -> String {
    let zero = column(plot, 0.0);
    (0..PLOT)
        .map(|at| if at == zero { '│' } else { ' ' })
        .collect()
}

fn axis(plot: &Plot) -> String {
    let mut ruler = vec!['─'; PLOT];
    let mut figures = vec![' '; PLOT + 2 * OVERHANG + 4];
    let mut free_from = 0;
    for tick in &plot.ticks {
        let at = column(plot, *tick);
        if let Some(cell) = ruler.get_mut(at) {
            *cell = '┴';
        }
        let text = number(*tick, 1);
        let start = (at + OVERHANG).saturating_sub(text.chars().count() / 2);
        let end = start + text.chars().count();
        if start >= free_from && end <= figures.len() {
            for (cell, c) in figures.iter_mut().skip(start).zip(text.chars()) {
                *cell = c;
            }
            free_from = end + 1;
        }
    }
    let indent = " ".repeat(NAME + 7);
    let ruler: String = ruler.into_iter().collect();
    let figures: String = figures.into_iter().collect();
    let figures_indent = indent.get(OVERHANG..).unwrap_or_default();
    format!("{indent}{ruler}\n{figures_indent}{}\n", figures.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_comparison_reads_well() {
        insta::assert_snapshot!(comparison(&sample::comparison()));
    }

    #[test]
    fn a_refused_contrast_says_why() {
        insta::assert_snapshot!(comparison(&sample::small()));
    }

    #[test]
    fn nothing_told_yet_is_said_so() {
        let text = comparison(&pb::Comparison {
            measure: "k6".to_owned(),
            ..Default::default()
        });
        assert!(text.contains("No centre has told anything"));
    }

    #[test]
    fn no_line_is_wider_than_a_terminal_and_no_name_steers_it() {
        let mut hostile = sample::comparison();
        for row in &mut hostile.centres {
            row.public_name = "\u{1b}]0;x\u{7}very long name ".repeat(9);
        }
        let text = comparison(&hostile);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
    }
}
