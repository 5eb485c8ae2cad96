// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeStorage} from "./bridge/BridgeStorage.sol";
import {Configuration} from "./bridge/Configuration.sol";
import {Handling} from "./bridge/Handling.sol";
import {Requests} from "./bridge/Requests.sol";
import {Views} from "./bridge/Views.sol";

/// @title One half of a Polyspan bridge
/// @notice See `IBridge`. Nobody owns it: operators move value by threshold, governors configure by threshold, and any one
/// operator can pause.
contract Bridge is Requests, Handling, Configuration, Views {
    /// @param operators first attester addresses
    /// @param operatorThreshold how many of them move value
    /// @param governors first governor addresses
    /// @param governorThreshold how many of them configure
    /// @param development allows thresholds of half the members or less, visibly and for ever
    constructor(
        address[] memory operators,
        uint8 operatorThreshold,
        address[] memory governors,
        uint8 governorThreshold,
        bool development
    ) BridgeStorage(development) {
        _setOperators(operators, operatorThreshold);
        _setGovernors(governors, governorThreshold);
    }
}
