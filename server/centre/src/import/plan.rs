//! Weighing a table against what is known: everything that would be written, and nothing is.

use super::table::Line;
use super::{LineFault, RefusedLine};
use crate::centre::Centre;
use crate::consents::Consents;
use crate::error::CentreError;
use crate::groups::StoredGroup;
use crate::measures::KnownMeasures;
use crate::people::{folded, member_id};
use crate::personal::{GroupId, MemberId, Purpose};
use crate::sealing::SealingKey;
use crate::store::Tx;
use krog_measures::{ClassHash, Day, Facilitation, MeasureCode};
use sqlx::Row;
use std::collections::{BTreeMap, BTreeSet};

/// A member of the table: known, or to be made.
pub(super) struct Person {
    pub(super) member: MemberId,
    /// The code as the table writes it first.
    pub(super) label: String,
    pub(super) new: bool,
    pub(super) sharing: Option<bool>,
}

/// A group of the table: known, or to be made.
pub(super) struct Circle {
    pub(super) group: GroupId,
    pub(super) new: bool,
    pub(super) facilitation: Option<Facilitation>,
    /// Measures the table uses with it.
    pub(super) measures: BTreeSet<MeasureCode>,
}

/// A score that is new.
pub(super) struct Score {
    pub(super) member: MemberId,
    pub(super) group: GroupId,
    pub(super) measure: MeasureCode,
    pub(super) class: ClassHash,
    pub(super) day: Day,
    pub(super) value: f64,
}

/// What the centre holds already, as far as a table can touch it.
pub(super) struct Known {
    pub(super) keys: BTreeMap<MemberId, SealingKey>,
    pub(super) consents: Consents,
    pub(super) measures: KnownMeasures,
    /// Members by the keyed hash of their code in tables.
    pub(super) members: BTreeMap<Vec<u8>, MemberId>,
    pub(super) groups: BTreeMap<GroupId, StoredGroup>,
    pub(super) groups_by_name: BTreeMap<String, GroupId>,
    pub(super) joined: BTreeMap<(MemberId, GroupId), Option<Day>>,
    pub(super) scores: BTreeMap<(MemberId, MeasureCode, Day), Option<f64>>,
}

/// A table weighed against what is known: everything that would be written.
pub(super) struct Plan {
    /// By their code, folded.
    pub(super) people: BTreeMap<String, Person>,
    pub(super) circles: BTreeMap<String, Circle>,
    pub(super) joined: BTreeMap<(MemberId, GroupId), Day>,
    pub(super) scores: Vec<Score>,
    pub(super) unchanged: usize,
    pub(super) refused: Vec<RefusedLine>,
}

impl Centre {
    pub(super) async fn known(&self, tx: &mut Tx) -> Result<Known, CentreError> {
        let keys = self.keys.members().await?;
        let groups = self.groups(tx).await?;
        let groups_by_name = groups
            .iter()
            .map(|(group, stored)| (stored.record.name.clone(), *group))
            .collect();
        let mut members = BTreeMap::new();
        for row in sqlx::query("SELECT place, member FROM members")
            .fetch_all(&mut **tx)
            .await?
        {
            members.insert(row.try_get(0)?, member_id(row.try_get(1)?)?);
        }
        let mut joined = BTreeMap::new();
        for (member, groups) in self.memberships(tx, &keys).await? {
            for (group, stays) in groups {
                let imported = stays.iter().find(|stay| stay.imported);
                let imported = imported.map(|stay| Day::new(stay.from_day)).transpose()?;
                joined.insert((member, group), imported);
            }
        }
        let mut scores = BTreeMap::new();
        for (member, check_ins) in self.check_ins(tx, &keys).await? {
            for check_in in check_ins {
                scores.insert((member, check_in.measure, check_in.day), check_in.score);
            }
        }
        Ok(Known {
            consents: self.consents(tx, &keys).await?,
            measures: self.known_measures(tx).await?,
            keys,
            members,
            groups,
            groups_by_name,
            joined,
            scores,
        })
    }

