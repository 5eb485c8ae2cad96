// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, HoldReason, Permit} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {IBridgeMigration} from "../../src/interfaces/IBridgeMigration.sol";
import {IBridgePayouts} from "../../src/interfaces/IBridgePayouts.sol";
import {IBridgeRequests} from "../../src/interfaces/IBridgeRequests.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeMinted} from "../../src/tokens/BridgeMinted.sol";
import {IConstruction} from "../IConstruction.sol";
import {SettersTest} from "../SettersTest.sol";
import {Receiver} from "../contracts/Receiver.sol";

/// @title What was lost elsewhere to whoever had, or took, the right to act; the table is in Incidents
contract AuthorityTest is SettersTest {
    // ---- Poly 2021: a call across the bridge reaches who keeps the keys ----

    function test_poly_2021_no_request_calls_the_bridge_or_a_token() external {
        _seedNative(100);
        bytes memory takeOver = abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OUTSIDER_KEY), THRESHOLD));
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(bridge), 1, takeOver);
        _far(Kinds.ERC20, FAR_MINTED, address(bridge), 1, takeOver);
        _far(Kinds.ERC20, FAR_MINTED, address(minted), 1, abi.encodeCall(minted.mint, (USER, 1_000_000)));
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(minted), 1, abi.encodeCall(minted.mint, (USER, 1_000_000)));
        _far(Kinds.ERC721, FAR_MINTED_NFT, address(bridge), 1, _payload721("", takeOver));
        _far(Kinds.ERC721, FAR_MINTED_NFT, address(minted), 1, _payload721("", takeOver));
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, address(bridge), 1, _payload1155(_list(1), _list(1), takeOver));
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, address(minted), 1, _payload1155(_list(1), _list(1), takeOver));
        _handleAll();
        for (uint64 i = 0; i < 8; ++i) {
            _expectHeld(i, HoldReason.InvalidRecipient);
        }
        assertEq(bridge.laneState().operatorEpoch, 1, "operators");
        assertEq(minted.totalSupply(), 0, "supply");
    }

    function test_poly_2021_the_code_of_the_seldom_functions_obeys_no_request_either() external {
        // A part is a stranger as a recipient. It gets its payment, and the function in the data is not called.
        address part = bridge.parts().governance;
        bytes memory takeOver = abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OUTSIDER_KEY), THRESHOLD));
        _far(Kinds.ERC20, FAR_MINTED, part, 1, takeOver);
        vm.expectCall(part, takeOver, 0);
        _handleAll();
        assertEq(minted.balanceOf(part), 1, "paid");
        assertEq(bridge.laneState().operatorEpoch, 1, "operators");
    }

    function test_poly_2021_data_are_an_argument_and_never_a_call() external {
        Receiver receiver = new Receiver();
        _configure(abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(minted), 1_000_000)));
        bytes memory call = abi.encodeCall(receiver.reenter, (address(bridge), "owned"));
        _far(Kinds.ERC20, FAR_MINTED, address(receiver), 1, call);
        _handleAll();
        assertEq(receiver.target(), address(0), "the function in the data did not run");
        assertEq(keccak256(receiver.extraData()), keccak256(call), "they arrived as what they are");
    }

    // ---- Orbit 2023: hours until the bridge stopped ----

    function test_orbit_2023_one_operator_stops_every_request_and_payout_at_once() external {
        vm.deal(USER, 100);
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(0), 1);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 1);
        _handleUntil(1);
        bytes[] memory approved = _approved(2);
        bytes[] memory refund = _decided(REFUND, 0);
        bytes[] memory forced = _decided(FORCE_HOLD, 1);
        // Anyone may carry the one signature.
        bytes memory signature = _sign(OPERATOR_KEY + 3, _pauseDigest(0));
        vm.prank(vm.addr(OUTSIDER_KEY));
        bridge.pause(0, signature);
        bytes memory paused = abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0);
        vm.expectRevert(paused);
        _submit(1, _slice(1, 2), new bytes32[](0), approved);
        vm.expectRevert(paused);
        bridge.forceHold(1, requests[1], forced);
        vm.expectRevert(paused);
        _release(0);
        vm.expectRevert(paused);
        _refund(0, refund);
        vm.expectRevert(paused);
        vm.prank(USER);
        bridge.seed{value: 1}(address(0), 1);
        _expectNoRequests(paused);
    }

    // ---- IoTeX 2026: one key ----

    function test_iotex_2026_nobody_but_the_bridge_mints_burns_or_hands_over() external {
        address[3] memory who = [vm.addr(OPERATOR_KEY), vm.addr(GOVERNOR_KEY), address(this)];
        uint256[] memory ids = _list(1);
        for (uint256 i = 0; i < who.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(BridgeMinted.BridgeMintedOnlyBridge.selector, who[i]);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            minted.mint(who[i], 1);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            minted.burn(1);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            minted.handOver(who[i]);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedNFT.safeMint(who[i], 1, "");
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedNFT.burn(1);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedNFT.handOver(who[i]);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedMulti.mintBatch(who[i], ids, ids);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedMulti.burnBatch(ids, ids);
            vm.expectRevert(reason);
            vm.prank(who[i]);
            mintedMulti.handOver(who[i]);
        }
    }

    // ---- CrossCurve 2026: an entry without its check ----

    function test_crosscurve_2026_every_function_refuses_who_has_no_right_to_it() external {
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 1);
        _handleAll();
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        Checkpoint memory checkpoint = _checkpoint(2);
        bytes[] memory none = _unsigned();
        bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
        bytes memory forged = _sign(OUTSIDER_KEY, _digestFor(checkpoint));
        address outsider = vm.addr(OUTSIDER_KEY);
        uint64 nonce = bridge.state().configurationNonce;
        _expectRefused(
            _handleCall(1, _slice(1, 2), new bytes32[](0), none), IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgePayouts.vote, (checkpoint, forged)), IBridgeErrors.BridgeNotOperator.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeHolds.release, (0, requests[0], none)), IBridgeErrors.BridgeReleaseFailed.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeHolds.refund, (0, requests[0], none)), IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeHolds.forceHold, (1, requests[1], none)), IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgePayouts.payWhole, (address(minted), requests[1])),
            IBridgeErrors.BridgeOnlySelf.selector
        );
        _expectRefused(
            abi.encodeCall(bridge.onTransferReceived, (outsider, outsider, 1, arguments)),
            IBridgeErrors.BridgePairUnknown.selector
        );
        _expectRefused(
            abi.encodeCall(bridge.onERC721Received, (outsider, outsider, 1, arguments)),
            IBridgeErrors.BridgePairUnknown.selector
        );
        _expectRefused(
            abi.encodeCall(bridge.onERC1155Received, (outsider, outsider, 1, 1, arguments)),
            IBridgeErrors.BridgePairUnknown.selector
        );
        _expectRefused(
            abi.encodeCall(bridge.onERC1155BatchReceived, (outsider, outsider, _list(1), _list(1), arguments)),
            IBridgeErrors.BridgePairUnknown.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.pause, (0, forged)), IBridgeErrors.BridgeNotOperator.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.configure, (nonce, type(uint64).max, _one(_loosening(1)), none)),
            IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.executeConfiguration, (nonce, _one(_loosening(1)))),
            IBridgeErrors.BridgeConfigurationNotNext.selector
        );
        _propose(_one(_loosening(1)));
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.cancelConfiguration, (nonce, none)),
            IBridgeErrors.BridgeBelowThreshold.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeMigration.adopt, (address(minted), true, 1, new uint256[](0), new uint256[](0))),
            IBridgeErrors.BridgeNotPredecessor.selector
        );
        _expectRefused(
            abi.encodeCall(IBridgeConfiguration.withdrawFees, (address(minted))), IBridgeErrors.BridgeNoFees.selector
        );
        _expectRefused(
            abi.encodeCall(IConstruction.construct, (_construction(_members(OUTSIDER_KEY), THRESHOLD))),
            IBridgeErrors.BridgeOnlySelf.selector
        );
        _expectSettersRefused(outsider);
        _coverAll(_setterCalls(outsider));
        // The rest is for everybody, with value of their own.
        _coverAll(_requestCalls());
        _cover(IBridgeRequests.seed.selector);
        _expectAllCovered("abi/Bridge.json");
    }

    // ---- steps ----

    /// @dev Every request, in two steps and in one.
    function _expectNoRequests(bytes memory reason) private {
        bytes[] memory calls = _requestCalls();
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(USER);
            (bool success, bytes memory result) = address(bridge).call{value: i == 0 ? 1 : 0}(calls[i]);
            assertTrue(!success, vm.toString(i));
            assertEq(keccak256(result), keccak256(reason), vm.toString(i));
        }
        bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
        nft.mint(USER, 9);
        multi.mint(USER, 3, 10);
        vm.expectRevert(reason);
        vm.prank(USER);
        nft.safeTransferFrom(USER, address(bridge), 9, arguments);
        vm.expectRevert(reason);
        vm.prank(USER);
        multi.safeTransferFrom(USER, address(bridge), 3, 10, arguments);
        vm.expectRevert(reason);
        vm.prank(USER);
        multi.safeBatchTransferFrom(USER, address(bridge), _list(3), _list(10), arguments);
        vm.expectRevert(reason);
        vm.prank(address(token));
        bridge.onTransferReceived(USER, USER, 1, arguments);
        // A plain payment is a request as well.
        vm.prank(USER, USER);
        (bool sent, bytes memory answer) = address(bridge).call{value: 1}("");
        assertTrue(!sent && keccak256(answer) == keccak256(reason), "plain payment");
    }

    /// @dev What everybody may request.
    function _requestCalls() private view returns (bytes[] memory calls) {
        Permit memory permit = Permit(1, type(uint64).max, 27, bytes32(uint256(1)), bytes32(uint256(1)));
        calls = new bytes[](5);
        calls[0] = abi.encodeCall(bridge.requestNativeTransfer, (1, RECIPIENT, USER, ""));
        calls[1] = abi.encodeCall(bridge.requestERC20Transfer, (address(token), 1, RECIPIENT, USER, 0, ""));
        calls[2] =
            abi.encodeCall(bridge.requestERC20TransferWithPermit, (address(token), 1, RECIPIENT, USER, 0, "", permit));
        calls[3] = abi.encodeCall(bridge.requestERC721Transfer, (address(nft), 9, RECIPIENT, USER, ""));
        calls[4] =
            abi.encodeCall(bridge.requestERC1155Transfer, (address(multi), _list(3), _list(10), RECIPIENT, USER, ""));
    }

    /// @dev From an account that is nobody, as a transaction of its own.
    function _expectRefused(bytes memory call, bytes4 reason) private {
        address outsider = vm.addr(OUTSIDER_KEY);
        vm.prank(outsider, outsider);
        (bool success, bytes memory result) = address(bridge).call(call);
        assertTrue(!success, "refused");
        assertEq(bytes32(bytes4(result)), bytes32(reason), "reason");
        // A bridge has that one only while it is made.
        if (bytes4(call) != IConstruction.construct.selector) _cover(bytes4(call));
    }
}
