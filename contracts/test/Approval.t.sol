// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Campaign} from "./world/Campaign.sol";
import {Approval} from "./world/Paying.sol";
import {Trials} from "./world/Trials.sol";

/// @title A threshold of current operators is needed, and is enough in whichever way it approves
contract ApprovalTest is Campaign {
    /// @dev Beside what every action has shown on its way: whoever was paid had a threshold.
    function invariant_no_payout_without_a_threshold() external {
        for (uint256 lane = 0; lane < 2; ++lane) {
            world.tryTooFew(lane, world.total());
            assertEq(world.bridges(1 - lane).laneState().handleNonce, world.handled(lane), "approved and no more");
        }
    }

    function invariant_votes_and_signatures_reach_the_same_state() external {
        for (uint256 lane = 0; lane < 2; ++lane) {
            if (world.handled(lane) == world.requested(lane)) continue;
            bytes32 expected = _stateAfter(lane, Approval.Signatures);
            assertEq(_stateAfter(lane, Approval.Votes), expected, "after votes");
            assertEq(_stateAfter(lane, Approval.Both), expected, "after both");
        }
    }

    function _stateAfter(uint256 lane, Approval approval) private returns (bytes32 state) {
        try world.tryApproval(lane, approval) {
            revert AssertionFailed("an outcome that stays");
        } catch (bytes memory result) {
            if (bytes4(result) != Trials.Outcome.selector) {
                assembly ("memory-safe") {
                    revert(add(result, 0x20), mload(result))
                }
            }
            assembly ("memory-safe") {
                state := mload(add(result, 0x24))
            }
        }
    }
}
