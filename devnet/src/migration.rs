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
use polyspan_contracts::testing::TestToken;
use polyspan_types::{Direction, Kind};

use crate::account::{self, call_of};
use crate::ancestor::Ancestor;
use crate::chain::{ChainAccess, NodeKind};
use crate::holdings::owned;
use crate::network::Network;
use crate::screen;
use crate::spec::{NetworkSpec, Topology};
use crate::tokens::{INHERITED_PAIR, WHOLE};
use crate::traffic::{Ask, Asset};
use ledger::{Ledger, PairOfTokens};
use old_bridge::{OldBridge, token_amount};

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
    /// Of all requests. Brings back over ours what it has of the token.
    recipient: PrivateKeySigner,
}

/// Goes through all steps on a network of its own, with `requests` requests on each lane of the old bridge, and prints what was seen.
///
/// Errors: a step cannot be taken, or something does not add up.
pub async fn run(spec: NetworkSpec, requests: u64) -> Result<()> {
    if spec.nodes != NodeKind::Kaia {
        bail!("the old bridge is a part of Kaia's nodes: use --nodes kaia");
    }
    let topology = Topology::Shared(RELAYS);
    let spec = NetworkSpec { topology, more_pairs: vec![INHERITED_PAIR], ..spec };
    let mut network = Network::start(spec).await?;
    let people = People {
        cold: PrivateKeySigner::random(),
        holder: PrivateKeySigner::random(),
        recipient: PrivateKeySigner::random(),
    };
    let to = people.recipient.address();
    let funded =
        [people.cold.address(), people.holder.address()].map(|account| (account, U256::from(GAS_MONEY)));
    tokio::try_join!(network.main.fund(&funded), network.service.fund(&funded))?;
    let names: Vec<String> =
        network.relays.iter().take(OLD_OPERATORS).map(|relay| relay.spec.name.clone()).collect();
    let payer = network.deployer.signer.clone();
    let threshold = u8::try_from(OLD_OPERATORS).context("few operators")?;
    let ancestor = Ancestor::start(&mut network, &names, threshold, U256::from(LIQUIDITY), &payer).await?;
    let token = inherited(&network)?;
    let native = PairOfTokens { name: "native currency", kind: Kind::Native, tokens: [Address::ZERO; 2] };
    let mut native = Ledger::start(&network, &ancestor, to, native).await?;
    let mut tokens = Ledger::start(&network, &ancestor, to, token).await?;
    let old = OldBridge::open(&network, ancestor, token.tokens).await?;
    old.traffic(&network, &payer, to, requests).await?;
    old.wait_drained(&network, PATIENCE).await?;
    say(
        0,
        &format!(
            "the old bridge has paid {requests} requests of the native currency and one of a token on each lane; {}",
            old.describe(&network).await?
        ),
    );

    network.start_relays()?;
    network.wait_ready(PATIENCE).await?;
    transfers_of_ours(&network, &payer, to).await?;
    verify(&network).await?;
    say(2, "our bridge runs beside it and has paid a transfer each way; polyspan verify ends with 0");

    old.stop_nodes(&mut network).await?;
    old.traffic(&network, &payer, to, requests).await?;
    old.stop_requests(&network, &payer).await?;
    say(4, &format!("start(false) on both: requests revert; {}", old.describe(&network).await?));

    old.start_nodes(&mut network).await?;
    old.wait_drained(&network, PATIENCE).await?;
    // Twice so many; over ours came one of the native currency.
    let paid = U256::from(2 * requests + 1) * U256::from(AMOUNT);
    native.old_bridge_drained(&network, [U256::from(LIQUIDITY); 2], [paid; 2]).await?;
    let [forth, back] = Direction::ALL.map(|direction| U256::from(2 * token_amount(direction)));
    tokens.old_bridge_drained(&network, [forth - back, U256::ZERO], [back, forth]).await?;
    say(5, &format!("drained: {}", old.describe(&network).await?));

    old.take_liquidity_out(&network, &people.cold, people.holder.address()).await?;
    let holder = people.holder.address();
    native.liquidity_taken_out(&network, holder, U256::from(GAS_MONEY)).await?;
    tokens.liquidity_taken_out(&network, holder, U256::ZERO).await?;
    say(6, "a cold key as the only operator has handed the liquidity to its new holder");

    old.close(&mut network, &people.cold).await?;
    say(7, "no operator and no owner is left, and the nodes run without the old bridge");

    for ledger in [&mut native, &mut tokens] {
        for (index, direction) in Direction::ALL.into_iter().enumerate() {
            seed(&network, direction, &people.holder, ledger.token(index), ledger.taken()[index]).await?;
        }
        ledger.seeded(&network).await?;
    }
    say(8, "the holder has seeded our bridge with all of it");

    verify(&network).await?;
    transfers_of_ours(&network, &payer, to).await?;
    bring_back(&network, &people.recipient, token.tokens, forth).await?;
    verify(&network).await?;
    network.expect_complete().await?;
    for ledger in [&mut native, &mut tokens] {
        ledger.expect_sum(&network).await?;
        screen::line(ledger.table());
    }
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
    token: Address,
    amount: U256,
) -> Result<()> {
    if amount.is_zero() {
        return Ok(());
    }
    let chain = network.source_chain(direction).access();
    let bridge = network.bridge(0)?.deployment.lane(direction).source.bridge;
    let mut seed = call_of(bridge, &Bridge::seedCall { token, amount });
    if token.is_zero() {
        seed = seed.with_value(amount);
    } else {
        approve(chain, holder, token, bridge, amount).await?;
    }
    account::execute(chain, holder, seed).await.context("seed")?;
    Ok(())
}

async fn approve(
    chain: &ChainAccess,
    holder: &PrivateKeySigner,
    token: Address,
    spender: Address,
    value: U256,
) -> Result<()> {
    let approve = call_of(token, &TestToken::approveCall { spender, value });
    account::execute(chain, holder, approve).await.context("approve")?;
    Ok(())
}

/// What the old bridge once minted on the service chain comes back to the main chain over ours: all of it is paid.
async fn bring_back(
    network: &Network,
    holder: &PrivateKeySigner,
    [main, service]: [Address; 2],
    amount: U256,
) -> Result<()> {
    let (owner, direction) = (holder.address(), Direction::ServiceToMain);
    network.service.fund(&[(owner, U256::from(GAS_MONEY))]).await?;
    let had = owned(network.main.access(), Kind::Erc20, main, owner, None).await?;
    let bridge = network.bridge(0)?.deployment.lane(direction).source.bridge;
    approve(network.service.access(), holder, service, bridge, amount).await?;
    let ask = Ask::new(Asset::Erc20 { token: service, amount }, owner, owner).call(bridge);
    account::execute(network.service.access(), holder, ask).await.context("request")?;
    network.wait_all_handled(PATIENCE).await?;
    let [left, has] = [
        owned(network.service.access(), Kind::Erc20, service, owner, None).await?,
        owned(network.main.access(), Kind::Erc20, main, owner, None).await?,
    ];
    if !left.is_zero() || has != had + amount {
        bail!("of {amount} tokens that come back {left} are left, and on main there are {has} after {had}");
    }
    Ok(())
}

/// The pair of tokens that the old bridge serves, and ours after it.
fn inherited(network: &Network) -> Result<PairOfTokens> {
    let name = INHERITED_PAIR.name;
    let pairs = &network.bridge(0)?.deployment.pairs;
    let pair = pairs.iter().find(|pair| pair.name == name).context("the bridge has the inherited pair")?;
    Ok(PairOfTokens { name, kind: pair.kind, tokens: [pair.main_token, pair.service_token] })
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
