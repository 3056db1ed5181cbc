//! A keyholder, two aggregators and six centres, and what they sign.

use crate::entry::{Header, Kind, Place, RawEntry, VerifiedEntry};
use crate::ids::{HeaderHash, NodeId, PayloadHash, WriterId};
use crate::keys::Signature;
use crate::network::NetworkView;
use crate::roster::{Genesis, Policy, Roster, RosterChain};
use crate::rounds::board::{Board, Reading, RoundId, RoundStatus, RoundsFault, Stage, set_hash};
use crate::testing::{Ngo, salt, seed};
use crate::writer::Author;
use krog_measures::instrument::{Direction, Measure, Scale, StatedSd, Window};
use krog_pools::precision::expected;
use krog_pools::sealing::PUBLIC_KEY_BYTES;
use krog_pools::{Layout, PoolTerms, Round};
use krog_proto::federation::v1 as proto;
use prost::Message;
use std::collections::BTreeMap;

/// 2025Q1.
pub const QUARTER: u32 = 2025 * 4;
pub const DEADLINE: u32 = 20_400;
pub const EXPIRY: u32 = 20_440;
/// A day while parts are collected.
pub const TODAY: i64 = 20_390;
/// A day after the deadline, before the expiry.
pub const LATER: i64 = 20_410;
/// Persons and change of each centre.
pub const SUMS: [[f64; 2]; 6] = [
    [10.0, -40.0],
    [12.0, -31.5],
    [3.0, 4.0],
    [20.0, -71.0],
    [9.0, 0.0],
    [7.0, -18.25],
];

pub const KEYHOLDER: &str = "keyholder";
pub const LEADER: &str = "leader";
pub const HELPER: &str = "helper";
pub const STRANGER: &str = "stranger";
const CENTRES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

pub fn measure() -> Measure {
    Measure::total_only(
        "bdi-ii".parse().unwrap(),
        Scale::new(0.0, 63.0, Direction::LowerBetter).unwrap(),
        Window::new(59, 42, 75).unwrap(),
        Some(StatedSd::new(12.0, "made up for this test").unwrap()),
    )
}

/// A network that has chosen pools without noise, so that sums can be compared.
pub fn terms() -> PoolTerms {
    PoolTerms {
        rho_millionths: 0,
        ..PoolTerms::default()
    }
}

pub struct Town {
    pub view: NetworkView,
    pub entries: Vec<VerifiedEntry>,
    rosters: RosterChain,
    keyholder: Ngo,
    offices: BTreeMap<String, Author>,
    centres: BTreeMap<String, Author>,
    signed: u64,
}

impl Town {
    pub fn new() -> Self {
        let keyholder = Ngo::new(KEYHOLDER);
        let names = [KEYHOLDER, LEADER, HELPER].into_iter().chain(CENTRES);
        let ngos: Vec<_> = names.map(Ngo::new).collect();
        let name = "Town".parse().unwrap();
        let genesis = Genesis::new(keyholder.inception.clone(), name, salt(9), false);
        let policy = Policy::new(10, 14, vec![measure()])
            .unwrap()
            .with_pools(terms());
        let network = genesis.network();
        let mut roster = Roster::first(genesis, policy);
        roster.nodes.extend(ngos.iter().map(Ngo::node));
        let signed = roster.signed_by(keyholder.node(), &keyholder.office());
        let rosters = RosterChain::start(network, signed).unwrap();
        let mut town = Self {
            view: NetworkView::new(rosters.clone()),
            entries: Vec::new(),
            rosters,
            keyholder,
            offices: BTreeMap::new(),
            centres: BTreeMap::new(),
            signed: 100,
        };
        for ngo in ngos.iter().chain([&Ngo::new(STRANGER)]) {
            let (mut office, first) = ngo.begin_office(network);
            let body = ngo.descriptor().encode();
            let second = office.append(Kind::Descriptor, &body, 0, salt(4)).unwrap();
            let (centre, third) = ngo.begin_centre(network);
            for entry in [first, second, third] {
                town.view.observe(&entry);
                town.entries.push(entry);
            }
            town.offices.insert(ngo.name.clone(), office);
            town.centres.insert(ngo.name.clone(), centre);
        }
        town
    }

    /// The next roster version, changed.
    pub fn change_roster(&mut self, change: impl FnOnce(&mut Roster)) {
        let mut roster = self.rosters.draft_next();
        change(&mut roster);
        let signed = roster.signed_by(self.keyholder.node(), &self.keyholder.office());
        self.rosters.apply(signed.clone()).unwrap();
        self.view.learn_roster(signed);
    }

    pub fn node(&self, name: &str) -> NodeId {
        self.offices[name].state().writer().as_office_of()
    }

    pub fn office(&self, name: &str) -> WriterId {
        self.offices[name].state().writer()
    }

