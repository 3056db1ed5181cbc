//! What a template is and what is refused as one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use krog_measures::Facilitation;
use krog_proto::federation::v1 as wire;
use krog_templates::{
    Licence, Lock, MAX_BYTES, MAX_PARTS, PartKind, Template, TemplateBuilder, TemplateFault,
    Unshareable, WordsFault, builtin,
};
use proptest::prelude::*;
use prost::Message as _;

const EN: &[(&str, &str)] = &[("en", "Words")];

fn small() -> TemplateBuilder {
    TemplateBuilder::new("small", Facilitation::Peer, Licence::Cc0)
        .part(PartKind::Title, "title", Lock::Free, EN)
        .part(PartKind::Purpose, "purpose", Lock::Free, EN)
        .part(PartKind::Rule, "confidentiality", Lock::Fixed, EN)
}

/// A sound document, changed, and what becomes of it.
#[track_caller]
fn refused(change: impl FnOnce(&mut wire::TemplateDocument)) -> TemplateFault {
    let mut document = builtin::peer_led().to_proto();
    change(&mut document);
    let fault = Template::parse(document.clone()).unwrap_err();
    assert_eq!(
        Template::from_bytes(&document.encode_to_vec()).unwrap_err(),
        fault
    );
    assert!(!fault.to_string().is_empty());
    fault
}

fn of_kind(
    document: &mut wire::TemplateDocument,
    kind: wire::TemplatePartKind,
) -> &mut wire::TemplatePart {
    document
        .parts
        .iter_mut()
        .find(|part| part.kind == i32::from(kind))
        .unwrap()
}

#[test]
fn a_template_without_confidentiality_as_its_first_fixed_rule_is_refused() {
    let is_confidentiality = |part: &wire::TemplatePart| part.key == "confidentiality";
    for lock in [
        wire::TemplateLock::Free,
        wire::TemplateLock::AddOnly,
        wire::TemplateLock::WordingOnly,
    ] {
        let fault = refused(|document| {
            document
                .parts
                .iter_mut()
                .find(|part| is_confidentiality(part))
                .unwrap()
                .lock = lock.into();
        });
        assert_eq!(fault, TemplateFault::Confidentiality);
    }
    let second = refused(|document| {
        for rule in document
            .parts
            .iter_mut()
            .filter(|part| part.kind == i32::from(wire::TemplatePartKind::Rule))
        {
            rule.position = match rule.position {
                0 => 1,
                1 => 0,
                other => other,
            };
        }
    });
    assert_eq!(second, TemplateFault::Confidentiality);
    let without = TemplateBuilder::new("none", Facilitation::Peer, Licence::Cc0)
        .part(PartKind::Title, "title", Lock::Free, EN)
        .part(PartKind::Purpose, "purpose", Lock::Free, EN);
    assert_eq!(without.build(), Err(TemplateFault::Confidentiality));
}

#[test]
fn a_licence_that_forbids_sharing_is_refused_by_name_and_reason() {
    let fault = refused(|document| document.licence = "cc-by-nc-nd-4.0".to_owned());
    assert!(
        matches!(
            &fault,
            TemplateFault::Licence {
                why: Unshareable::NoAdaptation,
                ..
            }
        ),
        "{fault}"
    );
    let message = fault.to_string();
    assert!(
        message.contains("cc-by-nc-nd-4.0")
            && message.contains("cc0-1.0")
            && message.contains("adapt"),
        "{message}"
    );
    let strange = refused(|document| document.licence = "anything at\nall".to_owned()).to_string();
    assert!(!strange.contains("anything"), "{strange}");
}

#[test]
fn a_key_twice_or_out_of_order_is_refused() {
    let twice = small().part(PartKind::Topic, "sleep", Lock::Free, EN).part(
        PartKind::Topic,
        "sleep",
        Lock::Free,
        EN,
    );
    assert!(matches!(
        twice.build(),
        Err(TemplateFault::RepeatedPart { .. })
    ));
    assert!(matches!(
        refused(|document| document.parts.swap(3, 4)),
        TemplateFault::PartOrder { .. }
    ));
    let same_key_other_kind = small().part(PartKind::Topic, "sleep", Lock::Free, EN).part(
        PartKind::Resource,
        "sleep",
        Lock::Free,
        EN,
    );
    assert!(same_key_other_kind.build().is_ok());
}

