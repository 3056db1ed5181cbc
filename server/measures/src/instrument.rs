//! Questionnaires, and the comparable scores they give.
//!
//! An [`Instrument`] is a questionnaire: items, choices and the rule that makes a score of them.
//! A [`Measure`] is one comparable score: what pairs, releases and comparisons are about. Most
//! instruments give one measure; an instrument scored per item gives one for each item.

mod class;
mod code;
mod inline;
mod scale;

pub use class::ClassHash;
pub use code::{ItemId, MeasureCode};
pub use inline::InlineError;
pub use scale::{Direction, Scale, StatedSd, Window};

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Deref;
use thiserror::Error;

/// Why something is not an instrument or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InstrumentError {
    /// A measure's name breaks the rule.
    #[error("not a measure name; use 1 to 32 of lowercase a-z, 0-9, '-' and '.'")]
    Code,
    /// An item's name breaks the rule.
    #[error("not an item name; use 1 to 64 visible ASCII characters without spaces")]
    ItemId,
    /// The ends of a scale are not two finite numbers in order.
    #[error("not a scale; give two numbers within ±1000000, the lower one first")]
    Scale,
    /// The days of a window are not in order.
    #[error("not a window; give days after the baseline with 1 <= first <= target <= last <= 3660")]
    Window,
    /// A stated SD is not positive or has no source.
    #[error(
        "not a stated SD; give a positive number and, in at most 500 bytes, where it comes from"
    )]
    StatedSd,
    /// A reliability is not between 0 and 1 or has no source.
    #[error("not a reliability; give a number from 0 to below 1 and where it comes from")]
    Reliability,
    /// No items, or too many.
    #[error("an instrument has 1 to {max} items; an instrument known by its total only is a total-only measure", max = InstrumentForm::MAX_ITEMS)]
    Items,
    /// Two items have one name.
    #[error("two items are named {item}; give every item its own name")]
    RepeatedItem {
        /// The name used twice.
        item: ItemId,
    },
    /// The choices do not form a scale.
    #[error("an instrument has 2 to {max} choices with values from -10000 to 10000, lowest first, none twice", max = InstrumentForm::MAX_CHOICES)]
    Choices,
    /// The smallest number of answered items is impossible.
    #[error(
        "the smallest number of answered items must be at least 1 and at most the number of items"
    )]
    MinAnswered,
    /// A sum over fewer items without prorating would count what is missing as zero.
    #[error(
        "a sum needs every item answered unless it is prorated; set prorate, or set min_answered to the number of items"
    )]
    SumWithGaps,
    /// Prorating means nothing for this scoring.
    #[error("only a sum can be prorated; a mean already is, and single items cannot be")]
    Prorate,
    /// A score could leave the scale.
    #[error(
        "the answers can give scores outside the stated scale; its ends must hold every possible score"
    )]
    ScaleTooSmall,
    /// A title, citation, licence or wording is empty or too long.
    #[error("title, citation, licence and every wording must have text, at most {max} bytes each", max = InstrumentForm::MAX_TEXT)]
    Text,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name; scoring goes by this, never by position, because orders differ between copies.
    pub id: ItemId,
    /// Wording in English.
    pub text_en: String,
    /// Wording in Slovene, where the licence allows a translation.
    pub text_sl: Option<String>,
    /// Scored from the other end. With [`Scoring::PerItem`] the value stays and the item's
    /// direction is the opposite of the scale's.
    pub reverse: bool,
}

/// One possible answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What it counts.
    pub value: i32,
    /// Wording in English.
    pub label_en: String,
    /// Wording in Slovene, where the licence allows a translation.
    pub label_sl: Option<String>,
}

/// How answers become a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scoring {
    /// The values added.
    Sum,
    /// The mean of the values answered.
    Mean,
    /// Every item is a measure of its own, named `instrument.item`.
    PerItem,
}

#[derive(Serialize, Deserialize)]
struct ReliabilityForm {
    coefficient: f64,
    source: String,
}

/// How much of the differences between scores is not error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ReliabilityForm", into = "ReliabilityForm")]
pub struct Reliability {
    coefficient: f64,
    source: String,
}

