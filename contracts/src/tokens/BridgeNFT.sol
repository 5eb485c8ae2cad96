// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {IBridgeNFT} from "../interfaces/IBridgeNFT.sol";

/// @title ERC-721 that a bridge mints for what its counterpart locks
contract BridgeNFT is ERC721, IBridgeNFT {
    /// @notice The only account that mints and burns.
    address public immutable bridge;

    error BridgeNFTOnlyBridge(address caller);
    error BridgeNFTZeroBridge();
    error BridgeNFTNotHeldByBridge(uint256 id);

    modifier onlyBridge() {
        _checkBridge();
        _;
    }

    constructor(string memory name_, string memory symbol_, address bridge_) ERC721(name_, symbol_) {
        if (bridge_ == address(0)) revert BridgeNFTZeroBridge();
        bridge = bridge_;
    }

    /// @inheritdoc IBridgeNFT
    function safeMint(address to, uint256 id) external onlyBridge {
        _safeMint(to, id);
    }

    /// @inheritdoc IBridgeNFT
    function burn(uint256 id) external onlyBridge {
        if (_ownerOf(id) != msg.sender) revert BridgeNFTNotHeldByBridge(id);
        _burn(id);
    }

    function _checkBridge() private view {
        if (msg.sender != bridge) revert BridgeNFTOnlyBridge(msg.sender);
    }
}
