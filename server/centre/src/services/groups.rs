//! `Groups`.

use super::people::subject as member_subject;
use super::{Services, day, status};
use crate::error::CentreError;
use crate::groups::{ListedGroup, NewGroup};
use crate::meetings::NewMeeting;
use crate::personal::{GroupId, GroupName};
use crate::policy::{Action, Subject};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use krog_measures::{Facilitation, MeasureCode};
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::groups_server::Groups;
use krog_proto::federation::v1 as wire;
use prost::Message;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use tonic::{Request, Response, Status};

/// Most members present at one meeting.
const PRESENT: usize = 10_000;

#[tonic::async_trait]
impl Groups for Services {
    async fn found_group(
        &self,
        request: Request<proto::FoundGroupRequest>,
    ) -> Result<Response<proto::FoundGroupResponse>, Status> {
        let (centre, permit) = self
            .permit(&request, Action::FoundGroup, Subject::Centre)
            .await?;
        let network = centre.network().await.map_err(status::of)?;
        let new = self
            .new_group(request.into_inner(), network.map(|(network, _)| network))
            .await?;
        let group = centre.found_group(&permit, new).await.map_err(status::of)?;
        Ok(Response::new(proto::FoundGroupResponse {
            group: group.to_text(),
        }))
    }

    async fn list_groups(
        &self,
        request: Request<proto::ListGroupsRequest>,
    ) -> Result<Response<proto::ListGroupsResponse>, Status> {
        let (centre, permit) = self
            .permit(&request, Action::ListGroups, Subject::Centre)
            .await?;
        let proto::ListGroupsRequest {} = request.into_inner();
        let groups = centre.list_groups(&permit).await.map_err(status::of)?;
        Ok(Response::new(proto::ListGroupsResponse {
            groups: groups.into_iter().map(listed).collect(),
        }))
    }

    async fn set_membership(
        &self,
        request: Request<proto::SetMembershipRequest>,
    ) -> Result<Response<proto::SetMembershipResponse>, Status> {
        let group = subject(&request.get_ref().group);
        let (centre, permit) = self
            .permit(&request, Action::SetMembership, Subject::Group(group))
            .await?;
        let proto::SetMembershipRequest {
            group: _,
            member,
            day: on,
            joined,
        } = request.into_inner();
        let on = day(&on).map_err(status::of)?;
        centre
            .set_membership(&permit, group, member_subject(&member), on, joined)
            .await
            .map_err(status::of)?;
        Ok(Response::new(proto::SetMembershipResponse {}))
    }

    async fn record_decision(
        &self,
        request: Request<proto::RecordDecisionRequest>,
    ) -> Result<Response<proto::RecordDecisionResponse>, Status> {
        let group = subject(&request.get_ref().group);
        let (centre, permit) = self
            .permit(&request, Action::RecordDecision, Subject::Group(group))
            .await?;
        let proto::RecordDecisionRequest { group: _, share } = request.into_inner();
        centre
            .record_decision(&permit, group, share)
            .await
            .map_err(status::of)?;
        Ok(Response::new(proto::RecordDecisionResponse {}))
    }

    async fn object(
        &self,
        request: Request<proto::ObjectRequest>,
    ) -> Result<Response<proto::ObjectResponse>, Status> {
        let group = subject(&request.get_ref().group);
        let (centre, permit) = self
            .permit(&request, Action::Object, Subject::Group(group))
            .await?;
        centre.object(&permit, group).await.map_err(status::of)?;
        Ok(Response::new(proto::ObjectResponse {}))
    }

    async fn record_meeting(
        &self,
        request: Request<proto::RecordMeetingRequest>,
    ) -> Result<Response<proto::RecordMeetingResponse>, Status> {
        let group = subject(&request.get_ref().group);
        let (centre, permit) = self
            .permit(&request, Action::RecordMeeting, Subject::Group(group))
            .await?;
        let proto::RecordMeetingRequest {
            group: _,
            day: on,
            present,
            guests,
        } = request.into_inner();
        if present.len() > PRESENT {
            return Err(status::of(CentreError::Invalid(
                "more than 10000 members present; check the list",
            )));
        }
        let meeting = NewMeeting {
            day: day(&on).map_err(status::of)?,
            present: present
                .iter()
                .map(|member| member_subject(member))
                .collect::<BTreeSet<_>>(),
            guests,
        };
        let corrected = centre
            .record_meeting(&permit, group, meeting)
            .await
            .map_err(status::of)?;
        Ok(Response::new(proto::RecordMeetingResponse { corrected }))
    }
}

/// A group's id as given; text that is no id names none.
fn subject(text: &str) -> GroupId {
    text.parse().unwrap_or(GroupId::new([0; 16]))
}

