//! Who writes a feed, and how a node presents itself.

use crate::fault::RecordFault;
use crate::ids::{KeyHash, NodeId, TlsPin, WriterId};
use crate::keys::PublicKey;
use crate::limits;
use krog_proto::federation::v1 as proto;
use prost::Message;
use std::fmt;
use std::str::FromStr;

/// A node's inception record. Its hash is the node's identity for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInception {
    office_key: PublicKey,
    recovery_key_hash: KeyHash,
    bytes: Vec<u8>,
}

impl NodeInception {
    /// A new node: its first office key, its recovery key, and 16 random bytes.
    pub fn new(office_key: PublicKey, recovery_key: &PublicKey, nonce: [u8; 16]) -> Self {
        let recovery_key_hash = recovery_key.hash();
        let bytes = proto::Inception {
            office_key: office_key.into(),
            recovery_key_hash: recovery_key_hash.into(),
            nonce: nonce.to_vec(),
        }
        .encode_to_vec();
        Self {
            office_key,
            recovery_key_hash,
            bytes,
        }
    }

    /// Reads a record and keeps its exact bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordFault> {
        let fault = RecordFault::of("inception record");
        if bytes.len() > limits::INCEPTION_BYTES {
            return Err(fault("it is longer than 128 bytes"));
        }
        let proto::Inception {
            office_key,
            recovery_key_hash,
            nonce,
        } = proto::Inception::decode(bytes).map_err(|_| fault("it cannot be read"))?;
        if nonce.len() != 16 {
            return Err(fault("the nonce has not 16 bytes"));
        }
        Ok(Self {
            office_key: key(&office_key).ok_or(fault("the office key has not 32 bytes"))?,
            recovery_key_hash: KeyHash::try_from(recovery_key_hash.as_slice())
                .map_err(|_| fault("the recovery key's hash has not 32 bytes"))?,
            bytes: bytes.to_vec(),
        })
    }

    /// The node's identity.
    pub fn node(&self) -> NodeId {
        NodeId::of(&self.bytes)
    }

    /// First key of the office.
    pub fn office_key(&self) -> PublicKey {
        self.office_key
    }

    /// Hash of the recovery key.
    pub fn recovery_key_hash(&self) -> KeyHash {
        self.recovery_key_hash
    }

    /// The exact bytes of the record: body of the feed's first entry.
    pub fn encode(&self) -> &[u8] {
        &self.bytes
    }
}

/// A centre's inception record. Its hash is the writer of the centre's feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CentreInception {
    node: NodeId,
    centre_key: PublicKey,
    recovery_key_hash: KeyHash,
    bytes: Vec<u8>,
}

impl CentreInception {
    /// A new centre of `node`: its first key, its recovery key, and 16 random bytes.
    pub fn new(
        node: NodeId,
        centre_key: PublicKey,
        recovery_key: &PublicKey,
        nonce: [u8; 16],
    ) -> Self {
        let recovery_key_hash = recovery_key.hash();
        let bytes = proto::CentreInception {
            node: node.into(),
            centre_key: centre_key.into(),
            recovery_key_hash: recovery_key_hash.into(),
            nonce: nonce.to_vec(),
        }
        .encode_to_vec();
        Self {
            node,
            centre_key,
            recovery_key_hash,
            bytes,
        }
    }

    /// Reads a record and keeps its exact bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordFault> {
        let fault = RecordFault::of("centre's inception record");
        if bytes.len() > 2 * limits::INCEPTION_BYTES {
            return Err(fault("it is longer than 256 bytes"));
        }
        let proto::CentreInception {
            node,
            centre_key,
            recovery_key_hash,
            nonce,
        } = proto::CentreInception::decode(bytes).map_err(|_| fault("it cannot be read"))?;
        if nonce.len() != 16 {
            return Err(fault("the nonce has not 16 bytes"));
        }
        Ok(Self {
            node: NodeId::try_from(node.as_slice())
                .map_err(|_| fault("the node has not 32 bytes"))?,
            centre_key: key(&centre_key).ok_or(fault("the centre's key has not 32 bytes"))?,
            recovery_key_hash: KeyHash::try_from(recovery_key_hash.as_slice())
                .map_err(|_| fault("the recovery key's hash has not 32 bytes"))?,
            bytes: bytes.to_vec(),
        })
    }

    /// The writer of the centre's feed.
    pub fn writer(&self) -> WriterId {
        WriterId::of(&self.bytes)
    }

    /// The node the centre says it belongs to.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// First key of the centre.
    pub fn centre_key(&self) -> PublicKey {
        self.centre_key
    }

    /// Hash of the recovery key.
    pub fn recovery_key_hash(&self) -> KeyHash {
        self.recovery_key_hash
    }

    /// The exact bytes of the record: body of the feed's first entry.
    pub fn encode(&self) -> &[u8] {
        &self.bytes
    }
}

