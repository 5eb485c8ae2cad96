//! A rehearsal of `docs/migrating-from-kaia.md`: a running bridge of Kaia's nodes is drained, closed and replaced by ours, with its liquidity.
//!
//! ```text
//! old bridge: requests ─▶ stopped ─▶ drained ─▶ liquidity taken out ─▶ closed
//! ours:       deployed beside it ─▶ test transfers ───────────────────▶ seeded ─▶ verified ─▶ requests
//! ```
//!
//! Numbers of steps are those of that page.

mod ledger;
mod old_bridge;

use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge;
use polyspan_types::Direction;

use crate::account::{self, call_of};
use crate::ancestor::Ancestor;
use crate::chain::NodeKind;
use crate::network::Network;
use crate::screen;
use crate::spec::{NetworkSpec, Topology};
use crate::tokens::WHOLE;
use crate::traffic::{Ask, Asset};
use ledger::Ledger;
use old_bridge::OldBridge;

/// Relays of ours. The endpoint nodes of the first of them serve the old bridge at the same time.
const RELAYS: usize = 4;

/// Operators of the old bridge, all of which must agree.
const OLD_OPERATORS: usize = 2;

/// What the old contracts are charged with. Unit: wei.
const LIQUIDITY: u128 = 5_000 * WHOLE;

/// What a user requests at once. Unit: wei.
const AMOUNT: u128 = WHOLE;

/// What those who take part have for gas. Unit: wei.
const GAS_MONEY: u128 = 100 * WHOLE;

const PATIENCE: Duration = Duration::from_secs(300);

/// Accounts of the rehearsal that are no part of a network.
struct People {
    /// The only operator of the old bridge at its end.
    cold: PrivateKeySigner,
    /// Takes the liquidity over.
    holder: PrivateKeySigner,
    recipient: Address,
}

/// Goes through all steps on a network of its own, with `requests` requests on each lane of the old bridge, and prints what was seen.
///
/// Errors: a step cannot be taken, or something does not add up.
pub async fn run(spec: NetworkSpec, requests: u64) -> Result<()> {
    if spec.nodes != NodeKind::Kaia {
        bail!("the old bridge is a part of Kaia's nodes: use --nodes kaia");
    }
    let mut network = Network::start(NetworkSpec { topology: Topology::Shared(RELAYS), ..spec }).await?;
    let people = People {
        cold: PrivateKeySigner::random(),
        holder: PrivateKeySigner::random(),
        recipient: Address::from(rand::random::<[u8; 20]>()),
    };
    let funded =
        [people.cold.address(), people.holder.address()].map(|account| (account, U256::from(GAS_MONEY)));
    tokio::try_join!(network.main.fund(&funded), network.service.fund(&funded))?;
    let names: Vec<String> =
        network.relays.iter().take(OLD_OPERATORS).map(|relay| relay.spec.name.clone()).collect();
    let payer = network.deployer.signer.clone();
    let threshold = u8::try_from(OLD_OPERATORS).context("few operators")?;
    let ancestor = Ancestor::start(&mut network, &names, threshold, U256::from(LIQUIDITY), &payer).await?;
    let mut ledger = Ledger::start(&network, &ancestor, people.recipient).await?;
    let old = OldBridge::open(&network, ancestor)?;
    old.traffic(&network, &payer, people.recipient, requests).await?;
    old.wait_drained(&network, PATIENCE).await?;
    say(
        0,
        &format!(
            "the old bridge has paid {requests} requests on each lane; {}",
            old.describe(&network).await?
        ),
    );

    network.start_relays()?;
    network.wait_ready(PATIENCE).await?;
    transfers_of_ours(&network, &payer, people.recipient).await?;
    verify(&network).await?;
    say(2, "our bridge runs beside it and has paid a transfer each way; polyspan verify ends with 0");

    old.stop_nodes(&mut network).await?;
    old.traffic(&network, &payer, people.recipient, requests).await?;
    old.stop_requests(&network, &payer).await?;
    say(4, &format!("start(false) on both: requests revert; {}", old.describe(&network).await?));

    old.start_nodes(&mut network).await?;
    old.wait_drained(&network, PATIENCE).await?;
    ledger.old_bridge_drained(&network, requests * 2, AMOUNT).await?;
    say(5, &format!("drained: {}", old.describe(&network).await?));

    old.take_liquidity_out(&network, &people.cold, people.holder.address()).await?;
    ledger.liquidity_taken_out(&network, people.holder.address(), GAS_MONEY).await?;
    say(6, "a cold key as the only operator has handed the liquidity to its new holder");

    old.close(&mut network, &people.cold).await?;
    say(7, "no operator and no owner is left, and the nodes run without the old bridge");

    for (direction, taken) in Direction::ALL.into_iter().zip(ledger.taken()) {
        seed(&network, direction, &people.holder, taken).await?;
    }
    ledger.seeded(&network).await?;
    say(8, "the holder has seeded our bridge with all of it");

    verify(&network).await?;
    transfers_of_ours(&network, &payer, people.recipient).await?;
    verify(&network).await?;
    network.expect_complete().await?;
    screen::line(ledger.table());
    ledger.expect_sum(&network).await?;
    say(
        9,
        "polyspan verify ends with 0 before and after transfers; what was = what is there + what was seeded",
    );
    network.stop().await
}

fn say(step: u8, what: &str) {
    screen::line(format!("step {step}: {what}"));
}

/// One transfer of the native currency each way over our bridge.
async fn transfers_of_ours(network: &Network, user: &PrivateKeySigner, to: Address) -> Result<()> {
    for direction in Direction::ALL {
        let bridge = network.bridge(0)?.deployment.lane(direction).source.bridge;
        let ask = Ask::new(Asset::Native(U256::from(AMOUNT)), to, user.address());
        account::execute(network.source_chain(direction).access(), user, ask.call(bridge)).await?;
    }
    network.wait_all_handled(PATIENCE).await
}

/// Puts liquidity into our contract on the source of this direction.
async fn seed(
    network: &Network,
    direction: Direction,
    holder: &PrivateKeySigner,
    amount: U256,
) -> Result<()> {
    let bridge = network.bridge(0)?.deployment.lane(direction).source.bridge;
    let seed = call_of(bridge, &Bridge::seedCall { token: Address::ZERO, amount }).with_value(amount);
    account::execute(network.source_chain(direction).access(), holder, seed).await.context("seed")?;
    Ok(())
}

/// `polyspan verify` as an operator runs it.
async fn verify(network: &Network) -> Result<()> {
    let output = network.polyspan(&["verify"]).await?;
    if !output.status.success() {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("polyspan verify ends with {}:\n{out}{err}", output.status);
    }
    Ok(())
}
