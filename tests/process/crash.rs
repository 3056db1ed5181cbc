//! `kill -9` in a loop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use krog_client::call::CallError;
use krog_client::centre::CentreClient;
use krog_feed::entry::{Header, Kind};
use krog_feed::limits::SALT_BYTES;
use krog_measures::{Day, builtin};
use krog_proto::centre::v1 as pb;
use krog_proto::federation::v1 as told;
use prost::Message;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::{Mutex, Notify};

use crate::house::{BETWEEN_LOOKS, DEADLINE, until};
use crate::trial;
use crate::world::{World, assert_sound, until_it_may_sign};

const CENTRE: &str = "centre-long-nodrug";
const ROUNDS: usize = 12;
/// Half a quarter: what is decided in one round is due in the next.
const DAYS_BETWEEN: usize = 46;
const CHECK_INS_AT_ONCE: usize = 2;
const TABLE_LINES: usize = 6;

/// What the node has said it has.
#[derive(Default)]
struct Acknowledged {
    members: BTreeSet<String>,
    check_ins: Vec<(String, String)>,
    meetings: BTreeSet<String>,
    groups: Vec<String>,
    tables: Vec<String>,
    approvals: BTreeSet<(String, &'static str)>,
    frozen: BTreeSet<String>,
}

/// What the centre's people do until the node is gone.
struct Work {
    coordinator: CentreClient,
    guardian: CentreClient,
    acknowledged: Arc<Mutex<Acknowledged>>,
    count: AtomicUsize,
    more: Notify,
    decided: Notify,
    round: usize,
    day: Day,
}

/// The node is gone, or everything is done.
type Gone = CallError;

fn day_of(round: usize) -> Day {
    let first: Day = crate::world::DECIDED.parse().unwrap();
    first.plus(i32::try_from(round * DAYS_BETWEEN).unwrap())
}

impl Work {
    fn acknowledge(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.more.notify_one();
    }

    /// Waits for so many acknowledgements.
    async fn reached(&self, wanted: usize) {
        let counted = async {
            while self.count.load(Ordering::SeqCst) < wanted {
                self.more.notified().await;
            }
        };
        tokio::time::timeout(DEADLINE, counted)
            .await
            .expect("the work goes on");
    }

    async fn people(&self, worker: usize) -> Result<(), Gone> {
        for person in 0..40 {
            let label = format!("member {}-{worker}-{person}", self.round);
            let purposes = [pb::Purpose::Participation, pb::Purpose::Measurement];
            let member = self
                .coordinator
                .add_member(pb::AddMemberRequest {
                    label: label.clone(),
                    contact: String::new(),
                    consents: purposes.map(|purpose| purpose as i32).to_vec(),
                    day: String::new(),
                })
                .await?
                .member;
            self.acknowledged.lock().await.members.insert(label);
            self.acknowledge();
            self.coordinator
                .record_check_in(check_in(&member, &self.day.to_string()))
                .await?;
            self.acknowledged
                .lock()
                .await
                .check_ins
                .push((member, self.day.to_string()));
            self.acknowledge();
        }
        Ok(())
    }

    async fn meetings(&self) -> Result<(), Gone> {
        let group = self
            .coordinator
            .found_group(pb::FoundGroupRequest {
                name: format!("group {}", self.round),
                facilitation: "peer".to_owned(),
                template: String::new(),
                measures: vec!["k6".to_owned()],
            })
            .await?
            .group;
        self.acknowledged.lock().await.groups.push(group.clone());
        self.acknowledge();
        for ago in 0..30 {
            let day = self.day.plus(-ago).to_string();
            let meeting = pb::RecordMeetingRequest {
                group: group.clone(),
                day: day.clone(),
                present: Vec::new(),
                guests: 3,
            };
            self.coordinator.record_meeting(meeting).await?;
            self.acknowledged
                .lock()
                .await
                .meetings
                .insert(format!("{group} {day}"));
            self.acknowledge();
        }
        Ok(())
    }

    async fn tables(&self) -> Result<(), Gone> {
        let mut tables = vec![trial::csv()];
        tables.extend((0..10).map(|table| small_table(self.round, table, self.day)));
        for (place, table) in tables.into_iter().enumerate() {
            let imported = import(&self.coordinator, &table).await?;
            assert!(imported.refused.is_empty(), "{:?}", imported.refused);
            self.acknowledged.lock().await.tables.push(table);
            self.acknowledge();
            if place == 0 {
                self.decide().await?;
                self.decided.notify_one();
            }
        }
        Ok(())
    }

