//! What is personal, as types that keep silent: no `Display`, and a `Debug` that tells nothing.

use data_encoding::HEXLOWER;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Longest label in bytes.
pub const LABEL_BYTES: usize = 200;
/// Longest contact in bytes.
pub const CONTACT_BYTES: usize = 400;
/// Longest name of a group in bytes.
pub const GROUP_NAME_BYTES: usize = 120;

/// Why words are not taken. Never repeats them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WordsError {
    /// Nothing is written.
    #[error("{what} is empty; write something")]
    Empty {
        /// Which words.
        what: &'static str,
    },
    /// Too long.
    #[error("{what} is longer than {max} bytes; shorten it")]
    TooLong {
        /// Which words.
        what: &'static str,
        /// Greatest length in bytes.
        max: usize,
    },
    /// Holds characters that are not written.
    #[error("{what} holds control characters; write plain words")]
    Control {
        /// Which words.
        what: &'static str,
    },
}

pub(crate) fn check_words(text: &str, what: &'static str, max: usize) -> Result<(), WordsError> {
    if text.len() > max {
        return Err(WordsError::TooLong { what, max });
    }
    if text.chars().any(char::is_control) {
        return Err(WordsError::Control { what });
    }
    Ok(())
}

macro_rules! personal_words {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The words, for the eyes of who may read them.
            pub fn reveal(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = WordsError;

            fn try_from(text: String) -> Result<Self, WordsError> {
                if text.trim().is_empty() {
                    return Err(WordsError::Empty { what: $what });
                }
                check_words(&text, $what, $max)?;
                Ok(Self(text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

personal_words! {
    /// A member's label in the centre: a name, a nickname or a code. 1 to [`LABEL_BYTES`] bytes.
    Label, "the label", LABEL_BYTES;
    /// How to reach a member. 1 to [`CONTACT_BYTES`] bytes.
    Contact, "the contact", CONTACT_BYTES;
    /// A group's name at home. 1 to [`GROUP_NAME_BYTES`] bytes.
    GroupName, "the group's name", GROUP_NAME_BYTES;
    /// On what basis imported members consented, in the coordinator's words. 10 to 1000 bytes.
    Basis, "the basis", 1000;
}

/// Text that is no id of this centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an id of this centre; ids have 32 hexadecimal digits")]
pub struct NotAnId;

macro_rules! random_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these bytes.
            #[allow(dead_code, reason = "every id is made the same way")]
            pub const fn new(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// 32 hexadecimal digits.
            #[allow(dead_code, reason = "every id is written the same way")]
            pub fn to_text(self) -> String {
                HEXLOWER.encode(&self.0)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = NotAnId;

            fn try_from(bytes: &[u8]) -> Result<Self, NotAnId> {
                bytes.try_into().map(Self).map_err(|_| NotAnId)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| NotAnId)?;
                Self::try_from(bytes.as_slice())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

random_ids! {
    /// A member, by a random id that means nothing outside its centre.
    MemberId;
    /// A group, by a random id.
    GroupId;
    /// A meeting, by a random id.
    MeetingId;
    /// One check-in on one measure, by a random id.
    CheckInId;
    /// A staff credential, by a random id; not the secret itself.
    CredentialId;
}

/// What a member consents to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Being kept as a member of groups.
    Participation,
    /// Answering check-ins.
    Measurement,
    /// Being counted in what is shared with the network.
    Sharing,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 3] = [Self::Participation, Self::Measurement, Self::Sharing];

    /// Its number in the store and on the wire.
    pub const fn number(self) -> i32 {
        match self {
            Self::Participation => 1,
            Self::Measurement => 2,
            Self::Sharing => 3,
        }
    }

    /// The purpose of this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.number() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_words_and_ids_print_nothing() {
        let label = Label::try_from("Ana Novak".to_owned()).unwrap();
        let contact = Contact::try_from("ana@example.org".to_owned()).unwrap();
        let member = MemberId::new([0xab; 16]);
        let text = format!("{label:?} {contact:?} {member:?}");
        assert_eq!(text, "Label(..) Contact(..) MemberId(..)");
    }

    #[test]
    fn words_that_are_empty_long_or_unprintable_are_refused_without_being_repeated() {
        for text in [
            String::new(),
            "  ".to_owned(),
            "Ana\u{7}".to_owned(),
            "Ana".repeat(100),
        ] {
            let error = Label::try_from(text).unwrap_err();
            assert!(!error.to_string().contains("Ana"));
        }
    }

    #[test]
    fn an_id_reads_back_from_its_text_and_nothing_else_does() {
        let member = MemberId::new([0x5a; 16]);
        assert_eq!(member.to_text().parse::<MemberId>().unwrap(), member);
        for text in [
            "",
            "5a",
            &"5A".repeat(16),
            &"zz".repeat(16),
            &"5a".repeat(17),
        ] {
            assert_eq!(text.parse::<MemberId>(), Err(NotAnId));
        }
    }
}
