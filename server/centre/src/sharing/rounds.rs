//! Rounds that are open to this centre: on their form, and their two approvals.

use super::approve::{Approval, SECONDS_PER_DAY};
use super::parts::{self, Part, PartState};
use super::waiting::{MadeOf, Waiting, Which};
use crate::centre::Centre;
use crate::error::CentreError;
use crate::network_reading::Copy;
use crate::policy::{Caller, Role};
use crate::store::Tx;
use krog_disclosure::{
    FrozenContribution, Invited, PairId, PartForm, QuarterBatch, contribute, part_form,
};
use krog_feed::ids::HeaderHash;
use krog_feed::roster::RosterChain;
use krog_feed::rounds::board::{RoundStatus, Stage};
use krog_measures::{Course, Day, Facilitation, Quarter};
use krog_pools::privacy::{DELTA, epsilon};
use krog_pools::{PoolTerms, Role as Aggregator};
use prost::Message;
use sqlx::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A round on its form, for two people to decide.
#[derive(Debug, Clone)]
pub struct PreviewRound {
    /// The round.
    pub round: HeaderHash,
    /// The measure's code.
    pub measure: String,
    /// Who leads the groups counted.
    pub facilitation: Facilitation,
    /// Entry or continuing.
    pub course: Course,
    /// First quarter whose pairs are counted.
    pub first: Quarter,
    /// Last quarter whose pairs are counted.
    pub last: Quarter,
    /// Names of the sums asked.
    pub sums: Vec<String>,
    /// Public names of the two aggregators.
    pub aggregators: [String; 2],
    /// Last day on which a part can be committed.
    pub deadline: Option<Day>,
    /// The word for how far it has come here.
    pub state: &'static str,
    /// Roles that approved.
    pub approved_by: Vec<Role>,
    /// Persons counted, or who would be; 0 below the floor of a part.
    pub persons: u32,
    /// Whether the centre takes part, or would.
    pub takes_part: bool,
    /// Why, in one sentence.
    pub reason: String,
    /// Cost as ρ; 0: no noise.
    pub rho: f64,
    /// The same as ε at a δ of one in a million.
    pub epsilon: f64,
    /// What the centre has spent in the round's calendar year without it.
    pub spent_rho: f64,
    /// What it may spend in a year; 0: no limit.
    pub yearly_rho: f64,
    /// Last day on which the part can be stopped.
    pub stoppable_until: Option<Day>,
    /// What precision to expect.
    pub precision: String,
}

/// What an approval of a quarter led to in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPart {
    /// The round.
    pub round: HeaderHash,
    /// The word for how far it has come.
    pub state: &'static str,
    /// What happens next, in one sentence.
    pub next: String,
}

/// A round that is open to this centre.
struct Invitation {
    status: RoundStatus,
    terms: PoolTerms,
    batch: QuarterBatch,
    made_of: BTreeMap<PairId, MadeOf>,
    first_counted: Option<BTreeSet<PairId>>,
    spent_rho_millionths: u64,
    form: PartForm,
    /// Whether the days in which it is shown at home end after the deadline.
    too_late: bool,
}

impl Invitation {
    fn invited(&self, centre: [u8; 32]) -> Invited<'_> {
        Invited {
            id: *self.status.id.as_bytes(),
            round: &self.status.round,
            terms: &self.terms,
            centre,
            spent_rho_millionths: self.spent_rho_millionths,
            first_counted: self.first_counted.as_ref(),
        }
    }
}

impl Centre {
    /// The network as this house has read it, if it has or had pools and was read since the start.
    fn copy_with_pools(&self, chain: &RosterChain) -> Option<Arc<Copy>> {
        has_had_pools(chain)
            .then(|| self.readings.current(chain.network()))
            .flatten()
    }

