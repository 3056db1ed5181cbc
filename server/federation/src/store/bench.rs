//! Stores for tests: a file in a folder of its own, or a schema of its own on the PostgreSQL that
//! `KROG_TEST_POSTGRES` names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Store;

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// One empty database.
#[derive(Clone)]
pub(crate) struct Bench {
    url: String,
    _folder: Option<Arc<tempfile::TempDir>>,
}

impl Bench {
    pub(crate) fn sqlite() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("exchange.db").display());
        Bench {
            url,
            _folder: Some(Arc::new(folder)),
        }
    }

    /// `None` when no PostgreSQL is named.
    pub(crate) async fn postgres() -> Option<Bench> {
        let server = std::env::var("KROG_TEST_POSTGRES").ok()?;
        let schema = format!(
            "krog_test_{}_{}",
            std::process::id(),
            SCHEMAS.fetch_add(1, Ordering::Relaxed)
        );
        let pool = sqlx::PgPool::connect(&server).await.unwrap();
        for statement in [
            format!("DROP SCHEMA IF EXISTS {schema} CASCADE"),
            format!("CREATE SCHEMA {schema}"),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .execute(&pool)
                .await
                .unwrap();
        }
        pool.close().await;
        let sign = if server.contains('?') { '&' } else { '?' };
        Some(Bench {
            url: format!("{server}{sign}options[search_path]={schema}"),
            _folder: None,
        })
    }

    /// Opens the database, again and again if asked.
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }
}

/// Runs each named `async fn(&Bench)` on SQLite, and on PostgreSQL when one is named.
macro_rules! on_each_engine {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() {
                super::$name(&crate::store::bench::Bench::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                if let Some(bench) = crate::store::bench::Bench::postgres().await {
                    super::$name(&bench).await;
                }
            })*
        }
    };
}
pub(crate) use on_each_engine;
