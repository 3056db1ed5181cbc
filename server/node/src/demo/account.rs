//! The account of the demo: what was found, what was not told, what waited, and what left each house.

use krog_client::report::table::{Cell, Column, Table};
use krog_client::report::{html, json, quarter_name, text};
use krog_proto::federation::v1 as pb;
use serde_json::{Value, json};

use super::canaries::Search;

/// One house in the account.
#[derive(Debug, Clone)]
pub struct House {
    /// Public name of the organisation.
    pub name: String,
    /// Whether it passes entries on.
    pub relay: bool,
    /// Members over the two years.
    pub members: usize,
    /// Groups.
    pub groups: usize,
    /// Entries and bytes that left, by kind of entry.
    pub left: Vec<(String, u64, u64)>,
}

/// One quarter over all centres.
#[derive(Debug, Clone, Default)]
pub struct QuarterLine {
    /// The quarter.
    pub quarter: String,
    /// Centres whose release was signed.
    pub releases: usize,
    /// Cells with a value.
    pub told: usize,
    /// Cells by public reason: below the floor, not in the table, not shared, not collected.
    pub withheld: [usize; 4],
}

/// A cell that was below the floor once and told later.
#[derive(Debug, Clone)]
pub struct Waited {
    /// The centre's public name.
    pub centre: String,
    /// The measure.
    pub measure: String,
    /// Facilitation.
    pub facilitation: String,
    /// Quarter in which its first pair closed.
    pub since: u32,
    /// Quarter in which it was told.
    pub told: u32,
    /// Persons.
    pub persons: u32,
}

/// A pool: what its halves add up to.
#[derive(Debug, Clone)]
pub struct PoolLine {
    /// First digits of the round.
    pub round: String,
    /// The measure.
    pub measure: String,
    /// Facilitation.
    pub facilitation: String,
    /// First quarter counted.
    pub first: u32,
    /// Last quarter counted.
    pub last: u32,
    /// How far it has come.
    pub stage: String,
    /// Public names of the centres in it.
    pub centres: Vec<String>,
    /// Persons, as told with noise.
    pub persons: Option<f64>,
    /// Standard deviation of that noise.
    pub persons_noise: Option<f64>,
    /// Sum of change, points.
    pub change: Option<f64>,
    /// Standard deviation of its noise.
    pub change_noise: Option<f64>,
    /// Privacy cost that one aggregator's noise ensures.
    pub rho: f64,
    /// The same at a delta of one in a million.
    pub epsilon: f64,
}

/// Where the same comparison was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Whom.
    pub whom: String,
    /// SHA-256 of the encoded answer.
    pub digest: String,
}

/// The whole account.
#[derive(Debug)]
pub struct Account {
    /// Seed of the story.
    pub seed: u64,
    /// The houses.
    pub houses: Vec<House>,
    /// Meetings, check-ins, check-ins without a score, withdrawals.
    pub lived: super::story::Lived,
    /// Groups that said no to sharing.
    pub refusing_groups: usize,
    /// Groups founded from a template that arrived over a feed, and published templates.
    pub templates: (usize, usize),
    /// The quarters.
    pub quarters: Vec<QuarterLine>,
    /// What waited.
    pub waited: Vec<Waited>,
    /// The pools.
    pub pools: Vec<PoolLine>,
    /// The comparisons.
    pub comparisons: Vec<pb::Comparison>,
    /// Who was asked, and that all said the same.
    pub asked: Vec<Asked>,
    /// The search for canaries.
    pub search: Search,
    /// Seconds the demo took.
    pub seconds: f64,
}

impl Account {
    /// Whether everybody who was asked gave the same answer to the last digit.
    pub fn agree(&self) -> bool {
        self.asked
            .windows(2)
            .all(|pair| pair[0].digest == pair[1].digest)
    }

    fn houses_table(&self) -> Table {
        let mut table = Table::new([
            Column::words("name", "organisation"),
            Column::words("role", "connections"),
            Column::numbers("members", "members"),
            Column::numbers("groups", "groups"),
            Column::numbers("entries", "entries that left"),
            Column::numbers("bytes", "bytes that left"),
            Column::numbers("bytes_per_year", "bytes per year"),
        ]);
        for house in &self.houses {
            let entries: u64 = house.left.iter().map(|(_, entries, _)| entries).sum();
            let bytes: u64 = house.left.iter().map(|(_, _, bytes)| bytes).sum();
            table.push([
                Cell::text(&house.name),
                Cell::text(if house.relay { "relay" } else { "dials out" }),
                Cell::Count(house.members as u64),
                Cell::Count(house.groups as u64),
                Cell::Count(entries),
                Cell::Count(bytes),
                Cell::Count(bytes / 2),
            ]);
        }
        table
    }

