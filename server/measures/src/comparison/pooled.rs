//! What pools told, and which of it can be used.

use super::told::{Fault, SetAside, Source};
use crate::calendar::Quarter;
use crate::facilitation::{Course, Facilitation};
use crate::instrument::{Measure, Scale};

/// Fewest centres of a pool under any policy.
pub const FEWEST_CENTRES: u32 = 5;

/// Most centres that can be believed of a network.
pub const MOST_CENTRES: u32 = 100_000;

/// Fewest persons of a pool under any policy.
pub const FEWEST_POOLED_PERSONS: f64 = 30.0;

/// Most persons that can be believed of a pool.
pub const MOST_POOLED_PERSONS: f64 = 1e7;

/// Most meetings that count for one person.
pub const MOST_SESSIONS: f64 = 26.0;

/// Most noise that can be believed, in units of the most that one person moves a sum.
const MOST_NOISE: f64 = 1e9;

/// A sum so many noise SDs outside what is possible is not one that noise has moved there.
const FAR: f64 = 6.0;

/// What rounding each centre's part to the units of a round can move a sum by, in units of what
/// one person can: a hundredth, twice as much as half a step.
const ROUNDING: f64 = 0.01;

/// Most items of a round, and highest and lowest value of an answer.
const MOST_ITEMS: usize = 64;
const MOST_ANSWER: f64 = 1_000.0;

/// Largest variance between centres, in SDs of change squared, and privacy cost in millionths of
/// rho that a round can state.
const MOST_TAU2: f64 = 100.0;
const MOST_RHO: u32 = 20_000_000;

/// A told sum with the noise of both aggregators together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noisy {
    /// As told.
    pub value: f64,
    /// SD of the noise in it; 0 without noise.
    pub noise_sd: f64,
}

impl Noisy {
    /// A sum without noise.
    pub const fn exact(value: f64) -> Self {
        Self {
            value,
            noise_sd: 0.0,
        }
    }

    /// Square of the noise SD.
    pub(super) fn noise_variance(self) -> f64 {
        self.noise_sd * self.noise_sd
    }

    pub(super) fn is_exact(self) -> bool {
        self.noise_sd == 0.0
    }

    /// Whether its noise is a number that `unit`, the most one person moves it by, allows.
    fn noise_is_possible(self, unit: f64) -> bool {
        (0.0..=MOST_NOISE * unit).contains(&self.noise_sd)
    }

    /// Whether noise can have moved it here from between `low` and `high`. False for NaN.
    fn may_lie_in(self, low: f64, high: f64) -> bool {
        (low - FAR * self.noise_sd..=high + FAR * self.noise_sd).contains(&self.value)
    }
}

/// What a second round over the same centres told, made with this τ².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledWeights {
    /// Variance between centres the weights were made with, in SDs of change squared.
    pub tau2: f64,
    /// Σw with w = n / (1 + n τ²).
    pub w: Noisy,
    /// Σwy with y a centre's mean improvement in unit SDs, turned so that positive is better.
    pub wy: Noisy,
    /// Σwy²
    pub wy2: Noisy,
}

/// The sum of the answers to one item.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledItem {
    /// The item's code.
    pub code: String,
    /// Lowest value of an answer.
    pub lowest: f64,
    /// Σ(answer − lowest) at follow-up.
    pub sum: Noisy,
}

/// What one pool told: its first round, with a told second round over the same centres if there
/// is one. Points are those of the measure's scale.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledSums {
    /// Hash naming the first round.
    pub round: [u8; 32],
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// Centres in the agreed set.
    pub centres: u32,
    /// First quarter it covers.
    pub first: Quarter,
    /// Last quarter it covers.
    pub last: Quarter,
    /// SD of change that the rounds state, in points: the unit of the effects in `weights`.
    pub unit_sd: f64,
    /// Whether a person's change was bounded below the range of the scale.
    pub change_bounded: bool,
    /// Privacy cost of its rounds together, as rho, in millionths. 0: no noise.
    pub rho_millionths: u32,
    /// Σn. Where only retention was asked, those of `with_baseline` who were followed up.
    pub persons: Noisy,
    /// Σ change (follow-up minus baseline), points.
    pub change: Option<Noisy>,
    /// Σ change², points².
    pub change_squared: Option<Noisy>,
    /// Σ over centres of n².
    pub persons_squared: Option<Noisy>,
    /// Σ over centres of (Σ change)² / n, points².
    pub change_squared_per_person: Option<Noisy>,
    /// Σ(baseline − lowest score), points.
    pub baseline: Option<Noisy>,
    /// Persons reliably improved.
    pub improved: Option<Noisy>,
    /// Persons reliably worse.
    pub deteriorated: Option<Noisy>,
    /// Of `with_baseline`, those who were asked again and answered.
    pub followed_up: Option<Noisy>,
    /// Meetings attended by those of `with_baseline`.
    pub sessions: Option<Noisy>,
    /// Persons with a baseline, where `followed_up` or `sessions` was asked.
    pub with_baseline: Option<Noisy>,
    /// Items, in the order of the round.
    pub items: Vec<PooledItem>,
    /// The second round.
    pub weights: Option<PooledWeights>,
}

