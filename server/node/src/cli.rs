//! The commands of `krogd`.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use krog_measures::{Course, Day, Facilitation, Measure, MeasureCode, Quarter};
use krog_pools::{PoolTerms, Question};
use tracing_subscriber::EnvFilter;

use crate::clock::{self, Clock};
use crate::demo::{self, DemoOptions};
use crate::folder::Folder;
use crate::network::{self, InviteOptions, NetworkOptions};
use crate::node::{self, NewNode};
use crate::pool::{self, OpenOptions};
use crate::run::{Only, RunOptions, Running};
use crate::say;
use crate::signals::{self, Signals};

/// One NGO's node of Krog: the home of its members' data, and its exchange with other nodes.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Krogd {
    #[command(subcommand)]
    command: Command,
    /// What is logged to standard error: error, warn, info, debug or trace. Never a person, at any level.
    #[arg(long, global = true, default_value = "info", env = "KROG_LOG")]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a new node in an empty folder: identity, keys, centres, credentials for their staff.
    Init(Init),
    /// Founds a network or invites to it.
    Network {
        #[command(subcommand)]
        command: Network,
    },
    /// Opens rounds of pools, in which small centres count without being seen.
    Pool {
        #[command(subcommand)]
        command: Pool,
    },
    /// Joins a network with a token from one of its keyholders.
    Join(Join),
    /// Serves the node until it is told to stop (Ctrl-C or SIGTERM).
    Run(Run),
    /// Shows the whole on this machine: twelve organisations, two years, one comparison.
    Demo(Demo),
}

#[derive(Debug, Args)]
struct At {
    /// The node's folder.
    #[arg(long, env = "KROG_NODE")]
    node: PathBuf,
}

#[derive(Debug, Args)]
struct Init {
    #[command(flatten)]
    at: At,
    /// The organisation's public name.
    #[arg(long)]
    name: String,
    /// A centre's public name; repeat for several. None: a relay.
    #[arg(long = "centre")]
    centres: Vec<String>,
    /// Accept connections of other nodes here, for instance 0.0.0.0:7443. Without it the node only dials out.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// What other nodes are told to dial, as host:port, where it is not the address listened on.
    #[arg(long)]
    announce: Option<String>,
    /// Let the centre's own people connect over TLS here besides the local socket, for instance 127.0.0.1:7444.
    #[arg(long)]
    centre_listen: Option<SocketAddr>,
    /// Keep the exchange's public data in PostgreSQL, as postgres://user@host/database, instead of a file.
    #[arg(long)]
    exchange_database: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Network {
    /// Founds a network of which this node is the first keyholder.
    Create(Create),
    /// Prints a token with which other nodes can join.
    Invite(Invite),
}

#[derive(Debug, Args)]
struct Create {
    #[command(flatten)]
    at: At,
    /// The network's public name.
    #[arg(long)]
    name: String,
    /// A network for practice with made-up data: its nodes may run on a stated date, and every comparison says so.
    #[arg(long)]
    rehearsal: bool,
    /// A measure known by its total only, besides the built-in ones:
    /// CODE,LOW..HIGH,lower|higher[,day=N,window=A..B][,sd=X,source=TEXT].
    #[arg(long = "measure")]
    measures: Vec<Measure>,
    /// Fewest persons in a told cell. Never below 10.
    #[arg(long, default_value_t = 10)]
    floor: u32,
    /// Days a cleared release is shown at home before it is signed. Never below 14.
    #[arg(long, default_value_t = 14)]
    waiting_days: u32,
    /// The network has no pools: every cell leaves by release, and small centres wait.
    #[arg(long)]
    no_pools: bool,
    /// Privacy cost of one round of a pool, as rho: less is more noise. 0: no noise, and every result says so.
    #[arg(
        long,
        default_value_t = 0.25,
        value_name = "RHO",
        conflicts_with = "no_pools"
    )]
    pool_rho: f64,
    /// Most a centre may spend in rounds of pools in a calendar year, as rho.
    #[arg(
        long,
        default_value_t = 2.0,
        value_name = "RHO",
        conflicts_with = "no_pools"
    )]
    pool_yearly_rho: f64,
}

