//! Peers that withhold parcels, send other ones, or know nothing of them: nobody loses more than a round.

use krog_feed::ids::{NodeId, TlsPin};
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::exchange_server::Exchange as ExchangeRpc;
use tonic::{Request, Response, Status};

use super::scene::{Scene, wire};
use crate::PeerAddress;
use crate::bench::{Ngo, START, Wires};
use crate::store::bench::Bench;
use crate::sync::{PeerOutcome, SyncFailure};

/// What a river does with parcels.
#[derive(Clone)]
enum Ways {
    /// Takes all and gives none.
    Withholds,
    /// Says that there is more and gives none.
    Promises,
    /// Gives these, whatever is asked.
    Gives(Vec<Vec<u8>>),
    /// Wants what was not offered.
    WantsMore,
    /// Wants the same twice.
    WantsTwice,
    /// Is of an older version.
    IsOld,
}

/// A relay that has no feeds, takes every entry, and treats parcels in its own way.
struct River(NodeId, Ways);

#[tonic::async_trait]
impl ExchangeRpc for River {
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
        Ok(Response::new(Default::default()))
    }

    async fn fetch_entries(
        &self,
        _: Request<proto::FetchEntriesRequest>,
    ) -> Result<Response<proto::FetchEntriesResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn push_entries(
        &self,
        _: Request<proto::PushEntriesRequest>,
    ) -> Result<Response<proto::PushEntriesResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn admit(
        &self,
        _: Request<proto::AdmitRequest>,
    ) -> Result<Response<proto::AdmitResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn offer_parcels(
        &self,
        request: Request<proto::OfferParcelsRequest>,
    ) -> Result<Response<proto::OfferParcelsResponse>, Status> {
        let mut wanted = request.into_inner().parcels;
        match self.1 {
            Ways::IsOld => return Err(Status::unimplemented("")),
            Ways::WantsMore => wanted.push(vec![7; 32]),
            Ways::WantsTwice => wanted.extend(wanted.clone()),
            Ways::Withholds | Ways::Promises | Ways::Gives(_) => {}
        }
        Ok(Response::new(proto::OfferParcelsResponse {
            refusal: 0,
            wanted,
        }))
    }

    async fn push_parcels(
        &self,
        _: Request<proto::PushParcelsRequest>,
    ) -> Result<Response<proto::PushParcelsResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn fetch_parcels(
        &self,
        _: Request<proto::FetchParcelsRequest>,
    ) -> Result<Response<proto::FetchParcelsResponse>, Status> {
        let (parcels, more) = match &self.1 {
            Ways::IsOld => return Err(Status::unimplemented("")),
            Ways::Gives(parcels) => (wire(&parcels.iter().collect::<Vec<_>>()), false),
            Ways::Promises => (Vec::new(), true),
            Ways::Withholds | Ways::WantsMore | Ways::WantsTwice => (Vec::new(), false),
        };
        Ok(Response::new(proto::FetchParcelsResponse {
            refusal: 0,
            parcels,
            more,
        }))
    }
}

/// A scene in which cara's parcels are with the relay and have not come to alba yet.
async fn on_the_way() -> (Scene, Wires, [Vec<u8>; 2]) {
    let wires = Wires::default();
    let mut scene = Scene::on(&Bench::sqlite(), &wires).await;
    let sealed = scene.commit().await;
    scene.cara.syncer.sync_round().await.unwrap();
    scene.alba.syncer.sync_round().await.unwrap();
    let [to_leader, to_helper] = &sealed;
    scene.hand_over(&scene.cara, &[to_leader, to_helper]).await;
    (scene, wires, sealed)
}

