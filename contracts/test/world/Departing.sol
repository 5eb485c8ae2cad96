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

/// @title A pair of side 1 that goes and comes back
/// @dev By chance it would never be empty. So each time this takes one step to where it is: lock, have what is there requested from
/// the other side, handle, end holds, vote. Everything else goes on in between, and may undo it.
abstract contract Departing is Claiming {
    uint256 private constant MOST_AT_ONCE = 8;

    /// How often the pair went, and how often it came.
    uint256 public departures;
    uint256 public returns_;
    bool private _isLeaving;

    function _comeOrGo() internal {
        if (_isPending(1, Topic.Register) || _isPending(1, Topic.Deregister)) {
            // What waits is executed or cancelled as any vote.
            return _pick(2) == 0 ? _useStray() : _executeOldest(1);
        }
        if (registered(1, STRAY)) _leave();
        else _return();
    }

    function _apply(uint256 side, Change memory change) internal override {
        super._apply(side, change);
        if (change.topic == Topic.Register) ++returns_;
        if (change.topic != Topic.Deregister) return;
        ++departures;
        _isLeaving = false;
        _expectOthersRefused();
    }

    // ---- steps ----

    function _leave() private {
        if (!_isLeaving && _pick(2) == 0) return _useStray();
        _isLeaving = true;
        if (!_locked[1][STRAY]) return _lock(1);
        uint256 expected = inFlight[0][STRAY] + heldDue[1][STRAY];
        if (escrowDue[1][STRAY] > expected) return _requestStray(escrowDue[1][STRAY] - expected);
        if (!_locked[0][STRAY]) return _lock(0);
        if (inFlight[0][STRAY] != 0) return _handleSome(0);
        if (heldDue[1][STRAY] != 0) return _endHolds();
        if (handled[1] < _lockedAt[1][STRAY]) return _handleSome(1);
        _expectStranger(1);
        if (_pending[1].length == MOST_PENDING) _inVain();
        Change memory change;
        (change.topic, change.pair) = (Topic.Deregister, STRAY);
        (change.number, change.outboundNonce) = (uint64(handled[0]), uint64(handled[1]));
        // Now and then governors have not looked.
        if (_pick(8) == 0) change.number = uint64(requested(0) + 1);
        else if (_pick(8) == 0 && _lockedAt[1][STRAY] != 0) change.outboundNonce = uint64(_lockedAt[1][STRAY] - 1);
        _enter(1);
        _scheduleOn(1, change);
    }

    function _return() private {
        if (departures != 0) _expectOthersRefused();
        // Mostly when something was held for it.
        bool missed = heldDue[1][STRAY] != 0 || _locked[0][STRAY];
        if ((!missed && _pick(4) != 0) || _pending[1].length == MOST_PENDING) return _useStray();
        Change memory change;
        (change.topic, change.pair) = (Topic.Register, STRAY);
        _enter(1);
        _scheduleOn(1, change);
    }

    /// @dev A request of it, to the side where it comes and goes, or liquidity.
    function _useStray() private {
        bool open = registered(1, STRAY) && !_locked[1][STRAY] && !paused[1] && !stopped[1];
        if (open && _pick(2) == 0) return _seed(1, STRAY, 1 + _pick(20));
        if (_locked[0][STRAY] || stopped[0] || paused[0]) {
            uint256 side = _locked[0][STRAY] ? 0 : 1;
            if (!_locked[side][STRAY] || _pending[side].length == MOST_PENDING || _isLeaving) _inVain();
            Change memory change;
            (change.topic, change.pair) = (Topic.Unlock, STRAY);
            _enter(side);
            return _scheduleOn(side, change);
        }
        _requestStray(1 + _pick(30));
    }

    function _lock(uint256 side) private {
        Change memory change;
        (change.topic, change.pair) = (Topic.Lock, STRAY);
        _enter(side);
        _changeAtOnce(side, change);
    }

    function _requestStray(uint256 value) private {
        Draft memory draft = _draft(0, STRAY);
        draft.to = users[_pick(USERS)];
        draft.value = _within(0, STRAY, value);
        _provide(draft);
        _requestAs(draft);
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
    function _endHolds() private {
        if (paused[1]) _inVain();
        _enter(1);
        bool ended = false;
        for (uint256 i = _open[0].length; i > 0; --i) {
            uint256 nonce = _open[0][i - 1];
            if (_contents[0][nonce].pair != STRAY) continue;
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
        _isLeaving = false;
        _useStray();
    }

    // ---- what is refused ----

    /// @dev While it is gone, and for ever: another counterpart, another class of asset, another mode, another token for the
    /// same counterpart. The bridge calls itself as for a vote.
    function _expectOthersRefused() private {
        _enter(1);
        PairConfiguration memory pair = _pairConfiguration(1, STRAY);
        (address token, address counterpart) = (pair.token, pair.counterpartToken);
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePairRemembered.selector, token, counterpart);
        uint256 choice = _pick(4);
        if (choice == 0) {
            pair.counterpartToken = users[0];
        } else if (choice == 1) {
            (pair.kind, pair.decimals, pair.itemBound) = (Kinds.ERC721, 0, 512);
        } else if (choice == 2) {
            pair.mints = true;
        } else {
            pair.token = address(receiver);
            reason = abi.encodeWithSelector(IBridgeErrors.BridgePairRemembered.selector, pair.token, address(0));
        }
        bytes memory call = abi.encodeCall(IBridgeConfiguration.registerPair, (pair));
        _expectRefused(address(bridges[1]), address(bridges[1]), 0, call, reason);
    }

    /// @dev Nobody else can take it away.
    function _expectStranger(uint256 side) private {
        bytes memory call = abi.encodeCall(IBridgeConfiguration.deregisterPair, (tokens[side][STRAY], 0, 0));
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeOnlyConfiguration.selector, SUBMITTER);
        _expectRefused(SUBMITTER, address(bridges[side]), 0, call, reason);
    }
}
