//! A small network for tests.

use crate::chain::{FeedState, Step, Surroundings};
use crate::entry::{Arrival, Kind, RawEntry, VerifiedEntry};
use crate::identity::{CentreInception, DescribedCentre, NodeDescriptor, NodeInception};
use crate::ids::{NetworkId, NodeId, TlsPin, WriterId};
use crate::invitation::{
    Admission, Invitation, JoinToken, SignedInvitation, admission_for, sign_invitation,
};
use crate::keys::{AdmissionKey, RecoveryKey, WriterKey};
use crate::roster::{Genesis, Policy, Roster, RosterChain};
use crate::writer::Author;
use sha2::{Digest, Sha256};

pub const DAY: u32 = 20_000;

pub fn seed(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

pub fn salt(n: u64) -> [u8; 16] {
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&n.to_be_bytes());
    salt
}

/// An NGO with its keys, before it belongs to any network.
#[derive(Clone)]
pub struct Ngo {
    pub name: String,
    pub inception: NodeInception,
}

impl Ngo {
    pub fn new(name: &str) -> Self {
        let ngo = Self {
            name: name.to_owned(),
            inception: NodeInception::new(
                Self::office_of(name).public(),
                &Self::recovery_of(name).public(),
                salt(7),
            ),
        };
        assert_eq!(
            NodeInception::parse(ngo.inception.encode()).unwrap(),
            ngo.inception
        );
        ngo
    }

    fn office_of(name: &str) -> WriterKey {
        WriterKey::from_seed(seed(&format!("office {name}")))
    }

    fn recovery_of(name: &str) -> RecoveryKey {
        RecoveryKey::from_seed(seed(&format!("recovery {name}")))
    }

    pub fn office(&self) -> WriterKey {
        Self::office_of(&self.name)
    }

    pub fn centre_key(&self) -> WriterKey {
        WriterKey::from_seed(seed(&format!("centre {}", self.name)))
    }

    pub fn recovery(&self) -> RecoveryKey {
        Self::recovery_of(&self.name)
    }

    pub fn node(&self) -> NodeId {
        self.inception.node()
    }

    pub fn pin(&self) -> TlsPin {
        TlsPin::new(seed(&format!("tls {}", self.name)))
    }

    pub fn centre(&self) -> CentreInception {
        let (key, recovery) = (self.centre_key().public(), self.recovery().public());
        CentreInception::new(self.node(), key, &recovery, salt(8))
    }

    pub fn descriptor(&self) -> NodeDescriptor {
        NodeDescriptor {
            public_name: self.name.parse().unwrap(),
            tls_pins: vec![self.pin()],
            addresses: vec!["localhost:7470".parse().unwrap()],
            centres: vec![DescribedCentre {
                writer: self.centre().writer(),
                public_name: format!("{} centre", self.name).parse().unwrap(),
            }],
            protocol: 1,
        }
    }

    pub fn begin_office(&self, network: NetworkId) -> (Author, VerifiedEntry) {
        Author::begin_office(network, self.office(), &self.inception, salt(1)).unwrap()
    }

    pub fn begin_centre(&self, network: NetworkId) -> (Author, VerifiedEntry) {
        Author::begin_centre(network, self.centre_key(), &self.centre(), salt(2)).unwrap()
    }
}

/// A network of one founder.
pub struct Net {
    pub founder: Ngo,
    pub genesis: Genesis,
    pub rosters: RosterChain,
}

impl Net {
    pub fn new() -> Self {
        let founder = Ngo::new("founder");
        let name = "Test network".parse().unwrap();
        let genesis = Genesis::new(founder.inception.clone(), name, salt(9), false);
        let policy = Policy::new(10, 14, Vec::new()).unwrap();
        let roster = Roster::first(genesis.clone(), policy);
        let signed = roster.signed_by(founder.node(), &founder.office());
        let rosters = RosterChain::start(genesis.network(), signed).unwrap();
        Self {
            founder,
            genesis,
            rosters,
        }
    }

    pub fn id(&self) -> NetworkId {
        self.genesis.network()
    }

    pub fn invitation(&self, count: u32) -> Invitation {
        Invitation {
            network: self.id(),
            nonce: salt(u64::from(count)),
            roster_version: self.rosters.latest().version,
            last_day: DAY,
            count,
            admission_key: admission_key().public(),
            admitting_node: self.founder.node(),
        }
    }

    pub fn signed(&self, invitation: &Invitation) -> SignedInvitation {
        let bytes = invitation.encode();
        let signature = sign_invitation(&bytes, self.founder.node(), &self.founder.office());
        SignedInvitation {
            invitation: bytes,
            signatures: vec![signature],
        }
    }

    pub fn token(&self, count: u32) -> JoinToken {
        let invitation = self.signed(&self.invitation(count));
        let address = "relay.example.org:7470".parse().unwrap();
        let (genesis, pin) = (self.genesis.clone(), self.founder.pin());
        JoinToken::new(genesis, invitation, admission_key(), address, pin).unwrap()
    }

    pub fn admission(&self, ngo: &Ngo, count: u32) -> Admission {
        admission_for(&self.token(count), ngo.node())
    }

    /// The first entries of a newcomer's office feed: inception, admission, descriptor.
    pub fn joins(&self, ngo: &Ngo, count: u32) -> (Author, Vec<VerifiedEntry>) {
        let (mut author, first) = ngo.begin_office(self.id());
        let admission = self.admission(ngo, count).encode();
        let second = author
            .append(Kind::Admission, &admission, 0, salt(3))
            .unwrap();
        let descriptor = ngo.descriptor().encode();
        let third = author
            .append(Kind::Descriptor, &descriptor, 0, salt(4))
            .unwrap();
        (author, vec![first, second, third])
    }
}

pub fn admission_key() -> AdmissionKey {
    AdmissionKey::from_seed(seed("admission"))
}

/// Accepts an entry that needs no looking up.
pub fn next(state: &FeedState, raw: &RawEntry) -> Result<Step, crate::fault::EntryFault> {
    state.accept(Arrival::parse(raw.clone())?, &Surroundings::default())
}

/// The state after a chain of entries.
pub fn replay(network: NetworkId, writer: WriterId, entries: &[VerifiedEntry]) -> FeedState {
    let mut state = FeedState::empty(network, writer);
    for entry in entries {
        state = match next(&state, entry.raw()).unwrap() {
            Step::Appended(_, state) | Step::Opened { state, .. } => state,
            step => panic!("not the next entry: {step:?}"),
        };
    }
    state
}
