//! A network as one node sees it: who belongs, what they are called, where they are reached, whose feed is whose.
//!
//! A view is built from a verified chain of rosters and the standing entries of feeds, shown to it one by one in any
//! order between feeds. It is only a reading of what is stored: it can be thrown away and built again.

mod standing;

pub use standing::{Allowance, Standing};

use crate::entry::{Kind, Place, VerifiedEntry};
use crate::fault::RecordFault;
use crate::identity::{CentreInception, NodeDescriptor, PublicName};
use crate::ids::{InvitationId, NetworkId, NodeId, RosterHash, TlsPin, WriterId};
use crate::invitation::{self, Admission, InvitationFault, VerifiedInvitation};
use crate::limits;
use crate::roster::{Policy, RosterChain, RosterFault, SignedRoster};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Invitations a node may have come by; more are ignored.
const ADMISSIONS_PER_NODE: usize = 8;

/// A network as one node sees it.
#[derive(Debug, Clone)]
pub struct NetworkView {
    rosters: RosterChain,
    pending: BTreeMap<(u32, RosterHash), SignedRoster>,
    offices: BTreeMap<NodeId, Office>,
    centres: BTreeMap<WriterId, NodeId>,
    members: BTreeSet<NodeId>,
    overused: BTreeMap<InvitationId, BTreeSet<NodeId>>,
    pins: BTreeMap<TlsPin, BTreeSet<NodeId>>,
}

#[derive(Debug, Clone, Default)]
struct Office {
    descriptor: Option<(Place, NodeDescriptor)>,
    admissions: Vec<Admitted>,
}

#[derive(Debug, Clone)]
struct Admitted {
    admission: Admission,
    /// `None` until the roster version it names has arrived.
    verified: Option<VerifiedInvitation>,
}

/// What an entry changed in the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// Nothing: the kind says nothing about the network, or it was known.
    Nothing,
    /// Members, names, addresses, centres or the roster.
    Changed,
    /// It waits for a roster version that has not arrived.
    Waiting,
    /// The body is not taken, for this reason. The chain of its feed goes on.
    Ignored(Ignored),
}

/// Why the body of a verified entry is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Ignored {
    /// It cannot be read.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// A roster that does not hold.
    #[error(transparent)]
    Roster(#[from] RosterFault),
    /// An admission that does not hold.
    #[error(transparent)]
    Invitation(#[from] InvitationFault),
    /// It is more than is kept.
    #[error("more of this kind than is kept for one node")]
    TooMany,
}

/// A member that accepts connections.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// The node.
    pub node: NodeId,
    /// Its descriptor, with addresses and TLS pins.
    pub descriptor: &'a NodeDescriptor,
}

impl NetworkView {
    /// The view of a network of which only the rosters are known.
    pub fn new(rosters: RosterChain) -> Self {
        let mut view = Self {
            rosters,
            pending: BTreeMap::new(),
            offices: BTreeMap::new(),
            centres: BTreeMap::new(),
            members: BTreeSet::new(),
            overused: BTreeMap::new(),
            pins: BTreeMap::new(),
        };
        view.settle_members();
        view
    }

    /// Takes in one standing entry. Entries aside are not shown to a view.
    pub fn observe(&mut self, entry: &VerifiedEntry) -> Observation {
        let Some(body) = entry.body() else {
            return Observation::Nothing;
        };
        let writer = entry.header().writer;
        match entry.kind() {
            // Chain kinds are understood by every version, whatever reader version they state.
            Kind::CentreInception => match CentreInception::parse(body) {
                Ok(inception) => {
                    let known = self.centres.insert(writer, inception.node());
                    changed(known != Some(inception.node()))
                }
                Err(fault) => Observation::Ignored(fault.into()),
            },
            _ if !entry.body_readable() || self.centres.contains_key(&writer) => {
                Observation::Nothing
            }
            Kind::Descriptor => self.describe(writer.as_office_of(), entry.header().place(), body),
            Kind::Roster => match SignedRoster::decode(body) {
                Ok(signed) => self.learn_roster(signed),
                Err(fault) => Observation::Ignored(fault.into()),
            },
            Kind::Admission => self.admit(writer.as_office_of(), body),
            Kind::Inception
            | Kind::Release
            | Kind::Template
            | Kind::Epoch
            | Kind::Tombstone
            | Kind::PoolOpening
            | Kind::PoolKey
            | Kind::PoolCommitment
            | Kind::PoolCheck
            | Kind::PoolSet
            | Kind::PoolHalf
            | Kind::PoolEnd
            | Kind::PoolResult
            | Kind::Unknown(_) => Observation::Nothing,
        }
    }

    /// Forgets what a feed said, before its entries are shown again after a rebase. Rosters stay: they stand by their own
    /// signatures.
    pub fn forget_feed(&mut self, writer: WriterId) {
        self.centres.remove(&writer);
        self.offices.remove(&writer.as_office_of());
        self.settle_pins();
        self.settle_members();
    }

