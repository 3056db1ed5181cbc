//! Marks of people are planted at home and looked for in everything that leaves, everything the exchange keeps, and all
//! logs at the most verbose level.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use krog_proto::centre::v1 as centre;
use krog_proto::federation::v1 as pb;
use krog_tests::{Network, Wishes, files_below};
use krogd::demo::canaries::Canaries;
use prost::Message;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

const PEOPLE: usize = 14;
/// 2026-01-16, and the follow-up 91 days later, 2026-04-17.
const BASELINE: i64 = 20_469;

fn label(person: usize) -> String {
    format!("KANARCEK-{person:03}-OZNAKA")
}

fn contact(person: usize) -> String {
    format!("kanarcek-{person:03}@nikjer.invalid")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mark_of_a_person_leaves_or_is_logged() -> Result<()> {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .init();

    let mut network = Network::with(
        ["relay:", "home:Hearth"],
        Wishes {
            day: Some(BASELINE),
            ..Wishes::default()
        },
    )
    .await?;
    let coordinator = network.person(1, "Hearth", "coordinator").await?;
    let guardian = network.person(1, "Hearth", "guardian").await?;
    let mut canaries = Canaries::default();
    let secret = |role: &str| {
        std::fs::read_to_string(
            network
                .folder(1)
                .credentials()
                .join(format!("hearth-{role}.txt")),
        )
    };
    for role in ["coordinator", "guardian"] {
        canaries.plant(secret(role)?.trim());
    }

    let name = "KANARCEK-SKUPINA";
    canaries.plant(name);
    let group = coordinator
        .found_group(centre::FoundGroupRequest {
            name: name.to_owned(),
            facilitation: "peer".to_owned(),
            template: String::new(),
            measures: vec!["k6".to_owned()],
        })
        .await?
        .group;
    canaries.plant(&group);
    coordinator
        .record_decision(centre::RecordDecisionRequest {
            group: group.clone(),
            share: true,
        })
        .await?;
    let items: Vec<&str> = krog_measures::builtin::all()
        .iter()
        .filter(|instrument| instrument.code.as_str() == "k6")
        .flat_map(|instrument| instrument.items.iter().map(|item| item.id.as_str()))
        .collect();
    let mut members = Vec::new();
    for person in 0..PEOPLE {
        let member = coordinator
            .add_member(centre::AddMemberRequest {
                label: label(person),
                contact: contact(person),
                consents: vec![
                    centre::Purpose::Participation as i32,
                    centre::Purpose::Measurement as i32,
                    centre::Purpose::Sharing as i32,
                ],
                day: String::new(),
            })
            .await?
            .member;
        canaries.plant(&label(person));
        canaries.plant(&contact(person));
        canaries.plant(&member);
        coordinator
            .set_membership(centre::SetMembershipRequest {
                group: group.clone(),
                member: member.clone(),
                day: String::new(),
                joined: true,
            })
            .await?;
        members.push(member);
    }
    for day in [BASELINE, BASELINE + 91] {
        network.clock.set_day(day);
        coordinator
            .record_meeting(centre::RecordMeetingRequest {
                group: group.clone(),
                day: String::new(),
                present: members.clone(),
                guests: 1,
            })
            .await?;
        for (person, member) in members.iter().enumerate() {
            let value = i32::try_from((person + usize::try_from(day % 3)?) % 5)?;
            coordinator
                .record_check_in(centre::RecordCheckInRequest {
                    member: member.clone(),
                    instrument: "k6".to_owned(),
                    day: String::new(),
                    answers: items
                        .iter()
                        .map(|item| centre::Answer {
                            item: (*item).to_owned(),
                            value: Some(value),
                        })
                        .collect(),
                    total: None,
                })
                .await?;
        }
    }
    canaries.plant("2026-01-16");
    canaries.plant("2026-04-17");
    let basis = "KANARCEK-PODLAGA on paper, signed at the first meeting";
    canaries.plant("KANARCEK-PODLAGA");
    coordinator
        .attest(centre::AttestRequest {
            basis: basis.to_owned(),
        })
        .await?;
    // Provoke errors: what is refused must not be repeated where it is logged.
    for wrong in ["KANARCEK-NAPAKA", "2026-99-99"] {
        canaries.plant(wrong);
        let refused = coordinator
            .record_meeting(centre::RecordMeetingRequest {
                group: wrong.to_owned(),
                day: wrong.to_owned(),
                present: vec![wrong.to_owned()],
                guests: 0,
            })
            .await
            .unwrap_err();
        assert!(
            !format!("{refused} {refused:?}").contains(wrong),
            "{refused}"
        );
    }
    let hostile = "centre,group,facilitation,member,joined,sharing,measure,date,score\n\
                   Hearth,KANARCEK-UVOZ,peer,KANARCEK-CLAN,2026-13-45,yes,k6,2026-01-12,KANARCEK-TOCKE\n";
    for mark in ["KANARCEK-UVOZ", "KANARCEK-CLAN", "KANARCEK-TOCKE"] {
        canaries.plant(mark);
    }
    let imported = coordinator
        .import_outcomes(centre::ImportOutcomesRequest {
            csv: hostile.into(),
            strict: false,
            dry_run: false,
        })
        .await?;
    assert_eq!(imported.refused.len(), 1);
    assert_eq!(canaries.hits(imported.refused[0].why.as_bytes()), 0);

    let quarter_after = BASELINE + 175;
    network.clock.set_day(quarter_after);
    network.settle().await?;
    coordinator
        .list_members(centre::ListMembersRequest {})
        .await?;
    let approve = || centre::ApproveRequest {
        quarter: String::new(),
    };
    coordinator
        .preview(centre::PreviewRequest {
            quarter: String::new(),
        })
        .await?;
    coordinator.approve(approve()).await?;
    guardian.approve(approve()).await?;
    network.clock.set_day(quarter_after + 15);
    network.settle().await?;

    let mirror = network.mirror(1).await?;
    let told: Vec<pb::Release> = mirror
        .shelf()
        .releases()
        .map(|release| release.centre)
        .flat_map(|writer| mirror.entries(writer))
        .filter_map(|entry| pb::Release::decode(&entry.payload.as_deref()?[16..]).ok())
        .collect();
    assert!(
        told.iter().flat_map(|release| &release.cells).any(
            |cell| matches!(&cell.told, Some(pb::cell::Told::Sums(sums)) if sums.persons == 14)
        ),
        "something of these people was told, or the search would prove nothing"
    );

    for head in mirror.heads() {
        for entry in mirror.entries(head.writer) {
            assert_eq!(canaries.hits(&entry.header), 0);
            assert_eq!(
                canaries.hits(entry.payload.as_deref().unwrap_or_default()),
                0
            );
        }
    }
    for place in [0, 1] {
        for (path, bytes) in files_below(&network.folder(place).exchange())? {
            assert_eq!(canaries.hits(&bytes), 0, "{}", path.display());
        }
    }
    network.stop(0).await?;
    network.stop(1).await?;
    for (path, bytes) in files_below(network.folder(1).root())? {
        if path.starts_with(network.folder(1).credentials()) {
            continue;
        }
        assert_eq!(
            canaries.hits(&bytes),
            0,
            "sealed at rest: {}",
            path.display()
        );
        assert_eq!(
            canaries.hits(path.to_string_lossy().as_bytes()),
            0,
            "{}",
            path.display()
        );
    }
    let logged = log.0.lock().unwrap().clone();
    assert!(
        logged.len() > 10_000,
        "the log was written at the most verbose level"
    );
    assert_eq!(
        canaries.hits(&logged),
        0,
        "a mark of a person stands in the log"
    );
    Ok(())
}
