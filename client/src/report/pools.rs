//! What pools told, in words and tables.

use krog_proto::federation::v1 as pb;

use super::forest::Estimate;
use super::table::{Cell, Column, Table};
use super::{clean, number, words};

/// How a number is marked that carries noise.
const ABOUT: char = '≈';
/// Items named in one line.
const ITEMS: usize = 64;

/// What the figures of a pool are, for under its tables.
pub(super) const NOTE: &str = "The interval of a pool holds what persons and noise make uncertain, without how much its centres differ; the synthesis counts that too. ≈: told with noise. ρ and ε: bounds on what one person's answers can give away, kept by one aggregator's noise alone. Weights: a second round lets it enter the synthesis like single centres.";

/// First eight digits of the round's hash.
pub(super) fn round(row: &pb::PoolRow) -> String {
    data_encoding::HEXLOWER.encode(row.opening.get(..4).unwrap_or(&row.opening))
}

/// What a forest plot calls it.
pub(super) fn name(row: &pb::PoolRow) -> String {
    format!("pool of {} centres", row.centres)
}

fn is_noisy(row: &pb::PoolRow) -> bool {
    row.rho_millionths > 0 || row.noise_se > 0.0
}

/// A number of persons as a whole number, marked where it carries noise.
fn persons(persons: f64, noisy: bool) -> String {
    let rounded = match persons {
        persons if persons.abs() >= 1e8 => "not possible".to_owned(),
        persons => number(persons, 0),
    };
    if noisy {
        format!("{ABOUT}{rounded}")
    } else {
        rounded
    }
}

/// Persons of one pool.
pub(super) fn persons_of(row: &pb::PoolRow) -> String {
    persons(row.persons, is_noisy(row))
}

/// The pools of a side.
pub(super) fn of_side<'a>(
    comparison: &'a pb::Comparison,
    side: &'a pb::Side,
) -> impl Iterator<Item = &'a pb::PoolRow> {
    let cell = (side.facilitation, side.course);
    (comparison.pools.iter()).filter(move |row| (row.facilitation, row.course) == cell)
}

/// Centres that released and those in pools, where there are any.
pub(super) fn side_centres(side: &pb::Side) -> Cell {
    match side.pooled_centres {
        0 => Cell::Count(side.centres.into()),
        pooled => Cell::text(format!("{} + {pooled}", side.centres)),
    }
}

/// Persons in releases and in pools, where there are any.
pub(super) fn side_persons(comparison: &pb::Comparison, side: &pb::Side) -> Cell {
    if side.pooled_centres == 0 {
        return Cell::Count(side.persons.into());
    }
    let noisy = of_side(comparison, side).any(is_noisy);
    Cell::text(format!(
        "{} + {}",
        side.persons,
        persons(side.pooled_persons, noisy)
    ))
}

/// All persons of a side together.
pub(super) fn side_total(comparison: &pb::Comparison, side: &pb::Side) -> String {
    let noisy = of_side(comparison, side).any(is_noisy);
    persons(f64::from(side.persons) + side.pooled_persons, noisy)
}

/// Whether the SD of change was pooled over pools too.
pub(super) fn tell_sd(comparison: &pb::Comparison) -> bool {
    comparison.pools.iter().any(|row| row.change_sd.is_some())
}

/// What its rounds cost in privacy.
fn privacy(row: &pb::PoolRow) -> String {
    privacy_cost(
        f64::from(row.rho_millionths) / 1e6,
        row.epsilon.zip(row.delta),
    )
}

/// What noise ensures, as ρ and, where it is known, as ε at a δ. No ρ: there is no noise.
pub(crate) fn privacy_cost(rho: f64, epsilon: Option<(f64, f64)>) -> String {
    if rho == 0.0 {
        return "no noise".to_owned();
    }
    let rho = format!("ρ {}", short(rho));
    match epsilon {
        Some((epsilon, delta)) => format!("{rho}, ε {} at δ {delta:e}", short(epsilon)),
        None => rho,
    }
}

