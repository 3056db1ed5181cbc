//! Dialling other nodes: pinned mutual TLS through the client's connector.

use krog_client::tls::{Identity, TlsSetupError, connect_pinned};
use krog_federation::sync::{Dial, DialError, PeerAddress};

use crate::tls::TlsIdentity;

/// Dials peers with this node's TLS key.
#[derive(Debug)]
pub struct PinnedDial {
    identity: Identity,
}

impl PinnedDial {
    /// Dials as the holder of `identity`.
    ///
    /// # Errors
    /// When the key cannot be used by a client.
    pub fn new(identity: &TlsIdentity) -> Result<Self, TlsSetupError> {
        Ok(Self {
            identity: Identity::from_pem(identity.pem(), identity.pem())?,
        })
    }
}

#[tonic::async_trait]
impl Dial for PinnedDial {
    async fn dial(&self, peer: &PeerAddress) -> Result<tonic::transport::Channel, DialError> {
        connect_pinned(&peer.address, &peer.pins, Some(&self.identity))
            .await
            .map_err(|error| DialError {
                reason: error.to_string(),
            })
    }
}
