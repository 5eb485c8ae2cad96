// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Construction} from "../interfaces/BridgeTypes.sol";
import {Delays} from "./Delays.sol";
import {GasCaps} from "./GasCaps.sol";
import {Memberships} from "./Memberships.sol";

/// @title The construction of a bridge
abstract contract Genesis is Memberships, Delays, GasCaps {
    /// @notice The part of a bridge's construction that is done here; see `Bridge`. Refused ever after.
    /// @dev Only a contract under construction has no code. An account with delegated code has some.
    /// @param construction what the bridge starts with
    function construct(Construction calldata construction) external {
        if (address(this).code.length != 0) revert BridgeOnlySelf(msg.sender);
        // A block number beyond 64 bits is out of reach of any chain.
        // forge-lint: disable-next-line(unsafe-typecast)
        _origin.deploymentBlock = uint64(block.number);
        _origin.development = construction.development;
        _setGreatestGasCap(construction.greatestGasCap);
        _origin.defersCalls = construction.defersCalls;
        _setOperators(construction.operators, construction.operatorThreshold);
        _setGovernors(construction.governors, construction.governorThreshold);
        _setGovernanceDelay(construction.governanceDelay);
        _setRefundDelay(construction.refundDelay);
    }
}
