//! A network of one node with many centres, and what they release.

use crate::entry::{Header, Kind, RawEntry, VerifiedEntry};
use crate::identity::{CentreInception, DescribedCentre, NodeDescriptor, NodeInception};
use crate::ids::{HeaderHash, NetworkId, NodeId, PayloadHash, TlsPin, WriterId};
use crate::keys::{RecoveryKey, Signature, WriterKey};
use crate::network::NetworkView;
use crate::published::{CompareRefused, Shelf, compare};
use crate::roster::{Genesis, Policy, Roster, RosterChain};
use crate::rounds::board::Board;
use krog_measures::Quarter;
use krog_measures::instrument::{Direction, Measure, Scale, StatedSd, Window};
use krog_proto::federation::v1 as proto;
use prost::Message;

pub const QUARTER: u32 = 2026 * 4;
const OFFICE_SEED: [u8; 32] = [1; 32];

/// The inventory of the trial: 0 to 63, lower is better; 12 points is a made-up SD.
pub fn bdi() -> Measure {
    Measure::total_only(
        "bdi-ii".parse().unwrap(),
        Scale::new(0.0, 63.0, Direction::LowerBetter).unwrap(),
        Window::new(59, 42, 75).unwrap(),
        Some(StatedSd::new(12.0, "made up for this test").unwrap()),
    )
}

pub fn policy(floor: u32) -> Policy {
    Policy::new(floor, 14, vec![bdi()]).unwrap()
}

pub struct Town {
    pub view: NetworkView,
    pub network: NetworkId,
    pub node: NodeId,
    rosters: RosterChain,
}

impl Town {
    /// A node whose descriptor names 20 centres.
    pub fn new(rehearsal: bool) -> Self {
        let office = WriterKey::from_seed(OFFICE_SEED);
        let inception = NodeInception::new(
            office.public(),
            &RecoveryKey::from_seed([2; 32]).public(),
            [3; 16],
        );
        let node = inception.node();
        let genesis = Genesis::new(inception, "Town".parse().unwrap(), [4; 16], rehearsal);
        let network = genesis.network();
        let signed = Roster::first(genesis, policy(10)).signed_by(node, &office);
        let rosters = RosterChain::start(network, signed).unwrap();
        let mut town = Self {
            view: NetworkView::new(rosters.clone()),
            network,
            node,
            rosters,
        };
        let descriptor = NodeDescriptor {
            public_name: "Society".parse().unwrap(),
            tls_pins: vec![TlsPin::of(b"tls")],
            addresses: Vec::new(),
            centres: (0..20)
                .map(|n| DescribedCentre {
                    writer: inception_of(node, n).writer(),
                    public_name: format!("Centre {n}").parse().unwrap(),
                })
                .collect(),
            protocol: 1,
        };
        let mut entries = vec![town.entry(node.into(), 1, Kind::Descriptor, &descriptor.encode())];
        for n in 0..21 {
            entries.push(town.entry(
                town.centre(n),
                0,
                Kind::CentreInception,
                inception_of(node, n).encode(),
            ));
        }
        for entry in &entries {
            town.view.observe(entry);
        }
        town
    }

    /// The next roster version, under another floor.
    pub fn change_floor(&mut self, floor: u32) {
        let mut roster = self.rosters.draft_next();
        roster.policy = policy(floor);
        let signed = roster.signed_by(self.node, &WriterKey::from_seed(OFFICE_SEED));
        self.rosters.apply(signed.clone()).unwrap();
        self.view.learn_roster(signed);
    }

    /// The `n`th centre; from the 20th on the descriptor does not name it.
    pub fn centre(&self, n: u8) -> WriterId {
        inception_of(self.node, n).writer()
    }

    pub fn entry(&self, writer: WriterId, seq: u64, kind: Kind, body: &[u8]) -> VerifiedEntry {
        self.entry_for(0, writer, seq, kind, body)
    }

