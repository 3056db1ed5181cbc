//! Lives the plan in one house, through the calls its people would make.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use krog_client::centre::CentreClient;
use krog_proto::centre::v1 as wire;

use super::plan::NgoPlan;

/// What a house did in a stretch of time, in counts.
#[derive(Debug, Default, Clone, Copy)]
pub struct Lived {
    /// Meetings recorded.
    pub meetings: u32,
    /// Check-ins recorded.
    pub check_ins: u32,
    /// Check-ins with too few answers for a score.
    pub unscored: u32,
    /// Consents withdrawn.
    pub withdrawals: u32,
}

/// One house on its way through the story.
pub struct Life<'a> {
    plan: &'a NgoPlan,
    first_day: i64,
    groups: Vec<String>,
    members: Vec<Option<String>>,
    /// Template version, in hexadecimal, by facilitation; groups are founded from it once it has arrived.
    templates: BTreeMap<String, String>,
}

impl<'a> Life<'a> {
    /// Nothing has happened yet. `first_day` is day 0 of the plan in days since 1970-01-01.
    pub fn new(plan: &'a NgoPlan, first_day: i64) -> Self {
        Self {
            plan,
            first_day,
            groups: Vec::new(),
            members: vec![None; plan.members.len()],
            templates: BTreeMap::new(),
        }
    }

    /// The plan being lived.
    pub fn plan(&self) -> &NgoPlan {
        self.plan
    }

    /// Ids of the members in this centre, for the search after them.
    pub fn member_ids(&self) -> impl Iterator<Item = &str> {
        self.members.iter().flatten().map(String::as_str)
    }

    /// How many groups were founded from a template.
    pub fn founded_from_template(&self) -> usize {
        self.templates.len().min(self.groups.len())
    }

    /// Founds the groups, from the templates that have arrived.
    ///
    /// # Errors
    /// When the centre refuses.
    pub async fn found_groups(
        &mut self,
        door: &CentreClient,
        templates: BTreeMap<String, String>,
    ) -> Result<()> {
        self.templates = templates;
        for group in &self.plan.groups {
            let facilitation = group.facilitation.to_string();
            let founded = door
                .found_group(wire::FoundGroupRequest {
                    name: group.name.clone(),
                    template: self
                        .templates
                        .get(&facilitation)
                        .cloned()
                        .unwrap_or_default(),
                    facilitation,
                    measures: Vec::new(),
                })
                .await
                .context("founding a group")?;
            door.record_decision(wire::RecordDecisionRequest {
                group: founded.group.clone(),
                share: group.shares,
            })
            .await
            .context("recording a group's decision")?;
            self.groups.push(founded.group);
        }
        Ok(())
    }

    /// Lives the days `from..until` of the plan.
    ///
    /// # Errors
    /// When the centre refuses something the plan holds for possible.
    pub async fn live(&mut self, door: &CentreClient, from: i64, until: i64) -> Result<Lived> {
        let mut lived = Lived::default();
        self.arrivals(door, from, until).await?;
        self.meetings(door, from, until, &mut lived).await?;
        self.check_ins(door, from, until, &mut lived).await?;
        self.departures(door, from, until, &mut lived).await?;
        Ok(lived)
    }

    async fn arrivals(&mut self, door: &CentreClient, from: i64, until: i64) -> Result<()> {
        let plan = self.plan;
        for (place, member) in plan.members.iter().enumerate() {
            if !(from..until).contains(&member.joined) {
                continue;
            }
            let mut consents = vec![
                wire::Purpose::Participation as i32,
                wire::Purpose::Measurement as i32,
            ];
            if member.shares {
                consents.push(wire::Purpose::Sharing as i32);
            }
            let day = self.date(member.joined);
            let added = door
                .add_member(wire::AddMemberRequest {
                    label: member.label.clone(),
                    contact: member.contact.clone(),
                    consents,
                    day: day.clone(),
                })
                .await
                .context("adding a member")?;
            door.set_membership(wire::SetMembershipRequest {
                group: self.groups[member.group].clone(),
                member: added.member.clone(),
                day,
                joined: true,
            })
            .await
            .context("joining a group")?;
            self.members[place] = Some(added.member);
        }
        Ok(())
    }

    async fn meetings(
        &self,
        door: &CentreClient,
        from: i64,
        until: i64,
        lived: &mut Lived,
    ) -> Result<()> {
        for (place, group) in self.plan.groups.iter().enumerate() {
            for day in group
                .meetings
                .iter()
                .filter(|day| (from..until).contains(*day))
            {
                let present = self
                    .plan
                    .members
                    .iter()
                    .zip(&self.members)
                    .filter(|(member, _)| member.group == place && member.present.contains(day))
                    .filter_map(|(_, id)| id.clone())
                    .collect::<Vec<_>>();
                if present.is_empty() {
                    continue;
                }
                door.record_meeting(wire::RecordMeetingRequest {
                    group: self.groups[place].clone(),
                    day: self.date(*day),
                    present,
                    guests: u32::try_from(day % 3).unwrap_or_default(),
                })
                .await
                .context("recording a meeting")?;
                lived.meetings += 1;
            }
        }
        Ok(())
    }

    async fn check_ins(
        &self,
        door: &CentreClient,
        from: i64,
        until: i64,
        lived: &mut Lived,
    ) -> Result<()> {
        for (member, id) in self.plan.members.iter().zip(&self.members) {
            let Some(id) = id else { continue };
            for filled in member
                .check_ins
                .iter()
                .filter(|c| (from..until).contains(&c.day))
            {
                let answer = door
                    .record_check_in(wire::RecordCheckInRequest {
                        member: id.clone(),
                        instrument: filled.instrument.to_owned(),
                        day: self.date(filled.day),
                        answers: filled
                            .answers
                            .iter()
                            .map(|(item, value)| wire::Answer {
                                item: (*item).to_owned(),
                                value: *value,
                            })
                            .collect(),
                        total: None,
                    })
                    .await
                    .context("recording a check-in")?;
                lived.check_ins += 1;
                lived.unscored += u32::from(answer.scores.is_empty());
            }
        }
        Ok(())
    }

    async fn departures(
        &self,
        door: &CentreClient,
        from: i64,
        until: i64,
        lived: &mut Lived,
    ) -> Result<()> {
        for (member, id) in self.plan.members.iter().zip(&self.members) {
            let Some(id) = id else { continue };
            if member
                .withdraws
                .is_some_and(|day| (from..until).contains(&day))
            {
                door.set_consent(wire::SetConsentRequest {
                    member: id.clone(),
                    purpose: wire::Purpose::Sharing as i32,
                    given: false,
                })
                .await
                .context("withdrawing a consent")?;
                lived.withdrawals += 1;
            }
            if let Some(day) = member.left.filter(|day| (from..until).contains(day)) {
                door.set_membership(wire::SetMembershipRequest {
                    group: self.groups[member.group].clone(),
                    member: id.clone(),
                    day: self.date(day),
                    joined: false,
                })
                .await
                .context("leaving a group")?;
            }
        }
        Ok(())
    }

    fn date(&self, day: i64) -> String {
        date(self.first_day + day)
    }
}

/// A day (since 1970-01-01) as YYYY-MM-DD.
pub fn date(day: i64) -> String {
    i32::try_from(day)
        .ok()
        .and_then(|day| krog_measures::Day::new(day).ok())
        .map_or_else(String::new, |day| day.to_string())
}
