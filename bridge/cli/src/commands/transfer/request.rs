//! Sending a planned request.

use alloy::primitives::{Bytes, U256};
use alloy::sol_types::{SolCall, SolValue};
use anyhow::{Context, Result, bail};
use polyspan_contracts::{Bridge, BridgeMultiToken, BridgeNFT, BridgeToken};
use polyspan_node::config::LaneInfo;
use polyspan_node::keys::SigningKey;
use polyspan_types::{Kind, Request};

use super::asset::{Costs, Goods, Way};
use super::permit;
use super::plan::{Approved, Plan};
use super::trail::Trail;
use crate::output;
use crate::wallet::{Call, Wallet};

/// Approves if necessary, requests, and reads what the bridge recorded.
///
/// Errors: a transaction fails.
pub(super) async fn send(
    wallet: &Wallet,
    signer: &SigningKey,
    info: &LaneInfo,
    plan: &Plan,
    trail: &Trail,
) -> Result<Request> {
    let bridge = info.source.bridge;
    let approving = |step| trail.approval(step);
    if plan.approved == Approved::TooLittle {
        wallet.send_observed("reset the approval", approve(info, plan, U256::ZERO), approving).await?;
    }
    if plan.approved != Approved::Enough {
        let call = approve(info, plan, plan.costs.token);
        let sent = wallet.send_observed("approve the bridge", call, approving).await?;
        let extent = match plan.goods.kind {
            // ERC-1155 knows no smaller approval.
            Kind::Erc1155 => {
                "for all ids of the token; revoke it with setApprovalForAll if you do not want that to stay"
            }
            _ => "for exactly this transfer",
        };
        trail.progress.aside(|| output::remark(format!("approved the bridge {extent}: {}", sent.tx_hash)));
    }
    let call = match plan.goods.way {
        Way::OneStep => one_step(info, plan),
        Way::Permit => permitted(wallet, signer, info, plan).await?,
        Way::Approval => two_step(info, plan),
    };
    let sent = wallet.send_observed("request the transfer", call, |step| trail.request(step)).await?;
    let block = sent.receipt.block.height;
    let recorded = wallet.chain.requests(bridge, block, block).await.context("the request was sent")?;
    let Some(request) = recorded.into_iter().find(|request| request.tx_hash == sent.tx_hash) else {
        bail!(
            "transaction {} succeeded and block {block} shows no request of it; ask the endpoint again",
            sent.tx_hash
        );
    };
    Ok(request)
}

fn approve(info: &LaneInfo, plan: &Plan, amount: U256) -> Call {
    let (bridge, goods) = (info.source.bridge, &plan.goods);
    let input = match goods.kind {
        Kind::Erc721 => BridgeNFT::approveCall { to: bridge, tokenId: id(goods) }.abi_encode(),
        Kind::Erc1155 => {
            BridgeMultiToken::setApprovalForAllCall { operator: bridge, approved: true }.abi_encode()
        }
        Kind::Native | Kind::Erc20 => {
            BridgeToken::approveCall { spender: bridge, value: amount }.abi_encode()
        }
    };
    Call { to: Some(goods.token), input: input.into(), ..Call::default() }
}

fn two_step(info: &LaneInfo, plan: &Plan) -> Call {
    let Plan { goods, fee, costs, to, refund_to, extra_data, .. } = plan;
    let (token, amount) = (goods.token, goods.amount());
    let (to, refund_to, extra_data) = (*to, *refund_to, extra_data.clone());
    let input = match goods.kind {
        Kind::Native => {
            Bridge::requestNativeTransferCall { amount, to, refundTo: refund_to, extraData: extra_data }
                .abi_encode()
        }
        Kind::Erc20 => Bridge::requestERC20TransferCall {
            token,
            amount,
            to,
            refundTo: refund_to,
            feeLimit: if fee.in_native { U256::ZERO } else { fee.limit },
            extraData: extra_data,
        }
        .abi_encode(),
        Kind::Erc721 => Bridge::requestERC721TransferCall {
            token,
            id: id(goods),
            to,
            refundTo: refund_to,
            extraData: extra_data,
        }
        .abi_encode(),
        Kind::Erc1155 => Bridge::requestERC1155TransferCall {
            token,
            ids: goods.ids.clone(),
            amounts: goods.amounts.clone(),
            to,
            refundTo: refund_to,
            extraData: extra_data,
        }
        .abi_encode(),
    };
    Call { to: Some(info.source.bridge), value: costs.native, input: input.into() }
}

async fn permitted(wallet: &Wallet, signer: &SigningKey, info: &LaneInfo, plan: &Plan) -> Result<Call> {
    let Plan { goods, fee, costs, .. } = plan;
    let permits = plan.permits.context("a permit was planned for a token that has permits")?;
    let deadline = wallet.chain.head().await?.timestamp.saturating_add(permit::VALID_FOR);
    let permit = permit::sign(signer, permits, info.source.bridge, costs.token, deadline).await?;
    let call = Bridge::requestERC20TransferWithPermitCall {
        token: goods.token,
        amount: goods.amount(),
        to: plan.to,
        refundTo: plan.refund_to,
        feeLimit: if fee.in_native { U256::ZERO } else { fee.limit },
        extraData: plan.extra_data.clone(),
        permit,
    };
    Ok(Call { to: Some(info.source.bridge), value: costs.native, input: call.abi_encode().into() })
}

/// The token moves to the bridge and calls it; what is asked for travels as data.
fn one_step(info: &LaneInfo, plan: &Plan) -> Call {
    let Plan { goods, fee, costs, .. } = plan;
    let bridge = info.source.bridge;
    let Costs { token: value, .. } = *costs;
    let fee_limit = if fee.in_native { U256::ZERO } else { fee.limit };
    let arguments = (plan.to, plan.refund_to, fee_limit, plan.extra_data.clone());
    let data = Bytes::from(arguments.abi_encode_params());
    let input = match goods.kind {
        Kind::Erc721 => {
            BridgeNFT::safeTransferFrom_1Call { from: plan.owner, to: bridge, tokenId: id(goods), data }
                .abi_encode()
        }
        Kind::Erc1155 => BridgeMultiToken::safeBatchTransferFromCall {
            from: plan.owner,
            to: bridge,
            ids: goods.ids.clone(),
            values: goods.amounts.clone(),
            data,
        }
        .abi_encode(),
        Kind::Native | Kind::Erc20 => {
            BridgeToken::transferAndCall_1Call { to: bridge, value, data }.abi_encode()
        }
    };
    Call { to: Some(goods.token), input: input.into(), ..Call::default() }
}

/// The id of an ERC-721; the command line asks for exactly one.
fn id(goods: &Goods) -> U256 {
    goods.ids.first().copied().unwrap_or_default()
}
