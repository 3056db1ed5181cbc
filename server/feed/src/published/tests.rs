//! What counts, what does not, and that all who hold the same entries read the same digits.

mod hostile;
mod pools;
mod town;

use super::*;
use crate::entry::{Kind, Place, VerifiedEntry};
use crate::limits;
use krog_measures::Quarter;
use krog_proto::federation::v1 as proto;
use proptest::prelude::*;
use prost::Message;
use proto::Facilitation::{Peer, Professional};
use proto::Withheld::{BelowFloor, NotCollected, NotShared};
use town::{QUARTER, Town, follow_up, release, sums, told, withheld};

fn has(comparison: &proto::Comparison, caveat: proto::Caveat) -> bool {
    comparison.caveats.contains(&caveat.into())
}

/// Six centres a side, over two quarters, some of them with both sides; one releases an end only.
fn two_years(town: &Town) -> Vec<VerifiedEntry> {
    let mut entries = Vec::new();
    for n in 0..9 {
        let persons = 12 + u32::from(n) * 3;
        let mut cells = Vec::new();
        if n < 6 {
            let mut sums = sums(QUARTER, persons, persons / 3, -2 - i32::from(n % 3));
            sums.change_sd_twentieths = (persons >= 20).then_some(4);
            cells.push(told(Professional, sums));
        }
        if n >= 3 {
            cells.push(told(
                Peer,
                sums(QUARTER, persons, persons / 4, -1 - i32::from(n % 2)),
            ));
        }
        entries.push(town.release(n, 1, &release(QUARTER, cells)));
        let later = vec![told(
            if n < 6 { Professional } else { Peer },
            sums(QUARTER + 1, 10 + u32::from(n), 4, -2),
        )];
        entries.push(town.release(n, 2, &release(QUARTER + 1, later)));
    }
    let end = proto::Sums {
        baseline: Some(proto::sums::Baseline::BaselineEnd(
            proto::ScaleEnd::Low.into(),
        )),
        ..sums(QUARTER, 30, 0, 0)
    };
    entries.push(town.release(
        10,
        1,
        &release(
            QUARTER,
            vec![told(Peer, end), withheld(Professional, NotShared)],
        ),
    ));
    entries
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_arrival_does_not_change_a_bit(
        order in Just((0..22_usize).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..22_usize, 0..6),
    ) {
        let town = Town::new(false);
        let mut entries = two_years(&town);
        let retracted = town.tombstone(town.centre(2), 9, &entries[4]);
        let template = proto::TemplateVersion { document: vec![1, 2, 3] }.encode_to_vec();
        entries.extend([retracted, town.entry(town.node.into(), 7, Kind::Template, &template), entries[0].clone()]);
        prop_assert_eq!(entries.len(), 22);
        let shuffled = order.iter().chain(&again).map(|at| &entries[*at]);
        let (one, other) = (town.compare(&entries), town.compare(shuffled));
        prop_assert_eq!(one.encode_to_vec(), other.encode_to_vec());
        prop_assert!(one.contrast.is_some_and(|contrast| contrast.refusal == 0));
    }

    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let town = Town::new(false);
        for kind in [Kind::Release, Kind::Template, Kind::Tombstone] {
            let mut shelf = town.shelf([]);
            let _ = shelf.observe(&town.entry(town.centre(0), 1, kind, &body));
            let _ = town.read(&shelf, "bdi-ii", None);
        }
    }

    #[test]
    fn a_damaged_release_is_refused_or_compared(at in any::<prop::sample::Index>(), change in 1_u8..) {
        let town = Town::new(false);
        let mut body = release(QUARTER, vec![told(Peer, sums(QUARTER, 25, 9, -3))]).encode_to_vec();
        let at = at.index(body.len());
        body[at] ^= change;
        let entry = town.entry(town.centre(0), 1, Kind::Release, &body);
        let mut shelf = town.shelf([]);
        let taken = shelf.observe(&entry).is_ok();
        prop_assert_eq!(shelf.refused().is_empty(), taken);
        town.compare([&entry]);
    }
}

