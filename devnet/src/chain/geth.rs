//! A chain of a geth node as operators run it: it has its blocks from a consensus client by the Engine API, executes the rules of
//! Ethereum's mainnet, and keeps the states of 128 blocks unless it is an archive.

mod consensus;
mod engine;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use anyhow::{Context, Result, bail};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::process::Command;

use super::site::Site;
use super::{ChainAccess, ChainSpec};
use crate::host::Host;
use crate::process::ChildProcess;
use consensus::{Consensus, Order};
use engine::{Credit, Engine};

/// The Engine API, where a chain has an address of its own.
const ENGINE_PORT: u16 = 8551;

/// Patience for a node to listen. Measured: 1 s on an idle machine.
const READY: Duration = Duration::from_secs(60);

/// Patience for a node to write what it has.
const GRACE: Duration = Duration::from_secs(30);

/// Unit: wei.
const GWEI: u64 = 1_000_000_000;

/// What a node's caches may take. Unit: MiB. Its default of 4096 is for the state of a public chain.
const CACHE: &str = "128";

/// The most that a node lets a transaction cost. Unit: the chain's own currency. Its default of 1 is less than what a benchmark offers for a submission of
/// nearly 2^24 gas (15.6), since the base fee of full blocks rises; what is recorded of refusals is above.
const FEE_CAP: &str = "16";

/// Which states a node keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GcMode {
    /// Those of the newest 128 blocks.
    Full,
    /// All.
    Archive,
}

/// A running geth node, and what makes its blocks.
#[derive(Debug)]
pub struct Geth {
    pub(super) access: ChainAccess,
    pub(super) url: Url,
    pub(super) process: ChildProcess,
    pub(super) down: bool,
    launch: Launch,
    consensus: Consensus,
}

/// Everything that a start of a node needs; each start is the same.
#[derive(Debug, Clone)]
struct Launch {
    binary: PathBuf,
    mode: GcMode,
    site: Site,
    engine: SocketAddr,
    secret: [u8; 32],
}

impl Geth {
    pub(super) async fn try_start(binary: &Path, mode: GcMode, spec: &ChainSpec, site: Site) -> Result<Self> {
        if spec.free_gas {
            bail!("geth has a base fee: a network without gas prices runs on anvil");
        }
        let engine = site.host.socket(ENGINE_PORT)?;
        let genesis = genesis_file(&site);
        std::fs::write(&genesis, genesis_of(binary, spec).await?.to_string())
            .with_context(|| format!("cannot write {}", genesis.display()))?;
        let launch = Launch { binary: binary.to_owned(), mode, site, engine, secret: rand::random() };
        launch.initialise(&genesis).await?;
        let (process, access) = launch.run().await?;
        let consensus = Consensus::spawn(launch.engine()?, spec.finality_distance).await?;
        Ok(Self { access, url: launch.site.url()?, process, down: false, launch, consensus })
    }

    /// A node that keeps all states, with all blocks of now; it ends when it is dropped.
    pub(super) async fn archive(&self) -> Result<(ChildProcess, ChainAccess)> {
        let site = self.launch.site.beside("archive", 1)?;
        let engine = site.host.socket(ENGINE_PORT + 1)?;
        let launch = Launch { mode: GcMode::Archive, site, engine, ..self.launch.clone() };
        launch.initialise(&genesis_file(&self.launch.site)).await?;
        let started = launch.run().await?;
        self.consensus.order(Order::Feed(launch.engine()?)).await?;
        Ok(started)
    }

    pub(super) const fn is_archive(&self) -> bool {
        matches!(self.launch.mode, GcMode::Archive)
    }

    pub(super) const fn host(&self) -> &Host {
        &self.launch.site.host
    }

    /// Ends the node in order: it keeps its blocks and the states that it has, and forgets its pool.
    pub(super) async fn stop(&mut self) -> Result<()> {
        self.process.stop(GRACE).await?;
        self.down = true;
        Ok(())
    }

    /// Ends the node without a warning. Such a node has lost all states since its last flush, on a chain so young all of them, and then asks
    /// its peers for a state (snap sync). It has no peers here, so it begins from nothing, and gets all blocks again when it is back.
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.process.kill().await?;
        self.down = true;
        let written = self.launch.datadir();
        std::fs::remove_dir_all(&written).with_context(|| format!("cannot remove {}", written.display()))?;
        self.launch.initialise(&genesis_file(&self.launch.site)).await
    }

    pub(super) async fn start_again(&mut self) -> Result<()> {
        (self.process, self.access) = self.launch.run().await?;
        self.down = false;
        // After a kill it has its first block only.
        self.consensus.order(Order::Feed(self.launch.engine()?)).await?;
        Ok(())
    }

    /// Tops accounts up to these balances, by one block.
    pub(super) async fn fund(&self, balances: &[(Address, U256)]) -> Result<()> {
        let mut credits = Vec::new();
        for (account, wanted) in balances {
            let has = self.access.provider.get_balance(*account).await.context("cannot read a balance")?;
            let missing = wanted
                .checked_sub(has)
                .context("geth gives accounts value, and takes none: nobody has their keys")?;
            let gwei = missing.div_ceil(U256::from(GWEI)).try_into().context("a balance in gwei")?;
            credits.push(Credit { account: *account, gwei });
        }
        self.consensus.order(Order::Credit(credits)).await
    }

    pub(super) async fn mine(&self, count: u64) -> Result<()> {
        self.consensus.order(Order::Mine(count)).await
    }

    pub(super) async fn roll_back(&self, depth: u64) -> Result<()> {
        self.consensus.order(Order::RollBack(depth)).await
    }

    pub(super) async fn replace_blocks(&self, depth: u64, transactions: Vec<(Bytes, u64)>) -> Result<()> {
        self.consensus.order(Order::Replace(depth, transactions)).await
    }

    pub(super) async fn finalise(&self, distance: Option<u64>) -> Result<()> {
        self.consensus.order(Order::Finality(distance)).await
    }

    pub(super) async fn pace(&self, running: bool) -> Result<()> {
        self.consensus.order(Order::Pace { running }).await
    }
}

