//! Bringing two copies of a network's feeds together: what to fetch, what to push, and taking in what arrives.
//!
//! One round with a peer: compare versions (`Hello`), read all its heads and fork proofs, judge the proofs
//! ([`FeedState::judge`](crate::chain::FeedState::judge)), make a [`plan`], then fetch, push and show. Fetched and pushed
//! entries go through [`sort_batch`] and one [`Ingest`] per feed, each in a transaction of its own: one bad feed never
//! stops another. Feeds refused with [`NotAMember`](crate::fault::EntryFault::NotAMember) are tried again after the
//! others, because the roster or descriptor they wait for may be among these. [`memory`] is the whole of it over maps.

mod ingest;
pub mod memory;
pub mod reading;

pub use ingest::{FeedOutcome, Incoming, Ingest, Next, Sorted, sort_batch};

use crate::chain::{FeedState, Head};
use crate::entry::{Place, RawEntry};
use crate::ids::{HeaderHash, WriterId};
use crate::limits;
use crate::network::NetworkView;
use std::collections::BTreeMap;

/// Entries of one feed to ask a peer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetch {
    /// The feed.
    pub writer: WriterId,
    /// After this header; `None` from the start. If the peer does not know the place, go on with [`step_back`].
    pub after: Option<HeaderHash>,
    /// Most entries wanted at a time.
    pub limit: u32,
}

/// Entries of one feed to hand to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Push {
    /// The feed.
    pub writer: WriterId,
    /// After this header; `None` from the start. If it is not in the standing chain here, the two copies have parted:
    /// after an opening of one's own push from the start, otherwise fetch from the peer instead.
    pub after: Option<HeaderHash>,
}

/// What to do with one peer in one round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// To fetch, known feeds first.
    pub fetch: Vec<Fetch>,
    /// To push.
    pub push: Vec<Push>,
    /// Feeds frozen here: push both headers of the proof, whether or not the peer knows of a dispute: this one may lie
    /// before the one it knows.
    pub show: Vec<WriterId>,
}

/// Compares what is known here with a peer's heads. The heads are not trusted: a false one costs a call.
pub fn plan<'a>(
    view: &NetworkView,
    mine: impl IntoIterator<Item = &'a FeedState>,
    theirs: &[Head],
) -> Plan {
    let mut plan = Plan::default();
    let mut theirs_by_writer = BTreeMap::new();
    for head in theirs {
        theirs_by_writer.entry(head.writer).or_insert(head);
    }
    for state in mine {
        let writer = state.writer();
        let their_head = theirs_by_writer.remove(&writer);
        let Some(head) = state.head() else {
            plan.fetch
                .extend(their_head.map(|_| Fetch::new(writer, None)));
            continue;
        };
        let (fetches, pushes) = (plan.fetch.len(), plan.push.len());
        plan.compare(state, head, their_head);
        // What the roster no longer lets in is neither asked for nor offered, round after round.
        if !reaches_beyond(view, writer, head.place) {
            plan.fetch.truncate(fetches);
        }
        if their_head.is_some_and(|theirs| !reaches_beyond(view, writer, theirs.place)) {
            plan.push.truncate(pushes);
        }
    }
    let strangers = theirs_by_writer
        .into_keys()
        .filter(|writer| reaches_beyond(view, *writer, Place { epoch: 0, seq: 0 }))
        .take(limits::STRANGERS_PER_ROUND)
        .map(|writer| Fetch::new(writer, None));
    plan.fetch.extend(strangers);
    plan
}

fn reaches_beyond(view: &NetworkView, writer: WriterId, place: Place) -> bool {
    match view.known_allowance(writer) {
        None => true,
        Some(allowance) => allowance.is_ok_and(|allowance| allowance.reaches_beyond(place)),
    }
}

impl Fetch {
    /// All of a feed after a header.
    fn new(writer: WriterId, after: Option<HeaderHash>) -> Self {
        // limits::BATCH_ENTRIES is far below u32::MAX.
        let limit = limits::BATCH_ENTRIES as u32;
        Self {
            writer,
            after,
            limit,
        }
    }
}

impl Plan {
    fn compare(&mut self, state: &FeedState, mine: Head, theirs: Option<&Head>) {
        let writer = mine.writer;
        let fetch = Fetch::new(writer, Some(mine.hash));
        let push = |after| Push { writer, after };
        let Some(theirs) = theirs else {
            self.push.push(push(None));
            return;
        };
        if theirs.place.epoch != mine.place.epoch {
            if theirs.place.epoch > mine.place.epoch {
                self.fetch.push(fetch);
            } else {
                self.push.push(push(Some(theirs.hash)));
            }
            return;
        }
        let Some(disputed) = state.disputed() else {
            // A frozen peer's proof came with its heads: had it held here, this feed would be frozen too.
            if theirs.place >= mine.place && theirs.hash != mine.hash {
                self.fetch.push(fetch);
            } else if theirs.place < mine.place {
                self.push.push(push(Some(theirs.hash)));
            }
            return;
        };
        self.show.push(writer);
        // What lies before the dispute is still worth having. The rest travels once an opening has settled it.
        let lacks = |place: Place| place.seq.saturating_add(1) < disputed.seq && place < disputed;
        let other_branch = state.parted_earlier() && theirs.hash != mine.hash;
        if other_branch || (theirs.place > mine.place && lacks(mine.place)) {
            self.fetch.push(fetch);
        } else if theirs.place < mine.place && lacks(theirs.place) {
            self.push.push(push(Some(theirs.hash)));
        }
    }
}

/// The place of one's own standing chain to ask after next, when a peer did not know the last `attempt` ones: back by
/// doubling steps within the epoch, then from the start (`None`). `attempt` counts from 0.
pub fn step_back(head: Place, attempt: u32) -> Option<Place> {
    let back = 1_u64.checked_shl(attempt)?;
    let seq = head.seq.checked_sub(back)?;
    Some(Place { seq, ..head })
}

/// An entry of the standing chain whose payload is missing and wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The feed.
    pub writer: WriterId,
    /// Its place.
    pub place: Place,
    /// The header before it.
    pub previous: HeaderHash,
}

/// Which missing payloads to ask a peer for: one entry each.
pub fn plan_payloads(missing: impl IntoIterator<Item = Missing>, theirs: &[Head]) -> Vec<Fetch> {
    let reached: BTreeMap<WriterId, Place> = theirs
        .iter()
        .map(|head| (head.writer, head.place))
        .collect();
    missing
        .into_iter()
        .filter(|missing| {
            reached
                .get(&missing.writer)
                .is_some_and(|place| *place >= missing.place)
        })
        .map(|missing| Fetch {
            writer: missing.writer,
            after: Some(missing.previous),
            limit: 1,
        })
        .collect()
}

/// As many entries as fit into one call, and whether more follow. At least one, if there is one and `limit` is not 0.
pub fn fill_batch(
    entries: impl IntoIterator<Item = RawEntry>,
    limit: usize,
) -> (Vec<RawEntry>, bool) {
    let limit = limit.min(limits::BATCH_ENTRIES);
    let (mut batch, mut bytes) = (Vec::new(), 0_usize);
    for entry in entries {
        bytes = bytes.saturating_add(entry.size());
        if batch.len() >= limit || (bytes > limits::BATCH_BYTES && !batch.is_empty()) {
            return (batch, true);
        }
        batch.push(entry);
    }
    (batch, false)
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
