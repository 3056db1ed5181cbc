//! One entry: a signed header and a payload, two byte strings that are kept exactly as they came.

use crate::fault::EntryFault;
use crate::ids::{HeaderHash, NetworkId, PayloadHash, WriterId};
use crate::keys::Signature;
use crate::limits;
use krog_proto::federation::v1 as proto;
use prost::Message;
use std::fmt;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// First entry of an office's feed.
    Inception,
    /// First entry of a centre's feed.
    CentreInception,
    /// How a node presents itself.
    Descriptor,
    /// A version of the network's roster.
    Roster,
    /// The invitation by which a node came.
    Admission,
    /// Cleared cells of one quarter.
    Release,
    /// A version of a group template.
    Template,
    /// The recovery key opens a new epoch.
    Epoch,
    /// An earlier payload may be dropped.
    Tombstone,
    /// A round of a pool is opened.
    PoolOpening,
    /// An aggregator's key for a round.
    PoolKey,
    /// A centre's part in a round, as hashes of sealed shares.
    PoolCommitment,
    /// What the leading aggregator found, as the hash of a sealed parcel.
    PoolCheck,
    /// The centres an aggregator adds up.
    PoolSet,
    /// An aggregator's half of the sums.
    PoolHalf,
    /// A round is over for an aggregator.
    PoolEnd,
    /// The halves added.
    PoolResult,
    /// A kind of a newer version: relayed and ignored.
    Unknown(UnknownKind),
}

/// The number of a kind this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownKind(u16);

impl Kind {
    const KNOWN: [Self; 17] = [
        Self::Inception,
        Self::CentreInception,
        Self::Descriptor,
        Self::Roster,
        Self::Admission,
        Self::Release,
        Self::Template,
        Self::Epoch,
        Self::Tombstone,
        Self::PoolOpening,
        Self::PoolKey,
        Self::PoolCommitment,
        Self::PoolCheck,
        Self::PoolSet,
        Self::PoolHalf,
        Self::PoolEnd,
        Self::PoolResult,
    ];

    /// The kind of this number; `None` for 0.
    pub fn from_number(number: u16) -> Option<Self> {
        if number == 0 {
            return None;
        }
        let known = Self::KNOWN.into_iter().find(|kind| kind.number() == number);
        Some(known.unwrap_or(Self::Unknown(UnknownKind(number))))
    }

    /// Its number on the wire, 1 to 65535.
    pub const fn number(self) -> u16 {
        match self {
            Self::Inception => proto::EntryKind::Inception as u16,
            Self::CentreInception => proto::EntryKind::CentreInception as u16,
            Self::Descriptor => proto::EntryKind::Descriptor as u16,
            Self::Roster => proto::EntryKind::Roster as u16,
            Self::Admission => proto::EntryKind::Admission as u16,
            Self::Release => proto::EntryKind::Release as u16,
            Self::Template => proto::EntryKind::Template as u16,
            Self::Epoch => proto::EntryKind::Epoch as u16,
            Self::Tombstone => proto::EntryKind::Tombstone as u16,
            Self::PoolOpening => proto::EntryKind::PoolOpening as u16,
            Self::PoolKey => proto::EntryKind::PoolKey as u16,
            Self::PoolCommitment => proto::EntryKind::PoolCommitment as u16,
            Self::PoolCheck => proto::EntryKind::PoolCheck as u16,
            Self::PoolSet => proto::EntryKind::PoolSet as u16,
            Self::PoolHalf => proto::EntryKind::PoolHalf as u16,
            Self::PoolEnd => proto::EntryKind::PoolEnd as u16,
            Self::PoolResult => proto::EntryKind::PoolResult as u16,
            Self::Unknown(UnknownKind(number)) => number,
        }
    }

