//! An aggregator's work on a round: opening parcels, checking proofs with the other, agreeing on the parts, adding up.
//!
//! Everything is reckoned anew from the round's secret, the verify key and the parcels, so an aggregator that restarts in
//! the middle goes on where it stood. What it finds is personal to nobody but belongs to the round: it is dropped with it.

use crate::layout::Layout;
use crate::round::Role;
use crate::sealing::{ParcelFault, Purpose, RoundSecret, Sender, seal};
use crate::shares::{
    Aggregate, Checking, Proved, Share, ShareFault, Sharing, VERIFY_KEY_BYTES, persons_of,
};
use krog_proto::federation::v1 as proto;
use prost::Message;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// Writer of a centre's feed.
pub type Centre = [u8; 32];

/// Most parts of one round.
pub const MAX_PARTS: usize = 1_000;

/// Why a part is not added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum PartFault {
    /// A parcel did not arrive in time.
    #[error("its parcel did not arrive in time")]
    Missing,
    /// A parcel cannot be opened or read.
    #[error("its parcel cannot be opened or read")]
    Unreadable,
    /// The proof does not hold.
    #[error("the proof that its sums are in bounds does not hold")]
    Proof,
    /// A second round, and the centre was not in the first.
    #[error("it was not in the first round")]
    NotInFirstRound,
}

impl PartFault {
    /// Its value on the wire.
    pub const fn to_proto(self) -> proto::PoolFault {
        match self {
            Self::Missing => proto::PoolFault::Missing,
            Self::Unreadable => proto::PoolFault::Unreadable,
            Self::Proof => proto::PoolFault::Proof,
            Self::NotInFirstRound => proto::PoolFault::NotInFirstRound,
        }
    }
}

/// Why what the other aggregator sent is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OtherFault {
    /// Its parcel cannot be opened.
    #[error(transparent)]
    Parcel(#[from] ParcelFault),
    /// What it holds cannot be read.
    #[error("what the other aggregator found cannot be read")]
    Unreadable,
    /// It leaves out parts without saying why, or adds up parts whose proofs do not hold.
    #[error("the other aggregator's set is not the one that both can prove")]
    SetsDiffer,
}

/// What an aggregator seals to the other, read.
#[derive(Clone)]
pub struct Checked {
    /// The leader's verify key, from the leader's first parcel.
    pub verify_key: Option<[u8; VERIFY_KEY_BYTES]>,
    /// Its verifier shares, by centre.
    pub verifiers: BTreeMap<Centre, Vec<u8>>,
    /// Its share of the number of persons.
    pub persons_share: Option<[u8; 16]>,
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checked(..)")
    }
}

