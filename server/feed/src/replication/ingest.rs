//! Taking in a batch, feed by feed.

use crate::chain::{FeedState, Head, Inquiry, Step, Surroundings};
use crate::entry::{Arrival, Header, RawEntry};
use crate::fault::EntryFault;
use crate::ids::{NetworkId, WriterId};
use crate::limits;
use crate::network::{Allowance, NetworkView};
use krog_proto::federation::v1 as proto;
use std::collections::{BTreeMap, VecDeque};

/// The entries of one feed in a batch, up to the first that cannot be read.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// In the order they came.
    pub arrivals: Vec<Arrival>,
    /// What is wrong with the one after these.
    pub fault: Option<EntryFault>,
}

/// A batch by feeds.
#[derive(Debug, Clone, Default)]
pub struct Sorted {
    /// What came of each feed.
    pub feeds: BTreeMap<WriterId, Incoming>,
    /// Entries whose header does not even tell the feed.
    pub unreadable: usize,
}

/// Reads a batch and sorts it by feeds. More than the limits allow is not read; a caller answers that with a refusal.
pub fn sort_batch(network: NetworkId, entries: Vec<proto::Entry>) -> Sorted {
    let mut sorted = Sorted::default();
    for entry in entries.into_iter().take(limits::BATCH_ENTRIES) {
        let Ok(header) = Header::parse(&entry.header) else {
            sorted.unreadable += 1;
            continue;
        };
        let incoming = sorted.feeds.entry(header.writer).or_default();
        if incoming.fault.is_some() {
            continue;
        }
        let arrival = if header.network == network {
            RawEntry::parse(entry).and_then(Arrival::parse)
        } else {
            Err(EntryFault::WrongNetwork)
        };
        match arrival {
            Ok(arrival) => incoming.arrivals.push(arrival),
            Err(fault) => incoming.fault = Some(fault),
        }
    }
    sorted
}

/// What became of the entries of one feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedOutcome {
    /// The feed.
    pub writer: WriterId,
    /// The head afterwards; `None` when nothing of the feed is stored.
    pub head: Option<Head>,
    /// Why the rest was not taken; `None` when all was.
    pub fault: Option<EntryFault>,
    /// Entries and payloads that were new.
    pub taken: usize,
}

impl FeedOutcome {
    /// The outcome for the wire.
    pub fn to_proto(&self) -> proto::FeedOutcome {
        let Self {
            writer,
            head,
            fault,
            taken: _,
        } = self;
        proto::FeedOutcome {
            writer: (*writer).into(),
            head: head.as_ref().map(Head::to_proto),
            fault: fault
                .map_or(proto::EntryFault::Unspecified, EntryFault::to_proto)
                .into(),
        }
    }
}

/// What an [`Ingest`] wants next.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "handed on one at a time and never collected"
)]
pub enum Next {
    /// Look this up among the feed's stored entries, what was just written included, and [`Ingest::answer`].
    LookUp(Inquiry),
    /// Write this; never [`Step::Duplicate`]. [`Ingest::state`] is the state after it.
    Write(Step),
    /// Nothing more. Commit if anything was written.
    Done(FeedOutcome),
}

/// Takes in the entries of one feed, one by one. It asks; the store answers and writes, in one transaction. If that
/// fails, drop the ingest: nothing was promised.
#[derive(Debug)]
pub struct Ingest {
    state: FeedState,
    allowance: Allowance,
    queue: VecDeque<Arrival>,
    answer: Option<Surroundings>,
    fault: Option<EntryFault>,
    taken: usize,
}

impl Ingest {
    /// Prepares to take in what came of one feed. `state` is the stored one, or empty.
    pub fn begin(view: &NetworkView, state: FeedState, incoming: Incoming) -> Self {
        let Incoming { arrivals, fault } = incoming;
        let (allowance, queue, fault) = match view.allowance(&state, &arrivals) {
            Ok(allowance) => (allowance, arrivals.into(), fault),
            Err(refused) => (Allowance::First, VecDeque::new(), Some(refused)),
        };
        Self {
            state,
            allowance,
            queue,
            answer: None,
            fault,
            taken: 0,
        }
    }

    /// The feed's state after all that was written so far.
    pub fn state(&self) -> &FeedState {
        &self.state
    }

    /// Answers the inquiry of the last [`Next::LookUp`].
    pub fn answer(&mut self, surroundings: Surroundings) {
        self.answer = Some(surroundings);
    }

    /// What to do next.
    #[expect(
        clippy::should_implement_trait,
        reason = "it needs answers between two calls, so it is no iterator"
    )]
    pub fn next(&mut self) -> Next {
        while let Some(arrival) = self.queue.front() {
            let surroundings = match (self.state.inquiry(arrival), self.answer.take()) {
                (Some(inquiry), None) => return Next::LookUp(inquiry),
                (None, _) => Surroundings::default(),
                (Some(_), Some(answer)) => answer,
            };
            let Some(arrival) = self.queue.pop_front() else {
                break;
            };
            let known = surroundings.same.is_some();
            let permitted = if known {
                Ok(())
            } else {
                self.allowance.permits(&arrival)
            };
            let step = permitted.and_then(|()| self.state.accept(arrival, &surroundings));
            match step {
                Ok(Step::Duplicate) => {}
                Ok(step) => {
                    if let Some(state) = step.state() {
                        self.state = state.clone();
                    }
                    self.taken += 1;
                    return Next::Write(step);
                }
                Err(fault) => {
                    self.fault = Some(fault);
                    self.queue.clear();
                }
            }
        }
        Next::Done(FeedOutcome {
            writer: self.state.writer(),
            head: self.state.head(),
            fault: self.fault,
            taken: self.taken,
        })
    }
}
