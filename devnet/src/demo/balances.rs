//! Who owns what on both chains.

use std::collections::BTreeMap;

use alloy::primitives::utils::format_ether;
use alloy::primitives::{Address, U256};
use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use polyspan_node::config::Pair;
use polyspan_types::{Direction, Kind};

use crate::holdings::owned;
use crate::network::Network;
use crate::tokens::pair_for;
use crate::traffic::KINDS;

/// Chain, owner and pair.
type Place = (String, String, String);

/// Balances at one moment.
pub(super) struct Balances(BTreeMap<Place, (Kind, U256)>);

/// Reads the balances of both users, the recipient and the bridge, of every pair that the traffic uses, on both chains.
pub(super) async fn read(network: &Network, recipient: Address) -> Result<Balances> {
    let deployment = &network.bridge(0)?.deployment;
    let mut balances = BTreeMap::new();
    for (chain, side, direction) in [
        (network.main.access(), &deployment.main, Direction::MainToService),
        (network.service.access(), &deployment.service, Direction::ServiceToMain),
    ] {
        let sender = usize::from(direction == Direction::ServiceToMain);
        let user = &network.users[sender];
        let owners = [
            (format!("1 {}", user.name), user.address()),
            ("2 recipient".to_owned(), recipient),
            ("3 bridge".to_owned(), side.bridge),
        ];
        let used = |pair: &&Pair| {
            let names = KINDS.into_iter().flat_map(|kind| Direction::ALL.map(|way| pair_for(way, kind)));
            names.into_iter().any(|name| name == pair.name)
        };
        for pair in deployment.pairs.iter().filter(used) {
            let (token, _) = pair.tokens(direction);
            for (name, owner) in &owners {
                let owns = owned(chain, pair.kind, token, *owner, None).await?;
                let place = (chain.name.clone(), name.clone(), pair.name.clone());
                balances.insert(place, (pair.kind, owns));
            }
        }
    }
    Ok(Balances(balances))
}

/// Both side by side, without what is zero and stays so.
pub(super) fn table(before: &Balances, after: &Balances) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_BORDERS_ONLY)
        .set_header(["chain", "owner", "asset", "before", "after", "change"]);
    for column in 3..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (place @ (chain, owner, pair), (kind, was)) in &before.0 {
        let is = after.0.get(place).map_or(U256::ZERO, |(_, is)| *is);
        if was.is_zero() && is.is_zero() {
            continue;
        }
        let change = match is.cmp(was) {
            std::cmp::Ordering::Less => format!("-{}", amount(*kind, *was - is)),
            std::cmp::Ordering::Equal => "0".to_owned(),
            std::cmp::Ordering::Greater => format!("+{}", amount(*kind, is - *was)),
        };
        let asset = format!("{pair} ({kind})");
        table.add_row([
            chain.as_str(),
            &owner[2..],
            &asset,
            &amount(*kind, *was),
            &amount(*kind, is),
            &change,
        ]);
    }
    table
}

/// In whole coins, pieces or units.
fn amount(kind: Kind, value: U256) -> String {
    if matches!(kind, Kind::Erc721 | Kind::Erc1155) {
        return value.to_string();
    }
    let text = format_ether(value);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{}", &fraction[..fraction.len().min(6)])
    }
}

/// What the recipient got on each chain against what the other chain's requests asked for; sentences about differences.
pub(super) async fn received_as_asked(
    network: &Network,
    recipient: Address,
    before: &Balances,
    after: &Balances,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for direction in Direction::ALL {
        let requests = network.source(0, direction)?.requests().await?;
        let chain = &network.destination_chain(direction).name;
        for pair in &network.bridge(0)?.deployment.pairs {
            let (token, _) = pair.tokens(direction);
            let asked = requests
                .iter()
                .filter(|request| request.transfer.token == token && request.transfer.to == recipient)
                .map(|request| if pair.kind == Kind::Erc721 { U256::ONE } else { request.transfer.value })
                .sum::<U256>();
            let got = gained(chain, pair, before, after);
            if asked != got {
                problems.push(format!(
                    "{direction}, {}: the recipient was promised {} and has {} more",
                    pair.name,
                    amount(pair.kind, asked),
                    amount(pair.kind, got)
                ));
            }
        }
    }
    Ok(problems)
}

fn gained(chain: &str, pair: &Pair, before: &Balances, after: &Balances) -> U256 {
    let place = (chain.to_owned(), "2 recipient".to_owned(), pair.name.clone());
    let of = |balances: &Balances| balances.0.get(&place).map_or(U256::ZERO, |(_, owned)| *owned);
    of(after).saturating_sub(of(before))
}
