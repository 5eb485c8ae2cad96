// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";

/// @title Requests of tokens with ids, on the source
/// @notice What `IBridgeRequests` says of all requests holds for these, too.
interface IBridgeCollectibles is IERC721Receiver, IERC1155Receiver {
    /// @notice Moves an approved ERC-721 token. Where this side locks, its URI travels with it (at most 512 bytes).
    /// @param token ERC-721 of a registered pair
    /// @param id of a token that the sender owns and has approved
    /// @return nonce the request's number in this lane
    function requestERC721Transfer(address token, uint256 id, address to, address refundTo, bytes calldata extraData)
        external
        payable
        returns (uint64 nonce);

    /// @notice Moves approved units of one to 16 ids of an ERC-1155 in one request.
    /// @param token ERC-1155 of a registered pair
    /// @param ids the ids
    /// @param amounts units of each id, none of them 0
    /// @return nonce the request's number in this lane
    function requestERC1155Transfer(
        address token,
        uint256[] calldata ids,
        uint256[] calldata amounts,
        address to,
        address refundTo,
        bytes calldata extraData
    ) external payable returns (uint64 nonce);
}
