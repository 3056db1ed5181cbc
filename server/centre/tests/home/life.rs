//! Members, groups, meetings and check-ins as people enter them, up to what would leave.

use crate::common::library::FakeLibrary;
use crate::common::{Home, by};
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::check_ins_server::CheckIns;
use krog_proto::centre::v1::desk_server::Desk;
use krog_proto::centre::v1::groups_server::Groups;
use krog_proto::centre::v1::people_server::People;
use krog_proto::federation::v1 as wire;
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Code;

async fn k6_home() -> Home {
    let k6 = krog_measures::builtin::measure(&"k6".parse().unwrap())
        .unwrap()
        .clone();
    let policy = krog_feed::roster::Policy::new(10, 14, vec![k6]).unwrap();
    Home::under(&["Celje"], "2026-01-05", policy).await
}

async fn found(home: &Home, name: &str, facilitation: &str, measures: &[&str]) -> String {
    let request = proto::FoundGroupRequest {
        name: name.to_owned(),
        facilitation: facilitation.to_owned(),
        template: String::new(),
        measures: measures.iter().map(ToString::to_string).collect(),
    };
    home.services
        .found_group(by(home.coordinator(), request))
        .await
        .unwrap()
        .into_inner()
        .group
}

async fn add(home: &Home, label: &str) -> String {
    let request = proto::AddMemberRequest {
        label: label.to_owned(),
        contact: String::new(),
        consents: vec![1, 2, 3],
        day: String::new(),
    };
    home.services
        .add_member(by(home.coordinator(), request))
        .await
        .unwrap()
        .into_inner()
        .member
}

async fn join(home: &Home, group: &str, member: &str, joined: bool) {
    let request = proto::SetMembershipRequest {
        group: group.to_owned(),
        member: member.to_owned(),
        day: String::new(),
        joined,
    };
    home.services
        .set_membership(by(home.coordinator(), request))
        .await
        .unwrap();
}

async fn meet(home: &Home, group: &str, present: &[String]) -> bool {
    let request = proto::RecordMeetingRequest {
        group: group.to_owned(),
        day: String::new(),
        present: present.to_vec(),
        guests: 2,
    };
    home.services
        .record_meeting(by(home.coordinator(), request))
        .await
        .unwrap()
        .into_inner()
        .corrected
}

fn answers(value: i32) -> Vec<proto::Answer> {
    [
        "nervous",
        "hopeless",
        "restless",
        "depressed",
        "effort",
        "worthless",
    ]
    .map(|item| proto::Answer {
        item: item.to_owned(),
        value: Some(value),
    })
    .to_vec()
}

async fn check_in(
    home: &Home,
    member: &str,
    answers: Vec<proto::Answer>,
) -> Result<Vec<proto::ScoredMeasure>, tonic::Status> {
    let request = proto::RecordCheckInRequest {
        member: member.to_owned(),
        instrument: "k6".to_owned(),
        day: String::new(),
        answers,
        total: None,
    };
    Ok(home
        .services
        .record_check_in(by(home.coordinator(), request))
        .await?
        .into_inner()
        .scores)
}

#[tokio::test]
async fn a_quarter_of_a_peer_led_group_becomes_a_cell_once_the_group_has_said_yes() {
    let home = k6_home().await;
    let group = found(&home, "Torkova skupina", "peer", &["k6"]).await;
    let mut members = Vec::new();
    for at in 0..11 {
        members.push(add(&home, &format!("M{at}")).await);
        join(&home, &group, &members[at], true).await;
    }
    assert!(!meet(&home, &group, &members[..5]).await);
    assert!(
        meet(&home, &group, &members).await,
        "the same day again corrects"
    );
    for member in &members {
        let scores = check_in(&home, member, answers(2)).await.unwrap();
        assert_eq!((scores[0].measure.as_str(), scores[0].score), ("k6", 12.0));
    }
    home.clock.set("2026-04-06");
    for member in &members {
        check_in(&home, member, answers(1)).await.unwrap();
    }
    home.clock.set("2026-07-02");
    let cell = |preview: proto::PreviewResponse| {
        preview
            .cells
            .into_iter()
            .find(|cell| cell.facilitation == "peer" && cell.course == "entry")
            .unwrap()
    };
    assert_eq!(
        cell(home.preview().await).would_be,
        "not_shared",
        "the group has not decided yet"
    );
    let decision = proto::RecordDecisionRequest {
        group: group.clone(),
        share: true,
    };
    home.services
        .record_decision(by(home.coordinator(), decision))
        .await
        .unwrap();
    let shown = cell(home.preview().await);
    assert_eq!((shown.would_be.as_str(), shown.persons), ("value", 11));
    join(&home, &group, &members[0], false).await;
    let listed = home.groups().await.remove(0);
    assert_eq!(
        (listed.members, listed.meetings, listed.sharing.as_str()),
        (10, 1, "yes")
    );
    assert_eq!(
        cell(home.preview().await).persons,
        11,
        "who left stays counted for the time before"
    );
}

