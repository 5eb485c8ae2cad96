// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeToken} from "../../src/tokens/BridgeToken.sol";
import {Test} from "../Vm.sol";

contract BridgeTokenTest is Test {
    address private constant USER = address(0x5E4);
    BridgeToken private token;

    function setUp() external {
        token = new BridgeToken("Name", "SYM", 6, address(this));
    }

    function test_token_has_what_it_was_made_with() external view {
        assertEq(token.decimals(), 6, "decimals");
        assertEq(token.bridge(), address(this), "bridge");
        assertEq(keccak256(bytes(token.name())), keccak256("Name"), "name");
        assertEq(keccak256(bytes(token.symbol())), keccak256("SYM"), "symbol");
    }

    function test_bridge_mints_and_burns() external {
        token.mint(USER, 5);
        token.mint(address(this), 7);
        token.burn(3);
        assertEq(token.balanceOf(USER), 5, "minted");
        assertEq(token.totalSupply(), 9, "burnt");
    }

    function test_nobody_else_mints_or_burns() external {
        token.mint(USER, 5);
        bytes memory reason = abi.encodeWithSelector(BridgeToken.BridgeTokenOnlyBridge.selector, USER);
        vm.expectRevert(reason);
        vm.prank(USER);
        token.mint(USER, 1);
        vm.expectRevert(reason);
        vm.prank(USER);
        token.burn(1);
    }

    function test_token_without_bridge_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(BridgeToken.BridgeTokenZeroBridge.selector));
        new BridgeToken("Name", "SYM", 6, address(0));
    }
}
