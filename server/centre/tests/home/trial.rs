//! A real trial from the table to the signed entry.

use crate::common::Home;
use crate::common::trial::{CENTRES, early_table, table};
use krog_feed::entry::{Kind, RawEntry};
use krog_proto::federation::v1 as wire;
use prost::Message;

/// Told of a cell: persons, baseline steps of 63, change steps of 63. `None`: below the floor.
type Told = Option<(u32, u32, i32)>;

/// Peer and professional cell of each centre, as its data give by the one-person step.
const EXPECTED: [(Told, Told); 4] = [
    (Some((14, 5, -1)), None),
    (None, Some((17, 6, -2))),
    (Some((19, 7, 0)), Some((13, 4, -1))),
    (None, Some((13, 6, -3))),
];

#[tokio::test]
async fn each_centre_of_the_trial_tells_its_cells_in_one_person_steps() {
    for (name, (peer, professional)) in CENTRES.into_iter().zip(EXPECTED) {
        let home = Home::with(&[name], "2026-04-02").await;
        let imported = home.import(&early_table()).await;
        assert_eq!(imported.refused, []);
        assert!(imported.taken > 0 && imported.other_centres > 0);
        assert_eq!(imported.taken + imported.other_centres, 197);

        let preview = home.preview().await;
        assert_eq!(
            (preview.quarter.as_str(), preview.state.as_str()),
            ("2026Q1", "open")
        );
        assert_eq!(preview.network, "Practice");
        let cell = |facilitation: &str| {
            let is = |cell: &&krog_proto::centre::v1::PreviewCell| {
                cell.facilitation == facilitation && cell.course == "entry"
            };
            preview.cells.iter().find(is).unwrap().clone()
        };
        for (facilitation, told) in [("peer", peer), ("professional", professional)] {
            let cell = cell(facilitation);
            assert_eq!(
                cell.would_be,
                if told.is_some() {
                    "value"
                } else {
                    "below_floor"
                }
            );
            assert_eq!(cell.persons, told.map_or(0, |(n, _, _)| n));
            assert_eq!(cell.waiting_since, "2026Q1");
            if told.is_some() {
                assert!(cell.form.contains("steps of 63"), "{}", cell.form);
            }
        }

        // The feed is begun, and its head is known to be the network's.
        assert_eq!(home.tick().await.unwrap().signed, 1);
        assert_eq!(home.approve_twice().await.state, "frozen");
        let shown = home.show().await;
        assert_eq!(
            (
                shown.len(),
                shown[0].state.as_str(),
                shown[0].entry.as_str()
            ),
            (1, "frozen", "")
        );
        assert_eq!(shown[0].stoppable_until, "2026-04-16");

        home.clock.pass_days(13);
        assert_eq!(home.tick().await.unwrap().signed, 0);
        assert_eq!(home.show().await[0].state, "frozen");
        home.clock.pass_days(1);
        assert_eq!(home.tick().await.unwrap().signed, 1);

        let signed = home.show().await.remove(0);
        assert_eq!(
            (signed.state.as_str(), signed.handed_over),
            ("signed", true)
        );
        assert_eq!(
            signed.payload, shown[0].payload,
            "the bytes are those that were shown"
        );
        let feed = home.house.feed(home.centre(0).writer().as_bytes());
        let last = RawEntry::parse(feed.last().unwrap().clone()).unwrap();
        assert_eq!(last.hash().to_string(), signed.entry);
        let entry = krog_feed::entry::VerifiedEntry::from_store(last).unwrap();
        assert_eq!(entry.kind(), Kind::Release);
        let release = wire::Release::decode(entry.body().unwrap()).unwrap();
        assert_eq!((release.quarter, release.roster_version), (2026 * 4, 1));
        for (facilitation, told) in [
            (wire::Facilitation::Peer, peer),
            (wire::Facilitation::Professional, professional),
        ] {
            let is = |cell: &&wire::Cell| {
                cell.facilitation() == facilitation && cell.course() == wire::Course::Entry
            };
            let cell = release.cells.iter().find(is).unwrap();
            match (told, cell.told.unwrap()) {
                (Some((persons, baseline, change)), wire::cell::Told::Sums(sums)) => {
                    assert_eq!(sums.persons, persons);
                    assert_eq!(
                        sums.baseline,
                        Some(wire::sums::Baseline::BaselineSteps(baseline)),
                        "{name}"
                    );
                    // A mean change of almost nothing is a step like any other.
                    assert_eq!(
                        sums.change,
                        Some(wire::sums::Change::ChangeSteps(change)),
                        "{name}"
                    );
                    assert_eq!(sums.change_sd_twentieths, None);
                }
                (None, wire::cell::Told::Withheld(why)) => {
                    assert_eq!(why, i32::from(wire::Withheld::BelowFloor));
                }
                _ => panic!("{name}: told otherwise"),
            }
        }
    }
}

#[tokio::test]
async fn what_was_counted_is_told_to_the_member_and_never_leaves_again() {
    let home = Home::with(&["centre-long-nodrug"], "2026-04-02").await;
    home.import(&early_table()).await;
    home.tick().await.unwrap();
    home.approve_twice().await;
    let counted = home
        .members()
        .await
        .iter()
        .filter(|member| member.counted_in == ["2026Q1 bdi-ii"])
        .count();
    assert_eq!(counted, 32);

    // The rest of the table arrives; the second quarter pairs nobody's old answers again.
    home.clock.set("2026-10-02");
    home.tick().await.unwrap();
    home.import(&table(true)).await;
    let preview = home.preview().await;
    assert_eq!(preview.quarter, "2026Q3");
    let shown: Vec<(String, u32)> = preview
        .cells
        .iter()
        .map(|cell| {
            (
                format!("{} {}", cell.facilitation, cell.course),
                cell.persons,
            )
        })
        .collect();
    // May to July is the next pair of those who went on: baseline in May, long after joining.
    assert!(
        shown.contains(&("peer continuing".to_owned(), 13)),
        "{shown:?}"
    );
    assert!(shown.contains(&("peer entry".to_owned(), 0)), "{shown:?}");
}
