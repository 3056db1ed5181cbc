//! The roster and policy of a network: a chain of versions, each signed by the threshold of keyholders that the version
//! before it demands.

mod genesis;
mod policy;

pub use genesis::Genesis;
pub use policy::Policy;

use crate::chain::Head;
use crate::fault::RecordFault;
use crate::ids::{NetworkId, NodeId, RosterHash, WriterId};
use crate::keys::{Domain, PublicKey, Signature, WriterKey};
use crate::limits;
use krog_proto::federation::v1 as proto;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Why a roster is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RosterFault {
    /// Bytes that are no roster.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// Its genesis is another network's.
    #[error("the roster belongs to another network")]
    WrongNetwork,
    /// Too few keyholders have signed.
    #[error(
        "the roster has {valid} valid signatures of keyholders and needs {needed}; have more keyholders sign it"
    )]
    TooFewSignatures {
        /// Distinct keyholders whose signature holds.
        valid: usize,
        /// The threshold that the version before demands.
        needed: usize,
    },
    /// A version before it is missing.
    #[error(
        "the roster is version {version}, but only version {known} is known here; fetch those between"
    )]
    Gap {
        /// Its version.
        version: u32,
        /// The latest one known.
        known: u32,
    },
    /// It names another version as the one before it.
    #[error(
        "the roster does not follow the version known here; the keyholders have to agree on one"
    )]
    NotNext,
    /// Another roster of the same version is already known.
    #[error("two different rosters claim one version; the keyholders have to agree on one")]
    Rival,
}

/// A keyholder's signature under a roster or an invitation, not yet known to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyholderSignature {
    /// The keyholder's node.
    pub node: NodeId,
    /// The signature.
    pub signature: Signature,
}

impl KeyholderSignature {
    pub(crate) fn parse(signature: &proto::KeyholderSignature) -> Result<Self, RecordFault> {
        let fault = RecordFault::of("keyholder's signature");
        let proto::KeyholderSignature { node, signature } = signature;
        Ok(Self {
            node: NodeId::try_from(node.as_slice())
                .map_err(|_| fault("the node has not 32 bytes"))?,
            signature: Signature::try_from(signature.as_slice())
                .map_err(|_| fault("the signature has not 64 bytes"))?,
        })
    }

    pub(crate) fn parse_all(
        signatures: &[proto::KeyholderSignature],
    ) -> Result<Vec<Self>, RecordFault> {
        if signatures.len() > limits::SIGNATURES {
            return Err(RecordFault::of("list of signatures")(
                "it has more than 100",
            ));
        }
        signatures.iter().map(Self::parse).collect()
    }

    pub(crate) fn to_proto(self) -> proto::KeyholderSignature {
        proto::KeyholderSignature {
            node: self.node.into(),
            signature: self.signature.into(),
        }
    }
}

/// The distinct keyholders among `keyholders` whose signature holds. Each counts once, however often it signed.
pub(crate) fn valid_signers(
    keyholders: &BTreeMap<NodeId, PublicKey>,
    domain: Domain,
    bytes: &[u8],
    signatures: &[KeyholderSignature],
) -> BTreeSet<NodeId> {
    let mut valid = BTreeSet::new();
    for KeyholderSignature { node, signature } in signatures {
        if !valid.contains(node)
            && keyholders
                .get(node)
                .is_some_and(|key| key.verifies(domain, bytes, signature))
        {
            valid.insert(*node);
        }
    }
    valid
}

/// A roster's bytes with signatures, before anything about them is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRoster {
    /// The exact bytes of the roster.
    pub roster: Vec<u8>,
    /// Signatures by keyholders of the version before it.
    pub signatures: Vec<KeyholderSignature>,
}

