//! Who may do what. One function decides; whoever acts needs the [`Permit`] only it can give.
//!
//! Forbidden and absent look the same from outside, so [`Forbidden`] says nothing.

use crate::personal::{CredentialId, GroupId, MemberId};
use krog_feed::ids::WriterId;
use krog_measures::Quarter;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What a credential's holder is in its centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Keeps members, groups and check-ins, and proposes what is shared.
    Coordinator,
    /// Approves what is shared and reads the access log; sees form, not people.
    Guardian,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 2] = [Self::Coordinator, Self::Guardian];

    /// The word in credentials, answers and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Guardian => "guardian",
        }
    }
}

/// Text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("unknown role; write coordinator or guardian")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who calls, as the centre's own store knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub(crate) centre: WriterId,
    pub(crate) credential: CredentialId,
    pub(crate) role: Role,
}

impl Caller {
    /// The role the caller acts in.
    pub fn role(&self) -> Role {
        self.role
    }
}

/// What can be done, one for each call of `krog.centre.v1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Add a member.
    AddMember,
    /// Read all members.
    ListMembers,
    /// Give or withdraw a consent for a member.
    SetConsent,
    /// Read who looked at a member's record.
    ReadAccessLog,
    /// Found a group.
    FoundGroup,
    /// List groups.
    ListGroups,
    /// Let a member join or leave.
    SetMembership,
    /// Record a group's decision.
    RecordDecision,
    /// Record an objection without a name.
    Object,
    /// Record a meeting.
    RecordMeeting,
    /// Record a check-in.
    RecordCheckIn,
    /// Import a table.
    ImportOutcomes,
    /// See what would be decided.
    Preview,
    /// Approve a quarter.
    Approve,
    /// Stop frozen bytes.
    Stop,
    /// See frozen and signed bytes.
    Show,
    /// State the basis of imported members' consent.
    Attest,
    /// Record by which way a measure leaves.
    ChooseWay,
    /// Stop or withdraw a part in a round of a pool.
    StopPart,
    /// Ask who one is.
    WhoAmI,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 20] = [
        Self::AddMember,
        Self::ListMembers,
        Self::SetConsent,
        Self::ReadAccessLog,
        Self::FoundGroup,
        Self::ListGroups,
        Self::SetMembership,
        Self::RecordDecision,
        Self::Object,
        Self::RecordMeeting,
        Self::RecordCheckIn,
        Self::ImportOutcomes,
        Self::Preview,
        Self::Approve,
        Self::Stop,
        Self::Show,
        Self::Attest,
        Self::ChooseWay,
        Self::StopPart,
        Self::WhoAmI,
    ];

    /// The words of the access log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddMember => "added the member",
            Self::ListMembers => "read the record in the list of members",
            Self::SetConsent => "changed a consent",
            Self::ReadAccessLog => "read the access log",
            Self::FoundGroup => "founded a group",
            Self::ListGroups => "listed the groups",
            Self::SetMembership => "changed a membership",
            Self::RecordDecision => "recorded a group's decision",
            Self::Object => "recorded an objection",
            Self::RecordMeeting => "recorded a meeting",
            Self::RecordCheckIn => "recorded a check-in",
            Self::ImportOutcomes => "imported a table",
            Self::Preview => "previewed a quarter",
            Self::Approve => "approved a quarter",
            Self::Stop => "stopped a quarter",
            Self::Show => "looked at what is frozen and signed",
            Self::Attest => "attested a consent basis",
            Self::ChooseWay => "chose a way for a measure",
            Self::StopPart => "stopped a part in a pool",
            Self::WhoAmI => "asked who they are",
        }
    }
}

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The centre as a whole.
    Centre,
    /// One member.
    Member(MemberId),
    /// One group.
    Group(GroupId),
    /// One quarter's sharing.
    Quarter(Quarter),
}

/// Proof that [`decide`] allowed one action in one centre.
#[derive(Debug)]
pub struct Permit {
    caller: Caller,
    action: Action,
    subject: Subject,
}

impl Permit {
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn action(&self) -> Action {
        self.action
    }

    /// Whether this permit is for `action` on `subject` in `centre`.
    pub(crate) fn covers(
        &self,
        centre: WriterId,
        action: Action,
        subject: &Subject,
    ) -> Result<(), Forbidden> {
        if self.caller.centre == centre && self.action == action && self.subject == *subject {
            Ok(())
        } else {
            Err(Forbidden)
        }
    }
}

