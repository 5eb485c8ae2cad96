// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Approval} from "./world/Paying.sol";
import {Succeeding} from "./world/Succeeding.sol";
import {Turns} from "./world/Turns.sol";

/// Everything that may happen there.
enum Step {
    RequestNative,
    RequestERC20,
    RequestERC721,
    RequestERC1155,
    Seed,
    Provoke,
    Handle,
    ForceHold,
    Release,
    Refund,
    StopOrAllow,
    Migrate,
    HandOver,
    GiveBack
}

/// @title Two bridges and their successors, to be driven at random
/// @dev As `World`, with less of what users and governors do and all of what moves value from one bridge to the next.
contract Succession is Succeeding, Turns {
    uint256 public constant ACTIONS = 14;

    modifier happens(Step step, uint256 choice) {
        // Nothing is requested where requests are stopped, nor allowed again before everything is back.
        _takeTurn(uint256(step), ACTIONS, step == Step.StopOrAllow || step == Step.GiveBack);
        _draw(choice);
        _;
    }

    function requestNative(uint256 choice) external happens(Step.RequestNative, choice) {
        _requestNative();
    }

    function requestERC20(uint256 choice) external happens(Step.RequestERC20, choice) {
        _requestERC20();
    }

    function requestERC721(uint256 choice) external happens(Step.RequestERC721, choice) {
        _requestERC721(choice % 2 == 0);
    }

    function requestERC1155(uint256 choice) external happens(Step.RequestERC1155, choice) {
        _requestERC1155(choice % 2 == 0);
    }

    function seed(uint256 choice) external happens(Step.Seed, choice) {
        _seedPair();
    }

    function provoke(uint256 choice) external happens(Step.Provoke, choice) {
        _provokeOne();
    }

    function handle(uint256 choice) external happens(Step.Handle, choice) {
        _handle(Approval.Both);
    }

    function forceHold(uint256 choice) external happens(Step.ForceHold, choice) {
        _forceHolds();
    }

    function release(uint256 choice) external happens(Step.Release, choice) {
        if (choice % 4 == 0) _release();
        else _releaseByThreshold();
    }

    function refund(uint256 choice) external happens(Step.Refund, choice) {
        if (choice % 2 == 0) _refundEarly();
        else _refundLate();
    }

    function stopOrAllow(uint256 choice) external happens(Step.StopOrAllow, choice) {
        _stopOrAllow();
    }

    function migrate(uint256 choice) external happens(Step.Migrate, choice) {
        _migrateSome();
    }

    function handOver(uint256 choice) external happens(Step.HandOver, choice) {
        _handOverOne();
    }

    function giveBack(uint256 choice) external happens(Step.GiveBack, choice) {
        _giveBack();
    }
}
