//! Dialling out: fetching what is lacking here and handing over what is lacking there.
//!
//! What comes is stored batch by batch, so an interrupted round loses nothing and the next one goes on from the last
//! known heads. A peer that fails, lies or stalls costs its own part of the round and no other's.

mod call;
mod exchange_with;
mod join;
mod outcome;
mod peers;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use krog_feed::ids::{NetworkId, TlsPin, WriterId};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::transport::Channel;

pub use join::JoinError;
pub use outcome::{PeerOutcome, RoundOutcome, SyncFailure};
pub use peers::KnownPeer;

use crate::limits::{ASK, CONNECT, HELLO, PEER, PEERS_AT_ONCE, SHARE};
use crate::{Error, Exchange};
use exchange_with::Talk;

/// Where a node accepts connections and by which keys it is known there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerAddress {
    /// `host:port`.
    pub address: String,
    /// SHA-256 of the SubjectPublicKeyInfo of its TLS keys; any one of them will do, no other.
    pub pins: Vec<TlsPin>,
}

/// Why a peer was not reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DialError {
    /// What happened and what to do.
    pub reason: String,
}

/// Makes connections. The node implements it with pinned mutual TLS.
#[async_trait]
pub trait Dial: Send + Sync {
    /// Connects to a peer; fails unless it holds one of the keys it is known by.
    async fn dial(&self, peer: &PeerAddress) -> Result<Channel, DialError>;
}

/// An exchange with the means to dial out. Cloning shares it.
#[derive(Clone)]
pub struct Syncer {
    exchange: Exchange,
    dial: Arc<dyn Dial>,
    patience: Patience,
}

/// How long peers are waited for.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// For a greeting.
    pub(crate) hello: Duration,
    /// For all answers about one feed.
    pub(crate) ask: Duration,
    /// For one peer of a round, before the next is turned to as well.
    pub(crate) share: Duration,
    /// For everything with one peer in one round.
    pub(crate) peer: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            hello: HELLO,
            ask: ASK,
            share: SHARE,
            peer: PEER,
        }
    }
}

impl Syncer {
    /// An exchange that dials by `dial`.
    pub fn new(exchange: Exchange, dial: Arc<dyn Dial>) -> Syncer {
        Syncer {
            exchange,
            dial,
            patience: Patience::default(),
        }
    }

    /// The exchange.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The same with other deadlines.
    #[cfg(test)]
    pub(crate) fn with_patience(&self, patience: Patience) -> Syncer {
        Syncer {
            patience,
            ..self.clone()
        }
    }

    /// Synchronises with every known peer of every network once. Peers are greeted together and talked to one after the
    /// other, so that nothing is fetched twice; but nobody waits longer for a slow one than its share.
    pub async fn sync_round(&self) -> Result<RoundOutcome, Error> {
        self.exchange.drop_old_parcels().await?;
        let mut peers = Vec::new();
        for network in self.exchange.networks().await? {
            let known = self.exchange.known_peers(network).await?;
            peers.extend(known.into_iter().map(|peer| (network, peer)));
        }
        let mut round = RoundOutcome::default();
        let mut talking = JoinSet::new();
        for (network, peer, greeted) in self.greet_all(peers).await {
            let talk = match greeted {
                Ok(talk) => talk,
                Err(failure) => {
                    tell_failure(network, &peer, &failure);
                    let failed = PeerOutcome::failed(network, peer, failure);
                    round.peers.push(failed);
                    continue;
                }
            };
            let patience = self.patience.peer;
            talking.spawn(talk_whole(talk, patience, network, peer));
            let _ = timeout(self.patience.share, done(&mut talking, &mut round)).await;
            while talking.len() >= PEERS_AT_ONCE {
                done(&mut talking, &mut round).await;
            }
        }
        while !talking.is_empty() {
            done(&mut talking, &mut round).await;
        }
        tracing::debug!(
            answered = round.answered(),
            failed = round.failed(),
            received = round.received(),
            sent = round.sent(),
            "round done"
        );
        Ok(round)
    }

    /// Synchronises one network with one peer.
    pub async fn sync_with(&self, network: NetworkId, peer: KnownPeer) -> PeerOutcome {
        match self.greet(network, &peer).await {
            Ok(talk) => talk_whole(talk, self.patience.peer, network, peer).await,
            Err(failure) => {
                tell_failure(network, &peer, &failure);
                PeerOutcome::failed(network, peer, failure)
            }
        }
    }

