//! An aggregator that lies to the other, which is a real office.

use crate::common::town::region::{FIRST, Found, Region, SECOND};
use crate::common::town::{HELPER, LEADER};
use krog_feed::entry::Kind;
use krog_feed::ids::HeaderHash;
use krog_feed::rounds::board::{Break, Outcome, RoundId, RoundsFault, Stage};
use krog_pools::aggregation::PartFault;
use krog_proto::federation::v1::PoolOutcome;

/// A round that a lying helper has to name its set in.
async fn before_the_helpers_set() -> (Region, RoundId) {
    let mut region = Region::new().await;
    let round = region
        .committed(region.opening_with_lying_helper(), 5, 8)
        .await;
    region.tick().await;
    assert!(region.status(round).check.is_some());
    (region, round)
}

/// How the real leader ends after a lie about the set: without a half.
async fn leader_sees(lie: impl FnOnce(&mut Region, RoundId, Found)) -> (Stage, Option<Outcome>) {
    let (mut region, round) = before_the_helpers_set().await;
    let found = region.helper_finds(round);
    lie(&mut region, round, found);
    region.settle().await;
    assert!(!region.words_of(FIRST, round).contains(&Kind::PoolHalf));
    region.assert_clean(round).await;
    // What the liar may have got is known only when it ends, too.
    assert_eq!(region.end_of(round).0, Stage::Checking);
    region.town.ends(HELPER, round, PoolOutcome::OtherEnded);
    let (stage, ends) = region.end_of(round);
    (stage, ends[FIRST])
}

fn failed(outcome: Outcome) -> (Stage, Option<Outcome>) {
    (Stage::Failed(outcome), Some(outcome))
}

#[tokio::test]
async fn a_helper_that_names_parts_that_are_none_is_left_alone() {
    let never_committed = leader_sees(|region, round, mut found| {
        let stranger = region.home.centre(0).writer();
        found.parts.push((stranger, HeaderHash::from([7; 32])));
        region.sets(HELPER, round, &found);
    });
    assert_eq!(never_committed.await, failed(Outcome::SetsDiffer));
    let anothers = leader_sees(|region, round, mut found| {
        found.parts[0].1 = found.parts[1].1;
        region.sets(HELPER, round, &found);
    });
    assert_eq!(anothers.await, failed(Outcome::SetsDiffer));
    let without_a_word = leader_sees(|region, round, mut found| {
        found.parts.pop();
        region.sets(HELPER, round, &found);
    });
    assert_eq!(without_a_word.await, failed(Outcome::SetsDiffer));
}

#[tokio::test]
async fn a_helper_that_sends_nonsense_with_its_set_is_left_alone() {
    let garbage = leader_sees(|region, round, found| {
        region.says_set(HELPER, round, &found.parts, &[], &[5; 2_000]);
    });
    assert_eq!(garbage.await, failed(Outcome::OtherFaulty));
    let no_number = leader_sees(|region, round, mut found| {
        found.persons_share = Some([0xee; 16]);
        region.sets(HELPER, round, &found);
    });
    assert_eq!(no_number.await, failed(Outcome::OtherFaulty));
    let too_many = leader_sees(|region, round, mut found| {
        let share = u128::from_le_bytes(found.persons_share.unwrap());
        found.persons_share = Some((share + (1 << 40)).to_le_bytes());
        region.sets(HELPER, round, &found);
    });
    assert_eq!(too_many.await, failed(Outcome::OtherFaulty));
    let no_share = leader_sees(|region, round, mut found| {
        found.persons_share = None;
        region.sets(HELPER, round, &found);
    });
    assert_eq!(no_share.await, failed(Outcome::OtherFaulty));
    let no_proofs = leader_sees(|region, round, mut found| {
        for verifier in found.verifiers.values_mut() {
            verifier[3] ^= 1;
        }
        region.sets(HELPER, round, &found);
    });
    assert_eq!(no_proofs.await, failed(Outcome::SetsDiffer));
}

#[tokio::test]
async fn a_helper_that_ends_before_its_half_gets_no_half_to_add_its_own_to() {
    for outcome in [PoolOutcome::Told, PoolOutcome::TooFewPersons] {
        let (mut region, round) = before_the_helpers_set().await;
        let found = region.helper_finds(round);
        region.sets(HELPER, round, &found);
        region.town.ends(HELPER, round, outcome);
        region.settle().await;
        region.halves(HELPER, round, &found.parts, found.half.clone());
        region.settle().await;
        let (stage, ends) = region.end_of(round);
        match outcome {
            PoolOutcome::Told => assert_eq!(stage, Stage::Checking),
            _ => assert!(matches!(stage, Stage::Failed(_)), "{stage:?}"),
        }
        assert_eq!(ends[FIRST], Some(Outcome::OtherEnded));
        assert!(!region.words_of(FIRST, round).contains(&Kind::PoolHalf));
        let refused = region.reading().refused;
        assert_eq!(refused[0].fault, RoundsFault::HalfAfterEnd);
        region.assert_clean(round).await;
    }
}

