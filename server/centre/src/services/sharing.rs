//! `Sharing`.

use super::{Services, quarter, status};
use crate::error::CentreError;
use crate::policy::{Action, Permit, Subject, decide};
use crate::sharing::{
    Approved, ApprovedPart, Preview, PreviewCell, PreviewRound, QuarterState, ShownPart,
    ShownRelease,
};
use krog_disclosure::Way;
use krog_measures::{Day, MeasureCode, Quarter};
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
            rounds,
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
            rounds: rounds.into_iter().map(round).collect(),
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
            rounds,
        } = centre.approve(&permit, quarter).await.map_err(status::of)?;
        let next = match (missing, stoppable_until) {
            (Some(role), _) => format!("Now the {role} has to approve, who is another person."),
            (None, Some(day)) => {
                format!(
                    "The bytes are frozen and the answers counted in them spent. They can be stopped until {day}, then they are signed."
                )
            }
            (None, None) => "The quarter is decided.".to_owned(),
        };
        Ok(Response::new(proto::ApproveResponse {
            state: state.as_str().to_owned(),
            next,
            rounds: rounds
                .into_iter()
                .map(|ApprovedPart { round, state, next }| proto::ApprovedRound {
                    round: round.to_string(),
                    state: state.to_owned(),
                    next,
                })
                .collect(),
        }))
    }

    async fn stop(
        &self,
        request: Request<proto::StopRequest>,
    ) -> Result<Response<proto::StopResponse>, Status> {
        let proto::StopRequest {
            quarter: named,
            round,
        } = request.get_ref().clone();
        if !round.is_empty() {
            let (centre, permit) = self
                .permit(&request, Action::StopPart, Subject::Centre)
                .await?;
            if !named.is_empty() {
                return Err(status::of(CentreError::Invalid(
                    "name a quarter or a round, not both; each is stopped by itself",
                )));
            }
            let state = centre
                .stop_part(&permit, &round)
                .await
                .map_err(status::of)?;
            return Ok(Response::new(proto::StopResponse {
                next: format!("This centre's part is {}.", state.meaning(false)),
            }));
        }
        let (centre, permit, quarter) =
            self.decided_quarter(&request, Action::Stop, &named).await?;
        centre.stop(&permit, quarter).await.map_err(status::of)?;
        Ok(Response::new(proto::StopResponse {
            next: "The quarter's values will be told as not shared, without cause; their answers stay spent. Parts in rounds of pools are not stopped by this: `krog share stop --round` does that, as `krog share preview` shows.".to_owned(),
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
        // Parts belong to rounds, not to a quarter.
        let parts = match named {
            None => centre.show_parts(&permit).await.map_err(status::of)?,
            Some(_) => Vec::new(),
        };
        Ok(Response::new(proto::ShowResponse {
            releases: releases.into_iter().map(shown).collect(),
            parts: parts.into_iter().map(shown_part).collect(),
        }))
    }

    async fn choose_way(
        &self,
        request: Request<proto::ChooseWayRequest>,
    ) -> Result<Response<proto::ChooseWayResponse>, Status> {
        let (centre, permit) = self
            .permit(&request, Action::ChooseWay, Subject::Centre)
            .await?;
        let proto::ChooseWayRequest { measure, way } = request.into_inner();
        let measure = MeasureCode::try_from(measure).map_err(|_| {
            status::of(CentreError::Invalid(
                "this is no code of a measure; `krog network show` names those of the network",
            ))
        })?;
        let way = match way.as_str() {
            "pool" => Way::Pool,
            "release" => Way::Release,
            _ => {
                return Err(status::of(CentreError::Invalid(
                    "unknown way; write pool or release",
                )));
            }
        };
        centre
            .choose_way(&permit, &measure, way)
            .await
            .map_err(status::of)?;
        let next = match way {
            Way::Pool => format!(
                "From now on {measure} leaves in pools: counted with at least four other centres, in no figure of this centre's own."
            ),
            Way::Release => format!(
                "From now on {measure} leaves in releases under this centre's name, once ten persons wait; what has waited eight quarters goes to a pool."
            ),
        };
        Ok(Response::new(proto::ChooseWayResponse { next }))
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
        way,
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
        way: way.as_str().to_owned(),
    }
}

fn round(round: PreviewRound) -> proto::PreviewRound {
    let PreviewRound {
        round,
        measure,
        facilitation,
        course,
        first,
        last,
        sums,
        aggregators,
        deadline,
        state,
        approved_by,
        persons,
        takes_part,
        reason,
        rho,
        epsilon,
        spent_rho,
        yearly_rho,
        stoppable_until,
        precision,
    } = round;
    let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    proto::PreviewRound {
        round: round.to_string(),
        measure,
        facilitation: facilitation.to_string(),
        course: course.to_string(),
        first_quarter: first.to_string(),
        last_quarter: last.to_string(),
        sums,
        aggregators: aggregators.into(),
        deadline: day(deadline),
        state: state.to_owned(),
        approved_by: approved_by.iter().map(ToString::to_string).collect(),
        persons,
        takes_part,
        reason,
        rho,
        epsilon,
        spent_rho,
        yearly_rho,
        stoppable_until: day(stoppable_until),
        precision,
    }
}

fn shown_part(part: ShownPart) -> proto::ShownPart {
    let ShownPart {
        round,
        state,
        measure,
        sums,
        payload,
        parcels,
        entry,
        stoppable_until,
    } = part;
    let [leader_parcel, helper_parcel] = parcels.unwrap_or_default();
    proto::ShownPart {
        round: round.to_string(),
        state: state.as_str().to_owned(),
        measure: measure.unwrap_or_default(),
        sums: sums
            .into_iter()
            .map(|(name, value)| proto::ShownSum { name, value })
            .collect(),
        payload,
        leader_parcel,
        helper_parcel,
        entry: entry.map(|entry| entry.to_string()).unwrap_or_default(),
        stoppable_until: stoppable_until
            .map(|day| day.to_string())
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
