//! Endpoints that lie consistently: they serve a fork, on which somebody has requested what nobody requested.

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result};
use polyspan_types::Direction;

use super::pick::Side;
use crate::account;
use crate::chain::anvil::Anvil;
use crate::endpoint_proxy::Faults;
use crate::network::Network;
use crate::tokens::WHOLE;
use crate::traffic::{Ask, Asset};

/// What the thief would like to have. Unit: wei.
const LOOT: u128 = 100 * WHOLE;

/// The forks of one run. They end with it.
#[derive(Debug, Default)]
pub(super) struct Forks {
    running: Vec<Anvil>,
    /// Forks of this run so far: each has a name of its own.
    made: usize,
    /// Relays whose last endpoint lies, and about which chain.
    liars: Vec<(String, Direction)>,
}

impl Forks {
    /// Starts a fork, makes a request on it, and has the last endpoint of these relays serve it.
    pub(super) async fn start(&mut self, network: &Network, names: &[String], side: Side) -> Result<()> {
        let direction = match side {
            Side::Main => Direction::MainToService,
            Side::Service => Direction::ServiceToMain,
        };
        self.made += 1;
        let fork = network.fork(direction, &format!("fork-{}", self.made)).await?;
        let thief = &network.deployer.signer;
        let ask = Ask::new(Asset::Native(U256::from(LOOT)), Address::repeat_byte(0x66), thief.address());
        let call = ask.call(network.bridge(0)?.deployment.lane(direction).source.bridge);
        account::execute(&fork, thief, call).await.context("a request on a fork")?;
        for name in names {
            let endpoints = network.relay(name)?.source_endpoints(direction);
            let last = endpoints.last().context("a relay without an endpoint")?;
            last.set(Faults::instead(fork.url.clone()));
            self.liars.push((name.clone(), direction));
        }
        self.running.push(fork);
        Ok(())
    }

    /// Those endpoints are right again.
    pub(super) fn end(&mut self, network: &Network) -> Result<()> {
        for (name, direction) in self.liars.drain(..) {
            for endpoint in network.relay(&name)?.source_endpoints(direction) {
                endpoint.clear();
            }
        }
        self.running.clear();
        Ok(())
    }
}
