// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title A token whose minter hands its right over
interface IMigratable {
    /// @notice Makes `successor` the only account that mints and burns. Only the present one may; there are never two.
    /// @param successor not zero
    function handOver(address successor) external;
}
