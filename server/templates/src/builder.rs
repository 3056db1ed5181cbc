//! How code makes a template.

use krog_measures::{Facilitation, Measure};
use krog_proto::federation::v1 as wire;

use crate::document::Template;
use crate::fault::TemplateFault;
use crate::licence::Licence;
use crate::part::{Lock, PartKind};

/// Collects the parts of a template in any order and writes them in the canonical one. Parts of one kind keep the order
/// in which they were given; nothing else about the order has an effect. All checks are made by
/// [`TemplateBuilder::build`].
#[derive(Debug, Clone)]
pub struct TemplateBuilder {
    document: wire::TemplateDocument,
}

impl TemplateBuilder {
    /// A first version without parts. `code` is its short name for commands.
    pub fn new(code: &str, facilitation: Facilitation, licence: Licence) -> Self {
        let facilitation = match facilitation {
            Facilitation::Professional => wire::Facilitation::Professional,
            Facilitation::Peer => wire::Facilitation::Peer,
            Facilitation::CoLed => wire::Facilitation::CoLed,
        };
        Self {
            document: wire::TemplateDocument {
                lineage: Vec::new(),
                parents: Vec::new(),
                code: code.to_owned(),
                facilitation: facilitation.into(),
                licence: licence.to_string(),
                parts: Vec::new(),
                measures: Vec::new(),
            },
        }
    }

    /// States that this one is made from `parent`. The lineage is that of the first parent named; no parts are taken
    /// over.
    #[must_use]
    pub fn made_from(mut self, parent: &Template) -> Self {
        if self.document.lineage.is_empty() {
            self.document.lineage = parent.lineage().to_vec();
        }
        self.document.parents.push(parent.version().to_vec());
        self
    }

    /// Adds a part; `wordings` are pairs of language and text.
    #[must_use]
    pub fn part(self, kind: PartKind, key: &str, lock: Lock, wordings: &[(&str, &str)]) -> Self {
        self.add(kind, key, lock, None, wordings)
    }

    /// Adds a phase of a meeting of so many minutes.
    #[must_use]
    pub fn phase(self, key: &str, lock: Lock, minutes: u32, wordings: &[(&str, &str)]) -> Self {
        self.add(PartKind::Phase, key, lock, Some(minutes), wordings)
    }

    /// Names a measure.
    #[must_use]
    pub fn measure(mut self, measure: &Measure) -> Self {
        self.document.measures.push(wire::TemplateMeasure {
            code: measure.code.to_string(),
            comparability_class: measure.class.as_bytes().to_vec(),
        });
        self
    }

    fn add(
        mut self,
        kind: PartKind,
        key: &str,
        lock: Lock,
        minutes: Option<u32>,
        wordings: &[(&str, &str)],
    ) -> Self {
        let kind = kind.to_wire().into();
        let before = self
            .document
            .parts
            .iter()
            .filter(|part| part.kind == kind)
            .count();
        self.document.parts.push(wire::TemplatePart {
            kind,
            key: key.to_owned(),
            lock: lock.to_wire().into(),
            // Saturation cannot hide anything: so many parts are refused.
            position: u32::try_from(before).unwrap_or(u32::MAX),
            minutes,
            wordings: wordings
                .iter()
                .map(|(language, text)| wire::Wording {
                    language: (*language).to_owned(),
                    text: (*text).to_owned(),
                })
                .collect(),
        });
        self
    }

    /// Puts everything in canonical order and checks the whole.
    pub fn build(self) -> Result<Template, TemplateFault> {
        let Self { mut document } = self;
        document.parents.sort();
        for part in &mut document.parts {
            part.wordings.sort_by(|a, b| a.language.cmp(&b.language));
        }
        document
            .parts
            .sort_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
        document.measures.sort_by(|a, b| a.code.cmp(&b.code));
        Template::parse(document)
    }
}
