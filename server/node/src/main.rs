//! `krogd`: one NGO's node.

use std::process::ExitCode;

use clap::Parser;
use krogd::cli::Krogd;

fn main() -> ExitCode {
    krogd::cli::run(Krogd::parse())
}
