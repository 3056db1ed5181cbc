//! Licences of a template's words.

use std::fmt;

/// A licence under which anyone in the network may use, pass on and adapt the words.
///
/// A list, not a rule: a licence not known here is refused until somebody has read it. Some of these ask for something
/// in return (naming the authors, the same licence for adapted words, no commercial use); the identifier travels with
/// the words so that every reader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Licence {
    /// Creative Commons Zero 1.0: no conditions.
    Cc0,
    /// Creative Commons Attribution 3.0.
    CcBy3,
    /// Creative Commons Attribution 4.0.
    CcBy4,
    /// Creative Commons Attribution-ShareAlike 3.0.
    CcBySa3,
    /// Creative Commons Attribution-ShareAlike 4.0.
    CcBySa4,
    /// Creative Commons Attribution-NonCommercial 4.0.
    CcByNc4,
    /// Creative Commons Attribution-NonCommercial-ShareAlike 3.0 for intergovernmental organisations.
    CcByNcSa3Igo,
    /// Creative Commons Attribution-NonCommercial-ShareAlike 4.0.
    CcByNcSa4,
}

impl Licence {
    /// All licences under which templates travel.
    pub const ALL: [Self; 8] = [
        Self::Cc0,
        Self::CcBy3,
        Self::CcBy4,
        Self::CcBySa3,
        Self::CcBySa4,
        Self::CcByNc4,
        Self::CcByNcSa3Igo,
        Self::CcByNcSa4,
    ];

    /// The SPDX identifier in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cc0 => "cc0-1.0",
            Self::CcBy3 => "cc-by-3.0",
            Self::CcBy4 => "cc-by-4.0",
            Self::CcBySa3 => "cc-by-sa-3.0",
            Self::CcBySa4 => "cc-by-sa-4.0",
            Self::CcByNc4 => "cc-by-nc-4.0",
            Self::CcByNcSa3Igo => "cc-by-nc-sa-3.0-igo",
            Self::CcByNcSa4 => "cc-by-nc-sa-4.0",
        }
    }

    /// The licence of this identifier, or why it does not let a template travel.
    pub fn shareable(identifier: &str) -> Result<Self, Unshareable> {
        if let Some(licence) = Self::ALL
            .into_iter()
            .find(|licence| licence.as_str() == identifier)
        {
            return Ok(licence);
        }
        let parts: Vec<&str> = identifier.split('-').collect();
        let creative_commons = parts.starts_with(&["cc", "by"]);
        Err(match identifier {
            "" | "none" | "noassertion" => Unshareable::None,
            "all-rights-reserved" | "proprietary" | "copyright" => Unshareable::Reserved,
            _ if identifier.starts_with("licenseref-") => Unshareable::Reserved,
            _ if creative_commons && parts.contains(&"nd") => Unshareable::NoAdaptation,
            _ => Unshareable::Unknown,
        })
    }

    /// All identifiers, for messages.
    pub(crate) fn list() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for Licence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why words under a licence do not travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unshareable {
    /// No licence is named, and without one nobody may copy.
    None,
    /// All rights are reserved.
    Reserved,
    /// Adapted versions may not be passed on.
    NoAdaptation,
    /// Nobody has put it on the list.
    Unknown,
}

impl fmt::Display for Unshareable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no licence is named, and without one nobody else may copy the words",
            Self::Reserved => "all rights are reserved",
            Self::NoAdaptation => {
                "it forbids passing on adapted versions, and every group adapts its template"
            }
            Self::Unknown => {
                "this licence is not on the list of those known to allow sharing and adapting"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_that_let_others_adapt_are_read_back() {
        for licence in Licence::ALL {
            assert_eq!(Licence::shareable(licence.as_str()), Ok(licence));
        }
    }

    #[test]
    fn licences_that_forbid_sharing_are_refused_for_the_right_reason() {
        for (identifier, why) in [
            ("", Unshareable::None),
            ("all-rights-reserved", Unshareable::Reserved),
            ("licenseref-our-own", Unshareable::Reserved),
            ("cc-by-nd-4.0", Unshareable::NoAdaptation),
            ("cc-by-nc-nd-4.0", Unshareable::NoAdaptation),
            ("CC0-1.0", Unshareable::Unknown),
            ("wtfpl", Unshareable::Unknown),
        ] {
            assert_eq!(Licence::shareable(identifier), Err(why), "{identifier}");
        }
    }
}
