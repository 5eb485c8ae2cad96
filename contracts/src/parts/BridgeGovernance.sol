// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Configuration} from "../bridge/Configuration.sol";
import {Fees} from "../bridge/Fees.sol";
import {Genesis} from "../bridge/Genesis.sol";

/// @title Part of a bridge: construction, configuration, pause, and withdrawal of fees
/// @notice Not to be called by itself: a `Bridge` runs this code on its own storage. Alone it has no members and is not wired, so it refuses
/// everything.
/// @custom:security-contact SECURITY.md in the project's repository
contract BridgeGovernance is Genesis, Configuration, Fees {}
