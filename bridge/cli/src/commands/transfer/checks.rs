//! What a request would be refused for, and what might hold it: plain functions of what was seen.

#[cfg(test)]
mod tests;

use alloy::primitives::{Address, U256};
use polyspan_chain::{BridgeState, PairState};
use polyspan_node::config::LaneInfo;
use polyspan_types::{EXTRA_DATA_LIMIT, IDS_LIMIT, Kind};

use super::asset::{Costs, Fee, Goods, Way};
use crate::token::{NATIVE_DECIMALS, format_amount};

/// A request, and the state that decides on it.
pub(super) struct Seen<'a> {
    pub(super) info: &'a LaneInfo,
    pub(super) state: &'a BridgeState,
    /// The other end, if it answered.
    pub(super) destination: Option<&'a BridgeState>,
    pub(super) goods: &'a Goods,
    pub(super) fee: &'a Fee,
    pub(super) costs: &'a Costs,
    pub(super) owner: Address,
    /// What the owner has: of an ERC-20 one amount, else one for each id; for an ERC-721, 1 or 0.
    pub(super) has: Vec<U256>,
    /// What the owner has of the native currency.
    pub(super) native: U256,
    /// Whether the token knows permits.
    pub(super) can_permit: bool,
    /// Whether the token calls whom it is sent to.
    pub(super) declares_erc1363: bool,
    pub(super) to: Address,
    pub(super) refund_to: Address,
    /// Unit: bytes.
    pub(super) extra_data: usize,
}

impl Seen<'_> {
    fn pair(&self) -> Option<&PairState> {
        self.state.pairs.iter().find(|pair| pair.token == self.goods.token)
    }
}

/// Everything that is wrong, each with its cure.
pub(super) fn problems(seen: &Seen<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    bridge(seen, &mut problems);
    if let Some(pair) = pair(seen, &mut problems) {
        limits(seen, pair, &mut problems);
    }
    amounts(seen, &mut problems);
    owned(seen, &mut problems);
    way(seen, &mut problems);
    recipients(seen, &mut problems);
    if seen.extra_data > EXTRA_DATA_LIMIT {
        problems.push(format!(
            "--extra-data has {} bytes; at most {EXTRA_DATA_LIMIT} are taken",
            seen.extra_data
        ));
    }
    problems
}

fn bridge(seen: &Seen<'_>, problems: &mut Vec<String>) {
    let (bridge, chain) = (seen.info.source.bridge, &seen.info.source.chain);
    if !seen.state.wired {
        problems.push(format!(
            "the bridge {bridge} on chain {chain} is not wired; `polyspan config check` tells more"
        ));
    }
    if seen.state.paused {
        problems.push(format!(
            "the bridge {bridge} on chain {chain} is paused; wait until its governors end the pause"
        ));
    }
    if seen.state.requests_stopped {
        problems.push(format!(
            "the bridge {bridge} on chain {chain} takes no requests any more; use its successor's deployment file"
        ));
    }
}

/// The pair, if requests of it can be judged.
fn pair<'a>(seen: &'a Seen<'_>, problems: &mut Vec<String>) -> Option<&'a PairState> {
    let chain = &seen.info.source.chain;
    let token = seen.goods.token;
    let named = if token.is_zero() { "the native currency".to_owned() } else { format!("token {token}") };
    let found = seen.pair();
    match found {
        None => problems.push(format!(
            "{named} of chain {chain} is not registered with the bridge; use a token of a [[pair]] of the deployment, or \
             have the governors register it"
        )),
        Some(pair) if pair.kind != seen.goods.kind => {
            problems
                .push(format!("{named} is registered as {}; use `polyspan transfer {}`", pair.kind, pair.kind));
        }
        Some(pair) if pair.locked => {
            problems.push(format!("the pair of {named} is locked; wait until its governors unlock it"));
        }
        Some(_) => {}
    }
    found.filter(|pair| pair.kind == seen.goods.kind)
}

