// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Hostility} from "./Hostility.sol";
import {Approval} from "./Paying.sol";

/// @title What could be done next, tried out from the state that was reached
/// @dev For invariants, of which nothing stays; never for the fuzzer. A paused side is opened first, for a paused bridge
/// proves nothing here.
abstract contract Trials is Hostility {
    uint256 private constant MOST_HANDLED = 8;

    error Outcome(bytes32 state);

    /// @notice Handles the same requests with this approval and tells in what state everything is then, by an error that
    /// takes it all back.
    function tryApproval(uint256 lane, Approval approval) external {
        _openUp(lane);
        uint256 most = requested(lane) - handled[lane];
        _handleUntil(lane, handled[lane] + (most < MOST_HANDLED ? most : MOST_HANDLED), approval);
        IBridge bridge = bridges[1 - lane];
        bytes32 state = keccak256(
            abi.encode(bridge.state(), bridge.laneState(), bridge.holds(0, type(uint64).max), receiver.taken())
        );
        address[] memory list = accounts();
        for (uint256 i = 0; i < list.length; ++i) {
            state = keccak256(abi.encode(state, list[i].balance, _balances(1 - lane, list[i])));
        }
        revert Outcome(keccak256(abi.encode(state, address(bridge).balance, _balances(1 - lane, address(bridge)))));
    }

    /// @notice Handles what is in flight, each request in a transaction of its own.
    function tryAll(uint256 lane) external {
        _openUp(lane);
        while (handled[lane] < requested(lane)) {
            _handleNext(lane);
        }
        assertEq(bridges[1 - lane].laneState().handleNonce, bridges[lane].laneState().requestNonce, "drained");
        assertEq(bridges[1 - lane].laneState().handleRoot, bridges[lane].laneState().requestRoot, "to the last root");
    }

    /// @notice Has all operators but the one that is needed decide everything there is to decide, with former ones.
    function tryTooFew(uint256 lane, uint256 choice) external {
        _openUp(lane);
        uint256 side = 1 - lane;
        _draw(choice);
        bytes memory reason = _belowThreshold(_operators[side].threshold - 1, _operators[side]);
        uint256 next = handled[lane];
        if (next < requested(lane)) {
            uint256 end = next + 1 + _pick(requested(lane) - next);
            // Votes that are there already would count too.
            if (_voters[lane][_operators[side].epoch][end] == 0) {
                bytes[] memory few = _shortOf(_operators[side], _checkpointDigest(lane, end));
                bytes memory call = _handleCall(lane, next, next + 1, end, few);
                _expectRefused(SUBMITTER, address(bridges[side]), 0, call, reason);
            }
            bytes[] memory short = _shortOf(_operators[side], _decisionDigest("ForceHold", lane, next));
            _decide(lane, IBridgeHolds.forceHold.selector, next, short, reason);
        }
        if (_open[lane].length == 0) return;
        uint256 nonce = _open[lane][_pick(_open[lane].length)];
        if (_isDecided(holdDue[lane][nonce])) {
            _decideShort(lane, IBridgeHolds.release.selector, nonce, _decisionDigest("Release", lane, nonce));
        }
        if (_isEarly(lane, nonce) && !isRefund(lane, nonce)) {
            _decideShort(lane, IBridgeHolds.refund.selector, nonce, _decisionDigest("Refund", lane, nonce));
        }
    }

    /// @notice Has everybody approve once more what was handled.
    function tryHandled(uint256 lane) external {
        _openUp(lane);
        uint256 next = handled[lane];
        if (next == 0) return;
        uint256 first = next < MOST_HANDLED ? 0 : next - MOST_HANDLED;
        bytes[] memory signatures = _quorum(_operators[1 - lane], _checkpointDigest(lane, next));
        bytes memory call = _handleCall(lane, first, next, next, signatures);
        bytes memory reason = _reason(IBridgeErrors.BridgeAlreadyHandled.selector, next);
        _expectRefused(SUBMITTER, address(bridges[1 - lane]), 0, call, reason);
        signatures = _quorum(_operators[1 - lane], _decisionDigest("ForceHold", lane, next - 1));
        _decide(lane, IBridgeHolds.forceHold.selector, next - 1, signatures, reason);
    }

    /// @notice Has everybody end a hold that has ended, and refund a refund.
    function tryEnded(uint256 lane, uint256 choice) external {
        _openUp(lane);
        _draw(choice);
        if (_ended[lane].length != 0) _expectEnded(lane, _ended[lane][_pick(_ended[lane].length)]);
        for (uint256 i = 0; i < _open[lane].length; ++i) {
            uint256 nonce = _open[lane][i];
            if (!isRefund(lane, nonce)) continue;
            bytes[] memory signatures = _quorum(_operators[1 - lane], _decisionDigest("Refund", lane, nonce));
            bytes memory reason = _reason(IBridgeErrors.BridgeRefundOfRefund.selector, nonce);
            return _decide(lane, IBridgeHolds.refund.selector, nonce, signatures, reason);
        }
    }

    function _openUp(uint256 lane) private {
        _enter(1 - lane);
        if (paused[1 - lane]) _unpause(1 - lane);
    }

    function _balances(uint256 side, address account) private view returns (uint256[PAIRS] memory balances) {
        for (uint256 pair = 0; pair < PAIRS; ++pair) {
            address token = tokens[side][pair];
            if (pair == NATIVE || pair == MULTI || token.code.length == 0) continue;
            balances[pair] = IERC20(token).balanceOf(account);
        }
    }
}
