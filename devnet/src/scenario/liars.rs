//! Operators that lie in the place of relays.

use alloy::primitives::Address;
use anyhow::{Context, Result, bail};

use crate::binaries;
use crate::misbehave::Fault;
use crate::network::Network;
use crate::process::ChildProcess;

/// The liars of one run. They end with it.
#[derive(Debug, Default)]
pub(super) struct Liars {
    running: Vec<(String, ChildProcess)>,
    /// The operators that have lied in this run.
    known: Vec<Address>,
}

impl Liars {
    /// Kills these relays and puts liars with their keys in their places.
    ///
    /// Errors: the program that lies cannot be started.
    pub(super) async fn start(
        &mut self,
        network: &mut Network,
        names: &[String],
        fault: Fault,
    ) -> Result<()> {
        let program = binaries::devnet()?;
        for name in names {
            network.relay_mut(name)?.kill().await?;
            let relay = network.relay(name)?;
            let mut command = relay.host.command(&program);
            command.arg("misbehave").arg("--config").arg(&relay.config).args(["--fault", fault.as_str()]);
            let liar = network.spawn(&format!("liar-{name}"), command)?;
            self.known.push(network.relay(name)?.attester.address());
            self.running.push((name.clone(), liar));
        }
        Ok(())
    }

    /// The operators that have lied.
    pub(super) fn known(&self) -> &[Address] {
        &self.known
    }

    /// Ends all liars and starts the relays again.
    ///
    /// Errors: one did not hold out, which would make its scenario say nothing.
    pub(super) async fn end(&mut self, network: &mut Network) -> Result<()> {
        for (name, mut liar) in self.running.drain(..) {
            if let Some(status) = liar.exited()? {
                bail!("the liar of {name} ended by itself ({status}): {}", liar.log_tail(5));
            }
            liar.kill().await.context("a liar cannot be ended")?;
            network.start_relay(&name)?;
        }
        Ok(())
    }
}
