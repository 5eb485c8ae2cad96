//! Liquidity of pairs that lock on both sides.

use alloy::primitives::U256;
use alloy::sol_types::SolCall;
use anyhow::Result;
use polyspan_contracts::{Bridge, BridgeToken};
use polyspan_node::config::{Pair, Side};
use polyspan_types::Direction;

use crate::wallet::{Call, Wallet};

/// Puts `amount` smallest units of the pair's token into the bridge of this end.
///
/// Errors: a transaction fails.
pub async fn seed(wallet: &Wallet, side: &Side, pair: &Pair, from: Direction, amount: U256) -> Result<()> {
    let (token, _) = pair.tokens(from);
    let mut value = U256::ZERO;
    if token.is_zero() {
        value = amount;
    } else {
        let approve = BridgeToken::approveCall { spender: side.bridge, value: amount }.abi_encode();
        let call = Call { to: Some(token), input: approve.into(), ..Call::default() };
        wallet.send(&format!("approve the liquidity of pair {}", pair.name), call).await?;
    }
    let input = Bridge::seedCall { token, amount }.abi_encode().into();
    wallet.send(&format!("seed pair {}", pair.name), Call { to: Some(side.bridge), value, input }).await?;
    Ok(())
}
