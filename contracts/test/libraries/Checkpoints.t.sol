// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {Checkpoints} from "../../src/libraries/Checkpoints.sol";
import {BridgeTest} from "../BridgeTest.sol";

/// @title Gives the library calldata
contract Hasher {
    function leafOf(uint64 nonce, ValueTransfer calldata transfer) external pure returns (bytes32) {
        return Checkpoints.leaf(nonce, transfer);
    }

    function leafOfParts(uint64 nonce, ValueTransfer calldata t) external pure returns (bytes32) {
        bytes32 payloadHash = keccak256(t.payload);
        return Checkpoints.leaf(nonce, t.sourceBlock, t.kind, t.token, t.from, t.to, t.refundTo, t.value, payloadHash);
    }

    function hashCalls(bytes[] calldata calls) external pure returns (bytes32) {
        return Checkpoints.hashCalls(calls);
    }
}

/// @title The values that every implementation of the protocol must reach
/// @dev `vectors.json` was made with `cast` from the definitions, not with this library.
contract CheckpointsTest is BridgeTest {
    string private json;
    Hasher private hasher;

    function setUp() public override {
        super.setUp();
        json = vm.readFile("test/vectors.json");
        hasher = new Hasher();
    }

    function test_lane_and_first_root_match_the_vectors() external view {
        bytes32 lane = Checkpoints.bridgeId(
            uint64(_uint(".lane.sourceChainId")),
            _address(".lane.sourceBridge"),
            uint64(_uint(".lane.destinationChainId")),
            _address(".lane.destinationBridge"),
            _bytes32(".lane.salt")
        );
        assertEq(lane, _bytes32(".lane.bridgeId"), "bridge id");
        assertEq(Checkpoints.root0(lane), _bytes32(".lane.root0"), "root 0");
    }

    function test_leaves_and_roots_match_the_vectors() external view {
        bytes32 root = _bytes32(".lane.root0");
        for (uint64 nonce = 0; nonce < 3; ++nonce) {
            string memory path = string.concat(".requests[", vm.toString(nonce), "]");
            bytes32 leaf = hasher.leafOf(nonce, _request(path));
            assertEq(leaf, _bytes32(string.concat(path, ".leaf")), "leaf");
            assertEq(hasher.leafOfParts(nonce, _request(path)), leaf, "leaf of parts");
            root = Checkpoints.next(root, leaf);
            assertEq(root, _bytes32(string.concat(path, ".rootAfter")), "root");
        }
        assertEq(root, _bytes32(".checkpoint.root"), "signed root");
    }

    /// @dev The bridge of the vectors was built elsewhere, so it has to notice where it is. Its separator is code of a
    /// part, which must notice the same.
    function test_domain_matches_the_vectors() external {
        bridge = _destination();
        assertEq(bridge.domainSeparator(), _bytes32(".domain.separator"), "separator");
    }

    function test_checkpoint_matches_the_vectors() external {
        bytes32 structHash = Checkpoints.checkpointHash(
            _bytes32(".checkpoint.bridgeId"),
            uint64(_uint(".checkpoint.epoch")),
            uint64(_uint(".checkpoint.nonce")),
            _bytes32(".checkpoint.root")
        );
        _expect(structHash, ".checkpoint");
    }

    function test_decisions_about_a_request_match_the_vectors() external {
        _expectDecision(Checkpoints.FORCE_HOLD_TYPE, ".forceHold");
        _expectDecision(Checkpoints.RELEASE_TYPE, ".release");
        _expectDecision(Checkpoints.REFUND_TYPE, ".refund");
    }

    function test_cancellation_matches_the_vectors() external {
        bytes32 structHash = Checkpoints.cancellationHash(
            uint64(_uint(".cancellation.epoch")), uint64(_uint(".cancellation.configurationNonce"))
        );
        _expect(structHash, ".cancellation");
    }

    function test_pause_matches_the_vectors() external {
        _expect(Checkpoints.pauseHash(uint64(_uint(".pause.pauseNonce"))), ".pause");
    }

    function test_configuration_matches_the_vectors() external {
        bytes32 callsHash = hasher.hashCalls(vm.parseJsonBytesArray(json, ".configuration.calls"));
        assertEq(callsHash, _bytes32(".configuration.callsHash"), "calls");
        bytes32 structHash = Checkpoints.configurationHash(
            uint64(_uint(".configuration.epoch")),
            uint64(_uint(".configuration.configurationNonce")),
            uint64(_uint(".configuration.deadline")),
            callsHash
        );
        _expect(structHash, ".configuration");
    }

    function testFuzz_both_ways_to_a_leaf_agree(uint64 nonce, ValueTransfer calldata transfer) external view {
        bytes32 expected = _leaf(nonce, transfer);
        assertEq(hasher.leafOf(nonce, transfer), expected, "of a transfer");
        assertEq(hasher.leafOfParts(nonce, transfer), expected, "of its parts");
    }

    function test_no_requests_is_not_zero() external pure {
        assertTrue(Checkpoints.root0(0) != 0, "a default value is never a root");
    }

    /// @dev A bridge at the address and on the chain of the vectors.
    function _destination() private returns (IBridge destination) {
        destination = IBridge(payable(_address(".domain.verifyingContract")));
        vm.etch(address(destination), address(bridge).code);
        vm.chainId(_uint(".domain.chainId"));
    }

    function _expect(bytes32 structHash, string memory path) private {
        assertEq(structHash, _bytes32(string.concat(path, ".structHash")), "struct hash");
        bridge = _destination();
        assertEq(_digest(structHash), _bytes32(string.concat(path, ".digest")), "digest");
    }

    function _expectDecision(bytes32 decisionType, string memory path) private {
        bytes32 structHash = Checkpoints.decisionHash(
            decisionType,
            _bytes32(string.concat(path, ".bridgeId")),
            uint64(_uint(string.concat(path, ".epoch"))),
            uint64(_uint(string.concat(path, ".nonce"))),
            _bytes32(string.concat(path, ".leaf"))
        );
        _expect(structHash, path);
    }

    function _request(string memory path) private view returns (ValueTransfer memory) {
        return ValueTransfer({
            kind: uint8(_uint(string.concat(path, ".kind"))),
            sourceBlock: uint64(_uint(string.concat(path, ".sourceBlock"))),
            token: _address(string.concat(path, ".token")),
            from: _address(string.concat(path, ".from")),
            to: _address(string.concat(path, ".to")),
            refundTo: _address(string.concat(path, ".refundTo")),
            value: _uint(string.concat(path, ".value")),
            payload: vm.parseJsonBytes(json, string.concat(path, ".extraData"))
        });
    }

    function _uint(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function _address(string memory key) private view returns (address) {
        return vm.parseJsonAddress(json, key);
    }

    function _bytes32(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }
}
