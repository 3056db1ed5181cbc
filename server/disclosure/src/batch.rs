//! What a centre lays before the gate at a quarter's end.
//!
//! Parsed once by [`QuarterBatch::new`]; what the gate does with a batch cannot fail after that. Inside, who is counted
//! (`Head`) and what they answered (`Answer`) are kept apart, so that the code which decides what a cell tells has
//! no answers to look at.

mod laying;

use krog_measures::{Course, Facilitation, Measure, MeasureCode, Quarter};
use laying::Laying;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use thiserror::Error;

/// Fewest persons in a released cell. A policy may ask for more, never for fewer.
pub const FLOOR_PERSONS: u32 = 10;

/// Most measures of a policy; as on the wire.
pub const MAX_MEASURES: usize = 64;

/// Most pairs that may wait in one centre. Keeps every sum exact.
pub const MAX_WAITING: usize = 1_000_000;

/// Quarters after which a pair no longer waits for a release of its own centre, but for a pool.
pub const QUARTERS_TO_POOL: u32 = 8;

/// Identity of a pair in its centre: random, the same in every batch, and remembered for ever once spent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub [u8; 16]);

impl fmt::Debug for PairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairId(..)")
    }
}

/// Tells persons of one centre apart, so that floors count persons. Says nothing else, and never leaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonKey(pub [u8; 16]);

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey(..)")
    }
}

/// Which cell: a measure, who leads the groups, and when in a member's time the baseline was taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
    /// The measure's code.
    pub measure: MeasureCode,
    /// Who leads the groups.
    pub facilitation: Facilitation,
    /// Entry or continuing.
    pub course: Course,
}

/// A cell the centre collects, and whether it may be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectedCell {
    /// The cell.
    pub cell: CellKey,
    /// Whether any group of this cell has agreed, as it stands, that its outcomes are shared. This is the groups'
    /// standing decision and does not depend on whose pairs wait.
    pub agreed: bool,
}

/// One member's baseline and follow-up on one measure, waiting to leave.
#[derive(Clone)]
pub struct WaitingPair {
    /// The pair.
    pub pair: PairId,
    /// Whose it is.
    pub person: PersonKey,
    /// Of which measure.
    pub measure: MeasureCode,
    /// Who led the group the member is counted under.
    pub facilitation: Facilitation,
    /// Entry or continuing.
    pub course: Course,
    /// Quarter in which the window of its follow-up closed.
    pub closed: Quarter,
    /// First score, within the measure's scale.
    pub baseline: f64,
    /// Second score, within the measure's scale.
    pub follow_up: f64,
    /// Whether the member consents to being counted, as it stands.
    pub consented: bool,
    /// Whether the member's group has agreed to share, as it stands.
    pub group_agreed: bool,
}

impl fmt::Debug for WaitingPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WaitingPair(..)")
    }
}

/// A baseline whose window closed without a follow-up: counted where a pool asks how many were asked again.
#[derive(Clone)]
pub struct LostBaseline {
    /// Stands for the pair there is none of.
    pub pair: PairId,
    /// Whose it is.
    pub person: PersonKey,
    /// Of which measure.
    pub measure: MeasureCode,
    /// Who led the group the member is counted under.
    pub facilitation: Facilitation,
    /// Entry or continuing.
    pub course: Course,
    /// Quarter in which the window closed.
    pub closed: Quarter,
    /// The score, within the measure's scale.
    pub baseline: f64,
    /// Whether the member consents to being counted, as it stands.
    pub consented: bool,
    /// Whether the member's group has agreed to share, as it stands.
    pub group_agreed: bool,
}

impl fmt::Debug for LostBaseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LostBaseline(..)")
    }
}

/// What pools may ask beside the two scores.
#[derive(Clone, Default)]
pub struct Aside {
    /// Meetings attended between the baseline and the end of its window.
    pub sessions: u32,
    /// Answers to items at follow-up, by the item's code.
    pub items: BTreeMap<String, i32>,
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aside(..)")
    }
}

/// By which way a measure leaves its centre. Never both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Way {
    /// In releases, under the centre's name. What has waited eight quarters goes to a pool.
    #[default]
    Release,
    /// In pools.
    Pool,
}