#[test]
fn places_count_up_from_zero() {
    let fault = refused(|document| {
        of_kind(document, wire::TemplatePartKind::Topic).position += 500;
    });
    assert_eq!(
        fault,
        TemplateFault::Positions {
            kind: PartKind::Topic
        }
    );
}

#[test]
fn unknown_kinds_locks_and_facilitations_are_refused() {
    assert_eq!(
        refused(|document| document.parts.last_mut().unwrap().kind = 99),
        TemplateFault::UnknownKind
    );
    assert_eq!(
        refused(|document| document.parts[0].kind = 0),
        TemplateFault::UnknownKind
    );
    assert!(matches!(
        refused(|document| document.parts[0].lock = 0),
        TemplateFault::UnknownLock { .. }
    ));
    assert!(matches!(
        refused(|document| document.parts[0].lock = -7),
        TemplateFault::UnknownLock { .. }
    ));
    assert_eq!(
        refused(|document| document.facilitation = 0),
        TemplateFault::Facilitation
    );
    assert_eq!(
        refused(|document| document.facilitation = 4),
        TemplateFault::Facilitation
    );
}

#[test]
fn minutes_belong_to_phases_and_to_nothing_else() {
    for minutes in [None, Some(0), Some(601)] {
        let fault =
            refused(|document| of_kind(document, wire::TemplatePartKind::Phase).minutes = minutes);
        assert!(matches!(fault, TemplateFault::Minutes { .. }));
    }
    let fault =
        refused(|document| of_kind(document, wire::TemplatePartKind::Topic).minutes = Some(5));
    assert!(matches!(fault, TemplateFault::Minutes { .. }));
}

#[test]
fn codes_keys_and_languages_keep_to_their_alphabets() {
    assert!(matches!(
        refused(|document| document.code = "My template".to_owned()),
        TemplateFault::Code { .. }
    ));
    assert!(matches!(
        refused(|document| document.parts[0].key = "Naslov".to_owned()),
        TemplateFault::Code { .. }
    ));
    let language =
        refused(|document| document.parts[0].wordings[0].language = "English".to_owned());
    assert!(matches!(language, TemplateFault::Language { .. }));
}

#[test]
fn wordings_are_one_per_language_and_ordered() {
    let none = refused(|document| document.parts[2].wordings.clear());
    assert!(matches!(none, TemplateFault::Wordings { .. }));
    let turned = refused(|document| document.parts[2].wordings.reverse());
    assert!(matches!(turned, TemplateFault::Wordings { .. }));
    let twice = small().part(
        PartKind::Topic,
        "sleep",
        Lock::Free,
        &[("en", "One"), ("en", "Two")],
    );
    assert!(matches!(twice.build(), Err(TemplateFault::Wordings { .. })));
}

#[test]
fn a_text_that_shows_other_words_than_it_stores_is_refused() {
    let fault = refused(|document| document.parts[2].wordings[0].text.push('\u{202e}'));
    assert!(matches!(
        fault,
        TemplateFault::Words {
            fault: WordsFault::Hidden,
            ..
        }
    ));
    let call = refused(|document| {
        document.parts[2].wordings[0]
            .text
            .push_str(" Call 116 123.")
    });
    assert!(matches!(
        call,
        TemplateFault::Words {
            fault: WordsFault::Telephone,
            ..
        }
    ));
    let title = refused(|document| {
        of_kind(document, wire::TemplatePartKind::Title).wordings[0]
            .text
            .push_str("\nMore")
    });
    assert!(matches!(
        title,
        TemplateFault::Words {
            fault: WordsFault::Title,
            ..
        }
    ));
}

#[test]
fn no_fault_repeats_the_words_of_a_text() {
    let fault = refused(|document| {
        document.parts[2].wordings[0].text = "Ask Ana\u{202e} about it".to_owned()
    });
    assert!(!fault.to_string().contains("Ana") && !format!("{fault:?}").contains("Ana"));
}

#[test]
fn everything_can_be_read_in_one_language_at_least() {
    let mixed = small().part(PartKind::Topic, "sleep", Lock::Free, &[("sl", "Spanje")]);
    assert_eq!(mixed.build(), Err(TemplateFault::NoWholeLanguage));
}

