//! `People`.

use super::{Services, day, status};
use crate::error::CentreError;
use crate::people::{Member, NewMember};
use crate::personal::{Contact, Label, MemberId, Purpose};
use crate::policy::{Action, Subject};
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::people_server::People;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl People for Services {
    async fn add_member(
        &self,
        request: Request<proto::AddMemberRequest>,
    ) -> Result<Response<proto::AddMemberResponse>, Status> {
        let (centre, permit) = self
            .permit(&request, Action::AddMember, Subject::Centre)
            .await?;
        let new = new_member(request.into_inner()).map_err(status::of)?;
        let member = centre.add_member(&permit, new).await.map_err(status::of)?;
        Ok(Response::new(proto::AddMemberResponse {
            member: member.to_text(),
        }))
    }

    async fn list_members(
        &self,
        request: Request<proto::ListMembersRequest>,
    ) -> Result<Response<proto::ListMembersResponse>, Status> {
        let (centre, permit) = self
            .permit(&request, Action::ListMembers, Subject::Centre)
            .await?;
        let proto::ListMembersRequest {} = request.into_inner();
        let members = centre.list_members(&permit).await.map_err(status::of)?;
        Ok(Response::new(proto::ListMembersResponse {
            members: members.into_iter().map(listed).collect(),
        }))
    }

    async fn set_consent(
        &self,
        request: Request<proto::SetConsentRequest>,
    ) -> Result<Response<proto::SetConsentResponse>, Status> {
        let member = subject(&request.get_ref().member);
        let (centre, permit) = self
            .permit(&request, Action::SetConsent, Subject::Member(member))
            .await?;
        let proto::SetConsentRequest {
            member: _,
            purpose: number,
            given,
        } = request.into_inner();
        let purpose = purpose(number).map_err(status::of)?;
        let frozen = centre
            .set_consent(&permit, member, purpose, given)
            .await
            .map_err(status::of)?;
        Ok(Response::new(proto::SetConsentResponse {
            frozen_quarters: frozen,
        }))
    }

    async fn read_access_log(
        &self,
        request: Request<proto::ReadAccessLogRequest>,
    ) -> Result<Response<proto::ReadAccessLogResponse>, Status> {
        let member = subject(&request.get_ref().member);
        let (centre, permit) = self
            .permit(&request, Action::ReadAccessLog, Subject::Member(member))
            .await?;
        let lines = centre
            .read_access_log(&permit, member)
            .await
            .map_err(status::of)?;
        Ok(Response::new(proto::ReadAccessLogResponse {
            lines: lines
                .into_iter()
                .map(|line| proto::AccessLine {
                    day: line.day.to_string(),
                    role: line.role,
                    action: format!(
                        "{}, with credential {}",
                        line.action,
                        line.credential.to_text()
                    ),
                })
                .collect(),
        }))
    }
}

/// A member's id as given. Text that is no id names nobody, so that it is answered like an id nobody has.
pub(super) fn subject(text: &str) -> MemberId {
    text.parse().unwrap_or(MemberId::new([0; 16]))
}

fn new_member(request: proto::AddMemberRequest) -> Result<NewMember, CentreError> {
    let proto::AddMemberRequest {
        label,
        contact,
        consents,
        day: on,
    } = request;
    Ok(NewMember {
        label: Label::try_from(label)?,
        contact: (!contact.is_empty())
            .then(|| Contact::try_from(contact))
            .transpose()?,
        consents: consents
            .into_iter()
            .map(purpose)
            .collect::<Result<_, _>>()?,
        day: day(&on)?,
    })
}

fn purpose(number: i32) -> Result<Purpose, CentreError> {
    Purpose::from_number(number).ok_or(CentreError::Invalid(
        "no such purpose; give participation, measurement or sharing",
    ))
}

fn listed(member: Member) -> proto::Member {
    let Member {
        member,
        label,
        contact,
        consents,
        counted_in,
    } = member;
    proto::Member {
        member: member.to_text(),
        label: label.reveal().to_owned(),
        contact: contact
            .map(|contact| contact.reveal().to_owned())
            .unwrap_or_default(),
        consents: consents.into_iter().map(Purpose::number).collect(),
        counted_in,
    }
}
