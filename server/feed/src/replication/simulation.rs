//! Many nodes, bad links, a lying relay and a writer that uses its key twice; and still one outcome. Every run is
//! repeated exactly by its seed.

use super::memory::{Fetched, Peer, Replica};
use super::*;
use crate::entry::{Kind, VerifiedEntry};
use crate::ids::HeaderHash;
use crate::keys::WriterKey;
use crate::network::NetworkView;
use crate::testing::{Net, Ngo, salt};
use crate::writer::{Author, Standing};
use krog_proto::federation::v1 as proto;
use prost::Message;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

const SEEDS: u64 = 160;
const NODES: usize = 5;
/// The node whose centre forks and whose replica lies while the links are bad.
const LIAR: usize = NODES - 1;
const STEPS: usize = 60;
const ROUNDS: usize = 2 * NODES;

struct World {
    seed: u64,
    rng: ChaCha8Rng,
    ngos: Vec<Ngo>,
    replicas: Vec<Replica>,
    offices: Vec<Author>,
    centres: Vec<Author>,
    group: [u8; NODES],
    late: Vec<Vec<proto::Entry>>,
    salt: u64,
    founder_rosters: crate::roster::RosterChain,
}

/// A link that loses, repeats, reorders, delays and, if `lies`, changes what passes.
struct Link<'a> {
    peer: &'a mut Replica,
    rng: &'a mut ChaCha8Rng,
    late: &'a mut Vec<Vec<proto::Entry>>,
    lies: bool,
}

impl Link<'_> {
    fn spoil(&mut self, mut entries: Vec<proto::Entry>) -> Vec<proto::Entry> {
        if entries.is_empty() {
            return entries;
        }
        let n = entries.len();
        match self.rng.random_range(0..8) {
            0 => entries.shuffle(self.rng),
            1 => drop(entries.remove(self.rng.random_range(0..n))),
            2 => entries.push(entries[self.rng.random_range(0..n)].clone()),
            3 => self.late.push(entries.clone()),
            _ => {}
        }
        if self.lies && !entries.is_empty() {
            let (i, j) = (
                self.rng.random_range(0..entries.len()),
                self.rng.random_range(0..entries.len()),
            );
            match self.rng.random_range(0..6) {
                0 => entries[i].payload = None,
                1 => entries[i].payload = entries[j].payload.clone(),
                2 => entries.truncate(i),
                3 => flip(&mut entries[i].header, self.rng),
                4 => flip(&mut entries[i].signature, self.rng),
                _ => {}
            }
        }
        entries
    }
}

fn flip(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..bytes.len());
    bytes[at] ^= 1 << rng.random_range(0..8);
}

impl Peer for Link<'_> {
    fn heads(&mut self) -> Option<(Vec<Head>, Vec<proto::ForkProof>)> {
        if self.rng.random_bool(0.1) {
            return None;
        }
        let (mut heads, mut forks) = self.peer.heads()?;
        if self.lies {
            heads.retain(|_| self.rng.random_bool(0.8));
            for head in &mut heads {
                if self.rng.random_bool(0.1) {
                    head.place.seq =
                        head.place.seq.wrapping_add(self.rng.random_range(0..9)) % limits::SEQ_MAX;
                    head.frozen ^= self.rng.random_bool(0.5);
                }
            }
            forks.clear();
        }
        Some((heads, forks))
    }

    fn fetch(&mut self, fetch: Fetch) -> Option<Fetched> {
        if self.rng.random_bool(0.1) {
            return None;
        }
        let short = Fetch {
            limit: self.rng.random_range(1..6),
            ..fetch
        };
        let mut fetched = self.peer.fetch(short)?;
        fetched.entries = self.spoil(fetched.entries);
        Some(fetched)
    }

    fn push(&mut self, entries: Vec<proto::Entry>) -> Option<Vec<FeedOutcome>> {
        if self.rng.random_bool(0.1) {
            return None;
        }
        let entries = self.spoil(entries);
        let outcomes = self.peer.push(entries)?;
        // Taken, but the answer is lost.
        self.rng.random_bool(0.9).then_some(outcomes)
    }
}

