// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {PairLimits, Permit} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {TestPaymentToken} from "../contracts/TestPaymentToken.sol";

/// @title Requests with an ERC-2612 permit in place of an approval
contract PermitTest is LaneTest {
    uint256 private constant OWNER_KEY = 0x0E4;
    uint256 private constant THIEF_KEY = 0x7F1EF;

    TestPaymentToken private payment;
    address private owner;
    address private thief;

    function setUp() public override {
        super.setUp();
        payment = new TestPaymentToken("Payment", "PAY");
        _configure(_pairCall(Kinds.ERC20, false, address(payment), FAR_UNKNOWN));
        owner = vm.addr(OWNER_KEY);
        thief = vm.addr(THIEF_KEY);
        payment.mint(owner, 1000);
        payment.mint(thief, 1000);
    }

    function test_a_permit_takes_the_place_of_an_approval() external {
        Permit memory permit = _permit(OWNER_KEY, 100, type(uint256).max);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, owner, RECIPIENT, Kinds.ERC20, address(payment), owner, 100, "hello");
        vm.prank(owner);
        bridge.requestERC20TransferWithPermit(address(payment), 100, RECIPIENT, owner, 0, "hello", permit);
        assertEq(payment.balanceOf(owner), 900, "taken");
        assertEq(payment.allowance(owner, address(bridge)), 0, "used up");
        assertEq(bridge.pairOf(address(payment)).escrow, 100, "escrow");
    }

    function test_a_permit_covers_the_fee_too() external {
        PairLimits memory limits = _noLimits();
        limits.fee = 7;
        _setLimits(address(payment), limits);
        Permit memory permit = _permit(OWNER_KEY, 107, type(uint256).max);
        _request(owner, 100, 7, permit);
        assertEq(payment.balanceOf(owner), 893, "amount and fee");
        assertEq(bridge.pairOf(address(payment)).fees, 7, "fees");
    }

    function test_a_permit_used_up_in_front_is_no_error() external {
        Permit memory permit = _permit(OWNER_KEY, 100, type(uint256).max);
        vm.prank(thief);
        payment.permit(owner, address(bridge), 100, permit.deadline, permit.v, permit.r, permit.s);
        _request(owner, 100, 0, permit);
        assertEq(bridge.pairOf(address(payment)).escrow, 100, "the allowance suffices");
    }

    function test_a_permit_of_somebody_else_is_worthless() external {
        Permit memory permit = _permit(OWNER_KEY, 100, type(uint256).max);
        bytes memory reason =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(bridge), 0, 100);
        vm.expectRevert(reason);
        _request(thief, 100, 0, permit);
        // Nor does an allowance that the owner has given help anybody else.
        vm.prank(thief);
        payment.permit(owner, address(bridge), 100, permit.deadline, permit.v, permit.r, permit.s);
        vm.expectRevert(reason);
        _request(thief, 100, 0, permit);
        assertEq(payment.balanceOf(owner), 1000, "untouched");
    }

    function test_a_permit_that_expired_counts_for_nothing() external {
        vm.warp(1000);
        Permit memory permit = _permit(OWNER_KEY, 100, 999);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(bridge), 0, 100)
        );
        _request(owner, 100, 0, permit);
        vm.prank(owner);
        payment.approve(address(bridge), 100);
        _request(owner, 100, 0, permit);
        assertEq(bridge.pairOf(address(payment)).escrow, 100, "the allowance suffices");
    }

    function test_a_permit_for_less_lets_no_more_go() external {
        Permit memory permit = _permit(OWNER_KEY, 99, type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(bridge), 99, 100)
        );
        _request(owner, 100, 0, permit);
    }

    function test_a_token_without_permits_is_taken_by_its_allowance() external {
        _giveToken(100);
        Permit memory permit = _permit(OWNER_KEY, 100, type(uint256).max);
        vm.prank(USER);
        bridge.requestERC20TransferWithPermit(address(token), 100, RECIPIENT, USER, 0, "", permit);
        assertEq(bridge.pairOf(address(token)).escrow, 100, "escrow");
    }

    function test_a_minted_token_goes_back_with_a_permit() external {
        _far(Kinds.ERC20, FAR_MINTED, owner, 100);
        _handleAll();
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(OWNER_KEY, _permitDigest(minted.DOMAIN_SEPARATOR(), 60, type(uint256).max));
        vm.prank(owner);
        bridge.requestERC20TransferWithPermit(
            address(minted), 60, RECIPIENT, owner, 0, "", Permit(60, type(uint256).max, v, r, s)
        );
        assertEq(minted.totalSupply(), 40, "burnt");
    }

    function test_an_unregistered_token_is_not_even_called() external {
        Permit memory permit = _permit(OWNER_KEY, 100, type(uint256).max);
        TestPaymentToken stranger = new TestPaymentToken("Stranger", "STR");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, address(stranger)));
        vm.prank(owner);
        bridge.requestERC20TransferWithPermit(address(stranger), 100, RECIPIENT, owner, 0, "", permit);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, RECIPIENT));
        vm.prank(owner);
        bridge.requestERC20TransferWithPermit(RECIPIENT, 100, RECIPIENT, owner, 0, "", permit);
    }

    // ---- steps ----

    function _permitDigest(bytes32 domain, uint256 value, uint256 deadline) private view returns (bytes32) {
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 permit = keccak256(abi.encode(typeHash, owner, address(bridge), value, 0, deadline));
        return keccak256(abi.encodePacked(hex"1901", domain, permit));
    }

    /// @dev The first permit of the owner for the bridge.
    function _permit(uint256 key, uint256 value, uint256 deadline) private view returns (Permit memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _permitDigest(payment.DOMAIN_SEPARATOR(), value, deadline));
        return Permit(value, deadline, v, r, s);
    }

    function _request(address who, uint256 amount, uint256 feeLimit, Permit memory permit) private {
        vm.prank(who);
        bridge.requestERC20TransferWithPermit(address(payment), amount, RECIPIENT, REFUND_TO, feeLimit, "", permit);
    }
}
