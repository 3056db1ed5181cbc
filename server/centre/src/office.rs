//! The NGO's own desk: the node's identity, its networks, and the office's own feed in each of them. It knows no member.

mod aggregating;
mod opening;
mod round_secrets;

pub use opening::{Opening, Span};
pub use round_secrets::ROUNDS_FILE;

use crate::error::CentreError;
use crate::feed_writer::{Adopting, FeedError, FeedWriter};
use crate::network_reading::NetworkReadings;
use crate::networks;
use crate::sealing::{Place, create_key_file, open_key_file};
use crate::sharing::has_had_pools;
use crate::store::{Tx, begin, create_file, in_folder, open_file};
use crate::surroundings::Surroundings;
use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::identity::{Address, NodeDescriptor, NodeInception, PublicName};
use krog_feed::ids::{KeyHash, NetworkId, NodeId, TlsPin};
use krog_feed::invitation::{
    Admission, Invitation, JoinToken, SignedInvitation, admission_for, new_admission_key,
    sign_invitation,
};
use krog_feed::keys::{RecoveryKey, WriterKey};
use krog_feed::roster::{Genesis, Policy, Roster, RosterChain, SignedRoster};
use krog_measures::Day;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::house_client::HouseClient;
use round_secrets::RoundSecrets;
use sqlx::migrate::Migrator;
use sqlx::{Row, SqlitePool};
use std::fmt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use tonic::transport::Channel;
use zeroize::Zeroizing;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/office");

/// The file of the office's data.
pub const OFFICE_FILE: &str = "office.db";
/// The file of the key that seals the office's own.
pub const OFFICE_KEY_FILE: &str = "office.key";

/// Words of an aggregator in one tick: as many as there are from a key to an end.
const WORDS_AT_ONCE: usize = 8;

const SEED_PLACE: Place<'static> = Place {
    table: "office",
    row: b"1",
    column: "sealed_seed",
};

/// What a newcomer shows to the node that admits it.
#[derive(Debug, Clone)]
pub struct Admitting {
    /// The request to send to the admitting node.
    pub request: proto::AdmitRequest,
    /// The network it is for.
    pub network: NetworkId,
}

/// What periodic work has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Entries signed.
    pub signed: usize,
    /// Entries the exchange has acknowledged.
    pub delivered: usize,
}

/// The office of a node, open.
pub struct Office {
    pool: SqlitePool,
    inception: NodeInception,
    recovery_key_hash: KeyHash,
    feed: FeedWriter,
    surroundings: Surroundings,
    readings: Arc<NetworkReadings>,
    secrets: RoundSecrets,
    /// Whether this node answers when a keyholder names it as an aggregator.
    aggregates: bool,
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Office({})", self.node().short())
    }
}

/// The office keeps nothing beside its feed, so an entry that came back needs no more.
struct NothingBeside;

#[async_trait::async_trait]
impl Adopting for NothingBeside {
    async fn adopted(&self, _tx: &mut Tx, _entry: &VerifiedEntry) -> Result<(), CentreError> {
        Ok(())
    }

    async fn met_aside(&self, _tx: &mut Tx, _entry: &VerifiedEntry) -> Result<(), CentreError> {
        Ok(())
    }
}

