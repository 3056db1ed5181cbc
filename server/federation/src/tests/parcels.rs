//! Parcels of pools on their way: from the centre that sealed them over relays to the aggregator they are for.

mod bounds;
mod liars;
mod scene;

use std::sync::atomic::Ordering;

use krog_feed::entry::Kind;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::Refusal;
use krog_proto::federation::v1::exchange_client::ExchangeClient;
use krog_proto::federation::v1::house_client::HouseClient;
use prost::Message;

use crate::bench::{Ngo, START, Wires, release, salt};
use crate::store::bench::{Bench, on_each_engine};
use scene::{DAY, EXPIRY, Scene, hash};

on_each_engine!(
    a_parcel_travels_from_the_centres_house_to_the_aggregators_house,
    a_parcel_outlives_a_restart,
    an_expired_parcel_is_not_served_and_then_dropped,
);

async fn a_parcel_travels_from_the_centres_house_to_the_aggregators_house(bench: &Bench) {
    let mut scene = Scene::new(bench).await;
    let [to_leader, to_helper] = scene.commit().await;
    assert_eq!(
        scene
            .hand_over(&scene.cara, &[&to_leader, &to_helper])
            .await,
        [hash(&to_helper), hash(&to_leader)].into()
    );
    let round = scene.cara.syncer.sync_round().await.unwrap();
    assert_eq!((round.answered(), round.failed()), (1, 0), "{round:?}");
    assert_eq!(scene.held(&scene.relay).await.len(), 2);
    for aggregator in [&scene.alba, &scene.bela] {
        let round = aggregator.syncer.sync_round().await.unwrap();
        assert_eq!((round.answered(), round.failed()), (1, 0), "{round:?}");
    }
    let asked = [&to_leader.clone(), &to_helper.clone()];
    assert_eq!(scene.collect(&scene.alba, &asked).await, [to_leader]);
    assert_eq!(scene.collect(&scene.bela, &asked).await, [to_helper]);

    // The other way round: an aggregator's own parcel goes out by the relay too.
    let checked = scene.check(40_000).await;
    scene.hand_over(&scene.alba, &[&checked]).await;
    scene.alba.syncer.sync_round().await.unwrap();
    scene.bela.syncer.sync_round().await.unwrap();
    assert_eq!(scene.collect(&scene.bela, &[&checked]).await, [checked]);
    assert_eq!(scene.held(&scene.alba).await.len(), 2);
    assert_eq!(
        scene.held(&scene.cara).await.len(),
        2,
        "who only dials out holds nobody else's"
    );
}

async fn a_parcel_outlives_a_restart(bench: &Bench) {
    let mut scene = Scene::new(bench).await;
    let [to_leader, to_helper] = scene.commit().await;
    scene
        .hand_over(&scene.cara, &[&to_leader, &to_helper])
        .await;
    scene.cara.syncer.sync_round().await.unwrap();
    scene.relay.restart().await;
    scene.relay.listen();
    scene.alba.syncer.sync_round().await.unwrap();
    scene.alba.restart().await;
    assert_eq!(scene.collect(&scene.alba, &[&to_leader]).await, [to_leader]);
}

async fn an_expired_parcel_is_not_served_and_then_dropped(bench: &Bench) {
    let mut scene = Scene::new(bench).await;
    let [to_leader, _] = scene.commit().await;
    scene.hand_over(&scene.cara, &[&to_leader]).await;
    scene.cara.syncer.sync_round().await.unwrap();
    let at = |day: u32| i64::from(day) * 86_400;
    scene.relay.clock.store(at(EXPIRY) - 1, Ordering::Relaxed);
    assert_eq!(scene.fetch(&[&to_leader]).await.parcels.len(), 1);
    scene.relay.clock.store(at(EXPIRY), Ordering::Relaxed);
    assert_eq!(scene.fetch(&[&to_leader]).await.parcels.len(), 0);
    assert_eq!(scene.offer(&[&to_leader]).await, Vec::<Vec<u8>>::new());
    assert_eq!(scene.push(&[&to_leader]).await, [].into());
    assert_eq!(scene.held(&scene.relay).await.len(), 1);
    scene.relay.restart().await;
    assert_eq!(scene.held(&scene.relay).await.len(), 0);

    scene.cara.clock.store(at(EXPIRY), Ordering::Relaxed);
    scene.cara.syncer.sync_round().await.unwrap();
    assert_eq!(scene.held(&scene.cara).await.len(), 0, "a round drops it");
}