    fn kinds_table(&self) -> Table {
        let mut kinds = std::collections::BTreeMap::<&str, (u64, u64)>::new();
        for (kind, entries, bytes) in self.houses.iter().flat_map(|house| &house.left) {
            let sum = kinds.entry(kind).or_default();
            sum.0 += entries;
            sum.1 += bytes;
        }
        let mut table = Table::new([
            Column::words("kind", "kind of entry"),
            Column::numbers("entries", "entries"),
            Column::numbers("bytes", "bytes"),
        ]);
        for (kind, (entries, bytes)) in kinds {
            table.push([Cell::text(kind), Cell::Count(entries), Cell::Count(bytes)]);
        }
        table
    }

    fn quarters_table(&self) -> Table {
        let mut table = Table::new([
            Column::words("quarter", "quarter"),
            Column::numbers("releases", "centres that told"),
            Column::numbers("value", "cells with a value"),
            Column::numbers("below_floor", "below the floor"),
            Column::numbers("not_in_table", "not in the table"),
            Column::numbers("not_shared", "not shared"),
            Column::numbers("not_collected", "not collected"),
        ]);
        for line in &self.quarters {
            let mut row = vec![
                Cell::text(&line.quarter),
                Cell::Count(line.releases as u64),
                Cell::Count(line.told as u64),
            ];
            row.extend(line.withheld.iter().map(|cells| Cell::Count(*cells as u64)));
            table.push(row);
        }
        table
    }

    fn pools_table(&self) -> Table {
        let mut table = Table::new([
            Column::words("round", "round"),
            Column::words("measure", "measure"),
            Column::words("facilitation", "led by"),
            Column::words("span", "quarters"),
            Column::words("stage", "stage"),
            Column::numbers("centres", "centres"),
            Column::numbers("persons", "persons, about"),
            Column::numbers("persons_noise", "± noise"),
            Column::numbers("change", "change, points"),
            Column::numbers("change_noise", "± noise"),
            Column::numbers("epsilon", "epsilon"),
        ]);
        let number = |value| Cell::number_or(value, 1, "not told");
        for line in &self.pools {
            table.push([
                Cell::text(&line.round),
                Cell::text(&line.measure),
                Cell::text(&line.facilitation),
                Cell::text(format!(
                    "{}–{}",
                    quarter_name(line.first),
                    quarter_name(line.last)
                )),
                Cell::text(&line.stage),
                Cell::Count(line.centres.len() as u64),
                number(line.persons),
                number(line.persons_noise),
                number(line.change),
                number(line.change_noise),
                number(Some(line.epsilon)),
            ]);
        }
        table
    }

    /// Which small centres count in a pool, in one paragraph.
    fn pooled(&self) -> String {
        let names: std::collections::BTreeSet<&str> = self
            .pools
            .iter()
            .flat_map(|line| &line.centres)
            .map(String::as_str)
            .collect();
        if names.is_empty() {
            return "No pool was told.".to_owned();
        }
        let names: Vec<&str> = names.into_iter().collect();
        format!(
            "In these sums count {}. No figure here is of one of them: each sealed two random shares of its own sums to two \
             aggregators of other organisations, who added them up and each added noise, before anything was read. A round that \
             failed told nothing, and its answers wait for the next.",
            names.join(", ")
        )
    }

    fn waited_table(&self) -> Table {
        let mut table = Table::new([
            Column::words("centre", "centre"),
            Column::words("measure", "measure"),
            Column::words("facilitation", "facilitation"),
            Column::words("since", "waited since"),
            Column::words("told", "told in"),
            Column::numbers("persons", "persons"),
        ]);
        for cell in &self.waited {
            table.push([
                Cell::text(&cell.centre),
                Cell::text(&cell.measure),
                Cell::text(&cell.facilitation),
                Cell::text(quarter_name(cell.since)),
                Cell::text(quarter_name(cell.told)),
                Cell::Count(u64::from(cell.persons)),
            ]);
        }
        table
    }

