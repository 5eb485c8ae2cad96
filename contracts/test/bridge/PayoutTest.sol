// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hold, HoldReason, RequestNonce, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeTest} from "../BridgeTest.sol";
import {TestToken} from "../contracts/TestToken.sol";

/// @title What tests of payouts share: lock pairs with value in them, and holds that are looked at in full
abstract contract PayoutTest is BridgeTest {
    /// Counterpart of what a test registers itself.
    address internal constant FAR = address(0xFA2);
    bytes32[] internal none;

    /// @dev Handles one more request and expects exactly this hold of it.
    function _expectHeld(uint8 kind, address farToken, address to, uint256 value, HoldReason reason) internal {
        _far(kind, farToken, to, value);
        _expectLastHeld(reason);
    }

    /// @dev The same of the request that was added last, when all before it are handled.
    function _expectLastHeld(HoldReason reason) internal {
        uint64 nonce = uint64(requests.length - 1);
        uint64 heldCount = bridge.laneState().heldCount;
        ValueTransfer[] memory transfers = _slice(nonce, nonce + 1);
        bytes[] memory signatures = _approved(nonce + 1);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.ValueTransferHeld(nonce, reason, leaves[nonce]);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.HandleValueTransfer(nonce, nonce + 1);
        _submit(nonce, transfers, none, signatures);

        Hold[] memory holds = bridge.holds(nonce, 1);
        assertEq(holds.length, 1, "one hold");
        assertEq(RequestNonce.unwrap(holds[0].nonce), nonce, "nonce");
        assertEq(uint256(holds[0].reason), uint256(reason), "reason");
        assertEq(holds[0].leaf, leaves[nonce], "leaf");
        assertEq(holds[0].heldAtBlock, vm.getBlockNumber(), "block");
        assertEq(bridge.laneState().handleNonce, nonce + 1, "handled");
        assertEq(bridge.laneState().heldCount, heldCount + 1, "held");
    }

    /// @dev Registers a lock pair and puts liquidity into it.
    function _stock(TestToken asset, uint256 amount) internal {
        _configure(_pairCall(Kinds.ERC20, false, address(asset), FAR));
        _seed(asset, amount);
    }
}
