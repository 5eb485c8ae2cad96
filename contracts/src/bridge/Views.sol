// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    BridgeState,
    Hold,
    HoldReason,
    IBridge,
    LaneState,
    MemberSet,
    PairConfiguration,
    PairState,
    RequestNonce
} from "../interfaces/IBridge.sol";
import {Counterpart, Counters, Lanes, Members, Pair, StoredHold} from "./BridgeStorage.sol";
import {MemberSets} from "./MemberSets.sol";

/// @title Reads
abstract contract Views is MemberSets {
    /// @inheritdoc IBridge
    function state() external view returns (BridgeState memory result) {
        Lanes memory lanes = _lanes;
        Counters memory counters = _counters;
        Counterpart memory counterpart = _counterpart;
        result.wired = lanes.wired;
        result.paused = lanes.paused;
        result.development = _development;
        // Chain ids are below 2^64 wherever transactions can be signed (EIP-2294).
        // forge-lint: disable-next-line(unsafe-typecast)
        result.chainId = uint64(block.chainid);
        result.deploymentBlock = _deploymentBlock;
        result.counterpartChainId = counterpart.chainId;
        result.counterpartDeploymentBlock = counterpart.deploymentBlock;
        result.counterpart = counterpart.bridge;
        result.outboundBridgeId = _outboundBridgeId;
        result.inboundBridgeId = _inboundBridgeId;
        result.requestNonce = lanes.requestNonce;
        result.requestRoot = _requestRoot;
        result.handleNonce = lanes.handleNonce;
        result.handleRoot = _handleRoot;
        result.recoveryBlockNumber = lanes.recoveryBlockNumber;
        result.heldCount = counters.heldCount;
        result.pauseNonce = counters.pauseNonce;
        result.configurationNonce = counters.configurationNonce;
        result.operators = _memberSet(_operators);
        result.governors = _memberSet(_governors);
        result.pairs = new PairState[](_tokens.length);
        for (uint256 i = 0; i < _tokens.length; ++i) {
            result.pairs[i] = _pairState(_tokens[i]);
        }
    }

    /// @inheritdoc IBridge
    function laneState() external view returns (LaneState memory) {
        Lanes memory lanes = _lanes;
        return LaneState({
            paused: lanes.paused,
            operatorEpoch: _operators.epoch,
            requestNonce: lanes.requestNonce,
            handleNonce: lanes.handleNonce,
            recoveryBlockNumber: lanes.recoveryBlockNumber,
            heldCount: _counters.heldCount,
            requestRoot: _requestRoot,
            handleRoot: _handleRoot
        });
    }

    /// @inheritdoc IBridge
    function holds(uint64 first, uint64 count) external view returns (Hold[] memory result) {
        uint64 end = _lanes.handleNonce;
        if (first >= end) return result;
        if (count < end - first) end = first + count;

        uint256 found = 0;
        for (uint64 nonce = first; nonce < end; ++nonce) {
            if (_holds[nonce].reason != HoldReason.None) ++found;
        }
        result = new Hold[](found);
        for (uint64 nonce = end; found > 0;) {
            StoredHold memory hold = _holds[--nonce];
            if (hold.reason == HoldReason.None) continue;
            result[--found] = Hold({
                nonce: RequestNonce.wrap(nonce), reason: hold.reason, heldAtBlock: hold.heldAtBlock, leaf: hold.leaf
            });
        }
    }

    /// @inheritdoc IBridge
    function pairOf(address token) external view returns (PairState memory) {
        _registeredPair(token);
        return _pairState(token);
    }

    /// @inheritdoc IBridge
    function isOperator(address account) external view returns (bool) {
        return _isMember(_operators, account);
    }

    /// @inheritdoc IBridge
    function isGovernor(address account) external view returns (bool) {
        return _isMember(_governors, account);
    }

    /// @inheritdoc IBridge
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    function _memberSet(Members storage set) private view returns (MemberSet memory) {
        return MemberSet({epoch: set.epoch, threshold: set.threshold, members: set.list});
    }

    function _pairState(address token) private view returns (PairState memory) {
        Pair memory pair = _pairs[token];
        return PairState({
            configuration: PairConfiguration({
                kind: pair.kind,
                mints: pair.mints,
                gasCap: pair.gasCap,
                token: token,
                counterpartToken: pair.counterpartToken
            }),
            locked: pair.locked,
            escrow: pair.mints ? 0 : pair.outstanding,
            minted: pair.mints ? pair.outstanding : 0,
            held: _held[pair.counterpartToken],
            seeded: pair.seeded
        });
    }
}