/// A name an organisation or centre goes by in public: 1 to 120 bytes, one line, no control or direction characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicName(String);

/// Text that is no public name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a public name has 1 to 120 bytes on one line, without control characters; shorten or retype it"
)]
pub struct NotAName;

impl PublicName {
    /// Greatest length in bytes.
    pub const MAX_BYTES: usize = 120;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PublicName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        // Direction characters would let one name look like another.
        let hidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        };
        if text.trim().is_empty() || text.len() > Self::MAX_BYTES || text.chars().any(hidden) {
            return Err(NotAName);
        }
        Ok(Self(text))
    }
}

impl FromStr for PublicName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for PublicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a node accepts connections: `host:port`, at most 260 bytes; an IPv6 host stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

/// Text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is host:port, for example relay.example.org:7470 or [2001:db8::1]:7470")]
pub struct NotAnAddress;

impl Address {
    /// Greatest length in bytes.
    pub const MAX_BYTES: usize = 260;

    /// The address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        let host = self.0.rsplit_once(':').map_or("", |(host, _)| host);
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
    }

    fn is_valid(text: &str) -> bool {
        let Some((host, port)) = text.rsplit_once(':') else {
            return false;
        };
        let named = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'-';
        let host_holds = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(named),
        };
        text.len() <= Self::MAX_BYTES
            && host_holds
            && port.bytes().all(|c| c.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if Self::is_valid(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnAddress)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One centre as its node describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedCentre {
    /// Writer of the centre's feed.
    pub writer: WriterId,
    /// Its public name.
    pub public_name: PublicName,
}

/// The node as it presents itself to its network. The latest one holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDescriptor {
    /// The organisation's public name.
    pub public_name: PublicName,
    /// TLS keys in use, 1 to 4.
    pub tls_pins: Vec<TlsPin>,
    /// Where it accepts connections, at most 4; empty for a node that only dials out.
    pub addresses: Vec<Address>,
    /// Its centres that share here, at most [`limits::CENTRES_PER_NODE`], each named once.
    pub centres: Vec<DescribedCentre>,
    /// Highest protocol version it speaks, from 1.
    pub protocol: u16,
}

impl NodeDescriptor {
    /// Reads the body of a descriptor entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordFault> {
        let fault = RecordFault::of("descriptor");
        let proto::Descriptor {
            public_name,
            tls_pins,
            addresses,
            centres,
            protocol,
        } = proto::Descriptor::decode(bytes).map_err(|_| fault("it cannot be read"))?;
        if !(1..=4).contains(&tls_pins.len()) || addresses.len() > 4 {
            return Err(fault("it has not 1 to 4 TLS keys and at most 4 addresses"));
        }
        if centres.len() > limits::CENTRES_PER_NODE {
            return Err(fault("it has more than 64 centres"));
        }
        let protocol = u16::try_from(protocol).ok().filter(|version| *version > 0);
        let tls_pins = tls_pins.iter().map(|pin| {
            TlsPin::try_from(pin.as_slice()).map_err(|_| fault("a TLS pin has not 32 bytes"))
        });
        let addresses = addresses.iter().map(|text| {
            text.parse()
                .map_err(|_| fault("an address is not host:port"))
        });
        let mut described = Vec::<DescribedCentre>::with_capacity(centres.len());
        for proto::DescribedCentre {
            writer,
            public_name,
        } in centres
        {
            let writer = WriterId::try_from(writer.as_slice())
                .map_err(|_| fault("a centre's writer has not 32 bytes"))?;
            if described.iter().any(|centre| centre.writer == writer) {
                return Err(fault("a centre is named twice"));
            }
            let public_name = public_name
                .try_into()
                .map_err(|_| fault("a centre's name is not one"))?;
            described.push(DescribedCentre {
                writer,
                public_name,
            });
        }
        Ok(Self {
            public_name: public_name
                .try_into()
                .map_err(|_| fault("the public name is not one"))?,
            tls_pins: tls_pins.collect::<Result<_, _>>()?,
            addresses: addresses.collect::<Result<_, _>>()?,
            centres: described,
            protocol: protocol.ok_or(fault("the protocol version is out of range"))?,
        })
    }

    /// The body of a descriptor entry.
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            public_name,
            tls_pins,
            addresses,
            centres,
            protocol,
        } = self;
        proto::Descriptor {
            public_name: public_name.to_string(),
            tls_pins: tls_pins.iter().map(|pin| (*pin).into()).collect(),
            addresses: addresses.iter().map(Address::to_string).collect(),
            centres: centres
                .iter()
                .map(|centre| proto::DescribedCentre {
                    writer: centre.writer.into(),
                    public_name: centre.public_name.to_string(),
                })
                .collect(),
            protocol: u32::from(*protocol),
        }
        .encode_to_vec()
    }
}