fn limits(seen: &Seen<'_>, pair: &PairState, problems: &mut Vec<String>) {
    let (goods, fee) = (seen.goods, seen.fee);
    let amount = goods.amount();
    let flag = if goods.kind == Kind::Erc721 { "--id" } else { "--amount" };
    let minimum = U256::from(pair.limits.minimum);
    if amount < minimum && !amount.is_zero() {
        let [amount, minimum] = [amount, minimum].map(|amount| goods.shown(amount));
        problems.push(format!("{flag}: {amount} is less than the pair's minimum of {minimum}; give more"));
    }
    if let Some(maximum) = pair.limits.maximum.map(U256::from).filter(|maximum| amount > *maximum) {
        let [amount, maximum] = [amount, maximum].map(|amount| goods.shown(amount));
        problems.push(format!("{flag}: {amount} is more than the pair's maximum of {maximum}; give less"));
    }
    if pair.mints && amount > pair.minted {
        let [amount, minted] = [amount, pair.minted].map(|amount| goods.shown(amount));
        problems.push(format!(
            "{flag}: {amount} is more than the {minted} that came over this bridge and can go back; give less"
        ));
    }
    if fee.now > fee.limit {
        let [now, limit] = [fee.now, fee.limit].map(|amount| fee.shown(amount));
        problems.push(format!("--fee-limit: the fee is {now}, and {limit} is allowed; raise the limit"));
    }
}

fn amounts(seen: &Seen<'_>, problems: &mut Vec<String>) {
    let goods = seen.goods;
    if goods.amounts.iter().any(U256::is_zero) {
        problems.push("--amount: 0 moves nothing; give more".to_owned());
    }
    if goods.amount() > U256::from(u128::MAX) {
        problems.push("--amount: more than a bridge counts (2^128 smallest units); give less".to_owned());
    }
    if goods.ids.len() > IDS_LIMIT {
        problems
            .push(format!("--id: {} ids are more than {IDS_LIMIT}; use several transfers", goods.ids.len()));
    }
}

/// What the owner does not have.
fn owned(seen: &Seen<'_>, problems: &mut Vec<String>) {
    let Seen { goods, costs, owner, .. } = seen;
    let has = |index: usize| seen.has.get(index).copied().unwrap_or_default();
    match goods.kind {
        Kind::Native => {}
        Kind::Erc20 if has(0) < costs.token => {
            let [has, wants] = [has(0), costs.token].map(|amount| goods.shown(amount));
            let fee = if costs.token > goods.amount() { " with the fee" } else { "" };
            problems.push(format!("--amount: {owner} has {has}, which is less than {wants}{fee}"));
        }
        Kind::Erc20 => {}
        Kind::Erc721 if has(0).is_zero() => {
            let id = goods.ids.first().copied().unwrap_or_default();
            problems.push(format!("--id: {owner} does not own token {id} of {}", goods.token));
        }
        Kind::Erc721 => {}
        Kind::Erc1155 => {
            for id in goods.ids.iter().collect::<std::collections::BTreeSet<_>>() {
                // An id that is named twice is taken twice.
                let named = |index: &usize| goods.ids[*index] == *id;
                let indices = || (0..goods.ids.len()).filter(named);
                let wants = indices().fold(U256::ZERO, |sum, index| sum.saturating_add(goods.amounts[index]));
                let has = indices().next().map(has).unwrap_or_default();
                if has < wants {
                    problems
                        .push(format!("--amount: {owner} has {has} of id {id}, which is less than {wants}"));
                }
            }
        }
    }
    let shown = |amount: U256| format_amount(amount, NATIVE_DECIMALS);
    if seen.native < costs.native {
        let (has, wants) = (shown(seen.native), shown(costs.native));
        let what = if goods.kind == Kind::Native { "--amount" } else { "the fee" };
        let fee = if goods.kind == Kind::Native && !seen.fee.limit.is_zero() { " with the fee" } else { "" };
        problems.push(format!(
            "{what}: {owner} has {has} of the native currency, which is less than {wants}{fee}"
        ));
    } else if !costs.native.is_zero() && seen.native == costs.native {
        // Equal would leave nothing for gas.
        problems.push(format!("--amount: {owner} would have nothing left to pay for gas; give less"));
    }
}