    /// Takes in a roster version, from a feed or from whoever admitted this node.
    pub fn learn_roster(&mut self, signed: SignedRoster) -> Observation {
        let hash = RosterHash::of(&signed.roster);
        match self.rosters.apply(signed.clone()) {
            Ok(false) => Observation::Nothing,
            Ok(true) => {
                self.apply_pending();
                self.verify_waiting();
                self.settle_members();
                Observation::Changed
            }
            Err(RosterFault::Gap { version, .. }) => {
                // Not verifiable yet. The lowest versions are the ones needed next, so the highest give way.
                self.pending.insert((version, hash), signed);
                if self.pending.len() > limits::PENDING_ROSTERS {
                    self.pending.pop_last();
                }
                Observation::Waiting
            }
            Err(fault) => Observation::Ignored(fault.into()),
        }
    }

    fn apply_pending(&mut self) {
        let next = |view: &Self| view.rosters.latest().version.saturating_add(1);
        loop {
            let version = next(self);
            self.pending = self.pending.split_off(&(version, RosterHash::new([0; 32])));
            let candidates: Vec<_> = self
                .pending
                .iter()
                .take_while(|((candidate, _), _)| *candidate == version)
                .map(|(_, signed)| signed.clone())
                .collect();
            if !candidates
                .into_iter()
                .any(|signed| self.rosters.apply(signed) == Ok(true))
            {
                return;
            }
        }
    }

    fn describe(&mut self, node: NodeId, place: Place, body: &[u8]) -> Observation {
        let descriptor = match NodeDescriptor::parse(body) {
            Ok(descriptor) => descriptor,
            Err(fault) => return Observation::Ignored(fault.into()),
        };
        let office = self.offices.entry(node).or_default();
        if office
            .descriptor
            .as_ref()
            .is_some_and(|(known, _)| *known >= place)
        {
            return Observation::Nothing;
        }
        office.descriptor = Some((place, descriptor));
        self.settle_pins();
        Observation::Changed
    }

    fn admit(&mut self, node: NodeId, body: &[u8]) -> Observation {
        let admission = match Admission::decode(body) {
            Ok(admission) => admission,
            Err(fault) => return Observation::Ignored(fault.into()),
        };
        let verified = match self.verify_claim(&admission, node) {
            Ok(verified) => Some(verified),
            Err(InvitationFault::UnknownRoster { .. }) => None,
            Err(fault) => return Observation::Ignored(fault.into()),
        };
        let admissions = &mut self.offices.entry(node).or_default().admissions;
        if admissions.iter().any(|known| known.admission == admission) {
            return Observation::Nothing;
        }
        if admissions.len() >= ADMISSIONS_PER_NODE {
            return Observation::Ignored(Ignored::TooMany);
        }
        let waiting = verified.is_none();
        admissions.push(Admitted {
            admission,
            verified,
        });
        self.settle_members();
        if waiting {
            Observation::Waiting
        } else {
            Observation::Changed
        }
    }

    /// The signatures of an admission. Whether its signers are still of the network is asked anew with every roster.
    fn verify_claim(
        &self,
        admission: &Admission,
        node: NodeId,
    ) -> Result<VerifiedInvitation, InvitationFault> {
        let verified = invitation::verify_signatures(&admission.invitation, &self.rosters)?;
        invitation::check_held(admission, &verified, node)?;
        Ok(verified)
    }

    fn verify_waiting(&mut self) {
        let waiting: Vec<(NodeId, Admission)> = self
            .offices
            .iter()
            .flat_map(|(node, office)| office.admissions.iter().map(|admitted| (*node, admitted)))
            .filter(|(_, admitted)| admitted.verified.is_none())
            .map(|(node, admitted)| (node, admitted.admission.clone()))
            .collect();
        for (node, admission) in waiting {
            let verified = match self.verify_claim(&admission, node) {
                Err(InvitationFault::UnknownRoster { .. }) => continue,
                verified => verified.ok(),
            };
            if let Some(office) = self.offices.get_mut(&node) {
                office.admissions.retain_mut(|admitted| {
                    if admitted.admission == admission {
                        admitted.verified.clone_from(&verified);
                    }
                    admitted.admission != admission || verified.is_some()
                });
            }
        }
    }

    /// Works out anew who belongs: named in the roster, or admitted by an invitation that is not over-used; never removed.
    fn settle_members(&mut self) {
        let latest = self.rosters.latest();
        let mut uses = BTreeMap::<InvitationId, (u32, BTreeSet<NodeId>)>::new();
        for (node, verified) in self.invitations() {
            let count = verified.invitation().count;
            let (_, nodes) = uses
                .entry(verified.id())
                .or_insert((count, BTreeSet::new()));
            nodes.insert(node);
        }
        let too_many =
            |(count, nodes): &(u32, BTreeSet<NodeId>)| nodes.len() as u64 > u64::from(*count);
        uses.retain(|_, used| too_many(used));
        let mut members = latest.nodes.clone();
        for (node, verified) in self.invitations() {
            if !uses.contains_key(&verified.id()) && verified.stands_under(latest) {
                members.insert(node);
            }
        }
        members.retain(|node| !latest.removed.contains_key(node));
        self.members = members;
        self.overused = uses
            .into_iter()
            .map(|(id, (_, nodes))| (id, nodes))
            .collect();
    }

