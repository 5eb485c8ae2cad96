//! The pause of a bridge, as one operator signs it.

use alloy::primitives::{B256, keccak256};
use alloy::sol_types::SolStruct;

use crate::CheckpointDomain;
use crate::checkpoint::PREIMAGE_SIZE;

mod abi {
    alloy::sol! {
        /// Mirrors the contract's type string; the field names are part of it.
        struct Pause { uint64 pauseNonce; }
    }
}

/// "This bridge shall take and pay nothing until its governors end the pause."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pause {
    /// How many times the bridge was unpaused: a signature counts for one pause only.
    pub pause_nonce: u64,
}

impl Pause {
    /// The EIP-712 digest under the domain of the bridge that is paused.
    pub fn digest(&self, domain: &CheckpointDomain) -> B256 {
        keccak256(self.preimage(domain))
    }

    /// What hashes to the digest, for a signer that hashes by itself.
    pub fn preimage(&self, domain: &CheckpointDomain) -> [u8; PREIMAGE_SIZE] {
        let mut bytes = [0; PREIMAGE_SIZE];
        bytes[..2].copy_from_slice(&[0x19, 0x01]);
        bytes[2..34].copy_from_slice(domain.eip712().separator().as_slice());
        let pause = abi::Pause { pauseNonce: self.pause_nonce };
        bytes[34..].copy_from_slice(pause.eip712_hash_struct().as_slice());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;
    use crate::ChainId;

    #[test]
    fn a_pause_is_signed_for_one_bridge_and_one_number() {
        let domain = |byte| CheckpointDomain::new(ChainId::new(31_001), Address::repeat_byte(byte));
        let pause = Pause { pause_nonce: 2 };
        let typed = abi::Pause { pauseNonce: 2 };
        assert_eq!(pause.digest(&domain(4)), typed.eip712_signing_hash(domain(4).eip712()));
        assert_ne!(pause.digest(&domain(4)), pause.digest(&domain(5)));
        assert_ne!(pause.digest(&domain(4)), Pause { pause_nonce: 3 }.digest(&domain(4)));
    }
}
