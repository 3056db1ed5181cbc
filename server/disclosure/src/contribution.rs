//! Taking part in a round of a pool: the second thing that may leave, and the only other constructor of bytes that do.
//!
//! From the same [`QuarterBatch`] as a release, for one cell and one round. Who is counted depends on consents, decisions,
//! the way chosen and on what was asked, and never on a score. The sums exist in the clear only here and on the screens of
//! the centre's own two people: what leaves are two shares, each random by itself, sealed to one aggregator each.

use crate::batch::{Aside, CellKey, Head, PairId, QUARTERS_TO_POOL, QuarterBatch};
use krog_measures::{Measure, Quarter};
use krog_pools::aggregation::seal_share;
use krog_pools::layout::{Layout, OutOfBounds};
use krog_pools::part::sums_of;
use krog_pools::policy::FLOOR_PART;
use krog_pools::sealing::ParcelFault;
use krog_pools::shares::{ShareFault, Sharing};
use krog_pools::{Answered, PoolTerms, Role, Round, RoundFault};
use krog_proto::federation::v1 as wire;
use prost::Message;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use thiserror::Error;

/// A round, and what this centre needs to know to take part in it.
#[derive(Debug, Clone, Copy)]
pub struct Invited<'a> {
    /// The hash of the opening's header.
    pub id: [u8; 32],
    /// The opening.
    pub round: &'a Round,
    /// The policy's terms, of the roster version the opening names.
    pub terms: &'a PoolTerms,
    /// Writer of the centre's feed.
    pub centre: [u8; 32],
    /// What the centre has spent in the calendar year of the deadline, without this round, as ρ in millionths.
    pub spent_rho_millionths: u64,
    /// For a second round: the pairs the first one counted here, without lost baselines; the batch holds them in
    /// [`Pooling::again`](crate::Pooling). `None`: the centre was not in the first.
    pub first_counted: Option<&'a BTreeSet<PairId>>,
}

/// Why a centre takes part in a round, or does not. Stays at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartReason {
    /// It does.
    TakesPart,
    /// Fewer persons than a part may have.
    TooFewPersons,
    /// The measure leaves by release, and nothing has waited so long that it goes to a pool.
    GoesByRelease,
    /// The centre does not collect the cell.
    NotCollected,
    /// No group of the cell has agreed to share.
    NoGroupAgreed,
    /// A second round of a pool this centre is not in.
    NotInFirstRound,
    /// A second round that cannot count everybody the first one counted: somebody withdrew, or did not answer what it asks.
    /// Over one person fewer, the difference of the two rounds would be that person.
    NotWhole,
    /// The year's budget of privacy would be exceeded.
    BudgetSpent,
    /// The round is not one the network's signed policy allows.
    AgainstPolicy(RoundFault),
}

impl fmt::Display for PartReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakesPart => f.write_str(
                "counted in the pool; each aggregator sees random numbers, and the network only the sum over all centres",
            ),
            Self::TooFewPersons => write!(
                f,
                "fewer than {FLOOR_PART} persons of this cell so far; their pairs wait for the next round"
            ),
            Self::GoesByRelease => f.write_str(
                "this centre has chosen releases for this measure; `krog share choose` changes it",
            ),
            Self::NotCollected => f.write_str("this centre does not collect it"),
            Self::NoGroupAgreed => f.write_str("no group of this cell has agreed to share"),
            Self::NotInFirstRound => {
                f.write_str("a second round over a pool in which this centre is not counted")
            }
            Self::NotWhole => f.write_str(
                "a second round over people of whom one can no longer be counted; without all of them it would tell of that one",
            ),
            Self::BudgetSpent => f.write_str(
                "this centre has spent its privacy budget of the year; the pairs wait for the next year",
            ),
            Self::AgainstPolicy(fault) => {
                write!(f, "the network's signed policy does not allow it: {fault}")
            }
        }
    }
}

/// What taking part would mean, numbers masked: what two people approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartForm {
    /// Persons who would be counted.
    pub persons: u32,
    /// Why.
    pub reason: PartReason,
    /// Quarter of the earliest pair counted.
    pub since: Option<Quarter>,
}

impl PartForm {
    /// Whether it takes part.
    pub fn takes_part(&self) -> bool {
        self.reason == PartReason::TakesPart
    }
}

