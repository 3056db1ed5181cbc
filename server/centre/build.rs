//! Migrations are embedded at compile time; a new file among them has to start a new build.
#![allow(clippy::print_stdout, reason = "the way to speak to cargo")]

fn main() {
    for folder in ["centre", "keys", "office"] {
        println!("cargo:rerun-if-changed=../../migrations/{folder}");
    }
}
