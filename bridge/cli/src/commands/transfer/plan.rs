//! Planning a request: everything that could be refused is looked at before anything is sent.

use alloy::primitives::{Address, B256, Bytes, FixedBytes, U256};
use anyhow::{Context, Result};
use polyspan_chain::{At, BridgeState};
use polyspan_node::config::{Deployment, LaneInfo};
use polyspan_types::Kind;

use super::CommonArguments;
use super::asset::{Asset, Costs, Fee, Goods, Way};
use super::checks::{self, Seen};
use super::nature::{Nature, misfit};
use crate::failure::BadInput;
use crate::network::Network;
use crate::token::{NATIVE_DECIMALS, Token};
use crate::wallet::Wallet;

/// ERC-165 id of ERC-1363.
const ERC1363: FixedBytes<4> = FixedBytes([0xb0, 0x20, 0x2a, 0x11]);

/// A request that would be accepted now.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) goods: Goods,
    pub(super) fee: Fee,
    pub(super) costs: Costs,
    /// Who sends it.
    pub(super) owner: Address,
    pub(super) to: Address,
    pub(super) refund_to: Address,
    pub(super) extra_data: Bytes,
    /// What the bridge may take already; more is approved first.
    pub(super) approved: Approved,
    /// The token's domain and the owner's number, for a permit.
    pub(super) permits: Option<(B256, U256)>,
}

/// The state of the approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Approved {
    /// Nothing has to be approved.
    Enough,
    /// Nothing is approved.
    No,
    /// Some tokens refuse to change an approval that is not zero.
    TooLittle,
}

/// Looks at everything that could be refused, and says all of it. Beside the plan: what to know before it is sent.
///
/// Errors: what must be corrected, or the endpoint.
pub(super) async fn plan(
    network: &Network,
    info: &LaneInfo,
    wallet: &Wallet,
    asset: Asset,
    common: &CommonArguments,
) -> Result<(Plan, Vec<String>)> {
    let deployment = network.config.bridge(&info.id.bridge).context("the lane's bridge is in the config")?;
    let token = resolve(deployment, info, &asset)?;
    let state = wallet.chain.bridge_state(info.source.bridge, At::Latest).await?;
    // What the destination says is for warnings only, so it may be away.
    let destination =
        network.chain(&info.destination).bridge_state(info.destination.bridge, At::Latest).await.ok();
    let contract = Token::new(&wallet.chain, token);
    let pair = state.pairs.iter().find(|pair| pair.token == token);
    if !token.is_zero() {
        let nature = Nature::fetch(&wallet.chain, token).await?;
        if let Some(problem) = misfit(token, &info.source.chain, asset.kind, pair, nature) {
            return Err(BadInput::list("this transfer would be refused", &[problem]).into());
        }
    }
    let decimals = match asset.kind {
        Kind::Native => NATIVE_DECIMALS,
        Kind::Erc721 | Kind::Erc1155 => 0,
        Kind::Erc20 => pair.map_or(0, |pair| pair.decimals),
    };
    let goods = asset.goods(token, decimals)?;
    let fee = Fee::of(pair.map(|pair| &pair.limits), &goods, common.fee_limit.as_deref())?;
    let costs = Costs::of(&goods, &fee);
    let owner = wallet.address();
    let has = owned(&contract, &goods, owner).await?;
    let permits = if goods.way == Way::Permit { contract.permits(owner).await? } else { None };
    let declares_erc1363 =
        goods.kind == Kind::Erc20 && goods.way == Way::OneStep && contract.declares(ERC1363).await?;
    let refund_to = common.refund_to.unwrap_or(owner);
    let seen = Seen {
        info,
        state: &state,
        destination: destination.as_ref(),
        goods: &goods,
        fee: &fee,
        costs: &costs,
        owner,
        has,
        native: wallet.chain.balance(owner).await?,
        can_permit: permits.is_some(),
        declares_erc1363,
        to: common.to,
        refund_to,
        extra_data: common.extra_data.len(),
    };
    let problems = checks::problems(&seen);
    if !problems.is_empty() {
        return Err(BadInput::list("this transfer would be refused", &problems).into());
    }
    let remarks = remarks(&seen, destination.as_ref());
    let approved = approved(&contract, &goods, costs.token, owner, info.source.bridge).await?;
    let extra_data = common.extra_data.clone();
    Ok((Plan { goods, fee, costs, owner, to: common.to, refund_to, extra_data, approved, permits }, remarks))
}

fn remarks(seen: &Seen<'_>, destination: Option<&BridgeState>) -> Vec<String> {
    let mut remarks = checks::warnings(seen);
    if destination.is_none() {
        let chain = &seen.info.destination.chain;
        remarks.push(format!(
            "chain {chain} does not answer, so nobody looked whether the transfer can be paid there"
        ));
    }
    remarks
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

/// What the owner has: one number, or one for each id.
async fn owned(contract: &Token<'_>, goods: &Goods, owner: Address) -> Result<Vec<U256>> {
    let mut has = Vec::new();
    match goods.kind {
        // Looked at with the rest of the native currency.
        Kind::Native => {}
        Kind::Erc20 => has.push(contract.balance(owner).await?.unwrap_or_default()),
        Kind::Erc721 => {
            for id in &goods.ids {
                let own = contract.owner_of(*id).await? == Some(owner);
                has.push(if own { U256::from(1) } else { U256::ZERO });
            }
        }
        Kind::Erc1155 => {
            for id in &goods.ids {
                has.push(contract.units(*id, owner).await?.unwrap_or_default());
            }
        }
    }
    Ok(has)
}

async fn approved(
    contract: &Token<'_>,
    goods: &Goods,
    needed: U256,
    owner: Address,
    bridge: Address,
) -> Result<Approved> {
    if goods.way != Way::Approval {
        return Ok(Approved::Enough);
    }
    let enough = |enough| if enough { Approved::Enough } else { Approved::No };
    Ok(match goods.kind {
        Kind::Native => Approved::Enough,
        Kind::Erc721 => {
            let id = goods.ids.first().copied().unwrap_or_default();
            enough(contract.may_take(id, owner, bridge).await?)
        }
        Kind::Erc1155 => enough(contract.may_take_all(owner, bridge).await?),
        Kind::Erc20 => match contract.allowance(owner, bridge).await?.unwrap_or_default() {
            allowance if allowance >= needed => Approved::Enough,
            allowance if allowance.is_zero() => Approved::No,
            _ => Approved::TooLittle,
        },
    })
}
