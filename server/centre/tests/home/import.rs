//! Importing tables.

use crate::common::trial::{early_table, table};
use crate::common::{Home, by};
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::sharing_server::Sharing;

const HEADER: &str = "centre,group,facilitation,member,joined,sharing,measure,date,score";

async fn home() -> Home {
    Home::with(&["centre-long-nodrug"], "2026-10-02").await
}

fn lines(lines: &[&str]) -> String {
    let mut text = format!("{HEADER}\n");
    for line in lines {
        text.push_str(&format!("Centre-Long-Nodrug,{line}\n"));
    }
    text
}

#[tokio::test]
async fn importing_the_same_table_again_changes_nothing() {
    let home = home().await;
    let first = home.import(&table(true)).await;
    assert_eq!(
        (first.new_members, first.new_groups, first.refused.len()),
        (32, 2, 0)
    );
    assert!(!first.nothing_written && !first.needs_attestation);
    let (members, groups) = (home.members().await.len(), home.groups().await);
    let again = home.import(&table(true)).await;
    assert_eq!((again.taken, again.unchanged), (0, first.taken));
    assert_eq!((again.new_members, again.new_groups), (0, 0));
    assert_eq!(home.members().await.len(), members);
    assert!(home.groups().await == groups);
    assert!(
        groups
            .iter()
            .all(|group| group.sharing == "yes" && group.measures == ["bdi-ii"])
    );
}

#[tokio::test]
async fn a_rehearsed_import_says_what_it_would_take_and_takes_nothing() {
    let home = home().await;
    let said = home.import_as(&table(true), false, true).await.unwrap();
    assert!(said.nothing_written && said.taken > 0 && said.new_members == 32);
    assert!(home.members().await.is_empty() && home.groups().await.is_empty());
}

#[tokio::test]
async fn a_strict_import_takes_nothing_when_one_line_is_refused_and_a_lenient_one_takes_the_rest() {
    let home = home().await;
    let table = lines(&[
        "g,peer,Zora Kovač,2026-01-12,yes,bdi-ii,2026-01-12,20",
        "g,peer,Zora Kovač,2026-01-12,yes,bdi-ii,2026-03-12,64",
    ]);
    let strict = home.import_as(&table, true, false).await.unwrap();
    assert!(strict.nothing_written);
    assert_eq!(
        (strict.taken, strict.new_members, strict.refused[0].line),
        (0, 0, 3)
    );
    assert!(!strict.refused[0].why.contains("64") && !strict.refused[0].why.contains("Zora"));
    assert!(home.members().await.is_empty());
    let lenient = home.import(&table).await;
    assert_eq!((lenient.taken, lenient.refused.len()), (1, 1));
}

#[tokio::test]
async fn lines_that_contradict_each_other_or_what_is_known_are_refused() {
    let home = home().await;
    let imported = home
        .import(&lines(&[
            "g,peer,A,2026-01-12,yes,bdi-ii,2026-01-12,20",
            "g,professional,B,2026-01-12,yes,bdi-ii,2026-01-12,20",
            "g,peer,A,2026-01-13,yes,bdi-ii,2026-02-12,20",
            "g,peer,A,2026-01-12,yes,bdi-ii,2026-01-12,21",
            "g,peer,A,2026-01-12,yes,bdi-ii,2026-01-12,20",
            "g,peer,C,2026-01-12,yes,bdi-ii,2026-01-12,20",
            "g,peer,C,2026-01-12,no,bdi-ii,2026-02-12,20",
            "g,peer,D,2026-01-12,,nothing,2026-02-12,20",
        ]))
        .await;
    let refused: Vec<u32> = imported.refused.iter().map(|line| line.line).collect();
    assert_eq!(refused, [3, 4, 5, 7, 8, 9]);
    assert_eq!(
        (imported.taken, imported.unchanged, imported.new_members),
        (1, 1, 1)
    );
    let later = home
        .import(&lines(&["g,peer,A,2026-01-12,yes,bdi-ii,2026-01-12,22"]))
        .await;
    assert_eq!(later.refused.len(), 1, "a stored score is not overwritten");
}

#[tokio::test]
async fn without_a_sharing_column_nothing_is_shareable_until_the_basis_is_attested() {
    let home = Home::with(&["centre-long-nodrug"], "2026-04-02").await;
    let early: String = early_table().replace(",sharing", "").replace(",yes,", ",");
    let imported = home.import(&early).await;
    assert!(imported.needs_attestation && imported.taken > 0);
    let before = home.preview().await;
    assert!(before.cells.iter().all(|cell| cell.would_be != "value"));
    assert_eq!(
        before.without_consent, 35,
        "32 persons, rounded up to a multiple of five"
    );
    let attest = |basis: &str| {
        let request = proto::AttestRequest {
            basis: basis.to_owned(),
        };
        home.services.attest(by(home.coordinator(), request))
    };
    assert!(attest("yes").await.is_err());
    let attested = attest("Signed forms of January 2026, in the binder of the centre")
        .await
        .unwrap();
    assert_eq!(attested.into_inner().members, 32);
    let after = home.preview().await;
    assert_eq!(
        after
            .cells
            .iter()
            .filter(|cell| cell.would_be == "value")
            .count(),
        2
    );
    assert_eq!(
        attest("Signed forms of January 2026")
            .await
            .unwrap()
            .into_inner()
            .members,
        0
    );
}

