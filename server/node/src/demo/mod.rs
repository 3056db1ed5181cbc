//! `krogd demo`: twelve organisations on one machine, each a real node, live two years.
//!
//! Nothing in here reaches into a node: people call their centre, nodes call each other over mutual TLS, and the account
//! is written from what a reader outside can see, beside the counts the houses keep of themselves.

pub mod account;
pub mod canaries;
pub mod plan;
pub mod story;
pub mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use krog_feed::entry::Kind;
use krog_feed::rounds::board::{Outcome, RoundStatus, Stage};
use krog_measures::Day;
use krog_pools::privacy::{DELTA, epsilon};
use krog_proto::federation::v1 as pb;
use prost::Message;
use sha2::{Digest, Sha256};

use self::account::{Account, Asked, House, PoolLine, QuarterLine, Waited};
use self::canaries::{Canaries, Search};
use self::story::{Life, Lived, date};
use self::world::World;
use crate::clock::HandClock;

/// What the demo is asked for.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Seed of the story.
    pub seed: u64,
    /// Where the twelve folders are kept. Absent: in a temporary folder that is removed.
    pub keep: Option<PathBuf>,
    /// Show progress on standard error.
    pub progress: bool,
}

/// The measures the account compares.
const COMPARED: [&str; 2] = ["k6", "ons4.satisfied"];
const QUARTERS: u64 = 8;
/// Pools are opened once a year.
const QUARTERS_PER_ROUND: u64 = 4;

/// Runs the demo.
///
/// # Errors
/// When a node refuses what the story holds for possible, or the disk does.
pub async fn run(options: &DemoOptions) -> Result<Account> {
    let begun = crate::clock::stopwatch();
    let progress = bar(options.progress);
    let plans = plan::draw(options.seed);
    let first_day = i64::from(Day::from_ymd(2024, 10, 1)?.number());
    let clock = HandClock::at_day(first_day);

    progress.set_message("making twelve nodes");
    let world = World::build(options, &plans, &clock).await?;
    progress.inc(1);
    let mut lives: Vec<Life<'_>> = plans
        .iter()
        .map(|plan| Life::new(plan, first_day))
        .collect();

    progress.set_message("two templates travel");
    world.publish_templates().await?;
    world.settle().await?;
    let founded = found_groups(&world, &mut lives).await?;
    world.choose_ways(&plans).await?;
    progress.inc(1);

    let mut lived = Lived::default();
    let mut day = 0;
    for quarter in 1..=QUARTERS {
        let end = quarter_end(first_day + day)? - first_day + 1;
        progress.set_message(format!("quarter {quarter} of {QUARTERS}: group life"));
        clock.set_day(first_day + end);
        for sum in live(&world, &mut lives, day, end).await? {
            lived.meetings += sum.meetings;
            lived.check_ins += sum.check_ins;
            lived.unscored += sum.unscored;
            lived.withdrawals += sum.withdrawals;
        }
        day = end;
        progress.inc(2);
        progress.set_message(format!(
            "quarter {quarter} of {QUARTERS}: two people approve, 14 days pass"
        ));
        let pools = quarter % QUARTERS_PER_ROUND == 0;
        if pools {
            clock.set_day(first_day + end + 1);
            world.open_rounds(&clock, options.seed + quarter).await?;
            world.settle().await?;
        }
        clock.set_day(first_day + end + 3);
        world.approve_everywhere().await?;
        clock.set_day(first_day + end + 19);
        world.settle().await?;
        progress.inc(1);
        if pools {
            progress.set_message(format!(
                "quarter {quarter} of {QUARTERS}: two aggregators add up a pool"
            ));
            clock.set_day(first_day + end + 3 + i64::from(world::ROUND_DAYS));
            // The aggregators take turns, and every word goes round by the relays.
            for _ in 0..2 {
                world.settle().await?;
            }
        }
    }

    progress.set_message("asking everybody the same");
    let (comparisons, asked) = world.ask_everybody(&COMPARED).await?;
    let releases = world.signed_releases().await?;
    let pools = pool_lines(&world.rounds(clock.day()).await?, &world, &plans);
    progress.inc(1);
    progress.set_message("looking for people in what left");
    let houses = world.houses(&plans).await?;
    let search = search(&world, &lives, first_day).await?;
    world.stop().await?;
    progress.finish_and_clear();
    Ok(Account {
        seed: options.seed,
        refusing_groups: plans
            .iter()
            .flat_map(|plan| &plan.groups)
            .filter(|group| !group.shares)
            .count(),
        templates: (founded, world::TEMPLATES),
        quarters: quarter_lines(&releases),
        waited: waited(&releases),
        pools,
        houses,
        lived,
        comparisons,
        asked,
        search,
        seconds: begun().as_secs_f64(),
    })
}