impl Create {
    fn pools(&self) -> Result<Option<PoolTerms>> {
        if self.no_pools {
            return Ok(None);
        }
        let millionths = |rho: f64, most: f64, what: &str| {
            if (0.0..=most).contains(&rho) {
                Ok((rho * 1e6).round() as u32)
            } else {
                bail!("{what} must be between 0 and {most}")
            }
        };
        if self.pool_rho > self.pool_yearly_rho {
            bail!(
                "one round would cost more than a centre may spend in a year; give --pool-yearly-rho {} or more",
                self.pool_rho
            );
        }
        Ok(Some(PoolTerms {
            rho_millionths: millionths(self.pool_rho, 10.0, "--pool-rho")?,
            yearly_rho_millionths: millionths(self.pool_yearly_rho, 100.0, "--pool-yearly-rho")?,
            ..PoolTerms::default()
        }))
    }
}

#[derive(Debug, Subcommand)]
enum Pool {
    /// Open a round: ask one question of all centres together. For keyholders, while the node runs.
    Open(Box<OpenPool>),
}

#[derive(Debug, Args)]
struct OpenPool {
    #[command(flatten)]
    at: At,
    /// The measure's code.
    #[arg(long)]
    measure: MeasureCode,
    /// Who leads the groups counted: professional, peer or co-led.
    #[arg(long)]
    facilitation: Facilitation,
    /// Entry or continuing pairs.
    #[arg(long, default_value = "entry")]
    course: Course,
    /// What is asked: change, spread, levels, reliable, retention, items, full; weights in a second round. Fewer sums tell
    /// more precisely.
    #[arg(long, default_value = "change")]
    ask: Question,
    /// First quarter counted, as 2025Q1. Absent: twelve quarters up to the last.
    #[arg(long)]
    from: Option<Quarter>,
    /// Last quarter counted. Absent: the latest that has ended.
    #[arg(long)]
    until: Option<Quarter>,
    /// The aggregator that begins, by public name or the first digits of its identity.
    #[arg(long, requires = "helper")]
    leader: Option<String>,
    /// The other aggregator, of another organisation.
    #[arg(long, requires = "leader")]
    helper: Option<String>,
    /// Days until the deadline. Parts are shown at home for 14 days first.
    #[arg(long, default_value_t = 45)]
    days: u32,
    /// Days after the deadline from which on the round is given up.
    #[arg(long, default_value_t = 60)]
    days_to_expiry: u32,
    /// A second round over the same parts: the first digits of the first round.
    #[arg(long, value_name = "ROUND")]
    second_of: Option<String>,
    /// Variance between centres for a second round with weights. Absent: what the comparison tells.
    #[arg(long)]
    tau2: Option<f64>,
    /// SD of change in points, where the measure states none.
    #[arg(long)]
    sd: Option<f64>,
    /// Privacy cost, as rho. Absent: the most the policy allows.
    #[arg(long)]
    rho: Option<f64>,
    /// Change that counts as reliable, points: for `reliable` and `full`.
    #[arg(long)]
    reliable_change: Option<f64>,
    #[command(flatten)]
    rehearsal: StatedDay,
}

#[derive(Debug, Args)]
struct Invite {
    #[command(flatten)]
    at: At,
    /// How many nodes may join with it. One for each organisation is safest: whoever uses a shared token once too often
    /// suspends all that came by it.
    #[arg(long, default_value_t = 1)]
    count: u32,
    /// Days for which it may be used.
    #[arg(long, default_value_t = 14)]
    days: u32,
    #[command(flatten)]
    rehearsal: StatedDay,
}

#[derive(Debug, Args)]
struct Join {
    #[command(flatten)]
    at: At,
    /// The token.
    token: String,
}