#[tokio::test]
async fn an_old_table_does_not_undo_what_a_member_decided_since() {
    let home = home().await;
    let yes = lines(&["g,peer,A,2026-01-12,yes,bdi-ii,2026-01-12,20"]);
    home.import(&yes).await;
    let sharing = i32::from(proto::Purpose::Sharing);
    assert_eq!(home.member_called("A").await.consents, [sharing]);
    let id = home.member_called("A").await.member;
    home.consent(&id, proto::Purpose::Sharing, false).await;
    home.import(&yes).await;
    assert!(
        home.member_called("A").await.consents.is_empty(),
        "the same table says nothing new"
    );
    let no = lines(&["g,peer,B,2026-01-12,no,bdi-ii,2026-01-12,20"]);
    home.import(&no).await;
    let id = home.member_called("B").await.member;
    home.consent(&id, proto::Purpose::Sharing, true).await;
    assert_eq!(home.member_called("B").await.consents, [sharing]);
    home.import(&no.replace(",no,", ",yes,")).await;
    assert_eq!(home.member_called("B").await.consents, [sharing]);
    home.import(&no).await;
    assert!(
        home.member_called("B").await.consents.is_empty(),
        "a no is heard from anywhere"
    );
}

#[tokio::test]
async fn no_table_undoes_a_members_own_no_whatever_tables_said_in_between() {
    let mut home = home().await;
    let yes = lines(&["g,peer,A,2026-01-12,yes,bdi-ii,2026-01-12,20"]);
    home.import(&yes).await;
    let id = home.member_called("A").await.member;
    home.consent(&id, proto::Purpose::Sharing, false).await;
    home.import(&yes.replace(",yes,", ",no,")).await;
    let refused = home.import(&yes).await.refused;
    assert_eq!(refused.len(), 1);
    assert!(
        refused[0].why.contains("krog members consent"),
        "{}",
        refused[0].why
    );
    assert!(home.member_called("A").await.consents.is_empty());
    home.restart().await;
    assert!(home.member_called("A").await.consents.is_empty());
    let withdrawn = rows(&home, "SELECT count(*) FROM withdrawals").await;
    assert_eq!(withdrawn, 1, "the keys still remember it");
    home.consent(&id, proto::Purpose::Sharing, true).await;
    assert_eq!(home.member_called("A").await.consents.len(), 1);
    assert!(home.import(&yes).await.refused.is_empty());
}

async fn rows(home: &Home, statement: &'static str) -> i64 {
    use sqlx::Connection;
    let url = format!("sqlite://{}", home.at("keys.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query_scalar(statement)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_older_file_does_not_turn_an_imported_no_back_into_yes() {
    let home = home().await;
    let older = lines(&["g,peer,A,2026-01-12,yes,bdi-ii,2026-01-12,20"]);
    home.import(&older).await;
    home.import(&older.replace(",yes,", ",no,")).await;
    assert!(home.member_called("A").await.consents.is_empty());
    let again = home.import(&older).await;
    assert_eq!((again.unchanged, again.refused.len()), (0, 1));
    assert!(home.member_called("A").await.consents.is_empty());
    let newer = older.replace("2026-01-12,20", "2026-03-12,18");
    assert_eq!(home.import(&newer).await.refused.len(), 1);
    let silent = newer.replace(",yes,", ",,");
    assert_eq!(
        home.import(&silent).await.taken,
        1,
        "a score that asks for no sharing is taken"
    );
    assert!(home.member_called("A").await.consents.is_empty());
}

#[tokio::test]
async fn nothing_is_imported_of_who_takes_part_or_answers_no_more() {
    let home = home().await;
    let first = lines(&[
        "g,peer,A,2026-01-12,yes,bdi-ii,2026-01-12,20",
        "g,peer,B,2026-01-12,yes,bdi-ii,2026-01-12,20",
        "g,peer,C,2026-01-12,yes,bdi-ii,2026-01-12,20",
    ]);
    home.import(&first).await;
    for (label, purpose) in [
        ("A", proto::Purpose::Measurement),
        ("B", proto::Purpose::Participation),
    ] {
        let id = home.member_called(label).await.member;
        home.consent(&id, purpose, false).await;
    }
    let second = home
        .import(&first.replace("2026-01-12,20", "2026-03-12,18"))
        .await;
    let refused: Vec<u32> = second.refused.iter().map(|line| line.line).collect();
    assert_eq!((second.taken, refused), (1, vec![2, 3]));
    assert!(second.refused[0].why.contains("took back"));
}

#[tokio::test]
async fn one_person_is_one_member_however_label_and_code_are_written() {
    use krog_proto::centre::v1::people_server::People;
    let home = home().await;
    let imported = home
        .import(&lines(&[
            "g,peer,Ana  Novak,2026-01-12,yes,bdi-ii,2026-01-12,20",
            "g,peer,ANA Novak,2026-01-12,yes,bdi-ii,2026-03-12,18",
        ]))
        .await;
    assert_eq!((imported.taken, imported.new_members), (2, 1));
    let add = |label: &str| {
        let request = proto::AddMemberRequest {
            label: label.to_owned(),
            ..Default::default()
        };
        home.services.add_member(by(home.coordinator(), request))
    };
    let refused = add(" ana novak ").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::AlreadyExists);
    assert!(!refused.message().to_lowercase().contains("ana"));
    add("Berta").await.unwrap();
    let imported = home
        .import(&lines(&[
            "g,peer,BERTA,2026-01-12,yes,bdi-ii,2026-01-12,20",
        ]))
        .await;
    assert_eq!((imported.taken, imported.new_members), (1, 0));
    assert_eq!(home.members().await.len(), 2);
}

#[tokio::test]
async fn a_guardian_cannot_import_and_the_answer_is_that_of_absence() {
    use krog_proto::centre::v1::check_ins_server::CheckIns;
    let home = home().await;
    let refused = home
        .services
        .import_outcomes(by(home.guardian(), proto::ImportOutcomesRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
}