impl Checked {
    /// Seals it to the other aggregator.
    pub fn seal(
        &self,
        public_key: &[u8],
        round: [u8; 32],
        to: Role,
        sender: Sender,
        chance: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, ParcelFault> {
        let Self {
            verify_key,
            verifiers,
            persons_share,
        } = self;
        let plain = Zeroizing::new(
            proto::PoolChecked {
                verify_key: verify_key.map(Vec::from).unwrap_or_default(),
                verifiers: verifiers
                    .iter()
                    .map(|(centre, share)| proto::PoolVerifier {
                        centre: centre.to_vec(),
                        verifier_share: share.clone(),
                    })
                    .collect(),
                persons_share: persons_share.map(Vec::from).unwrap_or_default(),
            }
            .encode_to_vec(),
        );
        seal(public_key, &Purpose { round, to, sender }, &plain, chance)
    }

    /// Opens what the other aggregator sealed to `role`.
    pub fn open(
        secret: &RoundSecret,
        round: [u8; 32],
        role: Role,
        sender: Sender,
        parcel: &[u8],
    ) -> Result<Self, OtherFault> {
        let purpose = Purpose {
            round,
            to: role,
            sender,
        };
        let plain = Zeroizing::new(secret.open(&purpose, parcel)?);
        let proto::PoolChecked {
            verify_key,
            verifiers,
            persons_share,
        } = proto::PoolChecked::decode(plain.as_slice()).map_err(|_| OtherFault::Unreadable)?;
        if verifiers.len() > MAX_PARTS {
            return Err(OtherFault::Unreadable);
        }
        let mut read = BTreeMap::new();
        for proto::PoolVerifier {
            centre,
            verifier_share,
        } in verifiers
        {
            let centre = Centre::try_from(centre).map_err(|_| OtherFault::Unreadable)?;
            if read.insert(centre, verifier_share).is_some() {
                return Err(OtherFault::Unreadable);
            }
        }
        Ok(Self {
            verify_key: optional(verify_key)?,
            verifiers: read,
            persons_share: optional(persons_share)?,
        })
    }
}

fn optional<const N: usize>(bytes: Vec<u8>) -> Result<Option<[u8; N]>, OtherFault> {
    if bytes.is_empty() {
        return Ok(None);
    }
    <[u8; N]>::try_from(bytes)
        .map(Some)
        .map_err(|_| OtherFault::Unreadable)
}

/// A part as it arrived.
#[derive(Clone, Copy)]
pub struct Arrived<'a> {
    /// Whose.
    pub centre: Centre,
    /// Nonce of its proof, from the commitment.
    pub nonce: [u8; 16],
    /// Its parcel for this aggregator; `None`: not here.
    pub parcel: Option<&'a [u8]>,
}

/// The parts one aggregator could open, and those it could not.
#[derive(Debug)]
pub struct Opened {
    /// Under way, by centre.
    pub checking: BTreeMap<Centre, Checking>,
    /// Left out, by centre.
    pub faults: BTreeMap<Centre, PartFault>,
}

/// Opens the parts of a round.
pub fn open_parts<'a>(
    round: [u8; 32],
    sharing: &Sharing,
    role: Role,
    secret: &RoundSecret,
    verify_key: &[u8; VERIFY_KEY_BYTES],
    parts: impl IntoIterator<Item = Arrived<'a>>,
) -> Opened {
    let mut opened = Opened {
        checking: BTreeMap::new(),
        faults: BTreeMap::new(),
    };
    for part in parts {
        match open_part(round, sharing, role, secret, verify_key, &part) {
            Ok(checking) => {
                opened.checking.insert(part.centre, checking);
            }
            Err(fault) => {
                opened.faults.insert(part.centre, fault);
            }
        }
    }
    opened
}

fn open_part(
    round: [u8; 32],
    sharing: &Sharing,
    role: Role,
    secret: &RoundSecret,
    verify_key: &[u8; VERIFY_KEY_BYTES],
    part: &Arrived<'_>,
) -> Result<Checking, PartFault> {
    let parcel = part.parcel.ok_or(PartFault::Missing)?;
    let purpose = share_purpose(round, role, part.centre, part.nonce);
    let plain = Zeroizing::new(
        secret
            .open(&purpose, parcel)
            .map_err(|_| PartFault::Unreadable)?,
    );
    let proto::PoolShare {
        public_share,
        input_share,
    } = proto::PoolShare::decode(plain.as_slice()).map_err(|_| PartFault::Unreadable)?;
    let share = Share {
        public: public_share,
        input: Zeroizing::new(input_share),
    };
    sharing
        .begin(role, verify_key, &part.nonce, &share)
        .map_err(|_| PartFault::Unreadable)
}

/// Seals a centre's share to an aggregator. For the gate.
pub fn seal_share(
    public_key: &[u8],
    round: [u8; 32],
    to: Role,
    centre: Centre,
    nonce: [u8; 16],
    share: &Share,
    chance: &mut dyn CryptoRng,
) -> Result<Vec<u8>, ParcelFault> {
    let plain = Zeroizing::new(
        proto::PoolShare {
            public_share: share.public.clone(),
            input_share: share.input.to_vec(),
        }
        .encode_to_vec(),
    );
    let purpose = share_purpose(round, to, centre, nonce);
    seal(public_key, &purpose, &plain, chance)
}

