//! What a transfer will move, before it does.

use std::time::Duration;

use alloy::primitives::U256;
use polyspan_node::config::LaneInfo;
use polyspan_types::Kind;

use super::asset::{Fee, Goods};
use super::pace;
use super::plan::{Approved, Plan};
use crate::network::Network;

/// What is moved: `1.5 KRT (0x…)`.
pub(super) fn what(network: &Network, info: &LaneInfo, plan: &Plan) -> String {
    let deployment = network.config.bridge(&info.id.bridge);
    let token = plan.goods.token;
    let pair = deployment
        .and_then(|deployment| deployment.pairs.iter().find(|pair| pair.tokens(info.id.direction).0 == token))
        .map(|pair| pair.name.as_str());
    moved(&plan.goods, pair)
}

/// Each line a label and what belongs to it.
pub(super) fn lines(info: &LaneInfo, plan: &Plan, what: &str, time: Option<Duration>) -> Vec<String> {
    let (source, destination) = (&info.source.chain, &info.destination.chain);
    let line = |label: &str, text: String| format!("  {label:<11} {text}");
    let mut lines = vec![
        format!("transfer over lane {}:", info.id),
        line("amount", what.to_owned()),
        line("fee", fee(&plan.fee)),
        line("from", format!("{} on chain {source}", plan.owner)),
        line("to", format!("{} on chain {destination}", plan.to)),
    ];
    if plan.refund_to != plan.owner {
        lines.push(line("refund to", format!("{} on chain {source}", plan.refund_to)));
    }
    lines.extend(approval(plan).map(|text| line("approval", text.to_owned())));
    let time = time.map_or_else(|| "not known: a chain does not answer".to_owned(), pace::shown);
    lines.push(line("time", time));
    lines
}

fn moved(goods: &Goods, pair: Option<&str>) -> String {
    let token = pair.map_or_else(|| goods.token.to_string(), |pair| format!("{pair} ({})", goods.token));
    match goods.kind {
        Kind::Native => format!("{} of the native currency", goods.shown(goods.amount())),
        Kind::Erc20 => format!("{} {token}", goods.shown(goods.amount())),
        Kind::Erc721 => format!("token {} of {token}", goods.ids.first().copied().unwrap_or_default()),
        Kind::Erc1155 => {
            let items = goods.ids.iter().zip(&goods.amounts);
            let items: Vec<_> =
                items.map(|(id, amount): (&U256, &U256)| format!("{amount} of id {id}")).collect();
            format!("{} of {token}", items.join(", "))
        }
    }
}

fn fee(fee: &Fee) -> String {
    let shown = fee.shown(fee.now);
    match (fee.now.is_zero(), fee.limit > fee.now) {
        (true, false) => "none".to_owned(),
        (_, false) => shown,
        (_, true) => format!("{shown}; at most {} if it rises meanwhile", fee.shown(fee.limit)),
    }
}

/// What is sent before the request.
fn approval(plan: &Plan) -> Option<&'static str> {
    if plan.approved == Approved::Enough {
        return None;
    }
    Some(match plan.goods.kind {
        Kind::Erc1155 => "of all ids of the token, in a transaction before it",
        _ => "of exactly this transfer, in a transaction before it",
    })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::super::asset::Way;
    use super::*;

    fn goods(kind: Kind, ids: &[u64], amounts: &[u64]) -> Goods {
        let numbers = |numbers: &[u64]| numbers.iter().copied().map(U256::from).collect();
        Goods {
            kind,
            token: Address::repeat_byte(7),
            decimals: if kind == Kind::Erc20 { 1 } else { 0 },
            ids: numbers(ids),
            amounts: numbers(amounts),
            way: Way::Approval,
        }
    }

    #[test]
    fn what_moves_is_shown_in_whole_tokens_and_by_id() {
        let token = Address::repeat_byte(7);
        assert_eq!(moved(&goods(Kind::Native, &[], &[7]), None), "7 of the native currency");
        assert_eq!(moved(&goods(Kind::Erc20, &[], &[15]), Some("KRT")), format!("1.5 KRT ({token})"));
        assert_eq!(moved(&goods(Kind::Erc721, &[9], &[1]), None), format!("token 9 of {token}"));
        assert_eq!(
            moved(&goods(Kind::Erc1155, &[7, 9], &[5, 1]), Some("ITEMS")),
            format!("5 of id 7, 1 of id 9 of ITEMS ({token})")
        );
    }

    #[test]
    fn the_fee_is_shown_with_what_it_may_become() {
        let shown = |now: u64, limit: u64| {
            fee(&Fee { now: U256::from(now), limit: U256::from(limit), in_native: false, decimals: 1 })
        };
        assert_eq!(shown(0, 0), "none");
        assert_eq!(shown(5, 5), "0.5 of the token");
        assert_eq!(shown(5, 20), "0.5 of the token; at most 2 of the token if it rises meanwhile");
    }
}
