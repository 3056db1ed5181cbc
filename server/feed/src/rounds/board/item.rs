//! What one entry says about a round, read from its body.

use super::RoundId;
use super::fault::RoundsFault;
use super::status::{Commitment, HalfEntry, Outcome, ParcelRef, ResultEntry, SetEntry};
use crate::entry::Kind;
use crate::ids::{HeaderHash, WriterId};
use krog_pools::Round;
use krog_pools::aggregation::{MAX_PARTS, PartFault};
use krog_pools::sealing::PUBLIC_KEY_BYTES;
use krog_proto::federation::v1 as proto;
use prost::Message;

/// Longest parcel of a centre, bytes.
const CENTRE_PARCEL_BYTES: u32 = 65_536;
/// Longest parcel of an aggregator, bytes.
const AGGREGATOR_PARCEL_BYTES: u32 = 1_000_000;
/// Most sums of a round.
const SUMS: usize = 96;
/// Bytes of one element of Field128.
const ELEMENT_BYTES: usize = 16;

/// An entry, read.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Opening(Box<Opening>),
    Said(RoundId, Said),
    /// One of the kinds of [`Said`] whose body is missing or of a newer version: it may be about any round.
    Hidden(Kind),
    Refused(RoundsFault),
}

/// A round as it was opened.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) opening: proto::PoolOpening,
    pub(super) round: Round,
}

/// What is said of a round after its opening.
#[derive(Debug, Clone)]
pub(super) enum Said {
    Key(Vec<u8>),
    Commitment(Commitment),
    Check(ParcelRef),
    Set(SetEntry),
    Half(HalfEntry),
    End(Outcome),
    Result(ResultEntry),
}

impl Said {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Key(_) => Kind::PoolKey,
            Self::Commitment(_) => Kind::PoolCommitment,
            Self::Check(_) => Kind::PoolCheck,
            Self::Set(_) => Kind::PoolSet,
            Self::Half(_) => Kind::PoolHalf,
            Self::End(_) => Kind::PoolEnd,
            Self::Result(_) => Kind::PoolResult,
        }
    }
}

impl Opening {
    pub(super) fn decode(body: &[u8]) -> Result<Self, RoundsFault> {
        let opening: proto::PoolOpening = message(body, "opening of a round")?;
        let round = Round::parse(opening.clone())?;
        Ok(Self { opening, round })
    }
}

pub(super) fn key(body: &[u8]) -> Result<(RoundId, Said), RoundsFault> {
    const WHAT: &str = "key for a round";
    let proto::PoolKey { opening, round_key } = message(body, WHAT)?;
    if round_key.len() != PUBLIC_KEY_BYTES {
        return Err(RoundsFault::Malformed(WHAT));
    }
    Ok((hash(&opening, WHAT)?.into(), Said::Key(round_key)))
}

pub(super) fn commitment(entry: HeaderHash, body: &[u8]) -> Result<(RoundId, Said), RoundsFault> {
    const WHAT: &str = "commitment of a part";
    let proto::PoolCommitment {
        opening,
        nonce,
        leader_parcel,
        leader_parcel_bytes,
        helper_parcel,
        helper_parcel_bytes,
    } = message(body, WHAT)?;
    let parcel = |hash: &[u8], bytes| parcel(hash, bytes, CENTRE_PARCEL_BYTES, WHAT);
    let commitment = Commitment {
        entry,
        nonce: array(&nonce, WHAT)?,
        leader_parcel: parcel(&leader_parcel, leader_parcel_bytes)?,
        helper_parcel: parcel(&helper_parcel, helper_parcel_bytes)?,
    };
    Ok((hash(&opening, WHAT)?.into(), Said::Commitment(commitment)))
}

pub(super) fn check(body: &[u8]) -> Result<(RoundId, Said), RoundsFault> {
    const WHAT: &str = "check of the parts";
    let proto::PoolCheck {
        opening,
        parcel: sealed,
        parcel_bytes,
    } = message(body, WHAT)?;
    let parcel = parcel(&sealed, parcel_bytes, AGGREGATOR_PARCEL_BYTES, WHAT)?;
    Ok((hash(&opening, WHAT)?.into(), Said::Check(parcel)))
}

