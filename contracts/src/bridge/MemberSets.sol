// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {BridgeStorage, Members, Membership, Quorum} from "./BridgeStorage.sol";

/// @title Operators and governors: whether enough of them have signed
abstract contract MemberSets is BridgeStorage {
    function _isMember(Members storage set, Quorum memory quorum, address account) internal view returns (bool) {
        // Who never was a member has the epoch 0, and so has a set that was never made.
        // Epochs are compared for equality on purpose: a member of any other one decides nothing.
        // slither-disable-next-line incorrect-equality
        return quorum.epoch != 0 && set.memberships[account].epoch == quorum.epoch;
    }

    /// @dev Reverts unless a threshold of distinct current members of `set` have signed `digest`.
    function _requireThreshold(Members storage set, Quorum memory quorum, bytes32 digest, bytes[] calldata signatures)
        internal
        view
    {
        uint256 signers = _signers(set, quorum, digest, signatures);
        _requireCount(_countBits(signers), quorum.threshold);
    }

    function _bitOf(uint8 index) internal pure returns (uint256) {
        // The lint mistakes a shift by a variable for swapped operands.
        // forge-lint: disable-next-line(incorrect-shift)
        return 1 << index;
    }

    /// @dev The signer of a compact (64 bytes, ERC-2098) or plain (65 bytes) signature; zero, which is never a member, when
    /// it is malformed. The compact form saves a word of calldata; that both forms of one signature exist does not matter
    /// where distinct members are counted.
    function _recover(bytes32 digest, bytes calldata signature) internal view virtual returns (address signer) {
        if (signature.length == 64) {
            // What is left out says more about a failure, which counts as no signature whatever it was.
            // slither-disable-next-line unused-return
            (signer,,) = ECDSA.tryRecover(digest, bytes32(signature[:32]), bytes32(signature[32:]));
        } else {
            // As above.
            // slither-disable-next-line unused-return
            (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        }
    }

    /// @dev The distinct current members that have signed, one bit for each.
    function _signers(Members storage set, Quorum memory quorum, bytes32 digest, bytes[] calldata signatures)
        private
        view
        returns (uint256 signers)
    {
        for (uint256 i = 0; i < signatures.length; ++i) {
            Membership storage membership = set.memberships[_recover(digest, signatures[i])];
            // Epochs, see `_isMember`.
            // slither-disable-next-line incorrect-equality
            if (membership.epoch == quorum.epoch) signers |= _bitOf(membership.index);
        }
    }

    function _requireCount(uint256 count, uint8 threshold) internal pure {
        // A set that was never made has the threshold 0, which nothing meets.
        // slither-disable-next-line incorrect-equality
        if (count < threshold || threshold == 0) revert BridgeBelowThreshold(count, threshold);
    }

    function _countBits(uint256 bits) internal pure returns (uint256 count) {
        for (; bits != 0; ++count) {
            // Takes the lowest bit away; there is one.
            unchecked {
                bits &= bits - 1;
            }
        }
    }
}