/// Cells as the trial's oracle tells them (Proudfoot et al. 2003, data set BtheB of the R package HSAUR; R = 63): 13, 19,
/// 13, 17 and 14 persons, with told sums of 378/−189, 441/0, 252/−63, 378/−126 and 315/−63 points; three wait.
#[test]
fn the_trial_is_told_in_steps_and_read_back_in_points() {
    let town = Town::new(false);
    let entries = [
        (vec![
            withheld(Peer, BelowFloor),
            told(Professional, sums(QUARTER, 13, 6, -3)),
        ]),
        (vec![
            told(Peer, sums(QUARTER, 19, 7, 0)),
            told(Professional, sums(QUARTER, 13, 4, -1)),
        ]),
        (vec![
            withheld(Peer, BelowFloor),
            told(Professional, sums(QUARTER, 17, 6, -2)),
        ]),
        (vec![
            told(Peer, sums(QUARTER, 14, 5, -1)),
            withheld(Professional, BelowFloor),
        ]),
    ];
    let entries: Vec<_> = (0..)
        .zip(entries)
        .map(|(n, cells)| town.release(n, 1, &release(QUARTER, cells)))
        .collect();
    let comparison = town.compare(&entries);
    assert_eq!(
        (comparison.range, comparison.higher_is_better),
        (63.0, false)
    );
    let side = |side: &proto::Side| (side.facilitation(), side.centres, side.persons);
    assert_eq!(
        comparison.sides.iter().map(side).collect::<Vec<_>>(),
        [(Professional, 3, 43), (Peer, 2, 33)]
    );
    assert_eq!(comparison.sides[0].mean_change, Some(-378.0 / 43.0));
    assert_eq!(comparison.sides[1].mean_change, Some(-63.0 / 33.0));
    let contrast = comparison.contrast.unwrap();
    assert_eq!(contrast.refusal(), proto::ContrastRefusal::TooFewCentres);
    assert_eq!(
        (contrast.professional_centres, contrast.peer_centres),
        (3, 2)
    );
    assert_eq!(comparison.centres.len(), 5);
    let centres = comparison.centres.iter();
    let rows: Vec<_> = centres
        .map(|row| (row.persons, row.mean_change, row.baseline_mean))
        .collect();
    for (persons, baseline, change) in [
        (13, 378, -189),
        (19, 441, 0),
        (13, 252, -63),
        (17, 378, -126),
        (14, 315, -63),
    ] {
        let mean = |sum: i32| Some(f64::from(sum) / f64::from(persons));
        let row = (
            u32::try_from(persons).unwrap(),
            mean(change),
            mean(baseline),
        );
        assert!(rows.contains(&row), "{row:?}");
    }
    assert_eq!(
        comparison
            .untold
            .iter()
            .map(|count| (count.reason(), count.cells))
            .collect::<Vec<_>>(),
        [(BelowFloor, 1), (BelowFloor, 2),]
    );
    assert_eq!(comparison.waiting, 3);
    assert_eq!(
        (comparison.change_sd, comparison.change_sd_pooled),
        (Some(12.0), false)
    );
    assert_eq!(comparison.change_sd_source, "made up for this test");
    assert!(has(&comparison, proto::Caveat::StatedSd) && has(&comparison, proto::Caveat::Untold));
}

