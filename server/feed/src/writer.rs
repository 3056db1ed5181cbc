//! The only way to sign an entry.

use crate::chain::{FeedState, Origin, Step, Surroundings};
use crate::entry::{Arrival, Header, Kind, Place, RawEntry, VerifiedEntry};
use crate::fault::EntryFault;
use crate::identity::{CentreInception, NodeInception};
use crate::ids::{HeaderHash, NetworkId, PayloadHash, WriterId};
use crate::keys::{Domain, PublicKey, RecoveryKey, Signature, WriterKey};
use crate::limits;
use krog_proto::federation::v1 as proto;
use prost::Message;
use thiserror::Error;

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthorError {
    /// The key is not the one that signs this feed now.
    #[error(
        "this key does not sign the feed now; use the newest key, or open a new epoch with the recovery key"
    )]
    WrongKey,
    /// The feed is frozen.
    #[error(
        "the feed has two branches; open a new epoch with the recovery key and say which one stands"
    )]
    Frozen,
    /// The feed has not begun.
    #[error("the feed has no first entry yet; begin it with its inception record")]
    NotBegun,
    /// The kind does not belong into this feed, or only into its first entries.
    #[error("this kind of entry does not belong into this feed")]
    KindNotHere,
    /// The body is too long.
    #[error("the payload is longer than {max} bytes; shorten it", max = limits::BODY_BYTES_MAX)]
    TooLong,
    /// No further place or epoch.
    #[error("the feed has no further place; open a new epoch, or begin a new feed")]
    Full,
    /// The header that is to stand is not the feed's own.
    #[error("the header that is to stand does not belong to this feed or to an earlier epoch")]
    NotOfThisFeed,
    /// What was signed does not verify: the entry must not leave.
    #[error(
        "the new entry does not pass its own verification ({0}); nothing was written, check memory and disk"
    )]
    Verification(EntryFault),
}

/// A feed and the key that signs it.
///
/// Nothing is shared by signing: commit the returned entry and [`state`](Self::state) in one transaction and offer the
/// entry only after that. If the transaction fails, drop the author and [`resume`](Self::resume) from the stored state.
#[derive(Debug, Clone)]
pub struct Author {
    state: FeedState,
    key: WriterKey,
}

/// The header after which a new epoch is to stand.
#[derive(Debug, Clone, Copy)]
pub enum Standing<'a> {
    /// The head as it is known here.
    Head,
    /// The header with these bytes, of either branch or before both.
    Header(&'a [u8]),
}

impl Author {
    /// Begins an office's feed. The salt is 16 random bytes.
    pub fn begin_office(
        network: NetworkId,
        key: WriterKey,
        inception: &NodeInception,
        salt: [u8; 16],
    ) -> Result<(Self, VerifiedEntry), AuthorError> {
        let writer = WriterId::from(inception.node());
        Self::begin(
            network,
            writer,
            key,
            Kind::Inception,
            inception.encode(),
            salt,
        )
    }

    /// Begins a centre's feed. The salt is 16 random bytes.
    pub fn begin_centre(
        network: NetworkId,
        key: WriterKey,
        inception: &CentreInception,
        salt: [u8; 16],
    ) -> Result<(Self, VerifiedEntry), AuthorError> {
        let writer = inception.writer();
        Self::begin(
            network,
            writer,
            key,
            Kind::CentreInception,
            inception.encode(),
            salt,
        )
    }

    fn begin(
        network: NetworkId,
        writer: WriterId,
        key: WriterKey,
        kind: Kind,
        body: &[u8],
        salt: [u8; 16],
    ) -> Result<(Self, VerifiedEntry), AuthorError> {
        let state = FeedState::empty(network, writer);
        let place = Place { epoch: 0, seq: 0 };
        let draft = Draft::new(&state, place, None, kind, 0, body, salt)?;
        let (entry, state) = draft.sign(&state, |bytes| key.sign(Domain::Entry, bytes), None)?;
        if state.signing_key() != Some(key.public()) {
            return Err(AuthorError::WrongKey);
        }
        Ok((Self { state, key }, entry))
    }

    /// Takes up a feed where it stands. Before the first signature after a start, adopt what peers know of the feed.
    pub fn resume(state: FeedState, key: WriterKey) -> Result<Self, AuthorError> {
        let signing = state.signing_key().ok_or(AuthorError::NotBegun)?;
        if state.is_frozen() {
            return Err(AuthorError::Frozen);
        }
        if signing != key.public() {
            return Err(AuthorError::WrongKey);
        }
        Ok(Self { state, key })
    }

    /// The feed as it stands after the last entry.
    pub fn state(&self) -> &FeedState {
        &self.state
    }

