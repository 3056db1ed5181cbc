//! What a batch does to one feed, reckoned before anything is written.
//!
//! A draft answers a feed state's inquiries from what the batch brought so far and from the store beneath it, and
//! collects what the transaction has to write.

use std::collections::BTreeMap;

use krog_feed::chain::{FeedState, ForkProof, Inquiry, Step, Stored, Surroundings};
use krog_feed::entry::{Header, Place, VerifiedEntry};
use krog_feed::ids::{HeaderHash, NetworkId, WriterId};
use krog_feed::replication::FeedOutcome;
use prost::Message;

use crate::Error;
use crate::store::{EntryRow, FaultChange, FeedChange, Store, StoreError};

/// The changes of one batch to one feed.
pub(super) struct Draft<'a> {
    store: &'a Store,
    network: NetworkId,
    writer: WriterId,
    state: Option<FeedState>,
    /// New entries by header, and the order in which they came.
    new: BTreeMap<HeaderHash, EntryRow>,
    order: Vec<HeaderHash>,
    cut_after: Option<Place>,
    raised: BTreeMap<HeaderHash, Place>,
    filled: BTreeMap<HeaderHash, Vec<u8>>,
    dropped: Vec<HeaderHash>,
    anew: bool,
    proofs: Vec<ForkProof>,
    told: Vec<VerifiedEntry>,
}

