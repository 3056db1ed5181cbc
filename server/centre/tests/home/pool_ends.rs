//! How rounds end, and which answers are free again then.

use crate::common::town::{HELPER, LEADER, Q1, Town, day, home, under};
use crate::common::trial::table;
use crate::common::{Home, by};
use krog_feed::entry::Kind;
use krog_feed::ids::{HeaderHash, WriterId};
use krog_feed::rounds::board::RoundId;
use krog_pools::PoolTerms;
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::people_server::People;
use krog_proto::centre::v1::sharing_server::Sharing;
use krog_proto::federation::v1 as wire;
use tonic::Code;

/// A round to which this centre and its neighbours have committed, and all parts.
async fn committed(home: &Home, town: &mut Town) -> (RoundId, Vec<(WriterId, HeaderHash)>) {
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    assert_eq!(home.approve_round(round).await, "frozen");
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "committed");
    let mut parts = town.neighbours_commit(round);
    parts.push(home.own_part());
    home.clock.set("2026-05-03");
    (round, parts)
}

/// Persons a new round over the same quarters would count.
async fn free_again(home: &Home, town: &mut Town) -> u32 {
    let later = town.collecting(wire::PoolOpening {
        deadline: day("2026-08-20"),
        expiry: day("2026-09-20"),
        ..town.opening()
    });
    home.tick().await.unwrap();
    home.round(later).await.map_or(0, |shown| shown.persons)
}

fn pool(round: RoundId) -> String {
    format!("pool {} bdi-ii", round.short())
}

#[tokio::test]
async fn a_round_that_failed_frees_its_answers_for_the_next_one() {
    let (home, mut town) = home().await;
    let (round, _) = committed(&home, &mut town).await;
    home.tick().await.unwrap();
    assert_eq!(home.counted_in(&pool(round)).await, 19);
    town.fails(round, wire::PoolOutcome::TooFewCentres);
    home.tick().await.unwrap();
    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("failed", 0));
    let part = home.parts().await.remove(0);
    assert!(part.leader_parcel.is_empty() && part.sums.is_empty());
    assert_eq!(home.counted_in(&pool(round)).await, 0);
    assert_eq!(free_again(&home, &mut town).await, 19);
}

#[tokio::test]
async fn answers_of_a_failed_round_leave_with_the_next_release() {
    let (home, mut town) = home().await;
    let (round, _) = committed(&home, &mut town).await;
    town.fails(round, wire::PoolOutcome::TooFewPersons);
    home.tick().await.unwrap();
    home.choose("release").await.unwrap();
    home.clock.set("2026-07-02");
    assert_eq!(home.waiting_peers().await, 19);
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(home.counted_in("2026Q2 bdi-ii").await, 32);
}

#[tokio::test]
async fn a_part_that_was_never_committed_is_free_when_the_deadline_has_passed() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    home.clock.set("2026-05-03");
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "failed");
    assert!(home.said(Kind::PoolCommitment).is_empty());
    town.fails(round, wire::PoolOutcome::TooFewCentres);
    assert_eq!(free_again(&home, &mut town).await, 19);
}

#[tokio::test]
async fn a_round_that_told_with_this_centre_has_spent_its_answers_and_members_are_told() {
    let (home, mut town) = home().await;
    let (round, parts) = committed(&home, &mut town).await;
    town.tells(round, &town.opening(), parts);
    home.tick().await.unwrap();
    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("told", 19));
    assert!(shown.stoppable_until.is_empty());
    assert_eq!(home.counted_in(&pool(round)).await, 19);
    let part = home.parts().await.remove(0);
    assert!(part.helper_parcel.is_empty() && part.sums.is_empty() && !part.payload.is_empty());
    assert_eq!(free_again(&home, &mut town).await, 0);
    home.choose("release").await.unwrap();
    home.clock.set("2026-07-02");
    assert_eq!(home.waiting_peers().await, 0);
    let late = home.stop_round(round).await.unwrap_err();
    assert!(late.message().contains("has ended"), "{late}");
}

