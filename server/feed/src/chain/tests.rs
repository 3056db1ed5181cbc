use super::*;
use crate::entry::{Kind, VerifiedEntry};
use crate::ids::PayloadHash;
use crate::keys::WriterKey;
use crate::testing::{Net, Ngo, next, replay, salt, seed};
use crate::writer::{Author, Standing};
use krog_proto::federation::v1 as proto;
use proptest::prelude::*;
use prost::Message;

struct Feed {
    net: Net,
    ngo: Ngo,
    author: Author,
    entries: Vec<VerifiedEntry>,
}

/// A centre's feed of `length` entries.
fn feed(length: u64) -> Feed {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let (mut author, first) = ngo.begin_centre(net.id());
    let mut entries = vec![first];
    for n in 1..length {
        entries.push(
            author
                .append(Kind::Release, &n.to_be_bytes(), 0, salt(n))
                .unwrap(),
        );
    }
    Feed {
        net,
        ngo,
        author,
        entries,
    }
}

impl Feed {
    fn upto(&self, length: usize) -> FeedState {
        let state = self.author.state();
        replay(state.network(), state.writer(), &self.entries[..length])
    }

    /// Another entry at the place of `entries[at]`, signed with the same key.
    fn rival(&self, at: usize, body: &[u8]) -> VerifiedEntry {
        let mut author = Author::resume(self.upto(at), self.ngo.centre_key()).unwrap();
        author.append(Kind::Release, body, 0, salt(99)).unwrap()
    }

    fn surroundings(&self, arrival: &Arrival) -> Surroundings {
        around(&self.entries, arrival)
    }
}

fn around(stored: &[VerifiedEntry], arrival: &Arrival) -> Surroundings {
    let place = arrival.header().place();
    let at_place = |e: &&VerifiedEntry| e.header().place() == place && e.hash() != arrival.hash();
    let same = stored.iter().find(|e| e.hash() == arrival.hash());
    Surroundings {
        same: same.map(|e| Stored {
            wants_payload: e.raw().payload.is_none(),
        }),
        rival: stored.iter().find(at_place).map(|e| e.raw().clone()),
        parent: stored
            .iter()
            .find(|e| Some(e.hash()) == arrival.header().previous)
            .map(|e| e.header().clone()),
    }
}

fn arrival(entry: &VerifiedEntry) -> Arrival {
    Arrival::parse(entry.raw().clone()).unwrap()
}

/// Changes a header and signs it again.
fn resigned(entry: &VerifiedEntry, key: &WriterKey, change: impl FnOnce(&mut Header)) -> RawEntry {
    let mut header = entry.header().clone();
    change(&mut header);
    let bytes = header.encode();
    RawEntry {
        signature: key.sign(Domain::Entry, &bytes),
        header: bytes,
        payload: entry.raw().payload.clone(),
    }
}

fn fault(step: Result<Step, EntryFault>) -> EntryFault {
    step.unwrap_err()
}

#[test]
fn a_feed_replays_to_the_state_its_author_has() {
    let feed = feed(5);
    assert_eq!(&feed.upto(5), feed.author.state());
    let head = feed.author.state().head().unwrap();
    assert_eq!(head.place, Place { epoch: 0, seq: 4 });
    assert_eq!(head.hash, feed.entries[4].hash());
    assert_eq!(
        feed.author.state().origin(),
        Some(Origin::Centre(feed.ngo.node()))
    );
}

#[test]
fn a_feed_starts_with_the_inception_that_makes_its_writer() {
    let feed = feed(2);
    let empty = feed.upto(0);
    assert_eq!(fault(next(&empty, feed.entries[1].raw())), EntryFault::Gap);
    let without = feed.entries[0].raw().without_payload();
    assert_eq!(fault(next(&empty, &without)), EntryFault::Payload);
    // The inception of another centre under this writer.
    let other = Ngo::new("bela").begin_centre(feed.net.id()).1;
    let stolen = resigned(&other, &Ngo::new("bela").centre_key(), |h| {
        h.writer = empty.writer()
    });
    assert!(matches!(
        fault(next(&empty, &stolen)),
        EntryFault::Malformed(_)
    ));
    // The right record, signed by somebody else.
    let forged = resigned(&feed.entries[0], &WriterKey::from_seed([1; 32]), |_| {});
    assert_eq!(fault(next(&empty, &forged)), EntryFault::Signature);
    // A release cannot be first.
    let release = resigned(&feed.entries[0], &feed.ngo.centre_key(), |h| {
        h.kind = Kind::Release
    });
    assert!(matches!(
        fault(next(&empty, &release)),
        EntryFault::Malformed(_)
    ));
    // An office's record does not begin a centre.
    let swapped = resigned(&feed.entries[0], &feed.ngo.centre_key(), |h| {
        h.kind = Kind::Inception
    });
    assert!(next(&empty, &swapped).is_err());
}

