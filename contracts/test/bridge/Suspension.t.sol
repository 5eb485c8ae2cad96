// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PendingConfiguration} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {GovernanceTest} from "../GovernanceTest.sol";

/// @title A pause protects users from governors, too: what waits is suspended, and waits anew afterwards
contract SuspensionTest is GovernanceTest {
    uint64 private constant NEVER = type(uint64).max;
    /// Long enough for every delay of a test. Unit: seconds.
    uint256 private constant LONG = 60 days;

    function test_a_pause_suspends_what_waits_and_its_delay_starts_again() external {
        (uint64 nonce, bytes[] memory calls) = _vote(1);
        _wait(DELAY - 1);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ConfigurationSuspended(nonce, vm.addr(OPERATOR_KEY));
        _pauseBy(0);
        PendingConfiguration memory pending = bridge.state().pending[0];
        assertEq(pending.executableAt, NEVER, "suspended");
        assertEq(pending.suspendedBy, 1, "by the first operator");
        _expectTooEarly(nonce, calls, NEVER);
        // However long the pause is.
        _wait(10 * uint256(DELAY));
        _expectTooEarly(nonce, calls, NEVER);

        uint64 executableAt = uint64(_now() + DELAY);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ConfigurationResumed(nonce, executableAt);
        _unpause();
        _expectTooEarly(nonce, calls, executableAt);
        _wait(DELAY - 1);
        _expectTooEarly(nonce, calls, executableAt);
        _wait(1);
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.state().feeReceiver, address(1), "applied");
    }

    function test_users_leave_while_the_delay_runs_again() external {
        vm.deal(USER, 1);
        _seedNative(40);
        // Whoever waits for a hold to be refunded is a user as well.
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(bridge), 40);
        _handleAll();
        _mine(REFUND_DELAY);
        (uint64 nonce, bytes[] memory calls) = _waiting(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true)));
        _wait(DELAY);
        // Due, and nobody has executed it yet.
        _pauseBy(0);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0));
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, USER, "");
        _unpause();
        _wait(DELAY - 1);
        _expectTooEarly(nonce, calls, uint64(_now() + 1));
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, USER, "");
        assertEq(bridge.laneState().requestNonce, 1, "left");
        bridge.refund(0, requests[0], _unsigned());
        assertEq(bridge.laneState().requestNonce, 2, "sent back");
    }

    function test_what_is_voted_while_paused_waits_for_the_end_of_the_pause() external {
        _pauseBy(0);
        (uint64 nonce, bytes[] memory calls) = _vote(1);
        assertEq(bridge.state().pending[0].executableAt, NEVER, "nobody can leave yet");
        assertEq(bridge.state().pending[0].suspendedBy, 0, "no operator has used its one time");
        _wait(3 * uint256(DELAY));
        _expectTooEarly(nonce, calls, NEVER);
        _unpause();
        _expectTooEarly(nonce, calls, uint64(_now() + DELAY));
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.state().feeReceiver, address(1), "applied");
    }

    function test_the_same_operator_suspends_the_same_vote_once() external {
        (uint64 nonce, bytes[] memory calls) = _vote(1);
        _pauseBy(0);
        _unpause();
        uint64 executableAt = bridge.state().pending[0].executableAt;
        _pauseBy(0);
        assertEq(bridge.state().pending[0].executableAt, executableAt, "not again");
        _expectTooEarly(nonce, calls, executableAt);
        _wait(DELAY);
        // Paused for ever, it would hold the governors up for ever.
        bridge.executeConfiguration(nonce, calls);
        assertTrue(bridge.state().paused, "while paused");
        assertEq(bridge.state().feeReceiver, address(1), "applied");
    }

    function test_a_later_vote_can_be_suspended_by_an_operator_that_has_suspended_an_earlier_one() external {
        _vote(1);
        _pauseBy(0);
        _unpause();
        _vote(2);
        _pauseBy(0);
        PendingConfiguration[] memory pending = bridge.state().pending;
        assertTrue(pending[0].executableAt != NEVER, "the earlier one goes on");
        assertEq(pending[1].executableAt, NEVER, "the later one does not");
        _wait(1);
        _unpause();
        assertEq(bridge.state().pending[0].executableAt, pending[0].executableAt, "not even a second later");
    }

    function test_each_operator_has_its_own_time_and_then_it_is_over() external {
        (uint64 nonce, bytes[] memory calls) = _vote(1);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            _wait(DELAY - 1);
            _pauseBy(i);
            assertEq(bridge.state().pending[0].suspendedBy, (1 << (i + 1)) - 1, "one more");
            _expectTooEarly(nonce, calls, NEVER);
            _unpause();
        }
        for (uint256 i = 0; i < MEMBERS; ++i) {
            _pauseBy(i);
            assertTrue(bridge.state().pending[0].executableAt != NEVER, "all have had theirs");
            if (i + 1 < MEMBERS) _unpause();
        }
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.state().feeReceiver, address(1), "applied");
    }

    function test_operators_are_removed_at_once_while_paused_and_those_who_stay_count_anew() external {
        (uint64 nonce, bytes[] memory calls) = _vote(1);
        _pauseBy(0);
        address[] memory others = new address[](MEMBERS - 1);
        for (uint256 i = 0; i < others.length; ++i) {
            others[i] = vm.addr(OPERATOR_KEY + 1 + i);
        }
        bytes memory removal = abi.encodeCall(IBridgeConfiguration.setOperators, (others, THRESHOLD));
        assertTrue(_isImmediate(removal), "at once");
        assertTrue(bridge.state().paused && bridge.state().operators.epoch == 2, "while paused");
        assertEq(bridge.state().pending[0].suspendedBy, 0, "the bits were of the former ones");
        assertEq(bridge.state().pending[0].executableAt, NEVER, "suspended still");
        _unpause();
        _wait(DELAY - 1);
        // Who has now the place of the one that was removed.
        _pauseBy(1);
        assertEq(bridge.state().pending[0].suspendedBy, 1, "its place");
        _expectTooEarly(nonce, calls, NEVER);
        _unpause();
        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(2));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(OPERATOR_KEY)));
        bridge.pause(2, signature);
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
    }

    function test_a_governor_is_removed_at_once_while_paused() external {
        _pauseBy(0);
        address[] memory others = new address[](MEMBERS - 1);
        for (uint256 i = 0; i < others.length; ++i) {
            others[i] = vm.addr(GOVERNOR_KEY + i);
        }
        assertTrue(_isImmediate(abi.encodeCall(IBridgeConfiguration.setGovernors, (others, THRESHOLD))), "at once");
        assertTrue(bridge.state().paused && bridge.state().governors.epoch == 2, "while paused");
        assertTrue(!bridge.isGovernor(vm.addr(GOVERNOR_KEY + MEMBERS - 1)), "gone");
    }

    /// @dev A lock tightens, so governors can keep the holders of one pair from leaving: what is on hold and on its way goes on.
    function test_a_pair_is_locked_at_once_and_its_holds_end_all_the_same() external {
        _seedNative(40);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(bridge), 40);
        _handleAll();
        _mine(REFUND_DELAY);
        assertTrue(_isImmediate(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(0), true))), "at once");
        vm.deal(USER, 1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairLocked.selector, address(0)));
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, USER, "");
        bridge.refund(0, requests[0], _unsigned());
        assertEq(bridge.laneState().requestNonce, 1, "sent back");
    }

    function test_what_is_suspended_can_be_taken_back() external {
        (uint64 nonce,) = _vote(1);
        _pauseBy(0);
        _expectBelowThreshold(0);
        bridge.cancelConfiguration(nonce, _unsigned());
        bridge.cancelConfiguration(nonce, _cancelled(nonce, THRESHOLD));
        assertEq(bridge.state().pending.length, 0, "gone");
    }

    function test_what_its_deadline_overtakes_is_not_executed() external {
        // A deadline for one delay and a day, which the second delay is longer than.
        bytes[] memory calls = _one(_loosening(1));
        uint64 nonce = _propose(calls);
        uint64 deadline = bridge.state().pending[0].deadline;
        _wait(DELAY - 1);
        _pauseBy(0);
        _unpause();
        _wait(DELAY);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationExpired.selector, deadline, _now()));
        bridge.executeConfiguration(nonce, calls);
        bridge.cancelConfiguration(nonce, _unsigned());
    }

    // ---- steps ----

    /// @dev A vote for this fee receiver, with a deadline far away.
    function _vote(uint160 receiver) private returns (uint64 nonce, bytes[] memory calls) {
        return _waiting(_loosening(receiver));
    }

    function _waiting(bytes memory call) private returns (uint64 nonce, bytes[] memory calls) {
        calls = _one(call);
        nonce = bridge.state().configurationNonce;
        uint64 deadline = uint64(_now() + LONG);
        bridge.configure(nonce, deadline, calls, _governed(nonce, deadline, calls));
    }

    function _pauseBy(uint256 operator) private {
        uint64 pauseNonce = bridge.state().pauseNonce;
        bridge.pause(pauseNonce, _sign(OPERATOR_KEY + operator, _pauseDigest(pauseNonce)));
    }

    function _unpause() private {
        assertTrue(_isImmediate(abi.encodeCall(IBridgeConfiguration.unpause, ())), "at once");
    }

    function _expectTooEarly(uint64 nonce, bytes[] memory calls, uint64 executableAt) private {
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationTooEarly.selector, executableAt, _now())
        );
        bridge.executeConfiguration(nonce, calls);
    }
}