impl Reliability {
    /// A coefficient from 0 to below 1, and where it comes from (alpha or test–retest, study).
    pub fn new(coefficient: f64, source: impl Into<String>) -> Result<Self, InstrumentError> {
        let source = source.into();
        if (0.0..1.0).contains(&coefficient)
            && !source.trim().is_empty()
            && source.len() <= StatedSd::MAX_SOURCE
        {
            Ok(Self {
                coefficient,
                source,
            })
        } else {
            Err(InstrumentError::Reliability)
        }
    }

    /// From 0 to below 1.
    pub fn coefficient(&self) -> f64 {
        self.coefficient
    }

    /// Kind of coefficient and study.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl TryFrom<ReliabilityForm> for Reliability {
    type Error = InstrumentError;

    fn try_from(form: ReliabilityForm) -> Result<Self, InstrumentError> {
        let ReliabilityForm {
            coefficient,
            source,
        } = form;
        Self::new(coefficient, source)
    }
}

impl From<Reliability> for ReliabilityForm {
    fn from(reliability: Reliability) -> Self {
        let Reliability {
            coefficient,
            source,
        } = reliability;
        Self {
            coefficient,
            source,
        }
    }
}

/// The parts of an instrument, unchecked. [`Instrument::try_from`] checks them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstrumentForm {
    /// Name; also the name of its measure unless scored per item.
    pub code: MeasureCode,
    /// Title for people.
    pub title: String,
    /// Who made it, and where it was published.
    pub citation: String,
    /// Under what terms the wording may be used and passed on.
    pub licence: String,
    /// The questions, in the order they are asked.
    pub items: Vec<Item>,
    /// The answers every question offers, lowest value first.
    pub options: Vec<Choice>,
    /// How answers become a score.
    pub scoring: Scoring,
    /// Fewer answered items give no score. With [`Scoring::PerItem`]: fewer give none of them.
    pub min_answered: u16,
    /// Whether a sum with missing items is scaled up: sum / answered × items, not rounded.
    pub prorate: bool,
    /// Ends and direction of the score.
    pub scale: Scale,
    /// When the follow-up is due.
    pub window: Window,
    /// Reliability of the score, where one is stated.
    pub reliability: Option<Reliability>,
    /// SD of change to use where none can be measured, with its source.
    pub reference_change_sd: Option<StatedSd>,
}

impl InstrumentForm {
    /// Most items of an instrument.
    pub const MAX_ITEMS: usize = 200;
    /// Most choices of an item.
    pub const MAX_CHOICES: usize = 101;
    /// Longest text in bytes.
    pub const MAX_TEXT: usize = 4_000;
    const MAX_VALUE: i32 = 10_000;

    fn check(&self) -> Result<(), InstrumentError> {
        if self.items.is_empty() || self.items.len() > Self::MAX_ITEMS {
            return Err(InstrumentError::Items);
        }
        let mut seen = BTreeSet::new();
        for item in &self.items {
            if !seen.insert(&item.id) {
                return Err(InstrumentError::RepeatedItem {
                    item: item.id.clone(),
                });
            }
        }
        let (Some(first), Some(last)) = (self.options.first(), self.options.last()) else {
            return Err(InstrumentError::Choices);
        };
        if !(2..=Self::MAX_CHOICES).contains(&self.options.len())
            || !self.options.is_sorted_by(|a, b| a.value < b.value)
            || first.value < -Self::MAX_VALUE
            || last.value > Self::MAX_VALUE
        {
            return Err(InstrumentError::Choices);
        }
        if self.min_answered == 0 || usize::from(self.min_answered) > self.items.len() {
            return Err(InstrumentError::MinAnswered);
        }
        let (lowest, highest) = (f64::from(first.value), f64::from(last.value));
        let factor = match self.scoring {
            Scoring::Sum => {
                if !self.prorate && usize::from(self.min_answered) < self.items.len() {
                    return Err(InstrumentError::SumWithGaps);
                }
                self.items.len() as f64
            }
            Scoring::Mean | Scoring::PerItem => {
                if self.prorate {
                    return Err(InstrumentError::Prorate);
                }
                1.0
            }
        };
        if !self.scale.contains(lowest * factor) || !self.scale.contains(highest * factor) {
            return Err(InstrumentError::ScaleTooSmall);
        }
        if self.scoring == Scoring::PerItem {
            for item in &self.items {
                item_code(&self.code, &item.id)?;
            }
        }
        let wordings = self
            .items
            .iter()
            .flat_map(|item| std::iter::once(&item.text_en).chain(&item.text_sl));
        let labels = self
            .options
            .iter()
            .flat_map(|choice| std::iter::once(&choice.label_en).chain(&choice.label_sl));
        let mut texts = [&self.title, &self.citation, &self.licence]
            .into_iter()
            .chain(wordings)
            .chain(labels);
        if texts.any(|text| text.trim().is_empty() || text.len() > Self::MAX_TEXT) {
            return Err(InstrumentError::Text);
        }
        Ok(())
    }
}

