//! The document: parts that fit together, one encoding, one hash.

use std::collections::BTreeSet;

use krog_measures::{ClassHash, Facilitation, MeasureCode};
use krog_proto::federation::v1 as wire;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::fault::TemplateFault;
use crate::licence::Licence;
use crate::part::{Lock, Part, PartKind};
use crate::words::{Key, Language};

/// Key of the rule that stands first in every template.
pub const CONFIDENTIALITY: &str = "confidentiality";
/// Longest encoded template in bytes: what one entry can carry.
pub const MAX_BYTES: usize = 245_760;
/// Most parts of a template.
pub const MAX_PARTS: usize = 512;
/// Most measures a template names.
pub const MAX_MEASURES: usize = 32;
/// Most versions a template is made from.
pub const MAX_PARENTS: usize = 8;

/// A measure a template names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedMeasure {
    /// Its name.
    pub code: MeasureCode,
    /// Its comparability class: outcomes of another class are never put together with it.
    pub class: ClassHash,
}

/// A sound template. There is no way to one except through the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    lineage: Option<[u8; 32]>,
    parents: Vec<[u8; 32]>,
    code: Key,
    facilitation: Facilitation,
    licence: Licence,
    /// Ordered by kind and key.
    parts: Vec<Part>,
    /// Ordered by code.
    measures: Vec<NamedMeasure>,
}

impl Template {
    /// Reads the canonical bytes of a template; refuses any other encoding of the same words.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TemplateFault> {
        if bytes.len() > MAX_BYTES {
            return Err(TemplateFault::TooLarge { bytes: bytes.len() });
        }
        let document =
            wire::TemplateDocument::decode(bytes).map_err(|_| TemplateFault::Undecodable)?;
        let template = Self::parse(document)?;
        if template.to_bytes() == bytes {
            Ok(template)
        } else {
            Err(TemplateFault::NotCanonical)
        }
    }

    /// Reads a document that stands in canonical order.
    pub fn parse(document: wire::TemplateDocument) -> Result<Self, TemplateFault> {
        let bytes = document.encoded_len();
        if bytes > MAX_BYTES {
            return Err(TemplateFault::TooLarge { bytes });
        }
        let wire::TemplateDocument {
            lineage,
            parents,
            code,
            facilitation,
            licence,
            parts,
            measures,
        } = document;
        let lineage = match lineage.as_slice() {
            [] => None,
            bytes => Some(hash(bytes, "lineage")?),
        };
        let parents = parse_parents(&parents)?;
        if lineage.is_some() == parents.is_empty() {
            return Err(TemplateFault::Descent);
        }
        let template = Self {
            lineage,
            parents,
            code: code.parse().map_err(|_| TemplateFault::Code {
                what: "code of the template",
            })?,
            facilitation: parse_facilitation(facilitation)?,
            licence: parse_licence(&licence)?,
            parts: parse_parts(parts)?,
            measures: parse_measures(measures)?,
        };
        template.check_whole()?;
        Ok(template)
    }

    /// The canonical bytes: the fields in the order of their numbers, lists sorted.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_proto().encode_to_vec()
    }

    /// The document as it travels.
    pub fn to_proto(&self) -> wire::TemplateDocument {
        let Self {
            lineage,
            parents,
            code,
            facilitation,
            licence,
            parts,
            measures,
        } = self;
        wire::TemplateDocument {
            lineage: lineage.map(Vec::from).unwrap_or_default(),
            parents: parents.iter().map(|parent| parent.to_vec()).collect(),
            code: code.to_string(),
            facilitation: match facilitation {
                Facilitation::Professional => wire::Facilitation::Professional,
                Facilitation::Peer => wire::Facilitation::Peer,
                Facilitation::CoLed => wire::Facilitation::CoLed,
            }
            .into(),
            licence: licence.to_string(),
            parts: parts.iter().map(Part::to_wire).collect(),
            measures: measures
                .iter()
                .map(|NamedMeasure { code, class }| wire::TemplateMeasure {
                    code: code.to_string(),
                    comparability_class: class.as_bytes().to_vec(),
                })
                .collect(),
        }
    }

    /// Identity of this version: SHA-256 of its canonical bytes.
    pub fn version(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }

    /// Identity shared by all versions that go back to one first document: that document's version.
    pub fn lineage(&self) -> [u8; 32] {
        self.lineage.unwrap_or_else(|| self.version())
    }

    /// The versions this one was made from, ascending; none for a first version.
    pub fn parents(&self) -> &[[u8; 32]] {
        &self.parents
    }

    /// Its short name, for commands. Not unique in a network.
    pub fn code(&self) -> &Key {
        &self.code
    }

    /// Who leads groups of this template.
    pub fn facilitation(&self) -> Facilitation {
        self.facilitation
    }

    /// Licence of its words.
    pub fn licence(&self) -> Licence {
        self.licence
    }

    /// Its parts of one kind, in their places.
    pub fn parts(&self, kind: PartKind) -> Vec<&Part> {
        let mut parts: Vec<&Part> = self.parts.iter().filter(|part| part.kind == kind).collect();
        parts.sort_by_key(|part| part.position);
        parts
    }

    /// One part by kind and key.
    pub fn part(&self, kind: PartKind, key: &str) -> Option<&Part> {
        self.parts
            .iter()
            .find(|part| part.kind == kind && part.key.as_str() == key)
    }

    /// The title in `language`, or in the closest language there is.
    pub fn title(&self, language: &str) -> &str {
        self.parts
            .iter()
            .find(|part| part.kind == PartKind::Title)
            .map_or("", |title| title.text(language))
    }

    /// The planned length of a meeting, minutes: the sum of its phases.
    pub fn minutes(&self) -> u32 {
        self.parts.iter().filter_map(|part| part.minutes).sum()
    }

    /// The measures groups of this template may choose from, ordered by code.
    pub fn measures(&self) -> &[NamedMeasure] {
        &self.measures
    }

    /// The languages in which every part is worded, ordered; at least one.
    pub fn languages(&self) -> Vec<&Language> {
        let mut parts = self
            .parts
            .iter()
            .map(|part| part.wordings().map(|(language, _)| language).collect());
        let first: BTreeSet<&Language> = parts.next().unwrap_or_default();
        parts
            .fold(first, |whole, part| {
                whole.intersection(&part).copied().collect()
            })
            .into_iter()
            .collect()
    }

    /// Checks what no part can tell by itself.
    fn check_whole(&self) -> Result<(), TemplateFault> {
        for kind in PartKind::ALL {
            let parts = self.parts(kind);
            if !parts
                .iter()
                .map(|part| part.position)
                .eq((0_u32..).take(parts.len()))
            {
                return Err(TemplateFault::Positions { kind });
            }
        }
        if self.parts(PartKind::Title).len() != 1 || self.parts(PartKind::Purpose).is_empty() {
            return Err(TemplateFault::TitleAndPurpose);
        }
        let is_kept =
            |rule: &Part| rule.key.as_str() == CONFIDENTIALITY && rule.lock == Lock::Fixed;
        if !self
            .parts(PartKind::Rule)
            .first()
            .is_some_and(|rule| is_kept(rule))
        {
            return Err(TemplateFault::Confidentiality);
        }
        if self.languages().is_empty() {
            return Err(TemplateFault::NoWholeLanguage);
        }
        Ok(())
    }
}

