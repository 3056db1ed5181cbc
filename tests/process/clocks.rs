//! A clock that is years off.

use krog_proto::centre::v1 as pb;

use crate::house::{House, said, until};
use crate::world::{DECIDED, World, assert_sound, until_it_may_sign};

const CENTRE: &str = "hearth";

async fn who(house: &House) -> pb::WhoAmIResponse {
    let person = house.person(CENTRE, "coordinator").await;
    until_it_may_sign(&person).await;
    person.who_am_i(pb::WhoAmIRequest {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_years_off_is_warned_about_and_loses_and_forks_nothing() {
    let world = World::founded().await;
    let house = world.member("ours", &["Hearth"]);
    let serving = house.run(DECIDED).await;
    who(&house).await;
    let member = house
        .person(CENTRE, "coordinator")
        .await
        .add_member(pb::AddMemberRequest {
            label: "somebody".to_owned(),
            ..Default::default()
        })
        .await
        .unwrap()
        .member;
    serving.stop().await;

    for (place, wrong) in ["1999-01-01", "2099-12-31", "1960-06-01"]
        .into_iter()
        .enumerate()
    {
        // Something new is signed under every clock.
        house.edit("name = \"ours", &format!("name = \"ours {place}"));
        let serving = house.run(wrong).await;
        assert_eq!(who(&house).await.today, wrong);
        until("it warns", async || {
            serving.log().contains("clock is far from").then_some(())
        })
        .await;
        serving.stop().await;
    }

    let serving = house.run(DECIDED).await;
    who(&house).await;
    let members = house
        .person(CENTRE, "coordinator")
        .await
        .list_members(pb::ListMembersRequest {})
        .await
        .unwrap()
        .members;
    assert_eq!(
        members
            .iter()
            .map(|found| &found.member)
            .collect::<Vec<_>>(),
        [&member]
    );
    until("the relay has the newest name", async || {
        let mirror = world.mirror(&house).await;
        assert_sound(&mirror);
        let named = mirror
            .view()
            .names()
            .any(|(_, name)| name.as_str() == "ours 2 1 0");
        named.then_some(())
    })
    .await;
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_outside_the_calendar_is_refused_and_nothing_is_touched() {
    let world = World::founded().await;
    let house = world.member("ours", &["Hearth"]);
    let before = house.files();
    for day in ["1899-12-31", "10000-01-01", "0000-00-00", "2026-02-30"] {
        said(house.krogd("run").args(["--today", day])).refused(&["day"]);
    }
    assert!(house.files() == before);
}
