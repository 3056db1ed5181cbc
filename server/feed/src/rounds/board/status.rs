//! How far a round has come.

use super::RoundId;
use crate::entry::Place;
use crate::ids::{HeaderHash, NodeId, WriterId};
use krog_pools::aggregation::PartFault;
use krog_pools::{Round, Totals};
use krog_proto::federation::v1 as proto;
use std::collections::{BTreeMap, BTreeSet};

/// One round, by the entries that stand. Where there are two of a thing, the leader's comes first.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundStatus {
    /// Hash of the opening's header.
    pub id: RoundId,
    /// Where the opening stands in its feed.
    pub opening_place: Place,
    /// The keyholder that opened it.
    pub opened_by: NodeId,
    /// The opening, read. It holds under the policy of the roster version it names, which need not be the latest: who
    /// asks whether to take part compares them.
    pub round: Round,
    /// The opening as it came.
    pub opening: proto::PoolOpening,
    /// The aggregators' keys, 1216 bytes each.
    pub keys: [Option<Vec<u8>>; 2],
    /// Parts that centres have committed to and not withdrawn.
    pub commitments: BTreeMap<WriterId, Commitment>,
    /// Parts that were withdrawn. Their centres cannot commit again. A set may still name one whose withdrawal came too
    /// late.
    pub withdrawn: BTreeMap<WriterId, Commitment>,
    /// The leader's parcel for the helper.
    pub check: Option<ParcelRef>,
    /// What each aggregator adds up.
    pub sets: [Option<SetEntry>; 2],
    /// The halves published before their aggregator's end. They need not count.
    pub halves: [Option<HalfEntry>; 2],
    /// How each aggregator has ended.
    pub ends: [Option<Outcome>; 2],
    /// What the leader says the halves add up to. What counts is [`told`](Self::told).
    pub result: Option<ResultEntry>,
    /// How far it has come.
    pub stage: Stage,
    /// The sums, exactly when the stage is [`Stage::Told`].
    pub told: Option<Told>,
}

/// How far a round has come, and what that means for the answers of who committed to it.
///
/// `Told` stays while the entries stand. `Failed` becomes nothing but `Broken`, and that only by a half its aggregator
/// published after the other one had ended: so an aggregator publishes none once it sees the other's end. Who freed
/// answers before that keeps them free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// An aggregator's key is missing.
    Opened,
    /// Centres may commit their parts.
    Collecting,
    /// The deadline has passed, or an aggregator has begun to check.
    Checking,
    /// Both halves stand and add up: the answers are spent.
    Told,
    /// It failed for this reason, and nobody can ever add it up: the answers are free again.
    Failed(Outcome),
    /// It broke off with a half in public, or the halves do not add up: the answers are spent.
    Broken(Break),
    /// Past its expiry, and nothing proves that the shares are destroyed: the answers are spent.
    Silent,
}

/// Why a round is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// An aggregator ended it so while a half stands.
    Ended(Outcome),
    /// Both halves stand, over different sets.
    SetsDiffer,
    /// Both halves stand, one of them not over the set its aggregator names.
    HalfOfAnotherSet,
    /// Both halves stand, over fewer centres than the policy allows.
    TooFewCentres,
    /// Both halves of a second round stand, over other centres than the first round's.
    OtherCentresThanFirst,
    /// The halves do not decode to possible sums.
    NoSums,
}

/// How a round ended for an aggregator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its half is published.
    Told,
    /// Fewer centres than the floor.
    TooFewCentres,
    /// Fewer persons than the floor.
    TooFewPersons,
    /// The other aggregator did not do its part before the expiry.
    OtherSilent,
    /// The two sets of parts differ, or are not the first round's.
    SetsDiffer,
    /// What the other aggregator sent cannot be read or does not hold.
    OtherFaulty,
    /// This aggregator no longer has its key.
    KeyLost,
    /// The other aggregator has ended the round.
    OtherEnded,
}

/// A parcel, by what its sender's entry states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParcelRef {
    /// SHA-256 of the parcel.
    pub hash: [u8; 32],
    /// Its length: 1 to 65536 from a centre, to 1000000 from an aggregator.
    pub bytes: u32,
}

/// A centre's part, as hashes of what it sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitment {
    /// Hash of the entry's header.
    pub entry: HeaderHash,
    /// Nonce of the proof.
    pub nonce: [u8; 16],
    /// The parcel for the leader.
    pub leader_parcel: ParcelRef,
    /// The parcel for the helper.
    pub helper_parcel: ParcelRef,
}

/// What an aggregator adds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetEntry {
    /// Hash of the entry's header.
    pub entry: HeaderHash,
    /// Centres and the headers of their commitments, ordered by centre, each once; at most 1000.
    pub parts: Vec<(WriterId, HeaderHash)>,
    /// Centres whose commitment is left out, ordered, each once; at most 1000.
    pub left_out: Vec<(WriterId, PartFault)>,
    /// The parcel for the other aggregator.
    pub parcel: ParcelRef,
}

