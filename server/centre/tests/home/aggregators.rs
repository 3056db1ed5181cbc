//! Two real aggregators: how their rounds end.

use crate::common::town::region::{FIRST, Region, SECOND, deadline, persons};
use crate::common::town::{Q1, day};
use krog_centre::{Opening, Span};
use krog_feed::entry::Kind;
use krog_feed::rounds::board::{Outcome, Stage};
use krog_pools::PoolTerms;
use krog_pools::Question;
use krog_proto::federation::v1 as wire;

const LEADS: [Kind; 6] = [
    Kind::PoolKey,
    Kind::PoolCheck,
    Kind::PoolSet,
    Kind::PoolHalf,
    Kind::PoolEnd,
    Kind::PoolResult,
];
const HELPS: [Kind; 4] = [Kind::PoolKey, Kind::PoolSet, Kind::PoolHalf, Kind::PoolEnd];
const BOTH_TOLD: [Option<Outcome>; 2] = [Some(Outcome::Told); 2];

#[tokio::test]
async fn a_round_of_six_centres_goes_from_its_opening_to_its_result() {
    let mut region = Region::noiseless().await;
    let opening = Opening {
        measure: region.town.measure().code.clone(),
        facilitation: krog_measures::Facilitation::Peer,
        course: krog_measures::Course::Entry,
        span: Span {
            first: "2025Q4".parse().unwrap(),
            last: "2026Q1".parse().unwrap(),
        },
        question: Question::Change,
        aggregators: [region.offices[FIRST].node(), region.offices[SECOND].node()],
        deadline: "2026-05-02".parse().unwrap(),
        days_to_expiry: 40,
        second_of: None,
        unit_sd: None,
        rho_millionths: None,
        items: Vec::new(),
        reliable_change: None,
    };
    let office = &region.home.office;
    office
        .open_round(region.home.network, opening)
        .await
        .unwrap();
    office.tick(&region.house().client().await).await.unwrap();
    region.tick().await;
    let round = region.reading().rounds[0].id;
    assert_eq!(region.status(round).stage, Stage::Collecting);
    region.home_commits(round).await;
    let at_home = region.home.parts().await.remove(0).sums;
    for at in 0..5 {
        region.commits(at, round, 6);
    }
    region.home.clock.set("2026-05-03");
    region.settle().await;

    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    let told = status.told.unwrap();
    let six = region.sums(round, &persons(6));
    assert_eq!(told.totals.sums[0], at_home[0].value + 30.0);
    let change = at_home[1].value + 5.0 * six[1] as f64 / 100.0;
    assert!(
        (told.totals.sums[1] - change).abs() < 0.006,
        "{:?}",
        told.totals.sums
    );
    let result = status.result.unwrap();
    assert_eq!((result.set, result.totals), (told.set, told.totals.encoded));
    assert_eq!(region.reading().refused, []);
    assert_eq!(region.words_of(FIRST, round), LEADS);
    assert_eq!(region.words_of(SECOND, round), HELPS);
    region.assert_clean(round).await;
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(round).await, "told");
}

#[tokio::test]
async fn the_sums_are_told_with_the_noise_of_both_and_no_more() {
    let mut region = Region::new().await;
    let round = region.committed(region.opening(), 5, 8).await;
    region.settle().await;
    let status = region.status(round);
    assert_eq!((status.stage, status.ends), (Stage::Told, BOTH_TOLD));
    let told = status.told.unwrap().totals;
    let change = region.sums(round, &persons(8))[1] as f64 / 100.0;
    for (at, plain) in [40.0, 5.0 * change].into_iter().enumerate() {
        let off = (told.sums[at] - plain).abs();
        assert!(off < 8.0 * told.noise_sds[at], "{off}");
        assert!(off > 1e-6, "noise of this seed");
    }
    region.assert_clean(round).await;
}

#[tokio::test]
async fn fewer_than_five_centres_end_for_both_and_their_answers_are_free() {
    let mut region = Region::new().await;
    let round = region.collecting(region.opening()).await;
    region.home_commits(round).await;
    for at in 0..3 {
        region.commits(at, round, 15);
    }
    region.home.clock.set("2026-05-03");
    region.settle().await;

    assert_eq!(
        region.end_of(round),
        (
            Stage::Failed(Outcome::TooFewCentres),
            [Some(Outcome::TooFewCentres), Some(Outcome::OtherEnded)]
        )
    );
    assert_eq!(
        region.words_of(FIRST, round),
        [Kind::PoolKey, Kind::PoolEnd]
    );
    region.assert_clean(round).await;
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(round).await, "failed");
}

