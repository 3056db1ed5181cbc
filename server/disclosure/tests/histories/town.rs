//! Eight quarters of a few centres: people come, answer, withdraw and go, and what they answered leaves by releases and
//! by pools, through the gate itself.

use crate::bench::{cell, code, id, measure, round};
use krog_disclosure::{
    BatchParts, CellKey, CollectedCell, GatePolicy, Invited, PairId, PersonKey, Pooling,
    QuarterBatch, WaitingPair, Way, clear, count_part,
};
use krog_measures::Facilitation::Peer;
use krog_measures::{Course, Measure, Quarter};
use krog_pools::policy::PoolTerms;
use krog_pools::{Question, Round};
use krog_proto::federation::v1 as wire;
use prost::Message;
use rand::{Rng, RngExt};
use std::collections::BTreeSet;

/// Quarters of a history.
pub const QUARTERS: usize = 8;
/// Measures over the same people: the range of each.
pub const MEASURES: [(&str, f64); 2] = [("k6", 24.0), ("happy", 10.0)];
const START: u32 = 2_024 * 4;

/// What does not change from history to history.
pub struct World {
    measures: Vec<Measure>,
    cells: Vec<CellKey>,
    rounds: Vec<[Round; 2]>,
    terms: PoolTerms,
}

impl World {
    /// A network without noise.
    pub fn new() -> Self {
        let measures = MEASURES.map(|(name, range)| measure(name, range)).to_vec();
        let terms = PoolTerms {
            rho_millionths: 0,
            ..PoolTerms::default()
        };
        let quiet = |measure: &Measure| {
            let mut first = round(Question::Change, measure, Peer);
            first.rho_millionths = 0;
            first.persons_per_centre = 200;
            first.first = Quarter::from_index(START - 20).unwrap();
            first.last = Quarter::from_index(START + 20).unwrap();
            first.precision = krog_pools::precision::expected(&first, measure, &terms);
            let mut second = first.clone();
            second.first_round = Some([3; 32]);
            [first, second]
        };
        Self {
            cells: MEASURES.map(|(name, _)| cell(name, Peer)).to_vec(),
            rounds: measures.iter().map(quiet).collect(),
            measures,
            terms,
        }
    }
}

/// A pair of the history, as everybody who knows everything would tell it.
pub struct Pair {
    /// Its identity in the gate.
    pub waiting: WaitingPair,
    /// Whose, by number in the centre.
    pub person: usize,
    /// Quarter it closed in, 0 at the start; before it, below 0.
    pub closed: i32,
    held: bool,
    gone: bool,
}

/// What is told at one centre of one measure in one quarter, or because of it.
pub struct Event {
    /// When, 0 at the start.
    pub quarter: i32,
    /// Which measure.
    pub measure: usize,
    /// What is told.
    pub told: Told,
    /// Persons of the centre counted, or for words: who could be, without the answers' leaving.
    pub persons: Vec<usize>,
    /// Whether only pairs that had waited eight quarters could be counted.
    pub old: bool,
}

/// Kinds of what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A value of a release.
    Value,
    /// Fewer than ten.
    BelowFloor,
    /// Counted in a pool.
    Pool,
    /// A part was committed to, and the round failed.
    Failed,
    /// A value that was stopped: its answers are gone, its number is not told.
    Stopped,
}

/// A centre.
#[derive(Default)]
pub struct Centre {
    /// Its people, those who have gone too: whether they consent.
    pub consents: Vec<bool>,
    here: Vec<bool>,
    /// By measure.
    pub pairs: [Vec<Pair>; 2],
    ways: [Way; 2],
    agreed: bool,
    /// What was told of it, in order.
    pub events: Vec<Event>,
}

/// A first round that has been told or is under way.
struct Under {
    measure: usize,
    quarter: i32,
    /// Per centre that takes part, its pairs.
    parts: Vec<(usize, BTreeSet<PairId>)>,
    /// How each part is told of.
    old: Vec<bool>,
}

