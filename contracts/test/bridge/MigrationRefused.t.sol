// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
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
        bytes[] memory calls = _wholeMigration();
        uint64 nonce = _propose(calls);
        _wait(DELAY - 1);
        _stop();
        uint256 movableAt = _now() + DELAY;
        _wait(DELAY / 4);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeStoppedTooLately.selector, movableAt, _now()));
        bridge.executeConfiguration(nonce, calls);
        bridge.cancelConfiguration(nonce, _cancelled(nonce, THRESHOLD));
        nonce = _propose(_wholeMigration());
        _wait(DELAY);
        bridge.executeConfiguration(nonce, _wholeMigration());
        assertEq(next.pairOf(address(token)).adopted, 100, "moved");
    }

    function test_nothing_moves_before_the_lane_is_drained() external {
        _stop();
        uint64 handled = bridge.laneState().handleNonce;
        bytes memory call =
            abi.encodeCall(IBridgeConfiguration.migrate, (address(token), address(next), 100, none, none, handled + 1));
        _configureExpecting(
            call, abi.encodeWithSelector(IBridgeErrors.BridgeLaneNotDrained.selector, handled, handled + 1)
        );
    }

    function test_refunds_that_came_after_the_vote_do_not_undo_it() external {
        _stop();
        uint64 handled = bridge.laneState().handleNonce;
        _configure(
            abi.encodeCall(IBridgeConfiguration.migrate, (address(token), address(next), 10, none, none, handled - 1))
        );
        assertEq(next.pairOf(address(token)).adopted, 10, "adopted");
    }

    function test_what_is_owed_to_holds_does_not_move() external {
        _stop();
        _configureExpecting(
            _migrateCall(address(0), 61, none, none),
            abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(0), 61, 60)
        );
    }

    function test_a_hold_of_something_not_even_known_before_counts() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(0), 50);
        _handleAll();
        _stop();
        _configureExpecting(
            _migrateCall(address(0), 11, none, none),
            abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(0), 11, 10)
        );
    }

    function test_where_more_is_held_than_there_is_nothing_moves() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 1000);
        _handleAll();
        _stop();
        _configureExpecting(
            _migrateCall(address(0), 1, none, none),
            abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(0), 1, 0)
        );
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
        _configureExpecting(
            _migrateCall(address(token), 0, none, none),
            abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(token), 0, 100)
        );
    }

    function test_no_more_minted_units_move_than_there_are() external {
        _stop();
        _configureExpecting(
            _migrateCall(address(minted), 51, none, none),
            abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(minted), 51, 50)
        );
    }

    function test_the_ids_have_to_add_up() external {
        _stop();
        _configureExpecting(
            _migrateCall(address(multi), 30, _list(3, 4), _list(10, 19)),
            abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(multi), 30, 29)
        );
    }

    function test_ids_that_are_not_locked_do_not_move() external {
        nft.mint(address(bridge), 11);
        _stop();
        // The token lies here, but nobody's request brought it.
        _configureExpecting(
            _migrateCall(address(nft), 2, _list(9, 11), none),
            abi.encodeWithSelector(bytes4(keccak256("Panic(uint256)")), 0x11)
        );
    }

    function test_the_same_id_does_not_move_twice() external {
        _stop();
        _configureExpecting(
            _migrateCall(address(nft), 2, _list(9, 9), none),
            abi.encodeWithSelector(bytes4(keccak256("Panic(uint256)")), 0x11)
        );
    }

    function test_no_minter_changes_while_the_old_bridge_counts_something() external {
        _stop();
        _configureExpecting(
            _handOverCall(address(minted)),
            abi.encodeWithSelector(IBridgeErrors.BridgePairInUse.selector, address(minted), 50, 0, false)
        );
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
        calls[1] = abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(token), 0));
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
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true));
        calls[1] = abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(token), 0));
        calls[2] = _pairCall(Kinds.ERC20, true, address(token), FAR_NATIVE_FOR_TOKEN);
        bridge = next;
        _configure(calls);
        bridge = old;
        _stop();
        calls = _one(_migrateCall(address(token), 100, none, none));
        uint64 nonce = _propose(calls);
        _wait(DELAY);
        (bool moved,) = address(old).call(abi.encodeCall(IBridgeConfiguration.executeConfiguration, (nonce, calls)));
        assertTrue(!moved, "refused");
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

    function test_ids_that_do_not_add_up_stay_whatever_the_successor_believes() external {
        address credulous = address(new BelievesAll());
        _stop();
        _configureExpecting(
            abi.encodeCall(
                IBridgeConfiguration.migrate, (address(nft), credulous, 2, _list(9), none, uint64(requests.length))
            ),
            abi.encodeWithSelector(IBridgeErrors.BridgeNotMigratable.selector, address(nft), 2, 1)
        );
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
}

/// @title A successor that takes what it is told for true
contract BelievesAll {
    function adopt(address, bool, uint256, uint256[] calldata, uint256[] calldata) external payable {}
}
