// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {LaneState, PairState} from "../src/interfaces/BridgeTypes.sol";
import {Succession} from "./Succession.sol";
import {Test} from "./Vm.sol";

/// @title Value that moves to a successor is the same value
contract SuccessionTest is Test {
    Succession private _world;

    function setUp() external {
        _world = new Succession();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_world);
    }

    /// @dev What is kept here and there is what is outside, in flight and held, pair by pair, and nothing is counted that is not
    /// there.
    /// forge-config: default.invariant.depth = 350
    function invariant_value_is_conserved_with_successors() external view {
        for (uint256 pair = 0; pair < _world.HONEST(); ++pair) {
            uint256 kept = 0;
            uint256 owed = _world.inFlight(0, pair) + _world.inFlight(1, pair);
            for (uint256 side = 0; side < 2; ++side) {
                owed += _world.heldDue(side, pair);
                if (!_world.registered(side, pair)) continue;
                _world.checkSuccessor(side, pair);
                PairState memory here = _world.bridges(side).pairOf(_world.tokens(side, pair));
                PairState memory there = _world.successors(side).pairOf(_world.tokens(side, pair));
                assertEq(here.held, _world.heldDue(side, pair), "held");
                kept += uint256(here.escrow) + there.escrow;
                owed += uint256(here.minted) + there.minted + here.seeded;
            }
            assertEq(kept, owed, "what is kept is what is outside, in flight and held");
        }
        for (uint256 lane = 0; lane < 2; ++lane) {
            LaneState memory destination = _world.bridges(1 - lane).laneState();
            assertEq(destination.handleNonce, _world.handled(lane), "handle nonce");
            assertEq(destination.heldCount, _world.openHolds(lane).length, "holds");
            assertEq(destination.handleRoot, _world.root(lane, _world.handled(lane)), "handle root");
            assertEq(_world.bridges(lane).laneState().requestNonce, _world.requested(lane), "request nonce");
        }
    }
}
