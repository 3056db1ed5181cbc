//! What a part in a pool counts, and what of it leaves.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bench;

use bench::*;
use krog_disclosure::{
    Aside, BatchError, BatchParts, ClearedContribution, FrozenContribution, Invited, LostBaseline,
    PairId, PartForm, PartReason, PartRefused, PersonKey, QuarterBatch, SealError, SealKey,
    WaitingPair, clear, contribute, count_part, part_form,
};
use krog_measures::Facilitation::{Peer, Professional};
use krog_measures::{Course, Facilitation, Measure};
use krog_pools::aggregation::{Arrived, open_parts};
use krog_pools::sealing::RoundSecret;
use krog_pools::shares::Sharing;
use krog_pools::{Layout, PoolTerms, Question, Role, Round, RoundFault};
use krog_proto::federation::v1 as wire;
use proptest::prelude::*;
use prost::Message;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

const ID: [u8; 32] = [9; 32];
const CENTRE: [u8; 32] = [5; 32];

fn k6() -> Measure {
    measure("k6", 24.0)
}

fn asks(question: Question) -> Round {
    round(question, &k6(), Peer)
}

/// So many persons of one cell of a measure that leaves by pools.
fn pooled(persons: usize) -> BatchParts {
    let mut parts = centre(vec![k6()]);
    by_pool(&mut parts, "k6");
    fill(&mut parts, &cell("k6", Peer), &vec![(12.0, 9.0); persons]);
    parts
}

fn invited<'a>(round: &'a Round, terms: &'a PoolTerms) -> Invited<'a> {
    Invited {
        id: ID,
        round,
        terms,
        centre: CENTRE,
        spent_rho_millionths: 0,
        first_counted: None,
    }
}

fn form_of(parts: BatchParts, round: &Round) -> PartForm {
    part_form(&batch(parts), &invited(round, &PoolTerms::default()))
}

/// Which pairs are counted, by number.
fn counted(parts: BatchParts, round: &Round) -> Vec<usize> {
    let part = count_part(&batch(parts), &invited(round, &PoolTerms::default())).unwrap();
    part.pairs.iter().map(number).collect()
}

fn number(pair: &PairId) -> usize {
    u128::from_be_bytes(pair.0) as usize
}

fn lost(number: usize, person: usize, closed: &str) -> LostBaseline {
    LostBaseline {
        pair: PairId(id(number)),
        person: PersonKey(id(person)),
        measure: code("k6"),
        facilitation: Peer,
        course: Course::Entry,
        closed: quarter(closed),
        baseline: 12.0,
        consented: true,
        group_agreed: true,
    }
}

struct Made {
    part: ClearedContribution,
    secrets: [RoundSecret; 2],
}

fn made(batch: &QuarterBatch, round: &Round) -> Made {
    let mut chance = ChaCha20Rng::seed_from_u64(4);
    let secrets = [0, 1].map(|_| RoundSecret::generate(&mut chance));
    let [leader, helper] = [0, 1].map(|at: usize| secrets[at].public().unwrap());
    let terms = PoolTerms::default();
    let part = contribute(
        batch,
        &invited(round, &terms),
        [&leader, &helper],
        &mut chance,
    );
    Made {
        part: part.unwrap(),
        secrets,
    }
}

#[test]
fn from_three_persons_on_a_centre_takes_part() {
    for (persons, reason) in [
        (0, PartReason::TooFewPersons),
        (2, PartReason::TooFewPersons),
        (3, PartReason::TakesPart),
        (40, PartReason::TakesPart),
    ] {
        let form = form_of(pooled(persons), &asks(Question::Change));
        assert_eq!((form.persons as usize, form.reason), (persons, reason));
    }
}

#[test]
fn who_did_not_consent_or_whose_group_did_not_agree_is_in_no_part() {
    let mut parts = pooled(6);
    parts.waiting[1].consented = false;
    parts.waiting[4].group_agreed = false;
    assert_eq!(counted(parts, &asks(Question::Change)), [0, 2, 3, 5]);
}

#[test]
fn a_person_is_in_a_part_once_by_their_earliest_pair_in_the_span() {
    let k6 = cell("k6", Peer);
    let mut parts = pooled(3);
    parts
        .waiting
        .push(pair(70, 1, &k6, quarter("2025Q2"), (12.0, 9.0)));
    // Before the span the round asks of.
    parts
        .waiting
        .push(pair(71, 2, &k6, quarter("2023Q4"), (12.0, 9.0)));
    let form = form_of(parts.clone(), &asks(Question::Change));
    assert_eq!((form.persons, form.since), (3, Some(quarter("2025Q2"))));
    assert_eq!(counted(parts, &asks(Question::Change)), [0, 2, 70]);
}

