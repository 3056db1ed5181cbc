//! Invitations: signed beforehand by the threshold, printed as a token, used by a newcomer alone.

mod token;

pub use token::{JoinToken, TokenFault};

use crate::fault::RecordFault;
use crate::ids::{InvitationId, NetworkId, NodeId};
use crate::keys::{AdmissionKey, Domain, PublicKey, Signature, WriterKey};
use crate::limits;
use crate::roster::{KeyholderSignature, RosterChain, VerifiedRoster, valid_signers};
use krog_proto::federation::v1 as proto;
use prost::Message;
use std::collections::BTreeSet;
use thiserror::Error;

/// Why an invitation or an admission is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvitationFault {
    /// Bytes that are no invitation or admission.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// It is another network's.
    #[error("the invitation belongs to another network; ask for one to this network")]
    WrongNetwork,
    /// The roster version it names is not known here.
    #[error(
        "the invitation was signed under roster version {version}, which is not known here yet; synchronise first"
    )]
    UnknownRoster {
        /// That version.
        version: u32,
    },
    /// Too few keyholders have signed.
    #[error(
        "the invitation has {valid} valid signatures of keyholders and needs {needed}; ask for a new one"
    )]
    TooFewSignatures {
        /// Distinct keyholders whose signature holds and who were not removed since.
        valid: usize,
        /// The threshold of the roster version it names.
        needed: usize,
    },
    /// Its last day has passed.
    #[error("the invitation's last day has passed; ask for a new one")]
    Expired,
    /// It has admitted as many nodes as it may.
    #[error("the invitation has been used as often as it may; ask for a new one")]
    Used,
    /// Another node counts its uses.
    #[error("another node counts the uses of this invitation; join through that node")]
    WrongNode,
    /// The joiner does not hold the token's secret.
    #[error(
        "the joining node does not show that it holds the invitation's secret; use the whole token"
    )]
    NotHeld,
}

/// What an invitation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The network.
    pub network: NetworkId,
    /// 16 random bytes.
    pub nonce: [u8; 16],
    /// Version of the roster whose keyholders sign it.
    pub roster_version: u32,
    /// Last day it may be used, days since 1970-01-01, 0 to 2000000.
    pub last_day: u32,
    /// How many nodes it may admit, 1 to 1000.
    pub count: u32,
    /// The joining node shows that it holds the secret half of this key.
    pub admission_key: PublicKey,
    /// The node that counts the uses.
    pub admitting_node: NodeId,
}

impl Invitation {
    /// Reads an invitation.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordFault> {
        let fault = RecordFault::of("invitation");
        if bytes.len() > limits::INVITATION_BYTES {
            return Err(fault("it is longer than 512 bytes"));
        }
        let proto::Invitation {
            network,
            nonce,
            roster_version,
            last_day,
            count,
            admission_key,
            admitting_node,
        } = proto::Invitation::decode(bytes).map_err(|_| fault("it cannot be read"))?;
        if !(1..=limits::ROSTER_VERSION_MAX).contains(&roster_version)
            || last_day > 2_000_000
            || !(1..=1_000).contains(&count)
        {
            return Err(fault("roster version, last day or count out of range"));
        }
        Ok(Self {
            network: NetworkId::try_from(network.as_slice())
                .map_err(|_| fault("the network has not 32 bytes"))?,
            nonce: nonce
                .as_slice()
                .try_into()
                .map_err(|_| fault("the nonce has not 16 bytes"))?,
            roster_version,
            last_day,
            count,
            admission_key: PublicKey::try_from(admission_key.as_slice())
                .map_err(|_| fault("the admission key has not 32 bytes"))?,
            admitting_node: NodeId::try_from(admitting_node.as_slice())
                .map_err(|_| fault("the admitting node has not 32 bytes"))?,
        })
    }

    /// The bytes to sign.
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            network,
            nonce,
            roster_version,
            last_day,
            count,
            admission_key,
            admitting_node,
        } = self;
        proto::Invitation {
            network: (*network).into(),
            nonce: nonce.to_vec(),
            roster_version: *roster_version,
            last_day: *last_day,
            count: *count,
            admission_key: (*admission_key).into(),
            admitting_node: (*admitting_node).into(),
        }
        .encode_to_vec()
    }
}

