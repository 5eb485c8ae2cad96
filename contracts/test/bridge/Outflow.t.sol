// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";

/// @title The leaky bucket on what goes out and does not come in
contract OutflowTest is LaneTest {
    function test_payouts_fill_the_bucket_until_it_is_full() external {
        _seedToken(1000);
        _setBucket(address(token), 100, 0);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 60);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 41);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 40);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 1);
        _handleAll();
        _expectNotHeld(0);
        _expectHeld(1, HoldReason.OutflowLimited);
        _expectNotHeld(2);
        _expectHeld(3, HoldReason.OutflowLimited);
        assertEq(token.balanceOf(RECIPIENT), 100, "paid");
        assertEq(bridge.pairOf(address(token)).outflow, 100, "full");
        assertEq(bridge.pairOf(address(token)).escrow, 900, "escrow");
        assertEq(bridge.pairOf(address(token)).held, 42, "held");
    }

    function test_the_bucket_leaks_with_time() external {
        _seedToken(1000);
        _setBucket(address(token), 100, 3);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 100);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 31);
        _handleAll();
        _expectHeld(1, HoldReason.OutflowLimited);
        uint256 full = _now();
        vm.warp(full + 10);
        assertEq(bridge.pairOf(address(token)).outflow, 70, "30 have leaked");
        _expectReleaseFails(1, HoldReason.OutflowLimited);
        vm.warp(full + 11);
        _release(1);
        assertEq(bridge.pairOf(address(token)).outflow, 98, "67 and 31");
        vm.warp(full + 1_000_000);
        assertEq(bridge.pairOf(address(token)).outflow, 0, "empty, not less");
    }

    function test_what_comes_in_makes_room_for_what_goes_out() external {
        _seedToken(1000);
        _giveToken(1000);
        _setBucket(address(token), 100, 0);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 100);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 40);
        _handleAll();
        _requestToken(39);
        assertEq(bridge.pairOf(address(token)).outflow, 61, "net");
        _expectReleaseFails(1, HoldReason.OutflowLimited);
        _requestToken(1);
        _release(1);
        assertEq(bridge.pairOf(address(token)).outflow, 100, "full");
        _requestToken(99);
        _requestToken(100);
        assertEq(bridge.pairOf(address(token)).outflow, 0, "no credit beyond empty");
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 101);
        _handleAll();
        _expectHeld(2, HoldReason.OutflowLimited);
    }

    function test_liquidity_makes_no_room() external {
        _seedToken(100);
        _setBucket(address(token), 100, 0);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 100);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 1);
        _handleAll();
        _seedToken(100);
        assertEq(bridge.pairOf(address(token)).outflow, 100, "full still");
        _expectReleaseFails(1, HoldReason.OutflowLimited);
    }

    function test_a_failed_payout_leaves_the_bucket_as_it_was() external {
        _seedNative(1000);
        _setBucket(address(0), 100, 1);
        HostileRecipient hostile = new HostileRecipient();
        hostile.setBehaviour(Behaviour.Reverts);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 30);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(hostile), 60);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(hostile), 60, "with data");
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 70);
        _handleAll();
        _expectHeld(1, HoldReason.PayoutFailed);
        _expectHeld(2, HoldReason.PayoutFailed);
        assertEq(RECIPIENT.balance, 100, "what failed took no room");
        assertEq(bridge.pairOf(address(0)).outflow, 100, "outflow");
        uint256 full = _now();
        vm.warp(full + 59);
        _expectReleaseFails(1, HoldReason.OutflowLimited);
        // Room is there, the recipient refuses: the level and its time stay as they were.
        vm.warp(full + 60);
        _expectReleaseFails(1, HoldReason.PayoutFailed);
        assertEq(bridge.pairOf(address(0)).outflow, 40, "level");
        vm.warp(full + 70);
        assertEq(bridge.pairOf(address(0)).outflow, 30, "time");
    }

    function test_a_bucket_counts_each_kind_in_its_own_units() external {
        _setBucket(address(mintedNFT), 1, 0);
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 1_000_000);
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 7);
        _setBucket(address(mintedMulti), 10, 0);
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 10, _payload1155(_list(3, 4), _list(4, 6), ""));
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 1, _payload1155(_list(3), _list(1), ""));
        _handleAll();
        assertEq(mintedNFT.ownerOf(1_000_000), RECIPIENT, "one is one");
        _expectHeld(1, HoldReason.OutflowLimited);
        _expectNotHeld(2);
        _expectHeld(3, HoldReason.OutflowLimited);
    }

    function test_the_bucket_of_one_pair_is_not_that_of_another() external {
        _seedToken(1000);
        _setBucket(address(token), 1, 0);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1_000_000);
        _handleAll();
        assertEq(minted.balanceOf(RECIPIENT), 1_000_000, "paid");
        assertEq(bridge.pairOf(address(minted)).outflow, 0, "no bucket, no level");
    }

    function test_a_capacity_of_nothing_stops_payouts_and_requests() external {
        _seedToken(100);
        _giveToken(10);
        _setBucket(address(token), 0, 0);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 1);
        _handleAll();
        _expectHeld(0, HoldReason.OutflowLimited);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAboveMaximum.selector, 10, 0));
        _requestToken(10);
        _setLimits(address(token), _noLimits());
        _release(0);
        assertEq(token.balanceOf(RECIPIENT), 1, "once it is lifted");
    }

    function testFuzz_never_more_goes_out_than_the_capacity_and_what_leaked(uint256 choices, uint128 perSecond)
        external
    {
        perSecond = uint128(bound(perSecond, 0, 20));
        _seedToken(1_000_000);
        _giveToken(1_000_000);
        _setBucket(address(token), 500, perSecond);
        uint256 start = _now();
        uint256 cameIn;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 choice = uint256(keccak256(abi.encode(choices, i)));
            uint256 amount = 1 + (choice >> 8) % 400;
            if (choice % 3 == 0) {
                _requestToken(amount);
                cameIn += amount;
            } else {
                _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, amount);
                _handleAll();
            }
            _wait((choice >> 128) % 30);
            uint256 wentOut = token.balanceOf(RECIPIENT);
            assertLe(wentOut, 500 + cameIn + perSecond * (_now() - start), "net outflow");
            assertLe(bridge.pairOf(address(token)).outflow, 500, "level");
        }
    }

    function test_what_has_leaked_has_leaked_at_the_old_rate() external {
        _seedToken(1000);
        _setBucket(address(token), 100, 10);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 100);
        _handleAll();
        _wait(4);
        assertEq(bridge.pairOf(address(token)).outflow, 60, "before");
        _setBucket(address(token), 100, 1);
        assertEq(bridge.pairOf(address(token)).outflow, 60, "after");
        _wait(5);
        assertEq(bridge.pairOf(address(token)).outflow, 55, "and from here on at the new one");
    }

    function test_without_a_bucket_neither_payouts_nor_requests_move_the_level() external {
        _seedToken(1000);
        _giveToken(100);
        _setBucket(address(token), 100, 0);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 60);
        _handleAll();
        // The pair keeps a limit, so it is one whose limits are read, but it has no bucket any more.
        PairLimits memory limits = _noLimits();
        (limits.delayAbove, limits.delayBlocks) = (500, 10);
        _setLimits(address(token), limits);
        _requestToken(50);
        assertEq(bridge.pairOf(address(token)).outflow, 60, "a request");
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 300);
        _handleAll();
        assertEq(bridge.pairOf(address(token)).outflow, 60, "a payout");
        // If requests alone counted meanwhile, the next bucket would have room that the payouts have used.
        _setBucket(address(token), 100, 0);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 41);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 40);
        _handleAll();
        _expectHeld(2, HoldReason.OutflowLimited);
        _expectNotHeld(3);
        assertEq(bridge.pairOf(address(token)).outflow, 100, "full");
    }

    // ---- steps ----

    function _setBucket(address near, uint128 capacity, uint128 perSecond) private {
        PairLimits memory limits = _noLimits();
        // What one request takes in must be able to go back at once.
        (limits.maximum, limits.outflowCapacity, limits.outflowPerSecond) = (capacity, capacity, perSecond);
        _setLimits(near, limits);
    }
}
