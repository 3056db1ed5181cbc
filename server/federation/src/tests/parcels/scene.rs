//! A round of a pool: a relay that opened it, two aggregators and a centre that only dial out.

use std::collections::BTreeSet;

use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::ids::{HeaderHash, ParcelHash};
use krog_feed::writer::Author;
use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::Refusal;
use krog_proto::federation::v1::exchange_client::ExchangeClient;
use krog_proto::federation::v1::house_client::HouseClient;
use prost::Message;

use crate::bench::{Net, Ngo, START, Wires, office_key, salt};
use crate::store::bench::Bench;

/// The first day.
pub(super) const DAY: u32 = (START / 86_400) as u32;
/// The day on which the round expires.
pub(super) const EXPIRY: u32 = DAY + 40;

pub(super) struct Scene {
    pub(super) net: Net,
    /// Keyholder, and the only one who accepts connections.
    pub(super) relay: Ngo,
    /// Leads.
    pub(super) alba: Ngo,
    /// Helps.
    pub(super) bela: Ngo,
    /// Has the centre.
    pub(super) cara: Ngo,
    pub(super) centre: Author,
    pub(super) opening: HeaderHash,
    wires: Wires,
}

pub(super) fn hash(sealed: &[u8]) -> ParcelHash {
    ParcelHash::of(sealed)
}

impl Scene {
    pub(super) async fn new(bench: &Bench) -> Scene {
        Scene::on(bench, &Wires::default()).await
    }

    /// Everybody knows of everybody and of the opening; the relay's store is on `bench`.
    pub(super) async fn on(bench: &Bench, wires: &Wires) -> Scene {
        let relay = Ngo::new("relay", bench.clone(), wires).await;
        let net = Net::found(&relay).await;
        let alba = Ngo::new("alba", Bench::sqlite(), wires).await;
        let bela = Ngo::new("bela", Bench::sqlite(), wires).await;
        let cara = Ngo::new("cara", Bench::sqlite(), wires).await;
        for (n, ngo) in (11..).zip([&alba, &bela, &cara]) {
            net.join(&relay, ngo, n).await;
        }
        let opening = proto::PoolOpening {
            measure: "bdi-ii".to_owned(),
            comparability_class: vec![1; 32],
            facilitation: proto::Facilitation::Peer.into(),
            course: proto::Course::Entry.into(),
            first_quarter: 8096,
            last_quarter: 8099,
            roster_version: 1,
            sums: vec![
                proto::PoolSum::Persons.into(),
                proto::PoolSum::Change.into(),
            ],
            persons_per_centre: 40,
            change_bound_hundredths: 2_000,
            unit_sd_thousandths: 12_000,
            leader: alba.node().into(),
            helper: bela.node().into(),
            deadline: DAY + 20,
            expiry: EXPIRY,
            ..Default::default()
        };
        let opened = signed(&relay, &net, Kind::PoolOpening, &opening, 20).await;
        relay
            .hand_over(net.id(), std::slice::from_ref(&opened))
            .await;
        let (centre, first) = cara.begin_centre(net.id());
        cara.hand_over(net.id(), &[first]).await;
        for ngo in [&alba, &bela, &cara, &alba, &bela] {
            ngo.syncer.sync_round().await.unwrap();
        }
        Scene {
            net,
            relay,
            alba,
            bela,
            cara,
            centre,
            opening: opened.hash(),
            wires: wires.clone(),
        }
    }

    pub(super) fn wires(&self) -> Wires {
        self.wires.clone()
    }

    pub(super) fn commitment(
        &self,
        [to_leader, to_helper]: &[Vec<u8>; 2],
    ) -> proto::PoolCommitment {
        proto::PoolCommitment {
            opening: self.opening.into(),
            nonce: vec![5; 16],
            leader_parcel: hash(to_leader).into(),
            leader_parcel_bytes: to_leader.len() as u32,
            helper_parcel: hash(to_helper).into(),
            helper_parcel_bytes: to_helper.len() as u32,
        }
    }

    /// The centre commits to two parcels, at home.
    pub(super) async fn commit(&mut self) -> [Vec<u8>; 2] {
        let sealed = [vec![1; 60_000], vec![2; 700]];
        let commitment = self.commitment(&sealed);
        self.commit_to(&commitment).await;
        sealed
    }

    pub(super) async fn commit_to(&mut self, commitment: &proto::PoolCommitment) {
        let body = commitment.encode_to_vec();
        let entry = self
            .centre
            .append(Kind::PoolCommitment, &body, 0, salt(6))
            .unwrap();
        let taken = self.cara.hand_over(self.net.id(), &[entry]).await;
        assert_eq!(taken.feeds[0].fault, None);
    }

    /// The leader states a parcel of so many bytes for the helper, at home.
    pub(super) async fn check(&self, bytes: usize) -> Vec<u8> {
        let parcel = vec![3; bytes];
        let check = proto::PoolCheck {
            opening: self.opening.into(),
            parcel: hash(&parcel).into(),
            parcel_bytes: bytes as u32,
        };
        let entry = signed(&self.alba, &self.net, Kind::PoolCheck, &check, 21).await;
        self.alba.hand_over(self.net.id(), &[entry]).await;
        parcel
    }

