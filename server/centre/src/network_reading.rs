//! The house's own reading of its networks: every feed fetched from the own exchange and verified here.
//!
//! Whether a round has failed, and its answers are free again, must not rest on the word of a process that faces the
//! internet. Releases and templates come without payload: nothing here needs them.

use crate::error::CentreError;
use crate::feed_writer::FeedError;
use crate::house;
use krog_feed::chain::FeedState;
use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::ids::{NetworkId, NodeId};
use krog_feed::network::NetworkView;
use krog_feed::replication::memory::Replica;
use krog_feed::replication::reading::{Ask, Reading};
use krog_feed::roster::RosterChain;
use krog_feed::rounds::board::{self, Board, RoundId, RoundStatus};
use krog_measures::Measure;
use krog_pools::{PoolTerms, Round};
use krog_proto::federation::v1::PoolOpening;
use krog_proto::federation::v1::house_client::HouseClient;
use prost::Message;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tonic::transport::Channel;

/// The readings of one house, shared by its office and centres.
#[derive(Default)]
pub struct NetworkReadings(Mutex<BTreeMap<NetworkId, Arc<Copy>>>);

impl fmt::Debug for NetworkReadings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkReadings(..)")
    }
}

/// One network as it was last read.
#[derive(Clone)]
pub(crate) struct Copy {
    replica: Replica,
    board: Board,
}

impl Copy {
    fn of(rosters: RosterChain) -> Self {
        let network = rosters.network();
        Self {
            replica: Replica::new(NetworkView::new(rosters)),
            board: Board::new(network),
        }
    }

    /// Who belongs, and by which rosters.
    pub(crate) fn view(&self) -> &NetworkView {
        self.replica.view()
    }

    /// The rounds that count, and what counts for nothing.
    pub(crate) fn read(&self, today: i64) -> board::Reading {
        self.board.read(self.view(), today)
    }

    /// The rounds that count, newest deadline first.
    pub(crate) fn rounds(&self, today: i64) -> Vec<RoundStatus> {
        self.board.rounds(self.view(), today)
    }

    /// An opening that stands in any feed, whether or not its round counts.
    pub(crate) fn opening(&self, id: RoundId) -> Option<PoolOpening> {
        let mut feeds = self.replica.states().map(FeedState::writer);
        let raw = feeds.find_map(|writer| self.replica.entry(writer, id))?;
        let entry = VerifiedEntry::from_store(raw.clone()).ok()?;
        let body = entry.readable_body()?;
        (entry.kind() == Kind::PoolOpening)
            .then(|| PoolOpening::decode(body).ok())
            .flatten()
    }

    /// What the roster a round names allows its pools to tell, and the measure as it counts it.
    pub(crate) fn terms(&self, round: &Round) -> Option<(PoolTerms, Measure)> {
        let version = self
            .view()
            .rosters()
            .versions()
            .find(|roster| roster.version == round.roster_version)?;
        let measure = version.policy.measure(&round.measure)?;
        Some((version.policy.pools?, measure.clone()))
    }

    /// What a node calls itself in public.
    pub(crate) fn name(&self, node: &[u8; 32]) -> String {
        let node = NodeId::new(*node);
        self.view().descriptor(node).map_or_else(
            || format!("node {}", node.short()),
            |descriptor| descriptor.public_name.to_string(),
        )
    }

    /// From the start: a feed may have been rebased.
    fn fill_board(&mut self) {
        let mut board = Board::new(self.view().network());
        for state in self.replica.states() {
            let writer = state.writer();
            let entries = self.replica.standing(writer).cloned();
            for entry in entries.filter_map(|raw| VerifiedEntry::from_store(raw).ok()) {
                // What it refuses it remembers.
                let _ = board.observe(&entry);
            }
            board.dispute(writer, state.disputed());
        }
        self.board = board;
    }
}

/// Kinds whose payload is needed here.
fn is_needed(kind: Kind) -> bool {
    !matches!(kind, Kind::Release | Kind::Template | Kind::Unknown(_))
}

impl NetworkReadings {
    /// The network as it was last read since the start; `None` before.
    pub(crate) fn current(&self, network: NetworkId) -> Option<Arc<Copy>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&network)
            .cloned()
    }

    /// Reads on from where it stood. An exchange of an older version knows no rounds, which is no difficulty.
    pub(crate) async fn refresh(
        &self,
        rosters: &RosterChain,
        house: &HouseClient<Channel>,
    ) -> Result<Arc<Copy>, CentreError> {
        let network = rosters.network();
        // One under older rosters would judge newer rounds by them until a feed tells it of the newer ones.
        let known = self
            .current(network)
            .filter(|copy| copy.view().rosters().latest().version >= rosters.latest().version);
        let mut copy = match &known {
            Some(copy) => copy.as_ref().clone(),
            None => Copy::of(rosters.clone()),
        };
        let mut reading = Reading::begin(is_needed);
        while let Some(ask) = reading.next(&copy.replica) {
            match ask {
                Ask::Heads(after) => {
                    let Some(page) = house::feed_heads(house, network, after).await? else {
                        break;
                    };
                    let house::Heads { heads, forks, more } = page;
                    reading
                        .heads(&mut copy.replica, heads, forks, more)
                        .map_err(|_| FeedError::Refused("its list of feeds does not end"))?;
                }
                Ask::Entries(order) => {
                    let house::Entries {
                        entries,
                        unknown_place,
                        more,
                    } = house::feed_entries(house, network, order.writer, order.after).await?;
                    reading.entries(&mut copy.replica, entries, unknown_place, more);
                }
            }
        }
        let frozen = |copy: &Copy| copy.replica.states().filter(|s| s.is_frozen()).count();
        let forked = known.as_ref().map_or(0, |known| frozen(known)) != frozen(&copy);
        if let (Some(known), 0, false) = (&known, reading.refreshed().taken, forked) {
            return Ok(Arc::clone(known));
        }
        copy.fill_board();
        let copy = Arc::new(copy);
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(network, Arc::clone(&copy));
        Ok(copy)
    }
}
