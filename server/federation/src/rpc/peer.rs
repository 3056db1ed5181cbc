//! `krog.federation.v1.Exchange`: what other nodes may call.

use krog_feed::invitation::InvitationFault;
use krog_feed::limits::PROTOCOL;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::Refusal;
use krog_proto::federation::v1::exchange_server::Exchange as ExchangeRpc;
use tonic::{Request, Response, Status};

use super::wire;
use crate::exchange::{AdmitRefusal, Exchange, HeadsPage, Source};
use crate::limits::BATCH_ENTRIES;
use crate::permit::{CallerPin, Permit};

/// Lowest protocol version this program speaks.
const PROTOCOL_MIN: u32 = 1;

/// Answers other nodes.
pub struct PeerService {
    exchange: Exchange,
}

impl PeerService {
    pub(super) fn new(exchange: Exchange) -> PeerService {
        PeerService { exchange }
    }

    /// The caller's permit, or the one answer everybody else gets.
    async fn permit<T>(
        &self,
        request: &Request<T>,
        network: &[u8],
    ) -> Result<Result<Permit, Refusal>, Status> {
        let network = wire::network(network)?;
        let caller = CallerPin::of(request.extensions());
        let permit = Permit::ask(&self.exchange, caller, network).await?;
        Ok(permit.ok_or(Refusal::NotAMember))
    }

    async fn greet(
        &self,
        permit: &Permit,
        request: &proto::HelloRequest,
    ) -> Result<proto::HelloResponse, Status> {
        let stated = wire::node(&request.node)?;
        let own = permit.node() == stated || {
            let net = self.exchange.network(permit.network()).await?;
            let held = net.fresh(self.exchange.store()).await?;
            held.view.holds_pin(stated, permit.pin())
        };
        if !own {
            return Ok(proto::HelloResponse {
                refusal: Refusal::NotAMember.into(),
                ..Default::default()
            });
        }
        let highest = request.protocol_max.min(u32::from(PROTOCOL));
        let common = highest >= request.protocol_min.max(PROTOCOL_MIN);
        Ok(proto::HelloResponse {
            refusal: if common {
                Refusal::Unspecified
            } else {
                Refusal::Protocol
            }
            .into(),
            node: self.exchange.node().into(),
            protocol: if common { highest } else { 0 },
            clock: u64::try_from(self.exchange.clock()).unwrap_or(0),
        })
    }

    async fn heads(
        &self,
        permit: &Permit,
        request: &proto::ListHeadsRequest,
    ) -> Result<proto::ListHeadsResponse, Status> {
        let after = wire::writer_or_none(&request.after_writer)?;
        let HeadsPage { heads, forks, more } =
            self.exchange.heads_page(permit.network(), after).await?;
        if !more {
            self.exchange.note_listed(permit.network(), permit.node());
        }
        Ok(proto::ListHeadsResponse {
            refusal: Refusal::Unspecified.into(),
            heads,
            forks,
            more,
        })
    }

    async fn entries(
        &self,
        permit: &Permit,
        request: &proto::FetchEntriesRequest,
    ) -> Result<proto::FetchEntriesResponse, Status> {
        let writer = wire::writer(&request.writer)?;
        let after = wire::hash_or_none(&request.after)?;
        let limit = match request.limit {
            0 => BATCH_ENTRIES as u32,
            limit if limit > BATCH_ENTRIES as u32 => {
                return Ok(proto::FetchEntriesResponse {
                    refusal: Refusal::TooLarge.into(),
                    ..Default::default()
                });
            }
            limit => limit,
        };
        let fetched = self
            .exchange
            .fetch(permit.network(), writer, after, limit)
            .await?;
        Ok(proto::FetchEntriesResponse {
            refusal: Refusal::Unspecified.into(),
            entries: fetched
                .entries
                .iter()
                .map(|entry| entry.to_proto())
                .collect(),
            unknown_place: fetched.unknown_place,
            more: fetched.more,
        })
    }