/// What comes of a round with the river alone.
async fn with_river(scene: &Scene, wires: &Wires, ngo: &Ngo, ways: Ways) -> PeerOutcome {
    let (address, node) = ("river:7470", NodeId::of(b"river"));
    let pin = TlsPin::of(b"river");
    wires.listen_as(address, pin, River(node, ways));
    let peer = PeerAddress {
        address: address.to_owned(),
        pins: vec![pin],
    };
    let network = scene.net.id();
    let exchange = &ngo.exchange;
    exchange
        .remember_peer(network, &peer, Some(node))
        .await
        .unwrap();
    let peers = exchange.known_peers(network).await.unwrap();
    let river = peers.into_iter().find(|peer| peer.node == Some(node));
    ngo.syncer.sync_with(network, river.unwrap()).await
}

fn nonsense(outcome: &PeerOutcome) -> bool {
    matches!(outcome.failure, Some(SyncFailure::Nonsense(_)))
}

#[tokio::test]
async fn a_relay_that_withholds_delays_only() {
    let (scene, wires, [to_leader, _]) = on_the_way().await;
    for ngo in [&scene.cara, &scene.alba] {
        for ways in [Ways::Withholds, Ways::Promises] {
            let outcome = with_river(&scene, &wires, ngo, ways).await;
            assert!(outcome.failure.is_none(), "{outcome:?}");
        }
    }
    let nothing = scene.collect(&scene.alba, &[&to_leader]).await;
    assert_eq!(nothing, Vec::<Vec<u8>>::new());
    scene.cara.syncer.sync_round().await.unwrap();
    scene.alba.syncer.sync_round().await.unwrap();
    assert_eq!(scene.collect(&scene.alba, &[&to_leader]).await, [to_leader]);
}

#[tokio::test]
async fn a_relay_that_reorders_delays_nothing() {
    let scene = Scene::new(&Bench::sqlite()).await;
    let wires = scene.wires();
    let (one, other) = (scene.check(500).await, scene.set(600).await);
    scene.alba.syncer.sync_round().await.unwrap();
    scene.bela.syncer.sync_round().await.unwrap();
    for given in [[&one, &other], [&other, &one]] {
        let network = scene.net.id();
        let held: Vec<_> = scene.held(&scene.bela).await.into_iter().collect();
        let store = scene.bela.exchange.store();
        store.drop_parcels(network, &held).await.unwrap();
        let ways = Ways::Gives(given.map(Clone::clone).to_vec());
        let outcome = with_river(&scene, &wires, &scene.bela, ways).await;
        assert!(outcome.failure.is_none(), "{outcome:?}");
        assert_eq!(scene.held(&scene.bela).await.len(), 2);
    }
}

#[tokio::test]
async fn parcels_that_were_not_asked_for_are_nonsense_and_change_nothing() {
    let (scene, wires, [to_leader, to_helper]) = on_the_way().await;
    let mut changed = to_leader.clone();
    changed[0] ^= 1;
    for given in [
        vec![changed],
        vec![to_helper.clone()],
        vec![to_leader.clone(), to_leader.clone()],
        vec![to_leader.clone(), vec![9; 10]],
        vec![vec![]],
        vec![vec![]; 257],
    ] {
        let outcome = with_river(&scene, &wires, &scene.alba, Ways::Gives(given)).await;
        assert!(nonsense(&outcome), "{outcome:?}");
        assert_eq!(scene.held(&scene.alba).await, [].into());
    }
}

#[tokio::test]
async fn a_peer_that_wants_what_was_not_offered_gets_nothing() {
    let (scene, wires, _) = on_the_way().await;
    for ways in [Ways::WantsMore, Ways::WantsTwice] {
        let outcome = with_river(&scene, &wires, &scene.cara, ways).await;
        assert!(nonsense(&outcome), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_peer_of_an_older_version_does_everything_else() {
    let (scene, wires, _) = on_the_way().await;
    for ngo in [&scene.cara, &scene.alba] {
        let outcome = with_river(&scene, &wires, ngo, Ways::IsOld).await;
        assert!(outcome.failure.is_none(), "{outcome:?}");
    }
}
