//! The parts of a template.

use std::fmt;

use krog_proto::federation::v1 as wire;

use crate::fault::{PartName, TemplateFault};
use crate::words::{Key, Language, Words, WordsFault};

/// Longest phase, minutes.
pub const MAX_MINUTES: u32 = 600;
/// Most languages of one part.
pub const MAX_WORDINGS: usize = 24;

/// What a part of a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// The template's title; there is exactly one.
    Title,
    /// What the group is for.
    Purpose,
    /// A rule the agreement begins with.
    Rule,
    /// A role somebody in the group takes.
    Role,
    /// A prompt about what members expect of each other and of whoever leads.
    Expectation,
    /// A phase of a meeting.
    Phase,
    /// A topic.
    Topic,
    /// A resource on disorders and coping.
    Resource,
}

impl PartKind {
    /// All kinds, in the order in which a template is written.
    pub const ALL: [Self; 8] = [
        Self::Title,
        Self::Purpose,
        Self::Rule,
        Self::Role,
        Self::Expectation,
        Self::Phase,
        Self::Topic,
        Self::Resource,
    ];

    /// The word used in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Purpose => "purpose",
            Self::Rule => "rule",
            Self::Role => "role",
            Self::Expectation => "expectation",
            Self::Phase => "phase",
            Self::Topic => "topic",
            Self::Resource => "resource",
        }
    }

    pub(crate) fn to_wire(self) -> wire::TemplatePartKind {
        match self {
            Self::Title => wire::TemplatePartKind::Title,
            Self::Purpose => wire::TemplatePartKind::Purpose,
            Self::Rule => wire::TemplatePartKind::Rule,
            Self::Role => wire::TemplatePartKind::Role,
            Self::Expectation => wire::TemplatePartKind::Expectation,
            Self::Phase => wire::TemplatePartKind::Phase,
            Self::Topic => wire::TemplatePartKind::Topic,
            Self::Resource => wire::TemplatePartKind::Resource,
        }
    }

    fn parse(number: i32) -> Result<Self, TemplateFault> {
        match wire::TemplatePartKind::try_from(number) {
            Ok(wire::TemplatePartKind::Title) => Ok(Self::Title),
            Ok(wire::TemplatePartKind::Purpose) => Ok(Self::Purpose),
            Ok(wire::TemplatePartKind::Rule) => Ok(Self::Rule),
            Ok(wire::TemplatePartKind::Role) => Ok(Self::Role),
            Ok(wire::TemplatePartKind::Expectation) => Ok(Self::Expectation),
            Ok(wire::TemplatePartKind::Phase) => Ok(Self::Phase),
            Ok(wire::TemplatePartKind::Topic) => Ok(Self::Topic),
            Ok(wire::TemplatePartKind::Resource) => Ok(Self::Resource),
            Ok(wire::TemplatePartKind::Unspecified) | Err(_) => Err(TemplateFault::UnknownKind),
        }
    }
}

impl fmt::Display for PartKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What whoever adapts a template may do to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lock {
    /// Change it or leave it out.
    Free,
    /// Keep it and add.
    AddOnly,
    /// Change the words, keep the meaning.
    WordingOnly,
    /// Keep it as it is.
    Fixed,
}

impl Lock {
    /// The word used in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::AddOnly => "add-only",
            Self::WordingOnly => "wording-only",
            Self::Fixed => "fixed",
        }
    }

    pub(crate) fn to_wire(self) -> wire::TemplateLock {
        match self {
            Self::Free => wire::TemplateLock::Free,
            Self::AddOnly => wire::TemplateLock::AddOnly,
            Self::WordingOnly => wire::TemplateLock::WordingOnly,
            Self::Fixed => wire::TemplateLock::Fixed,
        }
    }

    fn parse(number: i32) -> Option<Self> {
        match wire::TemplateLock::try_from(number) {
            Ok(wire::TemplateLock::Free) => Some(Self::Free),
            Ok(wire::TemplateLock::AddOnly) => Some(Self::AddOnly),
            Ok(wire::TemplateLock::WordingOnly) => Some(Self::WordingOnly),
            Ok(wire::TemplateLock::Fixed) => Some(Self::Fixed),
            Ok(wire::TemplateLock::Unspecified) | Err(_) => None,
        }
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub(crate) kind: PartKind,
    pub(crate) key: Key,
    pub(crate) lock: Lock,
    pub(crate) position: u32,
    pub(crate) minutes: Option<u32>,
    pub(crate) wordings: Vec<(Language, Words)>,
}

