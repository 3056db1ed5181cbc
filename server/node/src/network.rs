//! Founding a network, inviting to it, joining it: what an operator does once, while the node does not run.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use krog_centre::{Chance, Office, Surroundings};
use krog_federation::{Clock, Exchange, Syncer};
use krog_feed::identity::Address;
use krog_feed::ids::NetworkId;
use krog_feed::invitation::JoinToken;
use krog_feed::roster::{Policy, RosterChain, SignedRoster};
use krog_measures::{Measure, builtin};
use krog_pools::PoolTerms;

use crate::dial::PinnedDial;
use crate::folder::{Folder, Part};
use crate::node::{addresses_of, open_exchange, own_pin, public_name};
use crate::settings::Settings;
use crate::tls::TlsIdentity;

/// What a new network is to be.
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// Its public name.
    pub name: String,
    /// Whether it practises with made-up data.
    pub rehearsal: bool,
    /// Measures known by their total only, besides the built-in ones. They come first in the order of telling.
    pub measures: Vec<Measure>,
    /// Fewest persons in a told cell.
    pub floor_persons: u32,
    /// Days a release is shown at home.
    pub waiting_days: u32,
    /// What its pools may tell; absent: it has none.
    pub pools: Option<PoolTerms>,
}

/// The built-in measures in the order in which small cells tell them: how life is, then distress, then the rest.
fn builtin_measures() -> Vec<Measure> {
    let first = ["ons4.satisfied", "k6", "group-experience"];
    let mut measures: Vec<Measure> = builtin::measures().cloned().collect();
    measures.sort_by_key(|measure| {
        first
            .iter()
            .position(|code| *code == measure.code.as_str())
            .unwrap_or(first.len())
    });
    measures
}

/// Founds a network with this node as its first keyholder.
///
/// # Errors
/// When the node runs, is in a network already, or a value is not allowed.
pub async fn found_network(
    folder: &Folder,
    options: NetworkOptions,
    clock: Clock,
    chance: Chance,
) -> Result<String> {
    let _office = folder.lock(Part::Office)?;
    let _exchange = folder.lock(Part::Exchange)?;
    let settings = Settings::read(&folder.settings())?;
    let office = Office::open(&folder.office(), &Surroundings::new(clock.clone(), chance)).await?;
    in_no_network(&office).await?;
    let mut measures = options.measures;
    for measure in builtin_measures() {
        if measures.iter().any(|given| given.code == measure.code) {
            bail!(
                "--measure {}: this name is a built-in measure's; give another",
                measure.code
            );
        }
        measures.push(measure);
    }
    let policy = Policy::new(options.floor_persons, options.waiting_days, measures)
        .map_err(|error| anyhow!("the policy is not allowed: {error}"))?;
    let policy = match options.pools {
        Some(pools) => policy.with_pools(pools),
        None => policy,
    };
    let name = public_name(&options.name)?;
    let network = office
        .found_network(name.clone(), options.rehearsal, policy)
        .await?;
    let exchange = open_exchange(folder, &settings, office.node(), clock).await?;
    let rosters = office.rosters(network).await?;
    exchange
        .add_network(
            network,
            rosters
                .versions()
                .map(|version| version.signed().to_proto())
                .collect(),
        )
        .await?;
    Ok(format!(
        "The network {} ({}) is founded{}; this node is its keyholder.\n\
         Keep its founding safe: the recovery key belongs offline.\n\
         Next: `krogd network invite --node {} --count N` prints a token for others, `krogd run` serves.",
        name.as_str(),
        network.short(),
        if options.rehearsal {
            ", for rehearsal"
        } else {
            ""
        },
        folder.root().display(),
    ))
}

async fn in_no_network(office: &Office) -> Result<()> {
    if let Some(network) = office.networks().await?.first() {
        bail!(
            "this node is in the network {} already; in this version a node is in one network. Make another node with `krogd init`",
            network.short()
        );
    }
    Ok(())
}

/// How far an invitation reaches.
#[derive(Debug, Clone, Copy)]
pub struct InviteOptions {
    /// How many nodes may join with it.
    pub count: u32,
    /// Days for which it may be used.
    pub days: u32,
}

