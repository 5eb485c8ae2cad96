// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {IBridgeConfiguration} from "../interfaces/IBridgeConfiguration.sol";
import {IMigratable} from "../interfaces/IMigratable.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Pair} from "./BridgeStorage.sol";
import {Pairs} from "./Pairs.sol";

/// @title From one bridge to the next, since the code of a bridge never changes
/// @dev The order: both sides stop requests; both lanes are drained; the public delay runs; value that is owed to no hold
/// moves to the successors, the same amount on both sides; the token gets its new minter in the same write that takes it
/// from the old one. What is held stays with this bridge, which pays or refunds it as ever.
abstract contract Migration is Pairs, IBridgeConfiguration {
    using SafeERC20 for IERC20;

    /// @dev DESIGN's order: stop, drain, wait. Whoever disagrees has had the public delay since the stop.
    function _requireStoppedAndDrained(uint64 inboundNonce) internal view {
        if (!_lanes.requestsStopped) revert BridgeRequestsNotStopped();
        uint256 movableAt = uint256(_settings.stoppedAt) + _settings.governanceDelay;
        // A delay is days long; what a validator can shift is seconds.
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp < movableAt) revert BridgeStoppedTooLately(movableAt, block.timestamp);
        _requireDrained(inboundNonce);
    }

    /// @dev Nothing that governors have seen on the counterpart is on its way here. More may have come since, such as the
    /// refund of a hold over there: waiting for an exact number would let anyone undo the vote.
    function _requireDrained(uint64 inboundNonce) internal view {
        if (_lanes.handleNonce < inboundNonce) revert BridgeLaneNotDrained(_lanes.handleNonce, inboundNonce);
    }

    function _migrate(
        address token,
        address successor,
        uint256 amount,
        uint256[] calldata ids,
        uint256[] calldata amounts
    ) internal {
        Pair storage pair = _registeredPair(token);
        uint256 available = pair.outstanding;
        if (!pair.mints) {
            uint256 held = _heldOf(token, pair);
            available = available > held ? available - held : 0;
        }
        if (amount == 0 || amount > available) revert BridgeNotMigratable(token, amount, available);
        // Fits: it is not above the counter.
        // forge-lint: disable-next-line(unsafe-typecast)
        pair.outstanding -= uint128(amount);
        emit ValueMigrated(token, successor, amount);

        if (pair.kind == Kinds.NATIVE) {
            // The successor's `adopt` of the native currency is paid for in the same call.
            // `adopt` returns nothing.
            // slither-disable-next-line unused-return
            Address.functionCallWithValue(
                successor, abi.encodeCall(IBridgeConfiguration.adopt, (token, false, amount, ids, amounts)), amount
            );
            return;
        }
        if (!pair.mints) _moveTo(token, pair.kind, successor, amount, ids, amounts);
        IBridgeConfiguration(successor).adopt(token, pair.mints, amount, ids, amounts);
    }

    function _handOver(address token, address successor) internal {
        Pair storage pair = _registeredPair(token);
        if (!pair.mints) revert BridgePairInvalid(token, pair.counterpartToken);
        uint256 held = _heldOf(token, pair);
        if (pair.outstanding != 0 || held != 0) revert BridgePairInUse(token, pair.outstanding, held, pair.locked);
        IMigratable(token).handOver(successor);
        emit TokenHandedOver(token, successor);
    }

    /// @inheritdoc IBridgeConfiguration
    function adopt(address token, bool mints, uint256 amount, uint256[] calldata ids, uint256[] calldata amounts)
        external
        payable
        nonReentrant
    {
        if (msg.sender != _settings.predecessor) revert BridgeNotPredecessor(msg.sender);
        Pair storage pair = _registeredPair(token);
        // Locked value counted as minted could never leave again.
        if (pair.mints != mints) revert BridgePairInvalid(token, pair.counterpartToken);
        bool native = pair.kind == Kinds.NATIVE;
        if (msg.value != (native ? amount : 0)) revert BridgeNativeValueMismatch(msg.value, native ? amount : 0);
        if (amount == 0 || amount > type(uint128).max - pair.outstanding) revert BridgeValueTooLarge(amount);
        // Fits: checked in the line before.
        // forge-lint: disable-next-line(unsafe-typecast)
        uint128 counted = uint128(amount);
        pair.outstanding += counted;
        pair.adopted += counted;
        if (!pair.mints) _checkArrived(token, pair, amount, ids, amounts);
        emit ValueAdopted(token, msg.sender, amount);
    }

    // Runs within `configure` or `executeConfiguration`, which are guarded. Each id is counted off before it moves.
    // slither-disable-next-line reentrancy-no-eth
    function _moveTo(
        address token,
        uint8 kind,
        address successor,
        uint256 amount,
        uint256[] calldata ids,
        uint256[] calldata amounts
    ) private {
        if (kind == Kinds.ERC20) {
            IERC20(token).safeTransfer(successor, amount);
            return;
        }
        uint256 sum = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 units = kind == Kinds.ERC721 ? 1 : amounts[i];
            sum += units;
            // Reverts when they are not there.
            _units[token][ids[i]] -= units;
            if (kind == Kinds.ERC721) IERC721(token).transferFrom(address(this), successor, ids[i]);
        }
        if (sum != amount) revert BridgeNotMigratable(token, amount, sum);
        if (kind == Kinds.ERC1155) IERC1155(token).safeBatchTransferFrom(address(this), successor, ids, amounts, "");
    }

    /// @dev What was handed over must lie here, above what was here before.
    function _checkArrived(
        address token,
        Pair storage pair,
        uint256 amount,
        uint256[] calldata ids,
        uint256[] calldata amounts
    ) private {
        uint8 kind = pair.kind;
        if (kind == Kinds.NATIVE) return;
        if (kind == Kinds.ERC20) {
            uint256 needed = uint256(pair.outstanding) + _fees[token];
            uint256 balance = IERC20(token).balanceOf(address(this));
            if (balance < needed) revert BridgeNotMigratable(token, amount, balance);
            return;
        }
        uint256 sum = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 id = ids[i];
            uint256 units = kind == Kinds.ERC721 ? 1 : amounts[i];
            sum += units;
            _units[token][id] += units;
            bool here = kind == Kinds.ERC721
                ? _units[token][id] == 1 && IERC721(token).ownerOf(id) == address(this)
                : IERC1155(token).balanceOf(address(this), id) >= _units[token][id];
            if (!here) revert BridgeNotTokenOwner(token, id);
        }
        if (sum != amount) revert BridgeNotMigratable(token, amount, sum);
    }
}