#[test]
fn an_entry_of_another_network_is_refused() {
    let feed = feed(3);
    let moved = resigned(&feed.entries[2], &feed.ngo.centre_key(), |h| {
        h.network = NetworkId::of(b"x")
    });
    assert_eq!(fault(next(&feed.upto(2), &moved)), EntryFault::WrongNetwork);
}

#[test]
fn a_missing_entry_is_a_gap() {
    let feed = feed(4);
    assert_eq!(
        fault(next(&feed.upto(2), feed.entries[3].raw())),
        EntryFault::Gap
    );
}

#[test]
fn a_swapped_payload_is_refused() {
    let feed = feed(3);
    let mut swapped = feed.entries[2].raw().clone();
    swapped.payload = feed.entries[1].raw().payload.clone();
    assert_eq!(fault(next(&feed.upto(2), &swapped)), EntryFault::Payload);
}

#[test]
fn a_withheld_release_does_not_stop_the_chain_and_is_filled_in_later() {
    let feed = feed(4);
    let bare = feed.entries[2].raw().without_payload();
    let Ok(Step::Appended(stored, state)) = next(&feed.upto(2), &bare) else {
        panic!("not appended");
    };
    assert_eq!(stored.body(), None);
    let Ok(Step::Appended(_, state)) = next(&state, feed.entries[3].raw()) else {
        panic!("not appended");
    };
    let late = arrival(&feed.entries[2]);
    assert!(state.inquiry(&late).is_some());
    let around = around(&[feed.entries[1].clone(), stored], &late);
    let Ok(Step::PayloadFilled { hash, payload, .. }) = state.accept(late, &around) else {
        panic!("not filled");
    };
    assert_eq!(hash, feed.entries[2].hash());
    assert_eq!(Some(&payload), feed.entries[2].raw().payload.as_ref());
}

#[test]
fn a_withheld_descriptor_is_refused_until_it_comes_whole() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let (_, entries) = net.joins(&ngo, 3);
    let state = replay(net.id(), ngo.node().into(), &entries[..2]);
    assert_eq!(
        fault(next(&state, &entries[2].raw().without_payload())),
        EntryFault::Payload
    );
    assert!(matches!(
        next(&state, entries[2].raw()),
        Ok(Step::Appended(..))
    ));
}

#[test]
fn a_known_entry_changes_nothing_even_with_another_signature() {
    let feed = feed(3);
    for known in &feed.entries {
        let mut raw = known.raw().clone();
        raw.signature = feed.entries[0].raw().signature;
        let known = Arrival::parse(raw).unwrap();
        let around = feed.surroundings(&known);
        assert!(matches!(
            feed.upto(3).accept(known, &around),
            Ok(Step::Duplicate)
        ));
    }
}

#[test]
fn two_headers_at_one_place_freeze_the_feed_and_prove_the_fork() {
    let feed = feed(5);
    for at in 1..5 {
        let rival = arrival(&feed.rival(at, b"other"));
        let state = feed.upto(5);
        let around = feed.surroundings(&rival);
        let Ok(Step::Fork { proof, state, .. }) = state.accept(rival.clone(), &around) else {
            panic!("no fork at {at}");
        };
        let place = Place {
            epoch: 0,
            seq: at as u64,
        };
        assert_eq!((proof.place(), state.disputed()), (place, Some(place)));
        assert!(state.head().unwrap().frozen);
        assert!(state.is_undisputed(Place {
            epoch: 0,
            seq: at as u64 - 1
        }));
        assert!(!state.is_undisputed(place));
        // The proof convinces who has seen neither branch so far, and who has seen the whole of one.
        let claim = ForkClaim::parse(proof.to_proto()).unwrap();
        for other in [feed.upto(1), feed.upto(5)] {
            let (_, other) = other.judge(&claim).unwrap().unwrap();
            assert_eq!(other.disputed(), Some(place));
            assert!(other.judge(&claim).unwrap().is_none());
        }
        assert_eq!(
            Author::resume(state, feed.ngo.centre_key()).unwrap_err(),
            crate::writer::AuthorError::Frozen
        );
    }
}

