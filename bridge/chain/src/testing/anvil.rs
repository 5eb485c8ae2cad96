//! A real anvil process on a port of its own.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use alloy::primitives::{U64, hex};
use alloy::rpc::client::RpcClient;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::Url;

/// How long a start may take; on a loaded machine it is far more than the usual tenth of a second.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// Tries with another port when somebody else took the free one first.
const START_TRIES: u32 = 3;

/// The private keys that anvil funds in every chain it makes. Everybody knows them; they protect nothing.
const DEVELOPMENT_KEYS: [&str; 10] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
    "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
    "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
];

/// A funded key of every anvil chain.
///
/// Panics: `index` is 10 or more.
pub fn development_key(index: usize) -> PrivateKeySigner {
    DEVELOPMENT_KEYS[index].parse().expect("the keys above are valid")
}

/// Folder of the workspace, which holds `.tools/`.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lies two folders below the workspace").to_owned()
}

/// When an anvil makes blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// Only when a test says so ([`AnvilProcess::mine`]).
    OnDemand,
    /// One block for every transaction.
    EveryTransaction,
    /// One block in so many seconds, as a real chain does.
    Interval {
        /// Unit: seconds.
        seconds: u64,
    },
}

/// How to start an anvil.
#[derive(Debug, Clone)]
pub struct AnvilOptions {
    /// Chain id. Default: 31001.
    pub chain_id: u64,
    /// Port; `None` takes a free one. Default: `None`.
    pub port: Option<u16>,
    /// When blocks are made. Default: [`Mining::OnDemand`].
    pub mining: Mining,
    /// The final block is twice as many blocks below the head. Default: 1.
    pub slots_in_an_epoch: u64,
    /// Gas limit of a block. Default: 30 000 000.
    pub gas_limit: u64,
    /// Further arguments, as on the command line.
    pub arguments: Vec<String>,
}

impl Default for AnvilOptions {
    fn default() -> Self {
        Self {
            chain_id: 31001,
            port: None,
            mining: Mining::OnDemand,
            slots_in_an_epoch: 1,
            gas_limit: 30_000_000,
            arguments: Vec::new(),
        }
    }
}

/// A running anvil; killed when dropped.
#[derive(Debug)]
pub struct AnvilProcess {
    child: Child,
    port: u16,
    client: RpcClient,
}

/// An anvil that does not run.
#[derive(Debug, thiserror::Error)]
pub enum AnvilError {
    /// The binary is not there.
    #[error("{} is missing; run tools/fetch in the project's folder", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It could not be started, or no free port was found.
    #[error("cannot start anvil: {0}")]
    Start(#[from] std::io::Error),
    /// It ended at once.
    #[error("anvil on port {port} ended: {told}")]
    Ended {
        /// Port it was to listen on.
        port: u16,
        /// Its last words.
        told: String,
    },
    /// It does not answer, or another program has its port.
    #[error("nothing on port {port} answers as chain {chain_id} within {START_PATIENCE:?}")]
    Silent {
        /// Port it was to listen on.
        port: u16,
        /// Chain id it was given.
        chain_id: u64,
    },
}

impl AnvilProcess {
    /// Starts an anvil and waits until it answers with its chain id.
    ///
    /// Errors: the binary is missing, it ends, or it does not answer.
    pub async fn start(options: &AnvilOptions) -> Result<Self, AnvilError> {
        let mut tries = 1;
        loop {
            let started = Self::start_once(options).await;
            match started {
                // Between looking for a free port and listening on it, somebody else can take it.
                Err(AnvilError::Ended { .. }) if options.port.is_none() && tries < START_TRIES => tries += 1,
                result => return result,
            }
        }
    }

    async fn start_once(options: &AnvilOptions) -> Result<Self, AnvilError> {
        let path = workspace_root().join(".tools/bin/anvil");
        if !path.exists() {
            return Err(AnvilError::Missing { path });
        }
        let port = match options.port {
            Some(port) => port,
            None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port(),
        };
        let mut command = Command::new(path);
        command
            .args(["--host", "127.0.0.1", "--silent"])
            .args(["--port", &port.to_string()])
            .args(["--chain-id", &options.chain_id.to_string()])
            .args(["--slots-in-an-epoch", &options.slots_in_an_epoch.to_string()])
            .args(["--gas-limit", &options.gas_limit.to_string()]);
        match options.mining {
            Mining::OnDemand => command.arg("--no-mining"),
            Mining::EveryTransaction => &mut command,
            Mining::Interval { seconds } => command.args(["--block-time", &seconds.to_string()]),
        };
        command.args(&options.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn()?;
        let url = format!("http://127.0.0.1:{port}").parse().expect("an address with a port is a URL");
        let mut process = Self { child, port, client: RpcClient::new_http(url) };
        process.wait_until_ready(options.chain_id).await?;
        Ok(process)
    }

    async fn wait_until_ready(&mut self, chain_id: u64) -> Result<(), AnvilError> {
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                let mut told = String::new();
                if let Some(stderr) = self.child.stderr.as_mut() {
                    stderr.read_to_string(&mut told)?;
                }
                return Err(AnvilError::Ended { port: self.port, told: told.trim().to_owned() });
            }
            let answer = self.client.request_noparams::<U64>("eth_chainId").await;
            if answer.is_ok_and(|found| found.to::<u64>() == chain_id) {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err(AnvilError::Silent { port: self.port, chain_id })
    }

    /// Port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Id of the process, for signals.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Endpoint for HTTP.
    pub fn http_url(&self) -> Url {
        self.url("http")
    }

    /// Endpoint for WebSocket.
    pub fn ws_url(&self) -> Url {
        self.url("ws")
    }

    /// Any JSON-RPC method, for what only tests need (`anvil_*`, `evm_*`).
    ///
    /// Panics: it fails.
    pub async fn rpc(&self, method: &'static str, params: Value) -> Value {
        let answer = self.client.request::<_, Value>(method, params).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Makes blocks.
    ///
    /// Panics: anvil does not answer.
    pub async fn mine(&self, blocks: u64) {
        self.rpc("anvil_mine", json!([format!("0x{}", hex::encode(blocks.to_be_bytes()))])).await;
    }

    /// Replaces the newest `depth` blocks by empty ones.
    ///
    /// Panics: anvil does not answer.
    pub async fn reorg(&self, depth: u64) {
        self.rpc("anvil_reorg", json!([depth, []])).await;
    }

    /// Ends it with SIGKILL and waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    fn url(&self, scheme: &str) -> Url {
        format!("{scheme}://127.0.0.1:{}", self.port).parse().expect("an address with a port is a URL")
    }

    fn end(&mut self) {
        // Both fail only when it ended before, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for AnvilProcess {
    fn drop(&mut self) {
        self.end();
    }
}
