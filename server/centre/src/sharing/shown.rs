//! Cells and releases as the people of the centre see them.

use super::approve::{Decided, decided_row};
use super::{PreviewCell, ShownRelease};
use crate::centre::Centre;
use crate::error::CentreError;
use crate::policy::{Action, Permit, Subject};
use krog_disclosure::{CellForm, PublicStatus, QuarterForm};
use krog_feed::ids::HeaderHash;
use krog_measures::{Course, Facilitation, Quarter};
use krog_proto::federation::v1 as wire;
use prost::Message;
use sqlx::Row;

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

/// The cells of a quarter that is still open.
pub(super) fn cells_of_form(form: &QuarterForm) -> Vec<PreviewCell> {
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
    };
    sorted(form.cells.iter().map(cell).collect())
}

/// The cells of a decided quarter, read from the bytes that were cleared.
pub(super) fn cells_of_release(payload: &[u8]) -> Result<Vec<PreviewCell>, CentreError> {
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
