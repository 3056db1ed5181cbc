//! What an operator can get wrong: a clear message, exit code 1, nothing changed, and the right thing works afterwards.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::house::{House, said};
use crate::world::{DECIDED, World, found, scratch};

/// The same node can still enter with the right token.
async fn enters(world: &World, house: &House) {
    said(house.krogd("join").arg(world.token(1))).fine();
    house.run(DECIDED).await.stop().await;
}

fn with_other_character(token: &str, place: usize) -> String {
    let mut bytes = token.as_bytes().to_vec();
    bytes[place] = if bytes[place] == b'a' { b'b' } else { b'a' };
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_one_wrong_character_is_recognised_anywhere_in_it() {
    let world = World::founded().await;
    let house = world.newcomer("late", &["Hearth"]);
    let token = world.token(1);
    let before = house.files();
    for place in [6, token.len() / 2, token.len() - 1] {
        let damaged = with_other_character(&token, place);
        said(house.krogd("join").arg(damaged)).refused(&["damaged", "copy the whole"]);
    }
    assert!(house.files() == before, "nothing was changed");
    said(house.krogd("join").arg(token)).fine();
    house.run(DECIDED).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_cut_short_or_no_token_at_all_says_what_to_copy() {
    let world = World::founded().await;
    let house = world.newcomer("late", &["Hearth"]);
    let token = world.token(1);
    let before = house.files();
    for half in [
        &token[..token.len() - 1],
        &token[..token.len() / 2],
        "krog1-",
    ] {
        said(house.krogd("join").arg(half)).refused(&["copy the whole"]);
    }
    for other in ["", "hello", &token[6..]] {
        said(house.krogd("join").arg(other)).refused(&["krog1-"]);
    }
    said(house.krogd("join").arg(token.replace("krog1-", "krog2-"))).refused(&["newer version"]);
    assert!(house.files() == before, "nothing was changed");
    enters(&world, &house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_one_admits_one_and_the_second_is_told_why() {
    let world = World::founded().await;
    let (first, second) = (
        world.newcomer("first", &["A"]),
        world.newcomer("second", &["B"]),
    );
    let token = world.token(1);
    said(first.krogd("join").arg(&token)).fine();
    said(second.krogd("join").arg(&token)).refused(&["used up"]);
    said(first.krogd("join").arg(&token)).fine();
    enters(&world, &second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_past_its_last_day_is_refused() {
    let world = World::founded().await;
    let house = world.newcomer("late", &["Hearth"]);
    let old = said(
        world
            .relay
            .krogd("network invite")
            .args(["--today", "2026-03-01"]),
    )
    .fine();
    said(house.krogd("join").arg(old)).refused(&["expired"]);
    enters(&world, &house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_relay_is_another_by_now_is_not_trusted() {
    let mut world = World::founded().await;
    let house = world.newcomer("late", &["Hearth"]);
    let token = world.token(1);
    let address = world.relay.listens().to_string();
    world.relaying.kill();
    let other = House::made(world.scratch.path(), "other", &["--listen", &address]);
    found(&other, true);
    let other_runs = other.run(DECIDED).await;
    said(house.krogd("join").arg(&token)).refused(&["another key", "do not go on"]);
    other_runs.stop().await;
    world.relaying = world.relay.run(DECIDED).await;
    enters(&world, &house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_does_not_answer_or_is_no_node_is_told_apart() {
    let mut world = World::founded().await;
    let house = world.newcomer("late", &["Hearth"]);
    let token = world.token(1);
    let address = world.relay.listens();
    world.relaying.kill();
    said(house.krogd("join").arg(&token)).refused(&["cannot reach", "nothing listens there"]);

    let plain = TcpListener::bind(address).unwrap();
    let greeter = std::thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        let _ = stream.write_all(b"220 mail.invalid ready\r\n");
    });
    said(house.krogd("join").arg(&token)).refused(&["no node of Krog", "host and port"]);
    greeter.join().unwrap();
    world.relaying = world.relay.run(DECIDED).await;
    enters(&world, &house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_runs_cannot_be_worked_on_by_a_second_process() {
    let world = World::founded().await;
    let house = world.newcomer("late", &["Hearth"]);
    let running = house.run(DECIDED).await;
    let in_use = ["another process", "stop that one first"];
    said(house.krogd("join").arg(world.token(1))).refused(&in_use);
    said(&mut house.krogd("run")).refused(&in_use);
    said(house.krogd("run").args(["--only", "centre"])).refused(&in_use);
    said(house.krogd("run").args(["--only", "exchange"])).refused(&in_use);
    said(house.krogd("network create").args(["--name", "Mine"])).refused(&in_use);
    house
        .person("hearth", "coordinator")
        .await
        .who_am_i(Default::default())
        .await
        .unwrap();
    running.stop().await;
    enters(&world, &house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_node_and_a_folder_with_something_else_are_left_alone() {
    let scratch = scratch();
    let empty = House::at(scratch.path(), "empty");
    fs::create_dir(empty.root()).unwrap();
    for command in ["run", "network invite"] {
        said(&mut empty.krogd(command)).refused(&["krogd init"]);
    }
    said(empty.krogd("join").arg("krog1-")).refused(&["krogd init"]);
    said(
        House::at(scratch.path(), "absent")
            .krogd("run")
            .args(["--only", "exchange"]),
    )
    .refused(&["krogd init"]);
    assert_eq!(fs::read_dir(empty.root()).unwrap().count(), 0);

    let photos = House::at(scratch.path(), "photos");
    fs::create_dir(photos.root()).unwrap();
    fs::write(photos.root().join("cat.jpg"), b"cat").unwrap();
    let before = photos.files();
    said(photos.krogd("init").args(["--name", "A"])).refused(&["is not empty"]);
    assert!(photos.files() == before);

    let node = House::made(scratch.path(), "node", &[]);
    let before = node.files();
    said(node.krogd("init").args(["--name", "A"])).refused(&["is not empty"]);
    assert!(node.files() == before, "keys are never overwritten");
    let beside = fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(beside, 3, "no half-made node is left behind");
}

#[test]
fn an_unknown_or_impossible_setting_is_named() {
    let scratch = scratch();
    let house = House::made(scratch.path(), "node", &["--centre", "Hearth"]);
    let settings = house.folder().settings();
    let right = fs::read_to_string(&settings).unwrap();
    for (line, words) in [
        ("floor_persons = 3\n", ["floor_persons", "krog.toml"]),
        ("sync_seconds = 1\n", ["sync_seconds", "5"]),
        ("listen = \"somewhere\"\n", ["listen", "krog.toml"]),
        (
            "centre_listen = \"0.0.0.0:7000\"\n",
            ["centre_listen", "127.0.0.1"],
        ),
        ("name = \n", ["krog.toml", "not understood"]),
    ] {
        let key = line.split(' ').next().unwrap();
        let others: String = right
            .lines()
            .filter(|line| !line.starts_with(key))
            .map(|line| format!("{line}\n"))
            .collect();
        fs::write(&settings, format!("{line}{others}")).unwrap();
        said(&mut house.krogd("run")).refused(&words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stated_day_is_for_rehearsals() {
    let scratch = scratch();
    let house = House::made(
        scratch.path(),
        "node",
        &["--centre", "Hearth", "--listen", "127.0.0.1:0"],
    );
    found(&house, false);
    for only in [&[][..], &["--only", "exchange"]] {
        said(
            house
                .krogd("run")
                .args(["--today", "2030-01-01"])
                .args(only),
        )
        .refused(&["rehearsal networks only"]);
    }
    said(house.krogd("run").args(["--today", "1st of May"])).refused(&["2027-01-15"]);
    house.start(&mut house.krogd("run")).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_others_may_read_is_not_used() {
    let scratch = scratch();
    let house = House::made(scratch.path(), "node", &["--centre", "Hearth"]);
    let folder = house.folder();
    for secret in [
        folder.centre("hearth").join("master.key"),
        folder.office().join("office.key"),
        folder.exchange_tls(),
    ] {
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        let name = secret.file_name().unwrap().to_str().unwrap();
        said(&mut house.krogd("run")).refused(&[name, "600"]);
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    }
    house.start(&mut house.krogd("run")).await.stop().await;
}

#[test]
fn a_port_another_program_holds_is_named_with_its_setting() {
    let scratch = scratch();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let relay = House::made(scratch.path(), "relay", &["--listen", &address]);
    said(&mut relay.krogd("run")).refused(&["listen", &address, "another program"]);
    let centre = House::made(
        scratch.path(),
        "centre",
        &["--centre", "Hearth", "--centre-listen", &address],
    );
    said(&mut centre.krogd("run")).refused(&["centre_listen", &address, "another program"]);
}

#[test]
fn a_postgresql_that_nobody_serves_is_named_soon() {
    let scratch = scratch();
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("postgres://krog@{nobody}/krog");
    let house = House::at(scratch.path(), "node");
    let refused = said(
        house
            .krogd("init")
            .args(["--name", "A", "--exchange-database", &url]),
    );
    refused.refused(&["database", "cannot be reached"]);
    assert!(!house.root().exists(), "no half-made node is left behind");
    said(
        house
            .krogd("init")
            .args(["--name", "A", "--exchange-database", "mysql://a/b"]),
    )
    .refused(&["postgres://"]);
    said(house.krogd("init").args(["--name", "A"])).fine();
}

#[test]
fn a_path_too_long_for_a_socket_is_said_before_anything_is_lost() {
    let scratch = scratch();
    let deep = scratch.path().join("d".repeat(60)).join("e".repeat(60));
    fs::create_dir_all(&deep).unwrap();
    let house = House::made(Path::new(&deep), "node", &[]);
    said(&mut house.krogd("run")).refused(&["too long", "shorter path"]);
}
