//! The harness: a whole network of real nodes in one process, on one hand-set clock and seeded chance.
//!
//! ```no_run
//! # async fn story() -> anyhow::Result<()> {
//! use krog_tests::Network;
//! let network = Network::of(["relay:", "first:Centre A", "second:Centre B"]).await?;
//! network.settle().await?;
//! # Ok(()) }
//! ```
//!
//! Nodes are made, joined and run by the same code as `krogd` uses: real folders, SQLite, sockets and mutual TLS on
//! loopback. Only the clock, the random source and the moment of synchronising are in the test's hand.

pub mod trial;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use krog_client::centre::{CentreClient, Credential};
use krog_client::cli::slug;
use krog_client::mirror::Mirror;
use krog_client::socket::connect_unix;
use krog_client::tls::{Identity, connect_pinned};
use krog_feed::entry::VerifiedEntry;
use krog_feed::ids::NetworkId;
use krog_feed::roster::SignedRoster;
use krog_feed::rounds::board::{Board, RoundStatus};
use krog_measures::Measure;
use krog_pools::PoolTerms;
use krog_proto::federation::v1::library_client::LibraryClient;
use krogd::chance;
use krogd::clock::HandClock;
use krogd::folder::Folder;
use krogd::network::{self, InviteOptions, NetworkOptions};
use krogd::node::{self, NewNode};
use krogd::pool::{self, OpenOptions};
use krogd::run::{RunOptions, Running};
use krogd::tls::TlsIdentity;
use tempfile::TempDir;
use tonic::transport::Channel;

/// One node of the network.
pub struct Node {
    folder: Folder,
    seed: u64,
    running: Option<Running>,
}

/// The network.
pub struct Network {
    /// Where its nodes stand.
    pub scratch: TempDir,
    /// The clock all of them read.
    pub clock: HandClock,
    nodes: Vec<Node>,
    id: NetworkId,
}

/// How a network is made.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// First day of the clock, since 1970-01-01. Absent: 2026-04-05.
    pub day: Option<i64>,
    /// Measures known by their total.
    pub measures: Vec<Measure>,
    /// A PostgreSQL for the first node's exchange.
    pub exchange_database: Option<String>,
    /// How many of the nodes after the first accept connections too.
    pub more_relays: usize,
    /// What the network's pools may tell. Absent: it has none.
    pub pools: Option<PoolTerms>,
}

impl Network {
    /// A network of nodes described as `name:centre,centre`. The first is the relay and founder.
    ///
    /// # Errors
    /// When a node cannot be made, joined or started.
    pub async fn of<const N: usize>(nodes: [&str; N]) -> Result<Self> {
        Self::with(nodes, Wishes::default()).await
    }

