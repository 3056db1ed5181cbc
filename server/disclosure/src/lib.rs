//! The gate: the only way out of a centre.
//!
//! A centre lays a [`QuarterBatch`] before it: every pair that waits, who consents, what the groups decided, and the
//! network's policy. [`form()`] says what would be told, without a single number of it: that is what two people approve.
//! [`clear`] then computes it once. A [`ClearedRelease`] holds encoded bytes, can be made in no other way, and is what the
//! centre's writer signs. At rest it is a [`FrozenRelease`], whose tag proves that this gate made it.
//!
//! Pure: no clock, no chance, no storage. The same batch gives the same bytes.
//!
//! # What a cell says
//!
//! Each of the policy's measures has a cell for each facilitation and course, in every release, and each cell says one of
//! five things, in this order:
//!
//! | | |
//! | --- | --- |
//! | `not_collected` | the centre does not collect it |
//! | `not_shared` | no group of the cell has agreed to share, as their decisions stand; or the release was stopped |
//! | `below_floor` | fewer persons than the floor: ten, or what the policy asks beyond that |
//! | `not_in_table` | enough persons, but not this score of them; see the rules in `table.rs` |
//! | value | sums in one-person steps; see [`steps`] |
//!
//! Who is counted: one pair a person, their earliest, of those who consent and whose group has agreed, that has waited
//! less than eight quarters. Counted in a value, a pair is spent; in any other cell it goes on waiting.
//!
//! Which of the five it is, and everything else but the sums themselves, depends on persons, consents, decisions and
//! instruments. The code that decides it (`table.rs`) is given no answers.
//!
//! # What a row of quarters gives away, and what it does not
//!
//! Protected is what people **answered**. Not protected is what follows from counting, and nobody should be promised that
//! it is:
//!
//! - The number of persons in a value is exact. Who knows all of a group but one, and who of them took part, learns
//!   whether that one is counted: followed up, consenting, and of the same course. The band of follow-up adds little to
//!   this.
//! - `below_floor` before a value of `n` says that at most nine waited then, so at least `n - 9` came since. The first and
//!   the last quarter of a value are each one pair's, without saying whose.
//! - A change from `below_floor` or a value to `not_shared` says that in this quarter a group decided, or somebody stopped
//!   the release, and not which or why. It does not depend on whether anybody's pair waits, so it does not say who
//!   answered. A centre with one group of a facilitation shows that group's decision.
//! - What was held back as `not_in_table` may be told a quarter later of the same persons. Several scores of one person
//!   in a row of releases tell no more than together in one (`table.rs`), and what must never stand together is ruled out
//!   by the policy alone, so no row of quarters brings it together.
//! - A person may be counted again later, by new answers. Each time is another small chance.
//!
//! # Where pools will stand
//!
//! A `ClearedContribution` will be the second thing that leaves, made from the same [`QuarterBatch`] for one cell and one
//! pooled round: encoded shares inside, private fields, the pairs it spends, made only in `gate.rs`. What waits eight
//! quarters, and what `table.rs` never tells by name, waits for it ([`CellForm::for_pool`] counts the former).
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod batch;
pub mod form;
pub mod frozen;
pub mod gate;
pub mod steps;
mod table;

pub use batch::{
    BaselineCount, BatchError, BatchParts, CellKey, CollectedCell, GatePolicy, PairId, PersonKey,
    QuarterBatch, WaitingPair,
};
pub use form::{CellForm, HomeReason, MaskedForm, PublicStatus, QuarterForm, form};
pub use frozen::{FrozenRelease, SealError, SealKey};
pub use gate::{ClearedRelease, clear};
