//! What is done to an etcd cluster.

use anyhow::{Result, bail};

use super::pick::Members;
use crate::binaries;
use crate::hostile_etcd::HARM_DONE;
use crate::network::Network;
use crate::process::ChildProcess;

/// Decides what the harm is; the same in every run.
const SEED: u64 = 7;

/// Who does harm in etcd, if anybody does.
#[derive(Debug, Default)]
pub(super) struct EtcdDoer {
    hostile: Option<ChildProcess>,
}

/// Kills these members.
pub(super) async fn kill(network: &mut Network, members: Members) -> Result<()> {
    let etcd = network.etcd_mut()?;
    for number in members.of(etcd.len()) {
        etcd.kill_member(number).await?;
    }
    Ok(())
}

/// Starts these members with what they had.
pub(super) fn start(network: &mut Network, members: Members) -> Result<()> {
    let etcd = network.etcd_mut()?;
    for number in members.of(etcd.len()) {
        etcd.start_member(number)?;
    }
    Ok(())
}

impl EtcdDoer {
    /// Starts the process that does harm.
    pub(super) fn be_hostile(&mut self, network: &mut Network) -> Result<()> {
        let endpoints = network.etcd_mut()?.endpoints();
        let mut command = tokio::process::Command::new(binaries::devnet()?);
        command.args(["hostile-etcd", "--seed", &SEED.to_string()]);
        for endpoint in endpoints {
            command.args(["--endpoint", &endpoint]);
        }
        self.hostile = Some(network.spawn("hostile-etcd", command)?);
        Ok(())
    }

    /// Ends it. What it wrote stays.
    pub(super) async fn end_hostility(&mut self) -> Result<()> {
        if let Some(mut hostile) = self.hostile.take() {
            if let Some(status) = hostile.exited()? {
                bail!("who does harm in etcd ended by itself ({status}): {}", hostile.log_tail(5));
            }
            let said = hostile.log_tail(50);
            if !said.contains(HARM_DONE) {
                bail!("who does harm in etcd did none: {said}");
            }
            hostile.kill().await?;
        }
        Ok(())
    }
}
