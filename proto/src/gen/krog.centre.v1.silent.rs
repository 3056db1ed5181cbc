impl ::core::fmt::Debug for AddMemberRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("AddMemberRequest(..)")
    }
}
impl ::core::fmt::Debug for AddMemberResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("AddMemberResponse(..)")
    }
}
impl ::core::fmt::Debug for ListMembersRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ListMembersRequest(..)")
    }
}
impl ::core::fmt::Debug for ListMembersResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ListMembersResponse(..)")
    }
}
impl ::core::fmt::Debug for Member {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("Member(..)")
    }
}
impl ::core::fmt::Debug for SetConsentRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("SetConsentRequest(..)")
    }
}
impl ::core::fmt::Debug for SetConsentResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("SetConsentResponse(..)")
    }
}
impl ::core::fmt::Debug for ReadAccessLogRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ReadAccessLogRequest(..)")
    }
}
impl ::core::fmt::Debug for ReadAccessLogResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ReadAccessLogResponse(..)")
    }
}
impl ::core::fmt::Debug for AccessLine {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("AccessLine(..)")
    }
}
impl ::core::fmt::Debug for FoundGroupRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("FoundGroupRequest(..)")
    }
}
impl ::core::fmt::Debug for FoundGroupResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("FoundGroupResponse(..)")
    }
}
impl ::core::fmt::Debug for ListGroupsRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ListGroupsRequest(..)")
    }
}
impl ::core::fmt::Debug for ListGroupsResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ListGroupsResponse(..)")
    }
}
impl ::core::fmt::Debug for Group {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("Group(..)")
    }
}
impl ::core::fmt::Debug for SetMembershipRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("SetMembershipRequest(..)")
    }
}
impl ::core::fmt::Debug for SetMembershipResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("SetMembershipResponse(..)")
    }
}
impl ::core::fmt::Debug for RecordDecisionRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("RecordDecisionRequest(..)")
    }
}
impl ::core::fmt::Debug for RecordDecisionResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("RecordDecisionResponse(..)")
    }
}
impl ::core::fmt::Debug for ObjectRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ObjectRequest(..)")
    }
}
impl ::core::fmt::Debug for ObjectResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ObjectResponse(..)")
    }
}
impl ::core::fmt::Debug for RecordMeetingRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("RecordMeetingRequest(..)")
    }
}
impl ::core::fmt::Debug for RecordMeetingResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("RecordMeetingResponse(..)")
    }
}
impl ::core::fmt::Debug for Answer {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("Answer(..)")
    }
}
impl ::core::fmt::Debug for RecordCheckInRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("RecordCheckInRequest(..)")
    }
}
impl ::core::fmt::Debug for RecordCheckInResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("RecordCheckInResponse(..)")
    }
}
impl ::core::fmt::Debug for ScoredMeasure {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ScoredMeasure(..)")
    }
}
impl ::core::fmt::Debug for ImportOutcomesRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ImportOutcomesRequest(..)")
    }
}
impl ::core::fmt::Debug for ImportOutcomesResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ImportOutcomesResponse(..)")
    }
}
impl ::core::fmt::Debug for RefusedLine {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("RefusedLine(..)")
    }
}
impl ::core::fmt::Debug for PreviewRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("PreviewRequest(..)")
    }
}
impl ::core::fmt::Debug for PreviewResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("PreviewResponse(..)")
    }
}
impl ::core::fmt::Debug for PreviewRound {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("PreviewRound(..)")
    }
}
impl ::core::fmt::Debug for PreviewCell {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("PreviewCell(..)")
    }
}
impl ::core::fmt::Debug for ApproveRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ApproveRequest(..)")
    }
}
impl ::core::fmt::Debug for ApproveResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ApproveResponse(..)")
    }
}
impl ::core::fmt::Debug for ApprovedRound {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ApprovedRound(..)")
    }
}
impl ::core::fmt::Debug for StopRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("StopRequest(..)")
    }
}
impl ::core::fmt::Debug for StopResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("StopResponse(..)")
    }
}
impl ::core::fmt::Debug for ShowRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ShowRequest(..)")
    }
}
impl ::core::fmt::Debug for ShowResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ShowResponse(..)")
    }
}
impl ::core::fmt::Debug for ShownPart {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ShownPart(..)")
    }
}
impl ::core::fmt::Debug for ShownSum {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ShownSum(..)")
    }
}
impl ::core::fmt::Debug for ShownRelease {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ShownRelease(..)")
    }
}
impl ::core::fmt::Debug for AttestRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("AttestRequest(..)")
    }
}
impl ::core::fmt::Debug for AttestResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("AttestResponse(..)")
    }
}
impl ::core::fmt::Debug for ChooseWayRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ChooseWayRequest(..)")
    }
}
impl ::core::fmt::Debug for ChooseWayResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("ChooseWayResponse(..)")
    }
}
impl ::core::fmt::Debug for WhoAmIRequest {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("WhoAmIRequest(..)")
    }
}
impl ::core::fmt::Debug for WhoAmIResponse {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("WhoAmIResponse(..)")
    }
}
