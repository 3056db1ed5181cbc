//! Every fault of a round ends in a clear stage, and all who hold the same entries read the same.

mod aggregators;
mod openings;
pub(crate) mod town;

use super::*;
use crate::entry::{Kind, RawEntry, VerifiedEntry};
use krog_proto::federation::v1 as proto;
use proptest::prelude::*;
use proto::PoolOutcome;
use town::{EXPIRY, HELPER, KEYHOLDER, LATER, LEADER, SUMS, TODAY, Town, commitment, nothing};

/// The same without its payload.
fn withheld(entry: &VerifiedEntry) -> VerifiedEntry {
    let raw = RawEntry {
        payload: None,
        ..entry.raw().clone()
    };
    VerifiedEntry::from_store(raw).unwrap()
}

#[test]
fn a_round_goes_from_its_opening_to_its_sums() {
    let mut town = Town::new();
    let round = town.opens(&town.opening());
    assert_eq!(town.stage(round, TODAY), Stage::Opened);
    town.key(LEADER, round);
    assert_eq!(town.stage(round, TODAY), Stage::Opened);
    town.key(HELPER, round);
    assert_eq!(town.stage(round, TODAY), Stage::Collecting);
    let parts = town.committed(round);
    assert_eq!(town.stage(round, TODAY), Stage::Collecting);
    assert_eq!(town.stage(round, LATER), Stage::Checking);
    town.checks(round);
    assert_eq!(town.stage(round, TODAY), Stage::Checking);
    town.sets(HELPER, round, &parts);
    town.sets(LEADER, round, &parts);
    let whole = town.whole();
    town.publishes(LEADER, round, &parts, whole);
    assert_eq!(town.stage(round, TODAY), Stage::Checking);
    town.publishes(HELPER, round, &parts, nothing());
    assert_eq!(town.stage(round, TODAY), Stage::Told);
    town.ends(LEADER, round, PoolOutcome::Told);
    town.ends(HELPER, round, PoolOutcome::Told);

    let status = town.status(round, i64::from(EXPIRY) + 1);
    assert_eq!(status.stage, Stage::Told);
    assert_eq!(status.opened_by, town.node(KEYHOLDER));
    assert_eq!(status.ends, [Some(Outcome::Told); 2]);
    assert_eq!(status.agreed(), Some(parts.as_slice()));
    let told = status.told.as_ref().unwrap();
    assert_eq!(told.set, set_hash(round, &parts));
    assert!(
        told.centres
            .iter()
            .eq(parts.iter().map(|(centre, _)| centre))
    );
    for at in 0..2 {
        let plain: f64 = SUMS.iter().map(|sums| sums[at]).sum();
        assert!((told.totals.sums[at] - plain).abs() < 0.01, "{at}");
    }
    assert_eq!(town.read(TODAY).refused, []);

    let wire = status.to_proto();
    assert_eq!(wire.round, round.as_bytes());
    assert_eq!(wire.opening, Some(town.opening()));
    assert_eq!(wire.stage(), proto::RoundStage::Told);
    assert_eq!((wire.commitments, wire.agreed), (6, 6));
    assert_eq!(wire.leader_outcome(), PoolOutcome::Told);
    assert_eq!(wire.sums, told.totals.sums);
    assert_eq!(wire.noise_sds.len(), 2);
}

#[test]
fn a_second_commitment_of_a_centre_changes_nothing() {
    let mut town = Town::new();
    let round = town.collecting();
    let first = town.commits(0, round);
    let mut other = commitment(round);
    other.nonce = vec![2; 16];
    town.centre_signs(0, Kind::PoolCommitment, &other);
    let status = town.status(round, TODAY);
    assert_eq!(status.commitments.len(), 1);
    assert_eq!(status.commitments[&town.centre(0)].entry, first.hash());
    assert_eq!(town.last_fault(), Some(RoundsFault::Repeated));
}

#[test]
fn an_office_cannot_commit() {
    let mut town = Town::new();
    let round = town.collecting();
    for office in ["a", LEADER] {
        let place = Place { epoch: 0, seq: 9 };
        town.smuggle(
            town.office(office),
            place,
            Kind::PoolCommitment,
            &commitment(round),
        );
        assert!(town.status(round, TODAY).commitments.is_empty());
        assert_eq!(town.last_fault(), Some(RoundsFault::NotACentre));
    }
}

#[test]
fn a_centre_that_belongs_to_nobody_cannot_commit() {
    let mut town = Town::new();
    let round = town.collecting();
    let place = Place { epoch: 0, seq: 1 };
    let centre = crate::testing::Ngo::new(town::STRANGER).centre().writer();
    town.smuggle(centre, place, Kind::PoolCommitment, &commitment(round));
    assert!(town.status(round, TODAY).commitments.is_empty());
    assert_eq!(town.last_fault(), Some(RoundsFault::NotACentre));
}

