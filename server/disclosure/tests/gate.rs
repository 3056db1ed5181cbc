//! What the gate tells, and what it does not.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bench;

use bench::*;
use krog_disclosure::{
    BaselineCount, BatchError, HomeReason, PublicStatus, QuarterBatch, clear, form,
};
use krog_measures::Facilitation::{Peer, Professional};
use krog_proto::federation::v1 as wire;
use wire::sums::{Baseline, Change};

/// Persons with these sums of baseline and change, spread as evenly as whole points allow.
fn spread(persons: usize, baseline: i64, change: i64) -> Vec<(f64, f64)> {
    let n = persons as i64;
    let share = |sum: i64, person: i64| sum.div_euclid(n) + i64::from(person < sum.rem_euclid(n));
    (0..n)
        .map(|person| {
            let first = share(baseline, person);
            (first as f64, (first + share(change, person)) as f64)
        })
        .collect()
}

type TrialCell = (usize, i64, i64, Option<(u32, i32)>);

/// Beat the Blues trial (Proudfoot et al. 2003; data set `BtheB` of the R package HSAUR), BDI-II 0 to 63, cells made from
/// episode length, drug treatment and arm: persons, sum of baselines, sum of changes, and what may be told.
const TRIAL: [TrialCell; 8] = [
    (6, 201, -66, None),
    (13, 372, -181, Some((378, -189))),
    (19, 434, -10, Some((441, 0))),
    (13, 272, -76, Some((252, -63))),
    (6, 115, -34, None),
    (17, 367, -106, Some((378, -126))),
    (14, 324, -88, Some((315, -63))),
    (9, 161, -44, None),
];

#[test]
fn five_cells_of_the_trial_are_told_and_three_are_too_small() {
    let bdi = cell("bdi-ii", Professional);
    for (persons, baseline, change, expected) in TRIAL {
        let mut parts = centre(vec![measure("bdi-ii", 63.0)]);
        fill(&mut parts, &bdi, &spread(persons, baseline, change));
        let cleared = clear(&batch(parts));
        let release = release(cleared.encoded());
        assert_eq!((release.quarter, release.roster_version), (2026 * 4, 1));
        let Some((baseline, change)) = expected else {
            assert_eq!(withheld(&release, &bdi), wire::Withheld::BelowFloor);
            assert!(cleared.spent().is_empty());
            continue;
        };
        let sums = sums(&release, &bdi);
        assert_eq!(sums.persons as usize, persons);
        assert_eq!(sums.baseline, Some(Baseline::BaselineSteps(baseline / 63)));
        assert_eq!(sums.change, Some(Change::ChangeSteps(change / 63)));
        assert_eq!(sums.change_sd_twentieths, None);
        assert_eq!(cleared.spent().len(), persons);
    }
}

#[test]
fn a_half_step_is_rounded_away_from_zero() {
    // Ten persons, 24 points: 132 is five and a half steps, -36 is minus one and a half.
    let mut parts = centre(vec![measure("k6", 24.0)]);
    let k6 = cell("k6", Peer);
    fill(&mut parts, &k6, &spread(10, 132, -36));
    let sums = sums(&release(clear(&batch(parts)).encoded()), &k6);
    assert_eq!(sums.baseline, Some(Baseline::BaselineSteps(6)));
    assert_eq!(sums.change, Some(Change::ChangeSteps(-2)));
}

#[test]
fn a_scale_that_does_not_begin_at_nought_is_told_from_its_lowest_score() {
    let scale =
        krog_measures::Scale::new(20.0, 80.0, krog_measures::Direction::LowerBetter).unwrap();
    let stai = krog_measures::Measure::total_only(code("stai"), scale, Default::default(), None);
    let mut parts = centre(vec![stai]);
    let cell = cell("stai", Peer);
    fill(&mut parts, &cell, &[(50.0, 44.0); 10]);
    let sums = sums(&release(clear(&batch(parts)).encoded()), &cell);
    assert_eq!(sums.baseline, Some(Baseline::BaselineSteps(5)));
    assert_eq!(sums.change, Some(Change::ChangeSteps(-1)));
}