fn wire(entry: &VerifiedEntry) -> Vec<proto::Entry> {
    vec![entry.raw().to_proto()]
}

impl World {
    fn new(seed: u64) -> Self {
        let net = Net::new();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut ngos = vec![net.founder.clone()];
        ngos.extend((1..NODES).map(|n| Ngo::new(&format!("ngo {n}"))));
        let (mut replicas, mut offices, mut centres) = (Vec::new(), Vec::new(), Vec::new());
        for (n, ngo) in ngos.iter().enumerate() {
            let mut replica = Replica::new(NetworkView::new(net.rosters.clone()));
            let (office, entries) = if n == 0 {
                let (mut office, first) = ngo.begin_office(net.id());
                let descriptor = office
                    .append(Kind::Descriptor, &ngo.descriptor().encode(), 0, salt(1))
                    .unwrap();
                (office, vec![first, descriptor])
            } else {
                net.joins(ngo, NODES as u32)
            };
            let (centre, first) = ngo.begin_centre(net.id());
            // A newcomer's first entries come together.
            replica.ingest(entries.iter().flat_map(wire).collect());
            replica.ingest(wire(&first));
            assert!(replica.view().member(ngo.node()));
            replicas.push(replica);
            offices.push(office);
            centres.push(centre);
        }
        Self {
            seed,
            rng,
            ngos,
            replicas,
            offices,
            centres,
            group: [0; NODES],
            late: Vec::new(),
            salt: 1_000,
            founder_rosters: net.rosters,
        }
    }

    fn salt(&mut self) -> [u8; 16] {
        self.salt += 1;
        salt(self.salt)
    }

    /// One author writes one entry, at home.
    fn write(&mut self) {
        let n = self.rng.random_range(0..NODES);
        let salt = self.salt();
        let entry = match self.rng.random_range(0..6) {
            0 | 1 => self.centres[n].append(Kind::Release, &salt, 0, salt),
            2 => self.offices[n].append(Kind::Template, &salt, 0, salt),
            3 => {
                let kind = Kind::from_number(40).unwrap();
                self.offices[n].append(kind, &salt, 3, salt)
            }
            4 => {
                let some = self.replicas[n]
                    .standing(self.offices[n].state().writer())
                    .last()
                    .unwrap()
                    .hash();
                let body = proto::Tombstone { entry: some.into() }.encode_to_vec();
                self.offices[n].append(Kind::Tombstone, &body, 0, salt)
            }
            _ => {
                let mut next = self.founder_rosters.draft_next();
                next.policy.floor_persons += 1;
                let signed = next.signed_by(self.ngos[0].node(), &self.ngos[0].office());
                self.founder_rosters.apply(signed.clone()).unwrap();
                let entry = self.offices[0]
                    .append(Kind::Roster, &signed.encode(), 0, salt)
                    .unwrap();
                self.replicas[0].ingest(wire(&entry));
                return;
            }
        };
        let outcome = self.replicas[n].ingest(wire(&entry.unwrap()));
        assert_eq!(outcome[0].fault, None, "seed {}", self.seed);
    }

    /// The liar's centre goes on from one of its earlier entries and shows the new branch to one node.
    fn fork(&mut self) {
        let writer = self.centres[LIAR].state().writer();
        for _ in 0..2 {
            let salt = self.salt();
            let entry = self.centres[LIAR]
                .append(Kind::Release, b"first", 0, salt)
                .unwrap();
            self.replicas[LIAR].ingest(wire(&entry));
        }
        let chain = self.chain(LIAR, writer);
        let from = self.rng.random_range(1..chain.len());
        let stored = chain[..from]
            .iter()
            .map(|raw| VerifiedEntry::from_store(raw.clone()).unwrap());
        let stored: Vec<_> = stored.collect();
        let state = crate::testing::replay(self.founder_rosters.network(), writer, &stored);
        let mut twin = Author::resume(state, self.ngos[LIAR].centre_key()).unwrap();
        let office = self.chain(LIAR, self.offices[LIAR].state().writer());
        let mut batch: Vec<_> = office
            .iter()
            .chain(&chain[..from])
            .map(RawEntry::to_proto)
            .collect();
        for _ in 0..self.rng.random_range(1..4) {
            let salt = self.salt();
            batch.extend(wire(&twin.append(Kind::Release, b"twin", 0, salt).unwrap()));
        }
        let victim = self.rng.random_range(0..LIAR);
        let centre = batch.split_off(office.len());
        self.replicas[victim].ingest(batch);
        self.replicas[victim].ingest(centre);
    }

