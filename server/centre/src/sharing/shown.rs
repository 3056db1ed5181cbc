//! Cells, releases and parts as the people of the centre see them.

use super::approve::{Decided, decided_row};
use super::parts::{self, PartState};
use super::{PreviewCell, ShownRelease};
use crate::centre::Centre;
use crate::error::CentreError;
use crate::policy::{Action, Permit, Subject};
use krog_disclosure::{CellForm, PublicStatus, QuarterForm, Way};
use krog_feed::ids::HeaderHash;
use krog_measures::{Course, Day, Facilitation, MeasureCode, Quarter};
use krog_pools::{Layout, Role as Aggregator};
use krog_proto::federation::v1 as wire;
use prost::Message;
use sqlx::Row;
use std::collections::BTreeMap;

impl Centre {
    /// Shows what is frozen and what was signed, to the byte, oldest first.
    pub async fn show(
        &self,
        permit: &Permit,
        quarter: Option<Quarter>,
    ) -> Result<Vec<ShownRelease>, CentreError> {
        self.check(permit, Action::Show, &Subject::Centre)?;
        let mut tx = self.begin().await?;
        let rows = sqlx::query("SELECT quarter, state, payload, frozen, tag, due_at, entry FROM releases ORDER BY quarter")
            .fetch_all(&mut *tx)
            .await?;
        let mut shown = Vec::new();
        for row in &rows {
            let of = Quarter::from_index(row.try_get("quarter")?)?;
            if quarter.is_some_and(|quarter| quarter != of) {
                continue;
            }
            let decided = decided_row(row)?;
            let stoppable_until = decided.stoppable_until();
            let Decided {
                state,
                payload,
                entry,
                ..
            } = decided;
            let entry = entry
                .map(|hash| {
                    HeaderHash::try_from(hash.as_slice())
                        .map_err(|_| CentreError::Damaged { table: "releases" })
                })
                .transpose()?;
            let handed_over = match entry {
                Some(hash) => self.feed.is_handed_over(&mut tx, hash).await?,
                None => false,
            };
            shown.push(ShownRelease {
                quarter: of,
                state,
                payload,
                entry,
                stoppable_until,
                handed_over,
            });
        }
        Ok(shown)
    }
}

/// A part as the people of the centre see it.
#[derive(Debug, Clone)]
pub struct ShownPart {
    /// The round.
    pub round: HeaderHash,
    /// How far it has come.
    pub state: PartState,
    /// The measure; `None` after a restore, until the network has told it again.
    pub measure: Option<String>,
    /// The sums by name, in points or persons; gone once the round has ended.
    pub sums: Vec<(String, f64)>,
    /// The exact encoded commitment.
    pub payload: Vec<u8>,
    /// The sealed parcels, the leader's first; gone once the round has ended.
    pub parcels: Option<[Vec<u8>; 2]>,
    /// The entry that carries the commitment, once signed.
    pub entry: Option<HeaderHash>,
    /// Last day on which it can be stopped.
    pub stoppable_until: Option<Day>,
}

impl Centre {
    /// This centre's parts, with their own sums while their rounds go on.
    pub async fn show_parts(&self, permit: &Permit) -> Result<Vec<ShownPart>, CentreError> {
        self.check(permit, Action::Show, &Subject::Centre)?;
        let mut tx = self.begin().await?;
        let chain = self.roster(&mut tx).await?;
        let mut shown = Vec::new();
        for part in parts::all(&mut tx).await? {
            let cleared = self.cleared(&part)?;
            let measure = part.opening.as_ref().and_then(|round| {
                let roster = chain
                    .as_ref()?
                    .versions()
                    .find(|roster| roster.version == round.roster_version)?;
                roster.policy.measure(&round.measure).cloned()
            });
            let sums = match (&cleared, &part.opening, &measure) {
                (Some(cleared), Some(round), Some(measure)) => Layout::of(round, measure)
                    .coordinates()
                    .iter()
                    .zip(cleared.sums())
                    .map(|(coordinate, sum)| {
                        let name = match coordinate.item.and_then(|at| round.items.get(at)) {
                            Some(item) => item.code.clone(),
                            None => coordinate.sum.to_string(),
                        };
                        (name, *sum as f64 * coordinate.unit)
                    })
                    .collect(),
                _ => Vec::new(),
            };
            shown.push(ShownPart {
                round: part.round,
                state: part.state,
                measure: part.opening.as_ref().map(|round| round.measure.to_string()),
                sums,
                stoppable_until: part.stoppable_until(),
                payload: part.payload,
                parcels: cleared
                    .map(|cleared| Aggregator::BOTH.map(|role| cleared.parcel(role).to_vec())),
                entry: part.entry,
            });
        }
        Ok(shown)
    }
}

