// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IBridgeToken} from "../interfaces/IBridgeToken.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Payloads} from "../libraries/Payloads.sol";
import {IS_LOCAL_TOKEN, IS_NO_RECIPIENT, Pair} from "./BridgeStorage.sol";
import {Limits} from "./Limits.sol";

/// What a request has to know of its pair beside its counter. Nothing changes it while the guard is held.
struct Terms {
    bool mints;
    /// Whether there is a minimum, a maximum or a fee.
    bool bounded;
    /// Whether there is a leaky bucket.
    bool limited;
    /// See `PairConfiguration`.
    uint16 itemBound;
}

/// @title What every request goes through: checks, counters, the root
/// @dev What is accepted here must be payable or holdable there, so every bound is checked here.
abstract contract Intake is Limits {
    using SafeERC20 for IERC20;

    /// @dev Everything that can be refused before value moves, but for its amount.
    function _checkRequest(
        address token,
        uint8 kind,
        address from,
        address to,
        address refundTo,
        uint256 extraDataLength
    ) internal view returns (Pair storage pair, Terms memory terms) {
        _requireOpen();
        if (_lanes.requestsStopped) revert BridgeRequestsStopped();
        if (extraDataLength > Payloads.MAX_EXTRA_DATA) {
            revert BridgeExtraDataTooLong(extraDataLength, Payloads.MAX_EXTRA_DATA);
        }

        if (to == address(0) || to == address(this) || _addressRoles[to].roles & IS_NO_RECIPIENT != 0) {
            revert BridgeInvalidRecipient(to);
        }
        // Whoever asks may be paid back without a look: it is never this bridge, and a token that requests for itself can
        // only lose its own. It is zero when a token was minted to the bridge.
        if (refundTo == address(0) || (refundTo != from && !_canBeRefunded(refundTo))) {
            revert BridgeInvalidRefundTo(refundTo);
        }

        pair = _pairs[token];
        // All of one slot, read at once.
        (bool registered, bool locked, uint8 local) = (pair.registered, pair.locked, pair.kind);
        terms = Terms({mints: pair.mints, bounded: pair.bounded, limited: pair.limited, itemBound: pair.itemBound});
        if (!registered) revert BridgePairUnknown(token);
        if (local != kind) revert BridgeKindMismatch(token, local, kind);
        if (locked) revert BridgePairLocked(token);
    }

    /// @dev The fee, which has to be within the user's limit for its currency.
    function _allowedFee(address token, Terms memory terms, uint256 tokenLimit, uint256 nativeLimit)
        internal
        view
        returns (uint256 fee, bool feeInNative)
    {
        if (!terms.bounded) return (0, false);
        (fee, feeInNative) = _feeOf(token);
        uint256 limit = feeInNative ? nativeLimit : tokenLimit;
        if (fee > limit) revert BridgeFeeAboveLimit(fee, limit);
    }

    /// @dev Counts what a request brought in.
    function _enter(address token, Pair storage pair, Terms memory terms, uint256 amount) internal {
        if (terms.bounded) _checkBounds(token, amount);
        if (terms.limited) _drain(token, amount);
        _count(pair, terms.mints, amount);
    }

    /// @dev Counts what a request brought in of an ERC-20, and burns it if this side mints.
    function _enterERC20(address token, Pair storage pair, Terms memory terms, uint256 amount) internal {
        _enter(token, pair, terms, amount);
        if (!terms.mints) return;
        // Guarded, so no payout or request runs during the call. A token that changes the balance otherwise is refused.
        // slither-disable-next-line reentrancy-balance
        uint256 balance = IERC20(token).balanceOf(address(this));
        IBridgeToken(token).burn(amount);
        // A token that keeps what it was told to burn would be minted twice.
        if (IERC20(token).balanceOf(address(this)) + amount != balance) {
            revert BridgePairInvalid(token, pair.counterpartToken);
        }
    }

    /// @dev Into the escrow of a lock pair, out of what a mint pair has minted.
    function _count(Pair storage pair, bool mints, uint256 amount) internal {
        uint256 outstanding = pair.outstanding;
        if (amount > (mints ? outstanding : type(uint128).max - outstanding)) revert BridgeValueTooLarge(amount);
        // Neither overflows nor underflows nor truncates: checked in the line before.
        unchecked {
            // forge-lint: disable-next-line(unsafe-typecast)
            pair.outstanding = uint128(mints ? outstanding - amount : outstanding + amount);
        }
    }

    /// @dev Gives the request its number and chains it into the lane's root.
    function _record(
        uint8 kind,
        address token,
        address from,
        address to,
        address refundTo,
        uint256 value,
        bytes memory payload
    ) internal returns (uint64 nonce) {
        // Only this field is written: a token may have had the bridge paused meanwhile, and that stays.
        nonce = _lanes.requestNonce;
        // 64 bits are out of reach at one request per unit.
        unchecked {
            _lanes.requestNonce = nonce + 1;
        }
        // A block number beyond 64 bits is out of reach of any chain.
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 sourceBlock = uint64(block.number);
        bytes32 leaf = Checkpoints.leaf(nonce, sourceBlock, kind, token, from, to, refundTo, value, keccak256(payload));
        _requestRoot = Checkpoints.next(_requestRoot, leaf);
        emit RequestValueTransfer(nonce, from, to, kind, token, refundTo, value, payload);
    }

    /// @dev Keeps the fee until somebody withdraws it to the fee receiver: a receiver that refuses stops nobody.
    function _keepFee(uint64 nonce, address token, uint256 fee) internal {
        if (fee == 0) return;
        _fees[token] += fee;
        emit FeeCharged(nonce, token, fee);
    }

    /// @dev Gives back what was sent beyond amount and fee. Last of all: the sender's code runs.
    // To the sender, and no more than it has sent: every caller subtracts from `msg.value`.
    // slither-disable-next-line arbitrary-send-eth
    function _returnNative(uint256 value) internal {
        if (value == 0) return;
        (bool returned,) = msg.sender.call{value: value}("");
        if (!returned) revert BridgeReturnFailed(msg.sender, value);
    }

    /// @dev Takes an approved amount from the sender and returns what arrived.
    function _pull(address token, uint256 amount) internal returns (uint256) {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 balance = IERC20(token).balanceOf(address(this));
        if (balance <= before) revert BridgeZeroValue();
        return balance - before;
    }

    function _canBeRefunded(address account) private view returns (bool) {
        return account != address(this) && _addressRoles[account].roles & IS_LOCAL_TOKEN == 0;
    }
}
