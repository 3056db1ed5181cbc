//! The twelve nodes of the demo, each in a folder of its own, and what can be asked of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use krog_client::centre::{CentreClient, Credential};
use krog_client::cli::slug;
use krog_client::mirror::Mirror;
use krog_client::socket::connect_unix;
use krog_client::tls::{Identity, connect_pinned};
use krog_feed::entry::{Header, Kind};
use krog_feed::ids::{NetworkId, WriterId};
use krog_feed::limits::SALT_BYTES;
use krog_feed::roster::SignedRoster;
use krog_feed::rounds::board::RoundStatus;
use krog_measures::Facilitation;
use krog_pools::PoolTerms;
use krog_proto::centre::v1 as centre;
use krog_proto::federation::v1 as pb;
use krog_proto::federation::v1::library_client::LibraryClient;
use krog_templates::{Template, builtin};
use prost::Message;
use tempfile::TempDir;
use tonic::transport::Channel;

use super::account::{Asked, House};
use super::plan::NgoPlan;
use super::{DemoOptions, SignedRelease, asked, house, in_house, kind_name};
use crate::chance;
use crate::clock::HandClock;
use crate::folder::Folder;
use crate::network::{self, InviteOptions, NetworkOptions};
use crate::node::{self, NewNode};
use crate::pool::{self, OpenOptions};
use crate::run::{RunOptions, Running};
use crate::tls::TlsIdentity;

/// How many templates are published.
pub const TEMPLATES: usize = 4;
/// Which nodes publish templates, by place; each publishes two, of one facilitation each.
const AUTHORS: [usize; 2] = [2, 5];
/// Which nodes are asked for the comparison, by place.
const ASKED: [usize; 3] = [0, 4, 11];
/// Length of a signature.
const SIGNATURE_BYTES: usize = 64;
/// The measure that leaves in pools where a centre's groups have decided so.
const POOLED: &str = "k6";
/// The measures the story collects.
const COLLECTED: [&str; 5] = [
    "ons4.satisfied",
    "ons4.worthwhile",
    "ons4.happy",
    "ons4.anxious",
    POOLED,
];
/// Days from the opening of a round to its deadline: the 14 days at home, and some to decide.
pub const ROUND_DAYS: u32 = 24;
/// Rounds after which everything has reached everybody: centre to relay, relay to relay, relay to all.
const ROUNDS: usize = 4;

/// One node of the demo.
pub struct DemoNode {
    name: String,
    folder: Folder,
    running: Running,
    coordinator: CentreClient,
    guardian: CentreClient,
    library: LibraryClient<Channel>,
}

impl DemoNode {
    /// The way in of the centre's coordinator.
    pub fn coordinator(&self) -> &CentreClient {
        &self.coordinator
    }

    /// Version in hexadecimal by facilitation of the templates that arrived from other nodes.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn templates_that_arrived(&self) -> Result<BTreeMap<String, String>> {
        let network = self
            .running
            .network()
            .context("the node is in no network")?;
        let listed = self
            .library
            .clone()
            .list_templates(pb::ListTemplatesRequest {
                network: network.as_bytes().to_vec(),
            })
            .await?
            .into_inner();
        let own = self.running.node();
        Ok(listed
            .templates
            .into_iter()
            .filter(|template| template.node != own.as_bytes())
            .filter_map(|template| Template::from_bytes(&template.document).ok())
            .map(|template| {
                (
                    template.facilitation().to_string(),
                    data_encoding::HEXLOWER.encode(&template.version()),
                )
            })
            .collect())
    }
}

/// All of them.
pub struct World {
    nodes: Vec<DemoNode>,
    network: NetworkId,
    _scratch: Option<TempDir>,
}

