//! A round as its opening states it.

use crate::policy::{FLOOR_CENTRES_OF_BARE_WEIGHTS, FLOOR_PART, PoolTerms};
use crate::precision::{Precision, expected};
use crate::sum::Sum;
use krog_measures::{ClassHash, Course, Facilitation, Measure, MeasureCode, Quarter};
use krog_proto::federation::v1 as proto;
use std::collections::BTreeSet;
use thiserror::Error;

/// Most items of a round.
pub const MAX_ITEMS: usize = 64;
/// Most persons one centre can count in a round.
pub const MAX_PERSONS_PER_CENTRE: u32 = 1_000;
/// Longest a round may stay open after its deadline, days.
pub const MAX_DAYS_TO_EXPIRY: u32 = 366;

const LAST_DAY: u32 = 2_000_000;
const QUARTERS: std::ops::RangeInclusive<u32> = 7_880..=12_000;

/// An item whose answers are added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolItem {
    /// The item's code.
    pub code: String,
    /// Lowest value of an answer.
    pub lowest: i32,
    /// Highest value of an answer, above the lowest.
    pub highest: i32,
}

/// An opening, read. Every value is in its range; whether the network's policy allows it is asked with
/// [`check`](Round::check).
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// The measure.
    pub measure: MeasureCode,
    /// Its comparability class.
    pub class: ClassHash,
    /// Who leads the groups counted.
    pub facilitation: Facilitation,
    /// Entry or continuing pairs.
    pub course: Course,
    /// First quarter whose pairs are counted.
    pub first: Quarter,
    /// Last quarter whose pairs are counted.
    pub last: Quarter,
    /// Version of the roster whose policy holds.
    pub roster_version: u32,
    /// What is asked, each sum once; [`Sum::Items`] last.
    pub sums: Vec<Sum>,
    /// The items, where they are asked.
    pub items: Vec<PoolItem>,
    /// Identity of the leading aggregator's node.
    pub leader: [u8; 32],
    /// Identity of the other aggregator's node.
    pub helper: [u8; 32],
    /// Last day on which a part can be committed, as days since 1970-01-01.
    pub deadline: u32,
    /// Day from which on the round is given up.
    pub expiry: u32,
    /// The first round's opening, for a second round.
    pub first_round: Option<[u8; 32]>,
    /// Most persons a centre counts.
    pub persons_per_centre: u32,
    /// Bound of a person's change, hundredths of a point.
    pub change_bound_hundredths: u32,
    /// Public SD of change, thousandths of a point.
    pub unit_sd_thousandths: u32,
    /// τ² of a second round with weights, millionths of the unit SD squared.
    pub tau2_millionths: u32,
    /// Cost that each aggregator's noise ensures by itself, as ρ in millionths; 0: no noise.
    pub rho_millionths: u32,
    /// Reliable change, hundredths of a point; 0 unless asked.
    pub reliable_change_hundredths: u32,
    /// Expected precision, as stated.
    pub precision: Vec<Precision>,
}

/// Why an opening is no round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum RoundFault {
    /// A field is out of its range.
    #[error("the opening's {0} is out of range")]
    Range(&'static str),
    /// The sums are none, repeated, unknown, or do not go together.
    #[error(
        "the opening asks sums that do not go together: a first round starts with persons, weights belong to a second round, retention is asked by itself"
    )]
    Sums,
    /// Items are given without being asked, or the other way round.
    #[error("the opening's items are missing, repeated, or given without being asked")]
    Items,
    /// One node would aggregate alone.
    #[error("the opening names one node as both aggregators; name nodes of two organisations")]
    OneAggregator,
    /// The measure is another than the policy's.
    #[error("the opening's measure, class or bounds are not those of the network's policy")]
    Measure,
    /// It costs more than the policy allows, or leaves noise out where the policy asks for it.
    #[error("the opening asks for less noise than the network's policy")]
    Noise,
    /// The stated precision is not what comes out.
    #[error("the opening states another precision than its own numbers give")]
    Precision,
}

