// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors, IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";

import {PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {LyingMultiToken} from "../contracts/LyingMultiToken.sol";
import {LyingNFT} from "../contracts/LyingNFT.sol";

/// @title Requests in one step through ERC-721 and ERC-1155
contract CollectibleCallbacksTest is LaneTest {
    address private constant FAR_LYING_NFT = address(0xFA1);
    address private constant FAR_LYING_MULTI = address(0xFA2);

    LyingNFT private art;
    LyingMultiToken private units;
    bytes private arguments;

    function setUp() public override {
        super.setUp();
        art = new LyingNFT();
        units = new LyingMultiToken();
        bytes[] memory calls = new bytes[](2);
        calls[0] = _pairCall(Kinds.ERC721, false, address(art), FAR_LYING_NFT);
        calls[1] = _pairCall(Kinds.ERC1155, false, address(units), FAR_LYING_MULTI);
        _configure(calls);
        arguments = abi.encode(RECIPIENT, REFUND_TO, 0, bytes("hello"));
        art.mint(USER, 9);
        multi.mint(USER, 3, 100);
        multi.mint(USER, 4, 100);
    }

    // ---- ERC-721 ----

    function test_an_erc721_sent_to_the_bridge_is_a_request_with_its_uri() external {
        art.setURI("ipfs://nine");
        bytes memory payload = _payload721("ipfs://nine", "hello");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC721, address(art), REFUND_TO, 9, payload);
        _send(9, arguments);
        assertEq(art.ownerOf(9), address(bridge), "owner");
        assertEq(bridge.pairOf(address(art)).escrow, 1, "escrow");
        assertEq(bridge.laneState().requestNonce, 1, "one request");
    }

    function test_a_uri_too_long_to_travel_is_refused() external {
        art.setURI(string(new bytes(513)));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeTokenURITooLong.selector, 513, 512));
        _send(9, arguments);
        art.setURI(string(new bytes(512)));
        _send(9, arguments);
        assertEq(bridge.laneState().requestNonce, 1, "512 bytes travel");
    }

    function test_a_minted_erc721_sent_to_the_bridge_is_burnt() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, USER, 7, _payload721("ipfs://seven", ""));
        _handleAll();
        bytes memory payload = _payload721("", "hello");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(
            0, USER, RECIPIENT, Kinds.ERC721, address(mintedNFT), REFUND_TO, 7, payload
        );
        vm.prank(USER);
        mintedNFT.safeTransferFrom(USER, address(bridge), 7, arguments);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 7));
        mintedNFT.ownerOf(7);
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 0, "minted");
    }

    function test_the_requester_of_an_erc721_is_its_owner_not_who_moved_it() external {
        address operator = address(0x0B);
        vm.prank(USER);
        art.setApprovalForAll(operator, true);
        bytes memory payload = _payload721("", "hello");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC721, address(art), REFUND_TO, 9, payload);
        vm.prank(operator);
        art.safeTransferFrom(USER, address(bridge), 9, arguments);
    }

    function test_an_erc721_that_did_not_come_is_not_credited() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, address(art), 9));
        _say721(9);
    }

    function test_an_erc721_said_to_come_twice_is_credited_once() external {
        _send(9, arguments);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, address(art), 9));
        _say721(9);
        assertEq(bridge.laneState().requestNonce, 1, "one request");
        assertEq(bridge.pairOf(address(art)).escrow, 1, "escrow");
    }

    function test_an_erc721_that_was_paid_out_can_come_again() external {
        _send(9, arguments);
        _far(Kinds.ERC721, FAR_LYING_NFT, USER, 9);
        _handleAll();
        assertEq(art.ownerOf(9), USER, "paid");
        _send(9, arguments);
        assertEq(bridge.laneState().requestNonce, 2, "two requests");
    }

    function test_an_erc721_without_arguments_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeArgumentsMissing.selector, address(art)));
        vm.prank(USER);
        art.safeTransferFrom(USER, address(bridge), 9);
    }

    function test_an_erc721_with_malformed_arguments_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(bridge)));
        _send(9, hex"0102");
        assertEq(art.ownerOf(9), USER, "owner");
    }

    function test_a_native_fee_refuses_an_erc721_in_one_step() external {
        PairLimits memory limits = _noLimits();
        (limits.fee, limits.feeInNative) = (5, true);
        _setLimits(address(art), limits);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 5, 0));
        _send(9, abi.encode(RECIPIENT, REFUND_TO, 5, ""));
    }

    function test_an_erc721_minted_into_the_bridge_names_somebody_to_pay_back() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRefundTo.selector, address(0)));
        art.safeMint(address(bridge), 10, abi.encode(RECIPIENT, address(0), 0, ""));
        art.safeMint(address(bridge), 10, arguments);
        assertEq(bridge.laneState().requestNonce, 1, "a request of nobody's");
    }

    function test_an_erc721_fetched_by_the_bridge_makes_one_request() external {
        vm.prank(USER);
        art.approve(address(bridge), 9);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(art), 9, RECIPIENT, REFUND_TO, "");
        assertEq(bridge.laneState().requestNonce, 1, "one request");
    }

    // ---- ERC-1155 ----

    function test_an_erc1155_sent_to_the_bridge_is_a_request() external {
        bytes memory payload = _payload1155(_list(3), _list(60), "hello");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(
            0, USER, RECIPIENT, Kinds.ERC1155, address(multi), REFUND_TO, 60, payload
        );
        vm.prank(USER);
        multi.safeTransferFrom(USER, address(bridge), 3, 60, arguments);
        assertEq(bridge.pairOf(address(multi)).escrow, 60, "escrow");
        assertEq(bridge.laneState().requestNonce, 1, "one request");
    }

    function test_a_batch_sent_to_the_bridge_is_one_request() external {
        bytes memory payload = _payload1155(_list(3, 4), _list(60, 1), "hello");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(
            0, USER, RECIPIENT, Kinds.ERC1155, address(multi), REFUND_TO, 61, payload
        );
        _sendBatch(_list(3, 4), _list(60, 1));
        assertEq(bridge.pairOf(address(multi)).escrow, 61, "escrow");
        assertEq(bridge.laneState().requestNonce, 1, "one request");
    }

    function test_a_minted_erc1155_sent_to_the_bridge_is_burnt() external {
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, USER, 30, _payload1155(_list(1, 2), _list(10, 20), ""));
        _handleAll();
        vm.prank(USER);
        mintedMulti.safeTransferFrom(USER, address(bridge), 1, 4, arguments);
        vm.prank(USER);
        mintedMulti.safeBatchTransferFrom(USER, address(bridge), _list(1, 2), _list(6, 1), arguments);
        assertEq(mintedMulti.balanceOf(address(bridge), 1), 0, "burnt");
        assertEq(mintedMulti.balanceOf(address(bridge), 2), 0, "burnt");
        assertEq(mintedMulti.balanceOf(USER, 2), 19, "left");
        assertEq(bridge.pairOf(address(mintedMulti)).minted, 19, "minted");
    }

    function test_ids_that_do_not_rise_are_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeIdsNotRising.selector, 3));
        _sendBatch(_list(4, 3), _list(1, 1));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeIdsNotRising.selector, 3));
        _sendBatch(_list(3, 3), _list(1, 1));
    }

    function test_a_batch_of_none_of_nothing_and_of_too_many_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeInvalidIds.selector, 0, 0, 16));
        _sendBatch(new uint256[](0), new uint256[](0));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        _sendBatch(_list(3, 4), _list(1, 0));
        uint256[] memory ids = _series(17, 100, 1);
        uint256[] memory amounts = _series(17, 1, 0);
        for (uint256 i = 0; i < 17; ++i) {
            multi.mint(USER, ids[i], 1);
        }
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeInvalidIds.selector, 17, 17, 16));
        _sendBatch(ids, amounts);
    }

    function test_units_that_did_not_come_are_not_credited() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, address(units), 3));
        _say1155(3, 1);
        units.mint(USER, 3, 10);
        vm.prank(USER);
        units.safeTransferFrom(USER, address(bridge), 3, 10, arguments);
        // What lies here is accounted for.
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, address(units), 3));
        _say1155(3, 10);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, address(units), 4));
        _say1155(4, 10);
        assertEq(bridge.pairOf(address(units)).escrow, 10, "escrow");
    }

    function test_a_batch_with_one_spoofed_id_is_refused_as_a_whole() external {
        units.mint(USER, 3, 10);
        vm.prank(USER);
        units.safeTransferFrom(USER, address(bridge), 3, 10, arguments);
        bytes memory call =
            abi.encodeCall(IERC1155Receiver.onERC1155BatchReceived, (USER, USER, _list(1, 3), _list(1, 10), arguments));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, address(units), 1));
        units.say(address(bridge), call);
    }

    function test_an_amount_beyond_the_counters_is_refused() external {
        uint256 tooMuch = uint256(type(uint128).max) + 1;
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, tooMuch));
        _say1155(3, tooMuch);
    }

    function test_an_erc1155_without_arguments_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeArgumentsMissing.selector, address(multi)));
        vm.prank(USER);
        multi.safeTransferFrom(USER, address(bridge), 3, 60, "");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeArgumentsMissing.selector, address(multi)));
        vm.prank(USER);
        multi.safeBatchTransferFrom(USER, address(bridge), _list(3, 4), _list(1, 1), "");
    }

    function test_an_erc1155_with_malformed_arguments_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, address(bridge)));
        vm.prank(USER);
        multi.safeTransferFrom(USER, address(bridge), 3, 60, hex"0102");
    }

    function test_a_native_fee_refuses_an_erc1155_in_one_step() external {
        PairLimits memory limits = _noLimits();
        (limits.fee, limits.feeInNative) = (5, true);
        _setLimits(address(multi), limits);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 5, 0));
        vm.prank(USER);
        multi.safeTransferFrom(USER, address(bridge), 3, 60, arguments);
    }

    function test_an_erc1155_fetched_by_the_bridge_makes_one_request() external {
        vm.prank(USER);
        multi.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        bridge.requestERC1155Transfer(address(multi), _list(3), _list(5), RECIPIENT, REFUND_TO, "");
        assertEq(bridge.laneState().requestNonce, 1, "one id: one request");
        assertEq(bridge.pairOf(address(multi)).escrow, 5, "counted once");
        vm.prank(USER);
        bridge.requestERC1155Transfer(address(multi), _list(3, 4), _list(5, 5), RECIPIENT, REFUND_TO, "");
        assertEq(bridge.laneState().requestNonce, 2, "two ids: one request");
        assertEq(bridge.pairOf(address(multi)).escrow, 15, "counted once");
    }

    // ---- steps ----

    function _send(uint256 id, bytes memory data) private {
        vm.prank(USER);
        art.safeTransferFrom(USER, address(bridge), id, data);
    }

    function _sendBatch(uint256[] memory ids, uint256[] memory amounts) private {
        bytes memory data = arguments;
        vm.prank(USER);
        multi.safeBatchTransferFrom(USER, address(bridge), ids, amounts, data);
    }

    function _say721(uint256 id) private {
        art.say(address(bridge), abi.encodeCall(IERC721Receiver.onERC721Received, (USER, USER, id, arguments)));
    }

    function _say1155(uint256 id, uint256 amount) private {
        bytes memory call = abi.encodeCall(IERC1155Receiver.onERC1155Received, (USER, USER, id, amount, arguments));
        units.say(address(bridge), call);
    }
}
