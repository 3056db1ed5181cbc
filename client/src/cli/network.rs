//! `krog compare` and `krog network show`.

use std::path::Path;

use data_encoding::HEXLOWER;
use krog_measures::Quarter;
use krog_proto::federation::v1 as pb;
use pb::library_client::LibraryClient;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::CliError;
use super::output::Answer;
use super::progress::during;
use crate::call::CallError;
use crate::report::table::{Cell, Column, Table};
use crate::report::{clean, html, json as as_json, text};

pub(super) async fn describe(
    library: &mut LibraryClient<Channel>,
) -> Result<Vec<pb::DescribedNetwork>, CliError> {
    let response = library
        .describe(pb::DescribeRequest {})
        .await
        .map_err(CallError::from)?;
    Ok(response.into_inner().networks)
}

/// The network that is meant: the only one, or the one of that name or beginning of identity.
pub(super) fn choose<'a>(
    networks: &'a [pb::DescribedNetwork],
    wanted: Option<&str>,
) -> Result<&'a pb::DescribedNetwork, CliError> {
    let fits = |network: &&pb::DescribedNetwork| match wanted {
        None => true,
        Some(wanted) => {
            network.public_name == wanted
                || (wanted.len() >= 4
                    && HEXLOWER
                        .encode(&network.network)
                        .starts_with(&wanted.to_ascii_lowercase()))
        }
    };
    let fitting: Vec<_> = networks.iter().filter(fits).collect();
    match fitting.as_slice() {
        [network] => Ok(network),
        [] if networks.is_empty() => Err(CliError::Refused(
            "this node is in no network yet; found one with `krogd network create` or join one with `krogd join TOKEN`"
                .to_owned(),
        )),
        [] => Err(CliError::Usage(format!("no network is called that; there are: {}", names(networks.iter())))),
        several => Err(CliError::Usage(format!(
            "which network is meant? Say --network NAME; there are: {}",
            names(several.iter().copied())
        ))),
    }
}

fn names<'a>(networks: impl Iterator<Item = &'a pb::DescribedNetwork>) -> String {
    let named: Vec<String> = networks
        .map(|network| {
            format!(
                "{} ({})",
                clean(&network.public_name),
                id(&network.network, 8)
            )
        })
        .collect();
    named.join(", ")
}

/// The public name of a node, or the beginning of its identity while that has not arrived.
pub(super) fn node_name(network: &pb::DescribedNetwork, node: &[u8]) -> String {
    let known = (network.nodes.iter()).find(|known| known.node == node);
    known
        .filter(|known| !known.public_name.is_empty())
        .map_or_else(|| id(node, 8), |known| known.public_name.clone())
}

/// The first digits of an identity.
pub(super) fn id(bytes: &[u8], digits: usize) -> String {
    HEXLOWER.encode(bytes).chars().take(digits).collect()
}

pub(super) async fn compare(
    library: &mut LibraryClient<Channel>,
    measure: &str,
    until: Option<Quarter>,
    wanted: Option<&str>,
    page: Option<&Path>,
) -> Result<Answer, CliError> {
    let networks = describe(library).await?;
    let network = choose(&networks, wanted)?;
    let request = pb::CompareRequest {
        network: network.network.clone(),
        measure: measure.to_owned(),
        last_quarter: until.map_or(0, Quarter::index),
    };
    let response = during("comparing", library.compare(request))
        .await
        .map_err(CallError::from)?;
    let comparison = answered(response.into_inner(), network, measure)?;
    let mut said = text::comparison(&comparison);
    let mut json = json!({
        "network": {"id": HEXLOWER.encode(&network.network), "public_name": network.public_name},
        "until": until.map_or_else(|| json!("latest"), |quarter| json!(quarter.to_string())),
        "comparison": as_json::comparison(&comparison),
    });
    if let Some(file) = page {
        let title = format!("{} in {}", comparison.measure, network.public_name);
        let page = html::page(&title, "en", &[html::comparison_section(&comparison)]);
        std::fs::write(file, page).map_err(|error| CliError::file("write", file, &error))?;
        said.push_str(&format!("\nAs a page: {}\n", file.display()));
        if let Value::Object(fields) = &mut json {
            fields.insert("page".to_owned(), json!(file.display().to_string()));
        }
    }
    Ok(Answer::new(said, json))
}

