// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PendingConfiguration} from "../interfaces/BridgeTypes.sol";
import {BridgeStorage} from "./BridgeStorage.sol";

/// @title What a pause does to configurations that wait
/// @dev The public delay is there so that users can leave before governors' change takes effect, and nobody leaves a bridge that is
/// paused. So a pause suspends what waits, and the delay starts again when the bridge is unpaused. Each operator can suspend each
/// configuration once: one that pauses again and again holds a vote up by one delay, and all together by as many as they are.
abstract contract Suspension is BridgeStorage {
    /// @dev When what is suspended can be executed.
    uint64 internal constant NEVER = type(uint64).max;

    /// @dev Suspends what waits and was not suspended by this operator yet.
    function _suspendPending(address operator) internal {
        uint64 bit = uint64(1) << _operators.memberships[operator].index;
        for (uint256 i = 0; i < _pending.length; ++i) {
            PendingConfiguration storage pending = _pending[i];
            if (pending.suspendedBy & bit != 0) continue;
            pending.suspendedBy |= bit;
            pending.executableAt = NEVER;
            emit ConfigurationSuspended(pending.configurationNonce, operator);
        }
    }

    /// @dev Starts the delay again of what is suspended.
    function _resumePending() internal {
        for (uint256 i = 0; i < _pending.length; ++i) {
            PendingConfiguration storage pending = _pending[i];
            if (pending.executableAt != NEVER) continue;
            pending.executableAt = _executableFromNow();
            emit ConfigurationResumed(pending.configurationNonce, pending.executableAt);
        }
    }

    /// @dev From when on what is voted now can be executed, unless it is suspended later.
    function _executableFromNow() internal view returns (uint64) {
        // A timestamp beyond 64 bits is out of reach.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(block.timestamp) + _settings.governanceDelay;
    }
}
