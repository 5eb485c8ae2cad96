// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, Hold, HoldReason, PairLimits} from "../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../src/interfaces/IBridgeErrors.sol";
import {BridgeTest} from "./BridgeTest.sol";
import {Receiver} from "./contracts/Receiver.sol";

/// @title What tests of holds, limits and decisions have in common
/// @dev Time and height are asked from forge: the optimizer takes `block.timestamp` for the same value throughout a call.
abstract contract LaneTest is BridgeTest {
    bytes32 internal constant FORCE_HOLD =
        keccak256("ForceHold(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)");
    bytes32 internal constant RELEASE = keccak256("Release(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)");
    bytes32 internal constant REFUND = keccak256("Refund(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)");
    /// The bit in the kind of a request that pays a hold back.
    uint8 internal constant REFUND_BIT = 0x80;
    uint128 internal constant NO_LIMIT = type(uint128).max;
    address internal constant REFUND_TO = address(0x4EF);

    // ---- time ----

    function _now() internal view returns (uint256) {
        return vm.getBlockTimestamp();
    }

    function _height() internal view returns (uint256) {
        return vm.getBlockNumber();
    }

    function _wait(uint256 time) internal {
        vm.warp(_now() + time);
    }

    function _mine(uint256 blocks) internal {
        vm.roll(_height() + blocks);
    }

    // ---- votes of operators ----

    /// @dev The first `nonce` requests, for the present operators.
    function _checkpoint(uint64 nonce) internal view returns (Checkpoint memory) {
        return Checkpoint(inboundId, bridge.laneState().operatorEpoch, nonce, _root(nonce));
    }

    function _digestFor(Checkpoint memory checkpoint) internal view returns (bytes32) {
        bytes32 typeHash = keccak256("Checkpoint(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 root)");
        return _digest(
            keccak256(abi.encode(typeHash, checkpoint.bridgeId, checkpoint.epoch, checkpoint.nonce, checkpoint.root))
        );
    }

    function _vote(Checkpoint memory checkpoint, uint256 operator) internal {
        bridge.vote(checkpoint, _sign(OPERATOR_KEY + operator, _digestFor(checkpoint)));
    }

    /// @dev Votes of the operators whose bits are set.
    function _voteAll(Checkpoint memory checkpoint, uint256 operators) internal {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (operators >> i & 1 == 1) _vote(checkpoint, i);
        }
    }

    /// @dev Recorded once is recorded: a second time is refused for that reason.
    function _expectVoted(Checkpoint memory checkpoint, uint256 operator) internal {
        bytes memory signature = _sign(OPERATOR_KEY + operator, _digestFor(checkpoint));
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyVoted.selector, vm.addr(OPERATOR_KEY + operator))
        );
        bridge.vote(checkpoint, signature);
    }

    // ---- decisions of operators ----

    function _unsigned() internal pure returns (bytes[] memory) {
        return new bytes[](0);
    }

    function _decisionDigest(bytes32 typeHash, uint64 nonce) internal view returns (bytes32) {
        uint64 epoch = bridge.laneState().operatorEpoch;
        return _digest(keccak256(abi.encode(typeHash, inboundId, epoch, nonce, leaves[nonce])));
    }

    /// @dev Signatures of `count` operators.
    function _decided(bytes32 typeHash, uint64 nonce, uint256 count) internal view returns (bytes[] memory) {
        return _signatures(OPERATOR_KEY, count, _decisionDigest(typeHash, nonce));
    }

    function _decided(bytes32 typeHash, uint64 nonce) internal view returns (bytes[] memory) {
        return _decided(typeHash, nonce, THRESHOLD);
    }

    // ---- holds ----

    /// @dev `release` in a transaction of its own.
    function _release(uint64 nonce, bytes[] memory signatures) internal {
        vm.prank(SUBMITTER, SUBMITTER);
        bridge.release(nonce, requests[nonce], signatures);
    }

    function _release(uint64 nonce) internal {
        _release(nonce, _unsigned());
    }

    function _refund(uint64 nonce, bytes[] memory signatures) internal {
        bridge.refund(nonce, requests[nonce], signatures);
    }

    function _forceHold(uint64 nonce) internal {
        bridge.forceHold(nonce, requests[nonce], _decided(FORCE_HOLD, nonce));
    }

    function _expectReleaseFails(uint64 nonce, HoldReason reason) internal {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeReleaseFailed.selector, nonce, reason));
        _release(nonce);
        assertTrue(bridge.holds(nonce, 1).length == 1, "a release that fails leaves the hold");
    }

    function _expectBelowThreshold(uint256 signers) internal {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, signers, THRESHOLD));
    }

    function _expectHeld(uint64 nonce, HoldReason reason) internal view {
        Hold[] memory list = bridge.holds(nonce, 1);
        assertEq(list.length, 1, "held");
        assertEq(uint256(list[0].reason), uint256(reason), "reason");
        assertEq(list[0].leaf, leaves[nonce], "leaf");
    }

    function _expectNotHeld(uint64 nonce) internal view {
        assertEq(bridge.holds(nonce, 1).length, 0, "not held");
    }

    // ---- recipients ----

    /// @dev One that writes down all that it is told, with gas caps that are enough for that, and 100 of what locks to be paid.
    function _newReceiver(uint32 gasCap) internal returns (Receiver receiver) {
        receiver = new Receiver();
        _raiseGasCaps(gasCap);
        _seedNative(100);
        _seedToken(100);
    }

    // ---- limits ----

    /// @dev Of the native pair, of that which locks and of that which mints.
    function _raiseGasCaps(uint32 cap) internal {
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(0), cap));
        calls[1] = abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(token), cap));
        calls[2] = abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(minted), cap));
        _configure(calls);
    }

    function _noLimits() internal pure returns (PairLimits memory limits) {
        limits.maximum = NO_LIMIT;
        limits.outflowCapacity = NO_LIMIT;
        limits.delayAbove = NO_LIMIT;
    }

    function _limitsCall(address near, PairLimits memory limits) internal pure returns (bytes memory) {
        return abi.encodeCall(IBridgeConfiguration.setPairLimits, (near, limits));
    }

    function _setLimits(address near, PairLimits memory limits) internal {
        _configure(_limitsCall(near, limits));
    }

    // ---- value ----

    /// @dev Gives USER so much of the locked ERC-20, approved for the bridge.
    function _giveToken(uint256 amount) internal {
        token.mint(USER, amount);
        vm.prank(USER);
        token.approve(address(bridge), type(uint256).max);
    }

    /// @dev A request of USER for the locked ERC-20, without fee.
    function _requestToken(uint256 amount) internal returns (uint64) {
        vm.prank(USER);
        return bridge.requestERC20Transfer(address(token), amount, RECIPIENT, REFUND_TO, 0, "");
    }

    // ---- payloads, written out once more ----

    function _payload721(string memory uri, bytes memory extraData) internal pure returns (bytes memory) {
        return bytes.concat(bytes2(uint16(bytes(uri).length)), bytes(uri), extraData);
    }

    function _payload1155(uint256[] memory ids, uint256[] memory amounts, bytes memory extraData)
        internal
        pure
        returns (bytes memory payload)
    {
        payload = abi.encodePacked(uint8(ids.length));
        for (uint256 i = 0; i < ids.length; ++i) {
            payload = abi.encodePacked(payload, ids[i], uint128(amounts[i]));
        }
        payload = bytes.concat(payload, extraData);
    }

    function _list(uint256 a) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = a;
    }

    function _list(uint256 a, uint256 b) internal pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (a, b);
    }

    /// @dev `count` numbers: first, first + step, …
    function _series(uint256 count, uint256 first, uint256 step) internal pure returns (uint256[] memory list) {
        list = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = first + i * step;
        }
    }
}
