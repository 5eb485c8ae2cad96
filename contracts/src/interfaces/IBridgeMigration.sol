// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title From one bridge to its successor
/// @notice `migrate` and `handOver` are listed setters, see `IBridgeConfiguration.configure`; both wait the public delay.
interface IBridgeMigration {
    /// @notice Moves value that is owed to nobody here into the successor's pair of the same token: locked value itself, of
    /// minted value its count. Requests must have been stopped for the public delay, and the lane that ends here drained.
    /// What is not there when the vote is executed, or is owed to a hold then, stays.
    /// @param token of a registered pair
    /// @param successor the bridge that replaces this one
    /// @param amount the most that is moved. Unit: the token's smallest unit.
    /// @param ids of a locked ERC-721 or ERC-1155, else empty
    /// @param amounts units of each id of a locked ERC-1155, else empty
    /// @param inboundNonce the counterpart's final `requestNonce`, as far as governors have seen it
    function migrate(
        address token,
        address successor,
        uint256 amount,
        uint256[] calldata ids,
        uint256[] calldata amounts,
        uint64 inboundNonce
    ) external;

    /// @notice Makes the successor the one who mints and burns a token of which nothing is held here, and moves the count of what
    /// is minted with it. Under the conditions of `migrate`.
    /// @param token of a registered pair that mints
    /// @param successor the bridge that replaces this one
    /// @param inboundNonce the counterpart's final `requestNonce`, as far as governors have seen it
    function handOver(address token, address successor, uint64 inboundNonce) external;

    /// @notice Counts what the predecessor has just handed over. Only for the predecessor.
    /// @param token of a registered pair
    /// @param mints whether the predecessor minted the token; the pair here must do as it did
    /// @param amount what comes; of the native currency, what is sent. Unit: the token's smallest unit.
    /// @param ids of a locked ERC-721 or ERC-1155, else empty
    /// @param amounts units of each id of a locked ERC-1155; they add up to `amount`
    function adopt(address token, bool mints, uint256 amount, uint256[] calldata ids, uint256[] calldata amounts)
        external
        payable;
}