impl Part {
    /// What it is.
    pub fn kind(&self) -> PartKind {
        self.kind
    }

    /// Its key among parts of its kind.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What an adapter may do to it.
    pub fn lock(&self) -> Lock {
        self.lock
    }

    /// Its place among parts of its kind, from 0.
    pub fn position(&self) -> u32 {
        self.position
    }

    /// Planned length of a phase, 1 to [`MAX_MINUTES`] minutes; none for other kinds.
    pub fn minutes(&self) -> Option<u32> {
        self.minutes
    }

    /// Its languages and words, ordered by language; at least one.
    pub fn wordings(&self) -> impl ExactSizeIterator<Item = (&Language, &str)> {
        self.wordings
            .iter()
            .map(|(language, words)| (language, words.as_str()))
    }

    /// Its words in `language`; without one, in the closest there is: the same first subtag, English, the first.
    pub fn text(&self, language: &str) -> &str {
        let primary = |tag: &str| tag.split('-').next().map(str::to_owned);
        let exact = |wanted: &str| self.wordings.iter().find(|(tag, _)| tag.as_str() == wanted);
        let wording = exact(language)
            .or_else(|| {
                self.wordings
                    .iter()
                    .find(|(tag, _)| primary(tag.as_str()) == primary(language))
            })
            .or_else(|| exact("en"))
            .or_else(|| self.wordings.first());
        wording.map_or("", |(_, words)| words.as_str())
    }

    pub(crate) fn name(&self) -> PartName {
        PartName {
            kind: self.kind,
            key: self.key.clone(),
        }
    }

    pub(crate) fn parse(part: wire::TemplatePart) -> Result<Self, TemplateFault> {
        let wire::TemplatePart {
            kind,
            key,
            lock,
            position,
            minutes,
            wordings,
        } = part;
        let kind = PartKind::parse(kind)?;
        let key: Key = key.parse().map_err(|_| TemplateFault::Code {
            what: "key of a part",
        })?;
        let name = || PartName {
            kind,
            key: key.clone(),
        };
        let lock = Lock::parse(lock).ok_or_else(|| TemplateFault::UnknownLock { part: name() })?;
        let has_fitting_minutes = match (kind, minutes) {
            (PartKind::Phase, Some(minutes)) => (1..=MAX_MINUTES).contains(&minutes),
            (PartKind::Phase, None) => false,
            (_, minutes) => minutes.is_none(),
        };
        if !has_fitting_minutes {
            return Err(TemplateFault::Minutes { part: name() });
        }
        if wordings.is_empty() || wordings.len() > MAX_WORDINGS {
            return Err(TemplateFault::Wordings { part: name() });
        }
        let wordings = wordings
            .into_iter()
            .map(|wire::Wording { language, text }| {
                let language: Language = language
                    .parse()
                    .map_err(|_| TemplateFault::Language { part: name() })?;
                match Words::try_from(text) {
                    Ok(words) if kind == PartKind::Title && !words.is_title() => {
                        Err(TemplateFault::Words {
                            part: name(),
                            language,
                            fault: WordsFault::Title,
                        })
                    }
                    Ok(words) => Ok((language, words)),
                    Err(fault) => Err(TemplateFault::Words {
                        part: name(),
                        language,
                        fault,
                    }),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        if !wordings.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(TemplateFault::Wordings { part: name() });
        }
        Ok(Self {
            kind,
            key,
            lock,
            position,
            minutes,
            wordings,
        })
    }

    pub(crate) fn to_wire(&self) -> wire::TemplatePart {
        let Self {
            kind,
            key,
            lock,
            position,
            minutes,
            wordings,
        } = self;
        wire::TemplatePart {
            kind: kind.to_wire().into(),
            key: key.to_string(),
            lock: lock.to_wire().into(),
            position: *position,
            minutes: *minutes,
            wordings: wordings
                .iter()
                .map(|(language, words)| wire::Wording {
                    language: language.to_string(),
                    text: words.as_str().to_owned(),
                })
                .collect(),
        }
    }
}
