//! The tokens of a network, and what its users have of them.

use alloy::primitives::{Address, Bytes, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolConstructor;
use anyhow::{Context, Result};
use polyspan_contracts::Bridge;
use polyspan_contracts::testing::{
    HostileNFT, HostileToken, TestMultiToken, TestNFT, TestPaymentToken, TestReturningToken, TestToken,
};
use polyspan_node::config::{Deployment, Minter};
use polyspan_types::{Direction, Kind};
use serde::Serialize;

use crate::account::{self, call_of};
use crate::chain::ChainAccess;

/// Liquidity on each side of a pair that locks on both. Unit: smallest units; a thousand whole ones.
pub const LIQUIDITY: u128 = 1_000 * WHOLE;

/// What each user has of each ERC-20 at first. Unit: smallest units; a million whole ones.
pub const USER_TOKENS: u128 = 1_000_000 * WHOLE;

/// One whole coin of the devnet's fungible tokens. Unit: smallest units.
pub const WHOLE: u128 = 1_000_000_000_000_000_000;

/// One pair of every bridge of a devnet.
#[derive(Debug, Clone, Copy)]
pub struct PairSpec {
    /// Its name.
    pub name: &'static str,
    /// Asset class.
    pub kind: Kind,
    /// The side whose bridge mints; its token is made by `polyspan deploy`.
    pub mints: Minter,
    /// What the tokens of the sides that lock are like.
    pub token: LockedToken,
    /// What it allows, on both sides.
    pub limits: LimitsSpec,
}

/// Tokens that a bridge can be given to lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedToken {
    /// Does what its standard says, and no more.
    Plain,
    /// An ERC-20 with ERC-1363 and ERC-2612: requests in one step, or with a permit.
    Payment,
    /// Can be told to misbehave.
    Hostile,
    /// An ERC-20 that the bridge of Kaia's nodes can mint and burn.
    Returning,
}

/// Limits of a pair as the deploy file takes them: whole tokens, `None` for what is left out.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct LimitsSpec {
    /// Least amount of one request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<&'static str>,
    /// Greatest amount of one request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<&'static str>,
    /// What a request costs, in the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<&'static str>,
    /// Most that may flow out, net, before payouts are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outflow_capacity: Option<&'static str>,
    /// Time in which so much may flow out again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outflow_period: Option<&'static str>,
    /// Larger payouts are held first,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_above: Option<&'static str>,
    /// for so many blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_blocks: Option<u32>,
}

impl LimitsSpec {
    /// No limits and no fee.
    pub const NONE: Self = Self {
        minimum: None,
        maximum: None,
        fee: None,
        outflow_capacity: None,
        outflow_period: None,
        delay_above: None,
        delay_blocks: None,
    };
}

impl PairSpec {
    /// A pair of plain tokens without limits.
    pub const fn new(name: &'static str, kind: Kind, mints: Minter) -> Self {
        Self { name, kind, mints, token: LockedToken::Plain, limits: LimitsSpec::NONE }
    }
}

/// The pairs of every bridge: native, ERC-20, ERC-721 and ERC-1155 with both directions of minting, and an ERC-20 that
/// both sides lock.
pub const PAIRS: [PairSpec; 8] = [
    PairSpec::new("coin", Kind::Native, Minter::None),
    PairSpec::new("usd", Kind::Erc20, Minter::Service),
    PairSpec::new("eur", Kind::Erc20, Minter::Main),
    PairSpec::new("krw", Kind::Erc20, Minter::None),
    PairSpec::new("art", Kind::Erc721, Minter::Service),
    PairSpec::new("cards", Kind::Erc721, Minter::Main),
    PairSpec::new("items", Kind::Erc1155, Minter::Service),
    PairSpec::new("parts", Kind::Erc1155, Minter::Main),
];

