// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairConfiguration} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Change, Topic} from "./Changes.sol";
import {Claiming} from "./Claiming.sol";
import {Draft} from "./Asking.sol";
import {Approval} from "./Paying.sol";

/// @title Pairs of side 1 that go and come back, one that is locked there and one that is minted
/// @dev By chance they would never be empty. So each time this takes one step to where they are: lock, have what is there
/// requested, handle, end holds, vote. Everything else goes on in between, and may undo it.
abstract contract Departing is Claiming {
    uint256 private constant MOST_AT_ONCE = 8;

    /// How often a pair went, and how often it came.
    mapping(uint256 pair => uint256) public departures;
    mapping(uint256 pair => uint256) public arrivals;
    mapping(uint256 pair => bool) private _isLeaving;

    function _comeOrGo(uint256 pair) internal {
        if (_isPendingOf(1, Topic.Register, pair) || _isPendingOf(1, Topic.Deregister, pair)) {
            // What waits is executed or cancelled as any vote.
            return _pick(2) == 0 ? _use(pair) : _executeOldest(1);
        }
        if (registered(1, pair)) _leave(pair);
        else _return(pair);
    }

    function _apply(uint256 side, Change memory change) internal override {
        super._apply(side, change);
        if (change.topic == Topic.Register) ++arrivals[change.pair];
        if (change.topic != Topic.Deregister) return;
        ++departures[change.pair];
        _isLeaving[change.pair] = false;
        _expectOthersRefused(change.pair);
    }

    // ---- steps ----

    function _leave(uint256 pair) private {
        if (!_isLeaving[pair] && _pick(2) == 0) return _use(pair);
        _isLeaving[pair] = true;
        // Requests of the other side empty what is locked, and requests of its own what is minted.
        if (!mints(1, pair)) {
            if (!_locked[1][pair]) return _lock(1, pair);
            uint256 expected = inFlight[0][pair] + heldDue[1][pair];
            if (escrowDue[1][pair] > expected) return _requestThere(pair, escrowDue[1][pair] - expected);
        }
        if (!_locked[0][pair]) return _lock(0, pair);
        if (inFlight[0][pair] != 0) return _handleSome(0);
        if (heldDue[1][pair] != 0) return _endHolds(pair);
        if (mintedDue[1][pair] != 0) return _requestBack(pair);
        if (!_locked[1][pair]) return _lock(1, pair);
        if (handled[1] < _lockedAt[1][pair]) return _handleSome(1);
        _expectStranger(1, pair);
        Change memory change;
        (change.number, change.outboundNonce) = (uint64(handled[0]), uint64(handled[1]));
        // Now and then governors have not looked.
        if (_pick(8) == 0) change.number = uint64(requested(0) + 1);
        else if (_pick(8) == 0 && _lockedAt[1][pair] != 0) change.outboundNonce = uint64(_lockedAt[1][pair] - 1);
        _voteOn(1, Topic.Deregister, pair, change);
    }

    function _return(uint256 pair) private {
        if (departures[pair] != 0) _expectOthersRefused(pair);
        // Mostly when something was held for it.
        bool missed = heldDue[1][pair] != 0 || _locked[0][pair];
        if ((!missed && _pick(4) != 0) || _pending[1].length == MOST_PENDING) return _use(pair);
        Change memory change;
        _voteOn(1, Topic.Register, pair, change);
    }

    /// @dev A request of it, to the side where it comes and goes or from there, or liquidity.
    function _use(uint256 pair) private {
        bool open = registered(1, pair) && !_locked[1][pair] && !paused[1] && !stopped[1];
        if (open && _pick(2) == 0) {
            if (!mints(1, pair)) return _seed(1, pair, 1 + _pick(20));
            if (mintedDue[1][pair] != 0) return _requestBack(pair);
        }
        if (_locked[0][pair] || stopped[0] || paused[0]) {
            if (_isLeaving[pair]) _inVain();
            return _unlock(_locked[0][pair] ? 0 : 1, pair);
        }
        _requestThere(pair, 1 + _pick(30));
    }

    function _lock(uint256 side, uint256 pair) private {
        Change memory change;
        (change.topic, change.pair) = (Topic.Lock, pair);
        _enter(side);
        _changeAtOnce(side, change);
    }

    function _unlock(uint256 side, uint256 pair) private {
        if (!_locked[side][pair]) _inVain();
        Change memory change;
        _voteOn(side, Topic.Unlock, pair, change);
    }

    function _voteOn(uint256 side, Topic topic, uint256 pair, Change memory change) private {
        if (_pending[side].length == MOST_PENDING) _inVain();
        (change.topic, change.pair) = (topic, pair);
        _enter(side);
        _scheduleOn(side, change);
    }

    /// @dev From side 0 to users, who can all request it back.
    function _requestThere(uint256 pair, uint256 value) private {
        Draft memory draft = _draft(0, pair);
        draft.to = users[_pick(USERS)];
        draft.value = _within(0, pair, value);
        _provide(draft);
        _requestAs(draft);
    }

    /// @dev All that a user has of what is minted, or what governors have written off for one.
    function _requestBack(uint256 pair) private {
        for (uint256 i = 0; i < _claims[0].length; ++i) {
            if (_contents[0][_claims[0][i]].pair == pair) return _takeClaimAt(0, i);
        }
        if (_locked[1][pair]) return _unlock(1, pair);
        uint256 first = _pick(USERS);
        for (uint256 i = 0; i < USERS; ++i) {
            uint256 user = (first + i) % USERS;
            uint256 balance = tokenDue[1][pair][users[user]];
            if (balance == 0) continue;
            Draft memory draft = _draft(1, pair);
            (draft.user, draft.from, draft.refundTo, draft.value) = (user, users[user], users[user], balance);
            return _requestAs(draft);
        }
        _inVain();
    }

    function _handleSome(uint256 lane) private {
        if (paused[1 - lane] || handled[lane] == requested(lane)) _inVain();
        _enter(1 - lane);
        for (uint256 i = 0; i < 3 && handled[lane] < requested(lane); ++i) {
            uint256 most = requested(lane) - handled[lane];
            _handleUntil(lane, handled[lane] + (most < MOST_AT_ONCE ? most : MOST_AT_ONCE), Approval.Signatures);
        }
    }

    /// @dev Pays its holds, or pays them back, by threshold.
    function _endHolds(uint256 pair) private {
        if (paused[1]) _inVain();
        _enter(1);
        bool ended = false;
        for (uint256 i = _open[0].length; i > 0; --i) {
            uint256 nonce = _open[0][i - 1];
            if (_contents[0][nonce].pair != pair) continue;
            bool free = _obstacle(0, nonce, heldAt[0][nonce]) == HoldReason.None;
            if (!free && isRefund(0, nonce)) continue;
            bytes32 digest = _decisionDigest(free ? "Release" : "Refund", 0, nonce);
            bytes4 selector = free ? IBridgeHolds.release.selector : IBridgeHolds.refund.selector;
            _decide(0, selector, nonce, _quorum(_operators[1], digest), "");
            _finish(0, i - 1, !free);
            ended = true;
        }
        if (ended) return;
        // Only refunds that are owed what is not there: the pair stays, and somebody may bring it.
        _isLeaving[pair] = false;
        _use(pair);
    }

    // ---- what is refused ----

    /// @dev While it is gone, and for ever: another counterpart, another class of asset, another mode, another token for the
    /// same counterpart. The bridge calls itself as for a vote.
    function _expectOthersRefused(uint256 number) private {
        _enter(1);
        PairConfiguration memory pair = _pairConfiguration(1, number);
        (address token, address counterpart) = (pair.token, pair.counterpartToken);
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePairRemembered.selector, token, counterpart);
        uint256 choice = _pick(4);
        if (choice == 0) {
            pair.counterpartToken = users[0];
        } else if (choice == 1) {
            (pair.kind, pair.decimals, pair.itemBound) = (Kinds.ERC721, 0, 512);
        } else if (choice == 2) {
            pair.mints = !pair.mints;
        } else {
            pair.token = address(receiver);
            reason = abi.encodeWithSelector(IBridgeErrors.BridgePairRemembered.selector, pair.token, address(0));
        }
        bytes memory call = abi.encodeCall(IBridgeConfiguration.registerPair, (pair));
        _expectRefused(address(bridges[1]), address(bridges[1]), 0, call, reason);
    }

    /// @dev Nobody else can take it away.
    function _expectStranger(uint256 side, uint256 pair) private {
        bytes memory call = abi.encodeCall(IBridgeConfiguration.deregisterPair, (tokens[side][pair], 0, 0));
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeOnlyConfiguration.selector, SUBMITTER);
        _expectRefused(SUBMITTER, address(bridges[side]), 0, call, reason);
    }
}
