//! Releases that no gate can have written.

use super::town::{QUARTER, Town, follow_up, release, sums, told, withheld};
use crate::published::{CellFault, ReleaseFault, ReleasedQuarter, ShelfFault};
use krog_proto::federation::v1 as proto;
use prost::Message;
use proto::Facilitation::{Peer, Professional};
use proto::sums::{Baseline, Change};

/// A sound release with one cell of 25 persons, changed, and why it is refused. A sound one beside it goes on counting.
#[track_caller]
fn refused(change: impl FnOnce(&mut proto::Release)) -> ReleaseFault {
    let town = Town::new(false);
    let sound = town.release(
        1,
        1,
        &release(QUARTER, vec![told(Peer, sums(QUARTER, 12, 4, -1))]),
    );
    let mut hostile = release(QUARTER, vec![told(Peer, sums(QUARTER, 25, 9, -3))]);
    assert!(ReleasedQuarter::parse(town.centre(0), &hostile.encode_to_vec()).is_ok());
    change(&mut hostile);
    let fault = ReleasedQuarter::parse(town.centre(0), &hostile.encode_to_vec()).unwrap_err();

    let entry = town.release(0, 1, &hostile);
    let mut shelf = town.shelf([&sound]);
    assert_eq!(shelf.observe(&entry), Err(ShelfFault::Release(fault)));
    let reported = shelf.refused();
    assert_eq!(
        (reported[0].writer, reported[0].entry),
        (town.centre(0), entry.hash())
    );
    assert_eq!(town.compare([&entry, &sound]), town.compare([&sound]));
    fault
}

#[track_caller]
fn refused_cell(change: impl FnOnce(&mut proto::Cell)) -> CellFault {
    match refused(|release| change(&mut release.cells[0])) {
        ReleaseFault::Cell { at: 0, fault } => fault,
        other => panic!("{other}"),
    }
}

#[track_caller]
fn refused_sums(change: impl FnOnce(&mut proto::Sums)) -> CellFault {
    refused_cell(|cell| match &mut cell.told {
        Some(proto::cell::Told::Sums(sums)) => change(sums),
        other => panic!("{other:?}"),
    })
}

#[test]
fn fewer_than_ten_persons_are_refused() {
    for persons in [0, 1, 9] {
        assert_eq!(
            refused_sums(|sums| *sums = proto::Sums {
                persons,
                ..super::sums(QUARTER, 0, 0, 0)
            }),
            CellFault::BelowFloor
        );
    }
    assert_eq!(
        refused_sums(|sums| sums.persons = 100_001),
        CellFault::TooManyPersons
    );
    assert_eq!(
        refused_sums(|sums| sums.persons = u32::MAX),
        CellFault::TooManyPersons
    );
}

#[test]
fn more_steps_than_persons_are_refused() {
    for steps in [26, 1_000_001, u32::MAX] {
        assert_eq!(
            refused_sums(|sums| sums.baseline = Some(Baseline::BaselineSteps(steps))),
            CellFault::Baseline
        );
    }
    for steps in [26, -26, i32::MAX, i32::MIN] {
        assert_eq!(
            refused_sums(|sums| sums.change = Some(Change::ChangeSteps(steps))),
            CellFault::Change
        );
    }
}

#[test]
fn missing_sums_and_unknown_ends_are_refused() {
    assert_eq!(
        refused_sums(|sums| sums.baseline = None),
        CellFault::Baseline
    );
    assert_eq!(refused_sums(|sums| sums.change = None), CellFault::Change);
    for end in [0, 3, -1] {
        assert_eq!(
            refused_sums(|sums| sums.baseline = Some(Baseline::BaselineEnd(end))),
            CellFault::Baseline
        );
        assert_eq!(
            refused_sums(|sums| sums.change = Some(Change::ChangeEnd(end))),
            CellFault::Change
        );
    }
}

#[test]
fn an_sd_that_cannot_be_is_refused() {
    for twentieths in [22, 41, u32::MAX] {
        assert_eq!(
            refused_sums(|sums| sums.change_sd_twentieths = Some(twentieths)),
            CellFault::ChangeSd
        );
    }
    let below_twenty = refused_sums(|sums| {
        *sums = proto::Sums {
            change_sd_twentieths: Some(3),
            ..super::sums(QUARTER, 19, 5, -2)
        };
    });
    assert_eq!(below_twenty, CellFault::ChangeSd);
}