/// An aggregator's half of the sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfEntry {
    /// Hash of the entry's header.
    pub entry: HeaderHash,
    /// What it says it is over, as [`set_hash`](super::set_hash).
    pub set: [u8; 32],
    /// 16 bytes for each sum, at most 1536.
    pub half: Vec<u8>,
}

/// What the leader says the halves add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultEntry {
    /// Hash of the entry's header.
    pub entry: HeaderHash,
    /// What it says it is over, as [`set_hash`](super::set_hash).
    pub set: [u8; 32],
    /// One number for each sum, at most 96.
    pub totals: Vec<i64>,
}

/// What a round told, added up from its halves.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Hash over the agreed parts.
    pub set: [u8; 32],
    /// Centres in it, in their order.
    pub centres: BTreeSet<WriterId>,
    /// The sums.
    pub totals: Totals,
}

impl Outcome {
    /// Reads the word of the wire; `None` for unspecified ones and those of newer versions.
    pub fn from_proto(number: i32) -> Option<Self> {
        match proto::PoolOutcome::try_from(number) {
            Ok(proto::PoolOutcome::Told) => Some(Self::Told),
            Ok(proto::PoolOutcome::TooFewCentres) => Some(Self::TooFewCentres),
            Ok(proto::PoolOutcome::TooFewPersons) => Some(Self::TooFewPersons),
            Ok(proto::PoolOutcome::OtherSilent) => Some(Self::OtherSilent),
            Ok(proto::PoolOutcome::SetsDiffer) => Some(Self::SetsDiffer),
            Ok(proto::PoolOutcome::OtherFaulty) => Some(Self::OtherFaulty),
            Ok(proto::PoolOutcome::KeyLost) => Some(Self::KeyLost),
            Ok(proto::PoolOutcome::OtherEnded) => Some(Self::OtherEnded),
            Ok(proto::PoolOutcome::Unspecified) | Err(_) => None,
        }
    }

    /// The word on the wire.
    pub const fn to_proto(self) -> proto::PoolOutcome {
        match self {
            Self::Told => proto::PoolOutcome::Told,
            Self::TooFewCentres => proto::PoolOutcome::TooFewCentres,
            Self::TooFewPersons => proto::PoolOutcome::TooFewPersons,
            Self::OtherSilent => proto::PoolOutcome::OtherSilent,
            Self::SetsDiffer => proto::PoolOutcome::SetsDiffer,
            Self::OtherFaulty => proto::PoolOutcome::OtherFaulty,
            Self::KeyLost => proto::PoolOutcome::KeyLost,
            Self::OtherEnded => proto::PoolOutcome::OtherEnded,
        }
    }
}

impl Stage {
    /// The word on the wire.
    pub const fn to_proto(self) -> proto::RoundStage {
        match self {
            Self::Opened => proto::RoundStage::Opened,
            Self::Collecting => proto::RoundStage::Collecting,
            Self::Checking => proto::RoundStage::Checking,
            Self::Told => proto::RoundStage::Told,
            Self::Failed(_) => proto::RoundStage::Failed,
            Self::Broken(_) => proto::RoundStage::Broken,
            Self::Silent => proto::RoundStage::Silent,
        }
    }
}

impl RoundStatus {
    /// A centre's commitment, withdrawn or not.
    pub fn commitment(&self, centre: &WriterId) -> Option<&Commitment> {
        self.commitments
            .get(centre)
            .or_else(|| self.withdrawn.get(centre))
    }

    /// The parts both aggregators name, once they name the same.
    pub fn agreed(&self) -> Option<&[(WriterId, HeaderHash)]> {
        match &self.sets {
            [Some(leader), Some(helper)] if leader.parts == helper.parts => Some(&leader.parts),
            _ => None,
        }
    }

    /// Whether both keys stand, so that a part could be sealed.
    pub(super) fn has_keys(&self) -> bool {
        self.keys.iter().all(Option::is_some)
    }

    /// The round for the wire.
    pub fn to_proto(&self) -> proto::DescribedRound {
        let [leader_outcome, helper_outcome] = self
            .ends
            .map(|end| end.map_or(0, |end| end.to_proto().into()));
        let totals = self.told.as_ref().map(|told| &told.totals);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        proto::DescribedRound {
            round: self.id.into(),
            opening: Some(self.opening.clone()),
            stage: self.stage.to_proto().into(),
            commitments: count(self.commitments.len()),
            agreed: count(self.agreed().map_or(0, <[_]>::len)),
            leader_outcome,
            helper_outcome,
            sums: totals.map(|totals| totals.sums.clone()).unwrap_or_default(),
            noise_sds: totals
                .map(|totals| totals.noise_sds.clone())
                .unwrap_or_default(),
        }
    }
}
