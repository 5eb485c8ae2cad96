// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {LyingMultiToken} from "../contracts/LyingMultiToken.sol";
import {Receiver} from "../contracts/Receiver.sol";

/// @title ERC-1155, approved and requested, and paid
contract MultiTokenTest is LaneTest {
    uint256 private constant MOST = 16;

    function setUp() public override {
        super.setUp();
        vm.prank(USER);
        multi.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        mintedMulti.setApprovalForAll(address(bridge), true);
        multi.mint(USER, 3, 100);
        multi.mint(USER, 4, 100);
    }

    // ---- requests ----

    function test_a_request_locks_units() external {
        bytes memory payload = _payload1155(_list(3, 4), _list(10, 20), "hello");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(
            0, USER, RECIPIENT, Kinds.ERC1155, address(multi), REFUND_TO, 30, payload
        );
        vm.prank(USER);
        uint64 nonce =
            bridge.requestERC1155Transfer(address(multi), _list(3, 4), _list(10, 20), RECIPIENT, REFUND_TO, "hello");
        assertEq(nonce, 0, "nonce");
        assertEq(bridge.pairOf(address(multi)).escrow, 30, "escrow");
        assertEq(multi.balanceOf(address(bridge), 3), 10, "units");
        assertEq(multi.balanceOf(address(bridge), 4), 20, "units");
    }

    function test_a_request_burns_minted_units() external {
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, USER, 30, _payload1155(_list(1, 2), _list(10, 20), ""));
        _handleAll();
        assertEq(bridge.pairOf(address(mintedMulti)).minted, 30, "minted");
        _request(address(mintedMulti), _list(1, 2), _list(10, 5));
        assertEq(bridge.pairOf(address(mintedMulti)).minted, 15, "minted");
        assertEq(mintedMulti.balanceOf(USER, 1), 0, "gone");
        assertEq(mintedMulti.balanceOf(USER, 2), 15, "left");
        assertEq(mintedMulti.balanceOf(address(bridge), 1), 0, "burnt");
        assertEq(mintedMulti.balanceOf(address(bridge), 2), 0, "burnt");
    }

    function test_sixteen_ids_go_and_seventeen_do_not() external {
        uint256[] memory ids = _series(17, 100, 3);
        for (uint256 i = 0; i < 17; ++i) {
            multi.mint(USER, ids[i], 5);
        }
        uint256[] memory amounts = _series(17, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeInvalidIds.selector, 17, 17, MOST));
        _request(address(multi), ids, amounts);
        _request(address(multi), _series(16, 100, 3), _series(16, 1, 0));
        assertEq(bridge.pairOf(address(multi)).escrow, 16, "escrow");
    }

    function test_ids_and_amounts_that_do_not_fit_are_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeInvalidIds.selector, 2, 1, MOST));
        _request(address(multi), _list(3, 4), _list(1));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeInvalidIds.selector, 0, 0, MOST));
        _request(address(multi), new uint256[](0), new uint256[](0));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeIdsNotRising.selector, 3));
        _request(address(multi), _list(4, 3), _list(1, 1));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeIdsNotRising.selector, 4));
        _request(address(multi), _list(4, 4), _list(1, 1));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        _request(address(multi), _list(3, 4), _list(0, 1));
        uint256 tooMuch = uint256(type(uint128).max) + 1;
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, tooMuch));
        _request(address(multi), _list(3), _list(tooMuch));
    }

    function test_a_sum_beyond_the_counter_is_refused() external {
        uint256 most = type(uint128).max;
        multi.mint(USER, 7, most);
        multi.mint(USER, 8, most);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, 2 * most));
        _request(address(multi), _list(7, 8), _list(most, most));
    }

    function test_a_token_of_another_kind_is_refused() external {
        vm.expectRevert(
            abi.encodeWithSelector(
                IBridgeErrors.BridgeKindMismatch.selector, address(token), Kinds.ERC20, Kinds.ERC1155
            )
        );
        _request(address(token), _list(3), _list(1));
    }

    function test_a_token_that_keeps_what_it_is_told_to_burn_is_refused() external {
        LyingMultiToken lying = new LyingMultiToken();
        _configure(_pairCall(Kinds.ERC1155, true, address(lying), FAR_UNKNOWN));
        _far(Kinds.ERC1155, FAR_UNKNOWN, USER, 5, _payload1155(_list(1), _list(5), ""));
        _handleAll();
        vm.prank(USER);
        lying.setApprovalForAll(address(bridge), true);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, address(lying), FAR_UNKNOWN));
        _request(address(lying), _list(1), _list(5));
    }

    function test_a_fee_in_native_currency_is_kept_and_the_rest_comes_back() external {
        _setFee(7);
        vm.deal(USER, 10);
        vm.prank(USER);
        bridge.requestERC1155Transfer{value: 10}(address(multi), _list(3), _list(1), RECIPIENT, REFUND_TO, "");
        assertEq(USER.balance, 3, "rest");
        assertEq(bridge.pairOf(address(0)).fees, 7, "fee");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 7, 3));
        vm.prank(USER);
        bridge.requestERC1155Transfer{value: 3}(address(multi), _list(3), _list(1), RECIPIENT, REFUND_TO, "");
    }

    // ---- payouts ----

    function test_units_go_out_and_back_again() external {
        _request(address(multi), _list(3, 4), _list(10, 20));
        _far(Kinds.ERC1155, FAR_MULTI, RECIPIENT, 15, _payload1155(_list(3, 4), _list(10, 5), ""));
        _handleAll();
        assertEq(multi.balanceOf(RECIPIENT, 3), 10, "paid");
        assertEq(multi.balanceOf(RECIPIENT, 4), 5, "paid");
        assertEq(bridge.pairOf(address(multi)).escrow, 15, "escrow");
        _request(address(multi), _list(3), _list(1));
        assertEq(bridge.pairOf(address(multi)).escrow, 16, "escrow");
    }

    function test_an_id_that_is_not_locked_is_not_paid_however_much_else_is() external {
        _request(address(multi), _list(3), _list(50));
        _far(Kinds.ERC1155, FAR_MULTI, RECIPIENT, 5, _payload1155(_list(3, 4), _list(4, 1), ""));
        _handleAll();
        _expectHeld(0, HoldReason.InsufficientEscrow);
        assertEq(bridge.pairOf(address(multi)).escrow, 50, "escrow");
        assertEq(multi.balanceOf(RECIPIENT, 3), 0, "nothing is paid");
        _request(address(multi), _list(4), _list(1));
        _release(0);
        assertEq(multi.balanceOf(RECIPIENT, 3), 4, "released");
    }

    function test_sixteen_new_ids_are_paid_within_the_least_cap() external {
        uint256[] memory ids = _series(MOST, type(uint256).max - 100, 3);
        uint256[] memory amounts = _series(MOST, 1, 1);
        for (uint256 i = 0; i < MOST; ++i) {
            multi.mint(USER, ids[i], amounts[i]);
        }
        _request(address(multi), ids, amounts);
        _far(Kinds.ERC1155, FAR_MULTI, RECIPIENT, 136, _payload1155(ids, amounts, ""));
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 136, _payload1155(ids, amounts, ""));
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, address(new Receiver()), 136, _payload1155(ids, amounts, "hello"));
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "all are paid");
        for (uint256 i = 0; i < MOST; ++i) {
            assertEq(multi.balanceOf(RECIPIENT, ids[i]), amounts[i], "locked units");
            assertEq(mintedMulti.balanceOf(RECIPIENT, ids[i]), amounts[i], "minted units");
        }
        assertEq(Receiver(payable(requests[2].to)).value(), 136, "with data");
    }

    function test_sixteen_ids_with_the_longest_data_are_paid_within_the_least_cap() external {
        uint256[] memory ids = _series(MOST, 1, 1);
        uint256[] memory amounts = _series(MOST, 1, 0);
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 16, _payload1155(ids, amounts, new bytes(1024)));
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "paid");
    }

    function test_a_payload_that_no_source_makes_is_held() external {
        bytes[7] memory payloads = [
            bytes(""),
            bytes(hex"00"),
            _payload1155(_series(17, 1, 1), _series(17, 1, 0), ""),
            // The amount of the one entry is cut off.
            abi.encodePacked(uint8(1), uint256(1), uint120(0)),
            // Two are announced, one is there.
            abi.encodePacked(uint8(2), uint256(1), uint128(17)),
            // The sum is another one.
            _payload1155(_list(1, 2), _list(8, 8), ""),
            _payload1155(_list(1, 2), _list(17, 0), "")
        ];
        for (uint256 i = 0; i < payloads.length; ++i) {
            _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 17, payloads[i]);
        }
        _handleAll();
        for (uint64 i = 0; i < payloads.length; ++i) {
            _expectHeld(i, HoldReason.UndecodablePayload);
        }
    }

    function test_a_recipient_that_does_not_take_erc1155_is_held_and_its_units_stay() external {
        _request(address(multi), _list(3), _list(10));
        _far(Kinds.ERC1155, FAR_MULTI, address(token), 10, _payload1155(_list(3), _list(10), ""));
        _far(Kinds.ERC1155, FAR_MULTI, address(this), 10, _payload1155(_list(3), _list(10), ""));
        _handleAll();
        _expectHeld(0, HoldReason.InvalidRecipient);
        _expectHeld(1, HoldReason.PayoutFailed);
        assertEq(bridge.pairOf(address(multi)).escrow, 10, "escrow");
        assertEq(bridge.pairOf(address(multi)).held, 20, "held");
        _far(Kinds.ERC1155, FAR_MULTI, RECIPIENT, 10, _payload1155(_list(3), _list(10), ""));
        _handleAll();
        assertEq(multi.balanceOf(RECIPIENT, 3), 10, "the units were there still");
    }

    function testFuzz_what_is_requested_can_be_paid_back(uint256 seed, uint256 count) external {
        count = bound(count, 1, MOST);
        uint256[] memory ids = new uint256[](count);
        uint256[] memory amounts = new uint256[](count);
        uint256 sum;
        for (uint256 i = 0; i < count; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            // Sixteen of these steps stay below the largest id.
            ids[i] = (i == 0 ? 0 : ids[i - 1] + 1) + (word >> 16);
            amounts[i] = 1 + word % 1000;
            sum += amounts[i];
            multi.mint(USER, ids[i], amounts[i]);
        }
        _request(address(multi), ids, amounts);
        _far(Kinds.ERC1155 | REFUND_BIT, address(multi), USER, sum, _payload1155(ids, amounts, ""));
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "paid back");
        assertEq(bridge.pairOf(address(multi)).escrow, 0, "escrow");
        for (uint256 i = 0; i < count; ++i) {
            assertTrue(multi.balanceOf(USER, ids[i]) >= amounts[i], "units");
        }
    }

    // ---- steps ----

    function _request(address near, uint256[] memory ids, uint256[] memory amounts) private {
        vm.prank(USER);
        bridge.requestERC1155Transfer(near, ids, amounts, RECIPIENT, REFUND_TO, "");
    }

    function _setFee(uint128 fee) private {
        PairLimits memory limits = _noLimits();
        (limits.fee, limits.feeInNative) = (fee, true);
        _setLimits(address(multi), limits);
    }
}
