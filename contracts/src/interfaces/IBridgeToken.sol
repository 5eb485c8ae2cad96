// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What a bridge needs of an ERC-20 that it mints
interface IBridgeToken {
    /// @notice Creates `amount` for `to`. Only the bridge may.
    /// @param amount Unit: the token's smallest unit.
    function mint(address to, uint256 amount) external;

    /// @notice Destroys `amount` of the caller's balance. Only the bridge may.
    /// @param amount Unit: the token's smallest unit.
    function burn(uint256 amount) external;
}