pub(super) fn set(entry: HeaderHash, body: &[u8]) -> Result<(RoundId, Said), RoundsFault> {
    const WHAT: &str = "set of parts";
    let proto::PoolSet {
        opening,
        parts,
        left_out,
        parcel: sealed,
        parcel_bytes,
    } = message(body, WHAT)?;
    if parts.len() > MAX_PARTS || left_out.len() > MAX_PARTS {
        return Err(RoundsFault::Malformed(WHAT));
    }
    let parts = parts
        .iter()
        .map(|proto::PoolPart { centre, commitment }| {
            let (centre, commitment) = (hash(centre, WHAT)?, hash(commitment, WHAT)?);
            Ok((WriterId::from(centre), HeaderHash::from(commitment)))
        })
        .collect::<Result<Vec<_>, RoundsFault>>()?;
    let left_out = left_out
        .iter()
        .map(|proto::PoolLeftOut { centre, fault }| {
            let fault = part_fault(*fault).ok_or(RoundsFault::Malformed(WHAT))?;
            Ok((WriterId::from(hash(centre, WHAT)?), fault))
        })
        .collect::<Result<Vec<_>, RoundsFault>>()?;
    let ordered = |centres: &mut dyn Iterator<Item = WriterId>| {
        let centres: Vec<_> = centres.collect();
        centres.windows(2).all(|pair| pair[0] < pair[1])
    };
    if !ordered(&mut parts.iter().map(|(centre, _)| *centre))
        || !ordered(&mut left_out.iter().map(|(centre, _)| *centre))
    {
        return Err(RoundsFault::SetUnordered);
    }
    let set = SetEntry {
        entry,
        parts,
        left_out,
        parcel: parcel(&sealed, parcel_bytes, AGGREGATOR_PARCEL_BYTES, WHAT)?,
    };
    Ok((hash(&opening, WHAT)?.into(), Said::Set(set)))
}

pub(super) fn half(entry: HeaderHash, body: &[u8]) -> Result<(RoundId, Said), RoundsFault> {
    const WHAT: &str = "half of the sums";
    let proto::PoolHalf { opening, set, half } = message(body, WHAT)?;
    if half.is_empty() || half.len() > SUMS * ELEMENT_BYTES || half.len() % ELEMENT_BYTES != 0 {
        return Err(RoundsFault::Malformed(WHAT));
    }
    let set = hash(&set, WHAT)?;
    let half = HalfEntry { entry, set, half };
    Ok((hash(&opening, WHAT)?.into(), Said::Half(half)))
}

pub(super) fn end(body: &[u8]) -> Result<(RoundId, Said), RoundsFault> {
    const WHAT: &str = "end of a round";
    let proto::PoolEnd { opening, outcome } = message(body, WHAT)?;
    let outcome = Outcome::from_proto(outcome).ok_or(RoundsFault::Malformed(WHAT))?;
    Ok((hash(&opening, WHAT)?.into(), Said::End(outcome)))
}

pub(super) fn result(entry: HeaderHash, body: &[u8]) -> Result<(RoundId, Said), RoundsFault> {
    const WHAT: &str = "result of a round";
    let proto::PoolResult {
        opening,
        set,
        totals,
    } = message(body, WHAT)?;
    if totals.len() > SUMS {
        return Err(RoundsFault::Malformed(WHAT));
    }
    let set = hash(&set, WHAT)?;
    let result = ResultEntry { entry, set, totals };
    Ok((hash(&opening, WHAT)?.into(), Said::Result(result)))
}

pub(super) fn retracted(body: &[u8]) -> Result<HeaderHash, RoundsFault> {
    const WHAT: &str = "tombstone";
    let proto::Tombstone { entry } = message(body, WHAT)?;
    Ok(hash(&entry, WHAT)?.into())
}

fn part_fault(number: i32) -> Option<PartFault> {
    match proto::PoolFault::try_from(number) {
        Ok(proto::PoolFault::Missing) => Some(PartFault::Missing),
        Ok(proto::PoolFault::Unreadable) => Some(PartFault::Unreadable),
        Ok(proto::PoolFault::Proof) => Some(PartFault::Proof),
        Ok(proto::PoolFault::NotInFirstRound) => Some(PartFault::NotInFirstRound),
        Ok(proto::PoolFault::Unspecified) | Err(_) => None,
    }
}

fn message<M: Message + Default>(body: &[u8], what: &'static str) -> Result<M, RoundsFault> {
    M::decode(body).map_err(|_| RoundsFault::Malformed(what))
}

fn array<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], RoundsFault> {
    bytes.try_into().map_err(|_| RoundsFault::Malformed(what))
}

fn hash(bytes: &[u8], what: &'static str) -> Result<[u8; 32], RoundsFault> {
    array(bytes, what)
}

fn parcel(
    hash: &[u8],
    bytes: u32,
    most: u32,
    what: &'static str,
) -> Result<ParcelRef, RoundsFault> {
    if !(1..=most).contains(&bytes) {
        return Err(RoundsFault::Malformed(what));
    }
    let hash = array(hash, what)?;
    Ok(ParcelRef { hash, bytes })
}

impl From<(RoundId, Said)> for Item {
    fn from((round, said): (RoundId, Said)) -> Self {
        Self::Said(round, said)
    }
}
