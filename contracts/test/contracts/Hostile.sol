// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// How a hostile contract answers when it is called.
enum Behaviour {
    Honest,
    Reverts,
    BurnsGas,
    ReturnsFalse,
    ReturnsGarbage,
    ReturnsShort,
    ReturnsNothing,
    ReturnsMuch,
    RevertsMuch,
    Reenters,
    BurnsGasWhenPaidFor
}

/// @title What the hostile contracts have in common
abstract contract Hostile {
    /// @dev Costs the callee about 570 000 gas to make, and a caller that copies it as much again. Unit: bytes.
    uint256 private constant MUCH = 512 * 1024;

    Behaviour public behaviour;
    address public target;
    bytes public payload;
    uint256 public reentries;
    bool public reentrySucceeded;
    bytes public reentryResult;

    /// @notice Sets how the contract answers from now on.
    function setBehaviour(Behaviour behaviour_) external {
        behaviour = behaviour_;
    }

    /// @notice Makes the contract call `target_` with `payload_` whenever it is called.
    function setReentry(address target_, bytes calldata payload_) external {
        behaviour = Behaviour.Reenters;
        target = target_;
        payload = payload_;
    }

    /// @dev Returns from the outermost call when the behaviour says so; comes back when the contract is to be honest.
    function _behave() internal {
        Behaviour chosen = behaviour;
        if (chosen == Behaviour.Reverts) revert("hostile");
        // An estimate has no gas price: what it sees is not what will happen.
        bool isPaidFor = chosen == Behaviour.BurnsGasWhenPaidFor && tx.gasprice != 0;
        if (chosen == Behaviour.BurnsGas || isPaidFor) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (chosen == Behaviour.ReturnsFalse) _answer(0, 32);
        if (chosen == Behaviour.ReturnsGarbage) _answer(uint256(keccak256("garbage")), 32);
        if (chosen == Behaviour.ReturnsShort) _answer(uint256(1) << 248, 1);
        if (chosen == Behaviour.ReturnsNothing) _answer(0, 0);
        if (chosen == Behaviour.ReturnsMuch) _answer(1, MUCH);
        if (chosen == Behaviour.RevertsMuch) {
            uint256 size = MUCH;
            assembly ("memory-safe") {
                revert(0, size)
            }
        }
        if (chosen == Behaviour.Reenters) {
            ++reentries;
            (reentrySucceeded, reentryResult) = target.call(payload);
        }
    }

    function _answer(uint256 word, uint256 size) private pure {
        assembly {
            mstore(0, word)
            return(0, size)
        }
    }
}
