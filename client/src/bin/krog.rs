//! The `krog` command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    krog_client::cli::main(std::env::args_os())
}
