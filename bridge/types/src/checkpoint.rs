//! What operators sign.

use alloy::primitives::{Address, B256};
use alloy::sol_types::{Eip712Domain, SolStruct, eip712_domain};
use serde::{Deserialize, Serialize};

use crate::{BridgeId, ChainId, Epoch, RequestNonce, Root};

mod abi {
    alloy::sol! {
        /// Mirrors the contract's type string; the field names are part of it.
        struct Checkpoint {
            /// The lane.
            bytes32 bridgeId;
            /// Epoch of the operators.
            uint64 epoch;
            /// How many requests.
            uint64 nonce;
            /// Hash over them.
            bytes32 root;
        }
    }
}

/// "The first `nonce` requests of this lane hash to `root`", said under an epoch of operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The lane.
    pub bridge_id: BridgeId,
    /// Epoch of the destination's operators.
    pub epoch: Epoch,
    /// How many requests, counted from the first.
    pub nonce: RequestNonce,
    /// Hash over them.
    pub root: Root,
}

impl Checkpoint {
    /// The EIP-712 digest: the same for signatures and for on-chain votes.
    pub fn digest(&self, domain: &CheckpointDomain) -> B256 {
        abi::Checkpoint {
            bridgeId: self.bridge_id.0,
            epoch: self.epoch.get(),
            nonce: self.nonce.get(),
            root: self.root.0,
        }
        .eip712_signing_hash(&domain.0)
    }
}

/// EIP-712 domain of one bridge contract: the destination of the lane whose checkpoints are signed.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointDomain(Eip712Domain);

impl CheckpointDomain {
    /// Domain of the bridge at `bridge` on `chain`.
    pub fn new(chain: ChainId, bridge: Address) -> Self {
        Self(eip712_domain! {
            name: "Polyspan",
            version: "1",
            chain_id: chain.get(),
            verifying_contract: bridge,
        })
    }

    /// The domain itself, for other typed data of the same contract (pause, configuration).
    pub const fn eip712(&self) -> &Eip712Domain {
        &self.0
    }
}