    fn invitations(&self) -> impl Iterator<Item = (NodeId, &VerifiedInvitation)> {
        self.offices.iter().flat_map(|(node, office)| {
            let verified = office.admissions.iter().filter_map(|a| a.verified.as_ref());
            verified.map(|verified| (*node, verified))
        })
    }

    fn settle_pins(&mut self) {
        self.pins.clear();
        for (node, office) in &self.offices {
            for pin in office
                .descriptor
                .iter()
                .flat_map(|(_, descriptor)| &descriptor.tls_pins)
            {
                self.pins.entry(*pin).or_default().insert(*node);
            }
        }
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.rosters.network()
    }

    /// The network's public name.
    pub fn network_name(&self) -> &PublicName {
        self.rosters.latest().genesis.public_name()
    }

    /// Whether the network practises with made-up data.
    pub fn rehearsal(&self) -> bool {
        self.rosters.latest().genesis.rehearsal()
    }

    /// The rosters known.
    pub fn rosters(&self) -> &RosterChain {
        &self.rosters
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.rosters.latest().policy
    }

    /// Whether a node belongs to the network now.
    pub fn member(&self, node: NodeId) -> bool {
        self.members.contains(&node)
    }

    /// All nodes that belong now.
    pub fn members(&self) -> impl Iterator<Item = NodeId> {
        self.members.iter().copied()
    }

    /// Whether the latest roster removes a node.
    pub fn removed(&self, node: NodeId) -> bool {
        self.rosters.latest().removed.contains_key(&node)
    }

    /// Invitations used more often than they may be, with all that came by them. These are suspended until a roster
    /// names them.
    pub fn overused(&self) -> &BTreeMap<InvitationId, BTreeSet<NodeId>> {
        &self.overused
    }

    /// Distinct nodes seen to have used an invitation; for the admitting node's count, beside its own record.
    pub fn uses(&self, id: InvitationId) -> usize {
        let nodes = self
            .invitations()
            .filter(|(_, verified)| verified.id() == id);
        nodes.map(|(node, _)| node).collect::<BTreeSet<_>>().len()
    }

    /// The latest descriptor of a node.
    pub fn descriptor(&self, node: NodeId) -> Option<&NodeDescriptor> {
        let (_, descriptor) = self.offices.get(&node)?.descriptor.as_ref()?;
        Some(descriptor)
    }

    /// The member whose descriptor states a TLS key. Should several claim it, the one of least identity; ask
    /// [`holds_pin`](Self::holds_pin) about a particular one.
    pub fn node_by_pin(&self, pin: TlsPin) -> Option<NodeId> {
        self.pins
            .get(&pin)?
            .iter()
            .copied()
            .find(|node| self.member(*node))
    }

    /// Whether `node` belongs and states this TLS key.
    pub fn holds_pin(&self, node: NodeId, pin: TlsPin) -> bool {
        self.member(node)
            && self
                .pins
                .get(&pin)
                .is_some_and(|nodes| nodes.contains(&node))
    }

    /// Public names of members.
    pub fn names(&self) -> impl Iterator<Item = (NodeId, &PublicName)> {
        self.members()
            .filter_map(|node| Some((node, &self.descriptor(node)?.public_name)))
    }

    /// Members that accept connections.
    pub fn peers(&self) -> impl Iterator<Item = Peer<'_>> {
        self.members()
            .filter_map(|node| {
                Some(Peer {
                    node,
                    descriptor: self.descriptor(node)?,
                })
            })
            .filter(|peer| !peer.descriptor.addresses.is_empty())
    }

    /// Centres that count: named by their member node's descriptor and, where their feed has arrived, naming it back.
    pub fn centres(&self) -> impl Iterator<Item = (WriterId, NodeId, &PublicName)> {
        self.members()
            .filter_map(|node| Some((node, self.descriptor(node)?)))
            .flat_map(|(node, descriptor)| {
                descriptor
                    .centres
                    .iter()
                    .map(move |c| (c.writer, node, &c.public_name))
            })
            .filter(|(writer, node, _)| {
                self.centres
                    .get(writer)
                    .is_none_or(|claimed| claimed == node)
            })
    }

    /// A centre's public name, if it counts.
    pub fn centre_name(&self, writer: WriterId) -> Option<&PublicName> {
        let Standing::Member(node) = self.standing(writer) else {
            return None;
        };
        let described = self.descriptor(node)?.centres.iter();
        described
            .filter(|c| c.writer == writer)
            .map(|c| &c.public_name)
            .next()
    }
}

fn changed(changed: bool) -> Observation {
    if changed {
        Observation::Changed
    } else {
        Observation::Nothing
    }
}

#[cfg(test)]
mod tests;
