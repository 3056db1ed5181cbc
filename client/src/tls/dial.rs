//! Dialling: TCP, then TLS, then HTTP/2, each with an error that says what to do.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use krog_feed::ids::TlsPin;
use rustls::{CertificateError, ClientConfig};
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use super::pin::OtherKey;
use super::{Identity, TlsSetupError, client_config};

/// For TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a side that does not know this program's key has to say so before the first call is made. A node greets at
/// once, so that nobody waits this long except for one that greets late.
const GREETING: Duration = Duration::from_millis(700);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);

/// Why a node could not be reached.
#[derive(Debug, Clone, Error)]
pub enum DialError {
    /// Not an address.
    #[error("\"{address}\" is no address; write it as host:port, for example 192.0.2.7:7650")]
    Address {
        /// What was given.
        address: String,
    },
    /// This side's key or the pins are of no use.
    #[error(transparent)]
    Setup(#[from] TlsSetupError),
    /// Nothing answers there.
    #[error(
        "cannot reach {address}: {reason}; see that the node runs, that host and port are right, and that the network between lets you through"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// Another key than expected.
    #[error(
        "the node at {address} has another key than the one you were given (found {found}); do not go on: ask the node's operator, by another way, for the hash of its TLS key"
    )]
    OtherKey {
        /// Where.
        address: String,
        /// The hash of the key it showed.
        found: TlsPin,
    },
    /// The right certificate in the wrong hands.
    #[error(
        "what answers at {address} shows the certificate of the node but does not hold its key; do not go on: something stands between you and the node"
    )]
    NotProved {
        /// Where.
        address: String,
    },
    /// Something answers that is no node.
    #[error(
        "what answers at {address} is no node of Krog: it does not speak TLS 1.3 with HTTP/2; see that host and port are right"
    )]
    NotANode {
        /// Where.
        address: String,
    },
    /// The node does not accept this program's key.
    #[error(
        "the node at {address} refused the connection: it does not accept the key this side showed; ask its operator whether this node is in the network, or was removed"
    )]
    Refused {
        /// Where.
        address: String,
    },
}

/// Connects to the node at `address` (host:port), which must hold the key of one of `pins`.
///
/// `identity` is what this side shows; `None` where a credential is sent instead. The channel dials again by itself when
/// the connection breaks, with the same pins and identity.
///
/// # Errors
/// [`DialError`], which tells apart what cannot be reached, what has another key, what is no node, and what refused.
pub async fn connect_pinned(
    address: &str,
    pins: &[TlsPin],
    identity: Option<&Identity>,
) -> Result<Channel, DialError> {
    let config = client_config(pins, identity)?;
    let endpoint = endpoint(address)?;
    let dialled = Dialled {
        address: Arc::from(address),
        config,
    };
    let fallback = dialled.address.clone();
    let connector = tower::service_fn(move |_: http::Uri| {
        let dialled = dialled.clone();
        async move { dialled.dial().await.map(TokioIo::new) }
    });
    // The http scheme on purpose: what runs over the connector is encrypted already.
    endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|error| {
            find(&error)
                .cloned()
                .unwrap_or_else(|| DialError::Unreachable {
                    address: fallback.to_string(),
                    reason: "the connection broke off".to_owned(),
                })
        })
}

/// The reason for a failed call, when it failed because the node could not be dialled (again).
///
/// A node that does not accept this side's key may say so only at the first call.
pub fn dial_error(status: &tonic::Status) -> Option<&DialError> {
    find(status)
}

fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a DialError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<DialError>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn endpoint(address: &str) -> Result<Endpoint, DialError> {
    let wrong = || DialError::Address {
        address: address.to_owned(),
    };
    let authority: http::uri::Authority = address.parse().map_err(|_| wrong())?;
    if authority.port_u16().is_none() || authority.host().is_empty() || address.contains('@') {
        return Err(wrong());
    }
    Ok(Endpoint::from_shared(format!("http://{authority}"))
        .map_err(|_| wrong())?
        .http2_keep_alive_interval(KEEPALIVE_EVERY)
        .keep_alive_timeout(KEEPALIVE_ANSWER))
}

#[derive(Clone)]
struct Dialled {
    address: Arc<str>,
    config: Arc<ClientConfig>,
}

impl Dialled {
    async fn dial(&self) -> Result<TlsStream<TcpStream>, DialError> {
        let mut stream = timeout(CONNECT, self.connect())
            .await
            .unwrap_or_else(|_| Err(self.unreachable("no answer within five seconds")))?;
        // After its own part of the handshake a TLS 1.3 client does not know yet whether it was accepted. The server's
        // first bytes tell: its settings, or an alert.
        match timeout(GREETING, stream.fill_buf()).await {
            Ok(Ok([])) | Ok(Err(_)) => Err(self.refused()),
            Ok(Ok(_)) | Err(_) => Ok(stream),
        }
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>, DialError> {
        let tcp = TcpStream::connect(&*self.address)
            .await
            .map_err(|error| self.unreachable(plain(&error)))?;
        tcp.set_nodelay(true)
            .map_err(|error| self.unreachable(plain(&error)))?;
        let stream = TlsConnector::from(self.config.clone())
            .connect(self.name()?, tcp)
            .await
            .map_err(|error| self.handshake(&error))?;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            Ok(stream)
        } else {
            Err(self.not_a_node())
        }
    }

    /// Never sent and never compared: a node is known by its key.
    fn name(&self) -> Result<ServerName<'static>, DialError> {
        ServerName::try_from("krog.invalid").map_err(|_| self.not_a_node())
    }

    fn handshake(&self, error: &io::Error) -> DialError {
        let Some(cause) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        else {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => self.not_a_node(),
                _ => self.unreachable(plain(error)),
            };
        };
        match cause {
            rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
                match other.0.downcast_ref::<OtherKey>() {
                    Some(OtherKey { found }) => DialError::OtherKey {
                        address: self.address.to_string(),
                        found: *found,
                    },
                    None => self.not_a_node(),
                }
            }
            rustls::Error::InvalidCertificate(CertificateError::BadSignature) => {
                DialError::NotProved {
                    address: self.address.to_string(),
                }
            }
            rustls::Error::AlertReceived(
                rustls::AlertDescription::AccessDenied
                | rustls::AlertDescription::BadCertificate
                | rustls::AlertDescription::CertificateUnknown
                | rustls::AlertDescription::CertificateRequired,
            ) => self.refused(),
            _ => self.not_a_node(),
        }
    }

    fn unreachable(&self, reason: impl Into<String>) -> DialError {
        DialError::Unreachable {
            address: self.address.to_string(),
            reason: reason.into(),
        }
    }

    fn not_a_node(&self) -> DialError {
        DialError::NotANode {
            address: self.address.to_string(),
        }
    }

    fn refused(&self) -> DialError {
        DialError::Refused {
            address: self.address.to_string(),
        }
    }
}

fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::TimedOut => "no answer".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the connection was broken off".to_owned()
        }
        _ => error.to_string(),
    }
}
