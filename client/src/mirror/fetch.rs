//! One round of reading from a node.

use krog_feed::chain::{FeedState, Head};
use krog_feed::entry::VerifiedEntry;
use krog_feed::fault::EntryFault;
use krog_feed::ids::{HeaderHash, WriterId};
use krog_feed::limits;
use krog_feed::replication::{Fetch, Missing, Plan, plan, plan_payloads, step_back};
use krog_proto::federation::v1 as pb;
use pb::exchange_client::ExchangeClient;
use std::collections::BTreeSet;
use tonic::transport::Channel;

use super::{Mirror, MirrorError, Refreshed, Refused};
use crate::call::CallError;

/// Calls for one list or feed in one round, so that a node which never comes to an end is left in the end.
const CALLS: usize = 512;
/// Largest answer taken: a full batch with its frames, or a page of heads with proofs.
const LARGEST_ANSWER: usize = 4 * limits::BATCH_BYTES;

impl Mirror {
    /// Brings the mirror up to date from the node behind `channel`, which is answered by `krog.federation.v1.Exchange`.
    ///
    /// Only reads. What is not taken is named in the answer and in [`Mirror::faults`]; the rest stands.
    ///
    /// # Errors
    /// When the node refuses or stops answering; what was verified until then is kept.
    pub async fn refresh(&mut self, channel: Channel) -> Result<Refreshed, MirrorError> {
        let mut node = ExchangeClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        let mut refreshed = Refreshed::default();
        let result = self.round(&mut node, &mut refreshed).await;
        self.restock();
        self.faults = refreshed.faults.clone();
        result.map(|()| refreshed)
    }

    async fn round(
        &mut self,
        node: &mut Node,
        refreshed: &mut Refreshed,
    ) -> Result<(), MirrorError> {
        let heads = self.heads_of(node).await?;
        let Plan {
            fetch,
            push: _,
            show: _,
        } = plan(self.view(), self.replica.states(), &heads);
        let mut waiting = fetch;
        // What a feed waits for (a roster, a descriptor, an admission) may stand in one that comes later: those refused
        // for want of it are tried again as long as anything new has come.
        for _ in 0..CALLS {
            let before = refreshed.taken;
            let mut again = Vec::new();
            for order in waiting {
                refreshed.faults.remove(&order.writer);
                let Some(fault) = self.fetch_feed(node, order, refreshed).await? else {
                    continue;
                };
                refreshed.faults.insert(order.writer, fault);
                if matches!(fault, EntryFault::NotAMember | EntryFault::Quota) {
                    again.push(order);
                }
            }
            waiting = again;
            if waiting.is_empty() || refreshed.taken == before {
                break;
            }
        }
        for order in plan_payloads(self.missing(), &heads) {
            let answer = self.fetch_once(node, order).await?;
            self.take(answer.entries, order.writer, refreshed);
        }
        Ok(())
    }

    async fn heads_of(&mut self, node: &mut Node) -> Result<Vec<Head>, MirrorError> {
        let mut heads: Vec<Head> = Vec::new();
        for _ in 0..CALLS {
            let last = heads.last().map(|head| head.writer);
            let request = pb::ListHeadsRequest {
                network: self.view().network().into(),
                after_writer: last.map(Vec::from).unwrap_or_default(),
            };
            let response = node
                .list_heads(request)
                .await
                .map_err(CallError::from)?
                .into_inner();
            let pb::ListHeadsResponse {
                refusal,
                heads: page,
                forks,
                more,
            } = response;
            allowed(refusal)?;
            self.replica.learn_forks(forks);
            let before = heads.len();
            for head in page.iter().filter_map(|head| Head::parse(head).ok()) {
                if heads.last().is_some_and(|last| head.writer <= last.writer) {
                    return Err(MirrorError::Endless);
                }
                heads.push(head);
            }
            if !more {
                return Ok(heads);
            }
            if heads.len() == before {
                break;
            }
        }
        Err(MirrorError::Endless)
    }