    pub fn centre(&self, n: usize) -> WriterId {
        self.centres[CENTRES[n]].state().writer()
    }

    /// The office of `name` signs its next entry.
    pub fn sign(&mut self, name: &str, kind: Kind, body: &impl Message) -> VerifiedEntry {
        self.signed += 1;
        let office = self.offices.get_mut(name).unwrap();
        let entry = office.append(kind, &body.encode_to_vec(), 0, salt(self.signed));
        self.entries.push(entry.unwrap());
        self.entries.last().unwrap().clone()
    }

    /// The `n`th centre signs its next entry.
    pub fn centre_signs(&mut self, n: usize, kind: Kind, body: &impl Message) -> VerifiedEntry {
        self.signed += 1;
        let centre = self.centres.get_mut(CENTRES[n]).unwrap();
        let entry = centre.append(kind, &body.encode_to_vec(), 0, salt(self.signed));
        self.entries.push(entry.unwrap());
        self.entries.last().unwrap().clone()
    }

    /// An entry no program of this project signs, as a store would hold it.
    pub fn smuggle(&mut self, writer: WriterId, place: Place, kind: Kind, body: &impl Message) {
        self.smuggle_bytes(writer, place, kind, &body.encode_to_vec());
    }

    pub fn smuggle_bytes(&mut self, writer: WriterId, place: Place, kind: Kind, body: &[u8]) {
        let payload = [&[0; 16], body].concat();
        let header = Header {
            network: self.view.network(),
            writer,
            epoch: place.epoch,
            seq: place.seq,
            previous: Some(HeaderHash::of(b"the one before")),
            kind,
            min_reader: 0,
            payload_hash: PayloadHash::of(&payload),
            payload_length: u32::try_from(payload.len()).unwrap(),
        };
        let raw = RawEntry {
            header: header.encode(),
            signature: Signature::new([0; 64]),
            payload: Some(payload),
        };
        self.entries.push(VerifiedEntry::from_store(raw).unwrap());
    }

    pub fn opening(&self) -> proto::PoolOpening {
        let mut opening = proto::PoolOpening {
            measure: "bdi-ii".to_owned(),
            comparability_class: measure().class.as_bytes().to_vec(),
            facilitation: proto::Facilitation::Peer.into(),
            course: proto::Course::Entry.into(),
            first_quarter: QUARTER,
            last_quarter: QUARTER + 1,
            roster_version: 1,
            sums: vec![
                proto::PoolSum::Persons.into(),
                proto::PoolSum::Change.into(),
            ],
            items: Vec::new(),
            leader: self.node(LEADER).into(),
            helper: self.node(HELPER).into(),
            deadline: DEADLINE,
            expiry: EXPIRY,
            first_round: Vec::new(),
            persons_per_centre: 40,
            change_bound_hundredths: 2_000,
            unit_sd_thousandths: 12_000,
            tau2_millionths: 0,
            rho_millionths: 0,
            reliable_change_hundredths: 0,
            precision: Vec::new(),
        };
        let mut round = Round::parse(opening.clone()).unwrap();
        round.precision = expected(&round, &measure(), &terms());
        opening.precision = round.to_proto().precision;
        opening
    }

    pub fn opens(&mut self, opening: &proto::PoolOpening) -> RoundId {
        self.sign(KEYHOLDER, Kind::PoolOpening, opening).hash()
    }

    pub fn key(&mut self, name: &str, round: RoundId) -> VerifiedEntry {
        let key = proto::PoolKey {
            opening: round.into(),
            round_key: vec![u8::try_from(name.len()).unwrap(); PUBLIC_KEY_BYTES],
        };
        self.sign(name, Kind::PoolKey, &key)
    }

    /// An opened round with both keys.
    pub fn collecting(&mut self) -> RoundId {
        let round = self.opens(&self.opening());
        self.key(LEADER, round);
        self.key(HELPER, round);
        round
    }

    pub fn commits(&mut self, n: usize, round: RoundId) -> VerifiedEntry {
        self.centre_signs(n, Kind::PoolCommitment, &commitment(round))
    }

    pub fn withdraws(&mut self, n: usize, commitment: &VerifiedEntry) {
        let entry = commitment.hash().into();
        self.centre_signs(n, Kind::Tombstone, &proto::Tombstone { entry });
    }

    /// All six commit.
    pub fn committed(&mut self, round: RoundId) -> Vec<(WriterId, HeaderHash)> {
        let mut parts: Vec<_> = (0..6)
            .map(|n| (self.centre(n), self.commits(n, round).hash()))
            .collect();
        parts.sort();
        parts
    }

    pub fn checks(&mut self, round: RoundId) {
        let check = proto::PoolCheck {
            opening: round.into(),
            parcel: vec![5; 32],
            parcel_bytes: 900,
        };
        self.sign(LEADER, Kind::PoolCheck, &check);
    }

