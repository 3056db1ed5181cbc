//! Connections to a node that is known by the hash of its key.
//!
//! There is no certificate authority and no name: the other side is right when it proves to hold the key whose SHA-256
//! was given beforehand. TLS 1.3 only, no resumption of sessions, so that a changed pin holds from the next connection.

mod dial;
mod pin;

pub use dial::{DialError, connect_pinned, dial_error};
pub use pin::{PinVerifier, pin_of};

use std::fmt;
use std::sync::Arc;

use krog_feed::ids::TlsPin;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

/// Why a key or a configuration cannot be used.
#[derive(Debug, Clone, Error)]
pub enum TlsSetupError {
    /// The text holds no certificate or no private key.
    #[error(
        "no usable certificate and private key in the given PEM text; give the file the node made"
    )]
    NotAnIdentity,
    /// No pin was given, so that no node could be right.
    #[error("no key of the node was given; give the hash of its TLS key (64 hexadecimal digits)")]
    NoPin,
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Refused(#[from] rustls::Error),
}

/// The certificate and key with which this program says who it is.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads both from PEM text. The two arguments may be the same text when one file holds both.
    ///
    /// # Errors
    /// When either is missing or cannot be read.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, TlsSetupError> {
        Ok(Self {
            certificate: CertificateDer::from_pem_slice(certificate.as_bytes())
                .map_err(|_| TlsSetupError::NotAnIdentity)?,
            key: PrivateKeyDer::from_pem_slice(key.as_bytes())
                .map_err(|_| TlsSetupError::NotAnIdentity)?,
        })
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            certificate: self.certificate.clone(),
            key: self.key.clone_key(),
        }
    }
}

/// Silent about the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("pin", &pin_of(&self.certificate))
            .finish_non_exhaustive()
    }
}

/// The configuration of a connection to a node with one of these keys.
///
/// # Errors
/// When no pin is given or the identity's key is of no use to the TLS library.
pub fn client_config(
    pins: &[TlsPin],
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>, TlsSetupError> {
    if pins.is_empty() {
        return Err(TlsSetupError::NoPin);
    }
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(PinVerifier::new(pins, &provider));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        Some(identity) => builder
            .with_client_auth_cert(vec![identity.certificate.clone()], identity.key.clone_key())?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}
