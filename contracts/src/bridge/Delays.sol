// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeStorage} from "./BridgeStorage.sol";

/// @title How long a hold and a loosening vote wait
abstract contract Delays is BridgeStorage {
    /// @dev Unit: seconds.
    uint32 private constant MIN_GOVERNANCE_DELAY = 1 hours;
    /// @dev Unit: seconds.
    uint32 private constant MAX_GOVERNANCE_DELAY = 30 days;
    /// @dev 30 days at one block per second. Unit: blocks.
    uint64 private constant MAX_REFUND_DELAY = 2_592_000;

    function _setRefundDelay(uint64 refundDelay) internal {
        if (refundDelay == 0 || refundDelay > MAX_REFUND_DELAY) {
            revert BridgeDelayOutOfRange(refundDelay, 1, MAX_REFUND_DELAY);
        }
        _counters.refundDelay = refundDelay;
        emit RefundDelayChanged(refundDelay);
    }

    /// @dev Only a development bridge may do without.
    function _setGovernanceDelay(uint32 governanceDelay) internal {
        uint32 minimum = _origin.development ? 0 : MIN_GOVERNANCE_DELAY;
        if (governanceDelay < minimum || governanceDelay > MAX_GOVERNANCE_DELAY) {
            revert BridgeDelayOutOfRange(governanceDelay, minimum, MAX_GOVERNANCE_DELAY);
        }
        _settings.governanceDelay = governanceDelay;
        emit GovernanceDelayChanged(governanceDelay);
    }
}
