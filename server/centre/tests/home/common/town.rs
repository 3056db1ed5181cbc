//! The rest of a small network with pools: a keyholder, two aggregators and five centres beside the one under test. They
//! sign what such nodes sign, and the stand-in for the exchange holds it.

pub mod region;

use super::house::FakeHouse;
use super::trial::early_table;
use super::{Home, by, rosters};
use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::identity::{CentreInception, DescribedCentre, NodeDescriptor, NodeInception};
use krog_feed::ids::{HeaderHash, NetworkId, NodeId, TlsPin, WriterId};
use krog_feed::keys::{RecoveryKey, WriterKey};
use krog_feed::rounds::board::{RoundId, set_hash};
use krog_feed::writer::Author;
use krog_measures::{Day, Measure};
use krog_pools::precision::expected;
use krog_pools::sealing::RoundSecret;
use krog_pools::{Layout, PoolTerms, Round};
use krog_proto::centre::v1 as pb;
use krog_proto::centre::v1::sharing_server::Sharing;
use krog_proto::federation::v1 as proto;
use prost::Message;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tonic::Status;

/// Its name among the town's offices.
pub const KEYHOLDER: &str = "keyholder";
/// Its name among the town's offices.
pub const LEADER: &str = "leader";
/// Its name among the town's offices.
pub const HELPER: &str = "helper";
const NEIGHBOURS: [&str; 5] = ["a", "b", "c", "d", "e"];
const FARTHER: [&str; 5] = ["f", "g", "h", "i", "j"];

/// A quarter as the wire counts it.
pub const Q1: u32 = 2026 * 4;

/// A home in a network with pools under these terms, with the trial's early table, and the others around it.
pub async fn under(terms: PoolTerms) -> (Home, Town) {
    let policy = super::policy().with_pools(terms);
    let home = Home::under(&["centre-long-nodrug"], "2026-04-02", policy).await;
    home.import(&early_table()).await;
    let town = Town::around(&home).await;
    (home, town)
}

/// The same under the terms a network is founded with.
pub async fn home() -> (Home, Town) {
    under(PoolTerms::default()).await
}

