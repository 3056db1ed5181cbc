//! Accepting connections: TLS for other nodes and for the centre's people, and local sockets, each within
//! [`limits`](crate::limits).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use krog_client::tls::pin_of;
use krog_federation::CallerPin;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic::transport::server::{Connected, Router};
use tracing::{debug, warn};

use crate::limits;

/// Bytes every HTTP/2 client says first (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = 24;

/// A TLS connection whose caller showed the key `pin`, if it had to show one.
pub struct TlsConnection {
    stream: TlsStream<TcpStream>,
    pin: Option<CallerPin>,
    preface: Option<Preface>,
    _place: Place,
}

/// What the caller still has to say before pings find out whether it lives. Without a deadline, whoever shakes hands and
/// then says nothing would keep its place for ever. It is not waited for before the connection is served: the node
/// greets first, and callers wait for that.
struct Preface {
    missing: usize,
    deadline: Pin<Box<Sleep>>,
}

/// What is known of the caller of a TLS connection.
#[derive(Debug, Clone)]
pub struct Caller(Option<CallerPin>);

impl Connected for TlsConnection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Self::ConnectInfo {
        Caller(self.pin)
    }
}

/// Hands the caller's pin to a service's handlers.
#[derive(Debug, Clone)]
pub struct WithPin<S>(S);

impl<S> WithPin<S> {
    /// Around this service.
    pub fn new(service: S) -> Self {
        Self(service)
    }
}

impl<S: NamedService> NamedService for WithPin<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> tower::Service<http::Request<B>> for WithPin<S>
where
    S: tower::Service<http::Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        if let Some(Caller(Some(pin))) = request.extensions().get::<Caller>().cloned() {
            request.extensions_mut().insert(pin);
        }
        self.0.call(request)
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(preface) = &mut self.preface {
            preface.missing = preface.missing.saturating_sub(buf.filled().len() - before);
            if preface.missing == 0 {
                self.preface = None;
            } else if preface.deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A place among the connections of a listener, given back when dropped.
struct Place {
    _total: OwnedSemaphorePermit,
    address: IpAddr,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Place {
    fn take(
        total: &Arc<Semaphore>,
        by_address: &Arc<Mutex<HashMap<IpAddr, usize>>>,
        address: IpAddr,
    ) -> Option<Self> {
        let permit = Arc::clone(total).try_acquire_owned().ok()?;
        let mut counts = by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= limits::CONNECTIONS_PER_ADDRESS {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Self {
            _total: permit,
            address,
            by_address: Arc::clone(by_address),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// A gRPC server with this node's limits on streams, headers and time.
pub fn server() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .max_concurrent_streams(Some(limits::STREAMS))
        .concurrency_limit_per_connection(limits::REQUESTS_PER_CONNECTION)
        .load_shed(true)
        .timeout(limits::REQUEST)
        .http2_max_header_list_size(Some(limits::REQUEST_HEADER_BYTES))
        .http2_keepalive_interval(Some(limits::KEEPALIVE))
        .http2_keepalive_timeout(Some(limits::KEEPALIVE_ANSWER))
        .max_connection_age(limits::CONNECTION_AGE)
}

/// Binds a TCP address.
///
/// # Errors
/// When the address is taken or not of this machine.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves `router` over TLS until `stop`.
///
/// # Errors
/// When the server itself fails; a single connection that fails is only closed.
pub async fn serve_tls(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    router: Router,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let (ready, accepted) = mpsc::channel::<io::Result<TlsConnection>>(16);
    let accepting = tokio::spawn(accept(listener, config, ready, stop.clone()));
    let served = router
        .serve_with_incoming_shutdown(ReceiverStream::new(accepted), stop.cancelled_owned())
        .await;
    accepting.abort();
    served
}

async fn accept(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    ready: mpsc::Sender<io::Result<TlsConnection>>,
    stop: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(config);
    let total = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let by_address = Arc::new(Mutex::new(HashMap::new()));
    loop {
        let (stream, address) = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let Some(place) = Place::take(&total, &by_address, address.ip()) else {
            debug!("too many connections; one was closed");
            continue;
        };
        let acceptor = acceptor.clone();
        let ready = ready.clone();
        tokio::spawn(async move {
            match tokio::time::timeout(limits::HANDSHAKE, shake_hands(acceptor, stream, place))
                .await
            {
                Ok(Ok(connection)) => {
                    let _ = ready.send(Ok(connection)).await;
                }
                Ok(Err(error)) => debug!(%error, "a TLS handshake failed"),
                Err(_) => debug!("a TLS handshake took too long"),
            }
        });
    }
}

async fn shake_hands(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    place: Place,
) -> io::Result<TlsConnection> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let pin = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(pin_of)
        .map(CallerPin);
    Ok(TlsConnection {
        stream,
        pin,
        preface: Some(Preface {
            missing: PREFACE_BYTES,
            deadline: Box::pin(tokio::time::sleep(limits::HANDSHAKE)),
        }),
        _place: place,
    })
}

/// Binds a local socket that only its owner may use.
///
/// # Errors
/// When the path is taken or the disk refuses.
pub fn bind_local(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves `router` over a local socket until `stop`.
///
/// # Errors
/// When the server itself fails.
pub async fn serve_local(
    listener: UnixListener,
    router: Router,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let (ready, accepted) = mpsc::channel::<io::Result<UnixStream>>(16);
    let stopping = stop.clone();
    let accepting = tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => if ready.send(Ok(stream)).await.is_err() { return },
                    Err(error) => {
                        warn!(%error, "a local connection could not be accepted");
                        tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    });
    let served = router
        .serve_with_incoming_shutdown(ReceiverStream::new(accepted), stop.cancelled_owned())
        .await;
    accepting.abort();
    served
}
