//! Pipes instead of sockets: each carries the TLS key its dialler would have proved, as the node's listener does it.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use krog_feed::ids::TlsPin;
use krog_proto::federation::v1::exchange_server::{Exchange as ExchangeRpc, ExchangeServer};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Server};

use crate::{CallerPin, DialError, Exchange, Syncer};

/// A connection with the key its dialler proved.
pub(crate) struct Pipe(DuplexStream, CallerPin);

impl Connected for Pipe {
    type ConnectInfo = CallerPin;

    fn connect_info(&self) -> CallerPin {
        self.1
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The dialler's end, which breaks after so many bytes were read from it.
pub(crate) struct Frail(DuplexStream, Arc<AtomicI64>);

impl AsyncRead for Frail {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.1.load(Ordering::Relaxed) < 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        self.1
            .fetch_sub((buf.filled().len() - before) as i64, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for Frail {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

type Listeners = BTreeMap<String, (TlsPin, mpsc::Sender<io::Result<Pipe>>)>;

/// Who listens where, and with which key; and how many bytes connections made from now on live.
#[derive(Clone)]
pub(crate) struct Wires(Arc<Mutex<Listeners>>, Arc<AtomicI64>);

impl Default for Wires {
    fn default() -> Wires {
        Wires(Arc::default(), Arc::new(AtomicI64::new(i64::MAX)))
    }
}

impl Wires {
    /// Lets connections made from now on break after so many bytes.
    pub(crate) fn break_after(&self, bytes: i64) {
        self.1.store(bytes, Ordering::Relaxed);
    }

    /// Serves the exchange's peer services at an address.
    pub(crate) fn listen(&self, address: &str, pin: TlsPin, exchange: &Exchange) {
        let receiver = self.arrivals(address, pin);
        let (peer, library) = exchange.peer_services();
        let server = Server::builder().add_service(peer).add_service(library);
        tokio::spawn(server.serve_with_incoming(ReceiverStream::new(receiver)));
    }

    /// Serves what the node's own centre side may call.
    pub(crate) fn listen_house(&self, address: &str, pin: TlsPin, syncer: &Syncer) {
        let receiver = self.arrivals(address, pin);
        let (house, library) = syncer.local_services();
        let server = Server::builder().add_service(house).add_service(library);
        tokio::spawn(server.serve_with_incoming(ReceiverStream::new(receiver)));
    }

    /// Serves any other exchange at an address.
    pub(crate) fn listen_as<E: ExchangeRpc>(&self, address: &str, pin: TlsPin, exchange: E) {
        let receiver = self.arrivals(address, pin);
        let server = Server::builder().add_service(ExchangeServer::new(exchange));
        tokio::spawn(server.serve_with_incoming(ReceiverStream::new(receiver)));
    }

    /// Accepts connections at an address and never says a word.
    pub(crate) fn listen_in_silence(&self, address: &str, pin: TlsPin) {
        let mut receiver = self.arrivals(address, pin);
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Some(pipe) = receiver.recv().await {
                open.push(pipe);
            }
        });
    }

    fn arrivals(&self, address: &str, pin: TlsPin) -> mpsc::Receiver<io::Result<Pipe>> {
        let (sender, receiver) = mpsc::channel(16);
        let mut listeners = self.0.lock().unwrap();
        listeners.insert(address.to_owned(), (pin, sender));
        receiver
    }

    pub(crate) async fn connect(
        &self,
        address: &str,
        pins: &[TlsPin],
        own: TlsPin,
    ) -> Result<Channel, DialError> {
        let unreachable = || DialError {
            reason: "nobody listens there".to_owned(),
        };
        let (pin, sender) = self
            .0
            .lock()
            .unwrap()
            .get(address)
            .cloned()
            .ok_or_else(unreachable)?;
        if !pins.contains(&pin) {
            return Err(DialError {
                reason: "another key answers there".to_owned(),
            });
        }
        let life = Arc::new(AtomicI64::new(self.1.load(Ordering::Relaxed)));
        let mut pipe = Some(move || {
            let (here, there) = tokio::io::duplex(1 << 20);
            (Frail(here, life), Pipe(there, CallerPin(own)))
        });
        let connector = tower::service_fn(move |_| {
            let (sender, made) = (sender.clone(), pipe.take());
            async move {
                let (here, there) = made.ok_or_else(|| io::Error::other("one pipe only"))?();
                sender
                    .send(Ok(there))
                    .await
                    .map_err(|_| io::Error::other("nobody listens"))?;
                Ok::<_, io::Error>(TokioIo::new(here))
            }
        });
        let endpoint = Endpoint::from_static("http://peer");
        endpoint
            .connect_with_connector(connector)
            .await
            .map_err(|_| unreachable())
    }
}