/// A pair whose token on the main chain can be sent to the bridge in one step; the bridge's own token can always.
pub const PAYMENT_PAIR: PairSpec =
    PairSpec { token: LockedToken::Payment, ..PairSpec::new("pay", Kind::Erc20, Minter::Service) };

/// A pair of tokens that the bridge of Kaia's nodes served before.
pub const INHERITED_PAIR: PairSpec =
    PairSpec { token: LockedToken::Returning, ..PairSpec::new("inherited", Kind::Erc20, Minter::None) };

/// More pairs, whose service-chain tokens can be told to misbehave. Their way there is back: the service chain locks.
pub const HOSTILE_PAIRS: [PairSpec; 2] = [
    PairSpec { token: LockedToken::Hostile, ..PairSpec::new("hostile", Kind::Erc20, Minter::Main) },
    PairSpec { token: LockedToken::Hostile, ..PairSpec::new("hostile-art", Kind::Erc721, Minter::Main) },
];

/// Name of the pair whose source token a user of this direction has from the start.
pub const fn pair_for(direction: Direction, kind: Kind) -> &'static str {
    match (kind, direction) {
        (Kind::Native, _) => "coin",
        (Kind::Erc20, Direction::MainToService) => "usd",
        (Kind::Erc20, Direction::ServiceToMain) => "eur",
        (Kind::Erc721, Direction::MainToService) => "art",
        (Kind::Erc721, Direction::ServiceToMain) => "cards",
        (Kind::Erc1155, Direction::MainToService) => "items",
        (Kind::Erc1155, Direction::ServiceToMain) => "parts",
    }
}

/// Test tokens of one bridge before it exists, by pair: those of the sides that lock.
#[derive(Debug, Clone, Copy)]
pub struct PairTokens {
    /// The pair.
    pub pair: PairSpec,
    /// Token on the main chain; `None` when the bridge mints there, zero for native.
    pub main: Option<Address>,
    /// The same on the service chain.
    pub service: Option<Address>,
}

/// Deploys the test tokens of these pairs of one bridge on both chains (main, service), each paid by its own key.
///
/// Errors: a chain does not answer.
pub async fn deploy_tokens(
    pairs: &[PairSpec],
    chains: [&ChainAccess; 2],
    payers: [&PrivateKeySigner; 2],
) -> Result<Vec<PairTokens>> {
    let locked_on = |side: Minter| -> Vec<PairSpec> {
        pairs.iter().filter(|pair| pair.mints != side && pair.kind != Kind::Native).copied().collect()
    };
    let (on_main, on_service) = (locked_on(Minter::Main), locked_on(Minter::Service));
    let (main, service) = tokio::try_join!(
        deploy_all(chains[0], payers[0], &on_main),
        deploy_all(chains[1], payers[1], &on_service),
    )?;
    let find = |made: &[(&str, Address)], pair: PairSpec| {
        let token = made.iter().find(|(name, _)| *name == pair.name).map(|(_, token)| *token);
        if pair.kind == Kind::Native { Some(Address::ZERO) } else { token }
    };
    let tokens = |pair: &PairSpec| PairTokens {
        pair: *pair,
        main: find(&main, *pair),
        service: find(&service, *pair),
    };
    Ok(pairs.iter().map(tokens).collect())
}

/// Sends all deployments, then waits for all: one or two blocks, not one for each.
async fn deploy_all(
    chain: &ChainAccess,
    payer: &PrivateKeySigner,
    pairs: &[PairSpec],
) -> Result<Vec<(&'static str, Address)>> {
    let mut sent = Vec::new();
    for pair in pairs {
        sent.push((pair.name, account::send_deployment(chain, payer, test_token_code(*pair)).await?));
    }
    let mut made = Vec::new();
    for (name, hash) in sent {
        let receipt = account::succeeded(chain, hash).await?;
        made.push((name, receipt.contract_address.context("a deployment has an address")?));
    }
    Ok(made)
}

