// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairConfiguration, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Ending} from "./Ending.sol";
import {Quorum} from "./Quorums.sol";

/// @title Governors that configure, with and without delay, operators that pause, and who takes the fees
abstract contract Governing is Ending {
    uint256 private constant MOST_PENDING = 8;
    uint32 private constant GAS_CAP = 250_000;
    uint32 private constant MAX_GAS_CAP = 2_000_000;

    /// What a configuration does.
    enum Topic {
        Limits,
        Lock,
        Unlock,
        GasCap,
        RefundDelay,
        Operators,
        Governors,
        Unpause
    }

    struct Change {
        Topic topic;
        uint256 pair;
        PairLimits limits;
        /// Unit: blocks, or gas.
        uint64 number;
        uint8[] keys;
        uint8 threshold;
        /// Whether a call goes along that always waits, whatever the others do.
        bool waits;
    }

    struct Scheduled {
        uint64 nonce;
        uint64 executableAt;
        uint64 deadline;
        Change change;
    }

    mapping(uint256 side => Scheduled[]) private _pending;
    mapping(uint256 side => uint64) private _configurationNonce;

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
        Change memory change;
        uint256 choice = _pick(8);
        if (choice == 0) {
            change.topic = Topic.Lock;
            change.pair = _pairToLock(side);
        } else if (choice == 1) {
            change.topic = Topic.RefundDelay;
            change.number = uint64(_refundDelay[side] + _pick(10));
            if (change.number > 2 * REFUND_DELAY) _inVain();
        } else if (choice < 4) {
            change.topic = Topic.Operators;
            Quorum storage operators = _operators[side];
            (change.keys, change.threshold) = (operators.keys, operators.threshold);
            // One may go when the rest can still decide.
            if (change.keys.length > change.threshold && _pick(2) == 0) change.keys = _allButLast(change.keys);
        } else {
            change.topic = Topic.Limits;
            change.pair = _limitedPair(side);
            change.limits = _narrower(_limits[side][change.pair], _someLimits(side, change.pair));
        }
        _configure(side, _callsOf(side, change), uint64(_time));
        _apply(side, change);
    }

    /// @dev On both sides, as each vote is either executed or cancelled.
    function _schedule() internal {
        if (_pending[0].length == MOST_PENDING && _pending[1].length == MOST_PENDING) _inVain();
        for (uint256 side = 0; side < 2; ++side) {
            if (_pending[side].length < MOST_PENDING) _scheduleOn(side);
        }
    }

    /// @dev Some votes end so soon that nobody executes them in time.
    function _scheduleOn(uint256 side) private {
        _enter(side);
        Change memory change = _someChange(side);
        uint64 executableAt = uint64(_time + GOVERNANCE_DELAY);
        uint64 deadline = _pick(6) == 0 ? executableAt + 20 : executableAt + 300 days;
        uint64 nonce = _configurationNonce[side];
        _configure(side, _callsOf(side, change), deadline);
        Scheduled storage scheduled = _pending[side].push();
        (scheduled.nonce, scheduled.executableAt, scheduled.deadline) = (nonce, executableAt, deadline);
        scheduled.change = change;
        bytes memory reason =
            abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationTooEarly.selector, executableAt, _time);
        if (_pending[side].length == 1) _expectRefusedConfiguration(side, scheduled, reason);
    }

    function _executeScheduled() internal {
        uint256 side = _sideWithPending();
        _enter(side);
        Scheduled memory oldest = _pending[side][0];
        if (_time > oldest.deadline) _inVain();
        if (_time < oldest.executableAt) {
            _time = oldest.executableAt - 1;
            vm.warp(_time);
            bytes memory reason =
                abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationTooEarly.selector, oldest.executableAt, _time);
            _expectRefusedConfiguration(side, oldest, reason);
            vm.warp(++_time);
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
        // What is over holds up the others, so it goes first.
        uint256 index = _time > _pending[side][0].deadline ? 0 : _pick(_pending[side].length);
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
        bytes memory signature = _sign(_memberOf(_operators[side]), _digest(side, structHash));
        bytes memory call = abi.encodeCall(IBridgeConfiguration.pause, (uint64(_pauseNonce[side]), signature));
        _execute(SUBMITTER, address(bridges[side]), 0, call);
        paused[side] = true;
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
            if (fees == 0) continue;
            _enter(side);
            bytes memory call = abi.encodeCall(IBridgeConfiguration.withdrawFees, (tokens[side][pair]));
            _execute(SUBMITTER, address(bridges[side]), 0, call);
            feesDue[side][pair] = 0;
            if (pair == NATIVE) nativeDue[FEE_RECEIVER] += fees;
            else tokenDue[side][pair][FEE_RECEIVER] += fees;
            return;
        }
        _inVain();
    }

    // ---- changes ----

    function _someChange(uint256 side) private returns (Change memory change) {
        change.waits = true;
        uint256 choice = _pick(16);
        if (choice < 7) {
            change.topic = Topic.Limits;
            change.pair = _limitedPair(side);
            change.limits = _someLimits(side, change.pair);
        } else if (choice < 9) {
            change.topic = Topic.Unlock;
            change.pair = _lockedPair(side);
        } else if (choice < 11) {
            change.topic = Topic.GasCap;
            change.pair = _limitedPair(side);
            uint64 least = _gasCapOf(change.pair);
            change.number = least + uint64(_pick(MAX_GAS_CAP + 1 - least));
        } else if (choice < 12) {
            change.topic = Topic.RefundDelay;
            change.number = uint64(10 + _pick(REFUND_DELAY));
        } else {
            change.topic = choice < 15 ? Topic.Operators : Topic.Governors;
            uint256 size = 3 + _pick(3);
            change.keys = _someKeys(_pick(POOL), size);
            change.threshold = uint8(size / 2 + 1 + _pick(size - size / 2));
        }
    }

    function _apply(uint256 side, Change memory change) private {
        Topic topic = change.topic;
        if (topic == Topic.Limits) _setLimits(side, change.pair, change.limits);
        if (topic == Topic.Lock || topic == Topic.Unlock) _locked[side][change.pair] = topic == Topic.Lock;
        if (topic == Topic.RefundDelay) _refundDelay[side] = change.number;
        if (topic == Topic.Operators) _install(_operators[side], change);
        if (topic == Topic.Governors) {
            _install(_governors[side], change);
            delete _pending[side];
        }
        if (topic == Topic.Unpause) {
            paused[side] = false;
            ++_pauseNonce[side];
        }
    }

    function _install(Quorum storage quorum, Change memory change) private {
        ++quorum.epoch;
        (quorum.threshold, quorum.keys) = (change.threshold, change.keys);
    }

    function _callsOf(uint256 side, Change memory change) private view returns (bytes[] memory calls) {
        (address token, Topic topic) = (tokens[side][change.pair], change.topic);
        calls = new bytes[](change.waits ? 2 : 1);
        if (change.waits) calls[1] = abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (FEE_RECEIVER));
        if (topic == Topic.Limits) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLimits, (token, change.limits));
        } else if (topic == Topic.Lock || topic == Topic.Unlock) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (token, topic == Topic.Lock));
        } else if (topic == Topic.GasCap) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setPairGasCap, (token, uint32(change.number)));
        } else if (topic == Topic.RefundDelay) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setRefundDelay, (change.number));
        } else if (topic == Topic.Unpause) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.unpause, ());
        } else {
            bytes4 selector = topic == Topic.Operators
                ? IBridgeConfiguration.setOperators.selector
                : IBridgeConfiguration.setGovernors.selector;
            calls[0] = abi.encodeWithSelector(selector, _members(change.keys), change.threshold);
        }
    }

    // ---- limits ----

    /// @dev Limits under which most requests still pass.
    function _someLimits(uint256 side, uint256 pair) private returns (PairLimits memory limits) {
        bool isNFT = pair == NFT;
        limits.minimum = uint128(_pick(isNFT ? 2 : 4));
        limits.maximum = UNLIMITED;
        limits.fee = uint128(_hasFee(side, pair) ? 1 + _pick(3) : 0);
        limits.feeInNative = limits.fee != 0 && (kindOf(pair) > Kinds.ERC20 || (pair != NATIVE && _pick(3) == 0));
        limits.outflowCapacity = UNLIMITED;
        // What can go out as one request can come back as one.
        if (_pick(4) != 0) limits.maximum = uint128(isNFT ? 1 : 20 + _pick(40));
        if (limits.maximum != UNLIMITED && _pick(2) == 0) {
            limits.outflowCapacity = limits.maximum + uint128(_pick(isNFT ? 5 : 200));
        }
        limits.outflowPerSecond = uint128(_pick(isNFT ? 2 : 10));
        limits.delayAbove = _pick(2) == 0 ? UNLIMITED : uint128(isNFT ? _pick(2) : 10 + _pick(20));
        limits.delayBlocks = uint32(1 + _pick(15));
    }

    function _narrower(PairLimits memory a, PairLimits memory b) private pure returns (PairLimits memory limits) {
        limits.minimum = a.minimum > b.minimum ? a.minimum : b.minimum;
        limits.maximum = a.maximum < b.maximum ? a.maximum : b.maximum;
        limits.fee = a.fee < b.fee ? a.fee : b.fee;
        limits.feeInNative = limits.fee != 0 && a.feeInNative;
        limits.outflowCapacity = a.outflowCapacity < b.outflowCapacity ? a.outflowCapacity : b.outflowCapacity;
        limits.outflowPerSecond = a.outflowPerSecond < b.outflowPerSecond ? a.outflowPerSecond : b.outflowPerSecond;
        limits.delayAbove = a.delayAbove < b.delayAbove ? a.delayAbove : b.delayAbove;
        limits.delayBlocks = a.delayBlocks > b.delayBlocks ? a.delayBlocks : b.delayBlocks;
    }

    /// @dev In one step only an ERC-20 can pay a fee; of the others one side is free.
    function _hasFee(uint256 side, uint256 pair) private pure returns (bool) {
        return kindOf(pair) == Kinds.ERC20 || side == (pair == NATIVE ? 0 : 1);
    }

    function _limitedPair(uint256 side) private returns (uint256) {
        return _pick(side == 0 ? HONEST : HONEST - 1);
    }

    /// @dev At most one pair of a side is locked.
    function _pairToLock(uint256 side) private returns (uint256) {
        for (uint256 pair = 0; pair < HONEST; ++pair) {
            if (_locked[side][pair]) _inVain();
        }
        return _limitedPair(side);
    }

    function _lockedPair(uint256 side) private returns (uint256) {
        for (uint256 pair = 0; pair < HONEST; ++pair) {
            if (_locked[side][pair]) return pair;
        }
        return _limitedPair(side);
    }

    function _allButLast(uint8[] memory keys) private pure returns (uint8[] memory fewer) {
        fewer = new uint8[](keys.length - 1);
        for (uint256 i = 0; i < fewer.length; ++i) {
            fewer[i] = keys[i];
        }
    }

    // ---- votes ----

    /// @dev With one governor fewer it is refused.
    function _configure(uint256 side, bytes[] memory calls, uint64 deadline) private {
        bytes memory hashes;
        for (uint256 i = 0; i < calls.length; ++i) {
            hashes = bytes.concat(hashes, keccak256(calls[i]));
        }
        bytes32 typeHash =
            keccak256("Configuration(uint64 epoch,uint64 configurationNonce,uint64 deadline,bytes[] calls)");
        Quorum storage governors = _governors[side];
        uint64 nonce = _configurationNonce[side]++;
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

    // ---- the first configuration ----

    function _wiring(uint256 side) private view returns (bytes[] memory calls) {
        uint256 count = side == 0 ? PAIRS : PAIRS - 1;
        calls = new bytes[](count + 4);
        calls[0] = abi.encodeCall(
            IBridgeConfiguration.wire, (uint64(FIRST_CHAIN + 1 - side), address(bridges[1 - side]), 0, SALT)
        );
        calls[1] = abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (FEE_RECEIVER));
        uint256 used = 2;
        for (uint256 pair = 0; pair < PAIRS; ++pair) {
            if (!registered(side, pair)) continue;
            PairConfiguration memory configuration = PairConfiguration({
                kind: kindOf(pair),
                mints: mints(side, pair),
                decimals: kindOf(pair) > Kinds.ERC20 ? 0 : 18,
                gasCap: _gasCapOf(pair),
                token: tokens[side][pair],
                counterpartToken: tokens[1 - side][pair]
            });
            calls[used++] = abi.encodeCall(IBridgeConfiguration.registerPair, (configuration));
        }
        // A fee from the start, so that there is always something to withdraw.
        uint256[2] memory charged = [TOKEN, LOCKED];
        for (uint256 i = 0; i < charged.length; ++i) {
            PairLimits memory limits = _limits[side][charged[i]];
            limits.fee = 1;
            calls[used++] = abi.encodeCall(IBridgeConfiguration.setPairLimits, (tokens[side][charged[i]], limits));
        }
    }

    /// @dev What an honest payout fits into.
    function _gasCapOf(uint256 pair) private pure returns (uint32) {
        uint8 kind = kindOf(pair);
        if (kind == Kinds.ERC721) return 600_000;
        if (kind == Kinds.ERC1155) return 1_200_000;
        return pair == MOODY ? MAX_GAS_CAP : GAS_CAP;
    }
}
