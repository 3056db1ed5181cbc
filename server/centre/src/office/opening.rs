//! Opening a round, for keyholders.

use super::{Office, known, want};
use crate::error::CentreError;
use crate::store::begin;
use krog_feed::entry::Kind;
use krog_feed::ids::{HeaderHash, NetworkId, NodeId};
use krog_measures::{Course, Day, Facilitation, Measure, MeasureCode, Quarter};
use krog_pools::precision::expected;
use krog_pools::{PoolItem, PoolTerms, Question, Round, Sum};
use prost::Message;

/// Persons a centre counts at most, unless said otherwise: larger ones let the rest wait for the next round, and the noise
/// of the sums that are not sums over persons stays small.
const PERSONS_PER_CENTRE: u32 = 60;
/// SDs of change at which a person's change is bounded, where an SD is known: three in a thousand go beyond.
const BOUND_IN_SDS: f64 = 3.0;
/// SDs of change a range is taken for where none is known.
const SDS_IN_RANGE: f64 = 5.0;

/// The quarters whose pairs are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First quarter.
    pub first: Quarter,
    /// Last quarter; one that has ended.
    pub last: Quarter,
}

/// A round to be opened.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The measure.
    pub measure: MeasureCode,
    /// Who leads the groups counted.
    pub facilitation: Facilitation,
    /// Entry or continuing pairs.
    pub course: Course,
    /// The quarters counted.
    pub span: Span,
    /// What is asked.
    pub question: Question,
    /// The aggregators: the one that begins, and the other; of two organisations.
    pub aggregators: [NodeId; 2],
    /// Last day on which a part can be committed.
    pub deadline: Day,
    /// Days after the deadline from which on the round is given up.
    pub days_to_expiry: u32,
    /// For a second round: the first one, and τ² where weights are asked, in units of the unit SD squared.
    pub second_of: Option<(HeaderHash, Round, f64)>,
    /// SD of change to use, points; `None`: the one the measure states, or a fifth of its range.
    pub unit_sd: Option<f64>,
    /// Cost of the round, as ρ in millionths; `None`: the most the policy allows.
    pub rho_millionths: Option<u32>,
    /// Items to add up, where they are asked.
    pub items: Vec<PoolItem>,
    /// Change that counts as reliable, points: 1.96 standard errors of a difference (Jacobson and Truax 1991). Needed
    /// exactly where reliably changed persons are asked.
    pub reliable_change: Option<f64>,
}

impl Office {
    /// Wants a round opened. It is signed at the next [`tick`](Self::tick), and open once both aggregators have answered.
    pub async fn open_round(
        &self,
        network: NetworkId,
        opening: Opening,
    ) -> Result<Round, CentreError> {
        let chain = self.rosters(network).await?;
        let latest = chain.latest();
        if latest.keyholders.get(&self.node()) != Some(&self.feed.key().public()) {
            return Err(CentreError::NotNow(
                "this office is no keyholder of the network; ask a keyholder to open the round",
            ));
        }
        let terms = latest.policy.pools.ok_or(CentreError::NotNow(
            "the network's policy has no pools; publish a roster with them first",
        ))?;
        let measure = latest
            .policy
            .measure(&opening.measure)
            .ok_or(CentreError::Invalid(
                "the network's policy has no such measure; `krog network show` names those it has",
            ))?;
        let round = round(&opening, latest.version, &terms, measure)?;
        let body = round.to_proto().encode_to_vec();
        let mut tx = begin(&self.pool).await?;
        known(&mut tx, network).await?;
        want(&mut tx, network, Kind::PoolOpening, &body).await?;
        tx.commit().await?;
        Ok(round)
    }
}

fn round(
    opening: &Opening,
    roster_version: u32,
    terms: &PoolTerms,
    measure: &Measure,
) -> Result<Round, CentreError> {
    let range = measure.scale.range();
    let stated = measure
        .reference_change_sd
        .as_ref()
        .map(|stated| stated.sd());
    let sd = opening.unit_sd.or(stated).unwrap_or(range / SDS_IN_RANGE);
    let hundredths = |points: f64| (points * 100.0).ceil().clamp(1.0, 2e6) as u32;
    let bound = hundredths((BOUND_IN_SDS * sd).min(range));
    let asks = |sum| opening.question.sums().contains(&sum);
    let deadline = u32::try_from(opening.deadline.number())
        .map_err(|_| CentreError::Invalid("the deadline lies before 1970; give a day to come"))?;
    let mut round = Round {
        measure: measure.code.clone(),
        class: measure.class,
        facilitation: opening.facilitation,
        course: opening.course,
        first: opening.span.first,
        last: opening.span.last,
        roster_version,
        sums: opening.question.sums().to_vec(),
        items: opening.items.clone(),
        leader: *opening.aggregators[0].as_bytes(),
        helper: *opening.aggregators[1].as_bytes(),
        deadline,
        expiry: deadline.saturating_add(opening.days_to_expiry),
        first_round: None,
        persons_per_centre: PERSONS_PER_CENTRE,
        change_bound_hundredths: bound,
        unit_sd_thousandths: (sd * 1_000.0).round().clamp(1.0, 1e9) as u32,
        tau2_millionths: 0,
        rho_millionths: opening.rho_millionths.unwrap_or(terms.rho_millionths),
        reliable_change_hundredths: match opening.reliable_change {
            Some(points) if asks(Sum::Improved) && points > 0.0 && points <= range => {
                hundredths(points)
            }
            None if !asks(Sum::Improved) => 0,
            _ => {
                return Err(CentreError::Invalid(
                    "state the change in points that counts as reliable where reliably changed persons are asked, and nowhere else",
                ));
            }
        },
        precision: Vec::new(),
    };
    if let Some((first, first_round, tau2)) = &opening.second_of {
        // Over the same pairs, in the same units.
        round.first_round = Some(*first.as_bytes());
        round.facilitation = first_round.facilitation;
        round.course = first_round.course;
        round.first = first_round.first;
        round.last = first_round.last;
        round.persons_per_centre = first_round.persons_per_centre;
        round.change_bound_hundredths = first_round.change_bound_hundredths;
        round.unit_sd_thousandths = first_round.unit_sd_thousandths;
        if opening.question == Question::Weights {
            round.tau2_millionths = (tau2 * 1e6).round().clamp(0.0, 1e8) as u32;
        }
    }
    round.precision = expected(&round, measure, terms);
    let read = Round::parse(round.to_proto())?;
    read.check(terms, measure)?;
    Ok(read)
}
