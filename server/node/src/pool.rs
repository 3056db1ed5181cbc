//! Opening a round of a pool: what a keyholder does, while the node runs.

use anyhow::{Context, Result, anyhow, bail};
use krog_centre::{Chance, Office, Opening, Span, Surroundings};
use krog_client::report::clean;
use krog_client::socket::connect_unix;
use krog_federation::Clock;
use krog_feed::ids::{HeaderHash, NetworkId, NodeId};
use krog_measures::{Course, Facilitation, MeasureCode, Quarter, builtin};
use krog_pools::{FLOOR_CENTRES_OF_BARE_WEIGHTS, PoolItem, Question, Round};
use krog_proto::federation::v1 as pb;
use krog_proto::federation::v1::library_client::LibraryClient;
use tonic::transport::Channel;

use crate::folder::Folder;

/// What is to be asked, as an operator says it.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The measure.
    pub measure: MeasureCode,
    /// Who leads the groups counted.
    pub facilitation: Facilitation,
    /// Entry or continuing pairs.
    pub course: Course,
    /// First quarter counted; absent: twelve quarters before the last.
    pub from: Option<Quarter>,
    /// Last quarter counted; absent: the latest that has ended.
    pub until: Option<Quarter>,
    /// The question.
    pub ask: Question,
    /// The two aggregators, by public name or the first digits of their identity. Absent: the first two nodes that accept
    /// connections.
    pub aggregators: Option<[String; 2]>,
    /// Days from now to the deadline.
    pub days: u32,
    /// Days after it from which on the round is given up.
    pub days_to_expiry: u32,
    /// For a second round: the first digits of the first one.
    pub second_of: Option<String>,
    /// τ² of a second round with weights, units of the unit SD squared; absent: what the comparison tells.
    pub tau2: Option<f64>,
    /// SD of change, points; absent: the stated one.
    pub unit_sd: Option<f64>,
    /// ρ of the round; absent: the most the policy allows.
    pub rho: Option<f64>,
    /// Change that counts as reliable, points.
    pub reliable_change: Option<f64>,
}

impl OpenOptions {
    /// The question everybody asks first: how much people changed, of all that waits.
    pub fn change(measure: MeasureCode, facilitation: Facilitation) -> Self {
        Self {
            measure,
            facilitation,
            course: Course::Entry,
            from: None,
            until: None,
            ask: Question::Change,
            aggregators: None,
            days: 45,
            days_to_expiry: 60,
            second_of: None,
            tau2: None,
            unit_sd: None,
            rho: None,
            reliable_change: None,
        }
    }
}

/// Quarters that are counted at most, back from the last: what waits eight goes to the next pool, whatever the way.
const QUARTERS: u32 = 12;

/// Days two people need at least to approve, beside those in which a part is shown at home.
const DAYS_TO_APPROVE: u32 = 2;
/// A year.
const DAYS_TO_DEADLINE_MAX: u32 = 366;

