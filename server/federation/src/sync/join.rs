//! Joining a network by a token.

use krog_feed::identity::NodeInception;
use krog_feed::ids::NetworkId;
use krog_feed::invitation::{Admission, Invitation, JoinToken, admission_for};
use krog_proto::federation::v1 as proto;

use super::call::Line;
use super::{KnownPeer, PeerAddress, SyncFailure, Syncer, reach};
use crate::Error;

/// Why joining failed. Nothing was kept, and the same token may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The inception record is another node's.
    #[error(
        "this node's identity does not fit its exchange: use the folder in which the node was made"
    )]
    AnotherNode,
    /// The token's invitation cannot be read.
    #[error("the token cannot be read: copy it whole, or ask for a new one")]
    Token,
    /// The admitting node was not reached, or refused.
    #[error(transparent)]
    Failed(#[from] SyncFailure),
}

impl Syncer {
    /// Uses a token: asks the admitting node, verifies the rosters it answers from the genesis the token names, adds the
    /// network and remembers the peer. Returns the admission, to be written into the office's feed. Repeating it is
    /// harmless.
    pub async fn join(
        &self,
        token: &JoinToken,
        inception: &NodeInception,
    ) -> Result<(NetworkId, Admission), JoinError> {
        let node = inception.node();
        if node != self.exchange.node() {
            return Err(JoinError::AnotherNode);
        }
        let admitting = Invitation::parse(&token.invitation().invitation)
            .map_err(|_| JoinError::Token)?
            .admitting_node;
        let network = token.network();
        let address = PeerAddress {
            address: token.address().as_str().to_owned(),
            pins: vec![token.tls_pin()],
        };
        let peer = KnownPeer {
            node: Some(admitting),
            addresses: vec![address.address.clone()],
            pins: address.pins.clone(),
        };
        let channel = reach(self.dial.clone(), &peer).await?;
        let admission = admission_for(token, node);
        let request = proto::AdmitRequest {
            inception: inception.encode().to_vec(),
            admission: Some(admission.to_proto()),
        };
        let rosters = Line::new(network, channel).admit(request).await?;
        let own = |error: Error| JoinError::Failed(SyncFailure::Own(error));
        self.exchange
            .add_network(network, rosters)
            .await
            .map_err(own)?;
        self.exchange
            .remember_peer(network, &address, Some(admitting))
            .await
            .map_err(own)?;
        Ok((network, admission))
    }
}
