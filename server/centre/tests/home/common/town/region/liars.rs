//! Aggregators played by hand, which can lie.

use super::super::{HELPER, LEADER};
use super::Region;
use krog_feed::entry::Kind;
use krog_feed::ids::{HeaderHash, WriterId};
use krog_feed::rounds::board::{RoundId, set_hash};
use krog_pools::Role;
use krog_pools::aggregation::{Agreed, Arrived, Centre, Checked, Opened, open_parts};
use krog_pools::sealing::Sender;
use krog_pools::shares::Sharing;
use krog_proto::federation::v1 as proto;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The key a leader played by hand checks proofs with.
const VERIFY_KEY: [u8; 32] = [9; 32];

/// What an aggregator played by hand has found.
pub struct Found {
    pub verifiers: BTreeMap<Centre, Vec<u8>>,
    pub parts: Vec<(WriterId, HeaderHash)>,
    pub half: Vec<u8>,
    pub persons_share: Option<[u8; 16]>,
    /// Centres left out as missing.
    pub left_out: Vec<WriterId>,
}

impl Found {
    /// Leaves the last parts out, and says of each that it is missing.
    pub fn leave_out(&mut self, parts: usize) {
        let kept = self.parts.len() - parts;
        let left_out = self.parts.split_off(kept);
        self.left_out = left_out.into_iter().map(|(centre, _)| centre).collect();
    }
}

/// What a liar does by hand.
impl Region {
    fn opened(&self, role: Role, round: RoundId, verify_key: &[u8; 32]) -> Opened {
        let status = self.status(round);
        let secret = self.town.secret([LEADER, HELPER][role.index()]);
        let net = self.house().0.lock().unwrap();
        let parts: Vec<Arrived<'_>> = status
            .commitments
            .iter()
            .map(|(centre, part)| {
                let stated = [&part.leader_parcel, &part.helper_parcel][role.index()];
                Arrived {
                    centre: *centre.as_bytes(),
                    nonce: part.nonce,
                    parcel: net.parcels.get(stated.hash.as_slice()).map(Vec::as_slice),
                }
            })
            .collect();
        let sharing = Sharing::of(*round.as_bytes(), &self.layout(&status.round)).unwrap();
        open_parts(*round.as_bytes(), &sharing, role, secret, verify_key, parts)
    }

    fn found(
        &self,
        round: RoundId,
        verifiers: BTreeMap<Centre, Vec<u8>>,
        agreed: &Agreed,
    ) -> Found {
        let status = self.status(round);
        let layout = self.layout(&status.round);
        let aggregate = agreed.add(&self.sharing(round));
        let proved = agreed.proved();
        let parts = proved.iter().map(|centre| {
            let centre = WriterId::new(*centre);
            (centre, status.commitments[&centre].entry)
        });
        let mut chance = ChaCha20Rng::seed_from_u64(4);
        Found {
            verifiers,
            parts: parts.collect(),
            half: aggregate.half(&layout.noise(&mut chance)),
            persons_share: layout.persons().and_then(|at| aggregate.share_of(at)),
            left_out: Vec::new(),
        }
    }

    fn parcel_in(&self, hash: &[u8; 32]) -> Vec<u8> {
        self.house().0.lock().unwrap().parcels[&hash.to_vec()].clone()
    }

    /// What an honest helper would find, once the leader has checked.
    pub fn helper_finds(&self, round: RoundId) -> Found {
        let check = self.parcel_in(&self.status(round).check.unwrap().hash);
        let checked = Checked::open(
            self.town.secret(HELPER),
            *round.as_bytes(),
            Role::Helper,
            Sender::LeaderCheck,
            &check,
        )
        .unwrap();
        let opened = self.opened(Role::Helper, round, &checked.verify_key.unwrap());
        let verifiers = opened.verifiers();
        let agreed = opened.agree(&self.sharing(round), &checked.verifiers);
        self.found(round, verifiers, &agreed)
    }

