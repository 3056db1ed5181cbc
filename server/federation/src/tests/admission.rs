//! Who is let in, and who is not.

use std::sync::atomic::Ordering;

use krog_feed::ids::NetworkId;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::exchange_client::ExchangeClient;
use krog_proto::federation::v1::library_client::LibraryClient;
use krog_proto::federation::v1::{CompareRefusal, Refusal};

use crate::bench::{Net, Ngo, START, Wires, centre_key, wire};
use crate::store::bench::{Bench, on_each_engine};
use crate::sync::{JoinError, SyncFailure};

on_each_engine!(
    an_invitation_admits_as_many_as_it_may_and_the_same_node_again,
    an_invitation_past_its_day_is_refused_except_to_whom_it_admitted,
    invitations_that_do_not_hold_are_refused,
    a_stranger_learns_nothing_and_hands_over_nothing,
    a_removed_peer_is_refused_on_an_open_channel,
);

async fn pair(bench: &Bench) -> (Wires, Net, Ngo, Ngo) {
    let wires = Wires::default();
    let relay = Ngo::new("relay", bench.clone(), &wires).await;
    let net = Net::found(&relay).await;
    let alba = Ngo::new("alba", Bench::sqlite(), &wires).await;
    (wires, net, relay, alba)
}

fn refusal<T>(joined: Result<T, JoinError>) -> Refusal {
    match joined {
        Err(JoinError::Failed(SyncFailure::Refused(refusal))) => refusal,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("admitted"),
    }
}

async fn an_invitation_admits_as_many_as_it_may_and_the_same_node_again(bench: &Bench) {
    let (wires, net, relay, alba) = pair(bench).await;
    let bela = Ngo::new("bela", Bench::sqlite(), &wires).await;
    let token = net.token(&relay, 11, 1);
    alba.syncer.join(&token, &alba.inception).await.unwrap();
    alba.syncer.join(&token, &alba.inception).await.unwrap();
    assert_eq!(
        refusal(bela.syncer.join(&token, &bela.inception).await),
        Refusal::InvitationUsed
    );
    assert_eq!(bela.exchange.networks().await.unwrap(), []);
    assert_eq!(alba.exchange.networks().await.unwrap(), [net.id()]);
    let other = alba.syncer.join(&token, &bela.inception).await;
    assert!(matches!(other, Err(JoinError::AnotherNode)));
}

async fn an_invitation_past_its_day_is_refused_except_to_whom_it_admitted(bench: &Bench) {
    let (wires, net, relay, alba) = pair(bench).await;
    let bela = Ngo::new("bela", Bench::sqlite(), &wires).await;
    let token = net.token(&relay, 11, 2);
    relay
        .clock
        .store(START + 30 * 86_400 + 86_399, Ordering::Relaxed);
    alba.syncer.join(&token, &alba.inception).await.unwrap();
    relay.clock.store(START + 31 * 86_400, Ordering::Relaxed);
    assert_eq!(
        refusal(bela.syncer.join(&token, &bela.inception).await),
        Refusal::InvitationExpired
    );
    alba.syncer.join(&token, &alba.inception).await.unwrap();
}

async fn invitations_that_do_not_hold_are_refused(bench: &Bench) {
    let (wires, net, relay, alba) = pair(bench).await;
    let forged = net.token_by(&relay, &centre_key("thief"), 11, 1);
    assert_eq!(
        refusal(alba.syncer.join(&forged, &alba.inception).await),
        Refusal::InvitationInvalid
    );

    let elsewhere = Ngo::new("elsewhere", Bench::sqlite(), &wires).await;
    let other = Net::found_named(&elsewhere, "other circle").await;
    let foreign = other.token_by(&relay, &crate::bench::office_key("elsewhere"), 11, 1);
    assert_eq!(
        refusal(alba.syncer.join(&foreign, &alba.inception).await),
        Refusal::InvitationInvalid
    );

    let bela = Ngo::new("bela", Bench::sqlite(), &wires).await;
    net.join(&relay, &bela, 12).await;
    bela.listen();
    let astray = net.token_by(&bela, &crate::bench::office_key("relay"), 13, 1);
    assert_eq!(
        refusal(alba.syncer.join(&astray, &alba.inception).await),
        Refusal::WrongNode
    );

    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    let empty = exchange
        .admit(proto::AdmitRequest::default())
        .await
        .unwrap_err();
    assert_eq!(empty.code(), tonic::Code::InvalidArgument);
}

