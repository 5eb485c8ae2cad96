// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridge, PairState, ValueTransfer} from "../../src/interfaces/IBridge.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeTest} from "../BridgeTest.sol";
import {FeeToken} from "../contracts/FeeToken.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileNFT} from "../contracts/HostileNFT.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestToken} from "../contracts/TestToken.sol";

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

contract RequestsTest is BridgeTest {
    address private constant FAR = address(0xFA2);
    address private constant REFUND = address(0x4EF);

    function setUp() public override {
        super.setUp();
        vm.deal(USER, 1000 ether);
        token.mint(USER, 1000);
        vm.prank(USER);
        token.approve(address(bridge), type(uint256).max);
        vm.prank(USER);
        minted.approve(address(bridge), type(uint256).max);
        vm.prank(USER);
        nft.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        mintedNFT.setApprovalForAll(address(bridge), true);
        nft.mint(USER, 9);
    }

    // ---- native ----

    function test_native_request_enters_the_escrow_and_the_root() external {
        vm.roll(4321);
        ValueTransfer memory expected =
            ValueTransfer(Kinds.NATIVE, 4321, address(0), USER, RECIPIENT, REFUND, 3 ether, "hello");
        bytes32 root = bridge.laneState().requestRoot;
        vm.expectEmit(address(bridge));
        emit IBridge.RequestValueTransfer(0, USER, RECIPIENT, Kinds.NATIVE, address(0), REFUND, 3 ether, "hello");
        vm.prank(USER);
        uint64 nonce = bridge.requestNativeTransfer{value: 3 ether}(RECIPIENT, REFUND, "hello");

        assertEq(nonce, 0, "nonce");
        assertEq(bridge.laneState().requestNonce, 1, "next nonce");
        assertEq(bridge.laneState().requestRoot, keccak256(abi.encode(root, _leaf(0, expected))), "root");
        assertEq(bridge.pairOf(address(0)).escrow, 3 ether, "escrow");
        assertEq(address(bridge).balance, 3 ether, "balance");
    }

    function test_plain_send_goes_to_the_sender_itself() external {
        vm.expectEmit(address(bridge));
        emit IBridge.RequestValueTransfer(0, USER, USER, Kinds.NATIVE, address(0), USER, 1 ether, "");
        _plainSend(USER, 1 ether);
        assertEq(bridge.pairOf(address(0)).escrow, 1 ether, "escrow");
    }

    function test_plain_send_of_a_contract_is_refused() external {
        HostileRecipient sender = new HostileRecipient();
        vm.deal(address(sender), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePlainSendFromContract.selector, address(sender)));
        sender.execute(address(bridge), 1 ether, "");
    }

    function test_plain_send_of_an_account_with_delegated_code_is_refused() external {
        vm.etch(USER, hex"00");
        vm.prank(USER, USER);
        (bool success, bytes memory result) = address(bridge).call{value: 1}("");
        assertTrue(!success && bytes4(result) == IBridge.BridgePlainSendFromContract.selector, "refused");
    }

    function test_plain_send_of_a_contract_under_construction_is_refused() external {
        vm.deal(address(this), 1 ether);
        vm.expectPartialRevert(IBridge.BridgePlainSendFromContract.selector);
        new Constructing{value: 1 ether}(address(bridge));
    }

    function test_unknown_call_is_refused() external {
        vm.prank(USER);
        (bool success,) = address(bridge).call{value: 1}(hex"12345678");
        assertTrue(!success, "no fallback takes value");
    }

    // ---- ERC-20 ----

    function test_erc20_request_of_a_lock_pair_enters_the_escrow() external {
        vm.expectEmit(address(bridge));
        emit IBridge.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(token), REFUND, 40, "");
        _requestToken(40);
        assertEq(bridge.pairOf(address(token)).escrow, 40, "escrow");
        assertEq(bridge.pairOf(address(token)).minted, 0, "minted");
        assertEq(token.balanceOf(address(bridge)), 40, "balance");
        assertEq(_requestToken(2), 1, "second nonce");
    }

    function test_erc20_request_of_a_mint_pair_burns() external {
        _payMinted(50);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(minted), 20, RECIPIENT, REFUND, "");
        assertEq(bridge.pairOf(address(minted)).minted, 30, "minted");
        assertEq(bridge.pairOf(address(minted)).escrow, 0, "escrow");
        assertEq(minted.totalSupply(), 30, "supply");
        assertEq(minted.balanceOf(address(bridge)), 0, "balance");
    }

    function test_erc20_request_counts_what_was_received() external {
        FeeToken fee = new FeeToken(10);
        _register(Kinds.ERC20, false, address(fee));
        fee.mint(USER, 100);
        vm.prank(USER);
        fee.approve(address(bridge), 100);
        vm.expectEmit(address(bridge));
        emit IBridge.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC20, address(fee), REFUND, 90, "");
        vm.prank(USER);
        bridge.requestERC20Transfer(address(fee), 100, RECIPIENT, REFUND, "");
        assertEq(bridge.pairOf(address(fee)).escrow, 90, "escrow");
    }

    function test_donation_is_credited_to_nobody() external {
        token.mint(address(bridge), 500);
        _requestToken(1);
        assertEq(bridge.pairOf(address(token)).escrow, 1, "escrow");
        assertEq(token.balanceOf(address(bridge)), 501, "balance");
    }

    function test_erc20_request_of_which_nothing_arrives_is_refused() external {
        FeeToken all = new FeeToken(100);
        _register(Kinds.ERC20, false, address(all));
        all.mint(USER, 5);
        vm.prank(USER);
        all.approve(address(bridge), 5);
        _refuse(address(all), 5, abi.encodeWithSelector(IBridge.BridgeZeroValue.selector));
    }

    function test_erc20_request_without_allowance_is_refused() external {
        vm.prank(USER);
        token.approve(address(bridge), 0);
        vm.expectPartialRevert(bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)")));
        vm.prank(USER);
        bridge.requestERC20Transfer(address(token), 1, RECIPIENT, REFUND, "");
    }

    function test_erc20_that_returns_false_is_refused() external {
        HostileToken hostile = _hostileToken(false);
        hostile.setBehaviour(Behaviour.ReturnsFalse);
        vm.expectPartialRevert(bytes4(keccak256("SafeERC20FailedOperation(address)")));
        vm.prank(USER);
        bridge.requestERC20Transfer(address(hostile), 5, RECIPIENT, REFUND, "");
    }

    function test_erc20_that_moves_nothing_and_says_nothing_is_refused() external {
        HostileToken hostile = _hostileToken(false);
        hostile.setBehaviour(Behaviour.ReturnsNothing);
        _refuse(address(hostile), 5, abi.encodeWithSelector(IBridge.BridgeZeroValue.selector));
    }

    function test_pause_within_a_request_stays() external {
        HostileToken hostile = _hostileToken(false);
        bytes memory signature = _sign(OPERATOR_KEY, _pauseDigest(0));
        hostile.setReentry(address(bridge), abi.encodeCall(IBridge.pause, (0, signature)));
        vm.prank(USER);
        bridge.requestERC20Transfer(address(hostile), 5, RECIPIENT, REFUND, "");
        assertTrue(hostile.reentrySucceeded(), "paused");
        assertTrue(bridge.laneState().paused, "still paused");
    }

    function test_minting_token_that_does_not_burn_is_refused() external {
        HostileToken hostile = _hostileToken(true);
        _far(Kinds.ERC20, FAR, RECIPIENT, 100);
        _handleAll();
        _refuse(address(hostile), 5, abi.encodeWithSelector(IBridge.BridgePairInvalid.selector, address(hostile), FAR));
    }

    function test_more_than_was_minted_is_refused() external {
        BurnableToken foreign = new BurnableToken();
        _register(Kinds.ERC20, true, address(foreign));
        foreign.mint(USER, 10);
        vm.prank(USER);
        foreign.approve(address(bridge), 10);
        _refuse(address(foreign), 10, abi.encodeWithSelector(IBridge.BridgeValueTooLarge.selector, 10));
    }

    function test_value_beyond_128_bits_is_refused() external {
        uint256 most = type(uint128).max;
        TestToken big = new TestToken("Big", "BIG", 18);
        _register(Kinds.ERC20, false, address(big));
        big.mint(USER, type(uint256).max);
        vm.prank(USER);
        big.approve(address(bridge), type(uint256).max);
        _refuse(address(big), most + 1, abi.encodeWithSelector(IBridge.BridgeValueTooLarge.selector, most + 1));
        vm.prank(USER);
        bridge.requestERC20Transfer(address(big), most, RECIPIENT, REFUND, "");
        _refuse(address(big), 1, abi.encodeWithSelector(IBridge.BridgeValueTooLarge.selector, 1));
        assertEq(bridge.pairOf(address(big)).escrow, most, "escrow");
    }

    function test_native_value_beyond_128_bits_is_refused() external {
        uint256 value = uint256(type(uint128).max) + 1;
        vm.deal(USER, value);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeValueTooLarge.selector, value));
        vm.prank(USER);
        bridge.requestNativeTransfer{value: value}(RECIPIENT, REFUND, "");
    }

    // ---- ERC-721 ----

    function test_erc721_request_of_a_lock_pair_keeps_the_token() external {
        vm.expectEmit(address(bridge));
        emit IBridge.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC721, address(nft), REFUND, 9, "");
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), 9, RECIPIENT, REFUND, "");
        assertEq(nft.ownerOf(9), address(bridge), "owner");
        assertEq(bridge.pairOf(address(nft)).escrow, 1, "escrow");
    }

    function test_erc721_request_of_a_mint_pair_burns() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, USER, 3);
        _handleAll();
        vm.prank(USER);
        bridge.requestERC721Transfer(address(mintedNFT), 3, RECIPIENT, REFUND, "");
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 0, "minted");
        assertEq(mintedNFT.balanceOf(address(bridge)), 0, "burnt");
    }

    function test_erc721_of_another_owner_is_refused() external {
        nft.mint(REFUND, 10);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeNotTokenOwner.selector, address(nft), 10));
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), 10, RECIPIENT, REFUND, "");
    }

    function test_erc721_that_the_bridge_keeps_is_credited_to_nobody() external {
        nft.mint(address(bridge), 11);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeNotTokenOwner.selector, address(nft), 11));
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), 11, RECIPIENT, REFUND, "");
    }

    function test_erc721_that_does_not_arrive_is_refused() external {
        HostileNFT hostile = new HostileNFT();
        _register(Kinds.ERC721, false, address(hostile));
        hostile.mint(USER, 1);
        hostile.setBehaviour(Behaviour.ReturnsNothing);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeNotTokenOwner.selector, address(hostile), 1));
        vm.prank(USER);
        bridge.requestERC721Transfer(address(hostile), 1, RECIPIENT, REFUND, "");
    }

    function test_minting_erc721_that_does_not_burn_is_refused() external {
        KeepingNFT keeping = new KeepingNFT();
        _register(Kinds.ERC721, true, address(keeping));
        _far(Kinds.ERC721, FAR, USER, 3);
        _handleAll();
        vm.prank(USER);
        keeping.approve(address(bridge), 3);
        bytes memory request =
            abi.encodeCall(IBridge.requestERC721Transfer, (address(keeping), 3, RECIPIENT, REFUND, ""));
        vm.prank(USER);
        (bool success, bytes memory result) = address(bridge).call(request);
        bytes memory reason = abi.encodeWithSelector(IBridge.BridgePairInvalid.selector, address(keeping), FAR);
        assertTrue(!success && keccak256(result) == keccak256(reason), "refused");
        assertEq(keeping.ownerOf(3), USER, "still the user's");

        // What was sent to nobody is as good as burnt.
        keeping.setGraveyard(address(0xdead));
        vm.prank(USER);
        bridge.requestERC721Transfer(address(keeping), 3, RECIPIENT, REFUND, "");
        assertEq(bridge.pairOf(address(keeping)).minted, 0, "minted");
    }

    function test_stray_safe_transfer_is_refused() external {
        vm.expectPartialRevert(bytes4(keccak256("ERC721InvalidReceiver(address)")));
        vm.prank(USER);
        nft.safeTransferFrom(USER, address(bridge), 9);
    }

    // ---- what every request checks ----

    function test_requests_before_wiring_are_refused() external {
        _freshBridge();
        _refuseAll(abi.encodeWithSelector(IBridge.BridgeNotWired.selector));
        vm.prank(USER, USER);
        (bool success, bytes memory result) = address(bridge).call{value: 1}("");
        assertTrue(!success && bytes4(result) == IBridge.BridgeNotWired.selector, "plain send");
    }

    function test_requests_while_paused_are_refused() external {
        _pause();
        _refuseAll(abi.encodeWithSelector(IBridge.BridgePaused.selector, 0));
        vm.prank(USER, USER);
        (bool success, bytes memory result) = address(bridge).call{value: 1}("");
        assertTrue(!success && bytes4(result) == IBridge.BridgePaused.selector, "plain send");
    }

    function test_zero_value_is_refused() external {
        bytes memory reason = abi.encodeWithSelector(IBridge.BridgeZeroValue.selector);
        vm.expectRevert(reason);
        bridge.requestNativeTransfer(RECIPIENT, REFUND, "");
        _refuse(address(token), 0, reason);
        vm.expectRevert(reason);
        bridge.seed(address(token), 0);
        vm.prank(USER, USER);
        (bool success,) = address(bridge).call("");
        assertTrue(!success, "plain send");
    }

    function test_unknown_token_is_refused() external {
        _refuse(FAR, 1, abi.encodeWithSelector(IBridge.BridgePairUnknown.selector, FAR));
    }

    function test_kind_of_the_pair_is_checked() external {
        _refuse(
            address(nft), 9, abi.encodeWithSelector(IBridge.BridgeKindMismatch.selector, address(nft), 2, Kinds.ERC20)
        );
        _refuse(address(0), 9, abi.encodeWithSelector(IBridge.BridgeKindMismatch.selector, address(0), 0, Kinds.ERC20));
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeKindMismatch.selector, address(token), 1, Kinds.ERC721));
        vm.prank(USER);
        bridge.requestERC721Transfer(address(token), 9, RECIPIENT, REFUND, "");
    }

    function test_recipient_is_never_zero_a_bridge_or_a_registered_token() external {
        address[6] memory refused =
            [address(0), address(bridge), COUNTERPART, address(token), address(minted), FAR_MINTED];
        for (uint256 i = 0; i < refused.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IBridge.BridgeInvalidRecipient.selector, refused[i]);
            _refuseTo(refused[i], REFUND, reason);
        }
    }

    function test_account_to_refund_is_never_zero_this_bridge_or_a_registered_token() external {
        address[3] memory refused = [address(0), address(bridge), address(minted)];
        for (uint256 i = 0; i < refused.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IBridge.BridgeInvalidRefundTo.selector, refused[i]);
            _refuseTo(RECIPIENT, refused[i], reason);
        }
        // Addresses of the other chain mean nothing on this one.
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(RECIPIENT, COUNTERPART, "");
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(RECIPIENT, FAR_MINTED, "");
    }

    function test_extra_data_are_bounded() external {
        bytes memory reason = abi.encodeWithSelector(IBridge.BridgeExtraDataTooLong.selector, 1025, 1024);
        bytes memory tooLong = new bytes(1025);
        vm.expectRevert(reason);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(RECIPIENT, REFUND, tooLong);
        vm.expectRevert(reason);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(token), 1, RECIPIENT, REFUND, tooLong);
        vm.expectRevert(reason);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), 9, RECIPIENT, REFUND, tooLong);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(RECIPIENT, REFUND, new bytes(1024));
    }

    // ---- seeding ----

    function test_seed_enters_the_escrow_without_a_request() external {
        vm.expectEmit(address(bridge));
        emit IBridge.LiquiditySeeded(address(token), USER, 30);
        vm.prank(USER);
        bridge.seed(address(token), 30);
        PairState memory pair = bridge.pairOf(address(token));
        assertEq(pair.escrow, 30, "escrow");
        assertEq(pair.seeded, 30, "seeded");
        assertEq(bridge.laneState().requestNonce, 0, "no request");

        vm.prank(USER);
        bridge.seed{value: 2 ether}(address(0), 2 ether);
        assertEq(bridge.pairOf(address(0)).seeded, 2 ether, "native");
    }

    function test_mint_pairs_are_not_seeded() external {
        _payMinted(50);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePairInvalid.selector, address(minted), FAR_MINTED));
        vm.prank(USER);
        bridge.seed(address(minted), 1);
    }

    function test_erc721_pairs_are_not_seeded() external {
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeKindMismatch.selector, address(nft), 2, Kinds.ERC20));
        vm.prank(USER);
        bridge.seed(address(nft), 9);
    }

    function test_seed_takes_exactly_the_native_currency_it_names() external {
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeNativeValueMismatch.selector, 1, 2));
        vm.prank(USER);
        bridge.seed{value: 1}(address(0), 2);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgeNativeValueMismatch.selector, 1, 0));
        vm.prank(USER);
        bridge.seed{value: 1}(address(token), 2);
    }

    // ---- properties ----

    function testFuzz_escrow_and_root_follow_every_request(uint128[8] memory values) external {
        bytes32 root = bridge.laneState().requestRoot;
        uint256 sum;
        for (uint64 i = 0; i < values.length; ++i) {
            uint256 value = bound(values[i], 1, 100 ether);
            sum += value;
            vm.prank(USER);
            bridge.requestNativeTransfer{value: value}(RECIPIENT, REFUND, "");
            ValueTransfer memory transfer =
                ValueTransfer(Kinds.NATIVE, uint64(block.number), address(0), USER, RECIPIENT, REFUND, value, "");
            root = keccak256(abi.encode(root, _leaf(i, transfer)));
        }
        assertEq(bridge.laneState().requestRoot, root, "root");
        assertEq(bridge.pairOf(address(0)).escrow, sum, "escrow");
        assertEq(address(bridge).balance, sum, "balance");
    }

    // ---- steps ----

    function _requestToken(uint256 amount) private returns (uint64) {
        vm.prank(USER);
        return bridge.requestERC20Transfer(address(token), amount, RECIPIENT, REFUND, "");
    }

    function _plainSend(address sender, uint256 value) private {
        vm.prank(sender, sender);
        (bool success,) = address(bridge).call{value: value}("");
        assertTrue(success, "plain send");
    }

    function _payMinted(uint256 amount) private {
        _far(Kinds.ERC20, FAR_MINTED, USER, amount);
        _handleAll();
    }

    function _register(uint8 kind, bool mints, address near) private {
        _configure(_pairCall(kind, mints, near, FAR));
    }

    function _hostileToken(bool mints) private returns (HostileToken hostile) {
        hostile = new HostileToken();
        _register(Kinds.ERC20, mints, address(hostile));
        hostile.mint(USER, 10);
        vm.prank(USER);
        hostile.approve(address(bridge), 10);
    }

    function _refuse(address requested, uint256 amount, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(USER);
        bridge.requestERC20Transfer(requested, amount, RECIPIENT, REFUND, "");
    }

    function _refuseTo(address to, address refundTo, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 1}(to, refundTo, "");
        vm.expectRevert(reason);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(token), 1, to, refundTo, "");
        vm.expectRevert(reason);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), 9, to, refundTo, "");
    }

    function _refuseAll(bytes memory reason) private {
        _refuseTo(RECIPIENT, REFUND, reason);
        vm.expectRevert(reason);
        vm.prank(USER);
        bridge.seed(address(token), 1);
    }
}

/// @title A token that burns, and that others than the bridge have minted
contract BurnableToken is TestToken {
    constructor() TestToken("Burnable", "BURN", 18) {}

    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }
}

/// @title An ERC-721 that buries what it is told to burn, or does nothing
contract KeepingNFT is TestNFT {
    address private _graveyard;

    constructor() TestNFT("Keeping", "KEEP") {}

    function setGraveyard(address graveyard) external {
        _graveyard = graveyard;
    }

    function safeMint(address to, uint256 id) external {
        _safeMint(to, id);
    }

    function burn(uint256 id) external {
        if (_graveyard != address(0)) _transfer(msg.sender, _graveyard, id);
    }
}