impl World {
    /// Makes, joins and starts the nodes.
    ///
    /// # Errors
    /// When a folder cannot be made or a node does not start.
    pub async fn build(
        options: &DemoOptions,
        plans: &[NgoPlan],
        clock: &HandClock,
    ) -> Result<Self> {
        let (root, scratch) = match &options.keep {
            Some(keep) => (keep.clone(), None),
            None => {
                let scratch = tempfile::Builder::new().prefix("krog-demo").tempdir()?;
                (scratch.path().to_owned(), Some(scratch))
            }
        };
        let folders: Vec<Folder> = (0..plans.len())
            .map(|place| Folder::at(place_of(&root, plans, place)))
            .collect();
        let seed = |place: usize| options.seed.wrapping_mul(1000).wrapping_add(place as u64);
        try_join_all(plans.iter().zip(&folders).enumerate().map(
            |(place, (plan, folder))| async move {
                let new = NewNode {
                    name: plan.name.clone(),
                    centres: vec![plan.centre.clone()],
                    listen: plan.relay.then_some(([127, 0, 0, 1], 0).into()),
                    ..NewNode::default()
                };
                in_house(
                    &plan.name,
                    node::init(folder, new, clock.clock(), chance::seeded(seed(place)))
                        .await
                        .map(|_| ()),
                )
            },
        ))
        .await?;
        let first = folders.first().context("there is no node")?;
        network::found_network(
            first,
            NetworkOptions {
                name: "Krog demo".to_owned(),
                rehearsal: true,
                measures: Vec::new(),
                floor_persons: 10,
                waiting_days: 14,
                pools: Some(PoolTerms::default()),
            },
            clock.clock(),
            chance::seeded(seed(100)),
        )
        .await?;
        let mut nodes = vec![start(first, plans, 0, clock, seed(200)).await?];
        let network = nodes[0]
            .running
            .network()
            .context("the network was not founded")?;
        nodes[0].running.tick().await?;
        let invite = InviteOptions {
            count: u32::try_from(plans.len())?,
            days: 14,
        };
        let token =
            network::invite(first, invite, clock.clock(), chance::seeded(seed(300))).await?;
        let rest = try_join_all((1..plans.len()).map(|place| {
            let (token, folder) = (&token, &folders[place]);
            async move {
                in_house(
                    &plans[place].name,
                    async {
                        network::join(
                            folder,
                            token,
                            clock.clock(),
                            chance::seeded(seed(400 + place)),
                        )
                        .await?;
                        start(folder, plans, place, clock, seed(500 + place)).await
                    }
                    .await,
                )
            }
        }))
        .await?;
        nodes.extend(rest);
        let world = Self {
            nodes,
            network,
            _scratch: scratch,
        };
        world.settle().await?;
        Ok(world)
    }

    /// The nodes, in the order of the plan.
    pub fn nodes(&self) -> &[DemoNode] {
        &self.nodes
    }

    /// Lets every centre do what is due and every node synchronise until all have all.
    ///
    /// # Errors
    /// When a node cannot do what is due.
    pub async fn settle(&self) -> Result<()> {
        for round in 1..=ROUNDS {
            for node in &self.nodes {
                in_house(&node.name, node.running.tick().await)?;
            }
            try_join_all(self.nodes.iter().map(|node| async {
                let outcome = in_house(&node.name, node.running.sync_now().await)?;
                // A newcomer is a stranger to the second relay until word of it has come round.
                for peer in outcome.peers.iter().filter(|_| round == ROUNDS) {
                    if let Some(why) = &peer.failure {
                        bail!("{} could not reach {}: {why}", node.name, peer.peer.name());
                    }
                    if let Some((writer, fault)) = peer.stopped.first() {
                        bail!(
                            "{}: the feed {} stopped: {fault}",
                            node.name,
                            writer.short()
                        );
                    }
                }
                Ok(())
            }))
            .await?;
        }
        Ok(())
    }

    /// Two nodes publish templates.
    ///
    /// # Errors
    /// When an office refuses.
    pub async fn publish_templates(&self) -> Result<()> {
        for (at, place) in AUTHORS.into_iter().enumerate() {
            for template in [builtin::facilitated(), builtin::peer_led()] {
                let document = if at == 0 {
                    template.to_bytes()
                } else {
                    renamed(template)?
                };
                self.nodes[place]
                    .running
                    .publish_template(&document)
                    .await?;
            }
        }
        Ok(())
    }

    /// Every centre records by which way its measures leave: distress in pools where its groups have decided so, everything
    /// else under its own name.
    ///
    /// # Errors
    /// When a centre refuses.
    pub async fn choose_ways(&self, plans: &[NgoPlan]) -> Result<()> {
        try_join_all(self.nodes.iter().zip(plans).map(|(node, plan)| async {
            for measure in COLLECTED {
                let way = if measure == POOLED && plan.pools {
                    "pool"
                } else {
                    "release"
                };
                node.coordinator
                    .choose_way(centre::ChooseWayRequest {
                        measure: measure.to_owned(),
                        way: way.to_owned(),
                    })
                    .await?;
            }
            in_house(&node.name, Ok(()))
        }))
        .await?;
        Ok(())
    }

