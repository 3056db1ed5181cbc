//! Ed25519 keys and what they sign. Every signature is bound to what it is for by a domain.

use crate::ids::KeyHash;
use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use rand::CryptoRng;
use std::fmt;
use zeroize::Zeroizing;

/// What a signature is for. The signed message is the domain, a zero byte, and the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// A header of an entry.
    Entry,
    /// A roster.
    Roster,
    /// An invitation.
    Invitation,
    /// Network and node of a joiner, by the admission key.
    Admission,
}

impl Domain {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Entry => b"krog.entry.v1",
            Self::Roster => b"krog.roster.v1",
            Self::Invitation => b"krog.invitation.v1",
            Self::Admission => b"krog.admission.v1",
        }
    }

    fn message(self, bytes: &[u8]) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.text().len() + 1 + bytes.len());
        message.extend_from_slice(self.text());
        message.push(0);
        message.extend_from_slice(bytes);
        message
    }
}

/// An Ed25519 signature, 64 bytes, not yet known to hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature([u8; 64]);

/// Bytes that cannot be a signature or a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature has 64 bytes, a key 32")]
pub struct WrongLength;

impl Signature {
    /// The signature with these bytes.
    pub const fn new(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Signature {
    type Error = WrongLength;

    fn try_from(bytes: &[u8]) -> Result<Self, WrongLength> {
        bytes.try_into().map(Self).map_err(|_| WrongLength)
    }
}

impl From<Signature> for Vec<u8> {
    fn from(signature: Signature) -> Self {
        signature.0.to_vec()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// The public half of a key. Any 32 bytes are taken; bytes that are no key verify nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key with these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of the key, by which an inception record names a recovery key without showing it.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }

    /// Whether `signature` holds. Strict (RFC 8032 without small-order keys), so that all nodes agree on the answer.
    #[must_use]
    pub fn verifies(&self, domain: Domain, bytes: &[u8], signature: &Signature) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else {
            return false;
        };
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(&domain.message(bytes), &signature)
            .is_ok()
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = WrongLength;

    fn try_from(bytes: &[u8]) -> Result<Self, WrongLength> {
        bytes.try_into().map(Self).map_err(|_| WrongLength)
    }
}

impl From<PublicKey> for Vec<u8> {
    fn from(key: PublicKey) -> Self {
        key.0.to_vec()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! secret_keys {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(SigningKey);

        impl $name {
            /// A new key from a cryptographic source of chance.
            pub fn generate(rng: &mut impl CryptoRng) -> Self {
                let mut seed = Zeroizing::new([0; 32]);
                rng.fill_bytes(seed.as_mut_slice());
                Self::from_seed(*seed)
            }

            /// The key of this seed.
            pub fn from_seed(seed: [u8; 32]) -> Self {
                Self(SigningKey::from_bytes(&seed))
            }

            /// The seed, for storing it; overwritten when dropped.
            pub fn seed(&self) -> Zeroizing<[u8; 32]> {
                Zeroizing::new(self.0.to_bytes())
            }

            /// The public half.
            pub fn public(&self) -> PublicKey {
                PublicKey(self.0.verifying_key().to_bytes())
            }

            /// Signs `bytes` for one purpose.
            pub fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature {
                Signature(self.0.sign(&domain.message(bytes)).to_bytes())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

secret_keys! {
    /// The key that signs the entries of one feed, and for an office also rosters and invitations.
    WriterKey;
    /// The key kept offline that alone opens a new epoch of a feed.
    RecoveryKey;
    /// The secret half inside a join token, by which a newcomer shows that it was invited.
    AdmissionKey;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_only_for_its_key_domain_and_bytes() {
        let key = WriterKey::from_seed([1; 32]);
        let signature = key.sign(Domain::Entry, b"header");
        assert!(key.public().verifies(Domain::Entry, b"header", &signature));
        assert!(!key.public().verifies(Domain::Roster, b"header", &signature));
        assert!(!key.public().verifies(Domain::Entry, b"headex", &signature));
        let other = WriterKey::from_seed([2; 32]);
        assert!(
            !other
                .public()
                .verifies(Domain::Entry, b"header", &signature)
        );
    }

    #[test]
    fn bytes_that_are_no_key_verify_nothing() {
        let signature = WriterKey::from_seed([1; 32]).sign(Domain::Entry, b"x");
        // The identity point is of small order: a signature of zeros would hold without the strict check.
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut forged = [0; 64];
        forged[0] = 1;
        for key in [[0xff; 32], [2; 32], identity] {
            assert!(!PublicKey::new(key).verifies(Domain::Entry, b"x", &signature));
            assert!(!PublicKey::new(key).verifies(Domain::Entry, b"x", &Signature::new(forged)));
        }
    }

    #[test]
    fn a_key_says_nothing_about_itself_when_printed() {
        assert_eq!(
            format!("{:?}", WriterKey::from_seed([7; 32])),
            "WriterKey(..)"
        );
        assert_eq!(
            format!("{:?}", RecoveryKey::from_seed([7; 32])),
            "RecoveryKey(..)"
        );
    }
}
