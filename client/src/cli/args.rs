//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use krog_feed::ids::TlsPin;
use krog_measures::{Day, Facilitation, Quarter};

/// Krog: peer groups, their outcomes, and what is shared of them.
#[derive(Debug, Parser)]
#[command(
    name = "krog",
    version,
    about = "Krog: a centre's groups and outcomes, what is shared of them, and comparisons in the network",
    after_help = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.",
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Where the node is and who calls.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Print JSON with every digit instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where the node is and who calls.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where and who")]
pub struct ReachArgs {
    /// The node's folder; its sockets are in `run/` there.
    #[arg(
        long,
        global = true,
        env = "KROG_NODE",
        default_value = ".",
        value_name = "DIR"
    )]
    pub node: PathBuf,
    /// The file with your credential.
    #[arg(long, global = true, env = "KROG_CREDENTIAL", value_name = "FILE")]
    pub credential: Option<PathBuf>,
    /// Take the credential of this role from the node's folder, whatever KROG_CREDENTIAL says.
    #[arg(long = "as", global = true, value_enum, value_name = "ROLE")]
    pub role: Option<Role>,
    /// Which centre, when the node has several.
    #[arg(long, global = true, value_name = "NAME")]
    pub centre: Option<String>,
    /// Reach the centre at host:port over TLS instead of its socket.
    #[arg(long, global = true, requires = "pin", value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// SHA-256 of the node's TLS key, 64 hexadecimal digits; with --address.
    #[arg(long, global = true, requires = "address", value_name = "HEX")]
    pub pin: Option<TlsPin>,
}

/// Roles with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The centre's coordinator.
    Coordinator,
    /// The NGO's data guardian.
    Guardian,
}

impl Role {
    /// The word in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Guardian => "guardian",
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say which centre and role the credential is for.
    Whoami,
    /// Bring in what was collected elsewhere.
    #[command(subcommand)]
    Import(Import),
    /// Look at, approve, stop and show what leaves the centre.
    #[command(subcommand)]
    Share(Share),
    /// Compare one measure over the network.
    Compare {
        /// The measure's code, for example k6.
        measure: String,
        /// Leave out releases of later quarters.
        #[arg(long, value_name = "QUARTER")]
        until: Option<Quarter>,
        /// Which network, by name or the beginning of its identity, when the node is in several.
        #[arg(long, value_name = "NETWORK")]
        network: Option<String>,
        /// Also write a page with a forest plot.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// The network as this node knows it.
    #[command(subcommand)]
    Network(Network),
    /// Rounds of pools: sums over at least five centres in which no centre's part is visible.
    #[command(subcommand)]
    Pools(Pools),
    /// Group templates that arrived.
    #[command(subcommand)]
    Templates(Templates),
    /// Members, their consents, and who looked at their data.
    #[command(subcommand)]
    Members(Members),
    /// Groups, their members, decisions and meetings.
    #[command(subcommand)]
    Groups(Groups),
    /// Check-ins.
    #[command(subcommand, name = "check-in")]
    CheckIn(CheckIn),
    /// Put any table of estimates together (columns label, yi, vi and, if wanted, facilitation). Needs no node.
    Synthesize {
        /// The table as CSV; `,` or `;`, decimal point or comma.
        file: PathBuf,
    },
}

/// What can be brought in.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// A table of outcomes: centre, group, facilitation, member, joined, sharing, measure, date, score.
    Outcomes {
        /// The table as CSV, at most 8 MiB.
        file: PathBuf,
        /// Take nothing when any line is refused.
        #[arg(long)]
        strict: bool,
        /// Only say what would be taken.
        #[arg(long)]
        dry_run: bool,
    },
}

/// What leaves the centre.
#[derive(Debug, Subcommand)]
pub enum Share {
    /// Show what would be decided now: form only, numbers masked.
    Preview {
        /// The quarter; without it the latest that has ended.
        #[arg(long)]
        quarter: Option<Quarter>,
    },
    /// Approve a quarter as a whole; takes effect at the second approval, by the other role.
    Approve {
        /// The quarter; without it the latest that has ended.
        #[arg(long)]
        quarter: Option<Quarter>,
    },
    /// Stop frozen bytes before they are signed, or this centre's part in a round until its deadline.
    Stop {
        /// The quarter.
        #[arg(long, required_unless_present = "round", conflicts_with = "round")]
        quarter: Option<Quarter>,
        /// A round of a pool instead: its first 8 hexadecimal digits or more.
        #[arg(long, value_name = "HEX", value_parser = parse_round)]
        round: Option<String>,
    },
    /// Say by which way a measure leaves this centre, as its groups have decided.
    Choose {
        /// The measure's code, for example k6.
        measure: String,
        /// Which of the two.
        #[arg(value_enum)]
        way: Way,
    },
    /// Show what is frozen and what was signed, cell by cell.
    Show {
        /// The quarter; without it all, and the parts in rounds of pools.
        #[arg(long)]
        quarter: Option<Quarter>,
    },
    /// State on what basis members imported without a `sharing` column consented to being counted.
    Attest {
        /// The basis in your words, 10 to 1000 bytes; kept at home.
        basis: String,
    },
}

