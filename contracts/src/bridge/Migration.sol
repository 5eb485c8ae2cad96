// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IBridgeMigration} from "../interfaces/IBridgeMigration.sol";
import {IMigratable} from "../interfaces/IMigratable.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {BridgeStorage, Pair, Units} from "./BridgeStorage.sol";

/// @title From one bridge to the next, since the code of a bridge never changes
/// @dev The order: both sides stop requests; both lanes are drained; the public delay runs; value that is owed to no hold
/// moves to the successors, the same amount on both sides; the token gets its new minter in the same write that takes it
/// from the old one. What is held stays with this bridge, which pays or refunds it as ever.
abstract contract Migration is BridgeStorage, IBridgeMigration {
    using SafeERC20 for IERC20;

    /// @inheritdoc IBridgeMigration
    function migrate(
        address token,
        address successor,
        uint256 amount,
        uint256[] calldata ids,
        uint256[] calldata amounts,
        uint64 inboundNonce
    ) external {
        _requireConfiguration();
        _requireStoppedAndDrained(inboundNonce);
        _migrate(token, successor, amount, ids, amounts);
    }

    /// @inheritdoc IBridgeMigration
    function handOver(address token, address successor, uint64 inboundNonce) external {
        _requireConfiguration();
        _requireStoppedAndDrained(inboundNonce);
        _handOver(token, successor);
    }

    /// @dev DESIGN's order: stop, drain, wait. Whoever disagrees has had the public delay since the stop.
    function _requireStoppedAndDrained(uint64 inboundNonce) private view {
        if (!_lanes.requestsStopped) revert BridgeRequestsNotStopped();
        uint256 movableAt = uint256(_settings.stoppedAt) + _settings.governanceDelay;
        // A delay is days long; what a validator can shift is seconds.
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp < movableAt) revert BridgeStoppedTooLately(movableAt, block.timestamp);
        _requireDrained(inboundNonce);
    }

    /// @dev As much of what the vote names as is there and owed to nobody now. Something may have come or gone since the vote.
    function _migrate(
        address token,
        address successor,
        uint256 most,
        uint256[] calldata ids,
        uint256[] calldata amounts
    ) private {
        Pair storage pair = _registeredPair(token);
        uint256 available = pair.outstanding;
        if (!pair.mints) {
            uint256 held = _heldOf(token, pair);
            available = available > held ? available - held : 0;
        }
        uint256 amount = most < available ? most : available;
        // Empty but for a locked token with ids.
        // slither-disable-next-line uninitialized-local
        uint256[] memory movedIds;
        // As above.
        // slither-disable-next-line uninitialized-local
        uint256[] memory movedAmounts;
        if (!pair.mints && pair.kind > Kinds.ERC20) {
            (movedIds, movedAmounts, amount) = _takeUnits(token, pair.kind, ids, amounts, amount);
        }
        _moveCounted(token, pair, successor, amount, movedIds, movedAmounts);
    }

    function _handOver(address token, address successor) private {
        Pair storage pair = _registeredPair(token);
        if (!pair.mints) revert BridgePairInvalid(token, pair.counterpartToken);
        uint256 held = _heldOf(token, pair);
        if (held != 0) revert BridgePairInUse(token, pair.outstanding, held, pair.locked);
        // What came after the count had been migrated, such as a refund, goes along.
        uint256[] memory none = new uint256[](0);
        _moveCounted(token, pair, successor, pair.outstanding, none, none);
        IMigratable(token).handOver(successor);
        emit TokenHandedOver(token, successor);
    }

    /// @inheritdoc IBridgeMigration
    function adopt(address token, bool mints, uint256 amount, uint256[] calldata ids, uint256[] calldata amounts)
        external
        payable
        nonReentrant
    {
        _requireWired();
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

    /// @dev Counts value off here, moves it, and has the successor count it. Runs within `configure` or `executeConfiguration`, which are
    /// guarded.
    function _moveCounted(
        address token,
        Pair storage pair,
        address successor,
        uint256 amount,
        uint256[] memory ids,
        uint256[] memory amounts
    ) private {
        if (amount == 0) return;
        // Fits: it is not above the counter.
        // forge-lint: disable-next-line(unsafe-typecast)
        pair.outstanding -= uint128(amount);
        emit ValueMigrated(token, successor, amount);

        uint256 value = pair.kind == Kinds.NATIVE ? amount : 0;
        if (value == 0 && !pair.mints) _moveTo(token, pair.kind, successor, amount, ids, amounts);
        // The successor's `adopt` of the native currency is paid for in the same call. It returns nothing.
        // slither-disable-next-line unused-return
        Address.functionCallWithValue(
            successor, abi.encodeCall(IBridgeMigration.adopt, (token, pair.mints, amount, ids, amounts)), value
        );
    }

    /// @dev Takes units of each id off that are here and owed to no hold, no more than `most` in all. Returns those that were
    /// taken, and their sum.
    function _takeUnits(address token, uint8 kind, uint256[] memory ids, uint256[] memory amounts, uint256 most)
        private
        returns (uint256[] memory movedIds, uint256[] memory movedAmounts, uint256 sum)
    {
        movedIds = new uint256[](ids.length);
        movedAmounts = new uint256[](ids.length);
        uint256 found = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            Units storage units = _units[token][ids[i]];
            uint256 free = units.here > units.owed ? units.here - units.owed : 0;
            uint256 moved = Math.min(Math.min(free, kind == Kinds.ERC721 ? 1 : amounts[i]), most - sum);
            if (moved == 0) continue;
            // Fits: it is not above what is here.
            // forge-lint: disable-next-line(unsafe-typecast)
            units.here -= uint128(moved);
            (movedIds[found], movedAmounts[found]) = (ids[i], moved);
            ++found;
            sum += moved;
        }
        // Memory safety: both arrays become shorter.
        assembly ("memory-safe") {
            mstore(movedIds, found)
            mstore(movedAmounts, found)
        }
    }

    function _moveTo(
        address token,
        uint8 kind,
        address successor,
        uint256 amount,
        uint256[] memory ids,
        uint256[] memory amounts
    ) private {
        if (kind == Kinds.ERC20) {
            IERC20(token).safeTransfer(successor, amount);
        } else if (kind == Kinds.ERC1155) {
            IERC1155(token).safeBatchTransferFrom(address(this), successor, ids, amounts, "");
        } else {
            for (uint256 i = 0; i < ids.length; ++i) {
                IERC721(token).transferFrom(address(this), successor, ids[i]);
            }
        }
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
            uint256 counted = _units[token][id].here + units;
            // Fits: the units of all ids are the pair's escrow, which has taken their sum.
            // forge-lint: disable-next-line(unsafe-typecast)
            _units[token][id].here = uint128(counted);
            bool here = kind == Kinds.ERC721
                ? counted == 1 && IERC721(token).ownerOf(id) == address(this)
                : IERC1155(token).balanceOf(address(this), id) >= counted;
            if (!here) revert BridgeNotTokenOwner(token, id);
        }
        if (sum != amount) revert BridgeNotMigratable(token, amount, sum);
    }
}
