//! State that a simulation presumes, since what brings it about is on its way and not mined yet.

use alloy::primitives::{Address, B256, U256};
use polyspan_types::{Epoch, RequestNonce, Root, Threshold};
use serde_json::{Value, json};

/// Slot of a bridge's `_lanes`. Source: `BridgeStorage.sol`; a test reads it from a real bridge.
const LANES_SLOT: u8 = 0;
/// Slot of a bridge's `_handleRoot`. Source: as above.
const HANDLE_ROOT_SLOT: u8 = 2;

/// A destination as it will be once it has handled what is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presumed {
    /// The destination bridge.
    pub bridge: Address,
    /// First nonce that it will not have handled.
    pub handled: RequestNonce,
    /// Root over what it will have handled.
    pub root: Root,
    /// Epoch of its operators.
    pub epoch: Epoch,
    /// How many of them approve.
    pub threshold: Threshold,
}

impl Presumed {
    /// State overrides as `eth_call` takes them. What no `handle` looks at is zero: the other lane's number, the recovery block.
    pub(crate) fn overrides(&self) -> Value {
        let wired = U256::ONE << 232;
        let lanes = U256::from(self.handled.get()) << 64
            | U256::from(self.epoch.get()) << 192
            | U256::from(self.threshold.get()) << 224
            | wired;
        json!({ self.bridge.to_string(): { "stateDiff": {
            slot(LANES_SLOT).to_string(): B256::from(lanes),
            slot(HANDLE_ROOT_SLOT).to_string(): self.root.0,
        } } })
    }
}

fn slot(number: u8) -> B256 {
    B256::with_last_byte(number)
}
