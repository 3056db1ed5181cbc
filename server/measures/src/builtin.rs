//! The instruments whose wording may be shipped, each under its own licence.
//!
//! Slovene wordings are this project's own translations and have not been validated.

use crate::instrument::{
    Choice, Direction, Instrument, InstrumentError, InstrumentForm, Item, ItemId, Measure,
    MeasureCode, Scale, Scoring, StatedSd, Window,
};
use std::sync::LazyLock;

/// A quarter of the range is a plain guess: larger than most SDs of change seen, so that an
/// effect in its units is rather too small than too large.
const ASSUMED: &str = "assumed: a quarter of the range; no published figure is used";

static INSTRUMENTS: LazyLock<Vec<Instrument>> = LazyLock::new(|| {
    // None can be missing: a test builds each of them.
    [ons4(), k6(), group_experience()]
        .into_iter()
        .flatten()
        .collect()
});

/// All built-in instruments.
pub fn all() -> &'static [Instrument] {
    &INSTRUMENTS
}

/// The instrument of this name, or the one that gives the measure of this name.
pub fn lookup(code: &MeasureCode) -> Option<&'static Instrument> {
    all()
        .iter()
        .find(|instrument| instrument.code == *code || instrument.measure(code).is_some())
}

/// All measures the built-in instruments give.
pub fn measures() -> impl Iterator<Item = &'static Measure> {
    all().iter().flat_map(Instrument::measures)
}

/// The built-in measure of this name.
pub fn measure(code: &MeasureCode) -> Option<&'static Measure> {
    measures().find(|measure| measure.code == *code)
}

fn item(id: &str, text_en: &str, text_sl: &str) -> Result<Item, InstrumentError> {
    Ok(Item {
        id: ItemId::try_from(id)?,
        text_en: text_en.to_owned(),
        text_sl: Some(text_sl.to_owned()),
        reverse: false,
    })
}

fn choices<const N: usize>(labels: [(&str, &str); N]) -> Vec<Choice> {
    labels
        .into_iter()
        .zip(0..)
        .map(|((label_en, label_sl), value)| Choice {
            value,
            label_en: label_en.to_owned(),
            label_sl: Some(label_sl.to_owned()),
        })
        .collect()
}

/// Personal well-being, four questions that are never added up. Gives `ons4.satisfied`,
/// `ons4.worthwhile`, `ons4.happy` and `ons4.anxious`.
fn ons4() -> Result<Instrument, InstrumentError> {
    let mut anxious = item(
        "anxious",
        "On a scale where 0 is 'not at all anxious' and 10 is 'completely anxious', overall, how anxious did you feel yesterday?",
        "Na lestvici, kjer 0 pomeni »sploh ne tesnobno« in 10 »popolnoma tesnobno«: kako tesnobno ste se na splošno počutili včeraj?",
    )?;
    anxious.reverse = true;
    let options = (0..=10)
        .map(|value| {
            let (en, sl) = match value {
                0 => (" – not at all", " – sploh ne"),
                10 => (" – completely", " – popolnoma"),
                _ => ("", ""),
            };
            Choice {
                value,
                label_en: format!("{value}{en}"),
                label_sl: Some(format!("{value}{sl}")),
            }
        })
        .collect();
    Instrument::try_from(InstrumentForm {
        code: MeasureCode::try_from("ons4")?,
        title: "ONS personal well-being (ONS4)".to_owned(),
        citation: "Office for National Statistics (UK), personal well-being harmonised standard. \
                   Slovene wording: own translation, not validated."
            .to_owned(),
        licence: "Contains public sector information licensed under the Open Government Licence \
                  v3.0. Source: Office for National Statistics."
            .to_owned(),
        items: vec![
            item(
                "satisfied",
                "Overall, how satisfied are you with your life nowadays?",
                "Kako zadovoljni ste na splošno s svojim življenjem v zadnjem času?",
            )?,
            item(
                "worthwhile",
                "Overall, to what extent do you feel that the things you do in your life are worthwhile?",
                "V kolikšni meri se vam na splošno zdi, da je to, kar v življenju počnete, vredno truda?",
            )?,
            item(
                "happy",
                "Overall, how happy did you feel yesterday?",
                "Kako srečno ste se na splošno počutili včeraj?",
            )?,
            anxious,
        ],
        options,
        scoring: Scoring::PerItem,
        min_answered: 1,
        prorate: false,
        scale: Scale::new(0.0, 10.0, Direction::HigherBetter)?,
        window: Window::default(),
        reliability: None,
        reference_change_sd: Some(StatedSd::new(2.5, ASSUMED)?),
    })
}

