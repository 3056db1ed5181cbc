//! A join token: all a newcomer needs, as one printable word.

use super::{Invitation, SignedInvitation};
use crate::fault::RecordFault;
use crate::identity::Address;
use crate::ids::{NetworkId, TlsPin};
use crate::keys::AdmissionKey;
use crate::limits;
use crate::roster::Genesis;
use data_encoding::{Encoding, Specification};
use krog_proto::federation::v1 as proto;
use prost::Message;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why text is no usable token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenFault {
    /// It does not look like one.
    #[error("this is not a join token; a token starts with \"krog1-\"")]
    NotAToken,
    /// A token of a later form.
    #[error("this token is of a newer version; update krogd and try again")]
    Newer,
    /// Characters are missing, changed or added.
    #[error(
        "the token was damaged on the way; copy the whole of it again, from \"krog1-\" to its end"
    )]
    Damaged,
    /// It arrived whole, but what it holds is wrong.
    #[error("the token arrived whole but cannot be used: {0}; ask for a new one")]
    Content(RecordFault),
}

/// What an operator hands to a joining NGO. Holds a secret: whoever has it may join. Prints nothing in `Debug`.
#[derive(Clone)]
pub struct JoinToken {
    genesis: Genesis,
    invitation: SignedInvitation,
    admission_key: AdmissionKey,
    address: Address,
    tls_pin: TlsPin,
}

impl JoinToken {
    /// Puts a token together. The invitation must be to the network of the genesis, and the key its admission key.
    pub fn new(
        genesis: Genesis,
        invitation: SignedInvitation,
        admission_key: AdmissionKey,
        address: Address,
        tls_pin: TlsPin,
    ) -> Result<Self, TokenFault> {
        let read = Invitation::parse(&invitation.invitation).map_err(TokenFault::Content)?;
        let fault = |why| TokenFault::Content(RecordFault::of("join token")(why));
        if read.network != genesis.network() {
            return Err(fault("its invitation is to another network"));
        }
        if read.admission_key != admission_key.public() {
            return Err(fault("its secret is another invitation's"));
        }
        Ok(Self {
            genesis,
            invitation,
            admission_key,
            address,
            tls_pin,
        })
    }

    /// The network's genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.genesis.network()
    }

    /// The invitation; its signatures are not checked yet.
    pub fn invitation(&self) -> &SignedInvitation {
        &self.invitation
    }

    /// The secret half of the admission key.
    pub fn admission_key(&self) -> &AdmissionKey {
        &self.admission_key
    }

    /// Where the admitting node accepts connections.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// TLS key of the admitting node.
    pub fn tls_pin(&self) -> TlsPin {
        self.tls_pin
    }

    /// The token as text: `krog1-`, then bytes and checksum in base32 (RFC 4648, lower case, unpadded).
    pub fn print(&self) -> Zeroizing<String> {
        let Self {
            genesis,
            invitation,
            admission_key,
            address,
            tls_pin,
        } = self;
        let token = proto::JoinToken {
            genesis: genesis.encode().to_vec(),
            invitation: Some(invitation.to_proto()),
            admission_secret: admission_key.seed().to_vec(),
            address: address.to_string(),
            tls_pin: (*tls_pin).into(),
        };
        let mut bytes = Zeroizing::new(token.encode_to_vec());
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        let mut text = Zeroizing::new(String::from(PREFIX));
        BASE32.encode_append(&bytes, &mut text);
        text
    }

    fn decode(bytes: &[u8]) -> Result<Self, TokenFault> {
        let fault = |why| TokenFault::Content(RecordFault::of("join token")(why));
        let proto::JoinToken {
            genesis,
            invitation,
            admission_secret,
            address,
            tls_pin,
        } = proto::JoinToken::decode(bytes).map_err(|_| fault("it cannot be read"))?;
        let secret = Zeroizing::new(admission_secret);
        let seed: [u8; 32] = secret
            .as_slice()
            .try_into()
            .map_err(|_| fault("its secret has not 32 bytes"))?;
        let invitation = invitation.ok_or(fault("it has no invitation"))?;
        Self::new(
            Genesis::parse(&genesis).map_err(TokenFault::Content)?,
            SignedInvitation::parse(&invitation).map_err(TokenFault::Content)?,
            AdmissionKey::from_seed(seed),
            address
                .parse()
                .map_err(|_| fault("its address is not host:port"))?,
            TlsPin::try_from(tls_pin.as_slice())
                .map_err(|_| fault("its TLS pin has not 32 bytes"))?,
        )
    }
}

const PREFIX: &str = "krog1-";
const CHECKSUM_BYTES: usize = 4;

static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("abcdefghijklmnopqrstuvwxyz234567");
    // The alphabet is right by construction; the fallback differs only in case.
    specification
        .encoding()
        .unwrap_or(data_encoding::BASE32_NOPAD)
});

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::new()
        .chain_update(b"krog.token.v1\0")
        .chain_update(bytes)
        .finalize();
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    sum
}

impl FromStr for JoinToken {
    type Err = TokenFault;

    /// Reads a token. Spaces and line breaks, as letters add them, and capitals are forgiven.
    fn from_str(text: &str) -> Result<Self, TokenFault> {
        if text.len() > limits::TOKEN_CHARS {
            return Err(TokenFault::NotAToken);
        }
        let text: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .filter(|c| !c.is_whitespace())
                .map(|c| c.to_ascii_lowercase())
                .collect(),
        );
        let Some(encoded) = text.strip_prefix(PREFIX) else {
            let version = text
                .strip_prefix("krog")
                .and_then(|rest| rest.split_once('-'));
            return Err(match version {
                Some((digits, _)) if digits.parse::<u32>().is_ok_and(|version| version > 1) => {
                    TokenFault::Newer
                }
                _ => TokenFault::NotAToken,
            });
        };
        let bytes = BASE32
            .decode(encoded.as_bytes())
            .map_err(|_| TokenFault::Damaged)?;
        let bytes = Zeroizing::new(bytes);
        let (content, sum) = bytes
            .split_last_chunk::<CHECKSUM_BYTES>()
            .ok_or(TokenFault::Damaged)?;
        if *sum != checksum(content) {
            return Err(TokenFault::Damaged);
        }
        Self::decode(content)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinToken(..)")
    }
}
