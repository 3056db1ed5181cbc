//! Consents, per purpose. Giving and taking back are equally one call; what was taken back is kept with the keys, so that
//! no older copy of the data can undo it.

use crate::centre::Centre;
use crate::error::CentreError;
use crate::personal::{MemberId, Purpose};
use crate::policy::{Action, Permit, Subject};
use crate::records::{ConsentRecord, ConsentSource};
use crate::sealing::SealingKey;
use crate::store::{ROWS_PER_INSERT, Tx};
use krog_measures::Day;
use sqlx::{QueryBuilder, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Where one member stands on one purpose.
#[derive(Clone, Copy, Default)]
pub(crate) struct Standing {
    /// The word that holds. A "no" holds against every later "yes" of a table.
    pub(crate) given: bool,
    /// Where it came from; `None` when there is none.
    pub(crate) source: Option<i32>,
    /// The latest word of the member, or of an attestation that speaks for them.
    pub(crate) own: Option<bool>,
}

/// What all members consent to.
#[derive(Default)]
pub(crate) struct Consents {
    standing: BTreeMap<(MemberId, Purpose), Standing>,
    withdrawn: BTreeSet<(MemberId, Purpose)>,
}

impl Consents {
    pub(crate) fn standing(&self, member: MemberId, purpose: Purpose) -> Standing {
        let mut standing = self
            .standing
            .get(&(member, purpose))
            .copied()
            .unwrap_or_default();
        // The keys' word outweighs that of the data, which may be an older copy.
        standing.given &= !self.refused(member, purpose);
        standing
    }

    /// Whether a consent is in force.
    pub(crate) fn holds(&self, member: MemberId, purpose: Purpose) -> bool {
        self.standing(member, purpose).given
    }

    /// Whether a "no" is known: the word that holds is one, or the keys remember that it was taken back.
    pub(crate) fn refused(&self, member: MemberId, purpose: Purpose) -> bool {
        self.withdrawn.contains(&(member, purpose))
            || self
                .standing
                .get(&(member, purpose))
                .is_some_and(|standing| !standing.given || standing.own == Some(false))
    }

    /// Whether the member may be counted in what leaves: sharing was consented to, and nothing it rests on was taken back.
    pub(crate) fn counts(&self, member: MemberId) -> bool {
        self.holds(member, Purpose::Sharing)
            && !self.refused(member, Purpose::Participation)
            && !self.refused(member, Purpose::Measurement)
    }
}

/// One word on one purpose, to be written.
pub(crate) struct NewConsent<'a> {
    pub(crate) member: MemberId,
    pub(crate) key: &'a SealingKey,
    pub(crate) purpose: Purpose,
    pub(crate) given: bool,
    pub(crate) day: Day,
    pub(crate) source: ConsentSource,
}

impl Centre {
    /// The consents of the members whose keys are given.
    pub(crate) async fn consents(
        &self,
        tx: &mut Tx,
        keys: &BTreeMap<MemberId, SealingKey>,
    ) -> Result<Consents, CentreError> {
        let rows = sqlx::query("SELECT id, member, sealed FROM consents ORDER BY line")
            .fetch_all(&mut **tx)
            .await?;
        self.read_consents(&rows, keys).await
    }

    /// The consents of one member.
    pub(crate) async fn consents_of(
        &self,
        tx: &mut Tx,
        member: MemberId,
        key: &SealingKey,
    ) -> Result<Consents, CentreError> {
        let rows =
            sqlx::query("SELECT id, member, sealed FROM consents WHERE member = $1 ORDER BY line")
                .bind(member.as_bytes().as_slice())
                .fetch_all(&mut **tx)
                .await?;
        self.read_consents(&rows, &BTreeMap::from([(member, key.clone())]))
            .await
    }

    async fn read_consents(
        &self,
        rows: &[sqlx::sqlite::SqliteRow],
        keys: &BTreeMap<MemberId, SealingKey>,
    ) -> Result<Consents, CentreError> {
        let damaged = || CentreError::Damaged { table: "consents" };
        let mut consents = Consents {
            standing: BTreeMap::new(),
            withdrawn: self.keys.withdrawals().await?,
        };
        for row in rows {
            let member = MemberId::try_from(row.try_get::<&[u8], _>(1)?).map_err(|_| damaged())?;
            let Some(key) = keys.get(&member) else {
                continue;
            };
            let record = self.unseal(key, "consents", row.try_get(0)?, row.try_get(2)?)?;
            let ConsentRecord {
                purpose,
                given,
                day: _,
                source,
            } = record;
            let purpose = Purpose::from_number(purpose).ok_or_else(damaged)?;
            let standing = consents.standing.entry((member, purpose)).or_default();
            if source == ConsentSource::Import as i32 {
                if given && standing.source.is_some() && !standing.given {
                    continue;
                }
            } else {
                standing.own = Some(given);
            }
            standing.given = given;
            standing.source = Some(source);
        }
        Ok(consents)
    }

    /// Writes consents, in order.
    pub(crate) async fn write_consents(
        &self,
        tx: &mut Tx,
        consents: &[NewConsent<'_>],
    ) -> Result<(), CentreError> {
        let mut rows = Vec::with_capacity(consents.len());
        for consent in consents {
            let id: [u8; 16] = self.surroundings.bytes();
            let record = ConsentRecord {
                purpose: consent.purpose.number(),
                given: consent.given,
                day: consent.day.number(),
                source: consent.source as i32,
            };
            rows.push((
                id,
                consent.member,
                self.seal(consent.key, "consents", &id, &record)?,
            ));
        }
        for rows in rows.chunks(ROWS_PER_INSERT) {
            let mut insert = QueryBuilder::new("INSERT INTO consents (id, member, sealed) ");
            insert.push_values(rows, |mut row, (id, member, sealed)| {
                row.push_bind(id.to_vec())
                    .push_bind(member.as_bytes().to_vec())
                    .push_bind(sealed.clone());
            });
            insert.build().execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Gives or takes back one consent. Returns what is frozen and already counts the member, as "2026Q1" or, for a round of
    /// a pool, "pool" and the first 8 digits of its hash: it stands unless stopped.
    pub async fn set_consent(
        &self,
        permit: &Permit,
        member: MemberId,
        purpose: Purpose,
        given: bool,
    ) -> Result<Vec<String>, CentreError> {
        self.check(permit, Action::SetConsent, &Subject::Member(member))?;
        let today = self.today()?;
        let key = self.keys.member(member).await?;
        let mut tx = self.begin().await?;
        self.member_exists(&mut tx, member).await?;
        if !given {
            // First where no older copy of the data can undo it.
            self.keys.withdraw(&[(member, purpose)]).await?;
        }
        let word = NewConsent {
            member,
            key: &key,
            purpose,
            given,
            day: today,
            source: ConsentSource::Member,
        };
        self.write_consents(&mut tx, &[word]).await?;
        let frozen = if given {
            Vec::new()
        } else {
            self.frozen_with(&mut tx, member).await?
        };
        self.note_access(&mut tx, permit, &[member]).await?;
        tx.commit().await?;
        if given {
            self.keys.give_again(member, purpose).await?;
        }
        Ok(frozen)
    }
}
