//! What a network shows of itself: progress, dead parts, and the real `polyspan` asked about it.

use std::ffi::OsStr;
use std::process::{ExitStatus, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use polyspan_types::RequestNonce;
use tokio::process::Command;

use super::Network;
use crate::chain::Chain;
use crate::etcd::EtcdCluster;

/// Lines of a dead part's log that are shown.
const TAIL: usize = 15;

/// Where a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneProgress {
    /// Requests made on the source.
    pub requested: RequestNonce,
    /// Requests that the destination handled.
    pub handled: RequestNonce,
}

impl LaneProgress {
    /// Requests that wait.
    pub const fn open(self) -> u64 {
        self.requested.since(self.handled)
    }
}

/// A part that ended without having been told to.
#[derive(Debug)]
pub struct DeadPart {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub status: ExitStatus,
    /// The last lines it printed.
    pub tail: String,
}

impl Network {
    /// The first part that has ended by itself.
    ///
    /// Errors: the host cannot tell.
    pub fn dead_part(&mut self) -> Result<Option<DeadPart>> {
        let chains = [&mut self.main, &mut self.service].into_iter().flat_map(Chain::running_mut);
        let relays = self.relays.iter_mut().filter_map(|relay| relay.process.as_mut());
        let etcd = self.etcd.iter_mut().flat_map(EtcdCluster::processes);
        for process in chains.chain(etcd).chain(relays) {
            if let Some(status) = process.exited()? {
                return Ok(Some(DeadPart {
                    name: process.name().to_owned(),
                    status,
                    tail: process.log_tail(TAIL),
                }));
            }
        }
        Ok(None)
    }

    /// Nothing has ended by itself.
    ///
    /// Errors: the first part that has, with the last lines of its log.
    pub fn expect_alive(&mut self) -> Result<()> {
        match self.dead_part()? {
            None => Ok(()),
            Some(DeadPart { name, status, tail }) => {
                bail!("{name} ended by itself ({status}); the last lines of its log:\n{tail}")
            }
        }
    }

    /// Waits until every relay that was started says that it is ready.
    ///
    /// Errors: one is not within `patience`, or a part ends by itself.
    pub async fn wait_ready(&mut self, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        loop {
            self.expect_alive()?;
            let Some(unready) = self.first_unready().await else { return Ok(()) };
            if Instant::now() >= end {
                bail!("not ready within {patience:?}: {unready}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The first started relay that is not ready, and why.
    async fn first_unready(&self) -> Option<String> {
        for relay in self.relays.iter().filter(|relay| relay.process.is_some()) {
            match relay.readiness().await {
                Ok(readiness) if readiness.ready => {}
                Ok(readiness) => return Some(format!("{}: {:?}", relay.spec.name, readiness.reasons)),
                Err(error) => return Some(format!("{error:#}")),
            }
        }
        None
    }

    /// Runs the real `polyspan` with these arguments, and with `--config` of people after them.
    ///
    /// Errors: it cannot be started. How it ends is in the answer.
    pub async fn polyspan<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Output> {
        let mut command = Command::new(&self.binaries.polyspan);
        command.args(arguments).arg("--config").arg(&self.config).kill_on_drop(true);
        command.output().await.context("cannot start polyspan")
    }

    /// What `polyspan status --json` says.
    ///
    /// Errors: it fails, or says no JSON.
    pub async fn status(&self) -> Result<serde_json::Value> {
        let output = self.polyspan(&["status", "--json"]).await?;
        // 1 and 3 are what it says of the lanes: halted, paused, or not seen.
        if !matches!(output.status.code(), Some(0 | 1 | 3)) {
            bail!("polyspan status ends with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).context("polyspan status --json prints no JSON")
    }
}
