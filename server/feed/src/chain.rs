//! One feed's chain: what may follow what, what proves a fork, and how a feed resumes after one.
//!
//! A [`FeedState`] is small plain data. It holds no entries: a store keeps those and answers the [`Inquiry`] the state
//! puts before it judges an arrival that is not simply the next one. Store the entries and [`FeedState::to_bytes`] in one
//! transaction.
//!
//! # Standing chain and entries aside
//!
//! The **standing chain** runs from the inception to the head; it is what is served and interpreted. Entries **aside**
//! are verified and kept but not in it: the second header of a fork and what follows it, and branches an opening has
//! closed. Two headers at one place of the newest epoch freeze the feed: from the disputed place on nothing more is
//! appended (before it, a copy that is behind may still catch up). Only an opening, signed by the recovery key, ends
//! that: it names the header after which it stands, on either branch or before both, and brings a new signing key. If it
//! stands after another header than the head, the store has to [rebase](Step::Opened).

mod head;
mod opening;
mod saved;
mod step;

pub use head::{ForkClaim, ForkProof, Head};
pub use saved::NotAState;
pub use step::{Inquiry, Step, Stored, Surroundings};

use crate::entry::{Arrival, Header, Kind, Place, RawEntry};
use crate::fault::EntryFault;
use crate::identity::{CentreInception, NodeInception};
use crate::ids::{HeaderHash, KeyHash, NetworkId, NodeId, WriterId};
use crate::keys::{Domain, PublicKey};
use crate::limits;
use opening::opening;

/// What one feed's chain has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedState {
    network: NetworkId,
    writer: WriterId,
    begun: Option<Begun>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Begun {
    origin: Origin,
    recovery_key_hash: KeyHash,
    recovery_key: Option<PublicKey>,
    place: Place,
    hash: HeaderHash,
    signing_key: PublicKey,
    keys: Vec<EpochKey>,
    disputed: Option<Place>,
    parted_earlier: bool,
    payload_bytes: u64,
    unreadable: Usage,
    aside: Usage,
}

/// A key that signs in an epoch. One epoch has two after a fork of its opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EpochKey {
    epoch: u32,
    key: PublicKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Usage {
    entries: u32,
    bytes: u64,
}

impl Usage {
    fn with(self, header: &Header) -> Self {
        Self {
            entries: self.entries.saturating_add(1),
            bytes: self.bytes.saturating_add(u64::from(header.payload_length)),
        }
    }

    fn within(self, entries: u32, bytes: u64) -> Result<Self, EntryFault> {
        if self.entries <= entries && self.bytes <= bytes {
            Ok(self)
        } else {
            Err(EntryFault::Quota)
        }
    }
}

/// Whose feed it is, by its inception record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The office of the node whose identity is the writer.
    Office(NodeId),
    /// A centre that says it belongs to this node. The node's descriptor has to say so too.
    Centre(NodeId),
}

