//! The ledger: which answers have left, so that none leaves twice, and what each member is told about it.

use crate::centre::Centre;
use crate::error::CentreError;
use crate::feed_writer::Adopting;
use crate::people::member_id;
use crate::personal::{CheckInId, MemberId};
use crate::records::CheckInRecord;
use crate::sealing::SealingKey;
use crate::store::{ROWS_PER_INSERT, Tx};
use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::ids::HeaderHash;
use krog_measures::{Day, MeasureCode, Quarter};
use krog_proto::federation::v1 as wire;
use prost::Message;
use sqlx::{QueryBuilder, Row};
use std::collections::{BTreeMap, BTreeSet};

impl Centre {
    pub(super) async fn spent_check_ins(
        &self,
        tx: &mut Tx,
    ) -> Result<BTreeSet<CheckInId>, CentreError> {
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT check_in FROM spent UNION SELECT check_in FROM spent_in_parts",
        )
        .fetch_all(&mut **tx)
        .await?;
        rows.iter()
            .map(|id| {
                CheckInId::try_from(id.as_slice())
                    .map_err(|_| CentreError::Damaged { table: "spent" })
            })
            .collect()
    }

    /// Per measure the last day up to which every answer counts as spent, because a restore lost the ledger of it.
    pub(super) async fn spent_through(
        &self,
        tx: &mut Tx,
    ) -> Result<BTreeMap<MeasureCode, Day>, CentreError> {
        let damaged = || CentreError::Damaged {
            table: "spent_through",
        };
        let rows = sqlx::query("SELECT measure, last_day FROM spent_through")
            .fetch_all(&mut **tx)
            .await?;
        rows.iter()
            .map(|row| {
                let measure =
                    MeasureCode::try_from(row.try_get::<String, _>(0)?).map_err(|_| damaged())?;
                Ok((measure, Day::new(row.try_get(1)?)?))
            })
            .collect()
    }

    /// Spends answers in a quarter's release. A second time for one answer fails, and with it the whole transaction.
    pub(super) async fn spend(
        &self,
        tx: &mut Tx,
        quarter: Quarter,
        check_ins: &[CheckInId],
    ) -> Result<(), CentreError> {
        for check_ins in check_ins.chunks(ROWS_PER_INSERT) {
            let mut insert = QueryBuilder::new("INSERT INTO spent (check_in, quarter) ");
            insert.push_values(check_ins, |mut row, check_in| {
                row.push_bind(check_in.as_bytes().to_vec())
                    .push_bind(quarter.index());
            });
            insert.build().execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Which releases and pools count each member, as "quarter measure" and "pool round measure"; of a round the first 8
    /// digits.
    pub(crate) async fn counted_in(
        &self,
        tx: &mut Tx,
        keys: &BTreeMap<MemberId, SealingKey>,
    ) -> Result<BTreeMap<MemberId, Vec<String>>, CentreError> {
        let rows = sqlx::query(
            "SELECT check_ins.check_in, check_ins.member, check_ins.sealed, spent.quarter FROM spent \
             JOIN check_ins ON check_ins.check_in = spent.check_in \
             JOIN releases ON releases.quarter = spent.quarter WHERE releases.state <> 'stopped'",
        )
        .fetch_all(&mut **tx)
        .await?;
        let mut counted: BTreeMap<MemberId, BTreeSet<String>> = BTreeMap::new();
        for row in &rows {
            let member = member_id(row.try_get(1)?)?;
            let Some(key) = keys.get(&member) else {
                continue;
            };
            let record: CheckInRecord =
                self.unseal(key, "check_ins", row.try_get(0)?, row.try_get(2)?)?;
            let quarter = Quarter::from_index(row.try_get(3)?)?;
            counted
                .entry(member)
                .or_default()
                .insert(format!("{quarter} {}", record.measure));
        }
        let rows = sqlx::query(
            "SELECT check_ins.check_in, check_ins.member, check_ins.sealed, part_pairs.round FROM part_pairs \
             JOIN check_ins ON check_ins.check_in = part_pairs.baseline \
             JOIN parts ON parts.round = part_pairs.round \
             WHERE parts.state NOT IN ('stopped', 'withdrawn', 'failed')",
        )
        .fetch_all(&mut **tx)
        .await?;
        for row in &rows {
            let member = member_id(row.try_get(1)?)?;
            let Some(key) = keys.get(&member) else {
                continue;
            };
            let record: CheckInRecord =
                self.unseal(key, "check_ins", row.try_get(0)?, row.try_get(2)?)?;
            let round = HeaderHash::try_from(row.try_get::<&[u8], _>(3)?)
                .map_err(|_| CentreError::Damaged { table: "parts" })?;
            counted.entry(member).or_default().insert(format!(
                "pool {} {}",
                round.short(),
                record.measure
            ));
        }
        Ok(counted
            .into_iter()
            .map(|(member, lines)| (member, lines.into_iter().collect()))
            .collect())
    }

    /// What counts a member and can still be stopped: quarters, and rounds of pools as "pool" and the first 8 digits; those
    /// also when the part is committed and can be withdrawn.
    pub(crate) async fn frozen_with(
        &self,
        tx: &mut Tx,
        member: MemberId,
    ) -> Result<Vec<String>, CentreError> {
        let quarters: Vec<u32> = sqlx::query_scalar(
            "SELECT DISTINCT spent.quarter FROM spent \
             JOIN check_ins ON check_ins.check_in = spent.check_in \
             JOIN releases ON releases.quarter = spent.quarter \
             WHERE check_ins.member = $1 AND releases.state = 'frozen' ORDER BY spent.quarter",
        )
        .bind(member.as_bytes().as_slice())
        .fetch_all(&mut **tx)
        .await?;
        let rounds: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT DISTINCT part_pairs.round FROM part_pairs \
             JOIN check_ins ON check_ins.check_in = part_pairs.baseline \
             WHERE check_ins.member = $1",
        )
        .bind(member.as_bytes().as_slice())
        .fetch_all(&mut **tx)
        .await?;
        let today = self.today()?;
        let stoppable: Vec<HeaderHash> = super::parts::all(tx)
            .await?
            .iter()
            .filter(|part| part.stoppable_until().is_some_and(|last| today <= last))
            .map(|part| part.round)
            .collect();
        let rounds = stoppable
            .into_iter()
            .filter(|round| rounds.iter().any(|with| with == round.as_bytes()));
        let mut frozen = Vec::new();
        for quarter in quarters {
            frozen.push(Quarter::from_index(quarter)?.to_string());
        }
        for round in rounds {
            frozen.push(format!("pool {}", round.short()));
        }
        Ok(frozen)
    }

    /// Takes note of a release of this centre that this copy of its data does not know: it was signed after the copy was
    /// made, or by another copy. One that does not stand was told all the same, so it decides its quarter unless another
    /// one was signed here. Which answers it counted is lost, so every answer of its measures up to its quarter's end counts as spent.
    async fn adopt_release(
        &self,
        tx: &mut Tx,
        entry: &VerifiedEntry,
        body: &[u8],
        standing: bool,
    ) -> Result<(), CentreError> {
        let damaged = || CentreError::Damaged {
            table: "own_entries",
        };
        let wire::Release {
            quarter,
            roster_version: _,
            cells,
            follow_up: _,
        } = wire::Release::decode(body).map_err(|_| damaged())?;
        let quarter = Quarter::from_index(quarter)?;
        let known: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT payload FROM releases WHERE quarter = $1")
                .bind(quarter.index())
                .fetch_optional(&mut **tx)
                .await?;
        let stopped = self.keys.stopped().await?.contains(&quarter.index());
        sqlx::query(
            "INSERT INTO releases (quarter, state, payload, due_at, entry) VALUES ($1, $2, $3, 0, $4) \
             ON CONFLICT (quarter) DO UPDATE SET state = excluded.state, payload = excluded.payload, \
             entry = excluded.entry WHERE $5 OR releases.entry IS NULL",
        )
        .bind(quarter.index())
        .bind(if stopped { "stopped" } else { "signed" })
        .bind(body)
        .bind(entry.hash().as_bytes().as_slice())
        .bind(standing)
        .execute(&mut **tx)
        .await?;
        if known.as_deref() == Some(body) {
            return Ok(());
        }
        let told = |cell: &wire::Cell| match cell.told {
            Some(wire::cell::Told::Sums(_)) => true,
            // A stopped quarter tells nothing of what it spent, so all it might have spent counts.
            Some(wire::cell::Told::Withheld(_)) => stopped,
            None => false,
        };
        let measures: BTreeSet<&str> = cells
            .iter()
            .filter(|cell| told(cell))
            .map(|cell| cell.measure.as_str())
            .collect();
        for measure in measures {
            spend_through(tx, measure, quarter.last_day()).await?;
        }
        Ok(())
    }
}

