//! Connections to the node on this machine, through the sockets in its folder.

use std::io;
use std::path::Path;

use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

/// Why a local socket could not be reached.
#[derive(Debug, Error)]
pub enum SocketError {
    /// There is no socket.
    #[error(
        "no node is running here: there is no socket {path}; start it with `krogd run`, or name the node's folder with --node"
    )]
    NotThere {
        /// The socket's path.
        path: String,
    },
    /// A socket that nobody serves any more.
    #[error("the node is not running: nobody answers at {path}; start it with `krogd run`")]
    NotServed {
        /// The socket's path.
        path: String,
    },
    /// Not allowed.
    #[error("{path} belongs to another user; run this as the user the node runs as")]
    Forbidden {
        /// The socket's path.
        path: String,
    },
    /// Anything else.
    #[error("cannot connect to {path}: {reason}")]
    Other {
        /// The socket's path.
        path: String,
        /// What the system said.
        reason: String,
    },
}

/// Connects to the socket at `path`. The channel dials again by itself when the connection breaks.
///
/// # Errors
/// [`SocketError`], which says whether the node runs at all.
pub async fn connect_unix(path: impl AsRef<Path>) -> Result<Channel, SocketError> {
    let path = path.as_ref().to_path_buf();
    // Tried once by hand: the error of the system is lost in the channel's.
    drop(
        UnixStream::connect(&path)
            .await
            .map_err(|error| explain(&path, &error))?,
    );
    let connector = {
        let path = path.clone();
        tower::service_fn(move |_: http::Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        })
    };
    // The address is not looked at by the connector.
    Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await
        .map_err(|error| SocketError::Other {
            path: path.display().to_string(),
            reason: error.to_string(),
        })
}

fn explain(path: &Path, error: &io::Error) -> SocketError {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound => SocketError::NotThere { path },
        io::ErrorKind::ConnectionRefused => SocketError::NotServed { path },
        io::ErrorKind::PermissionDenied => SocketError::Forbidden { path },
        _ => SocketError::Other {
            path,
            reason: error.to_string(),
        },
    }
}