#[tokio::test]
async fn fewer_than_thirty_persons_end_without_a_half_and_a_later_round_over_the_same_answers_is_told()
 {
    let mut region = Region::new().await;
    let round = region.committed(region.opening(), 5, 5).await;
    region.settle().await;
    let (stage, ends) = region.end_of(round);
    assert_eq!(stage, Stage::Failed(Outcome::TooFewPersons));
    assert_eq!(
        ends,
        [Some(Outcome::TooFewPersons), Some(Outcome::OtherEnded)]
    );
    for office in [FIRST, SECOND] {
        assert!(!region.words_of(office, round).contains(&Kind::PoolHalf));
    }
    region.assert_clean(round).await;

    let later = wire::PoolOpening {
        deadline: day("2026-06-02"),
        expiry: day("2026-07-02"),
        ..region.opening()
    };
    let later = region.committed(later, 5, 6).await;
    region.settle().await;
    assert_eq!(region.end_of(later), (Stage::Told, BOTH_TOLD));
    region.assert_clean(later).await;
}

#[tokio::test]
async fn a_helper_that_is_away_until_the_expiry_fails_the_round_when_it_comes_back() {
    let mut region = Region::new().await;
    let round = region.full(region.opening()).await;
    for today in [deadline() + 1, day("2026-06-10")] {
        region.day(today);
        region.offices[FIRST].tick(region.house()).await;
        assert_eq!(region.end_of(round), (Stage::Checking, [None; 2]));
    }
    region.home.clock.set("2026-06-11");
    region.offices[FIRST].tick(region.house()).await;
    let silent = Some(Outcome::OtherSilent);
    assert_eq!(region.end_of(round), (Stage::Checking, [silent, None]));
    region.settle().await;
    assert_eq!(
        region.end_of(round),
        (
            Stage::Failed(Outcome::OtherSilent),
            [silent, Some(Outcome::OtherEnded)]
        )
    );
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(round).await, "failed");
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_leader_that_is_away_until_the_expiry_fails_the_round_when_it_comes_back() {
    let mut region = Region::new().await;
    let round = region.full(region.opening()).await;
    region.home.clock.set("2026-06-11");
    region.offices[SECOND].tick(region.house()).await;
    let silent = Some(Outcome::OtherSilent);
    assert_eq!(region.end_of(round), (Stage::Checking, [None, silent]));
    region.settle().await;
    assert_eq!(
        region.end_of(round),
        (
            Stage::Failed(Outcome::OtherSilent),
            [Some(Outcome::OtherEnded), silent]
        )
    );
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_leader_that_falls_silent_after_the_helpers_set_leaves_answers_spent_until_it_ends() {
    let mut region = Region::new().await;
    let round = region.full(region.opening()).await;
    region.tick().await;
    assert_eq!(
        region.words_of(SECOND, round),
        [Kind::PoolKey, Kind::PoolSet]
    );
    region.home.clock.set("2026-06-12");
    region.offices[SECOND].tick(region.house()).await;
    let silent = Some(Outcome::OtherSilent);
    assert_eq!(region.end_of(round), (Stage::Silent, [None, silent]));
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(round).await, "silent");
    region.settle().await;
    assert_eq!(
        region.end_of(round),
        (
            Stage::Failed(Outcome::OtherSilent),
            [Some(Outcome::OtherEnded), silent]
        )
    );
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(round).await, "failed");
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_helper_that_falls_silent_after_its_set_leaves_the_leaders_half_alone_and_answers_spent()
{
    let mut region = Region::new().await;
    let round = region.full(region.opening()).await;
    region.tick().await;
    region.offices[FIRST].tick(region.house()).await;
    let told = Some(Outcome::Told);
    assert_eq!(region.end_of(round), (Stage::Checking, [told, None]));
    region.home.clock.set("2026-06-12");
    region.offices[FIRST].tick(region.house()).await;
    assert_eq!(region.end_of(round), (Stage::Silent, [told, None]));
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(round).await, "silent");
    // Too late it comes back, and tells no more.
    region.settle().await;
    let (stage, ends) = region.end_of(round);
    assert!(matches!(stage, Stage::Broken(_)), "{stage:?}");
    assert_eq!(ends, [told, Some(Outcome::OtherSilent)]);
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(round).await, "broken");
    region.assert_clean(round).await;
}

