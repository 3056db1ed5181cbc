//! A stand-in for the node's exchange and, behind it, the network: it keeps feeds and says what it has. It knows no rules of
//! membership; what it is told to lose, it loses.

use krog_feed::chain::Head;
use krog_feed::entry::{Header, RawEntry};
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::house_client::HouseClient;
use krog_proto::federation::v1::house_server::{House, HouseServer};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tonic::transport::server::Router;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

/// Network and writer.
type FeedName = (Vec<u8>, Vec<u8>);

/// What the network holds.
#[derive(Default)]
pub struct Net {
    /// Feeds, in order.
    pub feeds: BTreeMap<FeedName, Vec<proto::Entry>>,
    /// Rosters, oldest first.
    pub rosters: Vec<proto::SignedRoster>,
    /// Peers that answer when asked about an own feed.
    pub peers_answered: u32,
    /// Nodes beside this one.
    pub other_nodes: u32,
    /// Whether the exchange answers at all.
    pub down: bool,
    /// Whether the exchange takes entries and then fails to say so.
    pub answers_lost: bool,
}

/// The stand-in.
#[derive(Clone, Default)]
pub struct FakeHouse(pub Arc<Mutex<Net>>);

impl FakeHouse {
    /// An exchange alone in its network.
    pub fn alone() -> Self {
        Self::default()
    }

    /// A client over a pipe in memory.
    pub async fn client(&self) -> HouseClient<Channel> {
        let router = Server::builder().add_service(HouseServer::new(self.clone()));
        HouseClient::new(pipe(router).await)
    }

    /// The entries of one writer.
    pub fn feed(&self, writer: &[u8]) -> Vec<proto::Entry> {
        let net = self.0.lock().unwrap();
        net.feeds
            .iter()
            .find(|((_, of), _)| of == writer)
            .map(|(_, entries)| entries.clone())
            .unwrap_or_default()
    }
}

/// A channel to a server over a pipe in memory.
pub async fn pipe(router: Router) -> Channel {
    let (near, far) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let incoming = tokio_stream::once(Ok::<_, std::io::Error>(far));
        router.serve_with_incoming(incoming).await
    });
    let mut near = Some(near);
    let connector = tower::service_fn(move |_| {
        let near = near
            .take()
            .ok_or_else(|| std::io::Error::other("one connection only"));
        async move { near.map(hyper_util::rt::TokioIo::new) }
    });
    Endpoint::from_static("http://house")
        .connect_with_connector(connector)
        .await
        .unwrap()
}

fn header(entry: &proto::Entry) -> Header {
    Header::parse(&entry.header).unwrap()
}

fn hash(entry: &proto::Entry) -> Vec<u8> {
    RawEntry::parse(entry.clone()).unwrap().hash().into()
}

#[tonic::async_trait]
impl House for FakeHouse {
    async fn hand_over(
        &self,
        request: Request<proto::HandOverRequest>,
    ) -> Result<Response<proto::HandOverResponse>, Status> {
        let proto::HandOverRequest { network, entries } = request.into_inner();
        let mut net = self.0.lock().unwrap();
        if net.down {
            return Err(Status::unavailable("down"));
        }
        let mut outcomes = BTreeMap::new();
        for entry in entries {
            let head = header(&entry);
            let writer: Vec<u8> = head.writer.into();
            let feed = net
                .feeds
                .entry((network.clone(), writer.clone()))
                .or_default();
            let known = feed.iter().any(|known| known.header == entry.header);
            let follows = feed.last().map(hash) == head.previous.map(Vec::from);
            let fault = if known || follows {
                proto::EntryFault::Unspecified
            } else {
                proto::EntryFault::Fork
            };
            if !known && follows {
                feed.push(entry);
            }
            let last = feed.last().map(|last| {
                let known = header(last);
                Head {
                    writer: known.writer,
                    place: known.place(),
                    hash: krog_feed::ids::HeaderHash::of(&last.header),
                    frozen: false,
                }
                .to_proto()
            });
            outcomes.insert(
                writer.clone(),
                proto::FeedOutcome {
                    writer,
                    head: last,
                    fault: fault.into(),
                },
            );
        }
        if net.answers_lost {
            return Err(Status::unavailable("the answer was lost"));
        }
        Ok(Response::new(proto::HandOverResponse {
            refusal: 0,
            outcomes: outcomes.into_values().collect(),
        }))
    }

    async fn own_feed(
        &self,
        request: Request<proto::OwnFeedRequest>,
    ) -> Result<Response<proto::OwnFeedResponse>, Status> {
        let proto::OwnFeedRequest {
            network,
            writer,
            after,
        } = request.into_inner();
        let net = self.0.lock().unwrap();
        if net.down {
            return Err(Status::unavailable("down"));
        }
        let feed = net
            .feeds
            .get(&(network, writer))
            .cloned()
            .unwrap_or_default();
        let from = if after.is_empty() {
            Some(0)
        } else {
            feed.iter()
                .position(|entry| hash(entry) == after)
                .map(|at| at + 1)
        };
        // One entry a page, so that paging is walked through.
        let rest = from.map(|from| feed[from..].to_vec()).unwrap_or_default();
        Ok(Response::new(proto::OwnFeedResponse {
            refusal: 0,
            more: rest.len() > 1,
            entries: rest.into_iter().take(1).collect(),
            unknown_place: from.is_none(),
            peers_answered: net.peers_answered,
            other_nodes: net.other_nodes,
        }))
    }

    async fn rosters(
        &self,
        request: Request<proto::RostersRequest>,
    ) -> Result<Response<proto::RostersResponse>, Status> {
        let proto::RostersRequest { network: _ } = request.into_inner();
        let net = self.0.lock().unwrap();
        Ok(Response::new(proto::RostersResponse {
            rosters: net.rosters.clone(),
        }))
    }

    async fn sync_now(
        &self,
        _request: Request<proto::SyncNowRequest>,
    ) -> Result<Response<proto::SyncNowResponse>, Status> {
        Ok(Response::new(proto::SyncNowResponse::default()))
    }
}
