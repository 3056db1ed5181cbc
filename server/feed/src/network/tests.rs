use super::*;
use crate::chain::{FeedState, Head};
use crate::entry::{Arrival, Place};
use crate::fault::EntryFault;
use crate::invitation::Invitation;
use crate::invitation::{SignedInvitation, admission_for, sign_invitation};
use crate::roster::Roster;
use crate::testing::{Net, Ngo, salt};
use crate::writer::Author;

fn arrivals(entries: &[VerifiedEntry]) -> Vec<Arrival> {
    entries
        .iter()
        .map(|e| Arrival::parse(e.raw().clone()).unwrap())
        .collect()
}

fn allowance(
    view: &NetworkView,
    writer: impl Into<WriterId>,
    entries: &[VerifiedEntry],
) -> Result<Allowance, EntryFault> {
    let state = FeedState::empty(view.network(), writer.into());
    view.allowance(&state, &arrivals(entries))
}

fn shown(view: &mut NetworkView, entries: &[VerifiedEntry]) {
    for entry in entries {
        view.observe(entry);
    }
}

fn signed(net: &Net, roster: &Roster) -> SignedRoster {
    roster.signed_by(net.founder.node(), &net.founder.office())
}

#[test]
fn a_newcomers_feed_is_taken_because_it_shows_an_invitation() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let mut view = NetworkView::new(net.rosters.clone());
    let (_, entries) = net.joins(&ngo, 2);
    let writer = WriterId::from(ngo.node());
    assert_eq!(view.standing(writer), Standing::Stranger);
    assert_eq!(allowance(&view, writer, &entries), Ok(Allowance::All));
    assert_eq!(
        allowance(&view, writer, &entries[..1]),
        Err(EntryFault::NotAMember)
    );
    assert_eq!(
        allowance(&view, writer, &entries[1..]),
        Err(EntryFault::NotAMember)
    );
    let shuffled = [0, 2, 1].map(|n| entries[n].clone());
    assert_eq!(
        allowance(&view, writer, &shuffled),
        Err(EntryFault::NotAMember)
    );
    // The inception may have come alone before.
    let begun = crate::testing::replay(net.id(), writer, &entries[..1]);
    assert_eq!(
        view.allowance(&begun, &arrivals(&entries[1..])),
        Ok(Allowance::All)
    );
    shown(&mut view, &entries);
    assert_eq!(view.standing(writer), Standing::Member(ngo.node()));
    assert_eq!(view.node_by_pin(ngo.pin()), Some(ngo.node()));
    assert!(view.holds_pin(ngo.node(), ngo.pin()));
    assert_eq!(view.names().count(), 1);
    assert_eq!(view.peers().count(), 1);
    assert_eq!(view.members().count(), 2);
}

#[test]
fn a_stranger_without_an_invitation_is_refused() {
    let net = Net::new();
    let view = NetworkView::new(net.rosters.clone());
    let ngo = Ngo::new("alba");
    let (mut author, first) = ngo.begin_office(net.id());
    let borrowed = net.admission(&Ngo::new("bela"), 2).encode();
    let second = author
        .append(Kind::Admission, &borrowed, 0, salt(1))
        .unwrap();
    assert_eq!(
        allowance(&view, ngo.node(), &[first, second]),
        Err(EntryFault::NotAMember)
    );
    let (_, centre) = ngo.begin_centre(net.id());
    let refused = allowance(&view, ngo.centre().writer(), &[centre]);
    assert_eq!(refused, Err(EntryFault::NotAMember));
}

#[test]
fn a_centre_counts_when_it_and_its_node_name_each_other() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let mut view = NetworkView::new(net.rosters.clone());
    let (mut office, entries) = net.joins(&ngo, 2);
    let (_, centre) = ngo.begin_centre(net.id());
    let writer = ngo.centre().writer();
    shown(&mut view, &entries[..2]);
    assert_eq!(
        allowance(&view, writer, std::slice::from_ref(&centre)),
        Ok(Allowance::First)
    );
    view.observe(&centre);
    assert_eq!(view.standing(writer), Standing::Claimed(ngo.node()));
    assert!(!view.counts(writer, centre.header().place()));
    shown(&mut view, &entries[2..]);
    assert_eq!(view.standing(writer), Standing::Member(ngo.node()));
    assert!(view.counts(writer, centre.header().place()));
    assert_eq!(view.centre_name(writer).unwrap().as_str(), "alba centre");
    assert_eq!(view.centres().count(), 1);
    // The latest descriptor holds, in whatever order they are shown.
    let mut without = ngo.descriptor();
    without.centres.clear();
    let gone = office
        .append(Kind::Descriptor, &without.encode(), 0, salt(9))
        .unwrap();
    view.observe(&gone);
    view.observe(&entries[2]);
    assert_eq!(view.standing(writer), Standing::Claimed(ngo.node()));
}