impl FeedState {
    /// A feed of which nothing is known yet.
    pub const fn empty(network: NetworkId, writer: WriterId) -> Self {
        Self {
            network,
            writer,
            begun: None,
        }
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// The writer.
    pub fn writer(&self) -> WriterId {
        self.writer
    }

    /// The last standing entry; `None` before the inception.
    pub fn head(&self) -> Option<Head> {
        self.begun.as_ref().map(|begun| Head {
            writer: self.writer,
            place: begun.place,
            hash: begun.hash,
            frozen: begun.disputed.is_some(),
        })
    }

    /// Whose feed it is.
    pub fn origin(&self) -> Option<Origin> {
        self.begun.as_ref().map(|begun| begun.origin)
    }

    /// Whether a fork is known that no opening has settled.
    pub fn is_frozen(&self) -> bool {
        self.disputed().is_some()
    }

    /// The first disputed place of a frozen feed. What stands before it is undisputed.
    pub fn disputed(&self) -> Option<Place> {
        self.begun.as_ref()?.disputed
    }

    /// Whether an entry of the standing chain at `place` is beyond doubt. Outcomes count only while it is, so that nodes
    /// which saw different branches first still say the same.
    pub fn is_undisputed(&self, place: Place) -> bool {
        self.disputed().is_none_or(|disputed| place < disputed)
    }

    /// Whether the headers of the first known dispute follow different ones, so that the branches parted earlier still. A
    /// replica then goes on asking for the other branch, so that all come to name the same place.
    pub fn parted_earlier(&self) -> bool {
        self.begun
            .as_ref()
            .is_some_and(|begun| begun.parted_earlier)
    }

    /// The key that signs the next entry.
    pub fn signing_key(&self) -> Option<PublicKey> {
        self.begun.as_ref().map(|begun| begun.signing_key)
    }

    /// Hash of the key that may open a new epoch.
    pub fn recovery_key_hash(&self) -> Option<KeyHash> {
        self.begun.as_ref().map(|begun| begun.recovery_key_hash)
    }

    /// Payload bytes stored of the feed, as its headers state them, without what was kept aside since the last opening.
    /// After a fork it depends on which branch was seen first.
    pub fn payload_bytes(&self) -> u64 {
        self.begun.as_ref().map_or(0, |begun| begun.payload_bytes)
    }

    /// What to look up before [`accept`](Self::accept); `None` when the arrival is simply the next entry, or the first.
    pub fn inquiry(&self, arrival: &Arrival) -> Option<Inquiry> {
        let begun = self.begun.as_ref()?;
        let header = arrival.header();
        let next = header.previous == Some(begun.hash)
            && header.place() == begun.next_place()
            && begun.disputed.is_none();
        (!next).then(|| Inquiry {
            hash: arrival.hash(),
            place: header.place(),
            previous: header.previous,
        })
    }

    /// Judges an arrival. `surroundings` answers this state's [`inquiry`](Self::inquiry); its default where that was
    /// `None`. Nothing changes here: the step carries the state to store.
    pub fn accept(
        &self,
        arrival: Arrival,
        surroundings: &Surroundings,
    ) -> Result<Step, EntryFault> {
        let header = arrival.header();
        if header.network != self.network {
            return Err(EntryFault::WrongNetwork);
        }
        if header.writer != self.writer {
            return Err(EntryFault::Malformed("the entry belongs to another feed"));
        }
        let Some(begun) = &self.begun else {
            return self.begin(arrival);
        };
        if let Some(stored) = surroundings.same {
            return Ok(self.fill(begun, &arrival, stored));
        }
        match (header.kind, header.epoch > 0 && header.seq == 0) {
            (Kind::Epoch, true) => self.open(begun, arrival, surroundings),
            (Kind::Epoch, false) | (_, true) => Err(EntryFault::Malformed(
                "exactly the first entry of a later epoch is an opening",
            )),
            (Kind::Inception | Kind::CentreInception, false) if header.previous.is_some() => Err(
                EntryFault::Malformed("an inception stands only at the start of a feed"),
            ),
            _ => self.extend(begun, arrival, surroundings),
        }
    }

    /// Judges two headers shown by a peer as proof of a fork, without looking anything up. `None` when the dispute is
    /// known or settled.
    pub fn judge(&self, claim: &ForkClaim) -> Result<Option<(ForkProof, Self)>, EntryFault> {
        let (first, second) = (claim.first(), claim.second());
        if first.header().network != self.network {
            return Err(EntryFault::WrongNetwork);
        }
        if first.header().writer != self.writer {
            return Err(EntryFault::Malformed("the proof is about another feed"));
        }
        let begun = self.begun.as_ref().ok_or(EntryFault::Gap)?;
        let place = first.header().place();
        if place.epoch > begun.place.epoch {
            return Err(EntryFault::Gap);
        }
        if place.epoch < begun.place.epoch || begun.disputed.is_some_and(|known| known <= place) {
            return Ok(None);
        }
        for side in [first, second] {
            let holds = if place.epoch > 0 && place.seq == 0 {
                let key = begun.recovery_key.ok_or(EntryFault::Gap)?;
                verifies(&key, side)
            } else {
                begun
                    .epoch_keys(place.epoch)
                    .any(|key| verifies(&key, side))
            };
            if !holds {
                return Err(EntryFault::Signature);
            }
        }
        let proof = ForkProof::new(first.raw(), second.raw(), self.writer, place);
        let mut after = begun.clone();
        after.dispute(place, first.header().previous, second.header().previous);
        Ok(Some((proof, self.with(after))))
    }

    fn with(&self, begun: Begun) -> Self {
        Self {
            network: self.network,
            writer: self.writer,
            begun: Some(begun),
        }
    }

    /// The first entry: the inception record makes the writer, and its key signs.
    fn begin(&self, arrival: Arrival) -> Result<Step, EntryFault> {
        let header = arrival.header();
        if header.previous.is_some() {
            return Err(EntryFault::Gap);
        }
        let body = match header.kind {
            Kind::Inception | Kind::CentreInception => arrival.body().ok_or(EntryFault::Payload)?,
            _ => {
                return Err(EntryFault::Malformed(
                    "a feed starts with an inception record",
                ));
            }
        };
        if WriterId::of(body) != self.writer {
            return Err(EntryFault::Malformed(
                "the inception record is not the writer's",
            ));
        }
        let (origin, key, recovery_key_hash) = if header.kind == Kind::Inception {
            let inception = NodeInception::parse(body)?;
            let origin = Origin::Office(inception.node());
            (
                origin,
                inception.office_key(),
                inception.recovery_key_hash(),
            )
        } else {
            let inception = CentreInception::parse(body)?;
            let origin = Origin::Centre(inception.node());
            (
                origin,
                inception.centre_key(),
                inception.recovery_key_hash(),
            )
        };
        if !verifies(&key, &arrival) {
            return Err(EntryFault::Signature);
        }
        let begun = Begun {
            origin,
            recovery_key_hash,
            recovery_key: None,
            place: header.place(),
            hash: arrival.hash(),
            signing_key: key,
            keys: vec![EpochKey { epoch: 0, key }],
            disputed: None,
            parted_earlier: false,
            payload_bytes: u64::from(header.payload_length),
            unreadable: Usage::default(),
            aside: Usage::default(),
        };
        Ok(Step::Appended(arrival.into_verified(), self.with(begun)))
    }

    fn fill(&self, begun: &Begun, arrival: &Arrival, stored: Stored) -> Step {
        // The header is the stored one, so its payload hash is believed; the signature that came along is not needed.
        match &arrival.raw().payload {
            Some(payload) if stored.wants_payload => {
                let mut after = begun.clone();
                let opening = (arrival.header().kind == Kind::Epoch).then(|| opening(arrival));
                if let Some(Ok((_, key))) = opening {
                    after.learn_key(arrival.header().epoch, key);
                }
                Step::PayloadFilled {
                    hash: arrival.hash(),
                    payload: payload.clone(),
                    state: self.with(after),
                }
            }
            _ => Step::Duplicate,
        }
    }

    /// An entry of an epoch that is known: the next one, or part of a branch.
    fn extend(
        &self,
        begun: &Begun,
        arrival: Arrival,
        surroundings: &Surroundings,
    ) -> Result<Step, EntryFault> {
        let header = arrival.header();
        let place = header.place();
        let follows_head = header.previous == Some(begun.hash) && place == begun.next_place();
        let holds = if follows_head {
            verifies(&begun.signing_key, &arrival)
        } else {
            let mut keys = begun.epoch_keys(header.epoch).peekable();
            if keys.peek().is_none() {
                return Err(EntryFault::Gap);
            }
            keys.any(|key| verifies(&key, &arrival))
        };
        if !holds {
            return Err(EntryFault::Signature);
        }
        if let Some(rival) = &surroundings.rival
            && let Some(step) = self.dispute(begun, &arrival, rival)
        {
            return Ok(step);
        }
        if follows_head && begun.disputed.is_none_or(|disputed| place < disputed) {
            return self.append(begun, arrival);
        }
        match &surroundings.parent {
            Some(parent)
                if parent.epoch != place.epoch || parent.seq.checked_add(1) != Some(place.seq) =>
            {
                Err(EntryFault::Malformed(
                    "its place does not follow that of its previous header",
                ))
            }
            Some(_) => self.keep(begun, arrival),
            None if place.epoch < begun.place.epoch => Ok(Step::Duplicate),
            None if begun.disputed.is_some() || place <= begun.next_place() => {
                Err(EntryFault::Fork)
            }
            None => Err(EntryFault::Gap),
        }
    }

    fn append(&self, begun: &Begun, arrival: Arrival) -> Result<Step, EntryFault> {
        let header = arrival.header();
        if arrival.body().is_none() && !header.kind.may_lack_payload() {
            return Err(EntryFault::Payload);
        }
        let mut after = begun.clone();
        after.place = header.place();
        after.hash = arrival.hash();
        after.count(header)?;
        Ok(Step::Appended(arrival.into_verified(), self.with(after)))
    }

    fn keep(&self, begun: &Begun, arrival: Arrival) -> Result<Step, EntryFault> {
        let mut after = begun.clone();
        after.aside = after
            .aside
            .with(arrival.header())
            .within(limits::ASIDE_ENTRIES, limits::ASIDE_BYTES)?;
        Ok(Step::Kept(arrival.into_verified(), self.with(after)))
    }

    /// The fork that a verified arrival proves with another header at its place, unless that dispute is known or settled.
    fn dispute(&self, begun: &Begun, arrival: &Arrival, rival: &RawEntry) -> Option<Step> {
        let place = arrival.header().place();
        if place.epoch < begun.place.epoch || begun.disputed.is_some_and(|known| known <= place) {
            return None;
        }
        let mut after = begun.clone();
        let rivals_previous = Header::parse(&rival.header).ok()?.previous;
        after.dispute(place, rivals_previous, arrival.header().previous);
        // Evidence is never refused for its size: one entry per dispute.
        after.aside = after.aside.with(arrival.header());
        Some(Step::Fork {
            proof: ForkProof::new(rival, arrival.raw(), self.writer, place),
            entry: arrival.clone().into_verified(),
            state: self.with(after),
        })
    }
}

impl Begun {
    fn next_place(&self) -> Place {
        Place {
            epoch: self.place.epoch,
            seq: self.place.seq.saturating_add(1),
        }
    }

