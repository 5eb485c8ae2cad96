// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgePayouts} from "../../src/interfaces/IBridgePayouts.sol";
import {Handling} from "../../src/bridge/Handling.sol";
import {Memberships} from "../../src/bridge/Memberships.sol";
import {HoldReason, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";

/// @title What `handle` calls of the bridge by itself, and no proof in here is about: left out
abstract contract NothingElse is IBridgePayouts {
    error LeftOut();

    function payWhole(address, ValueTransfer calldata) external pure {
        revert LeftOut();
    }
}

/// @title The handling half of a bridge, put into any state of its inbound lane, with its inner checks in reach
/// @dev Adds doors only: whatever is proven about it runs the code of `src`.
contract OpenBridge is Handling, Memberships, NothingElse {
    /// @dev A development bridge, so that one member is enough where the threshold itself is not what is proven.
    constructor() {
        _origin.development = true;
    }

    /// @dev Wired, with everything before `handleNonce` handled and nothing of it held.
    function place(uint64 nonce, bytes32 root, bytes32 lane) external {
        _lanes.wired = true;
        _lanes.handleNonce = nonce;
        _handleRoot = root;
        _inboundBridgeId = lane;
    }

    function replaceOperators(address[] calldata members, uint8 threshold) external {
        _setOperators(members, threshold);
    }

    function requireThreshold(bytes32 digest, bytes[] calldata signatures) external view {
        _requireThreshold(_operators, _operatorQuorum(), digest, signatures);
    }

    function requireThresholdWithVotes(bytes32 digest, bytes[] calldata signatures) external view {
        _requireThresholdWithVotes(_rosterOf(_lanes.operatorEpoch), _operatorQuorum(), digest, signatures);
    }

    /// @dev As if the operators with these bits had voted.
    function placeVotes(bytes32 digest, uint256 voters) external {
        _votes[digest] = voters;
    }

    function votesFor(bytes32 digest) external view returns (uint256) {
        return _votes[digest];
    }

    function operatorEpoch() external view returns (uint64) {
        return _lanes.operatorEpoch;
    }

    /// @dev No pair is registered, so what is handled is held: a hold marks a nonce that was handled.
    function isMarked(uint64 nonce) external view returns (bool) {
        return _holds[nonce].reason != HoldReason.None;
    }

    function handleRoot() external view returns (bytes32) {
        return _handleRoot;
    }

    function handleNonce() external view returns (uint64) {
        return _lanes.handleNonce;
    }

    function heldCount() external view returns (uint64) {
        return _counters.heldCount;
    }

    /// @dev Of rosters that are made here, if any were.
    function _rosterCodeHash() internal pure override returns (bytes32) {
        return 0;
    }

    /// @dev Nothing is paid here.
    function _defersCalls() internal pure override returns (bool) {
        return false;
    }

    /// @dev What a roster of the operators of now holds: no contract is made for it here, and none is read. What is thereby not
    /// proven is that the code of a roster is this, and that `Approvals` finds and reads it; tests show that.
    function _rosterOf(uint32) internal view override returns (bytes memory roster) {
        roster = abi.encodePacked(_inboundBridgeId);
        address[] storage list = _operators.list;
        for (uint256 i = 0; i < list.length; ++i) {
            roster = abi.encodePacked(roster, list[i]);
        }
    }

    /// @dev The same account, but one path for each operator that it may be: bits are counted in a loop, which has an end
    /// only where they are known.
    function _recover(bytes32 digest, bytes calldata signature) internal view override returns (address signer) {
        signer = super._recover(digest, signature);
        address[] storage list = _operators.list;
        for (uint256 i = 0; i < list.length; ++i) {
            if (signer == list[i]) return list[i];
        }
    }
}