    async fn fetch_feed(
        &mut self,
        node: &mut Node,
        mut order: Fetch,
        refreshed: &mut Refreshed,
    ) -> Result<Option<EntryFault>, MirrorError> {
        let mut attempt = 0;
        for _ in 0..CALLS {
            let answer = self.fetch_once(node, order).await?;
            if answer.unknown_place {
                // The node knows another branch or less than this mirror: go back until both agree.
                if order.after.is_none() {
                    return Ok(None);
                }
                order.after = self.place_before(order.writer, attempt);
                attempt += 1;
                continue;
            }
            let Some(last) = answer
                .entries
                .last()
                .map(|last| HeaderHash::of(&last.header))
            else {
                return Ok(None);
            };
            order.after = Some(last);
            let fault = self.take(answer.entries, order.writer, refreshed);
            if fault.is_some() || !answer.more {
                return Ok(fault);
            }
        }
        Ok(None)
    }

    async fn fetch_once(
        &self,
        node: &mut Node,
        order: Fetch,
    ) -> Result<pb::FetchEntriesResponse, MirrorError> {
        let request = pb::FetchEntriesRequest {
            network: self.view().network().into(),
            writer: order.writer.into(),
            after: order.after.map(Vec::from).unwrap_or_default(),
            limit: order.limit,
        };
        let response = node
            .fetch_entries(request)
            .await
            .map_err(CallError::from)?
            .into_inner();
        allowed(response.refusal)?;
        Ok(response)
    }

    /// Takes a batch in; the fault of the feed that was asked for. A batch that also holds other feeds' entries is judged
    /// like any: they prove themselves or are refused.
    fn take(
        &mut self,
        entries: Vec<pb::Entry>,
        asked: WriterId,
        refreshed: &mut Refreshed,
    ) -> Option<EntryFault> {
        let outcomes = self.replica.ingest(entries);
        refreshed.taken += outcomes.iter().map(|outcome| outcome.taken).sum::<usize>();
        match outcomes.iter().find(|outcome| outcome.writer == asked) {
            Some(outcome) => outcome.fault,
            // Something else than was asked for, or nothing that can be read.
            None => Some(EntryFault::Malformed(
                "nothing of the feed that was asked for",
            )),
        }
    }

    fn place_before(&self, writer: WriterId, attempt: u32) -> Option<HeaderHash> {
        let head = self.replica.state(writer).and_then(FeedState::head)?;
        let place = step_back(head.place, attempt)?;
        self.verified(writer)
            .find(|entry| entry.header().place() == place)
            .map(|entry| entry.hash())
    }

    /// Standing entries whose payload did not come with them and was not dropped.
    fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        for state in self.replica.states() {
            let writer = state.writer();
            let dropped: BTreeSet<HeaderHash> = self
                .verified(writer)
                .filter_map(|entry| entry.tombstones())
                .collect();
            let wanted = self
                .verified(writer)
                .filter(|entry| entry.body().is_none() && !dropped.contains(&entry.hash()));
            missing.extend(wanted.filter_map(|entry| {
                let header = entry.header();
                Some(Missing {
                    writer,
                    place: header.place(),
                    previous: header.previous?,
                })
            }));
        }
        missing
    }

    fn verified(&self, writer: WriterId) -> impl Iterator<Item = VerifiedEntry> {
        self.replica
            .standing(writer)
            .cloned()
            .filter_map(|raw| VerifiedEntry::from_store(raw).ok())
    }
}

type Node = ExchangeClient<Channel>;

fn allowed(refusal: i32) -> Result<(), MirrorError> {
    let refused = match pb::Refusal::try_from(refusal) {
        Ok(pb::Refusal::Unspecified) => return Ok(()),
        Ok(pb::Refusal::UnknownNetwork) => Refused::UnknownNetwork,
        Ok(pb::Refusal::NotAMember) => Refused::NotAMember,
        Ok(pb::Refusal::Protocol) => Refused::Protocol,
        Ok(_) | Err(_) => Refused::Other(refusal),
    };
    Err(MirrorError::Refused(refused))
}