#[test]
fn pairs_outside_the_cell_or_the_span_wait() {
    let mut parts = pooled(8);
    parts.waiting[0].facilitation = Professional;
    parts.waiting[1].course = Course::Continuing;
    parts.waiting[2].closed = quarter("2023Q4");
    parts.waiting[3].closed = quarter("2026Q2");
    assert_eq!(counted(parts, &asks(Question::Change)), [4, 5, 6, 7]);
}

#[test]
fn no_more_than_the_round_allows_are_counted_and_the_earliest_first() {
    let mut parts = pooled(8);
    for (at, closed) in [(6, "2025Q1"), (7, "2025Q2"), (5, "2025Q3"), (4, "2025Q4")] {
        parts.waiting[at].closed = quarter(closed);
    }
    let mut round = asks(Question::Change);
    round.persons_per_centre = 4;
    round.precision =
        krog_pools::precision::expected(&round, &measure("k6", 24.0), &PoolTerms::default());
    assert_eq!(counted(parts, &round), [4, 5, 6, 7]);
}

#[test]
fn a_measure_that_leaves_by_release_is_in_no_pool_until_its_pairs_have_waited_eight_quarters() {
    let mut parts = pooled(12);
    parts.pooling = Default::default();
    let form = form_of(parts.clone(), &asks(Question::Change));
    assert_eq!((form.persons, form.reason), (0, PartReason::GoesByRelease));
    for old in [1, 4, 6] {
        parts.waiting[old].closed = quarter("2024Q1");
    }
    parts.waiting[7].closed = quarter("2024Q2");
    assert_eq!(
        counted(parts.clone(), &asks(Question::Change)),
        [1, 4, 6],
        "those alone"
    );
    let released: Vec<_> = clear(&batch(parts)).spent().iter().map(number).collect();
    assert!(released.is_empty(), "nine are below the floor");
}

#[test]
fn a_measure_that_leaves_by_pools_is_told_as_not_in_the_table_however_many_wait() {
    for persons in [0, 2, 9, 10, 60] {
        let cleared = clear(&batch(pooled(persons)));
        let word = withheld(&release(cleared.encoded()), &cell("k6", Peer));
        assert_eq!(word, wire::Withheld::NotInTable, "{persons}");
        assert!(cleared.spent().is_empty());
    }
}

#[test]
fn what_the_centre_does_not_collect_or_no_group_has_agreed_to_is_in_no_pool() {
    let mut parts = pooled(12);
    for collected in &mut parts.collected {
        collected.agreed = false;
    }
    let form = form_of(parts.clone(), &asks(Question::Change));
    assert_eq!(form.reason, PartReason::NoGroupAgreed);
    parts.collected.clear();
    let form = form_of(parts, &asks(Question::Change));
    assert_eq!(form.reason, PartReason::NotCollected);
}

#[test]
fn the_budget_of_the_year_is_spent_to_its_end_and_not_beyond() {
    let (round, terms) = (asks(Question::Change), PoolTerms::default());
    let batch = batch(pooled(12));
    for (spent, reason) in [
        (0, PartReason::TakesPart),
        (1_750_000, PartReason::TakesPart),
        (1_750_001, PartReason::BudgetSpent),
        (u64::MAX, PartReason::BudgetSpent),
    ] {
        let invited = Invited {
            spent_rho_millionths: spent,
            ..invited(&round, &terms)
        };
        assert_eq!(part_form(&batch, &invited).reason, reason, "{spent}");
    }
}

#[test]
fn a_round_the_policy_does_not_allow_is_taken_part_in_by_nobody() {
    let allowed = asks(Question::Change);
    let mut less_noise = asks(Question::Change);
    less_noise.rho_millionths = 250_001;
    let unknown = round(Question::Change, &measure("gad7", 21.0), Peer);
    let mut beyond = asks(Question::Change);
    beyond.change_bound_hundredths = 2_401;
    for (round, reason) in [
        (allowed, PartReason::TakesPart),
        (less_noise, PartReason::AgainstPolicy(RoundFault::Noise)),
        (unknown, PartReason::AgainstPolicy(RoundFault::Measure)),
        (beyond, PartReason::AgainstPolicy(RoundFault::Measure)),
    ] {
        assert_eq!(form_of(pooled(12), &round).reason, reason);
    }
}

