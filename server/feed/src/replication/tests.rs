use super::memory::{Fetched, Peer, Replica};
use super::*;
use crate::entry::{Kind, VerifiedEntry};
use crate::fault::EntryFault;
use crate::keys::WriterKey;
use crate::network::NetworkView;
use crate::testing::{Net, Ngo, salt};
use crate::writer::{Author, Standing};
use krog_proto::federation::v1 as proto;
use prost::Message;

fn wire<'a>(entries: impl IntoIterator<Item = &'a VerifiedEntry>) -> Vec<proto::Entry> {
    entries
        .into_iter()
        .map(|entry| entry.raw().to_proto())
        .collect()
}

/// A replica that knows `ngos` as members with their centres, and the authors of the centres.
fn replica(net: &Net, ngos: &[Ngo]) -> (Replica, Vec<Author>) {
    let mut replica = Replica::new(NetworkView::new(net.rosters.clone()));
    let mut authors = Vec::new();
    for ngo in ngos {
        replica.ingest(wire(&net.joins(ngo, 50).1));
        let (author, first) = ngo.begin_centre(net.id());
        replica.ingest(wire([&first]));
        authors.push(author);
    }
    (replica, authors)
}

fn ngos(count: usize) -> Vec<Ngo> {
    (0..count).map(|n| Ngo::new(&format!("ngo {n}"))).collect()
}

fn release(author: &mut Author, n: u64) -> VerifiedEntry {
    author
        .append(Kind::Release, &n.to_be_bytes(), 0, salt(n))
        .unwrap()
}

#[test]
fn one_poisoned_feed_among_twelve_stops_only_itself() {
    let net = Net::new();
    let (mut replica, mut authors) = replica(&net, &ngos(12));
    let mut batch = Vec::new();
    for author in &mut authors {
        batch.extend(wire(&[1, 2, 3].map(|n| release(author, n))));
    }
    // The second release of feed 5 has a payload that is not its own.
    let poisoned = authors[5].state().writer();
    batch[5 * 3 + 1].payload = batch[0].payload.clone();
    let outcomes = replica.ingest(batch);
    assert_eq!(outcomes.len(), 12);
    for outcome in outcomes {
        let seq = outcome.head.unwrap().place.seq;
        if outcome.writer == poisoned {
            assert_eq!((outcome.fault, seq), (Some(EntryFault::Payload), 1));
        } else {
            assert_eq!((outcome.fault, seq), (None, 3));
        }
    }
}

#[test]
fn a_batch_that_comes_twice_or_in_the_wrong_order_changes_nothing_wrongly() {
    let net = Net::new();
    let (mut replica, mut authors) = replica(&net, &ngos(1));
    let entries = [1, 2, 3].map(|n| release(&mut authors[0], n));
    let backwards: Vec<_> = entries.iter().rev().cloned().collect();
    assert_eq!(
        replica.ingest(wire(&backwards))[0].fault,
        Some(EntryFault::Gap)
    );
    assert_eq!(replica.ingest(wire(&entries))[0].taken, 3);
    let again = replica.ingest(wire(&entries))[0];
    assert_eq!((again.taken, again.fault), (0, None));
    assert_eq!(again.to_proto().fault(), proto::EntryFault::Unspecified);
}

#[test]
fn an_entry_that_does_not_even_tell_its_feed_is_passed_over() {
    let net = Net::new();
    let (mut replica, mut authors) = replica(&net, &ngos(1));
    let garbage = proto::Entry {
        header: vec![0xff; 40],
        signature: vec![0; 64],
        payload: None,
    };
    let mut batch = vec![garbage.clone()];
    batch.extend(wire([&release(&mut authors[0], 1)]));
    let sorted = sort_batch(net.id(), batch.clone());
    assert_eq!((sorted.unreadable, sorted.feeds.len()), (1, 1));
    assert_eq!(replica.ingest(batch)[0].taken, 1);
    let too_many = vec![garbage; limits::BATCH_ENTRIES + 5];
    assert_eq!(
        sort_batch(net.id(), too_many).unreadable,
        limits::BATCH_ENTRIES
    );
}

