//! What rounds can ask: second rounds over the same persons, retention, items.

use crate::common::town::{HELPER, LEADER, Q1, Town, day, home};
use crate::common::{Home, by};
use krog_feed::roster::Policy;
use krog_feed::rounds::board::RoundId;
use krog_pools::PoolTerms;
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::check_ins_server::CheckIns;
use krog_proto::centre::v1::groups_server::Groups;
use krog_proto::centre::v1::people_server::People;
use krog_proto::federation::v1 as wire;
use std::collections::BTreeMap;

fn second(town: &Town, first: RoundId) -> wire::PoolOpening {
    wire::PoolOpening {
        sums: vec![
            wire::PoolSum::Weight.into(),
            wire::PoolSum::WeightedEffect.into(),
            wire::PoolSum::WeightedEffectSquared.into(),
        ],
        first_round: first.into(),
        tau2_millionths: 40_000,
        deadline: day("2026-06-30"),
        expiry: day("2026-08-01"),
        ..town.opening()
    }
}

/// The sums of the latest part by name.
async fn sums(home: &Home, round: RoundId) -> BTreeMap<String, f64> {
    let parts = home.parts().await.into_iter();
    let mut parts = parts.filter(|part| part.round == round.to_string());
    let named = |sum: proto::ShownSum| (sum.name, sum.value);
    parts.next().unwrap().sums.into_iter().map(named).collect()
}

async fn told(home: &Home, town: &mut Town) -> RoundId {
    let first = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(first).await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    let mut parts = town.neighbours_commit(first);
    parts.push(home.own_part());
    home.clock.set("2026-05-03");
    town.tells(first, &town.opening(), parts);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(first).await, "told");
    first
}

fn rows(code: &str, scores: &[(&str, u32)]) -> String {
    let line = |(day, score): &(&str, u32)| {
        format!(
            "centre-long-nodrug,long-nodrug-peer,peer,{code},2026-01-12,yes,bdi-ii,{day},{score}\n"
        )
    };
    scores.iter().map(line).collect()
}

const HEADER: &str = "centre,group,facilitation,member,joined,sharing,measure,date,score\n";

#[tokio::test]
async fn a_second_round_weighs_the_very_same_persons_and_no_others() {
    let (home, mut town) = home().await;
    let first = told(&home, &mut town).await;
    // One more person of the cell comes late, and of one counted an answer from before the baseline.
    let mut late = HEADER.to_owned();
    late.push_str(&rows("LATE1", &[("2026-01-12", 20), ("2026-03-12", 10)]));
    late.push_str(&rows("P001", &[("2026-01-05", 60)]));
    let imported = home.import(&late).await;
    assert_eq!((imported.taken, &imported.refused[..]), (3, &[][..]));
    let round = town.collecting(second(&town, first));
    home.tick().await.unwrap();
    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("open", 19));
    assert_eq!(shown.spent_rho, 0.25);
    assert_eq!(home.approve_round(round).await, "frozen");
    let sums = sums(&home, round).await;
    let weight = 19.0 / (1.0 + 19.0 * 0.04);
    assert!((sums["weight"] - weight).abs() < 0.01, "{sums:?}");
    let lines: Vec<String> = [first, round]
        .map(|round| format!("pool {} bdi-ii", round.short()))
        .into();
    for line in &lines {
        assert_eq!(home.counted_in(line).await, 19, "{line}");
    }
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "committed");
    // When the second one fails, what the first has counted stays spent.
    home.clock.set("2026-07-02");
    town.fails(round, wire::PoolOutcome::SetsDiffer);
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "failed");
    assert_eq!(home.waiting_peers().await, 1, "the one who came late");
    assert_eq!(home.counted_in(&lines[0]).await, 19);
    assert_eq!(home.counted_in(&lines[1]).await, 0);
}