    /// Weighs each line; nothing is written. A line that is refused leaves no trace in the plan.
    pub(super) fn plan(&self, known: &Known, lines: Vec<Line>, refused: Vec<RefusedLine>) -> Plan {
        let mut plan = Plan {
            people: BTreeMap::new(),
            circles: BTreeMap::new(),
            joined: BTreeMap::new(),
            scores: Vec::new(),
            unchanged: 0,
            refused,
        };
        let undecided = members_of_two_minds(&lines);
        let mut scores: BTreeMap<(MemberId, MeasureCode, Day), f64> = BTreeMap::new();
        for line in lines {
            let number = line.number;
            let taken = if undecided.contains(&folded(&line.member)) {
                Err(LineFault::BothSharings)
            } else {
                self.plan_line(known, &mut plan, &mut scores, line)
            };
            match taken {
                Ok(true) => {}
                Ok(false) => plan.unchanged += 1,
                Err(why) => plan.refused.push(RefusedLine { line: number, why }),
            }
        }
        plan.refused.sort_by_key(|refused| refused.line);
        plan
    }

    /// True when the line is new, false when it is known.
    fn plan_line(
        &self,
        known: &Known,
        plan: &mut Plan,
        scores: &mut BTreeMap<(MemberId, MeasureCode, Day), f64>,
        line: Line,
    ) -> Result<bool, LineFault> {
        let Line {
            number: _,
            group: group_name,
            facilitation,
            member: label,
            joined,
            sharing,
            measure,
            day,
            score,
        } = line;
        let measure = MeasureCode::try_from(measure)
            .ok()
            .and_then(|code| known.measures.measure(&code))
            .ok_or(LineFault::Measure)?;
        if !measure.scale.contains(score) {
            return Err(LineFault::OffScale);
        }
        let code = folded(&label);
        let place = self.member_place(&code);
        let (member, new_member) =
            match (plan.people.get(&code), known.members.get(place.as_slice())) {
                (Some(person), _) => (person.member, person.new),
                (None, Some(member)) if known.keys.contains_key(member) => (*member, false),
                (None, Some(_)) => return Err(LineFault::Erased),
                (None, None) => (MemberId::new(self.surroundings.bytes()), true),
            };
        if !new_member {
            let refused = |purpose| known.consents.refused(member, purpose);
            if refused(Purpose::Participation) || refused(Purpose::Measurement) {
                return Err(LineFault::Withdrawn);
            }
            if sharing == Some(true) && refused(Purpose::Sharing) {
                return Err(LineFault::SaidNo);
            }
        }
        let (group, new_group, led_by) = match (
            plan.circles.get(&group_name),
            known.groups_by_name.get(&group_name),
        ) {
            (Some(circle), _) => (circle.group, circle.new, circle.facilitation),
            (None, Some(group)) => {
                let led_by = known
                    .groups
                    .get(group)
                    .and_then(|stored| stored.facilitation_on(day).ok());
                (*group, false, led_by)
            }
            (None, None) => (GroupId::new(self.surroundings.bytes()), true, None),
        };
        if led_by.is_some_and(|led_by| led_by != facilitation) {
            return Err(LineFault::OtherFacilitation);
        }
        let edge = (member, group);
        let stated = plan
            .joined
            .get(&edge)
            .copied()
            .or(known.joined.get(&edge).copied().flatten());
        if stated.is_some_and(|stated| stated != joined) {
            return Err(LineFault::OtherJoined);
        }
        let answer = (member, measure.code.clone(), day);
        let there = scores
            .get(&answer)
            .copied()
            .map(Some)
            .or(known.scores.get(&answer).copied());
        let is_new = match there {
            None => true,
            Some(there) if there == Some(score) => false,
            Some(_) => return Err(LineFault::OtherScore),
        };
        let person = plan.people.entry(code).or_insert(Person {
            member,
            label,
            new: new_member,
            sharing: None,
        });
        person.sharing = sharing.or(person.sharing);
        let circle = plan.circles.entry(group_name).or_insert(Circle {
            group,
            new: new_group,
            facilitation: Some(facilitation),
            measures: BTreeSet::new(),
        });
        circle.measures.insert(measure.code.clone());
        if !known.joined.contains_key(&edge) {
            plan.joined.insert(edge, joined);
        }
        if is_new {
            scores.insert(answer, score);
            plan.scores.push(Score {
                member,
                group,
                measure: measure.code.clone(),
                class: measure.class,
                day,
                value: score,
            });
        }
        Ok(is_new)
    }
}

/// Members of whom the table says both yes and no.
fn members_of_two_minds(lines: &[Line]) -> BTreeSet<String> {
    let mut said: BTreeMap<String, bool> = BTreeMap::new();
    let mut both = BTreeSet::new();
    for line in lines {
        if let Some(sharing) = line.sharing
            && said
                .insert(folded(&line.member), sharing)
                .is_some_and(|earlier| earlier != sharing)
        {
            both.insert(folded(&line.member));
        }
    }
    both
}
