//! Bringing a replica up to date from one node, without I/O: what to ask next, and taking in what was answered.
//!
//! The node that answers is not trusted: it can withhold, but what it passes on proves itself, and one that never comes to
//! an end is left in the end.

use super::memory::Replica;
use super::{Fetch, Missing, Plan, plan, plan_payloads, step_back};
use crate::chain::{FeedState, Head};
use crate::entry::{Kind, VerifiedEntry};
use crate::fault::EntryFault;
use crate::ids::{HeaderHash, WriterId};
use krog_proto::federation::v1 as proto;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use thiserror::Error;

/// Calls for one list or feed in one reading.
const CALLS: usize = 512;

/// What to ask the node next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The heads of all feeds after this writer.
    Heads(Option<WriterId>),
    /// Entries of one feed.
    Entries(Fetch),
}

/// The node's list of feeds is out of order or does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the node's list of feeds is out of order or does not end; read from another node")]
pub struct Endless;

/// What a reading brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Entries and payloads that were new here.
    pub taken: usize,
    /// Feeds of which something was not taken, and why.
    pub faults: BTreeMap<WriterId, EntryFault>,
}

/// One reading, from the first question to the last answer.
#[derive(Debug)]
pub struct Reading {
    /// Kinds whose payload is wanted when it did not come with its entry.
    wanted: fn(Kind) -> bool,
    stage: Stage,
    heads: Vec<Head>,
    pages: usize,
    queue: VecDeque<Fetch>,
    /// Refused for want of something that may stand in a feed that comes later.
    again: Vec<Fetch>,
    taken_before: usize,
    passes: usize,
    current: Option<Feed>,
    refreshed: Refreshed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Heads,
    Feeds,
    Payloads,
}

#[derive(Debug, Clone, Copy)]
struct Feed {
    order: Fetch,
    attempt: u32,
    calls: usize,
}

impl Reading {
    /// Begins a reading. `wanted` says of which kinds missing payloads are asked for again.
    pub fn begin(wanted: fn(Kind) -> bool) -> Self {
        Self {
            wanted,
            stage: Stage::Heads,
            heads: Vec::new(),
            pages: 0,
            queue: VecDeque::new(),
            again: Vec::new(),
            taken_before: 0,
            passes: 0,
            current: None,
            refreshed: Refreshed::default(),
        }
    }

    /// What to ask next; `None` when the reading is done.
    pub fn next(&mut self, replica: &Replica) -> Option<Ask> {
        if self.stage == Stage::Heads {
            return Some(Ask::Heads(self.heads.last().map(|head| head.writer)));
        }
        loop {
            if let Some(feed) = self.current {
                return Some(Ask::Entries(feed.order));
            }
            if let Some(order) = self.queue.pop_front() {
                self.refreshed.faults.remove(&order.writer);
                self.current = Some(Feed {
                    order,
                    attempt: 0,
                    calls: 0,
                });
                continue;
            }
            if self.stage == Stage::Payloads {
                return None;
            }
            // What a feed waits for (a roster, a descriptor, an admission) may have come since: those refused for want of it
            // are tried again as long as anything new has come.
            if !self.again.is_empty()
                && self.refreshed.taken > self.taken_before
                && self.passes < CALLS
            {
                self.passes += 1;
                self.taken_before = self.refreshed.taken;
                self.queue = std::mem::take(&mut self.again).into();
                continue;
            }
            self.stage = Stage::Payloads;
            self.queue = plan_payloads(self.missing(replica), &self.heads).into();
        }
    }

    /// Takes in a page of heads.
    pub fn heads(
        &mut self,
        replica: &mut Replica,
        page: Vec<proto::Head>,
        forks: Vec<proto::ForkProof>,
        more: bool,
    ) -> Result<(), Endless> {
        replica.learn_forks(forks);
        self.pages += 1;
        let before = self.heads.len();
        for head in page.iter().filter_map(|head| Head::parse(head).ok()) {
            if self
                .heads
                .last()
                .is_some_and(|last| head.writer <= last.writer)
            {
                return Err(Endless);
            }
            self.heads.push(head);
        }
        if more {
            if self.heads.len() == before || self.pages >= CALLS {
                return Err(Endless);
            }
            return Ok(());
        }
        let Plan {
            fetch,
            push: _,
            show: _,
        } = plan(replica.view(), replica.states(), &self.heads);
        self.queue = fetch.into();
        self.stage = Stage::Feeds;
        Ok(())
    }

    /// Takes in entries of the feed that was asked for. A batch that also holds other feeds' entries is judged like any:
    /// they prove themselves or are refused.
    pub fn entries(
        &mut self,
        replica: &mut Replica,
        entries: Vec<proto::Entry>,
        unknown_place: bool,
        more: bool,
    ) {
        let Some(mut feed) = self.current.take() else {
            return;
        };
        feed.calls += 1;
        let writer = feed.order.writer;
        if unknown_place && self.stage == Stage::Feeds {
            // The node knows another branch or less than this replica: go back until both agree.
            if feed.order.after.is_some() && feed.calls < CALLS {
                feed.order.after = place_before(replica, writer, feed.attempt);
                feed.attempt += 1;
                self.current = Some(feed);
            }
            return;
        }
        let Some(last) = entries.last().map(|last| HeaderHash::of(&last.header)) else {
            return;
        };
        let outcomes = replica.ingest(entries);
        self.refreshed.taken += outcomes.iter().map(|outcome| outcome.taken).sum::<usize>();
        let fault = match outcomes.iter().find(|outcome| outcome.writer == writer) {
            Some(outcome) => outcome.fault,
            // Something else than was asked for, or nothing that can be read.
            None => Some(EntryFault::Malformed(
                "nothing of the feed that was asked for",
            )),
        };
        if self.stage == Stage::Payloads {
            return;
        }
        if let Some(fault) = fault {
            self.refreshed.faults.insert(writer, fault);
            if matches!(fault, EntryFault::NotAMember | EntryFault::Quota) {
                self.again.push(feed.order);
            }
            return;
        }
        if more && feed.calls < CALLS {
            feed.order.after = Some(last);
            self.current = Some(feed);
        }
    }

    /// What it has brought so far.
    pub fn refreshed(&self) -> &Refreshed {
        &self.refreshed
    }

    /// Standing entries whose payload did not come with them, is wanted, and was not dropped.
    fn missing(&self, replica: &Replica) -> Vec<Missing> {
        let mut missing = Vec::new();
        for state in replica.states() {
            let writer = state.writer();
            let dropped: BTreeSet<HeaderHash> = verified(replica, writer)
                .filter_map(|entry| entry.tombstones())
                .collect();
            let wanted = verified(replica, writer).filter(|entry| {
                entry.body().is_none()
                    && (self.wanted)(entry.kind())
                    && !dropped.contains(&entry.hash())
            });
            missing.extend(wanted.filter_map(|entry| {
                let header = entry.header();
                Some(Missing {
                    writer,
                    place: header.place(),
                    previous: header.previous?,
                })
            }));
        }
        missing
    }
}

fn verified(replica: &Replica, writer: WriterId) -> impl Iterator<Item = VerifiedEntry> {
    replica
        .standing(writer)
        .cloned()
        .filter_map(|raw| VerifiedEntry::from_store(raw).ok())
}

fn place_before(replica: &Replica, writer: WriterId, attempt: u32) -> Option<HeaderHash> {
    let head = replica.state(writer).and_then(FeedState::head)?;
    let place = step_back(head.place, attempt)?;
    verified(replica, writer)
        .find(|entry| entry.header().place() == place)
        .map(|entry| entry.hash())
}
