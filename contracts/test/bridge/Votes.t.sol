// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";

/// @title Votes on chain, and signatures beside them
contract VotesTest is LaneTest {
    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 4; ++i) {
            _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        }
    }

    // ---- what a vote does ----

    function test_a_vote_is_recorded_and_told() external {
        Checkpoint memory checkpoint = _checkpoint(2);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.CheckpointVoted(2, vm.addr(OPERATOR_KEY + 1), _digestFor(checkpoint));
        _vote(checkpoint, 1);
        _expectVoted(checkpoint, 1);
        assertEq(bridge.laneState().handleNonce, 0, "nothing is handled");
    }

    function test_a_compact_signature_votes_too() external {
        Checkpoint memory checkpoint = _checkpoint(2);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(OPERATOR_KEY, _digestFor(checkpoint));
        bytes memory compact = abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
        bridge.vote(checkpoint, compact);
        _expectVoted(checkpoint, 0);
    }

    function test_votes_alone_suffice_and_anybody_handles() external {
        _voteAll(_checkpoint(4), 7);
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
        assertEq(minted.balanceOf(RECIPIENT), 4, "paid");
    }

    function test_votes_for_a_later_checkpoint_pay_in_pieces() external {
        _voteAll(_checkpoint(4), 14);
        _submit(0, _slice(0, 1), _tail(1, 4), _unsigned());
        _submit(1, _slice(1, 3), _tail(3, 4), _unsigned());
        _submit(3, _slice(3, 4), new bytes32[](0), _unsigned());
        assertEq(minted.balanceOf(RECIPIENT), 4, "paid");
    }

    function test_every_mix_of_votes_and_signatures() external {
        uint256 accepted;
        for (uint256 votes = 0; votes < 16; ++votes) {
            for (uint256 signed = 0; signed < 16; ++signed) {
                if (requests.length == bridge.laneState().handleNonce) _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
                // A root of its own for each mix, so that no vote of another one counts.
                requests[requests.length - 1].value = 1 + votes * 16 + signed;
                leaves[requests.length - 1] = _leaf(uint64(requests.length - 1), requests[requests.length - 1]);
                accepted += _mix(votes, signed) ? 1 : 0;
            }
        }
        // Of all pairs of subsets of four: those whose union has three or four members.
        assertEq(accepted, 4 * 27 + 81, "mixes that reach the threshold");
    }

    function test_an_operator_that_votes_and_signs_counts_once() external {
        Checkpoint memory checkpoint = _checkpoint(4);
        _voteAll(checkpoint, 3);
        bytes[] memory signatures = _signed(_digestFor(checkpoint), 3);
        _expectBelowThreshold(2);
        _submit(0, _slice(0, 4), new bytes32[](0), signatures);
        signatures = _signed(_digestFor(checkpoint), 6);
        _submit(0, _slice(0, 4), new bytes32[](0), signatures);
        assertEq(bridge.laneState().handleNonce, 4, "with a third one");
    }

    function test_votes_for_two_roots_do_not_add_up() external {
        Checkpoint memory checkpoint = _checkpoint(4);
        Checkpoint memory other = _checkpoint(4);
        other.root = keccak256("another history");
        _voteAll(checkpoint, 3);
        _voteAll(other, 15);
        _expectBelowThreshold(2);
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
        // Both leave a trace.
        _expectVoted(checkpoint, 0);
        _expectVoted(other, 0);
    }

    function test_votes_for_another_nonce_do_not_count() external {
        _voteAll(_checkpoint(3), 15);
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
        _submit(0, _slice(0, 3), new bytes32[](0), _unsigned());
        assertEq(bridge.laneState().handleNonce, 3, "for their own they do");
    }

    function test_votes_are_taken_while_the_bridge_is_paused_and_pay_nothing() external {
        _pause();
        _voteAll(_checkpoint(4), 7);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0));
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
        _configure(abi.encodeCall(IBridgeConfiguration.unpause, ()));
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
        assertEq(bridge.laneState().handleNonce, 4, "after the pause");
    }

    // ---- refused ----

    function test_a_vote_for_another_lane_does_not_count_on_this_one() external {
        Checkpoint memory checkpoint = _checkpoint(4);
        checkpoint.bridgeId = bridge.state().wiring.outboundBridgeId;
        _voteAll(checkpoint, 15);
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
        // Their signatures are worth nothing beside the votes either.
        bytes[] memory signatures = _signed(_digestFor(checkpoint), 15);
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 4), new bytes32[](0), signatures);
    }

    function test_votes_are_cleared_with_the_last_request_under_them_and_not_before() external {
        Checkpoint memory checkpoint = _checkpoint(4);
        _voteAll(checkpoint, 7);
        bytes32 slot = _slotOf(_digestFor(checkpoint));
        _submit(0, _slice(0, 3), _tail(3, 4), _unsigned());
        _expectVoted(checkpoint, 0);
        _submit(3, _slice(3, 4), new bytes32[](0), _unsigned());
        assertEq(vm.load(address(bridge), slot), 0, "given back");
        // And they cannot be given again.
        bytes memory signature = _sign(OPERATOR_KEY, _digestFor(checkpoint));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyHandled.selector, 4));
        bridge.vote(checkpoint, signature);
    }

    function test_a_vote_for_another_epoch_is_refused() external {
        Checkpoint memory checkpoint = _checkpoint(2);
        for (uint64 epoch = 0; epoch < 3; epoch += 2) {
            checkpoint.epoch = epoch;
            bytes memory signature = _sign(OPERATOR_KEY, _digestFor(checkpoint));
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeOtherEpoch.selector, epoch, 1));
            bridge.vote(checkpoint, signature);
        }
    }

    function test_a_vote_for_a_handled_nonce_is_refused() external {
        Checkpoint memory zero = _checkpoint(0);
        bytes memory signature = _sign(OPERATOR_KEY, _digestFor(zero));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyHandled.selector, 0));
        bridge.vote(zero, signature);
        _handleUntil(3);
        for (uint64 nonce = 1; nonce <= 3; ++nonce) {
            Checkpoint memory checkpoint = _checkpoint(nonce);
            signature = _sign(OPERATOR_KEY, _digestFor(checkpoint));
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyHandled.selector, 3));
            bridge.vote(checkpoint, signature);
        }
        _vote(_checkpoint(4), 0);
    }

    function test_a_second_vote_of_one_operator_is_refused() external {
        Checkpoint memory checkpoint = _checkpoint(2);
        _vote(checkpoint, 0);
        _vote(checkpoint, 1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyVoted.selector, vm.addr(OPERATOR_KEY)));
        _vote(checkpoint, 0);
        _expectBelowThreshold(2);
        _submit(0, _slice(0, 2), new bytes32[](0), _unsigned());
    }

    function test_a_vote_of_an_outsider_is_refused() external {
        Checkpoint memory checkpoint = _checkpoint(2);
        bytes memory signature = _sign(OUTSIDER_KEY, _digestFor(checkpoint));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(OUTSIDER_KEY)));
        bridge.vote(checkpoint, signature);
        // A governor is no operator.
        signature = _sign(GOVERNOR_KEY, _digestFor(checkpoint));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(GOVERNOR_KEY)));
        bridge.vote(checkpoint, signature);
    }

    function test_a_malformed_vote_is_refused() external {
        Checkpoint memory checkpoint = _checkpoint(2);
        bytes[4] memory malformed = [
            bytes(""), bytes(hex"01"), new bytes(65), bytes.concat(_sign(OPERATOR_KEY, _digestFor(checkpoint)), hex"00")
        ];
        for (uint256 i = 0; i < malformed.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, address(0)));
            bridge.vote(checkpoint, malformed[i]);
        }
    }

    function test_a_signature_of_another_type_is_no_vote() external {
        Checkpoint memory checkpoint = _checkpoint(2);
        // The words are the same, the type is not.
        bytes32 digest =
            _digest(keccak256(abi.encode(RELEASE, inboundId, checkpoint.epoch, checkpoint.nonce, checkpoint.root)));
        bytes memory signature = _sign(OPERATOR_KEY, digest);
        vm.expectPartialRevert(IBridgeErrors.BridgeNotOperator.selector);
        bridge.vote(checkpoint, signature);
    }

    function test_a_bridge_that_is_not_wired_takes_no_vote() external {
        Checkpoint memory checkpoint = _checkpoint(2);
        _freshBridge();
        bytes memory signature = _sign(OPERATOR_KEY, _digestFor(checkpoint));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector));
        bridge.vote(checkpoint, signature);
    }

    // ---- another epoch ----

    function test_a_change_of_operators_kills_all_votes() external {
        Checkpoint memory checkpoint = _checkpoint(4);
        _voteAll(checkpoint, 15);
        _configure(abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OPERATOR_KEY), THRESHOLD)));
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
        // The same operators vote for the same root again.
        _voteAll(_checkpoint(4), 7);
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
        assertEq(bridge.laneState().handleNonce, 4, "handled");
    }

    function test_a_new_operator_does_not_inherit_the_votes_of_its_place() external {
        _voteAll(_checkpoint(4), 1);
        address[] memory members = _members(OPERATOR_KEY);
        members[0] = vm.addr(OUTSIDER_KEY);
        _configure(abi.encodeCall(IBridgeConfiguration.setOperators, (members, THRESHOLD)));
        Checkpoint memory checkpoint = _checkpoint(4);
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
        bytes memory signature = _sign(OPERATOR_KEY, _digestFor(checkpoint));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(OPERATOR_KEY)));
        bridge.vote(checkpoint, signature);
        bridge.vote(checkpoint, _sign(OUTSIDER_KEY, _digestFor(checkpoint)));
        _expectBelowThreshold(1);
        _submit(0, _slice(0, 4), new bytes32[](0), _unsigned());
    }

    // ---- steps ----

    /// @dev Signatures of the operators whose bits are set.
    function _signed(bytes32 digest, uint256 operators) private pure returns (bytes[] memory signatures) {
        signatures = new bytes[](_size(operators));
        uint256 found;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (operators >> i & 1 == 1) signatures[found++] = _sign(OPERATOR_KEY + i, digest);
        }
    }

    function _size(uint256 operators) private pure returns (uint256 size) {
        for (; operators != 0; operators &= operators - 1) {
            ++size;
        }
    }

    /// @dev Whether these votes and signatures handle all requests; checked against what they must.
    function _mix(uint256 votes, uint256 signed) private returns (bool enough) {
        uint64 first = bridge.laneState().handleNonce;
        Checkpoint memory checkpoint = _checkpoint(uint64(requests.length));
        _voteAll(checkpoint, votes);
        bytes[] memory signatures = _signed(_digestFor(checkpoint), signed);
        uint256 union = _size(votes | signed);
        enough = union >= THRESHOLD;
        if (!enough) _expectBelowThreshold(union);
        _submit(first, _slice(first, requests.length), new bytes32[](0), signatures);
    }

    /// @dev Where the bridge keeps the votes for a digest, found by what is there.
    function _slotOf(bytes32 digest) private view returns (bytes32 slot) {
        for (uint256 i = 0; i < 64; ++i) {
            slot = keccak256(abi.encode(digest, i));
            if (vm.load(address(bridge), slot) != 0) return slot;
        }
        revert AssertionFailed("nothing is kept for the digest");
    }
}
