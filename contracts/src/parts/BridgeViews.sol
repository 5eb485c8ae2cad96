// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Views} from "../bridge/Views.sol";

/// @title Part of a bridge: reads
/// @notice Not to be called by itself: a `Bridge` runs this code on its own storage. Alone it has nothing to tell.
/// @custom:security-contact SECURITY.md in the project's repository
contract BridgeViews is Views {}
