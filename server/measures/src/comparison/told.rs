//! What centres told, what they did not, and which of it can be used.

use crate::calendar::Quarter;
use crate::facilitation::{Course, Facilitation};
use crate::instrument::Measure;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Fewest persons of a release under any policy.
pub const FEWEST_PERSONS: u32 = 10;

/// Most persons of a release that can be believed of one centre.
pub const MOST_PERSONS: u32 = 100_000;

/// Fewest persons of a release that tells its SD of change.
pub const PERSONS_FOR_SD: u32 = 20;

/// The baseline sum of a release, or which end of the scale its mean is near.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldBaseline {
    /// Sum over persons in points of the scale, rounded to a multiple of the range. Where it was
    /// told above the lowest score, persons × lowest score has been added.
    Sum(f64),
    /// The mean lies near the lowest score: every mean within a tenth of the range, and some beyond.
    LowEnd,
    /// The mean lies near the highest score: every mean within a tenth of the range, and some beyond.
    HighEnd,
}

/// One release of one centre on one measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReleasedSums {
    /// The centre's id.
    #[serde(with = "hex_id")]
    pub centre: [u8; 32],
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// Persons, one pair each.
    pub persons: u32,
    /// First quarter it covers.
    pub first: Quarter,
    /// Last quarter it covers.
    pub last: Quarter,
    /// Baseline.
    pub baseline: ToldBaseline,
    /// Sum of follow-up minus baseline in points, rounded to a multiple of the range; none where
    /// it was told as an end only.
    pub change_sum: Option<f64>,
    /// SD of change in points, from 20 persons on.
    pub change_sd: Option<f64>,
}

/// Why a cell was not told: the public reason, which is all the network learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Too few persons.
    BelowFloor,
    /// The policy's table has no place for this score at this number of persons.
    NotInTable,
    /// The centre did not share it; no cause is told.
    NotShared,
    /// The centre does not ask this.
    NotCollected,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BelowFloor => "below floor",
            Self::NotInTable => "not in table",
            Self::NotShared => "not shared",
            Self::NotCollected => "not collected",
        })
    }
}

/// A cell that was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Untold {
    /// The centre's id.
    #[serde(with = "hex_id")]
    pub centre: [u8; 32],
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// The public reason.
    pub status: Status,
    /// The quarter it was stated for.
    pub quarter: Quarter,
}

/// Cells that were not told, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntoldCount {
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// The public reason.
    pub status: Status,
    /// Cells: one a centre and quarter.
    pub cells: u32,
    /// Centres among them.
    pub centres: u32,
}

/// Who or what told figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A release of the centre with this id.
    Centre(#[serde(with = "hex_id")] [u8; 32]),
    /// The pool whose first round has this hash.
    Round(#[serde(with = "hex_id")] [u8; 32]),
}

/// A release or pool that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Which.
    #[serde(flatten)]
    pub source: Source,
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// First quarter it covers.
    pub first: Quarter,
    /// Last quarter it covers.
    pub last: Quarter,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a release or pool: no gate lets such a release out, and no sums of persons
/// give such a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Fewer persons than any policy allows, or more than any centre or pool has.
    Persons,
    /// The last quarter is before the first.
    Span,
    /// The baseline sum lies outside what the scale allows for so many persons.
    Baseline,
    /// The change sum lies outside what the scale allows for so many persons.
    Change,
    /// The SD of change lies outside what the scale allows, or comes from too few persons.
    ChangeSd,
    /// Fewer centres than any pool has, or more than any network.
    Centres,
    /// The SD of its noise is no number that noise can have.
    Noise,
    /// Its unit SD or privacy cost is not possible.
    Terms,
    /// The sum of squared numbers of persons is not that of so many persons in so many centres.
    PersonsSquared,
    /// A sum of squared changes lies outside what the scale allows for so many persons.
    ChangeSquared,
    /// A count lies outside what so many persons can give.
    Count,
    /// An item's sum lies outside what so many answers can give.
    Item,
    /// The weights are not those of so many persons, or their effects lie outside the scale.
    Weights,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Persons => "its number of persons is not possible",
            Self::Span => "its last quarter is before its first",
            Self::Baseline => "its baseline sum is not possible on this scale",
            Self::Change => "its change sum is not possible on this scale",
            Self::ChangeSd => "its SD of change is not possible on this scale",
            Self::Centres => "its number of centres is not possible",
            Self::Noise => "the SD of its noise is not possible",
            Self::Terms => "its unit SD or its privacy cost is not possible",
            Self::PersonsSquared => "its sum of squared numbers of persons is not possible",
            Self::ChangeSquared => "a sum of squared changes is not possible on this scale",
            Self::Count => "one of its counts is not possible for so many persons",
            Self::Item => "the sum of an item is not possible",
            Self::Weights => "its weights are not possible for so many persons",
        })
    }
}

