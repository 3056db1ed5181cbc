//! Feeds travelling between nodes.

use krog_feed::entry::Kind;

use crate::bench::{Net, Ngo, Wires, release, salt};
use crate::store::bench::{Bench, on_each_engine};

on_each_engine!(
    a_feed_travels_over_a_relay_to_a_node_that_only_dials_out,
    reopening_the_store_resumes_at_the_same_heads,
);

/// A network of a relay on `bench`, and two nodes that only dial out.
async fn three(bench: &Bench) -> (Net, Ngo, Ngo, Ngo) {
    wired(bench, &Wires::default()).await
}

async fn wired(bench: &Bench, wires: &Wires) -> (Net, Ngo, Ngo, Ngo) {
    let relay = Ngo::new("relay", bench.clone(), wires).await;
    let net = Net::found(&relay).await;
    let alba = Ngo::new("alba", Bench::sqlite(), wires).await;
    let bela = Ngo::new("bela", Bench::sqlite(), wires).await;
    net.join(&relay, &alba, 11).await;
    net.join(&relay, &bela, 12).await;
    (net, relay, alba, bela)
}

async fn a_feed_travels_over_a_relay_to_a_node_that_only_dials_out(bench: &Bench) {
    let (net, relay, alba, bela) = three(bench).await;
    let (mut centre, first) = alba.begin_centre(net.id());
    let released = centre
        .append(Kind::Release, &release(8100), 0, salt(2))
        .unwrap();
    alba.hand_over(net.id(), &[first, released.clone()]).await;
    let writer = alba.centre().writer();

    let round = alba.syncer.sync_round().await.unwrap();
    assert_eq!((round.answered(), round.failed()), (1, 0), "{round:?}");
    assert_eq!((round.sent(), round.received()), (5, 2), "{round:?}");
    assert_eq!(
        relay.head(net.id(), writer).await.unwrap().hash,
        released.hash()
    );

    let round = bela.syncer.sync_round().await.unwrap();
    assert_eq!((round.sent(), round.received()), (3, 7), "{round:?}");
    assert_eq!(
        bela.head(net.id(), writer).await.unwrap().hash,
        released.hash()
    );
    let fetched = bela
        .exchange
        .fetch(net.id(), writer, None, 256)
        .await
        .unwrap();
    assert_eq!(fetched.entries[1], *released.raw(), "relayed byte for byte");

    let quiet = bela.syncer.sync_round().await.unwrap();
    assert_eq!((quiet.sent(), quiet.received()), (0, 0));
}