impl Way {
    /// The word in answers and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Pool => "pool",
        }
    }
}

/// Everything of a batch that only pools look at. Without it, all measures leave by release.
#[derive(Debug, Clone, Default)]
pub struct Pooling {
    /// The way of each measure; one not named leaves by release.
    pub ways: BTreeMap<MeasureCode, Way>,
    /// Baselines without a follow-up.
    pub lost: Vec<LostBaseline>,
    /// Pairs that a first round counted and whose second may still come. They are spent: nothing but that second round
    /// looks at them.
    pub again: Vec<WaitingPair>,
    /// What pools may ask beside the scores, by pair or lost baseline.
    pub asides: BTreeMap<PairId, Aside>,
}

/// Baselines of one measure over the last eight quarters and all facilitations, of members who consent to being counted
/// in groups that agreed, whose window has closed.
#[derive(Clone, PartialEq, Eq)]
pub struct BaselineCount {
    /// The measure's code.
    pub measure: MeasureCode,
    /// Baselines opened.
    pub opened: u32,
    /// How many of them found a follow-up.
    pub found: u32,
}

impl fmt::Debug for BaselineCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BaselineCount(..)")
    }
}

/// What the network, or the centre where it is stricter, lets the gate tell.
#[derive(Debug, Clone, PartialEq)]
pub struct GatePolicy {
    /// Fewest persons of a told cell. Below [`FLOOR_PERSONS`] it counts as that.
    pub floor_persons: u32,
    /// The network's measures, in the order in which they are told when a cell is too small for all.
    pub measures: Vec<Measure>,
}

/// The parts of a batch, unchecked.
#[derive(Debug, Clone)]
pub struct BatchParts {
    /// The quarter being closed.
    pub quarter: Quarter,
    /// Version of the roster whose policy this is, from 1.
    pub roster_version: u32,
    /// The policy.
    pub policy: GatePolicy,
    /// The cells this centre collects. Others are told as not collected.
    pub collected: Vec<CollectedCell>,
    /// All pairs not yet spent. Those of other measures, and those closed after the quarter, keep waiting.
    pub waiting: Vec<WaitingPair>,
    /// Follow-up per measure.
    pub baselines: Vec<BaselineCount>,
    /// What only pools look at.
    pub pooling: Pooling,
}

/// Why parts are not a batch. None of it leaves, and none of it names a person.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BatchError {
    /// The quarter cannot be written on the wire.
    #[error("quarter {0} cannot be released; quarters from 1970Q1 to 3000Q1 can")]
    Quarter(Quarter),
    /// There is no such roster.
    #[error("roster version {0} cannot be; versions count from 1 to 1000000")]
    RosterVersion(u32),
    /// Without a policy nothing leaves.
    #[error(
        "the network's policy names no measure, so nothing can leave; ask a keyholder for a policy"
    )]
    NoMeasures,
    /// More measures than a release can hold.
    #[error(
        "the network's policy names more than {MAX_MEASURES} measures; ask a keyholder to shorten it"
    )]
    TooManyMeasures,
    /// One measure stands in the policy twice.
    #[error("the network's policy names {0} twice; ask a keyholder to name it once")]
    RepeatedMeasure(MeasureCode),
    /// A cell is given twice.
    #[error("the cell {} · {} · {} is given twice; give each cell once", .0.measure, .0.facilitation, .0.course)]
    RepeatedCell(CellKey),
    /// One pair stands in the batch twice.
    #[error("a pair of {0} stands in the batch twice; give each pair once")]
    RepeatedPair(MeasureCode),
    /// A score cannot be on its measure's scale.
    #[error(
        "a score of {0} lies outside the scale the network's policy states; check that both use the same coding"
    )]
    OffScale(MeasureCode),
    /// More pairs than can be added exactly.
    #[error("more than {MAX_WAITING} pairs wait; this is more than one centre can have")]
    TooManyPairs,
    /// More follow-ups than baselines, or a measure counted twice.
    #[error(
        "the follow-up of {0} is counted twice, or finds more follow-ups than baselines; count it anew"
    )]
    FollowUp(MeasureCode),
}