#[test]
fn every_cell_of_the_policy_stands_in_a_release_with_its_own_word() {
    let mut parts = centre(vec![measure("k6", 24.0), measure("bdi-ii", 63.0)]);
    fill(&mut parts, &cell("k6", Professional), &[(12.0, 9.0); 10]);
    fill(
        &mut parts,
        &cell("bdi-ii", Professional),
        &[(30.0, 20.0); 10],
    );
    fill(&mut parts, &cell("k6", Peer), &[(12.0, 9.0); 9]);
    parts
        .collected
        .retain(|collected| collected.cell != cell("bdi-ii", Peer));
    for collected in &mut parts.collected {
        collected.agreed &= collected.cell.facilitation != krog_measures::Facilitation::CoLed;
    }
    let release = release(clear(&batch(parts)).encoded());
    assert_eq!(release.cells.len(), 12);
    assert_eq!(sums(&release, &cell("k6", Professional)).persons, 10);
    assert_eq!(
        withheld(&release, &cell("bdi-ii", Professional)),
        wire::Withheld::NotInTable
    );
    assert_eq!(
        withheld(&release, &cell("k6", Peer)),
        wire::Withheld::BelowFloor
    );
    assert_eq!(
        withheld(&release, &cell("bdi-ii", Peer)),
        wire::Withheld::NotCollected
    );
    let co_led = cell("k6", krog_measures::Facilitation::CoLed);
    assert_eq!(withheld(&release, &co_led), wire::Withheld::NotShared);
}

#[test]
fn a_policy_can_raise_the_floor_and_not_lower_it() {
    let k6 = cell("k6", Peer);
    for (floor, persons, told) in [
        (0, 9, false),
        (0, 10, true),
        (12, 11, false),
        (12, 12, true),
    ] {
        let mut parts = centre(vec![measure("k6", 24.0)]);
        parts.policy.floor_persons = floor;
        fill(&mut parts, &k6, &vec![(12.0, 9.0); persons]);
        let status = form(&batch(parts))
            .cells
            .into_iter()
            .find(|form| form.cell == k6)
            .unwrap()
            .status;
        let expected = if told {
            PublicStatus::Value
        } else {
            PublicStatus::BelowFloor
        };
        assert_eq!(status, expected, "floor {floor}, {persons} persons");
    }
}

#[test]
fn who_did_not_consent_or_whose_group_did_not_agree_is_not_counted() {
    let k6 = cell("k6", Peer);
    let mut parts = centre(vec![measure("k6", 24.0)]);
    fill(&mut parts, &k6, &[(12.0, 9.0); 12]);
    parts.waiting[0].consented = false;
    parts.waiting[1].group_agreed = false;
    let uncounted = [parts.waiting[0].pair, parts.waiting[1].pair];
    let batch = batch(parts);
    let cleared = clear(&batch);
    assert_eq!(sums(&release(cleared.encoded()), &k6).persons, 10);
    assert!(uncounted.iter().all(|pair| !cleared.spent().contains(pair)));
    let form = form(&batch)
        .cells
        .into_iter()
        .find(|form| form.cell == k6)
        .unwrap();
    assert_eq!(
        (form.waiting, form.without_consent, form.persons),
        (12, 1, 10)
    );
}

#[test]
fn a_person_counts_once_in_a_cell_and_their_later_pair_waits() {
    let k6 = cell("k6", Peer);
    let mut parts = centre(vec![measure("k6", 24.0)]);
    fill(&mut parts, &k6, &[(12.0, 9.0); 10]);
    parts
        .waiting
        .push(pair(100, 3, &k6, quarter("2025Q2"), (12.0, 9.0)));
    let later = parts.waiting[3].pair;
    let cleared = clear(&batch(parts));
    let sums = sums(&release(cleared.encoded()), &k6);
    assert_eq!(
        (sums.persons, sums.first_quarter, sums.last_quarter),
        (10, 2025 * 4 + 1, 2026 * 4)
    );
    assert!(!cleared.spent().contains(&later));
}

#[test]
fn ten_pairs_of_nine_persons_are_below_the_floor() {
    let k6 = cell("k6", Peer);
    let mut parts = centre(vec![measure("k6", 24.0)]);
    fill(&mut parts, &k6, &[(12.0, 9.0); 9]);
    parts
        .waiting
        .push(pair(100, 3, &k6, quarter("2025Q2"), (12.0, 9.0)));
    assert_eq!(
        withheld(&release(clear(&batch(parts)).encoded()), &k6),
        wire::Withheld::BelowFloor
    );
}

#[test]
fn after_eight_quarters_a_pair_waits_for_a_pool_and_before_its_quarter_it_is_not_there() {
    let k6 = cell("k6", Peer);
    for (closed, told) in [
        ("2024Q1", false),
        ("2024Q2", true),
        ("2026Q1", true),
        ("2026Q2", false),
    ] {
        let mut parts = centre(vec![measure("k6", 24.0)]);
        fill(&mut parts, &k6, &[(12.0, 9.0); 10]);
        parts.waiting[0].closed = quarter(closed);
        let release = release(clear(&batch(parts)).encoded());
        let value = matches!(bench::told(&release, &k6), wire::cell::Told::Sums(_));
        assert_eq!(value, told, "{closed}");
    }
}

