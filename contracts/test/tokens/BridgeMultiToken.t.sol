// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeMinted} from "../../src/tokens/BridgeMinted.sol";
import {BridgeMultiToken} from "../../src/tokens/BridgeMultiToken.sol";
import {Test} from "../Vm.sol";
import {TestToken} from "../contracts/TestToken.sol";

contract BridgeMultiTokenTest is Test {
    address private constant USER = address(0x5E4);
    address private constant SUCCESSOR = address(0x50C);
    BridgeMultiToken private token;
    uint256[] private ids;
    uint256[] private amounts;

    function setUp() external {
        token = new BridgeMultiToken("ipfs://{id}", address(this));
        (ids, amounts) = (new uint256[](2), new uint256[](2));
        (ids[0], amounts[0]) = (3, 30);
        (ids[1], amounts[1]) = (4, 40);
    }

    function test_bridge_mints_and_burns_what_it_holds() external {
        token.mintBatch(USER, ids, amounts);
        assertEq(token.balanceOf(USER, 3), 30, "minted");
        assertEq(token.balanceOf(USER, 4), 40, "minted");
        vm.prank(USER);
        token.safeBatchTransferFrom(USER, address(this), ids, amounts, "");
        amounts[0] = 10;
        token.burnBatch(ids, amounts);
        assertEq(token.balanceOf(address(this), 3), 20, "burnt in part");
        assertEq(token.balanceOf(address(this), 4), 0, "burnt");
    }

    function test_all_ids_have_one_uri() external view {
        assertEq(keccak256(bytes(token.uri(3))), keccak256("ipfs://{id}"), "uri");
        assertEq(token.bridge(), address(this), "bridge");
    }

    function test_units_of_another_owner_are_not_burnt() external {
        token.mintBatch(USER, ids, amounts);
        bytes4 selector = bytes4(keccak256("ERC1155InsufficientBalance(address,uint256,uint256,uint256)"));
        vm.expectRevert(abi.encodeWithSelector(selector, address(this), 0, 30, 3));
        token.burnBatch(ids, amounts);
    }

    function test_recipient_with_code_is_asked() external {
        TestToken noReceiver = new TestToken("T", "T", 18);
        bytes4 selector = bytes4(keccak256("ERC1155InvalidReceiver(address)"));
        vm.expectRevert(abi.encodeWithSelector(selector, address(noReceiver)));
        token.mintBatch(address(noReceiver), ids, amounts);
    }

    function test_right_to_mint_moves_as_a_whole() external {
        vm.expectEmit(address(token));
        emit BridgeMinted.BridgeChanged(SUCCESSOR);
        token.handOver(SUCCESSOR);
        assertEq(token.bridge(), SUCCESSOR, "bridge");
        vm.expectRevert(abi.encodeWithSelector(BridgeMinted.BridgeMintedOnlyBridge.selector, address(this)));
        token.mintBatch(USER, ids, amounts);
        vm.prank(SUCCESSOR);
        token.mintBatch(USER, ids, amounts);
        assertEq(token.balanceOf(USER, 4), 40, "minted by the successor");
    }

    function test_token_without_bridge_is_refused() external {
        bytes memory reason = abi.encodeWithSelector(BridgeMinted.BridgeMintedZeroBridge.selector);
        vm.expectRevert(reason);
        new BridgeMultiToken("uri", address(0));
        vm.expectRevert(reason);
        token.handOver(address(0));
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return this.onERC1155BatchReceived.selector;
    }
}
