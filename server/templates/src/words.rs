//! Keys, languages and texts.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Longest text in bytes.
pub const MAX_TEXT: usize = 4_000;
/// Longest title in bytes.
pub const MAX_TITLE: usize = 160;

/// A short machine word: 1 to 48 of lower-case a-z, 0-9, '-' and '.'.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Greatest length in bytes.
    pub const MAX_LEN: usize = 48;

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a key; use 1 to {max} of lower-case a-z, 0-9, '-' and '.'", max = Key::MAX_LEN)]
pub struct NoKey;

impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let fits = (1..=Self::MAX_LEN).contains(&text.len())
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoKey)
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A language as a BCP 47 tag in lower case, such as `sl` or `en-gb`; at most 16 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

impl Language {
    /// Greatest length in bytes.
    pub const MAX_LEN: usize = 16;

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a language; use a BCP 47 tag in lower case of at most {max} characters, such as sl or en-gb", max = Language::MAX_LEN)]
pub struct NoLanguage;

impl FromStr for Language {
    type Err = NoLanguage;

    /// Takes the shape of a tag (2 or 3 letters, then subtags of 1 to 8 letters or digits), not a register of tags.
    fn from_str(text: &str) -> Result<Self, NoLanguage> {
        let mut subtags = text.split('-');
        let primary = subtags.next().unwrap_or_default();
        let fits = text.len() <= Self::MAX_LEN
            && (2..=3).contains(&primary.len())
            && primary.bytes().all(|b| b.is_ascii_lowercase())
            && subtags.all(|tag| {
                (1..=8).contains(&tag.len())
                    && tag
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoLanguage)
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Words of a template: plain text of 1 to [`MAX_TEXT`] bytes, without space at either end. What is shown is what is
/// stored: no control character but the line feed, nothing invisible, nothing that turns the direction of reading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Words(String);

/// Why a text may not travel in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WordsFault {
    /// Empty, or space at an end.
    #[error("the text is empty or has space before or after it")]
    Empty,
    /// Too long.
    #[error("the text is longer than {MAX_TEXT} bytes")]
    TooLong,
    /// A title of more than one line, or too long.
    #[error("a title is one line of at most {MAX_TITLE} bytes")]
    Title,
    /// A control character.
    #[error(
        "the text holds a control character; only line feeds are allowed (no tabs, no carriage returns)"
    )]
    Control,
    /// An invisible or direction-changing character.
    #[error(
        "the text holds an invisible character or one that turns the direction of reading; type it anew"
    )]
    Hidden,
    /// A number that looks like a telephone.
    #[error(
        "the text holds what looks like a telephone number; numbers to call never travel in a template, each centre \
         sets its own"
    )]
    Telephone,
    /// Something that looks like a mail address.
    #[error(
        "the text holds what looks like a mail address; contacts never travel in a template, each centre sets its own"
    )]
    MailAddress,
}

impl Words {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it may stand as a title.
    pub(crate) fn is_title(&self) -> bool {
        self.0.len() <= MAX_TITLE && !self.0.contains('\n')
    }
}

impl TryFrom<String> for Words {
    type Error = WordsFault;

    fn try_from(text: String) -> Result<Self, WordsFault> {
        if text.is_empty() || text.trim() != text {
            return Err(WordsFault::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(WordsFault::TooLong);
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(WordsFault::Control);
        }
        if text.chars().any(is_hidden) {
            return Err(WordsFault::Hidden);
        }
        if holds_telephone(&text) {
            return Err(WordsFault::Telephone);
        }
        if holds_mail_address(&text) {
            return Err(WordsFault::MailAddress);
        }
        Ok(Self(text))
    }
}

/// Characters that are not seen, or that make other text be seen elsewhere than it stands. The zero-width joiners stay:
/// some scripts need them.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || (u32::from(c) & 0xfffe) == 0xfffe
        || ('\u{fdd0}'..='\u{fdef}').contains(&c)
}

/// Short numbers that are dialled in an emergency somewhere and hardly stand for anything else in a template.
const EMERGENCY: &[&str] = &[
    "110", "111", "112", "113", "116", "117", "118", "119", "911", "988", "999",
];

/// Six or more digits with at most two separators between neighbours, or an emergency number standing alone.
fn holds_telephone(text: &str) -> bool {
    let mut digits = 0;
    let mut apart = 0;
    for c in text.chars() {
        if c.is_numeric() {
            digits += 1;
            apart = 0;
            if digits >= 6 {
                return true;
            }
        } else if matches!(c, ' ' | '\u{a0}' | '-' | '\u{2011}' | '/' | '.' | '(' | ')')
            && apart < 2
        {
            apart += 1;
        } else {
            digits = 0;
            apart = 0;
        }
    }
    text.split(|c: char| !c.is_alphanumeric())
        .any(|word| EMERGENCY.contains(&word))
}

fn holds_mail_address(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        word.split_once('@')
            .is_some_and(|(before, after)| !before.is_empty() && after.contains('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<WordsFault> {
        Words::try_from(text.to_owned()).err()
    }

    #[test]
    fn plain_words_in_any_script_pass() {
        for text in [
            "Kar je povedano v skupini, ostane v skupini.",
            "一人ずつ話す",
            "می‌خواهم",
            "Two lines.\nAnd 90 minutes, 12 times.",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn text_that_shows_other_words_than_it_stores_is_refused() {
        for text in [
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{200b}b",
            "a\u{feff}b",
            "a\u{e0041}b",
            "a\u{ffff}b",
        ] {
            assert_eq!(fault(text), Some(WordsFault::Hidden), "{text:?}");
        }
        for text in ["a\tb", "a\r\nb", "a\u{0}b", "a\u{85}b", "a\u{1b}[31mb"] {
            assert_eq!(fault(text), Some(WordsFault::Control), "{text:?}");
        }
    }

    #[test]
    fn empty_padded_and_overlong_text_is_refused() {
        for text in ["", " ", " a", "a\n"] {
            assert_eq!(fault(text), Some(WordsFault::Empty), "{text:?}");
        }
        assert_eq!(fault(&"a".repeat(MAX_TEXT)), None);
        assert_eq!(fault(&"a".repeat(MAX_TEXT + 1)), Some(WordsFault::TooLong));
    }

    #[test]
    fn numbers_to_call_and_mail_addresses_do_not_travel() {
        for text in [
            "Call 116 123.",
            "+386 1 23 45 67",
            "(01) 234-567",
            "Pokličite 113!",
            "112",
        ] {
            assert_eq!(fault(text), Some(WordsFault::Telephone), "{text}");
        }
        assert_eq!(
            fault("Write to someone@example.org today."),
            Some(WordsFault::MailAddress)
        );
        for text in [
            "5 to 10 minutes, 3 rounds, 12 people",
            "since 2019",
            "10, 20, 30, 40",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn keys_and_languages_keep_to_their_alphabets() {
        assert!("own-pace.2".parse::<Key>().is_ok());
        for text in ["", "Own", "own pace", "own_pace", "ž", &"a".repeat(49)] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
        for text in ["sl", "en-gb", "sgn-de", "de-1996"] {
            assert!(text.parse::<Language>().is_ok(), "{text}");
        }
        for text in [
            "",
            "s",
            "slove",
            "SL",
            "en-",
            "en--gb",
            "en_gb",
            "en-gb-oxendict-xx",
        ] {
            assert!(text.parse::<Language>().is_err(), "{text}");
        }
    }
}
