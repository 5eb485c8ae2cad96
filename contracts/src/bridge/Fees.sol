// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {IBridgeConfiguration} from "../interfaces/IBridgeConfiguration.sol";
import {BridgeStorage} from "./BridgeStorage.sol";

/// @title Fees on their way to the receiver
abstract contract Fees is BridgeStorage, IBridgeConfiguration {
    using SafeERC20 for IERC20;

    /// @inheritdoc IBridgeConfiguration
    function withdrawFees(address token) external nonReentrant {
        _requireWired();
        address receiver = _settings.feeReceiver;
        uint256 amount = _fees[token];
        if (amount == 0 || receiver == address(0)) revert BridgeNoFees(token, receiver);
        delete _fees[token];
        emit FeesWithdrawn(token, receiver, amount);
        if (token == address(0)) {
            Address.sendValue(payable(receiver), amount);
        } else {
            IERC20(token).safeTransfer(receiver, amount);
        }
    }
}
