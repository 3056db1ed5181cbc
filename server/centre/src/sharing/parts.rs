//! This centre's parts in rounds of pools: how they stand, which answers they spend, and how they end.

mod attend;

use super::waiting::MadeOf;
use crate::centre::Centre;
use crate::error::CentreError;
use crate::personal::CheckInId;
use crate::policy::{Action, Permit, Subject};
use crate::sealing::Place;
use crate::store::Tx;
use krog_disclosure::PairId;
use krog_feed::entry::Kind;
use krog_feed::ids::{HeaderHash, NetworkId};
use krog_measures::Day;
use krog_pools::Round;
use krog_proto::federation::v1 as wire;
use prost::Message;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::collections::{BTreeMap, BTreeSet};

/// How far a part has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// Both approved; it can be stopped, and nothing has left.
    Frozen,
    /// The commitment is part of the centre's feed.
    Committed,
    /// Counted in the pool.
    Told,
    /// The round has failed, or went on without this centre: the answers are free again.
    Failed,
    /// The round broke off where its sums may be known: the answers are spent.
    Broken,
    /// Nobody says that the shares are destroyed: the answers are spent.
    Silent,
    /// Stopped before it left.
    Stopped,
    /// Withdrawn after it left and before the deadline.
    Withdrawn,
}

impl PartState {
    const ALL: [Self; 8] = [
        Self::Frozen,
        Self::Committed,
        Self::Told,
        Self::Failed,
        Self::Broken,
        Self::Silent,
        Self::Stopped,
        Self::Withdrawn,
    ];

    /// The word in answers and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Committed => "committed",
            Self::Told => "told",
            Self::Failed => "failed",
            Self::Broken => "broken",
            Self::Silent => "silent",
            Self::Stopped => "stopped",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What it means for the people of the centre, in one sentence. The answers of a second round are the first one's.
    pub const fn meaning(self, second_round: bool) -> &'static str {
        match self {
            Self::Failed if second_round => {
                "the round failed or went on without this centre; its shares are destroyed, and the answers stay with the first round"
            }
            Self::Frozen => {
                "sealed and not yet committed; it can be stopped, and nothing has left this centre"
            }
            Self::Committed => "committed; the aggregators add it up after the deadline",
            Self::Told => "counted in the pool",
            Self::Failed => {
                "the round failed or went on without this centre; its shares are destroyed and the answers wait again"
            }
            Self::Broken => {
                "the round broke off after a half was published; the answers stay spent"
            }
            Self::Silent => {
                "an aggregator never said that it destroyed its shares; the answers stay spent"
            }
            Self::Stopped => "stopped before it left; the answers stay spent",
            Self::Withdrawn => "withdrawn before the deadline; the answers stay spent",
        }
    }
}

/// A part as it stands in the store.
pub(super) struct Part {
    pub(super) round: HeaderHash,
    pub(super) state: PartState,
    /// `None` after a restore, until the network has told it again.
    pub(super) opening: Option<Round>,
    pub(super) payload: Vec<u8>,
    /// Sealed, with the gate's tag.
    frozen: Option<(Vec<u8>, [u8; 32])>,
    pub(super) due_at: i64,
    pub(super) entry: Option<HeaderHash>,
    pub(super) parcels_kept: bool,
}

impl Part {
    /// Last day on which it can be stopped or withdrawn; `None` when it cannot any more.
    pub(super) fn stoppable_until(&self) -> Option<Day> {
        let deadline = || {
            let deadline = self.opening.as_ref()?.deadline;
            Day::new(i32::try_from(deadline).ok()?).ok()
        };
        match self.state {
            PartState::Frozen | PartState::Committed => deadline(),
            _ => None,
        }
    }

    /// Whether its answers count as spent.
    fn is_spent(&self) -> bool {
        self.state != PartState::Failed
    }
}

/// Where a part's sums and parcels are sealed.
pub(super) fn frozen_place(round: &HeaderHash) -> Place<'_> {
    Place {
        table: "parts",
        row: round.as_bytes(),
        column: "frozen",
    }
}

