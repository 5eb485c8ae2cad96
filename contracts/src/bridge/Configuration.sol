// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {IBridge, PairConfiguration} from "../interfaces/IBridge.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Counterpart, IS_COUNTERPART} from "./BridgeStorage.sol";
import {MemberSets} from "./MemberSets.sol";
import {Pairs} from "./Pairs.sol";

/// @title What governors change by vote, and the pause of an operator
/// @dev The bridge calls itself in `configure` and nowhere else (a payout to the bridge is held, and the bridge is no
/// token), so `msg.sender == address(this)` proves a vote. No setter can run before `wire`: configuration 0 starts with it.
abstract contract Configuration is MemberSets, Pairs {
    modifier onlyConfiguration() {
        _checkConfiguration();
        _;
    }

    /// @inheritdoc IBridge
    function pause(uint64 pauseNonce, bytes calldata signature) external {
        if (!_lanes.wired) revert BridgeNotWired();
        uint64 expected = _counters.pauseNonce;
        if (pauseNonce != expected) revert BridgePauseNonce(pauseNonce, expected);
        if (_lanes.paused) revert BridgePaused(pauseNonce);
        // A malformed signature recovers to zero, which is never a member.
        (address signer,) = _recover(_hashTypedDataV4(Checkpoints.pauseHash(pauseNonce)), signature);
        if (!_isMember(_operators, signer)) revert BridgeNotOperator(signer);
        _lanes.paused = true;
        emit Paused(pauseNonce, signer);
    }

    /// @inheritdoc IBridge
    /// @dev Guarded, so that no request or payout sees a pair or a member set change under it. The setters are not, since
    /// they are called from in here. Nor is `pause`: it works at any moment.
    function configure(uint64 configurationNonce, uint64 deadline, bytes[] calldata calls, bytes[] calldata signatures)
        external
        nonReentrant
    {
        uint64 expected = _counters.configurationNonce;
        if (configurationNonce != expected) revert BridgeConfigurationNonce(configurationNonce, expected);
        // A deadline is days away; what a validator can shift is seconds.
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp > deadline) revert BridgeConfigurationExpired(deadline, block.timestamp);
        if (calls.length == 0) revert BridgeEmptyConfiguration();
        if (configurationNonce == 0 && bytes4(calls[0]) != IBridge.wire.selector) {
            revert BridgeFirstConfigurationMustWire();
        }

        bytes32 callsHash = Checkpoints.hashCalls(calls);
        bytes32 configuration = Checkpoints.configurationHash(_governors.epoch, configurationNonce, deadline, callsHash);
        _requireThreshold(_governors, _hashTypedDataV4(configuration), signatures);

        // Before the calls, so that none of them can be given twice.
        _counters.configurationNonce = configurationNonce + 1;
        for (uint256 i = 0; i < calls.length; ++i) {
            bytes4 selector = bytes4(calls[i]);
            if (!_isListed(selector)) revert BridgeSetterNotListed(selector);
            Address.functionCall(address(this), calls[i]);
        }
        emit ConfigurationApplied(configurationNonce, callsHash);
    }

    /// @inheritdoc IBridge
    function wire(uint64 counterpartChainId, address counterpart, uint64 counterpartDeploymentBlock, bytes32 salt)
        external
        onlyConfiguration
    {
        if (_lanes.wired) revert BridgeAlreadyWired();
        // Chain ids are below 2^64 wherever transactions can be signed (EIP-2294).
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 chainId = uint64(block.chainid);
        if (counterpartChainId == chainId) revert BridgeEqualChainIds(chainId);
        // The counterpart may have this very address: one deployer on two fresh chains gets it twice, and the chain ids
        // keep the two apart in every hash.
        if (counterpart == address(0) || counterpartChainId == 0) revert BridgeInvalidCounterpart(counterpart);

        bytes32 outbound = Checkpoints.bridgeId(chainId, address(this), counterpartChainId, counterpart, salt);
        bytes32 inbound = Checkpoints.bridgeId(counterpartChainId, counterpart, chainId, address(this), salt);
        _outboundBridgeId = outbound;
        _inboundBridgeId = inbound;
        _requestRoot = Checkpoints.root0(outbound);
        _handleRoot = Checkpoints.root0(inbound);
        _counterpart = Counterpart({
            bridge: counterpart, chainId: counterpartChainId, deploymentBlock: counterpartDeploymentBlock
        });
        _acquaintances[counterpart].roles = IS_COUNTERPART;
        _lanes.wired = true;
        _lanes.recoveryBlockNumber = counterpartDeploymentBlock;
        emit Wired(counterpartChainId, counterpart, outbound, inbound, salt);
    }

    /// @inheritdoc IBridge
    function setOperators(address[] calldata members, uint8 threshold) external onlyConfiguration {
        _setOperators(members, threshold);
    }

    /// @inheritdoc IBridge
    function setGovernors(address[] calldata members, uint8 threshold) external onlyConfiguration {
        _setGovernors(members, threshold);
    }

    /// @inheritdoc IBridge
    function registerPair(PairConfiguration calldata pair) external onlyConfiguration {
        _registerPair(pair);
    }

    /// @inheritdoc IBridge
    function setPairLocked(address token, bool locked) external onlyConfiguration {
        _setPairLocked(token, locked);
    }

    /// @inheritdoc IBridge
    function setPairGasCap(address token, uint32 gasCap) external onlyConfiguration {
        _setPairGasCap(token, gasCap);
    }

    /// @inheritdoc IBridge
    /// @dev Raises the nonce also when nothing is paused: that is how pause signatures of a removed tool are killed.
    function unpause() external onlyConfiguration {
        _lanes.paused = false;
        emit Unpaused(++_counters.pauseNonce);
    }

    function _isListed(bytes4 selector) private pure returns (bool) {
        return selector == IBridge.wire.selector || selector == IBridge.setOperators.selector
            || selector == IBridge.setGovernors.selector || selector == IBridge.registerPair.selector
            || selector == IBridge.setPairLocked.selector || selector == IBridge.setPairGasCap.selector
            || selector == IBridge.unpause.selector;
    }

    function _checkConfiguration() private view {
        if (msg.sender != address(this)) revert BridgeOnlyConfiguration(msg.sender);
    }
}
