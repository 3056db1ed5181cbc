//! Meetings and attendance. Recording a day again corrects it. Nothing said there is kept.

use crate::centre::Centre;
use crate::error::CentreError;
use crate::groups::group_id;
use crate::people::member_id;
use crate::personal::{GroupId, MeetingId, MemberId};
use crate::policy::{Action, Permit, Subject};
use crate::records::MeetingRecord;
use crate::store::Tx;
use krog_measures::Day;
use sqlx::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Most guests of one meeting.
pub const GUESTS: u32 = 10_000;

/// One meeting and who was there.
pub struct NewMeeting {
    /// The day; today when absent.
    pub day: Option<Day>,
    /// Members present.
    pub present: BTreeSet<MemberId>,
    /// Head count of guests, at most [`GUESTS`].
    pub guests: u32,
}

impl fmt::Debug for NewMeeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewMeeting(..)")
    }
}

/// Days on which members attended groups, earliest first.
pub(crate) type Attendance = BTreeMap<MemberId, BTreeMap<GroupId, Vec<Day>>>;

impl Centre {
    /// Records a meeting and its attendance. True when an earlier record of that day was replaced.
    pub async fn record_meeting(
        &self,
        permit: &Permit,
        group: GroupId,
        meeting: NewMeeting,
    ) -> Result<bool, CentreError> {
        self.check(permit, Action::RecordMeeting, &Subject::Group(group))?;
        let NewMeeting {
            day,
            present,
            guests,
        } = meeting;
        if guests > GUESTS {
            return Err(CentreError::Invalid(
                "more than 10000 guests; check the number",
            ));
        }
        let day = self.day_or_today(day)?;
        let mut tx = self.begin().await?;
        self.group(&mut tx, group).await?;
        for member in &present {
            self.member_exists(&mut tx, *member).await?;
        }
        let place =
            self.keys
                .index
                .hash(&[b"meeting", group.as_bytes(), &day.number().to_be_bytes()]);
        let known: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT meeting FROM meetings WHERE place = $1")
                .bind(place.as_slice())
                .fetch_optional(&mut *tx)
                .await?;
        let id = match &known {
            Some(id) => MeetingId::try_from(id.as_slice())
                .map_err(|_| CentreError::Damaged { table: "meetings" })?,
            None => MeetingId::new(self.surroundings.bytes()),
        };
        let record = MeetingRecord {
            day: day.number(),
            guests,
            present: present
                .iter()
                .map(|member| member.as_bytes().to_vec())
                .collect(),
        };
        let sealed = self.seal(&self.keys.centre, "meetings", id.as_bytes(), &record)?;
        sqlx::query(
            "INSERT INTO meetings (meeting, grp, place, sealed) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (place) DO UPDATE SET sealed = excluded.sealed",
        )
        .bind(id.as_bytes().as_slice())
        .bind(group.as_bytes().as_slice())
        .bind(place.as_slice())
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(known.is_some())
    }

    /// Who attended what and when.
    pub(crate) async fn attendance(&self, tx: &mut Tx) -> Result<Attendance, CentreError> {
        let rows = sqlx::query("SELECT meeting, grp, sealed FROM meetings")
            .fetch_all(&mut **tx)
            .await?;
        let mut attendance = Attendance::new();
        for row in &rows {
            let MeetingRecord {
                day,
                guests: _,
                present,
            } = self.unseal(
                &self.keys.centre,
                "meetings",
                row.try_get(0)?,
                row.try_get(2)?,
            )?;
            let (group, day) = (group_id(row.try_get(1)?)?, Day::new(day)?);
            for member in &present {
                attendance
                    .entry(member_id(member)?)
                    .or_default()
                    .entry(group)
                    .or_default()
                    .push(day);
            }
        }
        for days in attendance.values_mut().flat_map(BTreeMap::values_mut) {
            days.sort_unstable();
        }
        Ok(attendance)
    }
}
