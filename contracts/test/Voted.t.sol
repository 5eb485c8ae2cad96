// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeState, MemberSet, PairState, PendingConfiguration} from "../src/interfaces/BridgeTypes.sol";
import {Campaign} from "./world/Campaign.sol";
import {Scheduled} from "./world/Governing.sol";
import {Quorum} from "./world/Quorums.sol";

/// @title A bridge is what was voted, no sooner and no later
/// @dev Whoever gained a right by a vote that did not wait, or by a pause, would show here: nothing but what the world has entered
/// may be different.
contract VotedTest is Campaign {
    function invariant_a_bridge_is_what_was_voted() external view {
        for (uint256 side = 0; side < 2; ++side) {
            BridgeState memory state = world.bridges(side).state();
            assertTrue(state.paused == world.paused(side), "paused");
            assertTrue(state.requestsStopped == world.stopped(side), "requests stopped");
            assertEq(state.pauseNonce, world.pauseNonce(side), "pause nonce");
            assertEq(state.configurationNonce, world.configurationNonce(side), "configuration nonce");
            assertEq(state.refundDelay, world.refundDelay(side), "refund delay");
            assertEq(state.governanceDelay, world.governanceDelay(side), "governance delay");
            assertEq(state.greatestGasCap, world.greatestGasCap(side), "greatest gas cap");
            assertEq(state.feeReceiver, world.feeReceiver(side), "fee receiver");
            assertEq(state.predecessor, world.predecessor(side), "predecessor");
            assertEq(state.claims, world.claims(side), "claims");
            _checkMembers(state.operators, world.operatorsOf(side));
            _checkMembers(state.governors, world.governorsOf(side));
            _checkPairs(side, state.pairs);
            _checkPending(side, state.pending);
        }
    }

    function _checkMembers(MemberSet memory set, Quorum memory quorum) private view {
        assertEq(set.epoch, quorum.epoch, "epoch");
        assertEq(set.threshold, quorum.threshold, "threshold");
        assertEq(set.members.length, quorum.keys.length, "members");
        for (uint256 i = 0; i < set.members.length; ++i) {
            assertEq(set.members[i], world.memberOf(quorum.keys[i]), "member");
        }
    }

    /// @dev The order of pairs is nobody's business.
    function _checkPairs(uint256 side, PairState[] memory states) private view {
        uint256 found = 0;
        for (uint256 pair = 0; pair < world.PAIRS(); ++pair) {
            address token = world.tokens(side, pair);
            for (uint256 i = 0; i < states.length; ++i) {
                if (states[i].configuration.token != token) continue;
                ++found;
                assertTrue(world.registered(side, pair), "a pair that is there");
                assertTrue(states[i].locked == world.locked(side, pair), "locked");
                assertEq(states[i].configuration.gasCap, world.gasCap(side, pair), "gas cap");
                bytes32 limits = keccak256(abi.encode(states[i].limits));
                assertEq(limits, keccak256(abi.encode(world.limitsOf(side, pair))), "limits");
            }
        }
        assertEq(found, states.length, "all pairs are known");
        uint256 gone = 0;
        for (uint256 pair = 0; pair < world.PAIRS(); ++pair) {
            if (!world.registered(side, pair)) ++gone;
        }
        assertEq(found + gone, world.PAIRS(), "no pair is missing");
    }

    function _checkPending(uint256 side, PendingConfiguration[] memory pending) private view {
        Scheduled[] memory expected = world.pending(side);
        assertEq(pending.length, expected.length, "votes that wait");
        for (uint256 i = 0; i < pending.length; ++i) {
            assertEq(pending[i].configurationNonce, expected[i].nonce, "vote");
            assertEq(pending[i].executableAt, expected[i].executableAt, "when it can be executed");
            assertEq(pending[i].deadline, expected[i].deadline, "until when");
            assertEq(_count(pending[i].suspendedBy), _count(expected[i].suspendedBy), "who has suspended it");
        }
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) {
            ++count;
        }
    }
}
