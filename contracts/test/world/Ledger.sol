// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hold, HoldReason, PairLimits, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {Content, Lanes} from "./Lanes.sol";
import {Recipient} from "./Recipient.sol";

/// @title Who must have what, and what must be held, worked out from what was done and never from the bridge's counters
/// @dev Of a hostile pair alone the bridge is asked whether a request was paid, since only its token knows. What it counts
/// is worked out for all pairs.
abstract contract Ledger is Lanes {
    uint128 internal constant UNLIMITED = type(uint128).max;

    mapping(address account => uint256) public nativeDue;
    mapping(uint256 side => mapping(uint256 pair => mapping(address account => uint256))) public tokenDue;
    mapping(uint256 side => mapping(uint256 id => address)) public ownerDue;
    mapping(uint256 side => mapping(uint256 id => mapping(address account => uint256))) public unitsDue;
    /// What a contract that takes data has been told so far.
    mapping(address account => bytes32) public takenDue;
    /// Ids of ERC-721 tokens run from 1 to here.
    uint256 public lastId;

    /// Counters of both sides, by pair.
    mapping(uint256 side => mapping(uint256 pair => uint256)) public escrowDue;
    mapping(uint256 side => mapping(uint256 pair => uint256)) public mintedDue;
    mapping(uint256 side => mapping(uint256 pair => uint256)) public heldDue;
    mapping(uint256 side => mapping(uint256 pair => uint256)) public seededDue;
    mapping(uint256 side => mapping(uint256 pair => uint256)) public feesDue;
    /// What the holds of side 0 name of each id that it locks.
    mapping(uint256 pair => mapping(uint256 id => uint256)) public owedDue;
    /// What lies there of each.
    mapping(uint256 pair => mapping(uint256 id => uint256)) public hereDue;
    /// Lies with the bridge and is nobody's.
    mapping(uint256 side => mapping(uint256 pair => uint256)) public donated;

    /// Holds, by lane and nonce: why, since when, and all that are open.
    mapping(uint256 lane => mapping(uint256 nonce => HoldReason)) public holdDue;
    mapping(uint256 lane => mapping(uint256 nonce => uint256)) public heldAt;
    mapping(uint256 lane => uint256[]) internal _open;
    mapping(uint256 lane => uint256[]) internal _ended;
    /// How often a request was paid or refunded, which is once in the end, and how many were.
    mapping(uint256 lane => mapping(uint256 nonce => uint256)) public fates;
    mapping(uint256 lane => uint256) public fatesInAll;

    mapping(uint256 side => mapping(uint256 pair => PairLimits)) internal _limits;
    mapping(uint256 side => mapping(uint256 pair => bool)) internal _locked;
    mapping(uint256 side => bool) public paused;
    mapping(uint256 side => uint256) internal _pauseNonce;
    mapping(uint256 side => uint256) internal _refundDelay;
    /// Whether requests are stopped, and the request nonce at which a pair was locked last.
    mapping(uint256 side => bool) public stopped;
    mapping(uint256 side => mapping(uint256 pair => uint256)) internal _lockedAt;
    mapping(uint256 side => mapping(uint256 pair => uint256)) private _bucketLevel;
    mapping(uint256 side => mapping(uint256 pair => uint256)) private _bucketTime;

    constructor() {
        for (uint256 side = 0; side < 2; ++side) {
            _refundDelay[side] = REFUND_DELAY;
            for (uint256 pair = 0; pair < PAIRS; ++pair) {
                _limits[side][pair] = _noLimits();
            }
        }
    }

    function openHolds(uint256 lane) external view returns (uint256[] memory) {
        return _open[lane];
    }

    // ---- a request ----

    /// @dev Value came in. That it left its owner is entered by whoever asked.
    function _enterRequest(uint256 side, ValueTransfer memory t, Content memory content) internal {
        _note(side, t, content);
        uint256 amount = amountOf(side, requested(side) - 1);
        if (mints(side, content.pair)) mintedDue[side][content.pair] -= amount;
        else escrowDue[side][content.pair] += amount;
        if (side == 0) _countIds(hereDue[content.pair], 0, requested(0) - 1, true);
        uint256 level = _bucketNow(side, content.pair);
        _fillBucket(side, content.pair, level > amount ? level - amount : 0);
    }

    // ---- a payout ----

    /// @dev Requests up to here were handled just now: each is paid, or held for the reason that must be.
    function _settleUntil(uint256 lane, uint256 end) internal {
        while (handled[lane] < end) {
            uint256 nonce = handled[lane]++;
            uint256 pair = _contents[lane][nonce].pair;
            inFlight[lane][pair] -= amountOf(lane, nonce);
            HoldReason reason = pair < HONEST ? _obstacleToHandling(lane, nonce) : _reasonFound(lane, nonce);
            if (reason == HoldReason.None) _enterPayout(lane, nonce);
            else _enterHold(lane, nonce, reason);
        }
    }

    /// @dev Why a handle holds a request; `None` when it pays.
    function _obstacleToHandling(uint256 lane, uint256 nonce) private view returns (HoldReason reason) {
        reason = _obstacleHere(lane, nonce, _height);
        if (reason != HoldReason.None) return reason;
        if (_defersCalls(1 - lane) && _callsCode(lane, nonce)) return HoldReason.CallDeferred;
        return _obstacle(lane, nonce, _height);
    }

    /// @dev Whether the payout may call its recipient, and that has code.
    function _callsCode(uint256 lane, uint256 nonce) private view returns (bool) {
        ValueTransfer storage t = _requests[lane][nonce];
        uint256 pair = _contents[lane][nonce].pair;
        bool mayCall = pair == NATIVE || pair == NFT || pair == MULTI || t.payload.length != 0;
        return mayCall && t.to.code.length != 0;
    }

    /// @dev Why a request cannot be paid now; `None` when it can.
    function _obstacle(uint256 lane, uint256 nonce, uint256 since) internal view returns (HoldReason reason) {
        reason = _obstacleHere(lane, nonce, since);
        if (reason == HoldReason.None && _refuses(lane, nonce)) reason = HoldReason.PayoutFailed;
    }

    /// @dev The same, whoever is paid.
    function _obstacleHere(uint256 lane, uint256 nonce, uint256 since) internal view virtual returns (HoldReason) {
        (uint256 side, uint256 pair) = (1 - lane, _contents[lane][nonce].pair);
        if (!registered(side, pair)) return HoldReason.UnknownToken;
        uint256 amount = amountOf(lane, nonce);
        if (!mints(side, pair) && amount > escrowDue[side][pair]) return HoldReason.InsufficientEscrow;
        PairLimits storage limits = _limits[side][pair];
        if (amount > limits.delayAbove && _height < since + limits.delayBlocks) return HoldReason.Delayed;
        bool fits = limits.outflowCapacity == UNLIMITED || _bucketNow(side, pair) + amount <= limits.outflowCapacity;
        return fits ? HoldReason.None : HoldReason.OutflowLimited;
    }

    function _enterPayout(uint256 lane, uint256 nonce) internal {
        ValueTransfer storage t = _requests[lane][nonce];
        if (_takesData(lane, nonce)) {
            Content storage content = _contents[lane][nonce];
            address token = tokens[1 - lane][content.pair];
            takenDue[t.to] =
                keccak256(abi.encode(takenDue[t.to], _bridgeIds[lane], t.from, token, t.value, content.extraData));
        }
        _enterPayoutTo(lane, nonce, t.to);
    }

    function _enterPayoutTo(uint256 lane, uint256 nonce, address to) internal {
        (uint256 side, uint256 pair) = (1 - lane, _contents[lane][nonce].pair);
        uint256 amount = amountOf(lane, nonce);
        _enterFate(lane, nonce);
        if (mints(side, pair)) mintedDue[side][pair] += amount;
        else escrowDue[side][pair] -= amount;
        if (side == 0) _countIds(hereDue[pair], lane, nonce, false);
        _fillBucket(side, pair, _bucketNow(side, pair) + amount);
        if (pair < HONEST) _give(lane, nonce, to);
    }

    /// @dev What a request of an honest pair is about is this account's on the side that pays it.
    function _give(uint256 lane, uint256 nonce, address to) internal {
        (uint256 side, uint256 pair) = (1 - lane, _contents[lane][nonce].pair);
        uint256 amount = amountOf(lane, nonce);
        if (pair == NATIVE) nativeDue[to] += amount;
        else tokenDue[side][pair][to] += amount;
        if (pair == NFT) ownerDue[side][_requests[lane][nonce].value] = to;
        if (pair != MULTI) return;
        Content storage content = _contents[lane][nonce];
        for (uint256 i = 0; i < content.ids.length; ++i) {
            unitsDue[side][content.ids[i]][to] += content.amounts[i];
        }
    }

    // ---- a hold ----

    function _enterHold(uint256 lane, uint256 nonce, HoldReason reason) internal {
        (holdDue[lane][nonce], heldAt[lane][nonce]) = (reason, _height);
        _open[lane].push(nonce);
        heldDue[1 - lane][_contents[lane][nonce].pair] += amountOf(lane, nonce);
        _enterOwed(lane, nonce, true);
    }

    /// @dev Side 0 locks ids, so what it holds is owed them.
    function _enterOwed(uint256 lane, uint256 nonce, bool more) private {
        uint256 pair = _contents[lane][nonce].pair;
        if (lane == 1) _countIds(owedDue[pair], lane, nonce, more);
    }

    function _countIds(mapping(uint256 id => uint256) storage counts, uint256 lane, uint256 nonce, bool more) private {
        Content storage content = _contents[lane][nonce];
        if (content.pair != NFT && content.pair != MULTI) return;
        bool single = content.pair == NFT;
        uint256 count = single ? 1 : content.ids.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 id = single ? _requests[lane][nonce].value : content.ids[i];
            uint256 amount = single ? 1 : content.amounts[i];
            if (more) counts[id] += amount;
            else counts[id] -= amount;
        }
    }

    function _endHold(uint256 lane, uint256 index) internal {
        uint256 nonce = _open[lane][index];
        _open[lane][index] = _open[lane][_open[lane].length - 1];
        _open[lane].pop();
        _ended[lane].push(nonce);
        holdDue[lane][nonce] = HoldReason.None;
        _enterOwed(lane, nonce, false);
        heldDue[1 - lane][_contents[lane][nonce].pair] -= amountOf(lane, nonce);
    }

    function _enterRefund(uint256 lane, uint256 nonce) internal {
        _enterFate(lane, nonce);
        ValueTransfer memory t = _requests[lane][nonce];
        (t.kind, t.to, t.sourceBlock) = (t.kind | Kinds.REFUND, t.refundTo, uint64(_height));
        _note(1 - lane, t, _contents[lane][nonce]);
    }

    /// @dev Block from which on anyone may refund. What the bridge itself delays is not late before that is over.
    function _lateAt(uint256 lane, uint256 nonce) internal view returns (uint256 late) {
        late = heldAt[lane][nonce] + _refundDelay[1 - lane];
        if (holdDue[lane][nonce] == HoldReason.Delayed) {
            late += _limits[1 - lane][_contents[lane][nonce].pair].delayBlocks;
        }
    }

    function _enterFate(uint256 lane, uint256 nonce) private {
        ++fatesInAll[lane];
        assertEq(++fates[lane][nonce], 1, "paid or refunded once");
    }

    // ---- who refuses ----

    /// @dev Whether the recipient of an honest pair is asked and says no.
    function _refuses(uint256 lane, uint256 nonce) private view returns (bool) {
        address to = _requests[lane][nonce].to;
        if (to != address(hostile)) return false;
        bool takesData = _takesData(lane, nonce);
        uint8 kind = kindOf(_contents[lane][nonce].pair);
        // Nobody is asked whether to take an ERC-20.
        if (kind == Kinds.ERC20 && !takesData) return false;
        // Nor whether to take back an ERC-721.
        if (kind == Kinds.ERC721 && isRefund(lane, nonce)) return false;
        Behaviour behaviour = Recipient(payable(to)).behaviour();
        if (behaviour == Behaviour.Reverts || behaviour == Behaviour.BurnsGas) return true;
        // A plain payment has no answer. Elsewhere only the right one will do.
        bool answers = takesData || kind > Kinds.ERC20;
        return answers && behaviour != Behaviour.Honest && behaviour != Behaviour.Reenters;
    }

    function _takesData(uint256 lane, uint256 nonce) private view returns (bool) {
        if (_contents[lane][nonce].extraData.length == 0 || isRefund(lane, nonce)) return false;
        address to = _requests[lane][nonce].to;
        return to == address(hostile) || to == address(receiver);
    }

    function _reasonFound(uint256 lane, uint256 nonce) internal view returns (HoldReason) {
        Hold[] memory holds = bridges[1 - lane].holds(uint64(nonce), 1);
        return holds.length == 0 ? HoldReason.None : holds[0].reason;
    }

    // ---- leaky buckets ----

    function _bucketNow(uint256 side, uint256 pair) private view returns (uint256) {
        uint256 leaked = (_time - _bucketTime[side][pair]) * _limits[side][pair].outflowPerSecond;
        return leaked > _bucketLevel[side][pair] ? 0 : _bucketLevel[side][pair] - leaked;
    }

    /// @dev What has leaked so far has leaked at the old rate.
    function _setLimits(uint256 side, uint256 pair, PairLimits memory limits) internal {
        (_bucketLevel[side][pair], _bucketTime[side][pair]) = (_bucketNow(side, pair), _time);
        _limits[side][pair] = limits;
    }

    /// @dev A pair that goes takes its limits along; what was seeded stays counted, since the other side may keep it still.
    function _forget(uint256 side, uint256 pair) internal {
        _gone[side][pair] = true;
        _locked[side][pair] = false;
        _limits[side][pair] = _noLimits();
        (_bucketLevel[side][pair], _bucketTime[side][pair]) = (0, 0);
    }

    function _noLimits() internal pure returns (PairLimits memory limits) {
        (limits.maximum, limits.outflowCapacity, limits.delayAbove) = (UNLIMITED, UNLIMITED, UNLIMITED);
    }

    /// @dev Without a capacity nobody looks at the bucket.
    function _fillBucket(uint256 side, uint256 pair, uint256 level) private {
        if (_limits[side][pair].outflowCapacity == UNLIMITED) return;
        (_bucketLevel[side][pair], _bucketTime[side][pair]) = (level, _time);
    }
}
