//! Groups of a centre: what they are called, who leads them, who belongs, and what they decided about sharing.

use crate::centre::Centre;
use crate::error::CentreError;
use crate::measures::KnownMeasures;
use crate::personal::{GroupId, GroupName, MemberId};
use crate::policy::{Action, Permit, Subject};
use crate::records::{GroupRecord, MembershipRecord, StayRecord, StretchRecord};
use crate::sealing::SealingKey;
use crate::store::{ROWS_PER_INSERT, Tx};
use krog_measures::{Day, Facilitation, MeasureCode};
use sqlx::{QueryBuilder, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Most measures of one group.
pub const MEASURES_PER_GROUP: usize = 64;

/// What a group has decided about sharing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupSharing {
    /// Nothing yet.
    Undecided,
    /// Yes.
    Yes,
    /// No.
    No,
    /// Somebody objected; the group has to decide again.
    Paused,
}

impl GroupSharing {
    /// The word in answers and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Paused => "paused",
        }
    }
}

impl FromStr for GroupSharing {
    type Err = CentreError;

    fn from_str(text: &str) -> Result<Self, CentreError> {
        [Self::Undecided, Self::Yes, Self::No, Self::Paused]
            .into_iter()
            .find(|sharing| sharing.as_str() == text)
            .ok_or(CentreError::Damaged { table: "groups" })
    }
}

/// A new group.
pub struct NewGroup {
    /// Its name at home.
    pub name: GroupName,
    /// Who leads it.
    pub facilitation: Facilitation,
    /// SHA-256 of the template version it is founded from.
    pub template: Option<[u8; 32]>,
    /// Measures it uses, or instruments, which stand for all their measures.
    pub measures: Vec<MeasureCode>,
}

impl fmt::Debug for NewGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewGroup(..)")
    }
}

/// A group as it is listed.
pub struct ListedGroup {
    /// Random id in this centre.
    pub group: GroupId,
    /// Its name at home.
    pub name: GroupName,
    /// Who leads it now.
    pub facilitation: Facilitation,
    /// Members now.
    pub members: u32,
    /// Meetings recorded.
    pub meetings: u32,
    /// What it decided about sharing.
    pub sharing: GroupSharing,
    /// Measures it uses.
    pub measures: Vec<String>,
    /// SHA-256 of the template version it was founded from.
    pub template: Option<Vec<u8>>,
}

impl fmt::Debug for ListedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListedGroup(..)")
    }
}

/// A group as it stands in the store.
pub(crate) struct StoredGroup {
    pub(crate) record: GroupRecord,
    pub(crate) sharing: GroupSharing,
}

impl StoredGroup {
    /// Who leads on a day; the first stretch also covers the time before it.
    pub(crate) fn facilitation_on(&self, day: Day) -> Result<Facilitation, CentreError> {
        let damaged = CentreError::Damaged { table: "groups" };
        let begun =
            |stretch: &&StretchRecord| stretch.from_day.is_none_or(|from| from <= day.number());
        let stretches = &self.record.stretches;
        let stretch = stretches.iter().rev().find(begun).or(stretches.first());
        stretch
            .and_then(|stretch| stretch.facilitation.parse().ok())
            .ok_or(damaged)
    }
}

/// A group's row, to be written.
pub(crate) struct GroupRow {
    pub(crate) group: GroupId,
    pub(crate) sharing: GroupSharing,
    pub(crate) sealed: Vec<u8>,
}

/// A membership's row, to be written.
pub(crate) struct MembershipRow {
    pub(crate) member: MemberId,
    pub(crate) place: [u8; 32],
    pub(crate) id: [u8; 16],
    pub(crate) sealed: Vec<u8>,
}

/// Stays of members in groups.
pub(crate) type Memberships = BTreeMap<MemberId, BTreeMap<GroupId, Vec<StayRecord>>>;

impl Centre {
    /// Founds a group.
    pub async fn found_group(
        &self,
        permit: &Permit,
        new: NewGroup,
    ) -> Result<GroupId, CentreError> {
        self.check(permit, Action::FoundGroup, &Subject::Centre)?;
        let NewGroup {
            name,
            facilitation,
            template,
            measures,
        } = new;
        let mut tx = self.begin().await?;
        let known = self.known_measures(&mut tx).await?;
        let record = GroupRecord {
            name: name.reveal().to_owned(),
            stretches: vec![StretchRecord {
                from_day: None,
                facilitation: facilitation.as_str().to_owned(),
            }],
            template: template.map(Vec::from).unwrap_or_default(),
            measures: used_measures(&known, &measures)?,
            awaits_basis: false,
        };
        let group = GroupId::new(self.surroundings.bytes());
        let row = GroupRow {
            group,
            sharing: GroupSharing::Undecided,
            sealed: self.seal(&self.keys.centre, "groups", group.as_bytes(), &record)?,
        };
        insert_groups(&mut tx, &[row]).await?;
        tx.commit().await?;
        Ok(group)
    }

