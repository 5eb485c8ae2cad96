// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "../Vm.sol";
import {World} from "../World.sol";

/// @title Drives a world at random and asks an invariant in between
/// @dev forge prints how often each action was called, and how many calls it discarded because they would have been in vain;
/// `contracts/effective` prints the difference and demands enough of each.
abstract contract Campaign is Test {
    /// As forge has it.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    World internal world;

    function setUp() public virtual {
        world = new World();
    }

    /// @notice Asks about this world and no longer about its own.
    function join(World other) external {
        world = other;
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(world);
    }

    /// @notice The trials are for invariants.
    function excludeSelectors() external view returns (FuzzSelector[] memory excluded) {
        excluded = new FuzzSelector[](1);
        excluded[0].addr = address(world);
        excluded[0].selectors = new bytes4[](5);
        excluded[0].selectors[0] = world.tryApproval.selector;
        excluded[0].selectors[1] = world.tryAll.selector;
        excluded[0].selectors[2] = world.tryTooFew.selector;
        excluded[0].selectors[3] = world.tryHandled.selector;
        excluded[0].selectors[4] = world.tryEnded.selector;
    }
}