    /// The keyholder opens a round for each kind of facilitation, over all that waits.
    ///
    /// # Errors
    /// When the office refuses.
    pub async fn open_rounds(&self, clock: &HandClock, seed: u64) -> Result<()> {
        let keyholder = &self.nodes[0];
        for facilitation in [Facilitation::Professional, Facilitation::Peer] {
            let options = OpenOptions {
                aggregators: Some([keyholder.name.clone(), self.nodes[5].name.clone()]),
                days: ROUND_DAYS,
                ..OpenOptions::change(POOLED.parse()?, facilitation)
            };
            let chance = chance::seeded(seed);
            pool::open(&keyholder.folder, options, clock.clock(), chance).await?;
        }
        Ok(())
    }

    /// The rounds of pools as a reader outside sees them, oldest deadline first.
    ///
    /// # Errors
    /// When the feeds cannot be read.
    pub async fn rounds(&self, today: i64) -> Result<Vec<RoundStatus>> {
        let mut rounds = self.mirror().await?.rounds(today);
        rounds.reverse();
        Ok(rounds)
    }

    /// Public names of centres, in the order of the plan.
    pub fn names_of(&self, centres: &BTreeSet<WriterId>, plans: &[NgoPlan]) -> Vec<String> {
        self.nodes
            .iter()
            .zip(plans)
            .filter(|(node, _)| {
                node.running
                    .centres()
                    .iter()
                    .any(|centre| centres.contains(centre))
            })
            .map(|(_, plan)| plan.centre.clone())
            .collect()
    }

    /// Coordinator and data guardian of every centre approve the quarter that has ended.
    ///
    /// # Errors
    /// When a centre refuses.
    pub async fn approve_everywhere(&self) -> Result<()> {
        try_join_all(self.nodes.iter().map(|node| async {
            let approve = || centre::ApproveRequest {
                quarter: String::new(),
            };
            node.coordinator
                .preview(centre::PreviewRequest {
                    quarter: String::new(),
                })
                .await?;
            node.coordinator.approve(approve()).await?;
            node.guardian
                .preview(centre::PreviewRequest {
                    quarter: String::new(),
                })
                .await?;
            node.guardian.approve(approve()).await?;
            in_house(&node.name, Ok(()))
        }))
        .await?;
        Ok(())
    }

