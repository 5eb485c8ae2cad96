// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeRequests} from "../../src/interfaces/IBridgeRequests.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeReceiver} from "../../src/interfaces/IBridgeReceiver.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {Answer, Declaration, Receiver} from "../contracts/Receiver.sol";

/// @title Data for recipients
contract DeliveryTest is LaneTest {
    Receiver private receiver;

    function setUp() public override {
        super.setUp();
        receiver = _newReceiver(500_000);
    }

    // ---- who gets data ----

    function test_native_currency_comes_with_the_data() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 20, "hello");
        _handleAll();
        _expectDelivered(address(0), 20, "hello");
        assertEq(receiver.sent(), 20, "carried by the call");
        assertEq(receiver.plainPayments(), 0, "and by nothing else");
        assertEq(address(receiver).balance, 20, "balance");
        assertEq(bridge.pairOf(address(0)).escrow, 80, "escrow");
    }

    function test_a_locked_token_comes_just_before_the_data() external {
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, address(receiver), 20, "hello");
        _handleAll();
        _expectDelivered(address(token), 20, "hello");
        assertEq(receiver.sent(), 0, "no native currency");
        assertEq(token.balanceOf(address(receiver)), 20, "balance");
        assertEq(bridge.pairOf(address(token)).escrow, 80, "escrow");
    }

    function test_a_minted_token_comes_just_before_the_data() external {
        _far(Kinds.ERC20, FAR_MINTED, address(receiver), 20, "hello");
        _handleAll();
        _expectDelivered(address(minted), 20, "hello");
        assertEq(minted.balanceOf(address(receiver)), 20, "balance");
        assertEq(bridge.pairOf(address(minted)).minted, 20, "minted");
    }

    function test_collectibles_come_just_before_the_data() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, address(receiver), 7, _payload721("ipfs://seven", "hello"));
        _handleAll();
        _expectDelivered(address(mintedNFT), 7, "hello");
        assertEq(mintedNFT.ownerOf(7), address(receiver), "owner");
        assertEq(keccak256(bytes(mintedNFT.tokenURI(7))), keccak256("ipfs://seven"), "URI");
        bytes memory payload = _payload1155(_list(1, 2), _list(3, 4), "again");
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, address(receiver), 7, payload);
        _handleAll();
        assertEq(receiver.calls(), 2, "called again");
        assertEq(receiver.token(), address(mintedMulti), "token");
        assertEq(receiver.value(), 7, "sum");
        assertEq(keccak256(receiver.extraData()), keccak256("again"), "data");
        assertEq(mintedMulti.balanceOf(address(receiver), 2), 4, "units");
    }

    function test_the_longest_data_fit_under_the_usual_caps() external {
        bytes memory longest = new bytes(1024);
        for (uint256 i = 0; i < longest.length; ++i) {
            longest[i] = 0x01;
        }
        _far(Kinds.ERC721, FAR_MINTED_NFT, address(receiver), 7, _payload721(string(new bytes(512)), ""));
        _handleAll();
        assertEq(mintedNFT.ownerOf(7), address(receiver), "the longest URI");
        // A recipient that stores it all needs a cap for that.
        _configure(abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(minted), 2_000_000)));
        _far(Kinds.ERC20, FAR_MINTED, address(receiver), 20, longest);
        _handleAll();
        assertEq(receiver.extraData().length, 1024, "data");
    }

    function test_a_token_that_does_not_say_yes_pays_nothing_that_comes_with_data() external {
        HostileToken hostile = new HostileToken();
        address far = address(0xFA2);
        _configure(_pairCall(Kinds.ERC20, false, address(hostile), far));
        _seed(hostile, 100);
        Behaviour[4] memory answers =
            [Behaviour.ReturnsFalse, Behaviour.ReturnsGarbage, Behaviour.ReturnsShort, Behaviour.Reverts];
        for (uint64 i = 0; i < answers.length; ++i) {
            hostile.setBehaviour(answers[i]);
            _far(Kinds.ERC20, far, RECIPIENT, 1, "hello");
            _handleAll();
            _expectHeld(i, HoldReason.PayoutFailed);
            assertEq(bridge.pairOf(address(hostile)).escrow, 100, "escrow");
        }
        // Silence is consent, from a contract.
        hostile.setBehaviour(Behaviour.ReturnsNothing);
        _far(Kinds.ERC20, far, RECIPIENT, 1, "hello");
        _handleAll();
        _expectNotHeld(4);
    }

    // ---- who gets none ----

    function test_an_account_without_code_is_paid_without_the_data() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 20, "hello");
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 20, "hello");
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "paid");
        assertEq(RECIPIENT.balance, 20, "native");
        assertEq(token.balanceOf(RECIPIENT), 20, "token");
    }

    function test_a_recipient_that_does_not_declare_itself_is_paid_without_the_data() external {
        Declaration[5] memory declarations =
            [Declaration.No, Declaration.Two, Declaration.Short, Declaration.Reverts, Declaration.BurnsGas];
        for (uint256 i = 0; i < declarations.length; ++i) {
            receiver.behave(declarations[i], Answer.Reverts);
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 1, "hello");
            _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, address(receiver), 1, "hello");
            _handleAll();
            assertEq(bridge.laneState().heldCount, 0, "paid");
            assertEq(receiver.calls(), 0, "not called");
            assertEq(receiver.plainPayments(), i + 1, "paid plainly");
            assertEq(token.balanceOf(address(receiver)), i + 1, "token");
        }
    }

    function test_without_data_nobody_is_asked() external {
        receiver.behave(Declaration.Yes, Answer.Reverts);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 20, "");
        _far(Kinds.ERC721, FAR_MINTED_NFT, address(receiver), 7, _payload721("uri", ""));
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "paid");
        assertEq(receiver.calls(), 0, "not called");
        assertEq(receiver.plainPayments(), 1, "paid plainly");
    }

    function test_data_reach_no_token_and_no_bridge() external {
        address[8] memory targets = [
            address(token),
            address(minted),
            address(nft),
            address(mintedNFT),
            address(multi),
            address(mintedMulti),
            address(bridge),
            address(0)
        ];
        for (uint64 i = 0; i < targets.length; ++i) {
            _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, targets[i], 1, abi.encodeCall(token.mint, (USER, 1)));
        }
        _handleAll();
        for (uint64 i = 0; i < targets.length; ++i) {
            _expectHeld(i, HoldReason.InvalidRecipient);
        }
        assertEq(bridge.pairOf(address(token)).escrow, 100, "escrow");
    }

    function test_only_the_bridge_calls_its_payment_as_a_whole() external {
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, address(receiver), 20, "hello");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeOnlySelf.selector, address(this)));
        bridge.payWhole(address(token), requests[0]);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeOnlySelf.selector, vm.addr(OPERATOR_KEY)));
        vm.prank(vm.addr(OPERATOR_KEY));
        bridge.payWhole(address(token), requests[0]);
    }

    // ---- payment and data are one ----

    function test_a_refused_call_undoes_the_payment() external {
        Answer[4] memory answers = [Answer.Wrong, Answer.Nothing, Answer.Reverts, Answer.BurnsGas];
        for (uint64 i = 0; i < answers.length; ++i) {
            receiver.behave(Declaration.Yes, answers[i]);
            uint64 first = uint64(requests.length);
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 10, "hello");
            _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, address(receiver), 10, "hello");
            _far(Kinds.ERC20, FAR_MINTED, address(receiver), 10, "hello");
            _far(Kinds.ERC721, FAR_MINTED_NFT, address(receiver), 7, _payload721("uri", "hello"));
            _far(Kinds.ERC1155, FAR_MINTED_MULTI, address(receiver), 5, _payload1155(_list(1), _list(5), "hello"));
            _handleAll();
            for (uint64 nonce = first; nonce < first + 5; ++nonce) {
                _expectHeld(nonce, HoldReason.PayoutFailed);
            }
        }
        assertEq(receiver.calls(), 0, "its own writes are undone too");
        assertEq(address(receiver).balance, 0, "native");
        assertEq(token.balanceOf(address(receiver)), 0, "token");
        assertEq(minted.totalSupply(), 0, "minted token");
        assertEq(mintedMulti.balanceOf(address(receiver), 1), 0, "units");
        assertEq(bridge.pairOf(address(0)).escrow, 100, "escrow of the native currency");
        assertEq(bridge.pairOf(address(token)).escrow, 100, "escrow of the token");
        assertEq(bridge.pairOf(address(minted)).minted, 0, "minted");
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 0, "minted ERC-721");
        assertEq(bridge.pairOf(address(mintedMulti)).minted, 0, "minted ERC-1155");
    }

    function test_units_of_a_locked_collectible_are_restored_when_its_call_is_refused() external {
        multi.mint(USER, 3, 10);
        vm.prank(USER);
        multi.safeTransferFrom(USER, address(bridge), 3, 10, abi.encode(RECIPIENT, USER, 0, ""));
        receiver.behave(Declaration.Yes, Answer.Wrong);
        _far(Kinds.ERC1155, FAR_MULTI, address(receiver), 10, _payload1155(_list(3), _list(10), "hello"));
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
        assertEq(multi.balanceOf(address(bridge), 3), 10, "units");
        receiver.behave(Declaration.Yes, Answer.Right);
        _release(0);
        assertEq(multi.balanceOf(address(receiver), 3), 10, "released");
    }

    function test_a_refusing_recipient_holds_up_nobody_else() external {
        receiver.behave(Declaration.Yes, Answer.BurnsGas);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 10, "hello");
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 10, "hello");
        _handleAll();
        assertEq(RECIPIENT.balance, 10, "the next one is paid");
        assertEq(bridge.laneState().handleNonce, 2, "handled");
    }

    function test_a_release_brings_the_data() external {
        receiver.behave(Declaration.Yes, Answer.Reverts);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 20, "hello");
        _handleAll();
        _expectReleaseFails(0, HoldReason.PayoutFailed);
        receiver.behave(Declaration.Yes, Answer.Right);
        _release(0);
        _expectDelivered(address(0), 20, "hello");
        assertEq(address(receiver).balance, 20, "balance");
    }

    function test_a_recipient_that_declares_what_it_has_not_is_held() external {
        address liar = address(new DeclaresOnly());
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, liar, 20, "hello");
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, liar, 20, "");
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
        assertEq(token.balanceOf(liar), 20, "without data it is paid");
    }

    function test_a_recipient_that_says_yes_to_everything_has_not_declared_itself() external {
        // ERC-165 has a question whose answer is no. A fallback that answers with one is no declaration.
        address liar = address(new AnswersOne());
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, liar, 20, "hello");
        _far(Kinds.NATIVE, FAR_OF_NATIVE, liar, 20, "hello");
        _handleAll();
        assertEq(token.balanceOf(liar), 20, "paid without the data");
        assertEq(liar.balance, 20, "paid without the data");
    }

    function test_a_recipient_cannot_name_the_reason_of_its_hold() external {
        // The word that says "insufficient escrow" between the bridge and itself.
        address liar = address(new RevertsWithSix());
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, liar, 20, "hello");
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
    }

    function test_a_recipient_that_enters_the_bridge_is_refused_there_and_paid() external {
        receiver.reenter(
            address(bridge), abi.encodeCall(IBridgeRequests.requestNativeTransfer, (1, RECIPIENT, RECIPIENT, ""))
        );
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(receiver), 20, "hello");
        _handleAll();
        assertEq(receiver.calls(), 1, "called");
        assertTrue(!receiver.reentered(), "refused");
        assertEq(address(receiver).balance, 20, "paid");
        assertEq(bridge.laneState().requestNonce, 0, "no request");
    }

    function test_a_submitter_cannot_starve_the_call() external {
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, address(receiver), 20, "hello");
        ValueTransfer[] memory transfers = _slice(0, 1);
        bytes memory call = _handleCall(0, transfers, new bytes32[](0), _approved(1));
        for (uint256 gas = 120_000; gas < 1_000_000; gas += 8_000) {
            (bool handled,) = _submitWith(gas, call);
            if (handled) break;
            assertEq(bridge.laneState().handleNonce, 0, "not handled");
        }
        assertEq(bridge.laneState().handleNonce, 1, "handled");
        _expectDelivered(address(token), 20, "hello");
    }

    // ---- steps ----

    function _expectDelivered(address near, uint256 value, bytes memory data) private view {
        assertEq(bridge.laneState().heldCount, 0, "not held");
        assertEq(receiver.calls(), 1, "called once");
        assertEq(receiver.caller(), address(bridge), "by the bridge");
        assertEq(receiver.bridgeId(), inboundId, "lane");
        assertEq(receiver.from(), USER, "requester");
        assertEq(receiver.token(), near, "token");
        assertEq(receiver.value(), value, "value");
        assertEq(keccak256(receiver.extraData()), keccak256(data), "data");
    }
}

/// @title Declares that it wants data, and has nothing to take them with
contract DeclaresOnly {
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IBridgeReceiver).interfaceId;
    }
}

/// @title Answers 1 to whatever it is asked
contract AnswersOne {
    receive() external payable {}

    fallback() external payable {
        assembly ("memory-safe") {
            mstore(0, 1)
            return(0, 0x20)
        }
    }
}

/// @title Declares that it wants data, and refuses them with one word
contract RevertsWithSix {
    receive() external payable {}

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IBridgeReceiver).interfaceId;
    }

    fallback() external payable {
        assembly ("memory-safe") {
            mstore(0, 6)
            revert(0, 0x20)
        }
    }
}
