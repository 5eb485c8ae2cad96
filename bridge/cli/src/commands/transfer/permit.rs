//! ERC-2612 permits.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolStruct;
use anyhow::Result;
use polyspan_contracts::Bridge;
use polyspan_node::keys::SigningKey;

mod abi {
    alloy::sol! {
        /// Mirrors the type string of ERC-2612; the field names are part of it.
        struct Permit {
            /// Who permits.
            address owner;
            /// Who may take.
            address spender;
            /// How much.
            uint256 value;
            /// Number of the owner's permit.
            uint256 nonce;
            /// Last valid timestamp.
            uint256 deadline;
        }
    }
}

/// How long a permit can be used: it is sent at once. Unit: seconds.
pub(super) const VALID_FOR: u64 = 3_600;

/// Signs that `bridge` may take `value`.
///
/// `domain` is the token's own word for its EIP-712 domain. A token that lies about it gets a signature that is good for no
/// more than a permit for this bridge, which takes from whoever calls it only.
///
/// Errors: the key does not sign.
pub(super) async fn sign(
    signer: &SigningKey,
    (domain, nonce): (B256, U256),
    bridge: Address,
    value: U256,
    deadline: u64,
) -> Result<Bridge::Permit> {
    let owner = signer.address();
    let deadline = U256::from(deadline);
    let permit = abi::Permit { owner, spender: bridge, value, nonce, deadline };
    let preimage = [&[0x19, 0x01], domain.as_slice(), permit.eip712_hash_struct().as_slice()].concat();
    let signature = signer.sign_preimage(&preimage).await?;
    let v = if signature.v() { 28 } else { 27 };
    Ok(Bridge::Permit { value, deadline, v, r: signature.r().into(), s: signature.s().into() })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Signature;
    use alloy::signers::local::PrivateKeySigner;
    use alloy::sol_types::eip712_domain;

    use super::*;

    #[tokio::test]
    async fn a_permit_recovers_to_its_owner_by_the_rules_of_the_token() {
        let signer = SigningKey::Local(PrivateKeySigner::random());
        let domain = eip712_domain! { name: "Token", version: "1", chain_id: 7, verifying_contract: Address::repeat_byte(1), };
        let (bridge, value) = (Address::repeat_byte(2), U256::from(9));
        let signed = sign(&signer, (domain.hash_struct(), U256::from(3)), bridge, value, 77).await.unwrap();
        let permit = abi::Permit {
            owner: signer.address(),
            spender: bridge,
            value,
            nonce: U256::from(3),
            deadline: U256::from(77),
        };
        let signature = Signature::from_scalars_and_parity(signed.r, signed.s, signed.v == 28);
        let digest = permit.eip712_signing_hash(&domain);
        assert_eq!(signature.recover_address_from_prehash(&digest).unwrap(), signer.address());
    }
}