#[test]
fn a_batch_keeps_to_entries_and_bytes_and_is_never_empty() {
    let net = Net::new();
    let (_, mut authors) = replica(&net, &ngos(1));
    let big = vec![1; limits::BODY_BYTES_MAX];
    let entries: Vec<_> = (0..6)
        .map(|n| {
            authors[0]
                .append(Kind::Release, &big, 0, salt(n))
                .unwrap()
                .into_raw()
        })
        .collect();
    let (batch, more) = fill_batch(entries.clone(), 256);
    assert_eq!((batch.len(), more), (3, true));
    let message = proto::PushEntriesRequest {
        network: net.id().into(),
        entries: batch.iter().map(RawEntry::to_proto).collect(),
    };
    assert!(message.encoded_len() <= limits::BATCH_BYTES);
    assert_eq!(fill_batch(entries.clone(), 2).0.len(), 2);
    assert!(!fill_batch(entries.into_iter().take(1), 2).1);
    let small = std::iter::repeat_n(release(&mut authors[0], 9).into_raw(), 300);
    assert_eq!(fill_batch(small, 1_000).0.len(), limits::BATCH_ENTRIES);
}

#[test]
fn stepping_back_doubles_and_ends_at_the_start() {
    let head = Place { epoch: 2, seq: 10 };
    let steps: Vec<_> = (0..70)
        .map(|attempt| step_back(head, attempt).map(|p| p.seq))
        .collect();
    assert_eq!(steps[..5], [Some(9), Some(8), Some(6), Some(2), None]);
    assert!(steps[5..].iter().all(Option::is_none));
}

#[test]
fn a_withheld_payload_is_fetched_from_another_peer() {
    let net = Net::new();
    let (mut whole, mut authors) = replica(&net, &ngos(1));
    let mut lacking = whole.clone();
    let entries = [1, 2, 3].map(|n| release(&mut authors[0], n));
    whole.ingest(wire(&entries));
    let mut bare = wire(&entries);
    bare[1].payload = None;
    assert_eq!(lacking.ingest(bare)[0].fault, None);
    lacking.sync_with(&mut whole);
    let writer = authors[0].state().writer();
    assert!(lacking.standing(writer).eq(whole.standing(writer)));
}

#[test]
fn a_payload_dropped_after_a_tombstone_is_not_asked_for_again() {
    let net = Net::new();
    let (mut replica, mut authors) = replica(&net, &ngos(1));
    let writer = authors[0].state().writer();
    let first = release(&mut authors[0], 1);
    let body = proto::Tombstone {
        entry: first.hash().into(),
    }
    .encode_to_vec();
    let tombstone = authors[0]
        .append(Kind::Tombstone, &body, 0, salt(2))
        .unwrap();
    let inception_goes = proto::Tombstone {
        entry: crate::ids::HeaderHash::of(&replica.standing(writer).next().unwrap().header).into(),
    };
    let over = authors[0]
        .append(Kind::Tombstone, &inception_goes.encode_to_vec(), 0, salt(3))
        .unwrap();
    replica.ingest(wire([&first, &tombstone, &over]));
    let lacking: Vec<_> = replica
        .standing(writer)
        .map(|raw| raw.payload.is_none())
        .collect();
    assert_eq!(lacking, [false, true, false, false]);
    // Offered again, it stays dropped.
    assert_eq!(replica.ingest(wire([&first]))[0].taken, 0);
    assert!(
        replica
            .entry(writer, first.hash())
            .unwrap()
            .payload
            .is_none()
    );
}

#[test]
fn a_fork_is_proved_to_a_peer_that_saw_only_one_branch_and_settled_at_both() {
    let net = Net::new();
    let ngos = ngos(2);
    let (mut one, mut authors) = replica(&net, &ngos);
    let mut other = one.clone();
    let writer = authors[0].state().writer();
    let mut twin = authors[0].clone();
    let left = [1, 2, 3].map(|n| release(&mut authors[0], n));
    let right = [11, 12, 13, 14, 15].map(|n| release(&mut twin, n));
    one.ingest(wire(&left));
    other.ingest(wire(&right));
    one.sync_with(&mut other);
    other.sync_with(&mut one);
    for replica in [&one, &other] {
        assert_eq!(
            replica.state(writer).unwrap().disputed(),
            Some(Place { epoch: 0, seq: 1 })
        );
        assert!(replica.proof(writer).is_some());
    }
    // The owner says that the right branch stands, at the node that holds the left one.
    let key = WriterKey::from_seed([3; 32]);
    let standing = Standing::Header(&right[4].raw().header);
    let (mut author, opening) = Author::open_epoch(
        other.state(writer).unwrap(),
        &ngos[0].recovery(),
        key,
        standing,
        salt(20),
    )
    .unwrap();
    assert_eq!(other.ingest(wire([&opening]))[0].fault, None);
    let next = release(&mut author, 21);
    other.ingest(wire([&next]));
    one.sync_with(&mut other);
    for replica in [&one, &other] {
        let state = replica.state(writer).unwrap();
        assert_eq!(state.head(), author.state().head());
        assert_eq!(state.signing_key(), author.state().signing_key());
        let hashes: Vec<_> = replica.standing(writer).map(RawEntry::hash).collect();
        assert_eq!(hashes.len(), 1 + 5 + 2);
        assert_eq!(hashes[1..6], right.each_ref().map(VerifiedEntry::hash));
    }
}

