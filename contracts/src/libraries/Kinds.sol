// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Asset classes
/// @dev Part of every leaf: a number that was given out is never given to another class.
library Kinds {
    uint8 internal constant NATIVE = 0;
    uint8 internal constant ERC20 = 1;
    uint8 internal constant ERC721 = 2;
    uint8 internal constant ERC1155 = 3;

    /// @dev Set in the kind of a request that pays a hold back. Its token is the destination's own, since the bridge that
    /// refunds may know no pair for it.
    uint8 internal constant REFUND = 0x80;
}
