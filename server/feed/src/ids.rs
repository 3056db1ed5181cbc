//! Names that are hashes: 32 bytes each, a type each.

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Text or bytes that are no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an identity; it has 32 bytes, written as 64 hexadecimal digits")]
pub struct NotAnId;

macro_rules! hash_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The identity with these bytes.
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// SHA-256 of `bytes`.
            pub fn of(bytes: &[u8]) -> Self {
                Self(Sha256::digest(bytes).into())
            }

            /// The 32 bytes, as they stand on the wire.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first eight hexadecimal digits, for people.
            pub fn short(&self) -> String {
                data_encoding::HEXLOWER.encode(&self.0[..4])
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = NotAnId;

            fn try_from(bytes: &[u8]) -> Result<Self, NotAnId> {
                bytes.try_into().map(Self).map_err(|_| NotAnId)
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl From<$name> for Vec<u8> {
            fn from(id: $name) -> Self {
                id.0.to_vec()
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Reads 64 hexadecimal digits of either case.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| NotAnId)?;
                Self::try_from(bytes.as_slice())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

hash_ids! {
    /// A node: SHA-256 of its inception record.
    NodeId;
    /// A feed's writer: SHA-256 of the inception record of an office or a centre.
    WriterId;
    /// A network: SHA-256 of its genesis record.
    NetworkId;
    /// An entry: SHA-256 of its header's bytes.
    HeaderHash;
    /// SHA-256 of a payload, salt included.
    PayloadHash;
    /// A TLS key: SHA-256 of its SubjectPublicKeyInfo.
    TlsPin;
    /// SHA-256 of a public key that is not shown yet.
    KeyHash;
    /// A roster version: SHA-256 of its bytes.
    RosterHash;
    /// An invitation: SHA-256 of its bytes.
    InvitationId;
    /// A parcel of a pool: SHA-256 of its sealed bytes.
    ParcelHash;
}

impl From<NodeId> for WriterId {
    /// The writer of the node's office feed.
    fn from(node: NodeId) -> Self {
        Self(node.0)
    }
}

impl WriterId {
    /// The node whose office would write this feed.
    pub const fn as_office_of(self) -> NodeId {
        NodeId(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_back_from_its_text() {
        let id = NodeId::of(b"x");
        assert_eq!(id.to_string().parse::<NodeId>().unwrap(), id);
        assert_eq!(id.to_string().to_uppercase().parse::<NodeId>().unwrap(), id);
        assert_eq!(id.short(), id.to_string()[..8]);
        assert_eq!(WriterId::from(id).as_office_of(), id);
        for text in ["", "00", "zz", &"0".repeat(66), &"g".repeat(64)] {
            assert_eq!(text.parse::<NodeId>(), Err(NotAnId));
        }
    }
}