#[test]
fn who_left_an_item_out_is_not_counted_where_items_are_asked() {
    let mut parts = pooled(6);
    for person in 0..5 {
        let items = [("nervous".to_owned(), 3), ("hopeless".to_owned(), 0)].into();
        parts
            .pooling
            .asides
            .insert(PairId(id(person)), Aside { sessions: 1, items });
    }
    let declined = parts.pooling.asides.get_mut(&PairId(id(2))).unwrap();
    declined.items.remove("hopeless");
    assert_eq!(counted(parts, &asks(Question::Items)), [0, 1, 3, 4]);
}

#[test]
fn who_was_not_asked_again_is_counted_where_retention_is_asked_and_nowhere_else() {
    let mut parts = pooled(4);
    parts.pooling.lost = vec![
        lost(50, 50, "2025Q1"),
        lost(51, 2, "2026Q1"),
        lost(52, 52, "2025Q3"),
    ];
    parts.pooling.lost[2].consented = false;
    assert_eq!(
        counted(parts.clone(), &asks(Question::Change)),
        [0, 1, 2, 3]
    );
    // The second person has answered once and been lost once: their first of the two counts.
    assert_eq!(counted(parts, &asks(Question::Retention)), [0, 1, 2, 3, 50]);
}

/// After a first round over the pairs `0..6`, with two pairs more that wait.
fn after_first() -> (BatchParts, BTreeSet<PairId>) {
    let mut parts = pooled(8);
    parts.pooling.again = parts.waiting.drain(..6).collect();
    let first = parts.pooling.again.iter().map(|pair| pair.pair).collect();
    (parts, first)
}

fn second(
    parts: BatchParts,
    round: &Round,
    first: Option<&BTreeSet<PairId>>,
) -> Result<Vec<usize>, PartReason> {
    let terms = PoolTerms::default();
    let invited = Invited {
        first_counted: first,
        ..invited(round, &terms)
    };
    match count_part(&batch(parts), &invited) {
        Ok(part) => Ok(part.pairs.iter().map(number).collect()),
        Err(PartRefused::Reason(reason)) => Err(reason),
        Err(refused) => panic!("{refused}"),
    }
}

#[test]
fn a_second_round_counts_exactly_the_pairs_of_the_first() {
    let (mut parts, first) = after_first();
    let round = asks(Question::Weights);
    let counted = second(parts.clone(), &round, Some(&first));
    assert_eq!(counted, Ok(vec![0, 1, 2, 3, 4, 5]));
    // Whatever way the measure leaves by now.
    parts.pooling.ways.clear();
    let counted = second(parts.clone(), &round, Some(&first));
    assert_eq!(counted, Ok(vec![0, 1, 2, 3, 4, 5]));
    assert_eq!(
        second(parts, &round, None),
        Err(PartReason::NotInFirstRound)
    );
}

#[test]
fn a_second_round_over_one_person_fewer_is_not_taken_part_in() {
    let round = asks(Question::Weights);
    let (mut withdrawn, first) = after_first();
    withdrawn.pooling.again[3].consented = false;
    assert_eq!(
        second(withdrawn, &round, Some(&first)),
        Err(PartReason::NotWhole)
    );
    let (mut gone, first) = after_first();
    gone.pooling.again.pop();
    assert_eq!(
        second(gone, &round, Some(&first)),
        Err(PartReason::NotWhole)
    );
    let (parts, first) = after_first();
    let mut smaller = round;
    smaller.persons_per_centre = 5;
    assert_eq!(
        second(parts, &smaller, Some(&first)),
        Err(PartReason::NotWhole)
    );
}

#[test]
fn in_a_second_round_only_who_was_lost_can_come_anew_and_never_instead_of_another() {
    let mut retention = asks(Question::Retention);
    retention.first_round = Some([3; 32]);
    let (mut parts, first) = after_first();
    // The third person was lost before their pair of the first round.
    parts.pooling.lost = vec![lost(50, 50, "2025Q1"), lost(51, 3, "2025Q1")];
    assert_eq!(
        second(parts, &retention, Some(&first)),
        Ok(vec![0, 1, 2, 3, 4, 5, 50])
    );
}

