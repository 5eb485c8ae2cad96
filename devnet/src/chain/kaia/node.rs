//! One node of a Kaia chain: it makes blocks, or serves JSON-RPC.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Url;
use serde_json::json;
use tokio::process::Command;

use super::bridge_part::BridgePart;
use super::genesis::MakerKey;
use crate::chain::ChainAccess;
use crate::chain::site::Site;
use crate::process::ChildProcess;

/// Peers, where a chain has an address of its own.
const P2P_PORT: u16 = 32_323;

/// Patience for a node to listen. Measured: 1 s on an idle machine.
const READY: Duration = Duration::from_secs(60);

/// Patience for a node to write what it has.
const GRACE: Duration = Duration::from_secs(30);

/// Memory that a node counts with. Unit: GiB. It has caches for a host of at least 16, and takes a fraction of them on a young chain.
const MEMORY: &str = "16";

/// Unit: MiB, for each of two caches; their defaults of 512 and 768 are for a public chain.
const CACHE: &str = "64";

/// What a node is for.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// It makes blocks in its turn.
    Maker(MakerKey),
    /// It answers questions, and keeps the states of the newest 128 blocks.
    Endpoint,
    /// It answers questions, and keeps all states.
    Archive,
}

/// Everything that a start needs but the peers; each start is the same.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    program: PathBuf,
    site: Site,
    peers: SocketAddr,
    role: Role,
    /// The file with the first block.
    genesis: PathBuf,
    part: BridgePart,
}

/// A node, running or not.
#[derive(Debug)]
pub(super) struct Node {
    launch: Launch,
    pub(super) process: ChildProcess,
    /// Ended on purpose.
    pub(super) down: bool,
}

impl Launch {
    /// Chooses addresses on the chain's host, for the so many-th node there. Nothing runs yet.
    pub(super) fn new(
        program: &Path,
        chain: &Site,
        genesis: &Path,
        (name, number): (&str, usize),
        role: Role,
    ) -> Result<Self> {
        let number = u16::try_from(number).context("few nodes")?;
        let site = chain.beside(name, number)?;
        let peers = site.host.socket(P2P_PORT + number)?;
        Ok(Self {
            program: program.to_owned(),
            site,
            peers,
            role,
            genesis: genesis.to_owned(),
            part: BridgePart::None,
        })
    }

    /// Writes the first block.
    async fn initialise(&self) -> Result<()> {
        let mut init = Command::new(&self.program);
        init.args(["init", "--datadir"])
            .arg(self.datadir())
            .arg(&self.genesis)
            .env("HOME", &self.site.folder);
        let done = init.output().await.with_context(|| format!("cannot start {}", self.program.display()))?;
        if !done.status.success() {
            bail!("{} init ends with {}: {}", self.program.display(), done.status, last_words(&done.stderr));
        }
        Ok(())
    }

    /// Starts the process, with what an earlier one kept. It calls these peers at once, and others only every half minute.
    async fn run(&self, peers: &[String]) -> Result<ChildProcess> {
        let list = self.datadir().join("klay/static-nodes.json");
        std::fs::write(&list, json!(peers).to_string())
            .with_context(|| format!("cannot write {}", list.display()))?;
        self.part.write_files(&self.datadir())?;
        // Only a node prints that which has got its ports.
        self.site.spawn(self.command(), "RLPx listener up", READY).await
    }

    fn datadir(&self) -> PathBuf {
        self.site.folder.join(&self.site.part)
    }

    fn command(&self) -> Command {
        let Self { site, peers, role, part, .. } = self;
        let mut command = site.host.command(&self.program);
        command
            .arg("--datadir")
            .arg(self.datadir())
            .args(["--networkid", &site.chain_id.to_string()])
            // It talks to nobody but its peers.
            .args(["--nodiscover", "--nat", "none", "--ntp.disable", "--ipcdisable"])
            .args(["--port", &peers.port().to_string(), "--maxconnections", "100"])
            .args(["--cache.memory", MEMORY, "--state.cache-size", CACHE, "--state.trie-cache-limit", CACHE])
            .args(["--db.leveldb.cache-size", CACHE])
            .env("HOME", &site.folder);
        let (ip, port) = (site.socket.ip().to_string(), site.socket.port().to_string());
        if let Role::Maker(key) = role {
            command.args(["--nodekeyhex", &key.secret(), "--rewardbase", &key.address().to_string()]);
        } else {
            command
                .args(["--rpc", "--rpcaddr", &ip, "--rpcport", &port, "--rpcvhosts", "*"])
                .args(["--rpcapi", &format!("eth,net,web3,debug,txpool,kaia,klay{}", part.namespace())]);
            part.add_flags(&mut command);
        }
        if matches!(role, Role::Archive) {
            command.args(["--gcmode", "archive"]);
        }
        command
    }
}

impl Node {
    /// Starts a node that has nothing but the first block.
    pub(super) async fn begin(launch: Launch, peers: &[String]) -> Result<Self> {
        launch.initialise().await?;
        let process = launch.run(peers).await?;
        Ok(Self { launch, process, down: false })
    }

    /// Starts it again.
    pub(super) async fn start(&mut self, peers: &[String]) -> Result<()> {
        self.process = self.launch.run(peers).await?;
        self.down = false;
        Ok(())
    }

    /// Ends it in order, and starts it again with another part in the bridge of the nodes.
    pub(super) async fn take_part(&mut self, part: BridgePart, peers: &[String]) -> Result<()> {
        if !self.down {
            self.stop().await?;
        }
        self.launch.part = part;
        self.start(peers).await
    }

    /// Ends it in order.
    pub(super) async fn stop(&mut self) -> Result<()> {
        self.process.stop(GRACE).await?;
        self.down = true;
        Ok(())
    }

    /// Ends it without a warning. It writes its states every 128 blocks: where it has no more than that, it refuses to start ("rewound to block
    /// number 0, but repair failed"). So it begins from nothing, and gets all blocks from its peers.
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.process.kill().await?;
        self.down = true;
        let written = self.launch.datadir();
        std::fs::remove_dir_all(&written).with_context(|| format!("cannot remove {}", written.display()))?;
        self.launch.initialise().await
    }

    /// How its peers find it, if it makes blocks.
    pub(super) fn uri(&self) -> String {
        let id = match &self.launch.role {
            Role::Maker(key) => key.node_id(),
            Role::Endpoint | Role::Archive => String::new(),
        };
        format!("kni://{id}@{}?discport=0&ntype=cn", self.launch.peers)
    }

    pub(super) fn url(&self) -> Result<Url> {
        self.launch.site.url()
    }

    /// How to talk to it, if it serves JSON-RPC.
    pub(super) async fn access(&self) -> Result<ChainAccess> {
        self.launch.site.connect(READY).await
    }
}

/// The end of what a program printed.
fn last_words(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
