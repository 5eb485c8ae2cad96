// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeTest} from "../BridgeTest.sol";

contract MemberSetsTest is BridgeTest {
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    // ---- who may be a member ----

    function test_zero_is_no_member() external {
        _refuseMembers(
            _pairOf(vm.addr(1), address(0)), 2, IBridgeErrors.BridgeInvalidMember.selector, abi.encode(address(0))
        );
    }

    function test_bridge_itself_is_no_member() external {
        bytes memory arguments = abi.encode(address(bridge));
        address[] memory members = _pairOf(vm.addr(1), address(bridge));
        _configureExpecting(
            abi.encodeCall(bridge.setOperators, (members, 2)),
            bytes.concat(IBridgeErrors.BridgeInvalidMember.selector, arguments)
        );
    }

    function test_member_twice_is_refused() external {
        address twice = vm.addr(1);
        _refuseMembers(_pairOf(twice, twice), 2, IBridgeErrors.BridgeDuplicateMember.selector, abi.encode(twice));
    }

    function test_64_members_are_accepted_and_65_refused() external {
        _configure(abi.encodeCall(bridge.setOperators, (_many(64), 33)));
        assertTrue(bridge.isOperator(vm.addr(1064)), "the last one is a member");
        _refuseMembers(_many(65), 33, IBridgeErrors.BridgeTooManyMembers.selector, abi.encode(65, 64));
    }

    // ---- thresholds ----

    function test_threshold_zero_is_refused() external {
        _refuseMembers(_many(3), 0, IBridgeErrors.BridgeInvalidThreshold.selector, abi.encode(0, 3));
    }

    function test_threshold_above_the_members_is_refused() external {
        _refuseMembers(_many(3), 4, IBridgeErrors.BridgeInvalidThreshold.selector, abi.encode(4, 3));
    }

    function test_threshold_of_half_or_less_is_refused() external {
        _refuseMembers(_many(4), 2, IBridgeErrors.BridgeInvalidThreshold.selector, abi.encode(2, 4));
        _refuseMembers(_many(3), 1, IBridgeErrors.BridgeInvalidThreshold.selector, abi.encode(1, 3));
    }

    function test_empty_set_is_refused() external {
        _refuseMembers(new address[](0), 0, IBridgeErrors.BridgeInvalidThreshold.selector, abi.encode(0, 0));
    }

    function test_development_flag_lifts_the_half_rule_and_nothing_else() external {
        IBridge development = _newBridge(_many(4), 1, _many(4), 2, DELAY, true);
        assertTrue(development.state().development, "the flag is visible");
        assertTrue(!bridge.state().development, "and off elsewhere");
        _refuseConstruction(4, 0, 3, true, _invalidThreshold(0, 4));
        _refuseConstruction(4, 5, 3, true, _invalidThreshold(5, 4));
    }

    function test_constructor_checks_both_sets() external {
        _refuseConstruction(4, 2, 3, false, _invalidThreshold(2, 4));
        _refuseConstruction(4, 3, 1, false, _invalidThreshold(1, 4));
    }

    function testFuzz_accepted_threshold_is_more_than_half_and_reachable(uint8 threshold, uint256 size) external {
        size = bound(size, 0, 64);
        bool valid = threshold <= size && 2 * uint256(threshold) > size;
        if (!valid) {
            _refuseConstruction(size, threshold, threshold, false, _invalidThreshold(threshold, size));
            return;
        }
        address[] memory members = _many(size);
        IBridge made = _newBridge(members, threshold, members, threshold, DELAY, false);
        assertEq(made.state().operators.threshold, threshold, "threshold");
        assertEq(made.state().governors.members.length, size, "members");
    }

    // ---- change ----

    function test_change_raises_only_the_epoch_of_its_set() external {
        _configure(abi.encodeCall(bridge.setOperators, (_many(3), 2)));
        assertEq(bridge.state().operators.epoch, 2, "operators");
        assertEq(bridge.state().governors.epoch, 1, "governors");
        _configure(abi.encodeCall(bridge.setGovernors, (_many(3), 2)));
        assertEq(bridge.state().operators.epoch, 2, "operators");
        assertEq(bridge.state().governors.epoch, 2, "governors");
    }

    function test_removed_operator_has_no_rights_at_once() external {
        address removed = vm.addr(OPERATOR_KEY);
        assertTrue(bridge.isOperator(removed), "before");
        _configure(abi.encodeCall(bridge.setOperators, (_many(3), 2)));
        assertTrue(!bridge.isOperator(removed), "after");

        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(0));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, removed));
        bridge.pause(0, signature);
    }

    function test_removed_governor_has_no_rights_at_once() external {
        bytes[] memory calls = _one(abi.encodeCall(bridge.unpause, ()));
        _configure(abi.encodeCall(bridge.setGovernors, (_many(3), 2)));
        assertTrue(!bridge.isGovernor(vm.addr(GOVERNOR_KEY)), "removed");
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, 2));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_operator_that_comes_back_counts_again() external {
        _configure(abi.encodeCall(bridge.setOperators, (_many(3), 2)));
        _configure(abi.encodeCall(bridge.setOperators, (_members(OPERATOR_KEY), THRESHOLD)));
        _request();
        _handleAll();
        assertEq(bridge.laneState().handleNonce, 1, "handled");
    }

    // ---- whose signature counts ----

    function test_exactly_the_threshold_is_enough() external {
        _request();
        _expectBelow(_signatures(OPERATOR_KEY, THRESHOLD - 1, _digest1()), THRESHOLD - 1);
        _submit(_signatures(OPERATOR_KEY, THRESHOLD, _digest1()));
        assertEq(bridge.laneState().handleNonce, 1, "handled");
    }

    function test_no_signatures_are_below_the_threshold() external {
        _request();
        _expectBelow(new bytes[](0), 0);
    }

    function test_second_signature_of_same_operator_changes_nothing() external {
        _request();
        bytes[] memory signatures = _signatures(OPERATOR_KEY, 3, _digest1());
        signatures[1] = signatures[0];
        _expectBelow(signatures, 2);
    }

    function test_malleated_signature_does_not_count() external {
        _request();
        bytes[] memory signatures = _signatures(OPERATOR_KEY, 3, _digest1());
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(OPERATOR_KEY, _digest1());
        assertLe(uint256(s), HALF_ORDER, "signers give the lower one");
        signatures[0] = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        _expectBelow(signatures, 2);
    }

    function test_compact_signatures_count() external {
        _request();
        bytes[] memory signatures = _signatures(OPERATOR_KEY, 3, _digest1());
        for (uint256 i = 0; i < signatures.length; ++i) {
            signatures[i] = _compact(signatures[i]);
        }
        _submit(signatures);
        assertEq(bridge.laneState().handleNonce, 1, "handled");
    }

    function test_both_forms_of_one_signature_count_once() external {
        _request();
        bytes[] memory signatures = _signatures(OPERATOR_KEY, 3, _digest1());
        signatures[1] = _compact(signatures[0]);
        _expectBelow(signatures, 2);
    }

    function test_outsider_does_not_count() external {
        _request();
        bytes[] memory signatures = _signatures(OPERATOR_KEY, 3, _digest1());
        signatures[2] = _sign(OUTSIDER_KEY, _digest1());
        _expectBelow(signatures, 2);
    }

    function test_governor_is_no_operator() external {
        _request();
        _expectBelow(_signatures(GOVERNOR_KEY, 4, _digest1()), 0);
    }

    function test_malformed_signatures_count_nothing_and_stop_nothing() external {
        _request();
        bytes[] memory good = _signatures(OPERATOR_KEY, 3, _digest1());
        bytes[] memory signatures = new bytes[](8);
        signatures[0] = "";
        signatures[1] = hex"00";
        signatures[2] = new bytes(65);
        signatures[3] = new bytes(64);
        signatures[4] = bytes.concat(good[0], hex"00");
        signatures[5] = good[0];
        signatures[6] = good[1];
        signatures[7] = bytes.concat(bytes32(type(uint256).max), bytes32(type(uint256).max), hex"1b");
        _expectBelow(signatures, 2);
        signatures[7] = good[2];
        _submit(signatures);
        assertEq(bridge.laneState().handleNonce, 1, "handled");
    }

    function test_what_was_signed_for_an_old_epoch_is_dead() external {
        _request();
        bytes[] memory signatures = _signatures(OPERATOR_KEY, 3, _digest1());
        _configure(abi.encodeCall(bridge.setOperators, (_members(OPERATOR_KEY), THRESHOLD)));
        _expectBelow(signatures, 0);
        _handleAll();
        assertEq(bridge.laneState().handleNonce, 1, "signed again for the new epoch");
    }

    function test_threshold_change_takes_effect_at_once() external {
        _request();
        _configure(abi.encodeCall(bridge.setOperators, (_members(OPERATOR_KEY), 4)));
        bytes32 digest = _checkpointDigest(2, 1, _root(1));
        bytes[] memory three = _signatures(OPERATOR_KEY, 3, digest);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 3, 4));
        _submit(three);
        _submit(_signatures(OPERATOR_KEY, 4, digest));
        assertEq(bridge.laneState().handleNonce, 1, "handled");
    }

    function test_signature_for_another_nonce_root_lane_or_chain_does_not_count() external {
        _request();
        _expectBelow(_signatures(OPERATOR_KEY, 4, _checkpointDigest(1, 2, _root(1))), 0);
        _expectBelow(_signatures(OPERATOR_KEY, 4, _checkpointDigest(1, 1, _root(0))), 0);
        bytes32 lane = inboundId;
        inboundId = bridge.state().wiring.outboundBridgeId;
        bytes[] memory otherLane = _signatures(OPERATOR_KEY, 4, _digest1());
        inboundId = lane;
        _expectBelow(otherLane, 0);
        vm.chainId(CHAIN + 1);
        bytes[] memory otherChain = _signatures(OPERATOR_KEY, 4, _digest1());
        vm.chainId(CHAIN);
        _expectBelow(otherChain, 0);
    }

    function testFuzz_count_is_that_of_distinct_operators(uint256[8] memory picks) external {
        _request();
        bytes[] memory signatures = new bytes[](picks.length);
        uint256 seen;
        for (uint256 i = 0; i < picks.length; ++i) {
            uint256 pick = picks[i] % 6;
            signatures[i] = _sign(OPERATOR_KEY + pick, _digest1());
            if (pick < MEMBERS) seen |= 1 << pick;
        }
        uint256 distinct;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            distinct += (seen >> i) & 1;
        }
        if (distinct < THRESHOLD) {
            _expectBelow(signatures, distinct);
        } else {
            _submit(signatures);
            assertEq(bridge.laneState().handleNonce, 1, "handled");
        }
    }

    function _request() private {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
    }

    function _digest1() private view returns (bytes32) {
        return _checkpointDigest(1, 1, _root(1));
    }

    function _submit(bytes[] memory signatures) private {
        _submit(0, _slice(0, 1), new bytes32[](0), signatures);
    }

    function _expectBelow(bytes[] memory signatures, uint256 count) private {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, count, THRESHOLD));
        _submit(signatures);
    }

    function _refuseMembers(address[] memory members, uint8 threshold, bytes4 selector, bytes memory arguments)
        private
    {
        bytes memory reason = bytes.concat(selector, arguments);
        _configureExpecting(abi.encodeCall(bridge.setOperators, (members, threshold)), reason);
        _configureExpecting(abi.encodeCall(bridge.setGovernors, (members, threshold)), reason);
    }

    function _refuseConstruction(
        uint256 size,
        uint8 operatorThreshold,
        uint8 governorThreshold,
        bool development,
        bytes memory reason
    ) private {
        address[] memory members = _many(size);
        vm.expectRevert(reason);
        _newBridge(members, operatorThreshold, members, governorThreshold, DELAY, development);
    }

    function _invalidThreshold(uint256 threshold, uint256 size) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgeInvalidThreshold.selector, threshold, size);
    }

    function _many(uint256 count) private pure returns (address[] memory members) {
        members = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            members[i] = vm.addr(1001 + i);
        }
    }

    function _pairOf(address a, address b) private pure returns (address[] memory members) {
        members = new address[](2);
        (members[0], members[1]) = (a, b);
    }

    /// @dev ERC-2098: the parity of v takes the place of the highest bit of s.
    function _compact(bytes memory signature) private pure returns (bytes memory) {
        (bytes32 r, bytes32 s) = (bytes32(0), bytes32(0));
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        uint256 parity = uint8(signature[64]) - 27;
        return abi.encodePacked(r, bytes32(uint256(s) | (parity << 255)));
    }
}
