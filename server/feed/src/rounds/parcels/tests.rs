use super::*;
use crate::roster::RosterChain;
use crate::testing::{Net, Ngo, salt};
use crate::writer::Author;
use proptest::prelude::*;

const TODAY: i64 = 20_000;
const EXPIRY: u32 = 20_040;

/// A founder who is the keyholder, three members with a centre each, and their feeds.
struct Scene {
    net: Net,
    view: NetworkView,
    ngos: Vec<Ngo>,
    founder: Author,
    offices: Vec<Author>,
    centres: Vec<Author>,
    salts: u64,
}

impl Scene {
    fn new() -> Self {
        let net = Net::new();
        let mut view = NetworkView::new(net.rosters.clone());
        let (mut founder, first) = net.founder.begin_office(net.id());
        let descriptor = net.founder.descriptor().encode();
        let described = founder.append(Kind::Descriptor, &descriptor, 0, salt(5));
        view.observe(&first);
        view.observe(&described.unwrap());
        let ngos: Vec<Ngo> = ["alba", "bela", "cara"].map(Ngo::new).to_vec();
        let (mut offices, mut centres) = (Vec::new(), Vec::new());
        for ngo in &ngos {
            let (office, entries) = net.joins(ngo, 3);
            for entry in &entries {
                view.observe(entry);
            }
            offices.push(office);
            let (centre, first) = ngo.begin_centre(net.id());
            view.observe(&first);
            centres.push(centre);
        }
        Self {
            net,
            view,
            ngos,
            founder,
            offices,
            centres,
            salts: 100,
        }
    }

    fn salt(&mut self) -> [u8; 16] {
        self.salts += 1;
        salt(self.salts)
    }

    /// Alba leads, bela helps.
    fn opening(&self) -> proto::PoolOpening {
        proto::PoolOpening {
            measure: "bdi-ii".to_owned(),
            comparability_class: vec![1; 32],
            facilitation: proto::Facilitation::Peer.into(),
            course: proto::Course::Entry.into(),
            first_quarter: 2025 * 4,
            last_quarter: 2025 * 4 + 1,
            roster_version: 1,
            sums: vec![
                proto::PoolSum::Persons.into(),
                proto::PoolSum::Change.into(),
            ],
            leader: self.ngos[0].node().into(),
            helper: self.ngos[1].node().into(),
            deadline: EXPIRY - 10,
            expiry: EXPIRY,
            persons_per_centre: 40,
            change_bound_hundredths: 2_000,
            unit_sd_thousandths: 12_000,
            ..Default::default()
        }
    }

    fn opened(&mut self) -> VerifiedEntry {
        let body = self.opening().encode_to_vec();
        let salt = self.salt();
        self.founder
            .append(Kind::PoolOpening, &body, 0, salt)
            .unwrap()
    }

    fn by_office(&mut self, n: usize, kind: Kind, body: &impl Message) -> VerifiedEntry {
        let salt = self.salt();
        self.offices[n]
            .append(kind, &body.encode_to_vec(), 0, salt)
            .unwrap()
    }

    fn by_centre(&mut self, n: usize, kind: Kind, body: &impl Message) -> VerifiedEntry {
        let salt = self.salt();
        self.centres[n]
            .append(kind, &body.encode_to_vec(), 0, salt)
            .unwrap()
    }

    fn wanted(&self, entries: &[&VerifiedEntry]) -> Vec<(u8, NodeId)> {
        self.wanted_on(TODAY, entries)
    }

    /// First bytes of the hashes wanted, and for whom.
    fn wanted_on(&self, today: i64, entries: &[&VerifiedEntry]) -> Vec<(u8, NodeId)> {
        let index = self.index(entries);
        tags(&index.wanted(&self.view, today))
    }

    fn index(&self, entries: &[&VerifiedEntry]) -> ParcelIndex {
        let mut index = ParcelIndex::new(self.net.id());
        entries.iter().for_each(|entry| index.observe(entry));
        index
    }

    fn node(&self, n: usize) -> NodeId {
        self.ngos[n].node()
    }
}

