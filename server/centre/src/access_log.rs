//! Who looked at or changed a member's record. A reading or change that cannot be written down does not happen: both stand in one transaction.

use crate::centre::Centre;
use crate::error::CentreError;
use crate::personal::{CredentialId, MemberId};
use crate::policy::{Action, Permit, Subject};
use crate::records::AccessRecord;
use crate::store::{ROWS_PER_INSERT, Tx};
use krog_measures::Day;
use sqlx::{QueryBuilder, Row};
use std::fmt;

/// One line of the access log.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessLine {
    /// The day.
    pub day: Day,
    /// Role of who looked.
    pub role: String,
    /// What was done.
    pub action: String,
    /// With which credential. Its id, not the secret itself.
    pub credential: CredentialId,
}

impl fmt::Debug for AccessLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessLine(..)")
    }
}

impl Centre {
    /// Writes one line for each member whose record is read or changed under `permit`.
    pub(crate) async fn note_access(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        members: &[MemberId],
    ) -> Result<(), CentreError> {
        let record = AccessRecord {
            day: self.today()?.number(),
            role: permit.caller().role.as_str().to_owned(),
            action: permit.action().as_str().to_owned(),
            credential: permit.caller().credential.as_bytes().to_vec(),
        };
        let mut rows = Vec::with_capacity(members.len());
        for member in members {
            let id: [u8; 16] = self.surroundings.bytes();
            // Under the centre's key: the line stays readable for the guardian when the member has been erased.
            let sealed = self.seal(&self.keys.centre, "access_log", &id, &record)?;
            rows.push((id, member, sealed));
        }
        for rows in rows.chunks(ROWS_PER_INSERT) {
            let mut insert = QueryBuilder::new("INSERT INTO access_log (id, member, sealed) ");
            insert.push_values(rows, |mut row, (id, member, sealed)| {
                row.push_bind(id.to_vec())
                    .push_bind(member.as_bytes().to_vec())
                    .push_bind(sealed.clone());
            });
            insert.build().execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Reads the lines about one member, oldest first; that this was read is the next line.
    pub async fn read_access_log(
        &self,
        permit: &Permit,
        member: MemberId,
    ) -> Result<Vec<AccessLine>, CentreError> {
        self.check(permit, Action::ReadAccessLog, &Subject::Member(member))?;
        let mut tx = self.begin().await?;
        self.member_exists(&mut tx, member).await?;
        let rows = sqlx::query("SELECT id, sealed FROM access_log WHERE member = $1 ORDER BY line")
            .bind(member.as_bytes().as_slice())
            .fetch_all(&mut *tx)
            .await?;
        let mut lines = Vec::with_capacity(rows.len());
        for row in &rows {
            let record = self.unseal(
                &self.keys.centre,
                "access_log",
                row.try_get(0)?,
                row.try_get(1)?,
            )?;
            let AccessRecord {
                day,
                role,
                action,
                credential,
            } = record;
            lines.push(AccessLine {
                day: Day::new(day)?,
                role,
                action,
                credential: CredentialId::try_from(credential.as_slice()).map_err(|_| {
                    CentreError::Damaged {
                        table: "access_log",
                    }
                })?,
            });
        }
        self.note_access(&mut tx, permit, &[member]).await?;
        tx.commit().await?;
        Ok(lines)
    }
}
