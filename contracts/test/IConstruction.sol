// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Construction} from "../src/interfaces/BridgeTypes.sol";

/// @title The one function of a bridge that is none any more when the bridge is there
/// @dev Tests import neither `Bridge` nor a part of it: whatever imports these is compiled as they are, in minutes.
interface IConstruction {
    function construct(Construction calldata construction) external;
}
