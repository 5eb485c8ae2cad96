// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Parts} from "../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../src/interfaces/IBridgeErrors.sol";
import {BridgeTest} from "./BridgeTest.sol";

/// @title What a bridge demands of its parts
contract PartsOfABridgeTest is BridgeTest {
    address private constant NOWHERE = address(0x404);

    function test_a_part_without_code_is_refused() external {
        // A call of it would succeed and do nothing.
        for (uint256 i = 0; i < 4; ++i) {
            Parts memory parts = bridge.parts();
            if (i == 0) parts.collectibles = NOWHERE;
            if (i == 1) parts.endings = NOWHERE;
            if (i == 2) parts.governance = NOWHERE;
            if (i == 3) parts.views = NOWHERE;
            (address made, bytes memory reason) = _make(parts);
            assertEq(made, address(0), "refused");
            bytes memory expected = abi.encodeWithSelector(IBridgeErrors.BridgePartWithoutCode.selector, NOWHERE);
            assertEq(keccak256(reason), keccak256(expected), "reason");
        }
        (address last,) = _make(bridge.parts());
        assertTrue(last.code.length != 0, "with all of them");
    }

    function test_the_parts_are_those_it_was_made_with() external {
        assertEq(keccak256(abi.encode(bridge.parts())), keccak256(abi.encode(_parts)), "as given");
        _parts = _newParts();
        assertTrue(keccak256(abi.encode(bridge.parts())) != keccak256(abi.encode(_parts)), "others");
        _freshBridge();
        assertEq(keccak256(abi.encode(bridge.parts())), keccak256(abi.encode(_parts)), "of another one");
    }

    /// @dev Two bridges run the same code, each on what it keeps itself.
    function test_bridges_that_share_parts_share_nothing_else() external {
        address first = address(bridge);
        _freshBridge();
        assertEq(bridge.parts().governance, _parts.governance, "the same parts");
        assertTrue(!bridge.state().wired, "the second is not wired");
        assertTrue(first != address(bridge), "two");
        _configure(_wireCall());
        assertEq(bridge.state().pairs.length, 0, "and has no pairs");
    }

    function _make(Parts memory parts) private returns (address made, bytes memory reason) {
        bytes memory creation = bytes.concat(
            vm.getCode("Bridge.sol:Bridge"), abi.encode(parts, _construction(_members(OPERATOR_KEY), THRESHOLD))
        );
        assembly ("memory-safe") {
            made := create(0, add(creation, 0x20), mload(creation))
            if iszero(made) {
                reason := mload(0x40)
                mstore(reason, returndatasize())
                returndatacopy(add(reason, 0x20), 0, returndatasize())
                mstore(0x40, add(reason, and(add(returndatasize(), 0x3f), not(0x1f))))
            }
        }
    }
}
