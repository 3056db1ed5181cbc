//! Calls to the node's own exchange. The centre side is always the caller; nothing it hears is believed without proof.

use crate::feed_writer::FeedError;
use krog_feed::chain::Head;
use krog_feed::entry::RawEntry;
use krog_feed::fault::EntryFault;
use krog_feed::ids::{HeaderHash, NetworkId, WriterId};
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::house_client::HouseClient;
use tonic::transport::Channel;

/// One page of the own feed as the network knows it.
pub(crate) struct Page {
    pub(crate) entries: Vec<RawEntry>,
    pub(crate) more: bool,
    pub(crate) unknown_place: bool,
    pub(crate) peers_answered: u32,
    pub(crate) other_nodes: u32,
}

/// Asks what the network has of the own feed after `after`.
pub(crate) async fn own_feed(
    house: &HouseClient<Channel>,
    network: NetworkId,
    writer: WriterId,
    after: Option<HeaderHash>,
) -> Result<Page, FeedError> {
    let request = proto::OwnFeedRequest {
        network: network.into(),
        writer: writer.into(),
        after: after.map(Vec::from).unwrap_or_default(),
    };
    let proto::OwnFeedResponse {
        refusal,
        entries,
        more,
        unknown_place,
        peers_answered,
        other_nodes,
    } = house
        .clone()
        .own_feed(request)
        .await
        .map_err(silent)?
        .into_inner();
    refused(refusal)?;
    Ok(Page {
        entries: entries
            .into_iter()
            .map(RawEntry::parse)
            .collect::<Result<_, _>>()
            .map_err(FeedError::NotOurs)?,
        more,
        unknown_place,
        peers_answered,
        other_nodes,
    })
}

/// Hands entries over; returns the head the exchange says is on its disk.
pub(crate) async fn hand_over(
    house: &HouseClient<Channel>,
    network: NetworkId,
    writer: WriterId,
    entries: &[RawEntry],
) -> Result<Head, FeedError> {
    let request = proto::HandOverRequest {
        network: network.into(),
        entries: entries.iter().map(RawEntry::to_proto).collect(),
    };
    let proto::HandOverResponse { refusal, outcomes } = house
        .clone()
        .hand_over(request)
        .await
        .map_err(silent)?
        .into_inner();
    refused(refusal)?;
    let outcome = outcomes
        .into_iter()
        .find(|outcome| outcome.writer == writer.as_bytes());
    let proto::FeedOutcome {
        writer: _,
        head,
        fault,
    } = outcome.ok_or(FeedError::Refused(
        "it does not say what became of the entries; update the node",
    ))?;
    if let Some(fault) = EntryFault::from_proto(fault) {
        return Err(FeedError::Rejected(fault));
    }
    let head = head.ok_or(FeedError::Rejected(EntryFault::Gap))?;
    Head::parse(&head).map_err(FeedError::Rejected)
}

/// The rosters of a network, oldest first, not verified yet.
pub(crate) async fn rosters(
    house: &HouseClient<Channel>,
    network: NetworkId,
) -> Result<Vec<proto::SignedRoster>, FeedError> {
    let request = proto::RostersRequest {
        network: network.into(),
    };
    let proto::RostersResponse { rosters } = house
        .clone()
        .rosters(request)
        .await
        .map_err(silent)?
        .into_inner();
    Ok(rosters)
}

fn silent(status: tonic::Status) -> FeedError {
    FeedError::HouseSilent {
        code: status.code(),
    }
}

fn refused(refusal: i32) -> Result<(), FeedError> {
    use proto::Refusal;
    Err(FeedError::Refused(match Refusal::try_from(refusal) {
        Ok(Refusal::Unspecified) => return Ok(()),
        Ok(Refusal::UnknownNetwork) => {
            "the network is not known to it yet; join the network with this node"
        }
        Ok(Refusal::NotAMember) => {
            "this node is not, or no longer, of the network; ask a keyholder"
        }
        Ok(Refusal::Protocol) => {
            "it speaks another version; run one version on both sides of the node"
        }
        Ok(Refusal::InvitationInvalid) => {
            "the invitation does not hold; ask a keyholder for a new one"
        }
        Ok(Refusal::InvitationExpired) => {
            "the invitation has expired; ask a keyholder for a new one"
        }
        Ok(Refusal::InvitationUsed) => "the invitation is used up; ask a keyholder for a new one",
        Ok(Refusal::WrongNode) => "another node counts this invitation; ask a keyholder which",
        Ok(Refusal::TooLarge) => {
            "more was sent than the limits allow; run one version on both sides of the node"
        }
        Ok(Refusal::Storage) => {
            "it cannot write to its disk now; free space, it is tried again by itself"
        }
        Err(_) => "for a reason this version does not know; update the node",
    }))
}
