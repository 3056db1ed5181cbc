//! Admitting a node by an invitation.

use krog_feed::identity::NodeInception;
use krog_feed::ids::{NetworkId, TlsPin};
use krog_feed::invitation::{Admission, InvitationFault, SignedInvitation, verify_admission};
use krog_feed::network::Standing;
use krog_proto::federation::v1 as proto;

use super::Exchange;
use crate::Error;
use crate::store::Admitted;

/// Why a node is not admitted.
#[derive(Debug, thiserror::Error)]
pub enum AdmitRefusal {
    /// The invitation is not of a network known here, or does not hold, or is not this node's to count, or used up, or
    /// past its day.
    #[error(transparent)]
    Invitation(#[from] InvitationFault),
    /// A removed node does not come back by an invitation.
    #[error(
        "the node was removed from this network; its keyholders have to take it back into the roster"
    )]
    Removed,
    /// The exchange itself.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Exchange {
    /// Uses an invitation for the node of `inception`, which came with the TLS key `pin`, and returns all versions of
    /// the roster. From then on the node may hand over its feeds from that key. Repeating it for the same node counts
    /// once.
    pub async fn admit(
        &self,
        inception: &[u8],
        admission: &proto::Admission,
        pin: TlsPin,
    ) -> Result<(NetworkId, Vec<proto::SignedRoster>), AdmitRefusal> {
        let inception = NodeInception::parse(inception).map_err(InvitationFault::from)?;
        let admission = Admission::parse(admission).map_err(InvitationFault::from)?;
        let SignedInvitation { invitation, .. } = &admission.invitation;
        let network = krog_feed::invitation::Invitation::parse(invitation)
            .map_err(InvitationFault::from)?
            .network;
        let net = match self.network(network).await {
            Err(Error::UnknownNetwork) => return Err(InvitationFault::WrongNetwork.into()),
            found => found?,
        };
        let node = inception.node();
        let (rosters, verified, again, seen) = {
            let held = net.fresh(self.store()).await.map_err(AdmitRefusal::from)?;
            let verified = verify_admission(&admission, held.view.rosters(), node)?;
            if held.view.removed(node) {
                return Err(AdmitRefusal::Removed);
            }
            let rosters = held
                .view
                .rosters()
                .versions()
                .map(|roster| roster.signed().to_proto())
                .collect();
            let again = held
                .admitted
                .iter()
                .any(|row| row.node == node && row.invitation == verified.id());
            // Feeds may tell of uses this store forgot, as after a restore.
            let stranger = held.view.standing(node.into()) == Standing::Stranger;
            let seen = if again || !stranger {
                0
            } else {
                held.view.uses(verified.id())
            };
            (
                rosters,
                verified,
                again,
                u32::try_from(seen).unwrap_or(u32::MAX),
            )
        };
        let today = self.clock().div_euclid(86_400);
        match verified.usable(self.node(), today, seen) {
            // Who was admitted in time and lost the answer may ask again.
            Err(InvitationFault::Expired) if again => {}
            usable => usable?,
        }
        let most = verified.invitation().count;
        match self
            .store()
            .admit(network, verified.id(), most, node, pin)
            .await
            .map_err(Error::from)?
        {
            Admitted::Counted => {}
            Admitted::UsedUp => return Err(InvitationFault::Used.into()),
        }
        tracing::debug!(network = %network.short(), node = %node.short(), "node admitted");
        Ok((network, rosters))
    }
}
