// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Migration} from "../bridge/Migration.sol";
import {WriteOffs} from "../bridge/WriteOffs.sol";

/// @title Part of a bridge: holds that end or are made by vote, and migration
/// @notice Not to be called by itself: a `Bridge` runs this code on its own storage. Alone it is not wired and refuses everything.
/// @custom:security-contact SECURITY.md in the project's repository
contract BridgeEndings is WriteOffs, Migration {}
