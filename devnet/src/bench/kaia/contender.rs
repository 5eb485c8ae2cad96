//! Either of both bridges, by what they have in common: requests with nonces, payouts of them, and accounts that pay for the payouts.

use std::collections::{BTreeMap, HashSet};

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::rpc::types::TransactionRequest;
use anyhow::{Context, Result, bail};
use polyspan_types::Direction;

use crate::account::call_of;
use crate::ancestor::contract::KaiaBridge;
use crate::ancestor::{Ancestor, AncestorLane};
use crate::bench::processor;
use crate::configs;
use crate::network::Network;
use crate::traffic::{Ask, Asset};

/// A bridge that is measured.
pub(super) struct Contender {
    /// Part of the names of its figures.
    pub(super) name: &'static str,
    /// `None`: ours, with the relays of the network.
    pub(super) ancestor: Option<Ancestor>,
}

/// Blocks by nonce.
pub(super) type Blocks = BTreeMap<u64, u64>;

impl Contender {
    /// The request of a user to move the chain's own currency.
    pub(super) fn request(
        &self,
        network: &Network,
        direction: Direction,
        user: Address,
        to: Address,
        amount: U256,
    ) -> Result<TransactionRequest> {
        if let Some(lane) = self.lane(network, direction) {
            let call = KaiaBridge::requestKLAYTransferCall { to, value: amount, extraData: Bytes::new() };
            return Ok(call_of(lane.source_bridge, &call).with_value(amount));
        }
        let bridge = network.bridge(0)?.deployment.lane(direction).source.bridge;
        Ok(Ask::new(Asset::Native(amount), to, user).call(bridge))
    }

    /// Number of requests made.
    pub(super) async fn requested(&self, network: &Network, direction: Direction) -> Result<u64> {
        match self.lane(network, direction) {
            Some(lane) => lane.requested().await,
            None => Ok(network.source(0, direction)?.request_nonce().await?.get()),
        }
    }

    /// Payouts so far of requests from nonce `begin` on, since block `first`. The ancestor pays in any order, and its first nonce that is not paid
    /// may stop short although all are.
    pub(super) async fn paid(
        &self,
        network: &Network,
        direction: Direction,
        begin: u64,
        first: u64,
    ) -> Result<u64> {
        match self.lane(network, direction) {
            Some(lane) => Ok(lane.payouts(first).await?.range(begin..).count() as u64),
            None => {
                let handled = network.destination(0, direction)?.handle_nonce().await?.get();
                Ok(handled.saturating_sub(begin))
            }
        }
    }

    /// Requests and payouts, from these blocks of the source and the destination on.
    ///
    /// Errors: a chain does not answer, or a nonce has two events.
    pub(super) async fn seen(
        &self,
        network: &Network,
        direction: Direction,
        [source, destination]: [u64; 2],
    ) -> Result<[Blocks; 2]> {
        if let Some(lane) = self.lane(network, direction) {
            return Ok([lane.requests(source).await?, lane.payouts(destination).await?]);
        }
        let (mut requests, mut payouts) = (Blocks::new(), Blocks::new());
        for request in network.source(0, direction)?.requests().await? {
            requests.insert(request.nonce.get(), request.transfer.source_block.get());
        }
        let handled = network.destination(0, direction)?.handled().await?;
        if let Some(held) = handled.held.first() {
            bail!("request {} was not paid but held", held.nonce);
        }
        for range in &handled.ranges {
            for nonce in range.first.get()..range.end.get() {
                if payouts.insert(nonce, range.block.get()).is_some() {
                    bail!("request {nonce} was handled twice");
                }
            }
        }
        Ok([requests, payouts])
    }

    /// Accounts that send what pays requests of this direction.
    pub(super) fn payers(&self, network: &Network, direction: Direction) -> HashSet<Address> {
        if let Some(ancestor) = &self.ancestor {
            let account = |operator: &crate::ancestor::Operator| match direction {
                Direction::MainToService => operator.child,
                Direction::ServiceToMain => operator.parent,
            };
            return ancestor.operators.iter().map(account).collect();
        }
        let [main, service] = configs::CHAIN_NAMES;
        let chain = match direction {
            Direction::MainToService => service,
            Direction::ServiceToMain => main,
        };
        let keys = network.relays.iter().flat_map(|relay| &relay.submitters);
        keys.filter(|(name, _)| name == chain).map(|(_, key)| key.address()).collect()
    }

    /// Ends everything that pays.
    pub(super) async fn stop(&self, network: &mut Network) -> Result<()> {
        if let Some(ancestor) = &self.ancestor {
            return ancestor.stop_sub_bridges(network).await;
        }
        for relay in &mut network.relays {
            relay.stop().await?;
        }
        Ok(())
    }

    /// Starts it again.
    pub(super) async fn start(&self, network: &mut Network) -> Result<()> {
        match &self.ancestor {
            Some(ancestor) => ancestor.start_sub_bridges(network).await,
            None => network.start_relays(),
        }
    }

    /// Seconds of processor time so far: of all nodes, and of the relays.
    pub(super) fn processor_seconds(&self, network: &Network) -> Result<[f64; 2]> {
        let nodes = network.main.processes().into_iter().chain(network.service.processes());
        let nodes = nodes.map(|node| processor::seconds(node.id())).sum::<Result<f64>>()?;
        let mut relays = 0.0;
        if self.ancestor.is_none() {
            for relay in &network.relays {
                let process = relay.process.as_ref().context("a relay does not run")?;
                relays += processor::seconds(process.id())?;
            }
        }
        Ok([nodes, relays])
    }

    fn lane(&self, network: &Network, direction: Direction) -> Option<AncestorLane> {
        self.ancestor.as_ref().map(|ancestor| ancestor.lane(network, direction))
    }
}
