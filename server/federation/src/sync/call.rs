//! Calls to a peer, with deadlines and limits, and their answers read once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use krog_feed::chain::Head;
use krog_feed::ids::{HeaderHash, NetworkId, NodeId, ParcelHash, WriterId};
use krog_feed::limits::{BATCH_ENTRIES, FORKS_PER_PAGE, HEADS_PER_PAGE, PROTOCOL};
use krog_feed::replication::Fetch;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::Refusal;
use krog_proto::federation::v1::exchange_client::ExchangeClient;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use super::SyncFailure;
use crate::limits::{CALL, CALLS_PER_PEER, HEADS, RESPONSE_BYTES};

/// A peer on an open connection.
pub(super) struct Line {
    network: NetworkId,
    client: ExchangeClient<Channel>,
    calls: u32,
}

/// What a peer answers to a fetch.
pub(super) struct Answer {
    pub(super) entries: Vec<proto::Entry>,
    /// The last header of the answer: where the next one goes on.
    pub(super) last: Option<HeaderHash>,
    pub(super) unknown_place: bool,
    pub(super) more: bool,
}

impl Line {
    pub(super) fn new(network: NetworkId, channel: Channel) -> Line {
        let client = ExchangeClient::new(channel).max_decoding_message_size(RESPONSE_BYTES);
        Line {
            network,
            client,
            calls: 0,
        }
    }

    /// Greets; the answering node and its clock.
    pub(super) async fn hello(
        &mut self,
        own: NodeId,
        patience: Duration,
    ) -> Result<(NodeId, i64), SyncFailure> {
        let request = self.request(proto::HelloRequest {
            network: self.network.into(),
            node: own.into(),
            protocol_min: 1,
            protocol_max: u32::from(PROTOCOL),
        })?;
        let response = answer_within(patience, self.client.hello(request)).await?;
        let proto::HelloResponse {
            refusal,
            node,
            protocol,
            clock,
        } = response;
        accepted(refusal)?;
        if !(1..=u32::from(PROTOCOL)).contains(&protocol) {
            return Err(SyncFailure::Nonsense(
                "a protocol version that was not offered",
            ));
        }
        let node = NodeId::try_from(node.as_slice())
            .map_err(|_| SyncFailure::Nonsense("a node without identity"))?;
        let clock =
            i64::try_from(clock).map_err(|_| SyncFailure::Nonsense("a clock out of range"))?;
        Ok((node, clock))
    }

    /// All heads and the proofs of forks. An unreadable head is passed over.
    pub(super) async fn heads(
        &mut self,
    ) -> Result<(Vec<Head>, Vec<proto::ForkProof>), SyncFailure> {
        let mut heads: Vec<Head> = Vec::new();
        let mut forks = Vec::new();
        let mut after: Option<WriterId> = None;
        loop {
            let request = self.request(proto::ListHeadsRequest {
                network: self.network.into(),
                after_writer: after.map(Vec::from).unwrap_or_default(),
            })?;
            let page = answer(self.client.list_heads(request)).await?;
            accepted(page.refusal)?;
            if page.heads.len() > HEADS_PER_PAGE || page.forks.len() > FORKS_PER_PAGE {
                return Err(SyncFailure::Nonsense("a page longer than it may be"));
            }
            let last = page
                .heads
                .last()
                .map(|head| WriterId::try_from(head.writer.as_slice()));
            heads.extend(page.heads.iter().filter_map(|head| Head::parse(head).ok()));
            forks.extend(page.forks);
            if !page.more {
                return Ok((heads, forks));
            }
            match last {
                Some(Ok(last)) if after.is_none_or(|after| last > after) => after = Some(last),
                _ => return Err(SyncFailure::Nonsense("pages that do not go on")),
            }
            if heads.len() > HEADS {
                return Err(SyncFailure::Nonsense("more feeds than a network has"));
            }
        }
    }

    /// Entries of one feed.
    pub(super) async fn fetch(&mut self, order: Fetch) -> Result<Answer, SyncFailure> {
        let request = self.request(proto::FetchEntriesRequest {
            network: self.network.into(),
            writer: order.writer.into(),
            after: order.after.map(Vec::from).unwrap_or_default(),
            limit: order.limit,
        })?;
        let response = answer(self.client.fetch_entries(request)).await?;
        accepted(response.refusal)?;
        let proto::FetchEntriesResponse {
            refusal: _,
            entries,
            unknown_place,
            more,
        } = response;
        if entries.len() > BATCH_ENTRIES {
            return Err(SyncFailure::Nonsense("a batch longer than it may be"));
        }
        let last = entries.last().map(|last| HeaderHash::of(&last.header));
        Ok(Answer {
            entries,
            last,
            unknown_place,
            more,
        })
    }

