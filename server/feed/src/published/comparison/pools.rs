//! What rounds told of one measure.

use super::caveats;
use crate::network::NetworkView;
use crate::rounds::board::{Board, RoundId, RoundStatus, Stage};
use krog_measures::comparison::{Noisy, PooledItem, PooledSums, PooledWeights};
use krog_measures::{Measure, Quarter};
use krog_pools::round::MAX_ITEMS;
use krog_pools::{Layout, Round, Sum};
use std::collections::{BTreeMap, BTreeSet};

/// Only what is told counts here, and that does not depend on the day: told rounds take their cells before all others.
const ANY_DAY: i64 = i64::MIN;

/// What the rounds that told say of one measure.
#[derive(Debug)]
pub(super) struct Pools {
    /// Each first round, with its second one if that told.
    pub(super) sums: Vec<PooledSums>,
    /// Whether some round is of another comparability class, and left out.
    pub(super) has_other_class: bool,
    /// Whether the rounds were opened under terms that differ.
    pub(super) has_mixed_policies: bool,
}

pub(super) fn gather(
    view: &NetworkView,
    board: &Board,
    measure: &Measure,
    last_quarter: Option<Quarter>,
) -> Pools {
    let mut has_other_class = false;
    let mut versions = BTreeSet::new();
    let mut pools = BTreeMap::<RoundId, Pool>::new();
    let (first, second): (Vec<_>, Vec<_>) = board
        .rounds(view, ANY_DAY)
        .into_iter()
        .filter(|status| status.stage == Stage::Told && status.round.measure == measure.code)
        .filter(|status| last_quarter.is_none_or(|last| status.round.last <= last))
        .partition(|status| status.round.first_round.is_none());
    for status in first {
        if status.round.class != measure.class {
            has_other_class = true;
            continue;
        }
        versions.insert(status.round.roster_version);
        pools.insert(status.id, Pool::of(status, measure));
    }
    for status in second {
        // A second round stands beside a first one that told, and is about the same.
        let first = status.round.first_round.map(RoundId::from);
        if let Some(pool) = first.and_then(|first| pools.get_mut(&first)) {
            versions.insert(status.round.roster_version);
            pool.take(&status, measure);
        }
    }
    Pools {
        sums: pools
            .into_values()
            .filter_map(|pool| pool.sums(measure))
            .collect(),
        has_other_class,
        has_mixed_policies: caveats::has_mixed_policies(view, &versions, caveats::of_pools),
    }
}

/// One pool: what its rounds told together. Both count the same pairs of the same centres.
struct Pool {
    first: RoundId,
    round: Round,
    centres: u32,
    rho_millionths: u32,
    /// All sums but those below.
    sums: BTreeMap<Sum, Noisy>,
    /// What a round about retention counts as persons.
    with_baseline: Option<Noisy>,
    items: Vec<PooledItem>,
    /// Of a second round with weights, the variance between centres they were made with.
    tau2: f64,
}

impl Pool {
    fn of(status: RoundStatus, measure: &Measure) -> Self {
        let centres = status.told.as_ref().map_or(0, |told| told.centres.len());
        let mut pool = Self {
            first: status.id,
            round: status.round.clone(),
            centres: u32::try_from(centres).unwrap_or(u32::MAX),
            rho_millionths: 0,
            sums: BTreeMap::new(),
            with_baseline: None,
            items: Vec::new(),
            tau2: 0.0,
        };
        pool.take(&status, measure);
        pool
    }

    fn take(&mut self, status: &RoundStatus, measure: &Measure) {
        let (round, Some(told)) = (&status.round, &status.told) else {
            return;
        };
        self.rho_millionths = self.rho_millionths.saturating_add(round.rho_millionths);
        if round.sums.iter().any(|sum| sum.is_weight()) {
            self.tau2 = f64::from(round.tau2_millionths) / 1e6;
        }
        let is_retention = round.sums.iter().any(|sum| sum.is_retention());
        let layout = Layout::of(round, measure);
        let values = told.totals.sums.iter().zip(&told.totals.noise_sds);
        for (coordinate, (&value, &noise_sd)) in layout.coordinates().iter().zip(values) {
            let told = Noisy { value, noise_sd };
            match (coordinate.sum, coordinate.item) {
                (Sum::Items, item) => self.take_item(round, item, told),
                (Sum::Persons, _) if is_retention => {
                    self.with_baseline = Some(combined(self.with_baseline, told));
                }
                // Counted by another measure of what is reliable, they are other persons; the first round's stand.
                (sum @ (Sum::Improved | Sum::Deteriorated), _)
                    if self.sums.contains_key(&sum)
                        && round.reliable_change_hundredths
                            != self.round.reliable_change_hundredths => {}
                (sum, _) => {
                    let known = self.sums.get(&sum).copied();
                    self.sums.insert(sum, combined(known, told));
                }
            }
        }
    }