    pub fn sets(&mut self, name: &str, round: RoundId, parts: &[(WriterId, HeaderHash)]) {
        self.sign(name, Kind::PoolSet, &set(round, parts));
    }

    pub fn publishes(
        &mut self,
        name: &str,
        round: RoundId,
        parts: &[(WriterId, HeaderHash)],
        half: Vec<u8>,
    ) -> VerifiedEntry {
        let half = proto::PoolHalf {
            opening: round.into(),
            set: set_hash(round, parts).to_vec(),
            half,
        };
        self.sign(name, Kind::PoolHalf, &half)
    }

    pub fn ends(&mut self, name: &str, round: RoundId, outcome: proto::PoolOutcome) {
        let end = proto::PoolEnd {
            opening: round.into(),
            outcome: outcome.into(),
        };
        self.sign(name, Kind::PoolEnd, &end);
    }

    /// A round up to both sets, all six centres in them.
    pub fn agreed(&mut self) -> (RoundId, Vec<(WriterId, HeaderHash)>) {
        let round = self.collecting();
        let parts = self.committed(round);
        self.checks(round);
        self.sets(HELPER, round, &parts);
        self.sets(LEADER, round, &parts);
        (round, parts)
    }

    /// From the commitments to the ends.
    pub fn tells(&mut self, round: RoundId, parts: &[(WriterId, HeaderHash)]) {
        self.checks(round);
        self.sets(HELPER, round, parts);
        self.sets(LEADER, round, parts);
        self.publishes(LEADER, round, parts, self.whole());
        self.publishes(HELPER, round, parts, nothing());
        self.ends(LEADER, round, proto::PoolOutcome::Told);
        self.ends(HELPER, round, proto::PoolOutcome::Told);
    }

    /// A whole round.
    pub fn told(&mut self) -> (RoundId, Vec<(WriterId, HeaderHash)>) {
        let round = self.collecting();
        let parts = self.committed(round);
        self.tells(round, &parts);
        (round, parts)
    }

    /// A half that holds the whole sum of the six centres; the other one then holds nothing.
    pub fn whole(&self) -> Vec<u8> {
        let round = Round::parse(self.opening()).unwrap();
        let layout = Layout::of(&round, &measure());
        let encoded: Vec<_> = SUMS
            .iter()
            .map(|sums| layout.encode(sums).unwrap())
            .collect();
        (0..layout.len())
            .flat_map(|at| {
                let elements = encoded.iter().map(|centre| centre[at]);
                elements.fold(0, add).to_le_bytes()
            })
            .collect()
    }

    pub fn board(&self) -> Board {
        let mut board = Board::new(self.view.network());
        for entry in &self.entries {
            let _ = board.observe(entry);
        }
        board
    }

    pub fn read(&self, today: i64) -> Reading {
        self.board().read(&self.view, today)
    }

    pub fn status(&self, round: RoundId, today: i64) -> RoundStatus {
        self.board().round(&self.view, today, round).unwrap()
    }

    pub fn stage(&self, round: RoundId, today: i64) -> Stage {
        self.status(round, today).stage
    }

    /// Why an entry counts for nothing.
    pub fn fault(&self, entry: HeaderHash) -> Option<RoundsFault> {
        let refused = self.board().refused(&self.view, TODAY).into_iter();
        let mut faults = refused.filter(|refused| refused.entry == entry);
        let fault = faults.next().map(|refused| refused.fault);
        assert!(faults.next().is_none());
        fault
    }

    /// Why the entry signed last counts for nothing.
    pub fn last_fault(&self) -> Option<RoundsFault> {
        self.fault(self.entries.last().unwrap().hash())
    }
}

/// Order of Field128.
const FIELD: u128 = 340_282_366_920_938_462_946_865_773_367_900_766_209;

fn add(one: u128, other: u128) -> u128 {
    if one >= FIELD - other {
        one - (FIELD - other)
    } else {
        one + other
    }
}

pub fn nothing() -> Vec<u8> {
    vec![0; 32]
}

pub fn commitment(round: RoundId) -> proto::PoolCommitment {
    proto::PoolCommitment {
        opening: round.into(),
        nonce: vec![1; 16],
        leader_parcel: seed("for the leader").to_vec(),
        leader_parcel_bytes: 3_000,
        helper_parcel: seed("for the helper").to_vec(),
        helper_parcel_bytes: 1_300,
    }
}

pub fn set(round: RoundId, parts: &[(WriterId, HeaderHash)]) -> proto::PoolSet {
    let parts = parts.iter().map(|(centre, commitment)| proto::PoolPart {
        centre: (*centre).into(),
        commitment: (*commitment).into(),
    });
    proto::PoolSet {
        opening: round.into(),
        parts: parts.collect(),
        left_out: Vec::new(),
        parcel: vec![6; 32],
        parcel_bytes: 900,
    }
}