    /// Whether this version knows the kind.
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    /// Whether a feed may go on while the payload is missing. Not for kinds that say who may write or who belongs: a
    /// chain that went on without them would be believed differently by different nodes. For all others a relay that
    /// withholds a payload must not be able to stop the chain.
    pub const fn may_lack_payload(self) -> bool {
        match self {
            Self::Inception
            | Self::CentreInception
            | Self::Descriptor
            | Self::Roster
            | Self::Admission
            | Self::Epoch => false,
            Self::Release
            | Self::Template
            | Self::Tombstone
            | Self::PoolOpening
            | Self::PoolKey
            | Self::PoolCommitment
            | Self::PoolCheck
            | Self::PoolSet
            | Self::PoolHalf
            | Self::PoolEnd
            | Self::PoolResult
            | Self::Unknown(_) => true,
        }
    }

    /// Whether a tombstone may drop the payload: only what was shared, never what the chain rests on.
    pub const fn may_be_dropped(self) -> bool {
        matches!(self, Self::Release | Self::Template | Self::Unknown(_))
    }

    /// Whether an office writes this kind.
    pub const fn belongs_to_office(self) -> bool {
        !matches!(
            self,
            Self::CentreInception | Self::Release | Self::PoolCommitment
        )
    }

    /// Whether a centre writes this kind.
    pub const fn belongs_to_centre(self) -> bool {
        matches!(
            self,
            Self::CentreInception
                | Self::Release
                | Self::PoolCommitment
                | Self::Epoch
                | Self::Tombstone
                | Self::Unknown(_)
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inception => f.write_str("inception"),
            Self::CentreInception => f.write_str("centre inception"),
            Self::Descriptor => f.write_str("descriptor"),
            Self::Roster => f.write_str("roster"),
            Self::Admission => f.write_str("admission"),
            Self::Release => f.write_str("release"),
            Self::Template => f.write_str("template"),
            Self::Epoch => f.write_str("epoch"),
            Self::Tombstone => f.write_str("tombstone"),
            Self::PoolOpening => f.write_str("pool opening"),
            Self::PoolKey => f.write_str("pool key"),
            Self::PoolCommitment => f.write_str("pool commitment"),
            Self::PoolCheck => f.write_str("pool check"),
            Self::PoolSet => f.write_str("pool set"),
            Self::PoolHalf => f.write_str("pool half"),
            Self::PoolEnd => f.write_str("pool end"),
            Self::PoolResult => f.write_str("pool result"),
            Self::Unknown(UnknownKind(number)) => write!(f, "kind {number}"),
        }
    }
}

/// The signed part of an entry, read. Its identity is the hash of the bytes it was read from, not of this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The network.
    pub network: NetworkId,
    /// The feed's writer.
    pub writer: WriterId,
    /// Epoch, 0 to [`limits::EPOCH_MAX`].
    pub epoch: u32,
    /// Place in the epoch, 0 to [`limits::SEQ_MAX`].
    pub seq: u64,
    /// The header before it; `None` exactly at epoch 0, place 0.
    pub previous: Option<HeaderHash>,
    /// What the entry is about.
    pub kind: Kind,
    /// Protocol version a reader needs for the payload.
    pub min_reader: u16,
    /// SHA-256 of the payload.
    pub payload_hash: PayloadHash,
    /// Length of the payload with its salt, [`limits::PAYLOAD_BYTES_MIN`] to [`limits::PAYLOAD_BYTES_MAX`].
    pub payload_length: u32,
}