#[test]
fn pairs_of_a_first_round_are_seen_by_no_release_and_no_other_first_round() {
    let (mut parts, _) = after_first();
    let seen = counted_or_nothing(&parts, &asks(Question::Change));
    assert!(seen.is_empty(), "two wait, and two are too few");
    parts.pooling.ways.clear();
    parts
        .pooling
        .again
        .extend((100..120).map(|at| pair(at, at, &cell("k6", Peer), parts.quarter, (1.0, 2.0))));
    let cleared = clear(&batch(parts));
    assert!(cleared.spent().is_empty());
    assert_eq!(
        withheld(&release(cleared.encoded()), &cell("k6", Peer)),
        wire::Withheld::BelowFloor
    );
}

fn counted_or_nothing(parts: &BatchParts, round: &Round) -> Vec<PairId> {
    count_part(
        &batch(parts.clone()),
        &invited(round, &PoolTerms::default()),
    )
    .map_or(Vec::new(), |part| part.pairs)
}

#[test]
fn a_pair_that_waits_and_was_counted_is_refused() {
    let (mut parts, _) = after_first();
    parts.waiting.push(parts.pooling.again[0].clone());
    assert_eq!(
        QuarterBatch::new(parts).err(),
        Some(BatchError::RepeatedPair(code("k6")))
    );
}

#[test]
fn a_commitment_holds_hashes_of_the_parcels_and_nothing_of_the_sums() {
    let mut parts = pooled(0);
    fill(
        &mut parts,
        &cell("k6", Peer),
        &[(24.0, 11.0), (20.0, 7.0), (23.0, 10.0), (21.0, 9.0)],
    );
    let batch = batch(parts);
    let Made { part, .. } = made(&batch, &asks(Question::Change));
    assert_eq!(part.sums(), [4, -5_100]);
    let read = wire::PoolCommitment::decode(part.commitment()).unwrap();
    let again = wire::PoolCommitment {
        opening: ID.to_vec(),
        nonce: read.nonce.clone(),
        leader_parcel: Sha256::digest(part.parcel(Role::Leader)).to_vec(),
        leader_parcel_bytes: part.parcel(Role::Leader).len() as u32,
        helper_parcel: Sha256::digest(part.parcel(Role::Helper)).to_vec(),
        helper_parcel_bytes: part.parcel(Role::Helper).len() as u32,
    };
    assert_eq!(read.nonce.len(), 16);
    assert_eq!(again.encode_to_vec(), part.commitment());
}

#[test]
fn what_leaves_has_the_same_size_whatever_was_answered_and_however_many_are_counted() {
    let sizes: BTreeSet<_> = [3, 20, 40]
        .map(|persons| {
            let Made { part, .. } = made(&batch(pooled(persons)), &asks(Question::Spread));
            (
                part.commitment().len(),
                part.parcel(Role::Leader).len(),
                part.parcel(Role::Helper).len(),
            )
        })
        .into();
    assert_eq!(sizes.len(), 1);
}

#[test]
fn each_parcel_opens_with_its_aggregators_secret_and_the_shares_add_up_to_the_sums() {
    let round = asks(Question::Spread);
    let batch = batch(pooled(12));
    let Made { part, secrets } = made(&batch, &round);
    let layout = Layout::of(&round, &k6());
    let sharing = Sharing::of(ID, &layout).unwrap();
    let nonce = wire::PoolCommitment::decode(part.commitment())
        .unwrap()
        .nonce
        .try_into()
        .unwrap();
    let opened = |role: Role, secret: &RoundSecret| {
        let arrived = Arrived {
            centre: CENTRE,
            nonce,
            parcel: Some(part.parcel(role)),
        };
        open_parts(ID, &sharing, role, secret, &[6; 32], [arrived])
    };
    for role in Role::BOTH {
        assert!(
            opened(role, &secrets[role.other().index()])
                .checking
                .is_empty()
        );
    }
    let [leader, helper] = Role::BOTH.map(|role| opened(role, &secrets[role.index()]));
    let (of_leader, of_helper) = (leader.verifiers(), helper.verifiers());
    let halves = [
        leader.agree(&sharing, &of_helper),
        helper.agree(&sharing, &of_leader),
    ]
    .map(|agreed| {
        assert_eq!(agreed.centres(), 1);
        let quiet = Layout::of(&quiet(&round), &k6()).noise(&mut ChaCha20Rng::seed_from_u64(1));
        agreed.add(&sharing).half(&quiet)
    });
    let told = layout.add_halves(1, &halves[0], &halves[1]).unwrap();
    for ((coordinate, told), sum) in layout.coordinates().iter().zip(told.sums).zip(part.sums()) {
        assert!((told - *sum as f64 * coordinate.unit).abs() < 1e-9);
    }
    assert_eq!(part.sums()[0], 12);
    assert_eq!(part.spent().len(), 12);
    assert_eq!(part.round(), ID);
}