fn tags(wanted: &[ParcelTerms]) -> Vec<(u8, NodeId)> {
    wanted
        .iter()
        .map(|terms| (terms.hash.as_bytes()[0], terms.to))
        .collect()
}

fn commitment(opening: &VerifiedEntry, tag: u8) -> proto::PoolCommitment {
    proto::PoolCommitment {
        opening: opening.hash().into(),
        nonce: vec![0; 16],
        leader_parcel: vec![tag; 32],
        leader_parcel_bytes: 100,
        helper_parcel: vec![tag + 1; 32],
        helper_parcel_bytes: 200,
    }
}

fn check(opening: &VerifiedEntry, tag: u8) -> proto::PoolCheck {
    proto::PoolCheck {
        opening: opening.hash().into(),
        parcel: vec![tag; 32],
        parcel_bytes: 300,
    }
}

fn set(opening: &VerifiedEntry, tag: u8) -> proto::PoolSet {
    proto::PoolSet {
        opening: opening.hash().into(),
        parts: Vec::new(),
        left_out: Vec::new(),
        parcel: vec![tag; 32],
        parcel_bytes: 400,
    }
}

fn end(opening: &VerifiedEntry) -> proto::PoolEnd {
    proto::PoolEnd {
        opening: opening.hash().into(),
        outcome: proto::PoolOutcome::Told.into(),
    }
}

fn tombstone(entry: &VerifiedEntry) -> proto::Tombstone {
    proto::Tombstone {
        entry: entry.hash().into(),
    }
}

#[test]
fn every_parcel_of_a_round_is_wanted_by_whom_it_is_for() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let committed = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 10));
    let checked = scene.by_office(0, Kind::PoolCheck, &check(&opening, 20));
    let helpers = scene.by_office(1, Kind::PoolSet, &set(&opening, 30));
    let leaders = scene.by_office(0, Kind::PoolSet, &set(&opening, 40));
    let (leader, helper) = (scene.node(0), scene.node(1));
    let index = scene.index(&[&opening, &committed, &checked, &helpers, &leaders]);
    let wanted = index.wanted(&scene.view, TODAY);
    assert_eq!(
        tags(&wanted),
        [
            (10, leader),
            (11, helper),
            (20, helper),
            (30, leader),
            (40, helper)
        ]
    );
    assert_eq!(
        wanted[1],
        ParcelTerms {
            hash: ParcelHash::new([11; 32]),
            bytes: 200,
            writer: scene.ngos[2].centre().writer(),
            opening: opening.hash(),
            to: helper,
            expiry: EXPIRY,
        }
    );
}

#[test]
fn nothing_is_wanted_from_the_day_of_expiry_on() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let committed = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 10));
    let entries = [&opening, &committed];
    let expiry = i64::from(EXPIRY);
    assert_eq!(scene.wanted_on(expiry - 1, &entries).len(), 2);
    assert_eq!(scene.wanted_on(expiry, &entries), []);
    assert_eq!(scene.wanted_on(i64::MIN, &entries).len(), 2);
}

#[test]
fn a_round_that_no_keyholder_opened_wants_nothing() {
    let mut scene = Scene::new();
    let body = scene.opening();
    let opening = scene.by_office(2, Kind::PoolOpening, &body);
    let committed = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 10));
    assert_eq!(scene.wanted(&[&opening, &committed]), []);
    assert_eq!(scene.wanted(&[&committed]), []);
}

#[test]
fn an_opening_that_makes_no_sense_wants_nothing() {
    let scene = Scene::new();
    let sound = scene.opening();
    let senseless = [
        proto::PoolOpening {
            helper: sound.leader.clone(),
            ..sound.clone()
        },
        proto::PoolOpening {
            leader: vec![1; 31],
            ..sound.clone()
        },
        proto::PoolOpening {
            deadline: EXPIRY + 1,
            ..sound.clone()
        },
        proto::PoolOpening {
            expiry: sound.deadline + 5_000,
            ..sound.clone()
        },
    ];
    assert!(Opening::parse(&sound.encode_to_vec()).is_some());
    for opening in senseless {
        assert!(Opening::parse(&opening.encode_to_vec()).is_none());
    }
    assert!(Opening::parse(&[0xff; 9]).is_none());
}

