// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairLimits} from "../interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../interfaces/IBridgeConfiguration.sol";
import {Members, Quorum} from "./BridgeStorage.sol";
import {Limits} from "./Limits.sol";
import {MemberSets} from "./MemberSets.sol";

/// @title Which votes need no public delay
/// @dev What can only take rights away. Each call is compared with what holds now; a sequence of calls of which each
/// tightens that, tightens it as well, whatever their order. Whatever is not recognised waits.
abstract contract Tightening is Limits, MemberSets {
    function _tightens(bytes[] calldata calls) internal view returns (bool) {
        for (uint256 i = 0; i < calls.length; ++i) {
            if (!_tightensAlone(bytes4(calls[i]), calls[i][4:])) return false;
        }
        return true;
    }

    function _tightensAlone(bytes4 selector, bytes calldata arguments) private view returns (bool) {
        if (selector == IBridgeConfiguration.unpause.selector) return true;
        if (selector == IBridgeConfiguration.setPairLocked.selector) {
            (, bool locked) = abi.decode(arguments, (address, bool));
            return locked;
        }
        if (selector == IBridgeConfiguration.setRefundDelay.selector) {
            return abi.decode(arguments, (uint64)) >= _counters.refundDelay;
        }
        if (selector == IBridgeConfiguration.setGovernanceDelay.selector) {
            return abi.decode(arguments, (uint32)) >= _settings.governanceDelay;
        }
        if (selector == IBridgeConfiguration.setOperators.selector) {
            return _isSubset(_operators, _operatorQuorum(), arguments);
        }
        if (selector == IBridgeConfiguration.setGovernors.selector) {
            return _isSubset(_governors, _governorQuorum(), arguments);
        }
        if (selector == IBridgeConfiguration.setPairLimits.selector) {
            (address token, PairLimits memory limits) = abi.decode(arguments, (address, PairLimits));
            return _isNarrower(_limits[token], limits);
        }
        return false;
    }

    /// @dev Whether whoever can decide afterwards can decide now: a quorum of the new set is one of the old.
    function _isSubset(Members storage set, Quorum memory quorum, bytes calldata arguments)
        private
        view
        returns (bool)
    {
        (address[] memory members, uint8 threshold) = abi.decode(arguments, (address[], uint8));
        if (threshold < quorum.threshold) return false;
        for (uint256 i = 0; i < members.length; ++i) {
            if (!_isMember(set, quorum, members[i])) return false;
        }
        return true;
    }

    function _isNarrower(PairLimits storage present, PairLimits memory limits) private view returns (bool) {
        // Where there is no bucket or no delay yet, any is narrower.
        bool bucketIsNarrower = present.outflowCapacity == UNLIMITED
            || (limits.outflowCapacity <= present.outflowCapacity
                && limits.outflowPerSecond <= present.outflowPerSecond);
        bool delayIsLonger = present.delayAbove == UNLIMITED
            || (limits.delayAbove <= present.delayAbove && limits.delayBlocks >= present.delayBlocks);
        // A fee may fall at once, as long as it is paid in the same currency.
        bool feeIsNoWorse = limits.fee == 0 || (limits.fee <= present.fee && limits.feeInNative == present.feeInNative);
        return feeIsNoWorse && bucketIsNarrower && delayIsLonger && limits.minimum >= present.minimum
            && limits.maximum <= present.maximum;
    }
}
