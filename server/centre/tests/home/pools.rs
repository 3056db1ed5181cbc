//! A centre's part in rounds of pools: what two people see and approve.

use crate::common::Home;
use crate::common::town::{HELPER, LEADER, Q1, day, home};
use krog_proto::centre::v1 as proto;
use krog_proto::federation::v1 as wire;
use tonic::Code;

#[tokio::test]
async fn the_preview_shows_what_goes_to_pools_and_why_and_the_open_round() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    let preview = home.preview().await;
    let cell = preview
        .cells
        .iter()
        .find(|cell| cell.facilitation == "peer" && cell.course == "entry")
        .unwrap();
    assert_eq!((cell.way.as_str(), cell.persons), ("pool", 19));
    assert_eq!(cell.would_be, "not_in_table");
    assert!(cell.reason.contains("pools"), "{}", cell.reason);
    assert!(cell.form.is_empty());

    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("open", 19));
    assert!(shown.takes_part && shown.reason.contains("random numbers"));
    assert_eq!(shown.aggregators, ["House leader", "House helper"]);
    assert_eq!(shown.deadline, "2026-05-02");
    assert_eq!(shown.sums.len(), 2);
    assert_eq!(
        (shown.first_quarter.as_str(), shown.last_quarter.as_str()),
        ("2025Q4", "2026Q1")
    );
    assert_eq!(
        (shown.rho, shown.spent_rho, shown.yearly_rho),
        (0.25, 0.0, 2.0)
    );
    assert!((3.0..4.0).contains(&shown.epsilon), "{}", shown.epsilon);
    assert!(
        shown.precision.contains("5 centres with 60 persons"),
        "{}",
        shown.precision
    );
    assert!(shown.stoppable_until.is_empty());
}

#[tokio::test]
async fn nothing_of_this_centre_is_shown_in_a_round_before_both_keys_stand() {
    let (home, mut town) = home().await;
    let round = town.opens(town.opening());
    town.answers(LEADER, round);
    home.tick().await.unwrap();
    let shown = home.round(round).await.unwrap();
    assert_eq!(
        (shown.state.as_str(), shown.persons),
        ("waiting-for-keys", 0)
    );
    assert!(!shown.takes_part);
    let approved = home.approve_twice().await;
    assert_eq!(approved.rounds, []);
    assert_eq!(home.parts().await, []);
    town.answers(HELPER, round);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "open");
}

#[tokio::test]
async fn a_round_whose_deadline_comes_before_the_waiting_days_are_over_takes_no_part() {
    let (home, mut town) = home().await;
    let opening = wire::PoolOpening {
        deadline: day("2026-04-15"),
        ..town.opening()
    };
    let round = town.collecting(opening);
    home.tick().await.unwrap();
    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("closed", 0));
    assert!(!shown.takes_part && shown.reason.contains("deadline"));
    assert_eq!(home.approve_twice().await.rounds, []);
    assert_eq!(home.parts().await, []);
}

#[tokio::test]
async fn the_two_approvals_of_a_quarter_approve_the_open_rounds_with_it() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    let first = home.approve(home.coordinator()).await.unwrap();
    assert_eq!(first.state, "approved-once");
    assert_eq!(first.rounds[0].round, round.to_string());
    assert_eq!(first.rounds[0].state, "approved-once");
    assert!(first.rounds[0].next.contains("guardian"));
    let again = home.approve(home.coordinator()).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    let shown = home.round(round).await.unwrap();
    assert_eq!(
        (shown.state.as_str(), shown.approved_by),
        ("approved-once", vec!["coordinator".to_owned()])
    );
    assert_eq!(home.parts().await, []);

    let second = home.approve(home.guardian()).await.unwrap();
    assert_eq!(
        (second.state.as_str(), second.rounds[0].state.as_str()),
        ("frozen", "frozen")
    );
    assert!(second.rounds[0].next.contains("2026-05-02"));
    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("frozen", 19));
    assert_eq!(shown.stoppable_until, "2026-05-02");
    assert_eq!(shown.spent_rho, 0.0, "without this round");
}

