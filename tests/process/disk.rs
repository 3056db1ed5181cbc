//! A disk on which nothing more fits. Root may write anywhere, so the disk is played by a limit on the size of a file.

use std::collections::BTreeSet;
use std::process::Command;

use krog_client::centre::CentreClient;
use krog_measures::Day;
use krog_proto::centre::v1 as pb;

use crate::house::{House, Serving, said, until};
use crate::trial;
use crate::world::{DECIDED, World, assert_sound, until_it_may_sign};

const CENTRE: &str = "centre-long-nodrug";
/// A little more than an empty centre takes.
const LIMIT_KIB: usize = 448;

const FEW: usize = 12;
const LINES: usize = 6000;

/// `krogd run` that cannot make any file larger than the limit.
async fn run_within_the_limit(house: &House) -> Serving {
    let mut shell = Command::new("sh");
    // The unit is 512 bytes in every shell.
    shell.arg("-c").arg(format!(
        "ulimit -S -f {} && exec \"$0\" \"$@\"",
        LIMIT_KIB * 2
    ));
    shell
        .arg(env!("CARGO_BIN_EXE_krogd"))
        .arg("run")
        .arg("--node")
        .arg(house.root());
    shell.args(["--today", DECIDED]);
    house.start(&mut shell).await
}

/// Lets a running process write only so far into any file.
fn limit(serving: &Serving, bytes: &str) {
    let pid = serving.id().to_string();
    let limited = Command::new("prlimit")
        .args([&format!("--fsize={bytes}:unlimited"), "--pid", &pid])
        .status();
    assert!(limited.unwrap().success());
}

async fn labels(person: &CentreClient) -> BTreeSet<String> {
    let members = person
        .list_members(pb::ListMembersRequest {})
        .await
        .unwrap()
        .members;
    members.into_iter().map(|member| member.label).collect()
}

/// The scores of a few members over many days: much for the centre's file, little for that of the keys.
fn table(lines: usize) -> Vec<u8> {
    let first: Day = "2010-01-01".parse().unwrap();
    let mut csv = "centre,group,facilitation,member,joined,sharing,measure,date,score\n".to_owned();
    for line in 0..lines {
        let (member, day) = (line % FEW, first.plus(i32::try_from(line / FEW).unwrap()));
        csv.push_str(&format!(
            "{CENTRE},g,peer,M{member},2010-01-01,yes,bdi-ii,{day},7\n"
        ));
    }
    csv.into_bytes()
}

