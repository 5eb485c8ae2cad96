//! The hash chain of a lane, byte for byte as the contracts compute it (`contracts/src/libraries/Checkpoints.sol`).

use std::fmt;

use alloy::primitives::{Address, B256, keccak256};
use alloy::sol_types::SolValue;
use serde::{Deserialize, Serialize};

use crate::{BridgeId, ChainId, Request};

/// Hash of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Leaf(pub B256);

/// Hash over the first requests of a lane, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Root(pub B256);

impl Root {
    /// `root(0)`: no request yet.
    pub fn zero(bridge_id: BridgeId) -> Self {
        let tag = keccak256("Polyspan root 0");
        Self(keccak256((tag, bridge_id.0).abi_encode()))
    }

    /// `root(n + 1)`: this root with one more leaf.
    #[must_use]
    pub fn then(self, leaf: Leaf) -> Self {
        Self(keccak256((self.0, leaf.0).abi_encode()))
    }
}

impl Leaf {
    /// Leaf of a request: nine words, the last of them the hash of its payload.
    pub fn of(request: &Request) -> Self {
        let transfer = &request.transfer;
        let words = (
            request.nonce.get(),
            transfer.source_block.get(),
            alloy::primitives::U256::from(transfer.kind.number()),
            transfer.token,
            transfer.from,
            transfer.to,
            transfer.refund_to,
            transfer.value,
            keccak256(&transfer.payload),
        );
        Self(keccak256(words.abi_encode()))
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Id of the lane from `source` to `destination`.
pub fn bridge_id(
    (source_chain, source_bridge): (ChainId, Address),
    (destination_chain, destination_bridge): (ChainId, Address),
    salt: B256,
) -> BridgeId {
    let words = (source_chain.get(), source_bridge, destination_chain.get(), destination_bridge, salt);
    BridgeId(keccak256(words.abi_encode()))
}
