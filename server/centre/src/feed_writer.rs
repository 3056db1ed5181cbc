//! The own feed of a centre or of the office: kept beside the facts it rests on, signed only when its head is confirmed,
//! handed over until acknowledged.
//!
//! An entry is written in the caller's transaction, so that a release and its spent pairs are on disk together or not at
//! all. What was read from the store is read again inside that transaction: no copy in memory can be behind the disk.

mod adopting;
mod error;
mod exchanging;

pub use error::FeedError;

use crate::error::CentreError;
use crate::store::Tx;
use crate::surroundings::Surroundings;
use krog_disclosure::{ClearedContribution, ClearedRelease};
use krog_feed::chain::FeedState;
use krog_feed::entry::{Kind, Place, RawEntry, VerifiedEntry};
use krog_feed::identity::{CentreInception, NodeInception};
use krog_feed::ids::{HeaderHash, NetworkId, WriterId};
use krog_feed::keys::{Signature, WriterKey};
use krog_feed::writer::{Author, AuthorError};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Whose feed it is.
enum Origin {
    Office(NodeInception),
    Centre(CentreInception),
}

/// What is done with an entry that came back from the network, in the transaction that writes it.
#[async_trait::async_trait]
pub(crate) trait Adopting: Sync {
    /// Takes note of an entry of the own feed that this copy of the house did not have.
    async fn adopted(&self, tx: &mut Tx, entry: &VerifiedEntry) -> Result<(), CentreError>;

    /// Takes note of an entry of the own feed that does not stand: what it carries was told all the same.
    async fn met_aside(&self, tx: &mut Tx, entry: &VerifiedEntry) -> Result<(), CentreError>;
}

/// The writer of one house's own feed, in each of its networks.
pub(crate) struct FeedWriter {
    origin: Origin,
    key: WriterKey,
    surroundings: Surroundings,
    /// Networks in which the head was compared since the start.
    confirmed: Mutex<BTreeSet<NetworkId>>,
}

impl fmt::Debug for FeedWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeedWriter({})", self.writer().short())
    }
}

impl FeedWriter {
    pub(crate) fn for_office(
        inception: &NodeInception,
        key: WriterKey,
        surroundings: &Surroundings,
    ) -> Self {
        Self::new(Origin::Office(inception.clone()), key, surroundings)
    }

    pub(crate) fn for_centre(
        inception: &CentreInception,
        key: WriterKey,
        surroundings: &Surroundings,
    ) -> Self {
        Self::new(Origin::Centre(inception.clone()), key, surroundings)
    }

    fn new(origin: Origin, key: WriterKey, surroundings: &Surroundings) -> Self {
        Self {
            origin,
            key,
            surroundings: surroundings.clone(),
            confirmed: Mutex::new(BTreeSet::new()),
        }
    }

    pub(crate) fn writer(&self) -> WriterId {
        match &self.origin {
            Origin::Office(inception) => inception.node().into(),
            Origin::Centre(inception) => inception.writer(),
        }
    }

    pub(crate) fn key(&self) -> &WriterKey {
        &self.key
    }

