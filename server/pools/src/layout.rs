//! How the sums of a round are written as small integers, and read back.
//!
//! A centre's vector holds one integer for each sum: x, in the unit of `krog.federation.v1.PoolSum`. Each lies between
//! public bounds, which follow from the most persons a centre counts, the bound of a change and the scale. Prio3 proves of
//! a vector that every element lies between 0 and one common greatest value M, so x is written as (x − low) · step, where
//! step is the largest factor that keeps the bound: M is 64 times the widest sum's width, and every sum is stretched to
//! it. The proof is then tight for each sum, to within a 64th of its width.
//!
//! The sensitivity of a sum is the most one person's being counted or not can move it, rounding included.

use crate::noise::Noise;
use crate::policy::FLOOR_PART;
use crate::round::{Round, range_hundredths};
use crate::sum::Sum;
use krog_measures::Measure;
use prio::codec::{Decode, Encode};
use prio::field::{Field128, FieldElement};
use std::io::Cursor;
use thiserror::Error;

/// Bytes of one element on the wire.
pub const ELEMENT_BYTES: usize = 16;
/// Meetings counted for one person at most.
pub const MAX_SESSIONS: u32 = 26;
/// Share of the privacy cost that goes to the number of persons, against one share of 4 for every other sum: a mean feels
/// an error of its numerator much more than the same error of its denominator.
const PERSONS_SHARE: f64 = 1.0;
const OTHER_SHARE: f64 = 4.0;
/// Steps into which a squared bound is divided.
const SQUARE_STEPS: i64 = 100;
/// How much finer than a unit the widest sum is written.
const FINENESS: i64 = 64;
/// How many standard deviations of noise a total may lie outside its bounds before nobody believes it: beyond, honest
/// noise comes once in 10^15 rounds.
const BELIEVABLE: f64 = 8.0;

/// One element of the vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinate {
    /// Which sum.
    pub sum: Sum,
    /// For [`Sum::Items`]: which item of the round.
    pub item: Option<usize>,
    /// Least value of a centre, in the sum's unit.
    pub low: i64,
    /// Greatest value of a centre.
    pub high: i64,
    /// The most one person can move it.
    pub sensitivity: i64,
    /// One unit in points, persons, meetings, squares of points, or what else the sum is told in.
    pub unit: f64,
    /// Factor by which it is stretched.
    step: i64,
    /// Its share of the round's cost, as ρ.
    pub rho: f64,
}

/// The vector of a round.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    coordinates: Vec<Coordinate>,
    greatest: i64,
}

/// A value that a centre's vector cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the sum of {0} lies outside the round's bounds")]
pub struct OutOfBounds(pub Sum);

/// What a pool tells: the halves added and centred.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    /// In the units of the encoding, as the result entry states them.
    pub encoded: Vec<i64>,
    /// In points, persons, meetings and their squares; per coordinate of the layout.
    pub sums: Vec<f64>,
    /// Standard deviation of both aggregators' noise together, in the same units.
    pub noise_sds: Vec<f64>,
}

/// Why two halves are no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum HalvesFault {
    /// A half is not one element for each sum.
    #[error("a half cannot be read as one element for each sum")]
    Unreadable,
    /// What they add up to is no sum of parts in bounds: one half is of another set, or wrong.
    #[error("the halves do not add up to possible sums: one of them is of other parts, or wrong")]
    Impossible,
}

impl Layout {
    /// The layout of a round on a measure of its network's policy.
    pub fn of(round: &Round, measure: &Measure) -> Self {
        let mut coordinates = Vec::new();
        for sum in &round.sums {
            if *sum == Sum::Items {
                for (at, item) in round.items.iter().enumerate() {
                    let width = i64::from(item.highest) - i64::from(item.lowest);
                    let persons = i64::from(round.persons_per_centre);
                    coordinates.push(Coordinate::new(
                        *sum,
                        Some(at),
                        (0, persons * width),
                        width,
                        1.0,
                    ));
                }
            } else {
                coordinates.push(coordinate(*sum, round, measure));
            }
        }
        let greatest = coordinates
            .iter()
            .map(|coordinate| coordinate.width())
            .max()
            .unwrap_or(1)
            * FINENESS;
        let share = |sum: Sum| {
            if sum == Sum::Persons {
                PERSONS_SHARE
            } else {
                OTHER_SHARE
            }
        };
        let shares: f64 = coordinates.iter().map(|c| share(c.sum)).sum();
        for coordinate in &mut coordinates {
            coordinate.step = (greatest / coordinate.width()).max(1);
            coordinate.rho = round.rho() * share(coordinate.sum) / shares;
        }
        Self {
            coordinates,
            greatest,
        }
    }

