//! `krog pools …`: rounds of pools, how far each has come and what it means for answers.

mod words;

use data_encoding::HEXLOWER;
use krog_measures::Day;
use krog_pools::privacy::{DELTA, epsilon};
use krog_pools::{Round, Sum};
use krog_proto::federation::v1 as pb;
use pb::RoundStage;
use pb::library_client::LibraryClient;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::CliError;
use super::network::{choose, describe, id, node_name};
use super::output::Answer;
use super::progress::during;
use crate::call::CallError;
use crate::report::json::number as exact;
use crate::report::table::{Cell, Column, Table};
use crate::report::{clean, number, privacy_cost, wrap};

/// Decimals of sums and of the noise in them.
const DECIMALS: usize = 2;

pub(super) async fn list(
    library: &mut LibraryClient<Channel>,
    wanted: Option<&str>,
) -> Result<Answer, CliError> {
    let networks = describe(library).await?;
    let network = choose(&networks, wanted)?;
    let request = pb::ListRoundsRequest {
        network: network.network.clone(),
    };
    let response = during("reading rounds", library.list_rounds(request))
        .await
        .map_err(CallError::from)?;
    Ok(listed(network, response.into_inner().rounds))
}

/// A round, read.
struct Listed {
    id: Vec<u8>,
    round: Round,
    stage: i32,
    commitments: u32,
    agreed: u32,
    /// The leader's and the helper's.
    outcomes: [i32; 2],
    /// Names, values and noise; empty unless told.
    told: Vec<ToldSum>,
}

/// One told sum.
struct ToldSum {
    name: String,
    unit: &'static str,
    value: f64,
    noise_sd: f64,
}

impl Listed {
    /// `None` for what is no round, or tells another number of sums than it asks.
    fn read(round: pb::DescribedRound) -> Option<Self> {
        let pb::DescribedRound {
            round: id,
            opening,
            stage,
            commitments,
            agreed,
            leader_outcome,
            helper_outcome,
            sums,
            noise_sds,
        } = round;
        let round = Round::parse(opening?).ok()?;
        let names = names(&round);
        let is_told = !sums.is_empty();
        if is_told && (sums.len() != names.len() || noise_sds.len() != names.len()) {
            return None;
        }
        let told = names.into_iter().zip(sums.into_iter().zip(noise_sds));
        Some(Self {
            id,
            stage,
            commitments,
            agreed,
            outcomes: [leader_outcome, helper_outcome],
            told: told
                .map(|((name, unit), (value, noise_sd))| ToldSum {
                    name,
                    unit,
                    value,
                    noise_sd,
                })
                .collect(),
            round,
        })
    }
}

/// What is added up, one name and unit for each number a round tells.
fn names(round: &Round) -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for sum in &round.sums {
        if *sum == Sum::Items {
            let items = round.items.iter();
            names
                .extend(items.map(|item| (format!("answers to {}", item.code), words::unit(*sum))));
        } else {
            names.push((sum.to_string(), words::unit(*sum)));
        }
    }
    names
}

fn listed(network: &pb::DescribedNetwork, rounds: Vec<pb::DescribedRound>) -> Answer {
    let all = rounds.len();
    let rounds: Vec<Listed> = rounds.into_iter().filter_map(Listed::read).collect();
    let unread = all - rounds.len();
    let mut text = match rounds.len() {
        0 => format!("No rounds of pools in {}.\n", clean(&network.public_name)),
        1 => format!("One round of pools in {}.\n", clean(&network.public_name)),
        several => format!(
            "{several} rounds of pools in {}, the newest deadline first.\n",
            clean(&network.public_name)
        ),
    };
    for round in &rounds {
        text.push('\n');
        text.push_str(&round_text(network, round));
    }
    if unread > 0 {
        text.push_str(&format!(
            "\n{unread} more cannot be read here; a newer krog may know them.\n"
        ));
    }
    let json = json!({
        "network": {"id": HEXLOWER.encode(&network.network), "public_name": network.public_name},
        "rounds": rounds.iter().map(|round| round_json(network, round)).collect::<Vec<_>>(),
        "unread": unread,
    });
    Answer::new(text, json)
}

