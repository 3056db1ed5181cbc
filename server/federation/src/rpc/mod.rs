//! The services. What a caller may know comes as an answer, refusals included; a gRPC status tells only of malformed
//! requests and of faults of this node.

mod doorkeeper;
mod house;
mod library;
mod peer;
mod wire;

use std::sync::Arc;

use krog_proto::federation::v1::exchange_server::ExchangeServer;
use krog_proto::federation::v1::house_server::HouseServer;
use krog_proto::federation::v1::library_server::LibraryServer;

pub use doorkeeper::Doorkeeper;
pub use house::HouseService;
pub use library::LibraryService;
pub use peer::PeerService;

use crate::limits::{REQUEST_BYTES, STRANGER_REQUEST_BYTES};
use crate::{Exchange, Syncer};

impl Exchange {
    /// The services for other nodes. The listener must put the [`CallerPin`](crate::CallerPin) of a verified TLS
    /// connection into every request; without one everybody is a stranger.
    pub fn peer_services(
        &self,
    ) -> (
        Doorkeeper<ExchangeServer<PeerService>>,
        LibraryServer<LibraryService>,
    ) {
        let service = Arc::new(PeerService::new(self.clone()));
        let reading =
            |bytes| ExchangeServer::from_arc(service.clone()).max_decoding_message_size(bytes);
        let exchange = Doorkeeper::new(
            self.clone(),
            reading(REQUEST_BYTES),
            reading(STRANGER_REQUEST_BYTES),
        );
        // What is asked of a library is short, whoever asks.
        let library = LibraryServer::new(LibraryService::for_peers(self.clone()))
            .max_decoding_message_size(STRANGER_REQUEST_BYTES);
        (exchange, library)
    }
}

impl Syncer {
    /// The services for this node's own centre side, to be offered on a local socket that only it can open.
    pub fn local_services(&self) -> (HouseServer<HouseService>, LibraryServer<LibraryService>) {
        (
            HouseServer::new(HouseService::new(self.clone()))
                .max_decoding_message_size(REQUEST_BYTES),
            LibraryServer::new(LibraryService::for_house(self.exchange().clone()))
                .max_decoding_message_size(REQUEST_BYTES),
        )
    }
}