/// The cells of a quarter that is still open.
pub(super) fn cells_of_form(
    form: &QuarterForm,
    ways: &BTreeMap<MeasureCode, Way>,
) -> Vec<PreviewCell> {
    let cell = |cell: &CellForm| PreviewCell {
        measure: cell.cell.measure.as_str().to_owned(),
        facilitation: cell.cell.facilitation,
        course: cell.cell.course,
        persons: if cell.status == PublicStatus::BelowFloor {
            0
        } else {
            cell.persons
        },
        would_be: cell.status.as_str(),
        form: cell.told.map(|told| told.to_string()).unwrap_or_default(),
        reason: cell.reason.to_string(),
        waiting_since: cell.waiting_since,
        way: ways.get(&cell.cell.measure).copied().unwrap_or_default(),
    };
    sorted(form.cells.iter().map(cell).collect())
}

/// The cells of a decided quarter, read from the bytes that were cleared.
pub(super) fn cells_of_release(
    payload: &[u8],
    ways: &BTreeMap<MeasureCode, Way>,
) -> Result<Vec<PreviewCell>, CentreError> {
    let damaged = || CentreError::Damaged { table: "releases" };
    let release = wire::Release::decode(payload).map_err(|_| damaged())?;
    let cell = |cell: &wire::Cell| {
        let (persons, would_be, form) = match &cell.told {
            Some(wire::cell::Told::Sums(sums)) => {
                let form = format!("n {} · numbers masked", sums.persons);
                (sums.persons, PublicStatus::Value, form)
            }
            Some(wire::cell::Told::Withheld(why)) => {
                (0, withheld(*why).ok_or_else(damaged)?, String::new())
            }
            None => return Err(damaged()),
        };
        Ok(PreviewCell {
            measure: cell.measure.clone(),
            facilitation: facilitation(cell.facilitation).ok_or_else(damaged)?,
            course: course(cell.course).ok_or_else(damaged)?,
            persons,
            would_be: would_be.as_str(),
            form,
            reason: "decided; the exact bytes can be shown".to_owned(),
            waiting_since: None,
            way: ways
                .iter()
                .find(|(measure, _)| measure.as_str() == cell.measure)
                .map(|(_, way)| *way)
                .unwrap_or_default(),
        })
    };
    Ok(sorted(
        release
            .cells
            .iter()
            .map(cell)
            .collect::<Result<_, CentreError>>()?,
    ))
}

fn sorted(mut cells: Vec<PreviewCell>) -> Vec<PreviewCell> {
    cells.sort_by(|a, b| {
        (&a.measure, a.facilitation, a.course).cmp(&(&b.measure, b.facilitation, b.course))
    });
    cells
}

fn withheld(number: i32) -> Option<PublicStatus> {
    match wire::Withheld::try_from(number).ok()? {
        wire::Withheld::Unspecified => None,
        wire::Withheld::BelowFloor => Some(PublicStatus::BelowFloor),
        wire::Withheld::NotInTable => Some(PublicStatus::NotInTable),
        wire::Withheld::NotShared => Some(PublicStatus::NotShared),
        wire::Withheld::NotCollected => Some(PublicStatus::NotCollected),
    }
}

fn facilitation(number: i32) -> Option<Facilitation> {
    match wire::Facilitation::try_from(number).ok()? {
        wire::Facilitation::Unspecified => None,
        wire::Facilitation::Professional => Some(Facilitation::Professional),
        wire::Facilitation::Peer => Some(Facilitation::Peer),
        wire::Facilitation::CoLed => Some(Facilitation::CoLed),
    }
}

fn course(number: i32) -> Option<Course> {
    match wire::Course::try_from(number).ok()? {
        wire::Course::Unspecified => None,
        wire::Course::Entry => Some(Course::Entry),
        wire::Course::Continuing => Some(Course::Continuing),
    }
}
