// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {FeeToken} from "../contracts/FeeToken.sol";

/// @title Bounds of a request, and the wait of large payouts
contract LimitsTest is LaneTest {
    // ---- minimum and maximum ----

    function test_requests_lie_between_minimum_and_maximum() external {
        _giveToken(1000);
        _setBounds(address(token), 10, 20);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowMinimum.selector, 9, 10));
        _requestToken(9);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAboveMaximum.selector, 21, 20));
        _requestToken(21);
        _requestToken(10);
        _requestToken(20);
        assertEq(bridge.pairOf(address(token)).escrow, 30, "escrow");
    }

    function test_bounds_look_at_what_arrived() external {
        FeeToken taxed = new FeeToken(10);
        _configure(_pairCall(Kinds.ERC20, false, address(taxed), FAR_UNKNOWN));
        taxed.mint(USER, 1000);
        vm.prank(USER);
        taxed.approve(address(bridge), 1000);
        _setBounds(address(taxed), 91, NO_LIMIT);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowMinimum.selector, 90, 91));
        _requestOf(address(taxed), 100);
        _setBounds(address(taxed), 0, 90);
        _requestOf(address(taxed), 100);
        assertEq(bridge.pairOf(address(taxed)).escrow, 90, "asked for 100, let in for 90");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAboveMaximum.selector, 99, 90));
        _requestOf(address(taxed), 110);
    }

    function test_bounds_of_the_native_currency_hold_for_plain_sends_too() external {
        _setBounds(address(0), 10, 20);
        vm.deal(USER, 100);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowMinimum.selector, 9, 10));
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 100}(9, RECIPIENT, USER, "");
        vm.prank(USER, USER);
        (bool sent, bytes memory result) = address(bridge).call{value: 21}("");
        assertTrue(!sent, "refused");
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeAboveMaximum.selector, 21, 20);
        assertEq(keccak256(result), keccak256(reason), "reason");
    }

    function test_an_erc721_counts_one_and_an_erc1155_its_sum() external {
        nft.mint(USER, 900);
        vm.prank(USER);
        nft.approve(address(bridge), 900);
        _setBounds(address(nft), 0, 1);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), 900, RECIPIENT, USER, "");
        multi.mint(USER, 3, 10);
        multi.mint(USER, 4, 10);
        vm.prank(USER);
        multi.setApprovalForAll(address(bridge), true);
        _setBounds(address(multi), 0, 10);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAboveMaximum.selector, 11, 10));
        vm.prank(USER);
        bridge.requestERC1155Transfer(address(multi), _list(3, 4), _list(6, 5), RECIPIENT, USER, "");
        vm.prank(USER);
        bridge.requestERC1155Transfer(address(multi), _list(3, 4), _list(5, 5), RECIPIENT, USER, "");
    }

    function test_bounds_do_not_touch_payouts() external {
        _seedToken(1000);
        _setBounds(address(token), 10, 20);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 1);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 500);
        _handleAll();
        assertEq(token.balanceOf(RECIPIENT), 501, "paid");
    }

    function test_limits_that_cannot_be_are_refused() external {
        PairLimits memory limits = _noLimits();
        (limits.minimum, limits.maximum) = (11, 10);
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeLimitsInvalid.selector, address(token));
        _configureExpecting(_limitsCall(address(token), limits), reason);
        // What went out as one request could not come back as its refund.
        limits = _noLimits();
        (limits.maximum, limits.outflowCapacity) = (101, 100);
        _configureExpecting(_limitsCall(address(token), limits), reason);
        // What waits comes to its end.
        limits = _noLimits();
        (limits.delayAbove, limits.delayBlocks) = (1, 2_592_001);
        _configureExpecting(_limitsCall(address(token), limits), reason);
        // The native currency is its own fee; a collectible has nothing to pay one with.
        limits = _noLimits();
        (limits.fee, limits.feeInNative) = (1, true);
        reason = abi.encodeWithSelector(IBridgeErrors.BridgeLimitsInvalid.selector, address(0));
        _configureExpecting(_limitsCall(address(0), limits), reason);
        limits.feeInNative = false;
        reason = abi.encodeWithSelector(IBridgeErrors.BridgeLimitsInvalid.selector, address(nft));
        _configureExpecting(_limitsCall(address(nft), limits), reason);
        reason = abi.encodeWithSelector(IBridgeErrors.BridgeLimitsInvalid.selector, address(multi));
        _configureExpecting(_limitsCall(address(multi), limits), reason);
        reason = abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, address(this));
        _configureExpecting(_limitsCall(address(this), _noLimits()), reason);
    }

    function test_limits_are_told() external {
        PairLimits memory limits = _noLimits();
        limits.minimum = 5;
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.PairLimitsChanged(address(token), limits);
        _setLimits(address(token), limits);
    }

    // ---- the wait of large payouts ----

    function test_a_large_payout_waits_to_the_very_block() external {
        _seedToken(1000);
        _setDelay(address(token), 100, 50);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 100);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 101);
        _handleAll();
        _expectNotHeld(0);
        _expectHeld(1, HoldReason.Delayed);
        uint256 heldAt = _height();
        vm.roll(heldAt + 49);
        _expectReleaseFails(1, HoldReason.Delayed);
        vm.roll(heldAt + 50);
        _release(1);
        assertEq(token.balanceOf(RECIPIENT), 201, "released");
    }

    function test_a_pair_that_only_waits_has_nothing_in_its_bucket() external {
        _seedToken(1000);
        _setDelay(address(token), 100, 50);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 100);
        _handleAll();
        _expectNotHeld(0);
        assertEq(bridge.pairOf(address(token)).outflow, 0, "outflow");
    }

    function test_no_signatures_shorten_the_wait() external {
        _seedToken(1000);
        _setDelay(address(token), 100, 50);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 101);
        _handleAll();
        bytes[] memory signatures = _decided(RELEASE, 0);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeReleaseFailed.selector, 0, HoldReason.Delayed));
        _release(0, signatures);
    }

    function test_the_wait_counts_from_the_hold_whatever_its_reason() external {
        _setDelay(address(token), 100, 50);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 101);
        _handleAll();
        _expectHeld(0, HoldReason.InsufficientEscrow);
        uint256 heldAt = _height();
        _seedToken(1000);
        vm.roll(heldAt + 49);
        _expectReleaseFails(0, HoldReason.Delayed);
        vm.roll(heldAt + 50);
        _release(0);
        assertEq(token.balanceOf(RECIPIENT), 101, "released");
    }

    function test_a_delayed_payout_takes_room_only_when_it_is_paid() external {
        _seedToken(1000);
        PairLimits memory limits = _noLimits();
        (limits.maximum, limits.outflowCapacity, limits.delayAbove, limits.delayBlocks) = (200, 200, 100, 50);
        _setLimits(address(token), limits);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 150);
        _handleAll();
        assertEq(bridge.pairOf(address(token)).outflow, 0, "held");
        _mine(50);
        _release(0);
        assertEq(bridge.pairOf(address(token)).outflow, 150, "paid");
    }

    function test_what_does_not_wait_is_refunded_without_its_pairs_wait() external {
        _setDelay(address(token), 100, 50);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 101);
        _handleAll();
        _expectHeld(0, HoldReason.InsufficientEscrow);
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        _expectNotHeld(0);
    }

    function test_a_delayed_payout_can_be_refunded_instead() external {
        _seedToken(1000);
        _setDelay(address(token), 100, 2_592_000);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 101);
        _handleAll();
        _refund(0, _decided(REFUND, 0));
        _expectNotHeld(0);
        assertEq(bridge.pairOf(address(token)).escrow, 1000, "escrow");
    }

    function test_nobody_undoes_what_only_waits() external {
        _seedToken(1000);
        _setDelay(address(token), 100, 2_000);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 101);
        _handleAll();
        uint256 heldAt = _height();
        // Anyone may refund once anyone could have released it for so long.
        vm.roll(heldAt + 2_000 + REFUND_DELAY - 1);
        _expectBelowThreshold(0);
        _refund(0, _unsigned());
        vm.roll(heldAt + 2_000 + REFUND_DELAY);
        _refund(0, _unsigned());
        _expectNotHeld(0);
    }

    // ---- no limits ----

    function test_a_pair_without_limits_says_so_and_does_as_it_likes() external {
        PairLimits memory limits = bridge.pairOf(address(token)).limits;
        assertEq(keccak256(abi.encode(limits)), keccak256(abi.encode(_noLimits())), "as registered");
        uint256 much = uint256(type(uint128).max) - 1;
        _giveToken(much);
        _requestToken(much);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, much);
        _handleAll();
        assertEq(token.balanceOf(RECIPIENT), much, "paid");
        assertEq(bridge.pairOf(address(token)).outflow, 0, "no level");
    }

    function test_limits_that_were_lifted_bind_no_more() external {
        _seedToken(1000);
        _giveToken(1000);
        PairLimits memory limits = PairLimits(50, 60, 7, false, 60, 1, 5, 9);
        _setLimits(address(token), limits);
        assertEq(keccak256(abi.encode(bridge.pairOf(address(token)).limits)), keccak256(abi.encode(limits)), "stored");
        _setLimits(address(token), _noLimits());
        _requestToken(1);
        _requestToken(900);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 1500);
        _handleAll();
        assertEq(token.balanceOf(RECIPIENT), 1500, "paid");
        assertEq(bridge.pairOf(address(token)).fees, 0, "no fee");
    }

    // ---- steps ----

    function _setBounds(address near, uint128 minimum, uint128 maximum) private {
        PairLimits memory limits = _noLimits();
        (limits.minimum, limits.maximum) = (minimum, maximum);
        _setLimits(near, limits);
    }

    function _setDelay(address near, uint128 above, uint32 blocks) private {
        PairLimits memory limits = _noLimits();
        (limits.delayAbove, limits.delayBlocks) = (above, blocks);
        _setLimits(near, limits);
    }

    function _requestOf(address near, uint256 amount) private {
        vm.prank(USER);
        bridge.requestERC20Transfer(near, amount, RECIPIENT, USER, 0, "");
    }
}