fn test_token_code(pair: PairSpec) -> Bytes {
    let (name_, symbol_) = (format!("Devnet {}", pair.name), pair.name.to_uppercase());
    let (code, arguments) = match (pair.kind, pair.token) {
        (Kind::Erc721, LockedToken::Hostile) => (&HostileNFT::BYTECODE, Vec::new()),
        (Kind::Erc721, _) => (&TestNFT::BYTECODE, TestNFT::constructorCall { name_, symbol_ }.abi_encode()),
        (Kind::Erc1155, _) => {
            let uri_ = format!("https://devnet.invalid/{}/{{id}}.json", pair.name);
            (&TestMultiToken::BYTECODE, TestMultiToken::constructorCall { uri_ }.abi_encode())
        }
        (_, LockedToken::Hostile) => (&HostileToken::BYTECODE, Vec::new()),
        (_, LockedToken::Payment) => {
            (&TestPaymentToken::BYTECODE, TestPaymentToken::constructorCall { name_, symbol_ }.abi_encode())
        }
        (_, LockedToken::Returning) => {
            let constructor = TestReturningToken::constructorCall { name_, symbol_ };
            (&TestReturningToken::BYTECODE, constructor.abi_encode())
        }
        (_, LockedToken::Plain) => {
            let constructor = TestToken::constructorCall { name_, symbol_, decimals_: 18 };
            (&TestToken::BYTECODE, constructor.abi_encode())
        }
    };
    [code.as_ref(), &arguments].concat().into()
}

/// Gives both sides of a bridge their liquidity and every user tokens and approvals on `chain`.
///
/// Errors: the chain does not answer, or a step reverts.
pub async fn endow(
    chain: &ChainAccess,
    deployment: &Deployment,
    is_main: bool,
    payer: &PrivateKeySigner,
    users: &[PrivateKeySigner],
) -> Result<()> {
    let mut sent = Vec::new();
    let bridge = if is_main { deployment.main.bridge } else { deployment.service.bridge };
    let minter = if is_main { Minter::Main } else { Minter::Service };
    for pair in &deployment.pairs {
        let token = if is_main { pair.main_token } else { pair.service_token };
        for (signer, step) in steps(pair.kind, pair.mints, minter, token, bridge, payer, users) {
            sent.push(account::send(chain, signer, step).await?);
        }
    }
    for hash in sent {
        account::succeeded(chain, hash).await?;
    }
    Ok(())
}

/// What has to be done for one token, in order, with who does it.
fn steps<'a>(
    kind: Kind,
    mints: Minter,
    this_side: Minter,
    token: Address,
    bridge: Address,
    payer: &'a PrivateKeySigner,
    users: &'a [PrivateKeySigner],
) -> Vec<(&'a PrivateKeySigner, TransactionRequest)> {
    let liquidity = U256::from(LIQUIDITY);
    let seed = call_of(bridge, &Bridge::seedCall { token, amount: liquidity });
    let approve = |amount| call_of(token, &TestToken::approveCall { spender: bridge, value: amount });
    let mint =
        |to: Address, value: u128| call_of(token, &TestToken::mintCall { to, amount: U256::from(value) });
    match kind {
        Kind::Native => vec![(payer, seed.value(liquidity))],
        Kind::Erc20 => {
            let mut steps = Vec::new();
            if mints == Minter::None {
                steps.push((payer, mint(payer.address(), LIQUIDITY)));
                steps.push((payer, approve(liquidity)));
                steps.push((payer, seed));
            }
            for user in users {
                if mints != this_side {
                    steps.push((payer, mint(user.address(), USER_TOKENS)));
                }
                steps.push((user, approve(U256::MAX)));
            }
            steps
        }
        // ERC-1155 has the same function.
        Kind::Erc721 | Kind::Erc1155 => {
            let all = TestNFT::setApprovalForAllCall { operator: bridge, approved: true };
            users.iter().map(|user| (user, call_of(token, &all))).collect()
        }
    }
}
