// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1363} from "@openzeppelin/contracts/interfaces/IERC1363.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {BridgeMinted} from "../../src/tokens/BridgeMinted.sol";
import {BridgeToken} from "../../src/tokens/BridgeToken.sol";
import {Test} from "../Vm.sol";

contract BridgeTokenTest is Test {
    uint256 private constant KEY = 0xA11CE;
    address private constant USER = address(0x5E4);
    address private constant SUCCESSOR = address(0x50C);
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

    function test_bridge_burns_no_more_than_it_has() external {
        token.mint(USER, 5);
        bytes4 selector = bytes4(keccak256("ERC20InsufficientBalance(address,uint256,uint256)"));
        vm.expectRevert(abi.encodeWithSelector(selector, address(this), 0, 1));
        token.burn(1);
    }

    function test_right_to_mint_moves_as_a_whole() external {
        token.mint(address(this), 5);
        vm.expectEmit(address(token));
        emit BridgeMinted.BridgeChanged(SUCCESSOR);
        token.handOver(SUCCESSOR);
        assertEq(token.bridge(), SUCCESSOR, "bridge");
        bytes memory reason = abi.encodeWithSelector(BridgeMinted.BridgeMintedOnlyBridge.selector, address(this));
        vm.expectRevert(reason);
        token.mint(USER, 1);
        vm.expectRevert(reason);
        token.burn(1);
        vm.expectRevert(reason);
        token.handOver(address(this));
        vm.prank(SUCCESSOR);
        token.mint(USER, 2);
        assertEq(token.balanceOf(USER), 2, "minted by the successor");
    }

    function test_token_without_bridge_is_refused() external {
        bytes memory reason = abi.encodeWithSelector(BridgeMinted.BridgeMintedZeroBridge.selector);
        vm.expectRevert(reason);
        new BridgeToken("Name", "SYM", 6, address(0));
        vm.expectRevert(reason);
        token.handOver(address(0));
        assertEq(token.bridge(), address(this), "bridge");
    }

    function test_payment_calls_its_recipient() external {
        token.mint(USER, 5);
        PaymentReceiver receiver = new PaymentReceiver();
        vm.prank(USER);
        token.transferAndCall(address(receiver), 4, "data");
        assertEq(token.balanceOf(address(receiver)), 4, "paid");
        assertEq(receiver.from(), USER, "from");
        assertEq(receiver.value(), 4, "value");
        assertEq(keccak256(receiver.data()), keccak256("data"), "data");
        assertTrue(token.supportsInterface(type(IERC1363).interfaceId), "ERC-1363");
        assertTrue(token.supportsInterface(type(IERC165).interfaceId), "ERC-165");
    }

    function test_permit_of_the_owner_is_an_approval_and_works_once() external {
        address owner = vm.addr(KEY);
        uint256 deadline = vm.getBlockTimestamp();
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                USER,
                7,
                0,
                deadline
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash)));
        token.permit(owner, USER, 7, deadline, v, r, s);
        assertEq(token.allowance(owner, USER), 7, "allowance");
        vm.expectPartialRevert(bytes4(keccak256("ERC2612InvalidSigner(address,address)")));
        token.permit(owner, USER, 7, deadline, v, r, s);
    }
}

/// @title Takes a payment and remembers it
contract PaymentReceiver {
    address public from;
    uint256 public value;
    bytes public data;

    function onTransferReceived(address, address from_, uint256 value_, bytes calldata data_)
        external
        returns (bytes4)
    {
        (from, value, data) = (from_, value_, data_);
        return this.onTransferReceived.selector;
    }
}
