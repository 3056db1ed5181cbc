//! Making a node, and what it tells its network about itself.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use krog_centre::{Centre, CentreNames, Chance, FirstCredentials, Office, Surroundings};
use krog_client::cli::slug;
use krog_client::report::clean;
use krog_federation::{Clock, Exchange, Store};
use krog_feed::identity::{Address, DescribedCentre, NodeDescriptor, PublicName};
use krog_feed::ids::{NodeId, TlsPin};

use crate::folder::{Folder, read_private, write_private};
use crate::settings::{CentreSettings, Settings};
use crate::tls::TlsIdentity;

/// What a new node is to be.
#[derive(Debug, Clone, Default)]
pub struct NewNode {
    /// The organisation's public name.
    pub name: String,
    /// Its centres' public names. None: a relay.
    pub centres: Vec<String>,
    /// Where it accepts connections of other nodes.
    pub listen: Option<SocketAddr>,
    /// What other nodes are told to dial.
    pub announce: Option<String>,
    /// Where its centres' people may connect over TLS.
    pub centre_listen: Option<SocketAddr>,
    /// A PostgreSQL for the exchange.
    pub exchange_database: Option<String>,
}

/// A node just made.
#[derive(Debug)]
pub struct Made {
    folder: Folder,
    settings: Settings,
    node: NodeId,
}

impl Made {
    /// What was made and what to do next.
    pub fn told(&self) -> String {
        let root = self.folder.root().display();
        let mut text = format!(
            "Node {} of {} is ready in {root}.\n",
            self.node.short(),
            self.settings.name
        );
        if self.settings.centres.is_empty() {
            text.push_str("It has no centres; it passes on what others share.\n");
        }
        for centre in &self.settings.centres {
            text.push_str(&format!("Centre {}:\n", centre.name));
            for role in ["coordinator", "guardian"] {
                text.push_str(&format!(
                    "  credential of the {role}: {root}/credentials/{}-{role}.txt\n",
                    centre.folder
                ));
            }
        }
        if !self.settings.centres.is_empty() {
            text.push_str(
                "Give each credential to its person: two people decide what is shared.\n",
            );
        }
        text.push_str(&format!(
            "Move {} offline now (print it or put it on a stick): it alone can replace a lost key.\n\
             Next: `krogd network create --node {root} --name \"…\"`, or `krogd join --node {root} TOKEN`, then `krogd run --node {root}`.\n",
            self.folder.recovery_key().display()
        ));
        text
    }

    /// The node's identity.
    pub fn node(&self) -> NodeId {
        self.node
    }
}

/// Makes a node. Nothing stands at its folder until all of it is made.
///
/// # Errors
/// When the folder is not empty, a name or address is not allowed, or the disk refuses.
pub async fn init(folder: &Folder, new: NewNode, clock: Clock, chance: Chance) -> Result<Made> {
    let NewNode {
        name,
        centres,
        listen,
        announce,
        centre_listen,
        exchange_database,
    } = new;
    let mut settings = Settings {
        name: public_name(&name)?.as_str().to_owned(),
        listen,
        announce,
        centre_listen,
        centre_listen_beyond_loopback: false,
        exchange_database,
        sync_seconds: 60,
        aggregate: true,
        centres: Vec::new(),
    };
    for name in centres {
        let mut folder = slug(&name);
        while settings
            .centres
            .iter()
            .any(|centre| centre.folder == folder)
        {
            folder.push_str("-2");
        }
        settings.centres.push(CentreSettings {
            folder,
            name: public_name(&name)?.as_str().to_owned(),
        });
    }
    if let Some(announce) = &settings.announce {
        announce
            .parse::<Address>()
            .map_err(|error| anyhow!("--announce: {error}"))?;
    }
    if let Some(what) = settings.fault() {
        bail!("{what}");
    }
    let root = std::path::absolute(folder.root()).context("the folder has no place")?;
    let name = root
        .file_name()
        .context("the folder has no name")?
        .to_string_lossy();
    let making = Folder::at(root.with_file_name(format!(".{name}.making")));
    if let Ok(mut entries) = std::fs::read_dir(&root)
        && entries.next().is_some()
    {
        bail!(crate::folder::FolderError::NotEmpty(
            folder.root().display().to_string()
        ));
    }
    if making.root().exists() {
        bail!(
            "{} is left of an `init` that did not finish; remove it and try again",
            making.root().display()
        );
    }
    let surroundings = Surroundings::new(clock.clone(), chance);
    let node = match fill(&making, &settings, &surroundings, clock).await {
        Ok(node) => node,
        Err(error) => {
            // Half a node is of no use to anybody, and its keys were never used.
            let _ = std::fs::remove_dir_all(making.root());
            return Err(error);
        }
    };
    std::fs::rename(making.root(), &root)
        .with_context(|| format!("the finished node could not be moved to {}", root.display()))?;
    Ok(Made {
        folder: folder.clone(),
        settings,
        node,
    })
}