/// The stage after a helper has answered the leader's half with this.
async fn helper_answers(lie: impl FnOnce(&mut Region, RoundId, Found)) -> Stage {
    let (mut region, round) = before_the_helpers_set().await;
    let found = region.helper_finds(round);
    region.sets(HELPER, round, &found);
    region.settle().await;
    assert!(region.words_of(FIRST, round).contains(&Kind::PoolHalf));
    lie(&mut region, round, found);
    region.settle().await;
    region.assert_clean(round).await;
    assert!(!region.words_of(FIRST, round).contains(&Kind::PoolResult));
    let (stage, ends) = region.end_of(round);
    assert_eq!(ends[FIRST], Some(Outcome::Told));
    assert_eq!(region.status(round).told, None);
    stage
}

#[tokio::test]
async fn a_helpers_half_that_is_none_breaks_the_round_and_nobody_says_told() {
    let of_another_set = helper_answers(|region, round, found| {
        region.halves(HELPER, round, &found.parts[1..], found.half);
    });
    assert_eq!(of_another_set.await, Stage::Broken(Break::HalfOfAnotherSet));
    let of_a_second_set = helper_answers(|region, round, mut found| {
        found.parts.pop();
        region.sets(HELPER, round, &found);
        region.halves(HELPER, round, &found.parts, found.half);
        let refused = region.reading().refused;
        assert!(
            refused
                .iter()
                .any(|known| known.fault == RoundsFault::Repeated)
        );
    });
    assert_eq!(
        of_a_second_set.await,
        Stage::Broken(Break::HalfOfAnotherSet)
    );
    let random = helper_answers(|region, round, found| {
        region.halves(HELPER, round, &found.parts, vec![0x5a; found.half.len()]);
    });
    assert_eq!(random.await, Stage::Broken(Break::NoSums));
    let off = helper_answers(|region, round, mut found| {
        found.half[9] ^= 0xff;
        region.halves(HELPER, round, &found.parts, found.half);
    });
    assert_eq!(off.await, Stage::Broken(Break::NoSums));
    let ended = helper_answers(|region, round, _| {
        region.town.ends(HELPER, round, PoolOutcome::OtherFaulty);
    });
    assert_eq!(
        ended.await,
        Stage::Broken(Break::Ended(Outcome::OtherFaulty))
    );
}

/// A round that a lying leader has to begin to check.
async fn before_the_check() -> (Region, RoundId) {
    let mut region = Region::new().await;
    let opening = region.opening_with_lying_leader();
    let round = region.full(opening).await;
    (region, round)
}

/// How the real helper ends, and that it has published no half.
async fn helper_ends(region: &Region, round: RoundId) -> (Stage, Option<Outcome>) {
    region.settle().await;
    region.assert_clean(round).await;
    assert!(!region.words_of(SECOND, round).contains(&Kind::PoolHalf));
    assert_eq!(region.status(round).told, None);
    let (stage, ends) = region.end_of(round);
    (stage, ends[SECOND])
}

#[tokio::test]
async fn a_leader_whose_check_cannot_be_read_is_left_alone() {
    let (mut region, round) = before_the_check().await;
    region.says_check(round, &[4; 1_500]);
    let (stage, ended) = helper_ends(&region, round).await;
    assert_eq!(
        (stage, ended),
        (Stage::Checking, Some(Outcome::OtherFaulty))
    );
    region.town.ends(LEADER, round, PoolOutcome::OtherEnded);
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(round).await, "failed");

    let (mut region, round) = before_the_check().await;
    let mut shown = region.leader_shows(round);
    shown.verify_key = None;
    region.checks(round, &shown);
    let (_, ended) = helper_ends(&region, round).await;
    assert_eq!(ended, Some(Outcome::OtherFaulty));
}

#[tokio::test]
async fn what_a_leader_does_not_prove_is_left_out_by_name_and_its_own_set_ends_the_round() {
    let (mut region, round) = before_the_check().await;
    let mut shown = region.leader_shows(round);
    let victim = region.neighbour(2);
    shown.verifiers.get_mut(victim.as_bytes()).unwrap()[3] ^= 1;
    region.checks(round, &shown);
    region.settle().await;
    let set = region.status(round).sets[SECOND].clone().unwrap();
    assert_eq!(set.parts.len(), 5);
    assert_eq!(set.left_out, [(victim, PartFault::Proof)]);
    let found = region.leader_finds(round);
    assert_eq!(found.parts.len(), 6, "it knows better");
    region.sets(LEADER, round, &found);
    let (stage, ended) = helper_ends(&region, round).await;
    assert_eq!(ended, Some(Outcome::SetsDiffer));
    // The leader might have published a half before: only its own end says that it has not.
    assert_eq!(stage, Stage::Checking);
    region.town.ends(LEADER, round, PoolOutcome::OtherEnded);
    assert_eq!(
        region.status(round).stage,
        Stage::Failed(Outcome::SetsDiffer)
    );
}

