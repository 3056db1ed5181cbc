//! The end of a feed, and the proof that it has two.

use crate::entry::{Arrival, Place, RawEntry};
use crate::fault::EntryFault;
use crate::ids::{HeaderHash, WriterId};
use crate::limits;
use krog_proto::federation::v1 as proto;

/// The end of a feed as somebody knows it. Untrusted when it came from a peer: it says what to ask for, nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The feed's writer.
    pub writer: WriterId,
    /// Place of the last entry.
    pub place: Place,
    /// The last header.
    pub hash: HeaderHash,
    /// Whether an unsettled fork is known.
    pub frozen: bool,
}

impl Head {
    /// Reads a head from the wire.
    pub fn parse(head: &proto::Head) -> Result<Self, EntryFault> {
        let proto::Head {
            writer,
            epoch,
            seq,
            hash,
            frozen,
        } = head;
        if *epoch > limits::EPOCH_MAX || *seq > limits::SEQ_MAX {
            return Err(EntryFault::Malformed("epoch or place out of range"));
        }
        Ok(Self {
            writer: WriterId::try_from(writer.as_slice())
                .map_err(|_| EntryFault::Malformed("the writer has not 32 bytes"))?,
            place: Place {
                epoch: *epoch,
                seq: *seq,
            },
            hash: HeaderHash::try_from(hash.as_slice())
                .map_err(|_| EntryFault::Malformed("the head's hash has not 32 bytes"))?,
            frozen: *frozen,
        })
    }

    /// The head for the wire.
    pub fn to_proto(&self) -> proto::Head {
        let Self {
            writer,
            place: Place { epoch, seq },
            hash,
            frozen,
        } = *self;
        proto::Head {
            writer: writer.into(),
            epoch,
            seq,
            hash: hash.into(),
            frozen,
        }
    }
}

/// Two headers a peer shows as proof of a fork; their signatures are not checked yet.
#[derive(Debug, Clone)]
pub struct ForkClaim {
    first: Arrival,
    second: Arrival,
}

impl ForkClaim {
    /// Reads a claim: two different headers of one feed at one place.
    pub fn parse(proof: proto::ForkProof) -> Result<Self, EntryFault> {
        let proto::ForkProof { first, second } = proof;
        let (Some(first), Some(second)) = (first, second) else {
            return Err(EntryFault::Malformed("a proof has two entries"));
        };
        let first = Arrival::parse(RawEntry::parse(first)?.without_payload())?;
        let second = Arrival::parse(RawEntry::parse(second)?.without_payload())?;
        let (one, other) = (first.header(), second.header());
        if first.hash() == second.hash()
            || one.network != other.network
            || one.writer != other.writer
            || one.place() != other.place()
        {
            return Err(EntryFault::Malformed(
                "a proof has two headers at one place of one feed",
            ));
        }
        Ok(Self { first, second })
    }

    /// The feed it is about.
    pub fn writer(&self) -> WriterId {
        self.first.header().writer
    }

    /// The header said to have been accepted first.
    pub fn first(&self) -> &Arrival {
        &self.first
    }

    /// The header that contradicts it.
    pub fn second(&self) -> &Arrival {
        &self.second
    }
}

/// Two different headers at one place of one feed, both signed with its key. Made only where the signatures were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkProof {
    first: RawEntry,
    second: RawEntry,
    writer: WriterId,
    place: Place,
}

impl ForkProof {
    pub(super) fn new(first: &RawEntry, second: &RawEntry, writer: WriterId, place: Place) -> Self {
        Self {
            first: first.without_payload(),
            second: second.without_payload(),
            writer,
            place,
        }
    }

    /// The feed.
    pub fn writer(&self) -> WriterId {
        self.writer
    }

    /// The disputed place.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The header known first here, without payload.
    pub fn first(&self) -> &RawEntry {
        &self.first
    }

    /// The header that contradicts it, without payload.
    pub fn second(&self) -> &RawEntry {
        &self.second
    }

    /// The proof for the wire; also the form to store.
    pub fn to_proto(&self) -> proto::ForkProof {
        proto::ForkProof {
            first: Some(self.first.to_proto()),
            second: Some(self.second.to_proto()),
        }
    }
}
