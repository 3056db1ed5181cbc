//! Two years of life in twelve houses, drawn from a seed: who joins, meets, answers, withdraws, leaves.
//!
//! All of it is made up. Labels and contacts are random tokens, planted so that one can look for them in whatever left
//! a house; they name nobody.

use krog_measures::facilitation::Facilitation;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Days from the first to the last day of the story: eight quarters from 2024-10-01.
pub const DAYS: i64 = 730;

/// One organisation with its centre.
#[derive(Debug)]
pub struct NgoPlan {
    /// Public name.
    pub name: String,
    /// Whether it accepts connections and passes entries on.
    pub relay: bool,
    /// Its centre's public name.
    pub centre: String,
    /// Whether its groups have decided that distress leaves in pools; otherwise it leaves by release.
    pub pools: bool,
    /// Its groups.
    pub groups: Vec<GroupPlan>,
    /// Everybody who was a member at some time.
    pub members: Vec<MemberPlan>,
}

/// One group.
#[derive(Debug)]
pub struct GroupPlan {
    /// Name at home; a canary.
    pub name: String,
    /// Who leads.
    pub facilitation: Facilitation,
    /// Whether the group agreed to share.
    pub shares: bool,
    /// Days on which it met, counted from the first day of the story.
    pub meetings: Vec<i64>,
}

/// One member.
pub struct MemberPlan {
    /// Label; a canary.
    pub label: String,
    /// Contact; a canary.
    pub contact: String,
    /// Index of the member's group.
    pub group: usize,
    /// Day of joining, counted from the first day of the story.
    pub joined: i64,
    /// Day of leaving, if before the end.
    pub left: Option<i64>,
    /// Whether the member consented to being counted.
    pub shares: bool,
    /// Day on which that consent was withdrawn.
    pub withdraws: Option<i64>,
    /// Days of attendance.
    pub present: Vec<i64>,
    /// Check-ins, in order of day.
    pub check_ins: Vec<CheckInPlan>,
}

impl std::fmt::Debug for MemberPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemberPlan(..)")
    }
}

/// One filled questionnaire.
pub struct CheckInPlan {
    /// Day, counted from the first day of the story.
    pub day: i64,
    /// Instrument's code.
    pub instrument: &'static str,
    /// Answers by item; `None` is asked but declined.
    pub answers: Vec<(&'static str, Option<i32>)>,
}

/// Size of a centre and what it offers: members over two years per facilitation.
struct House {
    relay: bool,
    professional: u32,
    peer: u32,
    refuses: bool,
}

const HOUSES: [House; 12] = [
    House {
        relay: true,
        professional: 74,
        peer: 0,
        refuses: false,
    },
    House {
        relay: false,
        professional: 0,
        peer: 66,
        refuses: false,
    },
    House {
        relay: false,
        professional: 40,
        peer: 38,
        refuses: false,
    },
    House {
        relay: false,
        professional: 12,
        peer: 0,
        refuses: false,
    },
    House {
        relay: false,
        professional: 0,
        peer: 10,
        refuses: false,
    },
    House {
        relay: true,
        professional: 36,
        peer: 34,
        refuses: false,
    },
    House {
        relay: false,
        professional: 52,
        peer: 0,
        refuses: false,
    },
    House {
        relay: false,
        professional: 0,
        peer: 48,
        refuses: false,
    },
    House {
        relay: false,
        professional: 44,
        peer: 36,
        refuses: false,
    },
    House {
        relay: false,
        professional: 18,
        peer: 14,
        refuses: false,
    },
    House {
        relay: false,
        professional: 46,
        peer: 0,
        refuses: true,
    },
    House {
        relay: false,
        professional: 0,
        peer: 42,
        refuses: false,
    },
];

const NAMES: [&str; 12] = [
    "Breza", "Jasen", "Lipa", "Hrast", "Javor", "Gaber", "Bukev", "Vrba", "Jelka", "Macesen",
    "Oreh", "Topol",
];

/// Draws the story.
pub fn draw(seed: u64) -> Vec<NgoPlan> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    HOUSES
        .iter()
        .zip(NAMES)
        .map(|(house, name)| draw_ngo(house, name, &mut rng))
        .collect()
}

