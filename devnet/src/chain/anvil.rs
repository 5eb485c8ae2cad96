//! One real chain: an anvil process with steady blocks.

mod launch;

use std::path::Path;
use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256, bytes};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::anvil::{ReorgOptions, TransactionData};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use reqwest::Url;

use super::in_some_attempts;
use crate::chain::ChainAccess;
use crate::host::Host;
use crate::process::{ChildProcess, Warden};
use launch::{BLOCK_TIME, Launch, States};

/// Unit: gas. Room for a batch of 128 transfers with the highest gas caps.
pub const BLOCK_GAS_LIMIT: u64 = 60_000_000;

/// A block that was begun is made within this. Unit: time. Source: a hundred times what a block without transactions takes.
const SETTLES_WITHIN: Duration = Duration::from_millis(200);

/// Init code that returns the number of its block: `NUMBER PUSH0 MSTORE PUSH1 32 PUSH0 RETURN`.
const GIVE_NUMBER: Bytes = bytes!("435f5260205ff3");

/// How a chain behaves.
#[derive(Debug, Clone)]
pub struct AnvilSpec {
    /// Name in configs.
    pub name: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Transactions cost nothing, as on many private chains.
    pub free_gas: bool,
    /// Accounts that the node has the keys of, and signs for.
    pub accounts: usize,
    /// Unit: gas.
    pub block_gas_limit: u64,
    /// Where it runs.
    pub host: Host,
    /// It begins as a copy of the chain at this endpoint, at that one's newest block, and goes its own way from there.
    pub fork_of: Option<Url>,
    /// What it has outlives its process: it can be ended and started again.
    pub durable: bool,
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
    /// The process; that of before while the chain is down.
    pub process: ChildProcess,
    launch: Launch,
    down: bool,
}

impl Anvil {
    /// Starts a chain with 1 s blocks, finality two blocks behind its head, and looks at its chain id before anything
    /// else is said to it. Log and caches lie in `folder`.
    ///
    /// Errors: anvil ends at once, or somebody else's node answers on every port tried.
    pub async fn start(binary: &Path, spec: &AnvilSpec, warden: &Warden, folder: &Path) -> Result<Self> {
        in_some_attempts(&spec.name, || Self::try_start(binary, spec, warden, folder)).await
    }

    pub(super) async fn try_start(
        binary: &Path,
        spec: &AnvilSpec,
        warden: &Warden,
        folder: &Path,
    ) -> Result<Self> {
        let launch = Launch::new(binary, spec, warden, folder)?;
        let (process, access) = launch.run(States::Kept).await?;
        Ok(Self { access, url: launch.url()?, host: spec.host.clone(), process, launch, down: false })
    }

    /// Whether it was ended on purpose and not started again.
    pub const fn is_down(&self) -> bool {
        self.down
    }

    /// Ends the node in order: it keeps its blocks, and forgets the transactions that are in none.
    ///
    /// Errors: the chain is not durable, or its node cannot be ended or has written nothing.
    pub async fn stop(&mut self) -> Result<()> {
        self.finish_block().await?;
        self.launch.end(&mut self.process).await?;
        self.down = true;
        Ok(())
    }

    /// Starts it again at the same address, with the blocks that it kept.
    ///
    /// Errors: it runs, or cannot be started, or what it kept is torn.
    pub async fn start_again(&mut self) -> Result<()> {
        if !self.down {
            bail!("the chain {} runs already", self.name);
        }
        (self.process, self.access) = self.launch.run(States::Kept).await?;
        self.down = false;
        self.check_numbers().await
    }

    /// Errors: contracts see another `block.number` than that of the header, as after [a torn write](Self::finish_block).
    async fn check_numbers(&self) -> Result<()> {
        let (mut height, mut seen) = self.numbers().await?;
        if seen != height {
            // A block that is stored just now is newest a moment before contracts see its number.
            tokio::time::sleep(SETTLES_WITHIN).await;
            (height, seen) = self.numbers().await?;
        }
        if seen != height {
            bail!(
                "the chain {} runs block {height} as block {seen}: anvil wrote its state while it made a block; start over in an empty \
                 folder",
                self.name
            );
        }
        Ok(())
    }

    /// Number of the newest block: in its header, and as contracts see it.
    async fn numbers(&self) -> Result<(U256, U256)> {
        let height = U256::from(self.height().await?);
        let ask = TransactionRequest::default().input(GIVE_NUMBER.into());
        let seen = self.provider.call(ask).block(height.to::<u64>().into()).await;
        Ok((height, U256::from_be_slice(&seen.with_context(|| format!("cannot ask {}", self.name))?)))
    }