#[tokio::test]
async fn a_round_that_told_without_this_centre_frees_its_answers_once_both_have_ended() {
    let (home, mut town) = home().await;
    let (round, mut parts) = committed(&home, &mut town).await;
    parts.pop();
    town.agree(round, &mut parts);
    town.publishes(LEADER, round, &town.opening(), &parts);
    town.publishes(HELPER, round, &town.opening(), &parts);
    town.ends(LEADER, round, wire::PoolOutcome::Told);
    home.tick().await.unwrap();
    assert_eq!(
        home.state_of(round).await,
        "committed",
        "one may still add it up"
    );
    town.ends(HELPER, round, wire::PoolOutcome::Told);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "failed");
    home.choose("release").await.unwrap();
    home.clock.set("2026-07-02");
    assert_eq!(home.waiting_peers().await, 19);
}

#[tokio::test]
async fn a_broken_round_keeps_its_answers_spent() {
    let (home, mut town) = home().await;
    let (round, mut parts) = committed(&home, &mut town).await;
    town.agree(round, &mut parts);
    town.publishes(LEADER, round, &town.opening(), &parts);
    town.ends(HELPER, round, wire::PoolOutcome::OtherFaulty);
    town.ends(LEADER, round, wire::PoolOutcome::OtherEnded);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "broken");
    assert_eq!(home.counted_in(&pool(round)).await, 19);
    home.choose("release").await.unwrap();
    home.clock.set("2026-07-02");
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "broken");
    assert_eq!(home.waiting_peers().await, 0);
}

#[tokio::test]
async fn a_silent_round_keeps_its_answers_spent_until_it_is_proved_that_its_shares_are_destroyed() {
    let (home, mut town) = home().await;
    let (round, _) = committed(&home, &mut town).await;
    home.clock.set("2026-06-12");
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "silent");
    assert!(home.parts().await[0].leader_parcel.is_empty());
    assert_eq!(free_again(&home, &mut town).await, 0);
    town.ends(LEADER, round, wire::PoolOutcome::KeyLost);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "silent", "one word is none");
    town.ends(HELPER, round, wire::PoolOutcome::OtherEnded);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "failed");
}

#[tokio::test]
async fn a_round_is_settled_also_when_the_network_drops_its_pools() {
    let (home, mut town) = home().await;
    let (round, _) = committed(&home, &mut town).await;
    let mut next = home.office.draft_roster(home.network).await.unwrap();
    next.policy.pools = None;
    let signed = home.office.sign_roster(&next);
    let published = home.office.publish_roster(home.network, signed).await;
    published.unwrap();
    let rosters = crate::common::rosters(&home.office, home.network).await;
    home.house.0.lock().unwrap().rosters = rosters;
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "committed");
    home.clock.set("2026-07-02");
    assert_eq!(home.waiting_peers().await, 0);
    town.fails(round, wire::PoolOutcome::TooFewCentres);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "failed");
    assert_eq!(home.waiting_peers().await, 19, "for a release now");
}

#[tokio::test]
async fn an_exchange_that_withholds_a_half_frees_nothing() {
    let (home, mut town) = home().await;
    let (round, mut parts) = committed(&home, &mut town).await;
    town.agree(round, &mut parts);
    let half = town.publishes(LEADER, round, &town.opening(), &parts);
    let end = town.fails(round, wire::PoolOutcome::OtherSilent);
    // What it holds of the half is given away without its bytes.
    home.house
        .0
        .lock()
        .unwrap()
        .withheld
        .insert(half.raw().header.clone());
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "committed");
    // Or not at all, so that the end stands alone.
    let mut whole = Vec::new();
    for feed in home.house.0.lock().unwrap().feeds.values_mut() {
        if feed.iter().any(|entry| entry.header == end.raw().header) {
            whole = feed.clone();
            feed.retain(|entry| entry.header != half.raw().header);
        }
    }
    let mut home = home;
    home.restart().await;
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "committed");
    home.clock.set("2026-06-12");
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "silent");
    // At last it tells everything.
    home.house.0.lock().unwrap().withheld.clear();
    for feed in home.house.0.lock().unwrap().feeds.values_mut() {
        if feed.iter().any(|entry| entry.header == end.raw().header) {
            *feed = whole.clone();
        }
    }
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "broken");
}