impl SignedRoster {
    /// Takes a signed roster from the wire.
    pub fn parse(signed: proto::SignedRoster) -> Result<Self, RecordFault> {
        let proto::SignedRoster { roster, signatures } = signed;
        if roster.len() > limits::ROSTER_BYTES {
            return Err(RecordFault::of("roster")("it is longer than 196608 bytes"));
        }
        Ok(Self {
            roster,
            signatures: KeyholderSignature::parse_all(&signatures)?,
        })
    }

    /// Reads the body of a roster entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordFault> {
        let signed = proto::SignedRoster::decode(bytes);
        Self::parse(signed.map_err(|_| RecordFault::of("roster")("it cannot be read"))?)
    }

    /// The signed roster for the wire.
    pub fn to_proto(&self) -> proto::SignedRoster {
        proto::SignedRoster {
            roster: self.roster.clone(),
            signatures: self.signatures.iter().map(|s| s.to_proto()).collect(),
        }
    }

    /// The body of a roster entry.
    pub fn encode(&self) -> Vec<u8> {
        self.to_proto().encode_to_vec()
    }
}

/// One keyholder's signature under a roster's bytes.
pub fn sign_roster(roster: &[u8], node: NodeId, office: &WriterKey) -> KeyholderSignature {
    KeyholderSignature {
        node,
        signature: office.sign(Domain::Roster, roster),
    }
}

/// What one version of a roster says.
#[derive(Debug, Clone, PartialEq)]
pub struct Roster {
    /// The network's genesis.
    pub genesis: Genesis,
    /// 1 for the first, then one more each time.
    pub version: u32,
    /// The version before it; `None` for the first.
    pub previous: Option<RosterHash>,
    /// Nodes named as belonging, keyholders among them.
    pub nodes: BTreeSet<NodeId>,
    /// Office keys that count towards the threshold.
    pub keyholders: BTreeMap<NodeId, PublicKey>,
    /// How many keyholders must sign the next version, and an invitation. 1 to the number of keyholders.
    pub threshold: u32,
    /// Nodes removed, with the last heads accepted from their feeds.
    pub removed: BTreeMap<NodeId, BTreeMap<WriterId, Head>>,
    /// What may be told.
    pub policy: Policy,
}

impl Roster {
    /// Version 1: the founder alone, as the only keyholder.
    pub fn first(genesis: Genesis, policy: Policy) -> Self {
        let founder = genesis.founder().node();
        let key = genesis.founder().office_key();
        Self {
            genesis,
            version: 1,
            previous: None,
            nodes: BTreeSet::from([founder]),
            keyholders: BTreeMap::from([(founder, key)]),
            threshold: 1,
            removed: BTreeMap::new(),
            policy,
        }
    }