#[test]
fn nobody_can_accuse_a_writer_without_its_key() {
    let feed = feed(4);
    let rival = feed.rival(2, b"other");
    let mut forged = rival.raw().clone();
    forged.signature = WriterKey::from_seed([5; 32]).sign(Domain::Entry, &forged.header);
    let around = feed.surroundings(&arrival(&rival));
    let step = feed
        .upto(4)
        .accept(Arrival::parse(forged.clone()).unwrap(), &around);
    assert_eq!(fault(step), EntryFault::Signature);
    let claim = proto::ForkProof {
        first: Some(feed.entries[2].raw().to_proto()),
        second: Some(forged.to_proto()),
    };
    let claim = ForkClaim::parse(claim).unwrap();
    assert_eq!(
        feed.upto(4).judge(&claim).unwrap_err(),
        EntryFault::Signature
    );
    // Neither are two signatures of one header, nor headers at two places, a fork.
    for (a, b) in [(2, 2), (1, 2)] {
        let same = proto::ForkProof {
            first: Some(feed.entries[a].raw().to_proto()),
            second: Some(feed.entries[b].raw().to_proto()),
        };
        assert!(ForkClaim::parse(same).is_err());
    }
}

#[test]
fn a_frozen_feed_still_catches_up_before_the_dispute_and_no_further() {
    let feed = feed(5);
    let rival = feed.rival(3, b"other");
    let proof = proto::ForkProof {
        first: Some(feed.entries[3].raw().to_proto()),
        second: Some(rival.raw().to_proto()),
    };
    let claim = ForkClaim::parse(proof).unwrap();
    let (_, state) = feed.upto(2).judge(&claim).unwrap().unwrap();
    let two = arrival(&feed.entries[2]);
    let Ok(Step::Appended(_, state)) =
        state.accept(two, &around(&feed.entries[..2], &arrival(&feed.entries[2])))
    else {
        panic!("not appended");
    };
    for entry in [&feed.entries[3], &rival] {
        let around = around(&feed.entries[..3], &arrival(entry));
        assert!(matches!(
            state.accept(arrival(entry), &around),
            Ok(Step::Kept(..))
        ));
    }
}

#[test]
fn the_recovery_key_settles_a_fork_on_either_branch_or_before_both() {
    let feed = feed(5);
    let rival = feed.rival(3, b"other");
    let around_rival = feed.surroundings(&arrival(&rival));
    let Ok(Step::Fork { state: frozen, .. }) = feed.upto(5).accept(arrival(&rival), &around_rival)
    else {
        panic!("no fork");
    };
    let stored = [feed.entries.clone(), vec![rival.clone()]].concat();
    for standing in [&feed.entries[4], &feed.entries[3], &rival, &feed.entries[1]] {
        let new_key = WriterKey::from_seed(seed("new"));
        let (mut author, opening) = Author::open_epoch(
            &frozen,
            &feed.ngo.recovery(),
            new_key.clone(),
            Standing::Header(&standing.raw().header),
            salt(50),
        )
        .unwrap();
        let around = around(&stored, &arrival(&opening));
        let Ok(Step::Opened { rebased, state, .. }) = frozen.accept(arrival(&opening), &around)
        else {
            panic!("not opened");
        };
        assert_eq!(rebased, standing.hash() != feed.entries[4].hash());
        assert_eq!(&state, author.state());
        assert!(!state.is_frozen());
        assert_eq!(state.signing_key(), Some(new_key.public()));
        let after = author.append(Kind::Release, b"after", 0, salt(51)).unwrap();
        assert!(matches!(next(&state, after.raw()), Ok(Step::Appended(..))));
        // The old key, should a thief have it, signs nothing more that counts.
        let mut thief = Author::resume(feed.upto(5), feed.ngo.centre_key()).unwrap();
        let late = thief.append(Kind::Release, b"late", 0, salt(52)).unwrap();
        let around = self::around(&stored, &arrival(&late));
        let step = state.accept(arrival(&late), &around).unwrap();
        assert!(matches!(step, Step::Kept(..)), "{step:?}");
        let again = feed.rival(2, b"again");
        let around = self::around(&stored, &arrival(&again));
        let step = state.accept(arrival(&again), &around).unwrap();
        assert!(matches!(step, Step::Kept(..)), "{step:?}");
        // Who has only the standing branch takes the opening too.
        let upto = stored
            .iter()
            .position(|e| e.hash() == standing.hash())
            .unwrap();
        if upto < 5 {
            let step = next(&feed.upto(upto + 1), opening.raw()).unwrap();
            assert!(matches!(step, Step::Opened { rebased: false, .. }));
        }
    }
}

