// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Construction, HoldReason, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {Answer, Declaration, Receiver} from "../contracts/Receiver.sol";

/// @title A bridge whose handles call no recipient with code
contract DeferredCallsTest is LaneTest {
    Receiver private receiver;
    bool private defersCalls = true;

    function setUp() public override {
        super.setUp();
        receiver = _newReceiver(500_000);
    }

    function _newBridge(Construction memory construction) internal override returns (IBridge) {
        construction.defersCalls = defersCalls;
        return super._newBridge(construction);
    }

    function test_whether_calls_are_deferred_is_visible() external {
        assertTrue(bridge.state().defersCalls, "set");
        defersCalls = false;
        _freshBridge();
        assertTrue(!bridge.state().defersCalls, "not set");
    }

    function test_native_currency_for_a_contract_is_held_and_released() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 20);
        _handleAll();
        _expectHeld(0, HoldReason.CallDeferred);
        assertEq(receiver.plainPayments(), 0, "not called");
        assertEq(bridge.pairOf(address(0)).escrow, 100, "what is held stays in the escrow");
        assertEq(bridge.pairOf(address(0)).held, 20, "held");
        _release(0);
        assertEq(receiver.plainPayments(), 1, "called once");
        assertEq(address(receiver).balance, 20, "paid");
        assertEq(bridge.pairOf(address(0)).escrow, 80, "escrow");
        _expectNotHeld(0);
    }

    function test_data_for_a_contract_are_held_and_released() external {
        receiver.behave(Declaration.Yes, Answer.Right);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 1, "one");
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, address(receiver), 2, "two");
        _far(Kinds.ERC20, FAR_MINTED, address(receiver), 3, "three");
        _handleAll();
        for (uint64 nonce = 0; nonce < 3; ++nonce) {
            _expectHeld(nonce, HoldReason.CallDeferred);
        }
        assertEq(receiver.calls(), 0, "not called");
        assertEq(bridge.pairOf(address(minted)).minted, 0, "nothing minted");
        for (uint64 nonce = 0; nonce < 3; ++nonce) {
            _release(nonce);
            assertEq(receiver.calls(), nonce + 1, "called");
        }
        assertEq(keccak256(receiver.extraData()), keccak256("three"), "data");
        assertEq(token.balanceOf(address(receiver)), 2, "locked token");
        assertEq(minted.balanceOf(address(receiver)), 3, "minted token");
    }

    function test_tokens_with_ids_for_a_contract_are_held_and_released() external {
        _lockNFT(5);
        _far(Kinds.ERC721, FAR_NFT, address(receiver), 5);
        _far(Kinds.ERC721, FAR_MINTED_NFT, address(receiver), 7, _payload721("ipfs://seven", ""));
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, address(receiver), 7, _payload1155(_list(1, 2), _list(3, 4), ""));
        _handleAll();
        for (uint64 nonce = 0; nonce < 3; ++nonce) {
            _expectHeld(nonce, HoldReason.CallDeferred);
            _release(nonce);
        }
        assertEq(nft.ownerOf(5), address(receiver), "locked id");
        assertEq(mintedNFT.ownerOf(7), address(receiver), "minted id");
        assertEq(mintedMulti.balanceOf(address(receiver), 2), 4, "units");
    }

    function test_accounts_without_code_are_paid_whatever_they_are_paid() external {
        _lockNFT(5);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 20);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 20, "data");
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 20, "data");
        _far(Kinds.ERC721, FAR_NFT, RECIPIENT, 5);
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 7);
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 7, _payload1155(_list(1, 2), _list(3, 4), ""));
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "nothing is held");
        assertEq(RECIPIENT.balance, 40, "native currency");
        assertEq(nft.ownerOf(5), RECIPIENT, "locked id");
        assertEq(mintedMulti.balanceOf(RECIPIENT, 2), 4, "units");
    }

    function test_a_fungible_token_without_data_calls_no_recipient_and_is_paid() external {
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, address(receiver), 20);
        _far(Kinds.ERC20, FAR_MINTED, address(receiver), 30);
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "nothing is held");
        assertEq(token.balanceOf(address(receiver)), 20, "locked token");
        assertEq(minted.balanceOf(address(receiver)), 30, "minted token");
    }

    function test_delegated_code_is_code() external {
        // EIP-7702.
        vm.etch(RECIPIENT, abi.encodePacked(hex"ef0100", address(receiver)));
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 1);
        _handleAll();
        _expectHeld(0, HoldReason.CallDeferred);
    }

    function test_refunds_to_contracts_are_deferred_as_well() external {
        _lockNFT(5);
        _far(Kinds.NATIVE | Kinds.REFUND, address(0), address(receiver), 20);
        _far(Kinds.ERC721 | Kinds.REFUND, address(nft), address(receiver), 5, hex"0000");
        _far(Kinds.ERC20 | Kinds.REFUND, address(token), address(receiver), 7);
        _handleAll();
        _expectNotHeld(2);
        for (uint64 nonce = 0; nonce < 2; ++nonce) {
            _expectHeld(nonce, HoldReason.CallDeferred);
            _release(nonce);
        }
        assertEq(address(receiver).balance, 20, "paid");
        assertEq(nft.ownerOf(5), address(receiver), "given back");
    }

    function test_ids_of_a_deferred_payout_stay_owed_until_it_is_released() external {
        multi.mint(USER, 1, 3);
        vm.prank(USER);
        multi.safeTransferFrom(USER, address(bridge), 1, 3, abi.encode(RECIPIENT, USER, 0, ""));
        _far(Kinds.ERC1155, FAR_MULTI, address(receiver), 3, _payload1155(_list(1), _list(3), ""));
        _handleAll();
        _expectHeld(0, HoldReason.CallDeferred);
        assertEq(bridge.pairOf(address(multi)).held, 3, "held");
        assertEq(bridge.pairOf(address(multi)).escrow, 3, "and here");
        _release(0);
        assertEq(multi.balanceOf(address(receiver), 1), 3, "paid");
        assertEq(bridge.pairOf(address(multi)).held, 0, "nothing is held");
        assertEq(bridge.pairOf(address(multi)).escrow, 0, "nothing is here");
    }

    function test_what_comes_behind_a_deferred_call_is_paid_in_the_same_handle() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 1);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 90);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 99);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 4);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 1);
        _handleAll();
        _expectHeld(1, HoldReason.CallDeferred);
        // All that there was has been paid.
        _expectHeld(4, HoldReason.InsufficientEscrow);
        assertEq(bridge.laneState().heldCount, 2, "no other is held");
        assertEq(RECIPIENT.balance, 100, "both are paid");
        assertEq(minted.balanceOf(RECIPIENT), 4, "another token as well");
    }

    function test_a_hold_that_waits_for_more_than_a_release_says_so() external {
        PairLimits memory limits = _noLimits();
        (limits.delayAbove, limits.delayBlocks, limits.outflowCapacity) = (50, 10, 60);
        limits.maximum = 60;
        _setLimits(address(0), limits);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 51);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 40);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 30);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 31);
        _handleAll();
        // It is not refunded before it can be released.
        _expectHeld(0, HoldReason.Delayed);
        _expectHeld(1, HoldReason.CallDeferred);
        _expectNotHeld(2);
        _expectHeld(3, HoldReason.OutflowLimited);
        assertEq(bridge.pairOf(address(0)).outflow, 30, "what is held fills no bucket");
        _expectReleaseFails(1, HoldReason.OutflowLimited);
    }

    function test_a_release_pays_by_the_rules_of_every_payout() external {
        receiver.behave(Declaration.Yes, Answer.Reverts);
        _far(Kinds.ERC20, FAR_MINTED, address(receiver), 3, "data");
        _handleAll();
        _expectHeld(0, HoldReason.CallDeferred);
        _expectReleaseFails(0, HoldReason.PayoutFailed);
        _expectHeld(0, HoldReason.CallDeferred);
        receiver.behave(Declaration.Yes, Answer.Right);
        _release(0);
        assertEq(receiver.calls(), 1, "delivered");
    }

    function test_a_deferred_call_is_refunded_after_the_delay_by_anyone() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 20);
        _handleAll();
        _expectBelowThreshold(0);
        _refund(0, _unsigned());
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        _expectNotHeld(0);
        assertEq(receiver.plainPayments(), 0, "never called");
    }

    /// @dev What a recipient can use up is not even begun.
    function test_a_handle_leaves_no_gas_to_a_recipient_with_code() external {
        receiver.behave(Declaration.BurnsGas, Answer.BurnsGas);
        _far(Kinds.ERC20, FAR_MINTED, address(receiver), 3, "data");
        uint64 first = bridge.laneState().handleNonce;
        bytes memory call = _handleCall(first, _slice(0, 1), _tail(1, 1), _approved(1));
        (bool success,) = _submitWith(300_000, call);
        assertTrue(success, "less gas than the gas cap of the pair is enough");
        _expectHeld(0, HoldReason.CallDeferred);
    }
}
