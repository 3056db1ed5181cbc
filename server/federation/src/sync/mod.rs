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

use async_trait::async_trait;
use krog_feed::ids::{NetworkId, TlsPin, WriterId};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::transport::Channel;

pub use join::JoinError;
pub use outcome::{PeerOutcome, RoundOutcome, SyncFailure};
pub use peers::KnownPeer;

use crate::limits::{CONNECT, PEER, PEERS_AT_ONCE};
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
}

impl Syncer {
    /// An exchange that dials by `dial`.
    pub fn new(exchange: Exchange, dial: Arc<dyn Dial>) -> Syncer {
        Syncer { exchange, dial }
    }

    /// The exchange.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Synchronises with every known peer of every network once. Peers are dialled together and talked to one after the
    /// other, so that nothing is fetched twice.
    pub async fn sync_round(&self) -> Result<RoundOutcome, Error> {
        let mut round = RoundOutcome::default();
        for network in self.exchange.networks().await? {
            for (peer, channel) in self.dial_all(network).await? {
                let outcome = match channel {
                    Ok(channel) => self.talk(network, peer, channel).await,
                    Err(failure) => PeerOutcome::failed(network, peer, failure),
                };
                round.peers.push(outcome);
            }
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
        match reach(self.dial.clone(), &peer).await {
            Ok(channel) => self.talk(network, peer, channel).await,
            Err(failure) => PeerOutcome::failed(network, peer, failure),
        }
    }

    /// Asks every peer about one feed and takes in what it knows; how many answered.
    pub(crate) async fn ask_about(
        &self,
        network: NetworkId,
        writer: WriterId,
    ) -> Result<u32, Error> {
        let mut answered = 0;
        for (peer, channel) in self.dial_all(network).await? {
            let Ok(channel) = channel else { continue };
            let mut talk = Talk::new(self.exchange.clone(), network, channel);
            match timeout(PEER, talk.ask_about(writer)).await {
                Ok(Ok(())) => answered += 1,
                Ok(Err(failure)) => {
                    tracing::debug!(peer = %peer.name(), %failure, "did not answer about a feed")
                }
                Err(_) => {
                    tracing::debug!(peer = %peer.name(), "did not answer in time about a feed")
                }
            }
        }
        Ok(answered)
    }

    async fn talk(&self, network: NetworkId, peer: KnownPeer, channel: Channel) -> PeerOutcome {
        let mut talk = Talk::new(self.exchange.clone(), network, channel);
        let failure = match timeout(PEER, talk.whole()).await {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure),
            Err(_) => Some(SyncFailure::TooSlow),
        };
        if let Some(failure) = &failure {
            tracing::debug!(network = %network.short(), peer = %peer.name(), %failure, "peer failed");
        }
        talk.into_outcome(network, peer, failure)
    }

    /// Dials the peers of a network, several at a time; in the order of the peers.
    async fn dial_all(
        &self,
        network: NetworkId,
    ) -> Result<Vec<(KnownPeer, Result<Channel, SyncFailure>)>, Error> {
        let peers = self.exchange.known_peers(network).await?;
        let mut waiting = peers.into_iter().enumerate();
        let mut dialling = JoinSet::new();
        let mut dialled = Vec::new();
        loop {
            while dialling.len() < PEERS_AT_ONCE
                && let Some((index, peer)) = waiting.next()
            {
                let dial = self.dial.clone();
                dialling.spawn(async move {
                    let channel = reach(dial, &peer).await;
                    (index, peer, channel)
                });
            }
            match dialling.join_next().await {
                None => break,
                Some(Ok(done)) => dialled.push(done),
                // A dialler that panicked reached nobody.
                Some(Err(error)) => tracing::warn!(%error, "dialling failed"),
            }
        }
        dialled.sort_by_key(|(index, ..)| *index);
        Ok(dialled
            .into_iter()
            .map(|(_, peer, channel)| (peer, channel))
            .collect())
    }
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
