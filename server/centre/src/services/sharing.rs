//! `Sharing`.

use super::{Services, quarter, status};
use crate::policy::{Action, Permit, Subject, decide};
use crate::sharing::{Approved, Preview, PreviewCell, QuarterState, ShownRelease};
use krog_measures::Quarter;
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::sharing_server::Sharing;
use std::sync::Arc;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl Sharing for Services {
    async fn preview(
        &self,
        request: Request<proto::PreviewRequest>,
    ) -> Result<Response<proto::PreviewResponse>, Status> {
        let named = request.get_ref().quarter.clone();
        let (centre, permit, quarter) = self
            .decided_quarter(&request, Action::Preview, &named)
            .await?;
        let Preview {
            quarter,
            state,
            approved_by,
            cells,
            stoppable_until,
            without_consent,
            network,
        } = centre.preview(&permit, quarter).await.map_err(status::of)?;
        Ok(Response::new(proto::PreviewResponse {
            quarter: quarter.to_string(),
            state: state.as_str().to_owned(),
            approved_by: approved_by.iter().map(ToString::to_string).collect(),
            cells: cells.into_iter().map(cell).collect(),
            stoppable_until: stoppable_until
                .map(|day| day.to_string())
                .unwrap_or_default(),
            without_consent,
            network: network.unwrap_or_default(),
        }))
    }

    async fn approve(
        &self,
        request: Request<proto::ApproveRequest>,
    ) -> Result<Response<proto::ApproveResponse>, Status> {
        let named = request.get_ref().quarter.clone();
        let (centre, permit, quarter) = self
            .decided_quarter(&request, Action::Approve, &named)
            .await?;
        let Approved {
            state,
            missing,
            stoppable_until,
        } = centre.approve(&permit, quarter).await.map_err(status::of)?;
        let next = match (missing, stoppable_until) {
            (Some(role), _) => format!("Now the {role} has to approve, who is another person."),
            (None, Some(day)) => {
                format!(
                    "The bytes are frozen and their answers spent. They can be stopped until {day}, then they are signed."
                )
            }
            (None, None) => "The quarter is decided.".to_owned(),
        };
        Ok(Response::new(proto::ApproveResponse {
            state: state.as_str().to_owned(),
            next,
        }))
    }

    async fn stop(
        &self,
        request: Request<proto::StopRequest>,
    ) -> Result<Response<proto::StopResponse>, Status> {
        let named = request.get_ref().quarter.clone();
        let (centre, permit, quarter) =
            self.decided_quarter(&request, Action::Stop, &named).await?;
        centre.stop(&permit, quarter).await.map_err(status::of)?;
        Ok(Response::new(proto::StopResponse {
            next: "The quarter's values will be told as not shared, without cause; their answers stay spent.".to_owned(),
        }))
    }

    async fn show(
        &self,
        request: Request<proto::ShowRequest>,
    ) -> Result<Response<proto::ShowResponse>, Status> {
        let (centre, permit) = self.permit(&request, Action::Show, Subject::Centre).await?;
        let proto::ShowRequest { quarter: named } = request.into_inner();
        let named = quarter(&named).map_err(status::of)?;
        let releases = centre.show(&permit, named).await.map_err(status::of)?;
        Ok(Response::new(proto::ShowResponse {
            releases: releases.into_iter().map(shown).collect(),
        }))
    }

    async fn attest(
        &self,
        request: Request<proto::AttestRequest>,
    ) -> Result<Response<proto::AttestResponse>, Status> {
        let (centre, permit) = self
            .permit(&request, Action::Attest, Subject::Centre)
            .await?;
        let proto::AttestRequest { basis } = request.into_inner();
        let members = centre.attest(&permit, basis).await.map_err(status::of)?;
        Ok(Response::new(proto::AttestResponse { members }))
    }
}

impl Services {
    /// The caller's centre, a permit about a quarter, and the quarter: the named one, or the latest that has ended.
    async fn decided_quarter<T>(
        &self,
        request: &Request<T>,
        action: Action,
        named: &str,
    ) -> Result<(Arc<crate::Centre>, Permit, Quarter), Status> {
        let super::Visit { centre, caller } = self.visit(request).await?;
        let quarter = match quarter(named).map_err(status::of)? {
            Some(quarter) => quarter,
            None => centre.latest_quarter().map_err(status::of)?,
        };
        let permit = decide(&caller, action, &Subject::Quarter(quarter))
            .map_err(|forbidden| status::of(forbidden.into()))?;
        Ok((centre, permit, quarter))
    }
}

fn cell(cell: PreviewCell) -> proto::PreviewCell {
    let PreviewCell {
        measure,
        facilitation,
        course,
        persons,
        would_be,
        form,
        reason,
        waiting_since,
    } = cell;
    proto::PreviewCell {
        measure,
        facilitation: facilitation.to_string(),
        course: course.to_string(),
        persons,
        would_be: would_be.to_owned(),
        form,
        reason,
        waiting_since: waiting_since
            .map(|quarter| quarter.to_string())
            .unwrap_or_default(),
    }
}

fn shown(release: ShownRelease) -> proto::ShownRelease {
    let ShownRelease {
        quarter,
        state,
        payload,
        entry,
        stoppable_until,
        handed_over,
    } = release;
    proto::ShownRelease {
        quarter: quarter.to_string(),
        state: QuarterState::as_str(state).to_owned(),
        payload,
        entry: entry.map(|entry| entry.to_string()).unwrap_or_default(),
        stoppable_until: stoppable_until
            .map(|day| day.to_string())
            .unwrap_or_default(),
        handed_over,
    }
}
