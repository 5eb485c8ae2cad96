// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {
    BridgeState,
    Hold,
    HoldReason,
    LaneState,
    MemberSet,
    PairConfiguration,
    PairLimits,
    PairState,
    RequestNonce,
    ValueTransfer,
    Wiring
} from "../interfaces/BridgeTypes.sol";
import {IBridgeReads} from "../interfaces/IBridgeReads.sol";
import {PackedTransfers} from "../libraries/PackedTransfers.sol";
import {Counterpart, Counters, Lanes, Members, Pair, Quorum, StoredHold} from "./BridgeStorage.sol";
import {MemberSets} from "./MemberSets.sol";
import {Limits} from "./Limits.sol";

/// @title Reads
abstract contract Views is Limits, MemberSets, IBridgeReads {
    /// @inheritdoc IBridgeReads
    function state() external view returns (BridgeState memory result) {
        Lanes memory lanes = _lanes;
        Counters memory counters = _counters;
        Counterpart memory counterpart = _counterpart;
        result.wired = lanes.wired;
        result.paused = lanes.paused;
        result.requestsStopped = lanes.requestsStopped;
        result.development = _origin.development;
        result.defersCalls = _origin.defersCalls;
        result.greatestGasCap = _origin.greatestGasCap;
        // Chain ids are below 2^64 wherever transactions can be signed (EIP-2294).
        // forge-lint: disable-next-line(unsafe-typecast)
        result.chainId = uint64(block.chainid);
        result.deploymentBlock = _origin.deploymentBlock;
        result.wiring = Wiring({
            counterpartChainId: counterpart.chainId,
            counterpartDeploymentBlock: counterpart.deploymentBlock,
            counterpart: counterpart.bridge,
            outboundBridgeId: _outboundBridgeId,
            inboundBridgeId: _inboundBridgeId
        });
        result.requestNonce = lanes.requestNonce;
        result.requestRoot = _requestRoot;
        result.handleNonce = lanes.handleNonce;
        result.handleRoot = _handleRoot;
        result.recoveryBlockNumber = lanes.recoveryBlockNumber;
        result.heldCount = counters.heldCount;
        result.pauseNonce = counters.pauseNonce;
        result.configurationNonce = counters.configurationNonce;
        result.refundDelay = counters.refundDelay;
        result.governanceDelay = _settings.governanceDelay;
        result.feeReceiver = _settings.feeReceiver;
        result.predecessor = _settings.predecessor;
        result.claims = _origin.claims;
        result.pending = _pending;
        result.operators = _memberSet(_operators, _operatorQuorum());
        result.governors = _memberSet(_governors, _governorQuorum());
        result.pairs = new PairState[](_tokens.length);
        for (uint256 i = 0; i < _tokens.length; ++i) {
            result.pairs[i] = _pairState(_tokens[i]);
        }
    }

    /// @inheritdoc IBridgeReads
    function laneState() external view returns (LaneState memory) {
        Lanes memory lanes = _lanes;
        return LaneState({
            paused: lanes.paused,
            operatorEpoch: lanes.operatorEpoch,
            requestNonce: lanes.requestNonce,
            handleNonce: lanes.handleNonce,
            recoveryBlockNumber: lanes.recoveryBlockNumber,
            heldCount: _counters.heldCount,
            requestRoot: _requestRoot,
            handleRoot: _handleRoot
        });
    }

    /// @inheritdoc IBridgeReads
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

    /// @inheritdoc IBridgeReads
    function pairOf(address token) external view returns (PairState memory) {
        _registeredPair(token);
        return _pairState(token);
    }

    /// @inheritdoc IBridgeReads
    function isOperator(address account) external view returns (bool) {
        return _isMember(_operators, _operatorQuorum(), account);
    }

    /// @inheritdoc IBridgeReads
    function isGovernor(address account) external view returns (bool) {
        return _isMember(_governors, _governorQuorum(), account);
    }

    /// @inheritdoc IBridgeReads
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparator();
    }

    /// @inheritdoc IBridgeReads
    function unpackTransfers(bytes calldata transfers) external pure returns (ValueTransfer[] memory) {
        return PackedTransfers.unpack(transfers, PackedTransfers.count(transfers));
    }

    function _memberSet(Members storage set, Quorum memory quorum) private view returns (MemberSet memory) {
        return MemberSet({epoch: quorum.epoch, threshold: quorum.threshold, members: set.list});
    }

    function _pairState(address token) private view returns (PairState memory) {
        Pair storage pair = _pairs[token];
        PairLimits storage limits = _limits[token];
        return PairState({
            configuration: PairConfiguration({
                kind: pair.kind,
                mints: pair.mints,
                decimals: pair.decimals,
                itemBound: pair.itemBound,
                gasCap: pair.gasCap,
                token: token,
                counterpartToken: pair.counterpartToken
            }),
            limits: limits,
            locked: pair.locked,
            escrow: pair.mints ? 0 : pair.outstanding,
            minted: pair.mints ? pair.outstanding : 0,
            // Not above what fits.
            // forge-lint: disable-next-line(unsafe-typecast)
            held: uint128(Math.min(_heldOf(token, pair), type(uint128).max)),
            seeded: pair.seeded,
            adopted: pair.adopted,
            // Not above what once fitted.
            // forge-lint: disable-next-line(unsafe-typecast)
            outflow: uint128(_outflowNow(token, limits)),
            fees: _fees[token]
        });
    }
}
