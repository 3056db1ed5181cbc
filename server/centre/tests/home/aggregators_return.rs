//! Aggregators that stop in the middle and come back, with all they had or with less.

use crate::common::town::region::{FIRST, Region, SECOND};
use krog_feed::entry::Kind;
use krog_feed::rounds::board::{Outcome, RoundId, Stage};

const TOLD: Option<Outcome> = Some(Outcome::Told);

#[tokio::test]
async fn aggregators_that_restart_between_every_two_words_say_each_once_and_tell_the_same() {
    let mut region = Region::noiseless().await;
    let round = region.committed(region.opening(), 5, 8).await;
    for _ in 0..8 {
        for at in [FIRST, SECOND] {
            let before = region.words_of(at, round).len();
            region.offices[at].says_one_word(region.house()).await;
            assert!(region.words_of(at, round).len() <= before + 1);
            region.offices[at].restart().await;
        }
    }
    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, [TOLD, TOLD]));
    assert_eq!(status.told.unwrap().totals.sums[0], 40.0);
    assert_eq!(region.words_of(FIRST, round).len(), 6);
    assert_eq!(region.words_of(SECOND, round).len(), 4);
    assert_eq!(region.reading().refused, []);
    region.assert_clean(round).await;
}

/// A round in which the leader has said so many words, each after the helper had said what it could.
async fn after_words(region: &mut Region, words: usize) -> RoundId {
    let round = region.town.opens(region.opening());
    region.offices[SECOND].tick(region.house()).await;
    if words > 0 {
        region.offices[FIRST].says_one_word(region.house()).await;
    }
    if words > 1 {
        say_on(region, round, words).await;
    }
    round
}

/// The leader says one word after the other, up to so many in all.
async fn say_on(region: &mut Region, round: RoundId, words: usize) {
    if region.status(round).commitments.is_empty() {
        for at in 0..5 {
            region.commits(at, round, 8);
        }
        region.home.clock.set("2026-05-03");
    }
    while region.words_of(FIRST, round).len() < words {
        region.offices[FIRST].says_one_word(region.house()).await;
        region.offices[SECOND].tick(region.house()).await;
    }
}

/// The leader is put back to where it had said so many words, after it has said one more.
async fn put_back(words: usize, with_secrets: bool) -> (Region, RoundId) {
    let mut region = Region::new().await;
    let round = after_words(&mut region, words).await;
    let backup = region.home.folder.path().join("backup");
    region.offices[FIRST].copy_to(&backup).await;
    if words == 0 {
        region.offices[FIRST].says_one_word(region.house()).await;
    } else {
        say_on(&mut region, round, words + 1).await;
    }
    assert_eq!(region.words_of(FIRST, round).len(), words + 1);
    region.offices[FIRST].restore(&backup, with_secrets).await;
    region.settle().await;
    region.assert_clean(round).await;
    let halves = region.words_of(FIRST, round);
    assert!(
        halves
            .iter()
            .filter(|kind| **kind == Kind::PoolHalf)
            .count()
            <= 1
    );
    (region, round)
}

#[tokio::test]
async fn a_leader_put_back_before_its_half_has_lost_its_key_and_the_round_fails_for_both() {
    // With the secrets of before the key or before the verify key it has not got further.
    for (words, with_secrets) in [(0, true), (0, false), (1, true), (1, false), (2, false)] {
        let (region, round) = put_back(words, with_secrets).await;
        let (stage, ends) = region.end_of(round);
        assert_eq!(stage, Stage::Failed(Outcome::KeyLost), "after {words}");
        assert_eq!(ends, [Some(Outcome::KeyLost), Some(Outcome::OtherEnded)]);
        for office in [FIRST, SECOND] {
            assert!(!region.words_of(office, round).contains(&Kind::PoolHalf));
        }
    }
}

#[tokio::test]
async fn a_leader_put_back_without_the_parcel_of_its_set_publishes_no_half_that_would_stand_alone()
{
    // Its set was taken by the exchange, and the parcel had not followed.
    let (region, round) = put_back(2, true).await;
    let (stage, ends) = region.end_of(round);
    assert_eq!(stage, Stage::Failed(Outcome::KeyLost));
    assert_eq!(ends, [Some(Outcome::KeyLost), Some(Outcome::OtherEnded)]);
    assert!(!region.words_of(FIRST, round).contains(&Kind::PoolHalf));
}

#[tokio::test]
async fn a_leader_put_back_after_its_half_adopts_it_and_the_round_is_told() {
    for (words, with_secrets) in [(3, true), (3, false), (4, true), (4, false)] {
        let (region, round) = put_back(words, with_secrets).await;
        assert_eq!(region.end_of(round), (Stage::Told, [TOLD, TOLD]), "{words}");
    }
}

#[tokio::test]
async fn secrets_that_come_back_after_the_end_are_destroyed_again() {
    let mut region = Region::new().await;
    let round = region.committed(region.opening(), 5, 8).await;
    region.tick().await;
    let backups = [FIRST, SECOND].map(|at| region.home.folder.path().join(format!("old-{at}")));
    for (office, backup) in region.offices.iter_mut().zip(&backups) {
        office.copy_to(backup).await;
    }
    region.settle().await;
    assert_eq!(region.end_of(round), (Stage::Told, [TOLD, TOLD]));
    for (office, backup) in region.offices.iter_mut().zip(&backups) {
        office.restore(backup, true).await;
        assert_eq!(office.secrets().await, 1);
    }
    let before = region.words_of(FIRST, round);
    region.settle().await;
    assert_eq!(region.words_of(FIRST, round), before);
    assert_eq!(region.end_of(round), (Stage::Told, [TOLD, TOLD]));
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_helper_put_back_without_its_secrets_after_its_set_fails_the_round_for_both() {
    let mut region = Region::new().await;
    let round = region.committed(region.opening(), 5, 8).await;
    let backup = region.home.folder.path().join("backup");
    region.offices[SECOND].copy_to(&backup).await;
    region.tick().await;
    region.offices[SECOND].restore(&backup, false).await;
    region.offices[SECOND].tick(region.house()).await;
    let lost = Some(Outcome::KeyLost);
    assert_eq!(region.end_of(round), (Stage::Checking, [None, lost]));
    region.settle().await;
    assert_eq!(
        region.end_of(round),
        (
            Stage::Failed(Outcome::KeyLost),
            [Some(Outcome::OtherEnded), lost]
        )
    );
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_leader_whose_parcel_the_exchange_does_not_keep_waits_with_its_half() {
    let mut region = Region::new().await;
    let round = region.committed(region.opening(), 5, 8).await;
    region.tick().await;
    region.house().0.lock().unwrap().parcels_refused = true;
    region.settle().await;
    assert!(region.words_of(FIRST, round).ends_with(&[Kind::PoolSet]));
    region.house().0.lock().unwrap().parcels_refused = false;
    region.settle().await;
    assert_eq!(region.end_of(round), (Stage::Told, [TOLD, TOLD]));
    region.assert_clean(round).await;
}