/// An invitation's bytes with signatures, before anything about them is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedInvitation {
    /// The exact bytes of the invitation.
    pub invitation: Vec<u8>,
    /// Signatures by keyholders of the roster version it names.
    pub signatures: Vec<KeyholderSignature>,
}

impl SignedInvitation {
    /// Takes a signed invitation from the wire.
    pub fn parse(signed: &proto::SignedInvitation) -> Result<Self, RecordFault> {
        let proto::SignedInvitation {
            invitation,
            signatures,
        } = signed;
        if invitation.len() > limits::INVITATION_BYTES {
            return Err(RecordFault::of("invitation")("it is longer than 512 bytes"));
        }
        Ok(Self {
            invitation: invitation.clone(),
            signatures: KeyholderSignature::parse_all(signatures)?,
        })
    }

    /// The signed invitation for the wire.
    pub fn to_proto(&self) -> proto::SignedInvitation {
        proto::SignedInvitation {
            invitation: self.invitation.clone(),
            signatures: self.signatures.iter().map(|s| s.to_proto()).collect(),
        }
    }
}

/// One keyholder's signature under an invitation's bytes.
pub fn sign_invitation(invitation: &[u8], node: NodeId, office: &WriterKey) -> KeyholderSignature {
    KeyholderSignature {
        node,
        signature: office.sign(Domain::Invitation, invitation),
    }
}

/// An invitation whose signatures hold under a chain of rosters. Day, count and admitting node are still to be checked
/// by the node that admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedInvitation {
    invitation: Invitation,
    id: InvitationId,
    signers: BTreeSet<NodeId>,
    threshold: usize,
}

impl VerifiedInvitation {
    /// What it says.
    pub fn invitation(&self) -> &Invitation {
        &self.invitation
    }

    /// Its identity, by which uses are counted.
    pub fn id(&self) -> InvitationId {
        self.id
    }

    /// Whether enough of its signers are still of the network under `latest`. A removed keyholder could otherwise go on
    /// signing under the old version for ever.
    pub fn stands_under(&self, latest: &VerifiedRoster) -> bool {
        self.standing_signers(latest) >= self.threshold
    }

    fn standing_signers(&self, latest: &VerifiedRoster) -> usize {
        let removed = |node: &&NodeId| !latest.removed.contains_key(node);
        self.signers.iter().filter(removed).count()
    }

    /// Whether `node` may admit one more node with it today, having admitted `used` so far. `today` counts days since
    /// 1970-01-01.
    pub fn usable(&self, node: NodeId, today: i64, used: u32) -> Result<(), InvitationFault> {
        if self.invitation.admitting_node != node {
            return Err(InvitationFault::WrongNode);
        }
        if today > i64::from(self.invitation.last_day) {
            return Err(InvitationFault::Expired);
        }
        if used >= self.invitation.count {
            return Err(InvitationFault::Used);
        }
        Ok(())
    }
}

/// Verifies an invitation: enough keyholders of the roster version it names have signed it, and enough of those were not
/// removed since.
pub fn verify(
    signed: &SignedInvitation,
    rosters: &RosterChain,
) -> Result<VerifiedInvitation, InvitationFault> {
    let verified = verify_signatures(signed, rosters)?;
    let latest = rosters.latest();
    if !verified.stands_under(latest) {
        return Err(InvitationFault::TooFewSignatures {
            valid: verified.standing_signers(latest),
            needed: verified.threshold,
        });
    }
    Ok(verified)
}

