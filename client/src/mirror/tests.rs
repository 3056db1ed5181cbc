use std::sync::{Arc, Mutex};

use krog_feed::chain::FeedState;
use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::fault::EntryFault;
use krog_feed::identity::{
    CentreInception, DescribedCentre, NodeDescriptor, NodeInception, PublicName,
};
use krog_feed::ids::{HeaderHash, NetworkId, NodeId, TlsPin, WriterId};
use krog_feed::keys::{RecoveryKey, WriterKey};
use krog_feed::roster::{Genesis, Policy, Roster, SignedRoster};
use krog_feed::rounds::board::Stage;
use krog_feed::writer::Author;
use krog_measures::{Measure, MeasureCode, builtin};
use krog_pools::PoolTerms;
use krog_proto::federation::v1 as pb;
use pb::exchange_server::{Exchange, ExchangeServer};
use prost::Message;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

use super::*;
use crate::socket::connect_unix;

const CENTRES: u8 = 11;
/// A node that would aggregate with the town's.
const HELPER: [u8; 32] = [8; 32];
const DEADLINE: u32 = 20_500;

/// One node with eleven centres that each released once: five with professional and six with peer facilitation. It has
/// opened a round of a pool.
struct Town {
    network: NetworkId,
    roster: SignedRoster,
    feeds: Vec<Vec<VerifiedEntry>>,
}

fn name(text: &str) -> PublicName {
    PublicName::try_from(text.to_owned()).unwrap()
}

impl Town {
    fn new() -> Self {
        let office = WriterKey::from_seed([1; 32]);
        let recovery = RecoveryKey::from_seed([2; 32]);
        let inception = NodeInception::new(office.public(), &recovery.public(), [3; 16]);
        let node = inception.node();
        let measure = builtin::measure(&MeasureCode::try_from("k6").unwrap())
            .unwrap()
            .clone();
        let genesis = Genesis::new(inception.clone(), name("Town"), [4; 16], true);
        let network = genesis.network();
        let policy = Policy::new(10, 14, vec![measure.clone()])
            .unwrap()
            .with_pools(PoolTerms::default());
        let mut roster = Roster::first(genesis, policy);
        roster.nodes.insert(NodeId::from(HELPER));
        let roster = roster.signed_by(node, &office);

        let (mut author, first) =
            Author::begin_office(network, office, &inception, [0; 16]).unwrap();
        let mut office_feed = vec![first];
        office_feed.push(
            author
                .append(Kind::Roster, &roster.encode(), 0, [1; 16])
                .unwrap(),
        );
        let mut feeds = Vec::new();
        let mut centres = Vec::new();
        for n in 0..CENTRES {
            let feed = centre_feed(network, node, n, &release(n, measure.class.as_bytes()));
            centres.push(DescribedCentre {
                writer: feed[0].header().writer,
                public_name: name(&format!("Centre {n}")),
            });
            feeds.push(feed);
        }
        let descriptor = NodeDescriptor {
            public_name: name("NGO"),
            tls_pins: vec![TlsPin::from([9; 32])],
            addresses: vec![],
            centres,
            protocol: 1,
        };
        office_feed.push(
            author
                .append(Kind::Descriptor, &descriptor.encode(), 0, [2; 16])
                .unwrap(),
        );
        let opening = opening(node, &measure).encode_to_vec();
        office_feed.push(
            author
                .append(Kind::PoolOpening, &opening, 0, [3; 16])
                .unwrap(),
        );
        feeds.push(office_feed);
        Self {
            network,
            roster,
            feeds,
        }
    }

    fn centre(&self, n: usize) -> WriterId {
        self.feeds[n][0].header().writer
    }

    fn mirror(&self) -> Mirror {
        Mirror::of_network(self.network, [self.roster.clone()]).unwrap()
    }
}

fn opening(leader: NodeId, measure: &Measure) -> pb::PoolOpening {
    pb::PoolOpening {
        measure: measure.code.as_str().to_owned(),
        comparability_class: measure.class.as_bytes().to_vec(),
        facilitation: pb::Facilitation::Peer.into(),
        course: pb::Course::Entry.into(),
        first_quarter: 8100,
        last_quarter: 8103,
        roster_version: 1,
        sums: vec![pb::PoolSum::Persons.into(), pb::PoolSum::FollowedUp.into()],
        leader: leader.into(),
        helper: HELPER.into(),
        deadline: DEADLINE,
        expiry: DEADLINE + 30,
        persons_per_centre: 40,
        change_bound_hundredths: 1_800,
        unit_sd_thousandths: 6_000,
        rho_millionths: 250_000,
        ..Default::default()
    }
}