impl Header {
    /// Reads a header. Fields of newer versions are passed over; every known field must be in its range.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryFault> {
        use EntryFault::Malformed;
        if bytes.is_empty() || bytes.len() > limits::HEADER_BYTES {
            return Err(Malformed("a header has 1 to 256 bytes"));
        }
        let proto::EntryHeader {
            network,
            writer,
            epoch,
            seq,
            previous,
            kind,
            min_reader,
            payload_hash,
            payload_length,
        } = proto::EntryHeader::decode(bytes)
            .map_err(|_| Malformed("the header cannot be read"))?;
        let first = epoch == 0 && seq == 0;
        let previous = match (first, previous.is_empty()) {
            (true, true) => None,
            (false, false) => {
                let hash = HeaderHash::try_from(previous.as_slice());
                Some(hash.map_err(|_| Malformed("the previous header's hash has not 32 bytes"))?)
            }
            _ => return Err(Malformed("exactly the first header has no previous one")),
        };
        if epoch > limits::EPOCH_MAX || seq > limits::SEQ_MAX {
            return Err(Malformed("epoch or place out of range"));
        }
        let length = usize::try_from(payload_length).unwrap_or(usize::MAX);
        if !(limits::PAYLOAD_BYTES_MIN..=limits::PAYLOAD_BYTES_MAX).contains(&length) {
            return Err(Malformed("payload length out of range"));
        }
        let kind = u16::try_from(kind).ok().and_then(Kind::from_number);
        Ok(Self {
            network: NetworkId::try_from(network.as_slice())
                .map_err(|_| Malformed("the network has not 32 bytes"))?,
            writer: WriterId::try_from(writer.as_slice())
                .map_err(|_| Malformed("the writer has not 32 bytes"))?,
            epoch,
            seq,
            previous,
            kind: kind.ok_or(Malformed("kind out of range"))?,
            min_reader: u16::try_from(min_reader)
                .map_err(|_| Malformed("reader version out of range"))?,
            payload_hash: PayloadHash::try_from(payload_hash.as_slice())
                .map_err(|_| Malformed("the payload hash has not 32 bytes"))?,
            payload_length,
        })
    }

    /// The bytes to sign.
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            network,
            writer,
            epoch,
            seq,
            previous,
            kind,
            min_reader,
            payload_hash,
            payload_length,
        } = self;
        proto::EntryHeader {
            network: (*network).into(),
            writer: (*writer).into(),
            epoch: *epoch,
            seq: *seq,
            previous: previous.map(Vec::from).unwrap_or_default(),
            kind: u32::from(kind.number()),
            min_reader: u32::from(*min_reader),
            payload_hash: (*payload_hash).into(),
            payload_length: *payload_length,
        }
        .encode_to_vec()
    }

    /// Where it stands in its feed.
    pub const fn place(&self) -> Place {
        Place {
            epoch: self.epoch,
            seq: self.seq,
        }
    }

    /// Whether this version understands the payload.
    pub const fn is_readable(&self) -> bool {
        self.kind.is_known() && self.min_reader <= limits::PROTOCOL
    }
}

/// A place in a feed. Places are ordered by epoch, then by sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Epoch.
    pub epoch: u32,
    /// Place in the epoch, from 0.
    pub seq: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq)
    }
}

/// An entry as bytes, before anything about it is believed; also the form in which it is stored and relayed.
#[derive(Clone, PartialEq, Eq)]
pub struct RawEntry {
    /// The exact bytes of the header.
    pub header: Vec<u8>,
    /// Signature of the header.
    pub signature: Signature,
    /// Salt and body; `None` when dropped or not sent.
    pub payload: Option<Vec<u8>>,
}

impl RawEntry {
    /// Takes an entry from the wire. Only sizes are checked here.
    pub fn parse(entry: proto::Entry) -> Result<Self, EntryFault> {
        let proto::Entry {
            header,
            signature,
            payload,
        } = entry;
        if header.is_empty() || header.len() > limits::HEADER_BYTES {
            return Err(EntryFault::Malformed("a header has 1 to 256 bytes"));
        }
        if payload
            .as_ref()
            .is_some_and(|payload| payload.len() > limits::PAYLOAD_BYTES_MAX)
        {
            return Err(EntryFault::Malformed("payload length out of range"));
        }
        let signature = Signature::try_from(signature.as_slice())
            .map_err(|_| EntryFault::Malformed("a signature has 64 bytes"))?;
        Ok(Self {
            header,
            signature,
            payload,
        })
    }

    /// The entry for the wire.
    pub fn to_proto(&self) -> proto::Entry {
        proto::Entry {
            header: self.header.clone(),
            signature: self.signature.into(),
            payload: self.payload.clone(),
        }
    }

