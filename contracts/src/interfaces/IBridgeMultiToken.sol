// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What a bridge needs of an ERC-1155 that it mints
interface IBridgeMultiToken {
    /// @notice Makes units of the ids for `to`, who accepts them as ERC-1155 says. Only the bridge may.
    /// @param amounts units of each id
    function mintBatch(address to, uint256[] calldata ids, uint256[] calldata amounts) external;

    /// @notice Destroys units that the caller has. Only the bridge may.
    /// @param amounts units of each id
    function burnBatch(uint256[] calldata ids, uint256[] calldata amounts) external;
}
