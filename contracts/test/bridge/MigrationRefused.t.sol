// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeMigration} from "../../src/interfaces/IBridgeMigration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {MigrationTest} from "../MigrationTest.sol";

/// @title Every wrong order, and everybody who may not hand over
contract MigrationRefusedTest is MigrationTest {
    // ---- every wrong order ----

    function test_nothing_moves_before_requests_were_stopped() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeRequestsNotStopped.selector);
        _configureExpecting(_migrateCall(address(token), 100, none, none), reason);
    }

    function test_no_minter_changes_before_requests_were_stopped() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeRequestsNotStopped.selector);
        _configureExpecting(_handOverCall(address(minted)), reason);
    }

    function test_nothing_moves_before_requests_were_stopped_for_the_whole_delay() external {
        bytes[] memory stop = _one(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true)));
        uint64 first = _propose(stop);
        _wait(1);
        bytes[] memory calls = _wholeMigration();
        uint64 nonce = _propose(calls);
        _wait(DELAY);
        // Both are due, and one follows the other.
        bridge.executeConfiguration(first, stop);
        uint256 movableAt = _now() + DELAY;
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeStoppedTooLately.selector, movableAt, _now()));
        bridge.executeConfiguration(nonce, calls);
        bridge.cancelConfiguration(nonce, _cancelled(nonce, THRESHOLD));
        nonce = _propose(calls);
        _wait(DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationTooEarly.selector, movableAt, _now()));
        bridge.executeConfiguration(nonce, calls);
        _wait(1);
        bridge.executeConfiguration(nonce, calls);
        assertEq(next.pairOf(address(token)).adopted, 100, "moved");
    }

    function test_nothing_moves_before_the_lane_is_drained() external {
        _stop();
        uint64 handled = bridge.laneState().handleNonce;
        bytes memory call =
            abi.encodeCall(IBridgeMigration.migrate, (address(token), address(next), 100, none, none, handled + 1));
        _configureExpecting(
            call, abi.encodeWithSelector(IBridgeErrors.BridgeLaneNotDrained.selector, handled, handled + 1)
        );
    }

    function test_what_is_owed_to_holds_does_not_move() external {
        _stop();
        _expectMoves(_migrateCall(address(0), 61, none, none), address(0), 60);
        assertEq(old.pairOf(address(0)).escrow, 40, "owed");
        assertEq(address(old).balance, 40, "and here");
        // Not with a second vote either.
        _expectMoves(_migrateCall(address(0), type(uint256).max, none, none), address(0), 0);
    }

    function test_a_hold_of_something_not_even_known_before_counts() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(0), 50);
        _handleAll();
        _stop();
        _expectMoves(_migrateCall(address(0), 11, none, none), address(0), 10);
    }

    function test_where_more_is_held_than_there_is_nothing_moves() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 1000);
        _handleAll();
        _stop();
        _expectMoves(_migrateCall(address(0), 1, none, none), address(0), 0);
    }

    function test_a_counter_is_adopted_up_to_its_end() external {
        vm.prank(address(old));
        next.adopt(address(minted), true, type(uint128).max, none, none);
        assertEq(next.pairOf(address(minted)).minted, type(uint128).max, "adopted");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, 1));
        vm.prank(address(old));
        next.adopt(address(minted), true, 1, none, none);
    }

    function test_no_native_currency_is_adopted_with_a_token() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNativeValueMismatch.selector, 1, 0));
        vm.prank(address(old));
        next.adopt{value: 1}(address(minted), true, 1, none, none);
    }

    function test_nothing_is_no_migration() external {
        _stop();
        vm.expectCall(address(next), abi.encodeWithSelector(IBridgeMigration.adopt.selector), 0);
        _expectMoves(_migrateCall(address(token), 0, none, none), address(token), 0);
    }

    function test_no_more_minted_units_move_than_there_are() external {
        _stop();
        _expectMoves(_migrateCall(address(minted), 51, none, none), address(minted), 50);
    }

    function test_no_more_moves_than_the_ids_add_up_to() external {
        _stop();
        _expectMoves(_migrateCall(address(multi), 30, _list(3, 4), _list(10, 19)), address(multi), 29);
        assertEq(multi.balanceOf(address(old), 4), 1, "the unit that was not named");
    }

    function test_no_more_ids_move_than_the_amount_allows() external {
        _stop();
        _expectMoves(_migrateCall(address(multi), 11, _list(3, 4), _list(10, 20)), address(multi), 11);
        assertEq(multi.balanceOf(address(next), 3), 10, "all of the first");
        assertEq(multi.balanceOf(address(next), 4), 1, "one of the second");
        _expectMoves(_migrateCall(address(nft), 1, _list(9, 10), none), address(nft), 1);
        assertEq(nft.ownerOf(9), address(next), "the first");
        assertEq(nft.ownerOf(10), address(old), "not the second");
    }

    function test_ids_that_are_not_locked_do_not_move() external {
        nft.mint(address(bridge), 11);
        _stop();
        // The token lies here, but nobody's request brought it.
        _expectMoves(_migrateCall(address(nft), 2, _list(9, 11), none), address(nft), 1);
        assertEq(nft.ownerOf(9), address(next), "what a request brought");
        assertEq(nft.ownerOf(11), address(old), "what none did");
    }

    function test_the_same_id_does_not_move_twice() external {
        _stop();
        _expectMoves(_migrateCall(address(nft), 2, _list(9, 9), none), address(nft), 1);
        _expectMoves(_migrateCall(address(multi), 30, _list(3, 3), _list(10, 10)), address(multi), 10);
    }

    function test_what_the_old_bridge_counts_still_goes_along_with_its_minter() external {
        _stop();
        _configure(_migrateCall(address(minted), 20, none, none));
        _expectMoves(_handOverCall(address(minted)), address(minted), 30);
        assertEq(old.pairOf(address(minted)).minted, 0, "nothing is left");
        assertEq(minted.bridge(), address(next), "minter");
    }

    function test_a_lock_pair_has_no_minter_to_hand_over() external {
        _stop();
        _configureExpecting(
            _handOverCall(address(token)),
            abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, address(token), FAR_NATIVE_FOR_TOKEN)
        );
    }

    function test_a_migration_can_be_taken_back_while_it_waits() external {
        _stop();
        uint64 nonce = _propose(_wholeMigration());
        bridge.cancelConfiguration(nonce, _cancelled(nonce, THRESHOLD));
        assertEq(bridge.state().pending.length, 0, "cancelled");
    }

    // ---- who may hand over ----

    function test_a_successor_adopts_from_its_predecessor_only() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotPredecessor.selector, address(this)));
        next.adopt(address(token), false, 1, none, none);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotPredecessor.selector, address(this)));
        next.adopt{value: 1}(address(0), false, 1, none, none);
        // The old one has no predecessor: not even the address zero adopts.
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotPredecessor.selector, address(next)));
        vm.prank(address(next));
        old.adopt(address(token), false, 1, none, none);
    }

    function test_a_successor_that_does_not_know_its_predecessor_gets_nothing() external {
        _stop();
        bridge = next;
        _configure(abi.encodeCall(IBridgeConfiguration.setPredecessor, (address(0))));
        bridge = old;
        _configureExpecting(
            _migrateCall(address(token), 100, none, none),
            abi.encodeWithSelector(IBridgeErrors.BridgeNotPredecessor.selector, address(old))
        );
        assertEq(token.balanceOf(address(old)), 100, "nothing has moved");
    }

    function test_a_successor_without_the_pair_gets_nothing() external {
        _stop();
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true));
        calls[1] = abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(token), 0, 0));
        bridge = next;
        _configure(calls);
        bridge = old;
        _configureExpecting(
            _migrateCall(address(token), 100, none, none),
            abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, address(token))
        );
    }

    function test_a_successor_that_mints_what_the_old_one_locks_gets_nothing() external {
        // Else the locked value would lie there and be counted as if it had been minted.
        next = _newBridge(_members(OPERATOR_KEY), THRESHOLD, _members(GOVERNOR_KEY), THRESHOLD, DELAY, false);
        bytes[] memory calls = new bytes[](3);
        calls[0] =
            abi.encodeCall(IBridgeConfiguration.wire, (COUNTERPART_CHAIN, NEXT_COUNTERPART, COUNTERPART_BLOCK, SALT));
        calls[1] = _pairCall(Kinds.ERC20, true, address(token), FAR_NATIVE_FOR_TOKEN);
        calls[2] = abi.encodeCall(IBridgeConfiguration.setPredecessor, (address(old)));
        bridge = next;
        _propose(calls);
        bridge = old;
        _stop();
        _configureExpecting(
            _migrateCall(address(token), 100, none, none),
            abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, address(token), FAR_NATIVE_FOR_TOKEN)
        );
        assertEq(token.balanceOf(address(old)), 100, "nothing has moved");
    }

    function test_a_predecessor_cannot_have_counted_what_does_not_come() external {
        // Whoever the predecessor is: what it says to have moved is looked for.
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNativeValueMismatch.selector, 0, 5));
        vm.prank(address(old));
        next.adopt(address(0), false, 5, none, none);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(token), 5, 0));
        vm.prank(address(old));
        next.adopt(address(token), false, 5, none, none);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, address(nft), 9));
        vm.prank(address(old));
        next.adopt(address(nft), false, 1, _list(9), none);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, address(multi), 3));
        vm.prank(address(old));
        next.adopt(address(multi), false, 5, _list(3), _list(5));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(multi), 5, 0));
        vm.prank(address(old));
        next.adopt(address(multi), false, 5, none, none);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, 0));
        vm.prank(address(old));
        next.adopt(address(token), false, 0, none, none);
    }

    function test_kept_fees_are_nothing_that_a_predecessor_moved() external {
        bridge = next;
        PairLimits memory limits = _noLimits();
        limits.fee = 5;
        _setLimits(address(token), limits);
        token.mint(USER, 15);
        vm.prank(USER);
        token.approve(address(next), 15);
        vm.prank(USER);
        next.requestERC20Transfer(address(token), 10, RECIPIENT, USER, 5, "");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(token), 5, 15));
        vm.prank(address(old));
        next.adopt(address(token), false, 5, none, none);
    }

    function test_a_successor_is_told_what_has_moved_and_nothing_else() external {
        address credulous = address(new BelievesAll());
        _stop();
        vm.expectCall(
            credulous, abi.encodeCall(IBridgeMigration.adopt, (address(nft), false, 1, _list(10), _list(1))), 1
        );
        _configure(
            abi.encodeCall(
                IBridgeMigration.migrate, (address(nft), credulous, 5, _list(11, 10), none, uint64(requests.length))
            )
        );
        assertEq(old.pairOf(address(nft)).escrow, 1, "what it did not get is counted here");
        assertEq(nft.ownerOf(9), address(old), "and lies here");
    }

    function test_what_a_user_sends_to_the_successor_meanwhile_is_a_request_as_ever() external {
        multi.mint(USER, 3, 1);
        bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
        vm.prank(USER);
        multi.safeTransferFrom(USER, address(next), 3, 1, arguments);
        assertEq(next.laneState().requestNonce, 1, "request");
        assertEq(next.pairOf(address(multi)).escrow, 1, "escrow");
        assertEq(next.pairOf(address(multi)).adopted, 0, "not adopted");
    }

    /// @dev The vote takes effect, whatever of it can move.
    function _expectMoves(bytes memory call, address what, uint256 amount) private {
        uint256 adopted = next.pairOf(what).adopted;
        uint256[7] memory before = _sums();
        _configure(call);
        assertEq(next.pairOf(what).adopted, adopted + amount, "moved");
        assertEq(keccak256(abi.encode(_sums())), keccak256(abi.encode(before)), "conserved");
    }
}

/// @title A successor that takes what it is told for true
contract BelievesAll {
    function adopt(address, bool, uint256, uint256[] calldata, uint256[] calldata) external payable {}
}
