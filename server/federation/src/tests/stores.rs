//! One store under several exchanges, and an exchange under its own house.

use krog_feed::entry::Kind;
use krog_feed::writer::Author;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::exchange_client::ExchangeClient;
use krog_proto::federation::v1::house_client::HouseClient;
use krog_proto::federation::v1::library_client::LibraryClient;
use krog_proto::federation::v1::{CompareRefusal, Refusal};
use prost::Message;

use crate::bench::{Net, Ngo, Wires, centre_key, name, release, salt, wire};
use crate::exchange::Source;
use crate::store::bench::{Bench, on_each_engine};
use crate::{Error, Exchange};

on_each_engine!(
    two_exchanges_on_one_database_see_what_the_other_took,
    two_exchanges_writing_at_once_lose_nothing,
    a_store_of_another_node_is_refused,
    a_writer_that_lost_its_store_learns_its_own_feed_from_a_peer,
);

async fn pair(bench: &Bench) -> (Wires, Net, Ngo, Ngo) {
    let wires = Wires::default();
    let relay = Ngo::new("relay", bench.clone(), &wires).await;
    let net = Net::found(&relay).await;
    let alba = Ngo::new("alba", Bench::sqlite(), &wires).await;
    net.join(&relay, &alba, 11).await;
    alba.syncer.sync_round().await.unwrap();
    (wires, net, relay, alba)
}

async fn two_exchanges_on_one_database_see_what_the_other_took(bench: &Bench) {
    let (_, mut net, relay, alba) = pair(bench).await;
    let second = Exchange::open(bench.open().await, relay.node(), std::sync::Arc::new(|| 0))
        .await
        .unwrap();
    let (mut centre, first) = alba.begin_centre(net.id());
    relay
        .hand_over(net.id(), std::slice::from_ref(&first))
        .await;
    let writer = alba.centre().writer();
    assert_eq!(
        second.head(net.id(), writer).await.unwrap().unwrap().hash,
        first.hash()
    );
    let next = centre
        .append(Kind::Release, &release(8100), 0, salt(2))
        .unwrap();
    second
        .ingest(net.id(), wire(std::slice::from_ref(&next)), Source::House)
        .await
        .unwrap();
    assert_eq!(
        relay.head(net.id(), writer).await.unwrap().hash,
        next.hash()
    );

    assert_eq!(relay.releases(net.id()).await, 1);

    // A chain laid anew through one is laid anew for the other.
    let standing = krog_feed::writer::Standing::Header(&first.raw().header);
    let recovery = crate::bench::recovery("alba");
    let (_, opening) = Author::open_epoch(
        centre.state(),
        &recovery,
        centre_key("new"),
        standing,
        salt(3),
    )
    .unwrap();
    second
        .ingest(
            net.id(),
            wire(std::slice::from_ref(&opening)),
            Source::House,
        )
        .await
        .unwrap();
    assert_eq!(
        relay.head(net.id(), writer).await.unwrap().hash,
        opening.hash()
    );
    assert_eq!(
        relay
            .exchange
            .fetch(net.id(), writer, None, 9)
            .await
            .unwrap()
            .entries
            .len(),
        2
    );

    assert_eq!(
        relay.releases(net.id()).await,
        0,
        "what was cut off counts no more"
    );

    net.remove(&relay, alba.node()).await;
    assert_eq!(second.rosters(net.id()).await.unwrap().len(), 2);
    let taken = second
        .ingest(net.id(), wire(&[next]), Source::House)
        .await
        .unwrap();
    assert_eq!(taken.new, 0);
}