/// Counts cells by facilitation, course and reason; a cell stated twice counts once.
pub(super) fn count_untold(untold: &[Untold]) -> Vec<UntoldCount> {
    let distinct: BTreeSet<&Untold> = untold.iter().collect();
    let mut counts: BTreeMap<_, (u32, BTreeSet<[u8; 32]>)> = BTreeMap::new();
    for cell in distinct {
        let (cells, centres) = counts
            .entry((cell.course, cell.facilitation, cell.status))
            .or_default();
        *cells += 1;
        centres.insert(cell.centre);
    }
    counts
        .into_iter()
        .map(
            |((course, facilitation, status), (cells, centres))| UntoldCount {
                facilitation,
                course,
                status,
                cells,
                centres: centres.len() as u32,
            },
        )
        .collect()
}

/// Puts releases into an order that depends on nothing but themselves, and takes out those no
/// gate could have let out: a broken or hostile node must not bend everyone's comparison, nor
/// stop it.
pub(super) fn sort_and_check(
    measure: &Measure,
    releases: &[ReleasedSums],
) -> (Vec<ReleasedSums>, Vec<SetAside>) {
    let mut sorted = releases.to_vec();
    sorted.sort_by(by_content);
    let mut sound = Vec::with_capacity(sorted.len());
    let mut set_aside = Vec::new();
    for release in sorted {
        match fault(measure, &release) {
            None => sound.push(release),
            Some(fault) => set_aside.push(SetAside {
                source: Source::Centre(release.centre),
                facilitation: release.facilitation,
                course: release.course,
                first: release.first,
                last: release.last,
                fault,
            }),
        }
    }
    (sound, set_aside)
}

fn fault(measure: &Measure, release: &ReleasedSums) -> Option<Fault> {
    let ReleasedSums {
        centre: _,
        facilitation: _,
        course: _,
        persons,
        first,
        last,
        baseline,
        change_sum,
        change_sd,
    } = *release;
    if !(FEWEST_PERSONS..=MOST_PERSONS).contains(&persons) {
        return Some(Fault::Persons);
    }
    if last < first {
        return Some(Fault::Span);
    }
    let range = measure.scale.range();
    let n = f64::from(persons);
    // A rounded sum lies at most half a step outside; the rest of the step is for f64.
    let slack = 0.51 * range;
    if let ToldBaseline::Sum(sum) = baseline {
        let possible = n * measure.scale.min() - slack..=n * measure.scale.max() + slack;
        if !possible.contains(&sum) {
            return Some(Fault::Baseline);
        }
    }
    if let Some(sum) = change_sum {
        let possible = -n * range - slack..=n * range + slack;
        if !possible.contains(&sum) {
            return Some(Fault::Change);
        }
    }
    if let Some(sd) = change_sd {
        let most = range * (n / (n - 1.0)).sqrt() + range / 40.0;
        // Told in steps of R/20: what lies between zero and half a step was never told.
        let told = sd == 0.0 || (range / 40.0..=most).contains(&sd);
        if persons < PERSONS_FOR_SD || !told {
            return Some(Fault::ChangeSd);
        }
    }
    None
}

fn by_content(a: &ReleasedSums, b: &ReleasedSums) -> Ordering {
    let key = |release: &ReleasedSums| {
        (
            release.centre,
            release.facilitation,
            release.course,
            release.first,
            release.last,
            release.persons,
        )
    };
    let baseline = |release: &ReleasedSums| match release.baseline {
        ToldBaseline::LowEnd => (0, 0.0),
        ToldBaseline::Sum(sum) => (1, sum),
        ToldBaseline::HighEnd => (2, 0.0),
    };
    let maybe = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    let ((a_kind, a_sum), (b_kind, b_sum)) = (baseline(a), baseline(b));
    key(a)
        .cmp(&key(b))
        .then(a_kind.cmp(&b_kind))
        .then(a_sum.total_cmp(&b_sum))
        .then(maybe(a.change_sum, b.change_sum))
        .then(maybe(a.change_sd, b.change_sd))
}

/// Centre ids as 64 hexadecimal digits in files.
pub(super) mod hex_id {
    use crate::instrument::ClassHash;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(id: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        // A class and an id look alike in text.
        ClassHash(*id).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        Ok(ClassHash::deserialize(deserializer)?.0)
    }
}
