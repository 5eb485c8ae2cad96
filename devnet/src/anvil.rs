//! One real chain: an anvil process with steady blocks.

use std::path::Path;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::ReorgOptions;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use reqwest::Url;

use crate::chain_access::ChainAccess;
use crate::eventually::{eventually, eventually_true};
use crate::host::Host;
use crate::process::{ChildProcess, Warden};

/// Unit: gas. Room for a batch of 128 transfers with the highest gas caps.
pub const BLOCK_GAS_LIMIT: u64 = 60_000_000;

/// Where a chain has an address of its own.
const PORT: u16 = 8545;

/// A port may be taken between the look and its use.
const ATTEMPTS: usize = 3;

/// How a chain behaves.
#[derive(Debug, Clone)]
pub struct AnvilSpec {
    /// Name in configs.
    pub name: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Transactions cost nothing, as on many private chains.
    pub free_gas: bool,
    /// It begins as a copy of the chain at this endpoint, at that one's newest block, and goes its own way from there.
    pub fork_of: Option<Url>,
    /// Accounts that the node has the keys of, and signs for.
    pub accounts: usize,
    /// Unit: gas.
    pub block_gas_limit: u64,
    /// Where it runs.
    pub host: Host,
}

/// A running chain; it dereferences to the access that any chain gives.
#[derive(Debug)]
pub struct Anvil {
    /// Direct access, past every proxy.
    pub access: ChainAccess,
    /// HTTP endpoint; WebSocket is on the same port.
    pub url: Url,
    /// Where it runs.
    pub host: Host,
    /// The process.
    pub process: ChildProcess,
}

impl Anvil {
    /// Starts a chain with 1 s blocks, finality two blocks behind its head, and looks at its chain id before anything
    /// else is said to it. Log and caches lie in `folder`.
    ///
    /// Errors: anvil ends at once, or somebody else's node answers on every port tried.
    pub async fn start(binary: &Path, spec: &AnvilSpec, warden: &Warden, folder: &Path) -> Result<Self> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match Self::try_start(binary, spec, warden, folder).await {
                Ok(chain) => return Ok(chain),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("at least one attempt")?.context(format!("cannot start the chain {}", spec.name)))
    }

    async fn try_start(binary: &Path, spec: &AnvilSpec, warden: &Warden, folder: &Path) -> Result<Self> {
        let socket = spec.host.socket(PORT)?;
        let (address, port) = (socket.ip().to_string(), socket.port());
        let mut command = spec.host.command(binary);
        command
            .args(["--host", &address, "--port", &port.to_string()])
            .args(["--chain-id", &spec.chain_id.to_string()])
            .args(["--block-time", "1", "--slots-in-an-epoch", "1"])
            .args(["--gas-limit", &spec.block_gas_limit.to_string()])
            .args(["--accounts", &spec.accounts.to_string()])
            // Its caches belong to this run, not to the person's home.
            .env("HOME", folder);
        if spec.free_gas {
            command.args(["--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"]);
        }
        if let Some(origin) = &spec.fork_of {
            command.args(["--fork-url", origin.as_str()]);
        }
        let log = folder.join(format!("chain-{}.log", spec.name));
        let mut process = ChildProcess::spawn(warden, &format!("chain {}", spec.name), command, &log)?;
        let url: Url = format!("http://{socket}").parse().context("a URL of digits and dots")?;
        // Only an anvil that got its port says so: the chain id alone could be that of another devnet.
        let listens =
            || async { Ok(process.log_tail(usize::MAX).contains(&format!("Listening on {socket}"))) };
        drop(eventually_true("the chain listens", Duration::from_secs(10), listens).await);
        let connect = || async { ChainAccess::connect(&spec.name, url.clone()).await.map(Some) };
        let found = eventually("the chain answers", Duration::from_secs(10), connect).await;
        if process.exited()?.is_some() {
            bail!("anvil ended at once:\n{}", process.log_tail(10));
        }
        let access = found?;
        if access.chain_id != spec.chain_id {
            bail!("port {port} answers as chain {} and not as {}", access.chain_id, spec.chain_id);
        }
        Ok(Self { access, url, host: spec.host.clone(), process })
    }

    /// Gives an account this balance. Unit: wei.
    ///
    /// Errors: the node does not answer.
    pub async fn set_balance(&self, account: Address, wei: U256) -> Result<()> {
        self.provider.anvil_set_balance(account, wei).await.context("cannot fund an account")
    }

    /// The keys of its accounts, as it prints them when it starts.
    ///
    /// Errors: it printed other than is known here.
    pub fn account_keys(&self) -> Result<Vec<PrivateKeySigner>> {
        let printed = self.process.log_tail(usize::MAX);
        let keys: Vec<PrivateKeySigner> = printed
            .lines()
            .filter_map(|line| line.strip_prefix('(')?.split_once(") 0x"))
            .filter_map(|(_, key)| (key.len() == 64).then(|| key.parse().ok()).flatten())
            .collect();
        if keys.is_empty() {
            bail!("{} printed no private keys", self.name);
        }
        Ok(keys)
    }

    /// Height of the newest block.
    ///
    /// Errors: the node does not answer.
    pub async fn height(&self) -> Result<u64> {
        self.provider.get_block_number().await.context("cannot read the height")
    }

    /// Waits until `count` more blocks are there.
    ///
    /// Errors: the chain stands still.
    pub async fn wait_blocks(&self, count: u64) -> Result<()> {
        let target = self.height().await? + count;
        let patience = Duration::from_secs(10 + 3 * count);
        let reached = || async { Ok((self.height().await? >= target).then_some(())) };
        eventually(&format!("block {target} of {}", self.name), patience, reached).await
    }

    /// Replaces the newest `depth` blocks by others without the transactions that were in them.
    ///
    /// Errors: the node refuses.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        self.provider
            .anvil_reorg(ReorgOptions { depth, tx_block_pairs: Vec::new() })
            .await
            .with_context(|| format!("cannot reorganize {} blocks of {}", depth, self.name))
    }
}

impl std::ops::Deref for Anvil {
    type Target = ChainAccess;

    fn deref(&self) -> &ChainAccess {
        &self.access
    }
}
