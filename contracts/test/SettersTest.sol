// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairConfiguration, ValueTransfer} from "../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeMigration} from "../src/interfaces/IBridgeMigration.sol";
import {IBridgeErrors} from "../src/interfaces/IBridgeErrors.sol";
import {IBridgeHolds} from "../src/interfaces/IBridgeHolds.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {AbiFunctions} from "./AbiFunctions.sol";
import {GovernanceTest} from "./GovernanceTest.sol";

/// @title One call of every setter that governors can vote
abstract contract SettersTest is GovernanceTest, AbiFunctions {
    /// @dev Each with values in favour of `who`, where it has such values.
    function _setterCalls(address who) internal view returns (bytes[] memory calls) {
        uint256[] memory none = new uint256[](0);
        PairConfiguration memory pair =
            PairConfiguration(Kinds.ERC20, false, 18, 0, GAS_CAP, address(token), FAR_UNKNOWN);
        ValueTransfer memory held;
        calls = new bytes[](18);
        calls[0] = _wireCall();
        calls[1] = abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OUTSIDER_KEY), THRESHOLD));
        calls[2] = abi.encodeCall(IBridgeConfiguration.setGovernors, (_members(OUTSIDER_KEY), THRESHOLD));
        calls[3] = abi.encodeCall(IBridgeConfiguration.registerPair, (pair));
        calls[4] = abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(token), 0, 0));
        calls[5] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(token), true));
        calls[6] = abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(token), GAS_CAP));
        calls[7] = _limitsCall(address(token), _noLimits());
        calls[8] = abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (who));
        calls[9] = abi.encodeCall(IBridgeConfiguration.setRefundDelay, (1));
        calls[10] = abi.encodeCall(IBridgeConfiguration.setGovernanceDelay, (DELAY));
        calls[11] = abi.encodeCall(IBridgeConfiguration.unpause, ());
        calls[12] = abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true));
        calls[13] = abi.encodeCall(IBridgeConfiguration.setPredecessor, (who));
        calls[14] = abi.encodeCall(IBridgeMigration.migrate, (address(token), who, 1, none, none, 0));
        calls[15] = abi.encodeCall(IBridgeMigration.handOver, (address(minted), who, 0));
        calls[16] = abi.encodeCall(IBridgeConfiguration.setGreatestGasCap, (GREATEST_GAS_CAP));
        calls[17] = abi.encodeCall(IBridgeHolds.writeOff, (0, held));
    }

    /// @dev Called as a function of the bridge, each setter is refused.
    function _expectSettersRefused(address who) internal {
        bytes[] memory calls = _setterCalls(who);
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeOnlyConfiguration.selector, who);
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(who);
            (bool success, bytes memory result) = address(bridge).call(calls[i]);
            assertTrue(!success, vm.toString(i));
            assertEq(keccak256(result), keccak256(reason), vm.toString(i));
        }
    }

    /// @dev Governors can vote the covered functions and no other function of the bridge.
    function _expectOnlyCoveredCanBeVoted() internal {
        string[] memory signatures = _changingFunctions("abi/Bridge.json");
        uint256 listed;
        for (uint256 i = 0; i < signatures.length; ++i) {
            bytes4 selector = bytes4(keccak256(bytes(signatures[i])));
            bool isListed = _isListed(selector);
            assertTrue(isListed == covered[selector], signatures[i]);
            if (isListed) ++listed;
        }
        assertEq(coveredCount, listed, "each covered function is one of the bridge");
    }

    /// @dev Whether `configure` has another reason than the function's name to refuse it.
    function _isListed(bytes4 selector) internal returns (bool) {
        uint64 nonce = bridge.state().configurationNonce;
        bytes[] memory calls = _one(abi.encodePacked(selector));
        (bool success, bytes memory result) =
            address(bridge).call(abi.encodeCall(bridge.configure, (nonce, type(uint64).max, calls, _unsigned())));
        assertTrue(!success, "nobody has signed it");
        bytes memory notListed = abi.encodeWithSelector(IBridgeErrors.BridgeSetterNotListed.selector, selector);
        return keccak256(result) != keccak256(notListed);
    }
}