/// A round in which the leader has to tell first.
async fn before_the_leaders_half() -> (Region, RoundId, Found) {
    let (mut region, round) = before_the_check().await;
    let shown = region.leader_shows(round);
    region.checks(round, &shown);
    region.settle().await;
    let found = region.leader_finds(round);
    (region, round, found)
}

#[tokio::test]
async fn a_leaders_half_that_is_none_gets_no_answer_and_breaks_the_round() {
    type Lie = fn(&Found) -> (usize, Vec<u8>);
    let lies: [Lie; 3] = [
        |found| (1, found.half.clone()),
        |found| (0, vec![0x5a; found.half.len()]),
        |found| (0, found.half[..16].to_vec()),
    ];
    for lie in lies {
        let (mut region, round, found) = before_the_leaders_half().await;
        region.sets(LEADER, round, &found);
        let (from, half) = lie(&found);
        region.halves(LEADER, round, &found.parts[from..], half);
        region.town.ends(LEADER, round, PoolOutcome::Told);
        let (stage, ended) = helper_ends(&region, round).await;
        assert_eq!(ended, Some(Outcome::OtherFaulty));
        assert_eq!(stage, Stage::Broken(Break::Ended(Outcome::OtherFaulty)));
        region.home.tick().await.unwrap();
        assert_eq!(region.home.state_of(round).await, "broken");
    }
}

#[tokio::test]
async fn a_leader_that_claims_another_number_of_persons_gets_no_half() {
    let (mut region, round, mut found) = before_the_leaders_half().await;
    found.persons_share = Some([0xee; 16]);
    region.sets(LEADER, round, &found);
    region.halves(LEADER, round, &found.parts, found.half.clone());
    let (stage, ended) = helper_ends(&region, round).await;
    assert_eq!(ended, Some(Outcome::OtherFaulty));
    assert_eq!(stage, Stage::Broken(Break::Ended(Outcome::OtherFaulty)));
}

#[tokio::test]
async fn a_leader_that_says_told_without_a_half_is_waited_for_and_the_round_stays_silent() {
    let (mut region, round, found) = before_the_leaders_half().await;
    region.sets(LEADER, round, &found);
    region.town.ends(LEADER, round, PoolOutcome::Told);
    region.halves(LEADER, round, &found.parts, found.half.clone());
    region.settle().await;
    assert_eq!(region.end_of(round).1[SECOND], None);
    region.home.clock.set("2026-06-12");
    let (stage, ended) = helper_ends(&region, round).await;
    assert_eq!((stage, ended), (Stage::Silent, Some(Outcome::OtherSilent)));
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(round).await, "silent");
}

#[tokio::test]
async fn a_helper_that_leaves_out_more_than_a_quarter_of_the_good_parts_gets_no_half() {
    // The persons it claims are those of all parts: of a set it may name, that is found out next.
    for (left_out, outcome) in [(3, Outcome::OtherFaulty), (4, Outcome::SetsDiffer)] {
        let mut region = Region::new().await.with_farther_neighbours().await;
        let round = region
            .committed(region.opening_with_lying_helper(), 10, 8)
            .await;
        region.tick().await;
        let mut found = region.helper_finds(round);
        found.leave_out(left_out);
        region.sets(HELPER, round, &found);
        region.offices[FIRST].tick(region.house()).await;
        assert_eq!(region.end_of(round).1[FIRST], Some(outcome));
    }
}

#[tokio::test]
async fn a_leader_that_shows_too_few_of_the_parts_gets_no_set() {
    for (hidden, outcome) in [(3, None), (4, Some(Outcome::SetsDiffer))] {
        let mut region = Region::new().await.with_farther_neighbours().await;
        let round = region
            .committed(region.opening_with_lying_leader(), 10, 8)
            .await;
        let mut shown = region.leader_shows(round);
        for at in 0..hidden {
            shown.verifiers.remove(region.neighbour(at).as_bytes());
        }
        region.checks(round, &shown);
        region.settle().await;
        let status = region.status(round);
        assert_eq!(status.ends[SECOND], outcome, "{hidden}");
        assert_eq!(status.sets[SECOND].is_some(), outcome.is_none());
    }
}