fn draw_ngo(house: &House, name: &str, rng: &mut ChaCha8Rng) -> NgoPlan {
    // Centres differ for reasons nobody measures: a shift of their own, in points of distress.
    let centre_shift = normal(rng) * 0.5;
    let mut groups = Vec::new();
    let mut members = Vec::new();
    for (facilitation, people) in [
        (Facilitation::Professional, house.professional),
        (Facilitation::Peer, house.peer),
    ] {
        let circles = people.div_ceil(26);
        for circle in 0..circles {
            let refuses = house.refuses && circle == 0;
            let group = groups.len();
            let weekday = rng.random_range(0..7);
            groups.push(GroupPlan {
                name: format!("KROGEC-{}", token(rng)),
                facilitation,
                shares: !refuses,
                meetings: (weekday..DAYS).step_by(14).collect(),
            });
            let count = people / circles + u32::from(circle < people % circles);
            for _ in 0..count {
                let meetings = &groups[group].meetings;
                members.push(draw_member(
                    group,
                    facilitation,
                    meetings,
                    centre_shift,
                    rng,
                ));
            }
        }
    }
    NgoPlan {
        name: format!("Društvo {name}"),
        relay: house.relay,
        // The three largest centres speak under their own names.
        pools: house.professional.max(house.peer) < 60 && house.professional + house.peer < 80,
        centre: format!("Dnevni center {name}"),
        groups,
        members,
    }
}

fn draw_member(
    group: usize,
    facilitation: Facilitation,
    meetings: &[i64],
    centre_shift: f64,
    rng: &mut ChaCha8Rng,
) -> MemberPlan {
    let joined = if rng.random_bool(0.4) {
        rng.random_range(0..21)
    } else {
        rng.random_range(21..DAYS - 40)
    };
    let stay = rng.random_range(60..700);
    let left = (joined + stay < DAYS - 10).then_some(joined + stay);
    let until = left.unwrap_or(DAYS);
    let present: Vec<i64> = meetings
        .iter()
        .copied()
        .filter(|day| *day >= joined && *day <= until && rng.random_bool(0.7))
        .collect();
    let shares = rng.random_bool(0.82);
    let withdraws = (shares && rng.random_bool(0.06))
        .then(|| joined + rng.random_range(30..200))
        .filter(|day| *day < DAYS);

    // Distress on a 0 to 24 scale; both kinds of group help a little, and people differ much more than groups do.
    let level = 12.0 + 4.0 * normal(rng);
    let relief = match facilitation {
        Facilitation::Professional => 1.9,
        _ => 1.5,
    } + centre_shift;
    let mut check_ins = Vec::new();
    let first = present.first().copied().unwrap_or(joined);
    let mut day = first;
    let mut round = 0;
    while day < until.min(DAYS) && round < 4 {
        let now = if round == 0 {
            level
        } else {
            level - relief + 3.2 * normal(rng)
        };
        if rng.random_bool(if round == 0 { 0.92 } else { 0.72 }) {
            check_ins.push(CheckInPlan {
                day,
                instrument: "k6",
                answers: k6(now, rng),
            });
            check_ins.push(CheckInPlan {
                day,
                instrument: "ons4",
                answers: ons4(now, rng),
            });
        }
        day += rng.random_range(80..105);
        round += 1;
    }
    MemberPlan {
        label: format!("OSEBA-{}", token(rng)),
        contact: format!("{}@kanarcek.invalid", token(rng).to_lowercase()),
        group,
        joined,
        left,
        shares,
        withdraws,
        present,
        check_ins,
    }
}

fn k6(distress: f64, rng: &mut ChaCha8Rng) -> Vec<(&'static str, Option<i32>)> {
    items("k6")
        .map(|item| {
            let value = (distress / 6.0 + 0.7 * normal(rng)).round().clamp(0.0, 4.0);
            (item, rng.random_bool(0.995).then_some(value as i32))
        })
        .collect()
}

fn ons4(distress: f64, rng: &mut ChaCha8Rng) -> Vec<(&'static str, Option<i32>)> {
    items("ons4")
        .map(|item| {
            let centre = if item.contains("anxious") {
                distress / 2.4
            } else {
                10.0 - distress / 2.4
            };
            let value = (centre + 1.3 * normal(rng)).round().clamp(0.0, 10.0);
            (item, rng.random_bool(0.99).then_some(value as i32))
        })
        .collect()
}

/// Items of a built-in instrument.
fn items(instrument: &str) -> impl Iterator<Item = &'static str> {
    krog_measures::builtin::all()
        .iter()
        .filter(move |known| known.code.as_str() == instrument)
        .flat_map(|known| known.items.iter().map(|item| item.id.as_str()))
}

/// A standard normal draw as the sum of twelve uniforms less six: good enough for a story.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

fn token(rng: &mut impl Rng) -> String {
    let mut bytes = [0_u8; 6];
    rng.fill_bytes(&mut bytes);
    data_encoding::HEXUPPER.encode(&bytes)
}
