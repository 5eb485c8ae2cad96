//! What creates a bridge: the committed bytecode with the arguments of its constructor, and how much of that a chain takes.

use alloy::primitives::Address;
use alloy::sol_types::SolConstructor;
use polyspan_contracts::Bridge;

/// Most creation code that a chain takes, constructor arguments included. Unit: bytes. Source: EIP-3860.
const LIMIT: usize = 49_152;

/// What one member of either set takes of it. Unit: bytes.
const MEMBER: usize = 32;

/// Members of both sets together with which a bridge can be created. More are added by governance.
pub fn most_members() -> usize {
    let constructor = Bridge::constructorCall {
        operators: Vec::new(),
        operatorThreshold: 0,
        governors: Vec::<Address>::new(),
        governorThreshold: 0,
        governanceDelay: 0,
        refundDelay: 0,
        development: false,
    };
    LIMIT.saturating_sub(creation_code(&constructor).len()) / MEMBER
}

/// Calldata of the transaction that creates the bridge.
pub fn creation_code(constructor: &Bridge::constructorCall) -> Vec<u8> {
    [Bridge::BYTECODE.as_ref(), &constructor.abi_encode()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_members_fit_as_the_limit_says_and_no_more() {
        let size = |operators: usize, governors: usize| {
            let members = |count| vec![Address::repeat_byte(1); count];
            let constructor = Bridge::constructorCall {
                operators: members(operators),
                operatorThreshold: 1,
                governors: members(governors),
                governorThreshold: 1,
                governanceDelay: u32::MAX,
                refundDelay: u64::MAX,
                development: true,
            };
            creation_code(&constructor).len()
        };
        let most = most_members();
        assert!(most >= 8, "4 operators and 4 governors must always fit; {most} do");
        assert!(size(most - 3, 3) <= LIMIT && size(3, most - 3) <= LIMIT);
        assert!(size(most - 3, 4) > LIMIT && size(4, most - 3) > LIMIT);
    }
}
