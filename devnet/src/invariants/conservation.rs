//! Value is neither made nor lost: the counters of both contracts, what is on the way, and real balances.

use alloy::primitives::{Address, U256};
use anyhow::Result;
use polyspan_contracts::Bridge::{BridgeState, PairState};
use polyspan_contracts::testing::{TestNFT, TestToken};
use polyspan_node::config::{Minter, Pair};
use polyspan_types::{Direction, Kind, Request};

use crate::account;
use crate::bridge_view::BridgeView;

/// What the two bridges really own of a pair.
#[derive(Debug)]
pub(super) struct Balances {
    pub(super) main: U256,
    pub(super) service: U256,
}

/// Compares one pair. `unhandled` are the requests of both lanes that the destinations have not handled.
pub(super) fn compare(
    pair: &Pair,
    [main, service]: [&BridgeState; 2],
    unhandled: &[(Direction, Request)],
    balances: &Balances,
) -> Vec<String> {
    let (Some(main), Some(service)) = (side(main, pair.main_token), side(service, pair.service_token)) else {
        return vec![format!("pair {}: a side does not know it", pair.name)];
    };
    let in_flight = unhandled
        .iter()
        .filter(|(direction, request)| request.transfer.token == pair.tokens(*direction).0)
        .map(|(_, request)| counted(pair.kind, request.transfer.value))
        .sum::<U256>();
    let held = U256::from(main.held) + U256::from(service.held);
    let (claims, covered) = match pair.mints {
        Minter::Service => (U256::from(service.minted) + in_flight + held, U256::from(main.escrow)),
        Minter::Main => (U256::from(main.minted) + in_flight + held, U256::from(service.escrow)),
        Minter::None => (
            U256::from(main.seeded) + U256::from(service.seeded) + in_flight + held,
            U256::from(main.escrow) + U256::from(service.escrow),
        ),
    };
    let mut problems = Vec::new();
    if claims != covered {
        problems.push(format!(
            "pair {}: escrow is {covered}, claims are {claims} ({in_flight} in flight, {held} held)",
            pair.name
        ));
    }
    for (what, balance, escrow) in
        [("main", balances.main, main.escrow), ("service", balances.service, service.escrow)]
    {
        if balance < U256::from(escrow) {
            problems.push(format!("pair {}: the {what} bridge owns {balance} and owes {escrow}", pair.name));
        }
    }
    problems
}

/// What a bridge owns of a token. Unit: the token's smallest unit, or pieces of an ERC-721.
pub(super) async fn held_by_bridge(bridge: BridgeView<'_>, kind: Kind, token: Address) -> Result<U256> {
    let account = bridge.side.bridge;
    match kind {
        Kind::Native => account::native_balance(bridge.chain, account).await,
        Kind::Erc20 => account::read(bridge.chain, token, &TestToken::balanceOfCall { account }).await,
        Kind::Erc721 => account::read(bridge.chain, token, &TestNFT::balanceOfCall { owner: account }).await,
    }
}

fn side(state: &BridgeState, token: Address) -> Option<&PairState> {
    state.pairs.iter().find(|pair| pair.configuration.token == token)
}

fn counted(kind: Kind, value: U256) -> U256 {
    if kind == Kind::Erc721 { U256::ONE } else { value }
}
