// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, HoldReason, PairConfiguration} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeTransfers} from "../../src/interfaces/IBridgeTransfers.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeMinted} from "../../src/tokens/BridgeMinted.sol";
import {GovernanceTest} from "../GovernanceTest.sol";
import {IConstruction} from "../IConstruction.sol";
import {Receiver} from "../contracts/Receiver.sol";

/// @title What was lost elsewhere to whoever had, or took, the right to act; the table is in Incidents
contract AuthorityTest is GovernanceTest {
    // ---- Poly 2021: a call across the bridge reaches who keeps the keys ----

    function test_poly_2021_no_request_calls_the_bridge_or_a_token() external {
        _seedNative(100);
        bytes memory takeOver = abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OUTSIDER_KEY), THRESHOLD));
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(bridge), 1, takeOver);
        _far(Kinds.ERC20, FAR_MINTED, address(bridge), 1, takeOver);
        _far(Kinds.ERC20, FAR_MINTED, address(minted), 1, abi.encodeCall(minted.mint, (USER, 1_000_000)));
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(minted), 1, abi.encodeCall(minted.mint, (USER, 1_000_000)));
        _handleAll();
        for (uint64 i = 0; i < 4; ++i) {
            _expectHeld(i, HoldReason.InvalidRecipient);
        }
        assertEq(bridge.laneState().operatorEpoch, 1, "operators");
        assertEq(minted.totalSupply(), 0, "supply");
    }

    function test_poly_2021_the_code_of_the_seldom_functions_obeys_no_request_either() external {
        // The extension is a stranger as a recipient. It gets its payment and is called by no name of its own.
        address extension = bridge.extension();
        bytes memory takeOver = abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OUTSIDER_KEY), THRESHOLD));
        _far(Kinds.ERC20, FAR_MINTED, extension, 1, takeOver);
        _handleAll();
        assertEq(bridge.laneState().operatorEpoch, 1, "operators");
    }

    function test_poly_2021_data_are_an_argument_and_never_a_call() external {
        Receiver receiver = new Receiver();
        _configure(abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(minted), 1_000_000)));
        bytes memory call = abi.encodeCall(receiver.reenter, (address(bridge), "owned"));
        _far(Kinds.ERC20, FAR_MINTED, address(receiver), 1, call);
        _handleAll();
        assertEq(receiver.target(), address(0), "the function in the data did not run");
        assertEq(keccak256(receiver.extraData()), keccak256(call), "they arrived as what they are");
    }

    // ---- Harmony 2022, Orbit 2023: hot keys, and hours until the bridge stopped ----

    function test_harmony_2022_two_stolen_keys_are_never_enough() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1_000_000);
        bytes[] memory stolen = _signatures(OPERATOR_KEY, 2, _checkpointDigest(1, 1, _root(1)));
        _expectBelowThreshold(2);
        _submit(0, _slice(0, 1), new bytes32[](0), stolen);
        bytes[] memory repeated = new bytes[](4);
        for (uint256 i = 0; i < 4; ++i) {
            repeated[i] = stolen[i % 2];
        }
        _expectBelowThreshold(2);
        _submit(0, _slice(0, 1), new bytes32[](0), repeated);
    }

    function test_orbit_2023_one_operator_stops_everything_that_moves_value_at_once() external {
        vm.deal(USER, 100);
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(0), 1);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 1);
        _handleUntil(1);
        bytes[] memory approved = _approved(2);
        bytes[] memory refund = _decided(REFUND, 0);
        // Anyone may carry the one signature.
        bytes memory signature = _sign(OPERATOR_KEY + 3, _pauseDigest(0));
        vm.prank(vm.addr(OUTSIDER_KEY));
        bridge.pause(0, signature);
        bytes memory paused = abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0);
        vm.expectRevert(paused);
        _submit(1, _slice(1, 2), new bytes32[](0), approved);
        vm.expectRevert(paused);
        _release(0);
        vm.expectRevert(paused);
        _refund(0, refund);
        vm.expectRevert(paused);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, USER, "");
        vm.expectRevert(paused);
        vm.prank(USER);
        bridge.seed{value: 1}(address(0), 1);
    }

    // ---- Multichain 2023, ALEX 2024, IoTeX 2026: one key ----

    function test_multichain_2023_no_one_key_moves_value_or_changes_anything() external {
        uint256[3] memory keys = [OPERATOR_KEY, GOVERNOR_KEY, OUTSIDER_KEY];
        for (uint256 i = 0; i < keys.length; ++i) {
            _expectSettersRefused(vm.addr(keys[i]));
        }
        _expectSettersRefused(address(this));
        _expectSettersRefused(bridge.extension());
    }

    function test_alex_2024_nobody_replaces_the_code() external {
        // No implementation slot, no admin slot, no function that would set one.
        bytes32 implementation = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
        bytes32 admin = bytes32(uint256(keccak256("eip1967.proxy.admin")) - 1);
        assertEq(vm.load(address(bridge), implementation), 0, "implementation");
        assertEq(vm.load(address(bridge), admin), 0, "admin");
        bytes[3] memory calls = [
            abi.encodeWithSignature("upgradeToAndCall(address,bytes)", this, ""),
            abi.encodeWithSignature("transferOwnership(address)", this),
            abi.encodeWithSignature("owner()")
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success,) = address(bridge).call(calls[i]);
            assertTrue(!success, "no such function");
        }
        assertTrue(bridge.extension().code.length != 0, "its other half is fixed, and there");
    }

    function test_iotex_2026_nobody_but_the_bridge_mints_burns_or_hands_over() external {
        address[3] memory who = [vm.addr(OPERATOR_KEY), vm.addr(GOVERNOR_KEY), address(this)];
        uint256[] memory ids = _list(1);
        for (uint256 i = 0; i < who.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(BridgeMinted.BridgeMintedOnlyBridge.selector, who[i]);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            minted.mint(who[i], 1);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            minted.burn(1);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            minted.handOver(who[i]);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedNFT.safeMint(who[i], 1, "");
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedNFT.burn(1);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedMulti.mintBatch(who[i], ids, ids);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedMulti.burnBatch(ids, ids);
        }
    }

    // ---- CrossCurve 2026: an entry without its check ----

    function test_crosscurve_2026_every_function_refuses_who_has_no_right_to_it() external {
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 1);
        _handleAll();
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        Checkpoint memory checkpoint = _checkpoint(2);
        bytes[] memory none = _unsigned();
        bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
        bytes memory forged = _sign(OUTSIDER_KEY, _digestFor(checkpoint));
        address outsider = vm.addr(OUTSIDER_KEY);
        uint64 nonce = bridge.state().configurationNonce;
        _expectRefused(
            abi.encodeCall(IBridgeTransfers.handle, (1, _slice(1, 2), new bytes32[](0), none)),
            IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeTransfers.vote, (checkpoint, forged)), IBridgeErrors.BridgeNotOperator.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeTransfers.release, (0, requests[0], none)), IBridgeErrors.BridgeReleaseFailed.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeTransfers.refund, (0, requests[0], none)), IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeTransfers.forceHold, (1, requests[1], none)),
            IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeTransfers.payWhole, (address(minted), requests[1])),
            IBridgeErrors.BridgeOnlySelf.selector
        );
        _expectRefused(
            abi.encodeCall(bridge.onTransferReceived, (outsider, outsider, 1, arguments)),
            IBridgeErrors.BridgePairUnknown.selector
        );
        _expectRefused(
            abi.encodeCall(bridge.onERC721Received, (outsider, outsider, 1, arguments)),
            IBridgeErrors.BridgePairUnknown.selector
        );
        _expectRefused(
            abi.encodeCall(bridge.onERC1155Received, (outsider, outsider, 1, 1, arguments)),
            IBridgeErrors.BridgePairUnknown.selector
        );
        _expectRefused(
            abi.encodeCall(bridge.onERC1155BatchReceived, (outsider, outsider, _list(1), _list(1), arguments)),
            IBridgeErrors.BridgePairUnknown.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.pause, (0, forged)), IBridgeErrors.BridgeNotOperator.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.configure, (nonce, type(uint64).max, _one(_loosening(1)), none)),
            IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.executeConfiguration, (nonce, _one(_loosening(1)))),
            IBridgeErrors.BridgeConfigurationNotNext.selector
        );
        _propose(_one(_loosening(1)));
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.cancelConfiguration, (nonce, none)),
            IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.adopt, (address(minted), true, 1, new uint256[](0), new uint256[](0))),
            IBridgeErrors.BridgeNotPredecessor.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.withdrawFees, (address(minted))), IBridgeErrors.BridgeNoFees.selector
        );
        _expectRefused(
            abi.encodeCall(
                IConstruction.construct,
                (_members(OUTSIDER_KEY), THRESHOLD, _members(OUTSIDER_KEY), THRESHOLD, DELAY, REFUND_DELAY)
            ),
            IBridgeErrors.BridgeOnlySelf.selector
        );
        _expectSettersRefused(outsider);
    }

    // ---- steps ----

    /// @dev From an account that is nobody, as a transaction of its own.
    function _expectRefused(bytes memory call, bytes4 reason) private {
        address outsider = vm.addr(OUTSIDER_KEY);
        vm.prank(outsider, outsider);
        (bool success, bytes memory result) = address(bridge).call(call);
        assertTrue(!success, "refused");
        assertEq(bytes32(bytes4(result)), bytes32(reason), "reason");
    }

    function _expectSettersRefused(address who) private {
        uint256[] memory none = new uint256[](0);
        PairConfiguration memory pair = PairConfiguration(Kinds.ERC20, false, 18, GAS_CAP, address(token), FAR_UNKNOWN);
        bytes[16] memory calls = [
            _wireCall(),
            abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OUTSIDER_KEY), THRESHOLD)),
            abi.encodeCall(IBridgeConfiguration.setGovernors, (_members(OUTSIDER_KEY), THRESHOLD)),
            abi.encodeCall(IBridgeConfiguration.registerPair, (pair)),
            abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(token), 0)),
            abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true)),
            abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(token), GAS_CAP)),
            _limitsCall(address(token), _noLimits()),
            abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (who)),
            abi.encodeCall(IBridgeConfiguration.setRefundDelay, (1)),
            abi.encodeCall(IBridgeConfiguration.setGovernanceDelay, (DELAY)),
            abi.encodeCall(IBridgeConfiguration.unpause, ()),
            abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true)),
            abi.encodeCall(IBridgeConfiguration.setPredecessor, (who)),
            abi.encodeCall(IBridgeConfiguration.migrate, (address(token), who, 1, none, none, 0)),
            abi.encodeCall(IBridgeConfiguration.handOver, (address(minted), who, 0))
        ];
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeOnlyConfiguration.selector, who);
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(who);
            (bool success, bytes memory result) = address(bridge).call(calls[i]);
            assertTrue(!success, vm.toString(i));
            assertEq(keccak256(result), keccak256(reason), vm.toString(i));
        }
    }
}
