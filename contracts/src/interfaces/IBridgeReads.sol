// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeState, Hold, LaneState, PairState} from "./BridgeTypes.sol";

/// @title What a bridge knows
interface IBridgeReads {
    /// @notice Everything about the bridge.
    function state() external view returns (BridgeState memory);

    /// @notice The part of `state` that changes with traffic.
    function laneState() external view returns (LaneState memory);

    /// @notice The holds with `first <= nonce < first + count`.
    function holds(uint64 first, uint64 count) external view returns (Hold[] memory);

    /// @notice One pair; reverts when there is none. Zero stands for the native currency.
    function pairOf(address token) external view returns (PairState memory);

    /// @notice Whether this account's signature under a checkpoint counts now.
    function isOperator(address account) external view returns (bool);

    /// @notice Whether this account's signature under a configuration counts now.
    function isGovernor(address account) external view returns (bool);

    /// @notice EIP-712 domain separator: name "Polyspan", version "1", the live chain id, this contract.
    function domainSeparator() external view returns (bytes32);
}