#[tokio::test]
async fn a_round_opened_after_the_quarter_was_decided_is_approved_by_itself() {
    let (home, mut town) = home().await;
    assert_eq!(home.approve_twice().await.rounds, []);
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    let first = home.approve(home.coordinator()).await.unwrap();
    assert_eq!(
        (first.state.as_str(), first.rounds[0].state.as_str()),
        ("frozen", "approved-once")
    );
    let again = home.approve(home.coordinator()).await.unwrap_err();
    assert_eq!(again.code(), Code::FailedPrecondition);
    let another = home
        .centre(0)
        .add_credential(krog_centre::Role::Coordinator)
        .await
        .unwrap();
    assert!(
        home.approve(&another).await.is_err(),
        "one role, two people"
    );
    assert_eq!(home.state_of(round).await, "approved-once");
    let second = home.approve(home.guardian()).await.unwrap();
    assert_eq!(second.rounds[0].state, "frozen");
    assert!(home.approve(home.guardian()).await.is_err());
    assert_eq!(home.parts().await.len(), 1);
}

/// A counted member of the peer-led group, or of the other one.
async fn member_of(home: &Home, group: &str) -> String {
    let table = crate::common::trial::early_table();
    let line = table
        .lines()
        .find(|line| line.starts_with(&format!("centre-long-nodrug,{group}")));
    home.member_called(line.unwrap().split(',').nth(3).unwrap())
        .await
        .member
}

#[tokio::test]
async fn another_form_withdraws_the_first_approval_of_that_round_only() {
    let (home, mut town) = home().await;
    home.approve_twice().await;
    let peers = town.collecting(town.opening());
    let others = town.collecting(wire::PoolOpening {
        facilitation: wire::Facilitation::Professional.into(),
        ..town.opening()
    });
    home.tick().await.unwrap();
    assert_eq!(
        home.approve(home.coordinator()).await.unwrap().rounds.len(),
        2
    );
    let leaver = member_of(&home, "long-nodrug-peer").await;
    let told = home.consent(&leaver, proto::Purpose::Sharing, false).await;
    assert!(told.is_empty(), "leaves silently");
    assert_eq!(home.round(peers).await.unwrap().persons, 18);
    home.approve(home.guardian()).await.unwrap();
    assert_eq!(home.state_of(others).await, "frozen");
    let shown = home.round(peers).await.unwrap();
    assert_eq!(
        (shown.state.as_str(), shown.approved_by),
        ("approved-once", vec!["guardian".to_owned()])
    );
    home.approve(home.coordinator()).await.unwrap();
    let shown = home.round(peers).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("frozen", 18));
}

#[tokio::test]
async fn who_withdraws_after_the_second_approval_is_told_which_round_counts_them_and_it_stands() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    let before = home.parts().await;
    let leaver = member_of(&home, "long-nodrug-peer").await;
    let told = home.consent(&leaver, proto::Purpose::Sharing, false).await;
    assert_eq!(told, [format!("pool {}", &round.to_string()[..8])]);
    let bystander = member_of(&home, "long-nodrug-professional").await;
    assert!(
        home.consent(&bystander, proto::Purpose::Sharing, false)
            .await
            .is_empty()
    );
    assert_eq!(home.parts().await, before);
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "committed");
    let told = home.consent(&leaver, proto::Purpose::Sharing, false).await;
    assert_eq!(told.len(), 1, "it can be withdrawn still");
    home.clock.set("2026-05-03");
    assert!(
        home.consent(&leaver, proto::Purpose::Sharing, false)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_round_over_other_quarters_counts_other_pairs() {
    let (home, mut town) = home().await;
    let round = town.collecting(wire::PoolOpening {
        first_quarter: Q1 - 4,
        last_quarter: Q1 - 1,
        ..town.opening()
    });
    home.tick().await.unwrap();
    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("closed", 0));
    assert!(shown.reason.contains("fewer than 3"), "{}", shown.reason);
}
