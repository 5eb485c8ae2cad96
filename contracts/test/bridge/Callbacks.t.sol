// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1363Receiver} from "@openzeppelin/contracts/interfaces/IERC1363Receiver.sol";
import {ERC1363Utils} from "@openzeppelin/contracts/token/ERC20/utils/ERC1363Utils.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";

import {PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {LyingToken} from "../contracts/LyingToken.sol";
import {TestPaymentToken} from "../contracts/TestPaymentToken.sol";

/// @title Requests in one step through ERC-1363
contract CallbacksTest is LaneTest {
    address private constant FAR_PAYMENT = address(0xFA1);
    address private constant FAR_LYING = address(0xFA2);

    TestPaymentToken private payment;
    LyingToken private lying;

    function setUp() public override {
        super.setUp();
        payment = new TestPaymentToken("Payment", "PAY");
        lying = new LyingToken();
        bytes[] memory calls = new bytes[](2);
        calls[0] = _pairCall(Kinds.ERC20, false, address(payment), FAR_PAYMENT);
        calls[1] = _pairCall(Kinds.ERC20, false, address(lying), FAR_LYING);
        _configure(calls);
        payment.mint(USER, 1000);
    }

    // ---- what a payment does ----

    function test_a_payment_to_the_bridge_is_a_request() external {
        bytes32 root = bridge.laneState().requestRoot;
        vm.roll(4321);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(
            0, USER, RECIPIENT, Kinds.ERC20, address(payment), REFUND_TO, 700, "hello"
        );
        _pay(700, _arguments(0, "hello"));

        bytes32 leaf =
            keccak256(abi.encode(0, 4321, Kinds.ERC20, payment, USER, RECIPIENT, REFUND_TO, 700, keccak256("hello")));
        assertEq(bridge.laneState().requestNonce, 1, "one request");
        assertEq(bridge.laneState().requestRoot, keccak256(abi.encode(root, leaf)), "root");
        assertEq(bridge.pairOf(address(payment)).escrow, 700, "escrow");
        assertEq(payment.balanceOf(address(bridge)), 700, "balance");
    }

    function test_the_requester_is_whom_the_value_came_from_not_who_moved_it() external {
        address spender = address(0x5BE);
        vm.prank(USER);
        payment.approve(spender, 50);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(payment), REFUND_TO, 50, "");
        vm.prank(spender);
        payment.transferFromAndCall(USER, address(bridge), 50, _arguments(0, ""));
    }

    function test_a_payment_of_a_minted_token_burns() external {
        _far(Kinds.ERC20, FAR_MINTED, USER, 100);
        _handleAll();
        bytes memory arguments = _arguments(0, "");
        vm.prank(USER);
        minted.transferAndCall(address(bridge), 60, arguments);
        assertEq(minted.totalSupply(), 40, "supply");
        assertEq(bridge.pairOf(address(minted)).minted, 40, "minted");
        assertEq(bridge.laneState().requestNonce, 1, "one request");
    }

    function test_a_payment_of_a_minted_token_from_elsewhere_is_refused() external {
        // As if somebody else had minted: the bridge takes back no more than it gave.
        vm.prank(address(bridge));
        minted.mint(USER, 10);
        bytes memory arguments = _arguments(0, "");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeValueTooLarge.selector, 10));
        vm.prank(USER);
        minted.transferAndCall(address(bridge), 10, arguments);
    }

    // ---- who may say that something came ----

    function test_an_unregistered_token_is_refused() external {
        TestPaymentToken stranger = new TestPaymentToken("Stranger", "STR");
        stranger.mint(USER, 10);
        bytes memory arguments = _arguments(0, "");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, address(stranger)));
        vm.prank(USER);
        stranger.transferAndCall(address(bridge), 10, arguments);
    }

    function test_an_account_that_calls_by_itself_is_refused() external {
        bytes memory arguments = _arguments(0, "");
        bytes memory refusal = abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, USER);
        vm.expectRevert(refusal);
        vm.prank(USER);
        bridge.onTransferReceived(USER, USER, 5, arguments);
        vm.expectRevert(refusal);
        vm.prank(USER);
        bridge.onERC721Received(USER, USER, 5, arguments);
        vm.expectRevert(refusal);
        vm.prank(USER);
        bridge.onERC1155Received(USER, USER, 5, 5, arguments);
        vm.expectRevert(refusal);
        vm.prank(USER);
        bridge.onERC1155BatchReceived(USER, USER, _list(5), _list(5), arguments);
    }

    function test_naming_the_bridge_as_operator_requests_nothing() external {
        bytes memory arguments = _arguments(0, "");
        bytes32 root = bridge.laneState().requestRoot;
        vm.prank(USER);
        bridge.onERC721Received(address(bridge), USER, 5, arguments);
        vm.prank(USER);
        bridge.onERC1155Received(address(bridge), USER, 5, 5, arguments);
        vm.prank(USER);
        bridge.onERC1155BatchReceived(address(bridge), USER, _list(5), _list(5), arguments);
        // Of an ERC-20 the operator does not matter.
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, USER));
        vm.prank(USER);
        bridge.onTransferReceived(address(bridge), USER, 5, arguments);
        assertEq(bridge.laneState().requestNonce, 0, "no request");
        assertEq(bridge.laneState().requestRoot, root, "root");
    }

    function test_a_token_of_another_kind_is_refused() external {
        bytes memory arguments = _arguments(0, "");
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeKindMismatch.selector, address(nft), Kinds.ERC721, 1)
        );
        vm.prank(address(nft));
        bridge.onTransferReceived(USER, USER, 1, arguments);
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeKindMismatch.selector, address(lying), Kinds.ERC20, 2)
        );
        vm.prank(address(lying));
        bridge.onERC721Received(USER, USER, 1, arguments);
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeKindMismatch.selector, address(lying), Kinds.ERC20, 3)
        );
        vm.prank(address(lying));
        bridge.onERC1155Received(USER, USER, 1, 1, arguments);
    }

    // ---- what came is looked for ----

    function test_what_did_not_arrive_is_not_credited() external {
        _seed(lying, 100);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        _say(50, _arguments(0, ""));
        assertEq(bridge.pairOf(address(lying)).escrow, 100, "escrow");
    }

    function test_a_spoofed_value_is_cut_to_what_arrived() external {
        lying.mint(address(bridge), 10);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(lying), REFUND_TO, 10, "");
        _say(1_000_000, _arguments(0, ""));
        assertEq(bridge.pairOf(address(lying)).escrow, 10, "escrow");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        _say(1_000_000, _arguments(0, ""));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        _say(type(uint256).max, _arguments(0, ""));
        lying.mint(address(bridge), 3);
        _say(1_000_000, _arguments(0, ""));
        assertEq(bridge.pairOf(address(lying)).escrow, 13, "above what is accounted for");
    }

    function test_no_more_than_the_value_is_credited_however_much_lies_here() external {
        lying.mint(address(bridge), 1000);
        _say(10, _arguments(0, ""));
        assertEq(bridge.pairOf(address(lying)).escrow, 10, "escrow");
    }

    function test_kept_fees_are_nobodys_deposit() external {
        _setFee(5, false);
        lying.mint(address(bridge), 25);
        _say(25, _arguments(5, ""));
        assertEq(bridge.pairOf(address(lying)).fees, 5, "fees");
        assertEq(bridge.pairOf(address(lying)).escrow, 20, "escrow");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        _say(9, _arguments(5, ""));
    }

    // ---- fees ----

    function test_the_fee_comes_out_of_the_fee_limit_and_the_rest_goes_back() external {
        _setFee(3, false);
        lying.mint(address(bridge), 100);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(lying), REFUND_TO, 90, "");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.FeeCharged(0, address(lying), 3);
        _say(100, _arguments(10, ""));
        assertEq(lying.balanceOf(USER), 7, "rest");
        assertEq(bridge.pairOf(address(lying)).escrow, 90, "escrow");
        assertEq(bridge.pairOf(address(lying)).fees, 3, "fees");
        assertEq(lying.balanceOf(address(bridge)), 93, "balance");
    }

    function test_nothing_goes_back_of_a_fee_limit_that_is_used_up() external {
        lying = new NoZeros();
        _configure(_pairCall(Kinds.ERC20, false, address(lying), address(0xFA3)));
        _setFee(5, false);
        lying.mint(address(bridge), 25);
        _say(25, _arguments(5, ""));
        assertEq(bridge.pairOf(address(lying)).escrow, 20, "escrow");
    }

    function test_without_a_fee_the_whole_fee_limit_goes_back() external {
        _pay(100, _arguments(10, ""));
        assertEq(payment.balanceOf(USER), 910, "rest");
        assertEq(bridge.pairOf(address(payment)).escrow, 90, "escrow");
    }

    function test_a_fee_above_the_limit_is_refused() external {
        _setFee(3, false);
        lying.mint(address(bridge), 100);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 3, 2));
        _say(100, _arguments(2, ""));
    }

    function test_a_fee_limit_that_takes_all_is_refused() external {
        bytes memory arguments = _arguments(100, "");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        vm.prank(USER);
        payment.transferAndCall(address(bridge), 100, arguments);
    }

    function test_a_native_fee_refuses_payments() external {
        _setFee(5, true);
        lying.mint(address(bridge), 100);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeFeeAboveLimit.selector, 5, 0));
        _say(100, _arguments(50, ""));
    }

    // ---- arguments ----

    function test_a_payment_without_arguments_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeArgumentsMissing.selector, address(payment)));
        vm.prank(USER);
        payment.transferAndCall(address(bridge), 10);
    }

    function test_a_payment_with_malformed_arguments_is_refused() external {
        bytes[4] memory malformed = [
            bytes(hex"01"),
            abi.encode(RECIPIENT, REFUND_TO, 0),
            // An address with bits above its 160.
            abi.encode(type(uint256).max, REFUND_TO, 0, ""),
            // The data lie beyond the end.
            abi.encode(RECIPIENT, REFUND_TO, 0, 10_000, 1)
        ];
        for (uint256 i = 0; i < malformed.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ERC1363Utils.ERC1363InvalidReceiver.selector, address(bridge)));
            vm.prank(USER);
            payment.transferAndCall(address(bridge), 10, malformed[i]);
        }
        assertEq(bridge.laneState().requestNonce, 0, "no request");
    }

    function test_a_payment_is_checked_like_any_request() external {
        _expectPaymentRefused(
            abi.encode(address(0), REFUND_TO, 0, ""),
            abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRecipient.selector, address(0))
        );
        _expectPaymentRefused(
            abi.encode(bridge, REFUND_TO, 0, ""),
            abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRecipient.selector, address(bridge))
        );
        _expectPaymentRefused(
            abi.encode(RECIPIENT, address(0), 0, ""),
            abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRefundTo.selector, address(0))
        );
        _expectPaymentRefused(
            abi.encode(RECIPIENT, token, 0, ""),
            abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRefundTo.selector, address(token))
        );
        _expectPaymentRefused(
            _arguments(0, new bytes(1025)),
            abi.encodeWithSelector(IBridgeErrors.BridgeExtraDataTooLong.selector, 1025, 1024)
        );
        _configure(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(payment), true)));
        _expectPaymentRefused(
            _arguments(0, ""), abi.encodeWithSelector(IBridgeErrors.BridgePairLocked.selector, address(payment))
        );
        _configure(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true)));
        _expectPaymentRefused(_arguments(0, ""), abi.encodeWithSelector(IBridgeErrors.BridgeRequestsStopped.selector));
        _pause();
        _expectPaymentRefused(_arguments(0, ""), abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0));
    }

    function test_nobody_pays_back_nobody_though_the_requester_be_nobody() external {
        // A token that is minted into the bridge comes from the address zero.
        lying.mint(address(bridge), 10);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRefundTo.selector, address(0)));
        vm.prank(address(lying));
        bridge.onTransferReceived(USER, address(0), 10, abi.encode(RECIPIENT, address(0), 0, ""));
    }

    function test_the_bridge_says_what_it_receives() external view {
        assertTrue(bridge.supportsInterface(type(IERC165).interfaceId), "ERC-165");
        assertTrue(bridge.supportsInterface(type(IERC1363Receiver).interfaceId), "ERC-1363");
        assertTrue(bridge.supportsInterface(type(IERC721Receiver).interfaceId), "ERC-721");
        assertTrue(bridge.supportsInterface(type(IERC1155Receiver).interfaceId), "ERC-1155");
        assertTrue(!bridge.supportsInterface(0xffffffff), "not everything");
    }

    // ---- steps ----

    function _arguments(uint256 feeLimit, bytes memory extraData) private pure returns (bytes memory) {
        return abi.encode(RECIPIENT, REFUND_TO, feeLimit, extraData);
    }

    function _pay(uint256 value, bytes memory arguments) private {
        vm.prank(USER);
        payment.transferAndCall(address(bridge), value, arguments);
    }

    /// @dev The lying token says that so much came from USER.
    function _say(uint256 value, bytes memory arguments) private {
        lying.say(address(bridge), abi.encodeCall(IERC1363Receiver.onTransferReceived, (USER, USER, value, arguments)));
    }

    function _setFee(uint128 fee, bool feeInNative) private {
        PairLimits memory limits = _noLimits();
        (limits.fee, limits.feeInNative) = (fee, feeInNative);
        _setLimits(address(lying), limits);
    }

    function _expectPaymentRefused(bytes memory arguments, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(USER);
        payment.transferAndCall(address(bridge), 10, arguments);
    }
}

/// @title A token that refuses to move nothing
contract NoZeros is LyingToken {
    function transfer(address to, uint256 value) public override returns (bool) {
        require(value != 0, "nothing");
        return super.transfer(to, value);
    }
}
