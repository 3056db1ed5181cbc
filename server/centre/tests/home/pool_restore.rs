//! Parts in rounds after an older copy of the data came back.

use crate::common::town::{Town, home};
use crate::common::trial::table;
use crate::common::{Home, copy_data};
use crate::restore::restore;
use krog_feed::entry::Kind;
use krog_feed::rounds::board::RoundId;
use krog_proto::federation::v1 as wire;
use std::path::PathBuf;
use tonic::Code;

fn copied(home: &Home) -> PathBuf {
    let backup = home.folder.path().join("backup");
    copy_data(&home.centres[0].folder, &backup);
    backup
}

async fn commits(home: &Home, town: &mut Town) -> RoundId {
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "committed");
    round
}

#[tokio::test]
async fn a_copy_from_before_the_part_decides_nothing_until_it_knows_what_it_was_about_and_then_counts_all_as_spent()
 {
    let (mut home, mut town) = home().await;
    let backup = copied(&home);
    let round = commits(&home, &mut town).await;
    let opening = {
        let mut net = home.house.0.lock().unwrap();
        let entries = net.feeds.values().flatten();
        let header = |entry: &&wire::Entry| krog_feed::ids::HeaderHash::of(&entry.header) == round;
        let opening = entries.clone().find(header).unwrap().header.clone();
        net.withheld.insert(opening.clone());
        opening
    };
    let later = town.collecting(wire::PoolOpening {
        facilitation: wire::Facilitation::Professional.into(),
        ..town.opening()
    });
    restore(&mut home, &backup).await;
    assert!(
        home.approve(home.coordinator()).await.is_err(),
        "its own feed is not compared yet"
    );
    home.tick().await.unwrap();
    let part = home.parts().await.remove(0);
    assert_eq!(
        (part.state.as_str(), part.measure.as_str()),
        ("committed", "")
    );
    assert!(part.leader_parcel.is_empty());
    let not_yet = home.approve(home.coordinator()).await.unwrap_err();
    assert_eq!(not_yet.code(), Code::FailedPrecondition);
    assert!(not_yet.message().contains("older copy"), "{not_yet}");
    let not_yet = home.stop_round(round).await.unwrap_err();
    assert!(not_yet.message().contains("older copy"), "{not_yet}");
    home.choose("release").await.unwrap();
    let not_yet = home.approve(home.guardian()).await.unwrap_err();
    assert!(
        not_yet.message().contains("older copy"),
        "no release either"
    );
    home.choose("pool").await.unwrap();

    home.house.0.lock().unwrap().withheld.remove(&opening);
    home.tick().await.unwrap();
    assert_eq!(home.parts().await[0].measure, "bdi-ii");
    let shown = home.round(later).await.unwrap();
    assert_eq!(
        (shown.state.as_str(), shown.persons),
        ("closed", 0),
        "nobody knows who was counted"
    );
    assert_eq!(home.waiting_peers().await, 0);
    assert_eq!(shown.spent_rho, 0.25);
    let decided = home.approve(home.coordinator()).await.unwrap_err();
    assert!(decided.message().contains("decided already"), "{decided}");

    // Freed or not, who was in it is not known any more; what is answered later counts.
    home.clock.set("2026-05-03");
    town.fails(round, wire::PoolOutcome::TooFewCentres);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "failed");
    assert_eq!(home.waiting_peers().await, 0);
    home.clock.set("2026-10-02");
    home.import(&table(true)).await;
    let cells = home.preview().await.cells;
    let continuing = cells
        .iter()
        .find(|cell| cell.facilitation == "peer" && cell.course == "continuing");
    assert_eq!(continuing.unwrap().persons, 13);
}

