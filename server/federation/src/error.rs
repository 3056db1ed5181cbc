//! What goes wrong in an exchange, and the one place where it becomes a gRPC status.

use tonic::Status;

use crate::store::StoreError;

/// What goes wrong in an exchange.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is another node's.
    #[error(
        "this store belongs to node {found}, not {expected}: point the node at its own folder or database"
    )]
    AnotherNode {
        /// First digits of the node the store belongs to.
        found: String,
        /// First digits of the node that opened it.
        expected: String,
    },
    /// The network is not here.
    #[error("the network is not known here: join it first")]
    UnknownNetwork,
    /// Rosters that do not form a valid chain from the network's genesis.
    #[error("the rosters do not prove the network: ask for a new invitation ({0})")]
    Roster(String),
    /// Another exchange on the same database was first every time.
    #[error("other exchanges on this database were first each time: try again")]
    Contended,
}

impl Error {
    /// True when nothing could be written for now and the same may succeed later.
    pub fn is_storage(&self) -> bool {
        match self {
            Error::Store(error) => error.is_storage(),
            Error::Contended => true,
            Error::AnotherNode { .. } | Error::UnknownNetwork | Error::Roster(_) => false,
        }
    }
}

impl From<Error> for Status {
    /// For what is no answer: faults of this node. What happened stands in its log, not on the wire.
    fn from(error: Error) -> Status {
        if error.is_storage() {
            tracing::warn!(%error, "store not available");
            return Status::unavailable("the store is not available; try again later");
        }
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%error, source, "request failed");
        Status::internal("internal fault; see the node's log")
    }
}