fn bar(shown: bool) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(3 * QUARTERS + 3);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos:>3}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

/// Last day of the quarter a day lies in.
fn quarter_end(day: i64) -> Result<i64> {
    Ok(i64::from(
        Day::new(i32::try_from(day)?)?.quarter().last_day().number(),
    ))
}

async fn found_groups(world: &World, lives: &mut [Life<'_>]) -> Result<usize> {
    let mut founded = 0;
    for (node, life) in world.nodes().iter().zip(lives) {
        let templates = node.templates_that_arrived().await?;
        founded += life
            .plan()
            .groups
            .iter()
            .filter(|group| templates.contains_key(&group.facilitation.to_string()))
            .count();
        life.found_groups(node.coordinator(), templates).await?;
    }
    Ok(founded)
}

async fn live(world: &World, lives: &mut [Life<'_>], from: i64, until: i64) -> Result<Vec<Lived>> {
    let houses = world
        .nodes()
        .iter()
        .zip(lives)
        .map(|(node, life)| life.live(node.coordinator(), from, until));
    futures_util::future::try_join_all(houses).await
}

/// A signed release with its centre.
pub struct SignedRelease {
    /// The centre's public name.
    pub centre: String,
    /// What it tells.
    pub release: pb::Release,
}

fn quarter_lines(releases: &[SignedRelease]) -> Vec<QuarterLine> {
    let mut lines = BTreeMap::<u32, QuarterLine>::new();
    for signed in releases {
        let line = lines.entry(signed.release.quarter).or_default();
        line.releases += 1;
        for cell in &signed.release.cells {
            match &cell.told {
                Some(pb::cell::Told::Sums(_)) => line.told += 1,
                Some(pb::cell::Told::Withheld(reason)) => {
                    if let Some(count) = usize::try_from(*reason - 1)
                        .ok()
                        .and_then(|at| line.withheld.get_mut(at))
                    {
                        *count += 1;
                    }
                }
                None => {}
            }
        }
    }
    lines
        .into_iter()
        .map(|(quarter, line)| QuarterLine {
            quarter: krog_client::report::quarter_name(quarter),
            ..line
        })
        .collect()
}

/// How far a round has come, in a word or two.
fn stage_words(stage: Stage) -> String {
    match stage {
        Stage::Told => "told",
        Stage::Failed(Outcome::TooFewCentres) => "failed: too few centres",
        Stage::Failed(Outcome::TooFewPersons) => "failed: too few persons",
        Stage::Failed(_) => "failed",
        Stage::Broken(_) => "broken",
        Stage::Silent => "silent",
        Stage::Opened | Stage::Collecting | Stage::Checking => "under way",
    }
    .to_owned()
}

/// The pools as a reader outside sees them.
fn pool_lines(rounds: &[RoundStatus], world: &World, plans: &[plan::NgoPlan]) -> Vec<PoolLine> {
    rounds
        .iter()
        .map(|status| {
            let told = status.told.as_ref();
            let sum = |at: usize| told.and_then(|told| told.totals.sums.get(at)).copied();
            let noise = |at: usize| told.and_then(|told| told.totals.noise_sds.get(at)).copied();
            PoolLine {
                round: status.id.short().to_string(),
                measure: status.round.measure.to_string(),
                facilitation: status.round.facilitation.to_string(),
                first: status.round.first.index(),
                last: status.round.last.index(),
                stage: stage_words(status.stage),
                centres: told
                    .map(|told| world.names_of(&told.centres, plans))
                    .unwrap_or_default(),
                persons: sum(0),
                persons_noise: noise(0),
                change: sum(1),
                change_noise: noise(1),
                rho: status.round.rho(),
                epsilon: epsilon(status.round.rho(), DELTA).unwrap_or_default(),
            }
        })
        .collect()
}

fn waited(releases: &[SignedRelease]) -> Vec<Waited> {
    let mut waited = Vec::new();
    for signed in releases {
        for cell in &signed.release.cells {
            let Some(pb::cell::Told::Sums(sums)) = &cell.told else {
                continue;
            };
            if sums.first_quarter < signed.release.quarter
                && COMPARED.contains(&cell.measure.as_str())
            {
                waited.push(Waited {
                    centre: signed.centre.clone(),
                    measure: cell.measure.clone(),
                    facilitation: match cell.facilitation() {
                        pb::Facilitation::Professional => "professional",
                        pb::Facilitation::Peer => "peer",
                        pb::Facilitation::CoLed => "co-led",
                        pb::Facilitation::Unspecified => "unknown",
                    }
                    .to_owned(),
                    since: sums.first_quarter,
                    told: signed.release.quarter,
                    persons: sums.persons,
                });
            }
        }
    }
    waited.sort_by(|a, b| {
        (&a.centre, &a.measure, &a.facilitation, a.told).cmp(&(
            &b.centre,
            &b.measure,
            &b.facilitation,
            b.told,
        ))
    });
    waited
}

/// Everything that would name or show a member, looked for in everything that left.
async fn search(world: &World, lives: &[Life<'_>], first_day: i64) -> Result<Search> {
    let mut canaries = Canaries::default();
    for life in lives {
        for group in &life.plan().groups {
            canaries.plant(&group.name);
        }
        for member in &life.plan().members {
            canaries.plant(&member.label);
            canaries.plant(&member.contact);
            for filled in &member.check_ins {
                canaries.plant(&date(first_day + filled.day));
                for (item, value) in &filled.answers {
                    if let Some(value) = value {
                        canaries.plant(&format!("{item}={value}"));
                        canaries.plant(&format!("{item}: {value}"));
                    }
                }
            }
        }
        for id in life.member_ids() {
            canaries.plant(id);
        }
    }
    let mut search = Search {
        planted: canaries.marks(),
        ..Search::default()
    };
    for (place, bytes) in world.what_left().await? {
        search.hits += canaries.hits(&bytes);
        search.places.push((place, bytes.len() as u64));
    }
    Ok(search)
}

/// SHA-256 of an encoded comparison, in hexadecimal.
fn digest(comparisons: &[pb::Comparison]) -> String {
    let mut hash = Sha256::new();
    for comparison in comparisons {
        hash.update(comparison.encode_to_vec());
    }
    data_encoding::HEXLOWER.encode(&hash.finalize())
}

/// The word for a kind of entry in the account.
fn kind_name(kind: Kind) -> String {
    match kind {
        Kind::Inception => "identity of an office".to_owned(),
        Kind::CentreInception => "identity of a centre".to_owned(),
        Kind::Descriptor => "public names and keys".to_owned(),
        Kind::Roster => "roster and policy".to_owned(),
        Kind::Admission => "admission".to_owned(),
        Kind::Release => "release".to_owned(),
        Kind::Template => "template".to_owned(),
        Kind::Epoch => "new epoch".to_owned(),
        Kind::Tombstone => "tombstone".to_owned(),
        Kind::PoolOpening => "opening of a pool".to_owned(),
        Kind::PoolKey => "key for a pool".to_owned(),
        Kind::PoolCommitment => "commitment to a pool".to_owned(),
        Kind::PoolCheck | Kind::PoolSet | Kind::PoolHalf | Kind::PoolEnd | Kind::PoolResult => {
            "aggregation of a pool".to_owned()
        }
        unknown @ Kind::Unknown(_) => format!("kind {}", unknown.number()),
    }
}

/// An answer by whom and what.
fn asked(whom: impl Into<String>, comparisons: &[pb::Comparison]) -> Asked {
    Asked {
        whom: whom.into(),
        digest: digest(comparisons),
    }
}

/// A house of the account before its entries are counted.
fn house(plan: &plan::NgoPlan, left: Vec<(String, u64, u64)>) -> House {
    House {
        name: plan.name.clone(),
        relay: plan.relay,
        members: plan.members.len(),
        groups: plan.groups.len(),
        left,
    }
}

/// Context for an error of one house.
fn in_house<T>(name: &str, result: Result<T>) -> Result<T> {
    result.with_context(|| format!("in the house {name}"))
}
