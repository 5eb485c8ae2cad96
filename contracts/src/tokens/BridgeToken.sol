// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC1363} from "@openzeppelin/contracts/token/ERC20/extensions/ERC1363.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {IBridgeToken} from "../interfaces/IBridgeToken.sol";
import {BridgeMinted} from "./BridgeMinted.sol";

/// @title ERC-20 that a bridge mints for what its counterpart locks
/// @notice Goes back in one step (ERC-1363) or with a permit (ERC-2612).
/// @dev Holders cannot burn by themselves: what is destroyed outside the bridge would stay locked on the other chain.
/// @custom:security-contact SECURITY.md in the project's repository
contract BridgeToken is ERC1363, ERC20Permit, BridgeMinted, IBridgeToken {
    uint8 private immutable _decimals;

    /// @param decimals_ those of the counterpart's token, for a pair moves smallest units
    constructor(string memory name_, string memory symbol_, uint8 decimals_, address bridge_)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
        BridgeMinted(bridge_)
    {
        _decimals = decimals_;
    }

    /// @inheritdoc IBridgeToken
    function mint(address to, uint256 amount) external onlyBridge {
        _mint(to, amount);
    }

    /// @inheritdoc IBridgeToken
    function burn(uint256 amount) external onlyBridge {
        _burn(msg.sender, amount);
    }

    /// @inheritdoc ERC20
    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}
