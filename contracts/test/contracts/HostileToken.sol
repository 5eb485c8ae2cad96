// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hostile} from "./Hostile.sol";
import {TestToken} from "./TestToken.sol";

/// @title An ERC-20 whose transfers go wrong in the way that was chosen
contract HostileToken is TestToken, Hostile {
    constructor() TestToken("Hostile", "HOST", 18) {}

    function transfer(address to, uint256 value) public override returns (bool) {
        _behave();
        return super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        _behave();
        return super.transferFrom(from, to, value);
    }

    /// @notice Pretends to destroy and keeps everything.
    function burn(uint256) external {}
}
