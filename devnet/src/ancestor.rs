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

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use polyspan_types::Direction;
use serde_json::{Value, json};

use crate::account::{self, call_of};
use crate::network::Network;
use contract::KaiaBridge;

pub use lane::AncestorLane;
pub use operator::Operator;

/// Which votes of operators a threshold is for. Source: `VoteType` of the contract.
pub const VALUE_TRANSFER: u8 = 0;

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
        let height = network.service.height().await?;
        for operator in &self.operators {
            operator.wait_for_block(height).await?;
        }
        Ok(())
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

    /// Starts every node again without a part in a bridge.
    ///
    /// Errors: one does not start.
    pub async fn leave_nodes(self, network: &mut Network) -> Result<()> {
        Operator::leave_all(&self.operators, network).await
    }
}
