//! What creates a bridge: the committed bytecode with the arguments of its constructor.

use alloy::primitives::{B256, keccak256};
use alloy::sol_types::SolConstructor;
use polyspan_chain::Part;
use polyspan_contracts::{Bridge, BridgeMultiToken, BridgeNFT, BridgeToken};

/// Calldata of the transaction that creates the bridge.
pub fn creation_code(constructor: &Bridge::constructorCall) -> Vec<u8> {
    [Bridge::BYTECODE.as_ref(), &constructor.abi_encode()].concat()
}

/// Hash of all code that a deployment puts on chains: another version of this program may have other code.
pub fn version() -> B256 {
    let parts = Part::ALL.map(Part::creation_code);
    let tokens = [&BridgeToken::BYTECODE, &BridgeNFT::BYTECODE, &BridgeMultiToken::BYTECODE];
    let hashes = parts.iter().chain([&Bridge::BYTECODE]).chain(tokens).map(keccak256);
    keccak256(hashes.map(|hash| hash.0).collect::<Vec<_>>().concat())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;
    use crate::deploy::spec::MAX_MEMBERS;

    /// Most creation code that a chain takes, constructor arguments included. Unit: bytes. Source: EIP-3860.
    const LIMIT: usize = 49_152;

    #[test]
    fn a_bridge_with_as_many_members_as_it_takes_can_be_created() {
        let members = vec![Address::repeat_byte(1); MAX_MEMBERS];
        let address = Address::repeat_byte(2);
        let constructor = Bridge::constructorCall {
            parts_: Bridge::Parts {
                collectibles: address,
                endings: address,
                governance: address,
                views: address,
            },
            construction: Bridge::Construction {
                operators: members.clone(),
                operatorThreshold: u8::MAX,
                governors: members,
                governorThreshold: u8::MAX,
                governanceDelay: u32::MAX,
                refundDelay: u64::MAX,
                greatestGasCap: u32::MAX,
                defersCalls: true,
                development: true,
            },
        };
        let size = creation_code(&constructor).len();
        assert!(size <= LIMIT, "{size} bytes");
    }
}
