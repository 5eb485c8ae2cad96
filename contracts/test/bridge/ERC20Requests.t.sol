// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {FeeToken} from "../contracts/FeeToken.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {TestToken} from "../contracts/TestToken.sol";
import {RequestTest} from "./RequestTest.sol";

/// @title Requests of an ERC-20 in two steps: approve, request
contract ERC20RequestsTest is RequestTest {
    function test_request_of_a_lock_pair_enters_the_escrow() external {
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(token), REFUND, 40, "");
        _requestERC20(address(token), 40);
        assertEq(bridge.pairOf(address(token)).escrow, 40, "escrow");
        assertEq(bridge.pairOf(address(token)).minted, 0, "minted");
        assertEq(token.balanceOf(address(bridge)), 40, "balance");
        assertEq(_requestERC20(address(token), 2), 1, "second nonce");
    }

    function test_request_of_a_mint_pair_burns() external {
        _payMinted(50);
        _requestERC20(address(minted), 20);
        assertEq(bridge.pairOf(address(minted)).minted, 30, "minted");
        assertEq(bridge.pairOf(address(minted)).escrow, 0, "escrow");
        assertEq(minted.totalSupply(), 30, "supply");
        assertEq(minted.balanceOf(address(bridge)), 0, "balance");
    }

    function test_request_counts_what_was_received() external {
        FeeToken fee = new FeeToken(10);
        _offer(fee, false, 100);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(fee), REFUND, 90, "");
        _requestERC20(address(fee), 100);
        assertEq(bridge.pairOf(address(fee)).escrow, 90, "escrow");
    }

    function test_request_of_which_nothing_arrives_is_refused() external {
        FeeToken all = new FeeToken(100);
        _offer(all, false, 5);
        _refuseERC20(address(all), 5, abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
    }

    function test_request_without_allowance_is_refused() external {
        vm.prank(USER);
        token.approve(address(bridge), 0);
        bytes4 selector = bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)"));
        _refuseERC20(address(token), 1, abi.encodeWithSelector(selector, address(bridge), 0, 1));
    }

    function test_token_that_returns_false_is_refused() external {
        HostileToken hostile = new HostileToken();
        _offer(hostile, false, 10);
        hostile.setBehaviour(Behaviour.ReturnsFalse);
        bytes4 selector = bytes4(keccak256("SafeERC20FailedOperation(address)"));
        _refuseERC20(address(hostile), 5, abi.encodeWithSelector(selector, address(hostile)));
    }

    function test_token_that_moves_nothing_and_says_nothing_is_refused() external {
        HostileToken hostile = new HostileToken();
        _offer(hostile, false, 10);
        hostile.setBehaviour(Behaviour.ReturnsNothing);
        _refuseERC20(address(hostile), 5, abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
    }

    function test_pause_within_a_request_stays() external {
        HostileToken hostile = new HostileToken();
        _offer(hostile, false, 10);
        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(0));
        hostile.setReentry(address(bridge), abi.encodeCall(bridge.pause, (0, signature)));
        _requestERC20(address(hostile), 5);
        assertTrue(hostile.reentrySucceeded(), "paused");
        assertTrue(bridge.laneState().paused, "still paused");
        assertEq(bridge.laneState().requestNonce, 1, "and requested");
    }

    function test_minting_token_that_does_not_burn_is_refused() external {
        HostileToken hostile = new HostileToken();
        _offer(hostile, true, 10);
        _far(Kinds.ERC20, FAR, RECIPIENT, 100);
        _handleAll();
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, address(hostile), FAR);
        _refuseERC20(address(hostile), 5, reason);
    }

    function test_more_than_was_minted_is_refused() external {
        BurnableToken foreign = new BurnableToken();
        _offer(foreign, true, 10);
        _refuseERC20(address(foreign), 10, abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, 10));
    }

    function test_value_beyond_128_bits_is_refused() external {
        uint256 most = type(uint128).max;
        TestToken big = new TestToken("Big", "BIG", 18);
        _offer(big, false, type(uint256).max);
        _refuseERC20(
            address(big), most + 1, abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, most + 1)
        );
        _requestERC20(address(big), most);
        _refuseERC20(address(big), 1, abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, 1));
        assertEq(bridge.pairOf(address(big)).escrow, most, "escrow");
    }

    /// @dev Registers the token and gives the user an approved amount of it.
    function _offer(TestToken asset, bool mints, uint256 amount) private {
        _register(Kinds.ERC20, mints, address(asset));
        asset.mint(USER, amount);
        vm.prank(USER);
        asset.approve(address(bridge), amount);
    }
}

/// @title A token that burns, and that others than the bridge have minted
contract BurnableToken is TestToken {
    constructor() TestToken("Burnable", "BURN", 18) {}

    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }
}
