//! Preview, the two approvals, and stopping.

use super::waiting::Waiting;
use super::{Preview, QuarterState};
use crate::centre::Centre;
use crate::error::CentreError;
use crate::feed_writer::FeedError;
use crate::policy::{Action, Permit, Role, Subject};
use crate::store::Tx;
use krog_disclosure::{FrozenRelease, QuarterBatch, clear, form};
use krog_measures::{Day, Quarter};
use sqlx::Row;

const SECONDS_PER_DAY: i64 = 86_400;

/// What an approval led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The state after it.
    pub state: QuarterState,
    /// The role whose approval is still missing.
    pub missing: Option<Role>,
    /// Last day on which the frozen bytes can be stopped.
    pub stoppable_until: Option<Day>,
}

/// A decided quarter as it stands in the store.
pub(super) struct Decided {
    pub(super) state: QuarterState,
    pub(super) payload: Vec<u8>,
    pub(super) frozen: Option<FrozenRelease>,
    pub(super) due_at: i64,
    pub(super) entry: Option<Vec<u8>>,
}

impl Decided {
    pub(super) fn stoppable_until(&self) -> Option<Day> {
        let day = i32::try_from(self.due_at.div_euclid(SECONDS_PER_DAY)).ok();
        day.and_then(|day| Day::new(day).ok())
            .filter(|_| self.state == QuarterState::Frozen)
    }
}

impl Centre {
    /// Shows a quarter on its form. Quarters that have not ended cannot be shown.
    pub async fn preview(&self, permit: &Permit, quarter: Quarter) -> Result<Preview, CentreError> {
        self.check(permit, Action::Preview, &Subject::Quarter(quarter))?;
        if quarter > self.latest_quarter()? {
            return Err(CentreError::NotNow(
                "this quarter has not ended yet; look at it when it has",
            ));
        }
        let mut tx = self.begin().await?;
        let chain = self.roster(&mut tx).await?;
        let approved_by = approvals(&mut tx, quarter)
            .await?
            .into_iter()
            .map(|(role, _)| role)
            .collect::<Vec<_>>();
        let decided = decided(&mut tx, quarter).await?;
        let mut preview = Preview {
            quarter,
            state: match (&decided, approved_by.is_empty()) {
                (Some(decided), _) => decided.state,
                (None, true) => QuarterState::Open,
                (None, false) => QuarterState::ApprovedOnce,
            },
            approved_by,
            cells: Vec::new(),
            stoppable_until: decided.as_ref().and_then(Decided::stoppable_until),
            without_consent: 0,
            network: chain
                .as_ref()
                .map(|chain| chain.latest().genesis.public_name().to_string()),
        };
        match (&decided, &chain) {
            (Some(decided), _) => {
                preview.cells = super::shown::cells_of_release(&decided.payload)?;
            }
            (None, Some(chain)) => {
                let waiting = self.waiting(&mut tx, quarter, chain).await?;
                let without = u32::try_from(waiting.without_consent()).unwrap_or(u32::MAX);
                preview.without_consent = without.div_ceil(5).saturating_mul(5);
                preview.cells =
                    super::shown::cells_of_form(&form(&QuarterBatch::new(waiting.parts)?));
            }
            (None, None) => {}
        }
        Ok(preview)
    }

    /// Approves a quarter as a whole, on its form. At the second approval, by another person in the other role, what
    /// leaves is computed once and frozen, and its answers are spent, in one transaction.
    pub async fn approve(
        &self,
        permit: &Permit,
        quarter: Quarter,
    ) -> Result<Approved, CentreError> {
        self.check(permit, Action::Approve, &Subject::Quarter(quarter))?;
        if quarter != self.latest_quarter()? {
            return Err(CentreError::NotNow(
                "only the latest quarter that has ended can be decided; what waited from earlier ones is part of it",
            ));
        }
        let mut tx = self.begin().await?;
        let chain = self.roster(&mut tx).await?.ok_or(CentreError::NotNow(
            "the node is in no network, so nothing can leave; join one first",
        ))?;
        // A restored copy may not know what has left already; its own feed tells, and adopting it fills the ledger.
        if !self.may_sign(chain.network()) {
            return Err(FeedError::NotConfirmed.into());
        }
        if decided(&mut tx, quarter).await?.is_some()
            || self.keys.stopped().await?.contains(&quarter.index())
        {
            return Err(CentreError::NotNow(
                "this quarter is decided already; the next one can be when it has ended",
            ));
        }
        let caller = *permit.caller();
        let before = approvals(&mut tx, quarter).await?;
        if before.iter().any(|(role, credential)| {
            *role == caller.role || credential == caller.credential.as_bytes()
        }) {
            return Err(CentreError::AlreadyThere(
                "this role has approved already; the second approval comes from another person in the other role",
            ));
        }
        sqlx::query("INSERT INTO approvals (quarter, role, credential) VALUES ($1, $2, $3)")
            .bind(quarter.index())
            .bind(caller.role.as_str())
            .bind(caller.credential.as_bytes().as_slice())
            .execute(&mut *tx)
            .await?;
        if before.is_empty() {
            tx.commit().await?;
            return Ok(Approved {
                state: QuarterState::ApprovedOnce,
                missing: Role::ALL.into_iter().find(|role| *role != caller.role),
                stoppable_until: None,
            });
        }
        let Waiting { parts, made_of } = self.waiting(&mut tx, quarter, &chain).await?;
        let cleared = clear(&QuarterBatch::new(parts)?);
        let waiting_days = i64::from(chain.latest().policy.waiting_days);
        let due_at = self
            .surroundings
            .now()
            .saturating_add(waiting_days * SECONDS_PER_DAY);
        let FrozenRelease { bytes, tag } = cleared.seal(&self.keys.gate);
        sqlx::query(
            "INSERT INTO releases (quarter, state, payload, frozen, tag, due_at) VALUES ($1, 'frozen', $2, $3, $4, $5)",
        )
        .bind(quarter.index())
        .bind(cleared.encoded())
        .bind(bytes)
        .bind(tag.as_slice())
        .bind(due_at)
        .execute(&mut *tx)
        .await?;
        let spent: Vec<_> = cleared
            .spent()
            .iter()
            .filter_map(|pair| made_of.get(pair))
            .flatten()
            .copied()
            .collect();
        self.spend(&mut tx, quarter, &spent).await?;
        let frozen = decided(&mut tx, quarter).await?;
        tx.commit().await?;
        Ok(Approved {
            state: QuarterState::Frozen,
            missing: None,
            stoppable_until: frozen.as_ref().and_then(Decided::stoppable_until),
        })
    }

