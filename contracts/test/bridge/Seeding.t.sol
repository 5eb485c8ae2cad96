// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairState} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {FeeToken} from "../contracts/FeeToken.sol";
import {RequestTest} from "./RequestTest.sol";

/// @title Liquidity without a request
contract SeedingTest is RequestTest {
    function test_seed_enters_the_escrow_without_a_request() external {
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.LiquiditySeeded(address(token), USER, 30);
        vm.prank(USER);
        bridge.seed(address(token), 30);
        PairState memory pair = bridge.pairOf(address(token));
        assertEq(pair.escrow, 30, "escrow");
        assertEq(pair.seeded, 30, "seeded");
        assertEq(bridge.laneState().requestNonce, 0, "no request");

        vm.prank(USER);
        bridge.seed{value: 2 ether}(address(0), 2 ether);
        assertEq(bridge.pairOf(address(0)).escrow, 2 ether, "native escrow");
        assertEq(bridge.pairOf(address(0)).seeded, 2 ether, "native");
    }

    function test_seed_counts_what_was_received() external {
        FeeToken fee = new FeeToken(10);
        _register(Kinds.ERC20, false, address(fee));
        _seed(fee, 100);
        assertEq(bridge.pairOf(address(fee)).seeded, 90, "seeded");
        assertEq(bridge.pairOf(address(fee)).escrow, 90, "escrow");
    }

    function test_mint_pairs_are_not_seeded() external {
        _payMinted(50);
        bytes memory reason =
            abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, address(minted), FAR_MINTED);
        _refuse(0, abi.encodeCall(bridge.seed, (address(minted), 1)), reason);
    }

    function test_collectibles_are_not_seeded() external {
        _refuse(0, abi.encodeCall(bridge.seed, (address(nft), 9)), _notFungible(address(nft), Kinds.ERC721));
        _refuse(0, abi.encodeCall(bridge.seed, (address(multi), 7)), _notFungible(address(multi), Kinds.ERC1155));
    }

    function test_unknown_token_is_not_seeded() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, FAR);
        _refuse(0, abi.encodeCall(bridge.seed, (FAR, 1)), reason);
    }

    function test_what_is_being_emptied_is_not_seeded() external {
        bytes memory call = abi.encodeCall(bridge.seed, (address(token), 1));
        _configure(abi.encodeCall(bridge.setPairLocked, (address(token), true)));
        _refuse(0, call, abi.encodeWithSelector(IBridgeErrors.BridgePairLocked.selector, address(token)));
        _configure(abi.encodeCall(bridge.setRequestsStopped, (true)));
        _refuse(0, call, abi.encodeWithSelector(IBridgeErrors.BridgeRequestsStopped.selector));
        _refuse(
            1,
            abi.encodeCall(bridge.seed, (address(0), 1)),
            abi.encodeWithSelector(IBridgeErrors.BridgeRequestsStopped.selector)
        );
    }

    function test_nothing_is_not_seeded() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector);
        _refuse(0, abi.encodeCall(bridge.seed, (address(0), 0)), reason);
        _refuse(0, abi.encodeCall(bridge.seed, (address(token), 0)), reason);
    }

    function test_seed_takes_exactly_the_native_currency_it_names() external {
        bytes4 mismatch = IBridgeErrors.BridgeNativeValueMismatch.selector;
        _refuse(1, abi.encodeCall(bridge.seed, (address(0), 2)), abi.encodeWithSelector(mismatch, 1, 2));
        _refuse(3, abi.encodeCall(bridge.seed, (address(0), 2)), abi.encodeWithSelector(mismatch, 3, 2));
        _refuse(1, abi.encodeCall(bridge.seed, (address(token), 2)), abi.encodeWithSelector(mismatch, 1, 0));
    }

    function _notFungible(address asset, uint8 kind) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgeKindMismatch.selector, asset, kind, Kinds.ERC20);
    }
}