/// What the token cannot do.
fn way(seen: &Seen<'_>, problems: &mut Vec<String>) {
    let (goods, fee) = (seen.goods, seen.fee);
    if goods.way == Way::Permit && !seen.can_permit {
        problems.push(format!("--permit: {} knows no permits (ERC-2612); leave it out", goods.token));
    }
    if goods.way != Way::OneStep {
        return;
    }
    if goods.kind == Kind::Erc20 && !seen.declares_erc1363 {
        problems.push(format!("--one-step: {} does not declare ERC-1363; leave it out", goods.token));
    }
    if fee.in_native && !fee.now.is_zero() {
        problems.push(format!(
            "--one-step: the fee is {}, which a token cannot bring; leave it out",
            fee.shown(fee.now)
        ));
    }
}

fn recipients(seen: &Seen<'_>, problems: &mut Vec<String>) {
    let LaneInfo { source, destination, .. } = seen.info;
    let is_source_token = |address: Address| seen.state.pairs.iter().any(|pair| pair.token == address);
    let is_token = |address: Address| {
        is_source_token(address) || seen.state.pairs.iter().any(|pair| pair.counterpart_token == address)
    };
    let to = seen.to;
    if to.is_zero() {
        problems.push("--to: the zero address belongs to nobody".to_owned());
    } else if to == source.bridge || to == destination.bridge {
        problems.push(format!("--to: {to} is the bridge itself; give the recipient's address"));
    } else if is_token(to) {
        problems.push(format!("--to: {to} is a token of the bridge; give the recipient's address"));
    }
    let refund_to = seen.refund_to;
    if refund_to.is_zero() || refund_to == source.bridge || is_source_token(refund_to) {
        problems.push(format!("--refund-to: {refund_to} cannot be paid back; give an address of a person"));
    }
}

/// Why the transfer might be held for a while, as far as the destination tells now.
pub(super) fn warnings(seen: &Seen<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let (chain, goods) = (&seen.info.destination.chain, seen.goods);
    let (Some(pair), Some(destination)) = (seen.pair(), seen.destination) else { return warnings };
    let amount = goods.amount();
    if destination.paused {
        warnings.push(format!(
            "the bridge on chain {chain} is paused: nothing is paid until its governors end the pause"
        ));
    }
    let counterpart = destination
        .pairs
        .iter()
        .find(|other| other.token == pair.counterpart_token && other.counterpart_token == pair.token);
    let Some(counterpart) = counterpart else {
        warnings
            .push(format!("the bridge on chain {chain} does not know this pair: the transfer would be held"));
        return warnings;
    };
    if !counterpart.mints && counterpart.escrow < amount {
        warnings.push(format!(
            "the bridge on chain {chain} has {} of the token, which is less than {}: the transfer would be held until more \
             comes in",
            goods.shown(counterpart.escrow),
            goods.shown(amount)
        ));
    }
    if let Some(outflow) = counterpart.limits.outflow {
        let free = U256::from(outflow.capacity).saturating_sub(counterpart.outflow);
        if amount > free {
            warnings.push(format!(
                "only {} can flow out on chain {chain} now: the transfer would be held until there is room",
                goods.shown(free)
            ));
        }
    }
    if let Some(delay) = counterpart.limits.delay.filter(|delay| amount > U256::from(delay.above)) {
        warnings.push(format!(
            "amounts above {} are held on chain {chain} for {} blocks before they are paid",
            goods.shown(U256::from(delay.above)),
            delay.blocks
        ));
    }
    warnings
}
