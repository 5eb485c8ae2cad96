// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {Log} from "../Vm.sol";
import {BlacklistToken} from "../contracts/BlacklistToken.sol";
import {FeeToken} from "../contracts/FeeToken.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";

/// @title What requests cost, and where it goes
contract FeesTest is LaneTest {
    address private constant RECEIVER = address(0xFEE);

    function setUp() public override {
        super.setUp();
        vm.deal(USER, 1000);
        _giveToken(1000);
    }

    // ---- charged ----

    function test_a_fee_in_the_token_is_pulled_beside_the_amount() external {
        _setFee(address(token), 7, false);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(token), REFUND_TO, 100, "");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.FeeCharged(0, address(token), 7);
        _request(100, 9, 0);
        assertEq(token.balanceOf(USER), 893, "amount and fee, not the limit");
        assertEq(bridge.pairOf(address(token)).escrow, 100, "escrow");
        assertEq(bridge.pairOf(address(token)).fees, 7, "fees");
    }

    function test_a_fee_in_the_token_above_the_limit_is_refused() external {
        _setFee(address(token), 7, false);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 7, 6));
        // What is sent of the native currency is no limit for it.
        _request(100, 6, 50);
        _request(100, 7, 0);
    }

    function test_no_fee_is_no_event() external {
        vm.recordLogs();
        _request(100, 0, 0);
        Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            assertTrue(logs[i].topics[0] != IBridgeEvents.FeeCharged.selector, "nothing was charged");
        }
        assertTrue(logs.length >= 2, "a transfer and a request");
    }

    function test_what_arrives_of_the_fee_alone_is_no_request() external {
        FeeToken taxed = new FeeToken(50);
        _configure(_pairCall(Kinds.ERC20, false, address(taxed), address(0xFA3)));
        _setFee(address(taxed), 10, false);
        taxed.mint(USER, 100);
        vm.prank(USER);
        taxed.approve(address(bridge), 100);
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        bridge.requestERC20Transfer(address(taxed), 10, RECIPIENT, REFUND_TO, 10, "");
        vm.prank(USER);
        bridge.requestERC20Transfer(address(taxed), 12, RECIPIENT, REFUND_TO, 10, "");
        assertEq(bridge.pairOf(address(taxed)).escrow, 1, "half of 22, without the fee");
    }

    function test_a_fee_in_native_currency_is_taken_from_what_is_sent() external {
        _setFee(address(token), 7, true);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.FeeCharged(0, address(0), 7);
        _request(100, 0, 10);
        assertEq(USER.balance, 993, "rest");
        assertEq(token.balanceOf(USER), 900, "of the token the amount alone");
        assertEq(bridge.pairOf(address(0)).fees, 7, "fees");
        assertEq(bridge.pairOf(address(0)).escrow, 0, "a fee is no escrow");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 7, 6));
        _request(100, 100, 6);
    }

    function test_a_fee_of_the_native_pair_is_what_is_sent_beyond_the_amount() external {
        _setFee(address(0), 7, false);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 120}(100, RECIPIENT, REFUND_TO, "");
        assertEq(USER.balance, 893, "rest");
        assertEq(bridge.pairOf(address(0)).escrow, 100, "escrow");
        assertEq(bridge.pairOf(address(0)).fees, 7, "fees");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 7, 6));
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 106}(100, RECIPIENT, REFUND_TO, "");
    }

    function test_a_fee_refuses_plain_sends() external {
        _setFee(address(0), 7, false);
        vm.prank(USER, USER);
        (bool sent, bytes memory result) = address(bridge).call{value: 100}("");
        assertTrue(!sent, "refused");
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 7, 0);
        assertEq(keccak256(result), keccak256(reason), "reason");
    }

    function test_an_erc721_pays_its_fee_in_native_currency() external {
        _setFee(address(nft), 7, true);
        nft.mint(USER, 9);
        vm.prank(USER);
        nft.approve(address(bridge), 9);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 7, 6));
        vm.prank(USER);
        bridge.requestERC721Transfer{value: 6}(address(nft), 9, RECIPIENT, REFUND_TO, "");
        vm.prank(USER);
        bridge.requestERC721Transfer{value: 8}(address(nft), 9, RECIPIENT, REFUND_TO, "");
        assertEq(USER.balance, 993, "rest");
        assertEq(bridge.pairOf(address(0)).fees, 7, "fees");
    }

    function test_without_a_fee_all_that_is_sent_comes_back() external {
        _request(100, 50, 10);
        assertEq(USER.balance, 1000, "native");
        assertEq(token.balanceOf(USER), 900, "token");
        assertEq(address(bridge).balance, 0, "nothing is left here");
    }

    function test_a_sender_that_does_not_take_the_rest_makes_no_request() external {
        HostileRecipient sender = new HostileRecipient();
        sender.setBehaviour(Behaviour.Reverts);
        vm.deal(address(sender), 100);
        bytes memory call = abi.encodeCall(bridge.requestNativeTransfer, (40, RECIPIENT, REFUND_TO, ""));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeReturnFailed.selector, address(sender), 60));
        sender.execute(address(bridge), 100, call);
        sender.execute(address(bridge), 40, call);
        assertEq(bridge.laneState().requestNonce, 1, "with the exact amount it does");
    }

    function test_the_rest_does_not_pay_for_a_second_request() external {
        HostileRecipient sender = new HostileRecipient();
        vm.deal(address(sender), 100);
        bytes memory call = abi.encodeCall(bridge.requestNativeTransfer, (40, RECIPIENT, REFUND_TO, ""));
        sender.setReentry(address(bridge), call);
        sender.execute(address(bridge), 100, call);
        assertEq(sender.reentries(), 1, "tried");
        assertTrue(!sender.reentrySucceeded(), "refused");
        assertEq(bridge.laneState().requestNonce, 1, "one request");
        assertEq(address(sender).balance, 60, "rest");
    }

    // ---- withdrawn ----

    function test_anyone_sends_the_fees_to_the_receiver() external {
        _setFee(address(token), 7, false);
        _setReceiver(RECEIVER);
        _request(100, 7, 0);
        _request(100, 7, 0);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.FeesWithdrawn(address(token), RECEIVER, 14);
        vm.prank(vm.addr(OUTSIDER_KEY));
        bridge.withdrawFees(address(token));
        assertEq(token.balanceOf(RECEIVER), 14, "received");
        assertEq(bridge.pairOf(address(token)).fees, 0, "fees");
        assertEq(bridge.pairOf(address(token)).escrow, 200, "escrow");
        assertEq(token.balanceOf(address(bridge)), 200, "balance");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNoFees.selector, address(token), RECEIVER));
        bridge.withdrawFees(address(token));
    }

    function test_fees_in_native_currency_of_all_pairs_come_together() external {
        _setFee(address(token), 7, true);
        _setFee(address(0), 5, false);
        _setReceiver(RECEIVER);
        _request(100, 0, 7);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 105}(100, RECIPIENT, REFUND_TO, "");
        bridge.withdrawFees(address(0));
        assertEq(RECEIVER.balance, 12, "received");
        assertEq(address(bridge).balance, 100, "escrow");
    }

    function test_without_a_receiver_fees_stay() external {
        _setFee(address(token), 7, false);
        _request(100, 7, 0);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNoFees.selector, address(token), address(0)));
        bridge.withdrawFees(address(token));
        assertEq(bridge.pairOf(address(token)).fees, 7, "fees");
    }

    function test_a_receiver_that_refuses_stops_nobody() external {
        HostileRecipient refusing = new HostileRecipient();
        refusing.setBehaviour(Behaviour.Reverts);
        _setFee(address(token), 7, true);
        _setReceiver(address(refusing));
        _request(100, 0, 7);
        vm.expectPartialRevert(bytes4(keccak256("Error(string)")));
        bridge.withdrawFees(address(0));
        assertEq(bridge.pairOf(address(0)).fees, 7, "the fees are there still");
        _request(100, 0, 7);
        _seedToken(10);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 10);
        _handleAll();
        assertEq(token.balanceOf(RECIPIENT), 10, "payouts go on");
        _setReceiver(RECEIVER);
        bridge.withdrawFees(address(0));
        assertEq(RECEIVER.balance, 14, "another receiver gets all");
    }

    function test_a_receiver_that_burns_gas_or_enters_gets_nothing_twice() external {
        HostileRecipient entering = new HostileRecipient();
        entering.setReentry(address(bridge), abi.encodeCall(IBridgeConfiguration.withdrawFees, (address(0))));
        _setFee(address(token), 7, true);
        _setReceiver(address(entering));
        _request(100, 0, 7);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 100}(100, RECIPIENT, REFUND_TO, "");
        bridge.withdrawFees(address(0));
        assertTrue(!entering.reentrySucceeded(), "refused");
        assertEq(address(entering).balance, 7, "once");
        assertEq(address(bridge).balance, 100, "escrow");
    }

    function test_a_receiver_whom_the_token_refuses_stops_nobody() external {
        BlacklistToken black = new BlacklistToken();
        _configure(_pairCall(Kinds.ERC20, false, address(black), FAR_UNKNOWN));
        _setFee(address(black), 7, false);
        _setReceiver(RECEIVER);
        black.mint(USER, 1000);
        black.setRefused(RECEIVER, true);
        vm.prank(USER);
        black.approve(address(bridge), 1000);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(black), 100, RECIPIENT, REFUND_TO, 7, "");
        vm.expectRevert(abi.encodeWithSelector(BlacklistToken.Blacklisted.selector, RECEIVER));
        bridge.withdrawFees(address(black));
        vm.prank(USER);
        bridge.requestERC20Transfer(address(black), 100, RECIPIENT, REFUND_TO, 7, "");
        assertEq(bridge.pairOf(address(black)).fees, 14, "fees");
    }

    function test_payouts_do_not_touch_fees() external {
        _setFee(address(token), 7, false);
        _request(100, 7, 0);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 107);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 100);
        _handleAll();
        _expectHeld(0, HoldReason.InsufficientEscrow);
        assertEq(token.balanceOf(RECIPIENT), 100, "the escrow is paid out");
        assertEq(token.balanceOf(address(bridge)), 7, "the fees are left");
    }

    function test_native_payouts_do_not_touch_fees() external {
        _setFee(address(0), 7, false);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 107}(100, RECIPIENT, REFUND_TO, "");
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 107);
        _handleAll();
        _expectHeld(0, HoldReason.InsufficientEscrow);
        assertEq(address(bridge).balance, 107, "nothing is paid");
    }

    function test_a_fee_of_a_minted_token_is_kept_and_not_burnt() external {
        _far(Kinds.ERC20, FAR_MINTED, USER, 100);
        _handleAll();
        _setFee(address(minted), 7, false);
        _setReceiver(RECEIVER);
        vm.prank(USER);
        minted.approve(address(bridge), 100);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(minted), 60, RECIPIENT, REFUND_TO, 7, "");
        assertEq(minted.totalSupply(), 40, "supply");
        assertEq(bridge.pairOf(address(minted)).minted, 40, "what the other side keeps for it");
        bridge.withdrawFees(address(minted));
        assertEq(minted.balanceOf(RECEIVER), 7, "fee");
    }

    function test_fees_outlive_their_pair() external {
        _setFee(address(token), 7, false);
        _request(100, 7, 0);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 100);
        _handleAll();
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true));
        calls[1] = abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(token), 1, 1));
        calls[2] = abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (RECEIVER));
        _configure(calls);
        bridge.withdrawFees(address(token));
        assertEq(token.balanceOf(RECEIVER), 7, "fees");
    }

    // ---- steps ----

    function _setFee(address near, uint128 fee, bool feeInNative) private {
        PairLimits memory limits = _noLimits();
        (limits.fee, limits.feeInNative) = (fee, feeInNative);
        _setLimits(near, limits);
    }

    function _setReceiver(address receiver) private {
        _configure(abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (receiver)));
    }

    function _request(uint256 amount, uint256 feeLimit, uint256 sent) private {
        vm.prank(USER);
        bridge.requestERC20Transfer{value: sent}(address(token), amount, RECIPIENT, REFUND_TO, feeLimit, "");
    }
}
