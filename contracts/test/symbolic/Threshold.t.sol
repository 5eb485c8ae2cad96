// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OpenBridge} from "./OpenBridge.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title The threshold cannot be bypassed by signatures
/// @dev Three operators that replaced others, a threshold of two, any three signatures: whenever the check passes, two
/// different operators of now have signed. Who signed is worked out here once more, without the bridge.
contract ThresholdProof is Symbolic {
    uint256 private constant MEMBERS = 3;
    uint8 private constant THRESHOLD = 2;
    uint256 private constant SIGNATURES = 3;

    /// @dev Of both forms, plain and compact.
    function check_two_of_three_must_sign(bytes32 digest) external {
        OpenBridge bridge = _bridgeOf(_accounts(0xF0, MEMBERS), THRESHOLD);
        address[] memory members = _accounts(0xA0, MEMBERS);
        bridge.replaceOperators(members, THRESHOLD);
        bytes[] memory signatures = _anySignatures(SIGNATURES, 65);
        signatures[1] = svm.createBytes(64, "compact");

        bridge.requireThreshold(digest, signatures);

        uint256 count = 0;
        for (uint256 m = 0; m < MEMBERS; ++m) {
            uint256 signed = 0;
            for (uint256 i = 0; i < SIGNATURES; ++i) {
                signed |= _equal(_signer(digest, signatures[i]), members[m]);
            }
            count += signed;
        }
        assert(count >= THRESHOLD);
    }

    /// @dev A signature of any other length is no signature, whatever it holds.
    function check_signatures_of_other_lengths_never_count(bytes32 digest) external {
        OpenBridge bridge = _bridgeOf(_accounts(0xA0, 1), 1);
        uint256[4] memory lengths = [uint256(0), 32, 63, 66];
        for (uint256 i = 0; i < lengths.length; ++i) {
            bytes[] memory signatures = _anySignatures(1, lengths[i]);
            (bool passed,) = address(bridge).staticcall(abi.encodeCall(bridge.requireThreshold, (digest, signatures)));
            assert(!passed);
        }
    }
}
