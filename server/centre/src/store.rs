//! Opening SQLite files the way a house of personal data needs them.

use crate::error::CentreError;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Sqlite, SqlitePool, Transaction};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A transaction of one of the house's files.
pub(crate) type Tx = Transaction<'static, Sqlite>;

/// How long a statement waits for another process to finish its transaction.
const BUSY: Duration = Duration::from_secs(5);

/// Rows in one multi-row insert: SQLite takes at most 32,766 parameters in a statement.
pub(crate) const ROWS_PER_INSERT: usize = 1_000;

/// Makes a new, empty file that only its owner may read. Never overwrites one.
pub(crate) fn create_file(path: &Path) -> Result<(), CentreError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(CentreError::Exists {
            path: path.to_owned(),
        }),
        Err(source) => Err(CentreError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Opens a file that must be there and brings its tables up to date.
///
/// One connection only: every operation of a house stands in one queue, so two of them never see each other half done.
pub(crate) async fn open_file(
    path: &Path,
    migrations: &Migrator,
) -> Result<SqlitePool, CentreError> {
    if !path.exists() {
        return Err(CentreError::Missing {
            path: path.to_owned(),
        });
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // What is deleted is overwritten, and nothing is put down in temporary files.
        .pragma("secure_delete", "ON")
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        // When the disk fails, SQLite itself may break a transaction off. The connection's own count of transactions then
        // stays behind, and it would refuse every later one: it is replaced.
        .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
        .connect_with(options)
        .await
        .map_err(|source| CentreError::Open {
            path: path.to_owned(),
            source,
        })?;
    migrations
        .run(&pool)
        .await
        .map_err(|source| CentreError::Migrate {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
    Ok(pool)
}

/// Begins a transaction that may write: it takes the lock at once, so it never fails halfway for want of it.
pub(crate) async fn begin(pool: &SqlitePool) -> Result<Tx, CentreError> {
    Ok(pool.begin_with("BEGIN IMMEDIATE").await?)
}

/// Empties the write-ahead log into the file and closes it.
pub(crate) async fn close(pool: &SqlitePool) {
    // A checkpoint that cannot run now runs at the next start.
    let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(pool)
        .await;
    pool.close().await;
}

/// The path of `name` in `folder`.
pub(crate) fn in_folder(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}
