//! What governors sign to take a scheduled configuration back.

use alloy::primitives::{B256, keccak256};
use alloy::sol_types::SolStruct;
use serde::{Deserialize, Serialize};

use crate::checkpoint::PREIMAGE_SIZE;
use crate::{CheckpointDomain, Epoch};

mod abi {
    alloy::sol! {
        /// Mirrors the contract's type string; the field names are part of it.
        struct Cancellation { uint64 epoch; uint64 configurationNonce; }
    }
}

/// "Configuration number `configuration_nonce` shall not be executed", said under an epoch of governors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cancellation {
    /// Epoch of the bridge's governors.
    pub epoch: Epoch,
    /// Number of the configuration.
    pub configuration_nonce: u64,
}

impl Cancellation {
    /// The EIP-712 digest under the domain of the bridge that the configuration is of.
    pub fn digest(&self, domain: &CheckpointDomain) -> B256 {
        keccak256(self.preimage(domain))
    }

    /// What hashes to the digest, for a signer that hashes by itself.
    pub fn preimage(&self, domain: &CheckpointDomain) -> [u8; PREIMAGE_SIZE] {
        let typed =
            abi::Cancellation { epoch: self.epoch.get(), configurationNonce: self.configuration_nonce };
        domain.preimage(typed.eip712_hash_struct())
    }
}
