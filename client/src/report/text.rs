//! A comparison as text for a terminal of 80 columns.

use krog_proto::federation::v1 as pb;

use super::forest::{Estimate, Mark, Plot, Row, Side};
use super::table::{Cell, Column, Table, WIDTH};
use super::{clean, number, pools, words, wrap};

const NAME: usize = 21;
const PERSONS: usize = 5;
const PLOT: usize = 31;
/// How far a figure under the axis may stand out to the left of it.
const OVERHANG: usize = 2;

/// The comparison, readable: per facilitation the centres, persons and change; the synthesis; the contrast or why there
/// is none; each released centre and pool; what was not told; what must be read with it.
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
        if !comparison.pools.is_empty() {
            paragraph(&mut out, POOLED_NOTE);
        }
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

    if let Some(each) = each(comparison) {
        heading(&mut out, each, '-');
        let plot = Plot::of(comparison);
        if plot.has_estimates() {
            forest(&mut out, &plot);
            out.push('\n');
        }
    }
    if !comparison.centres.is_empty() {
        out.push_str(&centres(comparison).text());
    }
    if !comparison.pools.is_empty() {
        if !comparison.centres.is_empty() {
            out.push('\n');
        }
        told_by_pools(&mut out, comparison);
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
        point(&mut out, &words::caveat(*caveat));
    }
    out
}

fn told_by_pools(out: &mut String, comparison: &pb::Comparison) {
    out.push_str(&pools::pools(comparison).text());
    out.push('\n');
    out.push_str(&pools::precision(comparison).text());
    out.push('\n');
    let more = pools::more(comparison);
    for line in &more {
        point(out, line);
    }
    if !more.is_empty() {
        out.push('\n');
    }
    paragraph(out, pools::NOTE);
}

/// What the single rows are called; none where there are none.
pub(super) fn each(comparison: &pb::Comparison) -> Option<&'static str> {
    match (comparison.centres.is_empty(), comparison.pools.is_empty()) {
        (true, true) => None,
        (false, true) => Some("Each released centre"),
        (true, false) => Some("Each pool"),
        (false, false) => Some("Each released centre and pool"),
    }
}

pub(super) const POOLED_NOTE: &str = "Centres and persons: those of releases + those in pools, where a centre that stands in two is counted in each. k counts estimates: a pool without weights is one.";

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
            pools::side_centres(side),
            pools::side_persons(comparison, side),
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
                words::tells_q(s).map_or(Cell::Absent("not told"), |q| Cell::Number(q, 2)),
                words::tells_q(s).map_or(Cell::Absent("not told"), |_| Cell::Number(s.i2, 0)),
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

/// The numbers behind a forest plot, in the order given: centres by identity, pools by round.
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
    for row in &comparison.pools {
        table.push([
            Cell::text(format!("{}, {}", pools::name(row), pools::round(row))),
            Cell::text(words::facilitation(row.facilitation)),
            Cell::text(words::course(row.course)),
            Cell::text(pools::persons_of(row)),
            Estimate::of_pool(row).map_or(Cell::Absent("not in SDs"), |e| {
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

/// One point of a list.
fn point(out: &mut String, text: &str) {
    for (at, line) in wrap(text, WIDTH - 4).into_iter().enumerate() {
        out.push_str(if at == 0 { "  - " } else { "    " });
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
            out.push_str(&row_line(plot, row));
        }
        out.push_str(&synthesis_line(plot, side));
    }
    out.push_str(&axis(plot));
    out.push_str("■ a centre   ◆ all centres together   · where a centre not yet seen would lie\n");
    if plot.has_pools() {
        out.push_str("● a pool: its line leaves out how much its centres differ\n");
    }
}

fn row_line(plot: &Plot, row: &Row) -> String {
    let mark = match row.mark {
        Mark::Centre => '■',
        Mark::Pool => '●',
    };
    let drawn = match row.estimate {
        Some(estimate) => draw(plot, estimate, '─', mark, None),
        None => draw_nothing(plot),
    };
    line(&row.name, &row.persons, &drawn, row.estimate)
}

fn synthesis_line(plot: &Plot, side: &Side) -> String {
    let drawn = match side.synthesis {
        Some(estimate) => draw(plot, estimate, '═', '◆', side.prediction),
        None => draw_nothing(plot),
    };
    line("together", &side.persons, &drawn, side.synthesis)
}

fn line(name: &str, persons: &str, drawn: &str, estimate: Option<Estimate>) -> String {
    // A long number takes its room from the name.
    let room = (NAME + PERSONS).saturating_sub(persons.chars().count().max(PERSONS));
    let name: String = if name.chars().count() <= room {
        name.to_owned()
    } else {
        name.chars()
            .take(room.saturating_sub(1))
            .chain(['…'])
            .collect()
    };
    let figures = estimate.map_or_else(
        || "not in SDs".to_owned(),
        |e| format!("{} ({})", number(e.value, 1), super::span(e.low, e.high, 1)),
    );
    format!("{name:<room$} {persons:>PERSONS$} {drawn} {figures}\n")
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
    let indent = " ".repeat(NAME + PERSONS + 2);
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
    fn a_comparison_with_pools_reads_well() {
        insta::assert_snapshot!(comparison(&sample::with_pools()));
    }

    #[test]
    fn pools_alone_are_shown_without_a_table_of_centres() {
        let mut alone = sample::with_pools();
        alone.centres.clear();
        let text = comparison(&alone);
        assert!(text.contains("Each pool\n"));
        assert!(!text.contains("baseline     change"));
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
        let mut hostile = sample::with_pools();
        for row in &mut hostile.centres {
            row.public_name = "\u{1b}]0;x\u{7}very long name ".repeat(9);
        }
        for (row, persons) in hostile.pools.iter_mut().zip([f64::NAN, 99_999_999.0]) {
            row.persons = persons;
            row.centres = 100_000;
            row.delta = Some(f64::MIN_POSITIVE);
            row.epsilon = Some(f64::MAX);
        }
        let text = comparison(&hostile);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
    }
}
