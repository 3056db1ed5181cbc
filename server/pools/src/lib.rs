//! Pools: sums over at least five centres in which no centre's part is visible.
//!
//! Pure: time, chance and storage come in from outside. What happens here, in the order of a round:
//!
//! - [`policy`]: floors, noise and budget of a network.
//! - [`sum`], [`round`]: what a round asks, as its opening states it.
//! - [`layout`]: its sums as small integers in public bounds, and what one person can move.
//! - [`part`]: one centre's answers made into such integers. Only the gate calls it.
//! - [`shares`]: the integers split in two with a proof, checked and added up by two aggregators.
//! - [`sealing`]: shares and findings sealed to one aggregator and round.
//! - [`noise`], [`privacy`], [`precision`]: what an aggregator adds, what that costs and gains, and how precise the result
//!   will be.
//! - [`aggregation`]: an aggregator's way through a round, step by step, from what has arrived.
//!
//! # What the number of centres protects
//!
//! A participant knows its own part and takes it off; two who collude take off two. What is left are sums over the
//! unknown centres. Asked for persons and change alone, or for counts of persons, one sum says one thing of each centre,
//! and two unknown centres suffice. It is the squares (persons squared, the centre's change squared per person) and the
//! weights of a second round that say several things of the same two numbers of a centre, its persons and its change.
//!
//! In real numbers, both rounds are seven sums of two numbers a centre: one to three unknown centres can be solved for,
//! four cannot. Hence five centres at least, and six where two may collude. But persons are whole, and so are points; then
//! far fewer parts fit. Without noise, for centres of 3 to 12 persons on a scale of 25 levels, as `tests/attacks` counts it:
//!
//! | unknown centres | told | parts that fit | some centre's part is certain |
//! | --- | --- | --- | --- |
//! | 3 | `spread` | 5 to 60, half of the time over 20 | never |
//! | 4 | `spread` | 20 to 6000, half of the time over 700 | never |
//! | 5 | `spread` | over 10 000 | never |
//! | 4 | `spread`, then `weights` | 1 to 6 | in 80 % of pools |
//! | 5 | `spread`, then `weights` | 2 to 90 | |
//! | 6 | `spread`, then `weights` | 60 to 700 | |
//! | 7 | `spread`, then `weights` | 500 to 70 000 | |
//! | 8 | `spread`, then `weights` | over 1000 | |
//!
//! Hence [`Round::floor_centres`]: weights without noise need ten centres, of which nine are unknown to one participant
//! and eight to two. How many persons each of the unknown centres counts, in no order, is narrowed to a few possibilities
//! by their squares, and nearly always told by the weights; it is no answer, and a release states it too. Effects can be
//! told in no finer unit than a tenth of the bound of a change, or ten centres would not do either. Seven and eight unknown
//! centres are estimated from draws.
//!
//! Against noise none of this works: of seven sums, none is exact. Against whoever knows every answer but one there is
//! nothing but the noise: without it that one is read exactly, in any pool of any size. Knowing all but two, and asked for
//! the squares of persons' changes too, the two are read, without which is whose. With the default noise, and one of the
//! aggregators on the attacker's side, the highest probability of the last person's change rises by 0.002 on average
//! in one round, by 0.015 over a whole year's budget on a person who changes alike each time, and nobody is ever
//! sure. Without noise, a pool of a coarse score tells nearly how often each answer was given, by whom it does not. A
//! network that chooses no noise has only the number of centres, and every result says so.
//!
//! The cost counts one person's being counted or not while nobody else's changes. Where a centre has more persons than a
//! round counts, or just as many as a part needs, one person's presence also decides on others': on one that is counted
//! instead, or on the whole part.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod aggregation;
pub mod layout;
pub mod noise;
pub mod part;
pub mod policy;
pub mod precision;
pub mod privacy;
pub mod round;
pub mod sealing;
pub mod shares;
pub mod sum;
#[cfg(test)]
mod testing;

pub use layout::{HalvesFault, Layout, Totals};
pub use part::Answered;
pub use policy::{FLOOR_CENTRES_OF_BARE_WEIGHTS, PoolTerms, PoolTermsFault};
pub use round::{PoolItem, Role, Round, RoundFault};
pub use sum::{Question, Sum};
