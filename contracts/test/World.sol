// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Approval} from "./world/Paying.sol";
import {Trials} from "./world/Trials.sol";
import {Turns} from "./world/Turns.sol";

/// Everything that may happen.
enum Action {
    RequestNative,
    SendPlainly,
    RequestERC20,
    RequestERC20WithPermit,
    PayERC20,
    RequestERC721,
    SendERC721,
    RequestERC1155,
    SendERC1155,
    RequestHostile,
    Provoke,
    Seed,
    Donate,
    WithdrawFees,
    Vote,
    HandleBySignatures,
    HandleByVotes,
    HandleByBoth,
    ForceHold,
    Release,
    ReleaseByThreshold,
    RefundEarly,
    RefundLate,
    ConfigureAtOnce,
    Schedule,
    ExecuteScheduled,
    CancelScheduled,
    WriteOff,
    TakeClaim,
    ComeOrGoLocked,
    ComeOrGoMinted,
    Pause,
    Unpause
}

/// @title Two bridges with users, relays, operators, governors and enemies, to be driven at random
/// @dev Each function is something that happens, chosen in detail by one number. What would change nothing does not happen
/// and does not count, and nothing happens much more often than the rest. So every call that counts is one that took
/// effect, and it has shown on its way that what must be refused before and after it is refused.
contract World is Trials, Turns {
    uint256 public constant ACTIONS = 33;

    modifier happens(Action action, uint256 choice) {
        _takeTurn(uint256(action), ACTIONS, _opensTheWay(action));
        _draw(choice);
        _;
    }

    // ---- users ----

    function requestNative(uint256 choice) external happens(Action.RequestNative, choice) {
        _requestNative();
    }

    function sendPlainly(uint256 choice) external happens(Action.SendPlainly, choice) {
        _sendPlainly();
    }

    function requestERC20(uint256 choice) external happens(Action.RequestERC20, choice) {
        _requestERC20();
    }

    function requestERC20WithPermit(uint256 choice) external happens(Action.RequestERC20WithPermit, choice) {
        _requestERC20WithPermit();
    }

    function payERC20(uint256 choice) external happens(Action.PayERC20, choice) {
        _payERC20();
    }

    function requestERC721(uint256 choice) external happens(Action.RequestERC721, choice) {
        _requestERC721(false);
    }

    function sendERC721(uint256 choice) external happens(Action.SendERC721, choice) {
        _requestERC721(true);
    }

    function requestERC1155(uint256 choice) external happens(Action.RequestERC1155, choice) {
        _requestERC1155(false);
    }

    function sendERC1155(uint256 choice) external happens(Action.SendERC1155, choice) {
        _requestERC1155(true);
    }

    function requestHostile(uint256 choice) external happens(Action.RequestHostile, choice) {
        _requestHostile();
    }

    function provoke(uint256 choice) external happens(Action.Provoke, choice) {
        _provokeOne();
    }

    function seed(uint256 choice) external happens(Action.Seed, choice) {
        _seedPair();
    }

    function donate(uint256 choice) external happens(Action.Donate, choice) {
        _donate();
    }

    function withdrawFees(uint256 choice) external happens(Action.WithdrawFees, choice) {
        _withdrawFees();
    }

    // ---- operators and relays ----

    function vote(uint256 choice) external happens(Action.Vote, choice) {
        _vote();
    }

    function handleBySignatures(uint256 choice) external happens(Action.HandleBySignatures, choice) {
        _handle(Approval.Signatures);
    }

    function handleByVotes(uint256 choice) external happens(Action.HandleByVotes, choice) {
        _handle(Approval.Votes);
    }

    function handleByBoth(uint256 choice) external happens(Action.HandleByBoth, choice) {
        _handle(Approval.Both);
    }

    function forceHold(uint256 choice) external happens(Action.ForceHold, choice) {
        _forceHolds();
    }

    function release(uint256 choice) external happens(Action.Release, choice) {
        _release();
    }

    function releaseByThreshold(uint256 choice) external happens(Action.ReleaseByThreshold, choice) {
        _releaseByThreshold();
    }

    function refundEarly(uint256 choice) external happens(Action.RefundEarly, choice) {
        _refundEarly();
    }

    function refundLate(uint256 choice) external happens(Action.RefundLate, choice) {
        _refundLate();
    }

    function pause(uint256 choice) external happens(Action.Pause, choice) {
        _pauseOne();
    }

    // ---- governors ----

    function configureAtOnce(uint256 choice) external happens(Action.ConfigureAtOnce, choice) {
        _configureAtOnce();
    }

    function schedule(uint256 choice) external happens(Action.Schedule, choice) {
        _schedule();
    }

    function executeScheduled(uint256 choice) external happens(Action.ExecuteScheduled, choice) {
        _executeScheduled();
    }

    function cancelScheduled(uint256 choice) external happens(Action.CancelScheduled, choice) {
        _cancelScheduled();
    }

    function writeOff(uint256 choice) external happens(Action.WriteOff, choice) {
        _voteWriteOff();
    }

    function takeClaim(uint256 choice) external happens(Action.TakeClaim, choice) {
        _takeClaim();
    }

    function comeOrGoLocked(uint256 choice) external happens(Action.ComeOrGoLocked, choice) {
        _comeOrGo(STRAY);
    }

    function comeOrGoMinted(uint256 choice) external happens(Action.ComeOrGoMinted, choice) {
        _comeOrGo(GUEST);
    }

    function unpause(uint256 choice) external happens(Action.Unpause, choice) {
        _unpauseOne();
    }

    /// @dev Requests that are stopped, a pair that is locked and a side that is paused wait for governors.
    function _opensTheWay(Action action) private pure returns (bool) {
        return action == Action.Schedule || action == Action.ExecuteScheduled || action == Action.CancelScheduled
            || action == Action.Unpause;
    }
}
