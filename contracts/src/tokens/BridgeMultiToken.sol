// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

import {IBridgeMultiToken} from "../interfaces/IBridgeMultiToken.sol";
import {BridgeMinted} from "./BridgeMinted.sol";

/// @title ERC-1155 that a bridge mints for what its counterpart locks
/// @custom:security-contact SECURITY.md in the project's repository
contract BridgeMultiToken is ERC1155, BridgeMinted, IBridgeMultiToken {
    /// @param uri_ where the metadata of all ids are, with `{id}` in it, as the locked token has it
    constructor(string memory uri_, address bridge_) ERC1155(uri_) BridgeMinted(bridge_) {}

    /// @inheritdoc IBridgeMultiToken
    function mintBatch(address to, uint256[] calldata ids, uint256[] calldata amounts) external onlyBridge {
        _mintBatch(to, ids, amounts, "");
    }

    /// @inheritdoc IBridgeMultiToken
    function burnBatch(uint256[] calldata ids, uint256[] calldata amounts) external onlyBridge {
        _burnBatch(msg.sender, ids, amounts);
    }
}
