//! One round of reading from a node.

use krog_feed::limits;
use krog_feed::replication::reading::{Ask, Reading};
use krog_proto::federation::v1 as pb;
use pb::exchange_client::ExchangeClient;
use tonic::transport::Channel;

use super::{Mirror, MirrorError, Refreshed, Refused};
use crate::call::CallError;

/// Largest answer taken: a full batch with its frames, or a page of heads with proofs.
const LARGEST_ANSWER: usize = 4 * limits::BATCH_BYTES;

impl Mirror {
    /// Brings the mirror up to date from the node behind `channel`, which is answered by `krog.federation.v1.Exchange`.
    ///
    /// Only reads. What is not taken is named in the answer and in [`Mirror::faults`]; the rest stands.
    ///
    /// # Errors
    /// When the node refuses or stops answering; what was verified until then is kept.
    pub async fn refresh(&mut self, channel: Channel) -> Result<Refreshed, MirrorError> {
        let mut node = ExchangeClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        let mut reading = Reading::begin(|_| true);
        let result = self.read(&mut node, &mut reading).await;
        let refreshed = reading.refreshed().clone();
        self.restock();
        self.faults = refreshed.faults.clone();
        result.map(|()| refreshed)
    }

    async fn read(&mut self, node: &mut Node, reading: &mut Reading) -> Result<(), MirrorError> {
        let network = self.view().network();
        while let Some(ask) = reading.next(&self.replica) {
            match ask {
                Ask::Heads(after) => {
                    let request = pb::ListHeadsRequest {
                        network: network.into(),
                        after_writer: after.map(Vec::from).unwrap_or_default(),
                    };
                    let pb::ListHeadsResponse {
                        refusal,
                        heads,
                        forks,
                        more,
                    } = node
                        .list_heads(request)
                        .await
                        .map_err(CallError::from)?
                        .into_inner();
                    allowed(refusal)?;
                    reading.heads(&mut self.replica, heads, forks, more)?;
                }
                Ask::Entries(order) => {
                    let request = pb::FetchEntriesRequest {
                        network: network.into(),
                        writer: order.writer.into(),
                        after: order.after.map(Vec::from).unwrap_or_default(),
                        limit: order.limit,
                    };
                    let pb::FetchEntriesResponse {
                        refusal,
                        entries,
                        unknown_place,
                        more,
                    } = node
                        .fetch_entries(request)
                        .await
                        .map_err(CallError::from)?
                        .into_inner();
                    allowed(refusal)?;
                    reading.entries(&mut self.replica, entries, unknown_place, more);
                }
            }
        }
        Ok(())
    }
}

type Node = ExchangeClient<Channel>;

fn allowed(refusal: i32) -> Result<(), MirrorError> {
    let refused = match pb::Refusal::try_from(refusal) {
        Ok(pb::Refusal::Unspecified) => return Ok(()),
        Ok(pb::Refusal::UnknownNetwork) => Refused::UnknownNetwork,
        Ok(pb::Refusal::NotAMember) => Refused::NotAMember,
        Ok(pb::Refusal::Protocol) => Refused::Protocol,
        Ok(_) | Err(_) => Refused::Other(refusal),
    };
    Err(MirrorError::Refused(refused))
}
