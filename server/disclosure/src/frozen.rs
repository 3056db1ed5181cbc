//! A cleared release at rest in its centre's own store.
//!
//! Between the second approval and the signature lie 14 days, and perhaps restarts. A release is therefore kept as bytes
//! and a tag under a key of the centre; only bytes with a true tag become a [`ClearedRelease`] again.

use crate::batch::PairId;
use crate::contribution::ClearedContribution;
use crate::gate::ClearedRelease;
use hmac::{Hmac, KeyInit, Mac};
use krog_measures::Quarter;
use krog_proto::federation::v1 as wire;
use prost::Message;
use sha2::Sha256;
use std::fmt;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

const DOMAIN: &[u8] = b"krog.gate.frozen.v1\0";
const PART_DOMAIN: &[u8] = b"krog.gate.part.v1\0";

/// The key that tells the gate's own bytes from others: 32 random bytes of one centre, kept with its keys.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

/// Why stored bytes are not a release the gate cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The tag is not of these bytes under this key.
    #[error(
        "these bytes were not cleared by this centre's gate, or were changed since; do not sign them, restore the centre from a backup"
    )]
    NotOfThisGate,
    /// The bytes are the gate's, but of another version of it.
    #[error(
        "these bytes were cleared by another version of the gate; sign them with that version, or stop the quarter"
    )]
    OtherVersion,
}

/// A cleared release as it is stored. Its bytes contain identities of pairs: they stay in the centre.
#[derive(Clone, PartialEq, Eq)]
pub struct FrozenRelease {
    /// What is to be stored.
    pub bytes: Vec<u8>,
    /// Proof that the gate made it.
    pub tag: [u8; 32],
}

impl fmt::Debug for FrozenRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrozenRelease(..)")
    }
}

impl ClearedRelease {
    /// Its form at rest.
    pub fn seal(&self, key: &SealKey) -> FrozenRelease {
        let mut bytes = Vec::with_capacity(16 + 16 * self.spent.len() + self.encoded.len());
        bytes.extend(self.quarter.index().to_be_bytes());
        bytes.push(u8::from(self.stopped));
        bytes.extend((self.spent.len() as u32).to_be_bytes());
        for pair in &self.spent {
            bytes.extend(pair.0);
        }
        bytes.extend(&self.encoded);
        let tag = mac(key, DOMAIN, &bytes).finalize().into_bytes().into();
        FrozenRelease { bytes, tag }
    }
}

/// A cleared part in a round as it is stored. Its bytes contain the centre's sums and identities of pairs: they stay in
/// the centre.
#[derive(Clone, PartialEq, Eq)]
pub struct FrozenContribution {
    /// What is to be stored.
    pub bytes: Vec<u8>,
    /// Proof that the gate made it.
    pub tag: [u8; 32],
}

impl fmt::Debug for FrozenContribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrozenContribution(..)")
    }
}

impl ClearedContribution {
    /// Its form at rest.
    pub fn seal(&self, key: &SealKey) -> FrozenContribution {
        let mut bytes = self.round.to_vec();
        let list = |bytes: &mut Vec<u8>, items: usize| bytes.extend((items as u32).to_be_bytes());
        list(&mut bytes, self.spent.len());
        bytes.extend(self.spent.iter().flat_map(|pair| pair.0));
        list(&mut bytes, self.sums.len());
        bytes.extend(self.sums.iter().flat_map(|sum| sum.to_be_bytes()));
        for part in [&self.commitment, &self.parcels[0], &self.parcels[1]] {
            list(&mut bytes, part.len());
            bytes.extend(part);
        }
        let tag = mac(key, PART_DOMAIN, &bytes).finalize().into_bytes().into();
        FrozenContribution { bytes, tag }
    }
}

impl FrozenContribution {
    /// The part again, if the gate of this centre made it and nothing was changed.
    pub fn open(&self, key: &SealKey) -> Result<ClearedContribution, SealError> {
        mac(key, PART_DOMAIN, &self.bytes)
            .verify_slice(&self.tag)
            .map_err(|_| SealError::NotOfThisGate)?;
        parse_part(&self.bytes).ok_or(SealError::OtherVersion)
    }
}

fn parse_part(bytes: &[u8]) -> Option<ClearedContribution> {
    let (round, mut rest) = bytes.split_first_chunk::<32>()?;
    let mut spent = Vec::new();
    for _ in 0..count(&mut rest)? {
        let (pair, tail) = rest.split_first_chunk::<16>()?;
        spent.push(PairId(*pair));
        rest = tail;
    }
    let mut sums = Vec::new();
    for _ in 0..count(&mut rest)? {
        let (sum, tail) = rest.split_first_chunk::<8>()?;
        sums.push(i64::from_be_bytes(*sum));
        rest = tail;
    }
    let mut part = || {
        let length = usize::try_from(count(&mut rest)?).ok()?;
        let (part, tail) = rest.split_at_checked(length)?;
        rest = tail;
        Some(part.to_vec())
    };
    let (commitment, leader, helper) = (part()?, part()?, part()?);
    rest.is_empty().then_some(ClearedContribution {
        round: *round,
        commitment,
        parcels: [leader, helper],
        spent,
        sums,
    })
}

