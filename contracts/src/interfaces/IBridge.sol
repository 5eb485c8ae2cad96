// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeConfiguration} from "./IBridgeConfiguration.sol";
import {IBridgeErrors} from "./IBridgeErrors.sol";
import {IBridgeEvents} from "./IBridgeEvents.sol";
import {IBridgeReads} from "./IBridgeReads.sol";
import {IBridgeTransfers} from "./IBridgeTransfers.sol";

/// @title One half of a Polyspan bridge
/// @notice Source of one lane and destination of the other. Users request on one chain; once a threshold of operators
/// has signed a checkpoint over the lane's requests, anyone may have them paid on the other chain.
interface IBridge is IBridgeEvents, IBridgeErrors, IBridgeTransfers, IBridgeConfiguration, IBridgeReads {
    /// @notice The contract with the code of the seldom functions, made by the bridge itself and fixed for ever.
    function extension() external view returns (address);
}
