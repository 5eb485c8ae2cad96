// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What a bridge needs of an ERC-721 that it mints
interface IBridgeNFT {
    /// @notice Creates token `id` for `to` and, when `to` has code, asks it to accept. Only the bridge may.
    /// @param uri what the locked token's `tokenURI` said, at most 512 bytes
    function safeMint(address to, uint256 id, string calldata uri) external;

    /// @notice Creates token `id` for `to` without asking it. Only the bridge may.
    /// @param uri what the locked token's `tokenURI` said, at most 512 bytes
    function mint(address to, uint256 id, string calldata uri) external;

    /// @notice Destroys token `id` of the caller. Only the bridge may.
    function burn(uint256 id) external;
}
