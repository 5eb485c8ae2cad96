// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {MigrationTest} from "../MigrationTest.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {TestNFT} from "../contracts/TestNFT.sol";

/// @title No holder of a hold undoes a migration, and no migration takes what a hold is owed
contract MigrationLateTest is MigrationTest {
    // ---- what comes between the vote and its execution ----

    function test_a_late_refund_does_not_undo_the_migration_of_a_lock_pair() external {
        _stop();
        bytes[] memory calls = _one(_migrateCall(address(token), 100, none, none));
        uint64 nonce = _propose(calls);
        _payBack(Kinds.ERC20, address(token), RECIPIENT, 30);
        assertEq(token.balanceOf(RECIPIENT), 30, "paid back");
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        assertEq(next.pairOf(address(token)).adopted, 70, "the rest has moved");
        assertEq(old.pairOf(address(token)).escrow, 0, "all of it");
        assertEq(token.balanceOf(address(next)), 70, "and lies there");
    }

    function test_a_late_refund_goes_along_when_its_token_is_handed_over() external {
        _stop();
        bytes[] memory calls = new bytes[](2);
        calls[0] = _migrateCall(address(minted), 50, none, none);
        calls[1] = _handOverCall(address(minted));
        uint64 nonce = _propose(calls);
        _payBack(Kinds.ERC20, address(minted), RECIPIENT, 7);
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        assertEq(next.pairOf(address(minted)).minted, 57, "all that is minted is counted there");
        assertEq(old.pairOf(address(minted)).minted, 0, "nothing here");
        assertEq(minted.totalSupply(), 57, "as much as there is");
        assertEq(minted.bridge(), address(next), "minter");
    }

    function test_a_late_refund_of_ids_does_not_undo_their_migration() external {
        _stop();
        bytes[] memory calls = new bytes[](2);
        calls[0] = _migrateCall(address(nft), 2, _list(9, 10), none);
        calls[1] = _migrateCall(address(multi), 30, _list(3, 4), _list(10, 20));
        uint64 nonce = _propose(calls);
        _payBack(Kinds.ERC721, address(nft), RECIPIENT, 9, hex"0000");
        _payBack(Kinds.ERC1155, address(multi), RECIPIENT, 6, _payload1155(_list(3, 4), _list(1, 5), ""));
        assertEq(nft.ownerOf(9), RECIPIENT, "paid back");
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        assertEq(nft.ownerOf(10), address(next), "the other one has moved");
        assertEq(next.pairOf(address(nft)).adopted, 1, "one");
        assertEq(multi.balanceOf(address(next), 3), 9, "units");
        assertEq(multi.balanceOf(address(next), 4), 15, "units");
        assertEq(next.pairOf(address(multi)).adopted, 24, "the rest");
    }

    /// @dev A refund that is refused on purpose: its value stays, and the vote takes effect.
    function test_a_late_hold_does_not_undo_a_migration() external {
        _stop();
        bytes[] memory calls = new bytes[](2);
        calls[0] = _migrateCall(address(0), 60, none, none);
        calls[1] = _migrateCall(address(multi), 30, _list(3, 4), _list(10, 20));
        uint64 nonce = _propose(calls);
        _payBack(Kinds.NATIVE, address(0), address(hostile), 25);
        _payBack(Kinds.ERC1155, address(multi), address(hostile), 6, _payload1155(_list(3, 4), _list(1, 5), ""));
        assertEq(bridge.laneState().heldCount, 3, "both are held");
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        assertEq(next.pairOf(address(0)).adopted, 35, "what is owed to nobody");
        assertEq(next.pairOf(address(multi)).adopted, 24, "what is owed to nobody");
        hostile.setBehaviour(Behaviour.Honest);
        _release(0);
        _release(uint64(requests.length - 2));
        assertEq(address(hostile).balance, 65, "and what is owed is paid");
    }

    function test_a_held_refund_keeps_a_minter_until_it_is_written_off() external {
        _payBack(Kinds.ERC1155, address(mintedMulti), address(hostile), 4, _payload1155(_list(1), _list(4), ""));
        uint64 held = uint64(requests.length - 1);
        _expectHeld(held, HoldReason.PayoutFailed);
        _stop();
        _configureExpecting(
            _handOverCall(address(mintedMulti)),
            abi.encodeWithSelector(IBridgeErrors.BridgePairInUse.selector, address(mintedMulti), 11, 4, false)
        );
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IBridgeHolds.writeOff, (held, requests[held]));
        calls[1] = _handOverCall(address(mintedMulti));
        _configureAll(calls);
        assertEq(mintedMulti.bridge(), address(next), "minter");
        assertEq(next.pairOf(address(mintedMulti)).minted, 15, "what was written off is minted, too");
        assertEq(mintedMulti.balanceOf(old.state().claims, 1), 4, "and lies with the claims");
    }

    // ---- ids that are owed ----

    function test_an_erc721_that_a_hold_is_owed_stays() external {
        _far(Kinds.ERC721, FAR_NFT, address(hostile), 9);
        _handleAll();
        uint64 held = uint64(requests.length - 1);
        _expectHeld(held, HoldReason.PayoutFailed);
        _stop();
        // In whatever order they are named: one may move, and it is not that one.
        _configure(_migrateCall(address(nft), 2, _list(9, 10), none));
        assertEq(nft.ownerOf(9), address(old), "owed");
        assertEq(nft.ownerOf(10), address(next), "owed to nobody");
        _configure(_migrateCall(address(nft), 1, _list(9), none));
        assertEq(nft.ownerOf(9), address(old), "owed still");
        hostile.setBehaviour(Behaviour.Honest);
        _release(held);
        assertEq(nft.ownerOf(9), address(hostile), "paid");
        assertEq(old.pairOf(address(nft)).escrow, 0, "nothing is left");
    }

    function test_an_id_moves_once_its_hold_has_ended() external {
        _far(Kinds.ERC721, FAR_NFT, address(hostile), 9);
        _handleAll();
        uint64 held = uint64(requests.length - 1);
        _stop();
        _configure(_migrateCall(address(nft), 2, _list(9, 10), none));
        assertEq(nft.ownerOf(9), address(old), "owed");
        _refund(held, _decided(REFUND, held));
        _configure(_migrateCall(address(nft), 1, _list(9), none));
        assertEq(nft.ownerOf(9), address(next), "free");
        assertEq(next.pairOf(address(nft)).adopted, 2, "both");
    }

    function test_units_that_a_hold_is_owed_stay_and_the_others_move() external {
        _far(Kinds.ERC1155, FAR_MULTI, address(hostile), 9, _payload1155(_list(3, 4), _list(4, 5), ""));
        _handleAll();
        uint64 held = uint64(requests.length - 1);
        _expectHeld(held, HoldReason.PayoutFailed);
        _stop();
        _configure(_migrateCall(address(multi), 30, _list(3, 4), _list(10, 20)));
        assertEq(multi.balanceOf(address(next), 3), 6, "of the first");
        assertEq(multi.balanceOf(address(next), 4), 15, "of the second");
        assertEq(next.pairOf(address(multi)).adopted, 21, "counted");
        assertEq(old.pairOf(address(multi)).escrow, 9, "what is owed");
        _refund(held, _decided(REFUND, held));
        _configure(_migrateCall(address(multi), 30, _list(3, 4), _list(10, 20)));
        assertEq(next.pairOf(address(multi)).adopted, 30, "all of it in the end");
        assertEq(multi.balanceOf(address(next), 3), 10, "all of the first");
    }

    function test_holds_of_one_id_add_up() external {
        for (uint256 i = 0; i < 3; ++i) {
            _far(Kinds.ERC1155, FAR_MULTI, address(hostile), 2, _payload1155(_list(3), _list(2), ""));
        }
        _payBack(Kinds.ERC1155, address(multi), address(hostile), 2, _payload1155(_list(3), _list(2), ""));
        _stop();
        _configure(_migrateCall(address(multi), 30, _list(3), _list(10)));
        assertEq(multi.balanceOf(address(next), 3), 2, "ten without four times two");
        uint64 first = uint64(requests.length - 4);
        _refund(first, _decided(REFUND, first));
        _configure(_migrateCall(address(multi), 30, _list(3), _list(10)));
        assertEq(multi.balanceOf(address(next), 3), 4, "and two more");
    }

    function test_what_a_hold_is_owed_of_a_mint_pair_lies_nowhere() external {
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, address(hostile), 9, _payload1155(_list(1), _list(9), ""));
        _handleAll();
        _stop();
        _configure(_migrateCall(address(mintedMulti), 100, none, none));
        assertEq(next.pairOf(address(mintedMulti)).minted, 11, "all that is minted");
    }

    function test_a_hold_of_another_kind_is_owed_no_id() external {
        _far(Kinds.ERC1155, FAR_NFT, RECIPIENT, 1, _payload1155(_list(9), _list(1), ""));
        _handleAll();
        _expectHeld(uint64(requests.length - 1), HoldReason.KindMismatch);
        _stop();
        _configure(_migrateCall(address(nft), 1, _list(9), none));
        assertEq(nft.ownerOf(9), address(next), "free");
    }

    /// @dev Made while the pair was gone it names no id of it, though it counts.
    function test_a_hold_of_no_pair_is_owed_no_id() external {
        TestNFT fresh = new TestNFT("Fresh", "FRE");
        bytes memory registration = _pairCall(Kinds.ERC721, false, address(fresh), FAR_UNKNOWN);
        bridge = next;
        _configure(registration);
        bridge = old;
        _configure(registration);
        _configure(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(fresh), true)));
        (uint64 inbound, uint64 outbound) = (uint64(requests.length), bridge.laneState().requestNonce);
        _configure(abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(fresh), inbound, outbound)));
        _far(Kinds.ERC721, FAR_UNKNOWN, RECIPIENT, 5);
        _handleAll();
        _expectHeld(uint64(requests.length - 1), HoldReason.UnknownToken);

        _configure(registration);
        for (uint256 id = 5; id < 7; ++id) {
            fresh.mint(USER, id);
            vm.prank(USER);
            fresh.safeTransferFrom(USER, address(bridge), id, abi.encode(RECIPIENT, USER, 0, ""));
        }
        _stop();
        _configure(_migrateCall(address(fresh), 2, _list(5, 6), none));
        assertEq(fresh.ownerOf(5), address(next), "free");
        assertEq(fresh.ownerOf(6), address(old), "as much stays as is held");
    }

    // ---- steps ----

    function _payBack(uint8 kind, address what, address to, uint256 value) private {
        _payBack(kind, what, to, value, "");
    }

    /// @dev A refund of the counterpart's arrives and is handled.
    function _payBack(uint8 kind, address what, address to, uint256 value, bytes memory payload) private {
        _far(kind | REFUND_BIT, what, to, value, payload);
        _handleAll();
    }
}