/// Prints a token. Works while the node runs.
///
/// # Errors
/// When the node is in no network, is no keyholder, or accepts no connections.
pub async fn invite(
    folder: &Folder,
    options: InviteOptions,
    clock: Clock,
    chance: Chance,
) -> Result<String> {
    let settings = Settings::read(&folder.settings())?;
    let surroundings = Surroundings::new(clock, chance);
    let office = Office::open(&folder.office(), &surroundings).await?;
    let network = *office
        .networks()
        .await?
        .first()
        .context("this node is in no network; found one with `krogd network create`")?;
    let listening = addresses_of(folder).and_then(|found| found.listen);
    let address = match (&settings.announce, listening.or(settings.listen)) {
        (Some(announce), Some(_)) => announce.clone(),
        (None, Some(listen)) if listen.port() != 0 && !listen.ip().is_unspecified() => {
            listen.to_string()
        }
        (None, Some(_)) => bail!(
            "others cannot dial `listen` as it stands in {}; set `announce` to the host and port they reach this node by",
            folder.settings().display()
        ),
        (_, None) => bail!(
            "this node accepts no connections, so nobody could join through it; set `listen` in {} (and let it run where others can reach it)",
            folder.settings().display()
        ),
    };
    let pin = own_pin(folder)?;
    let last_day = surroundings
        .today()?
        .plus(i32::try_from(options.days).unwrap_or(i32::MAX));
    let address: Address = address.parse().map_err(|error| anyhow!("{error}"))?;
    let token = office
        .invite(network, options.count, last_day, address, pin)
        .await?;
    Ok(token.print().to_string())
}

/// Uses a token: this node enters the network. Its feeds are signed when it runs for the first time after.
///
/// # Errors
/// When the token is damaged, used, expired or of another network, the admitting node cannot be reached, or the node runs.
pub async fn join(folder: &Folder, token: &str, clock: Clock, chance: Chance) -> Result<String> {
    let _office = folder.lock(Part::Office)?;
    let _exchange = folder.lock(Part::Exchange)?;
    let settings = Settings::read(&folder.settings())?;
    let office = Office::open(&folder.office(), &Surroundings::new(clock.clone(), chance)).await?;
    let token: JoinToken = token
        .trim()
        .parse()
        .map_err(|error| anyhow!("{error}"))
        .context("this is not a token one can join with; copy the whole line that `krogd network invite` printed")?;
    if !office.networks().await?.contains(&token.network()) {
        in_no_network(&office).await?;
    }
    let identity = TlsIdentity::open(&folder.exchange_tls())?;
    let exchange = open_exchange(folder, &settings, office.node(), clock).await?;
    let syncer = Syncer::new(exchange, Arc::new(PinnedDial::new(&identity)?));
    let (network, _) = syncer.join(&token, office.inception()).await?;
    let rosters = syncer.exchange().rosters(network).await?;
    office.complete_join(&token, rosters).await?;
    Ok(format!(
        "{} is admitted to the network {}. Next: `krogd run --node {}`; its feeds begin then.",
        settings.name,
        network.short(),
        folder.root().display()
    ))
}

/// Whether every network of the office practises with made-up data.
///
/// # Errors
/// When the office cannot be read.
pub async fn rehearses(office: &Office) -> Result<bool> {
    for network in office.networks().await? {
        if !office.rosters(network).await?.latest().genesis.rehearsal() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether every network of the exchange practises with made-up data.
///
/// # Errors
/// When the exchange cannot be read.
pub async fn exchange_rehearses(exchange: &Exchange) -> Result<bool> {
    for network in exchange.networks().await? {
        let rosters = exchange
            .rosters(network)
            .await?
            .into_iter()
            .map(SignedRoster::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if !RosterChain::from_versions(network, rosters)?
            .latest()
            .genesis
            .rehearsal()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The network a node is in, if any.
///
/// # Errors
/// When the office cannot be read.
pub async fn network_of(office: &Office) -> Result<Option<NetworkId>> {
    Ok(office.networks().await?.first().copied())
}
