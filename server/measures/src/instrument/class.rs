//! The comparability class: a hash of everything that affects a score, and of nothing else.
//!
//! # Encoding
//!
//! SHA-256 over the bytes below. Text is UTF-8 behind its length as 4 bytes; counts are 4 bytes,
//! values 4 bytes in two's complement, numbers the 8 bytes of their IEEE 754 form, all big end
//! first; flags are one byte, 0 or 1.
//!
//! ```text
//! text    "krog.measures.class.v1"
//! byte    0 items known, 1 total only
//! text    measure code
//! number  lowest score, number highest score
//! byte    0 higher is better, 1 lower is better
//! -- the rest only where items are known
//! byte    0 sum, 1 mean, 2 single item
//! count   fewest answered items
//! flag    prorated
//! count   number of choices, then each value, rising
//! count   number of items, then for each, by rising id: text id, flag reverse
//! ```
//!
//! Wording, labels, languages, order of items, window and stated figures are not in it: a
//! translation and its original give the same class.

use super::{Direction, InstrumentForm, Item, MeasureCode, Scale, Scoring};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};
use std::str::FromStr;

/// The comparability class of a measure; in text 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClassHash(pub [u8; 32]);

impl ClassHash {
    pub(super) fn of_form(form: &InstrumentForm) -> Self {
        let scoring = match form.scoring {
            Scoring::Sum => 0,
            Scoring::Mean => 1,
            Scoring::PerItem => 2,
        };
        let items: Vec<&Item> = form.items.iter().collect();
        let mut encoder = Encoder::new(0, &form.code, &form.scale);
        encoder.items(form, scoring, u32::from(form.min_answered), items);
        encoder.finish()
    }

    /// A single item's class does not depend on the items asked beside it.
    pub(super) fn of_item(
        form: &InstrumentForm,
        item: &Item,
        code: &MeasureCode,
        scale: &Scale,
    ) -> Self {
        let mut encoder = Encoder::new(0, code, scale);
        encoder.items(form, 2, 1, vec![item]);
        encoder.finish()
    }

    pub(super) fn of_total(code: &MeasureCode, scale: &Scale) -> Self {
        Encoder::new(1, code, scale).finish()
    }

    /// The 32 bytes, as they stand on the wire.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

struct Encoder(Sha256);

impl Encoder {
    fn new(form: u8, code: &MeasureCode, scale: &Scale) -> Self {
        let mut encoder = Self(Sha256::new());
        encoder.text("krog.measures.class.v1");
        encoder.byte(form);
        encoder.text(code.as_str());
        encoder.0.update(scale.min().to_be_bytes());
        encoder.0.update(scale.max().to_be_bytes());
        encoder.byte(match scale.direction() {
            Direction::HigherBetter => 0,
            Direction::LowerBetter => 1,
        });
        encoder
    }

    fn items(
        &mut self,
        form: &InstrumentForm,
        scoring: u8,
        min_answered: u32,
        mut items: Vec<&Item>,
    ) {
        self.byte(scoring);
        self.count(min_answered);
        self.byte(u8::from(form.prorate));
        self.count(form.options.len() as u32);
        for choice in &form.options {
            self.0.update(choice.value.to_be_bytes());
        }
        items.sort_by(|a, b| a.id.cmp(&b.id));
        self.count(items.len() as u32);
        for item in items {
            self.text(item.id.as_str());
            self.byte(u8::from(item.reverse));
        }
    }

    fn byte(&mut self, byte: u8) {
        self.0.update([byte]);
    }

    fn count(&mut self, count: u32) {
        self.0.update(count.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len() as u32);
        self.0.update(text.as_bytes());
    }

    fn finish(self) -> ClassHash {
        ClassHash(self.0.finalize().into())
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a comparability class; it has 64 lowercase hexadecimal digits")]
pub struct NotAClass;

impl FromStr for ClassHash {
    type Err = NotAClass;

    fn from_str(text: &str) -> Result<Self, NotAClass> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotAClass),
        };
        let mut hash = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(NotAClass);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? * 16 + digit(pair[1])?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for ClassHash {
    type Error = NotAClass;

    fn try_from(text: String) -> Result<Self, NotAClass> {
        text.parse()
    }
}

impl From<ClassHash> for String {
    fn from(hash: ClassHash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for ClassHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ClassHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassHash({self})")
    }
}

/// Lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
