//! A home for tests: one node with centres on disk, a clock set by hand, and a stand-in for the exchange.

pub mod house;
pub mod library;
pub mod town;
pub mod trial;

use house::FakeHouse;
use krog_centre::{Centre, CentreNames, Credential, Office, Services, Surroundings};
use krog_feed::ids::NetworkId;
use krog_feed::roster::Policy;
use krog_measures::Day;
use krog_proto::centre::v1 as proto;
use krog_proto::centre::v1::check_ins_server::CheckIns;
use krog_proto::centre::v1::groups_server::Groups;
use krog_proto::centre::v1::people_server::People;
use krog_proto::centre::v1::sharing_server::Sharing;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tonic::{Request, Status};

pub const SECONDS_PER_DAY: i64 = 86_400;

/// A clock set by hand.
#[derive(Clone)]
pub struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub fn at(day: &str) -> Self {
        let clock = Self(Arc::default());
        clock.set(day);
        clock
    }

    pub fn set(&self, day: &str) {
        let day: Day = day.parse().unwrap();
        self.0.store(
            i64::from(day.number()) * SECONDS_PER_DAY + 3_600,
            Ordering::SeqCst,
        );
    }

    pub fn pass_days(&self, days: i64) {
        self.0.fetch_add(days * SECONDS_PER_DAY, Ordering::SeqCst);
    }

    pub fn surroundings(&self, seed: u64) -> Surroundings {
        let clock = self.0.clone();
        let chance = Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed)));
        Surroundings::new(Arc::new(move || clock.load(Ordering::SeqCst)), chance)
    }
}

/// One centre of the home, with its staff.
pub struct Staffed {
    pub folder: PathBuf,
    pub coordinator: Credential,
    pub guardian: Credential,
}

/// A node with an office, a network of its own, and centres.
pub struct Home {
    pub folder: TempDir,
    pub clock: HandClock,
    pub surroundings: Surroundings,
    pub house: FakeHouse,
    pub office: Office,
    pub network: NetworkId,
    pub centres: Vec<Staffed>,
    pub services: Services,
}

/// The policy of the trial's network.
pub fn policy() -> Policy {
    Policy::new(10, 14, vec![trial::MEASURE.parse().unwrap()]).unwrap()
}

