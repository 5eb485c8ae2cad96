// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CollectibleRequests} from "../bridge/CollectibleRequests.sol";

/// @title Part of a bridge: requests of tokens with ids
/// @notice Not to be called by itself: a `Bridge` runs this code on its own storage. Alone it is not wired and refuses everything.
/// @custom:security-contact SECURITY.md in the project's repository
contract BridgeCollectibles is CollectibleRequests {}
