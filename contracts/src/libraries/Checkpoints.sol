// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {ValueTransfer} from "../interfaces/BridgeTypes.sol";

/// @title Everything that is hashed: lanes, requests, roots and what members sign
/// @dev The relays compute the same hashes; `test/vectors.json` holds the values that both must reach.
library Checkpoints {
    bytes32 internal constant ROOT_0_TYPE = keccak256("Polyspan root 0");
    bytes32 internal constant CHECKPOINT_TYPE =
        keccak256("Checkpoint(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 root)");
    bytes32 internal constant FORCE_HOLD_TYPE =
        keccak256("ForceHold(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)");
    bytes32 internal constant RELEASE_TYPE =
        keccak256("Release(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)");
    bytes32 internal constant REFUND_TYPE =
        keccak256("Refund(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)");
    bytes32 internal constant CANCELLATION_TYPE = keccak256("Cancellation(uint64 epoch,uint64 configurationNonce)");
    bytes32 internal constant PAUSE_TYPE = keccak256("Pause(uint64 pauseNonce)");
    bytes32 internal constant CONFIGURATION_TYPE =
        keccak256("Configuration(uint64 epoch,uint64 configurationNonce,uint64 deadline,bytes[] calls)");

    /// @notice Names a lane.
    function bridgeId(
        uint64 sourceChainId,
        address sourceBridge,
        uint64 destinationChainId,
        address destinationBridge,
        bytes32 salt
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(sourceChainId, sourceBridge, destinationChainId, destinationBridge, salt));
    }

    /// @notice Root of a lane without requests.
    function root0(bytes32 lane) internal pure returns (bytes32) {
        return keccak256(abi.encode(ROOT_0_TYPE, lane));
    }

    /// @notice Root after one more request.
    function next(bytes32 root, bytes32 leafHash) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(root, leafHash);
    }

    /// @notice Hash of every field of a request, as its source records it.
    function leaf(
        uint64 nonce,
        uint64 sourceBlock,
        uint8 kind,
        address token,
        address from,
        address to,
        address refundTo,
        uint256 value,
        bytes32 payloadHash
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(nonce, sourceBlock, kind, token, from, to, refundTo, value, payloadHash));
    }

    /// @notice The same hash, of a request that is being handled.
    function leaf(uint256 nonce, ValueTransfer memory transfer) internal pure returns (bytes32 hash) {
        bytes32 payloadHash = keccak256(transfer.payload);
        // Memory safety: only memory above the free pointer is written, and nothing there is kept. The first seven words of the
        // structure are those of the leaf behind the nonce, in its order and clean: Solidity and `PackedTransfers` write no
        // others.
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, nonce)
            mcopy(add(free, 0x20), transfer, 0xe0)
            mstore(add(free, 0x100), payloadHash)
            hash := keccak256(free, 0x120)
        }
    }

    /// @notice EIP-712 struct hash of "the first `nonce` requests of this lane hash to `root`".
    function checkpointHash(bytes32 lane, uint64 epoch, uint64 nonce, bytes32 root) internal pure returns (bytes32) {
        return hashWords(CHECKPOINT_TYPE, lane, bytes32(uint256(epoch)), bytes32(uint256(nonce)), root);
    }

    /// @notice EIP-712 struct hash of a decision about one request.
    /// @param decisionType `FORCE_HOLD_TYPE`, `RELEASE_TYPE` or `REFUND_TYPE`
    function decisionHash(bytes32 decisionType, bytes32 lane, uint64 epoch, uint64 nonce, bytes32 leafHash)
        internal
        pure
        returns (bytes32)
    {
        return hashWords(decisionType, lane, bytes32(uint256(epoch)), bytes32(uint256(nonce)), leafHash);
    }

    /// @notice The hash of `abi.encode` of five words.
    /// @dev Without memory of its own: every vote and every `handle` hashes two of these.
    function hashWords(bytes32 a, bytes32 b, bytes32 c, bytes32 d, bytes32 e) internal pure returns (bytes32 hash) {
        // Memory safety: only memory above the free pointer is written, and nothing there is kept.
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, a)
            mstore(add(free, 0x20), b)
            mstore(add(free, 0x40), c)
            mstore(add(free, 0x60), d)
            mstore(add(free, 0x80), e)
            hash := keccak256(free, 0xa0)
        }
    }

    /// @notice EIP-712 struct hash of taking a scheduled configuration back.
    function cancellationHash(uint64 epoch, uint64 configurationNonce) internal pure returns (bytes32) {
        return keccak256(abi.encode(CANCELLATION_TYPE, epoch, configurationNonce));
    }

    /// @notice EIP-712 struct hash of a pause.
    function pauseHash(uint64 pauseNonce) internal pure returns (bytes32) {
        return keccak256(abi.encode(PAUSE_TYPE, pauseNonce));
    }

    /// @notice EIP-712 struct hash of a configuration.
    /// @param callsHash see `hashCalls`
    function configurationHash(uint64 epoch, uint64 configurationNonce, uint64 deadline, bytes32 callsHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(CONFIGURATION_TYPE, epoch, configurationNonce, deadline, callsHash));
    }

    /// @notice EIP-712 encoding of `bytes[] calls`: the hash over the hashes.
    function hashCalls(bytes[] calldata calls) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            hashes[i] = keccak256(calls[i]);
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