    /// As [`Anvil::mine`], for very many blocks: 100 000 take five seconds, and not minutes. A node that keeps no states makes them,
    /// so that the node is ended and started twice, and afterwards nothing can be read as of a block before these.
    ///
    /// Errors: the chain is not durable, is down, or its node cannot be ended or started.
    pub async fn mine_without_states(&mut self, count: u64) -> Result<()> {
        self.stop().await?;
        (self.process, self.access) = self.launch.run(States::Dropped).await?;
        self.mine(count).await?;
        self.stop().await?;
        self.start_again().await
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

    /// Makes `count` blocks at once, without a transaction.
    ///
    /// Errors: the node refuses.
    pub async fn mine(&self, count: u64) -> Result<()> {
        let mut left = count;
        while left > 0 {
            // It answers when all are made.
            let some = left.min(1_000);
            let done = self.provider.anvil_mine(Some(some), None).await;
            done.with_context(|| format!("cannot mine {some} blocks of {}", self.name))?;
            left -= some;
        }
        Ok(())
    }

    /// Takes the newest `depth` blocks away, as if they had never been; new ones follow. Their transactions are gone.
    ///
    /// Errors: the node refuses.
    pub async fn roll_back(&self, depth: u64) -> Result<()> {
        self.make_no_blocks().await?;
        let done = self.provider.anvil_rollback(Some(depth)).await;
        self.make_blocks_again().await?;
        done.with_context(|| format!("cannot roll back {depth} blocks of {}", self.name))
    }

    /// No block is made from now on until [`Anvil::make_blocks_again`], and none is being made.
    ///
    /// Errors: the node refuses.
    pub async fn make_no_blocks(&self) -> Result<()> {
        self.make_blocks_every(0).await?;
        // One that was begun is not stopped: it is there when two polls in a row find the same height.
        let mut before = None;
        loop {
            let height = self.height().await?;
            if before.replace(height) == Some(height) {
                return Ok(());
            }
            tokio::time::sleep(SETTLES_WITHIN).await;
        }
    }

    /// Its last block before it ends is made, empty, and none is begun after it.
    async fn finish_block(&self) -> Result<()> {
        // A state written while a block is made holds that block and the number of the one before it. A node that reads it runs each
        // later block under the number of its parent for ever, so that no `block.number` a contract sees is that of its header.
        self.make_blocks_every(0).await?;
        lose_pool(&self.access).await?;
        // anvil makes one block at a time: this one is there when a block that was begun is, too.
        self.mine(1).await
    }

    /// A block every second, as from the start.
    ///
    /// Errors: the node refuses.
    pub async fn make_blocks_again(&self) -> Result<()> {
        self.make_blocks_every(BLOCK_TIME).await
    }

    /// Unit: seconds; none at all with 0.
    async fn make_blocks_every(&self, seconds: u64) -> Result<()> {
        let done = self.provider.anvil_set_interval_mining(seconds).await;
        done.with_context(|| format!("cannot change the pace of {}", self.name))
    }

    /// Replaces the newest `depth` blocks by others without the transactions that were in them.
    ///
    /// Errors: the node refuses.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        self.make_no_blocks().await?;
        let done = self.replace_blocks(depth, Vec::new()).await;
        self.make_blocks_again().await?;
        done
    }

    /// Replaces the newest `depth` blocks by others, with these signed transactions, each in the so many-th of them. No block may be made
    /// meanwhile ([`Anvil::make_no_blocks`]).
    ///
    /// Errors: the node refuses.
    pub async fn replace_blocks(&self, depth: u64, transactions: Vec<(Bytes, u64)>) -> Result<()> {
        // One that is made while others are replaced is made with the number of another one: what a contract then sees as `block.number`
        // is in no header, for ever.
        let tx_block_pairs =
            transactions.into_iter().map(|(raw, place)| (TransactionData::Raw(raw), place)).collect();
        let done = self.provider.anvil_reorg(ReorgOptions { depth, tx_block_pairs }).await;
        done.with_context(|| format!("cannot reorganize {depth} blocks of {}", self.name))
    }
}

/// The node of this chain forgets every transaction that is in no block.
///
/// Errors: it does not answer.
pub async fn lose_pool(chain: &ChainAccess) -> Result<()> {
    let done = chain.provider.anvil_drop_all_transactions().await;
    done.with_context(|| format!("cannot empty the pool of {}", chain.name))
}

impl std::ops::Deref for Anvil {
    type Target = ChainAccess;

    fn deref(&self) -> &ChainAccess {
        &self.access
    }
}
