// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {Permit} from "../interfaces/BridgeTypes.sol";
import {IBridgeTransfers} from "../interfaces/IBridgeTransfers.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Payloads} from "../libraries/Payloads.sol";
import {Pair} from "./BridgeStorage.sol";
import {Collectibles} from "./Collectibles.sol";
import {Terms} from "./Intake.sol";

/// @title Source side: takes value in and records the request
/// @dev A token is called before the request is recorded, since the amount is what arrives; the guard keeps it from coming
/// back in between.
abstract contract Requests is Collectibles, IBridgeTransfers {
    using SafeERC20 for IERC20;

    /// @inheritdoc IBridgeTransfers
    receive() external payable nonReentrant {
        if (!_isDirectCall()) revert BridgePlainSendFromContract(msg.sender);
        _requestNative(msg.value, msg.sender, msg.sender, "");
    }

    /// @inheritdoc IBridgeTransfers
    function requestNativeTransfer(uint256 amount, address to, address refundTo, bytes calldata extraData)
        external
        payable
        nonReentrant
        returns (uint64 nonce)
    {
        return _requestNative(amount, to, refundTo, extraData);
    }

    /// @inheritdoc IBridgeTransfers
    function requestERC20Transfer(
        address token,
        uint256 amount,
        address to,
        address refundTo,
        uint256 feeLimit,
        bytes calldata extraData
    ) external payable nonReentrant returns (uint64 nonce) {
        return _requestERC20(token, amount, to, refundTo, feeLimit, extraData);
    }

    /// @inheritdoc IBridgeTransfers
    function requestERC20TransferWithPermit(
        address token,
        uint256 amount,
        address to,
        address refundTo,
        uint256 feeLimit,
        bytes calldata extraData,
        Permit calldata permit
    ) external payable nonReentrant returns (uint64 nonce) {
        _registeredPair(token);
        // For the sender and this bridge only, whatever the arguments say. If it fails, the allowance decides.
        try IERC20Permit(token)
            .permit(msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s) {}
            catch {}
        return _requestERC20(token, amount, to, refundTo, feeLimit, extraData);
    }

    /// @inheritdoc IBridgeTransfers
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

    /// @inheritdoc IBridgeTransfers
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

    /// @inheritdoc IBridgeTransfers
    function seed(address token, uint256 amount) external payable nonReentrant {
        _requireOpen();
        if (amount == 0) revert BridgeZeroValue();
        Pair storage pair = _registeredPair(token);
        // What is being emptied stays empty.
        if (_lanes.requestsStopped) revert BridgeRequestsStopped();
        if (pair.locked) revert BridgePairLocked(token);
        if (pair.mints) revert BridgePairInvalid(token, pair.counterpartToken);
        uint8 kind = pair.kind;
        if (kind > Kinds.ERC20) revert BridgeKindMismatch(token, kind, Kinds.ERC20);
        uint256 expected = kind == Kinds.NATIVE ? amount : 0;
        if (msg.value != expected) revert BridgeNativeValueMismatch(msg.value, expected);

        uint256 received = kind == Kinds.NATIVE ? amount : _pull(token, amount);
        _count(pair, false, received);
        // Fits, or `_count` had reverted. Everything seeded has entered the escrow or left it by payouts for requests that
        // entered the counterpart, so reaching the limit is a matter of centuries; checked all the same.
        // forge-lint: disable-next-line(unsafe-typecast)
        pair.seeded += uint128(received);
        emit LiquiditySeeded(token, msg.sender, received);
    }

    function _requestNative(uint256 amount, address to, address refundTo, bytes memory extraData)
        private
        returns (uint64 nonce)
    {
        if (amount == 0) revert BridgeZeroValue();
        if (msg.value < amount) revert BridgeNativeValueMismatch(msg.value, amount);
        uint256 limit = msg.value - amount;
        (Pair storage pair, Terms memory terms) =
            _checkRequest(address(0), Kinds.NATIVE, msg.sender, to, refundTo, extraData.length);
        (uint256 fee,) = _allowedFee(address(0), terms, limit, limit);
        _enter(address(0), pair, terms, amount);
        nonce = _record(Kinds.NATIVE, address(0), msg.sender, to, refundTo, amount, extraData);
        _keepFee(nonce, address(0), fee);
        _returnNative(limit - fee);
    }

    function _requestERC20(
        address token,
        uint256 amount,
        address to,
        address refundTo,
        uint256 feeLimit,
        bytes memory extraData
    ) private returns (uint64 nonce) {
        if (amount == 0) revert BridgeZeroValue();
        (Pair storage pair, Terms memory terms) =
            _checkRequest(token, Kinds.ERC20, msg.sender, to, refundTo, extraData.length);
        (uint256 fee, bool feeInNative) = _allowedFee(token, terms, feeLimit, msg.value);
        uint256 tokenFee = feeInNative ? 0 : fee;
        uint256 received = _pull(token, amount + tokenFee);
        if (received <= tokenFee) revert BridgeZeroValue();
        received -= tokenFee;
        _enterERC20(token, pair, terms, received);
        nonce = _record(Kinds.ERC20, token, msg.sender, to, refundTo, received, extraData);
        _keepFee(nonce, feeInNative ? address(0) : token, fee);
        _returnNative(msg.value - (fee - tokenFee));
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
        sum = _sumOf(ids, amounts);
        (fee,) = _allowedFee(token, terms, 0, msg.value);
        IERC1155(token).safeBatchTransferFrom(msg.sender, address(this), ids, amounts, "");
        _takeERC1155(token, pair, terms, ids, amounts, sum);
    }

    /// @dev Takes an approved amount from the sender and returns what arrived.
    function _pull(address token, uint256 amount) private returns (uint256) {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 balance = IERC20(token).balanceOf(address(this));
        if (balance <= before) revert BridgeZeroValue();
        return balance - before;
    }
}
