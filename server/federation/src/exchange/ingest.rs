//! Taking in entries: verify, decide whose they are, write them with the feed's new state, and only then know them.

use std::collections::BTreeMap;

use krog_feed::chain::{FeedState, ForkClaim, Surroundings};
use krog_feed::entry::Arrival;
use krog_feed::fault::EntryFault;
use krog_feed::ids::{NetworkId, NodeId, WriterId};
use krog_feed::keys::Domain;
use krog_feed::network::{NetworkView, Standing};
use krog_feed::replication::{FeedOutcome, Incoming, Ingest, Next, sort_batch};
use krog_proto::federation::v1 as proto;

use super::Exchange;
use super::draft::{Draft, Drafted};
use super::network::{Held, Network, read_feed};
use crate::store::{Committed, FaultChange, NetworkChange};
use crate::{Error, limits};

/// Where entries came from; for the log only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This node's own centre side.
    House,
    /// Handed over by a node of the network.
    Peer(NodeId),
    /// Fetched from a node of the network.
    Fetched,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::House => f.write_str("house"),
            Source::Peer(node) => f.write_str(&node.short()),
            Source::Fetched => f.write_str("fetched"),
        }
    }
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Each feed of the batch, ordered by writer.
    pub feeds: Vec<FeedOutcome>,
    /// Entries that were new here.
    pub new: u64,
    /// Entries of which not even the feed could be read.
    pub unreadable: usize,
}

impl Exchange {
    /// Takes in a batch. What the outcome names is on disk; a bad entry stops its own feed and no other.
    pub async fn ingest(
        &self,
        network: NetworkId,
        entries: Vec<proto::Entry>,
        source: Source,
    ) -> Result<Taken, Error> {
        let sorted = sort_batch(network, entries);
        let net = self.network(network).await?;
        let drafted = self.write(&net, Work::Entries(&sorted.feeds)).await?;
        let mut feeds: Vec<FeedOutcome> = drafted.iter().map(|draft| draft.outcome).collect();
        feeds.sort_by_key(|outcome| outcome.writer);
        for FeedOutcome { writer, fault, .. } in &feeds {
            if let Some(fault) = fault {
                tracing::debug!(network = %network.short(), writer = %writer.short(), %source, %fault, "entries not taken");
            }
        }
        let new = feeds.iter().map(|outcome| outcome.taken as u64).sum();
        Ok(Taken {
            feeds,
            new,
            unreadable: sorted.unreadable,
        })
    }

    /// Takes in proofs of forks a peer shows. Only feeds that are here can be judged; a proof that does not hold is
    /// passed over.
    pub async fn take_proofs(
        &self,
        network: NetworkId,
        proofs: Vec<proto::ForkProof>,
    ) -> Result<u32, Error> {
        let claims: Vec<ForkClaim> = proofs
            .into_iter()
            .filter_map(|proof| ForkClaim::parse(proof).ok())
            .collect();
        if claims.is_empty() {
            return Ok(0);
        }
        let net = self.network(network).await?;
        let taken = self.write(&net, Work::Proofs(&claims)).await?;
        Ok(taken.iter().map(|draft| draft.proofs.len() as u32).sum())
    }

    async fn reckon(&self, held: &Held, work: Work<'_>) -> Result<Reckoned, Error> {
        match work {
            Work::Entries(feeds) => self.reckon_entries(held, feeds).await,
            Work::Proofs(claims) => Ok(self.reckon_proofs(held, claims)),
        }
    }

