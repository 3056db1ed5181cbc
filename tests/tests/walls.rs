//! The wall of crates: what faces the internet cannot even name a member, and no arrow runs up or sideways.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests stand in the workspace")
        .to_owned()
}

/// Names of all crates a crate is built from, itself included, as cargo resolves it alone.
fn closure(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "-e",
            "normal",
            "--prefix",
            "none",
            "-p",
            package,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// The Krog crates each crate names among its dependencies.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    [
        "proto",
        "server/measures",
        "server/pools",
        "server/templates",
        "server/feed",
        "server/disclosure",
        "server/centre",
        "server/federation",
        "client",
        "server/node",
    ]
    .iter()
    .map(|folder| {
        let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        let manifest: toml::Table = text.parse().expect("a manifest is TOML");
        let name = manifest["package"]["name"]
            .as_str()
            .expect("a name")
            .to_owned();
        let named = manifest
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .map(|table| {
                table
                    .keys()
                    .filter(|key| key.starts_with("krog-"))
                    .cloned()
                    .collect()
            })
            .unwrap_or_default();
        (name, named)
    })
    .collect()
}

#[test]
fn the_federation_reaches_neither_the_centre_nor_the_gate() {
    let reached = closure("krog-federation");
    assert!(
        reached.contains("krog-feed"),
        "the list is of the right crate"
    );
    for wall in ["krog-centre", "krog-disclosure", "krog-client", "krogd"] {
        assert!(!reached.contains(wall), "krog-federation reaches {wall}");
    }
}

#[test]
fn the_pure_rooms_pull_no_runtime_and_no_database() {
    for room in [
        "krog-measures",
        "krog-proto",
        "krog-pools",
        "krog-feed",
        "krog-disclosure",
        "krog-templates",
    ] {
        let reached = closure(room);
        assert!(reached.contains(room));
        for runtime in ["tokio", "tonic", "sqlx", "hyper", "rustls"] {
            assert!(!reached.contains(runtime), "{room} pulls {runtime}");
        }
    }
}

#[test]
fn only_the_two_stores_reach_a_database() {
    assert!(
        !closure("krog-client").contains("sqlx"),
        "krog-client pulls sqlx"
    );
    for (name, folder) in [
        ("client", "client"),
        ("node", "server/node"),
        ("feed", "server/feed"),
        ("disclosure", "server/disclosure"),
        ("templates", "server/templates"),
        ("measures", "server/measures"),
        ("pools", "server/pools"),
        ("proto", "proto"),
    ] {
        let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        assert!(!text.contains("sqlx"), "{name} names sqlx");
    }
    let rules = fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    assert!(
        rules.contains(r#"{ crate = "sqlx", wrappers = ["krog-centre", "krog-federation"] }"#),
        "deny.toml no longer says who may use sqlx"
    );
}

#[test]
fn no_arrow_runs_up_or_sideways() {
    let floors: [&[&str]; 5] = [
        &["krog-proto", "krog-measures"],
        &["krog-pools"],
        &["krog-feed", "krog-disclosure", "krog-templates"],
        &["krog-centre", "krog-federation", "krog-client"],
        &["krogd"],
    ];
    let floor = |name: &str| {
        floors
            .iter()
            .position(|rooms| rooms.contains(&name))
            .unwrap_or_else(|| panic!("{name} has no floor"))
    };
    for (name, named) in arrows() {
        for other in named {
            assert!(floor(&other) < floor(&name), "{name} names {other}");
        }
    }
}

#[test]
fn the_federation_knows_no_file_of_a_centre() {
    let mut files = vec![root().join("server/federation/src")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                fs::read_dir(&path)
                    .expect("a folder")
                    .map(|e| e.expect("an entry").path()),
            );
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        for name in [
            "centre.db",
            "keys.db",
            "master.key",
            "office.db",
            "office.key",
            "rounds.db",
            "krog_centre",
            "krog_disclosure",
        ] {
            assert!(!text.contains(name), "{} names {name}", path.display());
        }
    }
}
