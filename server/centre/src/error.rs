//! What can go wrong at home: what happened, why, what to do next; never anything personal.

use crate::feed_writer::FeedError;
use crate::import::ImportError;
use crate::personal::{NotAnId, WordsError};
use crate::policy::Forbidden;
use crate::sealing::SealingError;
use crate::surroundings::ClockAstray;
use krog_disclosure::{BatchError, PartRefused, SealError};
use krog_feed::fault::RecordFault;
use krog_feed::identity::NotAName;
use krog_measures::calendar::CalendarError;
use krog_measures::scoring::NotScored;
use krog_pools::RoundFault;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why the centre or the office could not do what was asked.
#[derive(Debug, Error)]
pub enum CentreError {
    /// Not there, or not for this credential. Which of the two is not said.
    #[error("not found")]
    NotFound,
    /// A file is there already.
    #[error(
        "{path} is there already; choose an empty folder, or open this one instead of creating it"
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file is missing.
    #[error("{path} is missing; restore it from a backup, or create this house first")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be made or used.
    #[error("{path} cannot be used; check the disk and the folder's permissions")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another process has this centre open.
    #[error("another process has {folder} open; stop it first, or use its socket")]
    InUse {
        /// The centre's folder.
        folder: PathBuf,
    },
    /// A database file does not open.
    #[error("{path} does not open as a database; restore it from a backup")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the database says.
        #[source]
        source: sqlx::Error,
    },
    /// The tables could not be brought up to date.
    #[error(
        "the tables of {path} are not this version's; use the version that wrote them, or restore a backup"
    )]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What the database says.
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// A statement failed; nothing of its transaction was kept.
    #[error(
        "the store cannot be used now, nothing was changed; check that the disk is neither full nor read-only"
    )]
    Store(#[from] sqlx::Error),
    /// A row does not hold what was written there.
    #[error("a row of {table} is not what was written there; restore the folder from a backup")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// A key or a sealed value cannot be used.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The clock is astray.
    #[error(transparent)]
    Clock(#[from] ClockAstray),
    /// Words are not taken.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// Not a public name.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// Not an id.
    #[error(transparent)]
    Id(#[from] NotAnId),
    /// Not a day or quarter.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A day that has not come yet.
    #[error("the day lies in the future; give today or an earlier day")]
    FutureDay,
    /// Something asked for is none of the choices.
    #[error("{0}")]
    Invalid(&'static str),
    /// It is there already.
    #[error("{0}")]
    AlreadyThere(&'static str),
    /// It cannot be done in this state.
    #[error("{0}")]
    NotNow(&'static str),
    /// A questionnaire was not filled in as its instrument asks.
    #[error(transparent)]
    NotScored(#[from] NotScored),
    /// A table cannot be imported as a whole.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The gate does not take the batch.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// Frozen bytes are not the gate's.
    #[error(transparent)]
    Frozen(#[from] SealError),
    /// A round cannot be opened so.
    #[error(transparent)]
    Round(#[from] RoundFault),
    /// No part in a round was made.
    #[error(transparent)]
    Part(#[from] PartRefused),
    /// The own feed cannot go on.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// A record of the network cannot be read.
    #[error(transparent)]
    Record(#[from] RecordFault),
}

impl From<Forbidden> for CentreError {
    fn from(Forbidden: Forbidden) -> Self {
        Self::NotFound
    }
}