/// Wants a round opened; the running node signs it at its next turn. Returns what was opened, in words.
///
/// # Errors
/// When the node does not run, is no keyholder, or the policy does not allow what is asked.
pub async fn open(
    folder: &Folder,
    options: OpenOptions,
    clock: Clock,
    chance: Chance,
) -> Result<String> {
    let surroundings = Surroundings::new(clock, chance);
    let office = Office::open(&folder.office(), &surroundings).await?;
    let network = *office
        .networks()
        .await?
        .first()
        .context("this node is in no network; found one with `krogd network create`")?;
    let channel = connect_unix(folder.exchange_socket()).await.context(
        "this node does not run, so the other nodes' names are not known; start it with `krogd run`",
    )?;
    let mut library = LibraryClient::new(channel)
        .max_decoding_message_size(krog_federation::limits::RESPONSE_BYTES);
    let described = library
        .describe(pb::DescribeRequest {})
        .await?
        .into_inner()
        .networks
        .into_iter()
        .find(|described| described.network == network.as_bytes())
        .context("the node's exchange does not know its network yet; let it run for a minute")?;
    let [leader, helper] = aggregators(&described, &options, office.node())?;
    let today = surroundings.today()?;
    let last = options.until.unwrap_or_else(|| today.quarter().previous());
    if last >= today.quarter() {
        bail!("the quarter {last} has not ended yet; name one that has, or leave --until out");
    }
    let first = match options.from {
        Some(first) => first,
        None => Quarter::from_index(last.index().saturating_sub(QUARTERS - 1))?,
    };
    let policy = office.rosters(network).await?.latest().policy.clone();
    check_days(&options, policy.waiting_days)?;
    if options
        .unit_sd
        .is_some_and(|sd| !(sd.is_finite() && sd > 0.0))
    {
        bail!("--sd is the standard deviation of change in points: a number above 0");
    }
    if options.ask == Question::Weights && options.second_of.is_none() {
        bail!(
            "weights are asked of the centres of a first round; name it with --second-of, as `krog pools list` shows it"
        );
    }
    let most = policy.pools.map_or(0, |terms| terms.rho_millionths);
    if let Some(rho) = options.rho
        && (!rho.is_finite()
            || rho < 0.0
            || (rho * 1e6).round() > f64::from(most)
            || (rho == 0.0 && most > 0))
    {
        bail!(
            "one round may cost at most rho {} by this network's policy, and more than 0 where that is; give --rho within it, or leave it out",
            f64::from(most) / 1e6
        );
    }
    let known = library
        .list_rounds(pb::ListRoundsRequest {
            network: network.as_bytes().to_vec(),
        })
        .await?
        .into_inner()
        .rounds;
    let second_of = match &options.second_of {
        Some(named) => {
            let first = first_round(&mut library, network, &known, named, &options).await?;
            let bare = options.ask == Question::Weights && most == 0;
            if bare && first.agreed < FLOOR_CENTRES_OF_BARE_WEIGHTS {
                bail!(
                    "without noise, weights need the parts of {FLOOR_CENTRES_OF_BARE_WEIGHTS} centres, and the first round told of {}: with fewer, what one centre told could be reckoned",
                    first.agreed
                );
            }
            Some((first.id, first.round, first.tau2))
        }
        None => {
            refuse_overlap(&known, &options, first, last)?;
            None
        }
    };
    let opening = Opening {
        items: items(&options)?,
        measure: options.measure,
        facilitation: options.facilitation,
        course: options.course,
        span: Span { first, last },
        question: options.ask,
        aggregators: [leader.node, helper.node],
        deadline: today.plus(i32::try_from(options.days).unwrap_or(i32::MAX / 2)),
        days_to_expiry: options.days_to_expiry,
        second_of,
        unit_sd: options.unit_sd,
        rho_millionths: options.rho.map(|rho| (rho * 1e6).round() as u32),
        reliable_change: options.reliable_change,
    };
    let deadline = opening.deadline;
    let weights = options.ask == Question::Weights && most > 0;
    let round = office.open_round(network, opening).await?;
    office.close().await;
    let mut text = format!(
        "A round over {} · {} · {} is asked for, pairs of {} to {}.\n\
         Aggregators: {} and {}. They see random numbers; they would have to collude to see a centre's part.\n\
         It collects parts once both have answered with a key, until {deadline}.\n",
        round.measure,
        round.facilitation,
        round.course,
        round.first,
        round.last,
        leader.name,
        helper.name,
    );
    if round.rho_millionths == 0 {
        text.push_str("This network has chosen no noise: only the number of centres protects single persons.\n");
    } else {
        let epsilon =
            krog_pools::privacy::epsilon(round.rho(), krog_pools::privacy::DELTA).unwrap_or(0.0);
        text.push_str(&format!(
            "Privacy cost: rho {} (epsilon {epsilon:.1} at a delta of one in a million).\n",
            round.rho()
        ));
    }
    for line in &round.precision {
        text.push_str(&format!(
            "Expected of {} centres with {} persons: ±{:.2} SD (±{:.2} without noise).\n",
            line.centres,
            line.persons,
            f64::from(line.half_width_thousandths) / 1e3,
            f64::from(line.noiseless_half_width_thousandths) / 1e3,
        ));
    }
    if weights {
        text.push_str("The noise is added to the weighted sums too: of few centres it can make the interval wider than the first round's alone.\n");
    }
    text.push_str("`krog pools list` shows it within a minute, with the digits that name it.\n");
    text.push_str("Next: each centre's two people look at it with `krog share preview` and approve it with the quarter.");
    Ok(text)
}

/// A node that can aggregate.
struct Aggregator {
    node: NodeId,
    name: String,
}

