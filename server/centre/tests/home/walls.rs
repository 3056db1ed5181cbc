//! What keeps people apart from those they are not meant for: credentials, the access log, and sealing at rest.

use crate::common::{Home, by};
use krog_centre::{Centre, CentreError, Credential};
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::check_ins_server::CheckIns;
use krog_proto::centre::v1::groups_server::Groups;
use krog_proto::centre::v1::people_server::People;
use krog_proto::centre::v1::sharing_server::Sharing;
use std::collections::BTreeSet;
use std::path::Path;
use tonic::{Code, Request};

fn member(label: &str, contact: &str) -> proto::AddMemberRequest {
    proto::AddMemberRequest {
        label: label.to_owned(),
        contact: contact.to_owned(),
        consents: vec![1, 2, 3],
        day: String::new(),
    }
}

#[tokio::test]
async fn a_credential_of_one_centre_does_nothing_at_another() {
    let home = Home::with(&["One", "Two"], "2026-04-02").await;
    let [one, two] = &home.centres[..] else {
        panic!("two centres")
    };
    let added = home
        .services
        .add_member(by(&one.coordinator, member("Ana", "")))
        .await
        .unwrap()
        .into_inner();
    let list = home
        .services
        .list_members(by(&two.coordinator, proto::ListMembersRequest {}))
        .await
        .unwrap();
    assert!(list.into_inner().members.is_empty());
    // The other centre's coordinator names the member's id: the answer is that for an id nobody has.
    let consent = |who: &Credential, member: &str| {
        let request = proto::SetConsentRequest {
            member: member.to_owned(),
            purpose: proto::Purpose::Sharing.into(),
            given: false,
        };
        home.services.set_consent(by(who, request))
    };
    let theirs = consent(&two.coordinator, &added.member).await.unwrap_err();
    let nobodys = consent(&two.coordinator, &"ab".repeat(16))
        .await
        .unwrap_err();
    let no_id = consent(&two.coordinator, "not an id").await.unwrap_err();
    let forbidden = consent(&one.guardian, &added.member).await.unwrap_err();
    for refused in [&theirs, &nobodys, &no_id, &forbidden] {
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::NotFound, theirs.message())
        );
    }
    let log = proto::ReadAccessLogRequest {
        member: added.member.clone(),
    };
    let other = home
        .services
        .read_access_log(by(&two.guardian, log))
        .await
        .unwrap_err();
    assert_eq!(other.message(), theirs.message());
    assert!(
        home.services
            .list_members(by(&one.coordinator, proto::ListMembersRequest {}))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn wrong_absent_and_disabled_credentials_get_one_answer() {
    let home = Home::with(&["One"], "2026-04-02").await;
    let ask = |request: Request<proto::ListMembersRequest>| home.services.list_members(request);
    let absent = ask(Request::new(proto::ListMembersRequest {}))
        .await
        .unwrap_err();
    let mut garbled = Request::new(proto::ListMembersRequest {});
    garbled
        .metadata_mut()
        .insert("authorization", "Bearer krog-king-xyz".parse().unwrap());
    let garbled = ask(garbled).await.unwrap_err();
    let text = home.coordinator().reveal();
    let swapped = if text.ends_with('a') {
        format!("{}q", &text[..text.len() - 1])
    } else {
        text.replace('a', "b")
    };
    let mut wrong = Request::new(proto::ListMembersRequest {});
    wrong.metadata_mut().insert(
        "authorization",
        format!("Bearer {swapped}").parse().unwrap(),
    );
    let wrong = ask(wrong).await.unwrap_err();
    assert!(
        home.centre(0)
            .disable_credential(home.guardian())
            .await
            .unwrap()
    );
    let disabled = home
        .services
        .show(by(home.guardian(), proto::ShowRequest::default()))
        .await
        .unwrap_err();
    for refused in [&absent, &garbled, &wrong, &disabled] {
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::Unauthenticated, absent.message())
        );
    }
}

#[tokio::test]
async fn every_reading_of_a_record_leaves_one_line_and_none_can_be_taken_out() {
    let home = Home::with(&["One"], "2026-04-02").await;
    let added = home
        .services
        .add_member(by(home.coordinator(), member("Ana", "")))
        .await
        .unwrap()
        .into_inner();
    home.members().await;
    home.members().await;
    let log = || {
        let request = proto::ReadAccessLogRequest {
            member: added.member.clone(),
        };
        home.services.read_access_log(by(home.guardian(), request))
    };
    let lines = log().await.unwrap().into_inner().lines;
    assert_eq!(lines.len(), 2);
    assert!(
        lines
            .iter()
            .all(|line| line.role == "coordinator" && line.day == "2026-04-02")
    );
    let lines = log().await.unwrap().into_inner().lines;
    assert_eq!(
        (lines.len(), lines[2].role.as_str()),
        (3, "guardian"),
        "reading the log is a reading"
    );
    for change in [
        "DELETE FROM access_log",
        "UPDATE access_log SET member = zeroblob(16)",
    ] {
        assert!(raw(&home.at("centre.db"), change).await.is_err());
    }
}

