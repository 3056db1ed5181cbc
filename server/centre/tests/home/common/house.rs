//! A stand-in for the node's exchange and, behind it, the network: it keeps feeds and says what it has. It knows no rules of
//! membership; what it is told to lose, it loses.

use krog_feed::chain::Head;
use krog_feed::entry::{Header, Kind, RawEntry, VerifiedEntry};
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::house_client::HouseClient;
use krog_proto::federation::v1::house_server::{House, HouseServer};
use prost::Message;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
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
    /// The same for entries it has not had before; others it acknowledges.
    pub news_lost: bool,
    /// Parcels by their hashes, of those that an entry states.
    pub parcels: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether the exchange keeps no parcel.
    pub parcels_refused: bool,
    /// Whether the exchange says that it keeps other parcels than it was given.
    pub parcels_mistaken: bool,
    /// Headers of entries whose payload it does not give away.
    pub withheld: BTreeSet<Vec<u8>>,
    /// All that was handed over, entries and parcels, encoded.
    pub heard: Vec<Vec<u8>>,
}

impl Net {
    /// Hashes of the parcels that commitments, checks and sets of a network state.
    fn stated_parcels(&self, network: &[u8]) -> BTreeSet<Vec<u8>> {
        let feeds = self.feeds.iter().filter(|((of, _), _)| of == network);
        let mut stated = BTreeSet::new();
        for entry in feeds.flat_map(|(_, feed)| feed) {
            let raw = RawEntry::parse(entry.clone()).unwrap();
            let Ok(entry) = VerifiedEntry::from_store(raw) else {
                continue;
            };
            match (entry.kind(), entry.body()) {
                (Kind::PoolCommitment, Some(body)) => {
                    let commitment = proto::PoolCommitment::decode(body).unwrap();
                    stated.extend([commitment.leader_parcel, commitment.helper_parcel]);
                }
                (Kind::PoolCheck, Some(body)) => {
                    stated.insert(proto::PoolCheck::decode(body).unwrap().parcel);
                }
                (Kind::PoolSet, Some(body)) => {
                    stated.insert(proto::PoolSet::decode(body).unwrap().parcel);
                }
                _ => {}
            }
        }
        stated
    }

    /// An entry as the house is given it for its own reading.
    fn given(&self, entry: &proto::Entry) -> proto::Entry {
        let bare = matches!(header(entry).kind, Kind::Release | Kind::Template);
        let mut entry = entry.clone();
        if bare || self.withheld.contains(&entry.header) {
            entry.payload = None;
        }
        entry
    }
}

/// What follows a header in a feed; `None` when it is not in it.
fn rest_of(feed: &[proto::Entry], after: &[u8]) -> Option<Vec<proto::Entry>> {
    if after.is_empty() {
        return Some(feed.to_vec());
    }
    let at = feed.iter().position(|entry| hash(entry) == after)?;
    Some(feed[at + 1..].to_vec())
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

fn head_of(feed: &[proto::Entry]) -> Option<proto::Head> {
    let last = feed.last()?;
    let known = header(last);
    let head = Head {
        writer: known.writer,
        place: known.place(),
        hash: krog_feed::ids::HeaderHash::of(&last.header),
        frozen: false,
    };
    Some(head.to_proto())
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
        let request = request.into_inner();
        let heard = request.encode_to_vec();
        let proto::HandOverRequest { network, entries } = request;
        let mut net = self.0.lock().unwrap();
        net.heard.push(heard);
        if net.down {
            return Err(Status::unavailable("down"));
        }
        let mut outcomes = BTreeMap::new();
        let mut news = false;
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
                news = true;
            }
            let last = head_of(feed);
            outcomes.insert(
                writer.clone(),
                proto::FeedOutcome {
                    writer,
                    head: last,
                    fault: fault.into(),
                },
            );
        }
        if net.answers_lost || (net.news_lost && news) {
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
        let found = rest_of(&feed, &after);
        let unknown_place = found.is_none();
        // One entry a page, so that paging is walked through.
        let rest = found.unwrap_or_default();
        Ok(Response::new(proto::OwnFeedResponse {
            refusal: 0,
            more: rest.len() > 1,
            entries: rest.into_iter().take(1).collect(),
            unknown_place,
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

    async fn feed_heads(
        &self,
        request: Request<proto::FeedHeadsRequest>,
    ) -> Result<Response<proto::FeedHeadsResponse>, Status> {
        const PAGE: usize = 3;
        let proto::FeedHeadsRequest {
            network,
            after_writer,
        } = request.into_inner();
        let net = self.0.lock().unwrap();
        if net.down {
            return Err(Status::unavailable("down"));
        }
        let after = (network.clone(), after_writer);
        let mut heads: Vec<proto::Head> = net
            .feeds
            .range(&after..)
            .filter(|(name, _)| name.0 == network && **name != after)
            .filter_map(|(_, feed)| head_of(feed))
            .collect();
        let more = heads.len() > PAGE;
        heads.truncate(PAGE);
        Ok(Response::new(proto::FeedHeadsResponse {
            refusal: 0,
            heads,
            forks: Vec::new(),
            more,
        }))
    }

    async fn feed_entries(
        &self,
        request: Request<proto::FeedEntriesRequest>,
    ) -> Result<Response<proto::FeedEntriesResponse>, Status> {
        const PAGE: usize = 2;
        let proto::FeedEntriesRequest {
            network,
            writer,
            after,
        } = request.into_inner();
        let net = self.0.lock().unwrap();
        let feed = net.feeds.get(&(network, writer));
        let found = rest_of(feed.map_or(&[][..], Vec::as_slice), &after);
        let unknown_place = found.is_none();
        let rest = found.unwrap_or_default();
        Ok(Response::new(proto::FeedEntriesResponse {
            refusal: 0,
            more: rest.len() > PAGE,
            entries: rest
                .iter()
                .take(PAGE)
                .map(|entry| net.given(entry))
                .collect(),
            unknown_place,
        }))
    }

    async fn hand_over_parcels(
        &self,
        request: Request<proto::HandOverParcelsRequest>,
    ) -> Result<Response<proto::HandOverParcelsResponse>, Status> {
        let request = request.into_inner();
        let heard = request.encode_to_vec();
        let proto::HandOverParcelsRequest { network, parcels } = request;
        let mut net = self.0.lock().unwrap();
        net.heard.push(heard);
        let stated = net.stated_parcels(&network);
        let mut kept = Vec::new();
        for proto::PoolParcel { sealed } in parcels {
            if net.parcels_mistaken {
                kept.push(vec![0; 32]);
                continue;
            }
            let hash = Sha256::digest(&sealed).to_vec();
            if stated.contains(&hash) && !net.parcels_refused {
                net.parcels.insert(hash.clone(), sealed);
                kept.push(hash);
            }
        }
        Ok(Response::new(proto::HandOverParcelsResponse {
            refusal: 0,
            kept,
        }))
    }

    async fn collect_parcels(
        &self,
        request: Request<proto::CollectParcelsRequest>,
    ) -> Result<Response<proto::CollectParcelsResponse>, Status> {
        let proto::CollectParcelsRequest {
            network: _,
            parcels,
        } = request.into_inner();
        let net = self.0.lock().unwrap();
        let held = parcels.iter().filter_map(|hash| net.parcels.get(hash));
        Ok(Response::new(proto::CollectParcelsResponse {
            refusal: 0,
            parcels: held
                .map(|sealed| proto::PoolParcel {
                    sealed: sealed.clone(),
                })
                .collect(),
            more: false,
        }))
    }
}