/// Psychological distress in the coding 0–4.
fn k6() -> Result<Instrument, InstrumentError> {
    Instrument::try_from(InstrumentForm {
        code: MeasureCode::try_from("k6")?,
        title: "Kessler psychological distress scale, six items (K6), coded 0–4".to_owned(),
        citation: "Kessler RC, Barker PR, Colpe LJ, et al. Screening for serious mental illness \
                   in the general population. Archives of General Psychiatry 2003;60:184–189. \
                   Slovene wording: own translation, not validated."
            .to_owned(),
        licence: "Public domain; the source is to be mentioned.".to_owned(),
        items: vec![
            item(
                "nervous",
                "During the past 30 days, about how often did you feel nervous?",
                "Približno kako pogosto ste v zadnjih 30 dneh čutili živčnost?",
            )?,
            item(
                "hopeless",
                "During the past 30 days, about how often did you feel hopeless?",
                "Približno kako pogosto ste v zadnjih 30 dneh čutili brezup?",
            )?,
            item(
                "restless",
                "During the past 30 days, about how often did you feel restless or fidgety?",
                "Približno kako pogosto ste v zadnjih 30 dneh čutili nemir ali niste mogli biti pri miru?",
            )?,
            item(
                "depressed",
                "During the past 30 days, about how often did you feel so depressed that nothing could cheer you up?",
                "Približno kako pogosto ste v zadnjih 30 dneh čutili tako potrtost, da vas nič ni moglo razvedriti?",
            )?,
            item(
                "effort",
                "During the past 30 days, about how often did you feel that everything was an effort?",
                "Približno kako pogosto ste v zadnjih 30 dneh čutili, da je vse velik napor?",
            )?,
            item(
                "worthless",
                "During the past 30 days, about how often did you feel worthless?",
                "Približno kako pogosto ste v zadnjih 30 dneh čutili, da niste nič vredni?",
            )?,
        ],
        options: choices([
            ("None of the time", "Nikoli"),
            ("A little of the time", "Redko"),
            ("Some of the time", "Včasih"),
            ("Most of the time", "Večino časa"),
            ("All of the time", "Ves čas"),
        ]),
        scoring: Scoring::Sum,
        min_answered: 6,
        prorate: false,
        scale: Scale::new(0.0, 24.0, Direction::LowerBetter)?,
        window: Window::default(),
        reliability: None,
        reference_change_sd: Some(StatedSd::new(6.0, ASSUMED)?),
    })
}

