//! Parcels of pools: which are wanted here, keeping them, handing them on, dropping them.

use std::collections::{BTreeMap, BTreeSet};

use krog_feed::ids::{NetworkId, NodeId};
use krog_feed::network::NetworkView;
use krog_feed::rounds::parcels::ParcelHash;

use super::network::Held;
use super::{Exchange, Source};
use crate::Error;
use crate::limits::{BATCH_BYTES, BATCH_ENTRIES};
use crate::store::ParcelRow;

/// What is to be done with a peer.
#[derive(Default)]
pub(crate) struct Errand {
    /// Held here and for the peer to keep, if it lacks them.
    pub(crate) offer: Vec<ParcelHash>,
    /// Wanted and not held here.
    pub(crate) fetch: Vec<ParcelHash>,
}

/// What standing entries state at one moment.
struct Stated(BTreeMap<ParcelHash, Statement>);

/// All that is stated of one parcel.
#[derive(Default)]
struct Statement {
    /// Whom it is for.
    to: BTreeSet<NodeId>,
    /// By stated length, of which at most one is true, the day from which on it is dropped.
    expiry: BTreeMap<u32, u32>,
}

impl Stated {
    fn of(held: &Held, today: i64) -> Stated {
        let mut stated = BTreeMap::<ParcelHash, Statement>::new();
        for terms in held.parcels.wanted(&held.view, today) {
            let statement = stated.entry(terms.hash).or_default();
            statement.to.insert(terms.to);
            let expiry = statement.expiry.entry(terms.bytes).or_default();
            *expiry = terms.expiry.max(*expiry);
        }
        Stated(stated)
    }

    fn names(&self, hash: ParcelHash) -> bool {
        self.0.contains_key(&hash)
    }

    /// The row of a parcel, if its bytes are as stated and it is for one whom `keeper` keeps it for.
    fn row(&self, sealed: Vec<u8>, keeper: Keeper) -> Option<ParcelRow> {
        let hash = ParcelHash::of(&sealed);
        let statement = self.0.get(&hash)?;
        let bytes = u32::try_from(sealed.len()).ok()?;
        let expiry = *statement.expiry.get(&bytes)?;
        keeper.keeps(statement).then_some(ParcelRow {
            hash,
            expiry,
            sealed,
        })
    }
}

/// Which parcels a node keeps.
#[derive(Clone, Copy)]
enum Keeper {
    /// Whatever is stated: others can dial it, or it has to pass on what its own house sealed.
    OfAll,
    /// Its own.
    OfThoseTo(NodeId),
}

impl Keeper {
    /// As `node` keeps those that other nodes hand over.
    fn of(view: &NetworkView, node: NodeId) -> Keeper {
        let dialled = view
            .descriptor(node)
            .is_some_and(|descriptor| !descriptor.addresses.is_empty());
        if dialled {
            Keeper::OfAll
        } else {
            Keeper::OfThoseTo(node)
        }
    }

    fn keeps(self, statement: &Statement) -> bool {
        match self {
            Keeper::OfAll => true,
            Keeper::OfThoseTo(node) => statement.to.contains(&node),
        }
    }
}

impl Exchange {
    /// Days since 1970-01-01.
    pub(crate) fn today(&self) -> i64 {
        self.clock().div_euclid(86_400)
    }

    /// Those of the parcels offered by another node that are wanted and not held here, in the order offered and each once.
    pub(crate) async fn parcels_lacking(
        &self,
        network: NetworkId,
        offered: &[ParcelHash],
    ) -> Result<Vec<ParcelHash>, Error> {
        let mut wanted = Vec::new();
        {
            let net = self.network(network).await?;
            let held = net.fresh(self.store()).await?;
            let stated = Stated::of(&held, self.today());
            let keeper = Keeper::of(&held.view, self.node());
            let mut seen = BTreeSet::new();
            for hash in offered {
                let statement = stated.0.get(hash);
                if statement.is_some_and(|statement| keeper.keeps(statement)) && seen.insert(*hash)
                {
                    wanted.push(*hash);
                }
            }
        }
        let here = self.store().parcels_held(network, &wanted).await?;
        wanted.retain(|hash| !here.contains(hash));
        Ok(wanted)
    }