async fn a_stranger_learns_nothing_and_hands_over_nothing(bench: &Bench) {
    let (_, net, relay, alba) = pair(bench).await;
    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    let mut library = LibraryClient::new(alba.call(&relay).await);
    let (_, entry) = alba.begin_office(net.id());
    let unknown = NetworkId::of(b"unknown");
    for network in [net.id(), unknown].map(Vec::from) {
        let hello = proto::HelloRequest {
            network: network.clone(),
            node: alba.node().into(),
            protocol_min: 1,
            protocol_max: 1,
        };
        let refused = proto::HelloResponse {
            refusal: Refusal::NotAMember.into(),
            ..Default::default()
        };
        assert_eq!(exchange.hello(hello).await.unwrap().into_inner(), refused);
        let heads = proto::ListHeadsRequest {
            network: network.clone(),
            after_writer: Vec::new(),
        };
        let refused = proto::ListHeadsResponse {
            refusal: Refusal::NotAMember.into(),
            ..Default::default()
        };
        assert_eq!(
            exchange.list_heads(heads).await.unwrap().into_inner(),
            refused
        );
        let fetch = proto::FetchEntriesRequest {
            network: network.clone(),
            writer: relay.writer().into(),
            ..Default::default()
        };
        let refused = proto::FetchEntriesResponse {
            refusal: Refusal::NotAMember.into(),
            ..Default::default()
        };
        assert_eq!(
            exchange.fetch_entries(fetch).await.unwrap().into_inner(),
            refused
        );
        let push = proto::PushEntriesRequest {
            network: network.clone(),
            entries: wire(std::slice::from_ref(&entry)),
        };
        let refused = proto::PushEntriesResponse {
            refusal: Refusal::NotAMember.into(),
            ..Default::default()
        };
        assert_eq!(
            exchange.push_entries(push).await.unwrap().into_inner(),
            refused
        );
        let compare = proto::CompareRequest {
            network,
            measure: "ons4-satisfied".into(),
            last_quarter: 0,
        };
        let compared = library.compare(compare).await.unwrap().into_inner();
        assert_eq!(compared.refusal, CompareRefusal::UnknownNetwork as i32);
    }
    let described = library
        .describe(proto::DescribeRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(described.networks, []);
    let templates = library
        .list_templates(proto::ListTemplatesRequest {
            network: net.id().into(),
        })
        .await;
    assert_eq!(templates.unwrap().into_inner().templates, []);
    assert_eq!(relay.head(net.id(), alba.writer()).await, None);
}

async fn a_removed_peer_is_refused_on_an_open_channel(bench: &Bench) {
    let (_, mut net, relay, alba) = pair(bench).await;
    net.join(&relay, &alba, 11).await;
    alba.syncer.sync_round().await.unwrap();
    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    let mut library = LibraryClient::new(alba.call(&relay).await);
    let request = || proto::ListHeadsRequest {
        network: net.id().into(),
        after_writer: Vec::new(),
    };
    let listed = exchange.list_heads(request()).await.unwrap().into_inner();
    assert_eq!(
        (listed.refusal(), listed.heads.len()),
        (Refusal::Unspecified, 2)
    );
    let described = library
        .describe(proto::DescribeRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(described.networks.len(), 1);

    let request = request();
    net.remove(&relay, alba.node()).await;
    let refused = exchange.list_heads(request).await.unwrap().into_inner();
    assert_eq!(
        (refused.refusal(), refused.heads.len()),
        (Refusal::NotAMember, 0)
    );
    let described = library
        .describe(proto::DescribeRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(described.networks.len(), 0);
    let round = alba.syncer.sync_round().await.unwrap();
    assert!(matches!(
        round.peers[0].failure,
        Some(SyncFailure::Refused(Refusal::NotAMember))
    ));
    let again = net.token(&relay, 12, 1);
    assert_eq!(
        refusal(alba.syncer.join(&again, &alba.inception).await),
        Refusal::NotAMember
    );
}

#[tokio::test]
async fn a_node_that_was_admitted_hands_over_only_from_the_key_it_came_with() {
    let (wires, net, relay, alba) = pair(&Bench::sqlite()).await;
    let thief = Ngo::new("thief", Bench::sqlite(), &wires).await;
    net.join(&relay, &alba, 11).await;
    let heads = || proto::ListHeadsRequest {
        network: net.id().into(),
        after_writer: Vec::new(),
    };
    let mut exchange = ExchangeClient::new(thief.call(&relay).await);
    assert_eq!(
        exchange
            .list_heads(heads())
            .await
            .unwrap()
            .into_inner()
            .refusal(),
        Refusal::NotAMember
    );
    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    assert_eq!(
        exchange
            .list_heads(heads())
            .await
            .unwrap()
            .into_inner()
            .refusal(),
        Refusal::Unspecified
    );
    let posing = proto::HelloRequest {
        network: net.id().into(),
        node: relay.node().into(),
        protocol_min: 1,
        protocol_max: 1,
    };
    assert_eq!(
        exchange.hello(posing).await.unwrap().into_inner().refusal(),
        Refusal::NotAMember
    );
}