#[test]
fn only_the_recovery_key_opens_an_epoch() {
    let feed = feed(3);
    let state = feed.upto(3);
    let key = WriterKey::from_seed([9; 32]);
    let wrong = crate::keys::RecoveryKey::from_seed([9; 32]);
    let refused = Author::open_epoch(&state, &wrong, key.clone(), Standing::Head, salt(1));
    assert_eq!(refused.unwrap_err(), crate::writer::AuthorError::WrongKey);
    let (_, opening) = Author::open_epoch(
        &state,
        &feed.ngo.recovery(),
        key.clone(),
        Standing::Head,
        salt(1),
    )
    .unwrap();
    // The writer's own key does not do.
    let forged = resigned(&opening, &feed.ngo.centre_key(), |_| {});
    assert_eq!(fault(next(&state, &forged)), EntryFault::Signature);
    // Neither does a recovery key of one's own, shown in the opening.
    let body = proto::EpochOpening {
        recovery_key: wrong.public().into(),
        signing_key: key.public().into(),
    };
    let payload = [salt(1).as_slice(), &body.encode_to_vec()].concat();
    let mut header = opening.header().clone();
    header.payload_hash = PayloadHash::of(&payload);
    header.payload_length = payload.len() as u32;
    let bytes = header.encode();
    let own = RawEntry {
        signature: wrong.sign(Domain::Entry, &bytes),
        header: bytes,
        payload: Some(payload),
    };
    assert_eq!(fault(next(&state, &own)), EntryFault::Signature);
    // Without its payload the new key is not known.
    assert_eq!(
        fault(next(&state, &opening.raw().without_payload())),
        EntryFault::Payload
    );
    // An opening is first in its epoch, and nothing else is.
    let late = resigned(&opening, &feed.ngo.centre_key(), |h| h.seq = 1);
    assert!(matches!(
        fault(next(&state, &late)),
        EntryFault::Malformed(_)
    ));
    let release = resigned(&opening, &feed.ngo.centre_key(), |h| h.kind = Kind::Release);
    assert!(matches!(
        fault(next(&state, &release)),
        EntryFault::Malformed(_)
    ));
    // After a header that nobody here knows it does not stand.
    let floating = {
        let mut header = opening.header().clone();
        header.previous = Some(HeaderHash::of(b"nowhere"));
        let bytes = header.encode();
        RawEntry {
            signature: feed.ngo.recovery().sign(Domain::Entry, &bytes),
            header: bytes,
            payload: opening.raw().payload.clone(),
        }
    };
    assert_eq!(fault(next(&state, &floating)), EntryFault::Gap);
}

#[test]
fn two_openings_of_one_epoch_are_a_fork_that_the_next_one_settles() {
    let feed = feed(3);
    let state = feed.upto(3);
    let recovery = feed.ngo.recovery();
    let open = |text: &str, state: &FeedState, standing: Standing<'_>| {
        let key = WriterKey::from_seed(seed(text));
        Author::open_epoch(state, &recovery, key, standing, salt(60)).unwrap()
    };
    let (one, first) = open("one", &state, Standing::Head);
    let (mut two, second) = open("two", &state, Standing::Head);
    let stored = [feed.entries.clone(), vec![first.clone()]].concat();
    let Ok(Step::Fork { state: frozen, .. }) = one
        .state()
        .accept(arrival(&second), &around(&stored, &arrival(&second)))
    else {
        panic!("no fork");
    };
    assert_eq!(frozen.disputed(), Some(Place { epoch: 1, seq: 0 }));
    // The second branch is kept, so that a third opening may stand on it.
    let stored = [stored, vec![second]].concat();
    let more = two.append(Kind::Release, b"two", 0, salt(61)).unwrap();
    let Ok(Step::Kept(_, frozen)) =
        frozen.accept(arrival(&more), &around(&stored, &arrival(&more)))
    else {
        panic!("not kept");
    };
    let stored = [stored, vec![more.clone()]].concat();
    let (_, third) = open("three", &frozen, Standing::Header(&more.raw().header));
    let step = frozen
        .accept(arrival(&third), &around(&stored, &arrival(&third)))
        .unwrap();
    assert!(matches!(step, Step::Opened { rebased: true, .. }));
}

