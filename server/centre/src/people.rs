//! Members of a centre.

use crate::centre::Centre;
use crate::consents::NewConsent;
use crate::error::CentreError;
use crate::personal::{Contact, Label, MemberId, Purpose};
use crate::policy::{Action, Permit, Subject};
use crate::records::{ConsentSource, MemberRecord};
use crate::store::{ROWS_PER_INSERT, Tx};
use krog_measures::Day;
use sqlx::{QueryBuilder, Row};
use std::fmt;

/// A new member.
pub struct NewMember {
    /// Label in the centre.
    pub label: Label,
    /// How to reach the member.
    pub contact: Option<Contact>,
    /// What the member consents to from the start.
    pub consents: Vec<Purpose>,
    /// Day of the consents; today when absent.
    pub day: Option<Day>,
}

impl fmt::Debug for NewMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewMember(..)")
    }
}

/// A member as a coordinator reads them.
pub struct Member {
    /// Random id in this centre.
    pub member: MemberId,
    /// Label in the centre.
    pub label: Label,
    /// How to reach the member.
    pub contact: Option<Contact>,
    /// Consents in force.
    pub consents: Vec<Purpose>,
    /// Releases that counted this member, as "quarter measure", earliest first.
    pub counted_in: Vec<String>,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Member(..)")
    }
}

/// A member's row, to be written.
pub(crate) struct MemberRow {
    pub(crate) member: MemberId,
    /// Keyed hash of the member's folded label, which is also their code in imported tables.
    pub(crate) place: [u8; 32],
    pub(crate) sealed: Vec<u8>,
}

impl Centre {
    /// Adds a member.
    pub async fn add_member(
        &self,
        permit: &Permit,
        new: NewMember,
    ) -> Result<MemberId, CentreError> {
        self.check(permit, Action::AddMember, &Subject::Centre)?;
        let NewMember {
            label,
            contact,
            consents,
            day,
        } = new;
        let day = self.day_or_today(day)?;
        let place = self.member_place(&folded(label.reveal()));
        let mut tx = self.begin().await?;
        let taken: i64 = sqlx::query_scalar("SELECT count(*) FROM members WHERE place = $1")
            .bind(place.as_slice())
            .fetch_one(&mut *tx)
            .await?;
        if taken > 0 {
            return Err(CentreError::AlreadyThere(
                "a member with this label is there already; use that member, or choose another label if it is another person",
            ));
        }
        let member = MemberId::new(self.surroundings.bytes());
        let keys = self.keys.add_members(&[member]).await?;
        let key = keys.first().ok_or(CentreError::NotFound)?;
        let record = MemberRecord {
            label: label.reveal().to_owned(),
            contact: contact
                .map(|contact| contact.reveal().to_owned())
                .unwrap_or_default(),
            awaits_basis: false,
        };
        let row = MemberRow {
            member,
            place,
            sealed: self.seal(key, "members", member.as_bytes(), &record)?,
        };
        let words: Vec<NewConsent<'_>> = consents
            .into_iter()
            .map(|purpose| NewConsent {
                member,
                key,
                purpose,
                given: true,
                day,
                source: ConsentSource::Member,
            })
            .collect();
        insert_members(&mut tx, &[row]).await?;
        self.write_consents(&mut tx, &words).await?;
        tx.commit().await?;
        Ok(member)
    }

    /// Reads all members, by id. Writes one line into the access log for each.
    pub async fn list_members(&self, permit: &Permit) -> Result<Vec<Member>, CentreError> {
        self.check(permit, Action::ListMembers, &Subject::Centre)?;
        let mut tx = self.begin().await?;
        let keys = self.keys.members().await?;
        let consents = self.consents(&mut tx, &keys).await?;
        let mut counted = self.counted_in(&mut tx, &keys).await?;
        let rows = sqlx::query("SELECT member, sealed FROM members ORDER BY member")
            .fetch_all(&mut *tx)
            .await?;
        let mut members = Vec::with_capacity(rows.len());
        for row in &rows {
            let member = member_id(row.try_get(0)?)?;
            // A member without a key was erased; an older copy of the data may still hold the noise.
            let Some(key) = keys.get(&member) else {
                continue;
            };
            let record = self.unseal(key, "members", member.as_bytes(), row.try_get(1)?)?;
            let MemberRecord {
                label,
                contact,
                awaits_basis: _,
            } = record;
            members.push(Member {
                member,
                label: Label::try_from(label)?,
                contact: (!contact.is_empty())
                    .then(|| Contact::try_from(contact))
                    .transpose()?,
                consents: Purpose::ALL
                    .into_iter()
                    .filter(|purpose| consents.holds(member, *purpose))
                    .collect(),
                counted_in: counted.remove(&member).unwrap_or_default(),
            });
        }
        let read: Vec<MemberId> = members.iter().map(|member| member.member).collect();
        self.note_access(&mut tx, permit, &read).await?;
        tx.commit().await?;
        Ok(members)
    }

    pub(crate) fn member_place(&self, folded: &str) -> [u8; 32] {
        self.keys.index.hash(&[b"member", folded.as_bytes()])
    }

    pub(crate) async fn member_exists(
        &self,
        tx: &mut Tx,
        member: MemberId,
    ) -> Result<(), CentreError> {
        let there: i64 = sqlx::query_scalar("SELECT count(*) FROM members WHERE member = $1")
            .bind(member.as_bytes().as_slice())
            .fetch_one(&mut **tx)
            .await?;
        if there == 1 {
            Ok(())
        } else {
            Err(CentreError::NotFound)
        }
    }
}

pub(crate) async fn insert_members(tx: &mut Tx, rows: &[MemberRow]) -> Result<(), CentreError> {
    for rows in rows.chunks(ROWS_PER_INSERT) {
        let mut insert = QueryBuilder::new("INSERT INTO members (member, place, sealed) ");
        insert.push_values(rows, |mut values, row| {
            values
                .push_bind(row.member.as_bytes().to_vec())
                .push_bind(row.place.to_vec())
                .push_bind(row.sealed.clone());
        });
        insert.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// A label or code as it is compared: without regard to case and to the spaces around and between its words.
pub(crate) fn folded(label: &str) -> String {
    let words: Vec<&str> = label.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

pub(crate) fn member_id(bytes: &[u8]) -> Result<MemberId, CentreError> {
    MemberId::try_from(bytes).map_err(|_| CentreError::Damaged { table: "members" })
}