/// Puts pools into an order that depends on nothing but themselves, and takes out those that no
/// round can have told.
pub(super) fn sort_and_check(
    measure: &Measure,
    pools: &[PooledSums],
) -> (Vec<PooledSums>, Vec<SetAside>) {
    let mut sorted = pools.to_vec();
    sorted.sort_by_cached_key(content);
    let mut sound = Vec::with_capacity(sorted.len());
    let mut set_aside = Vec::new();
    for pool in sorted {
        match fault(&measure.scale, &pool) {
            None => sound.push(pool),
            Some(fault) => set_aside.push(SetAside {
                source: Source::Round(pool.round),
                facilitation: pool.facilitation,
                course: pool.course,
                first: pool.first,
                last: pool.last,
                fault,
            }),
        }
    }
    (sound, set_aside)
}

fn fault(scale: &Scale, pool: &PooledSums) -> Option<Fault> {
    let PooledSums {
        round: _,
        facilitation: _,
        course: _,
        centres,
        first,
        last,
        unit_sd,
        change_bounded: _,
        rho_millionths,
        persons,
        change,
        change_squared,
        persons_squared,
        change_squared_per_person,
        baseline,
        improved,
        deteriorated,
        followed_up,
        sessions,
        with_baseline,
        items,
        weights,
    } = pool;
    if !(FEWEST_CENTRES..=MOST_CENTRES).contains(centres) {
        return Some(Fault::Centres);
    }
    if last < first {
        return Some(Fault::Span);
    }
    let possible_unit = (1.0 / Scale::LIMIT..=Scale::LIMIT).contains(unit_sd);
    if !possible_unit || *rho_millionths > MOST_RHO {
        return Some(Fault::Terms);
    }
    let k = f64::from(*centres);
    let range = scale.range();
    let (least, most) = at_most(*persons);
    if !persons.noise_is_possible(1.0) {
        return Some(Fault::Noise);
    }
    // A round that asks only for retention has its floor in persons with a baseline; any number of them may have come back.
    let (floored, fewest) = match (with_baseline, change) {
        (Some(with_baseline), None) => (*with_baseline, -FAR * persons.noise_sd),
        _ => (*persons, FEWEST_POOLED_PERSONS - 5.0 * persons.noise_sd),
    };
    // Written so that NaN fails.
    if !(fewest..=MOST_POOLED_PERSONS).contains(&persons.value)
        || !(FEWEST_POOLED_PERSONS - 5.0 * floored.noise_sd..).contains(&floored.value)
    {
        return Some(Fault::Persons);
    }
    let rounding = ROUNDING * k * range;
    let squares_rounding = rounding * range;
    let squares = most * range * range + squares_rounding;
    // Among k centres of n persons in all, Σn² is least for equal ones.
    let squared_persons = (least * least / k * (1.0 - 1e-9), most * most);
    let (_, most_baselines) = with_baseline.map_or((least, most), at_most);
    let sums = [
        (
            change,
            range,
            (-most * range - rounding, most * range + rounding),
            Fault::Change,
        ),
        (
            change_squared,
            range * range,
            (-squares_rounding, squares),
            Fault::ChangeSquared,
        ),
        (
            change_squared_per_person,
            range * range,
            (-squares_rounding, squares),
            Fault::ChangeSquared,
        ),
        // One person more moves n² by 2n + 1.
        (persons_squared, 1e4, squared_persons, Fault::PersonsSquared),
        (
            baseline,
            range,
            (-rounding, most * range + rounding),
            Fault::Baseline,
        ),
        (improved, 1.0, (0.0, most), Fault::Count),
        (deteriorated, 1.0, (0.0, most), Fault::Count),
        (with_baseline, 1.0, (0.0, MOST_POOLED_PERSONS), Fault::Count),
        (followed_up, 1.0, (0.0, most_baselines), Fault::Count),
        (
            sessions,
            MOST_SESSIONS,
            (0.0, MOST_SESSIONS * most_baselines),
            Fault::Count,
        ),
    ];
    for (sum, unit, (low, high), fault) in sums {
        let Some(sum) = sum else { continue };
        if !sum.noise_is_possible(unit) {
            return Some(Fault::Noise);
        }
        if !sum.may_lie_in(low, high) {
            return Some(fault);
        }
    }
    if items.len() > MOST_ITEMS {
        return Some(Fault::Item);
    }
    for item in items {
        let span = 2.0 * MOST_ANSWER;
        if !item.sum.noise_is_possible(span) {
            return Some(Fault::Noise);
        }
        let possible_lowest = (-MOST_ANSWER..=MOST_ANSWER).contains(&item.lowest);
        if !possible_lowest || !item.sum.may_lie_in(0.0, span * most) {
            return Some(Fault::Item);
        }
    }
    weights.and_then(|weights| weights_fault(k, most, range / unit_sd, &weights))
}

