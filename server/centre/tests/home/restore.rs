//! An older copy of the data comes back: it signs nothing before it has adopted its own feed, repeats no place, shares
//! nothing twice, and nothing that was taken back.

use crate::common::trial::{early_table, table};
use crate::common::{Home, by, copy_data};
use krog_feed::entry::Header;
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::groups_server::Groups;
use krog_proto::centre::v1::sharing_server::Sharing;
use std::collections::BTreeSet;

async fn home() -> Home {
    let home = Home::with(&["centre-long-nodrug"], "2026-04-02").await;
    home.import(&early_table()).await;
    {
        let mut net = home.house.0.lock().unwrap();
        (net.other_nodes, net.peers_answered) = (2, 1);
    }
    home.tick().await.unwrap();
    home
}

/// Puts an older copy of the data in place of the present one; the keys stay the newest.
pub async fn restore(home: &mut Home, backup: &std::path::Path) {
    home.close().await;
    let folder = home.centres[0].folder.clone();
    for name in ["centre.db", "centre.db-wal", "centre.db-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    copy_data(backup, &folder);
    home.open_again().await;
}

fn places(home: &Home) -> Vec<(u32, u64)> {
    let feed = home.house.feed(home.centre(0).writer().as_bytes());
    feed.iter()
        .map(|entry| Header::parse(&entry.header).unwrap().place())
        .map(|at| (at.epoch, at.seq))
        .collect()
}

#[tokio::test]
async fn an_older_copy_adopts_its_own_feed_before_it_signs_and_reuses_no_place() {
    let mut home = home().await;
    let backup = home.folder.path().join("backup");
    copy_data(&home.centres[0].folder, &backup);
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(places(&home), [(0, 0), (0, 1)]);

    restore(&mut home, &backup).await;
    assert_eq!(
        home.preview().await.state,
        "open",
        "the copy knows nothing of the release"
    );
    assert!(
        home.approve(home.coordinator()).await.is_err(),
        "and may not decide it again"
    );
    home.house.0.lock().unwrap().peers_answered = 0;
    let refused = home.tick().await.unwrap_err();
    assert!(refused.to_string().contains("peer"), "{refused}");
    assert!(!home.centre(0).may_sign(home.network));

    home.house.0.lock().unwrap().peers_answered = 1;
    home.tick().await.unwrap();
    assert_eq!(home.preview().await.state, "signed");
    assert!(home.approve(home.coordinator()).await.is_err());

    // Two quarters on: nothing of the first is counted again, what came after is.
    home.clock.set("2026-10-02");
    home.import(&table(true)).await;
    let preview = home.preview().await;
    let counted: u32 = preview
        .cells
        .iter()
        .filter(|cell| cell.course == "entry")
        .map(|cell| cell.persons)
        .sum();
    assert_eq!(counted, 0);
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    let places = places(&home);
    assert_eq!(places.len(), places.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(places.last(), Some(&(0, 2)));
}

#[tokio::test]
async fn a_copy_from_between_freezing_and_signing_does_not_sign_a_second_time() {
    let mut home = home().await;
    home.approve_twice().await;
    let backup = home.folder.path().join("backup");
    copy_data(&home.centres[0].folder, &backup);
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    let signed = home.show().await;
    restore(&mut home, &backup).await;
    assert_eq!(home.show().await[0].state, "frozen");
    assert_eq!(home.tick().await.unwrap().signed, 0);
    assert_eq!(home.show().await[0].entry, signed[0].entry);
    assert_eq!(places(&home), [(0, 0), (0, 1)]);
    let counted = home
        .members()
        .await
        .iter()
        .filter(|member| !member.counted_in.is_empty())
        .count();
    assert_eq!(
        counted, 32,
        "the ledger of the copy holds, since the bytes are the same"
    );
}

#[tokio::test]
async fn a_copy_from_before_the_acknowledgement_is_behind_and_not_forked() {
    let mut home = home().await;
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.house.0.lock().unwrap().answers_lost = true;
    assert!(home.tick().await.is_err());
    assert!(!home.show().await[0].handed_over);
    let backup = home.folder.path().join("backup");
    copy_data(&home.centres[0].folder, &backup);
    home.house.0.lock().unwrap().answers_lost = false;
    home.tick().await.unwrap();
    home.clock.set("2026-07-02");
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(places(&home), [(0, 0), (0, 1), (0, 2)]);

    restore(&mut home, &backup).await;
    home.tick().await.unwrap();
    let shown = home.show().await;
    assert_eq!(shown.len(), 2);
    assert!(
        shown
            .iter()
            .all(|release| release.state == "signed" && release.handed_over)
    );
    home.clock.set("2026-10-02");
    home.import(&table(true)).await;
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(places(&home), [(0, 0), (0, 1), (0, 2), (0, 3)]);
}

#[tokio::test]
async fn what_was_withdrawn_or_stopped_since_stays_so_under_an_older_copy() {
    let mut home = home().await;
    home.approve_twice().await;
    let backup = home.folder.path().join("backup");
    copy_data(&home.centres[0].folder, &backup);
    let member = home.members().await.remove(0).member;
    home.consent(&member, proto::Purpose::Sharing, false).await;
    let request = proto::StopRequest {
        quarter: "2026Q1".to_owned(),
        round: String::new(),
    };
    home.services
        .stop(by(home.coordinator(), request))
        .await
        .unwrap();
    restore(&mut home, &backup).await;
    assert_eq!(home.show().await[0].state, "stopped");
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(home.show().await[0].state, "stopped");
    let sharing = i32::from(proto::Purpose::Sharing);
    let restored = home
        .members()
        .await
        .into_iter()
        .find(|restored| restored.member == member)
        .unwrap();
    assert!(!restored.consents.contains(&sharing));
    home.consent(&member, proto::Purpose::Sharing, true).await;
    let given = home
        .members()
        .await
        .into_iter()
        .find(|restored| restored.member == member)
        .unwrap();
    assert!(
        given.consents.contains(&sharing),
        "a consent given anew counts"
    );
}

/// Copies everything of the centre: data and keys.
fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    copy_data(from, to);
    for name in ["keys.db", "keys.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn an_older_copy_of_data_and_keys_lets_people_stop_again_before_it_signs() {
    let mut home = home().await;
    home.clock.set("2026-06-28");
    home.approve_twice().await;
    home.clock.set("2026-07-02");
    home.import(&table(true)).await;
    home.approve_twice().await;
    let backup = home.folder.path().join("backup");
    copy_all(&home.centres[0].folder, &backup);
    home.clock.set("2026-07-13");
    assert_eq!(home.tick().await.unwrap().signed, 1);
    let stop = || proto::StopRequest {
        quarter: "2026Q2".to_owned(),
        round: String::new(),
    };
    let stopped = home.services.stop(by(home.guardian(), stop())).await;
    stopped.unwrap();

    home.close().await;
    let folder = home.centres[0].folder.clone();
    for name in ["centre.db", "keys.db"] {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.join(format!("{name}{end}")));
        }
    }
    copy_all(&backup, &folder);
    home.clock.set("2026-07-20");
    home.open_again().await;
    assert_eq!(
        home.tick().await.unwrap().signed,
        0,
        "its time was over, and nothing is signed at once"
    );
    let shown = home.show().await;
    assert_eq!(
        [shown[0].state.as_str(), shown[1].state.as_str()],
        ["signed", "frozen"]
    );
    assert_eq!(shown[1].stoppable_until, "2026-08-03");
    home.clock.set("2026-08-02");
    assert_eq!(home.tick().await.unwrap().signed, 0);
    let stopped = home.services.stop(by(home.guardian(), stop())).await;
    stopped.unwrap();
}

