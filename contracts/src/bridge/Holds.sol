// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, ValueTransfer} from "../interfaces/BridgeTypes.sol";
import {IBridgeHolds} from "../interfaces/IBridgeHolds.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Lanes, Quorum, StoredHold} from "./BridgeStorage.sol";
import {Intake} from "./Intake.sol";
import {MemberSets} from "./MemberSets.sol";
import {Payouts} from "./Payouts.sol";

/// @title Ends a hold, or makes one by vote
/// @dev A hold is deleted before its effect, so it ends once; whatever fails undoes the deletion too.
abstract contract Holds is MemberSets, Intake, Payouts, IBridgeHolds {
    /// @inheritdoc IBridgeHolds
    function release(uint64 nonce, ValueTransfer calldata transfer, bytes[] calldata signatures) external nonReentrant {
        _requireDirectCall();
        _requireOpen();
        (bytes32 leaf, StoredHold memory hold) = _heldRequest(nonce, transfer);
        // Operators agreed that a forced hold is not paid, and nobody knows whether an unclear one was.
        // A reason is no amount, see `_heldRequest`.
        // slither-disable-next-line incorrect-equality
        if (hold.reason == HoldReason.Forced || hold.reason == HoldReason.AnswerUnclear) {
            _requireDecision(Checkpoints.RELEASE_TYPE, nonce, leaf, signatures);
        }
        _endHold(nonce, transfer, hold);
        HoldReason reason = _pay(nonce, transfer, hold.heldAtBlock, _noTerms());
        if (reason != HoldReason.None) revert BridgeReleaseFailed(nonce, reason);
        emit HoldReleased(nonce, transfer.to);
    }

    /// @inheritdoc IBridgeHolds
    function refund(uint64 nonce, ValueTransfer calldata transfer, bytes[] calldata signatures) external nonReentrant {
        _requireOpen();
        (bytes32 leaf, StoredHold memory hold) = _heldRequest(nonce, transfer);
        // Its value would go back and forth for ever.
        if (transfer.kind & Kinds.REFUND != 0) revert BridgeRefundOfRefund(nonce);
        bool early = block.number < _releasableAt(transfer, hold) + _counters.refundDelay;
        // A reason is no amount, see `_heldRequest`.
        // slither-disable-next-line incorrect-equality
        if (early || hold.reason == HoldReason.AnswerUnclear) {
            _requireDecision(Checkpoints.REFUND_TYPE, nonce, leaf, signatures);
        }
        _endHold(nonce, transfer, hold);
        // Nothing comes in and nothing is counted: what the source took in for this request is what it pays back.
        uint64 requestNonce = _record(
            transfer.kind | Kinds.REFUND,
            transfer.token,
            transfer.from,
            transfer.refundTo,
            transfer.refundTo,
            transfer.value,
            transfer.payload
        );
        emit HoldRefunded(nonce, requestNonce);
    }

    /// @inheritdoc IBridgeHolds
    function forceHold(uint64 nonce, ValueTransfer calldata transfer, bytes[] calldata signatures)
        external
        nonReentrant
    {
        _requireOpen();
        Lanes storage lanes = _lanes;
        uint64 next = lanes.handleNonce;
        if (nonce < next) revert BridgeAlreadyHandled(next);
        if (nonce > next) revert BridgeNonceGap(nonce, next);
        bytes32 leaf = Checkpoints.leaf(nonce, transfer);
        _requireDecision(Checkpoints.FORCE_HOLD_TYPE, nonce, leaf, signatures);

        lanes.handleNonce = next + 1;
        lanes.recoveryBlockNumber = transfer.sourceBlock;
        _handleRoot = Checkpoints.next(_handleRoot, leaf);
        _hold(nonce, leaf, transfer, HoldReason.Forced);
        emit HandleValueTransfer(next, next + 1);
    }

    function _heldRequest(uint64 nonce, ValueTransfer memory transfer)
        internal
        view
        returns (bytes32 leaf, StoredHold memory hold)
    {
        hold = _holds[nonce];
        // A reason is no amount that somebody could move; slither takes all of the slot for the block number in it.
        // slither-disable-next-line incorrect-equality
        if (hold.reason == HoldReason.None) revert BridgeNotHeld(nonce);
        leaf = Checkpoints.leaf(nonce, transfer);
        if (leaf != hold.leaf) revert BridgeOtherLeaf(nonce, leaf, hold.leaf);
    }

    /// @dev The delay for refunds runs from where a release is possible, so that nobody can undo what only waits.
    function _releasableAt(ValueTransfer memory transfer, StoredHold memory hold) private view returns (uint256) {
        if (hold.reason != HoldReason.Delayed) return hold.heldAtBlock;
        address token = _addressRoles[transfer.token].localToken;
        return uint256(hold.heldAtBlock) + _limits[token].delayBlocks;
    }

    function _requireDecision(bytes32 decisionType, uint64 nonce, bytes32 leaf, bytes[] calldata signatures)
        private
        view
    {
        Quorum memory quorum = _operatorQuorum();
        bytes32 decision = Checkpoints.decisionHash(decisionType, _inboundBridgeId, quorum.epoch, nonce, leaf);
        _requireThreshold(_operators, quorum, _digestOf(decision), signatures);
    }

    function _endHold(uint64 nonce, ValueTransfer memory transfer, StoredHold memory hold) internal {
        delete _holds[nonce];
        --_counters.heldCount;
        if (hold.owed) _countOwed(transfer, false);
        if (!hold.counted) return;
        uint256 amount = _amountOf(transfer.kind & ~Kinds.REFUND, transfer.value);
        mapping(address => uint128) storage sums = _heldSums(transfer.kind);
        // It was counted, so it fits.
        // forge-lint: disable-next-line(unsafe-typecast)
        sums[transfer.token] -= uint128(amount);
    }
}
