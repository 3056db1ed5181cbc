//! What stands in public: releases that were not retracted, and template versions.

use super::release::{ReleaseFault, ReleasedQuarter};
use crate::entry::{Kind, Place, VerifiedEntry};
use crate::ids::{HeaderHash, NetworkId, WriterId};
use krog_proto::federation::v1 as proto;
use prost::Message;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Longest document of a template, bytes.
const DOCUMENT_BYTES: usize = 245_760;

/// Releases and template versions of one network, by feed. What it gives depends on which entries it was shown and not on
/// their order.
#[derive(Debug, Clone)]
pub struct Shelf {
    network: NetworkId,
    feeds: BTreeMap<WriterId, Feed>,
}

#[derive(Debug, Clone, Default)]
struct Feed {
    items: BTreeMap<(Place, HeaderHash), Item>,
    /// By entry, the earliest tombstone that names it.
    retracted: BTreeMap<HeaderHash, Place>,
    disputed: Option<Place>,
}

#[derive(Debug, Clone)]
enum Item {
    Release(ReleasedQuarter),
    Template(TemplateVersion),
    Refused(ShelfFault),
}

/// A template version as a node published it. The document is not read here: whoever uses it parses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateVersion {
    /// Writer of the office feed it stands in.
    pub publisher: WriterId,
    /// SHA-256 of the document.
    pub version: [u8; 32],
    /// The canonical document, as it came.
    pub document: Vec<u8>,
}

/// Why an entry was not put on the shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum ShelfFault {
    /// A release that counts for nothing.
    #[error(transparent)]
    Release(#[from] ReleaseFault),
    /// A second release of one quarter: its persons could count twice.
    #[error("the centre has released this quarter before; the first release stands")]
    RepeatedQuarter,
    /// A template entry that cannot be read.
    #[error(
        "the template entry cannot be read, or its document is empty or longer than {DOCUMENT_BYTES} bytes"
    )]
    Template,
    /// A tombstone that cannot be read.
    #[error("the tombstone cannot be read")]
    Tombstone,
}

/// An entry that was not put on the shelf, to be told to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Writer of the feed.
    pub writer: WriterId,
    /// The entry.
    pub entry: HeaderHash,
    /// Why.
    pub fault: ShelfFault,
}

impl Shelf {
    /// An empty shelf of a network.
    pub const fn new(network: NetworkId) -> Self {
        Self {
            network,
            feeds: BTreeMap::new(),
        }
    }

    /// Takes in one standing entry, once or more often. Entries aside are not shown to a shelf; entries of other kinds or
    /// networks, of newer versions, and those whose payload is missing, say nothing here.
    pub fn observe(&mut self, entry: &VerifiedEntry) -> Result<(), ShelfFault> {
        let header = entry.header();
        let Some(body) = entry
            .readable_body()
            .filter(|_| header.network == self.network)
        else {
            return Ok(());
        };
        let writer = header.writer;
        let (item, outcome) = match entry.kind() {
            Kind::Release => match ReleasedQuarter::parse(writer, body) {
                Ok(release) => (Item::Release(release), Ok(())),
                Err(fault) => (Item::Refused(fault.into()), Err(fault.into())),
            },
            Kind::Template => match TemplateVersion::parse(writer, body) {
                Ok(version) => (Item::Template(version), Ok(())),
                Err(fault) => (Item::Refused(fault), Err(fault)),
            },
            Kind::Tombstone => match retracted(body) {
                Ok(entry) => {
                    let retracted = &mut self.feeds.entry(writer).or_default().retracted;
                    let place = retracted.entry(entry).or_insert(header.place());
                    *place = header.place().min(*place);
                    return Ok(());
                }
                Err(fault) => (Item::Refused(fault), Err(fault)),
            },
            Kind::Inception
            | Kind::CentreInception
            | Kind::Descriptor
            | Kind::Roster
            | Kind::Admission
            | Kind::Epoch
            | Kind::PoolOpening
            | Kind::PoolKey
            | Kind::PoolCommitment
            | Kind::PoolCheck
            | Kind::PoolSet
            | Kind::PoolHalf
            | Kind::PoolEnd
            | Kind::PoolResult
            | Kind::Unknown(_) => return Ok(()),
        };
        self.feeds
            .entry(writer)
            .or_default()
            .items
            .insert((header.place(), entry.hash()), item);
        outcome
    }

