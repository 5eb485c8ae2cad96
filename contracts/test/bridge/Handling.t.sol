// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Packing} from "../Packing.sol";
import {BridgeTest} from "../BridgeTest.sol";
import {HookToken} from "../contracts/HookToken.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";

contract HandlingTest is BridgeTest {
    bytes32[] private none;

    function test_request_is_paid_once_and_counted() external {
        _requests(1);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.HandleValueTransfer(0, 1);
        _handleAll();
        assertEq(minted.balanceOf(_recipient(0)), 1, "paid");
        assertEq(bridge.laneState().handleNonce, 1, "nonce");
        assertEq(bridge.laneState().handleRoot, _root(1), "root");
        assertEq(bridge.laneState().recoveryBlockNumber, requests[0].sourceBlock, "recovery block");
    }

    function test_anyone_may_submit() external {
        _requests(1);
        bytes memory transfers = Packing.pack(_slice(0, 1));
        bytes[] memory signatures = _approved(1);
        vm.prank(vm.addr(OUTSIDER_KEY), vm.addr(OUTSIDER_KEY));
        bridge.handle(0, transfers, none, signatures);
        _expectPaid(1);
    }

    // ---- who may submit ----

    function test_contract_may_not_submit() external {
        _requests(1);
        HostileRecipient contractAccount = new HostileRecipient();
        bytes memory call = _handleCall(0, _slice(0, 1), none, _approved(1));
        bytes memory reason =
            abi.encodeWithSelector(IBridgeErrors.BridgeSubmitterNotDirect.selector, address(contractAccount));
        vm.expectRevert(reason);
        vm.prank(SUBMITTER, SUBMITTER);
        contractAccount.execute(address(bridge), 0, call);
        assertEq(bridge.laneState().handleNonce, 0, "nothing handled");
        _handleAll();
        _expectPaid(1);
    }

    function test_contract_under_construction_may_not_submit() external {
        _requests(1);
        bytes memory call = _handleCall(0, _slice(0, 1), none, _approved(1));
        vm.expectPartialRevert(IBridgeErrors.BridgeSubmitterNotDirect.selector);
        new SubmittingConstructor(address(bridge), call);
    }

    function test_account_with_delegated_code_may_not_submit() external {
        _requests(1);
        vm.etch(SUBMITTER, abi.encodePacked(hex"ef0100", address(token)));
        ValueTransfer[] memory transfers = _slice(0, 1);
        bytes[] memory signatures = _approved(1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeSubmitterNotDirect.selector, SUBMITTER));
        _submit(0, transfers, none, signatures);
    }

    /// @dev From within its guarded call a token refuses every payout.
    function test_guarded_token_cannot_be_made_to_refuse() external {
        GuardedToken guarded = new GuardedToken();
        _configure(_pairCall(Kinds.ERC20, false, address(guarded), FAR_UNKNOWN));
        _seed(guarded, 10);
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 4);

        HostileRecipient attacker = new HostileRecipient();
        attacker.hookInto(guarded);
        attacker.setReentry(address(bridge), _handleCall(0, _slice(0, 1), none, _approved(1)));
        bytes memory transfer = abi.encodeCall(guarded.transfer, (address(attacker), 0));
        vm.prank(SUBMITTER, SUBMITTER);
        attacker.execute(address(guarded), 0, transfer);
        // The guarded token calls its hooks twice: the sender's and the recipient's.
        assertEq(attacker.reentries(), 2, "tried");
        _expectNotDirect(attacker.reentryResult(), address(attacker));

        _handleAll();
        assertEq(guarded.balanceOf(RECIPIENT), 4, "paid");
        assertEq(bridge.laneState().heldCount, 0, "held");
    }

    /// @dev From within its guarded call a recipient takes no native currency.
    function test_guarded_recipient_cannot_be_made_to_refuse() external {
        Vault vault = new Vault();
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(vault), 4);
        bytes memory call = _handleCall(0, _slice(0, 1), none, _approved(1));
        vm.prank(SUBMITTER, SUBMITTER);
        (bool success, bytes memory result) = vault.execute(address(bridge), call);
        assertTrue(!success, "refused");
        _expectNotDirect(result, address(vault));

        _handleAll();
        assertEq(address(vault).balance, 4, "paid");
        assertEq(bridge.laneState().heldCount, 0, "held");
    }

    // ---- what is handled ----

    function test_second_submission_reverts_and_changes_nothing() external {
        _requests(3);
        _handleAll();
        _expectRevert(0, 0, 3, 3, abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyHandled.selector, 3));
        _expectRevert(1, 1, 2, 3, abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyHandled.selector, 3));
        _expectPaid(3);
    }

    function test_what_was_handled_is_skipped() external {
        _requests(5);
        _handleUntil(3);
        ValueTransfer[] memory transfers = _slice(1, 5);
        bytes[] memory signatures = _approved(5);
        // One event for the whole call, contiguous with the one before.
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.HandleValueTransfer(3, 5);
        _submit(1, transfers, none, signatures);
        _expectPaid(5);
    }

    function test_gap_reverts() external {
        _requests(3);
        _expectRevert(1, 1, 3, 3, abi.encodeWithSelector(IBridgeErrors.BridgeNonceGap.selector, 1, 0));
        _expectRevert(
            type(uint64).max,
            1,
            3,
            3,
            abi.encodeWithSelector(IBridgeErrors.BridgeNonceGap.selector, type(uint64).max, 0)
        );
    }

    function test_nothing_to_handle_reverts() external {
        _requests(1);
        _expectRevert(0, 0, 0, 1, abi.encodeWithSelector(IBridgeErrors.BridgeNothingToHandle.selector));
    }

    function test_unwired_bridge_handles_nothing() external {
        _requests(1);
        _freshBridge();
        bytes[] memory signatures = _signatures(OPERATOR_KEY, 3, _checkpointDigest(1, 1, _root(1)));
        ValueTransfer[] memory transfers = _slice(0, 1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector));
        _submit(0, transfers, none, signatures);
    }

    function test_paused_bridge_handles_nothing() external {
        _requests(1);
        _pause();
        _expectRevert(0, 0, 1, 1, abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0));
        _configure(abi.encodeCall(bridge.unpause, ()));
        _handleAll();
        _expectPaid(1);
    }

    function test_every_field_of_a_request_is_signed() external {
        _requests(1);
        bytes[] memory signatures = _approved(1);
        for (uint256 field = 0; field < 8; ++field) {
            ValueTransfer[] memory transfers = _slice(0, 1);
            if (field == 0) transfers[0].kind = 0;
            if (field == 1) transfers[0].sourceBlock += 1;
            if (field == 2) transfers[0].token = FAR_NATIVE_FOR_TOKEN;
            if (field == 3) transfers[0].from = RECIPIENT;
            if (field == 4) transfers[0].to = USER;
            if (field == 5) transfers[0].refundTo = RECIPIENT;
            if (field == 6) transfers[0].value += 1;
            if (field == 7) transfers[0].payload = "x";
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, THRESHOLD));
            _submit(0, transfers, none, signatures);
        }
    }

    function test_dirty_words_are_not_what_was_signed() external {
        _requests(1);
        bytes memory call = _handleCall(0, _slice(0, 1), none, _approved(1));
        // The number of the first transfer has 64 bits; what lies above them in its word is not looked over.
        call[4] = 0x01;
        (bool success,) = _submitWith(1_000_000, call);
        assertTrue(!success, "refused");
        assertEq(bridge.laneState().handleNonce, 0, "not handled");
    }

    function test_pieces_with_tail_reach_the_same_root_as_at_once() external {
        _requests(6);
        bytes[] memory signatures = _approved(6);
        _submit(0, _slice(0, 2), _tail(2, 6), signatures);
        assertEq(bridge.laneState().handleRoot, _root(2), "first piece");
        _submit(2, _slice(2, 5), _tail(5, 6), signatures);
        assertEq(bridge.laneState().handleRoot, _root(5), "second piece");
        _submit(5, _slice(5, 6), none, signatures);
        assertEq(bridge.laneState().handleRoot, _root(6), "all");
        assertEq(bridge.laneState().recoveryBlockNumber, requests[5].sourceBlock, "recovery block");
        _expectPaid(6);
    }

    function test_tail_is_hashed_and_not_paid() external {
        _requests(4);
        _handleUntil(1);
        _expectPaid(1);
        assertEq(bridge.laneState().handleNonce, 1, "nonce");
    }

    function test_wrong_tail_is_not_approved() external {
        _requests(3);
        bytes[] memory signatures = _approved(3);
        bytes32[] memory tail = _tail(1, 3);
        (tail[0], tail[1]) = (tail[1], tail[0]);
        ValueTransfer[] memory transfers = _slice(0, 1);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, THRESHOLD));
        _submit(0, transfers, tail, signatures);
    }

    function test_nonce_and_root_are_stored_before_the_first_payout() external {
        StateReader reader = new StateReader(bridge);
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(reader), 1);
        _requests(1);
        _configure(abi.encodeCall(bridge.setPairGasCap, (address(0), 2_000_000)));
        _handleAll();
        assertEq(reader.seenNonce(), 2, "nonce");
        assertEq(reader.seenRoot(), _root(2), "root");
    }

    function test_recipient_that_always_reverts_does_not_pin_the_lane() external {
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.Reverts);
        _seedNative(100);
        for (uint256 i = 0; i < 3; ++i) {
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1);
            _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 1);
        }
        _handleAll();
        assertEq(bridge.laneState().handleNonce, 6, "nonce");
        assertEq(bridge.laneState().recoveryBlockNumber, requests[5].sourceBlock, "recovery block");
        assertEq(RECIPIENT.balance, 3, "the others are paid");
        assertEq(bridge.laneState().heldCount, 3, "held");
    }

    function test_more_than_200_requests_are_handled_in_one_call() external {
        _requests(250);
        _handleAll();
        _expectPaid(250);
    }

    function testFuzz_any_split_gives_the_same_root_and_pays_each_once(uint256 count, uint256 seed) external {
        count = bound(count, 1, 12);
        _requests(count);
        while (bridge.laneState().handleNonce < count) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 next = bridge.laneState().handleNonce;
            // From anywhere before, to anywhere after, under any checkpoint from there on.
            uint256 first = bound(seed, 0, next);
            uint256 end = bound(seed >> 64, next + 1, count);
            uint256 signed = bound(seed >> 128, end, count);
            _submit(uint64(first), _slice(first, end), _tail(end, signed), _approved(signed));
            assertEq(bridge.laneState().handleNonce, end, "nonce");
            assertEq(bridge.laneState().handleRoot, _root(end), "root");
        }
        _expectPaid(count);
    }

    // ---- steps ----

    function _recipient(uint256 i) private pure returns (address) {
        return address(uint160(0x10000 + i));
    }

    /// @dev Request i pays i + 1 to a recipient of its own, so that paying twice or the wrong one shows.
    function _requests(uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            _far(Kinds.ERC20, FAR_MINTED, _recipient(i), i + 1, i % 3 == 0 ? bytes("") : abi.encode(i));
        }
    }

    function _expectPaid(uint256 count) private view {
        for (uint256 i = 0; i < requests.length; ++i) {
            assertEq(minted.balanceOf(_recipient(i)), i < count ? i + 1 : 0, "balance");
        }
    }

    function _expectNotDirect(bytes memory result, address sender) private view {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeSubmitterNotDirect.selector, sender);
        assertEq(keccak256(result), keccak256(reason), "reason");
        assertEq(bridge.laneState().handleNonce, 0, "nothing handled");
    }

    function _expectRevert(uint64 given, uint256 first, uint256 end, uint256 signed, bytes memory reason) private {
        ValueTransfer[] memory transfers = _slice(first, end);
        bytes[] memory signatures = _approved(signed);
        vm.expectRevert(reason);
        _submit(given, transfers, none, signatures);
    }
}

/// @title A recipient that remembers what the bridge said while it was paid
contract StateReader {
    IBridge private immutable _bridge;
    uint64 public seenNonce;
    bytes32 public seenRoot;

    constructor(IBridge bridge) {
        _bridge = bridge;
    }

    receive() external payable {
        seenNonce = _bridge.laneState().handleNonce;
        seenRoot = _bridge.laneState().handleRoot;
    }
}

/// @title A submitter that is being made, when it has no code
contract SubmittingConstructor {
    constructor(address to, bytes memory input) {
        (bool success, bytes memory result) = to.call(input);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}

/// @title An honest ERC-20 with hooks, guarded against re-entry
contract GuardedToken is HookToken, ReentrancyGuard {
    function transfer(address to, uint256 value) public override nonReentrant returns (bool) {
        return super.transfer(to, value);
    }
}

/// @title An honest contract account that takes native currency, guarded against re-entry
contract Vault is ReentrancyGuard {
    receive() external payable nonReentrant {}

    function execute(address to, bytes calldata input)
        external
        nonReentrant
        returns (bool success, bytes memory result)
    {
        return to.call(input);
    }
}
