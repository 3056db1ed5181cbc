//! The check that the other side holds the key it should.

use std::sync::Arc;

use krog_feed::ids::TlsPin;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, OtherError, PeerIncompatible, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// SHA-256 of the SubjectPublicKeyInfo of a certificate. `None` when it is none.
pub fn pin_of(certificate: &CertificateDer<'_>) -> Option<TlsPin> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let digest = Sha256::digest(parsed.subject_public_key_info().as_ref());
    Some(TlsPin::from(<[u8; 32]>::from(digest)))
}

/// The other side proved to hold a key, but not one that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the key {found} is not one of those expected")]
pub(super) struct OtherKey {
    pub found: TlsPin,
}

/// Accepts a server that holds one of the expected keys, whatever else its certificate says.
///
/// Names, dates and issuers are not looked at: the pin came from a signed feed or an invitation, and stands for the node.
/// That the server holds the private half is proved by its signature of this handshake, which is really checked.
#[derive(Debug)]
pub struct PinVerifier {
    pins: Vec<TlsPin>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinVerifier {
    /// Expects one of `pins`; signatures are checked with the algorithms of `provider`.
    pub fn new(pins: &[TlsPin], provider: &Arc<CryptoProvider>) -> Self {
        Self {
            pins: pins.to_vec(),
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = pin_of(end_entity).ok_or(CertificateError::BadEncoding)?;
        if self.pins.contains(&found) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::Other(OtherError(Arc::new(OtherKey { found }))).into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
