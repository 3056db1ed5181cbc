//! The calls a centre's own people make, with their credential.

use std::fmt;
use std::path::Path;

use krog_proto::centre::v1 as pb;
use pb::check_ins_client::CheckInsClient;
use pb::desk_client::DeskClient;
use pb::groups_client::GroupsClient;
use pb::people_client::PeopleClient;
use pb::sharing_client::SharingClient;
use thiserror::Error;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::call::CallError;

/// Largest message taken or sent: a table of 8 MiB with room around it.
const LARGEST_MESSAGE: usize = 9 * 1024 * 1024;

/// Why a credential cannot be used.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// The file cannot be read.
    #[error(
        "cannot read the credential {path}: {reason}; name the file you were given with --credential"
    )]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The file holds no credential.
    #[error("{path} holds no credential; it should be the one line that was given to you")]
    NotOne {
        /// The file.
        path: String,
    },
}

/// What shows who calls: one line of text, secret.
#[derive(Clone)]
pub struct Credential(MetadataValue<Ascii>);

/// Silent: whoever holds it may call.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

impl Credential {
    /// Reads it from text: the first line that is neither empty nor begins with `#`.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))?;
        if line.contains(char::is_whitespace) {
            return None;
        }
        let mut value = MetadataValue::try_from(format!("Bearer {line}")).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// When the file cannot be read or holds none.
    pub fn read(path: &Path) -> Result<Self, CredentialError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| CredentialError::Unreadable {
            path: shown.clone(),
            reason: error.to_string(),
        })?;
        Self::parse(&text).ok_or(CredentialError::NotOne { path: shown })
    }
}

/// Puts the credential on every call.
#[derive(Debug, Clone)]
pub struct Bearer(Credential);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.0.clone());
        Ok(request)
    }
}

type Calls = InterceptedService<Channel, Bearer>;

/// All calls of `krog.centre.v1` over one connection and with one credential.
#[derive(Debug, Clone)]
pub struct CentreClient {
    desk: DeskClient<Calls>,
    people: PeopleClient<Calls>,
    groups: GroupsClient<Calls>,
    check_ins: CheckInsClient<Calls>,
    sharing: SharingClient<Calls>,
}

impl CentreClient {
    /// Calls over `channel` with `credential`.
    pub fn new(channel: Channel, credential: Credential) -> Self {
        let calls = InterceptedService::new(channel, Bearer(credential));
        Self {
            desk: DeskClient::new(calls.clone()),
            people: PeopleClient::new(calls.clone()).max_decoding_message_size(LARGEST_MESSAGE),
            groups: GroupsClient::new(calls.clone()).max_decoding_message_size(LARGEST_MESSAGE),
            check_ins: CheckInsClient::new(calls.clone())
                .max_decoding_message_size(LARGEST_MESSAGE)
                .max_encoding_message_size(LARGEST_MESSAGE),
            sharing: SharingClient::new(calls).max_decoding_message_size(LARGEST_MESSAGE),
        }
    }
}

macro_rules! calls {
    ($($(#[$doc:meta])+ $service:ident . $call:ident ( $request:ident ) -> $response:ident;)+) => {
        impl CentreClient {
            $(
                $(#[$doc])+
                ///
                /// # Errors
                /// When the node refuses, cannot be reached or fails.
                pub async fn $call(&self, request: pb::$request) -> Result<pb::$response, CallError> {
                    Ok(self.$service.clone().$call(request).await?.into_inner())
                }
            )+
        }
    };
}

calls! {
    /// Which centre and role the credential is for.
    desk.who_am_i(WhoAmIRequest) -> WhoAmIResponse;
    /// Adds a member.
    people.add_member(AddMemberRequest) -> AddMemberResponse;
    /// Lists the members; each leaves a line in the access log.
    people.list_members(ListMembersRequest) -> ListMembersResponse;
    /// Gives or withdraws one consent.
    people.set_consent(SetConsentRequest) -> SetConsentResponse;
    /// Reads the access log's lines about one member.
    people.read_access_log(ReadAccessLogRequest) -> ReadAccessLogResponse;
    /// Founds a group.
    groups.found_group(FoundGroupRequest) -> FoundGroupResponse;
    /// Lists the groups.
    groups.list_groups(ListGroupsRequest) -> ListGroupsResponse;
    /// Lets a member join or leave.
    groups.set_membership(SetMembershipRequest) -> SetMembershipResponse;
    /// Records the group's decision about sharing.
    groups.record_decision(RecordDecisionRequest) -> RecordDecisionResponse;
    /// Records an objection without a name.
    groups.object(ObjectRequest) -> ObjectResponse;
    /// Records a meeting with its attendance.
    groups.record_meeting(RecordMeetingRequest) -> RecordMeetingResponse;
    /// Records one filled questionnaire.
    check_ins.record_check_in(RecordCheckInRequest) -> RecordCheckInResponse;
    /// Imports a table of outcomes.
    check_ins.import_outcomes(ImportOutcomesRequest) -> ImportOutcomesResponse;
    /// What would be decided now, numbers masked.
    sharing.preview(PreviewRequest) -> PreviewResponse;
    /// Approves a quarter as a whole.
    sharing.approve(ApproveRequest) -> ApproveResponse;
    /// Stops frozen bytes before they are signed.
    sharing.stop(StopRequest) -> StopResponse;
    /// What is frozen and what was signed, to the byte.
    sharing.show(ShowRequest) -> ShowResponse;
    /// States the basis of consent of members imported without a `sharing` column.
    sharing.attest(AttestRequest) -> AttestResponse;
    /// By which way a measure leaves: in pools or in releases.
    sharing.choose_way(ChooseWayRequest) -> ChooseWayResponse;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_the_first_line_that_says_something() {
        let credential = Credential::parse("# coordinator of A\n\n  kc1-abc  \n").unwrap();
        assert_eq!(credential.0.to_str().unwrap(), "Bearer kc1-abc");
        assert!(credential.0.is_sensitive());
        assert!(!format!("{credential:?} {:?}", Bearer(credential.clone())).contains("abc"));
    }

    #[test]
    fn what_is_no_credential_is_not_sent() {
        for text in ["", "# only words", "two words", "a\u{7}b"] {
            assert!(Credential::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_missing_file_says_what_to_name() {
        let error = Credential::read(Path::new("/nowhere/at/all.txt")).unwrap_err();
        assert!(error.to_string().contains("--credential"));
    }
}
