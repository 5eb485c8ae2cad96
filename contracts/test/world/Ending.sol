// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Paying} from "./Paying.sol";

/// @title What ends a hold: release and refund, by anyone or by threshold
abstract contract Ending is Paying {
    /// @dev How many holds are looked at for one that fits.
    uint256 private constant LOOK_AT = 32;

    /// How a hold is to be ended.
    enum End {
        Release,
        ReleaseByThreshold,
        RefundEarly,
        RefundLate
    }

    function _release() internal {
        (uint256 lane, uint256 index) = _pickHold(End.Release);
        uint256 nonce = _open[lane][index];
        _enterToPay(lane);
        _expectPaid(lane, nonce, new bytes[](0));
        _finish(lane, index, false);
    }

    function _releaseByThreshold() internal {
        (uint256 lane, uint256 index) = _pickHold(End.ReleaseByThreshold);
        uint256 nonce = _open[lane][index];
        uint256 side = _enterToPay(lane);
        bytes32 digest = _decisionDigest("Release", lane, nonce);
        _decideShort(lane, IBridgeHolds.release.selector, nonce, digest);
        _expectPaid(lane, nonce, _quorum(_operators[side], digest));
        _finish(lane, index, false);
    }

    function _refundEarly() internal {
        (uint256 lane, uint256 index) = _pickHold(End.RefundEarly);
        uint256 nonce = _open[lane][index];
        uint256 side = _enterToPay(lane);
        bytes32 digest = _decisionDigest("Refund", lane, nonce);
        // One block has passed since the choice.
        if (_isEarly(lane, nonce)) _decideShort(lane, IBridgeHolds.refund.selector, nonce, digest);
        _decide(lane, IBridgeHolds.refund.selector, nonce, _quorum(_operators[side], digest), "");
        _finish(lane, index, true);
    }

    function _refundLate() internal {
        (uint256 lane, uint256 index) = _pickHold(End.RefundLate);
        uint256 nonce = _open[lane][index];
        uint256 side = _enterToPay(lane);
        bytes[] memory none = new bytes[](0);
        uint256 end = _lateAt(lane, nonce);
        if (_height < end) {
            if (_height + 1 < end) _wait(end - 1 - _height);
            _decide(lane, IBridgeHolds.refund.selector, nonce, none, _belowThreshold(0, _operators[side]));
            _wait(1);
        }
        _decide(lane, IBridgeHolds.refund.selector, nonce, none, "");
        _finish(lane, index, true);
    }

    // ---- steps ----

    /// @dev A release that succeeds exactly when nothing is in the way. Of a hostile pair only its token knows.
    function _expectPaid(uint256 lane, uint256 nonce, bytes[] memory signatures) private {
        if (_contents[lane][nonce].pair < HONEST) {
            HoldReason obstacle = _obstacle(lane, nonce, heldAt[lane][nonce]);
            if (obstacle != HoldReason.None) {
                _decide(lane, IBridgeHolds.release.selector, nonce, signatures, _releaseFailed(nonce, obstacle));
                _inVain();
            }
            _decide(lane, IBridgeHolds.release.selector, nonce, signatures, "");
            return;
        }
        bytes memory call = abi.encodeCall(IBridgeHolds.release, (uint64(nonce), _requests[lane][nonce], signatures));
        vm.prank(SUBMITTER, SUBMITTER);
        (bool success, bytes memory result) = address(bridges[1 - lane]).call(call);
        if (success) return;
        assertEq(bytes32(bytes4(result)), bytes32(IBridgeErrors.BridgeReleaseFailed.selector), "another reason");
        _inVain();
    }

    /// @dev Enters the end of a hold, and shows that it was the only one.
    function _finish(uint256 lane, uint256 index, bool refunded) internal {
        uint256 nonce = _open[lane][index];
        _endHold(lane, index);
        if (refunded) _enterRefund(lane, nonce);
        else _enterPayout(lane, nonce);
        _expectEnded(lane, nonce);
    }

    /// @dev No quorum ends a hold that has ended.
    function _expectEnded(uint256 lane, uint256 nonce) internal {
        bytes memory reason = _reason(IBridgeErrors.BridgeNotHeld.selector, nonce);
        bytes[] memory signatures = _quorum(_operators[1 - lane], _decisionDigest("Release", lane, nonce));
        _decide(lane, IBridgeHolds.release.selector, nonce, signatures, reason);
        signatures = _quorum(_operators[1 - lane], _decisionDigest("Refund", lane, nonce));
        _decide(lane, IBridgeHolds.refund.selector, nonce, signatures, reason);
    }

    /// @dev Neither nobody nor one operator too few can decide.
    function _decideShort(uint256 lane, bytes4 selector, uint256 nonce, bytes32 digest) internal {
        uint256 side = 1 - lane;
        _decide(lane, selector, nonce, new bytes[](0), _belowThreshold(0, _operators[side]));
        bytes memory reason = _belowThreshold(_operators[side].threshold - 1, _operators[side]);
        _decide(lane, selector, nonce, _shortOf(_operators[side], digest), reason);
    }

    // ---- choice ----

    function _pickHold(End end) private returns (uint256 lane, uint256 index) {
        lane = _pick(2);
        for (uint256 tries = 0; tries < 2; ++tries) {
            lane = 1 - lane;
            uint256 count = _open[lane].length;
            if (count == 0 || paused[1 - lane]) continue;
            uint256 first = _pick(count);
            for (uint256 i = 0; i < count && i < LOOK_AT; ++i) {
                index = (first + i) % count;
                if (_fits(lane, _open[lane][index], end)) return (lane, index);
            }
        }
        _inVain();
    }

    function _fits(uint256 lane, uint256 nonce, End end) private view returns (bool) {
        if (_isForGovernors(lane, nonce)) return false;
        HoldReason reason = holdDue[lane][nonce];
        bool decided = _isDecided(reason);
        bool free =
            _contents[lane][nonce].pair < HONEST && _obstacle(lane, nonce, heldAt[lane][nonce]) == HoldReason.None;
        // Most of what can be released is not refunded.
        bool isLeft = (decided || free) && nonce % 7 != 0;
        if (end == End.RefundLate) return !isLeft && !isRefund(lane, nonce) && reason != HoldReason.AnswerUnclear;
        if (end == End.RefundEarly) return !isLeft && !isRefund(lane, nonce) && _isEarly(lane, nonce);
        if (decided != (end == End.ReleaseByThreshold)) return false;
        return free || _contents[lane][nonce].pair >= HONEST;
    }

    /// @dev Some holds are left to be written off.
    function _isForGovernors(uint256 lane, uint256 nonce) internal view returns (bool) {
        return nonce % 4 == 0 && _contents[lane][nonce].pair < HONEST;
    }

    /// @dev Whether a refund needs a threshold.
    function _isEarly(uint256 lane, uint256 nonce) internal view returns (bool) {
        return _height < _lateAt(lane, nonce) || holdDue[lane][nonce] == HoldReason.AnswerUnclear;
    }

    /// @dev Whether a release needs a threshold.
    function _isDecided(HoldReason reason) internal pure returns (bool) {
        return reason == HoldReason.Forced || reason == HoldReason.AnswerUnclear;
    }
}