#[test]
fn only_the_first_commitment_of_a_centre_is_wanted() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let first = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 10));
    let second = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 50));
    let (leader, helper) = (scene.node(0), scene.node(1));
    let wanted = [(10, leader), (11, helper)];
    assert_eq!(scene.wanted(&[&opening, &first, &second]), wanted);
    assert_eq!(scene.wanted(&[&second, &first, &opening]), wanted);
}

#[test]
fn a_commitment_that_was_withdrawn_is_not_wanted_and_no_second_one_takes_its_place() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let first = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 10));
    let gone = scene.by_centre(2, Kind::Tombstone, &tombstone(&first));
    let second = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 50));
    assert_eq!(scene.wanted(&[&opening, &first, &gone, &second]), []);
    let by_another = scene.by_centre(1, Kind::Tombstone, &tombstone(&first));
    assert_eq!(scene.wanted(&[&opening, &first, &by_another]).len(), 2);
}

#[test]
fn the_commitment_of_a_centre_that_does_not_count_is_not_wanted() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let committed = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 10));
    scene.view.forget_feed(scene.ngos[2].node().into());
    assert_eq!(scene.wanted(&[&opening, &committed]), []);
}

#[test]
fn checks_and_sets_count_only_from_whose_part_they_are() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let by_helper = scene.by_office(1, Kind::PoolCheck, &check(&opening, 20));
    let by_nobody = scene.by_office(2, Kind::PoolCheck, &check(&opening, 30));
    let set_by_nobody = scene.by_office(2, Kind::PoolSet, &set(&opening, 40));
    let end_by_nobody = scene.by_office(2, Kind::PoolEnd, &end(&opening));
    let committed = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 10));
    let entries = [
        &opening,
        &by_helper,
        &by_nobody,
        &set_by_nobody,
        &end_by_nobody,
        &committed,
    ];
    let (leader, helper) = (scene.node(0), scene.node(1));
    assert_eq!(scene.wanted(&entries), [(10, leader), (11, helper)]);
}

#[test]
fn who_has_ended_a_round_wants_no_more_of_it() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let committed = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 10));
    let checked = scene.by_office(0, Kind::PoolCheck, &check(&opening, 20));
    let ended = scene.by_office(1, Kind::PoolEnd, &end(&opening));
    let entries = [&opening, &committed, &checked, &ended];
    assert_eq!(scene.wanted(&entries), [(10, scene.node(0))]);
    let both = scene.by_office(0, Kind::PoolEnd, &end(&opening));
    assert_eq!(scene.wanted(&[&entries[..], &[&both]].concat()), []);
}

#[test]
fn a_length_or_hash_out_of_range_is_not_wanted() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let bad = [
        proto::PoolCommitment {
            leader_parcel_bytes: 0,
            ..commitment(&opening, 10)
        },
        proto::PoolCommitment {
            helper_parcel_bytes: COMMITTED_PARCEL_BYTES + 1,
            ..commitment(&opening, 10)
        },
        proto::PoolCommitment {
            leader_parcel: vec![1; 33],
            ..commitment(&opening, 10)
        },
    ];
    for body in bad {
        let committed = scene.by_centre(2, Kind::PoolCommitment, &body);
        assert_eq!(scene.wanted(&[&opening, &committed]), []);
    }
    let long = proto::PoolCheck {
        parcel_bytes: PARCEL_BYTES + 1,
        ..check(&opening, 20)
    };
    let checked = scene.by_office(0, Kind::PoolCheck, &long);
    let nonsense = scene.by_office(0, Kind::PoolSet, &check(&opening, 20));
    let unreadable = scene.offices[1]
        .append(Kind::PoolSet, &[0xff; 30], 0, salt(6))
        .unwrap();
    let wanted = scene.wanted(&[&opening, &checked, &nonsense, &unreadable]);
    assert_eq!(wanted, []);
}

