// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, ValueTransfer} from "../interfaces/BridgeTypes.sol";
import {IBridgeTransfers} from "../interfaces/IBridgeTransfers.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Lanes, Membership, Quorum} from "./BridgeStorage.sol";
import {MemberSets} from "./MemberSets.sol";
import {Payouts} from "./Payouts.sol";

/// @title Destination side: the one way to a payout, and votes on the way to it
abstract contract Handling is MemberSets, Payouts, IBridgeTransfers {
    /// @inheritdoc IBridgeTransfers
    /// @dev What costs little is checked first: a duplicate is refused before anything is hashed.
    function handle(
        uint64 first,
        ValueTransfer[] calldata transfers,
        bytes32[] calldata tail,
        bytes[] calldata signatures
    ) external nonReentrant {
        _requireDirectCall();
        _requireOpen();
        Lanes storage lanes = _lanes;
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
            _requireApproved(_operatorQuorum(), end, root, tail, signatures);

            // Before the first payout: whatever a callee does, these requests are handled.
            lanes.handleNonce = end;
            lanes.recoveryBlockNumber = transfers[transfers.length - 1].sourceBlock;
            _handleRoot = root;

            for (uint256 i = skipped; i < transfers.length; ++i) {
                // forge-lint: disable-next-line(unsafe-typecast)
                _payOrHold(uint64(first + i), transfers[i]);
            }
            emit HandleValueTransfer(next, end);
        }
    }

    /// @inheritdoc IBridgeTransfers
    function vote(Checkpoint calldata checkpoint, bytes calldata signature) external {
        // One slot holds all that is compared here. The lane is not: it is in the digest, so a vote for another one lies where
        // no `handle` looks, and the signature under it is for this bridge in any case.
        Lanes storage lanes = _lanes;
        if (!lanes.wired) revert BridgeNotWired();
        uint32 epoch = lanes.operatorEpoch;
        if (checkpoint.epoch != epoch) revert BridgeOtherEpoch(checkpoint.epoch, epoch);
        uint64 handleNonce = lanes.handleNonce;
        if (checkpoint.nonce <= handleNonce) revert BridgeAlreadyHandled(handleNonce);

        bytes32 digest =
            _digestOf(Checkpoints.checkpointHash(checkpoint.bridgeId, epoch, checkpoint.nonce, checkpoint.root));
        address signer = _recover(digest, signature);
        Membership storage membership = _operators.memberships[signer];
        if (membership.epoch != epoch) revert BridgeNotOperator(signer);
        uint256 voters = _votes[digest];
        uint256 bit = _bitOf(membership.index);
        if (voters & bit != 0) revert BridgeAlreadyVoted(signer);
        _votes[digest] = voters | bit;
        emit CheckpointVoted(checkpoint.nonce, signer, digest);
    }

    /// @dev Reverts unless a threshold of operators has signed the checkpoint that lies `tail` beyond (nonce, root).
    function _requireApproved(
        Quorum memory quorum,
        uint64 nonce,
        bytes32 root,
        bytes32[] calldata tail,
        bytes[] calldata signatures
    ) private {
        for (uint256 i = 0; i < tail.length; ++i) {
            root = Checkpoints.next(root, tail[i]);
        }
        // The sum stays below 64 bits, see `handle`.
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes32 digest = _checkpointDigest(quorum.epoch, uint64(nonce + tail.length), root);
        bool byVotes = _requireThresholdWithVotes(quorum, digest, signatures);
        // Everything under these votes is handled now, so their slot is given back.
        if (byVotes && tail.length == 0) delete _votes[digest];
    }

    function _checkpointDigest(uint64 epoch, uint64 nonce, bytes32 root) private view returns (bytes32) {
        return _digestOf(Checkpoints.checkpointHash(_inboundBridgeId, epoch, nonce, root));
    }
}
