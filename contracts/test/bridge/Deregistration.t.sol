// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairLimits, PairState} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";

/// @title Pairs that go
contract DeregistrationTest is LaneTest {
    function test_a_pair_with_something_locked_or_held_stays() external {
        _seedToken(10);
        _lock(address(token));
        _configureExpecting(_goCall(address(token)), _inUse(address(token), 10, 0));
        _far(Kinds.ERC20, FAR_MINTED, address(0), 5);
        _handleAll();
        _lock(address(minted));
        _configureExpecting(_goCall(address(minted)), _inUse(address(minted), 0, 5));
    }

    function test_a_pair_goes_out_of_the_list_and_no_other_does() external {
        // In the middle, at the end and at the beginning of the list.
        address[3] memory gone = [address(nft), address(multi), address(0)];
        for (uint256 i = 0; i < gone.length; ++i) {
            PairState[] memory before = bridge.state().pairs;
            _letGo(gone[i]);
            PairState[] memory left = bridge.state().pairs;
            assertEq(left.length, before.length - 1, "one less");
            for (uint256 k = 0; k < before.length; ++k) {
                address near = before[k].configuration.token;
                assertEq(_count(left, near), near == gone[i] ? 0 : 1, "the others are there once");
            }
        }
    }

    function test_what_was_a_token_may_be_a_recipient() external {
        vm.deal(USER, 2);
        _letGo(address(minted));
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, address(minted), USER, "");
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, FAR_MINTED, USER, "");
        assertEq(bridge.laneState().requestNonce, 2, "accepted");
    }

    function test_requests_of_a_pair_that_is_gone_are_held() external {
        _letGo(address(minted));
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _handleAll();
        _expectHeld(0, HoldReason.UnknownToken);
    }

    function test_a_pair_that_comes_back_starts_anew() external {
        PairLimits memory limits = _noLimits();
        (limits.maximum, limits.outflowCapacity, limits.minimum) = (100, 100, 5);
        _setLimits(address(token), limits);
        _seedToken(50);
        _far(Kinds.NATIVE, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 50);
        _handleAll();
        assertEq(bridge.pairOf(address(token)).outflow, 50, "in the bucket");
        _letGo(address(token));
        _configure(_pairCall(Kinds.ERC20, false, address(token), FAR_NATIVE_FOR_TOKEN));
        PairState memory pair = bridge.pairOf(address(token));
        assertEq(keccak256(abi.encode(pair.limits)), keccak256(abi.encode(_noLimits())), "no limits");
        assertTrue(!pair.locked && pair.escrow == 0, "nothing is there");
        assertEq(pair.seeded, 50, "what was seeded stays counted: the other side may keep it still");
        _setLimits(address(token), limits);
        assertEq(bridge.pairOf(address(token)).outflow, 0, "nothing in the bucket");
    }

    // ---- steps ----

    function _lock(address near) private {
        _configure(abi.encodeCall(IBridgeConfiguration.setPairLocked, (near, true)));
    }

    function _goCall(address near) private view returns (bytes memory) {
        return abi.encodeCall(
            IBridgeConfiguration.deregisterPair, (near, bridge.laneState().handleNonce, bridge.laneState().requestNonce)
        );
    }

    function _letGo(address near) private {
        address far = bridge.pairOf(near).configuration.counterpartToken;
        _lock(near);
        (uint64 nonce, bytes[] memory calls) = _scheduled(_goCall(near));
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.PairDeregistered(near, far);
        bridge.executeConfiguration(nonce, calls);
    }

    function _count(PairState[] memory pairs, address near) private pure returns (uint256 count) {
        for (uint256 i = 0; i < pairs.length; ++i) {
            if (pairs[i].configuration.token == near) ++count;
        }
    }

    function _inUse(address near, uint256 outstanding, uint256 held) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgePairInUse.selector, near, outstanding, held, true);
    }
}
