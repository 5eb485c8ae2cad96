// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMigratable} from "../interfaces/IMigratable.sol";

/// @title What all tokens of a bridge share: who mints and burns them
/// @dev One variable holds the right, so it is taken from the old bridge in the write that gives it to the new one.
abstract contract BridgeMinted is IMigratable {
    /// @notice The only account that mints and burns.
    address public bridge;

    /// @notice `bridge` mints and burns from here on.
    event BridgeChanged(address indexed bridge);

    error BridgeMintedOnlyBridge(address caller);
    error BridgeMintedZeroBridge();

    modifier onlyBridge() {
        _checkBridge();
        _;
    }

    constructor(address bridge_) {
        _setBridge(bridge_);
    }

    /// @inheritdoc IMigratable
    function handOver(address successor) external onlyBridge {
        _setBridge(successor);
    }

    function _setBridge(address bridge_) private {
        if (bridge_ == address(0)) revert BridgeMintedZeroBridge();
        bridge = bridge_;
        emit BridgeChanged(bridge_);
    }

    function _checkBridge() private view {
        if (msg.sender != bridge) revert BridgeMintedOnlyBridge(msg.sender);
    }
}