#[test]
fn who_withdraws_is_out_and_cannot_come_back() {
    let mut town = Town::new();
    let round = town.collecting();
    let first = town.commits(0, round);
    town.commits(1, round);
    town.withdraws(0, &first);
    town.commits(0, round);
    let status = town.status(round, TODAY);
    assert!(status.commitments.keys().eq([&town.centre(1)]));
    assert!(status.withdrawn.keys().eq([&town.centre(0)]));
    assert_eq!(town.last_fault(), Some(RoundsFault::Repeated));
}

#[test]
fn nobody_withdraws_anothers_part() {
    let mut town = Town::new();
    let round = town.collecting();
    let first = town.commits(0, round);
    town.withdraws(1, &first);
    assert_eq!(town.status(round, TODAY).commitments.len(), 1);
}

#[test]
fn a_withdrawal_after_the_sets_comes_too_late() {
    let mut town = Town::new();
    let round = town.collecting();
    let parts = town.committed(round);
    town.tells(round, &parts);
    let committed = town.entries.iter().find(|entry| {
        entry.kind() == Kind::PoolCommitment && entry.header().writer == town.centre(3)
    });
    let committed = committed.unwrap().clone();
    town.withdraws(3, &committed);
    let status = town.status(round, LATER);
    assert_eq!((status.stage, status.commitments.len()), (Stage::Told, 5));
    assert!(status.told.unwrap().centres.contains(&town.centre(3)));
}

#[test]
fn a_set_with_an_unknown_part_waits_for_it() {
    let mut town = Town::new();
    let (round, _) = town.told();
    let board = |missing: bool| {
        let mut board = Board::new(town.view.network());
        let last = town
            .entries
            .iter()
            .rposition(|e| e.kind() == Kind::PoolCommitment);
        for (at, entry) in town.entries.iter().enumerate() {
            if !(missing && Some(at) == last) {
                board.observe(entry).unwrap();
            }
        }
        board.round(&town.view, LATER, round).unwrap().stage
    };
    assert_eq!((board(true), board(false)), (Stage::Checking, Stage::Told));
}

#[test]
fn a_centre_cannot_take_back_what_a_round_told() {
    let mut town = Town::new();
    let (round, parts) = town.told();
    let (centre, commitment) = parts[2];
    let place = |town: &Town| {
        let mut entries = town.entries.iter();
        entries
            .find(|e| e.hash() == commitment)
            .unwrap()
            .header()
            .place()
    };
    let mut forked = town.board();
    forked.dispute(centre, Some(place(&town)));
    let status = forked.round(&town.view, LATER, round).unwrap();
    assert_eq!((status.stage, status.commitments.len()), (Stage::Told, 5));

    // The recovery key opens an epoch from before the commitment.
    let mut rebased = town.board();
    rebased.forget_feed(centre);
    let before = rebased.round(&town.view, LATER, round).unwrap();
    assert_eq!(before.stage, Stage::Checking);
    let epoch = Place { epoch: 1, seq: 0 };
    let opening = proto::EpochOpening::default();
    town.smuggle(centre, epoch, Kind::Epoch, &opening);
    rebased.observe(town.entries.last().unwrap()).unwrap();
    let after = rebased.round(&town.view, LATER, round).unwrap();
    assert_eq!((after.stage, after.commitments.len()), (Stage::Told, 5));
}

#[test]
fn a_hidden_payload_delays_a_word_and_does_not_turn_it() {
    let mut town = Town::new();
    let (round, parts) = town.agreed();
    let whole = town.whole();
    let half = town.publishes(LEADER, round, &parts, whole);
    town.ends(LEADER, round, PoolOutcome::KeyLost);
    let mut board = Board::new(town.view.network());
    for entry in town.entries.iter().filter(|e| e.hash() != half.hash()) {
        board.observe(entry).unwrap();
    }
    board.observe(&withheld(&half)).unwrap();
    let stage = |board: &Board| board.round(&town.view, LATER, round).unwrap().stage;
    assert_eq!(stage(&board), Stage::Checking);
    for entry in [&half, &withheld(&half)] {
        board.observe(entry).unwrap();
        assert_eq!(stage(&board), Stage::Broken(Break::Ended(Outcome::KeyLost)));
    }
}