    async fn decide(&self) -> Result<(), Gone> {
        while !self
            .coordinator
            .who_am_i(pb::WhoAmIRequest {})
            .await?
            .may_sign
        {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        for (role, person) in [
            ("coordinator", &self.coordinator),
            ("guardian", &self.guardian),
        ] {
            let quarter = person.preview(pb::PreviewRequest::default()).await?.quarter;
            match person.approve(pb::ApproveRequest::default()).await {
                Ok(approved) => {
                    let mut acknowledged = self.acknowledged.lock().await;
                    acknowledged.approvals.insert((quarter.clone(), role));
                    if approved.state == "frozen" {
                        acknowledged.frozen.insert(quarter);
                    }
                    drop(acknowledged);
                    self.acknowledge();
                }
                // Approved in an earlier round, acknowledged or not.
                Err(CallError::Refused(_)) => {}
                Err(gone) => return Err(gone),
            }
        }
        Ok(())
    }
}

fn check_in(member: &str, day: &str) -> pb::RecordCheckInRequest {
    let k6 = builtin::all()
        .iter()
        .find(|instrument| instrument.code.as_str() == "k6")
        .unwrap();
    let answer = |item: &krog_measures::Item| pb::Answer {
        item: item.id.to_string(),
        value: Some(2),
    };
    pb::RecordCheckInRequest {
        member: member.to_owned(),
        instrument: "k6".to_owned(),
        day: day.to_owned(),
        answers: k6.items.iter().map(answer).collect(),
        total: None,
    }
}

fn small_table(round: usize, table: usize, day: Day) -> String {
    let mut csv = "centre,group,facilitation,member,joined,sharing,measure,date,score\n".to_owned();
    for line in 0..TABLE_LINES {
        csv.push_str(&format!(
            "{CENTRE},tables,peer,I{round}-{table}-{line},{day},yes,bdi-ii,{day},{}\n",
            line * 3
        ));
    }
    csv
}

async fn import(
    person: &CentreClient,
    table: &str,
) -> Result<pb::ImportOutcomesResponse, CallError> {
    person
        .import_outcomes(pb::ImportOutcomesRequest {
            csv: table.as_bytes().to_vec(),
            strict: false,
            dry_run: false,
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_dash_nine_in_a_loop_loses_nothing_acknowledged_and_forks_nothing() {
    let mut chance = ChaCha8Rng::seed_from_u64(9);
    let mut world = World::founded().await;
    let ngo = world.member("ngo", &[CENTRE]);
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    for round in 0..ROUNDS {
        // Every start has something new to sign: another name for the node.
        let name = |round: usize| {
            format!(
                "name = \"{}\"",
                if round == 0 {
                    "ngo".to_owned()
                } else {
                    format!("ngo {round}")
                }
            )
        };
        if round > 0 {
            ngo.edit(&name(round - 1), &name(round));
        }
        let today = day_of(round).to_string();

        let early = round % 2 == 1;
        if early {
            let mut starting = ngo.spawn(ngo.krogd("run").args(["--today", &today]));
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..300))).await;
            starting.kill();
        }
        let mut serving = ngo.run(&today).await;
        let work = Arc::new(Work {
            coordinator: ngo.person(CENTRE, "coordinator").await,
            guardian: ngo.person(CENTRE, "guardian").await,
            acknowledged: Arc::clone(&acknowledged),
            count: AtomicUsize::new(0),
            more: Notify::new(),
            decided: Notify::new(),
            round,
            day: day_of(round),
        });
        let mut workers = tokio::task::JoinSet::new();
        for worker in 0..CHECK_INS_AT_ONCE {
            let work = Arc::clone(&work);
            workers.spawn(async move { work.people(worker).await });
        }
        let at_work = Arc::clone(&work);
        workers.spawn(async move { at_work.meetings().await });
        let at_work = Arc::clone(&work);
        workers.spawn(async move { at_work.tables().await });
        work.reached(chance.random_range(1..60)).await;
        if round % 4 == 1 {
            world.restart_relay().await;
            work.reached(chance.random_range(60..80)).await;
        }
        if round % 4 == 2 {
            // So that on the slowest machine, too, something is decided, and later signed.
            let decided = tokio::time::timeout(DEADLINE, work.decided.notified());
            decided.await.expect("the quarter is decided");
        }
        serving.kill();
        while let Some(worker) = workers.join_next().await {
            let ended = worker.unwrap();
            assert!(
                matches!(
                    ended,
                    Ok(()) | Err(CallError::Broken(_) | CallError::Failed(_))
                ),
                "only the node's death stops the work: {ended:?}"
            );
        }
        assert!(!serving.log().contains("ERROR"), "{}", serving.log());
    }

    let serving = ngo.run(&day_of(ROUNDS).to_string()).await;
    let coordinator = ngo.person(CENTRE, "coordinator").await;
    until_it_may_sign(&coordinator).await;
    let acknowledged = acknowledged.lock().await;
    everything_acknowledged_is_there(&coordinator, &acknowledged).await;

    let shown = until("all releases are handed over", async || {
        let shown = coordinator
            .show(pb::ShowRequest::default())
            .await
            .unwrap()
            .releases;
        let all = shown
            .iter()
            .all(|release| release.state == "signed" && release.handed_over);
        all.then_some(shown)
    })
    .await;
    let quarters: BTreeSet<&String> = shown.iter().map(|release| &release.quarter).collect();
    assert_eq!(quarters.len(), shown.len(), "one release a quarter");
    assert!(
        acknowledged
            .frozen
            .iter()
            .all(|quarter| quarters.contains(quarter))
    );
    assert!(
        shown.len() >= 3,
        "the rounds reached beyond the second approval: {quarters:?}"
    );

    let writer = coordinator
        .who_am_i(pb::WhoAmIRequest {})
        .await
        .unwrap()
        .writer;
    let at_the_relay = until("the relay has all releases", async || {
        let mirror = world.mirror(&ngo).await;
        assert_sound(&mirror);
        let feed = mirror
            .heads()
            .into_iter()
            .find(|head| head.writer.to_string() == writer)?;
        let releases: Vec<Vec<u8>> = mirror
            .entries(feed.writer)
            .filter(|entry| Header::parse(&entry.header).unwrap().kind == Kind::Release)
            .map(|entry| entry.payload.as_deref().unwrap()[SALT_BYTES..].to_vec())
            .collect();
        (releases.len() >= shown.len()).then_some(releases)
    })
    .await;
    let at_home: Vec<&Vec<u8>> = shown.iter().map(|release| &release.payload).collect();
    assert_eq!(
        at_the_relay.iter().collect::<Vec<_>>(),
        at_home,
        "to the byte and in order"
    );
    the_trial_was_told_once(&at_the_relay);
    serving.stop().await;
}

async fn everything_acknowledged_is_there(coordinator: &CentreClient, acknowledged: &Acknowledged) {
    let members = coordinator
        .list_members(pb::ListMembersRequest {})
        .await
        .unwrap()
        .members;
    let labels: BTreeSet<String> = members.into_iter().map(|member| member.label).collect();
    assert!(acknowledged.members.is_subset(&labels));
    for (member, day) in &acknowledged.check_ins {
        let again = coordinator.record_check_in(check_in(member, day)).await;
        assert!(
            matches!(again, Err(CallError::Refused(_))),
            "the check-in is there: {again:?}"
        );
    }
    let groups = coordinator
        .list_groups(pb::ListGroupsRequest {})
        .await
        .unwrap()
        .groups;
    for group in &acknowledged.groups {
        let found = groups
            .iter()
            .find(|found| found.group == *group)
            .expect("the group is there");
        let recorded = acknowledged
            .meetings
            .iter()
            .filter(|meeting| meeting.starts_with(group))
            .count();
        assert!(usize::try_from(found.meetings).unwrap() >= recorded);
    }
    // All tables as one: every import reads the whole centre.
    let mut tables = acknowledged.tables.iter();
    let mut all = tables.next().expect("a table was acknowledged").clone();
    for (_header, lines) in tables.filter_map(|table| table.split_once('\n')) {
        all.push_str(lines);
    }
    let again = import(coordinator, &all).await.unwrap();
    assert_eq!(
        (again.taken, again.new_members),
        (0, 0),
        "every table is there already"
    );
    for (quarter, role) in &acknowledged.approvals {
        let preview = coordinator
            .preview(pb::PreviewRequest {
                quarter: quarter.clone(),
            })
            .await
            .unwrap();
        assert!(
            preview.approved_by.iter().any(|by| by == role),
            "{quarter} by the {role}"
        );
    }
    assert!(
        acknowledged.check_ins.len() > ROUNDS,
        "there was something to lose"
    );
}

/// The trial's members were imported before the first approval of all, and an answer leaves once.
fn the_trial_was_told_once(releases: &[Vec<u8>]) {
    let mut persons = Vec::new();
    for release in releases {
        for cell in told::Release::decode(release.as_slice()).unwrap().cells {
            if let Some(told::cell::Told::Sums(sums)) = cell.told
                && cell.measure == "bdi-ii"
            {
                persons.push(sums.persons);
            }
        }
    }
    persons.sort_unstable();
    assert_eq!(persons, [13, 19]);
}
