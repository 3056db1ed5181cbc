//! The `krog` command line: what the staff of a centre and readers of a network do from a terminal.
//!
//! Every command makes its calls, builds an [`Answer`] with text for people and JSON for programs, and
//! prints one of the two. Errors say what happened, why, and what to do next. Exit codes: 0 done, 1 refused or failed,
//! 2 wrong usage.

pub mod args;
mod centre;
mod credentials;
mod groups;
mod network;
pub mod output;
mod people;
mod pools;
mod progress;
mod reach;
mod sharing;
pub mod synthesize;
mod templates;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use thiserror::Error;

use crate::call::CallError;
use crate::centre::CredentialError;
use crate::report::release::NotARelease;
use crate::socket::SocketError;
use crate::tls::DialError;
use args::{Cli, Command};
use output::Answer;

pub use credentials::slug;

/// Why a command did not do what it was asked.
#[derive(Debug, Error)]
pub enum CliError {
    /// A call was refused or failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The node on this machine was not reached.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The node at an address was not reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The credential cannot be used.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Which credential is meant is not clear.
    #[error(transparent)]
    Choice(#[from] credentials::ChoiceError),
    /// A table of estimates cannot be read or put together.
    #[error(transparent)]
    Synthesis(#[from] synthesize::TableError),
    /// What the node sent as a release is none.
    #[error(transparent)]
    Release(#[from] NotARelease),
    /// A file cannot be read or written.
    #[error("cannot {what} {path}: {reason}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Which file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Asked for something that is not there or not allowed.
    #[error("{0}")]
    Refused(String),
    /// The command was given wrongly.
    #[error("{0}")]
    Usage(String),
}

impl CliError {
    fn file(what: &'static str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::File {
            what,
            path: path.display().to_string(),
            reason: error.to_string(),
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Choice(_) => 2,
            _ => 1,
        }
    }
}

/// Runs the command line with these arguments, the program's name first, and prints its answer.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with code 0, the rest to standard error with code 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let json = cli.json;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(CliError::Refused(format!("cannot start: {error}"))),
    };
    match result {
        Ok(answer) => ExitCode::from(output::print(&answer, json)),
        Err(error) => {
            output::print_error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Does what was asked and returns the answer without printing it.
///
/// # Errors
/// When the command was refused, failed, or given wrongly.
pub async fn run(cli: Cli) -> Result<Answer, CliError> {
    let Cli {
        reach,
        json: _,
        command,
    } = cli;
    match command {
        Command::Whoami => centre::whoami(&reach.centre().await?).await,
        Command::Import(args::Import::Outcomes {
            file,
            strict,
            dry_run,
        }) => centre::import(&reach.centre().await?, &file, strict, dry_run).await,
        Command::Share(command) => sharing::run(&reach.centre().await?, command).await,
        Command::Compare {
            measure,
            until,
            network,
            html,
        } => {
            let mut library = reach.library().await?;
            network::compare(
                &mut library,
                &measure,
                until,
                network.as_deref(),
                html.as_deref(),
            )
            .await
        }
        Command::Network(args::Network::Show) => network::show(&mut reach.library().await?).await,
        Command::Pools(args::Pools::List { network }) => {
            pools::list(&mut reach.library().await?, network.as_deref()).await
        }
        Command::Templates(command) => templates::run(&mut reach.library().await?, command).await,
        Command::Members(command) => people::run(&reach.centre().await?, command).await,
        Command::Groups(command) => groups::run(&reach.centre().await?, command).await,
        Command::CheckIn(args::CheckIn::Record(record)) => {
            centre::check_in(&reach.centre().await?, record).await
        }
        Command::Synthesize { file } => synthesize::run(&file),
    }
}