impl Home {
    /// A node whose centres bear these names, on this day.
    pub async fn with(names: &[&'static str], day: &str) -> Self {
        Self::under(names, day, policy()).await
    }

    pub async fn under(names: &[&'static str], day: &str, policy: Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = HandClock::at(day);
        let surroundings = clock.surroundings(7);
        let house = FakeHouse::alone();
        let (office, recovery) = Office::create(&folder.path().join("office"), &surroundings)
            .await
            .unwrap();
        let network = office
            .found_network("Practice".parse().unwrap(), true, policy)
            .await
            .unwrap();
        let rosters = rosters(&office, network).await;
        house.0.lock().unwrap().rosters = rosters.clone();
        let (mut staffed, mut opened) = (Vec::new(), Vec::new());
        for name in names {
            let place = folder.path().join(name);
            let names = CentreNames {
                public_name: name.parse().unwrap(),
                code: String::new(),
            };
            let (centre, first) = Centre::create(
                &place,
                names,
                office.node(),
                &recovery.public(),
                &surroundings,
            )
            .await
            .unwrap();
            centre
                .enter_network(network, rosters.clone())
                .await
                .unwrap();
            opened.push(Arc::new(centre));
            staffed.push(Staffed {
                folder: place,
                coordinator: first.coordinator,
                guardian: first.guardian,
            });
        }
        Self {
            services: Services::new(opened),
            folder,
            clock,
            surroundings,
            house,
            office,
            network,
            centres: staffed,
        }
    }

    pub fn centre(&self, at: usize) -> Arc<Centre> {
        self.services.centres()[at].clone()
    }

    pub fn coordinator(&self) -> &Credential {
        &self.centres[0].coordinator
    }

    pub fn guardian(&self) -> &Credential {
        &self.centres[0].guardian
    }

    /// The periodic work of the first centre.
    pub async fn tick(&self) -> Result<krog_centre::Ticked, krog_centre::CentreError> {
        self.centre(0).tick(&self.house.client().await).await
    }

    /// Everything is dropped without being closed, as when the power goes, and opened again.
    pub async fn restart(&mut self) {
        self.shut().await;
        self.open_again().await;
    }

    /// Drops all that is open.
    pub async fn shut(&mut self) {
        self.services = Services::new(Vec::new());
        // Connections close on their own threads; the lock shows when they are done.
        tokio::task::yield_now().await;
    }

    /// Closes all that is open, so that files can be exchanged.
    pub async fn close(&mut self) {
        let centres = self.services.centres().to_vec();
        self.services = Services::new(Vec::new());
        for centre in centres {
            Arc::into_inner(centre).unwrap().close().await;
        }
    }

    pub async fn open_again(&mut self) {
        let mut opened = Vec::new();
        for (at, staffed) in self.centres.iter().enumerate() {
            let surroundings = self
                .clock
                .surroundings(1_000 + at as u64 + self.clock.0.load(Ordering::SeqCst) as u64);
            opened.push(Arc::new(
                Centre::open(&staffed.folder, &surroundings).await.unwrap(),
            ));
        }
        self.services = Services::new(opened);
    }

    pub async fn import(&self, csv: &str) -> proto::ImportOutcomesResponse {
        self.import_as(csv, false, false).await.unwrap()
    }

    pub async fn import_as(
        &self,
        csv: &str,
        strict: bool,
        dry_run: bool,
    ) -> Result<proto::ImportOutcomesResponse, Status> {
        let request = proto::ImportOutcomesRequest {
            csv: csv.as_bytes().to_vec(),
            strict,
            dry_run,
        };
        Ok(self
            .services
            .import_outcomes(by(self.coordinator(), request))
            .await?
            .into_inner())
    }

    pub async fn preview(&self) -> proto::PreviewResponse {
        let request = proto::PreviewRequest::default();
        self.services
            .preview(by(self.guardian(), request))
            .await
            .unwrap()
            .into_inner()
    }

    pub async fn approve(&self, who: &Credential) -> Result<proto::ApproveResponse, Status> {
        Ok(self
            .services
            .approve(by(who, proto::ApproveRequest::default()))
            .await?
            .into_inner())
    }

    pub async fn approve_twice(&self) -> proto::ApproveResponse {
        assert_eq!(
            self.approve(self.coordinator()).await.unwrap().state,
            "approved-once"
        );
        self.approve(self.guardian()).await.unwrap()
    }

    pub async fn show(&self) -> Vec<proto::ShownRelease> {
        let request = proto::ShowRequest::default();
        self.services
            .show(by(self.coordinator(), request))
            .await
            .unwrap()
            .into_inner()
            .releases
    }

    pub async fn members(&self) -> Vec<proto::Member> {
        let request = proto::ListMembersRequest {};
        self.services
            .list_members(by(self.coordinator(), request))
            .await
            .unwrap()
            .into_inner()
            .members
    }

    pub async fn member_called(&self, label: &str) -> proto::Member {
        self.members()
            .await
            .into_iter()
            .find(|member| member.label == label)
            .unwrap()
    }

    pub async fn groups(&self) -> Vec<proto::Group> {
        let request = proto::ListGroupsRequest {};
        self.services
            .list_groups(by(self.coordinator(), request))
            .await
            .unwrap()
            .into_inner()
            .groups
    }

    pub async fn consent(&self, member: &str, purpose: proto::Purpose, given: bool) -> Vec<String> {
        let request = proto::SetConsentRequest {
            member: member.to_owned(),
            purpose: purpose.into(),
            given,
        };
        self.services
            .set_consent(by(self.coordinator(), request))
            .await
            .unwrap()
            .into_inner()
            .frozen_quarters
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.centres[0].folder.join(path)
    }
}

/// The rosters of a network as they travel.
pub async fn rosters(
    office: &Office,
    network: NetworkId,
) -> Vec<krog_proto::federation::v1::SignedRoster> {
    office
        .rosters(network)
        .await
        .unwrap()
        .versions()
        .map(|roster| roster.signed().to_proto())
        .collect()
}

/// A request with a credential.
pub fn by<T>(credential: &Credential, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {}", credential.reveal().as_str());
    request
        .metadata_mut()
        .insert("authorization", value.parse().unwrap());
    request
}

/// Copies a centre's data file with its log, as a backup would.
pub fn copy_data(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in ["centre.db", "centre.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}