#[test]
fn the_figures_of_a_synthesis_fit_together() {
    let town = Town::new(false);
    let comparison = town.compare(&two_years(&town));
    let synthesis = |at: usize| comparison.sides[at].synthesis.unwrap();
    let (professional, peer) = (synthesis(0), synthesis(1));
    let contrast = comparison.contrast.unwrap();
    assert_eq!(contrast.refusal(), proto::ContrastRefusal::Unspecified);
    assert_eq!(
        (contrast.professional_centres, contrast.peer_centres),
        (professional.k, peer.k)
    );
    assert_eq!((professional.k, peer.k), (6, 7));
    assert_eq!(contrast.difference, professional.effect - peer.effect);
    assert!((contrast.se - professional.se.hypot(peer.se)).abs() < 1e-12);
    // t(0.975; 5) = 2.5706.
    assert!(
        ((professional.ci_high - professional.effect) / professional.se - 2.570_58).abs() < 1e-4
    );
    assert!(contrast.smallest_detectable.is_some() && has(&comparison, proto::Caveat::FewCentres));
    assert!(comparison.change_sd_pooled);
    assert_eq!(comparison.change_sd, Some(63.0 * 4.0 / 20.0));
    // Lower is better, so a fall is an improvement.
    assert!(
        comparison
            .centres
            .iter()
            .all(|row| row.mean_change.unwrap() * row.effect.unwrap() <= 0.0)
    );
    assert!(
        comparison
            .centres
            .is_sorted_by_key(|row| row.centre.clone())
    );
    let row = comparison
        .centres
        .iter()
        .find(|row| row.public_name == "Centre 0")
        .unwrap();
    assert_eq!(
        (row.releases, row.first_quarter, row.last_quarter),
        (2, QUARTER, QUARTER + 1)
    );
    let end = comparison
        .centres
        .iter()
        .find(|row| row.public_name == "Centre 10")
        .unwrap();
    assert_eq!(end.baseline_mean, None);
    assert!(has(&comparison, proto::Caveat::Ends));
}

#[test]
fn a_retracted_release_disappears_whichever_arrives_first() {
    let town = Town::new(false);
    let entries = two_years(&town);
    let retracted = town.tombstone(town.centre(0), 9, &entries[0]);
    let without = town.compare(&entries[1..]);
    assert_ne!(town.compare(&entries), without);
    assert_eq!(town.compare(entries.iter().chain([&retracted])), without);
    assert_eq!(
        town.compare([&retracted].into_iter().chain(&entries)),
        without
    );
    // Nobody retracts what another has written.
    let foreign = town.tombstone(town.centre(1), 9, &entries[0]);
    assert_eq!(
        town.compare(entries.iter().chain([&foreign])),
        town.compare(&entries)
    );
}

#[test]
fn a_second_release_of_a_quarter_counts_for_nothing_and_is_reported() {
    let town = Town::new(false);
    let first = town.release(
        0,
        1,
        &release(QUARTER, vec![told(Peer, sums(QUARTER, 12, 4, -1))]),
    );
    let second = town.release(
        0,
        2,
        &release(QUARTER, vec![told(Peer, sums(QUARTER, 40, 9, -9))]),
    );
    for order in [[&first, &second], [&second, &first]] {
        let shelf = town.shelf(order);
        let refused = shelf.refused();
        assert_eq!(refused.len(), 1);
        assert_eq!(
            (refused[0].entry, refused[0].fault),
            (second.hash(), ShelfFault::RepeatedQuarter)
        );
        assert_eq!(town.compare(order), town.compare([&first]));
    }
}

#[test]
fn what_is_disputed_or_forgotten_does_not_count() {
    let town = Town::new(false);
    let entries = two_years(&town);
    let mut shelf = town.shelf(&entries);
    let read = |shelf: &Shelf| town.read(shelf, "bdi-ii", None).unwrap();
    shelf.dispute(town.centre(0), Some(Place { epoch: 0, seq: 2 }));
    assert_eq!(
        read(&shelf),
        town.compare(
            entries
                .iter()
                .filter(|entry| entry.hash() != entries[1].hash())
        )
    );
    shelf.dispute(town.centre(0), None);
    assert_eq!(read(&shelf), town.compare(&entries));
    // A tombstone in the disputed part retracts nothing: others may know another branch.
    let _ = shelf.observe(&town.tombstone(town.centre(1), 5, &entries[2]));
    assert_ne!(read(&shelf), town.compare(&entries));
    let disputed = Place { epoch: 0, seq: 5 };
    shelf.dispute(town.centre(1), Some(disputed));
    assert_eq!(read(&shelf), town.compare(&entries));
    shelf.dispute(town.centre(1), None);
    shelf.forget_feed(town.centre(1));
    shelf.forget_feed(town.centre(0));
    assert_eq!(read(&shelf), town.compare(&entries[4..]));
}

