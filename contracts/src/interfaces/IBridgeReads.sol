// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeState, Hold, LaneState, PairState, ValueTransfer} from "./BridgeTypes.sol";

/// @title What a bridge knows
interface IBridgeReads {
    /// @notice Everything about the bridge.
    /// @return its state
    function state() external view returns (BridgeState memory);

    /// @notice The part of `state` that changes with traffic.
    /// @return both lanes
    function laneState() external view returns (LaneState memory);

    /// @notice The holds with `first <= nonce < first + count`.
    /// @param first nonce of the first request that is looked at
    /// @param count how many requests are looked at
    /// @return those of them that are on hold, in nonce order
    function holds(uint64 first, uint64 count) external view returns (Hold[] memory);

    /// @notice One pair; reverts when there is none.
    /// @param token zero for the native currency
    /// @return the pair of this token
    function pairOf(address token) external view returns (PairState memory);

    /// @notice Whether this account's signature under a checkpoint counts now.
    /// @param account the address that its signature recovers to
    /// @return whether it is a current operator
    function isOperator(address account) external view returns (bool);

    /// @notice Whether this account's signature under a configuration counts now.
    /// @param account the address that its signature recovers to
    /// @return whether it is a current governor
    function isGovernor(address account) external view returns (bool);

    /// @notice EIP-712 domain separator: name "Polyspan", version "1", the live chain id, this contract.
    /// @return the separator
    function domainSeparator() external view returns (bytes32);

    /// @notice What the `transfers` of a `handle` are, for whoever reads a transaction. Reverts when they are malformed.
    /// @param transfers encoded as `PackedTransfers` says
    /// @return the requests in nonce order
    function unpackTransfers(bytes calldata transfers) external pure returns (ValueTransfer[] memory);
}