    async fn push(
        &self,
        permit: &Permit,
        entries: Vec<proto::Entry>,
    ) -> Result<proto::PushEntriesResponse, Status> {
        let refused = |refusal: Refusal| proto::PushEntriesResponse {
            refusal: refusal.into(),
            outcomes: Vec::new(),
        };
        if entries.is_empty() {
            self.exchange.note_shown(permit.network(), permit.node());
        }
        if wire::is_too_large(&entries) {
            return Ok(refused(Refusal::TooLarge));
        }
        match self
            .exchange
            .ingest(permit.network(), entries, Source::Peer(permit.node()))
            .await
        {
            Ok(taken) => Ok(proto::PushEntriesResponse {
                refusal: Refusal::Unspecified.into(),
                outcomes: wire::outcomes(&taken)?,
            }),
            Err(error) if error.is_storage() => Ok(refused(Refusal::Storage)),
            Err(error) => Err(error.into()),
        }
    }

    async fn lacking(
        &self,
        permit: &Permit,
        offered: &[Vec<u8>],
    ) -> Result<proto::OfferParcelsResponse, Status> {
        let Some(offered) = wire::parcel_hashes(offered)? else {
            return Ok(proto::OfferParcelsResponse {
                refusal: Refusal::TooLarge.into(),
                ..Default::default()
            });
        };
        let wanted = self
            .exchange
            .parcels_lacking(permit.network(), &offered)
            .await?;
        Ok(proto::OfferParcelsResponse {
            refusal: Refusal::Unspecified.into(),
            wanted: wire::hashes(wanted),
        })
    }

    async fn keep(
        &self,
        permit: &Permit,
        parcels: Vec<proto::PoolParcel>,
    ) -> Result<proto::PushParcelsResponse, Status> {
        let refused = |refusal: Refusal| proto::PushParcelsResponse {
            refusal: refusal.into(),
            kept: Vec::new(),
        };
        let Some(sealed) = wire::sealed(parcels) else {
            return Ok(refused(Refusal::TooLarge));
        };
        let source = Source::Peer(permit.node());
        match self
            .exchange
            .keep_parcels(permit.network(), sealed, source)
            .await
        {
            Ok(kept) => Ok(proto::PushParcelsResponse {
                refusal: Refusal::Unspecified.into(),
                kept: wire::hashes(kept),
            }),
            Err(error) if error.is_storage() => Ok(refused(Refusal::Storage)),
            Err(error) => Err(error.into()),
        }
    }

    async fn parcels(
        &self,
        permit: &Permit,
        asked: &[Vec<u8>],
    ) -> Result<proto::FetchParcelsResponse, Status> {
        let Some(asked) = wire::parcel_hashes(asked)? else {
            return Ok(proto::FetchParcelsResponse {
                refusal: Refusal::TooLarge.into(),
                ..Default::default()
            });
        };
        let (parcels, more) = self.exchange.parcels(permit.network(), &asked).await?;
        Ok(proto::FetchParcelsResponse {
            refusal: Refusal::Unspecified.into(),
            parcels: wire::pool_parcels(parcels),
            more,
        })
    }
}

#[tonic::async_trait]
impl ExchangeRpc for PeerService {
    async fn hello(
        &self,
        request: Request<proto::HelloRequest>,
    ) -> Result<Response<proto::HelloResponse>, Status> {
        let proto::HelloRequest {
            network,
            protocol_min,
            protocol_max,
            ..
        } = request.get_ref();
        if *protocol_min == 0 || protocol_min > protocol_max {
            return Err(Status::invalid_argument(
                "protocol_min must be 1 or more and not above protocol_max",
            ));
        }
        let response = match self.permit(&request, network).await? {
            Ok(permit) => self.greet(&permit, request.get_ref()).await?,
            Err(refusal) => proto::HelloResponse {
                refusal: refusal.into(),
                ..Default::default()
            },
        };
        Ok(Response::new(response))
    }

    async fn list_heads(
        &self,
        request: Request<proto::ListHeadsRequest>,
    ) -> Result<Response<proto::ListHeadsResponse>, Status> {
        let response = match self.permit(&request, &request.get_ref().network).await? {
            Ok(permit) => self.heads(&permit, request.get_ref()).await?,
            Err(refusal) => proto::ListHeadsResponse {
                refusal: refusal.into(),
                ..Default::default()
            },
        };
        Ok(Response::new(response))
    }