#[tokio::test]
async fn every_change_of_a_record_leaves_a_line_that_names_the_credential() {
    let home = Home::with(&["One"], "2026-04-02").await;
    let added = home
        .services
        .add_member(by(home.coordinator(), member("Ana", "")))
        .await
        .unwrap()
        .into_inner();
    home.consent(&added.member, proto::Purpose::Sharing, true)
        .await;
    let group = proto::FoundGroupRequest {
        name: "Group".to_owned(),
        facilitation: "peer".to_owned(),
        template: String::new(),
        measures: vec!["bdi-ii".to_owned()],
    };
    let founded = home.services.found_group(by(home.coordinator(), group));
    let group = founded.await.unwrap().into_inner().group;
    let join = proto::SetMembershipRequest {
        group,
        member: added.member.clone(),
        day: String::new(),
        joined: true,
    };
    home.services
        .set_membership(by(home.coordinator(), join))
        .await
        .unwrap();
    let filled = proto::RecordCheckInRequest {
        member: added.member.clone(),
        instrument: "bdi-ii".to_owned(),
        day: String::new(),
        answers: Vec::new(),
        total: Some(20.0),
    };
    let another = home
        .centre(0)
        .add_credential(krog_centre::Role::Coordinator)
        .await
        .unwrap();
    home.services
        .record_check_in(by(&another, filled))
        .await
        .unwrap();
    home.import(
        "centre,group,facilitation,member,joined,measure,date,score\n\
         one,Table,peer,ana,2026-02-11,bdi-ii,2026-02-11,20\n",
    )
    .await;
    let request = proto::ReadAccessLogRequest {
        member: added.member.clone(),
    };
    let lines = home
        .services
        .read_access_log(by(home.guardian(), request))
        .await
        .unwrap()
        .into_inner()
        .lines;
    let said: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| line.action.split_once(", with credential ").unwrap())
        .collect();
    let actions: Vec<&str> = said.iter().map(|(action, _)| *action).collect();
    assert_eq!(
        actions,
        [
            "changed a consent",
            "changed a membership",
            "recorded a check-in",
            "imported a table"
        ]
    );
    assert!(said[0].1 == said[1].1 && said[0].1 == said[3].1 && said[0].1.len() == 32);
    assert_ne!(said[0].1, said[2].1, "another person's credential");
}

#[tokio::test]
async fn who_was_at_a_meeting_is_read_from_no_file() {
    let mut home = Home::with(&["One"], "2026-04-02").await;
    let request = by(home.coordinator(), member("Ana", ""));
    let added = home.services.add_member(request).await.unwrap();
    let id = added.into_inner().member;
    let group = proto::FoundGroupRequest {
        name: "Group".to_owned(),
        facilitation: "peer".to_owned(),
        template: String::new(),
        measures: vec!["bdi-ii".to_owned()],
    };
    let founded = home.services.found_group(by(home.coordinator(), group));
    let bytes = data_encoding::HEXLOWER.decode(id.as_bytes()).unwrap();
    let times = |home: &Home| -> usize {
        let files = read_all(&home.centres[0].folder);
        let ofs = files
            .iter()
            .filter(|(name, _)| name.starts_with("centre.db"));
        ofs.map(|(_, file)| file.windows(16).filter(|part| *part == bytes).count())
            .sum()
    };
    let meeting = proto::RecordMeetingRequest {
        group: founded.await.unwrap().into_inner().group,
        day: String::new(),
        present: vec![id],
        guests: 0,
    };
    home.close().await;
    let before = times(&home);
    home.open_again().await;
    assert!(before > 0, "the search finds what is there");
    home.services
        .record_meeting(by(home.coordinator(), meeting))
        .await
        .unwrap();
    home.close().await;
    assert_eq!(times(&home), before);
}

#[tokio::test]
async fn a_reading_that_cannot_be_written_down_does_not_happen() {
    let home = Home::with(&["One"], "2026-04-02").await;
    home.services
        .add_member(by(home.coordinator(), member("Ana", "")))
        .await
        .unwrap();
    let block = "CREATE TRIGGER full BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    raw(&home.at("centre.db"), block).await.unwrap();
    let refused = home
        .services
        .list_members(by(home.coordinator(), proto::ListMembersRequest {}))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(!refused.message().contains("disk full"));
}

async fn raw(path: &Path, statement: &'static str) -> Result<(), sqlx::Error> {
    use sqlx::Connection;
    let mut connection =
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await?;
    sqlx::query(statement).execute(&mut connection).await?;
    connection.close().await
}

#[tokio::test]
async fn one_process_at_a_time_and_no_centre_over_another() {
    let home = Home::with(&["One"], "2026-04-02").await;
    let folder = home.centres[0].folder.clone();
    let second = Centre::open(&folder, &home.surroundings).await;
    assert!(matches!(second, Err(CentreError::InUse { .. })));
    let elsewhere = home.folder.path().join("nothing");
    assert!(matches!(
        Centre::open(&elsewhere, &home.surroundings).await,
        Err(CentreError::Missing { .. })
    ));
}

