//! Check-ins: scored on arrival, one per member, measure and day. What is kept is the score or its absence, the class it was
//! made in, and the answers, all sealed.

use crate::centre::Centre;
use crate::error::CentreError;
use crate::people::member_id;
use crate::personal::{CheckInId, GroupId, MemberId, Purpose};
use crate::policy::{Action, Permit, Subject};
use crate::records::{AnswerRecord, AnswersRecord, CheckInRecord};
use crate::sealing::SealingKey;
use crate::store::{ROWS_PER_INSERT, Tx};
use krog_measures::scoring::{Answer, Answers, NotScored, score};
use krog_measures::{ClassHash, Day, Instrument, MeasureCode, builtin};
use sqlx::{QueryBuilder, Row};
use std::collections::BTreeMap;
use std::fmt;

/// What was filled in.
pub enum Filled {
    /// Answers by item.
    Answers(Answers),
    /// The total alone, for measures known only by it.
    Total(f64),
}

impl fmt::Debug for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filled(..)")
    }
}

/// One score as its member's coordinator sees it right after entering it.
pub struct Scored {
    /// The measure.
    pub measure: MeasureCode,
    /// The score, points.
    pub score: f64,
}

impl fmt::Debug for Scored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scored(..)")
    }
}

/// A score or its absence, to be written.
pub(crate) struct NewCheckIn<'a> {
    pub(crate) member: MemberId,
    pub(crate) key: &'a SealingKey,
    pub(crate) measure: MeasureCode,
    pub(crate) class: ClassHash,
    pub(crate) day: Day,
    pub(crate) score: Option<f64>,
    pub(crate) group: Option<GroupId>,
}

/// A check-in as it stands in the store.
pub(crate) struct StoredCheckIn {
    pub(crate) id: CheckInId,
    pub(crate) measure: MeasureCode,
    pub(crate) class: Vec<u8>,
    pub(crate) day: Day,
    pub(crate) score: Option<f64>,
    pub(crate) group: Option<GroupId>,
}

impl Centre {
    /// Records one filled questionnaire. No score comes back when too few items were answered: that is no score, not zero.
    pub async fn record_check_in(
        &self,
        permit: &Permit,
        member: MemberId,
        instrument: &MeasureCode,
        day: Option<Day>,
        filled: Filled,
    ) -> Result<Vec<Scored>, CentreError> {
        self.check(permit, Action::RecordCheckIn, &Subject::Member(member))?;
        let day = self.day_or_today(day)?;
        let key = self.keys.member(member).await?;
        let mut tx = self.begin().await?;
        self.member_exists(&mut tx, member).await?;
        if !self
            .consents_of(&mut tx, member, &key)
            .await?
            .holds(member, Purpose::Measurement)
        {
            return Err(CentreError::NotNow(
                "the member has not consented to measurement; record that consent first, or leave the check-in out",
            ));
        }
        let scores = match filled {
            Filled::Answers(answers) => {
                let form = builtin::lookup(instrument).filter(|form| form.code == *instrument).ok_or(
                    CentreError::Invalid("no such instrument here; name a built-in one, or give a total for a measure"),
                )?;
                let scores = by_items(form, &answers)?;
                self.write_answers(&mut tx, member, &key, form, day, &answers)
                    .await?;
                scores
            }
            Filled::Total(total) => {
                let known = self.known_measures(&mut tx).await?;
                let measure = known.measure(instrument).ok_or(CentreError::Invalid(
                    "no such measure here; name a built-in one or one of the network's policy",
                ))?;
                if !measure.scale.contains(total) {
                    return Err(CentreError::Invalid(
                        "the total lies outside the measure's scale; enter it again",
                    ));
                }
                vec![(measure.code.clone(), measure.class, Some(total))]
            }
        };
        let mut new = Vec::with_capacity(scores.len());
        for (measure, class, score) in &scores {
            new.push(NewCheckIn {
                member,
                key: &key,
                measure: measure.clone(),
                class: *class,
                day,
                score: *score,
                group: None,
            });
        }
        if self.write_check_ins(&mut tx, &new).await? < new.len() {
            return Err(CentreError::AlreadyThere(
                "the member has a check-in on this measure and day already; each counts once",
            ));
        }
        self.note_access(&mut tx, permit, &[member]).await?;
        tx.commit().await?;
        let scored = |(measure, _, score): (MeasureCode, ClassHash, Option<f64>)| {
            score.map(|score| Scored { measure, score })
        };
        Ok(scores.into_iter().filter_map(scored).collect())
    }

    async fn write_answers(
        &self,
        tx: &mut Tx,
        member: MemberId,
        key: &SealingKey,
        form: &Instrument,
        day: Day,
        answers: &Answers,
    ) -> Result<(), CentreError> {
        let place = self.keys.index.hash(&[
            b"answers",
            member.as_bytes(),
            form.code.as_str().as_bytes(),
            &day.number().to_be_bytes(),
        ]);
        let id: [u8; 16] = self.surroundings.bytes();
        let record = AnswersRecord {
            instrument: form.code.as_str().to_owned(),
            day: day.number(),
            answers: answers
                .iter()
                .filter_map(|(item, answer)| {
                    let value = match answer {
                        Answer::Value(value) => Some(value),
                        Answer::Declined => None,
                        Answer::Missing => return None,
                    };
                    Some(AnswerRecord {
                        item: item.as_str().to_owned(),
                        value,
                    })
                })
                .collect(),
        };
        let written = sqlx::query(
            "INSERT INTO answers (id, member, place, sealed) VALUES ($1, $2, $3, $4) ON CONFLICT (place) DO NOTHING",
        )
        .bind(id.as_slice())
        .bind(member.as_bytes().as_slice())
        .bind(place.as_slice())
        .bind(self.seal(key, "answers", &id, &record)?)
        .execute(&mut **tx)
        .await?;
        if written.rows_affected() == 0 {
            return Err(CentreError::AlreadyThere(
                "the member has filled in this questionnaire on this day already; each counts once",
            ));
        }
        Ok(())
    }