/// With as many decimals as there are, three at most.
fn short(value: f64) -> String {
    let text = number(value, 3);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// One row per pool, in the order given: by its round.
pub(super) fn pools(comparison: &pb::Comparison) -> Table {
    let mut table = Table::new([
        Column::words("round", "round"),
        Column::words("facilitation", "led by"),
        Column::words("course", "course"),
        Column::numbers("centres", "centres"),
        Column::numbers("persons", "persons"),
        Column::words("quarters", "quarters"),
        Column::numbers("mean_change", "change"),
    ]);
    for row in &comparison.pools {
        table.push([
            Cell::text(round(row)),
            Cell::text(words::facilitation(row.facilitation)),
            Cell::text(words::course(row.course)),
            Cell::Count(row.centres.into()),
            Cell::text(persons_of(row)),
            Cell::text(words::quarters(row.first_quarter, row.last_quarter)),
            Cell::number_or(row.mean_change, 2, "not asked"),
        ]);
    }
    table
}

/// How precise each pool is, and what that costs.
pub(super) fn precision(comparison: &pb::Comparison) -> Table {
    let mut table = Table::new([
        Column::words("round", "round"),
        Column::numbers("improvement", "improvement, SD (95\u{a0}% interval)"),
        Column::numbers("noise_se", "noise, SD"),
        Column::words("privacy", "privacy cost"),
        Column::words("weights", "weights"),
    ]);
    for row in &comparison.pools {
        let estimate = Estimate::of_pool(row);
        table.push([
            Cell::text(round(row)),
            estimate.map_or(Cell::Absent("not in SDs"), |e| {
                Cell::Estimate(e.value, (e.low, e.high), 2)
            }),
            match estimate {
                Some(_) if is_noisy(row) => Cell::text(format!("±{}", number(row.noise_se, 3))),
                Some(_) => Cell::Absent("none"),
                None => Cell::Absent("not in SDs"),
            },
            Cell::text(privacy(row)),
            Cell::text(if row.has_weights { "yes" } else { "no" }),
        ]);
    }
    table
}

/// What else a pool told, one line for each that told more.
pub(super) fn more(comparison: &pb::Comparison) -> Vec<String> {
    comparison.pools.iter().filter_map(told_more).collect()
}

fn told_more(row: &pb::PoolRow) -> Option<String> {
    let percent = |share: f64| format!("{} %", number(100.0 * share, 0));
    let points = |value: f64| format!("{} points", number(value, 2));
    let mut said: Vec<String> = [
        row.baseline_mean
            .map(|mean| format!("mean baseline {}", points(mean))),
        row.change_sd
            .map(|sd| format!("SD of change {}", points(sd))),
        row.improved
            .map(|share| format!("{} reliably improved", percent(share))),
        row.deteriorated
            .map(|share| format!("{} reliably worse", percent(share))),
        row.followed_up
            .map(|share| format!("{} of baselines found a follow-up", percent(share))),
        row.sessions
            .map(|mean| format!("{} meetings a person", number(mean, 1))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !row.items.is_empty() {
        let items: Vec<String> = (row.items.iter().take(ITEMS))
            .map(|item| format!("{} {}", clean(&item.code), number(item.mean, 2)))
            .collect();
        said.push(format!("mean answers at follow-up: {}", items.join(", ")));
    }
    (!said.is_empty()).then(|| format!("{}: {}.", round(row), said.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn persons_with_noise_are_marked_and_whole() {
        assert_eq!(persons(107.6, true), "≈108");
        assert_eq!(persons(54.0, false), "54");
        assert_eq!(persons(f64::NAN, true), "≈not a number");
        assert_eq!(persons(1e300, false), "not possible");
    }

    #[test]
    fn the_privacy_cost_names_rho_epsilon_and_delta() {
        let [noisy, plain] = &sample::pools()[..2] else {
            panic!("two pools");
        };
        assert_eq!(privacy(noisy), "ρ 0.25, ε 3.5 at δ 1e-6");
        assert_eq!(privacy(plain), "no noise");
    }

    #[test]
    fn a_pool_that_told_no_more_has_no_line() {
        let bare = pb::PoolRow {
            centres: 5,
            ..Default::default()
        };
        assert_eq!(told_more(&bare), None);
    }

    #[test]
    fn item_codes_cannot_steer_a_terminal() {
        let mut row = sample::pools()[0].clone();
        row.items[0].code = "\u{1b}[2J".to_owned();
        assert!(!told_more(&row).unwrap().contains('\u{1b}'));
    }
}
