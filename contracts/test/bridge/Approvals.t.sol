// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Approvals} from "../../src/bridge/Approvals.sol";
import {Quorum} from "../../src/bridge/BridgeStorage.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {BridgeTest} from "../BridgeTest.sol";

/// @title The check of `handle`, with a roster and what lies behind it in memory chosen
contract OpenApprovals is Approvals {
    function requireThreshold(
        address[] calldata operators,
        address behind,
        uint8 threshold,
        bytes32 digest,
        bytes[] calldata signatures
    ) external view {
        bytes memory roster = abi.encodePacked(bytes32(uint256(1)));
        for (uint256 i = 0; i < operators.length; ++i) {
            roster = bytes.concat(roster, bytes20(operators[i]));
        }
        // Memory safety: takes the two words at the free pointer, which lies at most one behind the roster.
        assembly ("memory-safe") {
            mstore(add(add(roster, 0x20), mload(roster)), shl(96, behind))
            mstore(0x40, add(mload(0x40), 0x40))
        }
        _requireThresholdWithVotes(roster, Quorum({epoch: 1, threshold: threshold}), digest, signatures);
    }

    function _rosterCodeHash() internal pure override returns (bytes32) {
        return 0;
    }
}

contract ApprovalsTest is BridgeTest {
    /// As many as make a roster end with a word of memory: nothing lies between it and what comes next.
    uint256 private constant OPERATORS = 8;

    bytes32 private constant DIGEST = "digest";

    OpenApprovals private approvals;

    function setUp() public override {
        super.setUp();
        approvals = new OpenApprovals();
    }

    function test_the_first_and_the_last_operator_count_and_whoever_lies_behind_does_not() external {
        address[] memory operators = new address[](OPERATORS);
        for (uint256 i = 0; i < OPERATORS; ++i) {
            operators[i] = vm.addr(1 + i);
        }
        address behind = vm.addr(1 + OPERATORS);
        approvals.requireThreshold(operators, behind, 1, DIGEST, _signatures(1, 1, DIGEST));
        approvals.requireThreshold(operators, behind, 1, DIGEST, _signatures(OPERATORS, 1, DIGEST));

        bytes[] memory signatures = _signatures(1 + OPERATORS, 1, DIGEST);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, 1));
        approvals.requireThreshold(operators, behind, 1, DIGEST, signatures);
    }
}
