//! What came out, as text and JSON.

use krog_measures::synthesis::{
    Contrast, ContrastOutcome, DETECTABLE_FORMULA, Fixed, Interval, Random, Synthesis,
};
use serde_json::{Value, json};

use crate::report::table::{Cell, Column, Table, WIDTH};
use crate::report::{number, span, wrap};

/// Decimals shown; JSON has all.
const SHOWN: usize = 4;

pub(super) fn text(synthesis: &Synthesis) -> String {
    let Synthesis {
        fixed,
        random,
        by_facilitation,
        contrast,
    } = synthesis;
    let mut out = format!("{} estimates\n\n{}\n", fixed.k, all(fixed, random).text());
    out.push_str(&heterogeneity(fixed));
    if !by_facilitation.is_empty() {
        out.push_str("\nBy facilitation (each with a tau² of its own)\n\n");
        out.push_str(&sides(synthesis).text());
    }
    if let Some(contrast) = contrast {
        out.push_str("\nProfessional minus peer\n\n");
        let said = match contrast {
            ContrastOutcome::Told(contrast) => told(contrast),
            ContrastOutcome::Refused(refused) => refused.to_string(),
        };
        for line in wrap(&said, WIDTH - 2) {
            out.push_str(&format!("  {line}\n"));
        }
    }
    out
}

fn all(fixed: &Fixed, random: &Random) -> Table {
    let mut table = Table::new([
        Column::words("model", "model"),
        Column::numbers("mean", "mean"),
        Column::numbers("se", "se"),
        Column::numbers("interval", "95 % interval"),
        Column::numbers("test", "z or t"),
        Column::words("p", "p"),
    ]);
    let interval = |interval: &Interval| Cell::Interval(interval.low, interval.high, SHOWN);
    table.push([
        Cell::text("fixed effect"),
        Cell::Number(fixed.mean, SHOWN),
        Cell::Number(fixed.se, SHOWN),
        interval(&fixed.interval),
        Cell::Number(fixed.z, SHOWN),
        Cell::text(p_value(fixed.p)),
    ]);
    table.push([
        Cell::text("random effects (DerSimonian–Laird)"),
        Cell::Number(random.mean, SHOWN),
        Cell::Number(random.se, SHOWN),
        interval(&random.normal_interval),
        Cell::Number(random.mean / random.se, SHOWN),
        Cell::text("–"),
    ]);
    match &random.hartung_knapp {
        Some(adjusted) => table.push([
            Cell::text("the same, Hartung–Knapp with floor"),
            Cell::Number(random.mean, SHOWN),
            Cell::Number(adjusted.se, SHOWN),
            interval(&adjusted.interval),
            Cell::Number(adjusted.t, SHOWN),
            Cell::text(p_value(adjusted.p)),
        ]),
        None => table.push([Cell::text(
            "the same, Hartung–Knapp with floor: needs two estimates",
        )]),
    }
    match &random.prediction {
        Some(prediction) => table.push([
            Cell::text("prediction, one more like these"),
            Cell::text("–"),
            Cell::text("–"),
            interval(&prediction.interval),
            Cell::text("–"),
            Cell::text("–"),
        ]),
        None => table.push([Cell::text("prediction: needs three estimates")]),
    }
    table
}

fn heterogeneity(fixed: &Fixed) -> String {
    let several = match (fixed.i2_percent, fixed.h2) {
        (Some(i2), Some(h2)) => format!("I² {} %, H² {}", number(i2, SHOWN), number(h2, SHOWN)),
        _ => "I² and H² need two estimates".to_owned(),
    };
    let p = fixed
        .q_p
        .map(|p| format!(", p {}", p_value(p)))
        .unwrap_or_default();
    format!(
        "  Q {} on {} df{p}; tau² {}; {several}\n",
        number(fixed.q, SHOWN),
        fixed.q_df,
        number(fixed.tau2, SHOWN)
    )
}

fn sides(synthesis: &Synthesis) -> Table {
    let mut table = Table::new([
        Column::words("facilitation", "facilitation"),
        Column::numbers("k", "k"),
        Column::numbers("mean", "mean"),
        Column::numbers("interval", "95 % interval"),
        Column::numbers("tau2", "tau²"),
        Column::numbers("i2", "I²\u{a0}%"),
    ]);
    for side in &synthesis.by_facilitation {
        let interval = side.random.interval();
        table.push([
            Cell::text(side.facilitation.to_string()),
            Cell::Count(side.random.k.into()),
            Cell::Number(side.random.mean, SHOWN),
            Cell::Interval(interval.low, interval.high, SHOWN),
            Cell::Number(side.random.tau2, SHOWN),
            Cell::number_or(side.fixed.i2_percent, 1, "one"),
        ]);
    }
    table
}

fn told(contrast: &Contrast) -> String {
    let mut said = format!(
        "{} (95 % interval {}; se {}, {} df, p {}): {}.",
        number(contrast.difference, SHOWN),
        span(contrast.interval.low, contrast.interval.high, SHOWN),
        number(contrast.se, SHOWN),
        number(contrast.df, 1),
        p_value(contrast.p),
        contrast.verdict,
    );
    if let Some(smallest) = contrast.smallest_detectable {
        said.push_str(&format!(
            " The smallest difference these data could have found is {} ({DETECTABLE_FORMULA}).",
            number(smallest, SHOWN)
        ));
    }
    said
}

fn p_value(p: f64) -> String {
    if p < 0.0001 {
        "< 0.0001".to_owned()
    } else {
        number(p, 4)
    }
}

pub(super) fn json(synthesis: &Synthesis) -> Value {
    let mut value = serde_json::to_value(synthesis).unwrap_or_else(|_| json!({"status": "failed"}));
    say_absence(&mut value);
    value
}

/// Null says nothing: what is absent has too few estimates.
fn say_absence(value: &mut Value) {
    match value {
        Value::Null => {
            *value = json!({"status": "absent", "why": "not asked for, or too few estimates"})
        }
        Value::Array(values) => values.iter_mut().for_each(say_absence),
        Value::Object(fields) => fields.values_mut().for_each(say_absence),
        _ => {}
    }
}
