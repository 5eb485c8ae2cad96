// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeState, Hold, LaneState, RequestNonce} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeReads} from "../../src/interfaces/IBridgeReads.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeTest} from "../BridgeTest.sol";

contract ViewsTest is BridgeTest {
    function test_state_tells_everything() external {
        vm.roll(900);
        _freshBridge();
        BridgeState memory state = bridge.state();
        assertTrue(!state.wired && !state.paused && !state.development, "flags");
        assertEq(state.chainId, CHAIN, "chain id");
        assertEq(state.deploymentBlock, 900, "deployment block");
        assertTrue(!state.requestsStopped, "requests stopped");
        assertEq(state.refundDelay, REFUND_DELAY, "refund delay");
        assertEq(state.governanceDelay, DELAY, "governance delay");
        assertEq(state.feeReceiver, address(0), "fee receiver");
        assertEq(state.predecessor, address(0), "predecessor");
        assertEq(state.pending.length, 0, "pending");
        assertEq(state.operators.epoch, 1, "operator epoch");
        assertEq(state.operators.threshold, THRESHOLD, "operator threshold");
        assertEq(state.operators.members.length, MEMBERS, "operators");
        assertEq(state.operators.members[3], vm.addr(OPERATOR_KEY + 3), "operator");
        assertEq(state.governors.epoch, 1, "governor epoch");
        assertEq(state.governors.members[0], vm.addr(GOVERNOR_KEY), "governor");
        assertEq(state.pairs.length, 0, "pairs");
    }

    function test_state_and_lane_state_agree() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 1);
        _handleAll();
        vm.deal(USER, 1);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, USER, "");
        _pause();
        BridgeState memory state = bridge.state();
        LaneState memory lane = bridge.laneState();
        assertTrue(lane.paused && state.paused, "paused");
        assertEq(lane.operatorEpoch, state.operators.epoch, "epoch");
        assertEq(lane.requestNonce, 1, "request nonce");
        assertEq(state.requestNonce, 1, "request nonce");
        assertEq(lane.handleNonce, 2, "handle nonce");
        assertEq(state.handleNonce, 2, "handle nonce");
        assertEq(lane.recoveryBlockNumber, state.recoveryBlockNumber, "recovery block");
        assertEq(lane.heldCount, 1, "held");
        assertEq(state.heldCount, 1, "held");
        assertEq(lane.requestRoot, state.requestRoot, "request root");
        assertEq(lane.handleRoot, state.handleRoot, "handle root");
        assertEq(state.wiring.counterpartChainId, COUNTERPART_CHAIN, "counterpart chain");
        assertEq(state.wiring.counterpartDeploymentBlock, COUNTERPART_BLOCK, "counterpart block");
        assertEq(state.configurationNonce, 1, "configuration nonce");
        assertEq(state.pairs.length, 7, "pairs");
        assertEq(state.pairs[2].configuration.token, address(minted), "pair");
        assertEq(state.pairs[2].minted, 1, "minted");
        for (uint256 i = 0; i < state.pairs.length; ++i) {
            bytes memory alone = abi.encode(bridge.pairOf(state.pairs[i].configuration.token));
            assertEq(keccak256(abi.encode(state.pairs[i])), keccak256(alone), "each pair as by itself");
        }
    }

    function test_holds_of_a_range() external {
        for (uint256 i = 0; i < 6; ++i) {
            _far(Kinds.ERC20, i % 2 == 0 ? FAR_UNKNOWN : FAR_MINTED, RECIPIENT, 1);
        }
        _handleAll();
        Hold[] memory all = bridge.holds(0, type(uint64).max);
        assertEq(all.length, 3, "all");
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(RequestNonce.unwrap(all[i].nonce), 2 * i, "in order");
        }
        assertEq(bridge.holds(1, 3).length, 1, "one of three");
        assertEq(bridge.holds(1, 1).length, 0, "none");
        assertEq(bridge.holds(0, 0).length, 0, "empty range");
        assertEq(bridge.holds(6, 10).length, 0, "beyond");
        assertEq(bridge.holds(type(uint64).max, type(uint64).max).length, 0, "far beyond");
    }

    function test_members_are_told_apart() external view {
        assertTrue(bridge.isOperator(vm.addr(OPERATOR_KEY)) && !bridge.isGovernor(vm.addr(OPERATOR_KEY)), "operator");
        assertTrue(bridge.isGovernor(vm.addr(GOVERNOR_KEY)) && !bridge.isOperator(vm.addr(GOVERNOR_KEY)), "governor");
        assertTrue(!bridge.isOperator(address(0)) && !bridge.isGovernor(USER), "nobody");
    }

    function test_domain_follows_the_live_chain_id() external {
        bytes32 here = bridge.domainSeparator();
        vm.chainId(CHAIN + 1);
        assertTrue(bridge.domainSeparator() != here, "another chain, another domain");
    }

    // ---- what a chain takes ----

    function test_code_of_the_bridge_and_of_each_part_leaves_room() external view {
        // 4 KiB below the limit of EIP-170, for what comes.
        uint256 most = 24_576 - 4_096;
        assertLe(address(bridge).code.length, most, "bytes of the bridge");
        address[4] memory parts = _partsOf(bridge);
        for (uint256 i = 0; i < parts.length; ++i) {
            assertLe(parts[i].code.length, most, "bytes of a part");
        }
    }

    function test_a_bridge_with_as_many_members_as_can_be_is_made_in_one_transaction() external {
        address[] memory members = new address[](64);
        for (uint256 i = 0; i < members.length; ++i) {
            members[i] = vm.addr(1001 + i);
        }
        bytes memory creation =
            bytes.concat(vm.getCode("Bridge.sol:Bridge"), abi.encode(bridge.parts(), _construction(members, 33)));
        // EIP-3860, which counts the arguments as well.
        assertLe(creation.length, 49_152, "bytes of the creation code");
        uint256 before = gasleft();
        address made;
        assembly ("memory-safe") {
            made := create(0, add(creation, 0x20), mload(creation))
        }
        // A creation of its own pays for the transaction and its calldata too: at the most this.
        uint256 used = before - gasleft() + 53_000 + 16 * creation.length;
        // EIP-7825.
        assertLe(used, 16_777_216, "gas of the largest transaction");
        assertEq(IBridgeReads(made).state().operators.members.length, 64, "operators");
        assertEq(IBridgeReads(made).state().governors.threshold, 33, "threshold of the governors");
    }
}
