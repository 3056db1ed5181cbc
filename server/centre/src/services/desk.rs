//! `Desk`.

use super::{Services, status};
use crate::policy::{Action, Subject, decide};
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::desk_server::Desk;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl Desk for Services {
    async fn who_am_i(
        &self,
        request: Request<proto::WhoAmIRequest>,
    ) -> Result<Response<proto::WhoAmIResponse>, Status> {
        let super::Visit { centre, caller } = self.visit(&request).await?;
        decide(&caller, Action::WhoAmI, &Subject::Centre)
            .map_err(|forbidden| status::of(forbidden.into()))?;
        let network = centre.network().await.map_err(status::of)?;
        let may_sign = network
            .as_ref()
            .is_some_and(|(network, _)| centre.may_sign(*network));
        let (network_id, network) = network
            .map(|(network, name)| (network.to_string(), name))
            .unwrap_or_default();
        Ok(Response::new(proto::WhoAmIResponse {
            centre: centre.public_name().to_string(),
            role: caller.role().to_string(),
            today: centre.today().map_err(status::of)?.to_string(),
            writer: centre.writer().to_string(),
            network,
            network_id,
            may_sign,
        }))
    }
}
