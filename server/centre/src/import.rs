//! Import of outcomes from the tables NGOs keep: one line per score, with the group, its facilitation, the member's code,
//! the day of joining, and whether the member may be counted in what is shared.
//!
//! A table changes a known consent to sharing in the careful direction only: its no is always heard, its yes never undoes a
//! no, whoever said it. Importing the same table again changes nothing else. A line that is not taken is named by its number and a reason, never by
//! its content.

mod plan;
mod table;
mod take;

use thiserror::Error;

/// Largest table, bytes.
pub const TABLE_BYTES: usize = 8 * 1_048_576;
/// Most lines of a table, the header included.
pub const TABLE_LINES: usize = 200_000;
/// Longest field of a table, bytes.
pub const FIELD_BYTES: usize = 120;

/// Why a table cannot be imported as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImportError {
    /// Too large.
    #[error("the table is larger than 8 MiB; split it")]
    TooLarge,
    /// Too many lines.
    #[error("the table has more than 200000 lines; split it")]
    TooManyLines,
    /// Not text.
    #[error("the table is not UTF-8 text; save it as CSV in UTF-8")]
    NotText,
    /// No header.
    #[error("the table is empty; its first line names the columns")]
    Empty,
    /// The first line is no header.
    #[error(
        "the first line is no header; put one before it that names the columns centre, group, facilitation, member, joined, sharing, measure, date, score"
    )]
    NoHeader,
    /// The header names a column this import does not know.
    #[error(
        "the header names {0}, which is no column of this table; use centre, group, facilitation, member, joined, sharing, measure, date, score"
    )]
    UnknownColumn(ColumnName),
    /// The header names a column twice.
    #[error("the header names the column {0} twice; name each once")]
    RepeatedColumn(&'static str),
    /// A column is missing.
    #[error("the header does not name the column {0}; only `sharing` may be left out")]
    MissingColumn(&'static str),
    /// The quoting cannot be read.
    #[error("line {0} cannot be read; check its quotation marks")]
    Unreadable(usize),
}

/// A column as it may be repeated in an answer: by its name only where that looks like a heading and not like content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnName {
    /// A heading.
    Named(String),
    /// Its position, from 1.
    Position(usize),
}

impl ColumnName {
    fn of(text: &str, position: usize) -> Self {
        let heading = |c: char| c.is_ascii_lowercase() || c == '_' || c == '-';
        if (1..=24).contains(&text.len()) && text.chars().all(heading) {
            Self::Named(text.to_owned())
        } else {
            Self::Position(position)
        }
    }
}

impl std::fmt::Display for ColumnName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(name) => write!(f, "the column {name}"),
            Self::Position(position) => write!(f, "a column in position {position}"),
        }
    }
}

/// Why a line was not taken, and what to do. Never repeats the line's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LineFault {
    /// Too few or too many fields.
    #[error("it has not as many fields as the header; check separators and quotation marks")]
    Fields,
    /// A field that must be filled is empty.
    #[error("{0} is empty; fill it in")]
    Empty(&'static str),
    /// A field is too long or holds control characters.
    #[error("{0} is longer than 120 bytes or holds control characters; shorten or retype it")]
    Text(&'static str),
    /// No such facilitation.
    #[error("the facilitation is none of professional, peer, co-led; write one of them")]
    Facilitation,
    /// The group is led otherwise elsewhere.
    #[error(
        "the group is known with another facilitation; if that changed, give the group of the time after it another name"
    )]
    OtherFacilitation,
    /// Not a day.
    #[error("{0} is not a day written YYYY-MM-DD; write it like 2026-01-12")]
    Day(&'static str),
    /// A day to come.
    #[error("{0} lies in the future; check it")]
    Future(&'static str),
    /// The member joined on another day elsewhere.
    #[error(
        "another day of joining is known for this member and group; write the same in every line"
    )]
    OtherJoined,
    /// Neither yes nor no.
    #[error("sharing is neither yes nor no nor empty; write one of these")]
    Sharing,
    /// Yes in one line and no in another.
    #[error(
        "the lines of this member say both yes and no to sharing; ask the member and write one of them everywhere"
    )]
    BothSharings,
    /// No such measure.
    #[error("the measure is not known here; use a built-in one or one of the network's policy")]
    Measure,
    /// Not a number.
    #[error(
        "the score is not a number; write digits with one decimal point (or comma, where fields are separated by semicolons)"
    )]
    Score,
    /// Outside the scale.
    #[error("the score lies outside the measure's scale; check score and coding")]
    OffScale,
    /// Another score stands there.
    #[error(
        "another score is known for this member, measure and day; each counts once, so leave one out"
    )]
    OtherScore,
    /// Yes, where a no is known.
    #[error(
        "sharing says yes, and this member is known here with a no, which no table undoes: write no or leave it empty; if the member agrees now, record that with `krog members consent`"
    )]
    SaidNo,
    /// The member takes part no more.
    #[error(
        "this member took back the consent to participation or measurement, so nothing more is taken; leave the line out, or if the member agrees now, record that with `krog members consent`"
    )]
    Withdrawn,
    /// The member was erased.
    #[error("this member was erased here; the line is not taken again")]
    Erased,
}

/// A line that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedLine {
    /// Number of the line, the header being 1.
    pub line: usize,
    /// Why.
    pub why: LineFault,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Lines that are new.
    pub taken: usize,
    /// Lines that were there already, unchanged.
    pub unchanged: usize,
    /// Lines of other centres, left alone.
    pub other_centres: usize,
    /// Lines refused, in order.
    pub refused: Vec<RefusedLine>,
    /// Members that are new.
    pub new_members: usize,
    /// Groups that are new.
    pub new_groups: usize,
    /// Without a `sharing` column nothing of it is shareable until the consent basis is attested.
    pub needs_attestation: bool,
    /// Nothing was written: a rehearsal, or refused as a whole.
    pub nothing_written: bool,
}