    /// The same with wishes.
    ///
    /// # Errors
    /// When a node cannot be made, joined or started.
    pub async fn with<const N: usize>(nodes: [&str; N], wishes: Wishes) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("krog").tempdir()?;
        let clock = HandClock::at_day(wishes.day.unwrap_or(20_548));
        let mut made = Vec::new();
        for (place, described) in nodes.iter().enumerate() {
            let (name, centres) = described.split_once(':').unwrap_or((described, ""));
            let folder = Folder::at(scratch.path().join(name));
            let new = NewNode {
                name: name.to_owned(),
                centres: centres
                    .split(',')
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect(),
                listen: (place <= wishes.more_relays).then_some(([127, 0, 0, 1], 0).into()),
                exchange_database: wishes.exchange_database.clone().filter(|_| place == 0),
                ..NewNode::default()
            };
            let seed = 1000 * (place as u64 + 1);
            node::init(&folder, new, clock.clock(), chance::seeded(seed)).await?;
            made.push(Node {
                folder,
                seed,
                running: None,
            });
        }
        let founder = made.first().context("a network has a founder")?;
        let options = NetworkOptions {
            name: "Test network".to_owned(),
            rehearsal: true,
            measures: wishes.measures,
            floor_persons: 10,
            waiting_days: 14,
            pools: wishes.pools,
        };
        network::found_network(&founder.folder, options, clock.clock(), chance::seeded(1)).await?;
        let mut network = Self {
            id: NetworkId::from([0; 32]),
            scratch,
            clock,
            nodes: made,
        };
        network.start(0).await?;
        if let Some(address) = network.running(0).addresses().listen {
            node::keep_address(&network.nodes[0].folder, address)?;
        }
        network.id = network
            .running(0)
            .network()
            .context("the network was founded")?;
        network.running(0).tick().await?;
        for place in 1..N {
            let token = network.token(1).await?;
            network::join(
                &network.nodes[place].folder,
                &token,
                network.clock.clock(),
                chance::seeded(network.nodes[place].seed + 1),
            )
            .await?;
            network.start(place).await?;
            if let Some(address) = network.running(place).addresses().listen {
                node::keep_address(&network.nodes[place].folder, address)?;
            }
        }
        network.settle().await?;
        Ok(network)
    }

    /// A token by the founder.
    ///
    /// # Errors
    /// When the founder cannot invite.
    pub async fn token(&self, count: u32) -> Result<String> {
        let options = InviteOptions { count, days: 14 };
        // Chance must differ between invitations; the clock stands still.
        let seed =
            77 + u64::from(count) + self.nodes.len() as u64 + self.running_count() as u64 * 1000;
        network::invite(
            &self.nodes[0].folder,
            options,
            self.clock.clock(),
            chance::seeded(seed),
        )
        .await
    }

    fn running_count(&self) -> usize {
        self.nodes
            .iter()
            .filter(|node| node.running.is_some())
            .count()
    }

    /// Starts a node that stands still. Every start draws from a chance of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(&mut self, place: usize) -> Result<()> {
        let node = &mut self.nodes[place];
        node.seed += 10;
        let options = RunOptions {
            only: None,
            clock: self.clock.clock(),
            stated_day: true,
            chance: chance::seeded(node.seed),
            by_hand: true,
        };
        node.running = Some(Running::start(node.folder.clone(), options).await?);
        Ok(())
    }

    /// Stops a node.
    ///
    /// # Errors
    /// When it does not stop cleanly.
    pub async fn stop(&mut self, place: usize) -> Result<()> {
        match self.nodes[place].running.take() {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }

    /// A running node.
    ///
    /// # Panics
    /// When it does not run.
    #[expect(
        clippy::expect_used,
        reason = "a test that asks a stopped node is wrong"
    )]
    pub fn running(&self, place: usize) -> &Running {
        self.nodes[place].running.as_ref().expect("the node runs")
    }

    /// A node's folder.
    pub fn folder(&self, place: usize) -> &Folder {
        &self.nodes[place].folder
    }

    /// The network's identity.
    pub fn id(&self) -> NetworkId {
        self.id
    }

    /// Ticks and synchronises all running nodes until everything has reached everybody.
    ///
    /// # Errors
    /// When a node cannot do what is due.
    pub async fn settle(&self) -> Result<()> {
        for _ in 0..4 {
            for node in self.nodes.iter().filter_map(|node| node.running.as_ref()) {
                node.tick().await?;
                node.sync_now().await?;
            }
        }
        Ok(())
    }

    /// Has the founder open a round of a pool.
    ///
    /// # Errors
    /// When the policy does not allow it.
    pub async fn open_round(&self, options: OpenOptions) -> Result<String> {
        let told = pool::open(
            &self.nodes[0].folder,
            options,
            self.clock.clock(),
            chance::seeded(5),
        )
        .await?;
        self.settle().await?;
        Ok(told)
    }

    /// The rounds of pools as a client verifies them, read from the relay with the key of a node.
    ///
    /// # Errors
    /// When something does not verify.
    pub async fn rounds(&self, place: usize) -> Result<Vec<RoundStatus>> {
        let mirror = self.mirror(place).await?;
        let mut board = Board::new(self.id);
        for head in mirror.heads() {
            for entry in mirror.entries(head.writer) {
                let _ = board.observe(&VerifiedEntry::from_store(entry.clone())?);
            }
        }
        Ok(board.rounds(mirror.view(), self.clock.day()))
    }

    /// A person's way into a centre.
    ///
    /// # Errors
    /// When the node does not run or the credential is missing.
    pub async fn person(&self, place: usize, centre: &str, role: &str) -> Result<CentreClient> {
        let folder = &self.nodes[place].folder;
        let credential = folder
            .credentials()
            .join(format!("{}-{role}.txt", slug(centre)));
        Ok(CentreClient::new(
            connect_unix(folder.centre_socket()).await?,
            Credential::read(&credential)?,
        ))
    }

    /// A node's library, as its own people read it.
    ///
    /// # Errors
    /// When the node does not run.
    pub async fn library(&self, place: usize) -> Result<LibraryClient<Channel>> {
        Ok(LibraryClient::new(
            connect_unix(self.nodes[place].folder.exchange_socket()).await?,
        ))
    }

    /// A connection to the relay that shows the TLS key of a node.
    ///
    /// # Errors
    /// When the relay does not run.
    pub async fn dial_relay_as(&self, place: usize) -> Result<Channel> {
        let own = TlsIdentity::open(&self.nodes[place].folder.exchange_tls())?;
        let pin = TlsIdentity::open(&self.nodes[0].folder.exchange_tls())?.pin();
        let address = self
            .running(0)
            .addresses()
            .listen
            .context("the relay listens")?;
        let identity = Identity::from_pem(own.pem(), own.pem())?;
        Ok(connect_pinned(&address.to_string(), &[pin], Some(&identity)).await?)
    }

    /// All feeds as a client verifies them, read from the relay with the key of a node.
    ///
    /// # Errors
    /// When something does not verify.
    pub async fn mirror(&self, place: usize) -> Result<Mirror> {
        let rosters = self
            .running(place)
            .rosters()
            .await?
            .into_iter()
            .map(SignedRoster::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let mut mirror = Mirror::of_network(self.id, rosters)?;
        mirror.refresh(self.dial_relay_as(place).await?).await?;
        Ok(mirror)
    }
}

/// All files below a folder with their bytes.
///
/// # Errors
/// When a file cannot be read.
pub fn files_below(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let kind = std::fs::symlink_metadata(&path)?.file_type();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let bytes = std::fs::read(&path)?;
                files.push((path, bytes));
            }
        }
    }
    Ok(files)
}

/// Copies a folder with all that is in it, permissions included.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// An address on a PostgreSQL server under which an exchange makes a schema of its own.
pub fn own_schema(server: &str) -> String {
    let sign = if server.contains('?') { '&' } else { '?' };
    format!(
        "{server}{sign}options[search_path]=krog_end_to_end_{}",
        std::process::id()
    )
}
