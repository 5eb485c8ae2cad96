//! One operator of the ancestor's bridge: an EN and an SEN that are peers of each other, asked by JSON-RPC.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use alloy::rpc::json_rpc::RpcRecv;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::keystore;
use crate::account;
use crate::chain::{BridgePart, ChainAccess, MainBridge};
use crate::eventually::eventually_true;
use crate::network::Network;
use crate::tokens::WHOLE;

/// Patience for an SEN to find its EN and to read its accounts. Measured: 3 s on an idle machine.
const CONNECTED: Duration = Duration::from_secs(180);

/// What an operator's account has. Source: each of its transactions reserves 7.5 whole ones, and many wait at once. Unit: wei.
const BALANCE: u128 = 1_000_000 * WHOLE;

/// Both endpoint nodes of one relay, which serve the ancestor's bridge instead.
#[derive(Debug)]
pub struct Operator {
    /// The relay whose endpoint nodes these are.
    pub name: String,
    /// Votes and pays on the main chain.
    pub parent: Address,
    /// Votes and pays on the service chain.
    pub child: Address,
    sen: ChainAccess,
    main_chain: ChainAccess,
}

/// What an SEN knows of an operator's account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    is_nonce_synced: bool,
    is_unlocked: bool,
}

/// Both accounts of an SEN.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accounts {
    parent_operator: Account,
    child_operator: Account,
}

impl Operator {
    /// Starts the endpoint nodes of these relays again as ENs and SENs with the two halves of a bridge, and gives their accounts value.
    ///
    /// Errors: a node does not start, or does not find the other one.
    pub(super) async fn start_all(network: &mut Network, relays: &[String]) -> Result<Vec<Self>> {
        let main_chain_id = network.main.access().chain_id;
        let (mut ens, mut sens) = (BTreeMap::new(), BTreeMap::new());
        for relay in relays {
            let main = MainBridge::choose()?;
            ens.insert(relay.clone(), BridgePart::Main(main.clone()));
            sens.insert(relay.clone(), BridgePart::sub(main, main_chain_id)?);
        }
        network.main.take_parts(ens).await?;
        network.service.take_parts(sens).await?;
        let mut operators = Vec::new();
        for relay in relays {
            let sen = network.service.endpoint_access(relay).await?;
            let parent = ask(&sen, "getParentOperatorAddr", json!([])).await?;
            let child = ask(&sen, "getChildOperatorAddr", json!([])).await?;
            let main_chain = network.main.access().clone();
            operators.push(Self { name: relay.clone(), parent, child, sen, main_chain });
        }
        let balances = |account: fn(&Self) -> Address| {
            let balance = U256::from(BALANCE);
            operators.iter().map(|operator| (account(operator), balance)).collect::<Vec<_>>()
        };
        let (parents, children) = (balances(|operator| operator.parent), balances(|operator| operator.child));
        tokio::try_join!(network.main.fund(&parents), network.service.fund(&children))?;
        for operator in &operators {
            operator.wait_connected().await?;
        }
        Ok(operators)
    }

    /// The keys of its accounts on the main and the service chain, from the keystores of its SEN.
    ///
    /// Errors: they cannot be opened.
    pub fn keys(&self, network: &Network) -> Result<[PrivateKeySigner; 2]> {
        let datadir = network.spec.directory.join(format!("chain-service-{}", self.name));
        let open = |account: &str| keystore::open(&datadir.join(account));
        Ok([open("parent_bridge_account")?, open("child_bridge_account")?])
    }

    /// Ends both nodes of all operators as parts of the bridge; they answer questions again.
    ///
    /// Errors: a node does not end or start.
    pub(super) async fn leave_all(operators: &[Self], network: &mut Network) -> Result<()> {
        let none = || operators.iter().map(|operator| (operator.name.clone(), BridgePart::None)).collect();
        network.service.take_parts(none()).await?;
        network.main.take_parts(none()).await
    }

    /// Waits until the SEN knows its accounts on both chains and what they have: only then it can pay.
    ///
    /// Errors: it does not, in time.
    pub(super) async fn wait_connected(&self) -> Result<()> {
        let connected = || async {
            let accounts: Accounts = self.ask("getOperators", json!([])).await?;
            let ready = |account: &Account| account.is_nonce_synced && account.is_unlocked;
            let peers: Vec<Value> = self.ask("peers", json!([])).await?;
            if peers.is_empty() {
                bail!("the SEN has no main-bridge node, {accounts:?}");
            }
            let mut funded = true;
            for method in ["getParentOperatorBalance", "getChildOperatorBalance"] {
                // A number of wei, beyond 64 bits.
                let balance: Value = self.ask(method, json!([])).await?;
                funded &= balance.as_f64().is_some_and(|wei| wei > 0.0);
            }
            Ok(funded && ready(&accounts.parent_operator) && ready(&accounts.child_operator))
        };
        eventually_true(&format!("the SEN of {} reads both accounts", self.name), CONNECTED, connected).await
    }

    /// Waits until the SEN knows the bridge with this contract on the service chain, as after a start.
    ///
    /// Errors: it does not, in time.
    pub(super) async fn wait_serving(&self, child: Address) -> Result<()> {
        let serving = || async {
            let _: Value = self.ask("getBridgeInformation", json!([child])).await?;
            Ok(true)
        };
        eventually_true(&format!("the SEN of {} serves {child}", self.name), CONNECTED, serving).await
    }

    /// Calls a method of the namespace `subbridge`.
    ///
    /// Errors: the node does not answer, or refuses.
    pub(super) async fn ask<R: RpcRecv>(&self, method: &str, parameters: Value) -> Result<R> {
        ask(&self.sen, method, parameters).await
    }

    /// As [`Operator::ask`], a method that sends a transaction and tells its hash; waits until it succeeded.
    ///
    /// Errors: as [`Operator::ask`], or it reverts.
    pub(super) async fn execute(&self, on_main: bool, method: &str, parameters: Value) -> Result<()> {
        let hash: B256 = self.ask(method, parameters).await?;
        let chain = if on_main { &self.main_chain } else { &self.sen };
        account::succeeded(chain, hash).await.with_context(|| format!("subbridge_{method}"))?;
        Ok(())
    }
}

async fn ask<R: RpcRecv>(node: &ChainAccess, method: &str, parameters: Value) -> Result<R> {
    let name = format!("subbridge_{method}");
    let answer = node.provider.raw_request::<Value, R>(Cow::Owned(name.clone()), parameters).await;
    answer.with_context(|| name)
}
