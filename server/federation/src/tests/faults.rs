//! Bad entries and forks: each stops its own feed and no other, and everybody is told.

use krog_feed::chain::FeedState;
use krog_feed::entry::{Header, Kind, RawEntry, VerifiedEntry};
use krog_feed::fault::EntryFault;
use krog_feed::keys::Domain;
use krog_feed::writer::{Author, Standing};
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::exchange_client::ExchangeClient;
use krog_proto::federation::v1::library_client::LibraryClient;
use prost::Message;

use crate::bench::{Net, Ngo, Wires, centre_key, recovery, release, salt, wire};
use crate::store::bench::{Bench, on_each_engine};

on_each_engine!(
    a_bad_entry_stops_only_its_own_feed_and_is_told_until_a_good_one_follows,
    a_forked_feed_is_frozen_at_everyone_until_its_recovery_key_settles_it,
    a_payload_is_dropped_after_its_tombstone_and_not_wanted_back,
    a_payload_that_was_withheld_is_filled_later,
);

async fn net_of(bench: &Bench, wires: &Wires, names: &[&'static str]) -> (Net, Ngo, Vec<Ngo>) {
    let relay = Ngo::new("relay", bench.clone(), wires).await;
    let net = Net::found(&relay).await;
    let mut nodes = Vec::new();
    for (n, name) in (11..).zip(names) {
        let ngo = Ngo::new(name, Bench::sqlite(), wires).await;
        net.join(&relay, &ngo, n).await;
        ngo.syncer.sync_round().await.unwrap();
        nodes.push(ngo);
    }
    (net, relay, nodes)
}

async fn described(by: &Ngo, at: &Ngo) -> proto::DescribedNetwork {
    let mut library = LibraryClient::new(by.call(at).await);
    library
        .describe(proto::DescribeRequest {})
        .await
        .unwrap()
        .into_inner()
        .networks
        .remove(0)
}

/// An entry in the place of another that its writer signed though no feed can hold it.
fn signed_nonsense(instead_of: &VerifiedEntry) -> proto::Entry {
    let header = Header {
        kind: Kind::Epoch,
        ..instead_of.header().clone()
    }
    .encode();
    RawEntry {
        signature: centre_key("alba").sign(Domain::Entry, &header),
        header,
        payload: instead_of.raw().payload.clone(),
    }
    .to_proto()
}

#[tokio::test]
async fn nobody_makes_an_honest_feed_look_stopped() {
    let (net, relay, nodes) = net_of(&Bench::sqlite(), &Wires::default(), &["alba", "bela"]).await;
    let [alba, bela] = &nodes[..] else { panic!() };
    let (mut centre, first) = alba.begin_centre(net.id());
    let second = centre
        .append(Kind::Release, &release(8100), 0, salt(2))
        .unwrap();
    relay
        .hand_over(net.id(), std::slice::from_ref(&first))
        .await;
    let honest = wire(std::slice::from_ref(&second)).remove(0);
    let mut resigned = honest.clone();
    resigned.signature[7] ^= 1;
    let mut forged = signed_nonsense(&second);
    forged.signature[7] ^= 1;
    let mut short = honest.clone();
    short.signature.pop();
    let mut swapped = honest.clone();
    swapped.payload.as_mut().unwrap()[20] ^= 1;
    let known = wire(std::slice::from_ref(&first)).remove(0);
    let mut exchange = ExchangeClient::new(bela.call(&relay).await);
    for (bad, fault) in [
        (resigned, proto::EntryFault::Signature),
        (forged, proto::EntryFault::Malformed),
        (short, proto::EntryFault::Malformed),
        (swapped, proto::EntryFault::Payload),
    ] {
        let push = proto::PushEntriesRequest {
            network: net.id().into(),
            entries: vec![known.clone(), bad],
        };
        let answer = exchange.push_entries(push).await.unwrap().into_inner();
        assert_eq!(answer.outcomes[0].fault(), fault);
        assert_eq!(described(bela, &relay).await.stopped, [], "{fault:?}");
    }
    let writer = alba.centre().writer();
    let taken = relay
        .hand_over(net.id(), std::slice::from_ref(&second))
        .await;
    assert_eq!(taken.feeds[0].fault, None);
    assert_eq!(
        relay.head(net.id(), writer).await.unwrap().hash,
        second.hash()
    );
}

async fn a_bad_entry_stops_only_its_own_feed_and_is_told_until_a_good_one_follows(bench: &Bench) {
    let (net, relay, nodes) = net_of(bench, &Wires::default(), &["alba", "bela"]).await;
    let (alba, bela) = (&nodes[0], &nodes[1]);
    let (mut centre, first) = alba.begin_centre(net.id());
    let second = centre
        .append(Kind::Release, &release(8100), 0, salt(2))
        .unwrap();
    let third = centre
        .append(Kind::Release, &release(8101), 0, salt(3))
        .unwrap();
    let (_, other) = bela.begin_centre(net.id());
    let mut batch = wire(&[first, second.clone(), third.clone()]);
    batch[1] = signed_nonsense(&second);
    batch.extend(wire(std::slice::from_ref(&other)));

    let mut exchange = ExchangeClient::new(alba.call(&relay).await);
    let push = proto::PushEntriesRequest {
        network: net.id().into(),
        entries: batch,
    };
    let outcomes = exchange
        .push_entries(push)
        .await
        .unwrap()
        .into_inner()
        .outcomes;
    let of = |ngo: &Ngo| {
        let writer: Vec<u8> = ngo.centre().writer().into();
        outcomes
            .iter()
            .find(|outcome| outcome.writer == writer)
            .unwrap()
    };
    assert_eq!(of(alba).fault(), proto::EntryFault::Malformed);
    assert_eq!(
        of(alba).head.as_ref().unwrap().seq,
        0,
        "what came before stands"
    );
    assert_eq!(of(bela).fault(), proto::EntryFault::Unspecified);
    assert_eq!(
        relay
            .head(net.id(), bela.centre().writer())
            .await
            .unwrap()
            .hash,
        other.hash()
    );

    let stopped = proto::StoppedFeed {
        writer: alba.centre().writer().into(),
        fault: proto::EntryFault::Malformed.into(),
    };
    assert_eq!(described(bela, &relay).await.stopped, [stopped]);
    let alone = proto::PushEntriesRequest {
        network: net.id().into(),
        entries: wire(std::slice::from_ref(&third)),
    };
    let gap = exchange.push_entries(alone).await.unwrap().into_inner();
    assert_eq!(gap.outcomes[0].fault(), proto::EntryFault::Gap);
    assert_eq!(
        described(bela, &relay).await.stopped.len(),
        1,
        "a gap says nothing of the feed"
    );

    let good = proto::PushEntriesRequest {
        network: net.id().into(),
        entries: wire(&[second, third.clone()]),
    };
    exchange.push_entries(good).await.unwrap();
    assert_eq!(described(bela, &relay).await.stopped, []);
    assert_eq!(
        relay
            .head(net.id(), alba.centre().writer())
            .await
            .unwrap()
            .hash,
        third.hash()
    );
}

async fn a_forked_feed_is_frozen_at_everyone_until_its_recovery_key_settles_it(bench: &Bench) {
    let (net, relay, nodes) = net_of(bench, &Wires::default(), &["alba", "bela", "cara"]).await;
    let [alba, bela, cara] = &nodes[..] else {
        panic!()
    };
    let writer = alba.centre().writer();
    let (mut centre, first) = alba.begin_centre(net.id());
    let restored = centre.state().clone();
    let one = centre
        .append(Kind::Release, &release(8100), 0, salt(2))
        .unwrap();
    let one_more = centre
        .append(Kind::Release, &release(8101), 0, salt(3))
        .unwrap();
    let mut again = Author::resume(restored, centre_key("alba")).unwrap();
    let other = again
        .append(Kind::Release, &release(8102), 0, salt(4))
        .unwrap();

    relay
        .hand_over(net.id(), &[first.clone(), one.clone(), one_more.clone()])
        .await;
    bela.syncer.sync_round().await.unwrap();
    cara.hand_over(net.id(), &[first.clone(), other.clone()])
        .await;
    // Whoever meets the other branch freezes the feed and passes the proof on.
    cara.syncer.sync_round().await.unwrap();
    assert!(cara.head(net.id(), writer).await.unwrap().frozen);
    cara.syncer.sync_round().await.unwrap();
    assert!(
        relay.head(net.id(), writer).await.unwrap().frozen,
        "told by who met it"
    );
    bela.syncer.sync_round().await.unwrap();
    assert!(
        bela.head(net.id(), writer).await.unwrap().frozen,
        "told by the relay's proof"
    );

    let late = centre
        .append(Kind::Release, &release(8103), 0, salt(5))
        .unwrap();
    let taken = bela.hand_over(net.id(), std::slice::from_ref(&late)).await;
    assert_eq!(
        taken.feeds[0].head.unwrap().hash,
        one_more.hash(),
        "nothing is appended to a frozen feed"
    );

    // The recovery key lets the branch stand that the relay saw second.
    let state = cara.state(net.id(), writer).await;
    let standing = Standing::Header(&other.raw().header);
    let (mut settled, opening) = Author::open_epoch(
        &state,
        &recovery("alba"),
        centre_key("new"),
        standing,
        salt(6),
    )
    .unwrap();
    let next = settled
        .append(Kind::Release, &release(8104), 0, salt(7))
        .unwrap();
    cara.hand_over(net.id(), &[opening.clone(), next.clone()])
        .await;
    for ngo in [cara, bela, cara, bela] {
        ngo.syncer.sync_round().await.unwrap();
    }
    let standing = [&first, &other, &opening, &next].map(|entry| entry.hash());
    for ngo in [cara, &relay, bela] {
        let head = ngo.head(net.id(), writer).await.unwrap();
        assert_eq!(
            (head.hash, head.frozen),
            (next.hash(), false),
            "{}",
            ngo.name
        );
        let chain = ngo
            .exchange
            .fetch(net.id(), writer, None, 256)
            .await
            .unwrap()
            .entries;
        assert_eq!(
            chain.iter().map(|entry| entry.hash()).collect::<Vec<_>>(),
            standing,
            "{}",
            ngo.name
        );
    }
    let kept = relay
        .exchange
        .store()
        .entry(net.id(), writer, one.hash())
        .await
        .unwrap()
        .unwrap();
    assert!(!kept.standing, "both branches are kept");
}

async fn a_payload_is_dropped_after_its_tombstone_and_not_wanted_back(bench: &Bench) {
    let (net, relay, nodes) = net_of(bench, &Wires::default(), &["alba", "bela"]).await;
    let (alba, bela) = (&nodes[0], &nodes[1]);
    let writer = alba.centre().writer();
    let (mut centre, first) = alba.begin_centre(net.id());
    let released = centre
        .append(Kind::Release, &release(8100), 0, salt(2))
        .unwrap();
    alba.hand_over(net.id(), &[first.clone(), released.clone()])
        .await;
    alba.syncer.sync_round().await.unwrap();
    let tombstone =
        |hash: krog_feed::ids::HeaderHash| proto::Tombstone { entry: hash.into() }.encode_to_vec();
    let gone = centre
        .append(Kind::Tombstone, &tombstone(released.hash()), 0, salt(3))
        .unwrap();
    let in_vain = centre
        .append(Kind::Tombstone, &tombstone(first.hash()), 0, salt(4))
        .unwrap();
    alba.hand_over(net.id(), &[gone, in_vain]).await;
    alba.syncer.sync_round().await.unwrap();
    bela.syncer.sync_round().await.unwrap();
    bela.hand_over(net.id(), std::slice::from_ref(&released))
        .await;
    for ngo in [alba, &relay, bela] {
        let entries = ngo
            .exchange
            .fetch(net.id(), writer, None, 256)
            .await
            .unwrap()
            .entries;
        assert_eq!(entries.len(), 4);
        assert_eq!(
            entries[1].header,
            released.raw().header,
            "the header is kept for ever"
        );
        assert_eq!(entries[1].payload, None, "{}", ngo.name);
        assert!(
            entries[0].payload.is_some(),
            "what the chain rests on is not dropped"
        );
    }
}

async fn a_payload_that_was_withheld_is_filled_later(bench: &Bench) {
    let (net, relay, nodes) = net_of(bench, &Wires::default(), &["alba", "bela"]).await;
    let (alba, bela) = (&nodes[0], &nodes[1]);
    let writer = alba.centre().writer();
    let (mut centre, first) = alba.begin_centre(net.id());
    let released = centre
        .append(Kind::Release, &release(8100), 0, salt(2))
        .unwrap();
    alba.hand_over(net.id(), &[first.clone(), released.clone()])
        .await;
    let mut withheld = wire(&[first, released.clone()]);
    withheld[1].payload = None;
    relay
        .exchange
        .ingest(net.id(), withheld, crate::exchange::Source::House)
        .await
        .unwrap();
    bela.syncer.sync_round().await.unwrap();
    assert_eq!(
        bela.exchange
            .fetch(net.id(), writer, None, 256)
            .await
            .unwrap()
            .entries[1]
            .payload,
        None
    );
    assert_eq!(
        bela.exchange
            .store()
            .missing(net.id(), 9)
            .await
            .unwrap()
            .len(),
        1
    );

    relay
        .hand_over(net.id(), std::slice::from_ref(&released))
        .await;
    bela.syncer.sync_round().await.unwrap();
    let entries = bela
        .exchange
        .fetch(net.id(), writer, None, 256)
        .await
        .unwrap()
        .entries;
    assert_eq!(entries[1], *released.raw());
}

#[tokio::test]
async fn a_disputed_tombstone_says_the_same_before_and_after_a_restart() {
    let (net, relay, mut nodes) = net_of(&Bench::sqlite(), &Wires::default(), &["alba"]).await;
    let alba = &mut nodes[0];
    let (mut centre, first) = alba.begin_centre(net.id());
    let released = centre
        .append(Kind::Release, &release(8100), 0, salt(2))
        .unwrap();
    let restored = centre.state().clone();
    let body = proto::Tombstone {
        entry: released.hash().into(),
    }
    .encode_to_vec();
    let buried = centre.append(Kind::Tombstone, &body, 0, salt(3)).unwrap();
    let mut again = Author::resume(restored, centre_key("alba")).unwrap();
    let other = again
        .append(Kind::Release, &release(8101), 0, salt(4))
        .unwrap();
    alba.hand_over(net.id(), &[first, released]).await;
    assert_eq!(alba.releases(net.id()).await, 1);
    alba.hand_over(net.id(), &[buried]).await;
    assert_eq!(alba.releases(net.id()).await, 0);
    alba.hand_over(net.id(), &[other]).await;
    assert!(
        alba.head(net.id(), alba.centre().writer())
            .await
            .unwrap()
            .frozen
    );
    // The tombstone is in doubt now, but the payload is gone.
    assert_eq!(alba.releases(net.id()).await, 0);
    alba.restart().await;
    assert_eq!(alba.releases(net.id()).await, 0);
    drop(relay);
}

#[tokio::test]
async fn entries_of_nobody_in_the_network_are_not_kept() {
    let wires = Wires::default();
    let (net, relay, nodes) = net_of(&Bench::sqlite(), &wires, &["alba"]).await;
    let stranger = Ngo::new("stranger", Bench::sqlite(), &wires).await;
    let (_, office) = stranger.begin_office(net.id());
    let (_, centre) = stranger.begin_centre(net.id());
    let mut exchange = ExchangeClient::new(nodes[0].call(&relay).await);
    let push = proto::PushEntriesRequest {
        network: net.id().into(),
        entries: wire(&[office, centre]),
    };
    let outcomes = exchange
        .push_entries(push)
        .await
        .unwrap()
        .into_inner()
        .outcomes;
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        assert_eq!(
            (outcome.fault(), outcome.head),
            (proto::EntryFault::NotAMember, None)
        );
    }
    assert_eq!(described(&nodes[0], &relay).await.stopped, []);
    assert_eq!(relay.exchange.heads(net.id()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_bad_entry_of_a_feed_that_is_not_here_is_not_noted() {
    let (net, relay, nodes) = net_of(&Bench::sqlite(), &Wires::default(), &["alba"]).await;
    let (_, first) = nodes[0].begin_centre(net.id());
    let mut bad = wire(&[first]);
    bad[0].signature[0] ^= 1;
    let taken = relay
        .exchange
        .ingest(net.id(), bad, crate::exchange::Source::House)
        .await
        .unwrap();
    assert_eq!(taken.feeds[0].fault, Some(EntryFault::Signature));
    assert_eq!(described(&nodes[0], &relay).await.stopped, []);
}

#[tokio::test]
async fn an_entry_of_another_network_is_refused_and_not_noted() {
    let wires = Wires::default();
    let (net, relay, nodes) = net_of(&Bench::sqlite(), &wires, &["alba"]).await;
    let elsewhere = krog_feed::ids::NetworkId::of(b"elsewhere");
    let (_, entry) = nodes[0].begin_office(elsewhere);
    let taken = relay.hand_over(net.id(), &[entry]).await;
    assert_eq!(taken.feeds[0].fault, Some(EntryFault::WrongNetwork));
    assert_eq!(described(&nodes[0], &relay).await.stopped, []);
    let state = relay.state(net.id(), nodes[0].writer()).await;
    assert_ne!(state, FeedState::empty(net.id(), nodes[0].writer()));
}
