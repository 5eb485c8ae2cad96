// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairLimits} from "../interfaces/BridgeTypes.sol";
import {BridgeStorage, Outflow} from "./BridgeStorage.sol";

/// @title What a pair allows: bounds and fee of a request, net outflow of payouts
/// @dev Pairs without limits pay nothing for this: two flags in the pair's first slot say whether there is anything to read.
abstract contract Limits is BridgeStorage {
    /// @dev Greatest value of the amounts: no such limit.
    uint128 internal constant UNLIMITED = type(uint128).max;

    /// @dev What a request costs, in the currency that the limits name.
    function _feeOf(address token) internal view returns (uint256 fee, bool feeInNative) {
        PairLimits storage limits = _limits[token];
        return (limits.fee, limits.feeInNative);
    }

    function _checkBounds(address token, uint256 amount) internal view {
        PairLimits storage limits = _limits[token];
        (uint128 minimum, uint128 maximum) = (limits.minimum, limits.maximum);
        if (amount < minimum) revert BridgeBelowMinimum(amount, minimum);
        if (amount > maximum) revert BridgeAboveMaximum(amount, maximum);
    }

    /// @dev What stands in the bucket now.
    function _outflowNow(address token, PairLimits storage limits) internal view returns (uint256 level) {
        Outflow memory outflow = _outflows[token];
        // Neither multiplication overflows (64 and 128 bits) nor time runs backwards.
        unchecked {
            uint256 leaked = (block.timestamp - outflow.updatedAt) * limits.outflowPerSecond;
            return leaked >= outflow.level ? 0 : outflow.level - leaked;
        }
    }

    /// @dev What comes in makes room for what goes out: the limit is on the net.
    function _drain(address token, uint256 amount) internal {
        PairLimits storage limits = _limits[token];
        if (limits.outflowCapacity == UNLIMITED) return;
        uint256 level = _outflowNow(token, limits);
        _setOutflow(token, level > amount ? level - amount : 0);
    }

    /// @dev Fills the bucket, or returns false when it cannot take the amount now.
    function _fill(address token, PairLimits storage limits, uint256 amount) internal returns (bool) {
        uint256 capacity = limits.outflowCapacity;
        if (capacity == UNLIMITED) return true;
        uint256 level = _outflowNow(token, limits) + amount;
        if (level > capacity) return false;
        _setOutflow(token, level);
        return true;
    }

    function _setOutflow(address token, uint256 level) internal {
        // Never above a capacity of 128 bits; a timestamp beyond 64 bits is out of reach.
        // forge-lint: disable-next-line(unsafe-typecast)
        _outflows[token] = Outflow({level: uint128(level), updatedAt: uint64(block.timestamp)});
    }
}