fn aggregators(
    described: &pb::DescribedNetwork,
    options: &OpenOptions,
    own: NodeId,
) -> Result<[Aggregator; 2]> {
    let nodes: Vec<Aggregator> = described
        .nodes
        .iter()
        .filter_map(|node| {
            Some(Aggregator {
                node: NodeId::try_from(node.node.as_slice()).ok()?,
                name: node.public_name.clone(),
            })
        })
        .collect();
    let Some(named) = &options.aggregators else {
        // Any two will do; the keyholder's own and the next by identity are as good as others, and known to run.
        let mut chosen = nodes.into_iter().filter(|node| !node.name.is_empty());
        let all: Vec<Aggregator> = chosen.by_ref().collect();
        let (mine, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|node| node.node == own);
        let mut both = mine.into_iter().chain(others);
        return match (both.next(), both.next()) {
            (Some(leader), Some(helper)) => Ok([leader, helper]),
            _ => bail!(
                "the network has fewer than two nodes; a pool needs two organisations that aggregate"
            ),
        };
    };
    let find = |named: &String| -> Result<Aggregator> {
        let matches = |node: &&Aggregator| {
            node.name.eq_ignore_ascii_case(named)
                || (named.len() >= 8 && node.node.to_string().starts_with(named.as_str()))
        };
        let mut found = nodes.iter().filter(matches);
        match (found.next(), found.next()) {
            (Some(node), None) => Ok(Aggregator {
                node: node.node,
                name: node.name.clone(),
            }),
            (Some(_), Some(_)) => Err(anyhow!(
                "more than one node is called {:?}; give the first 8 digits of its identity, as `krog network show` shows it",
                clean(named)
            )),
            (None, _) => Err(anyhow!(
                "no node of the network is called {:?}; `krog network show` lists them",
                clean(named)
            )),
        }
    };
    let [leader, helper] = named;
    Ok([find(leader)?, find(helper)?])
}

/// A first round, for a second one.
struct First {
    id: HeaderHash,
    round: Round,
    tau2: f64,
    /// Centres it told of.
    agreed: u32,
}

/// That parts can still be shown at home before the deadline, and that it does not lie years ahead.
fn check_days(options: &OpenOptions, waiting_days: u32) -> Result<()> {
    let fewest = waiting_days + DAYS_TO_APPROVE;
    if options.days < fewest {
        bail!(
            "a part is shown at home for {waiting_days} days before it leaves, so with --days {} no centre could take part; give --days {fewest} or more",
            options.days
        );
    }
    if options.days > DAYS_TO_DEADLINE_MAX {
        bail!("the deadline may be at most {DAYS_TO_DEADLINE_MAX} days ahead; give fewer --days");
    }
    Ok(())
}

/// While a round over the same cell and quarters goes on, a new one counts for nothing.
fn refuse_overlap(
    known: &[pb::DescribedRound],
    options: &OpenOptions,
    first: Quarter,
    last: Quarter,
) -> Result<()> {
    for described in known {
        let running = matches!(
            described.stage(),
            pb::RoundStage::Opened | pb::RoundStage::Collecting | pb::RoundStage::Checking
        );
        let opening = described.opening.clone().filter(|_| running);
        let Some(round) = opening.and_then(|opening| Round::parse(opening).ok()) else {
            continue;
        };
        let same = round.measure == options.measure
            && round.facilitation == options.facilitation
            && round.course == options.course
            && round.first_round.is_none();
        if same && round.first <= last && first <= round.last {
            let id = HeaderHash::try_from(described.round.as_slice())?;
            bail!(
                "round {} over this cell and some of these quarters is under way; open the next one when it is told or has failed, as `krog pools list` shows",
                id.short()
            );
        }
    }
    Ok(())
}

