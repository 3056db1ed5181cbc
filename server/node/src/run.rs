//! Serving a node: the exchange to other nodes, the centres to their people, and the periodic work between them.
//!
//! Both sides talk over the local socket of the exchange, whether they share a process or not.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use krog_centre::{Centre, Chance, Office, Services, Surroundings};
use krog_client::socket::connect_unix;
use krog_federation::Syncer;
use krog_federation::sync::RoundOutcome;
use krog_feed::ids::{NetworkId, NodeId, WriterId};
use krog_proto::federation::v1::house_client::HouseClient;
use krog_proto::federation::v1::library_client::LibraryClient;
use krog_proto::federation::v1::{RostersRequest, SignedRoster, SyncNowRequest};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tracing::{debug, info, warn};

use crate::clock::Clock;
use crate::dial::PinnedDial;
use crate::folder::{Folder, FolderError, FolderLock, Part};
use crate::network;
use crate::node::{self, Addresses};
use crate::routers::{PEER_SERVICES, centre_router, health, reflection_v1, reflection_v1alpha};
use crate::settings::Settings;
use crate::tls::{TlsIdentity, centre_config, exchange_config};
use crate::{limits, listen};

/// One side of a node, as a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Office and centres; calls the exchange that runs beside.
    Centre,
    /// The exchange; calls nobody at home.
    Exchange,
}

/// How a node is to run.
pub struct RunOptions {
    /// One side only.
    pub only: Option<Only>,
    /// Its clock.
    pub clock: Clock,
    /// Whether the clock shows a stated day; refused outside rehearsal networks.
    pub stated_day: bool,
    /// Its random source.
    pub chance: Chance,
    /// No periodic work: whoever started it says when to tick and to synchronise.
    pub by_hand: bool,
}

/// A running node.
pub struct Running {
    folder: Folder,
    settings: Settings,
    node: NodeId,
    network: Option<NetworkId>,
    addresses: Addresses,
    exchange: Option<Syncer>,
    home: Option<Arc<Home>>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<Result<()>>>,
    _locks: Vec<FolderLock>,
}

/// The centre side.
struct Home {
    office: Office,
    services: Services,
    house: HouseClient<Channel>,
}

impl Running {
    /// Starts a node.
    ///
    /// # Errors
    /// When the folder is not a node's, in use or mixed up, an address is taken, a stated day is not allowed, or a
    /// database cannot be opened.
    pub async fn start(folder: Folder, options: RunOptions) -> Result<Self> {
        let RunOptions {
            only,
            clock,
            stated_day,
            chance,
            by_hand,
        } = options;
        let settings_path = folder.settings();
        if !settings_path.exists() {
            bail!(crate::folder::FolderError::NotANode(
                folder.root().display().to_string()
            ));
        }
        let settings = Settings::read(&settings_path)?;
        let mut running = Self {
            node: node_of(&folder, only)?,
            network: None,
            addresses: Addresses::default(),
            exchange: None,
            home: None,
            stop: CancellationToken::new(),
            tasks: Vec::new(),
            _locks: Vec::new(),
            folder,
            settings,
        };
        let started = async {
            if only != Some(Only::Centre) {
                running
                    .start_exchange(clock.clone(), stated_day, by_hand)
                    .await?;
            }
            if only != Some(Only::Exchange) {
                running
                    .start_home(&Surroundings::new(clock, chance), stated_day, by_hand)
                    .await?;
            }
            running.write_addresses(running.addresses)
        }
        .await;
        match started {
            Ok(()) => Ok(running),
            Err(error) => {
                // What was started must not go on serving half a node.
                let _ = running.stop().await;
                Err(error)
            }
        }
    }

