//! `krog synthesize`: any table of estimates put together, without a node.

mod account;
mod read;

use std::path::Path;

use krog_measures::synthesis::{Synthesis, SynthesisError, synthesise_estimates};
use thiserror::Error;

use super::CliError;
use super::output::Answer;
pub use read::read_estimates;

/// Largest table read, bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Why a table of estimates cannot be put together.
#[derive(Debug, Error, PartialEq)]
pub enum TableError {
    /// Not text.
    #[error("the table is not UTF-8 text; save it as CSV in UTF-8")]
    NotText,
    /// No such column.
    #[error(
        "the table has no column {0}; it needs label, yi (the estimate) and vi (its variance), and may have facilitation"
    )]
    NoColumn(&'static str),
    /// A line with too few or too many fields, or broken quotes.
    #[error(
        "line {line}: not a line of a CSV table like the header; see its separators and quotes"
    )]
    Broken {
        /// Number of the line, the header being 1.
        line: u64,
    },
    /// Not a number.
    #[error("line {line}: {column} is not a number; write it like 0.12 or 0,12")]
    NotANumber {
        /// Number of the line, the header being 1.
        line: u64,
        /// Which column.
        column: &'static str,
    },
    /// Not a facilitation.
    #[error(
        "line {line}: unknown facilitation; write one of professional, peer, co-led, or nothing"
    )]
    UnknownFacilitation {
        /// Number of the line, the header being 1.
        line: u64,
    },
    /// The numbers cannot be put together.
    #[error(transparent)]
    Synthesis(#[from] SynthesisError),
}

/// Reads the file and puts it together.
///
/// # Errors
/// When it cannot be read or the numbers make no sense.
pub fn run(file: &Path) -> Result<Answer, CliError> {
    let size = std::fs::metadata(file)
        .map_err(|error| CliError::file("read", file, &error))?
        .len();
    if size > LARGEST {
        return Err(CliError::Refused(format!(
            "{} has {size} bytes; a table of estimates has at most {LARGEST}",
            file.display()
        )));
    }
    let bytes = std::fs::read(file).map_err(|error| CliError::file("read", file, &error))?;
    Ok(account(&bytes)?)
}

/// Puts the table in `bytes` together and says so, as text and JSON.
///
/// # Errors
/// When it is no table of estimates.
pub fn account(bytes: &[u8]) -> Result<Answer, TableError> {
    let synthesis: Synthesis = synthesise_estimates(&read_estimates(bytes)?)?;
    Ok(Answer::new(
        account::text(&synthesis),
        account::json(&synthesis),
    ))
}

#[cfg(test)]
mod tests;
