//! Under which group, and so in which cell, a member's answers are counted.

use crate::error::CentreError;
use crate::groups::{GroupSharing, Memberships, StoredGroup};
use crate::meetings::Attendance;
use crate::personal::{GroupId, MemberId};
use crate::records::StayRecord;
use krog_disclosure::{CellKey, CollectedCell};
use krog_measures::{Course, Day, Facilitation, Measure};
use std::collections::{BTreeMap, BTreeSet};

/// Everything about one centre that a batch is made of.
pub(super) struct Home {
    pub(super) groups: BTreeMap<GroupId, StoredGroup>,
    pub(super) memberships: Memberships,
    pub(super) attendance: Attendance,
}

/// Where a baseline is counted.
pub(super) struct Counted {
    pub(super) facilitation: Facilitation,
    pub(super) course: Course,
    pub(super) group_agreed: bool,
    pub(super) group: GroupId,
}

impl Home {
    /// The cells of the measures groups say they use, whether or not anybody has answered.
    pub(super) fn collected(
        &self,
        measures: &[Measure],
    ) -> Result<Vec<CollectedCell>, CentreError> {
        let mut cells: BTreeMap<CellKey, bool> = BTreeMap::new();
        for group in self.groups.values() {
            let agreed = group.sharing == GroupSharing::Yes;
            for measure in measures.iter().filter(|measure| group.uses(measure)) {
                for facilitation in group.facilitations()? {
                    for course in Course::ALL {
                        let cell = CellKey {
                            measure: measure.code.clone(),
                            facilitation,
                            course,
                        };
                        *cells.entry(cell).or_default() |= agreed;
                    }
                }
            }
        }
        Ok(cells
            .into_iter()
            .map(|(cell, agreed)| CollectedCell { cell, agreed })
            .collect())
    }

    /// Under which group's facilitation a member's answers of these days are counted: the group that measures this and was
    /// attended most in between; under none when its facilitation changed meanwhile.
    pub(super) fn counted(
        &self,
        member: MemberId,
        measure: &Measure,
        from: Day,
        until: Day,
        named: &[Option<GroupId>],
    ) -> Result<Option<Counted>, CentreError> {
        let attended = self.attendance.get(&member);
        let stays = self.memberships.get(&member);
        let mut candidates: BTreeSet<GroupId> = named.iter().flatten().copied().collect();
        candidates.extend(stays.into_iter().flatten().filter_map(|(group, stays)| {
            stays
                .iter()
                .any(|stay| overlaps(stay, from, until))
                .then_some(*group)
        }));
        let between = |days: &[Day]| {
            days.iter()
                .filter(|day| (from..=until).contains(*day))
                .count()
        };
        candidates.extend(
            attended
                .into_iter()
                .flatten()
                .filter_map(|(group, days)| (between(days) > 0).then_some(*group)),
        );
        let first_stay = |group: &GroupId| {
            let stays = stays.and_then(|stays| stays.get(group));
            stays.into_iter().flatten().map(|stay| stay.from_day).min()
        };
        let chosen = candidates
            .into_iter()
            .filter_map(|group| self.groups.get(&group).map(|stored| (group, stored)))
            .filter(|(_, stored)| stored.uses(measure))
            .max_by_key(|(group, _)| {
                let meetings = attended
                    .and_then(|attended| attended.get(group))
                    .map_or(0, |days| between(days));
                let mentions = named.iter().filter(|named| **named == Some(*group)).count();
                // Of equals the one joined first, then any, but always the same.
                let joined = std::cmp::Reverse(first_stay(group).unwrap_or(i32::MAX));
                (meetings, mentions, joined, *group)
            });
        let Some((group, stored)) = chosen else {
            return Ok(None);
        };
        let Some(facilitation) = stored.facilitation_between(from, until)? else {
            return Ok(None);
        };
        let first_attendance = attended
            .and_then(|attended| attended.get(&group))
            .and_then(|days| days.first().copied())
            .into_iter()
            .chain(self.imported_start(member, group)?)
            .min();
        let first = match first_attendance {
            Some(first) => first,
            // Nobody wrote down a meeting: the day of joining is the best there is.
            None => first_stay(&group)
                .map(Day::new)
                .transpose()?
                .unwrap_or(from),
        };
        Ok(Some(Counted {
            facilitation,
            course: Course::of(from, first),
            group_agreed: stored.sharing == GroupSharing::Yes,
            group,
        }))
    }

    /// Meetings of a group a member attended in these days.
    pub(super) fn sessions(&self, member: MemberId, group: GroupId, from: Day, until: Day) -> u32 {
        let days = self
            .attendance
            .get(&member)
            .and_then(|attended| attended.get(&group));
        let attended = days
            .into_iter()
            .flatten()
            .filter(|day| (from..=until).contains(*day));
        u32::try_from(attended.count()).unwrap_or(u32::MAX)
    }

    fn imported_start(&self, member: MemberId, group: GroupId) -> Result<Option<Day>, CentreError> {
        let stays = self
            .memberships
            .get(&member)
            .and_then(|stays| stays.get(&group));
        let imported = stays.into_iter().flatten().filter(|stay| stay.imported);
        Ok(imported
            .map(|stay| stay.from_day)
            .min()
            .map(Day::new)
            .transpose()?)
    }
}

impl StoredGroup {
    fn uses(&self, measure: &Measure) -> bool {
        self.record
            .measures
            .iter()
            .any(|code| code == measure.code.as_str())
    }

    fn facilitations(&self) -> Result<BTreeSet<Facilitation>, CentreError> {
        self.record
            .stretches
            .iter()
            .map(|stretch| {
                stretch
                    .facilitation
                    .parse()
                    .map_err(|_| CentreError::Damaged { table: "groups" })
            })
            .collect()
    }

    /// Who led throughout; `None` when that changed.
    fn facilitation_between(
        &self,
        from: Day,
        until: Day,
    ) -> Result<Option<Facilitation>, CentreError> {
        let at_start = self.facilitation_on(from)?;
        for stretch in &self.record.stretches {
            if let Some(day) = stretch.from_day
                && (from.number()..=until.number()).contains(&day)
                && self.facilitation_on(Day::new(day)?)? != at_start
            {
                return Ok(None);
            }
        }
        Ok(Some(at_start))
    }
}

fn overlaps(stay: &StayRecord, from: Day, until: Day) -> bool {
    stay.from_day <= until.number() && stay.until_day.is_none_or(|left| left >= from.number())
}
