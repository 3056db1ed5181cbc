//! What stands inside the sealed columns. Fields are numbered for ever, like those on the wire; `Debug` is silent.

use std::fmt;

macro_rules! silent {
    ($($name:ident),* $(,)?) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

/// A member.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct MemberRecord {
    #[prost(string, tag = "1")]
    pub(crate) label: String,
    /// Empty: not known.
    #[prost(string, tag = "2")]
    pub(crate) contact: String,
    /// Imported from a table without a `sharing` column: an attestation may speak for them.
    #[prost(bool, tag = "3")]
    pub(crate) awaits_basis: bool,
}

/// One consent given or taken back.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct ConsentRecord {
    #[prost(int32, tag = "1")]
    pub(crate) purpose: i32,
    #[prost(bool, tag = "2")]
    pub(crate) given: bool,
    #[prost(sint32, tag = "3")]
    pub(crate) day: i32,
    /// One of [`ConsentSource`].
    #[prost(int32, tag = "4")]
    pub(crate) source: i32,
}

/// Who said so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsentSource {
    /// The member, by the coordinator's hand.
    Member = 1,
    /// A table's `sharing` column.
    Import = 2,
    /// An attestation of the consent basis.
    Attestation = 3,
}

/// Who led a group from a day on.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct StretchRecord {
    /// Absent: from the beginning.
    #[prost(sint32, optional, tag = "1")]
    pub(crate) from_day: Option<i32>,
    /// `professional`, `peer` or `co-led`.
    #[prost(string, tag = "2")]
    pub(crate) facilitation: String,
}

/// A group.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct GroupRecord {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Stretches of facilitation, earliest first.
    #[prost(message, repeated, tag = "2")]
    pub(crate) stretches: Vec<StretchRecord>,
    /// SHA-256 of the template version. Empty: none.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) template: Vec<u8>,
    /// Codes of the measures the group uses.
    #[prost(string, repeated, tag = "4")]
    pub(crate) measures: Vec<String>,
    /// Imported from a table without a `sharing` column.
    #[prost(bool, tag = "5")]
    pub(crate) awaits_basis: bool,
}

/// One stay in a group.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct StayRecord {
    #[prost(sint32, tag = "1")]
    pub(crate) from_day: i32,
    /// Absent: still a member.
    #[prost(sint32, optional, tag = "2")]
    pub(crate) until_day: Option<i32>,
    /// A table's `joined` day: then it is also the first attendance.
    #[prost(bool, tag = "3")]
    pub(crate) imported: bool,
}

/// A member's stays in one group.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct MembershipRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) group: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) stays: Vec<StayRecord>,
}

/// One meeting.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct MeetingRecord {
    #[prost(sint32, tag = "1")]
    pub(crate) day: i32,
    #[prost(uint32, tag = "2")]
    pub(crate) guests: u32,
    /// Ids of the members present.
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(crate) present: Vec<Vec<u8>>,
}

/// One score, or its absence.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct CheckInRecord {
    #[prost(string, tag = "1")]
    pub(crate) measure: String,
    /// Comparability class the score was made in.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) class: Vec<u8>,
    #[prost(sint32, tag = "3")]
    pub(crate) day: i32,
    /// Absent: too few items were answered.
    #[prost(double, optional, tag = "4")]
    pub(crate) score: Option<f64>,
    /// The group a table names beside it. Empty: none.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) group: Vec<u8>,
}

/// One answer.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct AnswerRecord {
    #[prost(string, tag = "1")]
    pub(crate) item: String,
    /// Absent: declined.
    #[prost(sint32, optional, tag = "2")]
    pub(crate) value: Option<i32>,
}

/// The answers of one filled questionnaire.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct AnswersRecord {
    #[prost(string, tag = "1")]
    pub(crate) instrument: String,
    #[prost(sint32, tag = "2")]
    pub(crate) day: i32,
    #[prost(message, repeated, tag = "3")]
    pub(crate) answers: Vec<AnswerRecord>,
}

/// A line of the access log.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct AccessRecord {
    #[prost(sint32, tag = "1")]
    pub(crate) day: i32,
    #[prost(string, tag = "2")]
    pub(crate) role: String,
    #[prost(string, tag = "3")]
    pub(crate) action: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) credential: Vec<u8>,
}

/// An attestation of a consent basis.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct AttestationRecord {
    #[prost(sint32, tag = "1")]
    pub(crate) day: i32,
    #[prost(string, tag = "2")]
    pub(crate) basis: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) credential: Vec<u8>,
}

/// A verified chain of rosters, as it was fetched.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RostersRecord {
    #[prost(message, repeated, tag = "1")]
    pub(crate) rosters: Vec<krog_proto::federation::v1::SignedRoster>,
}

silent!(
    MemberRecord,
    ConsentRecord,
    StretchRecord,
    GroupRecord,
    StayRecord,
    MembershipRecord,
    MeetingRecord,
    CheckInRecord,
    AnswerRecord,
    AnswersRecord,
    AccessRecord,
    AttestationRecord,
);