    /// The rounds that collect parts and of which this centre has made none yet.
    async fn invitations(
        &self,
        tx: &mut Tx,
        chain: &RosterChain,
        copy: &Copy,
        quarter: Quarter,
        parts: &[Part],
    ) -> Result<Vec<Invitation>, CentreError> {
        let today = i64::from(self.today()?.number());
        let policy = &chain.latest().policy;
        let due = self
            .due_from_now(policy.waiting_days)
            .div_euclid(SECONDS_PER_DAY);
        let mut waiting: Option<(QuarterBatch, BTreeMap<PairId, MadeOf>)> = None;
        let mut open = Vec::new();
        for status in copy.rounds(today) {
            let first = status.round.first_round.map(HeaderHash::from);
            let has_part = parts.iter().any(|part| {
                let is_second_too = || {
                    let opening = part.opening.as_ref();
                    first.is_some()
                        && part.state != PartState::Failed
                        && opening.and_then(|round| round.first_round) == status.round.first_round
                };
                part.round == status.id || is_second_too()
            });
            if status.stage != Stage::Collecting || has_part || !is_keyholder(chain, &status) {
                continue;
            }
            // By the latest policy, whatever older version the opening names.
            let Some(terms) = policy.pools else {
                continue;
            };
            let first_part = first.and_then(|first| {
                parts
                    .iter()
                    .find(|part| part.round == first && part.state == PartState::Told)
            });
            let (batch, made_of, first_counted) = match first_part {
                Some(part) => {
                    let counted = parts::pairs_of(tx, part.round).await?;
                    let Waiting { parts, made_of } = self
                        .waiting(tx, quarter, chain, Which::Counted(&counted))
                        .await?;
                    // Who was lost then may have been asked since; only pairs are counted again.
                    let counted = counted
                        .iter()
                        .filter(|(_, made_of)| made_of.follow_up.is_some())
                        .map(|(pair, _)| *pair)
                        .collect();
                    (QuarterBatch::new(parts)?, made_of, Some(counted))
                }
                None => {
                    if waiting.is_none() {
                        let Waiting { parts, made_of } =
                            self.waiting(tx, quarter, chain, Which::Waiting).await?;
                        waiting = Some((QuarterBatch::new(parts)?, made_of));
                    }
                    match &waiting {
                        Some((batch, made_of)) => (batch.clone(), made_of.clone(), None),
                        None => continue,
                    }
                }
            };
            let year = parts::year_of(&status.round).unwrap_or_default();
            let mut invitation = Invitation {
                too_late: due > i64::from(status.round.deadline),
                spent_rho_millionths: parts::spent_rho(parts, year),
                form: PartForm {
                    persons: 0,
                    reason: krog_disclosure::PartReason::TooFewPersons,
                    since: None,
                },
                status,
                terms,
                batch,
                made_of,
                first_counted,
            };
            let writer = *self.writer().as_bytes();
            invitation.form = part_form(&invitation.batch, &invitation.invited(writer));
            open.push(invitation);
        }
        open.sort_by_key(|open| (open.status.round.deadline, open.status.id));
        Ok(open)
    }

    /// The rounds on their forms, the nearest deadline first: those that can be decided, and this centre's parts in others.
    pub(super) async fn preview_rounds(
        &self,
        tx: &mut Tx,
        chain: &RosterChain,
        quarter: Quarter,
    ) -> Result<Vec<PreviewRound>, CentreError> {
        let Some(copy) = self.copy_with_pools(chain) else {
            return Ok(Vec::new());
        };
        let parts = parts::all(tx).await?;
        let today = i64::from(self.today()?.number());
        let mut shown = Vec::new();
        for open in self.invitations(tx, chain, &copy, quarter, &parts).await? {
            let approved_by = approvals(tx, open.status.id)
                .await?
                .into_iter()
                .map(|(role, ..)| role)
                .collect::<Vec<_>>();
            let takes_part = open.form.takes_part() && !open.too_late;
            shown.push(PreviewRound {
                state: match (takes_part, approved_by.is_empty()) {
                    (false, _) => "closed",
                    (true, true) => "open",
                    (true, false) => "approved-once",
                },
                approved_by,
                persons: if takes_part { open.form.persons } else { 0 },
                takes_part,
                reason: if open.too_late && open.form.takes_part() {
                    "its deadline comes before the days in which a part is shown at home are over; the pairs wait for the next round".to_owned()
                } else {
                    open.form.reason.to_string()
                },
                spent_rho: open.spent_rho_millionths as f64 / 1e6,
                ..preview(&copy, &open.status, Some(&open.terms))
            });
        }
        for status in copy.rounds(today) {
            let own = parts.iter().find(|part| part.round == status.id);
            match (own, status.stage) {
                (Some(part), _) => {
                    let year = parts::year_of(&status.round).unwrap_or_default();
                    let others: u64 = parts::spent_rho(&parts, year);
                    let own_cost = u64::from(status.round.rho_millionths);
                    let spent = if matches!(part.state, PartState::Failed | PartState::Stopped) {
                        others
                    } else {
                        others.saturating_sub(own_cost)
                    };
                    let persons = parts::pairs_of(tx, part.round).await?.len();
                    shown.push(PreviewRound {
                        state: part.state.as_str(),
                        persons: u32::try_from(persons).unwrap_or(u32::MAX),
                        takes_part: true,
                        reason: part
                            .state
                            .meaning(status.round.first_round.is_some())
                            .to_owned(),
                        spent_rho: spent as f64 / 1e6,
                        stoppable_until: part
                            .stoppable_until()
                            .filter(|last| i64::from(last.number()) >= today),
                        ..preview(
                            &copy,
                            &status,
                            copy.terms(&status.round).map(|(t, _)| t).as_ref(),
                        )
                    });
                }
                (None, Stage::Opened) if today <= i64::from(status.round.deadline) => {
                    shown.push(PreviewRound {
                        state: "waiting-for-keys",
                        reason: "an aggregator has not answered with its key yet".to_owned(),
                        ..preview(
                            &copy,
                            &status,
                            copy.terms(&status.round).map(|(t, _)| t).as_ref(),
                        )
                    });
                }
                (None, _) => {}
            }
        }
        Ok(shown)
    }

