//! What leaves for a round: when, in which bytes, and how it is stopped.

use crate::common::town::{HELPER, LEADER, home};
use crate::common::{Home, by, copy_data};
use crate::restore::restore;
use krog_feed::entry::Kind;
use krog_feed::ids::HeaderHash;
use krog_measures::{Course, Facilitation};
use krog_pools::aggregation::{Arrived, open_parts};
use krog_pools::shares::Sharing as Splitting;
use krog_pools::{Layout, Role, Round};
use krog_proto::centre::v1 as proto;
use krog_proto::federation::v1 as wire;
use prost::Message;
use sha2::{Digest, Sha256};
use sqlx::Connection;
use tonic::Code;

async fn raw(home: &Home, statement: &'static str) -> Result<u64, sqlx::Error> {
    let url = format!("sqlite://{}", home.at("centre.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await?;
    let done = sqlx::query(statement).execute(&mut connection).await;
    connection.close().await?;
    Ok(done?.rows_affected())
}

#[tokio::test]
async fn frozen_answers_are_in_no_release_and_no_other_round_and_the_ledger_refuses_them() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.choose("release").await.unwrap();
    home.choose("pool").await.unwrap();
    assert_eq!(home.approve_round(round).await, "frozen");
    let refused = raw(
        &home,
        "INSERT INTO spent (check_in, quarter) SELECT check_in, 8104 FROM spent_in_parts LIMIT 1",
    );
    assert!(
        refused
            .await
            .unwrap_err()
            .to_string()
            .contains("an answer leaves once")
    );
    assert_eq!(
        raw(
            &home,
            "INSERT INTO spent (check_in, quarter) VALUES (zeroblob(16), 8104)"
        )
        .await
        .unwrap(),
        1
    );
    let refused = raw(
        &home,
        "INSERT INTO spent_in_parts (check_in, round) SELECT zeroblob(16), round FROM parts",
    );
    assert!(
        refused
            .await
            .unwrap_err()
            .to_string()
            .contains("an answer leaves once")
    );

    // The round fails for all but this part is stopped: a later one over the same quarters finds nothing.
    home.stop_round(round).await.unwrap();
    town.fails(round, wire::PoolOutcome::KeyLost);
    let later = town.collecting(town.opening());
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "stopped");
    let shown = home.round(later).await.unwrap();
    assert_eq!((shown.state.as_str(), shown.persons), ("closed", 0));
    home.choose("release").await.unwrap();
    home.clock.set("2026-07-02");
    assert_eq!(home.waiting_peers().await, 0);
    let cell = home.preview().await.cells;
    let professional = cell
        .iter()
        .find(|cell| cell.facilitation == "professional" && cell.course == "entry");
    assert_eq!(
        professional.unwrap().persons,
        13,
        "who was not in the round"
    );
}

#[tokio::test]
async fn nothing_leaves_before_the_waiting_days_are_over_and_then_the_gates_own_bytes() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    let frozen = home.parts().await.remove(0);
    assert_eq!(
        (frozen.state.as_str(), frozen.entry.as_str()),
        ("frozen", "")
    );
    home.clock.pass_days(13);
    home.tick().await.unwrap();
    assert!(home.said(Kind::PoolCommitment).is_empty());
    home.house.0.lock().unwrap().parcels_refused = true;
    home.clock.pass_days(1);
    home.tick().await.unwrap();
    let said = home.said(Kind::PoolCommitment);
    assert_eq!(said.len(), 1);
    assert_eq!(
        said[0].body().unwrap(),
        frozen.payload,
        "the bytes are those that were shown"
    );
    let shown = home.parts().await.remove(0);
    assert_eq!(
        (shown.state.as_str(), &shown.entry),
        ("committed", &said[0].hash().to_string())
    );

    // The exchange takes them late.
    assert!(home.house.0.lock().unwrap().parcels.is_empty());
    home.tick().await.unwrap();
    home.house.0.lock().unwrap().parcels_refused = false;
    home.tick().await.unwrap();
    let commitment = wire::PoolCommitment::decode(frozen.payload.as_slice()).unwrap();
    assert_eq!(
        HeaderHash::try_from(commitment.opening.as_slice()).unwrap(),
        round
    );
    {
        let net = home.house.0.lock().unwrap();
        assert_eq!(net.parcels.len(), 2);
        assert_eq!(net.parcels[&commitment.leader_parcel], frozen.leader_parcel);
        assert_eq!(net.parcels[&commitment.helper_parcel], frozen.helper_parcel);
        assert_eq!(
            Sha256::digest(&frozen.helper_parcel).as_slice(),
            commitment.helper_parcel
        );
        assert_eq!(
            commitment.leader_parcel_bytes as usize,
            frozen.leader_parcel.len()
        );
    }
    let heard = home.house.0.lock().unwrap().heard.len();
    assert_eq!(home.tick().await.unwrap().signed, 0);
    assert_eq!(
        home.house.0.lock().unwrap().heard.len(),
        heard,
        "what is kept is not handed over again"
    );
}

