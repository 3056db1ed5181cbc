//! A network in one process for tests: real stores, real services, real gRPC over in-memory pipes.

mod pipes;

pub(crate) use pipes::Wires;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use krog_feed::entry::{Kind, VerifiedEntry};
use krog_feed::identity::{
    CentreInception, DescribedCentre, NodeDescriptor, NodeInception, PublicName,
};
use krog_feed::ids::{NetworkId, NodeId, TlsPin, WriterId};
use krog_feed::invitation::{Invitation, JoinToken, SignedInvitation, sign_invitation};
use krog_feed::keys::{AdmissionKey, RecoveryKey, WriterKey};
use krog_feed::roster::{Genesis, Policy, Roster, RosterChain};
use krog_feed::writer::Author;
use krog_proto::federation::v1 as proto;
use prost::Message;
use tonic::transport::Channel;

use crate::store::Store;
use crate::store::bench::Bench;
use crate::{Dial, DialError, Exchange, PeerAddress, Syncer};

/// 2025-01-01, seconds.
pub(crate) const START: i64 = 1_735_689_600;

/// Sixteen bytes that differ by `n`.
pub(crate) fn salt(n: u8) -> [u8; 16] {
    [n; 16]
}

/// Dials as a node.
struct Dialler {
    wires: Wires,
    own: TlsPin,
}

#[async_trait]
impl Dial for Dialler {
    async fn dial(&self, peer: &PeerAddress) -> Result<Channel, DialError> {
        self.wires
            .connect(&peer.address, &peer.pins, self.own)
            .await
    }
}

/// An NGO: keys, feeds, exchange.
pub(crate) struct Ngo {
    pub(crate) name: &'static str,
    pub(crate) inception: NodeInception,
    pub(crate) pin: TlsPin,
    pub(crate) bench: Bench,
    pub(crate) exchange: Exchange,
    pub(crate) syncer: Syncer,
    pub(crate) clock: Arc<AtomicI64>,
    wires: Wires,
}

impl Ngo {
    pub(crate) async fn new(name: &'static str, bench: Bench, wires: &Wires) -> Ngo {
        let inception = NodeInception::new(
            office_key(name).public(),
            &recovery(name).public(),
            [name.as_bytes()[0]; 16],
        );
        let pin = TlsPin::of(name.as_bytes());
        let clock = Arc::new(AtomicI64::new(START));
        let exchange = open(bench.open().await, inception.node(), &clock).await;
        let syncer = Syncer::new(
            exchange.clone(),
            Arc::new(Dialler {
                wires: wires.clone(),
                own: pin,
            }),
        );
        Ngo {
            name,
            inception,
            pin,
            bench,
            exchange,
            syncer,
            clock,
            wires: wires.clone(),
        }
    }

    /// Closes the store and opens everything again.
    pub(crate) async fn restart(&mut self) {
        self.exchange.store().close().await;
        self.exchange = open(self.bench.open().await, self.node(), &self.clock).await;
        let dial = Dialler {
            wires: self.wires.clone(),
            own: self.pin,
        };
        self.syncer = Syncer::new(self.exchange.clone(), Arc::new(dial));
    }

    pub(crate) fn node(&self) -> NodeId {
        self.inception.node()
    }

    pub(crate) fn writer(&self) -> WriterId {
        self.node().into()
    }

    pub(crate) fn address(&self) -> String {
        format!("{}:7470", self.name)
    }

    pub(crate) fn listen(&self) {
        self.wires.listen(&self.address(), self.pin, &self.exchange);
    }

    pub(crate) fn centre(&self) -> CentreInception {
        let key = centre_key(self.name).public();
        CentreInception::new(self.node(), key, &recovery(self.name).public(), salt(9))
    }

    pub(crate) fn begin_centre(&self, network: NetworkId) -> (Author, VerifiedEntry) {
        Author::begin_centre(network, centre_key(self.name), &self.centre(), salt(1)).unwrap()
    }