async fn two_exchanges_writing_at_once_lose_nothing(bench: &Bench) {
    let (_, net, relay, alba) = pair(bench).await;
    let second = Exchange::open(bench.open().await, relay.node(), std::sync::Arc::new(|| 0))
        .await
        .unwrap();
    let (mut centre, first) = alba.begin_centre(net.id());
    let mut office = Author::resume(
        alba.state(net.id(), alba.writer()).await,
        crate::bench::office_key("alba"),
    )
    .unwrap();
    relay.hand_over(net.id(), &[first]).await;
    let mut releases = Vec::new();
    let mut descriptors = Vec::new();
    for n in 0..12 {
        releases.push(
            centre
                .append(Kind::Release, &release(8100 + u32::from(n)), 0, salt(n))
                .unwrap(),
        );
        let mut descriptor = alba.descriptor(false);
        descriptor.public_name = name(&format!("alba {n}"));
        descriptors.push(
            office
                .append(Kind::Descriptor, &descriptor.encode(), 0, salt(n))
                .unwrap(),
        );
    }
    let one = async {
        for entry in &releases {
            relay.hand_over(net.id(), std::slice::from_ref(entry)).await;
        }
    };
    let other = async {
        for entry in &descriptors {
            let entries = wire(std::slice::from_ref(entry));
            second
                .ingest(net.id(), entries, Source::House)
                .await
                .unwrap();
        }
    };
    tokio::join!(one, other);
    for exchange in [&relay.exchange, &second] {
        let centre = exchange
            .head(net.id(), alba.centre().writer())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(centre.hash, releases.last().unwrap().hash());
        let office = exchange
            .head(net.id(), alba.writer())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(office.hash, descriptors.last().unwrap().hash());
    }
}

async fn a_store_of_another_node_is_refused(bench: &Bench) {
    let (_, _, _relay, alba) = pair(bench).await;
    let opened = Exchange::open(bench.open().await, alba.node(), std::sync::Arc::new(|| 0)).await;
    let Err(error) = opened else { panic!("opened") };
    assert!(matches!(error, Error::AnotherNode { .. }));
    assert!(error.to_string().contains(&alba.node().short()), "{error}");
}

