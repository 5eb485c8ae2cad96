// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Calldata} from "@openzeppelin/contracts/utils/Calldata.sol";

import {IBridge} from "../interfaces/IBridge.sol";
import {IBridgeNFT} from "../interfaces/IBridgeNFT.sol";
import {IBridgeToken} from "../interfaces/IBridgeToken.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {BridgeStorage, IS_LOCAL_TOKEN, Pair} from "./BridgeStorage.sol";

/// @title Source side: takes value in and records the request
/// @dev What is accepted here must be payable or holdable there, so every bound is checked here. A token is called before
/// the request is recorded, since the amount is what arrives; the guard keeps it from coming back in between.
abstract contract Requests is BridgeStorage {
    using SafeERC20 for IERC20;

    /// @dev Bounds what a payout carries into the recipient. Unit: bytes.
    uint256 internal constant MAX_EXTRA_DATA = 1024;

    /// @inheritdoc IBridge
    receive() external payable nonReentrant {
        if (!_isDirectCall()) revert BridgePlainSendFromContract(msg.sender);
        _requestNative(msg.sender, msg.sender, Calldata.emptyBytes());
    }

    /// @inheritdoc IBridge
    function requestNativeTransfer(address to, address refundTo, bytes calldata extraData)
        external
        payable
        nonReentrant
        returns (uint64 nonce)
    {
        return _requestNative(to, refundTo, extraData);
    }

    /// @inheritdoc IBridge
    function requestERC20Transfer(address token, uint256 amount, address to, address refundTo, bytes calldata extraData)
        external
        nonReentrant
        returns (uint64 nonce)
    {
        if (amount == 0) revert BridgeZeroValue();
        Pair storage pair = _checkRequest(token, Kinds.ERC20, to, refundTo, extraData);
        uint128 received = _receiveERC20(token, pair, amount);
        _enter(pair, received);
        return _record(Kinds.ERC20, token, to, refundTo, received, extraData);
    }

    /// @inheritdoc IBridge
    function requestERC721Transfer(address token, uint256 id, address to, address refundTo, bytes calldata extraData)
        external
        nonReentrant
        returns (uint64 nonce)
    {
        Pair storage pair = _checkRequest(token, Kinds.ERC721, to, refundTo, extraData);
        IERC721 nft = IERC721(token);
        // Ownership before as well: a token that the bridge keeps already must not be credited to anyone.
        if (nft.ownerOf(id) != msg.sender) revert BridgeNotTokenOwner(token, id);
        nft.transferFrom(msg.sender, address(this), id);
        if (nft.ownerOf(id) != address(this)) revert BridgeNotTokenOwner(token, id);
        if (pair.mints) _burnERC721(token, pair, id);
        _enter(pair, 1);
        return _record(Kinds.ERC721, token, to, refundTo, id, extraData);
    }

    /// @inheritdoc IBridge
    function seed(address token, uint256 amount) external payable nonReentrant {
        _requireOpen();
        if (amount == 0) revert BridgeZeroValue();
        Pair storage pair = _registeredPair(token);
        if (pair.mints) revert BridgePairInvalid(token, pair.counterpartToken);
        uint8 kind = pair.kind;
        if (kind == Kinds.ERC721) revert BridgeKindMismatch(token, kind, Kinds.ERC20);
        uint256 expected = kind == Kinds.NATIVE ? amount : 0;
        if (msg.value != expected) revert BridgeNativeValueMismatch(msg.value, expected);

        uint128 received = kind == Kinds.NATIVE ? _fit(amount) : _receiveERC20(token, pair, amount);
        _enter(pair, received);
        // Everything seeded has entered the escrow or left it by payouts for requests that entered the counterpart, so
        // reaching the limit is a matter of centuries; checked all the same.
        pair.seeded += received;
        emit LiquiditySeeded(token, msg.sender, received);
    }

    function _requestNative(address to, address refundTo, bytes calldata extraData) private returns (uint64 nonce) {
        if (msg.value == 0) revert BridgeZeroValue();
        Pair storage pair = _checkRequest(address(0), Kinds.NATIVE, to, refundTo, extraData);
        _enter(pair, _fit(msg.value));
        return _record(Kinds.NATIVE, address(0), to, refundTo, msg.value, extraData);
    }

    /// @dev Everything that can be refused before value moves.
    function _checkRequest(address token, uint8 kind, address to, address refundTo, bytes calldata extraData)
        private
        view
        returns (Pair storage pair)
    {
        _requireOpen();
        if (extraData.length > MAX_EXTRA_DATA) revert BridgeExtraDataTooLong(extraData.length, MAX_EXTRA_DATA);

        if (to == address(0) || to == address(this) || _acquaintances[to].roles != 0) {
            revert BridgeInvalidRecipient(to);
        }
        // Whoever asks may be paid back without a look: it is never zero nor this bridge, and a token that requests for
        // itself can only lose its own.
        if (refundTo != msg.sender && !_canBeRefunded(refundTo)) revert BridgeInvalidRefundTo(refundTo);

        pair = _registeredPair(token);
        if (pair.kind != kind) revert BridgeKindMismatch(token, pair.kind, kind);
        if (pair.locked) revert BridgePairLocked(token);
    }

    function _canBeRefunded(address account) private view returns (bool) {
        return account != address(0) && account != address(this) && _acquaintances[account].roles & IS_LOCAL_TOKEN == 0;
    }

    /// @dev Takes `amount` from the sender and returns what arrived; a mint pair's token is burnt at once.
    function _receiveERC20(address token, Pair storage pair, uint256 amount) private returns (uint128 received) {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 balance = IERC20(token).balanceOf(address(this));
        if (balance <= before) revert BridgeZeroValue();
        // No underflow: checked in the line before.
        unchecked {
            received = _fit(balance - before);
        }
        if (pair.mints) {
            IBridgeToken(token).burn(received);
            // A token that keeps what it was told to burn would be minted twice.
            if (IERC20(token).balanceOf(address(this)) != before) {
                revert BridgePairInvalid(token, pair.counterpartToken);
            }
        }
    }

    function _burnERC721(address token, Pair storage pair, uint256 id) private {
        IBridgeNFT(token).burn(id);
        // A token that keeps what it was told to burn would exist on both sides. What was burnt has no owner, which most
        // tokens say by a revert.
        try IERC721(token).ownerOf(id) returns (address owner) {
            if (owner == address(this)) revert BridgePairInvalid(token, pair.counterpartToken);
        } catch {}
    }

    /// @dev Counts what came in: into the escrow of a lock pair, out of what a mint pair has minted.
    function _enter(Pair storage pair, uint128 amount) private {
        uint128 outstanding = pair.outstanding;
        bool mints = pair.mints;
        if (amount > (mints ? outstanding : type(uint128).max - outstanding)) revert BridgeValueTooLarge(amount);
        // Neither overflows nor underflows: checked in the line before.
        unchecked {
            pair.outstanding = mints ? outstanding - amount : outstanding + amount;
        }
    }

    function _record(uint8 kind, address token, address to, address refundTo, uint256 value, bytes calldata extraData)
        private
        returns (uint64 nonce)
    {
        // Only this field is written: a token may have had the bridge paused meanwhile, and that stays.
        nonce = _lanes.requestNonce;
        // 64 bits are out of reach at one request per unit.
        unchecked {
            _lanes.requestNonce = nonce + 1;
        }
        bytes32 leaf = Checkpoints.leaf(
            // A block number beyond 64 bits is out of reach of any chain.
            // forge-lint: disable-next-line(unsafe-typecast)
            nonce,
            uint64(block.number),
            kind,
            token,
            msg.sender,
            to,
            refundTo,
            value,
            extraData
        );
        _requestRoot = Checkpoints.next(_requestRoot, leaf);
        emit RequestValueTransfer(nonce, msg.sender, to, kind, token, refundTo, value, extraData);
    }

    function _fit(uint256 value) private pure returns (uint128) {
        if (value > type(uint128).max) revert BridgeValueTooLarge(value);
        // Checked in the line before.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint128(value);
    }
}