async fn reopening_the_store_resumes_at_the_same_heads(bench: &Bench) {
    let (net, mut relay, alba, _) = three(bench).await;
    alba.syncer.sync_round().await.unwrap();
    let before = relay.exchange.heads(net.id()).await.unwrap();
    assert_eq!(before.len(), 2);
    relay.restart().await;
    assert_eq!(relay.exchange.heads(net.id()).await.unwrap(), before);
    relay.listen();
    let round = alba.syncer.sync_round().await.unwrap();
    assert_eq!(
        (round.answered(), round.sent(), round.received()),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn connections_that_break_anywhere_lose_nothing() {
    let wires = Wires::default();
    let (net, relay, alba, bela) = wired(&Bench::sqlite(), &wires).await;
    let (mut centre, first) = alba.begin_centre(net.id());
    let mut entries = vec![first];
    for n in 0..700_u32 {
        let entry = centre
            .append(Kind::Release, &release(7_880 + n), 0, salt(n as u8))
            .unwrap();
        entries.push(entry);
    }
    alba.hand_over(net.id(), &entries[..1]).await;
    alba.syncer.sync_round().await.unwrap();
    for batch in entries.chunks(256) {
        relay.hand_over(net.id(), batch).await;
    }
    let writer = alba.centre().writer();
    let last = entries.last().unwrap().hash();
    let mut broken = 0;
    let mut seen = 0;
    for round in 0..60 {
        // From a broken greeting to a broken third batch.
        wires.break_after(round * 5_000);
        let outcome = bela.syncer.sync_round().await.unwrap();
        broken += outcome.failed();
        let head = bela.head(net.id(), writer).await;
        let now = head.map_or(0, |head| head.place.seq + 1);
        assert!(now >= seen, "what was stored stays");
        seen = now;
        if head.is_some_and(|head| head.hash == last) {
            break;
        }
    }
    assert!(broken > 5, "{broken}");
    assert_eq!(bela.head(net.id(), writer).await.unwrap().hash, last);
    assert_eq!(
        bela.exchange
            .fetch(net.id(), writer, None, 1)
            .await
            .unwrap()
            .entries[0],
        *entries[0].raw()
    );
}

#[tokio::test]
async fn one_dead_peer_costs_only_its_own_part_of_the_round() {
    let (net, relay, alba, _) = three(&Bench::sqlite()).await;
    let dead = crate::PeerAddress {
        address: "dead:7470".into(),
        pins: vec![alba.pin],
    };
    alba.exchange
        .remember_peer(net.id(), &dead, Some(krog_feed::ids::NodeId::of(b"dead")))
        .await
        .unwrap();
    let masked = crate::PeerAddress {
        address: relay.address(),
        pins: vec![bench_pin()],
    };
    alba.exchange
        .remember_peer(
            net.id(),
            &masked,
            Some(krog_feed::ids::NodeId::of(b"masked")),
        )
        .await
        .unwrap();
    let round = alba.syncer.sync_round().await.unwrap();
    // The relay's remembered address went to another node, but its own descriptor is not here yet.
    assert_eq!(round.failed(), 2, "{round:?}");
    alba.exchange
        .remember_peer(net.id(), &relay_address(&relay), Some(relay.node()))
        .await
        .unwrap();
    let round = alba.syncer.sync_round().await.unwrap();
    assert_eq!(
        (round.answered(), round.failed(), round.sent()),
        (1, 1, 3),
        "{round:?}"
    );
}

fn bench_pin() -> krog_feed::ids::TlsPin {
    krog_feed::ids::TlsPin::of(b"another key")
}

fn relay_address(relay: &Ngo) -> crate::PeerAddress {
    crate::PeerAddress {
        address: relay.address(),
        pins: vec![relay.pin],
    }
}

#[tokio::test]
async fn a_removed_node_is_no_longer_dialled() {
    let (mut net, relay, alba, bela) = three(&Bench::sqlite()).await;
    alba.listen();
    let state = alba.state(net.id(), alba.writer()).await;
    let mut office =
        krog_feed::writer::Author::resume(state, crate::bench::office_key("alba")).unwrap();
    let listening = office
        .append(
            Kind::Descriptor,
            &alba.descriptor(true).encode(),
            0,
            salt(8),
        )
        .unwrap();
    alba.hand_over(net.id(), &[listening]).await;
    let by_hand = crate::PeerAddress {
        address: "alba-by-hand:7470".into(),
        pins: vec![alba.pin],
    };
    bela.exchange
        .remember_peer(net.id(), &by_hand, None)
        .await
        .unwrap();
    alba.syncer.sync_round().await.unwrap();
    bela.syncer.sync_round().await.unwrap();
    let peers = bela.exchange.known_peers(net.id()).await.unwrap();
    assert_eq!(peers.len(), 2);
    let alba_known = peers
        .iter()
        .find(|peer| peer.node == Some(alba.node()))
        .unwrap();
    assert_eq!(alba_known.addresses, ["alba-by-hand:7470", "alba:7470"]);
    let named = crate::PeerAddress {
        address: "alba-named:7470".into(),
        pins: vec![alba.pin],
    };
    bela.exchange
        .remember_peer(net.id(), &named, Some(alba.node()))
        .await
        .unwrap();
    net.remove(&relay, alba.node()).await;
    bela.syncer.sync_round().await.unwrap();
    let peers = bela.exchange.known_peers(net.id()).await.unwrap();
    assert_eq!(
        peers.iter().map(|peer| peer.node).collect::<Vec<_>>(),
        [Some(relay.node())]
    );
}
