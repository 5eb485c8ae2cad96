// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {RequestTest} from "./RequestTest.sol";

/// @title Sends native currency while it is being made, when it has no code
contract Constructing {
    constructor(address to) payable {
        (bool success, bytes memory result) = to.call{value: msg.value}("");
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}

/// @title Requests of the native currency, and what every request checks
contract RequestsTest is RequestTest {
    // ---- native ----

    function test_native_request_enters_the_escrow_and_the_root() external {
        vm.roll(4321);
        ValueTransfer memory expected =
            ValueTransfer(4321, Kinds.NATIVE, address(0), USER, RECIPIENT, REFUND, 3 ether, "hello");
        bytes32 root = bridge.laneState().requestRoot;
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.NATIVE, address(0), REFUND, 3 ether, "hello");
        vm.prank(USER);
        uint64 nonce = bridge.requestNativeTransfer{value: 3 ether}(3 ether, RECIPIENT, REFUND, "hello");

        assertEq(nonce, 0, "nonce");
        assertEq(bridge.laneState().requestNonce, 1, "next nonce");
        assertEq(bridge.laneState().requestRoot, keccak256(abi.encode(root, _leaf(0, expected))), "root");
        assertEq(bridge.pairOf(address(0)).escrow, 3 ether, "escrow");
        assertEq(address(bridge).balance, 3 ether, "balance");
    }

    function test_what_was_sent_beyond_the_amount_comes_back() external {
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 5 ether}(3 ether, RECIPIENT, REFUND, "");
        assertEq(USER.balance, 997 ether, "user");
        assertEq(address(bridge).balance, 3 ether, "bridge");
        assertEq(bridge.pairOf(address(0)).escrow, 3 ether, "escrow");
    }

    function test_less_than_the_amount_is_refused() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeNativeValueMismatch.selector, 2, 3);
        _refuse(2, abi.encodeCall(bridge.requestNativeTransfer, (3, RECIPIENT, REFUND, "")), reason);
    }

    function test_native_currency_sent_with_other_requests_comes_back() external {
        vm.prank(USER);
        bridge.requestERC20Transfer{value: 1 ether}(address(token), 1, RECIPIENT, REFUND, 0, "");
        vm.prank(USER);
        bridge.requestERC721Transfer{value: 1 ether}(address(nft), 9, RECIPIENT, REFUND, "");
        vm.prank(USER);
        bridge.requestERC1155Transfer{value: 1 ether}(address(multi), _single(7), _single(1), RECIPIENT, REFUND, "");
        assertEq(USER.balance, 1000 ether, "user");
        assertEq(bridge.laneState().requestNonce, 3, "requested");
    }

    function test_sender_that_does_not_take_back_is_refused() external {
        NoTaker sender = new NoTaker();
        bytes memory call = abi.encodeCall(bridge.requestNativeTransfer, (1, RECIPIENT, REFUND, ""));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeReturnFailed.selector, address(sender), 4));
        sender.execute{value: 5}(address(bridge), 5, call);
        sender.execute{value: 1}(address(bridge), 1, call);
        assertEq(bridge.laneState().requestNonce, 1, "with nothing to give back it may");
    }

    function test_native_value_beyond_128_bits_is_refused() external {
        uint256 value = uint256(type(uint128).max) + 1;
        vm.deal(USER, value);
        _refuse(
            value,
            abi.encodeCall(bridge.requestNativeTransfer, (value, RECIPIENT, REFUND, "")),
            abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, value)
        );
    }

    // ---- plain sends ----

    function test_plain_send_goes_to_the_sender_itself() external {
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, USER, Kinds.NATIVE, address(0), USER, 1 ether, "");
        (bool success,) = _plainSend(1 ether);
        assertTrue(success, "plain send");
        assertEq(bridge.pairOf(address(0)).escrow, 1 ether, "escrow");
    }

    function test_plain_send_of_a_contract_is_refused() external {
        HostileRecipient sender = new HostileRecipient();
        vm.deal(address(sender), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePlainSendFromContract.selector, address(sender)));
        sender.execute(address(bridge), 1 ether, "");
    }

    function test_plain_send_of_an_account_with_delegated_code_is_refused() external {
        vm.etch(USER, hex"00");
        _refusePlainSend(1, abi.encodeWithSelector(IBridgeErrors.BridgePlainSendFromContract.selector, USER));
    }

    function test_plain_send_of_a_contract_under_construction_is_refused() external {
        vm.deal(address(this), 1 ether);
        vm.expectPartialRevert(IBridgeErrors.BridgePlainSendFromContract.selector);
        new Constructing{value: 1 ether}(address(bridge));
    }

    function test_unknown_call_is_refused() external {
        _refuse(1, hex"12345678", "");
        _refuse(0, hex"12345678", "");
        _refuse(0, hex"1234", "");
        assertEq(address(bridge).balance, 0, "no fallback takes value");
    }

    function test_value_sent_to_a_function_that_takes_none_is_refused() external {
        _refuse(1, abi.encodeCall(bridge.withdrawFees, (address(0))), "");
        _refuse(1, abi.encodeCall(bridge.laneState, ()), "");
        assertEq(address(bridge).balance, 0, "neither here nor in a part");
    }

    // ---- what every request checks ----

    function test_requests_before_wiring_are_refused() external {
        _freshBridge();
        _expectClosed(abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector));
    }

    function test_requests_while_paused_are_refused() external {
        _pause();
        _expectClosed(abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0));
    }

    function test_zero_value_is_refused() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector);
        _refuse(0, abi.encodeCall(bridge.requestNativeTransfer, (0, RECIPIENT, REFUND, "")), reason);
        _refuseERC20(address(token), 0, reason);
        _refuse(0, abi.encodeCall(bridge.seed, (address(token), 0)), reason);
        _refusePlainSend(0, reason);
    }

    function test_unknown_token_is_refused() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, FAR);
        _refuseERC20(FAR, 1, reason);
        _refuseERC721(FAR, 1, reason);
    }

    function test_kind_of_the_pair_is_checked() external {
        _refuseERC20(address(nft), 9, _mismatch(address(nft), Kinds.ERC721, Kinds.ERC20));
        _refuseERC20(address(0), 9, _mismatch(address(0), Kinds.NATIVE, Kinds.ERC20));
        _refuseERC20(address(multi), 9, _mismatch(address(multi), Kinds.ERC1155, Kinds.ERC20));
        _refuseERC721(address(token), 9, _mismatch(address(token), Kinds.ERC20, Kinds.ERC721));
        _refuseERC721(address(multi), 7, _mismatch(address(multi), Kinds.ERC1155, Kinds.ERC721));
        _refuse(
            0,
            abi.encodeCall(
                bridge.requestERC1155Transfer, (address(nft), _single(9), _single(1), RECIPIENT, REFUND, "")
            ),
            _mismatch(address(nft), Kinds.ERC721, Kinds.ERC1155)
        );
    }

    function test_recipient_is_never_zero_where_no_native_currency_is_registered_either() external {
        _freshBridge();
        bytes[] memory calls = new bytes[](2);
        (calls[0], calls[1]) = (_wireCall(), _pairCall(Kinds.ERC20, false, address(token), FAR));
        _configure(calls);
        bytes memory request =
            abi.encodeCall(bridge.requestERC20Transfer, (address(token), 1, address(0), REFUND, 0, ""));
        _refuse(0, request, abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRecipient.selector, address(0)));
    }

    function test_recipient_is_never_zero_a_bridge_or_a_registered_token() external {
        address[6] memory refused =
            [address(0), address(bridge), COUNTERPART, address(token), address(minted), FAR_MINTED];
        for (uint256 i = 0; i < refused.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRecipient.selector, refused[i]);
            _refuseAll(refused[i], REFUND, "", reason);
        }
    }

    function test_account_to_refund_is_never_zero_this_bridge_or_a_registered_token() external {
        address[3] memory refused = [address(0), address(bridge), address(minted)];
        for (uint256 i = 0; i < refused.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRefundTo.selector, refused[i]);
            _refuseAll(RECIPIENT, refused[i], "", reason);
        }
        // Addresses of the other chain mean nothing on this one.
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, COUNTERPART, "");
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, FAR_MINTED, "");
    }

    function test_extra_data_are_bounded() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeExtraDataTooLong.selector, 1025, 1024);
        _refuseAll(RECIPIENT, REFUND, new bytes(1025), reason);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(1, RECIPIENT, REFUND, new bytes(1024));
    }

    // ---- properties ----

    function testFuzz_escrow_and_root_follow_every_request(uint128[8] memory values) external {
        bytes32 root = bridge.laneState().requestRoot;
        uint256 sum;
        for (uint64 i = 0; i < values.length; ++i) {
            uint256 value = bound(values[i], 1, 100 ether);
            sum += value;
            _requestNative(value);
            ValueTransfer memory transfer =
                ValueTransfer(uint64(block.number), Kinds.NATIVE, address(0), USER, RECIPIENT, REFUND, value, "");
            root = keccak256(abi.encode(root, _leaf(i, transfer)));
        }
        assertEq(bridge.laneState().requestRoot, root, "root");
        assertEq(bridge.pairOf(address(0)).escrow, sum, "escrow");
        assertEq(address(bridge).balance, sum, "balance");
    }

    // ---- steps ----

    function _plainSend(uint256 value) private returns (bool success, bytes memory result) {
        vm.prank(USER, USER);
        return address(bridge).call{value: value}("");
    }

    function _refusePlainSend(uint256 value, bytes memory reason) private {
        (bool success, bytes memory result) = _plainSend(value);
        assertTrue(!success, "plain send");
        assertEq(keccak256(result), keccak256(reason), "reason of the plain send");
    }

    function _expectClosed(bytes memory reason) private {
        _refuseAll(RECIPIENT, REFUND, "", reason);
        _refuse(0, abi.encodeCall(bridge.seed, (address(token), 1)), reason);
        _refusePlainSend(1, reason);
    }

    function _mismatch(address asset, uint8 kind, uint8 expected) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgeKindMismatch.selector, asset, kind, expected);
    }
}

/// @title An account that sends and takes nothing
contract NoTaker {
    function execute(address to, uint256 value, bytes calldata input) external payable {
        (bool success, bytes memory result) = to.call{value: value}(input);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}