    /// The same without its payload, as evidence of a fork.
    #[must_use]
    pub fn without_payload(&self) -> Self {
        Self {
            header: self.header.clone(),
            signature: self.signature,
            payload: None,
        }
    }

    /// Identity of the entry.
    pub fn hash(&self) -> HeaderHash {
        HeaderHash::of(&self.header)
    }

    /// Bytes it takes in a batch.
    pub fn size(&self) -> usize {
        // Tags and lengths of the message and its place in a list stay below 24 bytes.
        24 + self.header.len() + 64 + self.payload.as_ref().map_or(0, Vec::len)
    }
}

impl fmt::Debug for RawEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawEntry")
            .field("hash", &self.hash().short())
            .field("payload_bytes", &self.payload.as_ref().map(Vec::len))
            .finish()
    }
}

/// An entry whose header is in range and whose payload, if there, is the one the header states. Nothing is known yet of
/// its signature or of its place in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    raw: RawEntry,
    header: Header,
    hash: HeaderHash,
}

impl Arrival {
    /// Reads the header and recomputes the hashes.
    pub fn parse(raw: RawEntry) -> Result<Self, EntryFault> {
        let header = Header::parse(&raw.header)?;
        if let Some(payload) = &raw.payload {
            let stated = usize::try_from(header.payload_length).unwrap_or(usize::MAX);
            if payload.len() != stated || PayloadHash::of(payload) != header.payload_hash {
                return Err(EntryFault::Payload);
            }
        }
        let hash = raw.hash();
        Ok(Self { raw, header, hash })
    }

    /// The header as read.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Identity of the entry.
    pub fn hash(&self) -> HeaderHash {
        self.hash
    }

    /// The bytes as they came.
    pub fn raw(&self) -> &RawEntry {
        &self.raw
    }

    /// The payload after its salt.
    pub fn body(&self) -> Option<&[u8]> {
        self.raw.payload.as_deref()?.get(limits::SALT_BYTES..)
    }

    /// Marks the entry as verified. Only for those who have checked signature and place.
    pub(crate) fn into_verified(self) -> VerifiedEntry {
        VerifiedEntry(self)
    }
}

/// An entry whose signature and place in its feed were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry(Arrival);

impl VerifiedEntry {
    /// Reads back an entry that was verified before it was stored. Ranges and hashes are checked again, so that damage
    /// on disk shows; signature and place are taken on the store's word. Never for bytes from elsewhere.
    pub fn from_store(raw: RawEntry) -> Result<Self, EntryFault> {
        Arrival::parse(raw).map(Self)
    }

    /// The header as read.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// Identity of the entry.
    pub fn hash(&self) -> HeaderHash {
        self.0.hash
    }

    /// What the entry is about.
    pub fn kind(&self) -> Kind {
        self.0.header.kind
    }

    /// The payload after its salt; `None` when it is missing.
    pub fn body(&self) -> Option<&[u8]> {
        self.0.body()
    }

    /// The body, if it is there and this version understands it.
    pub fn readable_body(&self) -> Option<&[u8]> {
        self.body().filter(|_| self.body_readable())
    }

    /// Whether kind and reader version are ones this version understands.
    pub fn body_readable(&self) -> bool {
        self.0.header.is_readable()
    }

    /// The earlier entry of this feed whose payload this tombstone lets go; `None` for other kinds. It has effect only
    /// on kinds that [may be dropped](Kind::may_be_dropped).
    pub fn tombstones(&self) -> Option<HeaderHash> {
        let body = self
            .readable_body()
            .filter(|_| self.kind() == Kind::Tombstone)?;
        let proto::Tombstone { entry } = proto::Tombstone::decode(body).ok()?;
        HeaderHash::try_from(entry.as_slice()).ok()
    }

    /// The bytes as they are stored and relayed.
    pub fn raw(&self) -> &RawEntry {
        &self.0.raw
    }

    /// Gives the bytes away.
    pub fn into_raw(self) -> RawEntry {
        self.0.raw
    }
}
