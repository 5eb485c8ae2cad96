// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {PendingConfiguration} from "../interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../interfaces/IBridgeConfiguration.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Quorum} from "./BridgeStorage.sol";
import {Setters} from "./Setters.sol";
import {Tightening} from "./Tightening.sol";

/// @title Votes of governors, and the pause of an operator
/// @dev The bridge calls its own setters from here and from nowhere else: a payout to the bridge is held, the bridge is no
/// token, and its one other call to itself names its function. So `msg.sender == address(this)` in a setter proves a vote.
abstract contract Configuration is Setters, Tightening {
    /// @dev Bounds what a change of governors has to clear.
    uint256 private constant MAX_PENDING = 8;

    /// @inheritdoc IBridgeConfiguration
    function pause(uint64 pauseNonce, bytes calldata signature) external {
        _requireWired();
        uint64 expected = _counters.pauseNonce;
        if (pauseNonce != expected) revert BridgePauseNonce(pauseNonce, expected);
        if (_lanes.paused) revert BridgePaused(pauseNonce);
        // A malformed signature recovers to zero, which is never a member.
        address signer = _recover(_digestOf(Checkpoints.pauseHash(pauseNonce)), signature);
        if (!_isMember(_operators, _operatorQuorum(), signer)) revert BridgeNotOperator(signer);
        _lanes.paused = true;
        emit Paused(pauseNonce, signer);
        _suspendPending(signer);
    }

    /// @inheritdoc IBridgeConfiguration
    /// @dev Guarded, so that no request or payout sees a pair or a member set change under it. The setters are not, since
    /// they are called from in here. Nor is `pause`: it works at any moment.
    function configure(uint64 configurationNonce, uint64 deadline, bytes[] calldata calls, bytes[] calldata signatures)
        external
        nonReentrant
    {
        uint64 expected = _counters.configurationNonce;
        if (configurationNonce != expected) revert BridgeConfigurationNonce(configurationNonce, expected);
        _requireBefore(deadline);
        _checkCalls(configurationNonce, calls);

        bytes32 callsHash = Checkpoints.hashCalls(calls);
        Quorum memory quorum = _governorQuorum();
        bytes32 configuration = Checkpoints.configurationHash(quorum.epoch, configurationNonce, deadline, callsHash);
        _requireThreshold(_governors, quorum, _digestOf(configuration), signatures);

        // Before the calls, so that none of them can be given twice.
        _counters.configurationNonce = configurationNonce + 1;
        uint32 delay = _settings.governanceDelay;
        // The first one opens an empty bridge: there is nothing yet that anybody would have to take away in time.
        if (configurationNonce == 0 || delay == 0 || _tightens(calls)) {
            _apply(configurationNonce, calls, callsHash);
        } else {
            _schedule(configurationNonce, deadline, calls, callsHash);
        }
    }

    /// @inheritdoc IBridgeConfiguration
    function executeConfiguration(uint64 configurationNonce, bytes[] calldata calls) external nonReentrant {
        _requireWired();
        if (_pending.length == 0 || _pending[0].configurationNonce != configurationNonce) {
            revert BridgeConfigurationNotNext(configurationNonce);
        }
        PendingConfiguration memory pending = _pending[0];
        bytes32 callsHash = Checkpoints.hashCalls(calls);
        if (callsHash != pending.callsHash) revert BridgeOtherCalls(callsHash, pending.callsHash);
        // A delay is days long; what a validator can shift is seconds.
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp < pending.executableAt) {
            revert BridgeConfigurationTooEarly(pending.executableAt, block.timestamp);
        }
        _requireBefore(pending.deadline);
        _removePending(0);
        _apply(configurationNonce, calls, callsHash);
    }

    /// @inheritdoc IBridgeConfiguration
    function cancelConfiguration(uint64 configurationNonce, bytes[] calldata signatures) external nonReentrant {
        _requireWired();
        for (uint256 i = 0; i < _pending.length; ++i) {
            if (_pending[i].configurationNonce != configurationNonce) continue;
            // An expired one would hold up those behind it.
            // forge-lint: disable-next-line(block-timestamp)
            if (block.timestamp <= _pending[i].deadline) {
                Quorum memory quorum = _governorQuorum();
                bytes32 cancellation = Checkpoints.cancellationHash(quorum.epoch, configurationNonce);
                _requireThreshold(_governors, quorum, _digestOf(cancellation), signatures);
            }
            _removePending(i);
            emit ConfigurationCancelled(configurationNonce);
            return;
        }
        revert BridgeConfigurationNotNext(configurationNonce);
    }

    function _checkCalls(uint64 configurationNonce, bytes[] calldata calls) private pure {
        if (calls.length == 0) revert BridgeEmptyConfiguration();
        for (uint256 i = 0; i < calls.length; ++i) {
            bytes4 selector = bytes4(calls[i]);
            if (!_isListed(selector)) revert BridgeSetterNotListed(selector);
        }
        if (configurationNonce == 0 && bytes4(calls[0]) != IBridgeConfiguration.wire.selector) {
            revert BridgeFirstConfigurationMustWire();
        }
    }

    function _schedule(uint64 configurationNonce, uint64 deadline, bytes[] calldata calls, bytes32 callsHash) private {
        // Nothing but the line below makes it longer, by one.
        // slither-disable-next-line incorrect-equality
        if (_pending.length == MAX_PENDING) revert BridgeTooManyPending(MAX_PENDING);
        uint64 executableAt = _executableFromNow();
        if (executableAt > deadline) revert BridgeDeadlineBeforeDelay(deadline, executableAt);
        // Nobody can leave yet.
        if (_lanes.paused) executableAt = NEVER;
        _pending.push(PendingConfiguration(configurationNonce, executableAt, deadline, 0, callsHash));
        emit ConfigurationScheduled(configurationNonce, executableAt, deadline, calls);
    }

    function _apply(uint64 configurationNonce, bytes[] calldata calls, bytes32 callsHash) private {
        for (uint256 i = 0; i < calls.length; ++i) {
            // Setters return nothing.
            // slither-disable-next-line unused-return
            Address.functionCall(address(this), calls[i]);
        }
        emit ConfigurationApplied(configurationNonce, callsHash);
    }

    /// @dev Keeps the order: the oldest is first.
    function _removePending(uint256 index) private {
        for (uint256 i = index; i + 1 < _pending.length; ++i) {
            _pending[i] = _pending[i + 1];
        }
        _pending.pop();
    }

    function _requireBefore(uint64 deadline) private view {
        // A deadline is days away; what a validator can shift is seconds.
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp > deadline) revert BridgeConfigurationExpired(deadline, block.timestamp);
    }
}
