//! A town whose aggregators are real offices, and whose neighbours' parts are real.

mod liars;
mod office;

pub use liars::Found;
use office::RealOffice;

use super::{FARTHER, HELPER, LEADER, Town, day};
use crate::common::house::FakeHouse;
use crate::common::trial::early_table;
use crate::common::{Home, rosters};
use krog_feed::entry::{Kind, RawEntry, VerifiedEntry};
use krog_feed::ids::{HeaderHash, NodeId, WriterId};
use krog_feed::network::NetworkView;
use krog_feed::replication::memory::Replica;
use krog_feed::roster::RosterChain;
use krog_feed::rounds::board::{Board, Outcome, Reading, RoundId, RoundStatus, Stage};
use krog_pools::aggregation::seal_share;
use krog_pools::part::sums_of;
use krog_pools::shares::{Share, Sharing};
use krog_pools::{Answered, Layout, PoolTerms, Role, Round};
use krog_proto::federation::v1 as proto;
use prost::Message;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The real leader among the region's offices.
pub const FIRST: usize = 0;
/// The real helper.
pub const SECOND: usize = 1;

/// A home, its town, and two real aggregators.
pub struct Region {
    pub home: Home,
    pub town: Town,
    pub offices: [RealOffice; 2],
    chain: RosterChain,
    chance: ChaCha20Rng,
}

/// A neighbour's part, sealed.
pub struct Sealed {
    pub nonce: [u8; 16],
    /// For the leader and for the helper.
    pub parcels: [Vec<u8>; 2],
}

/// So many persons, each a little better than the one before.
pub fn persons(count: usize) -> Vec<Answered> {
    let answered = |at: usize| Answered {
        baseline: 30.0,
        follow_up: Some(29.0 - (at % 7) as f64),
        items: Vec::new(),
        sessions: 4,
    };
    (0..count).map(answered).collect()
}

impl Region {
    /// Under the terms a network is founded with.
    pub async fn new() -> Self {
        Self::under(PoolTerms::default()).await
    }

    /// In a network without noise.
    pub async fn noiseless() -> Self {
        Self::under(PoolTerms {
            rho_millionths: 0,
            ..PoolTerms::default()
        })
        .await
    }

    pub async fn under(terms: PoolTerms) -> Self {
        let policy = crate::common::policy().with_pools(terms);
        let home = Home::under(&["centre-long-nodrug"], "2026-04-02", policy).await;
        home.import(&early_table()).await;
        let town = Town::around(&home).await;
        let mut offices = Vec::new();
        for seed in [31, 32] {
            offices.push(office::moves_in(&home, seed).await);
        }
        let chain = home.office.rosters(home.network).await.unwrap();
        Self {
            home,
            town,
            offices: offices.try_into().ok().unwrap(),
            chain,
            chance: ChaCha20Rng::seed_from_u64(77),
        }
    }

    /// Five more neighbours.
    pub async fn with_farther_neighbours(mut self) -> Self {
        let network = self.home.network;
        let mut next = self.home.office.draft_roster(network).await.unwrap();
        for name in FARTHER {
            let node = self.town.moves_in(name);
            next.nodes.insert(node);
        }
        let signed = self.home.office.sign_roster(&next);
        let office = &self.home.office;
        office.publish_roster(network, signed).await.unwrap();
        office.tick(&self.home.house.client().await).await.unwrap();
        self.home.house.0.lock().unwrap().rosters = rosters(office, network).await;
        self.chain = office.rosters(network).await.unwrap();
        self
    }

    /// The network publishes another roster.
    pub async fn policy_becomes(&mut self, change: impl FnOnce(&mut krog_feed::roster::Roster)) {
        let network = self.home.network;
        let mut next = self.home.office.draft_roster(network).await.unwrap();
        change(&mut next);
        let signed = self.home.office.sign_roster(&next);
        let office = &self.home.office;
        office.publish_roster(network, signed).await.unwrap();
        office.tick(&self.home.house.client().await).await.unwrap();
        self.home.house.0.lock().unwrap().rosters = rosters(office, network).await;
        self.chain = office.rosters(network).await.unwrap();
    }

    pub fn house(&self) -> &FakeHouse {
        &self.home.house
    }

    /// A round with real aggregators.
    pub fn opening(&self) -> proto::PoolOpening {
        proto::PoolOpening {
            leader: self.offices[FIRST].node().into(),
            helper: self.offices[SECOND].node().into(),
            ..self.town.opening()
        }
    }

    /// One whose helper is played by hand.
    pub fn opening_with_lying_helper(&self) -> proto::PoolOpening {
        proto::PoolOpening {
            leader: self.offices[FIRST].node().into(),
            ..self.town.opening()
        }
    }

