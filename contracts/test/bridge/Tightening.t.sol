// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MemberSet, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeMigration} from "../../src/interfaces/IBridgeMigration.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {GovernanceTest} from "../GovernanceTest.sol";
import {TestToken} from "../contracts/TestToken.sol";

/// @title Which votes are executed at once
contract TighteningTest is GovernanceTest {
    uint256 private constant MAX_DELAY_BLOCKS = 2_592_000;

    // ---- each setter, both ways ----

    function test_unpausing_is_at_once() external {
        _pause();
        assertTrue(_isImmediate(abi.encodeCall(IBridgeConfiguration.unpause, ())), "at once");
        assertTrue(!bridge.state().paused, "unpaused");
    }

    function test_locking_a_pair_is_at_once_and_unlocking_waits() external {
        assertTrue(_isImmediate(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true))), "lock");
        assertTrue(bridge.pairOf(address(token)).locked, "locked");
        assertTrue(!_isImmediate(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), false))), "unlock");
        assertTrue(bridge.pairOf(address(token)).locked, "locked still");
    }

    /// @dev A request is how a user leaves, so governors cannot take it away from one moment to the next.
    function test_stopping_requests_waits_and_so_does_accepting_them() external {
        assertTrue(!_isImmediate(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true))), "stop");
        assertTrue(!bridge.state().requestsStopped, "not yet");
        vm.deal(USER, 1);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, USER, "");
        _wait(DELAY);
        bridge.executeConfiguration(1, _one(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true))));
        assertTrue(bridge.state().requestsStopped, "stopped");
        assertTrue(!_isImmediate(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (false))), "go on");
        assertTrue(bridge.state().requestsStopped, "stopped still");
    }

    function test_a_longer_refund_delay_is_at_once_and_a_shorter_one_waits() external {
        assertTrue(_isImmediate(abi.encodeCall(IBridgeConfiguration.setRefundDelay, (REFUND_DELAY))), "as it is");
        assertTrue(_isImmediate(abi.encodeCall(IBridgeConfiguration.setRefundDelay, (REFUND_DELAY + 1))), "longer");
        assertEq(bridge.state().refundDelay, REFUND_DELAY + 1, "set");
        assertTrue(!_isImmediate(abi.encodeCall(IBridgeConfiguration.setRefundDelay, (REFUND_DELAY))), "shorter");
        assertEq(bridge.state().refundDelay, REFUND_DELAY + 1, "as before");
    }

    function test_a_longer_governance_delay_is_at_once_and_a_shorter_one_waits() external {
        assertTrue(_isImmediate(abi.encodeCall(IBridgeConfiguration.setGovernanceDelay, (DELAY))), "as it is");
        assertTrue(!_isImmediate(abi.encodeCall(IBridgeConfiguration.setGovernanceDelay, (DELAY - 1))), "shorter");
        assertTrue(_isImmediate(abi.encodeCall(IBridgeConfiguration.setGovernanceDelay, (DELAY + 1))), "longer");
        assertEq(bridge.state().governanceDelay, DELAY + 1, "set");
    }

    function test_fewer_operators_are_at_once() external {
        assertTrue(_isImmediate(_operatorsCall(_some(7), 3)), "three of the four");
        assertTrue(!bridge.isOperator(vm.addr(OPERATOR_KEY + 3)), "one is gone");
    }

    function test_operators_under_a_higher_threshold_are_at_once() external {
        assertTrue(_isImmediate(_operatorsCall(_some(15), 4)), "four of four");
        assertTrue(!_isImmediate(_operatorsCall(_some(15), 3)), "and back again waits");
        assertEq(bridge.state().operators.threshold, 4, "threshold");
    }

    function test_a_new_operator_or_a_lower_threshold_waits() external {
        address[] memory members = _some(15);
        members[1] = vm.addr(OUTSIDER_KEY);
        assertTrue(!_isImmediate(_operatorsCall(members, 4)), "somebody new");
        assertTrue(!_isImmediate(_operatorsCall(_some(7), 2)), "a lower threshold");
        assertEq(bridge.state().operators.epoch, 1, "as before");
    }

    function test_a_new_operator_waits_in_whatever_place_it_stands() external {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            address[] memory members = _members(OPERATOR_KEY);
            members[i] = vm.addr(OUTSIDER_KEY);
            assertTrue(!_isImmediate(_operatorsCall(members, 4)), "somebody new");
        }
    }

    function test_governors_follow_the_same_rule() external {
        address[] memory members = _members(GOVERNOR_KEY);
        members[1] = vm.addr(OUTSIDER_KEY);
        assertTrue(!_isImmediate(abi.encodeCall(IBridgeConfiguration.setGovernors, (members, 4))), "somebody new");
        // An operator is new among governors.
        members[1] = vm.addr(OPERATOR_KEY);
        assertTrue(!_isImmediate(abi.encodeCall(IBridgeConfiguration.setGovernors, (members, 4))), "an operator");
        members = _members(GOVERNOR_KEY);
        assertTrue(!_isImmediate(abi.encodeCall(IBridgeConfiguration.setGovernors, (members, 2))), "lower");
        assertEq(bridge.state().governors.epoch, 1, "as before");
        _propose(_one(abi.encodeCall(IBridgeConfiguration.setGovernors, (members, 4))));
        assertEq(bridge.state().governors.threshold, 4, "higher is at once");
    }

    function test_what_is_not_known_to_tighten_waits() external {
        TestToken other = new TestToken("Other", "OTH", 18);
        uint256[] memory none = new uint256[](0);
        bytes[7] memory calls = [
            _pairCall(Kinds.ERC20, false, address(other), FAR_UNKNOWN),
            abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(token), 0, 0)),
            abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(token), 100_000)),
            abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (address(0))),
            abi.encodeCall(IBridgeConfiguration.setPredecessor, (address(0))),
            abi.encodeCall(IBridgeMigration.migrate, (address(token), address(this), 1, none, none, 0)),
            abi.encodeCall(IBridgeMigration.handOver, (address(minted), address(this), 0))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            assertTrue(!_isImmediate(calls[i]), vm.toString(i));
        }
    }

    function test_a_mixed_batch_waits_as_a_whole() external {
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true));
        calls[1] = _loosening(1);
        uint64 nonce = _propose(calls);
        assertTrue(!bridge.pairOf(address(token)).locked, "nothing of it");
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        assertTrue(bridge.pairOf(address(token)).locked, "all of it");
    }

    function test_a_batch_that_only_tightens_is_at_once() external {
        bytes[] memory calls = new bytes[](4);
        calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true));
        calls[1] = abi.encodeCall(IBridgeConfiguration.setRefundDelay, (REFUND_DELAY + 5));
        // Lower than the one before it, and not lower than what holds now.
        calls[2] = abi.encodeCall(IBridgeConfiguration.setRefundDelay, (REFUND_DELAY + 3));
        calls[3] = abi.encodeCall(IBridgeConfiguration.unpause, ());
        assertTrue(_isImmediate(calls), "at once");
        assertEq(bridge.state().refundDelay, REFUND_DELAY + 3, "in order");
    }

    // ---- limits ----

    function test_each_limit_tightens_one_way_and_loosens_the_other() external {
        PairLimits memory present = PairLimits(10, 1000, 50, false, 5000, 10, 700, 20);
        _setLimits(address(token), present);
        for (uint256 field = 0; field < 7; ++field) {
            assertTrue(!_isImmediate(_limitsCall(address(token), _moved(present, field, true))), "wider waits");
        }
        _dropPending();
        for (uint256 field = 0; field < 7; ++field) {
            present = bridge.pairOf(address(token)).limits;
            assertTrue(_isImmediate(_limitsCall(address(token), _moved(present, field, false))), "narrower is at once");
        }
    }

    function test_a_fee_in_another_currency_waits_unless_it_is_none() external {
        PairLimits memory limits = _noLimits();
        limits.fee = 50;
        _setLimits(address(token), limits);
        (limits.fee, limits.feeInNative) = (1, true);
        assertTrue(!_isImmediate(_limitsCall(address(token), limits)), "another currency");
        (limits.fee, limits.feeInNative) = (0, true);
        assertTrue(_isImmediate(_limitsCall(address(token), limits)), "no fee at all");
    }

    function test_bounds_where_there_were_none_are_at_once() external {
        PairLimits memory limits = PairLimits(1, 400, 0, false, 500, 5, 100, 10);
        assertTrue(_isImmediate(_limitsCall(address(token), limits)), "at once");
        assertTrue(!_isImmediate(_limitsCall(address(token), _noLimits())), "and back again waits");
    }

    /// What is executed at once lets through nothing that was refused before.
    function testFuzz_limits_set_at_once_are_never_wider(
        PairLimits memory before,
        PairLimits memory after_,
        uint256 narrowed,
        uint128 amount,
        uint64 waited
    ) external {
        // Where there is no bucket or no delay, any is narrower.
        if (narrowed >> 8 & 3 == 3) before.outflowCapacity = NO_LIMIT;
        if (narrowed >> 10 & 3 == 3) before.delayAbove = NO_LIMIT;
        _clean(before);
        _setLimits(address(token), before);
        // Half of the fields are moved the narrow way, so that many of the pairs tighten.
        for (uint256 field = 0; field < 7; ++field) {
            if (narrowed >> field & 1 == 1) _copy(before, after_, field);
        }
        if (narrowed >> 7 & 1 == 1) after_.feeInNative = before.feeInNative;
        _clean(after_);
        bool immediate = _isImmediate(_limitsCall(address(token), after_));
        PairLimits memory stored = bridge.pairOf(address(token)).limits;
        if (!immediate) {
            assertEq(keccak256(abi.encode(stored)), keccak256(abi.encode(before)), "nothing has changed");
            return;
        }
        assertEq(keccak256(abi.encode(stored)), keccak256(abi.encode(after_)), "set");
        bool wasLetIn = amount >= before.minimum && amount <= before.maximum;
        bool isLetIn = amount >= after_.minimum && amount <= after_.maximum;
        assertTrue(wasLetIn || !isLetIn, "requests");
        assertTrue(after_.fee == 0 || after_.feeInNative == before.feeInNative, "currency of the fee");
        assertLe(after_.fee, before.fee, "fee");
        assertLe(after_.outflowCapacity, before.outflowCapacity, "capacity");
        if (before.outflowCapacity != NO_LIMIT) {
            assertLe(uint256(after_.outflowPerSecond) * waited, uint256(before.outflowPerSecond) * waited, "leak");
        }
        bool waitedBefore = amount > before.delayAbove;
        bool waitsNow = amount > after_.delayAbove;
        assertTrue(waitsNow || !waitedBefore, "delayed");
        if (before.delayAbove != NO_LIMIT) assertLe(before.delayBlocks, after_.delayBlocks, "delay");
    }

    /// Whoever can decide after a change that was executed at once could decide before.
    function testFuzz_members_set_at_once_have_no_new_quorum(uint256 subset, uint8 threshold, bool stranger) external {
        subset = bound(subset, 1, 15);
        address[] memory members = _some(subset);
        uint256 size = members.length;
        if (stranger) members[subset % size] = vm.addr(OUTSIDER_KEY);
        threshold = uint8(bound(threshold, size / 2 + 1, size));
        bool immediate = _isImmediate(_operatorsCall(members, threshold));
        MemberSet memory operators = bridge.state().operators;
        if (!immediate) {
            assertTrue(operators.epoch == 1 && operators.threshold == THRESHOLD, "nothing has changed");
            return;
        }
        assertTrue(!stranger, "nobody is new");
        assertTrue(operators.threshold >= THRESHOLD, "as many as before have to sign");
    }

    // ---- steps ----

    /// @dev The operators whose bits are set.
    function _some(uint256 subset) private pure returns (address[] memory members) {
        uint256 size;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            size += subset >> i & 1;
        }
        members = new address[](size);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (subset >> i & 1 == 1) members[--size] = vm.addr(OPERATOR_KEY + i);
        }
    }

    function _operatorsCall(address[] memory members, uint8 threshold) private pure returns (bytes memory) {
        return abi.encodeCall(IBridgeConfiguration.setOperators, (members, threshold));
    }

    /// @dev One step wider or narrower in one field.
    function _moved(PairLimits memory limits, uint256 field, bool wider)
        private
        pure
        returns (PairLimits memory moved)
    {
        moved = abi.decode(abi.encode(limits), (PairLimits));
        // Upwards is wider for these: maximum, fee, capacity, leak, delayAbove.
        bool upwards = (field == 0 || field == 6) ? !wider : wider;
        if (field == 0) moved.minimum = _step(moved.minimum, upwards);
        if (field == 1) moved.maximum = _step(moved.maximum, upwards);
        if (field == 2) moved.fee = _step(moved.fee, upwards);
        if (field == 3) moved.outflowCapacity = _step(moved.outflowCapacity, upwards);
        if (field == 4) moved.outflowPerSecond = _step(moved.outflowPerSecond, upwards);
        if (field == 5) moved.delayAbove = _step(moved.delayAbove, upwards);
        if (field == 6) moved.delayBlocks = uint32(_step(moved.delayBlocks, upwards));
    }

    function _step(uint128 value, bool upwards) private pure returns (uint128) {
        return upwards ? value + 1 : value - 1;
    }

    /// @dev Makes `to` no wider than `from` in one field.
    function _copy(PairLimits memory from, PairLimits memory to, uint256 field) private pure {
        if (field == 0 && to.minimum < from.minimum) to.minimum = from.minimum;
        if (field == 1 && to.maximum > from.maximum) to.maximum = from.maximum;
        if (field == 2 && to.fee > from.fee) to.fee = from.fee;
        if (field == 3 && to.outflowCapacity > from.outflowCapacity) to.outflowCapacity = from.outflowCapacity;
        if (field == 4 && to.outflowPerSecond > from.outflowPerSecond) to.outflowPerSecond = from.outflowPerSecond;
        if (field == 5 && to.delayAbove > from.delayAbove) to.delayAbove = from.delayAbove;
        if (field == 6 && to.delayBlocks < from.delayBlocks) to.delayBlocks = from.delayBlocks;
    }

    function _clean(PairLimits memory limits) private pure {
        limits.delayBlocks = uint32(limits.delayBlocks % (MAX_DELAY_BLOCKS + 1));
        if (limits.maximum > limits.outflowCapacity) limits.maximum = limits.outflowCapacity;
        if (limits.minimum > limits.maximum) limits.minimum = limits.maximum;
    }

    function _dropPending() private {
        vm.warp(bridge.state().pending[0].deadline + 1);
        while (bridge.state().pending.length != 0) {
            bridge.cancelConfiguration(bridge.state().pending[0].configurationNonce, _unsigned());
        }
    }
}
