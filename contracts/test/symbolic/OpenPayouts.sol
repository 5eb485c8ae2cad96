// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Outflow, Pair, StoredHold} from "../../src/bridge/BridgeStorage.sol";
import {IS_COUNTERPART_TOKEN} from "../../src/bridge/BridgeStorage.sol";
import {Delivery} from "../../src/bridge/Delivery.sol";
import {Handling} from "../../src/bridge/Handling.sol";
import {Holds} from "../../src/bridge/Holds.sol";
import {PayoutTerms} from "../../src/bridge/Payouts.sol";
import {HoldReason, PairLimits, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";

/// @title What pays, holds and releases of a bridge, put into any state of one pair
/// @dev Adds doors only: whatever is proven about it runs the code of `src`.
contract OpenPayouts is Handling, Holds, Delivery {
    error LeftOut();

    /// @dev For the reward of native pairs.
    receive() external payable {}

    function place(address counterpartToken, address token, Pair calldata pair, bool isWired) external {
        _pairs[token] = pair;
        _addressRoles[counterpartToken].roles = IS_COUNTERPART_TOKEN;
        _addressRoles[counterpartToken].localToken = token;
        _lanes.wired = isWired;
        _lanes.operatorThreshold = 1;
    }

    function placeLimits(address token, PairLimits calldata limits, Outflow calldata outflow) external {
        _limits[token] = limits;
        _outflows[token] = outflow;
    }

    /// @dev Any number of holds is there already, of which this sum is counted.
    function placeHeld(uint8 kind, address token, uint128 sum) external {
        _heldSums(kind)[token] = sum;
        _counters.heldCount = 1;
    }

    function placeHold(uint64 nonce, StoredHold calldata hold) external {
        _holds[nonce] = hold;
    }

    /// @dev As `handle` does it, behind the checkpoint and the nonces.
    function payOrHold(uint64 nonce, ValueTransfer calldata transfer) external nonReentrant {
        _payOrHold(nonce, transfer, _noTerms());
    }

    /// @dev Two requests that follow each other, with what `handle` has read of their pair for the first one.
    function payOrHoldBoth(uint64 nonce, ValueTransfer calldata first, ValueTransfer calldata second)
        external
        nonReentrant
    {
        PayoutTerms memory terms = _noTerms();
        _payOrHold(nonce, first, terms);
        _payOrHold(nonce + 1, second, terms);
    }

    function outstandingOf(address token) external view returns (uint128) {
        return _pairs[token].outstanding;
    }

    function outflowOf(address token) external view returns (Outflow memory) {
        return _outflows[token];
    }

    function heldSum(uint8 kind, address token) external view returns (uint128) {
        return _heldSums(kind)[token];
    }

    function heldCount() external view returns (uint64) {
        return _counters.heldCount;
    }

    function holdOf(uint64 nonce) external view returns (StoredHold memory) {
        return _holds[nonce];
    }

    function writeOff(uint64, ValueTransfer calldata) external pure {
        revert LeftOut();
    }

    /// @dev No checkpoint is signed in these proofs.
    function _rosterCodeHash() internal pure override returns (bytes32) {
        return 0;
    }

    /// @dev As `_noTerms` has it.
    function _defersCalls() internal pure override returns (bool) {
        return false;
    }
}
