//! The two sides of a node as two processes.

use std::fs;
use std::path::PathBuf;

use krog_client::centre::CentreClient;
use krog_client::socket::connect_unix;
use krog_proto::centre::v1 as pb;
use krog_proto::federation::v1 as told;
use prost::Message;

use crate::house::{House, Serving, said, until};
use crate::trial;
use crate::world::{DECIDED, DUE, World, assert_sound, until_it_may_sign};

const CENTRE: &str = "centre-long-nodrug";

async fn run_exchange(house: &House, today: &str) -> Serving {
    house
        .start(
            house
                .krogd("run")
                .args(["--only", "exchange", "--today", today]),
        )
        .await
}

async fn run_centre(house: &House, today: &str) -> Serving {
    let mut serving = Serving::start(
        house
            .krogd("run")
            .args(["--only", "centre", "--today", today]),
    );
    until("the centre is ready", async || {
        assert_eq!(serving.ended(), None, "it ended: {}", serving.log());
        connect_unix(house.folder().centre_socket()).await.ok()
    })
    .await;
    serving
}

/// Files a process has open or mapped.
fn touched(serving: &Serving) -> Vec<PathBuf> {
    let process = PathBuf::from(format!("/proc/{}", serving.id()));
    let open = fs::read_dir(process.join("fd")).unwrap();
    let mut files: Vec<PathBuf> = open
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .collect();
    let maps = fs::read_to_string(process.join("maps")).unwrap();
    files.extend(
        maps.lines()
            .filter_map(|line| Some(line[line.find('/')?..].into())),
    );
    files
}

fn assert_only_its_own(exchange: &Serving, house: &House) {
    let below: Vec<PathBuf> = touched(exchange)
        .into_iter()
        .filter(|file| file.starts_with(house.root()))
        .collect();
    assert!(!below.is_empty(), "it has its database open");
    for file in below {
        let own = [house.root().join("exchange"), house.root().join("run")];
        assert!(
            own.iter().any(|part| file.starts_with(part)),
            "the exchange has {} open",
            file.display()
        );
    }
}

async fn asks_for_a_template_nobody_has(person: &CentreClient) -> String {
    let request = pb::FoundGroupRequest {
        name: "a group".to_owned(),
        template: "ab".repeat(32),
        ..Default::default()
    };
    person.found_group(request).await.unwrap_err().to_string()
}

async fn add_somebody(person: &CentreClient) {
    let somebody = pb::AddMemberRequest {
        label: "somebody".to_owned(),
        ..Default::default()
    };
    person.add_member(somebody).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_sides_work_as_two_processes_and_the_exchange_touches_nothing_of_the_home() {
    let world = World::founded().await;
    let house = world.member("ours", &[CENTRE]);
    said(
        house
            .krogd("run")
            .args(["--only", "centre", "--today", DECIDED]),
    )
    .refused(&["krogd run --only exchange"]);

    let home = ["office", "centres", "credentials"];
    for part in home {
        fs::rename(house.root().join(part), world.scratch.path().join(part)).unwrap();
    }
    let mut exchange = run_exchange(&house, DECIDED).await;
    house
        .library()
        .await
        .describe(told::DescribeRequest {})
        .await
        .unwrap();
    for part in home {
        fs::rename(world.scratch.path().join(part), house.root().join(part)).unwrap();
    }

    let centre = run_centre(&house, DECIDED).await;
    let coordinator = house.person(CENTRE, "coordinator").await;
    let guardian = house.person(CENTRE, "guardian").await;
    until_it_may_sign(&coordinator).await;
    assert_only_its_own(&exchange, &house);
    let csv = trial::csv().into_bytes();
    coordinator
        .import_outcomes(pb::ImportOutcomesRequest {
            csv,
            strict: false,
            dry_run: false,
        })
        .await
        .unwrap();
    for person in [&coordinator, &guardian] {
        person.approve(pb::ApproveRequest::default()).await.unwrap();
    }
    assert_only_its_own(&exchange, &house);

    let with_exchange = asks_for_a_template_nobody_has(&coordinator).await;
    exchange.kill();
    add_somebody(&coordinator).await;
    let without = asks_for_a_template_nobody_has(&coordinator).await;
    assert_ne!(with_exchange, without, "what needs the exchange says so");
    let exchange = run_exchange(&house, DECIDED).await;
    until("the centre finds the new exchange", async || {
        (asks_for_a_template_nobody_has(&coordinator).await == with_exchange).then_some(())
    })
    .await;
    centre.stop().await;
    exchange.stop().await;

    let exchange = run_exchange(&house, DUE).await;
    let centre = run_centre(&house, DUE).await;
    let coordinator = house.person(CENTRE, "coordinator").await;
    let me = coordinator.who_am_i(pb::WhoAmIRequest {}).await.unwrap();
    let comparison = until("the release is compared", async || {
        let request = told::CompareRequest {
            network: data_encoding::HEXLOWER
                .decode(me.network_id.as_bytes())
                .unwrap(),
            measure: "bdi-ii".to_owned(),
            last_quarter: 0,
        };
        let comparison = house
            .library()
            .await
            .compare(request)
            .await
            .unwrap()
            .into_inner()
            .comparison?;
        (comparison.contrast.as_ref()?.peer_centres == 1).then_some(comparison)
    })
    .await;
    assert_only_its_own(&exchange, &house);
    let at_the_relay = until("the release reaches the relay", async || {
        let mirror = world.mirror(&house).await;
        assert_sound(&mirror);
        let own = mirror.compare("bdi-ii", None).ok()?;
        (own.contrast.as_ref()?.peer_centres == 1).then_some(own)
    })
    .await;
    assert_eq!(at_the_relay.encode_to_vec(), comparison.encode_to_vec());
    centre.stop().await;
    exchange.stop().await;
}
