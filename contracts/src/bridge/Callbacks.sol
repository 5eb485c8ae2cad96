// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1363Receiver} from "@openzeppelin/contracts/interfaces/IERC1363Receiver.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IBridgeRequests} from "../interfaces/IBridgeRequests.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Pair} from "./BridgeStorage.sol";
import {Terms} from "./Intake.sol";
import {Arguments, OneStep} from "./OneStep.sol";

/// @title Requests of an ERC-20 in one step
abstract contract Callbacks is OneStep, IBridgeRequests {
    using SafeERC20 for IERC20;

    /// @inheritdoc IERC1363Receiver
    function onTransferReceived(address, address from, uint256 value, bytes calldata data)
        external
        nonReentrant
        returns (bytes4)
    {
        address token = msg.sender;
        Arguments memory arguments = _decode(data);
        (Pair storage pair, Terms memory terms) = _check(Kinds.ERC20, from, arguments);
        (uint256 fee,) = _allowedFee(token, terms, arguments.feeLimit, 0);

        uint256 amount = _arrived(token, pair, terms, value);
        if (amount <= arguments.feeLimit) revert BridgeZeroValue();
        amount -= arguments.feeLimit;

        _enterERC20(token, pair, terms, amount);
        uint64 nonce = _record(Kinds.ERC20, token, from, arguments.to, arguments.refundTo, amount, arguments.extraData);
        _keepFee(nonce, token, fee);
        if (arguments.feeLimit > fee) IERC20(token).safeTransfer(from, arguments.feeLimit - fee);
        return IERC1363Receiver.onTransferReceived.selector;
    }

    /// @dev No more than what lies here above what is accounted for.
    function _arrived(address token, Pair storage pair, Terms memory terms, uint256 value)
        private
        view
        returns (uint256)
    {
        uint256 balance = IERC20(token).balanceOf(address(this));
        uint256 accounted = (terms.mints ? 0 : uint256(pair.outstanding)) + _fees[token];
        uint256 arrived = balance > accounted ? balance - accounted : 0;
        return value < arrived ? value : arrived;
    }
}
