// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestToken} from "./TestToken.sol";

/// @title An ERC-20 that refuses accounts on its list, as sender and as recipient
contract BlacklistToken is TestToken {
    mapping(address account => bool) public refused;

    error Blacklisted(address account);

    constructor() TestToken("Blacklist", "BLACK", 18) {}

    function setRefused(address account, bool refused_) external {
        refused[account] = refused_;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (refused[from]) revert Blacklisted(from);
        if (refused[to]) revert Blacklisted(to);
        super._update(from, to, value);
    }
}
