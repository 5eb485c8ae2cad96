// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {IBridgeToken} from "../interfaces/IBridgeToken.sol";

/// @title ERC-20 that a bridge mints for what its counterpart locks
/// @dev Holders cannot burn by themselves: what is destroyed outside the bridge would stay locked on the other chain.
contract BridgeToken is ERC20, IBridgeToken {
    /// @notice The only account that mints and burns.
    address public immutable bridge;
    uint8 private immutable _decimals;

    error BridgeTokenOnlyBridge(address caller);
    error BridgeTokenZeroBridge();

    modifier onlyBridge() {
        _checkBridge();
        _;
    }

    /// @param decimals_ those of the counterpart's token, for a pair moves smallest units
    constructor(string memory name_, string memory symbol_, uint8 decimals_, address bridge_) ERC20(name_, symbol_) {
        if (bridge_ == address(0)) revert BridgeTokenZeroBridge();
        bridge = bridge_;
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

    function _checkBridge() private view {
        if (msg.sender != bridge) revert BridgeTokenOnlyBridge(msg.sender);
    }
}
