// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Parts} from "./BridgeTypes.sol";
import {IBridgeConfiguration} from "./IBridgeConfiguration.sol";
import {IBridgeErrors} from "./IBridgeErrors.sol";
import {IBridgeEvents} from "./IBridgeEvents.sol";
import {IBridgeMigration} from "./IBridgeMigration.sol";
import {IBridgeReads} from "./IBridgeReads.sol";
import {IBridgeTransfers} from "./IBridgeTransfers.sol";

/// @title One half of a Polyspan bridge
/// @notice Source of one lane and destination of the other. Users request on one chain; once a threshold of operators
/// has signed a checkpoint over the lane's requests, anyone may have them paid on the other chain.
/// @custom:security-contact SECURITY.md in the project's repository
interface IBridge is
    IBridgeEvents,
    IBridgeErrors,
    IBridgeTransfers,
    IBridgeConfiguration,
    IBridgeMigration,
    IBridgeReads
{
    /// @notice The contracts whose code the bridge runs beside its own, fixed for ever.
    /// @return their addresses
    function parts() external view returns (Parts memory);
}
