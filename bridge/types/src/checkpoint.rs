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

/// Bytes whose hash is a digest: two that mark typed data, the domain's hash, the checkpoint's hash.
pub const PREIMAGE_SIZE: usize = 66;

impl Checkpoint {
    /// The EIP-712 digest: the same for signatures and for on-chain votes.
    pub fn digest(&self, domain: &CheckpointDomain) -> B256 {
        self.typed().eip712_signing_hash(&domain.0)
    }

    /// What hashes to the digest, for a signer that hashes by itself.
    pub fn preimage(&self, domain: &CheckpointDomain) -> [u8; PREIMAGE_SIZE] {
        preimage(domain, self.typed().eip712_hash_struct())
    }

    fn typed(&self) -> abi::Checkpoint {
        abi::Checkpoint {
            bridgeId: self.bridge_id.0,
            epoch: self.epoch.get(),
            nonce: self.nonce.get(),
            root: self.root.0,
        }
    }
}

/// What hashes to the EIP-712 digest of a struct with this hash.
pub(crate) fn preimage(domain: &CheckpointDomain, struct_hash: B256) -> [u8; PREIMAGE_SIZE] {
    preimage_in(&domain.0, struct_hash)
}

/// As [`preimage`], in any domain.
pub(crate) fn preimage_in(domain: &Eip712Domain, struct_hash: B256) -> [u8; PREIMAGE_SIZE] {
    let mut bytes = [0; PREIMAGE_SIZE];
    bytes[..2].copy_from_slice(&[0x19, 0x01]);
    bytes[2..34].copy_from_slice(domain.separator().as_slice());
    bytes[34..].copy_from_slice(struct_hash.as_slice());
    bytes
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

    /// What hashes to the digest of other typed data of the same contract, whose struct has this hash.
    pub fn preimage(&self, struct_hash: B256) -> [u8; PREIMAGE_SIZE] {
        preimage(self, struct_hash)
    }

    /// The domain itself, for other typed data of the same contract (pause, configuration).
    pub const fn eip712(&self) -> &Eip712Domain {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;

    use super::*;

    #[test]
    fn the_preimage_hashes_to_the_digest() {
        let checkpoint = Checkpoint {
            bridge_id: BridgeId(B256::repeat_byte(1)),
            epoch: Epoch::new(2),
            nonce: RequestNonce::new(64),
            root: Root(B256::repeat_byte(3)),
        };
        let domain = CheckpointDomain::new(ChainId::new(31_001), Address::repeat_byte(4));
        assert_eq!(keccak256(checkpoint.preimage(&domain)), checkpoint.digest(&domain));
    }
}