impl Launch {
    /// Writes the first block.
    async fn initialise(&self, genesis: &Path) -> Result<()> {
        let mut init = Command::new(&self.binary);
        init.args(["init", "--datadir"]).arg(self.datadir()).args(state_scheme(self.mode)).arg(genesis);
        let done = init.output().await.context("cannot start geth")?;
        if !done.status.success() {
            bail!("geth init ends with {}: {}", done.status, String::from_utf8_lossy(&done.stderr));
        }
        Engine::write_secret(self.secret, &self.secret_file())
    }

    /// Starts the process, with what an earlier one kept.
    async fn run(&self) -> Result<(ChildProcess, ChainAccess)> {
        // Only a node prints that which has got its port.
        let says = format!("endpoint={}", self.site.socket);
        let started = self.site.run(self.command(), &says, READY).await?;
        self.engine()?.wait_ready(READY).await?;
        Ok(started)
    }

    fn engine(&self) -> Result<Engine> {
        let url = format!("http://{}", self.engine).parse().context("a URL of digits and dots")?;
        Ok(Engine::new(url, self.site.url()?, self.secret))
    }

    fn datadir(&self) -> PathBuf {
        self.site.folder.join(&self.site.part)
    }

    fn secret_file(&self) -> PathBuf {
        self.site.folder.join(format!("{}.jwt", self.site.part))
    }

    fn command(&self) -> Command {
        let Self { site, engine, .. } = self;
        let (ip, port) = (site.socket.ip().to_string(), site.socket.port().to_string());
        let mut command = site.host.command(&self.binary);
        command
            .arg("--datadir")
            .arg(self.datadir())
            .args(state_scheme(self.mode))
            .args(gc_mode(self.mode))
            .args(["--networkid", &site.chain_id.to_string(), "--syncmode", "full", "--cache", CACHE])
            .args(["--http", "--http.addr", &ip, "--http.port", &port])
            .args(["--http.api", "eth,net,web3,debug,txpool,testing"])
            .args(["--rpc.txfeecap", FEE_CAP])
            .args(["--ws", "--ws.addr", &ip, "--ws.port", &port, "--ws.api", "eth,net,web3"])
            .args(["--authrpc.addr", &engine.ip().to_string(), "--authrpc.port", &engine.port().to_string()])
            .args(["--authrpc.vhosts", "*", "--http.vhosts", "*", "--ws.origins", "*"])
            .arg("--authrpc.jwtsecret")
            .arg(self.secret_file())
            // It talks to nobody but us.
            .args(["--nodiscover", "--maxpeers", "0", "--port", "0", "--nat", "none", "--ipcdisable"])
            .env("HOME", &site.folder);
        command
    }
}

fn genesis_file(site: &Site) -> PathBuf {
    site.folder.join(format!("{}.genesis.json", site.part))
}

/// How states are written, from the first block on.
const fn state_scheme(mode: GcMode) -> [&'static str; 2] {
    match mode {
        GcMode::Full => ["--state.scheme", "path"],
        GcMode::Archive => ["--state.scheme", "hash"],
    }
}

/// Which states are kept.
const fn gc_mode(mode: GcMode) -> [&'static str; 2] {
    match mode {
        GcMode::Full => ["--gcmode", "full"],
        GcMode::Archive => ["--gcmode", "archive"],
    }
}

/// The first block of the chain: that of geth's own development network with an id, a size of blocks and a date of ours, and with the rules
/// of mainnet instead of those of the fork after it.
async fn genesis_of(binary: &Path, spec: &ChainSpec) -> Result<Value> {
    let dumped =
        Command::new(binary).args(["--dev", "dumpgenesis"]).output().await.context("cannot start geth")?;
    if !dumped.status.success() {
        bail!("geth dumpgenesis ends with {}: {}", dumped.status, String::from_utf8_lossy(&dumped.stderr));
    }
    let mut genesis: Value =
        serde_json::from_slice(&dumped.stdout).context("geth dumpgenesis prints no JSON")?;
    let config = genesis["config"].as_object_mut().context("a genesis without a config")?;
    config.insert("chainId".to_owned(), json!(spec.chain_id));
    config.remove("bogotaTime");
    let schedule = config["blobSchedule"].clone();
    config["blobSchedule"]["osaka"] = schedule["prague"].clone();
    genesis["gasLimit"] = json!(format!("{:#x}", spec.block_gas_limit));
    Ok(genesis)
}
