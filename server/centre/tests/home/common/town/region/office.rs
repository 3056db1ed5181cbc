//! A real office that lives in a town.

use crate::common::house::FakeHouse;
use crate::common::{HandClock, Home, rosters};
use krog_centre::Office;
use krog_feed::ids::{NetworkId, NodeId, TlsPin};
use std::path::{Path, PathBuf};

/// A real office on its disk.
pub struct RealOffice {
    folder: PathBuf,
    clock: HandClock,
    starts: u64,
    office: Option<Office>,
    node: NodeId,
    aggregates: bool,
}

impl RealOffice {
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The periodic work, once.
    pub async fn tick(&self, house: &FakeHouse) {
        let client = house.client().await;
        self.office.as_ref().unwrap().tick(&client).await.unwrap();
    }

    /// Says one word at most: the exchange takes it, and fails to say so.
    pub async fn says_one_word(&self, house: &FakeHouse) {
        house.0.lock().unwrap().news_lost = true;
        let client = house.client().await;
        let _ = self.office.as_ref().unwrap().tick(&client).await;
        house.0.lock().unwrap().news_lost = false;
    }

    pub async fn close(&mut self) {
        self.office.take().unwrap().close().await;
    }

    pub async fn open(&mut self) {
        self.starts += 1;
        let surroundings = self.clock.surroundings(5_000 + self.starts);
        let office = Office::open(&self.folder, &surroundings).await.unwrap();
        self.office = Some(office.aggregate_rounds(self.aggregates));
    }

    pub async fn restart(&mut self) {
        self.close().await;
        self.open().await;
    }

    pub async fn aggregates_no_more(&mut self) {
        self.aggregates = false;
        self.restart().await;
    }

    /// Copies all its files aside.
    pub async fn copy_to(&mut self, place: &Path) {
        self.close().await;
        std::fs::create_dir_all(place).unwrap();
        for file in std::fs::read_dir(&self.folder).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), place.join(file.file_name())).unwrap();
        }
        self.open().await;
    }

    /// Puts a copy back. Without the secrets of rounds there are none.
    pub async fn restore(&mut self, place: &Path, with_secrets: bool) {
        self.close().await;
        for file in std::fs::read_dir(&self.folder).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        for file in std::fs::read_dir(place).unwrap() {
            let file = file.unwrap();
            let name = file.file_name();
            if with_secrets || !name.to_str().unwrap().starts_with("rounds.db") {
                std::fs::copy(file.path(), self.folder.join(name)).unwrap();
            }
        }
        self.open().await;
    }

    /// Of how many rounds it keeps a secret.
    pub async fn secrets(&self) -> i64 {
        let path = self.folder.join(krog_centre::ROUNDS_FILE);
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM secrets")
            .fetch_one(&pool)
            .await
            .unwrap();
        pool.close().await;
        count
    }
}

/// A real office joins.
pub(super) async fn moves_in(home: &Home, seed: u64) -> RealOffice {
    let folder = home.folder.path().join(format!("office-{seed}"));
    let clock = home.clock.clone();
    let surroundings = clock.surroundings(seed);
    let (office, _) = Office::create(&folder, &surroundings).await.unwrap();
    let last_day = "2026-04-30".parse().unwrap();
    let address = "relay.example.org:7470".parse().unwrap();
    let network: NetworkId = home.network;
    let token = home
        .office
        .invite(network, 1, last_day, address, TlsPin::of(b"key"))
        .await
        .unwrap();
    let known = rosters(&home.office, network).await;
    office.complete_join(&token, known).await.unwrap();
    let real = RealOffice {
        folder,
        clock,
        starts: seed,
        node: office.node(),
        office: Some(office),
        aggregates: true,
    };
    real.tick(&home.house).await;
    real
}
