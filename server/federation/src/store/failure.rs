//! What goes wrong with a store, and which of it is the disk's doing.

/// Why the store cannot take or give anything just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageTrouble {
    /// No space is left.
    #[error("the disk is full")]
    Full,
    /// Writing is not allowed.
    #[error("the database is read-only")]
    ReadOnly,
    /// Another process holds the lock, or all connections are busy.
    #[error("the database is busy")]
    Busy,
    /// The disk or the server does not answer as it should.
    #[error("the database cannot be reached")]
    Unreachable,
}

/// What goes wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the store is of no known kind.
    #[error("the store's address must be sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Url,
    /// Nothing was written; it may succeed later.
    #[error("{0}; nothing was written: make room or restore access, and it goes on by itself")]
    Storage(StorageTrouble),
    /// The tables are not those this program knows.
    #[error(
        "the store's tables do not fit this program: it was written by a newer version or changed by hand"
    )]
    Migration(#[source] Box<sqlx::migrate::MigrateError>),
    /// The store holds what it should not: which table and column.
    #[error(
        "the store is damaged at {table}.{column}: restore it from a backup, or from peers into an empty store"
    )]
    Damaged {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A statement failed for a reason of this program's own.
    #[error("the store refused a statement")]
    Statement(#[source] sqlx::Error),
}

impl StoreError {
    /// True when the same may succeed later without anything else being done.
    pub fn is_storage(&self) -> bool {
        matches!(self, StoreError::Storage(_))
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> StoreError {
        match error {
            sqlx::migrate::MigrateError::Execute(error)
            | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => error.into(),
            other => StoreError::Migration(Box::new(other)),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let trouble = match &error {
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed => {
                Some(StorageTrouble::Unreachable)
            }
            sqlx::Error::PoolTimedOut => Some(StorageTrouble::Busy),
            sqlx::Error::Database(database) => {
                database.code().and_then(|code| trouble_of_code(&code))
            }
            _ => None,
        };
        match trouble {
            Some(trouble) => StoreError::Storage(trouble),
            None => StoreError::Statement(error),
        }
    }
}

/// SQLite gives extended result codes (the low byte is the primary one), PostgreSQL five-character SQLSTATEs.
fn trouble_of_code(code: &str) -> Option<StorageTrouble> {
    if code.len() == 5 {
        return match code {
            "53100" | "53200" => Some(StorageTrouble::Full),
            "25006" => Some(StorageTrouble::ReadOnly),
            "40001" | "40P01" | "55P03" | "53300" => Some(StorageTrouble::Busy),
            _ if code.starts_with("57P") || code.starts_with("58") || code.starts_with("08") => {
                Some(StorageTrouble::Unreachable)
            }
            _ => None,
        };
    }
    match code.parse::<u32>().ok()? & 0xff {
        13 => Some(StorageTrouble::Full),
        8 => Some(StorageTrouble::ReadOnly),
        5 | 6 => Some(StorageTrouble::Busy),
        10 | 14 => Some(StorageTrouble::Unreachable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_read_only_disks_are_known_on_both_engines() {
        assert_eq!(trouble_of_code("13"), Some(StorageTrouble::Full));
        assert_eq!(trouble_of_code("53100"), Some(StorageTrouble::Full));
        assert_eq!(trouble_of_code("1032"), Some(StorageTrouble::ReadOnly));
        assert_eq!(trouble_of_code("25006"), Some(StorageTrouble::ReadOnly));
        assert_eq!(trouble_of_code("778"), Some(StorageTrouble::Unreachable));
        assert_eq!(trouble_of_code("2067"), None);
        assert_eq!(trouble_of_code("23505"), None);
    }
}
