// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairConfiguration} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {TestToken} from "../contracts/TestToken.sol";

/// @title A pair that has gone comes back as it was or not at all, and what was on its way is paid then
contract PairMemoryTest is LaneTest {
    address private constant FAR = address(0xFA2);

    // ---- only the same pair comes back ----

    function test_no_other_counterpart_follows() external {
        _letGo(address(token));
        _refuse(_pairCall(Kinds.ERC20, false, address(token), FAR), address(token), FAR_NATIVE_FOR_TOKEN);
    }

    function test_no_other_kind_follows() external {
        _letGo(address(minted));
        // A number that counted units would name an id, and the other way round.
        _refuse(_pairCall(Kinds.ERC721, true, address(minted), FAR_MINTED), address(minted), FAR_MINTED);
        _refuse(_pairCall(Kinds.ERC1155, true, address(minted), FAR_MINTED), address(minted), FAR_MINTED);
    }

    function test_no_other_mode_follows() external {
        _letGo(address(token));
        _letGo(address(minted));
        _refuse(
            _pairCall(Kinds.ERC20, true, address(token), FAR_NATIVE_FOR_TOKEN), address(token), FAR_NATIVE_FOR_TOKEN
        );
        _refuse(_pairCall(Kinds.ERC20, false, address(minted), FAR_MINTED), address(minted), FAR_MINTED);
    }

    function test_no_other_token_takes_the_place_of_the_counterpart() external {
        TestToken other = new TestToken("Other", "OTH", 6);
        _letGo(address(minted));
        _refuse(_pairCall(Kinds.ERC20, true, address(other), FAR_MINTED), address(other), address(0));
        // A token that was never registered remembers nothing.
        _configure(_pairCall(Kinds.ERC20, true, address(other), FAR));
    }

    function test_two_pairs_that_have_gone_cannot_be_crossed() external {
        _letGo(address(token));
        _letGo(address(minted));
        _refuse(_pairCall(Kinds.ERC20, false, address(token), FAR_MINTED), address(token), FAR_NATIVE_FOR_TOKEN);
    }

    function test_the_native_currency_is_remembered_too() external {
        _letGo(address(0));
        _refuse(_pairCall(Kinds.NATIVE, false, address(0), FAR), address(0), FAR_OF_NATIVE);
        TestToken other = new TestToken("Other", "OTH", 18);
        _refuse(_pairCall(Kinds.ERC20, false, address(other), FAR_OF_NATIVE), address(other), address(0));
        _configure(_pairCall(Kinds.NATIVE, false, address(0), FAR_OF_NATIVE));
    }

    function test_every_pair_comes_back_with_what_may_change() external {
        PairConfiguration[7] memory before;
        address[7] memory near = [
            address(0),
            address(token),
            address(minted),
            address(nft),
            address(mintedNFT),
            address(multi),
            address(mintedMulti)
        ];
        for (uint256 i = 0; i < near.length; ++i) {
            before[i] = bridge.pairOf(near[i]).configuration;
            _letGo(near[i]);
        }
        assertEq(bridge.state().pairs.length, 0, "all are gone");
        for (uint256 i = 0; i < near.length; ++i) {
            // Gas cap and item bound are of no consequence for what was on its way.
            before[i].gasCap += 1;
            if (before[i].itemBound != 0) before[i].itemBound -= 1;
            _configure(abi.encodeCall(IBridgeConfiguration.registerPair, (before[i])));
            bytes32 now_ = keccak256(abi.encode(bridge.pairOf(near[i]).configuration));
            assertEq(now_, keccak256(abi.encode(before[i])), "as it was");
        }
    }

    function test_memory_outlives_a_second_time() external {
        for (uint256 i = 0; i < 2; ++i) {
            _letGo(address(token));
            _refuse(_pairCall(Kinds.ERC20, false, address(token), FAR), address(token), FAR_NATIVE_FOR_TOKEN);
            _configure(_pairCall(Kinds.ERC20, false, address(token), FAR_NATIVE_FOR_TOKEN));
        }
    }

    // ---- what is on its way ----

    function test_a_request_on_its_way_keeps_its_pair() external {
        _burnFive();
        _lock(address(minted));
        // What the lane carries of others after the lock does not count.
        vm.deal(USER, 1);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, USER, "");
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeLaneNotDrained.selector, 0, 1);
        _configureExpecting(_goCall(address(minted), 0), reason);
        _configure(_goCall(address(minted), 1));
    }

    function test_a_pair_that_was_opened_again_is_drained_again() external {
        _lock(address(minted));
        _configure(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(minted), false)));
        _burnFive();
        _lock(address(minted));
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeLaneNotDrained.selector, 0, 1);
        _configureExpecting(_goCall(address(minted), 0), reason);
    }

    function test_a_late_refund_waits_for_its_pair_and_is_paid_by_it() external {
        _burnFive();
        _lock(address(minted));
        _configure(_goCall(address(minted), 1));
        // The counterpart had put it on hold, and pays it back now.
        _far(Kinds.ERC20 | REFUND_BIT, address(minted), USER, 5);
        _handleAll();
        _expectHeld(1, HoldReason.UnknownToken);
        _expectReleaseFails(1, HoldReason.UnknownToken);

        _configure(_pairCall(Kinds.ERC20, true, address(minted), FAR_MINTED));
        assertEq(bridge.pairOf(address(minted)).held, 5, "it is the pair's");
        _release(1);
        assertEq(minted.balanceOf(USER), 5, "paid back");
        assertEq(bridge.pairOf(address(minted)).held, 0, "no hold");
        assertEq(bridge.pairOf(address(minted)).minted, 5, "minted");
    }

    function test_a_late_payment_waits_for_its_pair_too() external {
        _letGo(address(minted));
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _handleAll();
        _expectHeld(0, HoldReason.UnknownToken);
        _configure(_pairCall(Kinds.ERC20, true, address(minted), FAR_MINTED));
        _release(0);
        assertEq(minted.balanceOf(RECIPIENT), 5, "paid");
    }

    // ---- steps ----

    /// @dev Five units come from the other side and go back: nothing is minted, and a request is on its way.
    function _burnFive() private {
        _far(Kinds.ERC20, FAR_MINTED, USER, 5);
        _handleAll();
        vm.prank(USER);
        minted.approve(address(bridge), 5);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(minted), 5, RECIPIENT, USER, 0, "");
        assertEq(bridge.pairOf(address(minted)).minted, 0, "nothing is minted");
    }

    function _refuse(bytes memory call, address near, address far) private {
        _configureExpecting(call, abi.encodeWithSelector(IBridgeErrors.BridgePairRemembered.selector, near, far));
    }

    function _lock(address near) private {
        _configure(abi.encodeCall(IBridgeConfiguration.setPairLocked, (near, true)));
    }

    function _goCall(address near, uint64 outboundNonce) private view returns (bytes memory) {
        return
            abi.encodeCall(IBridgeConfiguration.deregisterPair, (near, bridge.laneState().handleNonce, outboundNonce));
    }

    function _letGo(address near) private {
        _lock(near);
        _configure(_goCall(near, bridge.laneState().requestNonce));
    }
}
