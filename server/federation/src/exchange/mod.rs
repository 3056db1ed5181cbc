//! A node's networks as they stand, over its store.

mod admit;
mod draft;
mod ingest;
pub(crate) mod network;
mod parcels;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use krog_feed::ids::{NetworkId, NodeId, TlsPin};
use krog_feed::roster::{RosterChain, SignedRoster};
use krog_proto::federation::v1 as proto;
use tokio::sync::RwLock;

pub use admit::AdmitRefusal;
pub use ingest::{Source, Taken};
pub(crate) use parcels::Errand;
pub use read::Fetched;
pub(crate) use read::HeadsPage;

use crate::store::{PeerRow, Store};
use crate::sync::PeerAddress;
use crate::{Clock, Error};
use network::Network;

/// Members of one network that dialled in since the start.
#[derive(Default)]
struct Callers {
    /// Who was told all heads.
    listed: BTreeSet<NodeId>,
    /// Who was told all heads and then handed over all it had.
    shown: BTreeSet<NodeId>,
}

/// A node's exchange. Cloning shares it.
#[derive(Clone)]
pub struct Exchange(Arc<Inner>);

struct Inner {
    store: Store,
    node: NodeId,
    clock: Clock,
    networks: RwLock<BTreeMap<NetworkId, Arc<Network>>>,
    /// Who dialled in since the start.
    callers: Mutex<BTreeMap<NetworkId, Callers>>,
}

impl Exchange {
    /// Opens the exchange of `node` over its store and brings every network up to where it stands.
    pub async fn open(store: Store, node: NodeId, clock: Clock) -> Result<Exchange, Error> {
        let found = store.claim(node).await?;
        if found != node {
            return Err(Error::AnotherNode {
                found: found.short(),
                expected: node.short(),
            });
        }
        let mut networks = BTreeMap::new();
        for (network, revision) in store.networks().await? {
            networks.insert(network, Arc::new(Network::load(&store, network).await?));
            tracing::debug!(network = %network.short(), revision, "network opened");
        }
        let networks = RwLock::new(networks);
        let exchange = Exchange(Arc::new(Inner {
            store,
            node,
            clock,
            networks,
            callers: Mutex::default(),
        }));
        exchange.drop_old_parcels().await?;
        Ok(exchange)
    }

    /// Notes that a member was told all heads.
    pub(crate) fn note_listed(&self, network: NetworkId, node: NodeId) {
        self.callers()
            .entry(network)
            .or_default()
            .listed
            .insert(node);
    }

    /// Notes that a member says it has handed over all it had. Who was not told the heads cannot know that.
    pub(crate) fn note_shown(&self, network: NetworkId, node: NodeId) {
        let mut callers = self.callers();
        let callers = callers.entry(network).or_default();
        if callers.listed.contains(&node) {
            callers.shown.insert(node);
        }
    }

    /// How many members have done both since the start. A restored exchange starts anew, and so does this.
    pub(crate) fn shown_by(&self, network: NetworkId) -> usize {
        self.callers()
            .get(&network)
            .map_or(0, |callers| callers.shown.len())
    }

    fn callers(&self) -> MutexGuard<'_, BTreeMap<NetworkId, Callers>> {
        self.0
            .callers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a TLS key belongs to a member of any network here, at this moment.
    pub(crate) async fn knows_pin(&self, pin: TlsPin) -> Result<bool, Error> {
        for network in self.networks().await? {
            let net = self.network(network).await?;
            let held = net.fresh(self.store()).await?;
            if held.member_by_pin(pin).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The node this exchange belongs to.
    pub fn node(&self) -> NodeId {
        self.0.node
    }

    /// Seconds since 1970-01-01 UTC.
    pub fn clock(&self) -> i64 {
        (self.0.clock)()
    }

    /// Closes the store, after what is under way. Calls that come later fail.
    pub async fn close(&self) {
        self.0.store.close().await;
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The networks of this node, ordered by identity.
    pub async fn networks(&self) -> Result<Vec<NetworkId>, Error> {
        Ok(self
            .0
            .store
            .networks()
            .await?
            .into_iter()
            .map(|(network, _)| network)
            .collect())
    }

    /// Adds a network by its rosters, oldest first, which must prove it from its genesis. For the founder and for who
    /// joins; repeating it is harmless and may bring later versions.
    pub async fn add_network(
        &self,
        network: NetworkId,
        rosters: Vec<proto::SignedRoster>,
    ) -> Result<(), Error> {
        let unproved = |fault: &dyn std::fmt::Display| Error::Roster(fault.to_string());
        let rosters: Vec<SignedRoster> = rosters
            .into_iter()
            .map(SignedRoster::parse)
            .collect::<Result<_, _>>()
            .map_err(|fault| unproved(&fault))?;
        let chain =
            RosterChain::from_versions(network, rosters).map_err(|fault| unproved(&fault))?;
        if let Ok(known) = self.network(network).await {
            let known = known.fresh(self.store()).await?;
            let mut rosters = known.view.rosters().clone();
            for version in chain.versions() {
                rosters
                    .apply(version.signed().clone())
                    .map_err(|fault| unproved(&fault))?;
            }
        }
        let versions: Vec<_> = chain
            .versions()
            .map(|version| (version.version, version.signed().encode()))
            .collect();
        self.store().add_network(network, &versions).await?;
        self.network(network).await?;
        tracing::debug!(network = %network.short(), versions = versions.len(), "network added");
        Ok(())
    }

    /// Remembers where a peer of a network is, beside what members' descriptors say.
    pub async fn remember_peer(
        &self,
        network: NetworkId,
        peer: &PeerAddress,
        node: Option<NodeId>,
    ) -> Result<(), Error> {
        if let Some(pin) = peer.pins.first() {
            let row = PeerRow {
                address: peer.address.clone(),
                pin: *pin,
                node,
            };
            self.store().remember_peer(network, &row).await?;
        }
        Ok(())
    }

    /// A network of this node; read from the store when another exchange on it has added it since.
    pub(crate) async fn network(&self, network: NetworkId) -> Result<Arc<Network>, Error> {
        if let Some(known) = self.0.networks.read().await.get(&network) {
            return Ok(known.clone());
        }
        if self.store().revision(network).await?.is_none() {
            return Err(Error::UnknownNetwork);
        }
        let mut networks = self.0.networks.write().await;
        if let Some(known) = networks.get(&network) {
            return Ok(known.clone());
        }
        let loaded = Arc::new(Network::load(self.store(), network).await?);
        networks.insert(network, loaded.clone());
        Ok(loaded)
    }
}