impl Round {
    /// Reads an opening. Every known field must be in its range.
    pub fn parse(opening: proto::PoolOpening) -> Result<Self, RoundFault> {
        use RoundFault::Range;
        let proto::PoolOpening {
            measure,
            comparability_class,
            facilitation,
            course,
            first_quarter,
            last_quarter,
            roster_version,
            sums,
            items,
            leader,
            helper,
            deadline,
            expiry,
            first_round,
            persons_per_centre,
            change_bound_hundredths,
            unit_sd_thousandths,
            tau2_millionths,
            rho_millionths,
            reliable_change_hundredths,
            precision,
        } = opening;
        let id = |bytes: Vec<u8>, what| <[u8; 32]>::try_from(bytes).map_err(|_| Range(what));
        let quarter = |index: u32, what| {
            QUARTERS
                .contains(&index)
                .then(|| Quarter::from_index(index).ok())
                .flatten()
                .ok_or(Range(what))
        };
        let round = Self {
            measure: MeasureCode::try_from(measure).map_err(|_| Range("measure"))?,
            class: ClassHash(id(comparability_class, "class")?),
            facilitation: facilitation_of(facilitation).ok_or(Range("facilitation"))?,
            course: course_of(course).ok_or(Range("course"))?,
            first: quarter(first_quarter, "first quarter")?,
            last: quarter(last_quarter, "last quarter")?,
            roster_version,
            sums: sums
                .into_iter()
                .map(|sum| Sum::from_number(sum).ok_or(RoundFault::Sums))
                .collect::<Result<_, _>>()?,
            items: items_of(items)?,
            leader: id(leader, "leader")?,
            helper: id(helper, "helper")?,
            deadline,
            expiry,
            first_round: if first_round.is_empty() {
                None
            } else {
                Some(id(first_round, "first round")?)
            },
            persons_per_centre,
            change_bound_hundredths,
            unit_sd_thousandths,
            tau2_millionths,
            rho_millionths,
            reliable_change_hundredths,
            precision: precision.into_iter().map(Precision::from_proto).collect(),
        };
        round.is_sound()?;
        Ok(round)
    }

    fn is_sound(&self) -> Result<(), RoundFault> {
        use RoundFault::Range;
        let checks = [
            (self.first <= self.last, "span of quarters"),
            (
                (1..=1_000_000).contains(&self.roster_version),
                "roster version",
            ),
            (self.deadline <= LAST_DAY, "deadline"),
            (
                self.expiry > self.deadline
                    && self.expiry - self.deadline <= MAX_DAYS_TO_EXPIRY
                    && self.expiry <= LAST_DAY,
                "expiry",
            ),
            (
                (FLOOR_PART..=MAX_PERSONS_PER_CENTRE).contains(&self.persons_per_centre),
                "persons per centre",
            ),
            (
                (1..=2_000_000).contains(&self.change_bound_hundredths),
                "bound of change",
            ),
            (
                (1..=1_000_000_000).contains(&self.unit_sd_thousandths),
                "unit SD",
            ),
            // At most ten unit SDs: in a finer unit, weighted sums would be told so finely that few parts fit them.
            (
                self.change_bound_hundredths <= self.unit_sd_thousandths,
                "bound of change in unit SDs",
            ),
            (
                self.tau2_millionths <= 100_000_000,
                "variance between centres",
            ),
            (self.rho_millionths <= 10_000_000, "privacy cost"),
            (
                self.reliable_change_hundredths <= 2_000_000,
                "reliable change",
            ),
            (self.precision.len() <= 8, "precision"),
        ];
        if let Some((_, what)) = checks.into_iter().find(|(holds, _)| !holds) {
            return Err(Range(what));
        }
        if self.leader == self.helper {
            return Err(RoundFault::OneAggregator);
        }
        let asks = |sum| self.sums.contains(&sum);
        let distinct: BTreeSet<Sum> = self.sums.iter().copied().collect();
        let weights = self.sums.iter().filter(|sum| sum.is_weight()).count();
        let retention = self.sums.iter().any(|sum| sum.is_retention());
        let reliable = asks(Sum::Improved) || asks(Sum::Deteriorated);
        let well_asked = !self.sums.is_empty()
            && distinct.len() == self.sums.len()
            // Weights are asked all three, by themselves, of a second round.
            && (weights == 0
                || (weights == 3 && self.sums.len() == 3 && self.first_round.is_some()))
            && (weights > 0 || self.sums.first() == Some(&Sum::Persons))
            && (weights > 0 || self.tau2_millionths == 0)
            && (!retention
                || self
                    .sums
                    .iter()
                    .all(|sum| sum.is_retention() || *sum == Sum::Persons))
            && reliable == (self.reliable_change_hundredths > 0)
            && (!asks(Sum::Items) || self.sums.last() == Some(&Sum::Items));
        if !well_asked {
            return Err(RoundFault::Sums);
        }
        if asks(Sum::Items) == self.items.is_empty() {
            return Err(RoundFault::Items);
        }
        Ok(())
    }

