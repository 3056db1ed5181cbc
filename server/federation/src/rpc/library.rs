//! `krog.federation.v1.Library`: what is public within a network.

use krog_feed::ids::NetworkId;
use krog_feed::network::Standing;
use krog_feed::published::{CompareRefused, compare};
use krog_measures::Quarter;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::CompareRefusal;
use krog_proto::federation::v1::library_server::Library;
use tonic::{Extensions, Request, Response, Status};

use super::wire;
use crate::Error;
use crate::exchange::Exchange;
use crate::exchange::network::Held;
use crate::permit::{CallerPin, Permit};

/// Most rounds in one answer, the newest.
const LISTED_ROUNDS: usize = 10_000;

/// Answers readers.
pub struct LibraryService {
    exchange: Exchange,
    readers: Readers,
}

/// Who reads.
#[derive(Clone, Copy)]
enum Readers {
    /// Nodes of a network, by their TLS key.
    Peers,
    /// The node's own side, by having opened the local socket.
    House,
}

impl LibraryService {
    pub(super) fn for_peers(exchange: Exchange) -> LibraryService {
        LibraryService {
            exchange,
            readers: Readers::Peers,
        }
    }

    pub(super) fn for_house(exchange: Exchange) -> LibraryService {
        LibraryService {
            exchange,
            readers: Readers::House,
        }
    }

    /// Whether the caller may read a network that may or may not be here.
    async fn may_read(&self, extensions: &Extensions, network: NetworkId) -> Result<bool, Error> {
        match self.readers {
            Readers::Peers => {
                let caller = CallerPin::of(extensions);
                Ok(Permit::ask(&self.exchange, caller, network)
                    .await?
                    .is_some())
            }
            Readers::House => match self.exchange.network(network).await {
                Ok(_) => Ok(true),
                Err(Error::UnknownNetwork) => Ok(false),
                Err(error) => Err(error),
            },
        }
    }
}

#[tonic::async_trait]
impl Library for LibraryService {
    async fn describe(
        &self,
        request: Request<proto::DescribeRequest>,
    ) -> Result<Response<proto::DescribeResponse>, Status> {
        let mut networks = Vec::new();
        for network in self.exchange.networks().await? {
            if self.may_read(request.extensions(), network).await? {
                let net = self.exchange.network(network).await?;
                let held = net.fresh(self.exchange.store()).await?;
                networks.push(described(&held));
            }
        }
        Ok(Response::new(proto::DescribeResponse { networks }))
    }

    async fn compare(
        &self,
        request: Request<proto::CompareRequest>,
    ) -> Result<Response<proto::CompareResponse>, Status> {
        let proto::CompareRequest {
            network,
            measure,
            last_quarter,
        } = request.get_ref();
        let network = wire::network(network)?;
        let last_quarter = match last_quarter {
            0 => None,
            index => Some(
                Quarter::from_index(*index)
                    .map_err(|_| Status::invalid_argument("last_quarter is out of range"))?,
            ),
        };
        let refused = |refusal: CompareRefusal| {
            Ok(Response::new(proto::CompareResponse {
                refusal: refusal.into(),
                comparison: None,
            }))
        };
        if !self.may_read(request.extensions(), network).await? {
            return refused(CompareRefusal::UnknownNetwork);
        }
        let net = self.exchange.network(network).await?;
        let held = net.fresh(self.exchange.store()).await?;
        match compare(
            &held.view,
            &held.shelf,
            &held.board,
            held.view.policy(),
            measure,
            last_quarter,
        ) {
            Ok(comparison) => Ok(Response::new(proto::CompareResponse {
                refusal: CompareRefusal::Unspecified.into(),
                comparison: Some(comparison),
            })),
            Err(CompareRefused::UnknownMeasure) => refused(CompareRefusal::UnknownMeasure),
        }
    }

    async fn list_rounds(
        &self,
        request: Request<proto::ListRoundsRequest>,
    ) -> Result<Response<proto::ListRoundsResponse>, Status> {
        let network = wire::network(&request.get_ref().network)?;
        let mut rounds = Vec::new();
        if self.may_read(request.extensions(), network).await? {
            let today = self.exchange.today();
            let net = self.exchange.network(network).await?;
            let held = net.fresh(self.exchange.store()).await?;
            let all = held.board.rounds(&held.view, today);
            let newest = all.iter().take(LISTED_ROUNDS);
            rounds.extend(newest.map(|round| round.to_proto()));
        }
        Ok(Response::new(proto::ListRoundsResponse { rounds }))
    }

    async fn list_templates(
        &self,
        request: Request<proto::ListTemplatesRequest>,
    ) -> Result<Response<proto::ListTemplatesResponse>, Status> {
        let network = wire::network(&request.get_ref().network)?;
        let mut templates = Vec::new();
        if self.may_read(request.extensions(), network).await? {
            let net = self.exchange.network(network).await?;
            let held = net.fresh(self.exchange.store()).await?;
            // What a removed node published before stays; what came by an over-used invitation waits.
            let counts = |writer| {
                matches!(
                    held.view.standing(writer),
                    Standing::Member(_) | Standing::Removed(_)
                )
            };
            let counting = held
                .shelf
                .templates()
                .filter(|template| counts(template.publisher));
            templates.extend(counting.map(|template| template.to_proto()));
        }
        templates
            .sort_by(|one, other| (&one.version, &one.node).cmp(&(&other.version, &other.node)));
        Ok(Response::new(proto::ListTemplatesResponse { templates }))
    }
}

fn described(held: &Held) -> proto::DescribedNetwork {
    let view = &held.view;
    let nodes = view.members().map(|node| {
        let descriptor = view.descriptor(node);
        let centres = view.centres().filter(|(_, owner, _)| *owner == node);
        let mut centres: Vec<_> = centres
            .map(|(writer, _, name)| proto::DescribedCentreName {
                writer: writer.into(),
                public_name: name.as_str().to_owned(),
            })
            .collect();
        centres.sort_by(|one, other| one.writer.cmp(&other.writer));
        proto::DescribedNode {
            node: node.into(),
            public_name: descriptor
                .map(|it| it.public_name.as_str().to_owned())
                .unwrap_or_default(),
            centres,
        }
    });
    proto::DescribedNetwork {
        network: view.network().into(),
        public_name: view.network_name().as_str().to_owned(),
        roster_version: view.rosters().latest().version,
        measures: view
            .policy()
            .measures
            .iter()
            .map(|measure| measure.code.as_str().to_owned())
            .collect(),
        nodes: nodes.collect(),
        heads: held
            .feeds
            .values()
            .filter_map(|feed| feed.head())
            .map(|head| head.to_proto())
            .collect(),
        stopped: held
            .faults
            .iter()
            .map(|(writer, fault)| proto::StoppedFeed {
                writer: (*writer).into(),
                fault: *fault,
            })
            .collect(),
        rehearsal: view.rehearsal(),
    }
}
