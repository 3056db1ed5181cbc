//! PostgreSQL: one pool for reading and writing.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool as Pool, Postgres as Db};
use tokio::time::timeout;

use super::{StorageTrouble, StoreError};

#[path = "sql_parcels.rs"]
mod parcels;
#[path = "sql.rs"]
mod sql;
#[path = "sql_write.rs"]
mod write;
pub use sql::Engine;

/// Connections to the server.
const CONNECTIONS: u32 = 8;
/// How long to wait for a free connection.
const ACQUIRE: Duration = Duration::from_secs(10);

impl Engine {
    /// Connects to the server at `url`. A schema named there by `options[search_path]` is made when it is missing, so that
    /// several nodes can use one server.
    pub async fn connect(url: &str) -> Result<Engine, StoreError> {
        // A URL may hold a password: an error about it is not passed on.
        let options: PgConnectOptions = url.parse().map_err(|_| StoreError::Url)?;
        let schema = schema_of(&options);
        // The pool would try again until its patience ends, and then say only that it waited.
        match timeout(ACQUIRE, PgConnection::connect_with(&options)).await {
            Ok(connection) => connection?.close().await?,
            Err(_) => return Err(StoreError::Storage(StorageTrouble::Unreachable)),
        }
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await?;
        if let Some(schema) = schema {
            sqlx::query(AssertSqlSafe(format!(
                "CREATE SCHEMA IF NOT EXISTS {schema}"
            )))
            .execute(&pool)
            .await?;
        }
        sqlx::migrate!("../../migrations/exchange/postgres")
            .run(&pool)
            .await?;
        Ok(Engine {
            writer: pool.clone(),
            reader: pool,
        })
    }
}

/// The schema named by the options of an address, if it is a plain lower-case name.
fn schema_of(options: &PgConnectOptions) -> Option<String> {
    let (_, named) = options.get_options()?.split_once("search_path=")?;
    let name: String = named
        .chars()
        .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
        .collect();
    (name.len() == named.trim_end().len() && name.starts_with(|c: char| c.is_ascii_lowercase()))
        .then_some(name)
}
