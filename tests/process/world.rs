//! A rehearsal network of processes: a relay that founded it, and what an NGO does to enter.

use std::collections::BTreeSet;

use krog_client::mirror::Mirror;
use krog_client::tls::{Identity, connect_pinned};
use krog_feed::roster::{Roster, RosterChain, SignedRoster};
use krog_proto::federation::v1::RostersRequest;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::house::{House, Serving, Told, until};
use crate::trial;

/// The windows of the trial have closed, and its quarter has ended.
pub const DECIDED: &str = "2026-04-05";
/// The 14 days are over.
pub const DUE: &str = "2026-04-20";

/// The network.
pub struct World {
    pub scratch: TempDir,
    pub relay: House,
    pub relaying: Serving,
}

impl World {
    /// A relay that runs and founded the network.
    pub async fn founded() -> Self {
        let scratch = scratch();
        let relay = House::made(scratch.path(), "relay", &["--listen", "127.0.0.1:0"]);
        found(&relay, true);
        let relaying = relay.run(DECIDED).await;
        // The same port after every start, as with a real relay.
        relay.edit("127.0.0.1:0", &relay.listens().to_string());
        Self {
            scratch,
            relay,
            relaying,
        }
    }

    /// A new node with these centres, not in the network yet.
    pub fn newcomer(&self, name: &str, centres: &[&str]) -> House {
        let centres: Vec<&str> = centres
            .iter()
            .flat_map(|centre| ["--centre", centre])
            .collect();
        House::made(self.scratch.path(), name, &centres)
    }

    /// A token for so many nodes.
    pub fn token(&self, count: u32) -> String {
        self.relay
            .krogd("network invite")
            .args(["--today", DECIDED, "--count", &count.to_string()])
            .told()
    }

    /// A new node that has been admitted.
    pub fn member(&self, name: &str, centres: &[&str]) -> House {
        let house = self.newcomer(name, centres);
        house.krogd("join").arg(self.token(1)).told();
        house
    }

    /// SIGKILL to the relay, and a new start.
    pub async fn restart_relay(&mut self) {
        self.relaying.kill();
        self.relaying = self.relay.run(DECIDED).await;
    }

    /// A connection to the relay with the key of a node.
    pub async fn dial_as(&self, house: &House) -> Channel {
        let identity = identity_of(house);
        let address = self.relay.listens().to_string();
        connect_pinned(&address, &[self.relay.tls().pin()], Some(&identity))
            .await
            .unwrap()
    }

    /// All feeds as the relay passes them on to a node, verified.
    pub async fn mirror(&self, house: &House) -> Mirror {
        let rosters = house
            .house()
            .await
            .rosters(RostersRequest {
                network: Vec::new(),
            })
            .await
            .unwrap();
        let rosters = rosters
            .into_inner()
            .rosters
            .into_iter()
            .map(|roster| SignedRoster::parse(roster).unwrap());
        let rosters: Vec<SignedRoster> = rosters.collect();
        let network = Roster::parse(&rosters[0].roster).unwrap().genesis.network();
        let mut mirror = Mirror::new(RosterChain::from_versions(network, rosters).unwrap());
        mirror.refresh(self.dial_as(house).await).await.unwrap();
        mirror
    }
}

/// A folder of a test's own, with a path short enough for sockets.
pub fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("krog").tempdir().unwrap()
}

/// Founds a network that also uses the trial's measure.
pub fn found(relay: &House, rehearsal: bool) {
    let mut create = relay.krogd("network create");
    create.args([
        "--name",
        "Test network",
        "--no-pools",
        "--measure",
        trial::MEASURE,
    ]);
    if rehearsal {
        create.arg("--rehearsal");
    }
    create.told();
}

/// What a node shows to others.
pub fn identity_of(house: &House) -> Identity {
    let pem = house.tls().pem().to_owned();
    Identity::from_pem(&pem, &pem).unwrap()
}

/// Nothing of the network was signed twice, nothing is missing in between, and every reader may go on reading.
pub fn assert_sound(mirror: &Mirror) {
    assert!(mirror.faults().is_empty(), "{:?}", mirror.faults());
    for head in mirror.heads() {
        assert!(
            !head.frozen,
            "the feed of {} is frozen",
            head.writer.short()
        );
        let mut places = BTreeSet::new();
        for entry in mirror.entries(head.writer) {
            let place = krog_feed::entry::Header::parse(&entry.header)
                .unwrap()
                .place();
            assert!(
                places.insert((place.epoch, place.seq)),
                "{place} was signed twice"
            );
        }
        let expected: BTreeSet<_> = (0..=head.place.seq)
            .map(|seq| (head.place.epoch, seq))
            .collect();
        assert_eq!(places, expected);
    }
}

/// Waits until a node has compared its own feeds with the network and may sign.
pub async fn until_it_may_sign(person: &krog_client::centre::CentreClient) {
    use krog_proto::centre::v1::WhoAmIRequest;
    until("the centre may sign", async || {
        person
            .who_am_i(WhoAmIRequest {})
            .await
            .ok()
            .filter(|me| me.may_sign)
    })
    .await;
}