/// Ways out of a centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// Counted with at least four other centres, in no figure of this centre's own.
    Pool,
    /// Under this centre's name, once enough persons wait.
    Release,
}

impl Way {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Release => "release",
        }
    }
}

/// Rounds of pools.
#[derive(Debug, Subcommand)]
pub enum Pools {
    /// List the rounds and how far each has come.
    List {
        /// Which network, by name or the beginning of its identity, when the node is in several.
        #[arg(long, value_name = "NETWORK")]
        network: Option<String>,
    },
}

/// The network.
#[derive(Debug, Subcommand)]
pub enum Network {
    /// Show networks, nodes, centres, heads, and feeds that stopped.
    Show,
}

/// Group templates.
#[derive(Debug, Subcommand)]
pub enum Templates {
    /// List the versions that arrived.
    List,
    /// Show one version.
    Show {
        /// Its identity or the beginning of it, or its code when one version has that code.
        #[arg(id = "template", value_name = "VERSION")]
        version: String,
    },
}

/// Purposes of consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// Being kept as a member of groups.
    Participation,
    /// Answering check-ins.
    Measurement,
    /// Being counted in what is shared with the network.
    Sharing,
}

/// Giving or taking back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Given {
    /// Gives the consent.
    Give,
    /// Takes it back.
    Withdraw,
}

/// Members.
#[derive(Debug, Subcommand)]
pub enum Members {
    /// Add a member and print the member's id.
    Add {
        /// Name, nickname or code; without it one line is read from standard input, so that no shell remembers it.
        label: Option<String>,
        /// How to reach the member.
        #[arg(long, default_value = "")]
        contact: String,
        /// Purposes consented to.
        #[arg(long, value_enum, value_delimiter = ',', value_name = "PURPOSES")]
        consent: Vec<Purpose>,
        /// Day of the consent; without it today.
        #[arg(long, value_name = "YYYY-MM-DD")]
        day: Option<Day>,
    },
    /// List the members; each leaves a line in the access log.
    List,
    /// Give or withdraw one consent.
    Consent {
        /// The member's id.
        member: String,
        /// The purpose.
        #[arg(value_enum)]
        purpose: Purpose,
        /// Which of the two.
        #[arg(value_enum)]
        given: Given,
    },
    /// Show who looked at a member's data.
    Log {
        /// The member's id.
        member: String,
    },
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Decision {
    /// The group agreed to share.
    Yes,
    /// It did not.
    No,
}

/// Groups.
#[derive(Debug, Subcommand)]
pub enum Groups {
    /// Found a group and print its id.
    Found {
        /// The group's name at home; it never leaves the centre.
        name: String,
        /// Who leads: professional, peer or co-led; without it as the template says.
        #[arg(long)]
        facilitation: Option<Facilitation>,
        /// Identity of a template version.
        #[arg(long, value_name = "VERSION")]
        template: Option<String>,
        /// Codes of the measures the group uses; without it as the template says.
        #[arg(long, value_delimiter = ',', value_name = "CODES")]
        measures: Vec<String>,
    },
    /// List the centre's groups.
    List,
    /// Let a member join.
    Join(Membership),
    /// Let a member leave.
    Leave(Membership),
    /// Record the group's own decision about sharing.
    Decide {
        /// The group's id.
        group: String,
        /// What it decided.
        #[arg(value_enum)]
        share: Decision,
    },
    /// Record that a member objects to sharing, without saying who.
    Object {
        /// The group's id.
        group: String,
    },
    /// Record a meeting with its attendance; the same day again corrects it.
    Meeting {
        /// The group's id.
        group: String,
        /// The day; without it today.
        #[arg(long, value_name = "YYYY-MM-DD")]
        day: Option<Day>,
        /// Ids of the members present.
        #[arg(long, value_delimiter = ',', value_name = "MEMBERS")]
        present: Vec<String>,
        /// Head count of guests.
        #[arg(long, default_value_t = 0)]
        guests: u32,
    },
}

/// Who joins or leaves which group, and when.
#[derive(Debug, Args)]
pub struct Membership {
    /// The group's id.
    pub group: String,
    /// The member's id.
    pub member: String,
    /// The day; without it today.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub day: Option<Day>,
}

/// Check-ins.
#[derive(Debug, Subcommand)]
pub enum CheckIn {
    /// Record one filled questionnaire.
    Record(RecordCheckIn),
}

/// One filled questionnaire.
#[derive(Debug, Args)]
pub struct RecordCheckIn {
    /// The member's id.
    pub member: String,
    /// The instrument's code, for example k6.
    pub instrument: String,
    /// The day; without it today.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub day: Option<Day>,
    /// Answers as item=value; item= for one that was declined.
    #[arg(long, value_delimiter = ',', value_name = "ITEM=VALUE", conflicts_with = "total", value_parser = parse_answer)]
    pub answer: Vec<GivenAnswer>,
    /// The total score, for measures known only by it.
    #[arg(long, allow_negative_numbers = true)]
    pub total: Option<f64>,
}

/// One answer of a questionnaire. Personal, so that `Debug` is silent.
#[derive(Clone)]
pub struct GivenAnswer {
    /// The item's id.
    pub item: String,
    /// The chosen value; none when it was declined.
    pub value: Option<i32>,
}

impl std::fmt::Debug for GivenAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenAnswer(..)")
    }
}

