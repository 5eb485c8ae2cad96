// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1363Receiver} from "@openzeppelin/contracts/interfaces/IERC1363Receiver.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IBridgeCollectibles} from "../interfaces/IBridgeCollectibles.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Payloads} from "../libraries/Payloads.sol";
import {Pair} from "./BridgeStorage.sol";
import {Collectibles} from "./Collectibles.sol";
import {Terms} from "./Intake.sol";
import {Arguments, OneStep} from "./OneStep.sol";

/// @title Requests of tokens with ids, in two steps and in one
abstract contract CollectibleRequests is Collectibles, OneStep, IBridgeCollectibles {
    /// @inheritdoc IBridgeCollectibles
    // Guarded; slither cannot read the guard, whose slot has a type of its own.
    // slither-disable-next-line reentrancy-no-eth
    function requestERC721Transfer(address token, uint256 id, address to, address refundTo, bytes calldata extraData)
        external
        payable
        nonReentrant
        returns (uint64 nonce)
    {
        (Pair storage pair, Terms memory terms) =
            _checkRequest(token, Kinds.ERC721, msg.sender, to, refundTo, extraData.length);
        (uint256 fee,) = _allowedFee(token, terms, 0, msg.value);
        // Ownership before as well: a token that the bridge keeps already must not be credited to anyone.
        if (IERC721(token).ownerOf(id) != msg.sender) revert BridgeNotTokenOwner(token, id);
        IERC721(token).transferFrom(msg.sender, address(this), id);
        bytes memory uri = _takeERC721(token, pair, terms, id);
        nonce = _record(Kinds.ERC721, token, msg.sender, to, refundTo, id, Payloads.ofERC721(uri, extraData));
        _keepFee(nonce, address(0), fee);
        _returnNative(msg.value - fee);
    }

    /// @inheritdoc IBridgeCollectibles
    // Guarded, see `requestERC721Transfer`.
    // slither-disable-next-line reentrancy-no-eth
    function requestERC1155Transfer(
        address token,
        uint256[] calldata ids,
        uint256[] calldata amounts,
        address to,
        address refundTo,
        bytes calldata extraData
    ) external payable nonReentrant returns (uint64 nonce) {
        (uint256 sum, uint256 fee) = _fetchERC1155(token, ids, amounts, to, refundTo, extraData.length);
        bytes memory payload = Payloads.ofERC1155(ids, amounts, extraData);
        nonce = _record(Kinds.ERC1155, token, msg.sender, to, refundTo, sum, payload);
        _keepFee(nonce, address(0), fee);
        _returnNative(msg.value - fee);
    }

    /// @inheritdoc IERC721Receiver
    function onERC721Received(address operator, address from, uint256 id, bytes calldata data)
        external
        returns (bytes4)
    {
        // This bridge fetches a token for a request that is being made; it is recorded there.
        if (operator != address(this)) _requestERC721(from, id, data);
        return IERC721Receiver.onERC721Received.selector;
    }

    /// @inheritdoc IERC1155Receiver
    function onERC1155Received(address operator, address from, uint256, uint256, bytes calldata data)
        external
        returns (bytes4)
    {
        if (!_isExpected(operator)) {
            // One id is a batch of one. The words of id and value lie in the calldata behind the selector and the two
            // addresses, so each is an array of length 1 there.
            uint256[] calldata ids;
            uint256[] calldata amounts;
            // Reads calldata only: the id is the third word of the arguments, the value the fourth.
            assembly ("memory-safe") {
                ids.offset := 0x44
                ids.length := 1
                amounts.offset := 0x64
                amounts.length := 1
            }
            _requestERC1155(from, ids, amounts, data);
        }
        return IERC1155Receiver.onERC1155Received.selector;
    }

    /// @inheritdoc IERC1155Receiver
    function onERC1155BatchReceived(
        address operator,
        address from,
        uint256[] calldata ids,
        uint256[] calldata values,
        bytes calldata data
    ) external returns (bytes4) {
        if (!_isExpected(operator)) _requestERC1155(from, ids, values, data);
        return IERC1155Receiver.onERC1155BatchReceived.selector;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IERC1155Receiver).interfaceId
            || interfaceId == type(IERC1363Receiver).interfaceId || interfaceId == type(IERC721Receiver).interfaceId;
    }

    /// @dev Checks a request of an ERC-1155 and takes the units from the sender. Returns their sum and the fee.
    function _fetchERC1155(
        address token,
        uint256[] calldata ids,
        uint256[] calldata amounts,
        address to,
        address refundTo,
        uint256 extraDataLength
    ) private returns (uint256 sum, uint256 fee) {
        (Pair storage pair, Terms memory terms) =
            _checkRequest(token, Kinds.ERC1155, msg.sender, to, refundTo, extraDataLength);
        sum = _sumOf(ids, amounts, terms);
        (fee,) = _allowedFee(token, terms, 0, msg.value);
        IERC1155(token).safeBatchTransferFrom(msg.sender, address(this), ids, amounts, "");
        _takeERC1155(token, pair, terms, ids, amounts, sum);
    }

    // Guarded, see `requestERC721Transfer`.
    // slither-disable-next-line reentrancy-no-eth
    function _requestERC721(address from, uint256 id, bytes calldata data) private nonReentrant {
        Arguments memory arguments = _decode(data);
        (Pair storage pair, Terms memory terms) = _check(Kinds.ERC721, from, arguments);
        _allowedFee(msg.sender, terms, 0, 0);
        bytes memory uri = _takeERC721(msg.sender, pair, terms, id);
        bytes memory payload = Payloads.ofERC721(uri, arguments.extraData);
        _record(Kinds.ERC721, msg.sender, from, arguments.to, arguments.refundTo, id, payload);
    }

    // Guarded, see `requestERC721Transfer`.
    // slither-disable-next-line reentrancy-no-eth
    function _requestERC1155(address from, uint256[] calldata ids, uint256[] calldata amounts, bytes calldata data)
        private
        nonReentrant
    {
        Arguments memory arguments = _decode(data);
        (Pair storage pair, Terms memory terms) = _check(Kinds.ERC1155, from, arguments);
        _allowedFee(msg.sender, terms, 0, 0);
        uint256 sum = _sumOf(ids, amounts, terms);
        _takeERC1155(msg.sender, pair, terms, ids, amounts, sum);
        bytes memory payload = Payloads.ofERC1155(ids, amounts, arguments.extraData);
        _record(Kinds.ERC1155, msg.sender, from, arguments.to, arguments.refundTo, sum, payload);
    }

    /// @dev Units that this bridge fetches itself, or that its predecessor hands over and has adopted next.
    function _isExpected(address operator) private view returns (bool) {
        return operator == address(this) || operator == _settings.predecessor;
    }
}
