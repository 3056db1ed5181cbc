//! `krog groups …`.

use krog_proto::centre::v1 as pb;
use serde_json::json;

use super::CliError;
use super::args::{Decision, Groups, Membership};
use super::centre::short;
use super::output::Answer;
use crate::centre::CentreClient;
use crate::report::clean;
use crate::report::table::{Cell, Column, Table};

pub(super) async fn run(centre: &CentreClient, command: Groups) -> Result<Answer, CliError> {
    match command {
        Groups::Found {
            name,
            facilitation,
            template,
            measures,
        } => {
            let request = pb::FoundGroupRequest {
                name,
                facilitation: facilitation.map(|f| f.to_string()).unwrap_or_default(),
                template: template.unwrap_or_default(),
                measures,
            };
            let group = centre.found_group(request).await?.group;
            Ok(Answer::new(
                format!("group {}", clean(&group)),
                json!({"group": group}),
            ))
        }
        Groups::List => Ok(listed(
            &centre.list_groups(pb::ListGroupsRequest {}).await?.groups,
        )),
        Groups::Join(membership) => set(centre, membership, true).await,
        Groups::Leave(membership) => set(centre, membership, false).await,
        Groups::Decide { group, share } => {
            let share = share == Decision::Yes;
            centre
                .record_decision(pb::RecordDecisionRequest { group, share })
                .await?;
            let text = if share {
                "Recorded: the group shares. For 14 days one anonymous objection pauses it."
            } else {
                "Recorded: the group does not share."
            };
            Ok(Answer::new(text, json!({"share": share})))
        }
        Groups::Object { group } => {
            centre.object(pb::ObjectRequest { group }).await?;
            Ok(Answer::new(
                "Recorded, without a name. The group is paused until it has decided again.",
                json!({"paused": true}),
            ))
        }
        Groups::Meeting {
            group,
            day,
            present,
            guests,
        } => {
            let request = pb::RecordMeetingRequest {
                group,
                day: day.map(|day| day.to_string()).unwrap_or_default(),
                present,
                guests,
            };
            let corrected = centre.record_meeting(request).await?.corrected;
            let text = if corrected { "Corrected." } else { "Recorded." };
            Ok(Answer::new(text, json!({"corrected": corrected})))
        }
    }
}

async fn set(
    centre: &CentreClient,
    membership: Membership,
    joined: bool,
) -> Result<Answer, CliError> {
    let Membership { group, member, day } = membership;
    let day = day.map(|day| day.to_string()).unwrap_or_default();
    centre
        .set_membership(pb::SetMembershipRequest {
            group,
            member,
            day,
            joined,
        })
        .await?;
    let text = if joined { "Joined." } else { "Left." };
    Ok(Answer::new(text, json!({"joined": joined})))
}

fn listed(groups: &[pb::Group]) -> Answer {
    let columns = [
        Column::words("group", "group"),
        Column::words("name", "name"),
        Column::words("facilitation", "led by"),
        Column::numbers("members", "members"),
        Column::numbers("meetings", "met"),
        Column::words("sharing", "sharing"),
        Column::words("measures", "measures"),
        Column::words("template", "template"),
    ];
    // Identities are whole in JSON and short for people, except the group's own, which commands need.
    let table = |whole: bool| {
        let mut table = Table::new(columns);
        for group in groups {
            let pb::Group {
                group,
                name,
                facilitation,
                members,
                meetings,
                sharing,
                measures,
                template,
            } = group;
            table.push([
                Cell::text(group),
                Cell::text(name),
                Cell::text(facilitation),
                Cell::Count((*members).into()),
                Cell::Count((*meetings).into()),
                Cell::text(sharing),
                Cell::text(measures.join(", ")),
                Cell::text(match (whole, template.is_empty()) {
                    (_, true) => "none".to_owned(),
                    (true, false) => template.clone(),
                    (false, false) => short(template),
                }),
            ]);
        }
        table
    };
    let text = if groups.is_empty() {
        "No groups.".to_owned()
    } else {
        table(false).text()
    };
    Answer::new(text, table(true).json())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_listed_with_their_decision() {
        let answer = listed(&[pb::Group {
            group: "g1".to_owned(),
            name: "Monday".to_owned(),
            facilitation: "peer".to_owned(),
            sharing: "paused".to_owned(),
            template: "ab".repeat(32),
            ..Default::default()
        }]);
        assert!(answer.text.contains("paused") && answer.text.contains("abababab"));
        assert_eq!(answer.json[0]["template"], "ab".repeat(32));
        assert!(listed(&[]).text.contains("No groups"));
    }
}
