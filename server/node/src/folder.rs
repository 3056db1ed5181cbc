//! A node is a folder:
//!
//! ```text
//! krog.toml            settings, public
//! recovery-key.txt     made once by `init`; to be moved offline
//! credentials/         one file per person on the staff, to be handed over
//! office/              identity, office key and feed; TLS key of the centre side; lock of the centre side
//! centres/NAME/        one folder per centre: centre.db, keys.db, master.key
//! exchange/            exchange.db and the TLS key other nodes know this node by
//! run/                 the two local sockets, while it runs
//! ```
//!
//! Each part carries the node's identity in a file `NODE`, so that parts of two nodes are never mixed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What can be wrong with a folder.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Something stands there already.
    #[error(
        "{0} is not empty; give a new folder, or use `krogd run --node {0}` if it is a node already"
    )]
    NotEmpty(String),
    /// There is no node.
    #[error(
        "{0} is not the folder of a node (no krog.toml in it); `krogd init --node {0} --name \"…\"` makes one"
    )]
    NotANode(String),
    /// Another process works there.
    #[error(
        "another process is working in {0} (its file `lock` is held); stop that one first. Two writers would fork the feed"
    )]
    InUse(String),
    /// Parts of two nodes.
    #[error(
        "{part} belongs to node {found}, but this folder is of node {expected}: parts of two nodes were mixed. Put the right folder back; nothing was changed"
    )]
    ForeignPart {
        /// Which part.
        part: String,
        /// The node it belongs to.
        found: String,
        /// The node of the folder.
        expected: String,
    },
    /// The path of a socket would be longer than the system allows.
    #[error(
        "the path {0} is too long for a local socket (at most 100 bytes); move the node to a folder with a shorter path"
    )]
    PathTooLong(String),
    /// The disk said no.
    #[error("cannot {what} {path}: {source}{}", hint(source))]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space and try again, nothing is lost"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; the disk is read-only: make it writable and try again, nothing is lost"
        }
        io::ErrorKind::PermissionDenied => {
            "; run it as the user the folder belongs to, or mend its permissions"
        }
        _ => "",
    }
}

/// The paths of a node.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

/// The two sides of a node, which may run as two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Office and centres.
    Office,
    /// The exchange.
    Exchange,
}

/// Proof that no other process works on a side. Released when dropped.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "held for its lock")] File);

impl Folder {
    /// The folder at `root`, whether or not a node is there.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The settings.
    pub fn settings(&self) -> PathBuf {
        self.root.join("krog.toml")
    }

    /// The office.
    pub fn office(&self) -> PathBuf {
        self.root.join("office")
    }

    /// One centre, by its folder name.
    pub fn centre(&self, name: &str) -> PathBuf {
        self.root.join("centres").join(name)
    }

    /// The exchange.
    pub fn exchange(&self) -> PathBuf {
        self.root.join("exchange")
    }

    /// The staff's credentials.
    pub fn credentials(&self) -> PathBuf {
        self.root.join("credentials")
    }

    /// The recovery key, until it is moved offline.
    pub fn recovery_key(&self) -> PathBuf {
        self.root.join("recovery-key.txt")
    }

    /// The TLS key of the exchange.
    pub fn exchange_tls(&self) -> PathBuf {
        self.exchange().join("tls.pem")
    }

    /// The hash of the exchange's TLS key, for the centre side.
    pub fn exchange_pin(&self) -> PathBuf {
        self.office().join("exchange-pin.txt")
    }

    /// The TLS key of the centre side.
    pub fn centre_tls(&self) -> PathBuf {
        self.office().join("tls.pem")
    }

    /// Where the node listens while it runs.
    pub fn addresses(&self) -> PathBuf {
        self.root.join("run").join("addresses.json")
    }

    /// The socket the centre's people use.
    pub fn centre_socket(&self) -> PathBuf {
        self.root.join("run").join("centre.sock")
    }

    /// The socket the centre side uses to reach the exchange.
    pub fn exchange_socket(&self) -> PathBuf {
        self.root.join("run").join("exchange.sock")
    }

    /// Makes the empty folder for a new node.
    ///
    /// # Errors
    /// When something stands there already or the disk refuses.
    pub fn create(&self) -> Result<(), FolderError> {
        if let Ok(mut entries) = fs::read_dir(&self.root)
            && entries.next().is_some()
        {
            return Err(FolderError::NotEmpty(self.shown()));
        }
        self.make(&self.root)?;
        for part in [
            self.office(),
            self.exchange(),
            self.credentials(),
            self.root.join("centres"),
            self.root.join("run"),
        ] {
            self.make(&part)?;
        }
        Ok(())
    }