fn centre_feed(
    network: NetworkId,
    node: NodeId,
    n: u8,
    release: &pb::Release,
) -> Vec<VerifiedEntry> {
    let key = WriterKey::from_seed([10 + n; 32]);
    let recovery = RecoveryKey::from_seed([2; 32]).public();
    let inception = CentreInception::new(node, key.public(), &recovery, [n; 16]);
    let (mut author, first) = Author::begin_centre(network, key, &inception, [0; 16]).unwrap();
    let entry = author
        .append(Kind::Release, &release.encode_to_vec(), 0, [n; 16])
        .unwrap();
    vec![first, entry]
}

fn release(n: u8, class: &[u8]) -> pb::Release {
    let facilitation = if n < 5 {
        pb::Facilitation::Professional
    } else {
        pb::Facilitation::Peer
    };
    let sums = pb::Sums {
        persons: 20 + u32::from(n),
        first_quarter: 8103,
        last_quarter: 8104,
        baseline: Some(pb::sums::Baseline::BaselineSteps(9)),
        change: Some(pb::sums::Change::ChangeSteps(-3 - i32::from(n % 3))),
        change_sd_twentieths: Some(5),
    };
    pb::Release {
        quarter: 8104,
        roster_version: 1,
        cells: vec![pb::Cell {
            measure: "k6".to_owned(),
            comparability_class: class.to_vec(),
            facilitation: facilitation.into(),
            course: pb::Course::Entry.into(),
            told: Some(pb::cell::Told::Sums(sums)),
        }],
        follow_up: vec![],
    }
}

/// A node that serves what it was given, whatever that is.
struct Node {
    feeds: Vec<Vec<pb::Entry>>,
    calls: Mutex<usize>,
    refusal: pb::Refusal,
    endless: bool,
}

impl Node {
    fn of(town: &Town) -> Self {
        Self {
            feeds: town
                .feeds
                .iter()
                .map(|feed| feed.iter().map(|e| e.raw().to_proto()).collect())
                .collect(),
            calls: Mutex::new(0),
            refusal: pb::Refusal::Unspecified,
            endless: false,
        }
    }

    fn writer(feed: &[pb::Entry]) -> Vec<u8> {
        pb::EntryHeader::decode(feed[0].header.as_slice())
            .unwrap()
            .writer
    }
}

#[derive(Clone)]
struct Shared(Arc<Node>);

#[tonic::async_trait]
impl Exchange for Shared {
    async fn hello(
        &self,
        _: Request<pb::HelloRequest>,
    ) -> Result<Response<pb::HelloResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_heads(
        &self,
        request: Request<pb::ListHeadsRequest>,
    ) -> Result<Response<pb::ListHeadsResponse>, Status> {
        let after = request.into_inner().after_writer;
        let mut heads: Vec<pb::Head> = (self.0.feeds.iter())
            .map(|feed| {
                let last = feed.last().unwrap();
                let header = pb::EntryHeader::decode(last.header.as_slice()).unwrap();
                pb::Head {
                    writer: header.writer,
                    epoch: header.epoch,
                    seq: header.seq,
                    hash: HeaderHash::of(&last.header).into(),
                    frozen: false,
                }
            })
            .filter(|head| self.0.endless || head.writer > after)
            .collect();
        heads.sort_by(|a, b| a.writer.cmp(&b.writer));
        let more = self.0.endless || heads.len() > 4;
        heads.truncate(4);
        Ok(Response::new(pb::ListHeadsResponse {
            refusal: self.0.refusal.into(),
            heads,
            forks: vec![],
            more,
        }))
    }

    async fn fetch_entries(
        &self,
        request: Request<pb::FetchEntriesRequest>,
    ) -> Result<Response<pb::FetchEntriesResponse>, Status> {
        *self.0.calls.lock().unwrap() += 1;
        let request = request.into_inner();
        let Some(feed) = self
            .0
            .feeds
            .iter()
            .find(|feed| Node::writer(feed) == request.writer)
        else {
            return Ok(Response::new(pb::FetchEntriesResponse::default()));
        };
        let hashes: Vec<Vec<u8>> = feed
            .iter()
            .map(|e| HeaderHash::of(&e.header).into())
            .collect();
        let start = match hashes.iter().position(|hash| *hash == request.after) {
            Some(at) => at + 1,
            None if request.after.is_empty() => 0,
            None => {
                let unknown = pb::FetchEntriesResponse {
                    unknown_place: true,
                    ..Default::default()
                };
                return Ok(Response::new(unknown));
            }
        };
        // One at a time, so that paging is walked.
        Ok(Response::new(pb::FetchEntriesResponse {
            refusal: 0,
            entries: feed.iter().skip(start).take(1).cloned().collect(),
            unknown_place: false,
            more: feed.len() > start + 1,
        }))
    }

