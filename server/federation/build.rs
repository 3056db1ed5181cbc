//! Migrations are compiled in: a new file under their folder has to rebuild this crate.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/exchange");
}