fn share_purpose(round: [u8; 32], to: Role, centre: Centre, nonce: [u8; 16]) -> Purpose {
    Purpose {
        round,
        to,
        sender: Sender::Centre {
            writer: centre,
            nonce,
        },
    }
}

impl Opened {
    /// This aggregator's verifier shares.
    pub fn verifiers(&self) -> BTreeMap<Centre, Vec<u8>> {
        self.checking
            .iter()
            .map(|(centre, checking)| (*centre, checking.verifier_share()))
            .collect()
    }

    /// Decides with the other's verifier shares which proofs hold. A part the other did not name is left out as missing
    /// there.
    pub fn agree(self, sharing: &Sharing, others: &BTreeMap<Centre, Vec<u8>>) -> Agreed {
        let Self {
            checking,
            mut faults,
        } = self;
        let mut proved = BTreeMap::new();
        for (centre, checking) in checking {
            let outcome = match others.get(&centre) {
                None => Err(PartFault::Missing),
                Some(share) => sharing
                    .finish(checking, share)
                    .map_err(|fault| match fault {
                        ShareFault::Proof => PartFault::Proof,
                        ShareFault::Unreadable | ShareFault::Layout => PartFault::Unreadable,
                    }),
            };
            match outcome {
                Ok(part) => {
                    proved.insert(centre, part);
                }
                Err(fault) => {
                    faults.insert(centre, fault);
                }
            }
        }
        Agreed { proved, faults }
    }
}

/// The parts whose proofs hold, as one aggregator holds them.
#[derive(Debug)]
pub struct Agreed {
    proved: BTreeMap<Centre, Proved>,
    faults: BTreeMap<Centre, PartFault>,
}

impl Agreed {
    /// Centres whose parts are proved.
    pub fn proved(&self) -> BTreeSet<Centre> {
        self.proved.keys().copied().collect()
    }

    /// Parts left out, and why.
    pub fn faults(&self) -> &BTreeMap<Centre, PartFault> {
        &self.faults
    }

    /// Leaves out parts that may not be in this round, whatever their proofs.
    pub fn leave_out(&mut self, fault: PartFault, which: impl Fn(&Centre) -> bool) {
        let out: Vec<Centre> = self.proved.keys().copied().filter(which).collect();
        for centre in out {
            self.proved.remove(&centre);
            self.faults.insert(centre, fault);
        }
    }

    /// Takes the other's set: every part in it must be proved here too. What it leaves out is left out.
    pub fn narrow_to(&mut self, set: &BTreeSet<Centre>) -> Result<(), OtherFault> {
        if !set.iter().all(|centre| self.proved.contains_key(centre)) {
            return Err(OtherFault::SetsDiffer);
        }
        self.leave_out(PartFault::Missing, |centre| !set.contains(centre));
        Ok(())
    }

    /// This aggregator's sum over the parts.
    pub fn add(&self, sharing: &Sharing) -> Aggregate {
        sharing.add(self.proved.values())
    }

    /// How many centres.
    pub fn centres(&self) -> u32 {
        u32::try_from(self.proved.len()).unwrap_or(u32::MAX)
    }

    /// The number of persons, from both aggregators' shares of it; `None` where the round does not ask it, or the shares
    /// are none.
    pub fn persons(&self, layout: &Layout, own: &Aggregate, other: [u8; 16]) -> Option<u32> {
        let own = own.share_of(layout.persons()?)?;
        persons_of(layout, self.centres(), own, other)
    }
}

/// What names a set of parts: SHA-256 over the round and, for each part, the centre and its commitment, ordered by centre.
pub fn set_hash<'a>(
    round: [u8; 32],
    parts: impl IntoIterator<Item = (&'a Centre, &'a [u8; 32])>,
) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"krog.pool.set.v1\0");
    hash.update(round);
    for (centre, commitment) in parts {
        hash.update(centre);
        hash.update(commitment);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