#[tokio::test]
async fn parcels_are_handed_over_again_until_both_are_named_as_kept() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    home.clock.pass_days(14);
    home.house.0.lock().unwrap().parcels_mistaken = true;
    home.tick().await.unwrap();
    assert!(home.house.0.lock().unwrap().parcels.is_empty());
    home.house.0.lock().unwrap().parcels_mistaken = false;
    home.tick().await.unwrap();
    assert_eq!(home.house.0.lock().unwrap().parcels.len(), 2);
}

#[tokio::test]
async fn each_parcel_opens_for_its_aggregator_alone_and_both_shares_add_up_to_the_centres_sums() {
    let (home, mut town) = home().await;
    let opening = town.opening();
    let round = town.collecting(opening.clone());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    let part = home.parts().await.remove(0);
    let commitment = wire::PoolCommitment::decode(part.payload.as_slice()).unwrap();
    let read = Round::parse(opening).unwrap();
    assert_eq!(
        (read.facilitation, read.course),
        (Facilitation::Peer, Course::Entry)
    );
    let layout = Layout::of(&read, town.measure());
    let id = *round.as_bytes();
    let splitting = Splitting::of(id, &layout).unwrap();
    let verify_key = [9; 32];
    let centre = *home.centre(0).writer().as_bytes();
    let open = |role: Role, by: &str, parcel: &[u8]| {
        let arrived = Arrived {
            centre,
            nonce: commitment.nonce.as_slice().try_into().unwrap(),
            parcel: Some(parcel),
        };
        open_parts(
            id,
            &splitting,
            role,
            town.secret(by),
            &verify_key,
            [arrived],
        )
    };
    assert!(
        open(Role::Leader, HELPER, &part.leader_parcel)
            .checking
            .is_empty()
    );
    assert!(
        open(Role::Leader, LEADER, &part.helper_parcel)
            .checking
            .is_empty()
    );
    assert!(
        open(Role::Helper, LEADER, &part.helper_parcel)
            .checking
            .is_empty()
    );
    let leader = open(Role::Leader, LEADER, &part.leader_parcel);
    let helper = open(Role::Helper, HELPER, &part.helper_parcel);
    let (from_leader, from_helper) = (leader.verifiers(), helper.verifiers());
    let leader = leader.agree(&splitting, &from_helper).add(&splitting);
    let helper = helper.agree(&splitting, &from_leader).add(&splitting);
    let sum = |at: usize| {
        let [one, other] = [&leader, &helper].map(|a| u128::from_le_bytes(a.share_of(at).unwrap()));
        one.checked_add(other)
            .filter(|sum| *sum < FIELD)
            .unwrap_or_else(|| one.wrapping_sub(FIELD.wrapping_sub(other)))
    };
    let shown: Vec<f64> = part.sums.iter().map(|sum| sum.value).collect();
    assert_eq!(part.sums[0].name, "persons");
    assert_eq!(shown[0], 19.0);
    let added: Vec<u128> = (0..layout.len()).map(sum).collect();
    assert_eq!(added, layout.encode(&shown).unwrap());
}

/// Order of Field128.
const FIELD: u128 = 340_282_366_920_938_462_946_865_773_367_900_766_209;