    async fn start_exchange(
        &mut self,
        clock: Clock,
        stated_day: bool,
        by_hand: bool,
    ) -> Result<()> {
        self._locks.push(self.folder.lock(Part::Exchange)?);
        let identity = TlsIdentity::open(&self.folder.exchange_tls())?;
        let exchange = node::open_exchange(&self.folder, &self.settings, self.node, clock).await?;
        if stated_day && !network::exchange_rehearses(&exchange).await? {
            bail!(STATED_DAY_REFUSED);
        }
        let syncer = Syncer::new(exchange, Arc::new(PinnedDial::new(&identity)?));

        let socket = self.folder.exchange_socket();
        self.folder.clear_socket(&socket)?;
        let local = listen::bind_local(&socket)
            .with_context(|| format!("the local socket {} could not be made", socket.display()))?;
        let (house, library) = syncer.local_services();
        let router = listen::server()
            .add_service(house)
            .add_service(library)
            .add_service(health().await);
        self.spawn(serve_local(local, router, self.stop.clone()));

        if let Some(address) = self.settings.listen {
            let listener = bind(address, "listen").await?;
            self.addresses.listen = Some(listener.local_addr()?);
            let (peers, library) = syncer.exchange().peer_services();
            let router = listen::server()
                .add_service(listen::WithPin::new(peers))
                .add_service(listen::WithPin::new(library))
                .add_service(health().await)
                .add_service(reflection_v1(PEER_SERVICES)?)
                .add_service(reflection_v1alpha(PEER_SERVICES)?);
            let config = exchange_config(&identity)?;
            let stop = self.stop.clone();
            self.spawn(async move { Ok(listen::serve_tls(listener, config, router, stop).await?) });
        }
        if !by_hand {
            let every = Duration::from_secs(u64::from(self.settings.sync_seconds));
            let (syncer, stop) = (syncer.clone(), self.stop.clone());
            self.spawn(async move {
                // A round that is broken off loses nothing; waiting for a slow peer would only delay the end.
                while let Some(done) = stop.run_until_cancelled(syncer.sync_round()).await {
                    match done {
                        Ok(round) => tell_round(&round),
                        Err(error) => {
                            warn!(%error, "a round of synchronisation failed; it is tried again")
                        }
                    }
                    if !pause(&stop, every).await {
                        break;
                    }
                }
                Ok(())
            });
        }
        self.exchange = Some(syncer);
        Ok(())
    }

    async fn start_home(
        &mut self,
        surroundings: &Surroundings,
        stated_day: bool,
        by_hand: bool,
    ) -> Result<()> {
        self._locks.push(self.folder.lock(Part::Office)?);
        let office = Office::open(&self.folder.office(), surroundings)
            .await?
            .aggregate_rounds(self.settings.aggregate);
        if stated_day && !network::rehearses(&office).await? {
            bail!(STATED_DAY_REFUSED);
        }
        self.belongs_here(&self.folder.office(), office.node())?;
        self.network = network::network_of(&office).await?;
        let mut centres = Vec::new();
        for centre in &self.settings.centres {
            let place = self.folder.centre(&centre.folder);
            self.folder.check(&place, &self.node.to_string())?;
            let opened = Centre::open(&place, surroundings).await.with_context(|| {
                format!("the centre in {} could not be opened", place.display())
            })?;
            self.belongs_here(&place, opened.node())?;
            centres.push(Arc::new(opened.share_readings(office.readings())));
        }
        let channel = reach_exchange(&self.folder).await?;
        let house = HouseClient::new(channel.clone())
            .max_decoding_message_size(krog_federation::limits::RESPONSE_BYTES)
            .max_encoding_message_size(krog_federation::limits::REQUEST_BYTES);
        if let Some(network) = self.network {
            let pin = node::own_pin(&self.folder)?;
            let descriptor =
                node::descriptor(&self.settings, pin, self.addresses.listen, &centres)?;
            office.publish_descriptor(network, &descriptor).await?;
            let rosters = office.rosters(network).await?;
            for centre in &centres {
                let rosters = rosters
                    .versions()
                    .map(|version| version.signed().to_proto())
                    .collect();
                centre.enter_network(network, rosters).await?;
            }
        }
        let home = Arc::new(Home {
            office,
            services: Services::new(centres).with_library(LibraryClient::new(channel)),
            house,
        });

        let socket = self.folder.centre_socket();
        self.folder.clear_socket(&socket)?;
        let local = listen::bind_local(&socket)
            .with_context(|| format!("the local socket {} could not be made", socket.display()))?;
        let router = centre_router(&home.services).await?;
        self.spawn(serve_local(local, router, self.stop.clone()));

        if let Some(address) = self.settings.centre_listen {
            let listener = bind(address, "centre_listen").await?;
            self.addresses.centre_listen = Some(listener.local_addr()?);
            let router = centre_router(&home.services).await?;
            let config = centre_config(&TlsIdentity::open(&self.folder.centre_tls())?)?;
            let stop = self.stop.clone();
            self.spawn(async move { Ok(listen::serve_tls(listener, config, router, stop).await?) });
        }
        if !by_hand {
            let every = Duration::from_secs(u64::from(self.settings.sync_seconds));
            let (home, stop) = (Arc::clone(&home), self.stop.clone());
            self.spawn(async move {
                while stop
                    .run_until_cancelled(home.tick_and_sync())
                    .await
                    .is_some()
                {
                    if !pause(&stop, every).await {
                        break;
                    }
                }
                Ok(())
            });
        }
        self.home = Some(home);
        Ok(())
    }

