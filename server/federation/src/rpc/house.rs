//! `krog.federation.v1.House`: what this node's own centre side may call.

use krog_feed::entry::{Header, Kind, RawEntry};
use krog_feed::ids::NetworkId;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::Refusal;
use krog_proto::federation::v1::house_server::House;
use tonic::{Request, Response, Status};

use super::wire;
use crate::exchange::{Exchange, Fetched, HeadsPage, Source};
use crate::limits::BATCH_ENTRIES;
use crate::{Error, Syncer};

/// Answers the centre side.
pub struct HouseService {
    syncer: Syncer,
}

impl HouseService {
    pub(super) fn new(syncer: Syncer) -> HouseService {
        HouseService { syncer }
    }

    fn exchange(&self) -> &Exchange {
        self.syncer.exchange()
    }

    async fn knows(&self, network: NetworkId) -> Result<bool, Error> {
        match self.exchange().network(network).await {
            Ok(_) => Ok(true),
            Err(Error::UnknownNetwork) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[tonic::async_trait]
impl House for HouseService {
    async fn hand_over(
        &self,
        request: Request<proto::HandOverRequest>,
    ) -> Result<Response<proto::HandOverResponse>, Status> {
        let proto::HandOverRequest { network, entries } = request.into_inner();
        let network = wire::network(&network)?;
        let refused = |refusal: Refusal| {
            Ok(Response::new(proto::HandOverResponse {
                refusal: refusal.into(),
                outcomes: Vec::new(),
            }))
        };
        if wire::is_too_large(&entries) {
            return refused(Refusal::TooLarge);
        }
        match self
            .exchange()
            .ingest(network, entries, Source::House)
            .await
        {
            Ok(taken) => Ok(Response::new(proto::HandOverResponse {
                refusal: Refusal::Unspecified.into(),
                outcomes: wire::outcomes(&taken)?,
            })),
            Err(Error::UnknownNetwork) => refused(Refusal::UnknownNetwork),
            Err(error) if error.is_storage() => refused(Refusal::Storage),
            Err(error) => Err(error.into()),
        }
    }

    async fn own_feed(
        &self,
        request: Request<proto::OwnFeedRequest>,
    ) -> Result<Response<proto::OwnFeedResponse>, Status> {
        let proto::OwnFeedRequest {
            network,
            writer,
            after,
        } = request.get_ref();
        let network = wire::network(network)?;
        let writer = wire::writer(writer)?;
        let after = wire::hash_or_none(after)?;
        if !self.knows(network).await? {
            return Ok(Response::new(proto::OwnFeedResponse {
                refusal: Refusal::UnknownNetwork.into(),
                ..Default::default()
            }));
        }
        let dialled = self.syncer.ask_about(network, writer).await?;
        let shown = self.exchange().shown_by(network);
        let peers_answered = dialled.saturating_add(u32::try_from(shown).unwrap_or(u32::MAX));
        let fetched = self
            .exchange()
            .fetch(network, writer, after, BATCH_ENTRIES as u32)
            .await?;
        let other_nodes = {
            let net = self.exchange().network(network).await?;
            let held = net.fresh(self.exchange().store()).await?;
            let own = self.exchange().node();
            held.view.members().filter(|node| *node != own).count()
        };
        Ok(Response::new(proto::OwnFeedResponse {
            refusal: Refusal::Unspecified.into(),
            entries: fetched
                .entries
                .iter()
                .map(|entry| entry.to_proto())
                .collect(),
            more: fetched.more,
            unknown_place: fetched.unknown_place,
            peers_answered,
            other_nodes: u32::try_from(other_nodes).unwrap_or(u32::MAX),
        }))
    }

    async fn rosters(
        &self,
        request: Request<proto::RostersRequest>,
    ) -> Result<Response<proto::RostersResponse>, Status> {
        let networks = match request.get_ref().network.as_slice() {
            [] => self.exchange().networks().await?,
            bytes => vec![wire::network(bytes)?],
        };
        let mut rosters = Vec::new();
        for network in networks {
            if self.knows(network).await? {
                rosters.extend(self.exchange().rosters(network).await?);
            }
        }
        Ok(Response::new(proto::RostersResponse { rosters }))
    }

    async fn feed_heads(
        &self,
        request: Request<proto::FeedHeadsRequest>,
    ) -> Result<Response<proto::FeedHeadsResponse>, Status> {
        let proto::FeedHeadsRequest {
            network,
            after_writer,
        } = request.get_ref();
        let network = wire::network(network)?;
        let after = wire::writer_or_none(after_writer)?;
        if !self.knows(network).await? {
            return Ok(Response::new(proto::FeedHeadsResponse {
                refusal: Refusal::UnknownNetwork.into(),
                ..Default::default()
            }));
        }
        let HeadsPage { heads, forks, more } = self.exchange().heads_page(network, after).await?;
        Ok(Response::new(proto::FeedHeadsResponse {
            refusal: Refusal::Unspecified.into(),
            heads,
            forks,
            more,
        }))
    }

    async fn feed_entries(
        &self,
        request: Request<proto::FeedEntriesRequest>,
    ) -> Result<Response<proto::FeedEntriesResponse>, Status> {
        let proto::FeedEntriesRequest {
            network,
            writer,
            after,
        } = request.get_ref();
        let network = wire::network(network)?;
        let writer = wire::writer(writer)?;
        let after = wire::hash_or_none(after)?;
        if !self.knows(network).await? {
            return Ok(Response::new(proto::FeedEntriesResponse {
                refusal: Refusal::UnknownNetwork.into(),
                ..Default::default()
            }));
        }
        let Fetched {
            entries,
            unknown_place,
            more,
        } = self
            .exchange()
            .fetch(network, writer, after, BATCH_ENTRIES as u32)
            .await?;
        Ok(Response::new(proto::FeedEntriesResponse {
            refusal: Refusal::Unspecified.into(),
            entries: entries.iter().map(without_what_is_published).collect(),
            unknown_place,
            more,
        }))
    }

    async fn hand_over_parcels(
        &self,
        request: Request<proto::HandOverParcelsRequest>,
    ) -> Result<Response<proto::HandOverParcelsResponse>, Status> {
        let proto::HandOverParcelsRequest { network, parcels } = request.into_inner();
        let network = wire::network(&network)?;
        let refused = |refusal: Refusal| {
            Ok(Response::new(proto::HandOverParcelsResponse {
                refusal: refusal.into(),
                kept: Vec::new(),
            }))
        };
        let Some(sealed) = wire::sealed(parcels) else {
            return refused(Refusal::TooLarge);
        };
        match self
            .exchange()
            .keep_parcels(network, sealed, Source::House)
            .await
        {
            Ok(kept) => Ok(Response::new(proto::HandOverParcelsResponse {
                refusal: Refusal::Unspecified.into(),
                kept: wire::hashes(kept),
            })),
            Err(Error::UnknownNetwork) => refused(Refusal::UnknownNetwork),
            Err(error) if error.is_storage() => refused(Refusal::Storage),
            Err(error) => Err(error.into()),
        }
    }

    async fn collect_parcels(
        &self,
        request: Request<proto::CollectParcelsRequest>,
    ) -> Result<Response<proto::CollectParcelsResponse>, Status> {
        let proto::CollectParcelsRequest { network, parcels } = request.get_ref();
        let network = wire::network(network)?;
        let refused = |refusal: Refusal| {
            Ok(Response::new(proto::CollectParcelsResponse {
                refusal: refusal.into(),
                ..Default::default()
            }))
        };
        let Some(asked) = wire::parcel_hashes(parcels)? else {
            return refused(Refusal::TooLarge);
        };
        match self.exchange().parcels(network, &asked).await {
            Ok((parcels, more)) => Ok(Response::new(proto::CollectParcelsResponse {
                refusal: Refusal::Unspecified.into(),
                parcels: wire::pool_parcels(parcels),
                more,
            })),
            Err(Error::UnknownNetwork) => refused(Refusal::UnknownNetwork),
            Err(error) if error.is_storage() => refused(Refusal::Storage),
            Err(error) => Err(error.into()),
        }
    }

    async fn sync_now(
        &self,
        _request: Request<proto::SyncNowRequest>,
    ) -> Result<Response<proto::SyncNowResponse>, Status> {
        let round = self.syncer.sync_round().await?;
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let sum = |sum: u64| u32::try_from(sum).unwrap_or(u32::MAX);
        Ok(Response::new(proto::SyncNowResponse {
            peers_answered: count(round.answered()),
            peers_failed: count(round.failed()),
            received: sum(round.received()),
            sent: sum(round.sent()),
        }))
    }
}

/// An entry for the house's own reading: what is read in a library has no payload here.
fn without_what_is_published(entry: &RawEntry) -> proto::Entry {
    let published = Header::parse(&entry.header)
        .is_ok_and(|header| matches!(header.kind, Kind::Release | Kind::Template));
    if published {
        entry.without_payload().to_proto()
    } else {
        entry.to_proto()
    }
}