/// What a template says about a group founded from it.
struct OfTemplate {
    facilitation: Facilitation,
    measures: Vec<MeasureCode>,
}

impl Services {
    async fn new_group(
        &self,
        request: proto::FoundGroupRequest,
        network: Option<krog_feed::ids::NetworkId>,
    ) -> Result<NewGroup, Status> {
        let proto::FoundGroupRequest {
            name,
            facilitation,
            template,
            measures,
        } = request;
        let invalid = |why| status::of(CentreError::Invalid(why));
        let version = (!template.is_empty())
            .then(|| version(&template))
            .transpose()
            .map_err(status::of)?;
        let of_template = match version {
            Some(version) => Some(self.of_template(version, network).await?),
            None => None,
        };
        let facilitation = if facilitation.is_empty() {
            of_template
                .as_ref()
                .map(|template| template.facilitation)
                .ok_or_else(|| {
                    invalid(
                        "say who leads the group: professional, peer or co-led; or name a template",
                    )
                })?
        } else {
            facilitation.parse().map_err(|_| {
                invalid("unknown facilitation; write one of professional, peer, co-led")
            })?
        };
        let measures = if measures.is_empty() {
            of_template
                .map(|template| template.measures)
                .unwrap_or_default()
        } else {
            measures
                .into_iter()
                .map(|code| {
                    MeasureCode::try_from(code)
                        .map_err(|_| invalid("a measure's name is not one; check it"))
                })
                .collect::<Result<_, _>>()?
        };
        Ok(NewGroup {
            name: GroupName::try_from(name).map_err(|error| status::of(error.into()))?,
            facilitation,
            template: version,
            measures,
        })
    }

    /// Reads a template version that has arrived. Its hash proves it, whoever passes it on.
    async fn of_template(
        &self,
        version: [u8; 32],
        network: Option<krog_feed::ids::NetworkId>,
    ) -> Result<OfTemplate, Status> {
        let missing = || {
            status::of(CentreError::NotNow(
                "this template version has not arrived at this node; list the templates, or try again after a sync",
            ))
        };
        let (Some(network), Some(library)) = (network, &self.library) else {
            return Err(missing());
        };
        let request = wire::ListTemplatesRequest {
            network: network.into(),
        };
        let answer = library
            .clone()
            .list_templates(request)
            .await
            .map_err(|_| {
                status::of(CentreError::NotNow(
                    "the node's exchange does not answer, so the template cannot be read; start it and try again",
                ))
            })?
            .into_inner();
        let document = answer
            .templates
            .into_iter()
            .map(|template| template.document)
            .find(|document| <[u8; 32]>::from(Sha256::digest(document)) == version)
            .ok_or_else(missing)?;
        let unreadable = || {
            status::of(CentreError::NotNow(
                "this template cannot be read by this version; update the node",
            ))
        };
        let document =
            wire::TemplateDocument::decode(document.as_slice()).map_err(|_| unreadable())?;
        let facilitation = match wire::Facilitation::try_from(document.facilitation) {
            Ok(wire::Facilitation::Professional) => Facilitation::Professional,
            Ok(wire::Facilitation::Peer) => Facilitation::Peer,
            Ok(wire::Facilitation::CoLed) => Facilitation::CoLed,
            Ok(wire::Facilitation::Unspecified) | Err(_) => return Err(unreadable()),
        };
        let measures = document
            .measures
            .into_iter()
            .map(|measure| MeasureCode::try_from(measure.code));
        Ok(OfTemplate {
            facilitation,
            measures: measures
                .collect::<Result<_, _>>()
                .map_err(|_| unreadable())?,
        })
    }
}

fn version(text: &str) -> Result<[u8; 32], CentreError> {
    let wrong = CentreError::Invalid(
        "a template version has 64 hexadecimal digits; copy it from the list of templates",
    );
    match HEXLOWER_PERMISSIVE.decode(text.as_bytes()) {
        Ok(bytes) => bytes.as_slice().try_into().map_err(|_| wrong),
        Err(_) => Err(wrong),
    }
}

fn listed(group: ListedGroup) -> proto::Group {
    let ListedGroup {
        group,
        name,
        facilitation,
        members,
        meetings,
        sharing,
        measures,
        template,
    } = group;
    proto::Group {
        group: group.to_text(),
        name: name.reveal().to_owned(),
        facilitation: facilitation.to_string(),
        members,
        meetings,
        sharing: sharing.as_str().to_owned(),
        measures,
        template: template
            .map(|template| HEXLOWER.encode(&template))
            .unwrap_or_default(),
    }
}
