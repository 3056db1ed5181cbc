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
//! - Who knows all members but two, and nothing of these, learns from a figure at most that it counts both, or neither. Who
//!   also knows when each of the two came can, in about one figure of forty, tell them apart by several figures together:
//!   an answer leaves once, so who was surely counted before is not counted again (`tests/histories.rs`).
//! - A person may be counted again later, by new answers. Each time is another small chance.
//!
//! # Pools
//!
//! A [`ClearedContribution`] is the second thing that leaves: a centre's part in one round of a pool, from the same batch.
//! The sums stay here; what leaves are two shares of them, each sealed to one aggregator, and a commitment to both. A
//! measure leaves by one way or the other ([`Way`]), and what has waited eight quarters goes to a pool in any case. A pair
//! counted in either is spent. A second round is over the very pairs of the first, which the batch holds apart: over one
//! person fewer, the difference would be that person, so a centre that cannot count all of them stays out, and the round
//! fails. See [`contribution`] and `krog_pools`.
//!
//! What a pool says by counting: that a centre takes part says that at least three persons of the cell consent there and
//! wait, and its staying out says fewer, or any other reason. The number of persons is of all centres together, and exact
//! only without noise. A part has the same size whatever it holds.
//!
//! A pool keeps the criterion of releases by its noise alone. With the default noise, who was in a release and answers the
//! same again in a pool is found out no more often than from the release. Without noise, who knows everybody's answers but
//! one reads that one's change exactly, however many centres there are; lacking two, nearly
//! never from their change alone (under 1 %), but where squares and baselines are asked too, in a third of the cases on five
//! levels and a seventh on eleven (`examples/attacker`). A network that chooses no noise gives the criterion up.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod batch;
pub mod contribution;
pub mod form;
pub mod frozen;
pub mod gate;
pub mod steps;
mod table;

pub use batch::{
    Aside, BaselineCount, BatchError, BatchParts, CellKey, CollectedCell, GatePolicy, LostBaseline,
    PairId, PersonKey, Pooling, QuarterBatch, WaitingPair, Way,
};
pub use contribution::{
    ClearedContribution, CountedPart, Invited, PartForm, PartReason, PartRefused, contribute,
    count_part, part_form,
};
pub use form::{CellForm, HomeReason, MaskedForm, PublicStatus, QuarterForm, form};
pub use frozen::{FrozenContribution, FrozenRelease, SealError, SealKey};
pub use gate::{ClearedRelease, clear};
