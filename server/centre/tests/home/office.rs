//! The office: founding, inviting, joining, presenting the node.

use crate::common::house::FakeHouse;
use crate::common::{HandClock, Home, policy, rosters};
use krog_centre::{CentreError, OFFICE_KEY_FILE, Office, SealingError};
use krog_feed::entry::{Header, Kind};
use krog_feed::identity::{DescribedCentre, NodeDescriptor};
use krog_feed::ids::TlsPin;
use krog_feed::invitation::JoinToken;
use std::os::unix::fs::PermissionsExt;

fn kinds(house: &FakeHouse, office: &Office) -> Vec<Kind> {
    let feed = house.feed(office.node().as_bytes());
    feed.iter()
        .map(|entry| Header::parse(&entry.header).unwrap().kind)
        .collect()
}

fn descriptor(home: &Home, name: &str) -> NodeDescriptor {
    NodeDescriptor {
        public_name: name.parse().unwrap(),
        tls_pins: vec![TlsPin::of(b"key")],
        addresses: vec!["relay.example.org:7470".parse().unwrap()],
        centres: vec![DescribedCentre {
            writer: home.centre(0).writer(),
            public_name: home.centre(0).public_name().clone(),
        }],
        protocol: 1,
    }
}

#[tokio::test]
async fn a_founder_says_who_it_is_and_says_nothing_twice() {
    let home = Home::with(&["One"], "2026-04-02").await;
    let client = home.house.client().await;
    home.office
        .publish_descriptor(home.network, &descriptor(&home, "First name"))
        .await
        .unwrap();
    home.office
        .publish_descriptor(home.network, &descriptor(&home, "Second name"))
        .await
        .unwrap();
    home.office.tick(&client).await.unwrap();
    let said = [Kind::Inception, Kind::Roster, Kind::Descriptor];
    assert_eq!(kinds(&home.house, &home.office), said);
    home.office
        .publish_descriptor(home.network, &descriptor(&home, "Second name"))
        .await
        .unwrap();
    home.office
        .publish_template(home.network, b"words")
        .await
        .unwrap();
    home.office
        .publish_template(home.network, b"words")
        .await
        .unwrap();
    home.office.tick(&client).await.unwrap();
    assert_eq!(kinds(&home.house, &home.office)[3..], [Kind::Template]);

    // After a restart it asks first, and then goes on where it stopped.
    let node = home.office.node();
    let folder = home.folder.path().join("office");
    home.office.close().await;
    let office = Office::open(&folder, &home.clock.surroundings(99))
        .await
        .unwrap();
    assert_eq!(office.node(), node);
    assert!(!office.may_sign(home.network));
    office
        .publish_template(home.network, b"more words")
        .await
        .unwrap();
    home.house.0.lock().unwrap().other_nodes = 1;
    assert!(office.tick(&client).await.is_err(), "no peer has answered");
    home.house.0.lock().unwrap().peers_answered = 1;
    assert_eq!(office.tick(&client).await.unwrap().signed, 1);
}

#[tokio::test]
async fn a_newcomer_joins_with_one_token_and_writes_its_admission_after_asking() {
    let home = Home::with(&["One"], "2026-04-02").await;
    let last_day = "2026-04-30".parse().unwrap();
    let address = "relay.example.org:7470".parse().unwrap();
    let token = home
        .office
        .invite(home.network, 2, last_day, address, TlsPin::of(b"key"))
        .await
        .unwrap();
    let token: JoinToken = token.print().parse().unwrap();

    let clock = HandClock::at("2026-04-03");
    let folder = tempfile::tempdir().unwrap();
    let surroundings = clock.surroundings(3);
    let (office, _) = Office::create(folder.path(), &surroundings).await.unwrap();
    let admitting = office.prepare_join(&token);
    assert_eq!(admitting.network, home.network);
    assert_eq!(admitting.request.inception, office.inception().encode());
    let answered = rosters(&home.office, home.network).await;
    assert_eq!(
        office
            .complete_join(&token, answered.clone())
            .await
            .unwrap(),
        home.network
    );
    let house = FakeHouse::alone();
    {
        let mut net = house.0.lock().unwrap();
        (net.rosters, net.other_nodes, net.peers_answered) = (answered, 1, 1);
    }
    let client = house.client().await;
    assert_eq!(office.tick(&client).await.unwrap().delivered, 2);
    assert_eq!(kinds(&house, &office), [Kind::Inception, Kind::Admission]);
    office
        .complete_join(&token, rosters(&home.office, home.network).await)
        .await
        .unwrap();
    office.tick(&client).await.unwrap();
    assert_eq!(
        kinds(&house, &office).len(),
        2,
        "using the token again says nothing new"
    );
    let refused = office
        .invite(
            home.network,
            1,
            last_day,
            token.address().clone(),
            token.tls_pin(),
        )
        .await;
    assert!(
        matches!(refused, Err(CentreError::NotNow(_))),
        "a newcomer is no keyholder"
    );
}

#[tokio::test]
async fn a_keyholder_changes_the_policy_and_its_centres_follow() {
    let home = Home::with(&["One"], "2026-04-02").await;
    let mut next = home.office.draft_roster(home.network).await.unwrap();
    next.policy.floor_persons = 15;
    let signed = home.office.sign_roster(&next);
    home.office
        .publish_roster(home.network, signed)
        .await
        .unwrap();
    home.house.0.lock().unwrap().rosters = rosters(&home.office, home.network).await;
    home.tick().await.unwrap();
    home.import(&crate::common::trial::early_table().replace("centre-long-nodrug", "one"))
        .await;
    let cells = home.preview().await.cells;
    assert_eq!(
        cells.iter().filter(|cell| cell.would_be == "value").count(),
        1,
        "13 are below the floor of 15"
    );
}

#[tokio::test]
async fn an_office_is_not_made_twice_and_its_key_is_not_read_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let surroundings = HandClock::at("2026-04-02").surroundings(1);
    let (office, recovery) = Office::create(folder.path(), &surroundings).await.unwrap();
    assert_eq!(office.recovery_key_hash(), recovery.public().hash());
    office
        .found_network("Practice".parse().unwrap(), false, policy())
        .await
        .unwrap();
    let again = Office::create(folder.path(), &surroundings).await;
    assert!(matches!(again, Err(CentreError::Exists { .. })));
    office.close().await;
    let key = folder.path().join(OFFICE_KEY_FILE);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let opened = Office::open(folder.path(), &surroundings).await;
    assert!(matches!(
        opened,
        Err(CentreError::Sealing(SealingError::KeyFileOpen { .. }))
    ));
}