#[test]
fn as_many_scores_are_told_as_the_persons_allow() {
    let codes = ["a", "b", "c", "d", "e"];
    for (persons, told) in [(9, 0), (10, 1), (19, 1), (20, 2), (39, 2), (40, 4)] {
        let mut parts = centre(codes.iter().map(|code| measure(code, 10.0)).collect());
        for code in codes {
            fill(&mut parts, &cell(code, Peer), &vec![(5.0, 4.0); persons]);
        }
        let form = form(&batch(parts));
        let values: Vec<_> = form
            .cells
            .iter()
            .filter(|cell| cell.status == PublicStatus::Value)
            .map(|cell| cell.cell.measure.as_str())
            .collect();
        assert_eq!(values, codes[..told], "{persons} persons");
        if persons >= 10 {
            assert!(
                form.cells
                    .iter()
                    .any(|cell| cell.reason == HomeReason::TableFull)
            );
        }
    }
}

#[test]
fn the_smallest_cell_of_a_table_decides_how_many_scores_it_holds() {
    let mut parts = centre(vec![
        measure("a", 24.0),
        measure("b", 24.0),
        measure("c", 24.0),
    ]);
    fill(&mut parts, &cell("a", Peer), &[(5.0, 4.0); 45]);
    fill(&mut parts, &cell("b", Peer), &[(5.0, 4.0); 15]);
    fill(&mut parts, &cell("c", Peer), &[(5.0, 4.0); 30]);
    let release = release(clear(&batch(parts)).encoded());
    assert_eq!(sums(&release, &cell("a", Peer)).persons, 45);
    assert_eq!(
        withheld(&release, &cell("b", Peer)),
        wire::Withheld::NotInTable
    );
    assert_eq!(sums(&release, &cell("c", Peer)).persons, 30);
}

#[test]
fn several_scores_of_one_instrument_are_told_only_of_the_same_people() {
    for (same, told) in [(true, 2), (false, 1)] {
        let mut parts = centre(vec![
            measure("ons4.happy", 10.0),
            measure("ons4.anxious", 10.0),
        ]);
        fill(&mut parts, &cell("ons4.happy", Peer), &[(5.0, 4.0); 20]);
        fill(&mut parts, &cell("ons4.anxious", Peer), &[(5.0, 4.0); 20]);
        if !same {
            parts.waiting[25].person = krog_disclosure::PersonKey(id(99));
        }
        let form = form(&batch(parts));
        let values = form
            .cells
            .iter()
            .filter(|cell| cell.status == PublicStatus::Value)
            .count();
        assert_eq!(values, told);
        assert_eq!(
            form.cells
                .iter()
                .any(|cell| cell.reason == HomeReason::OtherPersons),
            !same
        );
    }
}

#[test]
fn items_are_never_told_beside_their_total_nor_in_the_quarter_after() {
    let measures = || vec![measure("circle", 48.0), measure("circle.heard", 10.0)];
    let item = cell("circle.heard", Peer);
    let mut parts = centre(measures());
    fill(&mut parts, &cell("circle", Peer), &[(20.0, 24.0); 50]);
    fill(&mut parts, &item, &[(5.0, 4.0); 50]);
    assert_eq!(
        withheld(&release(clear(&batch(parts)).encoded()), &item),
        wire::Withheld::NotInTable
    );
    // The total is spent, the items still wait.
    let mut parts = centre(measures());
    fill(&mut parts, &item, &[(5.0, 4.0); 50]);
    assert_eq!(
        withheld(&release(clear(&batch(parts)).encoded()), &item),
        wire::Withheld::NotInTable
    );
}

#[test]
fn of_coarse_scores_only_the_first_is_ever_told() {
    let mut parts = centre(vec![
        measure("binary", 1.0),
        measure("five", 4.0),
        measure("seven", 6.0),
    ]);
    for code in ["binary", "five", "seven"] {
        fill(&mut parts, &cell(code, Peer), &[(1.0, 0.0); 50]);
    }
    let form = form(&batch(parts));
    let reason = |code| {
        form.cells
            .iter()
            .find(|form| form.cell == cell(code, Peer))
            .unwrap()
            .reason
    };
    assert_eq!(reason("binary"), HomeReason::TooFewLevels);
    assert_eq!(reason("five"), HomeReason::Told);
    assert_eq!(reason("seven"), HomeReason::SecondCoarseScore);
}

#[test]
fn follow_up_is_told_from_twenty_baselines_on_in_two_bands() {
    for (opened, found, band) in [
        (19, 19, None),
        (20, 11, Some(wire::FollowUpBand::Under60)),
        (20, 12, Some(wire::FollowUpBand::AtLeast60)),
    ] {
        let mut parts = centre(vec![measure("k6", 24.0)]);
        parts.baselines = vec![BaselineCount {
            measure: code("k6"),
            opened,
            found,
        }];
        let batch = batch(parts);
        let release = release(clear(&batch).encoded());
        assert_eq!(release.follow_up.first().map(|told| told.band()), band);
        assert_eq!(form(&batch).follow_up.len(), release.follow_up.len());
    }
}

