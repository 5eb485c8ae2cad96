// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeMinted} from "../../src/tokens/BridgeMinted.sol";
import {BridgeNFT} from "../../src/tokens/BridgeNFT.sol";
import {Test} from "../Vm.sol";
import {TestToken} from "../contracts/TestToken.sol";

contract BridgeNFTTest is Test {
    address private constant USER = address(0x5E4);
    address private constant SUCCESSOR = address(0x50C);
    BridgeNFT private token;

    function setUp() external {
        token = new BridgeNFT("Name", "SYM", address(this));
    }

    function test_bridge_mints_and_burns_what_it_holds() external {
        token.safeMint(USER, 5, "");
        assertEq(token.ownerOf(5), USER, "minted");
        vm.prank(USER);
        token.transferFrom(USER, address(this), 5);
        token.burn(5);
        assertEq(token.balanceOf(address(this)), 0, "burnt");
        token.safeMint(USER, 5, "");
        assertEq(token.ownerOf(5), USER, "minted again");
    }

    /// @dev The request that burns a token does not carry its URI, so its refund could not bring it back.
    function test_uri_comes_back_with_a_token_that_was_burnt() external {
        token.safeMint(USER, 5, "ipfs://five");
        assertEq(keccak256(bytes(token.tokenURI(5))), keccak256("ipfs://five"), "told");
        vm.prank(USER);
        token.transferFrom(USER, address(this), 5);
        token.burn(5);
        bytes4 selector = bytes4(keccak256("ERC721NonexistentToken(uint256)"));
        vm.expectRevert(abi.encodeWithSelector(selector, 5));
        token.tokenURI(5);
        token.safeMint(address(this), 5, "");
        assertEq(keccak256(bytes(token.tokenURI(5))), keccak256("ipfs://five"), "the one before");
        token.burn(5);
        token.safeMint(USER, 5, "ipfs://six");
        assertEq(keccak256(bytes(token.tokenURI(5))), keccak256("ipfs://six"), "or what it comes with");
    }

    function test_token_of_another_owner_is_not_burnt() external {
        token.safeMint(USER, 5, "");
        vm.expectRevert(abi.encodeWithSelector(BridgeNFT.BridgeNFTNotHeldByBridge.selector, 5));
        token.burn(5);
        vm.expectRevert(abi.encodeWithSelector(BridgeNFT.BridgeNFTNotHeldByBridge.selector, 6));
        token.burn(6);
    }

    function test_token_is_minted_once() external {
        token.safeMint(USER, 5, "one");
        bytes4 selector = bytes4(keccak256("ERC721InvalidSender(address)"));
        vm.expectRevert(abi.encodeWithSelector(selector, address(0)));
        token.safeMint(USER, 5, "two");
        assertEq(keccak256(bytes(token.tokenURI(5))), keccak256("one"), "URI");
    }

    function test_recipient_with_code_is_asked() external {
        TestToken noReceiver = new TestToken("T", "T", 18);
        vm.expectPartialRevert(bytes4(keccak256("ERC721InvalidReceiver(address)")));
        token.safeMint(address(noReceiver), 5, "");
    }

    function test_right_to_mint_moves_as_a_whole() external {
        vm.expectEmit(address(token));
        emit BridgeMinted.BridgeChanged(SUCCESSOR);
        token.handOver(SUCCESSOR);
        assertEq(token.bridge(), SUCCESSOR, "bridge");
        vm.expectRevert(abi.encodeWithSelector(BridgeMinted.BridgeMintedOnlyBridge.selector, address(this)));
        token.safeMint(USER, 5, "");
        vm.prank(SUCCESSOR);
        token.safeMint(USER, 5, "");
        assertEq(token.ownerOf(5), USER, "minted by the successor");
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC721Received.selector;
    }

    function test_token_without_bridge_is_refused() external {
        bytes memory reason = abi.encodeWithSelector(BridgeMinted.BridgeMintedZeroBridge.selector);
        vm.expectRevert(reason);
        new BridgeNFT("Name", "SYM", address(0));
        vm.expectRevert(reason);
        token.handOver(address(0));
    }
}
