//! From check-ins to what waits before the gate: pairs, the group each is counted under, and who agreed.

use crate::centre::Centre;
use crate::check_ins::StoredCheckIn;
use crate::error::CentreError;
use crate::groups::{GroupSharing, Memberships, StoredGroup};
use crate::meetings::Attendance;
use crate::personal::{CheckInId, GroupId, MemberId};
use crate::records::StayRecord;
use crate::store::Tx;
use krog_disclosure::{
    BaselineCount, BatchParts, CellKey, CollectedCell, GatePolicy, PairId, PersonKey, WaitingPair,
};
use krog_feed::roster::RosterChain;
use krog_measures::pairs::{DatedScore, Followed, choose};
use krog_measures::{Course, Day, Facilitation, Measure, Quarter};
use std::collections::{BTreeMap, BTreeSet};

/// Quarters over which follow-up is counted.
const FOLLOW_UP_QUARTERS: u32 = 8;

/// A quarter's batch and what its pairs are made of.
pub(super) struct Waiting {
    pub(super) parts: BatchParts,
    /// The two check-ins of every waiting pair.
    pub(super) made_of: BTreeMap<PairId, [CheckInId; 2]>,
}

impl Waiting {
    /// Persons with a pair that could be counted but for their consent.
    pub(super) fn without_consent(&self) -> usize {
        let quarter = self.parts.quarter;
        let without = |pair: &&WaitingPair| !pair.consented && pair.closed <= quarter;
        self.parts
            .waiting
            .iter()
            .filter(without)
            .map(|pair| pair.person)
            .collect::<BTreeSet<_>>()
            .len()
    }
}

/// Everything about one centre that a batch is made of.
struct Home {
    groups: BTreeMap<GroupId, StoredGroup>,
    memberships: Memberships,
    attendance: Attendance,
}

/// Where a baseline is counted.
struct Counted {
    facilitation: Facilitation,
    course: Course,
    group_agreed: bool,
}

impl Centre {
    /// Everything that waits, as the network's policy counts it.
    pub(super) async fn waiting(
        &self,
        tx: &mut Tx,
        quarter: Quarter,
        chain: &RosterChain,
    ) -> Result<Waiting, CentreError> {
        let today = self.today()?;
        let roster = chain.latest();
        let keys = self.keys.members().await?;
        let consents = self.consents(tx, &keys).await?;
        let check_ins = self.check_ins(tx, &keys).await?;
        let spent = self.spent_check_ins(tx).await?;
        let spent_through = self.spent_through(tx).await?;
        let home = Home {
            groups: self.groups(tx).await?,
            memberships: self.memberships(tx, &keys).await?,
            attendance: self.attendance(tx).await?,
        };
        let first_quarter = quarter.index().saturating_sub(FOLLOW_UP_QUARTERS - 1);
        let mut waiting = Vec::new();
        let mut made_of = BTreeMap::new();
        let mut baselines = Vec::new();
        for measure in &roster.policy.measures {
            let (mut opened, mut found) = (0, 0);
            for (member, check_ins) in &check_ins {
                let scored: Vec<&StoredCheckIn> = check_ins
                    .iter()
                    .filter(|check_in| check_in.measure == measure.code)
                    .filter(|check_in| check_in.class == measure.class.as_bytes())
                    .filter(|check_in| {
                        check_in
                            .score
                            .is_some_and(|score| measure.scale.contains(score))
                    })
                    .collect();
                let scores: Vec<DatedScore> = scored
                    .iter()
                    .map(|check_in| DatedScore {
                        day: check_in.day,
                        value: check_in.score.unwrap_or_default(),
                    })
                    .collect();
                let counts = consents.counts(*member);
                let follow = |settled| match scores.first() {
                    // The course depends on the group and is found below; any day serves here.
                    Some(first) => choose(&scores, measure.window, first.day, settled, today),
                    None => Vec::new(),
                };
                for fate in follow(None) {
                    let (baseline, until, closed, paired) = match fate {
                        Followed::Paired(pair) => {
                            (pair.baseline_index, pair.follow_up_day, pair.quarter, true)
                        }
                        Followed::Lost(lost) => (
                            lost.baseline_index,
                            lost.closes.plus(-1),
                            lost.quarter,
                            false,
                        ),
                        Followed::Open(_) => continue,
                    };
                    let named = scored.get(baseline).and_then(|check_in| check_in.group);
                    let from = scores.get(baseline).map_or(until, |score| score.day);
                    let in_span = (first_quarter..=quarter.index()).contains(&closed.index());
                    let counted = home.counted(*member, measure, from, until, &[named])?;
                    if in_span && counts && counted.is_some_and(|counted| counted.group_agreed) {
                        opened += 1;
                        found += u32::from(paired);
                    }
                }
                // Nothing up to the last spent answer can be part of another pair.
                let settled = scored
                    .iter()
                    .filter(|check_in| spent.contains(&check_in.id))
                    .map(|check_in| check_in.day)
                    .chain(spent_through.get(&measure.code).copied())
                    .max();
                for fate in follow(settled) {
                    let Followed::Paired(pair) = fate else {
                        continue;
                    };
                    let (Some(baseline), Some(follow_up)) = (
                        scored.get(pair.baseline_index),
                        scored.get(pair.follow_up_index),
                    ) else {
                        continue;
                    };
                    let named = [baseline.group, follow_up.group];
                    let counted = home.counted(
                        *member,
                        measure,
                        pair.baseline_day,
                        pair.follow_up_day,
                        &named,
                    )?;
                    let Some(Counted {
                        facilitation,
                        course,
                        group_agreed,
                    }) = counted
                    else {
                        continue;
                    };
                    let id = self.pair_id(baseline.id, follow_up.id);
                    made_of.insert(id, [baseline.id, follow_up.id]);
                    waiting.push(WaitingPair {
                        pair: id,
                        person: PersonKey(*member.as_bytes()),
                        measure: measure.code.clone(),
                        facilitation,
                        course,
                        closed: pair.quarter,
                        baseline: pair.baseline,
                        follow_up: pair.follow_up,
                        consented: counts,
                        group_agreed,
                    });
                }
            }
            baselines.push(BaselineCount {
                measure: measure.code.clone(),
                opened,
                found,
            });
        }
        let parts = BatchParts {
            quarter,
            roster_version: roster.version,
            policy: GatePolicy {
                floor_persons: roster.policy.floor_persons,
                measures: roster.policy.measures.clone(),
            },
            collected: home.collected(&roster.policy.measures)?,
            waiting,
            baselines,
        };
        Ok(Waiting { parts, made_of })
    }

    /// The same two check-ins give the same pair in every batch, and its id tells nothing without the centre's key.
    fn pair_id(&self, baseline: CheckInId, follow_up: CheckInId) -> PairId {
        let hash = self
            .keys
            .index
            .hash(&[b"pair", baseline.as_bytes(), follow_up.as_bytes()]);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        PairId(id)
    }
}

impl Home {
    /// The cells of the measures groups say they use, whether or not anybody has answered.
    fn collected(&self, measures: &[Measure]) -> Result<Vec<CollectedCell>, CentreError> {
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
    fn counted(
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
        }))
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
