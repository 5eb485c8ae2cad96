//! Where a node runs and which chain it serves: the same at each of its starts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::Url;
use tokio::process::Command;

use super::ChainAccess;
use crate::eventually::eventually;
use crate::host::Host;
use crate::process::{ChildProcess, Warden};

/// JSON-RPC, where a chain has an address of its own.
const PORT: u16 = 8545;

/// Time between two looks at what a node has printed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Everything that a start needs but the command.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) name: String,
    /// Names its files: of several nodes of a chain each has its own.
    pub(super) part: String,
    pub(super) chain_id: u64,
    pub(super) host: Host,
    pub(super) socket: SocketAddr,
    pub(super) folder: PathBuf,
    warden: Warden,
}

impl Site {
    /// Chooses the address. Nothing runs yet.
    pub(super) fn new(
        name: &str,
        chain_id: u64,
        host: &Host,
        warden: &Warden,
        folder: &Path,
    ) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            part: format!("chain-{name}"),
            chain_id,
            host: host.clone(),
            socket: host.socket(PORT)?,
            folder: folder.to_owned(),
            warden: warden.clone(),
        })
    }

    /// Another node of the same chain in the same place, the so many-th one.
    pub(super) fn beside(&self, name: &str, number: u16) -> Result<Self> {
        let part = format!("{}-{name}", self.part);
        Ok(Self { part, socket: self.host.socket(PORT + number)?, ..self.clone() })
    }

    /// HTTP and WebSocket endpoint.
    pub(super) fn url(&self) -> Result<Url> {
        format!("http://{}", self.socket).parse().context("a URL of digits and dots")
    }

    /// Starts the node, waits until it prints `says`, and compares its chain id before anything else is asked of it: only a node
    /// that got its port prints that, and the chain id alone could be that of another network.
    ///
    /// Errors: it ends at once, does not answer within `patience`, or somebody else's node answers.
    pub(super) async fn run(
        &self,
        command: Command,
        says: &str,
        patience: Duration,
    ) -> Result<(ChildProcess, ChainAccess)> {
        let process = self.spawn(command, says, patience).await?;
        Ok((process, self.connect(patience).await?))
    }

    /// Starts the node, and waits until it prints `says`.
    ///
    /// Errors: it ends at once, or does not print that within `patience`.
    pub(super) async fn spawn(
        &self,
        command: Command,
        says: &str,
        patience: Duration,
    ) -> Result<ChildProcess> {
        let log = self.folder.join(format!("{}.log", self.part));
        let before = std::fs::metadata(&log).map_or(0, |log| log.len());
        let mut process = ChildProcess::spawn(&self.warden, &self.part, command, &log)?;
        let end = Instant::now() + patience;
        while !process.log_after(before).contains(says) {
            if process.exited()?.is_some() {
                bail!("the node of {} ended at once:\n{}", self.name, process.log_tail(10));
            }
            if Instant::now() >= end {
                bail!("the node of {} does not listen within {patience:?}; see {}", self.name, log.display());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(process)
    }

    /// How to talk to the node that listens here.
    ///
    /// Errors: it does not answer within `patience`, or is of another chain.
    pub(super) async fn connect(&self, patience: Duration) -> Result<ChainAccess> {
        let url = self.url()?;
        let connect = || async { ChainAccess::connect(&self.name, url.clone()).await.map(Some) };
        let access = eventually("the chain answers", patience, connect).await?;
        if access.chain_id != self.chain_id {
            let (port, other) = (self.socket.port(), access.chain_id);
            bail!("port {port} answers as chain {other} and not as {}", self.chain_id);
        }
        Ok(access)
    }
}