    /// The elements, in the order of the wire.
    pub fn coordinates(&self) -> &[Coordinate] {
        &self.coordinates
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        self.coordinates.len()
    }

    /// Whether there is none; a round always asks something.
    pub fn is_empty(&self) -> bool {
        self.coordinates.is_empty()
    }

    /// Greatest value of an element.
    pub fn greatest(&self) -> u128 {
        self.greatest.unsigned_abs().into()
    }

    /// Place of the number of persons, if it is asked.
    pub fn persons(&self) -> Option<usize> {
        self.coordinates
            .iter()
            .position(|coordinate| coordinate.sum == Sum::Persons)
    }

    /// One centre's vector, from its sums in their units.
    pub fn encode_units(&self, sums: &[i64]) -> Result<Vec<u128>, OutOfBounds> {
        let missing = || OutOfBounds(self.coordinates.first().map_or(Sum::Persons, |c| c.sum));
        if sums.len() != self.len() {
            return Err(missing());
        }
        self.coordinates
            .iter()
            .zip(sums)
            .map(|(coordinate, &x)| {
                if (coordinate.low..=coordinate.high).contains(&x) {
                    Ok(u128::from(
                        ((x - coordinate.low) * coordinate.step).unsigned_abs(),
                    ))
                } else {
                    Err(OutOfBounds(coordinate.sum))
                }
            })
            .collect()
    }

    /// The same from sums in points, persons and so on, each rounded to its unit.
    pub fn encode(&self, sums: &[f64]) -> Result<Vec<u128>, OutOfBounds> {
        let units: Vec<i64> = self
            .coordinates
            .iter()
            .zip(sums)
            .map(|(coordinate, sum)| (sum / coordinate.unit).round() as i64)
            .collect();
        self.encode_units(&units)
    }

    /// One aggregator's noise for the round; all zero where the round has none.
    pub fn noise(&self, chance: &mut dyn rand::CryptoRng) -> Noise {
        Noise::draw(
            self.coordinates
                .iter()
                .map(|coordinate| coordinate.noise_sd_encoded()),
            chance,
        )
    }

    /// Standard deviation of one aggregator's noise in each sum, in points, persons and so on.
    pub fn noise_sds(&self) -> Vec<f64> {
        self.coordinates.iter().map(Coordinate::noise_sd).collect()
    }

    /// Adds the two halves of a pool over so many centres.
    pub fn add_halves(
        &self,
        centres: u32,
        leader: &[u8],
        helper: &[u8],
    ) -> Result<Totals, HalvesFault> {
        let leader = self.read(leader).ok_or(HalvesFault::Unreadable)?;
        let helper = self.read(helper).ok_or(HalvesFault::Unreadable)?;
        let mut totals = Totals {
            encoded: Vec::with_capacity(self.len()),
            sums: Vec::with_capacity(self.len()),
            noise_sds: Vec::with_capacity(self.len()),
        };
        for ((coordinate, a), b) in self.coordinates.iter().zip(leader).zip(helper) {
            let encoded = centred(a + b).ok_or(HalvesFault::Impossible)?;
            let noise_sd = coordinate.noise_sd_encoded() * std::f64::consts::SQRT_2;
            let margin = BELIEVABLE * noise_sd;
            let most = f64::from(centres) * self.greatest as f64;
            if !(-margin..=most + margin).contains(&(encoded as f64)) {
                return Err(HalvesFault::Impossible);
            }
            totals.encoded.push(encoded);
            totals.sums.push(coordinate.told(encoded, centres));
            totals
                .noise_sds
                .push(noise_sd / coordinate.step as f64 * coordinate.unit);
        }
        Ok(totals)
    }

    /// A sum of whole things over so many centres, told exactly; `None` when the element is none, or more than so many
    /// proved parts can hold.
    pub(crate) fn whole(&self, at: usize, centres: u32, element: Field128) -> Option<u32> {
        let coordinate = self.coordinates.get(at)?;
        let most = i64::from(centres).saturating_mul(self.greatest);
        let encoded = centred(element).filter(|encoded| (0..=most).contains(encoded))?;
        // A hostile centre can prove what lies between two whole numbers; it counts as the lower.
        let lows = i64::from(centres).checked_mul(coordinate.low)?;
        u32::try_from(encoded / coordinate.step + lows).ok()
    }

    /// The elements of a half.
    fn read(&self, half: &[u8]) -> Option<Vec<Field128>> {
        if half.len() != self.len() * ELEMENT_BYTES {
            return None;
        }
        let mut cursor = Cursor::new(half);
        (0..self.len())
            .map(|_| Field128::decode(&mut cursor).ok())
            .collect()
    }

