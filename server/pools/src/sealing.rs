//! Sealing to one aggregator for one round: HPKE (RFC 9180) with X-Wing, HKDF-SHA256 and ChaCha20-Poly1305.
//!
//! Parcels are stored and forwarded by relays, and both parcels of a centre may pass through one of them. Who keeps both
//! and breaks X25519 one day would read the centre's part; therefore the hybrid with ML-KEM-768.

use crate::round::Role;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand::CryptoRng;
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of a round's public key.
pub const PUBLIC_KEY_BYTES: usize = 1_216;
/// Bytes of the encapsulated key at the start of a parcel.
const ENCAPSULATED_BYTES: usize = 1_120;
/// Bytes a parcel is longer than what is sealed in it.
pub const SEALED_OVERHEAD: usize = ENCAPSULATED_BYTES + 16;

/// Who seals what, so that no parcel can be taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose {
    /// The round.
    pub round: [u8; 32],
    /// To whom.
    pub to: Role,
    /// By whom.
    pub sender: Sender,
}

/// Who seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A centre, its share.
    Centre {
        /// Writer of the centre's feed.
        writer: [u8; 32],
        /// Nonce of its proof.
        nonce: [u8; 16],
    },
    /// The leading aggregator, what it found.
    LeaderCheck,
    /// An aggregator, with its set.
    WithSet,
}

impl Purpose {
    fn info(&self) -> Vec<u8> {
        let mut info = b"krog.pool.parcel.v1\0".to_vec();
        info.extend(self.round);
        info.push(self.to.index() as u8);
        match self.sender {
            Sender::Centre { writer, nonce } => {
                info.push(0);
                info.extend(writer);
                info.extend(nonce);
            }
            Sender::LeaderCheck => info.push(1),
            Sender::WithSet => info.push(2),
        }
        info
    }
}

/// A parcel cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParcelFault {
    /// The aggregator's key is none.
    #[error("the aggregator's key for this round cannot be read")]
    Key,
    /// It was sealed to another key, for another purpose, or was changed.
    #[error("the parcel cannot be opened with this round's key")]
    Unopenable,
}

/// An aggregator's secret key for one round. Destroyed when the round ends.
#[derive(Clone)]
pub struct RoundSecret(Zeroizing<[u8; 32]>);

impl fmt::Debug for RoundSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoundSecret(..)")
    }
}

impl RoundSecret {
    /// A new key.
    pub fn generate(chance: &mut dyn CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        chance.fill_bytes(secret.as_mut());
        Self(secret)
    }

    /// From its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its 32 bytes, to be sealed at rest.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public half, as the key entry states it.
    pub fn public(&self) -> Result<Vec<u8>, ParcelFault> {
        Ok(XWing::sk_to_pk(&self.key()?).to_bytes().to_vec())
    }

    fn key(&self) -> Result<<XWing as Kem>::PrivateKey, ParcelFault> {
        <XWing as Kem>::PrivateKey::from_bytes(self.0.as_slice()).map_err(|_| ParcelFault::Key)
    }

    /// Opens a parcel sealed for this purpose.
    pub fn open(&self, purpose: &Purpose, parcel: &[u8]) -> Result<Vec<u8>, ParcelFault> {
        let (encapsulated, sealed) = parcel
            .split_at_checked(ENCAPSULATED_BYTES)
            .ok_or(ParcelFault::Unopenable)?;
        let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated)
            .map_err(|_| ParcelFault::Unopenable)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.key()?,
            &encapsulated,
            &purpose.info(),
            sealed,
            b"",
        )
        .map_err(|_| ParcelFault::Unopenable)
    }
}

/// Seals for one purpose to an aggregator's public key.
pub fn seal(
    public_key: &[u8],
    purpose: &Purpose,
    plain: &[u8],
    mut chance: &mut dyn CryptoRng,
) -> Result<Vec<u8>, ParcelFault> {
    let key = <XWing as Kem>::PublicKey::from_bytes(public_key).map_err(|_| ParcelFault::Key)?;
    let (encapsulated, sealed) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &key,
            &purpose.info(),
            plain,
            b"",
            &mut chance,
        )
        .map_err(|_| ParcelFault::Key)?;
    Ok([encapsulated.to_bytes().as_slice(), &sealed].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    fn chance(seed: u64) -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(seed)
    }

    fn purpose() -> Purpose {
        Purpose {
            round: [1; 32],
            to: Role::Leader,
            sender: Sender::Centre {
                writer: [2; 32],
                nonce: [3; 16],
            },
        }
    }

    fn sealed() -> (RoundSecret, Vec<u8>) {
        let secret = RoundSecret::generate(&mut chance(1));
        let public = secret.public().unwrap();
        assert_eq!(public.len(), PUBLIC_KEY_BYTES);
        let parcel = seal(&public, &purpose(), b"a share", &mut chance(2)).unwrap();
        assert_eq!(parcel.len(), 7 + SEALED_OVERHEAD);
        (secret, parcel)
    }

    #[test]
    fn what_was_sealed_is_opened_by_its_key_and_purpose_alone() {
        let (secret, parcel) = sealed();
        assert_eq!(secret.open(&purpose(), &parcel).unwrap(), b"a share");
        let again = RoundSecret::from_bytes(*secret.reveal());
        assert_eq!(again.open(&purpose(), &parcel).unwrap(), b"a share");
        let other = RoundSecret::generate(&mut chance(9));
        assert_eq!(
            other.open(&purpose(), &parcel),
            Err(ParcelFault::Unopenable)
        );
        let replayed = [
            Purpose {
                round: [9; 32],
                ..purpose()
            },
            Purpose {
                to: Role::Helper,
                ..purpose()
            },
            Purpose {
                sender: Sender::LeaderCheck,
                ..purpose()
            },
            Purpose {
                sender: Sender::Centre {
                    writer: [9; 32],
                    nonce: [3; 16],
                },
                ..purpose()
            },
        ];
        for purpose in replayed {
            assert_eq!(secret.open(&purpose, &parcel), Err(ParcelFault::Unopenable));
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        for bytes in [0, 31, PUBLIC_KEY_BYTES - 1] {
            let refused = seal(&vec![7; bytes], &purpose(), b"x", &mut chance(1));
            assert_eq!(refused, Err(ParcelFault::Key));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_changed_parcel_is_refused_without_panic(at in any::<prop::sample::Index>(), flip in 1u8.., cut in 0usize..1_200) {
            let (secret, mut parcel) = sealed();
            let at = at.index(parcel.len());
            parcel[at] ^= flip;
            prop_assert_eq!(secret.open(&purpose(), &parcel), Err(ParcelFault::Unopenable));
            prop_assert!(secret.open(&purpose(), &parcel[..cut.min(parcel.len())]).is_err());
        }
    }
}
