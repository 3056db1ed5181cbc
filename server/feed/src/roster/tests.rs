use super::*;
use crate::entry::Place;
use crate::ids::HeaderHash;
use crate::testing::{Net, Ngo, salt};
use krog_measures::instrument::{
    ClassHash, Direction, Measure, MeasureCode, Scale, StatedSd, Window,
};
use proptest::prelude::*;

/// A network whose version 2 has three keyholders and a threshold of two.
fn three() -> (Net, RosterChain, [Ngo; 3]) {
    let net = Net::new();
    let ngos = [net.founder.clone(), Ngo::new("alba"), Ngo::new("bela")];
    let mut chain = net.rosters.clone();
    let mut second = chain.draft_next();
    for ngo in &ngos {
        second.nodes.insert(ngo.node());
        second.keyholders.insert(ngo.node(), ngo.office().public());
    }
    second.threshold = 2;
    let signed = second.signed_by(net.founder.node(), &net.founder.office());
    assert_eq!(chain.apply(signed), Ok(true));
    (net, chain, ngos)
}

fn signed(roster: &Roster, signers: &[&Ngo]) -> SignedRoster {
    let bytes = roster.encode();
    SignedRoster {
        signatures: signers
            .iter()
            .map(|ngo| sign_roster(&bytes, ngo.node(), &ngo.office()))
            .collect(),
        roster: bytes,
    }
}

#[test]
fn the_first_roster_is_signed_by_the_founder_of_the_genesis() {
    let net = Net::new();
    let first = net.rosters.latest();
    assert_eq!(first.version, 1);
    assert_eq!(
        RosterChain::start(net.id(), first.signed().clone()).unwrap(),
        net.rosters
    );
    let other = Ngo::new("alba");
    let forged = signed(first, &[&other]);
    let faults = [
        RosterChain::start(net.id(), forged),
        RosterChain::start(
            net.id(),
            SignedRoster {
                signatures: vec![],
                ..first.signed().clone()
            },
        ),
    ];
    for fault in faults {
        assert_eq!(
            fault.unwrap_err(),
            RosterFault::TooFewSignatures {
                valid: 0,
                needed: 1
            }
        );
    }
    let elsewhere = RosterChain::start(NetworkId::of(b"x"), first.signed().clone());
    assert_eq!(elsewhere.unwrap_err(), RosterFault::WrongNetwork);
}

#[test]
fn the_next_version_needs_the_threshold_that_the_version_before_demands() {
    let (net, chain, [founder, alba, bela]) = three();
    let mut third = chain.draft_next();
    // Lowering the threshold does not help the version that lowers it.
    third.threshold = 1;
    let stranger = Ngo::new("cena");
    let mut twice = signed(&third, &[&alba]);
    twice.signatures.push(twice.signatures[0]);
    let mut under_another_name = signed(&third, &[&alba]);
    let forged = KeyholderSignature {
        node: bela.node(),
        ..under_another_name.signatures[0]
    };
    under_another_name.signatures.push(forged);
    for too_few in [
        signed(&third, &[&alba]),
        signed(&third, &[&alba, &stranger]),
        twice,
        under_another_name,
    ] {
        let needed = 2;
        assert_eq!(
            chain.clone().apply(too_few),
            Err(RosterFault::TooFewSignatures { valid: 1, needed })
        );
    }
    let mut grown = chain.clone();
    assert_eq!(grown.apply(signed(&third, &[&founder, &bela])), Ok(true));
    assert_eq!(grown.apply(signed(&third, &[&founder, &bela])), Ok(false));
    assert_eq!(grown.latest().version, 3);
    let all: Vec<_> = grown.versions().map(|v| v.signed().clone()).collect();
    assert_eq!(RosterChain::from_versions(net.id(), all).unwrap(), grown);
}

#[test]
fn versions_are_taken_one_by_one_and_only_in_line() {
    let (_, mut chain, [founder, alba, _]) = three();
    let third = chain.draft_next();
    let skipping = Roster {
        version: 4,
        ..third.clone()
    };
    assert_eq!(
        chain.apply(signed(&skipping, &[&founder, &alba])),
        Err(RosterFault::Gap {
            version: 4,
            known: 2
        })
    );
    let beside = Roster {
        previous: Some(RosterHash::of(b"x")),
        ..third.clone()
    };
    assert_eq!(
        chain.apply(signed(&beside, &[&founder, &alba])),
        Err(RosterFault::NotNext)
    );
    assert_eq!(chain.apply(signed(&third, &[&founder, &alba])), Ok(true));
    let rival = Roster {
        threshold: 1,
        ..third
    };
    assert_eq!(
        chain.apply(signed(&rival, &[&founder, &alba])),
        Err(RosterFault::Rival)
    );
    assert!(matches!(
        chain.apply(signed(&rival, &[&alba])),
        Err(RosterFault::TooFewSignatures { .. })
    ));
    let mut elsewhere = chain.draft_next();
    elsewhere.genesis = Genesis::new(
        founder.inception.clone(),
        "Other".parse().unwrap(),
        salt(1),
        true,
    );
    assert_eq!(
        chain.apply(signed(&elsewhere, &[&founder, &alba])),
        Err(RosterFault::WrongNetwork)
    );
}

#[test]
fn a_roster_reads_back_with_its_removed_nodes() {
    let (_, chain, [_, alba, _]) = three();
    let mut third = chain.draft_next();
    third.nodes.remove(&alba.node());
    third.keyholders.remove(&alba.node());
    let head = Head {
        writer: alba.node().into(),
        place: Place { epoch: 1, seq: 7 },
        hash: HeaderHash::of(b"x"),
        frozen: false,
    };
    third
        .removed
        .insert(alba.node(), BTreeMap::from([(head.writer, head)]));
    assert_eq!(Roster::parse(&third.encode()), Ok(third));
}

