// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {BridgeStorage, Members, Membership} from "./BridgeStorage.sol";

/// @title Operators and governors: who they are and whether enough of them have signed
abstract contract MemberSets is BridgeStorage {
    /// @dev Signers are bits of a word; 64 bounds what one change of members costs to about 3 million gas.
    uint256 internal constant MAX_MEMBERS = 64;

    function _setOperators(address[] memory members, uint8 threshold) internal {
        uint64 epoch = _replace(_operators, members, threshold);
        emit OperatorsChanged(epoch, members, threshold);
    }

    function _setGovernors(address[] memory members, uint8 threshold) internal {
        uint64 epoch = _replace(_governors, members, threshold);
        emit GovernorsChanged(epoch, members, threshold);
    }

    function _isMember(Members storage set, address account) internal view returns (bool) {
        // Epochs start at 1, so an account that never was a member does not match.
        return set.memberships[account].epoch == set.epoch;
    }

    /// @dev Reverts unless `threshold` distinct current members of `set` have signed `digest`. Stops at the threshold.
    function _requireThreshold(Members storage set, bytes32 digest, bytes[] calldata signatures) internal view {
        uint64 epoch = set.epoch;
        uint8 threshold = set.threshold;
        uint256 seen = 0;
        uint256 count = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer, ECDSA.RecoverError failure) = _recover(digest, signatures[i]);
            if (failure != ECDSA.RecoverError.NoError) continue;
            Membership memory membership = set.memberships[signer];
            if (membership.epoch != epoch) continue;
            // The lint mistakes a shift by a variable for swapped operands.
            // forge-lint: disable-next-line(incorrect-shift)
            uint256 bit = 1 << membership.index;
            if (seen & bit != 0) continue;
            seen |= bit;
            if (++count == threshold) return;
        }
        revert BridgeBelowThreshold(count, threshold);
    }

    /// @dev The signer of a compact (64 bytes, ERC-2098) or plain (65 bytes) signature. The compact form saves a word of
    /// calldata; that both forms of one signature exist does not matter where distinct members are counted.
    function _recover(bytes32 digest, bytes calldata signature)
        internal
        pure
        returns (address signer, ECDSA.RecoverError failure)
    {
        if (signature.length == 64) {
            (signer, failure,) = ECDSA.tryRecover(digest, bytes32(signature[:32]), bytes32(signature[32:]));
        } else {
            (signer, failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        }
    }

    function _replace(Members storage set, address[] memory members, uint8 threshold) private returns (uint64 epoch) {
        uint256 size = members.length;
        if (size > MAX_MEMBERS) revert BridgeTooManyMembers(size, MAX_MEMBERS);
        bool minority = 2 * uint256(threshold) <= size && !_development;
        if (threshold == 0 || threshold > size || minority) revert BridgeInvalidThreshold(threshold, size);

        epoch = set.epoch + 1;
        for (uint256 i = 0; i < size; ++i) {
            address member = members[i];
            if (member == address(0) || member == address(this)) revert BridgeInvalidMember(member);
            if (set.memberships[member].epoch == epoch) revert BridgeDuplicateMember(member);
            // Below MAX_MEMBERS, checked above.
            // forge-lint: disable-next-line(unsafe-typecast)
            set.memberships[member] = Membership({epoch: epoch, index: uint8(i)});
        }
        set.epoch = epoch;
        set.threshold = threshold;
        set.list = members;
    }
}
