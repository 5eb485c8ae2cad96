// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeNFT} from "../../src/tokens/BridgeNFT.sol";
import {Test} from "../Vm.sol";
import {TestToken} from "../contracts/TestToken.sol";

contract BridgeNFTTest is Test {
    address private constant USER = address(0x5E4);
    BridgeNFT private token;

    function setUp() external {
        token = new BridgeNFT("Name", "SYM", address(this));
    }

    function test_bridge_mints_and_burns_what_it_holds() external {
        token.safeMint(USER, 5);
        assertEq(token.ownerOf(5), USER, "minted");
        vm.prank(USER);
        token.transferFrom(USER, address(this), 5);
        token.burn(5);
        assertEq(token.balanceOf(address(this)), 0, "burnt");
        token.safeMint(USER, 5);
        assertEq(token.ownerOf(5), USER, "minted again");
    }

    function test_token_of_another_owner_is_not_burnt() external {
        token.safeMint(USER, 5);
        vm.expectRevert(abi.encodeWithSelector(BridgeNFT.BridgeNFTNotHeldByBridge.selector, 5));
        token.burn(5);
    }

    function test_recipient_with_code_is_asked() external {
        TestToken noReceiver = new TestToken("T", "T", 18);
        vm.expectPartialRevert(bytes4(keccak256("ERC721InvalidReceiver(address)")));
        token.safeMint(address(noReceiver), 5);
    }

    function test_nobody_else_mints_or_burns() external {
        token.safeMint(USER, 5);
        bytes memory reason = abi.encodeWithSelector(BridgeNFT.BridgeNFTOnlyBridge.selector, USER);
        vm.expectRevert(reason);
        vm.prank(USER);
        token.safeMint(USER, 6);
        vm.expectRevert(reason);
        vm.prank(USER);
        token.burn(5);
    }

    function test_token_without_bridge_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(BridgeNFT.BridgeNFTZeroBridge.selector));
        new BridgeNFT("Name", "SYM", address(0));
    }
}