#[tokio::test]
async fn a_release_on_a_branch_that_does_not_stand_has_left_all_the_same() {
    let mut home = home().await;
    let backup = home.folder.path().join("backup");
    copy_data(&home.centres[0].folder, &backup);
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    let other = home
        .house
        .feed(home.centre(0).writer().as_bytes())
        .pop()
        .unwrap();
    let feed = |home: &Home, change: &dyn Fn(&mut Vec<krog_proto::federation::v1::Entry>)| {
        for feed in home.house.0.lock().unwrap().feeds.values_mut() {
            change(feed);
        }
    };
    // The older copy is started while nobody can tell it of the release, and signs another at its place.
    feed(&home, &|feed| feed.truncate(1));
    restore(&mut home, &backup).await;
    home.tick().await.unwrap();
    let decide = |group: String, share| proto::RecordDecisionRequest { group, share };
    for group in home.groups().await {
        let decision = decide(group.group, false);
        let decided = home
            .services
            .record_decision(by(home.coordinator(), decision));
        decided.await.unwrap();
    }
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    for group in home.groups().await {
        let decision = decide(group.group, true);
        let decided = home
            .services
            .record_decision(by(home.coordinator(), decision));
        decided.await.unwrap();
    }
    home.clock.set("2026-07-02");
    let entry_persons = |preview: proto::PreviewResponse| -> u32 {
        let cells = preview.cells.into_iter();
        cells
            .filter(|cell| cell.course == "entry")
            .map(|cell| cell.persons)
            .sum()
    };
    assert_eq!(
        entry_persons(home.preview().await),
        32,
        "this copy has told nothing of them"
    );

    feed(&home, &|feed| feed.push(other.clone()));
    home.restart().await;
    let refused = home.tick().await.unwrap_err();
    assert!(refused.to_string().contains("two branches"), "{refused}");
    assert_eq!(entry_persons(home.preview().await), 0);
}

#[tokio::test]
async fn a_second_copy_that_signed_elsewhere_is_noticed_and_signs_no_more() {
    let mut home = home().await;
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    // The network has another entry at the place of the last one.
    {
        let mut net = home.house.0.lock().unwrap();
        let writer = home.centre(0).writer();
        let feed = net
            .feeds
            .iter_mut()
            .find(|((_, of), _)| of == writer.as_bytes())
            .map(|(_, feed)| feed)
            .unwrap();
        let first = feed[0].clone();
        *feed = vec![first];
        let other = krog_feed::entry::RawEntry::parse(feed[0].clone()).unwrap();
        let mut header = Header::parse(&other.header).unwrap();
        header.previous = Some(other.hash());
        header.seq = 1;
        header.kind = krog_feed::entry::Kind::Release;
        feed.push(krog_proto::federation::v1::Entry {
            header: header.encode(),
            signature: vec![0; 64],
            payload: None,
        });
    }
    home.restart().await;
    let refused = home.tick().await.unwrap_err();
    assert!(refused.to_string().contains("two branches"), "{refused}");
    assert!(!home.centre(0).may_sign(home.network));
}