#[tokio::test]
async fn who_has_withdrawn_since_the_first_round_keeps_the_centre_out_of_the_second() {
    let (home, mut town) = home().await;
    let first = told(&home, &mut town).await;
    let leaver = home.member_called("P001").await.member;
    home.consent(&leaver, proto::Purpose::Sharing, false).await;
    let round = town.collecting(second(&town, first));
    home.tick().await.unwrap();
    // Without one person the difference of the two rounds would be that person.
    let round = home.round(round).await.unwrap();
    assert_eq!((round.takes_part, round.persons), (false, 0));
}

#[tokio::test]
async fn a_centre_that_is_not_in_the_first_round_takes_no_part_in_the_second() {
    let (home, mut town) = home().await;
    let first = town.collecting(town.opening());
    let parts = town.neighbours_commit(first);
    home.clock.set("2026-05-03");
    town.tells(first, &town.opening(), parts);
    let round = town.collecting(second(&town, first));
    home.tick().await.unwrap();
    let shown = home.round(round).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("closed", 0));
    assert!(
        shown.reason.contains("this centre is not counted"),
        "{}",
        shown.reason
    );
    assert_eq!(home.approve_twice().await.rounds, []);
}

#[tokio::test]
async fn retention_counts_who_was_not_asked_again_and_the_meetings_between() {
    let (home, mut town) = home().await;
    let mut more = HEADER.to_owned();
    for code in ["LOST1", "LOST2", "LOST3", "LOST4"] {
        more.push_str(&rows(code, &[("2026-01-12", 30)]));
    }
    home.import(&more).await;
    let group = home
        .groups()
        .await
        .into_iter()
        .find(|group| group.facilitation == "peer")
        .unwrap()
        .group;
    let mut present = Vec::new();
    for code in ["P001", "LOST1", "LOST2"] {
        present.push(home.member_called(code).await.member);
    }
    // The window closes on the 28th of March.
    for day in ["2026-02-03", "2026-03-28", "2026-03-29"] {
        let meeting = proto::RecordMeetingRequest {
            group: group.clone(),
            day: day.to_owned(),
            present: present.clone(),
            guests: 0,
        };
        home.services
            .record_meeting(by(home.coordinator(), meeting))
            .await
            .unwrap();
    }
    let opening = wire::PoolOpening {
        sums: vec![
            wire::PoolSum::Persons.into(),
            wire::PoolSum::FollowedUp.into(),
            wire::PoolSum::Sessions.into(),
        ],
        ..town.opening()
    };
    let round = town.collecting(opening);
    home.tick().await.unwrap();
    assert_eq!(home.round(round).await.unwrap().persons, 23);
    home.approve_round(round).await;
    let sums = sums(&home, round).await;
    let expected = [
        ("persons", 23.0),
        ("followed up", 19.0),
        ("meetings attended", 6.0),
    ];
    assert_eq!(
        sums,
        expected.map(|(name, sum)| (name.to_owned(), sum)).into()
    );
    let lost = home.member_called("LOST4").await;
    assert_eq!(lost.counted_in, [format!("pool {} bdi-ii", round.short())]);

    // A second round about retention after one is none: the difference would be who was lost since.
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    home.clock.set("2026-05-03");
    let mut parts = town.neighbours_commit(round);
    parts.push(home.own_part());
    let opening = wire::PoolOpening {
        sums: vec![
            wire::PoolSum::Persons.into(),
            wire::PoolSum::FollowedUp.into(),
            wire::PoolSum::Sessions.into(),
        ],
        ..town.opening()
    };
    town.tells(round, &opening, parts);
    let again = town.collecting(wire::PoolOpening {
        first_round: round.into(),
        deadline: day("2026-06-30"),
        expiry: day("2026-08-01"),
        ..opening
    });
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "told");
    assert!(home.round(again).await.is_none());
}

