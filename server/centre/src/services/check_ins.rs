//! `CheckIns`.

use super::people::subject;
use super::{Services, count, day, status};
use crate::check_ins::{Filled, Scored};
use crate::error::CentreError;
use crate::import::{Imported, RefusedLine};
use crate::policy::{Action, Subject};
use krog_measures::scoring::{Answer, Answers};
use krog_measures::{ItemId, MeasureCode};
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::check_ins_server::CheckIns;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl CheckIns for Services {
    async fn record_check_in(
        &self,
        request: Request<proto::RecordCheckInRequest>,
    ) -> Result<Response<proto::RecordCheckInResponse>, Status> {
        let member = subject(&request.get_ref().member);
        let (centre, permit) = self
            .permit(&request, Action::RecordCheckIn, Subject::Member(member))
            .await?;
        let proto::RecordCheckInRequest {
            member: _,
            instrument,
            day: on,
            answers,
            total,
        } = request.into_inner();
        let instrument = MeasureCode::try_from(instrument).map_err(|_| {
            status::of(CentreError::Invalid(
                "the instrument's name is not one; check it",
            ))
        })?;
        let on = day(&on).map_err(status::of)?;
        let filled = filled(answers, total).map_err(status::of)?;
        let scores = centre
            .record_check_in(&permit, member, &instrument, on, filled)
            .await
            .map_err(status::of)?;
        Ok(Response::new(proto::RecordCheckInResponse {
            scores: scores
                .into_iter()
                .map(|Scored { measure, score }| proto::ScoredMeasure {
                    measure: measure.into(),
                    score,
                })
                .collect(),
        }))
    }

    async fn import_outcomes(
        &self,
        request: Request<proto::ImportOutcomesRequest>,
    ) -> Result<Response<proto::ImportOutcomesResponse>, Status> {
        let (centre, permit) = self
            .permit(&request, Action::ImportOutcomes, Subject::Centre)
            .await?;
        let proto::ImportOutcomesRequest {
            csv,
            strict,
            dry_run,
        } = request.into_inner();
        let imported = centre
            .import_outcomes(&permit, &csv, strict, dry_run)
            .await
            .map_err(status::of)?;
        let Imported {
            taken,
            unchanged,
            other_centres,
            refused,
            new_members,
            new_groups,
            needs_attestation,
            nothing_written,
        } = imported;
        Ok(Response::new(proto::ImportOutcomesResponse {
            taken: count(taken),
            unchanged: count(unchanged),
            other_centres: count(other_centres),
            refused: refused
                .into_iter()
                .map(|RefusedLine { line, why }| proto::RefusedLine {
                    line: count(line),
                    why: why.to_string(),
                })
                .collect(),
            new_members: count(new_members),
            new_groups: count(new_groups),
            needs_attestation,
            nothing_written,
        }))
    }
}

fn filled(answers: Vec<proto::Answer>, total: Option<f64>) -> Result<Filled, CentreError> {
    match (answers.is_empty(), total) {
        (true, Some(total)) => Ok(Filled::Total(total)),
        (false, Some(_)) => Err(CentreError::Invalid("give answers or a total, not both")),
        (_, None) => {
            let mut read = Answers::new();
            for proto::Answer { item, value } in answers {
                let item = ItemId::try_from(item).map_err(|_| {
                    CentreError::Invalid(
                        "an item's name is not one; use the names of the instrument",
                    )
                })?;
                if read
                    .insert(item, value.map_or(Answer::Declined, Answer::Value))
                    .is_some()
                {
                    return Err(CentreError::Invalid(
                        "an item is answered twice; give one answer to each",
                    ));
                }
            }
            Ok(Filled::Answers(read))
        }
    }
}
