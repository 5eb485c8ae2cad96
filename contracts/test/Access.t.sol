// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Checkpoint,
    PairConfiguration,
    PairLimits,
    Parts,
    Permit,
    ValueTransfer
} from "../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../src/interfaces/IBridge.sol";
import {IBridgeErrors} from "../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {AbiFunctions} from "./AbiFunctions.sol";
import {BridgeTest} from "./BridgeTest.sol";
import {IConstruction} from "./IConstruction.sol";

/// When a function is closed, beside the time before the wiring.
enum Closed {
    /// While the bridge is paused, and while requests are stopped.
    Requests,
    /// While the bridge is paused.
    Paused,
    /// Never: votes, governance, and what is refused to everybody but one.
    Never
}

/// A call that somebody without any right makes, and what it is told.
struct Attempt {
    bytes call;
    uint256 value;
    Closed closed;
    /// Reason on a bridge that is open; empty when anyone may do this.
    bytes stranger;
    /// Reason on a bridge that is not wired.
    bytes unwired;
}

/// @title Who may not call what, function by function
contract AccessTest is BridgeTest, AbiFunctions {
    address private constant OUTSIDER_TOKEN = address(0x707);
    uint256 private constant ID = 9;

    Attempt[] private attempts;

    function setUp() public override {
        super.setUp();
        vm.deal(USER, 1 ether);
        nft.mint(RECIPIENT, ID);
        _listRequests();
        _listCallbacks();
        _listPayouts();
        _listVotes();
        _listSetters();
    }

    function test_every_function_has_a_case() external {
        for (uint256 i = 0; i < attempts.length; ++i) {
            assertTrue(!covered[bytes4(attempts[i].call)], "one case each");
            _cover(bytes4(attempts[i].call));
        }
        _expectAllCovered("abi/Bridge.json");
    }

    function test_stranger_is_refused_by_every_function_that_is_not_for_everyone() external {
        uint256 open;
        for (uint256 i = 0; i < attempts.length; ++i) {
            if (attempts[i].stranger.length == 0) ++open;
            else _expectRefused(address(bridge), attempts[i], attempts[i].stranger);
        }
        assertEq(open, 1, "only native currency is there for everyone to send");
    }

    function test_unwired_bridge_refuses_everything() external {
        _freshBridge();
        for (uint256 i = 0; i < attempts.length; ++i) {
            _expectRefused(address(bridge), attempts[i], attempts[i].unwired);
        }
        _expectPlainSendRefused(address(bridge), abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector));
    }

    function test_paused_bridge_refuses_requests_and_payouts_and_nothing_else_changes() external {
        _pause();
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0);
        for (uint256 i = 0; i < attempts.length; ++i) {
            bool closed = attempts[i].closed != Closed.Never;
            _expectRefused(address(bridge), attempts[i], closed ? reason : attempts[i].stranger);
        }
        _expectPlainSendRefused(address(bridge), reason);
    }

    function test_stopped_requests_are_refused_and_nothing_else_changes() external {
        _configure(abi.encodeCall(bridge.setRequestsStopped, (true)));
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeRequestsStopped.selector);
        for (uint256 i = 0; i < attempts.length; ++i) {
            // Its number has just been used.
            if (bytes4(attempts[i].call) == bridge.configure.selector) continue;
            bool closed = attempts[i].closed == Closed.Requests;
            _expectRefused(address(bridge), attempts[i], closed ? reason : attempts[i].stranger);
        }
        _expectPlainSendRefused(address(bridge), reason);
    }

    function test_a_part_by_itself_refuses_everything() external {
        address[4] memory parts = _partsOf(bridge);
        for (uint256 i = 0; i < attempts.length; ++i) {
            uint256 places;
            for (uint256 part = 0; part < parts.length; ++part) {
                vm.prank(USER, USER);
                (bool success, bytes memory result) = parts[part].call{value: attempts[i].value}(attempts[i].call);
                assertTrue(!success, "refused");
                // What a part does not have it refuses without a word, and the rest as any bridge that is not wired.
                if (result.length == 0) continue;
                assertEq(keccak256(result), keccak256(attempts[i].unwired), "reason");
                ++places;
            }
            assertLe(places, 1, "in one part");
        }
        for (uint256 part = 0; part < parts.length; ++part) {
            _expectPlainSendRefused(parts[part], "");
        }
    }

    function test_the_governance_by_itself_takes_no_first_configuration() external {
        // It has no governors, and nothing meets a threshold of 0.
        Parts memory parts = bridge.parts();
        bytes[] memory calls = _one(_wireCall());
        bytes[] memory signatures =
            _signatures(GOVERNOR_KEY, MEMBERS, _configurationDigest(0, 0, type(uint64).max, calls));
        vm.expectPartialRevert(IBridgeErrors.BridgeBelowThreshold.selector);
        IBridge(payable(parts.governance)).configure(0, type(uint64).max, calls, signatures);
        assertTrue(!IBridge(payable(parts.views)).state().wired, "not wired");
    }

    function test_construction_happens_once() external {
        address[] memory members = _members(OUTSIDER_KEY);
        bytes memory call = abi.encodeCall(IConstruction.construct, (_construction(members, 3)));
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeOnlySelf.selector, USER);
        _expectRefused(address(bridge), Attempt(call, 0, Closed.Never, "", ""), reason);
        _expectRefused(bridge.parts().governance, Attempt(call, 0, Closed.Never, "", ""), reason);
        _freshBridge();
        _expectRefused(address(bridge), Attempt(call, 0, Closed.Never, "", ""), reason);
        assertTrue(!bridge.isOperator(members[0]), "no operator");
    }

    function test_nobody_is_the_bridge_but_the_bridge() external {
        address[6] memory callers = [
            vm.addr(OPERATOR_KEY),
            vm.addr(GOVERNOR_KEY),
            COUNTERPART,
            bridge.parts().governance,
            address(minted),
            address(this)
        ];
        uint256 setters;
        for (uint256 i = 0; i < attempts.length; ++i) {
            bytes4 reason = bytes4(attempts[i].stranger);
            bool isSetter = reason == IBridgeErrors.BridgeOnlyConfiguration.selector;
            bool isOwn = isSetter || reason == IBridgeErrors.BridgeOnlySelf.selector
                || reason == IBridgeErrors.BridgeNotPredecessor.selector;
            if (isSetter) ++setters;
            for (uint256 j = 0; isOwn && j < callers.length; ++j) {
                vm.prank(callers[j]);
                (bool success, bytes memory result) = address(bridge).call(attempts[i].call);
                assertTrue(!success, "refused");
                bytes memory expected = abi.encodeWithSelector(reason, callers[j]);
                assertEq(keccak256(result), keccak256(expected), "reason");
            }
        }
        assertEq(setters, 18, "setters");
    }

    function test_value_is_paid_for_nobody_who_stands_in_between() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeSubmitterNotDirect.selector, USER);
        uint256 found;
        for (uint256 i = 0; i < attempts.length; ++i) {
            bytes4 selector = bytes4(attempts[i].call);
            if (selector != bridge.handle.selector && selector != bridge.release.selector) continue;
            ++found;
            vm.prank(USER, SUBMITTER);
            (bool success, bytes memory result) = address(bridge).call(attempts[i].call);
            assertTrue(!success && keccak256(result) == keccak256(reason), "another origin");
        }
        assertEq(found, 2, "both");
    }

    // ---- the cases ----

    function _listRequests() private {
        uint256[] memory one = new uint256[](1);
        one[0] = 1;
        bytes memory unwired = abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector);
        bytes memory noAllowance =
            abi.encodeWithSignature("ERC20InsufficientAllowance(address,uint256,uint256)", address(bridge), 0, 1);
        _list(abi.encodeCall(bridge.requestNativeTransfer, (1, RECIPIENT, USER, "")), Closed.Requests, "", unwired);
        attempts[0].value = 1;
        bytes memory call = abi.encodeCall(bridge.requestERC20Transfer, (address(token), 1, RECIPIENT, USER, 0, ""));
        _list(call, Closed.Requests, noAllowance, unwired);
        Permit memory permit = Permit(1, type(uint64).max, 27, bytes32(uint256(1)), bytes32(uint256(1)));
        call =
            abi.encodeCall(bridge.requestERC20TransferWithPermit, (address(token), 1, RECIPIENT, USER, 0, "", permit));
        _list(call, Closed.Requests, noAllowance, _unknown(address(token)));
        call = abi.encodeCall(bridge.requestERC721Transfer, (address(nft), ID, RECIPIENT, USER, ""));
        bytes memory notOwner = abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, address(nft), ID);
        _list(call, Closed.Requests, notOwner, unwired);
        call = abi.encodeCall(bridge.requestERC1155Transfer, (address(multi), one, one, RECIPIENT, USER, ""));
        bytes memory noApproval =
            abi.encodeWithSignature("ERC1155MissingApprovalForAll(address,address)", address(bridge), USER);
        _list(call, Closed.Requests, noApproval, unwired);
        _list(abi.encodeCall(bridge.seed, (address(token), 1)), Closed.Requests, noAllowance, unwired);
    }

    function _listCallbacks() private {
        bytes memory data = abi.encode(RECIPIENT, USER, uint256(0), bytes(""));
        uint256[] memory one = new uint256[](1);
        one[0] = 1;
        _listCallback(abi.encodeCall(bridge.onTransferReceived, (USER, USER, 1, data)));
        _listCallback(abi.encodeCall(bridge.onERC721Received, (USER, USER, 1, data)));
        _listCallback(abi.encodeCall(bridge.onERC1155Received, (USER, USER, 1, 1, data)));
        _listCallback(abi.encodeCall(bridge.onERC1155BatchReceived, (USER, USER, one, one, data)));
    }

    function _listPayouts() private {
        _far(Kinds.ERC20, FAR_MINTED, USER, 1);
        bytes memory unwired = abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector);
        bytes memory below = abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, THRESHOLD);
        bytes memory notHeld = abi.encodeWithSelector(IBridgeErrors.BridgeNotHeld.selector, 0);
        bytes memory onlySelf = abi.encodeWithSelector(IBridgeErrors.BridgeOnlySelf.selector, USER);
        ValueTransfer memory transfer = requests[0];
        bytes[] memory forged = _signatures(OUTSIDER_KEY, MEMBERS, _checkpointDigest(1, 1, _root(1)));
        bytes memory call = _handleCall(0, _slice(0, 1), new bytes32[](0), forged);
        _list(call, Closed.Paused, below, unwired);
        _list(abi.encodeCall(bridge.release, (0, transfer, forged)), Closed.Paused, notHeld, unwired);
        _list(abi.encodeCall(bridge.refund, (0, transfer, forged)), Closed.Paused, notHeld, unwired);
        _list(abi.encodeCall(bridge.forceHold, (0, transfer, forged)), Closed.Paused, below, unwired);
        _list(abi.encodeCall(bridge.payWhole, (address(minted), transfer)), Closed.Never, onlySelf, onlySelf);
    }

    function _listVotes() private {
        bytes memory notWired = abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector);
        bytes memory outsider = abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(OUTSIDER_KEY));
        Checkpoint memory checkpoint = Checkpoint(inboundId, 1, 1, _root(1));
        bytes memory signature = _sign(OUTSIDER_KEY, _checkpointDigest(1, 1, _root(1)));
        _list(abi.encodeCall(bridge.vote, (checkpoint, signature)), Closed.Never, outsider, notWired);
        signature = _sign(OUTSIDER_KEY, _pauseDigest(0));
        _list(abi.encodeCall(bridge.pause, (0, signature)), Closed.Paused, outsider, notWired);

        // The number after the wiring, so that it is another one on what is not wired.
        bytes[] memory calls = _one(abi.encodeCall(bridge.unpause, ()));
        _list(
            abi.encodeCall(bridge.configure, (1, type(uint64).max, calls, new bytes[](0))),
            Closed.Never,
            abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, THRESHOLD),
            abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNonce.selector, 1, 0)
        );
        bytes memory notNext = abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNotNext.selector, 1);
        _list(abi.encodeCall(bridge.executeConfiguration, (1, calls)), Closed.Never, notNext, notWired);
        _list(abi.encodeCall(bridge.cancelConfiguration, (1, new bytes[](0))), Closed.Never, notNext, notWired);
        bytes memory noFees = abi.encodeWithSelector(IBridgeErrors.BridgeNoFees.selector, address(0), address(0));
        _list(abi.encodeCall(bridge.withdrawFees, (address(0))), Closed.Never, noFees, notWired);
        uint256[] memory nothing = new uint256[](0);
        bytes memory notPredecessor = abi.encodeWithSelector(IBridgeErrors.BridgeNotPredecessor.selector, USER);
        bytes memory adopt = abi.encodeCall(bridge.adopt, (address(minted), true, 1, nothing, nothing));
        _list(adopt, Closed.Never, notPredecessor, notWired);
    }

    function _listSetters() private {
        uint256[] memory nothing = new uint256[](0);
        address[] memory outsiders = _members(OUTSIDER_KEY);
        PairConfiguration memory pair =
            PairConfiguration(Kinds.ERC20, true, 0, 0, GAS_CAP, OUTSIDER_TOKEN, address(0x708));
        PairLimits memory limits;
        _listSetter(_wireCall());
        _listSetter(abi.encodeCall(bridge.setOperators, (outsiders, THRESHOLD)));
        _listSetter(abi.encodeCall(bridge.setGovernors, (outsiders, THRESHOLD)));
        _listSetter(abi.encodeCall(bridge.registerPair, (pair)));
        _listSetter(abi.encodeCall(bridge.deregisterPair, (address(token), 0, 0)));
        _listSetter(abi.encodeCall(bridge.setPairLocked, (address(token), true)));
        _listSetter(abi.encodeCall(bridge.setPairGasCap, (address(token), GAS_CAP)));
        _listSetter(abi.encodeCall(bridge.setGreatestGasCap, (GAS_CAP)));
        _listSetter(abi.encodeCall(bridge.writeOff, (0, requests[0])));
        _listSetter(abi.encodeCall(bridge.setPairLimits, (address(token), limits)));
        _listSetter(abi.encodeCall(bridge.setFeeReceiver, (USER)));
        _listSetter(abi.encodeCall(bridge.setRefundDelay, (1)));
        _listSetter(abi.encodeCall(bridge.setGovernanceDelay, (1 hours)));
        _listSetter(abi.encodeCall(bridge.unpause, ()));
        _listSetter(abi.encodeCall(bridge.setRequestsStopped, (true)));
        _listSetter(abi.encodeCall(bridge.setPredecessor, (USER)));
        _listSetter(abi.encodeCall(bridge.migrate, (address(minted), USER, 1, nothing, nothing, 0)));
        _listSetter(abi.encodeCall(bridge.handOver, (address(minted), USER, 0)));
    }

    // ---- steps ----

    function _listSetter(bytes memory call) private {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeOnlyConfiguration.selector, USER);
        _list(call, Closed.Never, reason, reason);
    }

    /// @dev Whoever calls back has to be a registered token.
    function _listCallback(bytes memory call) private {
        bytes memory unwired = abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector);
        _list(call, Closed.Requests, _unknown(USER), unwired);
    }

    function _list(bytes memory call, Closed closed, bytes memory stranger, bytes memory unwired) private {
        attempts.push(Attempt(call, 0, closed, stranger, unwired));
    }

    /// @dev An empty reason stands for a call that nothing is expected of.
    function _expectRefused(address target, Attempt memory attempt, bytes memory reason) private {
        if (reason.length == 0) return;
        vm.prank(USER, USER);
        (bool success, bytes memory result) = target.call{value: attempt.value}(attempt.call);
        assertTrue(!success, string.concat("refused: ", vm.toString(abi.encodePacked(bytes4(attempt.call)))));
        assertEq(keccak256(result), keccak256(reason), vm.toString(abi.encodePacked(bytes4(attempt.call))));
    }

    function _expectPlainSendRefused(address target, bytes memory reason) private {
        vm.prank(USER, USER);
        (bool success, bytes memory result) = target.call{value: 1}("");
        assertTrue(!success, "plain send");
        assertEq(keccak256(result), keccak256(reason), "reason of the plain send");
    }

    function _unknown(address asset) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, asset);
    }
}