    fn meet(&mut self, a: usize, b: usize, bad: bool) {
        let lies = bad && (a == LIAR || b == LIAR);
        let (one, other) = pair(&mut self.replicas, a, b);
        if bad {
            let (rng, late) = (&mut self.rng, &mut self.late);
            one.sync_with(&mut Link {
                peer: other,
                rng,
                late,
                lies,
            });
        } else {
            one.sync_with(other);
        }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..20) {
            0..6 => self.write(),
            6 => self.group = std::array::from_fn(|_| self.rng.random_range(0..2)),
            7 => self.group = [0; NODES],
            8 if !self.late.is_empty() => {
                let batch = self
                    .late
                    .swap_remove(self.rng.random_range(0..self.late.len()));
                self.replicas[self.rng.random_range(0..LIAR)].ingest(batch);
            }
            _ => {
                let (a, b) = (
                    self.rng.random_range(0..NODES),
                    self.rng.random_range(0..NODES),
                );
                if a != b && self.group[a] == self.group[b] {
                    self.meet(a, b, true);
                }
            }
        }
    }

    /// Links hold; each node in `among` dials the next one, until nothing changes any more.
    fn heal(&mut self, among: &[usize]) {
        for _ in 0..ROUNDS {
            let before = self.told();
            for n in 0..among.len() {
                self.meet(among[n], among[(n + 1) % among.len()], false);
            }
            if self.told() == before {
                return;
            }
        }
    }

    /// Heads, disputes and which payloads are there, of all.
    fn told(&self) -> Vec<(Option<Head>, Option<Place>, Vec<bool>)> {
        let feeds = self
            .replicas
            .iter()
            .flat_map(|r| r.states().map(move |state| (r, state)));
        feeds
            .map(|(replica, state)| {
                let payloads = replica
                    .standing(state.writer())
                    .map(|raw| raw.payload.is_some());
                (state.head(), state.disputed(), payloads.collect())
            })
            .collect()
    }

    fn chain(&self, node: usize, writer: WriterId) -> Vec<RawEntry> {
        self.replicas[node].standing(writer).cloned().collect()
    }

    fn assert_agreement(&self, among: &[usize], forked: Option<WriterId>) {
        let first = among[0];
        for &other in &among[1..] {
            let (one, two) = (&self.replicas[first], &self.replicas[other]);
            let seed = self.seed;
            let versions = [one, two].map(|r| r.view().rosters().latest().version);
            assert_eq!(versions[0], versions[1], "seed {seed}: rosters");
            assert_eq!(one.view().rosters(), two.view().rosters(), "seed {seed}");
            let members = [one, two].map(|r| r.view().members().collect::<Vec<_>>());
            assert_eq!(members[0], members[1], "seed {seed}: members");
            let writers: Vec<_> = one.states().map(FeedState::writer).collect();
            assert!(
                two.states()
                    .map(FeedState::writer)
                    .eq(writers.iter().copied()),
                "seed {seed}: feeds"
            );
            for writer in writers.into_iter().filter(|writer| Some(*writer) != forked) {
                assert_eq!(
                    self.chain(first, writer),
                    self.chain(other, writer),
                    "seed {seed}: {}",
                    writer.short()
                );
                assert_eq!(
                    one.state(writer).unwrap().head(),
                    two.state(writer).unwrap().head(),
                    "seed {seed}"
                );
            }
        }
    }
}

fn pair(replicas: &mut [Replica], a: usize, b: usize) -> (&mut Replica, &mut Replica) {
    let (low, high) = replicas.split_at_mut(a.max(b));
    if a < b {
        (&mut low[a], &mut high[0])
    } else {
        (&mut high[0], &mut low[b])
    }
}