#[test]
fn a_hidden_end_keeps_a_later_half_from_counting() {
    let mut town = Town::new();
    let (round, parts) = town.agreed();
    let whole = town.whole();
    town.publishes(HELPER, round, &parts, nothing());
    town.ends(LEADER, round, PoolOutcome::SetsDiffer);
    let end = town.entries.last().unwrap().clone();
    town.publishes(LEADER, round, &parts, whole);
    let mut board = Board::new(town.view.network());
    for entry in town.entries.iter().filter(|e| e.hash() != end.hash()) {
        board.observe(entry).unwrap();
    }
    board.observe(&withheld(&end)).unwrap();
    let stage = |board: &Board| board.round(&town.view, LATER, round).unwrap().stage;
    assert_eq!(stage(&board), Stage::Checking);
    board.observe(&end).unwrap();
    assert_eq!(
        stage(&board),
        Stage::Broken(Break::Ended(Outcome::SetsDiffer))
    );
}

#[test]
fn entries_of_another_network_say_nothing() {
    let mut town = Town::new();
    town.told();
    let mut board = Board::new(NetworkId::of(b"another"));
    for entry in &town.entries {
        board.observe(entry).unwrap();
    }
    let reading = board.read(&town.view, TODAY);
    assert!(reading.rounds.is_empty() && reading.refused.is_empty());
}

/// Rounds of every stage, and much that is refused.
fn busy(town: &mut Town) -> Vec<RoundId> {
    let (first, parts) = town.told();
    let second = proto::PoolOpening {
        first_round: first.into(),
        ..town.opening()
    };
    let second = town.opens(&second);
    town.key(LEADER, second);
    town.key(HELPER, second);
    let rival = proto::PoolOpening {
        deadline: town.opening().deadline - 1,
        ..town.opening()
    };
    let rival = town.opens(&rival);
    let mut rounds = vec![first, second, rival];
    for course in [proto::Course::Entry, proto::Course::Continuing] {
        for facilitation in [
            proto::Facilitation::Professional,
            proto::Facilitation::CoLed,
        ] {
            let opening = proto::PoolOpening {
                course: course.into(),
                facilitation: facilitation.into(),
                ..town.opening()
            };
            let round = town.opens(&opening);
            town.key(HELPER, round);
            town.key(LEADER, round);
            let committed = town.commits(1, round);
            town.commits(1, round);
            town.withdraws(1, &committed);
            rounds.push(round);
        }
    }
    town.ends(LEADER, rounds[3], PoolOutcome::TooFewCentres);
    let whole = town.whole();
    town.publishes(LEADER, rounds[4], &parts, whole);
    town.ends(HELPER, rounds[4], PoolOutcome::OtherFaulty);
    town.publishes(HELPER, rounds[4], &parts, nothing());
    town.key("a", rounds[5]);
    rounds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_arrival_changes_nothing(
        order in Just((0..120_usize).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..120_usize, 0..9),
    ) {
        let mut town = Town::new();
        busy(&mut town);
        prop_assert!(town.entries.len() < 120);
        let expected = town.read(LATER);
        prop_assert_eq!(expected.rounds.len(), 6);
        prop_assert_eq!(expected.refused.len(), 7);
        let mut board = Board::new(town.view.network());
        for entry in order.iter().chain(&again).filter_map(|at| town.entries.get(*at)) {
            let _ = board.observe(entry);
            let _ = board.read(&town.view, LATER);
        }
        prop_assert_eq!(board.read(&town.view, LATER), expected);
    }

    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut town = Town::new();
        town.collecting();
        let writer = town.office(LEADER);
        for (kind, seq) in (32..=39).filter_map(Kind::from_number).chain([Kind::Tombstone]).zip(50..) {
            town.smuggle_bytes(writer, Place { epoch: 0, seq }, kind, &body);
            town.read(LATER);
        }
    }

    #[test]
    fn a_damaged_entry_is_refused_or_judged(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let mut town = Town::new();
        let (round, _) = town.told();
        let pools: Vec<_> = town.entries.iter().filter(|e| (32..=39).contains(&e.kind().number())).cloned().collect();
        let entry = which.get(&pools);
        let mut body = entry.body().unwrap().to_vec();
        let at = at.index(body.len());
        body[at] ^= change;
        town.entries.retain(|kept| kept.hash() != entry.hash());
        town.smuggle_bytes(entry.header().writer, entry.header().place(), entry.kind(), &body);
        let freed = town.read(LATER).rounds.iter().any(|status| matches!(status.stage, Stage::Failed(_)));
        let ends = entry.kind() == Kind::PoolEnd;
        prop_assert!(!freed);
        if ends {
            prop_assert_eq!(town.stage(round, LATER), Stage::Told);
        }
    }
}