    /// Stops frozen bytes: the quarter's values will be told as not shared, without cause. Its answers stay spent.
    pub async fn stop(&self, permit: &Permit, quarter: Quarter) -> Result<(), CentreError> {
        self.check(permit, Action::Stop, &Subject::Quarter(quarter))?;
        let mut tx = self.begin().await?;
        match decided(&mut tx, quarter)
            .await?
            .map(|decided| decided.state)
        {
            Some(QuarterState::Frozen) => {}
            Some(QuarterState::Stopped) => return Ok(()),
            Some(_) => {
                return Err(CentreError::NotNow(
                    "this quarter is signed already and part of the network; it cannot be stopped any more",
                ));
            }
            None => {
                return Err(CentreError::NotNow(
                    "nothing of this quarter is frozen; there is nothing to stop",
                ));
            }
        }
        // First where no older copy of the data can undo it.
        self.keys.stop(quarter).await?;
        self.stop_in(&mut tx, quarter).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Turns frozen bytes into stopped ones.
    async fn stop_in(&self, tx: &mut Tx, quarter: Quarter) -> Result<(), CentreError> {
        let frozen = decided(tx, quarter)
            .await?
            .and_then(|decided| decided.frozen);
        let frozen = frozen.ok_or(CentreError::Damaged { table: "releases" })?;
        let stopped = frozen.open(&self.keys.gate)?.into_stopped();
        let FrozenRelease { bytes, tag } = stopped.seal(&self.keys.gate);
        sqlx::query(
            "UPDATE releases SET state = 'stopped', payload = $2, frozen = $3, tag = $4 WHERE quarter = $1",
        )
        .bind(quarter.index())
        .bind(stopped.encoded())
        .bind(bytes)
        .bind(tag.as_slice())
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// After an older copy of the data was restored: what was stopped since stays stopped.
    pub(crate) async fn apply_what_keys_remember(&self) -> Result<(), CentreError> {
        let stopped = self.keys.stopped().await?;
        let mut tx = self.begin().await?;
        for quarter in stopped {
            let quarter = Quarter::from_index(quarter)?;
            if decided(&mut tx, quarter)
                .await?
                .is_some_and(|decided| decided.state == QuarterState::Frozen)
            {
                self.stop_in(&mut tx, quarter).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Who approved a quarter: role and credential.
async fn approvals(tx: &mut Tx, quarter: Quarter) -> Result<Vec<(Role, Vec<u8>)>, CentreError> {
    let rows =
        sqlx::query("SELECT role, credential FROM approvals WHERE quarter = $1 ORDER BY role")
            .bind(quarter.index())
            .fetch_all(&mut **tx)
            .await?;
    rows.iter()
        .map(|row| {
            let role = row
                .try_get::<&str, _>(0)?
                .parse()
                .map_err(|_| CentreError::Damaged { table: "approvals" })?;
            Ok((role, row.try_get(1)?))
        })
        .collect()
}

/// A decided quarter.
pub(super) async fn decided(tx: &mut Tx, quarter: Quarter) -> Result<Option<Decided>, CentreError> {
    let row = sqlx::query(
        "SELECT state, payload, frozen, tag, due_at, entry FROM releases WHERE quarter = $1",
    )
    .bind(quarter.index())
    .fetch_optional(&mut **tx)
    .await?;
    row.as_ref().map(decided_row).transpose()
}

pub(super) fn decided_row(row: &sqlx::sqlite::SqliteRow) -> Result<Decided, CentreError> {
    let damaged = || CentreError::Damaged { table: "releases" };
    let frozen: Option<Vec<u8>> = row.try_get("frozen")?;
    let tag: Option<Vec<u8>> = row.try_get("tag")?;
    let frozen = match (frozen, tag) {
        (Some(bytes), Some(tag)) => Some(FrozenRelease {
            bytes,
            tag: tag.as_slice().try_into().map_err(|_| damaged())?,
        }),
        _ => None,
    };
    Ok(Decided {
        state: match row.try_get::<&str, _>("state")? {
            "frozen" => QuarterState::Frozen,
            "stopped" => QuarterState::Stopped,
            "signed" => QuarterState::Signed,
            _ => return Err(damaged()),
        },
        payload: row.try_get("payload")?,
        frozen,
        due_at: row.try_get("due_at")?,
        entry: row.try_get("entry")?,
    })
}
