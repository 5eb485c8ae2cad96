// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hold, LaneState, RequestNonce} from "../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../src/interfaces/IBridge.sol";
import {Campaign} from "./world/Campaign.sol";

/// @title Every request has one fate, and none of them stops those behind it
contract ProgressTest is Campaign {
    function invariant_no_nonce_is_handled_twice() external {
        for (uint256 lane = 0; lane < 2; ++lane) {
            LaneState memory source = world.bridges(lane).laneState();
            LaneState memory destination = world.bridges(1 - lane).laneState();
            uint256 made = world.requested(lane);
            uint256 handled = world.handled(lane);
            assertEq(source.requestNonce, made, "request nonce");
            assertEq(source.requestRoot, world.root(lane, made), "request root");
            assertEq(destination.handleNonce, handled, "handle nonce");
            assertEq(destination.handleRoot, world.root(lane, handled), "handle root");
            if (handled == 0) continue;
            uint256 last = world.requestAt(lane, handled - 1).sourceBlock;
            assertEq(destination.recoveryBlockNumber, last, "recovery block");
            world.tryHandled(lane);
        }
    }

    function invariant_no_accepted_request_stops_a_lane() external {
        world.tryAll(0);
        world.tryAll(1);
    }

    /// @dev A request is paid, refunded or held: one of the three.
    function invariant_a_hold_ends_once() external {
        for (uint256 lane = 0; lane < 2; ++lane) {
            IBridge destination = world.bridges(1 - lane);
            Hold[] memory holds = destination.holds(0, type(uint64).max);
            assertEq(holds.length, destination.laneState().heldCount, "held count");
            assertEq(holds.length, world.openHolds(lane).length, "holds that are open");
            for (uint256 i = 0; i < holds.length; ++i) {
                uint256 nonce = RequestNonce.unwrap(holds[i].nonce);
                assertEq(uint256(holds[i].reason), uint256(world.holdDue(lane, nonce)), "reason");
                assertEq(holds[i].heldAtBlock, world.heldAt(lane, nonce), "block");
                assertEq(holds[i].leaf, world.leaf(lane, nonce), "leaf");
                assertEq(world.fates(lane, nonce), 0, "neither paid nor refunded");
            }
            assertEq(world.fatesInAll(lane) + holds.length, world.handled(lane), "each has one fate");
            world.tryEnded(lane, world.total());
        }
    }
}
