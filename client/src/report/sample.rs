//! Comparisons made by hand, for tests of reports.

use krog_proto::federation::v1 as pb;
use pb::{Caveat, ContrastRefusal, ContrastVerdict, Course, Facilitation, Withheld};

fn row(
    id: u8,
    name: &str,
    facilitation: Facilitation,
    persons: u32,
    effect: Option<f64>,
) -> pb::CentreRow {
    pb::CentreRow {
        centre: vec![id; 32],
        public_name: name.to_owned(),
        facilitation: facilitation.into(),
        course: Course::Entry.into(),
        persons,
        first_quarter: 2025 * 4 + 1,
        last_quarter: 2025 * 4 + u32::from(id % 3) + 1,
        releases: 1,
        mean_change: effect.map(|effect| -6.0 * effect),
        effect,
        variance: effect.map(|_| 1.0 / f64::from(persons) + 0.01),
        baseline_mean: (id != 3).then_some(13.25),
    }
}

fn side(
    facilitation: Facilitation,
    course: Course,
    centres: u32,
    persons: u32,
    effect: f64,
) -> pb::Side {
    pb::Side {
        facilitation: facilitation.into(),
        course: course.into(),
        centres,
        persons,
        mean_change: Some(-6.0 * effect),
        synthesis: Some(pb::Synthesis {
            k: centres,
            effect,
            se: 0.101_234_567_890_123,
            ci_low: effect - 0.26,
            ci_high: effect + 0.26,
            tau2: 0.0123,
            q: 7.5,
            i2: 33.3,
            pi_low: (centres > 2).then_some(effect - 0.5),
            pi_high: (centres > 2).then_some(effect + 0.5),
            fixed_effect: effect + 0.01,
            fixed_se: 0.08,
        }),
        pooled_centres: 0,
        pooled_persons: 0.0,
    }
}

/// Six centres a side, one name not known, one value at an end of the scale.
pub fn comparison() -> pb::Comparison {
    let professional = Facilitation::Professional;
    let peer = Facilitation::Peer;
    pb::Comparison {
        measure: "k6".to_owned(),
        range: 24.0,
        higher_is_better: false,
        change_sd: Some(6.123_456_789_012_345),
        change_sd_pooled: true,
        change_sd_source: String::new(),
        sides: vec![
            side(professional, Course::Entry, 6, 97, 0.61),
            side(peer, Course::Entry, 6, 88, 0.5),
            pb::Side {
                facilitation: Facilitation::CoLed.into(),
                course: Course::Continuing.into(),
                centres: 1,
                persons: 10,
                mean_change: None,
                synthesis: None,
                pooled_centres: 0,
                pooled_persons: 0.0,
            },
        ],
        contrast: Some(pb::Contrast {
            refusal: 0,
            professional_centres: 6,
            peer_centres: 6,
            difference: 0.11,
            se: 0.14,
            df: 9.8,
            ci_low: -0.2,
            ci_high: 0.42,
            smallest_detectable: Some(0.44),
            verdict: ContrastVerdict::CannotTell.into(),
        }),
        within: Some(pb::Contrast {
            refusal: ContrastRefusal::TooFewCentres.into(),
            professional_centres: 2,
            peer_centres: 2,
            ..Default::default()
        }),
        centres: vec![
            row(
                1,
                "Center Lipa, Društvo Obzorje",
                professional,
                14,
                Some(0.9),
            ),
            row(
                2,
                "Dom <b>Breza</b> & prijatelji",
                professional,
                22,
                Some(0.41),
            ),
            row(3, "", professional, 10, Some(0.2)),
            row(4, "Sončna hiša", peer, 31, Some(0.55)),
            row(
                5,
                "Centre Five of the Association with a Name as Long as the River",
                peer,
                12,
                Some(-0.1),
            ),
            row(6, "Na obali", peer, 10, None),
        ],
        untold: vec![
            pb::UntoldCount {
                reason: Withheld::BelowFloor.into(),
                facilitation: peer.into(),
                course: Course::Entry.into(),
                cells: 3,
            },
            pb::UntoldCount {
                reason: Withheld::NotShared.into(),
                facilitation: professional.into(),
                course: Course::Continuing.into(),
                cells: 1,
            },
        ],
        caveats: [
            Caveat::CompletersOnly,
            Caveat::NoControl,
            Caveat::RegressionToMean,
            Caveat::NotRandomised,
            Caveat::Clusters,
            Caveat::Rounding,
            Caveat::Untold,
            Caveat::FewCentres,
            Caveat::Rehearsal,
        ]
        .map(i32::from)
        .to_vec(),
        waiting: 3,
        pools: Vec::new(),
    }
}