impl Centre {
    /// Takes note of a part this copy of the data has committed to and does not know of, or not in these bytes. Which
    /// answers it counted is lost: until the network has told its opening again, nothing is decided.
    async fn adopt_commitment(
        &self,
        tx: &mut Tx,
        entry: &VerifiedEntry,
        body: &[u8],
        standing: bool,
    ) -> Result<(), CentreError> {
        let damaged = || CentreError::Damaged {
            table: "own_entries",
        };
        let commitment = wire::PoolCommitment::decode(body).map_err(|_| damaged())?;
        let known: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT payload FROM parts WHERE round = $1")
                .bind(&commitment.opening)
                .fetch_optional(&mut **tx)
                .await?;
        if known.as_deref() == Some(body) {
            // Frozen in this copy and signed since: its answers are known.
            sqlx::query("UPDATE parts SET state = 'committed', entry = $2 WHERE round = $1")
                .bind(&commitment.opening)
                .bind(entry.hash().as_bytes().as_slice())
                .execute(&mut **tx)
                .await?;
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO parts (round, state, payload, due_at, entry) VALUES ($1, 'committed', $2, 0, $3) \
             ON CONFLICT (round) DO UPDATE SET state = excluded.state, payload = excluded.payload, opening = NULL, \
             frozen = NULL, tag = NULL, entry = excluded.entry WHERE $4 OR parts.entry IS NULL",
        )
        .bind(&commitment.opening)
        .bind(body)
        .bind(entry.hash().as_bytes().as_slice())
        .bind(standing)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Takes note of a part that was withdrawn after this copy of the data was made.
    async fn adopt_withdrawal(
        &self,
        tx: &mut Tx,
        entry: &VerifiedEntry,
    ) -> Result<(), CentreError> {
        let Some(named) = entry.tombstones() else {
            return Ok(());
        };
        sqlx::query(
            "UPDATE parts SET state = 'withdrawn', frozen = NULL, tag = NULL WHERE entry = $1",
        )
        .bind(named.as_bytes().as_slice())
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn note_release(
        &self,
        tx: &mut Tx,
        entry: &VerifiedEntry,
        standing: bool,
    ) -> Result<(), CentreError> {
        match (entry.kind(), entry.body()) {
            (Kind::PoolCommitment, Some(body)) => {
                self.adopt_commitment(tx, entry, body, standing).await
            }
            (Kind::PoolCommitment, None) => self.spend_everything(tx).await,
            (Kind::Tombstone, _) => self.adopt_withdrawal(tx, entry).await,
            (Kind::Release, Some(body)) => self.adopt_release(tx, entry, body, standing).await,
            (Kind::Release, None) => self.spend_everything(tx).await,
            _ => Ok(()),
        }
    }

    /// The network knows more than this copy, so it is an older one: what people stopped or took back since is forgotten
    /// here. What is frozen waits its whole time again, for them to stop it again.
    async fn restart_waiting(&self, tx: &mut Tx) -> Result<(), CentreError> {
        let Some(chain) = self.roster(tx).await? else {
            return Ok(());
        };
        sqlx::query(
            "UPDATE releases SET due_at = max(due_at, $1) WHERE entry IS NULL AND state = 'frozen'",
        )
        .bind(self.due_from_now(chain.latest().policy.waiting_days))
        .execute(&mut **tx)
        .await?;
        sqlx::query("UPDATE parts SET due_at = max(due_at, $1) WHERE state = 'frozen'")
            .bind(self.due_from_now(chain.latest().policy.waiting_days))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// A release whose bytes are gone does not even say which measures it counted.
    async fn spend_everything(&self, tx: &mut Tx) -> Result<(), CentreError> {
        let today = self.today()?;
        let chain = self.roster(tx).await?;
        for measure in chain
            .iter()
            .flat_map(|chain| chain.latest().policy.measures.iter())
        {
            spend_through(tx, measure.code.as_str(), today).await?;
        }
        Ok(())
    }
}

pub(super) async fn spend_through(
    tx: &mut Tx,
    measure: &str,
    last_day: Day,
) -> Result<(), CentreError> {
    sqlx::query(
        "INSERT INTO spent_through (measure, last_day) VALUES ($1, $2) \
         ON CONFLICT (measure) DO UPDATE SET last_day = max(last_day, excluded.last_day)",
    )
    .bind(measure)
    .bind(last_day.number())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[async_trait::async_trait]
impl Adopting for Centre {
    async fn adopted(&self, tx: &mut Tx, entry: &VerifiedEntry) -> Result<(), CentreError> {
        self.restart_waiting(tx).await?;
        self.note_release(tx, entry, true).await
    }

    async fn met_aside(&self, tx: &mut Tx, entry: &VerifiedEntry) -> Result<(), CentreError> {
        self.restart_waiting(tx).await?;
        self.note_release(tx, entry, false).await
    }
}
