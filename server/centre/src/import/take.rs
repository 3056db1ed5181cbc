//! Taking a table's lines into the centre, in one transaction.

use super::Imported;
use super::plan::{Circle, Known, Person, Plan};
use super::table::{self, Table};
use crate::centre::Centre;
use crate::check_ins::NewCheckIn;
use crate::consents::{Consents, NewConsent};
use crate::error::CentreError;
use crate::groups::{
    GroupRow, GroupSharing, MembershipRow, StoredGroup, insert_groups, insert_memberships,
    set_sharing,
};
use crate::people::{MemberRow, insert_members};
use crate::personal::{GroupId, MemberId, Purpose};
use crate::policy::{Action, Permit, Subject};
use crate::records::{
    ConsentSource, GroupRecord, MemberRecord, MembershipRecord, StayRecord, StretchRecord,
};
use crate::sealing::SealingKey;
use crate::store::Tx;
use krog_measures::{Day, Facilitation};
use std::collections::BTreeMap;

impl Centre {
    /// Imports a table of outcomes. With `strict` nothing is taken when any line is refused; with `dry_run` it only says
    /// what would be taken.
    pub async fn import_outcomes(
        &self,
        permit: &Permit,
        csv: &[u8],
        strict: bool,
        dry_run: bool,
    ) -> Result<Imported, CentreError> {
        self.check(permit, Action::ImportOutcomes, &Subject::Centre)?;
        let today = self.today()?;
        let Table {
            lines,
            refused,
            other_centres,
            states_sharing,
        } = table::read(csv, &[&self.code, self.public_name.as_str()], today)?;
        let mut tx = self.begin().await?;
        let known = self.known(&mut tx).await?;
        let plan = self.plan(&known, lines, refused);
        let refused_whole = strict && !plan.refused.is_empty();
        let mut imported = Imported {
            other_centres,
            needs_attestation: !states_sharing
                && !refused_whole
                && (!plan.scores.is_empty() || plan.unchanged > 0),
            nothing_written: dry_run || refused_whole,
            refused: plan.refused.clone(),
            ..Imported::default()
        };
        if !refused_whole {
            imported.taken = plan.scores.len();
            imported.unchanged = plan.unchanged;
            imported.new_members = plan.people.values().filter(|person| person.new).count();
            imported.new_groups = plan.circles.values().filter(|circle| circle.new).count();
        }
        if !imported.nothing_written {
            let touched: Vec<MemberId> = plan
                .people
                .values()
                .filter(|person| !person.new)
                .map(|person| person.member)
                .collect();
            self.write_plan(&mut tx, known, plan, states_sharing, today)
                .await?;
            self.note_access(&mut tx, permit, &touched).await?;
            tx.commit().await?;
        }
        Ok(imported)
    }

    async fn write_plan(
        &self,
        tx: &mut Tx,
        known: Known,
        plan: Plan,
        states_sharing: bool,
        today: Day,
    ) -> Result<(), CentreError> {
        let Known {
            mut keys,
            consents,
            groups,
            ..
        } = known;
        let Plan {
            people,
            circles,
            joined,
            scores,
            ..
        } = plan;
        // Keys first: a member whose key is there and whose rows are not is harmless, the other way round is lost.
        let new: Vec<MemberId> = people
            .values()
            .filter(|person| person.new)
            .map(|person| person.member)
            .collect();
        let made = self.keys.add_members(&new).await?;
        keys.extend(new.into_iter().zip(made));
        self.write_people(tx, &keys, &people, states_sharing)
            .await?;
        self.write_sharing(tx, &keys, &consents, &people, today)
            .await?;
        self.write_circles(tx, groups, circles, states_sharing)
            .await?;
        self.write_joined(tx, &keys, joined).await?;
        let mut new = Vec::with_capacity(scores.len());
        for score in scores {
            new.push(NewCheckIn {
                member: score.member,
                key: key_of(&keys, score.member)?,
                measure: score.measure,
                class: score.class,
                day: score.day,
                score: Some(score.value),
                group: Some(score.group),
            });
        }
        self.write_check_ins(tx, &new).await?;
        Ok(())
    }

    async fn write_people(
        &self,
        tx: &mut Tx,
        keys: &BTreeMap<MemberId, SealingKey>,
        people: &BTreeMap<String, Person>,
        states_sharing: bool,
    ) -> Result<(), CentreError> {
        let mut rows = Vec::new();
        for (code, person) in people.iter().filter(|(_, person)| person.new) {
            let record = MemberRecord {
                label: person.label.clone(),
                contact: String::new(),
                awaits_basis: !states_sharing,
            };
            rows.push(MemberRow {
                member: person.member,
                place: self.member_place(code),
                sealed: self.seal(
                    key_of(keys, person.member)?,
                    "members",
                    person.member.as_bytes(),
                    &record,
                )?,
            });
        }
        insert_members(tx, &rows).await
    }

