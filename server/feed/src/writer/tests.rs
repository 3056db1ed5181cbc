use super::*;
use crate::testing::{Net, Ngo, replay, salt};

#[test]
fn a_release_is_signed_by_a_centre_and_by_no_office() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let (mut office, _) = ngo.begin_office(net.id());
    let (mut centre, _) = ngo.begin_centre(net.id());
    assert_eq!(
        office.append(Kind::Release, b"", 0, salt(1)).unwrap_err(),
        AuthorError::KindNotHere
    );
    assert!(centre.append(Kind::Release, b"", 0, salt(1)).is_ok());
    for kind in [
        Kind::Descriptor,
        Kind::Roster,
        Kind::Admission,
        Kind::Template,
    ] {
        assert_eq!(
            centre.append(kind, b"", 0, salt(1)).unwrap_err(),
            AuthorError::KindNotHere
        );
        assert!(office.append(kind, b"", 0, salt(1)).is_ok());
    }
    for kind in [Kind::Inception, Kind::CentreInception, Kind::Epoch] {
        assert_eq!(
            centre.append(kind, b"", 0, salt(1)).unwrap_err(),
            AuthorError::KindNotHere
        );
        assert_eq!(
            office.append(kind, b"", 0, salt(1)).unwrap_err(),
            AuthorError::KindNotHere
        );
    }
}

#[test]
fn a_feed_is_taken_up_only_with_its_own_key() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let (author, _) = ngo.begin_centre(net.id());
    let resume = |key| Author::resume(author.state().clone(), key);
    assert!(resume(ngo.centre_key()).is_ok());
    assert_eq!(resume(ngo.office()).unwrap_err(), AuthorError::WrongKey);
    let empty = FeedState::empty(net.id(), author.state().writer());
    assert_eq!(
        Author::resume(empty, ngo.centre_key()).unwrap_err(),
        AuthorError::NotBegun
    );
    let begun = Author::begin_centre(net.id(), ngo.office(), &ngo.centre(), salt(1));
    assert_eq!(begun.unwrap_err(), AuthorError::WrongKey);
}

#[test]
fn the_longest_body_passes_and_one_byte_more_does_not() {
    let net = Net::new();
    let (mut author, first) = Ngo::new("alba").begin_centre(net.id());
    let longest = vec![7; limits::BODY_BYTES_MAX];
    let entry = author.append(Kind::Release, &longest, 0, salt(1)).unwrap();
    assert_eq!(entry.body(), Some(longest.as_slice()));
    replay(net.id(), author.state().writer(), &[first, entry]);
    let longer = vec![7; limits::BODY_BYTES_MAX + 1];
    assert_eq!(
        author
            .append(Kind::Release, &longer, 0, salt(1))
            .unwrap_err(),
        AuthorError::TooLong
    );
}

#[test]
fn an_epoch_does_not_open_on_another_feeds_header() {
    let net = Net::new();
    let (ngo, other) = (Ngo::new("alba"), Ngo::new("bela"));
    let (author, _) = ngo.begin_centre(net.id());
    let (_, foreign) = other.begin_centre(net.id());
    let standing = Standing::Header(&foreign.raw().header);
    let opened = Author::open_epoch(
        author.state(),
        &ngo.recovery(),
        ngo.office(),
        standing,
        salt(1),
    );
    assert_eq!(opened.unwrap_err(), AuthorError::NotOfThisFeed);
}

#[test]
fn a_tombstone_names_the_entry_whose_payload_may_go() {
    let net = Net::new();
    let (mut author, _) = Ngo::new("alba").begin_centre(net.id());
    let release = author.append(Kind::Release, b"x", 0, salt(1)).unwrap();
    let body = proto::Tombstone {
        entry: release.hash().into(),
    }
    .encode_to_vec();
    let tombstone = author.append(Kind::Tombstone, &body, 0, salt(2)).unwrap();
    assert_eq!(tombstone.tombstones(), Some(release.hash()));
    assert_eq!(release.tombstones(), None);
    let broken = author
        .append(Kind::Tombstone, b"\x0a\x01x", 0, salt(3))
        .unwrap();
    assert_eq!(broken.tombstones(), None);
}