async fn fill(
    making: &Folder,
    settings: &Settings,
    surroundings: &Surroundings,
    clock: Clock,
) -> Result<NodeId> {
    making.create()?;
    let (office, recovery) = Office::create(&making.office(), surroundings).await?;
    let node = office.node();
    let mark = node.to_string();
    making.mark(&making.office(), &mark)?;
    making.mark(&making.exchange(), &mark)?;
    let exchange = TlsIdentity::create(&making.exchange_tls())?;
    write_private(
        &making.exchange_pin(),
        exchange.pin().to_string().as_bytes(),
    )?;
    TlsIdentity::create(&making.centre_tls())?;
    for centre in &settings.centres {
        let place = making.centre(&centre.folder);
        let names = CentreNames {
            public_name: public_name(&centre.name)?,
            code: String::new(),
        };
        let (made, first) =
            Centre::create(&place, names, node, &recovery.public(), surroundings).await?;
        making.mark(&place, &mark)?;
        made.close().await;
        hand_out(making, &centre.folder, &first)?;
    }
    let seed = data_encoding::BASE32_NOPAD
        .encode(recovery.seed().as_ref())
        .to_lowercase();
    write_private(
        &making.recovery_key(),
        format!(
            "# Recovery key of node {mark}\n# Keep it offline. It alone replaces a lost key or settles a fork.\nkrog-recovery-{seed}\n"
        )
        .as_bytes(),
    )?;
    office.close().await;
    let store = Store::open(&exchange_url(making, settings)).await?;
    Exchange::open(store, node, clock).await?;
    let text = settings
        .to_toml()
        .context("the settings cannot be written")?;
    write_private(
        &making.settings(),
        format!("# A node of Krog. Secrets stand in files of their own, never here.\n{text}")
            .as_bytes(),
    )?;
    Ok(node)
}

fn hand_out(folder: &Folder, centre: &str, first: &FirstCredentials) -> Result<()> {
    for (role, credential) in [
        ("coordinator", &first.coordinator),
        ("guardian", &first.guardian),
    ] {
        let path = folder.credentials().join(format!("{centre}-{role}.txt"));
        let text = credential.reveal();
        write_private(&path, format!("{}\n", text.as_str()).as_bytes())?;
    }
    Ok(())
}

/// A public name as an operator typed it.
///
/// # Errors
/// When it is empty, too long, or has characters no name has.
pub fn public_name(name: &str) -> Result<PublicName> {
    name.trim()
        .parse::<PublicName>()
        .map_err(|error| anyhow!("the name {:?}: {error}", clean(name)))
}

/// Where the exchange keeps its data.
pub fn exchange_url(folder: &Folder, settings: &Settings) -> String {
    settings
        .exchange_database
        .clone()
        .unwrap_or_else(|| format!("sqlite:{}", folder.exchange().join("exchange.db").display()))
}

/// The hash of the exchange's TLS key, as the centre side knows it; the key itself is the exchange's alone.
///
/// # Errors
/// When the file is missing or holds no hash.
pub fn own_pin(folder: &Folder) -> Result<TlsPin> {
    let path = folder.exchange_pin();
    read_private(&path)?
        .trim()
        .parse()
        .with_context(|| format!("{} does not hold the hash of a key", path.display()))
}

/// What a node tells its network about itself.
///
/// # Errors
/// When a name or address in the settings is not allowed.
pub fn descriptor(
    settings: &Settings,
    pin: TlsPin,
    listening: Option<SocketAddr>,
    centres: &[Arc<Centre>],
) -> Result<NodeDescriptor> {
    let address = match (&settings.announce, listening.or(settings.listen)) {
        (Some(announce), Some(_)) => Some(announce.clone()),
        (None, Some(listen)) if listen.port() != 0 && !listen.ip().is_unspecified() => {
            Some(listen.to_string())
        }
        _ => None,
    };
    Ok(NodeDescriptor {
        public_name: public_name(&settings.name)?,
        tls_pins: vec![pin],
        addresses: address
            .map(|address| {
                address
                    .parse::<Address>()
                    .map_err(|error| anyhow!("{error}"))
            })
            .transpose()?
            .into_iter()
            .collect(),
        centres: centres
            .iter()
            .map(|centre| DescribedCentre {
                writer: centre.writer(),
                public_name: centre.public_name().clone(),
            })
            .collect(),
        protocol: krog_feed::limits::PROTOCOL,
    })
}

/// Opens a node's exchange.
///
/// # Errors
/// When its database cannot be opened or belongs to another node.
pub async fn open_exchange(
    folder: &Folder,
    settings: &Settings,
    node: NodeId,
    clock: Clock,
) -> Result<Exchange> {
    let store = Store::open(&exchange_url(folder, settings))
        .await
        .context("the exchange's database could not be opened")?;
    Ok(Exchange::open(store, node, clock).await?)
}

/// Where a running node listens.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub struct Addresses {
    /// For other nodes.
    pub listen: Option<SocketAddr>,
    /// For the centre's people.
    pub centre_listen: Option<SocketAddr>,
}

/// Writes the address a node got from the system into its settings, so that others find it there after a restart too.
///
/// # Errors
/// When the settings cannot be read or written.
pub fn keep_address(folder: &Folder, listening: SocketAddr) -> Result<()> {
    let path = folder.settings();
    let mut settings = Settings::read(&path)?;
    settings.listen = Some(listening);
    std::fs::write(&path, settings.to_toml()?)
        .with_context(|| format!("{} could not be written", path.display()))
}

/// What a running node wrote about where it listens.
pub fn addresses_of(folder: &Folder) -> Option<Addresses> {
    serde_json::from_str(&std::fs::read_to_string(folder.addresses()).ok()?).ok()
}