/// Not allowed, or not there: which of the two is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not found")]
pub struct Forbidden;

/// Decides whether `caller` may do `action` to `subject`. The only source of permits.
pub fn decide(caller: &Caller, action: Action, subject: &Subject) -> Result<Permit, Forbidden> {
    use Role::{Coordinator, Guardian};
    let allowed = match (action, caller.role) {
        (
            Action::AddMember
            | Action::ListMembers
            | Action::SetConsent
            | Action::FoundGroup
            | Action::SetMembership
            | Action::RecordDecision
            | Action::RecordMeeting
            | Action::RecordCheckIn
            | Action::ImportOutcomes
            | Action::Attest
            | Action::ChooseWay,
            Coordinator,
        ) => true,
        // The guardian needs a group's id to record an objection brought to them, and sees no member by it.
        (Action::ListGroups | Action::Object | Action::ReadAccessLog, Coordinator | Guardian) => {
            true
        }
        (
            Action::Preview
            | Action::Approve
            | Action::Stop
            | Action::StopPart
            | Action::Show
            | Action::WhoAmI,
            Coordinator | Guardian,
        ) => true,
        (_, Guardian) => false,
    };
    if allowed && concerns(action, subject) {
        Ok(Permit {
            caller: *caller,
            action,
            subject: *subject,
        })
    } else {
        Err(Forbidden)
    }
}

/// Whether an action can be about a subject at all.
fn concerns(action: Action, subject: &Subject) -> bool {
    match action {
        Action::SetConsent | Action::ReadAccessLog | Action::RecordCheckIn => {
            matches!(subject, Subject::Member(_))
        }
        Action::SetMembership | Action::RecordDecision | Action::Object | Action::RecordMeeting => {
            matches!(subject, Subject::Group(_))
        }
        Action::Preview | Action::Approve | Action::Stop => matches!(subject, Subject::Quarter(_)),
        Action::AddMember
        | Action::ListMembers
        | Action::FoundGroup
        | Action::ListGroups
        | Action::ImportOutcomes
        | Action::Show
        | Action::Attest
        | Action::ChooseWay
        | Action::StopPart
        | Action::WhoAmI => matches!(subject, Subject::Centre),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role) -> Caller {
        Caller {
            centre: WriterId::new([1; 32]),
            credential: CredentialId::new([2; 16]),
            role,
        }
    }

    fn subject_of(action: Action) -> Subject {
        let subjects = [
            Subject::Centre,
            Subject::Member(MemberId::new([3; 16])),
            Subject::Group(GroupId::new([4; 16])),
            Subject::Quarter(Quarter::new(2026, 1).unwrap()),
        ];
        let mut fitting = subjects
            .into_iter()
            .filter(|subject| concerns(action, subject));
        let subject = fitting.next().unwrap();
        assert!(
            fitting.next().is_none(),
            "an action is about one kind of subject"
        );
        subject
    }

    #[test]
    fn a_coordinator_may_everything_and_a_guardian_sees_no_member() {
        let guardian: Vec<Action> = Action::ALL
            .into_iter()
            .filter(|action| decide(&caller(Role::Guardian), *action, &subject_of(*action)).is_ok())
            .collect();
        assert_eq!(
            guardian,
            [
                Action::ReadAccessLog,
                Action::ListGroups,
                Action::Object,
                Action::Preview,
                Action::Approve,
                Action::Stop,
                Action::Show,
                Action::StopPart,
                Action::WhoAmI,
            ]
        );
        for action in Action::ALL {
            assert!(decide(&caller(Role::Coordinator), action, &subject_of(action)).is_ok());
        }
    }

    #[test]
    fn a_permit_is_good_for_its_own_centre_action_and_subject_only() {
        let home = WriterId::new([1; 32]);
        let member = Subject::Member(MemberId::new([3; 16]));
        let permit = decide(&caller(Role::Coordinator), Action::SetConsent, &member).unwrap();
        assert!(permit.covers(home, Action::SetConsent, &member).is_ok());
        assert!(
            permit
                .covers(WriterId::new([9; 32]), Action::SetConsent, &member)
                .is_err()
        );
        assert!(permit.covers(home, Action::RecordCheckIn, &member).is_err());
        let other = Subject::Member(MemberId::new([7; 16]));
        assert!(permit.covers(home, Action::SetConsent, &other).is_err());
    }
}
