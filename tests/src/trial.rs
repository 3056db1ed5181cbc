//! A published trial as input: baseline and two-month scores of 100 people.
//!
//! Source: Proudfoot et al. 2003, "Computerized, interactive, multimedia cognitive-behavioural program for anxiety and
//! depression in general practice", Psychological Medicine 33:217; data set BtheB of the R package HSAUR. BDI-II total,
//! 0 to 63, lower is better. The four centres are made from the length of the episode and drug treatment, and the arms of
//! the trial stand for facilitation; that mapping is arbitrary and means nothing.

use std::fmt::Write;

/// The measure, as it is given on the command line.
pub const MEASURE: &str = "bdi-ii,0..63,lower,day=59,window=42..75";

/// One cell: centre, facilitation, and each member's baseline and follow-up (`-1`: lost).
pub type Cell = (&'static str, &'static str, &'static [(i8, i8)]);

/// The eight cells, members in the order of the data set.
pub const CELLS: [Cell; 8] = [
    (
        "centre-long-drug",
        "peer",
        &[(30, 26), (47, 36), (34, 17), (38, 27), (17, 29), (35, 0)],
    ),
    (
        "centre-long-drug",
        "professional",
        &[
            (32, 16),
            (26, 23),
            (20, 5),
            (23, 13),
            (36, 6),
            (44, 24),
            (42, 1),
            (28, 9),
            (22, 10),
            (14, 15),
            (46, 36),
            (23, 17),
            (16, 16),
        ],
    ),
    (
        "centre-long-nodrug",
        "peer",
        &[
            (29, 2),
            (20, 20),
            (30, 32),
            (26, 27),
            (37, 30),
            (29, 22),
            (20, 21),
            (33, 23),
            (36, 42),
            (31, 48),
            (22, 20),
            (23, 23),
            (8, 12),
            (7, 6),
            (11, 8),
            (14, 22),
            (21, 22),
            (27, 31),
            (10, 13),
        ],
    ),
    (
        "centre-long-nodrug",
        "professional",
        &[
            (21, 17),
            (30, 30),
            (21, 6),
            (19, 12),
            (18, 20),
            (14, 3),
            (12, 18),
            (40, 30),
            (15, 9),
            (36, 14),
            (19, 4),
            (16, 11),
            (11, 22),
        ],
    ),
    (
        "centre-short-drug",
        "peer",
        &[
            (25, 20),
            (17, 7),
            (12, 15),
            (23, 21),
            (17, 9),
            (21, 9),
            (28, -1),
            (43, -1),
        ],
    ),
    (
        "centre-short-drug",
        "professional",
        &[
            (7, 0),
            (18, 13),
            (49, 35),
            (35, 12),
            (11, 8),
            (6, 7),
            (9, 7),
            (46, 40),
            (33, 27),
            (2, 5),
            (8, 5),
            (7, 7),
            (23, 30),
            (33, 18),
            (33, 13),
            (30, 26),
            (17, 8),
        ],
    ),
    (
        "centre-short-nodrug",
        "peer",
        &[
            (16, 13),
            (26, 17),
            (27, 7),
            (38, 38),
            (21, 14),
            (20, 19),
            (35, 30),
            (14, 13),
            (40, 36),
            (15, 7),
            (27, 20),
            (9, 8),
            (23, 9),
            (16, -1),
            (13, 5),
        ],
    ),
    (
        "centre-short-nodrug",
        "professional",
        &[
            (13, 8),
            (10, 8),
            (18, 10),
            (30, 30),
            (12, 1),
            (23, 20),
            (27, 30),
            (9, 6),
            (19, 4),
        ],
    ),
];

/// What each cell may tell: persons, baseline and change in steps of 63; `None` is below the floor. In the order of
/// [`CELLS`].
pub const TOLD: [Option<(u32, u32, i32)>; 8] = [
    None,
    Some((13, 6, -3)),
    Some((19, 7, 0)),
    Some((13, 4, -1)),
    None,
    Some((17, 6, -2)),
    Some((14, 5, -1)),
    None,
];

/// The trial as a table of outcomes: everybody's baseline on 2026-01-12 and follow-up on 2026-03-12.
pub fn csv() -> String {
    let mut table =
        "centre,group,facilitation,member,joined,sharing,measure,date,score\n".to_owned();
    let mut member = 0;
    for (centre, facilitation, people) in CELLS {
        for (baseline, follow_up) in people {
            member += 1;
            let scores = [("2026-01-12", *baseline), ("2026-03-12", *follow_up)];
            for (date, score) in scores.into_iter().filter(|(_, score)| *score >= 0) {
                let _ = writeln!(
                    table,
                    "{centre},{centre}-{facilitation},{facilitation},T{member:03},2026-01-12,yes,bdi-ii,{date},{score}"
                );
            }
        }
    }
    table
}
