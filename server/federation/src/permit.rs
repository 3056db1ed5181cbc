//! Who may ask.

use krog_feed::ids::{NetworkId, NodeId, TlsPin};
use tokio::sync::RwLockReadGuard;
use tonic::Extensions;

use crate::exchange::network::Held;
use crate::{Error, Exchange};

/// The TLS key the caller proved to hold: SHA-256 of its SubjectPublicKeyInfo. The listener puts it into every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerPin(pub TlsPin);

impl CallerPin {
    /// The pin the listener put into the request.
    pub fn of(extensions: &Extensions) -> Option<CallerPin> {
        extensions.get::<CallerPin>().copied()
    }
}

/// Proof that a caller belongs to a network at this moment. Made anew for every request, so that who is removed is
/// refused on an open connection too.
#[derive(Debug)]
pub(crate) struct Permit {
    network: NetworkId,
    node: NodeId,
    pin: TlsPin,
}

impl Permit {
    /// The permit of a caller for a network as it is held now; `None` for everybody else.
    fn of(caller: CallerPin, held: &Held) -> Option<Permit> {
        let CallerPin(pin) = caller;
        let node = held.member_by_pin(pin)?;
        Some(Permit {
            network: held.view.network(),
            node,
            pin,
        })
    }

    /// The permit of a caller for a network of this exchange. An unknown network and one the caller does not belong to
    /// are the same to it: `None`.
    pub(crate) async fn ask(
        exchange: &Exchange,
        caller: Option<CallerPin>,
        network: NetworkId,
    ) -> Result<Option<Permit>, Error> {
        let Some(caller) = caller else {
            return Ok(None);
        };
        let net = match exchange.network(network).await {
            Err(Error::UnknownNetwork) => return Ok(None),
            found => found?,
        };
        let held: RwLockReadGuard<'_, Held> = net.fresh(exchange.store()).await?;
        Ok(Permit::of(caller, &held))
    }

    /// The network it is for.
    pub(crate) fn network(&self) -> NetworkId {
        self.network
    }

    /// The node it is for.
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// The TLS key the node came with.
    pub(crate) fn pin(&self) -> TlsPin {
        self.pin
    }
}