impl Office {
    /// Makes a new node in `folder`. The recovery key is returned once; keep it offline, only its hash stays here.
    pub async fn create(
        folder: &Path,
        surroundings: &Surroundings,
    ) -> Result<(Self, RecoveryKey), CentreError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| CentreError::File {
                path: folder.to_owned(),
                source,
            })?;
        let path = in_folder(folder, OFFICE_FILE);
        if path.exists() {
            return Err(CentreError::Exists { path });
        }
        let sealing = create_key_file(&in_folder(folder, OFFICE_KEY_FILE), surroundings)?;
        let (key, recovery) = surroundings.with_chance(|mut rng| {
            (
                WriterKey::generate(&mut rng),
                RecoveryKey::generate(&mut rng),
            )
        });
        let inception = NodeInception::new(key.public(), &recovery.public(), surroundings.bytes());
        let sealed_seed = sealing.seal(SEED_PLACE, key.seed().as_slice(), surroundings)?;
        create_file(&path)?;
        let pool = open_file(&path, &MIGRATIONS).await?;
        sqlx::query(
            "INSERT INTO office (only_row, node, inception, recovery_key_hash, sealed_seed) VALUES (1, $1, $2, $3, $4)",
        )
        .bind(inception.node().as_bytes().as_slice())
        .bind(inception.encode())
        .bind(recovery.public().hash().as_bytes().as_slice())
        .bind(sealed_seed)
        .execute(&pool)
        .await?;
        pool.close().await;
        Ok((Self::open(folder, surroundings).await?, recovery))
    }

    /// Opens the office in `folder`.
    pub async fn open(folder: &Path, surroundings: &Surroundings) -> Result<Self, CentreError> {
        let path = in_folder(folder, OFFICE_FILE);
        if !path.exists() {
            return Err(CentreError::Missing { path });
        }
        let sealing = open_key_file(&in_folder(folder, OFFICE_KEY_FILE))?;
        let pool = open_file(&path, &MIGRATIONS).await?;
        let row = sqlx::query("SELECT inception, recovery_key_hash, sealed_seed FROM office")
            .fetch_one(&pool)
            .await?;
        let damaged = || CentreError::Damaged { table: "office" };
        let inception = NodeInception::parse(row.try_get(0)?)?;
        let seed = sealing.open(SEED_PLACE, row.try_get(2)?)?;
        let seed: Zeroizing<[u8; 32]> =
            Zeroizing::new(seed.as_slice().try_into().map_err(|_| damaged())?);
        let feed = FeedWriter::for_office(&inception, WriterKey::from_seed(*seed), surroundings);
        Ok(Self {
            recovery_key_hash: KeyHash::try_from(row.try_get::<&[u8], _>(1)?)
                .map_err(|_| damaged())?,
            pool,
            inception,
            feed,
            surroundings: surroundings.clone(),
            readings: Arc::default(),
            secrets: RoundSecrets::open(folder, sealing, surroundings).await?,
            aggregates: true,
        })
    }

    /// Says whether this node answers when a keyholder names it as an aggregator of a round. Rounds it has answered it
    /// brings to their end in any case.
    #[must_use]
    pub fn aggregate_rounds(mut self, aggregates: bool) -> Self {
        self.aggregates = aggregates;
        self
    }

    /// This house's reading of its networks, to be shared with its centres.
    pub fn readings(&self) -> Arc<NetworkReadings> {
        Arc::clone(&self.readings)
    }

    /// Closes the files.
    pub async fn close(&self) {
        crate::store::close(&self.pool).await;
        self.secrets.close().await;
    }

    /// The node's identity.
    pub fn node(&self) -> NodeId {
        self.inception.node()
    }

    /// The node's inception record.
    pub fn inception(&self) -> &NodeInception {
        &self.inception
    }

    /// Hash of the recovery key that is kept offline.
    pub fn recovery_key_hash(&self) -> KeyHash {
        self.recovery_key_hash
    }

    /// The networks the node is in.
    pub async fn networks(&self) -> Result<Vec<NetworkId>, CentreError> {
        networks::all(&mut begin(&self.pool).await?).await
    }

    /// The rosters of a network, verified.
    pub async fn rosters(&self, network: NetworkId) -> Result<RosterChain, CentreError> {
        networks::chain(&mut begin(&self.pool).await?, network).await
    }

    /// Whether the office may sign in a network: its own head was compared since the start.
    pub fn may_sign(&self, network: NetworkId) -> bool {
        self.feed.may_sign(network)
    }

    /// Founds a network under `policy`, with this node as its only keyholder.
    ///
    /// A network born here has random bytes in its identity, so no earlier copy of this office can have signed in it:
    /// this is the one feed that is begun without asking anybody.
    pub async fn found_network(
        &self,
        public_name: PublicName,
        rehearsal: bool,
        policy: Policy,
    ) -> Result<NetworkId, CentreError> {
        let genesis = Genesis::new(
            self.inception.clone(),
            public_name,
            self.surroundings.bytes(),
            rehearsal,
        );
        let network = genesis.network();
        let signed = Roster::first(genesis, policy).signed_by(self.node(), self.feed.key());
        let body = signed.encode();
        let chain = RosterChain::start(network, signed).map_err(FeedError::from)?;
        let mut tx = begin(&self.pool).await?;
        networks::keep(&mut tx, &chain).await?;
        self.feed.newly_founded(network);
        self.feed.begin_in(&mut tx, network).await?;
        self.feed
            .append_in(&mut tx, network, Kind::Roster, &body)
            .await?;
        tx.commit().await?;
        Ok(network)
    }

    /// The next version of a network's roster, as a draft to be changed and signed.
    pub async fn draft_roster(&self, network: NetworkId) -> Result<Roster, CentreError> {
        Ok(self.rosters(network).await?.draft_next())
    }

    /// Signs a draft with the office's key.
    pub fn sign_roster(&self, roster: &Roster) -> SignedRoster {
        roster.signed_by(self.node(), self.feed.key())
    }

    /// Puts a version signed by the threshold into force and wants it said in the office's feed.
    pub async fn publish_roster(
        &self,
        network: NetworkId,
        signed: SignedRoster,
    ) -> Result<(), CentreError> {
        let body = signed.encode();
        let mut tx = begin(&self.pool).await?;
        let mut chain = networks::chain(&mut tx, network).await?;
        chain.apply(signed).map_err(FeedError::from)?;
        networks::keep(&mut tx, &chain).await?;
        want(&mut tx, network, Kind::Roster, &body).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes an invitation for `count` nodes until `last_day`, which this node counts and admits at `address` with the
    /// TLS key of `pin`. For a network whose threshold this office reaches alone.
    pub async fn invite(
        &self,
        network: NetworkId,
        count: u32,
        last_day: Day,
        address: Address,
        pin: TlsPin,
    ) -> Result<JoinToken, CentreError> {
        let chain = self.rosters(network).await?;
        let latest = chain.latest();
        if latest.keyholders.get(&self.node()) != Some(&self.feed.key().public()) {
            return Err(CentreError::NotNow(
                "this office is no keyholder of the network; ask a keyholder for the invitation",
            ));
        }
        if latest.threshold > 1 {
            return Err(CentreError::NotNow(
                "the network asks for more than one keyholder's signature; this version invites only where one is enough",
            ));
        }
        let admission_key = self
            .surroundings
            .with_chance(|mut rng| new_admission_key(&mut rng));
        let invitation = Invitation {
            network,
            nonce: self.surroundings.bytes(),
            roster_version: latest.version,
            last_day: u32::try_from(last_day.number()).map_err(|_| {
                CentreError::Invalid("the last day lies before 1970; give a day to come")
            })?,
            count,
            admission_key: admission_key.public(),
            admitting_node: self.node(),
        }
        .encode();
        Invitation::parse(&invitation)?;
        let signed = SignedInvitation {
            signatures: vec![sign_invitation(&invitation, self.node(), self.feed.key())],
            invitation,
        };
        JoinToken::new(latest.genesis.clone(), signed, admission_key, address, pin).map_err(|_| {
            CentreError::Invalid(
                "the invitation does not fit into a token; check count and address",
            )
        })
    }

    /// What to send to the admitting node to join with `token`.
    pub fn prepare_join(&self, token: &JoinToken) -> Admitting {
        Admitting {
            request: proto::AdmitRequest {
                inception: self.inception.encode().to_vec(),
                admission: Some(admission_for(token, self.node()).to_proto()),
            },
            network: token.network(),
        }
    }

    /// Takes the rosters the admitting node answered with, verified from the genesis of the token, and wants the admission
    /// said. It is signed by the first [`tick`](Self::tick) that finds no earlier feed of this office in the network.
    pub async fn complete_join(
        &self,
        token: &JoinToken,
        rosters: Vec<proto::SignedRoster>,
    ) -> Result<NetworkId, CentreError> {
        let network = token.network();
        let chain = networks::verify(network, rosters)?;
        let admission = admission_for(token, self.node());
        krog_feed::invitation::verify_admission(&admission, &chain, self.node())
            .map_err(FeedError::from)?;
        let mut tx = begin(&self.pool).await?;
        if !networks::all(&mut tx).await?.contains(&network) {
            networks::keep(&mut tx, &chain).await?;
        }
        want(&mut tx, network, Kind::Admission, &admission.encode()).await?;
        tx.commit().await?;
        Ok(network)
    }

    /// Wants the node presented like this in a network: names, TLS pins, addresses, centres. Nothing is said twice.
    pub async fn publish_descriptor(
        &self,
        network: NetworkId,
        descriptor: &NodeDescriptor,
    ) -> Result<(), CentreError> {
        let body = descriptor.encode();
        NodeDescriptor::parse(&body)?;
        let mut tx = begin(&self.pool).await?;
        known(&mut tx, network).await?;
        sqlx::query("DELETE FROM wanted WHERE network = $1 AND kind = $2")
            .bind(network.as_bytes().as_slice())
            .bind(Kind::Descriptor.number())
            .execute(&mut *tx)
            .await?;
        want(&mut tx, network, Kind::Descriptor, &body).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Wants a template version published: the canonical bytes of a checked `TemplateDocument`.
    pub async fn publish_template(
        &self,
        network: NetworkId,
        document: &[u8],
    ) -> Result<(), CentreError> {
        let body = prost::Message::encode_to_vec(&proto::TemplateVersion {
            document: document.to_vec(),
        });
        let mut tx = begin(&self.pool).await?;
        known(&mut tx, network).await?;
        want(&mut tx, network, Kind::Template, &body).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The periodic work: hands over, confirms the own head, signs what is wanted, hands over again. Every network is
    /// tried; the first difficulty is returned.
    pub async fn tick(&self, house: &HouseClient<Channel>) -> Result<Ticked, CentreError> {
        let mut done = Ticked::default();
        let mut difficulty = None;
        for network in self.networks().await? {
            if let Err(error) = self.tick_in(network, house, &mut done).await {
                difficulty.get_or_insert(error);
            }
        }
        difficulty.map_or(Ok(done), Err)
    }

    async fn tick_in(
        &self,
        network: NetworkId,
        house: &HouseClient<Channel>,
        done: &mut Ticked,
    ) -> Result<(), CentreError> {
        done.delivered += self.feed.deliver(&self.pool, network, house).await?;
        networks::refresh_or_warn(&self.pool, network, house).await?;
        self.feed
            .confirm(&self.pool, network, house, &NothingBeside)
            .await?;
        done.signed += self.say_what_is_wanted(network).await?;
        done.delivered += self.feed.deliver(&self.pool, network, house).await?;
        let rosters = self.rosters(network).await?;
        if !has_had_pools(&rosters) {
            return Ok(());
        }
        for _ in 0..WORDS_AT_ONCE {
            self.deliver_parcels(network, house).await?;
            let copy = self.readings.refresh(&rosters, house).await?;
            let said = self.aggregate(network, &copy, house).await?;
            if said == 0 {
                break;
            }
            done.signed += said;
            // Parcels only after the entries that state them.
            done.delivered += self.feed.deliver(&self.pool, network, house).await?;
        }
        self.deliver_parcels(network, house).await
    }

    async fn say_what_is_wanted(&self, network: NetworkId) -> Result<usize, CentreError> {
        let mut signed = 0;
        let mut tx = begin(&self.pool).await?;
        let rows =
            sqlx::query("SELECT line, kind, body FROM wanted WHERE network = $1 ORDER BY line")
                .bind(network.as_bytes().as_slice())
                .fetch_all(&mut *tx)
                .await?;
        if rows.is_empty() {
            return Ok(0);
        }
        self.feed.begin_in(&mut tx, network).await?;
        for row in rows {
            let (line, kind, body): (i64, u16, Vec<u8>) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let kind = Kind::from_number(kind).ok_or(CentreError::Damaged { table: "wanted" })?;
            if !self.said(&mut tx, network, kind, &body).await? {
                self.feed.append_in(&mut tx, network, kind, &body).await?;
                signed += 1;
            }
            sqlx::query("DELETE FROM wanted WHERE line = $1")
                .bind(line)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(signed)
    }

    /// Whether the feed says this already: of descriptors the latest holds; of an admission its invitation counts.
    async fn said(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        kind: Kind,
        body: &[u8],
    ) -> Result<bool, CentreError> {
        match kind {
            Kind::Descriptor => {
                let latest = self.feed.latest(tx, network, kind).await?;
                Ok(latest.is_some_and(|entry| entry.body() == Some(body)))
            }
            Kind::Admission => {
                let wanted = Admission::decode(body)?;
                let said = self.feed.all_of(tx, network, kind).await?;
                Ok(said.iter().filter_map(VerifiedEntry::body).any(|body| {
                    Admission::decode(body).is_ok_and(|said| said.invitation == wanted.invitation)
                }))
            }
            _ => {
                let said = self.feed.all_of(tx, network, kind).await?;
                Ok(said.iter().any(|entry| entry.body() == Some(body)))
            }
        }
    }
}

async fn known(tx: &mut Tx, network: NetworkId) -> Result<(), CentreError> {
    if networks::all(tx).await?.contains(&network) {
        Ok(())
    } else {
        Err(FeedError::NoNetwork.into())
    }
}

async fn want(tx: &mut Tx, network: NetworkId, kind: Kind, body: &[u8]) -> Result<(), CentreError> {
    sqlx::query("INSERT INTO wanted (network, kind, body) VALUES ($1, $2, $3)")
        .bind(network.as_bytes().as_slice())
        .bind(kind.number())
        .bind(body)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
