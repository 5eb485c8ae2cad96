// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title An ERC-20 that anyone may mint and that its holders may burn. `mint` returns a value, as the tokens did that the bridge of
/// Kaia's nodes mints (OpenZeppelin Contracts 2).
contract TestReturningToken is ERC20 {
    constructor(string memory name_, string memory symbol_) ERC20(name_, symbol_) {}

    /// @notice Creates `amount` for `to`.
    function mint(address to, uint256 amount) external returns (bool) {
        _mint(to, amount);
        return true;
    }

    /// @notice Destroys `amount` of the caller's.
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }
}