#[test]
fn one_title_and_a_purpose_are_needed() {
    let two = small().part(PartKind::Title, "second", Lock::Free, EN);
    assert_eq!(two.build(), Err(TemplateFault::TitleAndPurpose));
    let fault = refused(|document| {
        document
            .parts
            .retain(|part| part.kind != i32::from(wire::TemplatePartKind::Purpose))
    });
    assert_eq!(fault, TemplateFault::TitleAndPurpose);
}

#[test]
fn sizes_and_counts_are_limited() {
    let many = (0..MAX_PARTS).fold(small(), |builder, n| {
        builder.part(PartKind::Topic, &format!("t{n}"), Lock::Free, EN)
    });
    assert!(matches!(
        many.build(),
        Err(TemplateFault::TooManyParts { .. })
    ));
    let long = "x".repeat(4_000);
    let large = (0..62).fold(small(), |builder, n| {
        builder.part(
            PartKind::Topic,
            &format!("t{n}"),
            Lock::Free,
            &[("en", &long)],
        )
    });
    assert!(matches!(large.build(), Err(TemplateFault::TooLarge { .. })));
    assert!(matches!(
        Template::from_bytes(&vec![0; MAX_BYTES + 1]),
        Err(TemplateFault::TooLarge { .. })
    ));
}

#[test]
fn measures_are_named_once_with_their_class() {
    assert_eq!(
        refused(|document| document.measures.reverse()),
        TemplateFault::Measures
    );
    assert_eq!(
        refused(|document| document.measures[0].comparability_class.push(0)),
        TemplateFault::Measure
    );
    assert_eq!(
        refused(|document| document.measures[0].code = "K 6".to_owned()),
        TemplateFault::Measure
    );
}

#[test]
fn bytes_that_are_not_the_canonical_ones_are_refused() {
    let bytes = builtin::facilitated().to_bytes();
    assert!(Template::from_bytes(&bytes).is_ok());

    // A field of a later version that this reader does not know: its hash would not be the one others see.
    let mut unknown = bytes.clone();
    unknown.extend([0xf8, 0x01, 0x01]);
    assert_eq!(
        Template::from_bytes(&unknown),
        Err(TemplateFault::NotCanonical)
    );

    // The same fields, the last one first: equal words, other bytes.
    let document = builtin::facilitated().to_proto();
    let licence = wire::TemplateDocument {
        licence: document.licence.clone(),
        ..Default::default()
    };
    let rest = wire::TemplateDocument {
        licence: String::new(),
        ..document
    };
    let turned = [licence.encode_to_vec(), rest.encode_to_vec()].concat();
    assert_eq!(
        Template::from_bytes(&turned),
        Err(TemplateFault::NotCanonical)
    );

    assert_eq!(
        Template::from_bytes(&bytes[..bytes.len() - 1]),
        Err(TemplateFault::Undecodable)
    );
}

#[test]
fn a_first_version_is_its_own_lineage_and_later_ones_keep_it() {
    let first = small().build().unwrap();
    assert_eq!(first.lineage(), first.version());
    assert!(first.parents().is_empty());
    let second = small()
        .part(PartKind::Topic, "sleep", Lock::Free, EN)
        .made_from(&first)
        .build()
        .unwrap();
    assert_eq!(second.lineage(), first.version());
    assert_eq!(second.parents(), [first.version()]);
    let third = small()
        .made_from(&second)
        .made_from(&first)
        .build()
        .unwrap();
    assert_eq!(third.lineage(), first.version());
    assert_eq!(Template::from_bytes(&third.to_bytes()).as_ref(), Ok(&third));
}

#[test]
fn lineage_and_parents_go_together() {
    assert_eq!(
        refused(|document| document.lineage = vec![1; 32]),
        TemplateFault::Descent
    );
    assert_eq!(
        refused(|document| document.parents = vec![vec![1; 32]]),
        TemplateFault::Descent
    );
    let short = refused(|document| {
        document.lineage = vec![1; 31];
        document.parents = vec![vec![1; 32]];
    });
    assert!(matches!(short, TemplateFault::Hash { what: "lineage" }));
    for parents in [
        vec![vec![2; 32], vec![1; 32]],
        vec![vec![1; 32], vec![1; 32]],
        vec![vec![1; 32]; 9],
    ] {
        let fault = refused(|document| {
            document.lineage = vec![1; 32];
            document.parents = parents;
        });
        assert_eq!(fault, TemplateFault::Parents);
    }
}