    /// One whose leader is played by hand.
    pub fn opening_with_lying_leader(&self) -> proto::PoolOpening {
        proto::PoolOpening {
            helper: self.offices[SECOND].node().into(),
            ..self.town.opening()
        }
    }

    /// Both real offices do their periodic work, the leader first.
    pub async fn tick(&self) {
        for office in &self.offices {
            office.tick(self.house()).await;
        }
    }

    /// The same until neither has anything to say.
    pub async fn settle(&self) {
        for _ in 0..4 {
            self.tick().await;
        }
    }

    /// Opens a round and lets the aggregators answer, those played by hand too.
    pub async fn collecting(&mut self, opening: proto::PoolOpening) -> RoundId {
        let by_hand = [LEADER, HELPER].map(|name| (name, self.town.node(name)));
        let round = self.town.opens(opening.clone());
        for (name, node) in by_hand {
            let node: Vec<u8> = node.into();
            if node == opening.leader || node == opening.helper {
                self.town.answers(name, round);
            }
        }
        self.tick().await;
        assert_eq!(self.status(round).stage, Stage::Collecting);
        round
    }

    /// The same, and so many neighbours commit parts of so many persons; it is the day after the deadline then.
    pub async fn committed(
        &mut self,
        opening: proto::PoolOpening,
        neighbours: usize,
        persons: usize,
    ) -> RoundId {
        let deadline = opening.deadline;
        let round = self.collecting(opening).await;
        for at in 0..neighbours {
            self.commits(at, round, persons);
        }
        self.day(deadline + 1);
        round
    }

    /// The home centre takes part as well, with its 19 persons.
    pub async fn home_commits(&mut self, round: RoundId) {
        self.home.tick().await.unwrap();
        assert_eq!(self.home.approve_round(round).await, "frozen");
        self.home.clock.pass_days(14);
        self.home.tick().await.unwrap();
        assert_eq!(self.home.state_of(round).await, "committed");
    }

    /// Sets the clock.
    pub fn day(&self, day: u32) {
        let today: krog_measures::Day =
            krog_measures::Day::new(i32::try_from(day).unwrap()).unwrap();
        self.home.clock.set(&today.to_string());
    }

    /// Five centres beside the home, all real, up to the day after the deadline.
    pub async fn full(&mut self, opening: proto::PoolOpening) -> RoundId {
        let round = self.collecting(opening).await;
        self.home_commits(round).await;
        for at in 0..5 {
            self.commits(at, round, 6);
        }
        self.home.clock.set("2026-05-03");
        round
    }

    fn layout(&self, round: &Round) -> Layout {
        Layout::of(round, self.town.measure())
    }

    pub fn sharing(&self, round: RoundId) -> Sharing {
        let status = self.status(round);
        Sharing::of(*round.as_bytes(), &self.layout(&status.round)).unwrap()
    }

    /// A neighbour's sums as the round counts them.
    pub fn sums(&self, round: RoundId, persons: &[Answered]) -> Vec<i64> {
        sums_of(&self.status(round).round, self.town.measure(), persons).unwrap()
    }

    /// A neighbour.
    pub fn neighbour(&self, at: usize) -> WriterId {
        self.town.neighbours[at].state().writer()
    }

    /// Splits a vector for a neighbour and seals the shares.
    pub fn sealed(
        &mut self,
        at: usize,
        round: RoundId,
        sharing: &Sharing,
        vector: &[u128],
    ) -> Sealed {
        self.town.signed += 1;
        let nonce = u128::from(self.town.signed).to_le_bytes();
        let shares = sharing.split(vector, &nonce, &mut self.chance).unwrap();
        self.sealed_shares(at, round, nonce, shares)
    }

    pub fn sealed_shares(
        &mut self,
        at: usize,
        round: RoundId,
        nonce: [u8; 16],
        shares: [Share; 2],
    ) -> Sealed {
        let status = self.status(round);
        let centre = *self.neighbour(at).as_bytes();
        let parcels = [Role::Leader, Role::Helper].map(|to| {
            seal_share(
                status.keys[to.index()].as_ref().unwrap(),
                *round.as_bytes(),
                to,
                centre,
                nonce,
                &shares[to.index()],
                &mut self.chance,
            )
            .unwrap()
        });
        Sealed { nonce, parcels }
    }

    /// A neighbour's true part of so many persons.
    pub fn part(&mut self, at: usize, round: RoundId, count: usize) -> Sealed {
        let layout = self.layout(&self.status(round).round);
        let vector = layout.encode_units(&self.sums(round, &persons(count)));
        let sharing = self.sharing(round);
        self.sealed(at, round, &sharing, &vector.unwrap())
    }