    /// Takes the table's word on sharing. A table changes a word only in the careful direction: its "no" is always heard;
    /// its "yes" only where nothing was said yet, since lines that say "yes" against a known "no" are refused before.
    async fn write_sharing(
        &self,
        tx: &mut Tx,
        keys: &BTreeMap<MemberId, SealingKey>,
        consents: &Consents,
        people: &BTreeMap<String, Person>,
        today: Day,
    ) -> Result<(), CentreError> {
        let (mut words, mut withdrawn) = (Vec::new(), Vec::new());
        for person in people.values() {
            let Some(given) = person.sharing else {
                continue;
            };
            let known = given && consents.holds(person.member, Purpose::Sharing);
            if known || consents.refused(person.member, Purpose::Sharing) {
                continue;
            }
            if !given {
                withdrawn.push((person.member, Purpose::Sharing));
            }
            words.push(NewConsent {
                member: person.member,
                key: key_of(keys, person.member)?,
                purpose: Purpose::Sharing,
                given,
                day: today,
                source: ConsentSource::Import,
            });
        }
        self.keys.withdraw(&withdrawn).await?;
        self.write_consents(tx, &words).await
    }

    async fn write_circles(
        &self,
        tx: &mut Tx,
        mut groups: BTreeMap<GroupId, StoredGroup>,
        circles: BTreeMap<String, Circle>,
        states_sharing: bool,
    ) -> Result<(), CentreError> {
        let mut rows = Vec::new();
        for (name, circle) in circles {
            let codes = circle.measures.iter().map(|code| code.as_str().to_owned());
            let Some(stored) = groups.get_mut(&circle.group) else {
                let record = GroupRecord {
                    stretches: vec![StretchRecord {
                        from_day: None,
                        facilitation: circle
                            .facilitation
                            .map_or("", Facilitation::as_str)
                            .to_owned(),
                    }],
                    template: Vec::new(),
                    measures: codes.collect(),
                    awaits_basis: !states_sharing,
                    name,
                };
                rows.push(GroupRow {
                    group: circle.group,
                    // A table that says of each member whether they share states the basis for the group, too.
                    sharing: if states_sharing {
                        GroupSharing::Yes
                    } else {
                        GroupSharing::Undecided
                    },
                    sealed: self.seal(
                        &self.keys.centre,
                        "groups",
                        circle.group.as_bytes(),
                        &record,
                    )?,
                });
                continue;
            };
            if states_sharing
                && stored.record.awaits_basis
                && stored.sharing == GroupSharing::Undecided
            {
                set_sharing(tx, circle.group, GroupSharing::Yes).await?;
            }
            let missing: Vec<String> = codes
                .filter(|code| !stored.record.measures.contains(code))
                .collect();
            if !missing.is_empty() {
                stored.record.measures.extend(missing);
                sqlx::query("UPDATE groups SET sealed = $2 WHERE grp = $1")
                    .bind(circle.group.as_bytes().as_slice())
                    .bind(self.seal(
                        &self.keys.centre,
                        "groups",
                        circle.group.as_bytes(),
                        &stored.record,
                    )?)
                    .execute(&mut **tx)
                    .await?;
            }
        }
        insert_groups(tx, &rows).await
    }

    async fn write_joined(
        &self,
        tx: &mut Tx,
        keys: &BTreeMap<MemberId, SealingKey>,
        joined: BTreeMap<(MemberId, GroupId), Day>,
    ) -> Result<(), CentreError> {
        let mut rows = Vec::with_capacity(joined.len());
        for ((member, group), day) in joined {
            let id: [u8; 16] = self.surroundings.bytes();
            let record = MembershipRecord {
                group: group.as_bytes().to_vec(),
                stays: vec![StayRecord {
                    from_day: day.number(),
                    until_day: None,
                    imported: true,
                }],
            };
            rows.push(MembershipRow {
                member,
                place: self.membership_place(member, group),
                id,
                sealed: self.seal(key_of(keys, member)?, "memberships", &id, &record)?,
            });
        }
        insert_memberships(tx, &rows).await
    }
}

fn key_of(
    keys: &BTreeMap<MemberId, SealingKey>,
    member: MemberId,
) -> Result<&SealingKey, CentreError> {
    keys.get(&member).ok_or(CentreError::Damaged {
        table: "member_keys",
    })
}