    /// The public half of the signing key.
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// Signs the next entry. `min_reader` is 0 unless older programs must not read the body; the salt is 16 random bytes.
    /// The entry is verified from its bytes before it is returned.
    pub fn append(
        &mut self,
        kind: Kind,
        body: &[u8],
        min_reader: u16,
        salt: [u8; 16],
    ) -> Result<VerifiedEntry, AuthorError> {
        let head = self.state.head().ok_or(AuthorError::NotBegun)?;
        let belongs = match self.state.origin() {
            Some(Origin::Office(_)) => kind.belongs_to_office(),
            Some(Origin::Centre(_)) => kind.belongs_to_centre(),
            None => false,
        };
        if !belongs || matches!(kind, Kind::Inception | Kind::CentreInception | Kind::Epoch) {
            return Err(AuthorError::KindNotHere);
        }
        if head.place.seq >= limits::SEQ_MAX {
            return Err(AuthorError::Full);
        }
        let place = Place {
            epoch: head.place.epoch,
            seq: head.place.seq + 1,
        };
        let draft = Draft::new(
            &self.state,
            place,
            Some(head.hash),
            kind,
            min_reader,
            body,
            salt,
        )?;
        let key = &self.key;
        let (entry, state) =
            draft.sign(&self.state, |bytes| key.sign(Domain::Entry, bytes), None)?;
        self.state = state;
        Ok(entry)
    }

    /// Opens a new epoch with the recovery key: after a lost or stolen key, a restore without peers, or a fork. What
    /// stood after `standing` is no longer in the feed.
    pub fn open_epoch(
        state: &FeedState,
        recovery: &RecoveryKey,
        new_key: WriterKey,
        standing: Standing<'_>,
        salt: [u8; 16],
    ) -> Result<(Self, VerifiedEntry), AuthorError> {
        let head = state.head().ok_or(AuthorError::NotBegun)?;
        if state.recovery_key_hash() != Some(recovery.public().hash()) {
            return Err(AuthorError::WrongKey);
        }
        let (previous, parent) = match standing {
            Standing::Head => (head.hash, None),
            Standing::Header(bytes) => {
                let parent = Header::parse(bytes).map_err(|_| AuthorError::NotOfThisFeed)?;
                if parent.writer != state.writer() || parent.network != state.network() {
                    return Err(AuthorError::NotOfThisFeed);
                }
                (HeaderHash::of(bytes), Some(parent))
            }
        };
        if head.place.epoch >= limits::EPOCH_MAX {
            return Err(AuthorError::Full);
        }
        let body = proto::EpochOpening {
            recovery_key: recovery.public().into(),
            signing_key: new_key.public().into(),
        }
        .encode_to_vec();
        let place = Place {
            epoch: head.place.epoch + 1,
            seq: 0,
        };
        let draft = Draft::new(state, place, Some(previous), Kind::Epoch, 0, &body, salt)?;
        let (entry, state) =
            draft.sign(state, |bytes| recovery.sign(Domain::Entry, bytes), parent)?;
        Ok((
            Self {
                state,
                key: new_key,
            },
            entry,
        ))
    }
}

struct Draft {
    header: Vec<u8>,
    payload: Vec<u8>,
}

impl Draft {
    fn new(
        state: &FeedState,
        place: Place,
        previous: Option<HeaderHash>,
        kind: Kind,
        min_reader: u16,
        body: &[u8],
        salt: [u8; 16],
    ) -> Result<Self, AuthorError> {
        if body.len() > limits::BODY_BYTES_MAX {
            return Err(AuthorError::TooLong);
        }
        let payload = [salt.as_slice(), body].concat();
        let header = Header {
            network: state.network(),
            writer: state.writer(),
            epoch: place.epoch,
            seq: place.seq,
            previous,
            kind,
            min_reader,
            payload_hash: PayloadHash::of(&payload),
            payload_length: u32::try_from(payload.len()).map_err(|_| AuthorError::TooLong)?,
        };
        Ok(Self {
            header: header.encode(),
            payload,
        })
    }

    /// Signs, and judges the result as if it had come from a peer.
    fn sign(
        self,
        state: &FeedState,
        sign: impl FnOnce(&[u8]) -> Signature,
        parent: Option<Header>,
    ) -> Result<(VerifiedEntry, FeedState), AuthorError> {
        let Self { header, payload } = self;
        let raw = RawEntry {
            signature: sign(&header),
            header,
            payload: Some(payload),
        };
        let arrival = Arrival::parse(raw).map_err(AuthorError::Verification)?;
        let surroundings = Surroundings {
            parent,
            ..Surroundings::default()
        };
        match state.accept(arrival, &surroundings) {
            Ok(Step::Appended(entry, state) | Step::Opened { entry, state, .. }) => {
                Ok((entry, state))
            }
            // A frozen feed takes nothing but openings; the caller is told what to do about it.
            Ok(_) | Err(EntryFault::Fork) => Err(AuthorError::Frozen),
            Err(EntryFault::Signature) => Err(AuthorError::WrongKey),
            Err(fault) => Err(AuthorError::Verification(fault)),
        }
    }
}

#[cfg(test)]
mod tests;