#[test]
fn of_one_keyholder_only_so_many_open_rounds_are_looked_at() {
    let mut scene = Scene::new();
    let mut body = scene.opening();
    (body.deadline, body.expiry) = (10, 10);
    let salt = scene.salt();
    let past = scene
        .founder
        .append(Kind::PoolOpening, &body.encode_to_vec(), 0, salt)
        .unwrap();
    let mut entries = vec![past];
    for n in 0..=OPENINGS_PER_KEYHOLDER {
        let opening = scene.opened();
        let body = commitment(&opening, n as u8);
        entries.push(scene.by_centre(2, Kind::PoolCommitment, &body));
        entries.push(opening);
    }
    let entries: Vec<_> = entries.iter().collect();
    let wanted = scene.wanted(&entries);
    assert_eq!(wanted.len(), 2 * OPENINGS_PER_KEYHOLDER);
    let last = (OPENINGS_PER_KEYHOLDER as u8 + 1, scene.node(1));
    assert!(!wanted.contains(&last), "the last one waits");
}

#[test]
fn a_feed_that_says_too_much_is_not_kept_without_end() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let mut index = scene.index(&[&opening]);
    for n in 0..STATEMENTS_PER_FEED as u64 + 10 {
        let body = proto::PoolEnd {
            opening: HeaderHash::of(&n.to_be_bytes()).into(),
            outcome: 0,
        };
        index.observe(&scene.by_office(2, Kind::PoolEnd, &body));
    }
    assert_eq!(index.rounds.len(), STATEMENTS_PER_FEED);
    index.forget_feed(scene.ngos[2].node().into());
    assert!(index.rounds.is_empty());
    assert_eq!(index.kept.len(), 1);
}

#[test]
fn a_keyholder_of_old_opens_nothing() {
    let mut scene = Scene::new();
    let opening = scene.opened();
    let committed = scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 10));
    let mut rosters: RosterChain = scene.net.rosters.clone();
    let mut next = rosters.draft_next();
    let heir = &scene.ngos[0];
    next.nodes.insert(heir.node());
    next.keyholders = [(heir.node(), heir.office().public())].into();
    let signed = next.signed_by(scene.net.founder.node(), &scene.net.founder.office());
    rosters.apply(signed.clone()).unwrap();
    scene.view.learn_roster(signed);
    assert_eq!(scene.wanted(&[&opening, &committed]), []);
}

proptest! {
    #[test]
    fn the_order_between_feeds_does_not_matter(order in Just((0..7).collect::<Vec<usize>>()).prop_shuffle()) {
        let mut scene = Scene::new();
        let opening = scene.opened();
        let entries = [
            opening.clone(),
            scene.by_centre(0, Kind::PoolCommitment, &commitment(&opening, 10)),
            scene.by_centre(1, Kind::PoolCommitment, &commitment(&opening, 20)),
            scene.by_office(0, Kind::PoolCheck, &check(&opening, 30)),
            scene.by_office(1, Kind::PoolSet, &set(&opening, 40)),
            scene.by_office(1, Kind::PoolEnd, &end(&opening)),
            scene.by_centre(2, Kind::PoolCommitment, &commitment(&opening, 50)),
        ];
        let straight: Vec<_> = entries.iter().collect();
        let shuffled: Vec<_> = order.iter().map(|n| &entries[*n]).collect();
        let expected = scene.wanted(&straight);
        prop_assert_eq!(&scene.wanted(&shuffled), &expected);
        let mut index = scene.index(&shuffled);
        let writer = scene.ngos[2].centre().writer();
        index.forget_feed(writer);
        prop_assert_eq!(index.wanted(&scene.view, TODAY).len() + 1, expected.len());
        index.observe(&entries[6]);
        prop_assert_eq!(&tags(&index.wanted(&scene.view, TODAY)), &expected);
    }

    #[test]
    fn no_bytes_are_too_strange(body in proptest::collection::vec(any::<u8>(), 0..200), n in 0..5_usize) {
        let kinds = [Kind::PoolOpening, Kind::PoolCheck, Kind::PoolSet, Kind::PoolEnd, Kind::Tombstone];
        let mut scene = Scene::new();
        let entry = scene.founder.append(kinds[n], &body, 0, salt(50)).unwrap();
        prop_assert_eq!(scene.wanted(&[&entry]), []);
    }
}