    /// Values answered to items, by member, instrument and day; what was declined is not among them.
    pub(crate) async fn answers(
        &self,
        tx: &mut Tx,
        keys: &BTreeMap<MemberId, SealingKey>,
    ) -> Result<BTreeMap<(MemberId, String, i32), BTreeMap<String, i32>>, CentreError> {
        let rows = sqlx::query("SELECT id, member, sealed FROM answers")
            .fetch_all(&mut **tx)
            .await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            let member = member_id(row.try_get(1)?)?;
            let Some(key) = keys.get(&member) else {
                continue;
            };
            let AnswersRecord {
                instrument,
                day,
                answers,
            } = self.unseal(key, "answers", row.try_get(0)?, row.try_get(2)?)?;
            let answers = answers
                .into_iter()
                .filter_map(|AnswerRecord { item, value }| Some((item, value?)))
                .collect();
            found.insert((member, instrument, day), answers);
        }
        Ok(found)
    }

    /// Writes check-ins; those whose member, measure and day are taken are left out. Returns how many were written.
    pub(crate) async fn write_check_ins(
        &self,
        tx: &mut Tx,
        new: &[NewCheckIn<'_>],
    ) -> Result<usize, CentreError> {
        let mut rows = Vec::with_capacity(new.len());
        for check_in in new {
            let id: [u8; 16] = self.surroundings.bytes();
            let record = CheckInRecord {
                measure: check_in.measure.as_str().to_owned(),
                class: check_in.class.as_bytes().to_vec(),
                day: check_in.day.number(),
                score: check_in.score,
                group: check_in
                    .group
                    .map(|group| group.as_bytes().to_vec())
                    .unwrap_or_default(),
            };
            let place = self.check_in_place(check_in.member, &check_in.measure, check_in.day);
            let sealed = self.seal(check_in.key, "check_ins", &id, &record)?;
            rows.push((id, check_in.member, place, sealed));
        }
        let mut written = 0;
        for rows in rows.chunks(ROWS_PER_INSERT) {
            let mut insert =
                QueryBuilder::new("INSERT INTO check_ins (check_in, member, place, sealed) ");
            insert.push_values(rows, |mut row, (id, member, place, sealed)| {
                row.push_bind(id.to_vec())
                    .push_bind(member.as_bytes().to_vec())
                    .push_bind(place.to_vec())
                    .push_bind(sealed.clone());
            });
            insert.push(" ON CONFLICT (place) DO NOTHING");
            written += insert.build().execute(&mut **tx).await?.rows_affected();
        }
        Ok(usize::try_from(written).unwrap_or(usize::MAX))
    }

    pub(crate) fn check_in_place(
        &self,
        member: MemberId,
        measure: &MeasureCode,
        day: Day,
    ) -> [u8; 32] {
        self.keys.index.hash(&[
            b"check-in",
            member.as_bytes(),
            measure.as_str().as_bytes(),
            &day.number().to_be_bytes(),
        ])
    }

    /// All check-ins of the members whose keys are given.
    pub(crate) async fn check_ins(
        &self,
        tx: &mut Tx,
        keys: &BTreeMap<MemberId, SealingKey>,
    ) -> Result<BTreeMap<MemberId, Vec<StoredCheckIn>>, CentreError> {
        let damaged = || CentreError::Damaged { table: "check_ins" };
        let rows = sqlx::query("SELECT check_in, member, sealed FROM check_ins")
            .fetch_all(&mut **tx)
            .await?;
        let mut check_ins: BTreeMap<MemberId, Vec<StoredCheckIn>> = BTreeMap::new();
        for row in &rows {
            let member = member_id(row.try_get(1)?)?;
            let Some(key) = keys.get(&member) else {
                continue;
            };
            let id: &[u8] = row.try_get(0)?;
            let CheckInRecord {
                measure,
                class,
                day,
                score,
                group,
            } = self.unseal(key, "check_ins", id, row.try_get(2)?)?;
            check_ins.entry(member).or_default().push(StoredCheckIn {
                id: CheckInId::try_from(id).map_err(|_| damaged())?,
                measure: MeasureCode::try_from(measure).map_err(|_| damaged())?,
                class,
                day: Day::new(day)?,
                score,
                group: GroupId::try_from(group.as_slice()).ok(),
            });
        }
        Ok(check_ins)
    }
}

/// The scores an instrument gives for answers: one line per measure, absent where it cannot be scored.
fn by_items(
    form: &Instrument,
    answers: &Answers,
) -> Result<Vec<(MeasureCode, ClassHash, Option<f64>)>, CentreError> {
    let scored = match score(form, answers) {
        Ok(scored) => Some(scored),
        Err(NotScored::TooFewAnswered { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let line = |measure: &krog_measures::Measure| {
        let score = scored
            .as_ref()
            .and_then(|scored| scored.value(&measure.code));
        (measure.code.clone(), measure.class, score)
    };
    Ok(form.measures().iter().map(line).collect())
}