fn answered(
    response: pb::CompareResponse,
    network: &pb::DescribedNetwork,
    measure: &str,
) -> Result<pb::Comparison, CliError> {
    let refused = match pb::CompareRefusal::try_from(response.refusal) {
        Ok(pb::CompareRefusal::Unspecified) => match response.comparison {
            Some(comparison) => return Ok(comparison),
            None => "the node sent neither a comparison nor a reason; it may run another version"
                .to_owned(),
        },
        Ok(pb::CompareRefusal::UnknownNetwork) => {
            "the node does not know this network, or is not of it any more; see `krog network show`"
                .to_owned()
        }
        Ok(pb::CompareRefusal::UnknownMeasure) => format!(
            "{} is not a measure of {}; its measures are: {}",
            clean(measure),
            clean(&network.public_name),
            clean(&network.measures.join(", "))
        ),
        Err(_) => "the node refused for a reason unknown here; a newer krog may know it".to_owned(),
    };
    Err(CliError::Refused(refused))
}

pub(super) async fn show(library: &mut LibraryClient<Channel>) -> Result<Answer, CliError> {
    let networks = describe(library).await?;
    Ok(shown(&networks))
}

fn shown(networks: &[pb::DescribedNetwork]) -> Answer {
    if networks.is_empty() {
        return Answer::new("This node is in no network yet.", json!([]));
    }
    let mut said = String::new();
    let mut list = Vec::new();
    for network in networks {
        let (text, json) = shown_one(network);
        said.push_str(&text);
        list.push(json);
    }
    Answer::new(said, Value::Array(list))
}