    /// An entry for readers of protocol version `min_reader` and up.
    pub fn entry_for(
        &self,
        min_reader: u16,
        writer: WriterId,
        seq: u64,
        kind: Kind,
        body: &[u8],
    ) -> VerifiedEntry {
        let payload = [&[0; 16], body].concat();
        let header = Header {
            network: self.network,
            writer,
            epoch: 0,
            seq,
            previous: (seq > 0).then(|| HeaderHash::of(b"the one before")),
            kind,
            min_reader,
            payload_hash: PayloadHash::of(&payload),
            payload_length: u32::try_from(payload.len()).unwrap(),
        };
        let signature = Signature::new([0; 64]);
        VerifiedEntry::from_store(RawEntry {
            header: header.encode(),
            signature,
            payload: Some(payload),
        })
        .unwrap()
    }

    pub fn release(&self, n: u8, seq: u64, release: &proto::Release) -> VerifiedEntry {
        self.entry(self.centre(n), seq, Kind::Release, &release.encode_to_vec())
    }

    pub fn tombstone(&self, writer: WriterId, seq: u64, entry: &VerifiedEntry) -> VerifiedEntry {
        let tombstone = proto::Tombstone {
            entry: entry.hash().into(),
        };
        self.entry(writer, seq, Kind::Tombstone, &tombstone.encode_to_vec())
    }

    pub fn shelf<'a>(&self, entries: impl IntoIterator<Item = &'a VerifiedEntry>) -> Shelf {
        let mut shelf = Shelf::new(self.network);
        for entry in entries {
            let _ = shelf.observe(entry);
        }
        shelf
    }

    pub fn compare<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a VerifiedEntry>,
    ) -> proto::Comparison {
        self.read(&self.shelf(entries), "bdi-ii", None).unwrap()
    }

    /// Compares what is on a shelf, in a network without rounds.
    pub fn read(
        &self,
        shelf: &Shelf,
        measure: &str,
        last_quarter: Option<Quarter>,
    ) -> Result<proto::Comparison, CompareRefused> {
        let board = Board::new(self.network);
        let policy = self.view.policy();
        compare(&self.view, shelf, &board, policy, measure, last_quarter)
    }
}

fn inception_of(node: NodeId, n: u8) -> CentreInception {
    let key = WriterKey::from_seed([100 + n; 32]).public();
    CentreInception::new(
        node,
        key,
        &RecoveryKey::from_seed([99; 32]).public(),
        [n; 16],
    )
}

pub fn release(quarter: u32, cells: Vec<proto::Cell>) -> proto::Release {
    proto::Release {
        quarter,
        roster_version: 1,
        cells,
        follow_up: vec![follow_up(proto::FollowUpBand::AtLeast60)],
    }
}

pub fn follow_up(band: proto::FollowUpBand) -> proto::FollowUp {
    proto::FollowUp {
        measure: "bdi-ii".to_owned(),
        band: band.into(),
    }
}

pub fn cell(facilitation: proto::Facilitation, told: proto::cell::Told) -> proto::Cell {
    proto::Cell {
        measure: "bdi-ii".to_owned(),
        comparability_class: bdi().class.as_bytes().to_vec(),
        facilitation: facilitation.into(),
        course: proto::Course::Entry.into(),
        told: Some(told),
    }
}

pub fn sums(quarter: u32, persons: u32, baseline_steps: u32, change_steps: i32) -> proto::Sums {
    proto::Sums {
        persons,
        first_quarter: quarter,
        last_quarter: quarter,
        baseline: Some(proto::sums::Baseline::BaselineSteps(baseline_steps)),
        change: Some(proto::sums::Change::ChangeSteps(change_steps)),
        change_sd_twentieths: None,
    }
}

pub fn told(facilitation: proto::Facilitation, sums: proto::Sums) -> proto::Cell {
    cell(facilitation, proto::cell::Told::Sums(sums))
}

pub fn withheld(facilitation: proto::Facilitation, reason: proto::Withheld) -> proto::Cell {
    cell(facilitation, proto::cell::Told::Withheld(reason.into()))
}
