// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Outflow, Pair} from "../../src/bridge/BridgeStorage.sol";
import {Configuration} from "../../src/bridge/Configuration.sol";
import {Payouts} from "../../src/bridge/Payouts.sol";
import {HoldReason, PairLimits, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";

/// @title What governors can change of a bridge, and payouts under it, with the inner checks in reach
/// @dev Adds doors only: whatever is proven about it runs the code of `src`.
abstract contract OpenSetters is Configuration {
    constructor() {
        _origin.development = true;
    }

    /// @dev As `configure` does it with a vote.
    function applyVoted(bytes calldata call) external returns (bool applied) {
        (applied,) = address(this).call(call);
    }

    function tightens(bytes[] calldata calls) external view returns (bool) {
        return _tightens(calls);
    }

    function withdrawFees(address) external pure {
        revert();
    }
}

contract OpenLimits is OpenSetters, Payouts {
    /// @dev Says what a payout would come to, and undoes it.
    error Answer(HoldReason reason);

    function place(address counterpartToken, address token) external {
        Pair storage pair = _pairs[token];
        (pair.registered, pair.kind, pair.gasCap) = (true, Kinds.ERC20, 100_000);
        pair.outstanding = type(uint128).max;
        _addressRoles[counterpartToken].roles = 1;
        _addressRoles[counterpartToken].localToken = token;
    }

    /// @dev Any limits, also those that cannot be set. A pair that looks limited without limits only costs gas.
    function placeLimits(address token, PairLimits calldata limits) external {
        _limits[token] = limits;
        (_pairs[token].bounded, _pairs[token].limited) = (true, true);
    }

    function placeOutflow(address token, Outflow calldata outflow) external {
        _outflows[token] = outflow;
    }

    function tryPay(ValueTransfer calldata transfer, uint64 heldAtBlock) external {
        revert Answer(_pay(0, transfer, heldAtBlock, _noTerms()));
    }

    /// @dev As a request of the pair has it, whose amount fits a counter.
    function requireInBounds(address token, uint128 amount) external view {
        if (_pairs[token].bounded) _checkBounds(token, amount);
    }

    function feeOf(address token) external view returns (uint256 fee, bool feeInNative) {
        if (_pairs[token].bounded) (fee, feeInNative) = _feeOf(token);
    }
}

contract OpenMembers is OpenSetters {
    function placeOperators(address[] calldata members, uint8 threshold) external {
        _setOperators(members, threshold);
    }

    function placeGovernors(address[] calldata members, uint8 threshold) external {
        _setGovernors(members, threshold);
    }

    function placeDelays(uint64 refundDelay, uint32 governanceDelay) external {
        _counters.refundDelay = refundDelay;
        _settings.governanceDelay = governanceDelay;
    }

    function placeLocked(address token, bool locked) external {
        _pairs[token].registered = true;
        _pairs[token].locked = locked;
    }

    function isOperator(address account) external view returns (bool) {
        return _isMember(_operators, _operatorQuorum(), account);
    }

    function isGovernor(address account) external view returns (bool) {
        return _isMember(_governors, _governorQuorum(), account);
    }

    function thresholds() external view returns (uint8, uint8) {
        return (_operatorQuorum().threshold, _governorQuorum().threshold);
    }

    function delays() external view returns (uint64, uint32) {
        return (_counters.refundDelay, _settings.governanceDelay);
    }

    function isLocked(address token) external view returns (bool) {
        return _pairs[token].locked;
    }
}

/// @title A token that does whatever it is asked
contract Willing {
    fallback() external payable {
        assembly ("memory-safe") {
            mstore(0, 1)
            return(0, 32)
        }
    }
}