    async fn push_entries(
        &self,
        _: Request<pb::PushEntriesRequest>,
    ) -> Result<Response<pb::PushEntriesResponse>, Status> {
        Err(Status::unimplemented("a mirror only reads"))
    }

    async fn admit(
        &self,
        _: Request<pb::AdmitRequest>,
    ) -> Result<Response<pb::AdmitResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn offer_parcels(
        &self,
        _: Request<pb::OfferParcelsRequest>,
    ) -> Result<Response<pb::OfferParcelsResponse>, Status> {
        Err(Status::unimplemented("a mirror carries no parcels"))
    }

    async fn push_parcels(
        &self,
        _: Request<pb::PushParcelsRequest>,
    ) -> Result<Response<pb::PushParcelsResponse>, Status> {
        Err(Status::unimplemented("a mirror carries no parcels"))
    }

    async fn fetch_parcels(
        &self,
        _: Request<pb::FetchParcelsRequest>,
    ) -> Result<Response<pb::FetchParcelsResponse>, Status> {
        Err(Status::unimplemented("a mirror carries no parcels"))
    }
}

/// The node behind a local socket; the folder keeps the socket.
async fn serve(node: Node) -> (Channel, Shared, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let node = Shared(Arc::new(node));
    tokio::spawn(
        Server::builder()
            .add_service(ExchangeServer::new(node.clone()))
            .serve_with_incoming(UnixListenerStream::new(listener)),
    );
    (connect_unix(&path).await.unwrap(), node, dir)
}

#[tokio::test]
async fn a_network_is_read_verified_and_compared() {
    let town = Town::new();
    let (channel, node, _dir) = serve(Node::of(&town)).await;
    let mut mirror = town.mirror();
    let refreshed = mirror.refresh(channel.clone()).await.unwrap();
    assert_eq!(refreshed.faults, BTreeMap::new());
    assert_eq!(refreshed.taken, 2 * usize::from(CENTRES) + 4);
    assert_eq!(mirror.heads().len(), usize::from(CENTRES) + 1);
    assert_eq!(mirror.shelf().releases().count(), usize::from(CENTRES));
    assert_eq!(
        mirror.view().centre_name(town.centre(0)).unwrap().as_str(),
        "Centre 0"
    );

    let comparison = mirror.compare("k6", None).unwrap();
    assert_eq!(comparison.centres.len(), usize::from(CENTRES));
    let contrast = comparison.contrast.unwrap();
    assert_eq!(
        (
            contrast.refusal,
            contrast.professional_centres,
            contrast.peer_centres
        ),
        (0, 5, 6)
    );
    assert_eq!(
        mirror.compare("bdi-ii", None),
        Err(CompareRefused::UnknownMeasure)
    );

    let calls = *node.0.calls.lock().unwrap();
    assert_eq!(
        mirror.refresh(channel).await.unwrap(),
        Refreshed::default(),
        "nothing is new"
    );
    assert_eq!(
        *node.0.calls.lock().unwrap(),
        calls,
        "nothing is fetched again"
    );
}

#[tokio::test]
async fn rounds_are_read_as_they_stand_on_a_day() {
    let town = Town::new();
    let (channel, _, _dir) = serve(Node::of(&town)).await;
    let mut mirror = town.mirror();
    assert!(mirror.rounds(0).is_empty());
    mirror.refresh(channel).await.unwrap();
    let stages = |day: u32| -> Vec<Stage> {
        let rounds = mirror.rounds(day.into()).into_iter();
        rounds.map(|round| round.stage).collect()
    };
    assert_eq!(stages(DEADLINE), [Stage::Opened]);
    assert_eq!(stages(DEADLINE + 31), [Stage::Silent]);
    assert_eq!(mirror.compare("k6", None).unwrap().pools, []);
}

#[tokio::test]
async fn a_changed_release_stops_its_own_feed_and_no_other() {
    let town = Town::new();
    let mut node = Node::of(&town);
    let payload = node.feeds[3][1].payload.as_mut().unwrap();
    *payload.last_mut().unwrap() ^= 1;
    node.feeds[7][1].signature[5] ^= 1;
    let (channel, _, _dir) = serve(node).await;
    let mut mirror = town.mirror();
    let refreshed = mirror.refresh(channel).await.unwrap();
    let expected = BTreeMap::from([
        (town.centre(3), EntryFault::Payload),
        (town.centre(7), EntryFault::Signature),
    ]);
    assert_eq!(refreshed.faults, expected);
    assert_eq!(mirror.faults(), &expected);
    assert_eq!(mirror.shelf().releases().count(), usize::from(CENTRES) - 2);
    assert_eq!(
        mirror.compare("k6", None).unwrap().centres.len(),
        usize::from(CENTRES) - 2
    );
}

