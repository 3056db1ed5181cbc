//! What a round costs: work and bytes for one centre, and for an aggregator over many; and how precise its results are.
//!
//! `cargo run --release -p krog-pools --example round [CENTRES]`, 1000 centres unless said otherwise.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use krog_measures::{Course, Direction, Facilitation, Measure, Scale, Window};
use krog_pools::aggregation::{Arrived, Checked, open_parts, seal_share};
use krog_pools::layout::Layout;
use krog_pools::part::sums_of;
use krog_pools::precision::expected;
use krog_pools::privacy::{DELTA, epsilon};
use krog_pools::sealing::{RoundSecret, Sender};
use krog_pools::shares::Sharing;
use krog_pools::{Answered, PoolItem, PoolTerms, Question, Role, Round, Sum};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng as Chance;
use std::error::Error;
use std::time::Instant;

const ID: [u8; 32] = [7; 32];

fn measure() -> Result<Measure, Box<dyn Error>> {
    let scale = Scale::new(0.0, 24.0, Direction::LowerBetter)?;
    Ok(Measure::total_only(
        "k6".parse()?,
        scale,
        Window::default(),
        None,
    ))
}

/// The full vector: everything about pairs, and twelve items.
fn round(question: Question, measure: &Measure) -> Result<Round, Box<dyn Error>> {
    let full = question == Question::Full;
    let mut sums = question.sums().to_vec();
    if full {
        sums.push(Sum::Items);
    }
    let items = (0..if full { 12 } else { 0 })
        .map(|at| PoolItem {
            code: format!("item-{at}"),
            lowest: 0,
            highest: 4,
        })
        .collect();
    Ok(Round {
        measure: measure.code.clone(),
        class: measure.class,
        facilitation: Facilitation::Peer,
        course: Course::Entry,
        first: "2025Q1".parse()?,
        last: "2025Q4".parse()?,
        roster_version: 1,
        sums,
        items,
        leader: [1; 32],
        helper: [2; 32],
        deadline: 20_500,
        expiry: 20_560,
        first_round: None,
        persons_per_centre: 60,
        change_bound_hundredths: 1_350,
        unit_sd_thousandths: 4_500,
        tau2_millionths: 0,
        rho_millionths: PoolTerms::default().rho_millionths,
        reliable_change_hundredths: if full { 500 } else { 0 },
        precision: Vec::new(),
    })
}

fn people(chance: &mut Chance) -> Vec<Answered> {
    (0..12)
        .map(|_| {
            let baseline: u8 = chance.random_range(6..=20);
            Answered {
                baseline: baseline.into(),
                follow_up: Some(f64::from(baseline) - f64::from(chance.random_range(-6i8..=6))),
                items: vec![Some(2); 12],
                sessions: 9,
            }
        })
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let centres: u16 = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 1_000,
    };
    let measure = measure()?;
    for question in [Question::Change, Question::Full] {
        let round = round(question, &measure)?;
        let layout = Layout::of(&round, &measure);
        let sharing = Sharing::of(ID, &layout)?;
        let mut chance = Chance::seed_from_u64(1);
        let secrets = [
            RoundSecret::generate(&mut chance),
            RoundSecret::generate(&mut chance),
        ];
        let publics = [secrets[0].public()?, secrets[1].public()?];
        let begun = Instant::now();
        let mut parts = Vec::new();
        for at in 0..centres {
            let mut centre = [0; 32];
            centre[..2].copy_from_slice(&at.to_be_bytes());
            let nonce: [u8; 16] = chance.random();
            let vector = layout.encode_units(&sums_of(&round, &measure, &people(&mut chance))?)?;
            let shares = sharing.split(&vector, &nonce, &mut chance)?;
            let mut seal = |role: Role| {
                let (key, share) = (&publics[role.index()], &shares[role.index()]);
                seal_share(key, ID, role, centre, nonce, share, &mut chance)
            };
            parts.push((centre, nonce, [seal(Role::Leader)?, seal(Role::Helper)?]));
        }
        let per_centre = begun.elapsed() / u32::from(centres);
        let bytes: usize = parts[0].2.iter().map(Vec::len).sum();
        println!(
            "{question}: {} sums, {} bits each",
            layout.len(),
            layout.greatest().ilog2() + 1
        );
        println!("  a centre: {per_centre:.1?} of work, {bytes} bytes in two parcels");

        let open = |role: Role, key: &[u8; 32]| {
            open_parts(
                ID,
                &sharing,
                role,
                &secrets[role.index()],
                key,
                parts.iter().map(|(centre, nonce, parcels)| Arrived {
                    centre: *centre,
                    nonce: *nonce,
                    parcel: Some(&parcels[role.index()]),
                }),
            )
        };
        let key = [9; 32];
        let mut verifiers = Vec::new();
        let mut times = Vec::new();
        for role in Role::BOTH {
            let begun = Instant::now();
            verifiers.push(open(role, &key).verifiers());
            times.push(begun.elapsed());
        }
        let checked = Checked {
            verify_key: Some(key),
            verifiers: verifiers[0].clone(),
            persons_share: None,
        };
        let parcel = checked.seal(
            &publics[1],
            ID,
            Role::Helper,
            Sender::LeaderCheck,
            &mut chance,
        )?;
        for role in Role::BOTH {
            // As an aggregator does it: opened once more, then decided, added and given noise.
            let begun = Instant::now();
            let agreed = open(role, &key).agree(&sharing, &verifiers[role.other().index()]);
            let noise = layout.noise(&mut chance);
            let half = agreed.add(&sharing).half(&noise);
            times[role.index()] += begun.elapsed();
            println!(
                "  {role:?} over {} centres: {:.2?} of work, half of {} bytes",
                agreed.centres(),
                times[role.index()],
                half.len()
            );
        }
        println!(
            "  between the aggregators: {} bytes in the largest parcel",
            parcel.len()
        );
    }
    println!(
        "\nHalf width of the 95 % interval of the mean change, in SDs; question `change`, 12 persons a centre:"
    );
    println!("rho        epsilon  5 centres  10 centres  30 centres");
    for rho_millionths in [0, 1_000_000, 500_000, 250_000, 100_000, 50_000] {
        let round = Round {
            rho_millionths,
            ..round(Question::Change, &measure)?
        };
        let widths: Vec<String> = expected(&round, &measure, &PoolTerms::default())
            .iter()
            .map(|p| format!("{:>9.3}", f64::from(p.half_width_thousandths) / 1e3))
            .collect();
        let cost = match rho_millionths {
            0 => "no noise        -".to_owned(),
            _ => format!(
                "{:<10} {:>6.1}",
                round.rho(),
                epsilon(round.rho(), DELTA).unwrap_or(0.0)
            ),
        };
        println!("{cost}  {}", widths.join("  "));
    }
    Ok(())
}
