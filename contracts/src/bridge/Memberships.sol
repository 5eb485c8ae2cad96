// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeStorage, Members, Membership} from "./BridgeStorage.sol";

/// @title Operators and governors: who they are
abstract contract Memberships is BridgeStorage {
    /// @dev Signers are bits of a word; 64 bounds what one change of members costs to about 3 million gas.
    uint256 private constant MAX_MEMBERS = 64;

    function _setOperators(address[] memory members, uint8 threshold) internal {
        uint32 epoch = _lanes.operatorEpoch + 1;
        _replace(_operators, epoch, members, threshold);
        _lanes.operatorEpoch = epoch;
        _lanes.operatorThreshold = threshold;
        emit OperatorsChanged(epoch, members, threshold);
    }

    function _setGovernors(address[] memory members, uint8 threshold) internal {
        uint32 epoch = _settings.governorEpoch + 1;
        _replace(_governors, epoch, members, threshold);
        _settings.governorEpoch = epoch;
        _settings.governorThreshold = threshold;
        emit GovernorsChanged(epoch, members, threshold);
    }

    function _replace(Members storage set, uint32 epoch, address[] memory members, uint8 threshold) private {
        uint256 size = members.length;
        if (size > MAX_MEMBERS) revert BridgeTooManyMembers(size, MAX_MEMBERS);
        bool minority = 2 * uint256(threshold) <= size && !_origin.development;
        if (threshold == 0 || threshold > size || minority) revert BridgeInvalidThreshold(threshold, size);

        for (uint256 i = 0; i < size; ++i) {
            address member = members[i];
            if (member == address(0) || member == address(this)) revert BridgeInvalidMember(member);
            // This epoch begins here, so whoever has it was named a few lines ago.
            // slither-disable-next-line incorrect-equality
            if (set.memberships[member].epoch == epoch) revert BridgeDuplicateMember(member);
            // Below MAX_MEMBERS, checked above.
            // forge-lint: disable-next-line(unsafe-typecast)
            set.memberships[member] = Membership({epoch: epoch, index: uint8(i)});
        }
        set.list = members;
    }
}