#[tokio::test]
async fn what_one_node_withholds_another_brings() {
    let town = Town::new();
    let mut sparing = Node::of(&town);
    sparing.feeds.truncate(0);
    sparing.feeds.extend(
        town.feeds
            .iter()
            .skip(6)
            .map(|feed| feed.iter().map(|e| e.raw().to_proto()).collect()),
    );
    sparing.feeds[0].truncate(1);
    let mut dropped = Node::of(&town);
    dropped.feeds[0][1].payload = None;
    let mut mirror = town.mirror();
    for (node, releases) in [(sparing, 4), (dropped, 10), (Node::of(&town), 11)] {
        let (channel, _, _dir) = serve(node).await;
        mirror.refresh(channel).await.unwrap();
        assert_eq!(mirror.shelf().releases().count(), releases);
    }
}

#[tokio::test]
async fn a_key_used_twice_freezes_its_feed_and_the_disputed_release_counts_for_nothing() {
    let town = Town::new();
    let node = WriterId::as_office_of(town.feeds[usize::from(CENTRES)][0].header().writer);
    let other = pb::Release {
        quarter: 8105,
        roster_version: 1,
        ..Default::default()
    };
    let rival = centre_feed(town.network, node, 3, &other);
    let mut second = Node::of(&town);
    second.feeds[3][1] = rival[1].raw().to_proto();
    let mut mirror = town.mirror();
    for (node, releases) in [(Node::of(&town), 11), (second, 10)] {
        let (channel, _, _dir) = serve(node).await;
        mirror.refresh(channel).await.unwrap();
        assert_eq!(mirror.shelf().releases().count(), releases);
    }
    let head = mirror
        .heads()
        .into_iter()
        .find(|head| head.writer == town.centre(3));
    assert!(head.unwrap().frozen);
}

#[tokio::test]
async fn a_feed_of_a_stranger_is_not_taken() {
    let town = Town::new();
    let mut node = Node::of(&town);
    let office = WriterKey::from_seed([77; 32]);
    let recovery = RecoveryKey::from_seed([78; 32]);
    let inception = NodeInception::new(office.public(), &recovery.public(), [79; 16]);
    let (author, first) = Author::begin_office(town.network, office, &inception, [0; 16]).unwrap();
    node.feeds.push(vec![first.raw().to_proto()]);
    let (channel, _, _dir) = serve(node).await;
    let mut mirror = town.mirror();
    let refreshed = mirror.refresh(channel).await.unwrap();
    let stranger = author.state().writer();
    assert_eq!(
        refreshed.faults,
        BTreeMap::from([(stranger, EntryFault::NotAMember)])
    );
    assert!(mirror.entries(stranger).next().is_none());
}

#[tokio::test]
async fn a_node_that_refuses_or_never_ends_is_left() {
    let town = Town::new();
    for (refusal, expected) in [
        (pb::Refusal::NotAMember, Refused::NotAMember),
        (pb::Refusal::UnknownNetwork, Refused::UnknownNetwork),
        (pb::Refusal::Storage, Refused::Other(9)),
    ] {
        let (channel, _, _dir) = serve(Node {
            refusal,
            ..Node::of(&town)
        })
        .await;
        let error = town.mirror().refresh(channel).await.unwrap_err();
        assert!(
            matches!(error, MirrorError::Refused(found) if found == expected),
            "{error}"
        );
    }
    let (channel, _, _dir) = serve(Node {
        endless: true,
        ..Node::of(&town)
    })
    .await;
    let error = town.mirror().refresh(channel).await.unwrap_err();
    assert!(matches!(error, MirrorError::Endless(_)), "{error}");
}

#[test]
fn rosters_of_another_network_are_refused() {
    let town = Town::new();
    let error = Mirror::of_network(NetworkId::from([5; 32]), [town.roster]).unwrap_err();
    assert!(matches!(error, MirrorError::Roster(_)), "{error}");
}

/// The state is what a store would persist; a mirror's is rebuilt from nothing but verified entries.
#[tokio::test]
async fn every_feed_of_a_mirror_stands_at_its_writers_head() {
    let town = Town::new();
    let (channel, _, _dir) = serve(Node::of(&town)).await;
    let mut mirror = town.mirror();
    mirror.refresh(channel).await.unwrap();
    for feed in &town.feeds {
        let last = feed.last().unwrap();
        let state = mirror
            .replica
            .state(last.header().writer)
            .and_then(FeedState::head)
            .unwrap();
        assert_eq!(state.hash, last.hash());
    }
}