    /// Refuses a part whose database is of another node, whatever its mark says.
    fn belongs_here(&self, part: &Path, found: NodeId) -> Result<()> {
        if found == self.node {
            return Ok(());
        }
        bail!(FolderError::ForeignPart {
            part: part.display().to_string(),
            found: found.short(),
            expected: self.node.short(),
        })
    }

    fn spawn(&mut self, task: impl Future<Output = Result<()>> + Send + 'static) {
        self.tasks.push(tokio::spawn(task));
    }

    /// Each side writes its own line and leaves the other's alone.
    fn write_addresses(&self, here: Addresses) -> Result<()> {
        let path = self.folder.addresses();
        let mut known = node::addresses_of(&self.folder).unwrap_or_default();
        if self.exchange.is_some() {
            known.listen = here.listen;
        }
        if self.home.is_some() {
            known.centre_listen = here.centre_listen;
        }
        std::fs::write(&path, serde_json::to_string(&known)?)
            .with_context(|| format!("{} could not be written", path.display()))
    }

    /// Does what is due at home: hands over entries, signs what may leave, takes in the network's rosters.
    ///
    /// # Errors
    /// When something due could not be done; what was done stays done.
    pub async fn tick(&self) -> Result<()> {
        match &self.home {
            Some(home) => home.tick().await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Synchronises with every peer once.
    ///
    /// # Errors
    /// When the exchange itself fails; a peer that cannot be reached is named in the outcome.
    pub async fn sync_now(&self) -> Result<RoundOutcome> {
        match &self.exchange {
            Some(syncer) => Ok(syncer.sync_round().await?),
            None => Ok(RoundOutcome::default()),
        }
    }

    /// Publishes a template under the office's name at the next tick.
    ///
    /// # Errors
    /// When the node is in no network or only its exchange runs here.
    pub async fn publish_template(&self, document: &[u8]) -> Result<()> {
        let home = self
            .home
            .as_ref()
            .context("the centre side does not run here")?;
        let network = self.network.context("this node is in no network")?;
        Ok(home.office.publish_template(network, document).await?)
    }

    /// The rosters of the node's network, oldest first.
    ///
    /// # Errors
    /// When the exchange does not answer.
    pub async fn rosters(&self) -> Result<Vec<SignedRoster>> {
        let home = self
            .home
            .as_ref()
            .context("the centre side does not run here")?;
        let network = self.network.context("this node is in no network")?;
        Ok(home
            .house
            .clone()
            .rosters(RostersRequest {
                network: network.as_bytes().to_vec(),
            })
            .await?
            .into_inner()
            .rosters)
    }

    /// The node's identity.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The network it is in.
    pub fn network(&self) -> Option<NetworkId> {
        self.network
    }

    /// The writers of its centres' feeds.
    pub fn centres(&self) -> Vec<WriterId> {
        let centres = self.home.as_ref().map(|home| home.services.centres());
        centres
            .into_iter()
            .flatten()
            .map(|centre| centre.writer())
            .collect()
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Its folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What runs and how to reach it.
    pub fn told(&self) -> String {
        let mut text = format!(
            "{} runs as node {}.\n",
            self.settings.name,
            self.node.short()
        );
        match self.addresses.listen {
            Some(address) => text.push_str(&format!("Other nodes may connect at {address}.\n")),
            None if self.exchange.is_some() => {
                text.push_str("It dials out and accepts no connections.\n")
            }
            None => {}
        }
        if self.home.is_some() {
            text.push_str(&format!(
                "Its people call it with `krog --node {}`",
                self.folder.root().display()
            ));
            match self.addresses.centre_listen {
                Some(address) => text.push_str(&format!(" or over TLS at {address}.\n")),
                None => text.push_str(".\n"),
            }
            if self.network.is_none() {
                text.push_str("It is in no network yet: nothing can leave.\n");
            }
            if self.folder.recovery_key().exists() {
                text.push_str(&format!(
                    "{} still lies here: move it offline, whoever takes this folder could speak for the node.\n",
                    self.folder.recovery_key().display()
                ));
            }
        }
        text.push_str("Ctrl-C stops it.\n");
        text
    }

    /// Stops: no new requests, those under way may finish, databases are closed.
    ///
    /// # Errors
    /// When a part had failed while it ran.
    pub async fn stop(mut self) -> Result<()> {
        self.stop.cancel();
        // Nothing is left to be found there; a disk that refuses this does not keep the node from stopping.
        let _ = self.write_addresses(Addresses::default());
        let mut failed = None;
        for task in self.tasks.drain(..) {
            let abort = task.abort_handle();
            match tokio::time::timeout(limits::GRACE, task).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => failed = Some(error),
                Ok(Err(error)) => failed = Some(error.into()),
                Err(_) => abort.abort(),
            }
        }
        if let Some(home) = self.home.take() {
            for centre in home.services.centres() {
                centre.close().await;
            }
            home.office.close().await;
        }
        if let Some(syncer) = self.exchange.take() {
            syncer.exchange().close().await;
        }
        info!("stopped");
        failed.map_or(Ok(()), Err)
    }
}

impl Home {
    /// Does what is due; whether the exchange took something over that peers lack.
    async fn tick(&self) -> Result<bool> {
        // The office first: its descriptor names the centres, and peers hold a feed nobody names for a short while only.
        let office = self.office.tick(&self.house).await;
        let mut delivered = 0;
        let mut difficulty = None;
        for centre in self.services.centres() {
            match centre.tick(&self.house).await {
                Ok(done) => delivered += done.delivered,
                Err(error) => {
                    difficulty.get_or_insert(error);
                }
            }
        }
        let office = office.context("the office could not do what is due; it is tried again")?;
        difficulty
            .map_or(Ok(()), Err)
            .context("a centre could not do what is due; it is tried again")?;
        Ok(office.delivered + delivered > 0)
    }

    /// The same by itself, and what the exchange took over goes on to peers at once rather than with its next round.
    async fn tick_and_sync(&self) {
        match self.tick().await {
            Ok(false) => {}
            Ok(true) => {
                if let Err(status) = self.house.clone().sync_now(SyncNowRequest {}).await {
                    debug!(code = ?status.code(), "the next round synchronises");
                }
            }
            Err(error) => warn!("{error:#}"),
        }
    }
}

const STATED_DAY_REFUSED: &str = "a stated day is for rehearsal networks only; in a real one the 14 days are the members' and nobody may skip them";

fn node_of(folder: &Folder, only: Option<Only>) -> Result<NodeId> {
    let (main, other) = match only {
        Some(Only::Exchange) => (folder.exchange(), None),
        Some(Only::Centre) => (folder.office(), None),
        None => (folder.office(), Some(folder.exchange())),
    };
    let mark = folder.mark_of(&main)?;
    if let Some(other) = other {
        folder.check(&other, &mark)?;
    }
    mark.parse()
        .with_context(|| format!("{}/NODE does not name a node", main.display()))
}

async fn bind(address: SocketAddr, setting: &str) -> Result<tokio::net::TcpListener> {
    listen::bind(address).await.with_context(|| {
        format!("`{setting} = {address}` cannot be used; another program may hold the port, or the address is not this machine's")
    })
}

async fn serve_local(
    listener: tokio::net::UnixListener,
    router: tonic::transport::server::Router,
    stop: CancellationToken,
) -> Result<()> {
    Ok(listen::serve_local(listener, router, stop).await?)
}

/// The exchange of this folder may still be starting when the centre side runs as a process of its own.
async fn reach_exchange(folder: &Folder) -> Result<Channel> {
    let socket = folder.exchange_socket();
    connect_unix(&socket).await.with_context(|| {
        format!(
            "the exchange of this node does not answer at {}; start it with `krogd run --only exchange`",
            socket.display()
        )
    })
}

/// Waits; false when it is time to stop.
async fn pause(stop: &CancellationToken, how_long: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(how_long) => true,
    }
}

fn tell_round(round: &RoundOutcome) {
    for peer in &round.peers {
        if let Some(why) = &peer.failure {
            warn!(network = %peer.network.short(), peer = %peer.peer.name(), %why, "a peer could not be reached; it is tried again");
        }
        if let Some(ahead) = peer.clock_ahead {
            warn!(peer = %peer.peer.name(), seconds = ahead, "a peer's clock is far from this one's; one of the two is wrong");
        }
        for (writer, fault) in &peer.stopped {
            warn!(peer = %peer.peer.name(), writer = %writer.short(), %fault, "a peer offered entries of a feed that were not taken; what came before them stands");
        }
    }
    if round.received() + round.sent() > 0 {
        info!(
            received = round.received(),
            sent = round.sent(),
            "synchronised"
        );
    }
}