    /// Lists the groups, by name.
    pub async fn list_groups(&self, permit: &Permit) -> Result<Vec<ListedGroup>, CentreError> {
        self.check(permit, Action::ListGroups, &Subject::Centre)?;
        let today = self.today()?;
        let mut tx = self.begin().await?;
        let keys = self.keys.members().await?;
        let groups = self.groups(&mut tx).await?;
        let memberships = self.memberships(&mut tx, &keys).await?;
        let mut meetings: BTreeMap<GroupId, u32> = BTreeMap::new();
        for row in sqlx::query("SELECT grp, count(*) FROM meetings GROUP BY grp")
            .fetch_all(&mut *tx)
            .await?
        {
            meetings.insert(group_id(row.try_get(0)?)?, row.try_get(1)?);
        }
        let mut members: BTreeMap<GroupId, u32> = BTreeMap::new();
        for (group, stays) in memberships.values().flatten() {
            if stays.iter().any(|stay| stay.until_day.is_none()) {
                *members.entry(*group).or_default() += 1;
            }
        }
        let mut listed = Vec::with_capacity(groups.len());
        for (group, stored) in groups {
            listed.push(ListedGroup {
                group,
                facilitation: stored.facilitation_on(today)?,
                name: GroupName::try_from(stored.record.name)?,
                members: members.get(&group).copied().unwrap_or(0),
                meetings: meetings.get(&group).copied().unwrap_or(0),
                sharing: stored.sharing,
                measures: stored.record.measures,
                template: Some(stored.record.template).filter(|template| !template.is_empty()),
            });
        }
        listed.sort_by(|a, b| (a.name.reveal(), a.group).cmp(&(b.name.reveal(), b.group)));
        Ok(listed)
    }

