//! `krog.toml`: what an operator may set. Everything in it is public; secrets have files of their own.

use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The settings of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The organisation's public name.
    pub name: String,
    /// Where other nodes may connect, as `address:port`. Absent: the node only dials out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// What other nodes are told to dial, as `host:port`, where it differs from `listen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce: Option<String>,
    /// Where the centre's own people may connect over TLS, besides the local socket. Loopback only, unless
    /// `centre_listen_beyond_loopback` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centre_listen: Option<SocketAddr>,
    /// Allows `centre_listen` on an address other machines can reach.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub centre_listen_beyond_loopback: bool,
    /// Database of the exchange: absent for SQLite in the node's folder, or a `postgres://` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_database: Option<String>,
    /// Seconds between rounds of synchronisation. 5 to 86400; 60 when absent.
    #[serde(default = "sync_seconds_default")]
    pub sync_seconds: u32,
    /// Whether this node aggregates rounds of pools when a keyholder names it; true when absent.
    #[serde(default = "aggregates_default", skip_serializing_if = "Clone::clone")]
    pub aggregate: bool,
    /// The node's centres.
    #[serde(default, rename = "centre", skip_serializing_if = "Vec::is_empty")]
    pub centres: Vec<CentreSettings>,
}

fn sync_seconds_default() -> u32 {
    60
}

fn aggregates_default() -> bool {
    true
}

/// One centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentreSettings {
    /// Name of its folder below `centres/`: lower-case letters, digits and '-'.
    pub folder: String,
    /// Its public name.
    pub name: String,
}

/// What is wrong with `krog.toml`.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}; is this the folder of a node? `krogd init` makes one")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{path} is not understood: {source}")]
    Parse {
        /// The file.
        path: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value that is not allowed.
    #[error("{path}: {what}")]
    Value {
        /// The file.
        path: String,
        /// What is wrong and how to mend it.
        what: &'static str,
    },
}

impl Settings {
    /// Reads and checks `krog.toml`.
    ///
    /// # Errors
    /// When the file is missing, not TOML, has an unknown key, or a value is not allowed.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
            path: shown.clone(),
            source,
        })?;
        let settings: Self = toml::from_str(&text).map_err(|source| SettingsError::Parse {
            path: shown.clone(),
            source: Box::new(source),
        })?;
        match settings.fault() {
            Some(what) => Err(SettingsError::Value { path: shown, what }),
            None => Ok(settings),
        }
    }

    /// What is not allowed about these settings, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        if self.name.trim().is_empty() || self.name.len() > 120 {
            return Some("`name` must have 1 to 120 bytes");
        }
        if !(5..=86_400).contains(&self.sync_seconds) {
            return Some("`sync_seconds` must be between 5 and 86400");
        }
        if let Some(address) = self.centre_listen
            && !address.ip().is_loopback()
            && !self.centre_listen_beyond_loopback
        {
            return Some(
                "`centre_listen` is an address other machines can reach; members' data would be one stolen credential \
                 away. Use 127.0.0.1, or set `centre_listen_beyond_loopback = true` if you mean it",
            );
        }
        for (place, centre) in self.centres.iter().enumerate() {
            if centre.name.trim().is_empty() || centre.name.len() > 120 {
                return Some("every centre's `name` must have 1 to 120 bytes");
            }
            if !is_folder_name(&centre.folder) {
                return Some(
                    "every centre's `folder` must be 1 to 120 of lower-case letters, digits and '-'",
                );
            }
            if self.centres[..place]
                .iter()
                .any(|other| other.folder == centre.folder)
            {
                return Some("two centres have the same `folder`");
            }
        }
        None
    }

    /// The settings as they stand in the file.
    ///
    /// # Errors
    /// When they cannot be written as TOML, which does not happen for settings that were read.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

fn is_folder_name(folder: &str) -> bool {
    (1..=120).contains(&folder.len())
        && folder
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Settings, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_name_is_enough() {
        let settings = settings("name = \"Ozara\"").unwrap();
        assert_eq!(settings.fault(), None);
        assert_eq!(settings.sync_seconds, 60);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(settings("name = \"A\"\nfloor_persons = 3").is_err());
    }

    #[test]
    fn a_centre_beyond_loopback_must_be_meant() {
        let mut settings = settings("name = \"A\"\ncentre_listen = \"192.168.1.5:7000\"").unwrap();
        assert!(settings.fault().unwrap().contains("centre_listen"));
        settings.centre_listen_beyond_loopback = true;
        assert_eq!(settings.fault(), None);
    }

    #[test]
    fn a_centre_cannot_stand_outside_its_folder() {
        let settings =
            settings("name = \"A\"\n[[centre]]\nfolder = \"../other\"\nname = \"B\"").unwrap();
        assert!(settings.fault().unwrap().contains("folder"));
    }
}
