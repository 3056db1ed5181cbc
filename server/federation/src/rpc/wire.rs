//! Reading what callers send, once.

use krog_feed::ids::{HeaderHash, NetworkId, NodeId, ParcelHash, WriterId};
use krog_proto::federation::v1 as proto;
use tonic::Status;

use crate::exchange::Taken;
use crate::limits::{BATCH_BYTES, BATCH_ENTRIES, PARCELS_NAMED};

pub(super) fn network(bytes: &[u8]) -> Result<NetworkId, Status> {
    NetworkId::try_from(bytes).map_err(|_| Status::invalid_argument("network must be 32 bytes"))
}

pub(super) fn node(bytes: &[u8]) -> Result<NodeId, Status> {
    NodeId::try_from(bytes).map_err(|_| Status::invalid_argument("node must be 32 bytes"))
}

pub(super) fn writer(bytes: &[u8]) -> Result<WriterId, Status> {
    WriterId::try_from(bytes).map_err(|_| Status::invalid_argument("writer must be 32 bytes"))
}

pub(super) fn writer_or_none(bytes: &[u8]) -> Result<Option<WriterId>, Status> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        writer(bytes).map(Some)
    }
}

pub(super) fn hash_or_none(bytes: &[u8]) -> Result<Option<HeaderHash>, Status> {
    if bytes.is_empty() {
        return Ok(None);
    }
    HeaderHash::try_from(bytes)
        .map(Some)
        .map_err(|_| Status::invalid_argument("after must be 32 bytes or empty"))
}

/// Whether a batch is more than one call may hold.
pub(super) fn is_too_large(entries: &[proto::Entry]) -> bool {
    // Tags and lengths around an entry stay below 24 bytes, as in `RawEntry::size`.
    let size = |entry: &proto::Entry| {
        24 + entry.header.len() + entry.signature.len() + entry.payload.as_ref().map_or(0, Vec::len)
    };
    entries.len() > BATCH_ENTRIES || entries.iter().map(size).sum::<usize>() > BATCH_BYTES
}

/// The parcels a call names; `None` when they are more than one call may name.
pub(super) fn parcel_hashes(named: &[Vec<u8>]) -> Result<Option<Vec<ParcelHash>>, Status> {
    if named.len() > PARCELS_NAMED {
        return Ok(None);
    }
    named
        .iter()
        .map(|bytes| ParcelHash::try_from(bytes.as_slice()))
        .collect::<Result<_, _>>()
        .map(Some)
        .map_err(|_| Status::invalid_argument("each of parcels must be 32 bytes"))
}

/// The bytes of a batch of parcels; `None` when it is more than one call may hold.
pub(super) fn sealed(parcels: Vec<proto::PoolParcel>) -> Option<Vec<Vec<u8>>> {
    if parcels.len() > BATCH_ENTRIES {
        return None;
    }
    let sealed: Vec<Vec<u8>> = parcels
        .into_iter()
        .map(|proto::PoolParcel { sealed }| sealed)
        .collect();
    // As around an entry.
    let size: usize = sealed.iter().map(|sealed| 24 + sealed.len()).sum();
    (size <= BATCH_BYTES).then_some(sealed)
}

/// Parcels for the wire.
pub(super) fn pool_parcels(parcels: Vec<(ParcelHash, Vec<u8>)>) -> Vec<proto::PoolParcel> {
    parcels
        .into_iter()
        .map(|(_, sealed)| proto::PoolParcel { sealed })
        .collect()
}

/// Hashes for the wire.
pub(super) fn hashes(parcels: Vec<ParcelHash>) -> Vec<Vec<u8>> {
    parcels.into_iter().map(Vec::from).collect()
}

/// The outcomes of a batch. A batch of which nothing at all can be read is no request.
pub(super) fn outcomes(taken: &Taken) -> Result<Vec<proto::FeedOutcome>, Status> {
    if taken.feeds.is_empty() && taken.unreadable > 0 {
        return Err(Status::invalid_argument("no entry has a readable header"));
    }
    Ok(taken
        .feeds
        .iter()
        .map(|outcome| outcome.to_proto())
        .collect())
}