/// What members of self-help groups say a group gives them, one item for each thing named.
fn group_experience() -> Result<Instrument, InstrumentError> {
    Instrument::try_from(InstrumentForm {
        code: MeasureCode::try_from("group-experience")?,
        title: "Group experience".to_owned(),
        citation: "Krog. Twelve items on what members of self-help groups in Slovene day centres \
                   name as the good of a group (Krenker Z, Pomen skupin za samopomoč na področju \
                   duševnega zdravja: vidik uporabnikov dnevnih centrov, University of Ljubljana). \
                   Not validated."
            .to_owned(),
        licence: "CC0 1.0".to_owned(),
        items: vec![
            item(
                "support",
                "In this group we support one another.",
                "V tej skupini se med seboj podpiramo.",
            )?,
            item(
                "dialogue",
                "In this group we really talk with each other.",
                "V tej skupini se med seboj zares pogovarjamo.",
            )?,
            item(
                "perspectives",
                "The group helps me to see things from other sides.",
                "Skupina mi pomaga videti stvari tudi z drugih zornih kotov.",
            )?,
            item(
                "information",
                "In this group I learn things that are of use to me.",
                "V tej skupini izvem stvari, ki mi koristijo.",
            )?,
            item(
                "validation",
                "In this group my feelings and my experience count.",
                "V tej skupini moja občutja in izkušnje nekaj veljajo.",
            )?,
            item(
                "belonging",
                "I feel that I belong to this group.",
                "Čutim, da pripadam tej skupini.",
            )?,
            item(
                "understood",
                "The people in this group understand what I am going through.",
                "Ljudje v tej skupini razumejo, kaj doživljam.",
            )?,
            item(
                "heard",
                "When I speak, the group listens.",
                "Ko govorim, mi skupina prisluhne.",
            )?,
            item(
                "safe",
                "I feel safe in this group.",
                "V tej skupini se počutim varno.",
            )?,
            item(
                "network",
                "Through the group I know more people to whom I can turn.",
                "Zaradi skupine poznam več ljudi, na katere se lahko obrnem.",
            )?,
            item(
                "friendship",
                "In this group I experience friendship.",
                "V tej skupini doživljam prijateljstvo.",
            )?,
            item(
                "influence",
                "I have a say in what this group does.",
                "Pri tem, kaj skupina počne, imam besedo tudi jaz.",
            )?,
        ],
        options: choices([
            ("Strongly disagree", "Sploh se ne strinjam"),
            ("Disagree", "Ne strinjam se"),
            (
                "Neither agree nor disagree",
                "Niti se strinjam niti se ne strinjam",
            ),
            ("Agree", "Strinjam se"),
            ("Strongly agree", "Popolnoma se strinjam"),
        ]),
        scoring: Scoring::Sum,
        min_answered: 10,
        prorate: true,
        scale: Scale::new(0.0, 48.0, Direction::HigherBetter)?,
        window: Window::default(),
        reliability: None,
        reference_change_sd: Some(StatedSd::new(12.0, ASSUMED)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> MeasureCode {
        MeasureCode::try_from(text).unwrap()
    }

    #[test]
    fn every_built_in_instrument_can_be_built() {
        for built in [ons4(), k6(), group_experience()] {
            let built = built.unwrap();
            assert!(all().contains(&built), "{}", built.code);
        }
        assert_eq!(all().len(), 3);
    }

    #[test]
    fn there_are_six_measures_each_in_a_class_of_its_own() {
        let mut codes: Vec<_> = measures().map(|m| m.code.to_string()).collect();
        codes.sort();
        assert_eq!(
            codes,
            [
                "group-experience",
                "k6",
                "ons4.anxious",
                "ons4.happy",
                "ons4.satisfied",
                "ons4.worthwhile"
            ]
        );
        let classes: std::collections::BTreeSet<_> = measures().map(|m| m.class).collect();
        assert_eq!(classes.len(), 6);
    }

    #[test]
    fn anxiety_alone_is_better_when_lower_among_the_four() {
        for (name, direction) in [
            ("ons4.satisfied", Direction::HigherBetter),
            ("ons4.worthwhile", Direction::HigherBetter),
            ("ons4.happy", Direction::HigherBetter),
            ("ons4.anxious", Direction::LowerBetter),
        ] {
            assert_eq!(measure(&code(name)).unwrap().scale.direction(), direction);
        }
    }

    #[test]
    fn an_instrument_is_found_by_its_own_name_and_by_its_measures() {
        assert_eq!(lookup(&code("ons4")), lookup(&code("ons4.happy")));
        assert_eq!(lookup(&code("k6")).unwrap().items.len(), 6);
        assert_eq!(measure(&code("ons4")), None);
        assert_eq!(lookup(&code("bdi-ii")), None);
    }

    #[test]
    fn an_sd_without_a_publication_says_that_it_is_assumed() {
        for measure in measures() {
            let stated = measure.reference_change_sd.as_ref().unwrap();
            assert!(stated.source().starts_with("assumed:"));
            assert_eq!(stated.sd(), measure.scale.range() / 4.0);
        }
    }
}
