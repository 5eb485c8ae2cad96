//! A running devnet: two real chains, deployed bridges, relays as processes.

mod faces;
mod leaders;
mod start;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use polyspan_node::config::Deployment;
use polyspan_types::{Direction, RequestNonce};
use reqwest::Url;
use tokio::process::Command;

use crate::binaries::Binaries;
use crate::bridge_view::BridgeView;
use crate::chain::Chain;
use crate::chain::anvil::{Anvil, AnvilSpec};
use crate::etcd::EtcdCluster;
use crate::host::Host;
use crate::invariants::{Audit, audit};
use crate::keys::Key;
use crate::lan::Lan;
use crate::process::{ChildProcess, Warden};
use crate::relay::Relay;
use crate::spec::NetworkSpec;

pub use faces::{DeadPart, LaneProgress};

/// Everything of one run. Dropping it kills every process of it.
#[derive(Debug)]
pub struct Network {
    /// What was asked for.
    pub spec: NetworkSpec,
    /// The programs it runs.
    pub binaries: Binaries,
    /// The main chain.
    pub main: Chain,
    /// The service chain.
    pub service: Chain,
    /// The node that signs for the relays, if they have no attester keys of their own.
    pub signer: Option<Anvil>,
    /// The bridges, deployed and wired.
    pub bridges: Vec<DevBridge>,
    /// The relays, running or not.
    pub relays: Vec<Relay>,
    /// Users with value on both chains.
    pub users: Vec<Key>,
    /// Those who sign configuration.
    pub governors: Vec<Key>,
    /// Pays for deployments on the main chain; has value on both.
    pub deployer: Key,
    /// What joins the relays; `None` when a directory does.
    pub etcd: Option<EtcdCluster>,
    /// Where its members run.
    pub etcd_hosts: Vec<Host>,
    /// Config of people: for `polyspan status --config`.
    pub config: PathBuf,
    /// The network of namespaces; `None` on the loopback.
    pub lan: Option<Lan>,
    warden: Warden,
}

/// One bridge of a network.
#[derive(Debug, Clone)]
pub struct DevBridge {
    /// What `polyspan deploy` wrote.
    pub deployment: Deployment,
    /// Where it wrote it.
    pub file: PathBuf,
}

impl Network {
    /// The relay of that name.
    ///
    /// Errors: there is none.
    pub fn relay(&self, name: &str) -> Result<&Relay> {
        self.relays
            .iter()
            .find(|relay| relay.spec.name == name)
            .with_context(|| format!("no relay is called {name}"))
    }

    /// The relay of that name, to be acted upon.
    ///
    /// Errors: there is none.
    pub fn relay_mut(&mut self, name: &str) -> Result<&mut Relay> {
        let found = self.relays.iter_mut().find(|relay| relay.spec.name == name);
        found.with_context(|| format!("no relay is called {name}"))
    }

    /// Starts one relay.
    ///
    /// Errors: it runs, or cannot be started.
    pub fn start_relay(&mut self, name: &str) -> Result<()> {
        self.start_relay_with(name, &[])
    }

    /// Starts one relay with more environment variables.
    ///
    /// Errors: it runs, or cannot be started.
    pub fn start_relay_with(&mut self, name: &str, environment: &[(&str, &str)]) -> Result<()> {
        let (program, warden) = (self.binaries.polyspan.clone(), self.warden.clone());
        self.relay_mut(name)?.spawn(&program, &warden, environment)
    }

    /// Starts every relay.
    ///
    /// Errors: one runs, or cannot be started.
    pub fn start_relays(&mut self) -> Result<()> {
        for relay in &mut self.relays {
            relay.spawn(&self.binaries.polyspan, &self.warden, &[])?;
        }
        Ok(())
    }

    /// Starts any other program as a part of this network; its output goes to `NAME.log`.
    ///
    /// Errors: it cannot be started.
    pub fn spawn(&self, name: &str, command: Command) -> Result<ChildProcess> {
        let log = self.spec.directory.join(format!("{name}.log"));
        ChildProcess::spawn(&self.warden, name, command, &log)
    }

    /// Starts a chain that shares everything with the one on which requests of this direction are made, up to now, and
    /// goes its own way from here: what an endpoint serves that lies consistently ([`crate::endpoint_proxy::Faults`]).
    /// It ends when it is dropped.
    ///
    /// Errors: it cannot be started.
    pub async fn fork(&self, direction: Direction, name: &str) -> Result<Anvil> {
        self.beside(direction, name, Some(self.source_chain(direction).url().clone())).await
    }

    /// As [`Network::fork`], with nothing but the first block: what an endpoint serves whose node has yet to sync.
    ///
    /// Errors: it cannot be started.
    pub async fn beginning(&self, direction: Direction, name: &str) -> Result<Anvil> {
        self.beside(direction, name, None).await
    }

    async fn beside(&self, direction: Direction, name: &str, fork_of: Option<Url>) -> Result<Anvil> {
        let origin = self.source_chain(direction);
        let spec = AnvilSpec {
            name: name.to_owned(),
            chain_id: origin.chain_id,
            free_gas: self.spec.free_gas,
            accounts: 1,
            fork_of,
            block_gas_limit: self.spec.block_gas_limit,
            durable: false,
            host: match &self.lan {
                Some(lan) => lan.host(name)?,
                None => Host::loopback(),
            },
        };
        Anvil::start(&self.binaries.anvil, &spec, &self.warden, &self.spec.directory).await
    }