#[test]
fn a_span_that_runs_backwards_or_ahead_is_refused() {
    assert_eq!(
        refused_sums(|sums| sums.first_quarter = QUARTER + 1),
        CellFault::Span
    );
    assert_eq!(
        refused_sums(|sums| sums.last_quarter = QUARTER + 1),
        CellFault::Span
    );
    assert_eq!(
        refused_sums(|sums| sums.last_quarter = QUARTER - 1),
        CellFault::Span
    );
    for quarter in [0, 7_879, 12_001, u32::MAX] {
        assert_eq!(
            refused_sums(|sums| sums.first_quarter = quarter),
            CellFault::Quarters
        );
        assert_eq!(
            refused_sums(|sums| sums.last_quarter = quarter),
            CellFault::Quarters
        );
        assert_eq!(
            refused(|release| release.quarter = quarter),
            ReleaseFault::Quarter
        );
    }
}

#[test]
fn unknown_words_are_refused() {
    for number in [0, 4, -1, i32::MAX] {
        assert_eq!(
            refused_cell(|cell| cell.facilitation = number),
            CellFault::Facilitation
        );
        assert_eq!(refused_cell(|cell| cell.course = number), CellFault::Course);
    }
    for reason in [0, 5, -1] {
        let fault = refused_cell(|cell| cell.told = Some(proto::cell::Told::Withheld(reason)));
        assert_eq!(fault, CellFault::Reason);
    }
    assert_eq!(refused_cell(|cell| cell.told = None), CellFault::Nothing);
    assert_eq!(
        refused_cell(|cell| cell.measure = "BDI II".to_owned()),
        CellFault::Measure
    );
    assert_eq!(
        refused_cell(|cell| cell.measure.clear()),
        CellFault::Measure
    );
    assert_eq!(
        refused_cell(|cell| cell.comparability_class.truncate(31)),
        CellFault::Class
    );
}

#[test]
fn a_cell_told_twice_is_refused_even_in_another_class_or_withheld() {
    let twice = refused(|release| release.cells.push(release.cells[0].clone()));
    assert_eq!(twice, ReleaseFault::RepeatedCell { at: 1 });
    let other_class = refused(|release| {
        let mut cell = release.cells[0].clone();
        cell.comparability_class = vec![9; 32];
        release.cells.push(cell);
    });
    assert_eq!(other_class, ReleaseFault::RepeatedCell { at: 1 });
    let withheld_too = refused(|release| {
        release.cells.extend([
            told(Professional, sums(QUARTER, 12, 4, -1)),
            withheld(Peer, proto::Withheld::NotShared),
        ]);
    });
    assert_eq!(withheld_too, ReleaseFault::RepeatedCell { at: 2 });
}

#[test]
fn a_follow_up_told_twice_or_in_an_unknown_band_is_refused() {
    let twice = refused(|release| {
        release
            .follow_up
            .push(follow_up(proto::FollowUpBand::Under60))
    });
    assert_eq!(twice, ReleaseFault::FollowUp { at: 1 });
    assert_eq!(
        refused(|release| release.follow_up[0].band = 3),
        ReleaseFault::FollowUp { at: 0 }
    );
    assert_eq!(
        refused(|release| release.follow_up[0].measure.clear()),
        ReleaseFault::FollowUp { at: 0 }
    );
}

#[test]
fn roster_versions_and_counts_out_of_range_are_refused() {
    for version in [0, 1_000_001, u32::MAX] {
        assert_eq!(
            refused(|release| release.roster_version = version),
            ReleaseFault::RosterVersion
        );
    }
    assert_eq!(
        refused(|release| release.cells = vec![release.cells[0].clone(); 385]),
        ReleaseFault::TooLarge
    );
    let bands = vec![follow_up(proto::FollowUpBand::Under60); 65];
    assert_eq!(
        refused(|release| release.follow_up = bands),
        ReleaseFault::TooLarge
    );
}

#[test]
fn bytes_that_are_no_release_are_refused() {
    let writer = Town::new(false).centre(0);
    assert_eq!(
        ReleasedQuarter::parse(writer, &[0xff, 0xff]),
        Err(ReleaseFault::Undecodable)
    );
    assert_eq!(
        ReleasedQuarter::parse(writer, &[]),
        Err(ReleaseFault::Quarter)
    );
}
