// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {Receiver} from "../contracts/Receiver.sol";
import {TestToken} from "../contracts/TestToken.sol";

/// @title Holds that are paid back: the request that this side makes, and the payout that the other side makes of it
contract RefundsTest is LaneTest {
    // ---- when ----

    function test_before_the_delay_a_refund_needs_a_threshold() external {
        _heldUnknown();
        uint256 heldAt = _height();
        vm.roll(heldAt + REFUND_DELAY - 1);
        _expectBelowThreshold(0);
        _refund(0, _unsigned());
        bytes[] memory two = _decided(REFUND, 0, 2);
        _expectBelowThreshold(2);
        _refund(0, two);
        vm.roll(heldAt + REFUND_DELAY);
        _refund(0, _unsigned());
        _expectNotHeld(0);
    }

    function test_a_threshold_refunds_at_once() external {
        _heldUnknown();
        _refund(0, _decided(REFUND, 0));
        _expectNotHeld(0);
        assertEq(bridge.laneState().heldCount, 0, "held");
    }

    function test_signatures_for_another_end_do_not_refund() external {
        _heldUnknown();
        bytes[] memory signatures = _decided(RELEASE, 0);
        _expectBelowThreshold(0);
        _refund(0, signatures);
        signatures = _decided(FORCE_HOLD, 0);
        _expectBelowThreshold(0);
        _refund(0, signatures);
    }

    function test_a_longer_delay_counts_at_once_and_for_what_is_held() external {
        _heldUnknown();
        uint256 heldAt = _height();
        _configure(abi.encodeCall(IBridgeConfiguration.setRefundDelay, (REFUND_DELAY + 10)));
        vm.roll(heldAt + REFUND_DELAY + 9);
        _expectBelowThreshold(0);
        _refund(0, _unsigned());
        vm.roll(heldAt + REFUND_DELAY + 10);
        _refund(0, _unsigned());
    }

    function test_a_refund_happens_once() external {
        _heldUnknown();
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotHeld.selector, 0));
        _refund(0, _unsigned());
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotHeld.selector, 0));
        _release(0);
        assertEq(bridge.laneState().requestNonce, 1, "one request");
    }

    // ---- what this side requests ----

    function test_a_refund_is_a_request_of_the_other_lane() external {
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 25, "data for somebody");
        _payBackTo(0, REFUND_TO);
        _handleAll();
        bytes32 root = bridge.laneState().requestRoot;
        vm.roll(5000);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(
            0, USER, REFUND_TO, Kinds.ERC20 | REFUND_BIT, FAR_UNKNOWN, REFUND_TO, 25, "data for somebody"
        );
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.HoldRefunded(0, 0);
        _refund(0, _unsigned());
        bytes32 leaf = keccak256(
            abi.encode(0, 5000, 0x81, FAR_UNKNOWN, USER, REFUND_TO, REFUND_TO, 25, keccak256("data for somebody"))
        );
        assertEq(bridge.laneState().requestNonce, 1, "next nonce");
        assertEq(bridge.laneState().requestRoot, keccak256(abi.encode(root, leaf)), "root");
    }

    function test_every_kind_goes_back_as_what_it_came() external {
        bytes memory multiPayload = _payload1155(_list(1, 2), _list(3, 4), "x");
        _far(Kinds.NATIVE, FAR_UNKNOWN, RECIPIENT, 1, "");
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 2, "");
        _far(Kinds.ERC721, FAR_UNKNOWN, RECIPIENT, 3, _payload721("uri", "x"));
        _far(Kinds.ERC1155, FAR_UNKNOWN, RECIPIENT, 7, multiPayload);
        _far(77, FAR_UNKNOWN, RECIPIENT, 5, hex"beef");
        for (uint256 i = 0; i < 5; ++i) {
            _payBackTo(i, REFUND_TO);
        }
        _handleAll();
        _mine(REFUND_DELAY);
        for (uint64 i = 0; i < 5; ++i) {
            vm.expectEmit(address(bridge));
            emit IBridgeEvents.RequestValueTransfer(
                i,
                USER,
                REFUND_TO,
                requests[i].kind | REFUND_BIT,
                FAR_UNKNOWN,
                REFUND_TO,
                requests[i].value,
                requests[i].payload
            );
            _refund(i, _unsigned());
        }
        assertEq(bridge.laneState().heldCount, 0, "held");
    }

    function test_a_refund_moves_nothing_on_this_side() external {
        _seedToken(100);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, address(bridge), 60);
        _handleAll();
        assertEq(bridge.pairOf(address(token)).held, 60, "held");
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        assertEq(bridge.pairOf(address(token)).escrow, 100, "escrow");
        assertEq(bridge.pairOf(address(token)).held, 0, "held");
        assertEq(token.balanceOf(address(bridge)), 100, "balance");
    }

    function test_a_refund_of_a_mint_pair_mints_nothing_on_this_side() external {
        _far(Kinds.ERC20, FAR_MINTED, address(0), 60);
        _handleAll();
        assertEq(bridge.pairOf(address(minted)).held, 60, "held");
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        assertEq(bridge.pairOf(address(minted)).held, 0, "held");
        assertEq(bridge.pairOf(address(minted)).minted, 0, "minted");
    }

    function test_a_refund_knows_no_fee_no_bounds_no_lock_and_no_stop() external {
        _seedToken(100);
        PairLimits memory limits = _noLimits();
        (limits.minimum, limits.maximum, limits.fee) = (1000, 2000, 5);
        _setLimits(address(token), limits);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true));
        calls[1] = abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true));
        _configure(calls);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, address(bridge), 60);
        _handleAll();
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        assertEq(bridge.laneState().requestNonce, 1, "requested");
        assertEq(bridge.pairOf(address(token)).fees, 0, "no fee");
    }

    function test_what_was_held_before_its_pair_was_known_is_refunded_in_its_count() external {
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 30);
        _handleAll();
        TestToken late = new TestToken("Late", "LATE", 18);
        _configure(_pairCall(Kinds.ERC20, false, address(late), FAR_UNKNOWN));
        assertEq(bridge.pairOf(address(late)).held, 30, "held");
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        assertEq(bridge.pairOf(address(late)).held, 0, "held");
    }

    function test_an_amount_that_no_counter_takes_is_refunded_without_harm() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, type(uint256).max);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, type(uint128).max);
        _far(Kinds.ERC20, FAR_MINTED, address(0), 1);
        _handleAll();
        _expectHeld(0, HoldReason.InvalidValue);
        _expectHeld(2, HoldReason.InvalidRecipient);
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        assertEq(bridge.pairOf(address(minted)).held, 1, "only what was counted is taken off");
        _refund(2, _unsigned());
        assertEq(bridge.pairOf(address(minted)).held, 0, "held");
    }

    // ---- what the other side pays ----

    function test_a_refund_of_each_fungible_pays_the_local_token() external {
        _seedToken(100);
        _seedNative(100);
        _far(Kinds.ERC20 | REFUND_BIT, address(token), REFUND_TO, 10);
        _far(Kinds.NATIVE | REFUND_BIT, address(0), REFUND_TO, 20);
        _far(Kinds.ERC20 | REFUND_BIT, address(minted), REFUND_TO, 30);
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "all are paid");
        assertEq(token.balanceOf(REFUND_TO), 10, "locked token");
        assertEq(REFUND_TO.balance, 20, "native");
        assertEq(minted.balanceOf(REFUND_TO), 30, "minted token");
        assertEq(bridge.pairOf(address(token)).escrow, 90, "escrow of the token");
        assertEq(bridge.pairOf(address(0)).escrow, 80, "escrow of the native currency");
        assertEq(bridge.pairOf(address(minted)).minted, 30, "minted");
    }

    function test_a_request_and_its_refund_end_where_they_began() external {
        _giveToken(50);
        _requestToken(50);
        assertEq(token.balanceOf(USER), 0, "requested");
        // The counterpart has no such pair and pays back.
        _far(Kinds.ERC20 | REFUND_BIT, address(token), USER, 50);
        _handleAll();
        assertEq(token.balanceOf(USER), 50, "paid back");
        assertEq(bridge.pairOf(address(token)).escrow, 0, "escrow");
    }

    function test_a_refund_of_collectibles_pays_what_was_taken_in() external {
        nft.mint(USER, 9);
        multi.mint(USER, 3, 10);
        vm.prank(USER);
        nft.approve(address(bridge), 9);
        vm.prank(USER);
        multi.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), 9, RECIPIENT, USER, "");
        vm.prank(USER);
        bridge.requestERC1155Transfer(address(multi), _list(3), _list(10), RECIPIENT, USER, "");
        _far(Kinds.ERC721 | REFUND_BIT, address(nft), USER, 9, hex"0000");
        _far(Kinds.ERC1155 | REFUND_BIT, address(multi), USER, 10, _payload1155(_list(3), _list(10), ""));
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "all are paid");
        assertEq(nft.ownerOf(9), USER, "ERC-721");
        assertEq(multi.balanceOf(USER, 3), 10, "ERC-1155");
    }

    function test_a_refund_of_a_burnt_erc721_brings_it_back_with_its_uri() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, USER, 7, _payload721("ipfs://seven", ""));
        _handleAll();
        vm.prank(USER);
        mintedNFT.approve(address(bridge), 7);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(mintedNFT), 7, RECIPIENT, USER, "");
        // As the counterpart pays it back: with the payload of the request.
        _far(Kinds.ERC721 | REFUND_BIT, address(mintedNFT), USER, 7, hex"0000");
        _handleAll();
        assertEq(mintedNFT.ownerOf(7), USER, "owner");
        assertEq(keccak256(bytes(mintedNFT.tokenURI(7))), keccak256("ipfs://seven"), "URI");
    }

    /// @dev Else whoever refuses its own refund would keep a pair from ever being removed or handed over.
    function test_a_refund_of_an_erc721_is_paid_to_whom_refuses_callbacks() external {
        HostileRecipient refusing = new HostileRecipient();
        refusing.setBehaviour(Behaviour.Reverts);
        nft.mint(USER, 9);
        bytes memory arguments = abi.encode(RECIPIENT, address(refusing), 0, "");
        vm.prank(USER);
        nft.safeTransferFrom(USER, address(bridge), 9, arguments);
        _far(Kinds.ERC721, FAR_NFT, address(refusing), 9, _payload721("", ""));
        _far(Kinds.ERC721, FAR_MINTED_NFT, address(refusing), 7, _payload721("uri", ""));
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
        _expectHeld(1, HoldReason.PayoutFailed);
        // The first was held because it is asked, so its id comes free for a refund with the end of the hold.
        _refund(0, _decided(REFUND, 0));

        _far(Kinds.ERC721 | REFUND_BIT, address(nft), address(refusing), 9, _payload721("", "data"));
        _far(Kinds.ERC721 | REFUND_BIT, address(mintedNFT), address(refusing), 8, _payload721("uri", "data"));
        _handleAll();
        assertEq(nft.ownerOf(9), address(refusing), "of a lock pair");
        assertEq(mintedNFT.ownerOf(8), address(refusing), "of a mint pair");
        assertEq(keccak256(bytes(mintedNFT.tokenURI(8))), keccak256("uri"), "with its URI");
        assertEq(bridge.pairOf(address(nft)).escrow, 0, "escrow");
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 1, "minted");
    }

    function test_a_refund_brings_no_data_to_anyone() external {
        Receiver receiver = new Receiver();
        _seedNative(100);
        _seedToken(100);
        _far(Kinds.NATIVE | REFUND_BIT, address(0), address(receiver), 20, "data");
        _far(Kinds.ERC20 | REFUND_BIT, address(token), address(receiver), 20, "data");
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "both are paid");
        assertEq(receiver.calls(), 0, "no data");
        assertEq(receiver.plainPayments(), 1, "a plain payment");
        assertEq(token.balanceOf(address(receiver)), 20, "and a plain transfer");
    }

    function test_a_refund_names_the_local_token_and_no_other() external {
        _seedToken(100);
        _far(Kinds.ERC20 | REFUND_BIT, FAR_MINTED, REFUND_TO, 10);
        _far(Kinds.NATIVE | REFUND_BIT, address(token), REFUND_TO, 10);
        _far(Kinds.ERC721 | REFUND_BIT, address(token), REFUND_TO, 10);
        _far(4 | REFUND_BIT, address(token), REFUND_TO, 10, "");
        _handleAll();
        _expectHeld(0, HoldReason.UnknownToken);
        _expectHeld(1, HoldReason.KindMismatch);
        _expectHeld(2, HoldReason.KindMismatch);
        _expectHeld(3, HoldReason.UnknownKind);
        assertEq(bridge.pairOf(address(token)).held, 21, "counted where they belong, an ERC-721 as one");
        assertEq(bridge.pairOf(address(token)).escrow, 100, "escrow");
    }

    function test_a_held_refund_is_released_and_never_refunded() external {
        _far(Kinds.ERC20 | REFUND_BIT, address(token), REFUND_TO, 10);
        _handleAll();
        _expectHeld(0, HoldReason.InsufficientEscrow);
        assertEq(bridge.pairOf(address(token)).held, 10, "held");
        _mine(REFUND_DELAY);
        bytes[] memory signatures = _decided(REFUND, 0);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeRefundOfRefund.selector, 0));
        _refund(0, signatures);
        _seedToken(10);
        _release(0);
        assertEq(token.balanceOf(REFUND_TO), 10, "released");
        assertEq(bridge.pairOf(address(token)).held, 0, "held");
    }

    // ---- steps ----

    /// @dev A request for a token that this side does not know.
    function _heldUnknown() private {
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 25);
        _handleAll();
        _expectHeld(0, HoldReason.UnknownToken);
    }

    /// @dev Makes a request of the inbound lane, not yet handled, name somebody else to pay back.
    function _payBackTo(uint256 nonce, address refundTo) private {
        requests[nonce].refundTo = refundTo;
        leaves[nonce] = _leaf(uint64(nonce), requests[nonce]);
    }
}
