//! Why something is no template.

use thiserror::Error;

use crate::document::{MAX_BYTES, MAX_MEASURES, MAX_PARENTS, MAX_PARTS};
use crate::licence::{Licence, Unshareable};
use crate::part::{MAX_MINUTES, MAX_WORDINGS, PartKind};
use crate::words::{Key, Language, WordsFault};

/// Why a document is refused, and what its author can do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateFault {
    /// More bytes than an entry may carry.
    #[error(
        "the template is {bytes} bytes long and may have {MAX_BYTES}: shorten its texts or leave out parts"
    )]
    TooLarge {
        /// Its encoded length.
        bytes: usize,
    },
    /// Not an encoded template at all.
    #[error("these bytes are no template: fetch it again, or export it again where it was written")]
    Undecodable,
    /// Decodable, but not the one encoding the hash stands for.
    #[error(
        "this is not the canonical form of the template, so its hash would not identify it: write it with this \
         program's own export (a newer version may also hold fields unknown here)"
    )]
    NotCanonical,
    /// A hash of the wrong length.
    #[error("the {what} must be a SHA-256 of 32 bytes")]
    Hash {
        /// Which field.
        what: &'static str,
    },
    /// Lineage and parents do not go together.
    #[error("a first version has neither lineage nor parents, every later one has both")]
    Descent,
    /// Too many parents, unordered, or one twice.
    #[error("parents must be at most {MAX_PARENTS}, each once, in ascending order")]
    Parents,
    /// A code or key outside the alphabet.
    #[error("the {what} must be 1 to {max} of lower-case a-z, 0-9, '-' and '.'", max = Key::MAX_LEN)]
    Code {
        /// Which field.
        what: &'static str,
    },
    /// Nobody or an unknown one leads.
    #[error("say who leads: professional, peer or co-led")]
    Facilitation,
    /// The licence does not let others use and adapt the words.
    #[error(
        "a template under \"{licence}\" cannot be shared: {why}. Ask whoever holds the rights for one of {}, or write \
         the words anew",
        Licence::list()
    )]
    Licence {
        /// The licence named, as far as it is a code.
        licence: String,
        /// What stands in the way.
        why: Unshareable,
    },
    /// Too many parts.
    #[error("a template has at most {MAX_PARTS} parts: this one has {count}")]
    TooManyParts {
        /// How many there are.
        count: usize,
    },
    /// A kind of part unknown here.
    #[error(
        "the template holds a kind of part unknown here: it may need a newer version of this program"
    )]
    UnknownKind,
    /// A lock unknown here.
    #[error("{part} has no lock known here: it may need a newer version of this program")]
    UnknownLock {
        /// Kind and key.
        part: PartName,
    },
    /// A key twice within its kind.
    #[error("{part} occurs twice: give each {} a key of its own", .part.kind)]
    RepeatedPart {
        /// Kind and key.
        part: PartName,
    },
    /// Parts are not in canonical order.
    #[error("{part} stands out of order: parts go by kind, then by key")]
    PartOrder {
        /// Kind and key.
        part: PartName,
    },
    /// Places within a kind are not 0, 1, 2, ...
    #[error("the places of the {kind} parts must be 0, 1, 2 and so on, each once")]
    Positions {
        /// Which kind.
        kind: PartKind,
    },
    /// A phase without minutes, or minutes on something else.
    #[error("{part}: a phase has 1 to {MAX_MINUTES} minutes, and nothing else has any")]
    Minutes {
        /// Kind and key.
        part: PartName,
    },
    /// No wording, too many, or out of order.
    #[error("{part} needs 1 to {MAX_WORDINGS} wordings, one per language, ordered by language")]
    Wordings {
        /// Kind and key.
        part: PartName,
    },
    /// A language tag outside BCP 47.
    #[error("{part}: a language is a BCP 47 tag in lower case of at most {max} characters, such as sl or en-gb", max = Language::MAX_LEN)]
    Language {
        /// Kind and key.
        part: PartName,
    },
    /// A text that may not travel.
    #[error("{part}, {language}: {fault}")]
    Words {
        /// Kind and key.
        part: PartName,
        /// Which wording.
        language: Language,
        /// What is wrong with it.
        fault: WordsFault,
    },
    /// Not exactly one title, or no purpose.
    #[error(
        "a template needs one title and a purpose: add what is missing, or take away the second title"
    )]
    TitleAndPurpose,
    /// Confidentiality is missing, not first, or can be changed.
    #[error(
        "the first rule must have the key \"{}\" and be locked as fixed: what is said in the group stays in the group",
        crate::CONFIDENTIALITY
    )]
    Confidentiality,
    /// No language in which everything can be read.
    #[error(
        "no language covers the whole template: word every part in at least one common language"
    )]
    NoWholeLanguage,
    /// A measure's code or class is malformed.
    #[error(
        "a measure needs a code of at most 32 of a-z, 0-9, '-', '.' and a comparability class of 32 bytes"
    )]
    Measure,
    /// Too many measures, unordered, or one twice.
    #[error("a template names at most {MAX_MEASURES} measures, each once, ordered by code")]
    Measures,
}

/// A part by kind and key, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartName {
    /// Its kind.
    pub kind: PartKind,
    /// Its key.
    pub key: Key,
}

impl std::fmt::Display for PartName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, key } = self;
        write!(f, "{kind} \"{key}\"")
    }
}