    /// Reads a roster. No node is named twice, or both named and removed; the threshold can be met.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordFault> {
        let fault = RecordFault::of("roster");
        if bytes.len() > limits::ROSTER_BYTES {
            return Err(fault("it is longer than 196608 bytes"));
        }
        let proto::Roster {
            genesis,
            version,
            previous,
            nodes: named,
            threshold,
            removed: gone,
            policy,
        } = proto::Roster::decode(bytes).map_err(|_| fault("it cannot be read"))?;
        let previous = match (version, previous.is_empty()) {
            (1, true) => None,
            (2..=limits::ROSTER_VERSION_MAX, false) => Some(
                RosterHash::try_from(previous.as_slice())
                    .map_err(|_| fault("the previous version's hash has not 32 bytes"))?,
            ),
            _ => return Err(fault("exactly version 1 has no previous one")),
        };
        if named.len() > limits::ROSTER_NODES || gone.len() > limits::ROSTER_NODES {
            return Err(fault("it has more than 2000 nodes"));
        }
        let (mut nodes, mut keyholders, mut keys) =
            (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
        for proto::RosterNode {
            node,
            keyholder_key,
        } in named
        {
            let node = node_id(&node).ok_or(fault("a node has not 32 bytes"))?;
            if !nodes.insert(node) {
                return Err(fault("a node is named twice"));
            }
            if !keyholder_key.is_empty() {
                let key = PublicKey::try_from(keyholder_key.as_slice())
                    .map_err(|_| fault("a keyholder's key has not 32 bytes"))?;
                if !keys.insert(key) {
                    return Err(fault("two keyholders have one key"));
                }
                keyholders.insert(node, key);
            }
        }
        let reachable =
            usize::try_from(threshold).is_ok_and(|n| (1..=keyholders.len()).contains(&n));
        if !reachable || keyholders.len() > limits::SIGNATURES {
            return Err(fault(
                "the threshold is not between 1 and the number of keyholders",
            ));
        }
        let mut removed = BTreeMap::new();
        for proto::RemovedNode { node, last } in gone {
            let node = node_id(&node).ok_or(fault("a removed node has not 32 bytes"))?;
            if nodes.contains(&node) {
                return Err(fault("a node is both named and removed"));
            }
            if last.len() > limits::CENTRES_PER_NODE + 1 {
                return Err(fault("a removed node has more than 65 heads"));
            }
            let mut heads = BTreeMap::new();
            for head in &last {
                let head =
                    Head::parse(head).map_err(|_| fault("a removed node's head is not one"))?;
                if heads.insert(head.writer, head).is_some() {
                    return Err(fault("a removed node's feed is named twice"));
                }
            }
            if removed.insert(node, heads).is_some() {
                return Err(fault("a node is removed twice"));
            }
        }
        Ok(Self {
            genesis: Genesis::parse(&genesis)?,
            version,
            previous,
            nodes,
            keyholders,
            threshold,
            removed,
            policy: Policy::parse(policy.ok_or(fault("it has no policy"))?)?,
        })
    }

    /// The bytes to sign.
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            genesis,
            version,
            previous,
            nodes,
            keyholders,
            threshold,
            removed,
            policy,
        } = self;
        let nodes = nodes.iter().map(|node| proto::RosterNode {
            node: (*node).into(),
            keyholder_key: keyholders
                .get(node)
                .copied()
                .map(Vec::from)
                .unwrap_or_default(),
        });
        let removed = removed.iter().map(|(node, heads)| proto::RemovedNode {
            node: (*node).into(),
            last: heads.values().map(Head::to_proto).collect(),
        });
        proto::Roster {
            genesis: genesis.encode().to_vec(),
            version: *version,
            previous: previous.map(Vec::from).unwrap_or_default(),
            nodes: nodes.collect(),
            threshold: *threshold,
            removed: removed.collect(),
            policy: Some(policy.to_proto()),
        }
        .encode_to_vec()
    }

    /// Signs the bytes of this roster with one office key.
    pub fn signed_by(&self, node: NodeId, office: &WriterKey) -> SignedRoster {
        let roster = self.encode();
        SignedRoster {
            signatures: vec![sign_roster(&roster, node, office)],
            roster,
        }
    }
}

fn node_id(bytes: &[u8]) -> Option<NodeId> {
    NodeId::try_from(bytes).ok()
}

/// A roster whose signatures and place in the chain of versions hold.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedRoster {
    roster: Roster,
    hash: RosterHash,
    signed: SignedRoster,
}

impl std::ops::Deref for VerifiedRoster {
    type Target = Roster;

    fn deref(&self) -> &Roster {
        &self.roster
    }
}

impl VerifiedRoster {
    /// Hash of its bytes.
    pub fn hash(&self) -> RosterHash {
        self.hash
    }

    /// Its bytes and signatures, to pass on.
    pub fn signed(&self) -> &SignedRoster {
        &self.signed
    }
}

/// All versions of a network's roster, verified, oldest first. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct RosterChain {
    earlier: Vec<VerifiedRoster>,
    latest: VerifiedRoster,
}

