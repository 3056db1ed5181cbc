//! Shares of a part, and checking them: Prio3SumVec (draft-irtf-cfrg-vdaf, Davis et al. 2023) with two aggregators.
//!
//! Neither aggregator sees more of a part than random elements, the proof that it lies in bounds, and whether the proof
//! holds. Both together would see it; therefore they belong to two organisations, and drop their keys.

use crate::layout::Layout;
use crate::noise::Noise;
use crate::round::Role;
use prio::codec::{Encode, ParameterizedDecode};
use prio::field::{Field128, FieldElement};
use prio::vdaf::prio3::{
    Prio3InputShare, Prio3PublicShare, Prio3SumVec, Prio3VerifierShare, Prio3VerifyState,
    optimal_chunk_length,
};
use prio::vdaf::test_utils::TestVectorClient;
use prio::vdaf::{Aggregator, OutputShare, VdafError, VerifyTransition};
use rand::CryptoRng;
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of the key that both aggregators check proofs with.
pub const VERIFY_KEY_BYTES: usize = 32;
/// Random bytes that sharing takes: a seed and a blind for each aggregator's share, one more of each for the proof.
const SHARING_BYTES: usize = 128;

/// Why a share is not added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ShareFault {
    /// Bytes that are no share of this round's layout.
    #[error("the share cannot be read")]
    Unreadable,
    /// The sums are not proved to be in bounds.
    #[error("the proof that the sums are in bounds does not hold")]
    Proof,
    /// The layout is one no proof can be made for.
    #[error("the round's vector is too long to be proved")]
    Layout,
}

/// One aggregator's share of a part, as bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    /// The same for both.
    pub public: Vec<u8>,
    /// This aggregator's own.
    pub input: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share(..)")
    }
}

/// Splits and checks the parts of one round.
#[derive(Debug, Clone)]
pub struct Sharing {
    vdaf: Prio3SumVec,
    context: Vec<u8>,
    elements: usize,
}

/// One aggregator's own view of a part, between its verifier share and the other's. Destroyed with the round.
pub struct Checking {
    role: Role,
    state: Prio3VerifyState<Field128, 32>,
    own: Prio3VerifierShare<Field128, 32>,
}

impl fmt::Debug for Checking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checking(..)")
    }
}

/// One aggregator's sum over the parts whose proofs held.
pub struct Aggregate(Zeroizing<Vec<[u8; 16]>>);

impl fmt::Debug for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aggregate(..)")
    }
}

/// A part whose proof held, as one aggregator holds it.
pub struct Proved(OutputShare<Field128>);

impl fmt::Debug for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proved(..)")
    }
}

impl Sharing {
    /// For the parts of one round.
    pub fn of(round: [u8; 32], layout: &Layout) -> Result<Self, ShareFault> {
        let bits = usize::try_from(layout.greatest().max(1).ilog2() + 1).unwrap_or(128);
        let vdaf = Prio3SumVec::new_sum_vec(
            2,
            layout.greatest().max(1),
            layout.len(),
            optimal_chunk_length(bits * layout.len()),
        )
        .map_err(|_| ShareFault::Layout)?;
        let mut context = b"krog.pool.share.v1\0".to_vec();
        context.extend(round);
        Ok(Self {
            vdaf,
            context,
            elements: layout.len(),
        })
    }

    /// Splits a vector in two: the leader's share and the helper's.
    pub fn split(
        &self,
        vector: &[u128],
        nonce: &[u8; 16],
        chance: &mut dyn CryptoRng,
    ) -> Result<[Share; 2], ShareFault> {
        let mut random = Zeroizing::new([0; SHARING_BYTES]);
        chance.fill_bytes(random.as_mut());
        let (public, inputs) = self
            .vdaf
            .shard_with_random(&self.context, &vector.to_vec(), nonce, random.as_slice())
            .map_err(|_| ShareFault::Proof)?;
        let public = public.get_encoded().map_err(|_| ShareFault::Layout)?;
        let share = |at: usize| {
            let input = inputs.get(at).ok_or(ShareFault::Layout)?;
            Ok(Share {
                public: public.clone(),
                input: Zeroizing::new(input.get_encoded().map_err(|_| ShareFault::Layout)?),
            })
        };
        Ok([share(0)?, share(1)?])
    }