async fn a_writer_that_lost_its_store_learns_its_own_feed_from_a_peer(bench: &Bench) {
    let (wires, net, relay, alba) = pair(bench).await;
    let (mut centre, first) = alba.begin_centre(net.id());
    let released = centre
        .append(Kind::Release, &release(8100), 0, salt(2))
        .unwrap();
    alba.hand_over(net.id(), &[first.clone(), released.clone()])
        .await;
    alba.syncer.sync_round().await.unwrap();

    let new = Ngo::new("alba", Bench::sqlite(), &wires).await;
    let rosters = alba.exchange.rosters(net.id()).await.unwrap();
    new.exchange.add_network(net.id(), rosters).await.unwrap();
    let address = crate::PeerAddress {
        address: relay.address(),
        pins: vec![relay.pin],
    };
    new.exchange
        .remember_peer(net.id(), &address, None)
        .await
        .unwrap();
    let mut house = HouseClient::new(new.at_home().await);
    let own = |writer: krog_feed::ids::WriterId, after: Vec<u8>| proto::OwnFeedRequest {
        network: net.id().into(),
        writer: writer.into(),
        after,
    };
    let answer = house
        .own_feed(own(new.centre().writer(), Vec::new()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (answer.refusal(), answer.peers_answered, answer.other_nodes),
        (Refusal::Unspecified, 1, 1)
    );
    assert_eq!(answer.entries, wire(&[first.clone(), released]));
    // The centre's feed could only be taken with the office behind it.
    let office = house
        .own_feed(own(new.writer(), Vec::new()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((office.peers_answered, office.entries.len()), (1, 3));
    assert!(!answer.more && !answer.unknown_place);
    let rest = house
        .own_feed(own(new.centre().writer(), first.hash().into()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(rest.entries.len(), 1);
    let lost = house
        .own_feed(own(new.centre().writer(), vec![7; 32]))
        .await
        .unwrap()
        .into_inner();
    assert!(lost.unknown_place);
}

#[tokio::test]
async fn the_house_is_told_what_it_asks_and_nothing_of_networks_unknown_here() {
    let (_, net, relay, _) = pair(&Bench::sqlite()).await;
    let mut house = HouseClient::new(relay.at_home().await);
    let rosters = house
        .rosters(proto::RostersRequest {
            network: Vec::new(),
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(rosters.rosters.len(), 1);
    let unknown = vec![1; 32];
    let rosters = house
        .rosters(proto::RostersRequest {
            network: unknown.clone(),
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(rosters.rosters, []);
    let hand = proto::HandOverRequest {
        network: unknown.clone(),
        entries: Vec::new(),
    };
    assert_eq!(
        house.hand_over(hand).await.unwrap().into_inner().refusal(),
        Refusal::UnknownNetwork
    );
    let own = proto::OwnFeedRequest {
        network: unknown.clone(),
        writer: vec![2; 32],
        after: Vec::new(),
    };
    assert_eq!(
        house.own_feed(own).await.unwrap().into_inner().refusal(),
        Refusal::UnknownNetwork
    );
    let synced = house
        .sync_now(proto::SyncNowRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        synced,
        proto::SyncNowResponse::default(),
        "nobody else listens"
    );

    let mut library = LibraryClient::new(relay.at_home().await);
    let compare = |network: Vec<u8>, measure: &str, last_quarter| proto::CompareRequest {
        network,
        measure: measure.to_owned(),
        last_quarter,
    };
    let code = krog_measures::builtin::measures()
        .next()
        .unwrap()
        .code
        .as_str()
        .to_owned();
    let compared = library
        .compare(compare(net.id().into(), &code, 0))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(compared.refusal(), CompareRefusal::Unspecified);
    assert_eq!(compared.comparison.unwrap().measure, code);
    let compared = library
        .compare(compare(net.id().into(), "none", 0))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (compared.refusal(), compared.comparison),
        (CompareRefusal::UnknownMeasure, None)
    );
    let compared = library
        .compare(compare(unknown, &code, 0))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(compared.refusal(), CompareRefusal::UnknownNetwork);
    let malformed = library
        .compare(compare(net.id().into(), &code, 1))
        .await
        .unwrap_err();
    assert_eq!(malformed.code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn templates_and_names_are_read_by_members_only() {
    let (wires, net, relay, alba) = pair(&Bench::sqlite()).await;
    let state = relay.state(net.id(), relay.writer()).await;
    let mut office = Author::resume(state, crate::bench::office_key("relay")).unwrap();
    let version = proto::TemplateVersion {
        document: b"a document".to_vec(),
    }
    .encode_to_vec();
    let published = office.append(Kind::Template, &version, 0, salt(5)).unwrap();
    relay.hand_over(net.id(), &[published]).await;
    let list = || proto::ListTemplatesRequest {
        network: net.id().into(),
    };
    let mut library = LibraryClient::new(alba.call(&relay).await);
    let listed = library
        .list_templates(list())
        .await
        .unwrap()
        .into_inner()
        .templates;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].document.as_slice(), &listed[0].node),
        (b"a document".as_slice(), &relay.node().into())
    );
    let described = library
        .describe(proto::DescribeRequest {})
        .await
        .unwrap()
        .into_inner()
        .networks;
    let names: Vec<_> = described[0]
        .nodes
        .iter()
        .map(|node| node.public_name.as_str())
        .collect();
    assert!(
        names.contains(&"relay") && names.contains(&"alba"),
        "{names:?}"
    );
    assert!(described[0].rehearsal);
    let stranger = Ngo::new("stranger", Bench::sqlite(), &wires).await;
    let mut library = LibraryClient::new(stranger.call(&relay).await);
    assert_eq!(
        library
            .list_templates(list())
            .await
            .unwrap()
            .into_inner()
            .templates,
        []
    );
}

#[tokio::test]
async fn heads_come_in_pages_that_go_on() {
    let (_, net, relay, alba) = pair(&Bench::sqlite()).await;
    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    let page = |after: Vec<u8>| proto::ListHeadsRequest {
        network: net.id().into(),
        after_writer: after,
    };
    let all = exchange
        .list_heads(page(Vec::new()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((all.heads.len(), all.more), (2, false));
    let rest = exchange
        .list_heads(page(all.heads[0].writer.clone()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(rest.heads, all.heads[1..]);
}