/// A network's history.
pub struct Town {
    /// Its centres.
    pub centres: Vec<Centre>,
    /// Every pair that has left, with the number of figures it was counted in.
    pub left: Vec<PairId>,
    /// Sizes of told pools: centres and persons.
    pub pools: Vec<(u32, u32)>,
    /// Sizes of told cells.
    pub values: Vec<u32>,
    /// Second rounds that were told, and those that failed because somebody could not be counted again.
    pub seconds: [u32; 2],
    under: Vec<Under>,
    told: Vec<Under>,
}

impl Town {
    /// Lives through eight quarters.
    pub fn live(world: &World, rng: &mut impl Rng) -> Self {
        let mut town = Self {
            centres: Vec::new(),
            left: Vec::new(),
            pools: Vec::new(),
            values: Vec::new(),
            seconds: [0; 2],
            under: Vec::new(),
            told: Vec::new(),
        };
        for _ in 0..rng.random_range(5..=7) {
            let size = 3 + (rng.random::<f64>().powi(2) * 38.0) as usize;
            town.centres.push(Centre::new(world, size, rng));
        }
        for quarter in 0..QUARTERS as i32 {
            town.quarter(world, quarter, rng);
        }
        town.end_rounds(QUARTERS as i32 + 1, rng);
        town
    }

    fn quarter(&mut self, world: &World, quarter: i32, rng: &mut impl Rng) {
        for centre in &mut self.centres {
            centre.pass(world, quarter, rng);
        }
        self.end_rounds(quarter, rng);
        let asked: Vec<usize> = (0..MEASURES.len())
            .filter(|measure| !self.under.iter().any(|under| under.measure == *measure))
            .filter(|_| rng.random_bool(0.5))
            .collect();
        let again: Option<Under> =
            (!self.told.is_empty() && rng.random_bool(0.3)).then(|| self.told.swap_remove(0));
        let mut opened: Vec<Under> = asked
            .iter()
            .map(|&measure| Under {
                measure,
                quarter,
                parts: Vec::new(),
                old: Vec::new(),
            })
            .collect();
        let mut whole = true;
        for (at, centre) in self.centres.iter_mut().enumerate() {
            let of_first = again.as_ref().and_then(|under| {
                Some((
                    under.measure,
                    &under.parts.iter().find(|part| part.0 == at)?.1,
                ))
            });
            let batch = centre.batch(world, quarter, of_first);
            if let Some((measure, first)) = of_first {
                let invited = world.invited(measure, Some(first));
                match count_part(&batch, &invited) {
                    Ok(part) => assert!(
                        part.pairs.iter().eq(first),
                        "a second round is over the first's"
                    ),
                    Err(_) => whole = false,
                }
            }
            for under in &mut opened {
                if rng.random_bool(0.1) {
                    continue;
                }
                let Ok(part) = count_part(&batch, &world.invited(under.measure, None)) else {
                    continue;
                };
                assert_eq!(part.sums[0] as usize, part.pairs.len());
                under.old.push(centre.ways[under.measure] == Way::Release);
                under.parts.push((at, part.pairs.into_iter().collect()));
            }
            let cleared = clear(&batch);
            let cleared = if rng.random_bool(0.1) {
                cleared.into_stopped()
            } else {
                cleared
            };
            let release = wire::Release::decode(cleared.encoded()).unwrap();
            centre.hear(world, quarter, &release, cleared.spent(), &mut self.values);
            self.left.extend(cleared.spent());
            for under in &opened {
                if let Some((_, pairs)) = under.parts.last().filter(|part| part.0 == at) {
                    centre.hold(under.measure, pairs);
                }
            }
        }
        if again.is_some() {
            self.seconds[usize::from(!whole)] += 1;
        }
        self.under.extend(opened);
    }

