// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeState, IBridge} from "../../src/interfaces/IBridge.sol";
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
        emit IBridge.Wired(COUNTERPART_CHAIN, COUNTERPART, outbound, inbound, SALT);
        bridge.configure(nonce, deadline, calls, signatures);

        state = bridge.state();
        assertTrue(state.wired, "wired");
        assertEq(state.outboundBridgeId, outbound, "outbound");
        assertEq(state.inboundBridgeId, inbound, "inbound");
        assertEq(state.requestRoot, keccak256(abi.encode(keccak256("Polyspan root 0"), outbound)), "request root");
        assertEq(state.handleRoot, keccak256(abi.encode(keccak256("Polyspan root 0"), inbound)), "handle root");
        assertEq(state.recoveryBlockNumber, COUNTERPART_BLOCK, "recovery block");
        assertEq(state.counterpart, COUNTERPART, "counterpart");
    }

    function test_first_configuration_must_wire() external {
        _freshBridge();
        bytes memory reason = abi.encodeWithSelector(IBridge.BridgeFirstConfigurationMustWire.selector);
        _configureExpecting(abi.encodeCall(IBridge.unpause, ()), reason);
        _configureExpecting(_pairCall(Kinds.NATIVE, false, address(0), FAR_OF_NATIVE), reason);
        _configureExpecting("", reason);
    }

    function test_bridge_is_wired_once() external {
        _configureExpecting(_wireCall(), abi.encodeWithSelector(IBridge.BridgeAlreadyWired.selector));
        _freshBridge();
        bytes[] memory calls = new bytes[](2);
        (calls[0], calls[1]) = (_wireCall(), _wireCall());
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeAlreadyWired.selector));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_equal_chain_ids_are_refused() external {
        _freshBridge();
        _configureExpecting(
            abi.encodeCall(IBridge.wire, (CHAIN, COUNTERPART, 0, SALT)),
            abi.encodeWithSelector(IBridge.BridgeEqualChainIds.selector, CHAIN)
        );
    }

    function test_counterpart_may_have_the_same_address() external {
        _freshBridge();
        _configure(abi.encodeCall(IBridge.wire, (COUNTERPART_CHAIN, address(bridge), 0, SALT)));
        BridgeState memory state = bridge.state();
        assertEq(state.counterpart, address(bridge), "one deployer, two fresh chains");
        assertTrue(state.outboundBridgeId != state.inboundBridgeId, "the lanes differ");
    }

    function test_counterpart_is_a_contract_of_another_chain() external {
        _freshBridge();
        _configureExpecting(
            abi.encodeCall(IBridge.wire, (COUNTERPART_CHAIN, address(0), 0, SALT)),
            abi.encodeWithSelector(IBridge.BridgeInvalidCounterpart.selector, address(0))
        );
        _configureExpecting(
            abi.encodeCall(IBridge.wire, (0, COUNTERPART, 0, SALT)),
            abi.encodeWithSelector(IBridge.BridgeInvalidCounterpart.selector, COUNTERPART)
        );
    }

    // ---- votes ----

    function test_configuration_is_executed_once() external {
        bytes[] memory calls = _one(abi.encodeCall(IBridge.setPairLocked, (address(token), true)));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectEmit(address(bridge));
        emit IBridge.ConfigurationApplied(1, keccak256(abi.encode(keccak256(calls[0]))));
        bridge.configure(nonce, deadline, calls, signatures);
        assertEq(bridge.state().configurationNonce, 2, "next");
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeConfigurationNonce.selector, 1, 2));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_configuration_nonce_off_by_one_is_refused() external {
        bytes[] memory calls = _one(abi.encodeCall(IBridge.unpause, ()));
        for (uint64 given = 0; given < 4; given += 2) {
            bytes32 digest = _configurationDigest(1, given, type(uint64).max, calls);
            bytes[] memory signatures = _signatures(GOVERNOR_KEY, THRESHOLD, digest);
            vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeConfigurationNonce.selector, given, 1));
            bridge.configure(given, type(uint64).max, calls, signatures);
        }
    }

    function test_expired_configuration_is_refused() external {
        bytes[] memory calls = _one(abi.encodeCall(IBridge.unpause, ()));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.warp(uint256(deadline) + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IBridge.BridgeConfigurationExpired.selector, deadline, uint256(deadline) + 1)
        );
        bridge.configure(nonce, deadline, calls, signatures);
        vm.warp(deadline);
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_empty_configuration_is_refused() external {
        bytes[] memory calls = new bytes[](0);
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeEmptyConfiguration.selector));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_configuration_needs_a_threshold_of_governors() external {
        bytes[] memory calls = _one(abi.encodeCall(IBridge.unpause, ()));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD - 1);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeBelowThreshold.selector, 2, 3));
        bridge.configure(nonce, deadline, calls, signatures);

        bytes32 digest = _configurationDigest(1, nonce, deadline, calls);
        signatures = _signatures(OPERATOR_KEY, MEMBERS, digest);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeBelowThreshold.selector, 0, 3));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_every_part_of_a_configuration_is_signed() external {
        bytes[] memory calls = _one(abi.encodeCall(IBridge.setPairLocked, (address(token), true)));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        bytes memory reason = abi.encodeWithSelector(IBridge.BridgeBelowThreshold.selector, 0, 3);
        vm.expectRevert(reason);
        bridge.configure(nonce, deadline + 1, calls, signatures);
        calls[0] = abi.encodeCall(IBridge.setPairLocked, (address(minted), true));
        vm.expectRevert(reason);
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_old_governor_epoch_is_dead() external {
        _configure(abi.encodeCall(IBridge.setGovernors, (_members(GOVERNOR_KEY), THRESHOLD)));
        bytes[] memory calls = _one(abi.encodeCall(IBridge.unpause, ()));
        bytes[] memory signatures =
            _signatures(GOVERNOR_KEY, MEMBERS, _configurationDigest(1, 2, type(uint64).max, calls));
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeBelowThreshold.selector, 0, 3));
        bridge.configure(2, type(uint64).max, calls, signatures);
    }

    function test_only_listed_setters_are_called() external {
        bytes4[5] memory unlisted = [
            IBridge.pause.selector,
            IBridge.handle.selector,
            IBridge.configure.selector,
            IBridge.seed.selector,
            bytes4(0xdeadbeef)
        ];
        for (uint256 i = 0; i < unlisted.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IBridge.BridgeSetterNotListed.selector, unlisted[i]);
            _configureExpecting(abi.encodePacked(unlisted[i]), reason);
        }
        _configureExpecting("", abi.encodeWithSelector(IBridge.BridgeSetterNotListed.selector, bytes4(0)));
    }

    function test_all_calls_take_effect_or_none() external {
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IBridge.setPairLocked, (address(token), true));
        calls[1] = abi.encodeCall(IBridge.setPairLocked, (FAR_UNKNOWN, true));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePairUnknown.selector, FAR_UNKNOWN));
        bridge.configure(nonce, deadline, calls, signatures);
        assertTrue(!bridge.pairOf(address(token)).locked, "not locked");
        assertEq(bridge.state().configurationNonce, nonce, "nonce");
    }

    function test_setters_are_called_by_nobody_else() external {
        bytes[] memory calls = new bytes[](7);
        calls[0] = _wireCall();
        calls[1] = abi.encodeCall(IBridge.setOperators, (_members(OUTSIDER_KEY), THRESHOLD));
        calls[2] = abi.encodeCall(IBridge.setGovernors, (_members(OUTSIDER_KEY), THRESHOLD));
        calls[3] = _pairCall(Kinds.ERC20, true, address(minted), FAR_UNKNOWN);
        calls[4] = abi.encodeCall(IBridge.setPairLocked, (address(token), true));
        calls[5] = abi.encodeCall(IBridge.setPairGasCap, (address(token), 50_000));
        calls[6] = abi.encodeCall(IBridge.unpause, ());
        address[3] memory callers = [USER, vm.addr(OPERATOR_KEY), vm.addr(GOVERNOR_KEY)];
        for (uint256 i = 0; i < calls.length; ++i) {
            for (uint256 j = 0; j < callers.length; ++j) {
                vm.prank(callers[j]);
                (bool success, bytes memory result) = address(bridge).call(calls[i]);
                assertTrue(!success, "refused");
                bytes memory reason = abi.encodeWithSelector(IBridge.BridgeOnlyConfiguration.selector, callers[j]);
                assertEq(keccak256(result), keccak256(reason), "reason");
            }
        }
    }

    // ---- pause ----

    function test_one_operator_pauses_and_anyone_may_send_it() external {
        bytes memory signature = _sign(OPERATOR_KEY + 3, _pauseDigest(0));
        vm.expectEmit(address(bridge));
        emit IBridge.Paused(0, vm.addr(OPERATOR_KEY + 3));
        vm.prank(USER);
        bridge.pause(0, signature);
        assertTrue(bridge.laneState().paused, "paused");
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePaused.selector, 0));
        bridge.pause(0, signature);
    }

    function test_unpause_raises_the_nonce_and_kills_older_signatures() external {
        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(0));
        _pause();
        vm.expectEmit(address(bridge));
        emit IBridge.Unpaused(1);
        _configure(abi.encodeCall(IBridge.unpause, ()));
        assertTrue(!bridge.laneState().paused, "goes on");
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePauseNonce.selector, 0, 1));
        bridge.pause(0, signature);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePauseNonce.selector, 2, 1));
        bridge.pause(2, signature);
        _pause();
        assertTrue(bridge.laneState().paused, "paused again");
    }

    function test_only_operators_pause() external {
        uint256[2] memory others = [OUTSIDER_KEY, GOVERNOR_KEY];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory signature = _sign(others[i], _pauseDigest(0));
            vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeNotOperator.selector, vm.addr(others[i])));
            bridge.pause(0, signature);
        }
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeNotOperator.selector, address(0)));
        bridge.pause(0, "malformed");
    }

    function test_unwired_bridge_is_not_paused() external {
        _freshBridge();
        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(0));
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeNotWired.selector));
        bridge.pause(0, signature);
    }

    function test_rogue_pauser_is_voted_out_while_paused() external {
        _pause();
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IBridge.setOperators, (_members(OPERATOR_KEY + 1), THRESHOLD));
        calls[1] = abi.encodeCall(IBridge.unpause, ());
        _configure(calls);
        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(1));
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeNotOperator.selector, vm.addr(OPERATOR_KEY)));
        bridge.pause(1, signature);
    }
}
