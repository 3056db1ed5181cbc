use super::*;

fn form() -> InstrumentForm {
    let item = |id: &str, reverse| Item {
        id: ItemId::try_from(id).unwrap(),
        text_en: format!("Question {id}"),
        text_sl: None,
        reverse,
    };
    let choice = |value| Choice {
        value,
        label_en: format!("{value}"),
        label_sl: None,
    };
    InstrumentForm {
        code: MeasureCode::try_from("trial").unwrap(),
        title: "Trial".to_owned(),
        citation: "Nobody 2026".to_owned(),
        licence: "CC0".to_owned(),
        items: vec![item("a", false), item("b", true), item("c", false)],
        options: (0..=4).map(choice).collect(),
        scoring: Scoring::Sum,
        min_answered: 2,
        prorate: true,
        scale: Scale::new(0.0, 12.0, Direction::HigherBetter).unwrap(),
        window: Window::default(),
        reliability: None,
        reference_change_sd: None,
    }
}

fn class(form: InstrumentForm) -> ClassHash {
    Instrument::try_from(form).unwrap().measures()[0].class
}

#[test]
fn wording_order_licence_and_window_leave_the_class_as_it_is() {
    let plain = class(form());
    let mut other = form();
    other.title = "Drugačen naslov".to_owned();
    other.licence = "none".to_owned();
    other.items.reverse();
    other.items[0].text_en = "Other words".to_owned();
    other.items[0].text_sl = Some("Druge besede".to_owned());
    other.options[2].label_en = "so so".to_owned();
    other.window = Window::new(59, 42, 75).unwrap();
    other.reference_change_sd = Some(StatedSd::new(3.0, "x").unwrap());
    assert_eq!(class(other), plain);
}

#[test]
fn whatever_affects_a_score_changes_the_class() {
    let scale = |min, max, direction| Scale::new(min, max, direction).unwrap();
    let changes: [fn(&mut InstrumentForm); 9] = [
        |form| form.code = MeasureCode::try_from("trial-2").unwrap(),
        |form| form.items[0].id = ItemId::try_from("d").unwrap(),
        |form| form.items[0].reverse = true,
        |form| {
            form.items.pop();
        },
        |form| form.min_answered = 3,
        |form| {
            form.min_answered = 3;
            form.prorate = false;
        },
        |form| {
            form.prorate = false;
            form.scoring = Scoring::Mean;
        },
        |form| {
            form.options.remove(1);
        },
        |form| {
            form.options.remove(3);
        },
    ];
    let mut seen = vec![class(form())];
    for change in changes {
        let mut changed = form();
        change(&mut changed);
        seen.push(class(changed));
    }
    for ends in [
        scale(0.0, 12.0, Direction::LowerBetter),
        scale(-1.0, 12.0, Direction::HigherBetter),
        scale(0.0, 13.0, Direction::HigherBetter),
    ] {
        let mut changed = form();
        changed.scale = ends;
        seen.push(class(changed));
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

/// The bytes as the module documentation states them, built by hand: whoever changes the
/// encoding cuts every network off from its past.
#[test]
fn the_class_encoding_is_the_documented_one() {
    use sha2::{Digest, Sha256};
    let mut bytes = Vec::new();
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend((text.len() as u32).to_be_bytes());
        bytes.extend(text.as_bytes());
    };
    text(&mut bytes, "krog.measures.class.v1");
    bytes.push(0);
    text(&mut bytes, "trial");
    bytes.extend(0.0f64.to_be_bytes());
    bytes.extend(12.0f64.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0, 2, 1]);
    bytes.extend(5u32.to_be_bytes());
    for value in 0..5i32 {
        bytes.extend(value.to_be_bytes());
    }
    bytes.extend(3u32.to_be_bytes());
    for (id, reverse) in [("a", 0), ("b", 1), ("c", 0)] {
        text(&mut bytes, id);
        bytes.push(reverse);
    }
    let expected = ClassHash(Sha256::digest(&bytes).into());
    assert_eq!(class(form()), expected);
    assert_eq!(expected.to_string().parse::<ClassHash>(), Ok(expected));
    assert!("ab".parse::<ClassHash>().is_err());
    assert!("é".repeat(32).parse::<ClassHash>().is_err());
}

#[test]
fn a_total_only_measure_has_a_class_of_its_own() {
    let with_items = Instrument::try_from(form()).unwrap();
    let total = Measure::total_only(
        with_items.code.clone(),
        with_items.scale,
        with_items.window,
        None,
    );
    assert_ne!(total.class, with_items.measures()[0].class);
    let other_window = Measure::total_only(
        total.code.clone(),
        total.scale,
        Window::new(59, 42, 75).unwrap(),
        None,
    );
    assert_eq!(total.class, other_window.class);
}

#[test]
fn a_single_item_keeps_its_class_whatever_stands_beside_it() {
    let mut four = form();
    four.scoring = Scoring::PerItem;
    four.prorate = false;
    four.scale = Scale::new(0.0, 4.0, Direction::HigherBetter).unwrap();
    let mut two = four.clone();
    two.items.truncate(2);
    let (four, two) = (
        Instrument::try_from(four).unwrap(),
        Instrument::try_from(two).unwrap(),
    );
    assert_eq!(two.measures(), &four.measures()[..2]);
    assert_eq!(four.measures()[1].code.as_str(), "trial.b");
    assert_eq!(four.measures()[1].scale.direction(), Direction::LowerBetter);
}

#[test]
fn impossible_forms_are_refused() {
    type Change = fn(&mut InstrumentForm);
    let faults: [(Change, InstrumentError); 11] = [
        (|form| form.items.clear(), InstrumentError::Items),
        (
            |form| form.items[1].id = form.items[0].id.clone(),
            InstrumentError::RepeatedItem {
                item: ItemId::try_from("a").unwrap(),
            },
        ),
        (|form| form.options.clear(), InstrumentError::Choices),
        (|form| form.options.swap(0, 1), InstrumentError::Choices),
        (
            |form| form.options[4].value = i32::MAX,
            InstrumentError::Choices,
        ),
        (|form| form.min_answered = 0, InstrumentError::MinAnswered),
        (|form| form.min_answered = 4, InstrumentError::MinAnswered),
        (|form| form.prorate = false, InstrumentError::SumWithGaps),
        (
            |form| form.scoring = Scoring::Mean,
            InstrumentError::Prorate,
        ),
        (
            |form| form.options[4].value = 5,
            InstrumentError::ScaleTooSmall,
        ),
        (
            |form| form.items[0].text_en = " ".to_owned(),
            InstrumentError::Text,
        ),
    ];
    for (change, fault) in faults {
        let mut changed = form();
        change(&mut changed);
        assert_eq!(Instrument::try_from(changed).unwrap_err(), fault);
    }
}

#[test]
fn a_stored_instrument_is_checked_again_when_read() {
    let instrument = Instrument::try_from(form()).unwrap();
    let text = serde_json::to_string(&instrument).unwrap();
    assert_eq!(
        serde_json::from_str::<Instrument>(&text).unwrap(),
        instrument
    );
    let broken = text.replace("\"min_answered\":2", "\"min_answered\":0");
    assert!(serde_json::from_str::<Instrument>(&broken).is_err());
}