/// Name of the measure one item of a per-item instrument gives.
fn item_code(code: &MeasureCode, item: &ItemId) -> Result<MeasureCode, InstrumentError> {
    MeasureCode::try_from(format!("{code}.{item}"))
}

/// A questionnaire that can be scored. Its parts are read through it and cannot be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "InstrumentForm", into = "InstrumentForm")]
pub struct Instrument {
    form: InstrumentForm,
    measures: Vec<Measure>,
}

impl Instrument {
    /// The measures this instrument gives: one, or with [`Scoring::PerItem`] one per item in the
    /// order of the items.
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// The measure of this name, if this instrument gives it.
    pub fn measure(&self, code: &MeasureCode) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.code == *code)
    }

    /// Lowest and highest value an item can have.
    pub fn value_bounds(&self) -> (i32, i32) {
        // Checked: the choices are sorted and there are two at least.
        let value = |choice: Option<&Choice>| choice.map_or(0, |choice| choice.value);
        (
            value(self.form.options.first()),
            value(self.form.options.last()),
        )
    }
}

impl TryFrom<InstrumentForm> for Instrument {
    type Error = InstrumentError;

    fn try_from(form: InstrumentForm) -> Result<Self, InstrumentError> {
        form.check()?;
        let measure = |code: MeasureCode, scale: Scale, class: ClassHash| Measure {
            code,
            scale,
            window: form.window,
            class,
            reference_change_sd: form.reference_change_sd.clone(),
        };
        let measures = match form.scoring {
            Scoring::Sum | Scoring::Mean => vec![measure(
                form.code.clone(),
                form.scale,
                ClassHash::of_form(&form),
            )],
            Scoring::PerItem => form
                .items
                .iter()
                .map(|item| {
                    let code = item_code(&form.code, &item.id)?;
                    let direction = form.scale.direction();
                    let scale = Scale::new(
                        form.scale.min(),
                        form.scale.max(),
                        if item.reverse {
                            direction.opposite()
                        } else {
                            direction
                        },
                    )?;
                    let class = ClassHash::of_item(&form, item, &code, &scale);
                    Ok(measure(code, scale, class))
                })
                .collect::<Result<_, InstrumentError>>()?,
        };
        Ok(Self { form, measures })
    }
}

impl From<Instrument> for InstrumentForm {
    fn from(instrument: Instrument) -> Self {
        instrument.form
    }
}

impl Deref for Instrument {
    type Target = InstrumentForm;

    fn deref(&self) -> &InstrumentForm {
        &self.form
    }
}

/// One comparable score.
///
/// Outcomes are put together only within one class; the code is its name for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Name.
    pub code: MeasureCode,
    /// Ends and direction of the score.
    pub scale: Scale,
    /// When the follow-up is due.
    pub window: Window,
    /// Comparability class: equal for all forms that give the same score for the same answers.
    pub class: ClassHash,
    /// SD of change to use where none can be measured.
    pub reference_change_sd: Option<StatedSd>,
}

impl Measure {
    /// A measure of which only the total is known, for instruments whose items may not be
    /// shipped. Its class rests on code, ends and direction.
    pub fn total_only(
        code: MeasureCode,
        scale: Scale,
        window: Window,
        reference_change_sd: Option<StatedSd>,
    ) -> Self {
        let class = ClassHash::of_total(&code, &scale);
        Self {
            code,
            scale,
            window,
            class,
            reference_change_sd,
        }
    }
}

#[cfg(test)]
mod tests;