    /// Lets a member join or leave a group on a day. What holds already changes nothing.
    pub async fn set_membership(
        &self,
        permit: &Permit,
        group: GroupId,
        member: MemberId,
        day: Option<Day>,
        joined: bool,
    ) -> Result<(), CentreError> {
        self.check(permit, Action::SetMembership, &Subject::Group(group))?;
        let day = self.day_or_today(day)?;
        let key = self.keys.member(member).await?;
        let mut tx = self.begin().await?;
        self.member_exists(&mut tx, member).await?;
        self.group(&mut tx, group).await?;
        let place = self.membership_place(member, group);
        let row = sqlx::query("SELECT id, sealed FROM memberships WHERE place = $1")
            .bind(place.as_slice())
            .fetch_optional(&mut *tx)
            .await?;
        let (id, mut record) = match &row {
            Some(row) => {
                let id: Vec<u8> = row.try_get(0)?;
                let record: MembershipRecord =
                    self.unseal(&key, "memberships", &id, row.try_get(1)?)?;
                (id, record)
            }
            None => (
                self.surroundings.bytes::<16>().to_vec(),
                MembershipRecord {
                    group: group.as_bytes().to_vec(),
                    stays: Vec::new(),
                },
            ),
        };
        let open = record
            .stays
            .iter_mut()
            .find(|stay| stay.until_day.is_none());
        match (open, joined) {
            (Some(stay), false) => stay.until_day = Some(day.number().max(stay.from_day)),
            (None, true) => record.stays.push(StayRecord {
                from_day: day.number(),
                until_day: None,
                imported: false,
            }),
            (Some(_), true) | (None, false) => return Ok(()),
        }
        let sealed = self.seal(&key, "memberships", &id, &record)?;
        sqlx::query(
            "INSERT INTO memberships (id, member, place, sealed) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (place) DO UPDATE SET sealed = excluded.sealed",
        )
        .bind(id)
        .bind(member.as_bytes().as_slice())
        .bind(place.as_slice())
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        self.note_access(&mut tx, permit, &[member]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records what the group itself decided about sharing.
    pub async fn record_decision(
        &self,
        permit: &Permit,
        group: GroupId,
        share: bool,
    ) -> Result<(), CentreError> {
        self.check(permit, Action::RecordDecision, &Subject::Group(group))?;
        let decided = if share {
            GroupSharing::Yes
        } else {
            GroupSharing::No
        };
        let mut tx = self.begin().await?;
        self.group(&mut tx, group).await?;
        set_sharing(&mut tx, group, decided).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records that somebody objects to sharing: a group that had said yes is paused until it has decided again. Nothing
    /// says who it was.
    pub async fn object(&self, permit: &Permit, group: GroupId) -> Result<(), CentreError> {
        self.check(permit, Action::Object, &Subject::Group(group))?;
        let mut tx = self.begin().await?;
        if self.group(&mut tx, group).await?.sharing == GroupSharing::Yes {
            set_sharing(&mut tx, group, GroupSharing::Paused).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// All groups.
    pub(crate) async fn groups(
        &self,
        tx: &mut Tx,
    ) -> Result<BTreeMap<GroupId, StoredGroup>, CentreError> {
        let rows = sqlx::query("SELECT grp, sharing, sealed FROM groups")
            .fetch_all(&mut **tx)
            .await?;
        let mut groups = BTreeMap::new();
        for row in &rows {
            let group = group_id(row.try_get(0)?)?;
            let stored = StoredGroup {
                record: self.unseal(
                    &self.keys.centre,
                    "groups",
                    group.as_bytes(),
                    row.try_get(2)?,
                )?,
                sharing: row.try_get::<&str, _>(1)?.parse()?,
            };
            groups.insert(group, stored);
        }
        Ok(groups)
    }

    /// One group; absent is not found.
    pub(crate) async fn group(
        &self,
        tx: &mut Tx,
        group: GroupId,
    ) -> Result<StoredGroup, CentreError> {
        let row = sqlx::query("SELECT sharing, sealed FROM groups WHERE grp = $1")
            .bind(group.as_bytes().as_slice())
            .fetch_optional(&mut **tx)
            .await?
            .ok_or(CentreError::NotFound)?;
        Ok(StoredGroup {
            record: self.unseal(
                &self.keys.centre,
                "groups",
                group.as_bytes(),
                row.try_get(1)?,
            )?,
            sharing: row.try_get::<&str, _>(0)?.parse()?,
        })
    }

    /// All stays of the members whose keys are given.
    pub(crate) async fn memberships(
        &self,
        tx: &mut Tx,
        keys: &BTreeMap<MemberId, SealingKey>,
    ) -> Result<Memberships, CentreError> {
        let damaged = || CentreError::Damaged {
            table: "memberships",
        };
        let rows = sqlx::query("SELECT id, member, sealed FROM memberships")
            .fetch_all(&mut **tx)
            .await?;
        let mut memberships = Memberships::new();
        for row in &rows {
            let member = MemberId::try_from(row.try_get::<&[u8], _>(1)?).map_err(|_| damaged())?;
            let Some(key) = keys.get(&member) else {
                continue;
            };
            let record = self.unseal(key, "memberships", row.try_get(0)?, row.try_get(2)?)?;
            let MembershipRecord { group, stays } = record;
            memberships
                .entry(member)
                .or_default()
                .insert(group_id(&group)?, stays);
        }
        Ok(memberships)
    }

    pub(crate) fn membership_place(&self, member: MemberId, group: GroupId) -> [u8; 32] {
        self.keys
            .index
            .hash(&[b"membership", member.as_bytes(), group.as_bytes()])
    }
}

/// The measures a group says it uses, as codes of measures known here, each once.
fn used_measures(
    known: &KnownMeasures,
    wanted: &[MeasureCode],
) -> Result<Vec<String>, CentreError> {
    let mut seen = BTreeSet::new();
    let mut used = Vec::new();
    for code in wanted {
        let expanded = known.expand(code);
        if expanded.is_empty() {
            return Err(CentreError::Invalid(
                "a measure is not known here; use a built-in one or one of the network's policy",
            ));
        }
        for code in expanded {
            if seen.insert(code.clone()) {
                used.push(code.into());
            }
        }
    }
    if used.len() > MEASURES_PER_GROUP {
        return Err(CentreError::Invalid(
            "a group uses at most 64 measures; leave some out",
        ));
    }
    Ok(used)
}

pub(crate) async fn set_sharing(
    tx: &mut Tx,
    group: GroupId,
    sharing: GroupSharing,
) -> Result<(), CentreError> {
    sqlx::query("UPDATE groups SET sharing = $2 WHERE grp = $1")
        .bind(group.as_bytes().as_slice())
        .bind(sharing.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(crate) async fn insert_groups(tx: &mut Tx, rows: &[GroupRow]) -> Result<(), CentreError> {
    for rows in rows.chunks(ROWS_PER_INSERT) {
        let mut insert = QueryBuilder::new("INSERT INTO groups (grp, sharing, sealed) ");
        insert.push_values(rows, |mut values, row| {
            values
                .push_bind(row.group.as_bytes().to_vec())
                .push_bind(row.sharing.as_str())
                .push_bind(row.sealed.clone());
        });
        insert.build().execute(&mut **tx).await?;
    }
    Ok(())
}

pub(crate) async fn insert_memberships(
    tx: &mut Tx,
    rows: &[MembershipRow],
) -> Result<(), CentreError> {
    for rows in rows.chunks(ROWS_PER_INSERT) {
        let mut insert = QueryBuilder::new("INSERT INTO memberships (id, member, place, sealed) ");
        insert.push_values(rows, |mut values, row| {
            values
                .push_bind(row.id.to_vec())
                .push_bind(row.member.as_bytes().to_vec())
                .push_bind(row.place.to_vec())
                .push_bind(row.sealed.clone());
        });
        insert.build().execute(&mut **tx).await?;
    }
    Ok(())
}

pub(crate) fn group_id(bytes: &[u8]) -> Result<GroupId, CentreError> {
    GroupId::try_from(bytes).map_err(|_| CentreError::Damaged { table: "groups" })
}
