//! A replica over maps: the reference of what a store has to do, and the honest node of simulations.

use super::{
    FeedOutcome, Fetch, Ingest, Missing, Next, Plan, Push, fill_batch, plan, plan_payloads,
    sort_batch, step_back,
};
use crate::chain::{FeedState, ForkClaim, ForkProof, Head, Inquiry, Step, Stored, Surroundings};
use crate::entry::{Header, Place, RawEntry, VerifiedEntry};
use crate::fault::EntryFault;
use crate::ids::{HeaderHash, WriterId};
use crate::limits;
use crate::network::NetworkView;
use krog_proto::federation::v1 as proto;
use std::collections::{BTreeMap, BTreeSet};

/// One node's copy of all feeds of a network.
#[derive(Debug, Clone)]
pub struct Replica {
    view: NetworkView,
    feeds: BTreeMap<WriterId, Feed>,
}

#[derive(Debug, Clone)]
struct Feed {
    state: FeedState,
    entries: BTreeMap<HeaderHash, (RawEntry, Header)>,
    standing: Vec<HeaderHash>,
    dropped: BTreeSet<HeaderHash>,
    proof: Option<ForkProof>,
}

/// What a peer answers to a fetch.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// Entries in order.
    pub entries: Vec<proto::Entry>,
    /// The peer does not know the place asked after.
    pub unknown_place: bool,
    /// More follow.
    pub more: bool,
}

/// A peer as a replica sees it. `None` means that no answer came.
pub trait Peer {
    /// All heads and fork proofs.
    fn heads(&mut self) -> Option<(Vec<Head>, Vec<proto::ForkProof>)>;
    /// Entries of one feed.
    fn fetch(&mut self, fetch: Fetch) -> Option<Fetched>;
    /// Takes entries.
    fn push(&mut self, entries: Vec<proto::Entry>) -> Option<Vec<FeedOutcome>>;
}

/// Calls for one feed in one round, so that a peer which never comes to an end is left in the end.
const CALLS_PER_FEED: usize = 512;

impl Replica {
    /// A replica that holds no feed yet.
    pub fn new(view: NetworkView) -> Self {
        Self {
            view,
            feeds: BTreeMap::new(),
        }
    }

    /// The network as this replica sees it.
    pub fn view(&self) -> &NetworkView {
        &self.view
    }

    /// The state of a feed.
    pub fn state(&self, writer: WriterId) -> Option<&FeedState> {
        self.feeds.get(&writer).map(|feed| &feed.state)
    }

    /// The fork proof of a feed, settled ones included.
    pub fn proof(&self, writer: WriterId) -> Option<&ForkProof> {
        self.feeds.get(&writer)?.proof.as_ref()
    }

    /// The standing chain of a feed, from its start.
    pub fn standing(&self, writer: WriterId) -> impl Iterator<Item = &RawEntry> {
        self.feeds.get(&writer).into_iter().flat_map(Feed::chain)
    }

    /// Any stored entry of a feed, standing or aside.
    pub fn entry(&self, writer: WriterId, hash: HeaderHash) -> Option<&RawEntry> {
        self.feeds
            .get(&writer)?
            .entries
            .get(&hash)
            .map(|(raw, _)| raw)
    }

    /// All states, ordered by writer.
    pub fn states(&self) -> impl Iterator<Item = &FeedState> {
        self.feeds.values().map(|feed| &feed.state)
    }

    /// Takes in a batch, each feed for itself.
    pub fn ingest(&mut self, entries: Vec<proto::Entry>) -> Vec<FeedOutcome> {
        let sorted = sort_batch(self.view.network(), entries);
        let mut outcomes = Vec::with_capacity(sorted.feeds.len());
        for (writer, incoming) in sorted.feeds {
            let state = match self.feeds.get(&writer) {
                Some(feed) => feed.state.clone(),
                None => FeedState::empty(self.view.network(), writer),
            };
            let mut ingest = Ingest::begin(&self.view, state, incoming);
            outcomes.push(loop {
                match ingest.next() {
                    Next::LookUp(inquiry) => {
                        let feed = self.feeds.get(&writer);
                        ingest.answer(feed.map(|f| f.look_up(&inquiry)).unwrap_or_default());
                    }
                    Next::Write(step) => self.write(writer, step),
                    Next::Done(outcome) => break outcome,
                }
            });
        }
        outcomes
    }