    /// Whether this house may sign in a network.
    pub(crate) fn may_sign(&self, network: NetworkId) -> bool {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&network)
    }

    /// For a network this house has founded just now: nobody can know a feed in it.
    pub(crate) fn newly_founded(&self, network: NetworkId) {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(network);
    }

    fn doubt(&self, network: NetworkId) {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&network);
    }

    /// What the feed has come to, as it is on disk.
    pub(crate) async fn state(
        &self,
        tx: &mut Tx,
        network: NetworkId,
    ) -> Result<FeedState, CentreError> {
        let state: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT state FROM feeds WHERE network = $1")
                .bind(network.as_bytes().as_slice())
                .fetch_optional(&mut **tx)
                .await?;
        match state {
            None => Ok(FeedState::empty(network, self.writer())),
            Some(bytes) => {
                FeedState::from_bytes(&bytes).map_err(|_| CentreError::Damaged { table: "feeds" })
            }
        }
    }

    /// Begins the feed if it has no entry yet. Signs, so the head must be confirmed.
    pub(crate) async fn begin_in(
        &self,
        tx: &mut Tx,
        network: NetworkId,
    ) -> Result<(), CentreError> {
        self.signing_allowed(network)?;
        if self.state(tx, network).await?.head().is_some() {
            return Ok(());
        }
        let (key, salt) = (self.key.clone(), self.surroundings.bytes());
        let begun = match &self.origin {
            Origin::Office(inception) => Author::begin_office(network, key, inception, salt),
            Origin::Centre(inception) => Author::begin_centre(network, key, inception, salt),
        };
        let (author, entry) = begun.map_err(FeedError::from)?;
        self.keep(tx, &entry, true, false).await?;
        self.save(tx, author.state()).await
    }

    /// Signs the next entry in the caller's transaction. Never a release or a commitment: those are
    /// [`release_in`](Self::release_in) and [`commit_in`](Self::commit_in).
    pub(crate) async fn append_in(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        kind: Kind,
        body: &[u8],
    ) -> Result<VerifiedEntry, CentreError> {
        if matches!(kind, Kind::Release | Kind::PoolCommitment) {
            return Err(FeedError::from(AuthorError::KindNotHere).into());
        }
        self.sign_in(tx, network, kind, body).await
    }

    /// Signs a release in the caller's transaction, from nothing but what the gate cleared.
    pub(crate) async fn release_in(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        cleared: &ClearedRelease,
    ) -> Result<VerifiedEntry, CentreError> {
        self.sign_in(tx, network, Kind::Release, cleared.encoded())
            .await
    }

    /// Signs the commitment to a part in a round, in the caller's transaction, from nothing but what the gate cleared.
    pub(crate) async fn commit_in(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        cleared: &ClearedContribution,
    ) -> Result<VerifiedEntry, CentreError> {
        self.sign_in(tx, network, Kind::PoolCommitment, cleared.commitment())
            .await
    }

    async fn sign_in(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        kind: Kind,
        body: &[u8],
    ) -> Result<VerifiedEntry, CentreError> {
        self.signing_allowed(network)?;
        let state = self.state(tx, network).await?;
        let mut author = Author::resume(state, self.key.clone()).map_err(FeedError::from)?;
        let entry = author
            .append(kind, body, 0, self.surroundings.bytes())
            .map_err(FeedError::from)?;
        self.keep(tx, &entry, true, false).await?;
        self.save(tx, author.state()).await?;
        Ok(entry)
    }

    fn signing_allowed(&self, network: NetworkId) -> Result<(), FeedError> {
        if self.may_sign(network) {
            Ok(())
        } else {
            Err(FeedError::NotConfirmed)
        }
    }

    /// The newest standing entry of a kind.
    pub(crate) async fn latest(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        kind: Kind,
    ) -> Result<Option<VerifiedEntry>, CentreError> {
        Ok(self.all_of(tx, network, kind).await?.pop())
    }

    /// The standing entries of a kind, oldest first.
    pub(crate) async fn all_of(
        &self,
        tx: &mut Tx,
        network: NetworkId,
        kind: Kind,
    ) -> Result<Vec<VerifiedEntry>, CentreError> {
        let rows = sqlx::query(
            "SELECT header, signature, payload FROM own_entries WHERE network = $1 AND standing = 1 \
             ORDER BY epoch, seq",
        )
        .bind(network.as_bytes().as_slice())
        .fetch_all(&mut **tx)
        .await?;
        let mut entries = Vec::new();
        for row in &rows {
            let entry = VerifiedEntry::from_store(raw_entry(row)?).map_err(|_| damaged())?;
            if entry.kind() == kind {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    async fn keep(
        &self,
        tx: &mut Tx,
        entry: &VerifiedEntry,
        standing: bool,
        handed_over: bool,
    ) -> Result<(), CentreError> {
        let header = entry.header();
        let raw = entry.raw();
        sqlx::query(
            "INSERT INTO own_entries (network, hash, epoch, seq, standing, header, signature, payload, handed_over) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(header.network.as_bytes().as_slice())
        .bind(entry.hash().as_bytes().as_slice())
        .bind(header.epoch)
        .bind(stored_seq(header.place()))
        .bind(standing)
        .bind(&raw.header)
        .bind(raw.signature.as_bytes().as_slice())
        .bind(&raw.payload)
        .bind(handed_over)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn save(&self, tx: &mut Tx, state: &FeedState) -> Result<(), CentreError> {
        sqlx::query(
            "INSERT INTO feeds (network, state) VALUES ($1, $2) \
             ON CONFLICT (network) DO UPDATE SET state = excluded.state",
        )
        .bind(state.network().as_bytes().as_slice())
        .bind(state.to_bytes())
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Whether the exchange has acknowledged an entry.
    pub(crate) async fn is_handed_over(
        &self,
        tx: &mut Tx,
        hash: HeaderHash,
    ) -> Result<bool, CentreError> {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM own_entries WHERE hash = $1 AND handed_over = 1",
        )
        .bind(hash.as_bytes().as_slice())
        .fetch_one(&mut **tx)
        .await?;
        Ok(waiting > 0)
    }
}

fn damaged() -> CentreError {
    CentreError::Damaged {
        table: "own_entries",
    }
}

/// Places are far below 2^63.
fn stored_seq(place: Place) -> i64 {
    i64::try_from(place.seq).unwrap_or(i64::MAX)
}

fn raw_entry(row: &SqliteRow) -> Result<RawEntry, CentreError> {
    Ok(RawEntry {
        header: row.try_get(0)?,
        signature: Signature::try_from(row.try_get::<&[u8], _>(1)?).map_err(|_| damaged())?,
        payload: row.try_get(2)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::centre::{Centre, CentreNames};
    use crate::testing::surroundings;
    use krog_feed::ids::NodeId;
    use krog_feed::keys::RecoveryKey;

    #[tokio::test]
    async fn what_only_the_gate_clears_is_appended_by_no_other_way() {
        let folder = tempfile::tempdir().unwrap();
        let names = CentreNames {
            public_name: "One".parse().unwrap(),
            code: String::new(),
        };
        let recovery = RecoveryKey::from_seed([1; 32]).public();
        let surroundings = surroundings(1);
        let node = NodeId::new([2; 32]);
        let created = Centre::create(folder.path(), names, node, &recovery, &surroundings).await;
        let (centre, _) = created.unwrap();
        let network = NetworkId::new([3; 32]);
        centre.feed.newly_founded(network);
        let mut tx = centre.begin().await.unwrap();
        centre.feed.begin_in(&mut tx, network).await.unwrap();
        let begun = centre.feed.state(&mut tx, network).await.unwrap();
        for kind in [Kind::Release, Kind::PoolCommitment] {
            let refused = centre.feed.append_in(&mut tx, network, kind, b"any").await;
            assert!(matches!(
                refused,
                Err(CentreError::Feed(FeedError::Author(
                    AuthorError::KindNotHere
                )))
            ));
        }
        let after = centre.feed.state(&mut tx, network).await.unwrap();
        assert_eq!(after.head(), begun.head());
    }
}