    async fn reckon_entries(
        &self,
        held: &Held,
        feeds: &BTreeMap<WriterId, Incoming>,
    ) -> Result<Reckoned, Error> {
        let mut next = Reckoned {
            view: held.view.clone(),
            drafted: Vec::new(),
        };
        let mut waiting = Vec::new();
        for (writer, incoming) in offices_first(feeds) {
            let draft = self.draft(held, &next.view, writer, incoming).await?;
            if draft.outcome.fault == Some(EntryFault::NotAMember) && draft.state.is_none() {
                waiting.push((writer, incoming, draft));
            } else {
                next.take(draft);
            }
        }
        // What they waited for may have been among the others.
        for (writer, incoming, refused) in waiting {
            let again = matches!(
                next.view.standing(writer),
                Standing::Member(_) | Standing::Claimed(_)
            );
            let draft = if again {
                self.draft(held, &next.view, writer, incoming).await?
            } else {
                refused
            };
            next.take(draft);
        }
        Ok(next)
    }

    fn reckon_proofs(&self, held: &Held, claims: &[ForkClaim]) -> Reckoned {
        let mut next = Reckoned {
            view: held.view.clone(),
            drafted: Vec::new(),
        };
        let mut states = BTreeMap::new();
        for claim in claims {
            let writer = claim.writer();
            let state = states.entry(writer).or_insert_with(|| held.feed(writer));
            let Ok(Some((proof, frozen))) = state.judge(claim) else {
                continue;
            };
            *state = frozen.clone();
            let outcome = FeedOutcome {
                writer,
                head: frozen.head(),
                fault: None,
                taken: 0,
            };
            let mut draft = Draft::of(self.store(), held.view.network(), writer);
            draft.freeze(proof, frozen);
            next.take(draft.finish(outcome, None, false));
        }
        next
    }

    async fn draft(
        &self,
        held: &Held,
        view: &NetworkView,
        writer: WriterId,
        incoming: &Incoming,
    ) -> Result<Drafted, Error> {
        let mut draft = Draft::of(self.store(), view.network(), writer);
        let Incoming { arrivals, fault } = incoming;
        let readable = Incoming {
            arrivals: arrivals.clone(),
            fault: None,
        };
        let mut ingest = Ingest::begin(view, held.feed(writer), readable);
        let mut outcome = loop {
            match ingest.next() {
                Next::LookUp(inquiry) => ingest.answer(draft.look_up(&inquiry).await?),
                Next::Write(step) => draft.write(step).await?,
                Next::Done(outcome) => break outcome,
            }
        };
        let writers_doing = match outcome.fault {
            Some(fault) if may_be_the_writers(fault) => {
                signed_by_its_writer(&draft, ingest.state(), arrivals).await?
            }
            _ => false,
        };
        // Whoever hands over what cannot even be read may have made it.
        outcome.fault = outcome.fault.or(*fault);
        let noted = held.faults.get(&writer).copied();
        let mut drafted = draft.finish(outcome, noted, writers_doing);
        // Nothing is noted of a feed that is not kept here: strangers could fill the table.
        if drafted.state.is_none() && !held.feeds.contains_key(&writer) {
            drafted.change = None;
        }
        Ok(drafted)
    }

    /// Reckons a change against what is held, commits it, and holds it. When another exchange on the same database was
    /// first, the change is reckoned anew.
    async fn write(&self, net: &Network, work: Work<'_>) -> Result<Vec<Drafted>, Error> {
        let _writing = net.writing.lock().await;
        for _ in 0..limits::RETRIES {
            net.catch_up(self.store()).await?;
            let held = net.held.read().await;
            let Reckoned { view, mut drafted } = self.reckon(&held, work).await?;
            let known = held.view.rosters().latest().version;
            let rosters = view
                .rosters()
                .versions()
                .filter(|roster| roster.version > known);
            let change = NetworkChange {
                network: view.network(),
                seen: held.revision,
                feeds: drafted
                    .iter_mut()
                    .filter_map(|draft| draft.change.take())
                    .collect(),
                rosters: rosters
                    .map(|roster| (roster.version, roster.signed().encode()))
                    .collect(),
            };
            drop(held);
            if change.feeds.is_empty() && change.rosters.is_empty() {
                return Ok(drafted);
            }
            let Committed::Done(revision) = self.store().commit(&change).await? else {
                continue;
            };
            let mut anew = Vec::new();
            for draft in drafted.iter().filter(|draft| draft.anew) {
                let writer = draft.outcome.writer;
                anew.push((
                    writer,
                    read_feed(self.store(), change.network, writer).await?,
                ));
            }
            let mut held = net.held.write().await;
            held.advance(revision, view, &drafted, &change);
            for (writer, entries) in anew {
                held.show_anew(writer, &entries);
            }
            held.settle_disputes();
            return Ok(drafted);
        }
        Err(Error::Contended)
    }
}

