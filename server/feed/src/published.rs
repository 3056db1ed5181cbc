//! What has been told in public: releases and template versions read off the feeds, and the comparison made of them.
//!
//! A [`Shelf`] is a reading of what is stored, like a [`NetworkView`](crate::network::NetworkView): shown the same
//! standing entries in any order it holds the same, and it can be thrown away and filled again. [`compare`] is the same
//! function on every node and in every client, so that all who hold the same entries read the same digits.
//!
//! A release that says what no gate can have written counts for nothing and is [reported](Shelf::refused); it stops
//! neither its feed nor anybody's comparison.

mod comparison;
mod release;
mod shelf;
mod wire;

pub use comparison::{CompareRefused, compare};
pub use release::{
    Band, CellFault, CellSums, Mean, ReleaseFault, ReleasedCell, ReleasedQuarter, Told,
};
pub use shelf::{Refused, Shelf, ShelfFault, TemplateVersion};

#[cfg(test)]
mod tests;