/// Fewest and most persons that noise leaves possible.
fn at_most(persons: Noisy) -> (f64, f64) {
    let noise = FAR * persons.noise_sd;
    ((persons.value - noise).max(0.0), persons.value + noise)
}

/// `steepest` is the range in unit SDs: no centre's mean improvement is larger.
fn weights_fault(k: f64, persons: f64, steepest: f64, weights: &PooledWeights) -> Option<Fault> {
    let PooledWeights { tau2, w, wy, wy2 } = *weights;
    if !(0.0..=MOST_TAU2).contains(&tau2) {
        return Some(Fault::Weights);
    }
    let units = [(w, 1.0), (wy, steepest), (wy2, steepest * steepest)];
    if units
        .iter()
        .any(|(sum, unit)| !sum.noise_is_possible(*unit))
    {
        return Some(Fault::Noise);
    }
    let rounding = ROUNDING * k;
    // Each centre has one person or more, and n / (1 + n τ²) rises with n towards 1 / τ².
    let (least, most) = (
        k / (1.0 + tau2) - rounding,
        persons.min(k / tau2) + rounding,
    );
    let effects = (most + FAR * w.noise_sd) * steepest + rounding;
    let possible = w.may_lie_in(least, most)
        && wy.may_lie_in(-effects, effects)
        && wy2.may_lie_in(-rounding, effects * steepest + rounding);
    (!possible).then_some(Fault::Weights)
}

/// Everything a pool says as something that has an order, NaN included.
fn content(pool: &PooledSums) -> impl Ord + use<> {
    let PooledSums {
        round,
        facilitation,
        course,
        centres,
        first,
        last,
        unit_sd,
        change_bounded,
        rho_millionths,
        persons,
        change,
        change_squared,
        persons_squared,
        change_squared_per_person,
        baseline,
        improved,
        deteriorated,
        followed_up,
        sessions,
        with_baseline,
        items,
        weights,
    } = pool;
    let bits = |sum: Noisy| (sum.value.to_bits(), sum.noise_sd.to_bits());
    let sums = [
        Some(*persons),
        *change,
        *change_squared,
        *persons_squared,
        *change_squared_per_person,
        *baseline,
        *improved,
        *deteriorated,
        *followed_up,
        *sessions,
        *with_baseline,
        weights.map(|weights| weights.w),
        weights.map(|weights| weights.wy),
        weights.map(|weights| weights.wy2),
    ]
    .map(|sum| sum.map(bits));
    let items: Vec<_> = items
        .iter()
        .map(|item| (item.code.clone(), item.lowest.to_bits(), bits(item.sum)))
        .collect();
    (
        (*round, *facilitation, *course, *first, *last),
        (
            *centres,
            *rho_millionths,
            *change_bounded,
            unit_sd.to_bits(),
        ),
        weights.map(|weights| weights.tau2.to_bits()),
        sums,
        items,
    )
}
