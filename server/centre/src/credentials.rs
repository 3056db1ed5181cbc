//! Staff credentials: 32 random bytes, printed once, of which only the hash is kept.

use crate::personal::CredentialId;
use crate::policy::Role;
use crate::surroundings::Surroundings;
use data_encoding::{Encoding, Specification};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use thiserror::Error;
use zeroize::Zeroizing;

const PREFIX: &str = "krog-";
const SECRET_BYTES: usize = 32;

/// Lower-case base32 without padding (the alphabet of RFC 4648), read in either case.
static BASE32: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification
        .translate
        .from
        .push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    specification
        .translate
        .to
        .push_str("abcdefghijklmnopqrstuvwxyz");
    specification.encoding().ok()
});

/// Text that is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a credential; it looks like krog-coordinator-… or krog-guardian-…")]
pub struct NotACredential;

/// A staff credential. Whoever shows it acts in its role in its centre.
#[derive(Clone)]
pub struct Credential {
    role: Role,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

impl Credential {
    pub(crate) fn generate(role: Role, surroundings: &Surroundings) -> Self {
        Self {
            role,
            secret: Zeroizing::new(surroundings.bytes()),
        }
    }

    /// The role it is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The credential as it is handed to its holder: `krog-<role>-<base32>`. Secret.
    pub fn reveal(&self) -> Zeroizing<String> {
        let secret = BASE32
            .as_ref()
            .map(|base32| Zeroizing::new(base32.encode(self.secret.as_slice())));
        let secret = secret.as_ref().map_or("", |secret| secret.as_str());
        Zeroizing::new(format!("{PREFIX}{}-{secret}", self.role.as_str()))
    }

    /// What is kept of it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"krog.credential.v1\0");
        hasher.update(self.role.as_str());
        hasher.update([0]);
        hasher.update(*self.secret);
        hasher.finalize().into()
    }
}

impl FromStr for Credential {
    type Err = NotACredential;

    fn from_str(text: &str) -> Result<Self, NotACredential> {
        let (role, secret) = text
            .trim()
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
            .ok_or(NotACredential)?;
        let role = role.parse().map_err(|_| NotACredential)?;
        let base32 = BASE32.as_ref().ok_or(NotACredential)?;
        let secret = Zeroizing::new(
            base32
                .decode(secret.as_bytes())
                .map_err(|_| NotACredential)?,
        );
        let secret = Zeroizing::new(secret.as_slice().try_into().map_err(|_| NotACredential)?);
        Ok(Self { role, secret })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// The two credentials a new centre starts with. They are shown once and cannot be shown again.
#[derive(Debug)]
pub struct FirstCredentials {
    /// For the coordinator.
    pub coordinator: Credential,
    /// For the data guardian, who is another person.
    pub guardian: Credential,
}

/// A row of the store: a credential's id and the hash by which it is found.
pub(crate) struct KeptCredential {
    pub(crate) id: CredentialId,
    pub(crate) role: Role,
    pub(crate) hash: [u8; 32],
}

impl KeptCredential {
    pub(crate) fn of(credential: &Credential, surroundings: &Surroundings) -> Self {
        Self {
            id: CredentialId::new(surroundings.bytes()),
            role: credential.role,
            hash: credential.hash(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::surroundings;

    #[test]
    fn a_credential_reads_back_and_its_role_cannot_be_rewritten() {
        let credential = Credential::generate(Role::Guardian, &surroundings(1));
        let text = credential.reveal();
        assert!(text.starts_with("krog-guardian-"));
        let read: Credential = text.parse().unwrap();
        assert_eq!(read.hash(), credential.hash());
        assert_eq!(
            text.to_uppercase().parse::<Credential>().unwrap_err(),
            NotACredential
        );
        let promoted: Credential = text.replace("guardian", "coordinator").parse().unwrap();
        assert_ne!(promoted.hash(), credential.hash());
        assert_eq!(format!("{credential:?}"), "Credential(..)");
    }

    #[test]
    fn anything_else_is_no_credential() {
        for text in [
            "",
            "krog-",
            "krog-guardian-",
            "krog-king-aaaa",
            "guardian",
            "krog-guardian-!!",
        ] {
            assert_eq!(text.parse::<Credential>().unwrap_err(), NotACredential);
        }
    }
}
