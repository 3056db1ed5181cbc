//! Which peers there are.

use std::collections::BTreeMap;

use krog_feed::ids::{NetworkId, NodeId, TlsPin};

use crate::exchange::network::Held;
use crate::store::PeerRow;
use crate::{Error, Exchange};

/// A node to synchronise with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPeer {
    /// The node, when known.
    pub node: Option<NodeId>,
    /// Where it accepts connections, in the order in which they are tried.
    pub addresses: Vec<String>,
    /// Its TLS keys.
    pub pins: Vec<TlsPin>,
}

impl KnownPeer {
    /// A short name for logs.
    pub fn name(&self) -> String {
        self.node
            .map(|node| node.short())
            .or_else(|| self.pins.first().map(|pin| pin.short()))
            .unwrap_or_default()
    }
}

impl Exchange {
    /// The peers of a network, this node left out: members that state addresses, and those remembered from
    /// configuration or a token. Once a node's descriptor has arrived, its keys are those the descriptor states; a
    /// remembered address is tried first.
    pub async fn known_peers(&self, network: NetworkId) -> Result<Vec<KnownPeer>, Error> {
        let net = self.network(network).await?;
        let remembered = self.store().peers(network).await?;
        let held = net.fresh(self.store()).await?;
        Ok(merge(&held, remembered, self.node()))
    }
}

fn merge(held: &Held, remembered: Vec<PeerRow>, own: NodeId) -> Vec<KnownPeer> {
    let view = &held.view;
    let mut nodes: BTreeMap<NodeId, KnownPeer> = view
        .peers()
        .map(|peer| {
            let known = KnownPeer {
                node: Some(peer.node),
                addresses: peer
                    .descriptor
                    .addresses
                    .iter()
                    .map(|address| address.as_str().to_owned())
                    .collect(),
                pins: peer.descriptor.tls_pins.clone(),
            };
            (peer.node, known)
        })
        .collect();
    let mut unnamed = Vec::new();
    for PeerRow { address, pin, node } in remembered {
        let Some(node) = node.or_else(|| view.node_by_pin(pin)) else {
            if is_removed(held, pin) {
                continue;
            }
            unnamed.push(KnownPeer {
                node: None,
                addresses: vec![address],
                pins: vec![pin],
            });
            continue;
        };
        if view.removed(node) {
            continue;
        }
        let known = nodes.entry(node).or_insert_with(|| KnownPeer {
            node: Some(node),
            addresses: Vec::new(),
            pins: view
                .descriptor(node)
                .map_or_else(|| vec![pin], |descriptor| descriptor.tls_pins.clone()),
        });
        known.addresses.retain(|stated| *stated != address);
        known.addresses.insert(0, address);
    }
    nodes.remove(&own);
    nodes.into_values().chain(unnamed).collect()
}

/// Whether a removed node stated this key. What is new in the network is no longer its concern.
fn is_removed(held: &Held, pin: TlsPin) -> bool {
    let removed = held.view.rosters().latest().removed.keys();
    let mut descriptors = removed.filter_map(|node| held.view.descriptor(*node));
    descriptors.any(|descriptor| descriptor.tls_pins.contains(&pin))
}
