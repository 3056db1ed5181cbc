//! What a check-in is worth: instruments, scoring, pairs, change, synthesis and comparison.
//!
//! Everything here is a pure function over numbers. There is no clock, no randomness and no
//! storage; days and quarters come in as arguments. The same input gives the same digits on
//! every node, whatever order it arrives in: sums run over sorted input, in plain `f64`.
//!
//! - [`instrument`]: questionnaires, and a [`Measure`]: one score that can be compared.
//! - [`builtin`]: the instruments whose wording may be shipped.
//! - [`scoring`]: answers in, scores or the reason for their absence out.
//! - [`pairs`]: which follow-up belongs to which baseline.
//! - [`change`]: change of one person and of a group of people.
//! - [`synthesis`]: estimates of several centres made into one statement.
//! - [`comparison`]: facilitations compared from what centres released.
//!
//! Scores and answers are personal: no `Debug` and no error here prints one.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod builtin;
pub mod calendar;
pub mod change;
pub mod comparison;
pub mod facilitation;
pub mod instrument;
pub mod pairs;
mod quantile;
pub mod scoring;
pub mod synthesis;

pub use calendar::{Day, Quarter};
pub use facilitation::{Course, Facilitation};
pub use instrument::{
    ClassHash, Direction, Instrument, InstrumentForm, Item, ItemId, Measure, MeasureCode, Scale,
    StatedSd, Window,
};