#[tokio::test]
async fn a_member_of_two_groups_counts_once_under_the_one_attended_more() {
    let home = k6_home().await;
    let peer = found(&home, "Peer", "peer", &["k6"]).await;
    let led = found(&home, "Led", "professional", &["k6"]).await;
    for group in [&peer, &led] {
        let request = proto::RecordDecisionRequest {
            group: group.clone(),
            share: true,
        };
        home.services
            .record_decision(by(home.coordinator(), request))
            .await
            .unwrap();
    }
    let mut members = Vec::new();
    for at in 0..10 {
        members.push(add(&home, &format!("M{at}")).await);
        join(&home, &peer, &members[at], true).await;
        join(&home, &led, &members[at], true).await;
    }
    meet(&home, &peer, &members).await;
    for member in &members {
        check_in(&home, member, answers(2)).await.unwrap();
    }
    home.clock.pass_days(7);
    meet(&home, &led, &members).await;
    home.clock.pass_days(7);
    meet(&home, &led, &members).await;
    home.clock.set("2026-04-06");
    for member in &members {
        check_in(&home, member, answers(1)).await.unwrap();
    }
    home.clock.set("2026-07-02");
    let told: Vec<String> = home
        .preview()
        .await
        .cells
        .iter()
        .filter(|cell| cell.would_be == "value")
        .map(|cell| format!("{} {}", cell.facilitation, cell.persons))
        .collect();
    assert_eq!(told, ["professional 10"]);
}

#[tokio::test]
async fn too_few_answers_are_no_score_and_a_day_counts_once() {
    let home = k6_home().await;
    let member = add(&home, "M").await;
    let mut few = answers(3);
    few[0].value = None;
    assert!(check_in(&home, &member, few).await.unwrap().is_empty());
    let again = check_in(&home, &member, answers(3)).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    home.clock.pass_days(1);
    let wrong = check_in(&home, &member, answers(9)).await.unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument);
    let mut unknown = answers(1);
    unknown[0].item = "Ana".to_owned();
    assert_eq!(
        check_in(&home, &member, unknown).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    assert_eq!(
        check_in(&home, &member, answers(1)).await.unwrap()[0].score,
        6.0
    );
}

#[tokio::test]
async fn without_the_consent_to_measurement_no_check_in_is_taken() {
    let home = k6_home().await;
    let member = add(&home, "M").await;
    home.consent(&member, proto::Purpose::Measurement, false)
        .await;
    assert_eq!(
        check_in(&home, &member, answers(1))
            .await
            .unwrap_err()
            .code(),
        Code::FailedPrecondition
    );
    home.consent(&member, proto::Purpose::Measurement, true)
        .await;
    check_in(&home, &member, answers(1)).await.unwrap();
}

#[tokio::test]
async fn days_to_come_and_unknown_measures_are_refused() {
    let home = k6_home().await;
    let group = found(&home, "Peer", "peer", &["ons4"]).await;
    assert_eq!(
        home.groups().await[0].measures.len(),
        4,
        "an instrument stands for its measures"
    );
    let request = proto::RecordMeetingRequest {
        group,
        day: "2026-01-06".to_owned(),
        ..Default::default()
    };
    let refused = home
        .services
        .record_meeting(by(home.coordinator(), request))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let request = proto::FoundGroupRequest {
        name: "x".to_owned(),
        facilitation: "peer".to_owned(),
        template: String::new(),
        measures: vec!["phq-9".to_owned()],
    };
    let refused = home
        .services
        .found_group(by(home.coordinator(), request))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn the_desk_says_where_and_who_one_is() {
    let home = k6_home().await;
    let ask = || {
        home.services
            .who_am_i(by(home.guardian(), proto::WhoAmIRequest {}))
    };
    let said = ask().await.unwrap().into_inner();
    assert_eq!(
        (
            said.centre.as_str(),
            said.role.as_str(),
            said.today.as_str()
        ),
        ("Celje", "guardian", "2026-01-05")
    );
    assert_eq!((said.network.as_str(), said.may_sign), ("Practice", false));
    assert_eq!(said.writer, home.centre(0).writer().to_string());
    home.tick().await.unwrap();
    assert!(ask().await.unwrap().into_inner().may_sign);
}

#[tokio::test]
async fn a_group_is_founded_from_a_template_that_has_arrived_and_from_no_other() {
    let home = k6_home().await;
    let document = wire::TemplateDocument {
        code: "round".to_owned(),
        facilitation: wire::Facilitation::Peer.into(),
        measures: vec![wire::TemplateMeasure {
            code: "k6".to_owned(),
            comparability_class: vec![0; 32],
        }],
        ..Default::default()
    }
    .encode_to_vec();
    let version = data_encoding::HEXLOWER.encode(&Sha256::digest(&document));
    let services = home
        .services
        .clone()
        .with_library(FakeLibrary(vec![document]).client().await);
    let found = |template: &str| {
        let request = proto::FoundGroupRequest {
            name: "Krog".to_owned(),
            template: template.to_owned(),
            ..Default::default()
        };
        services.found_group(by(home.coordinator(), request))
    };
    assert_eq!(
        found(&"00".repeat(32)).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    assert_eq!(
        found("round").await.unwrap_err().code(),
        Code::InvalidArgument
    );
    assert_eq!(found("").await.unwrap_err().code(), Code::InvalidArgument);
    found(&version).await.unwrap();
    let group = home.groups().await.remove(0);
    assert_eq!(
        (group.facilitation.as_str(), group.measures),
        ("peer", vec!["k6".to_owned()])
    );
    assert_eq!(group.template, version);
}
