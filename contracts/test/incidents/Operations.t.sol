// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hold, HoldReason} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";

/// @title What operators suffer elsewhere and a contract can prevent; the table is in Incidents
contract OperationsTest is LaneTest {
    function test_chainbridge_562_once_the_threshold_is_reached_anybody_executes() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _voteAll(_checkpoint(1), 7);
        // No operator is needed any more, neither for a signature nor for a transaction.
        _submit(0, _slice(0, 1), new bytes32[](0), _unsigned());
        assertEq(minted.balanceOf(RECIPIENT), 5, "paid");
    }

    function test_chainbridge_core_135_one_bad_request_stops_no_lane() external {
        _far(9, address(0xBAD), address(0), type(uint256).max, new bytes(300));
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 1, hex"ff");
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 1, hex"ffff00");
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _handleAll();
        assertEq(minted.balanceOf(RECIPIENT), 5, "the good one is paid");
        assertEq(bridge.laneState().handleNonce, 4, "all are handled");
        assertEq(bridge.laneState().heldCount, 3, "the bad ones are held");
    }

    function test_tokenbridge_266_no_submitter_is_designated() external {
        for (uint160 i = 0; i < 4; ++i) {
            _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
            bytes memory call = _handleCall(uint64(i), _slice(i, i + 1), new bytes32[](0), _approved(i + 1));
            address anybody = address(0x10000 + i);
            vm.prank(anybody, anybody);
            (bool success,) = address(bridge).call(call);
            assertTrue(success, "anybody");
        }
        assertEq(minted.balanceOf(RECIPIENT), 4, "paid");
    }

    function test_hermes_3503_a_second_submission_costs_gas_and_nothing_else() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        bytes[] memory signatures = _approved(1);
        _submit(0, _slice(0, 1), new bytes32[](0), signatures);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyHandled.selector, 1));
        _submit(0, _slice(0, 1), new bytes32[](0), signatures);
        assertEq(minted.balanceOf(RECIPIENT), 1, "paid once");
    }

    function test_hermes_3503_an_overlapping_submission_pays_the_rest() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 2);
        _handleUntil(1);
        bytes[] memory signatures = _approved(2);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.HandleValueTransfer(1, 2);
        _submit(0, _slice(0, 2), new bytes32[](0), signatures);
        assertEq(minted.balanceOf(RECIPIENT), 3, "each once");
    }

    function test_tokenbridge_contracts_502_no_gas_limit_of_a_submitter_strands_a_transfer() external {
        HostileRecipient recipient = new HostileRecipient();
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 10);
        bytes memory call = _handleCall(0, _slice(0, 1), new bytes32[](0), _approved(1));
        // Whatever the gas: paid in full or not handled at all, never held.
        for (uint256 gas = 60_000; gas < 500_000; gas += 5_000) {
            (bool handled,) = _submitWith(gas, call);
            assertEq(bridge.laneState().heldCount, 0, "never held");
            assertEq(address(recipient).balance, handled ? 10 : 0, "paid or untouched");
            if (handled) return;
        }
        revert AssertionFailed("a usual gas limit suffices");
    }

    function test_tokenbridge_contracts_585_a_failing_recipient_is_held_and_released() external {
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.Reverts);
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 10);
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
        recipient.setBehaviour(Behaviour.Honest);
        _release(0);
        assertEq(address(recipient).balance, 10, "released");
    }

    function test_hyperlane_784_a_missed_request_cannot_be_skipped() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 2);
        bytes[] memory signatures = _approved(2);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNonceGap.selector, 1, 0));
        _submit(1, _slice(1, 2), new bytes32[](0), signatures);
        // Nor be left out under another number: its leaf is in the root.
        _expectBelowThreshold(0);
        _submit(0, _slice(1, 2), new bytes32[](0), signatures);
    }

    function test_hyperlane_784_what_is_handled_is_told_without_gaps() external {
        for (uint256 i = 0; i < 5; ++i) {
            _far(Kinds.ERC20, i == 1 ? FAR_UNKNOWN : FAR_MINTED, RECIPIENT, 1);
        }
        uint64[4] memory borders = [uint64(0), 2, 3, 5];
        for (uint256 i = 0; i < 3; ++i) {
            bytes[] memory signatures = _approved(5);
            vm.expectEmit(address(bridge));
            emit IBridgeEvents.HandleValueTransfer(borders[i], borders[i + 1]);
            _submit(borders[i], _slice(borders[i], borders[i + 1]), _tail(borders[i + 1], 5), signatures);
        }
    }

    function test_hyperlane_4602_a_hold_says_why_since_when_and_of_which_request() external {
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 1);
        vm.roll(4321);
        bytes[] memory signatures = _approved(1);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ValueTransferHeld(0, HoldReason.UnknownToken, leaves[0]);
        _submit(0, _slice(0, 1), new bytes32[](0), signatures);
        Hold[] memory list = bridge.holds(0, type(uint64).max);
        assertEq(list.length, 1, "one");
        assertEq(uint256(list[0].reason), uint256(HoldReason.UnknownToken), "why");
        assertEq(list[0].heldAtBlock, 4321, "since when");
        assertEq(list[0].leaf, leaves[0], "which");
    }
}