/// What must not be found: names, contacts, codes, a group's name, days and scores as text and as the numbers they are.
const CANARIES: [&str; 12] = [
    "Zlatorog Kanarček",
    "zlatorog@example.org",
    "KANARIE-0017",
    "Skupina Kanarček",
    "Attested by canary forms of 2026",
    "2026-02-11",
    "11.02.2026",
    "20495",
    "47.25",
    "Kanarček",
    "worthless",
    "k6.canary",
];

#[tokio::test]
async fn nothing_personal_is_found_in_files_debug_output_or_errors() {
    let mut home = Home::with(&["One"], "2026-04-02").await;
    let added = home
        .services
        .add_member(by(
            home.coordinator(),
            member("Zlatorog Kanarček", "zlatorog@example.org"),
        ))
        .await
        .unwrap()
        .into_inner();
    let group = proto::FoundGroupRequest {
        name: "Skupina Kanarček".to_owned(),
        facilitation: "peer".to_owned(),
        template: String::new(),
        measures: vec!["bdi-ii".to_owned()],
    };
    let group = home
        .services
        .found_group(by(home.coordinator(), group))
        .await
        .unwrap()
        .into_inner()
        .group;
    let meeting = proto::RecordMeetingRequest {
        group,
        day: "2026-02-11".to_owned(),
        present: vec![added.member.clone()],
        guests: 0,
    };
    home.services
        .record_meeting(by(home.coordinator(), meeting))
        .await
        .unwrap();
    let filled = proto::RecordCheckInRequest {
        member: added.member.clone(),
        instrument: "k6".to_owned(),
        day: "2026-02-11".to_owned(),
        answers: [
            "nervous",
            "hopeless",
            "restless",
            "depressed",
            "effort",
            "worthless",
        ]
        .map(|item| proto::Answer {
            item: item.to_owned(),
            value: Some(3),
        })
        .to_vec(),
        total: None,
    };
    home.services
        .record_check_in(by(home.coordinator(), filled))
        .await
        .unwrap();
    home.import(
        "centre,group,facilitation,member,joined,measure,date,score\n\
         one,Skupina Kanarček,peer,KANARIE-0017,2026-02-11,bdi-ii,2026-02-11,47.25\n",
    )
    .await;
    let attest = proto::AttestRequest {
        basis: "Attested by canary forms of 2026".to_owned(),
    };
    home.services
        .attest(by(home.coordinator(), attest))
        .await
        .unwrap();
    home.members().await;
    home.tick().await.unwrap();
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();

    let mut said = format!("{:?} {:?} {:?}", home.centre(0), home.services, home.office);
    for bad in ["KANARIE-0017", "2026-02-11"] {
        let csv = format!(
            "centre,group,facilitation,member,joined,measure,date,score\none,{bad},{bad},{bad},{bad},{bad},{bad},{bad}\n"
        );
        said.push_str(&format!(
            "{:?}",
            home.import(&csv)
                .await
                .refused
                .iter()
                .map(|line| &line.why)
                .collect::<Vec<_>>()
        ));
        let refused = home
            .import_as(&format!("{bad},score\n1,2\n"), false, false)
            .await
            .unwrap_err();
        said.push_str(&format!("{refused:?} {refused}"));
    }
    said.push_str(&format!("{added:?}"));

    // While open, with the log as it is, and once more after it is closed.
    let mut files = read_all(home.folder.path());
    let staff = home.centres[0].folder.clone();
    home.shut().await;
    let centre = Centre::open(&staff, &home.clock.surroundings(55))
        .await
        .unwrap();
    said.push_str(&format!("{centre:?}"));
    centre.close().await;
    files.extend(read_all(home.folder.path()));
    let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert!(
        ["centre.db", "centre.db-wal", "keys.db", "office.db"]
            .iter()
            .all(|name| names.contains(name)),
        "{names:?}"
    );
    for canary in CANARIES {
        assert!(!said.contains(canary), "{canary} was said");
        for (name, bytes) in &files {
            assert!(!contains(bytes, canary.as_bytes()), "{canary} is in {name}");
        }
    }
    // As numbers: the day in SQLite's big-endian form, the score as a double either way round, beside nothing else.
    let number = 47.25_f64;
    for (name, bytes) in &files {
        assert!(
            !contains(bytes, &number.to_be_bytes()) && !contains(bytes, &number.to_le_bytes()),
            "{name}"
        );
    }
    // The search itself finds what is there.
    assert!(
        files
            .iter()
            .any(|(name, bytes)| name == "centre.db" && contains(bytes, b"coordinator"))
    );
}

fn read_all(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(read_all(&path));
        } else {
            files.push((
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            ));
        }
    }
    files
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
