//! The ancestor: the bridge that is built into Kaia's nodes, run as its operators run it.
//!
//! ```text
//! EN of a relay  --mainbridge  ◀── peers ──  SEN of the same relay  --subbridge --vtrecovery
//!   └ main chain, contract P                   └ service chain, contract C; hears both, pays on both
//! ```
//!
//! The endpoint nodes of relays serve it, so that both bridges have the same nodes: one of them runs at a time.

pub mod contract;
mod keystore;
mod lane;
mod operator;

use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use polyspan_types::Direction;
use serde_json::{Value, json};

use crate::account::{self, call_of};
use crate::eventually::eventually_true;
use crate::network::Network;
use contract::KaiaBridge;

pub use lane::AncestorLane;
pub use operator::Operator;

/// Which votes of operators a threshold is for. Source: `VoteType` of the contract.
pub const VALUE_TRANSFER: u8 = 0;

/// Patience for transactions whose hashes a node does not tell.
const IN_BLOCKS: Duration = Duration::from_secs(60);

/// A running bridge of the ancestor.
#[derive(Debug)]
pub struct Ancestor {
    /// Those who pay; the first one owns both contracts.
    pub operators: Vec<Operator>,
    /// The contract on the main chain.
    pub parent: Address,
    /// The contract on the service chain.
    pub child: Address,
}

impl Ancestor {
    /// Starts a new pair of contracts with the endpoint nodes of these relays as operators, `threshold` of which must agree, and charges
    /// both with `liquidity`, paid by `payer`. The relays must not run.
    ///
    /// Errors: a node does not start, or refuses a step.
    pub async fn start(
        network: &mut Network,
        relays: &[String],
        threshold: u8,
        liquidity: U256,
        payer: &PrivateKeySigner,
    ) -> Result<Self> {
        tracing::info!("the ancestor's bridge: {} ENs and SENs start with it", relays.len());
        let operators = Operator::start_all(network, relays).await?;
        let owner = operators.first().context("a bridge needs an operator")?;
        let [child, parent]: [Address; 2] = owner.ask("deployBridge", json!([])).await?;
        for (on_main, bridge) in [(true, parent), (false, child)] {
            for operator in &operators[1..] {
                let account = if on_main { operator.parent } else { operator.child };
                owner.execute(on_main, "registerOperator", json!([bridge, account])).await?;
            }
            if threshold > 1 {
                let threshold = json!([bridge, threshold]);
                owner.execute(on_main, "setValueTransferOperatorThreshold", threshold).await?;
            }
        }
        for operator in &operators[1..] {
            let _: Value = operator.ask("registerBridge", json!([child, parent, null])).await?;
        }
        for operator in &operators {
            let _: Value = operator.ask("subscribeBridge", json!([child, parent])).await?;
        }
        for (chain, bridge) in [(&network.main, parent), (&network.service, child)] {
            let charge = call_of(bridge, &KaiaBridge::chargeWithoutEventCall {}).with_value(liquidity);
            account::execute(chain.access(), payer, charge).await?;
        }
        tracing::info!(%parent, %child, operators = operators.len(), threshold, "the ancestor's bridge runs");
        Ok(Self { operators, parent, child })
    }

    /// Registers a pair of tokens on both contracts; operators read it there when they first need it.
    ///
    /// Errors: the node refuses, or the contracts do not have it in time.
    pub async fn register_token(&self, network: &Network, main: Address, service: Address) -> Result<()> {
        let owner = self.operators.first().context("a bridge needs an operator")?;
        let pair = json!([self.child, self.parent, service, main]);
        let _: Value = owner.ask("registerToken", pair).await?;
        let registered = || async {
            let of = |token| KaiaBridge::registeredTokensCall { token };
            let [on_main, on_service] = [of(main), of(service)];
            let (of_main, of_service) = tokio::try_join!(
                account::read(network.main.access(), self.parent, &on_main),
                account::read(network.service.access(), self.child, &on_service),
            )?;
            Ok((of_main, of_service) == (service, main))
        };
        eventually_true("both contracts have the pair of tokens", IN_BLOCKS, registered).await
    }

    /// Its lane of this direction.
    pub fn lane(&self, network: &Network, direction: Direction) -> AncestorLane {
        let (source, destination) = match direction {
            Direction::MainToService => (self.parent, self.child),
            Direction::ServiceToMain => (self.child, self.parent),
        };
        AncestorLane {
            source: network.source_chain(direction).access().clone(),
            destination: network.destination_chain(direction).access().clone(),
            source_bridge: source,
            destination_bridge: destination,
        }
    }

    /// Ends all SENs: nobody hears or pays anything.
    ///
    /// Errors: the host refuses.
    pub async fn stop_sub_bridges(&self, network: &mut Network) -> Result<()> {
        network.service.stop_endpoint_nodes(&self.names()).await
    }

    /// Starts them again, all at once; their journals tell them which bridge they serve.
    ///
    /// Errors: one does not start.
    pub async fn start_sub_bridges(&self, network: &mut Network) -> Result<()> {
        network.service.start_endpoint_nodes(&self.names()).await
    }

    /// Waits until every SEN has the newest block of now.
    ///
    /// Errors: one does not get it.
    pub async fn wait_synchronized(&self, network: &Network) -> Result<()> {
        network.service.wait_endpoint_nodes(&self.names()).await
    }

    /// The relays whose nodes serve it.
    fn names(&self) -> Vec<String> {
        self.operators.iter().map(|operator| operator.name.clone()).collect()
    }

    /// Has every node forget the bridge: nothing is heard or paid any more. A node that has just started knows it only once it is connected.
    ///
    /// Errors: a node refuses.
    pub async fn deregister(&self) -> Result<()> {
        for operator in &self.operators {
            operator.wait_serving(self.child).await?;
            let _: Value = operator.ask("deregisterBridge", json!([self.child, self.parent])).await?;
        }
        Ok(())
    }

    /// Starts every node again without a part in a bridge, and waits until each has the newest block of its chain.
    ///
    /// Errors: one does not start, or does not get that block.
    pub async fn leave_nodes(self, network: &mut Network) -> Result<()> {
        Operator::leave_all(&self.operators, network).await?;
        let names = self.names();
        tokio::try_join!(
            network.main.wait_endpoint_nodes(&names),
            network.service.wait_endpoint_nodes(&names)
        )?;
        Ok(())
    }
}
