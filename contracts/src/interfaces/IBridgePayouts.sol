// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, ValueTransfer} from "./BridgeTypes.sol";

/// @title Payouts, on the destination
interface IBridgePayouts {
    /// @notice Pays the next requests of the inbound lane. Anyone may submit from an account without code, as the sender of
    /// the transaction itself.
    /// @param first nonce of the first of `transfers`; what lies before `handleNonce` is skipped
    /// @param transfers requests in nonce order, encoded as `PackedTransfers` says; `unpackTransfers` shows what they are
    /// @param tail leaf hashes of the requests that follow, up to the signed checkpoint; hashed and not paid
    /// @param signatures operators' signatures (ERC-2098: 64 bytes; or r, s, v: 65 bytes) over the checkpoint after `tail`.
    /// Those that are malformed, repeated or not of a current operator do not count. Votes on chain count with them.
    function handle(uint64 first, bytes calldata transfers, bytes32[] calldata tail, bytes[] calldata signatures)
        external;

    /// @notice Records an operator's signature under a checkpoint of the inbound lane. Anyone may send it.
    /// @param checkpoint of the present operators' epoch, above `handleNonce`
    /// @param signature EIP-712 `Checkpoint(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 root)`
    function vote(Checkpoint calldata checkpoint, bytes calldata signature) external;

    /// @notice The part of a payout that happens as a whole or not at all. Only for the bridge itself.
    /// @param token of this chain, zero for the native currency
    /// @param transfer the request that is paid
    function payWhole(address token, ValueTransfer calldata transfer) external;
}