    /// Hands entries over; what became of each feed.
    pub(super) async fn push(
        &mut self,
        entries: Vec<proto::Entry>,
    ) -> Result<Vec<proto::FeedOutcome>, SyncFailure> {
        let request = self.request(proto::PushEntriesRequest {
            network: self.network.into(),
            entries,
        })?;
        let response = answer(self.client.push_entries(request)).await?;
        accepted(response.refusal)?;
        Ok(response.outcomes)
    }

    /// Offers parcels; those it wants, which are among them and each once.
    pub(super) async fn offer_parcels(
        &mut self,
        parcels: &[ParcelHash],
    ) -> Result<Vec<ParcelHash>, SyncFailure> {
        let request = self.request(proto::OfferParcelsRequest {
            network: self.network.into(),
            parcels: parcels.iter().map(|hash| (*hash).into()).collect(),
        })?;
        let response = answer(self.client.offer_parcels(request)).await?;
        accepted(response.refusal)?;
        let mut offered: BTreeSet<ParcelHash> = parcels.iter().copied().collect();
        let mut wanted = Vec::new();
        for bytes in &response.wanted {
            match ParcelHash::try_from(bytes.as_slice()) {
                Ok(hash) if offered.remove(&hash) => wanted.push(hash),
                _ => return Err(SyncFailure::Nonsense("parcels that were not offered")),
            }
        }
        Ok(wanted)
    }

    /// Hands parcels over. Which of them the peer keeps is its affair.
    pub(super) async fn push_parcels(&mut self, parcels: Vec<Vec<u8>>) -> Result<(), SyncFailure> {
        let parcels = parcels.into_iter();
        let request = self.request(proto::PushParcelsRequest {
            network: self.network.into(),
            parcels: parcels.map(|sealed| proto::PoolParcel { sealed }).collect(),
        })?;
        let response = answer(self.client.push_parcels(request)).await?;
        accepted(response.refusal)
    }

    /// Fetches parcels; by hash those it has, which are among the ones asked for, and whether it has more of these.
    pub(super) async fn fetch_parcels(
        &mut self,
        parcels: &[ParcelHash],
    ) -> Result<(BTreeMap<ParcelHash, Vec<u8>>, bool), SyncFailure> {
        let request = self.request(proto::FetchParcelsRequest {
            network: self.network.into(),
            parcels: parcels.iter().map(|hash| (*hash).into()).collect(),
        })?;
        let response = answer(self.client.fetch_parcels(request)).await?;
        accepted(response.refusal)?;
        if response.parcels.len() > BATCH_ENTRIES {
            return Err(SyncFailure::Nonsense("a batch longer than it may be"));
        }
        let asked: BTreeSet<ParcelHash> = parcels.iter().copied().collect();
        let mut found = BTreeMap::new();
        for proto::PoolParcel { sealed } in response.parcels {
            let hash = ParcelHash::of(&sealed);
            if !asked.contains(&hash) || found.insert(hash, sealed).is_some() {
                return Err(SyncFailure::Nonsense("parcels that were not asked for"));
            }
        }
        Ok((found, response.more))
    }

    /// Uses an invitation; the rosters.
    pub(super) async fn admit(
        &mut self,
        request: proto::AdmitRequest,
    ) -> Result<Vec<proto::SignedRoster>, SyncFailure> {
        let request = self.request(request)?;
        let response = answer(self.client.admit(request)).await?;
        accepted(response.refusal)?;
        Ok(response.rosters)
    }

    fn request<T>(&mut self, message: T) -> Result<Request<T>, SyncFailure> {
        self.calls += 1;
        if self.calls > CALLS_PER_PEER {
            return Err(SyncFailure::TooSlow);
        }
        let mut request = Request::new(message);
        request.set_timeout(CALL);
        Ok(request)
    }
}

/// Waits for an answer, not longer than a call may take, its body included.
async fn answer<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, SyncFailure> {
    answer_within(CALL, call).await
}

async fn answer_within<T>(
    patience: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, SyncFailure> {
    match timeout(patience, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => match status.code() {
            Code::DeadlineExceeded | Code::Cancelled => Err(SyncFailure::TooSlow),
            code => Err(SyncFailure::Call { code }),
        },
        Err(_) => Err(SyncFailure::TooSlow),
    }
}

fn accepted(refusal: i32) -> Result<(), SyncFailure> {
    match Refusal::try_from(refusal) {
        Ok(Refusal::Unspecified) => Ok(()),
        Ok(refusal) => Err(SyncFailure::Refused(refusal)),
        Err(_) => Err(SyncFailure::Nonsense(
            "a refusal this version does not know",
        )),
    }
}
