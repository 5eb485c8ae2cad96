//! Planning a request, and sending it.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, bail};
use polyspan_chain::At;
use polyspan_contracts::{Bridge, BridgeNFT, BridgeToken};
use polyspan_node::config::{Deployment, LaneInfo};
use polyspan_types::{Kind, Request};

use super::CommonArguments;
use super::checks::{self, Seen};
use crate::failure::BadInput;
use crate::network::Network;
use crate::output;
use crate::token::{NATIVE_DECIMALS, Token, parse_amount};
use crate::wallet::{Call, Wallet};

/// What is to be moved, as typed.
#[derive(Debug)]
pub struct Asset {
    pub(super) kind: Kind,
    pub(super) token: Option<String>,
    /// Amount in whole units, or the id.
    pub(super) value: String,
}

/// A request that would be accepted now.
#[derive(Debug)]
pub struct Plan {
    kind: Kind,
    token: Address,
    value: U256,
    to: Address,
    refund_to: Address,
    extra_data: Bytes,
    /// What the bridge may take already; more is approved first.
    approved: Approved,
}

/// The state of the approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Approved {
    Enough,
    No,
    /// Some tokens refuse to change an approval that is not zero.
    TooLittle,
}

/// A request in a block.
#[derive(Debug)]
pub struct Requested {
    /// The request as the source recorded it.
    pub request: Request,
}

/// Looks at everything that could be refused, and says all of it.
///
/// Errors: what must be corrected, or the endpoint.
pub(super) async fn plan(
    network: &Network,
    info: &LaneInfo,
    wallet: &Wallet,
    asset: Asset,
    common: &CommonArguments,
) -> Result<Plan> {
    let deployment = network.config.bridge(&info.id.bridge).context("the lane's bridge is in the config")?;
    let token = resolve(deployment, info, &asset)?;
    let state = wallet.chain.bridge_state(info.source.bridge, At::Latest).await?;
    let contract = Token::new(&wallet.chain, token);
    let decimals = match asset.kind {
        Kind::Native => NATIVE_DECIMALS,
        Kind::Erc721 => 0,
        // What is no token is said below, by its pair.
        Kind::Erc20 => contract.decimals().await?.unwrap_or(0),
    };
    let value =
        parse_amount(&asset.value, decimals).map_err(|error| BadInput::new(format!("--amount: {error}")))?;
    let owner = wallet.address();
    let has = match asset.kind {
        Kind::Native => wallet.chain.balance(owner).await?,
        Kind::Erc20 => contract.balance(owner).await?.unwrap_or_default(),
        Kind::Erc721 => {
            let own = contract.owner_of(value).await? == Some(owner);
            if own { U256::from(1) } else { U256::ZERO }
        }
    };
    let refund_to = common.refund_to.unwrap_or(owner);
    let seen = Seen {
        info,
        state: &state,
        kind: asset.kind,
        token,
        value,
        decimals,
        owner,
        has,
        to: common.to,
        refund_to,
        extra_data: common.extra_data.len(),
    };
    let problems = checks::problems(&seen);
    if !problems.is_empty() {
        return Err(BadInput::list("this transfer would be refused", &problems).into());
    }
    let approved = approved(&contract, asset.kind, value, owner, info.source.bridge).await?;
    let extra_data = common.extra_data.clone();
    Ok(Plan { kind: asset.kind, token, value, to: common.to, refund_to, extra_data, approved })
}

/// The token's address: typed, or that of a pair by name.
fn resolve(deployment: &Deployment, info: &LaneInfo, asset: &Asset) -> Result<Address, BadInput> {
    let Some(text) = &asset.token else { return Ok(Address::ZERO) };
    if let Some(pair) = deployment.pair(text) {
        return Ok(pair.tokens(info.id.direction).0);
    }
    crate::args::address(text).map_err(|error| {
        let names: Vec<_> = deployment.pairs.iter().map(|pair| pair.name.as_str()).collect();
        BadInput::new(format!(
            "--token: `{text}` is no pair of bridge {} ({}), and {error}",
            deployment.name,
            names.join(", ")
        ))
    })
}

async fn approved(
    contract: &Token<'_>,
    kind: Kind,
    value: U256,
    owner: Address,
    bridge: Address,
) -> Result<Approved> {
    let enough = |enough| if enough { Approved::Enough } else { Approved::No };
    Ok(match kind {
        Kind::Native => Approved::Enough,
        Kind::Erc721 => enough(contract.may_take(value, owner, bridge).await?),
        Kind::Erc20 => match contract.allowance(owner, bridge).await?.unwrap_or_default() {
            allowance if allowance >= value => Approved::Enough,
            allowance if allowance.is_zero() => Approved::No,
            _ => Approved::TooLittle,
        },
    })
}

/// Approves if necessary, requests, and reads what the bridge recorded.
///
/// Errors: a transaction fails.
pub(super) async fn send(wallet: &Wallet, info: &LaneInfo, plan: &Plan) -> Result<Requested> {
    let bridge = info.source.bridge;
    let approve = |amount: U256| Call {
        to: Some(plan.token),
        input: match plan.kind {
            Kind::Erc721 => BridgeNFT::approveCall { to: bridge, tokenId: amount }.abi_encode().into(),
            _ => BridgeToken::approveCall { spender: bridge, value: amount }.abi_encode().into(),
        },
        ..Call::default()
    };
    if plan.approved == Approved::TooLittle {
        wallet.send("reset the approval", approve(U256::ZERO)).await?;
    }
    if plan.approved != Approved::Enough {
        let sent = wallet.send("approve the bridge", approve(plan.value)).await?;
        output::remark(format!("approved the bridge for exactly this transfer: {}", sent.tx_hash));
    }
    let sent = wallet.send("request the transfer", call(bridge, plan)).await?;
    let block = sent.receipt.block.height;
    let recorded = wallet.chain.requests(bridge, block, block).await.context("the request was sent")?;
    let Some(request) = recorded.into_iter().find(|request| request.tx_hash == sent.tx_hash) else {
        bail!(
            "transaction {} succeeded and block {block} shows no request of it; ask the endpoint again",
            sent.tx_hash
        );
    };
    Ok(Requested { request })
}

fn call(bridge: Address, plan: &Plan) -> Call {
    let Plan { token, value, to, refund_to, .. } = *plan;
    let data = plan.extra_data.clone();
    let native = if plan.kind == Kind::Native { value } else { U256::ZERO };
    let input = match plan.kind {
        Kind::Native => {
            Bridge::requestNativeTransferCall { to, refundTo: refund_to, extraData: data }.abi_encode()
        }
        Kind::Erc20 => Bridge::requestERC20TransferCall {
            token,
            amount: value,
            to,
            refundTo: refund_to,
            extraData: data,
        }
        .abi_encode(),
        Kind::Erc721 => {
            Bridge::requestERC721TransferCall { token, id: value, to, refundTo: refund_to, extraData: data }
                .abi_encode()
        }
    };
    Call { to: Some(bridge), value: native, input: input.into() }
}
