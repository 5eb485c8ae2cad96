// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeStorage} from "./BridgeStorage.sol";
import {IRosterSource, OperatorRoster} from "./OperatorRoster.sol";

/// @title Makes the roster of each epoch of operators
abstract contract Rosters is BridgeStorage, IRosterSource {
    /// @inheritdoc IRosterSource
    function rosterContent() external view returns (bytes memory content) {
        content = abi.encodePacked(bytes1(0), _inboundBridgeId);
        address[] storage list = _operators.list;
        for (uint256 i = 0; i < list.length; ++i) {
            content = abi.encodePacked(content, list[i]);
        }
    }

    /// @notice What the address of a roster is computed from, beside the bridge and the epoch.
    /// @return hash of its creation code
    function rosterCodeHash() external pure returns (bytes32) {
        return keccak256(type(OperatorRoster).creationCode);
    }

    /// @dev Once in each epoch, and not before the lane has an id.
    function _makeRoster() internal {
        new OperatorRoster{salt: bytes32(uint256(_lanes.operatorEpoch))}();
    }
}
