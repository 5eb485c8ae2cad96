// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "./Vm.sol";
import {World} from "./World.sol";

/// @title The world of the invariants meets what has to happen in an order that chance alone would not find
/// @dev As a campaign drives it, but always the same way. forge counts the actions of a campaign, and not what comes of them.
contract DeparturesTest is Test {
    uint256 private constant STRAY = 5;
    uint256 private constant GUEST = 6;
    uint256 private constant CALLS = 4_000;
    uint256 private constant ACTIONS = 33;

    /// What `vm.assume` reverts with.
    bytes32 private constant IN_VAIN = keccak256("FOUNDRY::ASSUME");

    error OtherReason(bytes reason);

    function test_each_pair_that_may_go_goes_and_comes_back() external {
        World world = new World();
        bytes4[ACTIONS] memory actions = _actionsOf(world);
        assertEq(actions.length, world.ACTIONS(), "all that may happen");
        for (uint256 i = 0; i < CALLS; ++i) {
            // All of them together use more than one transaction may.
            vm.resetGasMetering();
            uint256 choice = uint256(keccak256(abi.encode(i)));
            (bool happened, bytes memory reason) =
                address(world).call(abi.encodeWithSelector(actions[choice % ACTIONS], choice));
            if (!happened && keccak256(reason) != IN_VAIN) revert OtherReason(reason);
        }
        for (uint256 pair = STRAY; pair <= GUEST; ++pair) {
            assertLe(1, world.departures(pair), "it goes");
            assertLe(2, world.arrivals(pair), "it comes, and comes back");
        }
    }

    function _actionsOf(World world) private pure returns (bytes4[ACTIONS] memory actions) {
        actions[0] = world.requestNative.selector;
        actions[1] = world.sendPlainly.selector;
        actions[2] = world.requestERC20.selector;
        actions[3] = world.requestERC20WithPermit.selector;
        actions[4] = world.payERC20.selector;
        actions[5] = world.requestERC721.selector;
        actions[6] = world.sendERC721.selector;
        actions[7] = world.requestERC1155.selector;
        actions[8] = world.sendERC1155.selector;
        actions[9] = world.requestHostile.selector;
        actions[10] = world.provoke.selector;
        actions[11] = world.seed.selector;
        actions[12] = world.donate.selector;
        actions[13] = world.withdrawFees.selector;
        actions[14] = world.vote.selector;
        actions[15] = world.handleBySignatures.selector;
        actions[16] = world.handleByVotes.selector;
        actions[17] = world.handleByBoth.selector;
        actions[18] = world.forceHold.selector;
        actions[19] = world.release.selector;
        actions[20] = world.releaseByThreshold.selector;
        actions[21] = world.refundEarly.selector;
        actions[22] = world.refundLate.selector;
        actions[23] = world.pause.selector;
        actions[24] = world.configureAtOnce.selector;
        actions[25] = world.schedule.selector;
        actions[26] = world.executeScheduled.selector;
        actions[27] = world.cancelScheduled.selector;
        actions[28] = world.writeOff.selector;
        actions[29] = world.takeClaim.selector;
        actions[30] = world.comeOrGoLocked.selector;
        actions[31] = world.comeOrGoMinted.selector;
        actions[32] = world.unpause.selector;
    }
}
