//! Rounds of pools, as readers are told of them.

use std::sync::atomic::Ordering;

use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::ids::NetworkId;
use krog_feed::writer::{Author, Standing};
use krog_pools::PoolTerms;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::RoundStage;
use krog_proto::federation::v1::library_client::LibraryClient;
use prost::Message;
use tonic::transport::Channel;

use crate::bench::{Net, Ngo, START, Wires, office_key, recovery, salt};
use crate::store::bench::{Bench, on_each_engine};

const DAY: u32 = (START / 86_400) as u32;

on_each_engine!(rounds_are_listed_as_they_stand_and_kept_over_a_restart);

/// A relay with pools, and two nodes that can aggregate.
async fn scene(bench: &Bench, wires: &Wires) -> (Net, [Ngo; 3]) {
    let relay = Ngo::new("relay", bench.clone(), wires).await;
    let mut net = Net::found(&relay).await;
    let alba = Ngo::new("alba", Bench::sqlite(), wires).await;
    let bela = Ngo::new("bela", Bench::sqlite(), wires).await;
    net.join(&relay, &alba, 11).await;
    net.join(&relay, &bela, 12).await;
    let terms = PoolTerms {
        rho_millionths: 0,
        ..PoolTerms::default()
    };
    net.change_roster(&relay, |next| {
        next.policy = next.policy.clone().with_pools(terms);
    })
    .await;
    for ngo in [&alba, &bela, &alba] {
        ngo.syncer.sync_round().await.unwrap();
    }
    (net, [relay, alba, bela])
}

/// A round about who stays, of which no precision is stated.
fn opening([_, alba, bela]: &[Ngo; 3]) -> proto::PoolOpening {
    let measure = krog_measures::builtin::measures().next().unwrap();
    proto::PoolOpening {
        measure: measure.code.as_str().to_owned(),
        comparability_class: measure.class.as_bytes().to_vec(),
        facilitation: proto::Facilitation::Peer.into(),
        course: proto::Course::Entry.into(),
        first_quarter: 8096,
        last_quarter: 8099,
        roster_version: 2,
        sums: vec![
            proto::PoolSum::Persons.into(),
            proto::PoolSum::FollowedUp.into(),
        ],
        leader: alba.node().into(),
        helper: bela.node().into(),
        deadline: DAY + 20,
        expiry: DAY + 40,
        persons_per_centre: 40,
        change_bound_hundredths: 100,
        unit_sd_thousandths: 5_000,
        ..Default::default()
    }
}

async fn sign(ngo: &Ngo, net: &Net, kind: Kind, body: &impl Message, n: u8) -> VerifiedEntry {
    let state = ngo.state(net.id(), ngo.writer()).await;
    let mut office = Author::resume(state, office_key(ngo.name)).unwrap();
    let entry = office
        .append(kind, &body.encode_to_vec(), 0, salt(n))
        .unwrap();
    let taken = ngo.hand_over(net.id(), std::slice::from_ref(&entry)).await;
    assert_eq!(taken.feeds[0].fault, None);
    entry
}

async fn list(channel: Channel, network: NetworkId) -> Vec<proto::DescribedRound> {
    let request = proto::ListRoundsRequest {
        network: network.into(),
    };
    let listed = LibraryClient::new(channel).list_rounds(request).await;
    listed.unwrap().into_inner().rounds
}

async fn rounds_are_listed_as_they_stand_and_kept_over_a_restart(bench: &Bench) {
    let wires = Wires::default();
    let (net, mut ngos) = scene(bench, &wires).await;
    let first = opening(&ngos);
    let later = proto::PoolOpening {
        first_quarter: 8100,
        last_quarter: 8101,
        deadline: DAY + 30,
        ..first.clone()
    };
    let opened = sign(&ngos[0], &net, Kind::PoolOpening, &first, 20).await;
    sign(&ngos[0], &net, Kind::PoolOpening, &later, 21).await;
    for aggregator in &ngos[1..] {
        aggregator.syncer.sync_round().await.unwrap();
        let key = proto::PoolKey {
            opening: opened.hash().into(),
            round_key: vec![7; 1_216],
        };
        sign(aggregator, &net, Kind::PoolKey, &key, 22).await;
        aggregator.syncer.sync_round().await.unwrap();
    }

    let rounds = list(ngos[1].call(&ngos[0]).await, net.id()).await;
    let [newest, oldest] = &rounds[..] else {
        panic!("two rounds: {rounds:?}");
    };
    assert_eq!(
        (newest.stage(), newest.opening.as_ref()),
        (RoundStage::Opened, Some(&later))
    );
    assert_eq!(oldest.stage(), RoundStage::Collecting);
    assert_eq!(oldest.round, Vec::from(opened.hash()));
    assert_eq!((oldest.commitments, oldest.agreed), (0, 0));
    assert!(oldest.sums.is_empty() && oldest.noise_sds.is_empty());
    assert_eq!(list(ngos[0].at_home().await, net.id()).await, rounds);

    let at = |day: u32| i64::from(day) * 86_400;
    ngos[0].clock.store(at(DAY + 21), Ordering::Relaxed);
    let stages = |rounds: &[proto::DescribedRound]| -> Vec<RoundStage> {
        rounds.iter().map(proto::DescribedRound::stage).collect()
    };
    let today = list(ngos[1].call(&ngos[0]).await, net.id()).await;
    assert_eq!(stages(&today), [RoundStage::Opened, RoundStage::Checking]);
    for (n, aggregator) in (23..).zip(&ngos[1..]) {
        let end = proto::PoolEnd {
            opening: opened.hash().into(),
            outcome: proto::PoolOutcome::TooFewCentres.into(),
        };
        sign(aggregator, &net, Kind::PoolEnd, &end, n).await;
        aggregator.syncer.sync_round().await.unwrap();
    }
    ngos[0].restart().await;
    ngos[0].listen();
    let today = list(ngos[1].call(&ngos[0]).await, net.id()).await;
    assert_eq!(stages(&today), [RoundStage::Opened, RoundStage::Failed]);
    assert_eq!(
        (today[1].leader_outcome(), today[1].helper_outcome()),
        (
            proto::PoolOutcome::TooFewCentres,
            proto::PoolOutcome::TooFewCentres
        )
    );

    // What the recovery key cuts off is off the board.
    let office = ngos[0].state(net.id(), ngos[0].writer()).await;
    let first = ngos[0].begin_office(net.id()).1;
    let standing = Standing::Header(&first.raw().header);
    let key = recovery("relay");
    let (_, reopened) =
        Author::open_epoch(&office, &key, office_key("new"), standing, salt(30)).unwrap();
    ngos[0].hand_over(net.id(), &[reopened]).await;
    assert_eq!(list(ngos[0].at_home().await, net.id()).await, []);
}

#[tokio::test]
async fn rounds_are_told_to_members_only() {
    let wires = Wires::default();
    let (net, ngos) = scene(&Bench::sqlite(), &wires).await;
    sign(&ngos[0], &net, Kind::PoolOpening, &opening(&ngos), 20).await;
    let stranger = Ngo::new("stranger", Bench::sqlite(), &wires).await;
    assert_eq!(list(stranger.call(&ngos[0]).await, net.id()).await, []);
    assert_eq!(list(ngos[1].call(&ngos[0]).await, net.id()).await.len(), 1);
    let unknown = NetworkId::from([9; 32]);
    assert_eq!(list(ngos[0].at_home().await, unknown).await, []);
}
