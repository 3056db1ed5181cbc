//! The home of member data: people, groups, check-ins, approvals, ledger, and the centre's own feed.
//!
//! A [`Centre`] is a folder: `centre.db` with everything about its people, sealed; `keys.db` with the keys that open it and
//! with what was taken back; `master.key`, which opens those. An [`Office`] is the NGO's own desk, with `office.db` and
//! `office.key`: identity, networks, names; it knows no member. [`Services`] answers `krog.centre.v1` over both or many.
//!
//! - **Who may what**: [`decide`] alone gives a [`Permit`], and nothing here acts on a person without one. Every reading
//!   of a record writes a line into the access log in the same transaction, or does not happen.
//! - **What leaves**: check-ins become pairs, pairs a batch, the batch a form two people approve; at the second approval
//!   the gate (`krog-disclosure`) computes the bytes, which are frozen with their answers spent; after the waiting time
//!   they are signed by the one function that signs releases, which takes nothing but what the gate cleared.
//! - **The own feed**: an entry is committed with the facts it rests on, handed over until acknowledged, and nothing is
//!   decided or signed before the own head was compared with the network since the start ([`Centre::tick`]).
//! - **An older copy** of `centre.db` under the newest `keys.db` forgets whom it must, shares nothing that was withdrawn,
//!   and adopts its own feed before it goes on.
//!
//! Time and chance come in as [`Surroundings`]. Personal types print nothing.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod access_log;
mod centre;
mod check_ins;
mod consents;
mod credentials;
mod error;
mod feed_writer;
mod groups;
mod house;
mod import;
mod keys;
mod measures;
mod meetings;
mod network_reading;
mod networks;
mod office;
mod people;
mod personal;
mod policy;
mod records;
mod sealing;
mod services;
mod sharing;
mod store;
mod surroundings;
#[cfg(test)]
mod testing;

pub use access_log::AccessLine;
pub use centre::{CENTRE_FILE, Centre, CentreNames, LOCK_FILE};
pub use check_ins::{Filled, Scored};
pub use credentials::{Credential, FirstCredentials, NotACredential};
pub use error::CentreError;
pub use feed_writer::FeedError;
pub use groups::{GroupSharing, ListedGroup, NewGroup};
pub use import::{ImportError, Imported, LineFault, RefusedLine};
pub use keys::{KEYS_FILE, MASTER_KEY_FILE};
pub use meetings::NewMeeting;
pub use network_reading::NetworkReadings;
pub use office::{
    Admitting, OFFICE_FILE, OFFICE_KEY_FILE, Office, Opening, ROUNDS_FILE, Span, Ticked,
};
pub use people::{Member, NewMember};
pub use personal::{Contact, GroupId, GroupName, Label, MemberId, Purpose};
pub use policy::{Action, Caller, Permit, Role, Subject, decide};
pub use sealing::SealingError;
pub use services::{REQUEST_BYTES, Services};
pub use sharing::{
    Approved, ApprovedPart, PartState, Preview, PreviewCell, PreviewRound, QuarterState, ShownPart,
    ShownRelease,
};
pub use surroundings::{Chance, Clock, ClockAstray, Surroundings};
