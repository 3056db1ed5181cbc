//! Peers that stall: they cost their own part and nobody else's.

use std::future::pending;
use std::time::Duration;

use krog_feed::ids::{NodeId, TlsPin};
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::exchange_client::ExchangeClient;
use krog_proto::federation::v1::exchange_server::Exchange as ExchangeRpc;
use krog_proto::federation::v1::house_client::HouseClient;
use tokio::time::timeout;
use tonic::{Request, Response, Status};

use crate::PeerAddress;
use crate::bench::{Net, Ngo, START, Wires};
use crate::store::bench::Bench;
use crate::sync::Patience;

/// Longer than all that is waited for below, and far shorter than one call.
const PROMPT: Duration = Duration::from_secs(8);

fn impatience() -> Patience {
    Patience {
        hello: Duration::from_millis(700),
        ask: Duration::from_millis(1500),
        share: Duration::from_millis(100),
        peer: Duration::from_millis(1500),
    }
}

/// Greets like a node and answers nothing more.
struct Stalling(NodeId);

#[tonic::async_trait]
impl ExchangeRpc for Stalling {
    async fn hello(
        &self,
        _: Request<proto::HelloRequest>,
    ) -> Result<Response<proto::HelloResponse>, Status> {
        Ok(Response::new(proto::HelloResponse {
            refusal: proto::Refusal::Unspecified.into(),
            node: self.0.into(),
            protocol: 1,
            clock: START as u64,
        }))
    }

    async fn list_heads(
        &self,
        _: Request<proto::ListHeadsRequest>,
    ) -> Result<Response<proto::ListHeadsResponse>, Status> {
        pending().await
    }

    async fn fetch_entries(
        &self,
        _: Request<proto::FetchEntriesRequest>,
    ) -> Result<Response<proto::FetchEntriesResponse>, Status> {
        pending().await
    }

    async fn push_entries(
        &self,
        _: Request<proto::PushEntriesRequest>,
    ) -> Result<Response<proto::PushEntriesResponse>, Status> {
        pending().await
    }

    async fn admit(
        &self,
        _: Request<proto::AdmitRequest>,
    ) -> Result<Response<proto::AdmitResponse>, Status> {
        pending().await
    }

    async fn offer_parcels(
        &self,
        _: Request<proto::OfferParcelsRequest>,
    ) -> Result<Response<proto::OfferParcelsResponse>, Status> {
        pending().await
    }

    async fn push_parcels(
        &self,
        _: Request<proto::PushParcelsRequest>,
    ) -> Result<Response<proto::PushParcelsResponse>, Status> {
        pending().await
    }

    async fn fetch_parcels(
        &self,
        _: Request<proto::FetchParcelsRequest>,
    ) -> Result<Response<proto::FetchParcelsResponse>, Status> {
        pending().await
    }
}

/// A relay and alba, who knows of three more peers: one says no word, two greet and stall. By its name, one of these
/// comes before the relay and one after it.
async fn among_stalling() -> (Net, Ngo, Ngo) {
    let wires = Wires::default();
    let relay = Ngo::new("relay", Bench::sqlite(), &wires).await;
    let net = Net::found(&relay).await;
    let mut alba = Ngo::new("alba", Bench::sqlite(), &wires).await;
    net.join(&relay, &alba, 11).await;
    alba.syncer = alba.syncer.with_patience(impatience());
    let nodes = [[0; 32], [1; 32], [0xff; 32]].map(|bytes| NodeId::try_from(&bytes[..]).unwrap());
    for (address, node) in ["silent:1", "early:1", "late:1"].into_iter().zip(nodes) {
        let pin = TlsPin::of(address.as_bytes());
        match address {
            "silent:1" => wires.listen_in_silence(address, pin),
            _ => wires.listen_as(address, pin, Stalling(node)),
        }
        let peer = PeerAddress {
            address: address.to_owned(),
            pins: vec![pin],
        };
        alba.exchange
            .remember_peer(net.id(), &peer, Some(node))
            .await
            .unwrap();
    }
    (net, relay, alba)
}

#[tokio::test]
async fn stalling_peers_do_not_stop_who_asks_about_its_own_feed_before_signing() {
    let (net, _relay, alba) = among_stalling().await;
    let mut house = HouseClient::new(alba.at_home().await);
    let own = proto::OwnFeedRequest {
        network: net.id().into(),
        writer: alba.writer().into(),
        after: Vec::new(),
    };
    let answer = timeout(PROMPT, house.own_feed(own)).await;
    let answer = answer.expect("it answers in time").unwrap().into_inner();
    assert_eq!((answer.peers_answered, answer.entries.len()), (1, 3));
}

#[tokio::test]
async fn stalling_peers_do_not_hold_up_a_round() {
    let (net, relay, alba) = among_stalling().await;
    let round = timeout(PROMPT, alba.syncer.sync_round()).await;
    let round = round.expect("it ends in time").unwrap();
    assert_eq!(
        (round.answered(), round.failed(), round.sent()),
        (1, 3, 3),
        "{round:?}"
    );
    assert!(relay.head(net.id(), alba.writer()).await.is_some());
}

#[tokio::test]
async fn a_round_turns_to_the_next_peer_while_another_stalls() {
    let (net, relay, alba) = among_stalling().await;
    let patient = alba.syncer.with_patience(Patience {
        peer: Duration::from_secs(3600),
        ..impatience()
    });
    let round = tokio::spawn(async move { patient.sync_round().await });
    let arrived = async {
        while relay.head(net.id(), alba.writer()).await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PROMPT, arrived).await.expect("it arrives in time");
    round.abort();
}

#[tokio::test]
async fn only_who_was_told_the_heads_can_say_that_it_has_shown_all() {
    let wires = Wires::default();
    let relay = Ngo::new("relay", Bench::sqlite(), &wires).await;
    let net = Net::found(&relay).await;
    let alba = Ngo::new("alba", Bench::sqlite(), &wires).await;
    net.join(&relay, &alba, 11).await;
    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    let nothing_more = proto::PushEntriesRequest {
        network: net.id().into(),
        entries: Vec::new(),
    };
    let mut house = HouseClient::new(relay.at_home().await);
    let own = proto::OwnFeedRequest {
        network: net.id().into(),
        writer: relay.writer().into(),
        after: Vec::new(),
    };
    exchange.push_entries(nothing_more.clone()).await.unwrap();
    let answer = house.own_feed(own.clone()).await.unwrap().into_inner();
    assert_eq!(answer.peers_answered, 0, "it has compared nothing");
    let heads = proto::ListHeadsRequest {
        network: net.id().into(),
        after_writer: Vec::new(),
    };
    exchange.list_heads(heads).await.unwrap();
    exchange.push_entries(nothing_more).await.unwrap();
    let answer = house.own_feed(own).await.unwrap().into_inner();
    assert_eq!(answer.peers_answered, 1);
}