    async fn fetch_entries(
        &self,
        request: Request<proto::FetchEntriesRequest>,
    ) -> Result<Response<proto::FetchEntriesResponse>, Status> {
        let response = match self.permit(&request, &request.get_ref().network).await? {
            Ok(permit) => self.entries(&permit, request.get_ref()).await?,
            Err(refusal) => proto::FetchEntriesResponse {
                refusal: refusal.into(),
                ..Default::default()
            },
        };
        Ok(Response::new(response))
    }

    async fn push_entries(
        &self,
        request: Request<proto::PushEntriesRequest>,
    ) -> Result<Response<proto::PushEntriesResponse>, Status> {
        let response = match self.permit(&request, &request.get_ref().network).await? {
            Ok(permit) => self.push(&permit, request.into_inner().entries).await?,
            Err(refusal) => proto::PushEntriesResponse {
                refusal: refusal.into(),
                ..Default::default()
            },
        };
        Ok(Response::new(response))
    }

    async fn offer_parcels(
        &self,
        request: Request<proto::OfferParcelsRequest>,
    ) -> Result<Response<proto::OfferParcelsResponse>, Status> {
        let response = match self.permit(&request, &request.get_ref().network).await? {
            Ok(permit) => self.lacking(&permit, &request.get_ref().parcels).await?,
            Err(refusal) => proto::OfferParcelsResponse {
                refusal: refusal.into(),
                ..Default::default()
            },
        };
        Ok(Response::new(response))
    }

    async fn push_parcels(
        &self,
        request: Request<proto::PushParcelsRequest>,
    ) -> Result<Response<proto::PushParcelsResponse>, Status> {
        let response = match self.permit(&request, &request.get_ref().network).await? {
            Ok(permit) => self.keep(&permit, request.into_inner().parcels).await?,
            Err(refusal) => proto::PushParcelsResponse {
                refusal: refusal.into(),
                ..Default::default()
            },
        };
        Ok(Response::new(response))
    }

    async fn fetch_parcels(
        &self,
        request: Request<proto::FetchParcelsRequest>,
    ) -> Result<Response<proto::FetchParcelsResponse>, Status> {
        let response = match self.permit(&request, &request.get_ref().network).await? {
            Ok(permit) => self.parcels(&permit, &request.get_ref().parcels).await?,
            Err(refusal) => proto::FetchParcelsResponse {
                refusal: refusal.into(),
                ..Default::default()
            },
        };
        Ok(Response::new(response))
    }

    async fn admit(
        &self,
        request: Request<proto::AdmitRequest>,
    ) -> Result<Response<proto::AdmitResponse>, Status> {
        let refused = |refusal: Refusal| proto::AdmitResponse {
            refusal: refusal.into(),
            rosters: Vec::new(),
        };
        let Some(CallerPin(pin)) = CallerPin::of(request.extensions()) else {
            return Ok(Response::new(refused(Refusal::NotAMember)));
        };
        let proto::AdmitRequest {
            inception,
            admission,
        } = request.get_ref();
        let Some(admission) = admission else {
            return Err(Status::invalid_argument("admission is missing"));
        };
        let response = match self.exchange.admit(inception, admission, pin).await {
            Ok((_, rosters)) => proto::AdmitResponse {
                refusal: Refusal::Unspecified.into(),
                rosters,
            },
            Err(AdmitRefusal::Failed(error)) if error.is_storage() => refused(Refusal::Storage),
            Err(AdmitRefusal::Failed(error)) => return Err(error.into()),
            Err(AdmitRefusal::Removed) => refused(Refusal::NotAMember),
            Err(AdmitRefusal::Invitation(fault)) => refused(invitation_refusal(fault)),
        };
        Ok(Response::new(response))
    }
}

fn invitation_refusal(fault: InvitationFault) -> Refusal {
    match fault {
        InvitationFault::Record(_)
        | InvitationFault::WrongNetwork
        | InvitationFault::UnknownRoster { .. }
        | InvitationFault::TooFewSignatures { .. }
        | InvitationFault::NotHeld => Refusal::InvitationInvalid,
        InvitationFault::Expired => Refusal::InvitationExpired,
        InvitationFault::Used => Refusal::InvitationUsed,
        InvitationFault::WrongNode => Refusal::WrongNode,
    }
}
