use super::*;
use crate::roster::Roster;
use crate::testing::{DAY, Net, Ngo, admission_key, salt};
use proptest::prelude::*;

#[test]
fn an_invited_node_shows_that_it_holds_the_token() {
    let net = Net::new();
    let ngo = Ngo::new("alba");
    let token = net.token(3);
    let admission = admission_for(&token, ngo.node());
    let read = Admission::decode(&admission.encode()).unwrap();
    assert_eq!(read, admission);
    let verified = verify_admission(&read, &net.rosters, ngo.node()).unwrap();
    assert_eq!(verified.invitation().count, 3);
    // An admission is good for one node only.
    let other = Ngo::new("bela");
    let copied = verify_admission(&admission, &net.rosters, other.node());
    assert_eq!(copied.unwrap_err(), InvitationFault::NotHeld);
}

#[test]
fn an_invitation_needs_the_threshold_of_the_version_it_names() {
    let net = Net::new();
    let invitation = net.invitation(1);
    assert!(verify(&net.signed(&invitation), &net.rosters).is_ok());
    let unsigned = SignedInvitation {
        signatures: vec![],
        ..net.signed(&invitation)
    };
    let needed = 1;
    assert_eq!(
        verify(&unsigned, &net.rosters).unwrap_err(),
        InvitationFault::TooFewSignatures { valid: 0, needed }
    );
    let mallory = Ngo::new("mallory");
    let bytes = invitation.encode();
    for node in [mallory.node(), net.founder.node()] {
        let signatures = vec![sign_invitation(&bytes, node, &mallory.office())];
        let forged = SignedInvitation {
            invitation: bytes.clone(),
            signatures,
        };
        assert_eq!(
            verify(&forged, &net.rosters).unwrap_err(),
            InvitationFault::TooFewSignatures { valid: 0, needed }
        );
    }
    let later = Invitation {
        roster_version: 2,
        ..invitation.clone()
    };
    assert_eq!(
        verify(&net.signed(&later), &net.rosters).unwrap_err(),
        InvitationFault::UnknownRoster { version: 2 }
    );
    let elsewhere = Invitation {
        network: NetworkId::of(b"x"),
        ..invitation
    };
    assert_eq!(
        verify(&net.signed(&elsewhere), &net.rosters).unwrap_err(),
        InvitationFault::WrongNetwork
    );
}

#[test]
fn a_removed_keyholder_invites_nobody_under_an_old_roster() {
    let net = Net::new();
    let alba = Ngo::new("alba");
    let mut chain = net.rosters.clone();
    let add = |roster: &mut Roster, ngo: &Ngo| {
        roster.nodes.insert(ngo.node());
        roster.keyholders.insert(ngo.node(), ngo.office().public());
    };
    let mut second = chain.draft_next();
    add(&mut second, &alba);
    chain
        .apply(second.signed_by(net.founder.node(), &net.founder.office()))
        .unwrap();
    let bytes = Invitation {
        roster_version: 2,
        ..net.invitation(1)
    }
    .encode();
    let by_alba = SignedInvitation {
        signatures: vec![sign_invitation(&bytes, alba.node(), &alba.office())],
        invitation: bytes,
    };
    assert!(verify(&by_alba, &chain).is_ok());
    let mut third = chain.draft_next();
    third.nodes.remove(&alba.node());
    third.keyholders.remove(&alba.node());
    third.removed.insert(alba.node(), Default::default());
    chain
        .apply(third.signed_by(net.founder.node(), &net.founder.office()))
        .unwrap();
    assert!(matches!(
        verify(&by_alba, &chain),
        Err(InvitationFault::TooFewSignatures { valid: 0, .. })
    ));
}

#[test]
fn day_count_and_node_are_checked_by_the_admitting_node() {
    let net = Net::new();
    let verified = verify(&net.signed(&net.invitation(2)), &net.rosters).unwrap();
    let (here, today) = (net.founder.node(), i64::from(DAY));
    assert_eq!(verified.usable(here, today, 1), Ok(()));
    assert_eq!(
        verified.usable(here, today + 1, 0),
        Err(InvitationFault::Expired)
    );
    assert_eq!(verified.usable(here, today, 2), Err(InvitationFault::Used));
    assert_eq!(
        verified.usable(Ngo::new("alba").node(), today, 0),
        Err(InvitationFault::WrongNode)
    );
}