    /// Elements as bytes.
    pub(crate) fn write(elements: &[Field128]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(elements.len() * ELEMENT_BYTES);
        for element in elements {
            // Writing into memory does not fail.
            let _ = element.encode(&mut bytes);
        }
        bytes
    }
}

/// A field element as the small number it stands for, negative where noise made it so; `None` when it is no small number.
pub(crate) fn centred(element: Field128) -> Option<i64> {
    let value = u128::from(element);
    match i64::try_from(value) {
        Ok(value) => Some(value),
        Err(_) => {
            let negative = u128::from(Field128::zero() - element);
            i64::try_from(negative).ok().map(|value| -value)
        }
    }
}

impl Coordinate {
    fn new(
        sum: Sum,
        item: Option<usize>,
        (low, high): (i64, i64),
        sensitivity: i64,
        unit: f64,
    ) -> Self {
        Self {
            sum,
            item,
            low,
            high,
            sensitivity,
            unit,
            step: 1,
            rho: 0.0,
        }
    }

    fn width(&self) -> i64 {
        (self.high - self.low).max(1)
    }

    /// σ = sensitivity / √(2ρ): the discrete Gaussian of this width costs ρ (Canonne, Kamath and Steinke 2020, Theorem 4).
    fn noise_sd_encoded(&self) -> f64 {
        if self.rho > 0.0 {
            (self.sensitivity * self.step) as f64 / (2.0 * self.rho).sqrt()
        } else {
            0.0
        }
    }

    /// Standard deviation of one aggregator's noise, in points, persons and so on; 0: none.
    pub fn noise_sd(&self) -> f64 {
        self.noise_sd_encoded() / self.step as f64 * self.unit
    }

    fn told(&self, encoded: i64, centres: u32) -> f64 {
        let lows = f64::from(centres) * self.low as f64;
        (encoded as f64 / self.step as f64 + lows) * self.unit
    }
}

fn coordinate(sum: Sum, round: &Round, measure: &Measure) -> Coordinate {
    let persons = i64::from(round.persons_per_centre);
    let bound = i64::from(round.change_bound_hundredths);
    let bound_points = bound as f64 / 100.0;
    let range = i64::from(range_hundredths(measure).max(1));
    let range_points = range as f64 / 100.0;
    // The bound of a change in unit SDs, for weights.
    let effect = bound_points / round.unit_sd();
    let square = |points: f64| points * points / SQUARE_STEPS as f64;
    let hundredths = |value: f64| (100.0 * value).ceil() as i64;
    let new = |bounds, sensitivity, unit| Coordinate::new(sum, None, bounds, sensitivity, unit);
    match sum {
        Sum::Persons => new((i64::from(FLOOR_PART), persons), 1, 1.0),
        Sum::PersonsSquared => new((0, persons * persons), 2 * persons - 1, 1.0),
        Sum::Change => new((-persons * bound, persons * bound), bound, 0.01),
        Sum::ChangeSquared => new(
            (0, persons * SQUARE_STEPS),
            SQUARE_STEPS,
            square(bound_points),
        ),
        // S²/n moves by less than 3 bounds squared when a person comes or goes, whatever n; and by one more by rounding.
        Sum::ChangeSquaredPerPerson => new(
            (0, persons * SQUARE_STEPS),
            3 * SQUARE_STEPS + 1,
            square(bound_points),
        ),
        Sum::Baseline | Sum::FollowUp => new((0, persons * range), range, 0.01),
        Sum::BaselineSquared | Sum::FollowUpSquared | Sum::Product => new(
            (0, persons * SQUARE_STEPS),
            SQUARE_STEPS,
            square(range_points),
        ),
        Sum::Improved | Sum::Deteriorated | Sum::FollowedUp => new((0, persons), 1, 1.0),
        Sum::Sessions => new(
            (0, persons * i64::from(MAX_SESSIONS)),
            i64::from(MAX_SESSIONS),
            1.0,
        ),
        // n / (1 + nτ²) grows by at most 1 a person.
        Sum::Weight => new((0, 100 * persons), 101, 0.01),
        // S / (1 + nτ²) moves by at most one bound: (1 + 2nτ²) ≤ (1 + nτ²)².
        Sum::WeightedEffect => {
            let most = hundredths(f64::from(round.persons_per_centre) * effect);
            new((-most, most), hundredths(effect) + 1, 0.01)
        }
        // S² / (n (1 + nτ²)): three bounds squared as above, and one for the change of 1 / (1 + nτ²).
        Sum::WeightedEffectSquared => new(
            (
                0,
                hundredths(f64::from(round.persons_per_centre) * effect * effect),
            ),
            hundredths(4.0 * effect * effect) + 1,
            0.01,
        ),
        Sum::Items => new((0, persons), 1, 1.0),
    }
}

#[cfg(test)]
mod tests;
