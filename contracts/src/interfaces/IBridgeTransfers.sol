// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeCollectibles} from "./IBridgeCollectibles.sol";
import {IBridgeHolds} from "./IBridgeHolds.sol";
import {IBridgePayouts} from "./IBridgePayouts.sol";
import {IBridgeRequests} from "./IBridgeRequests.sol";

/// @title Moving value: requests on the source, payouts and holds on the destination
interface IBridgeTransfers is IBridgeRequests, IBridgeCollectibles, IBridgePayouts, IBridgeHolds {}
