// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Change, Changes, Topic} from "./Changes.sol";
import {Quorum} from "./Quorums.sol";

/// A vote that waits.
struct Scheduled {
    uint64 nonce;
    uint64 executableAt;
    uint64 deadline;
    /// Bits of the operators whose pause has suspended it, by key.
    uint256 suspendedBy;
    Change change;
}

/// @title Governors that configure, with and without delay, operators that pause, and who takes the fees
abstract contract Governing is Changes {
    uint256 internal constant MOST_PENDING = 8;

    /// When what a pause has suspended can be executed.
    uint64 private constant NEVER = type(uint64).max;

    mapping(uint256 side => Scheduled[]) internal _pending;
    mapping(uint256 side => uint64) public configurationNonce;

    constructor() {
        _deployTokens();
        for (uint256 side = 0; side < 2; ++side) {
            _enter(side);
            _configure(side, _wiring(side), uint64(_time));
            (_limits[side][TOKEN].fee, _limits[side][LOCKED].fee) = (1, 1);
        }
    }

    // ---- what governors do ----

    function _configureAtOnce() internal {
        uint256 side = _pick(2);
        _enter(side);
        _changeAtOnce(side, _someTightening(side));
    }

    function _changeAtOnce(uint256 side, Change memory change) internal {
        _expectNothingGained(side, change);
        _configure(side, _callsOf(side, change), uint64(_time));
        _apply(side, change);
    }

    /// @dev On both sides, as each vote is either executed or cancelled.
    function _schedule() internal {
        if (_pending[0].length == MOST_PENDING && _pending[1].length == MOST_PENDING) _inVain();
        for (uint256 side = 0; side < 2; ++side) {
            if (_pending[side].length == MOST_PENDING) continue;
            _enter(side);
            Change memory change = _someChange(side);
            bool ends = stopped[side] && !_isPending(side, Topic.Allow);
            if (ends) change.topic = Topic.Allow;
            // One side at a time, so that users can always go on with the other one.
            bool otherStops = stopped[1 - side] || _isPending(1 - side, Topic.Stop);
            if (change.topic == Topic.Stop && (stopped[side] || otherStops)) change.topic = Topic.Unpause;
            if (!_loosens(side, change)) change.waits = true;
            _scheduleOn(side, change);
        }
    }

    /// @dev Some votes end so soon that nobody executes them in time.
    function _scheduleOn(uint256 side, Change memory change) internal {
        uint64 executableAt = uint64(_time + governanceDelay[side]);
        uint64 deadline = _pick(6) == 0 ? executableAt + 20 : executableAt + 300 days;
        uint64 nonce = configurationNonce[side];
        _configure(side, _callsOf(side, change), deadline);
        Scheduled storage scheduled = _pending[side].push();
        // Nobody can leave a bridge that is paused.
        if (paused[side]) executableAt = NEVER;
        (scheduled.nonce, scheduled.executableAt, scheduled.deadline) = (nonce, executableAt, deadline);
        scheduled.change = change;
        if (_pending[side].length == 1) _expectTooEarly(side);
    }

    function _executeScheduled() internal {
        _executeOldest(_sideWithPending());
    }

    function _executeOldest(uint256 side) internal {
        _enter(side);
        Scheduled memory oldest = _pending[side][0];
        if (oldest.executableAt == NEVER) {
            // However long it waits.
            vm.warp(_time += 60 days);
            _expectTooEarly(side);
            _inVain();
        }
        if (_isOver(oldest)) _inVain();
        if (_time < oldest.executableAt) {
            vm.warp(_time = oldest.executableAt - 1);
            _expectTooEarly(side);
            vm.warp(++_time);
        }
        bytes memory obstacle = _obstacleTo(side, oldest.change);
        if (obstacle.length != 0) {
            _expectRefusedConfiguration(side, oldest, obstacle);
            _inVain();
        }
        _execute(SUBMITTER, address(bridges[side]), 0, _executeCall(side, oldest));
        _removePending(side, 0);
        _apply(side, oldest.change);
        bytes memory again = _reason(IBridgeErrors.BridgeConfigurationNotNext.selector, oldest.nonce);
        _expectRefusedConfiguration(side, oldest, again);
    }

    function _cancelScheduled() internal {
        uint256 side = _sideWithPending();
        _enter(side);
        uint256 index = _pickToCancel(side);
        Scheduled memory scheduled = _pending[side][index];
        Quorum storage governors = _governors[side];
        bytes32 typeHash = keccak256("Cancellation(uint64 epoch,uint64 configurationNonce)");
        bytes32 digest = _digest(side, keccak256(abi.encode(typeHash, governors.epoch, scheduled.nonce)));
        bytes[] memory signatures = new bytes[](0);
        if (_time <= scheduled.deadline) {
            bytes memory refused = abi.encodeCall(
                IBridgeConfiguration.cancelConfiguration, (scheduled.nonce, _shortOf(governors, digest))
            );
            bytes memory reason = _belowThreshold(governors.threshold - 1, governors);
            _expectRefused(SUBMITTER, address(bridges[side]), 0, refused, reason);
            signatures = _quorum(governors, digest);
        }
        bytes memory call = abi.encodeCall(IBridgeConfiguration.cancelConfiguration, (scheduled.nonce, signatures));
        _execute(SUBMITTER, address(bridges[side]), 0, call);
        _removePending(side, index);
        bytes memory again = _reason(IBridgeErrors.BridgeConfigurationNotNext.selector, scheduled.nonce);
        _expectRefused(SUBMITTER, address(bridges[side]), 0, call, again);
    }

    // ---- what operators and everybody do ----

    /// @dev One side at a time, so that the other one goes on.
    function _pauseOne() internal {
        uint256 side = _pick(2);
        if (paused[0] || paused[1]) _inVain();
        _enter(side);
        bytes32 structHash = keccak256(abi.encode(keccak256("Pause(uint64 pauseNonce)"), _pauseNonce[side]));
        uint256 key = _memberOf(_operators[side]);
        bytes memory signature = _sign(key, _digest(side, structHash));
        bytes memory call = abi.encodeCall(IBridgeConfiguration.pause, (uint64(_pauseNonce[side]), signature));
        _execute(SUBMITTER, address(bridges[side]), 0, call);
        paused[side] = true;
        _suspend(side, 1 << key);
        bytes memory reason = _reason(IBridgeErrors.BridgePaused.selector, _pauseNonce[side]);
        _expectRefused(SUBMITTER, address(bridges[side]), 0, call, reason);
    }

    function _unpauseOne() internal {
        if (!paused[0] && !paused[1]) _inVain();
        _unpause(paused[0] ? 0 : 1);
    }

    function _unpause(uint256 side) internal {
        _enter(side);
        Change memory change;
        change.topic = Topic.Unpause;
        _configure(side, _callsOf(side, change), uint64(_time));
        _apply(side, change);
    }

    function _withdrawFees() internal {
        uint256[8] memory pairs = [NATIVE, TOKEN, LOCKED, STRAY, NATIVE, TOKEN, LOCKED, STRAY];
        uint256 first = _pick(8);
        for (uint256 i = 0; i < 8; ++i) {
            (uint256 side, uint256 pair) = ((first + i) % 8 / 4, pairs[(first + i) % 8]);
            uint256 fees = feesDue[side][pair];
            address to = feeReceiver[side];
            bytes memory call = abi.encodeCall(IBridgeConfiguration.withdrawFees, (tokens[side][pair]));
            bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeNoFees.selector, tokens[side][pair], to);
            if (fees == 0 || to == address(0)) {
                _expectRefused(SUBMITTER, address(bridges[side]), 0, call, reason);
                continue;
            }
            _enter(side);
            _execute(SUBMITTER, address(bridges[side]), 0, call);
            feesDue[side][pair] = 0;
            if (pair == NATIVE) nativeDue[to] += fees;
            else tokenDue[side][pair][to] += fees;
            return _expectRefused(SUBMITTER, address(bridges[side]), 0, call, reason);
        }
        _inVain();
    }

    // ---- votes that wait ----

    function pending(uint256 side) external view returns (Scheduled[] memory) {
        return _pending[side];
    }

    function _apply(uint256 side, Change memory change) internal virtual override {
        super._apply(side, change);
        // What former governors have voted is dead; what former operators have suspended may be suspended again.
        if (change.topic == Topic.Governors) delete _pending[side];
        if (change.topic == Topic.Operators) {
            for (uint256 i = 0; i < _pending[side].length; ++i) {
                _pending[side][i].suspendedBy = 0;
            }
        }
        if (change.topic != Topic.Unpause) return;
        paused[side] = false;
        ++_pauseNonce[side];
        _resume(side);
    }

    /// @dev Each operator suspends each vote once.
    function _suspend(uint256 side, uint256 bit) private {
        for (uint256 i = 0; i < _pending[side].length; ++i) {
            Scheduled storage scheduled = _pending[side][i];
            if (scheduled.suspendedBy & bit != 0) continue;
            scheduled.suspendedBy |= bit;
            scheduled.executableAt = NEVER;
        }
    }

    /// @dev Whoever wants to leave has the whole delay once more.
    function _resume(uint256 side) private {
        for (uint256 i = 0; i < _pending[side].length; ++i) {
            Scheduled storage scheduled = _pending[side][i];
            if (scheduled.executableAt == NEVER) scheduled.executableAt = uint64(_time + governanceDelay[side]);
        }
    }

    function _isPending(uint256 side, Topic topic) internal view returns (bool) {
        for (uint256 i = 0; i < _pending[side].length; ++i) {
            if (_pending[side][i].change.topic == topic) return true;
        }
        return false;
    }

    /// @dev Whether a vote of this topic and pair waits.
    function _isPendingOf(uint256 side, Topic topic, uint256 pair) internal view returns (bool) {
        for (uint256 i = 0; i < _pending[side].length; ++i) {
            Change storage change = _pending[side][i].change;
            if (change.topic == topic && change.pair == pair) return true;
        }
        return false;
    }

    /// @dev What is over, or cannot be executed, holds up the others, so it goes first. What ends a stop stays, if it can.
    function _pickToCancel(uint256 side) private returns (uint256 index) {
        Scheduled memory oldest = _pending[side][0];
        if (_isOver(oldest) || _obstacleTo(side, oldest.change).length != 0) return 0;
        index = _pick(_pending[side].length);
        Topic topic = _pending[side][index].change.topic;
        if (topic == Topic.Allow || (topic >= Topic.WriteOff && _pick(4) != 0)) _inVain();
    }

    // ---- votes ----

    /// @dev With one governor fewer it is refused.
    function _configure(uint256 side, bytes[] memory calls, uint64 deadline) internal {
        bytes memory hashes;
        for (uint256 i = 0; i < calls.length; ++i) {
            hashes = bytes.concat(hashes, keccak256(calls[i]));
        }
        bytes32 typeHash =
            keccak256("Configuration(uint64 epoch,uint64 configurationNonce,uint64 deadline,bytes[] calls)");
        Quorum storage governors = _governors[side];
        uint64 nonce = configurationNonce[side]++;
        bytes32 structHash = keccak256(abi.encode(typeHash, governors.epoch, nonce, deadline, keccak256(hashes)));
        bytes32 digest = _digest(side, structHash);
        bytes memory call =
            abi.encodeCall(IBridgeConfiguration.configure, (nonce, deadline, calls, _shortOf(governors, digest)));
        bytes memory reason = _belowThreshold(governors.threshold - 1, governors);
        _expectRefused(SUBMITTER, address(bridges[side]), 0, call, reason);
        call = abi.encodeCall(IBridgeConfiguration.configure, (nonce, deadline, calls, _quorum(governors, digest)));
        _execute(SUBMITTER, address(bridges[side]), 0, call);
    }

    function _executeCall(uint256 side, Scheduled memory scheduled) private view returns (bytes memory) {
        bytes[] memory calls = _callsOf(side, scheduled.change);
        return abi.encodeCall(IBridgeConfiguration.executeConfiguration, (scheduled.nonce, calls));
    }

    function _expectRefusedConfiguration(uint256 side, Scheduled memory scheduled, bytes memory reason) private {
        _expectRefused(SUBMITTER, address(bridges[side]), 0, _executeCall(side, scheduled), reason);
    }

    /// @dev Whether nobody can execute it any more. A pause may have taken all the time that there was.
    function _isOver(Scheduled memory scheduled) private view returns (bool) {
        bool tooLate = scheduled.executableAt != NEVER && scheduled.executableAt > scheduled.deadline;
        return tooLate || _time > scheduled.deadline;
    }

    /// @dev The oldest vote, now.
    function _expectTooEarly(uint256 side) private {
        Scheduled memory oldest = _pending[side][0];
        bytes memory reason =
            abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationTooEarly.selector, oldest.executableAt, _time);
        _expectRefusedConfiguration(side, oldest, reason);
    }

    function _removePending(uint256 side, uint256 index) private {
        Scheduled[] storage list = _pending[side];
        for (uint256 i = index; i + 1 < list.length; ++i) {
            list[i] = list[i + 1];
        }
        list.pop();
    }

    function _sideWithPending() private returns (uint256 side) {
        side = _pick(2);
        if (_pending[side].length == 0) side = 1 - side;
        if (_pending[side].length == 0) _inVain();
    }
}
