//! What leaves the centre, and who decides it: preview on form, two approvals by two people, fourteen days, one signature.

mod approve;
mod due;
mod ledger;
mod parts;
mod places;
mod rounds;
mod shown;
mod waiting;
mod ways;

pub use approve::Approved;
pub use parts::PartState;
pub(crate) use rounds::has_had_pools;
pub use rounds::{ApprovedPart, PreviewRound};
pub use shown::ShownPart;

use crate::centre::Centre;
use crate::consents::NewConsent;
use crate::error::CentreError;
use crate::groups::{GroupSharing, set_sharing};
use crate::people::member_id;
use crate::personal::{Basis, Purpose};
use crate::policy::{Action, Permit, Role, Subject};
use crate::records::{AttestationRecord, ConsentSource, MemberRecord};
use krog_disclosure::Way;
use krog_measures::{Course, Day, Facilitation, Quarter};
use sqlx::Row;

/// How far a quarter has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarterState {
    /// Nobody has approved yet.
    Open,
    /// One of the two has.
    ApprovedOnce,
    /// Both have; the bytes are frozen and can be stopped.
    Frozen,
    /// Stopped: told as not shared.
    Stopped,
    /// Signed: part of the centre's feed.
    Signed,
}

impl QuarterState {
    /// The word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ApprovedOnce => "approved-once",
            Self::Frozen => "frozen",
            Self::Stopped => "stopped",
            Self::Signed => "signed",
        }
    }
}

/// What would be decided now, or was, on its form.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The quarter.
    pub quarter: Quarter,
    /// How far it has come.
    pub state: QuarterState,
    /// Roles that approved.
    pub approved_by: Vec<Role>,
    /// The cells, by measure, facilitation and course.
    pub cells: Vec<PreviewCell>,
    /// Last day on which it can be stopped; only while frozen.
    pub stoppable_until: Option<Day>,
    /// Persons with a waiting pair who did not consent to being counted, rounded up to a multiple of five.
    pub without_consent: u32,
    /// Public name of the network; `None` when the node is in none.
    pub network: Option<String>,
    /// Rounds of pools this centre could take part in or does.
    pub rounds: Vec<PreviewRound>,
}

/// One cell on its form: numbers masked.
#[derive(Debug, Clone)]
pub struct PreviewCell {
    /// The measure's code.
    pub measure: String,
    /// Who leads.
    pub facilitation: Facilitation,
    /// Entry or continuing.
    pub course: Course,
    /// Persons who would be counted; 0 below the floor.
    pub persons: u32,
    /// What the network would read.
    pub would_be: &'static str,
    /// What would be told, numbers masked. Empty when nothing is.
    pub form: String,
    /// Why, at home.
    pub reason: String,
    /// Quarter of the oldest waiting pair.
    pub waiting_since: Option<Quarter>,
    /// The way this measure leaves.
    pub way: Way,
}

/// A release as it stands at home.
#[derive(Debug, Clone)]
pub struct ShownRelease {
    /// The quarter.
    pub quarter: Quarter,
    /// Frozen, stopped or signed.
    pub state: QuarterState,
    /// The exact encoded release.
    pub payload: Vec<u8>,
    /// The entry that carries it, once signed.
    pub entry: Option<krog_feed::ids::HeaderHash>,
    /// Last day on which it can be stopped; only while frozen.
    pub stoppable_until: Option<Day>,
    /// Whether the exchange has acknowledged the entry.
    pub handed_over: bool,
}

impl Centre {
    /// The latest quarter that has ended: the one that can be decided.
    pub fn latest_quarter(&self) -> Result<Quarter, CentreError> {
        Ok(self.today()?.quarter().previous())
    }

    /// States on what basis members imported without a `sharing` column consented to being counted, and their groups
    /// agreed. Who has said yes or no otherwise is not touched. Returns how many members it covers.
    pub async fn attest(&self, permit: &Permit, basis: String) -> Result<u32, CentreError> {
        self.check(permit, Action::Attest, &Subject::Centre)?;
        if basis.trim().len() < 10 {
            return Err(CentreError::Invalid(
                "the basis has fewer than 10 bytes; say in a sentence how and when the members consented",
            ));
        }
        let basis = Basis::try_from(basis)?;
        let today = self.today()?;
        let mut tx = self.begin().await?;
        let keys = self.keys.members().await?;
        let consents = self.consents(&mut tx, &keys).await?;
        let rows = sqlx::query("SELECT member, sealed FROM members")
            .fetch_all(&mut *tx)
            .await?;
        let mut words = Vec::new();
        for row in &rows {
            let member = member_id(row.try_get(0)?)?;
            let Some(key) = keys.get(&member) else {
                continue;
            };
            let record: MemberRecord =
                self.unseal(key, "members", member.as_bytes(), row.try_get(1)?)?;
            if record.awaits_basis && consents.standing(member, Purpose::Sharing).source.is_none() {
                words.push(NewConsent {
                    member,
                    key,
                    purpose: Purpose::Sharing,
                    given: true,
                    day: today,
                    source: ConsentSource::Attestation,
                });
            }
        }
        let covered = u32::try_from(words.len()).unwrap_or(u32::MAX);
        self.write_consents(&mut tx, &words).await?;
        for (group, stored) in self.groups(&mut tx).await? {
            if stored.record.awaits_basis && stored.sharing == GroupSharing::Undecided {
                set_sharing(&mut tx, group, GroupSharing::Yes).await?;
            }
        }
        let id: [u8; 16] = self.surroundings.bytes();
        let record = AttestationRecord {
            day: today.number(),
            basis: basis.reveal().to_owned(),
            credential: permit.caller().credential.as_bytes().to_vec(),
        };
        sqlx::query("INSERT INTO attestations (id, sealed) VALUES ($1, $2)")
            .bind(id.as_slice())
            .bind(self.seal(&self.keys.centre, "attestations", &id, &record)?)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(covered)
    }
}