    /// Forgets a feed, before its entries are shown again after a rebase.
    pub fn forget_feed(&mut self, writer: WriterId) {
        self.feeds.remove(&writer);
    }

    /// States from which place on a feed is disputed ([`FeedState::disputed`](crate::chain::FeedState::disputed)): until
    /// that is settled, what stands there counts for nothing.
    pub fn dispute(&mut self, writer: WriterId, from: Option<Place>) {
        if from.is_some() || self.feeds.contains_key(&writer) {
            self.feeds.entry(writer).or_default().disputed = from;
        }
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// The releases that stand: neither retracted nor disputed, and of one quarter only the first. By centre, then by
    /// place.
    pub fn releases(&self) -> impl Iterator<Item = &ReleasedQuarter> {
        self.counting_releases(|_, _| true)
    }

    /// The same, as if the shelf had been shown only entries of writers and places that `counts`: what does not count
    /// retracts nothing either.
    pub fn counting_releases(
        &self,
        counts: impl Fn(WriterId, Place) -> bool + Copy,
    ) -> impl Iterator<Item = &ReleasedQuarter> {
        self.feeds.iter().flat_map(move |(&writer, feed)| {
            let mut quarters = BTreeSet::new();
            let standing = feed.standing(move |place| counts(writer, place));
            standing.filter_map(move |(_, item)| match item {
                Item::Release(release) if quarters.insert(release.quarter) => Some(release),
                Item::Release(_) | Item::Template(_) | Item::Refused(_) => None,
            })
        })
    }

    /// The template versions that stand. By publisher, then by place; a document published by two nodes is there twice.
    pub fn templates(&self) -> impl Iterator<Item = &TemplateVersion> {
        self.feeds.values().flat_map(|feed| {
            let mut versions = BTreeSet::new();
            feed.standing(|_| true)
                .filter_map(move |(_, item)| match item {
                    Item::Template(template) if versions.insert(template.version) => Some(template),
                    Item::Release(_) | Item::Template(_) | Item::Refused(_) => None,
                })
        })
    }

    /// Everything that stands and counts for nothing. By feed, then by place.
    pub fn refused(&self) -> Vec<Refused> {
        let mut all = Vec::new();
        for (&writer, feed) in &self.feeds {
            let mut quarters = BTreeSet::new();
            for (entry, item) in feed.standing(|_| true) {
                let fault = match item {
                    Item::Refused(fault) => *fault,
                    Item::Release(release) if !quarters.insert(release.quarter) => {
                        ShelfFault::RepeatedQuarter
                    }
                    Item::Release(_) | Item::Template(_) => continue,
                };
                all.push(Refused {
                    writer,
                    entry,
                    fault,
                });
            }
        }
        all
    }
}

impl Feed {
    /// What stands, by place. Entries and tombstones alike are taken only where they are undisputed and `counts`.
    fn standing(
        &self,
        counts: impl Fn(Place) -> bool,
    ) -> impl Iterator<Item = (HeaderHash, &Item)> {
        let stands = move |place: &Place| {
            self.disputed.is_none_or(|disputed| *place < disputed) && counts(*place)
        };
        self.items
            .iter()
            .filter(move |((place, entry), _)| {
                stands(place) && !self.retracted.get(entry).is_some_and(&stands)
            })
            .map(|((_, entry), item)| (*entry, item))
    }
}

impl TemplateVersion {
    fn parse(publisher: WriterId, body: &[u8]) -> Result<Self, ShelfFault> {
        let proto::TemplateVersion { document } =
            proto::TemplateVersion::decode(body).map_err(|_| ShelfFault::Template)?;
        if document.is_empty() || document.len() > DOCUMENT_BYTES {
            return Err(ShelfFault::Template);
        }
        Ok(Self {
            publisher,
            version: Sha256::digest(&document).into(),
            document,
        })
    }

    /// The version for the wire.
    pub fn to_proto(&self) -> proto::PublishedTemplate {
        let Self {
            publisher,
            version,
            document,
        } = self;
        proto::PublishedTemplate {
            node: publisher.as_office_of().into(),
            version: version.to_vec(),
            document: document.clone(),
        }
    }
}

fn retracted(body: &[u8]) -> Result<HeaderHash, ShelfFault> {
    let proto::Tombstone { entry } =
        proto::Tombstone::decode(body).map_err(|_| ShelfFault::Tombstone)?;
    HeaderHash::try_from(entry.as_slice()).map_err(|_| ShelfFault::Tombstone)
}