#[test]
fn claims_on_one_node_are_under_a_quota() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let mut view = NetworkView::new(net.rosters.clone());
    shown(&mut view, &net.joins(&ngo, 2).1[..2]);
    for n in 0.. {
        let key = crate::keys::WriterKey::from_seed([n; 32]);
        let claim =
            CentreInception::new(ngo.node(), key.public(), &ngo.recovery().public(), salt(0));
        let (_, first) = Author::begin_centre(net.id(), key, &claim, salt(0)).unwrap();
        match allowance(&view, claim.writer(), std::slice::from_ref(&first)) {
            Ok(allowance) => {
                assert_eq!(allowance, Allowance::First);
                view.observe(&first);
            }
            Err(fault) => {
                assert_eq!(
                    (fault, usize::from(n)),
                    (EntryFault::Quota, limits::CLAIMED_FEEDS_PER_NODE)
                );
                break;
            }
        }
    }
    // The real centre, once the descriptor names it, is not hindered.
    shown(&mut view, &net.joins(&ngo, 2).1[2..]);
    let (_, first) = ngo.begin_centre(net.id());
    assert_eq!(
        allowance(&view, ngo.centre().writer(), &[first]),
        Ok(Allowance::All)
    );
}

#[test]
fn an_overused_invitation_suspends_all_that_came_by_it_until_a_roster_names_them() {
    let net = Net::new();
    let mut view = NetworkView::new(net.rosters.clone());
    let ngos = ["alba", "bela", "cena", "dana"].map(Ngo::new);
    for ngo in &ngos[..2] {
        shown(&mut view, &net.joins(ngo, 2).1);
    }
    assert!(view.overused().is_empty() && view.member(ngos[0].node()));
    // The one use too many is taken in, because everybody has to see it.
    let third = net.joins(&ngos[2], 2).1;
    assert_eq!(allowance(&view, ngos[2].node(), &third), Ok(Allowance::All));
    shown(&mut view, &third);
    for ngo in &ngos[..3] {
        assert_eq!(
            view.standing(ngo.node().into()),
            Standing::Suspended(ngo.node())
        );
        assert_eq!(view.node_by_pin(ngo.pin()), None);
        assert_eq!(
            allowance(&view, ngo.node(), &[]),
            Err(EntryFault::NotAMember)
        );
    }
    let (_, nodes) = view.overused().iter().next().unwrap();
    assert_eq!(nodes.len(), 3);
    // Further ones are not even kept.
    let fourth = net.joins(&ngos[3], 2).1;
    assert_eq!(
        allowance(&view, ngos[3].node(), &fourth),
        Err(EntryFault::NotAMember)
    );
    let mut second = net.rosters.draft_next();
    second.nodes.insert(ngos[0].node());
    assert_eq!(
        view.learn_roster(signed(&net, &second)),
        Observation::Changed
    );
    assert!(view.member(ngos[0].node()));
    assert!(!view.member(ngos[1].node()));
}

#[test]
fn one_node_that_admits_itself_twice_uses_an_invitation_once() {
    let net = Net::new();
    let mut view = NetworkView::new(net.rosters.clone());
    let ngo = Ngo::new("alba");
    let (mut office, entries) = net.joins(&ngo, 1);
    shown(&mut view, &entries);
    let again = net.admission(&ngo, 1).encode();
    view.observe(&office.append(Kind::Admission, &again, 0, salt(9)).unwrap());
    assert!(view.member(ngo.node()));
    let id = InvitationId::of(&net.signed(&net.invitation(1)).invitation);
    assert_eq!(view.uses(id), 1);
}

#[test]
fn of_a_removed_node_only_what_the_roster_names_is_taken() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let mut view = NetworkView::new(net.rosters.clone());
    let (_, entries) = net.joins(&ngo, 2);
    let (mut centre, first) = ngo.begin_centre(net.id());
    shown(&mut view, &entries);
    view.observe(&first);
    let releases = [1, 2, 3].map(|n| centre.append(Kind::Release, b"x", 0, salt(n)).unwrap());
    let last = Head {
        writer: centre.state().writer(),
        place: releases[1].header().place(),
        hash: releases[1].hash(),
        frozen: false,
    };
    let mut second = net.rosters.draft_next();
    second
        .removed
        .insert(ngo.node(), BTreeMap::from([(last.writer, last)]));
    view.learn_roster(signed(&net, &second));
    assert!(!view.member(ngo.node()) && view.removed(ngo.node()));
    assert_eq!(view.node_by_pin(ngo.pin()), None);
    assert_eq!(view.standing(last.writer), Standing::Removed(ngo.node()));
    let permits = allowance(&view, last.writer, &[]).unwrap();
    let permitted = arrivals(&releases)
        .iter()
        .map(|a| permits.permits(a).is_ok())
        .collect::<Vec<_>>();
    assert_eq!(permitted, [true, true, false]);
    assert!(!permits.reaches_beyond(last.place));
    // Another entry at the named place is not the named head.
    let mut twin = Author::resume(
        crate::testing::replay(net.id(), last.writer, &[first, releases[0].clone()]),
        ngo.centre_key(),
    )
    .unwrap();
    let rival = twin.append(Kind::Release, b"rival", 0, salt(7)).unwrap();
    assert_eq!(
        permits.permits(&arrivals(&[rival])[0]),
        Err(EntryFault::NotAMember)
    );
    assert!(view.counts(last.writer, last.place));
    assert!(!view.counts(last.writer, Place { epoch: 0, seq: 3 }));
    // Its office is not named: nothing more of it is taken.
    assert_eq!(
        allowance(&view, ngo.node(), &[]),
        Err(EntryFault::NotAMember)
    );
}

