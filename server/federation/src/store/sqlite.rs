//! SQLite: one file, one writing connection, a few reading ones.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite as Db, SqlitePool as Pool};

use super::StoreError;

#[path = "sql_parcels.rs"]
mod parcels;
#[path = "sql.rs"]
mod sql;
#[path = "sql_write.rs"]
mod write;
pub use sql::Engine;

/// How long a statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);
/// Connections that only read.
const READERS: u32 = 3;

impl Engine {
    /// Opens or creates the file at `path`.
    ///
    /// What is acknowledged must survive a power cut, so commits are synced in full; the file is not trusted to bring
    /// functions of its own.
    pub async fn connect(path: &str) -> Result<Engine, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("trusted_schema", "OFF")
            .pragma("cell_size_check", "ON");
        // One writing connection: within a process writers queue here instead of polling for the file's lock.
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            // When the disk fails, SQLite itself may break a transaction off. The connection's own count of transactions
            // then stays behind, and later ones would be savepoints of one that nobody commits: it is replaced.
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
            .await?;
        sqlx::migrate!("../../migrations/exchange/sqlite")
            .run(&writer)
            .await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.create_if_missing(false).read_only(true))
            .await?;
        Ok(Engine { writer, reader })
    }

    /// Caps the file at so many pages.
    pub async fn cap_pages(&self, pages: u32) -> Result<(), StoreError> {
        let statement = format!("PRAGMA max_page_count = {pages}");
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}