    /// Rounds end at once or a quarter later; some fail, and free what they hold.
    fn end_rounds(&mut self, quarter: i32, rng: &mut impl Rng) {
        let (ending, still): (Vec<_>, Vec<_>) = std::mem::take(&mut self.under)
            .into_iter()
            .partition(|under| under.quarter + 1 < quarter || rng.random_bool(0.6));
        self.under = still;
        for mut under in ending {
            let centres = under.parts.len() as u32;
            let persons: usize = under.parts.iter().map(|(_, pairs)| pairs.len()).sum();
            let fails = centres < krog_pools::policy::FLOOR_CENTRES
                || (persons as u32) < krog_pools::policy::FLOOR_PERSONS
                || rng.random_bool(0.2);
            for ((at, pairs), old) in under.parts.iter().zip(&under.old) {
                let told = if fails { Told::Failed } else { Told::Pool };
                self.centres[*at].settle(&under, pairs, told, *old);
                if !fails {
                    self.left.extend(pairs);
                }
            }
            if !fails {
                self.pools.push((centres, persons as u32));
                under.quarter = quarter;
                self.told.push(under);
            }
        }
    }
}

impl World {
    fn invited<'a>(&'a self, measure: usize, first: Option<&'a BTreeSet<PairId>>) -> Invited<'a> {
        Invited {
            id: [9; 32],
            round: &self.rounds[measure][usize::from(first.is_some())],
            terms: &self.terms,
            centre: [5; 32],
            spent_rho_millionths: 0,
            first_counted: first,
        }
    }
}

impl Centre {
    fn new(world: &World, size: usize, rng: &mut impl Rng) -> Self {
        let way = |rng: &mut _| {
            if RngExt::random_bool(rng, 0.7) {
                Way::Pool
            } else {
                Way::Release
            }
        };
        let mut centre = Self {
            ways: [way(rng), way(rng)],
            agreed: true,
            ..Self::default()
        };
        for _ in 0..size {
            centre.join(rng);
        }
        // What has waited for some time already.
        for person in 0..size {
            if rng.random_bool(0.4) {
                let closed = -rng.random_range(1..9);
                centre.answer(world, person, closed, rng);
            }
        }
        centre
    }

    fn join(&mut self, rng: &mut impl Rng) {
        self.consents.push(rng.random_bool(0.85));
        self.here.push(true);
    }

    fn answer(&mut self, world: &World, person: usize, closed: i32, rng: &mut impl Rng) {
        for (at, (_, range)) in MEASURES.iter().enumerate() {
            if rng.random_bool(0.15) {
                continue;
            }
            let cell = &world.cells[at];
            let score = |rng: &mut _| (RngExt::random::<f64>(rng) * range).round();
            self.pairs[at].push(Pair {
                waiting: WaitingPair {
                    pair: PairId(rng.random()),
                    person: PersonKey(id(person)),
                    measure: cell.measure.clone(),
                    facilitation: Peer,
                    course: Course::Entry,
                    closed: Quarter::from_index(START.saturating_add_signed(closed)).unwrap(),
                    baseline: score(rng),
                    follow_up: score(rng),
                    consented: false,
                    group_agreed: true,
                },
                person,
                closed,
                held: false,
                gone: false,
            });
        }
    }

    /// A quarter passes.
    fn pass(&mut self, world: &World, quarter: i32, rng: &mut impl Rng) {
        for person in 0..self.here.len() {
            if !self.here[person] {
                continue;
            }
            if rng.random_bool(0.2) {
                self.answer(world, person, quarter, rng);
            }
            if rng.random_bool(0.03) {
                self.consents[person] = !self.consents[person];
            }
            self.here[person] = !rng.random_bool(0.06);
        }
        for _ in 0..rng.random_range(0..=1 + self.here.len() / 12) {
            self.join(rng);
        }
        for way in &mut self.ways {
            if rng.random_bool(0.15) {
                *way = match way {
                    Way::Pool => Way::Release,
                    Way::Release => Way::Pool,
                };
            }
        }
        self.agreed = rng.random_bool(0.95);
    }

