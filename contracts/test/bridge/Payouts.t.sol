// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {FeeToken} from "../contracts/FeeToken.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestToken} from "../contracts/TestToken.sol";
import {PayoutTest} from "./PayoutTest.sol";

/// @title What is paid
contract PayoutsTest is PayoutTest {
    function test_native_payout_leaves_the_escrow() external {
        _seedNative(10 ether);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 4 ether);
        _handleAll();
        assertEq(RECIPIENT.balance, 4 ether, "paid");
        assertEq(bridge.pairOf(address(0)).escrow, 6 ether, "escrow");
    }

    function test_locked_erc20_payout_leaves_the_escrow() external {
        _seedToken(10);
        // The counterpart's native currency is a token here: fungible kinds pay each other.
        _far(Kinds.NATIVE, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 4);
        _handleAll();
        assertEq(token.balanceOf(RECIPIENT), 4, "paid");
        assertEq(bridge.pairOf(address(token)).escrow, 6, "escrow");
    }

    function test_a_token_of_the_other_chain_is_paid_in_native_currency_where_that_is_its_pair() external {
        _seedNative(10);
        _far(Kinds.ERC20, FAR_OF_NATIVE, RECIPIENT, 4);
        _handleAll();
        assertEq(RECIPIENT.balance, 4, "paid");
        assertEq(bridge.pairOf(address(0)).escrow, 6, "escrow");
    }

    function test_a_token_is_told_nothing_beyond_recipient_and_amount() external {
        ExactToken exact = new ExactToken();
        _stock(exact, 10);
        _far(Kinds.ERC20, FAR, RECIPIENT, 4);
        _handleAll();
        assertEq(exact.balanceOf(RECIPIENT), 4, "paid");
    }

    function test_minted_erc20_payout_is_counted() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 4);
        _handleAll();
        assertEq(minted.balanceOf(RECIPIENT), 4, "paid");
        assertEq(bridge.pairOf(address(minted)).minted, 4, "minted");
    }

    function test_the_currency_of_the_other_chain_is_not_paid_by_the_terms_of_the_token_before_it() external {
        _seedToken(10);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 4);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 5);
        _handleAll();
        assertEq(minted.balanceOf(RECIPIENT), 4, "the token");
        assertEq(token.balanceOf(RECIPIENT), 5, "the currency");
    }

    function test_locked_erc721_payout_leaves_the_escrow() external {
        _lockNFT(5);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.HandleValueTransfer(0, 1);
        _far(Kinds.ERC721, FAR_NFT, RECIPIENT, 5);
        _handleAll();
        assertEq(nft.ownerOf(5), RECIPIENT, "paid");
        assertEq(bridge.pairOf(address(nft)).escrow, 0, "escrow");
    }

    function test_minted_erc721_payout_is_counted() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, type(uint256).max);
        _handleAll();
        assertEq(mintedNFT.ownerOf(type(uint256).max), RECIPIENT, "paid");
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 1, "minted");
    }

    function test_erc20_that_returns_nothing_is_paid() external {
        HostileToken hostile = new HostileToken();
        _stock(hostile, 10);
        hostile.setBehaviour(Behaviour.ReturnsNothing);
        _far(Kinds.ERC20, FAR, RECIPIENT, 4);
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "held");
        assertEq(bridge.pairOf(address(hostile)).escrow, 6, "a silent contract has consented");
    }

    function test_erc20_that_takes_a_fee_is_paid() external {
        FeeToken fee = new FeeToken(10);
        _stock(fee, 1000);
        _far(Kinds.ERC20, FAR, RECIPIENT, 100);
        _handleAll();
        assertEq(fee.balanceOf(RECIPIENT), 90, "paid");
        assertEq(bridge.pairOf(address(fee)).escrow, 800, "escrow");
        assertEq(fee.balanceOf(address(bridge)), 800, "balance covers the escrow");
    }

    function test_erc721_that_returns_the_id_it_minted_is_paid() external {
        IdNFT returning = new IdNFT();
        _configure(_pairCall(Kinds.ERC721, true, address(returning), FAR));
        _far(Kinds.ERC721, FAR, RECIPIENT, 4);
        _handleAll();
        assertEq(returning.ownerOf(4), RECIPIENT, "paid");
        assertEq(bridge.laneState().heldCount, 0, "held");
        assertEq(bridge.pairOf(address(returning)).minted, 1, "minted");
    }

    function test_tokens_may_be_sent_to_a_token_and_native_currency_to_one_of_the_other_chain() external {
        _seedNative(10);
        _far(Kinds.ERC20, FAR_MINTED, address(token), 4);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, FAR_MINTED, 4);
        _handleAll();
        assertEq(minted.balanceOf(address(token)), 4, "a token that is sent to a token lies there");
        assertEq(FAR_MINTED.balance, 4, "a token of the other chain is a stranger on this one");
    }

    function test_megabytes_of_answer_are_not_copied() external {
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.ReturnsMuch);
        _configure(abi.encodeCall(bridge.setPairGasCap, (address(0), 2_000_000)));
        _seedNative(100);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1);
        _handleAll();
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertEq(address(recipient).balance, 1, "paid all the same");
        // Making the answer costs the recipient 570 000; copying it would cost the bridge as much again.
        assertLe(used, 900_000, "gas");
    }

    // ---- properties ----

    function testFuzz_no_request_makes_the_lane_stop(
        uint8 kind,
        uint8 tokenPick,
        address to,
        uint256 value,
        bytes calldata payload
    ) external {
        vm.assume(payload.length <= 1600);
        // Addresses that the test machinery answers from.
        vm.assume(uint160(to) > 0xFFFF && to != address(vm) && to != RECIPIENT && to.code.length == 0);
        address[9] memory tokens = [
            FAR_NATIVE_FOR_TOKEN,
            FAR_OF_NATIVE,
            FAR_MINTED,
            FAR_NFT,
            FAR_MINTED_NFT,
            FAR_MULTI,
            FAR_MINTED_MULTI,
            FAR,
            address(mintedMulti)
        ];
        _seedToken(type(uint64).max);
        _seedNative(type(uint64).max);
        // Half of them are refunds.
        uint8 refund = kind & Kinds.REFUND;
        _far((kind & 0x7F) % 5 | refund, tokens[tokenPick % tokens.length], to, value, payload);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _handleAll();
        assertEq(bridge.laneState().handleNonce, 2, "nonce");
        assertEq(minted.balanceOf(RECIPIENT), 1, "the next one is paid");
    }
}

/// @title An ERC-20 that wants calls of exactly the right length
contract ExactToken is TestToken {
    constructor() TestToken("Exact", "EXA", 18) {}

    function transfer(address to, uint256 value) public override returns (bool) {
        require(msg.data.length == 4 + 2 * 32, "length");
        return super.transfer(to, value);
    }
}

/// @title An ERC-721 that returns the id that it minted
contract IdNFT is TestNFT {
    constructor() TestNFT("Id", "ID") {}

    function safeMint(address to, uint256 id, string calldata) external returns (uint256) {
        _safeMint(to, id);
        return id;
    }
}