/// The same round without noise.
fn quiet(round: &Round) -> Round {
    Round {
        rho_millionths: 0,
        ..round.clone()
    }
}

#[test]
fn a_key_that_is_none_makes_no_part() {
    let round = asks(Question::Change);
    let terms = PoolTerms::default();
    let mut chance = ChaCha20Rng::seed_from_u64(4);
    let refused = contribute(
        &batch(pooled(4)),
        &invited(&round, &terms),
        [b"", b""],
        &mut chance,
    );
    assert!(matches!(refused.err(), Some(PartRefused::Key(_))));
    let refused = contribute(
        &batch(pooled(2)),
        &invited(&round, &terms),
        [b"", b""],
        &mut chance,
    );
    assert_eq!(
        refused.err(),
        Some(PartRefused::Reason(PartReason::TooFewPersons))
    );
}

#[test]
fn a_part_comes_back_as_it_was_frozen_and_a_changed_one_does_not() {
    let Made { part, .. } = made(&batch(pooled(5)), &asks(Question::Change));
    let key = SealKey::new([7; 32]);
    let frozen = part.seal(&key);
    let back = frozen.open(&key).unwrap();
    assert_eq!(
        (back.round(), back.commitment(), back.spent(), back.sums()),
        (part.round(), part.commitment(), part.spent(), part.sums())
    );
    for role in Role::BOTH {
        assert_eq!(back.parcel(role), part.parcel(role));
    }
    let refused = Some(SealError::NotOfThisGate);
    assert_eq!(frozen.open(&SealKey::new([8; 32])).err(), refused);
    for at in (0..frozen.bytes.len()).step_by(7) {
        let mut changed = frozen.clone();
        changed.bytes[at] ^= 1;
        assert_eq!(changed.open(&key).err(), refused, "byte {at}");
    }
    for at in 0..32 {
        let mut changed = frozen.clone();
        changed.tag[at] ^= 1;
        assert_eq!(changed.open(&key).err(), refused);
    }
    let short = FrozenContribution {
        bytes: frozen.bytes[..frozen.bytes.len() - 1].to_vec(),
        tag: frozen.tag,
    };
    assert_eq!(short.open(&key).err(), refused);
}

#[test]
fn nothing_personal_is_printed() {
    let batch = batch(pooled(5));
    let round = asks(Question::Change);
    let Made { part, .. } = made(&batch, &round);
    let counted = count_part(&batch, &invited(&round, &PoolTerms::default())).unwrap();
    let frozen = part.seal(&SealKey::new([7; 32]));
    assert_eq!(
        format!("{part:?} {counted:?} {frozen:?}"),
        "ClearedContribution(..) CountedPart(..) FrozenContribution(..)"
    );
    let aside = Aside {
        sessions: 7,
        items: [("nervous".to_owned(), 3)].into(),
    };
    assert_eq!(
        format!("{aside:?} {:?}", lost(1, 1, "2026Q1")),
        "Aside(..) LostBaseline(..)"
    );
}

/// A pair without its identity: person, measure, facilitation, quarters ago, consent, way to answer.
type Sketch = ((usize, usize, bool), (u32, bool, bool), (f64, f64, i32));

fn sketch() -> impl Strategy<Value = Sketch> {
    (
        (0usize..40, 0usize..3, prop::bool::weighted(0.2)),
        (
            0u32..12,
            prop::bool::weighted(0.9),
            prop::bool::weighted(0.9),
        ),
        (0.0..=1.0, 0.0..=1.0, -3i32..8),
    )
}

const MEASURES: [(&str, f64); 3] = [("k6", 24.0), ("happy", 10.0), ("rating", 4.0)];