/// Who is counted: everything about a pair but the answers.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) pair: PairId,
    pub(crate) person: PersonKey,
    pub(crate) closed: Quarter,
    pub(crate) consented: bool,
    pub(crate) group_agreed: bool,
    /// Where its answers stand in the batch.
    pub(crate) answer: usize,
}

/// What was answered.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) baseline: f64,
    pub(crate) follow_up: Option<f64>,
}

/// Everything that decides what a cell tells. There is no answer in it.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) quarter: Quarter,
    pub(crate) roster_version: u32,
    pub(crate) floor_persons: u32,
    pub(crate) measures: Vec<Measure>,
    /// Collected cells, and whether any group of them agreed.
    pub(crate) collected: BTreeMap<CellKey, bool>,
    /// Per cell, earliest first.
    pub(crate) waiting: BTreeMap<CellKey, Vec<Head>>,
    pub(crate) follow_up: BTreeMap<MeasureCode, (u32, u32)>,
    /// Measures that leave by pools.
    pub(crate) pooled: BTreeSet<MeasureCode>,
    /// Baselines without a follow-up, earliest first; their answers stand with the others.
    pub(crate) lost: BTreeMap<CellKey, Vec<Head>>,
    /// Spent in a first round, for its second alone.
    pub(crate) again: BTreeMap<CellKey, Vec<Head>>,
}

/// A centre's quarter, ready for the gate.
#[derive(Clone)]
pub struct QuarterBatch {
    pub(crate) frame: Frame,
    pub(crate) answers: Vec<Answer>,
    pub(crate) asides: BTreeMap<PairId, Aside>,
}

impl fmt::Debug for QuarterBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QuarterBatch({})", self.frame.quarter)
    }
}

impl QuarterBatch {
    /// Checks the parts of a batch.
    pub fn new(parts: BatchParts) -> Result<Self, BatchError> {
        let BatchParts {
            quarter,
            roster_version,
            policy,
            collected,
            waiting,
            baselines,
            pooling,
        } = parts;
        let Pooling {
            ways,
            lost,
            again,
            asides,
        } = pooling;
        let GatePolicy {
            floor_persons,
            measures,
        } = policy;
        if !(7_880..=12_000).contains(&quarter.index()) {
            return Err(BatchError::Quarter(quarter));
        }
        if !(1..=1_000_000).contains(&roster_version) {
            return Err(BatchError::RosterVersion(roster_version));
        }
        if measures.is_empty() {
            return Err(BatchError::NoMeasures);
        }
        if measures.len() > MAX_MEASURES {
            return Err(BatchError::TooManyMeasures);
        }
        let mut scales = BTreeMap::new();
        for measure in &measures {
            if scales.insert(measure.code.clone(), measure.scale).is_some() {
                return Err(BatchError::RepeatedMeasure(measure.code.clone()));
            }
        }
        let mut cells = BTreeMap::new();
        for CollectedCell { cell, agreed } in collected {
            if cells.insert(cell.clone(), agreed).is_some() {
                return Err(BatchError::RepeatedCell(cell));
            }
        }
        if waiting.len() + lost.len() + again.len() > MAX_WAITING {
            return Err(BatchError::TooManyPairs);
        }
        let mut laying = Laying::new(quarter, scales);
        let waiting = laying.pairs(waiting)?;
        let lost = laying.lost(lost)?;
        let again = laying.pairs(again)?;
        let answers = laying.answers();
        let mut follow_up = BTreeMap::new();
        for BaselineCount {
            measure,
            opened,
            found,
        } in baselines
        {
            if found > opened || follow_up.insert(measure.clone(), (opened, found)).is_some() {
                return Err(BatchError::FollowUp(measure));
            }
        }
        Ok(Self {
            frame: Frame {
                quarter,
                roster_version,
                floor_persons: floor_persons.max(FLOOR_PERSONS),
                measures,
                collected: cells,
                waiting,
                follow_up,
                pooled: ways
                    .into_iter()
                    .filter(|(_, way)| *way == Way::Pool)
                    .map(|(measure, _)| measure)
                    .collect(),
                lost,
                again,
            },
            answers,
            asides,
        })
    }

    /// The quarter being closed.
    pub fn quarter(&self) -> Quarter {
        self.frame.quarter
    }
}
