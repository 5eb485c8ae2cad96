// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hostile} from "./Hostile.sol";
import {TestNFT} from "./TestNFT.sol";

/// @title An ERC-721 whose transfers go wrong in the way that was chosen
contract HostileNFT is TestNFT, Hostile {
    constructor() TestNFT("Hostile", "HOST") {}

    function transferFrom(address from, address to, uint256 id) public override {
        _behave();
        super.transferFrom(from, to, id);
    }
}
