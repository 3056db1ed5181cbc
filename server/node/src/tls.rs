//! TLS of a node: P-256 certificates known by the hash of their key, TLS 1.3 only, no session resumption.
//!
//! Certificates carry no names that matter; a peer is whoever holds the key whose SHA-256 stands in its node's
//! descriptor. The handshake proves possession of the key; whether that key may do anything is decided at every request
//! by the exchange, so that removing a node ends its connections too, and a stranger gets an answer it can read.

use std::path::Path;
use std::sync::Arc;

use krog_client::tls::pin_of;
use krog_feed::ids::TlsPin;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use thiserror::Error;

use crate::folder::{FolderError, read_private, write_private};

/// What can go wrong with a TLS key.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file holds no usable key and certificate.
    #[error("{0} holds no usable TLS key and certificate; put back the one from a backup")]
    Unusable(String),
    /// A key could not be made.
    #[error("a TLS key could not be made: {0}")]
    Make(#[from] rcgen::Error),
    /// The configuration was refused.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// A node's TLS key with its self-signed certificate.
pub struct TlsIdentity {
    pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pin: TlsPin,
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity")
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}

impl TlsIdentity {
    /// Makes a new key and writes it to `path`, readable by its owner only.
    ///
    /// # Errors
    /// When the file exists already or the disk refuses.
    pub fn create(path: &Path) -> Result<Self, TlsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = CertificateParams::new(vec!["krog".to_owned(), "localhost".to_owned()])?
            .self_signed(&key)?;
        let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
        let identity = Self::parse(&pem, path)?;
        write_private(path, pem.as_bytes())?;
        Ok(identity)
    }

    /// Reads the key at `path`.
    ///
    /// # Errors
    /// When others may read the file too, or it holds no usable key.
    pub fn open(path: &Path) -> Result<Self, TlsError> {
        Self::parse(&read_private(path)?, path)
    }

    fn parse(pem: &str, path: &Path) -> Result<Self, TlsError> {
        let unusable = || TlsError::Unusable(path.display().to_string());
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| unusable())?;
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unusable())?;
        let pin = pin_of(&certificate).ok_or_else(unusable)?;
        Ok(Self {
            pem: pem.to_owned(),
            certificate,
            key,
            pin,
        })
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub fn pin(&self) -> TlsPin {
        self.pin
    }

    /// Key and certificate as PEM, for a client that dials out with them.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Configuration of the listener other nodes dial: every caller must show a key, any key.
///
/// # Errors
/// When the key is refused by the TLS library.
pub fn exchange_config(identity: &TlsIdentity) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider();
    let verifier = Arc::new(AnyKey(provider.signature_verification_algorithms));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
    Ok(Arc::new(without_resumption(config)))
}

/// Configuration of the listener the centre's own people dial: they show a credential instead of a key.
///
/// # Errors
/// When the key is refused by the TLS library.
pub fn centre_config(identity: &TlsIdentity) -> Result<Arc<ServerConfig>, TlsError> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
    Ok(Arc::new(without_resumption(config)))
}

fn without_resumption(mut config: ServerConfig) -> ServerConfig {
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}

/// Accepts any certificate whose key the caller proves to hold; who that is, is decided per request.
#[derive(Debug)]
struct AnyKey(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        ParsedCertificate::try_from(end_entity)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tls.pem");
        let made = TlsIdentity::create(&path).unwrap();
        let read = TlsIdentity::open(&path).unwrap();
        assert_eq!(made.pin(), read.pin());
        assert!(!format!("{made:?}").contains("PRIVATE"));
    }

    #[test]
    fn nothing_is_resumed() {
        let dir = tempfile::tempdir().unwrap();
        let identity = TlsIdentity::create(&dir.path().join("tls.pem")).unwrap();
        let config = exchange_config(&identity).unwrap();
        assert_eq!(config.send_tls13_tickets, 0);
        assert!(!config.session_storage.can_cache());
    }
}
