//! What a comparison says, part by part.

use super::caveat::Caveat;
use super::told::{self, SetAside, UntoldCount};
use crate::calendar::Quarter;
use crate::facilitation::{Course, Facilitation};
use crate::instrument::{ClassHash, MeasureCode, Scale};
use crate::synthesis::{ContrastOutcome, Interval, Prediction};
use serde::{Deserialize, Serialize};

/// The SD of change that everything is told in units of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SdUsed {
    /// In points of the measure's scale.
    pub sd: f64,
    /// Where it comes from.
    pub origin: SdOrigin,
}

/// Where an SD of change comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SdOrigin {
    /// Pooled over the releases and pools that tell one, weighted by persons − 1.
    Pooled {
        /// Releases it was pooled over.
        releases: u32,
        /// Persons in them.
        persons: u64,
        /// Pools it was pooled over.
        pools: u32,
    },
    /// Stated with the measure.
    Stated {
        /// Publication or assumption.
        source: String,
    },
}

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalBasis {
    /// Hartung–Knapp with its factor not below one, on k − 1 degrees of freedom; noise of second
    /// rounds is added after the factor.
    HartungKnapp {
        /// k − 1
        df: u32,
    },
    /// One centre alone: normal, from its own sampling variance.
    OneCentre,
    /// Pools alone, one or several, none with weights: put together by their variances, which hold
    /// the variance between centres that is taken for them, with Student's t and no factor of
    /// Hartung and Knapp, since that variance is not estimated from these estimates.
    PoolsAlone {
        /// Centres in them, less one.
        df: u32,
    },
}

/// Where the variance of true effects between centres comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpreadOrigin {
    /// DerSimonian–Laird over every centre in the synthesis.
    EveryCentre,
    /// Stated by the newest second round of the side.
    SecondRound,
    /// DerSimonian–Laird over the released centres; those of pools are taken to differ as much.
    ReleasedCentres,
    /// Assumed by the network.
    Assumed,
}

/// The centres of one facilitation and course put together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Estimates in it: a released centre is one; a pool is as many as it has centres where a
    /// second round gave its weights, and one otherwise.
    pub k: u32,
    /// Mean improvement in SDs of change, weighted by precision.
    pub effect: f64,
    /// Its standard error, with Hartung and Knapp's factor where there is one.
    pub se: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// How that was made.
    pub basis: IntervalBasis,
    /// Variance of true effects between centres.
    pub tau2: f64,
    /// Where that comes from.
    pub spread: SpreadOrigin,
    /// Cochran's Q, over all centres where the sums of every pool tell it and over the released
    /// ones otherwise; 0 without any of these.
    pub q: f64,
    /// Degrees of freedom of Q.
    pub q_df: u32,
    /// Share of the variation that lies between centres, in percent, from Q; none where Q has no
    /// degree of freedom.
    pub i2_percent: Option<f64>,
    /// Where one more centre's true effect would lie; none below three estimates, and none for
    /// pools alone.
    pub prediction: Option<Prediction>,
    /// The mean as if all centres shared one true effect.
    pub fixed_effect: f64,
    /// Its standard error.
    pub fixed_se: f64,
}

/// What was told of one facilitation and course.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacilitationResult {
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// Centres that released something.
    pub centres: u32,
    /// Releases.
    pub releases: u32,
    /// Persons in them.
    pub persons: u64,
    /// Centres in pools. One that stands in two pools, or in a pool and a release, counts in each.
    pub pooled_centres: u32,
    /// Persons in pools, as told with noise; 0 without a pool.
    pub pooled_persons: f64,
    /// First quarter covered.
    pub first: Quarter,
    /// Last quarter covered.
    pub last: Quarter,
    /// Mean baseline over the persons of releases and pools that tell it, in points.
    pub baseline_mean: Option<f64>,
    /// Releases that tell only that the baseline mean is near the scale's low end.
    pub baseline_at_low_end: u32,
    /// Releases that tell only that the baseline mean is near the scale's high end.
    pub baseline_at_high_end: u32,
    /// Follow-up minus baseline in points, over the persons of releases and pools that tell it;
    /// not turned.
    pub mean_change: Option<f64>,
    /// The synthesis; none when no release and no pool tells a change.
    pub effect: Option<Effect>,
}

