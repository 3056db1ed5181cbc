//! More parcels than a call may name or hold, and a disk that is full.

use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::Refusal;
use krog_proto::federation::v1::house_client::HouseClient;

use super::scene::{Scene, hash};
use crate::store::bench::Bench;
use crate::sync::SyncFailure;

#[tokio::test]
async fn calls_that_name_or_hold_too_many_parcels_are_refused_as_too_large() {
    let mut scene = Scene::new(&Bench::sqlite()).await;
    let [to_leader, _] = scene.commit().await;
    scene.cara.syncer.sync_round().await.unwrap();
    let mut line = scene.line().await;
    let mut house = HouseClient::new(scene.cara.at_home().await);
    let network: Vec<u8> = scene.net.id().into();

    let offer = |count| scene.offer_request(&vec![&to_leader; count]);
    let offered = line.offer_parcels(offer(1_024)).await.unwrap().into_inner();
    assert_eq!(
        (offered.refusal(), offered.wanted.len()),
        (Refusal::Unspecified, 1)
    );
    let offered = line.offer_parcels(offer(1_025)).await.unwrap().into_inner();
    assert_eq!(
        (offered.refusal(), offered.wanted.len()),
        (Refusal::TooLarge, 0)
    );
    let fetch = scene.fetch_request(&vec![&to_leader; 1_025]);
    let collect = proto::CollectParcelsRequest {
        network: network.clone(),
        parcels: fetch.parcels.clone(),
    };
    let fetched = line.fetch_parcels(fetch).await.unwrap().into_inner();
    assert_eq!(fetched.refusal(), Refusal::TooLarge);
    let collected = house.collect_parcels(collect).await.unwrap().into_inner();
    assert_eq!(collected.refusal(), Refusal::TooLarge);

    let empty = Vec::new();
    let large = vec![0; 524_288];
    for parcels in [vec![&empty; 257], vec![&large; 2]] {
        let push = scene.push_request(&parcels);
        let hand = proto::HandOverParcelsRequest {
            network: network.clone(),
            parcels: push.parcels.clone(),
        };
        let pushed = line.push_parcels(push).await.unwrap().into_inner();
        assert_eq!(pushed.refusal(), Refusal::TooLarge);
        let handed = house.hand_over_parcels(hand).await.unwrap().into_inner();
        assert_eq!(handed.refusal(), Refusal::TooLarge);
    }
}

#[tokio::test]
async fn a_hash_of_another_length_is_no_request() {
    let scene = Scene::new(&Bench::sqlite()).await;
    let mut line = scene.line().await;
    let mut offer = scene.offer_request(&[]);
    offer.parcels.push(vec![1; 31]);
    let refused = line.offer_parcels(offer).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    let mut fetch = scene.fetch_request(&[]);
    fetch.parcels.push(vec![1; 33]);
    let refused = line.fetch_parcels(fetch).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn a_house_that_names_an_unknown_network_is_told_so() {
    let scene = Scene::new(&Bench::sqlite()).await;
    let mut house = HouseClient::new(scene.cara.at_home().await);
    let network = vec![9; 32];
    let hand = proto::HandOverParcelsRequest {
        network: network.clone(),
        parcels: Vec::new(),
    };
    let handed = house.hand_over_parcels(hand).await.unwrap().into_inner();
    assert_eq!(handed.refusal(), Refusal::UnknownNetwork);
    let collect = proto::CollectParcelsRequest {
        network: network.clone(),
        parcels: Vec::new(),
    };
    let collected = house.collect_parcels(collect).await.unwrap().into_inner();
    assert_eq!(collected.refusal(), Refusal::UnknownNetwork);
    let heads = proto::FeedHeadsRequest {
        network,
        after_writer: Vec::new(),
    };
    let heads = house.feed_heads(heads).await.unwrap().into_inner();
    assert_eq!(heads.refusal(), Refusal::UnknownNetwork);
}

#[tokio::test]
async fn what_is_more_than_one_answer_may_hold_comes_in_several() {
    let scene = Scene::new(&Bench::sqlite()).await;
    let (one, other) = (scene.check(600_000).await, scene.set(700_000).await);
    for parcel in [&one, &other] {
        scene.hand_over(&scene.alba, &[parcel]).await;
    }
    scene.alba.syncer.sync_round().await.unwrap();
    assert_eq!(scene.held(&scene.relay).await.len(), 2);
    let fetched = scene.fetch(&[&other, &one]).await;
    assert_eq!(hash(&fetched.parcels[0].sealed), hash(&other));
    assert_eq!((fetched.parcels.len(), fetched.more), (1, true));
    scene.bela.syncer.sync_round().await.unwrap();
    assert_eq!(scene.held(&scene.bela).await.len(), 2);
}

#[tokio::test]
async fn a_full_disk_refuses_parcels_and_takes_them_later() {
    let mut scene = Scene::new(&Bench::sqlite()).await;
    let [to_leader, to_helper] = scene.commit().await;
    scene.hand_over(&scene.cara, &[&to_helper]).await;
    scene.cara.syncer.sync_round().await.unwrap();
    scene.hand_over(&scene.cara, &[&to_leader]).await;
    scene.relay.exchange.store().cap_pages(1).await.unwrap();
    let kept = scene.push(&[&to_helper]).await;
    assert_eq!(
        kept,
        [hash(&to_helper)].into(),
        "what writes nothing needs no room"
    );
    let round = scene.cara.syncer.sync_round().await.unwrap();
    assert!(
        matches!(
            round.peers[0].failure,
            Some(SyncFailure::Refused(Refusal::Storage))
        ),
        "{round:?}"
    );
    let store = scene.relay.exchange.store();
    store.cap_pages(1_000_000).await.unwrap();
    let round = scene.cara.syncer.sync_round().await.unwrap();
    assert_eq!((round.answered(), round.failed()), (1, 0));
    assert_eq!(scene.held(&scene.relay).await.len(), 2);
}