    pub(crate) fn begin_office(&self, network: NetworkId) -> (Author, VerifiedEntry) {
        Author::begin_office(network, office_key(self.name), &self.inception, salt(1)).unwrap()
    }

    pub(crate) fn descriptor(&self, listens: bool) -> NodeDescriptor {
        NodeDescriptor {
            public_name: name(self.name),
            tls_pins: vec![self.pin],
            addresses: if listens {
                vec![self.address().parse().unwrap()]
            } else {
                Vec::new()
            },
            centres: vec![DescribedCentre {
                writer: self.centre().writer(),
                public_name: name(&format!("{} centre", self.name)),
            }],
            protocol: 1,
        }
    }

    /// Takes entries in as its own centre side would hand them over.
    pub(crate) async fn hand_over(
        &self,
        network: NetworkId,
        entries: &[VerifiedEntry],
    ) -> crate::exchange::Taken {
        self.exchange
            .ingest(network, wire(entries), crate::exchange::Source::House)
            .await
            .unwrap()
    }

    pub(crate) async fn head(
        &self,
        network: NetworkId,
        writer: WriterId,
    ) -> Option<krog_feed::chain::Head> {
        self.exchange.head(network, writer).await.unwrap()
    }

    /// A channel to another node's peer services.
    pub(crate) async fn call(&self, other: &Ngo) -> Channel {
        self.wires
            .connect(&other.address(), &[other.pin], self.pin)
            .await
            .unwrap()
    }

    /// A channel to this node's own local services.
    pub(crate) async fn at_home(&self) -> Channel {
        let address = format!("{} at home", self.name);
        self.wires.listen_house(&address, self.pin, &self.syncer);
        self.wires
            .connect(&address, &[self.pin], self.pin)
            .await
            .unwrap()
    }

    /// How many releases stand.
    pub(crate) async fn releases(&self, network: NetworkId) -> usize {
        let net = self.exchange.network(network).await.unwrap();
        let held = net.fresh(self.exchange.store()).await.unwrap();
        held.shelf.releases().count()
    }

    /// A feed's state, as a writer resumes from it.
    pub(crate) async fn state(
        &self,
        network: NetworkId,
        writer: WriterId,
    ) -> krog_feed::chain::FeedState {
        let net = self.exchange.network(network).await.unwrap();
        let held = net.fresh(self.exchange.store()).await.unwrap();
        held.feeds[&writer].clone()
    }
}

async fn open(store: Store, node: NodeId, clock: &Arc<AtomicI64>) -> Exchange {
    let clock = clock.clone();
    Exchange::open(store, node, Arc::new(move || clock.load(Ordering::Relaxed)))
        .await
        .unwrap()
}

pub(crate) fn office_key(name: &str) -> WriterKey {
    WriterKey::from_seed(*TlsPin::of(format!("office {name}").as_bytes()).as_bytes())
}

pub(crate) fn centre_key(name: &str) -> WriterKey {
    WriterKey::from_seed(*TlsPin::of(format!("centre {name}").as_bytes()).as_bytes())
}

pub(crate) fn recovery(name: &str) -> RecoveryKey {
    RecoveryKey::from_seed(*TlsPin::of(format!("recovery {name}").as_bytes()).as_bytes())
}

pub(crate) fn name(text: &str) -> PublicName {
    PublicName::try_from(text.to_owned()).unwrap()
}

pub(crate) fn wire(entries: &[VerifiedEntry]) -> Vec<proto::Entry> {
    entries.iter().map(|entry| entry.raw().to_proto()).collect()
}

/// A release without cells.
pub(crate) fn release(quarter: u32) -> Vec<u8> {
    proto::Release {
        quarter,
        roster_version: 1,
        ..Default::default()
    }
    .encode_to_vec()
}

/// A network founded by a relay.
pub(crate) struct Net {
    pub(crate) genesis: Genesis,
    pub(crate) rosters: RosterChain,
    founder: NodeId,
}

impl Net {
    /// Founds a network at `founder`, which listens and has its office feed.
    pub(crate) async fn found(founder: &Ngo) -> Net {
        Net::found_named(founder, "circle").await
    }

