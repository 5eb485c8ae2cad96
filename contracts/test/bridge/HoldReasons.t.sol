// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason} from "../../src/interfaces/BridgeTypes.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {HookToken} from "../contracts/HookToken.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileNFT} from "../contracts/HostileNFT.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {TestToken} from "../contracts/TestToken.sol";
import {PayoutTest} from "./PayoutTest.sol";

/// @title What is held, and why
contract HoldReasonsTest is PayoutTest {
    // ---- what the request says ----

    function test_unknown_kind_is_held() external {
        _expectHeld(4, FAR_MINTED, RECIPIENT, 1, HoldReason.UnknownKind);
        _expectHeld(127, FAR_MINTED, RECIPIENT, 1, HoldReason.UnknownKind);
    }

    function test_unknown_token_is_held_and_counted_once_its_pair_is_registered() external {
        _expectHeld(Kinds.ERC20, FAR, RECIPIENT, 7, HoldReason.UnknownToken);
        _expectHeld(Kinds.NATIVE, FAR, RECIPIENT, 2, HoldReason.UnknownToken);
        HostileToken late = new HostileToken();
        _configure(_pairCall(Kinds.ERC20, false, address(late), FAR));
        assertEq(bridge.pairOf(address(late)).held, 9, "held");
    }

    function test_kind_mismatch_is_held() external {
        _expectHeld(Kinds.ERC721, FAR_MINTED, RECIPIENT, 1, HoldReason.KindMismatch);
        _expectHeld(Kinds.ERC20, FAR_NFT, RECIPIENT, 1, HoldReason.KindMismatch);
        _expectHeld(Kinds.NATIVE, FAR_MINTED_NFT, RECIPIENT, 1, HoldReason.KindMismatch);
        _expectHeld(Kinds.ERC721, FAR_MULTI, RECIPIENT, 1, HoldReason.KindMismatch);
        _expectHeld(Kinds.ERC1155, FAR_MINTED_NFT, RECIPIENT, 1, HoldReason.KindMismatch);
    }

    function test_refund_names_a_token_and_a_kind_of_this_chain() external {
        uint8 refund = Kinds.REFUND;
        _expectHeld(refund | Kinds.ERC20, FAR_MINTED, RECIPIENT, 1, HoldReason.UnknownToken);
        _expectHeld(refund | Kinds.NATIVE, address(token), RECIPIENT, 1, HoldReason.KindMismatch);
        _expectHeld(refund | Kinds.ERC721, address(minted), RECIPIENT, 1, HoldReason.KindMismatch);
        _expectHeld(refund | 4, address(minted), RECIPIENT, 1, HoldReason.UnknownKind);
        _expectHeld(255, address(minted), RECIPIENT, 1, HoldReason.UnknownKind);
    }

    function test_a_sum_of_holds_may_fill_its_counter_and_not_overflow_it() external {
        _expectHeld(Kinds.NATIVE, FAR_NATIVE_FOR_TOKEN, RECIPIENT, type(uint128).max - 1, HoldReason.InsufficientEscrow);
        _expectHeld(Kinds.NATIVE, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 1, HoldReason.InsufficientEscrow);
        assertEq(bridge.pairOf(address(token)).held, type(uint128).max, "counted");
        _expectHeld(Kinds.NATIVE, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 1, HoldReason.InsufficientEscrow);
        assertEq(bridge.pairOf(address(token)).held, type(uint128).max, "told by the hold itself");
    }

    function test_invalid_recipient_is_held() external {
        _expectHeld(Kinds.ERC20, FAR_MINTED, address(0), 1, HoldReason.InvalidRecipient);
        _expectHeld(Kinds.ERC20, FAR_MINTED, address(bridge), 1, HoldReason.InvalidRecipient);
        _expectHeld(Kinds.NATIVE, FAR_OF_NATIVE, address(bridge), 1, HoldReason.InvalidRecipient);
    }

    function test_native_payout_to_a_registered_token_is_held() external {
        WrappedNative wrapped = new WrappedNative();
        _configure(_pairCall(Kinds.ERC20, false, address(wrapped), FAR));
        _seedNative(10);
        _expectHeld(Kinds.NATIVE, FAR_OF_NATIVE, address(wrapped), 4, HoldReason.InvalidRecipient);
        assertEq(wrapped.balanceOf(address(bridge)), 0, "nothing credited to the bridge");
        assertEq(bridge.pairOf(address(0)).escrow, 10, "escrow");
    }

    function test_data_and_collectibles_for_a_registered_token_are_held() external {
        _far(Kinds.ERC20, FAR_MINTED, address(token), 4, "data");
        _expectLastHeld(HoldReason.InvalidRecipient);
        _expectHeld(Kinds.ERC721, FAR_MINTED_NFT, address(token), 4, HoldReason.InvalidRecipient);
    }

    function test_invalid_value_is_held() external {
        uint256 most = type(uint128).max;
        _expectHeld(Kinds.ERC20, FAR_MINTED, RECIPIENT, 0, HoldReason.InvalidValue);
        _expectHeld(Kinds.ERC20, FAR_MINTED, RECIPIENT, most + 1, HoldReason.InvalidValue);
        _expectHeld(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, type(uint256).max, HoldReason.InvalidValue);
        assertEq(bridge.pairOf(address(minted)).held, 0, "what cannot be is not counted");

        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, most);
        _handleAll();
        assertEq(bridge.pairOf(address(minted)).minted, most, "the most there can be");
        _expectHeld(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1, HoldReason.InvalidValue);
    }

    function test_undecodable_payload_is_held() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 1, "");
        _expectLastHeld(HoldReason.UndecodablePayload);
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 1, hex"0001");
        _expectLastHeld(HoldReason.UndecodablePayload);
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 1, "");
        _expectLastHeld(HoldReason.UndecodablePayload);
        // One unit of id 7, and a value of 2.
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 2, abi.encodePacked(uint8(1), uint256(7), uint128(1)));
        _expectLastHeld(HoldReason.UndecodablePayload);
        assertEq(bridge.pairOf(address(mintedMulti)).held, 3, "counted");
    }

    function test_insufficient_escrow_is_held_and_leaves_the_escrow() external {
        _seedToken(10);
        token.mint(address(bridge), 100);
        _expectHeld(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 11, HoldReason.InsufficientEscrow);
        assertEq(bridge.pairOf(address(token)).escrow, 10, "escrow");
        assertEq(bridge.pairOf(address(token)).held, 11, "held");
        assertEq(token.balanceOf(RECIPIENT), 0, "a donation pays nobody");
        _expectHeld(Kinds.ERC721, FAR_NFT, RECIPIENT, 1, HoldReason.InsufficientEscrow);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 10);
        _handleAll();
        assertEq(token.balanceOf(RECIPIENT), 10, "the next one is paid");
    }

    function test_erc721_that_the_bridge_has_without_a_request_is_held() external {
        _lockNFT(5);
        nft.mint(address(bridge), 6);
        _expectHeld(Kinds.ERC721, FAR_NFT, RECIPIENT, 6, HoldReason.InsufficientEscrow);
        assertEq(nft.ownerOf(6), address(bridge), "a donation pays nobody");
        assertEq(bridge.pairOf(address(nft)).escrow, 1, "escrow");
    }

    // ---- what the token does ----

    function test_hostile_token_is_held_and_the_lane_goes_on() external {
        HostileToken hostile = new HostileToken();
        _stock(hostile, 10);
        _configure(abi.encodeCall(bridge.setPairGasCap, (address(hostile), 2_000_000)));
        Behaviour[7] memory behaviours = [
            Behaviour.Reverts,
            Behaviour.BurnsGas,
            Behaviour.RevertsMuch,
            Behaviour.ReturnsFalse,
            Behaviour.ReturnsGarbage,
            Behaviour.ReturnsShort,
            Behaviour.Reverts
        ];
        for (uint256 i = 0; i < behaviours.length; ++i) {
            hostile.setBehaviour(behaviours[i]);
            // Who did not revert may have moved the value all the same.
            bool unclear = i > 2 && i < 6;
            HoldReason reason = unclear ? HoldReason.AnswerUnclear : HoldReason.PayoutFailed;
            _expectHeld(Kinds.ERC20, FAR, RECIPIENT, 1, reason);
            assertEq(bridge.pairOf(address(hostile)).escrow, 10, "escrow");
            assertEq(bridge.pairOf(address(hostile)).held, i + 1, "held");
        }
        hostile.setBehaviour(Behaviour.Honest);
        _far(Kinds.ERC20, FAR, RECIPIENT, 1);
        _handleAll();
        assertEq(hostile.balanceOf(RECIPIENT), 1, "the next one is paid");
    }

    function test_token_without_code_any_more_is_held() external {
        HostileToken hostile = new HostileToken();
        _stock(hostile, 10);
        vm.etch(address(hostile), "");
        _expectHeld(Kinds.ERC20, FAR, RECIPIENT, 1, HoldReason.AnswerUnclear);
        // With data the payout is undone as a whole, so there is nothing to be unclear about.
        _far(Kinds.ERC20, FAR, RECIPIENT, 1, "data");
        _expectLastHeld(HoldReason.PayoutFailed);
        _lockNFT(5);
        vm.etch(address(nft), "");
        _expectHeld(Kinds.ERC721, FAR_NFT, RECIPIENT, 5, HoldReason.PayoutFailed);
    }

    function test_erc721_that_burns_all_gas_is_held() external {
        HostileNFT hostile = new HostileNFT();
        _configure(_pairCall(Kinds.ERC721, false, address(hostile), FAR));
        hostile.mint(USER, 1);
        vm.prank(USER);
        hostile.approve(address(bridge), 1);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(hostile), 1, RECIPIENT, USER, "");
        hostile.setBehaviour(Behaviour.BurnsGas);
        _expectHeld(Kinds.ERC721, FAR, RECIPIENT, 1, HoldReason.PayoutFailed);
        assertEq(bridge.pairOf(address(hostile)).escrow, 1, "escrow");
    }

    // ---- what the recipient does ----

    function test_hostile_recipient_is_held_and_the_lane_goes_on() external {
        HostileRecipient recipient = new HostileRecipient();
        _configure(abi.encodeCall(bridge.setPairGasCap, (address(0), 2_000_000)));
        _seedNative(100);
        _lockNFT(5);
        Behaviour[3] memory behaviours = [Behaviour.Reverts, Behaviour.BurnsGas, Behaviour.RevertsMuch];
        for (uint256 i = 0; i < behaviours.length; ++i) {
            recipient.setBehaviour(behaviours[i]);
            _expectHeld(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1, HoldReason.PayoutFailed);
            _expectHeld(Kinds.ERC721, FAR_NFT, address(recipient), 5, HoldReason.PayoutFailed);
            _expectHeld(Kinds.ERC721, FAR_MINTED_NFT, address(recipient), 5, HoldReason.PayoutFailed);
        }
        assertEq(address(recipient).balance, 0, "unpaid");
        assertEq(bridge.pairOf(address(0)).escrow, 100, "escrow");
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 0, "minted");
        assertEq(nft.ownerOf(5), address(bridge), "owner");
    }

    function test_recipient_that_is_no_erc721_receiver_is_held() external {
        _lockNFT(5);
        TestToken stranger = new TestToken("Stranger", "STR", 18);
        _expectHeld(Kinds.ERC721, FAR_NFT, address(stranger), 5, HoldReason.PayoutFailed);
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.ReturnsGarbage);
        _expectHeld(Kinds.ERC721, FAR_NFT, address(recipient), 5, HoldReason.PayoutFailed);
    }

    function test_recipient_hook_that_reverts_is_held() external {
        HookToken hook = new HookToken();
        _stock(hook, 10);
        HostileRecipient recipient = new HostileRecipient();
        recipient.hookInto(hook);
        recipient.setBehaviour(Behaviour.Reverts);
        _expectHeld(Kinds.ERC20, FAR, address(recipient), 4, HoldReason.PayoutFailed);
        recipient.setBehaviour(Behaviour.BurnsGas);
        _expectHeld(Kinds.ERC20, FAR, address(recipient), 4, HoldReason.PayoutFailed);
        recipient.setBehaviour(Behaviour.Honest);
        _far(Kinds.ERC20, FAR, address(recipient), 4);
        _handleAll();
        assertEq(hook.balanceOf(address(recipient)), 4, "paid");
    }
}

/// @title A wrapped native currency: whoever sends gets a balance
contract WrappedNative is TestToken {
    constructor() TestToken("Wrapped", "WRAP", 18) {}

    receive() external payable {
        _mint(msg.sender, msg.value);
    }
}