/// What a draft comes to.
pub(super) struct Drafted {
    /// What became of the feed.
    pub(super) outcome: FeedOutcome,
    /// The state after it; `None` when nothing of the chain changed.
    pub(super) state: Option<FeedState>,
    /// What the transaction writes; `None` when nothing changes.
    pub(super) change: Option<FeedChange>,
    /// Entries of the standing chain that are new to who interprets them, in order.
    pub(super) told: Vec<VerifiedEntry>,
    /// Whether who interprets the feed starts again: its standing chain was laid anew, or a payload was dropped.
    pub(super) anew: bool,
    /// Proofs of forks.
    pub(super) proofs: Vec<ForkProof>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(store: &'a Store, network: NetworkId, writer: WriterId) -> Draft<'a> {
        Draft {
            store,
            network,
            writer,
            state: None,
            new: BTreeMap::new(),
            order: Vec::new(),
            cut_after: None,
            raised: BTreeMap::new(),
            filled: BTreeMap::new(),
            dropped: Vec::new(),
            anew: false,
            proofs: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Takes a proof of a fork that was judged.
    pub(super) fn freeze(&mut self, proof: ForkProof, state: FeedState) {
        self.proofs.push(proof);
        self.state = Some(state);
    }

    /// Answers what the feed's state asks before it judges an arrival.
    pub(super) async fn look_up(&self, inquiry: &Inquiry) -> Result<Surroundings, Error> {
        let Inquiry {
            hash,
            place,
            previous,
        } = inquiry;
        let same = self.row(*hash).await?;
        let parent = match previous {
            Some(previous) => self
                .row(*previous)
                .await?
                .map(|row| header(&row))
                .transpose()?,
            None => None,
        };
        let new = self
            .new
            .values()
            .filter(|row| row.place == *place && row.hash != *hash);
        let stored = self
            .store
            .rival(self.network, self.writer, *place, *hash)
            .await?;
        let stored = stored.map(|row| self.as_drafted(row));
        let rival = new.cloned().chain(stored).max_by_key(|row| row.standing);
        Ok(Surroundings {
            same: same.map(|row| Stored {
                wants_payload: row.raw.payload.is_none() && !row.dropped,
            }),
            rival: rival.map(|row| row.raw),
            parent,
        })
    }

    /// Notes what a step means for the store.
    pub(super) async fn write(&mut self, step: Step) -> Result<(), Error> {
        if let Some(state) = step.state() {
            self.state = Some(state.clone());
        }
        match step {
            Step::Appended(entry, _) => {
                self.insert(&entry, true);
                self.tell(entry).await
            }
            Step::Opened { entry, rebased, .. } => {
                if rebased {
                    self.rebase(&entry).await?;
                }
                self.insert(&entry, true);
                self.tell(entry).await
            }
            Step::Kept(entry, _) => {
                self.insert(&entry, false);
                Ok(())
            }
            Step::Fork { proof, entry, .. } => {
                self.proofs.push(proof);
                self.insert(&entry, false);
                Ok(())
            }
            Step::PayloadFilled { hash, payload, .. } => self.fill(hash, payload).await,
            Step::Duplicate => Ok(()),
        }
    }

    fn insert(&mut self, entry: &VerifiedEntry, standing: bool) {
        let row = EntryRow::new(entry, standing);
        self.order.push(row.hash);
        self.new.insert(row.hash, row);
    }

    async fn tell(&mut self, entry: VerifiedEntry) -> Result<(), Error> {
        let target = entry.tombstones();
        self.told.push(entry);
        match target {
            Some(hash) => self.drop_payload(hash).await,
            None => Ok(()),
        }
    }

    async fn fill(&mut self, hash: HeaderHash, payload: Vec<u8>) -> Result<(), Error> {
        let Some(mut row) = self.row(hash).await? else {
            return Ok(());
        };
        row.raw.payload = Some(payload.clone());
        match self.new.get_mut(&hash) {
            Some(new) => new.raw.payload = Some(payload),
            None => {
                self.filled.insert(hash, payload);
            }
        }
        if row.standing {
            let entry = VerifiedEntry::from_store(row.raw).map_err(|_| damaged())?;
            self.tell(entry).await?;
        }
        Ok(())
    }

    /// Drops what a tombstone of this feed names, if it may be dropped.
    async fn drop_payload(&mut self, hash: HeaderHash) -> Result<(), Error> {
        let Some(row) = self.row(hash).await? else {
            return Ok(());
        };
        if row.dropped || !header(&row)?.kind.may_be_dropped() {
            return Ok(());
        }
        self.anew = true;
        match self.new.get_mut(&hash) {
            Some(new) => {
                new.raw.payload = None;
                new.dropped = true;
            }
            None => {
                self.filled.remove(&hash);
                self.dropped.push(hash);
            }
        }
        Ok(())
    }

    /// Lays the standing chain anew: from the opening back to the first standing header everything stands, and what
    /// stood after that header is laid aside.
    async fn rebase(&mut self, opening: &VerifiedEntry) -> Result<(), Error> {
        let mut raised = Vec::new();
        let mut previous = opening.header().previous;
        let cut = loop {
            let hash = previous.ok_or_else(damaged)?;
            let row = self.row(hash).await?.ok_or_else(damaged)?;
            if row.standing {
                break row.place;
            }
            previous = header(&row)?.previous;
            raised.push(row);
        };
        for row in self.new.values_mut().filter(|row| row.place > cut) {
            row.standing = false;
        }
        self.anew = true;
        self.raised.retain(|_, place| *place <= cut);
        self.cut_after = Some(self.cut_after.map_or(cut, |earlier| earlier.min(cut)));
        let mut targets = Vec::new();
        for row in raised {
            match self.new.get_mut(&row.hash) {
                Some(new) => new.standing = true,
                None => {
                    self.raised.insert(row.hash, row.place);
                }
            }
            let entry = VerifiedEntry::from_store(row.raw).map_err(|_| damaged())?;
            targets.extend(entry.tombstones());
        }
        // Tombstones speak from the moment they stand.
        for target in targets {
            self.drop_payload(target).await?;
        }
        Ok(())
    }

    /// An entry as it is after what the batch did so far.
    async fn row(&self, hash: HeaderHash) -> Result<Option<EntryRow>, Error> {
        if let Some(row) = self.new.get(&hash) {
            return Ok(Some(row.clone()));
        }
        let stored = self.store.entry(self.network, self.writer, hash).await?;
        Ok(stored.map(|row| self.as_drafted(row)))
    }

    fn as_drafted(&self, mut row: EntryRow) -> EntryRow {
        if self.cut_after.is_some_and(|cut| row.place > cut) {
            row.standing = self.raised.contains_key(&row.hash);
        } else if self.raised.contains_key(&row.hash) {
            row.standing = true;
        }
        if let Some(payload) = self.filled.get(&row.hash) {
            row.raw.payload = Some(payload.clone());
        }
        if self.dropped.contains(&row.hash) {
            row.raw.payload = None;
            row.dropped = true;
        }
        row
    }

    /// What the batch comes to. `noted` is the fault noted for the feed so far; a new one is noted when it is
    /// `writers_doing`, until a good entry follows.
    pub(super) fn finish(
        mut self,
        outcome: FeedOutcome,
        noted: Option<i32>,
        writers_doing: bool,
    ) -> Drafted {
        let fault = match outcome.fault {
            Some(fault) if writers_doing => {
                let number = fault.to_proto() as i32;
                if noted == Some(number) {
                    FaultChange::Keep
                } else {
                    FaultChange::Note(number)
                }
            }
            Some(_) => FaultChange::Keep,
            None if noted.is_some() => FaultChange::Clear,
            None => FaultChange::Keep,
        };
        let nothing = self.state.is_none() && fault == FaultChange::Keep;
        let change = (!nothing).then(|| FeedChange {
            writer: self.writer,
            state: self.state.as_ref().map(FeedState::to_bytes),
            cut_after: self.cut_after,
            anew: self.anew,
            raised: self.raised.into_keys().collect(),
            entries: self
                .order
                .iter()
                .filter_map(|hash| self.new.remove(hash))
                .collect(),
            filled: self.filled.into_iter().collect(),
            dropped: self.dropped,
            forks: self
                .proofs
                .iter()
                .map(|proof| (proof.second().hash(), encoded(proof)))
                .collect(),
            fault,
        });
        Drafted {
            outcome,
            state: self.state,
            change,
            told: self.told,
            anew: self.anew,
            proofs: self.proofs,
        }
    }
}

fn encoded(proof: &ForkProof) -> Vec<u8> {
    proof.to_proto().encode_to_vec()
}

fn header(row: &EntryRow) -> Result<Header, Error> {
    Header::parse(&row.raw.header).map_err(|_| damaged())
}

fn damaged() -> Error {
    Error::Store(StoreError::Damaged {
        table: "entry",
        column: "header",
    })
}