fn round_text(network: &pb::DescribedNetwork, listed: &Listed) -> String {
    let Listed {
        id: hash,
        round,
        stage,
        commitments,
        agreed,
        outcomes,
        told,
    } = listed;
    let mut lines = vec![words::stage_meaning(*stage, round.first_round.is_some())];
    let asked: Vec<String> = names(round).into_iter().map(|(name, _)| name).collect();
    lines.push(format!("Adds up {}.", asked.join(", ")));
    if let Some(first) = &round.first_round {
        lines.push(format!(
            "A second round over the pairs of {}.",
            id(first, 8)
        ));
    }
    let [leader, helper] = [&round.leader, &round.helper].map(|node| node_name(network, node));
    lines.push(format!("Aggregators: {leader}, who leads, and {helper}."));
    lines.push(format!(
        "Parts until {}; given up from {} on.",
        day(round.deadline),
        day(round.expiry)
    ));
    lines.push(match agreed {
        0 => format!("{commitments} centres have committed a part; none is agreed on."),
        agreed => format!("{commitments} centres have committed a part; {agreed} are agreed on."),
    });
    let ended: Vec<String> = [leader, helper]
        .iter()
        .zip(outcomes)
        .filter_map(|(name, outcome)| Some(format!("{name}: {}", words::outcome(*outcome)?)))
        .collect();
    if !ended.is_empty() {
        lines.push(format!("Ended by {}.", ended.join("; by ")));
    }
    lines.push(format!("Privacy cost: {}.", cost(round)));
    if !round.precision.is_empty() {
        let widths: Vec<String> = round.precision.iter().map(width).collect();
        lines.push(format!(
            "Expected of the mean change: {}.",
            widths.join("; ")
        ));
    }
    let heading = format!(
        "{}: {}, {} {} pairs of {}; {}",
        id(hash, 8),
        round.measure,
        round.facilitation,
        round.course,
        quarters(round),
        words::stage(*stage)
    );
    let mut text = String::new();
    for line in wrap(&clean(&heading), 80) {
        text.push_str(&line);
        text.push('\n');
    }
    for line in lines {
        for line in wrap(&clean(&line), 78) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    if !told.is_empty() {
        text.push_str(&told_table(told).text());
    }
    text
}

fn told_table(told: &[ToldSum]) -> Table {
    let mut table = Table::new([
        Column::words("sum", "sum"),
        Column::numbers("value", "told"),
        Column::numbers("noise_sd", "noise"),
        Column::words("unit", "in"),
    ]);
    for ToldSum {
        name,
        unit,
        value,
        noise_sd,
    } in told
    {
        let noise = if *noise_sd > 0.0 {
            Cell::text(format!("±{}", number(*noise_sd, DECIMALS)))
        } else {
            Cell::Absent("none")
        };
        table.push([
            Cell::text(name),
            Cell::Number(*value, DECIMALS),
            noise,
            Cell::text(*unit),
        ]);
    }
    table
}

fn cost(round: &Round) -> String {
    let noise = (round.rho_millionths > 0).then(|| epsilon(round.rho(), DELTA));
    privacy_cost(round.rho(), noise.flatten().map(|epsilon| (epsilon, DELTA)))
}

fn width(expected: &krog_pools::precision::Precision) -> String {
    let sd = |thousandths: u32| number(f64::from(thousandths) / 1_000.0, 2);
    format!(
        "±{} SD with {} centres and {} persons (±{} without noise)",
        sd(expected.half_width_thousandths),
        expected.centres,
        expected.persons,
        sd(expected.noiseless_half_width_thousandths)
    )
}

fn quarters(round: &Round) -> String {
    if round.first == round.last {
        round.first.to_string()
    } else {
        format!("{}–{}", round.first, round.last)
    }
}

fn day(number: u32) -> String {
    let day = i32::try_from(number).ok().map(Day::new);
    match day {
        Some(Ok(day)) => day.to_string(),
        Some(Err(_)) | None => format!("day {number}"),
    }
}

fn round_json(network: &pb::DescribedNetwork, listed: &Listed) -> Value {
    let Listed {
        id,
        round,
        stage,
        commitments,
        agreed,
        outcomes: [leader_outcome, helper_outcome],
        told,
    } = listed;
    let aggregator = |node: &[u8; 32], outcome: &i32| {
        let outcome = match words::outcome(*outcome) {
            Some(outcome) => json!({"status": "value", "outcome": outcome}),
            None => json!({"status": "absent", "why": "not ended"}),
        };
        json!({
            "node": HEXLOWER.encode(node),
            "public_name": node_name(network, node),
            "outcome": outcome,
        })
    };
    let sums: Vec<Value> = told
        .iter()
        .map(|sum| {
            json!({
                "name": sum.name,
                "unit": sum.unit,
                "value": exact(sum.value),
                "noise_sd": exact(sum.noise_sd),
            })
        })
        .collect();
    let told = if *stage == i32::from(RoundStage::Told) {
        json!({"status": "value", "sums": sums})
    } else {
        json!({"status": "absent", "why": "not told"})
    };
    let epsilon = match epsilon(round.rho(), DELTA).filter(|_| round.rho_millionths > 0) {
        Some(epsilon) => json!({"status": "value", "epsilon": exact(epsilon), "delta": DELTA}),
        None => json!({"status": "absent", "why": "no noise"}),
    };
    let first_round = match &round.first_round {
        Some(first) => json!({"status": "value", "round": HEXLOWER.encode(first)}),
        None => json!({"status": "absent", "why": "a first round"}),
    };
    let precision: Vec<Value> = round
        .precision
        .iter()
        .map(|expected| {
            json!({
                "centres": expected.centres,
                "persons": expected.persons,
                "half_width_sd": exact(f64::from(expected.half_width_thousandths) / 1_000.0),
                "noiseless_half_width_sd":
                    exact(f64::from(expected.noiseless_half_width_thousandths) / 1_000.0),
            })
        })
        .collect();
    json!({
        "round": HEXLOWER.encode(id),
        "stage": words::stage_word(*stage),
        "meaning": words::stage_meaning(*stage, round.first_round.is_some()),
        "measure": round.measure.as_str(),
        "facilitation": round.facilitation.to_string(),
        "course": round.course.to_string(),
        "first_quarter": round.first.to_string(),
        "last_quarter": round.last.to_string(),
        "first_round": first_round,
        "asks": names(round).into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "leader": aggregator(&round.leader, leader_outcome),
        "helper": aggregator(&round.helper, helper_outcome),
        "deadline": day(round.deadline),
        "expiry": day(round.expiry),
        "commitments": commitments,
        "agreed": agreed,
        "rho": exact(round.rho()),
        "epsilon": epsilon,
        "precision": precision,
        "told": told,
    })
}

#[cfg(test)]
mod tests;
