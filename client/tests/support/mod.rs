//! A small TLS server with one gRPC service, for tests of what dials it.
#![allow(dead_code, reason = "not every test file uses all of it")]

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use krog_client::tls::{Identity, pin_of};
use krog_feed::ids::TlsPin;
use krog_proto::centre::v1 as pb;
use pb::desk_server::{Desk, DeskServer};
use rustls::crypto::aws_lc_rs;
use rustls::server::{ResolvesServerCert, danger::ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status};

/// A P-256 key with its self-signed certificate.
pub struct Keys {
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    key: Vec<u8>,
}

impl Keys {
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["krog".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        Self {
            pem: format!("{}{}", key.serialize_pem(), certificate.pem()),
            certificate: certificate.der().clone(),
            key: key.serialize_der(),
        }
    }

    pub fn pin(&self) -> TlsPin {
        pin_of(&self.certificate).unwrap()
    }

    pub fn identity(&self) -> Identity {
        Identity::from_pem(&self.pem, &self.pem).unwrap()
    }

    fn private(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    /// Serves this key, asking nothing of who calls.
    pub fn open_config(&self) -> ServerConfig {
        self.with_alpn(
            Self::builder()
                .with_no_client_auth()
                .with_single_cert(vec![self.certificate.clone()], self.private())
                .unwrap(),
        )
    }

    /// Serves this key to who holds the key of `pin` only.
    pub fn closed_config(&self, pin: TlsPin) -> ServerConfig {
        self.with_alpn(
            Self::builder()
                .with_client_cert_verifier(Arc::new(OnlyPin(pin)))
                .with_single_cert(vec![self.certificate.clone()], self.private())
                .unwrap(),
        )
    }

    /// Shows the certificate of `other` but signs with this key.
    pub fn impostor_config(&self, other: &Self) -> ServerConfig {
        let key = aws_lc_rs::sign::any_supported_type(&self.private()).unwrap();
        let shown = CertifiedKey::new(vec![other.certificate.clone()], key);
        self.with_alpn(
            Self::builder()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(Always(Arc::new(shown)))),
        )
    }

    fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
    }

    fn with_alpn(&self, mut config: ServerConfig) -> ServerConfig {
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[derive(Debug)]
struct OnlyPin(TlsPin);

impl ClientCertVerifier for OnlyPin {
    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: rustls_pki_types::UnixTime,
    ) -> Result<rustls::server::danger::ClientCertVerified, rustls::Error> {
        if pin_of(end_entity) == Some(self.0) {
            Ok(rustls::server::danger::ClientCertVerified::assertion())
        } else {
            Err(rustls::CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Err(rustls::PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The stream of a caller, as tonic wants it.
pub struct PeerStream(TlsStream<TcpStream>);

impl Connected for PeerStream {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
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

/// Knows one credential.
pub struct OneDesk;

#[tonic::async_trait]
impl Desk for OneDesk {
    async fn who_am_i(
        &self,
        request: Request<pb::WhoAmIRequest>,
    ) -> Result<Response<pb::WhoAmIResponse>, Status> {
        let shown = request
            .metadata()
            .get("authorization")
            .map(|value| value.as_bytes());
        if shown != Some(b"Bearer krog-guardian-right") {
            return Err(Status::unauthenticated(""));
        }
        Ok(Response::new(pb::WhoAmIResponse {
            centre: "Lipa".to_owned(),
            role: "guardian".to_owned(),
            today: "2026-04-01".to_owned(),
            ..Default::default()
        }))
    }
}

/// Serves [`OneDesk`] over TLS on a free port; its address.
pub async fn serve_tls(config: ServerConfig) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (accepted, incoming) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(tls) = acceptor.accept(tcp).await {
                let _ = accepted.send(Ok::<_, io::Error>(PeerStream(tls))).await;
            }
        }
    });
    tokio::spawn(
        Server::builder()
            .add_service(DeskServer::new(OneDesk))
            .serve_with_incoming(ReceiverStream::new(incoming)),
    );
    address
}