#[derive(Debug, Args)]
struct StatedDay {
    /// Run on this day (YYYY-MM-DD) instead of the machine's; in rehearsal networks only.
    #[arg(long, value_name = "DAY")]
    today: Option<String>,
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    at: At,
    /// Serve one side only, as a process of its own.
    #[arg(long)]
    only: Option<OnlySide>,
    #[command(flatten)]
    rehearsal: StatedDay,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnlySide {
    Centre,
    Exchange,
}

#[derive(Debug, Args)]
struct Demo {
    /// Seed of the story; the same seed tells the same story.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the account as one self-contained page.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the account as data.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep the twelve nodes in this folder, to be explored with `krog`.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Carries out a command. Failure is said on standard error with what to do about it.
pub fn run(krogd: Krogd) -> ExitCode {
    let filter = EnvFilter::try_new(&krogd.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let quiet_demo = matches!(krogd.command, Command::Demo(_)) && krogd.log == "info";
    let filter = if quiet_demo {
        EnvFilter::new("error")
    } else {
        filter
    };
    // Fails only when a log is set already, as in tests; that one then holds.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime could not start")
        .and_then(|runtime| runtime.block_on(carry_out(krogd.command)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(command: Command) -> Result<()> {
    signals::survive_files_too_large().context("the system's signals cannot be received")?;
    match command {
        Command::Init(init) => {
            let made = node::init(
                &Folder::at(init.at.node),
                NewNode {
                    name: init.name,
                    centres: init.centres,
                    listen: init.listen,
                    announce: init.announce,
                    centre_listen: init.centre_listen,
                    exchange_database: init.exchange_database,
                },
                clock::system(),
                crate::chance::machine(),
            )
            .await?;
            say::lines(&made.told());
        }
        Command::Network {
            command: Network::Create(create),
        } => {
            let pools = create.pools()?;
            let founded = network::found_network(
                &Folder::at(create.at.node),
                NetworkOptions {
                    name: create.name,
                    rehearsal: create.rehearsal,
                    measures: create.measures,
                    floor_persons: create.floor,
                    waiting_days: create.waiting_days,
                    pools,
                },
                clock::system(),
                crate::chance::machine(),
            )
            .await?;
            say::lines(&founded);
        }
        Command::Network {
            command: Network::Invite(invite),
        } => {
            let token = network::invite(
                &Folder::at(invite.at.node),
                InviteOptions {
                    count: invite.count,
                    days: invite.days,
                },
                the_clock(&invite.rehearsal)?,
                crate::chance::machine(),
            )
            .await?;
            say::lines(&token);
        }
        Command::Pool {
            command: Pool::Open(open),
        } => {
            let OpenPool {
                at,
                measure,
                facilitation,
                course,
                ask,
                from,
                until,
                leader,
                helper,
                days,
                days_to_expiry,
                second_of,
                tau2,
                sd,
                rho,
                reliable_change,
                rehearsal,
            } = *open;
            let opened = pool::open(
                &Folder::at(at.node),
                OpenOptions {
                    measure,
                    facilitation,
                    course,
                    from,
                    until,
                    ask,
                    aggregators: leader.zip(helper).map(|(leader, helper)| [leader, helper]),
                    days,
                    days_to_expiry,
                    second_of,
                    tau2,
                    unit_sd: sd,
                    rho,
                    reliable_change,
                },
                the_clock(&rehearsal)?,
                crate::chance::machine(),
            )
            .await?;
            say::lines(&opened);
        }
        Command::Join(join) => {
            let joined = network::join(
                &Folder::at(join.at.node),
                &join.token,
                clock::system(),
                crate::chance::machine(),
            )
            .await?;
            say::lines(&joined);
        }
        Command::Run(run) => {
            let stated = run.rehearsal.today.is_some();
            let clock = the_clock(&run.rehearsal)?;
            let mut signals = Signals::taken().context("the signal to stop cannot be received")?;
            let starting = Running::start(
                Folder::at(run.at.node),
                RunOptions {
                    only: run.only.map(|side| match side {
                        OnlySide::Centre => Only::Centre,
                        OnlySide::Exchange => Only::Exchange,
                    }),
                    clock,
                    stated_day: stated,
                    chance: crate::chance::machine(),
                    by_hand: false,
                },
            );
            let running = tokio::select! {
                () = signals.stop() => return Ok(()),
                started = starting => started?,
            };
            say::lines(&running.told());
            signals.stop().await;
            running.stop().await?;
        }
        Command::Demo(demo) => {
            let account = demo::run(&DemoOptions {
                seed: demo.seed,
                keep: demo.keep.clone(),
                progress: true,
            })
            .await?;
            say::lines(&account.text());
            if let Some(path) = demo.report {
                std::fs::write(&path, account.html()).with_context(|| {
                    format!("the report could not be written to {}", path.display())
                })?;
            }
            if let Some(path) = demo.json {
                let text = serde_json::to_string_pretty(&account.json())?;
                std::fs::write(&path, text).with_context(|| {
                    format!("the data could not be written to {}", path.display())
                })?;
            }
            if !account.agree() || account.search.hits > 0 {
                bail!("the demo broke a promise: see the account above");
            }
        }
    }
    Ok(())
}

fn the_clock(stated: &StatedDay) -> Result<Clock> {
    match &stated.today {
        None => Ok(clock::system()),
        Some(day) => {
            let day: Day = day
                .parse()
                .with_context(|| format!("`--today {day}` is not a day; write it as 2027-01-15"))?;
            Ok(clock::stated(i64::from(day.number())))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Krogd::command().debug_assert();
    }
}
