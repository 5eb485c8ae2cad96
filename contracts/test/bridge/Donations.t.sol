// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {RequestTest} from "./RequestTest.sol";

/// @title What somebody leaves with the bridge without a request is credited to nobody and stops nobody
contract DonationsTest is RequestTest {
    function test_native_currency_that_was_forced_upon_the_bridge_is_nobodys() external {
        vm.deal(address(bridge), 5 ether);
        _requestNative(1 ether);
        assertEq(bridge.pairOf(address(0)).escrow, 1 ether, "escrow");
        assertEq(address(bridge).balance, 6 ether, "balance");
    }

    function test_locked_token_that_was_left_is_nobodys() external {
        token.mint(address(bridge), 500);
        _requestERC20(address(token), 1);
        assertEq(bridge.pairOf(address(token)).escrow, 1, "escrow");
        assertEq(token.balanceOf(address(bridge)), 501, "balance");
    }

    function test_minted_token_that_was_left_stops_nobody() external {
        _payMinted(50);
        vm.prank(USER);
        minted.transfer(address(bridge), 5);
        _requestERC20(address(minted), 20);
        assertEq(bridge.pairOf(address(minted)).minted, 30, "minted");
        assertEq(minted.balanceOf(address(bridge)), 5, "left");
        assertEq(minted.totalSupply(), 30, "supply");
    }

    function test_nft_that_was_left_stops_nobody() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, USER, 3);
        _far(Kinds.ERC721, FAR_MINTED_NFT, USER, 4);
        _handleAll();
        vm.prank(USER);
        mintedNFT.transferFrom(USER, address(bridge), 3);
        nft.mint(address(bridge), 3);
        _requestERC721(address(mintedNFT), 4);
        _requestERC721(address(nft), 9);
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 1, "minted");
        assertEq(bridge.pairOf(address(nft)).escrow, 1, "escrow");
    }

    function test_units_are_not_left_without_a_request() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeArgumentsMissing.selector, address(multi)));
        vm.prank(USER);
        multi.safeTransferFrom(USER, address(bridge), 7, 1, "");
    }

    /// @dev The address of a contract is known before there is code that could refuse.
    function test_units_that_were_left_before_the_bridge_was_made_stop_nobody() external {
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, USER, 10, abi.encodePacked(uint8(1), uint256(7), uint128(10)));
        _handleAll();
        bytes memory code = address(bridge).code;
        vm.etch(address(bridge), "");
        multi.mint(address(bridge), 7, 3);
        vm.prank(USER);
        mintedMulti.safeTransferFrom(USER, address(bridge), 7, 1, "");
        vm.etch(address(bridge), code);

        vm.prank(USER);
        bridge.requestERC1155Transfer(address(multi), _single(7), _single(5), RECIPIENT, REFUND, "");
        assertEq(bridge.pairOf(address(multi)).escrow, 5, "escrow");
        vm.prank(USER);
        mintedMulti.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        bridge.requestERC1155Transfer(address(mintedMulti), _single(7), _single(5), RECIPIENT, REFUND, "");
        assertEq(bridge.pairOf(address(mintedMulti)).minted, 5, "minted");
        assertEq(mintedMulti.balanceOf(address(bridge), 7), 1, "left");
    }
}
