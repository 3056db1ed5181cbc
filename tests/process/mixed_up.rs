//! Folders put together from parts of two nodes.

use std::fs;
use std::path::Path;

use crate::house::said;
use crate::world::{DECIDED, World};

/// Puts a file or folder in the place of another and gives back what stood there.
struct Swapped<'a> {
    place: &'a Path,
    away: std::path::PathBuf,
}

impl<'a> Swapped<'a> {
    fn with(place: &'a Path, other: &Path) -> Self {
        let away = place.with_extension("away");
        fs::rename(place, &away).unwrap();
        copy(other, place);
        Self { place, away }
    }

    fn back(self) {
        if self.place.is_dir() {
            fs::remove_dir_all(self.place).unwrap();
        } else {
            fs::remove_file(self.place).unwrap();
        }
        fs::rename(&self.away, self.place).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_two_nodes_are_not_run_together() {
    let world = World::founded().await;
    let (ours, theirs) = (
        world.member("ours", &["Hearth"]),
        world.member("theirs", &["Hearth"]),
    );
    for house in [&ours, &theirs] {
        house.run(DECIDED).await.stop().await;
    }
    let before = ours.files();
    let (our, their) = (ours.folder(), theirs.folder());
    let mixed = "parts of two nodes were mixed";
    let run = || said(ours.krogd("run").args(["--today", DECIDED]));
    for (place, other) in [
        (our.exchange(), their.exchange()),
        (our.office(), their.office()),
        (our.centre("hearth"), their.centre("hearth")),
    ] {
        let swapped = Swapped::with(&place, &other);
        run().refused(&[mixed]);
        swapped.back();
    }
    assert!(ours.files() == before, "nothing was changed");
    ours.run(DECIDED).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_files_of_another_node_are_recognised_too() {
    let world = World::founded().await;
    let (ours, theirs) = (
        world.member("ours", &["Hearth"]),
        world.member("theirs", &["Hearth"]),
    );
    for house in [&ours, &theirs] {
        house.run(DECIDED).await.stop().await;
    }
    let (our, their) = (ours.folder(), theirs.folder());
    let run = || said(ours.krogd("run").args(["--today", DECIDED]));
    let exchange = our.exchange().join("exchange.db");
    let swapped = Swapped::with(&exchange, &their.exchange().join("exchange.db"));
    run().refused(&["belongs to node"]);
    swapped.back();

    let key = our.centre("hearth").join("master.key");
    let swapped = Swapped::with(&key, &their.centre("hearth").join("master.key"));
    run().refused(&["centres/hearth", "key"]);
    swapped.back();

    let (centre, mark) = (our.centre("hearth"), our.centre("hearth").join("NODE"));
    let own_mark = fs::read(&mark).unwrap();
    let swapped = Swapped::with(&centre, &their.centre("hearth"));
    fs::write(&mark, own_mark).unwrap();
    run().refused(&["parts of two nodes were mixed"]);
    swapped.back();
    ours.run(DECIDED).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_part_is_named() {
    let world = World::founded().await;
    let house = world.member("ours", &["Hearth"]);
    house.run(DECIDED).await.stop().await;
    let folder = house.folder();
    for part in [
        folder.centre("hearth").join("centre.db"),
        folder.centre("hearth").join("keys.db"),
        folder.centre("hearth").join("master.key"),
        folder.office().join("office.db"),
        folder.office().join("office.key"),
        folder.exchange_tls(),
    ] {
        let away = part.with_extension("away");
        fs::rename(&part, &away).unwrap();
        let name = part.file_name().unwrap().to_str().unwrap();
        said(house.krogd("run").args(["--today", DECIDED])).refused(&[name]);
        assert!(
            !part.exists(),
            "{name} is not made anew: that would be another node"
        );
        fs::rename(&away, &part).unwrap();
    }
    house.run(DECIDED).await.stop().await;
}