#[test]
fn a_token_reads_back_however_a_letter_wrapped_it() {
    let token = Net::new().token(5);
    let text = token.print();
    assert!(text.starts_with("krog1-") && text.is_ascii());
    let wrapped: String = text
        .as_bytes()
        .chunks(60)
        .map(|line| format!("  {}\r\n", String::from_utf8_lossy(line)))
        .collect();
    for text in [text.as_str(), &wrapped, &text.to_uppercase()] {
        let read: JoinToken = text.parse().unwrap();
        assert_eq!(read.print(), token.print());
        assert_eq!(read.network(), token.network());
        assert_eq!(read.invitation(), token.invitation());
        assert_eq!(read.tls_pin(), token.tls_pin());
        assert_eq!(read.address(), token.address());
    }
    assert_eq!(format!("{token:?}"), "JoinToken(..)");
}

#[test]
fn what_is_wrong_with_a_token_is_told_apart() {
    let text = Net::new().token(5).print();
    let fault = |text: &str| text.parse::<JoinToken>().unwrap_err();
    for not in [
        "",
        "hello",
        "krog",
        "krog-",
        "krogx-abc",
        "krog0-abc",
        "https://krog1-x",
        &"x".repeat(40_000),
    ] {
        assert_eq!(fault(not), TokenFault::NotAToken, "{not:.20}");
    }
    assert_eq!(fault(&text.replace("krog1-", "krog2-")), TokenFault::Newer);
    for damaged in [
        &text[..text.len() - 3],
        "krog1-",
        "krog1-aa",
        "krog1-1089",
        &format!("{}aa", &*text),
    ] {
        assert_eq!(fault(damaged), TokenFault::Damaged);
    }
}

#[test]
fn a_token_that_contradicts_itself_is_refused() {
    let net = Net::new();
    let make = |invitation: &Invitation, key: AdmissionKey| {
        let address = "localhost:1".parse().unwrap();
        JoinToken::new(
            net.genesis.clone(),
            net.signed(invitation),
            key,
            address,
            net.founder.pin(),
        )
    };
    assert!(make(&net.invitation(1), admission_key()).is_ok());
    assert!(matches!(
        make(&net.invitation(1), AdmissionKey::from_seed([3; 32])),
        Err(TokenFault::Content(_))
    ));
    let elsewhere = Invitation {
        network: NetworkId::of(b"x"),
        ..net.invitation(1)
    };
    assert!(matches!(
        make(&elsewhere, admission_key()),
        Err(TokenFault::Content(_))
    ));
}

#[test]
fn invitations_out_of_range_are_refused() {
    let net = Net::new();
    let good = net.invitation(1);
    assert_eq!(Invitation::parse(&good.encode()).unwrap(), good);
    for bad in [
        Invitation {
            count: 0,
            ..good.clone()
        },
        Invitation {
            count: 1_001,
            ..good.clone()
        },
        Invitation {
            roster_version: 0,
            ..good.clone()
        },
        Invitation {
            last_day: 2_000_001,
            ..good.clone()
        },
    ] {
        assert!(Invitation::parse(&bad.encode()).is_err());
    }
    let mut short = proto::Invitation::decode(good.encode().as_slice()).unwrap();
    short.nonce = salt(1)[..15].to_vec();
    assert!(Invitation::parse(&short.encode_to_vec()).is_err());
}

proptest! {
    #[test]
    fn any_changed_character_of_a_token_is_noticed(at in any::<prop::sample::Index>(), to in "[a-z2-7]") {
        let text = Net::new().token(5).print();
        let i = 6 + at.index(text.len() - 6);
        let changed = format!("{}{to}{}", &text[..i], &text[i + 1..]);
        prop_assume!(changed != *text);
        prop_assert_eq!(changed.parse::<JoinToken>().unwrap_err(), TokenFault::Damaged);
    }

    #[test]
    fn any_changed_byte_of_an_admission_is_refused(at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let net = Net::new();
        let ngo = Ngo::new("alba");
        let mut bytes = net.admission(&ngo, 2).encode();
        let i = at.index(bytes.len());
        bytes[i] ^= flip;
        let verified = Admission::decode(&bytes)
            .map_err(InvitationFault::from)
            .and_then(|admission| verify_admission(&admission, &net.rosters, ngo.node()));
        prop_assert!(verified.is_err());
    }

    #[test]
    fn random_text_and_bytes_are_no_token(text in "\\PC{0,80}", tail in "[a-z2-7]{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(text.parse::<JoinToken>().is_err());
        let prefixed = format!("krog1-{tail}").parse::<JoinToken>();
        prop_assert!(prefixed.is_err());
        let _ = Admission::decode(&bytes);
        let _ = Invitation::parse(&bytes);
    }
}
