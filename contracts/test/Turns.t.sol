// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Turns} from "./world/Turns.sol";

/// @title A world in which everything waits for one action goes on
contract TurnsTest is Turns {
    uint256 private constant ACTIONS = 32;
    uint256 private constant ORDINARY = 0;
    uint256 private constant OPENING = 1;
    uint256 private constant MANY = 100;

    function test_what_opens_the_way_happens_while_all_others_wait_for_it() external {
        uint256 alone = 0;
        while (alone < MANY && _happens(ORDINARY, false)) {
            ++alone;
        }
        assertTrue(alone < MANY, "nothing leaves the others far behind");
        for (uint256 i = 0; i < MANY; ++i) {
            assertTrue(_happens(OPENING, true), "what opens the way is never refused");
        }
        assertTrue(_happens(ORDINARY, false), "the others go on with the mean");
        assertEq(total, alone + MANY + 1, "all that happened");
    }

    function takeTurn(uint256 action, bool opensTheWay) external {
        _takeTurn(action, ACTIONS, opensTheWay);
    }

    function _happens(uint256 action, bool opensTheWay) private returns (bool) {
        try this.takeTurn(action, opensTheWay) {
            return true;
        } catch {
            return false;
        }
    }
}
