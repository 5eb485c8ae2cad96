// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenBridge} from "./OpenBridge.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title The threshold of `handle` cannot be bypassed by signatures either
/// @dev As ThresholdProof, for the check that finds the operators in a roster, where nobody has voted.
contract RosterProof is Symbolic {
    uint256 private constant MEMBERS = 4;
    uint8 private constant THRESHOLD = 3;

    function check_three_of_a_roster_of_four_must_sign(bytes32 digest) external {
        OpenBridge bridge = _bridgeOf(_accounts(0xF0, MEMBERS), THRESHOLD);
        address[] memory members = _accounts(0xA0, MEMBERS);
        bridge.replaceOperators(members, THRESHOLD);
        bytes[] memory signatures = _threeSignatures(digest);
        bridge.requireThresholdWithVotes(digest, signatures);
        assert(_countSigners(members, digest, signatures) >= THRESHOLD);
    }
}