fn sketched(sketches: &[Sketch], ways: [bool; 3], first: usize) -> BatchParts {
    let mut parts = centre(
        MEASURES
            .iter()
            .map(|(name, range)| measure(name, *range))
            .collect(),
    );
    for (number, ((person, at, professional), (ago, consented, agreed), (x, y, item))) in
        sketches.iter().enumerate()
    {
        let (name, range) = MEASURES[*at];
        let facilitation: Facilitation = if *professional { Professional } else { Peer };
        let closed = krog_measures::Quarter::from_index(parts.quarter.index() - ago).unwrap();
        let answers = ((x * range).round(), (y * range).round());
        let mut made = pair(number, *person, &cell(name, facilitation), closed, answers);
        (made.consented, made.group_agreed) = (*consented, *agreed);
        let items = [("nervous", *item), ("hopeless", 4 - *item)];
        // One in nine has left an item out.
        let answered = items.len() - usize::from(number % 9 == 0);
        let items = items
            .into_iter()
            .take(answered)
            .map(|(code, answer)| (code.to_owned(), answer))
            .collect();
        parts
            .pooling
            .asides
            .insert(made.pair, Aside { sessions: 3, items });
        if number < first {
            parts.pooling.again.push(made);
        } else if number % 11 == 0 {
            parts.pooling.lost.push(LostBaseline {
                pair: made.pair,
                person: made.person,
                measure: made.measure,
                facilitation: made.facilitation,
                course: made.course,
                closed: made.closed,
                baseline: made.baseline,
                consented: made.consented,
                group_agreed: made.group_agreed,
            });
        } else {
            parts.waiting.push(made);
        }
    }
    for ((name, _), pool) in MEASURES.iter().zip(ways) {
        if pool {
            by_pool(&mut parts, name);
        }
    }
    parts
}

/// The pairs that a first round over the same cell can have counted: one a person.
fn of_round(again: &[WaitingPair], round: &Round) -> BTreeSet<PairId> {
    let mut persons = BTreeSet::new();
    again
        .iter()
        .filter(|pair| pair.measure == round.measure && pair.facilitation == round.facilitation)
        .filter(|pair| pair.consented && pair.group_agreed && pair.closed >= round.first)
        .filter(|pair| persons.insert(pair.person))
        .map(|pair| pair.pair)
        .collect()
}

/// Every question, as a first or second round, over every measure.
fn all_rounds() -> Vec<Round> {
    let mut rounds = Vec::new();
    for (name, range) in MEASURES {
        for question in Question::ALL {
            let measure = measure(name, range);
            let first = round(question, &measure, Peer);
            let mut second = first.clone();
            second.first_round = Some([3; 32]);
            if question != Question::Weights {
                rounds.push(first);
            }
            rounds.push(second);
        }
    }
    rounds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_the_batch_release_and_pool_never_count_the_same_pair(
        sketches in prop::collection::vec(sketch(), 0..250),
        ways in prop::array::uniform3(any::<bool>()),
        again in 0usize..40,
    ) {
        let parts = sketched(&sketches, ways, again);
        let again = parts.pooling.again.clone();
        let batch = batch(parts);
        let released: BTreeSet<PairId> = clear(&batch).spent().iter().copied().collect();
        let terms = PoolTerms::default();
        for round in all_rounds() {
            let first = of_round(&again, &round);
            let invited = Invited { first_counted: Some(&first), ..invited(&round, &terms) };
            let Ok(part) = count_part(&batch, &invited) else { continue };
            prop_assert!(part.pairs.iter().all(|pair| !released.contains(pair)));
            prop_assert!(part.pairs.is_sorted());
            prop_assert!(part.form.persons as usize == part.pairs.len() && part.pairs.len() <= 40);
        }
    }

    #[test]
    fn the_form_of_a_part_and_who_is_counted_do_not_depend_on_any_answer(
        sketches in prop::collection::vec(sketch(), 0..250),
        other in prop::collection::vec((0.0..=1.0, 0.0..=1.0, -3i32..8), 250),
        ways in prop::array::uniform3(any::<bool>()),
        again in 0usize..40,
    ) {
        let mut changed = sketches.clone();
        for (sketch, answers) in changed.iter_mut().zip(other) {
            sketch.2 = answers;
        }
        let [one, two] = [&sketches, &changed].map(|sketches| batch(sketched(sketches, ways, again)));
        let again = sketched(&sketches, ways, again).pooling.again;
        let terms = PoolTerms::default();
        for round in all_rounds() {
            let first = of_round(&again, &round);
            let invited = Invited { first_counted: Some(&first), ..invited(&round, &terms) };
            prop_assert_eq!(part_form(&one, &invited), part_form(&two, &invited));
            let pairs = |batch| count_part(batch, &invited).map(|part| part.pairs);
            prop_assert_eq!(pairs(&one), pairs(&two));
        }
    }
}