#[tokio::test]
async fn a_parcel_that_nothing_states_is_not_kept() {
    let mut scene = Scene::new(&Bench::sqlite()).await;
    let [to_leader, _] = scene.commit().await;
    let strange = vec![9; 500];
    let kept = scene.hand_over(&scene.cara, &[&strange, &to_leader]).await;
    assert_eq!(kept, [hash(&to_leader)].into());
    // The relay has the commitment with the next round only.
    assert_eq!(scene.push(&[&to_leader]).await, [].into());
    scene.cara.syncer.sync_round().await.unwrap();
    assert_eq!(scene.push(&[&strange]).await, [].into());
    assert_eq!(scene.held(&scene.relay).await, [hash(&to_leader)].into());
}

#[tokio::test]
async fn other_bytes_or_another_length_than_stated_are_not_kept() {
    let mut scene = Scene::new(&Bench::sqlite()).await;
    let sealed = [vec![1; 300], vec![2; 300]];
    let mut commitment = scene.commitment(&sealed);
    commitment.leader_parcel_bytes = 301;
    scene.commit_to(&commitment).await;
    scene.cara.syncer.sync_round().await.unwrap();
    let [right_hash_wrong_length, to_helper] = &sealed;
    let mut changed = to_helper.clone();
    changed[7] ^= 1;
    let longer = [to_helper.as_slice(), &[0]].concat();
    for parcel in [right_hash_wrong_length, &changed, &longer, &Vec::new()] {
        assert_eq!(scene.push(&[parcel]).await, [].into());
        assert_eq!(scene.hand_over(&scene.cara, &[parcel]).await, [].into());
    }
    assert_eq!(scene.push(&[to_helper]).await, [hash(to_helper)].into());
}

#[tokio::test]
async fn a_parcel_that_comes_twice_is_kept_once_and_not_wanted_again() {
    let mut scene = Scene::new(&Bench::sqlite()).await;
    let [to_leader, to_helper] = scene.commit().await;
    scene.cara.syncer.sync_round().await.unwrap();
    let offered = [&to_helper, &to_leader, &to_helper];
    let wanted = [hash(&to_helper), hash(&to_leader)].map(Vec::from);
    assert_eq!(scene.offer(&offered).await, wanted);
    for _ in 0..2 {
        let kept = scene.push(&[&to_leader, &to_leader]).await;
        assert_eq!(kept, [hash(&to_leader)].into());
    }
    assert_eq!(scene.held(&scene.relay).await, [hash(&to_leader)].into());
    assert_eq!(scene.offer(&offered).await, wanted[..1]);
    let fetched = scene.fetch(&[&to_leader, &to_leader]).await;
    assert_eq!((fetched.parcels.len(), fetched.more), (1, false));
}

#[tokio::test]
async fn a_node_that_only_dials_out_wants_none_but_its_own() {
    let mut scene = Scene::new(&Bench::sqlite()).await;
    let [to_leader, to_helper] = scene.commit().await;
    scene.cara.syncer.sync_round().await.unwrap();
    scene.bela.syncer.sync_round().await.unwrap();
    // It can be reached here, but its descriptor states no address.
    scene.bela.listen();
    let mut bela = ExchangeClient::new(scene.cara.call(&scene.bela).await);
    let offer = scene.offer_request(&[&to_leader, &to_helper]);
    let wanted = bela.offer_parcels(offer).await.unwrap().into_inner().wanted;
    assert_eq!(wanted, [Vec::from(hash(&to_helper))]);
    let push = scene.push_request(&[&to_leader, &to_helper]);
    let kept = bela.push_parcels(push).await.unwrap().into_inner().kept;
    assert_eq!(kept, [Vec::from(hash(&to_helper))]);
}

#[tokio::test]
async fn what_was_withdrawn_is_dropped_everywhere() {
    let mut scene = Scene::new(&Bench::sqlite()).await;
    let [to_leader, to_helper] = scene.commit().await;
    scene
        .hand_over(&scene.cara, &[&to_leader, &to_helper])
        .await;
    scene.cara.syncer.sync_round().await.unwrap();
    scene.alba.syncer.sync_round().await.unwrap();
    assert_eq!(scene.collect(&scene.alba, &[&to_leader]).await.len(), 1);
    let commitment = scene.centre.state().head().unwrap().hash;
    let body = proto::Tombstone {
        entry: commitment.into(),
    }
    .encode_to_vec();
    let gone = scene.centre.append(Kind::Tombstone, &body, 0, salt(7));
    scene.cara.hand_over(scene.net.id(), &[gone.unwrap()]).await;
    for _ in 0..2 {
        for ngo in [&scene.cara, &scene.alba, &scene.relay] {
            ngo.syncer.sync_round().await.unwrap();
        }
    }
    for ngo in [&scene.cara, &scene.alba, &scene.relay] {
        assert_eq!(scene.held(ngo).await, [].into(), "{}", ngo.name);
    }
}

