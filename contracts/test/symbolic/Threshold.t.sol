// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenBridge} from "./OpenBridge.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title The threshold cannot be bypassed by signatures
/// @dev Four operators that replaced others, a threshold of three, any three signatures: whenever the check passes, three
/// different operators of now have signed. Who signed is worked out here once more, without the bridge. `handle` has another
/// check, see RosterProof.
contract ThresholdProof is Symbolic {
    uint256 private constant MEMBERS = 4;
    uint8 private constant THRESHOLD = 3;

    function check_three_of_four_must_sign(bytes32 digest) external {
        OpenBridge bridge = _bridgeOf(_accounts(0xF0, MEMBERS), THRESHOLD);
        address[] memory members = _accounts(0xA0, MEMBERS);
        bridge.replaceOperators(members, THRESHOLD);
        bytes[] memory signatures = _threeSignatures(digest);
        bridge.requireThreshold(digest, signatures);
        assert(_countSigners(members, digest, signatures) >= THRESHOLD);
    }

    /// @dev A signature of any other length is no signature, whatever it holds.
    function check_signatures_of_other_lengths_never_count(bytes32 digest) external {
        OpenBridge bridge = _bridgeOf(_accounts(0xA0, 1), 1);
        uint256[4] memory lengths = [uint256(0), 32, 63, 66];
        for (uint256 i = 0; i < lengths.length; ++i) {
            bytes[] memory signatures = _anySignatures(1, lengths[i]);
            (bool passed,) = address(bridge).staticcall(abi.encodeCall(bridge.requireThreshold, (digest, signatures)));
            assert(!passed);
            bytes memory call = abi.encodeCall(bridge.requireThresholdWithVotes, (digest, signatures));
            (passed,) = address(bridge).staticcall(call);
            assert(!passed);
        }
    }
}
