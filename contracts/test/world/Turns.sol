// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "../Vm.sol";

/// @title How often each action took effect, so that none leaves the others far behind
abstract contract Turns is Test {
    /// How far one action may be ahead of the mean.
    uint256 private constant LEAD = 5;

    /// How often each action took effect, and all of them together.
    mapping(uint256 action => uint256) public effective;
    uint256 public total;

    /// @dev One of so many actions happens, unless it is too far ahead. What opens the way for others has no such limit: they
    /// may all wait for it while nothing else raises the mean.
    function _takeTurn(uint256 action, uint256 actions, bool opensTheWay) internal {
        vm.assume(opensTheWay || effective[action] <= total / actions + LEAD);
        ++effective[action];
        ++total;
    }
}
