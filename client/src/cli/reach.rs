//! From the command line to a connection.

use krog_proto::federation::v1::library_client::LibraryClient;
use tonic::transport::Channel;

use super::CliError;
use super::args::ReachArgs;
use super::credentials;
use crate::centre::{CentreClient, Credential};
use crate::socket::connect_unix;
use crate::tls::connect_pinned;

/// Largest answer of the library: ten thousand templates would not fit, a network's usual hundreds do.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

impl ReachArgs {
    /// The centre, with the caller's credential.
    pub(super) async fn centre(&self) -> Result<CentreClient, CliError> {
        let file = credentials::choose(self)?;
        let credential = Credential::read(&file)?;
        let channel = match (&self.address, &self.pin) {
            (Some(address), Some(pin)) => connect_pinned(address, &[*pin], None).await?,
            _ => connect_unix(self.node.join("run").join("centre.sock")).await?,
        };
        Ok(CentreClient::new(channel, credential))
    }

    /// What is public in the network, from the exchange of the node on this machine.
    pub(super) async fn library(&self) -> Result<LibraryClient<Channel>, CliError> {
        let channel = connect_unix(self.node.join("run").join("exchange.sock")).await?;
        Ok(LibraryClient::new(channel).max_decoding_message_size(LARGEST_ANSWER))
    }
}