    fn batch(
        &self,
        world: &World,
        quarter: i32,
        first: Option<(usize, &BTreeSet<PairId>)>,
    ) -> QuarterBatch {
        let laid = |pair: &Pair| WaitingPair {
            consented: self.consents[pair.person],
            ..pair.waiting.clone()
        };
        let waiting = self.pairs.iter().flatten();
        let again = first.map_or(Vec::new(), |(measure, first)| {
            let pairs = self.pairs[measure].iter();
            pairs
                .filter(|pair| first.contains(&pair.waiting.pair))
                .map(laid)
                .collect()
        });
        let parts = BatchParts {
            quarter: Quarter::from_index(START.saturating_add_signed(quarter)).unwrap(),
            roster_version: 1,
            policy: GatePolicy {
                floor_persons: 0,
                measures: world.measures.clone(),
            },
            collected: world
                .cells
                .iter()
                .map(|cell| CollectedCell {
                    cell: cell.clone(),
                    agreed: self.agreed,
                })
                .collect(),
            waiting: waiting
                .filter(|pair| !pair.held && !pair.gone)
                .map(laid)
                .collect(),
            baselines: Vec::new(),
            pooling: Pooling {
                ways: MEASURES
                    .iter()
                    .zip(self.ways)
                    .map(|((name, _), way)| (code(name), way))
                    .collect(),
                again,
                ..Pooling::default()
            },
        };
        QuarterBatch::new(parts).unwrap()
    }

    /// What a release says, and what it leaves behind.
    fn hear(
        &mut self,
        world: &World,
        quarter: i32,
        release: &wire::Release,
        spent: &[PairId],
        values: &mut Vec<u32>,
    ) {
        for (measure, cell) in world.cells.iter().enumerate() {
            let told = release
                .cells
                .iter()
                .find(|told| {
                    told.measure == cell.measure.as_str()
                        && told.facilitation() == wire::Facilitation::Peer
                        && told.course() == wire::Course::Entry
                })
                .and_then(|cell| cell.told);
            let counted = self.take(measure, |pair| spent.binary_search(pair).is_ok());
            match told.unwrap() {
                wire::cell::Told::Sums(sums) => {
                    assert_eq!(sums.persons as usize, counted.len());
                    values.push(sums.persons);
                    self.event(quarter, measure, Told::Value, counted, false);
                }
                wire::cell::Told::Withheld(why) if why == wire::Withheld::BelowFloor as i32 => {
                    let could: BTreeSet<usize> = self.pairs[measure]
                        .iter()
                        .filter(|pair| !pair.held && !pair.gone && quarter - pair.closed < 8)
                        .map(|pair| pair.person)
                        .filter(|person| self.consents[*person])
                        .collect();
                    assert!(could.len() < 10);
                    let could = could.into_iter().collect();
                    self.event(quarter, measure, Told::BelowFloor, could, false);
                }
                wire::cell::Told::Withheld(_) if !counted.is_empty() => {
                    self.event(quarter, measure, Told::Stopped, counted, false);
                }
                wire::cell::Told::Withheld(_) => {}
            }
        }
    }

    fn event(&mut self, quarter: i32, measure: usize, told: Told, persons: Vec<usize>, old: bool) {
        self.events.push(Event {
            quarter,
            measure,
            told,
            persons,
            old,
        });
    }

    /// Takes pairs away for ever, and says whose they were.
    fn take(&mut self, measure: usize, which: impl Fn(&PairId) -> bool) -> Vec<usize> {
        let mut persons = Vec::new();
        for pair in &mut self.pairs[measure] {
            if !pair.gone && which(&pair.waiting.pair) {
                pair.gone = true;
                persons.push(pair.person);
            }
        }
        let distinct: BTreeSet<_> = persons.iter().collect();
        assert_eq!(distinct.len(), persons.len(), "a person is counted once");
        persons
    }

    fn hold(&mut self, measure: usize, pairs: &BTreeSet<PairId>) {
        for pair in &mut self.pairs[measure] {
            pair.held |= pairs.contains(&pair.waiting.pair);
        }
    }

    fn settle(&mut self, under: &Under, pairs: &BTreeSet<PairId>, told: Told, old: bool) {
        let mut persons = Vec::new();
        for pair in &mut self.pairs[under.measure] {
            if pairs.contains(&pair.waiting.pair) {
                pair.held = false;
                persons.push(pair.person);
            }
        }
        if told == Told::Pool {
            self.take(under.measure, |pair| pairs.contains(pair));
        }
        self.event(under.quarter, under.measure, told, persons, old);
    }
}