    /// Approves every open round this centre would take part in, beside a quarter. At the second approval, by another
    /// person in the other role, the part is made and frozen and its answers are spent.
    pub(super) async fn approve_rounds(
        &self,
        tx: &mut Tx,
        chain: &RosterChain,
        quarter: Quarter,
        caller: &Caller,
    ) -> Result<Vec<ApprovedPart>, CentreError> {
        let Some(copy) = self.copy_with_pools(chain) else {
            return Ok(Vec::new());
        };
        let mut approved = Vec::new();
        let mut decided = BTreeSet::new();
        loop {
            // Anew for each: what one spends, of the answers and of the year's cost, is gone for the next.
            let parts = parts::all(tx).await?;
            let open = self
                .invitations(tx, chain, &copy, quarter, &parts)
                .await?
                .into_iter()
                .filter(|open| open.form.takes_part() && !open.too_late)
                .find(|open| !decided.contains(&open.status.id));
            let Some(open) = open else {
                return Ok(approved);
            };
            decided.insert(open.status.id);
            approved.extend(self.approve_round(tx, chain, &open, caller).await?);
        }
    }

    /// One approval of one round; `None` where this person or role has given it already.
    async fn approve_round(
        &self,
        tx: &mut Tx,
        chain: &RosterChain,
        open: &Invitation,
        caller: &Caller,
    ) -> Result<Option<ApprovedPart>, CentreError> {
        let round = open.status.id;
        let mut before = approvals(tx, round).await?;
        let seen = self.part_hash(open);
        if before.iter().any(|(_, _, form)| *form != seen) {
            // It counts others than were approved: both look again.
            sqlx::query("DELETE FROM part_approvals WHERE round = $1")
                .bind(round.as_bytes().as_slice())
                .execute(&mut **tx)
                .await?;
            before.clear();
        }
        if before.iter().any(|(role, credential, _)| {
            *role == caller.role || credential == caller.credential.as_bytes()
        }) {
            return Ok(None);
        }
        sqlx::query(
            "INSERT INTO part_approvals (round, role, credential, form) VALUES ($1, $2, $3, $4)",
        )
        .bind(round.as_bytes().as_slice())
        .bind(caller.role.as_str())
        .bind(caller.credential.as_bytes().as_slice())
        .bind(seen.as_slice())
        .execute(&mut **tx)
        .await?;
        if before.is_empty() {
            let missing = Role::ALL.into_iter().find(|role| *role != caller.role);
            return Ok(Some(ApprovedPart {
                round,
                state: "approved-once",
                next: missing.map_or_else(String::new, |role| {
                    format!("Now the {role} has to approve, who is another person.")
                }),
            }));
        }
        self.freeze_part(tx, chain, open).await?;
        let until = deadline(&open.status).map_or_else(String::new, |day| day.to_string());
        Ok(Some(ApprovedPart {
            round,
            state: PartState::Frozen.as_str(),
            next: format!(
                "The part is sealed and its answers spent unless the round fails. It can be stopped, and until {until} withdrawn."
            ),
        }))
    }