#[tokio::test]
async fn who_does_not_belong_learns_and_leaves_nothing() {
    let wires = Wires::default();
    let mut scene = Scene::on(&Bench::sqlite(), &wires).await;
    let [_, to_helper] = scene.commit().await;
    scene.hand_over(&scene.cara, &[&to_helper]).await;
    scene.cara.syncer.sync_round().await.unwrap();
    let stranger = Ngo::new("stranger", Bench::sqlite(), &wires).await;
    let mut exchange = ExchangeClient::new(stranger.call(&scene.relay).await);
    let offered = exchange.offer_parcels(scene.offer_request(&[&to_helper]));
    let offered = offered.await.unwrap().into_inner();
    assert_eq!(
        (offered.refusal(), offered.wanted),
        (Refusal::NotAMember, vec![])
    );
    let pushed = exchange.push_parcels(scene.push_request(&[&to_helper]));
    let pushed = pushed.await.unwrap().into_inner();
    assert_eq!(
        (pushed.refusal(), pushed.kept),
        (Refusal::NotAMember, vec![])
    );
    let fetched = exchange.fetch_parcels(scene.fetch_request(&[&to_helper]));
    let fetched = fetched.await.unwrap().into_inner();
    assert_eq!(
        (fetched.refusal(), fetched.parcels, fetched.more),
        (Refusal::NotAMember, vec![], false)
    );
}

#[tokio::test]
async fn a_round_without_pools_makes_no_calls_about_parcels() {
    let scene = Scene::new(&Bench::sqlite()).await;
    let errand = scene
        .cara
        .exchange
        .parcel_errand(scene.net.id(), scene.relay.node());
    let errand = errand.await.unwrap();
    assert!(errand.offer.is_empty() && errand.fetch.is_empty());
    assert_eq!(START.div_euclid(86_400), i64::from(DAY));
}

#[tokio::test]
async fn the_house_reads_every_feed_without_what_is_published() {
    let mut scene = Scene::new(&Bench::sqlite()).await;
    scene.commit().await;
    let released = scene
        .centre
        .append(Kind::Release, &release(8100), 0, salt(8))
        .unwrap();
    let network = scene.net.id();
    scene.cara.hand_over(network, &[released]).await;
    let mut house = HouseClient::new(scene.cara.at_home().await);
    let heads = proto::FeedHeadsRequest {
        network: network.into(),
        after_writer: Vec::new(),
    };
    let page = house.feed_heads(heads.clone()).await.unwrap().into_inner();
    let known = scene.cara.exchange.heads(network).await.unwrap();
    assert_eq!(page.heads.len(), known.len());
    assert!(!page.more);
    let after = proto::FeedHeadsRequest {
        after_writer: page.heads[0].writer.clone(),
        ..heads
    };
    let rest = house.feed_heads(after).await.unwrap().into_inner();
    assert_eq!(rest.heads, page.heads[1..]);

    let entries = proto::FeedEntriesRequest {
        network: network.into(),
        writer: scene.cara.centre().writer().into(),
        after: Vec::new(),
    };
    let feed = house.feed_entries(entries.clone()).await.unwrap();
    let feed = feed.into_inner();
    let has_payload: Vec<bool> = feed.entries.iter().map(|e| e.payload.is_some()).collect();
    assert_eq!(has_payload, [true, true, false]);
    let unknown = proto::FeedEntriesRequest {
        after: vec![3; 32],
        ..entries.clone()
    };
    let unknown = house.feed_entries(unknown).await.unwrap().into_inner();
    assert!(unknown.unknown_place);
    let elsewhere = proto::FeedEntriesRequest {
        network: vec![3; 32],
        ..entries
    };
    let refused = house.feed_entries(elsewhere).await.unwrap().into_inner();
    assert_eq!(refused.refusal(), Refusal::UnknownNetwork);
}
