//! A chain of a Hardhat node. It keeps nothing when it ends, and has no reorganisations: for it every block is final.

use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use alloy::rpc::client::NoParams;
use anyhow::{Context, Result};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::site::Site;
use super::{ChainAccess, ChainSpec};
use crate::binaries::HardhatProgram;
use crate::host::Host;
use crate::process::ChildProcess;

/// Patience for a node to listen. Measured: 2 s on an idle machine.
const READY: Duration = Duration::from_secs(60);

/// Time between two blocks. Unit: milliseconds.
const BLOCK_TIME: u64 = 1_000;

/// A running Hardhat node.
#[derive(Debug)]
pub struct Hardhat {
    pub(super) access: ChainAccess,
    pub(super) url: Url,
    pub(super) host: Host,
    pub(super) process: ChildProcess,
}

impl Hardhat {
    pub(super) async fn try_start(program: &HardhatProgram, spec: &ChainSpec, site: Site) -> Result<Self> {
        // A local installation, or it refuses to run: it looks for itself from its working directory and its config on.
        let mut command = site.host.command(&program.node);
        command
            .arg("node_modules/hardhat/dist/src/cli.js")
            .args(["--network", "chain", "node"])
            .args(["--hostname", &site.socket.ip().to_string(), "--port", &site.socket.port().to_string()])
            .current_dir(&program.folder)
            .env("POLYSPAN_CHAIN_ID", spec.chain_id.to_string())
            .env("POLYSPAN_BLOCK_GAS_LIMIT", spec.block_gas_limit.to_string())
            .env("POLYSPAN_BLOCK_TIME_MS", BLOCK_TIME.to_string())
            // Its caches belong to this run, not to the person's home.
            .env("HOME", &site.folder)
            .env("NO_COLOR", "1");
        let says = format!("JSON-RPC server at http://{}", site.socket);
        let (process, access) = site.run(command, &says, READY).await?;
        Ok(Self { access, url: site.url()?, host: site.host.clone(), process })
    }

    pub(super) async fn set_balance(&self, account: Address, wei: U256) -> Result<()> {
        self.ask("hardhat_setBalance", (account, wei)).await
    }

    pub(super) async fn mine(&self, count: u64) -> Result<()> {
        self.ask("hardhat_mine", (U256::from(count),)).await
    }

    /// Unit of the argument: milliseconds; no blocks at all with 0.
    async fn make_blocks_every(&self, milliseconds: u64) -> Result<()> {
        self.ask("evm_setIntervalMining", (milliseconds,)).await
    }

    pub(super) async fn make_no_blocks(&self) -> Result<()> {
        self.make_blocks_every(0).await
    }

    pub(super) async fn make_blocks_again(&self) -> Result<()> {
        self.make_blocks_every(BLOCK_TIME).await
    }

    /// Drops what is in no block, one transaction after the other.
    pub(super) async fn lose_pool(access: &ChainAccess) -> Result<()> {
        let pending: Vec<Pooled> = access
            .provider
            .raw_request("eth_pendingTransactions".into(), NoParams::default())
            .await
            .context("cannot list the pool of a Hardhat node")?;
        for transaction in pending {
            // One that a block took meanwhile is refused, which is as good.
            let dropped: Result<bool, _> =
                access.provider.raw_request("hardhat_dropTransaction".into(), (transaction.hash,)).await;
            drop(dropped);
        }
        Ok(())
    }

    async fn ask<P: Serialize + Clone + std::fmt::Debug + Send + Sync + Unpin + 'static>(
        &self,
        method: &'static str,
        params: P,
    ) -> Result<()> {
        let done: Result<serde_json::Value, _> =
            self.access.provider.raw_request(method.into(), params).await;
        done.map(drop).with_context(|| format!("{method} of {}", self.access.name))
    }
}

/// A transaction that is in no block.
#[derive(Debug, Deserialize)]
struct Pooled {
    hash: B256,
}
