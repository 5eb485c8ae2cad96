// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {Permit} from "../interfaces/BridgeTypes.sol";
import {IBridgeRequests} from "../interfaces/IBridgeRequests.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Pair} from "./BridgeStorage.sol";
import {Intake, Terms} from "./Intake.sol";

/// @title Source side: takes value in and records the request
/// @dev A token is called before the request is recorded, since the amount is what arrives; the guard keeps it from coming
/// back in between.
abstract contract Requests is Intake, IBridgeRequests {
    /// @inheritdoc IBridgeRequests
    receive() external payable nonReentrant {
        if (!_isDirectCall()) revert BridgePlainSendFromContract(msg.sender);
        _requestNative(msg.value, msg.sender, msg.sender, "");
    }

    /// @inheritdoc IBridgeRequests
    function requestNativeTransfer(uint256 amount, address to, address refundTo, bytes calldata extraData)
        external
        payable
        nonReentrant
        returns (uint64 nonce)
    {
        return _requestNative(amount, to, refundTo, extraData);
    }

    /// @inheritdoc IBridgeRequests
    function requestERC20Transfer(
        address token,
        uint256 amount,
        address to,
        address refundTo,
        uint256 feeLimit,
        bytes calldata extraData
    ) external payable nonReentrant returns (uint64 nonce) {
        return _requestERC20(token, amount, to, refundTo, feeLimit, extraData);
    }

    /// @inheritdoc IBridgeRequests
    function requestERC20TransferWithPermit(
        address token,
        uint256 amount,
        address to,
        address refundTo,
        uint256 feeLimit,
        bytes calldata extraData,
        Permit calldata permit
    ) external payable nonReentrant returns (uint64 nonce) {
        _registeredPair(token);
        // For the sender and this bridge only, whatever the arguments say. If it fails, the allowance decides.
        try IERC20Permit(token)
            .permit(msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s) {}
            catch {}
        return _requestERC20(token, amount, to, refundTo, feeLimit, extraData);
    }

    function _requestNative(uint256 amount, address to, address refundTo, bytes memory extraData)
        private
        returns (uint64 nonce)
    {
        if (amount == 0) revert BridgeZeroValue();
        if (msg.value < amount) revert BridgeNativeValueMismatch(msg.value, amount);
        uint256 limit = msg.value - amount;
        (Pair storage pair, Terms memory terms) =
            _checkRequest(address(0), Kinds.NATIVE, msg.sender, to, refundTo, extraData.length);
        (uint256 fee,) = _allowedFee(address(0), terms, limit, limit);
        _enter(address(0), pair, terms, amount);
        nonce = _record(Kinds.NATIVE, address(0), msg.sender, to, refundTo, amount, extraData);
        _keepFee(nonce, address(0), fee);
        _returnNative(limit - fee);
    }

    function _requestERC20(
        address token,
        uint256 amount,
        address to,
        address refundTo,
        uint256 feeLimit,
        bytes memory extraData
    ) private returns (uint64 nonce) {
        if (amount == 0) revert BridgeZeroValue();
        (Pair storage pair, Terms memory terms) =
            _checkRequest(token, Kinds.ERC20, msg.sender, to, refundTo, extraData.length);
        (uint256 fee, bool feeInNative) = _allowedFee(token, terms, feeLimit, msg.value);
        uint256 tokenFee = feeInNative ? 0 : fee;
        uint256 received = _pull(token, amount + tokenFee);
        if (received <= tokenFee) revert BridgeZeroValue();
        received -= tokenFee;
        _enterERC20(token, pair, terms, received);
        nonce = _record(Kinds.ERC20, token, msg.sender, to, refundTo, received, extraData);
        _keepFee(nonce, feeInNative ? address(0) : token, fee);
        _returnNative(msg.value - (fee - tokenFee));
    }
}