    /// A neighbour commits to what it has sealed.
    pub fn states(&mut self, at: usize, round: RoundId, sealed: &Sealed) -> HeaderHash {
        let [leader, helper] = &sealed.parcels;
        let body = proto::PoolCommitment {
            opening: round.into(),
            nonce: sealed.nonce.to_vec(),
            leader_parcel: Sha256::digest(leader).to_vec(),
            leader_parcel_bytes: leader.len() as u32,
            helper_parcel: Sha256::digest(helper).to_vec(),
            helper_parcel_bytes: helper.len() as u32,
        };
        self.neighbour_says(at, Kind::PoolCommitment, &body).hash()
    }

    pub fn neighbour_says(&mut self, at: usize, kind: Kind, body: &impl Message) -> VerifiedEntry {
        let salt = self.town.salt();
        let centre = &mut self.town.neighbours[at];
        let entry = centre.append(kind, &body.encode_to_vec(), 0, salt).unwrap();
        self.house().hold(&entry);
        entry
    }

    /// A neighbour takes its part back.
    pub fn withdraws(&mut self, at: usize, part: HeaderHash) {
        let body = proto::Tombstone { entry: part.into() };
        self.neighbour_says(at, Kind::Tombstone, &body);
    }

    /// A parcel arrives.
    pub fn arrives(&self, parcel: &[u8]) {
        let mut net = self.house().0.lock().unwrap();
        let hash = Sha256::digest(parcel).to_vec();
        net.parcels.insert(hash, parcel.to_vec());
    }

    /// A neighbour commits a true part of so many persons, and its parcels arrive.
    pub fn commits(&mut self, at: usize, round: RoundId, persons: usize) -> HeaderHash {
        let sealed = self.part(at, round, persons);
        for parcel in &sealed.parcels {
            self.arrives(parcel);
        }
        self.states(at, round, &sealed)
    }

    /// The board as anybody reads it.
    pub fn reading(&self) -> Reading {
        let today = i64::from(self.home.surroundings.today().unwrap().number());
        let mut replica = Replica::new(NetworkView::new(self.chain.clone()));
        let feeds: Vec<_> = self
            .house()
            .0
            .lock()
            .unwrap()
            .feeds
            .values()
            .cloned()
            .collect();
        for feed in feeds {
            replica.ingest(feed);
        }
        let mut board = Board::new(self.home.network);
        let writers: Vec<_> = replica.states().map(|state| state.writer()).collect();
        for writer in writers {
            for raw in replica.standing(writer).cloned().collect::<Vec<_>>() {
                let _ = board.observe(&VerifiedEntry::from_store(raw).unwrap());
            }
        }
        board.read(replica.view(), today)
    }

    /// A round on it.
    pub fn status(&self, round: RoundId) -> RoundStatus {
        let rounds = self.reading().rounds;
        rounds.into_iter().find(|known| known.id == round).unwrap()
    }

    /// How far it is, and how the leader and the helper ended.
    pub fn end_of(&self, round: RoundId) -> (Stage, [Option<Outcome>; 2]) {
        let status = self.status(round);
        (status.stage, status.ends)
    }

    /// What a node has said of a round, in order.
    pub fn words(&self, node: NodeId, round: RoundId) -> Vec<Kind> {
        let feed = self.house().feed(node.as_bytes());
        let said = feed
            .into_iter()
            .map(|entry| VerifiedEntry::from_store(RawEntry::parse(entry).unwrap()).unwrap());
        let of_round = said.filter(|entry| {
            // The opening is the first field of every word.
            let body = entry.body().unwrap_or_default();
            body.get(2..34) == Some(round.as_bytes().as_slice())
        });
        of_round.map(|entry| entry.kind()).collect()
    }

    /// The same of a real office.
    pub fn words_of(&self, office: usize, round: RoundId) -> Vec<Kind> {
        self.words(self.offices[office].node(), round)
    }

    /// Neither real office keeps a secret, and none has said a word twice.
    pub async fn assert_clean(&self, round: RoundId) {
        for (at, office) in self.offices.iter().enumerate() {
            assert_eq!(office.secrets().await, 0, "office {at}");
            let words = self.words_of(at, round);
            let mut once = words.clone();
            once.dedup();
            once.sort_by_key(|kind| kind.number());
            once.dedup();
            assert_eq!(once.len(), words.len(), "office {at} said {words:?}");
        }
    }
}

/// A day of the wire, for tests that count from it.
pub fn deadline() -> u32 {
    day("2026-05-02")
}