    /// Whether the policy of its network allows it. `measure` is the policy's measure of this code.
    pub fn check(&self, terms: &PoolTerms, measure: &Measure) -> Result<(), RoundFault> {
        let range = range_hundredths(measure);
        if measure.code != self.measure
            || measure.class != self.class
            || self.change_bound_hundredths > range
        {
            return Err(RoundFault::Measure);
        }
        let quiet_enough = self.rho_millionths <= terms.rho_millionths
            && (self.rho_millionths > 0) == (terms.rho_millionths > 0);
        if !quiet_enough {
            return Err(RoundFault::Noise);
        }
        if self.precision != expected(self, measure, terms) {
            return Err(RoundFault::Precision);
        }
        Ok(())
    }

    /// Fewest centres whose parts may be added up in it: the policy's floor, and without noise ten where weights are asked.
    /// Beside the first round's sums, weights without noise leave few parts possible; see "What the number of centres
    /// protects" of this crate.
    pub fn floor_centres(&self, terms: &PoolTerms) -> u32 {
        let bare_weights = self.rho_millionths == 0 && self.sums.iter().any(|sum| sum.is_weight());
        if bare_weights {
            terms.floor_centres.max(FLOOR_CENTRES_OF_BARE_WEIGHTS)
        } else {
            terms.floor_centres
        }
    }

    /// The opening for the wire.
    pub fn to_proto(&self) -> proto::PoolOpening {
        let Self {
            measure,
            class,
            facilitation,
            course,
            first,
            last,
            roster_version,
            sums,
            items,
            leader,
            helper,
            deadline,
            expiry,
            first_round,
            persons_per_centre,
            change_bound_hundredths,
            unit_sd_thousandths,
            tau2_millionths,
            rho_millionths,
            reliable_change_hundredths,
            precision,
        } = self;
        proto::PoolOpening {
            measure: measure.as_str().to_owned(),
            comparability_class: class.as_bytes().to_vec(),
            facilitation: match facilitation {
                Facilitation::Professional => proto::Facilitation::Professional,
                Facilitation::Peer => proto::Facilitation::Peer,
                Facilitation::CoLed => proto::Facilitation::CoLed,
            }
            .into(),
            course: match course {
                Course::Entry => proto::Course::Entry,
                Course::Continuing => proto::Course::Continuing,
            }
            .into(),
            first_quarter: first.index(),
            last_quarter: last.index(),
            roster_version: *roster_version,
            sums: sums.iter().map(|sum| sum.to_proto().into()).collect(),
            items: items
                .iter()
                .map(|item| proto::PoolItem {
                    code: item.code.clone(),
                    lowest: item.lowest,
                    highest: item.highest,
                })
                .collect(),
            leader: leader.to_vec(),
            helper: helper.to_vec(),
            deadline: *deadline,
            expiry: *expiry,
            first_round: first_round.map(Vec::from).unwrap_or_default(),
            persons_per_centre: *persons_per_centre,
            change_bound_hundredths: *change_bound_hundredths,
            unit_sd_thousandths: *unit_sd_thousandths,
            tau2_millionths: *tau2_millionths,
            rho_millionths: *rho_millionths,
            reliable_change_hundredths: *reliable_change_hundredths,
            precision: precision.iter().copied().map(Precision::to_proto).collect(),
        }
    }