/// Whether a fault can be the writer's own. A signature that does not hold, a payload that is missing or another than
/// stated, a gap: whoever hands the entry over can have done that to an honest feed.
fn may_be_the_writers(fault: EntryFault) -> bool {
    match fault {
        EntryFault::Malformed(_) | EntryFault::Fork | EntryFault::Quota => true,
        EntryFault::Signature
        | EntryFault::Payload
        | EntryFault::Gap
        | EntryFault::NotAMember
        | EntryFault::WrongNetwork => false,
    }
}

/// Whether the first of the arrivals that `state`, the state after them, does not take is signed by the feed's own key.
async fn signed_by_its_writer(
    draft: &Draft<'_>,
    state: &FeedState,
    arrivals: &[Arrival],
) -> Result<bool, Error> {
    let Some(key) = state.signing_key() else {
        return Ok(false);
    };
    for arrival in arrivals {
        let surroundings = match state.inquiry(arrival) {
            Some(inquiry) => draft.look_up(&inquiry).await?,
            None => Surroundings::default(),
        };
        match state.accept(arrival.clone(), &surroundings) {
            Err(fault) if may_be_the_writers(fault) => {
                let raw = arrival.raw();
                return Ok(key.verifies(Domain::Entry, &raw.header, &raw.signature));
            }
            Err(_) => return Ok(false),
            Ok(_) => {}
        }
    }
    Ok(false)
}

impl Held {
    fn advance(
        &mut self,
        revision: u64,
        view: NetworkView,
        drafted: &[Drafted],
        change: &NetworkChange,
    ) {
        self.revision = revision;
        self.view = view;
        for draft in drafted {
            let writer = draft.outcome.writer;
            if let Some(state) = &draft.state {
                self.feeds.insert(writer, state.clone());
            }
            for proof in &draft.proofs {
                self.keep_proof(writer, proof.to_proto());
            }
            for entry in &draft.told {
                self.show(entry);
            }
        }
        for feed in &change.feeds {
            match feed.fault {
                FaultChange::Keep => {}
                FaultChange::Clear => {
                    self.faults.remove(&feed.writer);
                }
                FaultChange::Note(fault) => {
                    self.faults.insert(feed.writer, fault);
                }
            }
        }
    }
}

/// What a change is reckoned from.
#[derive(Clone, Copy)]
enum Work<'a> {
    Entries(&'a BTreeMap<WriterId, Incoming>),
    Proofs(&'a [ForkClaim]),
}

/// A change that is reckoned and not yet written.
struct Reckoned {
    view: NetworkView,
    drafted: Vec<Drafted>,
}

impl Reckoned {
    fn take(&mut self, draft: Drafted) {
        for entry in &draft.told {
            self.view.observe(entry);
        }
        self.drafted.push(draft);
    }
}

/// Offices before centres: a descriptor says whose a centre is.
fn offices_first(feeds: &BTreeMap<WriterId, Incoming>) -> Vec<(WriterId, &Incoming)> {
    let is_centre = |incoming: &Incoming| {
        incoming
            .arrivals
            .first()
            .is_some_and(|first| !first.header().kind.belongs_to_office())
    };
    let mut sorted: Vec<_> = feeds
        .iter()
        .map(|(writer, incoming)| (*writer, incoming))
        .collect();
    sorted.sort_by_key(|(_, incoming)| is_centre(incoming));
    sorted
}
