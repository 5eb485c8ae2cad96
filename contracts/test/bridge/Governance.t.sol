// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PendingConfiguration} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {GovernanceTest} from "../GovernanceTest.sol";

/// @title The public delay: what waits, how long, in which order, and how it ends
contract PublicDelayTest is GovernanceTest {
    // ---- scheduled ----

    function test_a_loosening_vote_is_told_and_waits() external {
        bytes[] memory calls = _one(_loosening(1));
        uint64 nonce = bridge.state().configurationNonce;
        uint64 deadline = _deadline();
        uint64 executableAt = uint64(_now() + DELAY);
        bytes[] memory signatures = _governed(nonce, deadline, calls);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ConfigurationScheduled(nonce, executableAt, deadline, calls);
        bridge.configure(nonce, deadline, calls, signatures);
        PendingConfiguration[] memory pending = bridge.state().pending;
        assertEq(pending.length, 1, "pending");
        assertEq(pending[0].configurationNonce, nonce, "nonce");
        assertEq(pending[0].executableAt, executableAt, "executable at");
        assertEq(pending[0].deadline, deadline, "deadline");
        assertEq(pending[0].callsHash, keccak256(abi.encodePacked(keccak256(calls[0]))), "calls");
        assertEq(bridge.state().configurationNonce, nonce + 1, "the vote is used up");
        assertEq(bridge.state().feeReceiver, address(0), "nothing has happened");
    }

    function test_it_is_executed_at_the_very_second_by_anyone() external {
        bytes[] memory calls = _one(_loosening(1));
        uint64 nonce = _propose(calls);
        uint256 executableAt = _now() + DELAY;
        vm.warp(executableAt - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationTooEarly.selector, executableAt, executableAt - 1)
        );
        bridge.executeConfiguration(nonce, calls);
        vm.warp(executableAt);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ConfigurationApplied(nonce, keccak256(abi.encodePacked(keccak256(calls[0]))));
        vm.prank(vm.addr(OUTSIDER_KEY));
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.state().feeReceiver, address(1), "applied");
        assertEq(bridge.state().pending.length, 0, "nothing waits");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNotNext.selector, nonce));
        bridge.executeConfiguration(nonce, calls);
    }

    function test_after_its_deadline_it_is_not_executed() external {
        bytes[] memory calls = _one(_loosening(1));
        uint64 deadline = _deadline();
        uint64 nonce = _propose(calls);
        vm.warp(uint256(deadline) + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationExpired.selector, deadline, uint256(deadline) + 1)
        );
        bridge.executeConfiguration(nonce, calls);
        vm.warp(deadline);
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.state().feeReceiver, address(1), "at its deadline it is");
    }

    function test_a_deadline_before_the_end_of_the_delay_is_refused() external {
        bytes[] memory calls = _one(_loosening(1));
        uint64 executableAt = uint64(_now() + DELAY);
        uint64 nonce = bridge.state().configurationNonce;
        bytes[] memory signatures = _governed(nonce, executableAt - 1, calls);
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeDeadlineBeforeDelay.selector, executableAt - 1, executableAt)
        );
        bridge.configure(nonce, executableAt - 1, calls, signatures);
        signatures = _governed(nonce, executableAt, calls);
        bridge.configure(nonce, executableAt, calls, signatures);
        vm.warp(executableAt);
        bridge.executeConfiguration(nonce, calls);
    }

    function test_a_tightening_vote_needs_no_such_deadline() external {
        bytes[] memory calls = _one(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true)));
        uint64 nonce = bridge.state().configurationNonce;
        uint64 deadline = uint64(_now());
        bridge.configure(nonce, deadline, calls, _governed(nonce, deadline, calls));
        assertTrue(bridge.pairOf(address(token)).locked, "at once");
    }

    function test_other_calls_than_the_voted_ones_are_refused() external {
        bytes[] memory calls = _one(_loosening(1));
        uint64 nonce = _propose(calls);
        _wait(DELAY);
        bytes[] memory other = _one(_loosening(2));
        bytes32 expected = keccak256(abi.encodePacked(keccak256(calls[0])));
        vm.expectRevert(
            abi.encodeWithSelector(
                IBridgeErrors.BridgeOtherCalls.selector, keccak256(abi.encodePacked(keccak256(other[0]))), expected
            )
        );
        bridge.executeConfiguration(nonce, other);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeOtherCalls.selector, keccak256(""), expected));
        bridge.executeConfiguration(nonce, new bytes[](0));
    }

    function test_a_longer_delay_does_not_hold_up_what_waits_and_holds_what_follows() external {
        bytes[] memory calls = _one(_loosening(1));
        uint64 nonce = _propose(calls);
        _propose(_one(abi.encodeCall(IBridgeConfiguration.setGovernanceDelay, (2 * DELAY))));
        assertEq(bridge.state().governanceDelay, 2 * DELAY, "at once");
        bytes[] memory later = _one(_loosening(2));
        uint64 deadline = uint64(_now() + 3 * DELAY);
        uint64 next = bridge.state().configurationNonce;
        bridge.configure(next, deadline, later, _governed(next, deadline, later));
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        vm.expectPartialRevert(IBridgeErrors.BridgeConfigurationTooEarly.selector);
        bridge.executeConfiguration(next, later);
        _wait(DELAY);
        bridge.executeConfiguration(next, later);
    }

    function test_what_fails_when_it_is_due_fails_as_a_whole_and_waits_on() external {
        bytes[] memory calls = new bytes[](2);
        calls[0] = _loosening(1);
        calls[1] = abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(token), 0, 0));
        uint64 nonce = _propose(calls);
        _wait(DELAY);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairInUse.selector, address(token), 0, 0, false));
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.state().feeReceiver, address(0), "nothing of it");
        _propose(_one(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true))));
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.state().feeReceiver, address(1), "all of it");
    }

    function test_a_pair_goes_while_the_others_have_traffic() external {
        bytes memory lock = abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true));
        _propose(_one(lock));
        // Drained up to here, where the counterpart locked its side of the pair; what comes later is of other pairs.
        bytes[] memory calls = _one(abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(token), 0, 0)));
        uint64 nonce = _propose(calls);
        _wait(DELAY);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _handleAll();
        bridge.executeConfiguration(nonce, calls);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, address(token)));
        bridge.pairOf(address(token));
    }

    // ---- order ----

    function test_what_was_voted_first_is_executed_first() external {
        uint64 first = _propose(_one(_loosening(1)));
        uint64 second = _propose(_one(_loosening(2)));
        _wait(DELAY);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNotNext.selector, second));
        bridge.executeConfiguration(second, _one(_loosening(2)));
        bridge.executeConfiguration(first, _one(_loosening(1)));
        bridge.executeConfiguration(second, _one(_loosening(2)));
        assertEq(bridge.state().feeReceiver, address(2), "the last one stands");
    }

    function test_a_tightening_vote_overtakes_what_waits() external {
        _propose(_one(_loosening(1)));
        _propose(_one(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true))));
        assertTrue(bridge.pairOf(address(token)).locked, "at once");
        assertEq(bridge.state().pending.length, 1, "the other waits on");
    }

    function test_eight_may_wait_and_not_nine() external {
        uint64 first = bridge.state().configurationNonce;
        for (uint256 i = 1; i <= 8; ++i) {
            _propose(_one(_loosening(i)));
        }
        bytes[] memory ninth = _one(_loosening(9));
        uint64 deadline = _deadline();
        bytes[] memory signatures = _governed(first + 8, deadline, ninth);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeTooManyPending.selector, 8));
        bridge.configure(first + 8, deadline, ninth, signatures);
        // What tightens needs no place.
        _propose(_one(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true))));
        _wait(DELAY);
        for (uint64 i = 0; i < 8; ++i) {
            bridge.executeConfiguration(first + i, _one(_loosening(i + 1)));
        }
        assertEq(bridge.state().feeReceiver, address(8), "in order");
        _propose(_one(_loosening(9)));
    }

    // ---- cancelled ----

    function test_governors_take_back_what_waits() external {
        uint64 first = _propose(_one(_loosening(1)));
        uint64 second = _propose(_one(_loosening(2)));
        uint64 third = _propose(_one(_loosening(3)));
        bytes[] memory signatures = _cancelled(second, THRESHOLD);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ConfigurationCancelled(second);
        bridge.cancelConfiguration(second, signatures);
        _wait(DELAY);
        bridge.executeConfiguration(first, _one(_loosening(1)));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNotNext.selector, second));
        bridge.executeConfiguration(second, _one(_loosening(2)));
        bridge.executeConfiguration(third, _one(_loosening(3)));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNotNext.selector, second));
        bridge.cancelConfiguration(second, signatures);
    }

    function test_a_cancellation_needs_a_threshold_of_governors_for_this_number() external {
        uint64 nonce = _propose(_one(_loosening(1)));
        uint64 other = _propose(_one(_loosening(2)));
        _expectBelowThreshold(0);
        bridge.cancelConfiguration(nonce, _unsigned());
        bytes[] memory signatures = _cancelled(nonce, 2);
        _expectBelowThreshold(2);
        bridge.cancelConfiguration(nonce, signatures);
        signatures = _cancelled(other, THRESHOLD);
        _expectBelowThreshold(0);
        bridge.cancelConfiguration(nonce, signatures);
        // Operators have no say in it.
        signatures = _signatures(OPERATOR_KEY, THRESHOLD, _cancellationDigest(1, nonce));
        _expectBelowThreshold(0);
        bridge.cancelConfiguration(nonce, signatures);
        // Nor former governors.
        signatures = _signatures(GOVERNOR_KEY, THRESHOLD, _cancellationDigest(0, nonce));
        _expectBelowThreshold(0);
        bridge.cancelConfiguration(nonce, signatures);
        assertEq(bridge.state().pending.length, 2, "both wait on");
    }

    function test_what_is_due_can_be_taken_back_still() external {
        uint64 nonce = _propose(_one(_loosening(1)));
        _wait(DELAY);
        bridge.cancelConfiguration(nonce, _cancelled(nonce, THRESHOLD));
        assertEq(bridge.state().pending.length, 0, "nothing waits");
    }

    function test_anyone_clears_what_expired() external {
        uint64 deadline = _deadline();
        uint64 nonce = _propose(_one(_loosening(1)));
        uint64 next = _propose(_one(_loosening(2)));
        vm.warp(deadline);
        _expectBelowThreshold(0);
        bridge.cancelConfiguration(nonce, _unsigned());
        vm.warp(uint256(deadline) + 1);
        vm.prank(vm.addr(OUTSIDER_KEY));
        bridge.cancelConfiguration(nonce, _unsigned());
        assertEq(bridge.state().pending[0].configurationNonce, next, "the next one moves up");
    }

    function test_what_does_not_wait_cannot_be_cancelled() external {
        bytes[] memory signatures = _cancelled(77, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNotNext.selector, 77));
        bridge.cancelConfiguration(77, signatures);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNotNext.selector, 0));
        bridge.executeConfiguration(0, _one(_wireCall()));
    }

    function test_a_change_of_governors_kills_all_that_waits() external {
        uint64 first = _propose(_one(_loosening(1)));
        uint64 second = _propose(_one(_loosening(2)));
        bytes memory change = abi.encodeCall(IBridgeConfiguration.setGovernors, (_members(GOVERNOR_KEY), THRESHOLD));
        uint64 nonce = bridge.state().configurationNonce;
        uint64 deadline = _deadline();
        bytes[] memory signatures = _governed(nonce, deadline, _one(change));
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ConfigurationCancelled(first);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ConfigurationCancelled(second);
        bridge.configure(nonce, deadline, _one(change), signatures);
        assertEq(bridge.state().pending.length, 0, "nothing waits");
        _wait(DELAY);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNotNext.selector, first));
        bridge.executeConfiguration(first, _one(_loosening(1)));
    }

    function test_new_governors_after_their_delay_kill_what_waits_behind_them() external {
        bytes[] memory change =
            _one(abi.encodeCall(IBridgeConfiguration.setGovernors, (_members(OUTSIDER_KEY), THRESHOLD)));
        uint64 first = _propose(change);
        uint64 second = _propose(_one(_loosening(2)));
        _wait(DELAY);
        bridge.executeConfiguration(first, change);
        assertTrue(bridge.isGovernor(vm.addr(OUTSIDER_KEY)), "changed");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNotNext.selector, second));
        bridge.executeConfiguration(second, _one(_loosening(2)));
    }

    // ---- without a delay ----

    function test_only_a_development_bridge_goes_without_the_delay() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeDelayOutOfRange.selector, 0, 1 hours, 30 days));
        this.make(0, false);
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeDelayOutOfRange.selector, 1 hours - 1, 1 hours, 30 days)
        );
        this.make(1 hours - 1, false);
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeDelayOutOfRange.selector, 30 days + 1, 1 hours, 30 days)
        );
        this.make(30 days + 1, false);
        this.make(1 hours, false);
        this.make(30 days, false);
        bridge = this.make(0, true);
        bytes[] memory calls = new bytes[](2);
        calls[0] = _wireCall();
        calls[1] = _loosening(1);
        _propose(calls);
        assertEq(bridge.state().feeReceiver, address(1), "with wire");
        _propose(_one(_loosening(2)));
        assertEq(bridge.state().feeReceiver, address(2), "at once");
    }

    function make(uint32 delay, bool development) external returns (IBridge) {
        return _newBridge(_members(OPERATOR_KEY), THRESHOLD, _members(GOVERNOR_KEY), THRESHOLD, delay, development);
    }
}