async fn import(
    person: &CentreClient,
    csv: Vec<u8>,
) -> Result<pb::ImportOutcomesResponse, krog_client::call::CallError> {
    person
        .import_outcomes(pb::ImportOutcomesRequest {
            csv,
            strict: false,
            dry_run: false,
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_whole_and_goes_in_once_there_is_room() {
    let world = World::founded().await;
    let house = world.member("ours", &[CENTRE]);
    let mut serving = run_within_the_limit(&house).await;
    let coordinator = house.person(CENTRE, "coordinator").await;
    until_it_may_sign(&coordinator).await;

    let refused = import(&coordinator, table(LINES))
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("nothing was changed"), "{refused}");
    until("the log says what to look at", async || {
        let log = serving.log();
        log.contains("disk is neither full nor read-only")
            .then_some(())
    })
    .await;
    assert_eq!(
        labels(&coordinator).await,
        BTreeSet::new(),
        "nothing is half there"
    );

    let mut acknowledged = BTreeSet::new();
    let refused = loop {
        let label = format!("member {} {}", acknowledged.len(), "x".repeat(150));
        let request = pb::AddMemberRequest {
            label: label.clone(),
            ..Default::default()
        };
        match coordinator.add_member(request).await {
            Ok(_) => assert!(acknowledged.insert(label)),
            Err(refused) => break refused.to_string(),
        }
        assert!(acknowledged.len() < 5000, "the disk is full some time");
    };
    assert!(refused.contains("nothing was changed"), "{refused}");
    assert!(
        !acknowledged.is_empty(),
        "what fits is taken, also after something did not"
    );
    // Reading leaves a line in the access log, for which there may be room or not.
    if let Ok(listed) = coordinator.list_members(pb::ListMembersRequest {}).await {
        assert_eq!(listed.members.len(), acknowledged.len());
    }
    assert_eq!(serving.ended(), None, "a full disk does not end the node");

    limit(&serving, "unlimited");
    assert_eq!(
        labels(&coordinator).await,
        acknowledged,
        "it goes on by itself as soon as there is room"
    );
    let again = import(&coordinator, table(LINES)).await.unwrap();
    assert_eq!(again.taken, u32::try_from(LINES).unwrap());
    assert_eq!(again.new_members, u32::try_from(FEW).unwrap());
    serving.stop().await;

    let serving = house.run(DECIDED).await;
    let coordinator = house.person(CENTRE, "coordinator").await;
    let members = labels(&coordinator).await;
    assert!(acknowledged.is_subset(&members));
    assert_eq!(members.len(), acknowledged.len() + FEW);
    let trial = import(&coordinator, trial::csv().into_bytes()).await;
    assert_eq!(trial.unwrap().new_members, 32);
    until_it_may_sign(&coordinator).await;
    assert_sound(&world.mirror(&house).await);
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_leaves_no_room_for_the_approval_is_no_half_approval() {
    let world = World::founded().await;
    let house = world.member("ours", &[CENTRE]);
    let serving = house.run(DECIDED).await;
    let coordinator = house.person(CENTRE, "coordinator").await;
    import(&coordinator, table(LINES)).await.unwrap();
    until_it_may_sign(&coordinator).await;
    coordinator
        .approve(pb::ApproveRequest::default())
        .await
        .unwrap();
    serving.stop().await;

    let mut serving = run_within_the_limit(&house).await;
    let guardian = house.person(CENTRE, "guardian").await;
    until_it_may_sign(&guardian).await;
    let approved = guardian.approve(pb::ApproveRequest::default()).await;
    let preview = guardian
        .preview(pb::PreviewRequest::default())
        .await
        .unwrap();
    match approved {
        Ok(_) => assert_eq!(preview.state, "frozen"),
        Err(refused) => {
            assert!(
                refused.to_string().contains("nothing was changed"),
                "{refused}"
            );
            assert_eq!(preview.state, "approved-once");
            assert_eq!(preview.approved_by, ["coordinator"]);
        }
    }
    assert_eq!(serving.ended(), None);
    serving.terminate();
    serving.end().await;

    let serving = house.run(DECIDED).await;
    let guardian = house.person(CENTRE, "guardian").await;
    if preview.state != "frozen" {
        until_it_may_sign(&guardian).await;
        assert_eq!(
            guardian
                .approve(pb::ApproveRequest::default())
                .await
                .unwrap()
                .state,
            "frozen"
        );
    }
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_whose_disk_was_full_for_a_moment_keeps_what_it_acknowledges_afterwards() {
    let mut world = World::founded().await;
    let houses = ["a", "b", "c", "d"].map(|name| world.newcomer(name, &[]));
    let [first, second, third, fourth] = &houses;
    let (one, other) = (world.token(1), world.token(1));

    limit(&world.relaying, "4096");
    said(first.krogd("join").arg(&one)).refused(&["cannot store anything now"]);
    limit(&world.relaying, "unlimited");
    said(first.krogd("join").arg(&one)).fine();
    // Something is begun and not done, which is no fault of the disk.
    said(second.krogd("join").arg(&one)).refused(&["used up"]);
    said(third.krogd("join").arg(&other)).fine();

    world.restart_relay().await;
    said(fourth.krogd("join").arg(&other)).refused(&["used up"]);
    for house in [first, third] {
        house.run(DECIDED).await.stop().await;
    }
}
