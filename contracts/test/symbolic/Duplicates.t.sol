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
        OpenBridge bridge = _bridgeOf(_accounts(0xF0, MEMBERS), THRESHOLD);
        address[] memory members = _accounts(0xA0, MEMBERS);
        bridge.replaceOperators(members, THRESHOLD);
        bytes[] memory signatures = new bytes[](THRESHOLD + 1);
        for (uint256 i = 0; i < signatures.length; ++i) {
            signatures[i] = _signatureOfSomebody(digest);
        }
        bridge.requireThreshold(digest, signatures);
        assert(_countSigners(members, digest, signatures) >= THRESHOLD);
    }
}