    async fn freeze_part(
        &self,
        tx: &mut Tx,
        chain: &RosterChain,
        open: &Invitation,
    ) -> Result<(), CentreError> {
        let [Some(leader), Some(helper)] = &open.status.keys else {
            return Err(CentreError::NotNow(
                "an aggregator has not answered with its key yet; approve again when it has",
            ));
        };
        let invited = open.invited(*self.writer().as_bytes());
        let cleared = self
            .surroundings
            .with_chance(|rng| contribute(&open.batch, &invited, [leader, helper], rng))?;
        let due_at = self.due_from_now(chain.latest().policy.waiting_days);
        let FrozenContribution { bytes, tag } = cleared.seal(&self.keys.gate);
        // Its sums are those of this centre alone, and few persons.
        let sealed = self.keys.centre.seal(
            parts::frozen_place(&open.status.id),
            &bytes,
            &self.surroundings,
        )?;
        sqlx::query(
            "INSERT INTO parts (round, state, opening, payload, frozen, tag, due_at) VALUES ($1, 'frozen', $2, $3, $4, $5, $6)",
        )
        .bind(open.status.id.as_bytes().as_slice())
        .bind(open.status.opening.encode_to_vec())
        .bind(cleared.commitment())
        .bind(sealed)
        .bind(tag.as_slice())
        .bind(due_at)
        .execute(&mut **tx)
        .await?;
        parts::spend(
            tx,
            open.status.id,
            cleared.spent(),
            &open.made_of,
            open.status.round.first_round,
        )
        .await
    }

    /// The form of a round as both see it, hashed.
    fn part_hash(&self, open: &Invitation) -> Vec<u8> {
        let PartForm {
            persons,
            reason: _,
            since,
        } = open.form;
        let since = since.map_or(0, Quarter::index);
        let hash = self.keys.index.hash(&[
            b"part",
            open.status.id.as_bytes(),
            &persons.to_be_bytes(),
            &since.to_be_bytes(),
        ]);
        hash.to_vec()
    }
}

/// Whether a network has pools or had them: what a round of then has spent is settled, and what its aggregators hold
/// destroyed, also when its policy drops them.
pub(crate) fn has_had_pools(chain: &RosterChain) -> bool {
    chain.versions().any(|roster| roster.policy.pools.is_some())
}

/// Whether a round's opener is still a keyholder: one that is not any more opens nothing for this centre.
fn is_keyholder(chain: &RosterChain, status: &RoundStatus) -> bool {
    chain.latest().keyholders.contains_key(&status.opened_by)
}

/// What the opening says, before anything of this centre.
fn preview(copy: &Copy, status: &RoundStatus, terms: Option<&PoolTerms>) -> PreviewRound {
    let round = &status.round;
    let rho = round.rho();
    PreviewRound {
        round: status.id,
        measure: round.measure.to_string(),
        facilitation: round.facilitation,
        course: round.course,
        first: round.first,
        last: round.last,
        sums: round.sums.iter().map(ToString::to_string).collect(),
        aggregators: Aggregator::BOTH.map(|role| {
            copy.name(match role {
                Aggregator::Leader => &round.leader,
                Aggregator::Helper => &round.helper,
            })
        }),
        deadline: deadline(status),
        state: "closed",
        approved_by: Vec::new(),
        persons: 0,
        takes_part: false,
        reason: String::new(),
        rho,
        epsilon: epsilon(rho, DELTA).unwrap_or_default(),
        spent_rho: 0.0,
        yearly_rho: terms
            .filter(|terms| terms.rho_millionths > 0)
            .map_or(0.0, |terms| f64::from(terms.yearly_rho_millionths) / 1e6),
        stoppable_until: None,
        precision: precision(status),
    }
}

fn precision(status: &RoundStatus) -> String {
    let thousandths = |width: u32| f64::from(width) / 1_000.0;
    let lines: Vec<String> = status
        .round
        .precision
        .iter()
        .map(|line| {
            format!(
                "{} centres with {} persons: ±{:.2} SD (±{:.2} without noise)",
                line.centres,
                line.persons,
                thousandths(line.half_width_thousandths),
                thousandths(line.noiseless_half_width_thousandths),
            )
        })
        .collect();
    lines.join("; ")
}

fn deadline(status: &RoundStatus) -> Option<Day> {
    Day::new(i32::try_from(status.round.deadline).ok()?).ok()
}

/// Who approved a round.
async fn approvals(tx: &mut Tx, round: HeaderHash) -> Result<Vec<Approval>, CentreError> {
    let rows = sqlx::query(
        "SELECT role, credential, form FROM part_approvals WHERE round = $1 ORDER BY role",
    )
    .bind(round.as_bytes().as_slice())
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            let role = row
                .try_get::<&str, _>(0)?
                .parse()
                .map_err(|_| CentreError::Damaged {
                    table: "part_approvals",
                })?;
            Ok((role, row.try_get(1)?, row.try_get(2)?))
        })
        .collect()
}