    /// Makes a folder only its owner may enter.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn make(&self, path: &Path) -> Result<(), FolderError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| io_error("make the folder", path, source))
    }

    /// Takes one side for this process.
    ///
    /// # Errors
    /// When there is no node, another process holds it, or the disk refuses.
    pub fn lock(&self, part: Part) -> Result<FolderLock, FolderError> {
        if !self.settings().exists() {
            return Err(FolderError::NotANode(self.shown()));
        }
        let path = match part {
            Part::Office => self.office(),
            Part::Exchange => self.exchange(),
        }
        .join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| io_error("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock(file)),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse(self.shown())),
            Err(TryLockError::Error(source)) => Err(io_error("lock", &path, source)),
        }
    }

    /// Writes the node's identity into a part.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn mark(&self, part: &Path, node: &str) -> Result<(), FolderError> {
        write_private(&part.join("NODE"), node.as_bytes())
    }

    /// Checks that a part belongs to this node.
    ///
    /// # Errors
    /// When it belongs to another, or its mark is missing.
    pub fn check(&self, part: &Path, node: &str) -> Result<(), FolderError> {
        let found = self.mark_of(part)?;
        if found == node {
            Ok(())
        } else {
            Err(FolderError::ForeignPart {
                part: part.display().to_string(),
                found: found.chars().take(16).collect(),
                expected: node.chars().take(16).collect(),
            })
        }
    }

    /// The node a part belongs to.
    ///
    /// # Errors
    /// When its mark cannot be read.
    pub fn mark_of(&self, part: &Path) -> Result<String, FolderError> {
        let path = part.join("NODE");
        fs::read_to_string(&path)
            .map(|node| node.trim().to_owned())
            .map_err(|source| io_error("read", &path, source))
    }

    /// Checks that the sockets' paths fit, and removes what a killed process left of them. Only for who holds the lock.
    ///
    /// # Errors
    /// When a path is too long or the disk refuses.
    pub fn clear_socket(&self, socket: &Path) -> Result<(), FolderError> {
        if socket.as_os_str().len() > 100 {
            return Err(FolderError::PathTooLong(socket.display().to_string()));
        }
        self.make(&self.root.join("run"))?;
        match fs::remove_file(socket) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(io_error("remove the old socket", socket, source)),
        }
    }

    fn shown(&self) -> String {
        self.root.display().to_string()
    }
}

/// Writes a new file only its owner may read.
///
/// # Errors
/// When it exists already or the disk refuses.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| io_error("write", path, source))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|source| io_error("write", path, source))
}

/// Refuses a secret file that others may read.
///
/// # Errors
/// When its permissions are wider than its owner, or it cannot be read.
pub fn read_private(path: &Path) -> Result<String, FolderError> {
    let mode = fs::metadata(path)
        .map_err(|source| io_error("read", path, source))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(io_error(
            "use",
            path,
            io::Error::new(
                io::ErrorKind::PermissionDenied,
                "others on this machine may read it (chmod 600 mends that)",
            ),
        ));
    }
    fs::read_to_string(path).map_err(|source| io_error("read", path, source))
}

/// An error of the disk with its place.
pub fn io_error(what: &'static str, path: &Path, source: io::Error) -> FolderError {
    FolderError::Io {
        what,
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(dir: &Path) -> Folder {
        let folder = Folder::at(dir.join("node"));
        folder.create().unwrap();
        write_private(&folder.settings(), b"name = \"A\"").unwrap();
        folder
    }

    #[test]
    fn two_processes_cannot_share_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = node(dir.path());
        let held = folder.lock(Part::Office).unwrap();
        assert!(matches!(
            folder.lock(Part::Office),
            Err(FolderError::InUse(_))
        ));
        drop(held);
        folder.lock(Part::Office).unwrap();
    }

    #[test]
    fn a_folder_in_use_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let folder = node(dir.path());
        assert!(matches!(folder.create(), Err(FolderError::NotEmpty(_))));
    }

    #[test]
    fn a_part_of_another_node_is_recognised() {
        let dir = tempfile::tempdir().unwrap();
        let folder = node(dir.path());
        folder.mark(&folder.office(), "aaaa").unwrap();
        folder.check(&folder.office(), "aaaa").unwrap();
        let error = folder.check(&folder.office(), "bbbb").unwrap_err();
        assert!(error.to_string().contains("parts of two nodes were mixed"));
    }

    #[test]
    fn a_secret_others_may_read_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write_private(&path, b"x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = read_private(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"));
    }
}
