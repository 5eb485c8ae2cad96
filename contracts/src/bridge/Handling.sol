// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridge, ValueTransfer} from "../interfaces/IBridge.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Lanes} from "./BridgeStorage.sol";
import {MemberSets} from "./MemberSets.sol";
import {Payouts} from "./Payouts.sol";

/// @title Destination side: the one way to a payout
abstract contract Handling is MemberSets, Payouts {
    /// @inheritdoc IBridge
    /// @dev What costs little is checked first: a duplicate is refused before anything is hashed.
    function handle(
        uint64 first,
        ValueTransfer[] calldata transfers,
        bytes32[] calldata tail,
        bytes[] calldata signatures
    ) external nonReentrant {
        // Before anything else: a caller in between chooses the depth of the call stack, and may stand within a guarded
        // call of a token or a recipient, which then refuses its payout. Either way it would decide who is held.
        if (!_isDirectCall()) revert BridgeSubmitterNotDirect(msg.sender);
        _requireOpen();
        Lanes memory lanes = _lanes;
        if (transfers.length == 0) revert BridgeNothingToHandle();
        uint64 next = lanes.handleNonce;
        if (first > next) revert BridgeNonceGap(first, next);
        // No underflow: checked in the line before.
        uint256 skipped;
        unchecked {
            skipped = next - first;
        }
        if (skipped >= transfers.length) revert BridgeAlreadyHandled(next);

        // Array lengths are bounded by the calldata, and nonces count transactions of a chain: no sum reaches 64 bits.
        unchecked {
            bytes32 root = _handleRoot;
            for (uint256 i = skipped; i < transfers.length; ++i) {
                root = Checkpoints.next(root, Checkpoints.leaf(first + i, transfers[i]));
            }
            // forge-lint: disable-next-line(unsafe-typecast)
            uint64 end = uint64(first + transfers.length);
            _requireApproved(end, root, tail, signatures);

            // Before the first payout: whatever a callee does, these requests are handled.
            lanes.handleNonce = end;
            lanes.recoveryBlockNumber = transfers[transfers.length - 1].sourceBlock;
            _lanes = lanes;
            _handleRoot = root;

            for (uint256 i = skipped; i < transfers.length; ++i) {
                // forge-lint: disable-next-line(unsafe-typecast)
                _payOrHold(uint64(first + i), transfers[i]);
            }
        }
    }

    /// @dev Reverts unless a threshold of operators has signed the checkpoint that lies `tail` beyond (nonce, root).
    function _requireApproved(uint64 nonce, bytes32 root, bytes32[] calldata tail, bytes[] calldata signatures)
        private
        view
    {
        for (uint256 i = 0; i < tail.length; ++i) {
            root = Checkpoints.next(root, tail[i]);
        }
        // The sum stays below 64 bits, see `handle`.
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 signedNonce = uint64(nonce + tail.length);
        bytes32 checkpoint = Checkpoints.checkpointHash(_inboundBridgeId, _operators.epoch, signedNonce, root);
        _requireThreshold(_operators, _hashTypedDataV4(checkpoint), signatures);
    }
}
