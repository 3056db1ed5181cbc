//! One node's folder and the processes that work on it.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use krog_client::centre::{CentreClient, Credential};
use krog_client::socket::connect_unix;
use krog_proto::federation::v1::house_client::HouseClient;
use krog_proto::federation::v1::library_client::LibraryClient;
use krogd::folder::Folder;
use krogd::tls::TlsIdentity;
use tonic::transport::Channel;

/// How long anything may take that only has to become true.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// How long to wait before looking again.
pub const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The program under test.
pub fn krogd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_krogd"));
    command.env_remove("KROG_NODE").env_remove("KROG_LOG");
    command
}

/// Waits until `look` finds something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    tokio::time::timeout(DEADLINE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{what}: not within {} s", DEADLINE.as_secs()))
}

/// What a command said until it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// What it printed, when it succeeded.
    pub fn fine(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self.out.trim().to_owned()
    }

    /// It refused, without falling over, in words that contain all of these.
    pub fn refused(self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(!self.err.contains("panicked"), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in: {}", self.err);
        }
        assert_eq!(self.out, "", "nothing looks like success");
    }
}

/// Runs a command to its end. One that should have ended and serves instead is killed, by its id.
pub fn said(command: &mut Command) -> Said {
    let piped = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = piped.spawn().unwrap();
    let id = child.id();
    let (ended, watched) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if watched.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
            signal(id, "KILL");
        }
    });
    let done = child.wait_with_output().unwrap();
    drop(ended);
    watch.join().unwrap();
    Said {
        code: done.status.code(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

fn signal(id: u32, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// A node's folder.
#[derive(Debug, Clone)]
pub struct House {
    root: PathBuf,
}

impl House {
    /// Makes a node below `scratch`. Further arguments go to `init`.
    pub fn made(scratch: &Path, name: &str, further: &[&str]) -> Self {
        let house = Self::at(scratch, name);
        house
            .krogd("init")
            .args(["--name", name])
            .args(further)
            .told();
        house.edit("sync_seconds = 60", "sync_seconds = 5");
        house
    }

    /// A folder in which there may be a node or not.
    pub fn at(scratch: &Path, name: &str) -> Self {
        Self {
            root: scratch.join(name),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn folder(&self) -> Folder {
        Folder::at(&self.root)
    }

    /// `krogd COMMAND --node HERE`, where the command may be two words.
    pub fn krogd(&self, command: &str) -> Command {
        let mut krogd = krogd();
        krogd.args(command.split(' ')).arg("--node").arg(&self.root);
        krogd
    }

    /// Changes a line of `krog.toml`.
    pub fn edit(&self, from: &str, to: &str) {
        let path = self.folder().settings();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "no {from:?} in {text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }

    /// Starts `krogd run` on a stated day and waits until it is ready.
    pub async fn run(&self, today: &str) -> Serving {
        self.start(self.krogd("run").args(["--today", today])).await
    }

    /// Starts a command that serves this node and waits until it is ready.
    pub async fn start(&self, command: &mut Command) -> Serving {
        let mut serving = self.spawn(command);
        let addresses = self.folder().addresses();
        until("the node is ready", async || {
            assert_eq!(serving.ended(), None, "it ended: {}", serving.log());
            addresses_in(&addresses)
        })
        .await;
        serving
    }

    /// Starts a command that serves this node and does not wait.
    pub fn spawn(&self, command: &mut Command) -> Serving {
        // What an earlier process left would look like this one's.
        let _ = std::fs::remove_file(self.folder().addresses());
        Serving::start(command)
    }

    /// Where other nodes dial it.
    pub fn listens(&self) -> SocketAddr {
        let listen = addresses_in(&self.folder().addresses()).unwrap()["listen"].clone();
        listen.as_str().unwrap().parse().unwrap()
    }

    /// A person's way into a centre, given by the name of its folder.
    pub async fn person(&self, centre: &str, role: &str) -> CentreClient {
        let credential = self
            .folder()
            .credentials()
            .join(format!("{centre}-{role}.txt"));
        CentreClient::new(
            connect_unix(self.folder().centre_socket()).await.unwrap(),
            Credential::read(&credential).unwrap(),
        )
    }

    /// What the node's people read of the network.
    pub async fn library(&self) -> LibraryClient<Channel> {
        LibraryClient::new(connect_unix(self.folder().exchange_socket()).await.unwrap())
    }

    /// What the centre side asks of the exchange.
    pub async fn house(&self) -> HouseClient<Channel> {
        HouseClient::new(connect_unix(self.folder().exchange_socket()).await.unwrap())
    }

    /// The key other nodes know it by.
    pub fn tls(&self) -> TlsIdentity {
        TlsIdentity::open(&self.folder().exchange_tls()).unwrap()
    }

    /// All files with their bytes, except what a database or a lock leaves beside them at every opening.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.to_string_lossy();
                let beside = ["-wal", "-shm", "lock"]
                    .iter()
                    .any(|end| name.ends_with(end));
                if path.is_dir() {
                    folders.push(path);
                } else if path.is_file() && !beside {
                    files.insert(path.clone(), std::fs::read(&path).unwrap());
                }
            }
        }
        files
    }
}

/// A command that has to succeed.
pub trait Told {
    fn told(&mut self) -> String;
}

impl Told for Command {
    fn told(&mut self) -> String {
        said(self).fine()
    }
}

fn addresses_in(path: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// A process that serves. Killed when dropped, by its id.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    log: Arc<Mutex<Vec<u8>>>,
}

impl Serving {
    /// Starts without looking at any folder.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut stderr = child.stderr.take().unwrap();
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut piece) {
                written.lock().unwrap().extend_from_slice(&piece[..read]);
            }
        });
        Self { child, log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// SIGKILL: no time for anything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let pid = self.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Its end, which has to come by itself.
    pub async fn end(&mut self) -> ExitStatus {
        until("the process ends", async || self.ended()).await
    }

    /// Stops it as an operator does; it must end well.
    pub async fn stop(mut self) {
        self.terminate();
        let status = self.end().await;
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
