use super::*;

fn network() -> pb::DescribedNetwork {
    let node = |n: u8, name: &str| pb::DescribedNode {
        node: vec![n; 32],
        public_name: name.to_owned(),
        centres: Vec::new(),
    };
    pb::DescribedNetwork {
        network: vec![1; 32],
        public_name: "Circle".to_owned(),
        nodes: vec![node(2, "Društvo Lipa"), node(3, "Na obali")],
        ..Default::default()
    }
}

fn opening() -> pb::PoolOpening {
    pb::PoolOpening {
        measure: "k6".to_owned(),
        comparability_class: vec![7; 32],
        facilitation: pb::Facilitation::Peer.into(),
        course: pb::Course::Entry.into(),
        first_quarter: 2025 * 4,
        last_quarter: 2025 * 4 + 3,
        roster_version: 2,
        sums: vec![pb::PoolSum::Persons.into(), pb::PoolSum::Change.into()],
        leader: vec![2; 32],
        helper: vec![3; 32],
        deadline: 20_574,
        expiry: 20_604,
        persons_per_centre: 40,
        change_bound_hundredths: 1_800,
        unit_sd_thousandths: 6_000,
        rho_millionths: 250_000,
        precision: vec![
            pb::ExpectedPrecision {
                centres: 5,
                persons: 60,
                half_width_thousandths: 340,
                noiseless_half_width_thousandths: 253,
            },
            pb::ExpectedPrecision {
                centres: 30,
                persons: 360,
                half_width_thousandths: 110,
                noiseless_half_width_thousandths: 103,
            },
        ],
        ..Default::default()
    }
}

/// One that takes parts, one that told, its second round that failed, and one about items.
fn rounds() -> Vec<pb::DescribedRound> {
    let collecting = pb::DescribedRound {
        round: vec![0x1a; 32],
        opening: Some(opening()),
        stage: RoundStage::Collecting.into(),
        commitments: 4,
        ..Default::default()
    };
    let told = pb::DescribedRound {
        round: vec![0x2b; 32],
        opening: Some(pb::PoolOpening {
            last_quarter: 2025 * 4,
            deadline: 20_480,
            expiry: 20_510,
            ..opening()
        }),
        stage: RoundStage::Told.into(),
        commitments: 7,
        agreed: 6,
        leader_outcome: pb::PoolOutcome::Told.into(),
        helper_outcome: pb::PoolOutcome::Told.into(),
        sums: vec![61.4, -156.75],
        noise_sds: vec![4.47, 40.25],
    };
    let failed = pb::DescribedRound {
        round: vec![0x3c; 32],
        opening: Some(pb::PoolOpening {
            sums: vec![
                pb::PoolSum::Weight.into(),
                pb::PoolSum::WeightedEffect.into(),
                pb::PoolSum::WeightedEffectSquared.into(),
            ],
            first_round: vec![0x2b; 32],
            tau2_millionths: 40_000,
            rho_millionths: 0,
            precision: Vec::new(),
            leader: vec![9; 32],
            ..opening()
        }),
        stage: RoundStage::Failed.into(),
        commitments: 5,
        leader_outcome: pb::PoolOutcome::TooFewCentres.into(),
        helper_outcome: pb::PoolOutcome::OtherEnded.into(),
        ..Default::default()
    };
    let item = |code: &str| pb::PoolItem {
        code: code.to_owned(),
        lowest: 0,
        highest: 4,
    };
    let items = pb::DescribedRound {
        round: vec![0x4d; 32],
        opening: Some(pb::PoolOpening {
            sums: vec![pb::PoolSum::Persons.into(), pb::PoolSum::Items.into()],
            items: vec![item("nervous"), item("hopeless")],
            precision: Vec::new(),
            rho_millionths: 0,
            ..opening()
        }),
        stage: RoundStage::Told.into(),
        commitments: 5,
        agreed: 5,
        sums: vec![60.0, 97.0, 71.0],
        noise_sds: vec![0.0; 3],
        ..Default::default()
    };
    vec![collecting, told, failed, items]
}

#[test]
fn a_list_of_rounds_reads_well() {
    let answer = listed(&network(), rounds());
    assert!(answer.text.lines().all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(answer.text);
}

#[test]
fn programs_read_every_digit_and_the_reason_of_what_is_absent() {
    let json = listed(&network(), rounds()).json;
    let rounds = &json["rounds"];
    assert_eq!(rounds[0]["stage"], "collecting");
    assert_eq!(rounds[0]["told"]["status"], "absent");
    assert_eq!(rounds[0]["leader"]["public_name"], "Društvo Lipa");
    assert_eq!(rounds[0]["leader"]["outcome"]["status"], "absent");
    assert_eq!(rounds[0]["precision"][0]["half_width_sd"], 0.34);
    assert_eq!(rounds[1]["told"]["sums"][1]["value"], -156.75);
    assert_eq!(rounds[1]["told"]["sums"][1]["noise_sd"], 40.25);
    assert_eq!(rounds[1]["epsilon"]["delta"], 1e-6);
    assert_eq!(rounds[2]["epsilon"]["why"], "no noise");
    assert_eq!(rounds[2]["first_round"]["round"], "2b".repeat(32));
    assert_eq!(rounds[3]["asks"][2], "answers to hopeless");
}

#[test]
fn no_round_is_said_and_none_that_cannot_be_read_is_shown() {
    let none = listed(&network(), Vec::new());
    assert_eq!(none.text, "No rounds of pools in Circle.");
    let [collecting, mut told, ..] = <[_; 4]>::try_from(rounds()).unwrap();
    let without = pb::DescribedRound {
        opening: None,
        ..collecting
    };
    told.sums.pop();
    let answer = listed(&network(), vec![without, told]);
    assert!(answer.text.contains("2 more cannot be read here"));
    assert_eq!(answer.json["unread"], 2);
}

#[test]
fn no_name_steers_the_terminal() {
    let mut network = network();
    network.public_name = "\u{1b}[2J".to_owned();
    network.nodes[0].public_name = "\u{1b}]0;x\u{7}".to_owned();
    assert!(!listed(&network, rounds()).text.contains('\u{1b}'));
}
