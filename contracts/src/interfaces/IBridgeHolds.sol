// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "./BridgeTypes.sol";

/// @title Holds: requests that were handled and not paid
interface IBridgeHolds {
    /// @notice Pays a held request, if its reason is gone. Anyone may, like `handle`; a threshold of operators has to sign
    /// where the reason is `Forced` or `AnswerUnclear`.
    /// @param nonce of the held request
    /// @param transfer the held request
    /// @param signatures empty, or operators' EIP-712 `Release(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)`
    function release(uint64 nonce, ValueTransfer calldata transfer, bytes[] calldata signatures) external;

    /// @notice Sends a held request back to its `refundTo`, as a request of the other lane. Once `refundDelay` is over anyone
    /// may; before that, and always where the reason is `AnswerUnclear`, a threshold of operators has to sign.
    /// @param nonce of the held request
    /// @param transfer the held request
    /// @param signatures empty, or operators' EIP-712 `Refund(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)`
    function refund(uint64 nonce, ValueTransfer calldata transfer, bytes[] calldata signatures) external;

    /// @notice Puts the next request of the inbound lane on hold without trying to pay it.
    /// @param nonce the bridge's `handleNonce`
    /// @param transfer the request with this nonce
    /// @param signatures operators' EIP-712 `ForceHold(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)`
    function forceHold(uint64 nonce, ValueTransfer calldata transfer, bytes[] calldata signatures) external;

    /// @notice A listed setter, see `IBridgeConfiguration.configure`; waits the public delay. Pays a held request to the bridge's
    /// claims (`IBridgeClaims`), where its recipient can take it, for the case that neither a release nor a refund can end the
    /// hold. Does nothing when the hold has ended meanwhile. Refused for an unclear answer, of which
    /// operators have to find out whether it was paid.
    /// @param nonce of the held request
    /// @param transfer the held request
    function writeOff(uint64 nonce, ValueTransfer calldata transfer) external;
}
