//! The forest plot as SVG.

use std::fmt::Write as _;

use krog_proto::federation::v1 as pb;

use super::escape;
use crate::report::forest::{Estimate, Mark, Plot, Row, Side};
use crate::report::{clean, number, span, words};

const WIDTH: f64 = 884.0;
const NAME: f64 = 4.0;
const PERSONS: f64 = 268.0;
const QUARTERS: f64 = 280.0;
const LEFT: f64 = 390.0;
const RIGHT: f64 = 690.0;
const FIGURES: f64 = 704.0;
const LINE: f64 = 22.0;
/// Longest name drawn, characters; the table has the whole name.
const LONGEST: usize = 32;

/// A forest plot of the released centres, the pools and their synthesis by facilitation, with `<title>` and `<desc>`. Empty text
/// when nothing can be drawn in one unit.
pub fn forest_svg(comparison: &pb::Comparison) -> String {
    let plot = Plot::of(comparison);
    if !plot.has_estimates() {
        return String::new();
    }
    let lines: usize = plot.sides.iter().map(|side| side.rows.len() + 2).sum();
    let bottom = LINE * (lines as f64 + 1.5);
    let height = bottom + 52.0;
    let id = id_of(&comparison.measure);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\" font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#111\">\n\
         <title id=\"{id}-title\">Forest plot of {}</title>\n<desc id=\"{id}-desc\">{}</desc>\n",
        escape(&clean(&comparison.measure)),
        escape(&described(&plot)),
    );
    let zero = x(&plot, 0.0);
    let _ = writeln!(
        out,
        "<line x1=\"{zero}\" y1=\"8\" x2=\"{zero}\" y2=\"{bottom}\" stroke=\"#111\"/>"
    );
    let mut y = LINE;
    for side in &plot.sides {
        draw_side(&mut out, &plot, side, &mut y);
    }
    axis(&mut out, &plot, bottom);
    out.push_str("</svg>\n");
    out
}

/// What a reader who does not see the plot is told.
fn described(plot: &Plot) -> String {
    let mut said = "Improvement in SDs of change with 95 % intervals; right of the vertical line is better. A square is a centre, larger when more precise; a diamond is the synthesis of a facilitation, its dashed line the 95 % prediction interval.".to_owned();
    if plot.has_pools() {
        said.push_str(" A circle is a pool; its line leaves out how much its centres differ.");
    }
    for side in &plot.sides {
        let _ = write!(
            said,
            " {}, {}: {} centres, {} persons",
            words::facilitation(side.facilitation),
            words::course(side.course),
            side.centres,
            side.persons,
        );
        match side.synthesis {
            Some(e) => {
                let _ = write!(
                    said,
                    ", {} ({}).",
                    number(e.value, 2),
                    span(e.low, e.high, 2)
                );
            }
            None => said.push_str(", not in SDs."),
        }
    }
    said
}

fn draw_side(out: &mut String, plot: &Plot, side: &Side, y: &mut f64) {
    let name = format!(
        "{}, {}",
        words::facilitation(side.facilitation),
        words::course(side.course)
    );
    text(out, NAME, *y, "start", &name, true);
    *y += LINE;
    for row in &side.rows {
        draw_row(out, plot, row, *y);
        *y += LINE;
    }
    text(out, NAME, *y, "start", "together", false);
    text(out, PERSONS, *y, "end", &side.persons, false);
    match side.synthesis {
        Some(estimate) => {
            if let Some((low, high)) = side.prediction {
                stroke(
                    out,
                    x(plot, low),
                    x(plot, high),
                    *y,
                    " stroke-dasharray=\"3 3\"",
                );
            }
            diamond(out, plot, estimate, *y);
            figures(out, estimate, *y, true);
        }
        None => text(out, FIGURES, *y, "start", "not in SDs", false),
    }
    *y += LINE;
}

fn draw_row(out: &mut String, plot: &Plot, row: &Row, y: f64) {
    let name: String = match row.name.chars().count() {
        0..=LONGEST => row.name.clone(),
        _ => row.name.chars().take(LONGEST - 1).chain(['…']).collect(),
    };
    text(out, NAME, y, "start", &name, false);
    text(out, PERSONS, y, "end", &row.persons, false);
    text(out, QUARTERS, y, "start", &row.quarters, false);
    let Some(estimate) = row.estimate else {
        text(out, FIGURES, y, "start", "not in SDs", false);
        return;
    };
    stroke(out, x(plot, estimate.low), x(plot, estimate.high), y, "");
    let side = 4.0 + 7.0 * row.size;
    let middle = x(plot, estimate.value);
    let (left, top) = (round(middle - side / 2.0), round(y - 4.0 - side / 2.0));
    let _ = match row.mark {
        Mark::Centre => {
            let side = round(side);
            writeln!(
                out,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{side}\" height=\"{side}\"/>"
            )
        }
        Mark::Pool => writeln!(
            out,
            "<circle cx=\"{middle}\" cy=\"{}\" r=\"{}\" fill=\"#fff\" stroke=\"#111\" stroke-width=\"1.5\"/>",
            y - 4.0,
            round(side / 2.0),
        ),
    };
    figures(out, estimate, y, false);
}

fn diamond(out: &mut String, plot: &Plot, estimate: Estimate, y: f64) {
    let middle = y - 4.0;
    let _ = writeln!(
        out,
        "<polygon points=\"{},{middle} {},{} {},{middle} {},{}\" fill=\"#fff\" stroke=\"#111\" stroke-width=\"1.5\"/>",
        x(plot, estimate.low),
        x(plot, estimate.value),
        middle - 7.0,
        x(plot, estimate.high),
        x(plot, estimate.value),
        middle + 7.0,
    );
}

fn figures(out: &mut String, estimate: Estimate, y: f64, bold: bool) {
    let said = format!(
        "{} ({})",
        number(estimate.value, 2),
        span(estimate.low, estimate.high, 2)
    );
    text(out, FIGURES, y, "start", &said, bold);
}

fn stroke(out: &mut String, from: f64, to: f64, y: f64, style: &str) {
    let y = y - 4.0;
    let _ = writeln!(
        out,
        "<line x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\" stroke=\"#111\"{style}/>"
    );
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, said: &str, bold: bool) {
    let weight = if bold { " font-weight=\"600\"" } else { "" };
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\"{weight}>{}</text>",
        escape(said)
    );
}

fn axis(out: &mut String, plot: &Plot, y: f64) {
    let _ = writeln!(
        out,
        "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{RIGHT}\" y2=\"{y}\" stroke=\"#111\"/>"
    );
    for tick in &plot.ticks {
        let at = x(plot, *tick);
        let _ = writeln!(
            out,
            "<line x1=\"{at}\" y1=\"{y}\" x2=\"{at}\" y2=\"{}\" stroke=\"#111\"/>",
            y + 5.0
        );
        text(out, at, y + 19.0, "middle", &number(*tick, 1), false);
    }
    text(
        out,
        (LEFT + RIGHT) / 2.0,
        y + 40.0,
        "middle",
        "improvement in SDs of change (right is better)",
        false,
    );
}

fn x(plot: &Plot, value: f64) -> f64 {
    round(LEFT + plot.place(value) * (RIGHT - LEFT))
}

/// To a tenth of a unit: finer would only make the page longer.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// An id made from a measure's code: nothing but letters, digits and hyphens.
fn id_of(measure: &str) -> String {
    let code: String = (measure.chars().take(48))
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("forest-{code}")
}
