//! What a network lets its centres tell.

use crate::fault::RecordFault;
use crate::limits;
use krog_measures::instrument::{
    ClassHash, Direction, Measure, MeasureCode, Scale, StatedSd, Window,
};
use krog_pools::PoolTerms;
use krog_proto::federation::v1 as proto;

/// Floors and measures of a network. The floors compiled in hold whatever a roster says: a policy below them reads as
/// if it stood at them.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Fewest persons in a released cell, [`limits::FLOOR_PERSONS`] to 1000.
    pub floor_persons: u32,
    /// Days a cleared release is shown at home before it is signed, [`limits::WAITING_DAYS`] to 90.
    pub waiting_days: u32,
    /// The network's measures, in the order in which they are told when a cell is too small for all.
    pub measures: Vec<Measure>,
    /// What pools may tell; `None`: the network has none.
    pub pools: Option<PoolTerms>,
}

const FLOOR_PERSONS_MAX: u32 = 1_000;
const WAITING_DAYS_MAX: u32 = 90;
const WINDOW_DAYS_MAX: u32 = 3_650;
const SCALE_MAX_HUNDREDTHS: i32 = 1_000_000;
const STATED_SD_MAX_THOUSANDTHS: u32 = 1_000_000_000;
const SOURCE_BYTES: usize = 200;

impl Policy {
    /// A policy that can be written into a roster: floors within their ranges (raised to the least there is), measures
    /// each named once, with scores in hundredths and stated SDs in thousandths of a point.
    pub fn new(
        floor_persons: u32,
        waiting_days: u32,
        measures: Vec<Measure>,
    ) -> Result<Self, RecordFault> {
        let policy = Self {
            floor_persons: floor_persons.max(limits::FLOOR_PERSONS),
            waiting_days: waiting_days.max(limits::WAITING_DAYS),
            measures,
            pools: None,
        };
        let read = Self::parse(policy.to_proto())?;
        if read == policy {
            Ok(policy)
        } else {
            Err(fault(
                "a measure has finer numbers than hundredths of a point and thousandths for the SD",
            ))
        }
    }

    /// The same with pools.
    #[must_use]
    pub fn with_pools(self, pools: PoolTerms) -> Self {
        Self {
            pools: Some(pools),
            ..self
        }
    }

    /// Reads the policy of a roster.
    pub fn parse(policy: proto::Policy) -> Result<Self, RecordFault> {
        let proto::Policy {
            floor_persons,
            waiting_days,
            measures: terms,
            pools,
        } = policy;
        if floor_persons > FLOOR_PERSONS_MAX || waiting_days > WAITING_DAYS_MAX {
            return Err(fault(
                "the floor is above 1000 persons or the waiting time above 90 days",
            ));
        }
        if terms.len() > limits::POLICY_MEASURES {
            return Err(fault("it has more than 64 measures"));
        }
        let mut measures = Vec::<Measure>::with_capacity(terms.len());
        for terms in terms {
            let measure = measure(terms)?;
            if measures.iter().any(|known| known.code == measure.code) {
                return Err(fault("a measure is named twice"));
            }
            measures.push(measure);
        }
        let pools = pools
            .map(PoolTerms::parse)
            .transpose()
            .map_err(|_| fault("the terms of its pools are out of range"))?;
        Ok(Self {
            floor_persons: floor_persons.max(limits::FLOOR_PERSONS),
            waiting_days: waiting_days.max(limits::WAITING_DAYS),
            measures,
            pools,
        })
    }

    /// The policy for a roster.
    pub fn to_proto(&self) -> proto::Policy {
        let Self {
            floor_persons,
            waiting_days,
            measures,
            pools,
        } = self;
        proto::Policy {
            floor_persons: *floor_persons,
            waiting_days: *waiting_days,
            measures: measures.iter().map(terms).collect(),
            pools: pools.as_ref().map(PoolTerms::to_proto),
        }
    }

    /// The network's measure of this name.
    pub fn measure(&self, code: &MeasureCode) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.code == *code)
    }
}

fn fault(why: &'static str) -> RecordFault {
    RecordFault {
        record: "policy",
        why,
    }
}

fn measure(terms: proto::MeasureTerms) -> Result<Measure, RecordFault> {
    let proto::MeasureTerms {
        code,
        comparability_class,
        scale_min_hundredths,
        scale_max_hundredths,
        higher_is_better,
        target_day,
        window_first_day,
        window_last_day,
        stated_change_sd_thousandths,
        stated_change_sd_source,
    } = terms;
    let ends = -SCALE_MAX_HUNDREDTHS..=SCALE_MAX_HUNDREDTHS;
    if !ends.contains(&scale_min_hundredths) || !ends.contains(&scale_max_hundredths) {
        return Err(fault("the scale of a measure is out of range"));
    }
    let direction = if higher_is_better {
        Direction::HigherBetter
    } else {
        Direction::LowerBetter
    };
    let point = |hundredths: i32| f64::from(hundredths) / 100.0;
    let day = |days: u32| {
        u16::try_from(days)
            .ok()
            .filter(|_| days <= WINDOW_DAYS_MAX)
            .ok_or(fault("the follow-up window of a measure is out of range"))
    };
    let stated = match stated_change_sd_thousandths {
        None if stated_change_sd_source.is_empty() => None,
        None => return Err(fault("a source is given for an SD that is not stated")),
        Some(thousandths)
            if thousandths <= STATED_SD_MAX_THOUSANDTHS
                && stated_change_sd_source.len() <= SOURCE_BYTES =>
        {
            let sd = f64::from(thousandths) / 1_000.0;
            let stated = StatedSd::new(sd, stated_change_sd_source);
            Some(stated.map_err(|_| fault("a stated SD is not positive or has no source"))?)
        }
        Some(_) => return Err(fault("a stated SD or its source is out of range")),
    };
    let class: [u8; 32] = comparability_class
        .as_slice()
        .try_into()
        .map_err(|_| fault("the class of a measure has not 32 bytes"))?;
    Ok(Measure {
        code: MeasureCode::try_from(code).map_err(|_| fault("the code of a measure is not one"))?,
        scale: Scale::new(
            point(scale_min_hundredths),
            point(scale_max_hundredths),
            direction,
        )
        .map_err(|_| fault("the scale of a measure is out of range"))?,
        window: Window::new(
            day(target_day)?,
            day(window_first_day)?,
            day(window_last_day)?,
        )
        .map_err(|_| fault("the follow-up window of a measure is out of range"))?,
        class: ClassHash(class),
        reference_change_sd: stated,
    })
}

fn terms(measure: &Measure) -> proto::MeasureTerms {
    let Measure {
        code,
        scale,
        window,
        class,
        reference_change_sd: stated,
    } = measure;
    // Casts saturate; what does not fit is found when the policy is read back.
    let hundredths = |point: f64| (point * 100.0).round() as i32;
    proto::MeasureTerms {
        code: code.as_str().to_owned(),
        comparability_class: class.as_bytes().to_vec(),
        scale_min_hundredths: hundredths(scale.min()),
        scale_max_hundredths: hundredths(scale.max()),
        higher_is_better: scale.direction() == Direction::HigherBetter,
        target_day: u32::from(window.target_day()),
        window_first_day: u32::from(window.first_day()),
        window_last_day: u32::from(window.last_day()),
        stated_change_sd_thousandths: stated
            .as_ref()
            .map(|stated| (stated.sd() * 1_000.0).round() as u32),
        stated_change_sd_source: stated
            .as_ref()
            .map(|stated| stated.source().to_owned())
            .unwrap_or_default(),
    }
}
