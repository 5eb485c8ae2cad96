// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Opening} from "./Opening.sol";
import {Quorum} from "./Quorums.sol";

/// What a configuration does.
enum Topic {
    Limits,
    Lock,
    Unlock,
    GasCap,
    GreatestGasCap,
    RefundDelay,
    GovernanceDelay,
    Predecessor,
    Stop,
    Allow,
    Operators,
    Governors,
    Unpause,
    WriteOff,
    Register,
    Deregister
}

struct Change {
    Topic topic;
    uint256 pair;
    PairLimits limits;
    /// Unit: blocks, gas or seconds; of a pair that goes what is handled here.
    uint64 number;
    /// Of a pair that goes what is handled over there.
    uint64 outboundNonce;
    /// Holds that are written off, of different pairs.
    uint64[] nonces;
    uint8[] keys;
    uint8 threshold;
    /// Predecessor, or who receives the fees when that is changed as well.
    address account;
    /// Whether the fee receiver is changed as well, which always waits, whatever the rest does.
    bool waits;
}

/// @title What governors can change: as calls, as what holds afterwards, whether it waits, and what is in its way
abstract contract Changes is Opening {
    /// A bridge of which nothing comes.
    address private constant PREDECESSOR = address(0x01D);

    /// Settings of both sides, as they were voted.
    mapping(uint256 side => address) public feeReceiver;
    mapping(uint256 side => address) public predecessor;
    mapping(uint256 side => uint32) public governanceDelay;
    mapping(uint256 side => uint32) public greatestGasCap;
    mapping(uint256 side => mapping(uint256 pair => uint32)) public gasCap;
    /// Claims that nobody has taken yet, by nonce of the lane whose holds they were.
    mapping(uint256 lane => uint256[]) internal _claims;

    constructor() {
        for (uint256 side = 0; side < 2; ++side) {
            feeReceiver[side] = FEE_RECEIVER;
            (governanceDelay[side], greatestGasCap[side]) = (GOVERNANCE_DELAY, MAX_GAS_CAP);
            for (uint256 pair = 0; pair < PAIRS; ++pair) {
                gasCap[side][pair] = _gasCapOf(pair);
            }
        }
    }

    function operatorsOf(uint256 side) external view returns (Quorum memory) {
        return _operators[side];
    }

    function governorsOf(uint256 side) external view returns (Quorum memory) {
        return _governors[side];
    }

    function memberOf(uint256 key) external view returns (address) {
        return _addressOf(key);
    }

    function limitsOf(uint256 side, uint256 pair) external view returns (PairLimits memory) {
        return _limits[side][pair];
    }

    function locked(uint256 side, uint256 pair) external view returns (bool) {
        return _locked[side][pair];
    }

    function pauseNonce(uint256 side) external view returns (uint256) {
        return _pauseNonce[side];
    }

    function refundDelay(uint256 side) external view returns (uint256) {
        return _refundDelay[side];
    }

    function _callsOf(uint256 side, Change memory change) internal view returns (bytes[] memory calls) {
        (address token, Topic topic) = (tokens[side][change.pair], change.topic);
        uint256 count = topic == Topic.WriteOff ? change.nonces.length : 1;
        calls = new bytes[](change.waits ? count + 1 : count);
        if (change.waits) calls[count] = abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (change.account));
        if (topic == Topic.Limits) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLimits, (token, change.limits));
        } else if (topic == Topic.Lock || topic == Topic.Unlock) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (token, topic == Topic.Lock));
        } else if (topic == Topic.GasCap) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setPairGasCap, (token, uint32(change.number)));
        } else if (topic == Topic.GreatestGasCap) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setGreatestGasCap, (uint32(change.number)));
        } else if (topic == Topic.RefundDelay) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setRefundDelay, (change.number));
        } else if (topic == Topic.GovernanceDelay) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setGovernanceDelay, (uint32(change.number)));
        } else if (topic == Topic.Predecessor) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setPredecessor, (change.account));
        } else if (topic == Topic.Stop || topic == Topic.Allow) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (topic == Topic.Stop));
        } else if (topic == Topic.Unpause) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.unpause, ());
        } else if (topic == Topic.WriteOff) {
            for (uint256 i = 0; i < count; ++i) {
                uint64 nonce = change.nonces[i];
                calls[i] = abi.encodeCall(IBridgeHolds.writeOff, (nonce, _requests[1 - side][nonce]));
            }
        } else if (topic == Topic.Register) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.registerPair, (_pairConfiguration(side, change.pair)));
        } else if (topic == Topic.Deregister) {
            calls[0] = abi.encodeCall(IBridgeConfiguration.deregisterPair, (token, change.number, change.outboundNonce));
        } else {
            bytes4 selector = topic == Topic.Operators
                ? IBridgeConfiguration.setOperators.selector
                : IBridgeConfiguration.setGovernors.selector;
            calls[0] = abi.encodeWithSelector(selector, _members(change.keys), change.threshold);
        }
    }

    function _apply(uint256 side, Change memory change) internal virtual {
        (Topic topic, uint256 pair) = (change.topic, change.pair);
        if (topic == Topic.Limits) _setLimits(side, pair, change.limits);
        if (topic == Topic.Lock || topic == Topic.Unlock) _locked[side][pair] = topic == Topic.Lock;
        if (topic == Topic.Lock) _lockedAt[side][pair] = requested(side);
        if (topic == Topic.GasCap) gasCap[side][pair] = uint32(change.number);
        if (topic == Topic.GreatestGasCap) greatestGasCap[side] = uint32(change.number);
        if (topic == Topic.RefundDelay) _refundDelay[side] = change.number;
        if (topic == Topic.GovernanceDelay) governanceDelay[side] = uint32(change.number);
        if (topic == Topic.Predecessor) predecessor[side] = change.account;
        if (topic == Topic.Stop || topic == Topic.Allow) stopped[side] = topic == Topic.Stop;
        if (topic == Topic.Operators) _install(_operators[side], change);
        if (topic == Topic.Governors) _install(_governors[side], change);
        if (topic == Topic.WriteOff) _enterWriteOffs(side, change);
        if (topic == Topic.Register) (_gone[side][pair], gasCap[side][pair]) = (false, _gasCapOf(pair));
        if (topic == Topic.Deregister) _forget(side, pair);
        if (change.waits) feeReceiver[side] = change.account;
    }

    /// @dev What is in the way of a vote now that its time has come; nothing when it can be executed.
    function _obstacleTo(uint256 side, Change memory change) internal view returns (bytes memory) {
        (Topic topic, uint256 pair) = (change.topic, change.pair);
        address token = tokens[side][pair];
        if (topic == Topic.WriteOff) return _obstacleToWriteOffs(side, change);
        if (topic == Topic.Register && registered(side, pair)) {
            return abi.encodeWithSelector(IBridgeErrors.BridgePairExists.selector, token, tokens[1 - side][pair]);
        }
        if (topic == Topic.Deregister) return _obstacleToDeparture(side, change);
        bool ofPair = topic == Topic.Limits || topic == Topic.Lock || topic == Topic.Unlock || topic == Topic.GasCap;
        if (ofPair && !registered(side, pair)) {
            return abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, token);
        }
        return "";
    }

    /// @dev Whether somebody could do more, or sooner, afterwards: then it waits.
    function _loosens(uint256 side, Change memory change) internal view returns (bool) {
        Topic topic = change.topic;
        if (change.waits) return true;
        if (topic == Topic.Lock || topic == Topic.Unpause) return false;
        if (topic == Topic.RefundDelay) return change.number < _refundDelay[side];
        if (topic == Topic.GovernanceDelay) return change.number < governanceDelay[side];
        if (topic == Topic.Operators) return _isNewcomers(_operators[side], change);
        if (topic == Topic.Governors) return _isNewcomers(_governors[side], change);
        if (topic == Topic.Limits) return _isWider(_limits[side][change.pair], change.limits);
        return true;
    }

    // ---- holds that are written off ----

    /// @dev Those that have ended meanwhile are left out.
    function _obstacleToWriteOffs(uint256 side, Change memory change) private view returns (bytes memory) {
        uint256 lane = 1 - side;
        for (uint256 i = 0; i < change.nonces.length; ++i) {
            uint256 nonce = change.nonces[i];
            if (holdDue[lane][nonce] == HoldReason.None) continue;
            HoldReason obstacle = _obstacleHere(lane, nonce, heldAt[lane][nonce]);
            if (obstacle != HoldReason.None) return _releaseFailed(nonce, obstacle);
        }
        return "";
    }

    function _enterWriteOffs(uint256 side, Change memory change) private {
        uint256 lane = 1 - side;
        for (uint256 i = 0; i < change.nonces.length; ++i) {
            uint256 nonce = change.nonces[i];
            if (holdDue[lane][nonce] == HoldReason.None) continue;
            if (claims[side] == address(0)) claims[side] = bridges[side].state().claims;
            _endHold(lane, _indexOf(lane, nonce));
            _enterPayoutTo(lane, nonce, claims[side]);
            _claims[lane].push(nonce);
            if (!paused[side]) _expectEnded(lane, nonce);
        }
    }

    function _indexOf(uint256 lane, uint256 nonce) private view returns (uint256 index) {
        while (_open[lane][index] != nonce) ++index;
    }

    // ---- pairs that go ----

    function _obstacleToDeparture(uint256 side, Change memory change) private view returns (bytes memory) {
        (uint256 pair, uint256 here) = (change.pair, handled[1 - side]);
        address token = tokens[side][pair];
        bytes4 notDrained = IBridgeErrors.BridgeLaneNotDrained.selector;
        if (here < change.number) return abi.encodeWithSelector(notDrained, here, change.number);
        if (!registered(side, pair)) return abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, token);
        uint256 lockedAt = _lockedAt[side][pair];
        if (change.outboundNonce < lockedAt) return abi.encodeWithSelector(notDrained, change.outboundNonce, lockedAt);
        uint256 outstanding = mints(side, pair) ? mintedDue[side][pair] : escrowDue[side][pair];
        uint256 held = heldDue[side][pair];
        if (_locked[side][pair] && outstanding == 0 && held == 0) return "";
        return
            abi.encodeWithSelector(
                IBridgeErrors.BridgePairInUse.selector, token, outstanding, held, _locked[side][pair]
            );
    }

    // ---- members and limits ----

    function _install(Quorum storage quorum, Change memory change) private {
        ++quorum.epoch;
        (quorum.threshold, quorum.keys) = (change.threshold, change.keys);
    }

    /// @dev Whether the new members can decide what the old ones could not.
    function _isNewcomers(Quorum storage quorum, Change memory change) private view returns (bool) {
        return change.threshold < quorum.threshold || _newcomers(quorum, change.keys) != 0;
    }

    function _newcomers(Quorum storage quorum, uint8[] memory keys) private view returns (uint256 count) {
        for (uint256 i = 0; i < keys.length; ++i) {
            bool known = false;
            for (uint256 j = 0; j < quorum.keys.length; ++j) {
                known = known || quorum.keys[j] == keys[i];
            }
            if (!known) ++count;
        }
    }

    function _isWider(PairLimits memory a, PairLimits memory b) private pure returns (bool) {
        if (b.minimum < a.minimum || b.maximum > a.maximum) return true;
        if (b.fee != 0 && (b.fee > a.fee || b.feeInNative != a.feeInNative)) return true;
        bool bucket = a.outflowCapacity != UNLIMITED;
        if (bucket && (b.outflowCapacity > a.outflowCapacity || b.outflowPerSecond > a.outflowPerSecond)) return true;
        return a.delayAbove != UNLIMITED && (b.delayAbove > a.delayAbove || b.delayBlocks < a.delayBlocks);
    }

    /// @dev Of a change that does not wait: whatever somebody can do afterwards could be done before. Not asked of the rule but
    /// of what it is for.
    function _expectNothingGained(uint256 side, Change memory change) internal {
        Topic topic = change.topic;
        if (topic == Topic.RefundDelay) assertLe(_refundDelay[side], change.number, "no refund is late sooner");
        if (topic == Topic.GovernanceDelay) assertLe(governanceDelay[side], change.number, "no vote waits less");
        if (topic == Topic.Operators) _expectNobodyGained(_operators[side], change);
        if (topic == Topic.Governors) _expectNobodyGained(_governors[side], change);
        if (topic != Topic.Limits) return;
        (PairLimits memory a, PairLimits memory b) = (_limits[side][change.pair], change.limits);
        for (uint256 i = 0; i < 8; ++i) {
            (uint256 amount, uint256 time) = (1 + _pick(100), _pick(100));
            bool accepted = a.minimum <= amount && amount <= a.maximum;
            assertTrue(accepted || b.minimum > amount || amount > b.maximum, "no amount becomes possible");
            assertLe(_waitOf(a, amount), _waitOf(b, amount), "no payout waits less");
            assertLe(_roomOf(b, time), _roomOf(a, time), "no more goes out in any time");
        }
        assertTrue(b.fee == 0 || (b.fee <= a.fee && b.feeInNative == a.feeInNative), "no request costs more");
    }

    /// @dev The quorum with the fewest former members had one of them.
    function _expectNobodyGained(Quorum storage quorum, Change memory change) private view {
        uint256 newcomers = _newcomers(quorum, change.keys);
        assertLe(quorum.threshold + newcomers, change.threshold, "whoever decides now decided before");
    }

    function _waitOf(PairLimits memory limits, uint256 amount) private pure returns (uint256) {
        return amount > limits.delayAbove ? limits.delayBlocks : 0;
    }

    function _roomOf(PairLimits memory limits, uint256 time) private pure returns (uint256) {
        if (limits.outflowCapacity == UNLIMITED) return type(uint256).max;
        return limits.outflowCapacity + limits.outflowPerSecond * time;
    }

    // ---- choice ----

    /// @dev Of all that is voted from time to time, with or without need.
    function _someChange(uint256 side) internal returns (Change memory change) {
        change.account = _pick(4) == 0 ? address(0) : _pick(2) == 0 ? FEE_RECEIVER : OTHER_FEE_RECEIVER;
        uint256 choice = _pick(20);
        if (choice < 7) {
            change.topic = Topic.Limits;
            change.pair = _limitedPair(side);
            change.limits = _someLimits(side, change.pair);
        } else if (choice < 9) {
            change.topic = Topic.Unlock;
            change.pair = _lockedPair(side);
        } else if (choice < 10) {
            change.topic = Topic.GasCap;
            change.pair = _limitedPair(side);
            uint64 least = _gasCapOf(change.pair);
            change.number = least + uint64(_pick(MAX_GAS_CAP + 1 - least));
        } else if (choice < 11) {
            change.topic = Topic.GreatestGasCap;
            change.number = uint64(MAX_GAS_CAP + _pick(MAX_GAS_CAP));
        } else if (choice < 12) {
            change.topic = Topic.Predecessor;
            change.account = _pick(3) == 0 ? address(0) : PREDECESSOR;
        } else if (choice < 13) {
            change.topic = Topic.Stop;
        } else if (choice < 14) {
            change.topic = Topic.RefundDelay;
            change.number = uint64(10 + _pick(REFUND_DELAY));
        } else if (choice < 15) {
            change.topic = Topic.GovernanceDelay;
            change.number = uint64(GOVERNANCE_DELAY + _pick(4 * GOVERNANCE_DELAY));
        } else {
            change.topic = choice < 19 ? Topic.Operators : Topic.Governors;
            uint256 size = 3 + _pick(3);
            change.keys = _someKeys(_pick(POOL), size);
            change.threshold = uint8(size / 2 + 1 + _pick(size - size / 2));
        }
        change.waits = change.topic != Topic.Predecessor && _pick(2) == 0;
    }

    /// @dev Of all that need not wait.
    function _someTightening(uint256 side) internal returns (Change memory change) {
        uint256 choice = _pick(10);
        if (choice == 0) {
            change.topic = Topic.Lock;
            change.pair = _pairToLock(side);
        } else if (choice == 1) {
            change.topic = Topic.RefundDelay;
            change.number = uint64(_refundDelay[side] + _pick(10));
            if (change.number > 2 * REFUND_DELAY) _inVain();
        } else if (choice == 2) {
            change.topic = Topic.GovernanceDelay;
            change.number = uint64(governanceDelay[side] + _pick(GOVERNANCE_DELAY));
            if (change.number > 5 * GOVERNANCE_DELAY) _inVain();
        } else if (choice < 5) {
            change.topic = Topic.Operators;
            Quorum storage operators = _operators[side];
            (change.keys, change.threshold) = (operators.keys, operators.threshold);
            // One may go when the rest can still decide.
            if (change.keys.length > change.threshold && _pick(2) == 0) change.keys = _allButLast(change.keys);
        } else {
            change.topic = Topic.Limits;
            change.pair = _limitedPair(side);
            change.limits = _someLimits(side, change.pair);
            if (choice < 9) change.limits = _narrower(_limits[side][change.pair], change.limits);
            else if (_loosens(side, change)) _inVain();
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

    /// @dev The guest has no limits: by chance it would never be empty.
    function _limitedPair(uint256 side) private returns (uint256) {
        return _pick(registered(side, STRAY) ? STRAY + 1 : STRAY);
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
}
