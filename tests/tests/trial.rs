//! The main job from end to end, on a published trial: two organisations with two centres each, and a relay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anyhow::Result;
use krog_client::centre::CentreClient;
use krog_feed::entry::{Header, Kind};
use krog_feed::limits::SALT_BYTES;
use krog_proto::centre::v1 as centre;
use krog_proto::federation::v1 as pb;
use krog_tests::{Network, Wishes, trial};
use prost::Message;

/// 2026-04-05: the windows of the trial have closed, and the quarter has ended.
const DECIDED: i64 = 20_548;

const CENTRES: [(usize, &str); 4] = [
    (1, "centre-long-drug"),
    (1, "centre-long-nodrug"),
    (2, "centre-short-drug"),
    (2, "centre-short-nodrug"),
];

async fn network(exchange_database: Option<String>) -> Result<Network> {
    Network::with(
        [
            "relay:",
            "first:centre-long-drug,centre-long-nodrug",
            "second:centre-short-drug,centre-short-nodrug",
        ],
        Wishes {
            day: Some(DECIDED),
            measures: vec![trial::MEASURE.parse()?],
            exchange_database,
            ..Wishes::default()
        },
    )
    .await
}

async fn import(person: &CentreClient) -> Result<centre::ImportOutcomesResponse> {
    Ok(person
        .import_outcomes(centre::ImportOutcomesRequest {
            csv: trial::csv().into_bytes(),
            strict: false,
            dry_run: false,
        })
        .await?)
}

async fn share_everything(network: &Network) -> Result<()> {
    for (place, name) in CENTRES {
        let coordinator = network.person(place, name, "coordinator").await?;
        let guardian = network.person(place, name, "guardian").await?;
        let imported = import(&coordinator).await?;
        assert!(
            imported.refused.is_empty(),
            "{name}: {} lines refused",
            imported.refused.len()
        );
        assert_eq!(
            import(&coordinator).await?.taken,
            0,
            "importing twice changes nothing"
        );
        let approve = || centre::ApproveRequest {
            quarter: String::new(),
        };
        coordinator.approve(approve()).await?;
        guardian.approve(approve()).await?;
    }
    network.clock.set_day(DECIDED + 15);
    network.settle().await
}

fn releases(mirror: &krog_client::mirror::Mirror) -> Result<Vec<(String, pb::Release)>> {
    let mut releases = Vec::new();
    for (writer, _, name) in mirror.view().centres() {
        for entry in mirror.entries(writer) {
            if Header::parse(&entry.header)?.kind == Kind::Release {
                let payload = entry.payload.as_deref().unwrap_or_default();
                releases.push((
                    name.to_string(),
                    pb::Release::decode(&payload[SALT_BYTES..])?,
                ));
            }
        }
    }
    Ok(releases)
}

async fn the_trial_is_told_as_it_may_be(exchange_database: Option<String>) -> Result<()> {
    let mut network = network(exchange_database).await?;
    share_everything(&network).await?;

    let mirror = network.mirror(2).await?;
    let releases = releases(&mirror)?;
    assert_eq!(releases.len(), 4, "one release per centre");
    for (cell, told) in trial::CELLS.iter().zip(trial::TOLD) {
        let (name, facilitation, _) = cell;
        let release = &releases.iter().find(|(of, _)| of == name).unwrap().1;
        let wanted = if *facilitation == "peer" {
            pb::Facilitation::Peer
        } else {
            pb::Facilitation::Professional
        };
        let cell = release
            .cells
            .iter()
            .find(|cell| {
                cell.measure == "bdi-ii"
                    && cell.facilitation() == wanted
                    && cell.course() == pb::Course::Entry
            })
            .unwrap();
        match (&cell.told, told) {
            (Some(pb::cell::Told::Sums(sums)), Some((persons, baseline, change))) => {
                assert_eq!(sums.persons, persons, "{name} {facilitation}");
                assert_eq!(
                    sums.baseline,
                    Some(pb::sums::Baseline::BaselineSteps(baseline)),
                    "{name} {facilitation}"
                );
                assert_eq!(
                    sums.change,
                    Some(pb::sums::Change::ChangeSteps(change)),
                    "{name} {facilitation}"
                );
            }
            (Some(pb::cell::Told::Withheld(why)), None) => {
                assert_eq!(
                    *why,
                    pb::Withheld::BelowFloor as i32,
                    "{name} {facilitation}"
                );
            }
            (told, expected) => {
                panic!("{name} {facilitation}: told {told:?}, expected {expected:?}")
            }
        }
    }

    let own = mirror.compare("bdi-ii", None)?;
    let contrast = own.contrast.as_ref().unwrap();
    assert_eq!(contrast.refusal(), pb::ContrastRefusal::TooFewCentres);
    assert_eq!(
        (contrast.professional_centres, contrast.peer_centres),
        (3, 2)
    );
    for place in 0..3 {
        let answer = network
            .library(place)
            .await?
            .compare(pb::CompareRequest {
                network: network.id().as_bytes().to_vec(),
                measure: "bdi-ii".to_owned(),
                last_quarter: 0,
            })
            .await?
            .into_inner();
        assert_eq!(
            answer.comparison.unwrap().encode_to_vec(),
            own.encode_to_vec(),
            "node {place} says the same to the last digit as a client that verified everything itself"
        );
    }
    for place in 0..3 {
        network.stop(place).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn five_cells_are_told_three_are_below_the_floor_and_the_contrast_is_refused() -> Result<()> {
    the_trial_is_told_as_it_may_be(None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_with_the_relay_on_postgresql() -> Result<()> {
    // Without a server named, the same runs on SQLite above; `.ci/run` always names one.
    match std::env::var("KROG_TEST_POSTGRES") {
        Ok(server) => the_trial_is_told_as_it_may_be(Some(krog_tests::own_schema(&server))).await,
        Err(_) => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_of_one_centre_cannot_read_another() -> Result<()> {
    let network = network(None).await?;
    let here = network.person(1, "centre-long-drug", "coordinator").await?;
    let there = network
        .person(1, "centre-long-nodrug", "coordinator")
        .await?;
    import(&here).await?;
    assert!(
        !here
            .list_members(centre::ListMembersRequest {})
            .await?
            .members
            .is_empty()
    );
    assert!(
        there
            .list_members(centre::ListMembersRequest {})
            .await?
            .members
            .is_empty()
    );
    let member = here
        .list_members(centre::ListMembersRequest {})
        .await?
        .members[0]
        .member
        .clone();
    let foreign = there
        .read_access_log(centre::ReadAccessLogRequest { member })
        .await
        .unwrap_err();
    let absent = there
        .read_access_log(centre::ReadAccessLogRequest {
            member: "00000000000000000000000000000000".to_owned(),
        })
        .await
        .unwrap_err();
    assert_eq!(
        foreign.to_string(),
        absent.to_string(),
        "another centre's member looks like nobody"
    );
    Ok(())
}
