//! The birth of a network.

use crate::fault::RecordFault;
use crate::identity::{NodeInception, PublicName};
use crate::ids::NetworkId;
use crate::limits;
use krog_proto::federation::v1 as proto;
use prost::Message;

/// The birth of a network. The hash of its bytes is the network's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    founder: NodeInception,
    public_name: PublicName,
    rehearsal: bool,
    bytes: Vec<u8>,
}

impl Genesis {
    /// A new network: its founder, its name, 16 random bytes, and whether it only practises with made-up data.
    pub fn new(
        founder: NodeInception,
        public_name: PublicName,
        nonce: [u8; 16],
        rehearsal: bool,
    ) -> Self {
        let bytes = proto::Genesis {
            founder: founder.encode().to_vec(),
            public_name: public_name.to_string(),
            nonce: nonce.to_vec(),
            rehearsal,
        }
        .encode_to_vec();
        Self {
            founder,
            public_name,
            rehearsal,
            bytes,
        }
    }

    /// Reads a record and keeps its exact bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordFault> {
        let fault = RecordFault::of("genesis record");
        if bytes.len() > limits::GENESIS_BYTES {
            return Err(fault("it is longer than 512 bytes"));
        }
        let proto::Genesis {
            founder,
            public_name,
            nonce,
            rehearsal,
        } = proto::Genesis::decode(bytes).map_err(|_| fault("it cannot be read"))?;
        if nonce.len() != 16 {
            return Err(fault("the nonce has not 16 bytes"));
        }
        Ok(Self {
            founder: NodeInception::parse(&founder)?,
            public_name: public_name
                .try_into()
                .map_err(|_| fault("the public name is not one"))?,
            rehearsal,
            bytes: bytes.to_vec(),
        })
    }

    /// The network's identity.
    pub fn network(&self) -> NetworkId {
        NetworkId::of(&self.bytes)
    }

    /// The founding node.
    pub fn founder(&self) -> &NodeInception {
        &self.founder
    }

    /// The network's public name.
    pub fn public_name(&self) -> &PublicName {
        &self.public_name
    }

    /// Whether the network practises with made-up data.
    pub fn rehearsal(&self) -> bool {
        self.rehearsal
    }

    /// The exact bytes of the record.
    pub fn encode(&self) -> &[u8] {
        &self.bytes
    }
}
