// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ApprovalTest} from "./Approval.t.sol";
import {ConservationTest} from "./Conservation.t.sol";
import {ProgressTest} from "./Progress.t.sol";
import {VotedTest} from "./Voted.t.sol";
import {Campaign} from "./world/Campaign.sol";

/// @title Every invariant about one and the same world
/// @dev Driving a world costs more than asking about it, so `contracts/prolong` drives one instead of one for each invariant.
/// `make test` leaves this out, where each invariant has a world of its own.
contract TogetherTest is Campaign {
    ConservationTest private _conservation;
    ProgressTest private _progress;
    ApprovalTest private _approval;
    VotedTest private _voted;

    error Held();

    function setUp() public override {
        super.setUp();
        (_conservation, _progress) = (new ConservationTest(), new ProgressTest());
        (_approval, _voted) = (new ApprovalTest(), new VotedTest());
        _conservation.join(world);
        _progress.join(world);
        _approval.join(world);
        _voted.join(world);
    }

    function invariant_all_of_them() external {
        _ask(address(_conservation), ConservationTest.invariant_value_is_conserved_per_pair.selector);
        _ask(address(_conservation), ConservationTest.invariant_everybody_has_what_is_due.selector);
        _ask(address(_progress), ProgressTest.invariant_no_nonce_is_handled_twice.selector);
        _ask(address(_progress), ProgressTest.invariant_no_accepted_request_stops_a_lane.selector);
        _ask(address(_progress), ProgressTest.invariant_a_hold_ends_once.selector);
        _ask(address(_approval), ApprovalTest.invariant_no_payout_without_a_threshold.selector);
        _ask(address(_approval), ApprovalTest.invariant_votes_and_signatures_reach_the_same_state.selector);
        _ask(address(_voted), VotedTest.invariant_a_bridge_is_what_was_voted.selector);
    }

    /// @notice Asks one of them, and takes back what it tried out on the way.
    function ask(address campaign, bytes4 invariant) external {
        (bool success, bytes memory result) = campaign.call(abi.encodeWithSelector(invariant));
        if (success) revert Held();
        _bubble(result);
    }

    function _ask(address campaign, bytes4 invariant) private {
        try this.ask(campaign, invariant) {
            revert AssertionFailed("an answer takes everything back");
        } catch (bytes memory result) {
            if (bytes4(result) != Held.selector) _bubble(result);
        }
    }

    function _bubble(bytes memory result) private pure {
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }
}