#[tokio::test]
async fn a_question_about_items_leaves_out_who_declined_one() {
    let measure = krog_measures::builtin::measure(&"ons4.satisfied".parse().unwrap())
        .unwrap()
        .clone();
    let policy = Policy::new(10, 14, vec![measure])
        .unwrap()
        .with_pools(PoolTerms::default());
    let home = Home::under(&["Celje"], "2026-01-05", policy).await;
    let mut town = Town::around(&home).await;
    let group = proto::FoundGroupRequest {
        name: "Group".to_owned(),
        facilitation: "peer".to_owned(),
        template: String::new(),
        measures: vec!["ons4.satisfied".to_owned()],
    };
    let founded = home.services.found_group(by(home.coordinator(), group));
    let group = founded.await.unwrap().into_inner().group;
    let decision = proto::RecordDecisionRequest {
        group: group.clone(),
        share: true,
    };
    home.services
        .record_decision(by(home.coordinator(), decision))
        .await
        .unwrap();
    let mut members = Vec::new();
    for at in 0..5 {
        let member = proto::AddMemberRequest {
            label: format!("M{at}"),
            contact: String::new(),
            consents: vec![1, 2, 3],
            day: String::new(),
        };
        let added = home.services.add_member(by(home.coordinator(), member));
        let member = added.await.unwrap().into_inner().member;
        let join = proto::SetMembershipRequest {
            group: group.clone(),
            member: member.clone(),
            day: String::new(),
            joined: true,
        };
        home.services
            .set_membership(by(home.coordinator(), join))
            .await
            .unwrap();
        members.push(member);
    }
    for (date, satisfied) in [("2026-01-05", 3), ("2026-04-06", 6)] {
        home.clock.set(date);
        for (at, member) in members.iter().enumerate() {
            let declines = at == 0 && satisfied == 6;
            let answers = [
                ("satisfied", satisfied),
                ("worthwhile", 5),
                ("happy", 7),
                ("anxious", 2),
            ];
            let filled = proto::RecordCheckInRequest {
                member: member.clone(),
                instrument: "ons4".to_owned(),
                day: String::new(),
                answers: answers
                    .map(|(item, value)| proto::Answer {
                        item: item.to_owned(),
                        value: (item != "anxious" || !declines).then_some(value),
                    })
                    .to_vec(),
                total: None,
            };
            home.services
                .record_check_in(by(home.coordinator(), filled))
                .await
                .unwrap();
        }
    }
    home.clock.set("2026-07-02");
    let item = |code: &str| wire::PoolItem {
        code: code.to_owned(),
        lowest: 0,
        highest: 10,
    };
    let opening = wire::PoolOpening {
        first_quarter: Q1 + 1,
        last_quarter: Q1 + 1,
        sums: vec![
            wire::PoolSum::Persons.into(),
            wire::PoolSum::Change.into(),
            wire::PoolSum::Items.into(),
        ],
        items: vec![item("anxious"), item("happy")],
        deadline: day("2026-08-01"),
        expiry: day("2026-09-01"),
        ..town.opening()
    };
    let round = town.opens(opening);
    for name in [LEADER, HELPER] {
        town.answers(name, round);
    }
    home.tick().await.unwrap();
    assert_eq!(home.round(round).await.unwrap().persons, 4);
    home.approve_round(round).await;
    let sums = sums(&home, round).await;
    let expected = [
        ("persons", 4.0),
        ("change", 12.0),
        ("anxious", 8.0),
        ("happy", 28.0),
    ];
    assert_eq!(
        sums,
        expected.map(|(name, sum)| (name.to_owned(), sum)).into()
    );
    assert!(home.member_called("M0").await.counted_in.is_empty());
    assert_eq!(home.member_called("M1").await.counted_in.len(), 1);
}

#[tokio::test]
async fn a_second_round_that_takes_the_place_of_another_gets_no_second_part() {
    let (home, mut town) = home().await;
    let first = told(&home, &mut town).await;
    let followed = town.collecting(second(&town, first));
    home.tick().await.unwrap();
    assert_eq!(home.approve_round(followed).await, "frozen");
    let rival = town.collecting(wire::PoolOpening {
        deadline: day("2026-06-28"),
        ..second(&town, first)
    });
    home.tick().await.unwrap();
    let shown = home.round(rival).await;
    assert!(shown.is_none_or(|shown| !shown.takes_part));
    assert_eq!(home.parts().await.len(), 2);
}
