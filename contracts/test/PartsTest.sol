// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Parts} from "../src/interfaces/BridgeTypes.sol";
import {Test} from "./Vm.sol";

/// @title The parts of bridges, deployed as they are committed
/// @dev Tests import neither `Bridge` nor a part: whatever imports these is compiled as they are, in minutes.
abstract contract PartsTest is Test {
    function _newParts() internal returns (Parts memory) {
        return Parts({
            collectibles: vm.deployCode("BridgeCollectibles.sol:BridgeCollectibles"),
            endings: vm.deployCode("BridgeEndings.sol:BridgeEndings"),
            governance: vm.deployCode("BridgeGovernance.sol:BridgeGovernance"),
            views: vm.deployCode("BridgeViews.sol:BridgeViews")
        });
    }
}
