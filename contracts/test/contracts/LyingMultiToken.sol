// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestMultiToken} from "./TestMultiToken.sol";

/// @title An ERC-1155 that tells a bridge whatever it is told to tell, and keeps what it is told to burn
contract LyingMultiToken is TestMultiToken {
    constructor() TestMultiToken("uri") {}

    /// @notice Pretends to destroy and keeps everything.
    function burnBatch(uint256[] calldata, uint256[] calldata) external {}

    function mintBatch(address to, uint256[] calldata ids, uint256[] calldata amounts) external {
        _mintBatch(to, ids, amounts, "");
    }

    /// @notice Calls `to` as this token, and hands on its refusal.
    function say(address to, bytes calldata call) external {
        (bool success, bytes memory result) = to.call(call);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}
