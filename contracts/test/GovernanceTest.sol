// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeConfiguration} from "../src/interfaces/IBridgeConfiguration.sol";
import {LaneTest} from "./LaneTest.sol";

/// @title Votes of governors, step by step
abstract contract GovernanceTest is LaneTest {
    /// @dev A deadline that leaves a day after the delay.
    function _deadline() internal view returns (uint64) {
        return uint64(_now() + DELAY + 1 days);
    }

    function _governed(uint64 nonce, uint64 deadline, bytes[] memory calls) internal view returns (bytes[] memory) {
        bytes32 digest = _configurationDigest(bridge.state().governors.epoch, nonce, deadline, calls);
        return _signatures(GOVERNOR_KEY, THRESHOLD, digest);
    }

    /// @dev Votes the calls: executes them if they tighten, else lets them wait.
    function _propose(bytes[] memory calls) internal returns (uint64 nonce) {
        nonce = bridge.state().configurationNonce;
        uint64 deadline = _deadline();
        bridge.configure(nonce, deadline, calls, _governed(nonce, deadline, calls));
    }

    /// @dev Whether these calls were executed at once.
    function _isImmediate(bytes[] memory calls) internal returns (bool) {
        uint256 before = bridge.state().pending.length;
        _propose(calls);
        return bridge.state().pending.length == before;
    }

    function _isImmediate(bytes memory call) internal returns (bool) {
        return _isImmediate(_one(call));
    }

    /// @dev Something that waits, whatever the state: another fee receiver.
    function _loosening(uint256 receiver) internal pure returns (bytes memory) {
        return abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (address(uint160(receiver))));
    }

    function _cancellationDigest(uint64 epoch, uint64 nonce) internal view returns (bytes32) {
        bytes32 typeHash = keccak256("Cancellation(uint64 epoch,uint64 configurationNonce)");
        return _digest(keccak256(abi.encode(typeHash, epoch, nonce)));
    }

    function _cancelled(uint64 nonce, uint256 count) internal view returns (bytes[] memory) {
        return _signatures(GOVERNOR_KEY, count, _cancellationDigest(bridge.state().governors.epoch, nonce));
    }
}
