// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestToken} from "./TestToken.sol";

/// @title An ERC-20 that destroys a share of every transfer
contract FeeToken is TestToken {
    /// @dev Unit: hundredths.
    uint256 public immutable fee;

    constructor(uint256 fee_) TestToken("Fee", "FEE", 18) {
        fee = fee_;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from != address(0) && to != address(0)) {
            uint256 taken = value * fee / 100;
            super._update(from, address(0), taken);
            value -= taken;
        }
        super._update(from, to, value);
    }
}
