//! One peer's part of a round, as `krog_feed::replication` plans it.

mod parcels;

use std::time::Duration;

use krog_feed::chain::{FeedState, Origin};
use krog_feed::entry::{Header, RawEntry};
use krog_feed::fault::EntryFault;
use krog_feed::ids::{HeaderHash, NetworkId, NodeId, WriterId};
use krog_feed::replication::{Fetch, Missing, Plan, Push, plan, plan_payloads, step_back};
use krog_proto::federation::v1 as proto;
use tonic::transport::Channel;

use super::call::Line;
use super::{KnownPeer, PeerOutcome, SyncFailure};
use crate::exchange::Source;
use crate::limits::{BATCH_ENTRIES, CALLS_PER_FEED, CLOCK_DIFFERENCE};
use crate::{Error, Exchange};

/// What is under way with one peer.
pub(super) struct Talk {
    exchange: Exchange,
    network: NetworkId,
    line: Line,
    /// Who greeted.
    node: Option<NodeId>,
    received: u64,
    sent: u64,
    clock_ahead: Option<i64>,
    stopped: Vec<(WriterId, EntryFault)>,
}

impl Talk {
    pub(super) fn new(exchange: Exchange, network: NetworkId, channel: Channel) -> Talk {
        Talk {
            exchange,
            network,
            line: Line::new(network, channel),
            node: None,
            received: 0,
            sent: 0,
            clock_ahead: None,
            stopped: Vec::new(),
        }
    }

    pub(super) fn into_outcome(
        self,
        network: NetworkId,
        peer: KnownPeer,
        failure: Option<SyncFailure>,
    ) -> PeerOutcome {
        let Talk {
            received,
            sent,
            clock_ahead,
            stopped,
            ..
        } = self;
        PeerOutcome {
            network,
            peer,
            received,
            sent,
            clock_ahead,
            stopped,
            failure,
        }
    }

    /// Everything after the greeting: learn forks, fetch, show, push, ask for payloads that are missing,
    /// bring parcels of pools on their way, and say that this was all.
    pub(super) async fn whole(&mut self) -> Result<(), SyncFailure> {
        // Others may have been talked to since the greeting, and told of a removal.
        self.still_belongs().await?;
        let (theirs, forks) = self.line.heads().await?;
        self.exchange.take_proofs(self.network, forks).await?;
        let Plan { fetch, push, show } = {
            let net = self.exchange.network(self.network).await?;
            let held = net.fresh(self.exchange.store()).await?;
            let mut plan = plan(&held.view, held.feeds.values(), &theirs);
            // Offices first: a peer takes a centre's feed once it knows the office behind it.
            let origin = |writer| held.feeds.get(&writer).and_then(FeedState::origin);
            plan.push
                .sort_by_key(|order| matches!(origin(order.writer), Some(Origin::Centre(_))));
            plan
        };
        // Who is refused as nobody's may have been waiting for a roster or descriptor among the others.
        let mut again = Vec::new();
        for order in fetch {
            if self.fetch_all(order).await? == Some(EntryFault::NotAMember) {
                again.push(order);
            }
        }
        for order in again {
            if let Some(fault) = self.fetch_all(order).await? {
                self.stopped.push((order.writer, fault));
            }
        }
        for writer in show {
            self.show(writer).await?;
        }
        for order in push {
            self.push_all(order).await?;
        }
        let missing = self.missing().await?;
        for order in plan_payloads(missing, &theirs) {
            let answer = self.line.fetch(order).await?;
            self.take(answer.entries).await?;
        }
        self.exchange_parcels().await?;
        self.line.push(Vec::new()).await?;
        Ok(())
    }

    /// After the greeting: asks about one feed and takes in what the peer knows beyond this node. Fails when anything of it was not taken:
    /// a writer that signed on without it could fork its own feed.
    pub(super) async fn ask_about(&mut self, writer: WriterId) -> Result<(), SyncFailure> {
        let head = self.exchange.head(self.network, writer).await?;
        if head.is_none() {
            // After a loss the office behind a centre's feed has to come first.
            self.whole().await?;
        }
        let after = self
            .exchange
            .head(self.network, writer)
            .await?
            .map(|head| head.hash);
        match self
            .fetch_all(Fetch {
                writer,
                after,
                limit: BATCH_ENTRIES as u32,
            })
            .await?
        {
            None => Ok(()),
            Some(fault) => Err(SyncFailure::NotTaken(fault)),
        }
    }

    /// Greets: who answers, and by which clock.
    pub(super) async fn greet(&mut self, patience: Duration) -> Result<(), SyncFailure> {
        let (node, theirs) = self.line.hello(self.exchange.node(), patience).await?;
        self.node = Some(node);
        self.still_belongs().await?;
        let ahead = theirs.saturating_sub(self.exchange.clock());
        self.clock_ahead = (ahead.unsigned_abs() > CLOCK_DIFFERENCE).then_some(ahead);
        Ok(())
    }

    async fn still_belongs(&self) -> Result<(), SyncFailure> {
        let net = self.exchange.network(self.network).await?;
        let held = net.fresh(self.exchange.store()).await?;
        match self.node {
            Some(node) if held.view.removed(node) => Err(SyncFailure::Removed),
            _ => Ok(()),
        }
    }

