//! The storage of a bridge contract, where it keeps how far its lanes are.
//!
//! The slots are found by what they hold, so that a contract with another layout is an error and never a wrong figure.

use alloy::primitives::{B256, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge::{self, LaneState};
use polyspan_types::Root;

use crate::account;
use crate::bridge_view::BridgeView;

/// Slots that are looked through.
const SLOTS: u64 = 200;

/// Bits of a counter of the slot with both lanes: requests, handled, the source block of the last that was.
const COUNTER: usize = 64;

/// As if `nonce` requests with `root` over them had been made.
///
/// Errors: the node refuses, or the contract keeps it elsewhere.
pub async fn set_requested(bridge: &BridgeView<'_>, nonce: u64, root: Root) -> Result<()> {
    let state = lane_state(bridge).await?;
    let slot = find(bridge, |word| word == U256::from_be_bytes(state.requestRoot.0)).await?;
    write(bridge, slot, U256::from_be_bytes(root.0.0)).await?;
    set_counters(bridge, &state, [nonce, state.handleNonce, state.recoveryBlockNumber]).await?;
    let now = lane_state(bridge).await?;
    if now.requestNonce != nonce || now.requestRoot != root.0 || now.handleNonce != state.handleNonce {
        bail!("{} keeps its requests elsewhere than expected", bridge.side.bridge);
    }
    Ok(())
}

/// As if `nonce` requests with `root` over them had been handled, the last of them from the block `recovery` of the source.
///
/// Errors: the node refuses, or the contract keeps it elsewhere.
pub async fn set_handled(bridge: &BridgeView<'_>, nonce: u64, root: Root, recovery: u64) -> Result<()> {
    let state = lane_state(bridge).await?;
    let slot = find(bridge, |word| word == U256::from_be_bytes(state.handleRoot.0)).await?;
    write(bridge, slot, U256::from_be_bytes(root.0.0)).await?;
    set_counters(bridge, &state, [state.requestNonce, nonce, recovery]).await?;
    let now = lane_state(bridge).await?;
    if now.handleNonce != nonce || now.handleRoot != root.0 || now.recoveryBlockNumber != recovery {
        bail!("{} keeps what it handled elsewhere than expected", bridge.side.bridge);
    }
    Ok(())
}

async fn set_counters(bridge: &BridgeView<'_>, before: &LaneState, after: [u64; 3]) -> Result<()> {
    let old = [before.requestNonce, before.handleNonce, before.recoveryBlockNumber];
    let mask = (U256::from(1) << (3 * COUNTER)) - U256::from(1);
    let epoch = U256::from(before.operatorEpoch);
    let is_it =
        |word: U256| word & mask == packed(old) && (word >> (3 * COUNTER)) & U256::from(u32::MAX) == epoch;
    let slot = find(bridge, is_it).await?;
    let word = storage_at(bridge, slot).await?;
    write(bridge, slot, (word & !mask) | packed(after)).await
}

/// The first in the lowest bits.
fn packed(counters: [u64; 3]) -> U256 {
    let shifted =
        counters.into_iter().enumerate().map(|(place, counter)| U256::from(counter) << (place * COUNTER));
    shifted.fold(U256::ZERO, |word, counter| word | counter)
}

async fn lane_state(bridge: &BridgeView<'_>) -> Result<LaneState> {
    account::read(bridge.chain, bridge.side.bridge, &Bridge::laneStateCall {}).await
}

async fn find(bridge: &BridgeView<'_>, is_it: impl Fn(U256) -> bool) -> Result<U256> {
    for slot in (0..SLOTS).map(U256::from) {
        if is_it(storage_at(bridge, slot).await?) {
            return Ok(slot);
        }
    }
    bail!("no slot of {} holds how far its lanes are", bridge.side.bridge)
}

async fn storage_at(bridge: &BridgeView<'_>, slot: U256) -> Result<U256> {
    let read = bridge.chain.provider.get_storage_at(bridge.side.bridge, slot).await;
    read.with_context(|| format!("{} tells no storage", bridge.chain.name))
}

async fn write(bridge: &BridgeView<'_>, slot: U256, word: U256) -> Result<()> {
    let written =
        bridge.chain.provider.anvil_set_storage_at(bridge.side.bridge, slot, B256::from(word)).await;
    written.map(drop).with_context(|| format!("{} sets no storage", bridge.chain.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_packed_from_the_lowest_bits_on() {
        assert_eq!(packed([1, 0, 0]), U256::from(1));
        assert_eq!(packed([0, 2, 3]), (U256::from(2) << 64) | (U256::from(3) << 128));
    }
}