    fn take_item(&mut self, round: &Round, at: Option<usize>, sum: Noisy) {
        let Some(item) = at.and_then(|at| round.items.get(at)) else {
            return;
        };
        let lowest = f64::from(item.lowest);
        let has_room = self.items.len() < MAX_ITEMS;
        match self.items.iter_mut().find(|known| known.code == item.code) {
            Some(known) if known.lowest == lowest => known.sum = combined(Some(known.sum), sum),
            // In another coding; the first round's stands.
            Some(_) => {}
            None if has_room => self.items.push(PooledItem {
                code: item.code.clone(),
                lowest,
                sum,
            }),
            None => {}
        }
    }

    fn sums(self, measure: &Measure) -> Option<PooledSums> {
        let Self {
            first,
            round,
            centres,
            rho_millionths,
            sums,
            with_baseline,
            items,
            tau2,
        } = self;
        let sum = |sum: Sum| sums.get(&sum).copied();
        let weights = || {
            Some(PooledWeights {
                tau2,
                w: sum(Sum::Weight)?,
                wy: sum(Sum::WeightedEffect)?,
                wy2: sum(Sum::WeightedEffectSquared)?,
            })
        };
        let range_hundredths = (measure.scale.range() * 100.0).round();
        Some(PooledSums {
            round: *first.as_bytes(),
            facilitation: round.facilitation,
            course: round.course,
            centres,
            first: round.first,
            last: round.last,
            unit_sd: round.unit_sd(),
            change_bounded: f64::from(round.change_bound_hundredths) < range_hundredths,
            rho_millionths,
            // Who was followed up has a pair. Where only meetings were asked, nobody knows who has one.
            persons: sum(Sum::Persons)
                .or(sum(Sum::FollowedUp))
                .or(with_baseline)?,
            change: sum(Sum::Change),
            change_squared: sum(Sum::ChangeSquared),
            persons_squared: sum(Sum::PersonsSquared),
            change_squared_per_person: sum(Sum::ChangeSquaredPerPerson),
            baseline: sum(Sum::Baseline),
            improved: sum(Sum::Improved),
            deteriorated: sum(Sum::Deteriorated),
            followed_up: sum(Sum::FollowedUp),
            sessions: sum(Sum::Sessions),
            with_baseline,
            items,
            weights: weights(),
        })
    }
}

/// The same sum told twice, each time with noise of its own: weighted by precision. Without noise nothing is gained by the
/// other.
fn combined(known: Option<Noisy>, told: Noisy) -> Noisy {
    let Some(known) = known else { return told };
    let (one, other) = (
        known.noise_sd * known.noise_sd,
        told.noise_sd * told.noise_sd,
    );
    if one == 0.0 {
        return known;
    }
    if other == 0.0 {
        return told;
    }
    let all = one + other;
    Noisy {
        value: known.value * (other / all) + told.value * (one / all),
        noise_sd: (one * (other / all)).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_told_twice_is_more_precise_than_either() {
        let noisy = |value, noise_sd| Noisy { value, noise_sd };
        let both = combined(Some(noisy(10.0, 2.0)), noisy(14.0, 2.0));
        assert!(
            (both.value - 12.0).abs() < 1e-12 && (both.noise_sd - 2.0_f64.sqrt()).abs() < 1e-12
        );
        assert_eq!(combined(Some(noisy(9.0, 0.0)), noisy(14.0, 2.0)).value, 9.0);
        assert_eq!(
            combined(Some(noisy(9.0, 1.0)), noisy(14.0, 0.0)).value,
            14.0
        );
        assert_eq!(combined(None, noisy(3.0, 1.0)), noisy(3.0, 1.0));
    }
}