/// Two pools: one with noise, weights and everything asked, one with neither.
pub fn pools() -> Vec<pb::PoolRow> {
    let plain = pb::PoolRow {
        opening: vec![0xb2; 32],
        facilitation: Facilitation::Peer.into(),
        course: Course::Entry.into(),
        centres: 6,
        persons: 54.0,
        first_quarter: 2025 * 4,
        last_quarter: 2025 * 4 + 3,
        mean_change: Some(-2.45),
        effect: Some(0.4),
        variance: Some(1.0 / 54.0),
        ..Default::default()
    };
    let item = |code: &str, mean| pb::PoolItemMean {
        code: code.to_owned(),
        mean,
    };
    let full = pb::PoolRow {
        opening: vec![0xa1; 32],
        facilitation: Facilitation::Professional.into(),
        centres: 9,
        persons: 107.6,
        mean_change: Some(-3.1),
        effect: Some(0.506),
        variance: Some(0.012_5),
        noise_se: 0.052,
        rho_millionths: 250_000,
        epsilon: Some(3.5),
        delta: Some(1e-6),
        has_weights: true,
        change_sd: Some(6.05),
        baseline_mean: Some(13.4),
        improved: Some(0.41),
        deteriorated: Some(0.06),
        followed_up: Some(0.72),
        sessions: Some(6.34),
        items: vec![
            item("nervous", 1.62),
            item("hopeless", 1.18),
            item("restless", 1.4),
        ],
        ..plain.clone()
    };
    vec![full, plain]
}

/// The same with two pools.
pub fn with_pools() -> pb::Comparison {
    let mut comparison = comparison();
    comparison.pools = pools();
    for (side, pool) in comparison.sides.iter_mut().zip(&comparison.pools) {
        side.pooled_centres = pool.centres;
        side.pooled_persons = pool.persons;
    }
    if let Some(synthesis) = (comparison.sides.first_mut()).and_then(|side| side.synthesis.as_mut())
    {
        synthesis.k = 15;
    }
    if let Some(synthesis) = (comparison.sides.get_mut(1)).and_then(|side| side.synthesis.as_mut())
    {
        synthesis.k = 7;
    }
    if let Some(contrast) = &mut comparison.contrast {
        (contrast.professional_centres, contrast.peer_centres) = (15, 12);
        contrast.smallest_detectable = None;
    }
    comparison.caveats = [
        Caveat::CompletersOnly,
        Caveat::NoControl,
        Caveat::PoolNoise,
        Caveat::PoolWithoutNoise,
        Caveat::SpreadAssumed,
        Caveat::ChangeBounded,
    ]
    .map(i32::from)
    .to_vec();
    comparison
}

/// Two centres, nothing standardised, the contrast refused.
pub fn small() -> pb::Comparison {
    pb::Comparison {
        measure: "bdi-ii".to_owned(),
        range: 63.0,
        change_sd: None,
        sides: vec![pb::Side {
            facilitation: Facilitation::Professional.into(),
            course: Course::Entry.into(),
            centres: 2,
            persons: 26,
            mean_change: Some(-9.69),
            synthesis: None,
            pooled_centres: 0,
            pooled_persons: 0.0,
        }],
        contrast: Some(pb::Contrast {
            refusal: ContrastRefusal::TooFewCentres.into(),
            professional_centres: 2,
            peer_centres: 0,
            ..Default::default()
        }),
        within: None,
        centres: vec![
            row(7, "A", Facilitation::Professional, 13, None),
            row(8, "B", Facilitation::Professional, 13, None),
        ],
        untold: vec![pb::UntoldCount {
            reason: Withheld::BelowFloor.into(),
            facilitation: Facilitation::Peer.into(),
            course: Course::Entry.into(),
            cells: 1,
        }],
        caveats: vec![Caveat::CompletersOnly.into(), 77],
        waiting: 1,
        ..Default::default()
    }
}