#[test]
fn a_settled_fork_reaches_a_relay_that_never_dials() {
    let net = Net::new();
    let ngos = ngos(1);
    let (mut relay, mut authors) = replica(&net, &ngos);
    let mut home = relay.clone();
    let writer = authors[0].state().writer();
    let mut twin = authors[0].clone();
    relay.ingest(wire(&[1, 2].map(|n| release(&mut authors[0], n))));
    home.ingest(wire(&[11, 12].map(|n| release(&mut twin, n))));
    let key = WriterKey::from_seed([3; 32]);
    let state = home.state(writer).unwrap();
    let (author, opening) =
        Author::open_epoch(state, &ngos[0].recovery(), key, Standing::Head, salt(20)).unwrap();
    home.ingest(wire([&opening]));
    home.sync_with(&mut relay);
    assert_eq!(relay.state(writer).unwrap().head(), author.state().head());
    assert!(relay.standing(writer).eq(home.standing(writer)));
}

#[test]
fn what_a_roster_shuts_out_is_not_offered_round_after_round() {
    struct Counting<'a>(&'a mut Replica, usize);
    impl Peer for Counting<'_> {
        fn heads(&mut self) -> Option<(Vec<Head>, Vec<proto::ForkProof>)> {
            self.0.heads()
        }
        fn fetch(&mut self, fetch: Fetch) -> Option<Fetched> {
            self.1 += 1;
            self.0.fetch(fetch)
        }
        fn push(&mut self, entries: Vec<proto::Entry>) -> Option<Vec<FeedOutcome>> {
            self.1 += 1;
            self.0.push(entries)
        }
    }
    let net = Net::new();
    let ngos = ngos(1);
    let (mut longer, mut authors) = replica(&net, &ngos);
    let releases = [1, 2, 3].map(|n| release(&mut authors[0], n));
    let mut shorter = longer.clone();
    longer.ingest(wire(&releases));
    shorter.ingest(wire(&releases[..1]));
    let last = shorter
        .state(authors[0].state().writer())
        .unwrap()
        .head()
        .unwrap();
    let mut second = net.rosters.draft_next();
    second
        .removed
        .insert(ngos[0].node(), BTreeMap::from([(last.writer, last)]));
    let (mut office, first) = net.founder.begin_office(net.id());
    let body = second
        .signed_by(net.founder.node(), &net.founder.office())
        .encode();
    let roster = office.append(Kind::Roster, &body, 0, salt(1)).unwrap();
    for replica in [&mut longer, &mut shorter] {
        replica.ingest(wire([&first, &roster]));
        assert!(replica.view().removed(ngos[0].node()));
    }
    let mut peer = Counting(&mut shorter, 0);
    longer.sync_with(&mut peer);
    assert_eq!(peer.1, 0);
    let mut peer = Counting(&mut longer, 0);
    shorter.sync_with(&mut peer);
    assert_eq!(peer.1, 0);
}

#[test]
fn a_peer_that_never_comes_to_an_end_is_left_in_the_end() {
    struct Endless(proto::Entry, Head);
    impl Peer for Endless {
        fn heads(&mut self) -> Option<(Vec<Head>, Vec<proto::ForkProof>)> {
            Some((vec![self.1], Vec::new()))
        }
        fn fetch(&mut self, _: Fetch) -> Option<Fetched> {
            Some(Fetched {
                entries: vec![self.0.clone()],
                unknown_place: false,
                more: true,
            })
        }
        fn push(&mut self, _: Vec<proto::Entry>) -> Option<Vec<FeedOutcome>> {
            None
        }
    }
    let net = Net::new();
    let (mut replica, mut authors) = replica(&net, &ngos(1));
    let entry = release(&mut authors[0], 1);
    replica.ingest(wire([&entry]));
    let mut head = authors[0].state().head().unwrap();
    head.place.seq = limits::SEQ_MAX;
    head.hash = crate::ids::HeaderHash::of(b"far ahead");
    replica.sync_with(&mut Endless(entry.raw().to_proto(), head));
    assert_eq!(replica.state(head.writer), Some(authors[0].state()));
}
