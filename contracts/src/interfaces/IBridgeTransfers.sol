// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1363Receiver} from "@openzeppelin/contracts/interfaces/IERC1363Receiver.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";

import {Checkpoint, Permit, ValueTransfer} from "./BridgeTypes.sol";

/// @title Moving value: requests on the source, payouts and holds on the destination
/// @notice Parameters that all requests share: `to` is the recipient on the counterpart's chain; `refundTo` the account on
/// this chain that is paid back should a held request be refunded; `extraData` go to the recipient if it declares
/// `IBridgeReceiver` (unit: bytes, at most 1024). What is sent of the native currency beyond amount and fee comes back.
/// @dev The callbacks of ERC-1363, ERC-721 and ERC-1155 make a request of what a registered token has just moved here, for
/// the account it came from. Their `data` are `abi.encode(address to, address refundTo, uint256 feeLimit, bytes extraData)`.
/// Of an ERC-20 the request is for what arrived minus `feeLimit`; of `feeLimit` the fee is kept and the rest goes back.
interface IBridgeTransfers is IERC1363Receiver, IERC721Receiver, IERC1155Receiver {
    // ---- users: request on the source ----

    /// @notice Moves `amount` of the native currency. The fee is taken from what is sent beyond it.
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

    /// @notice Moves an approved ERC-721 token. Where this side locks, its URI travels with it (at most 512 bytes).
    /// @param token ERC-721 of a registered pair
    /// @param id of a token that the sender owns and has approved
    /// @return nonce the request's number in this lane
    function requestERC721Transfer(address token, uint256 id, address to, address refundTo, bytes calldata extraData)
        external
        payable
        returns (uint64 nonce);

    /// @notice Moves approved units of one to 16 ids of an ERC-1155 in one request.
    /// @param token ERC-1155 of a registered pair
    /// @param ids the ids
    /// @param amounts units of each id, none of them 0
    /// @return nonce the request's number in this lane
    function requestERC1155Transfer(
        address token,
        uint256[] calldata ids,
        uint256[] calldata amounts,
        address to,
        address refundTo,
        bytes calldata extraData
    ) external payable returns (uint64 nonce);

    /// @notice Same as `requestNativeTransfer` to the sender's own address. Refused when the sender has code, as nobody may
    /// have its address on the other chain, and when there is a fee, which the sender did not agree to.
    receive() external payable;

    /// @notice Puts liquidity into a lock pair of a fungible token. It cannot be taken out again except by transfers.
    /// @param token of a registered lock pair; zero for the native currency
    /// @param amount what to take; for the native currency what is sent. Unit: the token's smallest unit.
    function seed(address token, uint256 amount) external payable;

    // ---- anyone: handle on the destination ----

    /// @notice Pays the next requests of the inbound lane. Anyone may submit from an account without code, as the sender of
    /// the transaction itself.
    /// @param first nonce of `transfers[0]`; what lies before `handleNonce` is skipped
    /// @param transfers requests in nonce order
    /// @param tail leaf hashes of the requests that follow, up to the signed checkpoint; hashed and not paid
    /// @param signatures operators' signatures (ERC-2098: 64 bytes; or r, s, v: 65 bytes) over the checkpoint after `tail`.
    /// Those that are malformed, repeated or not of a current operator do not count. Votes on chain count with them.
    function handle(
        uint64 first,
        ValueTransfer[] calldata transfers,
        bytes32[] calldata tail,
        bytes[] calldata signatures
    ) external;

    /// @notice Records an operator's signature under a checkpoint of the inbound lane. Anyone may send it.
    /// @param signature EIP-712 `Checkpoint(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 root)`
    function vote(Checkpoint calldata checkpoint, bytes calldata signature) external;

    // ---- holds ----

    /// @notice Pays a held request, if its reason is gone. Anyone may, like `handle`; a threshold of operators has to sign
    /// where the reason is `Forced` or `AnswerUnclear`.
    /// @param transfer the held request
    /// @param signatures empty, or operators' EIP-712 `Release(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)`
    function release(uint64 nonce, ValueTransfer calldata transfer, bytes[] calldata signatures) external;

    /// @notice Sends a held request back to its `refundTo`, as a request of the other lane. Once `refundDelay` is over anyone
    /// may; before that, and always where the reason is `AnswerUnclear`, a threshold of operators has to sign.
    /// @param transfer the held request
    /// @param signatures empty, or operators' EIP-712 `Refund(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)`
    function refund(uint64 nonce, ValueTransfer calldata transfer, bytes[] calldata signatures) external;

    /// @notice Puts the next request of the inbound lane on hold without trying to pay it.
    /// @param nonce the bridge's `handleNonce`
    /// @param transfer the request with this nonce
    /// @param signatures operators' EIP-712 `ForceHold(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)`
    function forceHold(uint64 nonce, ValueTransfer calldata transfer, bytes[] calldata signatures) external;

    /// @notice The part of a payout that happens as a whole or not at all. Only for the bridge itself.
    function payWhole(address token, ValueTransfer calldata transfer) external;
}
