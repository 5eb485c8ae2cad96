// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hold, HoldReason, IBridge, PairState, RequestNonce, ValueTransfer} from "../../src/interfaces/IBridge.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeTest} from "../BridgeTest.sol";
import {FeeToken} from "../contracts/FeeToken.sol";
import {HookToken} from "../contracts/HookToken.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileNFT} from "../contracts/HostileNFT.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestToken} from "../contracts/TestToken.sol";

contract PayoutsTest is BridgeTest {
    address private constant FAR = address(0xFA2);
    /// Enough for everything before the first payout, and too little for it. Unit: gas.
    uint256 private constant LEAST_GAS = 150_000;
    bytes32[] private none;

    // ---- what is paid ----

    function test_native_payout_leaves_the_escrow() external {
        _seedNative(10 ether);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 4 ether);
        _handleAll();
        assertEq(RECIPIENT.balance, 4 ether, "paid");
        assertEq(bridge.pairOf(address(0)).escrow, 6 ether, "escrow");
    }

    function test_locked_erc20_payout_leaves_the_escrow() external {
        _seedToken(10);
        // The counterpart's native currency is a token here: fungible kinds pay each other.
        _far(Kinds.NATIVE, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 4);
        _handleAll();
        assertEq(token.balanceOf(RECIPIENT), 4, "paid");
        assertEq(bridge.pairOf(address(token)).escrow, 6, "escrow");
    }

    function test_minted_erc20_payout_is_counted() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 4);
        _handleAll();
        assertEq(minted.balanceOf(RECIPIENT), 4, "paid");
        assertEq(bridge.pairOf(address(minted)).minted, 4, "minted");
    }

    function test_locked_erc721_payout_leaves_the_escrow() external {
        _lockNFT(5);
        vm.expectEmit(address(bridge));
        emit IBridge.HandleValueTransfer(0, RECIPIENT, address(nft), 5);
        _far(Kinds.ERC721, FAR_NFT, RECIPIENT, 5);
        _handleAll();
        assertEq(nft.ownerOf(5), RECIPIENT, "paid");
        assertEq(bridge.pairOf(address(nft)).escrow, 0, "escrow");
    }

    function test_minted_erc721_payout_is_counted() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, type(uint256).max);
        _handleAll();
        assertEq(mintedNFT.ownerOf(type(uint256).max), RECIPIENT, "paid");
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 1, "minted");
    }

    function test_erc20_that_returns_nothing_is_paid() external {
        HostileToken hostile = _hostile();
        hostile.setBehaviour(Behaviour.ReturnsNothing);
        _far(Kinds.ERC20, FAR, RECIPIENT, 4);
        _handleAll();
        assertEq(bridge.pairOf(address(hostile)).escrow, 6, "a silent contract has consented");
    }

    function test_erc20_that_takes_a_fee_is_paid() external {
        FeeToken fee = new FeeToken(10);
        _configure(_pairCall(Kinds.ERC20, false, address(fee), FAR));
        fee.mint(USER, 1000);
        vm.prank(USER);
        fee.approve(address(bridge), 1000);
        vm.prank(USER);
        bridge.seed(address(fee), 1000);
        _far(Kinds.ERC20, FAR, RECIPIENT, 100);
        _handleAll();
        assertEq(fee.balanceOf(RECIPIENT), 90, "paid");
        assertEq(bridge.pairOf(address(fee)).escrow, 800, "escrow");
        assertEq(fee.balanceOf(address(bridge)), 800, "balance covers the escrow");
    }

    function test_erc721_that_returns_the_id_it_minted_is_paid() external {
        IdNFT returning = new IdNFT();
        _configure(_pairCall(Kinds.ERC721, true, address(returning), FAR));
        _far(Kinds.ERC721, FAR, RECIPIENT, 4);
        _handleAll();
        assertEq(returning.ownerOf(4), RECIPIENT, "paid");
        assertEq(bridge.laneState().heldCount, 0, "held");
        assertEq(bridge.pairOf(address(returning)).minted, 1, "minted");
    }

    // ---- what is held ----

    function test_unknown_kind_is_held() external {
        _expectHeld(3, FAR_MINTED, RECIPIENT, 1, HoldReason.UnknownKind);
        _expectHeld(255, FAR_MINTED, RECIPIENT, 1, HoldReason.UnknownKind);
    }

    function test_unknown_token_is_held_and_counted_once_its_pair_is_registered() external {
        _expectHeld(Kinds.ERC20, FAR, RECIPIENT, 7, HoldReason.UnknownToken);
        HostileToken late = new HostileToken();
        _configure(_pairCall(Kinds.ERC20, false, address(late), FAR));
        assertEq(bridge.pairOf(address(late)).held, 7, "held");
    }

    function test_kind_mismatch_is_held() external {
        _expectHeld(Kinds.ERC721, FAR_MINTED, RECIPIENT, 1, HoldReason.KindMismatch);
        _expectHeld(Kinds.ERC20, FAR_NFT, RECIPIENT, 1, HoldReason.KindMismatch);
        _expectHeld(Kinds.NATIVE, FAR_MINTED_NFT, RECIPIENT, 1, HoldReason.KindMismatch);
    }

    function test_invalid_recipient_is_held() external {
        _expectHeld(Kinds.ERC20, FAR_MINTED, address(0), 1, HoldReason.InvalidRecipient);
        _expectHeld(Kinds.ERC20, FAR_MINTED, address(bridge), 1, HoldReason.InvalidRecipient);
        _expectHeld(Kinds.NATIVE, FAR_OF_NATIVE, address(bridge), 1, HoldReason.InvalidRecipient);
    }

    function test_native_payout_to_a_registered_token_is_held() external {
        WrappedNative wrapped = new WrappedNative();
        _configure(_pairCall(Kinds.ERC20, false, address(wrapped), FAR));
        _seedNative(10);
        _expectHeld(Kinds.NATIVE, FAR_OF_NATIVE, address(wrapped), 4, HoldReason.InvalidRecipient);
        assertEq(wrapped.balanceOf(address(bridge)), 0, "nothing credited to the bridge");
        assertEq(bridge.pairOf(address(0)).escrow, 10, "escrow");
        // Other tokens may be sent to a token, and a token of the other chain is a stranger on this one.
        _far(Kinds.ERC20, FAR_MINTED, address(wrapped), 4);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, FAR_MINTED, 4);
        _handleAll();
        assertEq(minted.balanceOf(address(wrapped)), 4, "paid");
        assertEq(FAR_MINTED.balance, 4, "paid");
    }

    function test_invalid_value_is_held() external {
        uint256 most = type(uint128).max;
        _expectHeld(Kinds.ERC20, FAR_MINTED, RECIPIENT, 0, HoldReason.InvalidValue);
        _expectHeld(Kinds.ERC20, FAR_MINTED, RECIPIENT, most + 1, HoldReason.InvalidValue);
        _expectHeld(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, type(uint256).max, HoldReason.InvalidValue);
        assertEq(bridge.pairOf(address(minted)).held, 0, "what cannot be is not counted");

        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, most);
        _handleAll();
        assertEq(bridge.pairOf(address(minted)).minted, most, "the most there can be");
        _expectHeld(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1, HoldReason.InvalidValue);
    }

    function test_insufficient_escrow_is_held_and_leaves_the_escrow() external {
        _seedToken(10);
        token.mint(address(bridge), 100);
        _expectHeld(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 11, HoldReason.InsufficientEscrow);
        assertEq(bridge.pairOf(address(token)).escrow, 10, "escrow");
        assertEq(bridge.pairOf(address(token)).held, 11, "held");
        assertEq(token.balanceOf(RECIPIENT), 0, "a donation pays nobody");
        _expectHeld(Kinds.ERC721, FAR_NFT, RECIPIENT, 1, HoldReason.InsufficientEscrow);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 10);
        _handleAll();
        assertEq(token.balanceOf(RECIPIENT), 10, "the next one is paid");
    }

    function test_hostile_token_is_held_and_the_lane_goes_on() external {
        HostileToken hostile = _hostile();
        _configure(abi.encodeCall(IBridge.setPairGasCap, (address(hostile), 2_000_000)));
        Behaviour[7] memory behaviours = [
            Behaviour.Reverts,
            Behaviour.BurnsGas,
            Behaviour.ReturnsFalse,
            Behaviour.ReturnsGarbage,
            Behaviour.ReturnsShort,
            Behaviour.RevertsMuch,
            Behaviour.Reverts
        ];
        for (uint256 i = 0; i < behaviours.length; ++i) {
            hostile.setBehaviour(behaviours[i]);
            _expectHeld(Kinds.ERC20, FAR, RECIPIENT, 1, HoldReason.PayoutFailed);
            assertEq(bridge.pairOf(address(hostile)).escrow, 10, "escrow");
            assertEq(bridge.pairOf(address(hostile)).held, i + 1, "held");
        }
    }

    function test_token_without_code_any_more_is_held() external {
        HostileToken hostile = _hostile();
        vm.etch(address(hostile), "");
        _expectHeld(Kinds.ERC20, FAR, RECIPIENT, 1, HoldReason.PayoutFailed);
        _lockNFT(5);
        vm.etch(address(nft), "");
        _expectHeld(Kinds.ERC721, FAR_NFT, RECIPIENT, 5, HoldReason.PayoutFailed);
    }

    function test_hostile_recipient_is_held_and_the_lane_goes_on() external {
        HostileRecipient recipient = new HostileRecipient();
        _configure(abi.encodeCall(IBridge.setPairGasCap, (address(0), 2_000_000)));
        _seedNative(100);
        _lockNFT(5);
        Behaviour[3] memory behaviours = [Behaviour.Reverts, Behaviour.BurnsGas, Behaviour.RevertsMuch];
        for (uint256 i = 0; i < behaviours.length; ++i) {
            recipient.setBehaviour(behaviours[i]);
            _expectHeld(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1, HoldReason.PayoutFailed);
            _expectHeld(Kinds.ERC721, FAR_NFT, address(recipient), 5, HoldReason.PayoutFailed);
            _expectHeld(Kinds.ERC721, FAR_MINTED_NFT, address(recipient), 5, HoldReason.PayoutFailed);
        }
        assertEq(address(recipient).balance, 0, "unpaid");
        assertEq(bridge.pairOf(address(0)).escrow, 100, "escrow");
        assertEq(nft.ownerOf(5), address(bridge), "owner");
    }

    function test_recipient_that_is_no_erc721_receiver_is_held() external {
        _lockNFT(5);
        _expectHeld(Kinds.ERC721, FAR_NFT, address(token), 5, HoldReason.PayoutFailed);
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.ReturnsGarbage);
        _expectHeld(Kinds.ERC721, FAR_NFT, address(recipient), 5, HoldReason.PayoutFailed);
    }

    function test_megabytes_of_answer_are_not_copied() external {
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.ReturnsMuch);
        _configure(abi.encodeCall(IBridge.setPairGasCap, (address(0), 2_000_000)));
        _seedNative(100);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1);
        _handleAll();
        assertEq(address(recipient).balance, 1, "paid all the same");
        // Making the answer costs the recipient 570 000; copying it would cost the bridge as much again.
        assertLe(vm.lastCallGas().gasTotalUsed, 900_000, "gas");
    }

    function test_recipient_hook_that_reverts_is_held() external {
        HookToken hook = new HookToken();
        _configure(_pairCall(Kinds.ERC20, false, address(hook), FAR));
        hook.mint(USER, 10);
        vm.prank(USER);
        hook.approve(address(bridge), 10);
        vm.prank(USER);
        bridge.seed(address(hook), 10);
        HostileRecipient recipient = new HostileRecipient();
        recipient.hookInto(hook);
        recipient.setBehaviour(Behaviour.Reverts);
        _expectHeld(Kinds.ERC20, FAR, address(recipient), 4, HoldReason.PayoutFailed);
        recipient.setBehaviour(Behaviour.BurnsGas);
        _expectHeld(Kinds.ERC20, FAR, address(recipient), 4, HoldReason.PayoutFailed);
        recipient.setBehaviour(Behaviour.Honest);
        _far(Kinds.ERC20, FAR, address(recipient), 4);
        _handleAll();
        assertEq(hook.balanceOf(address(recipient)), 4, "paid");
    }

    function test_erc721_that_burns_all_gas_is_held() external {
        HostileNFT hostile = new HostileNFT();
        _configure(_pairCall(Kinds.ERC721, false, address(hostile), FAR));
        hostile.mint(USER, 1);
        vm.prank(USER);
        hostile.approve(address(bridge), 1);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(hostile), 1, RECIPIENT, USER, "");
        hostile.setBehaviour(Behaviour.BurnsGas);
        _expectHeld(Kinds.ERC721, FAR, RECIPIENT, 1, HoldReason.PayoutFailed);
    }

    // ---- gas ----

    function test_callee_gets_exactly_its_gas_cap() external {
        GasReader reader = new GasReader();
        _seedNative(10);
        for (uint32 cap = 60_000; cap <= 180_000; cap += 60_000) {
            _configure(abi.encodeCall(IBridge.setPairGasCap, (address(0), cap)));
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(reader), 1);
            _handleAll();
            assertTrue(reader.seen() <= cap && reader.seen() > cap - 200, "gas");
        }
    }

    /// @dev Whatever gas a submitter gives: either all is done as with plenty, or nothing is.
    function test_gas_of_the_submitter_never_decides_who_is_held() external {
        Picky picky = _picky();
        bytes memory call = abi.encodeCall(IBridge.handle, (0, _slice(0, 3), none, _approved(3)));
        uint256 refusals;
        for (uint256 gas = LEAST_GAS; gas < 1_000_000; gas += 2_500) {
            (bool success, bytes memory result) = _submitWith(gas, call);
            _expectAllOrNothing(picky, success, result);
            if (success) break;
            ++refusals;
        }
        assertTrue(refusals > 50, "refused for long");
        assertEq(bridge.laneState().handleNonce, 3, "and paid at last");
    }

    function testFuzz_gas_of_the_submitter_never_decides_who_is_held(uint256 gas) external {
        Picky picky = _picky();
        bytes memory call = abi.encodeCall(IBridge.handle, (0, _slice(0, 3), none, _approved(3)));
        (bool success, bytes memory result) = _submitWith(bound(gas, LEAST_GAS, 1_000_000), call);
        _expectAllOrNothing(picky, success, result);
    }

    function test_recipient_that_burns_all_gas_is_held_or_nothing_happens() external {
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.BurnsGas);
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1);
        bytes memory call = abi.encodeCall(IBridge.handle, (0, _slice(0, 1), none, _approved(1)));
        for (uint256 gas = LEAST_GAS; bridge.laneState().handleNonce == 0; gas += 2_500) {
            recipient.setBehaviour(Behaviour.BurnsGas);
            _submitWith(gas, call);
            if (bridge.laneState().heldCount == 0) assertEq(bridge.laneState().handleNonce, 0, "nothing");
            assertLe(gas, 1_000_000, "held at last");
        }
        assertEq(bridge.laneState().heldCount, 1, "held");
    }

    function test_insufficient_gas_names_nonce_and_gas() external {
        Picky picky = _picky();
        _handleUntil(1);
        bytes memory call = abi.encodeCall(IBridge.handle, (1, _slice(1, 3), none, _approved(3)));
        (bool success, bytes memory result) = _submitWith(LEAST_GAS, call);
        assertTrue(!success, "refused");
        (bytes4 selector, uint256 nonce, uint256 gasLeft, uint256 required) = _insufficientGas(result);
        assertTrue(selector == IBridge.BridgeInsufficientGas.selector, "selector");
        assertEq(nonce, 1, "nonce");
        // The cap, what EIP-150 keeps back of it, and 40 000 for the call itself.
        assertEq(required, uint256(GAS_CAP) + GAS_CAP / 63 + 40_000, "required");
        assertTrue(gasLeft < required && gasLeft > LEAST_GAS / 4, "gas left");
        assertEq(address(picky).balance, 1, "nothing more is paid");
    }

    // ---- properties ----

    function testFuzz_no_request_makes_the_lane_stop(
        uint8 kind,
        uint8 tokenPick,
        address to,
        uint256 value,
        bytes calldata extraData
    ) external {
        vm.assume(extraData.length <= 1024);
        // Addresses that the test machinery answers from.
        vm.assume(uint160(to) > 0xFFFF && to != address(vm) && to != RECIPIENT && to.code.length == 0);
        address[6] memory tokens = [FAR_NATIVE_FOR_TOKEN, FAR_OF_NATIVE, FAR_MINTED, FAR_NFT, FAR_MINTED_NFT, FAR];
        _seedToken(type(uint64).max);
        _seedNative(type(uint64).max);
        _far(kind % 5, tokens[tokenPick % 6], to, value, extraData);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        _handleAll();
        assertEq(bridge.laneState().handleNonce, 2, "nonce");
        assertEq(minted.balanceOf(RECIPIENT), 1, "the next one is paid");
    }

    // ---- steps ----

    /// @dev Three requests, by two kinds of call, to recipients that refuse whenever they get less than the cap.
    function _picky() private returns (Picky picky) {
        picky = new Picky(GAS_CAP - 200);
        PickyToken pickyToken = new PickyToken(GAS_CAP - 500);
        _configure(_pairCall(Kinds.ERC20, false, address(pickyToken), FAR));
        pickyToken.mint(USER, 10);
        vm.prank(USER);
        pickyToken.approve(address(bridge), 10);
        vm.prank(USER);
        bridge.seed(address(pickyToken), 10);
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(picky), 1);
        _far(Kinds.ERC20, FAR, RECIPIENT, 1);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(picky), 1);
    }

    function _expectAllOrNothing(Picky picky, bool success, bytes memory result) private view {
        if (!success) {
            (bytes4 selector,,,) = _insufficientGas(result);
            assertTrue(selector == IBridge.BridgeInsufficientGas.selector, "refused for gas");
        }
        assertEq(bridge.laneState().heldCount, 0, "held");
        assertEq(bridge.laneState().handleNonce, success ? 3 : 0, "all or nothing");
        assertEq(address(picky).balance, success ? 2 : 0, "paid");
    }

    function _insufficientGas(bytes memory result)
        private
        pure
        returns (bytes4 selector, uint256 nonce, uint256 gasLeft, uint256 required)
    {
        assertEq(result.length, 4 + 3 * 32, "length of the reason");
        assembly ("memory-safe") {
            selector := mload(add(result, 0x20))
            nonce := mload(add(result, 0x24))
            gasLeft := mload(add(result, 0x44))
            required := mload(add(result, 0x64))
        }
    }

    /// @dev Handles one more request and expects exactly this hold of it.
    function _expectHeld(uint8 kind, address farToken, address to, uint256 value, HoldReason reason) private {
        uint64 nonce = uint64(requests.length);
        _far(kind, farToken, to, value);
        ValueTransfer[] memory transfers = _slice(nonce, nonce + 1);
        bytes[] memory signatures = _approved(nonce + 1);
        vm.expectEmit(address(bridge));
        emit IBridge.ValueTransferHeld(nonce, reason, leaves[nonce]);
        _submit(nonce, transfers, none, signatures);

        Hold[] memory holds = bridge.holds(nonce, 1);
        assertEq(holds.length, 1, "one hold");
        assertEq(RequestNonce.unwrap(holds[0].nonce), nonce, "nonce");
        assertEq(uint256(holds[0].reason), uint256(reason), "reason");
        assertEq(holds[0].leaf, leaves[nonce], "leaf");
        assertEq(holds[0].heldAtBlock, block.number, "block");
        assertEq(bridge.laneState().handleNonce, nonce + 1, "handled");
    }

    function _hostile() private returns (HostileToken hostile) {
        hostile = new HostileToken();
        _configure(_pairCall(Kinds.ERC20, false, address(hostile), FAR));
        hostile.mint(USER, 10);
        vm.prank(USER);
        hostile.approve(address(bridge), 10);
        vm.prank(USER);
        bridge.seed(address(hostile), 10);
    }

    function _lockNFT(uint256 id) private {
        nft.mint(USER, id);
        vm.prank(USER);
        nft.approve(address(bridge), id);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), id, RECIPIENT, USER, "");
    }
}