/// What one centre told of one facilitation and course, its releases combined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CentreResult {
    /// The centre's id.
    #[serde(with = "told::hex_id")]
    pub centre: [u8; 32],
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// Releases combined.
    pub releases: u32,
    /// Persons in them.
    pub persons: u32,
    /// First quarter covered.
    pub first: Quarter,
    /// Last quarter covered.
    pub last: Quarter,
    /// Follow-up minus baseline in points, not turned; none when no release tells it.
    pub mean_change: Option<f64>,
    /// Improvement in SDs of change.
    pub effect: Option<f64>,
    /// Sampling and rounding variance of the effect.
    pub variance: Option<f64>,
    /// effect ± 1.96 √variance
    pub interval: Option<Interval>,
}

/// What one pool told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolResult {
    /// Hash naming its first round.
    #[serde(with = "told::hex_id")]
    pub round: [u8; 32],
    /// Who leads.
    pub facilitation: Facilitation,
    /// New or continuing members.
    pub course: Course,
    /// Centres in it.
    pub centres: u32,
    /// Persons in them, as told with noise, never below 0.
    pub persons: f64,
    /// First quarter covered.
    pub first: Quarter,
    /// Last quarter covered.
    pub last: Quarter,
    /// Follow-up minus baseline in points, not turned; none when not asked.
    pub mean_change: Option<f64>,
    /// Improvement in SDs of change.
    pub effect: Option<f64>,
    /// Variance of the effect between persons, and of the noise; without that between centres.
    pub variance: Option<f64>,
    /// Standard error that noise alone adds to the effect. 0 without noise or without an effect.
    pub noise_se: f64,
    /// Privacy cost of its rounds as rho, in millionths. 0: no noise.
    pub rho_millionths: u32,
    /// Whether it enters the synthesis like single centres, by the weights of its second round.
    pub has_weights: bool,
    /// SD of change between persons in points; none when not asked or drowned in noise.
    pub change_sd: Option<f64>,
    /// Mean baseline in points; none when not asked.
    pub baseline_mean: Option<f64>,
    /// Share of persons reliably improved, 0 to 1; none when not asked.
    pub improved: Option<f64>,
    /// Share of persons reliably worse, 0 to 1; none when not asked.
    pub deteriorated: Option<f64>,
    /// Share of baselines that found a follow-up, 0 to 1; none when not asked.
    pub followed_up: Option<f64>,
    /// Meetings attended for each person with a baseline; none when not asked.
    pub sessions: Option<f64>,
    /// Mean answer to each item at follow-up, in the order of the round.
    pub items: Vec<ItemMean>,
}

/// The mean answer to one item in a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemMean {
    /// The item's code.
    pub code: String,
    /// Mean answer at follow-up, not below the item's lowest answer.
    pub mean: f64,
}

/// Everything a comparison says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The measure.
    pub code: MeasureCode,
    /// Its comparability class.
    pub class: ClassHash,
    /// Its ends and direction. Effects are turned so that positive is improvement.
    pub scale: Scale,
    /// The unit of effects. None when no pool and no release of 20 persons or more tells an SD of
    /// change and the measure states none: then changes are told in points only, and nothing is put together.
    pub sd: Option<SdUsed>,
    /// New members, by facilitation in fixed order.
    pub entry: Vec<FacilitationResult>,
    /// Continuing members, by facilitation in fixed order. They enter no contrast.
    pub continuing: Vec<FacilitationResult>,
    /// Professional minus peer between centres, new members; positive is more improvement in
    /// professionally facilitated groups.
    pub contrast: ContrastOutcome,
    /// The same within centres that offer both.
    pub within_centres: ContrastOutcome,
    /// The smallest difference taken to matter, in SDs of change.
    pub smallest_important: f64,
    /// One row a centre, facilitation and course, by rising centre id.
    pub centres: Vec<CentreResult>,
    /// One row a pool, by its round.
    pub pools: Vec<PoolResult>,
    /// Cells that were not told, counted by public reason.
    pub untold: Vec<UntoldCount>,
    /// Releases and pools that were not used, and why.
    pub set_aside: Vec<SetAside>,
    /// What has to be said with it.
    pub caveats: Vec<Caveat>,
}
