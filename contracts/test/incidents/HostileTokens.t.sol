// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeRequests} from "../../src/interfaces/IBridgeRequests.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {BlacklistToken} from "../contracts/BlacklistToken.sol";
import {FeeToken} from "../contracts/FeeToken.sol";
import {HookToken} from "../contracts/HookToken.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {TestToken} from "../contracts/TestToken.sol";

/// @title Tokens that do not do what ERC-20 says: requests of them, payouts of them, and that nobody else is hurt
contract HostileTokensTest is LaneTest {
    address private constant FAR = address(0xFA2);

    HostileToken private hostile;

    function setUp() public override {
        super.setUp();
        hostile = new HostileToken();
        _registerAndFill(hostile);
    }

    function test_token_that_takes_a_fee_on_transfer() external {
        FeeToken taxed = new FeeToken(10);
        _configure(_pairCall(Kinds.ERC20, false, address(taxed), FAR_UNKNOWN));
        _give(taxed, 200);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(taxed), USER, 90, "");
        _request(taxed, 100);
        assertEq(bridge.pairOf(address(taxed)).escrow, 90, "what arrived, not what was asked for");
        assertEq(taxed.balanceOf(address(bridge)), 90, "balance");
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 90);
        _handleAll();
        assertEq(taxed.balanceOf(RECIPIENT), 81, "the tax of the payout is the recipient's");
        assertEq(bridge.pairOf(address(taxed)).escrow, 0, "escrow");
        assertEq(taxed.balanceOf(address(bridge)), 0, "balance");
    }

    function test_token_that_takes_everything_on_transfer() external {
        FeeToken taxed = new FeeToken(100);
        _configure(_pairCall(Kinds.ERC20, false, address(taxed), FAR_UNKNOWN));
        _give(taxed, 100);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        _request(taxed, 100);
    }

    function test_token_that_reverts() external {
        _expectRequestRefused(Behaviour.Reverts);
        _expectHeldAndReleased(Behaviour.Reverts, HoldReason.PayoutFailed, false);
    }

    function test_token_that_reverts_with_much_data() external {
        _expectRequestRefused(Behaviour.RevertsMuch);
        _expectHeldAndReleased(Behaviour.RevertsMuch, HoldReason.PayoutFailed, false);
    }

    function test_token_that_burns_all_gas() external {
        _expectHeldAndReleased(Behaviour.BurnsGas, HoldReason.PayoutFailed, false);
    }

    function test_token_that_returns_false() external {
        _expectRequestRefused(Behaviour.ReturnsFalse);
        _expectHeldAndReleased(Behaviour.ReturnsFalse, HoldReason.AnswerUnclear, true);
    }

    function test_token_that_returns_garbage() external {
        _expectRequestRefused(Behaviour.ReturnsGarbage);
        _expectHeldAndReleased(Behaviour.ReturnsGarbage, HoldReason.AnswerUnclear, true);
    }

    function test_token_that_returns_less_than_a_word() external {
        _expectHeldAndReleased(Behaviour.ReturnsShort, HoldReason.AnswerUnclear, true);
    }

    function test_token_that_returns_much() external {
        // What it returns begins with a 1, and it moves nothing. A request looks at the balance and brings nothing in.
        hostile.setBehaviour(Behaviour.ReturnsMuch);
        vm.prank(USER);
        (bool success,) = address(bridge)
            .call(abi.encodeCall(IBridgeRequests.requestERC20Transfer, (address(hostile), 10, RECIPIENT, USER, 0, "")));
        assertTrue(!success, "refused");
        // A payout of so much data does not fit under the cap, and no more than a word of it is copied here.
        _expectHeldAndReleased(Behaviour.ReturnsMuch, HoldReason.PayoutFailed, false);
    }

    function test_token_that_returns_nothing() external {
        // As many old tokens do that move what they are told to.
        SilentToken silent = new SilentToken();
        _configure(_pairCall(Kinds.ERC20, false, address(silent), FAR_UNKNOWN));
        silent.mint(USER, 100);
        vm.prank(USER);
        silent.approve(address(bridge), 100);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(silent), 100, RECIPIENT, USER, 0, "");
        assertEq(bridge.pairOf(address(silent)).escrow, 100, "escrow");
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 60);
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 40, "with data");
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "both are paid");
        assertEq(silent.balanceOf(RECIPIENT), 100, "paid");
    }

    function test_token_that_returns_nothing_and_does_nothing() external {
        hostile.setBehaviour(Behaviour.ReturnsNothing);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        _request(hostile, 10);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeZeroValue.selector));
        vm.prank(USER);
        bridge.seed(address(hostile), 10);
    }

    function test_token_that_reenters_in_a_request() external {
        bytes memory again =
            abi.encodeCall(IBridgeRequests.requestERC20Transfer, (address(hostile), 10, RECIPIENT, USER, 0, ""));
        hostile.setReentry(address(bridge), again);
        _request(hostile, 10);
        assertTrue(hostile.reentries() == 1 && !hostile.reentrySucceeded(), "refused within");
        assertEq(bridge.laneState().requestNonce, 1, "one request");
        assertEq(bridge.pairOf(address(hostile)).escrow, 110, "escrow");
    }

    function test_token_that_reenters_through_its_callback() external {
        // It says, while it is being pulled, that the same units came by themselves.
        bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
        hostile.setReentry(address(bridge), abi.encodeCall(bridge.onTransferReceived, (USER, USER, 10, arguments)));
        _request(hostile, 10);
        assertTrue(hostile.reentries() == 1 && !hostile.reentrySucceeded(), "refused within");
        assertEq(bridge.laneState().requestNonce, 1, "one request");
        assertEq(bridge.pairOf(address(hostile)).escrow, 110, "escrow");
    }

    function test_token_that_reenters_in_a_payout() external {
        _far(Kinds.ERC20, FAR, RECIPIENT, 10);
        bytes memory again = _handleCall(0, _slice(0, 1), new bytes32[](0), _approved(1));
        hostile.setReentry(address(bridge), again);
        _handleAll();
        assertTrue(hostile.reentries() == 1 && !hostile.reentrySucceeded(), "refused within");
        assertEq(hostile.balanceOf(RECIPIENT), 10, "paid once");
        assertEq(bridge.pairOf(address(hostile)).escrow, 90, "escrow");
    }

    function test_token_without_code() external {
        vm.etch(address(hostile), "");
        _far(Kinds.ERC20, FAR, RECIPIENT, 10);
        _far(Kinds.ERC20, FAR, RECIPIENT, 10, "with data");
        _handleAll();
        _expectHeld(0, HoldReason.AnswerUnclear);
        _expectHeld(1, HoldReason.PayoutFailed);
        assertEq(bridge.pairOf(address(hostile)).escrow, 100, "escrow");
    }

    function test_token_that_blacklists_the_recipient() external {
        BlacklistToken black = _blacklist();
        black.setRefused(RECIPIENT, true);
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 10);
        _far(Kinds.ERC20, FAR_UNKNOWN, USER, 10);
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
        assertEq(black.balanceOf(USER), 110, "the next one is paid");
        _expectReleaseFails(0, HoldReason.PayoutFailed);
        black.setRefused(RECIPIENT, false);
        _release(0);
        assertEq(black.balanceOf(RECIPIENT), 10, "released");
    }

    function test_token_that_blacklists_the_bridge() external {
        BlacklistToken black = _blacklist();
        black.setRefused(address(bridge), true);
        vm.expectRevert(abi.encodeWithSelector(BlacklistToken.Blacklisted.selector, address(bridge)));
        _request(black, 10);
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 10);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 10);
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
        assertEq(minted.balanceOf(RECIPIENT), 10, "other tokens are paid");
        // What cannot be paid here is paid back there.
        _mine(REFUND_DELAY);
        _refund(0, _unsigned());
        assertEq(bridge.pairOf(address(black)).escrow, 100, "escrow");
    }

    function test_token_with_hooks_that_reenter_on_sending() external {
        (HookToken hooked, HostileRecipient holder) = _hooked();
        hooked.mint(address(holder), 100);
        bytes memory request =
            abi.encodeCall(IBridgeRequests.requestERC20Transfer, (address(hooked), 50, RECIPIENT, USER, 0, ""));
        holder.execute(address(hooked), 0, abi.encodeCall(hooked.approve, (address(bridge), 100)));
        holder.setReentry(address(bridge), request);
        holder.execute(address(bridge), 0, request);
        assertTrue(holder.reentries() == 1 && !holder.reentrySucceeded(), "refused within");
        assertEq(bridge.laneState().requestNonce, 1, "one request");
        assertEq(bridge.pairOf(address(hooked)).escrow, 150, "escrow");
        assertEq(hooked.balanceOf(address(bridge)), 150, "balance");
    }

    function test_token_with_hooks_that_refuse_on_receiving() external {
        (HookToken hooked, HostileRecipient holder) = _hooked();
        holder.setBehaviour(Behaviour.Reverts);
        _far(Kinds.ERC20, FAR_UNKNOWN, address(holder), 10);
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 10);
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
        assertEq(hooked.balanceOf(RECIPIENT), 10, "the next one is paid");
        holder.setBehaviour(Behaviour.BurnsGas);
        _expectReleaseFails(0, HoldReason.PayoutFailed);
        holder.setBehaviour(Behaviour.Honest);
        _release(0);
        assertEq(hooked.balanceOf(address(holder)), 10, "released");
    }

    function test_token_with_hooks_that_send_back_while_a_request_is_measured() external {
        // The holder adds to the bridge's balance while the bridge looks: more arrives than was asked for, and counts once.
        (HookToken hooked, HostileRecipient holder) = _hooked();
        hooked.mint(address(holder), 50);
        hooked.mint(address(this), 30);
        hooked.approve(address(holder), 30);
        holder.execute(address(hooked), 0, abi.encodeCall(hooked.approve, (address(bridge), 50)));
        holder.setReentry(address(hooked), abi.encodeCall(hooked.transferFrom, (address(this), address(bridge), 30)));
        holder.execute(
            address(bridge),
            0,
            abi.encodeCall(IBridgeRequests.requestERC20Transfer, (address(hooked), 50, RECIPIENT, USER, 0, ""))
        );
        assertEq(bridge.pairOf(address(hooked)).escrow, 180, "what arrived");
        assertEq(hooked.balanceOf(address(bridge)), 180, "balance");
    }

    // ---- steps ----

    /// @dev Registers a token that locks, with an escrow of 100, and gives USER 100 that are approved.
    function _registerAndFill(TestToken near) private {
        _configure(_pairCall(Kinds.ERC20, false, address(near), FAR));
        near.mint(address(this), 100);
        near.approve(address(bridge), 100);
        bridge.seed(address(near), 100);
        _give(near, 100);
    }

    function _blacklist() private returns (BlacklistToken black) {
        black = new BlacklistToken();
        _configure(_pairCall(Kinds.ERC20, false, address(black), FAR_UNKNOWN));
        black.mint(address(this), 100);
        black.approve(address(bridge), 100);
        bridge.seed(address(black), 100);
        _give(black, 100);
    }

    function _hooked() private returns (HookToken hooked, HostileRecipient holder) {
        hooked = new HookToken();
        holder = new HostileRecipient();
        _configure(_pairCall(Kinds.ERC20, false, address(hooked), FAR_UNKNOWN));
        hooked.mint(address(this), 100);
        hooked.approve(address(bridge), 100);
        bridge.seed(address(hooked), 100);
        holder.hookInto(hooked);
    }

    function _give(TestToken near, uint256 amount) private {
        near.mint(USER, amount);
        vm.prank(USER);
        near.approve(address(bridge), amount);
    }

    function _request(TestToken near, uint256 amount) private {
        vm.prank(USER);
        bridge.requestERC20Transfer(address(near), amount, RECIPIENT, USER, 0, "");
    }

    function _expectRequestRefused(Behaviour behaviour) private {
        hostile.setBehaviour(behaviour);
        vm.prank(USER);
        (bool success, bytes memory result) = address(bridge)
            .call(abi.encodeCall(IBridgeRequests.requestERC20Transfer, (address(hostile), 10, RECIPIENT, USER, 0, "")));
        assertTrue(!success, "refused");
        // A refusal is the token's own, or that of the library that reads its answer; a revert with nothing is neither.
        assertTrue(result.length >= 4, "for a reason");
        assertEq(bridge.laneState().requestNonce, 0, "no request");
        assertEq(bridge.pairOf(address(hostile)).escrow, 100, "escrow");
    }

    /// @dev A payout is held, others go on, and it is released once the token behaves.
    function _expectHeldAndReleased(Behaviour behaviour, HoldReason reason, bool byThreshold) private {
        hostile.setBehaviour(behaviour);
        uint64 nonce = uint64(requests.length);
        _far(Kinds.ERC20, FAR, RECIPIENT, 10);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 10);
        _handleAll();
        _expectHeld(nonce, reason);
        assertEq(minted.balanceOf(RECIPIENT), 10, "others are paid");
        assertEq(bridge.pairOf(address(hostile)).escrow, 100, "escrow");
        hostile.setBehaviour(Behaviour.Honest);
        _release(nonce, byThreshold ? _decided(RELEASE, nonce) : _unsigned());
        assertEq(hostile.balanceOf(RECIPIENT), 10, "released");
        assertEq(bridge.pairOf(address(hostile)).escrow, 90, "escrow");
    }
}

/// @title An ERC-20 from before functions returned anything
contract SilentToken {
    uint8 public constant decimals = 18;
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function approve(address spender, uint256 value) external {
        allowance[msg.sender][spender] = value;
    }

    function transfer(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        allowance[from][msg.sender] -= value;
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}