fn parse_round(text: &str) -> Result<String, String> {
    let is_name = (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_name {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(
            "write the first 8 hexadecimal digits of the round or more, as `krog share preview` shows them"
                .to_owned(),
        )
    }
}

fn parse_answer(text: &str) -> Result<GivenAnswer, String> {
    let wrong = "write it as item=value, with a whole number, for example nervous=2".to_owned();
    let (item, value) = text.split_once('=').ok_or_else(|| wrong.clone())?;
    let value = match value.trim() {
        "" => None,
        value => Some(value.parse().map_err(|_| wrong)?),
    };
    Ok(GivenAnswer {
        item: item.trim().to_owned(),
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_the_readme_writes_can_be_read() {
        for line in [
            "krog whoami --as coordinator",
            "krog import outcomes table.csv --dry-run --node a",
            "krog share preview --quarter 2026Q1",
            "krog share stop --quarter 2026Q1",
            "krog share stop --round 1A2b3c4d",
            "krog share choose k6 release",
            "krog pools list --network Circle --json",
            "krog share attest written-consent-on-paper",
            "krog compare k6 --until 2025Q4 --html out.html --json",
            "krog network show",
            "krog templates show 0abc",
            "krog members add Ana --consent participation,sharing",
            "krog members consent 12 sharing withdraw",
            "krog groups found Monday --facilitation co-led --measures k6,ons4.happy",
            "krog groups decide 12 yes",
            "krog groups meeting 12 --present a,b --guests 2 --day 2026-01-12",
            "krog check-in record 12 k6 --answer nervous=2,hopeless=",
            "krog check-in record 12 bdi-ii --total 14.5",
            "krog synthesize bcg.csv --json",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn wrong_usage_is_refused_before_any_call() {
        let pin = "0".repeat(64);
        for line in [
            "krog".to_owned(),
            "krog share stop".to_owned(),
            "krog share stop --round 1a2b3c".to_owned(),
            "krog share stop --round 1a2b3c4g".to_owned(),
            "krog share stop --round 1a2b3c4d --quarter 2026Q1".to_owned(),
            "krog share choose k6 both".to_owned(),
            "krog pools".to_owned(),
            "krog share preview --quarter 2026Q5".to_owned(),
            "krog whoami --address localhost:1".to_owned(),
            format!("krog whoami --pin {pin}"),
            "krog whoami --address localhost:1 --pin 12".to_owned(),
            "krog groups found A --facilitation friendly".to_owned(),
            "krog check-in record 12 k6 --answer nervous".to_owned(),
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn answers_are_silent() {
        let cli = Cli::try_parse_from("krog check-in record 12 k6 --answer nervous=4".split(' '))
            .unwrap();
        assert!(!format!("{cli:?}").contains("nervous"));
    }
}