#[test]
fn only_centres_of_members_count() {
    let town = Town::new(false);
    let named = town.release(
        0,
        1,
        &release(QUARTER, vec![told(Peer, sums(QUARTER, 12, 4, -1))]),
    );
    let unnamed = town.release(
        20,
        1,
        &release(QUARTER, vec![told(Peer, sums(QUARTER, 12, 4, -1))]),
    );
    let comparison = town.compare([&named, &unnamed]);
    assert_eq!(comparison.centres.len(), 1);
    assert_eq!(comparison.centres[0].public_name, "Centre 0");
}

#[test]
fn releases_of_later_quarters_can_be_left_out() {
    let town = Town::new(false);
    let entries = two_years(&town);
    let shelf = town.shelf(&entries);
    let last = Some(Quarter::from_index(QUARTER).unwrap());
    let early = town.read(&shelf, "bdi-ii", last).unwrap();
    assert_eq!(
        early,
        town.compare(entries.iter().filter(|entry| entry.header().seq == 1))
    );
    assert!(early.centres.iter().all(|row| row.last_quarter == QUARTER));
}

#[test]
fn cells_of_another_class_are_left_out_and_said() {
    let town = Town::new(false);
    let mut other = told(Professional, sums(QUARTER, 12, 4, -1));
    other.comparability_class = vec![7; 32];
    let cells = vec![other, told(Peer, sums(QUARTER, 12, 4, -1))];
    let comparison = town.compare([&town.release(0, 1, &release(QUARTER, cells))]);
    assert!(has(&comparison, proto::Caveat::MixedClasses));
    assert_eq!(
        comparison
            .sides
            .iter()
            .map(proto::Side::facilitation)
            .collect::<Vec<_>>(),
        [Peer]
    );
    assert!(!has(
        &town.compare(&two_years(&town)),
        proto::Caveat::MixedClasses
    ));
}

#[test]
fn mixed_policies_are_said_and_mere_new_rosters_are_not() {
    let mut town = Town::new(false);
    let at = |town: &Town, n: u8, roster_version: u32| {
        let cells = vec![told(Peer, sums(QUARTER, 12, 4, -1))];
        town.release(
            n,
            1,
            &proto::Release {
                roster_version,
                ..release(QUARTER, cells)
            },
        )
    };
    town.change_floor(10);
    town.change_floor(12);
    let mixed = |town: &Town, versions: [u32; 2]| {
        let entries = [at(town, 0, versions[0]), at(town, 1, versions[1])];
        has(&town.compare(&entries), proto::Caveat::MixedPolicies)
    };
    assert!(!mixed(&town, [1, 1]));
    assert!(!mixed(&town, [1, 2]), "version 2 has the same policy");
    assert!(mixed(&town, [1, 3]));
    assert!(mixed(&town, [1, 9]), "version 9 is not known here");
    assert!(mixed(&town, [8, 9]), "neither is known here");
}

#[test]
fn made_up_data_are_called_so() {
    for rehearsal in [true, false] {
        let town = Town::new(rehearsal);
        assert_eq!(
            has(&town.compare(&two_years(&town)), proto::Caveat::Rehearsal),
            rehearsal
        );
    }
}

#[test]
fn a_thin_or_untold_follow_up_is_said() {
    let town = Town::new(false);
    let with = |bands: Vec<proto::FollowUp>| {
        let cells = vec![told(Peer, sums(QUARTER, 12, 4, -1))];
        let entry = town.release(
            0,
            1,
            &proto::Release {
                follow_up: bands,
                ..release(QUARTER, cells)
            },
        );
        has(&town.compare([&entry]), proto::Caveat::FollowUp)
    };
    assert!(with(Vec::new()));
    assert!(with(vec![follow_up(proto::FollowUpBand::Unspecified)]));
    assert!(with(vec![follow_up(proto::FollowUpBand::Under60)]));
    assert!(!with(vec![follow_up(proto::FollowUpBand::AtLeast60)]));
}