async fn first_round(
    library: &mut LibraryClient<Channel>,
    network: NetworkId,
    known: &[pb::DescribedRound],
    named: &str,
    options: &OpenOptions,
) -> Result<First> {
    let named = named.to_ascii_lowercase();
    let mut found = known.iter().filter_map(|described| {
        let id = HeaderHash::try_from(described.round.as_slice()).ok()?;
        (named.len() >= 8 && id.to_string().starts_with(&named)).then_some((id, described))
    });
    let (id, described) = match (found.next(), found.next()) {
        (Some(found), None) => found,
        _ => bail!(
            "no round, or more than one, is named {:?}; give its first 8 digits or more, as `krog pools list` shows them",
            clean(&named)
        ),
    };
    if described.stage() != pb::RoundStage::Told {
        bail!("the first round is not told yet; a second one asks over the same parts once it is");
    }
    let follows = |other: &&pb::DescribedRound| {
        let opening = other.opening.as_ref();
        other.stage() != pb::RoundStage::Failed
            && opening.is_some_and(|opening| opening.first_round == described.round)
    };
    if known.iter().any(|other| follows(&other)) {
        bail!(
            "this round has a second one already, and its centres give no third part of these answers"
        );
    }
    let opening = described
        .opening
        .clone()
        .context("the round has no opening")?;
    let round = Round::parse(opening)?;
    let tau2 = match options.tau2 {
        Some(tau2) => tau2,
        None if options.ask != Question::Weights => 0.0,
        None => library
            .compare(pb::CompareRequest {
                network: network.as_bytes().to_vec(),
                measure: round.measure.to_string(),
                last_quarter: 0,
            })
            .await?
            .into_inner()
            .comparison
            .into_iter()
            .flat_map(|comparison| comparison.sides)
            .find(|side| {
                side.facilitation == round.to_proto().facilitation
                    && side.course == round.to_proto().course
            })
            .and_then(|side| side.synthesis)
            .map(|synthesis| synthesis.tau2)
            .context("nothing told gives a variance between centres; state one with --tau2")?,
    };
    Ok(First {
        id,
        round,
        tau2,
        agreed: described.agreed,
    })
}

/// The items of the measure's instrument, where they are asked.
fn items(options: &OpenOptions) -> Result<Vec<PoolItem>> {
    if options.ask != Question::Items {
        return Ok(Vec::new());
    }
    let code = options.measure.as_str();
    let instrument = builtin::all()
        .iter()
        .find(|instrument| instrument.code.as_str() == code)
        .context("only built-in instruments have items here; name one by its own code")?;
    let (lowest, highest) = instrument.value_bounds();
    Ok(instrument
        .items
        .iter()
        .map(|item| PoolItem {
            code: item.id.as_str().to_owned(),
            lowest,
            highest,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> OpenOptions {
        OpenOptions::change("bdi-ii".parse().unwrap(), Facilitation::Peer)
    }

    #[test]
    fn a_deadline_leaves_the_days_at_home_and_lies_within_a_year() {
        for (days, fits) in [
            (3, false),
            (15, false),
            (16, true),
            (366, true),
            (367, false),
        ] {
            let options = OpenOptions { days, ..options() };
            assert_eq!(check_days(&options, 14).is_ok(), fits, "{days}");
        }
    }

    #[test]
    fn a_cell_that_is_taken_is_refused_until_its_round_is_over() {
        let quarter = |text: &str| text.parse::<Quarter>().unwrap();
        let round = |stage: pb::RoundStage| pb::DescribedRound {
            round: vec![7; 32],
            opening: Some(pb::PoolOpening {
                measure: "bdi-ii".to_owned(),
                comparability_class: vec![1; 32],
                facilitation: pb::Facilitation::Peer.into(),
                course: pb::Course::Entry.into(),
                first_quarter: quarter("2025Q1").index(),
                last_quarter: quarter("2025Q4").index(),
                roster_version: 1,
                sums: vec![pb::PoolSum::Persons.into(), pb::PoolSum::Change.into()],
                leader: vec![2; 32],
                helper: vec![3; 32],
                deadline: 20_500,
                expiry: 20_560,
                persons_per_centre: 40,
                change_bound_hundredths: 2_000,
                unit_sd_thousandths: 12_000,
                ..Default::default()
            }),
            stage: stage.into(),
            ..Default::default()
        };
        let asked = |stage, first, last| {
            refuse_overlap(&[round(stage)], &options(), quarter(first), quarter(last))
        };
        let running = pb::RoundStage::Collecting;
        let refused = asked(running, "2025Q4", "2026Q1").unwrap_err();
        assert!(refused.to_string().contains("07070707"), "{refused}");
        assert!(asked(running, "2026Q1", "2026Q1").is_ok());
        assert!(asked(pb::RoundStage::Failed, "2025Q4", "2026Q1").is_ok());
    }
}
