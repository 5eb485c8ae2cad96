// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, HoldReason, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {IBridgePayouts} from "../../src/interfaces/IBridgePayouts.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {PackedTransfers} from "../../src/libraries/PackedTransfers.sol";
import {Encoding} from "./Encoding.sol";
import {Quorum} from "./Quorums.sol";

/// How operators approve: with `handle`, on chain before it, or some so and some so.
enum Approval {
    Signatures,
    Votes,
    Both
}

/// @title Operators that approve, and relays that submit what is to be handled
/// @dev Whatever needs a threshold is shown to be refused with one operator fewer before it is done, and to be refused a
/// second time after it.
abstract contract Paying is Encoding {
    /// @dev The largest transaction there is (EIP-7825). Unit: gas.
    uint256 private constant LARGEST_TRANSACTION = 16_777_216;
    uint256 private constant MOST_AT_ONCE = 8;

    function _vote() internal {
        uint256 lane = _laneInFlight();
        _enter(1 - lane);
        uint256 nonce = handled[lane] + 1 + _pick(requested(lane) - handled[lane]);
        Quorum storage operators = _operators[1 - lane];
        uint256 voters = _voters[lane][operators.epoch][nonce];
        uint256 first = _pick(operators.keys.length);
        for (uint256 i = 0; i < operators.keys.length; ++i) {
            uint256 key = operators.keys[(first + i) % operators.keys.length];
            if (voters & (1 << key) == 0) return _voteAs(lane, nonce, key);
        }
        _inVain();
    }

    function _handle(Approval approval) internal {
        uint256 lane = _laneInFlight();
        _enter(1 - lane);
        if (paused[1 - lane]) {
            bytes memory call = _handleCall(lane, handled[lane], handled[lane] + 1, handled[lane] + 1, new bytes[](0));
            _refusedWhilePaused(1 - lane, SUBMITTER, address(bridges[1 - lane]), 0, call);
        }
        uint256 most = requested(lane) - handled[lane];
        _handleUntil(lane, handled[lane] + 1 + _pick(most < MOST_AT_ONCE ? most : MOST_AT_ONCE), approval);
    }

    /// @dev Handles requests up to `end`, with some that are handled already in front, under any checkpoint from there on.
    function _handleUntil(uint256 lane, uint256 end, Approval approval) internal {
        uint256 next = handled[lane];
        uint256 first = next - _pick(next < 3 ? next + 1 : 4);
        uint256 signed = end + _pick(requested(lane) - end + 1);
        bytes[] memory signatures = _approve(lane, first, end, signed, approval);
        if (_pick(2) == 0) _expectMalformed(lane, first, end, signed, signatures);
        bytes memory call = _handleCall(lane, first, end, signed, signatures);
        _execute(SUBMITTER, address(bridges[1 - lane]), 0, call);
        _settleUntil(lane, end);
        _expectRefused(
            SUBMITTER, address(bridges[1 - lane]), 0, call, _reason(IBridgeErrors.BridgeAlreadyHandled.selector, end)
        );
    }

    /// @dev The next request alone, in a transaction that fits into any block.
    function _handleNext(uint256 lane) internal {
        uint256 next = handled[lane];
        bytes[] memory signatures = _quorum(_operators[1 - lane], _checkpointDigest(lane, next + 1));
        bytes memory call = _handleCall(lane, next, next + 1, next + 1, signatures);
        vm.prank(SUBMITTER, SUBMITTER);
        (bool success,) = address(bridges[1 - lane]).call{gas: LARGEST_TRANSACTION}(call);
        assertTrue(success, "an accepted request stops its lane");
        _settleUntil(lane, next + 1);
    }

    /// @dev Several in a row, so that there is always something to end.
    function _forceHolds() internal {
        uint256 lane = _laneInFlight();
        uint256 side = _enterToPay(lane);
        for (uint256 left = 1 + _pick(3); left > 0 && handled[lane] < requested(lane); --left) {
            _forceHold(lane, side);
        }
    }

    function _forceHold(uint256 lane, uint256 side) private {
        uint256 nonce = handled[lane];
        bytes32 digest = _decisionDigest("ForceHold", lane, nonce);
        bytes memory reason = _belowThreshold(_operators[side].threshold - 1, _operators[side]);
        _decide(lane, IBridgeHolds.forceHold.selector, nonce, _shortOf(_operators[side], digest), reason);
        bytes[] memory signatures = _quorum(_operators[side], digest);
        _decide(lane, IBridgeHolds.forceHold.selector, nonce, signatures, "");
        inFlight[lane][_contents[lane][nonce].pair] -= amountOf(lane, nonce);
        ++handled[lane];
        _enterHold(lane, nonce, HoldReason.Forced);
        reason = _reason(IBridgeErrors.BridgeAlreadyHandled.selector, nonce + 1);
        _decide(lane, IBridgeHolds.forceHold.selector, nonce, signatures, reason);
    }

    // ---- approval ----

    /// @dev A threshold of operators, whichever. Votes are cast as it goes; what has to be signed is returned.
    function _approve(uint256 lane, uint256 first, uint256 end, uint256 signed, Approval approval)
        private
        returns (bytes[] memory signatures)
    {
        Quorum storage operators = _operators[1 - lane];
        bytes32 digest = _checkpointDigest(lane, signed);
        uint256 voters = _voters[lane][operators.epoch][signed];
        uint256 count = _countMembers(operators, voters);
        signatures = new bytes[](0);
        uint256 size = operators.keys.length;
        uint256 start = _pick(size);
        for (uint256 i = 0; i < size && count < operators.threshold; ++i) {
            uint256 key = operators.keys[(start + i) % size];
            if (voters & (1 << key) != 0) continue;
            if (count + 1 == operators.threshold) {
                // Who has voted and signs as well is one operator still.
                bytes[] memory padded = _padded(operators, digest, _withVoters(signatures, voters, digest));
                _expectTooFew(lane, first, end, signed, _belowThreshold(count, operators), padded);
            }
            bool votes = approval == Approval.Votes || (approval == Approval.Both && _pick(2) == 0);
            if (votes) {
                _voteAs(lane, signed, key);
                voters |= 1 << key;
            } else {
                signatures = _append(signatures, _sign(key, digest));
            }
            ++count;
        }
    }

    /// @dev One operator less than the threshold moves nothing.
    function _expectTooFew(
        uint256 lane,
        uint256 first,
        uint256 end,
        uint256 signed,
        bytes memory reason,
        bytes[] memory padded
    ) private {
        bytes memory call = _handleCall(lane, first, end, signed, padded);
        _expectRefused(SUBMITTER, address(bridges[1 - lane]), 0, call, reason);
    }

    /// @dev Nobody can approve what is no encoding.
    function _expectMalformed(uint256 lane, uint256 first, uint256 end, uint256 signed, bytes[] memory signatures)
        private
    {
        (ValueTransfer[] memory transfers, bytes32[] memory tail) = _cut(lane, first, end, signed);
        (bytes memory packed, uint256 offset) = _malformed(transfers, end - handled[lane]);
        bytes memory call = abi.encodeCall(IBridgePayouts.handle, (uint64(first), packed, tail, signatures));
        bytes memory reason = _reason(PackedTransfers.PackedTransfersMalformed.selector, offset);
        _expectRefused(SUBMITTER, address(bridges[1 - lane]), 0, call, reason);
    }

    /// @dev A vote counts once.
    function _voteAs(uint256 lane, uint256 nonce, uint256 key) private {
        IBridge bridge = bridges[1 - lane];
        uint64 epoch = _operators[1 - lane].epoch;
        Checkpoint memory checkpoint = Checkpoint(_bridgeIds[lane], epoch, uint64(nonce), root(lane, nonce));
        bytes memory signature = _sign(key, _checkpointDigest(lane, nonce));
        bytes memory call = abi.encodeCall(IBridgePayouts.vote, (checkpoint, signature));
        _execute(SUBMITTER, address(bridge), 0, call);
        _voters[lane][epoch][nonce] |= 1 << key;
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyVoted.selector, _addressOf(key));
        _expectRefused(SUBMITTER, address(bridge), 0, call, reason);
    }

    function _countMembers(Quorum storage operators, uint256 voters) private view returns (uint256 count) {
        for (uint256 i = 0; i < operators.keys.length; ++i) {
            if (voters & (1 << operators.keys[i]) != 0) ++count;
        }
    }

    function _withVoters(bytes[] memory signatures, uint256 voters, bytes32 digest)
        private
        pure
        returns (bytes[] memory list)
    {
        list = signatures;
        for (uint256 key = 0; key < POOL; ++key) {
            if (voters & (1 << key) != 0) list = _append(list, _sign(key, digest));
        }
    }

    function _append(bytes[] memory list, bytes memory item) private pure returns (bytes[] memory longer) {
        longer = new bytes[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = item;
    }

    // ---- calls ----

    function _handleCall(uint256 lane, uint256 first, uint256 end, uint256 signed, bytes[] memory signatures)
        internal
        returns (bytes memory)
    {
        (ValueTransfer[] memory transfers, bytes32[] memory tail) = _cut(lane, first, end, signed);
        return abi.encodeCall(IBridgePayouts.handle, (uint64(first), _pack(transfers), tail, signatures));
    }

    /// @dev `forceHold`, `release` or `refund`, which have the same arguments; refused when there is a reason.
    function _decide(uint256 lane, bytes4 selector, uint256 nonce, bytes[] memory signatures, bytes memory reason)
        internal
    {
        bytes memory call = abi.encodeWithSelector(selector, uint64(nonce), _requests[lane][nonce], signatures);
        if (reason.length == 0) _execute(SUBMITTER, address(bridges[1 - lane]), 0, call);
        else _expectRefused(SUBMITTER, address(bridges[1 - lane]), 0, call, reason);
    }

    /// @dev The side that pays what comes on this lane, unless it is paused.
    function _enterToPay(uint256 lane) internal returns (uint256 side) {
        side = 1 - lane;
        if (paused[side]) _inVain();
        _enter(side);
    }

    /// @dev A lane with something in flight.
    function _laneInFlight() internal returns (uint256 lane) {
        lane = _pick(2);
        if (handled[lane] == requested(lane)) lane = 1 - lane;
        if (handled[lane] == requested(lane)) _inVain();
    }
}
