//! What stands outside a node and looks in: a program that dials nodes, verifies what they pass on, compares, reports,
//! and the `krog` command line.
//!
//! - [`tls`]: connections to a node that is known by the hash of its key.
//! - [`socket`]: connections to the node on this machine.
//! - [`centre`]: the calls a centre's own people make.
//! - [`mirror`]: all feeds of a network, verified here, and the comparison computed here.
//! - [`report`]: a comparison as text, as a page, as JSON.
//! - [`cli`]: the `krog` command line.
//!
//! A node that answers is not trusted with more than its word about its own centre: feeds are verified by their
//! signatures, and names and texts from elsewhere are cleaned before they reach a terminal and escaped before they
//! reach a page.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod call;
pub mod centre;
pub mod cli;
pub mod mirror;
pub mod report;
pub mod socket;
pub mod tls;