    fn epoch_keys(&self, epoch: u32) -> impl Iterator<Item = PublicKey> {
        self.keys
            .iter()
            .filter(move |key| key.epoch == epoch)
            .map(|key| key.key)
    }

    fn learn_key(&mut self, epoch: u32, key: PublicKey) {
        let entry = EpochKey { epoch, key };
        if !self.keys.contains(&entry) && self.keys.len() <= limits::OPENINGS {
            self.keys.push(entry);
        }
    }

    fn dispute(&mut self, place: Place, one: Option<HeaderHash>, other: Option<HeaderHash>) {
        self.disputed = Some(place);
        self.parted_earlier = place.seq > 0 && one != other;
    }

    /// Adds an entry of the standing chain to what the writer uses.
    fn count(&mut self, header: &Header) -> Result<(), EntryFault> {
        self.payload_bytes = self
            .payload_bytes
            .saturating_add(u64::from(header.payload_length));
        if self.payload_bytes > limits::FEED_BYTES {
            return Err(EntryFault::Quota);
        }
        if !header.is_readable() {
            self.unreadable = self
                .unreadable
                .with(header)
                .within(limits::UNREADABLE_ENTRIES, limits::UNREADABLE_BYTES)?;
        }
        Ok(())
    }
}

fn verifies(key: &PublicKey, arrival: &Arrival) -> bool {
    let RawEntry {
        header, signature, ..
    } = arrival.raw();
    key.verifies(Domain::Entry, header, signature)
}

#[cfg(test)]
mod tests;