fn key(bytes: &[u8]) -> Option<PublicKey> {
    PublicKey::try_from(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn descriptor() -> NodeDescriptor {
        NodeDescriptor {
            public_name: "Društvo Krog".parse().unwrap(),
            tls_pins: vec![TlsPin::of(b"a")],
            addresses: vec!["relay.example.org:7470".parse().unwrap()],
            centres: vec![DescribedCentre {
                writer: WriterId::of(b"centre"),
                public_name: "Dnevni center Celje".parse().unwrap(),
            }],
            protocol: 1,
        }
    }

    #[test]
    fn a_descriptor_reads_back() {
        assert_eq!(
            NodeDescriptor::parse(&descriptor().encode()),
            Ok(descriptor())
        );
    }

    #[test]
    fn a_descriptor_without_a_tls_key_or_naming_a_centre_twice_is_refused() {
        let mut without = descriptor();
        without.tls_pins.clear();
        assert!(NodeDescriptor::parse(&without.encode()).is_err());
        let mut twice = descriptor();
        twice.centres.push(twice.centres[0].clone());
        assert!(NodeDescriptor::parse(&twice.encode()).is_err());
        let mut zero = descriptor();
        zero.protocol = 0;
        assert!(NodeDescriptor::parse(&zero.encode()).is_err());
    }

    #[test]
    fn an_inception_is_known_by_its_exact_bytes() {
        let inception =
            NodeInception::new(PublicKey::new([1; 32]), &PublicKey::new([2; 32]), [3; 16]);
        let read = NodeInception::parse(inception.encode()).unwrap();
        assert_eq!(read, inception);
        // A field of a newer version is passed over, but it is part of the identity.
        let mut newer = inception.encode().to_vec();
        newer.extend([0x78, 0x01]);
        let newer = NodeInception::parse(&newer).unwrap();
        assert_eq!(newer.office_key(), inception.office_key());
        assert_ne!(newer.node(), inception.node());
        assert!(NodeInception::parse(&[0; 200]).is_err());
    }

    #[test]
    fn names_that_hide_something_are_refused() {
        for text in ["", "  ", "a\nb", "a\u{202e}b", "\u{200b}", &"x".repeat(121)] {
            assert_eq!(text.parse::<PublicName>(), Err(NotAName));
        }
    }

    #[test]
    fn addresses_need_host_and_port() {
        for text in [
            "localhost:1",
            "127.0.0.1:65535",
            "[::1]:7470",
            "a-b.example:80",
        ] {
            assert!(text.parse::<Address>().is_ok(), "{text}");
        }
        for text in [
            "",
            ":1",
            "host",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "::1:80",
            "[::1]",
            "a b:1",
            "http://x:1",
            "[x]:1",
        ] {
            assert_eq!(text.parse::<Address>(), Err(NotAnAddress), "{text}");
        }
        assert_eq!("[::1]:7470".parse::<Address>().unwrap().host(), "::1");
    }

    proptest! {
        #[test]
        fn bytes_near_a_descriptor_are_read_or_refused(
            cut in any::<prop::sample::Index>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        ) {
            let mut bytes = descriptor().encode();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.index(bytes.len() + 1));
            if let Ok(read) = NodeDescriptor::parse(&bytes) {
                prop_assert_eq!(NodeDescriptor::parse(&read.encode()), Ok(read));
            }
        }

        #[test]
        fn random_bytes_and_text_are_no_record(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            text in "\\PC{0,40}",
        ) {
            let _ = NodeInception::parse(&bytes);
            let _ = CentreInception::parse(&bytes);
            let _ = NodeDescriptor::parse(&bytes);
            let _ = text.parse::<PublicName>();
            if let Ok(address) = text.parse::<Address>() {
                prop_assert!(!address.host().is_empty());
            }
            prop_assert!(text.parse::<NodeId>().is_err());
        }
    }
}