#[tokio::test]
async fn a_node_that_does_not_aggregate_never_answers_and_nothing_is_spent() {
    let mut region = Region::new().await;
    region.offices[SECOND].aggregates_no_more().await;
    let round = region.town.opens(region.opening());
    region.settle().await;
    region.home.tick().await.unwrap();
    assert_eq!(region.status(round).stage, Stage::Opened);
    assert_eq!(region.home.state_of(round).await, "waiting-for-keys");
    assert!(!region.home.round(round).await.unwrap().takes_part);
    region.home.clock.set("2026-06-12");
    region.settle().await;
    assert_eq!(region.words_of(SECOND, round), []);
    assert_eq!(
        region.words_of(FIRST, round),
        [Kind::PoolKey, Kind::PoolEnd]
    );
    assert_eq!(region.status(round).stage, Stage::Silent);
    region.assert_clean(round).await;
    let later = region.town.opens(wire::PoolOpening {
        leader: region.offices[FIRST].node().into(),
        deadline: day("2026-08-20"),
        expiry: day("2026-09-20"),
        ..region.opening_with_lying_helper()
    });
    region.town.answers(crate::common::town::HELPER, later);
    region.settle().await;
    region.home.tick().await.unwrap();
    assert_eq!(region.home.round(later).await.unwrap().persons, 19);
}

#[tokio::test]
async fn a_round_refused_for_anothers_sake_is_ended_and_its_secrets_destroyed() {
    let mut region = Region::new().await;
    // Its helper never answers.
    let late = region.town.opens(region.opening_with_lying_helper());
    region.settle().await;
    assert_eq!(region.words_of(FIRST, late), [Kind::PoolKey]);
    let early = wire::PoolOpening {
        deadline: deadline() - 1,
        first_quarter: Q1,
        ..region.opening()
    };
    let early = region.town.opens(early);
    region.settle().await;
    assert_eq!(region.words_of(FIRST, late), [Kind::PoolKey, Kind::PoolEnd]);
    assert_eq!(region.status(early).stage, Stage::Collecting);
    for office in &region.offices {
        assert_eq!(office.secrets().await, 1, "of the one that collects");
    }
}

#[tokio::test]
async fn many_centres_of_two_nodes_are_two_for_the_floor() {
    let mut region = Region::new().await;
    region.town.branches_out(6);
    let opening = region.opening();
    let round = region.collecting(opening).await;
    region.commits(0, round, 10);
    for branch in 5..11 {
        region.commits(branch, round, 10);
    }
    region.day(deadline() + 1);
    region.settle().await;
    assert_eq!(region.status(round).commitments.len(), 7);
    let (stage, ends) = region.end_of(round);
    assert_eq!(stage, Stage::Failed(Outcome::TooFewCentres));
    assert_eq!(ends[FIRST], Some(Outcome::TooFewCentres));
    region.assert_clean(round).await;
}

#[tokio::test]
async fn an_opening_under_older_terms_falls_below_no_newer_floor() {
    let mut region = Region::new().await;
    let round = region.full(region.opening()).await;
    region
        .policy_becomes(|next| {
            next.policy.pools = next.policy.pools.map(|terms| PoolTerms {
                floor_centres: 7,
                ..terms
            });
        })
        .await;
    region.settle().await;
    let (stage, _) = region.end_of(round);
    assert_eq!(stage, Stage::Failed(Outcome::TooFewCentres));
    region.assert_clean(round).await;
}

#[tokio::test]
async fn who_is_a_keyholder_no_more_gets_no_keys_and_no_parts() {
    let mut region = Region::new().await;
    let opening = region.opening();
    let keyholder = region.town.node_of(crate::common::town::KEYHOLDER);
    let running = region.collecting(opening.clone()).await;
    region.home.tick().await.unwrap();
    assert_eq!(region.home.state_of(running).await, "open");
    region
        .policy_becomes(|next| {
            next.keyholders.remove(&keyholder);
        })
        .await;
    let later = region.town.opens(wire::PoolOpening {
        course: wire::Course::Continuing.into(),
        ..opening
    });
    region.settle().await;
    assert_eq!(region.words_of(FIRST, later), []);
    region.home.tick().await.unwrap();
    let shown = region.home.round(running).await;
    assert!(shown.is_none_or(|shown| !shown.takes_part));
}
