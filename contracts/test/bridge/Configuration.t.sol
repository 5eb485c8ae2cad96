// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeState} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeMigration} from "../../src/interfaces/IBridgeMigration.sol";
import {IBridgePayouts} from "../../src/interfaces/IBridgePayouts.sol";
import {IBridgeRequests} from "../../src/interfaces/IBridgeRequests.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeTest} from "../BridgeTest.sol";

contract ConfigurationTest is BridgeTest {
    // ---- wiring ----

    function test_wiring_opens_both_lanes() external {
        _freshBridge();
        bytes32 outbound = keccak256(abi.encode(CHAIN, address(bridge), COUNTERPART_CHAIN, COUNTERPART, SALT));
        bytes32 inbound = keccak256(abi.encode(COUNTERPART_CHAIN, COUNTERPART, CHAIN, address(bridge), SALT));
        BridgeState memory state = bridge.state();
        assertTrue(!state.wired && state.requestRoot == 0 && state.handleRoot == 0, "nothing before");
        assertEq(state.recoveryBlockNumber, 0, "nothing before");

        bytes[] memory calls = _one(_wireCall());
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.Wired(COUNTERPART_CHAIN, COUNTERPART, outbound, inbound, SALT);
        bridge.configure(nonce, deadline, calls, signatures);

        state = bridge.state();
        assertTrue(state.wired, "wired");
        assertEq(state.wiring.outboundBridgeId, outbound, "outbound");
        assertEq(state.wiring.inboundBridgeId, inbound, "inbound");
        assertEq(state.requestRoot, keccak256(abi.encode(keccak256("Polyspan root 0"), outbound)), "request root");
        assertEq(state.handleRoot, keccak256(abi.encode(keccak256("Polyspan root 0"), inbound)), "handle root");
        assertEq(state.recoveryBlockNumber, COUNTERPART_BLOCK, "recovery block");
        assertEq(state.wiring.counterpart, COUNTERPART, "counterpart");
    }

    function test_first_configuration_must_wire() external {
        _freshBridge();
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeFirstConfigurationMustWire.selector);
        _configureExpecting(abi.encodeCall(bridge.unpause, ()), reason);
        _configureExpecting(_pairCall(Kinds.NATIVE, false, address(0), FAR_OF_NATIVE), reason);
    }

    function test_bridge_is_wired_once() external {
        _configureExpecting(_wireCall(), abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyWired.selector));
        _freshBridge();
        bytes[] memory calls = new bytes[](2);
        (calls[0], calls[1]) = (_wireCall(), _wireCall());
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyWired.selector));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_equal_chain_ids_are_refused() external {
        _freshBridge();
        _configureExpecting(
            abi.encodeCall(bridge.wire, (CHAIN, COUNTERPART, 0, SALT)),
            abi.encodeWithSelector(IBridgeErrors.BridgeEqualChainIds.selector, CHAIN)
        );
    }

    function test_counterpart_may_have_the_same_address() external {
        _freshBridge();
        _configure(abi.encodeCall(bridge.wire, (COUNTERPART_CHAIN, address(bridge), 0, SALT)));
        BridgeState memory state = bridge.state();
        assertEq(state.wiring.counterpart, address(bridge), "one deployer, two fresh chains");
        assertTrue(state.wiring.outboundBridgeId != state.wiring.inboundBridgeId, "the lanes differ");
    }

    function test_counterpart_is_a_contract_of_another_chain() external {
        _freshBridge();
        _configureExpecting(
            abi.encodeCall(bridge.wire, (COUNTERPART_CHAIN, address(0), 0, SALT)),
            abi.encodeWithSelector(IBridgeErrors.BridgeInvalidCounterpart.selector, address(0))
        );
        _configureExpecting(
            abi.encodeCall(bridge.wire, (0, COUNTERPART, 0, SALT)),
            abi.encodeWithSelector(IBridgeErrors.BridgeInvalidCounterpart.selector, COUNTERPART)
        );
    }

    // ---- votes ----

    function test_configuration_is_executed_once() external {
        bytes[] memory calls = _one(abi.encodeCall(bridge.setPairLocked, (address(token), true)));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ConfigurationApplied(1, keccak256(abi.encode(keccak256(calls[0]))));
        bridge.configure(nonce, deadline, calls, signatures);
        assertEq(bridge.state().configurationNonce, 2, "next");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNonce.selector, 1, 2));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_configuration_nonce_off_by_one_is_refused() external {
        bytes[] memory calls = _one(abi.encodeCall(bridge.unpause, ()));
        for (uint64 given = 0; given < 4; given += 2) {
            bytes32 digest = _configurationDigest(1, given, type(uint64).max, calls);
            bytes[] memory signatures = _signatures(GOVERNOR_KEY, THRESHOLD, digest);
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNonce.selector, given, 1));
            bridge.configure(given, type(uint64).max, calls, signatures);
        }
    }

    function test_expired_configuration_is_refused() external {
        bytes[] memory calls = _one(abi.encodeCall(bridge.unpause, ()));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.warp(uint256(deadline) + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationExpired.selector, deadline, uint256(deadline) + 1)
        );
        bridge.configure(nonce, deadline, calls, signatures);
        vm.warp(deadline);
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_empty_configuration_is_refused() external {
        bytes[] memory calls = new bytes[](0);
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeEmptyConfiguration.selector));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_configuration_needs_a_threshold_of_governors() external {
        bytes[] memory calls = _one(abi.encodeCall(bridge.unpause, ()));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD - 1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 2, 3));
        bridge.configure(nonce, deadline, calls, signatures);

        bytes32 digest = _configurationDigest(1, nonce, deadline, calls);
        signatures = _signatures(OPERATOR_KEY, MEMBERS, digest);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, 3));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_every_part_of_a_configuration_is_signed() external {
        bytes[] memory calls = _one(abi.encodeCall(bridge.setPairLocked, (address(token), true)));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, 3);
        vm.expectRevert(reason);
        bridge.configure(nonce, deadline + 1, calls, signatures);
        calls[0] = abi.encodeCall(bridge.setPairLocked, (address(minted), true));
        vm.expectRevert(reason);
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_old_governor_epoch_is_dead() external {
        _configure(abi.encodeCall(bridge.setGovernors, (_members(GOVERNOR_KEY), THRESHOLD)));
        bytes[] memory calls = _one(abi.encodeCall(bridge.unpause, ()));
        bytes[] memory signatures =
            _signatures(GOVERNOR_KEY, MEMBERS, _configurationDigest(1, 2, type(uint64).max, calls));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, 3));
        bridge.configure(2, type(uint64).max, calls, signatures);
    }

    function test_only_listed_setters_are_called() external {
        bytes4[9] memory unlisted = [
            IBridgeConfiguration.pause.selector,
            IBridgePayouts.handle.selector,
            IBridgeConfiguration.configure.selector,
            IBridgeRequests.seed.selector,
            IBridgePayouts.payWhole.selector,
            IBridgeMigration.adopt.selector,
            IBridgeConfiguration.executeConfiguration.selector,
            IBridgeConfiguration.withdrawFees.selector,
            bytes4(0xdeadbeef)
        ];
        for (uint256 i = 0; i < unlisted.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeSetterNotListed.selector, unlisted[i]);
            _configureExpecting(abi.encodePacked(unlisted[i]), reason);
        }
        _configureExpecting("", abi.encodeWithSelector(IBridgeErrors.BridgeSetterNotListed.selector, bytes4(0)));
    }

    function test_all_calls_take_effect_or_none() external {
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(bridge.setPairLocked, (address(token), true));
        calls[1] = abi.encodeCall(bridge.setPairLocked, (FAR_UNKNOWN, true));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, FAR_UNKNOWN));
        bridge.configure(nonce, deadline, calls, signatures);
        assertTrue(!bridge.pairOf(address(token)).locked, "not locked");
        assertEq(bridge.state().configurationNonce, nonce, "nonce");
    }

    function test_a_refund_delay_lies_between_one_block_and_its_longest() external {
        uint64[3] memory refused = [uint64(0), 2_592_001, type(uint64).max];
        for (uint256 i = 0; i < refused.length; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(IBridgeErrors.BridgeDelayOutOfRange.selector, refused[i], 1, 2_592_000);
            _configureExpecting(abi.encodeCall(bridge.setRefundDelay, (refused[i])), reason);
        }
        uint64[2] memory accepted = [uint64(2_592_000), 1];
        for (uint256 i = 0; i < accepted.length; ++i) {
            _configure(abi.encodeCall(bridge.setRefundDelay, (accepted[i])));
            assertEq(bridge.state().refundDelay, accepted[i], "accepted");
        }
    }

    function test_new_governors_are_told() external {
        address[] memory members = _members(OUTSIDER_KEY);
        (uint64 nonce, bytes[] memory calls) = _scheduled(abi.encodeCall(bridge.setGovernors, (members, 4)));
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.GovernorsChanged(2, members, 4);
        bridge.executeConfiguration(nonce, calls);
    }

    function test_what_is_set_for_the_whole_bridge_is_told() external {
        (uint64 nonce, bytes[] memory calls) = _scheduled(abi.encodeCall(bridge.setFeeReceiver, (RECIPIENT)));
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.FeeReceiverChanged(RECIPIENT);
        bridge.executeConfiguration(nonce, calls);
        (nonce, calls) = _scheduled(abi.encodeCall(bridge.setPredecessor, (COUNTERPART)));
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.PredecessorChanged(COUNTERPART);
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.state().predecessor, COUNTERPART, "predecessor");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RefundDelayChanged(REFUND_DELAY + 1);
        _configure(abi.encodeCall(bridge.setRefundDelay, (REFUND_DELAY + 1)));
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.GovernanceDelayChanged(DELAY + 1);
        _configure(abi.encodeCall(bridge.setGovernanceDelay, (DELAY + 1)));
        (nonce, calls) = _scheduled(abi.encodeCall(bridge.setGreatestGasCap, (GREATEST_GAS_CAP + 1)));
        // The delay is a second longer now.
        vm.warp(vm.getBlockTimestamp() + 1);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.GreatestGasCapChanged(GREATEST_GAS_CAP + 1);
        bridge.executeConfiguration(nonce, calls);
        (nonce, calls) = _scheduled(abi.encodeCall(bridge.setRequestsStopped, (true)));
        vm.warp(vm.getBlockTimestamp() + 1);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestsStopped(true);
        bridge.executeConfiguration(nonce, calls);
    }

    // ---- pause ----

    function test_one_operator_pauses_and_anyone_may_send_it() external {
        bytes memory signature = _sign(OPERATOR_KEY + 3, _pauseDigest(0));
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.Paused(0, vm.addr(OPERATOR_KEY + 3));
        vm.prank(USER);
        bridge.pause(0, signature);
        assertTrue(bridge.laneState().paused, "paused");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0));
        bridge.pause(0, signature);
    }

    function test_unpause_raises_the_nonce_and_kills_older_signatures() external {
        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(0));
        _pause();
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.Unpaused(1);
        _configure(abi.encodeCall(bridge.unpause, ()));
        assertTrue(!bridge.laneState().paused, "goes on");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePauseNonce.selector, 0, 1));
        bridge.pause(0, signature);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePauseNonce.selector, 2, 1));
        bridge.pause(2, signature);
        _pause();
        assertTrue(bridge.laneState().paused, "paused again");
    }

    function test_only_operators_pause() external {
        uint256[2] memory others = [OUTSIDER_KEY, GOVERNOR_KEY];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory signature = _sign(others[i], _pauseDigest(0));
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(others[i])));
            bridge.pause(0, signature);
        }
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, address(0)));
        bridge.pause(0, "malformed");
    }

    function test_unwired_bridge_is_not_paused() external {
        _freshBridge();
        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(0));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector));
        bridge.pause(0, signature);
    }

    function test_rogue_pauser_is_voted_out_while_paused() external {
        _pause();
        address[] memory others = new address[](MEMBERS - 1);
        for (uint256 i = 0; i < others.length; ++i) {
            others[i] = vm.addr(OPERATOR_KEY + 1 + i);
        }
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(bridge.setOperators, (others, THRESHOLD));
        calls[1] = abi.encodeCall(bridge.unpause, ());
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        bridge.configure(nonce, deadline, calls, signatures);
        assertTrue(!bridge.laneState().paused, "at once");
        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(1));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(OPERATOR_KEY)));
        bridge.pause(1, signature);
    }
}