/// As [`verify`], but without looking at who was removed since.
pub(crate) fn verify_signatures(
    signed: &SignedInvitation,
    rosters: &RosterChain,
) -> Result<VerifiedInvitation, InvitationFault> {
    let invitation = Invitation::parse(&signed.invitation)?;
    if invitation.network != rosters.network() {
        return Err(InvitationFault::WrongNetwork);
    }
    let version = invitation.roster_version;
    let roster = rosters
        .version(version)
        .ok_or(InvitationFault::UnknownRoster { version })?;
    let SignedInvitation {
        invitation: bytes,
        signatures,
    } = signed;
    let signers = valid_signers(&roster.keyholders, Domain::Invitation, bytes, signatures);
    let threshold = usize::try_from(roster.threshold).unwrap_or(usize::MAX);
    if signers.len() < threshold {
        return Err(InvitationFault::TooFewSignatures {
            valid: signers.len(),
            needed: threshold,
        });
    }
    Ok(VerifiedInvitation {
        id: InvitationId::of(bytes),
        invitation,
        signers,
        threshold,
    })
}

/// What a newcomer writes into its feed: the invitation, and a signature that shows it holds the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The invitation used.
    pub invitation: SignedInvitation,
    /// By the admission key, over network and node.
    pub signature: Signature,
}

impl Admission {
    /// Takes an admission from the wire.
    pub fn parse(admission: &proto::Admission) -> Result<Self, RecordFault> {
        let fault = RecordFault::of("admission");
        let proto::Admission {
            invitation,
            admission_signature,
        } = admission;
        let invitation = invitation.as_ref().ok_or(fault("it has no invitation"))?;
        Ok(Self {
            invitation: SignedInvitation::parse(invitation)?,
            signature: Signature::try_from(admission_signature.as_slice())
                .map_err(|_| fault("the signature has not 64 bytes"))?,
        })
    }

    /// Reads the body of an admission entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordFault> {
        let admission = proto::Admission::decode(bytes);
        Self::parse(&admission.map_err(|_| RecordFault::of("admission")("it cannot be read"))?)
    }

    /// The admission for the wire.
    pub fn to_proto(&self) -> proto::Admission {
        proto::Admission {
            invitation: Some(self.invitation.to_proto()),
            admission_signature: self.signature.into(),
        }
    }

    /// The body of an admission entry.
    pub fn encode(&self) -> Vec<u8> {
        self.to_proto().encode_to_vec()
    }
}

/// The admission of `node` by a token.
pub fn admission_for(token: &JoinToken, node: NodeId) -> Admission {
    let message = admission_message(token.network(), node);
    Admission {
        invitation: token.invitation().clone(),
        signature: token.admission_key().sign(Domain::Admission, &message),
    }
}

/// Verifies that `node` was admitted: the invitation holds (see [`verify`]), and the node held its secret.
pub fn verify_admission(
    admission: &Admission,
    rosters: &RosterChain,
    node: NodeId,
) -> Result<VerifiedInvitation, InvitationFault> {
    let invitation = verify(&admission.invitation, rosters)?;
    check_held(admission, &invitation, node)?;
    Ok(invitation)
}

pub(crate) fn check_held(
    admission: &Admission,
    verified: &VerifiedInvitation,
    node: NodeId,
) -> Result<(), InvitationFault> {
    let Invitation {
        network,
        admission_key,
        ..
    } = verified.invitation();
    let message = admission_message(*network, node);
    if admission_key.verifies(Domain::Admission, &message, &admission.signature) {
        Ok(())
    } else {
        Err(InvitationFault::NotHeld)
    }
}

fn admission_message(network: NetworkId, node: NodeId) -> [u8; 64] {
    let mut message = [0; 64];
    message[..32].copy_from_slice(network.as_bytes());
    message[32..].copy_from_slice(node.as_bytes());
    message
}

/// A new key for an invitation; its secret half goes into the token.
pub fn new_admission_key(rng: &mut impl rand::CryptoRng) -> AdmissionKey {
    AdmissionKey::generate(rng)
}

#[cfg(test)]
mod tests;
