// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Quorums} from "./Quorums.sol";

/// What the world remembers of a request beside its fields.
struct Content {
    uint8 pair;
    uint256[] ids;
    uint256[] amounts;
    bytes extraData;
}

/// @title Both lanes as they were made: requests, leaves and roots, hashed here once more
abstract contract Lanes is Quorums {
    mapping(uint256 lane => ValueTransfer[]) internal _requests;
    mapping(uint256 lane => Content[]) internal _contents;
    mapping(uint256 lane => bytes32[]) private _leaves;
    /// Roots over the first so many requests.
    mapping(uint256 lane => bytes32[]) private _roots;
    /// Requests from here on are in flight.
    mapping(uint256 lane => uint256) public handled;
    mapping(uint256 lane => mapping(uint256 pair => uint256)) public inFlight;

    constructor() {
        for (uint256 lane = 0; lane < 2; ++lane) {
            _roots[lane].push(keccak256(abi.encode(keccak256("Polyspan root 0"), _bridgeIds[lane])));
        }
    }

    function requested(uint256 lane) public view returns (uint256) {
        return _requests[lane].length;
    }

    function requestAt(uint256 lane, uint256 nonce) external view returns (ValueTransfer memory) {
        return _requests[lane][nonce];
    }

    /// @notice Root over the first `nonce` requests of a lane.
    function root(uint256 lane, uint256 nonce) public view returns (bytes32) {
        return _roots[lane][nonce];
    }

    function leaf(uint256 lane, uint256 nonce) public view returns (bytes32) {
        return _leaves[lane][nonce];
    }

    function isRefund(uint256 lane, uint256 nonce) public view returns (bool) {
        return _requests[lane][nonce].kind & Kinds.REFUND != 0;
    }

    /// @notice What a request counts in its pair.
    function amountOf(uint256 lane, uint256 nonce) public view returns (uint256) {
        ValueTransfer storage transfer = _requests[lane][nonce];
        return transfer.kind & ~Kinds.REFUND == Kinds.ERC721 ? 1 : transfer.value;
    }

    // ---- writing ----

    /// @dev A request was accepted.
    function _note(uint256 lane, ValueTransfer memory t, Content memory content) internal {
        uint256 nonce = _requests[lane].length;
        _requests[lane].push(t);
        _contents[lane].push(content);
        bytes32 made = keccak256(
            abi.encode(nonce, t.sourceBlock, t.kind, t.token, t.from, t.to, t.refundTo, t.value, keccak256(t.payload))
        );
        _leaves[lane].push(made);
        _roots[lane].push(keccak256(abi.encode(_roots[lane][nonce], made)));
        inFlight[lane][content.pair] += amountOf(lane, nonce);
    }

    function _payloadOf(uint8 kind, Content memory content) internal pure returns (bytes memory payload) {
        if (kind <= Kinds.ERC20) return content.extraData;
        // None of the tokens here has a URI.
        if (kind == Kinds.ERC721) return bytes.concat(hex"0000", content.extraData);
        payload = abi.encodePacked(uint8(content.ids.length));
        for (uint256 i = 0; i < content.ids.length; ++i) {
            payload = abi.encodePacked(payload, content.ids[i], uint128(content.amounts[i]));
        }
        payload = bytes.concat(payload, content.extraData);
    }

    // ---- what relays send ----

    function _cut(uint256 lane, uint256 first, uint256 end, uint256 signed)
        internal
        view
        returns (ValueTransfer[] memory transfers, bytes32[] memory tail)
    {
        transfers = new ValueTransfer[](end - first);
        for (uint256 i = first; i < end; ++i) {
            transfers[i - first] = _requests[lane][i];
        }
        tail = new bytes32[](signed - end);
        for (uint256 i = end; i < signed; ++i) {
            tail[i - end] = _leaves[lane][i];
        }
    }

    /// @dev What operators sign for the first `nonce` requests.
    function _checkpointDigest(uint256 lane, uint256 nonce) internal view returns (bytes32) {
        bytes32 typeHash = keccak256("Checkpoint(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 root)");
        uint64 epoch = _operators[1 - lane].epoch;
        return _digest(1 - lane, keccak256(abi.encode(typeHash, _bridgeIds[lane], epoch, nonce, _roots[lane][nonce])));
    }

    /// @dev What operators sign for one request of which they decide.
    function _decisionDigest(string memory name, uint256 lane, uint256 nonce) internal view returns (bytes32) {
        bytes32 typeHash =
            keccak256(abi.encodePacked(name, "(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)"));
        uint64 epoch = _operators[1 - lane].epoch;
        return _digest(1 - lane, keccak256(abi.encode(typeHash, _bridgeIds[lane], epoch, nonce, _leaves[lane][nonce])));
    }
}