    /// What an honest leader would show first.
    pub fn leader_shows(&self, round: RoundId) -> Checked {
        Checked {
            verify_key: Some(VERIFY_KEY),
            verifiers: self.opened(Role::Leader, round, &VERIFY_KEY).verifiers(),
            persons_share: None,
        }
    }

    /// What an honest leader would find, once the helper has named its set.
    pub fn leader_finds(&self, round: RoundId) -> Found {
        let set = self.status(round).sets[Role::Helper.index()]
            .clone()
            .unwrap();
        let checked = Checked::open(
            self.town.secret(LEADER),
            *round.as_bytes(),
            Role::Leader,
            Sender::WithSet,
            &self.parcel_in(&set.parcel.hash),
        )
        .unwrap();
        let opened = self.opened(Role::Leader, round, &VERIFY_KEY);
        let agreed = opened.agree(&self.sharing(round), &checked.verifiers);
        self.found(round, BTreeMap::new(), &agreed)
    }

    fn seals(&mut self, from: &str, round: RoundId, sender: Sender, checked: &Checked) -> Vec<u8> {
        let to = if from == LEADER {
            Role::Helper
        } else {
            Role::Leader
        };
        let key = self.status(round).keys[to.index()].clone().unwrap();
        checked
            .seal(&key, *round.as_bytes(), to, sender, &mut self.chance)
            .unwrap()
    }

    /// The leader played by hand states this parcel.
    pub fn says_check(&mut self, round: RoundId, parcel: &[u8]) {
        self.arrives(parcel);
        let check = proto::PoolCheck {
            opening: round.into(),
            parcel: Sha256::digest(parcel).to_vec(),
            parcel_bytes: parcel.len() as u32,
        };
        self.town.sign(LEADER, Kind::PoolCheck, &check);
    }

    pub fn checks(&mut self, round: RoundId, checked: &Checked) {
        let parcel = self.seals(LEADER, round, Sender::LeaderCheck, checked);
        self.says_check(round, &parcel);
    }

    /// An aggregator played by hand names these parts, with this parcel.
    pub fn says_set(
        &mut self,
        name: &str,
        round: RoundId,
        parts: &[(WriterId, HeaderHash)],
        left_out: &[WriterId],
        parcel: &[u8],
    ) {
        self.arrives(parcel);
        let mut parts = parts.to_vec();
        parts.sort_unstable();
        let set = proto::PoolSet {
            opening: round.into(),
            parts: parts
                .iter()
                .map(|(centre, commitment)| proto::PoolPart {
                    centre: (*centre).into(),
                    commitment: (*commitment).into(),
                })
                .collect(),
            left_out: left_out
                .iter()
                .map(|centre| proto::PoolLeftOut {
                    centre: (*centre).into(),
                    fault: proto::PoolFault::Missing.into(),
                })
                .collect(),
            parcel: Sha256::digest(parcel).to_vec(),
            parcel_bytes: parcel.len() as u32,
        };
        self.town.sign(name, Kind::PoolSet, &set);
    }

    pub fn sets(&mut self, name: &str, round: RoundId, found: &Found) {
        let checked = Checked {
            verify_key: None,
            verifiers: found.verifiers.clone(),
            persons_share: found.persons_share,
        };
        let parcel = self.seals(name, round, Sender::WithSet, &checked);
        self.says_set(name, round, &found.parts, &found.left_out, &parcel);
    }

    /// An aggregator played by hand publishes this as its half over these parts.
    pub fn halves(
        &mut self,
        name: &str,
        round: RoundId,
        parts: &[(WriterId, HeaderHash)],
        half: Vec<u8>,
    ) {
        let half = proto::PoolHalf {
            opening: round.into(),
            set: set_hash(round, parts).to_vec(),
            half,
        };
        self.town.sign(name, Kind::PoolHalf, &half);
    }
}
