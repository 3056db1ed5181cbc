//! More than is allowed, later than is spoken, fuller than the disk.

use std::sync::atomic::Ordering;

use krog_feed::entry::Kind;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::Refusal;
use krog_proto::federation::v1::exchange_client::ExchangeClient;
use krog_proto::federation::v1::house_client::HouseClient;

use crate::bench::{Net, Ngo, START, Wires, salt, wire};
use crate::store::bench::Bench;
use crate::sync::SyncFailure;

async fn pair() -> (Net, Ngo, Ngo) {
    let wires = Wires::default();
    let relay = Ngo::new("relay", Bench::sqlite(), &wires).await;
    let net = Net::found(&relay).await;
    let alba = Ngo::new("alba", Bench::sqlite(), &wires).await;
    net.join(&relay, &alba, 11).await;
    (net, relay, alba)
}

#[tokio::test]
async fn requests_for_more_than_a_batch_are_refused_as_too_large() {
    let (net, relay, alba) = pair().await;
    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    let mut house = HouseClient::new(relay.at_home().await);
    let fetch = |limit| proto::FetchEntriesRequest {
        network: net.id().into(),
        writer: relay.writer().into(),
        after: Vec::new(),
        limit,
    };
    let fetched = exchange
        .fetch_entries(fetch(257))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (fetched.refusal(), fetched.entries.len()),
        (Refusal::TooLarge, 0)
    );
    let fetched = exchange
        .fetch_entries(fetch(256))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (fetched.refusal(), fetched.entries.len()),
        (Refusal::Unspecified, 2)
    );
    let fetched = exchange.fetch_entries(fetch(1)).await.unwrap().into_inner();
    assert_eq!((fetched.entries.len(), fetched.more), (1, true));

    let (_, entry) = alba.begin_office(net.id());
    let small = wire(&[entry]).remove(0);
    let large = proto::Entry {
        payload: Some(vec![0; 262_144]),
        ..small.clone()
    };
    for entries in [vec![small; 257], vec![large; 4]] {
        let push = proto::PushEntriesRequest {
            network: net.id().into(),
            entries: entries.clone(),
        };
        assert_eq!(
            exchange
                .push_entries(push)
                .await
                .unwrap()
                .into_inner()
                .refusal(),
            Refusal::TooLarge
        );
        let hand = proto::HandOverRequest {
            network: net.id().into(),
            entries,
        };
        assert_eq!(
            house.hand_over(hand).await.unwrap().into_inner().refusal(),
            Refusal::TooLarge
        );
    }
    assert_eq!(relay.head(net.id(), alba.writer()).await, None);

    let huge = proto::Entry {
        header: vec![0; 3 << 20],
        ..Default::default()
    };
    let push = proto::PushEntriesRequest {
        network: net.id().into(),
        entries: vec![huge],
    };
    assert!(
        exchange.push_entries(push).await.is_err(),
        "beyond the limit of the connection"
    );
}

#[tokio::test]
async fn of_a_stranger_no_more_is_read_than_an_invitation_needs() {
    let wires = Wires::default();
    let relay = Ngo::new("relay", Bench::sqlite(), &wires).await;
    let net = Net::found(&relay).await;
    let stranger = Ngo::new("stranger", Bench::sqlite(), &wires).await;
    let mut exchange = ExchangeClient::new(stranger.call(&relay).await);
    let push = |count| proto::PushEntriesRequest {
        network: net.id().into(),
        entries: vec![proto::Entry::default(); count],
    };
    let small = exchange.push_entries(push(100)).await.unwrap().into_inner();
    assert_eq!(small.refusal(), Refusal::NotAMember);
    let large = exchange.push_entries(push(10_000)).await.unwrap_err();
    assert_eq!(large.code(), tonic::Code::OutOfRange);
    // A member's batch of the same size is read and answered.
    net.join(&relay, &stranger, 11).await;
    let large = exchange.push_entries(push(10_000)).await.unwrap();
    assert_eq!(large.into_inner().refusal(), Refusal::TooLarge);
}