/// Whether two nodes hold different headers at one place of a feed.
fn contradicted(world: &World, writer: WriterId) -> bool {
    let mut at = std::collections::BTreeMap::<_, HeaderHash>::new();
    (0..LIAR).any(|node| {
        world.chain(node, writer).iter().any(|raw| {
            let place = crate::entry::Header::parse(&raw.header).unwrap().place();
            *at.entry(place).or_insert(raw.hash()) != raw.hash()
        })
    })
}

#[test]
fn honest_nodes_converge_whatever_the_links_and_a_lying_relay_do() {
    let (mut forked, mut settled) = (0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        let fork_at = world.rng.random_range(STEPS / 3..STEPS * 5 / 4);
        for step in 0..STEPS {
            if step == fork_at {
                world.fork();
            }
            world.step();
        }
        let honest: Vec<_> = (0..LIAR).collect();
        let everyone: Vec<_> = (0..NODES).collect();
        let writer = world.centres[LIAR].state().writer();
        let doubtful = contradicted(&world, writer)
            || honest.iter().any(|n| {
                world.replicas[*n]
                    .state(writer)
                    .is_some_and(FeedState::is_frozen)
            });
        world.heal(&honest);
        world.assert_agreement(&honest, doubtful.then_some(writer));
        if doubtful {
            // Proved at every honest node, and what lies before the dispute is the same everywhere.
            forked += 1;
            let disputed = world.replicas[0].state(writer).unwrap().disputed();
            let disputed = disputed.unwrap_or_else(|| panic!("seed {seed}: fork missed"));
            for n in &honest {
                let state = world.replicas[*n].state(writer).unwrap();
                assert_eq!(state.disputed(), Some(disputed), "seed {seed} node {n}");
                assert!(
                    world.replicas[*n].proof(writer).is_some(),
                    "seed {seed} node {n}"
                );
                let before = disputed.seq as usize;
                assert_eq!(
                    world.chain(*n, writer)[..before],
                    world.chain(0, writer)[..before],
                    "seed {seed}"
                );
            }
        } else {
            for n in &honest {
                assert!(
                    world.replicas[*n].states().all(|state| !state.is_frozen()),
                    "seed {seed}: false accusation"
                );
            }
        }
        world.heal(&everyone);
        let frozen = world.replicas[0]
            .state(writer)
            .is_some_and(FeedState::is_frozen);
        world.assert_agreement(&everyone, frozen.then_some(writer));
        if frozen {
            settled += 1;
            settle(&mut world, writer);
            world.heal(&everyone);
            world.assert_agreement(&everyone, None);
            let state = world.replicas[0].state(writer).unwrap();
            assert_eq!(
                state.head(),
                world.centres[LIAR].state().head(),
                "seed {seed}"
            );
        }
    }
    assert!(
        forked > SEEDS / 4 && settled > SEEDS / 2,
        "only {forked} runs forked and {settled} were settled"
    );
}

/// The recovery key says which branch stands, by what some node holds; then the feed goes on.
fn settle(world: &mut World, writer: WriterId) {
    let at = world.rng.random_range(0..NODES);
    let chain = world.chain(at, writer);
    let stands = world.rng.random_range(0..chain.len());
    let key = WriterKey::from_seed([77; 32]);
    let state = world.replicas[at].state(writer).unwrap().clone();
    let (recovery, salt) = (world.ngos[LIAR].recovery(), world.salt());
    let standing = Standing::Header(&chain[stands].header);
    let (mut author, opening) = Author::open_epoch(&state, &recovery, key, standing, salt).unwrap();
    assert_eq!(
        world.replicas[at].ingest(wire(&opening))[0].fault,
        None,
        "seed {}",
        world.seed
    );
    let salt = world.salt();
    let next = author.append(Kind::Release, b"after", 0, salt).unwrap();
    world.replicas[at].ingest(wire(&next));
    world.centres[LIAR] = author;
}

#[test]
fn a_run_is_repeated_exactly_by_its_seed() {
    let run = || {
        let mut world = World::new(7);
        (0..STEPS).for_each(|_| world.step());
        let heads = world
            .replicas
            .iter()
            .flat_map(|r| r.states().map(FeedState::to_bytes));
        heads.collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