    fn told(&self) -> String {
        format!(
            "{} organisations, {} members, {} groups; two years in eight quarters. {} meetings and {} check-ins were \
             recorded; {} check-ins had too few answers for a score, which is not zero. {} members took back their \
             consent to be counted, {} group(s) said no to sharing. {} templates were published, and {} groups founded \
             from one that arrived over a feed.",
            self.houses.len(),
            self.houses.iter().map(|house| house.members).sum::<usize>(),
            self.houses.iter().map(|house| house.groups).sum::<usize>(),
            self.lived.meetings,
            self.lived.check_ins,
            self.lived.unscored,
            self.lived.withdrawals,
            self.refusing_groups,
            self.templates.1,
            self.templates.0,
        )
    }

    fn agreement(&self) -> String {
        let whom: Vec<&str> = self.asked.iter().map(|asked| asked.whom.as_str()).collect();
        if self.agree() {
            format!(
                "Asked of {}: the same answer to the last digit (SHA-256 {}…).",
                whom.join(", "),
                self.asked.first().map_or("", |asked| &asked.digest[..16])
            )
        } else {
            format!(
                "Asked of {}: the answers DIFFER. This is a fault.",
                whom.join(", ")
            )
        }
    }

    /// The account as text of 80 columns.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut part = |heading: &str, body: &str| {
            out.push_str(&format!(
                "\n{heading}\n{}\n",
                "=".repeat(heading.chars().count())
            ));
            out.push_str(body);
            out.push('\n');
        };
        part("Two years in twelve houses", &wrapped(&self.told()));
        part("Quarter by quarter", &self.quarters_table().text());
        for comparison in &self.comparisons {
            part("", &text::comparison(comparison));
        }
        part("The same for everybody", &wrapped(&self.agreement()));
        part(
            "Pools: small centres count, none is seen",
            &format!("{}\n{}", wrapped(&self.pooled()), self.pools_table().text()),
        );
        part(
            "What waited and was told later",
            &self.waited_table().text(),
        );
        part("What left each house", &self.houses_table().text());
        part("By kind of entry", &self.kinds_table().text());
        part(
            "Looking for people in what left",
            &wrapped(&self.search.told()),
        );
        out.push_str(&format!("\nIt took {:.1} seconds.\n", self.seconds));
        out.replace("\n\n\n", "\n\n")
    }

    /// The account as one page.
    pub fn html(&self) -> String {
        let section = |heading: &str, html: String| html::Section {
            heading: heading.to_owned(),
            html,
        };
        let mut sections = vec![section(
            "Two years in twelve houses",
            html::paragraph(&self.told()),
        )];
        sections.extend(self.comparisons.iter().map(html::comparison_section));
        sections.push(section(
            "The same for everybody",
            html::paragraph(&self.agreement()),
        ));
        sections.push(section(
            "Quarter by quarter",
            html::table("What the centres told each quarter", &self.quarters_table()),
        ));
        sections.push(section(
            "Pools: small centres count, none is seen",
            html::paragraph(&self.pooled())
                + &html::table("What the pools tell", &self.pools_table()),
        ));
        sections.push(section(
            "What waited and was told later",
            html::table(
                "Cells of these measures that were below the floor first",
                &self.waited_table(),
            ),
        ));
        sections.push(section(
            "What left each house",
            html::table("Entries and bytes by organisation", &self.houses_table())
                + &html::table("Entries and bytes by kind", &self.kinds_table()),
        ));
        sections.push(section(
            "Looking for people in what left",
            html::paragraph(&self.search.told()),
        ));
        html::page("Krog: two years in twelve houses", "en", &sections)
    }

    /// The account as data.
    pub fn json(&self) -> Value {
        json!({
            "seed": self.seed,
            "seconds": self.seconds,
            "members": self.houses.iter().map(|house| house.members).sum::<usize>(),
            "meetings": self.lived.meetings,
            "check_ins": self.lived.check_ins,
            "unscored": self.lived.unscored,
            "withdrawals": self.lived.withdrawals,
            "refusing_groups": self.refusing_groups,
            "templates_published": self.templates.1,
            "groups_from_arrived_templates": self.templates.0,
            "quarters": self.quarters_table().json(),
            "comparisons": self.comparisons.iter().map(json::comparison).collect::<Vec<_>>(),
            "asked": self.asked.iter().map(|asked| json!({"whom": asked.whom, "sha256": asked.digest})).collect::<Vec<_>>(),
            "agree": self.agree(),
            "pools": self.pools_table().json(),
            "pooled_centres": self.pools.iter().map(|line| &line.centres).collect::<Vec<_>>(),
            "waited": self.waited_table().json(),
            "houses": self.houses_table().json(),
            "left_by_kind": self.kinds_table().json(),
            "canaries": self.search.json(),
        })
    }
}

/// Text broken at 78 columns.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > 78 {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
    out
}