    /// The chain on which requests of this direction are made.
    pub const fn source_chain(&self, direction: Direction) -> &Chain {
        match direction {
            Direction::MainToService => &self.main,
            Direction::ServiceToMain => &self.service,
        }
    }

    /// The chain on which they are paid.
    pub const fn destination_chain(&self, direction: Direction) -> &Chain {
        self.source_chain(direction.opposite())
    }

    /// The source contract of a lane.
    ///
    /// Errors: there is no such bridge.
    pub fn source(&self, bridge: usize, direction: Direction) -> Result<BridgeView<'_>> {
        let deployment = &self.bridge(bridge)?.deployment;
        let side = match direction {
            Direction::MainToService => &deployment.main,
            Direction::ServiceToMain => &deployment.service,
        };
        Ok(BridgeView::new(self.source_chain(direction), side))
    }

    /// The destination contract of a lane.
    ///
    /// Errors: there is no such bridge.
    pub fn destination(&self, bridge: usize, direction: Direction) -> Result<BridgeView<'_>> {
        self.source(bridge, direction.opposite())
    }

    /// The bridge with this number.
    ///
    /// Errors: there is no such one.
    pub fn bridge(&self, number: usize) -> Result<&DevBridge> {
        self.bridges.get(number).with_context(|| format!("there are {} bridges", self.bridges.len()))
    }

    /// Where a lane is: requests made, requests handled.
    ///
    /// Errors: a chain does not answer.
    pub async fn progress(&self, bridge: usize, direction: Direction) -> Result<LaneProgress> {
        Ok(LaneProgress {
            requested: self.source(bridge, direction)?.request_nonce().await?,
            handled: self.destination(bridge, direction)?.handle_nonce().await?,
        })
    }

    /// Waits until both chains have `count` more blocks.
    ///
    /// Errors: one stands still.
    pub async fn wait_blocks_of_both(&self, count: u64) -> Result<()> {
        tokio::try_join!(self.main.wait_blocks(count), self.service.wait_blocks(count))?;
        Ok(())
    }

    /// Reads all bridges and compares both of their ends. One audit a bridge.
    ///
    /// Errors: a chain does not answer.
    pub async fn audit(&self) -> Result<Vec<Audit>> {
        let (main, service) = tokio::try_join!(self.main.archive(), self.service.archive())?;
        let mut audits = Vec::new();
        for bridge in &self.bridges {
            audits.push(audit(&main.access, &service.access, &bridge.deployment).await?);
        }
        Ok(audits)
    }

    /// Every request of every bridge was handled exactly once and as asked, and value is conserved.
    ///
    /// Errors: what is not so.
    pub async fn expect_complete(&self) -> Result<()> {
        for audit in self.audit().await? {
            audit.expect_complete()?;
        }
        Ok(())
    }

    /// The etcd cluster, to be acted upon.
    ///
    /// Errors: the relays meet in a directory.
    pub fn etcd_mut(&mut self) -> Result<&mut EtcdCluster> {
        self.etcd.as_mut().context("this network has no etcd")
    }

    /// Ends every relay, then etcd and the chains, then removes nothing: logs and databases stay for a look.
    ///
    /// Errors: the host refuses; as much as possible is ended all the same.
    pub async fn stop(mut self) -> Result<()> {
        let stopped = futures::future::join_all(self.relays.iter_mut().map(Relay::stop)).await;
        if let Some(etcd) = &mut self.etcd {
            etcd.stop().await?;
        }
        let chains = [&mut self.main, &mut self.service].into_iter().flat_map(Chain::running_mut);
        let signer = self.signer.as_mut().map(|signer| &mut signer.process);
        for process in chains.chain(signer) {
            process.kill().await?;
        }
        match stopped.into_iter().find_map(Result::err) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Requests of a lane that are handled, at least `count`, within `patience`.
    ///
    /// Errors: fewer are.
    pub async fn wait_handled(
        &self,
        bridge: usize,
        direction: Direction,
        count: u64,
        patience: std::time::Duration,
    ) -> Result<()> {
        let what = format!("{count} requests of bridge {bridge}, {direction}, are handled");
        crate::eventually::eventually_true(&what, patience, || async {
            let progress = self.progress(bridge, direction).await?;
            if progress.handled < RequestNonce::new(count) {
                bail!("{} of {} are", progress.handled, progress.requested);
            }
            Ok(true)
        })
        .await
    }

    /// Every request made so far on every lane is handled within `patience`.
    ///
    /// Errors: one is not.
    pub async fn wait_all_handled(&self, patience: std::time::Duration) -> Result<()> {
        for bridge in 0..self.bridges.len() {
            for direction in Direction::ALL {
                let requested = self.source(bridge, direction)?.request_nonce().await?;
                self.wait_handled(bridge, direction, requested.get(), patience).await?;
            }
        }
        Ok(())
    }
}