    pub(crate) async fn found_named(founder: &Ngo, public_name: &str) -> Net {
        let genesis = Genesis::new(founder.inception.clone(), name(public_name), salt(3), true);
        let measures = krog_measures::builtin::measures().cloned().collect();
        let roster = Roster::first(genesis.clone(), Policy::new(10, 14, measures).unwrap());
        let signed = roster.signed_by(founder.node(), &office_key(founder.name));
        let rosters = RosterChain::start(genesis.network(), signed.clone()).unwrap();
        let net = Net {
            genesis,
            rosters,
            founder: founder.node(),
        };
        founder
            .exchange
            .add_network(net.id(), vec![signed.to_proto()])
            .await
            .unwrap();
        let (mut office, first) = founder.begin_office(net.id());
        let described = office
            .append(
                Kind::Descriptor,
                &founder.descriptor(true).encode(),
                0,
                salt(2),
            )
            .unwrap();
        founder.hand_over(net.id(), &[first, described]).await;
        founder.listen();
        net
    }

    pub(crate) fn id(&self) -> NetworkId {
        self.genesis.network()
    }

    /// A token that admits `count` nodes until 30 days after the start, counted by the founder.
    pub(crate) fn token(&self, founder: &Ngo, n: u8, count: u32) -> JoinToken {
        self.token_by(founder, &office_key(founder.name), n, count)
    }

    /// The same, signed with any key and leading to `at`.
    pub(crate) fn token_by(&self, at: &Ngo, key: &WriterKey, n: u8, count: u32) -> JoinToken {
        let admission_key = AdmissionKey::from_seed([n; 32]);
        let invitation = Invitation {
            network: self.id(),
            nonce: salt(n),
            roster_version: 1,
            last_day: (START / 86_400 + 30) as u32,
            count,
            admission_key: admission_key.public(),
            admitting_node: self.founder,
        }
        .encode();
        let signatures = vec![sign_invitation(&invitation, self.founder, key)];
        let address = at.address().parse().unwrap();
        let signed = SignedInvitation {
            invitation,
            signatures,
        };
        JoinToken::new(self.genesis.clone(), signed, admission_key, address, at.pin).unwrap()
    }

    /// Joins by a token and hands over the beginning of the office feed.
    pub(crate) async fn join(&self, founder: &Ngo, ngo: &Ngo, n: u8) -> Author {
        let (network, admission) = ngo
            .syncer
            .join(&self.token(founder, n, 1), &ngo.inception)
            .await
            .unwrap();
        let (mut office, first) = ngo.begin_office(network);
        let admitted = office
            .append(Kind::Admission, &admission.encode(), 0, salt(2))
            .unwrap();
        let described = office
            .append(
                Kind::Descriptor,
                &ngo.descriptor(false).encode(),
                0,
                salt(3),
            )
            .unwrap();
        let taken = ngo.hand_over(network, &[first, admitted, described]).await;
        assert_eq!(taken.feeds[0].fault, None);
        office
    }

    /// The founder's next roster without `node`, in the founder's feed.
    pub(crate) async fn remove(&mut self, founder: &Ngo, node: NodeId) {
        self.change_roster(founder, |next| {
            next.nodes.remove(&node);
            next.removed.insert(node, BTreeMap::new());
        })
        .await;
    }

    /// The founder's next roster, changed, in the founder's feed.
    pub(crate) async fn change_roster(&mut self, founder: &Ngo, change: impl FnOnce(&mut Roster)) {
        let mut next = self.rosters.draft_next();
        change(&mut next);
        let signed = next.signed_by(founder.node(), &office_key(founder.name));
        self.rosters.apply(signed.clone()).unwrap();
        let state = founder.state(self.id(), founder.writer()).await;
        let mut office = Author::resume(state, office_key(founder.name)).unwrap();
        let entry = office
            .append(Kind::Roster, &signed.encode(), 0, salt(4))
            .unwrap();
        assert_eq!(
            founder.hand_over(self.id(), &[entry]).await.feeds[0].fault,
            None
        );
    }
}
