//! Group templates: recipes for a group that travel between organisations.
//!
//! A [`Template`] is a document with one canonical encoding. Its SHA-256 is its version; the version of its first
//! document is its lineage. What arrives from the network becomes a `Template` only through [`Template::from_bytes`],
//! which refuses everything that is not the canonical encoding of a sound document: so equal hashes mean equal words,
//! and whoever holds a `Template` knows that confidentiality is its first rule, that every part can be read in one
//! language at least, and that its licence lets others use and adapt it.
//!
//! What never travels in a template: telephone numbers and mail addresses (each centre sets its own), and characters
//! that show the reader other words than the ones stored.
//!
//! - [`Template`], [`TemplateBuilder`]: the document, and how code makes one.
//! - [`builtin`]: two templates to begin with, under CC0, in English and Slovene.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod builder;
pub mod builtin;
mod document;
mod fault;
mod licence;
mod part;
mod words;

pub use builder::TemplateBuilder;
pub use document::{
    CONFIDENTIALITY, MAX_BYTES, MAX_MEASURES, MAX_PARENTS, MAX_PARTS, NamedMeasure, Template,
};
pub use fault::{PartName, TemplateFault};
pub use licence::{Licence, Unshareable};
pub use part::{Lock, MAX_MINUTES, MAX_WORDINGS, Part, PartKind};
pub use words::{Key, Language, MAX_TEXT, MAX_TITLE, Words, WordsFault};
