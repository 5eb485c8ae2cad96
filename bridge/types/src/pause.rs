//! What one operator signs to pause a bridge.

use alloy::primitives::B256;
use alloy::sol_types::SolStruct;

use crate::CheckpointDomain;
use crate::checkpoint::{PREIMAGE_SIZE, preimage};

mod abi {
    alloy::sol! {
        /// Mirrors the contract's type string; the field name is part of it.
        struct Pause { uint64 pauseNonce; }
    }
}

/// "This bridge shall be paused", said when it had been unpaused `pause_nonce` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pause {
    /// How often the bridge was unpaused. An unpause raises it, so that a pause is good once.
    pub pause_nonce: u64,
}

impl Pause {
    /// The EIP-712 digest under the domain of the bridge that is paused.
    pub fn digest(&self, domain: &CheckpointDomain) -> B256 {
        self.typed().eip712_signing_hash(domain.eip712())
    }

    /// What hashes to the digest, for a signer that hashes by itself.
    pub fn preimage(&self, domain: &CheckpointDomain) -> [u8; PREIMAGE_SIZE] {
        preimage(domain, self.typed().eip712_hash_struct())
    }

    const fn typed(&self) -> abi::Pause {
        abi::Pause { pauseNonce: self.pause_nonce }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, keccak256};

    use super::*;
    use crate::ChainId;

    #[test]
    fn a_pause_is_signed_for_one_bridge_and_one_number() {
        let domain = |byte| CheckpointDomain::new(ChainId::new(31_001), Address::repeat_byte(byte));
        let pause = Pause { pause_nonce: 2 };
        assert_ne!(pause.digest(&domain(4)), pause.digest(&domain(5)));
        assert_ne!(pause.digest(&domain(4)), Pause { pause_nonce: 3 }.digest(&domain(4)));
    }

    #[test]
    fn the_preimage_hashes_to_the_digest_and_each_pause_has_its_own() {
        let domain = CheckpointDomain::new(ChainId::new(31_001), Address::repeat_byte(4));
        let [first, second] = [0, 1].map(|pause_nonce| Pause { pause_nonce });
        assert_eq!(keccak256(first.preimage(&domain)), first.digest(&domain));
        assert_ne!(first.digest(&domain), second.digest(&domain));
    }
}