/// Why no part was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PartRefused {
    /// It does not take part.
    #[error("this centre does not take part in the round: {0}")]
    Reason(PartReason),
    /// An aggregator's key is none.
    #[error("an aggregator's key cannot be used: {0}; ask the keyholder to open the round anew")]
    Key(#[from] ParcelFault),
    /// The sums do not fit the round.
    #[error(transparent)]
    Bounds(#[from] OutOfBounds),
    /// No proof can be made.
    #[error("no proof can be made for this round: {0}; ask the keyholder to open it anew")]
    Share(#[from] ShareFault),
}

/// A centre's part in a round, cleared: a commitment that may be signed, and two sealed parcels.
///
/// Comes from [`contribute`], or back from the centre's own store through
/// [`FrozenContribution`](crate::FrozenContribution); from nowhere else.
pub struct ClearedContribution {
    pub(crate) round: [u8; 32],
    pub(crate) commitment: Vec<u8>,
    pub(crate) parcels: [Vec<u8>; 2],
    pub(crate) spent: Vec<PairId>,
    pub(crate) sums: Vec<i64>,
}

impl fmt::Debug for ClearedContribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClearedContribution(..)")
    }
}

impl ClearedContribution {
    /// The round it is for.
    pub fn round(&self) -> [u8; 32] {
        self.round
    }

    /// The exact `krog.federation.v1.PoolCommitment`, encoded.
    pub fn commitment(&self) -> &[u8] {
        &self.commitment
    }

    /// The sealed parcel for an aggregator.
    pub fn parcel(&self, to: Role) -> &[u8] {
        match to {
            Role::Leader => &self.parcels[0],
            Role::Helper => &self.parcels[1],
        }
    }

    /// The pairs and lost baselines counted in it, each once, in order. They are spent unless the round fails.
    pub fn spent(&self) -> &[PairId] {
        &self.spent
    }

    /// The centre's own sums, in the units of the round. For its own two people; they leave in no other form than sealed.
    pub fn sums(&self) -> &[i64] {
        &self.sums
    }
}

/// Whether and with whom a centre would take part, without making anything.
pub fn part_form(batch: &QuarterBatch, invited: &Invited<'_>) -> PartForm {
    planned(batch, invited).form()
}

/// Makes a centre's part. `keys` are the aggregators' public keys of this round, leader first.
pub fn contribute(
    batch: &QuarterBatch,
    invited: &Invited<'_>,
    keys: [&[u8]; 2],
    chance: &mut dyn CryptoRng,
) -> Result<ClearedContribution, PartRefused> {
    let Counted {
        measure,
        part: CountedPart {
            pairs: spent, sums, ..
        },
    } = counted(batch, invited)?;
    let layout = Layout::of(invited.round, measure);
    let vector = layout.encode_units(&sums)?;
    let mut nonce = [0; 16];
    chance.fill_bytes(&mut nonce);
    let shares = Sharing::of(invited.id, &layout)?.split(&vector, &nonce, chance)?;
    let mut sealed = |role: Role| {
        seal_share(
            keys[role.index()],
            invited.id,
            role,
            invited.centre,
            nonce,
            &shares[role.index()],
            chance,
        )
    };
    let parcels = [sealed(Role::Leader)?, sealed(Role::Helper)?];
    let [leader, helper] = &parcels;
    let length = |parcel: &[u8]| u32::try_from(parcel.len()).unwrap_or(u32::MAX);
    let commitment = wire::PoolCommitment {
        opening: invited.id.to_vec(),
        nonce: nonce.to_vec(),
        leader_parcel: Sha256::digest(leader).to_vec(),
        leader_parcel_bytes: length(leader),
        helper_parcel: Sha256::digest(helper).to_vec(),
        helper_parcel_bytes: length(helper),
    }
    .encode_to_vec();
    Ok(ClearedContribution {
        round: invited.id,
        commitment,
        parcels,
        spent,
        sums,
    })
}

/// Who a part would count, and its sums: for the centre's own eyes. Nothing of it can be encoded, so nothing of it leaves.
pub struct CountedPart {
    /// What two people approve.
    pub form: PartForm,
    /// The pairs and lost baselines counted, each once, in order.
    pub pairs: Vec<PairId>,
    /// The centre's own sums, in the units of the round.
    pub sums: Vec<i64>,
}

impl fmt::Debug for CountedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountedPart(..)")
    }
}

/// Counts a part without making anything that could leave.
pub fn count_part(batch: &QuarterBatch, invited: &Invited<'_>) -> Result<CountedPart, PartRefused> {
    Ok(counted(batch, invited)?.part)
}

struct Counted<'a> {
    measure: &'a Measure,
    part: CountedPart,
}

fn counted<'a>(batch: &'a QuarterBatch, invited: &Invited<'_>) -> Result<Counted<'a>, PartRefused> {
    let planned = planned(batch, invited);
    let form = planned.form();
    let measure = planned
        .measure
        .filter(|_| form.takes_part())
        .ok_or(PartRefused::Reason(form.reason))?;
    let (heads, persons): (Vec<&Head>, Vec<Answered>) = planned.counted.into_iter().unzip();
    let sums = sums_of(invited.round, measure, &persons)?;
    let mut pairs: Vec<PairId> = heads.iter().map(|head| head.pair).collect();
    pairs.sort_unstable();
    Ok(Counted {
        measure,
        part: CountedPart { form, pairs, sums },
    })
}

