//! Names of measures and items.

use super::InstrumentError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Name of an instrument or of a measure: 1–32 lowercase ASCII letters, digits, `-`, `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MeasureCode(String);

impl MeasureCode {
    /// Greatest length in characters.
    pub const MAX_LEN: usize = 32;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_valid(text: &str) -> bool {
        (1..=Self::MAX_LEN).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
    }
}

impl TryFrom<String> for MeasureCode {
    type Error = InstrumentError;

    fn try_from(text: String) -> Result<Self, InstrumentError> {
        if Self::is_valid(&text) {
            Ok(Self(text))
        } else {
            Err(InstrumentError::Code)
        }
    }
}

impl TryFrom<&str> for MeasureCode {
    type Error = InstrumentError;

    fn try_from(text: &str) -> Result<Self, InstrumentError> {
        Self::try_from(text.to_owned())
    }
}

impl FromStr for MeasureCode {
    type Err = InstrumentError;

    fn from_str(text: &str) -> Result<Self, InstrumentError> {
        Self::try_from(text)
    }
}

impl From<MeasureCode> for String {
    fn from(code: MeasureCode) -> Self {
        code.0
    }
}

impl AsRef<str> for MeasureCode {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MeasureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of an item within its instrument: 1–64 visible ASCII characters, no space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ItemId(String);

impl ItemId {
    /// Greatest length in characters.
    pub const MAX_LEN: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ItemId {
    type Error = InstrumentError;

    fn try_from(text: String) -> Result<Self, InstrumentError> {
        if (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err(InstrumentError::ItemId)
        }
    }
}

impl TryFrom<&str> for ItemId {
    type Error = InstrumentError;

    fn try_from(text: &str) -> Result<Self, InstrumentError> {
        Self::try_from(text.to_owned())
    }
}

impl FromStr for ItemId {
    type Err = InstrumentError;

    fn from_str(text: &str) -> Result<Self, InstrumentError> {
        Self::try_from(text)
    }
}

impl From<ItemId> for String {
    fn from(id: ItemId) -> Self {
        id.0
    }
}

impl AsRef<str> for ItemId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_outside_the_alphabet_or_length_are_refused() {
        for text in ["", "BDI", "bdi ii", "bdi_ii", "čuječnost", &"a".repeat(33)] {
            assert_eq!(
                MeasureCode::try_from(text),
                Err(InstrumentError::Code),
                "{text}"
            );
        }
        assert_eq!(
            MeasureCode::try_from("ons4.anxious").unwrap().to_string(),
            "ons4.anxious"
        );
        assert!(MeasureCode::try_from("a".repeat(32)).is_ok());
        assert!(serde_json::from_str::<MeasureCode>("\"BDI\"").is_err());
    }

    #[test]
    fn item_ids_take_link_ids_of_other_systems() {
        assert!(ItemId::try_from("/44250-9").is_ok());
        for text in ["", "a b", "š", &"x".repeat(65)] {
            assert_eq!(ItemId::try_from(text), Err(InstrumentError::ItemId));
        }
    }
}