#[tokio::test]
async fn an_exchange_that_invents_ends_frees_nothing() {
    let (mut home, mut town) = home().await;
    let (round, _) = committed(&home, &mut town).await;
    let end = town.fails(round, wire::PoolOutcome::TooFewCentres);
    let as_told = |home: &Home, change: &dyn Fn(&mut wire::Entry)| {
        for feed in home.house.0.lock().unwrap().feeds.values_mut() {
            for entry in feed
                .iter_mut()
                .filter(|entry| entry.header == end.raw().header)
            {
                change(entry);
            }
        }
    };
    as_told(&home, &|entry| entry.signature[7] ^= 1);
    home.tick().await.unwrap();
    assert_eq!(
        home.state_of(round).await,
        "committed",
        "nobody has signed it"
    );
    // Another word under the true signature.
    let payload = end.raw().payload.clone();
    as_told(&home, &|entry| {
        entry.signature[7] ^= 1;
        let payload = entry.payload.as_mut().unwrap();
        *payload.last_mut().unwrap() ^= 1;
    });
    home.restart().await;
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "committed");
    as_told(&home, &|entry| entry.payload = payload.clone());
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "failed", "the true one");
}

#[tokio::test]
async fn the_budget_of_a_year_holds_and_failed_rounds_cost_nothing() {
    let (home, mut town) = under(PoolTerms {
        yearly_rho_millionths: 500_000,
        ..PoolTerms::default()
    })
    .await;
    let peers = town.collecting(town.opening());
    let others = town.collecting(wire::PoolOpening {
        facilitation: wire::Facilitation::Professional.into(),
        ..town.opening()
    });
    home.tick().await.unwrap();
    assert_eq!(home.approve_twice().await.rounds.len(), 2);
    let third = town.collecting(wire::PoolOpening {
        first_quarter: Q1 + 1,
        last_quarter: Q1 + 2,
        course: wire::Course::Continuing.into(),
        deadline: day("2026-12-01"),
        expiry: day("2026-12-31"),
        ..town.opening()
    });
    let next_year = town.collecting(wire::PoolOpening {
        first_quarter: Q1 + 1,
        last_quarter: Q1 + 2,
        course: wire::Course::Continuing.into(),
        facilitation: wire::Facilitation::Professional.into(),
        deadline: day("2027-01-02"),
        expiry: day("2027-02-01"),
        ..town.opening()
    });
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    home.clock.set("2026-10-02");
    home.import(&table(true)).await;
    home.tick().await.unwrap();
    let shown = home.round(third).await.unwrap();
    assert!(
        !shown.takes_part && shown.reason.contains("budget"),
        "{}",
        shown.reason
    );
    assert_eq!((shown.spent_rho, shown.yearly_rho), (0.5, 0.5));
    assert_eq!(home.round(next_year).await.unwrap().spent_rho, 0.0);
    assert_eq!(
        home.round(others).await.unwrap().spent_rho,
        0.25,
        "without itself"
    );
    town.fails(peers, wire::PoolOutcome::TooFewCentres);
    home.tick().await.unwrap();
    let shown = home.round(third).await.unwrap();
    assert_eq!((shown.persons, shown.spent_rho), (13, 0.25));
    let approved = home.approve_twice().await;
    assert_eq!(approved.rounds.len(), 2);
}

