// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenBridge} from "./OpenBridge.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title The threshold cannot be bypassed by more signatures than it needs
/// @dev As ThresholdProof, with four signatures, each of them of somebody: what recovers to nobody is a case there.
contract DuplicatesProof is Symbolic {
    uint256 private constant MEMBERS = 4;
    uint8 private constant THRESHOLD = 3;

    function check_signatures_of_the_same_operators_count_once(bytes32 digest) external {
        (OpenBridge bridge, address[] memory members) = _prepared();
        bytes[] memory signatures = _signaturesOfSomebody(digest, THRESHOLD + 1);
        bridge.requireThreshold(digest, signatures);
        assert(_countSigners(members, digest, signatures) >= THRESHOLD);
    }

    function check_signatures_of_the_same_of_a_roster_count_once(bytes32 digest) external {
        (OpenBridge bridge, address[] memory members) = _prepared();
        bytes[] memory signatures = _signaturesOfSomebody(digest, THRESHOLD + 1);
        bridge.requireThresholdWithVotes(digest, signatures);
        assert(_countSigners(members, digest, signatures) >= THRESHOLD);
    }

    function _prepared() private returns (OpenBridge bridge, address[] memory members) {
        bridge = _bridgeOf(_accounts(0xF0, MEMBERS), THRESHOLD);
        members = _accounts(0xA0, MEMBERS);
        bridge.replaceOperators(members, THRESHOLD);
    }
}