#[test]
fn a_cell_is_untold_by_its_latest_status_and_waits_only_in_its_centres_latest_quarter() {
    let town = Town::new(false);
    let at = |n: u8, seq: u64, cells: Vec<proto::Cell>| {
        let quarter = QUARTER + u32::try_from(seq).unwrap();
        town.release(n, seq, &release(quarter, cells))
    };
    let value = || told(Peer, sums(QUARTER, 12, 4, -1));
    let entries = [
        // First waiting, then told: neither untold nor waiting.
        at(0, 1, vec![withheld(Peer, BelowFloor)]),
        at(0, 2, vec![value()]),
        // First told, then waiting: a value and an untold cell.
        at(1, 1, vec![value()]),
        at(1, 2, vec![withheld(Peer, BelowFloor)]),
        // Waiting once, then not spoken of: untold, but nothing waits now.
        at(2, 1, vec![withheld(Peer, BelowFloor)]),
        at(2, 2, vec![withheld(Professional, NotCollected)]),
    ];
    let comparison = town.compare(&entries);
    assert_eq!(comparison.waiting, 1);
    let untold = |reason, facilitation, cells| proto::UntoldCount {
        reason: i32::from(reason),
        facilitation: i32::from(facilitation),
        course: proto::Course::Entry.into(),
        cells,
    };
    let expected = [
        untold(NotCollected, Professional, 1),
        untold(BelowFloor, Peer, 2),
    ];
    assert_eq!(comparison.untold, expected);
    assert_eq!(comparison.centres.len(), 2);
}

#[test]
fn nothing_told_is_an_answer_and_an_unknown_measure_is_none() {
    let town = Town::new(false);
    let waiting = town.release(0, 1, &release(QUARTER, vec![withheld(Peer, BelowFloor)]));
    let comparison = town.compare([&waiting]);
    assert!(comparison.sides.is_empty() && comparison.centres.is_empty());
    assert_eq!((comparison.untold.len(), comparison.waiting), (1, 1));
    assert_eq!(
        comparison.contrast.unwrap().refusal(),
        proto::ContrastRefusal::TooFewCentres
    );
    assert!(has(&comparison, proto::Caveat::Untold));
    for name in ["k6", "BDI", ""] {
        let refused = town.read(&town.shelf([]), name, None);
        assert_eq!(refused, Err(CompareRefused::UnknownMeasure));
    }
}

#[test]
fn templates_stand_by_publisher_until_retracted() {
    let town = Town::new(false);
    let body = proto::TemplateVersion {
        document: vec![1, 2, 3],
    }
    .encode_to_vec();
    let office = town.node.into();
    let one = town.entry(office, 2, Kind::Template, &body);
    let again = town.entry(office, 3, Kind::Template, &body);
    let empty = town.entry(
        office,
        4,
        Kind::Template,
        &proto::TemplateVersion::default().encode_to_vec(),
    );
    let shelf = town.shelf([&one, &again, &empty]);
    let versions: Vec<_> = shelf.templates().cloned().collect();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0].to_proto().document, [1, 2, 3]);
    assert_eq!(versions[0].to_proto().node, town.node.as_bytes());
    assert_eq!(shelf.refused()[0].fault, ShelfFault::Template);
    let shelf = town.shelf([&one, &town.tombstone(office, 5, &one)]);
    assert_eq!(shelf.templates().count(), 0);
}

#[test]
fn entries_of_another_network_or_a_newer_reader_say_nothing_here() {
    let town = Town::new(false);
    let entry = town.release(
        0,
        1,
        &release(QUARTER, vec![told(Peer, sums(QUARTER, 12, 4, -1))]),
    );
    let mut elsewhere = Shelf::new(Town::new(true).network);
    assert_eq!(elsewhere.observe(&entry), Ok(()));
    assert_eq!(elsewhere.releases().count(), 0);
    assert_eq!(town.shelf([&entry]).releases().count(), 1);
    let newer = town.entry_for(
        limits::PROTOCOL + 1,
        town.centre(0),
        1,
        Kind::Release,
        &[0xff, 0xff],
    );
    let shelf = town.shelf([&newer]);
    assert_eq!((shelf.releases().count(), shelf.refused().len()), (0, 0));
}