struct Planned<'a> {
    measure: Option<&'a Measure>,
    reason: PartReason,
    /// Who is counted: one pair each, the earliest.
    counted: Vec<(&'a Head, Answered)>,
}

impl Planned<'_> {
    fn form(&self) -> PartForm {
        PartForm {
            persons: self.counted.len() as u32,
            reason: self.reason,
            since: self.counted.iter().map(|(head, _)| head.closed).min(),
        }
    }
}

fn planned<'a>(batch: &'a QuarterBatch, invited: &Invited<'_>) -> Planned<'a> {
    let frame = &batch.frame;
    let round = invited.round;
    let measure = frame.measures.iter().find(|m| m.code == round.measure);
    let none = |reason| Planned {
        measure,
        reason,
        counted: Vec::new(),
    };
    let allowed = match measure {
        Some(measure) => round.check(invited.terms, measure),
        None => Err(RoundFault::Measure),
    };
    if let Err(fault) = allowed {
        return none(PartReason::AgainstPolicy(fault));
    }
    let second = round.first_round.is_some();
    if second && invited.first_counted.is_none() {
        return none(PartReason::NotInFirstRound);
    }
    let cell = CellKey {
        measure: round.measure.clone(),
        facilitation: round.facilitation,
        course: round.course,
    };
    match frame.collected.get(&cell) {
        None => return none(PartReason::NotCollected),
        Some(false) => return none(PartReason::NoGroupAgreed),
        Some(true) => {}
    }
    let budget = invited.terms.rho_millionths > 0
        && invited
            .spent_rho_millionths
            .saturating_add(u64::from(round.rho_millionths))
            > u64::from(invited.terms.yearly_rho_millionths);
    if budget {
        return none(PartReason::BudgetSpent);
    }
    let pooled = frame.pooled.contains(&round.measure);
    let waits_too_long =
        |head: &Head| frame.quarter.index().saturating_sub(head.closed.index()) >= QUARTERS_TO_POOL;
    // A second round counts the very pairs of the first, which nothing else looks at; only who was lost can come anew,
    // where retention is asked.
    let first = invited.first_counted.filter(|_| second);
    let of_cell = |heads: &'a BTreeMap<CellKey, Vec<Head>>| {
        heads.get(&cell).map_or(&[][..], Vec::as_slice).iter()
    };
    let agreed = |head: &&Head| {
        head.consented && head.group_agreed && (round.first..=round.last).contains(&head.closed)
    };
    let mut again: Vec<&Head> = Vec::new();
    let mut heads: Vec<&Head> = Vec::new();
    match first {
        Some(first) => {
            again.extend(
                of_cell(&frame.again)
                    .filter(|head| first.contains(&head.pair))
                    .filter(agreed),
            );
        }
        None => heads.extend(of_cell(&frame.waiting).filter(agreed)),
    }
    if round.counts_baselines() {
        heads.extend(of_cell(&frame.lost).filter(agreed));
    }
    let any = !heads.is_empty();
    heads.retain(|head| pooled || waits_too_long(head));
    heads.sort_by_key(|head| (head.closed, head.pair));
    let mut persons = BTreeSet::new();
    let mut counted: Vec<(&Head, Answered)> = Vec::new();
    let mut of_first = 0;
    for (place, head) in again.iter().chain(&heads).enumerate() {
        if counted.len() >= round.persons_per_centre as usize {
            break;
        }
        if persons.contains(&head.person) {
            continue;
        }
        let Some(answered) = answered(batch, round, head) else {
            continue;
        };
        if answered.counts_in(round) {
            persons.insert(head.person);
            counted.push((head, answered));
            of_first += usize::from(place < again.len());
        }
    }
    if first.is_some_and(|first| of_first < first.len()) {
        return none(PartReason::NotWhole);
    }
    let reason = if counted.len() >= FLOOR_PART as usize {
        PartReason::TakesPart
    } else if !pooled && any && counted.is_empty() {
        PartReason::GoesByRelease
    } else {
        PartReason::TooFewPersons
    };
    Planned {
        measure,
        reason,
        counted,
    }
}

fn answered(batch: &QuarterBatch, round: &Round, head: &Head) -> Option<Answered> {
    let answer = batch.answers.get(head.answer)?;
    let nothing = Aside::default();
    let aside = batch.asides.get(&head.pair).unwrap_or(&nothing);
    Some(Answered {
        baseline: answer.baseline,
        follow_up: answer.follow_up,
        items: round
            .items
            .iter()
            // Whatever was answered counts, so that who is counted does not depend on it: the sums keep it in bounds.
            .map(|item| aside.items.get(&item.code).copied())
            .collect(),
        sessions: aside.sessions,
    })
}
