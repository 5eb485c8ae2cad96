// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairState} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {MigrationTest} from "../MigrationTest.sol";
import {Behaviour} from "../contracts/Hostile.sol";

/// @title From one bridge to the next, in the right order
contract MigrationInOrderTest is MigrationTest {
    // ---- the order ----

    function test_everything_that_is_owed_to_nobody_moves_in_order() external {
        _stop();
        bytes[] memory calls = _wholeMigration();
        uint64 nonce = _propose(calls);
        assertEq(next.pairOf(address(token)).escrow, 0, "nothing moves before the delay");
        _wait(DELAY);
        vm.expectEmit(address(old));
        emit IBridgeEvents.ValueMigrated(address(0), address(next), 60);
        vm.expectEmit(address(next));
        emit IBridgeEvents.ValueAdopted(address(0), address(old), 60);
        vm.expectEmit(address(old));
        emit IBridgeEvents.TokenHandedOver(address(minted), address(next));
        bridge.executeConfiguration(nonce, calls);

        for (uint256 i = 0; i < 7; ++i) {
            PairState memory left = old.pairOf(near[i]);
            PairState memory moved = next.pairOf(near[i]);
            bool mints = left.configuration.mints;
            assertEq(mints ? moved.minted : moved.escrow, free[i], "moved");
            assertEq(moved.adopted, free[i], "adopted");
            assertEq(left.minted, 0, "nothing minted is left");
            assertEq(left.escrow, i == 0 ? 40 : 0, "what is held is left");
        }
        assertEq(address(old).balance, 40, "native left");
        assertEq(address(next).balance, 60, "native moved");
        assertEq(token.balanceOf(address(next)), 100, "token moved");
        assertEq(nft.ownerOf(9), address(next), "ERC-721 moved");
        assertEq(nft.ownerOf(10), address(next), "ERC-721 moved");
        assertEq(multi.balanceOf(address(next), 3), 10, "units moved");
        assertEq(multi.balanceOf(address(next), 4), 20, "units moved");
        assertEq(minted.bridge(), address(next), "minter");
        assertEq(mintedNFT.bridge(), address(next), "minter");
        assertEq(mintedMulti.bridge(), address(next), "minter");
        assertEq(minted.totalSupply(), 50, "supply");
        assertEq(next.laneState().requestNonce, 0, "no request was made of it");
    }

    function test_the_successor_pays_and_takes_back_what_it_adopted() external {
        _migrateAll();
        _enterNext();
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 60);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 100);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _far(Kinds.ERC721, FAR_NFT, RECIPIENT, 9);
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 8);
        _far(Kinds.ERC1155, FAR_MULTI, RECIPIENT, 30, _payload1155(_list(3, 4), _list(10, 20), ""));
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 1, _payload1155(_list(1), _list(1), ""));
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "all are paid");
        assertEq(multi.balanceOf(RECIPIENT, 4), 20, "units");

        // What the old bridge has minted goes back through the new one.
        vm.prank(USER);
        minted.approve(address(next), 50);
        vm.prank(USER);
        next.requestERC20Transfer(address(minted), 50, RECIPIENT, USER, 0, "");
        bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
        vm.prank(USER);
        mintedNFT.safeTransferFrom(USER, address(next), 7, arguments);
        vm.prank(USER);
        mintedMulti.safeTransferFrom(USER, address(next), 1, 5, arguments);
        assertEq(next.pairOf(address(minted)).minted, 5, "minted");
        assertEq(next.pairOf(address(mintedNFT)).minted, 1, "minted");
        assertEq(next.pairOf(address(mintedMulti)).minted, 7, "minted");
    }

    function test_what_is_held_stays_with_the_old_bridge_which_pays_it() external {
        _migrateAll();
        hostile.setBehaviour(Behaviour.Honest);
        _release(0);
        assertEq(address(hostile).balance, 40, "released");
        assertEq(old.pairOf(address(0)).escrow, 0, "escrow");
        assertEq(address(old).balance, 0, "balance");
    }

    function test_no_minter_changes_while_something_of_its_token_is_held() external {
        // Held by vote, of a pair that mints: no value lies here for it, so none has to move, but only this bridge can pay.
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 33);
        uint64 nonce = uint64(requests.length - 1);
        _forceHold(nonce);
        _stop();
        bytes[] memory calls = _wholeMigration();
        uint64 vote = _propose(calls);
        _wait(DELAY);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairInUse.selector, address(minted), 0, 33, false));
        bridge.executeConfiguration(vote, calls);
        _refund(nonce, _decided(REFUND, nonce));
        bridge.executeConfiguration(vote, calls);
        assertEq(minted.bridge(), address(next), "once it is refunded");
    }

    function test_a_former_bridge_takes_no_liquidity() external {
        _migrateAll();
        vm.deal(USER, 5);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeRequestsStopped.selector));
        vm.prank(USER);
        bridge.seed{value: 5}(address(0), 5);
    }

    function test_value_is_conserved() external {
        uint256[7] memory before = _sums();
        _stop();
        bytes[] memory calls = _wholeMigration();
        uint64 nonce = _propose(calls);
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        uint256[7] memory afterwards = _sums();
        for (uint256 i = 0; i < 7; ++i) {
            assertEq(afterwards[i], before[i], vm.toString(i));
        }
        for (uint256 i = 0; i < 2; ++i) {
            IBridge which = i == 0 ? old : next;
            assertTrue(address(which).balance >= which.pairOf(address(0)).escrow, "native");
            assertTrue(token.balanceOf(address(which)) >= which.pairOf(address(token)).escrow, "token");
        }
    }

    function test_a_pair_can_move_in_parts() external {
        _stop();
        bytes[] memory calls = new bytes[](2);
        calls[0] = _migrateCall(address(token), 30, none, none);
        calls[1] = _migrateCall(address(multi), 4, _list(4), _list(4));
        _configureAll(calls);
        calls[0] = _migrateCall(address(token), 70, none, none);
        calls[1] = _migrateCall(address(multi), 26, _list(3, 4), _list(10, 16));
        _configureAll(calls);
        assertEq(next.pairOf(address(token)).adopted, 100, "token");
        assertEq(next.pairOf(address(multi)).adopted, 30, "units");
        assertEq(old.pairOf(address(multi)).escrow, 0, "nothing is left");
    }

    function test_a_former_bridge_makes_no_requests_and_still_refunds() external {
        _stop();
        vm.deal(USER, 1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeRequestsStopped.selector));
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, USER, "");
        _refund(0, _decided(REFUND, 0));
        assertEq(old.pairOf(address(0)).held, 0, "nothing is owed any more");
    }
}