#[tokio::test]
async fn a_protocol_nobody_here_speaks_is_refused() {
    let (net, relay, alba) = pair().await;
    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    let hello = |protocol_min, protocol_max| proto::HelloRequest {
        network: net.id().into(),
        node: alba.node().into(),
        protocol_min,
        protocol_max,
    };
    let refused = exchange.hello(hello(2, 9)).await.unwrap().into_inner();
    assert_eq!(
        (refused.refusal(), refused.protocol),
        (Refusal::Protocol, 0)
    );
    let greeted = exchange.hello(hello(1, 9)).await.unwrap().into_inner();
    assert_eq!(
        (greeted.refusal(), greeted.protocol, greeted.clock),
        (Refusal::Unspecified, 1, START as u64)
    );
    for (min, max) in [(0, 1), (2, 1)] {
        let malformed = exchange.hello(hello(min, max)).await.unwrap_err();
        assert_eq!(malformed.code(), tonic::Code::InvalidArgument);
    }
}

#[tokio::test]
async fn malformed_identities_are_no_request() {
    let (net, relay, alba) = pair().await;
    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    let heads = proto::ListHeadsRequest {
        network: vec![1; 31],
        after_writer: Vec::new(),
    };
    assert_eq!(
        exchange.list_heads(heads).await.unwrap_err().code(),
        tonic::Code::InvalidArgument
    );
    let heads = proto::ListHeadsRequest {
        network: net.id().into(),
        after_writer: vec![1; 33],
    };
    assert_eq!(
        exchange.list_heads(heads).await.unwrap_err().code(),
        tonic::Code::InvalidArgument
    );
    let unreadable = proto::Entry {
        header: vec![0xff; 40],
        signature: vec![0; 64],
        payload: None,
    };
    let push = proto::PushEntriesRequest {
        network: net.id().into(),
        entries: vec![unreadable],
    };
    let refused = exchange.push_entries(push).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (
            tonic::Code::InvalidArgument,
            "no entry has a readable header"
        )
    );
}

#[tokio::test]
async fn a_clock_days_off_is_told_and_stops_nothing() {
    let (_, relay, alba) = pair().await;
    relay.clock.store(START + 3 * 86_400, Ordering::Relaxed);
    let round = alba.syncer.sync_round().await.unwrap();
    assert_eq!((round.answered(), round.sent()), (1, 3));
    assert_eq!(round.peers[0].clock_ahead, Some(3 * 86_400));
    relay.clock.store(START + 3600, Ordering::Relaxed);
    assert_eq!(
        alba.syncer.sync_round().await.unwrap().peers[0].clock_ahead,
        None
    );
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_without_loss() {
    let (net, relay, alba) = pair().await;
    alba.syncer.sync_round().await.unwrap();
    let state = alba.state(net.id(), alba.writer()).await;
    let mut office =
        krog_feed::writer::Author::resume(state, crate::bench::office_key("alba")).unwrap();
    let mut last = None;
    for n in 0..8 {
        let entry = office
            .append(Kind::Template, &[n; 200_000], 0, salt(n))
            .unwrap();
        alba.hand_over(net.id(), std::slice::from_ref(&entry)).await;
        last = Some(entry);
    }
    let before = relay.exchange.heads(net.id()).await.unwrap();

    relay.exchange.store().cap_pages(1).await.unwrap();
    let mut house = HouseClient::new(relay.at_home().await);
    let hand = proto::HandOverRequest {
        network: net.id().into(),
        entries: wire(&[last.clone().unwrap()]),
    };
    let gap = house.hand_over(hand).await.unwrap().into_inner();
    assert_eq!(
        gap.outcomes[0].fault(),
        proto::EntryFault::Gap,
        "what writes nothing needs no room"
    );
    let round = alba.syncer.sync_round().await.unwrap();
    assert!(
        matches!(
            round.peers[0].failure,
            Some(SyncFailure::Refused(Refusal::Storage))
        ),
        "{round:?}"
    );
    assert_eq!(relay.exchange.heads(net.id()).await.unwrap(), before);

    relay.exchange.store().cap_pages(1_000_000).await.unwrap();
    let round = alba.syncer.sync_round().await.unwrap();
    assert_eq!((round.answered(), round.sent()), (1, 8));
    assert_eq!(
        relay.head(net.id(), alba.writer()).await.unwrap().hash,
        last.unwrap().hash()
    );
}