#[tokio::test]
async fn an_opening_that_counts_no_more_still_says_what_a_restored_part_was_about() {
    let (mut home, mut town) = home().await;
    let backup = copied(&home);
    let round = commits(&home, &mut town).await;
    // An aggregator has left the network without a key, so the round is on no board.
    {
        let mut net = home.house.0.lock().unwrap();
        for feed in net.feeds.values_mut() {
            let key = feed.iter().position(|entry| {
                krog_feed::entry::Header::parse(&entry.header).unwrap().kind == Kind::PoolKey
            });
            if let Some(key) = key {
                feed.truncate(key);
            }
        }
    }
    let mut next = home.office.draft_roster(home.network).await.unwrap();
    let leader = town.opening().leader;
    next.nodes
        .retain(|node| node.as_bytes().as_slice() != leader);
    next.removed
        .insert(leader.as_slice().try_into().unwrap(), Default::default());
    let signed = home.office.sign_roster(&next);
    home.office
        .publish_roster(home.network, signed)
        .await
        .unwrap();
    let rosters = crate::common::rosters(&home.office, home.network).await;
    home.house.0.lock().unwrap().rosters = rosters;
    restore(&mut home, &backup).await;
    home.tick().await.unwrap();
    home.tick().await.unwrap();
    assert!(home.round(round).await.is_none());
    assert_eq!(home.parts().await[0].measure, "bdi-ii");
    let decided = home.approve(home.coordinator()).await.unwrap_err();
    assert!(decided.message().contains("decided already"), "{decided}");
    home.choose("release").await.unwrap();
    assert_eq!(home.waiting_peers().await, 0);
}

#[tokio::test]
async fn a_copy_from_between_freezing_and_committing_adopts_its_commitment_and_knows_its_answers() {
    let (mut home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    let backup = copied(&home);
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    let before = home.parts().await.remove(0);
    home.house.0.lock().unwrap().parcels.clear();

    restore(&mut home, &backup).await;
    assert_eq!(home.parts().await[0].state, "frozen");
    home.tick().await.unwrap();
    assert_eq!(home.parts().await, [before]);
    assert_eq!(
        home.said(Kind::PoolCommitment).len(),
        1,
        "not a second time"
    );
    assert_eq!(
        home.house.0.lock().unwrap().parcels.len(),
        2,
        "the same parcels"
    );
    assert_eq!(
        home.counted_in(&format!("pool {} bdi-ii", round.short()))
            .await,
        19
    );
    home.clock.set("2026-05-03");
    town.fails(round, wire::PoolOutcome::TooFewCentres);
    home.tick().await.unwrap();
    home.choose("release").await.unwrap();
    home.clock.set("2026-07-02");
    assert_eq!(home.waiting_peers().await, 19, "and can be freed");
}

#[tokio::test]
async fn an_older_copy_with_a_frozen_part_waits_its_whole_time_again() {
    let (mut home, mut town) = home().await;
    let peers = commits(&home, &mut town).await;
    let others = town.collecting(wire::PoolOpening {
        facilitation: wire::Facilitation::Professional.into(),
        deadline: crate::common::town::day("2026-05-30"),
        ..town.opening()
    });
    home.tick().await.unwrap();
    home.approve_round(others).await;
    let backup = copied(&home);
    home.stop_round(peers).await.unwrap();
    home.tick().await.unwrap();
    home.clock.pass_days(13);
    restore(&mut home, &backup).await;
    home.tick().await.unwrap();
    assert_eq!(
        home.state_of(peers).await,
        "withdrawn",
        "adopted from the own feed"
    );
    home.clock.pass_days(1);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(others).await, "frozen");
    home.clock.pass_days(13);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(others).await, "committed");
}

#[tokio::test]
async fn a_part_withdrawn_under_an_older_copy_stays_withdrawn() {
    let (mut home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    let backup = copied(&home);
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    // The tombstone is signed and lost with the disk before it is handed over.
    home.stop_round(round).await.unwrap();
    restore(&mut home, &backup).await;
    home.tick().await.unwrap();
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "withdrawn");
    assert_eq!(
        home.said(Kind::Tombstone).len(),
        1,
        "said again, from what the keys remember"
    );
}