/// @title A recipient that remembers how much gas it was given, and needs most of it
contract GasReader {
    uint256 public seen;

    receive() external payable {
        seen = gasleft();
        while (gasleft() > 20_000) {}
    }
}

/// @title A recipient that refuses cheaply when it was given less gas than its cap
contract Picky {
    uint256 private immutable _least;

    constructor(uint256 least) {
        _least = least;
    }

    receive() external payable {
        require(gasleft() >= _least, "less than the cap");
    }
}

/// @title An ERC-20 that refuses cheaply when it was given less gas than its cap
contract PickyToken is TestToken {
    uint256 private immutable _least;

    constructor(uint256 least) TestToken("Picky", "PICK", 18) {
        _least = least;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        require(gasleft() >= _least, "less than the cap");
        return super.transfer(to, value);
    }
}

/// @title An ERC-721 that returns the id that it minted
contract IdNFT is TestNFT {
    constructor() TestNFT("Id", "ID") {}

    function safeMint(address to, uint256 id) external returns (uint256) {
        _safeMint(to, id);
        return id;
    }
}

/// @title A wrapped native currency: whoever sends gets a balance
contract WrappedNative is TestToken {
    constructor() TestToken("Wrapped", "WRAP", 18) {}

    receive() external payable {
        _mint(msg.sender, msg.value);
    }
}