#[test]
fn rosters_that_contradict_themselves_are_refused() {
    let (_, chain, [founder, alba, _]) = three();
    let refused = |change: &dyn Fn(&mut proto::Roster)| {
        let mut wire = proto::Roster::decode(chain.draft_next().encode().as_slice()).unwrap();
        change(&mut wire);
        Roster::parse(&wire.encode_to_vec()).is_err()
    };
    assert!(!refused(&|_| {}));
    assert!(refused(&|r| r.threshold = 4));
    assert!(refused(&|r| r.threshold = 0));
    assert!(refused(&|r| r.policy = None));
    assert!(refused(&|r| r.version = 1));
    assert!(refused(&|r| r.version = 1_000_001));
    assert!(refused(&|r| r.previous.clear()));
    assert!(refused(&|r| r.nodes.push(r.nodes[0].clone())));
    assert!(refused(
        &|r| r.nodes[0].keyholder_key = r.nodes[1].keyholder_key.clone()
    ));
    assert!(refused(&|r| r.nodes[0].keyholder_key = vec![1; 31]));
    let gone = |ngo: &Ngo| proto::RemovedNode {
        node: ngo.node().into(),
        last: vec![],
    };
    assert!(refused(&|r| r.removed.push(gone(&alba))));
    assert!(refused(
        &|r| r.removed = vec![gone(&Ngo::new("c")), gone(&Ngo::new("c"))]
    ));
    assert!(refused(&|r| r.genesis = founder.inception.encode().to_vec()));
}

fn measure(code: &str, sd: Option<f64>) -> Measure {
    Measure {
        code: MeasureCode::try_from(code).unwrap(),
        scale: Scale::new(0.0, 24.5, Direction::LowerBetter).unwrap(),
        window: Window::new(91, 63, 126).unwrap(),
        class: ClassHash([7; 32]),
        reference_change_sd: sd.map(|sd| StatedSd::new(sd, "a study").unwrap()),
    }
}

#[test]
fn a_policy_below_the_floors_counts_as_at_the_floors() {
    let wire = proto::Policy {
        floor_persons: 3,
        waiting_days: 0,
        measures: vec![],
        pools: None,
    };
    let policy = Policy::parse(wire).unwrap();
    assert_eq!((policy.floor_persons, policy.waiting_days), (10, 14));
    let stricter = proto::Policy {
        floor_persons: 25,
        waiting_days: 30,
        measures: vec![],
        pools: None,
    };
    let policy = Policy::parse(stricter).unwrap();
    assert_eq!((policy.floor_persons, policy.waiting_days), (25, 30));
    let beyond = proto::Policy {
        floor_persons: 1_001,
        waiting_days: 14,
        measures: vec![],
        pools: None,
    };
    assert!(Policy::parse(beyond).is_err());
}

#[test]
fn a_policy_reads_back_and_names_each_measure_once() {
    let policy = Policy::new(
        10,
        14,
        vec![measure("k6", Some(4.321)), measure("ons4.1", None)],
    )
    .unwrap();
    assert_eq!(Policy::parse(policy.to_proto()).unwrap(), policy);
    assert!(
        policy
            .measure(&MeasureCode::try_from("k6").unwrap())
            .is_some()
    );
    assert!(Policy::new(10, 14, vec![measure("k6", None), measure("k6", None)]).is_err());
    // Finer than the wire can say.
    assert!(Policy::new(10, 14, vec![measure("k6", Some(4.32101))]).is_err());
}

#[test]
fn measures_out_of_range_are_refused() {
    let good = Policy::new(10, 14, vec![measure("k6", Some(4.0))]).unwrap();
    let refused = |change: &dyn Fn(&mut proto::MeasureTerms)| {
        let mut wire = good.to_proto();
        change(&mut wire.measures[0]);
        Policy::parse(wire).is_err()
    };
    assert!(!refused(&|_| {}));
    assert!(refused(&|m| m.code = "K6!".into()));
    assert!(refused(&|m| m.comparability_class = vec![1; 31]));
    assert!(refused(&|m| m.scale_max_hundredths = m.scale_min_hundredths));
    assert!(refused(&|m| m.scale_max_hundredths = 1_000_001));
    assert!(refused(&|m| m.window_first_day = 0));
    assert!(refused(&|m| m.window_last_day = 3_651));
    assert!(refused(&|m| m.target_day = 70_000));
    assert!(refused(&|m| m.stated_change_sd_thousandths = Some(0)));
    assert!(refused(&|m| m.stated_change_sd_thousandths = None));
    assert!(refused(&|m| m.stated_change_sd_source = String::new()));
    assert!(refused(&|m| m.stated_change_sd_source = "x".repeat(201)));
}

proptest! {
    #[test]
    fn any_changed_byte_of_a_signed_roster_is_refused(at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let (_, chain, [founder, alba, _]) = three();
        let mut signed = signed(&chain.draft_next(), &[&founder, &alba]);
        let i = at.index(signed.roster.len());
        signed.roster[i] ^= flip;
        prop_assert!(chain.clone().apply(signed).is_err());
    }

    #[test]
    fn random_bytes_are_no_roster(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Roster::parse(&bytes);
        let _ = Genesis::parse(&bytes);
        let _ = SignedRoster::decode(&bytes);
        if let Ok(policy) = proto::Policy::decode(bytes.as_slice()) {
            let _ = Policy::parse(policy);
        }
    }
}
