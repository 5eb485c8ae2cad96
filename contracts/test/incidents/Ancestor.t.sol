// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, HoldReason} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {GovernanceTest} from "../GovernanceTest.sol";
import {FeeToken} from "../contracts/FeeToken.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";

/// @title The faults of the ancestor, the Klaytn and Kaia service chain; the table is in Incidents
contract AncestorTest is GovernanceTest {
    function test_ancestor_1_a_recipient_that_always_reverts_pins_neither_nonce_nor_recovery_block() external {
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.Reverts);
        _seedNative(100);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 10);
        for (uint256 i = 0; i < 5; ++i) {
            _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 10);
        }
        for (uint256 i = 1; i <= 6; ++i) {
            _handleUntil(i);
            assertEq(bridge.laneState().handleNonce, i, "nonce");
            assertEq(bridge.laneState().recoveryBlockNumber, requests[i - 1].sourceBlock, "recovery block");
        }
        assertEq(RECIPIENT.balance, 50, "the others are paid");
        _expectHeld(0, HoldReason.PayoutFailed);
    }

    function test_ancestor_2_one_call_moves_the_nonce_past_more_than_200_requests() external {
        for (uint256 i = 0; i < 250; ++i) {
            _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        }
        _handleAll();
        assertEq(bridge.laneState().handleNonce, 250, "and with no traffic behind them");
        assertEq(minted.balanceOf(RECIPIENT), 250, "paid");
    }

    function test_ancestor_2_a_request_costs_the_same_behind_a_thousand_others() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _handleUntil(1);
        _handleUntil(2);
        uint64 early = vm.lastCallGas().gasTotalUsed;
        for (uint256 i = 0; i < 1_000; ++i) {
            _far(Kinds.ERC20, i % 3 == 0 ? FAR_UNKNOWN : FAR_MINTED, RECIPIENT, 1);
        }
        _handleAll();
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _handleAll();
        uint64 late = vm.lastCallGas().gasTotalUsed;
        // The bytes of a larger number cost a little more calldata.
        assertLe(late, early + 200, "nothing is swept");
    }

    function test_ancestor_3_the_open_vote_of_a_deregistered_operator_does_not_count() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        Checkpoint memory checkpoint = _checkpoint(1);
        _voteAll(checkpoint, 3);
        address[] memory members = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            members[i] = vm.addr(OPERATOR_KEY + 1 + i);
        }
        _propose(_one(abi.encodeCall(IBridgeConfiguration.setOperators, (members, THRESHOLD))));
        checkpoint = _checkpoint(1);
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 1), new bytes32[](0), _unsigned());
        _vote(checkpoint, 2);
        _vote(checkpoint, 3);
        _expectBelowThreshold(2);
        _submit(0, _slice(0, 1), new bytes32[](0), _unsigned());
        bytes memory signature = _sign(OPERATOR_KEY, _digestFor(checkpoint));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(OPERATOR_KEY)));
        bridge.vote(checkpoint, signature);
    }

    function test_ancestor_3_there_are_never_fewer_operators_than_the_threshold() external {
        address[] memory members = new address[](2);
        (members[0], members[1]) = (vm.addr(OPERATOR_KEY), vm.addr(OPERATOR_KEY + 1));
        // Of former members under the old threshold: it would be executed at once.
        bytes[] memory calls = _one(abi.encodeCall(IBridgeConfiguration.setOperators, (members, THRESHOLD)));
        uint64 nonce = bridge.state().configurationNonce;
        bytes[] memory signatures = _governed(nonce, _deadline(), calls);
        uint64 deadline = _deadline();
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeInvalidThreshold.selector, THRESHOLD, 2));
        bridge.configure(nonce, deadline, calls, signatures);
        assertEq(bridge.state().operators.members.length, MEMBERS, "as before");
    }

    function test_ancestor_4_nothing_is_handled_while_the_bridge_does_not_run() external {
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 1);
        _handleAll();
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        bytes[] memory signatures = _approved(2);
        _pause();
        bytes memory paused = abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0);
        vm.expectRevert(paused);
        _submit(1, _slice(1, 2), new bytes32[](0), signatures);
        bytes[] memory forced = _decided(FORCE_HOLD, 1);
        vm.expectRevert(paused);
        bridge.forceHold(1, requests[1], forced);
        vm.expectRevert(paused);
        _release(0);
        _configure(abi.encodeCall(IBridgeConfiguration.unpause, ()));
        _submit(1, _slice(1, 2), new bytes32[](0), signatures);
        assertEq(minted.balanceOf(RECIPIENT), 1, "the pause alone has kept it");
        // Nor before it is wired.
        _freshBridge();
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector));
        _submit(0, _slice(1, 2), new bytes32[](0), signatures);
    }

    function test_ancestor_4_a_token_that_is_not_registered_is_not_paid() external {
        // Not even one of this chain that the bridge happens to have.
        nft.mint(address(bridge), 5);
        _far(Kinds.ERC20, address(minted), RECIPIENT, 1);
        _far(Kinds.ERC721, address(nft), RECIPIENT, 5);
        _far(Kinds.NATIVE, FAR_UNKNOWN, RECIPIENT, 1);
        _handleAll();
        for (uint64 i = 0; i < 3; ++i) {
            _expectHeld(i, HoldReason.UnknownToken);
        }
        assertEq(nft.ownerOf(5), address(bridge), "nothing is paid");
    }

    function test_ancestor_4_what_is_handled_is_checked_and_not_only_written() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _handleAll();
        bytes[] memory signatures = _approved(1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyHandled.selector, 1));
        _submit(0, _slice(0, 1), new bytes32[](0), signatures);
        // The same request under the next number is another one, which nobody has signed.
        _expectBelowThreshold(0);
        _submit(1, _slice(0, 1), new bytes32[](0), signatures);
    }

    function test_ancestor_5_a_request_is_for_what_was_received() external {
        FeeToken taxed = new FeeToken(10);
        _configure(_pairCall(Kinds.ERC20, false, address(taxed), FAR_UNKNOWN));
        taxed.mint(USER, 100);
        vm.prank(USER);
        taxed.approve(address(bridge), 100);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(taxed), USER, 90, "");
        vm.prank(USER);
        bridge.requestERC20Transfer(address(taxed), 100, RECIPIENT, USER, 0, "");
    }

    function test_ancestor_6_conflicting_votes_leave_a_trace_each() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        Checkpoint memory honest = _checkpoint(1);
        Checkpoint memory other = _checkpoint(1);
        other.root = keccak256("another history");
        bytes memory signature = _sign(OPERATOR_KEY, _digestFor(other));
        _vote(honest, 0);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.CheckpointVoted(1, vm.addr(OPERATOR_KEY), _digestFor(other));
        bridge.vote(other, signature);
        _expectVoted(honest, 0);
        _expectVoted(other, 0);
    }

    function test_ancestor_8_no_number_is_dropped_however_many_wait() external {
        for (uint256 i = 0; i < 1_100; ++i) {
            _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        }
        // One checkpoint covers them all; the pieces have any size.
        _voteAll(_checkpoint(1_100), 7);
        uint256[4] memory borders = [uint256(0), 1, 600, 1_100];
        for (uint256 i = 0; i < 3; ++i) {
            _submit(uint64(borders[i]), _slice(borders[i], borders[i + 1]), _tail(borders[i + 1], 1_100), _unsigned());
        }
        assertEq(minted.balanceOf(RECIPIENT), 1_100, "each is paid");
    }

    function test_ancestor_11_neither_one_governor_nor_all_of_them_set_a_threshold_of_one() external {
        address governor = vm.addr(GOVERNOR_KEY);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeOnlyConfiguration.selector, governor));
        vm.prank(governor);
        bridge.setOperators(_members(OPERATOR_KEY), 1);
        bytes[] memory calls = _one(abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OPERATOR_KEY), 1)));
        uint64 nonce = bridge.state().configurationNonce;
        uint64 deadline = _deadline();
        bytes[] memory one = _signatures(GOVERNOR_KEY, 1, _configurationDigest(1, nonce, deadline, calls));
        _expectBelowThreshold(1);
        bridge.configure(nonce, deadline, calls, one);
        // Nor do all of them together set it to 1 of 4.
        _configureExpecting(calls[0], abi.encodeWithSelector(IBridgeErrors.BridgeInvalidThreshold.selector, 1, MEMBERS));
    }
}
