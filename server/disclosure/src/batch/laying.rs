//! Laying the rows of a batch down: by cell, heads apart from answers.

use super::{Answer, BatchError, CellKey, Head, LostBaseline, PairId, WaitingPair};
use krog_measures::{MeasureCode, Quarter, Scale};
use std::collections::{BTreeMap, BTreeSet};

type Heads = BTreeMap<CellKey, Vec<Head>>;

/// One row of a batch: its cell, who is counted, and what they answered.
struct Row {
    cell: CellKey,
    head: Head,
    answer: Answer,
}

impl WaitingPair {
    fn split(self) -> Row {
        let Self {
            pair,
            person,
            measure,
            facilitation,
            course,
            closed,
            baseline,
            follow_up,
            consented,
            group_agreed,
        } = self;
        Row {
            cell: CellKey {
                measure,
                facilitation,
                course,
            },
            head: Head {
                pair,
                person,
                closed,
                consented,
                group_agreed,
                answer: 0,
            },
            answer: Answer {
                baseline,
                follow_up: Some(follow_up),
            },
        }
    }
}

impl LostBaseline {
    fn split(self) -> Row {
        let Self {
            pair,
            person,
            measure,
            facilitation,
            course,
            closed,
            baseline,
            consented,
            group_agreed,
        } = self;
        Row {
            cell: CellKey {
                measure,
                facilitation,
                course,
            },
            head: Head {
                pair,
                person,
                closed,
                consented,
                group_agreed,
                answer: 0,
            },
            answer: Answer {
                baseline,
                follow_up: None,
            },
        }
    }
}

/// Lays rows down by cell, heads apart from answers.
pub(super) struct Laying {
    quarter: Quarter,
    scales: BTreeMap<MeasureCode, Scale>,
    seen: BTreeSet<PairId>,
    answers: Vec<Answer>,
}

impl Laying {
    pub(super) fn new(quarter: Quarter, scales: BTreeMap<MeasureCode, Scale>) -> Self {
        Self {
            quarter,
            scales,
            seen: BTreeSet::new(),
            answers: Vec::new(),
        }
    }

    pub(super) fn pairs(&mut self, pairs: Vec<WaitingPair>) -> Result<Heads, BatchError> {
        self.lay(pairs.into_iter().map(WaitingPair::split))
    }

    pub(super) fn lost(&mut self, lost: Vec<LostBaseline>) -> Result<Heads, BatchError> {
        self.lay(lost.into_iter().map(LostBaseline::split))
    }

    /// The answers of all that was laid down, where the heads say.
    pub(super) fn answers(self) -> Vec<Answer> {
        self.answers
    }

    /// Those of other measures and of later quarters keep waiting; the rest by cell, earliest first.
    fn lay(&mut self, rows: impl Iterator<Item = Row>) -> Result<Heads, BatchError> {
        let mut heads = Heads::new();
        for Row { cell, head, answer } in rows {
            if !self.seen.insert(head.pair) {
                return Err(BatchError::RepeatedPair(cell.measure));
            }
            let Some(scale) = self.scales.get(&cell.measure) else {
                continue;
            };
            let off_scale = |score: f64| !scale.contains(score);
            if off_scale(answer.baseline) || answer.follow_up.is_some_and(off_scale) {
                return Err(BatchError::OffScale(cell.measure));
            }
            if head.closed > self.quarter {
                continue;
            }
            heads.entry(cell).or_default().push(Head {
                answer: self.answers.len(),
                ..head
            });
            self.answers.push(answer);
        }
        for cell in heads.values_mut() {
            cell.sort_by_key(|head| (head.closed, head.pair));
        }
        Ok(heads)
    }
}