    /// Asks every peer about one feed and takes in what it knows; how many answered in time. Each is asked by itself, so
    /// that one that does not answer costs no other's answer.
    pub(crate) async fn ask_about(
        &self,
        network: NetworkId,
        writer: WriterId,
    ) -> Result<u32, Error> {
        let mut waiting = self.exchange.known_peers(network).await?.into_iter();
        let mut asking = JoinSet::new();
        let mut answered = 0;
        let everybody = async {
            loop {
                while asking.len() < PEERS_AT_ONCE
                    && let Some(peer) = waiting.next()
                {
                    let syncer = self.clone();
                    asking.spawn(async move { syncer.ask(network, &peer, writer).await });
                }
                match asking.join_next().await {
                    None => break,
                    Some(Ok(true)) => answered += 1,
                    Some(Ok(false)) => {}
                    Some(Err(error)) => tracing::warn!(%error, "asking failed"),
                }
            }
        };
        if timeout(self.patience.ask, everybody).await.is_err() {
            tracing::debug!(network = %network.short(), answered, "not every peer answered in time about a feed");
        }
        Ok(answered)
    }

    /// Asks one peer about one feed; whether it answered.
    async fn ask(&self, network: NetworkId, peer: &KnownPeer, writer: WriterId) -> bool {
        let asked = async {
            // Connecting counts as part of the greeting: a signature waits.
            let greeted = timeout(self.patience.hello, self.greet(network, peer)).await;
            let mut talk = greeted.map_err(|_| SyncFailure::TooSlow)??;
            talk.ask_about(writer).await
        };
        match asked.await {
            Ok(()) => true,
            Err(failure) => {
                tracing::debug!(peer = %peer.name(), %failure, "did not answer about a feed");
                false
            }
        }
    }

    /// Connects to a peer and greets it.
    async fn greet(&self, network: NetworkId, peer: &KnownPeer) -> Result<Talk, SyncFailure> {
        let channel = reach(self.dial.clone(), peer).await?;
        let mut talk = Talk::new(self.exchange.clone(), network, channel);
        talk.greet(self.patience.hello).await?;
        Ok(talk)
    }

    /// Greets peers, several at a time; in the order of the peers.
    async fn greet_all(&self, peers: Vec<(NetworkId, KnownPeer)>) -> Vec<Greeted> {
        let mut waiting = peers.into_iter().enumerate();
        let mut greeting = JoinSet::new();
        let mut greeted = Vec::new();
        loop {
            while greeting.len() < PEERS_AT_ONCE
                && let Some((index, (network, peer))) = waiting.next()
            {
                let syncer = self.clone();
                greeting.spawn(async move {
                    let talk = syncer.greet(network, &peer).await;
                    (index, (network, peer, talk))
                });
            }
            match greeting.join_next().await {
                None => break,
                Some(Ok(done)) => greeted.push(done),
                // A dialler that panicked reached nobody.
                Some(Err(error)) => tracing::warn!(%error, "dialling failed"),
            }
        }
        greeted.sort_by_key(|(index, _)| *index);
        greeted.into_iter().map(|(_, greeted)| greeted).collect()
    }
}

/// A peer of a network and the talk with it, if it greeted.
type Greeted = (NetworkId, KnownPeer, Result<Talk, SyncFailure>);

async fn talk_whole(
    mut talk: Talk,
    patience: Duration,
    network: NetworkId,
    peer: KnownPeer,
) -> PeerOutcome {
    let failure = match timeout(patience, talk.whole()).await {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure),
        Err(_) => Some(SyncFailure::TooSlow),
    };
    if let Some(failure) = &failure {
        tell_failure(network, &peer, failure);
    }
    talk.into_outcome(network, peer, failure)
}

/// Waits until one of the talks is done.
async fn done(talking: &mut JoinSet<PeerOutcome>, round: &mut RoundOutcome) {
    match talking.join_next().await {
        Some(Ok(outcome)) => round.peers.push(outcome),
        Some(Err(error)) => tracing::warn!(%error, "talking to a peer failed"),
        None => {}
    }
}

fn tell_failure(network: NetworkId, peer: &KnownPeer, failure: &SyncFailure) {
    tracing::debug!(network = %network.short(), peer = %peer.name(), %failure, "peer failed");
}

/// Tries a peer's addresses in turn.
async fn reach(dial: Arc<dyn Dial>, peer: &KnownPeer) -> Result<Channel, SyncFailure> {
    let mut last = SyncFailure::Unreachable(DialError {
        reason: "it states no address".to_owned(),
    });
    for address in &peer.addresses {
        let address = PeerAddress {
            address: address.clone(),
            pins: peer.pins.clone(),
        };
        last = match timeout(CONNECT, dial.dial(&address)).await {
            Ok(Ok(channel)) => return Ok(channel),
            Ok(Err(error)) => SyncFailure::Unreachable(error),
            Err(_) => SyncFailure::Unreachable(DialError {
                reason: "no answer in time".to_owned(),
            }),
        };
    }
    Err(last)
}
