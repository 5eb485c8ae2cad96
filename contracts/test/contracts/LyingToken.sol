// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestToken} from "./TestToken.sol";

/// @title A token that tells a bridge whatever it is told to tell
contract LyingToken is TestToken {
    constructor() TestToken("Lying", "LIE", 18) {}

    /// @notice Calls `to` as this token, and hands on its refusal.
    function say(address to, bytes calldata call) external returns (bytes memory) {
        (bool success, bytes memory result) = to.call(call);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
        return result;
    }
}