fn count(rest: &mut &[u8]) -> Option<u32> {
    let (count, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_be_bytes(*count))
}

impl FrozenRelease {
    /// The release again, if the gate of this centre made it and nothing was changed.
    pub fn open(&self, key: &SealKey) -> Result<ClearedRelease, SealError> {
        mac(key, DOMAIN, &self.bytes)
            .verify_slice(&self.tag)
            .map_err(|_| SealError::NotOfThisGate)?;
        parse(&self.bytes).ok_or(SealError::OtherVersion)
    }
}

fn mac(key: &SealKey, domain: &[u8], bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed(key);
    mac.update(domain);
    mac.update(bytes);
    mac
}

fn keyed(key: &SealKey) -> Hmac<Sha256> {
    // A key shorter than a block is padded with zeros (RFC 2104); given as a whole block it cannot be refused.
    let mut block = [0; 64];
    block[..32].copy_from_slice(&key.0);
    let mac = Hmac::<Sha256>::new(&block.into());
    block.zeroize();
    mac
}

fn parse(bytes: &[u8]) -> Option<ClearedRelease> {
    let (quarter, rest) = bytes.split_first_chunk::<4>()?;
    let (stopped, rest) = rest.split_first()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let mut spent = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (pair, tail) = rest.split_first_chunk::<16>()?;
        spent.push(PairId(*pair));
        rest = tail;
    }
    let quarter = Quarter::from_index(u32::from_be_bytes(*quarter)).ok()?;
    let release = wire::Release::decode(rest).ok()?;
    (release.quarter == quarter.index() && *stopped <= 1).then(|| ClearedRelease {
        quarter,
        encoded: rest.to_vec(),
        spent,
        stopped: *stopped == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchParts, GatePolicy, QuarterBatch, clear};
    use krog_measures::{Direction, Measure, Scale, Window};
    use proptest::prelude::*;

    fn cleared() -> ClearedRelease {
        let scale = Scale::new(0.0, 24.0, Direction::LowerBetter).unwrap();
        let measure = Measure::total_only("k6".parse().unwrap(), scale, Window::default(), None);
        let release = clear(
            &QuarterBatch::new(BatchParts {
                quarter: "2026Q1".parse().unwrap(),
                roster_version: 3,
                policy: GatePolicy {
                    floor_persons: 10,
                    measures: vec![measure],
                },
                collected: Vec::new(),
                waiting: Vec::new(),
                baselines: Vec::new(),
                pooling: Default::default(),
            })
            .unwrap(),
        );
        ClearedRelease {
            spent: vec![PairId([1; 16]), PairId([2; 16])],
            ..release
        }
    }

    #[test]
    fn a_release_comes_back_as_it_was_frozen() {
        let key = SealKey::new([7; 32]);
        for release in [cleared(), cleared().into_stopped()] {
            let back = release.seal(&key).open(&key).unwrap();
            assert_eq!(back.encoded(), release.encoded());
            assert_eq!(back.spent(), release.spent());
            assert_eq!(back.quarter(), release.quarter());
            assert_eq!(back.is_stopped(), release.is_stopped());
        }
    }

    #[test]
    fn another_centre_s_bytes_are_refused() {
        let frozen = cleared().seal(&SealKey::new([7; 32]));
        let opened = frozen.open(&SealKey::new([8; 32]));
        assert_eq!(opened.err(), Some(SealError::NotOfThisGate));
    }

    #[test]
    fn the_tag_is_hmac_sha_256() {
        // RFC 4231, test case 2, in this module's own use of the key: a zero-padded block.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mut tag = keyed(&SealKey::new(key));
        tag.update(b"what do ya want for nothing?");
        let expected = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95,
            0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9,
            0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(<[u8; 32]>::from(tag.finalize().into_bytes()), expected);
    }

    proptest! {
        #[test]
        fn a_changed_byte_anywhere_is_refused(at in any::<prop::sample::Index>(), flip in 1u8..) {
            let key = SealKey::new([7; 32]);
            let frozen = cleared().seal(&key);
            let mut whole = [frozen.bytes.as_slice(), &frozen.tag].concat();
            let at = at.index(whole.len());
            whole[at] ^= flip;
            let (bytes, tag) = whole.split_last_chunk::<32>().unwrap();
            let changed = FrozenRelease { bytes: bytes.to_vec(), tag: *tag };
            prop_assert_eq!(changed.open(&key).err(), Some(SealError::NotOfThisGate));
        }

        #[test]
        fn bytes_of_another_shape_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let key = SealKey::new([7; 32]);
            let mut tag = keyed(&key);
            tag.update(DOMAIN);
            tag.update(&bytes);
            let tag = tag.finalize().into_bytes().into();
            let _ = FrozenRelease { bytes, tag }.open(&key);
        }
    }
}