    /// Whether it asks a sum.
    pub fn asks(&self, sum: Sum) -> bool {
        self.sums.contains(&sum)
    }

    /// Whether it counts everybody with a baseline, whether or not they answered again.
    pub fn counts_baselines(&self) -> bool {
        self.sums.iter().any(|sum| sum.is_retention())
    }

    /// The public SD of change, points.
    pub fn unit_sd(&self) -> f64 {
        f64::from(self.unit_sd_thousandths) / 1_000.0
    }

    /// τ² of its weights, units of the unit SD squared.
    pub fn tau2(&self) -> f64 {
        f64::from(self.tau2_millionths) / 1e6
    }

    /// Cost that each aggregator's noise ensures by itself, as ρ; 0: no noise.
    pub fn rho(&self) -> f64 {
        f64::from(self.rho_millionths) / 1e6
    }

    /// Which aggregator a node is in it, if any.
    pub fn role_of(&self, node: &[u8; 32]) -> Option<Role> {
        if *node == self.leader {
            Some(Role::Leader)
        } else if *node == self.helper {
            Some(Role::Helper)
        } else {
            None
        }
    }
}

/// Which of the two aggregators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The one that begins.
    Leader,
    /// The other.
    Helper,
}

impl Role {
    /// Both, in their order on the wire.
    pub const BOTH: [Self; 2] = [Self::Leader, Self::Helper];

    /// 0 or 1, as Prio3 counts its aggregators.
    pub const fn index(self) -> usize {
        match self {
            Self::Leader => 0,
            Self::Helper => 1,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Leader => Self::Helper,
            Self::Helper => Self::Leader,
        }
    }
}

/// A measure's range, hundredths of a point.
pub(crate) fn range_hundredths(measure: &Measure) -> u32 {
    // Scales of a policy lie within ±10000 points in hundredths.
    (measure.scale.range() * 100.0).round() as u32
}

fn items_of(items: Vec<proto::PoolItem>) -> Result<Vec<PoolItem>, RoundFault> {
    if items.len() > MAX_ITEMS {
        return Err(RoundFault::Items);
    }
    let mut codes = BTreeSet::new();
    let mut read = Vec::with_capacity(items.len());
    for proto::PoolItem {
        code,
        lowest,
        highest,
    } in items
    {
        let is_code = (1..=48).contains(&code.len())
            && code
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
        let ends = -1_000..=1_000;
        if !is_code
            || !ends.contains(&lowest)
            || !ends.contains(&highest)
            || lowest >= highest
            || !codes.insert(code.clone())
        {
            return Err(RoundFault::Items);
        }
        read.push(PoolItem {
            code,
            lowest,
            highest,
        });
    }
    Ok(read)
}

fn facilitation_of(number: i32) -> Option<Facilitation> {
    match proto::Facilitation::try_from(number).ok()? {
        proto::Facilitation::Unspecified => None,
        proto::Facilitation::Professional => Some(Facilitation::Professional),
        proto::Facilitation::Peer => Some(Facilitation::Peer),
        proto::Facilitation::CoLed => Some(Facilitation::CoLed),
    }
}

fn course_of(number: i32) -> Option<Course> {
    match proto::Course::try_from(number).ok()? {
        proto::Course::Unspecified => None,
        proto::Course::Entry => Some(Course::Entry),
        proto::Course::Continuing => Some(Course::Continuing),
    }
}

#[cfg(test)]
mod tests;