fn shown_one(network: &pb::DescribedNetwork) -> (String, Value) {
    let pb::DescribedNetwork {
        network: identity,
        public_name,
        roster_version,
        measures,
        nodes,
        heads,
        stopped,
        rehearsal,
    } = network;
    let mut centres = Table::new([
        Column::words("node", "node"),
        Column::words("node_id", "identity"),
        Column::words("centre", "centre"),
        Column::words("feed", "feed"),
    ]);
    for node in nodes {
        let name = if node.public_name.is_empty() {
            "(name not arrived)"
        } else {
            &node.public_name
        };
        let row = |centre: &str, feed: &[u8]| {
            [
                Cell::text(name),
                Cell::text(id(&node.node, 8)),
                Cell::text(centre),
                Cell::text(id(feed, 8)),
            ]
        };
        if node.centres.is_empty() {
            centres.push(row("–", &node.node));
        }
        for centre in &node.centres {
            centres.push(row(&centre.public_name, &centre.writer));
        }
    }
    let mut feeds = Table::new([
        Column::words("feed", "feed"),
        Column::numbers("epoch", "epoch"),
        Column::numbers("entries", "entries"),
        Column::words("state", "state"),
    ]);
    for head in heads {
        let fault = stopped.iter().find(|stopped| stopped.writer == head.writer);
        let state = match (head.frozen, fault) {
            (true, _) => {
                "frozen: its key was used twice; only its recovery key can settle it".to_owned()
            }
            (false, Some(fault)) => format!("stopped at a bad entry: {}", fault_words(fault.fault)),
            (false, None) => "whole".to_owned(),
        };
        feeds.push([
            Cell::text(id(&head.writer, 8)),
            Cell::Count(head.epoch.into()),
            Cell::Count(head.seq.saturating_add(1)),
            Cell::text(state),
        ]);
    }
    let practice = if *rehearsal {
        "\nThis network practises: its data are made up."
    } else {
        ""
    };
    let text = format!(
        "{} ({}), roster {roster_version}{practice}\nmeasures: {}\n\n{}\n{}\n",
        clean(public_name),
        id(identity, 8),
        clean(&measures.join(", ")),
        centres.text(),
        feeds.text()
    );
    let json = json!({
        "network": HEXLOWER.encode(identity),
        "public_name": public_name,
        "roster_version": roster_version,
        "rehearsal": rehearsal,
        "measures": measures,
        "nodes": nodes.iter().map(|node| json!({
            "node": HEXLOWER.encode(&node.node),
            "public_name": node.public_name,
            "centres": node.centres.iter().map(|centre| json!({
                "writer": HEXLOWER.encode(&centre.writer),
                "public_name": centre.public_name,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "heads": heads.iter().map(|head| json!({
            "writer": HEXLOWER.encode(&head.writer),
            "epoch": head.epoch,
            "seq": head.seq,
            "hash": HEXLOWER.encode(&head.hash),
            "frozen": head.frozen,
        })).collect::<Vec<_>>(),
        "stopped": stopped.iter().map(|stopped| json!({
            "writer": HEXLOWER.encode(&stopped.writer),
            "fault": fault_words(stopped.fault),
        })).collect::<Vec<_>>(),
    });
    (text, json)
}

fn fault_words(fault: i32) -> &'static str {
    match pb::EntryFault::try_from(fault) {
        Ok(pb::EntryFault::Malformed) => "bytes that are no entry",
        Ok(pb::EntryFault::Signature) => "its signature does not hold",
        Ok(pb::EntryFault::Payload) => "its payload is another than the one signed",
        Ok(pb::EntryFault::Gap) => "an entry before it is missing",
        Ok(pb::EntryFault::Fork) => "it contradicts an entry known here",
        Ok(pb::EntryFault::NotAMember) => "its writer is not of the network",
        Ok(pb::EntryFault::Quota) => "too many entries of kinds unknown here",
        Ok(pb::EntryFault::WrongNetwork) => "it is of another network",
        Ok(pb::EntryFault::Unspecified) | Err(_) => "a fault unknown here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(byte: u8, name: &str) -> pb::DescribedNetwork {
        pb::DescribedNetwork {
            network: vec![byte; 32],
            public_name: name.to_owned(),
            roster_version: 1,
            measures: vec!["k6".to_owned()],
            nodes: vec![pb::DescribedNode {
                node: vec![1; 32],
                public_name: "Društvo A\u{1b}[31m".to_owned(),
                centres: vec![],
            }],
            heads: vec![pb::Head {
                writer: vec![1; 32],
                seq: 4,
                frozen: true,
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn the_only_network_is_meant() {
        let networks = [network(1, "A")];
        assert_eq!(choose(&networks, None).unwrap().public_name, "A");
    }

    #[test]
    fn among_several_one_must_be_named() {
        let networks = [network(0xaa, "A"), network(0xbb, "B")];
        assert!(
            choose(&networks, None)
                .unwrap_err()
                .to_string()
                .contains("A (aaaaaaaa), B (bbbbbbbb)")
        );
        assert_eq!(choose(&networks, Some("B")).unwrap().public_name, "B");
        assert_eq!(choose(&networks, Some("AAAA")).unwrap().public_name, "A");
        assert!(choose(&networks, Some("C")).is_err());
        assert!(
            choose(&[], None)
                .unwrap_err()
                .to_string()
                .contains("krogd join")
        );
    }

    #[test]
    fn an_unknown_measure_names_those_there_are() {
        let response = pb::CompareResponse {
            refusal: pb::CompareRefusal::UnknownMeasure.into(),
            comparison: None,
        };
        let error = answered(response, &network(1, "A"), "bdi").unwrap_err();
        assert!(error.to_string().contains("its measures are: k6"));
    }

    #[test]
    fn a_network_is_shown_with_its_frozen_feeds() {
        let answer = shown(&[network(1, "A")]);
        assert!(answer.text.contains("frozen") && !answer.text.contains('\u{1b}'));
        assert_eq!(answer.json[0]["heads"][0]["seq"], 4);
    }
}