    /// Keeps those parcels that a standing entry states and, unless they come from the house, that are wanted here; the
    /// hashes of these, all of which are on disk then. Repeating it is harmless.
    pub(crate) async fn keep_parcels(
        &self,
        network: NetworkId,
        parcels: Vec<Vec<u8>>,
        source: Source,
    ) -> Result<Vec<ParcelHash>, Error> {
        let offered = parcels.len();
        let mut rows = BTreeMap::new();
        {
            let net = self.network(network).await?;
            let held = net.fresh(self.store()).await?;
            let stated = Stated::of(&held, self.today());
            let keeper = match source {
                Source::House => Keeper::OfAll,
                Source::Peer(_) | Source::Fetched => Keeper::of(&held.view, self.node()),
            };
            for sealed in parcels {
                if let Some(row) = stated.row(sealed, keeper) {
                    rows.insert(row.hash, row);
                }
            }
        }
        let kept: Vec<ParcelHash> = rows.keys().copied().collect();
        let here = self.store().parcels_held(network, &kept).await?;
        rows.retain(|hash, _| !here.contains(hash));
        if !rows.is_empty() {
            let rows: Vec<ParcelRow> = rows.into_values().collect();
            self.store().keep_parcels(network, &rows).await?;
        }
        tracing::debug!(network = %network.short(), %source, offered, kept = kept.len(), "parcels");
        Ok(kept)
    }

    /// Those of some parcels that are held here and still stated, in the order asked for and each once, as many as one
    /// call may hold; and whether more of them are held.
    pub(crate) async fn parcels(
        &self,
        network: NetworkId,
        asked: &[ParcelHash],
    ) -> Result<(Vec<(ParcelHash, Vec<u8>)>, bool), Error> {
        let stated: Vec<ParcelHash> = {
            let net = self.network(network).await?;
            let held = net.fresh(self.store()).await?;
            let stated = Stated::of(&held, self.today());
            let asked = asked.iter().copied();
            asked.filter(|hash| stated.names(*hash)).collect()
        };
        Ok(self
            .store()
            .parcels(network, &stated, BATCH_ENTRIES as u32, BATCH_BYTES as u64)
            .await?)
    }

    /// What is to be done with a peer about parcels; nothing where no round is under way.
    pub(crate) async fn parcel_errand(
        &self,
        network: NetworkId,
        peer: NodeId,
    ) -> Result<Errand, Error> {
        let (stated, here, there) = {
            let net = self.network(network).await?;
            let held = net.fresh(self.store()).await?;
            let there = match held.view.descriptor(peer) {
                Some(_) => Keeper::of(&held.view, peer),
                // It was dialled, so it may be a relay.
                None => Keeper::OfAll,
            };
            (
                Stated::of(&held, self.today()),
                Keeper::of(&held.view, self.node()),
                there,
            )
        };
        if stated.0.is_empty() {
            return Ok(Errand::default());
        }
        let on_disk = self.store().parcel_hashes(network).await?;
        let mut errand = Errand::default();
        for (hash, statement) in &stated.0 {
            if on_disk.contains(hash) {
                if there.keeps(statement) {
                    errand.offer.push(*hash);
                }
            } else if here.keeps(statement) {
                errand.fetch.push(*hash);
            }
        }
        Ok(errand)
    }

    /// Drops the parcels of every network that have expired or that no standing entry states any more. When the store
    /// cannot, that is logged; they are not served all the same.
    pub(crate) async fn drop_old_parcels(&self) -> Result<(), Error> {
        for network in self.networks().await? {
            if let Err(error) = self.drop_parcels_of(network).await {
                tracing::warn!(network = %network.short(), %error, "old parcels are still on disk");
            }
        }
        Ok(())
    }

    async fn drop_parcels_of(&self, network: NetworkId) -> Result<(), Error> {
        // Before the reading of what is stated: what is kept after this is stated after this.
        let mut old = self.store().parcel_hashes(network).await?;
        if old.is_empty() {
            return Ok(());
        }
        let today = self.today();
        {
            let net = self.network(network).await?;
            let held = net.fresh(self.store()).await?;
            let stated = Stated::of(&held, today);
            old.retain(|hash| !stated.names(*hash));
        }
        self.store().drop_expired_parcels(network, today).await?;
        let old: Vec<ParcelHash> = old.into_iter().collect();
        self.store().drop_parcels(network, &old).await?;
        Ok(())
    }
}