    /// The leader states another one.
    pub(super) async fn set(&self, bytes: usize) -> Vec<u8> {
        let parcel = vec![4; bytes];
        let set = proto::PoolSet {
            opening: self.opening.into(),
            parts: Vec::new(),
            left_out: Vec::new(),
            parcel: hash(&parcel).into(),
            parcel_bytes: bytes as u32,
        };
        let entry = signed(&self.alba, &self.net, Kind::PoolSet, &set, 22).await;
        self.alba.hand_over(self.net.id(), &[entry]).await;
        parcel
    }

    /// What is on a node's disk.
    pub(super) async fn held(&self, ngo: &Ngo) -> BTreeSet<ParcelHash> {
        let store = ngo.exchange.store();
        store.parcel_hashes(self.net.id()).await.unwrap()
    }

    /// Hands parcels over as a node's house; what is on disk then.
    pub(super) async fn hand_over(&self, ngo: &Ngo, parcels: &[&Vec<u8>]) -> BTreeSet<ParcelHash> {
        let mut house = HouseClient::new(ngo.at_home().await);
        let request = proto::HandOverParcelsRequest {
            network: self.net.id().into(),
            parcels: wire(parcels),
        };
        let response = house.hand_over_parcels(request).await.unwrap().into_inner();
        assert_eq!(response.refusal(), Refusal::Unspecified);
        ids(&response.kept)
    }

    /// Collects parcels as a node's house.
    pub(super) async fn collect(&self, ngo: &Ngo, parcels: &[&Vec<u8>]) -> Vec<Vec<u8>> {
        let mut house = HouseClient::new(ngo.at_home().await);
        let request = proto::CollectParcelsRequest {
            network: self.net.id().into(),
            parcels: names(parcels),
        };
        let response = house.collect_parcels(request).await.unwrap().into_inner();
        assert_eq!(response.refusal(), Refusal::Unspecified);
        response.parcels.into_iter().map(|p| p.sealed).collect()
    }

    /// Cara, talking to the relay.
    pub(super) async fn line(&self) -> ExchangeClient<tonic::transport::Channel> {
        ExchangeClient::new(self.cara.call(&self.relay).await)
    }

    pub(super) async fn offer(&self, parcels: &[&Vec<u8>]) -> Vec<Vec<u8>> {
        let request = self.offer_request(parcels);
        let response = self.line().await.offer_parcels(request).await;
        response.unwrap().into_inner().wanted
    }

    pub(super) async fn push(&self, parcels: &[&Vec<u8>]) -> BTreeSet<ParcelHash> {
        let request = self.push_request(parcels);
        let response = self.line().await.push_parcels(request).await;
        let response = response.unwrap().into_inner();
        assert_eq!(response.refusal(), Refusal::Unspecified);
        ids(&response.kept)
    }

    pub(super) async fn fetch(&self, parcels: &[&Vec<u8>]) -> proto::FetchParcelsResponse {
        let request = self.fetch_request(parcels);
        let response = self.line().await.fetch_parcels(request).await;
        response.unwrap().into_inner()
    }

    pub(super) fn offer_request(&self, parcels: &[&Vec<u8>]) -> proto::OfferParcelsRequest {
        proto::OfferParcelsRequest {
            network: self.net.id().into(),
            parcels: names(parcels),
        }
    }

    pub(super) fn push_request(&self, parcels: &[&Vec<u8>]) -> proto::PushParcelsRequest {
        proto::PushParcelsRequest {
            network: self.net.id().into(),
            parcels: wire(parcels),
        }
    }

    pub(super) fn fetch_request(&self, parcels: &[&Vec<u8>]) -> proto::FetchParcelsRequest {
        proto::FetchParcelsRequest {
            network: self.net.id().into(),
            parcels: names(parcels),
        }
    }
}

/// The next entry of a node's office.
async fn signed(ngo: &Ngo, net: &Net, kind: Kind, body: &impl Message, n: u8) -> VerifiedEntry {
    let state = ngo.state(net.id(), ngo.writer()).await;
    let mut office = Author::resume(state, office_key(ngo.name)).unwrap();
    office
        .append(kind, &body.encode_to_vec(), 0, salt(n))
        .unwrap()
}

pub(super) fn wire(parcels: &[&Vec<u8>]) -> Vec<proto::PoolParcel> {
    let sealed = |sealed: &&Vec<u8>| proto::PoolParcel {
        sealed: (*sealed).clone(),
    };
    parcels.iter().map(sealed).collect()
}

fn names(parcels: &[&Vec<u8>]) -> Vec<Vec<u8>> {
    parcels.iter().map(|sealed| hash(sealed).into()).collect()
}

fn ids(hashes: &[Vec<u8>]) -> BTreeSet<ParcelHash> {
    let id = |bytes: &Vec<u8>| ParcelHash::try_from(bytes.as_slice()).unwrap();
    hashes.iter().map(id).collect()
}