#[test]
fn an_unknown_kind_and_a_newer_body_are_carried_but_not_read() {
    let mut feed = feed(2);
    let unknown = feed
        .author
        .append(Kind::from_number(40).unwrap(), b"pool", 0, salt(1))
        .unwrap();
    let newer = feed
        .author
        .append(Kind::Release, b"newer", limits::PROTOCOL + 1, salt(2))
        .unwrap();
    let known = feed
        .author
        .append(Kind::Release, b"known", limits::PROTOCOL, salt(3))
        .unwrap();
    let bodies = [unknown, newer, known].map(|e| (e.body().is_some(), e.readable_body().is_some()));
    assert_eq!(bodies, [(true, false), (true, false), (true, true)]);
}

#[test]
fn unknown_kinds_are_under_a_quota() {
    let feed = feed(2);
    let mut state = feed.upto(2);
    let begun = state.begun.as_mut().unwrap();
    begun.unreadable.entries = limits::UNREADABLE_ENTRIES;
    let unknown = resigned(&feed.rival(2, b"x"), &feed.ngo.centre_key(), |h| {
        h.kind = Kind::from_number(40).unwrap()
    });
    assert_eq!(fault(next(&state, &unknown)), EntryFault::Quota);
    let begun = state.begun.as_mut().unwrap();
    begun.unreadable = Usage {
        entries: 0,
        bytes: limits::UNREADABLE_BYTES,
    };
    assert_eq!(fault(next(&state, &unknown)), EntryFault::Quota);
    assert!(matches!(
        next(&state, feed.rival(2, b"x").raw()),
        Ok(Step::Appended(..))
    ));
    let begun = state.begun.as_mut().unwrap();
    begun.payload_bytes = limits::FEED_BYTES;
    assert_eq!(
        fault(next(&state, feed.rival(2, b"x").raw())),
        EntryFault::Quota
    );
}

#[test]
fn an_inception_in_the_middle_is_refused() {
    let feed = feed(2);
    for kind in [Kind::Inception, Kind::CentreInception] {
        let raw = resigned(&feed.rival(2, b"x"), &feed.ngo.centre_key(), |h| {
            h.kind = kind
        });
        assert!(matches!(
            fault(next(&feed.upto(2), &raw)),
            EntryFault::Malformed(_)
        ));
    }
}

#[test]
fn a_chain_that_parted_earlier_is_named_a_fork_so_that_the_earlier_entries_are_fetched() {
    let feed = feed(4);
    let mut other = Author::resume(feed.upto(3), feed.ngo.centre_key()).unwrap();
    other
        .append(Kind::Release, b"other 3", 0, salt(70))
        .unwrap();
    let four = other
        .append(Kind::Release, b"other 4", 0, salt(71))
        .unwrap();
    let around = feed.surroundings(&arrival(&four));
    assert_eq!(
        fault(feed.upto(4).accept(arrival(&four), &around)),
        EntryFault::Fork
    );
}

#[test]
fn branches_kept_aside_are_under_a_quota_and_evidence_is_not() {
    let feed = feed(5);
    let mut state = feed.upto(5);
    state.begun.as_mut().unwrap().aside.entries = limits::ASIDE_ENTRIES;
    let rival = arrival(&feed.rival(3, b"other"));
    let around = feed.surroundings(&rival);
    let Ok(Step::Fork { state, .. }) = state.accept(rival, &around) else {
        panic!("no fork");
    };
    let third = arrival(&feed.rival(4, b"third"));
    let around = feed.surroundings(&third);
    assert_eq!(fault(state.accept(third, &around)), EntryFault::Quota);
}