#[test]
fn a_stopped_release_says_not_shared_where_values_stood_and_spends_them_all_the_same() {
    let mut parts = centre(vec![measure("k6", 24.0)]);
    fill(&mut parts, &cell("k6", Peer), &[(12.0, 9.0); 10]);
    fill(&mut parts, &cell("k6", Professional), &[(12.0, 9.0); 3]);
    parts.baselines = vec![BaselineCount {
        measure: code("k6"),
        opened: 30,
        found: 30,
    }];
    let cleared = clear(&batch(parts));
    let spent = cleared.spent().to_vec();
    let stopped = cleared.into_stopped();
    let release = release(stopped.encoded());
    assert!(stopped.is_stopped());
    assert_eq!(stopped.spent(), spent);
    assert_eq!(
        withheld(&release, &cell("k6", Peer)),
        wire::Withheld::NotShared
    );
    assert_eq!(
        withheld(&release, &cell("k6", Professional)),
        wire::Withheld::BelowFloor
    );
    assert!(release.follow_up.is_empty());
    assert_eq!((release.quarter, release.cells.len()), (2026 * 4, 6));
}

#[test]
fn a_batch_that_cannot_be_is_refused_in_words_without_numbers_of_persons() {
    let whole = || {
        let mut parts = centre(vec![measure("k6", 24.0)]);
        fill(&mut parts, &cell("k6", Peer), &[(12.0, 9.0); 2]);
        parts
    };
    let refused = |change: &dyn Fn(&mut krog_disclosure::BatchParts)| {
        let mut parts = whole();
        change(&mut parts);
        QuarterBatch::new(parts).err()
    };
    assert!(QuarterBatch::new(whole()).is_ok());
    for score in [24.5, -1.0, f64::NAN, f64::INFINITY] {
        let error = refused(&|parts| parts.waiting[0].follow_up = score);
        assert_eq!(error, Some(BatchError::OffScale(code("k6"))));
    }
    assert_eq!(
        refused(&|parts| parts.waiting[1].pair = parts.waiting[0].pair),
        Some(BatchError::RepeatedPair(code("k6")))
    );
    assert_eq!(
        refused(&|parts| parts.policy.measures.clear()),
        Some(BatchError::NoMeasures)
    );
    assert_eq!(
        refused(&|parts| parts.policy.measures.push(measure("k6", 10.0))),
        Some(BatchError::RepeatedMeasure(code("k6")))
    );
    assert_eq!(
        refused(&|parts| parts.roster_version = 0),
        Some(BatchError::RosterVersion(0))
    );
    assert!(matches!(
        refused(&|parts| parts.quarter = quarter("1950Q1")),
        Some(BatchError::Quarter(_))
    ));
    assert!(matches!(
        refused(&|parts| {
            let again = parts.collected[0].clone();
            parts.collected.push(again);
        }),
        Some(BatchError::RepeatedCell(_))
    ));
    assert!(matches!(
        refused(&|parts| {
            parts.baselines.push(BaselineCount {
                measure: code("k6"),
                opened: 1,
                found: 2,
            });
        }),
        Some(BatchError::FollowUp(_))
    ));
}

#[test]
fn a_masked_form_reads_as_people_say_it() {
    let bdi = cell("bdi-ii", Peer);
    let said = |persons: usize| {
        let mut parts = centre(vec![measure("bdi-ii", 63.0)]);
        fill(&mut parts, &bdi, &vec![(30.0, 20.0); persons]);
        let form = form(&batch(parts));
        form.cells
            .iter()
            .find(|form| form.cell == bdi)
            .unwrap()
            .told
            .unwrap()
            .to_string()
    };
    assert_eq!(
        said(13),
        "n 13 · baseline in steps of 63 · change in steps of 63"
    );
    assert_eq!(
        said(20),
        "n 20 · baseline in steps of 63 · change in steps of 63 · SD of change in steps of 3.15"
    );
}

#[test]
fn nothing_personal_is_printed() {
    let mut parts = centre(vec![measure("k6", 24.0)]);
    fill(&mut parts, &cell("k6", Peer), &[(13.0, 9.0); 10]);
    let printed = format!("{:?} {:?}", parts.waiting, parts.baselines);
    assert!(!printed.contains("13"), "{printed}");
    let batch = batch(parts);
    let cleared = clear(&batch);
    assert_eq!(
        format!("{batch:?} {cleared:?}"),
        "QuarterBatch(2026Q1) ClearedRelease(2026Q1)"
    );
}
