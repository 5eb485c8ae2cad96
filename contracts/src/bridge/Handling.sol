// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, ValueTransfer} from "../interfaces/BridgeTypes.sol";
import {IBridgePayouts} from "../interfaces/IBridgePayouts.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {PackedTransfers} from "../libraries/PackedTransfers.sol";
import {Approvals} from "./Approvals.sol";
import {Lanes, Membership, Quorum} from "./BridgeStorage.sol";
import {PayoutTerms, Payouts} from "./Payouts.sol";

/// @title Destination side: the one way to a payout, and votes on the way to it
abstract contract Handling is Approvals, Payouts, IBridgePayouts {
    /// @inheritdoc IBridgePayouts
    /// @dev What costs little is checked first: a duplicate is refused before anything is decoded or hashed.
    function handle(uint64 first, bytes calldata transfers, bytes32[] calldata tail, bytes[] calldata signatures)
        external
        nonReentrant
    {
        _requireDirectCall();
        _requireOpen();
        uint256 size = PackedTransfers.count(transfers);
        if (size == 0) revert BridgeNothingToHandle();
        uint64 next = _lanes.handleNonce;
        if (first > next) revert BridgeNonceGap(first, next);
        // No underflow: checked in the line before. Array lengths are bounded by the calldata, and nonces count transactions
        // of a chain: no sum reaches 64 bits.
        unchecked {
            if (next - first >= size) revert BridgeAlreadyHandled(next);
            ValueTransfer[] memory list = PackedTransfers.unpack(transfers, size);
            bytes32 root = _rootOver(first, next, list);
            // forge-lint: disable-next-line(unsafe-typecast)
            uint64 end = first + uint64(size);
            _requireApproved(_operatorQuorum(), end, root, tail, signatures);

            // Before the first payout: whatever a callee does, these requests are handled.
            _lanes.handleNonce = end;
            _lanes.recoveryBlockNumber = list[size - 1].sourceBlock;
            _handleRoot = root;
            _payAll(first, next, list);
            emit HandleValueTransfer(next, end);
        }
    }

    /// @inheritdoc IBridgePayouts
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

    /// @dev The root of the lane after these requests, of which those before `next` are in it already.
    function _rootOver(uint64 first, uint64 next, ValueTransfer[] memory list) private view returns (bytes32 root) {
        root = _handleRoot;
        // See `handle`.
        unchecked {
            for (uint256 i = next - first; i < list.length; ++i) {
                root = Checkpoints.next(root, Checkpoints.leaf(first + i, list[i]));
            }
        }
    }

    function _payAll(uint64 first, uint64 next, ValueTransfer[] memory list) private {
        PayoutTerms memory terms = _noTerms();
        terms.defersCalls = _defersCalls();
        // See `handle`.
        unchecked {
            for (uint256 i = next - first; i < list.length; ++i) {
                // forge-lint: disable-next-line(unsafe-typecast)
                _payOrHold(uint64(first + i), list[i], terms);
            }
        }
    }

    /// @dev Whether payouts that may call a recipient with code are left to `release`; see `Construction.defersCalls`.
    function _defersCalls() internal view virtual returns (bool);

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
        bytes memory roster = _rosterOf(quorum.epoch);
        // The sum stays below 64 bits, see `handle`.
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 end = uint64(nonce + tail.length);
        bytes32 digest = _digestOf(Checkpoints.checkpointHash(_laneOf(roster), quorum.epoch, end, root));
        bool byVotes = _requireThresholdWithVotes(roster, quorum, digest, signatures);
        // Everything under these votes is handled now, so their slot is given back.
        if (byVotes && tail.length == 0) delete _votes[digest];
    }
}