    /// An aggregator begins to check a part.
    pub fn begin(
        &self,
        role: Role,
        verify_key: &[u8; VERIFY_KEY_BYTES],
        nonce: &[u8; 16],
        share: &Share,
    ) -> Result<Checking, ShareFault> {
        let public = Prio3PublicShare::get_decoded_with_param(&self.vdaf, &share.public)
            .map_err(|_| ShareFault::Unreadable)?;
        let input: Prio3InputShare<Field128, 32> =
            Prio3InputShare::get_decoded_with_param(&(&self.vdaf, role.index()), &share.input)
                .map_err(|_| ShareFault::Unreadable)?;
        let (state, own) = self
            .vdaf
            .verify_init(
                verify_key,
                &self.context,
                role.index(),
                &(),
                nonce,
                &public,
                &input,
            )
            .map_err(|_| ShareFault::Unreadable)?;
        Ok(Checking { role, state, own })
    }

    /// Decides with the other aggregator's verifier share whether the proof holds.
    pub fn finish(&self, checking: Checking, others: &[u8]) -> Result<Proved, ShareFault> {
        let Checking { role, state, own } = checking;
        let other = Prio3VerifierShare::get_decoded_with_param(&state, others)
            .map_err(|_| ShareFault::Unreadable)?;
        let shares = match role {
            Role::Leader => [own, other],
            Role::Helper => [other, own],
        };
        let decide = || -> Result<_, VdafError> {
            let message = self
                .vdaf
                .verifier_shares_to_message(&self.context, &(), shares)?;
            self.vdaf.verify_next(&self.context, state, message)
        };
        match decide() {
            Ok(VerifyTransition::Finish(output)) => Ok(Proved(output)),
            Ok(VerifyTransition::Continue(..)) | Err(_) => Err(ShareFault::Proof),
        }
    }

    /// Adds proved parts up.
    pub fn add<'a>(&self, parts: impl IntoIterator<Item = &'a Proved>) -> Aggregate {
        let mut sums = vec![Field128::zero(); self.elements];
        for Proved(part) in parts {
            for (sum, element) in sums.iter_mut().zip(part.as_ref()) {
                *sum += *element;
            }
        }
        Aggregate(Zeroizing::new(
            sums.into_iter()
                .map(|sum| u128::from(sum).to_le_bytes())
                .collect(),
        ))
    }
}

impl Checking {
    /// This aggregator's verifier share, for the other.
    pub fn verifier_share(&self) -> Vec<u8> {
        self.own.get_encoded().unwrap_or_default()
    }
}

impl Aggregate {
    fn elements(&self) -> Vec<Field128> {
        self.0
            .iter()
            .map(|bytes| Field128::from(u128::from_le_bytes(*bytes)))
            .collect()
    }

    /// This aggregator's half: its sum with its noise.
    pub fn half(&self, noise: &Noise) -> Vec<u8> {
        let mut elements = self.elements();
        noise.add_to(&mut elements);
        Layout::write(&elements)
    }

    /// Its share of one sum, without noise: for the floor of persons, between the aggregators alone.
    pub fn share_of(&self, at: usize) -> Option<[u8; 16]> {
        self.0.get(at).copied()
    }
}

/// The number two shares of it add up to; `None` when it is no number of persons.
pub fn persons_of(layout: &Layout, centres: u32, one: [u8; 16], other: [u8; 16]) -> Option<u32> {
    let at = layout.persons()?;
    let element = |bytes| Field128::from(u128::from_le_bytes(bytes) % FIELD128_MODULUS);
    layout.whole(at, centres, element(one) + element(other))
}

/// 2^66 · 4611686018427387897 + 1, the order of Prio3's larger field.
const FIELD128_MODULUS: u128 = 340_282_366_920_938_462_946_865_773_367_900_766_209;

#[cfg(test)]
mod tests;