    fn write(&mut self, writer: WriterId, step: Step) {
        let network = self.view.network();
        let feed = self
            .feeds
            .entry(writer)
            .or_insert_with(|| Feed::empty(network, writer));
        if let Some(state) = step.state() {
            feed.state = state.clone();
        }
        match step {
            Step::Appended(entry, _) => {
                feed.standing.push(entry.hash());
                feed.keep(&entry);
                feed.bury(&entry);
                self.view.observe(&entry);
            }
            Step::Opened { entry, rebased, .. } => {
                feed.keep(&entry);
                if rebased {
                    feed.rebase(entry.hash());
                    self.read_again(writer);
                } else {
                    feed.standing.push(entry.hash());
                }
            }
            Step::Kept(entry, _) => feed.keep(&entry),
            Step::Fork { proof, entry, .. } => {
                feed.keep(&entry);
                feed.proof = Some(proof);
            }
            Step::PayloadFilled { hash, payload, .. } => {
                if let Some((raw, _)) = feed.entries.get_mut(&hash) {
                    raw.payload = Some(payload);
                }
                if feed.standing.contains(&hash) {
                    self.read_again(writer);
                }
            }
            Step::Duplicate => {}
        }
    }

    /// Shows all standing entries of a feed to the view anew.
    fn read_again(&mut self, writer: WriterId) {
        self.view.forget_feed(writer);
        let Some(feed) = self.feeds.get_mut(&writer) else {
            return;
        };
        let entries: Vec<_> = feed.chain().cloned().collect();
        for entry in entries
            .into_iter()
            .filter_map(|raw| VerifiedEntry::from_store(raw).ok())
        {
            feed.bury(&entry);
            self.view.observe(&entry);
        }
    }

    /// Judges fork proofs shown by a peer; how many were news.
    pub fn learn_forks(&mut self, proofs: Vec<proto::ForkProof>) -> usize {
        let mut news = 0;
        for claim in proofs
            .into_iter()
            .filter_map(|proof| ForkClaim::parse(proof).ok())
        {
            let Some(feed) = self.feeds.get_mut(&claim.writer()) else {
                continue;
            };
            if let Ok(Some((proof, state))) = feed.state.judge(&claim) {
                feed.state = state;
                feed.proof = Some(proof);
                news += 1;
            }
        }
        news
    }

    /// One round with a peer. What got lost on the way is left to the next round.
    pub fn sync_with(&mut self, peer: &mut impl Peer) {
        let Some((theirs, forks)) = peer.heads() else {
            return;
        };
        self.learn_forks(forks);
        let Plan { fetch, push, show } = plan(&self.view, self.states(), &theirs);
        let mut again = Vec::new();
        for order in fetch {
            if self.fetch_all(peer, order) == Some(EntryFault::NotAMember) {
                again.push(order);
            }
        }
        for order in again {
            self.fetch_all(peer, order);
        }
        for writer in show {
            if let Some(proof) = self.proof(writer) {
                let both = [proof.first(), proof.second()];
                peer.push(both.map(RawEntry::to_proto).to_vec());
            }
        }
        for order in push {
            self.push_all(peer, order);
        }
        for order in plan_payloads(self.missing(), &theirs) {
            if let Some(fetched) = peer.fetch(order) {
                self.ingest(fetched.entries);
            }
        }
    }

    fn fetch_all(&mut self, peer: &mut impl Peer, mut order: Fetch) -> Option<EntryFault> {
        let mut attempt = 0;
        for _ in 0..CALLS_PER_FEED {
            let Fetched {
                entries,
                unknown_place,
                more,
            } = peer.fetch(order)?;
            if unknown_place {
                order.after?;
                let head = self.state(order.writer)?.head()?;
                order.after = step_back(head.place, attempt)
                    .and_then(|place| self.feeds.get(&order.writer)?.standing_at(place));
                attempt += 1;
                continue;
            }
            order.after = entries.last().map(|last| HeaderHash::of(&last.header));
            order.after?;
            let outcomes = self.ingest(entries);
            let fault = outcomes
                .into_iter()
                .find(|o| o.writer == order.writer)
                .and_then(|o| o.fault);
            if fault.is_some() || !more {
                return fault;
            }
        }
        None
    }

    fn push_all(&mut self, peer: &mut impl Peer, order: Push) {
        let Some(feed) = self.feeds.get(&order.writer) else {
            return;
        };
        let known = order
            .after
            .is_none_or(|after| feed.standing.contains(&after));
        let epochs = feed.state.head().map_or(0, |head| head.place.epoch);
        if !known && epochs == 0 {
            // The peer has entries this replica never saw: another branch. Its side of the fork has to come here.
            self.fetch_all(
                peer,
                Fetch::new(order.writer, feed.standing.last().copied()),
            );
            return;
        }
        let mut after = if known { order.after } else { None };
        for _ in 0..CALLS_PER_FEED {
            let mine = self.serve(order.writer, after, limits::BATCH_ENTRIES);
            after = mine.entries.last().map(|last| HeaderHash::of(&last.header));
            if after.is_none() {
                return;
            }
            let Some(outcomes) = peer.push(mine.entries) else {
                return;
            };
            if !mine.more || outcomes.iter().any(|outcome| outcome.fault.is_some()) {
                return;
            }
        }
    }

