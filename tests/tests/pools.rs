//! A pool from opening to result: twelve organisations, real TLS, two nodes that accept connections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anyhow::Result;
use krog_feed::rounds::board::{Outcome, Stage};
use krog_measures::Facilitation;
use krog_pools::{Layout, PoolTerms, Round};
use krog_proto::centre::v1 as centre;
use krog_tests::{Network, Wishes, files_below};
use krogd::pool::OpenOptions;

/// 2026-04-05.
const START: i64 = 20_548;
const CENTRES: usize = 10;

async fn network(pools: PoolTerms) -> Result<Network> {
    Network::with(
        [
            "first:",
            "second:",
            "ngo0:centre0",
            "ngo1:centre1",
            "ngo2:centre2",
            "ngo3:centre3",
            "ngo4:centre4",
            "ngo5:centre5",
            "ngo6:centre6",
            "ngo7:centre7",
            "ngo8:centre8",
            "ngo9:centre9",
        ],
        Wishes {
            day: Some(START),
            more_relays: 1,
            pools: Some(pools),
            ..Wishes::default()
        },
    )
    .await
}

/// A few people of one peer-led group, each asked twice; what they answered is a rule, so that the sum is known.
fn people(place: usize) -> Vec<(u32, u32)> {
    (0..3 + place)
        .map(|at| {
            let baseline = 10 + (at as u32 * 5 + place as u32) % 12;
            (baseline, baseline - (at as u32 + place as u32) % 7)
        })
        .collect()
}

fn table(place: usize) -> String {
    let mut csv = "centre,group,facilitation,member,joined,sharing,measure,date,score\n".to_owned();
    for (at, (baseline, follow_up)) in people(place).into_iter().enumerate() {
        for (date, score) in [("2025-10-06", baseline), ("2026-01-05", follow_up)] {
            csv.push_str(&format!(
                "centre{place},circle,peer,member {at},2025-10-01,yes,k6,{date},{score}\n"
            ));
        }
    }
    csv
}

async fn everybody_imports(network: &Network) -> Result<()> {
    for at in 0..CENTRES {
        let coordinator = network
            .person(at + 2, &format!("centre{at}"), "coordinator")
            .await?;
        let imported = coordinator
            .import_outcomes(centre::ImportOutcomesRequest {
                csv: table(at).into_bytes(),
                strict: true,
                dry_run: false,
            })
            .await?;
        assert!(
            imported.refused.is_empty(),
            "{at}: {:?}",
            imported.refused.len()
        );
        let groups = coordinator
            .list_groups(centre::ListGroupsRequest {})
            .await?;
        for group in groups.groups {
            coordinator
                .record_decision(centre::RecordDecisionRequest {
                    group: group.group,
                    share: true,
                })
                .await?;
        }
    }
    Ok(())
}

async fn everybody_approves(network: &Network) -> Result<()> {
    for at in 0..CENTRES {
        for role in ["coordinator", "guardian"] {
            let person = network.person(at + 2, &format!("centre{at}"), role).await?;
            person
                .approve(centre::ApproveRequest {
                    quarter: String::new(),
                })
                .await?;
        }
    }
    Ok(())
}

fn asked() -> OpenOptions {
    OpenOptions {
        aggregators: Some(["first".to_owned(), "second".to_owned()]),
        days: 20,
        ..OpenOptions::change("k6".parse().unwrap(), Facilitation::Peer)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_small_centres_count_and_none_is_seen() -> Result<()> {
    let network = network(PoolTerms {
        rho_millionths: 0,
        ..PoolTerms::default()
    })
    .await?;
    everybody_imports(&network).await?;
    network.open_round(asked()).await?;
    assert_eq!(network.rounds(0).await?[0].stage, Stage::Collecting);

    let coordinator = network.person(2, "centre0", "coordinator").await?;
    let preview = coordinator
        .preview(centre::PreviewRequest {
            quarter: String::new(),
        })
        .await?;
    assert_eq!(preview.rounds.len(), 1);
    let round = &preview.rounds[0];
    assert!(round.takes_part, "{}", round.reason);
    assert_eq!((round.persons, round.state.as_str()), (3, "open"));
    assert_eq!(round.aggregators, ["first", "second"]);

    everybody_approves(&network).await?;
    network.settle().await?;
    assert!(
        network.rounds(0).await?[0].commitments.is_empty(),
        "nothing leaves before the days are over"
    );
    network.clock.set_day(START + 15);
    network.settle().await?;
    assert_eq!(network.rounds(0).await?[0].commitments.len(), CENTRES);
    network.clock.set_day(START + 22);
    for _ in 0..4 {
        network.settle().await?;
    }
    let people: Vec<(u32, u32)> = (0..CENTRES).flat_map(people).collect();
    let change: f64 = people
        .iter()
        .map(|(a, b)| f64::from(*b) - f64::from(*a))
        .sum();
    for place in [0, 1, 5, 11] {
        let round = &network.rounds(place).await?[0];
        assert_eq!(round.stage, Stage::Told, "{:?}", round.ends);
        let told = round.told.as_ref().unwrap();
        assert_eq!(told.centres.len(), CENTRES);
        assert_eq!(told.totals.sums, [people.len() as f64, change]);
        assert_eq!(told.totals.noise_sds, [0.0, 0.0]);
        assert_eq!(round.ends, [Some(Outcome::Told); 2]);
        assert_eq!(round.result.as_ref().unwrap().totals, told.totals.encoded);
    }
    let round = network.rounds(0).await?[0].round.clone();
    nothing_of_a_single_centre_lies_anywhere_but_at_home(&network, &round)
}

/// No centre's own sums, in the clear or as they are encoded, in any file of an exchange or of the aggregators' offices,
/// nor a label of anybody.
fn nothing_of_a_single_centre_lies_anywhere_but_at_home(
    network: &Network,
    round: &Round,
) -> Result<()> {
    let measure = krog_measures::builtin::measure(&"k6".parse()?)
        .expect("a built-in measure")
        .clone();
    let layout = Layout::of(round, &measure);
    let mut marks: Vec<Vec<u8>> = vec![b"member 0".to_vec(), b"member 7".to_vec()];
    for place in 0..CENTRES {
        let people = people(place);
        let change: f64 = people
            .iter()
            .map(|(a, b)| f64::from(*b) - f64::from(*a))
            .sum();
        let vector = layout.encode(&[people.len() as f64, change])?;
        // The change is a number of its own for every centre; a count of persons is small, and any byte may be it.
        marks.push(vector[1].to_le_bytes().to_vec());
        marks.push(vector[1].to_be_bytes().to_vec());
    }
    for place in 0..CENTRES + 2 {
        let folder = network.folder(place);
        let mut files = files_below(&folder.exchange())?;
        files.extend(files_below(&folder.office())?);
        for (path, bytes) in files {
            for mark in &marks {
                let found = bytes.windows(mark.len()).any(|window| window == mark);
                assert!(!found, "{} holds {mark:?}", path.display());
            }
        }
    }
    Ok(())
}
