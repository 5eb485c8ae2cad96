//! Liquidity of pairs that lock on both sides.

use alloy::primitives::U256;
use alloy::sol_types::SolCall;
use polyspan_contracts::{Bridge, BridgeToken};
use polyspan_node::config::{Pair, Side};
use polyspan_types::Direction;

use crate::wallet::Call;

/// What puts `amount` smallest units of the pair's token into the bridge of this end, each with its name.
pub fn seeds(side: &Side, pair: &Pair, from: Direction, amount: U256) -> Vec<(String, Call)> {
    let (token, _) = pair.tokens(from);
    let mut steps = Vec::new();
    let mut value = U256::ZERO;
    if token.is_zero() {
        value = amount;
    } else {
        let approve = BridgeToken::approveCall { spender: side.bridge, value: amount }.abi_encode();
        let call = Call { to: Some(token), input: approve.into(), ..Call::default() };
        steps.push((format!("approve the liquidity of pair {} on chain {}", pair.name, side.chain), call));
    }
    let input = Bridge::seedCall { token, amount }.abi_encode().into();
    steps.push((seed_name(&pair.name, &side.chain), Call { to: Some(side.bridge), value, input }));
    steps
}

/// The step after which the liquidity is in the bridge.
pub fn seed_name(pair: &str, chain: &str) -> String {
    format!("seed pair {pair} on chain {chain}")
}
