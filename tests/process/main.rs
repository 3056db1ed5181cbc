//! The real `krogd`, started, killed, misled and attacked from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod clocks;
mod crash;
mod disk;
mod ending;
mod house;
mod mixed_up;
mod sides;
mod strangers;
#[path = "../src/trial.rs"]
#[allow(dead_code, reason = "shared with the tests that run in one process")]
mod trial;
mod world;