    /// The same comparisons from three nodes and from a client that reads a relay and trusts nobody.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub async fn ask_everybody(
        &self,
        measures: &[&str],
    ) -> Result<(Vec<pb::Comparison>, Vec<Asked>)> {
        let mut answers = Vec::new();
        let mut first = None;
        for place in ASKED {
            let node = &self.nodes[place];
            let mut comparisons = Vec::new();
            for measure in measures {
                let answer = node
                    .library
                    .clone()
                    .compare(pb::CompareRequest {
                        network: self.network.as_bytes().to_vec(),
                        measure: (*measure).to_owned(),
                        last_quarter: 0,
                    })
                    .await?
                    .into_inner();
                comparisons.push(
                    answer
                        .comparison
                        .with_context(|| format!("{} does not compare {measure}", node.name))?,
                );
            }
            answers.push(asked(&node.name, &comparisons));
            first.get_or_insert(comparisons);
        }
        let mirror = self.mirror().await?;
        let comparisons = measures
            .iter()
            .map(|measure| Ok(mirror.compare(measure, None)?))
            .collect::<Result<Vec<_>>>()?;
        answers.push(asked(
            "a client that verified every entry itself",
            &comparisons,
        ));
        Ok((first.unwrap_or_default(), answers))
    }

    /// All feeds as a client outside verifies them, read from the second relay.
    async fn mirror(&self) -> Result<Mirror> {
        let relay = &self.nodes[5];
        let reader = TlsIdentity::open(&self.nodes[7].folder.exchange_tls())?;
        let identity = Identity::from_pem(reader.pem(), reader.pem())?;
        let address = relay
            .running
            .addresses()
            .listen
            .context("the relay does not listen")?;
        let pin = TlsIdentity::open(&relay.folder.exchange_tls())?.pin();
        let channel = connect_pinned(&address.to_string(), &[pin], Some(&identity)).await?;
        let rosters = self.nodes[7]
            .running
            .rosters()
            .await?
            .into_iter()
            .map(SignedRoster::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let mut mirror = Mirror::of_network(self.network, rosters)?;
        mirror.refresh(channel).await?;
        match mirror.faults().iter().next() {
            Some((writer, fault)) => bail!("the feed {} does not verify: {fault}", writer.short()),
            None => Ok(mirror),
        }
    }

    /// What the centres told, as a reader outside sees it.
    ///
    /// # Errors
    /// When the feeds cannot be read.
    pub async fn signed_releases(&self) -> Result<Vec<SignedRelease>> {
        let mirror = self.mirror().await?;
        let mut releases = Vec::new();
        for (writer, _, name) in mirror.view().centres() {
            for entry in mirror.entries(writer) {
                let header = Header::parse(&entry.header)?;
                if header.kind == Kind::Release {
                    let payload = entry
                        .payload
                        .as_deref()
                        .context("a release without its payload")?;
                    releases.push(SignedRelease {
                        centre: name.as_str().to_owned(),
                        release: pb::Release::decode(
                            payload.get(SALT_BYTES..).unwrap_or_default(),
                        )?,
                    });
                }
            }
        }
        Ok(releases)
    }

    /// Entries and bytes that left each house, by kind.
    ///
    /// # Errors
    /// When the feeds cannot be read.
    pub async fn houses(&self, plans: &[NgoPlan]) -> Result<Vec<House>> {
        let mirror = self.mirror().await?;
        let mut houses = Vec::new();
        for (plan, node) in plans.iter().zip(&self.nodes) {
            let own = node.running.node();
            let centres = mirror
                .view()
                .centres()
                .filter(|(_, of, _)| *of == own)
                .map(|(writer, ..)| writer);
            let mut kinds = BTreeMap::<String, (u64, u64)>::new();
            for writer in std::iter::once(WriterId::from(own)).chain(centres) {
                for entry in mirror.entries(writer) {
                    let bytes = entry.header.len()
                        + SIGNATURE_BYTES
                        + entry.payload.as_ref().map_or(0, Vec::len);
                    let sum = kinds
                        .entry(kind_name(Header::parse(&entry.header)?.kind))
                        .or_default();
                    sum.0 += 1;
                    sum.1 += bytes as u64;
                }
            }
            houses.push(house(
                plan,
                kinds
                    .into_iter()
                    .map(|(kind, (entries, bytes))| (kind, entries, bytes))
                    .collect(),
            ));
        }
        Ok(houses)
    }

    /// Everything that left, as bytes: the entries, and every exchange's files.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn what_left(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mirror = self.mirror().await?;
        let mut entries = Vec::new();
        for head in mirror.heads() {
            for entry in mirror.entries(head.writer) {
                entries.extend_from_slice(&entry.header);
                entries.extend_from_slice(entry.payload.as_deref().unwrap_or_default());
            }
        }
        let mut files = Vec::new();
        for node in &self.nodes {
            for file in std::fs::read_dir(node.folder.exchange())? {
                let path = file?.path();
                if path.is_file() {
                    files.extend_from_slice(&std::fs::read(&path)?);
                }
            }
        }
        Ok(vec![
            ("all entries of all feeds".to_owned(), entries),
            ("the files of all twelve exchanges".to_owned(), files),
        ])
    }

    /// Stops all nodes.
    ///
    /// # Errors
    /// When one does not stop cleanly.
    pub async fn stop(self) -> Result<()> {
        for node in self.nodes {
            in_house(&node.name, node.running.stop().await)?;
        }
        Ok(())
    }
}

fn place_of(root: &std::path::Path, plans: &[NgoPlan], place: usize) -> PathBuf {
    root.join(format!("{:02}-{}", place + 1, slug(&plans[place].name)))
}

async fn start(
    folder: &Folder,
    plans: &[NgoPlan],
    place: usize,
    clock: &HandClock,
    seed: u64,
) -> Result<DemoNode> {
    let running = Running::start(
        folder.clone(),
        RunOptions {
            only: None,
            clock: clock.clock(),
            stated_day: true,
            chance: chance::seeded(seed),
            by_hand: true,
        },
    )
    .await?;
    if let Some(address) = running.addresses().listen {
        node::keep_address(folder, address)?;
    }
    let centre = connect_unix(folder.centre_socket()).await?;
    let credential = |role: &str| {
        let name = slug(&plans[place].centre);
        Credential::read(&folder.credentials().join(format!("{name}-{role}.txt")))
    };
    Ok(DemoNode {
        name: plans[place].name.clone(),
        coordinator: CentreClient::new(centre.clone(), credential("coordinator")?),
        guardian: CentreClient::new(centre, credential("guardian")?),
        library: LibraryClient::new(connect_unix(folder.exchange_socket()).await?)
            .max_decoding_message_size(krog_federation::limits::RESPONSE_BYTES),
        folder: folder.clone(),
        running,
    })
}

/// The same template under another name, as another author would publish it.
fn renamed(template: &Template) -> Result<Vec<u8>> {
    let mut document = template.to_proto();
    document.code = format!("{}-adapted", document.code);
    Ok(Template::parse(document)?.to_bytes())
}