#[test]
fn a_state_survives_its_store() {
    let feed = feed(4);
    let rival = arrival(&feed.rival(2, b"other"));
    let around = feed.surroundings(&rival);
    let Ok(Step::Fork { state: frozen, .. }) = feed.upto(4).accept(rival, &around) else {
        panic!("no fork");
    };
    let key = WriterKey::from_seed([8; 32]);
    let (opened, _) =
        Author::open_epoch(&frozen, &feed.ngo.recovery(), key, Standing::Head, salt(1)).unwrap();
    for state in [
        feed.upto(0),
        feed.upto(1),
        feed.upto(4),
        frozen,
        opened.state().clone(),
    ] {
        let bytes = state.to_bytes();
        assert_eq!(FeedState::from_bytes(&bytes).unwrap(), state);
        for length in 0..bytes.len() {
            assert_eq!(FeedState::from_bytes(&bytes[..length]), Err(NotAState));
        }
        assert_eq!(
            FeedState::from_bytes(&[bytes.as_slice(), &[0]].concat()),
            Err(NotAState)
        );
        assert_eq!(
            FeedState::from_bytes(&[&[9], &bytes[1..]].concat()),
            Err(NotAState)
        );
    }
}

fn header() -> impl Strategy<Value = Header> {
    let hashes = (
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
    );
    let numbers = (
        0..=limits::EPOCH_MAX,
        0..=limits::SEQ_MAX,
        1..=u16::MAX,
        any::<u16>(),
        16_u32..=262_144,
    );
    (hashes, numbers).prop_map(
        |((network, writer, previous, payload), (epoch, seq, kind, min_reader, length))| Header {
            network: network.into(),
            writer: writer.into(),
            epoch,
            seq,
            previous: (epoch > 0 || seq > 0).then(|| previous.into()),
            kind: Kind::from_number(kind).unwrap(),
            min_reader,
            payload_hash: PayloadHash::new(payload),
            payload_length: length,
        },
    )
}

proptest! {
    #[test]
    fn a_header_reads_back_from_its_bytes(header in header()) {
        let bytes = header.encode();
        prop_assert!(bytes.len() <= limits::HEADER_BYTES);
        prop_assert_eq!(Header::parse(&bytes), Ok(header));
    }

    #[test]
    fn any_changed_byte_of_an_entry_is_refused(which in 0_usize..3, at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let feed = feed(3);
        let state = feed.upto(2);
        let mut raw = feed.entries[2].raw().clone();
        match which {
            0 => { let i = at.index(raw.header.len()); raw.header[i] ^= flip; }
            1 => {
                let mut bytes = *raw.signature.as_bytes();
                bytes[at.index(64)] ^= flip;
                raw.signature = crate::keys::Signature::new(bytes);
            }
            _ => {
                let payload = raw.payload.as_mut().unwrap();
                let i = at.index(payload.len());
                payload[i] ^= flip;
            }
        }
        prop_assert!(next(&state, &raw).is_err());
    }

    #[test]
    fn random_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Header::parse(&bytes);
        let _ = FeedState::from_bytes(&bytes);
        if let Ok(entry) = proto::Entry::decode(bytes.as_slice()) {
            let _ = RawEntry::parse(entry).and_then(Arrival::parse);
        }
        if let Ok(proof) = proto::ForkProof::decode(bytes.as_slice()) {
            let _ = ForkClaim::parse(proof);
        }
        if let Ok(head) = proto::Head::decode(bytes.as_slice()) {
            let _ = Head::parse(&head);
        }
    }

    #[test]
    fn fields_out_of_range_are_refused(change in 0_usize..9) {
        let feed = feed(2);
        let mut wire = proto::EntryHeader::decode(feed.entries[1].raw().header.as_slice()).unwrap();
        match change {
            0 => wire.kind = 0,
            1 => wire.kind = 65_536,
            2 => wire.payload_length = 15,
            3 => wire.payload_length = 262_145,
            4 => wire.seq = limits::SEQ_MAX + 1,
            5 => wire.epoch = limits::EPOCH_MAX + 1,
            6 => wire.previous = vec![1; 31],
            7 => wire.previous.clear(),
            _ => wire.min_reader = 65_536,
        }
        prop_assert!(matches!(Header::parse(&wire.encode_to_vec()), Err(EntryFault::Malformed(_))));
    }
}