#[tokio::test]
async fn a_part_stopped_before_it_left_never_leaves_and_an_older_copy_cannot_undo_it() {
    let (mut home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    let backup = home.folder.path().join("backup");
    copy_data(&home.centres[0].folder, &backup);
    let next = home.stop_round(round).await.unwrap();
    assert!(next.contains("stopped before it left"), "{next}");
    assert_eq!(home.stop_round(round).await.unwrap(), next, "twice is once");
    let stopped = home.parts().await.remove(0);
    assert!(stopped.leader_parcel.is_empty() && stopped.sums.is_empty());

    restore(&mut home, &backup).await;
    assert_eq!(
        home.parts().await[0].state,
        "stopped",
        "from the keys, before anything else"
    );
    home.tick().await.unwrap();
    assert_eq!(home.state_of(round).await, "stopped");
    home.clock.pass_days(20);
    home.tick().await.unwrap();
    assert!(home.said(Kind::PoolCommitment).is_empty());
    assert!(home.house.0.lock().unwrap().parcels.is_empty());
    home.clock.set("2026-07-02");
    assert_eq!(home.waiting_peers().await, 0, "its answers stay spent");
    assert_eq!(
        home.counted_in(&format!("pool {} bdi-ii", round.short()))
            .await,
        0
    );
}

#[tokio::test]
async fn a_committed_part_is_withdrawn_by_a_tombstone_until_the_deadline_and_no_longer() {
    let (home, mut town) = home().await;
    let peers = town.collecting(town.opening());
    let others = town.collecting(wire::PoolOpening {
        facilitation: wire::Facilitation::Professional.into(),
        ..town.opening()
    });
    home.tick().await.unwrap();
    home.approve_twice().await;
    home.clock.pass_days(14);
    home.tick().await.unwrap();
    assert_eq!(home.said(Kind::PoolCommitment).len(), 2);
    home.clock.set("2026-05-02");
    let next = home.stop_round(peers).await.unwrap();
    assert!(next.contains("withdrawn before the deadline"), "{next}");
    home.tick().await.unwrap();
    let tombstones = home.said(Kind::Tombstone);
    let peers_part = home
        .parts()
        .await
        .into_iter()
        .find(|part| part.round == peers.to_string())
        .unwrap();
    assert_eq!(tombstones.len(), 1);
    assert_eq!(
        tombstones[0].tombstones().unwrap().to_string(),
        peers_part.entry
    );
    assert_eq!(home.state_of(peers).await, "withdrawn");

    home.clock.set("2026-05-03");
    let late = home.stop_round(others).await.unwrap_err();
    assert_eq!(late.code(), Code::FailedPrecondition);
    assert!(
        late.message()
            .contains("the deadline of this round has passed"),
        "{late}"
    );
    assert_eq!(home.state_of(others).await, "committed");
    home.tick().await.unwrap();
    assert_eq!(home.said(Kind::Tombstone).len(), 1);
    home.clock.set("2026-07-02");
    assert_eq!(home.waiting_peers().await, 0);
}

#[tokio::test]
async fn rounds_are_named_by_eight_digits_or_more_and_a_quarter_or_a_round_is_stopped() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    let stop = |quarter: &str, round: &str| {
        let request = proto::StopRequest {
            quarter: quarter.to_owned(),
            round: round.to_owned(),
        };
        krog_proto::centre::v1::sharing_server::Sharing::stop(
            &home.services,
            by(home.coordinator(), request),
        )
    };
    let name = round.to_string();
    for (quarter, named) in [
        ("", &name[..7]),
        ("", "ffffffffff"),
        ("2026Q1", &name),
        ("", "no such"),
    ] {
        assert_eq!(
            stop(quarter, named).await.unwrap_err().code(),
            Code::InvalidArgument,
            "{named}"
        );
    }
    assert_eq!(home.state_of(round).await, "frozen");
    stop("", &name.to_uppercase()[..9]).await.unwrap();
    assert_eq!(home.state_of(round).await, "stopped");
}

#[tokio::test]
async fn a_copy_of_the_data_alone_shows_no_sums_of_a_part() {
    let (home, mut town) = home().await;
    let round = town.collecting(town.opening());
    home.tick().await.unwrap();
    home.approve_round(round).await;
    let kept = raw(
        &home,
        "UPDATE parts SET state = state WHERE frozen IS NOT NULL",
    )
    .await;
    assert_eq!(kept.unwrap(), 1);
    // The gate's bytes begin with the round and hold the commitment.
    let bare = "UPDATE parts SET state = state WHERE instr(frozen, round) > 0 OR instr(frozen, payload) > 0";
    assert_eq!(raw(&home, bare).await.unwrap(), 0);
    assert!(!home.parts().await[0].sums.is_empty());
}
