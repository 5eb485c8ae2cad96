// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestNFT} from "./TestNFT.sol";

/// @title An ERC-721 with a URI, that tells a bridge whatever it is told to tell
contract LyingNFT is TestNFT {
    string private _uri;

    constructor() TestNFT("Lying", "LIE") {}

    function setURI(string calldata uri) external {
        _uri = uri;
    }

    function tokenURI(uint256) public view override returns (string memory) {
        return _uri;
    }

    /// @notice Creates a token and has the recipient called with `data`.
    function safeMint(address to, uint256 id, bytes calldata data) external {
        _safeMint(to, id, data);
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