#[tokio::test]
async fn a_measure_leaves_by_pools_or_by_release_as_the_centre_has_chosen() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve(home.coordinator()).await.unwrap();
    assert!(
        home.choose("release")
            .await
            .unwrap()
            .contains("under this centre's name")
    );
    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("closed", 0));
    assert!(
        shown.reason.contains("has chosen releases"),
        "{}",
        shown.reason
    );
    let cell = home
        .preview()
        .await
        .cells
        .into_iter()
        .find(|cell| cell.facilitation == "peer" && cell.course == "entry")
        .unwrap();
    assert_eq!(
        (cell.way.as_str(), cell.would_be.as_str(), cell.persons),
        ("release", "value", 19)
    );
    let changed = home.approve(home.guardian()).await.unwrap_err();
    assert!(changed.message().contains("form has changed"), "{changed}");
    let approved = home.approve_twice().await;
    assert_eq!(
        (approved.state.as_str(), approved.rounds.len()),
        ("frozen", 0)
    );
    assert_eq!(home.counted_in("2026Q1 bdi-ii").await, 32);
    assert_eq!(home.parts().await, []);
    home.choose("pool").await.unwrap();
    assert_eq!(home.round(round).await.unwrap().persons, 0, "it has left");
}

#[tokio::test]
async fn what_has_waited_eight_quarters_goes_to_a_pool_even_where_releases_were_chosen() {
    let (home, mut town) = home().await;
    home.choose("release").await.unwrap();
    home.clock.set("2028-04-02");
    let round = town.collecting(wire::PoolOpening {
        deadline: day("2028-05-02"),
        expiry: day("2028-06-02"),
        ..town.opening()
    });
    home.tick().await.unwrap();
    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("open", 19));
    assert_eq!(
        home.waiting_peers().await,
        0,
        "the release does not count them"
    );
    assert_eq!(home.approve_round(round).await, "frozen");
}

#[tokio::test]
async fn a_way_is_chosen_by_coordinators_for_measures_there_are() {
    let (home, _) = home().await;
    let choose = |who, measure: &str, way: &str| {
        let request = proto::ChooseWayRequest {
            measure: measure.to_owned(),
            way: way.to_owned(),
        };
        home.services.choose_way(by(who, request))
    };
    let forbidden = choose(home.guardian(), "bdi-ii", "release")
        .await
        .unwrap_err();
    let request = proto::SetConsentRequest {
        member: "ab".repeat(16),
        purpose: proto::Purpose::Sharing.into(),
        given: false,
    };
    let absent = home
        .services
        .set_consent(by(home.coordinator(), request))
        .await
        .unwrap_err();
    assert_eq!(
        (forbidden.code(), forbidden.message()),
        (Code::NotFound, absent.message())
    );
    for (measure, way) in [("bdi-ii", "both"), ("k6", "pool"), ("no code!", "pool")] {
        let refused = choose(home.coordinator(), measure, way).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{measure} {way}");
    }
    let plain = Home::with(&["One"], "2026-04-02").await;
    let refused = plain.choose("pool").await.unwrap_err();
    assert_eq!(
        refused.code(),
        Code::FailedPrecondition,
        "a network without pools"
    );
}

#[tokio::test]
async fn one_approval_spends_no_more_than_the_budget_of_the_year() {
    let (home, mut town) = under(PoolTerms {
        yearly_rho_millionths: 250_000,
        ..PoolTerms::default()
    })
    .await;
    for facilitation in [wire::Facilitation::Peer, wire::Facilitation::Professional] {
        town.collecting(wire::PoolOpening {
            facilitation: facilitation.into(),
            ..town.opening()
        });
    }
    home.tick().await.unwrap();
    let approved = home.approve_twice().await.rounds;
    assert_eq!(approved.len(), 1, "{approved:?}");
    assert_eq!(approved[0].state, "frozen");
    let rounds = home.preview().await.rounds;
    let left: Vec<_> = rounds.iter().filter(|shown| !shown.takes_part).collect();
    assert_eq!(left.len(), 1);
    assert!(left[0].reason.contains("budget"), "{}", left[0].reason);
}

#[tokio::test]
async fn a_withdrawal_that_came_too_late_is_no_withdrawal_and_members_are_told() {
    let (home, mut town) = home().await;
    let (round, parts) = committed(&home, &mut town).await;
    home.clock.set("2026-05-02");
    home.stop_round(round).await.unwrap();
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "withdrawn");
    assert_eq!(home.counted_in(&pool(round)).await, 0);
    home.clock.set("2026-05-03");
    town.tells(round, &town.opening(), parts);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "told");
    assert_eq!(home.counted_in(&pool(round)).await, 19);
}
