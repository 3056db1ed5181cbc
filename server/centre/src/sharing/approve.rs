//! Preview, the two approvals, and stopping.

use super::parts;
use super::rounds::ApprovedPart;
use super::waiting::{MadeOf, Waiting, Which};
use super::{Preview, QuarterState};
use crate::centre::Centre;
use crate::error::CentreError;
use crate::feed_writer::FeedError;
use crate::personal::CheckInId;
use crate::policy::{Action, Caller, Permit, Role, Subject};
use crate::store::Tx;
use krog_disclosure::{FrozenRelease, PairId, QuarterBatch, QuarterForm, clear, form};
use krog_feed::roster::RosterChain;
use krog_measures::{Day, Quarter};
use sqlx::Row;
use std::collections::BTreeMap;

pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// What an approval led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The state after it.
    pub state: QuarterState,
    /// The role whose approval is still missing.
    pub missing: Option<Role>,
    /// Last day on which the frozen bytes can be stopped.
    pub stoppable_until: Option<Day>,
    /// Rounds of pools approved with it.
    pub rounds: Vec<ApprovedPart>,
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
            .map(|(role, ..)| role)
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
            rounds: match &chain {
                Some(chain) => self.preview_rounds(&mut tx, chain, quarter).await?,
                None => Vec::new(),
            },
            stoppable_until: decided.as_ref().and_then(Decided::stoppable_until),
            without_consent: 0,
            network: chain
                .as_ref()
                .map(|chain| chain.latest().genesis.public_name().to_string()),
        };
        match (&decided, &chain) {
            (Some(decided), _) => {
                let ways = match &chain {
                    Some(chain) => self.ways(&mut tx, &chain.latest().policy).await?,
                    None => BTreeMap::new(),
                };
                preview.cells = super::shown::cells_of_release(&decided.payload, &ways)?;
            }
            (None, Some(chain)) => {
                let waiting = self
                    .waiting(&mut tx, quarter, chain, Which::Waiting)
                    .await?;
                let ways = self.ways(&mut tx, &chain.latest().policy).await?;
                let without = u32::try_from(waiting.without_consent()).unwrap_or(u32::MAX);
                preview.without_consent = without.div_ceil(5).saturating_mul(5);
                preview.cells =
                    super::shown::cells_of_form(&form(&QuarterBatch::new(waiting.parts)?), &ways);
            }
            (None, None) => {}
        }
        Ok(preview)
    }

    /// Approves a quarter as a whole, on its form, and with it every open round of a pool this centre would take part in.
    /// At the second approval, by another person in the other role, what leaves is computed once and frozen, and its
    /// answers are spent, in one transaction. A form that is another than at the first approval withdraws that one instead.
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
        let parts = parts::all(&mut tx).await?;
        if parts.iter().any(|part| part.opening.is_none()) {
            // Which answers it has spent is not known, so none may leave.
            return Err(parts::not_known_again());
        }
        let caller = *permit.caller();
        let released = self
            .approve_release(&mut tx, &chain, quarter, &caller)
            .await?;
        if let Released::FormChanged = released {
            tx.commit().await?;
            return Err(CentreError::NotNow(
                "the form has changed since the first approval, which is withdrawn: look at the preview again, then both approve it anew",
            ));
        }
        let rounds = self
            .approve_rounds(&mut tx, &chain, quarter, &caller)
            .await?;
        let mut approved = match released {
            Released::Approved(approved) => approved,
            // What is said of the quarter stands; only rounds opened since are new.
            Released::Already(_) if !rounds.is_empty() => {
                let decided = decided(&mut tx, quarter).await?;
                let by: Vec<Role> = approvals(&mut tx, quarter)
                    .await?
                    .into_iter()
                    .map(|(role, ..)| role)
                    .collect();
                Approved {
                    state: decided
                        .as_ref()
                        .map_or(QuarterState::ApprovedOnce, |decided| decided.state),
                    missing: Role::ALL
                        .into_iter()
                        .find(|role| decided.is_none() && !by.contains(role)),
                    stoppable_until: decided.as_ref().and_then(Decided::stoppable_until),
                    rounds: Vec::new(),
                }
            }
            Released::Already(error) => return Err(error),
            Released::FormChanged => return Err(CentreError::NotNow("look at the preview again")),
        };
        approved.rounds = rounds;
        tx.commit().await?;
        Ok(approved)
    }

    async fn approve_release(
        &self,
        tx: &mut Tx,
        chain: &RosterChain,
        quarter: Quarter,
        caller: &Caller,
    ) -> Result<Released, CentreError> {
        if decided(tx, quarter).await?.is_some()
            || self.keys.stopped().await?.contains(&quarter.index())
        {
            return Ok(Released::Already(CentreError::NotNow(
                "this quarter is decided already; the next one can be when it has ended",
            )));
        }
        let before = approvals(tx, quarter).await?;
        if before.iter().any(|(role, credential, _)| {
            *role == caller.role || credential == caller.credential.as_bytes()
        }) {
            return Ok(Released::Already(CentreError::AlreadyThere(
                "this role has approved already; the second approval comes from another person in the other role",
            )));
        }
        let Waiting { parts, made_of } = self.waiting(tx, quarter, chain, Which::Waiting).await?;
        let batch = QuarterBatch::new(parts)?;
        let seen = self.form_hash(&form(&batch));
        if before.iter().any(|(_, _, approved)| *approved != seen) {
            sqlx::query("DELETE FROM approvals WHERE quarter = $1")
                .bind(quarter.index())
                .execute(&mut **tx)
                .await?;
            return Ok(Released::FormChanged);
        }
        sqlx::query(
            "INSERT INTO approvals (quarter, role, credential, form) VALUES ($1, $2, $3, $4)",
        )
        .bind(quarter.index())
        .bind(caller.role.as_str())
        .bind(caller.credential.as_bytes().as_slice())
        .bind(seen.as_slice())
        .execute(&mut **tx)
        .await?;
        if before.is_empty() {
            return Ok(Released::Approved(Approved {
                state: QuarterState::ApprovedOnce,
                missing: Role::ALL.into_iter().find(|role| *role != caller.role),
                stoppable_until: None,
                rounds: Vec::new(),
            }));
        }
        let cleared = clear(&batch);
        let due_at = self.due_from_now(chain.latest().policy.waiting_days);
        let FrozenRelease { bytes, tag } = cleared.seal(&self.keys.gate);
        sqlx::query(
            "INSERT INTO releases (quarter, state, payload, frozen, tag, due_at) VALUES ($1, 'frozen', $2, $3, $4, $5)",
        )
        .bind(quarter.index())
        .bind(cleared.encoded())
        .bind(bytes)
        .bind(tag.as_slice())
        .bind(due_at)
        .execute(&mut **tx)
        .await?;
        let spent = answers_of(cleared.spent(), &made_of)?;
        self.spend(tx, quarter, &spent).await?;
        let frozen = decided(tx, quarter).await?;
        Ok(Released::Approved(Approved {
            state: QuarterState::Frozen,
            missing: None,
            stoppable_until: frozen.as_ref().and_then(Decided::stoppable_until),
            rounds: Vec::new(),
        }))
    }

    /// The form as both see it, hashed: what the second approves is what the first approved.
    fn form_hash(&self, form: &QuarterForm) -> Vec<u8> {
        let shown = format!(
            "{:?} {:?}",
            super::shown::cells_of_form(form, &BTreeMap::new()),
            form.follow_up
        );
        let quarter = form.quarter.index().to_be_bytes();
        let hash = self.keys.index.hash(&[b"form", &quarter, shown.as_bytes()]);
        hash.to_vec()
    }

    /// Seconds since 1970-01-01 at which what is frozen now may be signed.
    pub(super) fn due_from_now(&self, waiting_days: u32) -> i64 {
        let wait = i64::from(waiting_days) * SECONDS_PER_DAY;
        self.surroundings.now().saturating_add(wait)
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
        let Some(cleared) = frozen.and_then(|frozen| frozen.open(&self.keys.gate).ok()) else {
            // What is damaged cannot be told even as not shared. It is stopped all the same, and nothing of it is kept.
            sqlx::query(
                "UPDATE releases SET state = 'stopped', payload = x'', frozen = NULL, tag = NULL WHERE quarter = $1",
            )
            .bind(quarter.index())
            .execute(&mut **tx)
            .await?;
            return Ok(());
        };
        let stopped = cleared.into_stopped();
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
        parts::stop_frozen(&mut tx, &self.keys.stopped_parts().await?).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The answers that pairs are made of. A pair without them would leave unspent and could leave again.
fn answers_of(
    pairs: &[PairId],
    made_of: &BTreeMap<PairId, MadeOf>,
) -> Result<Vec<CheckInId>, CentreError> {
    let mut answers = Vec::with_capacity(2 * pairs.len());
    for pair in pairs {
        let made_of = made_of
            .get(pair)
            .ok_or(CentreError::Damaged { table: "check_ins" })?;
        answers.push(made_of.baseline);
        answers.extend(made_of.follow_up);
    }
    Ok(answers)
}

/// What became of a quarter's release at an approval.
enum Released {
    /// It is approved, once or twice.
    Approved(Approved),
    /// Nothing is left to approve in it, for this reason.
    Already(CentreError),
    /// Its form is another than the one approved first; that approval is gone.
    FormChanged,
}

/// An approval: role, credential, and the hash of the form it was given on.
pub(super) type Approval = (Role, Vec<u8>, Vec<u8>);

/// Who approved a quarter.
async fn approvals(tx: &mut Tx, quarter: Quarter) -> Result<Vec<Approval>, CentreError> {
    let rows = sqlx::query(
        "SELECT role, credential, form FROM approvals WHERE quarter = $1 ORDER BY role",
    )
    .bind(quarter.index())
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            let role = row
                .try_get::<&str, _>(0)?
                .parse()
                .map_err(|_| CentreError::Damaged { table: "approvals" })?;
            Ok((role, row.try_get(1)?, row.try_get(2)?))
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
            // A tag that is none opens nothing.
            tag: tag.as_slice().try_into().unwrap_or([0; 32]),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_whose_answers_are_not_known_does_not_leave_unspent() {
        let answers = [CheckInId::new([1; 16]), CheckInId::new([2; 16])];
        let pair = MadeOf {
            baseline: answers[0],
            follow_up: Some(answers[1]),
        };
        let made_of = BTreeMap::from([(PairId([7; 16]), pair)]);
        assert_eq!(answers_of(&[PairId([7; 16])], &made_of).unwrap(), answers);
        let refused = answers_of(&[PairId([7; 16]), PairId([8; 16])], &made_of);
        assert!(matches!(refused, Err(CentreError::Damaged { .. })));
    }
}
