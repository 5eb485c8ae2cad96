// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1363Receiver} from "@openzeppelin/contracts/interfaces/IERC1363Receiver.sol";

import {Permit} from "./BridgeTypes.sol";

/// @title Requests of fungible value, on the source
/// @notice Parameters that all requests share: `to` is the recipient on the counterpart's chain; `refundTo` the account on
/// this chain that is paid back should a held request be refunded; `extraData` go to the recipient if it declares
/// `IBridgeReceiver` (unit: bytes, at most 1024). What is sent of the native currency beyond amount and fee comes back.
/// @dev The callbacks of ERC-1363, ERC-721 and ERC-1155 make a request of what a registered token has just moved here, for
/// the account it came from. Their `data` are `abi.encode(address to, address refundTo, uint256 feeLimit, bytes extraData)`.
/// Of an ERC-20 the request is for what arrived minus `feeLimit`; of `feeLimit` the fee is kept and the rest goes back.
interface IBridgeRequests is IERC1363Receiver {
    /// @notice Moves `amount` of the native currency. The fee is taken from what is sent beyond it.
    /// @param amount Unit: the native currency's smallest unit.
    /// @return nonce the request's number in this lane
    function requestNativeTransfer(uint256 amount, address to, address refundTo, bytes calldata extraData)
        external
        payable
        returns (uint64 nonce);

    /// @notice Moves an approved amount of `token`; what counts is what the bridge received.
    /// @param token ERC-20 of a registered pair
    /// @param amount what to take from the sender beside the fee. Unit: the token's smallest unit.
    /// @param feeLimit greatest fee in the token that the sender allows, who has approved it too; of a fee in the native
    /// currency the limit is what is sent
    /// @return nonce the request's number in this lane
    function requestERC20Transfer(
        address token,
        uint256 amount,
        address to,
        address refundTo,
        uint256 feeLimit,
        bytes calldata extraData
    ) external payable returns (uint64 nonce);

    /// @notice Same, with the sender's ERC-2612 permit in place of an approval. A permit that fails is no error as long as
    /// the allowance suffices: somebody may have used it up in front of this transaction.
    /// @param permit of the sender for this bridge; for a fee in the token it covers the fee as well
    /// @return nonce the request's number in this lane
    function requestERC20TransferWithPermit(
        address token,
        uint256 amount,
        address to,
        address refundTo,
        uint256 feeLimit,
        bytes calldata extraData,
        Permit calldata permit
    ) external payable returns (uint64 nonce);

    /// @notice Same as `requestNativeTransfer` to the sender's own address. Refused when the sender has code, as nobody may
    /// have its address on the other chain, and when there is a fee, which the sender did not agree to.
    receive() external payable;

    /// @notice Puts liquidity into a lock pair of a fungible token. It cannot be taken out again except by transfers.
    /// @param token of a registered lock pair; zero for the native currency
    /// @param amount what to take; for the native currency what is sent. Unit: the token's smallest unit.
    function seed(address token, uint256 amount) external payable;
}