#[test]
fn a_reader_gets_the_closest_language_there_is() {
    let template = small()
        .part(
            PartKind::Topic,
            "sleep",
            Lock::Free,
            &[("de", "Schlaf"), ("en", "Sleep"), ("sl", "Spanje")],
        )
        .build()
        .unwrap();
    let topic = template.part(PartKind::Topic, "sleep").unwrap();
    for (asked, found) in [("sl", "Spanje"), ("de-at", "Schlaf"), ("hu", "Sleep")] {
        assert_eq!(topic.text(asked), found);
    }
    assert_eq!(template.languages().len(), 1);
}

/// Parts to add to the smallest template: kind, key, minutes, languages. Keys are made unique by their index.
fn extra_parts() -> impl Strategy<Value = Vec<(PartKind, String, u32, String)>> {
    let kinds = prop::sample::select(vec![
        PartKind::Purpose,
        PartKind::Rule,
        PartKind::Role,
        PartKind::Expectation,
        PartKind::Phase,
        PartKind::Topic,
        PartKind::Resource,
    ]);
    prop::collection::vec(
        (
            kinds,
            "[a-z0-9.-]{0,20}",
            1_u32..=600,
            "[a-zčšž]{1,30}( [a-zčšž]{1,9}){0,3}",
        ),
        0..20,
    )
    .prop_map(|parts| {
        let keyed = parts.into_iter().enumerate();
        keyed
            .map(|(n, (kind, key, minutes, text))| (kind, format!("{key}{n}"), minutes, text))
            .collect()
    })
}

fn add(
    builder: TemplateBuilder,
    kind: PartKind,
    key: &str,
    minutes: u32,
    wordings: &[(&str, &str)],
) -> TemplateBuilder {
    match kind {
        PartKind::Phase => builder.phase(key, Lock::Free, minutes, wordings),
        kind => builder.part(kind, key, Lock::Free, wordings),
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(parts in extra_parts(), measures in 0_usize..4) {
        let built = parts.iter().fold(small(), |builder, (kind, key, minutes, text)| {
            add(builder, *kind, key, *minutes, &[("en", text), ("sl", text)])
        });
        let built = krog_measures::builtin::measures().take(measures).fold(built, TemplateBuilder::measure);
        let template = built.build().unwrap();
        prop_assert_eq!(Template::from_bytes(&template.to_bytes()), Ok(template.clone()));
        prop_assert_eq!(Template::parse(template.to_proto()), Ok(template));
    }

    #[test]
    fn the_hash_does_not_depend_on_the_order_of_writing(parts in extra_parts(), seed in any::<u64>()) {
        let forward = parts.iter().fold(small(), |builder, (kind, key, minutes, text)| {
            add(builder, *kind, key, *minutes, &[("en", text), ("sl", text)])
        });
        let forward = krog_measures::builtin::measures().fold(forward, TemplateBuilder::measure);
        // The order within a kind means something; kinds, languages and measures may come in any.
        let mut turned: Vec<_> = parts.iter().collect();
        turned.sort_by_key(|(kind, ..)| (*kind as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let measures: Vec<_> = krog_measures::builtin::measures().collect();
        let turned_measures = measures.iter().rev().fold(small(), |builder, measure| builder.measure(measure));
        let backward = turned.into_iter().fold(turned_measures, |builder, (kind, key, minutes, text)| {
            add(builder, *kind, key, *minutes, &[("sl", text), ("en", text)])
        });
        prop_assert_eq!(forward.build().unwrap().version(), backward.build().unwrap().version());
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Template::from_bytes(&bytes);
    }

    #[test]
    fn a_damaged_template_is_refused_or_another_one(at in any::<prop::sample::Index>(), change in 1_u8..=255) {
        let template = builtin::peer_led();
        let mut bytes = template.to_bytes();
        bytes[at.index(template.to_bytes().len())] ^= change;
        if let Ok(other) = Template::from_bytes(&bytes) {
            prop_assert_ne!(other.version(), template.version());
            prop_assert_eq!(other.to_bytes(), bytes);
        }
    }
}
