//! One day centre: its files, its keys, and who may come in. What can be done in it stands in the modules beside.

use crate::credentials::{Credential, FirstCredentials, KeptCredential};
use crate::error::CentreError;
use crate::feed_writer::FeedWriter;
use crate::keys::Keys;
use crate::network_reading::NetworkReadings;
use crate::personal::{CredentialId, check_words};
use crate::policy::{Action, Caller, Permit, Role, Subject};
use crate::sealing::{Place, SealingKey};
use crate::store::{Tx, begin, create_file, in_folder, open_file};
use crate::surroundings::Surroundings;
use krog_feed::identity::{CentreInception, PublicName};
use krog_feed::ids::{NodeId, WriterId};
use krog_feed::keys::PublicKey;
use krog_measures::{Day, Measure};
use sqlx::migrate::Migrator;
use sqlx::{Row, SqlitePool};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/centre");

/// The file of a centre's data.
pub const CENTRE_FILE: &str = "centre.db";
/// The file whose lock says that a process has the centre open.
pub const LOCK_FILE: &str = "centre.lock";
/// Longest import code of a centre in bytes.
pub const CODE_BYTES: usize = 120;

/// What a new centre is called.
#[derive(Debug, Clone)]
pub struct CentreNames {
    /// Its public name, the same as in its node's descriptor.
    pub public_name: PublicName,
    /// What tables call it in their `centre` column; compared without regard to case. At most [`CODE_BYTES`] bytes.
    /// Empty: the public name.
    pub code: String,
}

/// One day centre, open. The only process that has it open.
pub struct Centre {
    pub(crate) pool: SqlitePool,
    pub(crate) keys: Keys,
    pub(crate) surroundings: Surroundings,
    pub(crate) feed: FeedWriter,
    pub(crate) inception: CentreInception,
    pub(crate) public_name: PublicName,
    pub(crate) code: String,
    pub(crate) allowed: Vec<Measure>,
    pub(crate) readings: Arc<NetworkReadings>,
    // Held for as long as the centre is open.
    _lock: File,
}

impl fmt::Debug for Centre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Centre({})", self.writer().short())
    }
}