#[test]
fn rosters_in_any_order_come_to_the_same_view() {
    let net = Net::new();
    let mut chain = net.rosters.clone();
    let ngos = ["alba", "bela", "cena"].map(Ngo::new);
    let mut versions = Vec::new();
    for ngo in &ngos {
        let mut next = chain.draft_next();
        next.nodes.insert(ngo.node());
        let next = signed(&net, &next);
        chain.apply(next.clone()).unwrap();
        versions.push(next);
    }
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut view = NetworkView::new(net.rosters.clone());
        for n in order {
            view.learn_roster(versions[n].clone());
        }
        assert_eq!(view.rosters(), &chain, "{order:?}");
        assert_eq!(view.members().count(), 4);
    }
}

#[test]
fn an_admission_waits_for_the_roster_it_names() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let second = signed(&net, &net.rosters.draft_next());
    let bytes = Invitation {
        roster_version: 2,
        ..net.invitation(1)
    }
    .encode();
    let invitation = SignedInvitation {
        signatures: vec![sign_invitation(
            &bytes,
            net.founder.node(),
            &net.founder.office(),
        )],
        invitation: bytes,
    };
    let mut admission = admission_for(&net.token(1), ngo.node());
    admission.invitation = invitation;
    let (mut office, _) = ngo.begin_office(net.id());
    let entry = office
        .append(Kind::Admission, &admission.encode(), 0, salt(1))
        .unwrap();
    let mut view = NetworkView::new(net.rosters.clone());
    assert_eq!(view.observe(&entry), Observation::Waiting);
    assert!(!view.member(ngo.node()));
    view.learn_roster(second);
    assert!(view.member(ngo.node()));
}

#[test]
fn a_poisoned_body_is_ignored_and_its_feed_goes_on() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let mut view = NetworkView::new(net.rosters.clone());
    let (mut office, entries) = net.joins(&ngo, 1);
    shown(&mut view, &entries);
    for kind in [Kind::Descriptor, Kind::Roster, Kind::Admission] {
        let poison = office.append(kind, b"\xff\xff\xff", 0, salt(20)).unwrap();
        assert!(matches!(view.observe(&poison), Observation::Ignored(_)));
    }
    let newer = office
        .append(Kind::Descriptor, b"\xff", limits::PROTOCOL + 1, salt(21))
        .unwrap();
    assert_eq!(view.observe(&newer), Observation::Nothing);
    assert_eq!(view.descriptor(ngo.node()), Some(&ngo.descriptor()));
}

#[test]
fn a_centre_cannot_speak_for_an_office() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let mut view = NetworkView::new(net.rosters.clone());
    shown(&mut view, &net.joins(&ngo, 1).1);
    let (centre, first) = ngo.begin_centre(net.id());
    view.observe(&first);
    // An author refuses this kind here, so the entry is made by hand.
    let state: &FeedState = centre.state();
    let payload = [salt(1).as_slice(), &ngo.descriptor().encode()].concat();
    let header = crate::entry::Header {
        network: net.id(),
        writer: state.writer(),
        epoch: 0,
        seq: 1,
        previous: Some(first.hash()),
        kind: Kind::Descriptor,
        min_reader: 0,
        payload_hash: crate::ids::PayloadHash::of(&payload),
        payload_length: payload.len() as u32,
    }
    .encode();
    let raw = crate::entry::RawEntry {
        signature: ngo.centre_key().sign(crate::keys::Domain::Entry, &header),
        header,
        payload: Some(payload),
    };
    let entry = VerifiedEntry::from_store(raw).unwrap();
    assert_eq!(view.observe(&entry), Observation::Nothing);
    assert_eq!(view.descriptor(state.writer().as_office_of()), None);
}
