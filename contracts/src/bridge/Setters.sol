// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairConfiguration, PairLimits} from "../interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../interfaces/IBridgeConfiguration.sol";
import {IBridgeHolds} from "../interfaces/IBridgeHolds.sol";
import {IBridgeMigration} from "../interfaces/IBridgeMigration.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Counterpart, IS_COUNTERPART} from "./BridgeStorage.sol";
import {Delays} from "./Delays.sol";
import {Memberships} from "./Memberships.sol";
import {Pairs} from "./Pairs.sol";
import {Rosters} from "./Rosters.sol";
import {Suspension} from "./Suspension.sol";

/// @title The listed setters: all that governors can change
/// @dev None can run before `wire`: configuration 0 starts with it.
abstract contract Setters is Memberships, Rosters, Delays, Pairs, Suspension, IBridgeConfiguration {
    modifier onlyConfiguration() {
        _requireConfiguration();
        _;
    }

    /// @inheritdoc IBridgeConfiguration
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
        _addressRoles[counterpart].roles = IS_COUNTERPART;
        _lanes.wired = true;
        _lanes.recoveryBlockNumber = counterpartDeploymentBlock;
        _makeRoster();
        emit Wired(counterpartChainId, counterpart, outbound, inbound, salt);
    }

    /// @inheritdoc IBridgeConfiguration
    function setOperators(address[] calldata members, uint8 threshold) external onlyConfiguration {
        _setOperators(members, threshold);
        _makeRoster();
        // The bits are of the former ones.
        for (uint256 i = 0; i < _pending.length; ++i) {
            _pending[i].suspendedBy = 0;
        }
    }

    /// @inheritdoc IBridgeConfiguration
    function setGovernors(address[] calldata members, uint8 threshold) external onlyConfiguration {
        _setGovernors(members, threshold);
        // What the former ones have voted is dead, whether it waits or not.
        for (uint256 i = 0; i < _pending.length; ++i) {
            emit ConfigurationCancelled(_pending[i].configurationNonce);
        }
        delete _pending;
    }

    /// @inheritdoc IBridgeConfiguration
    function registerPair(PairConfiguration calldata pair) external onlyConfiguration {
        _registerPair(pair);
    }

    /// @inheritdoc IBridgeConfiguration
    function deregisterPair(address token, uint64 inboundNonce, uint64 outboundNonce) external onlyConfiguration {
        _requireDrained(inboundNonce);
        _deregisterPair(token, outboundNonce);
    }

    /// @inheritdoc IBridgeConfiguration
    function setPairLocked(address token, bool locked) external onlyConfiguration {
        _setPairLocked(token, locked);
    }

    /// @inheritdoc IBridgeConfiguration
    function setPairGasCap(address token, uint32 gasCap) external onlyConfiguration {
        _setPairGasCap(token, gasCap);
    }

    /// @inheritdoc IBridgeConfiguration
    function setGreatestGasCap(uint32 gasCap) external onlyConfiguration {
        _setGreatestGasCap(gasCap);
    }

    /// @inheritdoc IBridgeConfiguration
    function setPairLimits(address token, PairLimits calldata limits) external onlyConfiguration {
        _setPairLimits(token, limits);
    }

    /// @inheritdoc IBridgeConfiguration
    function setFeeReceiver(address feeReceiver) external onlyConfiguration {
        _settings.feeReceiver = feeReceiver;
        emit FeeReceiverChanged(feeReceiver);
    }

    /// @inheritdoc IBridgeConfiguration
    function setRefundDelay(uint64 refundDelay) external onlyConfiguration {
        _setRefundDelay(refundDelay);
    }

    /// @inheritdoc IBridgeConfiguration
    function setGovernanceDelay(uint32 governanceDelay) external onlyConfiguration {
        _setGovernanceDelay(governanceDelay);
    }

    /// @inheritdoc IBridgeConfiguration
    /// @dev Raises the nonce also when nothing is paused: that is how pause signatures of a removed tool are killed.
    function unpause() external onlyConfiguration {
        _lanes.paused = false;
        emit Unpaused(++_counters.pauseNonce);
        _resumePending();
    }

    /// @inheritdoc IBridgeConfiguration
    function setRequestsStopped(bool stopped) external onlyConfiguration {
        _lanes.requestsStopped = stopped;
        // A timestamp beyond 64 bits is out of reach.
        // forge-lint: disable-next-line(unsafe-typecast)
        _settings.stoppedAt = uint64(block.timestamp);
        emit RequestsStopped(stopped);
    }

    /// @inheritdoc IBridgeConfiguration
    function setPredecessor(address predecessor) external onlyConfiguration {
        _settings.predecessor = predecessor;
        emit PredecessorChanged(predecessor);
    }

    function _isListed(bytes4 selector) internal pure returns (bool) {
        return selector == IBridgeConfiguration.wire.selector || selector == IBridgeConfiguration.setOperators.selector
            || selector == IBridgeConfiguration.setGovernors.selector
            || selector == IBridgeConfiguration.registerPair.selector
            || selector == IBridgeConfiguration.deregisterPair.selector
            || selector == IBridgeConfiguration.setPairLocked.selector
            || selector == IBridgeConfiguration.setPairGasCap.selector
            || selector == IBridgeConfiguration.setPairLimits.selector
            || selector == IBridgeConfiguration.setGreatestGasCap.selector || selector == IBridgeHolds.writeOff.selector
            || selector == IBridgeConfiguration.setFeeReceiver.selector
            || selector == IBridgeConfiguration.setRefundDelay.selector
            || selector == IBridgeConfiguration.setGovernanceDelay.selector
            || selector == IBridgeConfiguration.unpause.selector
            || selector == IBridgeConfiguration.setRequestsStopped.selector
            || selector == IBridgeConfiguration.setPredecessor.selector || selector == IBridgeMigration.migrate.selector
            || selector == IBridgeMigration.handOver.selector;
    }
}