/// All parts, in the order of their rounds.
pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Part>, CentreError> {
    let rows = sqlx::query(
        "SELECT round, state, opening, payload, frozen, tag, due_at, entry, parcels_kept FROM parts ORDER BY round",
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(part).collect()
}

/// The answer while an older copy of the data does not know what its own part was about.
pub(super) fn not_known_again() -> CentreError {
    CentreError::NotNow(
        "this is an older copy of the data, and what it has sealed since is not read off the network yet; wait for the node's next rounds",
    )
}

fn damaged() -> CentreError {
    CentreError::Damaged { table: "parts" }
}

fn part(row: &SqliteRow) -> Result<Part, CentreError> {
    let frozen: Option<Vec<u8>> = row.try_get("frozen")?;
    let tag: Option<Vec<u8>> = row.try_get("tag")?;
    let opening: Option<Vec<u8>> = row.try_get("opening")?;
    let state: &str = row.try_get("state")?;
    let hash = |bytes: &[u8]| HeaderHash::try_from(bytes).map_err(|_| damaged());
    Ok(Part {
        round: hash(row.try_get("round")?)?,
        state: PartState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(damaged)?,
        opening: opening
            .map(|bytes| {
                let opening = wire::PoolOpening::decode(bytes.as_slice()).map_err(|_| damaged())?;
                Round::parse(opening).map_err(|_| damaged())
            })
            .transpose()?,
        payload: row.try_get("payload")?,
        // A tag that is none opens nothing.
        frozen: frozen
            .zip(tag)
            .map(|(sealed, tag)| (sealed, tag.as_slice().try_into().unwrap_or([0; 32]))),
        due_at: row.try_get("due_at")?,
        entry: row
            .try_get::<Option<Vec<u8>>, _>("entry")?
            .map(|bytes| hash(&bytes))
            .transpose()?,
        parcels_kept: row.try_get("parcels_kept")?,
    })
}

/// What the parts of a calendar year cost, as ρ in millionths; those of failed rounds cost nothing.
pub(super) fn spent_rho(parts: &[Part], year: u16) -> u64 {
    parts
        .iter()
        .filter(|part| part.is_spent() && part.state != PartState::Stopped)
        .filter_map(|part| part.opening.as_ref())
        .filter(|round| year_of(round) == Some(year))
        .map(|round| u64::from(round.rho_millionths))
        .sum()
}

/// The calendar year of a round's deadline.
pub(super) fn year_of(round: &Round) -> Option<u16> {
    let day = Day::new(i32::try_from(round.deadline).ok()?).ok()?;
    Some(day.quarter().year())
}

/// The pairs a part counts.
pub(super) async fn pairs_of(
    tx: &mut Tx,
    round: HeaderHash,
) -> Result<BTreeMap<PairId, MadeOf>, CentreError> {
    let bad = || CentreError::Damaged {
        table: "part_pairs",
    };
    let rows = sqlx::query("SELECT pair, baseline, follow_up FROM part_pairs WHERE round = $1")
        .bind(round.as_bytes().as_slice())
        .fetch_all(&mut **tx)
        .await?;
    let check_in = |bytes: &[u8]| CheckInId::try_from(bytes).map_err(|_| bad());
    rows.iter()
        .map(|row| {
            let pair: [u8; 16] = row.try_get::<&[u8], _>(0)?.try_into().map_err(|_| bad())?;
            let follow_up: Option<&[u8]> = row.try_get(2)?;
            Ok((
                PairId(pair),
                MadeOf {
                    baseline: check_in(row.try_get(1)?)?,
                    follow_up: follow_up.map(check_in).transpose()?,
                },
            ))
        })
        .collect()
}

/// Spends the answers of a part. Those its first round has spent stay on that one.
pub(super) async fn spend(
    tx: &mut Tx,
    round: HeaderHash,
    pairs: &[PairId],
    made_of: &BTreeMap<PairId, MadeOf>,
    first_round: Option<[u8; 32]>,
) -> Result<(), CentreError> {
    for pair in pairs {
        let made_of = made_of
            .get(pair)
            .ok_or(CentreError::Damaged { table: "check_ins" })?;
        sqlx::query(
            "INSERT INTO part_pairs (round, pair, baseline, follow_up) VALUES ($1, $2, $3, $4)",
        )
        .bind(round.as_bytes().as_slice())
        .bind(pair.0.as_slice())
        .bind(made_of.baseline.as_bytes().as_slice())
        .bind(made_of.follow_up.map(|id| id.as_bytes().to_vec()))
        .execute(&mut **tx)
        .await?;
        for check_in in std::iter::once(made_of.baseline).chain(made_of.follow_up) {
            // A second time for one answer fails, and with it the whole transaction, unless the first round has spent it.
            sqlx::query(
                "INSERT INTO spent_in_parts (check_in, round) SELECT $1, $2 \
                 WHERE NOT EXISTS (SELECT 1 FROM spent_in_parts WHERE check_in = $1 AND round = $3)",
            )
            .bind(check_in.as_bytes().as_slice())
            .bind(round.as_bytes().as_slice())
            .bind(first_round.map(|first| first.to_vec()))
            .execute(&mut **tx)
            .await?;
        }
    }
    Ok(())
}

/// Puts a part into another state. One that has ended keeps neither its sums nor its parcels.
async fn set_state(tx: &mut Tx, round: HeaderHash, state: PartState) -> Result<(), CentreError> {
    let keeps = matches!(state, PartState::Frozen | PartState::Committed);
    sqlx::query(
        "UPDATE parts SET state = $2, frozen = CASE WHEN $3 THEN frozen END, tag = CASE WHEN $3 THEN tag END \
         WHERE round = $1",
    )
    .bind(round.as_bytes().as_slice())
    .bind(state.as_str())
    .bind(keeps)
    .execute(&mut **tx)
    .await?;
    if state == PartState::Failed {
        for table in [
            "DELETE FROM spent_in_parts WHERE round = $1",
            "DELETE FROM part_pairs WHERE round = $1",
        ] {
            sqlx::query(table)
                .bind(round.as_bytes().as_slice())
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// Stops the frozen parts of these rounds: what was stopped since an older copy of the data was made stays so.
pub(super) async fn stop_frozen(
    tx: &mut Tx,
    stopped: &BTreeSet<Vec<u8>>,
) -> Result<(), CentreError> {
    for part in all(tx).await? {
        if part.state == PartState::Frozen && stopped.contains(part.round.as_bytes().as_slice()) {
            set_state(tx, part.round, PartState::Stopped).await?;
        }
    }
    Ok(())
}

impl Centre {
    /// Stops a frozen part, or withdraws a committed one before the deadline. Its answers stay spent.
    pub async fn stop_part(&self, permit: &Permit, named: &str) -> Result<PartState, CentreError> {
        self.check(permit, Action::StopPart, &Subject::Centre)?;
        let mut tx = self.begin().await?;
        let part = find(all(&mut tx).await?, named)?;
        let today = self.today()?;
        let in_time = part.stoppable_until().is_some_and(|last| today <= last);
        match part.state {
            PartState::Stopped | PartState::Withdrawn => return Ok(part.state),
            PartState::Frozen => {}
            PartState::Committed if in_time => {}
            PartState::Committed if part.opening.is_none() => return Err(not_known_again()),
            PartState::Committed => {
                return Err(CentreError::NotNow(
                    "the deadline of this round has passed; its parts can be withdrawn no more",
                ));
            }
            PartState::Told | PartState::Failed | PartState::Broken | PartState::Silent => {
                return Err(CentreError::NotNow(
                    "this round has ended; its parts can be withdrawn no more",
                ));
            }
        }
        // First where no older copy of the data can undo it.
        self.keys.stop_part(part.round.as_bytes()).await?;
        let state = if part.state == PartState::Frozen {
            set_state(&mut tx, part.round, PartState::Stopped).await?;
            PartState::Stopped
        } else {
            let (network, _) = self
                .network_in(&mut tx)
                .await?
                .ok_or(crate::feed_writer::FeedError::NoNetwork)?;
            self.withdraw_in(&mut tx, network, &part).await?;
            PartState::Withdrawn
        };
        tx.commit().await?;
        Ok(state)
    }

    async fn withdraw_in(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        part: &Part,
    ) -> Result<usize, CentreError> {
        let entry = part.entry.ok_or_else(damaged)?;
        let body = wire::Tombstone {
            entry: entry.into(),
        }
        .encode_to_vec();
        self.feed
            .append_in(tx, network, Kind::Tombstone, &body)
            .await?;
        set_state(tx, part.round, PartState::Withdrawn).await?;
        Ok(1)
    }
}

/// The part of the round that a person names by the first digits of its hash.
fn find(parts: Vec<Part>, named: &str) -> Result<Part, CentreError> {
    const FEWEST_DIGITS: usize = 8;
    let named = named.to_ascii_lowercase();
    let mut found = parts
        .into_iter()
        .filter(|part| named.len() >= FEWEST_DIGITS && part.round.to_string().starts_with(&named));
    match (found.next(), found.next()) {
        (Some(part), None) => Ok(part),
        (Some(_), Some(_)) => Err(CentreError::Invalid(
            "more than one round begins with these digits; give more of them",
        )),
        (None, _) => Err(CentreError::Invalid(
            "this centre has no part in a round of that name; give its first 8 digits or more, as `krog share preview` shows them",
        )),
    }
}