fn hash(bytes: &[u8], what: &'static str) -> Result<[u8; 32], TemplateFault> {
    bytes.try_into().map_err(|_| TemplateFault::Hash { what })
}

fn parse_parents(parents: &[Vec<u8>]) -> Result<Vec<[u8; 32]>, TemplateFault> {
    let parents = parents
        .iter()
        .map(|parent| hash(parent, "parent"))
        .collect::<Result<Vec<_>, _>>()?;
    if parents.len() > MAX_PARENTS || !parents.is_sorted_by(|a, b| a < b) {
        return Err(TemplateFault::Parents);
    }
    Ok(parents)
}

fn parse_facilitation(number: i32) -> Result<Facilitation, TemplateFault> {
    match wire::Facilitation::try_from(number) {
        Ok(wire::Facilitation::Professional) => Ok(Facilitation::Professional),
        Ok(wire::Facilitation::Peer) => Ok(Facilitation::Peer),
        Ok(wire::Facilitation::CoLed) => Ok(Facilitation::CoLed),
        Ok(wire::Facilitation::Unspecified) | Err(_) => Err(TemplateFault::Facilitation),
    }
}

fn parse_licence(identifier: &str) -> Result<Licence, TemplateFault> {
    Licence::shareable(identifier).map_err(|why| {
        // Repeated in the message only when it is a code: anything else could be any words.
        let licence = identifier
            .parse::<Key>()
            .map_or_else(|_| "?".to_owned(), |code| code.to_string());
        TemplateFault::Licence { licence, why }
    })
}

fn parse_parts(parts: Vec<wire::TemplatePart>) -> Result<Vec<Part>, TemplateFault> {
    if parts.len() > MAX_PARTS {
        return Err(TemplateFault::TooManyParts { count: parts.len() });
    }
    let parts = parts
        .into_iter()
        .map(Part::parse)
        .collect::<Result<Vec<_>, _>>()?;
    for (before, part) in parts.iter().zip(parts.iter().skip(1)) {
        match (before.kind, &before.key).cmp(&(part.kind, &part.key)) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                return Err(TemplateFault::RepeatedPart { part: part.name() });
            }
            std::cmp::Ordering::Greater => {
                return Err(TemplateFault::PartOrder { part: part.name() });
            }
        }
    }
    Ok(parts)
}

fn parse_measures(
    measures: Vec<wire::TemplateMeasure>,
) -> Result<Vec<NamedMeasure>, TemplateFault> {
    let measures = measures
        .into_iter()
        .map(
            |wire::TemplateMeasure {
                 code,
                 comparability_class,
             }| {
                let code = MeasureCode::try_from(code).map_err(|_| TemplateFault::Measure)?;
                let class: [u8; 32] = comparability_class
                    .try_into()
                    .map_err(|_| TemplateFault::Measure)?;
                Ok(NamedMeasure {
                    code,
                    class: ClassHash(class),
                })
            },
        )
        .collect::<Result<Vec<_>, _>>()?;
    if measures.len() > MAX_MEASURES || !measures.is_sorted_by(|a, b| a.code < b.code) {
        return Err(TemplateFault::Measures);
    }
    Ok(measures)
}