fn seed(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// A day as the wire counts it.
pub fn day(text: &str) -> u32 {
    let day: Day = text.parse().unwrap();
    u32::try_from(day.number()).unwrap()
}

/// The others.
pub struct Town {
    house: FakeHouse,
    network: NetworkId,
    offices: BTreeMap<&'static str, Author>,
    neighbours: Vec<Author>,
    secrets: [RoundSecret; 2],
    measure: Measure,
    terms: PoolTerms,
    roster_version: u32,
    signed: u64,
}

impl Town {
    /// Founds the rest of the network of `home`, and lets the first centre of it read that.
    pub async fn around(home: &Home) -> Self {
        let network = home.network;
        let mut chance = ChaCha20Rng::seed_from_u64(11);
        let secrets = [(); 2].map(|()| RoundSecret::generate(&mut chance));
        let mut next = home.office.draft_roster(network).await.unwrap();
        let mut town = Self {
            house: home.house.clone(),
            network,
            offices: BTreeMap::new(),
            neighbours: Vec::new(),
            secrets,
            measure: next.policy.measures[0].clone(),
            terms: next.policy.pools.unwrap(),
            roster_version: next.version,
            signed: 1_000,
        };
        for name in [KEYHOLDER, LEADER, HELPER].into_iter().chain(NEIGHBOURS) {
            let node = town.moves_in(name);
            next.nodes.insert(node);
            if name == KEYHOLDER {
                next.keyholders.insert(node, office_key(name).public());
            }
        }
        home.office
            .publish_roster(network, home.office.sign_roster(&next))
            .await
            .unwrap();
        let descriptor = NodeDescriptor {
            public_name: "home".parse().unwrap(),
            tls_pins: vec![TlsPin::of(b"home")],
            addresses: Vec::new(),
            centres: vec![DescribedCentre {
                writer: home.centre(0).writer(),
                public_name: home.centre(0).public_name().clone(),
            }],
            protocol: 1,
        };
        home.office
            .publish_descriptor(network, &descriptor)
            .await
            .unwrap();
        home.office.tick(&home.house.client().await).await.unwrap();
        {
            let rosters = rosters(&home.office, network).await;
            let mut net = home.house.0.lock().unwrap();
            net.rosters = rosters;
            (net.other_nodes, net.peers_answered) = (8, 1);
        }
        home.tick().await.unwrap();
        town
    }

    fn moves_in(&mut self, name: &'static str) -> NodeId {
        let recovery = RecoveryKey::from_seed(seed(&format!("recovery {name}"))).public();
        let key = office_key(name);
        let inception = NodeInception::new(key.public(), &recovery, [7; 16]);
        let node = inception.node();
        let (mut office, first) =
            Author::begin_office(self.network, key, &inception, [1; 16]).unwrap();
        let mut said = vec![first];
        let centre_key = WriterKey::from_seed(seed(&format!("centre {name}")));
        let centre = CentreInception::new(node, centre_key.public(), &recovery, [8; 16]);
        let is_neighbour = NEIGHBOURS.contains(&name) || FARTHER.contains(&name);
        let centres = is_neighbour.then(|| DescribedCentre {
            writer: centre.writer(),
            public_name: name.parse().unwrap(),
        });
        let descriptor = NodeDescriptor {
            public_name: format!("House {name}").parse().unwrap(),
            tls_pins: vec![TlsPin::of(name.as_bytes())],
            addresses: Vec::new(),
            centres: centres.into_iter().collect(),
            protocol: 1,
        };
        said.push(
            office
                .append(Kind::Descriptor, &descriptor.encode(), 0, [2; 16])
                .unwrap(),
        );
        self.offices.insert(name, office);
        if is_neighbour {
            let (author, first) =
                Author::begin_centre(self.network, centre_key, &centre, [3; 16]).unwrap();
            self.neighbours.push(author);
            said.push(first);
        }
        for entry in said {
            self.house.hold(&entry);
        }
        node
    }

    /// A node by its name here.
    pub fn node_of(&self, name: &str) -> NodeId {
        self.node(name)
    }

    /// The first neighbour's house names so many centres more.
    pub fn branches_out(&mut self, centres: usize) {
        let name = NEIGHBOURS[0];
        let node = self.node(name);
        let recovery = RecoveryKey::from_seed(seed(&format!("recovery {name}"))).public();
        let mut described = vec![DescribedCentre {
            writer: self.neighbours[0].state().writer(),
            public_name: name.parse().unwrap(),
        }];
        for n in 0..centres {
            let key = WriterKey::from_seed(seed(&format!("branch {n}")));
            let centre = CentreInception::new(node, key.public(), &recovery, [9; 16]);
            described.push(DescribedCentre {
                writer: centre.writer(),
                public_name: format!("Branch {n}").parse().unwrap(),
            });
            let (author, first) =
                Author::begin_centre(self.network, key, &centre, [4; 16]).unwrap();
            self.neighbours.push(author);
            self.house.hold(&first);
        }
        let descriptor = NodeDescriptor {
            public_name: format!("House {name}").parse().unwrap(),
            tls_pins: vec![TlsPin::of(name.as_bytes())],
            addresses: Vec::new(),
            centres: described,
            protocol: 1,
        };
        let salt = self.salt();
        let office = self.offices.get_mut(name).unwrap();
        let entry = office
            .append(Kind::Descriptor, &descriptor.encode(), 0, salt)
            .unwrap();
        self.house.hold(&entry);
    }

    fn node(&self, name: &str) -> NodeId {
        self.offices[name].state().writer().as_office_of()
    }

    fn salt(&mut self) -> [u8; 16] {
        self.signed += 1;
        u128::from(self.signed).to_be_bytes()
    }

    /// An office signs its next entry.
    pub fn sign(&mut self, name: &str, kind: Kind, body: &impl Message) -> VerifiedEntry {
        let salt = self.salt();
        let office = self.offices.get_mut(name).unwrap();
        let entry = office.append(kind, &body.encode_to_vec(), 0, salt).unwrap();
        self.house.hold(&entry);
        entry
    }

    /// A round about peer-led groups and entry pairs of the first quarter of 2026, the last day for parts being the 2nd of
    /// May.
    pub fn opening(&self) -> proto::PoolOpening {
        proto::PoolOpening {
            measure: self.measure.code.as_str().to_owned(),
            comparability_class: self.measure.class.as_bytes().to_vec(),
            facilitation: proto::Facilitation::Peer.into(),
            course: proto::Course::Entry.into(),
            first_quarter: Q1 - 1,
            last_quarter: Q1,
            roster_version: self.roster_version,
            sums: vec![
                proto::PoolSum::Persons.into(),
                proto::PoolSum::Change.into(),
            ],
            items: Vec::new(),
            leader: self.node(LEADER).into(),
            helper: self.node(HELPER).into(),
            deadline: day("2026-05-02"),
            expiry: day("2026-06-11"),
            first_round: Vec::new(),
            persons_per_centre: 40,
            change_bound_hundredths: 1_000,
            unit_sd_thousandths: 12_000,
            tau2_millionths: 0,
            rho_millionths: self.terms.rho_millionths,
            reliable_change_hundredths: 0,
            precision: Vec::new(),
        }
    }

    /// The keyholder opens a round, its precision reckoned.
    pub fn opens(&mut self, opening: proto::PoolOpening) -> RoundId {
        let mut round = Round::parse(opening).unwrap();
        round.precision = expected(&round, &self.measure, &self.terms);
        self.sign(KEYHOLDER, Kind::PoolOpening, &round.to_proto())
            .hash()
    }

    /// An aggregator answers with its key.
    pub fn answers(&mut self, name: &'static str, round: RoundId) {
        let key = proto::PoolKey {
            opening: round.into(),
            round_key: self.secret(name).public().unwrap(),
        };
        self.sign(name, Kind::PoolKey, &key);
    }

    /// The measure the rounds ask about.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// What opens an aggregator's parcels.
    pub fn secret(&self, name: &str) -> &RoundSecret {
        &self.secrets[usize::from(name != LEADER)]
    }

    /// A round with both keys.
    pub fn collecting(&mut self, opening: proto::PoolOpening) -> RoundId {
        let round = self.opens(opening);
        self.answers(LEADER, round);
        self.answers(HELPER, round);
        round
    }

    /// The five neighbours commit to parts nobody will open.
    pub fn neighbours_commit(&mut self, round: RoundId) -> Vec<(WriterId, HeaderHash)> {
        let body = proto::PoolCommitment {
            opening: round.into(),
            nonce: vec![1; 16],
            leader_parcel: vec![2; 32],
            leader_parcel_bytes: 3_000,
            helper_parcel: vec![3; 32],
            helper_parcel_bytes: 1_300,
        }
        .encode_to_vec();
        let mut parts = Vec::new();
        for at in 0..self.neighbours.len() {
            let salt = self.salt();
            let centre = &mut self.neighbours[at];
            let entry = centre.append(Kind::PoolCommitment, &body, 0, salt).unwrap();
            parts.push((centre.state().writer(), entry.hash()));
            self.house.hold(&entry);
        }
        parts
    }

    /// An aggregator names the parts it adds up.
    pub fn sets(&mut self, name: &str, round: RoundId, parts: &[(WriterId, HeaderHash)]) {
        let parts = parts.iter().map(|(centre, commitment)| proto::PoolPart {
            centre: (*centre).into(),
            commitment: (*commitment).into(),
        });
        let set = proto::PoolSet {
            opening: round.into(),
            parts: parts.collect(),
            left_out: Vec::new(),
            parcel: vec![6; 32],
            parcel_bytes: 900,
        };
        self.sign(name, Kind::PoolSet, &set);
    }

    /// The leader has begun, and both name these parts.
    pub fn agree(&mut self, round: RoundId, parts: &mut [(WriterId, HeaderHash)]) {
        parts.sort_unstable();
        let check = proto::PoolCheck {
            opening: round.into(),
            parcel: vec![5; 32],
            parcel_bytes: 900,
        };
        self.sign(LEADER, Kind::PoolCheck, &check);
        self.sets(HELPER, round, parts);
        self.sets(LEADER, round, parts);
    }

    /// An aggregator publishes its half. The leader's holds all there is, the helper's nothing.
    pub fn publishes(
        &mut self,
        name: &str,
        round: RoundId,
        opening: &proto::PoolOpening,
        parts: &[(WriterId, HeaderHash)],
    ) -> VerifiedEntry {
        let layout = Layout::of(&Round::parse(opening.clone()).unwrap(), &self.measure);
        let middle: Vec<i64> = layout
            .coordinates()
            .iter()
            .map(|coordinate| (coordinate.low + coordinate.high) / 2)
            .collect();
        let one = layout.encode_units(&middle).unwrap();
        let centres = if name == LEADER { parts.len() } else { 0 };
        let half = proto::PoolHalf {
            opening: round.into(),
            set: set_hash(round, parts).to_vec(),
            half: one
                .into_iter()
                .flat_map(|element| (element * centres as u128).to_le_bytes())
                .collect(),
        };
        self.sign(name, Kind::PoolHalf, &half)
    }

    /// An aggregator ends a round.
    pub fn ends(
        &mut self,
        name: &str,
        round: RoundId,
        outcome: proto::PoolOutcome,
    ) -> VerifiedEntry {
        let end = proto::PoolEnd {
            opening: round.into(),
            outcome: outcome.into(),
        };
        self.sign(name, Kind::PoolEnd, &end)
    }

    /// The round fails: the leader ends it for this reason, and the helper for the leader's. Returns the leader's word.
    pub fn fails(&mut self, round: RoundId, outcome: proto::PoolOutcome) -> VerifiedEntry {
        let end = self.ends(LEADER, round, outcome);
        self.ends(HELPER, round, proto::PoolOutcome::OtherEnded);
        end
    }

    /// Everything from the deadline to the ends, over these parts.
    pub fn tells(
        &mut self,
        round: RoundId,
        opening: &proto::PoolOpening,
        mut parts: Vec<(WriterId, HeaderHash)>,
    ) {
        self.agree(round, &mut parts);
        self.publishes(LEADER, round, opening, &parts);
        self.publishes(HELPER, round, opening, &parts);
        self.ends(LEADER, round, proto::PoolOutcome::Told);
        self.ends(HELPER, round, proto::PoolOutcome::Told);
    }
}

fn office_key(name: &str) -> WriterKey {
    WriterKey::from_seed(seed(&format!("office {name}")))
}

impl FakeHouse {
    /// Holds an entry as if it had come from the network.
    pub fn hold(&self, entry: &VerifiedEntry) {
        let header = entry.header();
        let name = (header.network.into(), header.writer.into());
        let mut net = self.0.lock().unwrap();
        net.feeds
            .entry(name)
            .or_default()
            .push(entry.raw().to_proto());
    }
}

/// What the tests ask of the centre under test about rounds.
impl Home {
    /// A round on its form, as the guardian sees it now.
    pub async fn round(&self, round: RoundId) -> Option<pb::PreviewRound> {
        let id = round.to_string();
        let rounds = self.preview().await.rounds;
        rounds.into_iter().find(|shown| shown.round == id)
    }

    /// The word for how far a round has come here.
    pub async fn state_of(&self, round: RoundId) -> String {
        self.round(round).await.unwrap().state
    }

    /// Both approve; the state of the round after it.
    pub async fn approve_round(&self, round: RoundId) -> String {
        let id = round.to_string();
        for who in [self.coordinator(), self.guardian()] {
            let approved = self.approve(who).await.unwrap().rounds;
            assert!(approved.iter().any(|approved| approved.round == id));
        }
        self.state_of(round).await
    }

    /// This centre's parts.
    pub async fn parts(&self) -> Vec<pb::ShownPart> {
        let request = by(self.coordinator(), pb::ShowRequest::default());
        self.services
            .show(request)
            .await
            .unwrap()
            .into_inner()
            .parts
    }

    /// Stops or withdraws the part in a round.
    pub async fn stop_round(&self, round: RoundId) -> Result<String, Status> {
        let request = pb::StopRequest {
            quarter: String::new(),
            round: round.short(),
        };
        let answer = self.services.stop(by(self.guardian(), request)).await?;
        Ok(answer.into_inner().next)
    }

    /// Records by which way the trial's measure leaves.
    pub async fn choose(&self, way: &str) -> Result<String, Status> {
        let request = pb::ChooseWayRequest {
            measure: "bdi-ii".to_owned(),
            way: way.to_owned(),
        };
        let request = by(self.coordinator(), request);
        Ok(self.services.choose_way(request).await?.into_inner().next)
    }

    /// The first centre's entries of a kind.
    pub fn said(&self, kind: Kind) -> Vec<VerifiedEntry> {
        let feed = self.house.feed(self.centre(0).writer().as_bytes());
        let raw = feed
            .into_iter()
            .map(|entry| krog_feed::entry::RawEntry::parse(entry).unwrap());
        let entries = raw.map(|raw| VerifiedEntry::from_store(raw).unwrap());
        entries.filter(|entry| entry.kind() == kind).collect()
    }

    /// The first centre's latest part, as sets name it.
    pub fn own_part(&self) -> (WriterId, HeaderHash) {
        let commitments = self.said(Kind::PoolCommitment);
        (self.centre(0).writer(), commitments.last().unwrap().hash())
    }

    /// Persons of peer-led groups whose entry pairs wait here.
    pub async fn waiting_peers(&self) -> u32 {
        let cells = self.preview().await.cells.into_iter();
        cells
            .filter(|cell| cell.facilitation == "peer" && cell.course == "entry")
            .map(|cell| cell.persons)
            .sum()
    }

    /// How many members a line of `counted_in` names.
    pub async fn counted_in(&self, line: &str) -> usize {
        let members = self.members().await;
        let is = |member: &&pb::Member| member.counted_in.iter().any(|counted| counted == line);
        members.iter().filter(is).count()
    }
}
