// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hold, HoldReason, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {TestToken} from "../contracts/TestToken.sol";

/// @title Holds that are released, and holds made by vote
contract HoldsTest is LaneTest {
    address private constant FAR_NEW = address(0xFA1);
    address private constant FAR_HOSTILE = address(0xFA2);

    // ---- each reason, and its end ----

    function test_a_hold_for_an_unknown_token_is_released_once_its_pair_is_registered() external {
        TestToken late = new TestToken("Late", "LATE", 18);
        _far(Kinds.ERC20, FAR_NEW, RECIPIENT, 30);
        _far(Kinds.ERC20, FAR_NEW, RECIPIENT, 12);
        _handleAll();
        _expectHeld(0, HoldReason.UnknownToken);
        _expectReleaseFails(0, HoldReason.UnknownToken);
        _configure(_pairCall(Kinds.ERC20, false, address(late), FAR_NEW));
        assertEq(bridge.pairOf(address(late)).held, 42, "what was held before counts");
        _expectReleaseFails(0, HoldReason.InsufficientEscrow);
        late.mint(address(this), 100);
        late.approve(address(bridge), 100);
        bridge.seed(address(late), 100);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.HoldReleased(0, RECIPIENT);
        _release(0);
        assertEq(late.balanceOf(RECIPIENT), 30, "paid");
        assertEq(bridge.pairOf(address(late)).escrow, 70, "escrow");
        assertEq(bridge.pairOf(address(late)).held, 12, "held");
        assertEq(bridge.laneState().heldCount, 1, "one is left");
        _expectNotHeld(0);
        _expectHeld(1, HoldReason.UnknownToken);
    }

    function test_holds_whose_reason_cannot_go_are_not_released() external {
        _seedNative(100);
        _far(4, FAR_OF_NATIVE, RECIPIENT, 1, "");
        _far(Kinds.ERC721, FAR_OF_NATIVE, RECIPIENT, 1);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(0), 1);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(bridge), 1);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(token), 1);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 0);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, uint256(type(uint128).max) + 1);
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 1, hex"0001");
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 1, hex"00");
        HoldReason[9] memory reasons = [
            HoldReason.UnknownKind,
            HoldReason.KindMismatch,
            HoldReason.InvalidRecipient,
            HoldReason.InvalidRecipient,
            HoldReason.InvalidRecipient,
            HoldReason.InvalidValue,
            HoldReason.InvalidValue,
            HoldReason.UndecodablePayload,
            HoldReason.UndecodablePayload
        ];
        _handleAll();
        assertEq(bridge.laneState().heldCount, 9, "all are held");
        for (uint64 i = 0; i < 9; ++i) {
            _expectHeld(i, reasons[i]);
            _expectReleaseFails(i, reasons[i]);
        }
        assertEq(bridge.laneState().heldCount, 9, "all are held still");
        assertEq(bridge.pairOf(address(0)).escrow, 100, "escrow");
    }

    function test_a_hold_for_lack_of_escrow_is_released_once_there_is_enough() external {
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 50);
        _handleAll();
        _expectHeld(0, HoldReason.InsufficientEscrow);
        _seedToken(49);
        _expectReleaseFails(0, HoldReason.InsufficientEscrow);
        _seedToken(1);
        _release(0);
        assertEq(token.balanceOf(RECIPIENT), 50, "paid");
        assertEq(bridge.pairOf(address(token)).escrow, 0, "escrow");
        assertEq(bridge.pairOf(address(token)).held, 0, "held");
    }

    function test_a_hold_for_a_refusing_recipient_is_released_once_it_accepts() external {
        _seedNative(100);
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.Reverts);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 40);
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
        assertEq(bridge.pairOf(address(0)).escrow, 100, "what is held stays in the escrow");
        assertEq(bridge.pairOf(address(0)).held, 40, "held");
        _expectReleaseFails(0, HoldReason.PayoutFailed);
        recipient.setBehaviour(Behaviour.Honest);
        _release(0);
        assertEq(address(recipient).balance, 40, "paid");
        assertEq(bridge.pairOf(address(0)).escrow, 60, "escrow");
        assertEq(bridge.pairOf(address(0)).held, 0, "held");
    }

    function test_a_release_may_find_another_reason_than_the_one_it_was_held_for() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(new HostileRecipient()), 40);
        HostileRecipient(payable(requests[0].to)).setBehaviour(Behaviour.BurnsGas);
        _handleAll();
        _expectHeld(0, HoldReason.InsufficientEscrow);
        _seedNative(100);
        _expectReleaseFails(0, HoldReason.PayoutFailed);
        _expectHeld(0, HoldReason.InsufficientEscrow);
    }

    function test_an_unclear_answer_is_released_by_a_threshold_only() external {
        HostileToken hostile = _unclear();
        _expectBelowThreshold(0);
        _release(0);
        bytes[] memory two = _decided(RELEASE, 0, 2);
        _expectBelowThreshold(2);
        _release(0, two);
        // It answers as unclearly as before: nothing changes, whoever has signed.
        bytes[] memory enough = _decided(RELEASE, 0);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeReleaseFailed.selector, 0, HoldReason.AnswerUnclear));
        _release(0, enough);
        hostile.setBehaviour(Behaviour.Honest);
        _release(0, enough);
        assertEq(hostile.balanceOf(RECIPIENT), 10, "paid");
        assertEq(bridge.pairOf(address(hostile)).escrow, 90, "escrow");
    }

    function test_an_unclear_answer_is_refunded_by_a_threshold_only_however_late() external {
        _unclear();
        _mine(REFUND_DELAY * 100);
        _expectBelowThreshold(0);
        _refund(0, _unsigned());
        bytes[] memory two = _decided(REFUND, 0, 2);
        _expectBelowThreshold(2);
        _refund(0, two);
        _refund(0, _decided(REFUND, 0));
        _expectNotHeld(0);
    }

    // ---- what a release must be given ----

    function test_a_release_of_what_is_not_held_is_refused() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _handleUntil(1);
        for (uint64 nonce = 0; nonce < 2; ++nonce) {
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotHeld.selector, nonce));
            _release(nonce);
        }
    }

    function test_a_release_of_another_request_is_refused() external {
        _heldNative();
        ValueTransfer memory other = requests[0];
        other.to = USER;
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeOtherLeaf.selector, 0, _leaf(0, other), leaves[0]));
        vm.prank(SUBMITTER, SUBMITTER);
        bridge.release(0, other, _unsigned());
        other = requests[0];
        other.value += 1;
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeOtherLeaf.selector, 0, _leaf(0, other), leaves[0]));
        bridge.refund(0, other, _unsigned());
    }

    function test_a_hold_is_released_once() external {
        _heldNative();
        _seedNative(100);
        _release(0);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotHeld.selector, 0));
        _release(0);
        bytes[] memory signatures = _decided(REFUND, 0);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotHeld.selector, 0));
        _refund(0, signatures);
        assertEq(RECIPIENT.balance, 40, "paid once");
    }

    function test_a_release_from_a_contract_is_refused() external {
        _heldNative();
        _seedNative(100);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeSubmitterNotDirect.selector, address(this)));
        bridge.release(0, requests[0], _unsigned());
        // Nor may a plain account be called in between.
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeSubmitterNotDirect.selector, SUBMITTER));
        vm.prank(SUBMITTER, USER);
        bridge.release(0, requests[0], _unsigned());
    }

    function test_a_paused_bridge_ends_and_forces_no_hold() external {
        _heldNative();
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _seedNative(100);
        _pause();
        bytes memory paused = abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0);
        bytes[] memory refund = _decided(REFUND, 0);
        bytes[] memory force = _decided(FORCE_HOLD, 1);
        vm.expectRevert(paused);
        _release(0);
        vm.expectRevert(paused);
        _refund(0, refund);
        vm.expectRevert(paused);
        bridge.forceHold(1, requests[1], force);
    }

    function test_a_release_with_too_little_gas_changes_nothing() external {
        _heldNative();
        _seedNative(100);
        bytes memory call = abi.encodeCall(bridge.release, (0, requests[0], _unsigned()));
        (bool success, bytes memory result) = _submitWith(150_000, call);
        assertTrue(!success, "refused");
        assertEq(bytes32(bytes4(result)), bytes32(IBridgeErrors.BridgeInsufficientGas.selector), "for lack of gas");
        _expectHeld(0, HoldReason.InsufficientEscrow);
    }

    function test_holds_are_listed_in_order_and_by_range() external {
        for (uint256 i = 0; i < 5; ++i) {
            _far(Kinds.ERC20, i % 2 == 0 ? FAR_UNKNOWN : FAR_MINTED, RECIPIENT, 1);
        }
        vm.roll(777);
        _handleAll();
        Hold[] memory list = bridge.holds(1, 4);
        assertEq(list.length, 2, "2 and 4");
        assertEq(list[0].leaf, leaves[2], "2");
        assertEq(list[1].leaf, leaves[4], "4");
        assertEq(list[1].heldAtBlock, 777, "block");
        assertEq(bridge.laneState().heldCount, 3, "0, 2 and 4");
    }

    // ---- holds by vote ----

    function test_a_forced_hold_moves_the_lane_on_and_pays_nothing() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 7);
        bytes[] memory signatures = _decided(FORCE_HOLD, 0);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ValueTransferHeld(0, HoldReason.Forced, leaves[0]);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.HandleValueTransfer(0, 1);
        bridge.forceHold(0, requests[0], signatures);
        assertEq(bridge.laneState().handleNonce, 1, "nonce");
        assertEq(bridge.laneState().handleRoot, _root(1), "root");
        assertEq(bridge.laneState().recoveryBlockNumber, requests[0].sourceBlock, "recovery block");
        assertEq(bridge.laneState().heldCount, 1, "held");
        assertEq(bridge.pairOf(address(minted)).held, 5, "counted");
        assertEq(minted.totalSupply(), 0, "nothing is paid");
        _handleAll();
        assertEq(minted.balanceOf(RECIPIENT), 7, "the lane goes on");
    }

    function test_a_forced_hold_is_released_by_a_threshold_only() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _forceHold(0);
        _mine(REFUND_DELAY * 100);
        _expectBelowThreshold(0);
        _release(0);
        bytes[] memory signatures = _decided(RELEASE, 0, 2);
        _expectBelowThreshold(2);
        _release(0, signatures);
        // What was signed for the other ends of it is no release.
        signatures = _decided(FORCE_HOLD, 0);
        _expectBelowThreshold(0);
        _release(0, signatures);
        signatures = _decided(REFUND, 0);
        _expectBelowThreshold(0);
        _release(0, signatures);
        _release(0, _decided(RELEASE, 0));
        assertEq(minted.balanceOf(RECIPIENT), 5, "paid");
    }

    function test_a_forced_hold_is_refunded_by_anyone_after_the_delay() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _forceHold(0);
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        _expectNotHeld(0);
    }

    function test_only_the_next_request_can_be_forced() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 7);
        bytes[] memory signatures = _decided(FORCE_HOLD, 1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNonceGap.selector, 1, 0));
        bridge.forceHold(1, requests[1], signatures);
        _handleAll();
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyHandled.selector, 2));
        bridge.forceHold(1, requests[1], signatures);
    }

    function test_a_forced_hold_needs_a_threshold_over_this_very_request() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        bytes[] memory signatures = _decided(FORCE_HOLD, 0, 2);
        _expectBelowThreshold(2);
        bridge.forceHold(0, requests[0], signatures);
        signatures = _approved(1);
        _expectBelowThreshold(0);
        bridge.forceHold(0, requests[0], signatures);
        signatures = _decided(FORCE_HOLD, 0);
        ValueTransfer memory other = requests[0];
        other.value = 6;
        _expectBelowThreshold(0);
        bridge.forceHold(0, other, signatures);
        // And of the present operators.
        _configure(abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OPERATOR_KEY), THRESHOLD)));
        _expectBelowThreshold(0);
        bridge.forceHold(0, requests[0], signatures);
        assertEq(bridge.laneState().handleNonce, 0, "nothing is handled");
    }

    function test_a_decision_of_former_operators_releases_nothing() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _forceHold(0);
        bytes[] memory signatures = _decided(RELEASE, 0);
        _configure(abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OPERATOR_KEY), THRESHOLD)));
        _expectBelowThreshold(0);
        _release(0, signatures);
    }

    function test_what_nobody_can_handle_can_be_forced() external {
        // A request that no source accepts: its payload alone is larger than what a block would pay for.
        _far(9, FAR_UNKNOWN, address(0), type(uint256).max, new bytes(50_000));
        _forceHold(0);
        _expectHeld(0, HoldReason.Forced);
    }

    // ---- steps ----

    /// @dev A native request that is held for lack of escrow.
    function _heldNative() private {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 40);
        _handleAll();
        _expectHeld(0, HoldReason.InsufficientEscrow);
    }

    /// @dev A token with an escrow of 100, whose payout of 10 was answered with garbage.
    function _unclear() private returns (HostileToken hostile) {
        hostile = new HostileToken();
        _configure(_pairCall(Kinds.ERC20, false, address(hostile), FAR_HOSTILE));
        hostile.mint(address(this), 100);
        hostile.approve(address(bridge), 100);
        bridge.seed(address(hostile), 100);
        hostile.setBehaviour(Behaviour.ReturnsGarbage);
        _far(Kinds.ERC20, FAR_HOSTILE, RECIPIENT, 10);
        _handleAll();
        _expectHeld(0, HoldReason.AnswerUnclear);
    }
}
