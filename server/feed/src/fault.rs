//! What is wrong with an entry: one word on the wire, a sentence for people.

use krog_proto::federation::v1 as proto;
use thiserror::Error;

/// Why an entry is not taken. It stops its own feed and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum EntryFault {
    /// Bytes that are no header or payload of their kind, or a value out of range.
    #[error("the entry is malformed: {0}; its writer has to send a correct one")]
    Malformed(&'static str),
    /// The signature does not hold.
    #[error(
        "the entry's signature does not hold; it was changed on the way or signed with another key"
    )]
    Signature,
    /// The payload is not the one the header states, or is missing where it must be there.
    #[error(
        "the entry's payload is missing or not the one its header states; fetch it from another node"
    )]
    Payload,
    /// An entry before it is missing.
    #[error("an entry before this one is missing; fetch the feed from the last known head")]
    Gap,
    /// The feed is frozen, or the header before it is another than the one known here.
    #[error("the feed has two branches; only its recovery key can say which one stands")]
    Fork,
    /// The writer belongs to no node of the network, or to a removed one.
    #[error(
        "the writer belongs to no node of this network; its invitation or roster may not have arrived yet"
    )]
    NotAMember,
    /// More than is kept for one writer.
    #[error("more of this feed than is kept for one writer; a newer program may keep more")]
    Quota,
    /// An entry of another network.
    #[error("the entry belongs to another network")]
    WrongNetwork,
}

impl EntryFault {
    /// The word on the wire.
    pub const fn to_proto(self) -> proto::EntryFault {
        match self {
            Self::Malformed(_) => proto::EntryFault::Malformed,
            Self::Signature => proto::EntryFault::Signature,
            Self::Payload => proto::EntryFault::Payload,
            Self::Gap => proto::EntryFault::Gap,
            Self::Fork => proto::EntryFault::Fork,
            Self::NotAMember => proto::EntryFault::NotAMember,
            Self::Quota => proto::EntryFault::Quota,
            Self::WrongNetwork => proto::EntryFault::WrongNetwork,
        }
    }

    /// What a peer's word means; `None` for "nothing is wrong". A word of a newer version counts as malformed.
    pub fn from_proto(number: i32) -> Option<Self> {
        match proto::EntryFault::try_from(number) {
            Ok(proto::EntryFault::Unspecified) => None,
            Ok(proto::EntryFault::Malformed) => Some(Self::Malformed("the other node says so")),
            Ok(proto::EntryFault::Signature) => Some(Self::Signature),
            Ok(proto::EntryFault::Payload) => Some(Self::Payload),
            Ok(proto::EntryFault::Gap) => Some(Self::Gap),
            Ok(proto::EntryFault::Fork) => Some(Self::Fork),
            Ok(proto::EntryFault::NotAMember) => Some(Self::NotAMember),
            Ok(proto::EntryFault::Quota) => Some(Self::Quota),
            Ok(proto::EntryFault::WrongNetwork) => Some(Self::WrongNetwork),
            Err(_) => Some(Self::Malformed(
                "the other node gives a reason this version does not know",
            )),
        }
    }
}

impl From<EntryFault> for proto::EntryFault {
    fn from(fault: EntryFault) -> Self {
        fault.to_proto()
    }
}

/// Bytes that are not the record they claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("the {record} is malformed: {why}")]
pub struct RecordFault {
    /// Which record.
    pub record: &'static str,
    /// What about it.
    pub why: &'static str,
}

impl RecordFault {
    /// Makes the faults of one record.
    pub(crate) const fn of(record: &'static str) -> impl Fn(&'static str) -> Self + Copy {
        move |why| Self { record, why }
    }
}

impl From<RecordFault> for EntryFault {
    fn from(fault: RecordFault) -> Self {
        Self::Malformed(fault.why)
    }
}
