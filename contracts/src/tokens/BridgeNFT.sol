// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {IBridgeNFT} from "../interfaces/IBridgeNFT.sol";
import {BridgeMinted} from "./BridgeMinted.sol";

/// @title ERC-721 that a bridge mints for what its counterpart locks
/// @custom:security-contact SECURITY.md in the project's repository
contract BridgeNFT is ERC721, BridgeMinted, IBridgeNFT {
    mapping(uint256 id => string) private _uris;

    error BridgeNFTNotHeldByBridge(uint256 id);

    constructor(string memory name_, string memory symbol_, address bridge_)
        ERC721(name_, symbol_)
        BridgeMinted(bridge_)
    {}

    /// @inheritdoc IBridgeNFT
    function safeMint(address to, uint256 id, string calldata uri) external onlyBridge {
        // Before the recipient is asked, who may want to see it.
        _setURI(id, uri);
        _safeMint(to, id);
    }

    /// @inheritdoc IBridgeNFT
    function mint(address to, uint256 id, string calldata uri) external onlyBridge {
        _setURI(id, uri);
        _mint(to, id);
    }

    /// @inheritdoc IBridgeNFT
    function burn(uint256 id) external onlyBridge {
        if (_ownerOf(id) != msg.sender) revert BridgeNFTNotHeldByBridge(id);
        // Its URI stays: a refund mints it again, and the request that burnt it carries none.
        _burn(id);
    }

    /// @inheritdoc ERC721
    function tokenURI(uint256 id) public view override returns (string memory) {
        _requireOwned(id);
        return _uris[id];
    }

    /// @dev What comes without one keeps the one that it had.
    function _setURI(uint256 id, string calldata uri) private {
        if (bytes(uri).length != 0) _uris[id] = uri;
    }
}