    /// Fetches a feed to its end, or to its first bad entry. A refusal as nobody's is left to the caller to tell.
    async fn fetch_all(&mut self, mut order: Fetch) -> Result<Option<EntryFault>, SyncFailure> {
        let mut attempt = 0;
        for _ in 0..CALLS_PER_FEED {
            let answer = self.line.fetch(order).await?;
            if answer.unknown_place {
                if order.after.is_none() {
                    return Ok(None);
                }
                order.after = self.earlier(order.writer, attempt).await?;
                attempt += 1;
                continue;
            }
            let Some(last) = answer.last else {
                return Ok(None);
            };
            order.after = Some(last);
            if let Some(fault) = self.take_of(order.writer, answer.entries).await? {
                if fault != EntryFault::NotAMember {
                    self.stopped.push((order.writer, fault));
                }
                return Ok(Some(fault));
            }
            if !answer.more {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// A standing header further back, for a peer that does not know the last one asked after.
    async fn earlier(
        &self,
        writer: WriterId,
        attempt: u32,
    ) -> Result<Option<HeaderHash>, SyncFailure> {
        let head = self.exchange.head(self.network, writer).await?;
        let Some(place) = head.and_then(|head| step_back(head.place, attempt)) else {
            return Ok(None);
        };
        let hash = self
            .exchange
            .store()
            .standing_at(self.network, writer, place)
            .await;
        Ok(hash.map_err(Error::from)?)
    }

    /// Pushes both headers of a fork, so that the peer freezes the feed too.
    async fn show(&mut self, writer: WriterId) -> Result<(), SyncFailure> {
        let proof = {
            let net = self.exchange.network(self.network).await?;
            let held = net.fresh(self.exchange.store()).await?;
            held.forks.get(&writer).cloned()
        };
        if let Some(proto::ForkProof {
            first: Some(first),
            second: Some(second),
        }) = proof
        {
            self.line.push(vec![first, second]).await?;
        }
        Ok(())
    }

    async fn push_all(&mut self, order: Push) -> Result<(), SyncFailure> {
        let Push { writer, after } = order;
        let Some(head) = self.exchange.head(self.network, writer).await? else {
            return Ok(());
        };
        let known = match after {
            None => true,
            Some(hash) => {
                let row = self
                    .exchange
                    .store()
                    .entry(self.network, writer, hash)
                    .await
                    .map_err(Error::from)?;
                row.is_some_and(|row| row.standing)
            }
        };
        if !known && head.place.epoch == 0 {
            // The peer has entries this node never saw: another branch. Its side of the fork has to come here.
            let order = Fetch {
                writer,
                after: Some(head.hash),
                limit: BATCH_ENTRIES as u32,
            };
            self.fetch_all(order).await?;
            return Ok(());
        }
        let mut after = after.filter(|_| known);
        for _ in 0..CALLS_PER_FEED {
            let mine = self
                .exchange
                .fetch(self.network, writer, after, BATCH_ENTRIES as u32)
                .await?;
            let Some(last) = mine.entries.last() else {
                return Ok(());
            };
            after = Some(last.hash());
            let count = mine.entries.len() as u64;
            let outcomes = self
                .line
                .push(mine.entries.iter().map(RawEntry::to_proto).collect())
                .await?;
            let fault = outcomes
                .iter()
                .find_map(|outcome| EntryFault::from_proto(outcome.fault));
            if let Some(fault) = fault {
                tracing::debug!(network = %self.network.short(), writer = %writer.short(), %fault, "not taken by a peer");
                return Ok(());
            }
            self.sent += count;
            if !mine.more {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn take_of(
        &mut self,
        writer: WriterId,
        entries: Vec<proto::Entry>,
    ) -> Result<Option<EntryFault>, SyncFailure> {
        let outcomes = self.take(entries).await?;
        let outcome = outcomes.into_iter().find(|(of, _)| *of == writer);
        outcome.map(|(_, fault)| fault).ok_or(SyncFailure::Nonsense(
            "entries of another feed than asked for",
        ))
    }

    async fn take(
        &mut self,
        entries: Vec<proto::Entry>,
    ) -> Result<Vec<(WriterId, Option<EntryFault>)>, SyncFailure> {
        let taken = self
            .exchange
            .ingest(self.network, entries, Source::Fetched)
            .await?;
        self.received += taken.new;
        Ok(taken
            .feeds
            .into_iter()
            .map(|outcome| (outcome.writer, outcome.fault))
            .collect())
    }

    async fn missing(&self) -> Result<Vec<Missing>, SyncFailure> {
        let rows = self
            .exchange
            .store()
            .missing(self.network, BATCH_ENTRIES as u32)
            .await
            .map_err(Error::from)?;
        let missing = rows.into_iter().filter_map(|row| {
            let header = Header::parse(&row.raw.header).ok()?;
            Some(Missing {
                writer: row.writer,
                place: row.place,
                previous: header.previous?,
            })
        });
        Ok(missing.collect())
    }
}
