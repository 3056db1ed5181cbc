//! A feed's state as bytes, for a store.

use super::{Begun, EpochKey, FeedState, Origin, Usage};
use crate::entry::Place;
use crate::ids::{HeaderHash, KeyHash, NetworkId, NodeId, WriterId};
use crate::keys::PublicKey;
use crate::limits;

const VERSION: u8 = 1;

/// Bytes that are no saved state of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the stored state of a feed is damaged or of a newer program; rebuild it from the feed's entries or use that program"
)]
pub struct NotAState;

impl FeedState {
    /// The state for a store: version, network, writer, then, if the feed has begun, its fields in fixed order, numbers
    /// big end first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self {
            network,
            writer,
            begun,
        } = self;
        let mut out = vec![VERSION];
        out.extend_from_slice(network.as_bytes());
        out.extend_from_slice(writer.as_bytes());
        let Some(begun) = begun else {
            out.push(0);
            return out;
        };
        let Begun {
            origin,
            recovery_key_hash,
            recovery_key,
            place,
            hash,
            signing_key,
            keys,
            disputed,
            parted_earlier,
            payload_bytes,
            unreadable,
            aside,
        } = begun;
        let (tag, node) = match origin {
            Origin::Office(node) => (1, node),
            Origin::Centre(node) => (2, node),
        };
        out.push(tag);
        out.extend_from_slice(node.as_bytes());
        out.extend_from_slice(recovery_key_hash.as_bytes());
        push_option(&mut out, recovery_key.map(|key| *key.as_bytes()));
        push_place(&mut out, *place);
        out.extend_from_slice(hash.as_bytes());
        out.extend_from_slice(signing_key.as_bytes());
        push_option(
            &mut out,
            disputed.map(|place| {
                let mut bytes = Vec::with_capacity(12);
                push_place(&mut bytes, place);
                bytes
            }),
        );
        out.push(u8::from(*parted_earlier));
        out.extend_from_slice(&payload_bytes.to_be_bytes());
        for usage in [unreadable, aside] {
            out.extend_from_slice(&usage.entries.to_be_bytes());
            out.extend_from_slice(&usage.bytes.to_be_bytes());
        }
        // Bounded by limits::OPENINGS.
        out.extend_from_slice(&(keys.len() as u32).to_be_bytes());
        for EpochKey { epoch, key } in keys {
            out.extend_from_slice(&epoch.to_be_bytes());
            out.extend_from_slice(key.as_bytes());
        }
        out
    }

    /// Reads a state back.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAState> {
        let mut reader = Reader(bytes);
        if reader.take::<1>()? != [VERSION] {
            return Err(NotAState);
        }
        let network = NetworkId::new(reader.take()?);
        let writer = WriterId::new(reader.take()?);
        let begun = match reader.take::<1>()? {
            [0] => None,
            [tag] => Some(reader.begun(tag)?),
        };
        if !reader.0.is_empty() {
            return Err(NotAState);
        }
        Ok(Self {
            network,
            writer,
            begun,
        })
    }
}

fn push_option(out: &mut Vec<u8>, bytes: Option<impl AsRef<[u8]>>) {
    match bytes {
        Some(bytes) => {
            out.push(1);
            out.extend_from_slice(bytes.as_ref());
        }
        None => out.push(0),
    }
}

fn push_place(out: &mut Vec<u8>, Place { epoch, seq }: Place) {
    out.extend_from_slice(&epoch.to_be_bytes());
    out.extend_from_slice(&seq.to_be_bytes());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], NotAState> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(NotAState)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, NotAState> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, NotAState> {
        self.take().map(u64::from_be_bytes)
    }

    fn place(&mut self) -> Result<Place, NotAState> {
        let place = Place {
            epoch: self.u32()?,
            seq: self.u64()?,
        };
        if place.epoch > limits::EPOCH_MAX || place.seq > limits::SEQ_MAX {
            return Err(NotAState);
        }
        Ok(place)
    }

    fn usage(&mut self) -> Result<Usage, NotAState> {
        Ok(Usage {
            entries: self.u32()?,
            bytes: self.u64()?,
        })
    }

    fn flag(&mut self) -> Result<bool, NotAState> {
        match self.take::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(NotAState),
        }
    }

    fn begun(&mut self, tag: u8) -> Result<Begun, NotAState> {
        let node = NodeId::new(self.take()?);
        let origin = match tag {
            1 => Origin::Office(node),
            2 => Origin::Centre(node),
            _ => return Err(NotAState),
        };
        let recovery_key_hash = KeyHash::new(self.take()?);
        let recovery_key = match self.flag()? {
            true => Some(PublicKey::new(self.take()?)),
            false => None,
        };
        let place = self.place()?;
        let hash = HeaderHash::new(self.take()?);
        let signing_key = PublicKey::new(self.take()?);
        let disputed = match self.flag()? {
            true => Some(self.place()?),
            false => None,
        };
        let parted_earlier = self.flag()?;
        let payload_bytes = self.u64()?;
        let (unreadable, aside) = (self.usage()?, self.usage()?);
        let count = usize::try_from(self.u32()?).map_err(|_| NotAState)?;
        if count > limits::OPENINGS + 1 {
            return Err(NotAState);
        }
        let keys = (0..count).map(|_| {
            Ok(EpochKey {
                epoch: self.u32()?,
                key: PublicKey::new(self.take()?),
            })
        });
        let keys = keys.collect::<Result<_, NotAState>>()?;
        Ok(Begun {
            origin,
            recovery_key_hash,
            recovery_key,
            place,
            hash,
            signing_key,
            keys,
            disputed,
            parted_earlier,
            payload_bytes,
            unreadable,
            aside,
        })
    }
}