    /// Answers a fetch from the standing chain.
    pub fn serve(&self, writer: WriterId, after: Option<HeaderHash>, limit: usize) -> Fetched {
        let unknown = Fetched {
            unknown_place: after.is_some(),
            ..Fetched::default()
        };
        let Some(feed) = self.feeds.get(&writer) else {
            return unknown;
        };
        let start = match after {
            None => 0,
            Some(after) => match feed.standing.iter().position(|hash| *hash == after) {
                Some(index) => index + 1,
                None => return unknown,
            },
        };
        let (batch, more) = fill_batch(feed.chain().skip(start).cloned(), limit);
        Fetched {
            entries: batch.iter().map(RawEntry::to_proto).collect(),
            unknown_place: false,
            more,
        }
    }

    fn missing(&self) -> Vec<Missing> {
        self.feeds.values().flat_map(Feed::missing).collect()
    }
}

impl Peer for Replica {
    fn heads(&mut self) -> Option<(Vec<Head>, Vec<proto::ForkProof>)> {
        let heads = self.states().filter_map(FeedState::head).collect();
        let frozen = self.feeds.values().filter(|feed| feed.state.is_frozen());
        let forks = frozen.filter_map(|feed| feed.proof.as_ref().map(ForkProof::to_proto));
        Some((heads, forks.collect()))
    }

    fn fetch(&mut self, fetch: Fetch) -> Option<Fetched> {
        let limit = usize::try_from(fetch.limit).unwrap_or(usize::MAX);
        Some(self.serve(fetch.writer, fetch.after, limit))
    }

    fn push(&mut self, entries: Vec<proto::Entry>) -> Option<Vec<FeedOutcome>> {
        Some(self.ingest(entries))
    }
}

impl Feed {
    fn empty(network: crate::ids::NetworkId, writer: WriterId) -> Self {
        Self {
            state: FeedState::empty(network, writer),
            entries: BTreeMap::new(),
            standing: Vec::new(),
            dropped: BTreeSet::new(),
            proof: None,
        }
    }

    fn chain(&self) -> impl Iterator<Item = &RawEntry> {
        self.standing
            .iter()
            .filter_map(|hash| self.entries.get(hash))
            .map(|(raw, _)| raw)
    }

    fn keep(&mut self, entry: &VerifiedEntry) {
        let kept = (entry.raw().clone(), entry.header().clone());
        self.entries.insert(entry.hash(), kept);
    }

    /// Drops the payload that a tombstone of this feed names.
    fn bury(&mut self, tombstone: &VerifiedEntry) {
        let Some(hash) = tombstone.tombstones() else {
            return;
        };
        if let Some((raw, header)) = self.entries.get_mut(&hash)
            && header.kind.may_be_dropped()
        {
            raw.payload = None;
            self.dropped.insert(hash);
        }
    }

    fn standing_at(&self, place: Place) -> Option<HeaderHash> {
        let at = |hash: &&HeaderHash| {
            self.entries
                .get(*hash)
                .is_some_and(|(_, h)| h.place() == place)
        };
        self.standing.iter().rev().find(at).copied()
    }

    fn look_up(&self, inquiry: &Inquiry) -> Surroundings {
        let Inquiry {
            hash,
            place,
            previous,
        } = inquiry;
        let aside = || {
            let others = self
                .entries
                .iter()
                .filter(|(other, (_, h))| *other != hash && h.place() == *place);
            others.map(|(other, _)| *other).next()
        };
        let rival = self
            .standing_at(*place)
            .filter(|standing| standing != hash)
            .or_else(aside);
        Surroundings {
            same: self.entries.get(hash).map(|(raw, _)| Stored {
                wants_payload: raw.payload.is_none() && !self.dropped.contains(hash),
            }),
            rival: rival
                .and_then(|rival| self.entries.get(&rival))
                .map(|(raw, _)| raw.clone()),
            parent: previous
                .and_then(|hash| self.entries.get(&hash))
                .map(|(_, h)| h.clone()),
        }
    }

    /// Makes the chain that ends with `head` the standing one.
    fn rebase(&mut self, head: HeaderHash) {
        let mut walked = vec![head];
        let mut at = head;
        while let Some(previous) = self
            .entries
            .get(&at)
            .and_then(|(_, header)| header.previous)
        {
            if let Some(index) = self.standing.iter().position(|hash| *hash == previous) {
                self.standing.truncate(index + 1);
                break;
            }
            walked.push(previous);
            at = previous;
        }
        self.standing.extend(walked.into_iter().rev());
    }

    fn missing(&self) -> impl Iterator<Item = Missing> {
        let entries = self
            .standing
            .iter()
            .filter_map(|hash| Some((hash, self.entries.get(hash)?)));
        entries
            .filter(|(hash, (raw, _))| raw.payload.is_none() && !self.dropped.contains(*hash))
            .filter_map(|(_, (_, header))| {
                Some(Missing {
                    writer: header.writer,
                    place: header.place(),
                    previous: header.previous?,
                })
            })
    }
}