impl Centre {
    /// Makes a new centre of `node` in `folder`, which may not hold one yet, and its first two credentials.
    ///
    /// `recovery` is the public half of the recovery key that is kept offline.
    pub async fn create(
        folder: &Path,
        names: CentreNames,
        node: NodeId,
        recovery: &PublicKey,
        surroundings: &Surroundings,
    ) -> Result<(Self, FirstCredentials), CentreError> {
        let CentreNames { public_name, code } = names;
        check_words(&code, "the centre's code", CODE_BYTES)?;
        let failed = |source| CentreError::File {
            path: folder.to_owned(),
            source,
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
        let lock = lock(folder)?;
        let path = in_folder(folder, CENTRE_FILE);
        if path.exists() {
            return Err(CentreError::Exists { path });
        }
        let keys = Keys::create(folder, surroundings).await?;
        let inception =
            CentreInception::new(node, keys.writer.public(), recovery, surroundings.bytes());
        let first = FirstCredentials {
            coordinator: Credential::generate(Role::Coordinator, surroundings),
            guardian: Credential::generate(Role::Guardian, surroundings),
        };
        create_file(&path)?;
        let pool = open_file(&path, &MIGRATIONS).await?;
        let mut tx = begin(&pool).await?;
        sqlx::query(
            "INSERT INTO centre (only_row, public_name, code, node, writer, inception) VALUES (1, $1, $2, $3, $4, $5)",
        )
        .bind(public_name.as_str())
        .bind(&code)
        .bind(node.as_bytes().as_slice())
        .bind(inception.writer().as_bytes().as_slice())
        .bind(inception.encode())
        .execute(&mut *tx)
        .await?;
        for credential in [&first.coordinator, &first.guardian] {
            let KeptCredential { id, role, hash } = KeptCredential::of(credential, surroundings);
            sqlx::query("INSERT INTO credentials (credential, role, hash) VALUES ($1, $2, $3)")
                .bind(id.as_bytes().as_slice())
                .bind(role.as_str())
                .bind(hash.as_slice())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        let centre = Self::assemble(pool, keys, surroundings, lock).await?;
        Ok((centre, first))
    }

    /// Opens the centre in `folder`.
    pub async fn open(folder: &Path, surroundings: &Surroundings) -> Result<Self, CentreError> {
        let path = in_folder(folder, CENTRE_FILE);
        if !path.exists() {
            return Err(CentreError::Missing { path });
        }
        let lock = lock(folder)?;
        let keys = Keys::open(folder, surroundings).await?;
        let pool = open_file(&path, &MIGRATIONS).await?;
        let centre = Self::assemble(pool, keys, surroundings, lock).await?;
        centre.apply_what_keys_remember().await?;
        Ok(centre)
    }

    async fn assemble(
        pool: SqlitePool,
        keys: Keys,
        surroundings: &Surroundings,
        lock: File,
    ) -> Result<Self, CentreError> {
        let row = sqlx::query("SELECT public_name, code, inception FROM centre")
            .fetch_one(&pool)
            .await?;
        let inception = CentreInception::parse(row.try_get(2)?)?;
        let feed = FeedWriter::for_centre(&inception, keys.writer.clone(), surroundings);
        Ok(Self {
            public_name: PublicName::try_from(row.try_get::<String, _>(0)?)?,
            code: row.try_get(1)?,
            inception,
            feed,
            pool,
            keys,
            surroundings: surroundings.clone(),
            allowed: Vec::new(),
            readings: Arc::default(),
            _lock: lock,
        })
    }

    /// Lets the centre share one reading of its network with others of its house.
    #[must_use]
    pub fn share_readings(mut self, readings: Arc<NetworkReadings>) -> Self {
        self.readings = readings;
        self
    }

    /// Lets the centre use these measures too, beside the built-in ones and those of its network's policy.
    #[must_use]
    pub fn allow_measures(mut self, measures: Vec<Measure>) -> Self {
        self.allowed = measures;
        self
    }

    /// Closes the files; the write-ahead logs are emptied into them.
    pub async fn close(&self) {
        crate::store::close(&self.pool).await;
        self.keys.close().await;
    }

    /// The writer of the centre's feed, which is its identity.
    pub fn writer(&self) -> WriterId {
        self.inception.writer()
    }

    /// The node it belongs to.
    pub fn node(&self) -> NodeId {
        self.inception.node()
    }

    /// Its public name.
    pub fn public_name(&self) -> &PublicName {
        &self.public_name
    }

    /// Who shows this credential; `None` when it is not one of this centre's, or disabled.
    pub async fn recognise(&self, credential: &Credential) -> Result<Option<Caller>, CentreError> {
        let id: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT credential FROM credentials WHERE hash = $1 AND role = $2 AND disabled = 0",
        )
        .bind(credential.hash().as_slice())
        .bind(credential.role().as_str())
        .fetch_optional(&self.pool)
        .await?;
        let caller = |id: Vec<u8>| {
            let credential_id =
                CredentialId::try_from(id.as_slice()).map_err(|_| CentreError::Damaged {
                    table: "credentials",
                })?;
            Ok(Caller {
                centre: self.writer(),
                credential: credential_id,
                role: credential.role(),
            })
        };
        id.map(caller).transpose()
    }

    /// Makes one more credential for a role. Its holder is another person than any holder before.
    pub async fn add_credential(&self, role: Role) -> Result<Credential, CentreError> {
        let credential = Credential::generate(role, &self.surroundings);
        let KeptCredential { id, role, hash } = KeptCredential::of(&credential, &self.surroundings);
        sqlx::query("INSERT INTO credentials (credential, role, hash) VALUES ($1, $2, $3)")
            .bind(id.as_bytes().as_slice())
            .bind(role.as_str())
            .bind(hash.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(credential)
    }

    /// Disables a credential at once. False when it is not one of this centre's.
    pub async fn disable_credential(&self, credential: &Credential) -> Result<bool, CentreError> {
        let done = sqlx::query("UPDATE credentials SET disabled = 1 WHERE hash = $1")
            .bind(credential.hash().as_slice())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Today in UTC.
    pub fn today(&self) -> Result<Day, CentreError> {
        Ok(self.surroundings.today()?)
    }

    /// A day that may be recorded: given or today, and not in the future.
    pub(crate) fn day_or_today(&self, day: Option<Day>) -> Result<Day, CentreError> {
        let today = self.today()?;
        match day {
            Some(day) if day > today => Err(CentreError::FutureDay),
            Some(day) => Ok(day),
            None => Ok(today),
        }
    }

    pub(crate) async fn begin(&self) -> Result<Tx, CentreError> {
        begin(&self.pool).await
    }

    /// Refuses a permit that is not for this centre, action and subject.
    pub(crate) fn check(
        &self,
        permit: &Permit,
        action: Action,
        subject: &Subject,
    ) -> Result<(), CentreError> {
        Ok(permit.covers(self.writer(), action, subject)?)
    }

    pub(crate) fn seal(
        &self,
        key: &SealingKey,
        table: &'static str,
        row: &[u8],
        record: &impl prost::Message,
    ) -> Result<Vec<u8>, CentreError> {
        let place = Place {
            table,
            row,
            column: "sealed",
        };
        let content = zeroize::Zeroizing::new(record.encode_to_vec());
        Ok(key.seal(place, &content, &self.surroundings)?)
    }

    pub(crate) fn unseal<R: prost::Message + Default>(
        &self,
        key: &SealingKey,
        table: &'static str,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<R, CentreError> {
        let place = Place {
            table,
            row,
            column: "sealed",
        };
        let content = key.open(place, sealed)?;
        R::decode(content.as_slice()).map_err(|_| CentreError::Damaged { table })
    }
}

fn lock(folder: &Path) -> Result<File, CentreError> {
    let path = in_folder(folder, LOCK_FILE);
    let failed = |source| CentreError::File {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CentreError::InUse {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