impl RosterChain {
    /// Begins with version 1, which the founder's office key of the genesis signs.
    pub fn start(network: NetworkId, signed: SignedRoster) -> Result<Self, RosterFault> {
        let roster = Roster::parse(&signed.roster)?;
        if roster.genesis.network() != network {
            return Err(RosterFault::WrongNetwork);
        }
        if roster.version != 1 {
            let version = roster.version;
            return Err(RosterFault::Gap { version, known: 0 });
        }
        let founder = roster.genesis.founder();
        let founders = BTreeMap::from([(founder.node(), founder.office_key())]);
        let latest = verify(&founders, 1, roster, signed)?;
        Ok(Self {
            earlier: Vec::new(),
            latest,
        })
    }

    /// Verifies a whole chain, as a newcomer does with what it was given.
    pub fn from_versions(
        network: NetworkId,
        versions: impl IntoIterator<Item = SignedRoster>,
    ) -> Result<Self, RosterFault> {
        let mut versions = versions.into_iter();
        let first = versions.next().ok_or(RosterFault::Gap {
            version: 1,
            known: 0,
        })?;
        let mut chain = Self::start(network, first)?;
        for signed in versions {
            chain.apply(signed)?;
        }
        Ok(chain)
    }

    /// Takes the next version. True when it is new, false when it was known.
    pub fn apply(&mut self, signed: SignedRoster) -> Result<bool, RosterFault> {
        let hash = RosterHash::of(&signed.roster);
        if self.versions().any(|known| known.hash == hash) {
            return Ok(false);
        }
        let roster = Roster::parse(&signed.roster)?;
        let latest = &self.latest;
        if roster.genesis.encode() != latest.genesis.encode() {
            return Err(RosterFault::WrongNetwork);
        }
        if roster.version > latest.version.saturating_add(1) {
            return Err(RosterFault::Gap {
                version: roster.version,
                known: latest.version,
            });
        }
        if roster.version <= latest.version {
            // Only a threshold of keyholders can make a rival; anything else is noise.
            let demanded = self.version(roster.version.saturating_sub(1));
            let Some(demanded) = demanded else {
                return Err(RosterFault::NotNext);
            };
            verify(&demanded.keyholders, demanded.threshold, roster, signed)?;
            return Err(RosterFault::Rival);
        }
        if roster.previous != Some(latest.hash) {
            return Err(RosterFault::NotNext);
        }
        let next = verify(&latest.keyholders, latest.threshold, roster, signed)?;
        self.earlier.push(std::mem::replace(&mut self.latest, next));
        Ok(true)
    }

    /// The version in force.
    pub fn latest(&self) -> &VerifiedRoster {
        &self.latest
    }

    /// A version by its number, from 1.
    pub fn version(&self, version: u32) -> Option<&VerifiedRoster> {
        self.versions().find(|roster| roster.version == version)
    }

    /// All versions, oldest first.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &VerifiedRoster> {
        self.earlier.iter().chain([&self.latest])
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.latest.genesis.network()
    }

    /// The latest version as a draft of the next one, to be changed, signed by the threshold, and applied.
    pub fn draft_next(&self) -> Roster {
        let mut roster = self.latest.roster.clone();
        roster.version = roster.version.saturating_add(1);
        roster.previous = Some(self.latest.hash);
        roster
    }
}

fn verify(
    keyholders: &BTreeMap<NodeId, PublicKey>,
    threshold: u32,
    roster: Roster,
    signed: SignedRoster,
) -> Result<VerifiedRoster, RosterFault> {
    let signers = valid_signers(
        keyholders,
        Domain::Roster,
        &signed.roster,
        &signed.signatures,
    );
    let needed = usize::try_from(threshold).unwrap_or(usize::MAX);
    if signers.len() < needed {
        return Err(RosterFault::TooFewSignatures {
            valid: signers.len(),
            needed,
        });
    }
    Ok(VerifiedRoster {
        hash: RosterHash::of(&signed.roster),
        roster,
        signed,
    })
}

#[cfg(test)]
mod tests;
