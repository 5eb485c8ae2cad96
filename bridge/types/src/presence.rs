//! What a process signs to prove that it has an attester key now.

use alloy::primitives::B256;
use alloy::sol_types::{Eip712Domain, SolStruct, eip712_domain};

use crate::checkpoint::{PREIMAGE_SIZE, preimage_in};

mod abi {
    alloy::sol! {
        /// No contract knows this type.
        struct Presence {
            /// Name of the relay.
            string member;
            /// Random number of the process.
            bytes32 instance;
            /// Random numbers of the other processes that it has seen.
            bytes32[] answers;
        }
    }
}

/// "The process `instance` of relay `member` has this key, and has seen the processes `answers`".
///
/// A process draws its number at random when it starts, so whoever finds its own number among the answers knows that
/// this was signed since then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Name of the relay.
    pub member: String,
    /// Random number of the process.
    pub instance: B256,
    /// Random numbers of the other processes that show the same key.
    pub answers: Vec<B256>,
}

impl Presence {
    /// The EIP-712 domain. It has no chain and no contract, as those of the bridges have: no contract can count what is signed here,
    /// and nothing that is signed for a contract is a presence.
    pub const fn domain() -> Eip712Domain {
        eip712_domain! {
            name: "Polyspan presence",
            version: "1",
        }
    }

    /// The EIP-712 digest.
    pub fn digest(&self) -> B256 {
        self.typed().eip712_signing_hash(&Self::domain())
    }

    /// What hashes to the digest, for a signer that hashes by itself.
    pub fn preimage(&self) -> [u8; PREIMAGE_SIZE] {
        preimage_in(&Self::domain(), self.typed().eip712_hash_struct())
    }

    fn typed(&self) -> abi::Presence {
        let Self { member, instance, answers } = self.clone();
        abi::Presence { member, instance, answers }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, keccak256};

    use super::*;
    use crate::{ChainId, CheckpointDomain};

    fn presence() -> Presence {
        let [instance, seen, other] = [1, 2, 3].map(B256::repeat_byte);
        Presence { member: "relay-1".to_owned(), instance, answers: vec![seen, other] }
    }

    #[test]
    fn the_preimage_hashes_to_the_digest() {
        assert_eq!(keccak256(presence().preimage()), presence().digest());
    }

    #[test]
    fn everything_in_a_presence_is_signed() {
        let mut shorter = presence();
        shorter.answers.pop();
        let mut swapped = presence();
        swapped.answers.reverse();
        let others = [
            Presence { member: "relay-2".to_owned(), ..presence() },
            Presence { instance: B256::repeat_byte(4), ..presence() },
            shorter,
            swapped,
        ];
        for other in others {
            assert_ne!(other.digest(), presence().digest(), "{other:?}");
        }
    }

    #[test]
    fn no_bridge_shares_the_domain() {
        let bridge = CheckpointDomain::new(ChainId::new(1), Address::ZERO);
        assert_ne!(Presence::domain().separator(), bridge.eip712().separator());
        assert_ne!(Presence::domain().type_hash(), bridge.eip712().type_hash());
    }
}
