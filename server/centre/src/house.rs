//! Calls to the node's own exchange. The centre side is always the caller; nothing it hears is believed without proof.

use crate::feed_writer::FeedError;
use krog_feed::chain::Head;
use krog_feed::entry::RawEntry;
use krog_feed::fault::EntryFault;
use krog_feed::ids::{HeaderHash, NetworkId, WriterId};
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::house_client::HouseClient;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tonic::transport::Channel;

/// Parcels asked for in one call.
const PARCELS_ASKED: usize = 1_024;

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

/// One page of the heads of all feeds.
pub(crate) struct Heads {
    pub(crate) heads: Vec<proto::Head>,
    pub(crate) forks: Vec<proto::ForkProof>,
    pub(crate) more: bool,
}

/// The heads of all feeds after a writer; `None` from an exchange that does not know the call.
pub(crate) async fn feed_heads(
    house: &HouseClient<Channel>,
    network: NetworkId,
    after: Option<WriterId>,
) -> Result<Option<Heads>, FeedError> {
    let request = proto::FeedHeadsRequest {
        network: network.into(),
        after_writer: after.map(Vec::from).unwrap_or_default(),
    };
    let proto::FeedHeadsResponse {
        refusal,
        heads,
        forks,
        more,
    } = match house.clone().feed_heads(request).await {
        Ok(response) => response.into_inner(),
        Err(status) if status.code() == tonic::Code::Unimplemented => return Ok(None),
        Err(status) => return Err(silent(status)),
    };
    refused(refusal)?;
    Ok(Some(Heads { heads, forks, more }))
}

/// Entries of one feed, not verified yet.
pub(crate) struct Entries {
    pub(crate) entries: Vec<proto::Entry>,
    pub(crate) unknown_place: bool,
    pub(crate) more: bool,
}

/// Entries of any feed after a header.
pub(crate) async fn feed_entries(
    house: &HouseClient<Channel>,
    network: NetworkId,
    writer: WriterId,
    after: Option<HeaderHash>,
) -> Result<Entries, FeedError> {
    let request = proto::FeedEntriesRequest {
        network: network.into(),
        writer: writer.into(),
        after: after.map(Vec::from).unwrap_or_default(),
    };
    let proto::FeedEntriesResponse {
        refusal,
        entries,
        unknown_place,
        more,
    } = house
        .clone()
        .feed_entries(request)
        .await
        .map_err(silent)?
        .into_inner();
    refused(refusal)?;
    Ok(Entries {
        entries,
        unknown_place,
        more,
    })
}

/// Hands parcels over; returns the hashes of those the exchange says are on its disk.
pub(crate) async fn hand_over_parcels(
    house: &HouseClient<Channel>,
    network: NetworkId,
    parcels: Vec<Vec<u8>>,
) -> Result<Vec<[u8; 32]>, FeedError> {
    let request = proto::HandOverParcelsRequest {
        network: network.into(),
        parcels: parcels
            .into_iter()
            .map(|sealed| proto::PoolParcel { sealed })
            .collect(),
    };
    let proto::HandOverParcelsResponse { refusal, kept } = house
        .clone()
        .hand_over_parcels(request)
        .await
        .map_err(silent)?
        .into_inner();
    refused(refusal)?;
    Ok(kept
        .into_iter()
        .filter_map(|hash| hash.try_into().ok())
        .collect())
}

/// The parcels with these hashes that have arrived, by hash. What comes under a wrong hash is left out.
pub(crate) async fn collect_parcels(
    house: &HouseClient<Channel>,
    network: NetworkId,
    wanted: &[[u8; 32]],
) -> Result<BTreeMap<[u8; 32], Vec<u8>>, FeedError> {
    let mut found = BTreeMap::new();
    for wanted in wanted.chunks(PARCELS_ASKED) {
        let mut missing: Vec<[u8; 32]> = wanted.to_vec();
        loop {
            let request = proto::CollectParcelsRequest {
                network: network.into(),
                parcels: missing.iter().map(|hash| hash.to_vec()).collect(),
            };
            let proto::CollectParcelsResponse {
                refusal,
                parcels,
                more,
            } = house
                .clone()
                .collect_parcels(request)
                .await
                .map_err(silent)?
                .into_inner();
            refused(refusal)?;
            let before = missing.len();
            for proto::PoolParcel { sealed } in parcels {
                let hash: [u8; 32] = Sha256::digest(&sealed).into();
                if missing.contains(&hash) {
                    missing.retain(|wanted| *wanted != hash);
                    found.insert(hash, sealed);
                }
            }
            if !more || missing.len() == before {
                break;
            }
        }
    }
    Ok(found)
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
