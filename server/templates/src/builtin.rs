//! Templates to begin with: written for this project, under CC0, in English and Slovene.
//!
//! Both are meant to be used tomorrow and changed the day after. They name the built-in measures; whether, which and how
//! often a group measures is the group's own decision.

mod facilitated;
mod peer_led;

use std::sync::LazyLock;

use crate::builder::TemplateBuilder;
use crate::document::Template;
use crate::part::{Lock, PartKind};

static FACILITATED: LazyLock<Template> = LazyLock::new(|| built(facilitated::builder()));
static PEER_LED: LazyLock<Template> = LazyLock::new(|| built(peer_led::builder()));

/// A season of twelve structured discussions about living with and recovering from mental-health difficulties, led by a
/// professional.
pub fn facilitated() -> &'static Template {
    &FACILITATED
}

/// A group its members lead themselves: a round, then real situations, solved step by step.
pub fn peer_led() -> &'static Template {
    &PEER_LED
}

/// All built-in templates.
pub fn all() -> [&'static Template; 2] {
    [facilitated(), peer_led()]
}

#[expect(
    clippy::expect_used,
    reason = "the words are constants of this crate, and a test builds both"
)]
fn built(builder: TemplateBuilder) -> Template {
    measured(builder)
        .build()
        .expect("a built-in template is sound")
}

fn measured(builder: TemplateBuilder) -> TemplateBuilder {
    krog_measures::builtin::measures().fold(builder, TemplateBuilder::measure)
}

/// Adds parts of one kind, worded in English and Slovene.
fn parts(
    builder: TemplateBuilder,
    kind: PartKind,
    lock: Lock,
    rows: &[(&str, &str, &str)],
) -> TemplateBuilder {
    rows.iter().fold(builder, |builder, (key, en, sl)| {
        builder.part(kind, key, lock, &[("en", en), ("sl", sl)])
    })
}

/// Adds phases of a meeting, worded in English and Slovene.
fn phases(builder: TemplateBuilder, rows: &[(&str, u32, &str, &str)]) -> TemplateBuilder {
    rows.iter()
        .fold(builder, |builder, (key, minutes, en, sl)| {
            builder.phase(key, Lock::Free, *minutes, &[("en", en), ("sl", sl)])
        })
}

/// Both templates begin with the same rule, word for word.
fn confidentiality(builder: TemplateBuilder) -> TemplateBuilder {
    parts(
        builder,
        PartKind::Rule,
        Lock::Fixed,
        &[(
            crate::CONFIDENTIALITY,
            "What is said in the group stays in the group, and so does who comes. You may always tell your own story \
             outside, never somebody else's. There is one exception: when a life is in danger we bring in help, together \
             with the person wherever we can, and we say so openly.",
            "Kar je povedano v skupini, ostane v skupini, in prav tako to, kdo prihaja. Svojo zgodbo lahko zunaj skupine \
             vedno poveš, zgodbe nekoga drugega nikoli. Izjema je ena sama: kadar je v nevarnosti življenje, poiščemo \
             pomoč, če se le da skupaj s tem človekom, in to povemo odkrito.",
        )],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_can_be_used_tomorrow() {
        for template in all() {
            assert_eq!(
                template
                    .languages()
                    .iter()
                    .map(|tag| tag.as_str())
                    .collect::<Vec<_>>(),
                ["en", "sl"]
            );
            assert_eq!(template.licence().as_str(), "cc0-1.0");
            assert_eq!(template.minutes(), 90);
            for kind in PartKind::ALL {
                assert!(
                    !template.parts(kind).is_empty(),
                    "{} has no {kind}",
                    template.code()
                );
            }
            assert!(template.part(PartKind::Role, "host").is_some());
            assert!(template.part(PartKind::Role, "timekeeper").is_some());
            assert!(template.part(PartKind::Role, "greeter").is_some());
            assert_eq!(
                template.parts(PartKind::Rule)[0].key().as_str(),
                crate::CONFIDENTIALITY
            );
            assert!(template.parts(PartKind::Topic).len() >= 10);
            assert!(
                template.to_bytes().len() < 40_000,
                "{} bytes",
                template.to_bytes().len()
            );
            assert_eq!(
                Template::from_bytes(&template.to_bytes()).as_ref(),
                Ok(template)
            );
        }
        assert_ne!(facilitated().version(), peer_led().version());
    }

    #[test]
    fn they_name_every_built_in_measure_in_its_class() {
        for template in all() {
            for measure in krog_measures::builtin::measures() {
                let named = template
                    .measures()
                    .iter()
                    .find(|named| named.code == measure.code);
                assert_eq!(
                    named.map(|named| named.class),
                    Some(measure.class),
                    "{}",
                    measure.code
                );
            }
        }
    }
}
