//! From check-ins to what waits before the gate: pairs, the cell each is counted in, and who agreed.

use super::places::{Counted, Home};
use crate::centre::Centre;
use crate::check_ins::StoredCheckIn;
use crate::error::CentreError;
use crate::personal::CheckInId;
use crate::store::Tx;
use krog_disclosure::{
    Aside, BaselineCount, BatchParts, GatePolicy, LostBaseline, PairId, PersonKey, Pooling,
    WaitingPair,
};
use krog_feed::roster::RosterChain;
use krog_measures::pairs::{DatedScore, Followed, choose};
use krog_measures::{Day, Measure, MeasureCode, Quarter};
use std::collections::{BTreeMap, BTreeSet};

/// Quarters over which follow-up is counted.
const FOLLOW_UP_QUARTERS: u32 = 8;

/// A quarter's batch and what its pairs are made of.
pub(super) struct Waiting {
    pub(super) parts: BatchParts,
    /// The check-ins of every waiting pair and lost baseline.
    pub(super) made_of: BTreeMap<PairId, MadeOf>,
}

/// The check-ins a pair is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MadeOf {
    pub(super) baseline: CheckInId,
    /// `None` for a baseline that found none.
    pub(super) follow_up: Option<CheckInId>,
}

/// Which pairs a batch is made of.
pub(super) enum Which<'a> {
    /// All that wait.
    Waiting,
    /// Those a round has counted, for a second round over them, and baselines without a follow-up that nothing has counted.
    Counted(&'a BTreeMap<PairId, MadeOf>),
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

/// A baseline whose window has closed; scores by their places among those of one member and measure.
struct Fate {
    baseline: usize,
    follow_up: Option<usize>,
    /// Day of the follow-up, or the window's last one.
    until: Day,
    closed: Quarter,
}

impl Fate {
    fn of(followed: &Followed) -> Option<Self> {
        match followed {
            Followed::Paired(pair) => Some(Self {
                baseline: pair.baseline_index,
                follow_up: Some(pair.follow_up_index),
                until: pair.follow_up_day,
                closed: pair.quarter,
            }),
            Followed::Lost(lost) => Some(Self {
                baseline: lost.baseline_index,
                follow_up: None,
                until: lost.closes.plus(-1),
                closed: lost.quarter,
            }),
            Followed::Open(_) => None,
        }
    }

    /// Those made of answers that a round has counted, whatever answers came beside them since.
    fn of_counted(
        counted: &BTreeMap<CheckInId, Option<CheckInId>>,
        scored: &[&StoredCheckIn],
        measure: &Measure,
    ) -> Vec<Self> {
        let baselines = scored.iter().enumerate();
        let fates = baselines.filter_map(|(baseline, check_in)| {
            let last_day = check_in.day.plus(i32::from(measure.window.last_day()));
            let (follow_up, until) = match counted.get(&check_in.id)? {
                Some(id) => {
                    let at = scored.iter().position(|check_in| check_in.id == *id)?;
                    (Some(at), scored.get(at)?.day)
                }
                None => (None, last_day),
            };
            Some(Self {
                baseline,
                follow_up,
                until,
                closed: last_day.quarter(),
            })
        });
        fates.collect()
    }
}

impl Centre {
    /// Everything that waits, as the network's policy counts it.
    pub(super) async fn waiting(
        &self,
        tx: &mut Tx,
        quarter: Quarter,
        chain: &RosterChain,
        which: Which<'_>,
    ) -> Result<Waiting, CentreError> {
        let today = self.today()?;
        let roster = chain.latest();
        let keys = self.keys.members().await?;
        let consents = self.consents(tx, &keys).await?;
        let check_ins = self.check_ins(tx, &keys).await?;
        let spent = self.spent_check_ins(tx).await?;
        let counted = match which {
            Which::Waiting => BTreeMap::new(),
            Which::Counted(pairs) => pairs
                .values()
                .map(|made_of| (made_of.baseline, made_of.follow_up))
                .collect(),
        };
        let items = self.answers(tx, &keys).await?;
        let spent_through = self.spent_through(tx).await?;
        let home = Home {
            groups: self.groups(tx).await?,
            memberships: self.memberships(tx, &keys).await?,
            attendance: self.attendance(tx).await?,
        };
        let first_quarter = quarter.index().saturating_sub(FOLLOW_UP_QUARTERS - 1);
        let mut waiting = Vec::new();
        let mut lost = Vec::new();
        let mut asides = BTreeMap::new();
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
                let unspent = follow(settled);
                let fates = match which {
                    Which::Waiting => unspent.iter().filter_map(Fate::of).collect(),
                    Which::Counted(_) => {
                        let mut fates = Fate::of_counted(&counted, &scored, measure);
                        let lost = |fate: &Fate| fate.follow_up.is_none();
                        fates.extend(unspent.iter().filter_map(Fate::of).filter(lost));
                        fates
                    }
                };
                for Fate {
                    baseline,
                    follow_up,
                    until,
                    closed,
                } in fates
                {
                    let (Some(baseline), Some(follow_up)) = (
                        scored.get(baseline),
                        follow_up.map_or(Some(None), |at| scored.get(at).map(Some)),
                    ) else {
                        continue;
                    };
                    let id = self.pair_id(baseline.id, follow_up.map(|check_in| check_in.id));
                    let named = [
                        baseline.group,
                        follow_up.and_then(|check_in| check_in.group),
                    ];
                    let Some(Counted {
                        facilitation,
                        course,
                        group_agreed,
                        group,
                    }) = home.counted(*member, measure, baseline.day, until, &named)?
                    else {
                        continue;
                    };
                    // To the end of the window, whether or not somebody answered before it.
                    let window = i32::from(measure.window.last_day());
                    asides.insert(
                        id,
                        Aside {
                            sessions: home.sessions(
                                *member,
                                group,
                                baseline.day,
                                baseline.day.plus(window),
                            ),
                            items: follow_up
                                .and_then(|check_in| {
                                    let form = instrument_of(&measure.code);
                                    items.get(&(*member, form.to_owned(), check_in.day.number()))
                                })
                                .cloned()
                                .unwrap_or_default(),
                        },
                    );
                    made_of.insert(
                        id,
                        MadeOf {
                            baseline: baseline.id,
                            follow_up: follow_up.map(|check_in| check_in.id),
                        },
                    );
                    let person = PersonKey(*member.as_bytes());
                    match follow_up {
                        Some(follow_up) => waiting.push(WaitingPair {
                            pair: id,
                            person,
                            measure: measure.code.clone(),
                            facilitation,
                            course,
                            closed,
                            baseline: baseline.score.unwrap_or_default(),
                            follow_up: follow_up.score.unwrap_or_default(),
                            consented: counts,
                            group_agreed,
                        }),
                        None => lost.push(LostBaseline {
                            pair: id,
                            person,
                            measure: measure.code.clone(),
                            facilitation,
                            course,
                            closed,
                            baseline: baseline.score.unwrap_or_default(),
                            consented: counts,
                            group_agreed,
                        }),
                    }
                }
            }
            baselines.push(BaselineCount {
                measure: measure.code.clone(),
                opened,
                found,
            });
        }
        let (waiting, again) = match which {
            Which::Waiting => (waiting, Vec::new()),
            Which::Counted(_) => (Vec::new(), waiting),
        };
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
            pooling: Pooling {
                again,
                ways: self.ways(tx, &roster.policy).await?,
                lost,
                asides,
            },
        };
        Ok(Waiting { parts, made_of })
    }

    /// The same two check-ins give the same pair in every batch, and its id tells nothing without the centre's key.
    fn pair_id(&self, baseline: CheckInId, follow_up: Option<CheckInId>) -> PairId {
        let hash = match &follow_up {
            Some(follow_up) => {
                self.keys
                    .index
                    .hash(&[b"pair", baseline.as_bytes(), follow_up.as_bytes()])
            }
            None => self.keys.index.hash(&[b"lost", baseline.as_bytes()]),
        };
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        PairId(id)
    }
}

/// The instrument a measure belongs to: its name up to the first point.
fn instrument_of(code: &MeasureCode) -> &str {
    let code = code.as_str();
    code.split_once('.').map_or(code, |(name, _)| name)
}
